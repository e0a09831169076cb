/* Goal: what one side seals only the other side opens, once, and only as it was sealed.
 * Method: two sessions from two ephemerals; then one thing changed per check. */
#include "base/bytes.h"
#include "crypto/secret.h"
#include "crypto/session.h"
#include "support/check_main.h"
#include <check.h>
#include <string.h>

static struct session low;  /* node 1 */
static struct session high; /* node 2 */

static void setup(void)
{
    struct session_ephemeral one;
    struct session_ephemeral two;

    session_ephemeral_new(&one);
    session_ephemeral_new(&two);
    ck_assert_int_eq(session_derive(&one, two.public_key, true, &low), TALLY_OK);
    ck_assert_int_eq(session_derive(&two, one.public_key, false, &high), TALLY_OK);
    session_ephemeral_wipe(&one);
    ck_assert_uint_eq(one.secret[0] | one.secret[31], 0);
}

START_TEST(both_sides_agree)
{
    ck_assert_mem_eq(low.id, high.id, SESSION_ID_BYTES);
    for (int c = 0; c < SESSION_CHANNELS; c++) {
        ck_assert_mem_eq(low.send_key[c], high.receive_key[c], SESSION_MAC_KEY_BYTES);
        ck_assert_mem_eq(low.receive_key[c], high.send_key[c], SESSION_MAC_KEY_BYTES);
        ck_assert_mem_ne(low.send_key[c], low.receive_key[c], SESSION_MAC_KEY_BYTES);
    }
    ck_assert_mem_ne(low.send_key[0], low.send_key[1], SESSION_MAC_KEY_BYTES);
}
END_TEST

START_TEST(opens_once)
{
    uint8_t tag[SESSION_TAG_BYTES];
    uint8_t later[SESSION_TAG_BYTES];
    uint64_t counter = 0;
    uint64_t later_counter = 0;

    session_seal(&low, SESSION_BULK, "block", 5, &counter, tag);
    session_seal(&low, SESSION_BULK, "other", 5, &later_counter, later);
    ck_assert_uint_eq(counter, 1);
    ck_assert_uint_eq(later_counter, 2);
    ck_assert_int_eq(session_open(&high, SESSION_BULK, counter, "block", 5, tag, sizeof tag),
                     TALLY_OK);
    ck_assert_int_eq(session_open(&high, SESSION_BULK, counter, "block", 5, tag, sizeof tag),
                     TALLY_E_STALE);
    /* A gap is fine: messages may be lost; afterwards the older ones are stale. */
    uint64_t third = 0;
    uint8_t third_tag[SESSION_TAG_BYTES];
    session_seal(&low, SESSION_BULK, "", 0, &third, third_tag);
    ck_assert_int_eq(session_open(&high, SESSION_BULK, third, NULL, 0, third_tag, 32),
                     TALLY_OK);
    ck_assert_int_eq(session_open(&high, SESSION_BULK, later_counter, "other", 5, later, 32),
                     TALLY_E_STALE);
}
END_TEST

