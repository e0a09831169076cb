/* event/dsse - DSSE envelopes (github.com/secure-systems-lab/dsse, protocol.md) and the
 * sigstore bundles around them, read and verified.
 *
 * A key or root of trust always comes from the caller; what a bundle carries is only used when
 * it leads to that. Thread-safe: no shared state. */
#ifndef EVENT_DSSE_H
#define EVENT_DSSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "crypto/pem.h"

struct json_t;

enum { DSSE_SIGNATURES_MAX = 16, DSSE_SIGNATURE_SIZE_MAX = 1024, DSSE_TYPE_SIZE_MAX = 256 };

struct dsse_envelope {
    bool is_bundle;
    const char *payload_type; /* UTF-8 */
    struct bytes payload;
    uint32_t signatures_count; /* at least 1; of a bundle exactly 1 */
    struct bytes signatures[DSSE_SIGNATURES_MAX];
    uint32_t certificates_count; /* of the bundle; DER, the signer's first */
    struct bytes certificates[PEM_CHAIN_MAX];
};

/* What the caller trusts: one of the two. */
struct dsse_trust {
    const struct pem_key *key;
    const struct pem_root *root;
    uint64_t now_s; /* since 1970 */
};

struct dsse_result {
    uint32_t verified;  /* signatures that verify; at least 1 on TALLY_OK */
    const char *kind;   /* of the key, as pem_key_kind() */
    bool time_unproven; /* it has a certificate that is not valid now, and nothing shows that
                           the signature is older */
};

/* Does this JSON look like an envelope or a bundle? */
bool dsse_is(const struct json_t *root);
/* Read an envelope or a bundle into the arena. Errors, with the member in the diag:
 * TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err dsse_read(const struct json_t *root, struct arena *arena,
                                         struct dsse_envelope *ret_envelope,
                                         struct tally_diag *diag);
/* The bytes that are signed: "DSSEv1" SP length SP type SP length SP payload. data is NULL
 * without memory. */
struct bytes dsse_pae(const char *payload_type, struct bytes payload, struct arena *arena);
/* Verify with the trusted key, or with the key of the certificate that leads to the trusted
 * root. Errors, with the reason in the diag: TALLY_E_SIGNATURE, TALLY_E_MALFORMED (a
 * certificate), TALLY_E_INVALID (a kind of key that is not supported), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err dsse_verify(const struct dsse_envelope *envelope,
                                           const struct dsse_trust *trust, struct arena *arena,
                                           struct dsse_result *ret_result,
                                           struct tally_diag *diag);

#endif
