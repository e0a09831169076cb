/* The client library against nodes that follow a script, over real sockets. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "client/rpc.h"
#include "client/wire.h"
#include "support/check_main.h"
#include "support/endpoints.h"
#include "support/fake_node.h"

static struct endpoints_files certs[2];

static struct tally_client *client_open(const char *urls, const char *ca_file,
                                        uint32_t timeout_ms)
{
    const struct tally_client_options options = {
        .urls = urls, .ca_file = ca_file, .timeout_ms = timeout_ms};
    struct tally_client *client = NULL;
    struct tally_diag diag = {""};
    const enum tally_err err = tally_client_open(&options, &client, &diag);

    ck_assert_msg(err == TALLY_OK, "%s: %s", tally_err_text(err), diag.text);
    return client;
}

static enum tally_err append(struct tally_client *client, struct tally_diag *diag)
{
    const struct tally_append_result *result = NULL;
    const enum tally_err err = tally_client_append(client, (const uint8_t *)"batch", 5,
                                                   TALLY_ACK_COMMITTED, &result, diag);

    if (err == TALLY_OK) {
        ck_assert_uint_eq(result->outcomes_count, 1);
        ck_assert_uint_eq(result->outcomes[0].index, 7);
        ck_assert_uint_eq(result->proofs_count, 0);
    } else {
        ck_assert_ptr_null(result);
    }
    tally_client_result_free(result);
    return err;
}

START_TEST(every_call)
{
    struct fake_node node = {.script = {FAKE_ANSWER}, .script_count = 1};
    const struct tally_log_query query = {.from = 4, .limit = 5, .subject = "model/a"};
    const struct tally_append_result *appended = NULL;
    const struct tally_get_result *got = NULL;
    const struct tally_log_result *log = NULL;
    const struct tally_prove_result *proof = NULL;
    const struct tally_status_result *status = NULL;
    const struct tally_key_result *key = NULL;
    const struct tally_subject_result *subject = NULL;
    uint8_t hash[32];

    memset(hash, 33, sizeof hash);
    fake_node_open(&node, 1, 7001, _i == 1 ? &certs[0] : NULL, 8);
    struct tally_client *client = client_open(node.url, _i == 1 ? certs[0].cert : NULL, 0);
    ck_assert_int_eq(append(client, NULL), TALLY_OK);
    ck_assert_int_eq(tally_client_append(client, hash, 32, TALLY_ACK_PROOF, &appended, NULL),
                     0);
    ck_assert_int_eq(tally_client_get(client, 5, &got, NULL), TALLY_OK);
    ck_assert_uint_eq(got->index, 5);
    ck_assert_str_eq((const char *)got->record.data, "payload");
    tally_client_result_free(got);
    ck_assert_int_eq(tally_client_get_event(client, hash, &got, NULL), TALLY_OK);
    ck_assert_uint_eq(got->index, 33);
    ck_assert_int_eq(tally_client_log(client, &query, &log, NULL), TALLY_OK);
    ck_assert_uint_eq(log->next, 5);
    ck_assert_int_eq(tally_client_prove(client, 1, 2, 3, &proof, NULL), TALLY_OK);
    ck_assert_uint_eq(proof->proof.size, sizeof "payload");
    ck_assert_int_eq(tally_client_status(client, &status, NULL), TALLY_OK);
    ck_assert_uint_eq(status->records, 9);
    ck_assert_int_eq(tally_client_key(client, hash, &key, NULL), TALLY_OK);
    ck_assert_mem_eq(key->public_key, hash, 32);
    ck_assert_int_eq(tally_client_subject(client, "model/a", &subject, NULL), TALLY_OK);
    ck_assert_uint_eq(subject->events, 7);
    tally_client_close(client); /* results outlive it */
    ck_assert_uint_eq(appended->proofs_count, 1);
    tally_client_result_free(appended);
    tally_client_result_free(got);
    tally_client_result_free(log);
    tally_client_result_free(proof);
    tally_client_result_free(status);
    tally_client_result_free(key);
    tally_client_result_free(subject);
    tally_client_result_free(NULL);
    fake_node_close(&node);
}
END_TEST

