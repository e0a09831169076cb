#include "net/accept.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_int first_reserved = INT_MAX;

void accept_limit(unsigned long descriptors_max)
{
    const unsigned long half = descriptors_max / 2;
    const unsigned long reserve = half < ACCEPT_RESERVE_MAX ? half : ACCEPT_RESERVE_MAX;
    const unsigned long first = descriptors_max - reserve;

    atomic_store(&first_reserved, first < INT_MAX ? (int)first : INT_MAX);
}

/* In the place of libc's. The kernel gives the lowest free number, so all below are in use.
 * ECONNABORTED: NNG goes on to the next connection. libc's own parameter names begin with
 * underscores. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
__attribute__((visibility("default"))) int accept(int fd, struct sockaddr *restrict address,
                                                  socklen_t *restrict size)
{
    const int accepted = accept4(fd, address, size, SOCK_CLOEXEC);

    if (accepted < atomic_load(&first_reserved)) return accepted;
    (void)close(accepted);
    errno = ECONNABORTED;
    return -1;
}
