/* Goal: every clause holds and fails exactly where its comment says. Method: one rule with one
 * clause over a view where it holds, with one thing changed in each row; and small stories of
 * several rules. */
#include <check.h>

#include "support/check_main.h"
#include "support/policy_story.h"

START_TEST(default_deny)
{
    story.policy.rules_count = 0;
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed_count, 1);
    ck_assert_uint_eq(story.decision.failed[0], POLICY_RULE_NO_PERMIT);
    story.policy.rules_count = 1;
    ck_assert(story_allowed());
    ck_assert_uint_eq(story.decision.permitted_by, 2000);
    /* A gate that holds permits nothing by itself. */
    story.policy.rules_count = 2;
    story.rules[0].effect = POLICY_EFFECT_REQUIRE;
    story_clause(1, POLICY_CLAUSE_BASE_OK);
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed[0], POLICY_RULE_NO_PERMIT);
}
END_TEST

/* A permit that does not hold is no matter when another one does. */
START_TEST(one_permit_is_enough)
{
    story.rules[1].effect = POLICY_EFFECT_PERMIT;
    story_clause(0, POLICY_CLAUSE_ACTOR_ROLE)->actor_roles = 2;
    story.view.actor = BOB;
    ck_assert(story_allowed());
    ck_assert_uint_eq(story.decision.permitted_by, 2001);
    ck_assert_uint_eq(story.misses.count, 0);
}
END_TEST

/* Each failed rule, by id, wherever it stands; the smallest id that permits. */
START_TEST(all_failed_rules)
{
    story.policy.rules_count = 4;
    story.rules[0].effect = POLICY_EFFECT_FORBID;
    story.rules[0].id = 3000;
    story_clause(1, POLICY_CLAUSE_DELAY)->delay_ms = 501;
    story.rules[2].effect = story.rules[3].effect = POLICY_EFFECT_PERMIT;
    story_clause(2, POLICY_CLAUSE_ACTOR_ROLE)->actor_roles = 2;
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed_count, 2);
    ck_assert_uint_eq(story.decision.failed[0], 2001);
    ck_assert_uint_eq(story.decision.failed[1], 3000);
    ck_assert_uint_eq(story.decision.permitted_by, 2002);
    /* Both PERMITs fail: both are named. */
    story.view.actor = BOB;
    story_clause(3, POLICY_CLAUSE_ACTOR_ROLE)->actor_roles = 2;
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed_count, 4);
    ck_assert_uint_eq(story.decision.failed[3], 3000);
    ck_assert_uint_eq(story.decision.permitted_by, 0);
}
END_TEST

/* ---- match --------------------------------------------------------------------------- */

/* Rule 1, which never holds, matches or not. */
static bool matched(void)
{
    return !story_allowed();
}

START_TEST(match)
{
    struct policy_match *asked = &story.rules[1].match;

    story_clause(1, POLICY_CLAUSE_DELAY)->delay_ms = 501;
    ck_assert(matched());
    asked->events[0] = UINT64_C(1) << 44 | UINT64_C(1) << 46;
    ck_assert(!matched());
    asked->events[0] |= UINT64_C(1) << STORY_EVENT;
    ck_assert(matched());
    asked->events[0] = 0;
    asked->events[1] = 1; /* 64 */
    ck_assert(!matched());
    story.view.event = 64;
    ck_assert(matched());
    asked->tier_min = asked->tier_max = POLICY_TIER_MEDIUM;
    ck_assert(!matched());
    asked->tier_max = POLICY_TIER_HIGH;
    ck_assert(matched());
    story.view.tier = 0;
    ck_assert(!matched());
    story.view.tier = POLICY_TIER_MEDIUM;
    ck_assert(matched());
    asked->environments = 2;
    ck_assert(!matched());
    story.view.environment = "staging";
    ck_assert(matched());
    story.view.environment = "stagin";
    ck_assert(!matched());
    story.view.environment = "staging";
    asked->kinds = 1 << POLICY_KIND_FULL | 1 << POLICY_KIND_ADAPTER;
    ck_assert(matched());
    story.view.kind = 0;
    ck_assert(!matched());
    story.view.kind = POLICY_KIND_FULL;
    asked->classes = 1 << POLICY_CLASS_PERSONAL;
    ck_assert(!matched());
    story.view.data_class = POLICY_CLASS_PERSONAL;
    asked->actors = 1 << POLICY_ACTOR_ROBOT;
    ck_assert(!matched());
    story.view.actor = BOT;
    ck_assert(matched());
}
END_TEST

