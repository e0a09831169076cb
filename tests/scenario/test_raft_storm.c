/* Goal: the safety of Raft whatever wires, disks and crashes do, and progress once they are
 * well. Method: 3 to 7 real cores; one seed draws the weather of a run, so that some are calm
 * and some awful, and then every event in it: loss, doubles, delays longer than an election,
 * one-way and full partitions, slow disks and checks, forged blocks, crashes between any two
 * effects. Then all heals and everything must converge. The checks are those of
 * support/raft_cluster.h. A failure names its seed; SIM_SEED=1234 runs that one alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/raft_cluster.h"

enum { SEEDS = 300, GROUPS = 10, STORM_MS = 8000, CALM_ROUNDS = 250, ELECTION_MS = 150 };

struct storm {
    struct cluster *cluster;
    uint64_t rng;
    struct {
        uint32_t loss_percent, double_percent, delay_ms, crash_permille, partition_permille;
        uint32_t disk_percent, verify_percent, propose_percent, forge_permille, jump_permille;
        uint32_t change_permille, transfer_permille, cut_percent;
        uint32_t weak;                /* the node whose disk may come back shorter */
        uint64_t random_max;          /* small: elections collide */
        uint32_t down_ms;             /* a crashed node is back after about so long */
        uint32_t voter_crash_percent; /* right after it decided on a vote */
        bool leader_apart; /* partitions cut off the leader, whose own log grows on */
    } weather;
    uint64_t crashes, proposals, committed, terms, truncations, changes, losses, reads;
};

