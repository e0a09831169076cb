/* The handshake and the envelope between two members, without sockets: every frame goes through
 * the test's hands, which lose it, repeat it, reorder it, change it or make it up. */
#include <string.h>

#include "support/check_main.h"
#include "support/peer_pair.h"

static struct pair_node a, b;

static void setup(void)
{
    pair_setup(&a, &b);
}

START_TEST(handshake_from_one_side)
{
    pair_connect(&a, &b);
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    pair_ck_delivers(&a, &b, PEER_CONTROL, "vote");
    pair_ck_delivers(&b, &a, PEER_CONTROL, "granted");
    pair_ck_delivers(&a, &b, PEER_BULK, "block");
    pair_ck_delivers(&a, &b, PEER_CONTROL, "heartbeat");
    ck_assert_uint_eq(pair_knock(&a).size, 0);
}
END_TEST

/* Goal: two Knocks that cross end in one session. Method: both knock before either listens. */
START_TEST(handshake_from_both_sides)
{
    const struct pair_frame from_a = pair_knock(&a), from_b = pair_knock(&b);

    pair_converse(&a, &b, from_a);
    pair_now_ms += PEER_HELLO_MS;
    pair_converse(&b, &a, from_b);
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    pair_ck_delivers(&a, &b, PEER_CONTROL, "x");
    pair_ck_delivers(&b, &a, PEER_BULK, "y");
}
END_TEST

START_TEST(nothing_is_sealed_without_a_session)
{
    uint8_t frame[PAIR_FRAME_MAX];

    ck_assert(!peer_session_seal(&a.session, PEER_CONTROL, bytes_of("x", 1), frame));
    (void)pair_knock(&a);
    ck_assert(!peer_session_seal(&a.session, PEER_CONTROL, bytes_of("x", 1), frame));
}
END_TEST

START_TEST(knocks_are_spaced)
{
    ck_assert_uint_eq(pair_knock(&a).size, PEER_KNOCK_SIZE);
    pair_now_ms += PEER_KNOCK_MS - 1;
    ck_assert_uint_eq(pair_knock(&a).size, 0);
    pair_now_ms += 1;
    ck_assert_uint_eq(pair_knock(&a).size, PEER_KNOCK_SIZE);
}
END_TEST

START_TEST(hellos_are_not_made_at_a_strangers_pace)
{
    const struct pair_frame knock = pair_knock(&a);
    struct peer_received received = pair_give(&b, &knock);

    ck_assert_uint_eq(received.reply_size, PEER_HELLO_SIZE);
    received = pair_give(&b, &knock);
    ck_assert_int_eq(received.drop, PEER_DROP_RATE);
    ck_assert_uint_eq(received.reply_size, 0);
    pair_now_ms += PEER_HELLO_MS;
    received = pair_give(&b, &knock);
    ck_assert_uint_eq(received.reply_size, PEER_HELLO_SIZE);
}
END_TEST

/* Goal: whichever handshake frame is lost, the next Knock repairs it. */
START_TEST(a_lost_frame_is_made_again)
{
    struct pair_frame frame = pair_knock(&a);

    for (int kept = 0; kept < _i; kept++) {
        const struct peer_received received = pair_give(kept % 2 == 0 ? &b : &a, &frame);
        frame = pair_reply(&received);
        ck_assert_uint_gt(frame.size, 0);
    }
    /* `frame` is lost here. */
    for (int round = 0; round < 2; round++) {
        pair_now_ms += PEER_KNOCK_MS;
        struct pair_frame knock = pair_knock(&a);
        if (knock.size > 0) pair_converse(&a, &b, knock);
        knock = pair_knock(&b);
        if (knock.size > 0) pair_converse(&b, &a, knock);
    }
    ck_assert(a.session.established);
    ck_assert(b.session.established);
    pair_ck_delivers(&a, &b, PEER_CONTROL, "x");
    pair_ck_delivers(&b, &a, PEER_CONTROL, "y");
}
END_TEST

START_TEST(replays_and_overtaken_frames_are_dropped)
{
    pair_connect(&a, &b);
    const struct pair_frame one = pair_seal(&a, PEER_CONTROL, "one"),
                            two = pair_seal(&a, PEER_CONTROL, "two"),
                            bulk = pair_seal(&a, PEER_BULK, "bulk");

    ck_assert_int_eq(pair_give(&b, &two).drop, PEER_DROP_NONE);
    pair_ck_drops(&b, &two, PEER_DROP_COUNTER);
    pair_ck_drops(&b, &one, PEER_DROP_COUNTER);
    /* The other channel has counters of its own. */
    ck_assert_int_eq(pair_give(&b, &bulk).drop, PEER_DROP_NONE);
    pair_ck_drops(&b, &bulk, PEER_DROP_COUNTER);
    pair_ck_delivers(&a, &b, PEER_CONTROL, "three");
}
END_TEST

