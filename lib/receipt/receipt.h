/* receipt - proof files with the record in them: made by nodes, checked by everyone.
 *
 * Checking is the public tally_receipt_verify() of tally/receipt.h. Thread-safe. */
#ifndef RECEIPT_RECEIPT_H
#define RECEIPT_RECEIPT_H

#include <stdint.h>
#include <tally/err.h>
#include <tally/receipt.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "event/proof_extra.h"

/* Everything that a receipt consists of. */
struct receipt_parts {
    uint64_t index;                /* of the record */
    struct proof_extra extra;      /* the record, its signers' keys, its batch path */
    uint32_t path_count;           /* <= TALLY_PROOF_HASHES_MAX */
    const struct tally_hash *path; /* inclusion of the record under the checkpoint */
    struct bytes checkpoint;       /* signed note */
};

/* Write the proof file into the arena. Nothing is verified. Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err receipt_format(const struct receipt_parts *parts,
                                              struct arena *arena, struct bytes *ret_file);

/* The hash that leads from a leaf hash up a path: the root if the path is right (RFC 9162
 * 2.1.3.2 without its last comparison).
 *   TALLY_E_PROOF  index >= size, or a path of the wrong length */
TALLY_NODISCARD enum tally_err receipt_path_root(const struct tally_hash *leaf, uint64_t index,
                                                 uint64_t size, const struct tally_hash *path,
                                                 uint32_t path_count,
                                                 struct tally_hash *ret_root);

#endif
