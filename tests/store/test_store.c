/* The contract of node/store/store.h, the same cases on both stores; what only one of them can
 * do is at the end. Each case starts with an empty store in a folder of its own. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "store/store_internal.h"
#include "store/store_mem.h"
#include "support/check_main.h"
#include "support/folder.h"
#include "support/store_texts.h"

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

static enum tally_err append_range(uint64_t truncate_from, uint64_t from, uint64_t to,
                                   const char *text)
{
    return store_texts_append(store, truncate_from, from, to, text, 0);
}

static void assert_block(uint64_t index, const char *text)
{
    store_texts_check(store, index, text);
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
    return store_texts_put(store, family, key, value);
}

static void assert_value(enum store_family family, const char *key, const char *want)
{
    store_texts_check_value(store, family, key, want);
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

/* Several families in one put, in order: the last word about a key counts. */
START_TEST(one_put_of_many)
{
    static const char large[300 * 1000] = {'x'};
    uint8_t long_key[512] = {0, 1, 0, 255};
    const struct store_put puts[] = {
        {.family = STORE_STATE, .key = bytes_of("a", 1), .value = bytes_of("first", 5)},
        {.family = STORE_META, .key = bytes_of("a", 1), .value = bytes_of("meta", 4)},
        {.family = STORE_STATE, .key = bytes_of("a", 1), .value = bytes_of("second", 6)},
        {.family = STORE_STATE, .key = bytes_of("b", 1), .value = bytes_of("gone", 4)},
        {.family = STORE_STATE, .key = bytes_of("b", 1), .erase = true},
        {.family = STORE_STATE, .key = bytes_of("c", 1), .erase = true},
        {.family = STORE_STATE, .key = bytes_of("c", 1), .value = bytes_of("stays", 5)},
        {.family = STORE_NODES, .key = {long_key, 512}, .value = {(void *)large, sizeof large}},
    };
    struct store_value value = {0};

    begin(_i);
    ck_assert_int_eq(store_put(store, puts, sizeof puts / sizeof puts[0], NULL), TALLY_OK);
    ck_assert_int_eq(store_put(store, NULL, 0, NULL), TALLY_OK);
    reopen();
    assert_value(STORE_STATE, "a", "second");
    assert_value(STORE_META, "a", "meta");
    assert_value(STORE_STATE, "b", NULL);
    assert_value(STORE_STATE, "c", "stays");
    ck_assert_int_eq(store_get(store, STORE_NODES, bytes_of(long_key, 512), &value, NULL),
                     TALLY_OK);
    ck_assert_uint_eq(value.size, sizeof large);
    ck_assert_mem_eq(value.data, large, sizeof large);
    store_value_free(&value);
    ck_assert_int_eq(store_get(store, STORE_NODES, bytes_of(long_key, 511), &value, NULL),
                     TALLY_E_NOT_FOUND);
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
    for (size_t stop = 0; stop < 3; stop += 2) {
        struct seen seen = {.stop_after = stop};

        store_forget(store);
        ck_assert_int_eq(store_scan_back(store, STORE_INDEX, see, &seen, NULL), TALLY_OK);
        ck_assert_str_eq(seen.keys, stop == 0 ? "\xff ba b ab aa a " : "\xff ba ");
    }
    end();
}
END_TEST

/* The writer truncates between a reader's look at `last` and its read. */
static const struct store_ops *real_ops;

static enum tally_err read_late(struct store *late, uint64_t from, size_t count_max,
                                size_t size_max, struct store_block **ret_blocks,
                                size_t *ret_count, struct tally_diag *diag)
{
    late->ops = real_ops;
    ck_assert_int_eq(append_range(4, 4, 5, "new"), TALLY_OK);
    return real_ops->read(late, from, count_max, size_max, ret_blocks, ret_count, diag);
}

START_TEST(truncated_during_a_read)
{
    struct store_block *blocks = NULL;
    struct store_ops late_ops;
    size_t count = 0;

    begin(_i);
    ck_assert_int_eq(append_range(0, 1, 9, "old"), TALLY_OK);
    real_ops = store->ops;
    late_ops = *real_ops;
    late_ops.read = read_late;
    store->ops = &late_ops;
    ck_assert_int_eq(store_read(store, 2, 100, SIZE_MAX, &blocks, &count, NULL), TALLY_OK);
    ck_assert_uint_eq(count, 4);
    ck_assert(store_texts_is(&blocks[1], "old") && store_texts_is(&blocks[2], "new"));
    free(blocks);
    ck_assert_int_eq(append_range(0, 6, 9, "new"), TALLY_OK);
    store->ops = &late_ops;
    ck_assert_int_eq(store_read(store, 7, 1, SIZE_MAX, &blocks, &count, NULL),
                     TALLY_E_NOT_FOUND); /* neither damaged nor missing */
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

/* After a failed append one must open again; then all of it is there, or nothing. */
START_TEST(failed_append)
{
    const bool done = _i % 2 != 0;
    const struct store_hard_state hard_state = {.term = 4, .vote = 1, .commit = 3};
    const struct store_block block = {4, bytes_of("new 4", 5)};
    const struct store_append append = {&hard_state, 4, &block, 1};

    begin(MEM);
    ck_assert_int_eq(append_range(0, 1, 6, "old"), TALLY_OK);
    store_mem_fail_next(store, done ? STORE_MEM_FAILED_BUT_PERSISTED : STORE_MEM_FAILED);
    ck_assert_int_eq(store_append(store, &append, NULL), TALLY_E_IO);
    if (_i >= 2) store_mem_crash(store, 0);
    ck_assert_uint_eq(store_last(store), done ? 4 : 6);
    ck_assert_uint_eq(store_hard_state(store).term, done ? 4 : 0);
    assert_block(3, "old");
    assert_block(4, done ? "new" : "old");
    end();
}
END_TEST

/* A lost end of the log is not a hole: it is the witness file that knows. */
START_TEST(lost_end)
{
    begin(MEM);
    ck_assert_int_eq(append_range(0, 1, 6, "x"), TALLY_OK);
    ck_assert(store_mem_lose(store, 6));
    ck_assert(!store_mem_lose(store, 6));
    store_mem_crash(store, 0);
    ck_assert_uint_eq(store_last(store), 5);
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
    ck_assert_int_eq(store_rocksdb_open(path, &second, &diag), TALLY_E_IO);
    ck_assert_ptr_nonnull(strstr(diag.text, "has it open"));
    ck_assert_int_eq(store_rocksdb_create(path, &diag), TALLY_E_CONFLICT);
    ck_assert_int_eq(store_rocksdb_open("/nonexistent/db", &second, &diag), TALLY_E_NOT_FOUND);
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
    tcase_add_loop_test(both, one_put_of_many, 0, STORES);
    tcase_add_loop_test(both, scans, 0, STORES);
    tcase_add_loop_test(both, truncated_during_a_read, 0, STORES);
    suite_add_tcase(suite, both);
    tcase_add_loop_test(memory, power_cut_keeps_a_prefix, 0, 4);
    tcase_add_test(memory, injected_faults);
    tcase_add_loop_test(memory, failed_append, 0, 4);
    tcase_add_test(memory, lost_end);
    tcase_add_loop_test(memory, damaged_blocks_are_noticed, 0, 2 + (17 + 3) * 8);
    suite_add_tcase(suite, memory);
    tcase_add_test(disk, one_process_at_a_time);
    suite_add_tcase(suite, disk);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
