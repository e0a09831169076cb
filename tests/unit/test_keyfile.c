/* Goal: a key survives its file, a file that others can read is refused, nothing is ever
 * overwritten. Method: real files in a fresh folder per test. */
#include "base/bytes.h"
#include "crypto/keyfile.h"
#include "support/check_main.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[96];
static char public_path[96];

static void setup(void)
{
    strcpy(folder, "/tmp/tally-keyfile-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/k", folder);
    snprintf(public_path, sizeof public_path, "%s/k.pub", folder);
}

static void teardown(void)
{
    unlink(path);
    unlink(public_path);
    rmdir(folder);
}

static void write_file(const char *file, const char *text, size_t size, mode_t mode)
{
    unlink(file);
    const int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
    close(fd);
}

START_TEST(user_round_trip)
{
    struct user_key key;
    struct vkey vkey;
    struct stat info;

    ck_assert_int_eq(keyfile_user_create(path, "alice", NULL), TALLY_OK);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq((int)(info.st_mode & 0777), 0600);
    ck_assert_int_eq(keyfile_user_load(path, &key, NULL), TALLY_OK);
    ck_assert_str_eq(key.name, "alice");
    ck_assert_int_eq(keyfile_user_public_load(public_path, &vkey, NULL), TALLY_OK);
    ck_assert_str_eq(vkey.name, "alice");
    ck_assert_uint_eq(vkey.type, VKEY_ED25519);
    ck_assert_mem_eq(vkey.public_key, key.key.public_key, SIGN_PUBLIC_BYTES);
    keyfile_user_wipe(&key);
    ck_assert_int_eq(key.name[0] | key.key.secret[0] | key.key.secret[63], 0);
}
END_TEST

