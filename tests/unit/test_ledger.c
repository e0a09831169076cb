/* What becomes of committed bytes: one outcome each. The rules themselves are in
 * test_decide.c; here they are met through real events, blocks and state. */
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

/* ---- genesis ---- */

START_TEST(genesis_is_record_zero)
{
    struct ledger_identity identity;
    struct ledger_key key;
    struct ledger_subject subject;
    struct tally_hash key_id;
    struct tally_diag diag;

    ck_assert_uint_eq(ledger_size(run.ledger), 1);
    ck_assert_uint_eq(ledger_applied(run.ledger), 1);
    ck_assert_uint_eq(ledger_time_ms(run.ledger), FIXTURE_TIME_MS);
    ck_assert_uint_eq(ledger_boundary(run.ledger).size, 0);
    ck_assert_int_eq(ledger_read_identity(run.store, run.fixture.arena, &identity, &diag),
                     TALLY_OK);
    ck_assert(hash_equal(&identity.ledger_id, &run.fixture.ledger_id));
    ck_assert_str_eq(identity.name, FIXTURE_LEDGER_NAME);
    ck_assert_int_eq(strncmp(identity.origin, FIXTURE_LEDGER_NAME "/", 12), 0);
    ck_assert_uint_eq(strlen(identity.origin), 12 + 32);
    ck_assert_uint_gt(identity.config.size, 0);
    ck_assert_int_eq(record_at(0).kind, RECORD_EVENT);
    fixture_key_id(&run.fixture, FIXTURE_AUTHOR, &key_id);
    ck_assert_int_eq(ledger_read_key(run.store, key_id.bytes, &key, &diag), TALLY_OK);
    ck_assert_str_eq(key.principal, "principal/author");
    ck_assert(!key.revoked);
    fixture_key_id(&run.fixture, FIXTURE_STRANGER, &key_id);
    ck_assert_int_eq(ledger_read_key(run.store, key_id.bytes, &key, &diag), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(ledger_read_subject(run.store, "principal/nobody", &subject, &diag),
                     TALLY_OK);
    ck_assert_int_eq(ledger_read_subject(run.store, "principal/stranger", &subject, &diag),
                     TALLY_E_NOT_FOUND);
}
END_TEST

START_TEST(create_and_open_refuse)
{
    struct ledger *ledger = NULL;
    struct store *store = NULL;
    struct tally_diag diag;
    struct bytes bad = arena_copy(run.fixture.arena, run.fixture.genesis_file);

    ck_assert_int_eq(ledger_create(run.store, run.fixture.genesis_file, &diag),
                     TALLY_E_CONFLICT);
    ck_assert_int_eq(store_mem_open(&store), TALLY_OK);
    ck_assert_int_eq(ledger_open(store, &ledger, &diag), TALLY_E_NOT_FOUND);
    ((uint8_t *)bad.data)[bad.size - 1] ^= 1; /* inside the root's signature */
    ck_assert_int_eq(ledger_create(store, bad, &diag), TALLY_E_SIGNATURE);
    ck_assert_uint_eq(store_last(store), 0);
    ck_assert_int_eq(ledger_create(store, bytes_of("x", 1), &diag), TALLY_E_MALFORMED);
    store_close(store);
}
END_TEST

/* A machine loses power right after `tallyd init`: the ledger is there. */
START_TEST(created_is_durable)
{
    struct ledger_identity identity;
    struct store *store = NULL;
    struct tally_diag diag = {{0}};

    ck_assert_int_eq(store_mem_open(&store), TALLY_OK);
    ck_assert_int_eq(ledger_create(store, run.fixture.genesis_file, &diag), TALLY_OK);
    store_mem_crash(store, 0);
    ck_assert_int_eq(ledger_read_identity(store, run.fixture.arena, &identity, &diag),
                     TALLY_OK);
    store_close(store);
}
END_TEST

START_TEST(only_the_next_block)
{
    struct ledger_block_result result;
    struct tally_diag diag;
    struct bytes block;

    ck_assert_int_eq(ledger_apply(run.ledger, run.fixture.genesis_block, true, &result, &diag),
                     TALLY_E_INVALID);
    fixture_block(&run.fixture, &run.chain, BLOCK_TICK, false, (struct bytes){0});
    block = fixture_block(&run.fixture, &run.chain, BLOCK_TICK, false, (struct bytes){0});
    ck_assert_int_eq(ledger_apply(run.ledger, block, true, &result, &diag), TALLY_E_INVALID);
    ck_assert_int_eq(ledger_apply(run.ledger, bytes_of("short", 5), true, &result, &diag),
                     TALLY_E_INVALID);
}
END_TEST

/* ---- a story: sequences of events, each with its outcome ---- */

/* One step; `rule` 0: allowed, else the one rule that fails. */
static void step(const char *name, struct fixture_spec spec, uint16_t rule,
                 struct tally_hash *ret_hash)
{
    const uint64_t size = ledger_size(run.ledger);
    const struct ledger_event_result *result = ledger_run_event(&run, &spec, ret_hash);

    ck_assert_msg(result->outcome == LEDGER_RECORDED, "%s: outcome %d", name,
                  (int)result->outcome);
    ck_assert_uint_eq(result->index, size);
    ck_assert_uint_eq(ledger_size(run.ledger), size + 1);
    if (rule == 0) {
        ck_assert_msg(result->allowed, "%s: denied by %s", name,
                      decide_rule_name(result->failed_rules[0]));
        ck_assert_uint_eq(result->failed_rules_count, 0);
        return;
    }
    ck_assert_msg(!result->allowed, "%s: allowed", name);
    ck_assert_msg(result->failed_rules_count == 1 && result->failed_rules[0] == rule, "%s: %s",
                  name, decide_rule_name(result->failed_rules[0]));
}

START_TEST(versions)
{
    const struct tally_hash other = fixture_hash(50);
    struct tally_hash base, version, denied, head;
    struct fixture_spec spec = {.type = EVENT_VERSION_REGISTERED, .who = FIXTURE_AUTHOR};
    struct ledger_subject subject;
    struct tally_diag diag;

    ledger_run_version(&run, &base, &version);
    spec.base = &base;
    step("same version", spec, RULE_SUBJECT_EXISTS, &denied);
    spec.subject = "model/m/version/2";
    step("next version", spec, 0, NULL);
    spec.subject = "model/n/version/1";
    step("of no model", spec, RULE_MODEL_ABSENT, NULL);
    spec.subject = "model/m/version/3";
    spec.base = &version;
    step("a version as base", spec, RULE_BASE_REF, NULL);
    spec.base = &denied;
    spec.base_subject = "base/none";
    {
        struct fixture_spec alone = spec;
        const struct ledger_event_result *result = ledger_run_event(&run, &alone, NULL);

        ck_assert_uint_eq(result->failed_rules_count, 2);
        ck_assert_uint_eq(result->failed_rules[0], RULE_REF_DENIED);
        ck_assert_uint_eq(result->failed_rules[1], RULE_BASE_ABSENT);
    }
    spec = (struct fixture_spec){.type = EVENT_EVALUATION_RECORDED, .who = FIXTURE_EVALUATOR};
    step("evaluation", spec, 0, NULL);
    spec.manifest_root = &other;
    step("of other bytes", spec, RULE_MANIFEST_MISMATCH, NULL);
    spec = (struct fixture_spec){.type = EVENT_APPROVAL_GRANTED, .who = FIXTURE_APPROVER};
    step("approval", spec, 0, NULL);
    spec.who = FIXTURE_EVALUATOR;
    step("by an evaluator", spec, RULE_ROLE_MISSING, NULL);
    spec = (struct fixture_spec){
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .expected_head = &version};
    step("head is the registration still", spec, 0, NULL);
    spec.expected_head = &base;
    step("head is not the base", spec, RULE_HEAD_MISMATCH, NULL);
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    ck_assert_int_eq(ledger_read_subject(run.store, "model/m/version/1", &subject, &diag),
                     TALLY_OK);
    head = fixture_hash(1);
    ck_assert(hash_equal(&subject.head, &version));
    ck_assert(hash_equal(&subject.registered, &version));
    ck_assert(hash_equal(&subject.manifest_root, &head));
    ck_assert_uint_eq(subject.events, 4); /* registration, evaluation, approval, annotation */
    ck_assert_uint_eq(subject.head_index, 3);
}
END_TEST

START_TEST(trust)
{
    struct fixture_spec spec = {.type = EVENT_KEY_ENROLLED, .who = FIXTURE_ADMIN};
    const struct fixture_spec write = {.type = EVENT_MODEL_CREATED,
                                       .who = FIXTURE_STRANGER,
                                       .subject = "model/m",
                                       .owner = "principal/stranger"};
    struct ledger_key key;
    struct tally_hash key_id;
    struct tally_diag diag;

    step("key of nobody", spec, RULE_PRINCIPAL_ABSENT, NULL);
    spec.type = EVENT_PRINCIPAL_REGISTERED;
    step("principal", spec, 0, NULL);
    step("principal again", spec, RULE_SUBJECT_EXISTS, NULL);
    spec.type = EVENT_KEY_ENROLLED;
    step("key", spec, 0, NULL);
    step("key again", spec, RULE_KEY_EXISTS, NULL);
    step("no role yet", write, RULE_ROLE_MISSING, NULL);
    spec.type = EVENT_ROLE_GRANTED;
    spec.scope = "model/x";
    step("grant elsewhere", spec, 0, NULL);
    step("not there", write, RULE_ROLE_MISSING, NULL);
    spec.scope = "model";
    spec.expires_ms = FIXTURE_TIME_MS + 1000;
    step("grant until soon", spec, 0, NULL);
    run.chain.time_ms = FIXTURE_TIME_MS + 1000;
    step("too late", write, RULE_ROLE_EXPIRED, NULL);
    spec.expires_ms = FIXTURE_TIME_MS + 2000;
    step("renew", spec, 0, NULL);
    step("in time", write, 0, NULL);
    spec.type = EVENT_ROLE_REVOKED;
    step("take", spec, 0, NULL);
    step("take again", spec, RULE_ROLE_ABSENT, NULL);
    spec = (struct fixture_spec){.type = EVENT_KEY_REVOKED,
                                 .who = FIXTURE_ADMIN,
                                 .compromised = true,
                                 .compromised_since = 1};
    step("since too early", spec, RULE_SINCE_RANGE, NULL);
    spec.compromised_since = 6;
    step("revoke", spec, 0, NULL);
    step("revoke again", spec, RULE_KEY_GONE, NULL);
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    fixture_key_id(&run.fixture, FIXTURE_STRANGER, &key_id);
    ck_assert_int_eq(ledger_read_key(run.store, key_id.bytes, &key, &diag), TALLY_OK);
    ck_assert(key.revoked);
    ck_assert_uint_eq(key.revoked_index, ledger_size(run.ledger) - 2);
    ck_assert_str_eq(key.principal, "principal/stranger");
}
END_TEST

/* Goal: a revoked key is known but denied, from the event after its revocation on, even inside
 * one batch. */
START_TEST(revoked_key_is_denied)
{
    struct tally_hash key_id;
    struct fixture_spec spec = {.type = EVENT_KEY_REVOKED,
                                .who = FIXTURE_ADMIN,
                                .subject = "principal/admin",
                                .key_id = &key_id};
    struct bytes events[2], batch;

    fixture_key_id(&run.fixture, FIXTURE_ADMIN, &key_id);
    events[0] = fixture_event(&run.fixture, &spec);
    spec = (struct fixture_spec){.type = EVENT_PRINCIPAL_REGISTERED, .who = FIXTURE_ADMIN};
    events[1] = fixture_event(&run.fixture, &spec);
    batch = fixture_batch(&run.fixture, FIXTURE_ADMIN, events, 2);
    ledger_run_batches(&run, &batch, 1, false);
    ck_assert(run.result.events[0].allowed);
    ck_assert(!run.result.events[1].allowed);
    ck_assert_uint_eq(run.result.events[1].failed_rules[0], RULE_KEY_REVOKED);
    step("afterwards", spec, RULE_KEY_REVOKED, NULL);
}
END_TEST

/* ---- retries and conflicts ---- */

START_TEST(repeated_and_conflicting)
{
    const struct bytes first[2] = {annotation(1), annotation(2)};
    const struct bytes batch = fixture_batch(&run.fixture, FIXTURE_AUTHOR, first, 2);
    const struct bytes again = fixture_batch(&run.fixture, FIXTURE_AUTHOR, &first[1], 1);
    const struct fixture_spec changed = {.type = EVENT_ANNOTATION_ADDED,
                                         .who = FIXTURE_AUTHOR,
                                         .id = 2,
                                         .subject = "model/other"};
    const struct fixture_spec elsewhere = {
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_EVALUATOR, .id = 2};
    const struct bytes mixed[2] = {first[0], annotation(3)};
    const struct bytes twins[2] = {annotation(4), annotation(4)};
    const struct bytes refused[3] = {
        signed_one(fixture_event(&run.fixture, &changed)),
        fixture_batch(&run.fixture, FIXTURE_AUTHOR, mixed, 2),
        fixture_batch(&run.fixture, FIXTURE_AUTHOR, twins, 2),
    };

    ledger_run_batches(&run, &batch, 1, false);
    ck_assert_uint_eq(run.result.events[1].index, 2);
    run.chain.time_ms += 5000;
    for (int restart = 0; restart < 2; restart++) {
        ledger_run_batches(&run, &again, 1, false);
        ck_assert_uint_eq(run.result.events_count, 1);
        ck_assert_int_eq(run.result.events[0].outcome, LEDGER_REPEATED);
        ck_assert_uint_eq(run.result.events[0].index, 2);
        ck_assert_uint_eq(run.result.events[0].time_ms, FIXTURE_TIME_MS);
        ck_assert(run.result.events[0].allowed);
        ck_assert_uint_eq(ledger_size(run.ledger), 3);
    }
    ledger_run_batches(&run, refused, 3, false);
    ck_assert_uint_eq(run.result.events_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_int_eq(run.result.events[i].outcome, LEDGER_CONFLICT);
    }
    ck_assert_uint_eq(ledger_size(run.ledger), 3);
    step("another actor's same id", elsewhere, 0, NULL);
    {
        const struct bytes third = signed_one(annotation(3)); /* not used by the conflict */

        ledger_run_batches(&run, &third, 1, false);
        ck_assert_int_eq(run.result.events[0].outcome, LEDGER_RECORDED);
    }
}
END_TEST

/* Goal: a retry of a denied event gets the denial again; both in one flush and after it. */
START_TEST(repeated_denial)
{
    const struct fixture_spec spec = {
        .type = EVENT_APPROVAL_GRANTED, .who = FIXTURE_AUTHOR, .id = 9};
    const struct bytes event = fixture_event(&run.fixture, &spec);
    const struct bytes batch = fixture_batch(&run.fixture, FIXTURE_AUTHOR, &event, 1);
    const struct bytes twice[2] = {batch, batch};

    ledger_run_batches(&run, twice, 2, false);
    ck_assert_uint_eq(run.result.events_count, 2);
    ck_assert_int_eq(run.result.events[0].outcome, LEDGER_RECORDED);
    for (int i = 0; i < 2; i++) {
        const struct ledger_event_result *result = &run.result.events[i == 0 ? 1 : 0];

        ck_assert_int_eq(result->outcome, LEDGER_REPEATED);
        ck_assert_uint_eq(result->index, 1);
        ck_assert(!result->allowed);
        ck_assert_uint_eq(result->failed_rules_count, 2);
        ck_assert_uint_eq(result->failed_rules[0], RULE_ROLE_MISSING);
        ck_assert_uint_eq(result->failed_rules[1], RULE_VERSION_ABSENT);
        if (i == 0) ledger_run_batches(&run, &batch, 1, false);
    }
    ck_assert_uint_eq(ledger_size(run.ledger), 2);
}
END_TEST

/* Goal: a storage error ends apply's work and leaves what the store has: opening again goes on
 * from there, whether or not the failed put reached the disk. */
START_TEST(failed_flush)
{
    struct tally_diag diag;

    for (int persisted = 0; persisted < 2; persisted++) {
        const uint64_t before = ledger_size(run.ledger);
        const struct bytes block =
            fixture_block(&run.fixture, &run.chain, BLOCK_TICK, true, (struct bytes){0});

        ledger_run_block_keep(&run, block);
        store_mem_fail_next(run.store,
                            persisted == 1 ? STORE_MEM_FAILED_BUT_PERSISTED : STORE_MEM_FAILED);
        ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_E_IO);
        ledger_run_restart(&run);
        ck_assert_uint_eq(ledger_size(run.ledger), before + (persisted == 1 ? 2 : 0));
        if (persisted == 1) break;
        ck_assert_int_eq(ledger_apply(run.ledger, block, false, &run.result, &diag), TALLY_OK);
        ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    }
}
END_TEST

