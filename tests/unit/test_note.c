/* Goal: a note is split at one place only, signatures of known keys count and bad ones
 * reject it, and everything else is refused or ignored as C2SP signed-note says. Method: one
 * note made by a separate implementation, then a table of notes with one thing changed. */
#include "note/note.h"
#include "support/check_main.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

/* The key of the seed 00 01 .. 1f. */
#define ORIGIN "ledger.example/0123456789abcdef0123456789abcdef"
#define KEY    "+8867dc60+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define TEXT   ORIGIN "\n1\nAippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw=\n"
#define DASH   "\xE2\x80\x94 "
#define BASE64                                                                                 \
    "iGfcYG81zhafJ8o8BAPfiyuz8zT9XYiy2jDaqhnUhOQOralDigU7LUm78qny9GvVIla9P9HP39bi6vR5A5U9"     \
    "rips/Qk="
#define LINE  DASH ORIGIN " " BASE64 "\n"
#define OTHER DASH "other " BASE64 "\n" /* by a key that nobody here knows */

static struct vkey log_key;
static struct sign_key secret;

static void setup(void)
{
    uint8_t seed[SIGN_SEED_BYTES];

    for (uint8_t i = 0; i < sizeof seed; i++) seed[i] = i;
    sign_keypair_from_seed(seed, &secret);
    ck_assert_int_eq(vkey_parse(ORIGIN KEY, strlen(ORIGIN KEY), &log_key, NULL), TALLY_OK);
}

/* NOT_A_NOTE is where parsing fails; the others are results of note_verify(). */
enum result { GOOD, UNKNOWN, BAD, NOT_A_NOTE, TOO_LARGE };

static enum result examine(const void *data, size_t size)
{
    struct note note;
    struct tally_diag diag = {""};
    const enum tally_err err = note_parse(data, size, &note, &diag);

    if (err != TALLY_OK) {
        ck_assert_str_ne(diag.text, "");
        ck_assert(err == TALLY_E_MALFORMED || err == TALLY_E_TOO_LARGE);
        return err == TALLY_E_TOO_LARGE ? TOO_LARGE : NOT_A_NOTE;
    }
    switch ((int)note_verify(&note, &log_key)) {
    case TALLY_OK:
        return GOOD;
    case TALLY_E_NOT_FOUND:
        return UNKNOWN;
    default:
        return BAD;
    }
}

static const struct {
    const char *name, *text;
    enum result want;
} cases[] = {
    {"honest", TEXT "\n" LINE, GOOD},
    {"unknown line before", TEXT "\n" OTHER LINE, GOOD},
    {"unknown line after", TEXT "\n" LINE OTHER, GOOD},
    {"twice", TEXT "\n" LINE LINE, GOOD},
    {"only an unknown line", TEXT "\n" OTHER, UNKNOWN},
    {"same name, other id",
     TEXT
     "\n" DASH ORIGIN
     " iWfcYG81zhafJ8o8BAPfiyuz8zT9XYiy2jDaqhnUhOQOralDigU7LUm78qny9GvVIla9P9HP39bi6vR5A5U9"
     "rips/Qk=\n",
     UNKNOWN},
    {"changed text", "x" TEXT "\n" LINE, BAD},
    {"a blank line in the text", TEXT "\nmore\n\n" LINE, BAD},
    {"text ends with a blank line", TEXT "\n\n" LINE, BAD},
    {"known key, bad line after the good one",
     TEXT
     "\n" LINE DASH ORIGIN
     " iGfcYG81zhafJ8o8BAPfiyuz8zT9XYiy2jDaqhnUhOQOralDigU7LUm78qny9GvVIla9P9HP39bi6vR5A5U9"
     "rips/Qo=\n",
     BAD},
    {"known key, short signature", TEXT "\n" DASH ORIGIN " iGfcYAA=\n", BAD},
    {"known key, empty signature", TEXT "\n" DASH ORIGIN " iGfcYA==\n", NOT_A_NOTE},
    {"known key, no key id", TEXT "\n" DASH ORIGIN " iGfc\n", NOT_A_NOTE},
    {"no signature", TEXT "\n", NOT_A_NOTE},
    {"no blank line", TEXT LINE, NOT_A_NOTE},
    {"no text", "\n" LINE, NOT_A_NOTE},
    {"only a blank line as text", "\n\n" LINE, NOT_A_NOTE},
    {"no final newline", TEXT "\n" DASH ORIGIN " " BASE64, NOT_A_NOTE},
    {"bytes after the signatures", TEXT "\n" LINE "x", NOT_A_NOTE},
    {"a line that is none", TEXT "\n" LINE "x\n", NOT_A_NOTE},
    {"hyphen for dash", TEXT "\n- " ORIGIN " " BASE64 "\n", NOT_A_NOTE},
    {"two spaces", TEXT "\n" DASH ORIGIN "  " BASE64 "\n", NOT_A_NOTE},
    {"space at the end", TEXT "\n" DASH ORIGIN " " BASE64 " \n", NOT_A_NOTE},
    {"no name", TEXT "\n" DASH " " BASE64 "\n", NOT_A_NOTE},
    {"plus in the name", TEXT "\n" DASH "a+b " BASE64 "\n", NOT_A_NOTE},
    {"no base64", TEXT "\n" DASH ORIGIN " !!!!\n", NOT_A_NOTE},
    {"carriage return", ORIGIN "\r\n1\n\n" LINE, NOT_A_NOTE},
    {"invalid UTF-8", "\xFF" TEXT "\n" LINE, NOT_A_NOTE},
    {"empty", "", NOT_A_NOTE},
    {"a newline", "\n", NOT_A_NOTE},
};

