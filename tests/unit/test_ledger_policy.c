/* Policies through apply: who may publish one, when it is in force, and what it then decides.
 * The rules one by one are in test_decide_policy.c. */
#include <check.h>
#include <string.h>

#include "event/record.h"
#include "event/rules.h"
#include "ledger/ledger.h"
#include "policy/policy.h"
#include "support/check_main.h"
#include "support/ledger_run.h"
#include "support/policy_run.h"

/* What the ledger's own roles may do, and a gardener; two admins for what makes a quorum. */
#define RULES                                                                                  \
    "name: test\n"                                                                             \
    "roles: [admin, approver, author, evaluator, gardener]\n"                                  \
    "environments: [production]\n"                                                             \
    "rules:\n"                                                                                 \
    "  - id: 1100\n"                                                                           \
    "    permit: admins\n"                                                                     \
    "    events: [policy.published, principal.registered, principal.updated, key.enrolled,\n"  \
    "             key.revoked, role.granted, role.revoked, organisation.registered]\n"         \
    "    clauses:\n"                                                                           \
    "      - actor_role: [admin]\n"                                                            \
    "  - id: 1101\n"                                                                           \
    "    require: two_admins\n"                                                                \
    "    events: [policy.published]\n"                                                         \
    "    clauses:\n"                                                                           \
    "      - approvals: {role: [admin], count: 2, meaning: [author, approve]}\n"               \
    "  - id: 1200\n"                                                                           \
    "    permit: authors\n"                                                                    \
    "    events: [base_model.registered, dataset.registered, model.created,\n"                 \
    "             version.registered, endpoint.registered]\n"                                  \
    "    clauses:\n"                                                                           \
    "      - actor_role: [author]\n"
#define GARDENERS                                                                              \
    "  - id: 1300\n"                                                                           \
    "    permit: gardeners\n"                                                                  \
    "    events: [annotation.added]\n"                                                         \
    "    clauses:\n"                                                                           \
    "      - actor_role: [gardener]\n"

static struct ledger_run run;
static const enum fixture_who both[] = {FIXTURE_EVERYONE, FIXTURE_PEOPLE};

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

static void expect_both(struct fixture_spec spec, uint16_t rule)
{
    const uint16_t rules[] = {rule, 0};

    spec.who = FIXTURE_ADMIN;
    policy_run_expect(&run, spec, both, rules);
}

static struct fixture_spec about(enum event_type type, const char *subject)
{
    return (struct fixture_spec){.type = type, .subject = subject};
}

static void publish(const char *yaml)
{
    policy_run_publish(&run, 1, policy_run_compile(&run, yaml), NULL);
}

/* The decision in the newest leaf. */
static struct record_decision newest_decision(void)
{
    struct ledger_leaf leaf;
    struct record record;

    ck_assert_int_eq(ledger_flush(run.ledger, NULL), TALLY_OK);
    ck_assert_int_eq(ledger_read_leaf(run.store, ledger_size(run.ledger) - 1, run.fixture.arena,
                                      &leaf, NULL),
                     TALLY_OK);
    ck_assert_int_eq(record_decode(leaf.record, run.fixture.arena, &record, NULL), TALLY_OK);
    return record.event.decision;
}

/* ---- publishing ---- */

/* There are two admins: one of them is not enough, nor are two that are not both admins. */
START_TEST(first_policy)
{
    static const uint16_t alone[] = {RULE_POLICY_ADMINS, RULE_POLICY_LOCK_OUT, 0};
    static const enum fixture_who author[] = {FIXTURE_AUTHOR, FIXTURE_PEOPLE};
    const struct bytes policy = policy_run_compile(&run, RULES);
    const struct fixture_spec spec = policy_run_spec(&run, 1, policy, NULL);

    policy_run_expect(&run, spec, NULL, alone);
    policy_run_expect(&run, spec, author, alone);
    policy_run_publish(&run, 1, policy, NULL);
    ck_assert_uint_eq(newest_decision().policy_version, 0); /* the role table decided on it */
    expect(about(EVENT_MODEL_CREATED, NULL), FIXTURE_AUTHOR, 0);
    ck_assert_uint_eq(newest_decision().policy_version, 1);
}
END_TEST

