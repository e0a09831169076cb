/* Goal: the policy commands say what scripts and people rely on, with the exit status of each
 * failure. Method: command lines in a folder of their own. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <tally/err.h>

#include "policy/policy.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "tally/cli.h"

static const char policy_yaml[] =
    "name: acme\n"
    "roles: [admin, approver, author]\n"
    "environments: [production]\n"
    "rules:\n"
    "  - {id: 1100, permit: go, events: [stage.transitioned], clauses: [{actor_role: "
    "[author]}]}\n"
    "  - id: 1101\n"
    "    require: two\n"
    "    events: [stage.transitioned]\n"
    "    clauses:\n"
    "      - approvals: {role: [approver], count: 2, distinct: org_unit, exclude: [author]}\n"
    "  - {id: 1102, require: safe, tiers: [high], clauses: [{evidence: {kind: safety, max_age: "
    "30d}}, {delay: 1d}]}\n"
    "  - {id: 1103, forbid: held, clauses: [{state: [held]}]}\n"
    "  - {id: 1104, permit: vital, events: [policy.published, root.rotated], clauses: "
    "[{actor_role: [admin]}]}\n";

static const char cases_yaml[] =
    "persons:\n"
    "  - {id: ada, unit: u0, roles: [author, approver]}\n"
    "  - {id: bo, unit: u1, roles: [approver]}\n"
    "  - {id: cem, unit: u1, roles: [approver]}\n"
    "templates:\n"
    "  - {template: t, event: stage.transitioned, subject: model/m/version/1, actor: ada, "
    "author: "
    "[ada],\n     tier: low, environment: production}\n"
    "cases:\n"
    "  - {case: same unit, from: t, approvals: [{by: bo}, {by: cem}], expect: denied, failed: "
    "[two]}\n"
    "  - {case: wrong, from: t, tier: high, requested: 2h, states: [held],\n"
    "     approvals: [{by: ada}, {by: bo}],\n"
    "     evidence: [{kind: safety, suite: s, verdict: failed, age: 2d, by: bo}],\n"
    "     expect: denied, failed: [two, go]}\n"
    "  - {case: nobody may, from: t, event: model.archived, subject: model/m, expect: denied,\n"
    "     failed: [no_permit]}\n";

static const char persons_yaml[] = "persons:\n"
                                   "  - {id: ada, unit: u0, roles: [author, admin]}\n"
                                   "  - {id: bo, unit: u1, roles: [approver]}\n"
                                   "  - {id: cem, unit: u1, roles: [approver]}\n";

static void begin(void)
{
    cli_run_open();
    cli_run_write_text("p.yaml", policy_yaml);
    cli_run_write_text("c.yaml", cases_yaml);
    cli_run_write_text("persons.yaml", persons_yaml);
}

static bool said(const char *text)
{
    return strstr(cli_run_err, text) != NULL;
}

static bool printed(const char *text)
{
    return strstr(cli_run_out, text) != NULL;
}

START_TEST(compile)
{
    struct arena *arena = NULL;
    struct policy policy;

    ck_assert_int_eq(cli_run("policy compile --out=p p.yaml"), 0);
    ck_assert(printed("policy     acme, 5 rules"));
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    ck_assert_int_eq(policy_decode(cli_run_read("p"), arena, &policy, NULL), TALLY_OK);
    ck_assert_uint_eq(policy.rules_count, 5);
    arena_close(arena);
    ck_assert_int_eq(cli_run("policy compile --out=p p.yaml"), TALLY_E_CONFLICT);
    ck_assert_int_eq(cli_run("policy compile --out=q none.yaml"), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(cli_run("policy compile --json --out=q p.yaml"), 0);
    ck_assert(printed("\"digest\": \""));
    cli_run_write_text("bad.yaml", "name: a\nroles: []\nrules:\n  - {id: 7, permit: x, event: "
                                   "[]}\n");
    ck_assert_int_eq(cli_run("policy compile --out=r bad.yaml"), TALLY_E_MALFORMED);
    ck_assert(said("bad.yaml:4:10: 'id' must be 1024 to 65535, not 7\n"));
    ck_assert(said("bad.yaml:4:24: unknown key 'event'"));
    ck_assert(!cli_run_exists("r"));
}
END_TEST

START_TEST(test)
{
    ck_assert_int_eq(cli_run("policy test p.yaml c.yaml"), TALLY_E_INVALID);
    ck_assert(printed("FAIL  c.yaml:10:5: wrong\n"
                      "      - go\n"
                      "      + safe\n"
                      "      + held\n"));
    ck_assert(!printed("same unit"));
    ck_assert(printed("p.yaml:5:5: no case shows 'go' permitting\n") == false);
    ck_assert(printed("p.yaml:13:5: no case shows 'vital' permitting\n"));
    ck_assert(printed("3 cases, 1 not as expected; 1 of 5 rules not shown at work\n"));
    ck_assert(said("1 of 3 cases are not as expected"));
    ck_assert_int_eq(cli_run("policy test --json p.yaml c.yaml"), TALLY_E_INVALID);
    ck_assert(printed("\"failures\": 1") && printed("\"unseen_rules\": [\n    \"vital\"\n  ]"));
    ck_assert_int_eq(cli_run("policy test p.yaml persons.yaml"), TALLY_E_MALFORMED);
    ck_assert(said("persons.yaml:1:1: key 'cases' is missing\n"));
}
END_TEST

/* A case that expects nothing fails; so does one that is allowed and should not be. */
START_TEST(test_differences)
{
    cli_run_write_text("d.yaml",
                       "persons: [{id: ada, roles: [admin]}]\n"
                       "cases:\n"
                       "  - {case: open, event: root.rotated, subject: ledger/l, actor: ada}\n"
                       "  - {case: never, event: root.rotated, subject: ledger/l, actor: ada, "
                       "expect: denied, failed: [two]}\n"
                       "  - {case: fine, event: root.rotated, subject: ledger/l, actor: ada, "
                       "expect: allowed}\n");
    ck_assert_int_eq(cli_run("policy test p.yaml d.yaml"), TALLY_E_INVALID);
    ck_assert(
        printed("FAIL  d.yaml:3:5: open\n      the case needs 'expect'; it is allowed\n"));
    ck_assert(printed("FAIL  d.yaml:4:5: never\n      expected denied, it is allowed\n"
                      "      permitted by vital\n      - two\n"));
    ck_assert(!printed(": fine\n"));
    cli_run_write_text("d.yaml",
                       "persons: [{id: ada, roles: [admin]}]\n"
                       "cases:\n"
                       "  - {case: fine, event: root.rotated, subject: ledger/l, actor: ada, "
                       "expect: allowed}\n");
    ck_assert_int_eq(cli_run("policy test p.yaml d.yaml"), 0);
    ck_assert_int_eq(cli_run("policy test --every-rule p.yaml d.yaml"), TALLY_E_INVALID);
    ck_assert(said("4 rules without a case"));
}
END_TEST

