/* The witness file: what was signed stays signed, whatever single thing happens to the file. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/witness.h"
#include "support/check_main.h"
#include "support/folder.h"

enum {
    FILE_SIZE = WITNESS_FILE_SIZE,
    SLOT_SIZE = WITNESS_SLOT_SIZE,
    PLACE_SIZE = WITNESS_PLACE_SIZE,
    SLOT_USED = 1 + 8 + 32 + 4 + 8 + (8 + 4 + 8 + 8 + 32) + 8 + 32 + 32,
};

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

static uint8_t *read_file(void)
{
    uint8_t *file = NULL;
    size_t size = 0;

    ck_assert_int_eq(file_read(path, FILE_SIZE, &file, &size, NULL), TALLY_OK);
    ck_assert_uint_eq(size, FILE_SIZE);
    return file;
}

static void write_file(const uint8_t *file, size_t size)
{
    ck_assert_int_eq(file_write(path, bytes_of(file, size), 0600, NULL), TALLY_OK);
}

START_TEST(every_field_comes_back)
{
    static const struct witness_log log = {.term = UINT64_C(0x0102030405060708),
                                           .vote = 0x11121314,
                                           .last_index = UINT64_C(0x2122232425262728),
                                           .last_term = UINT64_C(0x3132333435363738),
                                           .last_hash = {{9, 8, 7}}};
    struct witness_log lower = log;
    struct witness *witness;
    struct witness_data data;

    begin();
    witness = open_file();
    ck_assert_uint_eq(witness_data(witness).log.last_index, 0);
    ck_assert_int_eq(witness_log(witness, &log, NULL), TALLY_OK);
    witness_close(witness);
    sign(5, 1, TALLY_OK); /* signing leaves the log's part alone */
    witness = open_file();
    data = witness_data(witness);
    ck_assert_mem_eq(&data.ledger_id, &fresh.ledger_id, 32);
    ck_assert_uint_eq(data.node_id, fresh.node_id);
    ck_assert_uint_eq(data.incarnation, fresh.incarnation);
    ck_assert_uint_eq(data.log.term, log.term);
    ck_assert_uint_eq(data.log.vote, log.vote);
    ck_assert_uint_eq(data.log.last_index, log.last_index);
    ck_assert_uint_eq(data.log.last_term, log.last_term);
    ck_assert_mem_eq(&data.log.last_hash, &log.last_hash, 32);
    ck_assert_uint_eq(data.signed_size, 5);
    lower.last_index = 3; /* before a truncation */
    ck_assert_int_eq(witness_log(witness, &lower, NULL), TALLY_OK);
    witness_close(witness);
    witness = open_file();
    ck_assert_uint_eq(witness_data(witness).log.last_index, 3);
    ck_assert_uint_eq(witness_data(witness).signed_size, 5);
    witness_close(witness);
    folder_remove(folder);
}
END_TEST