/* A second key of the same person is not a second admin. */
START_TEST(two_keys_of_one_person)
{
    static const uint16_t alone[] = {RULE_POLICY_ADMINS, RULE_POLICY_LOCK_OUT, 0};
    static const enum fixture_who own[] = {FIXTURE_STRANGER, FIXTURE_PEOPLE};
    const struct bytes policy = policy_run_compile(&run, RULES);

    expect(about(EVENT_KEY_ENROLLED, "principal/admin"), FIXTURE_ADMIN, 0);
    policy_run_expect(&run, policy_run_spec(&run, 1, policy, NULL), own, alone);
    policy_run_publish(&run, 1, policy, NULL);
    policy_run_expect(&run, policy_run_spec(&run, 2, policy, &policy), own,
                      (const uint16_t[]){RULE_POLICY_LOCK_OUT, 1101, 0});
}
END_TEST

/* The only admin is enough, when the policy asks for no more. */
START_TEST(one_admin)
{
    struct fixture_spec spec = {.type = EVENT_ROLE_REVOKED, .subject = "principal/everyone"};
    const char *yaml = "name: test\nroles: [admin]\nenvironments: []\nrules:\n"
                       "  - id: 1100\n    permit: admins\n"
                       "    clauses:\n      - actor_role: [admin]\n";
    const struct bytes lone = policy_run_compile(&run, yaml);

    spec.role = "admin";
    expect(policy_run_spec(&run, 1, lone, NULL), FIXTURE_ADMIN, RULE_POLICY_ADMINS);
    expect(spec, FIXTURE_ADMIN, 0);
    expect(policy_run_spec(&run, 1, policy_run_compile(&run, RULES), NULL), FIXTURE_ADMIN,
           RULE_POLICY_LOCK_OUT);
    expect(policy_run_spec(&run, 1, lone, NULL), FIXTURE_ADMIN, 0);
}
END_TEST

START_TEST(versions)
{
    const struct bytes first = policy_run_compile(&run, RULES);
    const struct bytes second = policy_run_compile(&run, RULES GARDENERS);
    struct fixture_spec spec;

    expect_both(policy_run_spec(&run, 2, first, &first), RULE_POLICY_VERSION);
    spec = policy_run_spec(&run, 1, bytes_of("no policy", 9), NULL);
    expect_both(spec, RULE_POLICY_MALFORMED);
    spec = policy_run_spec(&run, 1, first, NULL);
    spec.subject = "policy/other";
    expect_both(spec, RULE_POLICY_NAME);
    spec = policy_run_spec(&run, 1, first, NULL);
    spec.delay_ms = UINT64_C(30) * 24 * 3600 * 1000 + 1;
    expect_both(spec, RULE_POLICY_DELAY);
    policy_run_publish(&run, 1, first, NULL);
    expect_both(policy_run_spec(&run, 1, second, NULL), RULE_POLICY_VERSION);
    expect_both(policy_run_spec(&run, 3, second, &first), RULE_POLICY_VERSION);
    expect_both(policy_run_spec(&run, 2, second, &second), RULE_POLICY_PREVIOUS);
    policy_run_publish(&run, 2, second, &first);
    policy_run_publish(&run, 3, first, &second);
}
END_TEST

/* Nobody may publish a policy under which these people could not publish the next one. */
START_TEST(lock_out)
{
    const char *three = "name: test\nroles: [admin]\nenvironments: []\nrules:\n"
                        "  - id: 1100\n    permit: admins\n    clauses:\n"
                        "      - actor_role: [admin]\n"
                        "      - approvals: {role: [admin], count: 3, meaning: [author, "
                        "approve]}\n";
    const char *nobody = "name: test\nroles: [admin]\nenvironments: []\nrules:\n"
                         "  - id: 1100\n    permit: admins\n    events: [model.created]\n"
                         "    clauses:\n      - actor_role: [admin]\n";
    const char *field = RULES "  - id: 1102\n    require: time\n    events: "
                              "[policy.published]\n    clauses:\n"
                              "      - field: {name: delay_ms, at_least: 1000}\n";
    const struct bytes slow = policy_run_compile(&run, field);
    struct fixture_spec spec;

    expect_both(policy_run_spec(&run, 1, policy_run_compile(&run, three), NULL),
                RULE_POLICY_LOCK_OUT);
    expect_both(policy_run_spec(&run, 1, policy_run_compile(&run, nobody), NULL),
                RULE_POLICY_LOCK_OUT);
    policy_run_publish(&run, 1, slow, NULL);
    spec = policy_run_spec(&run, 2, slow, &slow);
    spec.delay_ms = 999;
    expect_both(spec, 1102);
    spec.delay_ms = 1000;
    expect_both(spec, 0);
}
END_TEST

