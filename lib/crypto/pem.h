/* crypto/pem - keys and certificates of others, in PEM and DER, and what they signed.
 *
 * Keys are ECDSA on P-256, P-384 and P-521, each with its own hash (SHA-256, SHA-384, SHA-512),
 * and Ed25519; every other kind is refused. Nothing asks for a passphrase. Thread-safe: an
 * object belongs to one thread at a time. */
#ifndef CRYPTO_PEM_H
#define CRYPTO_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/bytes.h"

struct pem_key;
struct pem_root;

enum { PEM_SIZE_MAX = 64 * 1024, PEM_CHAIN_MAX = 16 };

/* The one public key of a PEM text; pem_key_free() it. Errors: TALLY_E_MALFORMED (none, or more
 * than one), TALLY_E_INVALID (a kind that is not supported), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err pem_key_parse(struct bytes pem, struct pem_key **ret_key,
                                             struct tally_diag *diag);
void pem_key_free(struct pem_key *key); /* NULL is accepted */
/* The one certificate of a PEM text, to be trusted; pem_root_free() it. Errors:
 * TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err pem_root_parse(struct bytes pem, struct pem_root **ret_root,
                                              struct tally_diag *diag);
void pem_root_free(struct pem_root *root); /* NULL is accepted */

/* "ECDSA P-384 with SHA-384". Static. */
const char *pem_key_kind(const struct pem_key *key);
bool pem_key_equal(const struct pem_key *a, const struct pem_key *b);
/* SHA-256 of the key's DER SubjectPublicKeyInfo; of the certificate's DER. Errors:
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err pem_key_digest(const struct pem_key *key,
                                              struct tally_hash *ret_digest);
TALLY_NODISCARD enum tally_err pem_root_digest(const struct pem_root *root,
                                               struct tally_hash *ret_digest);

/* Is this the key's signature (ECDSA: DER) of the message? Errors: TALLY_E_SIGNATURE,
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err pem_verify(const struct pem_key *key, struct bytes message,
                                          struct bytes signature);

/* The key of a DER certificate, and whether the certificate is valid at `now_s` (seconds since
 * 1970). It proves nothing of whose the key is. Errors: TALLY_E_MALFORMED, TALLY_E_INVALID (a
 * kind of key that is not supported), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err pem_certificate_key(struct bytes certificate, uint64_t now_s,
                                                   struct pem_key **ret_key, bool *ret_valid,
                                                   struct tally_diag *diag);
/* The key of the first of 1 to PEM_CHAIN_MAX DER certificates, which lead to the root and may
 * sign code. *ret_valid: they all are valid at `now_s`; a chain that would be valid at another
 * time is no error. Revocation lists are not asked. Errors: TALLY_E_SIGNATURE (they do not lead
 * to it, or may not sign), TALLY_E_MALFORMED, TALLY_E_INVALID, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err pem_chain_key(const struct pem_root *root,
                                             const struct bytes *certificates, size_t count,
                                             uint64_t now_s, struct pem_key **ret_key,
                                             bool *ret_valid, struct tally_diag *diag);

#endif
