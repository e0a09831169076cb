/* The decision where a policy is published or in force. Each case is an honest event with one
 * fact changed, and names exactly the rules that must then fail. */
#include <check.h>
#include <string.h>

#include "event/rules.h"
#include "ledger/decide.h"
#include "support/check_main.h"
#include "support/decide_expect.h"
#include "support/ledger_fixture.h"

enum { RULES_FIRST = RULE_POLICY_VERSION, PERMITS = 1100, FORBIDS = 1200, EVENT_PUBLISHED = 4 };

/* An event and facts under which it is allowed: a ledger with a policy that permits everything
 * to everybody, but that machines administer. */
struct world {
    struct event event;
    struct decide_facts facts;
    struct decide_role role;
    struct policy_rule rules[2];
    struct policy policy;
    struct policy_person person;
    struct policy_view view;
};

static void be_honest(struct world *w, enum event_type type)
{
    *w = (struct world){
        .event = {.type = type,
                  .subject = type == EVENT_POLICY_PUBLISHED ? "policy/p" : "principal/p",
                  .actor = "principal/a",
                  .on_behalf_of = ""},
        .rules = {{.id = PERMITS, .name = "permits", .effect = POLICY_EFFECT_PERMIT},
                  {.id = FORBIDS,
                   .name = "forbids",
                   .effect = POLICY_EFFECT_FORBID,
                   .match = {.actors = 1U << POLICY_ACTOR_ROBOT}}},
        .person = {.id = "principal/a",
                   .unit = "",
                   .site = "",
                   .kind = POLICY_ACTOR_HUMAN,
                   .active = true}};
    w->role.role = ROLE_ADMIN;
    w->policy = (struct policy){.name = "p", .rules_count = 2, .rules = w->rules};
    w->view = (struct policy_view){.event = EVENT_PUBLISHED,
                                   .subject = w->event.subject,
                                   .environment = "",
                                   .persons_count = 1,
                                   .persons = &w->person};
    w->facts.index = 100;
    w->facts.subject.registered = true;
    w->facts.principal.registered = true;
    w->facts.governed = (struct decide_governed){.policy = &w->policy, .view = &w->view};
    w->facts.publish = (struct decide_publish){.version_next = true,
                                               .previous_known = true,
                                               .valid = true,
                                               .named = true,
                                               .renewable = true};
    w->facts.responsible_known = true;
    if (type == EVENT_ROLE_GRANTED) {
        w->event.role.role = "author";
        w->event.role.scope = "";
    }
    if (type == EVENT_PRINCIPAL_UPDATED) {
        w->event.principal_updated.unit = w->event.principal_updated.site = "organisation/o";
        w->facts.unit.registered = w->facts.site.registered = true;
    }
}

static void nothing(struct world *w)
{
    (void)w;
}
static void no_policy(struct world *w)
{
    w->facts.governed.policy = NULL;
}
static void bootstrap(struct world *w)
{
    no_policy(w);
    w->facts.actor_roles = &w->role;
    w->facts.actor_roles_count = 1;
    w->facts.publish.first = true;
    w->facts.publish.admins_all = 3;
    w->facts.publish.admins = 2;
}
static void one_of_three(struct world *w)
{
    bootstrap(w);
    w->facts.publish.admins = 1;
}
static void one_of_one(struct world *w)
{
    one_of_three(w);
    w->facts.publish.admins_all = 1;
}
static void none_of_one(struct world *w)
{
    one_of_one(w);
    w->facts.publish.admins = 0;
}
static void other_version(struct world *w)
{
    w->facts.publish.version_next = w->facts.publish.previous_known = false;
}
static void other_previous(struct world *w)
{
    w->facts.publish.previous_known = false;
}
static void malformed(struct world *w)
{
    w->facts.publish.valid = w->facts.publish.named = w->facts.publish.renewable = false;
}
static void misnamed(struct world *w)
{
    w->facts.publish.named = false;
}
static void too_early(struct world *w)
{
    w->facts.publish.pending = true;
}
static void too_late(struct world *w)
{
    w->facts.publish.late = true;
}
static void the_last_one(struct world *w)
{
    w->facts.publish.renewable = false;
}
static void crowd(struct world *w)
{
    w->facts.governed.too_many = true;
    w->person.kind = POLICY_ACTOR_ROBOT; /* the policy is not asked */
}
static void machine_alone(struct world *w)
{
    w->facts.governed.machine_alone = true;
}
static void robot(struct world *w)
{
    w->person.kind = POLICY_ACTOR_ROBOT;
}
static void lone_robot(struct world *w)
{
    robot(w);
    machine_alone(w);
}
static void not_permitted(struct world *w)
{
    w->rules[0].match.events[0] = 1; /* ledger.genesis */
}
static void minted(struct world *w)
{
    w->facts.governed.quorum_missing = true;
}
static void new_role(struct world *w)
{
    w->event.role.role = "gardener";
}
static void named_role(struct world *w)
{
    new_role(w);
    w->facts.governed.role_known = true;
}
static void revoked_key(struct world *w)
{
    w->facts.signer_revoked = true;
}
static void no_unit(struct world *w)
{
    w->facts.unit.registered = false;
}
static void no_site(struct world *w)
{
    w->facts.site.registered = false;
}
static void nowhere(struct world *w)
{
    no_unit(w);
    no_site(w);
    w->event.principal_updated.unit = w->event.principal_updated.site = "";
}
static void nobody_answers(struct world *w)
{
    w->facts.responsible_known = false;
}

