/* Goal: each report has the rows that the story asks for, no others, and says what it covers; a
 * log with a fault has none. Method: a ledger in memory with one story, one event every second;
 * command lines over its export, read as JSON. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/err.h>

#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/report_story.h"
#include "tally/report.h"

static json_t *report;

static void setup(void)
{
    report_story_open();
}

static void teardown(void)
{
    json_decref(report);
    report = NULL;
    report_story_close();
}

/* ---- asking ---- */

static json_t *rows(void)
{
    return json_object_get(report, "rows");
}

static bool complete(void)
{
    return json_is_true(json_object_get(json_object_get(report, "covers"), "complete"));
}

static const char *cell(size_t row, const char *column)
{
    const json_t *value = json_object_get(json_array_get(rows(), row), column);

    ck_assert_msg(json_is_string(value), "no text %s in row %zu of %s", column, row,
                  cli_run_out);
    return json_string_value(value);
}

/* It must work, and be about these records in this order; NULL: of no matter. */
static void ask(const char *words, const uint32_t *indexes, size_t count)
{
    const int status = cli_run("report %s --from-log=log --trust=trust --jobs=1 --json", words);

    ck_assert_msg(status == 0, "%s: %d: %s", words, status, cli_run_err);
    json_decref(report);
    report = json_loads(cli_run_out, 0, NULL);
    ck_assert_ptr_nonnull(report);
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_object_get(report, "covers"), "to_size")),
        RECORDS);
    if (indexes == NULL) return;
    for (size_t i = 0; i < count && i < json_array_size(rows()); i++) {
        const json_t *index = json_object_get(json_array_get(rows(), i), "index");

        ck_assert_msg(json_integer_value(index) == indexes[i], "%s: row %zu is %d, not %u",
                      words, i, (int)json_integer_value(index), (unsigned)indexes[i]);
    }
    ck_assert_msg(json_array_size(rows()) == count, "%s: %zu rows", words,
                  json_array_size(rows()));
}
#define ASK(words, ...)                                                                        \
    do {                                                                                       \
        const uint32_t indexes_[] = {__VA_ARGS__};                                             \
        ask(words, indexes_, sizeof indexes_ / sizeof indexes_[0]);                            \
    } while (0)
#define ASK_NONE(words) ask(words, (const uint32_t[]){0}, 0)

/* ---- lists ---- */

/* Records 4 (22:13:24) to 6: the one at --from is in, the one at --to is not. */
START_TEST(interval)
{
    ASK("changes --from=2023-11-14T22:13:24Z --to=2023-11-14T22:13:27Z", MODEL, RUN, RUN_END);
    ck_assert(complete());
    ASK("changes --from=2023-11-14T22:13:24.001 --to=2023-11-14T22:13:26.001", RUN, RUN_END);
    ck_assert_str_eq(cell(0, "time"), "2023-11-14T22:13:25.000Z");
    ck_assert_str_eq(cell(0, "subject"), "model/m/run/r");
    ck_assert_ptr_nonnull(strstr(cell(0, "signed_by"), "author:"));
    ASK_NONE("changes --to=2023-11-14");
    ck_assert(complete());
    ASK("changes --to=2023-11-14T22:13:22", GENESIS, BASE);
}
END_TEST

/* Everything but the denied one and the StateRoot. */
START_TEST(all_changes)
{
    ask("changes", NULL, 0);
    ck_assert_uint_eq(json_array_size(rows()), RECORDS - 2);
    ck_assert(complete());
}
END_TEST

/* Another record could still have the time of the newest one. */
START_TEST(end_of_the_log)
{
    ask("changes --to=2023-11-14T22:13:44", NULL, 0);
    ck_assert(complete());
    ask("changes --to=2023-11-14T22:13:44.001", NULL, 0);
    ck_assert(!complete());
    ASK_NONE("changes --from=2024-01-01");
    ck_assert(complete()); /* to the end of this log */
    ASK_NONE("changes --from=2024-01-01 --to=2025-01-01");
    ck_assert(!complete());
}
END_TEST

START_TEST(denied)
{
    ASK("denied", DENIED);
    ck_assert_str_eq(cell(0, "failed_rules"), "role_missing subject_exists");
    ck_assert_str_eq(cell(0, "actor"), "principal/approver");
    ASK_NONE("denied --to=2023-11-14T22:13:34");
    ASK("denied --from=2023-11-14T22:13:34 --to=2023-11-14T22:13:35", DENIED);
}
END_TEST

