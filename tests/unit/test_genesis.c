/* Goal: a ledger begins in one way: the same words give the same bytes, every root key signs,
 * and the ledger id covers all of it. Method: a genesis of three root keys and three members,
 * signed in every order, and damaged in every byte. What is refused: test_genesis_check.c. */
#include <check.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/block.h"
#include "event/genesis.h"
#include "event/record.h"
#include "support/check_main.h"
#include "support/genesis_words.h"

START_TEST(order_means_nothing)
{
    static const uint32_t orders[][WORDS_ROOTS] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                                   {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const backwards[] = {"author", "admin"};
    const struct bytes file = words_new(), all = words_complete();
    const struct event_principal first = words.principals[0];
    uint8_t first_key[SIGN_PUBLIC_BYTES];

    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        const struct bytes other = words_signed_by(
            words_signed_by(words_signed_by(file, orders[i][0]), orders[i][1]), orders[i][2]);

        ck_assert_msg(bytes_equal(other, all), "order %zu", i);
    }
    words.principals[0] = words.principals[1];
    words.principals[1] = first;
    words.principals[1].roles = backwards;
    memcpy(first_key, words.root_keys[0], sizeof first_key);
    memcpy(words.root_keys[0], words.root_keys[2], sizeof first_key);
    memcpy(words.root_keys[2], first_key, sizeof first_key);
    ck_assert(bytes_equal(words_new(), file));
}
END_TEST

START_TEST(signatures_are_counted)
{
    struct bytes file = words_new(), unused = {0};

    for (uint32_t signed_so_far = 0; signed_so_far < WORDS_ROOTS; signed_so_far++) {
        const struct genesis genesis = words_decoded(file);
        uint32_t missing[LIMIT_GENESIS_SIGNERS];
        struct bytes record = {0}, block = {0};
        struct tally_hash ledger_id;
        struct tally_diag diag = {{0}};

        ck_assert_uint_eq(genesis.signers_count, signed_so_far);
        ck_assert_uint_eq(genesis_missing(&genesis, missing), WORDS_ROOTS - signed_so_far);
        ck_assert_int_eq(
            genesis_seal(&genesis, words.arena, &record, &ledger_id, &block, &diag),
            TALLY_E_SIGNERS);
        ck_assert_ptr_null(record.data);
        ck_assert_ptr_null(block.data);
        ck_assert_int_eq(
            genesis_sign(&genesis, &words.roots[WORDS_STRANGER], words.arena, &unused, NULL),
            TALLY_E_SIGNERS);
        file = words_signed_by(file, signed_so_far);

        const struct genesis again = words_decoded(file);

        ck_assert_int_eq(
            genesis_sign(&again, &words.roots[signed_so_far], words.arena, &unused, NULL),
            TALLY_E_CONFLICT);
        ck_assert_ptr_null(unused.data);
    }
}
END_TEST

/* The record, the ledger id and block 1 of a complete file. */
START_TEST(sealed)
{
    const struct genesis genesis = words_decoded(words_complete());
    struct bytes bytes, block;
    struct tally_hash ledger_id, leaf, event_hash_again;
    uint8_t message[BATCH_MESSAGE_BYTES];
    const struct tally_hash no_ledger = {{0}};
    char origin[GENESIS_ORIGIN_SIZE], hex[65];
    struct block_header header;
    struct record record;

    ck_assert_int_eq(genesis_seal(&genesis, words.arena, &bytes, &ledger_id, &block, NULL),
                     TALLY_OK);
    hash_leaf(bytes.data, bytes.size, &leaf);
    ck_assert(hash_equal(&leaf, &ledger_id));
    ck_assert_int_eq(record_decode(bytes, words.arena, &record, NULL), TALLY_OK);
    ck_assert_int_eq(record.kind, RECORD_EVENT);
    ck_assert_uint_eq(record.index, 0);
    ck_assert_uint_eq(record.time_ms, words.spec.time_ms);
    ck_assert(record.event.decision.allowed);
    ck_assert_uint_eq(record.event.signers_count, WORDS_ROOTS);
    ck_assert(bytes_equal(record.event.event, genesis.event_bytes));
    event_hash(record.event.event, &event_hash_again);
    batch_message(&no_ledger, MEANING_AUTHOR, 1, &event_hash_again, message);
    for (uint32_t i = 0; i < WORDS_ROOTS; i++) {
        const struct record_signer *signer = &record.event.signers[i];

        ck_assert_uint_eq(signer->batch_size, 1);
        ck_assert_uint_eq(signer->batch_index, 0);
        ck_assert(hash_equal(&signer->key_id, &genesis.event.signers[i].key_id));
        ck_assert_int_eq(sign_verify(genesis.signers[i].public_key, message, sizeof message,
                                     signer->signature, SIGN_SIGNATURE_BYTES),
                         TALLY_OK);
    }
    ck_assert_int_eq(block_header_decode(block, &header, NULL), TALLY_OK);
    ck_assert_int_eq(header.kind, BLOCK_GENESIS);
    ck_assert_uint_eq(header.index, 1);
    ck_assert_uint_eq(header.term, 0);
    ck_assert_uint_eq(header.leader, 0);
    ck_assert_uint_eq(header.time_ms, words.spec.time_ms);
    ck_assert(bytes_equal(block_body(block), bytes));
    genesis_origin("paper", &ledger_id, origin);
    bytes_hex(ledger_id.bytes, 32, hex);
    ck_assert_uint_eq(strlen(origin), 6 + 32);
    ck_assert_mem_eq(origin, "paper/", 6);
    ck_assert_mem_eq(origin + 6, hex, 32);
    /* Computed apart, from the words, by another program (protobuf, SHA-256, Ed25519). */
    ck_assert_str_eq(hex, "3661fd261085a8f99295afea5651eff1b5be19219cb6bed0c4945529e834fd4a");
}
END_TEST

/* One bit of each byte of a complete file changed: refused, always. */
START_TEST(every_byte_counts)
{
    const struct bytes file = words_complete();
    uint8_t *copy = arena_alloc(words.arena, file.size);
    struct genesis genesis;

    for (size_t at = 0; at < file.size; at++) {
        memcpy(copy, file.data, file.size);
        copy[at] ^= (uint8_t)(1 << at % 8);
        ck_assert_msg(genesis_decode(bytes_of(copy, file.size), words.arena, &genesis, NULL) !=
                          TALLY_OK,
                      "byte %zu", at);
    }
}
END_TEST

START_TEST(too_large)
{
    static const uint8_t zeros[LIMIT_GENESIS_SIZE + 1];
    struct genesis genesis;

    ck_assert_int_eq(genesis_decode(bytes_of(zeros, sizeof zeros), words.arena, &genesis, NULL),
                     TALLY_E_TOO_LARGE);
    ck_assert_int_eq(genesis_decode(bytes_of(NULL, 0), words.arena, &genesis, NULL),
                     TALLY_E_MALFORMED);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("genesis");
    TCase *cases = tcase_create("genesis");

    tcase_add_checked_fixture(cases, words_open, words_close);
    tcase_add_test(cases, order_means_nothing);
    tcase_add_test(cases, signatures_are_counted);
    tcase_add_test(cases, sealed);
    tcase_add_test(cases, every_byte_counts);
    tcase_add_test(cases, too_large);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
