/* cli_run - command lines inside a test program, in a folder of their own.
 *
 * One thread; the working directory of the process is the folder while it is open. */
#ifndef SUPPORT_CLI_RUN_H
#define SUPPORT_CLI_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/sign.h"

/* What the last command line printed; "" at first. */
extern char cli_run_out[64 * 1024], cli_run_err[64 * 1024];

/* Make an empty folder and enter it; leave it and remove it with all files in it. */
void cli_run_open(void);
void cli_run_close(void);

/* Run "tally <line>", the line split at spaces. Returns the exit status. */
int cli_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Files in the folder. A failure is a wrong test. */
void cli_run_write(const char *path, struct bytes data, uint32_t mode);
void cli_run_write_text(const char *path, const char *text);
/* The secret key file of a key, and its public one. */
void cli_run_write_key(const char *path, const char *name, const struct sign_key *key);
bool cli_run_exists(const char *path);
/* Contents with a NUL; valid until the next call. */
struct bytes cli_run_read(const char *path);

#endif
