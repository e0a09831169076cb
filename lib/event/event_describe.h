/* event_describe - types of events for people and their programs: descriptions, examples, JSON
 * Schemas. Made from event_types.h and event_fields.h, so they say what validation demands.
 * Thread-safe. */
#ifndef EVENT_EVENT_DESCRIBE_H
#define EVENT_EVENT_DESCRIBE_H

#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "event/event_types.h"

/* "model.created" as its payload is called in JSON: "model_created". Returns `to`. */
enum { EVENT_PAYLOAD_NAME_SIZE = 48 };
const char *event_payload_name(enum event_type type, char to[EVENT_PAYLOAD_NAME_SIZE]);
/* A subject that the type may be about. */
const char *event_example_subject(enum event_type type);

/* JSON texts, indented and NUL-terminated, in the arena. Errors: TALLY_E_NO_MEMORY. */

/* An event as `tally append` takes it: subject, payload, and the artifacts, references and
 * expected_head that the type asks for, with every field that matters. Its hashes are made up:
 * those of events have to be replaced before a ledger allows it. */
TALLY_NODISCARD enum tally_err event_example(enum event_type type, struct arena *arena,
                                             struct bytes *ret_json);
/* {name, number, text, open, closed, subject, actor_signs_as, may_append[], expected_head,
 * becomes_head, subject_must_be, effect, artifact, refs[], payload, fields[], example}. */
TALLY_NODISCARD enum tally_err event_description(enum event_type type, struct arena *arena,
                                                 struct bytes *ret_json);
/* JSON Schema (2020-12) of what `tally append` takes for this type. */
TALLY_NODISCARD enum tally_err event_schema(enum event_type type, struct arena *arena,
                                            struct bytes *ret_json);

#endif
