/* Damage to the files of the store on disk: it does not open, or a read says so, or every block
 * is right. Never another block, never a hole. What a shortened write-ahead log hides is for
 * the witness file. */
#include <check.h>
#include <dirent.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store.h"
#include "support/check_main.h"
#include "support/folder.h"
#include "support/store_texts.h"

enum { BLOCKS = 200, WAL_PAGE = 32 * 1024, FILE_MAX = 64 * 1024 * 1024, PLACES = 12 };

static char folder[64], path[96];

static struct store *open_store(void)
{
    struct store *store = NULL;
    struct tally_diag diag = {{0}};

    ck_assert_msg(store_rocksdb_open(path, &store, &diag) == TALLY_OK, "%s", diag.text);
    return store;
}

/* A closed store of BLOCKS blocks of 1,000 bytes, in the write-ahead log or in a table file. */
static void make_store(bool in_table)
{
    struct store *store;

    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/db", folder);
    ck_assert_int_eq(store_rocksdb_create(path, NULL), TALLY_OK);
    store = open_store();
    for (uint64_t from = 1; from <= BLOCKS; from += 4) {
        ck_assert_int_eq(store_texts_append(store, 0, from, from + 3, "x", 1000), TALLY_OK);
    }
    store_close(store);
    if (in_table) store_close(open_store()); /* recovery writes tables */
}

/* The largest file whose name matches; the store has one of each kind that matters here. */
static void find_file(const char *pattern, char ret_path[512])
{
    DIR *directory = opendir(path);
    off_t largest = -1;

    ck_assert_ptr_nonnull(directory);
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        char candidate[512];
        struct stat status;

        snprintf(candidate, sizeof candidate, "%s/%s", path, entry->d_name);
        if (fnmatch(pattern, entry->d_name, 0) != 0 || stat(candidate, &status) != 0) continue;
        if (status.st_size <= largest) continue;
        largest = status.st_size;
        strcpy(ret_path, candidate);
    }
    closedir(directory);
    ck_assert_msg(largest >= 0, "no file %s", pattern);
}

/* What opens holds a beginning of the blocks; a read gives the right one or reports damage.
 * Gives how many blocks there are; 0 when it does not open. */
static uint64_t check_damaged(const char *name)
{
    struct store *store = NULL;
    struct tally_diag diag = {{0}};
    enum tally_err err = store_rocksdb_open(path, &store, &diag);
    uint64_t last;

    if (err != TALLY_OK) {
        ck_assert_msg(err == TALLY_E_CORRUPT, "%s: %s", name, diag.text);
        ck_assert_uint_gt(strlen(diag.text), 0);
        return 0;
    }
    last = store_last(store);
    ck_assert_uint_le(last, BLOCKS);
    for (uint64_t from = 1; from <= last;) {
        struct store_block *blocks = NULL;
        size_t count = 0;

        err = store_read(store, from, BLOCKS, SIZE_MAX, &blocks, &count, &diag);
        if (err != TALLY_OK) {
            ck_assert_msg(err == TALLY_E_CORRUPT, "%s: %s", name, diag.text);
            from++; /* a damaged block hides no other one for good */
            continue;
        }
        ck_assert_uint_eq(from + count - 1, last);
        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_eq(blocks[i].index, from + i);
            ck_assert_msg(store_texts_is(&blocks[i], "x"), "%s: block %" PRIu64, name,
                          from + i);
        }
        from += count;
        free(blocks);
    }
    store_close(store);
    return last;
}

/* A copy of the folder's files, so that each case starts from the same. */
struct copy {
    char name[512];
    uint8_t *data;
    size_t size;
};
static struct copy copies[96];
static size_t copies_count;

static void save(void)
{
    DIR *directory = opendir(path);

    ck_assert_ptr_nonnull(directory);
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        struct copy *copy = &copies[copies_count];

        if (entry->d_name[0] == '.') continue;
        ck_assert_uint_lt(copies_count, sizeof copies / sizeof copies[0]);
        snprintf(copy->name, sizeof copy->name, "%s/%s", path, entry->d_name);
        ck_assert_int_eq(file_read(copy->name, FILE_MAX, &copy->data, &copy->size, NULL),
                         TALLY_OK);
        copies_count++;
    }
    closedir(directory);
}

