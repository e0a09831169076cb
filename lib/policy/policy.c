#include "policy/policy.h"

#include <string.h>

#include "crypto/hash.h"

static uint64_t name_bit(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return UINT64_C(1) << i;
    return 0;
}

uint64_t policy_role_bit(const struct policy *policy, const char *role)
{
    return name_bit(policy->roles, policy->roles_count, role);
}

uint64_t policy_environment_bit(const struct policy *policy, const char *environment)
{
    return name_bit(policy->environments, policy->environments_count, environment);
}

const struct policy_rule *policy_rule_of(const struct policy *policy, uint32_t id)
{
    for (uint32_t i = 0; i < policy->rules_count; i++)
        if (policy->rules[i].id == id) return &policy->rules[i];
    return NULL;
}

bool policy_subject_below(const char *subject, const char *prefix)
{
    const size_t size = strlen(prefix);

    return strncmp(subject, prefix, size) == 0 &&
           (subject[size] == '\0' || subject[size] == '/');
}

bool policy_clause_fits(enum policy_effect effect, enum policy_clause_type type)
{
    return effect != POLICY_EFFECT_FORBID || type == POLICY_CLAUSE_ACTOR_ROLE ||
           type == POLICY_CLAUSE_FIELD || type == POLICY_CLAUSE_STATE ||
           type == POLICY_CLAUSE_OPEN;
}

void policy_digest(struct bytes encoded, struct tally_hash *ret_digest)
{
    hash_sha256(encoded.data, encoded.size, ret_digest);
}
