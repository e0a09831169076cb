#include "base/clock.h"

#include <time.h>

#include "base/assert.h"

static uint64_t now_ms(clockid_t id)
{
    struct timespec now;

    /* Both clocks exist on every Linux, so a failure is a wrong program. */
    const int failed = clock_gettime(id, &now);
    ASSERT(failed == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_monotonic_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}
