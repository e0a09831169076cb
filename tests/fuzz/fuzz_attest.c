/* Any bytes as a document; a signature in it is verified with a fixed key, and with a fixed
 * root the certificates too. The bytes as PEM. Nothing here may verify: nobody has the secret
 * half. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "event/attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key_text[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEv+nzkcsz43whtAdJSU20xpliPalV\n"
    "qGRtAAx9/IRx+Rjv9gr5DnumH3T9zoxoiVJlWM4H3I3wO64LslByLbZe1g==\n"
    "-----END PUBLIC KEY-----\n";
static const char root_text[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcjCCARmgAwIBAgIUIysWzsLoIBXzxwFpQc4n5rIWzdowCgYIKoZIzj0EAwIw\n"
    "DzENMAsGA1UEAwwEZnV6ejAeFw0yNjExMjgxNTIzMjhaFw0zNjExMjUxNTIzMjha\n"
    "MA8xDTALBgNVBAMMBGZ1enowWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS/6fOR\n"
    "yzPjfCG0B0lJTbTGmWI9qVWoZG0ADH38hHH5GO/2CvkOe6YfdP3OjGiJUmVYzgfc\n"
    "jfA7rguyUHIttl7Wo1MwUTAdBgNVHQ4EFgQUYti+6lhfMy8IrjQakx2cvrl6B/Uw\n"
    "HwYDVR0jBBgwFoAUYti+6lhfMy8IrjQakx2cvrl6B/UwDwYDVR0TAQH/BAUwAwEB\n"
    "/zAKBggqhkjOPQQDAgNHADBEAiAeBOGfzezKZ2OM97uDOQqY9n171F6ljIFcQ8q8\n"
    "fXlX3gIgJMG62C/cIgHfHTnhfjUg+7K18dZ0o5SjhlfC5UH59fA=\n"
    "-----END CERTIFICATE-----\n";

static void verify(const struct attest_view *view, struct arena *arena)
{
    struct dsse_trust trust = {.now_s = 1800000000};
    struct dsse_result result;
    struct tally_diag diag;
    struct pem_root *root = NULL;
    struct pem_key *key = NULL;

    ASSERT(pem_key_parse(bytes_of(key_text, sizeof key_text - 1), &key, NULL) == TALLY_OK);
    trust.key = key;
    ASSERT(dsse_verify(&view->envelope, &trust, arena, &result, &diag) != TALLY_OK);
    pem_key_free(key);
    ASSERT(pem_root_parse(bytes_of(root_text, sizeof root_text - 1), &root, NULL) == TALLY_OK);
    trust = (struct dsse_trust){.root = root, .now_s = 1800000000};
    ASSERT(dsse_verify(&view->envelope, &trust, arena, &result, &diag) != TALLY_OK);
    pem_root_free(root);
}

/* A directory that has the first file of the statement, and one more. */
static void compare(const struct attest_view *view, struct arena *arena)
{
    struct tally_manifest_file files[2] = {{.path = ""}, {.path = "\xff"}};
    const struct tally_manifest manifest = {.files = files, .files_count = 2};
    struct attest_compared compared;
    uint32_t sum = 0;

    if (view->files_count == 0 || view->files[0].name[0] == (char)0xff) return;
    files[0].path = view->files[0].name;
    files[0].digest = view->files[0].digest;
    ASSERT(attest_compare(view, &manifest, arena, &compared) == TALLY_OK);
    for (int i = 0; i < 4; i++) sum += compared.counts[i];
    ASSERT(sum == view->files_count && compared.unnamed <= 2);
    ASSERT(compared.matches[0] ==
           (view->files[0].comparable ? ATTEST_MATCHES : ATTEST_NOT_COMPARED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attest_view view;
    struct tally_diag diag;
    struct pem_root *root = NULL;
    struct pem_key *key = NULL;
    struct arena *arena = NULL;

    if (arena_open(0, &arena) != TALLY_OK) return 0;
    if (attest_read(bytes_of(data, size), arena, &view, &diag) == TALLY_OK) {
        ASSERT(bytes_utf8(view.predicate, strlen(view.predicate)));
        if (view.has_envelope) verify(&view, arena);
        compare(&view, arena);
    }
    if (pem_key_parse(bytes_of(data, size), &key, &diag) == TALLY_OK) pem_key_free(key);
    if (pem_root_parse(bytes_of(data, size), &root, &diag) == TALLY_OK) pem_root_free(root);
    arena_close(arena);
    return 0;
}
