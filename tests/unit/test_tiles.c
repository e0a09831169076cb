/* Goal: names, widths, bundles and hashes of tlog-tiles are those of the specification. Method:
 * its examples; widths counted one by one; hashes against the tree of the leaves; damaged
 * bundles; a builder that went on from files against one that never stopped. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "merkle/merkle.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "tally/export_dir.h"
#include "tally/tiles.h"

enum { LEAVES = 66000 }; /* two full levels, and a third */

START_TEST(paths)
{
    static const struct {
        int level;
        uint64_t index;
        uint32_t width;
        const char *path;
    } rows[] = {
        {0, 0, 256, "tile/0/000"},
        {0, 1234067, 256, "tile/0/x001/x234/067"},
        {3, 999, 1, "tile/3/999.p/1"},
        {TILES_BUNDLE, 0, 255, "tile/entries/000.p/255"},
        {TILES_BUNDLE, 1000, 256, "tile/entries/x001/000"},
        {7, UINT64_C(1) << 55, 256, "tile/7/x036/x028/x797/x018/x963/968"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[TILES_PATH_SIZE];

        tiles_path(rows[i].level, rows[i].index, rows[i].width, path);
        ck_assert_str_eq(path, rows[i].path);
    }
}
END_TEST

START_TEST(widths)
{
    static const struct {
        int level;
        uint64_t index, size;
        uint32_t width;
    } rows[] = {
        {0, 0, 0, 0},       {0, 0, 1, 1},
        {0, 0, 255, 255},   {0, 0, 256, 256},
        {0, 1, 256, 0},     {0, 1, 257, 1},
        {1, 0, 255, 0},     {1, 0, 256, 1},
        {1, 0, 65535, 255}, {1, 0, 65536, 256},
        {1, 1, 65536, 0},   {2, 0, 65535, 0},
        {2, 0, 65536, 1},   {TILES_BUNDLE, 2, 600, 88},
        {0, 9, 600, 0},     {7, 0, INT64_MAX, 127},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(tiles_width(rows[i].level, rows[i].index, rows[i].size) == rows[i].width,
                      "row %zu", i);
    }
}
END_TEST

START_TEST(bundles)
{
    static const uint8_t bundle[] = {0, 1, 'a', 0, 3, 'b', 'c', 'd'};
    static const uint8_t empty[] = {0, 1, 'a', 0, 0};
    struct bytes leaves[3];
    uint8_t made[sizeof bundle];
    struct bytes_writer writer = bytes_writer(made, sizeof made);

    ck_assert_int_eq(tiles_bundle_split(bytes_of(bundle, sizeof bundle), 2, leaves, NULL),
                     TALLY_OK);
    ck_assert(bytes_equal(leaves[0], bytes_of("a", 1)));
    ck_assert(bytes_equal(leaves[1], bytes_of("bcd", 3)));
    for (uint32_t i = 0; i < 2; i++) tiles_bundle_put(&writer, leaves[i]);
    ck_assert(!writer.bad && writer.at == sizeof bundle);
    ck_assert_int_eq(memcmp(made, bundle, sizeof bundle), 0);
    ck_assert_uint_eq(tiles_leaf_size(1) + tiles_leaf_size(3), sizeof bundle);
    for (size_t size = 0; size < sizeof bundle; size++)
        ck_assert_int_eq(tiles_bundle_split(bytes_of(bundle, size), 2, leaves, NULL),
                         TALLY_E_MALFORMED);
    ck_assert_int_eq(tiles_bundle_split(bytes_of(bundle, sizeof bundle), 1, leaves, NULL),
                     TALLY_E_MALFORMED);
    ck_assert_int_eq(tiles_bundle_split(bytes_of(bundle, sizeof bundle), 3, leaves, NULL),
                     TALLY_E_MALFORMED);
    ck_assert_int_eq(tiles_bundle_split(bytes_of(empty, sizeof empty), 2, leaves, NULL),
                     TALLY_E_MALFORMED);
}
END_TEST

static struct tally_hash leaves[LEAVES];
static uint64_t visited[3];

static void make_leaves(void)
{
    for (uint32_t i = 0; i < LEAVES; i++) hash_leaf(&i, sizeof i, &leaves[i]);
}

/* Every hash of a tile is the root of its leaves. */
static enum tally_err look(void *context, uint32_t level, uint64_t index,
                           const struct tally_hash *hashes, uint32_t width,
                           struct tally_diag *diag)
{
    (void)context;
    (void)diag;
    ck_assert_uint_lt(level, 3);
    visited[level] += width;
    for (uint32_t i = 0; i < width; i++) {
        const uint64_t first = (index * TILES_WIDTH + i) << level * 8;
        struct tally_hash hash;

        merkle_root(&leaves[first], (size_t)1 << level * 8, &hash);
        ck_assert(hash_equal(&hash, &hashes[i]));
    }
    return TALLY_OK;
}

START_TEST(tile_hashes)
{
    struct tiles_builder *builder = calloc(1, sizeof *builder);
    struct merkle_frontier frontier = {0};
    struct tally_hash root, expected;

    make_leaves();
    tiles_root(builder, &root);
    merkle_frontier_root(&frontier, &expected);
    ck_assert(hash_equal(&root, &expected));
    for (uint32_t i = 0; i < LEAVES; i++) {
        ck_assert_int_eq(tiles_add(builder, &leaves[i], look, NULL, NULL), TALLY_OK);
        merkle_append(&frontier, &leaves[i], NULL);
        if (i > 300 && i % 97 != 0 && (i + 1) % 256 != 0) continue;
        tiles_root(builder, &root);
        merkle_frontier_root(&frontier, &expected);
        ck_assert(hash_equal(&root, &expected));
    }
    ck_assert_int_eq(tiles_finish(builder, look, NULL, NULL), TALLY_OK);
    ck_assert_uint_eq(visited[0], LEAVES);
    ck_assert_uint_eq(visited[1], LEAVES / 256);
    ck_assert_uint_eq(visited[2], 1);
    free(builder);
}
END_TEST

static enum tally_err put(void *context, uint32_t level, uint64_t index,
                          const struct tally_hash *hashes, uint32_t width,
                          struct tally_diag *diag)
{
    char path[TILES_PATH_SIZE];
    uint64_t written;

    (void)context;
    tiles_path((int)level, index, width, path);
    return export_file_write("log", path, bytes_of(hashes, 32 * (size_t)width), &written, diag);
}

/* A builder that begins from the files of each size gives the roots of one that never stopped.
 */
START_TEST(resume)
{
    static const uint32_t sizes[] = {1, 255, 256, 257, 511, 600};
    struct tiles_builder *builder = calloc(1, sizeof *builder);
    struct tiles_builder *again = calloc(1, sizeof *again);
    struct merkle_frontier frontier = {0};

    make_leaves();
    cli_run_open();
    ck_assert_int_eq(mkdir("log", 0755), 0);
    for (size_t s = 0, i = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct tally_hash root, expected;

        for (; i < sizes[s]; i++) {
            ck_assert_int_eq(tiles_add(builder, &leaves[i], put, NULL, NULL), TALLY_OK);
            merkle_append(&frontier, &leaves[i], NULL);
        }
        ck_assert_int_eq(tiles_finish(builder, put, NULL, NULL), TALLY_OK);
        ck_assert_int_eq(export_resume("log", sizes[s], again, NULL), TALLY_OK);
        tiles_root(again, &root);
        merkle_frontier_root(&frontier, &expected);
        ck_assert(hash_equal(&root, &expected));
        *builder = *again;
    }
    cli_run_close();
    free(builder);
    free(again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tiles");
    TCase *rows = tcase_create("rows");

    tcase_add_test(rows, paths);
    tcase_add_test(rows, widths);
    tcase_add_test(rows, bundles);
    tcase_add_test(rows, tile_hashes);
    tcase_add_test(rows, resume);
    suite_add_tcase(suite, rows);
    return check_main(suite);
}
