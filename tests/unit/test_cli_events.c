/* Goal: events, events describe and schema say what the tables say, and refuse what they do not
 * know. Method: command lines; tests/process/test_events.py looks at what is printed. */
#include <check.h>
#include <jansson.h>
#include <string.h>

#include "event/event_types.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "tally/cli.h"

static bool printed(const char *text)
{
    return strstr(cli_run_out, text) != NULL;
}

static size_t lines(void)
{
    size_t count = 0;

    for (const char *c = cli_run_out; *c != '\0'; c++) count += *c == '\n' ? 1 : 0;
    return count;
}

START_TEST(list)
{
    size_t count;

    (void)event_types(&count);
    ck_assert_int_eq(cli_run("events"), 0);
    ck_assert_uint_eq(lines(), count);
    ck_assert(printed("157 version.registered") && printed("model/<name>/version/<version>"));
    ck_assert(printed("nobody: aliases are not kept yet"));
    ck_assert_int_eq(cli_run("events --markdown"), 0);
    ck_assert_uint_eq(lines(), count + 2);
    ck_assert_int_eq(cli_run("events --markdown --json"), TALLY_E_INVALID);
    ck_assert_ptr_nonnull(strstr(cli_run_err, "not both"));
}
END_TEST

START_TEST(description)
{
    ck_assert_int_eq(cli_run("events describe attestation.retracted"), 0);
    ck_assert(printed("attestation.retracted, number 159"));
    ck_assert(printed("author, evaluator, auditor"));
    ck_assert(printed("REL_CORRECTS, required") && printed("of the same subject"));
    ck_assert(printed("RETRACTION_CAUSE_MISTAKE") && printed("For 'tally append':"));
    ck_assert_int_eq(cli_run("events describe alias.set"), 0);
    ck_assert(printed("nobody: aliases are not kept yet") && printed("expected_head"));
    ck_assert_int_eq(cli_run("events describe ledger.genesis"), 0);
    ck_assert(!printed("For 'tally append':"));
}
END_TEST

START_TEST(schemas)
{
    json_t *schema;

    ck_assert_int_eq(cli_run("schema deployment.started"), 0);
    schema = json_loads(cli_run_out, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(schema);
    ck_assert_str_eq(json_string_value(json_object_get(schema, "title")), "deployment.started");
    json_decref(schema);
}
END_TEST

START_TEST(no_such_type)
{
    static const char *const words[] = {"events describe", "schema"};

    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(cli_run("%s alias_set", words[i]), TALLY_E_NOT_FOUND);
        ck_assert_ptr_nonnull(strstr(cli_run_err, "no type 'alias_set'; 'tally events' lists"));
        ck_assert_str_eq(cli_run_out, "");
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("cli_events");
    TCase *all = tcase_create("all");

    tcase_add_test(all, list);
    tcase_add_test(all, description);
    tcase_add_test(all, schemas);
    tcase_add_test(all, no_such_type);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