START_TEST(exports)
{
    ASK("exports", EXPORT);
    ASK_NONE("exports --from=2023-11-14T22:13:36");
}
END_TEST

/* One claims to be 0.999 s before its record, one 300 s after it, all others 49 days. */
START_TEST(times)
{
    ASK("times --threshold=0 --to=2023-11-14T22:13:23", BASE, OTHER_BASE);
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_array_get(rows(), 0), "difference_ms")), 999);
    ck_assert_str_eq(cell(0, "claimed"), "before its record");
    ck_assert_str_eq(cell(0, "claimed_time"), "2023-11-14T22:13:20.001Z");
    ck_assert_str_eq(cell(1, "claimed"), "after its record");
    ASK("times --threshold=1 --to=2023-11-14T22:13:23", OTHER_BASE);
    ASK("times --threshold=299 --to=2023-11-14T22:13:23", OTHER_BASE);
    ASK_NONE("times --to=2023-11-14T22:13:23"); /* 300 s are no more than 300 s */
    ask("times", NULL, 0);
    ck_assert_uint_eq(json_array_size(rows()), ROLE_END - OTHER_BASE);
    ASK_NONE("times --threshold=5000000");
}
END_TEST

/* ---- lineage ---- */

START_TEST(bundle)
{
    ASK("bundle --subject=model/m/version/1", BASE, DATASET, MODEL, RUN, RUN_END, VERSION,
        EVALUATION, APPROVAL, ATTESTATION, CORRECTION, SECOND, DENIED, INCIDENT);
    ck_assert_str_eq(cell(0, "part"), "base");
    ck_assert_str_eq(cell(5, "part"), "registration");
    ck_assert_str_eq(cell(7, "part"), "approval");
    ck_assert_str_eq(cell(7, "actor"), "principal/approver");
    ck_assert_ptr_nonnull(strstr(cell(7, "signed_by"), "approve:"));
    ck_assert_str_eq(cell(11, "decision"), "denied");
    /* Through the merge: the first version's registration and what it is made of. */
    ASK("bundle --subject=model/m/version/2", BASE, OTHER_BASE, DATASET, MODEL, RUN, RUN_END,
        VERSION, SECOND);
    ASK("bundle --subject=model/m/version/3", OTHER_BASE, MODEL, THIRD);
}
END_TEST

START_TEST(derived)
{
    ASK("derived --base=base/b", VERSION, SECOND);
    ck_assert_str_eq(json_string_value(json_array_get(
                         json_object_get(json_array_get(rows(), 1), "derived_from"), 0)),
                     "model/m/version/1");
    ASK("derived --dataset=dataset/d", VERSION, SECOND);
    ASK("derived --base=base/c", SECOND, THIRD);
}
END_TEST

