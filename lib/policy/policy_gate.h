/* policy_gate - could anybody pass the rules that match one kind of event? For policy_survey.
 *
 * Pure and thread-safe. */
#ifndef POLICY_POLICY_GATE_H
#define POLICY_POLICY_GATE_H

#include "policy/policy_survey.h"

/* Add a finding, unless there is one of its type for the same clause. */
void policy_finding_add(struct policy_findings *findings, const struct policy_finding *finding);

/* Could the persons pass, some of them as actor, approvers and evaluators, one as whoever is
 * excluded? If not, or only if some person is not that one, that is added to the findings.
 *   rules  bit n: policy->rules[n] matches
 *   view   an event of that kind; its only person is the actor, of its kind (0: any) */
bool policy_gate_passable(const struct policy *policy, const uint64_t *rules,
                          const struct policy_view *view, const struct policy_person *persons,
                          uint32_t persons_count, struct policy_findings *findings);

#endif
