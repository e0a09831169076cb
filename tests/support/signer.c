#include "support/signer.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/base64.h"
#include "crypto/hash.h"

enum { OBJECTS_MAX = 64, TEXT_MAX = 64 * 1024 };

static struct arena *memory;
static EVP_PKEY *keys[OBJECTS_MAX];
static X509 *certificates_made[OBJECTS_MAX];
static int keys_count, certificates_count;

void signer_open(struct arena *arena)
{
    memory = arena;
    keys_count = certificates_count = 0;
}

void signer_close(void)
{
    for (int i = 0; i < keys_count; i++) EVP_PKEY_free(keys[i]);
    for (int i = 0; i < certificates_count; i++) X509_free(certificates_made[i]);
    keys_count = certificates_count = 0;
}

EVP_PKEY *signer_key(const char *kind)
{
    EVP_PKEY *key = NULL;

    ASSERT(keys_count < OBJECTS_MAX);
    if (strcmp(kind, "ED25519") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else if (strcmp(kind, "RSA") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    ASSERT(key != NULL);
    keys[keys_count++] = key;
    return key;
}

static struct bytes take(BIO *bio)
{
    char *data = NULL;
    const long size = BIO_get_mem_data(bio, &data);
    const struct bytes copy = arena_copy(memory, bytes_of(data, (size_t)size));

    ASSERT(copy.data != NULL && size > 0);
    BIO_free(bio);
    return copy;
}

struct bytes signer_public(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ASSERT(PEM_write_bio_PUBKEY(bio, key) == 1);
    return take(bio);
}

struct bytes signer_certificate_pem(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ASSERT(PEM_write_bio_X509(bio, certificate) == 1);
    return take(bio);
}

struct bytes signer_certificate_der(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ASSERT(i2d_X509_bio(bio, certificate) == 1);
    return take(bio);
}

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    ASSERT(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

X509 *signer_certificate(const struct signer_certificate *what)
{
    X509 *made = X509_new();
    X509_NAME *name = X509_NAME_new();
    const bool edwards = EVP_PKEY_get_base_id(what->signer) == EVP_PKEY_ED25519;

    ASSERT(made != NULL && name != NULL && certificates_count < OBJECTS_MAX);
    ASSERT(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)what->name, -1, -1, 0) == 1);
    ASSERT(X509_set_version(made, 2) == 1);
    ASSERT(ASN1_INTEGER_set(X509_get_serialNumber(made), certificates_count + 1) == 1);
    ASSERT(ASN1_TIME_set(X509_getm_notBefore(made), what->from_s) != NULL);
    ASSERT(ASN1_TIME_set(X509_getm_notAfter(made), what->to_s) != NULL);
    ASSERT(X509_set_subject_name(made, name) == 1);
    ASSERT(X509_set_issuer_name(
               made, what->issuer == NULL ? name : X509_get_subject_name(what->issuer)) == 1);
    ASSERT(X509_set_pubkey(made, what->key) == 1);
    extend(made, NID_basic_constraints, what->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    extend(made, NID_key_usage, what->is_ca ? "critical,keyCertSign" : "digitalSignature");
    if (what->use != NULL) extend(made, NID_ext_key_usage, what->use);
    ASSERT(X509_sign(made, what->signer, edwards ? NULL : EVP_sha256()) > 0);
    X509_NAME_free(name);
    certificates_made[certificates_count++] = made;
    return made;
}

/* The encoding is written out here once more: it shares no code with the one under test. */
struct bytes signer_sign(EVP_PKEY *key, const char *hash, const char *type, const char *payload)
{
    char *message = arena_alloc(memory, TEXT_MAX);
    uint8_t *signature = arena_alloc(memory, 1024);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = 1024;

    ASSERT(message != NULL && signature != NULL && context != NULL);
    const int length = snprintf(message, TEXT_MAX, "DSSEv1 %u %s %u %s", (unsigned)strlen(type),
                                type, (unsigned)strlen(payload), payload);
    ASSERT(length > 0 && length < TEXT_MAX);
    ASSERT(EVP_DigestSignInit_ex(context, NULL, hash, NULL, NULL, key, NULL) == 1);
    ASSERT(EVP_DigestSign(context, signature, &size, (const uint8_t *)message,
                          (size_t)length) == 1);
    EVP_MD_CTX_free(context);
    return bytes_of(signature, size);
}

static const char *base64(struct bytes data)
{
    char *text = arena_zalloc(memory, 1, BASE64_TEXT_SIZE(data.size) + 1);

    ASSERT(text != NULL);
    base64_encode(data.data, data.size, text);
    return text;
}

static const char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
static const char *format(const char *pattern, ...)
{
    char *text = arena_alloc(memory, TEXT_MAX);
    va_list arguments;

    ASSERT(text != NULL);
    va_start(arguments, pattern);
    const int size = vsnprintf(text, TEXT_MAX, pattern, arguments);
    va_end(arguments);
    ASSERT(size >= 0 && size < TEXT_MAX);
    return text;
}

const char *signer_envelope(const char *type, const char *payload,
                            const struct bytes *signatures, uint32_t count)
{
    const char *list = "";

    for (uint32_t i = 0; i < count; i++)
        list = format("%s%s{\"keyid\":\"\",\"sig\":\"%s\"}", list, i > 0 ? "," : "",
                      base64(signatures[i]));
    return format("{\"payload\":\"%s\",\"payloadType\":\"%s\",\"signatures\":[%s]}",
                  base64(bytes_of(payload, strlen(payload))), type, list);
}

const char *signer_bundle(const char *envelope, const struct bytes *certificates,
                          uint32_t count)
{
    const char *list = "";

    for (uint32_t i = 0; i < count; i++)
        list = format("%s%s{\"rawBytes\":\"%s\"}", list, i > 0 ? "," : "",
                      base64(certificates[i]));
    return format("{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\","
                  "\"verificationMaterial\":{\"x509CertificateChain\":{\"certificates\":[%s]}},"
                  "\"dsseEnvelope\":%s}",
                  list, envelope);
}

const char *signer_statement(const char *predicate, const char *name, const char *hex)
{
    return format(
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"%s\","
        "\"digest\":{\"sha256\":\"%s\"}}],\"predicateType\":\"%s\","
        "\"predicate\":{}}",
        name, hex, predicate);
}

const char *signer_model(const char *name, const char *hex)
{
    char all[2 * TALLY_HASH_BYTES + 1];
    struct tally_hash file, model;

    ASSERT(bytes_unhex(hex, strlen(hex), file.bytes, TALLY_HASH_BYTES));
    hash_sha256(file.bytes, TALLY_HASH_BYTES, &model);
    bytes_hex(model.bytes, TALLY_HASH_BYTES, all);
    return format("{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"m\","
                  "\"digest\":{\"sha256\":\"%s\"}}],"
                  "\"predicateType\":\"https://model_signing/signature/v1.0\",\"predicate\":"
                  "{\"serialization\":{\"method\":\"files\"},\"resources\":[{\"name\":\"%s\","
                  "\"algorithm\":\"sha256\",\"digest\":\"%s\"}]}}",
                  all, name, hex);
}
