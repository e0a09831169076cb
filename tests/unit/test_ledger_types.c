/* The types of events through apply: what they do to their subjects shows in what is decided
 * about the next ones. The rules one by one are in test_decide_types.c. */
#include <check.h>
#include <string.h>

#include "event/rules.h"
#include "ledger/ledger.h"
#include "support/check_main.h"
#include "support/ledger_run.h"

static struct ledger_run run;
static struct tally_hash base, version;

static void setup(void)
{
    ledger_run_open(&run);
    ledger_run_version(&run, &base, &version);
}

static void teardown(void)
{
    ledger_run_close(&run);
}

/* The event is allowed (0), or denied by exactly this rule; its hash. */
static struct tally_hash append(struct fixture_spec spec, uint16_t rule)
{
    struct tally_hash hash;
    const struct ledger_event_result *result;

    spec.who = FIXTURE_EVERYONE;
    result = ledger_run_event(&run, &spec, &hash);
    ck_assert_int_eq(result->outcome, LEDGER_RECORDED);
    ck_assert_msg(result->failed_rules_count == (rule == 0 ? 0 : 1), "%s: %u rules, first %s",
                  event_type_info(spec.type)->name, (unsigned)result->failed_rules_count,
                  result->failed_rules_count == 0 ? "-"
                                                  : decide_rule_name(result->failed_rules[0]));
    if (rule != 0) {
        ck_assert_msg(result->failed_rules[0] == rule, "%s",
                      decide_rule_name(result->failed_rules[0]));
    }
    return hash;
}

static struct fixture_spec about(enum event_type type, const char *subject)
{
    return (struct fixture_spec){.type = type, .subject = subject};
}

/* The same with one reference. */
static struct tally_hash append_ref(struct fixture_spec spec, enum event_rel rel,
                                    const struct tally_hash *hash, uint16_t rule)
{
    const struct event_ref ref = {rel, *hash};

    spec.refs = &ref;
    spec.refs_count = 1;
    return append(spec, rule);
}

static void flush(void)
{
    ck_assert_int_eq(ledger_flush(run.ledger, NULL), TALLY_OK);
}

static struct ledger_subject subject_of(const char *subject)
{
    struct ledger_subject found = {0};

    flush();
    ck_assert_int_eq(ledger_read_subject(run.store, subject, &found, NULL), TALLY_OK);
    return found;
}

START_TEST(a_run)
{
    const struct fixture_spec start = about(EVENT_RUN_STARTED, NULL);
    const struct fixture_spec completed = about(EVENT_RUN_COMPLETED, NULL);
    const struct fixture_spec failed = about(EVENT_RUN_FAILED, NULL);
    struct fixture_spec second = {.type = EVENT_VERSION_REGISTERED,
                                  .subject = "model/m/version/2",
                                  .base = &base,
                                  .run = "r"};

    append(completed, RULE_SUBJECT_ABSENT);
    append_ref(start, REL_BASE, &version, 0); /* from a version: continued training */
    append_ref(start, REL_BASE, &base, RULE_SUBJECT_EXISTS);
    append(second, RULE_RUN_OPEN);
    append(completed, 0);
    append(completed, RULE_SUBJECT_ENDED);
    append(failed, RULE_SUBJECT_ENDED);
    append(second, 0);
    append_ref(about(EVENT_RUN_STARTED, "model/m/run/r2"), REL_BASE, &base, 0);
    append(about(EVENT_RUN_FAILED, "model/m/run/r2"), 0);
    append(about(EVENT_RUN_COMPLETED, "model/m/run/r2"), RULE_SUBJECT_ENDED);
    second.subject = "model/m/version/3";
    second.run = "r2";
    append(second, RULE_RUN_OPEN);
    append_ref(about(EVENT_RUN_STARTED, "model/n/run/r"), REL_BASE, &base, RULE_MODEL_ABSENT);
}
END_TEST

/* What references name is looked up: its type, and whether it was allowed. */
START_TEST(references)
{
    const struct fixture_spec start = about(EVENT_RUN_STARTED, NULL);
    struct tally_hash data, code, denied;

    data = append(about(EVENT_DATASET_REGISTERED, NULL), 0);
    denied = append(about(EVENT_DATASET_REGISTERED, NULL), RULE_SUBJECT_EXISTS);
    code = append(about(EVENT_CODE_REGISTERED, NULL), 0);
    append_ref(start, REL_BASE, &data, RULE_REF_TYPE);
    {
        const struct event_ref refs[] = {
            {REL_BASE, base}, {REL_TRAINED_ON, denied}, {REL_PRODUCED_BY, code}};
        struct fixture_spec spec = start;

        spec.refs = refs;
        spec.refs_count = 3;
        append(spec, RULE_REF_DENIED);
    }
    {
        const struct event_ref refs[] = {
            {REL_BASE, base}, {REL_TRAINED_ON, code}, {REL_PRODUCED_BY, code}};
        struct fixture_spec spec = start;

        spec.refs = refs;
        spec.refs_count = 3;
        append(spec, RULE_REF_TYPE);
    }
    {
        const struct event_ref refs[] = {
            {REL_BASE, base}, {REL_TRAINED_ON, data}, {REL_PRODUCED_BY, code}};
        struct fixture_spec spec = start;

        spec.refs = refs;
        spec.refs_count = 3;
        append(spec, 0);
    }
}
END_TEST

