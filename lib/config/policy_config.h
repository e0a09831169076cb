/* policy_config - the governance policy as a YAML file. docs/governance-policy.md says what it
 * may contain.
 *
 *   name: acme
 *   roles: [author, reviewer]               all that the rules name
 *   environments: [staging, production]
 *   rules:
 *     - id: 1100                            1024 to 65535, never given to another rule
 *       permit: authors_register            or require:, or forbid:, and the rule's name
 *       events: [version.registered]        what it matches; what is not said matches
 * everything clauses:                            all of them must hold
 *         - actor_role: [author]
 *
 * Thread-safe: a config belongs to one thread at a time. */
#ifndef CONFIG_POLICY_CONFIG_H
#define CONFIG_POLICY_CONFIG_H

#include "base/arena.h"
#include "config/config.h"
#include "policy/policy.h"

/* Where a rule and its clauses are in the file. */
struct policy_rule_place {
    struct config_place rule;
    struct config_place clauses[POLICY_CLAUSES_MAX];
};

struct policy_file {
    struct policy policy;
    const struct policy_rule_place *places; /* policy.rules_count of them, in its order */
    struct bytes encoded;
    struct tally_hash digest;
};

/* Read, check and encode; everything but the file lives in `arena`. Faults are in `config`, all
 * of them. Errors: TALLY_E_MALFORMED (config_faults says what), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err policy_config_read(struct config *config, struct arena *arena,
                                                  struct policy_file *ret_file);

#endif
