/* The decision of feature level 1, one rule at a time. Each row is an honest event of some type
 * with one fact changed, and names exactly the rules that must then fail. */
#include <check.h>
#include <string.h>

#include "event/rules.h"
#include "ledger/decide.h"
#include "support/check_main.h"
#include "support/decide_expect.h"
#include "support/ledger_fixture.h"

/* An event and facts under which it is allowed. */
struct world {
    struct event event;
    struct decide_facts facts;
    struct decide_role roles[DECIDE_ROLES_MAX]; /* the actor's */
    struct decide_role held[DECIDE_ROLES_MAX];  /* the target's */
    struct decide_ref ref_states[2];
    struct event_ref refs[2];
};

static struct bytes text(const char *string)
{
    return bytes_of(string, strlen(string));
}

static struct decide_role role(const char *name, const char *scope)
{
    return (struct decide_role){
        .role = role_named(name, strlen(name)), .name = text(name), .scope = text(scope)};
}

static const char *subject_for(enum event_type type)
{
    if (type <= EVENT_ROLE_REVOKED) return "principal/p";
    if (type == EVENT_BASE_MODEL_REGISTERED) return "base/b";
    if (type == EVENT_DATASET_REGISTERED) return "dataset/d";
    if (type == EVENT_MODEL_CREATED) return "model/m";
    return "model/m/version/1";
}

static void be_honest(struct world *w, enum event_type type)
{
    *w = (struct world){.event = {.type = type,
                                  .subject = subject_for(type),
                                  .actor = "principal/a",
                                  .on_behalf_of = ""}};
    w->facts.index = 100;
    w->facts.time_ms = 5000;
    w->facts.actor_roles = w->roles;
    w->facts.refs = w->ref_states;
    w->facts.principal.roles = w->held;
    w->event.refs = w->refs;
    for (int kind = 0; kind < 4; kind++) {
        static const char *const names[] = {"admin", "author", "evaluator", "approver"};

        if (!role_may(role_named(names[kind], strlen(names[kind])), type)) continue;
        w->roles[0] = role(names[kind], "");
        w->facts.actor_roles_count = 1;
    }
    w->facts.principal.registered = true;
    if (type == EVENT_MODEL_CREATED || type == EVENT_MODEL_UPDATED) {
        w->event.model.owner = "principal/a";
    }
    w->facts.change =
        (struct decide_change){.version_next = true, .valid = true, .policy_valid = true};
    if (type == EVENT_ROLE_GRANTED || type == EVENT_ROLE_REVOKED) {
        w->event.role.role = "author";
        w->event.role.scope = "model/m";
    }
    if (type == EVENT_ROLE_REVOKED) {
        w->held[0] = role("author", "model/m");
        w->facts.principal.roles_count = 1;
    }
    if (type == EVENT_KEY_REVOKED) {
        w->facts.key = (struct decide_key){.enrolled = true, .of_subject = true};
        w->facts.key.enrolled_index = 10;
    }
    if (type == EVENT_VERSION_REGISTERED) {
        w->event.version_registered.run = "";
        w->facts.parent.registered = true;
        w->facts.base.registered = true;
        w->facts.base.registration = fixture_hash(7);
        w->refs[0] = (struct event_ref){REL_BASE, fixture_hash(7)};
        w->event.refs_count = 1;
    }
    if (type == EVENT_EVALUATION_RECORDED || type == EVENT_APPROVAL_GRANTED) {
        w->facts.subject.registered = true;
        w->facts.subject.registration = fixture_hash(8);
        w->facts.subject.manifest_root = fixture_hash(9);
        w->event.judged.manifest_root = fixture_hash(9);
        w->refs[0] = (struct event_ref){
            type == EVENT_EVALUATION_RECORDED ? REL_EVALUATES : REL_APPROVES, fixture_hash(8)};
        w->event.refs_count = 1;
    }
}