/* In force from exactly record time + delay on, by the ledger's time; no other one is published
 * before. A restart changes nothing. */
START_TEST(delay)
{
    const struct bytes first = policy_run_compile(&run, RULES);
    const struct bytes second = policy_run_compile(&run, RULES GARDENERS);
    struct fixture_spec spec = policy_run_spec(&run, 1, first, NULL);
    uint64_t published;

    spec.delay_ms = 1000;
    expect_both(spec, 0);
    published = ledger_time_ms(run.ledger);
    expect_both(policy_run_spec(&run, 2, second, &first), RULE_POLICY_PENDING);
    run.chain.time_ms = published + 999;
    expect(about(EVENT_ANNOTATION_ADDED, "model/m"), FIXTURE_AUTHOR, 0);
    ck_assert_uint_eq(newest_decision().policy_version, 0);
    run.chain.time_ms = published + 1000;
    expect(about(EVENT_ANNOTATION_ADDED, "model/m"), FIXTURE_AUTHOR, RULES_OF_POLICY);
    ck_assert_uint_eq(newest_decision().policy_version, 1);
    spec = policy_run_spec(&run, 2, second, &first);
    spec.delay_ms = 5;
    expect_both(spec, 0);
    run.chain.time_ms += 4;
    expect(about(EVENT_ANNOTATION_ADDED, "model/m"), FIXTURE_AUTHOR, RULES_OF_POLICY);
    ck_assert_int_eq(ledger_flush(run.ledger, NULL), TALLY_OK);
    ledger_run_restart(&run);
    expect(about(EVENT_ANNOTATION_ADDED, "model/m"), FIXTURE_AUTHOR, RULES_OF_POLICY);
    run.chain.time_ms += 1;
    expect(about(EVENT_ANNOTATION_ADDED, "model/m"), FIXTURE_AUTHOR, 1300);
}
END_TEST

/* ---- deciding ---- */

/* Roles of the policy are granted like the ledger's own, with scope and expiry. */
START_TEST(roles)
{
    struct fixture_spec grant = {.type = EVENT_ROLE_GRANTED, .subject = "principal/nobody"};
    uint64_t now;

    grant.role = "gardener";
    expect_both(grant, RULE_ROLE_UNKNOWN);
    publish(RULES GARDENERS);
    expect(about(EVENT_ANNOTATION_ADDED, "model/m"), FIXTURE_NOBODY, 1300);
    now = ledger_time_ms(run.ledger);
    grant.scope = "model/m";
    grant.expires_ms = now + 100;
    expect(grant, FIXTURE_ADMIN, 0);
    run.chain.time_ms = now + 99;
    expect(about(EVENT_ANNOTATION_ADDED, "model/m/version/1"), FIXTURE_NOBODY, 0);
    expect(about(EVENT_ANNOTATION_ADDED, "model/mm"), FIXTURE_NOBODY, 1300);
    run.chain.time_ms = now + 100;
    expect(about(EVENT_ANNOTATION_ADDED, "model/m/version/1"), FIXTURE_NOBODY, 1300);
    grant.role = "janitor";
    expect(grant, FIXTURE_ADMIN, RULE_ROLE_UNKNOWN);
}
END_TEST

/* Whoever makes people, keys of others or roles that count must be able to publish a policy. */
START_TEST(quorum)
{
    struct fixture_spec grant = {.type = EVENT_ROLE_GRANTED, .subject = "principal/nobody"};

    publish(RULES);
    expect(about(EVENT_PRINCIPAL_REGISTERED, NULL), FIXTURE_ADMIN, RULE_QUORUM);
    expect_both(about(EVENT_PRINCIPAL_REGISTERED, NULL), 0);
    expect(about(EVENT_KEY_ENROLLED, NULL), FIXTURE_ADMIN, RULE_QUORUM);
    expect_both(about(EVENT_KEY_ENROLLED, NULL), 0);
    grant.role = "admin";
    expect(grant, FIXTURE_ADMIN, RULE_QUORUM);
    expect_both(grant, 0);
    grant.role = "gardener";
    expect(grant, FIXTURE_ADMIN, 0);
    /* No policy can switch the ledger's own rules off, and all that failed are named. */
    policy_run_expect(&run,
                      (struct fixture_spec){.type = EVENT_PRINCIPAL_REGISTERED,
                                            .who = FIXTURE_AUTHOR,
                                            .subject = "principal/admin"},
                      NULL, (const uint16_t[]){RULE_SUBJECT_EXISTS, RULE_QUORUM, 1100, 0});
}
END_TEST

