#include "net/client_net.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "client/wire.h"
#include "net/connections.h"
#include "net/listener.h"

/* Design notes
 * - A context is in one of three phases: NNG receives into it (an NNG thread owns it next), the
 *   node holds its request, or NNG sends from it. Whoever changes the phase hands it over.
 * - Only completions submit the next receive; client_net_stop and the closing of the socket end
 *   that, since both fail with NNG_ECLOSED from then on. */

enum phase { PHASE_RECEIVING, PHASE_HELD, PHASE_SENDING };

struct client_request {
    struct client_net *net;
    nng_ctx context;
    nng_aio *aio;
    nng_msg *message; /* the request, while held */
    void *user;
    uint32_t connection; /* it came on; an NNG pipe */
    size_t answer_size;
    atomic_int phase; /* its release and acquire order the members above */
};

struct client_net {
    nng_socket socket;
    struct listener *listener;
    struct connections *connections;
    uint16_t port;
    atomic_size_t held_size; /* bytes of requests that are held */
    uint32_t requests_count; /* opened */
    struct client_request *requests;
    void (*on_request)(void *context, struct client_request *request);
    void *context;
    atomic_bool stopped;
};

static void hang_up(uint32_t connection)
{
    (void)nng_pipe_close((nng_pipe){.id = connection});
}

/* On NNG threads, which hold a lock of the socket: nothing here waits. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    const struct client_net *net = context;
    const uint32_t id = (uint32_t)nng_pipe_id(pipe);

    if (event == NNG_PIPE_EV_REM_POST) {
        connections_remove(net->connections, id);
        return;
    }
    const uint32_t victim = connections_add(net->connections, id);
    if (victim != 0) hang_up(victim);
}

static void receive(struct client_request *request)
{
    if (atomic_load(&request->net->stopped)) return;
    atomic_store(&request->phase, PHASE_RECEIVING);
    nng_ctx_recv(request->context, request->aio);
}

static void on_received(struct client_request *request, int rv)
{
    if (rv != 0) {
        if (rv != NNG_ECLOSED && rv != NNG_ECANCELED) receive(request);
        return;
    }
    nng_msg *message = nng_aio_get_msg(request->aio);
    nng_aio_set_msg(request->aio, NULL);
    request->connection = (uint32_t)nng_pipe_id(nng_msg_get_pipe(message));
    if (!connections_request(request->net->connections, request->connection)) {
        nng_msg_free(message);
        hang_up(request->connection);
        receive(request);
        return;
    }
    request->message = message;
    atomic_fetch_add(&request->net->held_size, nng_msg_len(message));
    request->user = NULL;
    atomic_store(&request->phase, PHASE_HELD);
    request->net->on_request(request->net->context, request);
}

static void on_complete(void *context)
{
    struct client_request *request = context;
    const int rv = nng_aio_result(request->aio);
    const int phase = atomic_load(&request->phase);

    ASSERT(phase != PHASE_HELD);
    if (phase == PHASE_RECEIVING) {
        on_received(request, rv);
        return;
    }
    connections_sent(request->net->connections, request->connection, request->answer_size);
    if (rv != 0) { /* the client has gone away */
        nng_msg_free(nng_aio_get_msg(request->aio));
        nng_aio_set_msg(request->aio, NULL);
    }
    if (rv != NNG_ECLOSED && rv != NNG_ECANCELED) receive(request);
}

_Static_assert(CLIENT_NET_CONTEXTS >= CONNECTIONS_MAX * CONNECTIONS_REQUESTS_MAX,
               "no connection can take the places of the others");

static enum tally_err sockets_open(struct client_net *net, uint32_t contexts,
                                   struct tally_diag *diag)
{
    int rv = nng_rep0_open(&net->socket);

    if (rv == 0) rv = nng_pipe_notify(net->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, net);
    if (rv == 0) rv = nng_pipe_notify(net->socket, NNG_PIPE_EV_REM_POST, on_pipe, net);
    if (rv == 0)
        rv = nng_socket_set_size(net->socket, NNG_OPT_RECVMAXSZ,
                                 LIMIT_REQUEST_SIZE + WIRE_HEADER_MAX);
    for (uint32_t i = 0; i < contexts && rv == 0; i++) {
        struct client_request *request = &net->requests[i];
        request->net = net;
        net->requests_count = i + 1;
        rv = nng_ctx_open(&request->context, net->socket);
        if (rv == 0) rv = nng_aio_alloc(&request->aio, on_complete, request);
    }
    if (rv == 0) return TALLY_OK;
    tally_diag_set(diag, "cannot open the client socket: %s", nng_strerror(rv));
    return rv == NNG_ENOMEM ? TALLY_E_NO_MEMORY : TALLY_E_IO;
}

