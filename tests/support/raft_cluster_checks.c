/* What must hold after every step of every node. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "support/raft_cluster.h"

void cluster_fail(struct cluster *cluster, const char *format, ...)
{
    va_list arguments;

    if (cluster->failure[0] != '\0') return;
    va_start(arguments, format);
    (void)vsnprintf(cluster->failure, sizeof cluster->failure, format, arguments);
    va_end(arguments);
}

static bool same(const struct raft_entry *a, const struct raft_entry *b)
{
    return a->term == b->term && a->size == b->size &&
           memcmp(a->hash.bytes, b->hash.bytes, sizeof a->hash.bytes) == 0;
}

bool cluster_forged(const struct raft_entry *entry)
{
    return entry->hash.bytes[0] == 0xbd;
}

struct raft_entry cluster_entry(struct cluster *cluster, uint64_t term, uint32_t size)
{
    struct raft_entry entry = {.term = term, .size = size};

    cluster->made++;
    for (size_t i = 0; i < 8; i++) {
        entry.hash.bytes[8 + i] = (uint8_t)(cluster->made >> (8 * i));
    }
    if (cluster->forge) entry.hash.bytes[0] = 0xbd;
    cluster->forge = false;
    return entry;
}

static void check_commit(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    const uint64_t commit = raft_commit(node->raft);

    for (uint64_t index = node->commit_seen + 1; index <= commit; index++) {
        const struct raft_entry *entry = raft_entry(node->raft, index);

        if (entry == NULL) {
            cluster_fail(cluster, "node %u: %" PRIu64 " is committed and not in the ring", id,
                         index);
            return;
        }
        if (index <= cluster->committed_last) {
            if (!same(entry, &cluster->committed[index])) {
                cluster_fail(cluster, "node %u: another block is committed at %" PRIu64, id,
                             index);
            }
            continue;
        }
        if (cluster_forged(entry)) cluster_fail(cluster, "a forged block is committed");
        cluster->committed[index] = *entry;
        cluster->committed_last = index;
    }
    node->commit_seen = commit;
}

static void check_durable(struct cluster *cluster, uint32_t id)
{
    const struct raft *raft = cluster->nodes[id].raft;
    const uint64_t commit = raft_commit(raft);
    uint32_t count = 0, voters = 0;

    for (uint32_t i = 1; i <= cluster->nodes_count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];

        if (!raft_is_voter(raft, i)) continue;
        voters++;
        if (node->disk_last >= commit && same(&node->disk[commit], &cluster->committed[commit]))
            count++;
        else if (node->lost.index >= commit &&
                 node->lost.term >= cluster->committed[commit].term)
            count++; /* it acknowledged the block, lost it, and votes as if it had it */
    }
    if (count < voters / 2 + 1) {
        cluster_fail(cluster, "node %u committed %" PRIu64 " that %u disks have", id, commit,
                     count);
    }
}

static void check_leader(struct cluster *cluster, uint32_t id)
{
    const struct raft *raft = cluster->nodes[id].raft;
    const uint64_t term = raft_term(raft), last = cluster->committed_last;

    ASSERT(term < CLUSTER_TERMS_MAX);
    if (cluster->leader_of[term] == id) return;
    if (cluster->leader_of[term] != 0) {
        cluster_fail(cluster, "nodes %u and %u both lead term %" PRIu64,
                     cluster->leader_of[term], id, term);
    }
    cluster->leader_of[term] = id;
    /* An old election may still end after a newer leader has committed. */
    if (cluster->committed[last].term > term) return;
    if (raft_last_index(raft) < last ||
        (raft_entry(raft, last) != NULL &&
         !same(raft_entry(raft, last), &cluster->committed[last]))) {
        cluster_fail(cluster, "node %u leads term %" PRIu64 " without committed block %" PRIu64,
                     id, term, last);
    }
}

void cluster_check(struct cluster *cluster, uint32_t id, uint64_t commit_before)
{
    const struct raft *raft = cluster->nodes[id].raft;

    check_commit(cluster, id);
    if (raft_role(raft) != RAFT_LEADER) return;
    check_leader(cluster, id);
    if (raft_commit(raft) > commit_before) check_durable(cluster, id);
}
