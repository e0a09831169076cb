#include "event/dsse.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"

static const char bundle_type[] = "application/vnd.dev.sigstore.bundle";

/* ---- reading ------------------------------------------------------------------------- */

static enum tally_err fault(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "%s", what);
    return TALLY_E_MALFORMED;
}

/* Base64 of the standard or the URL-safe alphabet, which DSSE allows both; `what` names it. */
static enum tally_err decode(const json_t *value, size_t size_max, struct arena *arena,
                             const char *what, struct bytes *ret_bytes, struct tally_diag *diag)
{
    const size_t text_size = json_string_length(value);
    const char *text = json_string_value(value);

    if (text == NULL || text_size == 0 || base64_decoded_size(text, text_size) > size_max) {
        tally_diag_set(diag, "%s is missing, no text or too long", what);
        return TALLY_E_MALFORMED;
    }
    const struct bytes copy = arena_copy(arena, bytes_of(text, text_size));
    const size_t size = base64_decoded_size(text, text_size);
    uint8_t *to = arena_alloc(arena, size);

    if (copy.data == NULL || to == NULL) return TALLY_E_NO_MEMORY;
    for (char *at = (char *)(uintptr_t)copy.data; *at != '\0'; at++) {
        if (*at == '-') *at = '+';
        if (*at == '_') *at = '/';
    }
    if (size == 0 || !base64_decode((const char *)copy.data, text_size, to)) {
        tally_diag_set(diag, "%s is no base64 text", what);
        return TALLY_E_MALFORMED;
    }
    *ret_bytes = bytes_of(to, size);
    return TALLY_OK;
}

static bool is_bundle(const json_t *root)
{
    const char *type = json_string_value(json_object_get(root, "mediaType"));

    return (type != NULL && strncmp(type, bundle_type, strlen(bundle_type)) == 0) ||
           json_object_get(root, "dsseEnvelope") != NULL;
}

bool dsse_is(const struct json_t *root)
{
    return is_bundle(root) || (json_object_get(root, "payload") != NULL &&
                               json_object_get(root, "payloadType") != NULL);
}

static enum tally_err read_signatures(const json_t *envelope, struct arena *arena,
                                      struct dsse_envelope *to, struct tally_diag *diag)
{
    const json_t *list = json_object_get(envelope, "signatures");
    const size_t count = json_array_size(list);

    if (count == 0) return fault(diag, "the envelope has no signatures");
    if (count > DSSE_SIGNATURES_MAX) return fault(diag, "more than 16 signatures");
    if (to->is_bundle && count != 1)
        return fault(diag, "a bundle has exactly one signature; this one has more");
    for (size_t i = 0; i < count; i++) {
        const enum tally_err err =
            decode(json_object_get(json_array_get(list, i), "sig"), DSSE_SIGNATURE_SIZE_MAX,
                   arena, "the sig of a signature", &to->signatures[i], diag);

        if (err != TALLY_OK) return err;
    }
    to->signatures_count = (uint32_t)count;
    return TALLY_OK;
}

static enum tally_err read_envelope(const json_t *envelope, struct arena *arena,
                                    struct dsse_envelope *to, struct tally_diag *diag)
{
    const json_t *type = json_object_get(envelope, "payloadType");
    enum tally_err err = TALLY_OK;

    if (json_string_length(type) == 0 || json_string_length(type) > DSSE_TYPE_SIZE_MAX)
        return fault(diag, "payloadType is missing, empty or too long");
    to->payload_type = (const char *)arena_copy(
                           arena, bytes_of(json_string_value(type), json_string_length(type)))
                           .data;
    if (to->payload_type == NULL) return TALLY_E_NO_MEMORY;
    err = decode(json_object_get(envelope, "payload"), SIZE_MAX, arena, "payload", &to->payload,
                 diag);
    return err == TALLY_OK ? read_signatures(envelope, arena, to, diag) : err;
}

/* One certificate, or a chain; both names are in use. */
static enum tally_err read_certificates(const json_t *material, struct arena *arena,
                                        struct dsse_envelope *to, struct tally_diag *diag)
{
    const json_t *one = json_object_get(material, "certificate");
    const json_t *list =
        json_object_get(json_object_get(material, "x509CertificateChain"), "certificates");
    const size_t count = one != NULL ? 1 : json_array_size(list);

    if (one != NULL && list != NULL)
        return fault(diag, "verificationMaterial has a certificate and a chain");
    if (count > PEM_CHAIN_MAX) return fault(diag, "more than 16 certificates");
    for (size_t i = 0; i < count; i++) {
        const json_t *certificate = one != NULL ? one : json_array_get(list, i);
        const enum tally_err err =
            decode(json_object_get(certificate, "rawBytes"), PEM_SIZE_MAX, arena,
                   "the rawBytes of a certificate", &to->certificates[i], diag);

        if (err != TALLY_OK) return err;
    }
    to->certificates_count = (uint32_t)count;
    return TALLY_OK;
}

