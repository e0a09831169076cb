/* base/clock - the only two clocks, and waiting by the first of them. Thread-safe.
 *
 * Core code never asks for the time: it is given one reading per event. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds since some moment in the past; never goes back. For time-outs and intervals. */
uint64_t clock_monotonic_ms(void);
/* Milliseconds since 1970-01-01 UTC, as the machine believes. Only for what is recorded or
 * shown: it may jump. */
uint64_t clock_wall_ms(void);

/* A condition whose timed waits end by the monotonic clock, and the moment `ms` from now for
 * pthread_cond_timedwait on it. */
void clock_condition_init(pthread_cond_t *ret_condition);
struct timespec clock_deadline(uint64_t ms);

#endif
