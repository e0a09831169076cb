/* Goal: approvals and evidence count exactly when their clause says. Method: a view in which
 * they do, with one thing changed in each row. */
#include <check.h>

#include "support/check_main.h"
#include "support/policy_story.h"

static void is_stale(void)
{
    story.approvals[1].stale = true;
}
static void is_review(void)
{
    story.approvals[1].meaning = POLICY_MEANING_REVIEW;
}
static void is_inactive(void)
{
    story.persons[BOB].active = false;
}
static void has_no_role(void)
{
    story.persons[BOB].roles = 2;
}
static void is_robot(void)
{
    story.persons[BOB].kind = POLICY_ACTOR_ROBOT;
}
static void is_service(void)
{
    story.persons[BOB].kind = POLICY_ACTOR_SERVICE;
}
static void is_old(void)
{
    story.approvals[1].time_ms = STORY_NOW - 101;
}
static void is_future(void)
{
    story.approvals[1].time_ms = STORY_NOW + 1;
}
static void is_requester(void)
{
    story.view.requesters = 1 << BOB;
}
static void is_author(void)
{
    story.view.authors = 1 << BOB;
}
static void is_evaluator(void)
{
    story.view.evaluators = 1 << BOB;
}
static void is_deployer(void)
{
    story.view.deployers = 1 << BOB;
}
static void is_owner(void)
{
    story.view.owners = 1 << BOB;
}
static void is_same_person(void)
{
    story.approvals[1].person = ANN;
}

START_TEST(approvals_that_do_not_count)
{
    static const struct {
        void (*change)(void);
        enum policy_void why;
    } rows[] = {
        {is_stale, POLICY_VOID_STALE},
        {is_review, POLICY_VOID_MEANING},
        {is_inactive, POLICY_VOID_INACTIVE},
        {has_no_role, POLICY_VOID_ROLE},
        {is_robot, POLICY_VOID_NOT_HUMAN},
        {is_service, POLICY_VOID_NOT_HUMAN},
        {is_old, POLICY_VOID_OLD},
        {is_future, POLICY_VOID_OLD},
        {is_requester, POLICY_VOID_EXCLUDED},
        {is_author, POLICY_VOID_EXCLUDED},
        {is_evaluator, POLICY_VOID_EXCLUDED},
        {is_deployer, POLICY_VOID_EXCLUDED},
        {is_owner, POLICY_VOID_EXCLUDED},
        {is_same_person, POLICY_VOID_NONE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        story_begin();
        struct policy_approvals *asked = story_approvals(1, 2);
        asked->exclude = policy_word_bits(POLICY_WORD_EXCLUDE);
        asked->max_age_ms = 100;
        story_approve(ANN, POLICY_MEANING_APPROVE);
        story_approve(BOB, POLICY_MEANING_APPROVE);
        ck_assert(story_allowed());
        rows[i].change();
        ck_assert_int_eq(policy_approval_void(asked, &story.view, &story.approvals[1]),
                         rows[i].why);
        story_lacks(POLICY_LACK_APPROVALS);
        ck_assert_uint_eq(story.misses.items[0].have, 1);
        ck_assert_uint_eq(story.misses.items[0].need, 2);
    }
}
END_TEST

START_TEST(approvals_of_groups)
{
    struct policy_approvals *asked = story_approvals(1, 2);

    story_approve(ANN, POLICY_MEANING_APPROVE);
    story_approve(BOB, POLICY_MEANING_APPROVE);
    ck_assert(story_allowed());
    asked->distinct = POLICY_DISTINCT_SITE; /* s0, s1 */
    ck_assert(story_allowed());
    asked->distinct = POLICY_DISTINCT_ORG_UNIT; /* both u0 */
    story_lacks(POLICY_LACK_APPROVALS);
    story_approve(CAT, POLICY_MEANING_APPROVE); /* u1 */
    ck_assert(story_allowed());
    story.persons[CAT].unit = "";
    story_lacks(POLICY_LACK_APPROVALS);
    asked->human_only = false;
    story_approve(BOT, POLICY_MEANING_APPROVE); /* u2 */
    ck_assert(story_allowed());
}
END_TEST

/* One person never fills two clauses, of one rule or of two; a PERMIT's count with them. */
START_TEST(one_person_one_place)
{
    story.policy.rules_count = 3;
    (void)story_approvals(1, 1);
    story_approvals(2, 1)->roles = 2; /* ann alone */
    story_approve(ANN, POLICY_MEANING_APPROVE);
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed_count, 2);
    ck_assert_int_eq(story.misses.items[0].lack, POLICY_LACK_SHARED);
    story_approve(BOB, POLICY_MEANING_APPROVE);
    ck_assert(story_allowed());
    (void)story_approvals(0, 1);
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed_count, 1);
    ck_assert_uint_eq(story.decision.failed[0], 2000);
    story_approve(CAT, POLICY_MEANING_APPROVE);
    ck_assert(story_allowed());
    story_approve(CAT, POLICY_MEANING_APPROVE);
    (void)story_approvals(1, 1);
    ck_assert(!story_allowed());
}
END_TEST

