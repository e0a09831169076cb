/* listener - a listening NNG socket that is watched, and opened again when it has gone deaf.
 *
 * Why           NNG 1.5.2 stops accepting for ever when a connection ends in a certain way
 * before it is set up (closed for writing, then reset, before NNG's first write: EPIPE, which
 * NNG takes for its own closing). Anyone who reaches the port can do that. How           Every
 * LISTENER_PROBE_MS in which nobody connected, a thread of its own connects to the listener
 * itself. If that does not arrive, it listens anew; connections that stood are lost and come
 * back by themselves. Should probes fail for a reason of their own, the pauses between two
 * tries grow to LISTENER_PAUSE_MS_MAX. Threads       Open and close on one thread. NNG may
 * never return from closing something (nanomsg/nng issues 1543 and 1813): the watch is stuck
 * then. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

#include "net/net_tls.h"

enum {
    LISTENER_PROBE_MS = 2000,
    LISTENER_PAUSE_MS_MAX = 16 * 1000,
    LISTENER_STUCK_MS = 20 * 1000,
};

struct listener;

enum listener_protocol { LISTENER_PULL, LISTENER_REP };

/* Listen with the open NNG socket `socket_id` of this protocol; no other pipe callback may be
 * set on it for NNG_PIPE_EV_ADD_POST. tls  copied; read again when it listens anew After an
 * error *ret_listener is NULL or half open, and is stopped and freed like one that is open.
 * Errors: as wire_listen. */
TALLY_NODISCARD enum tally_err listener_open(uint32_t socket_id,
                                             enum listener_protocol protocol, const char *url,
                                             const struct net_tls *tls, uint16_t *ret_port,
                                             struct listener **ret_listener,
                                             struct tally_diag *diag);
/* Stop watching. The socket is closed by the caller, before listener_free. NULL is accepted. */
void listener_stop(struct listener *listener);
void listener_free(struct listener *listener); /* NULL is accepted */
/* Has the watch waited for NNG for LISTENER_STUCK_MS? Nothing but another process helps then.
 * Thread-safe. */
bool listener_stuck(const struct listener *listener, uint64_t now_ms);
/* How often it had to listen anew. Thread-safe. */
uint64_t listener_revived(struct listener *listener);

#endif
