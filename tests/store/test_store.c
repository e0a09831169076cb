/* The contract of node/store/store.h, the same cases on both stores; what only one of them can
 * do is at the end. Each case starts with an empty store in a folder of its own. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "store/store_mem.h"
#include "support/check_main.h"
#include "support/folder.h"

enum { MEM, ROCKSDB, STORES };

static char folder[64], path[96];
static struct store *store;
static int kind;

static void open_store(void)
{
    struct tally_diag diag = {{0}};
    const enum tally_err err =
        kind == MEM ? store_mem_open(&store) : store_rocksdb_open(path, &store, &diag);

    ck_assert_msg(err == TALLY_OK, "open: %s: %s", tally_err_text(err), diag.text);
}

static void begin(int which)
{
    struct tally_diag diag = {{0}};

    kind = which;
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/db", folder);
    if (kind == ROCKSDB)
        ck_assert_msg(store_rocksdb_create(path, &diag) == TALLY_OK, "%s", diag.text);
    open_store();
}

static void end(void)
{
    store_close(store);
    store = NULL;
    folder_remove(folder);
}

/* Close and open again; a store in memory has nothing to come back from. */
static void reopen(void)
{
    if (kind == MEM) return;
    store_close(store);
    open_store();
}

/* Block `index` holds a text that names it. */
static enum tally_err append_range(uint64_t truncate_from, uint64_t from, uint64_t to,
                                   const char *text)
{
    struct store_block blocks[64];
    char data[64][32];
    struct store_append append = {.truncate_from = truncate_from, .blocks = blocks};

    for (uint64_t index = from; index <= to; index++) {
        const size_t at = append.blocks_count++;

        snprintf(data[at], sizeof data[at], "%s %llu", text, (unsigned long long)index);
        blocks[at] = (struct store_block){index, bytes_of(data[at], strlen(data[at]))};
    }
    return store_append(store, &append, NULL);
}

static void assert_block(uint64_t index, const char *text)
{
    struct store_block *blocks = NULL;
    struct tally_diag diag = {{0}};
    char want[32];
    size_t count = 0;
    const enum tally_err err = store_read(store, index, 1, 1, &blocks, &count, &diag);

    ck_assert_msg(err == TALLY_OK, "block %llu: %s", (unsigned long long)index, diag.text);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(blocks[0].index, index);
    snprintf(want, sizeof want, "%s %llu", text, (unsigned long long)index);
    ck_assert_uint_eq(blocks[0].data.size, strlen(want));
    ck_assert_mem_eq(blocks[0].data.data, want, strlen(want));
    free(blocks);
}

START_TEST(new_store_is_empty)
{
    struct store_block *blocks = NULL;
    size_t count = 0;

    begin(_i);
    ck_assert_uint_eq(store_last(store), 0);
    ck_assert_uint_eq(store_hard_state(store).term, 0);
    ck_assert_int_eq(store_read(store, 1, 1, 1, &blocks, &count, NULL), TALLY_E_NOT_FOUND);
    end();
}
END_TEST

START_TEST(blocks_stay)
{
    begin(_i);
    ck_assert_int_eq(append_range(0, 1, 10, "a"), TALLY_OK);
    ck_assert_int_eq(append_range(0, 11, 12, "b"), TALLY_OK);
    reopen();
    ck_assert_uint_eq(store_last(store), 12);
    assert_block(1, "a");
    assert_block(10, "a");
    assert_block(12, "b");
    end();
}
END_TEST

