/* Who the members are, as the Config blocks of the log say: for the core from their append on,
 * for publication from their being applied on. An event authorises a change, the leader carries
 * it out with a Config block that is the one that apply worked out from the event, byte for
 * byte; nobody else's is taken over. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "event/block.h"
#include "event/ledger_config.h"
#include "loop/node_internal.h"

static const struct publish_member *known_find(const struct node *node, uint32_t id)
{
    for (uint32_t i = 0; i < node->known_count; i++) {
        if (node->known[i].id == id) return &node->known[i];
    }
    return NULL;
}

/* Remember a member for good: blocks that it signed are checked long after it left. Ids are
 * never used again; another key under one is of a Config that was taken back. */
static void know(struct node *node, const struct publish_member *member)
{
    for (uint32_t i = 0; i < node->known_count; i++) {
        if (node->known[i].id != member->id) continue;
        node->known[i] = *member;
        return;
    }
    if (node->known_count == node->known_capacity) {
        const uint32_t capacity = 2 * node->known_capacity + 8;
        struct publish_member *grown = realloc(node->known, capacity * sizeof *grown);

        ASSERT(grown != NULL);
        node->known = grown;
        node->known_capacity = capacity;
    }
    node->known[node->known_count++] = *member;
}

static void members_of(const struct publish_config *config, struct raft_members *ret_members)
{
    *ret_members = (struct raft_members){.count = config->members_count};
    for (uint32_t i = 0; i < config->members_count; i++) {
        ret_members->ids[i] = config->members[i].id;
        ret_members->voters[i] = config->members[i].voter;
    }
}

bool node_members_decode(struct node *node, struct bytes config,
                         struct raft_members *ret_members)
{
    struct publish_config *next = malloc(sizeof *next); /* too large for the stack */
    enum tally_err err;

    ASSERT(next != NULL);
    err = publish_config_change(node->config.publish, config, next, NULL);
    if (err == TALLY_OK) {
        members_of(next, ret_members);
        for (uint32_t i = 0; i < next->members_count; i++) know(node, &next->members[i]);
    }
    free(next);
    return err == TALLY_OK;
}

bool node_members_expect(const struct node *node, struct bytes config)
{
    return node->pending != NULL && bytes_equal(buffer_bytes(node->pending), config);
}

const struct publish_member *node_member(const struct node *node, uint32_t id)
{
    return known_find(node, id);
}

/* ---- whom to talk to ---- */

static bool listed(const uint32_t *ids, uint32_t count, uint32_t id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ids[i] == id) return true;
    }
    return false;
}

/* Tell the network who is to be talked to: the members in force, and for a while those who
 * left. */
static void connect(struct node *node)
{
    struct node_action *action = node_action_add(node->out, NODE_MEMBERS);
    uint32_t count = 0;

    action->members.list = calloc(NODE_PEERS_MAX, sizeof *action->members.list);
    ASSERT(action->members.list != NULL);
    for (uint32_t i = 0; i < node->peers_count && count < NODE_PEERS_MAX; i++) {
        const struct publish_member *member = known_find(node, node->peers[i].id);

        if (member == NULL || member->id == node->config.publish->self) continue;
        action->members.list[count] = *member;
        action->members.list[count++].voter = raft_is_voter(node->raft, member->id);
    }
    action->members.count = count;
}

/* The peers follow the members in force; who left stays a while. True: something changed. */
static bool peers_follow(struct node *node)
{
    const struct raft_members *members = raft_members(node->raft);
    const uint64_t leave_at_ms =
        node->now_ms + (uint64_t)node->config.election_ms * RAFT_LEAVE_ELECTIONS;
    bool changed = false;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < node->peers_count; i++) {
        struct node_peer peer = node->peers[i];

        if (listed(members->ids, members->count, peer.id)) {
            peer.leave_at_ms = 0;
        } else if (peer.leave_at_ms == 0) {
            peer.leave_at_ms = leave_at_ms;
        } else if (node->now_ms >= peer.leave_at_ms) {
            changed = true;
            continue;
        }
        node->peers[kept++] = peer;
    }
    node->peers_count = kept;
    for (uint32_t i = 0; i < members->count; i++) {
        bool found = false;

        for (uint32_t k = 0; k < node->peers_count; k++) {
            if (node->peers[k].id == members->ids[i]) found = true;
        }
        if (found || node->peers_count == NODE_PEERS_MAX) continue;
        node->peers[node->peers_count++] = (struct node_peer){.id = members->ids[i]};
        changed = true;
    }
    return changed;
}

void node_members_follow(struct node *node)
{
    if (peers_follow(node)) connect(node);
}

/* ---- start ---- */

enum tally_err node_members_start(struct node *node, const struct node_start *start,
                                  uint64_t commit, struct raft_config_at *ret_configs,
                                  uint32_t *ret_count, struct tally_diag *diag)
{
    uint32_t count = 1;

    for (uint32_t i = 0; i < node->config.publish->members_count; i++)
        know(node, &node->config.publish->members[i]);
    ret_configs[0].index = 1; /* in force when the applied part of the log ends */
    members_of(node->config.publish, &ret_configs[0].members);
    for (uint32_t i = 0; i < start->configs_count; i++) {
        const struct node_config_block *block = &start->configs[i];
        struct raft_members members;

        if (!node_members_decode(node, block->config, &members)) {
            tally_diag_set(diag, "the Config in block %llu does not decode",
                           (unsigned long long)block->index);
            return TALLY_E_CORRUPT;
        }
        if (block->index <= commit) count = 0;
        if (count == RAFT_CONFIGS_MAX) {
            tally_diag_set(diag, "too many Configs above the commit index");
            return TALLY_E_CORRUPT;
        }
        ret_configs[count++] =
            (struct raft_config_at){.index = block->index, .members = members};
    }
    *ret_count = count;
    if (start->pending.size > 0) {
        node->pending = buffer_copy(start->pending);
        ASSERT(node->pending != NULL);
        node->pending_index = start->pending_index;
    }
    return TALLY_OK;
}

void node_members_close(struct node *node)
{
    buffer_release(node->pending);
    free(node->known);
}

/* ---- applied ---- */

void node_members_applied(struct node *node, const struct ledger_block_result *result)
{
    struct publish_config *next;
    struct tally_diag diag = {{0}};

    if (result->config.size > 0) {
        next = malloc(sizeof *next);
        ASSERT(next != NULL);
        if (publish_config_change(node->config.publish, result->config, next, &diag) !=
                TALLY_OK ||
            publish_change(node->publish, next, result->size, &diag) != TALLY_OK) {
            UNREACHABLE("apply has checked the Config");
        }
        for (uint32_t i = 0; i < next->members_count; i++) know(node, &next->members[i]);
        free(next);
        buffer_release(node->pending);
        node->pending = NULL;
        node_log(node->out, "config_applied", result->block, raft_members(node->raft)->count);
    }
    if (result->pending.size > 0) {
        buffer_release(node->pending);
        node->pending = buffer_copy(result->pending);
        ASSERT(node->pending != NULL);
        node->pending_index = result->pending_index;
    }
}

bool node_members_due(const struct node *node)
{
    if (node->pending == NULL || !raft_may_change(node->raft)) return false;
    /* The last Config is carried out, also in the eyes of who trusts the members before it. */
    if (raft_members_index(node->raft) > node->applied || !publish_settled(node->publish)) {
        return false;
    }
    return publish_size(node->publish) > node->pending_index;
}
