/* The handshake and the envelope between two members, without sockets: every frame goes through
 * the test's hands, which lose it, repeat it, reorder it, change it or make it up. */
#include <check.h>
#include <string.h>

#include "net/peer_session.h"
#include "support/check_main.h"

enum { A = 1, B = 2, MALLORY = 3, FRAME_MAX = 512 };

struct node {
    struct peer_session session;
    uint64_t draws; /* of random bytes, so that each is different and known */
};

struct frame {
    uint8_t data[FRAME_MAX];
    size_t size;
};

static uint64_t now_ms;

static const uint8_t *draw(struct node *node)
{
    static uint8_t random[PEER_RANDOM_SIZE];

    node->draws++;
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(node->session.config.self * 101u + node->draws * 31u + i);
    memcpy(random, &node->draws, sizeof node->draws);
    return random;
}

static struct sign_key key_of(uint32_t id)
{
    uint8_t seed[32];
    struct sign_key key;

    memset(seed, (int)id, sizeof seed);
    sign_keypair_from_seed(seed, &key);
    return key;
}

/* `self` with the keys of member `self`, towards `peer` with the keys of member `peer`. */
static struct peer_session_config config_of(uint32_t self, uint32_t peer)
{
    struct peer_session_config config = {.self = self,
                                         .self_incarnation = 1000 + self,
                                         .self_key = key_of(self),
                                         .peer = peer,
                                         .peer_incarnation = 1000 + peer};

    memset(config.ledger_id, 0x11, sizeof config.ledger_id);
    memcpy(config.peer_key, key_of(peer).public_key, sizeof config.peer_key);
    return config;
}

static struct node node_of(struct peer_session_config config, uint64_t draws)
{
    struct node node = {.draws = draws};

    peer_session_init(&node.session, &config);
    return node;
}

static struct frame knock_of(struct node *node)
{
    struct frame frame = {0};

    frame.size = peer_session_tick(&node->session, now_ms, draw(node), frame.data);
    return frame;
}

static struct peer_received give(struct node *node, const struct frame *frame)
{
    struct peer_received received;

    peer_session_receive(&node->session, now_ms, draw(node), bytes_of(frame->data, frame->size),
                         &received);
    return received;
}

static struct frame reply_of(const struct peer_received *received)
{
    struct frame frame = {.size = received->reply_size};

    memcpy(frame.data, received->reply, received->reply_size);
    return frame;
}

static struct frame seal(struct node *node, enum peer_channel channel, const char *text)
{
    struct frame frame = {.size = strlen(text) + PEER_FRAME_OVERHEAD};

    ck_assert(
        peer_session_seal(&node->session, channel, bytes_of(text, strlen(text)), frame.data));
    return frame;
}

/* Hand replies back and forth until nobody has anything to say. */
static void converse(struct node *from, struct node *to, struct frame frame)
{
    for (int turn = 0; frame.size > 0; turn++) {
        ck_assert_int_lt(turn, 8);
        const struct peer_received received = give(turn % 2 == 0 ? to : from, &frame);
        frame = reply_of(&received);
    }
}

static void ck_delivers(struct node *from, struct node *to, enum peer_channel channel,
                        const char *text)
{
    const struct frame frame = seal(from, channel, text);
    const struct peer_received received = give(to, &frame);

    ck_assert_int_eq(received.drop, PEER_DROP_NONE);
    ck_assert(received.message);
    ck_assert_int_eq(received.channel, channel);
    ck_assert(bytes_equal(received.payload, bytes_of(text, strlen(text))));
}

static void ck_drops(struct node *to, const struct frame *frame, enum peer_drop want)
{
    const struct peer_received received = give(to, frame);

    ck_assert_int_eq(received.drop, want);
    ck_assert(!received.message);
    ck_assert(!received.established);
}

static struct node a, b;

static void setup(void)
{
    now_ms = 10000;
    ck_assert_int_eq(sign_init(), TALLY_OK);
    a = node_of(config_of(A, B), 0);
    b = node_of(config_of(B, A), 500);
}

static void connect(void)
{
    converse(&a, &b, knock_of(&a));
    ck_assert(a.session.established);
    ck_assert(b.session.established);
}

START_TEST(handshake_from_one_side)
{
    connect();
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    ck_delivers(&a, &b, PEER_CONTROL, "vote");
    ck_delivers(&b, &a, PEER_CONTROL, "granted");
    ck_delivers(&a, &b, PEER_BULK, "block");
    ck_delivers(&a, &b, PEER_CONTROL, "heartbeat");
    ck_assert_uint_eq(knock_of(&a).size, 0);
}
END_TEST

