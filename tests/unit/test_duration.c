/* Goal: spans of time have one reading and one shortest text. Method: known answers, and texts
 * that are none. */
#include <check.h>

#include "base/duration.h"
#include "support/check_main.h"

START_TEST(known)
{
    static const struct {
        const char *text;
        uint64_t ms;
        const char *shortest; /* NULL: the text itself */
    } rows[] = {
        {"0s", 0, NULL},
        {"5ms", 5, NULL},
        {"2s", 2000, NULL},
        {"90m", 90 * 60000, "1h30m"},
        {"24h", 86400000, "1d"},
        {"30d1ms", UINT64_C(2592000001), NULL},
        {"29d23h59m59s999ms", UINT64_C(2591999999), NULL},
        {"0d0h5s", 5000, "5s"},
        {"366000d", DURATION_MAX_MS, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[DURATION_TEXT_SIZE];
        uint64_t ms = 1;

        ck_assert_msg(duration_parse(rows[i].text, &ms), "%s", rows[i].text);
        ck_assert_uint_eq(ms, rows[i].ms);
        ck_assert_str_eq(duration_format(ms, text),
                         rows[i].shortest != NULL ? rows[i].shortest : rows[i].text);
    }
}
END_TEST

START_TEST(not_a_span)
{
    static const char *const texts[] = {
        "",    "d",    "5",    "-5s",  " 5s",        "5 s",     "5s ",   "5w",
        "5S",  "1s1d", "1s1s", "1.5h", "366000d1ms", "366001d", "1ms1s", "99999999999999ms",
        "5sd", "5mss",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint64_t ms = 7;

        ck_assert_msg(!duration_parse(texts[i], &ms), "'%s'", texts[i]);
        ck_assert_uint_eq(ms, 7);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("duration");
    TCase *all = tcase_create("all");

    tcase_add_test(all, known);
    tcase_add_test(all, not_a_span);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
