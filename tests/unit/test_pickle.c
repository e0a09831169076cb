/* Files that run code when they are loaded: by name, and by content under any name. Each row
 * has one thing that others have not. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "event/adapter.h"
#include "support/check_main.h"
#include "support/folder.h"

static struct arena *arena;
static char folder[64];

static void begin(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    folder_make(folder, sizeof folder);
}

static void end(void)
{
    folder_remove(folder);
    arena_close(arena);
}

static const char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const void *data, size_t size)
{
    FILE *out = fopen(in_folder(name), "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(data, 1, size, out), size);
    fclose(out);
}

#define ZIP_FILE "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0a/b.x"
#define ZIP_ENTRY(size, name)                                                                  \
    "PK\1\2\24\0\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" size                            \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" name
/* One entry of 46 + 10 bytes at 35; sizes beyond 32 bits are in the first two of three parts.
 */
#define ZIP_END "PK\5\6\0\0\0\0\1\0\1\0\x38\0\0\0\x23\0\0\0\0\0"
#define ZIP64_END                                                                              \
    "PK\6\6\x2c\0\0\0\0\0\0\0\55\0\55\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"       \
    "\x38\0\0\0\0\0\0\0\x23\0\0\0\0\0\0\0"                                                     \
    "PK\6\7\0\0\0\0\x5b\0\0\0\0\0\0\0\1\0\0\0"                                                 \
    "PK\5\6\0\0\0\0\1\0\1\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0"
#define ROW(name, content, kind)                                                               \
    {                                                                                          \
        name, content, sizeof(content) - 1, kind                                               \
    }

static const struct {
    const char *name, *content;
    size_t size;
    enum pickle_kind kind;
} files[] = {
    ROW("a.safetensors", "plain", PICKLE_NONE),
    ROW("a.txt", "", PICKLE_NONE),
    ROW("bin", "plain", PICKLE_NONE),
    ROW("a.bin", "plain", PICKLE_NAME),
    ROW("A.BIN", "plain", PICKLE_NAME),
    ROW("a.pt", "", PICKLE_NAME),
    ROW("a.pth", "", PICKLE_NAME),
    ROW("a.ckpt", "", PICKLE_NAME),
    ROW("a.pkl", "", PICKLE_NAME),
    ROW("a.pickle", "", PICKLE_NAME),
    ROW("a.bin.txt", "plain", PICKLE_NONE),
    ROW("a.txt", "\x80\2}q\0.", PICKLE_PROTOCOL),
    ROW("a.txt", "\x80\5\x95", PICKLE_PROTOCOL),
    ROW("a.txt", "\x80\1}", PICKLE_NONE), /* no pickle begins so */
    ROW("a.txt", "\x80\6}", PICKLE_NONE),
    ROW("a.txt", "\x80", PICKLE_NONE),
    ROW("a.bin", "\x80\4", PICKLE_PROTOCOL), /* the content says more than the name */
    ROW("a.txt", "cos\nsystem\n(S'true'\ntR.", PICKLE_TEXT),
    ROW("a.txt", "(cposix\nsystem\n", PICKLE_TEXT),
    ROW("a.txt", "(ibuiltins\neval\n", PICKLE_TEXT),
    ROW("a.txt", "ctorch._utils\n_rebuild_tensor_v2\n", PICKLE_TEXT),
    ROW("a.txt", "cat\ndog\n", PICKLE_NONE), /* a list of words */
    ROW("a.txt", "cos sin\ntan\n", PICKLE_NONE),
    ROW("a.txt", "cos", PICKLE_NONE),
    ROW("a.txt", "(((((((((", PICKLE_NONE),
    ROW("a.npy", "\x93NUMPY\1\0v\0{'descr': '<f4', }", PICKLE_NONE),
    ROW("a.npy", "\x93NUMPY\1\0v\0{'descr': '|O', }", PICKLE_ARRAY),
    ROW("a.npy", "\x93NUMPY\1\0v\0{'descr': [('a', '|O8')], }", PICKLE_ARRAY),
    ROW("a.zip", ZIP_FILE ZIP_ENTRY("\n", "a/data.npy") ZIP_END, PICKLE_NONE),
    ROW("a.zip", ZIP_FILE ZIP_ENTRY("\n", "a/data.pkl") ZIP_END, PICKLE_ZIP),
    ROW("a.zip", ZIP_FILE ZIP_ENTRY("\n", "a/data.npy") ZIP_END "x", PICKLE_NONE),
    ROW("a.zip", ZIP_FILE, PICKLE_ZIP), /* unreadable: the worse is assumed */
    ROW("a.zip", ZIP_FILE ZIP_ENTRY("\13", "a/data.npy") ZIP_END, PICKLE_ZIP),
    ROW("a.zip", ZIP_FILE ZIP_ENTRY("\n", "a/data.npy") ZIP64_END, PICKLE_NONE),
    ROW("a.zip", ZIP_FILE ZIP_ENTRY("\n", "a/data.pkl") ZIP64_END, PICKLE_ZIP),
    ROW("a.zip", "PK\3\4", PICKLE_ZIP),
    ROW("a.zip", "PK\3", PICKLE_NONE),
};

START_TEST(pickle)
{
    struct tally_manifest manifest = {0};
    struct adapter adapter;
    struct tally_diag diag = {{0}};

    write_bytes(files[_i].name, files[_i].content, files[_i].size);
    ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
    write_bytes("sub/other", "", 0);
    ck_assert_int_eq(tally_manifest_read(folder, NULL, NULL, &manifest, NULL), TALLY_OK);
    ck_assert_msg(adapter_read(folder, &manifest, arena, &adapter, &diag) == TALLY_OK, "%s",
                  diag.text);
    if (files[_i].kind == PICKLE_NONE) {
        ck_assert_msg(adapter.pickles_count == 0, "row %d", _i);
    } else {
        ck_assert_msg(adapter.pickles_count == 1, "row %d", _i);
        ck_assert_str_eq(adapter.pickles[0].path, files[_i].name);
        ck_assert_msg(adapter.pickles[0].kind == files[_i].kind, "row %d", _i);
        ck_assert_str_ne(pickle_text(files[_i].kind), "");
    }
    tally_manifest_free(&manifest);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("pickle");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_loop_test(all, pickle, 0, sizeof files / sizeof files[0]);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
