/* event_json - events and records as JSON, both ways.
 *
 * Field names are those of proto/event.proto, bytes are lower-case hex, enums are names, 64-bit
 * integers are JSON integers, above 2^63 - 1 decimal strings. Absent and zero are the same, as
 * on the wire. JSON to bytes and back gives the same bytes. Thread-safe. */
#ifndef EVENT_EVENT_JSON_H
#define EVENT_EVENT_JSON_H

#include <stdbool.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"

/* Encode the event that a JSON text describes. Nothing is filled in and nothing but form is
 * checked: event_decode does the rest. Errors: TALLY_E_MALFORMED (not JSON, unknown or repeated
 * key, wrong type, a number that is no integer or out of range; the diag names the key and
 * place), TALLY_E_TOO_LARGE, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err event_json_decode(struct bytes json, struct arena *arena,
                                                 struct bytes *ret_event,
                                                 struct tally_diag *diag);
/* The JSON text of an encoded event; NUL-terminated, data NULL on error. `pretty`: indented by
 * two spaces, else on one line. Errors: TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err event_json_encode(struct bytes event, bool pretty,
                                                 struct arena *arena, struct bytes *ret_json,
                                                 struct tally_diag *diag);
/* The same of an encoded record; the event inside is shown decoded, and `leaf_hash`, and for an
 * event `event_hash`, `type` and `failed_rule_names` are added. */
TALLY_NODISCARD enum tally_err record_json_encode(struct bytes record, bool pretty,
                                                  struct arena *arena, struct bytes *ret_json,
                                                  struct tally_diag *diag);

#endif
