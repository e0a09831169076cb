/* cli: the parser; help and the manual page are in cli_help.c. The only user of popt. */
#include "cli.h"

#include <popt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/decimal.h"
#include "cli_help.h"

enum { WORDS_MAX = 256, MESSAGE_SIZE = 1024 };

/* ---- messages ------------------------------------------------------------------------ */

/* Text may come from a hostile file: nothing in it may steer a terminal. */
static void print_clean(FILE *file, const char *text)
{
    for (; *text != '\0'; text++)
        (void)fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, file);
}

__attribute__((format(printf, 3, 0))) static void print_message(
    FILE *err, const struct cli_command *command, const char *format, va_list arguments)
{
    char text[MESSAGE_SIZE];

    (void)vsnprintf(text, sizeof text, format, arguments);
    (void)fprintf(err, "tally%s%s: ", command == NULL ? "" : " ",
                  command == NULL ? "" : command->name);
    print_clean(err, text);
    (void)fputc('\n', err);
}

/* Codes that stand for many things: their own text adds nothing to a detail. */
static bool says_little(enum tally_err err)
{
    return err == TALLY_E_INVALID || err == TALLY_E_NOT_FOUND || err == TALLY_E_IO ||
           err == TALLY_E_CONFLICT || err == TALLY_E_SIGNERS;
}

enum tally_err cli_fail(struct cli *cli, enum tally_err err, const struct tally_diag *diag)
{
    if (diag == NULL || diag->text[0] == '\0') return cli_failf(cli, err, "%s", "");
    return cli_failf(cli, err, "%s", diag->text);
}

enum tally_err cli_failf(struct cli *cli, enum tally_err err, const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const bool general = text[0] != '\0' && says_little(err);
    cli_note(cli, "%s%s%s", general ? "" : tally_err_text(err),
             general || text[0] == '\0' ? "" : ": ", text);
    return err;
}

void cli_note(struct cli *cli, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_message(cli->err, cli->command, format, arguments);
    va_end(arguments);
}

/* A wrong command line. `command` is NULL when there is none yet. */
__attribute__((format(printf, 3, 4))) static int usage(FILE *err,
                                                       const struct cli_command *command,
                                                       const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_message(err, command, format, arguments);
    va_end(arguments);
    (void)fprintf(err, "Try 'tally help%s%s'.\n", command == NULL ? "" : " ",
                  command == NULL ? "" : command->name);
    return CLI_USAGE;
}

/* ---- values -------------------------------------------------------------------------- */

static size_t option_place(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->command->options_count; i++)
        if (strcmp(cli->command->options[i].name, name) == 0) return i;
    UNREACHABLE("an option that the command does not have");
}

const char *cli_text(const struct cli *cli, const char *name)
{
    return cli->values[option_place(cli, name)];
}

bool cli_flag(const struct cli *cli, const char *name)
{
    return cli_text(cli, name) != NULL;
}

uint64_t cli_number(const struct cli *cli, const char *name, uint64_t absent)
{
    const size_t place = option_place(cli, name);

    return cli->values[place] == NULL ? absent : cli->numbers[place];
}

/* ---- parsing ------------------------------------------------------------------------- */

/* How many words of argv name `command`; 0: it is another one. */
static int words_match(const struct cli_command *command, int argc, const char *const *argv)
{
    const char *space = strchr(command->name, ' ');

    if (space == NULL) return argc >= 1 && strcmp(argv[0], command->name) == 0 ? 1 : 0;
    const size_t first = (size_t)(space - command->name);
    return argc >= 2 && strlen(argv[0]) == first &&
                   strncmp(argv[0], command->name, first) == 0 &&
                   strcmp(argv[1], space + 1) == 0
               ? 2
               : 0;
}

const struct cli_command *cli_find(int argc, const char *const *argv, int *ret_words)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        *ret_words = words_match(cli_commands[i], argc, argv);
        if (*ret_words > 0) return cli_commands[i];
    }
    return NULL;
}

/* popt's table for a command: option number i has the value i + 1; `--help` follows. */
static void popt_table(const struct cli_command *command,
                       struct poptOption table[CLI_OPTIONS_MAX + 2])
{
    size_t i = 0;

    ASSERT(command->options_count <= CLI_OPTIONS_MAX);
    for (; i < command->options_count; i++)
        table[i] = (struct poptOption){
            .longName = command->options[i].name,
            .argInfo = command->options[i].type == CLI_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
            .val = (int)i + 1};
    table[i++] = (struct poptOption){
        .longName = "help", .argInfo = POPT_ARG_NONE, .val = CLI_OPTIONS_MAX + 1};
    table[i] = (struct poptOption){0};
}

