#include "source.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cluster.h"
#include "disk.h"

enum {
    WAIT_MS = 2000,     /* at the node, for records that it has not applied yet */
    ASK_AGAIN_MS = 100, /* for a checkpoint with more cosignatures */
};

/* ---- checkpoint and trust ------------------------------------------------------------ */

static enum tally_err load_trust(struct cli *cli, struct source *source)
{
    const char *path = cli_text(cli, "trust");
    struct tally_diag diag = {""};
    struct bytes text = {0};
    enum tally_err err;

    if (path == NULL) return TALLY_OK;
    source->trust = malloc(sizeof *source->trust);
    if (source->trust == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    err = disk_read(path, LIMIT_TRUST_FILE_SIZE, source->arena, &text, &diag);
    if (err == TALLY_OK) err = trust_parse(text.data, text.size, source->trust, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    if (!source->trust->has_ledger)
        return cli_failf(cli, TALLY_E_MALFORMED,
                         "%s: the trust file has no line '# tally ledger <id>'", path);
    return TALLY_OK;
}

/* Is the checkpoint one to believe, and not older than what was verified before? */
static enum tally_err check_trust(struct source *source, struct tally_diag *diag)
{
    const struct trust *trust = source->trust;
    const struct checkpoint *checkpoint = &source->checkpoint.checkpoint;
    enum tally_err err;

    if (trust == NULL) return TALLY_OK;
    if (!bytes_equal(checkpoint->origin,
                     bytes_of(trust_origin(trust), strlen(trust_origin(trust))))) {
        tally_diag_set(diag, "the checkpoint is of %.*s, the trust file of %s",
                       (int)checkpoint->origin.size, (const char *)checkpoint->origin.data,
                       trust_origin(trust));
        return TALLY_E_WRONG_LEDGER;
    }
    err = trust_check_checkpoint(trust, source->checkpoint.note.data,
                                 source->checkpoint.note.size, &source->found, diag);
    if (err != TALLY_OK) return err;
    if (trust->expires_s != 0 && clock_wall_ms() / 1000 >= trust->expires_s) {
        tally_diag_set(diag, "the trust file has expired");
        return TALLY_E_STALE;
    }
    if (!trust->has_checkpoint || trust->checkpoint_size <= checkpoint->size) return TALLY_OK;
    tally_diag_set(diag, "%llu records; the trust file has seen %llu",
                   (unsigned long long)checkpoint->size,
                   (unsigned long long)trust->checkpoint_size);
    return TALLY_E_STALE;
}

static enum tally_err begin(struct cli *cli, struct source *ret_source)
{
    const enum tally_err err = arena_open(0, &ret_source->arena);

    return err == TALLY_OK ? load_trust(cli, ret_source) : cli_fail(cli, err, NULL);
}

enum tally_err source_open_directory(struct cli *cli, const char *directory,
                                     struct source *ret_source)
{
    struct tally_diag diag = {""};
    enum tally_err err;

    *ret_source = (struct source){.directory = directory};
    err = begin(cli, ret_source);
    if (err != TALLY_OK) return err;
    err = export_checkpoint_read(directory, ret_source->arena, &ret_source->checkpoint, &diag);
    if (err == TALLY_OK) err = check_trust(ret_source, &diag);
    return err == TALLY_OK ? TALLY_OK : cli_fail(cli, err, &diag);
}

/* The newest checkpoint that the node has. */
static enum tally_err ask_checkpoint(struct source *source, struct tally_diag *diag)
{
    const struct tally_status_result *status = NULL;
    struct bytes note;
    enum tally_err err = tally_client_status(source->client, &status, diag);

    if (err != TALLY_OK) return err;
    note =
        arena_copy(source->arena, bytes_of(status->checkpoint.data, status->checkpoint.size));
    tally_client_result_free(status);
    if (note.data == NULL) return TALLY_E_NO_MEMORY;
    if (note.size == 0) {
        tally_diag_set(diag, "the node has no published checkpoint yet");
        return TALLY_E_NOT_FOUND;
    }
    return export_checkpoint_parse(note, &source->checkpoint, diag);
}

enum tally_err source_open_nodes(struct cli *cli, const char *urls, struct source *ret_source)
{
    struct source *source = ret_source;
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * 1000000L};
    struct tally_diag diag = {""};
    enum tally_err err;

    *source =
        (struct source){.timeout_ms = cli_number(cli, "timeout", CLUSTER_TIMEOUT_S) * 1000};
    err = begin(cli, source);
    if (err != TALLY_OK) return err;
    const struct tally_client_options options = {.urls = urls,
                                                 .ca_file = cli_text(cli, "ca"),
                                                 .timeout_ms = (uint32_t)source->timeout_ms};
    const uint64_t deadline_ms = clock_monotonic_ms() + source->timeout_ms;
    err = tally_client_open(&options, &source->client, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    for (;;) {
        err = ask_checkpoint(source, &diag);
        if (err == TALLY_OK) err = check_trust(source, &diag);
        /* Late cosignatures come; so does a first checkpoint. */
        if (err != TALLY_E_QUORUM && err != TALLY_E_NOT_FOUND) break;
        if (clock_monotonic_ms() >= deadline_ms) break;
        (void)nanosleep(&pause, NULL);
    }
    return err == TALLY_OK ? TALLY_OK : cluster_fail(cli, err, &diag);
}

enum tally_err source_open(struct cli *cli, const char *from, struct source *ret_source)
{
    return strstr(from, "://") != NULL ? source_open_nodes(cli, from, ret_source)
                                       : source_open_directory(cli, from, ret_source);
}

void source_close(struct source *source)
{
    tally_client_close(source->client);
    arena_close(source->arena);
    free(source->trust);
    *source = (struct source){0};
}

/* ---- pages --------------------------------------------------------------------------- */

static enum tally_err page_of_directory(struct source *source, struct source_page *page,
                                        struct tally_diag *diag)
{
    const uint64_t index = page->first / TILES_WIDTH;
    const uint32_t width = tiles_width(TILES_BUNDLE, index, source->checkpoint.checkpoint.size);
    enum tally_err err =
        export_bundle_read(source->directory, index, width, &page->data, page->leaves, diag);

    if (err == TALLY_OK)
        err = export_tile_read(source->directory, 0, index, width, page->tile, diag);
    if (err != TALLY_OK) return err;
    page->has_tile = true;
    page->count = width;
    return TALLY_OK;
}

/* Put what the node gave behind what is there: the page is a bundle, too. */
static enum tally_err take_records(const struct tally_log_result *result, uint64_t from,
                                   uint32_t limit, struct source_page *page,
                                   struct tally_diag *diag)
{
    size_t size = page->size;
    struct bytes_writer writer;
    uint8_t *grown;

    if (result->records_count > limit || result->next != from + result->records_count) {
        tally_diag_set(diag, "the node gave other records than it was asked for");
        return TALLY_E_MALFORMED;
    }
    for (size_t i = 0; i < result->records_count; i++) {
        const size_t leaf_size = result->records[i].size;

        if (leaf_size == 0 || leaf_size > LIMIT_RECORD_SIZE) {
            tally_diag_set(diag, "record %llu has %zu bytes", (unsigned long long)from + i,
                           leaf_size);
            return TALLY_E_MALFORMED;
        }
        size += tiles_leaf_size(leaf_size);
    }
    grown = realloc(page->data, size);
    if (grown == NULL) return TALLY_E_NO_MEMORY;
    writer = bytes_writer(grown, size);
    writer.at = page->size;
    for (size_t i = 0; i < result->records_count; i++)
        tiles_bundle_put(&writer, bytes_of(result->records[i].data, result->records[i].size));
    page->data = grown;
    page->size = size;
    page->count += (uint32_t)result->records_count;
    return TALLY_OK;
}

static enum tally_err page_of_nodes(struct source *source, struct source_page *page,
                                    struct tally_diag *diag)
{
    const uint64_t size = source->checkpoint.checkpoint.size;
    const uint64_t deadline_ms = clock_monotonic_ms() + source->timeout_ms;
    const uint64_t left = size - page->first;
    const uint32_t room = TILES_WIDTH - (uint32_t)(page->first % TILES_WIDTH);
    const uint32_t count = left < room ? (uint32_t)left : room;

    while (page->count < count) {
        const struct tally_log_query query = {.from = page->first + page->count,
                                              .to = size,
                                              .limit = count - page->count,
                                              .wait_ms = WAIT_MS};
        const struct tally_log_result *result = NULL;
        enum tally_err err = tally_client_log(source->client, &query, &result, diag);

        if (err != TALLY_OK) return err;
        const uint64_t applied = result->size;
        const bool none = result->records_count == 0;
        if (!none) err = take_records(result, query.from, query.limit, page, diag);
        tally_client_result_free(result);
        if (err != TALLY_OK) return err;
        if (!none || clock_monotonic_ms() < deadline_ms) continue; /* a node may be behind */
        tally_diag_set(diag, "the node has %llu of the %llu records of its checkpoint",
                       (unsigned long long)applied, (unsigned long long)size);
        return TALLY_E_TIMEOUT;
    }
    return tiles_bundle_split(bytes_of(page->data, page->size), count, page->leaves, diag);
}

enum tally_err source_page(struct source *source, uint64_t first, struct source_page *ret_page,
                           struct tally_diag *diag)
{
    ret_page->first = first;
    ret_page->count = 0;
    ret_page->has_tile = false;
    ret_page->data = NULL;
    ret_page->size = 0;
    return source->directory != NULL ? page_of_directory(source, ret_page, diag)
                                     : page_of_nodes(source, ret_page, diag);
}

void source_page_free(struct source_page *page)
{
    free(page->data);
    page->data = NULL;
    page->count = 0;
}

/* ---- progress ------------------------------------------------------------------------ */
