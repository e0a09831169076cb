/* rules - the rules that a decision names when it denies (docs/governance.md).
 *
 * A rule's number is part of records and is never used for another rule. Static data. */
#ifndef EVENT_RULES_H
#define EVENT_RULES_H

#include <stdint.h>

enum rule {
    RULE_KEY_REVOKED = 1,     /* a signing key was revoked before this event */
    RULE_ROLE = 2,            /* the actor has no role that may append this type here */
    RULE_REF_UNKNOWN = 3,     /* a ref names no allowed event */
    RULE_HEAD = 4,            /* expected_head is not the subject's head */
    RULE_EXISTS = 5,          /* the subject, key or role exists already */
    RULE_SUBJECT_UNKNOWN = 6, /* the subject is not registered */
    RULE_MODEL_UNKNOWN = 7,   /* the model of the version was not created */
    RULE_BASE_UNKNOWN = 8,    /* the base model is not registered */
    RULE_BASE_REF = 9,        /* the REL_BASE ref is not that base's registration */
    RULE_OTHER_BYTES = 10,    /* the manifest root is not the version's */
    RULE_OWNER_UNKNOWN = 11,  /* the owner is not a registered principal */
    RULE_KEY_UNKNOWN = 12,    /* the key to revoke is not a key of this principal */
    RULE_ROLE_ABSENT = 13,    /* the role to revoke was not granted */
    RULE_GENESIS_AGAIN = 14,  /* a ledger begins once */
    RULE_TARGET_REF = 15,     /* the ref to the version is not its registration */
};

/* "key_revoked"; NULL when the number is not registered. */
const char *rule_name(uint16_t rule);
/* One sentence for people, with the remedy; NULL when the number is not registered. */
const char *rule_text(uint16_t rule);

#endif
