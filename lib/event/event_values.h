/* event_values - the plain fields of a payload, by name: what a rule of a policy can ask of.
 *
 * Thread-safe: no shared state. */
#ifndef EVENT_EVENT_VALUES_H
#define EVENT_EVENT_VALUES_H

#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"

struct event_value {
    const char *name; /* as in proto/event.proto */
    const char *text; /* texts, subjects, and of an enum the word in lower case without the
                       * enum's prefix: "lora" for RUN_METHOD_LORA; NULL: a number */
    uint64_t number;  /* numbers and times; flags: 0 or 1 */
};

/* The values of a valid event, `max` at most; lists, parts, bytes, hashes and what is absent
 * are left out. They borrow from the arena. Errors: as event_decode. */
TALLY_NODISCARD enum tally_err event_values(struct bytes event, struct arena *arena,
                                            struct event_value *ret_values, uint32_t max,
                                            uint32_t *ret_count);

#endif
