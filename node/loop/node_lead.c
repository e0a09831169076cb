/* Leading: when a block is proposed, and what is in it. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "loop/node_internal.h"

enum {
    PROPOSE_EAGER_SIZE = LIMIT_BLOCK_SIZE / 2
}; /* so much waits: propose beside a write in flight */

/* Put a new block at the end of our log. Its events were verified at ingress. */
static void propose(struct node *node, enum block_kind kind, bool boundary, struct buffer *body)
{
    const struct publish_config *config = node->config.publish;
    const uint64_t last = raft_last_index(node->raft);
    const struct slot *previous = node_slot(node, last);
    struct block_header header = {
        .kind = kind,
        .boundary = boundary,
        .leader = config->self,
        .index = last + 1,
        .term = raft_term(node->raft),
        .body_size = (uint32_t)body->size,
    };
    struct buffer *block = buffer_new(BLOCK_HEADER_SIZE + body->size);

    ASSERT(block != NULL && previous != NULL);
    header.time_ms = node->wall_ms > previous->time_ms ? node->wall_ms : previous->time_ms;
    header.previous = previous->hash;
    hash_sha256(body->data, body->size, &header.body_hash);
    block_sign(&header, &config->keys->peer);
    block_header_encode(&header, block->data);
    if (body->size > 0) memcpy(block->data + BLOCK_HEADER_SIZE, body->data, body->size);
    if (!node_slot_put(node, header.index, block)) UNREACHABLE("our own header");
    buffer_release(block);
    node_slot(node, header.index)->check = CHECK_OK;
    if (boundary) {
        node->boundary_block = header.index;
        node->boundary_size = 0;
    }

    struct raft_event event = {.type = RAFT_EVENT_PROPOSE};
    struct raft_members members;

    event.propose.hash = node_slot(node, header.index)->hash;
    event.propose.size = (uint32_t)(BLOCK_HEADER_SIZE + body->size);
    event.propose.term_start = kind == BLOCK_TERM_START;
    if (kind == BLOCK_CONFIG) {
        if (!node_members_decode(node, buffer_bytes(body), &members)) {
            UNREACHABLE("apply made this Config");
        }
        event.propose.members = &members;
    }
    node_feed(node, &event);
    node_checks_advance(node);
}

static void propose_empty(struct node *node, enum block_kind kind, bool boundary)
{
    struct buffer *body = buffer_new(0);

    ASSERT(body != NULL);
    propose(node, kind, boundary, body);
    buffer_release(body);
}

/* Is a boundary of ours still on its way to being published? */
static bool boundary_open(const struct node *node)
{
    if (node->boundary_block == 0) return false;
    return node->boundary_size == 0 || publish_size(node->publish) < node->boundary_size;
}

void node_lead(struct node *node)
{
    if (node->halted || raft_role(node->raft) != RAFT_LEADER) return;
    if (node->lead_term != raft_term(node->raft)) {
        /* The first block of a term commits what came before it (Ongaro 3.6.2), and asks for a
         * checkpoint: what the last leader had under way is unknown. */
        node->lead_term = raft_term(node->raft);
        node->term_block = raft_last_index(node->raft) + 1;
        propose_empty(node, BLOCK_TERM_START, true);
    }
    if (node_members_due(node)) propose(node, BLOCK_CONFIG, true, node->pending);
    while (node->queue.count > 0 && raft_may_propose(node->raft, LIMIT_BLOCK_SIZE)) {
        /* Group commit: while the disk works, appends gather for the next block. */
        if (node->write.in_flight && node_client_queued_size(node) < PROPOSE_EAGER_SIZE) break;
        struct buffer *body =
            node_client_body(node, raft_last_index(node->raft) + 1, raft_term(node->raft));

        propose(node, BLOCK_EVENTS, !boundary_open(node), body);
        buffer_release(body);
    }
    if (node->queue.count == 0 && !boundary_open(node) && !node->write.in_flight &&
        raft_last_index(node->raft) > node->boundary_block &&
        raft_may_propose(node->raft, LIMIT_BLOCK_SIZE)) {
        propose_empty(node, BLOCK_EVENTS, true);
    }
}
