/* trust_file - the trust file of a ledger, from what the ledger says of itself.
 *
 * Thread-safe; nothing is kept. */
#ifndef RECEIPT_TRUST_FILE_H
#define RECEIPT_TRUST_FILE_H

#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "event/ledger_config.h"
#include "note/trust.h"

/* The `group` and `quorum` lines that any k of the voters satisfy, k = floor((n + f) / 2) + 1:
 * every two quorums then have a member in common that is none of f thieves. f = 0 is a
 * majority. TALLY_E_INVALID  f is not below the number of voters */
TALLY_NODISCARD enum tally_err trust_file_policy(const struct ledger_config *config,
                                                 uint32_t stolen_keys,
                                                 char ret_policy[LEDGER_POLICY_SIZE],
                                                 struct tally_diag *diag);

/* Whom to believe in the ledger `name`: every member's log key and cosignature key, under
 * `policy` (lines as above; config->policy is the one of publication). Root keys, a checkpoint
 * and an expiry are for the caller to add.
 *   TALLY_E_MALFORMED  the policy does not parse, or names nobody's member */
TALLY_NODISCARD enum tally_err trust_file_make(const char *name,
                                               const struct tally_hash *ledger_id,
                                               const struct ledger_config *config,
                                               const char *policy, struct trust *ret_trust,
                                               struct tally_diag *diag);

#endif
