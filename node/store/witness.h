/* witness - what this node has promised, in a small file beside the database.
 *
 * Written and fdatasynced before a cosignature leaves the node, so that no node ever signs two
 * trees of one size, whatever becomes of the database. Two slots are written in turn: a torn
 * write leaves the older one. The writer thread owns it. */
#ifndef STORE_WITNESS_H
#define STORE_WITNESS_H

#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

struct witness_data {
    struct tally_hash ledger_id;
    uint32_t node_id;
    uint64_t incarnation;
    uint64_t signed_size; /* of the newest tree that we cosigned; 0: none */
    struct tally_hash signed_root;
};

struct witness;

/* Make a new file. Errors: TALLY_E_CONFLICT (it exists), TALLY_E_IO. */
TALLY_NODISCARD enum tally_err witness_create(const char *path, const struct witness_data *data,
                                              struct tally_diag *diag);
/* Open and read the newest whole slot. Errors: TALLY_E_NOT_FOUND, TALLY_E_CORRUPT (no slot is
 * whole), TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err witness_open(const char *path, struct witness **ret_witness,
                                            struct tally_diag *diag);
void witness_close(struct witness *witness); /* NULL is accepted */
struct witness_data witness_data(const struct witness *witness);

/* May a tree of this size and root be cosigned? TALLY_E_SPLIT_VIEW: a larger one was signed, or
 * another root for this size. */
TALLY_NODISCARD enum tally_err witness_check(const struct witness_data *data, uint64_t size,
                                             const struct tally_hash *root,
                                             struct tally_diag *diag);
/* Record that it will be, durably. Errors: as witness_check; TALLY_E_IO: outcome unknown, stop.
 */
TALLY_NODISCARD enum tally_err witness_sign(struct witness *witness, uint64_t size,
                                            const struct tally_hash *root,
                                            struct tally_diag *diag);

#endif
