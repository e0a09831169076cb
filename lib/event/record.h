/* record - the leaves of the ledger's tree (docs/formats.md, "Records").
 *
 * Encoded records are canonical protobuf of at most LIMIT_RECORD_SIZE bytes. Structs borrow
 * from the arena or the bytes they were decoded from. Thread-safe. */
#ifndef EVENT_RECORD_H
#define EVENT_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/sign.h"
#include "event/event.h"

enum record_kind {
    RECORD_EVENT = 3, /* the field numbers of proto/ledger.proto */
    RECORD_STATE = 4,
    RECORD_CONFIG = 5,
    RECORD_TERM = 6,
    RECORD_TICK = 7,
    RECORD_VOID = 8,
};

struct record_signer {
    struct tally_hash key_id;
    uint8_t meaning;
    uint8_t signature[SIGN_SIGNATURE_BYTES];
    uint64_t batch_size, batch_index;
};

struct record_decision {
    bool allowed;
    uint16_t failed_rules_count;
    const uint16_t *failed_rules; /* ascending, each once */
    uint64_t policy_version;      /* 0: the rule built into feature level 1 */
    bool has_policy_digest;
    struct tally_hash policy_digest;
};

struct record {
    uint64_t index, time_ms;
    enum record_kind kind;
    union {
        struct {
            struct bytes event; /* as it was signed, or cut */
            struct record_signer signers[LIMIT_GENESIS_SIGNERS];
            uint32_t signers_count;
            struct record_decision decision;
            bool cut;                     /* denied, and cut to LIMIT_DENIED_LEAF_SIZE ... */
            struct tally_hash event_hash; /* ... its hash before */
        } event;
        struct {
            uint64_t covers;
            struct tally_hash map_root;
            uint64_t subjects, taint_pending;
        } state;
        struct bytes config; /* encoded Config */
        struct {
            uint64_t term;
            uint32_t leader;
        } term;
        struct {
            struct tally_hash block_hash;
            uint8_t reason; /* VoidReason */
            uint32_t leader;
            struct bytes head; /* at most 64 bytes */
        } void_;
    };
};

/* Encode into the arena. An event record that is denied and larger than LIMIT_DENIED_LEAF_SIZE
 * is cut. The data is NULL without memory; anything a committed block can hold fits
 * LIMIT_RECORD_SIZE. */
struct bytes record_encode(const struct record *record, struct arena *arena);
/* Decode and check the form; the event inside is not decoded (record_event does).
 * Errors: TALLY_E_MALFORMED, TALLY_E_TOO_LARGE, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err record_decode(struct bytes bytes, struct arena *arena,
                                             struct record *ret_record,
                                             struct tally_diag *diag);
/* Decode the event of an event record, cut or whole; its hash is the whole event's. Errors: as
 * event_decode; TALLY_E_INVALID: the record is of another kind. */
TALLY_NODISCARD enum tally_err record_event(const struct record *record, struct arena *arena,
                                            struct event *ret_event, struct tally_diag *diag);
const char *record_kind_name(enum record_kind kind); /* "event"; "?" if unknown */

#endif
