/* peer_net_internal - what the files of peer_net share.
 *
 *   peer_net.c          sockets, frames in and out, the loop's poll
 *   peer_net_members.c  one member: its session and outlets; dialing anew */
#ifndef NET_PEER_NET_INTERNAL_H
#define NET_PEER_NET_INTERNAL_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "net/listener.h"
#include "net/outlet.h"
#include "net/peer_net.h"

struct peer {
    uint32_t id;
    atomic_bool removed; /* neither sent to nor heard */
    uint8_t public_key[32];
    struct outlet *outlets[PEER_CHANNELS];
    struct peer_session session; /* under the lock of the net, as the rest */
    uint64_t heard_ms;           /* last good frame, by the loop's clock; 0: before all polls */
    uint64_t idle_ms;            /* last sign of life that we sent */
    bool silent;                 /* not heard for PEER_NET_SILENT_MS */
};

/* Frames that wait for peer_net_poll. */
struct inbox {
    struct queue *frames;
    atomic_size_t size; /* bytes */
};

struct peer_net {
    struct peer_net_config config; /* `peers` and the strings are not used after open */
    struct peer *peers[PEER_NET_PEERS_MAX]; /* grows; none is freed before the end */
    atomic_size_t peers_count;
    nng_socket socket; /* listens */
    nng_aio *receive;
    struct listener *listener;
    uint16_t port;

    struct inbox inboxes[PEER_CHANNELS]; /* control goes first, and bulk cannot fill it */
    atomic_bool wake_pending;            /* the loop was told and has not polled since */
    atomic_bool closing;
    atomic_uint_fast64_t receive_dropped;

    pthread_t redialer;
    bool redialing;                 /* the thread was started */
    atomic_uint_fast64_t redial_ms; /* since when it is inside NNG; 0: it is not */
    pthread_cond_t close;           /* tells it to end; with `lock` */

    pthread_mutex_t lock; /* sessions and counters */
    struct peer_net_counters counters;
};

/* Tell the loop that something waits for it; once until the next poll. */
void peer_net_wake(void *context);
/* The member with this id, or NULL when there is none or it was removed. */
struct peer *peer_net_find(struct peer_net *net, uint32_t id);
void peer_net_free_peers(struct peer_net *net);
/* The thread that dials anew. */
TALLY_NODISCARD enum tally_err peer_net_redialer_start(struct peer_net *net);
void peer_net_redialer_stop(struct peer_net *net);

#endif
