/* endpoints - addresses and certificates for tests that open sockets.
 *
 * NNG panics in a forked child: a test program that uses it calls endpoints_no_fork first. */
#ifndef SUPPORT_ENDPOINTS_H
#define SUPPORT_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>

struct endpoints_files {
    char cert[128];
    char key[128];
};

/* Let Check run its tests in this process. */
void endpoints_no_fork(void);

/* Write `scheme``address`:`port` to `ret_url`, where the address is 127.x.y.`host` with x and y
 * drawn once per process: nothing else uses it, so fixed ports are free. */
void endpoints_url(const char *scheme, unsigned host, unsigned port, char *ret_url,
                   size_t size);

/* A directory of this process below $TMPDIR or /tmp, made at first use and removed at exit. */
const char *endpoints_directory(void);
/* Make a self-signed ECDSA P-256 certificate for the name "tally", with openssl(1). */
struct endpoints_files endpoints_certificate(const char *name);
/* Write the certificates one after another to a file; its path is stored in `ret_path`. */
void endpoints_chain(const char *name, const struct endpoints_files *files, size_t count,
                     char *ret_path, size_t size);

#endif