START_TEST(an_incident)
{
    const char *incident = "incident/2026-17";
    struct tally_hash opened, closed;

    append(about(EVENT_INCIDENT_UPDATED, incident), RULE_SUBJECT_ABSENT);
    opened = append(about(EVENT_INCIDENT_OPENED, incident), 0);
    append(about(EVENT_INCIDENT_OPENED, incident), RULE_SUBJECT_EXISTS);
    append(about(EVENT_INCIDENT_UPDATED, incident), 0);
    closed = append(about(EVENT_INCIDENT_CLOSED, incident), 0);
    append(about(EVENT_INCIDENT_CLOSED, incident), RULE_SUBJECT_ENDED);
    append(about(EVENT_INCIDENT_UPDATED, incident), RULE_SUBJECT_ENDED);
    append(about(EVENT_INCIDENT_OPENED, incident), RULE_SUBJECT_EXISTS);
    ck_assert_mem_ne(&opened, &closed, sizeof opened);
    ck_assert_mem_eq(subject_of(incident).head.bytes, closed.bytes, sizeof closed.bytes);
}
END_TEST

START_TEST(a_model_ends)
{
    struct fixture_spec spec = about(EVENT_MODEL_UPDATED, NULL);

    spec.owner = "principal/nobody-known";
    append(spec, RULE_OWNER_ABSENT);
    spec.owner = "principal/evaluator";
    append(spec, 0);
    append(about(EVENT_CHANGE_REQUESTED, "request/1"), 0);
    append(about(EVENT_CHANGE_REQUESTED, "request/1"), RULE_SUBJECT_EXISTS);
    append(about(EVENT_MODEL_ARCHIVED, NULL), 0);
    append(about(EVENT_MODEL_ARCHIVED, NULL), RULE_SUBJECT_ENDED);
    append(spec, RULE_SUBJECT_ENDED);
    append(about(EVENT_CHANGE_REQUESTED, "request/2"), RULE_PARENT_ENDED);
    append_ref(about(EVENT_RUN_STARTED, NULL), REL_BASE, &base, RULE_PARENT_ENDED);
    spec = (struct fixture_spec){
        .type = EVENT_VERSION_REGISTERED, .subject = "model/m/version/9", .base = &base};
    append(spec, RULE_PARENT_ENDED);
    append(about(EVENT_EVALUATION_RECORDED, NULL), 0); /* of versions that there are, still */
}
END_TEST

/* A retraction is of one event of the same subject, once; a restart remembers it. */
START_TEST(retractions)
{
    struct fixture_spec retract = about(EVENT_EVALUATION_RETRACTED, NULL), other;
    struct tally_hash first, second, attestation, denied;
    const struct tally_hash root = fixture_hash(1);

    first = append(about(EVENT_EVALUATION_RECORDED, NULL), 0);
    second = append(about(EVENT_EVALUATION_RECORDED, NULL), 0);
    append_ref(retract, REL_CORRECTS, &version, RULE_REF_TYPE);
    append_ref(retract, REL_CORRECTS, &first, 0);
    append_ref(retract, REL_CORRECTS, &first, RULE_REF_RETRACTED);
    flush();
    ledger_run_restart(&run);
    append_ref(retract, REL_CORRECTS, &first, RULE_REF_RETRACTED);
    append_ref(retract, REL_CORRECTS, &second, 0);

    other = (struct fixture_spec){
        .type = EVENT_VERSION_REGISTERED, .subject = "model/m/version/2", .base = &base};
    append(other, 0);
    first = append(about(EVENT_EVALUATION_RECORDED, NULL), 0);
    retract.subject = "model/m/version/2";
    append_ref(retract, REL_CORRECTS, &first, RULE_REF_SUBJECT);
    retract.subject = NULL;
    append_ref(retract, REL_CORRECTS, &first, 0); /* the attempt above changed nothing */

    other = about(EVENT_ATTESTATION_ATTACHED, NULL);
    denied = append(other, RULE_MANIFEST_MISMATCH); /* it must name the bytes */
    other.manifest_root = &root;
    attestation = append(other, 0);
    append_ref(about(EVENT_ATTESTATION_RETRACTED, NULL), REL_CORRECTS, &denied,
               RULE_REF_DENIED);
    append_ref(about(EVENT_ATTESTATION_RETRACTED, NULL), REL_CORRECTS, &attestation, 0);
    append_ref(about(EVENT_CORRECTION_RECORDED, NULL), REL_CORRECTS, &version, 0);
    append_ref(about(EVENT_CORRECTION_RECORDED, "model/m"), REL_CORRECTS, &version,
               RULE_REF_SUBJECT);
}
END_TEST

