#include "ledger/ledger_internal.h"

#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"

/* A batch of the block, decoded before anything is applied: whether the *block* is malformed
 * must be known first. */
struct part {
    struct batch batch;         /* fault NONE */
    enum batch_fault fault;     /* else what is wrong; then events are only bytes */
    const struct bytes *events; /* fault set */
    uint32_t events_count;
};

/* VoidReason of proto/ledger.proto beyond enum batch_fault. */
enum { VOID_BLOCK_MALFORMED = 1, VOID_UNKNOWN_KEY = 5 };

static struct ledger_event_result *next_result(struct apply *apply)
{
    return &apply->events[apply->result->events_count++];
}

/* Nothing but a lack of memory may depend on the machine: it must not become a fault. */
static enum tally_err decode_part(struct apply *apply, struct bytes bytes,
                                  struct part *ret_part)
{
    struct ledger *ledger = apply->ledger;
    const struct batch_signer *signers;
    uint32_t signers_count;
    enum tally_err err =
        batch_decode(bytes, &ledger->ledger_id, ledger->block, &ret_part->batch, NULL);

    if (err == TALLY_OK && !apply->verified) {
        err = batch_verify(&ret_part->batch, &ledger->ledger_id, NULL);
    }
    if (err == TALLY_E_NO_MEMORY) return err;
    ret_part->fault = batch_fault(err);
    ret_part->events_count = ret_part->batch.events_count;
    if (err == TALLY_OK) return TALLY_OK;
    return batch_split(bytes, ledger->block, &ret_part->events, &ret_part->events_count,
                       &signers, &signers_count, NULL);
}

/* Errors: TALLY_E_MALFORMED when the body as a whole is; others stop apply. */
static enum tally_err decode_body(struct apply *apply, struct part **ret_parts,
                                  uint32_t *ret_count)
{
    struct arena *arena = apply->ledger->block;
    const struct bytes *batches;
    uint64_t events_count = 0;
    struct part *parts;
    enum tally_err err = block_body_split(apply->body, arena, &batches, ret_count, NULL);

    if (err != TALLY_OK) return err;
    parts = arena_zalloc(arena, *ret_count, sizeof *parts);
    if (parts == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < *ret_count; i++) {
        err = decode_part(apply, batches[i], &parts[i]);
        if (err != TALLY_OK) return err;
        events_count += parts[i].events_count;
        if (events_count > LIMIT_BLOCK_EVENTS) return TALLY_E_TOO_LARGE;
    }
    apply->events = arena_zalloc(apply->ledger->results, events_count, sizeof *apply->events);
    if (apply->events == NULL) return TALLY_E_NO_MEMORY;
    *ret_parts = parts;
    return TALLY_OK;
}

/* Every event of a batch that fails verification becomes a Void record in its place: a batch is
 * atomic, so one bad event or signature condemns all of it. */
