/* export_dir - a directory that holds a log: `checkpoint` and the files of tiles.h.
 *
 * What is read may be hostile: sizes are checked before anything is allocated, and nothing is
 * believed. Errors name the file. Thread-safe: no shared state. */
#ifndef TALLY_EXPORT_DIR_H
#define TALLY_EXPORT_DIR_H

#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "note/checkpoint.h"
#include "tiles.h"

/* A signed checkpoint, taken apart. No signature is verified here. */
struct export_checkpoint {
    struct bytes note;
    struct checkpoint checkpoint; /* borrows from the note */
};
/* Errors: TALLY_E_MALFORMED, TALLY_E_TOO_LARGE. */
TALLY_NODISCARD enum tally_err export_checkpoint_parse(struct bytes note,
                                                       struct export_checkpoint *ret_checkpoint,
                                                       struct tally_diag *diag);
/* The file `checkpoint` of the directory; it lives in the arena.
 * Errors: TALLY_E_NOT_FOUND, TALLY_E_MALFORMED, TALLY_E_TOO_LARGE, TALLY_E_IO,
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err export_checkpoint_read(const char *directory,
                                                      struct arena *arena,
                                                      struct export_checkpoint *ret_checkpoint,
                                                      struct tally_diag *diag);
/* The `width` hashes of a tile. Errors: TALLY_E_NOT_FOUND, TALLY_E_MALFORMED (its file has
 * another size), TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err export_tile_read(const char *directory, uint32_t level,
                                                uint64_t index, uint32_t width,
                                                struct tally_hash *ret_hashes,
                                                struct tally_diag *diag);
/* The `width` leaves of a bundle. *ret_data is malloc'd, free() it; the leaves borrow from it.
 * Errors: as export_tile_read. */
TALLY_NODISCARD enum tally_err export_bundle_read(const char *directory, uint64_t index,
                                                  uint32_t width, uint8_t **ret_data,
                                                  struct bytes *ret_leaves,
                                                  struct tally_diag *diag);

/* Make the directory, unless it is there; its parent must be. Errors: TALLY_E_IO. */
TALLY_NODISCARD enum tally_err export_dir_make(const char *directory, struct tally_diag *diag);
/* Does it hold anything but the parts of an export? *ret_name: what (a copy in the arena), data
 * NULL: no. Errors: TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err export_dir_foreign(const char *directory, struct arena *arena,
                                                  struct bytes *ret_name,
                                                  struct tally_diag *diag);
/* Put a file in its place, whole or not at all, with the directories above it. One that is
 * there with the same bytes is left alone. *ret_written: bytes written. Errors: TALLY_E_IO,
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err export_file_write(const char *directory, const char *path,
                                                 struct bytes data, uint64_t *ret_written,
                                                 struct tally_diag *diag);
/* The last tiles of a tree of this size, as the directory has them: a builder that goes on from
 * there. Errors: as export_tile_read. */
TALLY_NODISCARD enum tally_err export_resume(const char *directory, uint64_t size,
                                             struct tiles_builder *ret_builder,
                                             struct tally_diag *diag);

#endif