/* What an append comes to when one node follows a script. */
static const struct {
    const char *name;
    enum fake_act script[FAKE_SCRIPT_MAX];
    size_t script_count;
    enum tally_err want;
    const char *diag; /* is contained */
} scripts[] = {
    {"answered", {FAKE_ANSWER}, 1, TALLY_OK, ""},
    {"busy at first", {FAKE_BUSY, FAKE_BUSY, FAKE_ANSWER}, 3, TALLY_OK, ""},
    {"always busy", {FAKE_BUSY}, 1, TALLY_E_BUSY, "busy"},
    {"election", {FAKE_NOT_LEADER, FAKE_NOT_LEADER, FAKE_ANSWER}, 3, TALLY_OK, ""},
    {"no leader", {FAKE_NOT_LEADER}, 1, TALLY_E_TIMEOUT, "the node says why"},
    {"no quorum", {FAKE_TIMEOUT}, 1, TALLY_E_TIMEOUT, "unknown"},
    {"unknown, then busy", {FAKE_TIMEOUT, FAKE_BUSY}, 2, TALLY_E_TIMEOUT, "unknown"},
    {"unknown, then the result", {FAKE_TIMEOUT, FAKE_ANSWER}, 2, TALLY_OK, ""},
    {"refused", {FAKE_UNKNOWN_KEY}, 1, TALLY_E_UNKNOWN_KEY, "the node says why"},
    {"garbage, then the result", {FAKE_GARBAGE, FAKE_ANSWER}, 2, TALLY_OK, ""},
    {"another answer", {FAKE_OTHER}, 1, TALLY_E_TIMEOUT, "unknown"},
    {"silent at first", {FAKE_HOLD, FAKE_ANSWER}, 2, TALLY_OK, ""},
};

START_TEST(append_by_script)
{
    struct fake_node node = {.script_count = scripts[_i].script_count};
    struct tally_diag diag = {""};

    memcpy(node.script, scripts[_i].script, sizeof node.script);
    fake_node_open(&node, 1, 7100, NULL, 8);
    struct tally_client *client =
        client_open(node.url, NULL, scripts[_i].want == TALLY_OK ? 8000 : 1500);
    const enum tally_err got = append(client, &diag);
    ck_assert_msg(got == scripts[_i].want, "case %s: %s (%s)", scripts[_i].name,
                  tally_err_text(got), diag.text);
    ck_assert_msg(strstr(diag.text, scripts[_i].diag) != NULL, "case %s: '%s'",
                  scripts[_i].name, diag.text);
    ck_assert(!node.different); /* every attempt sent the same bytes */
    tally_client_close(client);
    fake_node_close(&node);
}
END_TEST

START_TEST(the_leader_is_followed_and_remembered)
{
    struct fake_node follower = {.script = {FAKE_NOT_LEADER}, .script_count = 1};
    struct fake_node leader = {.script = {FAKE_ANSWER}, .script_count = 1};

    fake_node_open(&follower, 1, 7200, NULL, 8);
    fake_node_open(&leader, 2, 7200, NULL, 8);
    memcpy(follower.leader, leader.url, sizeof follower.leader);
    struct tally_client *client = client_open(follower.url, NULL, 0); /* knows one of them */
    for (int i = 0; i < 5; i++) ck_assert_int_eq(append(client, NULL), TALLY_OK);
    ck_assert_uint_eq(atomic_load(&follower.requests), 1);
    ck_assert_uint_eq(atomic_load(&leader.requests), 5);
    tally_client_close(client);
    fake_node_close(&follower);
    fake_node_close(&leader);
}
END_TEST

START_TEST(a_busy_node_is_passed_over)
{
    struct fake_node busy = {.script = {FAKE_BUSY}, .script_count = 1};
    struct fake_node node = {.script = {FAKE_ANSWER}, .script_count = 1};
    char urls[160];
    fake_node_open(&busy, 1, 7250, NULL, 8);
    fake_node_open(&node, 2, 7250, NULL, 8);
    (void)snprintf(urls, sizeof urls, "%s,%s", busy.url, node.url);
    struct tally_client *client = client_open(urls, NULL, 0);
    ck_assert_int_eq(append(client, NULL), TALLY_OK);
    tally_client_close(client);
    fake_node_close(&busy);
    fake_node_close(&node);
}
END_TEST

START_TEST(a_dead_node_is_passed_over)
{
    struct fake_node node = {.script = {FAKE_ANSWER}, .script_count = 1};
    char urls[160], dead[64];

    endpoints_url("tcp://", 9, 7300, dead, sizeof dead);
    fake_node_open(&node, 1, 7300, NULL, 8);
    (void)snprintf(urls, sizeof urls, "%s,%s", dead, node.url);
    struct tally_client *client = client_open(urls, NULL, 0);
    ck_assert_int_eq(append(client, NULL), TALLY_OK);
    tally_client_close(client);
    fake_node_close(&node);
}
END_TEST

