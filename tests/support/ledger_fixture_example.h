/* ledger_fixture_example - payloads of the types that fixture_event() has no builder for: those
 * of their examples (event_describe.h). Inside tests/support. */
#ifndef SUPPORT_LEDGER_FIXTURE_EXAMPLE_H
#define SUPPORT_LEDGER_FIXTURE_EXAMPLE_H

#include "support/ledger_fixture.h"

struct Tally__Event;

/* Put the payload of the example of spec->type into `event`, with what the spec says of
 * manifest_root, parent, run and sizes. */
void fixture_example_put(struct fixture *fixture, const struct fixture_spec *spec,
                         struct Tally__Event *event);

#endif
