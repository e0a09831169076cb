/* The decision on the types whose row in event_types.h is nearly all of their rule. Each case
 * is an honest event with one fact changed, and names exactly the rules that must then fail;
 * test_decide.c has the other types and the rules that all share, test_decide_policy.c what
 * policies are about. */
#include <check.h>
#include <string.h>

#include "event/event_describe.h"
#include "event/rules.h"
#include "ledger/decide.h"
#include "support/check_main.h"
#include "support/decide_expect.h"
#include "support/ledger_fixture.h"

enum { RULES_FIRST = RULE_SUBJECT_ABSENT, RULES_LAST = RULE_SIZE_RANGE };

/* An event and facts under which it is allowed. */
struct world {
    struct event event;
    struct decide_facts facts;
    struct decide_role role;
    struct decide_ref named[2];
    struct event_ref refs[2];
};

static void be_honest(struct world *w, enum event_type type)
{
    const struct event_type_info *info = event_type_info(type);
    size_t rules_count;
    const struct event_ref_rule *rules = event_ref_rules(type, &rules_count);

    *w = (struct world){.event = {.type = type,
                                  .subject = event_example_subject(type),
                                  .actor = "principal/a",
                                  .on_behalf_of = ""}};
    for (int role = ROLE_NONE + 1; role < ROLES_END; role++) {
        if (role_may((enum role)role, type)) w->role.role = (enum role)role;
    }
    w->facts.actor_roles = &w->role;
    w->facts.actor_roles_count = 1;
    w->facts.index = 100;
    w->facts.refs = w->named;
    w->event.refs = w->refs;
    for (size_t i = 0; i < rules_count; i++) {
        if ((rules[i].flags & REF_REQUIRED) == 0) continue;
        w->refs[w->event.refs_count] =
            (struct event_ref){(enum event_rel)rules[i].rel, fixture_hash(7)};
        w->named[w->event.refs_count++] =
            (struct decide_ref){.type = rules[i].targets[0], .same_subject = true};
    }
    w->facts.subject.registered = info->need != NEED_NEW;
    w->facts.subject.registration = fixture_hash(8);
    w->facts.parent.registered = true;
    switch (type) {
    case EVENT_ENVIRONMENT_REGISTERED:
        w->event.environment_registered.site = "organisation/acme/site/oslo";
        return;
    case EVENT_ENDPOINT_REGISTERED:
        w->event.endpoint_registered.environment = "production";
        return;
    case EVENT_CHANGE_REQUESTED:
        w->event.change_requested.model = "model/m";
        return;
    case EVENT_AUDIT_EXPORTED:
        w->event.audit_exported.recipient = "organisation/acme";
        w->event.audit_exported.to_size = 100;
        return;
    case EVENT_MODEL_UPDATED:
        w->event.model.owner = "principal/a";
        w->facts.principal.registered = true;
        return;
    case EVENT_VERSION_REGISTERED:
        w->facts.base =
            (struct decide_subject){.registered = true, .registration = fixture_hash(7)};
        w->facts.run = (struct decide_subject){.registered = true, .ended = true};
        w->event.version_registered.run = "r12";
        return;
    case EVENT_ATTESTATION_ATTACHED:
    case EVENT_RISK_ASSESSED:
        w->facts.subject.manifest_root = fixture_hash(9);
        w->event.judged.manifest_root = fixture_hash(9);
        return;
    default:
        return;
    }
}

