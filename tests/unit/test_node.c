/* Goal: the order of what one member does: nothing is told before it is durable, applied before
 * it is committed, answered before it is applied. Method: support/lone_node.h; the test plays
 * disk, workers and peers, and looks at what the node does between any two of their moves. */
#include <stdlib.h>

#include "event/block.h"
#include "support/check_main.h"
#include "support/lone_node.h"

static struct lone_node lone;
static uint64_t heard_term; /* of the last block that was heard */

/* The next block of leader `from`; `commit`: what it says is committed. */
static void hear_block(uint32_t from, uint64_t commit, const struct fixture_chain *before,
                       struct bytes block)
{
    lone_node_hear(&lone, from,
                   (struct raft_message){.type = RAFT_APPEND,
                                         .term = lone.chain.term,
                                         .prev_index = before->index,
                                         .prev_term = before->index == 1 ? 0 : heard_term,
                                         .prev_hash = before->hash,
                                         .commit = commit},
                   &block);
    heard_term = lone.chain.term;
}

/* A TermStart of the chain's leader, heard; returns what was before it. */
static struct fixture_chain hear_term_start(uint64_t commit)
{
    const struct fixture_chain before = lone.chain;

    hear_block(
        lone.chain.leader, commit, &before,
        fixture_block(&lone.fixture, &lone.chain, BLOCK_TERM_START, true, (struct bytes){0}));
    return before;
}

static void heartbeat(uint64_t commit)
{
    lone_node_hear(&lone, lone.chain.leader,
                   (struct raft_message){
                       .type = RAFT_HEARTBEAT, .term = lone.chain.term, .commit = commit},
                   NULL);
}

/* ---- promises ---- */

START_TEST(vote_waits_for_the_disk)
{
    const struct node_action *write;

    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_ask_vote(&lone, 2, 5);
    ck_assert(!lone_node_sent(&lone, RAFT_VOTE_REPLY, 2));
    write = lone_node_find(&lone, NODE_WRITE, 0, 0);
    ck_assert_ptr_nonnull(write);
    ck_assert_uint_eq(write->write.hard_state.term, 5);
    ck_assert_uint_eq(write->write.hard_state.vote, 2);
    lone_node_finish(&lone, NODE_WRITE, true);
    ck_assert(lone_node_sent(&lone, RAFT_VOTE_REPLY, 2));
    lone_node_close(&lone);
}
END_TEST

/* The write that runs when a promise is made does not hold it yet: the next one does. */
START_TEST(promise_waits_for_its_own_write)
{
    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_ask_vote(&lone, 2, 5);
    lone_node_ask_vote(&lone, 3, 6);
    lone_node_finish(&lone, NODE_WRITE, true);
    ck_assert(lone_node_sent(&lone, RAFT_VOTE_REPLY, 2));
    ck_assert(!lone_node_sent(&lone, RAFT_VOTE_REPLY, 3));
    lone_node_finish(&lone, NODE_WRITE, true);
    ck_assert(lone_node_sent(&lone, RAFT_VOTE_REPLY, 3));
    ck_assert_uint_eq(store_hard_state(lone.store).vote, 3);
    lone_node_close(&lone);
}
END_TEST

START_TEST(no_vote_before_the_peers_remembered)
{
    lone_node_open(&lone, 0);
    lone_node_ask_vote(&lone, 2, 5);
    lone_node_settle(&lone);
    ck_assert(!lone_node_sent(&lone, RAFT_VOTE_REPLY, 2));
    lone_node_close(&lone);
}
END_TEST

/* Goal: a stolen key cannot tell a node, whenever it likes, that its log is lost. */
START_TEST(memory_counts_once_and_when_asked)
{
    const struct peer_memory absurd = {.answer = true,
                                       .signed_size = UINT64_MAX,
                                       .match = UINT64_MAX,
                                       .last_index = UINT64_MAX,
                                       .last_term = UINT64_MAX};
    struct node_status status;

    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_hear_memory(&lone, 3, &absurd);
    node_status(lone.node, lone.now_ms, &status);
    ck_assert_uint_eq(status.lost, 0);
    lone_node_close(&lone);

    lone_node_open(&lone, 0); /* a member that answered more than it has is believed */
    lone_node_hear_memory(&lone, 3, &absurd);
    node_status(lone.node, lone.now_ms, &status);
    ck_assert_uint_eq(status.lost, UINT64_MAX);
    lone_node_close(&lone);
}
END_TEST

