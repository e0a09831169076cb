/* replay - a ledger again, from its records alone.
 *
 * What it is    An auditor has the leaves of the tree and nothing else: no blocks, no store of
 * a node. The leaves are pushed one by one, from genesis on; each one that the ledger would not
 * have made is a fault, and the fault names it and says what it should be. Events go through
 * apply_event(), as on a node: the same facts, the same decision, the same effects, the same
 * encoding of the leaf. Never does    no I/O, no clock. Its state is its own, in memory, and
 * holds what decisions need: no records, no tree but the frontier. Signatures    are handed
 * out, with the public key that was enrolled at that index, so that the caller may verify them
 * on other threads. Until then the replay takes them to be good: what is said of later records
 * means nothing once one of them is not. What a leaf   does not show: an event behind a Void
 * (64 bytes of it), the payload of a denied event that was cut (neither its type nor all rules
 * that failed can be checked), retries, blocks.
 *
 * One thread at a time. */
#ifndef LEDGER_REPLAY_H
#define LEDGER_REPLAY_H

#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "event/batch.h"
#include "event/record.h"

struct ledger_replay;

/* A leaf, decoded. */
struct replay_item {
    struct bytes leaf;
    struct tally_hash hash; /* leaf hash */
    struct record record;
    struct event event; /* RECORD_EVENT only */
};

/* Decode leaf number `index`: canonical form of the record and of the event in it, and that it
 * is number `index`. The item borrows from leaf and arena. Needs no replay; thread-safe.
 * Errors: TALLY_E_MALFORMED, TALLY_E_TOO_LARGE, TALLY_E_MISMATCH (another index),
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err replay_decode(struct bytes leaf, uint64_t index,
                                             struct arena *arena, struct replay_item *ret_item,
                                             struct tally_diag *diag);

/* One signature of a batch: to be verified by whoever gets it. */
struct replay_signature {
    uint64_t index; /* of the batch's first record */
    struct tally_hash key_id;
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGN_SIGNATURE_BYTES];
    uint8_t message[BATCH_MESSAGE_BYTES];
};
/* Called from replay_push. */
struct replay_sink {
    void *context;
    enum tally_err (*signature)(void *context, const struct replay_signature *signature);
};

/* An empty replay: genesis comes first. Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err replay_open(const struct replay_sink *sink,
                                           struct ledger_replay **ret_replay);
void replay_close(struct ledger_replay *replay); /* NULL is accepted */

/* The next leaf. A batch is judged when its last leaf is there: until replay_waits() is false
 * again, the items must stay. Errors, with what it should be in the diag; after any of them the
 * replay must be closed:
 *   TALLY_E_MISMATCH     the ledger would have made another leaf (decision, StateRoot, Config,
 *                        time, order, batch, Void)
 *   TALLY_E_UNKNOWN_KEY, TALLY_E_SIGNERS, TALLY_E_WRONG_LEDGER, TALLY_E_CONFLICT
 *                        an event that must be void or have no leaf
 *   TALLY_E_SIGNATURE, TALLY_E_MALFORMED  genesis
 *   TALLY_E_NO_MEMORY, or what the sink gave */
TALLY_NODISCARD enum tally_err replay_push(struct ledger_replay *replay,
                                           const struct replay_item *item,
                                           struct tally_diag *diag);
/* Are there items of a batch that is not complete yet? */
bool replay_waits(const struct ledger_replay *replay);
/* The log ends here: no batch is open, and the last leaf is a StateRoot. Errors:
 * TALLY_E_MISMATCH. */
TALLY_NODISCARD enum tally_err replay_end(struct ledger_replay *replay,
                                          struct tally_diag *diag);
/* The record that the last error was about. */
uint64_t replay_fault_index(const struct ledger_replay *replay);

/* After genesis. */
const struct tally_hash *replay_ledger_id(const struct ledger_replay *replay);
const char *replay_ledger_name(const struct ledger_replay *replay);
/* Leaves that were replayed, and the root over the leaves that this replay *made*. */
uint64_t replay_size(const struct ledger_replay *replay);
void replay_root(const struct ledger_replay *replay, struct tally_hash *ret_root);

#endif