static void restore(void)
{
    folder_remove(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    for (size_t i = 0; i < copies_count; i++) {
        FILE *file = fopen(copies[i].name, "w");

        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(copies[i].data, 1, copies[i].size, file), copies[i].size);
        ck_assert_int_eq(fclose(file), 0);
    }
}

static void end(void)
{
    for (size_t i = 0; i < copies_count; i++) free(copies[i].data);
    copies_count = 0;
    folder_remove(folder);
}

static void flip(const char *file_path, size_t at)
{
    FILE *file = fopen(file_path, "r+");
    int byte;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, (long)at, SEEK_SET), 0);
    byte = fgetc(file);
    ck_assert_int_ne(byte, EOF);
    ck_assert_int_eq(fseek(file, (long)at, SEEK_SET), 0);
    ck_assert_int_eq(fputc(byte ^ 1, file), byte ^ 1);
    ck_assert_int_eq(fclose(file), 0);
}

/* One flipped bit at places all over the file. In the write-ahead log, only one in its last
 * page may shorten the log; anywhere before that the store does not open. */
START_TEST(flipped_bits)
{
    const bool in_table = _i == 1;
    char file[512];
    struct stat status;
    size_t size;

    make_store(in_table);
    save();
    find_file(in_table ? "*.sst" : "*.log", file);
    ck_assert_int_eq(stat(file, &status), 0);
    size = (size_t)status.st_size;
    ck_assert_uint_gt(size, BLOCKS * 1000);
    for (size_t place = 0; place < PLACES; place++) {
        const size_t at = (size - 1) * place / (PLACES - 1);
        char name[64];
        uint64_t last;

        restore();
        flip(file, at);
        snprintf(name, sizeof name, "byte %zu of %zu", at, size);
        last = check_damaged(name);
        if (in_table) {
            ck_assert_msg(last == 0 || last == BLOCKS, "%s", name);
        } else if (at + WAL_PAGE < size) {
            ck_assert_msg(last == 0, "%s: it opened with %" PRIu64 " blocks", name, last);
        }
    }
    end();
}
END_TEST

/* A file that is not there is damage, not an empty store; only what RocksDB makes again itself
 * may go. The write-ahead log is the exception that the witness file is for. */
START_TEST(lost_files)
{
    static const struct {
        const char *pattern;
        bool matters, in_table;
    } cases[] = {
        {"CURRENT", true, false},   {"MANIFEST-*", true, false}, {"*.sst", true, true},
        {"OPTIONS-*", false, true}, {"IDENTITY", false, true},   {"LOCK", false, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char file[512];
        uint64_t last;

        make_store(cases[i].in_table);
        find_file(cases[i].pattern, file);
        ck_assert_int_eq(unlink(file), 0);
        last = check_damaged(cases[i].pattern);
        ck_assert_msg(last == (cases[i].matters ? 0 : BLOCKS), "%s: %" PRIu64 " blocks",
                      cases[i].pattern, last);
        end();
    }
}
END_TEST

/* The power fails in the middle of a write: the log ends early, at a step that was not
 * acknowledged, and goes on from there. */
START_TEST(torn_tail)
{
    char file[512];
    struct stat status;
    struct store *store;

    make_store(false);
    find_file("*.log", file);
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_int_eq(truncate(file, status.st_size - 1500), 0);
    store = open_store();
    ck_assert_uint_eq(store_last(store), BLOCKS - 4); /* the whole last step is gone */
    store_texts_check_all(store, "x");
    ck_assert_int_eq(store_texts_append(store, 0, BLOCKS - 3, BLOCKS, "x", 0), TALLY_OK);
    store_close(store);
    store = open_store();
    ck_assert_uint_eq(store_last(store), BLOCKS);
    store_texts_check_all(store, "x");
    store_close(store);
    end();
}
END_TEST

/* Merge all files into one level of many small ones, where a scan goes from file to file. */
static void make_small_tables(void)
{
    static const char *const names[] = {"default", "blocks", "records", "nodes",
                                        "state",   "index",  "meta"};
    enum { FAMILIES = sizeof names / sizeof names[0] };
    rocksdb_options_t *options = rocksdb_options_create();
    const rocksdb_options_t *all[FAMILIES];
    rocksdb_column_family_handle_t *handles[FAMILIES];
    rocksdb_compactoptions_t *force = rocksdb_compactoptions_create();
    char *message = NULL;
    rocksdb_t *db;

    rocksdb_compactoptions_set_bottommost_level_compaction(force, 2 /* write all anew */);
    rocksdb_options_set_target_file_size_base(options, 16 * 1024);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    for (int i = 0; i < FAMILIES; i++) all[i] = options;
    db = rocksdb_open_column_families(options, path, FAMILIES, names, all, handles, &message);
    ck_assert_msg(message == NULL, "%s", message);
    for (int i = 0; i < FAMILIES; i++) {
        rocksdb_compact_range_cf_opt(db, handles[i], force, NULL, 0, NULL, 0);
        rocksdb_column_family_handle_destroy(handles[i]);
    }
    rocksdb_close(db);
    rocksdb_compactoptions_destroy(force);
    rocksdb_options_destroy(options);
}

static size_t list_files(const char *pattern, char ret_paths[64][512])
{
    DIR *directory = opendir(path);
    size_t count = 0;

    ck_assert_ptr_nonnull(directory);
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        if (fnmatch(pattern, entry->d_name, 0) != 0) continue;
        ck_assert_uint_lt(count, 64);
        snprintf(ret_paths[count++], 512, "%s/%s", path, entry->d_name);
    }
    closedir(directory);
    return count;
}

