#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "client/wire.h"
#include "crypto/secret.h"
#include "net/peer_net_internal.h"

/* Design notes
 * - A frame that arrives is pushed on `inbox` by the one receive aio (so frames of one
 *   connection keep their order) and `wake` is called once until the next poll.
 * - peer_net_poll takes frames out, opens their envelope under `lock`, and calls the owner
 *   without it.
 * - A sender seals and queues under `lock`, so that counters leave in order.
 * - A thread of its own dials anew where a connection is dead without NNG knowing: such a
 * dialer has to be closed, which may take a while.
 * - Lock order: `lock`, then an outlet's. NNG's threads take only an outlet's lock or none. */

_Static_assert(PEER_NET_MESSAGE_MAX + PEER_FRAME_OVERHEAD <= LIMIT_PEER_MESSAGE_SIZE, "frame");

void peer_net_wake(void *context)
{
    struct peer_net *net = context;

    if (!atomic_exchange(&net->wake_pending, true)) net->config.wake(net->config.context);
}

/* ---- receiving, on NNG threads ---- */

/* Which one is the sender's claim until the envelope is opened; a lie only moves the frame. */
static void inbox_push(struct peer_net *net, nng_msg *frame)
{
    const size_t size = nng_msg_len(frame);
    const enum peer_channel channel = peer_frame_channel(bytes_of(nng_msg_body(frame), size));
    struct inbox *inbox = &net->inboxes[channel];

    if (atomic_fetch_add(&inbox->size, size) + size <= PEER_NET_RECEIVE_SIZE_MAX &&
        queue_push(inbox->frames, frame)) {
        peer_net_wake(net);
        return;
    }
    atomic_fetch_sub(&inbox->size, size);
    atomic_fetch_add(&net->receive_dropped, 1);
    nng_msg_free(frame);
}

static void on_received(void *context)
{
    struct peer_net *net = context;
    const int rv = nng_aio_result(net->receive);

    if (rv == 0) {
        nng_msg *frame = nng_aio_get_msg(net->receive);
        nng_aio_set_msg(net->receive, NULL);
        inbox_push(net, frame);
    }
    if (rv == NNG_ECLOSED || rv == NNG_ECANCELED || atomic_load(&net->closing)) return;
    nng_recv_aio(net->socket, net->receive);
}

/* ---- opening and closing ---- */

static enum tally_err config_check(const struct peer_net_config *config,
                                   struct tally_diag *diag)
{
    ASSERT(config->self != 0);
    ASSERT(config->peers_count <= LIMIT_MEMBERS);
    if (wire_url_tls(config->listen_url) && config->tls.ca_file == NULL) {
        tally_diag_set(diag, "%.120s: the certificates of the members are needed",
                       config->listen_url);
        return TALLY_E_INVALID;
    }
    return TALLY_OK;
}

static enum tally_err socket_open(struct peer_net *net, struct tally_diag *diag)
{
    int rv = nng_pull0_open(&net->socket);

    if (rv == 0) rv = nng_aio_alloc(&net->receive, on_received, net);
    if (rv == 0)
        rv = nng_socket_set_size(net->socket, NNG_OPT_RECVMAXSZ, LIMIT_PEER_MESSAGE_SIZE);
    if (rv != 0) {
        tally_diag_set(diag, "cannot open the peer socket: %s", nng_strerror(rv));
        return rv == NNG_ENOMEM ? TALLY_E_NO_MEMORY : TALLY_E_IO;
    }
    return listener_open((uint32_t)nng_socket_id(net->socket), LISTENER_PULL,
                         net->config.listen_url, &net->config.tls, &net->port, &net->listener,
                         diag);
}

enum tally_err peer_net_open(const struct peer_net_config *config, struct peer_net **ret_net,
                             struct tally_diag *diag)
{
    enum tally_err err = config_check(config, diag);
    struct peer_net *net = err == TALLY_OK ? calloc(1, sizeof *net) : NULL;

