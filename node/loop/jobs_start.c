/* jobs_start - the jobs of a start: what the witness and the log say, and what can be saved of
 * a damaged one. */
#include <stdlib.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "loop/jobs.h"

/* Configs that may stand above what is applied, and what one look at the log reads. */
enum { CONFIGS_MAX = 64, SCAN_BLOCKS = 256, SCAN_SIZE = 8 * LIMIT_BLOCK_SIZE };

struct witness_log job_witness_before(const struct witness_log *old,
                                      const struct node_action *write)
{
    const struct node_log_end *kept = &write->write.kept;
    struct witness_log next = *old;

    if (kept->index == 0 || write->write.lost || old->last_index <= kept->index) return next;
    next.last_index = kept->index;
    next.last_term = kept->term;
    next.last_hash = kept->hash;
    return next;
}

struct witness_log job_witness_after(const struct witness_log *old,
                                     const struct node_action *write)
{
    const struct node_log_end *end = &write->write.end;
    struct witness_log next = *old;

    next.term = write->write.hard_state.term;
    next.vote = write->write.hard_state.vote;
    if (write->write.lost && (end->term < old->last_term ||
                              (end->term == old->last_term && end->index < old->last_index))) {
        return next;
    }
    next.last_index = end->index;
    next.last_term = end->term;
    next.last_hash = end->hash;
    return next;
}

bool job_witness_same(const struct witness_log *a, const struct witness_log *b)
{
    return a->term == b->term && a->vote == b->vote && a->last_index == b->last_index &&
           a->last_term == b->last_term && hash_equal(&a->last_hash, &b->last_hash);
}

/* Does the log hold the block that the witness names? A log that reaches further is fine: the
 * witness is written after it. */
static enum tally_err find_lost(struct store *store, const struct witness_log *said,
                                struct raft_lost *ret_lost, struct tally_diag *diag)
{
    struct store_block *blocks = NULL;
    struct block_header header;
    struct tally_hash hash;
    size_t count = 0;
    enum tally_err err;

    *ret_lost = (struct raft_lost){0};
    if (said->last_index == 0) return TALLY_OK;
    if (said->last_index <= store_last(store)) {
        err = store_read(store, said->last_index, 1, 1, &blocks, &count, diag);
        if (err == TALLY_OK) err = block_header_decode(blocks[0].data, &header, diag);
        free(blocks);
        if (err != TALLY_OK) return err;
        block_hash(&header, &hash);
        if (header.term == said->last_term && hash_equal(&hash, &said->last_hash)) {
            return TALLY_OK;
        }
    }
    *ret_lost = (struct raft_lost){
        .index = said->last_index, .term = said->last_term, .hash = said->last_hash};
    return TALLY_OK;
}

/* The newer of two hard states: the database may have come back older than the witness. */
static struct store_hard_state newer(struct store_hard_state stored,
                                     const struct witness_log *said)
{
    if (said->term > stored.term) {
        stored.term = said->term;
        stored.vote = said->vote;
    } else if (said->term == stored.term && stored.vote == 0) {
        stored.vote = said->vote;
    }
    return stored;
}

/* The Config blocks above what is applied: they are in force though nothing knows of them yet.
 */
static enum tally_err find_configs(struct store *store, uint64_t applied, struct arena *arena,
                                   struct node_start *start, struct tally_diag *diag)
{
    struct node_config_block *configs = arena_zalloc(arena, CONFIGS_MAX, sizeof *configs);
    enum tally_err err = configs == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;

    for (uint64_t from = applied + 1; from <= store_last(store) && err == TALLY_OK;) {
        struct store_block *blocks = NULL;
        size_t count = 0;

        err = store_read(store, from, SCAN_BLOCKS, SCAN_SIZE, &blocks, &count, diag);
        for (size_t i = 0; i < count && err == TALLY_OK; i++) {
            struct block_header header;
            struct bytes config = {0};

            err = block_header_decode(blocks[i].data, &header, diag);
            if (err != TALLY_OK || header.kind != BLOCK_CONFIG) continue;
            if (start->configs_count == CONFIGS_MAX) err = TALLY_E_CORRUPT;
            if (err == TALLY_OK) config = arena_copy(arena, block_body(blocks[i].data));
            if (err == TALLY_OK && config.data == NULL) err = TALLY_E_NO_MEMORY;
            if (err != TALLY_OK) continue;
            configs[start->configs_count++] =
                (struct node_config_block){.index = blocks[i].index, .config = config};
        }
        free(blocks);
        from += count;
    }
    start->configs = configs;
    return err;
}

