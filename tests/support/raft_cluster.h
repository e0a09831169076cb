/* raft_cluster - several cores of node/raft on one clock, with disks, checks and wires that a
 * test moves by hand: no threads, no time of its own.
 *
 * What a step wants done happens as node/loop does it: writes go to the node's disk one after
 * another and last only when cluster_disk() says so; messages that wait for them are held;
 * signatures are checked when cluster_verify() says so. A crash loses all but the disk.
 *
 * After every step it is checked that a term has one leader, that what is committed never
 * changes and was never forged, that a majority's disks hold it when a leader commits it, and
 * that a new leader holds all of it. The first failure is kept in `failure`. */
#ifndef SUPPORT_RAFT_CLUSTER_H
#define SUPPORT_RAFT_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raft/raft.h"

enum {
    CLUSTER_NODES_MAX = 7,
    CLUSTER_LOG_MAX = 16384,
    CLUSTER_TERMS_MAX = 65536,
    CLUSTER_WIRE_MAX = 8192,
    CLUSTER_WRITES_MAX = 4096,
    CLUSTER_HELD_MAX = 4096,
    CLUSTER_NOTES_MAX = 64,
    CLUSTER_CONFIGS_MAX = 1024,
};
#define CLUSTER_NO_CRASH UINT32_MAX

struct cluster_packet {
    struct raft_message message;
    struct raft_entry entries[RAFT_BATCH_MAX];
    uint64_t at_ms; /* when it arrives; the test's to set */
    uint64_t write; /* held until this write is durable */
    bool put_aside; /* delivered only after the test asks for it */
};

/* The blocks that are Configs, by their hash. */
struct cluster_config {
    struct tally_hash hash;
    struct raft_members members;
};

struct cluster_write {
    uint64_t number, term, commit, truncate_from, first, count;
    uint32_t vote;
    struct raft_entry *entries;
};

struct cluster_node {
    bool up;
    bool halted;       /* the core asked for it */
    bool stalled;      /* its disk finishes nothing */
    uint64_t ahead_ms; /* of its clock, before that of the cluster */
    struct raft *raft;

    /* disk */
    uint64_t disk_term, disk_commit, disk_last;
    uint32_t disk_vote;
    struct raft_entry *disk; /* by index */
    struct raft_lost lost;   /* its witness names a block that the disk lost; index 0: none */
    bool ask_peers;          /* the next start gives no vote before `remember` */
    bool unfit;

    /* lost in a crash */
    struct cluster_write writes[CLUSTER_WRITES_MAX];
    size_t writes_first, writes_count;
    uint64_t write_next;
    struct cluster_packet *held[CLUSTER_HELD_MAX];
    size_t held_count;
    uint64_t checked, verify_to;
    struct raft_backfill backfills[CLUSTER_NODES_MAX];
    uint64_t backfill_terms[CLUSTER_NODES_MAX], backfill_commits[CLUSTER_NODES_MAX];
    size_t backfills_count;
    uint64_t commit_seen;
    bool term_start_due;
    uint64_t read_round, reads_released; /* newest ones */
    bool read_waits;
    uint64_t read_floor; /* committed by anyone when the read came: it must see that much */
    struct raft_note notes[CLUSTER_NOTES_MAX]; /* newest, by number % CLUSTER_NOTES_MAX */
    size_t notes_count;
};

struct cluster {
    uint32_t nodes_count;
    uint32_t election_ms, heartbeat_ms;
    uint64_t now_ms;
    uint64_t random; /* what events carry, plus 20 times the node's id */
    uint64_t made;   /* blocks made so far: each has another hash */
    uint64_t truncations;
    uint32_t block_size; /* of the blocks that are proposed; 1000 at the start */
    bool forge;          /* the next block made has a signature that does not verify */
    struct cluster_config *configs; /* [0] is genesis */
    size_t configs_count;
    struct cluster_node nodes[CLUSTER_NODES_MAX + 1]; /* by id; 0 is not used */
    struct cluster_packet *wire[CLUSTER_WIRE_MAX];
    size_t wire_count;
    bool cut[CLUSTER_NODES_MAX + 1][CLUSTER_NODES_MAX + 1]; /* from, to */
    uint32_t crash_in; /* effects of the running node until it crashes; CLUSTER_NO_CRASH */

    uint32_t leader_of[CLUSTER_TERMS_MAX];
    struct raft_entry *committed; /* by index */
    uint64_t committed_last;
    char failure[256]; /* "": none */
};

/* A cluster of `nodes_count` new nodes whose logs hold genesis; the first `voters_count` are
 * its voters, the others are no members yet. Never NULL. */
struct cluster *cluster_open(uint32_t nodes_count, uint32_t voters_count, uint32_t election_ms,
                             uint32_t heartbeat_ms);
void cluster_close(struct cluster *cluster);

/* Give node `id` one event and begin what follows from it. Nothing happens to a node that is
 * down. */
void cluster_feed(struct cluster *cluster, uint32_t id, struct raft_event *event);
void cluster_tick(struct cluster *cluster, uint32_t id);
/* Have a leader propose a block; false: it may not, or is none. Blocks that open a term are
 * proposed by the cluster itself. */
bool cluster_propose(struct cluster *cluster, uint32_t id);
/* Have a leader propose a Config; false: it may not, or is none. */
bool cluster_change(struct cluster *cluster, uint32_t id, const struct raft_members *members);
/* Have a leader serve a read, one at a time; that it is not stale is checked. */
void cluster_read(struct cluster *cluster, uint32_t id);
/* The members that a block names, NULL when it is no Config. */
const struct raft_members *cluster_members(const struct cluster *cluster,
                                           const struct raft_entry *entry);
/* Finish the oldest write, or check the next block, or serve the oldest backfill; false: there
 * is none. */
bool cluster_disk(struct cluster *cluster, uint32_t id);
bool cluster_verify(struct cluster *cluster, uint32_t id);
bool cluster_backfill(struct cluster *cluster, uint32_t id);
/* All of that until nothing is left, at one node. */
void cluster_drain(struct cluster *cluster, uint32_t id);
/* Deliver wire[at], or lose it. */
void cluster_deliver(struct cluster *cluster, size_t at);
void cluster_lose(struct cluster *cluster, size_t at);
/* Put a second copy of wire[at] at the end of the wire. */
void cluster_repeat(struct cluster *cluster, size_t at);
/* Put a message on the wire. `entries`: message->entries_count, copied. */
void cluster_post(struct cluster *cluster, const struct raft_message *message,
                  const struct raft_entry *entries);

void cluster_crash(struct cluster *cluster, uint32_t id);
void cluster_restart(struct cluster *cluster, uint32_t id);
/* Everything works, for `rounds` heartbeats: ticks, deliveries, disks, checks. */
void cluster_settle(struct cluster *cluster, uint32_t rounds);

/* The id of a node that leads the newest term that anybody leads; 0: none. */
uint32_t cluster_leader(const struct cluster *cluster);
/* A block's meta data, with a hash that follows from all blocks made so far. */
struct raft_entry cluster_entry(struct cluster *cluster, uint64_t term, uint32_t size);
bool cluster_forged(const struct raft_entry *entry); /* its signature does not verify */
/* For the cluster's own steps: one effect is done, does the node crash after it? */
bool cluster_crashes(struct cluster *cluster, uint32_t id);
void cluster_wire_put(struct cluster *cluster, struct cluster_packet *packet);
/* For the cluster's own steps: check node `id`, whose commit index was `commit_before`. */
void cluster_check(struct cluster *cluster, uint32_t id, uint64_t commit_before);
void cluster_fail(struct cluster *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
