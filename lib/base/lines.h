/* base/lines - text files line by line, without copying. Thread-safe. */
#ifndef BASE_LINES_H
#define BASE_LINES_H

#include "base/bytes.h"
#include <stdbool.h>

/* Cut the next line, without its newline, from the front of *rest. False, with nothing
 * changed, when no newline is left. */
bool lines_take(struct bytes *rest, struct bytes *ret_line);

#endif
