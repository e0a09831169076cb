/* client_net - receives the requests of clients and sends the responses.
 *
 * What it is    An NNG rep socket with a fixed number of contexts. Each holds one request from
 *               its arrival until its answer has left; so many requests may wait, no more.
 * Never does    it does not look into requests (client/rpc.h does) and never blocks.
 * Who calls it  `on_request` runs on NNG threads and only enqueues. Whoever has the answer
 * calls client_net_reply, on any thread, exactly once for each request. Trust         Anyone
 * who reaches the port may ask; nothing about a request is authenticated. Limits        A
 * request over LIMIT_REQUEST_SIZE closes its connection unseen. So many connections, and so
 * much for each of them: net/connections.h. */
#ifndef NET_CLIENT_NET_H
#define NET_CLIENT_NET_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/bytes.h"
#include "net/net_tls.h"

struct client_net;
struct client_request; /* one request, until it is answered */

enum { CLIENT_NET_CONTEXTS = 4096 }; /* the default of `contexts` */

struct client_net_config {
    const char *listen_url; /* tls+tcp:// or tcp://; a port 0 is allowed, see client_net_port */
    struct net_tls tls;     /* cert_file and key_file; clients show none */
    uint32_t contexts;      /* 1..LIMIT_REQUESTS_WAITING; 0: CLIENT_NET_CONTEXTS */
    /* A request came. Called on NNG threads, several at once: it only enqueues, or calls
     * client_net_reply. client_request_bytes stay valid until client_net_reply. */
    void (*on_request)(void *context, struct client_request *request);
    void *context;
};

/* Open the socket and listen. Errors: TALLY_E_INVALID (URL, contexts, tls files that do not fit
 * the URL), TALLY_E_IO (cannot listen, certificate files; diag says which), TALLY_E_NO_MEMORY.
 */
TALLY_NODISCARD enum tally_err client_net_open(const struct client_net_config *config,
                                               struct client_net **ret_net,
                                               struct tally_diag *diag);
/* Let no new request in and end the connections. Requests stay valid, and answering them is
 * allowed and leads nowhere. NULL is accepted. */
void client_net_stop(struct client_net *net);
/* Stop and free everything, unanswered requests too: no thread may hold one. NULL is accepted.
 */
void client_net_close(struct client_net *net);

/* The bytes of a request; the pointer is valid until client_net_reply. */
struct bytes client_request_bytes(const struct client_request *request);
/* Bytes of all requests that are not answered, this one among them. Thread-safe. */
size_t client_request_held_size(const struct client_request *request);
/* Room for the holder of a request: NULL when it arrives, never looked at here. */
void client_request_set_user(struct client_request *request, void *user);
void *client_request_user(const struct client_request *request);

/* Answer with `response` (at most LIMIT_RESPONSE_SIZE, copied). The request is gone afterwards.
 * Thread-safe, never blocks; a client that has gone away is not an error. Without memory for
 * the copy an empty response is sent. */
void client_net_reply(struct client_request *request, struct bytes response);

/* The port that is listened on. Thread-safe. */
uint16_t client_net_port(const struct client_net *net);
/* Is it stuck inside NNG, and how often had it to listen anew: net/listener.h. Thread-safe,
 * before client_net_close. */
bool client_net_stuck(const struct client_net *net, uint64_t now_ms);
uint64_t client_net_revived(const struct client_net *net);

#endif
