/* Goal: the survey finds what is wrong with a policy as a whole, and nothing in a good one.
 * Method: small policies in YAML, each with one thing wrong, with and without persons. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "config/policy_cases.h"
#include "config/policy_config.h"
#include "policy/policy_survey.h"
#include "support/check_main.h"

/* What every policy needs so that nobody is locked out. */
#define VITAL                                                                                  \
    "name: p\n"                                                                                \
    "roles: [admin, author, approver, validator]\n"                                            \
    "environments: [production]\n"                                                             \
    "rules:\n"                                                                                 \
    "  - {id: 1100, permit: vital, events: [policy.published, root.rotated], clauses: "        \
    "[{actor_role: [admin]}]}\n"

/* Approvers of units u0 and u1, one of whom validates, too. */
static const char persons_yaml[] =
    "persons:\n"
    "  - {id: ada, unit: u0, site: s, roles: [admin, author]}\n"
    "  - {id: bo, unit: u0, site: s, roles: [approver]}\n"
    "  - {id: cem, unit: u1, site: s, roles: [approver, validator]}\n"
    "  - {id: bot, kind: robot, unit: u2, site: s, roles: [approver, validator]}\n"
    "  - {id: old, unit: u3, site: s, active: false, roles: [approver, validator]}\n";

static struct arena *arena;
static struct config *config, *persons_config;
static struct policy_file file;
static struct policy_cases persons;
static struct policy_findings findings;

static void begin(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    config = persons_config = NULL;
}

static void end(void)
{
    config_close(persons_config);
    config_close(config);
    arena_close(arena);
}

/* It may be called again in one test. */
static void survey(const char *rules, bool with_persons)
{
    char text[8192];
    const int size = snprintf(text, sizeof text, "%s%s", VITAL, rules);

    end();
    begin();
    persons = (struct policy_cases){0};
    ck_assert_int_eq(config_open_text("p", bytes_of(text, (size_t)size), &config, NULL),
                     TALLY_OK);
    ck_assert_msg(policy_config_read(config, arena, &file) == TALLY_OK, "%s",
                  config_faults(config));
    if (with_persons) {
        ck_assert_int_eq(config_open_text("persons",
                                          bytes_of(persons_yaml, strlen(persons_yaml)),
                                          &persons_config, NULL),
                         TALLY_OK);
        ck_assert_int_eq(policy_persons_read(persons_config, &file.policy, arena, &persons),
                         TALLY_OK);
    }
    policy_survey(&file.policy, persons.persons, persons.persons_count, &findings);
}

#define TO_PRODUCTION "events: [stage.transitioned], environments: [production]"
#define ANYBODY       "  - {id: 1200, permit: go, " TO_PRODUCTION "}\n"

