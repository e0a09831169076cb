/* Goal: a store that spares space merges no table files, and merges them again afterwards.
 * Method: each opening writes what the log holds to a table, so that tables lie one short of a
 * merge; then so much is written that two more come. Counted are the files. */
#include <check.h>
#include <dirent.h>
#include <fnmatch.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store.h"
#include "support/check_main.h"
#include "support/folder.h"

enum {
    BEFORE_A_MERGE = 7, /* level0_file_num_compaction_trigger, less one */
    VALUE_SIZE = 1 << 20,
    BUFFER_VALUES = 34, /* more than a write buffer holds */
    PATIENCE_MS = 30 * 1000,
};

static char folder[64], path[96];
static struct store *store;
static uint8_t value[VALUE_SIZE];

static void put(unsigned number, size_t size)
{
    char key[16];
    struct store_put put = {.family = STORE_STATE, .value = bytes_of(value, size)};

    snprintf(key, sizeof key, "%08u", number);
    put.key = bytes_of(key, strlen(key));
    ck_assert_int_eq(store_put(store, &put, 1, NULL), TALLY_OK);
}

static int tables(void)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    int count = 0;

    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (fnmatch("*.sst", entry->d_name, 0) == 0) count++;
    }
    closedir(directory);
    return count;
}

static bool soon(bool (*so)(void))
{
    const uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;

    while (!so()) {
        if (clock_monotonic_ms() >= until_ms) return false;
        (void)sched_yield();
    }
    return true;
}

static bool two_more(void)
{
    return tables() == BEFORE_A_MERGE + 2;
}

static bool merged(void)
{
    return tables() < BEFORE_A_MERGE;
}

START_TEST(no_merge_while_space_is_spared)
{
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/db", folder);
    ck_assert_int_eq(store_rocksdb_create(path, NULL), TALLY_OK);
    for (int i = 0; i <= BEFORE_A_MERGE; i++) {
        ck_assert_int_eq(store_rocksdb_open(path, &store, NULL), TALLY_OK);
        if (i == BEFORE_A_MERGE) break;
        put(0, 1); /* all tables overlap: they cannot just be moved */
        put(1000, 1);
        store_close(store);
    }
    ck_assert_int_eq(tables(), BEFORE_A_MERGE);
    store_spare_space(store, true);
    for (unsigned i = 0; i < 2 * BUFFER_VALUES; i++) put(1 + i, VALUE_SIZE);
    ck_assert(soon(two_more));
    store_spare_space(store, false);
    ck_assert(soon(merged));
    store_close(store);
    folder_remove(folder);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store_space");
    TCase *tcase = tcase_create("space");

    tcase_add_test(tcase, no_merge_while_space_is_spared);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
