#include "audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_window.h"
#include "base/assert.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include "event/genesis.h"
#include "progress.h"
#include "tiles.h"

enum { WINDOWS = 3 };

struct audit {
    const struct audit_options *options;
    struct audit_result *result;
    struct ledger_replay *replay;
    struct pool *pool;
    struct tiles_builder builder; /* the tree of the leaves that were read */
    struct audit_window windows[WINDOWS];
    struct audit_window *now; /* the one that is replayed */
    struct progress progress;
};

/* ---- faults -------------------------------------------------------------------------- */

/* Keep the fault with the smallest index; one without an index only when there is no other. */
static enum tally_err fault(struct audit *audit, enum tally_err err, bool has_index,
                            uint64_t index, const struct tally_diag *diag)
{
    struct audit_result *result = audit->result;

    if (result->err != TALLY_OK && (!has_index || (result->has_index && result->index < index)))
        return err;
    result->err = err;
    result->has_index = has_index;
    result->index = index;
    result->diag = *diag;
    return err;
}

static enum tally_err fault_at(struct audit *audit, enum tally_err err, uint64_t index,
                               const struct tally_diag *diag)
{
    return fault(audit, err, true, index, diag);
}

/* ---- tiles and roots ----------------------------------------------------------------- */

/* Level 0 was compared leaf by leaf (audit_window.c). */
static enum tally_err compare_tile(void *context, uint32_t level, uint64_t index,
                                   const struct tally_hash *hashes, uint32_t width,
                                   struct tally_diag *diag)
{
    struct audit *audit = context;
    const char *directory = audit->options->source->directory;
    struct tally_hash there[TILES_WIDTH];
    char path[TILES_PATH_SIZE];
    enum tally_err err;

    if (directory == NULL || level == 0) return TALLY_OK;
    err = export_tile_read(directory, level, index, width, there, diag);
    for (uint32_t i = 0; err == TALLY_OK && i < width; i++) {
        if (hash_equal(&there[i], &hashes[i])) continue;
        tiles_path((int)level, index, width, path);
        tally_diag_set(diag, "%s: hash %u is not that of the records from this one on", path,
                       (unsigned)i);
        err = fault_at(audit, TALLY_E_PROOF, (index * TILES_WIDTH + i) << level * 8, diag);
    }
    return err;
}

/* The trust file remembers a tree that was verified before. */
static enum tally_err check_seen(struct audit *audit)
{
    const struct trust *trust = audit->options->source->trust;
    struct tally_diag diag;
    struct tally_hash root;

    if (trust == NULL || !trust->has_checkpoint ||
        trust->checkpoint_size != audit->builder.size) {
        return TALLY_OK;
    }
    tiles_root(&audit->builder, &root);
    if (hash_equal(&root, &trust->checkpoint_root)) return TALLY_OK;
    tally_diag_set(&diag, "two trees of %" PRIu64 " records: this one, and the trust file's",
                   trust->checkpoint_size);
    return fault_at(audit, TALLY_E_SPLIT_VIEW, audit->builder.size - 1, &diag);
}

/* Whose ledger is it that genesis began? */
static enum tally_err check_ledger(struct audit *audit)
{
    const struct source *source = audit->options->source;
    const struct checkpoint *checkpoint = &source->checkpoint.checkpoint;
    struct tally_hash *ledger_id = &audit->result->ledger_id;
    char origin[GENESIS_ORIGIN_SIZE];
    struct tally_diag diag;

    *ledger_id = *replay_ledger_id(audit->replay);
    genesis_origin(replay_ledger_name(audit->replay), ledger_id, origin);
    if (!bytes_equal(checkpoint->origin, bytes_of(origin, strlen(origin)))) {
        tally_diag_set(&diag, "the genesis of %s, under a checkpoint of %.*s", origin,
                       (int)checkpoint->origin.size, (const char *)checkpoint->origin.data);
        return fault_at(audit, TALLY_E_WRONG_LEDGER, 0, &diag);
    }
    if (source->trust == NULL || hash_equal(&source->trust->ledger_id, ledger_id))
        return TALLY_OK;
    tally_diag_set(&diag, "not the ledger of the trust file");
    return fault_at(audit, TALLY_E_WRONG_LEDGER, 0, &diag);
}

