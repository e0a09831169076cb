/* Sessions under random frames and random delivery. */
#include <string.h>

#include "support/check_main.h"
#include "support/peer_pair.h"

static struct pair_node a, b;

static void setup(void)
{
    pair_setup(&a, &b);
}

START_TEST(garbage_is_dropped)
{
    uint64_t state = 42;

    pair_connect(&a, &b);
    for (int round = 0; round < 20000; round++) {
        struct pair_frame frame = {.size = (size_t)(round % (PEER_HELLO_SIZE + 3))};
        for (size_t i = 0; i < frame.size; i++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
            frame.data[i] = (uint8_t)(state >> 56);
        }
        if (frame.size >= 12 && round % 2 == 0) {
            const uint8_t start[12] = {
                1, (uint8_t)(round % 5), 0, 0, 0, 0, 0, PAIR_B, 0, 0, 0, PAIR_A};
            memcpy(frame.data, start, sizeof start);
        }
        const struct peer_received received = pair_give(&a, &frame);
        ck_assert(received.drop != PEER_DROP_NONE);
        ck_assert(!received.message);
    }
    pair_ck_delivers(&b, &a, PEER_CONTROL, "still here");
}
END_TEST

/* Goal: after any storm of loss and repetition two live members talk again, and never does one
 * side take a frame of a session that the other does not hold. Method: seeded random delivery,
 * then a calm in which each sends a heartbeat. */
START_TEST(storms_end_in_one_session)
{
    uint64_t state = (uint64_t)_i + 1;
    struct pair_frame wire[32] = {0};
    int to_b[32] = {0};
    size_t next = 0;

    for (int step = 0; step < 600; step++) {
        const bool storm = step < 400;
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const uint32_t dice = (uint32_t)(state >> 33);
        struct pair_node *from = step % 2 == 0 ? &a : &b, *to = step % 2 == 0 ? &b : &a;
        struct pair_frame frame = pair_knock(from);

        pair_now_ms += 15;
        if (storm && dice % 97 == 0) *from = pair_node(from->session.config, (uint64_t)dice);
        if (frame.size == 0 && from->session.established)
            frame = pair_seal(from, PEER_CONTROL, "heartbeat");
        wire[next % 32] = frame; /* old frames stay on the wire and may come again */
        to_b[next % 32] = to == &b;
        next++;
        if (storm && dice % 100 < 40) continue; /* lost */
        const size_t pick = storm && dice % 100 < 60 ? dice % 32 : (next - 1) % 32;
        struct pair_node *reader = to_b[pick] != 0 ? &b : &a,
                         *other = to_b[pick] != 0 ? &a : &b;
        frame = wire[pick];
        while (frame.size > 0) {
            const struct peer_received received = pair_give(reader, &frame);
            if (storm && dice % 7 == 0) break;
            frame = pair_reply(&received);
            struct pair_node *turn = reader;
            reader = other;
            other = turn;
        }
    }
    ck_assert(a.session.established);
    ck_assert(b.session.established);
    ck_assert_mem_eq(a.session.session.id, b.session.session.id, SESSION_ID_BYTES);
    pair_ck_delivers(&a, &b, PEER_CONTROL, "x");
    pair_ck_delivers(&b, &a, PEER_BULK, "y");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("peer_storm");
    TCase *tc = tcase_create("storm");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, garbage_is_dropped);
    tcase_add_loop_test(tc, storms_end_in_one_session, 0, 200);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