/* Take one option's value; popt gives it on the heap, `cli` keeps it for the process's life
 * (one command line is parsed once). Returns 0 or CLI_USAGE. */
static int take_option(struct cli *cli, size_t place, const char *value)
{
    const struct cli_option *option = &cli->command->options[place];

    if (cli->values[place] != NULL)
        return usage(cli->err, cli->command, "--%s is given twice", option->name);
    if (option->type == CLI_FLAG) {
        cli->values[place] = "";
        return 0;
    }
    if (value == NULL || value[0] == '\0')
        return usage(cli->err, cli->command, "--%s needs a value: --%s=%s", option->name,
                     option->name, option->argument);
    cli->values[place] = value;
    if (option->type == CLI_TEXT) return 0;
    if (!decimal_parse(value, strlen(value), UINT64_MAX, &cli->numbers[place]) ||
        cli->numbers[place] < option->min || cli->numbers[place] > option->max)
        return usage(cli->err, cli->command, "--%s=%s: a whole number from %llu to %llu",
                     option->name, value, (unsigned long long)option->min,
                     (unsigned long long)option->max);
    return 0;
}

static int check_complete(struct cli *cli)
{
    const struct cli_command *command = cli->command;

    for (size_t i = 0; i < command->options_count; i++)
        if (command->options[i].required && cli->values[i] == NULL)
            return usage(cli->err, command, "--%s=%s is missing", command->options[i].name,
                         command->options[i].argument);
    if (cli->arguments_count < command->arguments_min)
        return usage(cli->err, command, "%s is missing", command->arguments);
    return 0;
}

/* What popt saw. The strings that it gives live in `texts` until the command has run. */
struct texts {
    size_t count;
    char *items[WORDS_MAX];
};

/* Returns 0, CLI_USAGE, or -1 after --help. */
static int parse(struct cli *cli, poptContext context, struct texts *texts)
{
    int status = 0;
    int value = 0;

    while (status == 0 && (value = poptGetNextOpt(context)) > 0) {
        if (value == CLI_OPTIONS_MAX + 1) return -1;
        char *text = poptGetOptArg(context);

        if (text != NULL) texts->items[texts->count++] = text;
        status = take_option(cli, (size_t)value - 1, text);
    }
    if (status == 0 && value < -1)
        status = usage(cli->err, cli->command, "%s: %s",
                       poptBadOption(context, POPT_BADOPTION_NOALIAS),
                       value == POPT_ERROR_BADOPT ? "no such option" : poptStrerror(value));
    const char *argument = NULL;
    while (status == 0 && (argument = poptGetArg(context)) != NULL) {
        if (cli->arguments_count == cli->command->arguments_max)
            status = usage(cli->err, cli->command, "'%s' is one argument too many", argument);
        else if (argument[0] == '\0')
            status = usage(cli->err, cli->command, "an argument is empty");
        else
            cli->arguments[cli->arguments_count++] = argument;
    }
    return status == 0 ? check_complete(cli) : status;
}

static int run_command(const struct cli_command *command, int argc, const char *const *argv,
                       FILE *out, FILE *err)
{
    struct cli cli = {.out = out, .err = err, .command = command};
    struct poptOption table[CLI_OPTIONS_MAX + 2];
    struct texts texts = {0};
    const char *words[WORDS_MAX] = {"tally"};

    if (argc > WORDS_MAX - 2) return usage(err, command, "too many words");
    for (int i = 0; i < argc; i++) words[i + 1] = argv[i];
    popt_table(command, table);
    poptContext context = poptGetContext(NULL, argc + 1, words, table, 0);
    if (context == NULL) return cli_fail(&cli, TALLY_E_NO_MEMORY, NULL);

    int status = parse(&cli, context, &texts);
    if (status == -1) {
        cli_help_command(command, out);
        status = 0;
    } else if (status == 0) {
        status = (int)command->run(&cli);
    }
    for (size_t i = 0; i < texts.count; i++) free(texts.items[i]);
    poptFreeContext(context);
    if (fflush(out) != 0 && status == 0)
        status = (int)cli_failf(&cli, TALLY_E_IO, "cannot write the output");
    return status;
}

int cli_main(int argc, const char *const *argv, FILE *out, FILE *err)
{
    int words = 0;

    if (argc < 2) {
        cli_help_all(err);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0) {
        cli_help_all(out);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        return cli_main(2, (const char *[]){"tally", "version"}, out, err);
    const struct cli_command *command = cli_find(argc - 1, argv + 1, &words);
    if (command == NULL)
        return usage(err, NULL, "'%s' is not a command%s", argv[1],
                     cli_is_group(argv[1]) ? " by itself" : "");
    return run_command(command, argc - 1 - words, argv + 1 + words, out, err);
}
