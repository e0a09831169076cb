/* Goal: `tally audit` accepts an honest log, and names the first record of a false one and what
 * is wrong with it. Method: one history with every kind of record; each row changes one thing
 * and then, as a dishonest cluster could, hashes and signs the whole tree anew, so that nothing
 * but the replay can notice. Damage of files is in test_audit_files.c. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "event/rules.h"
#include "ledger/ledger.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/ledger_history.h"
#include "support/log_dir.h"
#include "support/paper_ledger.h"

static struct history history;
static struct store *store;
static struct log_dir records;

static void setup(void)
{
    cli_run_open();
    history_open(&history);
    store = history_reference(&history);
    log_dir_take(&history.fixture, store, &records);
    cli_run_write("trust", paper_trust_of(&history.fixture, 1), 0644);
    ck_assert_int_eq(mkdir("log", 0755), 0);
}

static void teardown(void)
{
    store_close(store);
    history_close(&history);
    cli_run_close();
}

static int audit(void)
{
    log_dir_write(&records, "log");
    return cli_run("audit --from-log=log --trust=trust --jobs=2");
}

/* The audit fails so, at this record, with this in the message. */
static void expect(enum tally_err err, uint64_t index, const char *text)
{
    char record[32];
    const int status = audit();

    (void)snprintf(record, sizeof record, "record %llu: ", (unsigned long long)index);
    ck_assert_msg(status == (int)err, "exit %d (%s), not %s: %s", status,
                  tally_err_name((enum tally_err)status), tally_err_name(err), cli_run_err);
    ck_assert_msg(strstr(cli_run_err, record) != NULL, "not '%s': %s", record, cli_run_err);
    ck_assert_msg(strstr(cli_run_err, text) != NULL, "not '%s': %s", text, cli_run_err);
}

static uint64_t event_of(enum event_type type, bool allowed)
{
    return log_dir_find(&records, 1, RECORD_EVENT, type, allowed);
}

START_TEST(honest_log)
{
    ck_assert_msg(audit() == 0, "%s", cli_run_err);
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
    const uint64_t index = event_of(EVENT_MODEL_CREATED, true);
    struct record record = log_dir_record(&records, index);
    struct bytes event = arena_copy(records.fixture->arena, record.event.event);

    ((uint8_t *)event.data)[2 + 34 + 2 + 15] ^= 1; /* the last byte of the event id */
    record.event.event = event;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_SIGNATURE, index, "does not verify");
}
END_TEST

START_TEST(forged_signature)
{
    const uint64_t index = event_of(EVENT_BASE_MODEL_REGISTERED, true);
    struct record record = log_dir_record(&records, index);

    record.event.signers[0].signature[5] ^= 1;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_SIGNATURE, index, "does not verify");
}
END_TEST

START_TEST(not_canonical)
{
    const uint64_t index = event_of(EVENT_MODEL_CREATED, true);
    const struct bytes leaf = records.leaves[index];
    uint8_t *longer = arena_zalloc(records.fixture->arena, 1, leaf.size + 2);

    memcpy(longer, leaf.data, leaf.size);
    longer[leaf.size] = 0x78; /* field 15, that no record has */
    records.leaves[index] = bytes_of(longer, leaf.size + 2);
    expect(TALLY_E_MALFORMED, index, "unknown field");
}
END_TEST

START_TEST(event_not_canonical)
{
    const uint64_t index = event_of(EVENT_MODEL_CREATED, true);
    struct record record = log_dir_record(&records, index);
    uint8_t *longer = arena_zalloc(records.fixture->arena, 1, record.event.event.size + 2);

    memcpy(longer, record.event.event.data, record.event.event.size);
    longer[record.event.event.size] = 0x78;
    record.event.event = bytes_of(longer, record.event.event.size + 2);
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MALFORMED, index, "canonical");
}
END_TEST

/* ---- order ---- */

START_TEST(another_number)
{
    struct record record = log_dir_record(&records, 3);

    record.index = 4;
    log_dir_put(&records, 3, &record);
    expect(TALLY_E_MISMATCH, 3, "number 4");
}
END_TEST

