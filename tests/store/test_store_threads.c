/* Readers beside the writer of the log and the writer of the families, on both stores. A reader
 * never sees a block that is not the one it asked for, never a hole where the log was merely
 * truncated, and never a part of a put. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "store/store_mem.h"
#include "support/check_main.h"
#include "support/folder.h"
#include "support/store_texts.h"

enum { MEM, ROCKSDB, STORES, READERS = 3, READS = 200, KEPT = 20 };

static const uint64_t rounds_of[STORES] = {2000, 150};

static struct store *store;
static uint64_t rounds;
static atomic_bool writing;
/* What went wrong in a thread; Check's assertions are for the main one. */
static _Atomic(const char *) wrong;
static atomic_size_t blocks_read, pairs_read;

/* Each round replaces the blocks behind the first KEPT by others, more or fewer; until enough
 * was read beside it. */
static void *write_log(void *unused)
{
    uint64_t random = 7;

    (void)unused;
    for (uint64_t round = 1;
         wrong == NULL && (round <= rounds || blocks_read < READS || pairs_read < READS);
         round++) {
        uint64_t last;

        random = random * UINT64_C(6364136223846793005) + 1;
        last = KEPT + (random >> 40) % 40;
        if (store_texts_append(store, KEPT + 1, KEPT + 1, last, "x", 0) != TALLY_OK) {
            wrong = "an append failed";
        }
    }
    writing = false;
    return NULL;
}

/* Two keys that always have the same value. */
static void *write_pairs(void *unused)
{
    (void)unused;
    for (uint64_t number = 1; writing && wrong == NULL; number++) {
        const struct bytes value = bytes_of(&number, sizeof number);
        const struct store_put puts[] = {
            {.family = STORE_STATE, .key = bytes_of("a", 1), .value = value},
            {.family = STORE_META, .key = bytes_of("b", 1), .value = value},
        };

        if (store_put(store, puts, 2, NULL) != TALLY_OK) wrong = "a put failed";
    }
    return NULL;
}

static uint64_t number_at(enum store_family family, const char *key)
{
    struct store_value value = {0};
    uint64_t number = 0;

    if (store_get(store, family, bytes_of(key, 1), &value, NULL) != TALLY_OK) return 0;
    if (value.size == sizeof number) memcpy(&number, value.data, sizeof number);
    store_value_free(&value);
    return number;
}

static bool see_one(void *context, struct bytes key, struct bytes value)
{
    (void)key;
    *(size_t *)context += value.size == sizeof(uint64_t);
    return true;
}

static void read_pair(void)
{
    const uint64_t a = number_at(STORE_STATE, "a"), b = number_at(STORE_META, "b");
    const uint64_t a_later = number_at(STORE_STATE, "a");
    size_t seen = 0;

    if (b < a) wrong = "a put was seen in part, or went back";
    if (a_later < b) wrong = "a put was seen in part, or went back";
    if (store_scan(store, STORE_META, bytes_of("b", 1), bytes_of("", 0), see_one, &seen,
                   NULL) != TALLY_OK ||
        (b > 0 && seen != 1)) {
        wrong = "a scan missed a key";
    }
    if (b > 0) pairs_read++;
}

static void *read_all(void *number)
{
    uint64_t random = *(uint64_t *)number;
    bool last_turn = false;

    while (wrong == NULL && !last_turn) {
        struct store_block *blocks = NULL;
        size_t count = 0;
        uint64_t from;
        enum tally_err err;

        last_turn = !writing;
        random = random * UINT64_C(6364136223846793005) + 1;
        from = 1 + (random >> 40) % (KEPT + 40);
        err = store_read(store, from, 30, SIZE_MAX, &blocks, &count, NULL);
        if (err == TALLY_OK && count == 0) wrong = "a read gave nothing";
        if (err != TALLY_OK && (err != TALLY_E_NOT_FOUND || from <= KEPT)) {
            wrong = "a block was not there";
        }
        for (size_t i = 0; i < count; i++) {
            if (blocks[i].index != from + i || !store_texts_is(&blocks[i], "x")) {
                wrong = "a block was another one";
            }
        }
        blocks_read += count;
        free(blocks);
        read_pair();
    }
    return NULL;
}

START_TEST(readers_beside_writers)
{
    pthread_t threads[READERS + 2];
    uint64_t seeds[READERS];
    char folder[64], path[96];
    struct tally_diag diag = {{0}};
    enum tally_err err;

    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/db", folder);
    if (_i == MEM) {
        err = store_mem_open(&store);
    } else {
        err = store_rocksdb_create(path, &diag);
        if (err == TALLY_OK) err = store_rocksdb_open(path, &store, &diag);
    }
    ck_assert_msg(err == TALLY_OK, "%s", diag.text);
    ck_assert_int_eq(store_texts_append(store, 0, 1, KEPT, "x", 0), TALLY_OK);
    rounds = rounds_of[_i];
    writing = true;
    ck_assert_int_eq(pthread_create(&threads[0], NULL, write_log, NULL), 0);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, write_pairs, NULL), 0);
    for (uint64_t i = 0; i < READERS; i++) {
        seeds[i] = i;
        ck_assert_int_eq(pthread_create(&threads[2 + i], NULL, read_all, &seeds[i]), 0);
    }
    for (size_t i = 0; i < READERS + 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_msg(wrong == NULL, "%s", wrong == NULL ? "" : wrong);
    ck_assert_uint_ge(blocks_read, READS);
    ck_assert_uint_ge(pairs_read, READS);
    store_texts_check_all(store, "x");
    store_close(store);
    folder_remove(folder);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store threads");
    TCase *cases = tcase_create("both");

    tcase_add_loop_test(cases, readers_beside_writers, 0, STORES);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
