/* policy_survey - what is wrong with a policy as a whole: rules without effect, gates that
 * nobody can pass, lock-outs.
 *
 * What an event is about is finite: its type, the environments, tiers, kinds, data classes and
 * kinds of actors, and of subjects those that rules tell apart. The survey walks this product
 * and looks at the rules that match together. Given the persons there are, it looks whether
 * they could fill all APPROVALS clauses of such a combination at once, somebody being left out
 * as the author, requester or whoever else is excluded: the one who leaves the most possible.
 * Fields, delays, states and results are taken as what they have to be.
 *
 * Pure and thread-safe; nothing is allocated. */
#ifndef POLICY_POLICY_SURVEY_H
#define POLICY_POLICY_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy_decide.h"

enum {
    POLICY_FINDINGS_MAX = 512,
    POLICY_SURVEY_CELLS_MAX = 200000, /* combinations per event type */
    POLICY_NO_RULE = UINT16_MAX,
};

enum policy_finding_type {
    POLICY_FINDING_NEVER_MATCHES,  /* no event is what the rule names */
    POLICY_FINDING_EVENT_UNUSED,   /* `event` is named, but has no `fact`, or another subject */
    POLICY_FINDING_CONTRADICTION,  /* the clause and another one exclude each other */
    POLICY_FINDING_NEVER_PERMITS,  /* wherever it permits, a FORBID without clauses matches */
    POLICY_FINDING_GATE_ROLE,      /* nobody has a role that the clause asks of the actor */
    POLICY_FINDING_GATE_APPROVALS, /* have..need places can be filled */
    POLICY_FINDING_GATE_EVIDENCE,  /* nobody could give this result */
    POLICY_FINDING_LOCK_OUT,       /* nobody could ever append `event`: no rule, or a gate */
    POLICY_FINDING_NARROW, /* a note: nobody passes if `persons` are left out, one each */
    POLICY_FINDING_CUT,    /* a note: more combinations of `event` than are looked at */
};

struct policy_finding {
    enum policy_finding_type type;
    uint16_t rule; /* place in policy->rules; POLICY_NO_RULE */
    uint8_t clause;
    uint32_t fact; /* enum policy_fact; 0: the subject */
    uint32_t have, need;
    uint64_t persons;
    /* An event for which it is so. */
    uint32_t event;
    uint32_t environment; /* place in policy->environments; environments_count: another one */
    enum policy_tier tier;
    enum policy_kind kind;
};

struct policy_findings {
    uint32_t count, lost; /* lost: did not fit */
    struct policy_finding items[POLICY_FINDINGS_MAX];
};

/* Does a finding only say what is narrow, not what is wrong? */
bool policy_finding_is_note(enum policy_finding_type type);

/* Survey a policy; without persons (0) gates are not looked at.
 *   persons  at most POLICY_PERSONS_MAX; their roles by policy_role_bit() */
void policy_survey(const struct policy *policy, const struct policy_person *persons,
                   uint32_t persons_count, struct policy_findings *ret_findings);

#endif