START_TEST(nobody_there)
{
    struct tally_diag diag = {""};
    char dead[64];

    endpoints_url("tcp://", 9, 7301, dead, sizeof dead);
    struct tally_client *client = client_open(dead, NULL, 300);
    ck_assert_int_eq(append(client, &diag), TALLY_E_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(diag.text, "no connection"));
    tally_client_close(client);
}
END_TEST

struct appender {
    struct tally_client *client;
    enum tally_err err;
};

static void *append_thread(void *context)
{
    struct appender *appender = context;

    appender->err = append(appender->client, NULL);
    return NULL;
}

/* Goal: a node that dies with the request in hand costs nothing but time. */
START_TEST(a_node_that_dies_is_asked_again_when_it_is_back)
{
    struct fake_node node = {.script = {FAKE_HOLD}, .script_count = 1};
    struct fake_node again = {.script = {FAKE_ANSWER}, .script_count = 1};
    struct appender appender = {0};
    pthread_t thread;

    fake_node_open(&node, 1, 7400, NULL, 8);
    appender.client = client_open(node.url, NULL, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, append_thread, &appender), 0);
    fake_node_wait_held(&node, 1);
    fake_node_close(&node);
    fake_node_open(&again, 1, 7400, NULL, 8);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(appender.err, TALLY_OK);
    ck_assert_uint_ge(atomic_load(&again.requests), 1);
    tally_client_close(appender.client);
    fake_node_close(&again);
}
END_TEST

/* Goal: requests wait when every context is held, and none is lost or mixed up. Method: more
 * clients than contexts; the node answers in groups, the last one first. */
START_TEST(more_clients_than_contexts)
{
    enum { CLIENTS = 12, CONTEXTS = 4 };
    struct fake_node node = {.script = {FAKE_HOLD}, .script_count = 1};
    struct appender appenders[CLIENTS] = {0};
    pthread_t threads[CLIENTS];

    fake_node_open(&node, 1, 7500, NULL, CONTEXTS);
    for (int i = 0; i < CLIENTS; i++) {
        appenders[i].client = client_open(node.url, NULL, 200000);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, append_thread, &appenders[i]), 0);
    }
    for (int group = 0; group < CLIENTS / CONTEXTS; group++) {
        fake_node_wait_held(&node, CONTEXTS);
        ck_assert_uint_eq(node.held_count, CONTEXTS);
        fake_node_release(&node);
    }
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(appenders[i].err, TALLY_OK);
        tally_client_close(appenders[i].client);
    }
    ck_assert_uint_eq(atomic_load(&node.requests), CLIENTS);
    fake_node_close(&node);
}
END_TEST

static void *get_thread(void *context)
{
    struct appender *appender = context;

    for (uint64_t i = 0; i < 200 && appender->err == TALLY_OK; i++) {
        const struct tally_get_result *got = NULL;
        appender->err = tally_client_get(appender->client, i, &got, NULL);
        if (appender->err == TALLY_OK && got->index != i) appender->err = TALLY_E_MISMATCH;
        tally_client_result_free(got);
    }
    return NULL;
}

START_TEST(many_at_once)
{
    enum { CLIENTS = 16 };
    struct fake_node node = {.script = {FAKE_ANSWER}, .script_count = 1};
    struct appender clients[CLIENTS] = {0};
    pthread_t threads[CLIENTS];

    fake_node_open(&node, 1, 7600, NULL, 0);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].client = client_open(node.url, NULL, 0);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, get_thread, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(clients[i].err, TALLY_OK);
        tally_client_close(clients[i].client);
    }
    ck_assert_uint_eq(atomic_load(&node.requests), CLIENTS * 200);
    fake_node_close(&node);
}
END_TEST

/* Goal: what no client library of ours would send reaches the node as an error or not at all,
 * and others are served meanwhile. */
