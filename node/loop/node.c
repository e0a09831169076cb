/* Events in, actions out. The order within one step: what the event itself changes; the raft
 * step and its effects; then, always in this order, propose, begin a write, begin an apply. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "loop/node_internal.h"

enum {
    BACKLOG_BLOCKS_MAX = 512,    /* blocks that wait for our disk or our checks */
    BACKLOG_BLOCKS_MAX_LOW = 32, /* the same when these may soon be the last that fit */
};

/* What the core needs to know of the blocks of a message. */
struct described {
    uint32_t count;
    struct raft_entry entries[RAFT_BATCH_MAX];
    struct raft_members members[RAFT_BATCH_MAX]; /* of the Configs */
    const struct raft_members *pointers[RAFT_BATCH_MAX];
};

static uint32_t from_of(const struct node_message *message)
{
    return message->raft.from;
}

/* A Config is taken over when it is in our log already, or when it is the one that an event
 * authorised which we applied ourselves. False: not now. */
static bool config_describe(struct node *node, const struct block_header *header,
                            struct bytes block, struct raft_members *ret_members,
                            const struct raft_members **ret_pointer)
{
    const struct slot *slot = node_slot(node, header->index);
    struct tally_hash hash;

    *ret_pointer = NULL;
    if (header->kind != BLOCK_CONFIG || header->index <= raft_commit(node->raft)) return true;
    block_hash(header, &hash);
    if (slot == NULL || !hash_equal(&slot->hash, &hash)) {
        if (!node_members_expect(node, block_body(block))) return false;
    }
    if (!node_members_decode(node, block_body(block), ret_members)) return false;
    *ret_pointer = ret_members;
    return true;
}

/* Do the blocks of an AppendEntries decode, follow each other and their predecessor, and lie
 * not in the future? Fills what the core needs to know of them. */
static bool blocks_describe(struct node *node, const struct node_message *message,
                            struct described *ret_blocks, const char **ret_why)
{
    const struct raft_message *raft = &message->raft;
    struct tally_hash previous = raft->prev_hash;

    ret_blocks->count = raft->entries_count;
    for (uint32_t i = 0; i < raft->entries_count; i++) {
        struct block_header header;

        *ret_why = "blocks_malformed";
        if (block_header_decode(buffer_bytes(message->blocks[i]), &header, NULL) != TALLY_OK) {
            return false;
        }
        if (header.index != raft->prev_index + 1 + i || header.term > raft->term) return false;
        *ret_why = "blocks_unchained";
        if (!hash_equal(&header.previous, &previous)) return false;
        *ret_why = "blocks_in_future";
        if (header.time_ms > node->wall_ms + node->config.future_ms) return false;
        if (!config_describe(node, &header, buffer_bytes(message->blocks[i]),
                             &ret_blocks->members[i], &ret_blocks->pointers[i])) {
            /* Not before its event is applied here: the blocks before it may come already. */
            node_log(node->out, "config_not_expected", from_of(message), header.index);
            ret_blocks->count = i;
            return true;
        }
        block_hash(&header, &previous);
        ret_blocks->entries[i] = (struct raft_entry){
            .term = header.term,
            .size = (uint32_t)message->blocks[i]->size,
            .hash = previous,
        };
    }
    return true;
}

/* Do our disk or our checks lag so far that more blocks would only fill memory? The leader
 * sends them again. */
static bool backlog(const struct node *node)
{
    const uint64_t done = node->durable < node->checked ? node->durable : node->checked;

    return raft_last_index(node->raft) >
           done + (node->space == SPACE_GOOD ? BACKLOG_BLOCKS_MAX : BACKLOG_BLOCKS_MAX_LOW);
}

static void on_raft_message(struct node *node, uint32_t from,
                            const struct node_message *message)
{
    static struct described blocks; /* large; the loop thread's alone */
    struct raft_event event = {.type = RAFT_EVENT_MESSAGE};
    const char *why = "";

    if (message->raft.from != from || message->raft.to != node->config.publish->self) return;
    /* A lost message, in Raft's terms, until there is space again. */
    if (message->raft.entries_count > 0 && node->space == SPACE_FULL) return;
    if (message->raft.entries_count > 0 && backlog(node)) {
        node_log(node->out, "blocks_dropped_backlog", raft_last_index(node->raft),
                 node->checked);
        return;
    }
    event.message = message->raft;
    if (message->raft.type == RAFT_APPEND_REPLY) {
        node_fit_clock(node, from, message->raft.wall_ms);
    }
    if (message->raft.type == RAFT_APPEND) {
        if (message->raft.entries_count > RAFT_BATCH_MAX) return;
        if (!blocks_describe(node, message, &blocks, &why)) {
            /* A lost message, in Raft's terms: the election timer runs on. */
            node_log(node->out, why, from, message->raft.prev_index + 1);
            return;
        }
        event.message.entries_count = blocks.count;
        event.entries = blocks.entries;
        event.entries_members = blocks.pointers;
    }
    node->incoming = message;
    node_feed(node, &event);
    node->incoming = NULL;
}