/* Every bit of a slot counts, also of the part that is not used. */
START_TEST(every_bit_is_checked)
{
    struct witness_data data = fresh, decoded = {.node_id = 77};
    uint8_t slot[SLOT_SIZE];
    uint64_t sequence = 0;

    data.signed_size = 10;
    witness_encode(&data, 12, slot);
    ck_assert(witness_decode(slot, &decoded, &sequence));
    ck_assert_uint_eq(sequence, 12);
    ck_assert_uint_eq(decoded.signed_size, 10);
    decoded.node_id = 77;
    for (size_t bit = 0; bit < (size_t)SLOT_SIZE * 8; bit++) {
        slot[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(!witness_decode(slot, &decoded, &sequence), "bit %zu", bit);
        slot[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_uint_eq(decoded.node_id, 77); /* nothing was given */
    ck_assert(witness_decode(slot, &decoded, &sequence));
}
END_TEST

/* Change bytes in place, without a sync: thousands of cases. */
static void overwrite(size_t at, const uint8_t *data, size_t size)
{
    const int fd = open(path, O_WRONLY);

    ck_assert_int_eq(pwrite(fd, data, size, (off_t)at), (ssize_t)size);
    close(fd);
}

/* What a reader finds, and how many damaged copies. */
static uint64_t read_signed(unsigned *ret_damaged)
{
    struct witness_data data;

    ck_assert_int_eq(witness_read(path, &data, ret_damaged, NULL), TALLY_OK);
    return data.signed_size;
}

/* Every byte of the file, flipped alone: the newest promise is believed, and the damage is
 * reported and mended. */
START_TEST(one_damaged_byte)
{
    uint8_t *file, *mended;

    begin();
    sign(5, 1, TALLY_OK);
    sign(6, 2, TALLY_OK);
    file = read_file();
    for (size_t at = 0; at < FILE_SIZE; at++) {
        const uint8_t flipped = file[at] ^ (uint8_t)(1 << at % 8);
        struct witness *witness;
        unsigned damaged = 0;

        overwrite(at, &flipped, 1);
        ck_assert_uint_eq(read_signed(&damaged), 6);
        ck_assert_uint_eq(damaged, 1);
        if (at % 509 != 0) {
            overwrite(at, &file[at], 1);
            continue;
        }
        witness = open_file();
        ck_assert_uint_eq(witness_data(witness).signed_size, 6);
        ck_assert_uint_eq(witness_repaired(witness), 1);
        witness_close(witness);
        mended = read_file();
        ck_assert_mem_eq(mended, file, FILE_SIZE);
        free(mended);
    }
    free(file);
    folder_remove(folder);
}
END_TEST

/* The power fails when `torn` bytes of a place are written, and what lies behind is what was
 * there before, or garbage. Only a whole copy of the new promise makes it believed; else the
 * one before it stands, and the next one goes where the torn one is. */
START_TEST(torn_write)
{
    uint8_t *before, *after;
    unsigned damaged = 0;

    begin();
    sign(5, 1, TALLY_OK);
    before = read_file();
    sign(6, 2, TALLY_OK); /* to the second place */
    after = read_file();
    for (size_t torn = 0; torn <= PLACE_SIZE; torn += torn % SLOT_SIZE < SLOT_USED ? 1 : 64) {
        uint8_t file[FILE_SIZE];

        memcpy(file, before, sizeof file);
        memcpy(file + PLACE_SIZE, after + PLACE_SIZE, torn);
        overwrite(0, file, FILE_SIZE);
        ck_assert_uint_eq(read_signed(&damaged), torn < SLOT_USED ? 5 : 6);
        if (torn < PLACE_SIZE) file[PLACE_SIZE + torn] ^= 0xff;
        overwrite(0, file, FILE_SIZE);
        ck_assert_uint_eq(read_signed(&damaged), torn < SLOT_SIZE ? 5 : 6);
    }
    memset(before + PLACE_SIZE, 0xee, PLACE_SIZE);
    write_file(before, FILE_SIZE);
    sign(5, 2, TALLY_E_SPLIT_VIEW);
    sign(7, 3, TALLY_OK);
    free(after);
    after = read_file();
    ck_assert_mem_eq(before, after, PLACE_SIZE);
    ck_assert_uint_eq(signed_size(), 7);
    free(before);
    free(after);
    folder_remove(folder);
}
END_TEST

/* The first promise after a torn write, while its other place has a damaged copy as well. */
START_TEST(torn_and_damaged)
{
    uint8_t *file;

    begin();
    sign(5, 1, TALLY_OK);
    sign(6, 2, TALLY_OK);
    file = read_file();
    memset(file + PLACE_SIZE, 0xee, PLACE_SIZE);
    file[SLOT_SIZE + 20] ^= 1;
    write_file(file, FILE_SIZE);
    ck_assert_uint_eq(signed_size(), 5);
    free(file);
    folder_remove(folder);
}
END_TEST

START_TEST(damaged_beyond_use)
{
    static const size_t sizes[] = {
        0, 1, SLOT_USED, SLOT_SIZE, PLACE_SIZE, FILE_SIZE - 1, FILE_SIZE, FILE_SIZE + 1};
    static uint8_t zeros[FILE_SIZE + 1];
    struct witness *witness = NULL;
    struct tally_diag diag = {{0}};

    begin();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_file(zeros, sizes[i]);
        ck_assert_int_eq(witness_open(path, &witness, &diag), TALLY_E_CORRUPT);
    }
    unlink(path);
    ck_assert_int_eq(witness_open(path, &witness, NULL), TALLY_E_NOT_FOUND);
    folder_remove(folder);
}
END_TEST

/* Whole copies in a file of another size, or each in the other's place. */
START_TEST(wrong_size_or_place)
{
    uint8_t *file, swapped[FILE_SIZE];
    struct witness *witness = NULL;

    begin();
    sign(5, 1, TALLY_OK);
    file = read_file();
    write_file(file, PLACE_SIZE);
    ck_assert_int_eq(witness_open(path, &witness, NULL), TALLY_E_CORRUPT);
    write_file(file, FILE_SIZE - 1);
    ck_assert_int_eq(witness_open(path, &witness, NULL), TALLY_E_CORRUPT);
    memcpy(swapped, file + PLACE_SIZE, PLACE_SIZE);
    memcpy(swapped + PLACE_SIZE, file, PLACE_SIZE);
    write_file(swapped, FILE_SIZE);
    ck_assert_int_eq(witness_open(path, &witness, NULL), TALLY_E_CORRUPT);
    write_file(file, FILE_SIZE);
    ck_assert_uint_eq(signed_size(), 5);
    free(file);
    folder_remove(folder);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("witness");
    TCase *cases = tcase_create("file");

    tcase_add_test(cases, signed_once);
    tcase_add_test(cases, one_damaged_byte);
    tcase_add_test(cases, torn_write);
    tcase_add_test(cases, torn_and_damaged);
    tcase_add_test(cases, every_field_comes_back);
    tcase_add_test(cases, every_bit_is_checked);
    tcase_add_test(cases, damaged_beyond_use);
    tcase_add_test(cases, wrong_size_or_place);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
