/* witness - what this node has promised, in a small file beside the database.
 *
 * The database may come back shorter than it was: a lost or cut write-ahead log opens without a
 * word. This file says what must be there (`log`), and what was cosigned, so that no node ever
 * signs two trees of one size, whatever becomes of the database. Every change is on the disk
 * (fdatasync) when it returns, before the promise leaves the node.
 *
 * Two places are written in turn, and each holds two identical copies, each a whole block of
 * the file system, written at once. A torn write leaves the other place, and its promise was
 * not given yet. A damaged copy leaves the one beside it: without that, one flipped bit in the
 * newer place would look like a torn write, and an older promise would be believed. The writer
 * thread owns a struct witness; the functions on struct witness_data are pure. */
#ifndef STORE_WITNESS_H
#define STORE_WITNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

enum {
    WITNESS_SLOT_SIZE = 4096, /* one copy */
    WITNESS_PLACE_SIZE = 2 * WITNESS_SLOT_SIZE,
    WITNESS_FILE_SIZE = 2 * WITNESS_PLACE_SIZE,
};

/* How far the log reached when it was last said to be durable. Zeros: nothing was said. */
struct witness_log {
    uint64_t term; /* Raft's hard state: see struct store_hard_state */
    uint32_t vote;
    uint64_t last_index, last_term;
    struct tally_hash last_hash; /* the block hash of the last block: it chains all before */
};

struct witness_data {
    struct tally_hash ledger_id;
    uint32_t node_id;
    uint64_t incarnation;
    struct witness_log log;
    uint64_t signed_size; /* of the newest tree that we cosigned; 0: none */
    struct tally_hash signed_root;
};

/* One copy, all of it. */
void witness_encode(const struct witness_data *data, uint64_t sequence,
                    uint8_t ret_slot[WITNESS_SLOT_SIZE]);
/* False: it is not whole, and nothing was given. */
bool witness_decode(const uint8_t slot[WITNESS_SLOT_SIZE], struct witness_data *ret_data,
                    uint64_t *ret_sequence);
/* May a tree of this size and root be cosigned? TALLY_E_SPLIT_VIEW: a larger one was signed, or
 * another root for this size. */
TALLY_NODISCARD enum tally_err witness_check(const struct witness_data *data, uint64_t size,
                                             const struct tally_hash *root,
                                             struct tally_diag *diag);

struct witness;

/* Make a new file. Errors: TALLY_E_CONFLICT (it exists), TALLY_E_IO. */
TALLY_NODISCARD enum tally_err witness_create(const char *path, const struct witness_data *data,
                                              struct tally_diag *diag);
/* Read what the file says, and change nothing. *ret_damaged counts the copies that are not what
 * was written, while the one beside them is. Errors: TALLY_E_NOT_FOUND, TALLY_E_CORRUPT (no
 * copy is whole, or the file has another size), TALLY_E_IO. Thread-safe. */
TALLY_NODISCARD enum tally_err witness_read(const char *path, struct witness_data *ret_data,
                                            unsigned *ret_damaged, struct tally_diag *diag);
/* Open the file and read the newest whole copy. A copy that differs from the one beside it is
 * written again, durably. Errors: as witness_read, and TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err witness_open(const char *path, struct witness **ret_witness,
                                            struct tally_diag *diag);
/* How many copies witness_open wrote again: after a torn write, or because one was damaged. */
unsigned witness_repaired(const struct witness *witness);
void witness_close(struct witness *witness); /* NULL is accepted */
struct witness_data witness_data(const struct witness *witness);

/* Record that this tree will be cosigned, durably. Errors: as witness_check; TALLY_E_IO:
 * outcome unknown, stop. */
TALLY_NODISCARD enum tally_err witness_sign(struct witness *witness, uint64_t size,
                                            const struct tally_hash *root,
                                            struct tally_diag *diag);
/* Record the vote and how far the log reaches, durably: after the log's own fdatasync; but
 * before a truncation with what will be left. The term never falls, and within one term a vote
 * is never changed. Errors: TALLY_E_IO: outcome unknown, stop. */
TALLY_NODISCARD enum tally_err witness_log(struct witness *witness,
                                           const struct witness_log *log,
                                           struct tally_diag *diag);

#endif
