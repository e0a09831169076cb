/* Signed statements that contradict each other: this node must stop, and keep them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "event/block.h"
#include "loop/node_internal.h"

enum { HEADER_HEX = 2 * BLOCK_HEADER_SIZE + 1, EVIDENCE_SIZE = 3 * HEADER_HEX + 512 };

static void halt(struct node *node, const char *why, char *evidence)
{
    struct node_action *action = node_action_add(node->out, NODE_HALT);

    node->halted = true;
    action->halt.why = why;
    action->halt.evidence = evidence;
}

/* The header is signed and names the body: it is all that it takes to convict its leader. */
static char *blocks_text(struct node *node, const struct block_header *header,
                         struct bytes other, uint32_t from)
{
    const struct slot *slot = node_slot(node, header->index);
    char ours[HEADER_HEX] = "in the database", hash[65] = "", theirs[HEADER_HEX];
    char *text = malloc(EVIDENCE_SIZE);

    ASSERT(text != NULL);
    if (slot != NULL) bytes_hex(slot->hash.bytes, sizeof slot->hash.bytes, hash);
    if (slot != NULL && slot->block != NULL) {
        bytes_hex(slot->block->data, BLOCK_HEADER_SIZE, ours);
    }
    bytes_hex(other.data, BLOCK_HEADER_SIZE, theirs);
    (void)snprintf(text, EVIDENCE_SIZE,
                   "block=%" PRIu64 " term=%" PRIu64 " leader=%" PRIu32 " sent_by=%" PRIu32
                   "\nour_hash=%s\nour_header=%s\nother_header=%s\n",
                   header->index, header->term, header->leader, from, hash, ours, theirs);
    return text;
}

/* If the leader that the message's block names signed it, somebody signed two. If not, the
 * message was only noise. */
void node_halt_blocks(struct node *node, uint64_t index)
{
    const struct node_message *message = node->incoming;
    const struct publish_member *leader;
    struct block_header header;
    struct bytes block;

    if (node->halted || message == NULL || index <= message->raft.prev_index ||
        index > message->raft.prev_index + message->raft.entries_count) {
        return;
    }
    block = buffer_bytes(message->blocks[index - message->raft.prev_index - 1]);
    if (block_header_decode(block, &header, NULL) != TALLY_OK) return;
    leader = node_member(node, header.leader);
    if (leader == NULL || block_verify(block, &header, leader->peer_key, NULL) != TALLY_OK) {
        node_log(node->out, "evidence_unsigned", index, message->raft.from);
        return;
    }
    halt(node, "two blocks are signed for one place in the log",
         blocks_text(node, &header, block, message->raft.from));
}

void node_halt_roots(struct node *node)
{
    const struct publish_cosignature *other = publish_divergent(node->publish);
    char root[65], bytes[2 * sizeof other->bytes + 1];
    char *text;

    if (node->halted) return;
    text = malloc(EVIDENCE_SIZE);
    ASSERT(text != NULL);
    bytes_hex(other->root.bytes, sizeof other->root.bytes, root);
    bytes_hex(other->bytes, sizeof other->bytes, bytes);
    (void)snprintf(text, EVIDENCE_SIZE,
                   "size=%" PRIu64 " member=%" PRIu32 "\nother_root=%s\nother_cosignature=%s\n",
                   other->size, other->member, root, bytes);
    halt(node, "another member signed another root for the same size", text);
}
