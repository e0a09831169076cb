/* batch - events that were signed together (docs/formats.md, "Signatures").
 *
 * One check, without any state, that ingress, the verify pool and apply share. Thread-safe; a
 * struct batch borrows from its arena and from the bytes it was decoded from. */
#ifndef EVENT_BATCH_H
#define EVENT_BATCH_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "crypto/sign.h"
#include "event/event.h"

struct batch_signer {
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct tally_hash key_id;
    uint8_t meaning;
    uint8_t signature[SIGN_SIGNATURE_BYTES];
};

struct batch {
    struct bytes bytes; /* encoded Batch */
    uint32_t events_count, signers_count;
    const struct event *events;
    const struct batch_signer *signers; /* ascending by key id, as the events require */
    struct tally_hash root;             /* of the tree over the event hashes */
};

/* The message that a signer signs:
 * "tally/sign/v1\n" || ledger id || meaning u8 || batch size u64 || root. */
enum { BATCH_MESSAGE_BYTES = 14 + 32 + 1 + 8 + 32 };
void batch_message(const struct tally_hash *ledger_id, uint8_t meaning, uint64_t events_count,
                   const struct tally_hash *root, uint8_t ret_message[BATCH_MESSAGE_BYTES]);

/* Why a batch is not what it claims. The values are those of VoidReason in proto/ledger.proto.
 */
enum batch_fault {
    BATCH_FAULT_NONE = 0,
    BATCH_FAULT_MALFORMED = 2,
    BATCH_FAULT_SIGNERS = 3,
    BATCH_FAULT_SIGNATURE = 4,
    BATCH_FAULT_WRONG_LEDGER = 6,
};

/* Split an encoded Batch without looking into its events: their bytes, in order, and the
 * signers. Errors: TALLY_E_MALFORMED, TALLY_E_TOO_LARGE (over LIMIT_BLOCK_EVENTS, or it does
 * not fit a block of LIMIT_BLOCK_SIZE), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err batch_split(struct bytes bytes, struct arena *arena,
                                           const struct bytes **ret_events,
                                           uint32_t *ret_events_count,
                                           const struct batch_signer **ret_signers,
                                           uint32_t *ret_signers_count,
                                           struct tally_diag *diag);

/* Decode and check a batch but for its signatures: every event (event_decode), the ledger id,
 * and that all events require exactly the signers that it has. TALLY_E_WRONG_LEDGER  an event
 * was made for another ledger TALLY_E_SIGNERS       the signers are not the required ones
 *   TALLY_E_MALFORMED, TALLY_E_TOO_LARGE, TALLY_E_NO_MEMORY */
TALLY_NODISCARD enum tally_err batch_decode(struct bytes bytes,
                                            const struct tally_hash *ledger_id,
                                            struct arena *arena, struct batch *ret_batch,
                                            struct tally_diag *diag);
/* Verify the signatures of a decoded batch. TALLY_E_SIGNATURE: the diag names the key. */
TALLY_NODISCARD enum tally_err batch_verify(const struct batch *batch,
                                            const struct tally_hash *ledger_id,
                                            struct tally_diag *diag);
/* Both. */
TALLY_NODISCARD enum tally_err batch_check(struct bytes bytes,
                                           const struct tally_hash *ledger_id,
                                           struct arena *arena, struct batch *ret_batch,
                                           struct tally_diag *diag);
/* The fault behind an error of batch_decode, batch_verify or event_decode. */
enum batch_fault batch_fault(enum tally_err err);

/* Sign events that form a batch: fills key, key id, meaning and signature. */
void batch_sign(const struct bytes *events, uint32_t events_count,
                const struct tally_hash *ledger_id, uint8_t meaning, const struct sign_key *key,
                struct batch_signer *ret_signer);
/* Encode a Batch into the arena; signers are put in order of their key ids. The data is NULL
 * without memory. */
struct bytes batch_encode(const struct bytes *events, uint32_t events_count,
                          const struct batch_signer *signers, uint32_t signers_count,
                          struct arena *arena);

#endif
