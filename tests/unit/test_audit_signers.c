/* Goal: `tally audit` finds events that somebody else signed, or whose key was not enrolled or
 * was revoked, and looks at cut events and trust files. Method: as test_audit.c. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/rules.h"
#include "ledger.pb-c.h"
#include "support/audit_rows.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/paper_ledger.h"

static void setup(void)
{
    audit_rows_open();
}

static void teardown(void)
{
    audit_rows_close();
}

/* ---- signers ---- */

START_TEST(other_signers)
{
    const uint64_t index = audit_rows_event(EVENT_BASE_MODEL_REGISTERED, true);
    struct record record = log_dir_record(&audit_rows.log, index);

    record.event.signers[0].meaning = MEANING_REVIEW;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_SIGNERS, index, "should be void");
}
END_TEST

/* Events of a batch, signed and decided as somebody likes, in the place of a TERM record. */
static uint64_t put_event(const struct fixture_spec *spec, bool allowed, uint16_t rule)
{
    const uint64_t index = log_dir_find(&audit_rows.log, 1, RECORD_TERM, 0, false);
    struct record record = {.kind = RECORD_EVENT, .index = index};
    struct batch_signer signer;

    record.time_ms = log_dir_record(&audit_rows.log, index).time_ms;
    record.event.event = fixture_event(&audit_rows.history.fixture, spec);
    batch_sign(&record.event.event, 1, &audit_rows.history.fixture.ledger_id, MEANING_AUTHOR,
               &audit_rows.history.fixture.people[spec->who], &signer);
    record.event.signers_count = 1;
    record.event.signers[0].key_id = signer.key_id;
    record.event.signers[0].meaning = signer.meaning;
    record.event.signers[0].batch_size = 1;
    memcpy(record.event.signers[0].signature, signer.signature, sizeof signer.signature);
    record.event.decision.allowed = true;
    log_dir_put(&audit_rows.log, index, &record);
    if (!allowed) audit_rows_decide(index, false, rule);
    return index;
}

START_TEST(key_that_nobody_knows)
{
    const struct fixture_spec spec = {.type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_SECOND};

    audit_rows_expect(TALLY_E_UNKNOWN_KEY, put_event(&spec, false, RULE_ROLE_MISSING),
                      "not enrolled");
}
END_TEST

START_TEST(another_ledger)
{
    const struct tally_hash other = fixture_hash(60);
    const struct fixture_spec spec = {
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .ledger_id = &other};

    audit_rows_expect(TALLY_E_WRONG_LEDGER, put_event(&spec, true, 0), "another ledger");
}
END_TEST

START_TEST(actor_has_not_signed)
{
    const struct fixture_spec spec = {
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .actor = "principal/evaluator"};

    audit_rows_expect(TALLY_E_SIGNERS, put_event(&spec, true, 0), "must sign");
}
END_TEST

/* The history revokes the stranger's key in the end; by then it had no role. */
START_TEST(key_revoked_before)
{
    const struct fixture_spec spec = {.type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_STRANGER};
    const uint64_t revoked = audit_rows_event(EVENT_KEY_REVOKED, true);
    uint64_t index;

    ck_assert_uint_lt(revoked, log_dir_find(&audit_rows.log, 1, RECORD_TERM, 0, false));
    index = put_event(&spec, true, 0);
    audit_rows_expect(TALLY_E_MISMATCH, index, "key_revoked");
}
END_TEST

/* ---- cut events ---- */

static uint64_t first_cut(void)
{
    uint64_t index = 0;

    do index = log_dir_find(&audit_rows.log, index + 1, RECORD_EVENT, 0, false);
    while (!log_dir_record(&audit_rows.log, index).event.cut);
    return index;
}

START_TEST(cut_decision)
{
    const uint64_t index = first_cut();

    audit_rows_decide(index, false, RULE_KEY_REVOKED);
    audit_rows_expect(TALLY_E_MISMATCH, index, "key_revoked should not have failed");
}
END_TEST

START_TEST(cut_with_a_head)
{
    const uint64_t index = first_cut();

    audit_rows_decide(index, false, RULE_HEAD_MISMATCH);
    audit_rows_expect(TALLY_E_MISMATCH, index, "head_mismatch should not have failed");
}
END_TEST

/* record_encode() would cut it: the decision is put into the encoded message by hand. */
START_TEST(denied_and_not_cut)
{
    const struct fixture_spec spec = {
        .type = EVENT_DATASET_REGISTERED, .who = FIXTURE_NOBODY, .padding = 6000};
    const uint64_t index = put_event(&spec, true, 0);
    struct bytes *leaf = &audit_rows.log.leaves[index];
    Tally__Record *record = tally__record__unpack(NULL, leaf->size, leaf->data);
    uint32_t rule = RULE_ROLE_MISSING;
    uint8_t *packed = arena_alloc(audit_rows.log.fixture->arena, leaf->size + 16);

    ck_assert(record != NULL && packed != NULL);
    record->event->decision->verdict = TALLY__VERDICT__VERDICT_DENY;
    record->event->decision->n_failed_rules = 1;
    record->event->decision->failed_rules = &rule;
    *leaf = bytes_of(packed, tally__record__pack(record, packed));
    record->event->decision->n_failed_rules = 0;
    record->event->decision->failed_rules = NULL;
    tally__record__free_unpacked(record, NULL);
    audit_rows_expect(TALLY_E_MISMATCH, index, "its event cut to 4096 bytes");
}
END_TEST

START_TEST(cut_without_its_role)
{
    const uint64_t index = first_cut();

    audit_rows_decide(index, false, RULE_BASE_REF);
    audit_rows_expect(TALLY_E_MISMATCH, index, "role_missing should have failed");
}
END_TEST

START_TEST(cut_with_another_event)
{
    const uint64_t index = first_cut();
    struct record record = log_dir_record(&audit_rows.log, index);

    record.event.event_hash.bytes[0] ^= 1;
    log_dir_put(&audit_rows.log, index, &record);
    audit_rows_expect(TALLY_E_SIGNATURE, index, "does not verify");
}
END_TEST

/* ---- whose log it is ---- */

START_TEST(signatures_are_asked_for)
{
    struct tally_hash root = fixture_hash(1);

    log_dir_write(&audit_rows.log, "log");
    cli_run_write("log/checkpoint",
                  paper_note(&audit_rows.history.fixture, audit_rows.log.count, &root, 1),
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
    char *text = arena_zalloc(audit_rows.log.fixture->arena, 1, trust.size + sizeof lines);

    (void)snprintf(text, trust.size + sizeof lines, "%s%s", lines, (const char *)trust.data);
    cli_run_write_text("trust", text);
    audit_rows_expect(TALLY_E_SPLIT_VIEW, 4, "two trees of 5 records");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit_signers");
    TCase *rows = tcase_create("rows");

    tcase_add_checked_fixture(rows, setup, teardown);
    tcase_add_test(rows, other_signers);
    tcase_add_test(rows, key_that_nobody_knows);
    tcase_add_test(rows, another_ledger);
    tcase_add_test(rows, actor_has_not_signed);
    tcase_add_test(rows, key_revoked_before);
    tcase_add_test(rows, cut_decision);
    tcase_add_test(rows, cut_with_a_head);
    tcase_add_test(rows, denied_and_not_cut);
    tcase_add_test(rows, cut_without_its_role);
    tcase_add_test(rows, cut_with_another_event);
    tcase_add_test(rows, signatures_are_asked_for);
    tcase_add_test(rows, tree_that_the_trust_file_has_not_seen);
    suite_add_tcase(suite, rows);
    return check_main(suite);
}
