/* What the core wants done: its effects become actions. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "loop/node_internal.h"

/* ---- messages ---- */

static struct node_message *message_new(enum node_message_kind kind)
{
    struct node_message *message = calloc(1, sizeof *message);

    ASSERT(message != NULL);
    message->kind = kind;
    return message;
}

/* Send a message of the core; blocks that are not in memory any more are read from the disk. */
static void send_raft(struct node *node, const struct raft_message *raft, uint64_t write)
{
    struct node_message *message = message_new(NODE_MESSAGE_RAFT);

    message->raft = *raft;
    if (raft->type == RAFT_APPEND_REPLY) message->raft.wall_ms = node->wall_ms;
    for (uint32_t i = 0; raft->type == RAFT_APPEND && i < raft->entries_count; i++) {
        const struct slot *slot = node_slot(node, raft->prev_index + 1 + i);

        if (slot == NULL || slot->block == NULL) {
            struct node_action *action = node_action_add(node->out, NODE_READ);

            action->read.member = raft->to;
            action->read.from = raft->prev_index + 1;
            action->read.to = raft->prev_index + raft->entries_count;
            action->read.message = *raft;
            node_message_release(message);
            free(message);
            return;
        }
        message->blocks[i] = buffer_hold(slot->block);
    }
    if (write > 0) {
        node_hold(node, write, raft->to, message);
        return;
    }
    struct node_action *action = node_action_add(node->out, NODE_SEND);

    action->send.to = raft->to;
    action->send.message = message;
}

void node_send_cosignature(struct node *node)
{
    for (uint32_t i = 0; i < node->peers_count; i++) {
        if (node->peers[i].id == node->config.publish->self) continue;
        struct node_action *action = node_action_add(node->out, NODE_SEND);

        action->send.to = node->peers[i].id;
        action->send.message = message_new(NODE_MESSAGE_COSIGNATURE);
        action->send.message->cosignature = node->signature;
    }
}

/* ---- what the core wants done ---- */

/* Whose signature the block's header has to have. */
static void fill_leader(const struct node *node, const struct slot *slot,
                        struct node_action *action)
{
    const struct publish_member *leader = NULL;
    struct block_header header;

    if (block_header_decode(buffer_bytes(slot->block), &header, NULL) == TALLY_OK) {
        leader = node_member(node, header.leader);
    }
    action->verify.leader_known = leader != NULL;
    if (leader != NULL) {
        memcpy(action->verify.leader_key, leader->peer_key, sizeof action->verify.leader_key);
    }
}

/* Begin to verify blocks; our own are verified before they are proposed. */
static void verify_begin(struct node *node, uint64_t from, uint64_t to)
{
    for (uint64_t index = from; index <= to; index++) {
        struct slot *slot = node_slot(node, index);

        ASSERT(slot != NULL && slot->block != NULL);
        if (slot->check != CHECK_NONE) continue;
        slot->check = CHECK_ASKED;
        struct node_action *action = node_action_add(node->out, NODE_VERIFY);

        action->verify.index = index;
        action->verify.term = slot->term;
        action->verify.block = buffer_hold(slot->block);
        fill_leader(node, slot, action);
    }
}

static void backfill_begin(struct node *node, const struct raft_backfill *backfill)
{
    struct node_action *action = node_action_add(node->out, NODE_READ);

    action->read.member = backfill->to;
    action->read.from = backfill->from;
    action->read.to = backfill->last;
    action->read.answer = true;
    action->read.message = (struct raft_message){
        .type = RAFT_APPEND,
        .from = node->config.publish->self,
        .to = backfill->to,
        .term = raft_term(node->raft),
        .commit = raft_commit(node->raft),
    };
}

/* Keep the bytes of the blocks that the core took over; our own were kept when they were made.
 */
static void take_blocks(struct node *node, const struct raft_effects *fx)
{
    if (node->incoming == NULL || fx->append_last == 0) return;
    for (uint64_t index = fx->append_first; index <= fx->append_last; index++) {
        const uint64_t place = index - node->incoming->raft.prev_index - 1;

        ASSERT(place < node->incoming->raft.entries_count);
        if (!node_slot_put(node, index, node->incoming->blocks[place])) {
            UNREACHABLE("its header was decoded before");
        }
    }
}

static void perform(struct node *node, const struct raft_effects *fx)
{
    if (fx->halt) node_halt_blocks(node, fx->halt_index);
    if (fx->truncate_from > 0) {
        node_client_lost(node, fx->truncate_from);
        node_slots_truncate(node, fx->truncate_from);
    }
    take_blocks(node, fx);
    if (fx->persist) {
        node_write_collect(node, fx->persist_hard_state, fx->truncate_from, fx->append_first,
                           fx->append_last);
    }
    const uint64_t write = node_write_newest(node);

    for (uint32_t i = 0; i < fx->messages_count; i++) {
        send_raft(node, &fx->messages[i], fx->messages[i].after_persist ? write : 0);
    }
    if (fx->verify_last >= fx->verify_first && fx->verify_last > 0) {
        verify_begin(node, fx->verify_first, fx->verify_last);
    }
    for (uint32_t i = 0; i < fx->backfills_count; i++) backfill_begin(node, &fx->backfills[i]);
    for (uint32_t i = 0; i < fx->notes_count; i++) {
        node_log(node->out, raft_note_name(fx->notes[i].code), fx->notes[i].a, fx->notes[i].b);
    }
    if (fx->members_changed) node_members_follow(node);
    if (fx->rounds_released > 0) node_client_released(node, fx->rounds_released);
    if (fx->stepped_down) {
        node->lead_term = 0;
        node_client_stepped_down(node);
    }
}

void node_feed(struct node *node, struct raft_event *event)
{
    event->now_ms = node->now_ms;
    event->random = node->random;
    event->unfit = node_unfit(node) != NULL;
    raft_step(node->raft, event, node->effects);
    perform(node, node->effects);
    node_write_begin(node); /* now, so that later messages of this step are held for it */
}

/* Tell the core, in order, of every block whose check is done. */
void node_checks_advance(struct node *node)
{
    struct slot *slot;

    while ((slot = node_slot(node, node->checked + 1)) != NULL &&
           (slot->check == CHECK_OK || slot->check == CHECK_FAILED)) {
        struct raft_event event = {.type = RAFT_EVENT_VERIFIED};

        node->checked++;
        event.verified.index = slot->index;
        event.verified.term = slot->term;
        event.verified.ok = slot->check == CHECK_OK;
        node_feed(node, &event); /* may truncate: slots and `checked` follow */
    }
}