/* Goal: two Knocks that cross end in one session. Method: both knock before either listens. */
START_TEST(handshake_from_both_sides)
{
    const struct frame from_a = knock_of(&a), from_b = knock_of(&b);

    converse(&a, &b, from_a);
    now_ms += PEER_HELLO_MS;
    converse(&b, &a, from_b);
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    ck_delivers(&a, &b, PEER_CONTROL, "x");
    ck_delivers(&b, &a, PEER_BULK, "y");
}
END_TEST

START_TEST(nothing_is_sealed_without_a_session)
{
    uint8_t frame[FRAME_MAX];

    ck_assert(!peer_session_seal(&a.session, PEER_CONTROL, bytes_of("x", 1), frame));
    (void)knock_of(&a);
    ck_assert(!peer_session_seal(&a.session, PEER_CONTROL, bytes_of("x", 1), frame));
}
END_TEST

START_TEST(knocks_are_spaced)
{
    ck_assert_uint_eq(knock_of(&a).size, PEER_KNOCK_SIZE);
    now_ms += PEER_KNOCK_MS - 1;
    ck_assert_uint_eq(knock_of(&a).size, 0);
    now_ms += 1;
    ck_assert_uint_eq(knock_of(&a).size, PEER_KNOCK_SIZE);
}
END_TEST

START_TEST(hellos_are_not_made_at_a_strangers_pace)
{
    const struct frame knock = knock_of(&a);
    struct peer_received received = give(&b, &knock);

    ck_assert_uint_eq(received.reply_size, PEER_HELLO_SIZE);
    received = give(&b, &knock);
    ck_assert_int_eq(received.drop, PEER_DROP_RATE);
    ck_assert_uint_eq(received.reply_size, 0);
    now_ms += PEER_HELLO_MS;
    received = give(&b, &knock);
    ck_assert_uint_eq(received.reply_size, PEER_HELLO_SIZE);
}
END_TEST

/* Goal: whichever handshake frame is lost, the next Knock repairs it. */
START_TEST(a_lost_frame_is_made_again)
{
    struct frame frame = knock_of(&a);

    for (int kept = 0; kept < _i; kept++) {
        const struct peer_received received = give(kept % 2 == 0 ? &b : &a, &frame);
        frame = reply_of(&received);
        ck_assert_uint_gt(frame.size, 0);
    }
    /* `frame` is lost here. */
    for (int round = 0; round < 2; round++) {
        now_ms += PEER_KNOCK_MS;
        struct frame knock = knock_of(&a);
        if (knock.size > 0) converse(&a, &b, knock);
        knock = knock_of(&b);
        if (knock.size > 0) converse(&b, &a, knock);
    }
    ck_assert(a.session.established);
    ck_assert(b.session.established);
    ck_delivers(&a, &b, PEER_CONTROL, "x");
    ck_delivers(&b, &a, PEER_CONTROL, "y");
}
END_TEST

START_TEST(replays_and_overtaken_frames_are_dropped)
{
    connect();
    const struct frame one = seal(&a, PEER_CONTROL, "one"), two = seal(&a, PEER_CONTROL, "two"),
                       bulk = seal(&a, PEER_BULK, "bulk");

    ck_assert_int_eq(give(&b, &two).drop, PEER_DROP_NONE);
    ck_drops(&b, &two, PEER_DROP_COUNTER);
    ck_drops(&b, &one, PEER_DROP_COUNTER);
    /* The other channel has counters of its own. */
    ck_assert_int_eq(give(&b, &bulk).drop, PEER_DROP_NONE);
    ck_drops(&b, &bulk, PEER_DROP_COUNTER);
    ck_delivers(&a, &b, PEER_CONTROL, "three");
}
END_TEST

START_TEST(own_frames_come_not_back)
{
    connect();
    struct frame frame = seal(&a, PEER_CONTROL, "mine");

    ck_drops(&a, &frame, PEER_DROP_ADDRESS);
    /* The same with the addresses turned round: each direction has its own key. */
    frame.data[7] = B;
    frame.data[11] = A;
    ck_drops(&a, &frame, PEER_DROP_MAC);
}
END_TEST

