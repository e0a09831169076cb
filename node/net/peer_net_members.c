/* One member: its session and outlets. They are added while the node runs, and freed at its
 * end. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "client/wire.h"
#include "crypto/secret.h"
#include "net/peer_net_internal.h"

static enum tally_err peer_open(struct peer_net *net, struct peer *peer,
                                const struct peer_net_peer *config, struct tally_diag *diag)
{
    ASSERT(config->id != 0 && config->id != net->config.self);
    if (wire_url_tls(config->url) != wire_url_tls(net->config.listen_url)) {
        tally_diag_set(diag, "%.80s and %.80s: all members use the same scheme",
                       net->config.listen_url, config->url);
        return TALLY_E_INVALID;
    }

    struct outlet_config outlet = {
        .url = config->url,
        .tls = {net->config.tls.cert_file, net->config.tls.key_file, net->config.tls.ca_file},
        .frames_max = PEER_NET_CONTROL_QUEUE,
        .size_max = LIMIT_INFLIGHT_SIZE,
        .on_connect = peer_net_wake,
        .context = net,
    };
    struct peer_session_config session = {
        .self = net->config.self,
        .self_incarnation = net->config.incarnation,
        .peer = config->id,
        .peer_incarnation = config->incarnation,
    };
    enum tally_err err = TALLY_OK;

    memcpy(session.ledger_id, net->config.ledger_id, sizeof session.ledger_id);
    session.self_key = net->config.key;
    memcpy(session.peer_key, config->public_key, sizeof session.peer_key);
    peer->id = config->id;
    memcpy(peer->public_key, config->public_key, sizeof peer->public_key);
    peer_session_init(&peer->session, &session);
    secret_wipe(&session, sizeof session);

    err = outlet_open(&outlet, clock_monotonic_ms(), &peer->outlets[PEER_CONTROL], diag);
    outlet.frames_max = PEER_NET_BULK_QUEUE;
    if (err == TALLY_OK)
        err = outlet_open(&outlet, clock_monotonic_ms(), &peer->outlets[PEER_BULK], diag);
    return err;
}

static void peer_close(struct peer *peer)
{
    for (size_t channel = 0; channel < PEER_CHANNELS; channel++)
        outlet_close(peer->outlets[channel]);
    peer_session_wipe(&peer->session);
    free(peer);
}

void peer_net_free_peers(struct peer_net *net)
{
    for (size_t i = 0; i < net->peers_count; i++) peer_close(net->peers[i]);
}

enum tally_err peer_net_add(struct peer_net *net, const struct peer_net_peer *config,
                            struct tally_diag *diag)
{
    struct peer *peer;
    enum tally_err err;

    for (size_t i = 0; i < net->peers_count; i++) {
        peer = net->peers[i];
        if (peer->id != config->id) continue;
        if (memcmp(peer->public_key, config->public_key, sizeof peer->public_key) == 0) {
            atomic_store(&peer->removed, false);
            return TALLY_OK;
        }
        atomic_store(&peer->removed, true); /* a Config that was taken back had another one */
    }
    if (net->peers_count == PEER_NET_PEERS_MAX) {
        tally_diag_set(diag, "too many members came and went: restart this node");
        return TALLY_E_BUSY;
    }
    peer = calloc(1, sizeof *peer);
    if (peer == NULL) return TALLY_E_NO_MEMORY;
    err = peer_open(net, peer, config, diag);
    if (err != TALLY_OK) {
        peer_close(peer);
        return err;
    }
    net->peers[net->peers_count] = peer; /* before the count: other threads look */
    atomic_fetch_add(&net->peers_count, 1);
    return TALLY_OK;
}

/* ---- dialing anew ---- */

enum { REDIAL_LOOK_MS = 1000 };

static void *redial(void *context)
{
    struct peer_net *net = context;

    pthread_mutex_lock(&net->lock);
    while (!atomic_load(&net->closing)) {
        const struct timespec until = clock_deadline(REDIAL_LOOK_MS);
        (void)pthread_cond_timedwait(&net->close, &net->lock, &until);
        for (size_t i = 0; i < net->peers_count && !atomic_load(&net->closing); i++) {
            struct peer *peer = net->peers[i];
            if (atomic_load(&peer->removed)) continue;
            const bool silent = peer->silent;
            pthread_mutex_unlock(&net->lock);
            for (size_t channel = 0; channel < PEER_CHANNELS; channel++) {
                const uint64_t now_ms = clock_monotonic_ms();
                atomic_store(&net->redial_ms, now_ms);
                outlet_redial(peer->outlets[channel], silent, now_ms);
                atomic_store(&net->redial_ms, 0);
            }
            pthread_mutex_lock(&net->lock);
        }
    }
    pthread_mutex_unlock(&net->lock);
    return NULL;
}

enum tally_err peer_net_redialer_start(struct peer_net *net)
{
    if (pthread_create(&net->redialer, NULL, redial, net) != 0) return TALLY_E_NO_MEMORY;
    net->redialing = true;
    return TALLY_OK;
}

void peer_net_redialer_stop(struct peer_net *net)
{
    if (!net->redialing) return;
    pthread_mutex_lock(&net->lock);
    pthread_cond_signal(&net->close);
    pthread_mutex_unlock(&net->lock);
    (void)pthread_join(net->redialer, NULL);
}

struct peer *peer_net_find(struct peer_net *net, uint32_t id)
{
    for (size_t i = 0; i < net->peers_count; i++) {
        struct peer *peer = net->peers[i];
        if (peer->id == id && !atomic_load(&peer->removed)) return peer;
    }
    return NULL;
}

void peer_net_remove(struct peer_net *net, uint32_t id)
{
    struct peer *peer = peer_net_find(net, id);

    if (peer != NULL) atomic_store(&peer->removed, true);
}
