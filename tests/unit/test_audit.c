/* Goal: `tally audit` accepts an honest log, and names the first record of a false one and what
 * is wrong with it: bytes, order, decisions, the ledger's own records. Method: one history with
 * every kind of record; each row changes one thing and then, as a dishonest cluster could,
 * hashes and signs the whole tree anew, so that nothing but the replay can notice. Signers, cut
 * events and trust files: test_audit_signers.c. Damage of files: test_audit_files.c. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "event/rules.h"
#include "support/audit_rows.h"
#include "support/check_main.h"
#include "support/cli_run.h"

static void setup(void)
{
    audit_rows_open();
}

static void teardown(void)
{
    audit_rows_close();
}

START_TEST(honest_log)
{
    ck_assert_msg(audit_rows_audit() == 0, "%s", cli_run_err);
    ck_assert_ptr_nonnull(strstr(cli_run_out, "signed as the trust file asks for"));
    ck_assert_int_eq(cli_run("audit --from-log=log"), 0);
    ck_assert_ptr_nonnull(strstr(cli_run_out, "nobody's signatures were asked for"));
    ck_assert_int_eq(cli_run("audit --from-log=log --json"), 0);
    ck_assert_ptr_nonnull(strstr(cli_run_out, "\"ok\": true"));
    ck_assert_ptr_nonnull(strstr(cli_run_out, "\"checkpoint_checked\": false"));
}
END_TEST

/* ---- bytes and encoding ---- */

START_TEST(changed_byte)
{
    const uint64_t index = audit_rows_event(EVENT_MODEL_CREATED, true);
    struct record record = log_dir_record(&audit_rows.log, index);
    struct bytes event = arena_copy(audit_rows.log.fixture->arena, record.event.event);

    ((uint8_t *)event.data)[2 + 34 + 2 + 15] ^= 1; /* the last byte of the event id */
    record.event.event = event;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_SIGNATURE, index, "does not verify");
}
END_TEST

START_TEST(forged_signature)
{
    const uint64_t index = audit_rows_event(EVENT_BASE_MODEL_REGISTERED, true);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.event.signers[0].signature[5] ^= 1;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_SIGNATURE, index, "does not verify");
}
END_TEST

START_TEST(not_canonical)
{
    const uint64_t index = audit_rows_event(EVENT_MODEL_CREATED, true);
    const struct bytes leaf = audit_rows.log.leaves[index];
    uint8_t *longer = arena_zalloc(audit_rows.log.fixture->arena, 1, leaf.size + 2);

    memcpy(longer, leaf.data, leaf.size);
    longer[leaf.size] = 0x78; /* field 15, that no record has */
    audit_rows.log.leaves[index] = bytes_of(longer, leaf.size + 2);
    audit_rows_expect(TALLY_E_MALFORMED, index, "unknown field");
}
END_TEST

START_TEST(event_not_canonical)
{
    const uint64_t index = audit_rows_event(EVENT_MODEL_CREATED, true);
    struct record record = log_dir_record(&audit_rows.log, index);
    uint8_t *longer =
        arena_zalloc(audit_rows.log.fixture->arena, 1, record.event.event.size + 2);

    memcpy(longer, record.event.event.data, record.event.event.size);
    longer[record.event.event.size] = 0x78;
    record.event.event = bytes_of(longer, record.event.event.size + 2);
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MALFORMED, index, "canonical");
}
END_TEST

/* ---- order ---- */

START_TEST(another_number)
{
    struct record record = log_dir_record(&audit_rows.log, 3);

    record.index = 4;
    log_dir_put(&audit_rows.log, 3, &record);
    audit_rows_expect(TALLY_E_MISMATCH, 3, "number 4");
}
END_TEST

START_TEST(removed_from_a_batch)
{
    const uint64_t index = audit_rows_event(EVENT_VERSION_REGISTERED, true);

    log_dir_remove(&audit_rows.log, index);
    audit_rows_expect(TALLY_E_MISMATCH, index, "it should be event 1 of the batch of 3");
}
END_TEST

/* The base model's registration is a batch of its own: what refers to it is then denied. */
START_TEST(removed_batch)
{
    log_dir_remove(&audit_rows.log, audit_rows_event(EVENT_BASE_MODEL_REGISTERED, true));
    audit_rows_expect(TALLY_E_MISMATCH, audit_rows_event(EVENT_VERSION_REGISTERED, true),
                      "base_absent");
}
END_TEST