START_TEST(derived_of_nothing)
{
    static const char line[] = "--from-log=log --trust=trust";

    ck_assert_int_eq(cli_run("report derived --base=base/no %s", line), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(cli_run("report derived %s", line), TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("report derived --base=base/b --dataset=dataset/d %s", line),
                     TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("report derived --base=dataset/d %s", line), TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("report bundle --subject=model/m %s", line), TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("report bundle --subject=model/m/version/9 %s", line),
                     TALLY_E_NOT_FOUND);
}
END_TEST

/* ---- access, keys, compute ---- */

/* The row of what a principal has; the `skip` ones before it are passed over. */
static size_t row_of(const char *principal, const char *what, size_t skip)
{
    for (size_t i = 0; i < json_array_size(rows()); i++) {
        if (strcmp(cell(i, "principal"), principal) != 0 || strcmp(cell(i, "what"), what) != 0)
            continue;
        if (skip-- == 0) return i;
    }
    return SIZE_MAX;
}

START_TEST(access)
{
    ask("access", NULL, 0);
    const size_t admin = row_of("principal/admin", "role", 0);
    ck_assert_uint_ne(admin, SIZE_MAX);
    ck_assert_str_eq(cell(admin, "from_by"), "genesis");
    ck_assert_str_eq(cell(admin, "until"), "");
    const size_t key = row_of("principal/stranger", "key", 0);
    ck_assert_str_eq(cell(key, "from"), "2023-11-14T22:13:37.000Z");
    ck_assert_str_eq(cell(key, "until"), "2023-11-14T22:13:42.000Z");
    ck_assert_str_eq(cell(key, "note"), "revoked; compromised since record 20");
    const size_t first = row_of("principal/stranger", "role", 0);
    ck_assert_str_eq(cell(first, "expires"), "2023-11-14T23:13:20.000Z");
    ck_assert_str_eq(cell(first, "note"), "granted anew");
    const size_t second = row_of("principal/stranger", "role", 1);
    ck_assert_str_eq(cell(second, "until"), "2023-11-14T22:13:43.000Z");
    ck_assert_str_eq(cell(second, "until_by"), "principal/admin");
}
END_TEST

/* What ended at --from did not hold in the interval; what began at --to did not either. */
START_TEST(access_interval)
{
    ask("access --from=2023-11-14T22:13:42 --to=2023-11-14T22:13:43", NULL, 0);
    ck_assert_uint_eq(row_of("principal/stranger", "key", 0), SIZE_MAX);
    ck_assert_uint_ne(row_of("principal/stranger", "role", 0), SIZE_MAX);
    ck_assert_uint_eq(row_of("principal/stranger", "role", 1), SIZE_MAX);
    ask("access --to=2023-11-14T22:13:37", NULL, 0);
    ck_assert_uint_eq(row_of("principal/stranger", "key", 0), SIZE_MAX);
    ck_assert_uint_ne(row_of("principal/stranger", "principal", 0), SIZE_MAX);
}
END_TEST

START_TEST(compromised)
{
    ASK("compromised", STOLEN, REVOKED);
    ck_assert_str_eq(cell(0, "why"), "signed in the window");
    ck_assert_str_eq(cell(1, "why"), "the revocation");
}
END_TEST

START_TEST(compute)
{
    ask("compute", NULL, 0);
    ck_assert_uint_eq(json_array_size(rows()), 1);
    ck_assert_str_eq(cell(0, "model"), "model/m");
    ck_assert_str_eq(cell(0, "base"), "base/b");
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_array_get(rows(), 0), "runs_completed")), 1);
    ck_assert_double_gt(strtod(cell(0, "compute_flop"), NULL), 0);
}
END_TEST

/* ---- what it covers, and faults ---- */

START_TEST(covers)
{
    ck_assert_int_eq(cli_run("report denied --from-log=log --trust=trust"), 0);
    ck_assert_ptr_nonnull(strstr(cli_run_out, "from size 0 to size 25"));
    ck_assert_ptr_nonnull(strstr(cli_run_out, "signed as trust asks for; cosigned by "));
    ck_assert_ptr_nonnull(strstr(cli_run_out, "complete   nothing"));
    ck_assert_int_eq(cli_run("report denied --from-log=log"), 0);
    ck_assert_ptr_nonnull(strstr(cli_run_out, "not proven complete: no trust file"));
    ck_assert_int_eq(cli_run("report exports --from-log=log --from=2024-01-01"), 0);
    ck_assert_ptr_nonnull(strstr(cli_run_out, "rows       0\n"));
}
END_TEST

/* The denied event is said to be allowed, and everything else is hashed and signed anew. */
START_TEST(fault)
{
    struct record record = log_dir_record(&report_story.log, DENIED);

    record.event.decision.allowed = true;
    record.event.decision.failed_rules_count = 0;
    log_dir_put(&report_story.log, DENIED, &record);
    log_dir_write(&report_story.log, "log");
    ck_assert_int_eq(cli_run("report changes --from-log=log --trust=trust"), TALLY_E_MISMATCH);
    ck_assert_str_eq(cli_run_out, "");
    ck_assert_ptr_nonnull(strstr(cli_run_err, "record 14: its decision should be"));
    ck_assert_ptr_nonnull(strstr(cli_run_err, "not proven complete"));
    ck_assert_int_eq(cli_run("report changes --from-log=log --json --to=2023-11-14"),
                     TALLY_E_MISMATCH);
    report = json_loads(cli_run_out, 0, NULL);
    ck_assert_ptr_null(rows());
    ck_assert(!complete());
    ck_assert_int_eq(json_integer_value(json_object_get(report, "index")), DENIED);
}
END_TEST

/* Signatures are verified after the replay: rows that were made of it already are not shown. */
START_TEST(forged_signature)
{
    struct record record = log_dir_record(&report_story.log, BASE);

    record.event.signers[0].signature[5] ^= 1;
    log_dir_put(&report_story.log, BASE, &record);
    log_dir_write(&report_story.log, "log");
    ck_assert_int_eq(cli_run("report bundle --subject=model/m/version/1 --from-log=log"),
                     TALLY_E_SIGNATURE);
    ck_assert_str_eq(cli_run_out, "");
}
END_TEST