/* As many keys of a derived family as there are blocks. */
static void put_state(void)
{
    struct store *store = open_store();

    for (uint64_t i = 0; i < BLOCKS; i++) {
        char key[32], value[1000] = {'v'};
        const int size = snprintf(key, sizeof key, "%08" PRIu64, i);
        const struct store_put put = {.family = STORE_STATE,
                                      .key = bytes_of(key, (size_t)size),
                                      .value = bytes_of(value, sizeof value)};

        ck_assert_int_eq(store_put(store, &put, 1, NULL), TALLY_OK);
    }
    store_close(store);
}

static bool count_key(void *context, struct bytes key, struct bytes value)
{
    (void)key;
    (void)value;
    ++*(size_t *)context;
    return true;
}

/* The first data block of one table file of many is damaged. RocksDB 7.8 passes over such a
 * file in a scan without an error. The log is never shorter for it, every other block is there,
 * and a scan from the end reports it. */
START_TEST(first_data_block)
{
    static char tables[64][512];
    size_t count, open = 0, noticed = 0;

    make_store(true);
    put_state();
    make_small_tables();
    save();
    count = list_files("*.sst", tables);
    ck_assert_uint_gt(count, 16);
    for (size_t i = 0; i < count; i++) {
        struct tally_diag diag = {{0}};
        struct store *store = NULL;
        size_t keys = 0;
        enum tally_err err;
        uint64_t last;

        flip(tables[i], 100);
        last = check_damaged(tables[i]);
        ck_assert_msg(last == 0 || last == BLOCKS, "%s: %" PRIu64, tables[i], last);
        if (last != 0) {
            store = open_store();
            open++;
            err = store_scan_back(store, STORE_STATE, count_key, &keys, &diag);
            ck_assert(err == TALLY_E_CORRUPT || (err == TALLY_OK && keys == BLOCKS));
            if (err == TALLY_E_CORRUPT) noticed++;
            store_close(store);
        }
        restore();
    }
    ck_assert_uint_gt(open, 16);
    ck_assert_uint_gt(noticed, 4);
    ck_assert_uint_lt(noticed, open);
    end();
}
END_TEST

/* A full disk is opened so: everything is there, in tables and in the write-ahead log. */
START_TEST(read_only)
{
    struct store *store = NULL, *second = NULL;

    make_store(_i == 1);
    ck_assert_int_eq(store_rocksdb_open_read_only(path, &store, NULL), TALLY_OK);
    ck_assert_uint_eq(store_last(store), BLOCKS);
    store_texts_check_all(store, "x");
    ck_assert_int_eq(store_texts_append(store, 0, BLOCKS + 1, BLOCKS + 1, "x", 0), TALLY_E_IO);
    ck_assert_int_eq(store_rocksdb_open_read_only(path, &second, NULL), TALLY_OK);
    store_close(second);
    store_close(store);
    store = open_store();
    ck_assert_uint_eq(store_last(store), BLOCKS);
    store_close(store);
    ck_assert_int_eq(store_rocksdb_open_read_only("/nonexistent/db", &store, NULL),
                     TALLY_E_NOT_FOUND);
    end();
}
END_TEST

