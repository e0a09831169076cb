/* May we lead, and should somebody else? A leader whose disk is slow, that cannot get its
 * checkpoints published, or whose clock the others do not follow, holds up everyone. */
#include <stdlib.h>

#include "base/assert.h"
#include "loop/node_internal.h"

enum {
    SLOW_MS = 10000,       /* group commits may be slow for so long */
    UNPUBLISHED_MS = 5000, /* a boundary may wait for its checkpoint for so long */
    CLOCK_FRESH_MS = 5000, /* what a member's clock said counts for so long */
    HAND_OVER_AGAIN = 10,  /* election time-outs between two tries to hand over */
};

/* Is our newest block, which may not be committed, from a clock far ahead of ours? No honest
 * member takes it from us before its time comes: another must lead, whose log is without it. */
static bool ahead_of_clock(const struct node *node)
{
    const uint64_t index = raft_last_index(node->raft);
    const struct slot *last = &node->slots[index % RAFT_RING];

    return index > raft_commit(node->raft) && last->index == index &&
           last->time_ms > node->wall_ms + node->config.future_ms;
}

const char *node_no_space(const struct node *node)
{
    if (node->config.read_only) {
        return "its disk was full when it started: it only answers reads until there is space";
    }
    switch (node->space) {
    case SPACE_GOOD:
        return NULL;
    case SPACE_LOW:
        return "its disk is nearly full: it does not lead until there is space";
    case SPACE_FULL:
        return "its disk is full: it takes no blocks until there is space";
    }
    UNREACHABLE("space state");
}

const char *node_unfit(const struct node *node)
{
    const char *no_space = node_no_space(node);

    if (no_space != NULL) return no_space;
    if (node->clock_wrong) return "its clock is not that of the other members";
    if (ahead_of_clock(node)) return "its newest block is from the future";
    return NULL;
}

static void hand_over(struct node *node, const char *why)
{
    struct raft_event event = {.type = RAFT_EVENT_TRANSFER};

    if (node->now_ms < node->hand_over_at_ms) return;
    node->hand_over_at_ms = node->now_ms + (uint64_t)node->config.election_ms * HAND_OVER_AGAIN;
    node_log(node->out, why, raft_term(node->raft), 0);
    node_feed(node, &event);
}

/* ---- disk ---- */

void node_fit_space(struct node *node, enum space_state space)
{
    node->space = space;
    if (space != SPACE_GOOD) node_client_no_space(node);
}

/* A write took so long, or takes that long already. */
static void look_at_write(struct node *node, uint64_t took_ms)
{
    const uint64_t election_ms = node->config.election_ms;

    if (node->slow_since_ms == 0) node->slow_since_ms = node->now_ms - took_ms;
    if (raft_role(node->raft) != RAFT_LEADER) return;
    if (took_ms > 2 * election_ms || node->now_ms - node->slow_since_ms >= SLOW_MS) {
        hand_over(node, "disk_slow");
    }
}

void node_fit_written(struct node *node, uint64_t took_ms)
{
    if (took_ms > node->config.election_ms / 2) {
        look_at_write(node, took_ms);
    } else {
        node->slow_since_ms = 0;
    }
}

/* ---- clock ---- */

void node_fit_clock(struct node *node, uint32_t from, uint64_t wall_ms)
{
    size_t at = 0;

    if (wall_ms == 0 || wall_ms > INT64_MAX || !raft_is_voter(node->raft, from)) return;
    while (at < LIMIT_MEMBERS && node->clocks[at].id != from) at++;
    if (at == LIMIT_MEMBERS) { /* the place of who is no voter any more, if any was */
        at = 0;
        while (at < LIMIT_MEMBERS && raft_is_voter(node->raft, node->clocks[at].id)) at++;
    }
    if (at == LIMIT_MEMBERS) return; /* there are no more voters */
    node->clocks[at].id = from;
    node->clocks[at].heard_ms = node->now_ms;
    node->clocks[at].off_ms = (int64_t)wall_ms - (int64_t)node->wall_ms;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* How far our clock is from the median of the voters', our own included. */
static int64_t median_off(const struct node *node)
{
    int64_t off_ms[LIMIT_MEMBERS + 1] = {0}; /* [0] is ours */
    size_t count = 1;

    for (size_t i = 0; i < LIMIT_MEMBERS; i++) {
        if (node->clocks[i].id == 0 || !raft_is_voter(node->raft, node->clocks[i].id)) continue;
        if (node->now_ms - node->clocks[i].heard_ms > CLOCK_FRESH_MS) continue;
        off_ms[count++] = node->clocks[i].off_ms;
    }
    if (count < 3) return 0; /* of two nobody can say which one is wrong */
    qsort(off_ms, count, sizeof off_ms[0], by_value);
    return -off_ms[count / 2];
}

static void look_at_clock(struct node *node)
{
    const int64_t most_ms = (int64_t)node->config.future_ms;
    bool wrong;

    if (raft_role(node->raft) != RAFT_LEADER) {
        /* Nobody tells a follower the time: it may try again after a while. */
        if (node->clock_wrong && node->now_ms >= node->hand_over_at_ms) {
            node->clock_wrong = false;
        }
        return;
    }
    node->clock_off_ms = median_off(node);
    wrong = node->clock_off_ms > most_ms || node->clock_off_ms < -most_ms;
    if (wrong && !node->clock_wrong) {
        node_log(node->out, "clock_wrong",
                 (uint64_t)(node->clock_off_ms < 0 ? -node->clock_off_ms : node->clock_off_ms),
                 node->clock_off_ms < 0);
    }
    node->clock_wrong = wrong;
}

/* ---- publication ---- */

static bool unpublished(struct node *node)
{
    const bool waits =
        raft_role(node->raft) == RAFT_LEADER && node->boundary_block > 0 &&
        (node->boundary_size == 0 || publish_size(node->publish) < node->boundary_size);

    if (!waits) {
        node->unpublished_since_ms = 0;
    } else if (node->unpublished_since_ms == 0) {
        node->unpublished_since_ms = node->now_ms;
    }
    return waits && node->now_ms - node->unpublished_since_ms >= UNPUBLISHED_MS;
}

void node_fit_tick(struct node *node)
{
    look_at_clock(node);
    if (node->write.in_flight &&
        node->now_ms - node->write.began_ms > node->config.election_ms / 2) {
        look_at_write(node, node->now_ms - node->write.began_ms);
    }
    if (raft_role(node->raft) != RAFT_LEADER) {
        node->unpublished_since_ms = 0;
        return;
    }
    if (unpublished(node)) {
        node->unpublished_since_ms = node->now_ms;
        hand_over(node, "unpublished");
    } else if (node_unfit(node) != NULL) {
        hand_over(node, "unfit_to_lead");
    }
}
