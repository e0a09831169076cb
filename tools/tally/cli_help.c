#include "cli_help.h"

#include <string.h>

enum { WIDTH = 92 };

bool cli_is_group(const char *word)
{
    const size_t size = strlen(word);

    for (size_t i = 0; cli_commands[i] != NULL; i++)
        if (strncmp(cli_commands[i]->name, word, size) == 0 &&
            cli_commands[i]->name[size] == ' ')
            return true;
    return false;
}

/* Print words of `text` in lines of WIDTH, the first one begun at `column`, the others at
 * `indent`. Newlines in `text` stay. */
static void wrap(FILE *out, const char *text, size_t column, size_t indent)
{
    while (*text != '\0') {
        if (*text == '\n') {
            (void)fputc('\n', out);
            column = 0;
            text++;
            continue;
        }
        if (*text == ' ') {
            text++;
            continue;
        }
        const size_t size = strcspn(text, " \n");

        if (column > indent && column + 1 + size > WIDTH) {
            (void)fputc('\n', out);
            column = 0;
        }
        if (column == 0) {
            (void)fprintf(out, "%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            (void)fputc(' ', out);
            column++;
        }
        (void)fwrite(text, 1, size, out);
        column += size;
        text += size;
    }
    (void)fputc('\n', out);
}

void cli_help_all(FILE *out)
{
    (void)fputs("usage: tally COMMAND [--key=value ...] [ARGUMENT ...]\n\n", out);
    (void)fputs("An append-only audit ledger for changes to AI models.\n\n", out);
    for (size_t i = 0; cli_commands[i] != NULL; i++)
        (void)fprintf(out, "  %-16s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    (void)fputs(
        "\n'tally help COMMAND' explains one. The exit status is 0, or the number of an "
        "error;\na wrong command line is 64.\n",
        out);
}

static void option_text(const struct cli_option *option, char *to, size_t size)
{
    if (option->argument == NULL)
        (void)snprintf(to, size, "--%s", option->name);
    else
        (void)snprintf(to, size, "--%s=%s", option->name, option->argument);
}

static void usage_line(const struct cli_command *command, FILE *out)
{
    char line[1024];
    size_t at = (size_t)snprintf(line, sizeof line, "tally %s", command->name);

    for (size_t i = 0; i < command->options_count; i++) {
        const bool required = command->options[i].required;
        char text[128];

        option_text(&command->options[i], text, sizeof text);
        at += (size_t)snprintf(line + at, sizeof line - at, " %s%s%s", required ? "" : "[",
                               text, required ? "" : "]");
    }
    if (command->arguments[0] != '\0')
        (void)snprintf(line + at, sizeof line - at, " %s", command->arguments);
    (void)fputs("usage: ", out);
    wrap(out, line, 7, 7);
}

void cli_help_command(const struct cli_command *command, FILE *out)
{
    usage_line(command, out);
    (void)fprintf(out, "\n%s.\n\n", command->summary);
    wrap(out, command->description, 0, 0);
    if (command->options_count > 0) (void)fputs("\nOptions:\n", out);
    for (size_t i = 0; i < command->options_count; i++) {
        char text[128];

        option_text(&command->options[i], text, sizeof text);
        (void)fprintf(out, "  %-24s ", text);
        if (strlen(text) > 24) (void)fprintf(out, "\n%27s", "");
        wrap(out, command->options[i].text, 27, 27);
    }
    if (command->examples[0] != '\0') (void)fputs("\nExamples:\n", out);
    for (const char *line = command->examples; *line != '\0';) {
        const size_t size = strcspn(line, "\n");

        (void)fprintf(out, "  %.*s\n", (int)size, line);
        line += size + (line[size] == '\n' ? 1 : 0);
    }
    (void)fputs("\nExit status: 0 success, 64 wrong command line", out);
    (void)fputs(command->exits_count > 0 ? ", and\n" : ".\n", out);
    for (size_t i = 0; i < command->exits_count; i++)
        (void)fprintf(out, "  %3d  %s\n", (int)command->exits[i].err, command->exits[i].text);
}

/* Text for roff: backslashes and dashes escaped, no line that begins with a control character.
 */
static void roff(FILE *out, const char *text)
{
    bool begin = true;

    for (; *text != '\0'; text++) {
        if (begin && (*text == '.' || *text == '\'')) (void)fputs("\\&", out);
        begin = *text == '\n';
        if (*text == '\\')
            (void)fputs("\\e", out);
        else if (*text == '-')
            (void)fputs("\\-", out);
        else if (*text == '\n' && text[1] == '\n')
            (void)fputs("\n.PP", out);
        else
            (void)fputc(*text, out);
    }
}

static void man_command(const struct cli_command *command, FILE *out)
{
    (void)fputs(".SS ", out);
    roff(out, command->name);
    (void)fputc(' ', out);
    roff(out, command->arguments);
    (void)fputs("\n", out);
    roff(out, command->summary);
    (void)fputs(".\n.PP\n", out);
    roff(out, command->description);
    (void)fputc('\n', out);
    for (size_t i = 0; i < command->options_count; i++) {
        char text[128];

        option_text(&command->options[i], text, sizeof text);
        (void)fputs(".TP\n.B ", out);
        roff(out, text);
        (void)fputc('\n', out);
        roff(out, command->options[i].text);
        (void)fputs(command->options[i].required ? " (required)\n" : "\n", out);
    }
    if (command->examples[0] != '\0') {
        (void)fputs(".PP\nExamples:\n.PP\n.nf\n", out);
        roff(out, command->examples);
        (void)fputs("\n.fi\n", out);
    }
}

void cli_help_man(FILE *out)
{
    (void)fputs(".TH TALLY 1 \"\" \"tally " TALLY_VERSION "\"\n.SH NAME\n"
                "tally \\- an append\\-only audit ledger for changes to AI models\n"
                ".SH SYNOPSIS\n.B tally\n.I COMMAND\n[\\-\\-key=value ...] [ARGUMENT ...]\n"
                ".SH COMMANDS\n",
                out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) man_command(cli_commands[i], out);
    (void)fputs(".SH EXIT STATUS\n64 for a wrong command line, otherwise\n", out);
#define X(name, value, retry, text) (void)fprintf(out, ".TP\n%d\n%s\n", value, text);
    TALLY_ERR_TABLE(X)
#undef X
}
