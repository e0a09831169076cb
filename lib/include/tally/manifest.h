/* tally/manifest.h - the identity of a directory of files: its manifest root.
 *
 * Every regular file below the directory counts, with its path, size and SHA-256; the root of
 * the RFC 6962 tree over them, in raw byte order of the paths, names exactly these files.
 * docs/formats.md, "Manifest root". A symbolic link to a regular file counts as that file; any
 * other link, device or socket is refused. `.git`, `.gitattributes` and `*.tlog-proof` at the
 * top are left out.
 *
 * Thread-safe: no shared state. */
#ifndef TALLY_MANIFEST_H
#define TALLY_MANIFEST_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tally_manifest_file {
    const char *path; /* relative, with '/', valid UTF-8 */
    uint64_t size;    /* bytes */
    struct tally_hash digest;
};

struct tally_manifest {
    struct tally_hash root;
    uint64_t size; /* bytes of all files */
    size_t files_count, ignored_count;
    const struct tally_manifest_file *files; /* in the order of the tree */
    const char *const *ignored;              /* paths at the top that were left out */
    void *memory;                            /* of the library */
};

/* Called by the thread that waits for the manifest; `done` of `total` bytes are hashed. May be
 * NULL. */
typedef void tally_manifest_progress(void *context, uint64_t done, uint64_t total);

/* Read the files below `directory`, several at a time, and compute the manifest. Free it with
 * tally_manifest_free(). TALLY_E_NOT_FOUND  no such directory, or no file in it TALLY_E_INVALID
 * a link to something else than a regular file, a special file, a path that is not UTF-8 or
 * differs from another one only in ASCII case, or more than a million files TALLY_E_IO the
 * operating system refused; the diag names the file TALLY_E_MISMATCH   a file changed while it
 * was read TALLY_E_NO_MEMORY */
TALLY_API TALLY_NODISCARD enum tally_err
tally_manifest_read(const char *directory, tally_manifest_progress *progress, void *context,
                    struct tally_manifest *ret_manifest, struct tally_diag *diag);
TALLY_API void tally_manifest_free(struct tally_manifest *manifest); /* NULL is accepted */

#ifdef __cplusplus
}
#endif
#endif