static enum tally_err check_end(struct audit *audit)
{
    const struct checkpoint *checkpoint = &audit->options->source->checkpoint.checkpoint;
    struct tally_diag diag = {""};
    char made[65], said[65];
    enum tally_err err = replay_end(audit->replay, &diag);

    if (err != TALLY_OK) return fault_at(audit, err, replay_fault_index(audit->replay), &diag);
    err = tiles_finish(&audit->builder, compare_tile, audit, &diag);
    if (err != TALLY_OK) return fault(audit, err, false, 0, &diag);
    tiles_root(&audit->builder, &audit->result->root);
    if (hash_equal(&audit->result->root, &checkpoint->root)) return TALLY_OK;
    bytes_hex(audit->result->root.bytes, 32, made);
    bytes_hex(checkpoint->root.bytes, 32, said);
    tally_diag_set(&diag, "the records have the root %s, the checkpoint says %s", made, said);
    return fault(audit, TALLY_E_PROOF, false, 0, &diag);
}

/* ---- replay -------------------------------------------------------------------------- */

static enum tally_err take_signature(void *context, const struct replay_signature *signature)
{
    struct audit *audit = context;

    audit->result->signatures++;
    return audit_window_add(audit->now, signature);
}

static void count(struct audit_result *result, const struct record *record)
{
    result->size++;
    if (record->kind == RECORD_VOID) result->voids++;
    if (record->kind == RECORD_CONFIG) result->configs++;
    if (record->kind != RECORD_EVENT) return;
    result->events++;
    if (record->event.decision.allowed)
        result->allowed++;
    else
        result->denied++;
    if (record->event.cut) result->cut++;
}

static enum tally_err replay_item(struct audit *audit, const struct replay_item *item)
{
    const uint64_t index = item->record.index;
    struct tally_diag diag = {""};
    enum tally_err err = replay_push(audit->replay, item, &diag);

    if (err != TALLY_OK) return fault_at(audit, err, replay_fault_index(audit->replay), &diag);
    if (index == 0) err = check_ledger(audit);
    if (err != TALLY_OK) return err;
    err = tiles_add(&audit->builder, &item->hash, compare_tile, audit, &diag);
    if (err != TALLY_OK) return fault(audit, err, false, 0, &diag);
    count(audit->result, &item->record);
    err = check_seen(audit);
    if (err != TALLY_OK || audit->options->sink == NULL) return err;
    return audit->options->sink->record(audit->options->sink->context, item);
}

static enum tally_err replay_part(struct audit *audit, const struct audit_part *part)
{
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < part->decoded && err == TALLY_OK; i++)
        err = replay_item(audit, &part->items[i]);
    if (err != TALLY_OK || part->err == TALLY_OK) return err;
    return fault_at(audit, part->err, part->page.first + part->decoded, &part->diag);
}

static enum tally_err replay_window(struct audit *audit, const struct audit_window *window)
{
    struct tally_diag diag;
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < window->parts_count && err == TALLY_OK; i++) {
        err = replay_part(audit, &window->parts[i]);
        progress_show(&audit->progress, audit->builder.size,
                      audit->options->source->checkpoint.checkpoint.size);
    }
    if (err != TALLY_OK) return err;
    if (window->err != TALLY_OK)
        return fault_at(audit, window->err, window->end, &window->diag);
    /* The items of a batch stay for two windows; no honest one needs more. */
    if (replay_waits(audit->replay) && replay_size(audit->replay) < window->first) {
        tally_diag_set(&diag, "it begins a batch that is larger than a block");
        return fault_at(audit, TALLY_E_MISMATCH, replay_size(audit->replay), &diag);
    }
    return TALLY_OK;
}

