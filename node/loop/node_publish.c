/* From applied boundaries to published checkpoints, and who waits for them. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "loop/node_internal.h"

enum { REPEAT_HEARTBEATS = 10 }; /* a published cosignature is repeated so rarely */

void node_published(struct node *node, enum publish_result result)
{
    switch (result) {
    case PUBLISH_NOTHING:
        return;
    case PUBLISH_REFUSED:
        node_log(node->out, "cosignature_refused", 0, 0);
        return;
    case PUBLISH_DIVERGENT:
        node_log(node->out, "root_divergent", node->boundary.size, 0);
        node_halt_roots(node);
        return;
    case PUBLISH_NEW:
    case PUBLISH_MERGED: {
        const uint64_t size = publish_size(node->publish);
        struct node_action *action = node_action_add(node->out, NODE_PUBLISH);

        action->publish.size = size;
        action->publish.checkpoint =
            buffer_hold((struct buffer *)publish_find(node->publish, size - 1, 0));
        node_client_published(node);
        return;
    }
    }
}

/* Sign the newest boundary that we applied; older ones that nobody signed need no signature. */
void node_sign_begin(struct node *node)
{
    struct node_action *action;

    if (node->halted || node->sign_asked != node->signed_size) return;
    if (node->boundary.size <= node->signed_size) return;
    if (raft_lost(node->raft).index > 0) return; /* we do not hold what we once vouched for */
    /* Applied again after a crash: what was signed then may lie ahead of us. */
    if (node->boundary.size < node->signed_before) return;
    action = node_action_add(node->out, NODE_SIGN);
    action->sign.size = node->boundary.size;
    action->sign.root = node->boundary.root;
    action->sign.time_ms = node->boundary.time_ms;
    node->sign_asked = node->boundary.size;
}

void node_signed(struct node *node, const struct publish_cosignature *signature)
{
    ASSERT(signature->size == node->sign_asked);
    node->signed_size = signature->size;
    node->signature = *signature;
    node->repeat_at_ms = node->now_ms + node->config.heartbeat_ms;
    node_send_cosignature(node);
    node_published(node, publish_add(node->publish, signature));
    node_sign_begin(node);
}

/* Messages get lost: our newest cosignature is repeated, often until it is published. */
void node_repeat_cosignature(struct node *node)
{
    const bool published = publish_size(node->publish) >= node->signature.size;

    if (node->signature.size == 0 || node->now_ms < node->repeat_at_ms) return;
    node->repeat_at_ms = node->now_ms + (uint64_t)node->config.heartbeat_ms *
                                            (published ? REPEAT_HEARTBEATS : 2);
    node_send_cosignature(node);
}

void node_applied(struct node *node, const struct node_event *event)
{
    for (size_t i = 0; i < event->applied.count; i++) {
        const struct ledger_block_result *result = &event->applied.results[i];

        ASSERT(result->block == node->applied + 1);
        node->applied = result->block;
        node->size = result->size;
        if (result->voids_count > 0) {
            node_log(node->out, "void_recorded", result->block, result->voids_count);
        }
        if (result->block == node->boundary_block && result->boundary) {
            node->boundary_size = result->size;
        }
        node_client_applied(node, result);
        node_members_applied(node, result);
        if (!result->boundary) continue;
        node->boundary = (struct ledger_boundary){.block = result->block,
                                                  .size = result->size,
                                                  .time_ms = result->time_ms,
                                                  .root = result->root};
        node_published(node, publish_boundary(node->publish, result->size, &result->root));
    }
    ASSERT(node->applied == node->apply_to);
    node_published(node, publish_retry(node->publish));
    node_client_published(
        node); /* a known result may be covered already; records may be waited for */
    node_sign_begin(node);
}