static uint64_t draw(struct storm *storm, uint64_t below) /* splitmix64 */
{
    uint64_t z = (storm->rng += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static void draw_weather(struct storm *storm)
{
    static const uint32_t delays_ms[] = {2, 10, 60, 200, 500};
    static const uint32_t crashes[] = {0, 1, 5, 20};
    static const uint32_t partitions[] = {0, 1, 4, 10};
    static const uint32_t jumps[] = {0, 1, 3, 8};
    static const uint32_t downs_ms[] = {5, 40, 300, 1000};
    /* Of the largest blocks every message holds one alone, so logs end in more places. */
    static const uint32_t sizes[] = {1000, 1000, 100000, LIMIT_BLOCK_SIZE};
    const bool forgers = draw(storm, 4) == 0;

    storm->weather.loss_percent = (uint32_t)draw(storm, 31);
    storm->weather.double_percent = (uint32_t)draw(storm, 20);
    storm->weather.delay_ms = delays_ms[draw(storm, 5)];
    storm->weather.crash_permille = crashes[draw(storm, 4)];
    storm->weather.partition_permille = partitions[draw(storm, 4)];
    storm->weather.jump_permille = jumps[draw(storm, 4)];
    storm->weather.disk_percent = 2 + (uint32_t)draw(storm, 98);
    storm->weather.verify_percent = 2 + (uint32_t)draw(storm, 98);
    storm->weather.propose_percent = 1 + (uint32_t)draw(storm, 30);
    storm->weather.forge_permille = forgers ? 20 : 0;
    storm->weather.change_permille = draw(storm, 2) == 0 ? 0 : 3;
    storm->weather.transfer_permille = draw(storm, 2) == 0 ? 0 : 2;
    storm->weather.cut_percent = draw(storm, 3) == 0 ? 50 : 0;
    storm->weather.weak = 1 + (uint32_t)draw(storm, storm->cluster->nodes_count);
    storm->weather.random_max = draw(storm, 3) == 0 ? 10 : UINT64_C(1) << 40;
    storm->weather.voter_crash_percent = draw(storm, 3) == 0 ? 30 : 0;
    storm->weather.down_ms = downs_ms[draw(storm, 4)];
    storm->weather.leader_apart = draw(storm, 2) == 0;
    storm->cluster->block_size = sizes[draw(storm, 4)];
}

/* Every event gets its own random number, and may end in a crash after any of its effects. */
static void prepare(struct storm *storm)
{
    struct cluster *cluster = storm->cluster;

    cluster->random = 1 + draw(storm, storm->weather.random_max);
    cluster->crash_in = CLUSTER_NO_CRASH;
    if (draw(storm, 1000) < storm->weather.crash_permille) {
        cluster->crash_in = (uint32_t)draw(storm, 5);
    }
}

/* Give the messages that were sent since wire[from] their fate. */
static void weather_on_wire(struct storm *storm, size_t from)
{
    struct cluster *cluster = storm->cluster;

    for (size_t at = from; at < cluster->wire_count;) {
        if (draw(storm, 100) < storm->weather.loss_percent) {
            cluster_lose(cluster, at);
            continue;
        }
        cluster->wire[at]->at_ms = cluster->now_ms + 1 + draw(storm, storm->weather.delay_ms);
        if (draw(storm, 100) < storm->weather.double_percent) cluster_repeat(cluster, at);
        at++;
    }
}

static void partition(struct storm *storm)
{
    struct cluster *cluster = storm->cluster;
    const uint32_t count = cluster->nodes_count;
    const uint32_t leader = cluster_leader(cluster);
    uint32_t side = (uint32_t)draw(storm, UINT64_C(1) << count);
    const bool one_way = draw(storm, 3) == 0;

    if (draw(storm, 2) == 0) {
        memset(cluster->cut, 0, sizeof cluster->cut);
        return;
    }
    if (storm->weather.leader_apart && leader != 0) side = UINT32_C(1) << (leader - 1);
    for (uint32_t a = 1; a <= count; a++) {
        for (uint32_t b = 1; b <= count; b++) {
            const bool left = (side >> (a - 1)) & 1, right = (side >> (b - 1)) & 1;

            cluster->cut[a][b] = left != right && (!one_way || left);
        }
    }
}

static void deliveries(struct storm *storm)
{
    struct cluster *cluster = storm->cluster;
    size_t at = 0, count = cluster->wire_count;

    while (at < cluster->wire_count && count-- > 0) {
        const size_t before = cluster->wire_count;
        const struct raft_message *m = &cluster->wire[at]->message;
        const uint32_t voter = m->type == RAFT_VOTE ? m->to : 0;

        if (cluster->wire[at]->at_ms > cluster->now_ms) {
            at++;
            continue;
        }
        prepare(storm);
        cluster_deliver(cluster, at);
        weather_on_wire(storm, before - 1);
        if (voter != 0 && draw(storm, 100) < storm->weather.voter_crash_percent) {
            cluster_crash(cluster, voter);
            storm->crashes++;
        }
    }
}

/* One member more, one less, or one with another role. */
static void change_members(struct storm *storm, uint32_t leader)
{
    struct cluster *cluster = storm->cluster;
    struct raft_members members = *raft_members(cluster->nodes[leader].raft);
    const uint32_t id = 1 + (uint32_t)draw(storm, cluster->nodes_count);
    uint32_t at = 0, voters = 0;

    for (uint32_t i = 0; i < members.count; i++) voters += members.voters[i];
    while (at < members.count && members.ids[at] < id) at++;
    if (at == members.count || members.ids[at] != id) { /* a learner more */
        memmove(&members.ids[at + 1], &members.ids[at],
                (members.count - at) * sizeof members.ids[0]);
        memmove(&members.voters[at + 1], &members.voters[at],
                (members.count - at) * sizeof members.voters[0]);
        members.ids[at] = id;
        members.voters[at] = false;
        members.count++;
    } else if (!members.voters[at]) {
        members.voters[at] = true;
    } else if (voters > 3) { /* so many that one disk may be lost */
        members.count--;
        memmove(&members.ids[at], &members.ids[at + 1],
                (members.count - at) * sizeof members.ids[0]);
        memmove(&members.voters[at], &members.voters[at + 1],
                (members.count - at) * sizeof members.voters[0]);
    }
    if (cluster_change(cluster, leader, &members)) storm->changes++;
}

/* A disk that comes back shorter than it was; what the witness names is known. */
static void cut_short(struct storm *storm, uint32_t id)
{
    struct cluster_node *node = &storm->cluster->nodes[id];
    const struct raft_entry *last = &node->disk[node->disk_last];
    const uint64_t kept = 1 + draw(storm, node->disk_last);

    if (id != storm->weather.weak || draw(storm, 100) >= storm->weather.cut_percent) return;
    if (node->lost.index < node->disk_last) {
        node->lost = (struct raft_lost){
            .index = node->disk_last, .term = last->term, .hash = last->hash};
    }
    node->disk_last = kept;
    storm->losses++;
}

static void lead_turn(struct storm *storm, uint32_t id)
{
    struct cluster *cluster = storm->cluster;

    if (raft_role(cluster->nodes[id].raft) != RAFT_LEADER) return;
    if (draw(storm, 1000) < storm->weather.change_permille) change_members(storm, id);
    if (!cluster->nodes[id].up) return;
    if (draw(storm, 1000) < storm->weather.transfer_permille) {
        struct raft_event event = {.type = RAFT_EVENT_TRANSFER};

        event.transfer_to = (uint32_t)draw(storm, cluster->nodes_count + 1);
        cluster_feed(cluster, id, &event);
    }
    if (draw(storm, 50) != 0) return;
    storm->reads++;
    cluster_read(cluster, id);
}

static void node_turn(struct storm *storm, uint32_t id)
{
    struct cluster *cluster = storm->cluster;
    const size_t before = cluster->wire_count;

    prepare(storm);
    if (!cluster->nodes[id].up) {
        if (draw(storm, storm->weather.down_ms) == 0) {
            cluster->crash_in = CLUSTER_NO_CRASH;
            cut_short(storm, id);
            cluster_restart(cluster, id);
        }
        return;
    }
    if (draw(storm, 1000) < storm->weather.jump_permille) {
        cluster->nodes[id].ahead_ms += draw(storm, ELECTION_MS * 2); /* it slept, or is eager */
    }
    if (draw(storm, 10) == 0) cluster_tick(cluster, id);
    if (draw(storm, 100) < storm->weather.disk_percent) (void)cluster_disk(cluster, id);
    if (draw(storm, 100) < storm->weather.verify_percent) (void)cluster_verify(cluster, id);
    if (draw(storm, 4) == 0) (void)cluster_backfill(cluster, id);
    if (draw(storm, 100) < storm->weather.propose_percent) {
        cluster->forge = draw(storm, 1000) < storm->weather.forge_permille;
        if (cluster_propose(cluster, id)) storm->proposals++;
        cluster->forge = false;
    }
    if (cluster->nodes[id].up) lead_turn(storm, id);
    if (cluster->crash_in != CLUSTER_NO_CRASH && draw(storm, 20) == 0) {
        cluster_crash(cluster, id);
    }
    if (!cluster->nodes[id].up) storm->crashes++;
    cluster->crash_in = CLUSTER_NO_CRASH;
    weather_on_wire(storm, before);
}

static void calm(struct storm *storm)
{
    struct cluster *cluster = storm->cluster;
    uint32_t leader;

    memset(cluster->cut, 0, sizeof cluster->cut);
    cluster->crash_in = CLUSTER_NO_CRASH;
    for (uint32_t id = 1; id <= cluster->nodes_count; id++) cluster_restart(cluster, id);
    for (int round = 0; round < CALM_ROUNDS; round++) {
        cluster->random = 1 + draw(storm, UINT64_C(1) << 40);
        cluster_settle(cluster, 1);
    }
    leader = cluster_leader(cluster);
    if (leader == 0) {
        cluster_fail(cluster, "nobody leads after the storm");
        return;
    }
    (void)cluster_propose(cluster, leader);
    cluster_settle(cluster, 20);
    for (uint32_t id = 1; id <= cluster->nodes_count; id++) {
        const struct cluster_node *node = &cluster->nodes[id];
        const struct raft_members *members = raft_members(cluster->nodes[leader].raft);
        uint32_t at = 0;

        while (at < members->count && members->ids[at] != id) at++;
        if (at == members->count) continue; /* nobody serves it any more */
        if (node->halted) {
            cluster_fail(cluster, "node %u halted", id);
        } else if (raft_commit(node->raft) != raft_last_index(cluster->nodes[leader].raft) ||
                   node->disk_last != raft_commit(node->raft)) {
            cluster_fail(cluster, "node %u is at %" PRIu64 ", the leader at %" PRIu64, id,
                         raft_commit(node->raft), raft_last_index(cluster->nodes[leader].raft));
        }
    }
}

static void run(uint64_t seed, struct storm *ret_storm)
{
    struct storm storm = {.rng = seed};

    const uint32_t nodes = 3 + (uint32_t)draw(&storm, 5);

    storm.cluster =
        cluster_open(nodes, draw(&storm, 2) == 0 ? 3 : nodes, ELECTION_MS, ELECTION_MS / 5);
    draw_weather(&storm);
    for (uint32_t ms = 0; ms < STORM_MS && storm.cluster->failure[0] == '\0'; ms++) {
        storm.cluster->now_ms++;
        if (draw(&storm, 1000) < storm.weather.partition_permille) partition(&storm);
        deliveries(&storm);
        for (uint32_t id = 1; id <= storm.cluster->nodes_count; id++) node_turn(&storm, id);
    }
    if (storm.cluster->failure[0] == '\0') calm(&storm);
    ck_assert_msg(storm.cluster->failure[0] == '\0', "SIM_SEED=%" PRIu64 ": %s", seed,
                  storm.cluster->failure);
    ret_storm->crashes += storm.crashes;
    ret_storm->proposals += storm.proposals;
    ret_storm->committed += storm.cluster->committed_last;
    ret_storm->truncations += storm.cluster->truncations;
    ret_storm->changes += storm.changes;
    ret_storm->losses += storm.losses;
    ret_storm->reads += storm.reads;
    for (uint32_t term = 1; term < CLUSTER_TERMS_MAX; term++) {
        if (storm.cluster->leader_of[term] != 0) ret_storm->terms++;
    }
    cluster_close(storm.cluster);
}

START_TEST(storms)
{
    const char *only = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
    const uint64_t seeds = many != NULL ? strtoull(many, NULL, 10) : SEEDS;
    struct storm total = {0};

    if (only != NULL) {
        if (_i == 0) run(strtoull(only, NULL, 10), &total);
        return;
    }
    for (uint64_t seed = (uint64_t)_i + 1; seed <= seeds; seed += GROUPS) run(seed, &total);
    printf("storms %d: %" PRIu64 " crashes, %" PRIu64 " leaders, %" PRIu64
           " truncations, %" PRIu64 " of %" PRIu64 " blocks committed, %" PRIu64
           " Configs, %" PRIu64 " logs cut short, %" PRIu64 " reads\n",
           _i, total.crashes, total.terms, total.truncations, total.committed, total.proposals,
           total.changes, total.losses, total.reads);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("raft_storm");
    TCase *tcase = tcase_create("storm");

    tcase_set_timeout(tcase, getenv("SIM_SEEDS") != NULL ? 0 : 120);
    tcase_add_loop_test(tcase, storms, 0, GROUPS);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
