#include "ledger/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/genesis.h"
#include "ledger/ledger_internal.h"

enum { VOID_BLOCK_MALFORMED = 1, VOID_HEAD_SIZE = 64 };

/* ---- leaves ---- */

enum tally_err ledger_add_leaf(struct ledger *ledger, struct bytes leaf, uint8_t *locator,
                               size_t size)
{
    struct merkle_node nodes[MERKLE_LEVELS];
    struct codec_key key;
    struct tally_hash hash;
    enum tally_err err;
    uint32_t count;

    ASSERT(leaf.size > 0 && leaf.size <= LIMIT_RECORD_SIZE);
    hash_leaf(leaf.data, leaf.size, &hash);
    ledger->leaf = hash;
    count = merkle_append(&ledger->frontier, &hash, nodes);
    codec_key_record(ledger->applied.size, &key);
    memcpy(locator, hash.bytes, sizeof hash.bytes);
    err = state_set(ledger->state, STORE_RECORDS, codec_bytes(&key), bytes_of(locator, size));
    for (uint32_t i = 1; /* level 0 is the leaf hash itself */ i < count && err == TALLY_OK;
         i++) {
        codec_key_node(nodes[i].level, nodes[i].index, &key);
        err = state_add(ledger->state, STORE_NODES, codec_bytes(&key),
                        bytes_of(nodes[i].hash.bytes, sizeof nodes[i].hash.bytes));
    }
    ledger->applied.size++;
    ASSERT(ledger->applied.size == ledger->frontier.size);
    return err;
}

enum tally_err ledger_add_record(struct ledger *ledger, struct record *record)
{
    struct bytes leaf;
    uint8_t *value;

    record->index = ledger->applied.size;
    record->time_ms = ledger->applied.time_ms;
    leaf = record_encode(record, ledger->scratch);
    if (leaf.data == NULL) return TALLY_E_NO_MEMORY;
    value = arena_alloc(ledger->scratch, CODEC_INLINE_HEAD + leaf.size);
    if (value == NULL) return TALLY_E_NO_MEMORY;
    codec_inline_put(record->time_ms, value);
    memcpy(value + CODEC_INLINE_HEAD, leaf.data, leaf.size);
    return ledger_add_leaf(ledger, leaf, value, CODEC_INLINE_HEAD + leaf.size);
}

enum tally_err ledger_add_void(struct apply *apply, uint8_t reason, struct bytes thing)
{
    struct record record = {.kind = RECORD_VOID};

    if (thing.size > VOID_HEAD_SIZE) thing.size = VOID_HEAD_SIZE;
    record.void_.block_hash = apply->hash;
    record.void_.reason = reason;
    record.void_.leader = apply->header.leader;
    record.void_.head = thing;
    apply->result->voids_count++;
    return ledger_add_record(apply->ledger, &record);
}

/* ---- blocks ---- */

static enum tally_err apply_term_start(struct apply *apply)
{
    struct record record = {.kind = RECORD_TERM};

    record.term.term = apply->header.term;
    record.term.leader = apply->header.leader;
    return ledger_add_record(apply->ledger, &record);
}

static enum tally_err apply_tick(struct apply *apply)
{
    struct record record = {.kind = RECORD_TICK};

    return ledger_add_record(apply->ledger, &record);
}

/* The records of the block's body. What must be empty and is not, a second genesis, and a
 * Config that no event authorised are Void. */
static enum tally_err apply_body(struct apply *apply)
{
    switch (apply->header.kind) {
    case BLOCK_GENESIS:
        if (apply->header.index == 1) return apply_genesis(apply);
        break;
    case BLOCK_EVENTS:
        return apply_events(apply);
    case BLOCK_TERM_START:
        if (apply->body.size == 0) return apply_term_start(apply);
        break;
    case BLOCK_TICK:
        if (apply->body.size == 0) return apply_tick(apply);
        break;
    case BLOCK_CONFIG:
        return apply_config(apply);
    }
    return ledger_add_void(apply, VOID_BLOCK_MALFORMED, apply->body);
}

/* The derived leaf that ends every checkpoint. Feature level 1 has no map: its root is the
 * empty one. */
enum tally_err apply_boundary(struct apply *apply)
{
    struct ledger *ledger = apply->ledger;
    struct record record = {.kind = RECORD_STATE};
    enum tally_err err;

    record.state.covers = ledger->applied.size;
    err = ledger_add_record(ledger, &record);
    if (err != TALLY_OK) return err;
    ledger->applied.boundary = (struct ledger_boundary){.block = apply->header.index,
                                                        .size = ledger->applied.size,
                                                        .time_ms = ledger->applied.time_ms};
    merkle_frontier_root(&ledger->frontier, &ledger->applied.boundary.root);
    return TALLY_OK;
}

