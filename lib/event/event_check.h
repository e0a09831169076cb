/* event_check - what an event must satisfy by itself, before any state is looked at.
 *
 * Inside lib/event only: it sees the generated types. Thread-safe. */
#ifndef EVENT_EVENT_CHECK_H
#define EVENT_EVENT_CHECK_H

#include <stdbool.h>
#include <tally/err.h>

struct Tally__Event;
struct ProtobufCMessage;
struct event_message;

/* Check a canonical event. `cut`: it is the rest of a denied one, without payload and lists.
 * TALLY_E_MALFORMED: the diag names the field and the remedy. */
TALLY_NODISCARD enum tally_err event_check(const struct Tally__Event *event, bool cut,
                                           struct tally_diag *diag);

/* Check a message by its rows (event_fields.h); `name` is what the diag calls it. Errors:
 * TALLY_E_MALFORMED. */
TALLY_NODISCARD enum tally_err event_check_fields(const struct ProtobufCMessage *message,
                                                  const struct event_message *rows,
                                                  const char *name, struct tally_diag *diag);
/* What the type asks of an event beyond the form of its fields: how they fit together, and
 * which artifacts and references it must have. The fields were checked. Errors:
 * TALLY_E_MALFORMED. */
TALLY_NODISCARD enum tally_err event_check_type(const struct Tally__Event *event,
                                                struct tally_diag *diag);

#endif
