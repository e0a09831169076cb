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

static const struct {
    enum role role;
    const char *name;
    enum event_type types[7]; /* 0 ends the list */
} roles[] = {
    {ROLE_ADMIN,
     "admin",
     {EVENT_PRINCIPAL_REGISTERED, EVENT_KEY_ENROLLED, EVENT_KEY_REVOKED, EVENT_ROLE_GRANTED,
      EVENT_ROLE_REVOKED, EVENT_LEDGER_MEMBER_CHANGED}},
    {ROLE_AUTHOR,
     "author",
     {EVENT_MODEL_CREATED, EVENT_VERSION_REGISTERED, EVENT_DATASET_REGISTERED,
      EVENT_BASE_MODEL_REGISTERED, EVENT_ANNOTATION_ADDED}},
    {ROLE_EVALUATOR, "evaluator", {EVENT_EVALUATION_RECORDED, EVENT_ANNOTATION_ADDED}},
    {ROLE_APPROVER, "approver", {EVENT_APPROVAL_GRANTED, EVENT_ANNOTATION_ADDED}},
};
enum { ROLES_COUNT = sizeof roles / sizeof roles[0] };

const char *decide_rule_name(uint16_t id)
{
    return id < RULES_MAX && rules[id].name != NULL ? rules[id].name : "unknown_rule";
}

const char *decide_rule_text(uint16_t id)
{
    return id < RULES_MAX && rules[id].text != NULL ? rules[id].text : "unknown rule";
}

enum role role_named(const char *name, size_t size)
{
    for (size_t i = 0; i < ROLES_COUNT; i++) {
        if (strlen(roles[i].name) == size && memcmp(roles[i].name, name, size) == 0) {
            return roles[i].role;
        }
    }
    return ROLE_NONE;
}

bool role_may(enum role role, uint32_t type)
{
    for (size_t i = 0; i < ROLES_COUNT; i++) {
        if (roles[i].role != role) continue;
        for (size_t k = 0; roles[i].types[k] != 0; k++) {
            if ((uint32_t)roles[i].types[k] == type) return true;
        }
    }
    return false;
}