/* ---- windows ------------------------------------------------------------------------- */

/* Signatures of a window that were still being verified. */
static enum tally_err end_verify(struct audit *audit, struct audit_window *window)
{
    const struct replay_signature *failed;
    struct tally_diag diag;
    char key_id[65];

    pool_wait(audit->pool, &window->verify);
    failed = audit_window_failed(window);
    if (failed == NULL) return TALLY_OK;
    bytes_hex(failed->key_id.bytes, 32, key_id);
    tally_diag_set(&diag, "the signature by key %s does not verify", key_id);
    return fault_at(audit, TALLY_E_SIGNATURE, failed->index, &diag);
}

/* Read the window at `first`, and let it be decoded. */
static enum tally_err begin_window(struct audit *audit, struct audit_window *window,
                                   uint64_t first)
{
    const enum tally_err err = end_verify(audit, window);

    if (err != TALLY_OK) return err;
    audit_window_clear(window);
    audit_window_load(window, audit->options->source, first);
    audit_window_decode(window, audit->pool);
    return TALLY_OK;
}

static enum tally_err run_windows(struct audit *audit)
{
    const uint64_t size = audit->options->source->checkpoint.checkpoint.size;
    enum tally_err err = begin_window(audit, &audit->windows[0], 0);

    for (uint32_t turn = 0; err == TALLY_OK && audit->builder.size < size; turn++) {
        audit->now = &audit->windows[turn % WINDOWS];
        if (audit->now->err == TALLY_OK)
            err = begin_window(audit, &audit->windows[(turn + 1) % WINDOWS], audit->now->end);
        if (err != TALLY_OK) return err;
        pool_wait(audit->pool, &audit->now->decode);
        err = replay_window(audit, audit->now);
        /* Also after a fault: a signature before it may be the first one. */
        const enum tally_err verify = audit_window_verify(audit->now, audit->pool);
        if (err == TALLY_OK) err = verify;
    }
    return err;
}

static enum tally_err run(struct audit *audit)
{
    const uint64_t begin_ms = clock_monotonic_ms();
    struct cli *cli = audit->options->cli;
    enum tally_err err;

    audit->progress =
        progress_begin(cli->err, !cli_flag(cli, "json"), PROGRESS_RECORDS, 0, begin_ms);
    err = run_windows(audit);
    for (uint32_t i = 0; i < WINDOWS; i++) {
        pool_wait(audit->pool, &audit->windows[i].decode);
        const enum tally_err late = end_verify(audit, &audit->windows[i]);
        if (err == TALLY_OK) err = late;
    }
    if (err == TALLY_OK) err = check_end(audit);
    progress_end(&audit->progress);
    audit->result->seconds = (double)(clock_monotonic_ms() - begin_ms) / 1000;
    return audit->result->err != TALLY_OK ? audit->result->err : err;
}

uint32_t audit_threads(const struct cli *cli)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const uint64_t absent = cores < 1 ? 1 : (uint64_t)cores;
    const uint64_t threads = cli_number(cli, "jobs", absent);

    return threads > POOL_THREADS_MAX ? POOL_THREADS_MAX : (uint32_t)threads;
}

enum tally_err audit_run(const struct audit_options *options, struct audit_result *ret_result)
{
    struct audit *audit = calloc(1, sizeof *audit);
    enum tally_err err;

    *ret_result = (struct audit_result){0};
    if (audit == NULL) return TALLY_E_NO_MEMORY;
    audit->options = options;
    audit->result = ret_result;
    const struct replay_sink sink = {.context = audit, .signature = take_signature};
    err = sign_init();
    if (err == TALLY_OK) err = replay_open(&sink, &audit->replay);
    if (err == TALLY_OK) err = pool_open(options->threads, &audit->pool);
    if (err == TALLY_OK) err = run(audit);
    pool_close(audit->pool);
    replay_close(audit->replay);
    for (uint32_t i = 0; i < WINDOWS; i++) audit_window_free(&audit->windows[i]);
    free(audit);
    return err;
}
