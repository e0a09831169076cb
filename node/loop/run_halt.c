/* A node that halted does not start again by itself: a file in its data directory says why, and
 * a person removes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/file.h"
#include "loop/run_internal.h"

enum { HALT_FILE_MAX = 8192 };

static const char halt_name[] = "halted";

enum tally_err run_halt_keep(const char *data, const char *why, const char *evidence,
                             struct tally_diag *diag)
{
    char path[4096], text[HALT_FILE_MAX];
    const int size = snprintf(text, sizeof text, "why=%s\n%s", why, evidence);
    enum tally_err err = run_path(data, halt_name, path, diag);

    ASSERT(size > 0 && size < (int)sizeof text);
    if (err != TALLY_OK) return err;
    return file_write(path, bytes_of(text, (size_t)size), 0644, diag);
}

enum tally_err run_halt_check(const char *data, struct tally_diag *diag)
{
    struct stat status;
    char path[4096];
    enum tally_err err = run_path(data, halt_name, path, diag);

    if (err != TALLY_OK) return err;
    if (lstat(path, &status) == 0) {
        tally_diag_set(
            diag,
            "this node halted, since signed statements contradict each other: read "
            "\"When a node halts\" in docs/operations.md, then remove the evidence, %s",
            path);
        return TALLY_E_SPLIT_VIEW;
    }
    if (errno == ENOENT) return TALLY_OK;
    tally_diag_set(diag, "%s: %s", path, strerror(errno));
    return TALLY_E_IO;
}