/* Nothing of a truncated suffix comes back, neither now nor later. */
START_TEST(truncation_is_final)
{
    struct store_block *blocks = NULL;
    size_t count = 0;

    begin(_i);
    ck_assert_int_eq(append_range(0, 1, 20, "old"), TALLY_OK);
    ck_assert_int_eq(append_range(6, 6, 8, "new"), TALLY_OK);
    ck_assert_uint_eq(store_last(store), 8);
    reopen();
    ck_assert_uint_eq(store_last(store), 8);
    assert_block(5, "old");
    assert_block(6, "new");
    ck_assert_int_eq(store_read(store, 9, 1, 1, &blocks, &count, NULL), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(append_range(0, 9, 9, "next"), TALLY_OK);
    ck_assert_int_eq(append_range(3, 1, 0, ""), TALLY_OK); /* truncate alone */
    reopen();
    ck_assert_uint_eq(store_last(store), 2);
    end();
}
END_TEST

START_TEST(hard_state_goes_with_its_blocks)
{
    const struct store_hard_state hard_state = {.term = 7, .vote = 3, .commit = 2};
    struct store_append append = {.hard_state = &hard_state};

    begin(_i);
    ck_assert_int_eq(append_range(0, 1, 3, "a"), TALLY_OK);
    ck_assert_int_eq(store_append(store, &append, NULL), TALLY_OK);
    ck_assert_int_eq(append_range(0, 4, 4, "a"), TALLY_OK); /* without one: unchanged */
    reopen();
    ck_assert_uint_eq(store_hard_state(store).term, 7);
    ck_assert_uint_eq(store_hard_state(store).vote, 3);
    ck_assert_uint_eq(store_hard_state(store).commit, 2);
    end();
}
END_TEST

/* Reads end where they are told to, at the last block, and never below one block. */
START_TEST(read_limits)
{
    static const struct {
        uint64_t from;
        size_t count_max, size_max, want;
    } cases[] = {
        {1, 5, SIZE_MAX, 5}, {1, 100, SIZE_MAX, 30}, {30, 100, SIZE_MAX, 1}, {1, 100, 1, 1},
        {1, 100, 9, 3},      {10, 100, 8, 2},        {1, SIZE_MAX, 0, 1},
    };

    begin(_i);
    ck_assert_int_eq(append_range(0, 1, 30, "x"), TALLY_OK); /* "x 1": 3 bytes, "x 10": 4 */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_block *blocks = NULL;
        size_t count = 0;

        ck_assert_int_eq(store_read(store, cases[i].from, cases[i].count_max, cases[i].size_max,
                                    &blocks, &count, NULL),
                         TALLY_OK);
        ck_assert_msg(count == cases[i].want, "row %zu: %zu blocks", i, count);
        for (size_t k = 0; k < count; k++)
            ck_assert_uint_eq(blocks[k].index, cases[i].from + k);
        free(blocks);
    }
    end();
}
END_TEST

START_TEST(large_blocks)
{
    const size_t size = 1024 * 1024;
    uint8_t *data = malloc(size);
    struct store_block block = {1, {data, size}};
    const struct store_append append = {.blocks = &block, .blocks_count = 1};
    struct store_block *blocks = NULL;
    size_t count = 0;

    begin(_i);
    for (size_t i = 0; i < size; i++) data[i] = (uint8_t)(i * 31 >> 3);
    ck_assert_int_eq(store_append(store, &append, NULL), TALLY_OK);
    reopen();
    ck_assert_int_eq(store_read(store, 1, 1, 1, &blocks, &count, NULL), TALLY_OK);
    ck_assert_uint_eq(blocks[0].data.size, size);
    ck_assert_mem_eq(blocks[0].data.data, data, size);
    free(blocks);
    free(data);
    end();
}
END_TEST

static enum tally_err put(enum store_family family, const char *key, const char *value)
{
    const struct store_put one = {.family = family,
                                  .key = bytes_of(key, strlen(key)),
                                  .value = bytes_of(value, value == NULL ? 0 : strlen(value)),
                                  .erase = value == NULL};

    return store_put(store, &one, 1, NULL);
}

static void assert_value(enum store_family family, const char *key, const char *want)
{
    struct store_value value = {0};
    const enum tally_err err =
        store_get(store, family, bytes_of(key, strlen(key)), &value, NULL);

    if (want == NULL) {
        ck_assert_msg(err == TALLY_E_NOT_FOUND, "%s is there", key);
        return;
    }
    ck_assert_msg(err == TALLY_OK, "%s is not there", key);
    ck_assert_uint_eq(value.size, strlen(want));
    ck_assert_mem_eq(value.data, want, value.size);
    store_value_free(&value);
}

