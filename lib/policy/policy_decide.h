/* policy_decide - what a policy says about one event, from facts that the caller gathered.
 *
 * A pure function: no allocation, no I/O, no clock, no recursion; the order of rules, clauses,
 * persons, approvals, evidence and fields never matters. Node, simulator, replay and tools
 * share it. Thread-safe.
 *
 *   allow = no matching FORBID holds, every matching REQUIRE holds, a matching PERMIT holds.
 *
 * The caller has checked before that the actor may sign at all.
 *
 * Ages     A thing of age exactly max_age counts; one millisecond more does not. A delay is
 * over when exactly so much time has passed. What lies in the future counts for nothing, and a
 * failure in the future still is one. Persons  One person fills one place of all APPROVALS
 * clauses together: those of every matching REQUIRE and of the PERMIT that holds. Keys do not
 * count, persons do. Evidence Per kind and suite the newest unretracted failure hides every
 * pass that is not newer than it, whoever gave it; a pass that the clause cannot take (too old,
 * by somebody else) neither counts nor hides. So taking a pass away never helps. */
#ifndef POLICY_POLICY_DECIDE_H
#define POLICY_POLICY_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

enum {
    POLICY_PERSONS_MAX = 64, /* a set of persons is a u64 */
    POLICY_GIVEN_MAX = 256,  /* approvals */
    POLICY_RESULTS_MAX = 256,
    POLICY_FIELDS_MAX = 32,
    POLICY_NOBODY = 255,
    POLICY_FAILED_MAX = POLICY_RULES_MAX + 1,
    POLICY_MISSES_MAX = POLICY_RULES_MAX * POLICY_CLAUSES_MAX,
};

/* A principal, once in the list however many keys and parts it has. */
struct policy_person {
    const char *id;          /* for explanations */
    const char *unit, *site; /* "": not known; such a person fills no place of a unit or site */
    uint64_t roles;          /* in force now for this subject: policy_role_bit() */
    enum policy_actor kind;
    bool active; /* neither suspended nor under suspicion */
};

struct policy_approval {
    uint8_t person; /* place in `persons` */
    enum policy_meaning meaning;
    bool stale; /* does not bind what is decided now, or its key does not count any more */
    uint64_t time_ms;
};

/* A result about the manifest root that is decided about. */
struct policy_result {
    enum policy_evidence_kind kind;
    const char *suite; /* "": none */
    enum policy_verdict verdict;
    bool retracted;
    uint8_t by;              /* place in `persons`, or POLICY_NOBODY */
    uint64_t time_ms, index; /* newer is greater, first by time; index: of the record */
};

struct policy_field {
    const char *name; /* once in the list */
    const char *text; /* NULL: a number */
    uint64_t number;  /* flags are 0 and 1 */
};

/* Zero or "" for a fact means that the event is about nothing such; a rule that names the fact
 * then does not match. A fact that the event should have and that cannot be found goes into
 * `unknown`: every REQUIRE and FORBID that names it matches, and no PERMIT does. */
struct policy_view {
    uint32_t event; /* number of POLICY_EVENT_TABLE */
    const char *subject, *environment;
    enum policy_tier tier;
    enum policy_kind kind;
    enum policy_class data_class;
    uint32_t unknown; /* enum policy_fact */

    uint32_t persons_count, approvals_count, results_count, fields_count;
    const struct policy_person *persons;
    const struct policy_approval *approvals;
    const struct policy_result *results;
    const struct policy_field *fields;
    uint8_t actor; /* place in `persons` */
    /* Bit n: persons[n]. With everyone on whose behalf, or under whose responsibility, it was
     * done; of the evaluators those whose results belong to the request. */
    uint64_t requesters, authors, evaluators, deployers, owners;

    enum policy_input base, data; /* the worst of them; 0: none is named */
    uint32_t states;              /* 1 << enum policy_state */
    uint32_t incidents;           /* 1 << enum policy_severity, of those that are open */
    bool unreviewed_breakglass;
    uint64_t requested_ms; /* 0: there is no request */
    uint64_t now_ms;
};

struct policy_decision {
    bool allowed;
    uint16_t permitted_by; /* the smallest id of the PERMITs that hold; 0: none does */
    uint32_t failed_count;
    /* Ascending: FORBIDs that hold, REQUIREs that do not; when no PERMIT holds, those that
     * matched, or POLICY_RULE_NO_PERMIT when none did. Empty when it is allowed. */
    uint16_t failed[POLICY_FAILED_MAX];
};

/* Why a clause does not hold. */
enum policy_lack {
    POLICY_LACK_NONE,
    POLICY_LACK_ROLE,
    POLICY_LACK_APPROVALS,  /* have..need: too few that count */
    POLICY_LACK_SHARED,     /* enough for it alone, but the same persons are needed elsewhere */
    POLICY_LACK_EVIDENCE,   /* have..need suites; nothing failed */
    POLICY_LACK_FAILURE,    /* a newest result does not reach the verdict */
    POLICY_LACK_INPUT_NONE, /* none is named */
    POLICY_LACK_INPUT,      /* one is not fine */
    POLICY_LACK_FIELD_NONE, /* the event has no such field, or one of another type */
    POLICY_LACK_FIELD,
    POLICY_LACK_REQUEST, /* no request whose delay could run */
    POLICY_LACK_DELAY,   /* have..need milliseconds */
    POLICY_LACK_STATE,
    POLICY_LACK_OPEN,
};

struct policy_miss {
    uint16_t rule; /* place in policy->rules */
    uint8_t clause;
    enum policy_lack lack;
    uint64_t have, need;
};

/* The clauses that do not hold, of each REQUIRE and PERMIT that failed. */
struct policy_misses {
    uint32_t count;
    struct policy_miss items[POLICY_MISSES_MAX];
};

/* Are all counts, places and words of the view within their ranges? */
bool policy_view_valid(const struct policy_view *view);

/* Decide. The view must be valid (asserted). `misses` may be NULL. Cannot fail. */
void policy_decide(const struct policy *policy, const struct policy_view *view,
                   struct policy_decision *ret_decision, struct policy_misses *misses);

/* Does the rule match the event? Its clauses are not looked at. */
bool policy_matches(const struct policy *policy, const struct policy_rule *rule,
                    const struct policy_view *view);

/* Why an approval does not count for a clause, however many others do. */
enum policy_void {
    POLICY_VOID_NONE, /* it counts */
    POLICY_VOID_STALE,
    POLICY_VOID_MEANING,
    POLICY_VOID_INACTIVE,
    POLICY_VOID_ROLE,
    POLICY_VOID_NOT_HUMAN,
    POLICY_VOID_EXCLUDED,
    POLICY_VOID_OLD,
    POLICY_VOID_GROUP, /* the person's unit or site is not known */
};
enum policy_void policy_approval_void(const struct policy_approvals *clause,
                                      const struct policy_view *view,
                                      const struct policy_approval *approval);

#endif
