/* policy_text - rules, clauses and what is missing, in plain words. */
#ifndef TALLY_POLICY_TEXT_H
#define TALLY_POLICY_TEXT_H

#include <stddef.h>

#include "policy/policy_decide.h"

enum { POLICY_TEXT_SIZE = 1024 };

/* What a clause asks for: "2 approvals by approver, of different org_units". Returns `to`. */
const char *policy_text_clause(const struct policy *policy, const struct policy_clause *clause,
                               char to[POLICY_TEXT_SIZE]);
/* Why a clause does not hold: "1 of 2 found". Returns `to`. */
const char *policy_text_lack(const struct policy_clause *clause, const struct policy_view *view,
                             const struct policy_miss *miss, char to[POLICY_TEXT_SIZE]);
/* Why an approval does not count for a clause: "bo is excluded"; or that it does. */
const char *policy_text_approval(const struct policy_approvals *clause,
                                 const struct policy_view *view,
                                 const struct policy_approval *approval,
                                 char to[POLICY_TEXT_SIZE]);
/* What one result is: "fairness, suite bias: failed, 1h old, by eva". */
const char *policy_text_result(const struct policy_view *view,
                               const struct policy_result *result, char to[POLICY_TEXT_SIZE]);

#endif
