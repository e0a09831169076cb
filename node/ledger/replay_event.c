#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "ledger/replay_internal.h"

/* ---- a batch, from its records ---- */

/* Do the records of one batch say the same of it? */
static bool same_batch(const struct record *first, const struct record *record, uint32_t place)
{
    if (record->event.signers_count != first->event.signers_count) return false;
    if (record->time_ms != first->time_ms) return false;
    for (uint32_t i = 0; i < record->event.signers_count; i++) {
        const struct record_signer *a = &first->event.signers[i],
                                   *b = &record->event.signers[i];

        if (!hash_equal(&a->key_id, &b->key_id) || a->meaning != b->meaning ||
            memcmp(a->signature, b->signature, sizeof a->signature) != 0 ||
            b->batch_size != first->event.signers[0].batch_size || b->batch_index != place) {
            return false;
        }
    }
    return true;
}

static enum tally_err check_place(const struct ledger_replay *replay,
                                  const struct replay_item *item, struct tally_diag *diag)
{
    const uint32_t place = replay->pending_count;
    const struct replay_item *first = place == 0 ? item : replay->pending[0];

    if (same_batch(&first->record, &item->record, place)) return TALLY_OK;
    if (place == 0) {
        tally_diag_set(diag, "it should be the first event of its batch, not number %" PRIu64,
                       item->record.event.signers[0].batch_index);
    } else {
        tally_diag_set(diag,
                       "it should be event %u of the batch of %" PRIu64 " that began at record "
                       "%" PRIu64,
                       (unsigned)place, first->record.event.signers[0].batch_size,
                       first->record.index);
    }
    return TALLY_E_MISMATCH;
}

/* The event itself: its ledger, and whether the record's signers are those that it requires. */
static enum tally_err check_signers(const struct ledger_replay *replay,
                                    const struct replay_item *item, struct tally_diag *diag)
{
    const struct record *record = &item->record;
    const struct event *event = &item->event;

    if (!hash_equal(&event->ledger_id, &replay->ledger->ledger_id)) {
        tally_diag_set(diag, "it was made for another ledger, and should be void");
        return TALLY_E_WRONG_LEDGER;
    }
    for (uint32_t i = 0; i < event->signers_count; i++) {
        if (record->event.signers_count == event->signers_count &&
            hash_equal(&event->signers[i].key_id, &record->event.signers[i].key_id) &&
            event->signers[i].meaning == record->event.signers[i].meaning) {
            continue;
        }
        tally_diag_set(diag, "its signers are not those that it requires: it should be void");
        return TALLY_E_SIGNERS;
    }
    return TALLY_OK;
}

/* The signers with the public keys that are enrolled now. */
static enum tally_err find_keys(struct ledger_replay *replay, const struct record *record,
                                struct batch_signer *signers, struct ledger_key *keys,
                                struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(replay->ledger);

    for (uint32_t i = 0; i < record->event.signers_count; i++) {
        const struct record_signer *from = &record->event.signers[i];
        char key_id[65];
        bool found;
        const enum tally_err err =
            lookup_key(&lookup, from->key_id.bytes, &found, &keys[i], diag);

        if (err != TALLY_OK) return err;
        if (!found) {
            bytes_hex(from->key_id.bytes, 32, key_id);
            tally_diag_set(diag, "key %s was not enrolled: it should be void", key_id);
            return TALLY_E_UNKNOWN_KEY;
        }
        signers[i].key_id = from->key_id;
        signers[i].meaning = from->meaning;
        memcpy(signers[i].public_key, keys[i].public_key, SIGN_PUBLIC_BYTES);
        memcpy(signers[i].signature, from->signature, SIGN_SIGNATURE_BYTES);
    }
    return TALLY_OK;
}

static enum tally_err put_events(struct ledger_replay *replay, struct batch *batch)
{
    const uint32_t count = replay->pending_count;
    struct event *events = arena_alloc(replay->arena, count * sizeof *events);
    struct tally_hash *hashes = arena_alloc(replay->arena, count * sizeof *hashes);

    if (events == NULL || hashes == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        events[i] = replay->pending[i]->event;
        hashes[i] = events[i].hash;
    }
    batch->events = events;
    batch->events_count = count;
    merkle_root(hashes, count, &batch->root);
    return TALLY_OK;
}

static enum tally_err give_signatures(struct ledger_replay *replay, const struct batch *batch)
{
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < batch->signers_count && err == TALLY_OK; i++) {
        const struct batch_signer *signer = &batch->signers[i];
        struct replay_signature given = {.index = replay->pending[0]->record.index,
                                         .key_id = signer->key_id};

        memcpy(given.public_key, signer->public_key, sizeof given.public_key);
        memcpy(given.signature, signer->signature, sizeof given.signature);
        batch_message(&replay->ledger->ledger_id, signer->meaning, batch->events_count,
                      &batch->root, given.message);
        err = replay->sink.signature(replay->sink.context, &given);
    }
    return err;
}