START_TEST(own_frames_come_not_back)
{
    pair_connect(&a, &b);
    struct pair_frame frame = pair_seal(&a, PEER_CONTROL, "mine");

    pair_ck_drops(&a, &frame, PEER_DROP_ADDRESS);
    /* The same with the addresses turned round: each direction has its own key. */
    frame.data[7] = PAIR_B;
    frame.data[11] = PAIR_A;
    pair_ck_drops(&a, &frame, PEER_DROP_MAC);
}
END_TEST

/* Goal: no byte of a frame can change unnoticed. */
START_TEST(every_changed_byte_is_noticed)
{
    pair_connect(&a, &b);
    const struct pair_frame honest = pair_seal(&a, PEER_CONTROL, "vote");

    for (size_t i = 0; i < honest.size; i++) {
        struct pair_frame changed = honest;
        changed.data[i] ^= 1;
        const struct peer_received received = pair_give(&b, &changed);
        ck_assert_msg(received.drop != PEER_DROP_NONE, "byte %zu", i);
        ck_assert(!received.message);
    }
    for (size_t size = 0; size < honest.size; size++) {
        struct pair_frame cut = honest;
        cut.size = size;
        ck_assert_msg(pair_give(&b, &cut).drop != PEER_DROP_NONE, "size %zu", size);
    }
    struct pair_frame longer = honest;
    longer.size++;
    pair_ck_drops(&b, &longer, PEER_DROP_MAC);
    ck_assert_int_eq(pair_give(&b, &honest).drop, PEER_DROP_NONE);
}
END_TEST

START_TEST(every_changed_byte_of_a_hello_is_noticed)
{
    const struct pair_frame knock = pair_knock(&a);
    const struct peer_received received = pair_give(&b, &knock);
    const struct pair_frame hello = pair_reply(&received);

    ck_assert_uint_eq(hello.size, PEER_HELLO_SIZE);
    for (size_t i = 0; i < hello.size; i++) {
        struct pair_frame changed = hello;
        changed.data[i] ^= 1;
        ck_assert_msg(pair_give(&a, &changed).drop != PEER_DROP_NONE, "byte %zu", i);
        ck_assert(!a.session.established);
    }
    ck_assert(pair_give(&a, &hello).established);
}
END_TEST

/* Goal: a recorded Hello is worth nothing later, neither in the session it made nor after a
 * restart of its receiver. */
START_TEST(a_hello_is_good_once)
{
    const struct pair_frame knock = pair_knock(&a);
    struct peer_received received = pair_give(&b, &knock);
    const struct pair_frame hello = pair_reply(&received);

    ck_assert(pair_give(&a, &hello).established);
    pair_ck_drops(&a, &hello, PEER_DROP_NONCE);
    a = pair_node(pair_config(PAIR_A, PAIR_B), 9000);
    pair_ck_drops(&a, &hello, PEER_DROP_NONCE);
    (void)pair_knock(&a);
    pair_ck_drops(&a, &hello, PEER_DROP_NONCE);
}
END_TEST

START_TEST(a_restarted_peer_replaces_the_session)
{
    pair_connect(&a, &b);
    const struct pair_frame old_from_a = pair_seal(&a, PEER_CONTROL, "old");

    b = pair_node(pair_config(PAIR_B, PAIR_A), 7000);
    pair_now_ms += PEER_KNOCK_MS;
    const struct pair_frame knock = pair_knock(&b);
    const struct peer_received received = pair_give(&a, &knock);
    /* The Knock alone changes nothing: anyone could have sent it. */
    (void)pair_seal(&a, PEER_CONTROL, "still there");
    ck_assert(!received.established);
    pair_converse(&a, &b, pair_reply(&received));
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    pair_ck_drops(&b, &old_from_a, PEER_DROP_SESSION);
    pair_ck_delivers(&a, &b, PEER_CONTROL, "x");
    pair_ck_delivers(&b, &a, PEER_BULK, "y");
}
END_TEST

/* Goal: two sides that hold different sessions find together again. Method: B restarts and the
 * last Hello of the new handshake is lost, so A stays in the session before. */
