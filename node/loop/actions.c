/* The list of actions: growth, and letting go of what actions hold. */
#include <stdlib.h>

#include "base/assert.h"
#include "loop/node_internal.h"

struct node_action *node_action_add(struct node_actions *actions, enum node_action_type type)
{
    if (actions->count == actions->capacity) {
        const size_t capacity = actions->capacity == 0 ? 32 : actions->capacity * 2;
        struct node_action *items = realloc(actions->items, capacity * sizeof *items);

        ASSERT(items != NULL); /* out of memory: stop, nothing is half done */
        actions->items = items;
        actions->capacity = capacity;
    }
    actions->items[actions->count] = (struct node_action){.type = type};
    return &actions->items[actions->count++];
}

void node_log(struct node_actions *actions, const char *name, uint64_t a, uint64_t b)
{
    struct node_action *action = node_action_add(actions, NODE_LOG);

    action->log.name = name;
    action->log.a = a;
    action->log.b = b;
}

void node_message_release(struct node_message *message)
{
    if (message->kind != NODE_MESSAGE_RAFT || message->raft.type != RAFT_APPEND) return;
    for (size_t i = 0; i < RAFT_BATCH_MAX; i++) {
        buffer_release(message->blocks[i]);
        message->blocks[i] = NULL;
    }
}

void node_action_release(struct node_action *action)
{
    switch (action->type) {
    case NODE_WRITE:
        for (size_t i = 0; i < action->write.blocks_count; i++) {
            buffer_release(action->write.blocks[i]);
        }
        free(action->write.blocks);
        break;
    case NODE_SEND:
        if (action->send.message != NULL) node_message_release(action->send.message);
        free(action->send.message);
        break;
    case NODE_VERIFY:
        buffer_release(action->verify.block);
        break;
    case NODE_ANSWER_APPEND:
        free(action->answer_append.events);
        buffer_release(action->answer_append.checkpoint);
        break;
    case NODE_ANSWER_WAIT:
        buffer_release(action->answer_wait.checkpoint);
        break;
    case NODE_MEMBERS:
        free(action->members.list);
        break;
    case NODE_PUBLISH:
        buffer_release(action->publish.checkpoint);
        break;
    case NODE_APPLY:
    case NODE_SIGN:
    case NODE_READ:
    case NODE_LOG:
        break;
    case NODE_HALT:
        free(action->halt.evidence);
        break;
    }
    action->type = NODE_LOG; /* holds nothing: a second release does nothing */
}

void node_actions_clear(struct node_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++) node_action_release(&actions->items[i]);
    actions->count = 0;
}

void node_actions_free(struct node_actions *actions)
{
    node_actions_clear(actions);
    free(actions->items);
    *actions = (struct node_actions){0};
}
