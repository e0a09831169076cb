/* Two members over real sockets: sessions, order, limits, certificates. Waiting is for events
 * that must come, with a long deadline; nothing is inferred from time. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/peer_net.h"
#include "support/check_main.h"
#include "support/endpoints.h"

enum { A = 1, B = 2, DEADLINE_MS = 50000 };

struct member {
    struct peer_net *net;
    int wake;
    int sessions;
    uint64_t messages, bulk, bytes;
    uint64_t last; /* number in the newest message */
    bool disorder;
    bool echo;
};

static struct endpoints_files certs[3]; /* of A, of B, of a stranger */
static char chain[128];                 /* A and B */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_wake(void *context)
{
    const struct member *member = context;
    const uint64_t one = 1;

    ck_assert_int_eq(write(member->wake, &one, sizeof one), sizeof one);
}

static void on_message(void *context, uint32_t from, enum peer_channel channel,
                       struct bytes message)
{
    struct member *member = context;
    uint64_t number = 0;

    ck_assert_uint_ge(message.size, sizeof number);
    memcpy(&number, message.data, sizeof number);
    if (channel == PEER_BULK) {
        member->bulk++;
    } else {
        if (number <= member->last) member->disorder = true;
        member->last = number;
    }
    member->messages++;
    member->bytes += message.size;
    if (member->echo) (void)peer_net_send(member->net, from, PEER_CONTROL, message);
}

static void on_session(void *context, uint32_t peer)
{
    struct member *member = context;

    (void)peer;
    member->sessions++;
}

static struct sign_key key_of(uint32_t id)
{
    uint8_t seed[32];
    struct sign_key key;

    memset(seed, (int)id, sizeof seed);
    sign_keypair_from_seed(seed, &key);
    return key;
}

