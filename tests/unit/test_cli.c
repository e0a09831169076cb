/* Goal: a wrong command line is refused with 64 and a reason, and help says what the parser
 * accepts. Method: command lines, and every entry of the command table. */
#include <check.h>
#include <string.h>

#include "support/check_main.h"
#include "support/cli_run.h"
#include "tally/cli.h"

static bool said(const char *text)
{
    return strstr(cli_run_err, text) != NULL;
}

static bool printed(const char *text)
{
    return strstr(cli_run_out, text) != NULL;
}

static const struct {
    const char *line, *reason;
} wrong[] = {
    {"nonsense", "'nonsense' is not a command"},
    {"genesis", "'genesis' is not a command by itself"},
    {"genesis old", "'genesis' is not a command by itself"},
    {"keygen", "--name=NAME is missing"},
    {"keygen --name=a", "--out=FILE is missing"},
    {"keygen --name= --out=f", "--name needs a value: --name=NAME"},
    {"keygen --name=a --name=b --out=f", "--name is given twice"},
    {"keygen --json --json --name=a --out=f", "--json is given twice"},
    {"keygen --nam=a --out=f", "--nam=a: no such option"},
    {"keygen --name=a --out", "--out: "},
    {"keygen --name=a --out=f more", "'more' is one argument too many"},
    {"keygen -n a", "-n: no such option"},
    {"adapter root", "DIR is missing"},
    {"log --cluster=u --limit=", "--limit needs a value: --limit=N"},
    {"log --cluster=u --limit=0", "--limit=0: a whole number from 1 to"},
    {"log --cluster=u --limit=-1", "--limit=-1: a whole number from 1 to"},
    {"log --cluster=u --limit=1k", "--limit=1k: a whole number from 1 to"},
    {"log --cluster=u --from=99999999999999999999", "a whole number from 0 to"},
    {"bench --cluster=u --key=k --batch=4097", "--batch=4097: a whole number from 1 to 4096"},
    {"genesis new --config=c --out=o --stolen-keys=7", "a whole number from 0 to 6"},
    {"genesis new --config=c --out=o", "--stolen-keys=F is missing"},
};

START_TEST(wrong_lines)
{
    ck_assert_int_eq(cli_run("%s", wrong[_i].line), 64);
    ck_assert_msg(said(wrong[_i].reason), "%s: %s", wrong[_i].line, cli_run_err);
    ck_assert_msg(said("Try 'tally help"), "%s", cli_run_err);
    ck_assert_str_eq(cli_run_out, "");
}
END_TEST

START_TEST(no_words)
{
    ck_assert_int_eq(cli_run("%s", ""), 64);
    ck_assert(said("usage: tally COMMAND"));
}
END_TEST

/* Control characters of the command line do not reach the terminal. */
START_TEST(clean_messages)
{
    ck_assert_int_eq(cli_run("x\033[31m\ny"), 64);
    ck_assert(said("'x?[31m?y' is not a command"));
}
END_TEST

START_TEST(both_forms)
{
    ck_assert_int_eq(cli_run("keygen --name a --out=/nowhere/at/all --json"), TALLY_E_IO);
}
END_TEST

START_TEST(versions)
{
    ck_assert_int_eq(cli_run("version"), 0);
    ck_assert_str_eq(cli_run_out, "tally " TALLY_VERSION "\n");
    ck_assert_int_eq(cli_run("--version"), 0);
    ck_assert_str_eq(cli_run_out, "tally " TALLY_VERSION "\n");
    ck_assert_int_eq(cli_run("version --json"), 0);
    ck_assert(printed("\"version\": \"" TALLY_VERSION "\""));
}
END_TEST

START_TEST(help_of_a_group)
{
    ck_assert_int_eq(cli_run("help genesis"), 0);
    ck_assert(printed("genesis new") && printed("genesis sign") && printed("genesis seal"));
    ck_assert(!printed("keygen"));
    ck_assert_int_eq(cli_run("help nonsense"), TALLY_E_NOT_FOUND);
}
END_TEST

/* What every entry of the table must have, and what help and the manual page make of it. */
static void check_command(const struct cli_command *command)
{
    ck_assert(command->run != NULL && command->arguments != NULL);
    ck_assert_str_ne(command->summary, "");
    ck_assert(command->summary[strlen(command->summary) - 1] != '.');
    ck_assert_str_ne(command->description, "");
    ck_assert_str_ne(command->examples, "");
    ck_assert_uint_le(command->options_count, CLI_OPTIONS_MAX);
    ck_assert_uint_le(command->arguments_max, CLI_ARGUMENTS_MAX);
    ck_assert_uint_le(command->arguments_min, command->arguments_max);
    ck_assert_int_eq(command->arguments[0] == '\0', command->arguments_max == 0);
    for (size_t i = 0; i < command->options_count; i++) {
        const struct cli_option *option = &command->options[i];
        char text[128];

        (void)snprintf(text, sizeof text, "--%s", option->name);
        ck_assert_msg(printed(text), "%s %s", command->name, text);
        ck_assert_int_eq(option->argument == NULL, option->type == CLI_FLAG);
        ck_assert(option->type != CLI_NUMBER || option->min < option->max);
        for (size_t k = 0; k < i; k++) ck_assert_str_ne(option->name, command->options[k].name);
    }
    for (size_t i = 1; i < command->exits_count; i++)
        ck_assert_int_lt(command->exits[i - 1].err, command->exits[i].err);
}

START_TEST(every_command)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        char first[sizeof cli_run_out];

        ck_assert_int_eq(cli_run("help %s", cli_commands[i]->name), 0);
        check_command(cli_commands[i]);
        memcpy(first, cli_run_out, sizeof first);
        ck_assert_int_eq(cli_run("%s --help", cli_commands[i]->name), 0);
        ck_assert_str_eq(first, cli_run_out);
        for (const char *line = first; *line != '\0';) {
            const size_t size = strcspn(line, "\n");

            ck_assert_msg(size <= 96 || strstr(first, "Examples:") < line, "%.*s", (int)size,
                          line);
            line += size + (line[size] == '\n');
        }
    }
}
END_TEST

START_TEST(manual_page)
{
    ck_assert_int_eq(cli_run("man"), 0);
    ck_assert(strncmp(cli_run_out, ".TH TALLY 1", 11) == 0);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        char text[128];

        (void)snprintf(text, sizeof text, ".SS %s", cli_commands[i]->name);
        ck_assert_msg(printed(text), "%s", text);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("cli");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, wrong_lines, 0, (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(all, no_words);
    tcase_add_test(all, clean_messages);
    tcase_add_test(all, both_forms);
    tcase_add_test(all, versions);
    tcase_add_test(all, help_of_a_group);
    tcase_add_test(all, every_command);
    tcase_add_test(all, manual_page);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