START_TEST(families_are_apart)
{
    begin(_i);
    ck_assert_int_eq(put(STORE_STATE, "k", "state"), TALLY_OK);
    ck_assert_int_eq(put(STORE_META, "k", "meta"), TALLY_OK);
    ck_assert_int_eq(put(STORE_META, "gone", "x"), TALLY_OK);
    ck_assert_int_eq(put(STORE_META, "gone", NULL), TALLY_OK);
    ck_assert_int_eq(put(STORE_META, "empty", ""), TALLY_OK);
    ck_assert_int_eq(put(STORE_STATE, "k", "newer"), TALLY_OK);
    reopen();
    assert_value(STORE_STATE, "k", "newer");
    assert_value(STORE_META, "k", "meta");
    assert_value(STORE_META, "gone", NULL);
    assert_value(STORE_META, "empty", "");
    assert_value(STORE_INDEX, "k", NULL);
    end();
}
END_TEST

struct seen {
    char keys[256];
    size_t stop_after, count;
};

static bool see(void *context, struct bytes key, struct bytes value)
{
    struct seen *seen = context;

    (void)value;
    strncat(seen->keys, (const char *)key.data, key.size);
    strcat(seen->keys, " ");
    return ++seen->count != seen->stop_after;
}

START_TEST(scans)
{
    static const struct {
        const char *prefix, *from, *want;
        size_t stop_after;
    } cases[] = {
        {"", "", "a aa ab b ba \xff ", 0},
        {"a", "", "a aa ab ", 0},
        {"a", "ab", "ab ", 0},
        {"a", "a0", "aa ab ", 0},
        {"a", "b", "", 0},
        {"b", "a", "b ba ", 0},
        {"c", "", "", 0},
        {"", "", "a aa ", 2},
        {"\xff", "", "\xff ", 0},
        {"aa", "", "aa ", 0},
        {"", "ab", "ab b ba \xff ", 0},
    };
    static const char *const keys[] = {"b", "aa", "\xff", "a", "ba", "ab"};

    begin(_i);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        ck_assert_int_eq(put(STORE_INDEX, keys[i], "v"), TALLY_OK);
    }
    ck_assert_int_eq(put(STORE_STATE, "az", "another family"), TALLY_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = {.stop_after = cases[i].stop_after};

        ck_assert_int_eq(
            store_scan(store, STORE_INDEX, bytes_of(cases[i].prefix, strlen(cases[i].prefix)),
                       bytes_of(cases[i].from, strlen(cases[i].from)), see, &seen, NULL),
            TALLY_OK);
        ck_assert_msg(strcmp(seen.keys, cases[i].want) == 0, "row %zu: %s", i, seen.keys);
    }
    end();
}
END_TEST

/* ---- only in memory: what a disk can do ---- */

START_TEST(power_cut_keeps_a_prefix)
{
    begin(MEM);
    ck_assert_int_eq(put(STORE_STATE, "a", "1"), TALLY_OK);
    ck_assert_int_eq(append_range(0, 1, 1, "x"), TALLY_OK); /* syncs what came before */
    ck_assert_int_eq(put(STORE_STATE, "a", "2"), TALLY_OK);
    ck_assert_int_eq(put(STORE_STATE, "b", "3"), TALLY_OK);
    ck_assert_int_eq(put(STORE_STATE, "a", NULL), TALLY_OK);
    ck_assert_uint_eq(store_mem_unsynced(store), 3);
    store_mem_crash(store, (size_t)_i);
    assert_value(STORE_STATE, "a", _i == 0 ? "1" : _i < 3 ? "2" : NULL);
    assert_value(STORE_STATE, "b", _i < 2 ? NULL : "3");
    ck_assert_uint_eq(store_last(store), 1);
    end();
}
END_TEST

START_TEST(injected_faults)
{
    begin(MEM);
    store_mem_fail_next(store, STORE_MEM_FAILED);
    ck_assert_int_eq(put(STORE_STATE, "a", "1"), TALLY_E_IO);
    assert_value(STORE_STATE, "a", NULL);
    store_mem_fail_next(store, STORE_MEM_FAILED_BUT_PERSISTED);
    ck_assert_int_eq(put(STORE_STATE, "a", "1"), TALLY_E_IO);
    assert_value(STORE_STATE, "a", "1");
    end();
}
END_TEST

