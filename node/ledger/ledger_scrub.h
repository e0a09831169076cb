/* ledger_scrub - is what is stored still what was written? One record after the other.
 *
 * The leaf is rebuilt from its block and compared with the stored leaf hash; every tree node
 * that this leaf completed is compared with the stored one. So a pass over all records has read
 * every block with records, every locator and every node of the tree. One thread owns a struct.
 */
#ifndef LEDGER_LEDGER_SCRUB_H
#define LEDGER_LEDGER_SCRUB_H

#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "merkle/merkle.h"
#include "store/store.h"

struct ledger_scrub {
    struct merkle_frontier frontier; /* of the records looked at */
    uint64_t size;                   /* bytes of leaves looked at */
};

/* Look at the record after those looked at; zeros are the start of a pass. Allocates from
 * `arena`. Errors: TALLY_E_NOT_FOUND (all were looked at), TALLY_E_CORRUPT (the diag says
 * what), TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err ledger_scrub_next(struct store *store,
                                                 struct ledger_scrub *scrub,
                                                 struct arena *arena, struct tally_diag *diag);
/* Read every key of the families that no record leads to: state, lists and meta. *ret_keys: how
 * many.
 * Errors: TALLY_E_CORRUPT, TALLY_E_IO. */
TALLY_NODISCARD enum tally_err ledger_scrub_rest(struct store *store, uint64_t *ret_keys,
                                                 struct tally_diag *diag);

#endif
