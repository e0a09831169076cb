/* lib/base: byte cursors, hex, UTF-8, decimals, lines, arena, buffers, clocks, errors. */
#include <stdlib.h>
#include <string.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/lines.h"
#include "support/check_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(numbers_are_big_endian_and_come_back)
{
    static const uint8_t want[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                   0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};
    uint8_t data[sizeof want];
    struct bytes_writer writer = bytes_writer(data, sizeof data);

    bytes_put_u8(&writer, 0x01);
    bytes_put_u16(&writer, 0x0203);
    bytes_put_u32(&writer, 0x04050607);
    bytes_put_u64(&writer, UINT64_C(0x08090a0b0c0d0e0f));
    ck_assert(!writer.bad);
    ck_assert_uint_eq(writer.at, sizeof want);
    ck_assert_mem_eq(data, want, sizeof want);

    struct bytes_reader reader = bytes_reader(data, sizeof data);
    ck_assert_uint_eq(bytes_get_u8(&reader), 0x01);
    ck_assert_uint_eq(bytes_get_u16(&reader), 0x0203);
    ck_assert_uint_eq(bytes_get_u32(&reader), 0x04050607);
    ck_assert(!bytes_reader_done(&reader));
    ck_assert_uint_eq(bytes_get_u64(&reader), UINT64_C(0x08090a0b0c0d0e0f));
    ck_assert(bytes_reader_done(&reader));
}
END_TEST

/* Goal: past its end a cursor gives zeros and stays bad, also for what would still fit. */
START_TEST(a_cursor_past_its_end_stays_bad)
{
    static const uint8_t data[] = {1, 2, 3};
    uint8_t copy[4] = {9, 9, 9, 9};
    uint8_t room[2];
    struct bytes_reader reader = bytes_reader(data, sizeof data);
    struct bytes_writer writer = bytes_writer(room, sizeof room);

    ck_assert_uint_eq(bytes_get_u32(&reader), 0);
    ck_assert(reader.bad);
    ck_assert_uint_eq(bytes_get_u8(&reader), 0);
    ck_assert_ptr_null(bytes_get(&reader, 1));
    bytes_get_copy(&reader, copy, sizeof copy);
    ck_assert_mem_eq(copy, "\0\0\0\0", 4);
    ck_assert(!bytes_reader_done(&reader));

    bytes_put(&writer, data, sizeof data);
    ck_assert(writer.bad);
    bytes_put_u8(&writer, 1);
    ck_assert_uint_eq(writer.at, 0);
}
END_TEST

START_TEST(an_empty_input_is_done)
{
    struct bytes_reader reader = bytes_reader(NULL, 0);

    (void)bytes_get(&reader, 0);
    ck_assert(bytes_reader_done(&reader));
    (void)bytes_get(&reader, SIZE_MAX);
    ck_assert(reader.bad);
}
END_TEST

START_TEST(bytes_are_ordered_like_strings)
{
    static const struct {
        const char *a, *b;
        int order;
    } cases[] = {{"", "", 0}, {"", "a", -1}, {"a", "ab", -1}, {"ab", "b", -1}, {"b", "a", 1}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct bytes a = bytes_of(cases[i].a, strlen(cases[i].a));
        const struct bytes b = bytes_of(cases[i].b, strlen(cases[i].b));
        const int order = bytes_compare(a, b);

        ck_assert_int_eq((order > 0) - (order < 0), cases[i].order);
        ck_assert_int_eq(bytes_equal(a, b), cases[i].order == 0);
    }
    ck_assert(bytes_equal(bytes_of(NULL, 0), bytes_of("", 0)));
}
END_TEST

static const struct {
    const char *name, *hex;
    size_t size;
    bool ok;
} hexes[] = {
    {"two bytes", "00ff", 2, true},        {"nothing", "", 0, true},
    {"upper case", "00FF", 2, false},      {"odd length", "00f", 2, false},
    {"too short", "00", 2, false},         {"too long", "00ff00", 2, false},
    {"not a digit", "0g", 1, false},       {"below the digits", "0/", 1, false},
    {"between 9 and a", "0`", 1, false},   {"colon", "0:", 1, false},
    {"prefix is not hex", "0x", 1, false},
};

START_TEST(hex_has_one_form)
{
    uint8_t data[2];
    char text[5];

    ck_assert_msg(bytes_unhex(hexes[_i].hex, strlen(hexes[_i].hex), data, hexes[_i].size) ==
                      hexes[_i].ok,
                  "case %s", hexes[_i].name);
    if (!hexes[_i].ok) return;
    bytes_hex(data, hexes[_i].size, text);
    ck_assert_str_eq(text, hexes[_i].hex);
}
END_TEST

