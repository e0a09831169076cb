/* policy_clauses - single clauses of a rule against the facts. Pure and thread-safe. */
#ifndef POLICY_POLICY_CLAUSES_H
#define POLICY_POLICY_CLAUSES_H

#include "policy/policy_decide.h"

/* Does a clause, which is not about approvals, of a rule with this effect hold? If not, lack,
 * have and need are set. */
bool policy_clause_holds(const struct policy_clause *clause, enum policy_effect effect,
                         const struct policy_view *view, struct policy_miss *miss);
/* The persons with an approval that counts for the clause. */
uint64_t policy_clause_eligible(const struct policy_approvals *clause,
                                const struct policy_view *view);

#endif
