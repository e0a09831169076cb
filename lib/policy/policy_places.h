/* policy_places - who fills which place of several APPROVALS clauses.
 *
 * A maximum flow: each clause has places, each person fills one place of one clause at most,
 * and where units or sites must differ, one place per clause and unit. Sizes are bounded by
 * POLICY_APPROVALS_MAX clauses and POLICY_PERSONS_MAX persons; nothing is allocated, nothing
 * recurses. Results do not depend on the order of clauses or persons. Thread-safe. */
#ifndef POLICY_POLICY_PLACES_H
#define POLICY_POLICY_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy_decide.h"

struct policy_places_clause {
    uint64_t eligible; /* persons */
    uint8_t count, filled;
    enum policy_distinct distinct;
    uint16_t rule; /* the caller's */
    uint8_t clause;
    bool short_of; /* after policy_places_short */
};

struct policy_places {
    const struct policy_person *persons;
    uint32_t persons_count, clauses_count;
    struct policy_places_clause clauses[POLICY_APPROVALS_MAX];
    uint16_t holds[POLICY_PERSONS_MAX]; /* clause of a person; POLICY_PLACES_FREE */
    /* Who has the same unit or site, with the person; only of those in `known`, by distinct. */
    uint64_t known[POLICY_DISTINCT_SITE + 1];
    uint64_t same_unit[POLICY_PERSONS_MAX], same_site[POLICY_PERSONS_MAX];
};
enum { POLICY_PLACES_FREE = UINT16_MAX };

/* The persons are borrowed until the last call for these places. */
void policy_places_begin(struct policy_places *places, const struct policy_person *persons,
                         uint32_t count);
/* Add a clause and fill as many places as possible, moving persons where that helps; the places
 * filled before stay filled. Returns how many places were filled in addition. */
uint32_t policy_places_add(struct policy_places *places,
                           const struct policy_places_clause *clause);
/* Mark the clauses that are short of persons: those with empty places, and those with whom they
 * compete (the source's side of the least cut). Returns how many there are. */
uint32_t policy_places_short(struct policy_places *places);
/* So many places of the clause, which was added, could be filled if it were the only one;
 * `count` at most. */
uint32_t policy_places_alone(const struct policy_places *places,
                             const struct policy_places_clause *clause);

#endif
