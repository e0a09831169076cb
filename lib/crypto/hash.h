/* crypto/hash - SHA-256 and the hashes of RFC 6962 trees.
 *
 * Nothing here allocates or fails, and everything is thread-safe (a struct hash_state
 * belongs to one thread at a time). */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/verify.h>

/* A hash in the making. Opaque; lives wherever the caller puts it. */
struct hash_state {
    _Alignas(16) uint8_t opaque[128];
};

void hash_begin(struct hash_state *state);
/* `data` may be NULL when `size` is 0. */
void hash_update(struct hash_state *state, const void *data, size_t size);
/* Write the hash; `state` must be begun again before another use. */
void hash_finish(struct hash_state *state, struct tally_hash *ret_hash);

/* SHA-256 of `size` bytes; `data` may be NULL when `size` is 0. */
void hash_sha256(const void *data, size_t size, struct tally_hash *ret_hash);
/* SHA-256(0x00 || data): a leaf of a tree, an event. */
void hash_leaf(const void *data, size_t size, struct tally_hash *ret_hash);
/* SHA-256(0x01 || left || right). `ret_hash` may be `left` or `right`. */
void hash_node(const struct tally_hash *left, const struct tally_hash *right,
               struct tally_hash *ret_hash);
/* SHA-256(tag || 0x00 || data), `tag` a NUL-terminated text such as "tally/key/v1". */
void hash_tagged(const char *tag, const void *data, size_t size, struct tally_hash *ret_hash);

/* Hashes are public values: the comparison takes a data-dependent time. */
bool hash_equal(const struct tally_hash *a, const struct tally_hash *b);

#endif
