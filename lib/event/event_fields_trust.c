/* Fields of the groups ledger and trust. */
#include "base/limits.h"
#include "event.pb-c.h"
#include "event/event_fields.h"

static const struct event_field member[] = {
    FIELD_NUMBER("id", 1, 0, "4", "1 and up; never used again"),
    FIELD_SEGMENT("name", "n4", "its name"),
    FIELD_SEGMENT("site", "oslo", "where it stands"),
    {.name = "log_key", .form = FORM_KEY, .text = "signs checkpoints"},
    {.name = "cosign_key", .form = FORM_KEY, .text = "cosigns checkpoints"},
    {.name = "peer_key", .form = FORM_KEY, .text = "signs block headers and hellos"},
    FIELD_NUMBER("incarnation", 1, 0, "7234", "a random number, born with the node's keys"),
    FIELD_ENUM("role", "what it may do"),
    {.name = "peer_url",
     .form = FORM_TEXT,
     .optional = true,
     .max = LIMIT_URL_SIZE,
     .text = "where it listens for members"},
    {.name = "client_url",
     .form = FORM_TEXT,
     .optional = true,
     .max = LIMIT_URL_SIZE,
     .text = "and for clients"},
};
static const struct event_message part_member = EVENT_MESSAGE(member, member);

enum { POLICY_TEXT_MAX = 4095 };
#define POLICY_LINES                                                                           \
    {                                                                                          \
        .name = "publication_policy", .form = FORM_TEXT, .max = POLICY_TEXT_MAX,               \
        .example = "group g 1 n1\nquorum g\n",                                                 \
        .text = "its lines 'group' and 'quorum', complete"                                     \
    }

static const struct event_field config[] = {
    FIELD_NUMBER("version", 1, 0, "1", "counts the changes of members"),
    {.name = "previous_digest",
     .form = FORM_BYTES,
     .optional = true,
     .max = 32,
     .text = "SHA-256 of the Config before"},
    FIELD_NUMBER("authorising_index", 0, 0, NULL, "the record that allowed it"),
    FIELD_PART("members", &part_member, "all of them, by id"),
    POLICY_LINES,
};
static const struct event_message part_config = EVENT_MESSAGE(config, config);

static const struct event_field genesis_principal[] = {
    FIELD_SEGMENT("id", "alice", "principal/<id>"),
    FIELD_ENUM("kind", "what it is"),
    {.name = "public_keys",
     .form = FORM_KEY,
     .optional = true,
     .text = "keys that speak for it"},
    {.name = "roles",
     .form = FORM_SEGMENT,
     .optional = true,
     .sorted = true,
     .example = "admin",
     .text = "its roles, everywhere and for ever"},
};
static const struct event_message part_genesis_principal =
    EVENT_MESSAGE(genesis_principal, genesis_principal);

static const struct event_field ledger_genesis[] = {
    FIELD_SEGMENT("name", "acme-ledger", "of the ledger"),
    FIELD_NUMBER("feature_level", 1, 1, "1", "which rules hold"),
    FIELD_PART("config", &part_config, "the members, and when a checkpoint is published"),
    {.name = "root_keys", .form = FORM_KEY, .text = "Ed25519 public keys, 1 to 16"},
    FIELD_NUMBER("root_threshold", 1, LIMIT_GENESIS_SIGNERS, "1", "so many of them together"),
    FIELD_PART_MAYBE("principals", &part_genesis_principal, "", "who exists, by id"),
    FIELD_NUMBER("stolen_keys", 0, 0, NULL, "node keys that a verifier's policy tolerates"),
};
static const struct event_field ledger_member_changed[] = {
    FIELD_ENUM("action", "what changes"),
    FIELD_PART("member", &part_member, "as it is from then on, or as it stands"),
    POLICY_LINES,
    FIELD_NUMBER("config_version", 2, 0, "2", "of the Config that follows"),
};
static const struct event_field ledger_upgraded[] = {
    FIELD_NUMBER("feature_level", 2, 0, "2", "from then on"),
    FIELD_NUMBER("effective_index", 1, 0, "100000", "the first record that it decides"),
    FIELD_HASH("specification_digest", "of the text that says what the level means"),
};
static const struct event_field root_rotated[] = {
    {.name = "root_keys",
     .form = FORM_KEY,
     .sorted = true,
     .text = "all root keys from then on, ascending; 1 to 16"},
    FIELD_NUMBER("root_threshold", 1, LIMIT_GENESIS_SIGNERS, "1", "so many of them together"),
    FIELD_HASH("previous", "the event that set the keys before"),
};
static const struct event_field policy_published[] = {
    FIELD_NUMBER("version", 1, 0, "1", "1, 2, ..."),
    FIELD_HASH_MAYBE("previous_digest", "SHA-256 of the policy before; absent in version 1"),
    {.name = "policy",
     .form = FORM_BYTES,
     .min = 1,
     .max = 40960,
     .text = "compiled, complete"},
    FIELD_NUMBER("delay_ms", 0, 0, "86400000", "in force so long after its record"),
};
static const struct event_field organisation_registered[] = {
    FIELD_ENUM("kind", "the same as the form of the subject"),
    FIELD_SEGMENT_MAYBE("country", "no", "where it is established: ISO 3166 in lower case"),
};
static const struct event_field principal_registered[] = {
    FIELD_ENUM("kind", "what it is: only a human counts as a person"),
};
static const struct event_field principal_updated[] = {
    FIELD_SUBJECT_MAYBE("unit", SUBJECT_ORGANISATION, "organisation/acme/unit/credit",
                        "the organisation or unit it belongs to"),
    FIELD_SUBJECT_MAYBE("site", SUBJECT_SITE, "organisation/acme/site/oslo", "where it works"),
    FIELD_SUBJECT_MAYBE("responsible", SUBJECT_PRINCIPAL, NULL,
                        "the person who answers for a service or robot"),
};
static const struct event_field principal_suspended[] = {
    FIELD_ENUM("cause", "why"),
    FIELD_SUBJECT_MAYBE("incident", SUBJECT_INCIDENT, "incident/2026-17", "what led to it"),
};
static const struct event_field principal_reinstated[] = {
    FIELD_HASH("suspension", "the event that it ends"),
};
static const struct event_field key_enrolled[] = {
    {.name = "public_key", .form = FORM_KEY, .text = "the key"},
};
static const struct event_field key_rotated[] = {
    FIELD_HASH("old_key_id", "the key that speaks no longer"),
    {.name = "public_key", .form = FORM_KEY, .text = "the key that does from now on"},
};
static const struct event_field compromised_since[] = {
    FIELD_NUMBER("index", 0, 0, "1200", "the first record that somebody else may have signed"),
};
static const struct event_message part_since =
    EVENT_MESSAGE(compromised_since, compromised_since);
