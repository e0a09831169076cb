/* export: the log of a running ledger, as files that others can check. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cluster.h"
#include "commands.h"
#include "crypto/hash.h"
#include "export_dir.h"
#include "out.h"
#include "progress.h"
#include "source.h"

struct exporter {
    struct cli *cli;
    const char *directory;
    struct source source;
    struct source_page page;
    struct tiles_builder builder;
    uint8_t *bundle; /* the last one, not complete yet */
    size_t bundle_size, bundle_capacity;
    uint64_t resumed; /* records that the directory had */
    uint64_t written; /* bytes */
    struct tally_diag diag;
};

/* ---- writing ------------------------------------------------------------------------- */

static enum tally_err put_file(struct exporter *exporter, const char *path, struct bytes data)
{
    uint64_t written = 0;
    const enum tally_err err =
        export_file_write(exporter->directory, path, data, &written, &exporter->diag);

    exporter->written += written;
    return err;
}

static enum tally_err put_tile(void *context, uint32_t level, uint64_t index,
                               const struct tally_hash *hashes, uint32_t width,
                               struct tally_diag *diag)
{
    char path[TILES_PATH_SIZE];

    (void)diag; /* the exporter's own */
    tiles_path((int)level, index, width, path);
    return put_file(context, path, bytes_of(hashes, (size_t)width * TALLY_HASH_BYTES));
}

static enum tally_err put_bundle(struct exporter *exporter, uint64_t index, uint32_t width)
{
    char path[TILES_PATH_SIZE];

    tiles_path(TILES_BUNDLE, index, width, path);
    return put_file(exporter, path, bytes_of(exporter->bundle, exporter->bundle_size));
}

static enum tally_err add_to_bundle(struct exporter *exporter, struct bytes leaf)
{
    const size_t size = exporter->bundle_size + tiles_leaf_size(leaf.size);
    struct bytes_writer writer;

    if (size > exporter->bundle_capacity) {
        uint8_t *grown = realloc(exporter->bundle, 2 * size);

        if (grown == NULL) return TALLY_E_NO_MEMORY;
        exporter->bundle = grown;
        exporter->bundle_capacity = 2 * size;
    }
    writer = bytes_writer(exporter->bundle, exporter->bundle_capacity);
    writer.at = exporter->bundle_size;
    tiles_bundle_put(&writer, leaf);
    exporter->bundle_size = size;
    return TALLY_OK;
}

/* The trust file remembers a tree that was verified before: this one must begin with it. */
static enum tally_err check_seen(struct exporter *exporter)
{
    const struct trust *trust = exporter->source.trust;
    struct tally_hash root;

    if (trust == NULL || !trust->has_checkpoint ||
        trust->checkpoint_size != exporter->builder.size) {
        return TALLY_OK;
    }
    tiles_root(&exporter->builder, &root);
    if (hash_equal(&root, &trust->checkpoint_root)) return TALLY_OK;
    tally_diag_set(&exporter->diag, "two trees of %llu records: this one, and the trust file's",
                   (unsigned long long)trust->checkpoint_size);
    return TALLY_E_SPLIT_VIEW;
}

static enum tally_err add_leaf(struct exporter *exporter, struct bytes leaf)
{
    const uint64_t index = exporter->builder.size;
    struct tally_hash hash;
    enum tally_err err = add_to_bundle(exporter, leaf);

    if (err == TALLY_OK && index % TILES_WIDTH == TILES_WIDTH - 1) {
        err = put_bundle(exporter, index / TILES_WIDTH, TILES_WIDTH);
        exporter->bundle_size = 0;
    }
    if (err != TALLY_OK) return err;
    hash_leaf(leaf.data, leaf.size, &hash);
    err = tiles_add(&exporter->builder, &hash, put_tile, exporter, &exporter->diag);
    return err == TALLY_OK ? check_seen(exporter) : err;
}

/* ---- what is there already ----------------------------------------------------------- */

/* The bundle that goes on, and the last tiles: what they say must be the checkpoint there. */
static enum tally_err resume(struct exporter *exporter, const struct checkpoint *old)
{
    const uint64_t index = old->size / TILES_WIDTH;
    const uint32_t width = tiles_width(TILES_BUNDLE, index, old->size);
    struct tally_diag *diag = &exporter->diag;
    struct bytes leaves[TILES_WIDTH];
    struct tally_hash root;
    uint8_t *data = NULL;
    enum tally_err err =
        export_resume(exporter->directory, old->size, &exporter->builder, diag);

