/* base/file - whole small files, read and written so that nothing is lost.
 *
 * Thread-safe: no shared state. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/bytes.h"

/* Read a regular file of at most `size_max` bytes. *ret_data is malloc'd, with a NUL behind it
 * that is not counted; free() it. Errors, with the path in the diag: TALLY_E_NOT_FOUND,
 * TALLY_E_TOO_LARGE, TALLY_E_IO (also when it is no regular file), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err file_read(const char *path, size_t size_max, uint8_t **ret_data,
                                         size_t *ret_size, struct tally_diag *diag);
/* Put a file in place of whatever is there: written beside it, fsynced, renamed, the directory
 * fsynced. After an error the old file is untouched. Errors: TALLY_E_IO. */
TALLY_NODISCARD enum tally_err file_write(const char *path, struct bytes data, uint32_t mode,
                                          struct tally_diag *diag);
/* The same for a file that must not exist yet. Errors: TALLY_E_CONFLICT, TALLY_E_IO. */
TALLY_NODISCARD enum tally_err file_create(const char *path, struct bytes data, uint32_t mode,
                                           struct tally_diag *diag);
/* fsync the directory that holds `path`, so that a change of names in it lasts. TALLY_E_IO. */
TALLY_NODISCARD enum tally_err file_sync_directory(const char *path, struct tally_diag *diag);

#endif
