/* One core, one event at a time: what it refuses to start with, whom it votes for, and what it
 * does with a message out of the ordinary. Each row changes one thing of a good one. */
#include <stdlib.h>
#include <string.h>

#include "raft/raft.h"
#include "support/check_main.h"

enum { SELF = 1, FIRST = 10, COUNT = 6, COMMIT = 12, LAST = FIRST + COUNT - 1 };

static struct raft_effects fx;

static struct raft_entry entry(uint64_t term, uint8_t hash)
{
    struct raft_entry made = {.term = term, .size = 1000};

    memset(made.hash.bytes, hash, sizeof made.hash.bytes);
    return made;
}

/* Blocks 10..15; the terms of the last ones are 3 4 4 5, block 12 is committed. */
static const uint64_t terms[COUNT] = {3, 3, 3, 4, 4, 5};

static struct raft *open_core(uint64_t term, uint32_t vote)
{
    struct raft_entry entries[COUNT];
    const struct raft_config_at members = {
        .index = FIRST,
        .members = {.count = 3, .ids = {1, 2, 3}, .voters = {true, true, true}}};
    const struct raft_config config = {.self = SELF, .election_ms = 100, .heartbeat_ms = 20};
    const struct raft_start start = {.term = term,
                                     .vote = vote,
                                     .commit = COMMIT,
                                     .first = FIRST,
                                     .entries = entries,
                                     .entries_count = COUNT,
                                     .configs = &members,
                                     .configs_count = 1,
                                     .now_ms = 1000};
    struct raft *raft = NULL;

    for (uint8_t i = 0; i < COUNT; i++) entries[i] = entry(terms[i], (uint8_t)(FIRST + i));
    ck_assert_int_eq(raft_open(&config, &start, &raft), TALLY_OK);
    return raft;
}

static void give(struct raft *raft, struct raft_message message,
                 const struct raft_entry *entries)
{
    struct raft_event event = {.type = RAFT_EVENT_MESSAGE, .now_ms = 1000};

    message.to = SELF;
    if (message.from == 0) message.from = 2;
    event.message = message;
    event.entries = entries;
    raft_step(raft, &event, &fx);
}

static const struct raft_message *sent(enum raft_message_type type)
{
    for (uint32_t i = 0; i < fx.messages_count; i++) {
        if (fx.messages[i].type == type) return &fx.messages[i];
    }
    return NULL;
}

/* ---- start ---- */

static const struct {
    const char *name;
    uint32_t self, voters, heartbeat_ms;
    uint64_t first, commit;
    size_t entries_count;
    bool ok;
} starts[] = {
    {"good", 1, 3, 20, 10, 12, 6, true},
    {"one voter", 1, 1, 20, 10, 12, 6, true},
    {"everything committed", 1, 3, 20, 10, 15, 6, true},
    {"nothing but genesis", 1, 3, 20, 1, 1, 1, true},
    {"a full ring", 1, 3, 20, 1, 1, RAFT_RING, true},
    {"more than a ring", 1, 3, 20, 1, 1, RAFT_RING + 1, false},
    {"no blocks", 1, 3, 20, 10, 12, 0, false},
    {"commit index before the first block", 1, 3, 20, 10, 9, 6, false},
    {"commit index behind the last block", 1, 3, 20, 10, 16, 6, false},
    {"blocks from 0", 1, 3, 20, 0, 1, 6, false},
    {"not a member", 4, 3, 20, 10, 12, 6, true},
    {"no id", 0, 3, 20, 10, 12, 6, false},
    {"no voters", 1, 0, 20, 10, 12, 6, false},
    {"too many voters", 1, LIMIT_VOTERS + 1, 20, 10, 12, 6, false},
    {"no heartbeat", 1, 3, 0, 10, 12, 6, false},
    {"heartbeat over half the election time-out", 1, 3, 51, 10, 12, 6, false},
};

