#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/client.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "client/perform.h"
#include "client/rpc.h"
#include "client/wire.h"

/* Design notes
 * - One req socket for each node, opened at first use and kept: its dialer reconnects by
 * itself. NNG's own resending is off (it would send twice without our knowing).
 * - An attempt is *unsent* (no connection), *unknown* (sent, no usable answer) or answered.
 * Once an attempt was unknown, a call can end with a node's final answer or with
 * TALLY_E_TIMEOUT; it can no longer say that nothing happened.
 * - A leader's URL that a node names is used only with the scheme of the given ones, so that no
 *   answer can lead from tls+tcp to tcp. */

enum {
    NODES_MAX = 32,
    TIMEOUT_MS_DEFAULT = 30 * 1000,
    CONNECT_MS_FIRST = 400, /* patience with a connection, doubled after each round */
    CONNECT_MS_MAX = 5000,
    HANG_UP_MS_MIN = 1600, /* after so much patience a connection is tried anew */
    ATTEMPT_MS_MIN = 1000, /* patience with an answer: see client_attempt_ms */
    PAUSE_MS_FIRST = 10,
    PAUSE_MS_MAX = 250,
    RECONNECT_MS_MIN = 20,
    RECONNECT_MS_MAX = 500,
};

struct node {
    char url[LIMIT_URL_SIZE + 1];
    nng_socket socket;
    bool open;
    uint32_t dialer; /* 0: none */
};

struct tally_client {
    struct node nodes[NODES_MAX];
    size_t nodes_count;
    size_t current; /* where the next request goes */
    char *ca_file;
    uint32_t timeout_ms;
    bool fresh;
};

/* A call under way. */
struct call {
    struct tally_client *client;
    const struct rpc_request *request;
    struct buffer *bytes;
    uint64_t deadline_ms;
    uint32_t attempt_ms;
    uint32_t connect_ms;
    uint32_t pause_ms;
    bool straight;  /* a leader was named for the first time: go there without a pause */
    bool named;     /* a leader was named before */
    bool unknown;   /* an attempt may have been carried out */
    bool busy;      /* the last answer was TALLY_E_BUSY */
    char last[160]; /* why the last attempt was not the end */
};

static void pause_ms(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000),
                                  .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&time, NULL);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- opening and closing ---- */

static enum tally_err add_url(struct tally_client *client, const char *url, size_t size,
                              struct tally_diag *diag)
{
    struct node *node = &client->nodes[client->nodes_count];

    if (client->nodes_count == NODES_MAX || size > LIMIT_URL_SIZE) {
        tally_diag_set(diag, "more than %d URLs, or one of more than %d characters", NODES_MAX,
                       LIMIT_URL_SIZE);
        return TALLY_E_INVALID;
    }
    memcpy(node->url, url, size);
    node->url[size] = '\0';
    const enum tally_err err = wire_url_check(node->url, diag);
    if (err != TALLY_OK) return err;
    if (wire_url_tls(node->url) != wire_url_tls(client->nodes[0].url)) {
        tally_diag_set(diag, "%.80s: all URLs have the same scheme", node->url);
        return TALLY_E_INVALID;
    }
    client->nodes_count++;
    return TALLY_OK;
}

static enum tally_err add_urls(struct tally_client *client, const char *urls,
                               struct tally_diag *diag)
{
    for (const char *at = urls;; at++) {
        const size_t size = strcspn(at, ",");
        const enum tally_err err = add_url(client, at, size, diag);
        if (err != TALLY_OK) return err;
        at += size;
        if (*at == '\0') return TALLY_OK;
    }
}

static enum tally_err socket_open(struct node *node, struct tally_diag *diag)
{
    int rv = nng_req0_open(&node->socket);

