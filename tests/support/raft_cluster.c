#include "support/raft_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { DRAIN_MAX = 100000, SETTLE_DELIVERIES_MAX = 100000 };

/* ---- effects ---- */

/* One effect is done; does the node crash after it? */
static bool crashes(struct cluster *cluster, uint32_t id)
{
    if (cluster->crash_in == CLUSTER_NO_CRASH || cluster->crash_in-- > 0) return false;
    cluster->crash_in = CLUSTER_NO_CRASH;
    cluster_crash(cluster, id);
    return true;
}

static void wire_put(struct cluster *cluster, struct cluster_packet *packet)
{
    packet->at_ms = cluster->now_ms;
    if (cluster->wire_count == CLUSTER_WIRE_MAX ||
        cluster->cut[packet->message.from][packet->message.to]) {
        free(packet); /* lost */
        return;
    }
    cluster->wire[cluster->wire_count++] = packet;
}

void cluster_post(struct cluster *cluster, const struct raft_message *message,
                  const struct raft_entry *entries)
{
    struct cluster_packet *packet = calloc(1, sizeof *packet);

    ASSERT(packet != NULL && message->entries_count <= RAFT_BATCH_MAX);
    packet->message = *message;
    packet->message.after_persist = false;
    for (uint32_t i = 0; i < message->entries_count; i++) packet->entries[i] = entries[i];
    wire_put(cluster, packet);
}

static void send(struct cluster *cluster, uint32_t id, const struct raft_message *message)
{
    struct cluster_node *node = &cluster->nodes[id];
    struct raft_entry entries[RAFT_BATCH_MAX];
    struct cluster_packet *packet;

    for (uint32_t i = 0; i < message->entries_count; i++) {
        const struct raft_entry *entry = raft_entry(node->raft, message->prev_index + 1 + i);

        ASSERT(entry != NULL);
        entries[i] = *entry;
    }
    if (!message->after_persist || node->writes_count == 0) {
        cluster_post(cluster, message, entries);
        return;
    }
    ASSERT(message->entries_count == 0);
    packet = calloc(1, sizeof *packet);
    ASSERT(packet != NULL && node->held_count < CLUSTER_HELD_MAX);
    packet->message = *message;
    packet->write = node->write_next - 1;
    node->held[node->held_count++] = packet;
}

static void write_begin(struct cluster_node *node, const struct raft_effects *fx)
{
    struct cluster_write *write;

    ASSERT(node->writes_count < CLUSTER_WRITES_MAX);
    write = &node->writes[(node->writes_first + node->writes_count++) % CLUSTER_WRITES_MAX];
    *write = (struct cluster_write){.number = node->write_next++,
                                    .term = raft_term(node->raft),
                                    .vote = raft_vote(node->raft),
                                    .commit = raft_commit(node->raft),
                                    .truncate_from = fx->truncate_from,
                                    .first = fx->append_first};
    if (fx->append_last == 0) return;
    write->count = fx->append_last - fx->append_first + 1;
    write->entries = calloc(write->count, sizeof *write->entries);
    ASSERT(write->entries != NULL);
    for (uint64_t i = 0; i < write->count; i++) {
        write->entries[i] = *raft_entry(node->raft, write->first + i);
    }
}

static void perform(struct cluster *cluster, uint32_t id, const struct raft_effects *fx)
{
    struct cluster_node *node = &cluster->nodes[id];

    if (fx->halt) node->halted = true;
    if (fx->truncate_from > 0) cluster->truncations++;
    if (fx->truncate_from > 0 && node->checked >= fx->truncate_from) {
        node->checked = fx->truncate_from - 1;
    }
    if (fx->truncate_from > 0 && node->verify_to >= fx->truncate_from) {
        node->verify_to = fx->truncate_from - 1;
    }
    for (uint32_t i = 0; i < fx->notes_count; i++) {
        node->notes[node->notes_count++ % CLUSTER_NOTES_MAX] = fx->notes[i];
    }
    if (crashes(cluster, id)) return;
    if (fx->persist) write_begin(node, fx);
    for (uint32_t i = 0; i < fx->messages_count; i++) {
        if (crashes(cluster, id)) return;
        send(cluster, id, &fx->messages[i]);
    }
    if (crashes(cluster, id)) return;
    if (fx->verify_last > 0) {
        if (fx->verify_first != node->verify_to + 1) {
            cluster_fail(cluster, "node %u: a gap in what is to be verified", id);
        }
        node->verify_to = fx->verify_last;
    }
    for (uint32_t i = 0; i < fx->backfills_count; i++) {
        if (node->backfills_count == CLUSTER_NODES_MAX) {
            cluster_fail(cluster, "node %u: more than one backfill for a peer", id);
            return;
        }
        node->backfill_terms[node->backfills_count] = raft_term(node->raft);
        node->backfill_commits[node->backfills_count] = raft_commit(node->raft);
        node->backfills[node->backfills_count++] = fx->backfills[i];
    }
    if (fx->became_leader) node->term_start_due = true;
    if (fx->stepped_down) node->term_start_due = false;
}

