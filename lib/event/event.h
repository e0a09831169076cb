/* event - what people and services sign, decoded and checked.
 *
 * The bytes of an event are canonical protobuf (proto/event.proto, canon.h) and are kept as
 * they were received: hashes and signatures are over them. A struct event is a view: it borrows
 * from the arena that it was decoded into. Thread-safe: no shared state. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "event/event_types.h"
#include "event/ledger_config.h"

enum { EVENT_ID_BYTES = 16, EVENT_KEY_BYTES = 32 };

/* In which sense a key signs; the values are part of what is signed. */
enum event_meaning {
    MEANING_AUTHOR = 1,
    MEANING_REVIEW = 2,
    MEANING_APPROVE = 3,
    MEANING_RESPONSIBILITY = 4,
    MEANING_WITNESS = 5,
    MEANING_EXECUTE = 6,
};

enum event_rel {
    REL_BASE = 1,
    REL_TRAINED_ON = 2,
    REL_TESTED_ON = 3,
    REL_PRODUCED_BY = 4,
    REL_EVALUATES = 5,
    REL_APPROVES = 6,
    REL_SUPERSEDES = 7,
    REL_CORRECTS = 8,
    REL_ROLLS_BACK = 9,
    REL_CAUSED_BY = 10,
    REL_MERGES = 11,
};

struct event_signer {
    struct tally_hash key_id;
    uint8_t meaning; /* enum event_meaning */
};

struct event_artifact {
    const char *role;
    struct tally_hash manifest_root;
    uint64_t size, file_count;
};

struct event_ref {
    enum event_rel rel;
    struct tally_hash event_hash;
};

struct event_principal {
    const char *id; /* path segment */
    uint32_t kind;
    uint32_t keys_count, roles_count;
    const uint8_t (*public_keys)[EVENT_KEY_BYTES];
    const char *const *roles;
};

/* The payloads that decisions look into; the other ones are facts for readers. */
struct event_genesis {
    const char *name;
    uint32_t feature_level, root_threshold, stolen_keys;
    struct bytes config; /* encoded Config, see ledger_config.h */
    uint32_t root_keys_count, principals_count;
    const uint8_t (*root_keys)[EVENT_KEY_BYTES];
    const struct event_principal *principals;
};

struct event {
    struct bytes bytes;
    struct tally_hash hash; /* SHA-256(0x00 || bytes); of the whole event when it was cut */
    enum event_type type;   /* 0 when it was cut */
    uint8_t id[EVENT_ID_BYTES];
    struct tally_hash ledger_id;
    const char *subject, *actor, *on_behalf_of; /* "" when absent */
    bool has_expected_head;
    struct tally_hash expected_head;
    uint64_t claimed_time_ms;
    uint32_t data_class; /* DataClass; 0: it says none */
    uint32_t signers_count, artifacts_count, refs_count;
    const struct event_signer *signers; /* required, ascending by key id */
    const struct event_artifact *artifacts;
    const struct event_ref *refs;
    union {
        struct event_genesis genesis;
        const struct member_change *member_changed;
        struct {
            uint64_t version, delay_ms;
            struct tally_hash previous_digest; /* zeros in version 1 */
            struct bytes policy;               /* compiled */
        } policy_published;
        struct {
            uint32_t kind;
        } principal_registered;
        struct {
            const char *unit, *site, *responsible; /* "": none */
        } principal_updated;
        struct {
            uint8_t public_key[EVENT_KEY_BYTES];
        } key_enrolled;
        struct {
            struct tally_hash key_id;
            bool compromised;
            uint64_t compromised_since;
        } key_revoked;
        struct {
            const char *role, *scope;
            uint64_t expires_ms; /* granted only; 0: never */
        } role;
        struct {
            const char *owner; /* "" when model.updated leaves it as it is */
            uint32_t tier;     /* RiskTier; 0 when model.updated leaves it as it is */
        } model;               /* model.created, model.updated */
        struct {
            uint32_t kind; /* VersionKind */
            const char *base;
            const char *run; /* path segment, or "" */
        } version_registered;
        struct {
            struct tally_hash manifest_root; /* zeros: an attestation of what has no bytes */
            const char *environment;         /* approval only */
            uint32_t kind;                   /* Category of an evaluation, AttestationKind */
            uint32_t verdict;                /* Result of an evaluation, AttestationVerdict */
            const char *suite;               /* of an evaluation; "" */
        } judged; /* evaluation.recorded, risk.assessed, approval.granted, attestation.attached
                   */
        struct {
            const char *site; /* organisation/<o>/site/<s>, or "" */
        } environment_registered;
        struct {
            const char *environment; /* path segment */
        } endpoint_registered;
        struct {
            const char *model;
        } change_requested;
        struct {
            uint32_t severity; /* Severity; 0 when incident.updated leaves it as it is */
        } incident;            /* incident.opened, incident.updated */
        struct {
            uint64_t to_size;
            const char *recipient; /* organisation/<o>..., or "" */
        } audit_exported;
    };
};

/* SHA-256(0x00 || bytes). */
void event_hash(struct bytes event, struct tally_hash *ret_hash);

/* Decode and check everything that needs no state: canonical form, limits, grammar of the
 * subject, its kind for this type, ids, hashes (32 bytes and no placeholders), required fields,
 * required signers (1..8, ascending, unique; genesis: none). The diag names the field and the
 * remedy. `bytes` must outlive the view. Errors: TALLY_E_TOO_LARGE (over LIMIT_EVENT_SIZE),
 * TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err event_decode(struct bytes bytes, struct arena *arena,
                                            struct event *ret_event, struct tally_diag *diag);
/* Decode an event that a denial cut (record.h): no payload, artifacts, refs or commitments. The
 * hash is the caller's to set. Errors: as event_decode. */
TALLY_NODISCARD enum tally_err event_decode_cut(struct bytes bytes, struct arena *arena,
                                                struct event *ret_event,
                                                struct tally_diag *diag);
/* The cut form of a valid event. Data is NULL without memory. */
struct bytes event_cut(struct bytes event, struct arena *arena);

/* A new event id: UUIDv7 (RFC 9562) of this time and these 10 random bytes. */
void event_id_make(uint64_t time_ms, const uint8_t random[10], uint8_t ret_id[EVENT_ID_BYTES]);

/* 32 bytes that are the hash of something: not all the same byte, not SHA-256 of nothing. */
bool event_hash_plausible(struct bytes hash);
/* The artifact with this role, or NULL. */
const struct event_artifact *event_artifact(const struct event *event, const char *role);
/* The only ref of this kind, or NULL when there is none or more than one. */
const struct event_ref *event_ref(const struct event *event, enum event_rel rel);
const char *event_meaning_name(uint8_t meaning); /* "author"; "?" when it is not registered */

#endif
