/* Starting from what the disk held, ending, and looking in from outside. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "loop/node_internal.h"

/* The blocks that the disk had: into the cache, and what the core needs to know of them. */
static enum tally_err take_start(struct node *node, const struct node_start *start,
                                 struct raft_entry *entries, struct tally_diag *diag)
{
    struct tally_hash previous = {0};

    for (size_t i = 0; i < start->blocks_count; i++) {
        const struct store_block *stored = &start->blocks[i];
        struct buffer *block = buffer_copy(stored->data);
        struct block_header header;
        enum tally_err err;

        if (block == NULL) return TALLY_E_NO_MEMORY;
        err = block_header_decode(stored->data, &header, diag);
        if (err == TALLY_OK && (header.index != stored->index ||
                                (i > 0 && !hash_equal(&header.previous, &previous)))) {
            tally_diag_set(diag, "block %llu does not follow the block before it",
                           (unsigned long long)stored->index);
            err = TALLY_E_CORRUPT;
        }
        if (err == TALLY_OK && !node_slot_put(node, stored->index, block))
            err = TALLY_E_MALFORMED;
        buffer_release(block);
        if (err != TALLY_OK) return err;
        block_hash(&header, &previous);
        entries[i] = (struct raft_entry){
            .term = header.term, .size = (uint32_t)stored->data.size, .hash = previous};
    }
    return TALLY_OK;
}

/* Are there others that could remember something of us? */
static bool asks(const struct raft_members *members, uint32_t self)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->voters[i] && members->ids[i] != self) return true;
    }
    return false;
}

static enum tally_err start_raft(struct node *node, const struct node_start *start,
                                 struct tally_diag *diag)
{
    const struct publish_config *publish = node->config.publish;
    const uint64_t last = start->blocks[0].index + start->blocks_count - 1;
    uint64_t commit =
        start->hard_state.commit > start->applied ? start->hard_state.commit : start->applied;
    struct raft_config config = {.self = publish->self,
                                 .election_ms = node->config.election_ms,
                                 .heartbeat_ms = node->config.heartbeat_ms};
    struct raft_start core = {.term = start->hard_state.term,
                              .vote = start->hard_state.vote,
                              .first = start->blocks[0].index,
                              .entries_count = start->blocks_count,
                              .lost = start->lost,
                              .now_ms = node->now_ms,
                              .random = node->random};
    struct raft_entry *entries = calloc(start->blocks_count, sizeof *entries);
    struct raft_config_at configs[RAFT_CONFIGS_MAX];
    enum tally_err err;

    if (entries == NULL) return TALLY_E_NO_MEMORY;
    if (commit > last) commit = last; /* committed, but not on this disk when it stopped */
    core.configs = configs;
    err = node_members_start(node, start, commit, configs, &core.configs_count, diag);
    core.ask_peers =
        err == TALLY_OK && asks(&configs[core.configs_count - 1].members, publish->self);
    node->asking = core.ask_peers;
    if (err == TALLY_OK) err = take_start(node, start, entries, diag);
    core.commit = commit;
    core.entries = entries;
    if (err == TALLY_OK) err = raft_open(&config, &core, &node->raft);
    free(entries);
    if (err == TALLY_E_INVALID)
        tally_diag_set(diag, "the log above the commit index is too long");
    node->durable = last;
    node->checked = node->unchecked_to = commit;
    return err;
}

enum tally_err node_open(const struct node_setup *setup, const struct node_start *start,
                         uint64_t now_ms, uint64_t random, struct node **ret_node,
                         struct tally_diag *diag)
{
    struct node *node = calloc(1, sizeof *node);
    enum tally_err err = TALLY_E_NO_MEMORY;

    ASSERT(start->blocks_count > 0 && setup->publish->keys != NULL);
    if (node == NULL) return err;
    node->config = *setup;
    node->now_ms = now_ms;
    node->random = random;
    node->write.next = 1;
    node->applied = node->apply_to = start->applied;
    node->size = start->size;
    node->boundary = start->boundary;
    node->signed_before = start->signed_size;
    node->slots = calloc(RAFT_RING, sizeof *node->slots);
    node->effects = calloc(1, sizeof *node->effects);
    if (node->slots == NULL || node->effects == NULL) goto out;
    err = start_raft(node, start, diag);
    if (err == TALLY_OK) err = publish_open(setup->publish, &node->publish, diag);
    if (err != TALLY_OK) goto out;
    publish_restore(node->publish, start->checkpoint);
    if (start->boundary.size > 0 &&
        publish_boundary(node->publish, start->boundary.size, &start->boundary.root) ==
            PUBLISH_DIVERGENT) {
        tally_diag_set(diag, "the stored checkpoint has another root than the records");
        err = TALLY_E_CORRUPT;
        goto out;
    }
    *ret_node = node;
    return TALLY_OK;

out:
    node_close(node);
    return err;
}

void node_close(struct node *node)
{
    if (node == NULL) return;
    node_client_close(node);
    for (size_t i = 0; i < node->held_count; i++) {
        node_message_release(node->held[i].message);
        free(node->held[i].message);
    }
    free(node->held);
    for (size_t i = 0; node->slots != NULL && i < RAFT_RING; i++) {
        buffer_release(node->slots[i].block);
    }
    free(node->slots);
    free(node->effects);
    node_members_close(node);
    publish_close(node->publish);
    raft_close(node->raft);
    free(node);
}

void node_status(const struct node *node, uint64_t now_ms, struct node_status *ret_status)
{
    const struct raft_members *members = raft_members(node->raft);

    *ret_status = (struct node_status){
        .role = raft_role(node->raft),
        .term = raft_term(node->raft),
        .leader = raft_leader(node->raft),
        .last = raft_last_index(node->raft),
        .commit = raft_commit(node->raft),
        .applied = node->applied,
        .size = node->size,
        .published = publish_size(node->publish),
        .lost = raft_lost(node->raft).index,
        .asking = node->asking,
        .unfit = node_unfit(node),
        .clock_off_ms = node->clock_off_ms,
        .successor = raft_successor(node->raft),
        .members_count = members->count,
    };
    for (uint32_t i = 0; i < members->count; i++) {
        const struct publish_member *member = node_member(node, members->ids[i]);
        uint64_t heard_ms = 0;

        ret_status->members[i].id = members->ids[i];
        ret_status->members[i].voter = members->voters[i];
        if (member != NULL) {
            strcpy(ret_status->members[i].name, member->name);
            strcpy(ret_status->members[i].site, member->site);
        }
        raft_peer(node->raft, members->ids[i], &ret_status->members[i].match, &heard_ms);
        ret_status->members[i].heard_ms_ago = heard_ms == 0 ? UINT64_MAX : now_ms - heard_ms;
    }
}

const struct raft *node_raft(const struct node *node)
{
    return node->raft;
}

struct bytes node_checkpoint(const struct node *node)
{
    const uint64_t size = publish_size(node->publish);
    const struct buffer *checkpoint =
        size == 0 ? NULL : publish_find(node->publish, size - 1, 0);

    return checkpoint == NULL ? (struct bytes){0} : buffer_bytes(checkpoint);
}
