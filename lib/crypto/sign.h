/* crypto/sign - Ed25519 signatures (RFC 8032) and key ids.
 *
 * Acceptance set. Replicas must agree on which signatures are valid, so this is part of
 * the format: a signature is 64 bytes R || S; S is below the group order; R and the
 * public key are not of small order; the public key's encoding is canonical; and
 * R = S*B - H(R, A, M)*A holds byte for byte (no cofactor). That is what libsodium 1.0.18
 * does; tests/unit/test_sign.c pins it.
 *
 * Thread-safe. sign_init() must have returned OK once in the process before. */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#define SIGN_SEED_BYTES      32u
#define SIGN_PUBLIC_BYTES    32u
#define SIGN_SIGNATURE_BYTES 64u

/* A key pair. Secret: wipe it with sign_key_wipe(). */
struct sign_key {
    uint8_t secret[64]; /* seed || public key */
    uint8_t public_key[SIGN_PUBLIC_BYTES];
};

/* Prepare libsodium. Any number of times, from any thread.
 *   TALLY_E_IO  the operating system gives no randomness */
TALLY_NODISCARD enum tally_err sign_init(void);

/* The key pair of a seed. */
void sign_keypair_from_seed(const uint8_t seed[SIGN_SEED_BYTES], struct sign_key *ret_key);
/* A new key pair and its seed; `ret_seed` may be NULL. */
void sign_keypair_new(struct sign_key *ret_key, uint8_t *ret_seed);
void sign_key_wipe(struct sign_key *key);

/* Sign `size` bytes. Deterministic. `message` may be NULL when `size` is 0. */
void sign_detached(const struct sign_key *key, const void *message, size_t size,
                   uint8_t ret_signature[SIGN_SIGNATURE_BYTES]);

/* Is `signature` (of any length: hostile input) a valid one by `public_key`?
 *   TALLY_E_SIGNATURE  it is not */
TALLY_NODISCARD enum tally_err sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES],
                                           const void *message, size_t size,
                                           const void *signature, size_t signature_size);

/* key_id = SHA-256("tally/key/v1" || 0x00 || public key): how events name a key. */
void sign_key_id(const uint8_t public_key[SIGN_PUBLIC_BYTES], struct tally_hash *ret_key_id);

#endif
