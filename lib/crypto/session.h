/* crypto/session - what two nodes need to authenticate their messages to each other.
 *
 * Each side sends a Hello that names its ledger, itself and an ephemeral X25519 key, and
 * repeats the receiver's nonce; it is signed with its peer key. From the two ephemerals
 * both derive one MAC key per direction and channel. Every message then carries the
 * session id, its channel, a counter and a keyed BLAKE2b tag. Who sends a Hello when is
 * node/net's business; here are only the bytes.
 *
 * A struct belongs to one thread at a time; the functions share no state. */
#ifndef CRYPTO_SESSION_H
#define CRYPTO_SESSION_H

#include "crypto/sign.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#define SESSION_EPHEMERAL_BYTES 32u
#define SESSION_NONCE_BYTES     32u
#define SESSION_ID_BYTES        16u
#define SESSION_TAG_BYTES       32u
#define SESSION_MAC_KEY_BYTES   32u

enum session_channel {
    SESSION_CONTROL = 0, /* votes, heartbeats, acknowledgements */
    SESSION_BULK = 1,    /* blocks */
    SESSION_CHANNELS = 2,
};

/* One use only. Secret: wipe it with session_ephemeral_wipe() once keys are derived. */
struct session_ephemeral {
    uint8_t public_key[SESSION_EPHEMERAL_BYTES];
    uint8_t secret[32];
};

/* What a Hello says, and what its signature covers. */
struct session_hello {
    struct tally_hash ledger_id;
    uint32_t node_id;     /* the sender */
    uint32_t receiver_id; /* so that nobody can pass it on to another member as its own */
    uint64_t incarnation; /* the sender's */
    uint8_t ephemeral[SESSION_EPHEMERAL_BYTES];
    uint8_t own_nonce[SESSION_NONCE_BYTES]; /* the sender's, for the Hello that answers */
    uint8_t nonce[SESSION_NONCE_BYTES];     /* the receiver's */
};

/* An established session as one side sees it. Secret: wipe it with session_wipe(). */
struct session {
    uint8_t id[SESSION_ID_BYTES]; /* the same on both sides */
    uint8_t send_key[SESSION_CHANNELS][SESSION_MAC_KEY_BYTES];
    uint8_t receive_key[SESSION_CHANNELS][SESSION_MAC_KEY_BYTES];
    uint64_t sent[SESSION_CHANNELS];     /* counter of the last message sent; 0: none */
    uint64_t received[SESSION_CHANNELS]; /* highest counter accepted; 0: none */
};

void session_ephemeral_new(struct session_ephemeral *ret_ephemeral);
/* The key pair of 32 fresh random bytes, for code that must not draw them itself. */
void session_ephemeral_from_seed(const uint8_t seed[32],
                                 struct session_ephemeral *ret_ephemeral);
void session_ephemeral_wipe(struct session_ephemeral *ephemeral);

/* Sign "tally/hello/v1\n" || ledger id || u32 node id || u32 receiver id || u64 incarnation ||
 * ephemeral || own nonce || nonce with the sender's peer key. */
void session_hello_sign(const struct session_hello *hello, const struct sign_key *peer_key,
                        uint8_t ret_signature[SIGN_SIGNATURE_BYTES]);
/*   TALLY_E_SIGNATURE  not signed by `peer_public`. Whether ledger, node, incarnation and
 *                      nonce are the expected ones is for the caller to compare. */
TALLY_NODISCARD enum tally_err session_hello_verify(
    const struct session_hello *hello, const uint8_t peer_public[SIGN_PUBLIC_BYTES],
    const void *signature, size_t signature_size);

/* Derive the session of two ephemerals, after both Hellos were checked.
 *   first  true on the node with the smaller node id; the two sides must differ
 *
 *   TALLY_E_INVALID  the other's ephemeral is a point of small order */
TALLY_NODISCARD enum tally_err session_derive(
    const struct session_ephemeral *own, const uint8_t other_ephemeral[SESSION_EPHEMERAL_BYTES],
    bool first, struct session *ret_session);
void session_wipe(struct session *session);

/* Take the next counter of `channel` (the first is 1) and compute the tag that goes with
 * `payload` under it. */
void session_seal(struct session *session, enum session_channel channel, const void *payload,
                  size_t size, uint64_t *ret_counter, uint8_t ret_tag[SESSION_TAG_BYTES]);

/* Accept a received message, and remember its counter.
 *
 *   TALLY_E_MALFORMED  no such channel, or a tag of another size
 *   TALLY_E_SIGNATURE  the tag is not that of this session, channel, counter and payload
 *   TALLY_E_STALE      the counter is not above the last one of its channel: a replay */
TALLY_NODISCARD enum tally_err session_open(struct session *session, uint32_t channel,
                                            uint64_t counter, const void *payload, size_t size,
                                            const void *tag, size_t tag_size);

#endif
