#include "support/fake_node.h"

#include <check.h>
#include <string.h>

#include "client/rpc.h"

static void reply(struct client_request *request, const struct rpc_response *response)
{
    struct buffer *bytes = NULL;

    ck_assert_int_eq(rpc_response_encode(response, &bytes, NULL), TALLY_OK);
    client_net_reply(request, buffer_bytes(bytes));
    buffer_release(bytes);
}

static void reply_error(struct client_request *request, enum tally_err code, const char *leader)
{
    struct buffer *bytes = rpc_error_encode(code, "the node says why", leader);

    ck_assert_ptr_nonnull(bytes);
    client_net_reply(request, buffer_bytes(bytes));
    buffer_release(bytes);
}

static void answer(struct client_request *request)
{
    static const uint8_t bytes[] = "payload";
    static const struct tally_bytes payload = {bytes, sizeof bytes};
    static const struct tally_outcome outcome = {.index = 7, .time_ms = 8, .allowed = true};
    struct rpc_response response = {.code = TALLY_OK};
    struct rpc_request asked;
    struct arena *arena = NULL;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    const enum tally_err err =
        rpc_request_decode(client_request_bytes(request), arena, &asked, NULL);
    if (err != TALLY_OK) {
        reply_error(request, err, NULL);
        arena_close(arena);
        return;
    }
    response.kind = asked.kind;
    switch (asked.kind) {
    case RPC_NONE:
    case RPC_TRANSFER:
        break;
    case RPC_APPEND:
        response.append.outcomes = &outcome;
        response.append.outcomes_count = 1;
        if (asked.append.ack == TALLY_ACK_PROOF) {
            response.append.proofs = &payload;
            response.append.proofs_count = 1;
        }
        break;
    case RPC_GET:
        response.get = (struct tally_get_result){asked.get.index, payload, 9};
        if (asked.get.by_hash) response.get.index = asked.get.event_hash[0];
        break;
    case RPC_LOG:
        response.log = (struct tally_log_result){&payload, 1, asked.log.from + 1, 9};
        break;
    case RPC_PROVE:
        response.prove.proof = payload;
        break;
    case RPC_STATUS:
        response.status.records = 9;
        break;
    case RPC_KEY:
        memcpy(response.key.public_key, asked.key_id, 32);
        break;
    case RPC_SUBJECT:
        response.subject.events = strlen(asked.subject);
        break;
    }
    reply(request, &response);
    arena_close(arena);
}

static void hold(struct fake_node *node, struct client_request *request)
{
    pthread_mutex_lock(&node->lock);
    ck_assert_uint_lt(node->held_count, FAKE_HELD_MAX);
    node->held[node->held_count++] = request;
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

static void remember(struct fake_node *node, struct bytes bytes)
{
    pthread_mutex_lock(&node->lock);
    if (node->first_size == 0 && bytes.size <= sizeof node->first) {
        memcpy(node->first, bytes.data, bytes.size);
        node->first_size = bytes.size;
    } else if (!bytes_equal(bytes, bytes_of(node->first, node->first_size))) {
        node->different = true;
    }
    pthread_mutex_unlock(&node->lock);
}

static void on_request(void *context, struct client_request *request)
{
    struct fake_node *node = context;
    const size_t number = atomic_fetch_add(&node->requests, 1);
    const size_t at = number < node->script_count ? number : node->script_count - 1;
    const struct rpc_response other = {.kind = RPC_PROVE};

    remember(node, client_request_bytes(request));
    switch (node->script[at]) {
    case FAKE_ANSWER:
        answer(request);
        break;
    case FAKE_BUSY:
        reply_error(request, TALLY_E_BUSY, NULL);
        break;
    case FAKE_TIMEOUT:
        reply_error(request, TALLY_E_TIMEOUT, NULL);
        break;
    case FAKE_NOT_LEADER:
        reply_error(request, TALLY_E_NOT_LEADER, node->leader);
        break;
    case FAKE_UNKNOWN_KEY:
        reply_error(request, TALLY_E_UNKNOWN_KEY, NULL);
        break;
    case FAKE_GARBAGE:
        client_net_reply(request, bytes_of("\xff\xff", 2));
        break;
    case FAKE_OTHER:
        reply(request, &other);
        break;
    case FAKE_HOLD:
        hold(node, request);
        break;
    }
}

void fake_node_open(struct fake_node *node, unsigned host, unsigned port,
                    const struct endpoints_files *cert, uint32_t contexts)
{
    struct client_net_config config = {
        .contexts = contexts, .on_request = on_request, .context = node};
    struct tally_diag diag = {""};

    endpoints_url(cert != NULL ? "tls+tcp://" : "tcp://", host, port, node->url,
                  sizeof node->url);
    config.listen_url = node->url;
    if (cert != NULL) config.tls = (struct net_tls){cert->cert, cert->key, NULL};
    (void)pthread_mutex_init(&node->lock, NULL);
    (void)pthread_cond_init(&node->changed, NULL);
    const enum tally_err err = client_net_open(&config, &node->net, &diag);
    ck_assert_msg(err == TALLY_OK, "%s: %s", tally_err_text(err), diag.text);
    ck_assert_uint_eq(client_net_port(node->net), port);
}

void fake_node_close(struct fake_node *node)
{
    client_net_close(node->net);
    node->net = NULL;
    (void)pthread_mutex_destroy(&node->lock);
    (void)pthread_cond_destroy(&node->changed);
}

void fake_node_wait_held(struct fake_node *node, size_t count)
{
    pthread_mutex_lock(&node->lock);
    while (node->held_count < count) pthread_cond_wait(&node->changed, &node->lock);
    pthread_mutex_unlock(&node->lock);
}

void fake_node_release(struct fake_node *node)
{
    pthread_mutex_lock(&node->lock);
    const size_t count = node->held_count;
    struct client_request *held[FAKE_HELD_MAX];
    memcpy(held, node->held, sizeof held);
    node->held_count = 0;
    pthread_mutex_unlock(&node->lock);
    for (size_t i = count; i > 0; i--) answer(held[i - 1]); /* the last one first */
}
