/* Goal: a cosignature binds text, time and key. Method: a known answer from a separate
 * implementation; then one thing changed per row. */
#include "base/base64.h"
#include "note/cosignature.h"
#include "support/check_main.h"
#include <check.h>
#include <string.h>

#define ORIGIN "ledger.example/0123456789abcdef0123456789abcdef"
#define KEY    ORIGIN "/n1+19025af0+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define TEXT   ORIGIN "\n1\nAippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw=\n"
#define BASE64                                                                                 \
    "GQJa8AAAAABlU/EA9uaYMA7S8nlcZD0ARXgEMW82e0YCsr/6TdAY8NbLqD8C9KGdxC0sRKKeqBo/Pjx6yhCt"     \
    "QMRoTSeFVUpDWJIMCg=="
#define LINE   "\xE2\x80\x94 " ORIGIN "/n1 " BASE64 "\n"
#define TIME_S 1700000000u

static struct vkey key;
static struct sign_key secret;
static uint8_t known[COSIGNATURE_BYTES];

static void setup(void)
{
    uint8_t seed[SIGN_SEED_BYTES];
    uint8_t blob[4 + COSIGNATURE_BYTES];

    for (uint8_t i = 0; i < sizeof seed; i++) seed[i] = i;
    sign_keypair_from_seed(seed, &secret);
    ck_assert_int_eq(vkey_parse(KEY, strlen(KEY), &key, NULL), TALLY_OK);
    ck_assert(base64_decode(BASE64, strlen(BASE64), blob));
    memcpy(known, blob + 4, sizeof known);
}

static const struct bytes text = {(const uint8_t *)TEXT, sizeof TEXT - 1};

START_TEST(known_answer)
{
    uint8_t got[COSIGNATURE_BYTES];
    uint64_t time_s = 0;

    cosignature_sign(&secret, text, TIME_S, got);
    ck_assert_mem_eq(got, known, sizeof known);
    ck_assert_int_eq(cosignature_verify(secret.public_key, text, got, sizeof got, &time_s),
                     TALLY_OK);
    ck_assert_uint_eq(time_s, TIME_S);
}
END_TEST