static const struct {
    const char *rules;
    bool with_persons;
    int count;                     /* of findings */
    enum policy_finding_type type; /* of the first */
    uint16_t id;                   /* of its rule; 0: none */
} rows[] = {
    {ANYBODY, false, 0, 0, 0},
    {ANYBODY, true, 0, 0, 0},
    /* Facts and subjects that an event does not have. */
    {"  - {id: 1200, permit: go, events: [policy.published], tiers: [high]}\n", false, 1,
     POLICY_FINDING_NEVER_MATCHES, 1200},
    {"  - {id: 1200, permit: go, events: [model.created], environments: [production]}\n", false,
     1, POLICY_FINDING_NEVER_MATCHES, 1200},
    {"  - {id: 1200, permit: go, events: [model.created], kinds: [adapter]}\n", false, 1,
     POLICY_FINDING_NEVER_MATCHES, 1200},
    {"  - {id: 1200, permit: go, events: [model.created], subjects: [dataset]}\n", false, 1,
     POLICY_FINDING_NEVER_MATCHES, 1200},
    {"  - {id: 1200, permit: go, events: [model.created], subjects: [dataset, model/x]}\n",
     false, 0, 0, 0},
    {"  - {id: 1200, permit: go, events: [annotation.added], subjects: [dataset]}\n", false, 0,
     0, 0},
    {"  - {id: 1200, permit: go, events: [model.created, key.rotated], tiers: [low]}\n", false,
     1, POLICY_FINDING_EVENT_UNUSED, 1200},
    {"  - {id: 1200, permit: go, subjects: [dataset], kinds: [adapter]}\n", false, 0, 0, 0},
    /* Clauses that exclude each other. */
    {"  - {id: 1200, permit: go, clauses: [{state: [active]}, {not_state: [active, held]}]}\n",
     false, 1, POLICY_FINDING_CONTRADICTION, 1200},
    {"  - {id: 1200, permit: go, clauses: [{state: [active, held]}, {not_state: [active]}]}\n",
     false, 0, 0, 0},
    {"  - {id: 1200, permit: go, clauses: [{open: {incident: serious}}, {not_open: {incident: "
     "minor}}]}\n",
     false, 1, POLICY_FINDING_CONTRADICTION, 1200},
    {"  - {id: 1200, permit: go, clauses: [{open: {incident: minor}}, {not_open: {incident: "
     "serious}}]}\n",
     false, 0, 0, 0},
    /* A FORBID without clauses over everything that is permitted. */
    {ANYBODY "  - {id: 1201, forbid: no, events: [stage.transitioned]}\n", false, 1,
     POLICY_FINDING_NEVER_PERMITS, 1200},
    {ANYBODY "  - {id: 1201, forbid: no, events: [stage.transitioned], tiers: [low, medium]}\n",
     false, 0, 0, 0},
    {ANYBODY "  - {id: 1201, forbid: no, events: [stage.transitioned], clauses: [{state: "
             "[active]}]}\n",
     false, 0, 0, 0},
    /* Lock-outs. */
    {"  - {id: 1200, forbid: no, events: [policy.published]}\n", false, 1,
     POLICY_FINDING_LOCK_OUT, 0},
    {"  - {id: 1200, require: no, events: [root.rotated], clauses: [{actor_role: "
     "[validator]}]}\n",
     true, 2, POLICY_FINDING_GATE_ROLE, 1100},
    {"  - {id: 1200, require: no, events: [root.rotated], clauses: [{approvals: {role: "
     "[admin], "
     "count: 2}}]}\n",
     true, 2, POLICY_FINDING_GATE_APPROVALS, 1200},
    {"  - {id: 1200, require: no, events: [root.rotated], clauses: [{approvals: {role: "
     "[admin], "
     "count: 2}}]}\n",
     false, 0, 0, 0},
    /* Gates: two units are there, three are not; robots and the suspended do not help. */
    {ANYBODY "  - {id: 1201, require: two, " TO_PRODUCTION
             ", clauses: [{approvals: {role: [approver], count: 2, distinct: org_unit}}]}\n",
     true, 0, 0, 0},
    {ANYBODY "  - {id: 1201, require: three, " TO_PRODUCTION
             ", clauses: [{approvals: {role: [approver], count: 3}}]}\n",
     true, 1, POLICY_FINDING_GATE_APPROVALS, 1201},
    {ANYBODY "  - {id: 1201, require: three, " TO_PRODUCTION
             ", clauses: [{approvals: {role: [approver], count: 3, human_only: false}}]}\n",
     true, 0, 0, 0},
    {ANYBODY "  - {id: 1201, require: sites, " TO_PRODUCTION
             ", clauses: [{approvals: {role: [approver], count: 2, distinct: site}}]}\n",
     true, 1, POLICY_FINDING_GATE_APPROVALS, 1201},
    /* Each gate alone is fine; cem would have to pass both. */
    {ANYBODY "  - {id: 1201, require: two, " TO_PRODUCTION
             ", clauses: [{approvals: {role: [approver], count: 2}}]}\n"
             "  - {id: 1202, require: valid, " TO_PRODUCTION
             ", clauses: [{approvals: {role: [validator], count: 1}}]}\n",
     true, 2, POLICY_FINDING_GATE_APPROVALS, 1201},
    {ANYBODY
     "  - {id: 1201, require: two, " TO_PRODUCTION
     ", tiers: [low], clauses: [{approvals: {role: [approver], count: 2}}]}\n"
     "  - {id: 1202, require: valid, " TO_PRODUCTION
     ", tiers: [medium, high], clauses: [{approvals: {role: [validator], count: 1}}]}\n",
     true, 0, 0, 0},
    /* It can be passed, but not when cem is the author: a note. */
    {ANYBODY "  - {id: 1201, require: valid, " TO_PRODUCTION
             ", clauses: [{approvals: {role: [validator], count: 1, exclude: [author]}}]}\n",
     true, 1, POLICY_FINDING_NARROW, 1201},
    {ANYBODY "  - {id: 1201, require: result, " TO_PRODUCTION
             ", clauses: [{evidence: {kind: safety, by: [validator]}}]}\n",
     true, 0, 0, 0},
    {"  - {id: 1200, permit: go, " TO_PRODUCTION ", clauses: [{actor_role: [validator, "
     "author]}]}\n",
     true, 0, 0, 0},
};

START_TEST(one_thing_wrong)
{
    survey(rows[_i].rules, rows[_i].with_persons);
    ck_assert_int_eq(findings.count, rows[_i].count);
    if (rows[_i].count == 0) return;
    ck_assert_int_eq(findings.items[0].type, rows[_i].type);
    if (rows[_i].id == 0)
        ck_assert_uint_eq(findings.items[0].rule, POLICY_NO_RULE);
    else
        ck_assert_uint_eq(file.policy.rules[findings.items[0].rule].id, rows[_i].id);
}
END_TEST

START_TEST(what_is_said)
{
    survey(ANYBODY "  - {id: 1201, require: valid, " TO_PRODUCTION
                   ", clauses: [{approvals: {role: [validator], count: 2}}]}\n",
           true);
    ck_assert_uint_eq(findings.count, 1);
    ck_assert_uint_eq(findings.items[0].have, 1);
    ck_assert_uint_eq(findings.items[0].need, 2);
    ck_assert_uint_eq(findings.items[0].environment, 0);
    ck_assert_str_eq(policy_event(findings.items[0].event)->name, "stage.transitioned");
    survey(ANYBODY
           "  - {id: 1201, require: valid, " TO_PRODUCTION
           ", clauses: [{approvals: {role: [validator], count: 1, exclude: [author]}}]}\n",
           true);
    ck_assert_uint_eq(findings.items[0].persons, 1 << 2);
    ck_assert(policy_finding_is_note(findings.items[0].type));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("policy_survey");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_loop_test(all, one_thing_wrong, 0, (int)(sizeof rows / sizeof rows[0]));
    tcase_add_test(all, what_is_said);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
