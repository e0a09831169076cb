/* sim - whole ledgers in virtual time, drawn from one seed.
 *
 * What runs   the shipped state machine of a node (node/loop/node.c with raft and publish in
 * it), the shipped jobs (ingress, verification, apply, receipts, what the witness says) over
 * store_mem, and clients that retry. Threads, sockets and the disk are replaced by a queue of
 * things that happen at a virtual time. Weather     per seed: 3, 4, 5 or 7 nodes, and how much
 * of each fault of enum sim_fault. Faults that one copy of a block cannot survive hit a
 * minority of the nodes only. Phases      storm (safety is checked at every step); then
 * everything is healed, and within a bounded time all nodes must agree and all clients have
 * their answers. Replay      the same seed gives the same run and the same digest on every
 * compiler: no clock, address or environment is looked at. A violation prints the seed and ends
 * the process with 10 + its check. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/node.h"

/* What must hold; docs/testing.md says it in words. */
enum sim_check {
    CHECK_LEADERS,
    CHECK_COMMITTED,
    CHECK_ROOTS,
    CHECK_SIGNED_BELOW,
    CHECK_BOUNDARIES,
    CHECK_RECEIPTS,
    CHECK_ACKNOWLEDGED,
    CHECK_UNIQUE,
    CHECK_ORDER,
    CHECK_CONSISTENCY,
    CHECK_READS,
    CHECK_ANSWERS,
    CHECK_NODES,
    CHECK_PROGRESS,
    SIM_CHECKS, /* in options: none */
};

enum sim_fault {
    FAULT_LOST,
    FAULT_DOUBLED,
    FAULT_LATE, /* later than the election time-out */
    FAULT_OLD_AGAIN,
    FAULT_CUT,
    FAULT_ONE_WAY_CUT,
    FAULT_CLOG,
    FAULT_SESSION_RESET,
    FAULT_PAUSE,
    FAULT_CLOCK_JUMP,
    FAULT_CLOCK_FAR, /* beyond the future bound, on a minority */
    FAULT_CLIENT_CLOCK,
    FAULT_SLOW_DISK,
    FAULT_HUNG_DISK,
    FAULT_FULL_DISK,
    FAULT_DISK_ERROR,
    FAULT_TORN_WRITE, /* a crash found the write of a step done in part */
    FAULT_LOST_PUTS,  /* a crash lost what apply had not synced */
    FAULT_BIT_FLIP,
    FAULT_MISDIRECTED,
    FAULT_LOST_BLOCK,
    FAULT_CUT_LOG, /* the database came back older than the witness */
    FAULT_WIPED,
    FAULT_POWER_CUT, /* all nodes at once */
    FAULT_TRANSFER,
    SIM_FAULTS,
};

/* Where a machine may crash: before it begins an action (its node_action_type), or ... */
enum sim_crash_point {
    CRASH_STEP_DONE = NODE_HALT + 1,
    CRASH_WITNESS_LOWERED,
    CRASH_BLOCKS_WRITTEN,
    CRASH_WITNESS_WRITTEN,
    CRASH_ROOT_WITNESSED,
    CRASH_APPLIED,
    CRASH_CHECKPOINT_KEPT,
    CRASH_VERIFIED,
    CRASH_READ,
    SIM_CRASH_POINTS,
};

struct sim_totals {
    uint64_t seeds, virtual_ms;
    uint64_t acknowledged, denied, receipts, records, blocks, checkpoints, elections, retries;
    uint64_t reads, proofs, backfills, rebuilt;
    uint64_t faults[SIM_FAULTS], crashes[SIM_CRASH_POINTS];
};

struct sim_options {
    bool trace;
    enum sim_check broken; /* show this check a violation; SIM_CHECKS: none */
};

/* Run one seed; adds to *totals. Returns the digest of all that happened. */
uint64_t sim_run(uint64_t seed, const struct sim_options *options, struct sim_totals *totals);

const char *sim_check_name(enum sim_check check);
const char *sim_fault_name(enum sim_fault fault);
const char *sim_crash_name(uint32_t point); /* below SIM_CRASH_POINTS */

#endif
