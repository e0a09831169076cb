/* Goal: what one member does with little space, with none, and with a store that cannot be
 * written. Method: support/lone_node.h; the test says how much space there is, and plays disk,
 * workers and peers. */
#include <string.h>

#include "event/block.h"
#include "support/check_main.h"
#include "support/lone_node.h"

static struct lone_node lone;

/* The first block of leader 2. */
static void hear_term_start(void)
{
    const struct fixture_chain before = lone.chain;
    const struct bytes block =
        fixture_block(&lone.fixture, &lone.chain, BLOCK_TERM_START, true, (struct bytes){0});

    lone_node_hear(&lone, 2,
                   (struct raft_message){.type = RAFT_APPEND,
                                         .term = lone.chain.term,
                                         .prev_index = before.index,
                                         .prev_hash = before.hash,
                                         .commit = 1},
                   &block);
}

static void heartbeat(void)
{
    lone_node_hear(
        &lone, 2,
        (struct raft_message){.type = RAFT_HEARTBEAT, .term = lone.chain.term, .commit = 1},
        NULL);
}

static void lead(void)
{
    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_elect(&lone);
    lone_node_acknowledge(&lone, 2, 2);
    lone_node_settle(&lone);
}

static void space(enum space_state state)
{
    struct node_event event = {.type = NODE_SPACE};

    event.space = state;
    lone_node_step(&lone, &event);
}

static const enum space_state scarce[] = {SPACE_LOW, SPACE_FULL};

/* What is not proposed yet and what comes is refused with the reason; leadership goes on. */
START_TEST(leader_without_space_refuses_and_hands_over)
{
    const uint64_t last = 2;

    lead();
    lone_node_append(&lone, 1, lone_node_batch(&lone, "model/a"), lone.now_ms + 1000);
    ck_assert(lone_node_asked(&lone, NODE_WRITE));
    lone_node_append(&lone, 2, lone_node_batch(&lone, "model/b"),
                     lone.now_ms + 1000); /* waits for the write */
    ck_assert_uint_eq(raft_last_index(node_raft(lone.node)), last + 1);
    space(scarce[_i]);
    ck_assert_ptr_null(lone_node_answer(&lone, 1));
    ck_assert_int_eq(lone_node_answer(&lone, 2)->answer_append.code, TALLY_E_BUSY);
    lone_node_append(&lone, 3, lone_node_batch(&lone, "model/c"), lone.now_ms + 1000);
    ck_assert_int_eq(lone_node_answer(&lone, 3)->answer_append.code, TALLY_E_BUSY);
    ck_assert_ptr_nonnull(
        strstr(lone_node_answer(&lone, 3)->answer_append.why, "no space on the disk"));
    lone_node_settle(&lone);
    lone_node_acknowledge(&lone, 2, raft_last_index(node_raft(lone.node)));
    lone_node_settle(&lone);
    ck_assert_int_eq(lone_node_answer(&lone, 1)->answer_append.code, TALLY_OK);
    lone_node_tick(&lone, 1);
    lone_node_acknowledge(&lone, 2, raft_last_index(node_raft(lone.node)));
    ck_assert(lone_node_sent(&lone, RAFT_TIMEOUT_NOW, 2));
    lone_node_close(&lone);
}
END_TEST

START_TEST(leader_with_space_again_accepts)
{
    lead();
    space(SPACE_LOW);
    space(SPACE_GOOD);
    lone_node_append(&lone, 1, lone_node_batch(&lone, "model/a"), lone.now_ms + 1000);
    ck_assert_ptr_null(lone_node_answer(&lone, 1));
    ck_assert(lone_node_asked(&lone, NODE_WRITE));
    lone_node_close(&lone);
}
END_TEST

/* A full disk takes no block: the message is as good as lost, and comes again. */
START_TEST(blocks_are_taken_while_they_fit)
{
    static const struct {
        enum space_state state;
        uint64_t last;
    } rows[] = {{SPACE_GOOD, 2}, {SPACE_LOW, 2}, {SPACE_FULL, 1}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lone_node_open(&lone, 0);
        lone_node_remembered(&lone);
        space(rows[i].state);
        hear_term_start();
        lone_node_settle(&lone);
        ck_assert_uint_eq(raft_last_index(node_raft(lone.node)), rows[i].last);
        ck_assert_uint_eq(store_last(lone.store), rows[i].last);
        lone_node_close(&lone);
    }
}
END_TEST

