/* tally/verify.h - check what a ledger node says about its tree, offline.
 *
 * The tree is the one of RFC 6962 and RFC 9162 section 2.1 with SHA-256. Indexes
 * count from 0; a size is a number of leaves. Sizes are below 2^63.
 *
 * Every function here is pure: no input or output, no allocation, no clock, no state,
 * so it is thread-safe and safe on hostile input. Pointers are borrowed for the call. */
#ifndef TALLY_VERIFY_H
#define TALLY_VERIFY_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TALLY_HASH_BYTES       32u
#define TALLY_PROOF_HASHES_MAX 64u /* no honest proof is longer: sizes are below 2^63 */

/* A SHA-256 value. */
struct tally_hash {
    uint8_t bytes[TALLY_HASH_BYTES];
};

/* Write the hash of a leaf, SHA-256(0x00 || data), to *ret_leaf.
 *   data  `size` bytes; may be NULL when `size` is 0 */
TALLY_API void tally_leaf_hash(const void *data, size_t size, struct tally_hash *ret_leaf);

/* Is leaf number `index` part of the tree of `size` leaves under `root`?
 * (RFC 9162 2.1.3.2)
 *   leaf         its leaf hash, see tally_leaf_hash()
 *   index, size  index < size < 2^63
 *   proof        `proof_count` hashes, the leaf's sibling first; may be NULL when the
 *                count is 0
 *   root         the tree head, from a checkpoint whose signatures were checked
 *
 *   TALLY_OK         the leaf is in the tree
 *   TALLY_E_INVALID  index, size or proof_count outside its range
 *   TALLY_E_PROOF    the path has the wrong length or leads to another root */
TALLY_API TALLY_NODISCARD enum tally_err tally_verify_inclusion(const struct tally_hash *leaf,
                                                                uint64_t index, uint64_t size,
                                                                const struct tally_hash *proof,
                                                                size_t proof_count,
                                                                const struct tally_hash *root);

/* Does the tree of `new_size` leaves begin with the whole tree of `old_size` leaves?
 * (RFC 9162 2.1.4.2)
 *   old_size, new_size  1 <= old_size <= new_size < 2^63. Size 0 is refused: every
 *                       tree extends the empty one, so there is nothing to prove
 *   proof               `proof_count` hashes; none when the sizes are equal
 *
 *   TALLY_OK         the newer tree extends the older one
 *   TALLY_E_INVALID  a size or proof_count outside its range
 *   TALLY_E_PROOF    the proof has the wrong length or leads to another root */
TALLY_API TALLY_NODISCARD enum tally_err tally_verify_consistency(
    uint64_t old_size, const struct tally_hash *old_root, uint64_t new_size,
    const struct tally_hash *new_root, const struct tally_hash *proof, size_t proof_count);

#ifdef __cplusplus
}
#endif
#endif
