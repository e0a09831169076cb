/* Goal: a policy in YAML means what it says, and what is wrong with it is said where it is, all
 * at once, with the remedy. Method: a good file whose parts are all looked at; then files with
 * faults and the complete report. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "config/policy_cases.h"
#include "config/policy_config.h"
#include "support/check_main.h"

static struct arena *arena;
static struct config *config, *cases_config;
static struct policy_file file;
static struct policy_cases cases;

static void begin(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    config = cases_config = NULL;
}

static void end(void)
{
    config_close(cases_config);
    config_close(config);
    arena_close(arena);
}

static enum tally_err read_policy(const char *text)
{
    config_close(config);
    config = NULL;
    ck_assert_int_eq(config_open_text("p.yaml", bytes_of(text, strlen(text)), &config, NULL),
                     TALLY_OK);
    return policy_config_read(config, arena, &file);
}

static enum tally_err read_cases(const char *text)
{
    config_close(cases_config);
    cases_config = NULL;
    ck_assert_int_eq(
        config_open_text("c.yaml", bytes_of(text, strlen(text)), &cases_config, NULL),
        TALLY_OK);
    return policy_cases_read(cases_config, &file.policy, arena, &cases);
}

#define HEAD                                                                                   \
    "name: acme\n"                                                                             \
    "roles: [reviewer, author, approver]\n"                                                    \
    "environments: [staging, production]\n"                                                    \
    "rules:\n"

static const char whole[] =
    HEAD "  - id: 3000\n"
         "    forbid: last\n"
         "    clauses: [{open: {breakglass: unreviewed}}, {not_open: {incident: serious}}]\n"
         "  - id: 1100\n"
         "    permit: first\n"
         "    events: [stage.transitioned, retention.set]\n"
         "    subjects: [model/b, model/a]\n"
         "    environments: [production]\n"
         "    tiers: [high, medium]\n"
         "    kinds: [adapter]\n"
         "    data_classes: [personal]\n"
         "    actors: [human, service]\n"
         "  - id: 2000\n"
         "    require: middle\n"
         "    clauses:\n"
         "      - actor_role: [author, reviewer]\n"
         "      - approvals: {role: [approver], count: 2, distinct: site, exclude: [author, "
         "owner],\n"
         "                    meaning: [review, approve], max_age: 1d12h, human_only: false}\n"
         "      - evidence: {kind: risk_assessment, suite: s1, at_least: inconclusive, "
         "max_age: 90d,\n"
         "                   by: [reviewer], exclude_author: true}\n"
         "      - base_ok: needed\n"
         "      - data_ok: if_any\n"
         "      - field: {name: method, one_of: [qlora, lora]}\n"
         "      - delay: 2s\n"
         "      - not_state: [revoked, tainted]\n";

START_TEST(whole_file)
{
    ck_assert_msg(read_policy(whole) == TALLY_OK, "%s", config_faults(config));
    const struct policy *policy = &file.policy;

    ck_assert_str_eq(policy->name, "acme");
    ck_assert_str_eq(policy->roles[0], "approver");
    ck_assert_str_eq(policy->roles[2], "reviewer");
    ck_assert_uint_eq(policy->rules_count, 3);
    ck_assert_uint_eq(file.places[0].rule.line, 8);
    ck_assert_uint_eq(file.places[2].rule.line, 5);
    ck_assert_uint_eq(file.places[1].clauses[1].line, 21);

    const struct policy_rule *rule = &policy->rules[0];
    ck_assert_uint_eq(rule->id, 1100);
    ck_assert_int_eq(rule->effect, POLICY_EFFECT_PERMIT);
    ck_assert_uint_eq(rule->match.events[0], UINT64_C(1) << 45);
    ck_assert_uint_eq(rule->match.events[1], 1 << 6);
    ck_assert_str_eq(rule->match.subjects[0], "model/a");
    ck_assert_uint_eq(rule->match.environments, 1);
    ck_assert_uint_eq(rule->match.tier_min, 2);
    ck_assert_uint_eq(rule->match.tier_max, 3);
    ck_assert_uint_eq(rule->match.kinds, 1 << POLICY_KIND_ADAPTER);
    ck_assert_uint_eq(rule->match.classes, 1 << POLICY_CLASS_PERSONAL);
    ck_assert_uint_eq(rule->match.actors, 6);

    const struct policy_clause *clauses = policy->rules[1].clauses;
    ck_assert_uint_eq(clauses[0].actor_roles, 2 | 4);
    ck_assert_uint_eq(clauses[1].approvals.roles, 1);
    ck_assert_uint_eq(clauses[1].approvals.count, 2);
    ck_assert_int_eq(clauses[1].approvals.distinct, POLICY_DISTINCT_SITE);
    ck_assert_uint_eq(clauses[1].approvals.exclude,
                      1 << POLICY_EXCLUDE_AUTHOR | 1 << POLICY_EXCLUDE_OWNER);
    ck_assert_uint_eq(clauses[1].approvals.meanings, 4 | 8);
    ck_assert_uint_eq(clauses[1].approvals.max_age_ms, 36 * 3600 * 1000);
    ck_assert(!clauses[1].approvals.human_only);
    ck_assert_int_eq(clauses[2].evidence.kind, POLICY_EVIDENCE_RISK);
    ck_assert_str_eq(clauses[2].evidence.suite, "s1");
    ck_assert_int_eq(clauses[2].evidence.at_least, POLICY_VERDICT_INCONCLUSIVE);
    ck_assert_uint_eq(clauses[2].evidence.count, 1);
    ck_assert_uint_eq(clauses[2].evidence.by_roles, 4);
    ck_assert(clauses[2].evidence.exclude_author);
    ck_assert(clauses[3].input_needed && !clauses[4].input_needed);
    ck_assert_int_eq(clauses[5].field.op, POLICY_OP_ONE_OF);
    ck_assert_str_eq(clauses[5].field.texts[0], "lora");
    ck_assert_uint_eq(clauses[6].delay_ms, 2000);
    ck_assert(clauses[7].state.negated);
    ck_assert_uint_eq(policy->rules[2].clauses[0].open.severity, 0);
    ck_assert_uint_eq(policy->rules[2].clauses[1].open.severity, POLICY_SEVERITY_SERIOUS);
    ck_assert(policy->rules[2].clauses[1].open.negated);
}
END_TEST

/* The same rules in another order are the same bytes. */
START_TEST(order_of_rules)
{
    struct tally_hash digest;

    ck_assert_int_eq(read_policy(HEAD "  - {id: 1100, permit: a}\n  - {id: 1101, forbid: b}\n"),
                     TALLY_OK);
    digest = file.digest;
    ck_assert_int_eq(
        read_policy("rules:\n  - {id: 1101, forbid: b}\n  - {id: 1100, permit: a}\n"
                    "environments: [production, staging]\n"
                    "roles: [author, approver, reviewer]\nname: acme\n"),
        TALLY_OK);
    ck_assert_mem_eq(digest.bytes, file.digest.bytes, 32);
}
END_TEST

