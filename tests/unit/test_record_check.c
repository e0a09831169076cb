/* Goal: bytes that are no well-formed record are refused, with a word that says why. Method: an
 * honest message with exactly one thing changed in each row. */
#include <check.h>
#include <string.h>

#include "event/canon.h"
#include "event/record.h"
#include "ledger.pb-c.h"
#include "support/check_main.h"
#include "support/ledger_fixture.h"

static struct fixture fixture;

static void begin(void)
{
    fixture_open(&fixture, 1);
}

static void end(void)
{
    fixture_close(&fixture);
}

/* An allowed event, the last of a batch of three. */
static struct bytes honest(void)
{
    const struct fixture_spec spec = {.type = EVENT_MODEL_CREATED, .who = FIXTURE_AUTHOR};
    struct record record = {.index = 7, .time_ms = FIXTURE_TIME_MS, .kind = RECORD_EVENT};
    struct record_signer *signer = &record.event.signers[0];

    record.event.event = fixture_event(&fixture, &spec);
    record.event.signers_count = 1;
    fixture_key_id(&fixture, FIXTURE_AUTHOR, &signer->key_id);
    signer->meaning = MEANING_AUTHOR;
    signer->batch_size = 3;
    signer->batch_index = 2;
    record.event.decision.allowed = true;
    return record_encode(&record, fixture.arena);
}

static uint8_t long_bytes[LIMIT_EVENT_SIZE + 1];

static void no_change(Tally__Record *record)
{
    (void)record;
}

static void no_body(Tally__Record *record)
{
    record->body_case = TALLY__RECORD__BODY__NOT_SET;
}

static void far_index(Tally__Record *record)
{
    record->index = UINT64_C(1) << 63;
}

static void far_time(Tally__Record *record)
{
    record->time_ms = UINT64_C(1) << 63;
}

static void no_signers(Tally__Record *record)
{
    record->event->n_signers = 0;
}

static void many_signers(Tally__Record *record)
{
    Tally__Signer **signers =
        arena_zalloc(fixture.arena, LIMIT_GENESIS_SIGNERS + 1, sizeof *signers);

    for (size_t i = 0; i <= LIMIT_GENESIS_SIGNERS; i++) signers[i] = record->event->signers[0];
    record->event->signers = signers;
    record->event->n_signers = LIMIT_GENESIS_SIGNERS + 1;
}

static void short_key_id(Tally__Record *record)
{
    record->event->signers[0]->key_id.len = 31;
}

static void short_signature(Tally__Record *record)
{
    record->event->signers[0]->signature.len = 63;
}

static void no_meaning(Tally__Record *record)
{
    record->event->signers[0]->meaning = TALLY__MEANING__MEANING_UNSPECIFIED;
}

static void empty_batch(Tally__Record *record)
{
    record->event->signers[0]->batch_size = record->event->signers[0]->batch_index = 0;
}

static void outside_its_batch(Tally__Record *record)
{
    record->event->signers[0]->batch_index = record->event->signers[0]->batch_size;
}

static void huge_batch(Tally__Record *record)
{
    record->event->signers[0]->batch_size = LIMIT_BLOCK_EVENTS + 1;
}

static void large_event(Tally__Record *record)
{
    record->event->event = canon_data(long_bytes, sizeof long_bytes);
}

static void short_event_hash(Tally__Record *record)
{
    record->event->event_hash = canon_data(long_bytes, 31);
}

static void cut_and_allowed(Tally__Record *record)
{
    record->event->event_hash = canon_data(long_bytes, 32);
}

static void no_decision(Tally__Record *record)
{
    record->event->decision = NULL;
}

static void no_verdict(Tally__Record *record)
{
    record->event->decision->verdict = TALLY__VERDICT__VERDICT_UNSPECIFIED;
}

static void denied_by_nothing(Tally__Record *record)
{
    record->event->decision->verdict = TALLY__VERDICT__VERDICT_DENY;
}

static void rules(Tally__Record *record, Tally__Verdict verdict, uint32_t first,
                  uint32_t second)
{
    uint32_t *numbers = arena_zalloc(fixture.arena, 2, sizeof *numbers);

    numbers[0] = first;
    numbers[1] = second;
    record->event->decision->verdict = verdict;
    record->event->decision->failed_rules = numbers;
    record->event->decision->n_failed_rules = 2;
}

static void denied(Tally__Record *record)
{
    rules(record, TALLY__VERDICT__VERDICT_DENY, 1, UINT16_MAX);
}

static void allowed_against_rules(Tally__Record *record)
{
    rules(record, TALLY__VERDICT__VERDICT_ALLOW, 1, 2);
}

static void rule_zero(Tally__Record *record)
{
    rules(record, TALLY__VERDICT__VERDICT_DENY, 0, 1);
}

static void rule_twice(Tally__Record *record)
{
    rules(record, TALLY__VERDICT__VERDICT_DENY, 5, 5);
}

static void rules_descend(Tally__Record *record)
{
    rules(record, TALLY__VERDICT__VERDICT_DENY, 6, 5);
}

static void rule_too_high(Tally__Record *record)
{
    rules(record, TALLY__VERDICT__VERDICT_DENY, 1, UINT16_MAX + 1);
}

