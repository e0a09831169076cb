/* A machine's snapshot takes the log and its witness back in time together: then only the other
 * members can tell. So a node that starts asks them what they remember of it, and gives no vote
 * before so many answered that, with it, they could elect a leader. */
#include <stdlib.h>

#include "base/assert.h"
#include "loop/node_internal.h"

enum {
    ASK_HEARTBEATS = 4,
    LATE_HEARTBEATS = 16, /* an answer that comes when others sufficed is heard for so long */
};

static void send(struct node *node, uint32_t to, const struct peer_memory *memory)
{
    struct node_message *message = calloc(1, sizeof *message);
    struct node_action *action;

    ASSERT(message != NULL); /* out of memory: stop, nothing is half done */
    message->kind = NODE_MESSAGE_MEMORY;
    message->memory = *memory;
    action = node_action_add(node->out, NODE_SEND);
    action->send.to = to;
    action->send.message = message;
}

void node_memory_tick(struct node *node)
{
    const struct raft_members *members = raft_members(node->raft);
    const struct peer_memory question = {0};

    if (!node->asking || node->now_ms < node->ask_at_ms) return;
    node->ask_at_ms = node->now_ms + (uint64_t)node->config.heartbeat_ms * ASK_HEARTBEATS;
    for (uint32_t i = 0; i < members->count; i++) {
        if (!members->voters[i] || members->ids[i] == node->config.publish->self) continue;
        send(node, members->ids[i], &question);
    }
}

static void answer(struct node *node, uint32_t to)
{
    const uint64_t last = raft_last_index(node->raft);
    struct peer_memory memory = {
        .answer = true,
        .signed_size = publish_signed_by(node->publish, to),
        .last_index = last,
        .last_term = raft_entry(node->raft, last)->term,
    };
    uint64_t heard_ms;

    if (raft_role(node->raft) == RAFT_LEADER) {
        raft_peer(node->raft, to, &memory.match, &heard_ms);
    }
    send(node, to, &memory);
}

/* Does a member remember more than we hold? What exactly that was nobody can say: at most all
 * that this member has. */
static struct raft_lost beyond(struct node *node, const struct peer_memory *memory)
{
    const uint64_t signed_size =
        node->signed_size > node->signed_before ? node->signed_size : node->signed_before;
    struct raft_lost lost = {0};

    if (memory->match <= raft_last_index(node->raft) && memory->signed_size <= signed_size) {
        return lost;
    }
    if (memory->signed_size > signed_size) node->signed_before = memory->signed_size;
    lost.index = memory->last_index;
    lost.term = memory->last_term;
    return lost;
}

/* With ourselves, could those who answered elect a leader? */
static bool enough(const struct node *node)
{
    const struct raft_members *members = raft_members(node->raft);
    uint32_t voters = 0, told = 0;

    for (uint32_t i = 0; i < members->count; i++) {
        if (!members->voters[i]) continue;
        voters++;
        told += node->told >> i & 1;
    }
    return told + 1 >= voters / 2 + 1;
}

/* Was this asked, and not answered yet? A member whose key was stolen could else take away, at
 * any time and again and again, what each of the others may do. */
static bool expected(const struct node *node, uint32_t from)
{
    const struct raft_members *members = raft_members(node->raft);
    const uint64_t late_ms = (uint64_t)node->config.heartbeat_ms * LATE_HEARTBEATS;

    if (!node->asking && node->now_ms >= node->ask_at_ms + late_ms) return false;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->ids[i] == from) return (node->told >> i & 1) == 0;
    }
    return false;
}

void node_on_memory(struct node *node, uint32_t from, const struct peer_memory *memory)
{
    const struct raft_members *members = raft_members(node->raft);
    struct raft_event event = {.type = RAFT_EVENT_REMEMBERED};

    if (!memory->answer) {
        answer(node, from);
        return;
    }
    if (!expected(node, from)) return;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->ids[i] == from) node->told |= UINT32_C(1) << i;
    }
    event.lost = beyond(node, memory);
    if (event.lost.index > 0) {
        node_log(node->out, "peer_remembers_more", from, memory->signed_size);
    } else if (!node->asking || !enough(node)) {
        return;
    }
    node->asking = node->asking && !enough(node);
    node_feed(node, &event);
}
