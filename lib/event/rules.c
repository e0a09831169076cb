#include "event/rules.h"

#include <stddef.h>

static const struct {
    enum rule rule;
    const char *name, *text;
} rules[] = {
    {RULE_KEY_REVOKED, "key_revoked",
     "a signing key is revoked: sign with a key that is in force"},
    {RULE_ROLE, "role",
     "the actor has no role that may append this type here: ask for the role"},
    {RULE_REF_UNKNOWN, "ref_unknown", "a ref names no event that was recorded and allowed"},
    {RULE_HEAD, "head", "the subject changed since: read its head and decide again"},
    {RULE_EXISTS, "exists", "it exists already: choose another name or version"},
    {RULE_SUBJECT_UNKNOWN, "subject_unknown",
     "the subject is not registered: register it first"},
    {RULE_MODEL_UNKNOWN, "model_unknown",
     "the model was not created: append model.created first"},
    {RULE_BASE_UNKNOWN, "base_unknown", "the base model is not registered: register it first"},
    {RULE_BASE_REF, "base_ref", "the REL_BASE ref must be the registration of this base model"},
    {RULE_OTHER_BYTES, "other_bytes", "the manifest root is not the one that was registered"},
    {RULE_OWNER_UNKNOWN, "owner_unknown", "the owner is no registered principal"},
    {RULE_KEY_UNKNOWN, "key_unknown", "the key is no key of this principal"},
    {RULE_ROLE_ABSENT, "role_absent", "the role was not granted with this scope"},
    {RULE_GENESIS_AGAIN, "genesis_again", "a ledger begins once"},
    {RULE_TARGET_REF, "target_ref",
     "the ref must be the registration of the version it speaks of"},
};

const char *rule_name(uint16_t rule)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].rule == rule) return rules[i].name;
    }
    return NULL;
}

const char *rule_text(uint16_t rule)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].rule == rule) return rules[i].text;
    }
    return NULL;
}
