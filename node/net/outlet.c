#include "net/outlet.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/push.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum {
    RECONNECT_MS_MIN = 20,
    RECONNECT_MS_MAX = 250,
    SEND_TIMEOUT_MS = 2000, /* a frame that waited so long for the connection is dropped */
};

struct outlet {
    nng_socket socket;
    nng_aio *aio;
    char *url, *cert_file, *key_file, *ca_file; /* the last three may be NULL */
    uint32_t dialer;                            /* 0: none; of the redialing thread */
    uint64_t dialed_ms;                         /* as dialer */
    size_t frames_max, size_max;
    void (*on_connect)(void *context);
    void *context;

    pthread_mutex_t lock; /* of everything below */
    nng_msg **ring;       /* frames_max places */
    size_t head, count;   /* first frame that waits, and how many do */
    size_t size;          /* bytes that wait */
    uint32_t pipes;       /* connections that stand */
    bool sending;         /* `aio` is in use */
    bool closing;
};

/* Take the next frame to send and mark the stream busy; NULL when there is none. */
static nng_msg *take_next(struct outlet *outlet)
{
    nng_msg *frame = NULL;

    pthread_mutex_lock(&outlet->lock);
    outlet->sending = false;
    if (outlet->count > 0 && !outlet->closing) {
        frame = outlet->ring[outlet->head];
        outlet->head = (outlet->head + 1) % outlet->frames_max;
        outlet->count--;
        outlet->size -= nng_msg_len(frame);
        outlet->sending = true;
    }
    pthread_mutex_unlock(&outlet->lock);
    return frame;
}

static void start(struct outlet *outlet, nng_msg *frame)
{
    nng_aio_set_msg(outlet->aio, frame);
    nng_aio_set_timeout(outlet->aio, SEND_TIMEOUT_MS);
    nng_send_aio(outlet->socket, outlet->aio);
}

static void on_sent(void *context)
{
    struct outlet *outlet = context;

    if (nng_aio_result(outlet->aio) != 0) {
        nng_msg_free(nng_aio_get_msg(outlet->aio));
        nng_aio_set_msg(outlet->aio, NULL);
    }
    nng_msg *frame = take_next(outlet);
    if (frame != NULL) start(outlet, frame);
}

static void ring_clear(struct outlet *outlet)
{
    for (size_t i = 0; i < outlet->count; i++)
        nng_msg_free(outlet->ring[(outlet->head + i) % outlet->frames_max]);
    outlet->count = 0;
    outlet->size = 0;
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct outlet *outlet = context;

    (void)pipe;
    pthread_mutex_lock(&outlet->lock);
    if (event == NNG_PIPE_EV_ADD_POST) {
        outlet->pipes++;
    } else if (outlet->pipes > 0) {
        outlet->pipes--;
        if (outlet->pipes == 0) ring_clear(outlet);
    }
    const bool closing = outlet->closing;
    pthread_mutex_unlock(&outlet->lock);
    if (event == NNG_PIPE_EV_ADD_POST && !closing) outlet->on_connect(outlet->context);
}

static enum tally_err socket_open(struct outlet *outlet, struct tally_diag *diag)
{
    int rv = nng_push0_open(&outlet->socket);

    if (rv == 0) rv = nng_aio_alloc(&outlet->aio, on_sent, outlet);
    if (rv == 0) rv = nng_socket_set_ms(outlet->socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    if (rv == 0) rv = nng_socket_set_ms(outlet->socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    if (rv == 0) rv = nng_pipe_notify(outlet->socket, NNG_PIPE_EV_ADD_POST, on_pipe, outlet);
    if (rv == 0) rv = nng_pipe_notify(outlet->socket, NNG_PIPE_EV_REM_POST, on_pipe, outlet);
    if (rv != 0) {
        tally_diag_set(diag, "cannot prepare to dial %.120s: %s", outlet->url,
                       nng_strerror(rv));
        return rv == NNG_ENOMEM ? TALLY_E_NO_MEMORY : TALLY_E_IO;
    }
    return TALLY_OK;
}

static enum tally_err dial(struct outlet *outlet, uint64_t now_ms, struct tally_diag *diag)
{
    const struct wire_tls tls = {outlet->cert_file, outlet->key_file, outlet->ca_file};

    outlet->dialed_ms = now_ms;
    return wire_dial((uint32_t)nng_socket_id(outlet->socket), outlet->url, &tls,
                     &outlet->dialer, diag);
}

void outlet_redial(struct outlet *outlet, bool stale, uint64_t now_ms)
{
    if (now_ms < outlet->dialed_ms + OUTLET_REDIAL_MS) return;
    pthread_mutex_lock(&outlet->lock);
    const bool connected = outlet->pipes > 0;
    pthread_mutex_unlock(&outlet->lock);
    if (connected && !stale) return;
    if (outlet->dialer != 0) wire_hang_up(outlet->dialer);
    outlet->dialer = 0;
    /* What can fail now are files that are being replaced: the next round tries again. */
    if (dial(outlet, now_ms, NULL) != TALLY_OK) outlet->dialer = 0;
}

static bool copy_text(const char *from, char **to)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from == NULL || *to != NULL;
}

enum tally_err outlet_open(const struct outlet_config *config, uint64_t now_ms,
                           struct outlet **ret_outlet, struct tally_diag *diag)
{
    struct outlet *outlet = calloc(1, sizeof *outlet);

