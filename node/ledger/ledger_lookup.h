/* ledger_lookup - questions to the state that apply, ingress and readers share.
 *
 * The same question is asked of the store (ingress, readers: as of the last flush) and of the
 * state with its pending puts (apply). Values are copied into the caller's arena. Errors of all
 * functions: TALLY_E_CORRUPT (a value that was never written so), TALLY_E_IO,
 * TALLY_E_NO_MEMORY; absence is no error but *ret_found. Thread-safe over a store. */
#ifndef LEDGER_LEDGER_LOOKUP_H
#define LEDGER_LEDGER_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "event/batch.h"
#include "ledger/ledger.h"
#include "ledger/ledger_codec.h"
#include "ledger/ledger_codec_govern.h"
#include "ledger/ledger_state.h"
#include "store/store.h"

/* Exactly one of the two is set. */
struct lookup {
    struct store *store;
    struct ledger_state *state;
    struct arena *arena;
};

TALLY_NODISCARD enum tally_err lookup_value(const struct lookup *lookup,
                                            enum store_family family, struct bytes key,
                                            bool *ret_found, struct bytes *ret_value,
                                            struct tally_diag *diag);
TALLY_NODISCARD enum tally_err lookup_key(const struct lookup *lookup, const uint8_t key_id[32],
                                          bool *ret_found, struct ledger_key *ret_key,
                                          struct tally_diag *diag);
/* `subject`: principal/<id>. Roles borrow from the arena. */
TALLY_NODISCARD enum tally_err lookup_principal(const struct lookup *lookup,
                                                const char *subject, bool *ret_found,
                                                struct principal *ret_principal,
                                                struct tally_diag *diag);
/* A path of `size` characters; zeros when it is not found. */
TALLY_NODISCARD enum tally_err lookup_path(const struct lookup *lookup, const char *path,
                                           size_t size, bool *ret_found,
                                           struct topic *ret_topic, struct tally_diag *diag);
TALLY_NODISCARD enum tally_err lookup_topic(const struct lookup *lookup, struct bytes key,
                                            bool *ret_found, struct topic *ret_topic,
                                            struct tally_diag *diag);
/* Where an event is recorded, and what became of it. */
TALLY_NODISCARD enum tally_err lookup_event(const struct lookup *lookup,
                                            const struct tally_hash *event_hash,
                                            bool *ret_found, struct event_place *ret_place,
                                            struct tally_diag *diag);
TALLY_NODISCARD enum tally_err lookup_retracted(const struct lookup *lookup,
                                                const struct tally_hash *event_hash,
                                                bool *ret_retracted, struct tally_diag *diag);
/* TALLY_E_CORRUPT also when there is none: ask only for indexes below the size. */
TALLY_NODISCARD enum tally_err lookup_locator(const struct lookup *lookup, uint64_t index,
                                              struct locator *ret_locator,
                                              struct tally_diag *diag);

/* What decisions ask of a path; zeros when it is not found. What it borrows is in the arena. */
TALLY_NODISCARD enum tally_err lookup_about(const struct lookup *lookup, const char *path,
                                            size_t size, bool *ret_found,
                                            struct about *ret_about, struct tally_diag *diag);
/* The policy of this version, encoded, and its digest. */
TALLY_NODISCARD enum tally_err lookup_policy(const struct lookup *lookup, uint64_t version,
                                             bool *ret_found, struct tally_hash *ret_digest,
                                             struct bytes *ret_policy, struct tally_diag *diag);

/* Is a batch that passed batch_check authentic? Every signer's key is enrolled (a revoked one
 * is known: the decision denies it), exactly one signature of a key of each event's actor has
 * the meaning that the event's type requires, and who an event is on behalf of signed too.
 *   TALLY_E_UNKNOWN_KEY, TALLY_E_SIGNERS  the diag names the key or the principal */
TALLY_NODISCARD enum tally_err lookup_authentic(const struct lookup *lookup,
                                                const struct batch *batch,
                                                struct tally_diag *diag);

/* The largest event id that the actor used; zeros when none. Ids begin with the time of their
 * making, so that nearly every new event has a larger one, and no other look-up is needed to
 * know that its id is new. */
TALLY_NODISCARD enum tally_err lookup_newest_id(const struct lookup *lookup, const char *actor,
                                                uint8_t ret_id[EVENT_ID_BYTES],
                                                struct tally_diag *diag);

enum lookup_known {
    LOOKUP_NEW,      /* no event id of the batch was used, and none is there twice */
    LOOKUP_KNOWN,    /* all were used, by the same events */
    LOOKUP_CONFLICT, /* anything else */
};
/* Is the batch a retry? */
TALLY_NODISCARD enum tally_err lookup_batch(const struct lookup *lookup,
                                            const struct batch *batch,
                                            enum lookup_known *ret_known,
                                            struct tally_diag *diag);
/* The first results of a known batch, outcome LEDGER_REPEATED; rules live in `results`. */
TALLY_NODISCARD enum tally_err lookup_results(const struct lookup *lookup,
                                              const struct batch *batch, struct arena *results,
                                              struct ledger_event_result *ret_results,
                                              struct tally_diag *diag);

#endif
