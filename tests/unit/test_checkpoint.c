/* Goal: one checkpoint has one text. Method: a table of texts with one thing changed; what
 * is accepted is written again and compared. */
#include "note/checkpoint.h"
#include "support/check_main.h"
#include <check.h>
#include <string.h>

#define ROOT "Aippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw="

static const struct {
    const char *name, *text;
    bool good;
} cases[] = {
    {"honest", "ledger.example/01\n1\n" ROOT "\n", true},
    {"empty tree", "a\n0\n" ROOT "\n", true},
    {"largest size", "a\n9223372036854775807\n" ROOT "\n", true},
    {"size 2^63", "a\n9223372036854775808\n" ROOT "\n", false},
    {"size over 64 bits", "a\n18446744073709551617\n" ROOT "\n", false},
    {"leading zero", "a\n01\n" ROOT "\n", false},
    {"plus", "a\n+1\n" ROOT "\n", false},
    {"minus", "a\n-1\n" ROOT "\n", false},
    {"hexadecimal", "a\n0x1\n" ROOT "\n", false},
    {"space after the size", "a\n1 \n" ROOT "\n", false},
    {"no size", "a\n\n" ROOT "\n", false},
    {"no origin", "\n1\n" ROOT "\n", false},
    {"space in the origin", "a b\n1\n" ROOT "\n", false},
    {"plus in the origin", "a+b\n1\n" ROOT "\n", false},
    {"extension line", "a\n1\n" ROOT "\nmore\n", false},
    {"blank line at the end", "a\n1\n" ROOT "\n\n", false},
    {"no newline at the end", "a\n1\n" ROOT, false},
    {"no root", "a\n1\n\n", false},
    {"two lines", "a\n1\n", false},
    {"short root", "a\n1\nAippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Q==\n", false},
    {"long root", "a\n1\nAippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+TwA\n", false},
    {"spare bits in the root", "a\n1\nAippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tx=\n", false},
    {"URL-safe root", "a\n1\nAippeebat6pa5MPl5F9-l3ESp-Y1k4INvsHsc4ok-Tw=\n", false},
    {"carriage returns", "a\r\n1\r\n" ROOT "\r\n", false},
    {"empty", "", false},
};

START_TEST(texts)
{
    struct checkpoint checkpoint;
    struct tally_diag diag = {""};
    char buffer[CHECKPOINT_TEXT_MAX];
    struct bytes_writer writer = bytes_writer(buffer, sizeof buffer);
    const struct bytes text = bytes_of(cases[_i].text, strlen(cases[_i].text));
    const enum tally_err err = checkpoint_parse(text, &checkpoint, &diag);

    ck_assert_msg(err == (cases[_i].good ? TALLY_OK : TALLY_E_MALFORMED), "%s: %s",
                  cases[_i].name, tally_err_text(err));
    if (!cases[_i].good) {
        ck_assert_str_ne(diag.text, "");
        return;
    }
    checkpoint_put(&writer, &checkpoint);
    ck_assert(!writer.bad);
    ck_assert(bytes_equal(bytes_of(buffer, writer.at), text));
}
END_TEST

START_TEST(longest)
{
    char origin[LIMIT_KEY_NAME_SIZE];
    char buffer[CHECKPOINT_TEXT_MAX];
    struct bytes_writer writer = bytes_writer(buffer, sizeof buffer);
    struct checkpoint back;
    struct checkpoint checkpoint = {.size = INT64_MAX};

    memset(origin, 'o', sizeof origin);
    checkpoint.origin = bytes_of(origin, sizeof origin);
    checkpoint_put(&writer, &checkpoint);
    ck_assert(!writer.bad);
    ck_assert_uint_eq(writer.at, CHECKPOINT_TEXT_MAX);
    ck_assert_int_eq(checkpoint_parse(bytes_of(buffer, writer.at), &back, NULL), TALLY_OK);
    ck_assert(checkpoint_equal(&back, &checkpoint));
    back.size--;
    ck_assert(!checkpoint_equal(&back, &checkpoint));
    back.size++;
    back.root.bytes[31] ^= 1;
    ck_assert(!checkpoint_equal(&back, &checkpoint));
    back.root.bytes[31] ^= 1;
    back.origin.size--;
    ck_assert(!checkpoint_equal(&back, &checkpoint));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *tc = tcase_create("checkpoint");

    tcase_add_loop_test(tc, texts, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, longest);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
