/* ledger_history - one chain of blocks that meets every kind of outcome: registrations, keys
 * and roles, denials (some of them cut), retries, conflicts, Void events and blocks,
 * boundaries, changes of leader and clocks that step back. For tests about replicas, restarts
 * and readers.
 *
 * Every step is asserted to work. One thread. */
#ifndef SUPPORT_LEDGER_HISTORY_H
#define SUPPORT_LEDGER_HISTORY_H

#include "ledger/ledger.h"
#include "support/ledger_fixture.h"

enum { HISTORY_BLOCKS = 24, HISTORY_RECORDS_MAX = 400 };

struct history {
    struct fixture fixture;
    struct bytes blocks[HISTORY_BLOCKS];         /* blocks[0] is block 2 */
    struct fixture_chain chains[HISTORY_BLOCKS]; /* after each */
    struct bytes first; /* the batch of blocks[0]: one event, recorded at index 1, allowed */
};

void history_open(struct history *ret_history);
void history_close(struct history *history);

/* A store in memory with the ledger right after genesis. */
struct store *history_store(const struct history *history);
/* Make all blocks durable in it. */
void history_store_all(const struct history *history, struct store *store);
/* A store to which all blocks were applied, one flush after each. */
struct store *history_reference(const struct history *history);

struct ledger *history_ledger(struct store *store);
void history_apply(const struct history *history, struct ledger *ledger, uint32_t block,
                   bool verified, struct ledger_block_result *ret_result);
void history_flush(struct ledger *ledger);

#endif
