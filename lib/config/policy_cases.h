/* policy_cases - YAML files about a policy: persons, and cases with what is expected of them.
 *
 *   persons:
 *     - {id: ada, unit: lending, site: oslo, roles: [author]}
 *   templates:                                what cases have in common
 *     - template: version_seven
 *       event: version.registered
 *       subject: model/credit-scorer/version/7
 *       tier: low
 *       actor: ada
 *   cases:
 *     - case: an author registers
 *       from: version_seven                   every key that is not given here comes from there
 *       expect: allowed
 *
 * docs/governance-policy.md lists the keys. Times are ages: `age: 30d` was so long before the
 * decision. Thread-safe: a config belongs to one thread at a time. */
#ifndef CONFIG_POLICY_CASES_H
#define CONFIG_POLICY_CASES_H

#include "base/arena.h"
#include "config/config.h"
#include "policy/policy_decide.h"

enum { POLICY_CASES_MAX = 1024 };

struct policy_case {
    struct config_place place;
    const char *name;
    struct policy_view view;
    bool expected; /* it says what is expected */
    bool allowed;
    uint32_t failed_count;
    const uint16_t *failed; /* ascending */
};

struct policy_cases {
    uint32_t persons_count, count;
    const struct policy_person *persons;
    const struct policy_case *cases;
};

/* Read cases for this policy. Everything lives in `arena` and the config. The faults, all of
 * them, are in `config`. Errors: TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err policy_cases_read(struct config *config,
                                                 const struct policy *policy,
                                                 struct arena *arena,
                                                 struct policy_cases *ret_cases);
/* The same of a file that has `persons` only. */
TALLY_NODISCARD enum tally_err policy_persons_read(struct config *config,
                                                   const struct policy *policy,
                                                   struct arena *arena,
                                                   struct policy_cases *ret_cases);

#endif