START_TEST(oversize_and_garbage)
{
    struct fake_node node = {.script = {FAKE_ANSWER}, .script_count = 1};
    uint8_t *bytes = calloc(1, LIMIT_REQUEST_SIZE + WIRE_HEADER_MAX);
    nng_socket raw;
    nng_msg *message = NULL;

    fake_node_open(&node, 1, 7700, NULL, 8);
    struct tally_client *client = client_open(node.url, NULL, 0);
    ck_assert_int_eq(nng_req0_open(&raw), 0);
    ck_assert_int_eq(nng_socket_set_ms(raw, NNG_OPT_RECVTIMEO, 40000), 0);
    ck_assert_int_eq(nng_socket_set_ms(raw, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), 0);
    ck_assert_int_eq(nng_dial(raw, node.url, NULL, 0), 0);

    ck_assert_int_eq(nng_send(raw, bytes, LIMIT_REQUEST_SIZE + WIRE_HEADER_MAX, 0), 0);
    ck_assert_int_eq(nng_recvmsg(raw, &message, 0), NNG_ECONNRESET);
    ck_assert_uint_eq(atomic_load(&node.requests), 0);
    ck_assert_int_eq(append(client, NULL), TALLY_OK);

    ck_assert_int_eq(nng_send(raw, bytes, LIMIT_REQUEST_SIZE, 0), 0); /* zeros: not a message */
    ck_assert_int_eq(nng_recvmsg(raw, &message, 0), 0);
    struct rpc_response response;
    struct arena *arena = NULL;
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    ck_assert_int_eq(rpc_response_decode(bytes_of(nng_msg_body(message), nng_msg_len(message)),
                                         arena, &response, NULL),
                     TALLY_OK);
    ck_assert_int_eq(response.code, TALLY_E_MALFORMED);
    arena_close(arena);
    nng_msg_free(message);
    ck_assert_int_eq(append(client, NULL), TALLY_OK);
    (void)nng_close(raw);
    free(bytes);
    tally_client_close(client);
    fake_node_close(&node);
}
END_TEST

/* Closed for writing and then reset: NNG's first write meets EPIPE and it accepts no more. */
static void connect_and_vanish(const char *url)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *host = strdup(url + strlen("tcp://"));

    ck_assert_ptr_nonnull(host);
    char *colon = strrchr(host, ':');
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    *colon = '\0';
    ck_assert_int_eq(inet_pton(AF_INET, host, &address.sin_addr), 1);
    free(host);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    /* Refused while the node listens anew. */
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        (void)shutdown(fd, SHUT_WR);
    (void)close(fd);
}

/* Goal: nobody can make a node deaf. Method: connections that end NNG's accepting, until the
 * node had to listen anew (an NNG that does not mind never has to); then a client is served. */
START_TEST(a_deaf_node_hears_again)
{
    struct fake_node node = {.script = {FAKE_ANSWER}, .script_count = 1};

    fake_node_open(&node, 1, 7900, NULL, 8);
    for (int round = 0; round < 8 && client_net_revived(node.net) == 0; round++) {
        for (int i = 0; i < 200; i++) connect_and_vanish(node.url);
        struct tally_client *client = client_open(node.url, NULL, 0);
        ck_assert_int_eq(append(client, NULL), TALLY_OK);
        tally_client_close(client);
    }
    fake_node_close(&node);
}
END_TEST

START_TEST(tls_checks_the_node)
{
    struct fake_node node = {.script = {FAKE_ANSWER}, .script_count = 1};
    struct fake_node plain = {.script = {FAKE_ANSWER}, .script_count = 1};
    struct tally_diag diag = {""};

    fake_node_open(&node, 1, 7800, &certs[0], 8);
    fake_node_open(&plain, 2, 7800, NULL, 8);
    struct tally_client *client = client_open(node.url, certs[1].cert, 500);
    ck_assert_int_eq(append(client, &diag), TALLY_E_TIMEOUT);
    ck_assert_uint_eq(atomic_load(&node.requests), 0);
    tally_client_close(client);

    /* A node cannot lead its clients from tls+tcp to tcp. */
    node.script[0] = FAKE_NOT_LEADER;
    memcpy(node.leader, plain.url, sizeof node.leader);
    client = client_open(node.url, certs[0].cert, 1000);
    ck_assert_int_eq(append(client, &diag), TALLY_E_TIMEOUT);
    ck_assert_uint_ge(atomic_load(&node.requests), 1);
    ck_assert_uint_eq(atomic_load(&plain.requests), 0);
    tally_client_close(client);
    fake_node_close(&node);
    fake_node_close(&plain);
}
END_TEST

