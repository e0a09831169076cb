/* impostor - speaks the peer channel in a member's name, with its key or with another one.
 *
 *   impostor KEYFILE SELF LEDGER_ID LISTEN_URL CERT KEY CA ROUNDS ID PUBFILE URL [ID PUBFILE
 * URL]...
 *
 * KEYFILE is a node's secret key file, SELF the member id that it claims, LEDGER_ID hex. To
 * each peer with which a session stands it sends ROUNDS times every message below: none of them
 * is one that an honest member could send now. It ends when all are sent, or after ten seconds,
 * and prints `sessions=N sent=N`. */
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "net/peer_codec.h"
#include "net/peer_net.h"

enum { ARGUMENTS_FIRST_PEER = 9, ARGUMENTS_A_PEER = 3, PEERS_MAX = 6, RUN_MS = 10000 };

struct impostor {
    struct peer_net *net;
    struct peer_net_peer peers[PEERS_MAX];
    size_t peers_count;
    int wake;
    uint32_t self;
    uint64_t term; /* the newest one heard */
    unsigned long sessions, sent;
};

static void on_wake(void *context)
{
    const struct impostor *impostor = context;
    const uint64_t one = 1;

    if (write(impostor->wake, &one, sizeof one) != sizeof one) abort();
}

static void on_session(void *context, uint32_t peer)
{
    struct impostor *impostor = context;

    (void)peer;
    impostor->sessions++;
}

/* Learn the term, so that messages are of now. */
static void on_message(void *context, uint32_t from, enum peer_channel channel,
                       struct bytes message)
{
    struct impostor *impostor = context;
    struct peer_message decoded;
    struct arena *arena = NULL;

    (void)channel;
    if (arena_open(0, &arena) != TALLY_OK) abort();
    if (peer_message_decode(message, from, impostor->self, arena, &decoded, NULL) == TALLY_OK &&
        decoded.kind == PEER_MESSAGE_RAFT && decoded.raft.type == RAFT_HEARTBEAT)
        impostor->term = decoded.raft.term;
    arena_close(arena);
}

static void send(struct impostor *impostor, uint32_t to, const struct peer_message *message)
{
    struct buffer *bytes = NULL;

    if (peer_message_encode(message, &bytes, NULL) != TALLY_OK) abort();
    if (peer_net_send(impostor->net, to, peer_message_channel(message), buffer_bytes(bytes)))
        impostor->sent++;
    buffer_release(bytes);
}

static void send_raft(struct impostor *impostor, uint32_t to, struct raft_message raft)
{
    send(impostor, to, &(struct peer_message){.kind = PEER_MESSAGE_RAFT, .raft = raft});
}

static void send_terms(struct impostor *impostor, uint32_t to)
{
    const uint64_t terms[] = {0, 1, impostor->term + (1 << 20) + 1, UINT64_MAX - 1, UINT64_MAX};

    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        for (int type = RAFT_PREVOTE; type <= RAFT_TIMEOUT_NOW; type++) {
            struct raft_message raft = {.type = (enum raft_message_type)type, .term = terms[i]};

            if (type == RAFT_APPEND) raft.prev_index = 1;
            send_raft(impostor, to, raft);
        }
    }
}