/* Goal: a block that leaves no record is applied all the same, and not once more after a
 * restart. (Found by fuzz_apply: a flush without records did not write the applied index.) */
START_TEST(block_without_records)
{
    const struct bytes batch = signed_one(annotation(1));

    ledger_run_batches(&run, &batch, 1, false);
    ledger_run_batches(&run, &batch, 1, false);
    ledger_run_batches(&run, NULL, 0, false);
    ck_assert_int_eq(ledger_flush(run.ledger, NULL), TALLY_OK);
    ledger_run_restart(&run);
    ck_assert_uint_eq(ledger_applied(run.ledger), run.chain.index);
    ck_assert_uint_eq(ledger_size(run.ledger), 2);
}
END_TEST

/* A committed block that is older than the one before it, by a leader that lies: the time of
 * the ledger stands still. Reason: rules compare times, so time must not run backwards. */
START_TEST(record_times_never_fall)
{
    const struct fixture_spec spec = {.type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR};

    run.chain.time_ms = FIXTURE_TIME_MS + 5000;
    ck_assert_uint_eq(ledger_run_event(&run, &spec, NULL)->time_ms, FIXTURE_TIME_MS + 5000);
    run.chain.time_ms = FIXTURE_TIME_MS + 1000;
    ck_assert_uint_eq(ledger_run_event(&run, &spec, NULL)->time_ms, FIXTURE_TIME_MS + 5000);
    ck_assert_uint_eq(ledger_time_ms(run.ledger), FIXTURE_TIME_MS + 5000);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, genesis_is_record_zero);
    tcase_add_test(tc, create_and_open_refuse);
    tcase_add_test(tc, created_is_durable);
    tcase_add_test(tc, only_the_next_block);
    tcase_add_test(tc, versions);
    tcase_add_test(tc, trust);
    tcase_add_test(tc, revoked_key_is_denied);
    tcase_add_test(tc, repeated_and_conflicting);
    tcase_add_test(tc, repeated_denial);
    tcase_add_test(tc, block_without_records);
    tcase_add_test(tc, failed_flush);
    tcase_add_test(tc, record_times_never_fall);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