static const struct {
    const char *urls, *ca_file;
    uint32_t timeout_ms;
    enum tally_err want;
} options[] = {
    {NULL, NULL, 0, TALLY_E_INVALID},
    {"", NULL, 0, TALLY_E_INVALID},
    {"127.0.0.1:7000", NULL, 0, TALLY_E_INVALID},
    {"http://127.0.0.1:7000", NULL, 0, TALLY_E_INVALID},
    {"ipc:///tmp/x:1", NULL, 0, TALLY_E_INVALID},
    {"tcp://127.0.0.1", NULL, 0, TALLY_E_INVALID},
    {"tcp://127.0.0.1:7000,", NULL, 0, TALLY_E_INVALID},
    {"tcp://127.0.0.1:7000,tls+tcp://127.0.0.1:7000", NULL, 0, TALLY_E_INVALID},
    {"tcp://127.0.0.1:7000", "x.crt", 0, TALLY_E_INVALID},
    {"tls+tcp://127.0.0.1:7000", NULL, 0, TALLY_E_INVALID},
    {"tls+tcp://127.0.0.1:7000", "/nonexistent.crt", 0, TALLY_E_IO},
    {"tls+tcp://127.0.0.1:7000", "/proc/self/status", 0, TALLY_E_IO},
    {"tcp://127.0.0.1:7000", NULL, 3600001, TALLY_E_INVALID},
    {"tcp://127.0.0.1:7000,tcp://127.0.0.1:7001", NULL, 3600000, TALLY_OK},
};

START_TEST(options_are_checked)
{
    const struct tally_client_options given = {.urls = options[_i].urls,
                                               .ca_file = options[_i].ca_file,
                                               .timeout_ms = options[_i].timeout_ms};
    struct tally_client *client = NULL;
    struct tally_diag diag = {""};
    const enum tally_err got = tally_client_open(&given, &client, &diag);

    ck_assert_msg(got == options[_i].want, "case %d: %s: %s", _i, tally_err_text(got),
                  diag.text);
    ck_assert((got == TALLY_OK) == (client != NULL));
    ck_assert((got == TALLY_OK) == (diag.text[0] == '\0'));
    tally_client_close(client);
}
END_TEST

START_TEST(too_large_is_told_at_once)
{
    uint8_t *bytes = calloc(1, LIMIT_REQUEST_SIZE + 1);
    const struct tally_append_result *result = NULL;
    struct tally_client *client = client_open("tcp://127.0.0.1:1", NULL, 0);

    ck_assert_int_eq(tally_client_append(client, bytes, LIMIT_REQUEST_SIZE + 1,
                                         TALLY_ACK_COMMITTED, &result, NULL),
                     TALLY_E_TOO_LARGE);
    ck_assert_int_eq(tally_client_append(client, bytes, LIMIT_REQUEST_SIZE, TALLY_ACK_COMMITTED,
                                         &result, NULL),
                     TALLY_E_TOO_LARGE); /* with what is around it */
    ck_assert_int_eq(tally_client_append(client, bytes, 0, TALLY_ACK_COMMITTED, &result, NULL),
                     TALLY_E_INVALID);
    tally_client_close(client);
    free(bytes);
}
END_TEST

static void make_certificates(void)
{
    certs[0] = endpoints_certificate("node");
    certs[1] = endpoints_certificate("stranger");
}

static Suite *make_suite(void)
{
    Suite *suite = suite_create("client");
    TCase *tc = tcase_create("client");

    tcase_add_unchecked_fixture(tc, make_certificates, NULL);
    tcase_add_loop_test(tc, every_call, 0, 2);
    tcase_add_loop_test(tc, append_by_script, 0, sizeof scripts / sizeof scripts[0]);
    tcase_add_test(tc, the_leader_is_followed_and_remembered);
    tcase_add_test(tc, a_busy_node_is_passed_over);
    tcase_add_test(tc, a_dead_node_is_passed_over);
    tcase_add_test(tc, nobody_there);
    tcase_add_test(tc, a_node_that_dies_is_asked_again_when_it_is_back);
    tcase_add_test(tc, more_clients_than_contexts);
    tcase_add_test(tc, many_at_once);
    tcase_add_test(tc, oversize_and_garbage);
    tcase_add_test(tc, a_deaf_node_hears_again);
    tcase_add_test(tc, tls_checks_the_node);
    tcase_add_loop_test(tc, options_are_checked, 0, sizeof options / sizeof options[0]);
    tcase_add_test(tc, too_large_is_told_at_once);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    endpoints_no_fork();
    return check_main(make_suite());
}