static void nothing(struct world *w)
{
    (void)w;
}
static void known(struct world *w)
{
    w->facts.subject.registered = true;
}
static void unknown(struct world *w)
{
    w->facts.subject.registered = false;
}
static void ended(struct world *w)
{
    w->facts.subject.ended = true;
}
static void failed(struct world *w)
{
    w->facts.subject.ended = w->facts.subject.failed = true;
}
static void no_parent(struct world *w)
{
    w->facts.parent.registered = false;
}
static void parent_ended(struct world *w)
{
    w->facts.parent.ended = true;
}
static void unit(struct world *w)
{
    w->event.subject = "organisation/acme/unit/credit";
}
static void unit_of_nothing(struct world *w)
{
    unit(w);
    no_parent(w);
}
static void no_site(struct world *w)
{
    w->event.environment_registered.site = "";
    no_parent(w);
}
static void no_recipient(struct world *w)
{
    w->event.audit_exported.recipient = "";
    no_parent(w);
}
static void too_large(struct world *w)
{
    w->event.audit_exported.to_size = 101;
}
static void owner_gone(struct world *w)
{
    w->facts.principal.registered = false;
}
static void owner_kept(struct world *w)
{
    owner_gone(w);
    w->event.model.owner = "";
}
static void other_bytes(struct world *w)
{
    w->event.judged.manifest_root = fixture_hash(10);
}
static void no_bytes(struct world *w)
{
    w->event.judged.manifest_root = w->facts.subject.manifest_root = (struct tally_hash){{0}};
}
static void bytes_left_out(struct world *w)
{
    w->event.judged.manifest_root = (struct tally_hash){{0}};
}
static void add_ref(struct world *w, enum event_rel rel, enum event_type type)
{
    w->refs[w->event.refs_count] = (struct event_ref){rel, fixture_hash(8)};
    w->named[w->event.refs_count++] = (struct decide_ref){.type = type};
}
static void evaluates_it(struct world *w)
{
    add_ref(w, REL_EVALUATES, EVENT_VERSION_REGISTERED);
}
static void evaluates_another(struct world *w)
{
    evaluates_it(w);
    w->refs[0].event_hash = fixture_hash(71);
}
static void on_data(struct world *w)
{
    add_ref(w, REL_TRAINED_ON, EVENT_DATASET_REGISTERED);
}
static void on_a_model(struct world *w)
{
    add_ref(w, REL_TRAINED_ON, EVENT_MODEL_CREATED);
}
static void by_code(struct world *w)
{
    add_ref(w, REL_PRODUCED_BY, EVENT_CODE_REGISTERED);
}
static void by_data(struct world *w)
{
    add_ref(w, REL_PRODUCED_BY, EVENT_DATASET_REGISTERED);
}
static void on_a_version(struct world *w)
{
    w->named[0].type = EVENT_VERSION_REGISTERED;
}
static void wrong_type(struct world *w)
{
    w->named[0].type = EVENT_ANNOTATION_ADDED;
}
static void other_subject(struct world *w)
{
    w->named[0].same_subject = false;
}
static void again(struct world *w)
{
    w->named[0].retracted = true;
}
static void denied_one(struct world *w)
{
    w->named[0].state = DECIDE_REF_DENIED;
}
static void unknown_one(struct world *w)
{
    w->named[0] = (struct decide_ref){.state = DECIDE_REF_UNKNOWN};
}
static void free_relation(struct world *w)
{
    add_ref(w, REL_CAUSED_BY, EVENT_ANNOTATION_ADDED);
}
static void merges_data(struct world *w)
{
    add_ref(w, REL_MERGES, EVENT_DATASET_REGISTERED);
}
static void no_run(struct world *w)
{
    w->facts.run = (struct decide_subject){0};
}
static void run_goes_on(struct world *w)
{
    w->facts.run.ended = false;
}
static void run_failed(struct world *w)
{
    w->facts.run.failed = true;
}
static void run_not_named(struct world *w)
{
    no_run(w);
    w->event.version_registered.run = "";
}

