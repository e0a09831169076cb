/* decide_expect - what a decision must say. Check fails the running test with the case's name.
 */
#ifndef SUPPORT_DECIDE_EXPECT_H
#define SUPPORT_DECIDE_EXPECT_H

#include "ledger/decide.h"

/* Decide, and demand that exactly these rules fail: ascending, 0 ends them; allowed when there
 * is none. */
void decide_expect(const char *name, const struct decide_facts *facts,
                   const struct event *event, const uint16_t *rules);

#endif
