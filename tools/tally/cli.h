/* cli - commands and options by table.
 *
 * What it is    Each command is one `struct cli_command`. The parser, `--help`, `tally help`
 * and the manual page (`tally man`) read the same table, so they cannot disagree. Grammar tally
 * COMMAND [--key=value ...] [ARGUMENT ...]. A repeated option, an empty value, a number outside
 * its range and an unknown option are wrong command lines: exit status 64. Otherwise the exit
 * status is an enum tally_err. Output        `out` is data, `err` is for people. Threads One
 * command runs at a time. */
#ifndef TALLY_CLI_H
#define TALLY_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <tally/err.h>

enum {
    CLI_USAGE = 64, /* exit status of a wrong command line */
    CLI_OPTIONS_MAX = 24,
    CLI_ARGUMENTS_MAX = 4,
};

enum cli_type {
    CLI_FLAG,   /* --json */
    CLI_TEXT,   /* --out=FILE: not empty */
    CLI_NUMBER, /* --limit=N: decimal, min..max */
};

struct cli_option {
    const char *name;
    enum cli_type type;
    bool required;
    uint64_t min, max;    /* CLI_NUMBER */
    const char *argument; /* what the value is, in help: "FILE"; NULL for a flag */
    const char *text;     /* one line, without a full stop */
};

struct cli_exit {
    enum tally_err err;
    const char *text; /* when */
};

struct cli;

struct cli_command {
    const char *name;      /* "genesis new": one or two words */
    const char *arguments; /* "DIR"; "" when it takes none */
    uint32_t arguments_min, arguments_max;
    const struct cli_option *options;
    size_t options_count;
    const char *summary;     /* one line, without a full stop */
    const char *description; /* paragraphs, with a blank line between them */
    const char *examples;    /* one command per line */
    const struct cli_exit *exits;
    size_t exits_count;
    /* Returns the exit status; what is wrong was said through cli_fail. */
    enum tally_err (*run)(struct cli *cli);
};

/* One parsed command line. */
struct cli {
    FILE *out, *err;
    const struct cli_command *command;
    const char *values[CLI_OPTIONS_MAX]; /* by place in command->options; NULL: not given */
    uint64_t numbers[CLI_OPTIONS_MAX];
    const char *arguments[CLI_ARGUMENTS_MAX];
    uint32_t arguments_count;
};

/* All commands, ends with NULL. */
extern const struct cli_command *const cli_commands[];

/* Run one command line. Returns the exit status. */
int cli_main(int argc, const char *const *argv, FILE *out, FILE *err);

/* The value of an option of this command (asserted); NULL when it was not given. */
const char *cli_text(const struct cli *cli, const char *name);
bool cli_flag(const struct cli *cli, const char *name);
/* `absent` when it was not given. */
uint64_t cli_number(const struct cli *cli, const char *name, uint64_t absent);

/* Say what failed, and return `err`: "tally COMMAND: <text of err>: <diag>", without the first
 * part for codes that have many reasons. Control characters are replaced. */
enum tally_err cli_fail(struct cli *cli, enum tally_err err, const struct tally_diag *diag);
/* The same with a printf text. */
enum tally_err cli_failf(struct cli *cli, enum tally_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A line for people that is no error: "tally COMMAND: <text>". */
void cli_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Options that several commands have, and their number. */
#define CLI_JSON                                                                               \
    {                                                                                          \
        .name = "json", .type = CLI_FLAG, .text = "print JSON"                                 \
    }
#define CLI_CLUSTER                                                                            \
    {                                                                                          \
        .name = "cluster", .type = CLI_TEXT, .required = true, .argument = "URL[,URL]",        \
        .text = "where nodes answer clients: tls+tcp://host:port; any of them will do"         \
    }
#define CLI_CA                                                                                 \
    {                                                                                          \
        .name = "ca", .type = CLI_TEXT, .argument = "FILE",                                    \
        .text = "PEM file with the certificates of the nodes; tls+tcp needs it"                \
    }
#define CLI_FRESH                                                                              \
    {                                                                                          \
        .name = "fresh", .type = CLI_FLAG,                                                     \
        .text = "ask the leader, and see all that was acknowledged before the question"        \
    }
#define CLI_TIMEOUT                                                                            \
    {                                                                                          \
        .name = "timeout", .type = CLI_NUMBER, .min = 1, .max = 3600, .argument = "SECONDS",   \
        .text = "give up after so long (default 30)"                                           \
    }
#define CLI_COUNT(array) (sizeof(array) / sizeof(array)[0])

#endif
