/* base/clock - the only two clocks. Thread-safe.
 *
 * Core code never asks for the time: it is given one reading per event. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment in the past; never goes back. For time-outs and intervals. */
uint64_t clock_monotonic_ms(void);
/* Milliseconds since 1970-01-01 UTC, as the machine believes. Only for what is recorded or
 * shown: it may jump. */
uint64_t clock_wall_ms(void);

#endif
