/* Goal: the verifier agrees with the public test vectors for RFC 6962 proofs (196 cases,
 * each named by what was changed in an honest proof). They are not part of this tree: the
 * test reads them from $TALLY_SHARED/vectors/rfc6962 and says so when they are not there. */
#include "base/base64.h"
#include "crypto/hash.h"
#include "merkle/merkle.h"
#include "support/check_main.h"
#include <check.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A field as a hash; false when it is not 32 bytes, which no verifier could be given. */
static bool json_hash(const json_t *value, struct tally_hash *ret_hash)
{
    const char *text = json_string_value(value);

    return text != NULL && base64_decoded_size(text, strlen(text)) == TALLY_HASH_BYTES &&
           base64_decode(text, strlen(text), ret_hash->bytes);
}

/* Some vectors have short texts in the place of roots ("don't care"). All that matters is
 * which of them are equal, and their hashes keep that. */
static void json_root(const json_t *file, const char *key, struct tally_hash *ret_root)
{
    const json_t *value = json_object_get(file, key);

    if (!json_hash(value, ret_root))
        hash_sha256(json_string_value(value), json_string_length(value), ret_root);
}

/* The proof's hashes; false when one is not 32 bytes or there are too many. */
static bool json_proof(const json_t *list, struct merkle_proof *ret_proof)
{
    ret_proof->count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (ret_proof->count == TALLY_PROOF_HASHES_MAX ||
            !json_hash(json_array_get(list, i), &ret_proof->hashes[ret_proof->count]))
            return false;
        ret_proof->count++;
    }
    return true;
}

/* Some sizes are too big for jansson's integers, so numbers are read as reals: the small
 * ones are exact, and all from 2^63 on are refused alike. */
static uint64_t json_size(const json_t *file, const char *key)
{
    const double value = json_number_value(json_object_get(file, key));

    return value >= 0 && value < 9223372036854775808.0 ? (uint64_t)value : UINT64_MAX;
}

/* Verify one vector; sizes and hashes that do not have the form of one count as refused. */
static bool vector_accepted(const json_t *file)
{
    struct tally_hash a;
    struct tally_hash b;
    struct merkle_proof proof;

    if (!json_proof(json_object_get(file, "proof"), &proof)) return false;
    if (json_object_get(file, "size1") != NULL) {
        const uint64_t old_size = json_size(file, "size1");
        const uint64_t new_size = json_size(file, "size2");

        json_root(file, "root1", &a);
        json_root(file, "root2", &b);
        return tally_verify_consistency(old_size, &a, new_size, &b, proof.hashes,
                                        proof.count) == TALLY_OK;
    }
    if (!json_hash(json_object_get(file, "leafHash"), &a) ||
        !json_hash(json_object_get(file, "root"), &b))
        return false;
    return tally_verify_inclusion(&a, json_size(file, "leafIdx"), json_size(file, "treeSize"),
                                  proof.hashes, proof.count, &b) == TALLY_OK;
}

static void run_vector(const char *path)
{
    json_error_t error;
    json_t *file =
        json_load_file(path, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);

    ck_assert_msg(file != NULL, "%s: %s", path, error.text);
    const bool want = !json_is_true(json_object_get(file, "wantErr"));
    ck_assert_msg(vector_accepted(file) == want, "%s", path);
    json_decref(file);
}

/* Run all vectors below `folder` (three levels of folders at most); returns how many. */
static size_t run_folder(const char *folder, int depth)
{
    size_t count = 0;
    DIR *dir = opendir(folder);

    ck_assert_msg(dir != NULL, "%s", folder);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[1024];
        struct stat info;
        const size_t size = strlen(entry->d_name);

        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ck_assert_int_eq(stat(path, &info), 0);
        if (S_ISDIR(info.st_mode)) {
            ck_assert_int_gt(depth, 0);
            count += run_folder(path, depth - 1);
        } else if (size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0) {
            run_vector(path);
            count++;
        }
    }
    closedir(dir);
    return count;
}

START_TEST(public_vectors)
{
    char folder[512];
    struct stat info;
    const char *shared = getenv("TALLY_SHARED");

    snprintf(folder, sizeof folder, "%s/vectors/rfc6962",
             shared != NULL ? shared : "../shared");
    if (stat(folder, &info) != 0) {
        printf("SKIP: no RFC 6962 vectors in %s (set TALLY_SHARED)\n", folder);
        return;
    }
    ck_assert_uint_eq(run_folder(folder, 3), 196);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("rfc6962");
    TCase *tc = tcase_create("rfc6962");

    tcase_add_test(tc, public_vectors);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