enum tally_err job_start(struct store *store, const struct ledger *ledger,
                         const struct witness_data *witness, struct arena *arena,
                         struct node_start *ret_start, struct store_block **ret_blocks,
                         struct store_value *ret_checkpoint, struct tally_diag *diag)
{
    const uint64_t last = store_last(store);
    struct node_start start = {
        .hard_state = newer(store_hard_state(store), &witness->log),
        .signed_size = witness->signed_size,
        .applied = ledger_applied(ledger),
        .size = ledger_size(ledger),
        .boundary = ledger_boundary(ledger),
    };
    uint64_t from =
        start.hard_state.commit > start.applied ? start.hard_state.commit : start.applied;
    struct store_value checkpoint = {0};
    enum tally_err err;

    if (from > last) from = last;
    if (start.applied > last || from == 0) {
        tally_diag_set(diag, "block %llu was applied, but the log ends at %llu",
                       (unsigned long long)start.applied, (unsigned long long)last);
        return TALLY_E_CORRUPT;
    }
    err = find_lost(store, &witness->log, &start.lost, diag);
    if (err == TALLY_OK) err = find_configs(store, start.applied, arena, &start, diag);
    if (err == TALLY_OK && start.applied > 0) {
        err = ledger_read_pending(store, arena, &start.pending, &start.pending_index, diag);
        if (err == TALLY_E_NOT_FOUND) err = TALLY_OK;
    }
    if (err != TALLY_OK) return err;
    err = store_read(store, from, (size_t)(last - from + 1), SIZE_MAX, ret_blocks,
                     &start.blocks_count, diag);
    if (err != TALLY_OK) return err;
    err = job_checkpoint(store, &checkpoint);
    if (err != TALLY_OK && err != TALLY_E_NOT_FOUND) {
        free(*ret_blocks);
        return err;
    }
    start.blocks = *ret_blocks;
    start.checkpoint = bytes_of(checkpoint.data, checkpoint.size);
    *ret_checkpoint = checkpoint;
    *ret_start = start;
    return TALLY_OK;
}

enum tally_err job_signed_before(struct store *store, const struct witness_data *witness,
                                 struct tally_diag *diag)
{
    struct tally_hash root;
    enum tally_err err;

    if (witness->signed_size == 0) return TALLY_OK;
    err = ledger_read_root(store, witness->signed_size, &root, diag);
    if (err != TALLY_OK || hash_equal(&root, &witness->signed_root)) return err;
    tally_diag_set(diag,
                   "the tree of %llu records has another root than the one that this node "
                   "signed",
                   (unsigned long long)witness->signed_size);
    return TALLY_E_SPLIT_VIEW;
}

/* The hash that a ledger's second block must name. */
static enum tally_err first_hash(struct store *store, struct tally_hash *ret_hash,
                                 struct tally_diag *diag)
{
    struct store_block *block = NULL;
    struct block_header header;
    size_t count = 0;
    enum tally_err err = store_read(store, 1, 1, 1, &block, &count, diag);

    if (err == TALLY_OK) err = block_header_decode(block[0].data, &header, diag);
    if (err == TALLY_OK) block_hash(&header, ret_hash);
    free(block);
    return err;
}

enum tally_err job_salvage(struct store *from, struct store *to, struct tally_diag *diag)
{
    struct store_hard_state hard_state = store_hard_state(from);
    const uint64_t commit = hard_state.commit;
    struct tally_hash previous;
    enum tally_err err = first_hash(to, &previous, diag);

    if (err != TALLY_OK) return err;
    for (uint64_t next = 2; next <= store_last(from);) {
        struct store_block *blocks = NULL;
        size_t count = 0, good = 0;

        if (store_read(from, next, SCAN_BLOCKS, SCAN_SIZE, &blocks, &count, NULL) != TALLY_OK) {
            /* One bad block hides those before it in the same read. */
            if (store_read(from, next, 1, 1, &blocks, &count, NULL) != TALLY_OK) break;
        }
        for (; good < count; good++) {
            struct block_header header;

            if (block_header_decode(blocks[good].data, &header, NULL) != TALLY_OK) break;
            if (header.index != next + good) break;
            if (!hash_equal(&header.previous, &previous)) break;
            block_hash(&header, &previous);
        }
        hard_state.commit = commit < next + good - 1 ? commit : next + good - 1;
        const struct store_append append = {
            .hard_state = &hard_state, .blocks = blocks, .blocks_count = good};

        err = good > 0 ? store_append(to, &append, diag) : TALLY_OK;
        free(blocks);
        if (err != TALLY_OK) return err;
        next += good;
        if (good < count) break;
    }
    return TALLY_OK;
}
