#include "event/rules.h"

#include <string.h>

#include "event/event_types.h"

#define X(name, id, lower, text) _Static_assert((id) > 0 && (id) < RULES_MAX, lower);
RULE_TABLE(X)
#undef X

static const struct {
    const char *name, *text;
} rules[RULES_MAX] = {
#define X(name, id, lower, text) [id] = {lower, text},
    RULE_TABLE(X)
#undef X
};

static const char *const role_names[ROLES_END] = {
    [ROLE_NONE] = "?",
    [ROLE_ADMIN] = "admin",
    [ROLE_AUTHOR] = "author",
    [ROLE_EVALUATOR] = "evaluator",
    [ROLE_APPROVER] = "approver",
    [ROLE_DEPLOYER] = "deployer",
    [ROLE_AUDITOR] = "auditor",
};

const char *decide_rule_name(uint16_t id)
{
    if (id == RULES_OF_POLICY) return "policy_permits_not";
    if (id > RULES_OF_POLICY) return "policy_rule";
    return id < RULES_MAX && rules[id].name != NULL ? rules[id].name : "unknown_rule";
}

const char *decide_rule_text(uint16_t id)
{
    if (id == RULES_OF_POLICY) return "no rule of the policy in force permits it";
    if (id > RULES_OF_POLICY) return "a rule of the policy in force";
    return id < RULES_MAX && rules[id].text != NULL ? rules[id].text : "unknown rule";
}

enum role role_named(const char *name, size_t size)
{
    for (int role = ROLE_NONE + 1; role < ROLES_END; role++) {
        if (strlen(role_names[role]) == size && memcmp(role_names[role], name, size) == 0) {
            return (enum role)role;
        }
    }
    return ROLE_NONE;
}

const char *role_name(enum role role)
{
    return role_names[role];
}

bool role_may(enum role role, uint32_t type)
{
    const struct event_type_info *info = event_type_info(type);

    return info != NULL && (info->roles >> role & 1) != 0;
}
