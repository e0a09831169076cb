/* sim - whole ledgers in virtual time, drawn from one seed.
 *
 * What runs     the shipped state machine of a node (node/loop/node.c with raft and publish in
 * it), the shipped jobs (ingress, verification, apply, receipts) over store_mem, and clients
 *               that retry. Threads, sockets and the disk are replaced by a queue of things
 * that happen at a virtual time. Weather       per seed: 3, 4, 5 or 7 nodes; loss, duplication,
 * delay beyond the election time-out, one-way and total cuts, pauses, skewed clocks, slow
 * disks, crashes between any two actions, of which unsynced writes are lost or kept. Phases
 * storm (safety is checked at every step), then calm: everything must converge. Replay the same
 * seed gives the same run, on every compiler: no clock, no address, no environment is looked
 * at. A violation prints the seed and stops the process. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_totals {
    uint64_t seeds, virtual_ms;
    uint64_t acknowledged, denied, receipts, records, blocks, checkpoints, elections;
    uint64_t crashes, torn_writes, lost, duplicated, cuts, pauses, retries;
};

/* Run one seed; adds to *totals. `trace`: print what happens. */
void sim_run(uint64_t seed, bool trace, struct sim_totals *totals);

#endif