    if (err == TALLY_OK && width > 0)
        err = export_bundle_read(exporter->directory, index, width, &data, leaves, diag);
    for (uint32_t i = 0; i < width && err == TALLY_OK; i++) {
        struct tally_hash hash;

        hash_leaf(leaves[i].data, leaves[i].size, &hash);
        err = add_to_bundle(exporter, leaves[i]);
        if (hash_equal(&hash, &exporter->builder.hashes[0][i])) continue;
        tally_diag_set(diag, "record %llu in the directory has not the hash in its tile",
                       (unsigned long long)index * TILES_WIDTH + i);
        err = TALLY_E_CORRUPT;
    }
    free(data);
    if (err != TALLY_OK) return err;
    tiles_root(&exporter->builder, &root);
    if (hash_equal(&root, &old->root)) return TALLY_OK;
    tally_diag_set(diag, "the last tiles in the directory do not lead to its checkpoint");
    return TALLY_E_CORRUPT;
}

/* Is the directory of this log, and older? */
static enum tally_err compare(struct exporter *exporter, const struct checkpoint *old)
{
    const struct checkpoint *new = &exporter->source.checkpoint.checkpoint;
    struct tally_diag *diag = &exporter->diag;

    if (!bytes_equal(old->origin, new->origin)) {
        tally_diag_set(diag, "%s holds the log %.*s, the node has %.*s: take another directory",
                       exporter->directory, (int)old->origin.size,
                       (const char *)old->origin.data, (int)new->origin.size,
                       (const char *)new->origin.data);
        return TALLY_E_WRONG_LEDGER;
    }
    if (old->size > new->size) {
        tally_diag_set(diag,
                       "%s holds %llu records, and the newest checkpoint of the node has %llu: "
                       "ask another node, or later",
                       exporter->directory, (unsigned long long)old->size,
                       (unsigned long long)new->size);
        return TALLY_E_STALE;
    }
    if (old->size == new->size && !hash_equal(&old->root, &new->root)) {
        tally_diag_set(diag, "two trees of %llu records: keep the directory as evidence",
                       (unsigned long long)old->size);
        return TALLY_E_SPLIT_VIEW;
    }
    return TALLY_OK;
}

static enum tally_err prepare(struct exporter *exporter)
{
    struct export_checkpoint old;
    struct bytes foreign = {0};
    struct tally_diag *diag = &exporter->diag;
    enum tally_err err = export_dir_make(exporter->directory, diag);

    if (err != TALLY_OK) return err;
    err = export_checkpoint_read(exporter->directory, exporter->source.arena, &old, diag);
    if (err == TALLY_OK) {
        err = compare(exporter, &old.checkpoint);
        if (err == TALLY_OK) err = resume(exporter, &old.checkpoint);
        exporter->resumed = old.checkpoint.size;
        return err;
    }
    if (err != TALLY_E_NOT_FOUND) return err;
    err = export_dir_foreign(exporter->directory, exporter->source.arena, &foreign, diag);
    if (err != TALLY_OK || foreign.data == NULL) return err;
    tally_diag_set(diag, "%s holds no export, and %s: take an empty directory",
                   exporter->directory, (const char *)foreign.data);
    return TALLY_E_INVALID;
}

/* ---- all of it ----------------------------------------------------------------------- */

static enum tally_err download(struct exporter *exporter)
{
    const uint64_t size = exporter->source.checkpoint.checkpoint.size;
    struct progress progress =
        progress_begin(exporter->cli->err, !cli_flag(exporter->cli, "json"), PROGRESS_RECORDS,
                       exporter->builder.size, clock_monotonic_ms());
    enum tally_err err = TALLY_OK;

    while (err == TALLY_OK && exporter->builder.size < size) {
        err = source_page(&exporter->source, exporter->builder.size, &exporter->page,
                          &exporter->diag);
        for (uint32_t i = 0; i < exporter->page.count && err == TALLY_OK; i++)
            err = add_leaf(exporter, exporter->page.leaves[i]);
        source_page_free(&exporter->page);
        progress_show(&progress, exporter->builder.size, size);
    }
    progress_end(&progress);
    return err;
}

/* The checkpoint comes last: what it covers is whole, whatever happens before. */
static enum tally_err finish(struct exporter *exporter)
{
    const struct export_checkpoint *checkpoint = &exporter->source.checkpoint;
    const uint64_t size = checkpoint->checkpoint.size;
    const uint32_t width = (uint32_t)(size % TILES_WIDTH);
    struct tally_hash root;
    enum tally_err err = TALLY_OK;

