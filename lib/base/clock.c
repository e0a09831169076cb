#include "base/clock.h"

#include "base/assert.h"

static uint64_t now_ms(clockid_t id)
{
    struct timespec now;

    /* Both clocks exist on every Linux, so a failure is a wrong program. */
    const int failed = clock_gettime(id, &now);
    ASSERT(failed == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void clock_condition_init(pthread_cond_t *ret_condition)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(ret_condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

struct timespec clock_deadline(uint64_t ms)
{
    struct timespec at;
    const int failed = clock_gettime(CLOCK_MONOTONIC, &at);

    ASSERT(failed == 0);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

uint64_t clock_monotonic_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}