/* Of two families that are always written together one fills its memory first and becomes a
 * table, while the other stands in the write-ahead logs alone. Then one of those is lost, cut,
 * or damaged at its end. Both families must be as of one moment, whole up to there: apply goes
 * on from the index that it finds, and would count twice what the other has already. */
enum { LOG_LOST, LOG_CUT, LOG_END_FLIPPED, LOG_HARMS };

static void harm_log(const char *log, int harm)
{
    struct stat status;

    ck_assert_int_eq(stat(log, &status), 0);
    if (harm == LOG_LOST) ck_assert_int_eq(unlink(log), 0);
    if (harm == LOG_CUT) ck_assert_int_eq(truncate(log, status.st_size / 2), 0);
    if (harm == LOG_END_FLIPPED) flip(log, (size_t)status.st_size - 10);
}

static void put_two_families(void)
{
    enum { PUTS = 44, LARGE = 1 << 20 }; /* more than one family's write buffer */
    uint8_t *const large = calloc(1, LARGE);
    struct store *store = open_store();

    ck_assert_ptr_nonnull(large);
    for (int i = 1; i <= PUTS; i++) {
        char key[32];
        const int size = snprintf(key, sizeof key, "%08d", i);
        const struct bytes name = bytes_of(key, (size_t)size);
        const struct store_put puts[] = {
            {.family = STORE_STATE, .key = name, .value = bytes_of(large, LARGE)},
            {.family = STORE_META, .key = name, .value = name},
        };

        ck_assert_int_eq(store_put(store, puts, 2, NULL), TALLY_OK);
    }
    store_close(store);
    free(large);
}

/* Keys come from the last to the first: is there one for each number? */
static bool count_down(void *context, struct bytes key, struct bytes value)
{
    uint64_t *const numbers = context; /* how many; the last seen */
    char text[32] = {0};

    (void)value;
    memcpy(text, key.data, key.size < sizeof text ? key.size : sizeof text - 1);
    if (numbers[0]++ > 0) ck_assert_uint_eq(strtoull(text, NULL, 10), numbers[1] - 1);
    numbers[1] = strtoull(text, NULL, 10);
    return true;
}

START_TEST(families_of_one_moment)
{
    static char logs[64][512];
    size_t count, opened = 0;

    make_store(false);
    put_two_families();
    save();
    count = list_files("*.log", logs);
    ck_assert_uint_gt(count, 1); /* one was closed when its table was written */
    for (size_t i = 0; i < count * LOG_HARMS; i++) {
        uint64_t state[2] = {0}, meta[2] = {0};
        struct store *store = NULL;
        enum tally_err err;

        restore();
        harm_log(logs[i / LOG_HARMS], (int)(i % LOG_HARMS));
        err = store_rocksdb_open(path, &store, NULL);
        if (err != TALLY_OK) continue;
        opened++;
        err = store_scan_back(store, STORE_STATE, count_down, state, NULL);
        if (err == TALLY_OK) err = store_scan_back(store, STORE_META, count_down, meta, NULL);
        ck_assert_int_eq(err, TALLY_OK);
        ck_assert_uint_eq(state[0], meta[0]);
        ck_assert_uint_eq(state[1], meta[1]);
        store_close(store);
    }
    ck_assert_uint_gt(opened, 0);
    end();
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store damage");
    TCase *cases = tcase_create("rocksdb");

    tcase_add_loop_test(cases, flipped_bits, 0, 2);
    tcase_add_test(cases, lost_files);
    tcase_add_test(cases, torn_tail);
    tcase_add_test(cases, first_data_block);
    tcase_add_loop_test(cases, read_only, 0, 2);
    suite_add_tcase(suite, cases);
    cases = tcase_create("families");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, families_of_one_moment);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