static void on_message(struct node *node, const struct node_event *event)
{
    const struct node_message *message = event->message.message;

    switch (message->kind) {
    case NODE_MESSAGE_RAFT:
        on_raft_message(node, event->message.from, message);
        return;
    case NODE_MESSAGE_MEMORY:
        node_on_memory(node, event->message.from, &message->memory);
        return;
    case NODE_MESSAGE_COSIGNATURE:
        if (message->cosignature.member != event->message.from) return;
        node_published(node, publish_add(node->publish, &message->cosignature));
        return;
    }
}

static void on_written(struct node *node)
{
    struct raft_event event = {.type = RAFT_EVENT_PERSISTED};
    const uint64_t took_ms = node->now_ms - node->write.began_ms;
    uint64_t reached = node->write.last;

    ASSERT(node->write.in_flight);
    node->write.in_flight = false;
    /* Blocks that were truncated while they were written are not ours any more. */
    if (node->write.truncate_from > 0 && reached >= node->write.truncate_from) {
        reached = node->write.truncate_from - 1;
    }
    if (reached > node->durable) node->durable = reached;
    node_held_release(node);
    event.persisted.index = node->write.last;
    event.persisted.term = node->write.last_term;
    event.persisted.hard_term = node->write.hard_term;
    node_feed(node, &event);
    node_fit_written(node, took_ms);
}

static void on_verified(struct node *node, const struct node_event *event)
{
    struct slot *slot = node_slot(node, event->verified.index);

    if (slot == NULL || slot->term != event->verified.term || slot->check != CHECK_ASKED)
        return;
    slot->check = event->verified.ok ? CHECK_OK : CHECK_FAILED;
    node_checks_advance(node);
}

static void on_read_done(struct node *node, const struct node_event *event)
{
    struct raft_event done = {.type = RAFT_EVENT_RANGE_SENT};

    done.range_sent.to = event->read_done.to;
    done.range_sent.first = event->read_done.first;
    done.range_sent.last = event->read_done.last;
    done.range_sent.size = event->read_done.size;
    node_feed(node, &done);
}

static void on_tick(struct node *node)
{
    struct raft_event tick = {.type = RAFT_EVENT_TICK};

    node_feed(node, &tick);
    node_fit_tick(node);
    node_members_follow(node);
    node_memory_tick(node);
    node_client_expire(node);
    node_sign_begin(node); /* the newest boundary of before a restart */
    node_repeat_cosignature(node);
}

/* Nothing but answers: no vote, no acknowledgement, nothing applied or signed. */
static void step_read_only(struct node *node, const struct node_event *event)
{
    if (event->type == NODE_TICK) node_client_expire(node);
    if (event->type == NODE_APPEND) node_client_append(node, event);
    if (event->type == NODE_WAIT) node_client_wait(node, event);
}

void node_step(struct node *node, const struct node_event *event, struct node_actions *actions)
{
    if (node->halted) return;
    node->out = actions;
    node->now_ms = event->now_ms;
    node->wall_ms = event->wall_ms;
    node->random = event->random;
    if (node->config.read_only) {
        step_read_only(node, event);
        node->out = NULL;
        return;
    }
    switch (event->type) {
    case NODE_TICK:
        on_tick(node);
        break;
    case NODE_MESSAGE:
        on_message(node, event);
        break;
    case NODE_SESSION: {
        struct raft_event reset = {.type = RAFT_EVENT_PEER_RESET};

        reset.peer = event->session_from;
        node_feed(node, &reset);
        break;
    }
    case NODE_APPEND:
        node_client_append(node, event);
        break;
    case NODE_WAIT:
        node_client_wait(node, event);
        break;
    case NODE_WRITTEN:
        on_written(node);
        break;
    case NODE_VERIFIED:
        on_verified(node, event);
        break;
    case NODE_APPLIED:
        node_applied(node, event);
        break;
    case NODE_SIGNED:
        node_signed(node, &event->cosigned);
        break;
    case NODE_READ_DONE:
        on_read_done(node, event);
        break;
    case NODE_TRANSFER: {
        struct raft_event transfer = {.type = RAFT_EVENT_TRANSFER};

        transfer.transfer_to = event->transfer_to;
        node_feed(node, &transfer);
        break;
    }
    case NODE_SPACE:
        node_fit_space(node, event->space);
        break;
    }
    node_lead(node);
    node_write_begin(node);
    node_apply_begin(node);
    node_slots_evict(node);
    node->out = NULL;
}
