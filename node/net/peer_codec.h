/* peer_codec - messages between members, between bytes and plain structs.
 *
 * The schema is proto/peer.proto. Decoding checks shape, sizes and counts and nothing else:
 * whether a message makes sense is for raft and publish. Thread-safe. */
#ifndef NET_PEER_CODEC_H
#define NET_PEER_CODEC_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "net/peer_session.h"
#include "raft/raft.h"

/* What a member remembers of another one, for one that starts: its disk and its witness may
 * both have gone back in time. */
struct peer_memory {
    bool answer;                    /* false: the question; the rest is zero */
    uint64_t signed_size;           /* of the newest tree that it cosigned */
    uint64_t match;                 /* blocks that it acknowledged to us, if we lead */
    uint64_t last_index, last_term; /* end of our own log: what it may have had at most */
};

enum peer_message_kind {
    PEER_MESSAGE_RAFT = 1,
    PEER_MESSAGE_COSIGNATURE = 2,
    PEER_MESSAGE_MEMORY = 3,
};

enum { PEER_COSIGNATURE_BYTES = 72 }; /* u64 time || Ed25519 signature */

struct peer_cosignature {
    uint32_t member;
    uint64_t size;
    struct tally_hash root;
    uint8_t bytes[PEER_COSIGNATURE_BYTES];
};

struct peer_message {
    enum peer_message_kind kind;
    struct raft_message raft;            /* RAFT */
    struct bytes blocks[RAFT_BATCH_MAX]; /* RAFT_APPEND: raft.entries_count blocks, borrowed */
    struct peer_memory memory;           /* MEMORY */
    struct peer_cosignature cosignature; /* COSIGNATURE */
};

/* The channel a message travels on: blocks are bulk, all else is control. */
enum peer_channel peer_message_channel(const struct peer_message *message);

/* Encode. `raft.from`, `to` and `after_persist` are not sent; neither is a member that is not
 * named for the type in raft.h. Errors: TALLY_E_TOO_LARGE (over what peer_net_send takes),
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err peer_message_encode(const struct peer_message *message,
                                                   struct buffer **ret_bytes,
                                                   struct tally_diag *diag);
/* Decode what came from member `from` in a session with `self`; these two become raft.from and
 * raft.to. Everything borrowed lives in `arena`. Errors: TALLY_E_TOO_LARGE, TALLY_E_MALFORMED
 * (not canonical, a wrong size or count, a field that is not of its type), TALLY_E_NO_MEMORY.
 */
TALLY_NODISCARD enum tally_err peer_message_decode(struct bytes bytes, uint32_t from,
                                                   uint32_t self, struct arena *arena,
                                                   struct peer_message *ret_message,
                                                   struct tally_diag *diag);

#endif
