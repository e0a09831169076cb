/* What committed bytes leave in the tree: Void records for what fails verification, cut leaves
 * for large denials, StateRoots at boundaries, time that never goes back. */
#include <check.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/genesis.h"
#include "event/record.h"
#include "event/rules.h"
#include "ledger/ledger.h"
#include "store/store_mem.h"
#include "support/check_main.h"
#include "support/ledger_run.h"

static struct ledger_run run;

static void setup(void)
{
    ledger_run_open(&run);
}

static void teardown(void)
{
    ledger_run_close(&run);
}

/* The record at this index, as of a flush done here. */
static struct record record_at(uint64_t index)
{
    struct ledger_leaf leaf;
    struct record record;
    struct tally_diag diag;

    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    ck_assert_int_eq(ledger_read_leaf(run.store, index, run.fixture.arena, &leaf, &diag),
                     TALLY_OK);
    ck_assert_int_eq(record_decode(leaf.record, run.fixture.arena, &record, &diag), TALLY_OK);
    ck_assert_uint_eq(record.index, index);
    return record;
}

static void expect_void(uint64_t index, uint8_t reason)
{
    const struct record record = record_at(index);

    ck_assert_int_eq(record.kind, RECORD_VOID);
    ck_assert_uint_eq(record.void_.reason, reason);
    ck_assert(hash_equal(&record.void_.block_hash, &run.chain.hash));
    ck_assert_uint_eq(record.void_.leader, 1);
}

static struct bytes annotation(uint64_t id)
{
    const struct fixture_spec spec = {
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .id = id};

    return fixture_event(&run.fixture, &spec);
}

static struct bytes signed_one(struct bytes event)
{
    return fixture_batch(&run.fixture, FIXTURE_AUTHOR, &event, 1);
}

/* A batch that fails verification: the reason, and that nothing else happened. */
static void expect_void_batch(struct bytes batch, uint32_t events, uint8_t reason)
{
    const uint64_t size = ledger_size(run.ledger);

    ledger_run_batches(&run, &batch, 1, false);
    ck_assert_uint_eq(run.result.events_count, events);
    ck_assert_uint_eq(run.result.voids_count, events);
    ck_assert_uint_eq(ledger_size(run.ledger), size + events);
    for (uint32_t i = 0; i < events; i++) {
        ck_assert_int_eq(run.result.events[i].outcome, LEDGER_VOID);
        ck_assert_uint_eq(run.result.events[i].index, size + i);
        ck_assert(!run.result.events[i].allowed);
    }
    for (uint32_t i = 0; i < events; i++) expect_void(size + i, reason);
}

START_TEST(unauthentic_events_are_void)
{
    const struct tally_hash other_ledger = fixture_hash(60);
    struct event_signer review;
    struct fixture_spec spec = {.type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_STRANGER};
    struct bytes event = fixture_event(&run.fixture, &spec), batch;
    const struct bytes good = annotation(1);
    struct bytes two[2] = {good, bytes_of("\x08\x02", 2)};
    const uint8_t author = MEANING_AUTHOR, meaning = MEANING_REVIEW;
    const enum fixture_who who = FIXTURE_AUTHOR;

    expect_void_batch(fixture_batch(&run.fixture, FIXTURE_STRANGER, &event, 1), 1, 5);
    batch = arena_copy(run.fixture.arena, signed_one(good));
    ((uint8_t *)batch.data)[batch.size - 1] ^= 1; /* the last byte of the signature */
    expect_void_batch(batch, 1, 4);
    expect_void_batch(fixture_batch_of(&run.fixture, &who, &author, 1, two, 2), 2, 2);
    spec = (struct fixture_spec){
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .ledger_id = &other_ledger};
    expect_void_batch(signed_one(fixture_event(&run.fixture, &spec)), 1, 6);
    expect_void_batch(fixture_batch(&run.fixture, FIXTURE_EVALUATOR, &good, 1), 1, 3);
    spec = (struct fixture_spec){
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .actor = "principal/admin"};
    expect_void_batch(signed_one(fixture_event(&run.fixture, &spec)), 1, 3);
    fixture_key_id(&run.fixture, FIXTURE_AUTHOR, &review.key_id);
    review.meaning = MEANING_REVIEW;
    spec = (struct fixture_spec){.type = EVENT_ANNOTATION_ADDED,
                                 .who = FIXTURE_AUTHOR,
                                 .signers = &review,
                                 .signers_count = 1};
    event = fixture_event(&run.fixture, &spec);
    expect_void_batch(fixture_batch_of(&run.fixture, &who, &meaning, 1, &event, 1), 1, 3);
    ledger_run_batches(&run, (const struct bytes[]){signed_one(good)}, 1, false);
    ck_assert_int_eq(run.result.events[0].outcome, LEDGER_RECORDED); /* its id was not used */
    ck_assert(run.result.events[0].allowed);
}
END_TEST