/* Without space a node votes, but for itself neither asks nor is asked with success. */
START_TEST(votes_for_others_without_space)
{
    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    space(scarce[_i]);
    for (int i = 0; i < 20; i++) lone_node_tick(&lone, 100);
    ck_assert(!lone_node_sent(&lone, RAFT_PREVOTE, 0));
    lone_node_ask_vote(&lone, 2, 5);
    lone_node_settle(&lone);
    ck_assert(lone_node_sent(&lone, RAFT_VOTE_REPLY, 2));
    lone_node_hear(&lone, 2, (struct raft_message){.type = RAFT_HEARTBEAT, .term = 5}, NULL);
    lone_node_hear(&lone, 2, (struct raft_message){.type = RAFT_TIMEOUT_NOW, .term = 5}, NULL);
    ck_assert_int_eq(raft_role(node_raft(lone.node)), RAFT_FOLLOWER);
    lone_node_close(&lone);
}
END_TEST

/* With nobody to follow, who has no space says that it may be the reason. */
START_TEST(without_a_leader_space_is_named)
{
    lone_node_open(&lone, 0);
    lone_node_append(&lone, 1, lone_node_batch(&lone, "model/a"), lone.now_ms + 1000);
    ck_assert_int_eq(lone_node_answer(&lone, 1)->answer_append.code, TALLY_E_NOT_LEADER);
    space(SPACE_FULL);
    lone_node_append(&lone, 2, lone_node_batch(&lone, "model/a"), lone.now_ms + 1000);
    ck_assert_int_eq(lone_node_answer(&lone, 2)->answer_append.code, TALLY_E_BUSY);
    heartbeat();
    lone_node_append(&lone, 3, lone_node_batch(&lone, "model/a"), lone.now_ms + 1000);
    ck_assert_int_eq(lone_node_answer(&lone, 3)->answer_append.code, TALLY_E_NOT_LEADER);
    ck_assert_uint_eq(lone_node_answer(&lone, 3)->answer_append.leader, 2);
    lone_node_close(&lone);
}
END_TEST

/* Whatever happens, a node whose store cannot be written asks for no job and sends nothing. */
START_TEST(read_only_node_only_answers)
{
    struct node_event wait = {.type = NODE_WAIT};

    lone_node_open_read_only(&lone);
    lone_node_remembered(&lone);
    lone_node_ask_vote(&lone, 2, 5);
    hear_term_start();
    heartbeat();
    space(SPACE_GOOD);
    for (int i = 0; i < 20; i++) lone_node_tick(&lone, 100);
    ck_assert_uint_eq(lone.kept_count, 0);
    lone_node_append(&lone, 1, lone_node_batch(&lone, "model/a"), lone.now_ms + 1000);
    ck_assert_int_eq(lone_node_answer(&lone, 1)->answer_append.code, TALLY_E_BUSY);
    ck_assert_ptr_nonnull(
        strstr(lone_node_answer(&lone, 1)->answer_append.why, "no space on the disk"));
    wait.wait.handle = 2;
    wait.wait.kind = NODE_WAIT_RECORDS;
    wait.wait.index = 0; /* genesis is there */
    wait.wait.deadline_ms = lone.now_ms + 1000;
    lone_node_step(&lone, &wait);
    wait.wait.handle = 3;
    wait.wait.index = 100;
    lone_node_step(&lone, &wait);
    wait.wait.handle = 4;
    wait.wait.kind = NODE_WAIT_READ;
    lone_node_step(&lone, &wait);
    lone_node_tick(&lone, 1001);
    ck_assert_uint_eq(lone.kept_count, 4);
    ck_assert_int_eq(lone.kept[1].answer_wait.code, TALLY_OK);
    ck_assert_int_eq(lone.kept[2].answer_wait.code, TALLY_E_NOT_LEADER);
    ck_assert_int_eq(lone.kept[3].answer_wait.code, TALLY_E_TIMEOUT);
    lone_node_close(&lone);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("node_space");
    TCase *tcase = tcase_create("space");

    tcase_add_loop_test(tcase, leader_without_space_refuses_and_hands_over, 0,
                        sizeof scarce / sizeof scarce[0]);
    tcase_add_test(tcase, leader_with_space_again_accepts);
    tcase_add_test(tcase, blocks_are_taken_while_they_fit);
    tcase_add_loop_test(tcase, votes_for_others_without_space, 0,
                        sizeof scarce / sizeof scarce[0]);
    tcase_add_test(tcase, without_a_leader_space_is_named);
    tcase_add_test(tcase, read_only_node_only_answers);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