/* A service acts when a person answers for it. */
START_TEST(machines)
{
    struct fixture_spec robot = {.type = EVENT_PRINCIPAL_REGISTERED, .kind = 3};
    struct fixture_spec grant = {.type = EVENT_ROLE_GRANTED};
    struct fixture_spec model = {.type = EVENT_MODEL_CREATED, .actor = "principal/stranger"};
    struct event_signer signers[2];
    const enum fixture_who who[] = {FIXTURE_STRANGER, FIXTURE_AUTHOR};
    const uint8_t meanings[] = {MEANING_AUTHOR, MEANING_RESPONSIBILITY};
    struct bytes event, batch;

    publish(RULES);
    expect_both(robot, 0);
    expect_both(about(EVENT_KEY_ENROLLED, NULL), 0);
    expect(grant, FIXTURE_ADMIN, 0);
    expect(model, FIXTURE_STRANGER, RULE_RESPONSIBILITY);
    for (uint32_t i = 0; i < 2; i++) {
        fixture_key_id(&run.fixture, who[i], &signers[i].key_id);
        signers[i].meaning = meanings[i];
    }
    model.signers = signers;
    model.signers_count = 2;
    event = fixture_event(&run.fixture, &model);
    batch = fixture_batch_of(&run.fixture, who, meanings, 2, &event, 1);
    ledger_run_batches(&run, &batch, 1, false);
    ck_assert(run.result.events[0].allowed);
}
END_TEST

/* Tier of the model, kind of the version, its data, and environments. */
START_TEST(facts)
{
    struct fixture_spec model = {.type = EVENT_MODEL_CREATED, .tier = 3};
    struct fixture_spec version = {.type = EVENT_VERSION_REGISTERED};
    struct fixture_spec endpoint = {.type = EVENT_ENDPOINT_REGISTERED};
    struct tally_hash base, data;
    struct event_ref ref;

    expect((struct fixture_spec){.type = EVENT_ENVIRONMENT_REGISTERED,
                                 .subject = "environment/production",
                                 .parent = ""},
           FIXTURE_ADMIN, 0);
    publish(RULES "  - id: 1201\n    require: data_of_high\n    events: [version.registered]\n"
                  "    tiers: [high]\n    clauses:\n      - data_ok: needed\n"
                  "  - id: 1202\n    forbid: merges\n    kinds: [merge]\n"
                  "  - id: 1203\n    forbid: at_home\n    environments: [production]\n");
    policy_run_event(
        &run, (struct fixture_spec){.type = EVENT_BASE_MODEL_REGISTERED, .who = FIXTURE_AUTHOR},
        NULL, &base);
    policy_run_event(
        &run, (struct fixture_spec){.type = EVENT_DATASET_REGISTERED, .who = FIXTURE_AUTHOR},
        NULL, &data);
    expect(model, FIXTURE_AUTHOR, 0);
    version.base = &base;
    expect(version, FIXTURE_AUTHOR, 1201);
    ref = (struct event_ref){REL_TRAINED_ON, data};
    version.refs = &ref;
    version.refs_count = 1;
    version.version_kind = 3;
    expect(version, FIXTURE_AUTHOR, 1202);
    version.version_kind = 5; /* distilled: a kind that the policy language has no word for */
    expect(version, FIXTURE_AUTHOR, 1202);
    version.version_kind = 0;
    expect(version, FIXTURE_AUTHOR, 0);
    endpoint.parent = "production";
    expect(endpoint, FIXTURE_AUTHOR, 1203);
}
END_TEST

