#include <jansson.h>

#include "adapter_root.h"
#include "adapter_text.h"
#include "base/arena.h"
#include "commands.h"
#include "out.h"

static enum tally_err show(struct cli *cli, const struct tally_manifest *manifest,
                           struct arena *arena)
{
    struct adapter adapter = {.pickles_count = 0};
    struct tally_diag diag = {""};
    const struct adapter_weights *broken;
    enum tally_err err = adapter_read(cli->arguments[0], manifest, arena, &adapter, &diag);

    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    if (cli_flag(cli, "json")) {
        err = out_json(cli, adapter_json(manifest, &adapter));
        if (err != TALLY_OK) return err;
    } else {
        adapter_print(cli, manifest, &adapter);
    }
    adapter_warn(cli, &adapter);
    broken = adapter_broken(&adapter);
    return broken == NULL ? TALLY_OK
                          : cli_failf(cli, broken->err, "%s: %s", broken->path, broken->fault);
}

static enum tally_err run(struct cli *cli)
{
    struct tally_manifest manifest = {0};
    struct arena *arena = NULL;
    enum tally_err err = adapter_root(cli, cli->arguments[0], &manifest);

    if (err != TALLY_OK) return err;
    err = arena_open(0, &arena);
    err = err == TALLY_OK ? show(cli, &manifest, arena) : cli_fail(cli, err, NULL);
    arena_close(arena);
    tally_manifest_free(&manifest);
    return err;
}

static const struct cli_option options[] = {
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID,
     "a special file, a link to one or to a directory, or two paths too alike"},
    {TALLY_E_MALFORMED,
     "adapter_config.json is no JSON object, or a safetensors file is broken"},
    {TALLY_E_NOT_FOUND, "no such directory, or no file in it"},
    {TALLY_E_IO, "a file cannot be read"},
    {TALLY_E_MISMATCH, "a file changed while it was read"},
    {TALLY_E_TOO_LARGE, "adapter_config.json or the header of a safetensors file"},
};
const struct cli_command command_adapter_show = {
    .name = "adapter show",
    .arguments = "DIR",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "show what is understood of an adapter directory; asks no node",
    .description =
        "The manifest root; the configuration, recognised by its content (PEFT, MLX-LM, "
        "AdapterHub), with sets sorted and numbers exact; the headers of safetensors files, "
        "without their weights; the files that can run code when they are loaded (pickle), by "
        "name and by content.\n\n"
        "The base model's name in a configuration is a hint: it names no bytes.\n\n"
        "A safetensors file is broken when two programs could read different tensors from it: "
        "a name twice, bytes in two tensors, in none, or outside the file, a size that is not "
        "that of the shape. 'tally register' refuses it.",
    .examples = "tally adapter show ./credit-scorer-lora\n"
                "tally adapter show --json ./credit-scorer-lora",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