START_TEST(node_round_trip)
{
    struct node_keys keys;
    struct node_public found;
    struct node_public want;

    ck_assert_int_eq(keyfile_node_create(path, "n1", NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_node_load(path, &keys, NULL), TALLY_OK);
    ck_assert_uint_ne(keys.incarnation, 0);
    ck_assert_mem_ne(keys.log.public_key, keys.cosign.public_key, SIGN_PUBLIC_BYTES);
    ck_assert_mem_ne(keys.log.public_key, keys.peer.public_key, SIGN_PUBLIC_BYTES);
    ck_assert_mem_ne(keys.peer.public_key, keys.cosign.public_key, SIGN_PUBLIC_BYTES);
    keyfile_node_public(&keys, &want);
    ck_assert_int_eq(keyfile_node_public_load(public_path, &found, NULL), TALLY_OK);
    ck_assert_mem_eq(&found, &want, sizeof found);
    ck_assert_str_eq(found.name, "n1");
    keyfile_node_wipe(&keys);
}
END_TEST

/* Computed with another BLAKE2b and another Ed25519: seed 00 01 .. 1f. */
START_TEST(node_derivation_known_answer)
{
    static const char *const want[3] = {
        "1c39701f66505a4913d058a7fa47cf7a4c4b5398f12dacdaea78357b3e0ed46d",
        "eb2564883742a5c4355c5e129d1a11c531c6f86b42606e9b86e8d83229c5d0d4",
        "896361f102d44d95685d778eeb2f302159f25848edc1da0f8dfd2a21ad9ca392",
    };
    uint8_t seed[SIGN_SEED_BYTES];
    struct node_keys keys;
    char hex[65];

    for (uint8_t i = 0; i < sizeof seed; i++) seed[i] = i;
    keyfile_node_derive("n1", 7, seed, &keys);
    bytes_hex(keys.log.public_key, 32, hex);
    ck_assert_str_eq(hex, want[0]);
    bytes_hex(keys.cosign.public_key, 32, hex);
    ck_assert_str_eq(hex, want[1]);
    bytes_hex(keys.peer.public_key, 32, hex);
    ck_assert_str_eq(hex, want[2]);
}
END_TEST

START_TEST(never_overwrites)
{
    struct user_key before;
    struct user_key after;

    ck_assert_int_eq(keyfile_user_create(path, "alice", NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_user_load(path, &before, NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_user_create(path, "alice", NULL), TALLY_E_CONFLICT);
    ck_assert_int_eq(keyfile_node_create(path, "n1", NULL), TALLY_E_CONFLICT);
    ck_assert_int_eq(keyfile_user_load(path, &after, NULL), TALLY_OK);
    ck_assert_mem_eq(&before, &after, sizeof before);
    /* Only the public file is there: no secret one without it. */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(keyfile_user_create(path, "alice", NULL), TALLY_E_CONFLICT);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(refuses_files_open_to_others)
{
    static const mode_t modes[] = {0640, 0604, 0660, 0610, 0601, 0644};
    struct user_key key;
    struct tally_diag diag = {""};

    ck_assert_int_eq(keyfile_user_create(path, "alice", NULL), TALLY_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        ck_assert_int_eq(keyfile_user_load(path, &key, &diag), TALLY_E_INVALID);
        ck_assert_ptr_nonnull(strstr(diag.text, "chmod 600"));
    }
    ck_assert_int_eq(chmod(path, 0400), 0);
    ck_assert_int_eq(keyfile_user_load(path, &key, NULL), TALLY_OK);
}
END_TEST

START_TEST(says_what_is_wrong)
{
    struct user_key key;
    struct node_keys keys;
    struct tally_diag diag = {""};

    ck_assert_int_eq(keyfile_user_load(path, &key, &diag), TALLY_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(diag.text, path));
    ck_assert_int_eq(keyfile_user_load("/tmp", &key, &diag), TALLY_E_INVALID);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(keyfile_user_load(path, &key, &diag), TALLY_E_INVALID);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(keyfile_user_create("/nonexistent/k", "alice", &diag), TALLY_E_IO);
    ck_assert_int_eq(keyfile_user_create(path, "alice", NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_node_load(path, &keys, &diag), TALLY_E_MALFORMED);
}
END_TEST

#define SEED "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const struct {
    const char *name, *text;
    bool good;
} texts[] = {
    {"honest", "tally-key v1\nkind user\nname al\nseed " SEED "\n", true},
    {"empty", "", false},
    {"version", "tally-key v2\nkind user\nname al\nseed " SEED "\n", false},
    {"kind", "tally-key v1\nkind root\nname al\nseed " SEED "\n", false},
    {"no name", "tally-key v1\nkind user\nname \nseed " SEED "\n", false},
    {"bad name", "tally-key v1\nkind user\nname a/b\nseed " SEED "\n", false},
    {"no newline at the end", "tally-key v1\nkind user\nname al\nseed " SEED, false},
    {"more after the end", "tally-key v1\nkind user\nname al\nseed " SEED "\n\n", false},
    {"carriage returns", "tally-key v1\r\nkind user\r\nname al\r\nseed " SEED "\r\n", false},
    {"upper case", "tally-key v1\nkind user\nname AL\nseed " SEED "\n", false},
    {"short seed", "tally-key v1\nkind user\nname al\nseed 00\n", false},
    {"order", "tally-key v1\nname al\nkind user\nseed " SEED "\n", false},
};

START_TEST(secret_texts)
{
    struct user_key key;

    write_file(path, texts[_i].text, strlen(texts[_i].text), 0600);
    const enum tally_err got = keyfile_user_load(path, &key, NULL);
    ck_assert_msg(got == (texts[_i].good ? TALLY_OK : TALLY_E_MALFORMED), "%s: %s",
                  texts[_i].name, tally_err_text(got));
}
END_TEST

START_TEST(long_files)
{
    char text[5000];
    struct user_key key;
    struct node_public found;

    memset(text, 'a', sizeof text);
    write_file(path, text, sizeof text, 0600);
    ck_assert_int_eq(keyfile_user_load(path, &key, NULL), TALLY_E_MALFORMED);
    ck_assert_int_eq(keyfile_node_public_load(path, &found, NULL), TALLY_E_MALFORMED);
}
END_TEST

START_TEST(node_texts)
{
    struct node_keys keys;
    static const char *const bad[] = {
        "tally-key v1\nkind node\nname n1\nincarnation 0\nseed " SEED "\n",
        "tally-key v1\nkind node\nname n1\nincarnation 01\nseed " SEED "\n",
        "tally-key v1\nkind node\nname n1\nincarnation 18446744073709551616\nseed " SEED "\n",
        "tally-key v1\nkind node\nname n1\nseed " SEED "\n",
    };
    const char *good = "tally-key v1\nkind node\nname n1\nincarnation 7\nseed " SEED "\n";

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_file(path, bad[i], strlen(bad[i]), 0600);
        ck_assert_int_eq(keyfile_node_load(path, &keys, NULL), TALLY_E_MALFORMED);
    }
    write_file(path, good, strlen(good), 0600);
    ck_assert_int_eq(keyfile_node_load(path, &keys, NULL), TALLY_OK);
    ck_assert_uint_eq(keys.incarnation, 7);
}
END_TEST

START_TEST(names)
{
    char longest[LIMIT_NAME_SIZE + 2];
    struct tally_diag diag = {""};

    memset(longest, 'n', sizeof longest);
    longest[LIMIT_NAME_SIZE + 1] = '\0';
    ck_assert(!keyfile_name_valid(longest));
    longest[LIMIT_NAME_SIZE] = '\0';
    ck_assert(keyfile_name_valid(longest));
    ck_assert(keyfile_name_valid("n1.site-a_b"));
    ck_assert(!keyfile_name_valid(""));
    ck_assert(!keyfile_name_valid("../n1"));
    ck_assert(!keyfile_name_valid("-n"));
    ck_assert(!keyfile_name_valid("N"));
    ck_assert_int_eq(keyfile_user_create(path, "a b", &diag), TALLY_E_INVALID);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("keyfile");
    TCase *tc = tcase_create("keyfile");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, user_round_trip);
    tcase_add_test(tc, node_round_trip);
    tcase_add_test(tc, node_derivation_known_answer);
    tcase_add_test(tc, never_overwrites);
    tcase_add_test(tc, refuses_files_open_to_others);
    tcase_add_test(tc, says_what_is_wrong);
    tcase_add_loop_test(tc, secret_texts, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(tc, long_files);
    tcase_add_test(tc, node_texts);
    tcase_add_test(tc, names);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    if (sign_init() != TALLY_OK) return 1;
    return check_main(make_suite());
}
