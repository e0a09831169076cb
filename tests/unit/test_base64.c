/* base64, decimal numbers and lines: the three text primitives whose canonical form the
 * note formats rest on. */
#include "base/base64.h"
#include "base/decimal.h"
#include "base/lines.h"
#include "support/check_main.h"
#include <check.h>
#include <string.h>

/* RFC 4648 section 10. */
static const struct {
    const char *plain, *text;
} known[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xFB\xFF\xBF", "+/+/"},
};

START_TEST(known_answers)
{
    char text[16];
    char plain[16];
    const size_t size = strlen(known[_i].plain);
    const size_t text_size = strlen(known[_i].text);

    ck_assert_uint_eq(BASE64_TEXT_SIZE(size), text_size);
    base64_encode(known[_i].plain, size, text);
    ck_assert_mem_eq(text, known[_i].text, text_size);
    ck_assert_uint_eq(base64_decoded_size(text, text_size), size);
    ck_assert(base64_decode(text, text_size, NULL));
    ck_assert(base64_decode(text, text_size, plain));
    ck_assert_mem_eq(plain, known[_i].plain, size);
}
END_TEST

/* Texts that some decoders take, and that would give one value two texts. */
static const char *const refused[] = {
    "Zg",   "Zg=",  "Zh==",     "Zm9=", "Zg==\n",   "Zm 9",  "Zm-_",       "====",
    "A===", "Z===", "Zg==Zg==", "=Zg=", "Zg==AAAA", "AAAAA", "\xC3\xA9g=",
};

START_TEST(refuses)
{
    char plain[16];

    ck_assert_msg(!base64_decode(refused[_i], strlen(refused[_i]), plain), "%s", refused[_i]);
}
END_TEST

START_TEST(every_length_round_trips)
{
    unsigned char data[64];
    unsigned char back[64];
    char text[BASE64_TEXT_SIZE(sizeof data)];

    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 37 + 11);
    for (size_t size = 0; size <= sizeof data; size++) {
        base64_encode(data, size, text);
        ck_assert_uint_eq(base64_decoded_size(text, BASE64_TEXT_SIZE(size)), size);
        ck_assert(base64_decode(text, BASE64_TEXT_SIZE(size), back));
        ck_assert_mem_eq(data, back, size);
    }
}
END_TEST

static const struct {
    const char *text;
    uint64_t max;
    bool good;
    uint64_t value;
} numbers[] = {
    {"0", UINT64_MAX, true, 0},
    {"10", 10, true, 10},
    {"11", 10, false, 0},
    {"9", 8, false, 0},
    {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
    {"18446744073709551616", UINT64_MAX, false, 0},
    {"99999999999999999999", UINT64_MAX, false, 0},
    {"9223372036854775807", INT64_MAX, true, INT64_MAX},
    {"9223372036854775808", INT64_MAX, false, 0},
    {"", UINT64_MAX, false, 0},
    {"00", UINT64_MAX, false, 0},
    {"01", UINT64_MAX, false, 0},
    {"+1", UINT64_MAX, false, 0},
    {"-1", UINT64_MAX, false, 0},
    {" 1", UINT64_MAX, false, 0},
    {"1 ", UINT64_MAX, false, 0},
    {"1e3", UINT64_MAX, false, 0},
};

START_TEST(decimal_numbers)
{
    uint64_t value = 0;
    char digits[DECIMAL_TEXT_MAX];
    const size_t size = strlen(numbers[_i].text);
    const bool good = decimal_parse(numbers[_i].text, size, numbers[_i].max, &value);

    ck_assert_msg(good == numbers[_i].good, "'%s'", numbers[_i].text);
    if (!good) return;
    ck_assert_uint_eq(value, numbers[_i].value);
    ck_assert_uint_eq(decimal_format(value, digits), size);
    ck_assert_mem_eq(digits, numbers[_i].text, size);
}
END_TEST

START_TEST(lines_end_with_newlines)
{
    struct bytes rest = bytes_of("a\n\nlast", 7);
    struct bytes line = {0};

    ck_assert(lines_take(&rest, &line));
    ck_assert(bytes_equal(line, bytes_of("a", 1)));
    ck_assert(lines_take(&rest, &line));
    ck_assert_uint_eq(line.size, 0);
    ck_assert(!lines_take(&rest, &line));
    ck_assert(bytes_equal(rest, bytes_of("last", 4)));
    rest = bytes_of(NULL, 0);
    ck_assert(!lines_take(&rest, &line));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("base64");
    TCase *tc = tcase_create("base64");

    tcase_add_loop_test(tc, known_answers, 0, sizeof known / sizeof known[0]);
    tcase_add_loop_test(tc, refuses, 0, sizeof refused / sizeof refused[0]);
    tcase_add_test(tc, every_length_round_trips);
    tcase_add_loop_test(tc, decimal_numbers, 0, sizeof numbers / sizeof numbers[0]);
    tcase_add_test(tc, lines_end_with_newlines);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
