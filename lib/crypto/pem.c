#include "crypto/pem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

enum { SECURITY_LEVEL = 2 }; /* 112 bits: no SHA-1, no RSA below 2048 bits in a chain */

/* What a curve signs with: a signature made with another hash does not verify. */
static const struct kind {
    const char *group; /* NULL: Ed25519 */
    const char *hash;
    const char *text;
} kinds[] = {
    {"prime256v1", "SHA256", "ECDSA P-256 with SHA-256"},
    {"secp384r1", "SHA384", "ECDSA P-384 with SHA-384"},
    {"secp521r1", "SHA512", "ECDSA P-521 with SHA-512"},
    {NULL, NULL, "Ed25519"},
};
enum { KINDS_COUNT = sizeof kinds / sizeof kinds[0] };

struct pem_key {
    EVP_PKEY *key;
    const struct kind *kind;
};

struct pem_root {
    X509 *certificate;
};

/* ---- keys ---------------------------------------------------------------------------- */

/* NULL: none that we take. */
static const struct kind *kind_of(const EVP_PKEY *key)
{
    char group[64] = "";
    size_t size = 0;

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) return &kinds[KINDS_COUNT - 1];
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, group, sizeof group, &size) != 1)
        return NULL;
    for (size_t i = 0; i + 1 < KINDS_COUNT; i++)
        if (strcmp(kinds[i].group, group) == 0) return &kinds[i];
    return NULL;
}

/* Takes `key` over. */
static enum tally_err make_key(EVP_PKEY *key, struct pem_key **ret_key, struct tally_diag *diag)
{
    const struct kind *kind = kind_of(key);
    struct pem_key *made = NULL;

    ERR_clear_error();
    if (kind == NULL) {
        EVP_PKEY_free(key);
        tally_diag_set(diag, "its key is not ECDSA on P-256, P-384 or P-521, nor Ed25519");
        return TALLY_E_INVALID;
    }
    made = malloc(sizeof *made);
    if (made == NULL) {
        EVP_PKEY_free(key);
        return TALLY_E_NO_MEMORY;
    }
    *made = (struct pem_key){key, kind};
    *ret_key = made;
    return TALLY_OK;
}

/* In place of libcrypto's question at the terminal. */
static int no_passphrase(char *to, int size, int writing, void *context)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static BIO *open_text(struct bytes pem)
{
    return pem.size > PEM_SIZE_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.size);
}

enum tally_err pem_key_parse(struct bytes pem, struct pem_key **ret_key,
                             struct tally_diag *diag)
{
    BIO *text = open_text(pem);
    EVP_PKEY *key = NULL, *second = NULL;

    if (text != NULL) {
        key = PEM_read_bio_PUBKEY(text, NULL, no_passphrase, NULL);
        if (key != NULL) second = PEM_read_bio_PUBKEY(text, NULL, no_passphrase, NULL);
        BIO_free(text);
    }
    ERR_clear_error();
    if (key == NULL || second != NULL) {
        EVP_PKEY_free(key);
        EVP_PKEY_free(second);
        tally_diag_set(diag, "not one PEM text with BEGIN PUBLIC KEY");
        return TALLY_E_MALFORMED;
    }
    return make_key(key, ret_key, diag);
}

void pem_key_free(struct pem_key *key)
{
    if (key == NULL) return;
    EVP_PKEY_free(key->key);
    free(key);
}

const char *pem_key_kind(const struct pem_key *key)
{
    return key->kind->text;
}

bool pem_key_equal(const struct pem_key *a, const struct pem_key *b)
{
    const bool equal = EVP_PKEY_eq(a->key, b->key) == 1;

    ERR_clear_error();
    return equal;
}

/* `size` is what libcrypto gave with `der`, which is freed. */
static enum tally_err hash_der(unsigned char *der, int size, struct tally_hash *ret_digest)
{
    ERR_clear_error();
    if (size <= 0) return TALLY_E_NO_MEMORY;
    hash_sha256(der, (size_t)size, ret_digest);
    OPENSSL_free(der);
    return TALLY_OK;
}

enum tally_err pem_key_digest(const struct pem_key *key, struct tally_hash *ret_digest)
{
    unsigned char *der = NULL;
    const int size = i2d_PUBKEY(key->key, &der);

    return hash_der(der, size, ret_digest);
}

enum tally_err pem_verify(const struct pem_key *key, struct bytes message,
                          struct bytes signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = 0;

    if (context == NULL) return TALLY_E_NO_MEMORY;
    if (EVP_DigestVerifyInit_ex(context, NULL, key->kind->hash, NULL, NULL, key->key, NULL) ==
        1)
        good = EVP_DigestVerify(context, signature.data, signature.size, message.data,
                                message.size);
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good == 1 ? TALLY_OK : TALLY_E_SIGNATURE;
}

/* ---- certificates -------------------------------------------------------------------- */

enum tally_err pem_root_parse(struct bytes pem, struct pem_root **ret_root,
                              struct tally_diag *diag)
{
    BIO *text = open_text(pem);
    X509 *certificate = NULL, *second = NULL;
    struct pem_root *root = NULL;

