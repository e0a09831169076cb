#include "event/record.h"

#include <string.h>

#include "base/assert.h"
#include "event/canon.h"
#include "ledger.pb-c.h"

_Static_assert((int)RECORD_EVENT == (int)TALLY__RECORD__BODY_EVENT, "kinds");
_Static_assert((int)RECORD_VOID == (int)TALLY__RECORD__BODY_VOID, "kinds");

const char *record_kind_name(enum record_kind kind)
{
    switch (kind) {
    case RECORD_EVENT:
        return "event";
    case RECORD_STATE:
        return "state";
    case RECORD_CONFIG:
        return "config";
    case RECORD_TERM:
        return "term";
    case RECORD_TICK:
        return "tick";
    case RECORD_VOID:
        return "void";
    }
    return "?";
}

/* The parts of an encoded event record; they live as long as the encoding needs them. */
struct event_parts {
    Tally__SequencedEvent event;
    Tally__Decision decision;
    Tally__Signer signers[LIMIT_GENESIS_SIGNERS];
    Tally__Signer *pointers[LIMIT_GENESIS_SIGNERS];
    uint32_t rules[LIMIT_FAILED_RULES];
};

static void encode_event(const struct record *record, struct event_parts *parts)
{
    const struct record_decision *decision = &record->event.decision;

    ASSERT(record->event.signers_count <= LIMIT_GENESIS_SIGNERS);
    ASSERT(decision->failed_rules_count <= LIMIT_FAILED_RULES);
    tally__sequenced_event__init(&parts->event);
    tally__decision__init(&parts->decision);
    for (uint32_t i = 0; i < record->event.signers_count; i++) {
        const struct record_signer *from = &record->event.signers[i];
        Tally__Signer *to = &parts->signers[i];

        tally__signer__init(to);
        to->key_id = canon_data(from->key_id.bytes, 32);
        to->meaning = (Tally__Meaning)from->meaning;
        to->signature = canon_data(from->signature, SIGN_SIGNATURE_BYTES);
        to->batch_size = from->batch_size;
        to->batch_index = from->batch_index;
        parts->pointers[i] = to;
    }
    for (uint32_t i = 0; i < decision->failed_rules_count; i++) {
        parts->rules[i] = decision->failed_rules[i];
    }
    parts->decision.verdict =
        decision->allowed ? TALLY__VERDICT__VERDICT_ALLOW : TALLY__VERDICT__VERDICT_DENY;
    parts->decision.n_failed_rules = decision->failed_rules_count;
    parts->decision.failed_rules = parts->rules;
    parts->decision.policy_version = decision->policy_version;
    if (decision->has_policy_digest) {
        parts->decision.policy_digest = canon_data(decision->policy_digest.bytes, 32);
    }
    parts->event.event = canon_data(record->event.event.data, record->event.event.size);
    parts->event.n_signers = record->event.signers_count;
    parts->event.signers = parts->pointers;
    parts->event.decision = &parts->decision;
    if (record->event.cut)
        parts->event.event_hash = canon_data(record->event.event_hash.bytes, 32);
}

static struct bytes encode_event_record(const struct record *record, Tally__Record *encoded,
                                        struct arena *arena)
{
    struct event_parts *parts = arena_alloc(arena, sizeof *parts);
    struct record cut;
    struct bytes bytes;

    if (parts == NULL) return (struct bytes){0};
    encode_event(record, parts);
    encoded->body_case = TALLY__RECORD__BODY_EVENT;
    encoded->event = &parts->event;
    bytes = canon_pack(encoded, arena);
    if (bytes.data == NULL || record->event.decision.allowed || record->event.cut ||
        bytes.size <= LIMIT_DENIED_LEAF_SIZE) {
        return bytes;
    }
    cut = *record;
    cut.event.cut = true;
    event_hash(record->event.event, &cut.event.event_hash);
    cut.event.event = event_cut(record->event.event, arena);
    if (cut.event.event.data == NULL) return (struct bytes){0};
    encode_event(&cut, parts);
    return canon_pack(encoded, arena);
}

struct bytes record_encode(const struct record *record, struct arena *arena)
{
    Tally__Record encoded = TALLY__RECORD__INIT;
    Tally__StateRoot state = TALLY__STATE_ROOT__INIT;
    Tally__TermStart term = TALLY__TERM_START__INIT;
    Tally__ClockTick tick = TALLY__CLOCK_TICK__INIT;
    Tally__Void void_ = TALLY__VOID__INIT;
    ProtobufCMessage *config = NULL;
    struct bytes bytes;