    tiles_root(&exporter->builder, &root);
    if (!hash_equal(&root, &checkpoint->checkpoint.root)) {
        tally_diag_set(
            &exporter->diag,
            exporter->resumed > 0
                ? "the log of the node does not go on from the one in the directory: "
                  "keep the directory as evidence"
                : "the records that the node gave are not those of its checkpoint");
        return exporter->resumed > 0 ? TALLY_E_SPLIT_VIEW : TALLY_E_PROOF;
    }
    if (width > 0) err = put_bundle(exporter, size / TILES_WIDTH, width);
    if (err == TALLY_OK)
        err = tiles_finish(&exporter->builder, put_tile, exporter, &exporter->diag);
    return err == TALLY_OK ? put_file(exporter, "checkpoint", checkpoint->note) : err;
}

static enum tally_err tell(struct exporter *exporter)
{
    struct cli *cli = exporter->cli;
    const struct checkpoint *checkpoint = &exporter->source.checkpoint.checkpoint;
    const bool checked = exporter->source.trust != NULL;
    char hex[OUT_HEX_SIZE];

    if (cli_flag(cli, "json"))
        return out_json(
            cli,
            json_pack("{s:s, s:s%, s:o, s:o, s:o, s:o, s:b}", "directory", exporter->directory,
                      "origin", (const char *)checkpoint->origin.data, checkpoint->origin.size,
                      "size", out_json_number(checkpoint->size), "root",
                      out_json_hex(checkpoint->root.bytes, 32), "added",
                      out_json_number(checkpoint->size - exporter->resumed), "bytes_written",
                      out_json_number(exporter->written), "checkpoint_checked", checked));
    out_line(cli, "ledger", "%.*s", (int)checkpoint->origin.size,
             (const char *)checkpoint->origin.data);
    out_line(cli, "records", "%llu, of which %llu are new",
             (unsigned long long)checkpoint->size,
             (unsigned long long)(checkpoint->size - exporter->resumed));
    out_line(cli, "root", "%s", out_hex(checkpoint->root.bytes, hex));
    out_line(cli, "signatures", "%s",
             checked ? "of the checkpoint: as the trust file asks for"
                     : "of the checkpoint: nobody's were asked for (no --trust)");
    out_line(cli, "next", "tally audit --from-log=%s%s", exporter->directory,
             checked ? " --trust=..." : "");
    return TALLY_OK;
}

static enum tally_err run(struct cli *cli)
{
    struct exporter *exporter = calloc(1, sizeof *exporter);
    enum tally_err err;

    if (exporter == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    exporter->cli = cli;
    exporter->directory = cli->arguments[0];
    err = source_open_nodes(cli, cli_text(cli, "cluster"), &exporter->source);
    if (err == TALLY_OK) {
        err = prepare(exporter);
        if (err == TALLY_OK) err = download(exporter);
        if (err == TALLY_OK) err = finish(exporter);
        if (err != TALLY_OK)
            (void)cli_fail(cli, err, &exporter->diag);
        else
            err = tell(exporter);
    }
    source_close(&exporter->source);
    free(exporter->bundle);
    free(exporter);
    return err;
}

static const struct cli_option options[] = {
    CLI_CLUSTER, SOURCE_TRUST, CLI_CA, CLI_TIMEOUT, CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "DIR holds something else"},
    {TALLY_E_MALFORMED, "a file in DIR or the trust file cannot be read, or the node's answer"},
    {TALLY_E_PROOF, "the node's records are not those of its checkpoint"},
    {TALLY_E_SIGNATURE, "no key of the trust file signed the checkpoint"},
    {TALLY_E_SPLIT_VIEW,
     "the node's log contradicts the one in DIR or in the trust file: keep both"},
    {TALLY_E_CORRUPT, "the last files in DIR are damaged: export to an empty directory"},
    {TALLY_E_NOT_FOUND, "a file in DIR is missing; or nothing is published yet"},
    {TALLY_E_TIMEOUT, "no node answered in time; the same command goes on"},
    {TALLY_E_IO, "a file cannot be written"},
    {TALLY_E_QUORUM, "too few cosignatures for the trust file came in time"},
    {TALLY_E_STALE, "the node's checkpoint is older than DIR's or the trust file's"},
    {TALLY_E_WRONG_LEDGER, "DIR holds the log of another ledger"},
};
const struct cli_command command_export = {
    .name = "export",
    .arguments = "DIR",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "write the log of a running ledger to files that others can check",
    .description =
        "Writes the newest published checkpoint, every record below it and the hashes of the "
        "tree, as C2SP tlog-tiles. What the node gives is hashed: the records must lead to the "
        "root of the checkpoint, and with --trust the checkpoint must satisfy the trust file. "
        "'tally audit' checks the rest.\n\n"
        "A second export into the same directory only adds, and shows that the log of now "
        "begins with the one of then. The checkpoint is written last, so that an export that "
        "was cut short is begun again where the last whole one ended.",
    .examples = "tally export --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem "
                "--trust=acme.trust acme-log\n"
                "tally audit --from-log=acme-log --trust=acme.trust",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
