/* submit_receipt - the end of a submission: check, wait for cosignatures, write, tell. */
#ifndef TALLY_SUBMIT_RECEIPT_H
#define TALLY_SUBMIT_RECEIPT_H

#include <stdint.h>
#include <tally/client.h>
#include <tally/err.h>

#include "submit.h"

/* Finish what was answered: with --trust the receipt is checked first, and asked for again
 * until `deadline_ms` (cluster_now_ms) while it has too few cosignatures; then it is written,
 * and the pending file removed. Everything is printed. TALLY_E_DENIED: recorded, and denied. */
TALLY_NODISCARD enum tally_err submit_receipt(struct submit *submit,
                                              const struct tally_append_result *result,
                                              uint64_t deadline_ms);

/* Check a proof file; while its cosignatures do not satisfy the trust file, ask for a better
 * one until the deadline. *proof may be replaced by one that lives in the arena. `event_hash`
 * NULL: any record. Said through cli_fail. */
TALLY_NODISCARD enum tally_err submit_check(struct cli *cli, struct tally_client *client,
                                            struct bytes trust, uint64_t index,
                                            const struct tally_hash *event_hash,
                                            uint64_t deadline_ms, struct arena *arena,
                                            struct bytes *proof);

#endif