/* Goal: no byte of a frame can change unnoticed. */
START_TEST(every_changed_byte_is_noticed)
{
    connect();
    const struct frame honest = seal(&a, PEER_CONTROL, "vote");

    for (size_t i = 0; i < honest.size; i++) {
        struct frame changed = honest;
        changed.data[i] ^= 1;
        const struct peer_received received = give(&b, &changed);
        ck_assert_msg(received.drop != PEER_DROP_NONE, "byte %zu", i);
        ck_assert(!received.message);
    }
    for (size_t size = 0; size < honest.size; size++) {
        struct frame cut = honest;
        cut.size = size;
        ck_assert_msg(give(&b, &cut).drop != PEER_DROP_NONE, "size %zu", size);
    }
    struct frame longer = honest;
    longer.size++;
    ck_drops(&b, &longer, PEER_DROP_MAC);
    ck_assert_int_eq(give(&b, &honest).drop, PEER_DROP_NONE);
}
END_TEST

START_TEST(every_changed_byte_of_a_hello_is_noticed)
{
    const struct frame knock = knock_of(&a);
    const struct peer_received received = give(&b, &knock);
    const struct frame hello = reply_of(&received);

    ck_assert_uint_eq(hello.size, PEER_HELLO_SIZE);
    for (size_t i = 0; i < hello.size; i++) {
        struct frame changed = hello;
        changed.data[i] ^= 1;
        ck_assert_msg(give(&a, &changed).drop != PEER_DROP_NONE, "byte %zu", i);
        ck_assert(!a.session.established);
    }
    ck_assert(give(&a, &hello).established);
}
END_TEST

/* Goal: a recorded Hello is worth nothing later, neither in the session it made nor after a
 * restart of its receiver. */
START_TEST(a_hello_is_good_once)
{
    const struct frame knock = knock_of(&a);
    struct peer_received received = give(&b, &knock);
    const struct frame hello = reply_of(&received);

    ck_assert(give(&a, &hello).established);
    ck_drops(&a, &hello, PEER_DROP_NONCE);
    a = node_of(config_of(A, B), 9000);
    ck_drops(&a, &hello, PEER_DROP_NONCE);
    (void)knock_of(&a);
    ck_drops(&a, &hello, PEER_DROP_NONCE);
}
END_TEST

START_TEST(a_restarted_peer_replaces_the_session)
{
    connect();
    const struct frame old_from_a = seal(&a, PEER_CONTROL, "old");

    b = node_of(config_of(B, A), 7000);
    now_ms += PEER_KNOCK_MS;
    const struct frame knock = knock_of(&b);
    const struct peer_received received = give(&a, &knock);
    /* The Knock alone changes nothing: anyone could have sent it. */
    (void)seal(&a, PEER_CONTROL, "still there");
    ck_assert(!received.established);
    converse(&a, &b, reply_of(&received));
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    ck_drops(&b, &old_from_a, PEER_DROP_SESSION);
    ck_delivers(&a, &b, PEER_CONTROL, "x");
    ck_delivers(&b, &a, PEER_BULK, "y");
}
END_TEST

/* Goal: two sides that hold different sessions find together again. Method: B restarts and the
 * last Hello of the new handshake is lost, so A stays in the session before. */
START_TEST(sides_with_different_sessions_recover)
{
    connect();
    b = node_of(config_of(B, A), 7000);
    now_ms += PEER_KNOCK_MS;
    const struct frame knock = knock_of(&b);
    struct peer_received received = give(&a, &knock);
    const struct frame hello = reply_of(&received);
    received = give(&b, &hello);
    ck_assert(received.established); /* and its Hello to A is lost */

    struct frame stray = seal(&b, PEER_CONTROL, "heartbeat");
    received = give(&a, &stray);
    ck_assert_int_eq(received.drop, PEER_DROP_SESSION);
    ck_assert_uint_eq(received.reply_size, 0); /* it may be a late one of an older session */
    now_ms += PEER_SILENT_MS;
    stray = seal(&b, PEER_CONTROL, "heartbeat");
    received = give(&a, &stray);
    ck_assert_uint_eq(received.reply_size, PEER_KNOCK_SIZE);
    converse(&a, &b, reply_of(&received));
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    ck_delivers(&a, &b, PEER_CONTROL, "x");
    ck_delivers(&b, &a, PEER_CONTROL, "y");
}
END_TEST

/* Each row changes one thing of what B is; A must not take its Hello. */
static const struct {
    const char *name;
    bool ledger, incarnation, seed;
    enum peer_drop knock, hello;
} strangers[] = {
    {"other ledger", true, false, false, PEER_DROP_LEDGER, PEER_DROP_LEDGER},
    {"wiped and set up again", false, true, false, PEER_DROP_NONE, PEER_DROP_INCARNATION},
    {"key of another member", false, false, true, PEER_DROP_NONE, PEER_DROP_SIGNATURE},
};