enum tally_err dsse_read(const struct json_t *root, struct arena *arena,
                         struct dsse_envelope *ret_envelope, struct tally_diag *diag)
{
    struct dsse_envelope envelope = {.is_bundle = is_bundle(root)};
    enum tally_err err = TALLY_OK;

    if (!envelope.is_bundle) {
        err = read_envelope(root, arena, &envelope, diag);
    } else if (!json_is_object(json_object_get(root, "dsseEnvelope"))) {
        return fault(diag, "the bundle has no dsseEnvelope: nothing in it is signed");
    } else {
        err = read_certificates(json_object_get(root, "verificationMaterial"), arena, &envelope,
                                diag);
        if (err == TALLY_OK)
            err = read_envelope(json_object_get(root, "dsseEnvelope"), arena, &envelope, diag);
    }
    if (err == TALLY_OK) *ret_envelope = envelope;
    return err;
}

/* ---- verifying ----------------------------------------------------------------------- */

struct bytes dsse_pae(const char *payload_type, struct bytes payload, struct arena *arena)
{
    const size_t room = strlen(payload_type) + 64; /* two lengths of at most 20 digits */
    uint8_t *text = arena_alloc(arena, room + payload.size);

    if (text == NULL) return (struct bytes){0};
    const int size = snprintf((char *)text, room, "DSSEv1 %zu %s %zu ", strlen(payload_type),
                              payload_type, payload.size);
    if (payload.size > 0) memcpy(text + size, payload.data, payload.size);
    return bytes_of(text, (size_t)size + payload.size);
}

static enum tally_err verify_with(const struct dsse_envelope *envelope,
                                  const struct pem_key *key, struct arena *arena,
                                  struct dsse_result *result, struct tally_diag *diag)
{
    const struct bytes message = dsse_pae(envelope->payload_type, envelope->payload, arena);

    if (message.data == NULL) return TALLY_E_NO_MEMORY;
    result->kind = pem_key_kind(key);
    for (uint32_t i = 0; i < envelope->signatures_count; i++) {
        const enum tally_err err = pem_verify(key, message, envelope->signatures[i]);

        if (err == TALLY_OK)
            result->verified++;
        else if (err != TALLY_E_SIGNATURE)
            return err;
    }
    if (result->verified > 0) return TALLY_OK;
    tally_diag_set(diag, "none of its %" PRIu32 " signatures is one of this key (%s)",
                   envelope->signatures_count, result->kind);
    return TALLY_E_SIGNATURE;
}

/* The caller vouches for the key; a certificate for it still says when it was to be used. */
static enum tally_err certificate_time(const struct dsse_envelope *envelope,
                                       const struct dsse_trust *trust, bool *ret_unproven,
                                       struct tally_diag *diag)
{
    struct pem_key *own = NULL;
    bool valid = true;

    *ret_unproven = false;
    if (envelope->certificates_count == 0) return TALLY_OK;
    const enum tally_err err =
        pem_certificate_key(envelope->certificates[0], trust->now_s, &own, &valid, diag);
    if (err == TALLY_E_INVALID) return TALLY_OK; /* not for a key that we could be given */
    if (err != TALLY_OK) return err;
    *ret_unproven = !valid && pem_key_equal(own, trust->key);
    pem_key_free(own);
    return TALLY_OK;
}

static enum tally_err verify_chain(const struct dsse_envelope *envelope,
                                   const struct dsse_trust *trust, struct arena *arena,
                                   struct dsse_result *result, struct tally_diag *diag)
{
    struct pem_key *key = NULL;
    bool valid = false;

    if (envelope->certificates_count == 0) {
        tally_diag_set(diag, "it carries no certificate that could lead to the root");
        return TALLY_E_SIGNATURE;
    }
    enum tally_err err =
        pem_chain_key(trust->root, envelope->certificates, envelope->certificates_count,
                      trust->now_s, &key, &valid, diag);
    if (err != TALLY_OK) return err;
    result->time_unproven = !valid;
    err = verify_with(envelope, key, arena, result, diag);
    pem_key_free(key);
    return err;
}

enum tally_err dsse_verify(const struct dsse_envelope *envelope, const struct dsse_trust *trust,
                           struct arena *arena, struct dsse_result *ret_result,
                           struct tally_diag *diag)
{
    struct dsse_result result = {.verified = 0};
    enum tally_err err = TALLY_OK;

    if (trust->root != NULL) {
        err = verify_chain(envelope, trust, arena, &result, diag);
    } else {
        err = certificate_time(envelope, trust, &result.time_unproven, diag);
        if (err == TALLY_OK) err = verify_with(envelope, trust->key, arena, &result, diag);
    }
    if (err == TALLY_OK) *ret_result = result;
    return err;
}
