#include "support/peer_pair.h"

#include <check.h>
#include <string.h>

uint64_t pair_now_ms;

static const uint8_t *draw(struct pair_node *node)
{
    static uint8_t random[PEER_RANDOM_SIZE];

    node->draws++;
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(node->session.config.self * 101u + node->draws * 31u + i);
    memcpy(random, &node->draws, sizeof node->draws);
    return random;
}

struct sign_key pair_key(uint32_t id)
{
    uint8_t seed[32];
    struct sign_key key;

    memset(seed, (int)id, sizeof seed);
    sign_keypair_from_seed(seed, &key);
    return key;
}

struct peer_session_config pair_config(uint32_t self, uint32_t peer)
{
    struct peer_session_config config = {.self = self,
                                         .self_incarnation = 1000 + self,
                                         .self_key = pair_key(self),
                                         .peer = peer,
                                         .peer_incarnation = 1000 + peer};

    memset(config.ledger_id, 0x11, sizeof config.ledger_id);
    memcpy(config.peer_key, pair_key(peer).public_key, sizeof config.peer_key);
    return config;
}

struct pair_node pair_node(struct peer_session_config config, uint64_t draws)
{
    struct pair_node node = {.draws = draws};

    peer_session_init(&node.session, &config);
    return node;
}

struct pair_frame pair_knock(struct pair_node *node)
{
    struct pair_frame frame = {0};

    frame.size = peer_session_tick(&node->session, pair_now_ms, draw(node), frame.data);
    return frame;
}

struct peer_received pair_give(struct pair_node *node, const struct pair_frame *frame)
{
    struct peer_received received;

    peer_session_receive(&node->session, pair_now_ms, draw(node),
                         bytes_of(frame->data, frame->size), &received);
    return received;
}

struct pair_frame pair_reply(const struct peer_received *received)
{
    struct pair_frame frame = {.size = received->reply_size};

    memcpy(frame.data, received->reply, received->reply_size);
    return frame;
}

struct pair_frame pair_seal(struct pair_node *node, enum peer_channel channel, const char *text)
{
    struct pair_frame frame = {.size = strlen(text) + PEER_FRAME_OVERHEAD};

    ck_assert(
        peer_session_seal(&node->session, channel, bytes_of(text, strlen(text)), frame.data));
    return frame;
}

void pair_converse(struct pair_node *from, struct pair_node *to, struct pair_frame frame)
{
    for (int turn = 0; frame.size > 0; turn++) {
        ck_assert_int_lt(turn, 8);
        const struct peer_received received = pair_give(turn % 2 == 0 ? to : from, &frame);
        frame = pair_reply(&received);
    }
}

void pair_ck_delivers(struct pair_node *from, struct pair_node *to, enum peer_channel channel,
                      const char *text)
{
    const struct pair_frame frame = pair_seal(from, channel, text);
    const struct peer_received received = pair_give(to, &frame);

    ck_assert_int_eq(received.drop, PEER_DROP_NONE);
    ck_assert(received.message);
    ck_assert_int_eq(received.channel, channel);
    ck_assert(bytes_equal(received.payload, bytes_of(text, strlen(text))));
}

void pair_ck_drops(struct pair_node *to, const struct pair_frame *frame, enum peer_drop want)
{
    const struct peer_received received = pair_give(to, frame);

    ck_assert_int_eq(received.drop, want);
    ck_assert(!received.message);
    ck_assert(!received.established);
}

void pair_setup(struct pair_node *ret_a, struct pair_node *ret_b)
{
    pair_now_ms = 10000;
    ck_assert_int_eq(sign_init(), TALLY_OK);
    *ret_a = pair_node(pair_config(PAIR_A, PAIR_B), 0);
    *ret_b = pair_node(pair_config(PAIR_B, PAIR_A), 500);
}

void pair_connect(struct pair_node *a, struct pair_node *b)
{
    pair_converse(a, b, pair_knock(a));
    ck_assert(a->session.established);
    ck_assert(b->session.established);
}
