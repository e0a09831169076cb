/* policy_words - the words of the policy language and their numbers.
 *
 * One table for each kind of word, read by the codec, the YAML reader, the explanations and the
 * docs. Numbers are part of encoded policies: never re-used. Thread-safe; static data. */
#ifndef POLICY_POLICY_WORDS_H
#define POLICY_POLICY_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Which facts an event of a type has (enum policy_fact), the first segment of its subject. */
enum policy_fact {
    POLICY_FACT_ENVIRONMENT = 1,
    POLICY_FACT_TIER = 2,
    POLICY_FACT_KIND = 4,
    POLICY_FACT_DATA_CLASS = 8, /* every event may say one */
    POLICY_FACT_ACTOR_KIND = 16,
};

/*   number, type, first segment of the subject ("*": any), E environment, T tier, K kind
 * The numbers follow section by section and are this language's own: an event's number on the
 * wire is another one. A new type goes to the end. */
#define POLICY_EVENT_TABLE(X)                                                                  \
    X(0, "ledger.genesis", "ledger", 0)                                                        \
    X(1, "ledger.member_changed", "ledger", 0)                                                 \
    X(2, "ledger.upgraded", "ledger", 0)                                                       \
    X(3, "root.rotated", "ledger", 0)                                                          \
    X(4, "policy.published", "policy", 0)                                                      \
    X(5, "organisation.registered", "organisation", 0)                                         \
    X(6, "principal.registered", "principal", 0)                                               \
    X(7, "principal.updated", "principal", 0)                                                  \
    X(8, "principal.suspended", "principal", 0)                                                \
    X(9, "principal.reinstated", "principal", 0)                                               \
    X(10, "key.enrolled", "principal", 0)                                                      \
    X(11, "key.rotated", "principal", 0)                                                       \
    X(12, "key.revoked", "principal", 0)                                                       \
    X(13, "role.granted", "principal", 0)                                                      \
    X(14, "role.revoked", "principal", 0)                                                      \
    X(15, "breakglass.opened", "*", 0)                                                         \
    X(16, "breakglass.closed", "*", 0)                                                         \
    X(17, "breakglass.reviewed", "*", 0)                                                       \
    X(18, "audit.exported", "*", 0)                                                            \
    X(19, "base_model.registered", "base", 0)                                                  \
    X(20, "base_model.status", "base", 0)                                                      \
    X(21, "dataset.registered", "dataset", 0)                                                  \
    X(22, "dataset.quarantined", "dataset", 0)                                                 \
    X(23, "dataset.released", "dataset", 0)                                                    \
    X(24, "dataset.consent_withdrawn", "dataset", 0)                                           \
    X(25, "code.registered", "code", 0)                                                        \
    X(26, "environment.registered", "environment", 0)                                          \
    X(27, "endpoint.registered", "endpoint", POLICY_E)                                         \
    X(28, "model.created", "model", POLICY_T)                                                  \
    X(29, "model.updated", "model", POLICY_T)                                                  \
    X(30, "model.archived", "model", POLICY_T)                                                 \
    X(31, "change.requested", "*", POLICY_E | POLICY_T | POLICY_K)                             \
    X(32, "run.started", "*", POLICY_T)                                                        \
    X(33, "run.completed", "*", POLICY_T)                                                      \
    X(34, "run.failed", "*", POLICY_T)                                                         \
    X(35, "version.registered", "model", POLICY_T | POLICY_K)                                  \
    X(36, "attestation.attached", "*", POLICY_T | POLICY_K)                                    \
    X(37, "attestation.retracted", "*", POLICY_T | POLICY_K)                                   \
    X(38, "evaluation.retracted", "*", POLICY_T | POLICY_K)                                    \
    X(39, "evaluation.recorded", "*", POLICY_T | POLICY_K)                                     \
    X(40, "risk.assessed", "*", POLICY_T | POLICY_K)                                           \
    X(41, "approval.requested", "*", POLICY_E | POLICY_T | POLICY_K)                           \
    X(42, "approval.granted", "*", POLICY_E | POLICY_T | POLICY_K)                             \
    X(43, "approval.rejected", "*", POLICY_E | POLICY_T | POLICY_K)                            \
    X(44, "approval.withdrawn", "*", POLICY_E | POLICY_T | POLICY_K)                           \
    X(45, "stage.transitioned", "model", POLICY_E | POLICY_T | POLICY_K)                       \
    X(46, "alias.set", "model", POLICY_E | POLICY_T | POLICY_K)                                \
    X(47, "alias.removed", "model", POLICY_E | POLICY_T | POLICY_K)                            \
    X(48, "deployment.started", "*", POLICY_E | POLICY_T | POLICY_K)                           \
    X(49, "deployment.activated", "*", POLICY_E | POLICY_T | POLICY_K)                         \
    X(50, "deployment.failed", "*", POLICY_E | POLICY_T | POLICY_K)                            \
    X(51, "deployment.rolled_back", "*", POLICY_E | POLICY_T | POLICY_K)                       \
    X(52, "deployment.retired", "*", POLICY_E | POLICY_T | POLICY_K)                           \
    X(53, "deployment.observed", "*", POLICY_E | POLICY_T | POLICY_K)                          \
    X(54, "monitoring.reported", "*", POLICY_E | POLICY_T | POLICY_K)                          \
    X(55, "incident.opened", "*", POLICY_E | POLICY_T)                                         \
    X(56, "incident.updated", "*", POLICY_E | POLICY_T)                                        \
    X(57, "incident.closed", "*", POLICY_E | POLICY_T)                                         \
    X(58, "oplog.anchored", "*", POLICY_E)                                                     \
    X(59, "version.deprecated", "model", POLICY_E | POLICY_T | POLICY_K)                       \
    X(60, "version.quarantined", "model", POLICY_E | POLICY_T | POLICY_K)                      \
    X(61, "version.released", "model", POLICY_E | POLICY_T | POLICY_K)                         \
    X(62, "version.revoked", "model", POLICY_E | POLICY_T | POLICY_K)                          \
    X(63, "version.retired", "model", POLICY_E | POLICY_T | POLICY_K)                          \
    X(64, "correction.recorded", "*", 0)                                                       \
    X(65, "annotation.added", "*", 0)                                                          \
    X(66, "erasure.requested", "*", 0)                                                         \
    X(67, "erasure.executed", "*", 0)                                                          \
    X(68, "hold.placed", "*", 0)                                                               \
    X(69, "hold.released", "*", 0)                                                             \
    X(70, "retention.set", "*", 0)