/* People of one unit are not people of two. */
START_TEST(units)
{
    static const enum fixture_who approver[] = {FIXTURE_APPROVER, FIXTURE_PEOPLE};
    struct fixture_spec author = {.type = EVENT_PRINCIPAL_UPDATED,
                                  .subject = "principal/author",
                                  .unit = "organisation/acme"};
    struct fixture_spec other = {.type = EVENT_PRINCIPAL_UPDATED,
                                 .subject = "principal/approver",
                                 .unit = "organisation/acme"};
    struct fixture_spec model = {.type = EVENT_MODEL_CREATED, .who = FIXTURE_AUTHOR};
    static const uint16_t denied[] = {1204, 0};

    expect(author, FIXTURE_ADMIN, RULE_PARENT_ABSENT);
    expect(about(EVENT_ORGANISATION_REGISTERED, "organisation/acme"), FIXTURE_ADMIN, 0);
    expect(about(EVENT_ORGANISATION_REGISTERED, "organisation/acme/unit/b"), FIXTURE_ADMIN, 0);
    publish(RULES "  - id: 1204\n    require: two_units\n    events: [model.created]\n"
                  "    clauses:\n      - approvals: {role: [author, approver], count: 2, "
                  "distinct: org_unit, meaning: [author, approve]}\n");
    policy_run_expect(&run, model, approver, denied); /* whose unit is not known counts not */
    expect(author, FIXTURE_ADMIN, 0);
    expect(other, FIXTURE_ADMIN, 0);
    policy_run_expect(&run, model, approver, denied);
    other.unit = "organisation/acme/unit/b";
    other.responsible = "principal/zed";
    expect(other, FIXTURE_ADMIN, RULE_RESPONSIBLE_ABSENT);
    other.responsible = NULL;
    expect(other, FIXTURE_ADMIN, 0);
    policy_run_expect(&run, model, approver, NULL);
}
END_TEST

/* Rules can ask whether incidents are open. */
START_TEST(incidents)
{
    publish(RULES "  - id: 1205\n    forbid: while_burning\n    events: [model.created]\n"
                  "    clauses:\n      - open: {incident: minor}\n"
                  "  - id: 1206\n    permit: anybody\n"
                  "    events: [incident.opened, incident.updated, incident.closed]\n");
    expect(about(EVENT_INCIDENT_OPENED, NULL), FIXTURE_NOBODY, 0);
    expect(about(EVENT_MODEL_CREATED, NULL), FIXTURE_AUTHOR, 1205);
    expect(about(EVENT_INCIDENT_UPDATED, NULL), FIXTURE_NOBODY, 0);
    expect(about(EVENT_MODEL_CREATED, NULL), FIXTURE_AUTHOR, 1205);
    expect(about(EVENT_INCIDENT_CLOSED, NULL), FIXTURE_NOBODY, 0);
    expect(about(EVENT_MODEL_CREATED, NULL), FIXTURE_AUTHOR, 0);
}
END_TEST

/* The default policy is one that this ledger can begin with. */
START_TEST(default_policy)
{
    const struct bytes policy = policy_run_file(&run, "tools/policies/default.yaml");
    struct fixture_spec spec = policy_run_spec(&run, 1, policy, NULL);
    struct tally_hash digest;

    spec.subject = "policy/default";
    expect_both(spec, 0);
    expect(about(EVENT_MODEL_CREATED, NULL), FIXTURE_EVALUATOR, 1300);
    policy_digest(policy, &digest);
    ck_assert_uint_eq(newest_decision().policy_version, 1);
    ck_assert_mem_eq(newest_decision().policy_digest.bytes, digest.bytes, sizeof digest.bytes);
    expect(about(EVENT_MODEL_CREATED, NULL), FIXTURE_AUTHOR, 0);
    expect(about(EVENT_ORGANISATION_REGISTERED, "organisation/acme"), FIXTURE_ADMIN, 1111);
    expect_both(about(EVENT_ORGANISATION_REGISTERED, "organisation/acme"), 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_policy");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, first_policy);
    tcase_add_test(tc, two_keys_of_one_person);
    tcase_add_test(tc, one_admin);
    tcase_add_test(tc, versions);
    tcase_add_test(tc, lock_out);
    tcase_add_test(tc, delay);
    tcase_add_test(tc, roles);
    tcase_add_test(tc, quorum);
    tcase_add_test(tc, machines);
    tcase_add_test(tc, facts);
    tcase_add_test(tc, units);
    tcase_add_test(tc, incidents);
    tcase_add_test(tc, default_policy);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
