/* base/limits - every limit of the system and the relations between them.
 *
 * A limit is checked before anything is allocated for what it limits. Sizes are
 * bytes, counts are things. docs/formats.md and docs/operations.md name the ones
 * that users meet. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stdint.h>

enum {
    LIMIT_VOTERS = 7,    /* voting members of a ledger */
    LIMIT_LEARNERS = 16, /* non-voting members */
    LIMIT_MEMBERS = LIMIT_VOTERS + LIMIT_LEARNERS,

    LIMIT_EVENT_SIZE = 48 * 1024,      /* encoded event */
    LIMIT_EVENT_SIGNERS = 8,           /* required signers of one event */
    LIMIT_GENESIS_SIGNERS = 16,        /* root keys, the signers of event 0 */
    LIMIT_DENIED_LEAF_SIZE = 4 * 1024, /* leaf of a denied event */
    LIMIT_RECORD_SIZE = 65535,         /* leaf; a u16 prefixes it in entry bundles */
    LIMIT_FAILED_RULES = 1024,         /* rule ids in one decision */
    LIMIT_SUBJECT_SIZE = 256,          /* subject path, without a NUL */
    LIMIT_TEXT_SIZE = 1024,            /* any other string in an event */
    LIMIT_REPEATED = 256,              /* repeated elements in an event, per field */

    LIMIT_BLOCK_EVENTS = 4096,                    /* events in one block, and in one batch */
    LIMIT_BLOCK_SIZE = 1024 * 1024,               /* encoded block body */
    LIMIT_REQUEST_SIZE = 1024 * 1024 + 64 * 1024, /* one client request, framing included */
    LIMIT_RESPONSE_SIZE = 4 * 1024 * 1024,
    LIMIT_PEER_MESSAGE_SIZE = 2 * 1024 * 1024,

    LIMIT_INFLIGHT_BLOCKS = 16, /* AppendEntries on the way to one follower */
    LIMIT_INFLIGHT_SIZE = 8 * 1024 * 1024,
    LIMIT_UNCOMMITTED_SIZE = 64 * 1024 * 1024,
    LIMIT_UNCOMMITTED_BLOCKS = 2048, /* a leader proposes no more above its commit index */

    LIMIT_REQUESTS_IN_WORK = 1024,  /* appends admitted and not yet answered */
    LIMIT_REQUESTS_WAITING = 20480, /* rep contexts: so many that busy can be answered */

    LIMIT_CHECKPOINT_SIGNATURES = 16, /* signature lines on a note */
    LIMIT_NOTE_SIZE = 64 * 1024,
    LIMIT_PROOF_FILE_SIZE = 1024 * 1024,
    LIMIT_TRUST_FILE_SIZE = 256 * 1024,
    LIMIT_CONFIG_FILE_SIZE = 256 * 1024,
    LIMIT_GENESIS_SIZE = 64 * 1024,
    LIMIT_PROOF_HASHES = 64, /* tree sizes are below 2^63 */

    LIMIT_NAME_SIZE = 64,                         /* member, site, key and ledger names */
    LIMIT_ORIGIN_SIZE = LIMIT_NAME_SIZE + 1 + 32, /* <name>/<32 hex digits> */
    LIMIT_KEY_NAME_SIZE = 192,                    /* <origin>/<node>, and those of others */
    LIMIT_NOTE_SIGNATURES = 64,                   /* lines that the note parser accepts */
    LIMIT_URL_SIZE = 256,

    LIMIT_ARENA_FLAT = 64 * 1024, /* unpacking may use this much ... */
    LIMIT_ARENA_FACTOR = 16,      /* ... plus so many times the input */
};

_Static_assert(LIMIT_EVENT_SIZE + LIMIT_GENESIS_SIGNERS * 128 + LIMIT_FAILED_RULES * 2 + 1024 <=
                   LIMIT_RECORD_SIZE,
               "an event, its signers, its decision and the headers fit one record");
_Static_assert(LIMIT_BLOCK_SIZE + 64 * 1024 <= LIMIT_PEER_MESSAGE_SIZE,
               "a block fits a message");
_Static_assert(LIMIT_ORIGIN_SIZE + 1 + LIMIT_NAME_SIZE <= LIMIT_KEY_NAME_SIZE,
               "a member's cosignature key name fits");
_Static_assert(LIMIT_NOTE_SIGNATURES >= LIMIT_CHECKPOINT_SIGNATURES, "we read what we write");
_Static_assert(LIMIT_INFLIGHT_SIZE >= 4 * LIMIT_BLOCK_SIZE, "a window holds several blocks");
_Static_assert(LIMIT_REQUESTS_WAITING >= 8 * LIMIT_REQUESTS_IN_WORK, "busy can be answered");

#endif