/* RFC 3629 section 4 at each of its borders. */
static const struct {
    const char *name, *text;
    size_t size;
    bool ok;
} utf8s[] = {
    {"empty", "", 0, true},
    {"ASCII", "az~", 3, true},
    {"NUL", "a\0b", 3, false},
    {"lone continuation", "\x80", 1, false},
    {"overlong slash", "\xc0\xaf", 2, false},
    {"C1 never leads", "\xc1\xbf", 2, false},
    {"U+0080", "\xc2\x80", 2, true},
    {"U+07FF", "\xdf\xbf", 2, true},
    {"second byte too low", "\xc2\x7f", 2, false},
    {"second byte too high", "\xc2\xc0", 2, false},
    {"overlong of three", "\xe0\x9f\xbf", 3, false},
    {"U+0800", "\xe0\xa0\x80", 3, true},
    {"U+D7FF", "\xed\x9f\xbf", 3, true},
    {"surrogate", "\xed\xa0\x80", 3, false},
    {"U+FFFF", "\xef\xbf\xbf", 3, true},
    {"overlong of four", "\xf0\x8f\xbf\xbf", 4, false},
    {"U+10000", "\xf0\x90\x80\x80", 4, true},
    {"U+10FFFF", "\xf4\x8f\xbf\xbf", 4, true},
    {"U+110000", "\xf4\x90\x80\x80", 4, false},
    {"F5 never leads", "\xf5\x80\x80\x80", 4, false},
    {"cut in the middle", "a\xe2\x82", 3, false},
    {"third byte wrong", "\xe2\x82\x28", 3, false},
    {"fourth byte wrong", "\xf0\x90\x80\xc0", 4, false},
};

START_TEST(utf8_is_checked)
{
    ck_assert_msg(bytes_utf8(utf8s[_i].text, utf8s[_i].size) == utf8s[_i].ok, "case %s",
                  utf8s[_i].name);
}
END_TEST

static const struct {
    const char *text;
    uint64_t max, value;
    bool ok;
} decimals[] = {
    {"0", 0, 0, true},
    {"7", 7, 7, true},
    {"8", 7, 0, false},
    {"10", 9, 0, false},
    {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
    {"18446744073709551616", UINT64_MAX, 0, false},
    {"99999999999999999999", UINT64_MAX, 0, false},
    {"184467440737095516150", UINT64_MAX, 0, false},
    {"", 9, 0, false},
    {"00", 9, 0, false},
    {"01", 9, 0, false},
    {"+1", 9, 0, false},
    {"-1", 9, 0, false},
    {" 1", 9, 0, false},
    {"1 ", 9, 0, false},
    {"0x1", 9, 0, false},
};

START_TEST(decimals_have_one_form)
{
    uint64_t value = 12345;
    char text[DECIMAL_TEXT_MAX];
    const size_t size = strlen(decimals[_i].text);

    ck_assert_msg(decimal_parse(decimals[_i].text, size, decimals[_i].max, &value) ==
                      decimals[_i].ok,
                  "case '%s'", decimals[_i].text);
    ck_assert_uint_eq(value, decimals[_i].ok ? decimals[_i].value : 12345);
    if (!decimals[_i].ok) return;
    ck_assert_uint_eq(decimal_format(value, text), size);
    ck_assert_mem_eq(text, decimals[_i].text, size);
}
END_TEST

START_TEST(lines_end_in_a_newline)
{
    struct bytes rest = bytes_of("a\n\nb", 4);
    struct bytes line;

    ck_assert(lines_take(&rest, &line));
    ck_assert(bytes_equal(line, bytes_of("a", 1)));
    ck_assert(lines_take(&rest, &line));
    ck_assert_uint_eq(line.size, 0);
    ck_assert(!lines_take(&rest, &line));
    ck_assert(bytes_equal(rest, bytes_of("b", 1)));
}
END_TEST

START_TEST(an_arena_stops_at_its_cap)
{
    struct arena *arena = NULL;

    ck_assert_int_eq(arena_open(1024, &arena), TALLY_OK);
    ck_assert_ptr_nonnull(arena_alloc(arena, 1000));
    ck_assert_ptr_null(arena_alloc(arena, 1000));
    ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
    ck_assert_ptr_null(arena_zalloc(arena, SIZE_MAX / 2, 4));
    ck_assert_uint_le(arena_used(arena), 1024);
    ck_assert_ptr_nonnull(arena_alloc(arena, 8));
    arena_reset(arena, 100);
    ck_assert_uint_eq(arena_used(arena), 0);
    ck_assert_ptr_null(arena_alloc(arena, 101));
    ck_assert_ptr_nonnull(arena_alloc(arena, 90));
    arena_close(arena);
    arena_close(NULL);
}
END_TEST

/* Goal: what an arena gives is aligned and never overlaps, over several chunks and after a
 * reset. Method: fill each piece with its own number, and look at all of them at the end. */
START_TEST(an_arena_gives_pieces_of_their_own)
{
    enum { PIECES = 3000 };
    static uint8_t *pieces[PIECES];
    struct arena *arena = NULL;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < PIECES; i++) {
            pieces[i] = arena_zalloc(arena, i % 251 + 1, 1);
            ck_assert_ptr_nonnull(pieces[i]);
            ck_assert_uint_eq((uintptr_t)pieces[i] % sizeof(void *), 0);
            ck_assert_uint_eq(pieces[i][i % 251], 0);
            memset(pieces[i], (int)(i % 256), i % 251 + 1);
        }
        for (size_t i = 0; i < PIECES; i++) {
            ck_assert_uint_eq(pieces[i][0], i % 256);
            ck_assert_uint_eq(pieces[i][i % 251], i % 256);
        }
        arena_reset(arena, 0);
    }
    const struct bytes copy = arena_copy(arena, bytes_of("name", 4));
    ck_assert_str_eq((const char *)copy.data, "name");
    ck_assert_uint_eq(copy.size, 4);
    ck_assert_ptr_nonnull(arena_copy(arena, bytes_of(NULL, 0)).data);
    arena_close(arena);
}
END_TEST