/* Nothing below what the witness says was signed is signed again after a restart. */
START_TEST(smaller_tree_is_not_signed)
{
    lone_node_open(&lone, 100);
    (void)hear_term_start(2);
    lone_node_finish(&lone, NODE_WRITE, true);
    lone_node_finish(&lone, NODE_VERIFY, true);
    lone_node_finish(&lone, NODE_APPLY, true);
    lone_node_tick(&lone, 1);
    ck_assert(!lone_node_asked(&lone, NODE_SIGN));
    lone_node_close(&lone);
}
END_TEST

/* ---- what is applied ---- */

START_TEST(applied_when_durable_and_checked)
{
    lone_node_open(&lone, 0);
    (void)hear_term_start(2);
    ck_assert(!lone_node_asked(&lone, NODE_APPLY));
    lone_node_finish(&lone, NODE_VERIFY, true);
    ck_assert(!lone_node_asked(&lone, NODE_APPLY)); /* committed and checked, not on our disk */
    lone_node_finish(&lone, NODE_WRITE, true);
    ck_assert(lone_node_asked(&lone, NODE_APPLY));
    lone_node_close(&lone);
}
END_TEST

START_TEST(applied_when_committed)
{
    lone_node_open(&lone, 0);
    (void)hear_term_start(1);
    lone_node_settle(&lone);
    ck_assert_uint_eq(ledger_applied(lone.ledger), 1);
    heartbeat(2);
    lone_node_settle(&lone);
    ck_assert_uint_eq(ledger_applied(lone.ledger), 2);
    lone_node_close(&lone);
}
END_TEST

/* A bad block that is committed all the same is applied with a check of its own: it is Void. */
START_TEST(bad_committed_block_is_checked_by_apply)
{
    lone_node_open(&lone, 0);
    (void)hear_term_start(2);
    lone_node_finish(&lone, NODE_WRITE, true);
    lone_node_finish(&lone, NODE_VERIFY, false);
    ck_assert(lone_node_asked(&lone, NODE_APPLY));
    ck_assert(!lone_node_find(&lone, NODE_APPLY, 0, 0)->apply.verified);
    lone_node_close(&lone);
}
END_TEST

/* A block is truncated while it is written; the one in its place is not on the disk yet. */
START_TEST(truncated_block_is_not_durable)
{
    struct fixture_chain before;

    lone_node_open(&lone, 0);
    before = hear_term_start(1);
    lone.chain = before;
    lone.chain.leader = 3;
    lone.chain.term = 2;
    (void)hear_term_start(2);
    lone_node_finish(&lone, NODE_VERIFY, true);
    lone_node_finish(&lone, NODE_VERIFY, true);
    lone_node_finish(&lone, NODE_WRITE, true);
    ck_assert(!lone_node_asked(&lone, NODE_APPLY));
    lone_node_finish(&lone, NODE_WRITE, true);
    ck_assert(lone_node_asked(&lone, NODE_APPLY));
    lone_node_close(&lone);
}
END_TEST

/* ---- time ---- */

static const struct {
    int64_t ahead_ms;
    bool taken;
} clocks[] = {{0, true}, {NODE_FUTURE_MS, true}, {NODE_FUTURE_MS + 1, false}};

/* Only the future counts, and such a message is lost: it does not even make a leader known. */
START_TEST(block_from_the_future)
{
    lone_node_open(&lone, 0);
    lone.chain.time_ms = lone.wall_ms + (uint64_t)clocks[_i].ahead_ms;
    (void)hear_term_start(1);
    ck_assert_uint_eq(raft_last_index(node_raft(lone.node)), clocks[_i].taken ? 2 : 1);
    ck_assert_uint_eq(raft_leader(node_raft(lone.node)), clocks[_i].taken ? 2 : 0);
    lone_node_close(&lone);
}
END_TEST

