/* tiles - the files of a log as C2SP tlog-tiles (docs/formats.md, "Export").
 *
 * A tree of `size` leaves is cut into tiles of 256 hashes: tile (level, index) holds the hashes
 * of the perfect subtrees of 256^level leaves from number index * 256 on; level 0 holds leaf
 * hashes. A bundle holds the leaves of one tile of level 0. The last tile of a level may be
 * partial: its file's name says how many hashes it has, its width.
 *
 * Pure but for what the callbacks do. Thread-safe: no shared state. */
#ifndef TALLY_TILES_H
#define TALLY_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/bytes.h"
#include "base/limits.h"

enum {
    TILES_WIDTH = 256,    /* hashes of a full tile */
    TILES_LEVELS = 8,     /* 0..7: sizes are below 2^63 */
    TILES_BUNDLE = -1,    /* in place of a level: the entries */
    TILES_PATH_SIZE = 64, /* of a path with its NUL */
    TILES_BUNDLE_SIZE_MAX = TILES_WIDTH * (2 + LIMIT_RECORD_SIZE),
    TILES_TILE_SIZE_MAX = TILES_WIDTH * TALLY_HASH_BYTES,
};

/* "tile/0/x001/x234/067", "tile/entries/000.p/17". `width` 1..256; below 256 it is partial. */
void tiles_path(int level, uint64_t index, uint32_t width, char ret_path[TILES_PATH_SIZE]);
/* Width of tile `index` of a level in the tree of `size` leaves: 0 (there is none) to 256.
 * TILES_BUNDLE counts as level 0. */
uint32_t tiles_width(int level, uint64_t index, uint64_t size);

/* Split a bundle of exactly `width` leaves; they borrow from it. `ret_leaves` has room for
 * `width`. Errors: TALLY_E_MALFORMED: fewer or more leaves, an empty one, bytes left over. */
TALLY_NODISCARD enum tally_err tiles_bundle_split(struct bytes bundle, uint32_t width,
                                                  struct bytes *ret_leaves,
                                                  struct tally_diag *diag);
/* Bytes that one leaf takes in a bundle. */
size_t tiles_leaf_size(size_t leaf_size);
/* Put a leaf of 1..LIMIT_RECORD_SIZE bytes. */
void tiles_bundle_put(struct bytes_writer *writer, struct bytes leaf);

/* Gets a tile when its last hash is known, and at the end the partial ones. An error ends. */
typedef enum tally_err tiles_visit(void *context, uint32_t level, uint64_t index,
                                   const struct tally_hash *hashes, uint32_t width,
                                   struct tally_diag *diag);

/* A tree that grows leaf by leaf; zeros are the empty one. Holds the last tile of each level.
 */
struct tiles_builder {
    uint64_t size; /* leaves */
    struct tally_hash hashes[TILES_LEVELS][TILES_WIDTH];
};
/* Add a leaf hash; full tiles are visited, lower levels first. Errors: of `visit`. */
TALLY_NODISCARD enum tally_err tiles_add(struct tiles_builder *builder,
                                         const struct tally_hash *leaf, tiles_visit *visit,
                                         void *context, struct tally_diag *diag);
/* Visit the partial tiles. Errors: of `visit`. */
TALLY_NODISCARD enum tally_err tiles_finish(const struct tiles_builder *builder,
                                            tiles_visit *visit, void *context,
                                            struct tally_diag *diag);
/* The root of the tree so far; SHA-256("") for the empty one. */
void tiles_root(const struct tiles_builder *builder, struct tally_hash *ret_root);

#endif
