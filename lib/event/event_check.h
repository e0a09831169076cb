/* event_check - what an event must satisfy by itself, before any state is looked at.
 *
 * Inside lib/event only: it sees the generated types. Thread-safe. */
#ifndef EVENT_EVENT_CHECK_H
#define EVENT_EVENT_CHECK_H

#include <stdbool.h>
#include <tally/err.h>

struct Tally__Event;

/* Check a canonical event. `cut`: it is the rest of a denied one, without payload and lists.
 * TALLY_E_MALFORMED: the diag names the field and the remedy. */
TALLY_NODISCARD enum tally_err event_check(const struct Tally__Event *event, bool cut,
                                           struct tally_diag *diag);

#endif
