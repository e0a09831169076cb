#include "support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void folder_make(char *ret_path, size_t size)
{
    const char *below = getenv("TMPDIR");
    const int written =
        snprintf(ret_path, size, "%s/tally-XXXXXX", below == NULL ? "/tmp" : below);

    ASSERT(written > 0 && (size_t)written < size);
    ASSERT(mkdtemp(ret_path) != NULL);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void folder_remove(const char *path)
{
    ASSERT(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}