/* Of the term of now, and untrue. */
static void send_lies(struct impostor *impostor, uint32_t to)
{
    const uint64_t term = impostor->term;
    const struct raft_message lies[] = {
        {.type = RAFT_VOTE, .term = term, .last_index = UINT64_MAX, .last_term = UINT64_MAX},
        {.type = RAFT_VOTE, .term = term + 1, .last_index = UINT64_MAX, .handover = true},
        {.type = RAFT_PREVOTE, .term = term + 1, .last_index = UINT64_MAX, .last_term = term},
        {.type = RAFT_VOTE_REPLY, .term = term, .granted = true},
        {.type = RAFT_PREVOTE_REPLY, .term = term + 1, .granted = true},
        {.type = RAFT_TIMEOUT_NOW, .term = term},
        {.type = RAFT_TIMEOUT_NOW, .term = term - 1},
        {.type = RAFT_HEARTBEAT, .term = term, .commit = UINT64_MAX, .round = UINT64_MAX},
        {.type = RAFT_HEARTBEAT, .term = term, .successor = impostor->self},
        {.type = RAFT_APPEND_REPLY, .term = term, .match = UINT64_MAX, .received = UINT64_MAX},
        {.type = RAFT_APPEND_REPLY, .term = term, .match = 1u << 30, .received = 1u << 30},
        {.type = RAFT_APPEND_REPLY, .term = term, .round = UINT64_MAX, .wall_ms = UINT64_MAX},
        {.type = RAFT_APPEND_REPLY,
         .term = term,
         .rejected = true,
         .prev_index = UINT64_MAX,
         .hint_index = UINT64_MAX,
         .hint_term = UINT64_MAX},
        {.type = RAFT_APPEND_REPLY, .term = term, .rejected = true, .lost = true},
        {.type = RAFT_APPEND, .term = term, .prev_index = UINT64_MAX, .commit = UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) send_raft(impostor, to, lies[i]);
}

static void send_blocks(struct impostor *impostor, uint32_t to)
{
    static uint8_t junk[RAFT_BATCH_MAX][16 * 1024];
    struct peer_message message = {
        .kind = PEER_MESSAGE_RAFT,
        .raft = {.type = RAFT_APPEND, .term = impostor->term, .entries_count = RAFT_BATCH_MAX},
    };

    secret_random(junk, sizeof junk);
    for (size_t i = 0; i < RAFT_BATCH_MAX; i++)
        message.blocks[i] = bytes_of(junk[i], 1 + i * 255);
    send(impostor, to, &message);
}

static void send_others(struct impostor *impostor, uint32_t to)
{
    struct peer_message message = {.kind = PEER_MESSAGE_MEMORY};
    uint8_t junk[4096];

    send(impostor, to, &message);
    message.memory = (struct peer_memory){.answer = true,
                                          .signed_size = UINT64_MAX,
                                          .match = UINT64_MAX,
                                          .last_index = UINT64_MAX,
                                          .last_term = UINT64_MAX};
    send(impostor, to, &message);
    message = (struct peer_message){.kind = PEER_MESSAGE_COSIGNATURE};
    for (uint32_t member = 1; member < 5; member++) {
        message.cosignature.member = member;
        message.cosignature.size = member == 4 ? UINT64_MAX : 7;
        secret_random(message.cosignature.bytes, sizeof message.cosignature.bytes);
        send(impostor, to, &message);
    }
    for (size_t size = 1; size <= sizeof junk; size *= 2) {
        secret_random(junk, size);
        for (int channel = 0; channel < PEER_CHANNELS; channel++)
            (void)peer_net_send(impostor->net, to, (enum peer_channel)channel,
                                bytes_of(junk, size));
    }
}

static void run(struct impostor *impostor, unsigned long rounds)
{
    const uint64_t end_ms = clock_monotonic_ms() + RUN_MS;
    unsigned long done[PEERS_MAX] = {0}, left = impostor->peers_count;
    uint64_t count;

    while (left > 0 && clock_monotonic_ms() < end_ms) {
        struct pollfd fd = {.fd = impostor->wake, .events = POLLIN};

        (void)poll(&fd, 1, PEER_NET_POLL_MS);
        if (fd.revents != 0 && read(impostor->wake, &count, sizeof count) < 0) abort();
        (void)peer_net_poll(impostor->net, clock_monotonic_ms());
        for (size_t i = 0; i < impostor->peers_count; i++) {
            const uint32_t to = impostor->peers[i].id;

            if (done[i] == rounds || impostor->term == 0 ||
                !peer_net_connected(impostor->net, to))
                continue;
            send_terms(impostor, to);
            send_lies(impostor, to);
            send_blocks(impostor, to);
            send_others(impostor, to);
            if (++done[i] == rounds) left--;
        }
    }
}

static int usage(void)
{
    fprintf(stderr, "usage: see the head of tests/support/impostor.c\n");
    return 64;
}

static enum tally_err open_net(struct impostor *impostor, int argc, char **argv,
                               struct tally_diag *diag)
{
    struct peer_net_config config = {.self = impostor->self,
                                     .listen_url = argv[4],
                                     .tls = {argv[5], argv[6], argv[7]},
                                     .peers = impostor->peers,
                                     .wake = on_wake,
                                     .on_message = on_message,
                                     .on_session = on_session,
                                     .context = impostor};
    struct node_keys keys;
    enum tally_err err = keyfile_node_load(argv[1], &keys, diag);
    size_t size = 0;

    if (err != TALLY_OK) return err;
    config.key = keys.peer;
    config.incarnation = keys.incarnation;
    if (sodium_hex2bin(config.ledger_id, sizeof config.ledger_id, argv[3], strlen(argv[3]),
                       NULL, &size, NULL) != 0 ||
        size != sizeof config.ledger_id)
        return TALLY_E_INVALID;
    for (int at = ARGUMENTS_FIRST_PEER; at < argc && err == TALLY_OK; at += ARGUMENTS_A_PEER) {
        struct peer_net_peer *peer = &impostor->peers[impostor->peers_count++];
        struct node_public public;

        err = keyfile_node_public_load(argv[at + 1], &public, diag);
        peer->id = (uint32_t)strtoul(argv[at], NULL, 10);
        peer->incarnation = public.incarnation;
        memcpy(peer->public_key, public.peer, sizeof peer->public_key);
        peer->url = argv[at + 2];
    }
    config.peers_count = impostor->peers_count;
    if (err == TALLY_OK) err = peer_net_open(&config, &impostor->net, diag);
    keyfile_node_wipe(&keys);
    return err;
}

int main(int argc, char **argv)
{
    struct impostor impostor = {.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    struct tally_diag diag = {{0}};
    enum tally_err err;

    if (argc < ARGUMENTS_FIRST_PEER + ARGUMENTS_A_PEER ||
        (argc - ARGUMENTS_FIRST_PEER) % ARGUMENTS_A_PEER != 0 ||
        argc > ARGUMENTS_FIRST_PEER + PEERS_MAX * ARGUMENTS_A_PEER)
        return usage();
    impostor.self = (uint32_t)strtoul(argv[2], NULL, 10);
    err = sign_init();
    if (err == TALLY_OK) err = open_net(&impostor, argc, argv, &diag);
    if (err != TALLY_OK) {
        fprintf(stderr, "impostor: %s: %s\n", tally_err_text(err), diag.text);
        return (int)err;
    }
    run(&impostor, strtoul(argv[8], NULL, 10));
    printf("sessions=%lu sent=%lu\n", impostor.sessions, impostor.sent);
    fflush(stdout);
    _exit(0); /* the kernel closes: NNG 1.5 was seen to wait for ever */
}
