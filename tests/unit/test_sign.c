/* Goal: the Ed25519 acceptance set, which replicas must share, cannot change unnoticed;
 * vkeys have one text. Method: vectors made with a separate implementation of RFC 8032,
 * each of them an honest signature with one property changed. The key is that of the seed
 * 00 01 .. 1f and the message is "tally". */
#include "base/bytes.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "crypto/vkey.h"
#include "support/check_main.h"
#include <check.h>
#include <string.h>

#define PUBLIC  "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define R_HALF  "3a55c4ea0a332fee1b52ebe84726f35069ff79eec75eae9979ff326f2fcfd229"
#define S_HALF  "7843c0ebd7e485a51245fe12f4164107d6f8eb1031fc2c884aaa48bf3d922607"
#define TORSION "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
#define ZEROS   "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE     "0100000000000000000000000000000000000000000000000000000000000000"

static const struct {
    const char *name, *public_key, *r, *s;
    enum tally_err want;
} vectors[] = {
    {"honest", PUBLIC, R_HALF, S_HALF, TALLY_OK},
    {"key with a torsion part, equation holds",
     "b502ff3d92e31d8190b4aa4ea0414005167fad089c4de9dac8a2fc850fed4f58",
     "d4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712",
     "ba5c7912b57eaa4c9029d961f0df43a4a5c1be889ea01997ebdf574cbf39290e", TALLY_OK},
    {"S plus the group order", PUBLIC, R_HALF,
     "6517b648f24798fde8e1f5b5d210201cd6f8eb1031fc2c884aaa48bf3d922617", TALLY_E_SIGNATURE},
    {"one bit of R", PUBLIC, "3b55c4ea0a332fee1b52ebe84726f35069ff79eec75eae9979ff326f2fcfd229",
     S_HALF, TALLY_E_SIGNATURE},
    {"one bit of S", PUBLIC, R_HALF,
     "7943c0ebd7e485a51245fe12f4164107d6f8eb1031fc2c884aaa48bf3d922607", TALLY_E_SIGNATURE},
    {"key is the identity, equation holds", ONE,
     "ef4f62f8479733ad879cfaced3c89a9c39dd4fc795ef2efa1c3eafe4d729a081",
     "3930000000000000000000000000000000000000000000000000000000000000", TALLY_E_SIGNATURE},
    {"key has order 8, equation holds", TORSION,
     "801f40eaaee1ef8723279a28b2cf4037b889dad222604678748b53ed0db0db92",
     "0d00000000000000000000000000000000000000000000000000000000000000", TALLY_E_SIGNATURE},
    {"key is zero", ZEROS, R_HALF, S_HALF, TALLY_E_SIGNATURE},
    {"key is the identity, encoding not canonical",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     "ef4f62f8479733ad879cfaced3c89a9c39dd4fc795ef2efa1c3eafe4d729a081",
     "3930000000000000000000000000000000000000000000000000000000000000", TALLY_E_SIGNATURE},
    {"R is the identity, equation holds", PUBLIC, ONE,
     "348d893fa1cb82cc98e4f03db8d23dc46a5f56dd53a5cf31c818b36ee8a1c00c", TALLY_E_SIGNATURE},
    {"holds only with the cofactor", PUBLIC,
     "1c354c4c7a6de4bcb4fd275f391333dd9bf17d38b41332753f60cf56d5ef4fcc",
     "abd541010f8cc48f43cd35d10d10b7a58f1d014c923ad6c6ebeeebd434a08a02", TALLY_E_SIGNATURE},
    {"all zero", PUBLIC, ZEROS, ZEROS, TALLY_E_SIGNATURE},
};

static void unhex(const char *hex, uint8_t to[32])
{
    ck_assert(bytes_unhex(hex, strlen(hex), to, 32));
}

START_TEST(acceptance_set)
{
    uint8_t public_key[32];
    uint8_t signature[64];

    unhex(vectors[_i].public_key, public_key);
    unhex(vectors[_i].r, signature);
    unhex(vectors[_i].s, signature + 32);
    const enum tally_err got = sign_verify(public_key, "tally", 5, signature, 64);
    ck_assert_msg(got == vectors[_i].want, "%s: %s", vectors[_i].name, tally_err_text(got));
}
END_TEST

static void key_of_test(struct sign_key *key)
{
    uint8_t seed[SIGN_SEED_BYTES];

    for (uint8_t i = 0; i < sizeof seed; i++) seed[i] = i;
    sign_keypair_from_seed(seed, key);
}

START_TEST(signs_deterministically)
{
    struct sign_key key;
    uint8_t want[64];
    uint8_t public_key[32];
    uint8_t got[64];

    key_of_test(&key);
    unhex(PUBLIC, public_key);
    ck_assert_mem_eq(key.public_key, public_key, 32);
    unhex(R_HALF, want);
    unhex(S_HALF, want + 32);
    sign_detached(&key, "tally", 5, got);
    ck_assert_mem_eq(got, want, 64);
    sign_key_wipe(&key);
    ck_assert_uint_eq(key.secret[0] | key.secret[63] | key.public_key[0], 0);
}
END_TEST

/* The length is looked at before the bytes: sanitizers see a read past these buffers. */
START_TEST(length_first)
{
    struct sign_key key;
    uint8_t signature[65] = {0};

    key_of_test(&key);
    sign_detached(&key, NULL, 0, signature);
    ck_assert_int_eq(sign_verify(key.public_key, NULL, 0, signature, 64), TALLY_OK);
    ck_assert_int_eq(sign_verify(key.public_key, NULL, 0, signature, 63), TALLY_E_SIGNATURE);
    ck_assert_int_eq(sign_verify(key.public_key, NULL, 0, signature, 65), TALLY_E_SIGNATURE);
    ck_assert_int_eq(sign_verify(key.public_key, NULL, 0, NULL, 0), TALLY_E_SIGNATURE);
    ck_assert_int_eq(sign_verify(key.public_key, "x", 1, signature, 64), TALLY_E_SIGNATURE);
}
END_TEST

