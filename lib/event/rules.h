/* rules - why an authenticated event was denied: ids, names, texts.
 *
 * One table, read by the decision (node/ledger/decide.h), tools and docs. An id is part of
 * every denied leaf: it is never given a second meaning. Thread-safe; static data. */
#ifndef EVENT_RULES_H
#define EVENT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*   name, id, name for people and JSON, text */
#define RULE_TABLE(X)                                                                          \
    X(KEY_REVOKED, 1, "key_revoked", "a key that signed was revoked before")                   \
    X(TYPE_CLOSED, 2, "type_closed",                                                           \
      "nobody can append this type of event at feature level 1")                               \
    X(ROLE_MISSING, 3, "role_missing",                                                         \
      "the actor has no role that may append this type to this subject")                       \
    X(ROLE_EXPIRED, 4, "role_expired", "the role that would allow it has expired")             \
    X(REF_UNKNOWN, 5, "ref_unknown", "a reference names no recorded event")                    \
    X(REF_DENIED, 6, "ref_denied", "a reference names an event that was denied")               \
    X(HEAD_MISMATCH, 7, "head_mismatch",                                                       \
      "expected_head is not the newest change of the subject")                                 \
    X(SUBJECT_EXISTS, 8, "subject_exists", "the subject is registered already")                \
    X(PRINCIPAL_ABSENT, 9, "principal_absent", "the principal it is about is not registered")  \
    X(OWNER_ABSENT, 10, "owner_absent", "the owner is not a registered principal")             \
    X(KEY_EXISTS, 11, "key_exists",                                                            \
      "the key is enrolled already; a key serves one principal, once")                         \
    X(KEY_ABSENT, 12, "key_absent", "the key is not enrolled for this principal")              \
    X(KEY_GONE, 13, "key_gone", "the key is revoked already")                                  \
    X(SINCE_RANGE, 14, "since_range",                                                          \
      "compromised_since is not between the key's enrolment and now")                          \
    X(ROLE_UNKNOWN, 15, "role_unknown",                                                        \
      "no such role: admin, author, evaluator, approver, deployer or auditor")                 \
    X(ROLE_ABSENT, 16, "role_absent", "the principal does not have this role with this scope") \
    X(ROLE_LIMIT, 17, "role_limit", "the principal has as many roles as one can have")         \
    X(MODEL_ABSENT, 18, "model_absent", "the model is not created")                            \
    X(BASE_ABSENT, 19, "base_absent", "the base model is not registered")                      \
    X(BASE_REF, 20, "base_ref",                                                                \
      "the REL_BASE reference is not the registration of the base model")                      \
    X(VERSION_ABSENT, 21, "version_absent", "the version is not registered")                   \
    X(MANIFEST_MISMATCH, 22, "manifest_mismatch",                                              \
      "manifest_root is not the one that the subject registered")                              \
    X(VERSION_REF, 23, "version_ref", "the reference to the version is not its registration")  \
    X(CONFIG_VERSION, 24, "config_version",                                                    \
      "the change was made for another version of the Config")                                 \
    X(CHANGE_PENDING, 25, "change_pending",                                                    \
      "the last change of members is not carried out yet")                                     \
    X(MEMBER_INVALID, 26, "member_invalid", "the members cannot be changed like that")         \
    X(POLICY_INVALID, 27, "policy_invalid",                                                    \
      "the publication policy is not valid for the voters")                                    \
    X(SUBJECT_ABSENT, 28, "subject_absent", "the subject is not registered")                   \
    X(SUBJECT_ENDED, 29, "subject_ended",                                                      \
      "the subject has ended: it is archived, closed, completed or failed")                    \
    X(PARENT_ABSENT, 30, "parent_absent",                                                      \
      "the organisation, site or environment that it names is not registered")                 \
    X(PARENT_ENDED, 31, "parent_ended", "the model that it belongs to is archived")            \
    X(REF_TYPE, 32, "ref_type",                                                                \
      "a reference names an event of another type than its relation asks for")                 \
    X(REF_SUBJECT, 33, "ref_subject", "a reference names an event about another subject")      \
    X(REF_RETRACTED, 34, "ref_retracted", "what it retracts is retracted already")             \
    X(RUN_OPEN, 35, "run_open", "the run that made the version has not completed")             \
    X(SIZE_RANGE, 36, "size_range", "it speaks of more records than there are")                \
    X(POLICY_VERSION, 37, "policy_version",                                                    \
      "the policy's version is not the one after the newest policy")                           \
    X(POLICY_PREVIOUS, 38, "policy_previous",                                                  \
      "previous_digest is not that of the newest policy")                                      \
    X(POLICY_MALFORMED, 39, "policy_malformed", "the bytes are no policy")                     \
    X(POLICY_NAME, 40, "policy_name", "the subject is not policy/ and the policy's name")      \
    X(POLICY_PENDING, 41, "policy_pending", "the newest policy is not in force yet")           \
    X(POLICY_DELAY, 42, "policy_delay", "delay_ms is longer than 30 days")                     \
    X(POLICY_ADMINS, 43, "policy_admins",                                                      \
      "the first policy needs the signatures of two admins, or of the only one")               \
    X(POLICY_LOCK_OUT, 44, "policy_lock_out",                                                  \
      "under this policy those who sign it could not publish the next one")                    \
    X(FACTS_LIMIT, 45, "facts_limit", "more persons than one decision can look at")            \
    X(RESPONSIBILITY, 46, "responsibility",                                                    \
      "a service or robot acts, and no person signed with meaning responsibility")             \
    X(QUORUM, 47, "quorum", "those who sign it could not publish a policy")                    \
    X(RESPONSIBLE_ABSENT, 48, "responsible_absent",                                            \
      "who answers for it is not a registered person")                                         \
    X(RESULT_LIMIT, 49, "result_limit", "as many results about these bytes are kept as can be")

enum rule {
#define X(name, id, lower, text) RULE_##name = (id),
    RULE_TABLE(X)
#undef X
};
enum { RULES_MAX = 64 }; /* more than there are; ids are below it */
/* Ids from here on are those of the policy in force, this one saying that none of its rules
 * permits the event. */
enum { RULES_OF_POLICY = 1023 };

/* Lower-case name ("key_revoked"), and a sentence for people; "policy_rule" for one of a
 * policy, "unknown rule" for an id that is not in the table (a newer ledger's). Never NULL. */
const char *decide_rule_name(uint16_t id);
const char *decide_rule_text(uint16_t id);

/* The names of the roles of feature level 1. */
enum role {
    ROLE_NONE,
    ROLE_ADMIN,
    ROLE_AUTHOR,
    ROLE_EVALUATOR,
    ROLE_APPROVER,
    ROLE_DEPLOYER,
    ROLE_AUDITOR,
    ROLES_END,
};

/* ROLE_NONE for a name that is no role. */
enum role role_named(const char *name, size_t size);
/* "author"; "?" for ROLE_NONE. */
const char *role_name(enum role role);
/* May this role append events of this type (enum event_type)? */
bool role_may(enum role role, uint32_t type);

#endif