static void member_open(struct member *member, uint32_t self, const char *scheme,
                        const struct endpoints_files *cert, uint64_t incarnation)
{
    char urls[2][64];
    const uint32_t other = self == A ? B : A;
    struct peer_net_peer peer = {.id = other, .incarnation = 1000 + other, .url = urls[1]};
    struct peer_net_config config = {
        .self = self,
        .incarnation = incarnation,
        .key = key_of(self),
        .listen_url = urls[0],
        .peers = &peer,
        .peers_count = 1,
        .wake = on_wake,
        .on_message = on_message,
        .on_session = on_session,
        .context = member,
    };
    struct tally_diag diag = {""};

    memcpy(peer.public_key, key_of(other).public_key, sizeof peer.public_key);
    if (cert != NULL) config.tls = (struct net_tls){cert->cert, cert->key, chain};
    endpoints_url(scheme, self, 7000, urls[0], sizeof urls[0]);
    endpoints_url(scheme, other, 7000, urls[1], sizeof urls[1]);
    *member = (struct member){.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    ck_assert_int_ge(member->wake, 0);
    const enum tally_err err = peer_net_open(&config, &member->net, &diag);
    ck_assert_msg(err == TALLY_OK, "%s: %s", tally_err_text(err), diag.text);
    ck_assert_uint_eq(peer_net_port(member->net), 7000);
}

static void member_close(struct member *member)
{
    peer_net_close(member->net);
    (void)close(member->wake);
    member->net = NULL;
}

/* One turn of both loops: wait until someone is woken or has to poll, then poll both. */
static void turn(struct member *a, struct member *b)
{
    struct pollfd fds[2] = {{.fd = a->wake, .events = POLLIN},
                            {.fd = b->wake, .events = POLLIN}};
    uint64_t count;

    (void)poll(fds, 2, PEER_NET_POLL_MS);
    if (fds[0].revents != 0)
        ck_assert_int_eq(read(a->wake, &count, sizeof count), sizeof count);
    if (fds[1].revents != 0)
        ck_assert_int_eq(read(b->wake, &count, sizeof count), sizeof count);
    (void)peer_net_poll(a->net, now_ms());
    (void)peer_net_poll(b->net, now_ms());
}

static struct member a, b;

static void run_until_sessions(int want_a, int want_b)
{
    const uint64_t deadline = now_ms() + DEADLINE_MS;

    while (a.sessions < want_a || b.sessions < want_b) {
        ck_assert_msg(now_ms() < deadline, "sessions: %d and %d", a.sessions, b.sessions);
        turn(&a, &b);
    }
}

static bool send_number(struct member *from, uint32_t to, enum peer_channel channel,
                        uint64_t number, size_t size)
{
    uint8_t *message = calloc(1, size);

    memcpy(message, &number, sizeof number);
    const bool sent = peer_net_send(from->net, to, channel, bytes_of(message, size));
    free(message);
    return sent;
}

/* Sessions need the control connections only; wait for the bulk connection of A as well. */
static void run_until_bulk(void)
{
    const uint64_t deadline = now_ms() + DEADLINE_MS, before = b.bulk;

    while (b.bulk == before) {
        ck_assert(now_ms() < deadline);
        (void)send_number(&a, B, PEER_BULK, 1, 8);
        turn(&a, &b);
    }
}

static void open_both(int scheme)
{
    const bool tls = scheme != 0;

    member_open(&a, A, tls ? "tls+tcp://" : "tcp://", tls ? &certs[0] : NULL, 1000 + A);
    member_open(&b, B, tls ? "tls+tcp://" : "tcp://", tls ? &certs[1] : NULL, 1000 + B);
}

static void close_both(void)
{
    member_close(&a);
    member_close(&b);
}

START_TEST(messages_pass_in_order)
{
    enum { COUNT = 5000 };
    const uint64_t deadline = now_ms() + DEADLINE_MS;
    uint64_t sent = 0;

    open_both(_i);
    run_until_sessions(1, 1);
    ck_assert(peer_net_connected(a.net, B));
    ck_assert(!peer_net_connected(a.net, 9));
    b.echo = true;
    const struct peer_net_counters before_a = peer_net_counters(a.net);
    const struct peer_net_counters before_b = peer_net_counters(b.net);
    for (uint64_t number = 1; number <= COUNT; number++) {
        sent += send_number(&a, B, PEER_CONTROL, number, 100);
        if (number % 100 == 0) turn(&a, &b);
    }
    ck_assert_uint_gt(sent, 0);
    /* What was queued on a connection that stands arrives; what was not is counted. */
    while (b.messages < sent) {
        ck_assert_msg(now_ms() < deadline, "%lu of %lu", (unsigned long)b.messages,
                      (unsigned long)sent);
        turn(&a, &b);
    }
    ck_assert(!b.disorder);
    ck_assert_uint_eq(peer_net_counters(a.net).send_dropped - before_a.send_dropped,
                      COUNT - sent);
    while (a.messages < peer_net_counters(b.net).sent - before_b.sent) {
        ck_assert(now_ms() < deadline);
        turn(&a, &b);
    }
    ck_assert(!a.disorder);
    close_both();
}
END_TEST

/* Goal: the largest message passes, and a flood of them does not stop the control channel. */
START_TEST(bulk_is_bounded_and_apart)
{
    const uint64_t deadline = now_ms() + DEADLINE_MS;
    uint64_t bulk = 0;

    open_both(_i);
    run_until_sessions(1, 1);
    run_until_bulk();
    while (peer_net_counters(a.net).sent > b.messages) turn(&a, &b);
    b.messages = b.bulk = b.bytes = 0;
    for (uint64_t number = 1; number <= 100; number++)
        bulk += send_number(&a, B, PEER_BULK, number, PEER_NET_MESSAGE_MAX);
    ck_assert(send_number(&a, B, PEER_CONTROL, 1, 8));
    /* B does not poll meanwhile: what does not fit its queue is dropped and counted. */
    while (b.messages < bulk + 1 - peer_net_counters(b.net).receive_dropped) {
        ck_assert(now_ms() < deadline);
        turn(&a, &b);
    }
    ck_assert_uint_ge(b.bulk, 1);
    ck_assert_uint_eq(b.messages - b.bulk, 1); /* the control message was not among them */
    ck_assert_uint_eq(b.bytes, b.bulk * PEER_NET_MESSAGE_MAX + 8);
    close_both();
}
END_TEST

START_TEST(a_restarted_member_comes_back)
{
    const uint64_t deadline = now_ms() + DEADLINE_MS;

    open_both(1);
    run_until_sessions(1, 1);
    for (int round = 0; round < 3; round++) {
        member_close(&b);
        member_open(&b, B, "tls+tcp://", &certs[1], 1000 + B);
        run_until_sessions(2 + round, 1);
        const uint64_t before = b.messages;
        while (b.messages == before) { /* the first ones may meet the connection that ends */
            ck_assert(now_ms() < deadline);
            (void)send_number(&a, B, PEER_CONTROL, now_ms(), 8);
            turn(&a, &b);
        }
    }
    close_both();
}
END_TEST

START_TEST(nothing_is_queued_without_a_session)
{
    open_both(0);
    ck_assert(!send_number(&a, B, PEER_CONTROL, 1, 8));
    ck_assert(!send_number(&a, 9, PEER_CONTROL, 1, 8));
    ck_assert_uint_eq(peer_net_counters(a.net).send_dropped, 2);
    close_both();
}
END_TEST

START_TEST(a_wiped_member_is_refused)
{
    const uint64_t deadline = now_ms() + DEADLINE_MS;

    member_open(&a, A, "tcp://", NULL, 1000 + A);
    member_open(&b, B, "tcp://", NULL, 77);
    while (peer_net_counters(a.net).refused[PEER_DROP_INCARNATION] == 0) {
        ck_assert(now_ms() < deadline);
        turn(&a, &b);
    }
    ck_assert(!peer_net_connected(a.net, B));
    close_both();
}
END_TEST

/* Goal: a certificate that is not pinned gets no connection. Method: B shows a stranger's; A,
 * which needs one frame of it to refuse anything, never sees any, while B's honest twin does.
 */
START_TEST(a_strange_certificate_gets_no_connection)
{
    member_open(&a, A, "tls+tcp://", &certs[0], 1000 + A);
    member_open(&b, B, "tls+tcp://", &certs[2], 1000 + B);
    for (int i = 0; i < 20; i++) turn(&a, &b);
    ck_assert_int_eq(a.sessions, 0);
    ck_assert_int_eq(b.sessions, 0);
    member_close(&b);
    member_open(&b, B, "tls+tcp://", &certs[1], 1000 + B);
    run_until_sessions(1, 1);
    close_both();
}
END_TEST

/* Goal: a host that vanishes in the middle of a TLS handshake does not keep its member away for
 * ever; NNG alone waits without end. Method: in B's place something accepts connections, says
 * nothing and keeps them open, also when the real B has come. */
START_TEST(a_handshake_that_hangs_is_given_up)
{
    const int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7000)};
    char url[64], *host = url + strlen("tcp://");
    int hung[2];

    endpoints_url("tcp://", B, 7000, url, sizeof url);
    *strrchr(host, ':') = '\0';
    ck_assert_int_eq(inet_pton(AF_INET, host, &address.sin_addr), 1);
    ck_assert_int_eq(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 8), 0);

    member_open(&a, A, "tls+tcp://", &certs[0], 1000 + A);
    for (int i = 0; i < 2; i++) { /* control and bulk */
        hung[i] = accept(listener, NULL, NULL);
        ck_assert_int_ge(hung[i], 0);
    }
    (void)close(listener);
    member_open(&b, B, "tls+tcp://", &certs[1], 1000 + B);
    run_until_sessions(1, 1);
    run_until_bulk();
    close_both();
    for (int i = 0; i < 2; i++) (void)close(hung[i]);
}
END_TEST

