#include "support/policy_story.h"

#include <check.h>
#include <string.h>

struct policy_story story;

static const struct policy_person persons[] = {
    {"ann", "u0", "s0", 3, POLICY_ACTOR_HUMAN, true},
    {"bob", "u0", "s1", 1, POLICY_ACTOR_HUMAN, true},
    {"cat", "u1", "s1", 1, POLICY_ACTOR_HUMAN, true},
    {"bot", "u2", "s2", 1, POLICY_ACTOR_ROBOT, true},
};
static const char *const roles[] = {"r0", "r1"};
static const char *const environments[] = {"production", "staging"};

void story_approve(uint8_t person, enum policy_meaning meaning)
{
    story.approvals[story.view.approvals_count++] = (struct policy_approval){
        .person = person, .meaning = meaning, .time_ms = STORY_NOW - 100};
}

void story_result(const char *suite, enum policy_verdict verdict, uint64_t age)
{
    story.results[story.view.results_count++] =
        (struct policy_result){.kind = POLICY_EVIDENCE_SAFETY,
                               .suite = suite,
                               .verdict = verdict,
                               .by = BOB,
                               .time_ms = STORY_NOW - age};
}

void story_begin(void)
{
    memset(&story, 0, sizeof story);
    memcpy(story.persons, persons, sizeof persons);
    story.view = (struct policy_view){.event = STORY_EVENT,
                                      .subject = "model/m/version/1",
                                      .environment = "production",
                                      .tier = POLICY_TIER_HIGH,
                                      .kind = POLICY_KIND_ADAPTER,
                                      .data_class = POLICY_CLASS_INTERNAL,
                                      .persons_count = 4,
                                      .persons = story.persons,
                                      .approvals = story.approvals,
                                      .results = story.results,
                                      .fields = story.fields,
                                      .actor = ANN,
                                      .base = POLICY_INPUT_FINE,
                                      .data = POLICY_INPUT_FINE,
                                      .states = 1 << POLICY_STATE_APPROVED,
                                      .requested_ms = STORY_NOW - 500,
                                      .now_ms = STORY_NOW};
    for (uint16_t i = 0; i < 4; i++)
        story.rules[i] = (struct policy_rule){.id = (uint16_t)(2000 + i),
                                              .name = "x",
                                              .effect = POLICY_EFFECT_REQUIRE,
                                              .match.subjects = story.subjects,
                                              .clauses = story.clauses[i]};
    story.rules[0].effect = POLICY_EFFECT_PERMIT;
    story.policy = (struct policy){.name = "p",
                                   .roles_count = 2,
                                   .roles = roles,
                                   .environments_count = 2,
                                   .environments = environments,
                                   .rules_count = 2,
                                   .rules = story.rules};
}

struct policy_clause *story_clause(uint32_t rule, enum policy_clause_type type)
{
    struct policy_clause *added = &story.clauses[rule][story.rules[rule].clauses_count++];

    added->type = type;
    return added;
}

struct policy_approvals *story_approvals(uint32_t rule, uint32_t count)
{
    struct policy_approvals *asked = &story_clause(rule, POLICY_CLAUSE_APPROVALS)->approvals;

    *asked = (struct policy_approvals){.roles = 1,
                                       .count = count,
                                       .distinct = POLICY_DISTINCT_PERSON,
                                       .human_only = true,
                                       .meanings = 1 << POLICY_MEANING_APPROVE};
    return asked;
}

bool story_allowed(void)
{
    policy_decide(&story.policy, &story.view, &story.decision, &story.misses);
    ck_assert_int_eq(story.decision.allowed, story.decision.failed_count == 0);
    return story.decision.allowed;
}

void story_lacks(enum policy_lack lack)
{
    ck_assert(!story_allowed());
    ck_assert_uint_eq(story.decision.failed_count, 1);
    ck_assert_uint_eq(story.decision.failed[0], 2001);
    ck_assert_uint_eq(story.misses.count, 1);
    ck_assert_int_eq(story.misses.items[0].lack, lack);
}