/* ---- is it authentic and new? ---- */

/* A cut event has no type, so that the meaning with which its actor must sign is not known. */
static bool cut_authentic(const struct event *event, const struct batch *batch,
                          const struct ledger_key *keys)
{
    bool by_actor = false, by_other = event->on_behalf_of[0] == '\0';

    for (uint32_t i = 0; i < batch->signers_count; i++) {
        if (strcmp(keys[i].principal, event->actor) == 0) by_actor = true;
        if (strcmp(keys[i].principal, event->on_behalf_of) == 0) by_other = true;
    }
    return by_actor && by_other;
}

static enum tally_err check_authentic(struct ledger_replay *replay, const struct batch *batch,
                                      const struct ledger_key *keys, struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(replay->ledger);
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < batch->events_count && err == TALLY_OK; i++) {
        struct batch one = *batch;

        replay->fault = replay->pending[i]->record.index;
        arena_reset(replay->ledger->scratch, 0);
        one.events = &batch->events[i];
        one.events_count = 1;
        if (!replay->pending[i]->record.event.cut) {
            err = lookup_authentic(&lookup, &one, diag);
        } else if (!cut_authentic(&batch->events[i], batch, keys)) {
            tally_diag_set(diag, "its actor, or who it is on behalf of, has not signed");
            err = TALLY_E_SIGNERS;
        }
    }
    return err;
}

static enum tally_err check_new(struct ledger_replay *replay, const struct batch *batch,
                                struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(replay->ledger);
    enum lookup_known known = LOOKUP_CONFLICT;
    enum tally_err err;

    replay->fault = replay->pending[0]->record.index;
    arena_reset(replay->ledger->scratch, 0);
    err = lookup_batch(&lookup, batch, &known, diag);
    if (err != TALLY_OK || known == LOOKUP_NEW) return err;
    tally_diag_set(diag, "an event id of its batch was used before: it should have no record");
    return TALLY_E_CONFLICT;
}

/* ---- the decision ---- */

static void put_rules(const uint16_t *rules, uint32_t count, char *to, size_t size)
{
    size_t used = 0;

    (void)snprintf(to, size, "allow");
    for (uint32_t i = 0; i < count && used < size; i++) {
        const char *before = i == 0 ? "deny: " : ", ";
        const int put =
            rules[i] > RULES_OF_POLICY
                ? snprintf(to + used, size - used, "%srule %u", before, (unsigned)rules[i])
                : snprintf(to + used, size - used, "%s%s", before, decide_rule_name(rules[i]));

        used += put > 0 ? (size_t)put : 0;
    }
}

/* What is wrong with a record whose leaf is not the one that was made again. */
static enum tally_err explain(const struct record *record, const struct decide_verdict *verdict,
                              struct tally_diag *diag)
{
    const struct record_decision *said = &record->event.decision;
    char give[96], say[96];

    if (said->allowed == verdict->allowed &&
        said->failed_rules_count == verdict->failed_count &&
        (said->failed_rules_count == 0 ||
         memcmp(said->failed_rules, verdict->failed,
                sizeof *verdict->failed * verdict->failed_count) == 0)) {
        tally_diag_set(diag,
                       "the decision is right; its policy should be another, or its event cut "
                       "to %d bytes",
                       (int)LIMIT_DENIED_LEAF_SIZE);
        return TALLY_E_MISMATCH;
    }
    put_rules(verdict->failed, verdict->failed_count, give, sizeof give);
    put_rules(said->failed_rules, said->failed_rules_count, say, sizeof say);
    tally_diag_set(diag, "its decision should be '%s', not '%s'", give, say);
    return TALLY_E_MISMATCH;
}

static bool failed(const struct record_decision *decision, uint16_t rule)
{
    for (uint32_t i = 0; i < decision->failed_rules_count; i++) {
        if (decision->failed_rules[i] == rule) return true;
    }
    return false;
}