static void many_rules(Tally__Record *record)
{
    uint32_t *numbers = arena_zalloc(fixture.arena, LIMIT_FAILED_RULES + 1, sizeof *numbers);

    for (uint32_t i = 0; i <= LIMIT_FAILED_RULES; i++) numbers[i] = i + 1;
    denied(record);
    record->event->decision->failed_rules = numbers;
    record->event->decision->n_failed_rules = LIMIT_FAILED_RULES + 1;
}

static void short_policy_digest(Tally__Record *record)
{
    record->event->decision->policy_version = 1;
    record->event->decision->policy_digest = canon_data(long_bytes, 31);
}

static const struct {
    const char *name;
    void (*change)(Tally__Record *record);
    const char *word; /* in the message; NULL: accepted */
} event_rows[] = {
    {"honest", no_change, NULL},
    {"denied", denied, NULL},
    {"no body", no_body, "body"},
    {"index of 2^63", far_index, "range"},
    {"time of 2^63", far_time, "range"},
    {"no signers", no_signers, "signers"},
    {"17 signers", many_signers, "signers"},
    {"key id of 31 bytes", short_key_id, "signer"},
    {"signature of 63 bytes", short_signature, "signer"},
    {"no meaning", no_meaning, "signer"},
    {"batch of none", empty_batch, "signer"},
    {"place outside the batch", outside_its_batch, "signer"},
    {"batch of 4097", huge_batch, "signer"},
    {"event over its limit", large_event, "too large"},
    {"event hash of 31 bytes", short_event_hash, "event hash"},
    {"cut, and yet allowed", cut_and_allowed, "cut"},
    {"no decision", no_decision, "decision"},
    {"no verdict", no_verdict, "decision"},
    {"denied by nothing", denied_by_nothing, "contradict"},
    {"allowed against rules", allowed_against_rules, "contradict"},
    {"rule 0", rule_zero, "ascending"},
    {"a rule twice", rule_twice, "ascending"},
    {"rules descend", rules_descend, "ascending"},
    {"rule 65536", rule_too_high, "ascending"},
    {"1025 rules", many_rules, "too many"},
    {"policy digest of 31 bytes", short_policy_digest, "policy digest"},
};

static void check_changed(struct bytes bytes, const char *name, const char *word)
{
    struct record record = {.index = 99};
    struct tally_diag diag = {{0}};
    const enum tally_err err = record_decode(bytes, fixture.arena, &record, &diag);

    if (word == NULL) {
        ck_assert_msg(err == TALLY_OK, "%s: %s", name, diag.text);
        return;
    }
    ck_assert_msg(err == TALLY_E_MALFORMED, "%s: %s", name, tally_err_text(err));
    ck_assert_msg(strstr(diag.text, word) != NULL, "%s: %s", name, diag.text);
    ck_assert_uint_eq(record.index, 99); /* untouched */
}

START_TEST(one_thing_changed_in_an_event)
{
    const struct bytes bytes = honest();
    ProtobufCMessage *message = NULL;

    ck_assert_int_eq(
        canon_unpack(&tally__record__descriptor, bytes, fixture.arena, &message, NULL),
        TALLY_OK);
    event_rows[_i].change((Tally__Record *)message);
    check_changed(canon_pack(message, fixture.arena), event_rows[_i].name, event_rows[_i].word);
}
END_TEST

/* The other kinds: sizes of their hashes, and a Void's reason and head. */
START_TEST(one_thing_changed_in_others)
{
    static const struct {
        const char *name;
        size_t map_root, block_hash, head; /* sizes */
        Tally__VoidReason reason;
        const char *word;
    } rows[] = {
        {"state", 32, 0, 0, 0, NULL},
        {"state, no map root", 0, 0, 0, 0, "body"},
        {"state, root of 31 bytes", 31, 0, 0, 0, "map root"},
        {"state, root of 33 bytes", 33, 0, 0, 0, "map root"},
        {"void", 0, 32, 64, 1, NULL},
        {"void without head", 0, 32, 0, 6, NULL},
        {"void, head of 65 bytes", 0, 32, 65, 1, "void"},
        {"void, hash of 31 bytes", 0, 31, 64, 1, "void"},
        {"void without reason", 0, 32, 64, 0, "void"},
        {"void, reason not registered", 0, 32, 64, 7, ""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Tally__Record record = TALLY__RECORD__INIT;
        Tally__StateRoot state = TALLY__STATE_ROOT__INIT;
        Tally__Void void_ = TALLY__VOID__INIT;

        record.index = record.time_ms = 1;
        if (rows[i].map_root > 0) {
            state.map_root = canon_data(long_bytes, rows[i].map_root);
            record.body_case = TALLY__RECORD__BODY_STATE;
            record.state = &state;
        } else if (rows[i].block_hash > 0) {
            void_.block_hash = canon_data(long_bytes, rows[i].block_hash);
            void_.head = canon_data(long_bytes, rows[i].head);
            void_.reason = rows[i].reason;
            record.body_case = TALLY__RECORD__BODY_VOID;
            record.void_ = &void_;
        }
        check_changed(canon_pack(&record, fixture.arena), rows[i].name, rows[i].word);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("record_check");
    TCase *cases = tcase_create("record_check");

    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_loop_test(cases, one_thing_changed_in_an_event, 0,
                        sizeof event_rows / sizeof event_rows[0]);
    tcase_add_test(cases, one_thing_changed_in_others);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