static void one_too_many(struct world *w)
{
    w->event.subject = "model/m/version/1";
    w->facts.results_full = true;
}

static const struct {
    const char *name;
    enum event_type type;
    void (*change)(struct world *world);
    uint16_t rules[4];
} cases[] = {
    {"policy", EVENT_POLICY_PUBLISHED, nothing, {0}},
    {"first policy", EVENT_POLICY_PUBLISHED, bootstrap, {0}},
    {"without a role", EVENT_POLICY_PUBLISHED, no_policy, {RULE_ROLE_MISSING}},
    {"one admin of three", EVENT_POLICY_PUBLISHED, one_of_three, {RULE_POLICY_ADMINS}},
    {"the only admin", EVENT_POLICY_PUBLISHED, one_of_one, {0}},
    {"no admin", EVENT_POLICY_PUBLISHED, none_of_one, {RULE_POLICY_ADMINS}},
    {"version", EVENT_POLICY_PUBLISHED, other_version, {RULE_POLICY_VERSION}},
    {"previous", EVENT_POLICY_PUBLISHED, other_previous, {RULE_POLICY_PREVIOUS}},
    {"no policy at all", EVENT_POLICY_PUBLISHED, malformed, {RULE_POLICY_MALFORMED}},
    {"name", EVENT_POLICY_PUBLISHED, misnamed, {RULE_POLICY_NAME}},
    {"one is pending", EVENT_POLICY_PUBLISHED, too_early, {RULE_POLICY_PENDING}},
    {"delay", EVENT_POLICY_PUBLISHED, too_late, {RULE_POLICY_DELAY}},
    {"the last policy", EVENT_POLICY_PUBLISHED, the_last_one, {RULE_POLICY_LOCK_OUT}},
    {"too many persons", EVENT_POLICY_PUBLISHED, crowd, {RULE_FACTS_LIMIT}},
    {"machine", EVENT_POLICY_PUBLISHED, machine_alone, {RULE_RESPONSIBILITY}},
    {"forbidden", EVENT_POLICY_PUBLISHED, robot, {FORBIDS}},
    {"both", EVENT_POLICY_PUBLISHED, lone_robot, {RULE_RESPONSIBILITY, FORBIDS}},
    {"not permitted", EVENT_POLICY_PUBLISHED, not_permitted, {RULES_OF_POLICY}},
    {"key", EVENT_POLICY_PUBLISHED, revoked_key, {RULE_KEY_REVOKED}},
    {"quorum", EVENT_ROLE_GRANTED, minted, {RULE_QUORUM}},
    {"a role of the ledger", EVENT_ROLE_GRANTED, nothing, {0}},
    {"a role of nobody", EVENT_ROLE_GRANTED, new_role, {RULE_ROLE_UNKNOWN}},
    {"a role of the policy", EVENT_ROLE_GRANTED, named_role, {0}},
    {"person", EVENT_PRINCIPAL_UPDATED, nothing, {0}},
    {"no such unit", EVENT_PRINCIPAL_UPDATED, no_unit, {RULE_PARENT_ABSENT}},
    {"no such site", EVENT_PRINCIPAL_UPDATED, no_site, {RULE_PARENT_ABSENT}},
    {"no unit", EVENT_PRINCIPAL_UPDATED, nowhere, {0}},
    {"too many results", EVENT_RISK_ASSESSED, one_too_many, {RULE_RESULT_LIMIT}},
    {"nobody", EVENT_PRINCIPAL_UPDATED, nobody_answers, {RULE_RESPONSIBLE_ABSENT}},
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

START_TEST(every_rule_has_a_case)
{
    for (uint16_t rule = RULES_FIRST; rule < RULES_MAX; rule++) {
        uint32_t failing = 0;

        if (strcmp(decide_rule_name(rule), "unknown_rule") == 0) continue;
        for (size_t i = 0; i < CASES_COUNT; i++) {
            for (size_t k = 0; k < 4; k++) failing += cases[i].rules[k] == rule ? 1u : 0u;
        }
        ck_assert_msg(failing > 0, "rule %s has no case", decide_rule_name(rule));
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("decide_policy");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, one_case, 0, CASES_COUNT);
    tcase_add_test(tc, every_rule_has_a_case);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