    if (text != NULL) {
        certificate = PEM_read_bio_X509(text, NULL, no_passphrase, NULL);
        if (certificate != NULL) second = PEM_read_bio_X509(text, NULL, no_passphrase, NULL);
        BIO_free(text);
    }
    ERR_clear_error();
    if (certificate == NULL || second != NULL) {
        X509_free(certificate);
        X509_free(second);
        tally_diag_set(diag, "not one PEM text with BEGIN CERTIFICATE");
        return TALLY_E_MALFORMED;
    }
    root = malloc(sizeof *root);
    if (root == NULL) {
        X509_free(certificate);
        return TALLY_E_NO_MEMORY;
    }
    root->certificate = certificate;
    *ret_root = root;
    return TALLY_OK;
}

void pem_root_free(struct pem_root *root)
{
    if (root == NULL) return;
    X509_free(root->certificate);
    free(root);
}

enum tally_err pem_root_digest(const struct pem_root *root, struct tally_hash *ret_digest)
{
    unsigned char *der = NULL;
    const int size = i2d_X509(root->certificate, &der);

    return hash_der(der, size, ret_digest);
}

/* NULL: not exactly one certificate. */
static X509 *decode(struct bytes der)
{
    const unsigned char *at = der.data;
    X509 *certificate = NULL;

    if (der.size == 0 || der.size > PEM_SIZE_MAX) return NULL;
    certificate = d2i_X509(NULL, &at, (long)der.size);
    ERR_clear_error();
    if (certificate != NULL && at == der.data + der.size) return certificate;
    X509_free(certificate);
    return NULL;
}

static bool valid_at(const X509 *certificate, uint64_t now_s)
{
    time_t now = (time_t)now_s;

    return X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
}

static enum tally_err key_of(const X509 *certificate, struct pem_key **ret_key,
                             struct tally_diag *diag)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);

    if (key == NULL || EVP_PKEY_up_ref(key) != 1) {
        ERR_clear_error();
        tally_diag_set(diag, "the key of its certificate does not decode");
        return TALLY_E_MALFORMED;
    }
    return make_key(key, ret_key, diag);
}

enum tally_err pem_certificate_key(struct bytes certificate, uint64_t now_s,
                                   struct pem_key **ret_key, bool *ret_valid,
                                   struct tally_diag *diag)
{
    X509 *decoded = decode(certificate);
    enum tally_err err = TALLY_OK;

    if (decoded == NULL) {
        tally_diag_set(diag, "a certificate in it does not decode");
        return TALLY_E_MALFORMED;
    }
    *ret_valid = valid_at(decoded, now_s);
    err = key_of(decoded, ret_key, diag);
    X509_free(decoded);
    return err;
}

/* Once, with or without the clock. Returns an X509_V_ code. */
static int try_chain(const struct pem_root *root, X509 *leaf, STACK_OF(X509) * others,
                     uint64_t now_s, bool with_time)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int code = X509_V_ERR_OUT_OF_MEM;

    if (store != NULL && context != NULL &&
        X509_STORE_add_cert(store, root->certificate) == 1 &&
        X509_STORE_CTX_init(context, store, leaf, others) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);

        X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
        X509_VERIFY_PARAM_set_depth(param, PEM_CHAIN_MAX);
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        if (with_time) /* a time that is set wins over NO_CHECK_TIME */
            X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
        else
            (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
        if (X509_verify_cert(context) == 1)
            code = X509_V_OK;
        else
            code = X509_STORE_CTX_get_error(context);
    }
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return code;
}

/* A certificate of a web server under the same root must not sign models. */
static bool may_sign(X509 *leaf)
{
    const bool signs = (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) != 0;

    return signs && (X509_get_extended_key_usage(leaf) & XKU_CODE_SIGN) != 0;
}

static enum tally_err check_chain(const struct pem_root *root, X509 *leaf,
                                  STACK_OF(X509) * others, uint64_t now_s, bool *ret_valid,
                                  struct tally_diag *diag)
{
    int code = try_chain(root, leaf, others, now_s, true);

    *ret_valid = code == X509_V_OK;
    if (code != X509_V_OK) code = try_chain(root, leaf, others, now_s, false);
    if (code == X509_V_ERR_OUT_OF_MEM) return TALLY_E_NO_MEMORY;
    if (code != X509_V_OK) {
        tally_diag_set(diag, "its certificate does not lead to the root: %s",
                       X509_verify_cert_error_string(code));
        return TALLY_E_SIGNATURE;
    }
    if (may_sign(leaf)) return TALLY_OK;
    tally_diag_set(diag, "its certificate is for another use than signing code");
    return TALLY_E_SIGNATURE;
}

enum tally_err pem_chain_key(const struct pem_root *root, const struct bytes *certificates,
                             size_t count, uint64_t now_s, struct pem_key **ret_key,
                             bool *ret_valid, struct tally_diag *diag)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    X509 *leaf = decode(certificates[0]);
    enum tally_err err = others == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
    bool decoded = leaf != NULL;

    for (size_t i = 1; i < count && err == TALLY_OK && decoded; i++) {
        X509 *other = decode(certificates[i]);

        decoded = other != NULL;
        if (decoded && sk_X509_push(others, other) == 0) {
            X509_free(other);
            err = TALLY_E_NO_MEMORY;
        }
    }
    if (err == TALLY_OK && !decoded) {
        tally_diag_set(diag, "a certificate in it does not decode");
        err = TALLY_E_MALFORMED;
    }
    if (err == TALLY_OK) err = check_chain(root, leaf, others, now_s, ret_valid, diag);
    if (err == TALLY_OK) err = key_of(leaf, ret_key, diag);
    sk_X509_pop_free(others, X509_free);
    X509_free(leaf);
    return err;
}