    if (err != TALLY_OK) return err;
    if (net == NULL) return TALLY_E_NO_MEMORY;
    net->config = *config;
    clock_condition_init(&net->close);
    (void)pthread_mutex_init(&net->lock, NULL);
    for (size_t channel = 0; channel < PEER_CHANNELS && err == TALLY_OK; channel++)
        err = queue_open(PEER_NET_RECEIVE_QUEUE, &net->inboxes[channel].frames);
    if (err == TALLY_OK) err = socket_open(net, diag);
    for (size_t i = 0; i < config->peers_count && err == TALLY_OK; i++)
        err = peer_net_add(net, &config->peers[i], diag);
    net->config.peers = NULL;
    if (err == TALLY_OK) err = peer_net_redialer_start(net);
    if (err != TALLY_OK) {
        peer_net_close(net);
        return err;
    }
    nng_recv_aio(net->socket, net->receive);
    *ret_net = net;
    return TALLY_OK;
}

static void inbox_free(struct inbox *inbox)
{
    if (inbox->frames == NULL) return;
    for (nng_msg *frame; (frame = queue_pop(inbox->frames, 0)) != NULL;) nng_msg_free(frame);
    queue_free(inbox->frames);
}

void peer_net_close(struct peer_net *net)
{
    if (net == NULL) return;
    atomic_store(&net->closing, true);
    atomic_store(&net->wake_pending, true); /* nobody is woken any more */
    peer_net_redialer_stop(net);
    peer_net_free_peers(net);
    listener_stop(net->listener);
    if (net->receive != NULL) nng_aio_stop(net->receive);
    if (nng_socket_id(net->socket) > 0) (void)nng_close(net->socket);
    listener_free(net->listener);
    if (net->receive != NULL) nng_aio_free(net->receive);
    for (size_t channel = 0; channel < PEER_CHANNELS; channel++)
        inbox_free(&net->inboxes[channel]);
    (void)pthread_cond_destroy(&net->close);
    (void)pthread_mutex_destroy(&net->lock);
    secret_wipe(net, sizeof *net);
    free(net);
}

/* ---- sending ---- */

/* Under the lock. */
static void send_handshake(struct peer_net *net, struct peer *peer, const uint8_t *bytes,
                           size_t size)
{
    uint8_t *data = NULL;
    struct outlet_frame *frame = outlet_frame_new(size, &data);

    if (frame != NULL) memcpy(data, bytes, size);
    if (frame == NULL || !outlet_send(peer->outlets[PEER_CONTROL], frame))
        net->counters.send_dropped++;
}

/* Under the lock. The order matters: a counter that is taken but not sent would be harmless,
 * sealing what is dropped anyway is wasted work. */
static bool seal_and_send(struct peer *peer, enum peer_channel channel, struct bytes message)
{
    const size_t size = message.size + PEER_FRAME_OVERHEAD;
    struct outlet *outlet = peer->outlets[channel];
    uint8_t *data = NULL;

    if (!peer->session.established || !outlet_ready(outlet, size)) return false;
    struct outlet_frame *frame = outlet_frame_new(size, &data);
    if (frame == NULL) return false;
    const bool sealed = peer_session_seal(&peer->session, channel, message, data);
    ASSERT(sealed);
    return outlet_send(outlet, frame);
}

bool peer_net_send(struct peer_net *net, uint32_t to, enum peer_channel channel,
                   struct bytes message)
{
    struct peer *peer = peer_net_find(net, to);

    ASSERT(message.size > 0);
    ASSERT(message.size <= PEER_NET_MESSAGE_MAX);
    pthread_mutex_lock(&net->lock);
    const bool sent = peer != NULL && seal_and_send(peer, channel, message);
    if (sent) {
        net->counters.sent++;
        net->counters.sent_size += message.size;
    } else {
        net->counters.send_dropped++;
    }
    pthread_mutex_unlock(&net->lock);
    return sent;
}

/* ---- the loop ---- */

static void receive_frame(struct peer_net *net, uint64_t now_ms, struct bytes frame)
{
    struct peer *peer = peer_net_find(net, peer_frame_sender(frame));
    struct peer_received received;
    uint8_t random[PEER_RANDOM_SIZE];

    pthread_mutex_lock(&net->lock);
    if (peer == NULL) {
        net->counters.refused[PEER_DROP_ADDRESS]++;
        pthread_mutex_unlock(&net->lock);
        return;
    }
    secret_random(random, sizeof random);
    peer_session_receive(&peer->session, now_ms, random, frame, &received);
    secret_wipe(random, sizeof random);
    if (received.drop != PEER_DROP_NONE)
        net->counters.refused[received.drop]++;
    else
        peer->heard_ms = now_ms;
    if (received.reply_size > 0) send_handshake(net, peer, received.reply, received.reply_size);
    received.message = received.message && received.payload.size > 0; /* else: a sign of life */
    if (received.message) {
        net->counters.received++;
        net->counters.received_size += received.payload.size;
    }
    pthread_mutex_unlock(&net->lock);

    if (received.established && net->config.on_session != NULL)
        net->config.on_session(net->config.context, peer->id);
    if (received.message)
        net->config.on_message(net->config.context, peer->id, received.channel,
                               received.payload);
}

