/* policy_random - seeded random policies and views, small enough that rules often decide.
 *
 * A struct policy_random owns everything that its policy and view point to; it may not be
 * moved. One thread. */
#ifndef SUPPORT_POLICY_RANDOM_H
#define SUPPORT_POLICY_RANDOM_H

#include <stdint.h>

#include "policy/policy_decide.h"

enum { POLICY_RANDOM_RULES = 16, POLICY_RANDOM_FACTS = 24, POLICY_RANDOM_PERSONS = 10 };

struct policy_random {
    uint64_t state; /* of the draws */
    struct policy policy;
    struct policy_rule rules[POLICY_RANDOM_RULES];
    struct policy_clause clauses[POLICY_RANDOM_RULES][POLICY_CLAUSES_MAX];
    const char *subjects[POLICY_RANDOM_RULES][2];
    char names[POLICY_RANDOM_RULES][16];

    struct policy_view view;
    struct policy_person persons[POLICY_RANDOM_PERSONS];
    struct policy_approval approvals[POLICY_RANDOM_FACTS];
    struct policy_result results[POLICY_RANDOM_FACTS];
    struct policy_field fields[2];
};

/* Below `below`, which is above 0 (splitmix64). */
uint64_t policy_random_draw(uint64_t *state, uint64_t below);
/* A policy that encodes, and a view. The same seed gives the same. */
void policy_random_make(struct policy_random *random, uint64_t seed);
/* The view alone. */
void policy_random_view(struct policy_random *random, uint64_t seed);
/* A rule with number `number` < POLICY_RANDOM_RULES in place of what is there. */
void policy_random_rule(struct policy_random *random, uint32_t number,
                        enum policy_effect effect);

#endif