/* ---- CSV and times ---- */

START_TEST(csv)
{
    ck_assert_int_eq(cli_run("report denied --from-log=log --trust=trust --csv"), 0);
    ck_assert_ptr_eq(strstr(cli_run_out, "index,time,decision,event,subject,"), cli_run_out);
    const char *row = strstr(cli_run_out, "\r\n");
    ck_assert_ptr_nonnull(row);
    ck_assert_ptr_eq(strstr(row + 2, "\"14\",\"2023-11-14T22:13:34.000Z\",\"denied\","),
                     row + 2);
    ck_assert_str_eq(row + strlen(row) - 3, "\"\r\n");
    ck_assert_ptr_null(strstr(cli_run_out, "covers"));
    ck_assert_ptr_nonnull(strstr(cli_run_err, "from size 0 to size 25"));
    ck_assert_int_eq(cli_run("report denied --from-log=log --csv --json"), TALLY_E_INVALID);
}
END_TEST

START_TEST(csv_fields)
{
    static const char *const fields[][2] = {
        {"plain", "\"plain\""}, {"", "\"\""},          {"a,\"b\"\r\nc", "\"a,\"\"b\"\"\r\nc\""},
        {"=1+1", "\"'=1+1\""},  {"+1", "\"'+1\""},     {"-1", "\"'-1\""},
        {"@sum", "\"'@sum\""},  {"\t=1", "\"'\t=1\""}, {"\r=1", "\"'\r=1\""},
        {"\x7f", "\"'\x7f\""},  {"  =1", "\"'  =1\""}, {"a=1", "\"a=1\""},
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        report_csv_field(out, fields[i][0]);
        ck_assert_int_eq(fclose(out), 0);
        ck_assert_str_eq(text, fields[i][1]);
        free(text);
    }
}
END_TEST

START_TEST(time_texts)
{
    static const char *const wrong[] = {"",
                                        "2023",
                                        "2023-11",
                                        "2023-02-29",
                                        "2023-13-01",
                                        "2023-11-14 22:13",
                                        "2023-11-14T24:00",
                                        "2023-11-14T22",
                                        "2023-11-14T22:13:20+01:00",
                                        "2023-11-14T22:60",
                                        "1969-12-31",
                                        "2023-11-14T22:13:20.5",
                                        "2023-11-14Z",
                                        "2023-11-14T22:13:20ZZ"};
    uint64_t time_ms = 0;

    ck_assert(report_time_parse("2023-11-14T22:13:20Z", &time_ms));
    ck_assert_uint_eq(time_ms, FIXTURE_TIME_MS);
    ck_assert(report_time_parse("2023-11-14T22:13:20.007", &time_ms));
    ck_assert_uint_eq(time_ms, FIXTURE_TIME_MS + 7);
    ck_assert(report_time_parse("2023-11-14T22:13", &time_ms));
    ck_assert_uint_eq(time_ms, FIXTURE_TIME_MS - 20000);
    ck_assert(report_time_parse("2024-02-29", &time_ms));
    ck_assert_uint_eq(time_ms, UINT64_C(1709164800000));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!report_time_parse(wrong[i], &time_ms), "%s", wrong[i]);
    ck_assert_int_eq(cli_run("report changes --from-log=log --from=yesterday"),
                     TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("report changes --from-log=log --from=2023-11-14 --to=2023-11-14"),
                     TALLY_E_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *rows_case = tcase_create("rows");

    tcase_add_checked_fixture(rows_case, setup, teardown);
    tcase_add_test(rows_case, interval);
    tcase_add_test(rows_case, all_changes);
    tcase_add_test(rows_case, end_of_the_log);
    tcase_add_test(rows_case, denied);
    tcase_add_test(rows_case, exports);
    tcase_add_test(rows_case, times);
    tcase_add_test(rows_case, bundle);
    tcase_add_test(rows_case, derived);
    tcase_add_test(rows_case, derived_of_nothing);
    tcase_add_test(rows_case, access);
    tcase_add_test(rows_case, access_interval);
    tcase_add_test(rows_case, compromised);
    tcase_add_test(rows_case, compute);
    tcase_add_test(rows_case, covers);
    tcase_add_test(rows_case, fault);
    tcase_add_test(rows_case, forged_signature);
    tcase_add_test(rows_case, csv);
    tcase_add_test(rows_case, csv_fields);
    tcase_add_test(rows_case, time_texts);
    suite_add_tcase(suite, rows_case);
    return check_main(suite);
}