enum { POLICY_EVENTS_COUNT = 71 };

/* RiskTier, VersionKind, DataClass, PrincipalKind and Meaning of event.proto. */
#define POLICY_TIER_TABLE(X)                                                                   \
    X(1, LOW, "low")                                                                           \
    X(2, MEDIUM, "medium")                                                                     \
    X(3, HIGH, "high")
#define POLICY_KIND_TABLE(X)                                                                   \
    X(1, ADAPTER, "adapter")                                                                   \
    X(2, FULL, "full")                                                                         \
    X(3, MERGE, "merge")                                                                       \
    X(4, QUANTISED, "quantised")
#define POLICY_CLASS_TABLE(X)                                                                  \
    X(1, PUBLIC, "public")                                                                     \
    X(2, INTERNAL, "internal")                                                                 \
    X(3, CONFIDENTIAL, "confidential")                                                         \
    X(4, PERSONAL, "personal")
#define POLICY_ACTOR_TABLE(X)                                                                  \
    X(1, HUMAN, "human")                                                                       \
    X(2, SERVICE, "service")                                                                   \
    X(3, ROBOT, "robot")
#define POLICY_MEANING_TABLE(X)                                                                \
    X(1, AUTHOR, "author")                                                                     \
    X(2, REVIEW, "review")                                                                     \
    X(3, APPROVE, "approve")                                                                   \
    X(4, RESPONSIBILITY, "responsibility")                                                     \
    X(5, WITNESS, "witness")                                                                   \
    X(6, EXECUTE, "execute")

#define POLICY_EFFECT_TABLE(X)                                                                 \
    X(1, PERMIT, "permit")                                                                     \
    X(2, REQUIRE, "require")                                                                   \
    X(3, FORBID, "forbid")
#define POLICY_DISTINCT_TABLE(X)                                                               \
    X(1, PERSON, "person")                                                                     \
    X(2, ORG_UNIT, "org_unit")                                                                 \
    X(3, SITE, "site")
#define POLICY_EXCLUDE_TABLE(X)                                                                \
    X(1, REQUESTER, "requester")                                                               \
    X(2, AUTHOR, "author")                                                                     \
    X(3, EVALUATOR, "evaluator")                                                               \
    X(4, DEPLOYER, "deployer")                                                                 \
    X(5, OWNER, "owner")
/* The first six are Category of event.proto; then the risk assessment, then attestations. */
#define POLICY_EVIDENCE_TABLE(X)                                                               \
    X(1, QUALITY, "quality")                                                                   \
    X(2, FAIRNESS, "fairness")                                                                 \
    X(3, SAFETY, "safety")                                                                     \
    X(4, SECURITY, "security")                                                                 \
    X(5, PRIVACY, "privacy")                                                                   \
    X(6, ROBUSTNESS, "robustness")                                                             \
    X(16, RISK, "risk_assessment")                                                             \
    X(32, OMS, "oms")                                                                          \
    X(33, IN_TOTO, "in_toto")                                                                  \
    X(34, SLSA, "slsa")                                                                        \
    X(35, CYCLONEDX, "cyclonedx")                                                              \
    X(36, SPDX, "spdx")                                                                        \
    X(37, MODEL_CARD, "model_card")                                                            \
    X(38, ANNEX_IV, "annex_iv")                                                                \
    X(39, DPIA, "dpia")
/* In rising order: a verdict reaches all before it. Not the numbers of Result in event.proto.
 */
