/* disk - base/file for commands: what is read lives in an arena. */
#ifndef TALLY_DISK_H
#define TALLY_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"

enum { DISK_PATH_MAX = 4096 };

/* Read a file of at most `size_max` bytes. Errors: as file_read. */
TALLY_NODISCARD enum tally_err disk_read(const char *path, size_t size_max, struct arena *arena,
                                         struct bytes *ret_data, struct tally_diag *diag);
/* Remove a file so that it stays removed; one that is not there is fine. Errors: TALLY_E_IO. */
TALLY_NODISCARD enum tally_err disk_remove(const char *path, struct tally_diag *diag);
bool disk_exists(const char *path);

#endif