START_TEST(swapped_pair)
{
    const uint64_t index = audit_rows_event(EVENT_MODEL_CREATED, true);
    struct record first = log_dir_record(&audit_rows.log, index),
                  second = log_dir_record(&audit_rows.log, index + 1);

    first.index = index + 1;
    second.index = index;
    log_dir_put(&audit_rows.log, index, &second);
    log_dir_put(&audit_rows.log, index + 1, &first);
    audit_rows_expect(TALLY_E_MISMATCH, index, "the first event of its batch");
}
END_TEST

START_TEST(removed_genesis)
{
    log_dir_remove(&audit_rows.log, 0);
    audit_rows_expect(TALLY_E_MISMATCH, 0, "begins with its ledger.genesis");
}
END_TEST

START_TEST(genesis_signature)
{
    struct record record = log_dir_record(&audit_rows.log, 0);

    record.event.signers[0].signature[0] ^= 1;
    log_dir_put(&audit_rows.log, 0, &record);
    audit_rows_expect(TALLY_E_SIGNATURE, 0, "root key");
}
END_TEST

/* Root keys sign no batches. */
START_TEST(genesis_of_a_batch)
{
    struct record record = log_dir_record(&audit_rows.log, 0);

    record.event.signers[0].batch_size = 3;
    log_dir_put(&audit_rows.log, 0, &record);
    audit_rows_expect(TALLY_E_MISMATCH, 0, "its genesis file seals to");
}
END_TEST

START_TEST(cut_before_the_boundary)
{
    audit_rows.log.count--;
    audit_rows_expect(TALLY_E_MISMATCH, audit_rows.log.count - 1, "should be a StateRoot");
}
END_TEST

START_TEST(incomplete_batch_at_the_end)
{
    audit_rows.log.count = audit_rows_event(EVENT_VERSION_REGISTERED, true) + 1;
    audit_rows_expect(TALLY_E_MISMATCH, audit_rows.log.count - 1, "should be a StateRoot");
}
END_TEST

START_TEST(time_goes_back)
{
    const uint64_t index = log_dir_find(&audit_rows.log, 5, RECORD_STATE, 0, false);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.time_ms = log_dir_record(&audit_rows.log, index - 1).time_ms - 1;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "should not be before");
}
END_TEST

START_TEST(event_twice)
{
    const uint64_t index = audit_rows_event(EVENT_BASE_MODEL_REGISTERED, true);

    log_dir_insert(&audit_rows.log, index + 1, log_dir_record(&audit_rows.log, index));
    audit_rows_expect(TALLY_E_CONFLICT, index + 1, "used before");
}
END_TEST

/* ---- decisions ---- */

START_TEST(denied_for_nothing)
{
    const uint64_t index = audit_rows_event(EVENT_MODEL_CREATED, true);

    audit_rows_decide(index, false, RULE_ROLE_MISSING);
    audit_rows_expect(TALLY_E_MISMATCH, index, "should be 'allow', not 'deny: role_missing'");
}
END_TEST

START_TEST(allowed_against_the_rules)
{
    const uint64_t index = audit_rows_event(EVENT_MODEL_CREATED, false);

    audit_rows_decide(index, true, 0);
    audit_rows_expect(TALLY_E_MISMATCH, index, "not 'allow'");
}
END_TEST

START_TEST(another_rule)
{
    const uint64_t index = audit_rows_event(EVENT_MODEL_CREATED, false);

    audit_rows_decide(index, false, RULE_BASE_REF);
    audit_rows_expect(TALLY_E_MISMATCH, index, "not 'deny: base_ref'");
}
END_TEST

START_TEST(another_policy)
{
    const uint64_t index = audit_rows_event(EVENT_MODEL_CREATED, true);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.event.decision.policy_version = 1;
    record.event.decision.has_policy_digest = true;
    record.event.decision.policy_digest = fixture_hash(77);
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "its policy should be another");
}
END_TEST

/* ---- the ledger's own records ---- */

START_TEST(state_covers)
{
    const uint64_t index = log_dir_find(&audit_rows.log, 1, RECORD_STATE, 0, false);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.state.covers--;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "a StateRoot that covers");
}
END_TEST

