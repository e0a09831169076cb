/* The files of an export: a bundle and its leaves, as `tally audit` reads them, and a
 * checkpoint. Byte 0: how many leaves, less one; byte 1: 1, a checkpoint follows; else a
 * bundle. A bundle that splits is put together again to the same bytes. Its leaves are
 * replayed, signatures left out: whatever they are, the replay ends or refuses, and what it
 * accepts is what it would have made itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/sign.h"
#include "ledger/replay.h"
#include "merkle/merkle.h"
#include "tally/export_dir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_checkpoint(struct bytes note)
{
    struct export_checkpoint checkpoint;
    struct tally_diag diag;

    if (export_checkpoint_parse(note, &checkpoint, &diag) != TALLY_OK) return;
    ASSERT(checkpoint.checkpoint.size <= INT64_MAX);
    for (int level = 0; level < TILES_LEVELS; level++) {
        const uint64_t last = (checkpoint.checkpoint.size >> level * 8) / TILES_WIDTH;
        const uint32_t width = tiles_width(level, last, checkpoint.checkpoint.size);
        char path[TILES_PATH_SIZE];

        ASSERT(width < TILES_WIDTH);
        if (width > 0) tiles_path(level, last, width, path);
    }
}

static void put_again(struct bytes bundle, const struct bytes *leaves, uint32_t width)
{
    uint8_t *again = malloc(bundle.size);
    struct bytes_writer writer = bytes_writer(again, bundle.size);

    ASSERT(again != NULL);
    for (uint32_t i = 0; i < width; i++) tiles_bundle_put(&writer, leaves[i]);
    ASSERT(!writer.bad && writer.at == bundle.size);
    ASSERT(memcmp(again, bundle.data, bundle.size) == 0);
    free(again);
}

static enum tally_err take(void *context, const struct replay_signature *signature)
{
    (void)signature;
    ++*(uint64_t *)context;
    return TALLY_OK;
}

static void replay(const struct bytes *leaves, uint32_t width, struct arena *arena)
{
    struct replay_item *items = arena_zalloc(arena, width, sizeof *items);
    struct merkle_frontier frontier = {0};
    struct ledger_replay *again = NULL;
    struct tally_diag diag;
    uint64_t signatures = 0;
    const struct replay_sink sink = {.context = &signatures, .signature = take};
    enum tally_err err = replay_open(&sink, &again);

    ASSERT(err == TALLY_OK && items != NULL);
    for (uint32_t i = 0; i < width && err == TALLY_OK; i++) {
        err = replay_decode(leaves[i], i, arena, &items[i], &diag);
        if (err == TALLY_OK) err = replay_push(again, &items[i], &diag);
        if (err == TALLY_OK) merkle_append(&frontier, &items[i].hash, NULL);
    }
    ASSERT(err != TALLY_E_CORRUPT); /* its own state */
    if (err == TALLY_OK && !replay_waits(again)) {
        struct tally_hash made, given;

        replay_root(again, &made);
        merkle_frontier_root(&frontier, &given);
        ASSERT(memcmp(&made, &given, sizeof made) == 0);
        (void)!replay_end(again, &diag);
    }
    replay_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes leaves[TILES_WIDTH];
    struct arena *arena = NULL;
    struct tally_diag diag;

    if (size < 2) return 0;
    const uint32_t width = data[0] + 1u;
    const struct bytes rest = bytes_of(data + 2, size - 2);
    if (data[1] == 1) {
        try_checkpoint(rest);
        return 0;
    }
    if (tiles_bundle_split(rest, width, leaves, &diag) != TALLY_OK) return 0;
    put_again(rest, leaves, width);
    ASSERT(sign_init() == TALLY_OK && arena_open(0, &arena) == TALLY_OK);
    replay(leaves, width, arena);
    arena_close(arena);
    return 0;
}