START_TEST(one_thing_changed)
{
    uint8_t bad[COSIGNATURE_BYTES + 1] = {0};
    uint8_t other[SIGN_PUBLIC_BYTES];
    uint64_t time_s = 5;
    static const char longer[CHECKPOINT_TEXT_MAX + 1] = {0};

    for (size_t i = 0; i < COSIGNATURE_BYTES; i++) {
        memcpy(bad, known, sizeof known);
        bad[i] ^= 1; /* the first 8 are the time */
        ck_assert_int_eq(
            cosignature_verify(secret.public_key, text, bad, sizeof known, &time_s),
            TALLY_E_SIGNATURE);
    }
    memcpy(bad, known, sizeof known);
    ck_assert_int_eq(cosignature_verify(secret.public_key, text, bad, sizeof bad, &time_s),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(cosignature_verify(secret.public_key, text, bad, 71, &time_s),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(cosignature_verify(secret.public_key, text, NULL, 0, &time_s),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(
        cosignature_verify(secret.public_key, bytes_of(TEXT, 20), known, sizeof known, &time_s),
        TALLY_E_SIGNATURE);
    ck_assert_int_eq(cosignature_verify(secret.public_key, bytes_of(longer, sizeof longer),
                                        known, sizeof known, &time_s),
                     TALLY_E_SIGNATURE);
    memcpy(other, secret.public_key, sizeof other);
    other[0] ^= 1;
    ck_assert_int_eq(cosignature_verify(other, text, known, sizeof known, &time_s),
                     TALLY_E_SIGNATURE);
    ck_assert_uint_eq(time_s, 5); /* results are written on OK only */
}
END_TEST

/* An ordinary signature of the text must not pass as a cosignature, nor the reverse. */
START_TEST(not_a_note_signature)
{
    uint8_t forged[COSIGNATURE_BYTES] = {0};

    sign_detached(&secret, text.data, text.size, forged + 8);
    ck_assert_int_eq(cosignature_verify(secret.public_key, text, forged, sizeof forged, NULL),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(sign_verify(secret.public_key, text.data, text.size, known + 8, 64),
                     TALLY_E_SIGNATURE);
}
END_TEST

/* Well signed, but for a time of 2^63. */
START_TEST(time_limit)
{
    static const char message[] = "cosignature/v1\ntime 9223372036854775808\n" TEXT;
    uint8_t cosignature[COSIGNATURE_BYTES] = {0x80};

    sign_detached(&secret, message, sizeof message - 1, cosignature + 8);
    ck_assert_int_eq(
        cosignature_verify(secret.public_key, text, cosignature, sizeof cosignature, NULL),
        TALLY_E_SIGNATURE);
    cosignature_sign(&secret, text, INT64_MAX, cosignature);
    ck_assert_int_eq(
        cosignature_verify(secret.public_key, text, cosignature, sizeof cosignature, NULL),
        TALLY_OK);
}
END_TEST

/* Write a note of `text` with a cosignature for each time, parse it and look for the key. */
static enum tally_err find(const uint64_t *times_s, size_t count, bool spoil, uint64_t *ret_s)
{
    char buffer[4096];
    struct note note;
    struct bytes_writer writer = bytes_writer(buffer, sizeof buffer);

    note_put_text(&writer, text);
    for (size_t i = 0; i < count; i++) {
        uint8_t cosignature[COSIGNATURE_BYTES];

        cosignature_sign(&secret, text, times_s[i], cosignature);
        if (spoil && i + 1 == count) cosignature[40] ^= 1;
        note_put_line(&writer, &key, cosignature, sizeof cosignature);
    }
    ck_assert(!writer.bad);
    ck_assert_int_eq(note_parse(buffer, writer.at, &note, NULL), TALLY_OK);
    return cosignature_find(&note, &key, ret_s);
}

START_TEST(finds_the_latest)
{
    static const uint64_t times_s[] = {5, 7, 6};
    uint64_t time_s = 0;

    ck_assert_int_eq(find(times_s, 1, false, &time_s), TALLY_OK);
    ck_assert_uint_eq(time_s, 5);
    ck_assert_int_eq(find(times_s, 3, false, &time_s), TALLY_OK);
    ck_assert_uint_eq(time_s, 7);
    ck_assert_int_eq(find(times_s, 3, false, NULL), TALLY_OK);
    ck_assert_int_eq(find(times_s, 3, true, &time_s), TALLY_E_SIGNATURE);
}
END_TEST

START_TEST(in_a_note)
{
    struct note note;
    struct vkey stranger;
    uint64_t time_s = 0;
    static const char whole[] = TEXT "\n" LINE;
    static const char cut[] = TEXT "\n\xE2\x80\x94 " ORIGIN "/n1 GQJa8AAA\n";

    ck_assert_int_eq(note_parse(whole, sizeof whole - 1, &note, NULL), TALLY_OK);
    ck_assert_int_eq(cosignature_find(&note, &key, &time_s), TALLY_OK);
    ck_assert_uint_eq(time_s, TIME_S);
    ck_assert_int_eq(vkey_make("n2", VKEY_COSIGNATURE, secret.public_key, &stranger), TALLY_OK);
    ck_assert_int_eq(cosignature_find(&note, &stranger, &time_s), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(note_parse(cut, sizeof cut - 1, &note, NULL), TALLY_OK);
    ck_assert_int_eq(cosignature_find(&note, &key, &time_s), TALLY_E_SIGNATURE);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("cosignature");
    TCase *tc = tcase_create("cosignature");

    tcase_add_unchecked_fixture(tc, setup, NULL);
    tcase_add_test(tc, known_answer);
    tcase_add_test(tc, one_thing_changed);
    tcase_add_test(tc, not_a_note_signature);
    tcase_add_test(tc, time_limit);
    tcase_add_test(tc, finds_the_latest);
    tcase_add_test(tc, in_a_note);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    if (sign_init() != TALLY_OK) return 1;
    return check_main(make_suite());
}