static const struct {
    const char *text, *report;
} faults[] = {
    {"name: A\nroles: [x, x]\nrules: []\n",
     "p.yaml:1:7: 'A': use a-z 0-9 . _ -, 64 characters at most\n"
     "p.yaml:2:12: 'x' is there twice\n"},
    {HEAD "  - {id: 1, permit: a}\n", "p.yaml:5:10: 'id' must be 1024 to 65535, not 1\n"},
    {HEAD "  - {id: 1100}\n",
     "p.yaml:5:5: the rule needs permit:, require: or forbid: with its name\n"},
    {HEAD "  - {id: 1100, permit: a, forbid: b}\n",
     "p.yaml:5:35: one rule does one thing: permit, require or forbid\n"},
    {HEAD "  - {id: 1100, require: a}\n",
     "p.yaml:5:5: a require without clauses asks for nothing; add clauses: or drop it\n"},
    {HEAD "  - {id: 1100, permit: a}\n  - {id: 1100, permit: a}\n",
     "p.yaml:6:5: the name 'a' is taken by the rule at line 5\n"
     "p.yaml:6:10: id 1100 is taken by the rule at line 5; an id belongs to one rule\n"},
    {HEAD "  - {id: 1100, permit: a, events: [stage.transition, blue.moon, audit.exported, "
          "audit.exported]}\n",
     "p.yaml:5:36: no event type 'stage.transition'; did you mean 'stage.transitioned'?\n"
     "p.yaml:5:54: no event type 'blue.moon'; they are listed in docs/governance-policy.md\n"
     "p.yaml:5:81: 'audit.exported' is there twice\n"},
    {HEAD "  - {id: 1100, permit: a, environments: [productoin], tiers: [low, high]}\n",
     "p.yaml:5:42: no environment 'productoin' is declared; did you mean 'production'?\n"
     "p.yaml:5:62: tiers are a range: add 'medium', or write two rules\n"},
    {HEAD "  - {id: 1100, permit: a, kinds: [lora], subjects: [Model/x], actors: []}\n",
     "p.yaml:5:35: unknown word 'lora'; known here: adapter, full, merge, quantised\n"
     "p.yaml:5:53: 'Model/x': write the first segments of a subject, as in "
     "model/credit-scorer\n"
     "p.yaml:5:71: an empty list; leave it out to mean any\n"},
    {HEAD "  - id: 1100\n    forbid: a\n    clauses:\n      - delay: 1d\n"
          "      - {approvals: {role: [author], count: 1}}\n",
     "p.yaml:8:9: a forbid may have actor_role, field, state and open only; write a require "
     "that asks for the opposite\n"
     "p.yaml:9:9: a forbid may have actor_role, field, state and open only; write a require "
     "that asks for the opposite\n"},
    {HEAD "  - id: 1100\n    permit: a\n    clauses:\n      - {}\n      - {delay: 1d, base_ok: "
          "needed}\n      - delay: 1 day\n      - actor_role: [boss]\n",
     "p.yaml:8:9: a clause that says nothing\n"
     "p.yaml:9:30: a second clause in one entry; begin a new one with '-'\n"
     "p.yaml:10:16: '1 day' is no span of time; write 30d, 24h, 90m, 2s or 1h30m\n"
     "p.yaml:11:22: no role 'boss' is declared; add it to 'roles' at the top\n"},
    {HEAD
     "  - id: 1100\n    permit: a\n    clauses:\n      - approvals: {role: [author], count: "
     "17, distinct: unit, max_age: 0s}\n      - evidence: {kind: quality, suite: a, count: "
     "2}\n      - field: {name: x, is: 1, is_not: 2}\n      - open: {}\n",
     "p.yaml:8:44: 'count' must be 1 to 16, not 17\n"
     "p.yaml:8:58: 'distinct' must be one of person, org_unit, site, not 'unit'\n"
     "p.yaml:8:73: an age of nothing; leave it out to mean any\n"
     "p.yaml:9:52: one suite cannot count 2 times; leave out 'suite' or 'count'\n"
     "p.yaml:10:16: a field needs exactly one of is, is_not, at_least, at_most (a number), "
     "one_of, none_of (texts)\n"
     "p.yaml:11:15: needs exactly one of incident: <severity> and breakglass: unreviewed\n"},
    {HEAD "  - {id: 1100, permit: a, clauses: [{delay: 0s}]}\n",
     "p.yaml:1:1: rule 1100: a delay of nothing\n"},
};