START_TEST(start)
{
    struct raft_entry *entries = calloc(RAFT_RING + 1, sizeof *entries);
    struct raft_config config = {
        .self = starts[_i].self, .election_ms = 100, .heartbeat_ms = starts[_i].heartbeat_ms};
    struct raft_config_at members = {.index = 1, .members = {.count = starts[_i].voters}};
    const struct raft_start from = {.configs = &members,
                                    .configs_count = 1,
                                    .first = starts[_i].first,
                                    .commit = starts[_i].commit,
                                    .entries = entries,
                                    .entries_count = starts[_i].entries_count};
    struct raft *raft = NULL;

    for (uint32_t i = 0; i < starts[_i].voters; i++) {
        members.members.ids[i] = i + 1;
        members.members.voters[i] = true;
    }
    ck_assert_ptr_nonnull(entries);
    const enum tally_err err = raft_open(&config, &from, &raft);
    ck_assert_msg(err == (starts[_i].ok ? TALLY_OK : TALLY_E_INVALID), "%s: %s",
                  starts[_i].name, tally_err_text(err));
    ck_assert(starts[_i].ok == (raft != NULL));
    raft_close(raft);
    free(entries);
}
END_TEST

/* ---- votes: our log ends with block 15 of term 5 ---- */

static const struct {
    const char *name;
    enum raft_message_type type;
    uint64_t own_term;
    uint32_t own_vote;
    uint64_t term, last, last_term;
    bool granted;
} votes[] = {
    {"same log", RAFT_VOTE, 5, 0, 6, 15, 5, true},
    {"longer log", RAFT_VOTE, 5, 0, 6, 16, 5, true},
    {"newer last term, shorter", RAFT_VOTE, 5, 0, 7, 11, 6, true},
    {"shorter log", RAFT_VOTE, 5, 0, 6, 14, 5, false},
    {"older last term, longer", RAFT_VOTE, 5, 0, 6, 99, 4, false},
    {"our own term, free", RAFT_VOTE, 6, 0, 6, 15, 5, true},
    {"our own term, again", RAFT_VOTE, 6, 2, 6, 15, 5, true},
    {"our own term, given away", RAFT_VOTE, 6, 3, 6, 15, 5, false},
    {"newer term, given away before", RAFT_VOTE, 6, 3, 7, 15, 5, true},
    {"older term", RAFT_VOTE, 6, 0, 5, 15, 5, false},
    {"pre-vote", RAFT_PREVOTE, 6, 0, 7, 15, 5, true},
    {"pre-vote, voted in that term", RAFT_PREVOTE, 6, 3, 7, 15, 5, true},
    {"pre-vote for our own term", RAFT_PREVOTE, 6, 0, 6, 15, 5, false},
    {"pre-vote, shorter log", RAFT_PREVOTE, 6, 0, 7, 14, 5, false},
};

START_TEST(vote)
{
    struct raft *raft = open_core(votes[_i].own_term, votes[_i].own_vote);
    const bool pre = votes[_i].type == RAFT_PREVOTE;
    const struct raft_message *reply;

    give(raft,
         (struct raft_message){.type = votes[_i].type,
                               .term = votes[_i].term,
                               .last_index = votes[_i].last,
                               .last_term = votes[_i].last_term},
         NULL);
    reply = sent(pre ? RAFT_PREVOTE_REPLY : RAFT_VOTE_REPLY);
    ck_assert_ptr_nonnull(reply);
    ck_assert_msg(reply->granted == votes[_i].granted, "%s", votes[_i].name);
    ck_assert(reply->to == 2 && reply->after_persist == !pre);
    if (pre) {
        ck_assert_uint_eq(raft_term(raft), votes[_i].own_term);
        ck_assert(!fx.persist);
    } else if (votes[_i].granted) {
        ck_assert_uint_eq(raft_vote(raft), 2);
        ck_assert_uint_eq(raft_term(raft), votes[_i].term);
    }
    raft_close(raft);
}
END_TEST

/* ---- AppendEntries at a follower of term 6 ---- */

enum outcome { ACCEPTED, REJECTED, DROPPED, HALTED };