#define POLICY_VERDICT_TABLE(X)                                                                \
    X(1, FAILED, "failed")                                                                     \
    X(2, INCONCLUSIVE, "inconclusive")                                                         \
    X(3, PASSED, "passed")
#define POLICY_STATE_TABLE(X)                                                                  \
    X(1, REGISTERED, "registered")                                                             \
    X(2, REQUESTED, "requested")                                                               \
    X(3, APPROVED, "approved")                                                                 \
    X(4, ACTIVE, "active")                                                                     \
    X(5, DEPRECATED, "deprecated")                                                             \
    X(6, RETIRED, "retired")                                                                   \
    X(7, REVOKED, "revoked")                                                                   \
    X(8, QUARANTINED, "quarantined")                                                           \
    X(9, TAINTED, "tainted")                                                                   \
    X(10, ARCHIVED, "archived")                                                                \
    X(11, HELD, "held")
#define POLICY_SEVERITY_TABLE(X)                                                               \
    X(1, MINOR, "minor")                                                                       \
    X(2, MAJOR, "major")                                                                       \
    X(3, SERIOUS, "serious")                                                                   \
    X(4, CRITICAL, "critical")
/* Of the bases or the data sets, the worst one: from UNPINNED on it is not fine. */
#define POLICY_INPUT_TABLE(X)                                                                  \
    X(1, FINE, "fine")                                                                         \
    X(2, ADVISORY, "advisory")                                                                 \
    X(3, UNPINNED, "unpinned")                                                                 \
    X(4, DEPRECATED, "deprecated")                                                             \
    X(5, QUARANTINED, "quarantined")                                                           \
    X(6, CONSENT_WITHDRAWN, "consent_withdrawn")                                               \
    X(7, TAINTED, "tainted")                                                                   \
    X(8, REVOKED, "revoked")
#define POLICY_OP_TABLE(X)                                                                     \
    X(1, IS, "is")                                                                             \
    X(2, IS_NOT, "is_not")                                                                     \
    X(3, AT_LEAST, "at_least")                                                                 \
    X(4, AT_MOST, "at_most")                                                                   \
    X(5, ONE_OF, "one_of")                                                                     \
    X(6, NONE_OF, "none_of")

#define X(value, name, word) POLICY_TIER_##name = (value),
enum policy_tier { POLICY_TIER_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_KIND_##name = (value),
enum policy_kind { POLICY_KIND_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_CLASS_##name = (value),
enum policy_class { POLICY_CLASS_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_ACTOR_##name = (value),
enum policy_actor { POLICY_ACTOR_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_MEANING_##name = (value),
enum policy_meaning { POLICY_MEANING_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_EFFECT_##name = (value),
enum policy_effect { POLICY_EFFECT_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_DISTINCT_##name = (value),
enum policy_distinct { POLICY_DISTINCT_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_EXCLUDE_##name = (value),
enum policy_exclude { POLICY_EXCLUDE_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_EVIDENCE_##name = (value),
enum policy_evidence_kind { POLICY_EVIDENCE_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_VERDICT_##name = (value),
enum policy_verdict { POLICY_VERDICT_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_STATE_##name = (value),
enum policy_state { POLICY_STATE_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_SEVERITY_##name = (value),
enum policy_severity { POLICY_SEVERITY_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_INPUT_##name = (value),
enum policy_input { POLICY_INPUT_TABLE(X) };
#undef X
#define X(value, name, word) POLICY_OP_##name = (value),
enum policy_op { POLICY_OP_TABLE(X) };
#undef X

/* The kinds of words. */
enum policy_word {
    POLICY_WORD_TIER,
    POLICY_WORD_KIND,
    POLICY_WORD_CLASS,
    POLICY_WORD_ACTOR,
    POLICY_WORD_MEANING,
    POLICY_WORD_EFFECT,
    POLICY_WORD_DISTINCT,
    POLICY_WORD_EXCLUDE,
    POLICY_WORD_EVIDENCE,
    POLICY_WORD_VERDICT,
    POLICY_WORD_STATE,
    POLICY_WORD_SEVERITY,
    POLICY_WORD_INPUT,
    POLICY_WORD_OP,
    POLICY_WORDS_COUNT
};

enum { POLICY_WORDS_MAX = 16 };
/* All words of one kind, NULL-terminated, in the order of their table. */
extern const char *const policy_words[POLICY_WORDS_COUNT][POLICY_WORDS_MAX];
/* The number of a word; 0: no such word. */
uint32_t policy_word_value(enum policy_word kind, const char *word);
/* The word of a number; "?": no such number. */
const char *policy_word_text(enum policy_word kind, uint32_t value);
/* Bit n for every number n of the table below 32. */
uint32_t policy_word_bits(enum policy_word kind);

struct policy_event_info {
    const char *name;    /* version.registered */
    const char *subject; /* first segment of its subject; "*": any */
    uint8_t facts;       /* enum policy_fact */
};

/* number < POLICY_EVENTS_COUNT */
const struct policy_event_info *policy_event(uint32_t number);
/* POLICY_EVENTS_COUNT: no such type. */
uint32_t policy_event_named(const char *name);

#endif