START_TEST(notes)
{
    const enum result got = examine(cases[_i].text, strlen(cases[_i].text));

    ck_assert_msg(got == cases[_i].want, "%s: want %d, got %d", cases[_i].name,
                  (int)cases[_i].want, (int)got);
}
END_TEST

START_TEST(views_point_into_the_input)
{
    struct note note;
    static const char text[] = TEXT "\n" LINE OTHER;

    ck_assert_int_eq(note_parse(text, sizeof text - 1, &note, NULL), TALLY_OK);
    ck_assert(bytes_equal(note.text, bytes_of(TEXT, strlen(TEXT))));
    ck_assert_ptr_eq(note.text.data, text);
    ck_assert_uint_eq(note.lines_count, 2);
    ck_assert(bytes_equal(note.lines[0].name, bytes_of(ORIGIN, strlen(ORIGIN))));
    ck_assert_uint_eq(note.lines[0].key_id, 0x8867dc60);
    ck_assert_uint_eq(note.lines[0].signature_size, 64);
    ck_assert(note_line_by(&note.lines[0], &log_key));
    ck_assert(!note_line_by(&note.lines[1], &log_key));
}
END_TEST

START_TEST(nul_is_refused)
{
    static const char text[] = "a\0b\n\n" OTHER;

    ck_assert_int_eq(examine(text, sizeof text - 1), NOT_A_NOTE);
}
END_TEST

/* C2SP: at least 16 signatures must be accepted. The last of the limit must be read. */
START_TEST(many_signatures)
{
    char text[LIMIT_NOTE_SIZE];
    size_t size = (size_t)snprintf(text, sizeof text, "%s\n", TEXT);

    for (int i = 0; i < LIMIT_NOTE_SIGNATURES - 1; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s", OTHER);
    size += (size_t)snprintf(text + size, sizeof text - size, "%s", LINE);
    ck_assert_int_ge(LIMIT_NOTE_SIGNATURES, 16);
    ck_assert_int_eq(examine(text, size), GOOD);
    size += (size_t)snprintf(text + size, sizeof text - size, "%s", LINE);
    ck_assert_int_eq(examine(text, size), TOO_LARGE);
}
END_TEST

START_TEST(large_notes)
{
    static char text[LIMIT_NOTE_SIZE + 1];
    const size_t tail = strlen("\n\n" OTHER);

    memset(text, 'x', sizeof text);
    memcpy(text + LIMIT_NOTE_SIZE - tail, "\n\n" OTHER, tail);
    ck_assert_int_eq(examine(text, LIMIT_NOTE_SIZE), UNKNOWN);
    memset(text, 'x', sizeof text);
    memcpy(text + LIMIT_NOTE_SIZE + 1 - tail, "\n\n" OTHER, tail);
    ck_assert_int_eq(examine(text, LIMIT_NOTE_SIZE + 1), TOO_LARGE);
    ck_assert_int_eq(examine(text, SIZE_MAX), TOO_LARGE);
}
END_TEST

START_TEST(writes_the_same_note)
{
    char buffer[1024];
    static const char want[] = TEXT "\n" LINE;
    struct bytes_writer writer = bytes_writer(buffer, sizeof buffer);
    struct bytes_writer small = bytes_writer(buffer + 512, 40);

    note_put_text(&writer, bytes_of(TEXT, strlen(TEXT)));
    note_put_signed(&writer, &log_key, &secret, bytes_of(TEXT, strlen(TEXT)));
    ck_assert(!writer.bad);
    ck_assert_uint_eq(writer.at, sizeof want - 1);
    ck_assert_mem_eq(buffer, want, sizeof want - 1);
    note_put_text(&small, bytes_of(TEXT, strlen(TEXT)));
    ck_assert(small.bad);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("note");
    TCase *tc = tcase_create("note");

    tcase_add_unchecked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, notes, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, views_point_into_the_input);
    tcase_add_test(tc, nul_is_refused);
    tcase_add_test(tc, many_signatures);
    tcase_add_test(tc, large_notes);
    tcase_add_test(tc, writes_the_same_note);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    if (sign_init() != TALLY_OK) return 1;
    return check_main(make_suite());
}
