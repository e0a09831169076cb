/* note/tlogproof - proof files (C2SP tlog-proof): `c2sp.org/tlog-proof@v1`.
 *
 * A proof file carries a leaf's index, its inclusion path, the signed checkpoint and, as
 * `extra`, bytes that nothing here vouches for. A parsed proof borrows from the file.
 * Nothing allocates; thread-safe. */
#ifndef NOTE_TLOGPROOF_H
#define NOTE_TLOGPROOF_H

#include "base/bytes.h"
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

struct tlogproof {
    struct bytes extra_base64; /* checked base64; size 0: the file has no extra line */
    uint64_t index;            /* below 2^63 */
    uint32_t hashes_count;
    struct tally_hash hashes[TALLY_PROOF_HASHES_MAX]; /* the leaf's sibling first */
    struct bytes checkpoint;                          /* a signed note, not yet parsed */
};

/* Parse a file. Only its own form is checked: the checkpoint is for
 * trust_check_checkpoint(), the path for tally_verify_inclusion().
 *
 *   TALLY_E_TOO_LARGE  over LIMIT_PROOF_FILE_SIZE bytes or TALLY_PROOF_HASHES_MAX hashes
 *   TALLY_E_MALFORMED  not a proof file; the diag names the line */
TALLY_NODISCARD enum tally_err tlogproof_parse(const void *data, size_t size,
                                               struct tlogproof *ret_proof,
                                               struct tally_diag *diag);

/* Decoded size of the extra data; 0 when there is none. */
size_t tlogproof_extra_size(const struct tlogproof *proof);
/* Decode the extra data into `ret_extra`, which has room for tlogproof_extra_size(). */
void tlogproof_extra(const struct tlogproof *proof, void *ret_extra);

/* Bytes of the file that tlogproof_put() writes, never too small. */
size_t tlogproof_size_max(size_t extra_size, size_t hashes_count, size_t checkpoint_size);
/* Write a file. `extra` (raw bytes) of size 0 leaves its line out; `checkpoint` is a signed
 * note; hashes_count <= TALLY_PROOF_HASHES_MAX and index < 2^63 are asserted. */
void tlogproof_put(struct bytes_writer *writer, struct bytes extra, uint64_t index,
                   const struct tally_hash *hashes, size_t hashes_count,
                   struct bytes checkpoint);

#endif
