/* fault_io - a disk and a clock that obey a test, for `tallyd_faults`.
 *
 *   TALLY_FAULT_SYNC=fail:N     the N-th fdatasync and all later ones fail with EIO
 *   TALLY_FAULT_SYNC=slow:MS    each fdatasync takes MS milliseconds longer
 *   TALLY_FAULT_EXEC=MS         execv takes MS milliseconds; other threads go on meanwhile
 *   TALLY_FAULT_CLOSE=hang      no socket of NNG is ever closed: nng_close does not return
 *   TALLY_FAULT_DIALER=hang     the same of dialers and nng_dialer_close
 *   TALLY_FAULT_CLOCK=S         the wall clock is S seconds ahead (or behind)
 *   TALLY_FAULT_FILE=FILE       three 64-bit numbers in the machine's byte order, obeyed as
 *                               they change: milliseconds that each fdatasync takes longer;
 *                               milliseconds that the wall clock is ahead, or behind; not 0:
 *                               the errno that each fdatasync fails with. ENOSPC: from the
 *                               first such failure on (in a process that starts with it, at
 *                               once) statvfs finds no space, either
 *
 * These functions take the place of libc's for the program and for the libraries it loads,
 * since it is linked with -rdynamic. Thread-safe. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct faults {
    _Atomic int64_t sync_ms;
    _Atomic int64_t clock_ms;
    _Atomic int64_t sync_fails; /* errno */
};

static struct faults none;
static struct faults *faults = &none;
static atomic_bool full_seen;

/* A test that names a file must have made it: a fault that never comes would prove nothing. */
static __attribute__((constructor)) void faults_map(void)
{
    const char *path = getenv("TALLY_FAULT_FILE");

    if (path == NULL) return;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) abort();
    close(fd);
    faults = map;
    full_seen = faults->sync_fails == ENOSPC;
}

static void wait_ms(int64_t ms)
{
    const struct timespec wait = {.tv_sec = ms / MS_PER_S,
                                  .tv_nsec = ms % MS_PER_S * NS_PER_MS};

    if (ms > 0) syscall(SYS_nanosleep, &wait, NULL);
}

#define SHOWN __attribute__((visibility("default")))

/* libc's own parameter names begin with underscores. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
SHOWN int fdatasync(int fd)
{
    static atomic_long calls;
    const char *fault = getenv("TALLY_FAULT_SYNC");
    const long call = atomic_fetch_add(&calls, 1) + 1;
    const int64_t fails = atomic_load(&faults->sync_fails);

    if (fails != 0 || (fault != NULL && strncmp(fault, "fail:", 5) == 0 &&
                       call >= strtol(fault + 5, NULL, 10))) {
        if (fails == ENOSPC) atomic_store(&full_seen, true);
        errno = fails != 0 ? (int)fails : EIO;
        return -1;
    }
    if (fault != NULL && strncmp(fault, "slow:", 5) == 0) {
        wait_ms(strtol(fault + 5, NULL, 10));
    }
    wait_ms(atomic_load(&faults->sync_ms));
    return (int)syscall(SYS_fdatasync, fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
SHOWN int statvfs(const char *restrict path, struct statvfs *restrict status)
{
    union {
        void *symbol;
        int (*call)(const char *path, struct statvfs *status);
    } next = {.symbol = dlsym(RTLD_NEXT, "statvfs")};
    const int result = next.call(path, status);

    if (result == 0 && atomic_load(&faults->sync_fails) == ENOSPC && atomic_load(&full_seen)) {
        status->f_bavail = 0;
    }
    return result;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
SHOWN int execv(const char *path, char *const arguments[])
{
    const char *fault = getenv("TALLY_FAULT_EXEC");

    if (fault != NULL) wait_ms(strtol(fault, NULL, 10));
    return (int)syscall(SYS_execve, path, arguments, environ);
}

struct nng_socket_s {
    uint32_t id;
};

int nng_close(struct nng_socket_s socket);
SHOWN int nng_close(struct nng_socket_s socket)
{
    union {
        void *symbol;
        int (*call)(struct nng_socket_s socket);
    } next = {.symbol = dlsym(RTLD_NEXT, "nng_close")};

    while (getenv("TALLY_FAULT_CLOSE") != NULL) (void)pause();
    return next.call(socket);
}

struct nng_dialer_s {
    uint32_t id;
};

int nng_dialer_close(struct nng_dialer_s dialer);
SHOWN int nng_dialer_close(struct nng_dialer_s dialer)
{
    union {
        void *symbol;
        int (*call)(struct nng_dialer_s dialer);
    } next = {.symbol = dlsym(RTLD_NEXT, "nng_dialer_close")};

    while (getenv("TALLY_FAULT_DIALER") != NULL) (void)pause();
    return next.call(dialer);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
SHOWN int clock_gettime(clockid_t clock, struct timespec *at)
{
    const char *ahead = getenv("TALLY_FAULT_CLOCK");
    const int result = (int)syscall(SYS_clock_gettime, clock, at);

    if (result != 0 || clock != CLOCK_REALTIME) return result;
    if (ahead != NULL) at->tv_sec += strtol(ahead, NULL, 10);
    const int64_t ms = atomic_load(&faults->clock_ms);
    at->tv_sec += ms / MS_PER_S;
    at->tv_nsec += ms % MS_PER_S * NS_PER_MS;
    if (at->tv_nsec < 0) {
        at->tv_nsec += NS_PER_S;
        at->tv_sec--;
    } else if (at->tv_nsec >= NS_PER_S) {
        at->tv_nsec -= NS_PER_S;
        at->tv_sec++;
    }
    return 0;
}