static const struct {
    const char *name;
    enum event_type type;
    void (*change)(struct world *);
    uint16_t rules[4]; /* 0 ends the list */
} cases[] = {
    {"organisation", EVENT_ORGANISATION_REGISTERED, nothing, {0}},
    {"organisation without parent", EVENT_ORGANISATION_REGISTERED, no_parent, {0}},
    {"organisation known", EVENT_ORGANISATION_REGISTERED, known, {RULE_SUBJECT_EXISTS}},
    {"unit", EVENT_ORGANISATION_REGISTERED, unit, {0}},
    {"unit of nothing", EVENT_ORGANISATION_REGISTERED, unit_of_nothing, {RULE_PARENT_ABSENT}},
    {"code", EVENT_CODE_REGISTERED, nothing, {0}},
    {"code known", EVENT_CODE_REGISTERED, known, {RULE_SUBJECT_EXISTS}},
    {"environment", EVENT_ENVIRONMENT_REGISTERED, nothing, {0}},
    {"environment known", EVENT_ENVIRONMENT_REGISTERED, known, {RULE_SUBJECT_EXISTS}},
    {"environment nowhere", EVENT_ENVIRONMENT_REGISTERED, no_site, {0}},
    {"no such site", EVENT_ENVIRONMENT_REGISTERED, no_parent, {RULE_PARENT_ABSENT}},
    {"endpoint", EVENT_ENDPOINT_REGISTERED, nothing, {0}},
    {"endpoint known", EVENT_ENDPOINT_REGISTERED, known, {RULE_SUBJECT_EXISTS}},
    {"no such environment", EVENT_ENDPOINT_REGISTERED, no_parent, {RULE_PARENT_ABSENT}},
    {"model updated", EVENT_MODEL_UPDATED, nothing, {0}},
    {"no such model", EVENT_MODEL_UPDATED, unknown, {RULE_MODEL_ABSENT}},
    {"archived model", EVENT_MODEL_UPDATED, ended, {RULE_SUBJECT_ENDED}},
    {"no such owner", EVENT_MODEL_UPDATED, owner_gone, {RULE_OWNER_ABSENT}},
    {"owner as before", EVENT_MODEL_UPDATED, owner_kept, {0}},
    {"archive", EVENT_MODEL_ARCHIVED, nothing, {0}},
    {"archive twice", EVENT_MODEL_ARCHIVED, ended, {RULE_SUBJECT_ENDED}},
    {"archive nothing", EVENT_MODEL_ARCHIVED, unknown, {RULE_MODEL_ABSENT}},
    {"request", EVENT_CHANGE_REQUESTED, nothing, {0}},
    {"request known", EVENT_CHANGE_REQUESTED, known, {RULE_SUBJECT_EXISTS}},
    {"request for nothing", EVENT_CHANGE_REQUESTED, no_parent, {RULE_MODEL_ABSENT}},
    {"request for what ended", EVENT_CHANGE_REQUESTED, parent_ended, {RULE_PARENT_ENDED}},
    {"run", EVENT_RUN_STARTED, nothing, {0}},
    {"run known", EVENT_RUN_STARTED, known, {RULE_SUBJECT_EXISTS}},
    {"run of no model", EVENT_RUN_STARTED, no_parent, {RULE_MODEL_ABSENT}},
    {"run of an archived model", EVENT_RUN_STARTED, parent_ended, {RULE_PARENT_ENDED}},
    {"run from a version", EVENT_RUN_STARTED, on_a_version, {0}},
    {"run from a note", EVENT_RUN_STARTED, wrong_type, {RULE_REF_TYPE}},
    {"run on data", EVENT_RUN_STARTED, on_data, {0}},
    {"run on a model", EVENT_RUN_STARTED, on_a_model, {RULE_REF_TYPE}},
    {"run by code", EVENT_RUN_STARTED, by_code, {0}},
    {"run by data", EVENT_RUN_STARTED, by_data, {RULE_REF_TYPE}},
    {"run from nothing", EVENT_RUN_STARTED, unknown_one, {RULE_REF_UNKNOWN}},
    {"run caused by a note", EVENT_RUN_STARTED, free_relation, {0}},
    {"completed", EVENT_RUN_COMPLETED, nothing, {0}},
    {"completed without start", EVENT_RUN_COMPLETED, unknown, {RULE_SUBJECT_ABSENT}},
    {"completed twice", EVENT_RUN_COMPLETED, ended, {RULE_SUBJECT_ENDED}},
    {"completed after failure", EVENT_RUN_COMPLETED, failed, {RULE_SUBJECT_ENDED}},
    {"failed", EVENT_RUN_FAILED, nothing, {0}},
    {"failed without start", EVENT_RUN_FAILED, unknown, {RULE_SUBJECT_ABSENT}},
    {"failed after completion", EVENT_RUN_FAILED, ended, {RULE_SUBJECT_ENDED}},
    {"version of a run", EVENT_VERSION_REGISTERED, nothing, {0}},
    {"version of no run", EVENT_VERSION_REGISTERED, no_run, {RULE_RUN_OPEN}},
    {"version of a run that goes on", EVENT_VERSION_REGISTERED, run_goes_on, {RULE_RUN_OPEN}},
    {"version of a failed run", EVENT_VERSION_REGISTERED, run_failed, {RULE_RUN_OPEN}},
    {"version without run", EVENT_VERSION_REGISTERED, run_not_named, {0}},
    {"version of an archived model",
     EVENT_VERSION_REGISTERED,
     parent_ended,
     {RULE_PARENT_ENDED}},
    {"version that merges data", EVENT_VERSION_REGISTERED, merges_data, {RULE_REF_TYPE}},
    {"version trained on a model", EVENT_VERSION_REGISTERED, on_a_model, {RULE_REF_TYPE}},
    {"version trained on data", EVENT_VERSION_REGISTERED, on_data, {0}},
    {"attestation", EVENT_ATTESTATION_ATTACHED, nothing, {0}},
    {"attestation of nothing", EVENT_ATTESTATION_ATTACHED, unknown, {RULE_VERSION_ABSENT}},
    {"attestation of others",
     EVENT_ATTESTATION_ATTACHED,
     other_bytes,
     {RULE_MANIFEST_MISMATCH}},
    {"attestation of no bytes", EVENT_ATTESTATION_ATTACHED, no_bytes, {0}},
    {"attestation of which bytes",
     EVENT_ATTESTATION_ATTACHED,
     bytes_left_out,
     {RULE_MANIFEST_MISMATCH}},
    {"attestation taken back", EVENT_ATTESTATION_RETRACTED, nothing, {0}},
    {"something else taken back", EVENT_ATTESTATION_RETRACTED, wrong_type, {RULE_REF_TYPE}},
    {"another's taken back", EVENT_ATTESTATION_RETRACTED, other_subject, {RULE_REF_SUBJECT}},
    {"taken back twice", EVENT_ATTESTATION_RETRACTED, again, {RULE_REF_RETRACTED}},
    {"a denied one taken back", EVENT_ATTESTATION_RETRACTED, denied_one, {RULE_REF_DENIED}},
    {"evaluation taken back", EVENT_EVALUATION_RETRACTED, nothing, {0}},
    {"evaluation of nothing", EVENT_EVALUATION_RETRACTED, unknown, {RULE_VERSION_ABSENT}},
    {"no evaluation", EVENT_EVALUATION_RETRACTED, wrong_type, {RULE_REF_TYPE}},
    {"another's evaluation", EVENT_EVALUATION_RETRACTED, other_subject, {RULE_REF_SUBJECT}},
    {"evaluation twice", EVENT_EVALUATION_RETRACTED, again, {RULE_REF_RETRACTED}},
    {"evaluation unknown", EVENT_EVALUATION_RETRACTED, unknown_one, {RULE_REF_UNKNOWN}},
    {"risk", EVENT_RISK_ASSESSED, nothing, {0}},
    {"risk of nothing", EVENT_RISK_ASSESSED, unknown, {RULE_VERSION_ABSENT}},
    {"risk of others", EVENT_RISK_ASSESSED, other_bytes, {RULE_MANIFEST_MISMATCH}},
    {"risk of this version", EVENT_RISK_ASSESSED, evaluates_it, {0}},
    {"risk of another version", EVENT_RISK_ASSESSED, evaluates_another, {RULE_VERSION_REF}},
    {"observed", EVENT_DEPLOYMENT_OBSERVED, nothing, {0}},
    {"observed nowhere", EVENT_DEPLOYMENT_OBSERVED, unknown, {RULE_SUBJECT_ABSENT}},
    {"monitoring", EVENT_MONITORING_REPORTED, nothing, {0}},
    {"monitoring nothing", EVENT_MONITORING_REPORTED, unknown, {RULE_SUBJECT_ABSENT}},
    {"log", EVENT_OPLOG_ANCHORED, nothing, {0}},
    {"log of nothing", EVENT_OPLOG_ANCHORED, unknown, {RULE_SUBJECT_ABSENT}},
    {"incident", EVENT_INCIDENT_OPENED, nothing, {0}},
    {"incident opened twice", EVENT_INCIDENT_OPENED, known, {RULE_SUBJECT_EXISTS}},
    {"incident goes on", EVENT_INCIDENT_UPDATED, nothing, {0}},
    {"no such incident", EVENT_INCIDENT_UPDATED, unknown, {RULE_SUBJECT_ABSENT}},
    {"closed incident", EVENT_INCIDENT_UPDATED, ended, {RULE_SUBJECT_ENDED}},
    {"incident closed", EVENT_INCIDENT_CLOSED, nothing, {0}},
    {"incident closed twice", EVENT_INCIDENT_CLOSED, ended, {RULE_SUBJECT_ENDED}},
    {"nothing closed", EVENT_INCIDENT_CLOSED, unknown, {RULE_SUBJECT_ABSENT}},
    {"correction", EVENT_CORRECTION_RECORDED, nothing, {0}},
    {"correction of any type", EVENT_CORRECTION_RECORDED, wrong_type, {0}},
    {"correction elsewhere", EVENT_CORRECTION_RECORDED, other_subject, {RULE_REF_SUBJECT}},
    {"correction of the retracted", EVENT_CORRECTION_RECORDED, again, {0}},
    {"export", EVENT_AUDIT_EXPORTED, nothing, {0}},
    {"export of too much", EVENT_AUDIT_EXPORTED, too_large, {RULE_SIZE_RANGE}},
    {"export for nobody known", EVENT_AUDIT_EXPORTED, no_parent, {RULE_PARENT_ABSENT}},
    {"export for oneself", EVENT_AUDIT_EXPORTED, no_recipient, {0}},
    {"export of another ledger", EVENT_AUDIT_EXPORTED, unknown, {RULE_SUBJECT_ABSENT}},
};
enum { CASES_COUNT = sizeof cases / sizeof cases[0] };