static const struct {
    const char *name;
    uint64_t prev, prev_term;
    uint8_t prev_hash;
    uint32_t count;
    uint8_t terms[3], hashes[3]; /* of the blocks */
    uint64_t commit;
    enum outcome outcome;
    uint64_t last, match, commit_after; /* match: received; rejected: hint */
} appends[] = {
    {"probe at the end", 15, 5, 15, 0, {0}, {0}, 12, ACCEPTED, 15, 15, 12},
    {"one more", 15, 5, 15, 1, {6}, {16}, 12, ACCEPTED, 16, 16, 12},
    {"commit index behind the message", 15, 5, 15, 1, {6}, {16}, 99, ACCEPTED, 16, 16, 16},
    {"commit index in the middle", 13, 4, 13, 1, {4}, {14}, 99, ACCEPTED, 15, 14, 14},
    {"what we have already", 12, 3, 12, 3, {4, 4, 5}, {13, 14, 15}, 12, ACCEPTED, 15, 15, 12},
    {"from below the commit index", 11, 3, 11, 2, {3, 4}, {12, 13}, 12, ACCEPTED, 15, 13, 12},
    {"wholly below it", 9, 3, 9, 2, {3, 3}, {10, 11}, 12, ACCEPTED, 15, 12, 12},
    {"from below the ring", 2, 1, 2, 3, {1, 1, 1}, {3, 4, 5}, 5, ACCEPTED, 15, 12, 12},
    {"conflict of terms", 13, 4, 13, 2, {6, 6}, {99, 98}, 12, ACCEPTED, 15, 15, 12},
    {"conflict, shorter", 13, 4, 13, 1, {6}, {99}, 12, ACCEPTED, 14, 14, 12},
    {"behind our end", 20, 6, 20, 1, {6}, {21}, 12, REJECTED, 15, 15, 12},
    {"another term at prev", 15, 6, 15, 1, {6}, {16}, 12, REJECTED, 15, 15, 12},
    {"older term at prev: skip ours", 14, 3, 14, 1, {6}, {15}, 12, REJECTED, 15, 12, 12},
    {"another hash at prev", 14, 4, 99, 1, {6}, {15}, 12, REJECTED, 15, 13, 12},
    {"another block at prev, committed", 12, 2, 99, 1, {6}, {13}, 12, REJECTED, 15, 11, 12},
    {"two blocks in one place", 13, 4, 13, 2, {4, 5}, {99, 15}, 12, HALTED, 15, 0, 12},
    {"a committed block contradicted", 10, 3, 10, 1, {3}, {99}, 12, HALTED, 15, 0, 12},
    {"another term where ours is committed", 11, 3, 11, 1, {4}, {99}, 12, HALTED, 15, 0, 12},
    {"terms that fall", 15, 5, 15, 2, {6, 5}, {16, 17}, 12, DROPPED, 15, 0, 12},
    {"a block of an older term than prev", 15, 5, 15, 1, {4}, {16}, 12, DROPPED, 15, 0, 12},
    {"a block of a term to come", 15, 5, 15, 1, {7}, {16}, 12, DROPPED, 15, 0, 12},
    {"no such index", UINT64_MAX, 5, 15, 1, {6}, {16}, 12, DROPPED, 15, 0, 12},
    {"more blocks than a message has", 15, 5, 15, 65, {6}, {16}, 12, DROPPED, 15, 0, 12},
};

