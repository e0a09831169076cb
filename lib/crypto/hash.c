/* SHA-256 by libcrypto, which uses the processor's SHA instructions: four times as fast as
 * portable C. The low-level calls are used because the EVP ones allocate, and look the
 * algorithm up, for every hash; OpenSSL 3 calls them deprecated and keeps them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include "base/assert.h"
#include <openssl/sha.h>
#include <string.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hash_state), "the state fits");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct hash_state), "and is aligned");
_Static_assert(SHA256_DIGEST_LENGTH == TALLY_HASH_BYTES, "one size of hash");

static SHA256_CTX *context(struct hash_state *state)
{
    return (SHA256_CTX *)(void *)state;
}

/* The calls below can fail only if the library is another one than we were built with. */
void hash_begin(struct hash_state *state)
{
    const int ok = SHA256_Init(context(state));

    ASSERT(ok == 1);
}

void hash_update(struct hash_state *state, const void *data, size_t size)
{
    if (size == 0) return;
    ASSERT(data != NULL);
    const int ok = SHA256_Update(context(state), data, size);
    ASSERT(ok == 1);
}

void hash_finish(struct hash_state *state, struct tally_hash *ret_hash)
{
    const int ok = SHA256_Final(ret_hash->bytes, context(state));

    ASSERT(ok == 1);
}

void hash_sha256(const void *data, size_t size, struct tally_hash *ret_hash)
{
    struct hash_state state;

    hash_begin(&state);
    hash_update(&state, data, size);
    hash_finish(&state, ret_hash);
}

void hash_leaf(const void *data, size_t size, struct tally_hash *ret_hash)
{
    static const uint8_t prefix = 0x00;
    struct hash_state state;

    hash_begin(&state);
    hash_update(&state, &prefix, 1);
    hash_update(&state, data, size);
    hash_finish(&state, ret_hash);
}

void hash_node(const struct tally_hash *left, const struct tally_hash *right,
               struct tally_hash *ret_hash)
{
    uint8_t input[1 + 2 * TALLY_HASH_BYTES] = {0x01};

    memcpy(input + 1, left->bytes, TALLY_HASH_BYTES);
    memcpy(input + 1 + TALLY_HASH_BYTES, right->bytes, TALLY_HASH_BYTES);
    hash_sha256(input, sizeof input, ret_hash);
}

void hash_tagged(const char *tag, const void *data, size_t size, struct tally_hash *ret_hash)
{
    struct hash_state state;

    hash_begin(&state);
    hash_update(&state, tag, strlen(tag) + 1); /* its NUL is the 0x00 */
    hash_update(&state, data, size);
    hash_finish(&state, ret_hash);
}

bool hash_equal(const struct tally_hash *a, const struct tally_hash *b)
{
    return memcmp(a->bytes, b->bytes, TALLY_HASH_BYTES) == 0;
}