enum tally_err ledger_apply(struct ledger *ledger, struct bytes block, bool verified,
                            struct ledger_block_result *ret_result, struct tally_diag *diag)
{
    struct ledger_block_result result = {.first_record = ledger->applied.size};
    struct apply apply = {
        .ledger = ledger, .verified = verified, .result = &result, .diag = diag};
    enum tally_err err = block_header_decode(block, &apply.header, diag);

    if (err != TALLY_OK) return TALLY_E_INVALID;
    if (apply.header.index != ledger->applied.block + 1 ||
        (apply.header.index == 1 && apply.header.kind != BLOCK_GENESIS)) {
        tally_diag_set(diag, "block %" PRIu64 " does not follow block %" PRIu64,
                       apply.header.index, ledger->applied.block);
        return TALLY_E_INVALID;
    }
    arena_reset(ledger->block, 0);
    arena_reset(ledger->scratch, 0);
    block_hash(&apply.header, &apply.hash);
    apply.body = block_body(block);
    if (apply.header.time_ms > ledger->applied.time_ms) {
        ledger->applied.time_ms = apply.header.time_ms;
    }
    err = apply_body(&apply);
    if (err == TALLY_OK && apply.header.boundary) err = apply_boundary(&apply);
    if (err != TALLY_OK) return err;
    ledger->applied.block = apply.header.index;
    result.block = apply.header.index;
    result.size = ledger->applied.size;
    result.time_ms = ledger->applied.time_ms;
    result.boundary = apply.header.boundary;
    if (result.boundary) result.root = ledger->applied.boundary.root;
    *ret_result = result;
    return TALLY_OK;
}

enum tally_err ledger_flush(struct ledger *ledger, struct tally_diag *diag)
{
    uint8_t value[CODEC_APPLIED_SIZE];
    enum tally_err err;

    arena_reset(ledger->results, 0);
    /* A block may leave no record and yet be applied: retries, refused batches. */
    if (ledger->applied.block == ledger->flushed) return TALLY_OK;
    codec_applied_put(&ledger->applied, value);
    err = state_set(ledger->state, STORE_META, codec_key_applied(),
                    bytes_of(value, sizeof value));
    if (err == TALLY_OK) err = state_flush(ledger->state, diag);
    if (err == TALLY_OK) ledger->flushed = ledger->applied.block;
    return err;
}

uint64_t ledger_applied(const struct ledger *ledger)
{
    return ledger->applied.block;
}

uint64_t ledger_size(const struct ledger *ledger)
{
    return ledger->applied.size;
}

uint64_t ledger_time_ms(const struct ledger *ledger)
{
    return ledger->applied.time_ms;
}

struct ledger_boundary ledger_boundary(const struct ledger *ledger)
{
    return ledger->applied.boundary;
}

/* ---- open, close, create ---- */

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL) return;
    state_close(ledger->state);
    arena_close(ledger->results);
    arena_close(ledger->block);
    arena_close(ledger->scratch);
    arena_close(ledger->policy.arena);
    free(ledger);
}

static enum tally_err open_empty(struct store *store, struct ledger **ret_ledger)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    enum tally_err err;

    if (ledger == NULL) return TALLY_E_NO_MEMORY;
    ledger->store = store;
    err = state_open(store, &ledger->state);
    if (err == TALLY_OK) err = arena_open(0, &ledger->results);
    if (err == TALLY_OK) err = arena_open(0, &ledger->block);
    if (err == TALLY_OK) err = arena_open(0, &ledger->scratch);
    if (err == TALLY_OK) err = arena_open(0, &ledger->policy.arena);
    if (err != TALLY_OK) {
        ledger_close(ledger);
        return err;
    }
    *ret_ledger = ledger;
    return TALLY_OK;
}

struct node_source {
    struct store *store;
    struct tally_diag *diag;
};

static enum tally_err read_node(void *ctx, uint32_t level, uint64_t index,
                                struct tally_hash *ret_hash)
{
    const struct node_source *source = ctx;

    return ledger_read_node(source->store, level, index, ret_hash, source->diag);
}

/* State as of the last flush; ledger->applied stays zero when nothing was flushed. */
static enum tally_err restore(struct ledger *ledger, struct tally_diag *diag)
{
    struct node_source source = {.store = ledger->store, .diag = diag};
    const struct merkle_reader reader = {.ctx = &source, .read = read_node};
    const struct lookup lookup = {.store = ledger->store, .arena = ledger->scratch};
    struct ledger_identity identity;
    struct bytes value;
    bool found;
    enum tally_err err =
        lookup_value(&lookup, STORE_META, codec_key_applied(), &found, &value, diag);

