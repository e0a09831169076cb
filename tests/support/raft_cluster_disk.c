/* A node's disk, its signature checks, and what is read for those far behind. */
#include <stdlib.h>

#include "base/assert.h"
#include "support/raft_cluster.h"

enum { DRAIN_MAX = 100000 };

static void write_apply(struct cluster_node *node, const struct cluster_write *write)
{
    node->disk_term = write->term;
    node->disk_vote = write->vote;
    node->disk_commit = write->commit;
    if (write->truncate_from > 0) node->disk_last = write->truncate_from - 1;
    for (uint64_t i = 0; i < write->count; i++) {
        ASSERT(write->first + i == node->disk_last + 1); /* the core leaves no holes */
        ASSERT(write->first + i < CLUSTER_LOG_MAX);
        node->disk[++node->disk_last] = write->entries[i];
    }
}

bool cluster_disk(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    struct raft_event event = {.type = RAFT_EVENT_PERSISTED};
    struct cluster_write write;

    if (!node->up || node->stalled || node->writes_count == 0) return false;
    write = node->writes[node->writes_first];
    node->writes_first = (node->writes_first + 1) % CLUSTER_WRITES_MAX;
    node->writes_count--;
    write_apply(node, &write);
    event.persisted.hard_term = write.term;
    if (write.count > 0) {
        event.persisted.index = write.first + write.count - 1;
        event.persisted.term = write.entries[write.count - 1].term;
    }
    free(write.entries);
    while (node->held_count > 0 && node->held[0]->write <= write.number) {
        struct cluster_packet *packet = node->held[0];

        if (cluster_crashes(cluster, id)) return true;
        node->held_count--;
        for (size_t i = 0; i < node->held_count; i++) node->held[i] = node->held[i + 1];
        cluster_wire_put(cluster, packet);
    }
    if (cluster_crashes(cluster, id)) return true;
    cluster_feed(cluster, id, &event);
    return true;
}

bool cluster_verify(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    struct raft_event event = {.type = RAFT_EVENT_VERIFIED};

    if (!node->up || node->halted || node->checked >= node->verify_to) return false;
    event.verified.index = ++node->checked;
    const struct raft_entry *entry = raft_entry(node->raft, node->checked);

    if (entry == NULL) {
        cluster_fail(cluster, "node %u: a block to be verified left the ring", id);
        return false;
    }
    event.verified.term = entry->term;
    event.verified.ok = !cluster_forged(entry);
    cluster_feed(cluster, id, &event);
    return true;
}

bool cluster_backfill(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    struct raft_event event = {.type = RAFT_EVENT_RANGE_SENT};

    if (!node->up || node->halted || node->backfills_count == 0) return false;
    const struct raft_backfill backfill = node->backfills[0];
    struct raft_message message = {.type = RAFT_APPEND,
                                   .from = id,
                                   .to = backfill.to,
                                   .term = node->backfill_terms[0],
                                   .commit = node->backfill_commits[0],
                                   .prev_index = backfill.from - 1};

    node->backfills_count--;
    for (size_t i = 0; i < node->backfills_count; i++) {
        node->backfills[i] = node->backfills[i + 1];
        node->backfill_terms[i] = node->backfill_terms[i + 1];
        node->backfill_commits[i] = node->backfill_commits[i + 1];
    }
    ASSERT(backfill.from >= 2 && backfill.last <= node->commit_seen);
    event.range_sent.to = backfill.to;
    event.range_sent.first = backfill.from;
    event.range_sent.last = backfill.from - 1;
    if (backfill.from <= node->disk_last) {
        uint64_t last = backfill.last < node->disk_last ? backfill.last : node->disk_last;

        if (last - backfill.from >= RAFT_BATCH_MAX) last = backfill.from + RAFT_BATCH_MAX - 1;
        message.prev_term = node->disk[message.prev_index].term;
        message.prev_hash = node->disk[message.prev_index].hash;
        message.entries_count = (uint32_t)(last - message.prev_index);
        cluster_post(cluster, &message, &node->disk[backfill.from]);
        event.range_sent.last = last;
        event.range_sent.size = (uint64_t)message.entries_count * 1000;
    }
    cluster_feed(cluster, id, &event);
    return true;
}

void cluster_drain(struct cluster *cluster, uint32_t id)
{
    for (int i = 0; i < DRAIN_MAX; i++) {
        const bool disk = cluster_disk(cluster, id);
        const bool verify = cluster_verify(cluster, id);

        if (!cluster_backfill(cluster, id) && !disk && !verify) return;
    }
    cluster_fail(cluster, "node %u never comes to rest", id);
}
