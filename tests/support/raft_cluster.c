#include "support/raft_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { SETTLE_DELIVERIES_MAX = 100000 };

/* ---- effects ---- */

/* One effect is done; does the node crash after it? */
bool cluster_crashes(struct cluster *cluster, uint32_t id)
{
    if (cluster->crash_in == CLUSTER_NO_CRASH || cluster->crash_in-- > 0) return false;
    cluster->crash_in = CLUSTER_NO_CRASH;
    cluster_crash(cluster, id);
    return true;
}

void cluster_wire_put(struct cluster *cluster, struct cluster_packet *packet)
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
    cluster_wire_put(cluster, packet);
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
    if (cluster_crashes(cluster, id)) return;
    if (fx->persist) write_begin(node, fx);
    for (uint32_t i = 0; i < fx->messages_count; i++) {
        if (cluster_crashes(cluster, id)) return;
        send(cluster, id, &fx->messages[i]);
    }
    if (cluster_crashes(cluster, id)) return;
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
    if (fx->read_round > 0) node->read_round = fx->read_round;
    if (fx->rounds_released > 0) node->reads_released = fx->rounds_released;
    if (node->reads_released >= node->read_round && node->read_waits) {
        node->read_waits = false;
        if (raft_commit(node->raft) < node->read_floor)
            cluster_fail(cluster, "node %u serves a read that is stale", id);
    }
    if (fx->stepped_down) node->read_waits = false;
    if (raft_lost(node->raft).index == 0) node->lost = (struct raft_lost){0};
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
    event->unfit = node->unfit;
    raft_step(node->raft, event, &fx);
    cluster_check(cluster, id, commit_before);
    perform(cluster, id, &fx);
}

static void propose(struct cluster *cluster, uint32_t id, bool term_start,
                    const struct raft_members *members)
{
    struct cluster_node *node = &cluster->nodes[id];
    const struct raft_entry entry =
        cluster_entry(cluster, raft_term(node->raft), cluster->block_size);
    struct raft_event event = {.type = RAFT_EVENT_PROPOSE};

    if (members != NULL) {
        ASSERT(cluster->configs_count < CLUSTER_CONFIGS_MAX);
        cluster->configs[cluster->configs_count++] =
            (struct cluster_config){.hash = entry.hash, .members = *members};
    }
    event.propose.members = members;

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
        propose(cluster, id, true, NULL);
    }
}

void cluster_tick(struct cluster *cluster, uint32_t id)
{
    struct raft_event event = {.type = RAFT_EVENT_TICK};

    cluster_feed(cluster, id, &event);
}

void cluster_read(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    struct raft_event event = {.type = RAFT_EVENT_READ};

    if (!node->up || node->halted) return;
    if (raft_role(node->raft) != RAFT_LEADER) return;
    node->read_floor = cluster->committed_last;
    node->read_waits = true;
    node->read_round = UINT64_MAX; /* until the step says which */
    cluster_feed(cluster, id, &event);
}

bool cluster_propose(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];

    if (!node->up || node->halted || !raft_may_propose(node->raft, cluster->block_size))
        return false;
    if (raft_last_index(node->raft) + 64 >= CLUSTER_LOG_MAX) return false;
    propose(cluster, id, false, NULL);
    return true;
}

bool cluster_change(struct cluster *cluster, uint32_t id, const struct raft_members *members)
{
    struct cluster_node *node = &cluster->nodes[id];

    if (!node->up || node->halted || !raft_may_change(node->raft)) return false;
    if (cluster->configs_count == CLUSTER_CONFIGS_MAX) return false;
    propose(cluster, id, false, members);
    return true;
}

const struct raft_members *cluster_members(const struct cluster *cluster,
                                           const struct raft_entry *entry)
{
    for (size_t i = 0; i < cluster->configs_count; i++) {
        if (memcmp(&cluster->configs[i].hash, &entry->hash, sizeof entry->hash) == 0)
            return &cluster->configs[i].members;
    }
    return NULL;
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
    const struct raft_members *members[RAFT_BATCH_MAX];

    event.message = packet->message;
    event.entries = packet->entries;
    event.entries_members = members;
    for (uint32_t i = 0; i < packet->message.entries_count && i < RAFT_BATCH_MAX; i++) {
        members[i] = cluster_members(cluster, &packet->entries[i]);
    }
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
    cluster_wire_put(cluster, copy);
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
    node->read_round = node->reads_released = 0;
    node->read_waits = false;
    raft_close(node->raft);
    node->raft = NULL;
    node->up = false;
}

void cluster_crash(struct cluster *cluster, uint32_t id)
{
    if (cluster->nodes[id].up) forget(&cluster->nodes[id]);
}

/* The newest committed Config of a disk, and those above it. */
static uint32_t disk_configs(const struct cluster *cluster, const struct cluster_node *node,
                             uint64_t commit, struct raft_config_at *ret_configs)
{
    uint32_t count = 0;

    for (uint64_t index = 1; index <= node->disk_last; index++) {
        const struct raft_members *members = cluster_members(cluster, &node->disk[index]);

        if (members == NULL) continue;
        if (index <= commit) count = 0;
        ASSERT(count < RAFT_CONFIGS_MAX);
        ret_configs[count++] = (struct raft_config_at){.index = index, .members = *members};
    }
    return count;
}

void cluster_restart(struct cluster *cluster, uint32_t id)
{
    struct cluster_node *node = &cluster->nodes[id];
    struct raft_config_at configs[RAFT_CONFIGS_MAX];
    struct raft_config config = {
        .self = id, .election_ms = cluster->election_ms, .heartbeat_ms = cluster->heartbeat_ms};
    struct raft_start start = {.term = node->disk_term,
                               .vote = node->disk_vote,
                               .commit = node->disk_commit,
                               .configs = configs,
                               .lost = node->lost,
                               .ask_peers = node->ask_peers,
                               .now_ms = cluster->now_ms + node->ahead_ms,
                               .random = cluster->random + (uint64_t)id * 20};

    if (node->up) return;
    if (start.commit > node->disk_last) start.commit = node->disk_last;
    start.configs_count = disk_configs(cluster, node, start.commit, configs);
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

struct cluster *cluster_open(uint32_t nodes_count, uint32_t voters_count, uint32_t election_ms,
                             uint32_t heartbeat_ms)
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
    cluster->configs = calloc(CLUSTER_CONFIGS_MAX, sizeof *cluster->configs);
    ASSERT(cluster->configs != NULL && voters_count >= 1 && voters_count <= nodes_count);
    cluster->configs_count = 1;
    cluster->configs[0].hash = cluster->committed[1].hash;
    cluster->configs[0].members.count = voters_count;
    for (uint32_t i = 0; i < voters_count; i++) {
        cluster->configs[0].members.ids[i] = i + 1;
        cluster->configs[0].members.voters[i] = true;
    }
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
    free(cluster->configs);
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
