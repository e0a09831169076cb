#include "net/listener.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "client/wire.h"

enum { RETRY_MS = 100, RETRIES_MAX = 50 }; /* until the old listener has left the address */

struct listener {
    uint32_t socket_id;
    uint32_t listener_id; /* 0: none at the moment */
    nng_socket probe;
    char url[LIMIT_URL_SIZE + 8];      /* with the real port */
    char self_url[LIMIT_URL_SIZE + 8]; /* the same as seen from here */
    char *cert_file, *key_file, *ca_file;
    pthread_t thread;
    bool running;
    atomic_uint_fast64_t busy_ms; /* since when the watch is inside NNG; 0: it is not */

    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    uint64_t accepted; /* connections */
    uint64_t revived;
    bool stopping;
};

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct listener *listener = context;

    (void)pipe;
    (void)event;
    pthread_mutex_lock(&listener->lock);
    listener->accepted++;
    pthread_cond_signal(&listener->changed);
    pthread_mutex_unlock(&listener->lock);
}

/* Under the lock: wait until more than `accepted` connections came, or `ms` passed. */
static void wait_ms(struct listener *listener, uint64_t accepted, uint64_t ms)
{
    const struct timespec until = clock_deadline(ms);

    while (!listener->stopping && listener->accepted <= accepted)
        if (pthread_cond_timedwait(&listener->changed, &listener->lock, &until) != 0) return;
}

/* Under the lock, which is left meanwhile: does a connection of our own arrive? */
static bool probe(struct listener *listener, const struct wire_tls *tls)
{
    const uint64_t before = listener->accepted;
    uint32_t dialer = 0;

    pthread_mutex_unlock(&listener->lock);
    const enum tally_err err = wire_dial_self((uint32_t)nng_socket_id(listener->probe),
                                              listener->self_url, tls, &dialer);
    pthread_mutex_lock(&listener->lock);
    if (err != TALLY_OK) return true; /* that says nothing about the listener */
    wait_ms(listener, before, LISTENER_PROBE_MS);
    const bool arrived = listener->accepted > before || listener->stopping;
    pthread_mutex_unlock(&listener->lock);
    atomic_store(&listener->busy_ms, clock_monotonic_ms());
    wire_hang_up(dialer);
    atomic_store(&listener->busy_ms, 0);
    pthread_mutex_lock(&listener->lock);
    return arrived;
}

/* Under the lock, which is left meanwhile. */
static void listen_anew(struct listener *listener, const struct wire_tls *tls)
{
    uint16_t port;
    enum tally_err err = TALLY_E_IO;

    listener->revived++;
    for (int i = 0; i < RETRIES_MAX && err != TALLY_OK && !listener->stopping; i++) {
        pthread_mutex_unlock(&listener->lock);
        atomic_store(&listener->busy_ms, clock_monotonic_ms());
        if (listener->listener_id != 0) wire_listen_end(listener->listener_id);
        atomic_store(&listener->busy_ms, 0);
        listener->listener_id = 0;
        err = wire_listen(listener->socket_id, listener->url, tls, &port,
                          &listener->listener_id, NULL);
        pthread_mutex_lock(&listener->lock);
        if (err != TALLY_OK) wait_ms(listener, listener->accepted, RETRY_MS);
    }
}

static void *watch(void *context)
{
    struct listener *listener = context;
    const struct wire_tls tls = {listener->cert_file, listener->key_file, listener->ca_file};
    uint64_t pause_ms = LISTENER_PROBE_MS;

    pthread_mutex_lock(&listener->lock);
    while (!listener->stopping) {
        const uint64_t before = listener->accepted;
        wait_ms(listener, UINT64_MAX, pause_ms);
        if (listener->stopping) break;
        if (listener->accepted > before || probe(listener, &tls)) {
            pause_ms = LISTENER_PROBE_MS;
            continue;
        }
        listen_anew(listener, &tls);
        pause_ms = pause_ms * 2 < LISTENER_PAUSE_MS_MAX ? pause_ms * 2 : LISTENER_PAUSE_MS_MAX;
    }
    pthread_mutex_unlock(&listener->lock);
    return NULL;
}