START_TEST(match_subjects)
{
    static const struct {
        const char *prefix, *subject;
        bool matches;
    } rows[] = {
        {"model", "model/m", true},
        {"model/m", "model/m", true},
        {"model/m", "model/m/version/1", true},
        {"model/m", "model/mm", false},
        {"model/m", "model/mm/version/1", false},
        {"model/m/version/1", "model/m/version/10", false},
        {"model/m/version/1", "model/m", false},
        {"mode", "model/m", false},
        {"dataset", "model/m", false},
    };

    story_clause(1, POLICY_CLAUSE_DELAY)->delay_ms = 501;
    story.rules[1].match.subjects_count = 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        story.subjects[0] = rows[i].prefix;
        story.view.subject = rows[i].subject;
        ck_assert_msg(matched() == rows[i].matches, "%s %s", rows[i].prefix, rows[i].subject);
    }
    story.subjects[0] = "dataset";
    story.subjects[1] = "model";
    story.rules[1].match.subjects_count = 2;
    ck_assert(matched());
}
END_TEST

/* What is not known matches every gate and no permit. */
START_TEST(match_unknown)
{
    story_clause(1, POLICY_CLAUSE_DELAY)->delay_ms = 501;
    story.rules[1].match.tier_min = story.rules[1].match.tier_max = POLICY_TIER_LOW;
    ck_assert(!matched());
    story.view.unknown = POLICY_FACT_TIER;
    ck_assert(matched());
    story.policy.rules_count = 1;
    story.rules[0].match.tier_min = story.rules[0].match.tier_max = POLICY_TIER_HIGH;
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed[0], POLICY_RULE_NO_PERMIT);
    story.view.unknown = 0;
    ck_assert(story_allowed());
}
END_TEST

/* ---- single clauses ------------------------------------------------------------------ */

START_TEST(actor_role)
{
    story_clause(1, POLICY_CLAUSE_ACTOR_ROLE)->actor_roles = 2;
    ck_assert(story_allowed());
    story.persons[ANN].active = false;
    story_lacks(POLICY_LACK_ROLE);
    story.view.actor = BOB;
    story_lacks(POLICY_LACK_ROLE);
}
END_TEST

START_TEST(inputs)
{
    struct policy_clause *asked = story_clause(1, POLICY_CLAUSE_BASE_OK);

    for (int is_data = 0; is_data < 2; is_data++) {
        enum policy_input *worst = is_data ? &story.view.data : &story.view.base;

        asked->type = is_data ? POLICY_CLAUSE_DATA_OK : POLICY_CLAUSE_BASE_OK;
        asked->input_needed = false;
        for (int status = 0; status <= POLICY_INPUT_REVOKED; status++) {
            *worst = (enum policy_input)status;
            ck_assert_int_eq(story_allowed(), status <= POLICY_INPUT_ADVISORY);
        }
        story_lacks(POLICY_LACK_INPUT);
        asked->input_needed = true;
        *worst = 0;
        story_lacks(POLICY_LACK_INPUT_NONE);
        *worst = POLICY_INPUT_FINE;
        ck_assert(story_allowed());
    }
}
END_TEST

START_TEST(field)
{
    static const char *const texts[] = {"dora", "lora"};
    static const struct {
        enum policy_op op;
        uint64_t number;
        bool holds;
    } rows[] = {
        {POLICY_OP_IS, 7, true},       {POLICY_OP_IS, 8, false},
        {POLICY_OP_IS_NOT, 8, true},   {POLICY_OP_IS_NOT, 7, false},
        {POLICY_OP_AT_LEAST, 7, true}, {POLICY_OP_AT_LEAST, 8, false},
        {POLICY_OP_AT_MOST, 7, true},  {POLICY_OP_AT_MOST, 6, false},
    };
    struct policy_field_need *asked = &story_clause(1, POLICY_CLAUSE_FIELD)->field;

    story.fields[0] = (struct policy_field){.name = "rank", .number = 7};
    story.fields[1] = (struct policy_field){.name = "method", .text = "lora"};
    story.view.fields_count = 2;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *asked = (struct policy_field_need){
            .name = "rank", .op = rows[i].op, .number = rows[i].number};
        ck_assert_int_eq(story_allowed(), rows[i].holds);
    }
    *asked = (struct policy_field_need){
        .name = "method", .op = POLICY_OP_ONE_OF, .texts = texts, .texts_count = 2};
    ck_assert(story_allowed());
    asked->op = POLICY_OP_NONE_OF;
    story_lacks(POLICY_LACK_FIELD);
    story.fields[1].text = "full";
    ck_assert(story_allowed());
    asked->op = POLICY_OP_ONE_OF;
    story_lacks(POLICY_LACK_FIELD);
    /* Another type, and no such field: not even "is not" holds. */
    asked->name = "rank";
    story_lacks(POLICY_LACK_FIELD_NONE);
    *asked = (struct policy_field_need){.name = "method", .op = POLICY_OP_IS_NOT, .number = 1};
    story_lacks(POLICY_LACK_FIELD_NONE);
    asked->name = "absent";
    story_lacks(POLICY_LACK_FIELD_NONE);
}
END_TEST

