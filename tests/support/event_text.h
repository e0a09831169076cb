/* event_text - examples of events as JSON that can be changed, and what becomes of them.
 *
 * Failures inside are wrong tests: ASSERT. One thread at a time. */
#ifndef SUPPORT_EVENT_TEXT_H
#define SUPPORT_EVENT_TEXT_H

#include <jansson.h>
#include <tally/err.h>

#include "base/arena.h"
#include "event/event.h"

/* The example of a type with its envelope filled in; json_decref() it. */
json_t *event_text_example(enum event_type type, struct arena *arena);
/* Set (or with NULL: remove) what a path like "alias_set.version" or "refs[0].rel" names; takes
 * the value. */
void event_text_set(json_t *event, const char *path, json_t *value);
/* Encode and decode. Errors: as event_json_decode and event_decode. */
enum tally_err event_text_decode(const json_t *event, struct arena *arena,
                                 struct event *ret_event, struct tally_diag *diag);

#endif
