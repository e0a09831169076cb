/* Goal: one proof has one file. Method: a table of files with one thing changed; what is
 * accepted is written again and compared. */
#include "base/limits.h"
#include "note/tlogproof.h"
#include "support/check_main.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "c2sp.org/tlog-proof@v1\n"
#define HASH  "Aippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw=\n"
#define NOTE  "any bytes\n"

static const struct {
    const char *name, *text;
    bool good;
} cases[] = {
    {"honest", MAGIC "extra Zm9v\nindex 5\n" HASH HASH "\n" NOTE, true},
    {"no extra", MAGIC "index 5\n" HASH "\n" NOTE, true},
    {"no hashes", MAGIC "index 0\n\n" NOTE, true},
    {"largest index", MAGIC "index 9223372036854775807\n\n" NOTE, true},
    {"index 2^63", MAGIC "index 9223372036854775808\n\n" NOTE, false},
    {"no index", MAGIC HASH "\n" NOTE, false},
    {"index with leading zero", MAGIC "index 05\n\n" NOTE, false},
    {"index with two spaces", MAGIC "index  5\n\n" NOTE, false},
    {"index is negative", MAGIC "index -5\n\n" NOTE, false},
    {"index without a number", MAGIC "index \n\n" NOTE, false},
    {"index twice", MAGIC "index 5\nindex 5\n\n" NOTE, false},
    {"extra after the index", MAGIC "index 5\nextra Zm9v\n\n" NOTE, false},
    {"extra twice", MAGIC "extra Zm9v\nextra Zm9v\nindex 5\n\n" NOTE, false},
    {"extra is empty", MAGIC "extra \nindex 5\n\n" NOTE, false},
    {"extra is no base64", MAGIC "extra Zm9\nindex 5\n\n" NOTE, false},
    {"other version", "c2sp.org/tlog-proof@v2\nindex 5\n\n" NOTE, false},
    {"longer first line", "c2sp.org/tlog-proof@v1 \nindex 5\n\n" NOTE, false},
    {"short hash", MAGIC "index 5\nZm9v\n\n" NOTE, false},
    {"long hash", MAGIC "index 5\nAippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+TwA\n\n" NOTE,
     false},
    {"spare bits", MAGIC "index 5\nAippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tx=\n\n" NOTE,
     false},
    {"space in a hash line", MAGIC "index 5\n \n\n" NOTE, false},
    {"no empty line", MAGIC "index 5\n" HASH NOTE, false},
    {"no checkpoint", MAGIC "index 5\n" HASH "\n", false},
    {"cut in a hash", MAGIC "index 5\nAippeebat6pa", false},
    {"cut in the index", MAGIC "index 5", false},
    {"carriage returns", "c2sp.org/tlog-proof@v1\r\nindex 5\r\n\r\n" NOTE, false},
    {"empty", "", false},
};

/* Write a parsed proof again, in heap memory of the promised size. */
static char *rewrite(const struct tlogproof *proof, size_t *ret_size)
{
    const size_t extra_size = tlogproof_extra_size(proof);
    const size_t room =
        tlogproof_size_max(extra_size, proof->hashes_count, proof->checkpoint.size);
    char *extra = malloc(extra_size + 1);
    char *file = malloc(room);
    struct bytes_writer writer = bytes_writer(file, room);

    ck_assert(extra != NULL && file != NULL);
    tlogproof_extra(proof, extra);
    tlogproof_put(&writer, bytes_of(extra, extra_size), proof->index, proof->hashes,
                  proof->hashes_count, proof->checkpoint);
    ck_assert(!writer.bad);
    free(extra);
    *ret_size = writer.at;
    return file;
}

START_TEST(files)
{
    struct tlogproof proof;
    struct tally_diag diag = {""};
    const size_t size = strlen(cases[_i].text);
    const enum tally_err err = tlogproof_parse(cases[_i].text, size, &proof, &diag);

    ck_assert_msg(err == (cases[_i].good ? TALLY_OK : TALLY_E_MALFORMED), "%s: %s",
                  cases[_i].name, tally_err_text(err));
    if (!cases[_i].good) {
        ck_assert_ptr_nonnull(strstr(diag.text, "line "));
        return;
    }
    size_t again_size = 0;
    char *again = rewrite(&proof, &again_size);
    ck_assert_uint_eq(again_size, size);
    ck_assert_mem_eq(again, cases[_i].text, size);
    free(again);
}
END_TEST