START_TEST(file_faults)
{
    ck_assert_int_eq(read_policy(faults[_i].text), TALLY_E_MALFORMED);
    ck_assert_str_eq(config_faults(config), faults[_i].report);
}
END_TEST

/* More clauses than one list may have; more APPROVALS than one policy may have; too large. */
START_TEST(limits)
{
    static char text[200000];
    size_t at = (size_t)snprintf(text, sizeof text, HEAD);

    for (int i = 0; i < 33; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "  - {id: %d, require: r%d, clauses: [", 1100 + i, i);
        for (int k = 0; k < 8; k++)
            at += (size_t)snprintf(text + at, sizeof text - at,
                                   "%s{approvals: {role: [author], count: 1}}",
                                   k == 0 ? "" : ", ");
        at += (size_t)snprintf(text + at, sizeof text - at, "]}\n");
    }
    ck_assert_int_eq(read_policy(text), TALLY_E_MALFORMED);
    ck_assert_str_eq(config_faults(config),
                     "p.yaml:37:40: more than 256 approvals clauses in one policy\n");
    at = (size_t)snprintf(text, sizeof text, HEAD);
    for (int i = 0; i < 256; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "  - {id: %d, permit: r%060d, clauses: [", 1100 + i, i);
        for (int k = 0; k < 8; k++)
            at += (size_t)snprintf(text + at, sizeof text - at,
                                   "%s{evidence: {kind: quality, suite: suite-number-%d}}",
                                   k == 0 ? "" : ", ", k);
        at += (size_t)snprintf(text + at, sizeof text - at, "]}\n");
    }
    ck_assert_int_eq(read_policy(text), TALLY_E_MALFORMED);
    ck_assert_ptr_nonnull(strstr(config_faults(config), "join rules or shorten names"));
}
END_TEST

