/* The witness file: what was signed stays signed, whatever single thing happens to the file. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/witness.h"
#include "support/check_main.h"
#include "support/folder.h"

enum { FILE_SIZE = 1024, SLOT_SIZE = 512, SLOT_USED = 1 + 8 + 32 + 4 + 8 + 8 + 32 + 32 };

static char folder[64], path[96];

static struct tally_hash root_of(uint8_t number)
{
    struct tally_hash root;

    memset(root.bytes, number, sizeof root.bytes);
    return root;
}

static const struct witness_data fresh = {
    .ledger_id = {{1, 2, 3}}, .node_id = 2, .incarnation = UINT64_C(0x1122334455667788)};

static void begin(void)
{
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/witness", folder);
    ck_assert_int_eq(witness_create(path, &fresh, NULL), TALLY_OK);
}

static struct witness *open_file(void)
{
    struct witness *witness = NULL;
    struct tally_diag diag = {{0}};

    ck_assert_msg(witness_open(path, &witness, &diag) == TALLY_OK, "%s", diag.text);
    return witness;
}

static void sign(uint64_t size, uint8_t root, enum tally_err want)
{
    struct witness *witness = open_file();
    const struct tally_hash hash = root_of(root);

    ck_assert_int_eq(witness_sign(witness, size, &hash, NULL), want);
    witness_close(witness);
}

static uint64_t signed_size(void)
{
    struct witness *witness = open_file();
    const struct witness_data data = witness_data(witness);

    ck_assert_uint_eq(data.node_id, fresh.node_id);
    ck_assert_uint_eq(data.incarnation, fresh.incarnation);
    ck_assert_mem_eq(&data.ledger_id, &fresh.ledger_id, 32);
    witness_close(witness);
    return data.signed_size;
}

START_TEST(signed_once)
{
    static const struct {
        const char *name;
        uint64_t size;
        uint8_t root;
        enum tally_err want;
    } cases[] = {
        {"first", 3, 1, TALLY_OK},
        {"the same again", 3, 1, TALLY_OK},
        {"another root for it", 3, 2, TALLY_E_SPLIT_VIEW},
        {"a larger tree", 9, 3, TALLY_OK},
        {"a smaller one", 8, 1, TALLY_E_SPLIT_VIEW},
        {"the first one again", 3, 1, TALLY_E_SPLIT_VIEW},
        {"still the same", 9, 3, TALLY_OK},
    };

    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sign(cases[i].size, cases[i].root, cases[i].want);
    }
    ck_assert_uint_eq(signed_size(), 9);
    ck_assert_int_eq(witness_create(path, &fresh, NULL), TALLY_E_CONFLICT);
    folder_remove(folder);
}
END_TEST

/* One damaged byte: the other slot still speaks, at most one signature older. */
START_TEST(one_damaged_byte)
{
    const size_t at = (size_t)(_i / SLOT_USED) * SLOT_SIZE + (size_t)(_i % SLOT_USED);
    uint8_t *file = NULL;
    size_t size = 0;

    begin();
    sign(5, 1, TALLY_OK);
    sign(6, 2, TALLY_OK);
    ck_assert_int_eq(file_read(path, FILE_SIZE, &file, &size, NULL), TALLY_OK);
    ck_assert_uint_eq(size, FILE_SIZE);
    file[at] ^= 0x10;
    ck_assert_int_eq(file_write(path, bytes_of(file, size), 0600, NULL), TALLY_OK);
    ck_assert_uint_ge(signed_size(), 5);
    free(file);
    folder_remove(folder);
}
END_TEST

START_TEST(damaged_beyond_use)
{
    uint8_t zeros[FILE_SIZE] = {0};
    struct witness *witness = NULL;

    begin();
    ck_assert_int_eq(file_write(path, bytes_of(zeros, (size_t)_i * SLOT_SIZE), 0600, NULL),
                     TALLY_OK);
    ck_assert_int_eq(witness_open(path, &witness, NULL), TALLY_E_CORRUPT);
    unlink(path);
    ck_assert_int_eq(witness_open(path, &witness, NULL), TALLY_E_NOT_FOUND);
    folder_remove(folder);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("witness");
    TCase *cases = tcase_create("file");

    tcase_add_test(cases, signed_once);
    tcase_add_loop_test(cases, one_damaged_byte, 0, 2 * SLOT_USED);
    tcase_add_loop_test(cases, damaged_beyond_use, 0, 3);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