    encoded.index = record->index;
    encoded.time_ms = record->time_ms;
    encoded.body_case = (Tally__Record__BodyCase)record->kind;
    switch (record->kind) {
    case RECORD_EVENT:
        bytes = encode_event_record(record, &encoded, arena);
        ASSERT(bytes.size <= LIMIT_RECORD_SIZE);
        return bytes;
    case RECORD_STATE:
        state.covers = record->state.covers;
        state.map_root = canon_data(record->state.map_root.bytes, 32);
        state.subjects = record->state.subjects;
        state.taint_pending = record->state.taint_pending;
        encoded.state = &state;
        break;
    case RECORD_CONFIG:
        if (canon_unpack(&tally__config__descriptor, record->config, arena, &config, NULL) !=
            TALLY_OK) {
            return (struct bytes){0};
        }
        encoded.config = (Tally__Config *)config;
        break;
    case RECORD_TERM:
        term.term = record->term.term;
        term.leader = record->term.leader;
        encoded.term = &term;
        break;
    case RECORD_TICK:
        encoded.tick = &tick;
        break;
    case RECORD_VOID:
        void_.block_hash = canon_data(record->void_.block_hash.bytes, 32);
        void_.reason = (Tally__VoidReason)record->void_.reason;
        void_.leader = record->void_.leader;
        void_.head = canon_data(record->void_.head.data, record->void_.head.size);
        encoded.void_ = &void_;
        break;
    }
    bytes = canon_pack(&encoded, arena);
    ASSERT(bytes.size <= LIMIT_RECORD_SIZE);
    return bytes;
}

static enum tally_err malformed(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "the record's %s", what);
    return TALLY_E_MALFORMED;
}

static enum tally_err decode_decision(const Tally__Decision *from, struct arena *arena,
                                      struct record_decision *to, struct tally_diag *diag)
{
    uint16_t *rules;

    if (from == NULL || from->verdict == TALLY__VERDICT__VERDICT_UNSPECIFIED) {
        return malformed(diag, "decision is missing");
    }
    to->allowed = from->verdict == TALLY__VERDICT__VERDICT_ALLOW;
    if (from->n_failed_rules > LIMIT_FAILED_RULES) return malformed(diag, "rules are too many");
    if (to->allowed != (from->n_failed_rules == 0)) {
        return malformed(diag, "verdict and failed rules contradict each other");
    }
    rules = arena_zalloc(arena, from->n_failed_rules, sizeof *rules);
    if (rules == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < from->n_failed_rules; i++) {
        if (from->failed_rules[i] == 0 || from->failed_rules[i] > UINT16_MAX ||
            (i > 0 && from->failed_rules[i] <= from->failed_rules[i - 1])) {
            return malformed(diag, "failed rules are not ascending");
        }
        rules[i] = (uint16_t)from->failed_rules[i];
    }
    to->failed_rules = rules;
    to->failed_rules_count = (uint16_t)from->n_failed_rules;
    to->policy_version = from->policy_version;
    to->has_policy_digest = from->policy_digest.len > 0;
    if (from->policy_digest.len != (from->policy_version == 0 ? 0 : 32)) {
        return malformed(diag, "policy digest must have 32 bytes, and be absent for version 0");
    }
    if (to->has_policy_digest) memcpy(to->policy_digest.bytes, from->policy_digest.data, 32);
    return TALLY_OK;
}

