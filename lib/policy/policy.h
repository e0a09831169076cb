/* policy - the governance policy: rules in memory and as canonical bytes.
 *
 * What it is    A list of rules. Each matches events by what they are about, and has clauses,
 * all of which must hold for the rule to hold. An event is allowed when no FORBID that matches
 * holds, every REQUIRE that matches holds, and one PERMIT that matches holds (policy_decide.h).
 * docs/governance-policy.md is the language. Bytes         proto/policy.proto, in canonical
 * form; equal policies have equal bytes. Ownership     A struct policy borrows from the arena
 * that it was decoded or built in. Threads       No shared state. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "policy/policy_words.h"

enum {
    POLICY_RULES_MAX = 256,
    POLICY_CLAUSES_MAX = 8,     /* of one rule */
    POLICY_APPROVALS_MAX = 256, /* APPROVALS clauses of one policy */
    POLICY_NAMES_MAX = 64,      /* roles, and environments */
    POLICY_SUBJECTS_MAX = 8,    /* prefixes of one rule */
    POLICY_TEXTS_MAX = 16,      /* constants of one FIELD clause */
    POLICY_COUNT_MAX = 16,      /* approvals or suites that one clause asks for */
    POLICY_SIZE_MAX = LIMIT_EVENT_SIZE - 2048, /* the rest of the event that publishes it */

    /* Ids below are those of rules that no policy can switch off. */
    POLICY_RULE_ID_MIN = 1024,
    POLICY_RULE_ID_MAX = 65535,
    POLICY_RULE_NO_PERMIT = 1023, /* "no rule of the policy permits this" */
};

/* 0 and "" mean any, except where it says otherwise. Sets are bits: 1 << value. */
struct policy_match {
    uint64_t events[2]; /* by number of POLICY_EVENT_TABLE; both 0: any */
    uint32_t subjects_count;
    const char *const *subjects; /* ascending */
    uint64_t environments;       /* by place in policy->environments */
    uint8_t tier_min, tier_max;  /* both 0: any */
    uint32_t kinds, classes, actors;
};

enum policy_clause_type {
    POLICY_CLAUSE_ACTOR_ROLE = 1, /* numbers of the oneof in policy.proto */
    POLICY_CLAUSE_APPROVALS,
    POLICY_CLAUSE_EVIDENCE,
    POLICY_CLAUSE_BASE_OK,
    POLICY_CLAUSE_DATA_OK,
    POLICY_CLAUSE_FIELD,
    POLICY_CLAUSE_DELAY,
    POLICY_CLAUSE_STATE,
    POLICY_CLAUSE_OPEN,
};

struct policy_approvals {
    uint64_t roles; /* not 0 */
    uint32_t count;
    enum policy_distinct distinct;
    uint32_t exclude;
    bool human_only;
    uint64_t max_age_ms;
    uint32_t meanings; /* not 0 */
};

struct policy_evidence_need {
    enum policy_evidence_kind kind;
    const char *suite;
    enum policy_verdict at_least;
    uint32_t count;
    uint64_t max_age_ms;
    uint64_t by_roles;
    bool exclude_author;
};

struct policy_field_need {
    const char *name;
    enum policy_op op;
    uint64_t number;
    uint32_t texts_count;
    const char *const *texts; /* ascending */
};

struct policy_clause {
    enum policy_clause_type type;
    union {
        uint64_t actor_roles;
        struct policy_approvals approvals;
        struct policy_evidence_need evidence;
        bool input_needed; /* BASE_OK, DATA_OK */
        struct policy_field_need field;
        uint64_t delay_ms;
        struct {
            uint32_t states;
            bool negated;
        } state;
        struct {
            uint32_t severity; /* 0: break-glass */
            bool negated;
        } open;
    };
};

struct policy_rule {
    uint16_t id;
    const char *name;
    enum policy_effect effect;
    struct policy_match match;
    uint32_t clauses_count;
    const struct policy_clause *clauses;
};

struct policy {
    const char *name;
    uint32_t roles_count, environments_count, rules_count;
    const char *const *roles;        /* ascending */
    const char *const *environments; /* ascending */
    const struct policy_rule *rules; /* by id */
};

/* Decode and check everything that the comments of policy.proto and this file say. Errors:
 * TALLY_E_TOO_LARGE (over POLICY_SIZE_MAX), TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err policy_decode(struct bytes bytes, struct arena *arena,
                                             struct policy *ret_policy,
                                             struct tally_diag *diag);
/* Encode a policy that keeps the limits and the orders of this file, else a decode of the bytes
 * fails. Data is NULL without memory. */
struct bytes policy_encode(const struct policy *policy, struct arena *arena);
/* SHA-256 of the encoding: what approvals and decisions name. */
void policy_digest(struct bytes encoded, struct tally_hash *ret_digest);

/* The bit of a role, or an environment; 0: the policy does not name it. */
uint64_t policy_role_bit(const struct policy *policy, const char *role);
uint64_t policy_environment_bit(const struct policy *policy, const char *environment);
/* The rule with this id, or NULL. */
const struct policy_rule *policy_rule_of(const struct policy *policy, uint32_t id);
/* Is `prefix` the first segments of `subject`, or all of it? */
bool policy_subject_below(const char *subject, const char *prefix);
/* May a rule of this effect have such a clause? A FORBID cannot look at what others gave
 * (approvals, evidence, inputs, delay): taking it away must never allow anything. */
bool policy_clause_fits(enum policy_effect effect, enum policy_clause_type type);

#endif
