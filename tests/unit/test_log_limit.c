/* log_limit: what is written of many lines of one name. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "loop/log_limit.h"
#include "support/check_main.h"

static struct log_limit limit;
static uint64_t left_out;

static void setup(void)
{
    limit = (struct log_limit){0};
    left_out = 99;
}

static uint64_t written(const char *name, uint64_t lines, uint64_t now_ms)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < lines; i++) {
        if (log_limit_pass(&limit, name, now_ms, &left_out)) count++;
    }
    return count;
}

START_TEST(all_of_a_few)
{
    ck_assert_uint_eq(written("a", LOG_LIMIT_LINES, 5), LOG_LIMIT_LINES);
    ck_assert_uint_eq(left_out, 0);
}
END_TEST

START_TEST(a_flood_is_counted)
{
    ck_assert_uint_eq(written("a", 1000, 5), LOG_LIMIT_LINES);
    ck_assert_uint_eq(written("a", 10, 5 + LOG_LIMIT_MS - 1), 0);
    ck_assert_uint_eq(written("a", 1, 5 + LOG_LIMIT_MS), 1);
    ck_assert_uint_eq(left_out, 1010 - LOG_LIMIT_LINES);
    ck_assert_uint_eq(written("a", 1, 5 + LOG_LIMIT_MS), 1);
    ck_assert_uint_eq(left_out, 0);
}
END_TEST

START_TEST(names_do_not_share)
{
    char same[] = "b";

    ck_assert_uint_eq(written("a", 100, 5), LOG_LIMIT_LINES);
    ck_assert_uint_eq(written("b", 1, 5), 1);
    ck_assert_uint_eq(written(same, LOG_LIMIT_LINES, 5), LOG_LIMIT_LINES - 1);
}
END_TEST

START_TEST(names_beyond_the_table_share_one_place)
{
    static char names[LOG_LIMIT_NAMES + 5][8];

    for (size_t i = 0; i < LOG_LIMIT_NAMES + 5; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        ck_assert_uint_eq(written(names[i], 1, 5), 1);
    }
    ck_assert_uint_eq(written("another", 100, 5), LOG_LIMIT_LINES - 6);
    ck_assert_uint_eq(written(names[0], 100, 5), LOG_LIMIT_LINES - 1);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("log_limit");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, all_of_a_few);
    tcase_add_test(tc, a_flood_is_counted);
    tcase_add_test(tc, names_do_not_share);
    tcase_add_test(tc, names_beyond_the_table_share_one_place);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