START_TEST(a_buffer_lives_as_long_as_a_holder)
{
    struct buffer *buffer = buffer_copy(bytes_of("bytes", 5));

    ck_assert_ptr_nonnull(buffer);
    ck_assert_ptr_eq(buffer_hold(buffer), buffer);
    buffer_release(buffer);
    ck_assert(bytes_equal(buffer_bytes(buffer), bytes_of("bytes", 5)));
    buffer_release(buffer);
    buffer_release(NULL);
}
END_TEST

START_TEST(clocks_run)
{
    const uint64_t before = clock_monotonic_ms();

    ck_assert_uint_ge(clock_monotonic_ms(), before);
    ck_assert_uint_gt(clock_wall_ms(), UINT64_C(1577836800000)); /* 2020 */
}
END_TEST

START_TEST(errors_have_names_and_texts)
{
    struct tally_diag diag = {.text = "before"};
    char longer[sizeof diag.text + 10];

    ck_assert_str_eq(tally_err_name(TALLY_OK), "OK");
    ck_assert_str_eq(tally_err_name(TALLY_E_PROOF), "E_PROOF");
    ck_assert_str_eq(tally_err_name((enum tally_err)9999), "E_?");
    ck_assert_str_eq(tally_err_text((enum tally_err)9999), "unknown error");
    ck_assert(tally_err_retry(TALLY_E_BUSY));
    ck_assert(tally_err_retry(TALLY_E_TIMEOUT));
    ck_assert(!tally_err_retry(TALLY_E_PROOF));
    ck_assert(!tally_err_retry((enum tally_err)9999));

    tally_diag_set(NULL, "%d", 1);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    tally_diag_set(&diag, "%s", longer);
    ck_assert_uint_eq(strlen(diag.text), sizeof diag.text - 1);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("base");
    TCase *tc = tcase_create("base");

    tcase_add_test(tc, numbers_are_big_endian_and_come_back);
    tcase_add_test(tc, a_cursor_past_its_end_stays_bad);
    tcase_add_test(tc, an_empty_input_is_done);
    tcase_add_test(tc, bytes_are_ordered_like_strings);
    tcase_add_loop_test(tc, hex_has_one_form, 0, COUNT(hexes));
    tcase_add_loop_test(tc, utf8_is_checked, 0, COUNT(utf8s));
    tcase_add_loop_test(tc, decimals_have_one_form, 0, COUNT(decimals));
    tcase_add_test(tc, lines_end_in_a_newline);
    tcase_add_test(tc, an_arena_stops_at_its_cap);
    tcase_add_test(tc, an_arena_gives_pieces_of_their_own);
    tcase_add_test(tc, a_buffer_lives_as_long_as_a_holder);
    tcase_add_test(tc, clocks_run);
    tcase_add_test(tc, errors_have_names_and_texts);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