enum tally_err client_net_open(const struct client_net_config *config,
                               struct client_net **ret_net, struct tally_diag *diag)
{
    const uint32_t contexts = config->contexts == 0 ? CLIENT_NET_CONTEXTS : config->contexts;
    const struct net_tls tls = {config->tls.cert_file, config->tls.key_file, NULL};
    enum tally_err err = TALLY_E_NO_MEMORY;

    if (contexts > LIMIT_REQUESTS_WAITING) {
        tally_diag_set(diag, "%u requests may wait, at most %d can", contexts,
                       LIMIT_REQUESTS_WAITING);
        return TALLY_E_INVALID;
    }
    struct client_net *net = calloc(1, sizeof *net);
    if (net == NULL) return TALLY_E_NO_MEMORY;
    net->on_request = config->on_request;
    net->context = config->context;
    net->requests = calloc(contexts, sizeof *net->requests);
    if (net->requests != NULL) err = connections_open(&net->connections);
    if (err == TALLY_OK) err = sockets_open(net, contexts, diag);
    if (err == TALLY_OK)
        err = listener_open((uint32_t)nng_socket_id(net->socket), LISTENER_REP,
                            config->listen_url, &tls, &net->port, &net->listener, diag);
    if (err != TALLY_OK) {
        client_net_close(net);
        return err;
    }
    for (uint32_t i = 0; i < contexts; i++) receive(&net->requests[i]);
    *ret_net = net;
    return TALLY_OK;
}

void client_net_stop(struct client_net *net)
{
    if (net == NULL || atomic_exchange(&net->stopped, true)) return;
    listener_stop(net->listener);
    if (nng_socket_id(net->socket) > 0) (void)nng_close(net->socket);
}

void client_net_close(struct client_net *net)
{
    if (net == NULL) return;
    client_net_stop(net);
    /* All stand still before any is freed: a completion may still run for another. */
    for (uint32_t i = 0; i < net->requests_count; i++)
        if (net->requests[i].aio != NULL) nng_aio_stop(net->requests[i].aio);
    for (uint32_t i = 0; i < net->requests_count; i++) {
        struct client_request *request = &net->requests[i];
        if (request->aio != NULL) nng_aio_free(request->aio);
        if (request->message != NULL) nng_msg_free(request->message);
    }
    listener_free(net->listener);
    connections_free(net->connections);
    free(net->requests);
    free(net);
}

struct bytes client_request_bytes(const struct client_request *request)
{
    return bytes_of(nng_msg_body(request->message), nng_msg_len(request->message));
}

void client_request_set_user(struct client_request *request, void *user)
{
    request->user = user;
}

void *client_request_user(const struct client_request *request)
{
    return request->user;
}

void client_net_reply(struct client_request *request, struct bytes response)
{
    struct client_net *net = request->net;
    nng_msg *message = NULL;

    ASSERT(response.size <= LIMIT_RESPONSE_SIZE);
    ASSERT(atomic_load(&request->phase) == PHASE_HELD);
    atomic_fetch_sub(&net->held_size, nng_msg_len(request->message));
    if (nng_msg_alloc(&message, response.size) == 0) {
        if (response.size > 0) memcpy(nng_msg_body(message), response.data, response.size);
        nng_msg_free(request->message);
    } else {
        message = request->message;
        nng_msg_clear(message);
    }
    request->message = NULL;
    request->answer_size = nng_msg_len(message);
    connections_answer(net->connections, request->connection, request->answer_size);
    for (uint32_t victim; (victim = connections_crowded(net->connections)) != 0;)
        hang_up(victim);
    nng_aio_set_msg(request->aio, message);
    atomic_store(&request->phase, PHASE_SENDING);
    nng_ctx_send(request->context, request->aio);
}

size_t client_request_held_size(const struct client_request *request)
{
    return atomic_load(&request->net->held_size);
}

bool client_net_stuck(const struct client_net *net, uint64_t now_ms)
{
    return listener_stuck(net->listener, now_ms);
}

uint64_t client_net_revived(const struct client_net *net)
{
    return listener_revived(net->listener);
}

uint16_t client_net_port(const struct client_net *net)
{
    return net->port;
}
