/* What the loop does with the actions of one step: nothing here waits. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "loop/run_internal.h"
#include "net/peer_codec.h"

_Static_assert((int)PEER_COSIGNATURE_BYTES == (int)PUBLISH_COSIGNATURE_BYTES, "one form");

void run_send(struct run *run, uint32_t to, const struct node_message *from)
{
    struct peer_message message = {0};
    struct buffer *bytes = NULL;

    if (from->kind == NODE_MESSAGE_MEMORY) {
        message.kind = PEER_MESSAGE_MEMORY;
        message.memory = from->memory;
    } else if (from->kind == NODE_MESSAGE_RAFT) {
        message.kind = PEER_MESSAGE_RAFT;
        message.raft = from->raft;
        if (from->raft.type == RAFT_APPEND) {
            for (uint32_t i = 0; i < from->raft.entries_count; i++) {
                message.blocks[i] = buffer_bytes(from->blocks[i]);
            }
        }
    } else {
        message.kind = PEER_MESSAGE_COSIGNATURE;
        message.cosignature.member = from->cosignature.member;
        message.cosignature.size = from->cosignature.size;
        message.cosignature.root = from->cosignature.root;
        memcpy(message.cosignature.bytes, from->cosignature.bytes, PEER_COSIGNATURE_BYTES);
    }
    if (peer_message_encode(&message, &bytes, NULL) != TALLY_OK) return;
    (void)peer_net_send(run->peers, to, peer_message_channel(&message), buffer_bytes(bytes));
    buffer_release(bytes);
}

/* Move an action to a queue of actions. */
static void hand_over(struct queue *queue, struct node_action *action)
{
    struct node_action *copy = malloc(sizeof *copy);

    ASSERT(copy != NULL);
    *copy = *action;
    action->type = NODE_LOG; /* holds nothing any more */
    if (!queue_push(queue, copy)) {
        /* Closed: the node stops, and nobody waits for the answer. */
        node_action_release(copy);
        free(copy);
    }
}

static void hand_to_workers(struct run *run, struct node_action *action)
{
    struct work *work = run_work_new(WORK_ACTION);

    work->action = *action;
    action->type = NODE_LOG;
    run_work(run, work);
}

static void log_line(struct run *run, const struct node_action *action)
{
    uint64_t left_out = 0;

    if (!log_limit_pass(&run->log_limit, action->log.name, clock_monotonic_ms(), &left_out)) {
        return;
    }
    if (left_out > 0) {
        run_log(run, RUN_LOG_INFO, action->log.name, "left_out=%llu",
                (unsigned long long)left_out);
    }
    run_log(run, RUN_LOG_INFO, action->log.name, "a=%llu b=%llu",
            (unsigned long long)action->log.a, (unsigned long long)action->log.b);
}

static void perform(struct run *run, struct node_action *action)
{
    switch (action->type) {
    case NODE_WRITE:
    case NODE_SIGN:
        hand_over(run->writes, action);
        return;
    case NODE_APPLY:
    case NODE_PUBLISH:
        hand_over(run->applies, action);
        return;
    case NODE_MEMBERS:
        run_members(run, action);
        return;
    case NODE_SEND:
        run_send(run, action->send.to, action->send.message);
        return;
    case NODE_VERIFY:
    case NODE_READ:
    case NODE_ANSWER_APPEND:
    case NODE_ANSWER_WAIT:
        hand_to_workers(run, action);
        return;
    case NODE_LOG:
        log_line(run, action);
        return;
    case NODE_HALT: {
        struct tally_diag diag = {{0}};
        const enum tally_err err =
            run_halt_keep(run->config->data, action->halt.why, action->halt.evidence, &diag);

        if (err != TALLY_OK) { /* it ends all the same */
            run_log(run, RUN_LOG_ERROR, "halt_not_kept", "error=%s why=\"%s\" evidence=\"%s\"",
                    tally_err_name(err), diag.text, action->halt.evidence);
        }
        tally_diag_set(&diag, "%s: docs/operations.md", action->halt.why);
        run_fatal(run, "halted", TALLY_E_SPLIT_VIEW, &diag);
    }
    }
}

void run_perform(struct run *run)
{
    for (size_t i = 0; i < run->actions.count; i++) {
        perform(run, &run->actions.items[i]);
        node_action_release(&run->actions.items[i]);
    }
    run->actions.count = 0;
}

void run_peer_message(struct run *run, uint32_t from, struct bytes bytes)
{
    struct node_event event = {.type = NODE_MESSAGE};
    struct node_message *message = NULL;
    struct peer_message decoded;
    struct arena *arena = NULL;

    if (arena_open(0, &arena) != TALLY_OK) return;
    message = arena_zalloc(arena, 1, sizeof *message);
    if (message == NULL || peer_message_decode(bytes, from, run->publish.self, arena, &decoded,
                                               NULL) != TALLY_OK) {
        goto out;
    }
    switch (decoded.kind) {
    case PEER_MESSAGE_RAFT:
        message->kind = NODE_MESSAGE_RAFT;
        message->raft = decoded.raft;
        if (decoded.raft.type != RAFT_APPEND) break;
        for (uint32_t i = 0; i < decoded.raft.entries_count; i++) {
            message->blocks[i] = buffer_copy(decoded.blocks[i]);
            ASSERT(message->blocks[i] != NULL);
        }
        break;
    case PEER_MESSAGE_COSIGNATURE:
        message->kind = NODE_MESSAGE_COSIGNATURE;
        message->cosignature.member = decoded.cosignature.member;
        message->cosignature.size = decoded.cosignature.size;
        message->cosignature.root = decoded.cosignature.root;
        memcpy(message->cosignature.bytes, decoded.cosignature.bytes, PEER_COSIGNATURE_BYTES);
        break;
    case PEER_MESSAGE_MEMORY:
        message->kind = NODE_MESSAGE_MEMORY;
        message->memory = decoded.memory;
        break;
    }
    event.message.from = from;
    event.message.message = message;
    run_step(run, &event);
    node_message_release(message);
out:
    arena_close(arena);
}