static void step(struct cluster *cluster, uint32_t id, struct raft_event *event)
{
    static struct raft_effects fx; /* large; written whole by every step */
    struct cluster_node *node = &cluster->nodes[id];
    const uint64_t commit_before = raft_commit(node->raft);

    event->now_ms = cluster->now_ms + node->ahead_ms;
    event->random = cluster->random + (uint64_t)id * 20;
    raft_step(node->raft, event, &fx);
    cluster_check(cluster, id, commit_before);
    perform(cluster, id, &fx);
}

static void propose(struct cluster *cluster, uint32_t id, bool term_start)
{
    struct cluster_node *node = &cluster->nodes[id];
    const struct raft_entry entry =
        cluster_entry(cluster, raft_term(node->raft), cluster->block_size);
    struct raft_event event = {.type = RAFT_EVENT_PROPOSE};

    event.propose.hash = entry.hash;
    event.propose.size = entry.size;
    event.propose.term_start = term_start;
    step(cluster, id, &event);
}

void cluster_feed(struct cluster *cluster, uint32_t id, struct raft_event *event)
{
    struct cluster_node *node = &cluster->nodes[id];

    if (!node->up || node->halted) return;
    step(cluster, id, event);
    if (node->up && node->term_start_due) {
        node->term_start_due = false;
        propose(cluster, id, true);
    }
}

void cluster_tick(struct cluster *cluster, uint32_t id)
{
    struct raft_event event = {.type = RAFT_EVENT_TICK};

    cluster_feed(cluster, id, &event);
}

bool cluster_propose(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];

    if (!node->up || node->halted || !raft_may_propose(node->raft, cluster->block_size))
        return false;
    if (raft_last_index(node->raft) + 64 >= CLUSTER_LOG_MAX) return false;
    propose(cluster, id, false);
    return true;
}

/* ---- disk, checks, backfill ---- */

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

        if (crashes(cluster, id)) return true;
        node->held_count--;
        for (size_t i = 0; i < node->held_count; i++) node->held[i] = node->held[i + 1];
        wire_put(cluster, packet);
    }
    if (crashes(cluster, id)) return true;
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

/* ---- wire ---- */

static struct cluster_packet *wire_take(struct cluster *cluster, size_t at)
{
    struct cluster_packet *packet = cluster->wire[at];

    ASSERT(at < cluster->wire_count);
    cluster->wire_count--;
    memmove(&cluster->wire[at], &cluster->wire[at + 1],
            (cluster->wire_count - at) * sizeof cluster->wire[0]);
    return packet;
}

void cluster_deliver(struct cluster *cluster, size_t at)
{
    struct cluster_packet *packet = wire_take(cluster, at);
    struct raft_event event = {.type = RAFT_EVENT_MESSAGE};

    event.message = packet->message;
    event.entries = packet->entries;
    cluster_feed(cluster, packet->message.to, &event);
    free(packet);
}

void cluster_lose(struct cluster *cluster, size_t at)
{
    free(wire_take(cluster, at));
}

void cluster_repeat(struct cluster *cluster, size_t at)
{
    struct cluster_packet *copy = calloc(1, sizeof *copy);

    ASSERT(copy != NULL && at < cluster->wire_count);
    *copy = *cluster->wire[at];
    wire_put(cluster, copy);
}

/* ---- life ---- */

static void forget(struct cluster_node *node)
{
    for (size_t i = 0; i < node->writes_count; i++) {
        free(node->writes[(node->writes_first + i) % CLUSTER_WRITES_MAX].entries);
    }
    for (size_t i = 0; i < node->held_count; i++) free(node->held[i]);
    node->writes_first = node->writes_count = node->held_count = node->backfills_count = 0;
    node->notes_count = 0;
    node->term_start_due = false;
    raft_close(node->raft);
    node->raft = NULL;
    node->up = false;
}

