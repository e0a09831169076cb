/* base/duration - spans of time as text: 30d, 1h30m, 29d23h59m59s999ms.
 *
 * Whole numbers with a unit each (d, h, m, s, ms), larger units first, each at most once; 0s is
 * nothing. Thread-safe. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

enum { DURATION_TEXT_SIZE = 64 };
#define DURATION_MAX_MS (UINT64_C(1000) * 366 * 24 * 3600 * 1000) /* a thousand years */

/* False when it is no such text, or more than DURATION_MAX_MS. */
bool duration_parse(const char *text, uint64_t *ret_ms);
/* The shortest text of a span of time. Returns `to`. */
const char *duration_format(uint64_t ms, char to[DURATION_TEXT_SIZE]);

#endif
