#include "ledger/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/genesis.h"
#include "ledger/ledger_internal.h"
#include "ledger/replay_internal.h"

enum { FLUSH_RECORDS = 1024 }; /* about so many between two flushes */

enum tally_err replay_decode(struct bytes leaf, uint64_t index, struct arena *arena,
                             struct replay_item *ret_item, struct tally_diag *diag)
{
    enum tally_err err;

    ret_item->leaf = leaf;
    hash_leaf(leaf.data, leaf.size, &ret_item->hash);
    err = record_decode(leaf, arena, &ret_item->record, diag);
    if (err != TALLY_OK) return err;
    if (ret_item->record.index != index) {
        tally_diag_set(diag, "it says that it is number %" PRIu64, ret_item->record.index);
        return TALLY_E_MISMATCH;
    }
    if (ret_item->record.kind != RECORD_EVENT) return TALLY_OK;
    return record_event(&ret_item->record, arena, &ret_item->event, diag);
}

enum tally_err replay_open(const struct replay_sink *sink, struct ledger_replay **ret_replay)
{
    struct ledger_replay *replay = calloc(1, sizeof *replay);
    enum tally_err err;

    if (replay == NULL) return TALLY_E_NO_MEMORY;
    replay->sink = *sink;
    err = store_mem_open(&replay->store);
    if (err == TALLY_OK) err = arena_open(0, &replay->arena);
    replay->facts = err == TALLY_OK ? malloc(sizeof *replay->facts) : NULL;
    if (replay->facts == NULL) {
        replay_close(replay);
        return TALLY_E_NO_MEMORY;
    }
    *ret_replay = replay;
    return TALLY_OK;
}

void replay_close(struct ledger_replay *replay)
{
    if (replay == NULL) return;
    ledger_close(replay->ledger);
    store_close(replay->store);
    arena_close(replay->arena);
    free(replay->facts);
    free(replay);
}

bool replay_waits(const struct ledger_replay *replay)
{
    return replay->pending_count > 0;
}

uint64_t replay_fault_index(const struct ledger_replay *replay)
{
    return replay->fault;
}

const struct tally_hash *replay_ledger_id(const struct ledger_replay *replay)
{
    ASSERT(replay->ledger != NULL);
    return &replay->ledger->ledger_id;
}

const char *replay_ledger_name(const struct ledger_replay *replay)
{
    ASSERT(replay->ledger != NULL);
    return replay->name;
}

uint64_t replay_size(const struct ledger_replay *replay)
{
    return replay->ledger == NULL ? 0 : replay->ledger->applied.size;
}

void replay_root(const struct ledger_replay *replay, struct tally_hash *ret_root)
{
    ASSERT(replay->ledger != NULL);
    merkle_frontier_root(&replay->ledger->frontier, ret_root);
}

/* Puts become visible to readers of the store, and are not kept for an undo. */
static enum tally_err flush(struct ledger_replay *replay, struct tally_diag *diag)
{
    const struct store_hard_state hard_state = {.commit = 1};
    const struct store_append sync = {.hard_state = &hard_state};
    enum tally_err err = state_flush(replay->ledger->state, diag);

    arena_reset(replay->ledger->results, 0);
    replay->flushed = replay->ledger->applied.size;
    return err == TALLY_OK ? store_append(replay->store, &sync, diag) : err;
}

/* ---- genesis ---- */

static enum tally_err push_genesis(struct ledger_replay *replay, const struct replay_item *item,
                                   struct tally_diag *diag)
{
    struct genesis *genesis = arena_alloc(replay->arena, sizeof *genesis);
    struct tally_hash ledger_id;
    struct bytes file, record, block;
    enum tally_err err;

    if (item->record.kind != RECORD_EVENT || item->event.type != EVENT_LEDGER_GENESIS) {
        tally_diag_set(diag, "a ledger begins with its ledger.genesis event");
        return TALLY_E_MISMATCH;
    }
    file = genesis_unseal(&item->record, &item->event, replay->arena);
    if (genesis == NULL || file.data == NULL) return TALLY_E_NO_MEMORY;
    err = genesis_decode(file, replay->arena, genesis, diag);
    if (err == TALLY_OK)
        err = genesis_seal(genesis, replay->arena, &record, &ledger_id, &block, diag);
    if (err != TALLY_OK) return err;
    if (!bytes_equal(record, item->leaf)) {
        tally_diag_set(diag, "it is not the record that its genesis file seals to");
        return TALLY_E_MISMATCH;
    }
    err = ledger_create_block(replay->store, &ledger_id, block, diag);
    if (err == TALLY_OK) err = ledger_open(replay->store, &replay->ledger, diag);
    if (err != TALLY_OK) return err;
    ASSERT(strlen(genesis->event.genesis.name) < sizeof replay->name);
    memcpy(replay->name, genesis->event.genesis.name, strlen(genesis->event.genesis.name));
    state_decisions_only(replay->ledger->state);
    return TALLY_OK;
}

/* ---- records that are no events ---- */

static enum tally_err differs(struct tally_diag *diag, const char *expected)
{
    tally_diag_set(diag, "it should be %s", expected);
    return TALLY_E_MISMATCH;
}

/* The leader of a term or of a block that became void was a member: ids are given out from 1 on
 * and never again. */
static enum tally_err check_member(struct ledger_replay *replay, uint32_t id,
                                   struct tally_diag *diag)
{
    uint32_t next = 0;
    enum tally_err err = flush(replay, diag);

    if (err == TALLY_OK) err = ledger_read_next_member(replay->store, &next, diag);
    if (err != TALLY_OK) return err;
    if (id > 0 && id < next) return TALLY_OK;
    tally_diag_set(diag, "its leader is member %u; there were members 1 to %u", (unsigned)id,
                   (unsigned)(next - 1));
    return TALLY_E_MISMATCH;
}