START_TEST(append)
{
    struct raft *raft = open_core(6, 0);
    struct raft_entry entries[RAFT_BATCH_MAX] = {{0}};
    const struct raft_message *reply;

    for (uint32_t i = 0; i < 3; i++) {
        entries[i] = entry(appends[_i].terms[i], appends[_i].hashes[i]);
    }
    give(raft,
         (struct raft_message){.type = RAFT_APPEND,
                               .term = 6,
                               .prev_index = appends[_i].prev,
                               .prev_term = appends[_i].prev_term,
                               .prev_hash = entry(0, appends[_i].prev_hash).hash,
                               .entries_count = appends[_i].count,
                               .commit = appends[_i].commit},
         entries);
    reply = sent(RAFT_APPEND_REPLY);
    ck_assert_msg(raft_last_index(raft) == appends[_i].last, "%s", appends[_i].name);
    ck_assert_msg(raft_commit(raft) == appends[_i].commit_after, "%s", appends[_i].name);
    ck_assert_msg(fx.halt == (appends[_i].outcome == HALTED), "%s", appends[_i].name);
    switch (appends[_i].outcome) {
    case ACCEPTED:
        ck_assert_msg(reply != NULL && !reply->rejected, "%s", appends[_i].name);
        ck_assert_msg(reply->received == appends[_i].match, "%s", appends[_i].name);
        ck_assert_msg(reply->match == COMMIT, "%s: nothing is verified", appends[_i].name);
        break;
    case REJECTED:
        ck_assert_msg(reply != NULL && reply->rejected, "%s", appends[_i].name);
        ck_assert_msg(reply->hint_index == appends[_i].match, "%s", appends[_i].name);
        ck_assert_msg(reply->match == 0, "%s", appends[_i].name);
        break;
    case DROPPED:
        ck_assert_msg(reply == NULL && raft_leader(raft) == RAFT_NOBODY, "%s",
                      appends[_i].name);
        break;
    case HALTED:
        ck_assert_msg(reply == NULL && !fx.persist, "%s", appends[_i].name);
        break;
    }
    raft_close(raft);
}
END_TEST

/* ---- messages that are none of ours ---- */

START_TEST(strangers)
{
    struct raft *raft = open_core(6, 0);
    struct raft_event event = {.type = RAFT_EVENT_MESSAGE, .now_ms = 1000};
    static const struct {
        uint32_t from, to;
    } ends[] = {{0, SELF}, {SELF, SELF}, {2, 3}, {2, 0}};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        event.message = (struct raft_message){
            .type = RAFT_HEARTBEAT, .term = 9, .from = ends[i].from, .to = ends[i].to};
        raft_step(raft, &event, &fx);
        ck_assert(fx.messages_count == 0 && !fx.persist && raft_term(raft) == 6);
    }
    for (int type = 0; type < 20; type++) {
        if (type >= RAFT_PREVOTE && type <= RAFT_TIMEOUT_NOW) continue;
        event.message = (struct raft_message){
            .type = (enum raft_message_type)type, .term = 6, .from = 2, .to = SELF};
        raft_step(raft, &event, &fx);
        ck_assert(fx.messages_count == 0 && !fx.persist);
    }
    raft_close(raft);
}
END_TEST

START_TEST(first_step_asks_to_verify_again)
{
    struct raft *raft = open_core(6, 0);
    struct raft_event event = {.type = RAFT_EVENT_TICK, .now_ms = 1000};

    raft_step(raft, &event, &fx);
    ck_assert_uint_eq(fx.verify_first, COMMIT + 1);
    ck_assert_uint_eq(fx.verify_last, LAST);
    raft_step(raft, &event, &fx);
    ck_assert_uint_eq(fx.verify_last, 0);
    raft_close(raft);
}
END_TEST

START_TEST(notes_have_names)
{
    for (int a = 0; a <= RAFT_NOTE_PEER_BEHIND; a++) {
        const char *name = raft_note_name((enum raft_note_code)a);

        ck_assert(name != NULL && name[0] != '\0');
        for (int b = 0; b < a; b++) {
            ck_assert_str_ne(name, raft_note_name((enum raft_note_code)b));
        }
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("raft");
    TCase *tcase = tcase_create("core");

    tcase_add_loop_test(tcase, start, 0, sizeof starts / sizeof starts[0]);
    tcase_add_loop_test(tcase, vote, 0, sizeof votes / sizeof votes[0]);
    tcase_add_loop_test(tcase, append, 0, sizeof appends / sizeof appends[0]);
    tcase_add_test(tcase, strangers);
    tcase_add_test(tcase, first_step_asks_to_verify_again);
    tcase_add_test(tcase, notes_have_names);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