START_TEST(a_stranger_gets_no_session)
{
    struct peer_session_config config = config_of(B, A);

    if (strangers[_i].ledger) config.ledger_id[31] ^= 1;
    if (strangers[_i].incarnation) config.self_incarnation++;
    if (strangers[_i].seed) config.self_key = key_of(MALLORY);
    b = node_of(config, 0);

    const struct frame knock_b = knock_of(&b);
    struct peer_received received = give(&a, &knock_b);
    ck_assert_int_eq(received.drop, strangers[_i].knock);
    if (received.reply_size > 0) { /* B takes A's Hello and answers with its own */
        const struct frame hello_a = reply_of(&received);
        received = give(&b, &hello_a);
        const struct frame hello_b = reply_of(&received);
        ck_drops(&a, &hello_b, strangers[_i].hello);
    }
    const struct frame knock_a = knock_of(&a);
    struct peer_session_config liar = config;
    memset(liar.ledger_id, 0x11, sizeof liar.ledger_id);
    b = node_of(liar, 50);
    now_ms += PEER_HELLO_MS;
    received = give(&b, &knock_a);
    struct frame hello = reply_of(&received);
    ck_assert_uint_eq(hello.size, PEER_HELLO_SIZE);
    if (strangers[_i].ledger) hello.data[12 + 31] ^= 1;
    ck_drops(&a, &hello, strangers[_i].hello);
    ck_assert(!a.session.established);
}
END_TEST

/* Goal: who steals A's own peer key cannot speak as B to A. Method: the thief runs B's side of
 * the protocol, but the only key he has is A's. */
START_TEST(a_stolen_own_key_does_not_make_others)
{
    struct peer_session_config config = config_of(B, A);
    config.self_key = key_of(A);
    struct node thief = node_of(config, 0);
    const struct frame knock = knock_of(&a);
    const struct peer_received received = give(&thief, &knock);
    const struct frame hello = reply_of(&received);

    ck_drops(&a, &hello, PEER_DROP_SIGNATURE);

    /* Nor does watching an honest handshake with that key in hand help: frames need the
     * ephemeral secrets. The thief changes a frame. */
    now_ms += PEER_KNOCK_MS;
    connect();
    const struct frame honest = seal(&b, PEER_CONTROL, "granted");
    struct frame forged = honest;
    forged.data[PEER_FRAME_HEADER_SIZE] ^= 1;
    ck_drops(&a, &forged, PEER_DROP_MAC);
}
END_TEST

/* Goal: a member cannot use another member's Hello as its own answer to a third one. Method:
 * Mallory asks A for a Hello with B's nonce in the Knock, and gives it to B as A's. */
START_TEST(a_hello_for_one_member_is_none_for_another)
{
    struct node a_to_mallory = node_of(config_of(A, MALLORY), 0);
    struct frame knock = knock_of(&b);

    knock.data[7] = MALLORY; /* from */
    const struct peer_received received = give(&a_to_mallory, &knock);
    struct frame hello = reply_of(&received);
    ck_assert_uint_eq(hello.size, PEER_HELLO_SIZE);
    ck_drops(&b, &hello, PEER_DROP_ADDRESS);
    hello.data[11] = B; /* to */
    ck_drops(&b, &hello, PEER_DROP_SIGNATURE);
}
END_TEST

START_TEST(an_ephemeral_of_small_order_is_refused)
{
    struct session_hello hello = {.node_id = B, .receiver_id = A, .incarnation = 1000 + B};
    const struct sign_key key = key_of(B);
    struct frame frame = knock_of(&a);
    struct bytes_writer writer;
    uint8_t signature[64];

    memset(hello.ledger_id.bytes, 0x11, 32);
    memcpy(hello.nonce, frame.data + 12 + 32, 32);
    session_hello_sign(&hello, &key, signature); /* ephemeral: all zeros */
    writer = bytes_writer(frame.data, sizeof frame.data);
    bytes_put(&writer, (const uint8_t[]){1, 2, 0, 0}, 4);
    bytes_put_u32(&writer, B);
    bytes_put_u32(&writer, A);
    bytes_put(&writer, hello.ledger_id.bytes, 32);
    bytes_put_u64(&writer, hello.incarnation);
    bytes_put(&writer, hello.ephemeral, 32);
    bytes_put(&writer, hello.own_nonce, 32);
    bytes_put(&writer, hello.nonce, 32);
    bytes_put(&writer, signature, 64);
    frame.size = writer.at;
    ck_assert_uint_eq(frame.size, PEER_HELLO_SIZE);
    ck_drops(&a, &frame, PEER_DROP_SIGNATURE);
    ck_assert(!a.session.established);
}
END_TEST