void cluster_crash(struct cluster *cluster, uint32_t id)
{
    if (cluster->nodes[id].up) forget(&cluster->nodes[id]);
}

void cluster_restart(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    struct raft_config config = {.self = id,
                                 .voters_count = cluster->nodes_count,
                                 .election_ms = cluster->election_ms,
                                 .heartbeat_ms = cluster->heartbeat_ms};
    struct raft_start start = {.term = node->disk_term,
                               .vote = node->disk_vote,
                               .commit = node->disk_commit,
                               .now_ms = cluster->now_ms + node->ahead_ms,
                               .random = cluster->random + (uint64_t)id * 20};

    if (node->up) return;
    for (uint32_t i = 0; i < config.voters_count; i++) config.voters[i] = i + 1;
    if (start.commit > node->disk_last) start.commit = node->disk_last;
    start.first = start.commit > 8 ? start.commit - 8 : 1;
    start.entries = &node->disk[start.first];
    start.entries_count = (size_t)(node->disk_last - start.first + 1);
    node->write_next = 1;
    node->checked = node->verify_to = node->commit_seen = start.commit;
    node->halted = false;
    if (raft_open(&config, &start, &node->raft) != TALLY_OK) {
        cluster_fail(cluster, "node %u does not start", id);
        return;
    }
    node->up = true;
    for (uint32_t i = 1; i <= cluster->nodes_count; i++) {
        struct raft_event event = {.type = RAFT_EVENT_PEER_RESET};

        event.peer = id; /* a new session with everyone */
        if (i != id) cluster_feed(cluster, i, &event);
    }
}

struct cluster *cluster_open(uint32_t nodes_count, uint32_t election_ms, uint32_t heartbeat_ms)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);

    ASSERT(cluster != NULL && nodes_count >= 1 && nodes_count <= CLUSTER_NODES_MAX);
    cluster->nodes_count = nodes_count;
    cluster->election_ms = election_ms;
    cluster->heartbeat_ms = heartbeat_ms;
    cluster->now_ms = 1000;
    cluster->block_size = 1000;
    cluster->crash_in = CLUSTER_NO_CRASH;
    cluster->committed = calloc(CLUSTER_LOG_MAX, sizeof *cluster->committed);
    ASSERT(cluster->committed != NULL);
    cluster->committed[1] = cluster_entry(cluster, 0, 1000);
    cluster->committed_last = 1;
    for (uint32_t i = 1; i <= nodes_count; i++) {
        struct cluster_node *node = &cluster->nodes[i];

        node->disk = calloc(CLUSTER_LOG_MAX, sizeof *node->disk);
        ASSERT(node->disk != NULL);
        node->disk[1] = cluster->committed[1];
        node->disk_last = node->disk_commit = 1;
        cluster_restart(cluster, i);
    }
    return cluster;
}

void cluster_close(struct cluster *cluster)
{
    while (cluster->wire_count > 0) cluster_lose(cluster, cluster->wire_count - 1);
    for (uint32_t i = 1; i <= cluster->nodes_count; i++) {
        cluster_crash(cluster, i);
        free(cluster->nodes[i].disk);
    }
    free(cluster->committed);
    free(cluster);
}

void cluster_settle(struct cluster *cluster, uint32_t rounds)
{
    for (uint32_t round = 0; round < rounds; round++) {
        size_t deliveries = 0;

        cluster->now_ms += cluster->heartbeat_ms;
        for (uint32_t i = 1; i <= cluster->nodes_count; i++) {
            cluster_tick(cluster, i);
            cluster_drain(cluster, i);
        }
        for (size_t at = 0; at < cluster->wire_count;) {
            const uint32_t to = cluster->wire[at]->message.to;

            if (cluster->wire[at]->put_aside) {
                at++;
                continue;
            }
            cluster_deliver(cluster, at);
            cluster_drain(cluster, to);
            if (++deliveries > SETTLE_DELIVERIES_MAX) {
                cluster_fail(cluster, "the wires never come to rest");
                return;
            }
        }
    }
}

uint32_t cluster_leader(const struct cluster *cluster)
{
    uint32_t leader = 0;

    for (uint32_t i = 1; i <= cluster->nodes_count; i++) {
        const struct raft *raft = cluster->nodes[i].raft;

        if (!cluster->nodes[i].up || raft_role(raft) != RAFT_LEADER) continue;
        if (leader == 0 || raft_term(raft) > raft_term(cluster->nodes[leader].raft)) leader = i;
    }
    return leader;
}
