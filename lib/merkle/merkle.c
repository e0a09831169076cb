#include "merkle/merkle.h"

#include "base/assert.h"
#include "crypto/hash.h"

_Static_assert(TALLY_PROOF_HASHES_MAX >= MERKLE_LEVELS + 1, "every honest proof fits");

uint32_t merkle_append(struct merkle_frontier *frontier, const struct tally_hash *leaf,
                       struct merkle_node *ret_nodes)
{
    struct tally_hash hash = *leaf;
    const uint64_t index = frontier->size;
    uint32_t level = 0;

    ASSERT(index < MERKLE_SIZE_MAX - 1);
    /* As a binary counter: each set low bit is a complete left sibling waiting for us. */
    for (;; level++) {
        if (ret_nodes != NULL)
            ret_nodes[level] = (struct merkle_node){level, index >> level, hash};
        if ((index >> level & 1) == 0) break;
        hash_node(&frontier->node[level], &hash, &hash);
    }
    frontier->node[level] = hash;
    frontier->size++;
    return level + 1;
}

void merkle_frontier_root(const struct merkle_frontier *frontier, struct tally_hash *ret_root)
{
    struct tally_hash root = {{0}};
    bool started = false;

    /* Smaller subtrees stand to the right: fold from the lowest level up. */
    for (uint32_t level = 0; level < MERKLE_LEVELS; level++) {
        if ((frontier->size >> level & 1) == 0) continue;
        if (started)
            hash_node(&frontier->node[level], &root, &root);
        else
            root = frontier->node[level];
        started = true;
    }
    if (!started) hash_sha256(NULL, 0, &root);
    *ret_root = root;
}

enum tally_err merkle_restore(const struct merkle_reader *reader, uint64_t size,
                              struct merkle_frontier *ret_frontier)
{
    struct merkle_frontier frontier = {.size = size};

    if (size >= MERKLE_SIZE_MAX) return TALLY_E_INVALID;
    for (uint32_t level = 0; level < MERKLE_LEVELS; level++) {
        if ((size >> level & 1) == 0) continue;
        const enum tally_err err =
            reader->read(reader->ctx, level, (size >> level) - 1, &frontier.node[level]);
        if (err != TALLY_OK) return err;
    }
    *ret_frontier = frontier;
    return TALLY_OK;
}

/* Is `begin` a multiple of the smallest power of two >= end - begin? */
static bool range_aligned(uint64_t begin, uint64_t end)
{
    uint64_t width = 1;

    while (width < end - begin) width <<= 1;
    return (begin & (width - 1)) == 0;
}

enum tally_err merkle_range(const struct merkle_reader *reader, uint64_t begin, uint64_t end,
                            struct tally_hash *ret_hash)
{
    struct tally_hash hash = {{0}};
    bool started = false;

    if (begin >= end || end >= MERKLE_SIZE_MAX || !range_aligned(begin, end))
        return TALLY_E_INVALID;
    /* The set bits of the width are the perfect subtrees, largest leftmost; the one of bit
     * l ends where the bits below l are cut off. */
    const uint64_t width = end - begin;
    for (uint32_t level = 0; level < MERKLE_LEVELS; level++) {
        if ((width >> level & 1) == 0) continue;
        struct tally_hash left;
        const uint64_t index = ((begin + width) >> level) - 1;
        const enum tally_err err = reader->read(reader->ctx, level, index, &left);
        if (err != TALLY_OK) return err;
        if (started)
            hash_node(&left, &hash, &hash);
        else
            hash = left;
        started = true;
    }
    *ret_hash = hash;
    return TALLY_OK;
}

enum tally_err merkle_root_at(const struct merkle_reader *reader, uint64_t size,
                              struct tally_hash *ret_root)
{
    if (size >= MERKLE_SIZE_MAX) return TALLY_E_INVALID;
    if (size == 0) {
        hash_sha256(NULL, 0, ret_root);
        return TALLY_OK;
    }
    return merkle_range(reader, 0, size, ret_root);
}

/* Append to `proof` the siblings on the way from node (level, index) up to the root of the
 * tree of `size` leaves. A right sibling may be cut by the end of the tree, or lie beyond
 * it: RFC 6962 lifts a lone left child up a level, so that level has no hash. */
static enum tally_err climb(const struct merkle_reader *reader, uint32_t level, uint64_t index,
                            uint64_t size, struct merkle_proof *proof)
{
    for (; (size - 1) >> level > 0; level++, index >>= 1) {
        const uint64_t sibling = index ^ 1;
        const uint64_t begin = sibling << level;
        const uint64_t full_end = begin + (UINT64_C(1) << level);

        if (begin >= size) continue;
        ASSERT(proof->count < TALLY_PROOF_HASHES_MAX);
        const enum tally_err err = merkle_range(
            reader, begin, full_end < size ? full_end : size, &proof->hashes[proof->count]);
        if (err != TALLY_OK) return err;
        proof->count++;
    }
    return TALLY_OK;
}

enum tally_err merkle_prove_inclusion(const struct merkle_reader *reader, uint64_t index,
                                      uint64_t size, struct merkle_proof *ret_proof)
{
    if (index >= size || size >= MERKLE_SIZE_MAX) return TALLY_E_INVALID;
    ret_proof->count = 0;
    return climb(reader, 0, index, size, ret_proof);
}

enum tally_err merkle_prove_consistency(const struct merkle_reader *reader, uint64_t old_size,
                                        uint64_t new_size, struct merkle_proof *ret_proof)
{
    uint32_t level = 0;

    if (old_size > new_size || new_size >= MERKLE_SIZE_MAX) return TALLY_E_INVALID;
    ret_proof->count = 0;
    if (old_size == 0 || old_size == new_size) return TALLY_OK;

    /* Start at the last perfect subtree of the old tree. It is the whole old tree when
     * old_size is a power of two: the verifier has that hash already (the old root). */
    while ((old_size >> level & 1) == 0) level++;
    const uint64_t index = (old_size >> level) - 1;
    if (index > 0) {
        const enum tally_err err =
            reader->read(reader->ctx, level, index, &ret_proof->hashes[0]);
        if (err != TALLY_OK) return err;
        ret_proof->count = 1;
    }
    return climb(reader, level, index, new_size, ret_proof);
}

void merkle_root(const struct tally_hash *leaves, size_t count, struct tally_hash *ret_root)
{
    struct merkle_frontier frontier = {.size = 0};

    for (size_t i = 0; i < count; i++) merkle_append(&frontier, &leaves[i], NULL);
    merkle_frontier_root(&frontier, ret_root);
}

static enum tally_err read_from_list(void *ctx, uint32_t level, uint64_t index,
                                     struct tally_hash *ret_hash)
{
    const struct tally_hash *leaves = ctx;

    merkle_root(leaves + (index << level), (size_t)1 << level, ret_hash);
    return TALLY_OK;
}

void merkle_path(const struct tally_hash *leaves, size_t count, size_t index,
                 struct merkle_proof *ret_proof)
{
    /* The reader does not write through its context; the cast only drops const. */
    const struct merkle_reader reader = {(void *)(uintptr_t)leaves, read_from_list};
    const enum tally_err err = merkle_prove_inclusion(&reader, index, count, ret_proof);

    ASSERT(err == TALLY_OK);
}
