/* What readers rebuild from the store is what was hashed, proven, and listed completely. */
#include <check.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/record.h"
#include "ledger/ledger.h"
#include "merkle/merkle.h"
#include "store/store_mem.h"
#include "support/check_main.h"
#include "support/ledger_history.h"

static struct history history;

static void setup(void)
{
    history_open(&history);
}

static void teardown(void)
{
    history_close(&history);
}

/* Goal: every record can be rebuilt, is proven under every later size, and its time never goes
 * back. */
START_TEST(leaves_and_proofs)
{
    struct store *store = history_reference(&history);
    struct merkle_frontier tree = {0};
    struct tally_hash hashes[HISTORY_RECORDS_MAX], root, proof[LIMIT_PROOF_HASHES];
    struct tally_diag diag = {{0}};
    struct arena *arena = NULL;
    uint64_t size = 0, time_ms = 0;
    struct ledger_leaf leaf;
    struct record record;
    uint32_t count = 0;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    ck_assert_int_eq(ledger_read_size(store, &size, &diag), TALLY_OK);
    ck_assert_uint_gt(size, 100);
    ck_assert_uint_lt(size, HISTORY_RECORDS_MAX);
    for (uint64_t i = 0; i < size; i++) {
        const enum tally_err err = ledger_read_leaf(store, i, arena, &leaf, &diag);

        ck_assert_msg(err == TALLY_OK, "record %u: %s", (unsigned)i, diag.text);
        hash_leaf(leaf.record.data, leaf.record.size, &hashes[i]);
        ck_assert(hash_equal(&hashes[i], &leaf.hash));
        ck_assert_int_eq(record_decode(leaf.record, arena, &record, &diag), TALLY_OK);
        ck_assert_uint_eq(record.index, i);
        ck_assert_uint_ge(record.time_ms, time_ms);
        time_ms = record.time_ms;
        merkle_append(&tree, &hashes[i], NULL);
        merkle_frontier_root(&tree, &root);
        ck_assert_int_eq(ledger_read_root(store, i + 1, &proof[0], &diag), TALLY_OK);
        ck_assert(hash_equal(&proof[0], &root));
        for (uint64_t k = 0; k <= i; k += i % 7 == 0 ? 1 : 5) {
            ck_assert_int_eq(ledger_read_inclusion(store, k, i + 1, proof, &count, &diag),
                             TALLY_OK);
            ck_assert_int_eq(tally_verify_inclusion(&hashes[k], k, i + 1, proof, count, &root),
                             TALLY_OK);
        }
    }
    ck_assert_int_eq(ledger_read_leaf(store, size, arena, &leaf, &diag), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(ledger_read_root(store, size + 1, &root, &diag), TALLY_E_INVALID);
    ck_assert_int_eq(ledger_read_root(store, 0, &root, &diag), TALLY_E_INVALID);
    ck_assert_int_eq(ledger_read_inclusion(store, size, size, proof, &count, &diag),
                     TALLY_E_INVALID);
    arena_close(arena);
    store_close(store);
}
END_TEST

/* Goal: what a receipt needs is enough to check the signatures of an event without the ledger:
 * path from the event to the signed batch, keys that hash to the signers' key ids. */
START_TEST(leaf_carries_its_signatures)
{
    struct store *store = history_reference(&history);
    const struct tally_hash zeros = {{0}};
    struct tally_diag diag = {{0}};
    struct arena *arena = NULL;
    struct ledger_leaf leaf;
    struct record record;
    struct event event;
    uint64_t size = 0;
    uint32_t events = 0;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    ck_assert_int_eq(ledger_read_size(store, &size, &diag), TALLY_OK);
    for (uint64_t i = 0; i < size; i++) {
        ck_assert_int_eq(ledger_read_leaf(store, i, arena, &leaf, &diag), TALLY_OK);
        ck_assert_int_eq(record_decode(leaf.record, arena, &record, &diag), TALLY_OK);
        if (record.kind != RECORD_EVENT) {
            ck_assert_uint_eq(leaf.public_keys_count, 0);
            continue;
        }
        events++;
        ck_assert_int_eq(record_event(&record, arena, &event, &diag), TALLY_OK);
        ck_assert_uint_eq(leaf.public_keys_count, record.event.signers_count);
        for (uint32_t k = 0; k < record.event.signers_count; k++) {
            const struct record_signer *signer = &record.event.signers[k];
            uint8_t message[BATCH_MESSAGE_BYTES];
            struct tally_hash key_id, root = event.hash;

            sign_key_id(leaf.public_keys[k], &key_id);
            ck_assert(hash_equal(&key_id, &signer->key_id));
            for (uint64_t p = 0, at = signer->batch_index, last = signer->batch_size - 1;
                 p < leaf.batch_path_count; p++, at /= 2, last /= 2) {
                while (at % 2 == 0 && at == last) {
                    at /= 2;
                    last /= 2;
                }
                if (at % 2 == 1) {
                    hash_node(&leaf.batch_path[p], &root, &root);
                } else {
                    hash_node(&root, &leaf.batch_path[p], &root);
                }
            }
            batch_message(i == 0 ? &zeros : &history.fixture.ledger_id, signer->meaning,
                          signer->batch_size, &root, message);
            ck_assert_int_eq(sign_verify(leaf.public_keys[k], message, sizeof message,
                                         signer->signature, SIGN_SIGNATURE_BYTES),
                             TALLY_OK);
        }
    }
    ck_assert_uint_gt(events, 60);
    arena_close(arena);
    store_close(store);
}
END_TEST

/* Goal: a damaged block is noticed when a leaf is rebuilt from it, never returned. */
START_TEST(damage_is_noticed)
{
    struct store *store = history_reference(&history);
    struct tally_diag diag;
    struct arena *arena = NULL;
    struct ledger_leaf leaf;
    const size_t bits = history.blocks[0].size * 8;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    ck_assert_int_eq(ledger_read_leaf(store, 1, arena, &leaf, &diag), TALLY_OK);
    for (size_t bit = BLOCK_HEADER_SIZE * 8; bit < bits; bit += 41) {
        enum tally_err err;

        ck_assert(store_mem_flip(store, 2, bit));
        err = ledger_read_leaf(store, 1, arena, &leaf, &diag);
        /* The signer's public key is beside the leaf, not in it. */
        if (err != TALLY_E_CORRUPT) ck_assert_int_eq(err, TALLY_OK);
        if (err == TALLY_OK) ck_assert_uint_eq(leaf.index, 1);
        ck_assert(store_mem_flip(store, 2, bit));
    }
    ck_assert(store_mem_lose(store, 2));
    ck_assert_int_eq(ledger_read_leaf(store, 1, arena, &leaf, &diag), TALLY_E_CORRUPT);
    arena_close(arena);
    store_close(store);
}
END_TEST

/* Is the event of this record about `subject` or below it, and of the type? */
static bool matches(struct store *store, uint64_t index, const char *subject, uint32_t type,
                    struct arena *arena)
{
    const size_t size = strlen(subject);
    struct ledger_leaf leaf;
    struct record record;
    struct event event;
    struct tally_diag diag;

    ck_assert_int_eq(ledger_read_leaf(store, index, arena, &leaf, &diag), TALLY_OK);
    ck_assert_int_eq(record_decode(leaf.record, arena, &record, &diag), TALLY_OK);
    if (size == 0 && type == 0) return true;
    if (record.kind != RECORD_EVENT) return false;
    ck_assert_int_eq(record_event(&record, arena, &event, &diag), TALLY_OK);
    if (index == 0 && strncmp(subject, "principal", 9) == 0) {
        return (type == 0 || type == EVENT_LEDGER_GENESIS) &&
               strcmp(subject, "principal/stranger") != 0; /* genesis registers the others */
    }
    if (strncmp(event.subject, subject, size) != 0) return false;
    if (size > 0 && event.subject[size] != '\0' && event.subject[size] != '/') return false;
    return type == 0 || event.type == type;
}

/* Goal: lists are complete, ascending, and can be asked for in pieces. Method: against a plain
 * walk over all records. (Cut events have lost their type; no case here selects those.) */
START_TEST(lists)
{
    static const struct {
        const char *subject;
        uint32_t type;
    } cases[] = {
        {"", 0},
        {"model", 0},
        {"model/m1", 0},
        {"model/m", 0},
        {"model/m2/version", 0},
        {"model/m2/version/7", EVENT_ANNOTATION_ADDED},
        {"", EVENT_VERSION_REGISTERED},
        {"model/m1", EVENT_VERSION_REGISTERED},
        {"principal/stranger", 0},
        {"principal", 0},
        {"dataset", 0},
        {"no-such", 0},
        {"", 999},
    };
    struct store *store = history_reference(&history);
    struct arena *arena = NULL;
    struct tally_diag diag;
    uint64_t size = 0;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    ck_assert_int_eq(ledger_read_size(store, &size, &diag), TALLY_OK);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        uint64_t want[HISTORY_RECORDS_MAX], got[HISTORY_RECORDS_MAX], next = 0;
        uint32_t want_count = 0, got_count = 0, part;

        for (uint64_t i = 0; i < size; i++) {
            if (matches(store, i, cases[c].subject, cases[c].type, arena)) {
                want[want_count++] = i;
            }
        }
        for (uint32_t limit = 1; limit < 12; limit += 5) {
            for (got_count = 0, next = 0; next < size; got_count += part) {
                const uint64_t from = next;

                ck_assert_int_eq(ledger_read_list(store, cases[c].subject, cases[c].type, from,
                                                  UINT64_MAX, limit, &got[got_count], &part,
                                                  &next, &diag),
                                 TALLY_OK);
                ck_assert_uint_le(part, limit);
                ck_assert_uint_gt(next, from);
            }
            ck_assert_msg(got_count == want_count, "case %u: %u, not %u", (unsigned)c,
                          got_count, want_count);
            ck_assert_mem_eq(got, want, want_count * sizeof want[0]);
        }
        ck_assert_int_eq(ledger_read_list(store, cases[c].subject, cases[c].type, 10, 60,
                                          HISTORY_RECORDS_MAX, got, &part, &next, &diag),
                         TALLY_OK);
        ck_assert_uint_eq(next, 60);
        for (uint32_t i = 0; i < part; i++) ck_assert(got[i] >= 10 && got[i] < 60);
    }
    arena_close(arena);
    store_close(store);
}
END_TEST