START_TEST(explain)
{
    ck_assert_int_eq(cli_run("policy explain --case=wrong p.yaml c.yaml"), 0);
    ck_assert(printed("decision   denied\n"));
    ck_assert(printed("permits    permit 1100 go (p.yaml:5)\n"));
    ck_assert(printed("failed     require 1101 two (p.yaml:6)\n"));
    ck_assert(printed("  missing  1 of 2 found\n"));
    ck_assert(printed("ada (approve, u0): is excluded for the own part in the change\n"));
    ck_assert(printed("bo (approve, u1): counts\n"));
    ck_assert(printed("  needs    the newest safety result to be passed, at most 30d old (line "
                      "11)\n"));
    ck_assert(printed("safety, suite s: failed, 2d old, by bo\n"));
    ck_assert(printed("  needs    1d since the request (line 11)\n  missing  22h more\n"));
    ck_assert(printed("failed     forbid 1103 held (p.yaml:12)\n"
                      "  because  there is the subject to be held (line 12)\n"));
    ck_assert_int_eq(cli_run("policy explain p.yaml c.yaml"), 0);
    ck_assert(printed("no rule of the policy permits such an event to anybody\n"));
    ck_assert_int_eq(cli_run("policy explain --case=none p.yaml c.yaml"), TALLY_E_NOT_FOUND);
    ck_assert(said("c.yaml has no case 'none'"));
    ck_assert_int_eq(cli_run("policy explain --json --case=wrong p.yaml c.yaml"), 0);
    ck_assert(printed("\"permitted_by\": \"go\"") && printed("\"missing\": \"22h more\""));
    ck_assert(printed("\"bo (approve, u1): counts\"") &&
              printed("\"safety, suite s: failed, 2d old, by bo\""));
}
END_TEST

START_TEST(check)
{
    ck_assert_int_eq(cli_run("policy check p.yaml"), 0);
    ck_assert(printed("acme: 5 rules, without persons (--persons), 0 findings, 0 notes\n"));
    ck_assert_int_eq(cli_run("policy check --persons=persons.yaml p.yaml"), TALLY_E_INVALID);
    ck_assert(printed("p.yaml:10:9: nobody can pass 'two' (stage.transitioned, "));
    ck_assert(printed("too few active persons are such"));
    ck_assert_int_eq(cli_run("policy check --json --persons=persons.yaml p.yaml"),
                     TALLY_E_INVALID);
    ck_assert(printed("\"rule\": \"two\""));
    cli_run_write_text("l.yaml", "name: l\nroles: [admin]\nrules:\n"
                                 "  - {id: 1100, permit: x, events: [policy.published], "
                                 "tiers: [low]}\n");
    ck_assert_int_eq(cli_run("policy check l.yaml"), TALLY_E_INVALID);
    ck_assert(printed("l.yaml:4:5: 'x' can never match: "));
    ck_assert(printed("l.yaml:1:1: lock-out: nobody could append policy.published any more"));
    ck_assert(printed("l.yaml:1:1: lock-out: nobody could append root.rotated any more"));
    ck_assert(said("3 findings in l.yaml"));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("cli_policy");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, cli_run_close);
    tcase_add_test(all, compile);
    tcase_add_test(all, test);
    tcase_add_test(all, test_differences);
    tcase_add_test(all, explain);
    tcase_add_test(all, check);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