START_TEST(removed_from_a_batch)
{
    const uint64_t index = event_of(EVENT_VERSION_REGISTERED, true);

    log_dir_remove(&records, index);
    expect(TALLY_E_MISMATCH, index, "it should be event 1 of the batch of 3");
}
END_TEST

/* The base model's registration is a batch of its own: what refers to it is then denied. */
START_TEST(removed_batch)
{
    log_dir_remove(&records, event_of(EVENT_BASE_MODEL_REGISTERED, true));
    expect(TALLY_E_MISMATCH, event_of(EVENT_VERSION_REGISTERED, true), "base_absent");
}
END_TEST

START_TEST(swapped_pair)
{
    const uint64_t index = event_of(EVENT_MODEL_CREATED, true);
    struct record first = log_dir_record(&records, index),
                  second = log_dir_record(&records, index + 1);

    first.index = index + 1;
    second.index = index;
    log_dir_put(&records, index, &second);
    log_dir_put(&records, index + 1, &first);
    expect(TALLY_E_MISMATCH, index, "the first event of its batch");
}
END_TEST

START_TEST(removed_genesis)
{
    log_dir_remove(&records, 0);
    expect(TALLY_E_MISMATCH, 0, "begins with its ledger.genesis");
}
END_TEST

START_TEST(genesis_signature)
{
    struct record record = log_dir_record(&records, 0);

    record.event.signers[0].signature[0] ^= 1;
    log_dir_put(&records, 0, &record);
    expect(TALLY_E_SIGNATURE, 0, "root key");
}
END_TEST

START_TEST(cut_before_the_boundary)
{
    records.count--;
    expect(TALLY_E_MISMATCH, records.count - 1, "should be a StateRoot");
}
END_TEST

START_TEST(incomplete_batch_at_the_end)
{
    records.count = event_of(EVENT_VERSION_REGISTERED, true) + 1;
    expect(TALLY_E_MISMATCH, records.count - 1, "should be a StateRoot");
}
END_TEST

START_TEST(time_goes_back)
{
    const uint64_t index = log_dir_find(&records, 5, RECORD_STATE, 0, false);
    struct record record = log_dir_record(&records, index);

    record.time_ms = log_dir_record(&records, index - 1).time_ms - 1;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "should not be before");
}
END_TEST

START_TEST(event_twice)
{
    const uint64_t index = event_of(EVENT_BASE_MODEL_REGISTERED, true);

    log_dir_insert(&records, index + 1, log_dir_record(&records, index));
    expect(TALLY_E_CONFLICT, index + 1, "used before");
}
END_TEST

/* ---- decisions ---- */

static void decide_otherwise(uint64_t index, bool allowed, uint16_t rule)
{
    struct record record = log_dir_record(&records, index);
    uint16_t *rules = arena_zalloc(records.fixture->arena, 1, sizeof *rules);

    rules[0] = rule;
    record.event.decision.allowed = allowed;
    record.event.decision.failed_rules = rules;
    record.event.decision.failed_rules_count = allowed ? 0 : 1;
    log_dir_put(&records, index, &record);
}

START_TEST(denied_for_nothing)
{
    const uint64_t index = event_of(EVENT_MODEL_CREATED, true);

    decide_otherwise(index, false, RULE_ROLE_MISSING);
    expect(TALLY_E_MISMATCH, index, "should be 'allow', not 'deny: role_missing'");
}
END_TEST

START_TEST(allowed_against_the_rules)
{
    const uint64_t index = event_of(EVENT_MODEL_CREATED, false);

    decide_otherwise(index, true, 0);
    expect(TALLY_E_MISMATCH, index, "not 'allow'");
}
END_TEST

START_TEST(another_rule)
{
    const uint64_t index = event_of(EVENT_MODEL_CREATED, false);

    decide_otherwise(index, false, RULE_BASE_REF);
    expect(TALLY_E_MISMATCH, index, "not 'deny: base_ref'");
}
END_TEST

START_TEST(another_policy)
{
    const uint64_t index = event_of(EVENT_MODEL_CREATED, true);
    struct record record = log_dir_record(&records, index);

    record.event.decision.policy_version = 1;
    record.event.decision.has_policy_digest = true;
    record.event.decision.policy_digest = fixture_hash(77);
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "its policy should be another");
}
END_TEST