/* How we reach what listens on `url`: a wildcard address is the loopback's. */
static void fill_urls(struct listener *listener, const char *url, uint16_t port)
{
    const char *host = strstr(url, "://") + 3;
    const char *colon = strrchr(url, ':');
    const int scheme_size = (int)(host - url), host_size = (int)(colon - host);
    const bool any =
        host_size == 0 || strncmp(host, "*:", 2) == 0 || strncmp(host, "0.0.0.0:", 8) == 0;
    const bool any6 = strncmp(host, "[::]:", 5) == 0;

    (void)snprintf(listener->url, sizeof listener->url, "%.*s:%u", scheme_size + host_size, url,
                   (unsigned)port);
    if (any || any6)
        (void)snprintf(listener->self_url, sizeof listener->self_url, "%.*s%s:%u", scheme_size,
                       url, any ? "127.0.0.1" : "[::1]", (unsigned)port);
    else
        memcpy(listener->self_url, listener->url, sizeof listener->self_url);
}

static bool copy_text(const char *from, char **to)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from == NULL || *to != NULL;
}

static void init(struct listener *listener, uint32_t socket_id)
{
    listener->socket_id = socket_id;
    (void)pthread_mutex_init(&listener->lock, NULL);
    clock_condition_init(&listener->changed);
}

enum tally_err listener_open(uint32_t socket_id, enum listener_protocol protocol,
                             const char *url, const struct net_tls *tls, uint16_t *ret_port,
                             struct listener **ret_listener, struct tally_diag *diag)
{
    const struct wire_tls files = {tls->cert_file, tls->key_file, tls->ca_file};
    const nng_socket socket = {.id = socket_id};
    struct listener *listener = calloc(1, sizeof *listener);
    uint16_t port = 0;
    enum tally_err err = TALLY_E_NO_MEMORY;
    int rv = 0;

    *ret_listener = listener;
    if (listener == NULL) return TALLY_E_NO_MEMORY;
    init(listener, socket_id);
    if (copy_text(tls->cert_file, &listener->cert_file) &&
        copy_text(tls->key_file, &listener->key_file) &&
        copy_text(tls->ca_file, &listener->ca_file))
        err = wire_url_check(url, diag);
    if (err == TALLY_OK) {
        rv = protocol == LISTENER_PULL ? nng_push0_open(&listener->probe)
                                       : nng_req0_open(&listener->probe);
        if (rv == 0) rv = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, on_pipe, listener);
        if (rv != 0) err = rv == NNG_ENOMEM ? TALLY_E_NO_MEMORY : TALLY_E_IO;
    }
    if (err == TALLY_OK)
        err = wire_listen(socket_id, url, &files, &port, &listener->listener_id, diag);
    if (err == TALLY_OK) {
        fill_urls(listener, url, port);
        listener->running = pthread_create(&listener->thread, NULL, watch, listener) == 0;
        if (!listener->running) err = TALLY_E_NO_MEMORY;
    }
    *ret_port = port;
    return err;
}

void listener_stop(struct listener *listener)
{
    if (listener == NULL || !listener->running) return;
    pthread_mutex_lock(&listener->lock);
    listener->stopping = true;
    pthread_cond_signal(&listener->changed);
    pthread_mutex_unlock(&listener->lock);
    (void)pthread_join(listener->thread, NULL);
    listener->running = false;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL) return;
    listener_stop(listener);
    if (nng_socket_id(listener->probe) > 0) (void)nng_close(listener->probe);
    free(listener->cert_file);
    free(listener->key_file);
    free(listener->ca_file);
    (void)pthread_cond_destroy(&listener->changed);
    (void)pthread_mutex_destroy(&listener->lock);
    free(listener);
}

bool listener_stuck(const struct listener *listener, uint64_t now_ms)
{
    const uint64_t busy_ms = atomic_load(&listener->busy_ms);

    return busy_ms != 0 && now_ms > busy_ms + LISTENER_STUCK_MS;
}

uint64_t listener_revived(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    const uint64_t revived = listener->revived;
    pthread_mutex_unlock(&listener->lock);
    return revived;
}
