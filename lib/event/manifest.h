/* manifest - the manifest root with a number of threads that the caller chooses.
 *
 * The result does not depend on it. Memory: one read buffer per thread. Thread-safe: no shared
 * state. */
#ifndef EVENT_MANIFEST_H
#define EVENT_MANIFEST_H

#include <tally/manifest.h>

/* As tally_manifest_read(), with at most `threads` threads; 0: one per processor that this
 * process may use, and none besides the caller's where there is little to read. */
TALLY_NODISCARD enum tally_err manifest_read(const char *directory, unsigned threads,
                                             tally_manifest_progress *progress, void *context,
                                             struct tally_manifest *ret_manifest,
                                             struct tally_diag *diag);

#endif