START_TEST(damaged_blocks_are_noticed)
{
    struct store_block *blocks = NULL;
    size_t count = 0;

    begin(MEM);
    ck_assert_int_eq(append_range(0, 1, 5, "x"), TALLY_OK);
    if (_i == 0) ck_assert(store_mem_misdirect(store, 2));
    if (_i == 1) ck_assert(store_mem_lose(store, 3));
    if (_i >= 2) ck_assert(store_mem_flip(store, 3, (size_t)_i - 2));
    ck_assert_int_eq(store_read(store, 1, 10, SIZE_MAX, &blocks, &count, NULL),
                     TALLY_E_CORRUPT);
    ck_assert_int_eq(store_read(store, 3, 1, 1, &blocks, &count, NULL), TALLY_E_CORRUPT);
    ck_assert_int_eq(store_read(store, 1, 2, SIZE_MAX, &blocks, &count, NULL), TALLY_OK);
    free(blocks);
    end();
}
END_TEST

/* ---- only on the disk ---- */

START_TEST(one_process_at_a_time)
{
    struct store *second = NULL;
    struct tally_diag diag = {{0}};

    begin(ROCKSDB);
    ck_assert_int_ne(store_rocksdb_open(path, &second, &diag), TALLY_OK);
    ck_assert_ptr_nonnull(strstr(diag.text, "lock"));
    ck_assert_int_eq(store_rocksdb_create(path, &diag), TALLY_E_CONFLICT);
    ck_assert_int_eq(store_rocksdb_open("/nonexistent/db", &second, &diag), TALLY_E_NOT_FOUND);
    end();
}
END_TEST

/* A child appends and tells of each append after it was acknowledged; SIGKILL at any moment;
 * all that was told is there, and nothing has a hole. */
static void append_for_ever(int out)
{
    open_store();
    for (uint64_t index = store_last(store) + 1;; index += 3) {
        if (append_range(0, index, index + 2, "k") != TALLY_OK) _exit(1);
        if (put(STORE_META, "applied", "some") != TALLY_OK) _exit(1);
        const uint64_t last = index + 2;

        if (write(out, &last, sizeof last) != sizeof last) _exit(1);
    }
}

START_TEST(kill_9)
{
    uint64_t told = 0, next;

    begin(ROCKSDB);
    store_close(store);
    store = NULL;
    for (int round = 0; round < 6; round++) {
        int ends[2];
        pid_t child;

        ck_assert_int_eq(pipe(ends), 0);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            close(ends[0]);
            append_for_ever(ends[1]);
        }
        close(ends[1]);
        for (int i = 0; i < 20 + 37 * round && read(ends[0], &next, sizeof next) == sizeof next;
             i++) {
            told = next;
        }
        kill(child, SIGKILL);
        while (read(ends[0], &next, sizeof next) == sizeof next)
            told = next; /* told before it died */
        close(ends[0]);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);

        open_store();
        ck_assert_uint_ge(store_last(store), told);
        for (uint64_t index = 1; index <= store_last(store); index++) assert_block(index, "k");
        store_close(store);
        store = NULL;
    }
    ck_assert_uint_gt(told, 100);
    end();
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store");
    TCase *both = tcase_create("both"), *memory = tcase_create("memory"),
          *disk = tcase_create("disk");

    tcase_add_loop_test(both, new_store_is_empty, 0, STORES);
    tcase_add_loop_test(both, blocks_stay, 0, STORES);
    tcase_add_loop_test(both, truncation_is_final, 0, STORES);
    tcase_add_loop_test(both, hard_state_goes_with_its_blocks, 0, STORES);
    tcase_add_loop_test(both, read_limits, 0, STORES);
    tcase_add_loop_test(both, large_blocks, 0, STORES);
    tcase_add_loop_test(both, families_are_apart, 0, STORES);
    tcase_add_loop_test(both, scans, 0, STORES);
    suite_add_tcase(suite, both);
    tcase_add_loop_test(memory, power_cut_keeps_a_prefix, 0, 4);
    tcase_add_test(memory, injected_faults);
    tcase_add_loop_test(memory, damaged_blocks_are_noticed, 0, 2 + (17 + 3) * 8);
    suite_add_tcase(suite, memory);
    tcase_add_test(disk, one_process_at_a_time);
    tcase_add_test(disk, kill_9);
    suite_add_tcase(suite, disk);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