START_TEST(sides_with_different_sessions_recover)
{
    pair_connect(&a, &b);
    b = pair_node(pair_config(PAIR_B, PAIR_A), 7000);
    pair_now_ms += PEER_KNOCK_MS;
    const struct pair_frame knock = pair_knock(&b);
    struct peer_received received = pair_give(&a, &knock);
    const struct pair_frame hello = pair_reply(&received);
    received = pair_give(&b, &hello);
    ck_assert(received.established); /* and its Hello to A is lost */

    struct pair_frame stray = pair_seal(&b, PEER_CONTROL, "heartbeat");
    received = pair_give(&a, &stray);
    ck_assert_int_eq(received.drop, PEER_DROP_SESSION);
    ck_assert_uint_eq(received.reply_size, 0); /* it may be a late one of an older session */
    pair_now_ms += PEER_SILENT_MS;
    stray = pair_seal(&b, PEER_CONTROL, "heartbeat");
    received = pair_give(&a, &stray);
    ck_assert_uint_eq(received.reply_size, PEER_KNOCK_SIZE);
    pair_converse(&a, &b, pair_reply(&received));
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    pair_ck_delivers(&a, &b, PEER_CONTROL, "x");
    pair_ck_delivers(&b, &a, PEER_CONTROL, "y");
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
    struct peer_session_config config = pair_config(PAIR_B, PAIR_A);

    if (strangers[_i].ledger) config.ledger_id[31] ^= 1;
    if (strangers[_i].incarnation) config.self_incarnation++;
    if (strangers[_i].seed) config.self_key = pair_key(PAIR_C);
    b = pair_node(config, 0);

    const struct pair_frame knock_b = pair_knock(&b);
    struct peer_received received = pair_give(&a, &knock_b);
    ck_assert_int_eq(received.drop, strangers[_i].knock);
    if (received.reply_size > 0) { /* B takes A's Hello and answers with its own */
        const struct pair_frame hello_a = pair_reply(&received);
        received = pair_give(&b, &hello_a);
        const struct pair_frame hello_b = pair_reply(&received);
        pair_ck_drops(&a, &hello_b, strangers[_i].hello);
    }
    const struct pair_frame knock_a = pair_knock(&a);
    struct peer_session_config liar = config;
    memset(liar.ledger_id, 0x11, sizeof liar.ledger_id);
    b = pair_node(liar, 50);
    pair_now_ms += PEER_HELLO_MS;
    received = pair_give(&b, &knock_a);
    struct pair_frame hello = pair_reply(&received);
    ck_assert_uint_eq(hello.size, PEER_HELLO_SIZE);
    if (strangers[_i].ledger) hello.data[12 + 31] ^= 1;
    pair_ck_drops(&a, &hello, strangers[_i].hello);
    ck_assert(!a.session.established);
}
END_TEST

/* Goal: who steals A's own peer key cannot speak as B to A. Method: the thief runs B's side of
 * the protocol, but the only key he has is A's. */
START_TEST(a_stolen_own_key_does_not_make_others)
{
    struct peer_session_config config = pair_config(PAIR_B, PAIR_A);
    config.self_key = pair_key(PAIR_A);
    struct pair_node thief = pair_node(config, 0);
    const struct pair_frame knock = pair_knock(&a);
    const struct peer_received received = pair_give(&thief, &knock);
    const struct pair_frame hello = pair_reply(&received);

    pair_ck_drops(&a, &hello, PEER_DROP_SIGNATURE);

    /* Nor does watching an honest handshake with that key in hand help: frames need the
     * ephemeral secrets. The thief changes a frame. */
    pair_now_ms += PEER_KNOCK_MS;
    pair_connect(&a, &b);
    const struct pair_frame honest = pair_seal(&b, PEER_CONTROL, "granted");
    struct pair_frame forged = honest;
    forged.data[PEER_FRAME_HEADER_SIZE] ^= 1;
    pair_ck_drops(&a, &forged, PEER_DROP_MAC);
}
END_TEST

/* Goal: a member cannot use another member's Hello as its own answer to a third one. Method:
 * Mallory asks A for a Hello with B's nonce in the Knock, and gives it to B as A's. */
START_TEST(a_hello_for_one_member_is_none_for_another)
{
    struct pair_node a_to_mallory = pair_node(pair_config(PAIR_A, PAIR_C), 0);
    struct pair_frame knock = pair_knock(&b);

    knock.data[7] = PAIR_C; /* from */
    const struct peer_received received = pair_give(&a_to_mallory, &knock);
    struct pair_frame hello = pair_reply(&received);
    ck_assert_uint_eq(hello.size, PEER_HELLO_SIZE);
    pair_ck_drops(&b, &hello, PEER_DROP_ADDRESS);
    hello.data[11] = PAIR_B; /* to */
    pair_ck_drops(&b, &hello, PEER_DROP_SIGNATURE);
}
END_TEST

START_TEST(an_ephemeral_of_small_order_is_refused)
{
    struct session_hello hello = {
        .node_id = PAIR_B, .receiver_id = PAIR_A, .incarnation = 1000 + PAIR_B};
    const struct sign_key key = pair_key(PAIR_B);
    struct pair_frame frame = pair_knock(&a);
    struct bytes_writer writer;
    uint8_t signature[64];

    memset(hello.ledger_id.bytes, 0x11, 32);
    memcpy(hello.nonce, frame.data + 12 + 32, 32);
    session_hello_sign(&hello, &key, signature); /* ephemeral: all zeros */
    writer = bytes_writer(frame.data, sizeof frame.data);
    bytes_put(&writer, (const uint8_t[]){1, 2, 0, 0}, 4);
    bytes_put_u32(&writer, PAIR_B);
    bytes_put_u32(&writer, PAIR_A);
    bytes_put(&writer, hello.ledger_id.bytes, 32);
    bytes_put_u64(&writer, hello.incarnation);
    bytes_put(&writer, hello.ephemeral, 32);
    bytes_put(&writer, hello.own_nonce, 32);
    bytes_put(&writer, hello.nonce, 32);
    bytes_put(&writer, signature, 64);
    frame.size = writer.at;
    ck_assert_uint_eq(frame.size, PEER_HELLO_SIZE);
    pair_ck_drops(&a, &frame, PEER_DROP_SIGNATURE);
    ck_assert(!a.session.established);
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
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