static const struct event_field key_revoked[] = {
    FIELD_HASH("key_id", "the key"),
    FIELD_PART_MAYBE("compromised_since", &part_since, NULL,
                     "since when it is not trusted; absent: no suspicion"),
};
static const struct event_field role_granted[] = {
    FIELD_SEGMENT("role", "author", "admin, author, evaluator, approver, deployer or auditor"),
    {.name = "scope",
     .form = FORM_SCOPE,
     .optional = true,
     .example = "model/credit-scorer",
     .text = "the first segments of the subjects it is for; absent: all"},
    FIELD_NUMBER("expires_ms", 0, 0, "1924992000000", "ledger time; 0: never"),
};
static const struct event_field role_revoked[] = {
    FIELD_SEGMENT("role", "author", "the role, as it was granted"),
    {.name = "scope",
     .form = FORM_SCOPE,
     .optional = true,
     .example = "model/credit-scorer",
     .text = "the scope, as it was granted"},
};
static const struct event_field breakglass_opened[] = {
    FIELD_SEGMENT("environment", "production", "the only one that it opens"),
    {.name = "actions", .form = FORM_ENUM, .sorted = true, .text = "what may be done"},
    FIELD_TIME("expires_ms", "1800000000000", "ledger time"),
    FIELD_NUMBER("uses_max", 1, 100, "2", "how often"),
    FIELD_TIME("review_due_ms", "1800100000000", "ledger time; not before expires_ms"),
};
static const struct event_field breakglass_closed[] = {
    FIELD_HASH("opening", "the breakglass.opened"),
    FIELD_NUMBER("uses", 0, 100, "1", "how often it was used"),
};
static const struct event_field breakglass_reviewed[] = {
    FIELD_HASH("opening", "the breakglass.opened"),
    FIELD_ENUM("finding", "was it right?"),
    FIELD_HASH("report_digest", "of the report"),
};
static const struct event_field audit_exported[] = {
    FIELD_NUMBER("from_size", 0, 0, NULL, "the first record that was taken out"),
    FIELD_NUMBER("to_size", 1, 0, "1", "one behind the last; at most the size of the ledger"),
    FIELD_HASH("root", "of the tree of to_size records"),
    FIELD_ENUM("purpose", "what for"),
    FIELD_SUBJECT_MAYBE("recipient", SUBJECT_ORGANISATION, "organisation/acme", "for whom"),
};

const struct event_payload_row event_payloads_trust[] = {
    EVENT_PAYLOAD(EVENT_LEDGER_GENESIS, ledger_genesis),
    EVENT_PAYLOAD(EVENT_LEDGER_MEMBER_CHANGED, ledger_member_changed),
    EVENT_PAYLOAD(EVENT_LEDGER_UPGRADED, ledger_upgraded),
    EVENT_PAYLOAD(EVENT_ROOT_ROTATED, root_rotated),
    EVENT_PAYLOAD(EVENT_POLICY_PUBLISHED, policy_published),
    EVENT_PAYLOAD(EVENT_ORGANISATION_REGISTERED, organisation_registered),
    EVENT_PAYLOAD(EVENT_PRINCIPAL_REGISTERED, principal_registered),
    EVENT_PAYLOAD(EVENT_PRINCIPAL_UPDATED, principal_updated),
    EVENT_PAYLOAD(EVENT_PRINCIPAL_SUSPENDED, principal_suspended),
    EVENT_PAYLOAD(EVENT_PRINCIPAL_REINSTATED, principal_reinstated),
    EVENT_PAYLOAD(EVENT_KEY_ENROLLED, key_enrolled),
    EVENT_PAYLOAD(EVENT_KEY_ROTATED, key_rotated),
    EVENT_PAYLOAD(EVENT_KEY_REVOKED, key_revoked),
    EVENT_PAYLOAD(EVENT_ROLE_GRANTED, role_granted),
    EVENT_PAYLOAD(EVENT_ROLE_REVOKED, role_revoked),
    EVENT_PAYLOAD(EVENT_BREAKGLASS_OPENED, breakglass_opened),
    EVENT_PAYLOAD(EVENT_BREAKGLASS_CLOSED, breakglass_closed),
    EVENT_PAYLOAD(EVENT_BREAKGLASS_REVIEWED, breakglass_reviewed),
    EVENT_PAYLOAD(EVENT_AUDIT_EXPORTED, audit_exported),
    {0},
};
