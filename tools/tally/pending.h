/* pending - an event that is signed and not known to be recorded.
 *
 * It is written before the first send, so that after a crash or a time-out the same bytes are
 * sent again, and it carries an event with several signers from hand to hand. The file is the
 * line "tally-pending v1" and an encoded Batch of one event. One thread. */
#ifndef TALLY_PENDING_H
#define TALLY_PENDING_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/limits.h"
#include "crypto/sign.h"
#include "event/batch.h"
#include "event/event.h"

struct pending {
    struct event event; /* decoded */
    uint32_t signers_count;
    struct batch_signer signers[LIMIT_EVENT_SIGNERS]; /* verified */
};

/* Is it a pending file, judging by how it begins? */
bool pending_is(struct bytes file);
/* Parse a file and verify the signatures it has; missing ones are no error. The result borrows
 * from `file` and the arena. Errors: TALLY_E_MALFORMED, TALLY_E_TOO_LARGE, TALLY_E_SIGNATURE,
 * TALLY_E_SIGNERS (by a key that the event does not require), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err pending_parse(struct bytes file, struct arena *arena,
                                             struct pending *ret_pending,
                                             struct tally_diag *diag);
/* Read one from a file. Errors: of disk_read and pending_parse; the diag names the file. */
TALLY_NODISCARD enum tally_err pending_read(const char *path, struct arena *arena,
                                            struct pending *ret_pending,
                                            struct tally_diag *diag);
/* Write it, mode 0600, on disk on return. Errors: TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err pending_write(const char *path, const struct pending *pending,
                                             struct arena *arena, struct tally_diag *diag);

/* Begin with an event nobody signed. Errors: as event_decode; TALLY_E_INVALID for a genesis. */
TALLY_NODISCARD enum tally_err pending_new(struct bytes event, struct arena *arena,
                                           struct pending *ret_pending,
                                           struct tally_diag *diag);
/* Add a key's signature; one that is there stays. *ret_added: it was not there.
 * Errors: TALLY_E_SIGNERS (the event does not require this key). */
TALLY_NODISCARD enum tally_err pending_sign(struct pending *pending, const struct sign_key *key,
                                            bool *ret_added, struct tally_diag *diag);
/* The required signers that have not signed; returns how many. */
uint32_t pending_missing(const struct pending *pending,
                         struct event_signer ret_missing[LIMIT_EVENT_SIGNERS]);
/* The encoded Batch; data NULL without memory. */
struct bytes pending_batch(const struct pending *pending, struct arena *arena);

#endif
