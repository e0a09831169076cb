/* jobs - what the actions of node/loop/node.h come down to, one call each.
 *
 * Shared by the threads of run.c and by the simulator: no threads, no sockets, no clock here.
 * All but job_apply are thread-safe. Running out of memory stops the process. */
#ifndef LOOP_JOBS_H
#define LOOP_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "ledger/ledger.h"
#include "loop/node.h"
#include "publish/publish.h"
#include "store/store.h"

/* VERIFY: is the block its leader's, its body the one it names, and every signature in it good?
 * Allocates from `arena`. */
bool job_verify(const struct tally_hash *ledger_id, const struct node_action *verify,
                struct arena *arena, struct tally_diag *diag);

/* The blocks and the hard state of a WRITE, in one batch: durable afterwards. What the witness
 * says before and after is the caller's. Errors: as store_append. */
TALLY_NODISCARD enum tally_err job_write(struct store *store, const struct node_action *write,
                                         struct tally_diag *diag);

/* Results of one APPLY, copied out of the ledger's arena. */
struct job_applied {
    struct ledger_block_result *results;
    size_t count;
    struct ledger_event_result *events; /* the results point into these two */
    uint16_t *rules;
    uint8_t *configs;
};
/* APPLY blocks from..to of the store and flush. Errors: as ledger_apply; the node must stop. */
TALLY_NODISCARD enum tally_err job_apply(struct store *store, struct ledger *ledger,
                                         uint64_t from, uint64_t to, bool verified,
                                         struct job_applied *ret_applied,
                                         struct tally_diag *diag);
void job_applied_free(struct job_applied *applied);

/* READ: complete the AppendEntries of a READ action with blocks from the disk. *ret_message is
 * malloc'd, holds the blocks, and may hold fewer than were asked for.
 * Errors: TALLY_E_NOT_FOUND, TALLY_E_CORRUPT, TALLY_E_IO. */
TALLY_NODISCARD enum tally_err job_read(struct store *store, const struct node_action *action,
                                        struct node_message **ret_message, uint64_t *ret_size,
                                        struct tally_diag *diag);

/* What ingress found out about an append. */
struct job_ingress {
    uint32_t events_count;
    bool known; /* all of it was recorded before: `events` has the first results */
    struct node_answer_event *events; /* in the arena; NULL unless known */
    uint64_t index_max;
    enum tally_err
        refused; /* what ledger_ingress said: for the leader to confirm; the diag has why */
};
/* Check an append against limits, signatures and applied state. Errors: as batch_check, and
 * those of reading; an error of ledger_ingress that newer state may take back is `refused`. */
TALLY_NODISCARD enum tally_err job_ingress(struct store *store,
                                           const struct tally_hash *ledger_id,
                                           struct bytes batch, struct arena *arena,
                                           struct job_ingress *ret_ingress,
                                           struct tally_diag *diag);

/* The proof file of a record under a published checkpoint that covers it.
 * Errors: TALLY_E_NOT_FOUND, TALLY_E_CORRUPT, TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err job_receipt(struct store *store, uint64_t index,
                                           struct bytes checkpoint, struct arena *arena,
                                           struct bytes *ret_proof, struct tally_diag *diag);

/* What the witness has to say before a WRITE begins (a truncation takes blocks away that it may
 * name), and once it is durable. A log that came back shorter than it was keeps the further of
 * the two ends, as votes compare them, until it is whole again. */
struct witness_log job_witness_before(const struct witness_log *old,
                                      const struct node_action *write);
struct witness_log job_witness_after(const struct witness_log *old,
                                     const struct node_action *write);
bool job_witness_same(const struct witness_log *a, const struct witness_log *b);

/* What node_open needs, from a store and the witness; Configs live in `arena`. *ret_blocks and
 * *ret_checkpoint are the caller's to free. Errors: TALLY_E_CORRUPT, TALLY_E_IO,
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err job_start(struct store *store, const struct ledger *ledger,
                                         const struct witness_data *witness,
                                         struct arena *arena, struct node_start *ret_start,
                                         struct store_block **ret_blocks,
                                         struct store_value *ret_checkpoint,
                                         struct tally_diag *diag);
/* Keep the newest published checkpoint in the store. Errors: as store_put. */
TALLY_NODISCARD enum tally_err job_keep_checkpoint(struct store *store, struct bytes checkpoint,
                                                   struct tally_diag *diag);
/* The checkpoint that was kept last. Errors: as store_get. */
TALLY_NODISCARD enum tally_err job_checkpoint(struct store *store,
                                              struct store_value *ret_checkpoint);

/* Is the tree that was signed last a beginning of this one? Asked before the first signature of
 * a process: the database may be another one than the signature was given over. At least that
 * many records are applied. Errors: TALLY_E_SPLIT_VIEW (it is not), TALLY_E_CORRUPT,
 * TALLY_E_IO. */
TALLY_NODISCARD enum tally_err job_signed_before(struct store *store,
                                                 const struct witness_data *witness,
                                                 struct tally_diag *diag);
/* Take over what can be read of a damaged store's log, as far as it chains, into a store that
 * has its genesis block; with its hard state. Nothing of a log that does not follow that block.
 * Errors: TALLY_E_CORRUPT (the new store), TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err job_salvage(struct store *from, struct store *to,
                                           struct tally_diag *diag);

#endif