static enum tally_err void_events(struct apply *apply, const struct bytes *events,
                                  uint32_t count, uint8_t reason)
{
    for (uint32_t i = 0; i < count; i++) {
        struct ledger_event_result *result = next_result(apply);
        enum tally_err err;

        arena_reset(apply->ledger->scratch, 0);
        event_hash(events[i], &result->event_hash);
        result->outcome = LEDGER_VOID;
        result->index = apply->ledger->applied.size;
        result->time_ms = apply->ledger->applied.time_ms;
        err = ledger_add_void(apply, reason, events[i]);
        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

static enum tally_err void_batch(struct apply *apply, const struct batch *batch, uint8_t reason)
{
    struct bytes *events =
        arena_zalloc(apply->ledger->block, batch->events_count, sizeof *events);

    if (events == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < batch->events_count; i++) events[i] = batch->events[i].bytes;
    return void_events(apply, events, batch->events_count, reason);
}

/* The leaf of one event and where it is: event number `place` of batch number `part`. */
static enum tally_err add_event(struct apply *apply, const struct event *event, uint32_t part,
                                uint32_t place, const struct decide_verdict *verdict,
                                struct record *record)
{
    struct ledger *ledger = apply->ledger;
    uint8_t value[CODEC_LOCATOR_MAX];
    const struct locator locator = {.form = LOCATOR_EVENT,
                                    .time_ms = ledger->applied.time_ms,
                                    .block = apply->header.index,
                                    .batch = (uint16_t)part,
                                    .place = (uint16_t)place,
                                    .allowed = verdict->allowed,
                                    .policy = ledger->policy.version,
                                    .failed_count = verdict->failed_count};
    struct bytes leaf;

    record->index = ledger->applied.size;
    record->time_ms = ledger->applied.time_ms;
    record->event.event = event->bytes;
    record->event.decision =
        (struct record_decision){.allowed = verdict->allowed,
                                 .failed_rules_count = verdict->failed_count,
                                 .failed_rules = verdict->failed,
                                 .policy_version = ledger->policy.version,
                                 .has_policy_digest = ledger->policy.version > 0,
                                 .policy_digest = ledger->policy.digest};
    for (uint32_t i = 0; i < record->event.signers_count; i++) {
        record->event.signers[i].batch_index = place;
    }
    leaf = record_encode(record, ledger->scratch);
    if (leaf.data == NULL) return TALLY_E_NO_MEMORY;
    return ledger_add_leaf(ledger, leaf, value,
                           codec_locator_put(&locator, verdict->failed, value));
}

static enum tally_err copy_verdict(struct apply *apply, const struct decide_verdict *verdict,
                                   struct ledger_event_result *result)
{
    const size_t size = sizeof *verdict->failed * verdict->failed_count;
    uint16_t *failed = arena_alloc(apply->ledger->results, size);

    if (failed == NULL) return TALLY_E_NO_MEMORY;
    memcpy(failed, verdict->failed, size);
    result->allowed = verdict->allowed;
    result->failed_rules = failed;
    result->failed_rules_count = verdict->failed_count;
    return TALLY_OK;
}

void apply_signers(const struct batch *batch, struct record *record)
{
    record->event.signers_count = batch->signers_count;
    for (uint32_t i = 0; i < batch->signers_count; i++) {
        struct record_signer *signer = &record->event.signers[i];

        signer->key_id = batch->signers[i].key_id;
        signer->meaning = batch->signers[i].meaning;
        signer->batch_size = batch->events_count;
        memcpy(signer->signature, batch->signers[i].signature, SIGN_SIGNATURE_BYTES);
    }
}

enum tally_err apply_event(struct apply *apply, const struct batch *batch, uint32_t part,
                           uint32_t place, struct record *record, struct facts *facts,
                           struct decide_verdict *ret_verdict)
{
    struct ledger *ledger = apply->ledger;
    const struct event *event = &batch->events[place];
    enum tally_err err;

    arena_reset(ledger->scratch, 0);
    err = facts_gather(ledger, batch, event, facts, apply->diag);
    if (err != TALLY_OK) return err;
    decide(&facts->facts, event, ret_verdict);
    err = add_event(apply, event, part, place, ret_verdict, record);
    if (err != TALLY_OK) return err;
    return effects_put(ledger, event, facts, ret_verdict->allowed, apply->diag);
}

/* Decide and record the events of an authentic, new batch. */
static enum tally_err record_batch(struct apply *apply, const struct batch *batch,
                                   uint32_t part, struct facts *facts)
{
    struct ledger *ledger = apply->ledger;
    struct record record = {.kind = RECORD_EVENT};
    enum tally_err err = TALLY_OK;

    apply_signers(batch, &record);
    for (uint32_t i = 0; i < batch->events_count && err == TALLY_OK; i++) {
        const struct event *event = &batch->events[i];
        struct ledger_event_result *result = next_result(apply);
        struct decide_verdict verdict;

        result->event_hash = event->hash;
        result->outcome = LEDGER_RECORDED;
        result->index = ledger->applied.size;
        result->time_ms = ledger->applied.time_ms;
        err = apply_event(apply, batch, part, i, &record, facts, &verdict);
        if (err == TALLY_OK) err = copy_verdict(apply, &verdict, result);
        if (err == TALLY_OK && verdict.allowed && event->type == EVENT_LEDGER_MEMBER_CHANGED) {
            apply->result->pending = arena_copy(ledger->results, facts->next_config);
            apply->result->pending_index = result->index;
            if (apply->result->pending.data == NULL) err = TALLY_E_NO_MEMORY;
        }
    }
    return err;
}

static void refuse_batch(struct apply *apply, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->events_count; i++) {
        struct ledger_event_result *result = next_result(apply);

        result->event_hash = batch->events[i].hash;
        result->outcome = LEDGER_CONFLICT;
    }
}

static enum tally_err apply_batch(struct apply *apply, const struct batch *batch, uint32_t part,
                                  struct facts *facts)
{
    const struct lookup lookup = ledger_lookup_of(apply->ledger);
    enum lookup_known known = LOOKUP_CONFLICT;
    enum tally_err err;

    arena_reset(apply->ledger->scratch, 0);
    err = lookup_authentic(&lookup, batch, NULL);
    if (err == TALLY_E_UNKNOWN_KEY) return void_batch(apply, batch, VOID_UNKNOWN_KEY);
    if (err == TALLY_E_SIGNERS) return void_batch(apply, batch, BATCH_FAULT_SIGNERS);
    if (err == TALLY_OK) err = lookup_batch(&lookup, batch, &known, apply->diag);
    if (err != TALLY_OK) return err;
    switch (known) {
    case LOOKUP_NEW:
        return record_batch(apply, batch, part, facts);
    case LOOKUP_KNOWN:
        err = lookup_results(&lookup, batch, apply->ledger->results,
                             &apply->events[apply->result->events_count], apply->diag);
        apply->result->events_count += batch->events_count;
        return err;
    case LOOKUP_CONFLICT:
        refuse_batch(apply, batch);
        return TALLY_OK;
    }
    UNREACHABLE("enum lookup_known");
}

enum tally_err apply_events(struct apply *apply)
{
    struct part *parts = NULL;
    uint32_t count = 0;
    struct facts *facts;
    enum tally_err err = decode_body(apply, &parts, &count);

    if (err == TALLY_E_MALFORMED || err == TALLY_E_TOO_LARGE) {
        arena_reset(apply->ledger->scratch, 0);
        return ledger_add_void(apply, VOID_BLOCK_MALFORMED, apply->body);
    }
    if (err != TALLY_OK) return err;
    facts = arena_alloc(apply->ledger->block, sizeof *facts);
    if (facts == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < count && err == TALLY_OK; i++) {
        const struct part *part = &parts[i];

        if (part->fault != BATCH_FAULT_NONE) {
            err = void_events(apply, part->events, part->events_count, (uint8_t)part->fault);
        } else {
            err = apply_batch(apply, &part->batch, i, facts);
        }
    }
    apply->result->events = apply->events;
    return err;
}
