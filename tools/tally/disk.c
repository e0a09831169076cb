#include "disk.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum tally_err disk_read(const char *path, size_t size_max, struct arena *arena,
                         struct bytes *ret_data, struct tally_diag *diag)
{
    uint8_t *data = NULL;
    size_t size = 0;
    const enum tally_err err = file_read(path, size_max, &data, &size, diag);

    if (err != TALLY_OK) return err;
    *ret_data = arena_copy(arena, bytes_of(data, size));
    free(data);
    return ret_data->data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

enum tally_err disk_remove(const char *path, struct tally_diag *diag)
{
    if (unlink(path) == 0) return file_sync_directory(path, diag);
    if (errno == ENOENT) return TALLY_OK;
    tally_diag_set(diag, "cannot remove %s: %s", path, strerror(errno));
    return TALLY_E_IO;
}

bool disk_exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}