    if (err != TALLY_OK || !found) return err;
    if (!codec_applied_get(value, &ledger->applied) ||
        ledger->applied.block > store_last(ledger->store)) {
        tally_diag_set(diag,
                       "what was applied is damaged, or more than the %" PRIu64
                       " blocks that are stored",
                       store_last(ledger->store));
        return TALLY_E_CORRUPT;
    }
    err = ledger_read_identity(ledger->store, ledger->scratch, &identity, diag);
    if (err == TALLY_E_NOT_FOUND) return TALLY_E_CORRUPT;
    if (err != TALLY_OK) return err;
    ledger->ledger_id = identity.ledger_id;
    ledger->flushed = ledger->applied.block;
    err = merkle_restore(&reader, ledger->applied.size, &ledger->frontier);
    return err == TALLY_E_INVALID ? TALLY_E_CORRUPT : err;
}

enum tally_err ledger_open(struct store *store, struct ledger **ret_ledger,
                           struct tally_diag *diag)
{
    struct ledger *ledger = NULL;
    enum tally_err err;

    if (store_last(store) == 0) {
        tally_diag_set(diag, "no ledger was created here");
        return TALLY_E_NOT_FOUND;
    }
    err = open_empty(store, &ledger);
    if (err == TALLY_OK) err = restore(ledger, diag);
    if (err != TALLY_OK) {
        ledger_close(ledger);
        return err;
    }
    *ret_ledger = ledger;
    return TALLY_OK;
}

/* Apply block 1 and flush. */
static enum tally_err apply_first(struct store *store, struct bytes block,
                                  struct tally_diag *diag)
{
    struct ledger_block_result result;
    struct ledger *ledger = NULL;
    enum tally_err err = ledger_open(store, &ledger, diag);

    if (err == TALLY_OK) err = ledger_apply(ledger, block, true, &result, diag);
    if (err == TALLY_OK) err = ledger_flush(ledger, diag);
    ledger_close(ledger);
    return err;
}

/* Block 1 durable, applied and flushed. */
static enum tally_err create_block(struct store *store, struct bytes data,
                                   struct tally_diag *diag)
{
    const struct store_hard_state hard_state = {.commit = 1};
    const struct store_block block = {.index = 1, .data = data};
    const struct store_append append = {
        .hard_state = &hard_state, .blocks = &block, .blocks_count = 1};
    const struct store_append sync = {.hard_state = &hard_state};
    enum tally_err err;

    if (store_last(store) != 0) {
        tally_diag_set(diag, "the store holds a ledger already");
        return TALLY_E_CONFLICT;
    }
    err = store_append(store, &append, diag);
    if (err == TALLY_OK) err = apply_first(store, data, diag);
    /* What was applied is durable with the next synced step: without it, a power cut now would
     * leave a log whose ledger nobody can name. */
    return err == TALLY_OK ? store_append(store, &sync, diag) : err;
}

enum tally_err ledger_create_block(struct store *store, const struct tally_hash *ledger_id,
                                   struct bytes block, struct tally_diag *diag)
{
    struct block_header header;
    struct tally_hash hash = {0};

    if (block_header_decode(block, &header, diag) == TALLY_OK) {
        hash_leaf(block_body(block).data, block_body(block).size, &hash);
    }
    if (!hash_equal(&hash, ledger_id) || header.kind != BLOCK_GENESIS || header.index != 1) {
        tally_diag_set(diag, "it is not the genesis block of this ledger");
        return TALLY_E_CORRUPT;
    }
    return create_block(store, block, diag);
}

static enum tally_err create(struct store *store, struct bytes genesis_file,
                             struct arena *arena, struct tally_diag *diag)
{
    struct genesis *genesis = arena_alloc(arena, sizeof *genesis);
    struct tally_hash ledger_id;
    struct bytes record, block;
    enum tally_err err;

    if (genesis == NULL) return TALLY_E_NO_MEMORY;
    err = genesis_decode(genesis_file, arena, genesis, diag);
    if (err == TALLY_OK) {
        err = genesis_seal(genesis, arena, &record, &ledger_id, &block, diag);
    }
    return err != TALLY_OK ? err : create_block(store, block, diag);
}

enum tally_err ledger_create(struct store *store, struct bytes genesis_file,
                             struct tally_diag *diag)
{
    struct arena *arena = NULL;
    enum tally_err err;

    err = arena_open(0, &arena);
    if (err == TALLY_OK) err = create(store, genesis_file, arena, diag);
    arena_close(arena);
    return err;
}