/* ---- the ledger's own records ---- */

START_TEST(state_covers)
{
    const uint64_t index = log_dir_find(&records, 1, RECORD_STATE, 0, false);
    struct record record = log_dir_record(&records, index);

    record.state.covers--;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "a StateRoot that covers");
}
END_TEST

START_TEST(state_map_root)
{
    const uint64_t index = log_dir_find(&records, 1, RECORD_STATE, 0, false);
    struct record record = log_dir_record(&records, index);

    record.state.map_root = fixture_hash(5);
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "without a map root");
}
END_TEST

START_TEST(term_does_not_rise)
{
    const uint64_t first = log_dir_find(&records, 1, RECORD_TERM, 0, false);
    const uint64_t index = log_dir_find(&records, first + 1, RECORD_TERM, 0, false);
    struct record record = log_dir_record(&records, index);

    record.term.term = 1;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "should be above the one before");
}
END_TEST

START_TEST(term_of_nobody)
{
    const uint64_t index = log_dir_find(&records, 1, RECORD_TERM, 0, false);
    struct record record = log_dir_record(&records, index);

    record.term.leader = 4;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "members 1 to 3");
}
END_TEST

static uint64_t void_of(uint8_t reason)
{
    uint64_t index = 0;

    do index = log_dir_find(&records, index + 1, RECORD_VOID, 0, false);
    while (log_dir_record(&records, index).void_.reason != reason);
    return index;
}

START_TEST(void_without_its_event)
{
    const uint64_t index = void_of(4); /* signature */
    struct record record = log_dir_record(&records, index);

    record.void_.head.size = 40;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "a Void for a signature or a key");
}
END_TEST

/* The events of this batch are for this ledger: nothing shows the reason. */
START_TEST(void_for_another_reason)
{
    const uint64_t index = void_of(4);

    for (uint64_t i = index; log_dir_record(&records, i).kind == RECORD_VOID; i++) {
        struct record record = log_dir_record(&records, i);

        if (record.void_.reason != 4) break;
        record.void_.reason = 6; /* wrong ledger */
        log_dir_put(&records, i, &record);
    }
    expect(TALLY_E_MISMATCH, index, "an event for another ledger");
}
END_TEST

START_TEST(void_of_nobody)
{
    const uint64_t index = void_of(4);
    struct record record = log_dir_record(&records, index);

    record.void_.leader = 9;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "members 1 to 3");
}
END_TEST

START_TEST(config_out_of_nowhere)
{
    const uint64_t index = log_dir_find(&records, 1, RECORD_TERM, 0, false);
    struct record record = {.kind = RECORD_CONFIG, .index = index};
    const struct event genesis = log_dir_event(&records, 0);

    record.time_ms = log_dir_record(&records, index).time_ms;
    record.config = genesis.genesis.config;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_MISMATCH, index, "no event authorised");
}
END_TEST

/* ---- signers ---- */

START_TEST(other_signers)
{
    const uint64_t index = event_of(EVENT_BASE_MODEL_REGISTERED, true);
    struct record record = log_dir_record(&records, index);

    record.event.signers[0].meaning = MEANING_REVIEW;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_SIGNERS, index, "should be void");
}
END_TEST

/* Events of a batch, signed and decided as somebody likes, in the place of a TERM record. */
static uint64_t put_event(const struct fixture_spec *spec, bool allowed, uint16_t rule)
{
    const uint64_t index = log_dir_find(&records, 1, RECORD_TERM, 0, false);
    struct record record = {.kind = RECORD_EVENT, .index = index};
    struct batch_signer signer;

    record.time_ms = log_dir_record(&records, index).time_ms;
    record.event.event = fixture_event(&history.fixture, spec);
    batch_sign(&record.event.event, 1, &history.fixture.ledger_id, MEANING_AUTHOR,
               &history.fixture.people[spec->who], &signer);
    record.event.signers_count = 1;
    record.event.signers[0].key_id = signer.key_id;
    record.event.signers[0].meaning = signer.meaning;
    record.event.signers[0].batch_size = 1;
    memcpy(record.event.signers[0].signature, signer.signature, sizeof signer.signature);
    record.event.decision.allowed = true;
    log_dir_put(&records, index, &record);
    if (!allowed) decide_otherwise(index, false, rule);
    return index;
}