START_TEST(time_never_goes_backwards)
{
    struct block_header header;
    const struct node_message *message;

    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone.chain.time_ms = lone.wall_ms + NODE_FUTURE_MS;
    (void)hear_term_start(1);
    lone_node_settle(&lone);
    lone_node_elect(&lone);
    lone_node_forget(&lone);
    /* The answer to the first probe brings block 3, our own. */
    lone_node_hear(&lone, 2,
                   (struct raft_message){.type = RAFT_APPEND_REPLY,
                                         .term = raft_term(node_raft(lone.node)),
                                         .match = 2,
                                         .received = 2},
                   NULL);
    ck_assert(lone_node_sent(&lone, RAFT_APPEND, 2));
    message = lone_node_find(&lone, NODE_SEND, RAFT_APPEND, 2)->send.message;
    ck_assert_uint_eq(message->raft.entries_count, 1);
    ck_assert_int_eq(block_header_decode(buffer_bytes(message->blocks[0]), &header, NULL),
                     TALLY_OK);
    ck_assert_uint_ge(header.time_ms, lone.chain.time_ms);
    lone_node_close(&lone);
}
END_TEST

/* ---- answers ---- */

static void lead(void)
{
    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_elect(&lone);
    lone_node_acknowledge(&lone, 2, 2);
    lone_node_settle(&lone);
}

START_TEST(answered_when_applied)
{
    lead();
    lone_node_append(&lone, 7, lone_node_batch(&lone, "model/a"), lone.now_ms + 1000);
    lone_node_finish(&lone, NODE_WRITE, true);
    ck_assert_ptr_null(lone_node_answer(&lone, 7)); /* durable here alone */
    lone_node_acknowledge(&lone, 2, 3);
    ck_assert_ptr_null(lone_node_answer(&lone, 7)); /* committed, not applied */
    lone_node_finish(&lone, NODE_APPLY, true);
    ck_assert_ptr_nonnull(lone_node_answer(&lone, 7));
    ck_assert_int_eq(lone_node_answer(&lone, 7)->answer_append.code, TALLY_OK);
    lone_node_close(&lone);
}
END_TEST

/* Results are matched by counting events: an append that waited too long keeps its place. */
START_TEST(late_append_keeps_its_place)
{
    lead();
    lone_node_append(&lone, 6, lone_node_batch(&lone, "model/first"), lone.now_ms + 1000);
    lone_node_append(&lone, 7, lone_node_batch(&lone, "model/late"),
                     lone.now_ms + 50); /* gather behind it */
    lone_node_append(&lone, 8, lone_node_batch(&lone, "model/good"), lone.now_ms + 1000);
    lone_node_finish(&lone, NODE_WRITE, true);
    lone_node_settle(&lone);
    lone_node_tick(&lone, 60);
    ck_assert_int_eq(lone_node_answer(&lone, 7)->answer_append.code, TALLY_E_TIMEOUT);
    lone_node_acknowledge(&lone, 2, 4);
    lone_node_settle(&lone);
    ck_assert_int_eq(lone_node_answer(&lone, 8)->answer_append.code, TALLY_OK);
    ck_assert_uint_eq(lone_node_answer(&lone, 8)->answer_append.events[0].index,
                      lone_node_answer(&lone, 6)->answer_append.events[0].index + 2);
    lone_node_close(&lone);
}
END_TEST

/* Another leader's block took the place of the one with the append: its fate is unknown. */
START_TEST(no_result_of_another_leaders_block)
{
    struct fixture_chain before;
    struct bytes other;

    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    (void)hear_term_start(2);
    lone_node_settle(&lone);
    lone_node_elect(&lone);
    lone_node_append(&lone, 7, lone_node_batch(&lone, "model/a"), lone.now_ms + 1000);
    lone_node_settle(&lone);
    lone.chain.leader = 3;
    lone.chain.term = raft_term(node_raft(lone.node)) + 1;
    (void)hear_term_start(2); /* in the place of our TermStart */
    before = lone.chain;
    other = lone_node_batch(&lone, "model/b");
    other = fixture_block_events(&lone.fixture, &lone.chain, true, &other, 1);
    hear_block(3, 4, &before, other);
    lone_node_settle(&lone);
    ck_assert_uint_eq(ledger_applied(lone.ledger), 4);
    ck_assert_ptr_nonnull(lone_node_answer(&lone, 7));
    ck_assert_int_eq(lone_node_answer(&lone, 7)->answer_append.code, TALLY_E_TIMEOUT);
    lone_node_close(&lone);
}
END_TEST