START_TEST(one_thing_changed)
{
    uint8_t tag[SESSION_TAG_BYTES];
    uint8_t bad[SESSION_TAG_BYTES];
    uint64_t counter = 0;

    session_seal(&low, SESSION_CONTROL, "vote", 4, &counter, tag);
    memcpy(bad, tag, sizeof bad);
    bad[31] ^= 1;
    ck_assert_int_eq(session_open(&high, SESSION_CONTROL, counter, "vote", 4, bad, 32),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(session_open(&high, SESSION_CONTROL, counter, "vota", 4, tag, 32),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(session_open(&high, SESSION_CONTROL, counter, "vote", 3, tag, 32),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(session_open(&high, SESSION_CONTROL, counter + 1, "vote", 4, tag, 32),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(session_open(&high, SESSION_BULK, counter, "vote", 4, tag, 32),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(session_open(&low, SESSION_CONTROL, counter, "vote", 4, tag, 32),
                     TALLY_E_SIGNATURE); /* reflected to its sender */
    ck_assert_int_eq(session_open(&high, SESSION_CONTROL, counter, "vote", 4, tag, 31),
                     TALLY_E_MALFORMED);
    ck_assert_int_eq(session_open(&high, SESSION_CHANNELS, counter, "vote", 4, tag, 32),
                     TALLY_E_MALFORMED);
    high.id[0] ^= 1; /* another session */
    ck_assert_int_eq(session_open(&high, SESSION_CONTROL, counter, "vote", 4, tag, 32),
                     TALLY_E_SIGNATURE);
    high.id[0] ^= 1;
    /* Nothing above moved the counter. */
    ck_assert_int_eq(session_open(&high, SESSION_CONTROL, counter, "vote", 4, tag, 32),
                     TALLY_OK);
}
END_TEST

START_TEST(channels_count_apart)
{
    uint8_t control[SESSION_TAG_BYTES];
    uint8_t bulk[SESSION_TAG_BYTES];
    uint64_t counter = 0;

    for (int i = 0; i < 3; i++) session_seal(&low, SESSION_CONTROL, "v", 1, &counter, control);
    ck_assert_int_eq(session_open(&high, SESSION_CONTROL, counter, "v", 1, control, 32),
                     TALLY_OK);
    session_seal(&low, SESSION_BULK, "b", 1, &counter, bulk);
    ck_assert_uint_eq(counter, 1);
    ck_assert_int_eq(session_open(&high, SESSION_BULK, counter, "b", 1, bulk, 32), TALLY_OK);
}
END_TEST

START_TEST(refuses_small_order)
{
    static const uint8_t zero[SESSION_EPHEMERAL_BYTES] = {0};
    static const uint8_t one[SESSION_EPHEMERAL_BYTES] = {1};
    struct session_ephemeral own;
    struct session session;

    session_ephemeral_new(&own);
    ck_assert_int_eq(session_derive(&own, zero, true, &session), TALLY_E_INVALID);
    ck_assert_int_eq(session_derive(&own, one, false, &session), TALLY_E_INVALID);
}
END_TEST

START_TEST(hello_covers_every_field)
{
    struct sign_key key;
    struct sign_key other;
    uint8_t signature[SIGN_SIGNATURE_BYTES];
    struct session_hello hello = {.node_id = 1, .receiver_id = 2, .incarnation = 3};

    sign_keypair_new(&key, NULL);
    sign_keypair_new(&other, NULL);
    secret_random(hello.ephemeral, sizeof hello.ephemeral);
    session_hello_sign(&hello, &key, signature);
    ck_assert_int_eq(session_hello_verify(&hello, key.public_key, signature, 64), TALLY_OK);
    ck_assert_int_eq(session_hello_verify(&hello, key.public_key, signature, 63),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(session_hello_verify(&hello, other.public_key, signature, 64),
                     TALLY_E_SIGNATURE);
    for (int field = 0; field < 7; field++) {
        struct session_hello changed = hello;

        if (field == 0) changed.ledger_id.bytes[31] ^= 1;
        if (field == 1) changed.node_id ^= 1;
        if (field == 2) changed.receiver_id ^= 1;
        if (field == 3) changed.incarnation ^= 1;
        if (field == 4) changed.ephemeral[0] ^= 1;
        if (field == 5) changed.own_nonce[31] ^= 1;
        if (field == 6) changed.nonce[31] ^= 1;
        ck_assert_msg(session_hello_verify(&changed, key.public_key, signature, 64) ==
                          TALLY_E_SIGNATURE,
                      "field %d is not covered", field);
    }
}
END_TEST

static void check_hex(const uint8_t *bytes, size_t size, const char *want)
{
    char hex[2 * SIGN_SIGNATURE_BYTES + 1];

    bytes_hex(bytes, size, hex);
    ck_assert_str_eq(hex, want);
}

/* Computed with separate implementations of X25519, BLAKE2b and Ed25519. */
START_TEST(known_answers)
{
    uint8_t seed[32];
    uint8_t bytes[SIGN_SIGNATURE_BYTES];
    struct session_ephemeral one;
    struct session_ephemeral two;
    struct session session;
    struct sign_key key;
    uint64_t counter = 0;
    struct session_hello hello = {.node_id = 1, .receiver_id = 2, .incarnation = 7};

    memset(seed, 1, sizeof seed);
    session_ephemeral_from_seed(seed, &one);
    memset(seed, 2, sizeof seed);
    session_ephemeral_from_seed(seed, &two);
    check_hex(one.public_key, 32,
              "ab2fca32898322c208fb2dab5048bd43c355c6430f588897cb574961cfa9806f");
    ck_assert_int_eq(session_derive(&one, two.public_key, true, &session), TALLY_OK);
    check_hex(session.id, sizeof session.id, "c52e8c768f6284bacd0abd2217d3b949");
    check_hex(session.send_key[SESSION_BULK], 32,
              "2c3e9888459b545cf896f266790bd3efda1de7b1874d05889ae3afcd6e47bf05");
    session_seal(&session, SESSION_BULK, "block", 5, &counter, bytes);
    check_hex(bytes, 32, "262b9a60ffe502a943d35ed3437427593e497dab117a65bc6b3e09aa2de31395");

    for (uint8_t i = 0; i < sizeof seed; i++) seed[i] = i;
    sign_keypair_from_seed(seed, &key);
    memset(&hello.ledger_id, 3, sizeof hello.ledger_id);
    memcpy(hello.ephemeral, one.public_key, sizeof hello.ephemeral);
    memset(hello.own_nonce, 4, sizeof hello.own_nonce);
    memset(hello.nonce, 5, sizeof hello.nonce);
    session_hello_sign(&hello, &key, bytes);
    check_hex(bytes, 64,
              "0929cff93360c10bcd5a15ed514a08cc28f7fa2c01caf04bde5deec99cc781d7"
              "ec56f5cd74ad07dde3a54262cfd6c3d61af20430e42c64b687be4e912164cc0d");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("session");
    TCase *tc = tcase_create("session");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, both_sides_agree);
    tcase_add_test(tc, opens_once);
    tcase_add_test(tc, one_thing_changed);
    tcase_add_test(tc, channels_count_apart);
    tcase_add_test(tc, refuses_small_order);
    tcase_add_test(tc, known_answers);
    tcase_add_test(tc, hello_covers_every_field);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    if (sign_init() != TALLY_OK) return 1;
    return check_main(make_suite());
}
