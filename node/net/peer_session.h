/* peer_session - who is speaking: the handshake with one peer, and the envelope of a message.
 *
 * What it is    A state machine for one pair of members, without sockets, clock or randomness:
 *               all three come in as arguments.
 * Handshake     Knock {ledger, own nonce}           unsigned: "prove that you are there now"
 *               Hello {ledger, incarnation, ephemeral key, own nonce, receiver's nonce} signed
 *               A session stands when the other's Hello names our nonce and its signature
 *               verifies. Its keys come from both ephemeral keys and both Hellos, one for each
 *               direction and channel.
 * Replay        A nonce is used for one session. A new session replaces the old one, never a
 *               Knock alone. Inside a session a counter below or at the last one of its channel
 *               is dropped.
 * Trust         A thief of our own peer key can speak as us, not as others to us: their Hello
 *               needs their key, and the session keys need their ephemeral secret.
 * Owner         One thread, or a lock of the caller's. Holds secrets: end with
 *               peer_session_wipe.
 * Read first    docs/protocol.md, "Peer channel"; docs/formats.md, "Peer sessions". */
#ifndef NET_PEER_SESSION_H
#define NET_PEER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/session.h"
#include "crypto/sign.h"

enum peer_channel {
    PEER_CONTROL =
        SESSION_CONTROL, /* votes, heartbeats, acknowledgements, cosignatures, handshakes */
    PEER_BULK = SESSION_BULK, /* blocks */
};
enum { PEER_CHANNELS = SESSION_CHANNELS };

enum {
    PEER_KNOCK_SIZE = 12 + 32 + 32,
    PEER_HELLO_SIZE = 12 + 32 + 8 + 32 + 32 + 32 + 64,
    PEER_FRAME_HEADER_SIZE = 12 + 16 + 8,
    PEER_FRAME_MAC_SIZE = 32,
    PEER_FRAME_OVERHEAD = PEER_FRAME_HEADER_SIZE + PEER_FRAME_MAC_SIZE,

    PEER_RANDOM_SIZE = 64, /* a nonce and the seed of an ephemeral key */
    PEER_KNOCK_MS = 200,   /* between two Knocks of one side */
    PEER_HELLO_MS = 20,    /* between two Hellos as answers to Knocks */
    PEER_SILENT_MS = 500,  /* frames of an unknown session count only after such a silence */
};

/* Why bytes were not let through. */
enum peer_drop {
    PEER_DROP_NONE,
    PEER_DROP_FORMAT,      /* not one of ours */
    PEER_DROP_ADDRESS,     /* not from this peer to us */
    PEER_DROP_LEDGER,      /* of another ledger */
    PEER_DROP_NONCE,       /* a Hello for no nonce of ours, or seen before */
    PEER_DROP_INCARNATION, /* the member was wiped, copied or restored */
    PEER_DROP_SIGNATURE,   /* not signed with the member's key, or an unusable ephemeral key */
    PEER_DROP_SESSION,     /* outside the current session */
    PEER_DROP_MAC,         /* changed on the way, or made up */
    PEER_DROP_COUNTER,     /* seen before, or overtaken */
    PEER_DROP_RATE,        /* a Knock too soon after another */
};
enum { PEER_DROPS_COUNT = PEER_DROP_RATE + 1 };

/* Who the two are. Keys are those of Config. */
struct peer_session_config {
    uint8_t ledger_id[32];
    uint32_t self;
    uint64_t self_incarnation;
    struct sign_key self_key; /* own peer key */
    uint32_t peer;            /* not self */
    uint64_t peer_incarnation;
    uint8_t peer_key[32]; /* its public peer key */
};

/* A nonce and an ephemeral key on their way to a session. Private to peer_session.c. */
struct peer_attempt {
    bool used;
    uint8_t nonce[SESSION_NONCE_BYTES];
    struct session_ephemeral ephemeral;
};

/* Private to peer_session.c. */
struct peer_session {
    struct peer_session_config config;
    struct peer_attempt attempt;
    uint64_t knock_at_ms; /* not before */
    uint64_t hello_at_ms; /* answers to Knocks, not before */

    bool established;
    struct session session;
    struct peer_attempt mine;                /* of the session; its secret is wiped */
    uint8_t peer_nonce[SESSION_NONCE_BYTES]; /* of the session */
    uint64_t heard_ms;                       /* last valid frame, or the start of the session */
};

/* What receiving gave. `reply`, when reply_size is not 0, goes to the peer on PEER_CONTROL. */
struct peer_received {
    enum peer_drop drop; /* PEER_DROP_NONE: it was for us and good */
    bool established;    /* a session begins with it */
    bool message;        /* `payload` is the peer's, borrowed from the input */
    enum peer_channel channel;
    struct bytes payload;
    uint8_t reply[PEER_HELLO_SIZE];
    size_t reply_size;
};

/* Start without a session. Both member ids are not 0 and differ. */
void peer_session_init(struct peer_session *session, const struct peer_session_config *config);
/* Overwrite keys and everything else. */
void peer_session_wipe(struct peer_session *session);

/* The sender that a frame claims, for choosing its session; 0 when it is none of ours. */
uint32_t peer_frame_sender(struct bytes frame);
/* The channel that a frame claims; PEER_BULK for what is none of ours. */
enum peer_channel peer_frame_channel(struct bytes frame);

/* Time passes. Without a session, every PEER_KNOCK_MS, writes a Knock to `ret_knock` and gives
 * its size, else 0.
 *   random  PEER_RANDOM_SIZE fresh random bytes */
size_t peer_session_tick(struct peer_session *session, uint64_t now_ms, const uint8_t *random,
                         uint8_t ret_knock[PEER_KNOCK_SIZE]);
/* Take a frame as it came from the network: any bytes. *ret_received is always written.
 *   random  PEER_RANDOM_SIZE fresh random bytes */
void peer_session_receive(struct peer_session *session, uint64_t now_ms, const uint8_t *random,
                          struct bytes frame, struct peer_received *ret_received);
/* Put a message into an envelope of the session that stands.
 *   ret_frame  payload.size + PEER_FRAME_OVERHEAD bytes
 * False: there is no session. */
bool peer_session_seal(struct peer_session *session, enum peer_channel channel,
                       struct bytes payload, uint8_t *ret_frame);

#endif
