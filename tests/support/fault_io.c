/* fault_io - a disk and a clock that obey the environment, for `tallyd_faults`.
 *
 *   TALLY_FAULT_SYNC=fail:N     the N-th fdatasync of the process and all later ones fail with
 * EIO TALLY_FAULT_SYNC=slow:MS    each fdatasync takes MS milliseconds longer
 *   TALLY_FAULT_CLOCK=S         the wall clock is S seconds ahead (or behind)
 *
 * These functions take the place of libc's for the program and for the libraries it loads,
 * since it is linked with -rdynamic. Thread-safe. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

/* libc's own parameter names begin with underscores. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
SHOWN int fdatasync(int fd)
{
    static atomic_long calls;
    const char *fault = getenv("TALLY_FAULT_SYNC");
    const long call = atomic_fetch_add(&calls, 1) + 1;

    if (fault != NULL && strncmp(fault, "fail:", 5) == 0 &&
        call >= strtol(fault + 5, NULL, 10)) {
        errno = EIO;
        return -1;
    }
    if (fault != NULL && strncmp(fault, "slow:", 5) == 0) {
        const long ms = strtol(fault + 5, NULL, 10);
        const struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

        syscall(SYS_nanosleep, &wait, NULL);
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
SHOWN int clock_gettime(clockid_t clock, struct timespec *at)
{
    const char *ahead = getenv("TALLY_FAULT_CLOCK");
    const int result = (int)syscall(SYS_clock_gettime, clock, at);

    if (result == 0 && clock == CLOCK_REALTIME && ahead != NULL)
        at->tv_sec += strtol(ahead, NULL, 10);
    return result;
}