/* ---- evidence ------------------------------------------------------------------------ */

static struct policy_evidence_need *evidence_clause(void)
{
    struct policy_evidence_need *asked = &story_clause(1, POLICY_CLAUSE_EVIDENCE)->evidence;

    *asked = (struct policy_evidence_need){.kind = POLICY_EVIDENCE_SAFETY,
                                           .suite = "",
                                           .at_least = POLICY_VERDICT_PASSED,
                                           .count = 1};
    return asked;
}

START_TEST(evidence)
{
    struct policy_evidence_need *asked = evidence_clause();

    story_lacks(POLICY_LACK_EVIDENCE);
    story_result("a", POLICY_VERDICT_PASSED, 100);
    ck_assert(story_allowed());
    asked->max_age_ms = 100;
    ck_assert(story_allowed());
    asked->max_age_ms = 99;
    story_lacks(POLICY_LACK_EVIDENCE);
    asked->max_age_ms = 0;
    story.results[0].time_ms = STORY_NOW + 1;
    story_lacks(POLICY_LACK_EVIDENCE);
    story.results[0].time_ms = STORY_NOW;
    ck_assert(story_allowed());
    story.results[0].retracted = true;
    story_lacks(POLICY_LACK_EVIDENCE);
    story.results[0].retracted = false;
    story.results[0].kind = POLICY_EVIDENCE_FAIRNESS;
    story_lacks(POLICY_LACK_EVIDENCE);
    story.results[0].kind = POLICY_EVIDENCE_SAFETY;
    asked->suite = "b";
    story_lacks(POLICY_LACK_EVIDENCE);
    asked->suite = "a";
    ck_assert(story_allowed());
    asked->by_roles = 2;
    story_lacks(POLICY_LACK_EVIDENCE);
    story.results[0].by = ANN;
    ck_assert(story_allowed());
    story.view.authors = 1 << ANN;
    ck_assert(story_allowed());
    asked->exclude_author = true;
    story_lacks(POLICY_LACK_EVIDENCE);
    story.view.authors = 0;
    asked->by_roles = 0;
    story.results[0].by = POLICY_NOBODY;
    story_lacks(POLICY_LACK_EVIDENCE);
    asked->exclude_author = false;
    ck_assert(story_allowed());
}
END_TEST

START_TEST(evidence_newest)
{
    struct policy_evidence_need *asked = evidence_clause();

    story_result("a", POLICY_VERDICT_PASSED, 50);
    story_result("a", POLICY_VERDICT_FAILED, 40);
    story_lacks(POLICY_LACK_FAILURE);
    story.results[1].time_ms = STORY_NOW + 5; /* the future helps nobody */
    story_lacks(POLICY_LACK_FAILURE);
    story.results[1].time_ms = STORY_NOW - 50; /* the same time: the failure counts */
    story_lacks(POLICY_LACK_FAILURE);
    story.results[0].index = 1;
    ck_assert(story_allowed());
    story.results[1].index = 1;
    story_lacks(POLICY_LACK_FAILURE);
    story.results[1].retracted = true;
    ck_assert(story_allowed());
    story.results[1].retracted = false;
    story.results[1].verdict = POLICY_VERDICT_INCONCLUSIVE;
    story.results[1].index = 2;
    story_lacks(POLICY_LACK_FAILURE);
    asked->at_least = POLICY_VERDICT_INCONCLUSIVE;
    ck_assert(story_allowed());
    /* A newer pass by somebody whom the clause cannot take hides no failure. */
    asked->at_least = POLICY_VERDICT_PASSED;
    asked->exclude_author = true;
    story.view.authors = 1 << CAT;
    story_result("a", POLICY_VERDICT_PASSED, 10);
    story.results[2].by = CAT;
    story_lacks(POLICY_LACK_FAILURE);
    story.results[2].by = BOB;
    ck_assert(story_allowed());
}
END_TEST

START_TEST(evidence_suites)
{
    struct policy_evidence_need *asked = evidence_clause();

    story_result("a", POLICY_VERDICT_PASSED, 50);
    story_result("a", POLICY_VERDICT_PASSED, 40);
    asked->count = 2;
    story_lacks(POLICY_LACK_EVIDENCE); /* one suite twice */
    ck_assert_uint_eq(story.misses.items[0].have, 1);
    story_result("b", POLICY_VERDICT_PASSED, 50);
    ck_assert(story_allowed());
    story_result("c", POLICY_VERDICT_FAILED, 50);
    story_lacks(POLICY_LACK_FAILURE);
    story_result("c", POLICY_VERDICT_PASSED, 49);
    ck_assert(story_allowed());
    asked->count = 4;
    story_lacks(POLICY_LACK_EVIDENCE);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("policy_approvals");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, story_begin, NULL);
    tcase_add_test(all, approvals_that_do_not_count);
    tcase_add_test(all, approvals_of_groups);
    tcase_add_test(all, one_person_one_place);
    tcase_add_test(all, evidence);
    tcase_add_test(all, evidence_newest);
    tcase_add_test(all, evidence_suites);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
