/* peer_net - sends bytes to the other members and receives theirs, authenticated.
 *
 * What it is    NNG push/pull around peer_session: one listener, and two dialers for each peer,
 * so that a transfer of blocks (bulk) cannot delay a heartbeat (control). Never does    it
 * never blocks and never retries: what does not fit a bounded queue, what comes before a
 * session stands, and what fails its check is dropped and counted. Raft asks again. Who calls
 * it  The loop thread calls peer_net_poll whenever `wake` was called or a timer ran out (at
 * least every PEER_NET_POLL_MS). Any thread may send. Threads       NNG's threads only put
 * frames on a bounded queue and call `wake`. Sessions are under one lock, which is never held
 * across a callback. Ownership     The configuration is copied. A received message is lent for
 * the callback. Trust         An attacker on the wire of a tcp:// link reads, drops and delays;
 * without a member's peer key he makes no message that reaches on_message. Read first
 * docs/protocol.md, "Peer channel". */
#ifndef NET_PEER_NET_H
#define NET_PEER_NET_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/bytes.h"
#include "net/net_tls.h"
#include "net/peer_session.h"

struct peer_net;

enum {
    PEER_NET_PEERS_MAX = 64,       /* members that one process ever speaks with */
    PEER_NET_POLL_MS = 100,        /* poll at least so often: handshakes are driven by it */
    PEER_NET_IDLE_MS = 1000,       /* a sign of life to each peer, so often */
    PEER_NET_SILENT_MS = 4000,     /* a peer not heard for so long is dialed anew */
    PEER_NET_CONTROL_QUEUE = 512,  /* frames waiting for one peer ... */
    PEER_NET_BULK_QUEUE = 64,      /* ... by channel, and at most LIMIT_INFLIGHT_SIZE bytes */
    PEER_NET_RECEIVE_QUEUE = 4096, /* frames that wait for peer_net_poll, by channel ... */
    PEER_NET_RECEIVE_SIZE_MAX = 64 * 1024 * 1024, /* ... and their bytes */
    PEER_NET_POLL_FRAMES = 1024,                  /* handled in one poll */
    PEER_NET_MESSAGE_MAX =
        2 * 1024 * 1024 - 256, /* LIMIT_PEER_MESSAGE_SIZE less the envelope */
};

struct peer_net_peer {
    uint32_t id;
    uint64_t incarnation;   /* another one is refused: docs/protocol.md */
    uint8_t public_key[32]; /* its peer key */
    const char *url;        /* where it listens: tls+tcp:// or tcp:// */
};

struct peer_net_config {
    uint8_t ledger_id[32];
    uint32_t self;          /* own member id */
    uint64_t incarnation;   /* own */
    struct sign_key key;    /* own peer key */
    const char *listen_url; /* a port 0 is allowed, see peer_net_port */
    struct net_tls tls;
    const struct peer_net_peer *peers; /* the others, at most LIMIT_MEMBERS; not `self` */
    size_t peers_count;

    /* Something waits for peer_net_poll. Called on NNG threads and on senders' threads, many
     * times: it only wakes the loop. */
    void (*wake)(void *context);
    /* A message of member `from`. Called inside peer_net_poll, in the order of its channel;
     * duplicates never occur, gaps do. `message` is lent for the call. */
    void (*on_message)(void *context, uint32_t from, enum peer_channel channel,
                       struct bytes message);
    /* A session with `peer` was established: it is reachable, and it may have restarted. Called
     * inside peer_net_poll. NULL is accepted. */
    void (*on_session)(void *context, uint32_t peer);
    void *context;
};

/* What happened so far; see docs/operations.md. */
struct peer_net_counters {
    uint64_t sent, sent_size;           /* handed to NNG */
    uint64_t send_dropped;              /* no session, not connected, or queue full */
    uint64_t received, received_size;   /* passed to on_message */
    uint64_t receive_dropped;           /* receive queue full */
    uint64_t refused[PEER_DROPS_COUNT]; /* by the session, by reason */
    uint64_t revived;                   /* listened anew: net/listener.h */
};

/* Open sockets, listen, and start dialing in the background. Errors: TALLY_E_INVALID (a URL;
 * tls files that do not fit the URLs), TALLY_E_IO (cannot listen, certificate files; diag says
 * which), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err peer_net_open(const struct peer_net_config *config,
                                             struct peer_net **ret_net,
                                             struct tally_diag *diag);
/* Stop, forget keys and free; NULL is accepted. Waits for NNG's threads; no other thread may be
 * inside a function of `net`, and no callback comes afterwards. */
void peer_net_close(struct peer_net *net);

/* Speak with one more member from now on; one that is known with the same key stays as it is.
 * Loop thread only. Errors: TALLY_E_INVALID (its URL; another scheme than ours), TALLY_E_BUSY
 * (PEER_NET_PEERS_MAX members since the start), TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err peer_net_add(struct peer_net *net,
                                            const struct peer_net_peer *peer,
                                            struct tally_diag *diag);
/* Neither send to nor hear this member any more. Loop thread only. */
void peer_net_remove(struct peer_net *net, uint32_t id);

/* Queue `message` (1..PEER_NET_MESSAGE_MAX bytes, copied) for member `to`. Thread-safe, never
 * blocks. True: it was queued, which promises nothing. False: dropped and counted. */
bool peer_net_send(struct peer_net *net, uint32_t to, enum peer_channel channel,
                   struct bytes message);
/* Deliver what has arrived and drive handshakes. Loop thread only. `now_ms` is monotonic.
 * Returns the time at which it wants to be called again at the latest. */
uint64_t peer_net_poll(struct peer_net *net, uint64_t now_ms);

/* Does a session with `peer` stand? Thread-safe. */
bool peer_net_connected(struct peer_net *net, uint32_t peer);
/* Has a thread of ours waited inside NNG for LISTENER_STUCK_MS (net/listener.h)? Then no
 * connection is dialed anew any more. Thread-safe. */
bool peer_net_stuck(const struct peer_net *net, uint64_t now_ms);
/* The port that is listened on. Thread-safe. */
uint16_t peer_net_port(struct peer_net *net);
/* Thread-safe. */
struct peer_net_counters peer_net_counters(struct peer_net *net);

#endif