START_TEST(one_case)
{
    struct world world;

    be_honest(&world, cases[_i].type);
    cases[_i].change(&world);
    decide_expect(cases[_i].name, &world.facts, &world.event, cases[_i].rules);
}
END_TEST

START_TEST(every_new_rule_has_a_case)
{
    for (uint16_t rule = RULES_FIRST; rule <= RULES_LAST; rule++) {
        uint32_t failing = 0;

        if (strcmp(decide_rule_name(rule), "unknown_rule") == 0) continue;
        for (size_t i = 0; i < CASES_COUNT; i++) {
            for (size_t k = 0; k < 4; k++) failing += cases[i].rules[k] == rule ? 1u : 0u;
        }
        ck_assert_msg(failing > 0, "rule %s has no case", decide_rule_name(rule));
    }
}
END_TEST

/* Goal: a closed type is denied, whatever else holds, and says so. */
START_TEST(closed_types)
{
    static const uint16_t rules[] = {RULE_TYPE_CLOSED, RULE_ROLE_MISSING, 0};
    size_t count, closed = 0;
    const struct event_type_info *types = event_types(&count);

    for (size_t i = 0; i < count; i++) {
        struct world world;

        if (types[i].closed == NULL) continue;
        be_honest(&world, types[i].type);
        for (int role = ROLE_NONE; role < ROLES_END; role++) {
            world.role.role = (enum role)role;
            decide_expect(types[i].name, &world.facts, &world.event, rules);
        }
        closed++;
    }
    ck_assert_uint_eq(closed, 34);
}
END_TEST