START_TEST(on_behalf_of_signs_too)
{
    const enum fixture_who who[2] = {FIXTURE_AUTHOR, FIXTURE_NOBODY};
    const uint8_t meanings[2] = {MEANING_AUTHOR, MEANING_RESPONSIBILITY};
    struct event_signer signers[2];
    struct fixture_spec spec = {.type = EVENT_ANNOTATION_ADDED,
                                .who = FIXTURE_AUTHOR,
                                .on_behalf_of = "principal/nobody"};
    struct bytes event = fixture_event(&run.fixture, &spec), batch;

    expect_void_batch(signed_one(event), 1, 3);
    for (int i = 0; i < 2; i++) {
        fixture_key_id(&run.fixture, who[i], &signers[i].key_id);
        signers[i].meaning = meanings[i];
    }
    spec.signers = signers;
    spec.signers_count = 2;
    event = fixture_event(&run.fixture, &spec);
    batch = fixture_batch_of(&run.fixture, who, meanings, 2, &event, 1);
    ledger_run_batches(&run, &batch, 1, false);
    ck_assert(run.result.events[0].allowed);
    ck_assert_uint_eq(record_at(run.result.size - 1).event.signers_count, 2);
}
END_TEST

/* Goal: a block that does not decode becomes one Void record, whatever its kind; what is
 * good in it does not count. */
START_TEST(malformed_blocks_are_void)
{
    const struct bytes good = signed_one(annotation(1));
    struct bytes many[3];
    uint8_t *body = arena_zalloc(run.fixture.arena, 1, 200000);
    struct bytes *events = arena_zalloc(run.fixture.arena, 4096, sizeof *events);
    const struct {
        enum block_kind kind;
        struct bytes body;
    } cases[] = {
        {BLOCK_EVENTS, bytes_of("nonsense", 8)},
        {BLOCK_EVENTS, bytes_of("\x0a\x02\x0a\x00", 4)}, /* a batch without signers */
        {BLOCK_EVENTS, bytes_of("\x0a\x00", 2)},         /* an empty batch */
        {BLOCK_TERM_START, bytes_of("x", 1)},
        {BLOCK_TICK, bytes_of("x", 1)},
        {BLOCK_CONFIG, bytes_of("", 0)},
        {BLOCK_GENESIS, block_body(run.fixture.genesis_block)},
        {BLOCK_EVENTS, bytes_of(body, 200000)},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint64_t size = ledger_size(run.ledger);

        ledger_run_block(
            &run, fixture_block(&run.fixture, &run.chain, cases[i].kind, false, cases[i].body));
        ck_assert_uint_eq(run.result.events_count, 0);
        ck_assert_uint_eq(run.result.voids_count, 1);
        ck_assert_uint_eq(ledger_size(run.ledger), size + 1);
        expect_void(size, 1);
        ck_assert_uint_eq(record_at(size).void_.head.size,
                          cases[i].body.size < 64 ? cases[i].body.size : 64);
    }
    /* 1 + 4096 events: one too many for a block, though each batch is fine. */
    for (uint32_t i = 0; i < 4096; i++) events[i] = bytes_of("\x08\x01", 2);
    many[0] = good;
    many[1] = fixture_batch_of(&run.fixture, (const enum fixture_who[]){FIXTURE_AUTHOR},
                               (const uint8_t[]){MEANING_AUTHOR}, 1, events, 4096);
    ledger_run_batches(&run, many, 2, false);
    ck_assert_uint_eq(run.result.voids_count, 1);
    ck_assert_uint_eq(run.result.events_count, 0);
    ledger_run_batches(&run, &good, 1, false);
    ck_assert_int_eq(run.result.events[0].outcome, LEDGER_RECORDED);
}
END_TEST

/* ---- records ---- */

