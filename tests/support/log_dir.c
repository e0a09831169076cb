#include "support/log_dir.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "ledger/ledger.h"
#include "support/paper_ledger.h"
#include "tally/export_dir.h"

static void must(enum tally_err err, const struct tally_diag *diag)
{
    if (err != TALLY_OK) fprintf(stderr, "%s: %s\n", tally_err_name(err), diag->text);
    ASSERT(err == TALLY_OK);
}

void log_dir_take(struct fixture *fixture, struct store *store, struct log_dir *ret_log)
{
    struct tally_diag diag = {""};

    *ret_log = (struct log_dir){.fixture = fixture};
    must(ledger_read_size(store, &ret_log->count, &diag), &diag);
    ret_log->leaves = arena_zalloc(fixture->arena, ret_log->count + 1, sizeof *ret_log->leaves);
    ASSERT(ret_log->leaves != NULL);
    for (uint64_t i = 0; i < ret_log->count; i++) {
        struct ledger_leaf leaf;

        must(ledger_read_leaf(store, i, fixture->arena, &leaf, &diag), &diag);
        ret_log->leaves[i] = leaf.record;
    }
}

/* ---- writing ---- */

static enum tally_err put_tile(void *context, uint32_t level, uint64_t index,
                               const struct tally_hash *hashes, uint32_t width,
                               struct tally_diag *diag)
{
    char path[TILES_PATH_SIZE];
    uint64_t written;

    tiles_path((int)level, index, width, path);
    return export_file_write(context, path, bytes_of(hashes, 32 * (size_t)width), &written,
                             diag);
}

static void put_bundle(const struct log_dir *log, const char *directory, uint64_t index)
{
    const uint32_t width = tiles_width(TILES_BUNDLE, index, log->count);
    char path[TILES_PATH_SIZE];
    struct tally_diag diag = {""};
    struct bytes_writer writer;
    size_t size = 0;
    uint64_t written;
    uint8_t *data;

    for (uint32_t i = 0; i < width; i++)
        size += tiles_leaf_size(log->leaves[index * TILES_WIDTH + i].size);
    data = arena_alloc(log->fixture->arena, size);
    ASSERT(data != NULL);
    writer = bytes_writer(data, size);
    for (uint32_t i = 0; i < width; i++)
        tiles_bundle_put(&writer, log->leaves[index * TILES_WIDTH + i]);
    tiles_path(TILES_BUNDLE, index, width, path);
    must(export_file_write(directory, path, bytes_of(data, size), &written, &diag), &diag);
}

void log_dir_write(const struct log_dir *log, const char *directory)
{
    struct tiles_builder *builder = arena_zalloc(log->fixture->arena, 1, sizeof *builder);
    struct tally_diag diag = {""};
    struct tally_hash root;
    uint64_t written;

    ASSERT(builder != NULL);
    for (uint64_t i = 0; i < log->count; i++) {
        struct tally_hash hash;

        hash_leaf(log->leaves[i].data, log->leaves[i].size, &hash);
        must(tiles_add(builder, &hash, put_tile, (void *)directory, &diag), &diag);
        if (i % TILES_WIDTH == 0) put_bundle(log, directory, i / TILES_WIDTH);
    }
    must(tiles_finish(builder, put_tile, (void *)directory, &diag), &diag);
    tiles_root(builder, &root);
    must(export_file_write(directory, "checkpoint",
                           paper_note(log->fixture, log->count, &root, PAPER_EVERYBODY),
                           &written, &diag),
         &diag);
}

/* ---- falsifying ---- */

struct record log_dir_record(const struct log_dir *log, uint64_t index)
{
    struct tally_diag diag = {""};
    struct record record;

    ASSERT(index < log->count);
    must(record_decode(log->leaves[index], log->fixture->arena, &record, &diag), &diag);
    return record;
}

struct event log_dir_event(const struct log_dir *log, uint64_t index)
{
    const struct record record = log_dir_record(log, index);
    struct tally_diag diag = {""};
    struct event event;

    must(record_event(&record, log->fixture->arena, &event, &diag), &diag);
    return event;
}

void log_dir_put(struct log_dir *log, uint64_t index, const struct record *record)
{
    log->leaves[index] = record_encode(record, log->fixture->arena);
    ASSERT(log->leaves[index].data != NULL);
}

/* Numbers for the records from `index` on. */
static void renumber(struct log_dir *log, uint64_t index)
{
    for (uint64_t i = index; i < log->count; i++) {
        struct record record = log_dir_record(log, i);

        record.index = i;
        if (record.kind == RECORD_STATE) record.state.covers = i;
        log_dir_put(log, i, &record);
    }
}

void log_dir_remove(struct log_dir *log, uint64_t index)
{
    ASSERT(index < log->count);
    log->count--;
    memmove(&log->leaves[index], &log->leaves[index + 1],
            (log->count - index) * sizeof *log->leaves);
    renumber(log, index);
}

void log_dir_insert(struct log_dir *log, uint64_t index, struct record record)
{
    ASSERT(index <= log->count);
    memmove(&log->leaves[index + 1], &log->leaves[index],
            (log->count - index) * sizeof *log->leaves);
    log->count++;
    log_dir_put(log, index, &record);
    renumber(log, index);
}

uint64_t log_dir_find(const struct log_dir *log, uint64_t from, enum record_kind kind,
                      uint32_t type, bool allowed)
{
    for (uint64_t i = from; i < log->count; i++) {
        const struct record record = log_dir_record(log, i);

        if (record.kind != kind) continue;
        if (kind != RECORD_EVENT) return i;
        if (record.event.decision.allowed != allowed) continue;
        if (type == 0 || (!record.event.cut && log_dir_event(log, i).type == type)) return i;
    }
    UNREACHABLE("the test asks for a record that its history has");
}
