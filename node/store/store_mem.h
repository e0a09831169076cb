/* store_mem - a store in memory, with the faults that a disk can have.
 *
 * For the simulator and for tests. Deterministic: one sequence of calls has one outcome. Reads
 * are thread-safe beside a writer, as the contract says; the functions here are the writer's.
 * What is "on the disk" outlives a crash; there is no file, and closing it is the end. */
#ifndef STORE_STORE_MEM_H
#define STORE_STORE_MEM_H

#include "store/store.h"

enum store_mem_fault {
    STORE_MEM_FAILED,               /* nothing was written, and the caller is told so */
    STORE_MEM_FAILED_BUT_PERSISTED, /* everything was written, and the caller is told it failed
                                     */
};
/* The next store_append or store_put fails so, with TALLY_E_IO. Afterwards the store says what
 * one would find that opens it again. */
void store_mem_fail_next(struct store *store, enum store_mem_fault fault);
/* Puts since the last store_append: not synced yet. */
size_t store_mem_unsynced(struct store *store);
/* The machine loses power and starts again: all but the first `puts_kept` unsynced puts are
 * gone, what store_append wrote is there, whatever it returned. */
void store_mem_crash(struct store *store, size_t puts_kept);
/* Flip one bit of a stored block, or store it under the next index as well (a misdirected
 * write). False: there is no such block. */
bool store_mem_flip(struct store *store, uint64_t index, size_t bit);
bool store_mem_misdirect(struct store *store, uint64_t index);
/* Remove a block, as a lost table file would; the last one is missed only after a crash. False:
 * there is no such block. */
bool store_mem_lose(struct store *store, uint64_t index);
/* A store with the same blocks, keys and hard state, all of it on its "disk": a backup, or a
 * machine's snapshot. Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err store_mem_copy(struct store *from, struct store **ret_store);

#endif