/* Who may append what, written down a second time: letters of the roles admin, author,
 * evaluator, approver, deployer, auditor (D for the deployer, U for the auditor). */
START_TEST(who_may_append)
{
    static const char letters[] = "?AWEPDU";
    static const struct {
        enum event_type type;
        const char *may;
    } table[] = {
        {EVENT_LEDGER_MEMBER_CHANGED, "A"},
        {EVENT_POLICY_PUBLISHED, "A"},
        {EVENT_ORGANISATION_REGISTERED, "A"},
        {EVENT_PRINCIPAL_UPDATED, "A"},
        {EVENT_PRINCIPAL_REGISTERED, "A"},
        {EVENT_KEY_ENROLLED, "A"},
        {EVENT_KEY_REVOKED, "A"},
        {EVENT_ROLE_GRANTED, "A"},
        {EVENT_ROLE_REVOKED, "A"},
        {EVENT_AUDIT_EXPORTED, "AU"},
        {EVENT_BASE_MODEL_REGISTERED, "W"},
        {EVENT_DATASET_REGISTERED, "W"},
        {EVENT_CODE_REGISTERED, "W"},
        {EVENT_ENVIRONMENT_REGISTERED, "A"},
        {EVENT_ENDPOINT_REGISTERED, "D"},
        {EVENT_MODEL_CREATED, "W"},
        {EVENT_MODEL_UPDATED, "W"},
        {EVENT_MODEL_ARCHIVED, "W"},
        {EVENT_CHANGE_REQUESTED, "WD"},
        {EVENT_RUN_STARTED, "W"},
        {EVENT_RUN_COMPLETED, "W"},
        {EVENT_RUN_FAILED, "W"},
        {EVENT_VERSION_REGISTERED, "W"},
        {EVENT_ATTESTATION_ATTACHED, "WEU"},
        {EVENT_ATTESTATION_RETRACTED, "WEU"},
        {EVENT_EVALUATION_RETRACTED, "E"},
        {EVENT_EVALUATION_RECORDED, "E"},
        {EVENT_RISK_ASSESSED, "E"},
        {EVENT_APPROVAL_GRANTED, "P"},
        {EVENT_DEPLOYMENT_OBSERVED, "DU"},
        {EVENT_MONITORING_REPORTED, "ED"},
        {EVENT_INCIDENT_OPENED, "WEPDU"},
        {EVENT_INCIDENT_UPDATED, "WEPDU"},
        {EVENT_INCIDENT_CLOSED, "PU"},
        {EVENT_OPLOG_ANCHORED, "D"},
        {EVENT_CORRECTION_RECORDED, "AWEPDU"},
        {EVENT_ANNOTATION_ADDED, "WEPDU"},
    };
    size_t count, open = 0;
    const struct event_type_info *types = event_types(&count);

    for (size_t i = 0; i < count; i++) open += types[i].closed == NULL ? 1 : 0;
    ck_assert_uint_eq(open, sizeof table / sizeof table[0]);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int role = ROLE_NONE; role < ROLES_END; role++) {
            ck_assert_msg(role_may((enum role)role, table[i].type) ==
                              (strchr(table[i].may, letters[role]) != NULL),
                          "%s by %s", event_type_info(table[i].type)->name,
                          role_name((enum role)role));
        }
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("decide_types");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, one_case, 0, CASES_COUNT);
    tcase_add_test(tc, every_new_rule_has_a_case);
    tcase_add_test(tc, closed_types);
    tcase_add_test(tc, who_may_append);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
