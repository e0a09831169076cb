/* policy_story - a small policy and a view that it allows, for tests that change one thing.
 *
 * Rule 0 permits everything, rule 1 is a REQUIRE to which a test adds clauses, rules 2 and 3
 * are REQUIREs that are not in the policy yet. Four persons in sight; everybody has role bit 0,
 * ann bit 1 as well. Global state: one test at a time. */
#ifndef SUPPORT_POLICY_STORY_H
#define SUPPORT_POLICY_STORY_H

#include "policy/policy_decide.h"

enum { STORY_NOW = 1000000, STORY_EVENT = 45 /* stage.transitioned */ };
enum { ANN, BOB, CAT, BOT };

struct policy_story {
    struct policy_person persons[4];
    struct policy_approval approvals[8];
    struct policy_result results[8];
    struct policy_field fields[2];
    struct policy_view view;
    struct policy_clause clauses[4][POLICY_CLAUSES_MAX];
    const char *subjects[2]; /* of rule 1 */
    struct policy_rule rules[4];
    struct policy policy;
    struct policy_decision decision; /* the last one */
    struct policy_misses misses;
};
extern struct policy_story story;

void story_begin(void);
/* An approval 100 ms ago. */
void story_approve(uint8_t person, enum policy_meaning meaning);
/* A safety result of `age` ms by bob. */
void story_result(const char *suite, enum policy_verdict verdict, uint64_t age);
/* A clause more for a rule. */
struct policy_clause *story_clause(uint32_t rule, enum policy_clause_type type);
/* The same: so many approvals by people with role bit 0, meaning approve. */
struct policy_approvals *story_approvals(uint32_t rule, uint32_t count);
/* Decide. */
bool story_allowed(void);
/* It is denied by rule 1 alone, for this lack. */
void story_lacks(enum policy_lack lack);

#endif
