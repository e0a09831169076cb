/* The members of a simulated ledger live in one process and check the same signatures again and
 * again: three quarters of the time went there. Here lib/crypto checks each of them once, and
 * its verdict is kept. That changes no run: the verdict is a function of public key, message
 * and signature, and all of them are in the digest that finds it. The linker puts this function
 * before the real one (--wrap, tests/CMakeLists.txt). Not thread-safe: a simulator has one
 * thread. */
#include <stdbool.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/sign.h"

enum { VERDICTS = 1 << 15 };

struct verdict {
    struct tally_hash digest;
    enum tally_err err;
    bool known;
};

/* NOLINTBEGIN(bugprone-reserved-identifier): names that the linker makes */
enum tally_err __real_sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES],
                                  const void *message, size_t size, const void *signature,
                                  size_t signature_size);
enum tally_err __wrap_sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES],
                                  const void *message, size_t size, const void *signature,
                                  size_t signature_size);

enum tally_err __wrap_sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES],
                                  const void *message, size_t size, const void *signature,
                                  size_t signature_size)
{
    static struct verdict verdicts[VERDICTS];
    uint8_t key[SIGN_PUBLIC_BYTES + SIGN_SIGNATURE_BYTES + sizeof(struct tally_hash)];
    struct tally_hash digest;
    struct verdict *verdict;

    if (signature_size != SIGN_SIGNATURE_BYTES) return TALLY_E_SIGNATURE;
    hash_leaf(message, size, &digest);
    memcpy(key, public_key, SIGN_PUBLIC_BYTES);
    memcpy(key + SIGN_PUBLIC_BYTES, signature, SIGN_SIGNATURE_BYTES);
    memcpy(key + SIGN_PUBLIC_BYTES + SIGN_SIGNATURE_BYTES, digest.bytes, sizeof digest);
    hash_leaf(key, sizeof key, &digest);
    verdict = &verdicts[(digest.bytes[0] << 8 | digest.bytes[1]) % VERDICTS];
    if (!verdict->known || !hash_equal(&verdict->digest, &digest)) {
        verdict->err = __real_sign_verify(public_key, message, size, signature, signature_size);
        verdict->digest = digest;
        verdict->known = true;
    }
    return verdict->err;
}
/* NOLINTEND(bugprone-reserved-identifier) */
