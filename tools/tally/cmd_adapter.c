#include <jansson.h>

#include "adapter_root.h"
#include "base/clock.h"
#include "commands.h"
#include "out.h"
#include "progress.h"

enum tally_err adapter_root(struct cli *cli, const char *directory,
                            struct tally_manifest *ret_manifest)
{
    struct progress progress = progress_begin(cli->err, !cli_flag(cli, "json"), PROGRESS_BYTES,
                                              0, clock_monotonic_ms());
    struct tally_diag diag = {""};
    const enum tally_err err = tally_manifest_read(
        directory, progress.to == NULL ? NULL : progress_show, &progress, ret_manifest, &diag);

    progress_end(&progress);
    return err == TALLY_OK ? TALLY_OK : cli_fail(cli, err, &diag);
}

static json_t *json_files(const struct tally_manifest *manifest)
{
    json_t *list = json_array();

    for (size_t i = 0; i < manifest->files_count; i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:o, s:o}", "path", manifest->files[i].path, "size",
                            out_json_number(manifest->files[i].size), "sha256",
                            out_json_hex(manifest->files[i].digest.bytes, TALLY_HASH_BYTES)));
    return list;
}

static enum tally_err print_json(struct cli *cli, const struct tally_manifest *manifest)
{
    json_t *ignored = json_array();
    json_t *object = json_pack("{s:o, s:o, s:o}", "manifest_root",
                               out_json_hex(manifest->root.bytes, TALLY_HASH_BYTES), "size",
                               out_json_number(manifest->size), "file_count",
                               out_json_number(manifest->files_count));

    for (size_t i = 0; i < manifest->ignored_count; i++)
        (void)json_array_append_new(ignored, json_string(manifest->ignored[i]));
    if (object != NULL) (void)json_object_set(object, "ignored", ignored);
    json_decref(ignored);
    if (object != NULL && cli_flag(cli, "files"))
        (void)json_object_set_new(object, "files", json_files(manifest));
    return out_json(cli, object);
}

static enum tally_err run(struct cli *cli)
{
    struct tally_manifest manifest = {0};
    char hex[OUT_HEX_SIZE];

    enum tally_err err = adapter_root(cli, cli->arguments[0], &manifest);
    if (err != TALLY_OK) return err;
    if (cli_flag(cli, "json")) {
        err = print_json(cli, &manifest);
        tally_manifest_free(&manifest);
        return err;
    }
    out_line(cli, "root", "%s", out_hex(manifest.root.bytes, hex));
    out_line(cli, "files", "%zu, %llu bytes", manifest.files_count,
             (unsigned long long)manifest.size);
    for (size_t i = 0; cli_flag(cli, "files") && i < manifest.files_count; i++)
        out_line(cli, "", "%s %llu %s", out_hex(manifest.files[i].digest.bytes, hex),
                 (unsigned long long)manifest.files[i].size, manifest.files[i].path);
    for (size_t i = 0; i < manifest.ignored_count; i++)
        out_line(cli, "ignored", "%s", manifest.ignored[i]);
    tally_manifest_free(&manifest);
    return TALLY_OK;
}

static const struct cli_option options[] = {
    {.name = "files", .type = CLI_FLAG, .text = "list the files with size and SHA-256"},
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID,
     "a special file, a link to one or to a directory, or two paths too alike"},
    {TALLY_E_NOT_FOUND, "no such directory, or no file in it"},
    {TALLY_E_IO, "a file cannot be read"},
    {TALLY_E_MISMATCH, "a file changed while it was read"},
};
const struct cli_command command_adapter_root = {
    .name = "adapter root",
    .arguments = "DIR",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "print the manifest root of a directory: the identity of its bytes",
    .description =
        "Every regular file below DIR counts, with its path, size and SHA-256; a symbolic link "
        "to a regular file counts as that file. '.git', '.gitattributes' and '*.tlog-proof' at "
        "the top are left out, and listed as ignored.",
    .examples = "tally adapter root --files ./credit-scorer-lora",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