static enum tally_err push_state(struct apply *apply, const struct replay_item *item)
{
    char text[64];
    enum tally_err err = apply_boundary(apply);

    if (err != TALLY_OK || hash_equal(&apply->ledger->leaf, &item->hash)) return err;
    (void)snprintf(text, sizeof text,
                   "a StateRoot that covers %" PRIu64 " records, not %" PRIu64,
                   item->record.index, item->record.state.covers);
    if (item->record.state.covers == item->record.index)
        return differs(apply->diag, "a StateRoot without a map root, subjects and taint");
    return differs(apply->diag, text);
}

static enum tally_err push_config(struct apply *apply, const struct replay_item *item)
{
    const struct lookup lookup = ledger_lookup_of(apply->ledger);
    struct bytes_reader reader;
    struct bytes value;
    bool found;
    enum tally_err err =
        lookup_value(&lookup, STORE_META, codec_key_pending(), &found, &value, apply->diag);

    if (err != TALLY_OK) return err;
    reader = bytes_reader(value.data, found ? value.size : 0);
    if (bytes_get_u8(&reader) == 0) {
        tally_diag_set(apply->diag, "no event authorised a new Config here");
        return TALLY_E_MISMATCH;
    }
    const uint64_t by = bytes_get_u64(&reader);
    apply->body = item->record.config;
    err = apply_config(apply);
    if (err != TALLY_OK || hash_equal(&apply->ledger->leaf, &item->hash)) return err;
    tally_diag_set(apply->diag, "it should be the Config that record %" PRIu64 " authorised",
                   by);
    return TALLY_E_MISMATCH;
}

static enum tally_err push_term(struct ledger_replay *replay, struct apply *apply,
                                const struct replay_item *item)
{
    struct record record = item->record;

    if (record.term.term <= replay->term) {
        tally_diag_set(apply->diag,
                       "its term %" PRIu64 " should be above the one before, %" PRIu64,
                       record.term.term, replay->term);
        return TALLY_E_MISMATCH;
    }
    replay->term = record.term.term;
    const enum tally_err err = check_member(replay, record.term.leader, apply->diag);
    return err != TALLY_OK ? err : ledger_add_record(apply->ledger, &record);
}

static enum tally_err push_single(struct ledger_replay *replay, const struct replay_item *item,
                                  struct tally_diag *diag)
{
    struct ledger_block_result result = {0};
    struct apply apply = {.ledger = replay->ledger, .result = &result, .diag = diag};
    struct record record = item->record;
    enum tally_err err;

    arena_reset(replay->ledger->scratch, 0);
    switch (record.kind) {
    case RECORD_STATE:
        return push_state(&apply, item);
    case RECORD_CONFIG:
        return push_config(&apply, item);
    case RECORD_TERM:
        return push_term(replay, &apply, item);
    case RECORD_TICK:
        return ledger_add_record(replay->ledger, &record);
    case RECORD_VOID:
        err = replay_void(replay, item, diag);
        if (err == TALLY_OK) err = check_member(replay, record.void_.leader, diag);
        return err != TALLY_OK ? err : ledger_add_record(replay->ledger, &record);
    case RECORD_EVENT:
        break;
    }
    UNREACHABLE("events are pushed as batches");
}

/* ---- in order ---- */

static enum tally_err push_next(struct ledger_replay *replay, const struct replay_item *item,
                                struct tally_diag *diag)
{
    const bool event = item->record.kind == RECORD_EVENT;
    enum tally_err err = TALLY_OK;

    if (replay->ledger == NULL) return push_genesis(replay, item, diag);
    if (item->record.time_ms < replay->ledger->applied.time_ms) {
        tally_diag_set(diag,
                       "its time %" PRIu64 " should not be before %" PRIu64 ", of the record "
                       "before it",
                       item->record.time_ms, replay->ledger->applied.time_ms);
        return TALLY_E_MISMATCH;
    }
    if (!event && replay->pending_count > 0) {
        tally_diag_set(diag,
                       "it should be event %u of the batch of %" PRIu64 " that began at record "
                       "%" PRIu64,
                       (unsigned)replay->pending_count,
                       replay->pending[0]->record.event.signers[0].batch_size,
                       replay->pending[0]->record.index);
        return TALLY_E_MISMATCH;
    }
    err = replay_void_run(replay, item, diag);
    if (err != TALLY_OK) return err;
    if (replay->pending_count == 0) replay->ledger->applied.time_ms = item->record.time_ms;
    err = event ? replay_event(replay, item, diag) : push_single(replay, item, diag);
    if (err != TALLY_OK || replay->pending_count > 0) return err;
    return replay_size(replay) - replay->flushed < FLUSH_RECORDS ? TALLY_OK
                                                                 : flush(replay, diag);
}

enum tally_err replay_push(struct ledger_replay *replay, const struct replay_item *item,
                           struct tally_diag *diag)
{
    enum tally_err err;

    ASSERT(item->record.index == replay_size(replay) + replay->pending_count);
    replay->fault = item->record.index;
    if (replay->pending_count == 0) arena_reset(replay->arena, 0);
    err = push_next(replay, item, diag);
    replay->last = item->record.kind;
    return err;
}

enum tally_err replay_end(struct ledger_replay *replay, struct tally_diag *diag)
{
    const uint64_t size = replay_size(replay) + replay->pending_count;
    enum tally_err err;

    replay->fault = size == 0 ? 0 : size - 1;
    if (size == 0 || replay->last != RECORD_STATE) {
        tally_diag_set(diag, "the last record of a checkpoint should be a StateRoot");
        return TALLY_E_MISMATCH;
    }
    err = replay_void_run(replay, NULL, diag);
    return err;
}