START_TEST(garbage_is_dropped)
{
    uint64_t state = 42;

    connect();
    for (int round = 0; round < 20000; round++) {
        struct frame frame = {.size = (size_t)(round % (PEER_HELLO_SIZE + 3))};
        for (size_t i = 0; i < frame.size; i++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
            frame.data[i] = (uint8_t)(state >> 56);
        }
        if (frame.size >= 12 && round % 2 == 0) {
            const uint8_t start[12] = {1, (uint8_t)(round % 5), 0, 0, 0, 0, 0, B, 0, 0, 0, A};
            memcpy(frame.data, start, sizeof start);
        }
        const struct peer_received received = give(&a, &frame);
        ck_assert(received.drop != PEER_DROP_NONE);
        ck_assert(!received.message);
    }
    ck_delivers(&b, &a, PEER_CONTROL, "still here");
}
END_TEST

/* Goal: after any storm of loss and repetition two live members talk again, and never does one
 * side take a frame of a session that the other does not hold. Method: seeded random delivery,
 * then a calm in which each sends a heartbeat. */
START_TEST(storms_end_in_one_session)
{
    uint64_t state = (uint64_t)_i + 1;
    struct frame wire[32] = {0};
    int to_b[32] = {0};
    size_t next = 0;

    for (int step = 0; step < 600; step++) {
        const bool storm = step < 400;
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const uint32_t dice = (uint32_t)(state >> 33);
        struct node *from = step % 2 == 0 ? &a : &b, *to = step % 2 == 0 ? &b : &a;
        struct frame frame = knock_of(from);

        now_ms += 15;
        if (storm && dice % 97 == 0) *from = node_of(from->session.config, (uint64_t)dice);
        if (frame.size == 0 && from->session.established)
            frame = seal(from, PEER_CONTROL, "heartbeat");
        wire[next % 32] = frame; /* old frames stay on the wire and may come again */
        to_b[next % 32] = to == &b;
        next++;
        if (storm && dice % 100 < 40) continue; /* lost */
        const size_t pick = storm && dice % 100 < 60 ? dice % 32 : (next - 1) % 32;
        struct node *reader = to_b[pick] != 0 ? &b : &a, *other = to_b[pick] != 0 ? &a : &b;
        frame = wire[pick];
        while (frame.size > 0) {
            const struct peer_received received = give(reader, &frame);
            if (storm && dice % 7 == 0) break;
            frame = reply_of(&received);
            struct node *turn = reader;
            reader = other;
            other = turn;
        }
    }
    ck_assert(a.session.established);
    ck_assert(b.session.established);
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    ck_delivers(&a, &b, PEER_CONTROL, "x");
    ck_delivers(&b, &a, PEER_BULK, "y");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("peer_session");
    TCase *tc = tcase_create("session");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, handshake_from_one_side);
    tcase_add_test(tc, handshake_from_both_sides);
    tcase_add_test(tc, nothing_is_sealed_without_a_session);
    tcase_add_test(tc, knocks_are_spaced);
    tcase_add_test(tc, hellos_are_not_made_at_a_strangers_pace);
    tcase_add_loop_test(tc, a_lost_frame_is_made_again, 0, 3);
    tcase_add_test(tc, replays_and_overtaken_frames_are_dropped);
    tcase_add_test(tc, own_frames_come_not_back);
    tcase_add_test(tc, every_changed_byte_is_noticed);
    tcase_add_test(tc, every_changed_byte_of_a_hello_is_noticed);
    tcase_add_test(tc, a_hello_is_good_once);
    tcase_add_test(tc, a_restarted_peer_replaces_the_session);
    tcase_add_test(tc, sides_with_different_sessions_recover);
    tcase_add_loop_test(tc, a_stranger_gets_no_session, 0,
                        sizeof strangers / sizeof strangers[0]);
    tcase_add_test(tc, a_stolen_own_key_does_not_make_others);
    tcase_add_test(tc, a_hello_for_one_member_is_none_for_another);
    tcase_add_test(tc, an_ephemeral_of_small_order_is_refused);
    tcase_add_test(tc, garbage_is_dropped);
    tcase_add_loop_test(tc, storms_end_in_one_session, 0, 200);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