/* ---- cases --------------------------------------------------------------------------- */

static const char two_rules[] =
    HEAD "  - {id: 1100, permit: a}\n"
         "  - {id: 1101, forbid: b, clauses: [{state: [revoked]}]}\n";

static const char good_cases[] =
    "persons:\n"
    "  - {id: ann, unit: u, site: s, roles: [author]}\n"
    "  - {id: bot, kind: robot, active: false}\n"
    "templates:\n"
    "  - {template: t, event: stage.transitioned, subject: model/m/version/1, actor: ann,\n"
    "     tier: low, approvals: [{by: ann, age: 1d}], evidence: [{kind: dpia}]}\n"
    "  - {template: u, from: t, tier: high, environment: staging}\n"
    "cases:\n"
    "  - {case: one, from: u, expect: allowed, more_approvals: [{by: bot, meaning: review,\n"
    "     stale: true}], more_evidence: [{kind: safety, suite: s, verdict: failed, by: bot,\n"
    "     retracted: true, index: 4, age: 2s}]}\n"
    "  - {case: two, from: t, states: [revoked], author: [ann, bot], requested: 1h, unknown:\n"
    "     [tier, kind], fields: [{name: n, number: 3}, {name: x, text: y}], incidents: "
    "[major],\n"
    "     breakglass: unreviewed, base: fine, data: revoked, expect: denied, failed: [b]}\n";

START_TEST(whole_cases)
{
    ck_assert_int_eq(read_policy(two_rules), TALLY_OK);
    ck_assert_msg(read_cases(good_cases) == TALLY_OK, "%s", config_faults(cases_config));
    ck_assert_uint_eq(cases.count, 2);
    const struct policy_view *one = &cases.cases[0].view, *two = &cases.cases[1].view;

    ck_assert(policy_view_valid(one) && policy_view_valid(two));
    ck_assert_uint_eq(one->persons[0].roles, policy_role_bit(&file.policy, "author"));
    ck_assert_int_eq(one->persons[1].kind, POLICY_ACTOR_ROBOT);
    ck_assert(one->persons[0].active && !one->persons[1].active);
    ck_assert_int_eq(one->tier, POLICY_TIER_HIGH);
    ck_assert_str_eq(one->environment, "staging");
    ck_assert_uint_eq(one->approvals_count, 2);
    ck_assert_uint_eq(one->now_ms - one->approvals[0].time_ms, 24 * 3600 * 1000);
    ck_assert(one->approvals[1].stale && one->approvals[1].person == 1);
    ck_assert_uint_eq(one->results_count, 2);
    ck_assert_uint_eq(one->results[0].by, POLICY_NOBODY);
    ck_assert_int_eq(one->results[0].verdict, POLICY_VERDICT_PASSED);
    ck_assert(one->results[1].retracted && one->results[1].index == 4);
    ck_assert_uint_eq(one->requested_ms, 0);
    ck_assert_uint_eq(two->authors, 3);
    ck_assert_uint_eq(two->unknown, POLICY_FACT_TIER | POLICY_FACT_KIND);
    ck_assert_uint_eq(two->now_ms - two->requested_ms, 3600 * 1000);
    ck_assert_uint_eq(two->fields[0].number, 3);
    ck_assert_str_eq(two->fields[1].text, "y");
    ck_assert_uint_eq(two->incidents, 1 << POLICY_SEVERITY_MAJOR);
    ck_assert(two->unreviewed_breakglass && two->data == POLICY_INPUT_REVOKED);
    ck_assert_uint_eq(two->approvals_count, 1);
    ck_assert(cases.cases[0].allowed && !cases.cases[1].allowed);
    ck_assert_uint_eq(cases.cases[1].failed[0], 1101);
}
END_TEST

