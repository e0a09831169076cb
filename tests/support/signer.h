/* signer - keys, certificates and DSSE envelopes as other programs make them, by libcrypto
 * alone.
 *
 * What is returned is valid until signer_close(). A failure inside is a wrong test. One thread.
 */
#ifndef SUPPORT_SIGNER_H
#define SUPPORT_SIGNER_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"

enum { SIGNER_NOW_S = 1800000000, SIGNER_DAY_S = 86400 };

#define SIGNER_TYPE "application/vnd.in-toto+json"

/* Begin; everything is allocated in the arena or freed by signer_close(). */
void signer_open(struct arena *arena);
void signer_close(void);

/* A new key: "P-256", "P-384", "P-521", "ED25519" or "RSA". */
EVP_PKEY *signer_key(const char *kind);
/* The public half as PEM; a certificate as PEM and as DER. */
struct bytes signer_public(EVP_PKEY *key);
struct bytes signer_certificate_pem(X509 *certificate);
struct bytes signer_certificate_der(X509 *certificate);

struct signer_certificate {
    const char *name;
    EVP_PKEY *key;    /* its own */
    X509 *issuer;     /* NULL: self-signed */
    EVP_PKEY *signer; /* of the issuer */
    int64_t from_s, to_s;
    bool is_ca;
    const char *use; /* extended key usage: "codeSigning"; NULL: none */
};
X509 *signer_certificate(const struct signer_certificate *what);

/* A signature of the pre-authentication encoding; `hash` is "SHA256"..., or NULL for Ed25519.
 */
struct bytes signer_sign(EVP_PKEY *key, const char *hash, const char *type,
                         const char *payload);
/* {"payload": ..., "payloadType": ..., "signatures": [...]}. */
const char *signer_envelope(const char *type, const char *payload,
                            const struct bytes *signatures, uint32_t count);
/* The bundle around it, with certificates unless there are none. */
const char *signer_bundle(const char *envelope, const struct bytes *certificates,
                          uint32_t count);
/* An in-toto statement of one subject, and a model signature of one file. */
const char *signer_statement(const char *predicate, const char *name, const char *hex);
const char *signer_model(const char *name, const char *hex);

#endif