/* The rules that do not need the payload. */
static enum tally_err check_cut(const struct replay_item *item, const struct facts *facts,
                                const struct ledger_policy *policy, struct tally_diag *diag)
{
    const struct record_decision *said = &item->record.event.decision;
    const struct event *event = &item->event;
    const bool head = event->has_expected_head &&
                      !(facts->facts.subject.has_head &&
                        hash_equal(&facts->facts.subject.head, &event->expected_head));

    if (item->leaf.size > LIMIT_DENIED_LEAF_SIZE) {
        tally_diag_set(diag, "a denied record should have at most %d bytes",
                       (int)LIMIT_DENIED_LEAF_SIZE);
    } else if (failed(said, RULE_KEY_REVOKED) != facts->facts.signer_revoked) {
        tally_diag_set(diag,
                       "a key of it was %srevoked: the rule key_revoked should%s have failed",
                       facts->facts.signer_revoked ? "" : "not ",
                       facts->facts.signer_revoked ? "" : " not");
    } else if (failed(said, RULE_HEAD_MISMATCH) != head) {
        tally_diag_set(diag, "the rule head_mismatch should%s have failed", head ? "" : " not");
    } else if (said->policy_version != policy->version ||
               (policy->version > 0 && !hash_equal(&said->policy_digest, &policy->digest))) {
        tally_diag_set(diag, "the policy in force was version %" PRIu64, policy->version);
    } else if (policy->version == 0 && facts->facts.actor_roles_count == 0 &&
               !failed(said, RULE_ROLE_MISSING)) {
        tally_diag_set(diag, "its actor had no role: the rule role_missing should have failed");
    } else {
        return TALLY_OK;
    }
    return TALLY_E_MISMATCH;
}

static enum tally_err judge_cut(struct ledger_replay *replay, const struct batch *batch,
                                uint32_t place, struct tally_diag *diag)
{
    const struct replay_item *item = replay->pending[place];
    const struct event *event = &batch->events[place];
    uint8_t locator[CODEC_INLINE_HEAD];
    enum tally_err err;

    arena_reset(replay->ledger->scratch, 0);
    err = facts_gather(replay->ledger, batch, event, replay->facts, diag);
    if (err == TALLY_OK) err = check_cut(item, replay->facts, &replay->ledger->policy, diag);
    if (err != TALLY_OK) return err;
    codec_inline_put(item->record.time_ms, locator);
    err = ledger_add_leaf(replay->ledger, item->leaf, locator, sizeof locator);
    return err == TALLY_OK ? effects_put(replay->ledger, event, replay->facts, false, diag)
                           : err;
}

static enum tally_err judge(struct ledger_replay *replay, const struct batch *batch,
                            struct tally_diag *diag)
{
    struct ledger_block_result result = {0};
    struct apply apply = {.ledger = replay->ledger, .result = &result, .diag = diag};
    struct record record = {.kind = RECORD_EVENT};
    enum tally_err err = TALLY_OK;

    apply_signers(batch, &record);
    for (uint32_t i = 0; i < batch->events_count && err == TALLY_OK; i++) {
        const struct replay_item *item = replay->pending[i];
        struct decide_verdict verdict;

        replay->fault = item->record.index;
        if (item->record.event.cut) {
            err = judge_cut(replay, batch, i, diag);
            continue;
        }
        err = apply_event(&apply, batch, 0, i, &record, replay->facts, &verdict);
        if (err == TALLY_OK && !hash_equal(&replay->ledger->leaf, &item->hash))
            err = explain(&item->record, &verdict, diag);
    }
    return err;
}

static enum tally_err finish(struct ledger_replay *replay, struct tally_diag *diag)
{
    const struct record *first = &replay->pending[0]->record;
    struct batch_signer signers[LIMIT_GENESIS_SIGNERS];
    struct ledger_key keys[LIMIT_GENESIS_SIGNERS];
    struct batch batch = {.signers = signers, .signers_count = first->event.signers_count};
    enum tally_err err = put_events(replay, &batch);

    replay->fault = first->index;
    arena_reset(replay->ledger->scratch, 0);
    if (err == TALLY_OK) err = find_keys(replay, first, signers, keys, diag);
    if (err == TALLY_OK) err = check_authentic(replay, &batch, keys, diag);
    if (err == TALLY_OK) err = check_new(replay, &batch, diag);
    if (err == TALLY_OK) err = give_signatures(replay, &batch);
    if (err == TALLY_OK) err = judge(replay, &batch, diag);
    replay->pending_count = 0;
    replay->pending_size = 0;
    return err;
}

enum tally_err replay_event(struct ledger_replay *replay, const struct replay_item *item,
                            struct tally_diag *diag)
{
    enum tally_err err = check_place(replay, item, diag);

    if (err == TALLY_OK) err = check_signers(replay, item, diag);
    if (err != TALLY_OK) return err;
    replay->pending_size += item->record.event.event.size;
    if (replay->pending_size > LIMIT_BLOCK_SIZE) {
        tally_diag_set(diag, "its batch should fit a block of %d bytes", (int)LIMIT_BLOCK_SIZE);
        return TALLY_E_MISMATCH;
    }
    ASSERT(replay->pending_count < LIMIT_BLOCK_EVENTS);
    replay->pending[replay->pending_count++] = item;
    if (replay->pending_count < item->record.event.signers[0].batch_size) return TALLY_OK;
    return finish(replay, diag);
}