START_TEST(case_faults)
{
    ck_assert_int_eq(read_policy(two_rules), TALLY_OK);
    ck_assert_int_eq(
        read_cases(
            "persons: [{id: ann}, {id: ann, roles: [boss]}]\n"
            "cases:\n"
            "  - {case: a, from: t}\n"
            "  - {case: a, event: x.y, subject: model, actor: zoe, requester: [zoe]}\n"
            "  - {case: c, event: audit.exported, subject: ledger/x, actor: ann,\n"
            "     fields: [{name: n}], unknown: [moon], expect: allowed, failed: [c]}\n"),
        TALLY_E_MALFORMED);
    ck_assert_str_eq(
        config_faults(cases_config),
        "c.yaml:1:27: 'ann' is there twice; a person is one entry, whatever keys it has\n"
        "c.yaml:1:40: no role 'boss' is declared; add it to 'roles' at the top\n"
        "c.yaml:3:5: the case needs 'event', or 'from' with one\n"
        "c.yaml:3:5: the case needs 'actor', or 'from' with one\n"
        "c.yaml:3:5: the case needs 'subject', or 'from' with one\n"
        "c.yaml:3:21: no template 't' before it\n"
        "c.yaml:4:12: the name 'a' is taken by line 3\n"
        "c.yaml:4:22: no event type 'x.y'; they are listed in docs/governance-policy.md\n"
        "c.yaml:4:36: 'model' is no subject: it needs a name behind its kind, as in "
        "model/credit-scorer\n"
        "c.yaml:4:50: no person 'zoe'; add it to 'persons'\n"
        "c.yaml:4:67: no person 'zoe'; add it to 'persons'\n"
        "c.yaml:6:15: a field has a number or a text\n"
        "c.yaml:6:37: 'moon' must be one of environment, tier, kind, data_class, actor_kind\n"
        "c.yaml:6:69: nothing fails when it is allowed; drop 'failed'\n"
        "c.yaml:6:70: the policy has no rule 'c'\n");
}
END_TEST

/* What is wrong with a template is said once, not once for every case that takes it over. */
START_TEST(template_faults)
{
    ck_assert_int_eq(read_policy(two_rules), TALLY_OK);
    ck_assert_int_eq(
        read_cases("persons: [{id: ann}]\n"
                   "templates:\n"
                   "  - {template: t, event: root.rotate, subject: ledger/l, actor: zoe}\n"
                   "cases: [{case: a, from: t, expect: allowed}, {case: b, from: t}]\n"),
        TALLY_E_MALFORMED);
    ck_assert_str_eq(config_faults(cases_config),
                     "c.yaml:3:26: no event type 'root.rotate'; did you mean 'root.rotated'?\n"
                     "c.yaml:3:65: no person 'zoe'; add it to 'persons'\n");
}
END_TEST

/* A field may be as large as a u64: compute is counted in large numbers. */
START_TEST(large_field)
{
    ck_assert_msg(read_policy(HEAD "  - {id: 1100, permit: a, clauses: [{field: {name: flop, "
                                   "at_most: 18446744073709551615}}]}\n") == TALLY_OK,
                  "%s", config_faults(config));
    ck_assert_uint_eq(file.policy.rules[0].clauses[0].field.number, UINT64_MAX);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("policy_config");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, whole_file);
    tcase_add_test(all, order_of_rules);
    tcase_add_loop_test(all, file_faults, 0, (int)(sizeof faults / sizeof faults[0]));
    tcase_add_test(all, limits);
    tcase_add_test(all, whole_cases);
    tcase_add_test(all, case_faults);
    tcase_add_test(all, template_faults);
    tcase_add_test(all, large_field);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