/* Goal: ingress and apply agree about what apply would refuse. */
START_TEST(ingress)
{
    struct store *store = history_reference(&history);
    struct fixture *fixture = &history.fixture;
    struct ledger_event_result results[8];
    struct fixture_spec spec = {
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .id = 77};
    struct bytes event = fixture_event(fixture, &spec);
    struct tally_diag diag;
    struct batch batch;
    bool known = true;

    ck_assert_int_eq(batch_check(fixture_batch(fixture, FIXTURE_AUTHOR, &event, 1),
                                 &fixture->ledger_id, fixture->arena, &batch, &diag),
                     TALLY_OK);
    ck_assert_int_eq(ledger_ingress(store, &batch, fixture->arena, &known, results, &diag),
                     TALLY_OK);
    ck_assert(!known);
    ck_assert_int_eq(batch_check(fixture_batch(fixture, FIXTURE_SECOND, &event, 1),
                                 &fixture->ledger_id, fixture->arena, &batch, &diag),
                     TALLY_E_SIGNERS);
    spec.who = FIXTURE_SECOND;
    event = fixture_event(fixture, &spec);
    ck_assert_int_eq(batch_check(fixture_batch(fixture, FIXTURE_SECOND, &event, 1),
                                 &fixture->ledger_id, fixture->arena, &batch, &diag),
                     TALLY_OK);
    ck_assert_int_eq(ledger_ingress(store, &batch, fixture->arena, &known, results, &diag),
                     TALLY_E_UNKNOWN_KEY);
    spec.who = FIXTURE_AUTHOR;
    spec.actor = "principal/admin";
    event = fixture_event(fixture, &spec);
    ck_assert_int_eq(batch_check(fixture_batch(fixture, FIXTURE_AUTHOR, &event, 1),
                                 &fixture->ledger_id, fixture->arena, &batch, &diag),
                     TALLY_OK);
    ck_assert_int_eq(ledger_ingress(store, &batch, fixture->arena, &known, results, &diag),
                     TALLY_E_SIGNERS);
    ck_assert_int_eq(
        batch_check(history.first, &fixture->ledger_id, fixture->arena, &batch, &diag),
        TALLY_OK);
    ck_assert_int_eq(ledger_ingress(store, &batch, fixture->arena, &known, results, &diag),
                     TALLY_OK);
    ck_assert(known);
    ck_assert_int_eq(results[0].outcome, LEDGER_REPEATED);
    ck_assert_uint_eq(results[0].index, 1);
    ck_assert(results[0].allowed);
    spec = (struct fixture_spec){.type = EVENT_DATASET_REGISTERED,
                                 .who = FIXTURE_AUTHOR,
                                 .id = UINT64_C(1) << 32 | 1}; /* its event id */
    event = fixture_event(fixture, &spec);
    ck_assert_int_eq(batch_check(fixture_batch(fixture, FIXTURE_AUTHOR, &event, 1),
                                 &fixture->ledger_id, fixture->arena, &batch, &diag),
                     TALLY_OK);
    ck_assert_int_eq(ledger_ingress(store, &batch, fixture->arena, &known, results, &diag),
                     TALLY_E_CONFLICT);
    store_close(store);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_read");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, leaves_and_proofs);
    tcase_add_test(tc, leaf_carries_its_signatures);
    tcase_add_test(tc, damage_is_noticed);
    tcase_add_test(tc, lists);
    tcase_add_test(tc, ingress);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