static void nothing(struct world *w)
{
    (void)w;
}
static void stale_change(struct world *w)
{
    w->facts.change.version_next = w->facts.change.valid = false;
}
static void second_change(struct world *w)
{
    w->facts.change.pending = true;
}
static void no_such_member(struct world *w)
{
    w->facts.change.valid = w->facts.change.policy_valid = false;
}
static void bad_policy(struct world *w)
{
    w->facts.change.policy_valid = false;
}
static void revoked_key(struct world *w)
{
    w->facts.signer_revoked = true;
}
static void no_role(struct world *w)
{
    w->facts.actor_roles_count = 0;
}
static void other_role(struct world *w)
{
    w->roles[0] = role("approver", "");
}
static void odd_role(struct world *w)
{
    w->roles[0] = role("gardener", "");
}
static void other_scope(struct world *w)
{
    w->roles[0].scope = text("model/mm");
}
static void half_segment(struct world *w)
{
    w->roles[0].scope = text("mod");
}
static void own_scope(struct world *w)
{
    w->roles[0].scope = text("model/m");
}
static void expired(struct world *w)
{
    w->roles[0].expires_ms = 5000;
}
static void expires_next(struct world *w)
{
    w->roles[0].expires_ms = 5001;
}
static void expired_and_live(struct world *w)
{
    w->roles[0].expires_ms = 1;
    w->roles[1] = role("author", "model");
    w->facts.actor_roles_count = 2;
}
static void unknown_ref(struct world *w)
{
    w->ref_states[0].state = DECIDE_REF_UNKNOWN;
}
static void denied_ref(struct world *w)
{
    w->ref_states[0].state = DECIDE_REF_DENIED;
}
static void both_refs_bad(struct world *w)
{
    w->refs[1] = (struct event_ref){REL_TRAINED_ON, fixture_hash(70)};
    w->event.refs_count = 2;
    w->ref_states[0].state = DECIDE_REF_DENIED;
    w->ref_states[1].state = DECIDE_REF_UNKNOWN;
}
static void head_given(struct world *w)
{
    w->event.has_expected_head = true;
    w->event.expected_head = fixture_hash(20);
    w->facts.subject.has_head = true;
    w->facts.subject.head = fixture_hash(20);
}
static void head_moved(struct world *w)
{
    head_given(w);
    w->facts.subject.head = fixture_hash(21);
}
static void head_of_nothing(struct world *w)
{
    w->event.has_expected_head = true; /* 32 zero bytes, as an unknown subject's head */
}
static void exists(struct world *w)
{
    w->facts.subject.registered = true;
}
static void no_principal(struct world *w)
{
    w->facts.principal.registered = false;
}
static void key_known(struct world *w)
{
    w->facts.key.enrolled = true;
}
static void key_unknown(struct world *w)
{
    w->facts.key = (struct decide_key){0};
}
static void key_of_another(struct world *w)
{
    w->facts.key.of_subject = false;
}
static void key_gone(struct world *w)
{
    w->facts.key.revoked = true;
}
static void since_enrolment(struct world *w)
{
    w->event.key_revoked.compromised = true;
    w->event.key_revoked.compromised_since = 10;
}
static void since_now(struct world *w)
{
    since_enrolment(w);
    w->event.key_revoked.compromised_since = 100;
}
static void since_too_early(struct world *w)
{
    since_enrolment(w);
    w->event.key_revoked.compromised_since = 9;
}
static void since_future(struct world *w)
{
    since_enrolment(w);
    w->event.key_revoked.compromised_since = 101;
}
static void grant_odd_role(struct world *w)
{
    w->event.role.role = "gardener";
}
static void grant_to_full(struct world *w)
{
    for (uint32_t i = 0; i < DECIDE_ROLES_MAX; i++) w->held[i] = role("author", "base/b");
    w->facts.principal.roles_count = DECIDE_ROLES_MAX;
}
static void grant_to_almost_full(struct world *w)
{
    grant_to_full(w);
    w->facts.principal.roles_count--;
}
static void renew_when_full(struct world *w)
{
    grant_to_full(w);
    w->held[3] = role("author", "model/m");
}
static void revoke_other_scope(struct world *w)
{
    w->event.role.scope = "";
}
static void no_model(struct world *w)
{
    w->facts.parent.registered = false;
}
static void no_base(struct world *w)
{
    w->facts.base = (struct decide_subject){0};
    w->ref_states[0].state = DECIDE_REF_UNKNOWN;
}
static void base_ref_elsewhere(struct world *w)
{
    w->refs[0].event_hash = fixture_hash(71);
}
static void two_base_refs(struct world *w)
{
    w->refs[1] = w->refs[0];
    w->event.refs_count = 2;
}
static void no_version(struct world *w)
{
    w->facts.subject = (struct decide_subject){0};
}
static void other_bytes(struct world *w)
{
    w->event.judged.manifest_root = fixture_hash(10);
}
static void no_version_ref(struct world *w)
{
    w->event.refs_count = 0;
}
static void version_ref_elsewhere(struct world *w)
{
    w->refs[0].event_hash = fixture_hash(72);
}
static void everything(struct world *w)
{
    revoked_key(w);
    no_role(w);
    exists(w);
    no_model(w);
    no_base(w);
}