/* Only a leader that applied all of the terms before its own may say that a key is unknown. */
START_TEST(refusal_needs_applied_state)
{
    struct node_event event = {.type = NODE_APPEND};

    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_elect(&lone);
    event.append.handle = 7;
    event.append.batch = buffer_copy(lone_node_batch(&lone, "model/a"));
    event.append.events_count = 1;
    event.append.refused = TALLY_E_UNKNOWN_KEY;
    event.append.deadline_ms = lone.now_ms + 1000;
    lone_node_step(&lone, &event);
    ck_assert_int_eq(lone_node_answer(&lone, 7)->answer_append.code, TALLY_E_BUSY);
    lone_node_forget(&lone);
    lone_node_acknowledge(&lone, 2, 2);
    lone_node_settle(&lone);
    event.append.deadline_ms = lone.now_ms + 1000;
    lone_node_step(&lone, &event);
    ck_assert_int_eq(lone_node_answer(&lone, 7)->answer_append.code, TALLY_E_UNKNOWN_KEY);
    buffer_release(event.append.batch);
    lone_node_close(&lone);
}
END_TEST

/* ---- who must not lead ---- */

/* A disk that is nearly full still follows and votes, but does not campaign. */
START_TEST(no_campaign_without_space)
{
    struct node_event space = {.type = NODE_SPACE, .space = SPACE_LOW};

    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_step(&lone, &space);
    lone_node_tick(&lone, 200);
    ck_assert(!lone_node_sent(&lone, RAFT_PREVOTE, 0));
    lone_node_ask_vote(&lone, 2, 5);
    lone_node_finish(&lone, NODE_WRITE, true);
    ck_assert(lone_node_sent(&lone, RAFT_VOTE_REPLY, 2));
    space.space = SPACE_GOOD;
    lone_node_step(&lone, &space);
    lone_node_tick(&lone, 200);
    ck_assert(lone_node_sent(&lone, RAFT_PREVOTE, 0));
    lone_node_close(&lone);
}
END_TEST

/* ---- clocks ---- */

static void hear_clock(uint32_t from, uint64_t ahead_ms)
{
    lone_node_hear(&lone, from,
                   (struct raft_message){.type = RAFT_APPEND_REPLY,
                                         .term = raft_term(node_raft(lone.node)),
                                         .match = 1,
                                         .received = 1,
                                         .wall_ms = lone.wall_ms + ahead_ms},
                   NULL);
}

/* Ids are never used again: those who came and went must not take the place of the voters of
 * now, or a leader with a wrong clock never learns of it. */
START_TEST(clocks_of_past_members)
{
    bool hands_over = false;

    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_elect(&lone);
    for (uint32_t id = 50; id < 50 + LIMIT_MEMBERS; id++) hear_clock(id, 0);
    hear_clock(2, 60000);
    hear_clock(3, 60000);
    lone_node_forget(&lone);
    lone_node_tick(&lone, 20); /* the clock is looked at, the transfer begins */
    lone_node_tick(&lone, 20);
    for (size_t i = 0; i < lone.kept_count; i++) {
        const struct node_action *action = &lone.kept[i];

        if (action->type != NODE_SEND || action->send.message->kind != NODE_MESSAGE_RAFT)
            continue;
        if (action->send.message->raft.type != RAFT_HEARTBEAT) continue;
        if (action->send.message->raft.successor != RAFT_NOBODY) hands_over = true;
    }
    ck_assert(hands_over);
    lone_node_close(&lone);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("node");
    TCase *tcase = tcase_create("order");

    tcase_add_test(tcase, vote_waits_for_the_disk);
    tcase_add_test(tcase, promise_waits_for_its_own_write);
    tcase_add_test(tcase, no_vote_before_the_peers_remembered);
    tcase_add_test(tcase, memory_counts_once_and_when_asked);
    tcase_add_test(tcase, smaller_tree_is_not_signed);
    tcase_add_test(tcase, applied_when_durable_and_checked);
    tcase_add_test(tcase, applied_when_committed);
    tcase_add_test(tcase, bad_committed_block_is_checked_by_apply);
    tcase_add_test(tcase, truncated_block_is_not_durable);
    tcase_add_loop_test(tcase, block_from_the_future, 0, sizeof clocks / sizeof clocks[0]);
    tcase_add_test(tcase, time_never_goes_backwards);
    tcase_add_test(tcase, answered_when_applied);
    tcase_add_test(tcase, late_append_keeps_its_place);
    tcase_add_test(tcase, no_result_of_another_leaders_block);
    tcase_add_test(tcase, refusal_needs_applied_state);
    tcase_add_test(tcase, no_campaign_without_space);
    tcase_add_test(tcase, clocks_of_past_members);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