    if (rv == 0) {
        node->open = true;
        rv = nng_socket_set_ms(node->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    }
    if (rv == 0)
        rv = nng_socket_set_size(node->socket, NNG_OPT_RECVMAXSZ,
                                 LIMIT_RESPONSE_SIZE + WIRE_HEADER_MAX);
    if (rv == 0) rv = nng_socket_set_ms(node->socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    if (rv == 0) rv = nng_socket_set_ms(node->socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    if (rv == 0) return TALLY_OK;
    tally_diag_set(diag, "cannot open a socket: %s", nng_strerror(rv));
    return rv == NNG_ENOMEM ? TALLY_E_NO_MEMORY : TALLY_E_IO;
}

static enum tally_err node_open(struct tally_client *client, struct node *node,
                                struct tally_diag *diag)
{
    const struct wire_tls tls = {.ca_file = client->ca_file};
    enum tally_err err = node->open ? TALLY_OK : socket_open(node, diag);

    if (err == TALLY_OK && node->dialer == 0)
        err = wire_dial((uint32_t)nng_socket_id(node->socket), node->url, &tls, &node->dialer,
                        diag);
    return err;
}

/* The connection, or the attempt at one, may be dead without NNG knowing: begin anew. */
static void node_hang_up(struct node *node)
{
    if (node->dialer != 0) wire_hang_up(node->dialer);
    node->dialer = 0;
}

static enum tally_err options_check(const struct tally_client_options *options,
                                    struct tally_diag *diag)
{
    if (options == NULL || options->urls == NULL) {
        tally_diag_set(diag, "no URL of a node is given");
        return TALLY_E_INVALID;
    }
    if (options->timeout_ms > RPC_TIMEOUT_MS_MAX) {
        tally_diag_set(diag, "timeout over %d ms", RPC_TIMEOUT_MS_MAX);
        return TALLY_E_INVALID;
    }
    return TALLY_OK;
}

enum tally_err tally_client_open(const struct tally_client_options *options,
                                 struct tally_client **ret_client, struct tally_diag *diag)
{
    enum tally_err err = options_check(options, diag);
    struct tally_client *client = err == TALLY_OK ? calloc(1, sizeof *client) : NULL;

    if (err != TALLY_OK) return err;
    if (client == NULL) return TALLY_E_NO_MEMORY;
    client->fresh = options->fresh;
    client->timeout_ms = options->timeout_ms == 0 ? TIMEOUT_MS_DEFAULT : options->timeout_ms;
    if (options->ca_file != NULL) {
        client->ca_file = strdup(options->ca_file);
        if (client->ca_file == NULL) err = TALLY_E_NO_MEMORY;
    }
    if (err == TALLY_OK) err = add_urls(client, options->urls, diag);
    /* The first one now: a certificate file that cannot be used is told here. */
    if (err == TALLY_OK) err = node_open(client, &client->nodes[0], diag);
    if (err != TALLY_OK) {
        tally_client_close(client);
        return err;
    }
    *ret_client = client;
    return TALLY_OK;
}

void tally_client_close(struct tally_client *client)
{
    if (client == NULL) return;
    for (size_t i = 0; i < NODES_MAX; i++)
        if (client->nodes[i].open) (void)nng_close(client->nodes[i].socket);
    free(client->ca_file);
    free(client);
}

/* ---- results ---- */

static enum tally_err result_new(struct bytes bytes, struct result **ret_result,
                                 struct tally_diag *diag)
{
    struct arena *arena = NULL;
    struct result *result = NULL;
    enum tally_err err = arena_open(0, &arena);

    if (err != TALLY_OK) return err;
    result = arena_alloc(arena, sizeof *result);
    err = result == NULL ? TALLY_E_NO_MEMORY
                         : rpc_response_decode(bytes, arena, &result->response, diag);
    if (err != TALLY_OK) {
        arena_close(arena);
        return err;
    }
    result->arena = arena;
    *ret_result = result;
    return TALLY_OK;
}

static void result_free(struct result *result)
{
    if (result != NULL) arena_close(result->arena); /* with `result` itself */
}

void tally_client_result_free(const void *public_result)
{
    /* Every public struct is a member of the same union. */
    enum { AT = offsetof(struct result, response.append) };
    if (public_result == NULL) return;
    result_free((struct result *)(uintptr_t)((const char *)public_result - AT));
}

/* ---- one attempt ---- */

static void set_last(struct call *call, const char *url, const char *why)
{
    (void)snprintf(call->last, sizeof call->last, "%.70s: %.80s", url, why);
}

/* Send the request to `node` and wait for bytes. True: `*ret_message` is to be freed. */
static bool exchange(struct call *call, struct node *node, nng_msg **ret_message)
{
    const uint64_t now = clock_monotonic_ms();
    const uint64_t left_ms = now < call->deadline_ms ? call->deadline_ms - now : 1;
    nng_msg *message = NULL;
    int rv = nng_msg_alloc(&message, call->bytes->size);

    if (rv == 0) {
        memcpy(nng_msg_body(message), call->bytes->data, call->bytes->size);
        (void)nng_socket_set_ms(node->socket, NNG_OPT_SENDTIMEO,
                                (nng_duration)min_u64(call->connect_ms, left_ms));
        (void)nng_socket_set_ms(node->socket, NNG_OPT_RECVTIMEO,
                                (nng_duration)min_u64(call->attempt_ms, left_ms));
        rv = nng_sendmsg(node->socket, message, 0);
        if (rv != 0) nng_msg_free(message);
    }
    if (rv == NNG_ETIMEDOUT && call->connect_ms >= HANG_UP_MS_MIN) node_hang_up(node);
    if (rv != 0) {
        set_last(call, node->url, rv == NNG_ETIMEDOUT ? "no connection" : nng_strerror(rv));
        return false;
    }
    call->unknown = true; /* until its answer says otherwise */
    rv = nng_recvmsg(node->socket, ret_message, 0);
    if (rv == NNG_ETIMEDOUT) node_hang_up(node);
    if (rv != 0) {
        set_last(call, node->url, rv == NNG_ETIMEDOUT ? "no answer" : nng_strerror(rv));
        return false;
    }
    return true;
}

static void rotate(struct tally_client *client)
{
    ASSERT(client->nodes_count > 0);
    client->current = (client->current + 1) % client->nodes_count;
}

/* Turn to the leader that a node named, or to the next node. */
static void follow(struct call *call, const char *leader_url)
{
    struct tally_client *client = call->client;

    call->straight = !call->named;
    call->named = true;
    for (size_t i = 0; i < client->nodes_count; i++) {
        if (strcmp(client->nodes[i].url, leader_url) != 0) continue;
        if (i == client->current) break; /* it names itself: it does not know better */
        client->current = i;
        return;
    }
    if (leader_url[0] != '\0' && strcmp(client->nodes[client->current].url, leader_url) != 0 &&
        add_url(client, leader_url, strlen(leader_url), NULL) == TALLY_OK) {
        client->current = client->nodes_count - 1;
        return;
    }
    call->straight = false; /* nobody knows */
    rotate(client);
}

/* Take an answer. True: the call is over, with *ret_err. */
static bool take_answer(struct call *call, bool unknown_before, const struct result *result,
                        enum tally_err *ret_err, struct tally_diag *diag)
{
    const struct rpc_response *response = &result->response;
    struct tally_client *client = call->client;

    set_last(call, client->nodes[client->current].url,
             response->message[0] != '\0' ? response->message : tally_err_text(response->code));
    call->busy = response->code == TALLY_E_BUSY;
    switch (response->code) {
    case TALLY_OK:
        if (response->kind != call->request->kind) {
            set_last(call, client->nodes[client->current].url, "answers another request");
            rotate(client);
            return false;
        }
        *ret_err = TALLY_OK;
        return true;
    case TALLY_E_NOT_LEADER:
        call->unknown = unknown_before;
        follow(call, response->leader_url);
        return false;
    case TALLY_E_BUSY:
        /* Another one may be less so, or names the leader again. */
        call->unknown = unknown_before;
        rotate(client);
        return false;
    case TALLY_E_TIMEOUT:
        rotate(client);
        return false;
    default:
        *ret_err = response->code;
        tally_diag_set(diag, "%s", response->message);
        return true;
    }
}

/* One request and what came of it. True: the call is over, with *ret_err. */
static bool attempt(struct call *call, struct result **ret_result, enum tally_err *ret_err,
                    struct tally_diag *diag)
{
    struct tally_client *client = call->client;
    struct node *node = &client->nodes[client->current];
    const bool unknown_before = call->unknown;
    struct result *result = NULL;
    nng_msg *message = NULL;

    call->busy = false;
    enum tally_err err = node_open(client, node, diag);
    if (err != TALLY_OK) {
        *ret_err = err;
        return true;
    }
    if (!exchange(call, node, &message)) {
        rotate(client);
        if (client->current == 0 && call->connect_ms < CONNECT_MS_MAX) call->connect_ms *= 2;
        return false;
    }
    err = result_new(bytes_of(nng_msg_body(message), nng_msg_len(message)), &result, NULL);
    nng_msg_free(message);
    if (err != TALLY_OK) {
        set_last(call, node->url, "the answer does not decode");
        rotate(client);
        return false;
    }
    const bool over = take_answer(call, unknown_before, result, ret_err, diag);
    if (over && *ret_err == TALLY_OK)
        *ret_result = result;
    else
        result_free(result);
    return over;
}

/* ---- a call ---- */

uint32_t client_attempt_ms(const struct tally_client *client)
{
    const uint32_t quarter = client->timeout_ms / 4;

    return quarter < ATTEMPT_MS_MIN ? ATTEMPT_MS_MIN : quarter;
}

static enum tally_err give_up(const struct call *call, struct tally_diag *diag)
{
    const char *what = call->busy && !call->unknown ? "busy until the deadline"
                       : call->request->kind == RPC_APPEND && call->unknown
                           ? "outcome unknown: send the same bytes again"
                           : "no answer before the deadline";

    tally_diag_set(diag, "%s (%s)", what, call->last);
    return call->busy && !call->unknown ? TALLY_E_BUSY : TALLY_E_TIMEOUT;
}

enum tally_err client_perform(struct tally_client *client, const struct rpc_request *request,
                              uint32_t wait_ms, struct result **ret_result,
                              struct tally_diag *diag)
{
    struct call call = {
        .client = client,
        .request = request,
        .deadline_ms = clock_monotonic_ms() + client->timeout_ms + wait_ms,
        .connect_ms = CONNECT_MS_FIRST,
        .pause_ms = PAUSE_MS_FIRST,
    };
    struct rpc_request asked = *request;
    asked.fresh = client->fresh && (request->kind == RPC_GET || request->kind == RPC_LOG ||
                                    request->kind == RPC_KEY || request->kind == RPC_SUBJECT);
    enum tally_err err = rpc_request_encode(&asked, &call.bytes, diag);

    if (err != TALLY_OK) return err;
    call.attempt_ms = wait_ms + client_attempt_ms(client);
    while (!attempt(&call, ret_result, &err, diag)) {
        const uint64_t now = clock_monotonic_ms();
        if (now >= call.deadline_ms) {
            err = give_up(&call, diag);
            break;
        }
        if (call.straight) {
            call.straight = false;
            continue;
        }
        pause_ms(min_u64(call.pause_ms, call.deadline_ms - now));
        if (call.pause_ms < PAUSE_MS_MAX) call.pause_ms *= 2;
        if (clock_monotonic_ms() >= call.deadline_ms) {
            err = give_up(&call, diag);
            break;
        }
    }
    buffer_release(call.bytes);
    return err;
}
