/* The scrub thread: reads everything that is stored, again and again, at a bounded rate, so
 * that damage is found while the other members can still repair it. */
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "ledger/ledger_scrub.h"
#include "loop/run_internal.h"

enum {
    RATE_PER_MS = 16 * 1024,   /* bytes: 16 MiB a second */
    PAUSE_MS = 10 * 60 * 1000, /* between two passes */
    READ_BLOCKS = 64,
    RECORDS_A_TURN = 64,
};

static void check(struct run *run, enum tally_err err, const struct tally_diag *diag)
{
    if (err == TALLY_E_CORRUPT || err == TALLY_E_IO) {
        run_fatal(run, "scrub_found_damage", err, diag);
    }
}

/* What a pass came to. */
enum outcome { STOPPED, BROKEN_OFF, WHOLE };

/* The chain of the blocks that are applied: frame, place, predecessor. */
static enum outcome scrub_blocks(struct run *run, uint64_t *ret_size)
{
    const uint64_t last = atomic_load(&run->applied);
    struct tally_hash previous = {0};
    struct tally_diag diag = {{0}};

    for (uint64_t from = 1; from <= last;) {
        struct store_block *blocks = NULL;
        size_t count = 0, size = 0;
        enum tally_err err =
            store_read(run->store, from, READ_BLOCKS, LIMIT_BLOCK_SIZE, &blocks, &count, &diag);

        check(run, err, &diag);
        if (err != TALLY_OK) return BROKEN_OFF; /* no memory */
        for (size_t i = 0; i < count; i++) {
            struct block_header header;

            err = block_header_decode(blocks[i].data, &header, &diag);
            if (err == TALLY_OK &&
                (header.index != from + i ||
                 (header.index > 1 && !hash_equal(&header.previous, &previous)))) {
                tally_diag_set(&diag, "block %llu does not follow the one before it",
                               (unsigned long long)from + i);
                err = TALLY_E_CORRUPT;
            }
            if (err != TALLY_OK) check(run, TALLY_E_CORRUPT, &diag);
            block_hash(&header, &previous);
            size += blocks[i].data.size;
        }
        free(blocks);
        from += count;
        *ret_size += size;
        if (!run_rest(run, size / RATE_PER_MS)) return STOPPED;
    }
    return WHOLE;
}

static enum outcome scrub_records(struct run *run, struct arena *arena, uint64_t *ret_records)
{
    struct ledger_scrub scrub = {0};
    struct tally_diag diag = {{0}};
    enum tally_err err = TALLY_OK;

    while (err == TALLY_OK) {
        const uint64_t size = scrub.size;

        for (int i = 0; i < RECORDS_A_TURN && err == TALLY_OK; i++) {
            err = ledger_scrub_next(run->store, &scrub, arena, &diag);
            arena_reset(arena, 0);
        }
        check(run, err, &diag);
        if (!run_rest(run, 1 + (scrub.size - size) / RATE_PER_MS)) return STOPPED;
    }
    *ret_records = scrub.frontier.size;
    return err == TALLY_E_NOT_FOUND ? WHOLE : BROKEN_OFF;
}

/* False: the node stops. */
static bool pass(struct run *run, struct arena *arena)
{
    const uint64_t began_ms = clock_monotonic_ms();
    uint64_t size = 0, records = 0, keys = 0;
    struct tally_diag diag = {{0}};
    enum outcome outcome;
    enum tally_err err;

    store_forget(run->store); /* what is in memory says nothing about the disk */
    outcome = scrub_blocks(run, &size);
    if (outcome == WHOLE) outcome = scrub_records(run, arena, &records);
    if (outcome != WHOLE) return outcome == BROKEN_OFF; /* the next pass begins again */
    err = ledger_scrub_rest(run->store, &keys, &diag);
    if (err == TALLY_OK) err = run_genesis_keep(run->config->data, run->store, &diag);
    check(run, err, &diag);
    if (err != TALLY_OK) return true;
    atomic_store(&run->scrubbed.records, records);
    atomic_store(&run->scrubbed.ended_ms, clock_wall_ms());
    run_log(run, RUN_LOG_INFO, "scrubbed", "bytes=%llu records=%llu keys=%llu ms=%llu",
            (unsigned long long)size, (unsigned long long)records, (unsigned long long)keys,
            (unsigned long long)(clock_monotonic_ms() - began_ms));
    return true;
}

void *run_scrub_main(void *context)
{
    struct run *run = context;
    struct arena *arena = NULL;

    if (arena_open(0, &arena) != TALLY_OK) abort();
    while (pass(run, arena) && run_rest_or_asked(run, PAUSE_MS)) continue;
    arena_close(arena);
    return NULL;
}

void run_scrub_now(struct run *run)
{
    pthread_mutex_lock(&run->rest.lock);
    run->rest.asked = true;
    pthread_cond_broadcast(&run->rest.wake);
    pthread_mutex_unlock(&run->rest.lock);
}
