/* store - one node's durable state: the block log, and families of derived keys.
 *
 * A contract with two implementations, store_rocksdb.c (disk) and store_mem.c (simulator and
 * tests); tests/store runs the same cases on both. Read first: docs/architecture.md, "What is
 * on disk".
 *
 * Callers: the writer calls store_append, apply calls store_put, anyone reads. One writer of
 * the log and one of the families at a time; reads are thread-safe beside them.
 *
 * Blocks are numbered from 1 without holes. store_append is durable when it returns OK
 * (fdatasync). store_put is atomic and ordered after every earlier store_put, but not synced:
 * after a crash a suffix of the puts may be gone, never a part of one and never one before
 * another. Derived families are rebuilt by applying the log again from the applied index that
 * the same put wrote.
 *
 * Errors: any error of a write means that its outcome is *unknown*: stop the process, never
 * retry in place, and believe nothing that the store says until it was opened again. A missing
 * or damaged block is TALLY_E_CORRUPT, never "not found". */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/bytes.h"

struct store;

/* Raft's hard state (Ongaro fig. 3.1), and the commit index as of that write. */
struct store_hard_state {
    uint64_t term;
    uint32_t vote; /* member id, 0: nobody */
    uint64_t commit;
};

struct store_block {
    uint64_t index;    /* from 1 */
    struct bytes data; /* header and body, see event/block.h */
};

/* One durable step: first truncate, then append, with the hard state, in one batch. */
struct store_append {
    const struct store_hard_state *hard_state; /* NULL: unchanged */
    uint64_t truncate_from;                    /* drop blocks >= this; 0: none */
    const struct store_block *blocks; /* consecutive, first = last + 1 after truncation */
    size_t blocks_count;
};

enum store_family {
    STORE_RECORDS, /* record index -> where its bytes are, and its decision */
    STORE_NODES,   /* tree nodes: level, index -> hash */
    STORE_STATE,   /* what apply knows: principals, keys, subjects, event ids */
    STORE_INDEX,   /* lists for queries: by subject, by type */
    STORE_META,    /* applied index, newest checkpoint, identity */
    STORE_FAMILIES,
};

struct store_put {
    enum store_family family;
    struct bytes key; /* 1..512 bytes */
    struct bytes value;
    bool erase; /* remove the key; value is ignored */
};

/* A value on loan from the store until store_value_free. */
struct store_value {
    const uint8_t *data;
    size_t size;
    void *handle;
};

/* Called for each key in order; false ends the scan. Pointers are valid for the call only. */
typedef bool store_visit(void *context, struct bytes key, struct bytes value);

/* Create an empty store in the directory `path`, which must not exist; its parent must. Errors:
 * TALLY_E_CONFLICT (something is there already), TALLY_E_IO. */
TALLY_NODISCARD enum tally_err store_rocksdb_create(const char *path, struct tally_diag *diag);
/* Open the store at `path`. Errors: TALLY_E_NOT_FOUND (none there), TALLY_E_CORRUPT (also when
 * a file of it is missing), TALLY_E_IO (also when another process has it open). */
TALLY_NODISCARD enum tally_err store_rocksdb_open(const char *path, struct store **ret_store,
                                                  struct tally_diag *diag);
/* The same, but nothing can be written: for a full disk, on which the other way to open ends
 * the process. Reads what the write-ahead log holds, too. Another process may have it open:
 * then this is the state as of now, for as long as its files stay. Writes are TALLY_E_IO. */
TALLY_NODISCARD enum tally_err store_rocksdb_open_read_only(const char *path,
                                                            struct store **ret_store,
                                                            struct tally_diag *diag);
/* An empty store in memory. Errors: TALLY_E_NO_MEMORY. See store_mem.h for its faults. */
TALLY_NODISCARD enum tally_err store_mem_open(struct store **ret_store);
/* Close; NULL is accepted. */
void store_close(struct store *store);

/* Make `append` durable. Errors, all of unknown outcome: TALLY_E_IO, TALLY_E_CORRUPT (the disk
 * holds damaged files that had to be merged), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err store_append(struct store *store,
                                            const struct store_append *append,
                                            struct tally_diag *diag);
/* The index of the last block; 0 when there is none. */
uint64_t store_last(struct store *store);
/* The newest hard state; zeros when none was written. For the writer, or before it starts. */
struct store_hard_state store_hard_state(struct store *store);
/* Read blocks from, from + 1, ... while their sizes add up to at most `size_max` (the first
 * always fits) and at most `count_max`. *ret_blocks is one allocation owned by the caller:
 * free() it.
 *   TALLY_E_NOT_FOUND  from is 0 or > last, also because the log was truncated just now
 *   TALLY_E_CORRUPT    a block in the range is missing, damaged or misplaced
 *   TALLY_E_IO, TALLY_E_NO_MEMORY */
TALLY_NODISCARD enum tally_err store_read(struct store *store, uint64_t from, size_t count_max,
                                          size_t size_max, struct store_block **ret_blocks,
                                          size_t *ret_count, struct tally_diag *diag);

/* Forget what is kept in memory of what is on the disk: later reads come from there, so that
 * they notice damage. Thread-safe. */
void store_forget(struct store *store);
/* While `spare`, begin no merges of table files: they need space for a second copy of what they
 * merge. One that runs goes on. For all stores on disk of this process; writes nothing.
 * Thread-safe. */
void store_spare_space(struct store *store, bool spare);

/* Apply all puts or none, in order. Errors: as store_append. */
TALLY_NODISCARD enum tally_err store_put(struct store *store, const struct store_put *puts,
                                         size_t puts_count, struct tally_diag *diag);
/* TALLY_E_NOT_FOUND, TALLY_E_CORRUPT, TALLY_E_IO. */
TALLY_NODISCARD enum tally_err store_get(struct store *store, enum store_family family,
                                         struct bytes key, struct store_value *ret_value,
                                         struct tally_diag *diag);
void store_value_free(struct store_value *value);
/* Visit the keys that start with `prefix`, ascending, from `from` (inclusive; empty: from the
 * prefix's start). What is put meanwhile may be seen or not. "Not seen" is never "absent": a
 * caller that needs proof of completeness counts. Errors: TALLY_E_CORRUPT, TALLY_E_IO. */
TALLY_NODISCARD enum tally_err store_scan(struct store *store, enum store_family family,
                                          struct bytes prefix, struct bytes from,
                                          store_visit *visit, void *context,
                                          struct tally_diag *diag);

/* Visit all keys of a family, descending, read from the disk itself. Unlike a forward scan this
 * one meets every damaged part of a table file. Errors: TALLY_E_CORRUPT, TALLY_E_IO. */
TALLY_NODISCARD enum tally_err store_scan_back(struct store *store, enum store_family family,
                                               store_visit *visit, void *context,
                                               struct tally_diag *diag);

#endif
