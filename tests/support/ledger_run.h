/* ledger_run - one ledger over a store in memory, for tests that append event by event.
 *
 * Every step is asserted to work; what is looked at are results. One thread. */
#ifndef SUPPORT_LEDGER_RUN_H
#define SUPPORT_LEDGER_RUN_H

#include "ledger/ledger.h"
#include "support/ledger_fixture.h"

struct ledger_run {
    struct fixture fixture;
    struct fixture_chain chain;
    struct store *store;
    struct ledger *ledger;
    struct ledger_block_result result; /* of the last block; lives until the next one */
};

/* A ledger of one member right after genesis. */
void ledger_run_open(struct ledger_run *ret_run);
void ledger_run_close(struct ledger_run *run);

/* Store the block, apply it (signatures are checked) and flush. */
void ledger_run_block(struct ledger_run *run, struct bytes block);
/* The same without the flush, so that event results can be read. */
void ledger_run_block_keep(struct ledger_run *run, struct bytes block);
/* One block with these encoded batches. */
void ledger_run_batches(struct ledger_run *run, const struct bytes *batches, size_t count,
                        bool boundary);
/* One event in a batch of its own, signed by spec->who, in a block of its own. Returns its
 * result, valid until the next call; *ret_hash (NULL is accepted) gets its hash. */
const struct ledger_event_result *ledger_run_event(struct ledger_run *run,
                                                   const struct fixture_spec *spec,
                                                   struct tally_hash *ret_hash);
/* Register base/b, create model/m and register model/m/version/1, all by "author"; asserts that
 * each is allowed. Hashes of the first and the last event; NULL is accepted. */
void ledger_run_version(struct ledger_run *run, struct tally_hash *ret_base,
                        struct tally_hash *ret_version);
/* Close the ledger (what is not flushed is lost) and open it again. */
void ledger_run_restart(struct ledger_run *run);
/* Hash over every key and value of every derived family. */
struct tally_hash ledger_run_contents(struct store *store);

#endif