START_TEST(key_that_nobody_knows)
{
    const struct fixture_spec spec = {.type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_SECOND};

    expect(TALLY_E_UNKNOWN_KEY, put_event(&spec, false, RULE_ROLE_MISSING), "not enrolled");
}
END_TEST

START_TEST(another_ledger)
{
    const struct tally_hash other = fixture_hash(60);
    const struct fixture_spec spec = {
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .ledger_id = &other};

    expect(TALLY_E_WRONG_LEDGER, put_event(&spec, true, 0), "another ledger");
}
END_TEST

START_TEST(actor_has_not_signed)
{
    const struct fixture_spec spec = {
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .actor = "principal/evaluator"};

    expect(TALLY_E_SIGNERS, put_event(&spec, true, 0), "must sign");
}
END_TEST

/* The history revokes the stranger's key in the end; by then it had no role. */
START_TEST(key_revoked_before)
{
    const struct fixture_spec spec = {.type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_STRANGER};
    const uint64_t revoked = event_of(EVENT_KEY_REVOKED, true);
    uint64_t index;

    ck_assert_uint_lt(revoked, log_dir_find(&records, 1, RECORD_TERM, 0, false));
    index = put_event(&spec, true, 0);
    expect(TALLY_E_MISMATCH, index, "key_revoked");
}
END_TEST

/* ---- cut events ---- */

static uint64_t first_cut(void)
{
    uint64_t index = 0;

    do index = log_dir_find(&records, index + 1, RECORD_EVENT, 0, false);
    while (!log_dir_record(&records, index).event.cut);
    return index;
}

START_TEST(cut_decision)
{
    const uint64_t index = first_cut();

    decide_otherwise(index, false, RULE_KEY_REVOKED);
    expect(TALLY_E_MISMATCH, index, "key_revoked should not have failed");
}
END_TEST

START_TEST(cut_without_its_role)
{
    const uint64_t index = first_cut();

    decide_otherwise(index, false, RULE_BASE_REF);
    expect(TALLY_E_MISMATCH, index, "role_missing should have failed");
}
END_TEST

START_TEST(cut_with_another_event)
{
    const uint64_t index = first_cut();
    struct record record = log_dir_record(&records, index);

    record.event.event_hash.bytes[0] ^= 1;
    log_dir_put(&records, index, &record);
    expect(TALLY_E_SIGNATURE, index, "does not verify");
}
END_TEST

/* ---- whose log it is ---- */

START_TEST(signatures_are_asked_for)
{
    struct tally_hash root = fixture_hash(1);

    log_dir_write(&records, "log");
    cli_run_write("log/checkpoint", paper_note(&history.fixture, records.count, &root, 1),
                  0644);
    ck_assert_int_eq(cli_run("audit --from-log=log --trust=trust"), TALLY_E_QUORUM);
    ck_assert_int_eq(cli_run("audit --from-log=log"), TALLY_E_PROOF);
}
END_TEST

START_TEST(tree_that_the_trust_file_has_not_seen)
{
    char lines[256];

    (void)snprintf(lines, sizeof lines, "%s",
                   "# tally checkpoint 5 "
                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    const struct bytes trust = cli_run_read("trust");
    char *text = arena_zalloc(records.fixture->arena, 1, trust.size + sizeof lines);

    (void)snprintf(text, trust.size + sizeof lines, "%s%s", lines, (const char *)trust.data);
    cli_run_write_text("trust", text);
    expect(TALLY_E_SPLIT_VIEW, 4, "two trees of 5 records");
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
    tcase_add_test(rows, other_signers);
    tcase_add_test(rows, key_that_nobody_knows);
    tcase_add_test(rows, another_ledger);
    tcase_add_test(rows, actor_has_not_signed);
    tcase_add_test(rows, key_revoked_before);
    tcase_add_test(rows, cut_decision);
    tcase_add_test(rows, cut_without_its_role);
    tcase_add_test(rows, cut_with_another_event);
    tcase_add_test(rows, signatures_are_asked_for);
    tcase_add_test(rows, tree_that_the_trust_file_has_not_seen);
    suite_add_tcase(suite, rows);
    return check_main(suite);
}
