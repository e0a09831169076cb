/* Recent blocks in memory, the one write in flight, and what follows from its being durable. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "event/block.h"
#include "loop/node_internal.h"

enum { APPLY_BLOCKS_MAX = 64 }; /* blocks in one APPLY job */

struct slot *node_slot(struct node *node, uint64_t index)
{
    struct slot *slot = &node->slots[index % RAFT_RING];

    return index > 0 && slot->index == index ? slot : NULL;
}

bool node_slot_put(struct node *node, uint64_t index, struct buffer *block)
{
    struct slot *slot = &node->slots[index % RAFT_RING];
    struct block_header header;

    if (block_header_decode(buffer_bytes(block), &header, NULL) != TALLY_OK) return false;
    ASSERT(header.index == index);
    if (slot->block != NULL) node->cached_size -= slot->block->size;
    buffer_release(slot->block);
    *slot = (struct slot){
        .index = index,
        .term = header.term,
        .time_ms = header.time_ms,
        .size = (uint32_t)block->size,
        .block = buffer_hold(block),
    };
    block_hash(&header, &slot->hash);
    node->cached_size += block->size;
    if (node->cached_from == 0 || index < node->cached_from) node->cached_from = index;
    return true;
}

void node_slots_truncate(struct node *node, uint64_t from)
{
    struct slot *slot;

    for (uint64_t index = from; (slot = node_slot(node, index)) != NULL; index++) {
        if (slot->block != NULL) node->cached_size -= slot->block->size;
        buffer_release(slot->block);
        *slot = (struct slot){0};
    }
    if (node->durable >= from) node->durable = from - 1;
    if (node->checked >= from) node->checked = from - 1;
}

/* Forget the bytes of the oldest blocks that are on our disk; the last block stays, since the
 * next one continues its time. */
void node_slots_evict(struct node *node)
{
    const uint64_t last = raft_last_index(node->raft);

    while (node->cached_size > node->config.cache_size && node->cached_from < last) {
        struct slot *slot = node_slot(node, node->cached_from);

        if (slot != NULL && slot->block != NULL) {
            if (slot->index > node->durable || slot->index > node->checked) return;
            node->cached_size -= slot->block->size;
            buffer_release(slot->block);
            slot->block = NULL;
        }
        node->cached_from++;
    }
}

static bool write_collected(const struct node *node)
{
    return node->write.hard_state_set || node->write.truncate_from > 0 || node->write.from > 0;
}

uint64_t node_write_newest(const struct node *node)
{
    if (write_collected(node)) return node->write.next;
    return node->write.in_flight ? node->write.number : 0;
}

void node_write_collect(struct node *node, bool hard_state, uint64_t truncate_from,
                        uint64_t from, uint64_t to)
{
    if (hard_state) node->write.hard_state_set = true;
    if (truncate_from > 0) {
        if (node->write.to >= truncate_from) node->write.to = truncate_from - 1;
        if (node->write.to < node->write.from) node->write.from = node->write.to = 0;
        if (node->write.truncate_from == 0 || truncate_from < node->write.truncate_from) {
            node->write.truncate_from = truncate_from;
        }
    }
    if (to >= from && to > 0) {
        if (node->write.from == 0) {
            node->write.from = from;
        } else {
            ASSERT(from == node->write.to + 1);
        }
        node->write.to = to;
    }
}

static struct node_log_end log_end(struct node *node, uint64_t index)
{
    const struct slot *slot = node_slot(node, index);

    ASSERT(slot != NULL);
    return (struct node_log_end){.index = index, .term = slot->term, .hash = slot->hash};
}

void node_write_begin(struct node *node)
{
    const struct store_hard_state hard_state = {
        .term = raft_term(node->raft),
        .vote = raft_vote(node->raft),
        .commit = raft_commit(node->raft),
    };
    struct node_action *action;
    size_t count = 0;

    if (node->write.in_flight || node->halted) return;
    if (!write_collected(node)) return;
    action = node_action_add(node->out, NODE_WRITE);
    action->write.hard_state_set = true; /* the commit index as of every write */
    action->write.hard_state = hard_state;
    node->write.hard_term = hard_state.term;
    action->write.truncate_from = node->write.truncate_from;
    action->write.first = node->write.from;
    node->write.last = node->write.last_term = 0;
    if (node->write.from > 0) {
        count = (size_t)(node->write.to - node->write.from + 1);
        action->write.blocks = calloc(count, sizeof *action->write.blocks);
        ASSERT(action->write.blocks != NULL);
        for (size_t i = 0; i < count; i++) {
            const struct slot *slot = node_slot(node, node->write.from + i);

            ASSERT(slot != NULL && slot->block != NULL);
            action->write.blocks[i] = buffer_hold(slot->block);
            node->write.last_term = slot->term;
        }
        action->write.blocks_count = count;
        node->write.last = node->write.to;
    }
    action->write.lost = raft_lost(node->raft).index > 0;
    if (node->write.truncate_from > 0) {
        action->write.kept = log_end(node, node->write.truncate_from - 1);
    }
    action->write.end = node->write.from > 0            ? log_end(node, node->write.to)
                        : node->write.truncate_from > 0 ? action->write.kept
                                                        : log_end(node, node->durable);
    node->write.in_flight = true;
    node->write.began_ms = node->now_ms;
    node->write.number = node->write.next++;
    node->write.hard_state_set = false;
    node->write.truncate_from = node->write.from = node->write.to = 0;
}

void node_hold(struct node *node, uint64_t write, uint32_t to, struct node_message *message)
{
    if (node->held_count == node->held_capacity) {
        const size_t capacity = node->held_capacity == 0 ? 64 : node->held_capacity * 2;
        struct held_message *held = realloc(node->held, capacity * sizeof *held);

        ASSERT(held != NULL);
        node->held = held;
        node->held_capacity = capacity;
    }
    node->held[node->held_count++] =
        (struct held_message){.write = write, .to = to, .message = message};
}

void node_held_release(struct node *node)
{
    size_t kept = 0;

    for (size_t i = 0; i < node->held_count; i++) {
        const struct held_message held = node->held[i];

        if (held.write > node->write.number || node->write.in_flight) {
            node->held[kept++] = held;
            continue;
        }
        struct node_action *action = node_action_add(node->out, NODE_SEND);

        action->send.to = held.to;
        action->send.message = held.message;
    }
    node->held_count = kept;
}

/* Ask apply for what is committed, on our disk, and verified or found bad. A block that is bad
 * though committed goes alone, to be marked Void. */
void node_apply_begin(struct node *node)
{
    const uint64_t commit = raft_commit(node->raft);
    uint64_t to = commit < node->durable ? commit : node->durable;
    struct node_action *action;
    bool verified;

    if (node->halted || node->apply_to != node->applied) return;
    if (to > node->checked) to = node->checked;
    if (to > node->applied + APPLY_BLOCKS_MAX) to = node->applied + APPLY_BLOCKS_MAX;
    if (to <= node->applied) return;

    const uint64_t first = node->applied + 1;

    if (first <= node->unchecked_to) {
        verified = false;
        if (to > node->unchecked_to) to = node->unchecked_to;
    } else {
        const struct slot *slot = node_slot(node, first);

        verified = slot != NULL && slot->check == CHECK_OK;
        for (uint64_t index = first + 1; index <= to; index++) {
            slot = node_slot(node, index);
            if ((slot != NULL && slot->check == CHECK_OK) != verified) to = index - 1;
        }
    }
    action = node_action_add(node->out, NODE_APPLY);
    action->apply.from = first;
    action->apply.to = to;
    action->apply.verified = verified;
    node->apply_to = to;
}
