/* Damage to the files of the store on disk: it does not open, or a read says so, or every block
 * is right. Never another block, never a hole. What a shortened write-ahead log hides is for
 * the witness file. */
#include <check.h>
#include <dirent.h>
#include <fnmatch.h>
#include <inttypes.h>
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

enum { BLOCKS = 200, WAL_PAGE = 32 * 1024, FILE_MAX = 16 * 1024 * 1024, PLACES = 12 };

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
static struct copy copies[32];
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

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store damage");
    TCase *cases = tcase_create("rocksdb");

    tcase_add_loop_test(cases, flipped_bits, 0, 2);
    tcase_add_test(cases, lost_files);
    tcase_add_test(cases, torn_tail);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
