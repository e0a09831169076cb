/* draft - an event as JSON, with what its envelope leaves out filled in.
 *
 * Filled in when absent: schema, ledger_id, event_id, actor (principal/<name of the key>),
 * required_signers (the key, in the meaning that the type asks of its actor), claimed_time_ms.
 * What was filled in is signed like the rest. */
#ifndef TALLY_DRAFT_H
#define TALLY_DRAFT_H

#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "crypto/keyfile.h"
#include "event/event.h"

struct json_t;

struct draft_fill {
    const struct tally_hash *ledger_id; /* NULL: refuse an event that names none */
    const struct user_key *key;         /* NULL: refuse an event that names no actor */
    const struct event *earlier; /* take event id and time from this one; NULL: new ones */
    uint64_t time_ms;            /* since 1970 */
};

/* Parse the text of EVENT.json. Errors: TALLY_E_MALFORMED (with line and column),
 * TALLY_E_NO_MEMORY. Free the result with json_decref(). */
TALLY_NODISCARD enum tally_err draft_parse(struct bytes text, struct json_t **ret_draft,
                                           struct tally_diag *diag);
/* Fill in, in place, and encode into the arena.
 * Errors: TALLY_E_MALFORMED (no known payload; or as event_json_decode), TALLY_E_INVALID
 * (nothing to fill in with), TALLY_E_TOO_LARGE, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err draft_encode(struct json_t *draft, const struct draft_fill *fill,
                                            struct arena *arena, struct bytes *ret_event,
                                            struct tally_diag *diag);

#endif
