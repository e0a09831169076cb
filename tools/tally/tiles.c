#include "tiles.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "merkle/merkle.h"

enum { LEVEL_BITS = 8, GROUP = 1000, GROUPS_MAX = 7 };

void tiles_path(int level, uint64_t index, uint32_t width, char ret_path[TILES_PATH_SIZE])
{
    uint32_t groups[GROUPS_MAX];
    uint32_t count = 0;
    size_t used;

    ASSERT(level >= TILES_BUNDLE && level < TILES_LEVELS);
    ASSERT(width >= 1 && width <= TILES_WIDTH);
    do {
        ASSERT(count < GROUPS_MAX);
        groups[count++] = (uint32_t)(index % GROUP);
        index /= GROUP;
    } while (index > 0);
    used = level == TILES_BUNDLE
               ? (size_t)snprintf(ret_path, TILES_PATH_SIZE, "tile/entries")
               : (size_t)snprintf(ret_path, TILES_PATH_SIZE, "tile/%d", level);
    while (count > 0) {
        count--;
        used += (size_t)snprintf(ret_path + used, TILES_PATH_SIZE - used, "/%s%03u",
                                 count > 0 ? "x" : "", (unsigned)groups[count]);
    }
    if (width < TILES_WIDTH)
        used +=
            (size_t)snprintf(ret_path + used, TILES_PATH_SIZE - used, ".p/%u", (unsigned)width);
    ASSERT(used < TILES_PATH_SIZE);
}

uint32_t tiles_width(int level, uint64_t index, uint64_t size)
{
    const uint32_t shift = level == TILES_BUNDLE ? 0 : (uint32_t)level * LEVEL_BITS;
    const uint64_t hashes = size >> shift;

    if (index > hashes / TILES_WIDTH) return 0;
    if (index < hashes / TILES_WIDTH) return TILES_WIDTH;
    return (uint32_t)(hashes % TILES_WIDTH);
}

enum tally_err tiles_bundle_split(struct bytes bundle, uint32_t width, struct bytes *ret_leaves,
                                  struct tally_diag *diag)
{
    struct bytes_reader reader = bytes_reader(bundle.data, bundle.size);

    ASSERT(width >= 1 && width <= TILES_WIDTH);
    for (uint32_t i = 0; i < width; i++) {
        const uint16_t size = bytes_get_u16(&reader);

        ret_leaves[i] = bytes_of(bytes_get(&reader, size), size);
        if (!reader.bad && size > 0) continue;
        tally_diag_set(diag, "the bundle ends in entry %u of %u, or that one is empty",
                       (unsigned)i, (unsigned)width);
        return TALLY_E_MALFORMED;
    }
    if (bytes_reader_done(&reader)) return TALLY_OK;
    tally_diag_set(diag, "the bundle has %zu bytes more than its %u entries",
                   bundle.size - reader.at, (unsigned)width);
    return TALLY_E_MALFORMED;
}

size_t tiles_leaf_size(size_t leaf_size)
{
    return 2 + leaf_size;
}

void tiles_bundle_put(struct bytes_writer *writer, struct bytes leaf)
{
    ASSERT(leaf.size > 0 && leaf.size <= LIMIT_RECORD_SIZE);
    bytes_put_u16(writer, (uint16_t)leaf.size);
    bytes_put(writer, leaf.data, leaf.size);
}

enum tally_err tiles_add(struct tiles_builder *builder, const struct tally_hash *leaf,
                         tiles_visit *visit, void *context, struct tally_diag *diag)
{
    struct tally_hash hash = *leaf;

    for (uint32_t level = 0; level < TILES_LEVELS; level++) {
        const uint64_t number = builder->size >> level * LEVEL_BITS;
        const uint32_t place = (uint32_t)(number % TILES_WIDTH);
        enum tally_err err;

        builder->hashes[level][place] = hash;
        if (place + 1 < TILES_WIDTH) break;
        err = visit(context, level, number / TILES_WIDTH, builder->hashes[level], TILES_WIDTH,
                    diag);
        if (err != TALLY_OK) return err;
        merkle_root(builder->hashes[level], TILES_WIDTH, &hash);
    }
    builder->size++;
    return TALLY_OK;
}

enum tally_err tiles_finish(const struct tiles_builder *builder, tiles_visit *visit,
                            void *context, struct tally_diag *diag)
{
    for (uint32_t level = 0; level < TILES_LEVELS; level++) {
        const uint64_t count = builder->size >> level * LEVEL_BITS;
        const uint32_t width = (uint32_t)(count % TILES_WIDTH);
        enum tally_err err;

        if (width == 0) continue;
        err = visit(context, level, count / TILES_WIDTH, builder->hashes[level], width, diag);
        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

/* A node of the right edge. Its tile is the last one of its level, or the last but none: a node
 * above level 8l with no complete tile behind it lies in the partial tile of level l. */
static enum tally_err read_node(void *context, uint32_t level, uint64_t index,
                                struct tally_hash *ret_hash)
{
    const struct tiles_builder *builder = context;
    const uint32_t tile = level / LEVEL_BITS, height = level % LEVEL_BITS;
    const uint64_t first = index << height; /* hash number at the tile's level */

    merkle_root(&builder->hashes[tile][first % TILES_WIDTH], (size_t)1 << height, ret_hash);
    return TALLY_OK;
}

void tiles_root(const struct tiles_builder *builder, struct tally_hash *ret_root)
{
    const struct merkle_reader reader = {.ctx = (void *)builder, .read = read_node};
    const enum tally_err err = merkle_root_at(&reader, builder->size, ret_root);

    ASSERT(err == TALLY_OK); /* sizes are below 2^63, and read_node does not fail */
}
