/* The two verification algorithms of RFC 9162, with its variable names. */
#include "crypto/hash.h"
#include "merkle/merkle.h"
#include <tally/verify.h>

void tally_leaf_hash(const void *data, size_t size, struct tally_hash *ret_leaf)
{
    hash_leaf(data, size, ret_leaf);
}

/* RFC 9162 2.1.3.2. */
enum tally_err tally_verify_inclusion(const struct tally_hash *leaf, uint64_t index,
                                      uint64_t size, const struct tally_hash *proof,
                                      size_t proof_count, const struct tally_hash *root)
{
    uint64_t fn = index;
    uint64_t sn = size - 1;
    struct tally_hash r = *leaf;

    if (index >= size || size >= MERKLE_SIZE_MAX || proof_count > TALLY_PROOF_HASHES_MAX)
        return TALLY_E_INVALID;
    for (size_t i = 0; i < proof_count; i++) {
        if (sn == 0) return TALLY_E_PROOF; /* a hash too many */
        if ((fn & 1) != 0 || fn == sn) {
            hash_node(&proof[i], &r, &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            hash_node(&r, &proof[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && hash_equal(&r, root) ? TALLY_OK : TALLY_E_PROOF;
}

/* RFC 9162 2.1.4.2. */
enum tally_err tally_verify_consistency(uint64_t old_size, const struct tally_hash *old_root,
                                        uint64_t new_size, const struct tally_hash *new_root,
                                        const struct tally_hash *proof, size_t proof_count)
{
    if (old_size == 0 || old_size > new_size || new_size >= MERKLE_SIZE_MAX ||
        proof_count > TALLY_PROOF_HASHES_MAX)
        return TALLY_E_INVALID;
    if (old_size == new_size) {
        return proof_count == 0 && hash_equal(old_root, new_root) ? TALLY_OK : TALLY_E_PROOF;
    }
    if (proof_count == 0) return TALLY_E_PROOF;

    /* Step 2 puts the old root in front of the path of a perfect old tree; here `seed` is
     * that first hash, and `next` the first one after it. */
    const bool perfect = (old_size & (old_size - 1)) == 0;
    const struct tally_hash *seed = perfect ? old_root : &proof[0];
    const size_t next = perfect ? 0 : 1;
    uint64_t fn = old_size - 1;
    uint64_t sn = new_size - 1;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    struct tally_hash fr = *seed;
    struct tally_hash sr = *seed;
    for (size_t i = next; i < proof_count; i++) {
        if (sn == 0) return TALLY_E_PROOF; /* a hash too many */
        if ((fn & 1) != 0 || fn == sn) {
            hash_node(&proof[i], &fr, &fr);
            hash_node(&proof[i], &sr, &sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            hash_node(&sr, &proof[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0) return TALLY_E_PROOF; /* a hash too few */
    return hash_equal(&fr, old_root) && hash_equal(&sr, new_root) ? TALLY_OK : TALLY_E_PROOF;
}