static enum tally_err decode_event(const Tally__SequencedEvent *from, struct arena *arena,
                                   struct record *to, struct tally_diag *diag)
{
    if (from->n_signers == 0 || from->n_signers > LIMIT_GENESIS_SIGNERS) {
        return malformed(diag, "signers are none or too many");
    }
    for (size_t i = 0; i < from->n_signers; i++) {
        const Tally__Signer *signer = from->signers[i];
        struct record_signer *view = &to->event.signers[i];

        if (signer->key_id.len != 32 || signer->signature.len != SIGN_SIGNATURE_BYTES ||
            signer->meaning == TALLY__MEANING__MEANING_UNSPECIFIED || signer->batch_size == 0 ||
            signer->batch_size > LIMIT_BLOCK_EVENTS ||
            signer->batch_index >= signer->batch_size) {
            return malformed(diag, "signer is not well-formed");
        }
        memcpy(view->key_id.bytes, signer->key_id.data, 32);
        memcpy(view->signature, signer->signature.data, SIGN_SIGNATURE_BYTES);
        view->meaning = (uint8_t)signer->meaning;
        view->batch_size = signer->batch_size;
        view->batch_index = signer->batch_index;
    }
    to->event.signers_count = (uint32_t)from->n_signers;
    to->event.event = canon_bytes(from->event);
    if (to->event.event.size > LIMIT_EVENT_SIZE) return malformed(diag, "event is too large");
    to->event.cut = from->event_hash.len > 0;
    if (to->event.cut && from->event_hash.len != 32)
        return malformed(diag, "event hash is no hash");
    if (to->event.cut) {
        memcpy(to->event.event_hash.bytes, from->event_hash.data, 32);
    } else {
        event_hash(to->event.event, &to->event.event_hash);
    }
    const enum tally_err err =
        decode_decision(from->decision, arena, &to->event.decision, diag);

    if (err == TALLY_OK && to->event.cut && to->event.decision.allowed) {
        return malformed(diag, "event was cut, and yet allowed");
    }
    return err;
}

enum tally_err record_decode(struct bytes bytes, struct arena *arena, struct record *ret_record,
                             struct tally_diag *diag)
{
    ProtobufCMessage *message = NULL;
    struct record record = {0};
    const Tally__Record *from;
    enum tally_err err;

    if (bytes.size > LIMIT_RECORD_SIZE) {
        tally_diag_set(diag, "the record has %zu bytes, over the limit of %d", bytes.size,
                       (int)LIMIT_RECORD_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    err = canon_unpack(&tally__record__descriptor, bytes, arena, &message, diag);
    if (err != TALLY_OK) return err;
    from = (const Tally__Record *)message;
    if (from->index > INT64_MAX || from->time_ms > INT64_MAX)
        return malformed(diag, "index or time is out of range");
    record.index = from->index;
    record.time_ms = from->time_ms;
    record.kind = (enum record_kind)from->body_case;
    switch (from->body_case) {
    case TALLY__RECORD__BODY_EVENT:
        err = decode_event(from->event, arena, &record, diag);
        break;
    case TALLY__RECORD__BODY_STATE:
        if (from->state->map_root.len != 32)
            return malformed(diag, "map root has not 32 bytes");
        record.state.covers = from->state->covers;
        memcpy(record.state.map_root.bytes, from->state->map_root.data, 32);
        record.state.subjects = from->state->subjects;
        record.state.taint_pending = from->state->taint_pending;
        break;
    case TALLY__RECORD__BODY_CONFIG:
        record.config = canon_pack(from->config, arena);
        if (record.config.data == NULL) return TALLY_E_NO_MEMORY;
        break;
    case TALLY__RECORD__BODY_TERM:
        record.term.term = from->term->term;
        record.term.leader = from->term->leader;
        break;
    case TALLY__RECORD__BODY_TICK:
        break;
    case TALLY__RECORD__BODY_VOID:
        if (from->void_->block_hash.len != 32 || from->void_->head.len > 64 ||
            from->void_->reason == TALLY__VOID_REASON__VOID_REASON_UNSPECIFIED) {
            return malformed(diag, "void is not well-formed");
        }
        memcpy(record.void_.block_hash.bytes, from->void_->block_hash.data, 32);
        record.void_.reason = (uint8_t)from->void_->reason;
        record.void_.leader = from->void_->leader;
        record.void_.head = canon_bytes(from->void_->head);
        break;
    default: /* a oneof of the generated code: not set */
        return malformed(diag, "body is missing");
    }
    if (err == TALLY_OK) *ret_record = record;
    return err;
}

enum tally_err record_event(const struct record *record, struct arena *arena,
                            struct event *ret_event, struct tally_diag *diag)
{
    struct event event;
    enum tally_err err;

    if (record->kind != RECORD_EVENT) {
        tally_diag_set(diag, "record %llu holds no event but a %s",
                       (unsigned long long)record->index, record_kind_name(record->kind));
        return TALLY_E_INVALID;
    }
    err = record->event.cut ? event_decode_cut(record->event.event, arena, &event, diag)
                            : event_decode(record->event.event, arena, &event, diag);
    if (err != TALLY_OK) return err;
    event.hash = record->event.event_hash;
    *ret_event = event;
    return TALLY_OK;
}
