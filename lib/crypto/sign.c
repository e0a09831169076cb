#include "crypto/sign.h"

#include "base/assert.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include <sodium.h>
#include <string.h>

_Static_assert(crypto_sign_SEEDBYTES == SIGN_SEED_BYTES, "seed size");
_Static_assert(crypto_sign_PUBLICKEYBYTES == SIGN_PUBLIC_BYTES, "public key size");
_Static_assert(crypto_sign_BYTES == SIGN_SIGNATURE_BYTES, "signature size");
_Static_assert(crypto_sign_SECRETKEYBYTES == sizeof((struct sign_key *)0)->secret,
               "secret size");

enum tally_err sign_init(void)
{
    return sodium_init() < 0 ? TALLY_E_IO : TALLY_OK; /* 1: was ready already */
}

void sign_keypair_from_seed(const uint8_t seed[SIGN_SEED_BYTES], struct sign_key *ret_key)
{
    const int failed = crypto_sign_seed_keypair(ret_key->public_key, ret_key->secret, seed);

    ASSERT(failed == 0);
}

void sign_keypair_new(struct sign_key *ret_key, uint8_t *ret_seed)
{
    uint8_t seed[SIGN_SEED_BYTES];

    secret_random(seed, sizeof seed);
    sign_keypair_from_seed(seed, ret_key);
    if (ret_seed != NULL) memcpy(ret_seed, seed, sizeof seed);
    secret_wipe(seed, sizeof seed);
}

void sign_key_wipe(struct sign_key *key)
{
    secret_wipe(key, sizeof *key);
}

void sign_detached(const struct sign_key *key, const void *message, size_t size,
                   uint8_t ret_signature[SIGN_SIGNATURE_BYTES])
{
    const int failed = crypto_sign_detached(ret_signature, NULL, message, size, key->secret);

    ASSERT(failed == 0);
}

enum tally_err sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], const void *message,
                           size_t size, const void *signature, size_t signature_size)
{
    /* libsodium is not told the length: it must be right before it looks. */
    if (signature_size != SIGN_SIGNATURE_BYTES) return TALLY_E_SIGNATURE;
    if (crypto_sign_verify_detached(signature, message, size, public_key) != 0)
        return TALLY_E_SIGNATURE;
    return TALLY_OK;
}

void sign_key_id(const uint8_t public_key[SIGN_PUBLIC_BYTES], struct tally_hash *ret_key_id)
{
    hash_tagged("tally/key/v1", public_key, SIGN_PUBLIC_BYTES, ret_key_id);
}