START_TEST(places)
{
    struct fixture_spec environment = about(EVENT_ENVIRONMENT_REGISTERED, NULL);
    const struct fixture_spec endpoint = about(EVENT_ENDPOINT_REGISTERED, "endpoint/e");
    const struct tally_hash root = fixture_hash(1);
    struct fixture_spec card = about(EVENT_ATTESTATION_ATTACHED, "model/m");

    append(about(EVENT_DEPLOYMENT_OBSERVED, "endpoint/e"), RULE_SUBJECT_ABSENT);
    append(endpoint, RULE_PARENT_ABSENT);
    append(environment, RULE_PARENT_ABSENT); /* its site */
    append(about(EVENT_ORGANISATION_REGISTERED, "organisation/acme/site/oslo"),
           RULE_PARENT_ABSENT);
    append(about(EVENT_ORGANISATION_REGISTERED, "organisation/acme"), 0);
    append(about(EVENT_ORGANISATION_REGISTERED, "organisation/acme/site/oslo"), 0);
    append(about(EVENT_ORGANISATION_REGISTERED, "organisation/acme/unit/credit"), 0);
    append(environment, 0);
    append(endpoint, 0);
    append(endpoint, RULE_SUBJECT_EXISTS);
    append(about(EVENT_DEPLOYMENT_OBSERVED, "endpoint/e"), 0);
    append(about(EVENT_MONITORING_REPORTED, "endpoint/e"), 0);
    append(about(EVENT_OPLOG_ANCHORED, "endpoint/e"), 0);
    append(about(EVENT_MONITORING_REPORTED, "endpoint/f"), RULE_SUBJECT_ABSENT);
    append(card, 0); /* a model has no bytes of its own */
    card.manifest_root = &root;
    append(card, RULE_MANIFEST_MISMATCH);
}
END_TEST

START_TEST(risk_and_exports)
{
    struct fixture_spec spec = about(EVENT_RISK_ASSESSED, NULL);
    const struct tally_hash root = fixture_hash(1), other = fixture_hash(2);

    spec.manifest_root = &other;
    append(spec, RULE_MANIFEST_MISMATCH);
    spec.manifest_root = &root;
    append_ref(spec, REL_EVALUATES, &base, RULE_VERSION_REF);
    append_ref(spec, REL_EVALUATES, &version, 0);
    spec = about(EVENT_AUDIT_EXPORTED, NULL);
    spec.to_size = ledger_size(run.ledger) + 1;
    append(spec, RULE_SIZE_RANGE);
    spec.to_size = ledger_size(run.ledger);
    append(spec, 0);
    spec.parent = "organisation/acme";
    append(spec, RULE_PARENT_ABSENT);
    append(about(EVENT_ORGANISATION_REGISTERED, NULL), 0);
    append(spec, 0);
    spec.subject = "ledger/another";
    append(spec, RULE_SUBJECT_ABSENT);
}
END_TEST

/* Every closed type is recorded as denied, by those two rules among others, and changes
 * nothing: neither the head of its subject nor whether it is registered. */
START_TEST(closed_types)
{
    size_t count;
    const struct event_type_info *types = event_types(&count);

    for (size_t i = 0; i < count; i++) {
        struct fixture_spec spec = {.type = types[i].type, .who = FIXTURE_EVERYONE};
        const struct ledger_event_result *result;
        const struct tally_hash head = fixture_hash(3);
        bool says_so = false;

        if (types[i].closed == NULL || types[i].type == EVENT_LEDGER_GENESIS) continue;
        if (types[i].head == HEAD_CLAIMED) spec.expected_head = &head;
        result = ledger_run_event(&run, &spec, NULL);
        ck_assert_int_eq(result->outcome, LEDGER_RECORDED);
        ck_assert(!result->allowed);
        for (uint32_t k = 0; k < result->failed_rules_count; k++) {
            says_so = says_so || result->failed_rules[k] == RULE_TYPE_CLOSED;
        }
        ck_assert_msg(says_so, "%s", types[i].name);
    }
    ck_assert_mem_eq(subject_of("model/m/version/1").head.bytes, version.bytes, 32);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_types");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_run);
    tcase_add_test(tc, references);
    tcase_add_test(tc, an_incident);
    tcase_add_test(tc, a_model_ends);
    tcase_add_test(tc, retractions);
    tcase_add_test(tc, places);
    tcase_add_test(tc, risk_and_exports);
    tcase_add_test(tc, closed_types);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