START_TEST(fields)
{
    struct tlogproof proof;
    char extra[3];
    static const char file[] = MAGIC "extra Zm9v\nindex 73894\n" HASH HASH "\n" NOTE;

    ck_assert_int_eq(tlogproof_parse(file, sizeof file - 1, &proof, NULL), TALLY_OK);
    ck_assert_uint_eq(proof.index, 73894);
    ck_assert_uint_eq(proof.hashes_count, 2);
    ck_assert_uint_eq(proof.hashes[1].bytes[0], 0x02);
    ck_assert_uint_eq(proof.hashes[1].bytes[31], 0x3c);
    ck_assert_uint_eq(tlogproof_extra_size(&proof), 3);
    tlogproof_extra(&proof, extra);
    ck_assert_mem_eq(extra, "foo", 3);
    ck_assert(bytes_equal(proof.checkpoint, bytes_of(NOTE, strlen(NOTE))));
}
END_TEST

START_TEST(hash_limit)
{
    char file[8192];
    struct tlogproof proof;
    size_t size = (size_t)snprintf(file, sizeof file, "%sindex 5\n", MAGIC);

    for (unsigned i = 0; i < TALLY_PROOF_HASHES_MAX; i++)
        size += (size_t)snprintf(file + size, sizeof file - size, "%s", HASH);
    const size_t tail = (size_t)snprintf(file + size, sizeof file - size, "\n%s", NOTE);
    ck_assert_int_eq(tlogproof_parse(file, size + tail, &proof, NULL), TALLY_OK);
    ck_assert_uint_eq(proof.hashes_count, TALLY_PROOF_HASHES_MAX);
    size += (size_t)snprintf(file + size, sizeof file - size, "%s\n%s", HASH, NOTE);
    ck_assert_int_eq(tlogproof_parse(file, size, &proof, NULL), TALLY_E_TOO_LARGE);
}
END_TEST

START_TEST(size_limit)
{
    char *file = malloc(LIMIT_PROOF_FILE_SIZE + 1);
    struct tlogproof proof;

    ck_assert_ptr_nonnull(file);
    memset(file, 'x', LIMIT_PROOF_FILE_SIZE + 1);
    memcpy(file, MAGIC "index 5\n\n", strlen(MAGIC "index 5\n\n"));
    ck_assert_int_eq(tlogproof_parse(file, LIMIT_PROOF_FILE_SIZE, &proof, NULL), TALLY_OK);
    ck_assert_int_eq(tlogproof_parse(file, LIMIT_PROOF_FILE_SIZE + 1, &proof, NULL),
                     TALLY_E_TOO_LARGE);
    free(file);
}
END_TEST

/* Extra data of many sizes crosses the pieces in which base64 is written. */
START_TEST(long_extra)
{
    static uint8_t extra[2000];
    char file[4096];
    uint8_t back[sizeof extra];
    struct tlogproof proof;

    for (size_t i = 0; i < sizeof extra; i++) extra[i] = (uint8_t)(i * 31 + 7);
    for (size_t size = 1; size <= sizeof extra; size += 61) {
        struct bytes_writer writer = bytes_writer(file, sizeof file);

        tlogproof_put(&writer, bytes_of(extra, size), 1, NULL, 0, bytes_of(NOTE, 10));
        ck_assert(!writer.bad);
        ck_assert_int_eq(tlogproof_parse(file, writer.at, &proof, NULL), TALLY_OK);
        ck_assert_uint_eq(tlogproof_extra_size(&proof), size);
        tlogproof_extra(&proof, back);
        ck_assert_mem_eq(back, extra, size);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("tlogproof");
    TCase *tc = tcase_create("tlogproof");

    tcase_add_loop_test(tc, files, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, fields);
    tcase_add_test(tc, hash_limit);
    tcase_add_test(tc, size_limit);
    tcase_add_test(tc, long_extra);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