START_TEST(denied_leaf_is_cut)
{
    struct fixture_spec spec = {
        .type = EVENT_DATASET_REGISTERED, .who = FIXTURE_NOBODY, .padding = 9000};
    struct tally_hash hash;
    struct record record;
    struct event event;
    struct ledger_leaf leaf;
    struct tally_diag diag;

    ck_assert(!ledger_run_event(&run, &spec, &hash)->allowed);
    record = record_at(1);
    ck_assert(record.event.cut);
    ck_assert(hash_equal(&record.event.event_hash, &hash));
    ck_assert_int_eq(record_event(&record, run.fixture.arena, &event, &diag), TALLY_OK);
    ck_assert_str_eq(event.actor, "principal/nobody");
    ck_assert(hash_equal(&event.hash, &hash));
    ck_assert_int_eq(ledger_read_leaf(run.store, 1, run.fixture.arena, &leaf, &diag), TALLY_OK);
    ck_assert_uint_le(leaf.record.size, LIMIT_DENIED_LEAF_SIZE);
    spec.who = FIXTURE_AUTHOR;
    ck_assert(ledger_run_event(&run, &spec, NULL)->allowed);
    ck_assert(!record_at(2).event.cut);
    ck_assert_int_eq(ledger_read_leaf(run.store, 2, run.fixture.arena, &leaf, &diag), TALLY_OK);
    ck_assert_uint_gt(leaf.record.size, 9000);
}
END_TEST

START_TEST(boundaries_and_time)
{
    const struct tally_hash zeros = {{0}};
    struct ledger_boundary boundary;
    struct tally_hash root;
    struct record record;
    struct tally_diag diag;

    run.chain.time_ms = FIXTURE_TIME_MS + 100;
    ledger_run_block(&run, fixture_block(&run.fixture, &run.chain, BLOCK_TERM_START, true,
                                         (struct bytes){0}));
    ck_assert(run.result.boundary);
    ck_assert_uint_eq(run.result.size, 3);
    ck_assert_int_eq(record_at(1).kind, RECORD_TERM);
    ck_assert_uint_eq(record_at(1).term.term, 1);
    ck_assert_uint_eq(record_at(1).term.leader, 1);
    record = record_at(2);
    ck_assert_int_eq(record.kind, RECORD_STATE);
    ck_assert_uint_eq(record.state.covers, 2);
    ck_assert(hash_equal(&record.state.map_root, &zeros));
    ck_assert_uint_eq(record.state.subjects, 0);
    ck_assert_uint_eq(record.state.taint_pending, 0);
    ck_assert_uint_eq(record.time_ms, FIXTURE_TIME_MS + 100);
    boundary = ledger_boundary(run.ledger);
    ck_assert_uint_eq(boundary.size, 3);
    ck_assert_uint_eq(boundary.block, 2);
    ck_assert_uint_eq(boundary.time_ms, FIXTURE_TIME_MS + 100);
    ck_assert_int_eq(ledger_read_root(run.store, 3, &root, &diag), TALLY_OK);
    ck_assert(hash_equal(&root, &boundary.root));
    ck_assert(hash_equal(&root, &run.result.root));

    run.chain.time_ms = FIXTURE_TIME_MS + 50; /* a leader whose clock is behind */
    ledger_run_block(
        &run, fixture_block(&run.fixture, &run.chain, BLOCK_TICK, false, (struct bytes){0}));
    ck_assert(!run.result.boundary);
    record = record_at(3);
    ck_assert_int_eq(record.kind, RECORD_TICK);
    ck_assert_uint_eq(record.time_ms, FIXTURE_TIME_MS + 100);
    ck_assert_uint_eq(ledger_boundary(run.ledger).size, 3);

    ledger_run_batches(&run, NULL, 0, true); /* an empty boundary block */
    ck_assert_uint_eq(run.result.size, 5);
    ck_assert_uint_eq(run.result.first_record, 4);
    ck_assert_int_eq(record_at(4).kind, RECORD_STATE);
    ledger_run_block(&run, fixture_block(&run.fixture, &run.chain, BLOCK_EVENTS, true,
                                         bytes_of("nonsense", 8)));
    ck_assert_int_eq(record_at(5).kind, RECORD_VOID); /* and is a boundary all the same */
    ck_assert_int_eq(record_at(6).kind, RECORD_STATE);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_void");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, unauthentic_events_are_void);
    tcase_add_test(tc, on_behalf_of_signs_too);
    tcase_add_test(tc, malformed_blocks_are_void);
    tcase_add_test(tc, denied_leaf_is_cut);
    tcase_add_test(tc, boundaries_and_time);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
