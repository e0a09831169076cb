/* merkle/merkle - growing an RFC 6962 tree and proving things about it.
 *
 * A tree is known by its perfect subtrees ("nodes"): node (level, index) covers the
 * leaves [index << level, (index + 1) << level); level 0 are the leaf hashes. Such a node
 * never changes once its leaves exist, so it can be stored as soon as it is complete. The
 * frontier holds the few nodes that the next leaf needs; proofs read nodes through a
 * callback. Checking proofs is in tally/verify.h.
 *
 * Pure: no allocation, no state of its own, no recursion. Sizes are below 2^63. */
#ifndef MERKLE_MERKLE_H
#define MERKLE_MERKLE_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#define MERKLE_LEVELS   63u                 /* levels 0..62 */
#define MERKLE_SIZE_MAX (UINT64_C(1) << 63) /* sizes are below this */

struct merkle_node {
    uint32_t level;
    uint64_t index;
    struct tally_hash hash;
};

/* The right edge of a tree: node[l] is valid where bit l of `size` is set, and is then the
 * last complete node of that level. A zeroed struct is the empty tree. */
struct merkle_frontier {
    uint64_t size;
    struct tally_hash node[MERKLE_LEVELS];
};

/* Where nodes come from. read() writes *ret_hash and returns TALLY_OK, or returns an error
 * that the functions here pass on. It is asked only for complete nodes. */
struct merkle_reader {
    void *ctx;
    enum tally_err (*read)(void *ctx, uint32_t level, uint64_t index,
                           struct tally_hash *ret_hash);
};

/* A proof; the hashes in the order that tally_verify_*() takes. */
struct merkle_proof {
    uint32_t count;
    struct tally_hash hashes[TALLY_PROOF_HASHES_MAX];
};

/* Add one leaf hash.
 *   ret_nodes  room for MERKLE_LEVELS; gets the nodes that this leaf completes, the leaf
 *              itself (level 0) first, levels ascending. NULL if nobody wants them
 * Returns how many nodes there are, at least 1. */
uint32_t merkle_append(struct merkle_frontier *frontier, const struct tally_hash *leaf,
                       struct merkle_node *ret_nodes);

/* The root of the tree so far; of an empty tree it is SHA-256(""). */
void merkle_frontier_root(const struct merkle_frontier *frontier, struct tally_hash *ret_root);

/* Rebuild the frontier of a tree of `size` leaves from its stored nodes.
 *   TALLY_E_INVALID  size >= 2^63
 *   others           from the reader */
TALLY_NODISCARD enum tally_err merkle_restore(const struct merkle_reader *reader, uint64_t size,
                                              struct merkle_frontier *ret_frontier);

/* The tree hash of the leaves [begin, end), as if they were a tree of their own.
 *   begin  a multiple of the smallest power of two that is not below end - begin, so that
 *          the range is a subtree of every larger tree
 *   end    begin < end < 2^63
 *
 *   TALLY_E_INVALID  not such a range
 *   others           from the reader */
TALLY_NODISCARD enum tally_err merkle_range(const struct merkle_reader *reader, uint64_t begin,
                                            uint64_t end, struct tally_hash *ret_hash);

/* The root of the first `size` leaves; SHA-256("") for 0.
 *   TALLY_E_INVALID  size >= 2^63 */
TALLY_NODISCARD enum tally_err merkle_root_at(const struct merkle_reader *reader, uint64_t size,
                                              struct tally_hash *ret_root);

/* Prove that leaf `index` is in the tree of the first `size` leaves (RFC 9162 2.1.3.1).
 *   TALLY_E_INVALID  not index < size < 2^63 */
TALLY_NODISCARD enum tally_err merkle_prove_inclusion(const struct merkle_reader *reader,
                                                      uint64_t index, uint64_t size,
                                                      struct merkle_proof *ret_proof);

/* Prove that the tree of `new_size` leaves begins with that of `old_size` (RFC 9162
 * 2.1.4.1). Empty for equal sizes and for old_size 0.
 *   TALLY_E_INVALID  not old_size <= new_size < 2^63 */
TALLY_NODISCARD enum tally_err merkle_prove_consistency(const struct merkle_reader *reader,
                                                        uint64_t old_size, uint64_t new_size,
                                                        struct merkle_proof *ret_proof);

/* The root of a list of leaf hashes that is all in memory: a signed batch, the files of an
 * adapter. SHA-256("") for none. */
void merkle_root(const struct tally_hash *leaves, size_t count, struct tally_hash *ret_root);

/* The inclusion path within such a list; index < count is asserted. */
void merkle_path(const struct tally_hash *leaves, size_t count, size_t index,
                 struct merkle_proof *ret_proof);

#endif