START_TEST(delay)
{
    story_clause(1, POLICY_CLAUSE_DELAY)->delay_ms = 500;
    ck_assert(story_allowed());
    story.view.requested_ms = STORY_NOW - 499;
    story_lacks(POLICY_LACK_DELAY);
    ck_assert_uint_eq(story.misses.items[0].have, 499);
    story.view.requested_ms = 0;
    story_lacks(POLICY_LACK_REQUEST);
    story.view.requested_ms = STORY_NOW + 1;
    story_lacks(POLICY_LACK_REQUEST);
}
END_TEST

START_TEST(state_and_open)
{
    struct policy_clause *asked = story_clause(1, POLICY_CLAUSE_STATE);

    asked->state.states = 1 << POLICY_STATE_APPROVED | 1 << POLICY_STATE_ACTIVE;
    ck_assert(story_allowed());
    asked->state.negated = true;
    story_lacks(POLICY_LACK_STATE);
    story.view.states = 1 << POLICY_STATE_RETIRED;
    ck_assert(story_allowed());
    asked->state.negated = false;
    story_lacks(POLICY_LACK_STATE);

    *asked = (struct policy_clause){.type = POLICY_CLAUSE_OPEN, .open = {3, true}};
    ck_assert(story_allowed());
    story.view.incidents = 1 << POLICY_SEVERITY_MAJOR;
    ck_assert(story_allowed());
    story.view.incidents |= 1 << POLICY_SEVERITY_SERIOUS;
    story_lacks(POLICY_LACK_OPEN);
    story.view.incidents = 1 << POLICY_SEVERITY_CRITICAL;
    story_lacks(POLICY_LACK_OPEN);
    asked->open.negated = false;
    ck_assert(story_allowed());
    *asked = (struct policy_clause){.type = POLICY_CLAUSE_OPEN, .open = {0, true}};
    ck_assert(story_allowed());
    story.view.unreviewed_breakglass = true;
    story_lacks(POLICY_LACK_OPEN);
}
END_TEST

/* All clauses of a FORBID must hold; one that does not lets pass. */
START_TEST(forbid)
{
    story.rules[1].effect = POLICY_EFFECT_FORBID;
    story_clause(1, POLICY_CLAUSE_ACTOR_ROLE)->actor_roles = 2;
    story_clause(1, POLICY_CLAUSE_STATE)->state.states = 1 << POLICY_STATE_APPROVED;
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed[0], 2001);
    ck_assert_uint_eq(story.misses.count, 0);
    story.persons[ANN].active = false; /* who is suspended escapes nothing */
    ck_assert(!story_allowed());
    story.view.actor = BOB;
    ck_assert(story_allowed());
}
END_TEST

START_TEST(views)
{
    struct policy_view good = story.view;

    ck_assert(policy_view_valid(&story.view));
    story.view.actor = 4;
    ck_assert(!policy_view_valid(&story.view));
    story.view = good;
    story.view.event = POLICY_EVENTS_COUNT;
    ck_assert(!policy_view_valid(&story.view));
    story.view = good;
    story_approve(4, POLICY_MEANING_APPROVE);
    ck_assert(!policy_view_valid(&story.view));
    story.view = good;
    story.persons[1].kind = 0;
    ck_assert(!policy_view_valid(&story.view));
    story.persons[1].kind = POLICY_ACTOR_HUMAN;
    story.fields[0] = story.fields[1] = (struct policy_field){.name = "a"};
    story.view.fields_count = 2;
    ck_assert(!policy_view_valid(&story.view));
    story.view = good;
    story.view.persons_count = POLICY_PERSONS_MAX + 1;
    ck_assert(!policy_view_valid(&story.view));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("policy_decide");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, story_begin, NULL);
    tcase_add_test(all, default_deny);
    tcase_add_test(all, one_permit_is_enough);
    tcase_add_test(all, all_failed_rules);
    tcase_add_test(all, match);
    tcase_add_test(all, match_subjects);
    tcase_add_test(all, match_unknown);
    tcase_add_test(all, actor_role);
    tcase_add_test(all, inputs);
    tcase_add_test(all, field);
    tcase_add_test(all, delay);
    tcase_add_test(all, state_and_open);
    tcase_add_test(all, forbid);
    tcase_add_test(all, views);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