START_TEST(configuration_that_cannot_work)
{
    struct peer_net_peer peer = {.id = B, .url = "tcp://127.0.0.1:1"};
    struct peer_net_config config = {.self = A,
                                     .key = key_of(A),
                                     .peers = &peer,
                                     .peers_count = 1,
                                     .wake = on_wake,
                                     .on_message = on_message,
                                     .context = &a};
    struct peer_net *net = NULL;
    struct tally_diag diag = {""};

    config.listen_url = "tls+tcp://127.0.0.1:0"; /* and the peer tcp:// */
    ck_assert_int_eq(peer_net_open(&config, &net, &diag), TALLY_E_INVALID);
    ck_assert_str_ne(diag.text, "");
    peer.url = "tls+tcp://127.0.0.1:1"; /* no certificates */
    ck_assert_int_eq(peer_net_open(&config, &net, &diag), TALLY_E_INVALID);
    config.tls = (struct net_tls){certs[0].cert, "/nonexistent", chain};
    ck_assert_int_eq(peer_net_open(&config, &net, &diag), TALLY_E_IO);
    ck_assert_ptr_nonnull(strstr(diag.text, "/nonexistent"));
    config.tls = (struct net_tls){NULL, NULL, NULL};
    config.listen_url = "ipc:///tmp/x";
    peer.url = "tcp://127.0.0.1:1";
    ck_assert_int_eq(peer_net_open(&config, &net, &diag), TALLY_E_INVALID);
    ck_assert_ptr_null(net);

    member_open(&b, B, "tcp://", NULL, 1); /* its port is taken now */
    char url[64];
    endpoints_url("tcp://", B, 7000, url, sizeof url);
    config.listen_url = url;
    ck_assert_int_eq(peer_net_open(&config, &net, &diag), TALLY_E_IO);
    ck_assert_ptr_nonnull(strstr(diag.text, "in use"));
    member_close(&b);
}
END_TEST

static void make_certificates(void)
{
    ck_assert_int_eq(sign_init(), TALLY_OK);
    certs[0] = endpoints_certificate("a");
    certs[1] = endpoints_certificate("b");
    certs[2] = endpoints_certificate("stranger");
    endpoints_chain("members.crt", certs, 2, chain, sizeof chain);
}

static Suite *make_suite(void)
{
    Suite *suite = suite_create("peer_net");
    TCase *tc = tcase_create("net");

    tcase_add_unchecked_fixture(tc, make_certificates, NULL);
    tcase_add_loop_test(tc, messages_pass_in_order, 0, 2);
    tcase_add_loop_test(tc, bulk_is_bounded_and_apart, 0, 2);
    tcase_add_test(tc, a_restarted_member_comes_back);
    tcase_add_test(tc, nothing_is_queued_without_a_session);
    tcase_add_test(tc, a_wiped_member_is_refused);
    tcase_add_test(tc, a_strange_certificate_gets_no_connection);
    tcase_add_test(tc, a_handshake_that_hangs_is_given_up);
    tcase_add_test(tc, configuration_that_cannot_work);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    endpoints_no_fork();
    return check_main(make_suite());
}
