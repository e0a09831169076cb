/* cli_help - help and the manual page, made from the command table. */
#ifndef TALLY_CLI_HELP_H
#define TALLY_CLI_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "cli.h"

/* All commands with their summaries. */
void cli_help_all(FILE *out);
/* One command: usage, description, options, examples, exit statuses. */
void cli_help_command(const struct cli_command *command, FILE *out);
/* The manual page tally(1), as roff. */
void cli_help_man(FILE *out);

/* The command that these words begin with, and how many of them name it; NULL if none. */
const struct cli_command *cli_find(int argc, const char *const *argv, int *ret_words);
/* Is it the first word of commands with two words? */
bool cli_is_group(const char *word);

#endif
