/* Evidence through apply: which results a policy in force is asked with. How clauses weigh them
 * is in test_policy_decide.c. */
#include <check.h>
#include <stdio.h>

#include "event/rules.h"
#include "ledger/ledger.h"
#include "policy/policy_decide.h"
#include "support/check_main.h"
#include "support/ledger_run.h"
#include "support/policy_run.h"

/* Everything is permitted; approvals need evidence. */
#define RULES                                                                                  \
    "name: test\nroles: [admin]\nenvironments: []\nrules:\n"                                   \
    "  - id: 1207\n    permit: anybody\n"                                                      \
    "  - id: 1208\n    require: safe\n    events: [approval.granted]\n    clauses:\n"          \
    "      - evidence: {kind: safety%s}\n"

static struct ledger_run run;

static void setup(void)
{
    ledger_run_open(&run);
}

static void teardown(void)
{
    ledger_run_close(&run);
}

static void expect(struct fixture_spec spec, enum fixture_who who, uint16_t rule)
{
    const uint16_t rules[] = {rule, 0};

    spec.who = who;
    policy_run_expect(&run, spec, NULL, rules);
}

static struct fixture_spec about(enum event_type type, const char *subject)
{
    return (struct fixture_spec){.type = type, .subject = subject};
}

/* Publish a policy whose approvals need evidence, and register two versions with the same
 * bytes.
 */
static struct fixture_spec judged_version(const char *evidence)
{
    char yaml[4096];
    struct tally_hash base;
    struct fixture_spec spec = {.type = EVENT_VERSION_REGISTERED, .who = FIXTURE_AUTHOR};

    snprintf(yaml, sizeof yaml, RULES, evidence);
    policy_run_publish(&run, 1, policy_run_compile(&run, yaml), NULL);
    ledger_run_version(&run, &base, NULL);
    spec.base = &base;
    spec.subject = "model/m/version/2";
    policy_run_expect(&run, spec, NULL, NULL);
    return about(EVENT_APPROVAL_GRANTED, NULL);
}

static struct tally_hash evaluate(enum fixture_who who, bool failed)
{
    const struct fixture_spec spec = {
        .type = EVENT_EVALUATION_RECORDED, .who = who, .failed = failed};
    struct tally_hash hash;

    ck_assert(policy_run_event(&run, spec, NULL, &hash)->allowed);
    return hash;
}

static void retract(const struct tally_hash *evaluation)
{
    const struct event_ref ref = {REL_CORRECTS, *evaluation};

    expect((struct fixture_spec){.type = EVENT_EVALUATION_RETRACTED,
                                 .refs = &ref,
                                 .refs_count = 1},
           FIXTURE_EVALUATOR, 0);
}

/* The newest result that counts decides; it belongs to the bytes, not to their name. */
START_TEST(evidence)
{
    const struct fixture_spec approve = judged_version("");
    struct fixture_spec other = approve;
    struct tally_hash pass, failure;

    other.subject = "model/m/version/2";
    expect(approve, FIXTURE_APPROVER, 1208);
    pass = evaluate(FIXTURE_EVALUATOR, false);
    expect(approve, FIXTURE_APPROVER, 0);
    expect(other, FIXTURE_APPROVER, 0);
    failure = evaluate(FIXTURE_EVALUATOR, true);
    expect(approve, FIXTURE_APPROVER, 1208);
    expect(other, FIXTURE_APPROVER, 1208);
    retract(&failure);
    expect(approve, FIXTURE_APPROVER, 0);
    retract(&pass);
    expect(approve, FIXTURE_APPROVER, 1208);
    (void)evaluate(FIXTURE_EVALUATOR, false);
    ck_assert_int_eq(ledger_flush(run.ledger, NULL), TALLY_OK);
    ledger_run_restart(&run);
    expect(approve, FIXTURE_APPROVER, 0);
}
END_TEST

/* Exactly as old as it may be, and a millisecond more. */
START_TEST(age_of_evidence)
{
    const struct fixture_spec approve = judged_version(", max_age: 1s");
    uint64_t at;

    (void)evaluate(FIXTURE_EVALUATOR, false);
    at = ledger_time_ms(run.ledger);
    run.chain.time_ms = at + 1000;
    expect(approve, FIXTURE_APPROVER, 0);
    run.chain.time_ms = at + 1001;
    expect(approve, FIXTURE_APPROVER, 1208);
}
END_TEST

/* Who registered a version is its author, and may be left out. */
START_TEST(evidence_of_the_author)
{
    const struct fixture_spec approve = judged_version(", exclude_author: true");

    (void)evaluate(FIXTURE_AUTHOR, false);
    expect(approve, FIXTURE_APPROVER, 1208);
    (void)evaluate(FIXTURE_EVALUATOR, false);
    expect(approve, FIXTURE_APPROVER, 0);
}
END_TEST

/* Only so many results can be kept of the same bytes. */
START_TEST(results_are_bounded)
{
    (void)judged_version("");
    for (uint32_t i = 0; i < POLICY_RESULTS_MAX; i++) (void)evaluate(FIXTURE_EVALUATOR, false);
    expect(about(EVENT_EVALUATION_RECORDED, NULL), FIXTURE_EVALUATOR, RULE_RESULT_LIMIT);
    expect(about(EVENT_APPROVAL_GRANTED, NULL), FIXTURE_APPROVER, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_evidence");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evidence);
    tcase_add_test(tc, age_of_evidence);
    tcase_add_test(tc, evidence_of_the_author);
    tcase_add_test(tc, results_are_bounded);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
