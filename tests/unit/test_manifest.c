/* Manifest roots: which files count, in which order, what is refused, and that the number of
 * threads changes nothing. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tally/manifest.h>
#include <unistd.h>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "event/manifest.h"
#include "event/manifest_hash.h"
#include "support/check_main.h"
#include "support/folder.h"

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void file(const char *name, const char *content)
{
    FILE *out = fopen(in_folder(name), "w");

    ck_assert_ptr_nonnull(out);
    fputs(content, out);
    fclose(out);
}

static void adapter(void)
{
    folder_make(folder, sizeof folder);
    file("b.txt", "bee");
    file("a.txt", "");
    ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
    file("sub/c.txt", "sea");
}

static struct tally_manifest read_good(void)
{
    struct tally_manifest manifest = {0};
    struct tally_diag diag = {{0}};

    ck_assert_msg(tally_manifest_read(folder, NULL, NULL, &manifest, &diag) == TALLY_OK, "%s",
                  diag.text);
    return manifest;
}

static void root_hex(char hex[65])
{
    struct tally_manifest manifest = read_good();

    bytes_hex(manifest.root.bytes, 32, hex);
    tally_manifest_free(&manifest);
}

/* A known answer, computed apart from the definition in docs/formats.md. */
START_TEST(known_answer)
{
    struct tally_manifest manifest;
    char hex[65];

    adapter();
    manifest = read_good();
    ck_assert_uint_eq(manifest.files_count, 3);
    ck_assert_str_eq(manifest.files[0].path, "a.txt");
    ck_assert_str_eq(manifest.files[1].path, "b.txt");
    ck_assert_str_eq(manifest.files[2].path, "sub/c.txt");
    ck_assert_uint_eq(manifest.size, 6);
    bytes_hex(manifest.root.bytes, 32, hex);
    ck_assert_str_eq(hex, "26a96010cf56383618062687225d7411c16c4b768c8e2fd9f6d9e48753d78722");
    tally_manifest_free(&manifest);
    folder_remove(folder);
}
END_TEST

/* One thing changed: another root, unless it is something that does not count. */
START_TEST(what_counts)
{
    char before[65], after[65];
    bool same = false;

    adapter();
    root_hex(before);
    switch (_i) {
    case 0:
        file("b.txt", "bef");
        break;
    case 1:
        file("new", "");
        break;
    case 2:
        ck_assert_int_eq(unlink(in_folder("a.txt")), 0);
        break;
    case 3: {
        char from[256];

        snprintf(from, sizeof from, "%s", in_folder("b.txt"));
        ck_assert_int_eq(rename(from, in_folder("d.txt")), 0);
        break;
    }
    case 4: /* a link to a file counts as that file */
        ck_assert_int_eq(unlink(in_folder("b.txt")), 0);
        ck_assert_int_eq(mkdir(in_folder(".git"), 0700), 0);
        file(".git/blob", "bee");
        ck_assert_int_eq(symlink(".git/blob", in_folder("b.txt")), 0);
        same = true;
        break;
    case 5:
        file("receipt.tlog-proof", "x");
        file(".gitattributes", "x");
        same = true;
        break;
    case 6:
        file("sub/receipt.tlog-proof", "x"); /* only at the top */
        break;
    case 7:
        ck_assert_int_eq(mkdir(in_folder("empty"), 0700), 0);
        same = true;
        break;
    case 8:
        ck_assert_int_eq(chmod(in_folder("b.txt"), 0755), 0);
        same = true;
        break;
    default:
        break;
    }
    root_hex(after);
    ck_assert_msg((strcmp(before, after) == 0) == same, "case %d", _i);
    folder_remove(folder);
}
END_TEST

START_TEST(refused)
{
    struct tally_manifest manifest = {0};
    struct tally_diag diag = {{0}};
    const char *word = "";

    adapter();
    switch (_i) {
    case 0:
        ck_assert_int_eq(symlink("sub", in_folder("link")), 0);
        word = "link";
        break;
    case 1:
        ck_assert_int_eq(symlink("nowhere", in_folder("dangling")), 0);
        word = "dangling";
        break;
    case 2:
        ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
        word = "pipe";
        break;
    case 3:
        file("A.TXT", "x");
        word = "case";
        break;
    case 4:
        file("bad\xff", "x");
        word = "UTF-8";
        break;
    default:
        break;
    }
    ck_assert_int_eq(tally_manifest_read(folder, NULL, NULL, &manifest, &diag),
                     TALLY_E_INVALID);
    ck_assert_msg(strstr(diag.text, word) != NULL, "%s", diag.text);
    folder_remove(folder);
}
END_TEST

START_TEST(nothing_there)
{
    struct tally_manifest manifest = {0};

    folder_make(folder, sizeof folder);
    ck_assert_int_eq(tally_manifest_read(folder, NULL, NULL, &manifest, NULL),
                     TALLY_E_NOT_FOUND);
    ck_assert_int_eq(tally_manifest_read(in_folder("no"), NULL, NULL, &manifest, NULL),
                     TALLY_E_NOT_FOUND);
    folder_remove(folder);
}
END_TEST

static void count(void *context, uint64_t done, uint64_t total)
{
    ck_assert_uint_le(done, total);
    *(uint64_t *)context = done;
}

