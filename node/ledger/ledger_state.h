/* ledger_state - what apply wrote since the last flush, over what the store holds.
 *
 * What it is    Pending puts with read-your-writes, and a cache of the few values that most
 *               events look at (keys, principals, subjects). Flushing writes all pending puts
 * in one store_put; a key written twice is put once, with its last value. Never does    decide
 * anything: what it returns never depends on what is cached or how puts are grouped. The one
 * random number (a hash seed, so that nobody can choose event ids that collide) reaches no
 * result. Who calls it  The apply thread, through ledger.c. Keys and values: ledger_codec.h. */
#ifndef LEDGER_LEDGER_STATE_H
#define LEDGER_LEDGER_STATE_H

#include <stddef.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "store/store.h"

struct ledger_state;

/* Errors: TALLY_E_NO_MEMORY, TALLY_E_IO (no seed from the operating system). */
TALLY_NODISCARD enum tally_err state_open(struct store *store, struct ledger_state **ret_state);
/* Keep only what decisions need, STORE_STATE and STORE_META: puts to the other families are
 * dropped from now on. For a replay, which gives nobody receipts or lists. */
void state_decisions_only(struct ledger_state *state);
void state_close(struct ledger_state *state); /* drops what is pending; NULL is accepted */

/* The value of a key now; the copy lives in `arena`.
 * Errors: TALLY_E_NOT_FOUND, TALLY_E_CORRUPT, TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err state_get(struct ledger_state *state, enum store_family family,
                                         struct bytes key, struct arena *arena,
                                         struct bytes *ret_value, struct tally_diag *diag);
/* Write a key; later state_gets see it. Key and value are copied. Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err state_set(struct ledger_state *state, enum store_family family,
                                         struct bytes key, struct bytes value);
/* Write a key that was never written before and is not read before the next flush. */
TALLY_NODISCARD enum tally_err state_add(struct ledger_state *state, enum store_family family,
                                         struct bytes key, struct bytes value);
/* Write them all. Errors: as store_put; the state must then be closed. */
TALLY_NODISCARD enum tally_err state_flush(struct ledger_state *state, struct tally_diag *diag);

#endif
