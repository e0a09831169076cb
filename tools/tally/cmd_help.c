#include <jansson.h>
#include <string.h>

#include "cli_help.h"
#include "commands.h"
#include "out.h"

static enum tally_err run_help(struct cli *cli)
{
    int words = 0;

    if (cli->arguments_count == 0) {
        cli_help_all(cli->out);
        return TALLY_OK;
    }
    const struct cli_command *command =
        cli_find((int)cli->arguments_count, cli->arguments, &words);
    if (command != NULL) {
        cli_help_command(command, cli->out);
        return TALLY_OK;
    }
    if (!cli_is_group(cli->arguments[0]))
        return cli_failf(cli, TALLY_E_NOT_FOUND, "no command '%s'", cli->arguments[0]);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        const size_t size = strlen(cli->arguments[0]);

        if (strncmp(cli_commands[i]->name, cli->arguments[0], size) == 0 &&
            cli_commands[i]->name[size] == ' ')
            (void)fprintf(cli->out, "  %-16s %s\n", cli_commands[i]->name,
                          cli_commands[i]->summary);
    }
    return TALLY_OK;
}

const struct cli_command command_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .arguments_max = 2,
    .summary = "explain the commands, or one of them",
    .description = "Prints to standard output.",
    .examples = "tally help genesis new",
    .run = run_help,
};

static enum tally_err run_man(struct cli *cli)
{
    cli_help_man(cli->out);
    return TALLY_OK;
}

const struct cli_command command_man = {
    .name = "man",
    .arguments = "",
    .summary = "print the manual page tally(1)",
    .description = "The page is roff text made from the same tables as the parser.",
    .examples = "tally man | man -l -",
    .run = run_man,
};

static enum tally_err run_version(struct cli *cli)
{
    if (cli_flag(cli, "json"))
        return out_json(cli, json_pack("{s:s}", "version", TALLY_VERSION));
    (void)fprintf(cli->out, "tally %s\n", TALLY_VERSION);
    return TALLY_OK;
}

static const struct cli_option version_options[] = {CLI_JSON};
const struct cli_command command_version = {
    .name = "version",
    .arguments = "",
    .options = version_options,
    .options_count = CLI_COUNT(version_options),
    .summary = "print the version",
    .description = "The nodes of a cluster say theirs in 'tally cluster status'.",
    .examples = "tally version",
    .run = run_version,
};