START_TEST(progress)
{
    struct tally_manifest manifest = {0};
    uint64_t done = 0;

    adapter();
    ck_assert_int_eq(tally_manifest_read(folder, count, &done, &manifest, NULL), TALLY_OK);
    ck_assert_uint_eq(done, manifest.size);
    tally_manifest_free(&manifest);
    folder_remove(folder);
}
END_TEST

/* ---- threads ------------------------------------------------------------------------- */

static const unsigned thread_counts[] = {1, 2, 3, 8, 0, 1000};

enum { SIZES_COUNT = 40, THREAD_COUNTS = sizeof thread_counts / sizeof thread_counts[0] };

/* Sizes on both sides of a read buffer and of what pays for threads; names in another order. */
static void many_files(void)
{
    static const size_t sizes[] = {0, 1, 262143, 262144, 262145, 1000, 3000000, 65536};
    char name[16];

    folder_make(folder, sizeof folder);
    for (size_t i = 0; i < SIZES_COUNT; i++) {
        snprintf(name, sizeof name, "f%zu", i * 7 % SIZES_COUNT);
        FILE *out = fopen(in_folder(name), "w");

        ck_assert_ptr_nonnull(out);
        for (size_t at = 0; at < sizes[i % 8]; at++) fputc((int)((at + i) % 251), out);
        fclose(out);
    }
}

/* Every digest is that of the file's bytes, in the order of the paths. */
static void check_digests(const struct tally_manifest *manifest)
{
    static uint8_t data[3000001];

    ck_assert_uint_eq(manifest->files_count, SIZES_COUNT);
    for (size_t i = 0; i < manifest->files_count; i++) {
        FILE *in = fopen(in_folder(manifest->files[i].path), "r");
        struct tally_hash digest;
        size_t size;

        ck_assert_ptr_nonnull(in);
        size = fread(data, 1, sizeof data, in);
        fclose(in);
        hash_sha256(data, size, &digest);
        ck_assert_uint_eq(manifest->files[i].size, size);
        ck_assert_mem_eq(manifest->files[i].digest.bytes, digest.bytes, 32);
        ck_assert(i == 0 || strcmp(manifest->files[i - 1].path, manifest->files[i].path) < 0);
    }
}

struct told {
    uint64_t done, calls;
};

static void tell(void *context, uint64_t done, uint64_t total)
{
    struct told *told = context;

    ck_assert_uint_gt(done, told->done); /* forward only, and never beyond the end */
    ck_assert_uint_le(done, total);
    told->done = done;
    told->calls++;
}

START_TEST(threads_change_nothing)
{
    struct tally_manifest one = {0};

    many_files();
    ck_assert_int_eq(manifest_read(folder, 1, NULL, NULL, &one, NULL), TALLY_OK);
    check_digests(&one);
    for (size_t i = 0; i < THREAD_COUNTS; i++) {
        struct tally_manifest many = {0};
        struct told told = {0};

        ck_assert_int_eq(manifest_read(folder, thread_counts[i], tell, &told, &many, NULL),
                         TALLY_OK);
        ck_assert_mem_eq(many.root.bytes, one.root.bytes, 32);
        ck_assert_uint_eq(many.size, one.size);
        ck_assert_uint_eq(told.done, one.size);
        check_digests(&many);
        tally_manifest_free(&many);
    }
    tally_manifest_free(&one);
    folder_remove(folder);
}
END_TEST

/* Two files that are not there any more, the second of which is taken first because it was
 * larger: the first is named every time. */
START_TEST(threads_name_one_failure)
{
    struct tally_manifest_file files[] = {
        {.path = "a.txt"}, {.path = "gone", .size = 1}, {.path = "gone too", .size = 1000}};
    struct manifest_hash how = {.directory = "d"};

    adapter();
    how.root = open(folder, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(how.root, 0);
    for (int i = 0; i < 50; i++) {
        struct tally_diag diag = {{0}};

        how.threads = thread_counts[(size_t)i % THREAD_COUNTS];
        ck_assert_int_eq(manifest_hash(&how, files, 3, &diag), TALLY_E_IO);
        ck_assert_msg(strncmp(diag.text, "d/gone: ", 8) == 0, "%s", diag.text);
    }
    close(how.root);
    folder_remove(folder);
}
END_TEST

/* /proc/self/mem is a regular file whose first byte cannot be read, even by root. */
START_TEST(unreadable)
{
    struct tally_manifest manifest = {0};
    struct tally_diag diag = {{0}};

    many_files();
    ck_assert_int_eq(symlink("/proc/self/mem", in_folder("f0b")), 0);
    ck_assert_int_eq(manifest_read(folder, 0, NULL, NULL, &manifest, &diag), TALLY_E_IO);
    ck_assert_msg(strstr(diag.text, "/f0b: ") != NULL, "%s", diag.text);
    ck_assert_ptr_null(manifest.memory);
    folder_remove(folder);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("manifest");
    TCase *cases = tcase_create("manifest");

    tcase_add_test(cases, known_answer);
    tcase_add_loop_test(cases, what_counts, 0, 9);
    tcase_add_loop_test(cases, refused, 0, 5);
    tcase_add_test(cases, nothing_there);
    tcase_add_test(cases, progress);
    tcase_add_test(cases, threads_change_nothing);
    tcase_add_test(cases, threads_name_one_failure);
    tcase_add_test(cases, unreadable);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