START_TEST(new_keys_differ)
{
    struct sign_key a;
    struct sign_key b;
    struct sign_key again;
    uint8_t seed[SIGN_SEED_BYTES];

    sign_keypair_new(&a, seed);
    sign_keypair_new(&b, NULL);
    ck_assert_mem_ne(a.public_key, b.public_key, 32);
    sign_keypair_from_seed(seed, &again);
    ck_assert_mem_eq(&a, &again, sizeof a);
    ck_assert_uint_ne(secret_random_u64(), secret_random_u64());
    ck_assert(secret_equal("abc", "abc", 3));
    ck_assert(!secret_equal("abc", "abd", 3));
}
END_TEST

START_TEST(key_id)
{
    struct sign_key key;
    struct tally_hash id;
    uint8_t want[32];

    key_of_test(&key);
    sign_key_id(key.public_key, &id);
    unhex("16d5c382363b9b59ac239cc67681d8a377307a5d489272094f9c8318ee8214f9", want);
    ck_assert_mem_eq(id.bytes, want, 32);
}
END_TEST

/* ---- vkeys ---------------------------------------------------------------------------- */

#define B64 "AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"

START_TEST(vkey_known_answer)
{
    struct sign_key key;
    struct vkey vkey;
    struct vkey parsed;
    char text[VKEY_TEXT_MAX];

    key_of_test(&key);
    ck_assert_int_eq(vkey_make("alice", VKEY_ED25519, key.public_key, &vkey), TALLY_OK);
    vkey_format(&vkey, text);
    ck_assert_str_eq(text, "alice+db500c1f+" B64);
    ck_assert_int_eq(vkey_parse(text, strlen(text), &parsed, NULL), TALLY_OK);
    ck_assert_mem_eq(&parsed, &vkey, sizeof vkey);
    ck_assert_int_eq(vkey_make("alice", VKEY_COSIGNATURE, key.public_key, &parsed), TALLY_OK);
    ck_assert_uint_ne(parsed.id, vkey.id);
    ck_assert_int_eq(vkey_make("a b", VKEY_ED25519, key.public_key, &vkey), TALLY_E_INVALID);
}
END_TEST

static const char *const bad_vkeys[] = {
    "",
    "alice",
    "alice+db500c1f",
    "alice+db500c1f+",
    "+db500c1f+" B64,
    "alice+db500c1e+" B64,                                         /* another id */
    "alicf+db500c1f+" B64,                                         /* another name */
    "alice+DB500C1F+" B64,                                         /* upper case */
    "alice+db500c1f+" B64 "\n",                                    /* a newline */
    "alice+db500c1f+" B64 "AAAA",                                  /* a longer key */
    "alice+db500c1f+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG=", /* spare bits */
    "alice+db500c1f+BgOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", /* type 6 */
    "al ice+db500c1f+" B64,
};

START_TEST(vkey_refuses)
{
    struct vkey vkey;
    struct tally_diag diag = {""};

    ck_assert_msg(vkey_parse(bad_vkeys[_i], strlen(bad_vkeys[_i]), &vkey, &diag) ==
                      TALLY_E_MALFORMED,
                  "%s", bad_vkeys[_i]);
    ck_assert_str_ne(diag.text, "");
}
END_TEST

static const struct {
    const char *name;
    bool good;
} names[] = {
    {"a", true},
    {"ledger.example/0123/n1", true},
    {"caf\xC3\xA9", true},
    {"", false},
    {"a b", false},
    {"a+b", false},
    {"a\nb", false},
    {"a\x7F", false},
    {"a\xC2\xA0", false},     /* no-break space */
    {"a\xE3\x80\x80", false}, /* ideographic space */
    {"a\xE2\x80\x83", false}, /* em space */
    {"\xE2\x80\xA8", false},  /* line separator */
    {"a\xC3", false},         /* cut UTF-8 */
    {"a\xE2\x80\x94", true},  /* em dash */
};

START_TEST(key_names)
{
    ck_assert_msg(vkey_name_valid(names[_i].name, strlen(names[_i].name)) == names[_i].good,
                  "row %d", _i);
}
END_TEST

START_TEST(key_name_sizes)
{
    char name[LIMIT_KEY_NAME_SIZE + 2];

    memset(name, 'n', sizeof name);
    ck_assert(vkey_name_valid(name, LIMIT_KEY_NAME_SIZE));
    ck_assert(!vkey_name_valid(name, LIMIT_KEY_NAME_SIZE + 1));
    ck_assert(!vkey_name_valid("a\0b", 3));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("sign");
    TCase *tc = tcase_create("sign");
    TCase *vkeys = tcase_create("vkey");

    tcase_add_loop_test(tc, acceptance_set, 0, sizeof vectors / sizeof vectors[0]);
    tcase_add_test(tc, signs_deterministically);
    tcase_add_test(tc, length_first);
    tcase_add_test(tc, new_keys_differ);
    tcase_add_test(tc, key_id);
    tcase_add_test(vkeys, vkey_known_answer);
    tcase_add_loop_test(vkeys, vkey_refuses, 0, sizeof bad_vkeys / sizeof bad_vkeys[0]);
    tcase_add_loop_test(vkeys, key_names, 0, sizeof names / sizeof names[0]);
    tcase_add_test(vkeys, key_name_sizes);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, vkeys);
    return suite;
}

int main(void)
{
    if (sign_init() != TALLY_OK) return 1;
    return check_main(make_suite());
}
