/* manifest_hash - SHA-256 of many files, several at a time, the biggest first.
 *
 * Thread-safe: no shared state. */
#ifndef EVENT_MANIFEST_HASH_H
#define EVENT_MANIFEST_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/manifest.h>

enum { MANIFEST_THREADS_MAX = 32 };

struct manifest_hash {
    int root;              /* open directory that paths start from */
    const char *directory; /* its name, for messages */
    unsigned threads;      /* 0: as many as there is use for */
    uint64_t size;         /* bytes of all files, as far as one knows: for `progress` */
    tally_manifest_progress *progress; /* may be NULL; called by the calling thread only */
    void *context;
};

/* Read `count` > 0 files. `files` come with path and size, which orders them, and get size and
 * digest of what was read. When several cannot be read, the error is that of the first in
 * `files`, whatever the threads did.
 * Errors: TALLY_E_INVALID (no regular file), TALLY_E_IO, TALLY_E_MISMATCH (it changed while it
 * was read), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err manifest_hash(const struct manifest_hash *how,
                                             struct tally_manifest_file *files, size_t count,
                                             struct tally_diag *diag);

#endif