START_TEST(state_map_root)
{
    const uint64_t index = log_dir_find(&audit_rows.log, 1, RECORD_STATE, 0, false);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.state.map_root = fixture_hash(5);
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "without a map root");
}
END_TEST

START_TEST(term_does_not_rise)
{
    const uint64_t first = log_dir_find(&audit_rows.log, 1, RECORD_TERM, 0, false);
    const uint64_t index = log_dir_find(&audit_rows.log, first + 1, RECORD_TERM, 0, false);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.term.term = 1;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "should be above the one before");
}
END_TEST

START_TEST(term_of_nobody)
{
    const uint64_t index = log_dir_find(&audit_rows.log, 1, RECORD_TERM, 0, false);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.term.leader = 4;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "members 1 to 3");
}
END_TEST

static uint64_t void_of(uint8_t reason)
{
    uint64_t index = 0;

    do index = log_dir_find(&audit_rows.log, index + 1, RECORD_VOID, 0, false);
    while (log_dir_record(&audit_rows.log, index).void_.reason != reason);
    return index;
}

START_TEST(void_without_its_event)
{
    const uint64_t index = void_of(4); /* signature */
    struct record record = log_dir_record(&audit_rows.log, index);

    record.void_.head.size = 40;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "a Void for a signature or a key");
}
END_TEST

/* The events of this batch are for this ledger: nothing shows the reason. */
START_TEST(void_for_another_reason)
{
    const uint64_t index = void_of(4);

    for (uint64_t i = index; log_dir_record(&audit_rows.log, i).kind == RECORD_VOID; i++) {
        struct record record = log_dir_record(&audit_rows.log, i);

        if (record.void_.reason != 4) break;
        record.void_.reason = 6; /* wrong ledger */
        log_dir_put(&audit_rows.log, i, &record);
    }
    audit_rows_expect(TALLY_E_MISMATCH, index, "an event for another ledger");
}
END_TEST

START_TEST(void_of_nobody)
{
    const uint64_t index = void_of(4);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.void_.leader = 9;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "members 1 to 3");
}
END_TEST

START_TEST(config_out_of_nowhere)
{
    const uint64_t index = log_dir_find(&audit_rows.log, 1, RECORD_TERM, 0, false);
    struct record record = {.kind = RECORD_CONFIG, .index = index};
    const struct event genesis = log_dir_event(&audit_rows.log, 0);

    record.time_ms = log_dir_record(&audit_rows.log, index).time_ms;
    record.config = genesis.genesis.config;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_MISMATCH, index, "no event authorised");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit");
    TCase *rows = tcase_create("rows");

    tcase_add_checked_fixture(rows, setup, teardown);
    tcase_add_test(rows, honest_log);
    tcase_add_test(rows, changed_byte);
    tcase_add_test(rows, forged_signature);
    tcase_add_test(rows, not_canonical);
    tcase_add_test(rows, event_not_canonical);
    tcase_add_test(rows, another_number);
    tcase_add_test(rows, removed_from_a_batch);
    tcase_add_test(rows, removed_batch);
    tcase_add_test(rows, swapped_pair);
    tcase_add_test(rows, removed_genesis);
    tcase_add_test(rows, genesis_signature);
    tcase_add_test(rows, genesis_of_a_batch);
    tcase_add_test(rows, cut_before_the_boundary);
    tcase_add_test(rows, incomplete_batch_at_the_end);
    tcase_add_test(rows, time_goes_back);
    tcase_add_test(rows, event_twice);
    tcase_add_test(rows, denied_for_nothing);
    tcase_add_test(rows, allowed_against_the_rules);
    tcase_add_test(rows, another_rule);
    tcase_add_test(rows, another_policy);
    tcase_add_test(rows, state_covers);
    tcase_add_test(rows, state_map_root);
    tcase_add_test(rows, term_does_not_rise);
    tcase_add_test(rows, term_of_nobody);
    tcase_add_test(rows, void_without_its_event);
    tcase_add_test(rows, void_for_another_reason);
    tcase_add_test(rows, void_of_nobody);
    tcase_add_test(rows, config_out_of_nowhere);
    suite_add_tcase(suite, rows);
    return check_main(suite);
}
