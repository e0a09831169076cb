/* The scan of JSON: what is JSON and what is not, in what order it is told, and texts and
 * numbers as they were written. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "support/check_main.h"

static struct bytes text_of(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* The scan of a whole text as letters: { [ ] for containers, s n t f 0 for values, . for the
 * end, ! for a fault; members have their key and a colon before them. */
static const char *told(struct bytes json)
{
    static const char letters[] = "!.{[]sntf0";
    static char room[512];
    struct json_scan scan = json_scan(json);
    struct json_item item;
    size_t at = 0;

    do {
        json_scan_next(&scan, &item);
        at += (size_t)snprintf(room + at, sizeof room - at, "%.*s%s%c", (int)item.key.size,
                               item.key.size == 0 ? "" : (const char *)item.key.data,
                               item.key.size == 0 ? "" : ":", letters[item.kind]);
        ck_assert_uint_lt(at, sizeof room);
    } while (item.kind != JSON_KIND_DONE && item.kind != JSON_KIND_BAD);
    ck_assert_int_eq(json_scan_next(&scan, &item), item.kind); /* it stays there */
    return room;
}

static const struct {
    const char *json, *want;
} orders[] = {
    {"1", "n."},
    {" \t\r\n1 \n", "n."},
    {"{}", "{]."},
    {"[]", "[]."},
    {"[1,\"a\",true,false,null]", "[nstf0]."},
    {"{\"a\":1,\"b\":{\"c\":[{}]}}", "{a:nb:{c:[{]]]]."},
    {"{ \"a\" : [ ] , \"a\" : 2 }", "{a:[]a:n]."},
    {"-0.5e+10", "n."},
    {"", "!"},
    {" ", "!"},
    {"1 2", "n!"},
    {"{}}", "{]!"},
    {"[1", "[n!"},
    {"[1,]", "[n!"},
    {"[,1]", "[!"},
    {"[1 2]", "[n!"},
    {"{\"a\"}", "{a:!"},
    {"{\"a\":}", "{a:!"},
    {"{\"a\":1,}", "{a:n!"},
    {"{a:1}", "{!"},
    {"{1:1}", "{!"},
    {"[}", "[!"},
    {"{]", "{!"},
    {"01", "n!"},
    {"+1", "!"},
    {"1.", "!"},
    {".5", "!"},
    {"1e", "!"},
    {"1e+", "!"},
    {"-", "!"},
    {"NaN", "!"},
    {"Infinity", "!"},
    {"tru", "!"},
    {"truex", "t!"},
    {"nul", "!"},
    {"'a'", "!"},
    {"\"a", "!"},
    {"\"a\nb\"", "!"},
    {"\"\\x\"", "!"},
    {"\"\\\"", "!"},
    {"\"\\u12\"", "!"},
    {"\"\\u12g4\"", "!"},
    {"\"\\u0000\"", "!"},
    {"\"\\ud800\"", "!"},
    {"\"\\ud800\\u0041\"", "!"},
    {"\"\\udc00\"", "!"},
    {"\"\\ud83d\\ude00\"", "s."},
    {"\"\xff\"", "!"},
    {"\"\xc0\x80\"", "!"},
    {"\xef\xbb\xbf{}", "!"},
};

START_TEST(order)
{
    ck_assert_msg(strcmp(told(text_of(orders[_i].json)), orders[_i].want) == 0, "%s: %s",
                  orders[_i].json, told(text_of(orders[_i].json)));
}
END_TEST

/* In a block of its own: a read behind the end would be seen. */
START_TEST(every_cut)
{
    static const char json[] =
        "{\"a\\u00e9\":[1.5e-3,true,false,null,\"\\ud83d\\ude00\"],\"b\":{}}";

    for (size_t size = 0; size < sizeof json - 1; size++) {
        char *copy = malloc(size + 1);

        ck_assert_ptr_nonnull(copy);
        memcpy(copy + 1, json, size);
        ck_assert_ptr_nonnull(strchr(told(bytes_of(copy + 1, size)), '!'));
        free(copy);
    }
    ck_assert_ptr_null(strchr(told(text_of(json)), '!'));
}
END_TEST

START_TEST(depth)
{
    char json[2 * JSON_SCAN_DEPTH + 3];

    for (size_t deep = JSON_SCAN_DEPTH; deep <= JSON_SCAN_DEPTH + 1; deep++) {
        memset(json, '[', deep);
        memset(json + deep, ']', deep);
        json[2 * deep] = '\0';
        const char *seen = told(text_of(json));

        ck_assert_int_eq(seen[strlen(seen) - 1], deep == JSON_SCAN_DEPTH ? '.' : '!');
    }
}
END_TEST

static const struct {
    const char *written, *plain;
} strings[] = {
    {"", ""},
    {"abc", "abc"},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
    {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
    {"\xe2\x82\xac", "\xe2\x82\xac"},
};

START_TEST(string)
{
    const struct bytes written = text_of(strings[_i].written);
    const char *plain = strings[_i].plain;
    uint8_t room[64];
    char longer[64];

    ck_assert_uint_eq(json_string_decode(written, room), strlen(plain));
    ck_assert_mem_eq(room, plain, strlen(plain));
    ck_assert(json_string_is(written, plain));
    snprintf(longer, sizeof longer, "%sx", plain);
    ck_assert(!json_string_is(written, longer));
    if (plain[0] == '\0') return;
    ck_assert(!json_string_is(written, plain + 1));
    longer[strlen(plain) - 1] = '\0';
    ck_assert(!json_string_is(written, longer));
}
END_TEST

START_TEST(number_as_written)
{
    struct json_scan scan = json_scan(text_of("[0.10000000000000000555, -1E5]"));
    struct json_item item;

    ck_assert_int_eq(json_scan_next(&scan, &item), JSON_KIND_ARRAY);
    ck_assert_int_eq(json_scan_next(&scan, &item), JSON_KIND_NUMBER);
    ck_assert(bytes_equal(item.text, text_of("0.10000000000000000555")));
    ck_assert(!scan.spaced);
    ck_assert_int_eq(json_scan_next(&scan, &item), JSON_KIND_NUMBER);
    ck_assert(bytes_equal(item.text, text_of("-1E5")));
    ck_assert(scan.spaced);
}
END_TEST

START_TEST(skip)
{
    struct json_scan scan = json_scan(text_of("{\"a\":{\"x\":[{},[1]]},\"b\":2,\"c\":[}"));
    struct json_item item;

    ck_assert_int_eq(json_scan_next(&scan, &item), JSON_KIND_OBJECT);
    ck_assert_int_eq(json_scan_next(&scan, &item), JSON_KIND_OBJECT);
    ck_assert(json_scan_skip(&scan, &item));
    ck_assert_int_eq(json_scan_next(&scan, &item), JSON_KIND_NUMBER);
    ck_assert(bytes_equal(item.key, text_of("b")) && item.depth == 1);
    ck_assert(json_scan_skip(&scan, &item)); /* nothing is in it */
    ck_assert_int_eq(json_scan_next(&scan, &item), JSON_KIND_ARRAY);
    ck_assert(!json_scan_skip(&scan, &item));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("json scan");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, order, 0, sizeof orders / sizeof orders[0]);
    tcase_add_test(all, every_cut);
    tcase_add_test(all, depth);
    tcase_add_loop_test(all, string, 0, sizeof strings / sizeof strings[0]);
    tcase_add_test(all, number_as_written);
    tcase_add_test(all, skip);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