    ASSERT(config->frames_max > 0);
    if (outlet == NULL) return TALLY_E_NO_MEMORY;
    (void)pthread_mutex_init(&outlet->lock, NULL);
    outlet->frames_max = config->frames_max;
    outlet->size_max = config->size_max;
    outlet->on_connect = config->on_connect;
    outlet->context = config->context;
    outlet->ring = calloc(config->frames_max, sizeof *outlet->ring);

    enum tally_err err = outlet->ring != NULL && copy_text(config->url, &outlet->url) &&
                                 copy_text(config->tls.cert_file, &outlet->cert_file) &&
                                 copy_text(config->tls.key_file, &outlet->key_file) &&
                                 copy_text(config->tls.ca_file, &outlet->ca_file)
                             ? socket_open(outlet, diag)
                             : TALLY_E_NO_MEMORY;
    if (err == TALLY_OK) err = dial(outlet, now_ms, diag);
    if (err != TALLY_OK) {
        outlet_close(outlet);
        return err;
    }
    *ret_outlet = outlet;
    return TALLY_OK;
}

void outlet_close(struct outlet *outlet)
{
    if (outlet == NULL) return;
    pthread_mutex_lock(&outlet->lock);
    outlet->closing = true; /* on_sent starts nothing more */
    pthread_mutex_unlock(&outlet->lock);

    if (outlet->aio != NULL) nng_aio_stop(outlet->aio);
    if (nng_socket_id(outlet->socket) > 0) (void)nng_close(outlet->socket);
    if (outlet->aio != NULL) nng_aio_free(outlet->aio);
    if (outlet->ring != NULL) ring_clear(outlet);
    free(outlet->ring);
    free(outlet->url);
    free(outlet->cert_file);
    free(outlet->key_file);
    free(outlet->ca_file);
    (void)pthread_mutex_destroy(&outlet->lock);
    free(outlet);
}

/* Under the lock. */
static bool has_room(const struct outlet *outlet, size_t size)
{
    return outlet->pipes > 0 && !outlet->closing && outlet->count < outlet->frames_max &&
           (outlet->count == 0 || outlet->size + size <= outlet->size_max);
}

bool outlet_ready(struct outlet *outlet, size_t size)
{
    pthread_mutex_lock(&outlet->lock);
    const bool ready = has_room(outlet, size);
    pthread_mutex_unlock(&outlet->lock);
    return ready;
}

struct outlet_frame *outlet_frame_new(size_t size, uint8_t **ret_data)
{
    nng_msg *frame = NULL;

    if (nng_msg_alloc(&frame, size) != 0) return NULL;
    *ret_data = nng_msg_body(frame);
    return (struct outlet_frame *)frame;
}

bool outlet_send(struct outlet *outlet, struct outlet_frame *frame)
{
    nng_msg *message = (nng_msg *)frame;
    const size_t size = nng_msg_len(message);
    bool begin = false;

    pthread_mutex_lock(&outlet->lock);
    const bool room = has_room(outlet, size);
    if (room && !outlet->sending) {
        begin = true;
        outlet->sending = true;
    } else if (room) {
        outlet->ring[(outlet->head + outlet->count) % outlet->frames_max] = message;
        outlet->count++;
        outlet->size += size;
    }
    pthread_mutex_unlock(&outlet->lock);

    if (begin) start(outlet, message);
    if (!room) nng_msg_free(message);
    return room;
}