static const struct {
    const char *name;
    enum event_type type;
    void (*change)(struct world *);
    uint16_t rules[8]; /* 0 ends the list */
} cases[] = {
    {"principal", EVENT_PRINCIPAL_REGISTERED, nothing, {0}},
    {"principal known", EVENT_PRINCIPAL_REGISTERED, exists, {RULE_SUBJECT_EXISTS}},
    {"key", EVENT_KEY_ENROLLED, nothing, {0}},
    {"key known", EVENT_KEY_ENROLLED, key_known, {RULE_KEY_EXISTS}},
    {"key for nobody", EVENT_KEY_ENROLLED, no_principal, {RULE_PRINCIPAL_ABSENT}},
    {"revoke", EVENT_KEY_REVOKED, nothing, {0}},
    {"revoke unknown", EVENT_KEY_REVOKED, key_unknown, {RULE_KEY_ABSENT}},
    {"revoke another's", EVENT_KEY_REVOKED, key_of_another, {RULE_KEY_ABSENT}},
    {"revoke twice", EVENT_KEY_REVOKED, key_gone, {RULE_KEY_GONE}},
    {"since its enrolment", EVENT_KEY_REVOKED, since_enrolment, {0}},
    {"since now", EVENT_KEY_REVOKED, since_now, {0}},
    {"since before it", EVENT_KEY_REVOKED, since_too_early, {RULE_SINCE_RANGE}},
    {"since tomorrow", EVENT_KEY_REVOKED, since_future, {RULE_SINCE_RANGE}},
    {"grant", EVENT_ROLE_GRANTED, nothing, {0}},
    {"grant to nobody", EVENT_ROLE_GRANTED, no_principal, {RULE_PRINCIPAL_ABSENT}},
    {"grant no role", EVENT_ROLE_GRANTED, grant_odd_role, {RULE_ROLE_UNKNOWN}},
    {"grant the last", EVENT_ROLE_GRANTED, grant_to_almost_full, {0}},
    {"grant one more", EVENT_ROLE_GRANTED, grant_to_full, {RULE_ROLE_LIMIT}},
    {"renew when full", EVENT_ROLE_GRANTED, renew_when_full, {0}},
    {"take", EVENT_ROLE_REVOKED, nothing, {0}},
    {"take what is not held", EVENT_ROLE_REVOKED, revoke_other_scope, {RULE_ROLE_ABSENT}},
    {"base", EVENT_BASE_MODEL_REGISTERED, nothing, {0}},
    {"base known", EVENT_BASE_MODEL_REGISTERED, exists, {RULE_SUBJECT_EXISTS}},
    {"dataset", EVENT_DATASET_REGISTERED, nothing, {0}},
    {"dataset known", EVENT_DATASET_REGISTERED, exists, {RULE_SUBJECT_EXISTS}},
    {"model", EVENT_MODEL_CREATED, nothing, {0}},
    {"model known", EVENT_MODEL_CREATED, exists, {RULE_SUBJECT_EXISTS}},
    {"model of nobody", EVENT_MODEL_CREATED, no_principal, {RULE_OWNER_ABSENT}},
    {"version", EVENT_VERSION_REGISTERED, nothing, {0}},
    {"version known", EVENT_VERSION_REGISTERED, exists, {RULE_SUBJECT_EXISTS}},
    {"version of no model", EVENT_VERSION_REGISTERED, no_model, {RULE_MODEL_ABSENT}},
    {"no base", EVENT_VERSION_REGISTERED, no_base, {RULE_REF_UNKNOWN, RULE_BASE_ABSENT}},
    {"other base", EVENT_VERSION_REGISTERED, base_ref_elsewhere, {RULE_BASE_REF}},
    {"two bases", EVENT_VERSION_REGISTERED, two_base_refs, {RULE_BASE_REF}},
    {"evaluation", EVENT_EVALUATION_RECORDED, nothing, {0}},
    {"evaluation without ref", EVENT_EVALUATION_RECORDED, no_version_ref, {0}},
    {"of nothing", EVENT_EVALUATION_RECORDED, no_version, {RULE_VERSION_ABSENT}},
    {"of other bytes", EVENT_EVALUATION_RECORDED, other_bytes, {RULE_MANIFEST_MISMATCH}},
    {"other version", EVENT_EVALUATION_RECORDED, version_ref_elsewhere, {RULE_VERSION_REF}},
    {"approval", EVENT_APPROVAL_GRANTED, nothing, {0}},
    {"approval of nothing", EVENT_APPROVAL_GRANTED, no_version, {RULE_VERSION_ABSENT}},
    {"approval of others", EVENT_APPROVAL_GRANTED, other_bytes, {RULE_MANIFEST_MISMATCH}},
    {"approval elsewhere", EVENT_APPROVAL_GRANTED, version_ref_elsewhere, {RULE_VERSION_REF}},
    {"annotation", EVENT_ANNOTATION_ADDED, nothing, {0}},
    {"change of members", EVENT_LEDGER_MEMBER_CHANGED, nothing, {0}},
    {"stale change", EVENT_LEDGER_MEMBER_CHANGED, stale_change, {RULE_CONFIG_VERSION}},
    {"one change at a time", EVENT_LEDGER_MEMBER_CHANGED, second_change, {RULE_CHANGE_PENDING}},
    {"no such member", EVENT_LEDGER_MEMBER_CHANGED, no_such_member, {RULE_MEMBER_INVALID}},
    {"bad policy", EVENT_LEDGER_MEMBER_CHANGED, bad_policy, {RULE_POLICY_INVALID}},
    {"second genesis", EVENT_LEDGER_GENESIS, nothing, {RULE_TYPE_CLOSED, RULE_ROLE_MISSING}},
    {"revoked signer", EVENT_MODEL_CREATED, revoked_key, {RULE_KEY_REVOKED}},
    {"no role", EVENT_MODEL_CREATED, no_role, {RULE_ROLE_MISSING}},
    {"other role", EVENT_MODEL_CREATED, other_role, {RULE_ROLE_MISSING}},
    {"odd role", EVENT_MODEL_CREATED, odd_role, {RULE_ROLE_MISSING}},
    {"other scope", EVENT_MODEL_CREATED, other_scope, {RULE_ROLE_MISSING}},
    {"half a segment", EVENT_MODEL_CREATED, half_segment, {RULE_ROLE_MISSING}},
    {"own scope", EVENT_MODEL_CREATED, own_scope, {0}},
    {"scope above", EVENT_VERSION_REGISTERED, own_scope, {0}},
    {"expired", EVENT_MODEL_CREATED, expired, {RULE_ROLE_EXPIRED}},
    {"expires in 1 ms", EVENT_MODEL_CREATED, expires_next, {0}},
    {"one of two expired", EVENT_MODEL_CREATED, expired_and_live, {0}},
    {"unknown ref", EVENT_VERSION_REGISTERED, unknown_ref, {RULE_REF_UNKNOWN}},
    {"denied ref", EVENT_VERSION_REGISTERED, denied_ref, {RULE_REF_DENIED}},
    {"two bad refs",
     EVENT_VERSION_REGISTERED,
     both_refs_bad,
     {RULE_REF_UNKNOWN, RULE_REF_DENIED}},
    {"right head", EVENT_ANNOTATION_ADDED, head_given, {0}},
    {"head moved", EVENT_ANNOTATION_ADDED, head_moved, {RULE_HEAD_MISMATCH}},
    {"head of nothing", EVENT_ANNOTATION_ADDED, head_of_nothing, {RULE_HEAD_MISMATCH}},
    {"all at once",
     EVENT_VERSION_REGISTERED,
     everything,
     {RULE_KEY_REVOKED, RULE_ROLE_MISSING, RULE_REF_UNKNOWN, RULE_SUBJECT_EXISTS,
      RULE_MODEL_ABSENT, RULE_BASE_ABSENT}},
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

/* Goal: no rule is without a case that fails it and one that does not. Method: look for each id
 * in the table above; test_decide_types.c does the same for the ids behind these. */
START_TEST(every_rule_has_a_case)
{
    for (uint16_t rule = 1; rule < RULE_SUBJECT_ABSENT; rule++) {
        uint32_t failing = 0;

        if (strcmp(decide_rule_name(rule), "unknown_rule") == 0) continue;
        for (size_t i = 0; i < CASES_COUNT; i++) {
            for (size_t k = 0; k < 8; k++) failing += cases[i].rules[k] == rule ? 1u : 0u;
        }
        ck_assert_msg(failing > 0, "rule %s has no case", decide_rule_name(rule));
    }
}
END_TEST

START_TEST(names_and_texts)
{
    ck_assert_str_eq(decide_rule_name(RULE_KEY_REVOKED), "key_revoked");
    ck_assert_str_eq(decide_rule_text(RULE_KEY_GONE), "the key is revoked already");
    ck_assert_str_eq(decide_rule_name(0), "unknown_rule");
    ck_assert_str_eq(decide_rule_name(RULES_OF_POLICY - 1), "unknown_rule");
    ck_assert_str_eq(decide_rule_name(RULES_OF_POLICY), "policy_permits_not");
    ck_assert_str_eq(decide_rule_name(UINT16_MAX), "policy_rule");
    ck_assert_str_eq(decide_rule_text(RULES_MAX), "unknown rule");
}
END_TEST

START_TEST(who_may_what)
{
    ck_assert(role_may(ROLE_ADMIN, EVENT_KEY_ENROLLED));
    ck_assert(!role_may(ROLE_ADMIN, EVENT_VERSION_REGISTERED));
    ck_assert(role_may(ROLE_AUTHOR, EVENT_DATASET_REGISTERED));
    ck_assert(!role_may(ROLE_AUTHOR, EVENT_APPROVAL_GRANTED));
    ck_assert(role_may(ROLE_EVALUATOR, EVENT_ANNOTATION_ADDED));
    ck_assert(!role_may(ROLE_EVALUATOR, EVENT_KEY_ENROLLED));
    ck_assert(role_may(ROLE_APPROVER, EVENT_APPROVAL_GRANTED));
    ck_assert(!role_may(ROLE_NONE, EVENT_ANNOTATION_ADDED));
    ck_assert_int_eq(role_named("authors", 7), ROLE_NONE);
    ck_assert_int_eq(role_named("authors", 6), ROLE_AUTHOR);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("decide");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, one_case, 0, CASES_COUNT);
    tcase_add_test(tc, every_rule_has_a_case);
    tcase_add_test(tc, names_and_texts);
    tcase_add_test(tc, who_may_what);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
