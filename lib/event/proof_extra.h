/* proof_extra - what a proof file carries beside the hashes: the leaf, and what its signatures
 * need to be checked (ProofExtra in proto/ledger.proto). Thread-safe. */
#ifndef EVENT_PROOF_EXTRA_H
#define EVENT_PROOF_EXTRA_H

#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/sign.h"

enum {
    /* Room for the largest record, all keys, the longest path, and their framing. */
    PROOF_EXTRA_SIZE_MAX = LIMIT_RECORD_SIZE + 8 * 1024,
    PROOF_EXTRA_PATH_MAX = 12, /* a batch has at most 4096 events */
};
_Static_assert(1 << PROOF_EXTRA_PATH_MAX >= LIMIT_BLOCK_EVENTS, "the longest batch path");

struct proof_extra {
    struct bytes record; /* the leaf */
    uint32_t public_keys_count, batch_path_count;
    const uint8_t (*public_keys)[SIGN_PUBLIC_BYTES]; /* in the order of the leaf's signers */
    const struct tally_hash *batch_path;             /* from the event to the batch root */
};

/* Encode into the arena; counts are within LIMIT_GENESIS_SIGNERS and PROOF_EXTRA_PATH_MAX
 * (asserted). The data is NULL without memory. */
struct bytes proof_extra_encode(const struct proof_extra *extra, struct arena *arena);
/* Decode canonical bytes; the form only, nothing is verified.
 * Errors: TALLY_E_TOO_LARGE (over PROOF_EXTRA_SIZE_MAX), TALLY_E_MALFORMED,
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err proof_extra_decode(struct bytes bytes, struct arena *arena,
                                                  struct proof_extra *ret_extra,
                                                  struct tally_diag *diag);

#endif
