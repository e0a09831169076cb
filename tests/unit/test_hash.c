/* SHA-256 and the three prefixed hashes, against answers computed elsewhere. */
#include "base/bytes.h"
#include "crypto/hash.h"
#include "support/check_main.h"
#include <check.h>
#include <string.h>

static void check_hash(const struct tally_hash *got, const char *want_hex)
{
    char hex[65];

    bytes_hex(got->bytes, sizeof got->bytes, hex);
    ck_assert_str_eq(hex, want_hex);
}

/* FIPS 180-4 examples, and the empty text. */
START_TEST(sha256_known_answers)
{
    struct tally_hash hash;
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

    hash_sha256(NULL, 0, &hash);
    check_hash(&hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256("abc", 3, &hash);
    check_hash(&hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256(two_blocks, strlen(two_blocks), &hash);
    check_hash(&hash, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

START_TEST(pieces_make_the_whole)
{
    uint8_t data[300];
    struct tally_hash whole;
    struct tally_hash pieces;
    struct hash_state state;

    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
    hash_sha256(data, sizeof data, &whole);
    for (size_t piece = 1; piece < sizeof data; piece += 13) {
        hash_begin(&state);
        for (size_t at = 0; at < sizeof data; at += piece) {
            hash_update(&state, data + at, sizeof data - at < piece ? sizeof data - at : piece);
        }
        hash_update(&state, NULL, 0);
        hash_finish(&state, &pieces);
        ck_assert(hash_equal(&whole, &pieces));
    }
}
END_TEST

/* The empty leaf's hash is the known answer that pins the 0x00 prefix. */
START_TEST(tree_prefixes)
{
    struct tally_hash a;
    struct tally_hash b;
    struct tally_hash c;

    hash_leaf("", 0, &a);
    check_hash(&a, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    hash_leaf("a", 1, &a);
    hash_leaf("b", 1, &b);
    hash_leaf("c", 1, &c);
    hash_node(&a, &b, &a); /* in place */
    hash_node(&a, &c, &c);
    check_hash(&c, "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
}
END_TEST

START_TEST(tagged)
{
    struct tally_hash tag;
    struct tally_hash plain;

    hash_tagged("tag", "data", 4, &tag);
    hash_sha256("tag\0data", 8, &plain);
    ck_assert(hash_equal(&tag, &plain));
    hash_tagged("tagd", "ata", 3, &tag);
    ck_assert(!hash_equal(&tag, &plain));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("hash");
    TCase *tc = tcase_create("hash");

    tcase_add_test(tc, sha256_known_answers);
    tcase_add_test(tc, pieces_make_the_whole);
    tcase_add_test(tc, tree_prefixes);
    tcase_add_test(tc, tagged);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