/* Under the lock. Members who have nothing to say to each other (two followers) say nothing now
 * and then: silence is how a dead connection shows. */
static void tick_established(struct peer *peer, uint64_t now_ms)
{
    if (now_ms < peer->idle_ms + PEER_NET_IDLE_MS) return;
    peer->idle_ms = now_ms;
    (void)seal_and_send(peer, PEER_CONTROL, bytes_of(NULL, 0));
}

/* Under the lock. */
static void tick_knocking(struct peer_net *net, struct peer *peer, uint64_t now_ms)
{
    uint8_t random[PEER_RANDOM_SIZE];
    uint8_t knock[PEER_KNOCK_SIZE];

    /* A Knock into a closed connection would only delay the next one. */
    if (!outlet_ready(peer->outlets[PEER_CONTROL], PEER_KNOCK_SIZE)) return;
    secret_random(random, sizeof random);
    const size_t size = peer_session_tick(&peer->session, now_ms, random, knock);
    if (size > 0) send_handshake(net, peer, knock, size);
    secret_wipe(random, sizeof random);
}

static void tick(struct peer_net *net, uint64_t now_ms)
{
    pthread_mutex_lock(&net->lock);
    for (size_t i = 0; i < net->peers_count; i++) {
        struct peer *peer = net->peers[i];
        if (atomic_load(&peer->removed)) continue;
        if (peer->heard_ms == 0) peer->heard_ms = now_ms;
        peer->silent = now_ms >= peer->heard_ms + PEER_NET_SILENT_MS;
        if (peer->session.established)
            tick_established(peer, now_ms);
        else
            tick_knocking(net, peer, now_ms);
    }
    pthread_mutex_unlock(&net->lock);
}

/* The next frame to handle, control first; NULL when there is none. */
static nng_msg *inbox_pop(struct peer_net *net)
{
    for (size_t channel = 0; channel < PEER_CHANNELS; channel++) {
        struct inbox *inbox = &net->inboxes[channel];
        nng_msg *frame = queue_pop(inbox->frames, 0);
        if (frame == NULL) continue;
        atomic_fetch_sub(&inbox->size, nng_msg_len(frame));
        return frame;
    }
    return NULL;
}

uint64_t peer_net_poll(struct peer_net *net, uint64_t now_ms)
{
    nng_msg *frame = NULL;

    /* Cleared first: a frame that comes from here on wakes again. */
    atomic_store(&net->wake_pending, false);
    /* Bounded, so that a flood cannot keep the loop here. */
    for (size_t i = 0; i < PEER_NET_POLL_FRAMES && (frame = inbox_pop(net)) != NULL; i++) {
        receive_frame(net, now_ms, bytes_of(nng_msg_body(frame), nng_msg_len(frame)));
        nng_msg_free(frame);
    }
    if (frame != NULL) peer_net_wake(net); /* there may be more */
    tick(net, now_ms);
    return now_ms + PEER_NET_POLL_MS;
}

bool peer_net_connected(struct peer_net *net, uint32_t peer_id)
{
    struct peer *peer = peer_net_find(net, peer_id);

    pthread_mutex_lock(&net->lock);
    const bool connected = peer != NULL && peer->session.established;
    pthread_mutex_unlock(&net->lock);
    return connected;
}

bool peer_net_stuck(const struct peer_net *net, uint64_t now_ms)
{
    const uint64_t redial_ms = atomic_load(&net->redial_ms);

    return (redial_ms != 0 && now_ms > redial_ms + LISTENER_STUCK_MS) ||
           listener_stuck(net->listener, now_ms);
}

uint16_t peer_net_port(struct peer_net *net)
{
    return net->port;
}

struct peer_net_counters peer_net_counters(struct peer_net *net)
{
    pthread_mutex_lock(&net->lock);
    struct peer_net_counters counters = net->counters;
    pthread_mutex_unlock(&net->lock);
    counters.revived = listener_revived(net->listener);
    counters.receive_dropped = atomic_load(&net->receive_dropped);
    return counters;
}
