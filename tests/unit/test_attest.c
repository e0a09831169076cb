/* Goal: a signature counts only if the key or root of the caller made it, with the hash of its
 * curve, over exactly this type and payload. Method: keys, chains and envelopes made by
 * libcrypto; each row is an honest document with one thing changed. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "event/attest.h"
#include "support/check_main.h"
#include "support/signer.h"

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

static struct arena *arena;
static struct tally_diag diag;

static void begin(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    signer_open(arena);
    diag.text[0] = '\0';
}

static void end(void)
{
    signer_close();
    arena_close(arena);
}

static const char *statement(void)
{
    return signer_statement("https://example.org/p/v1", "f", zeros);
}

static enum tally_err read_text(const char *text, struct attest_view *view)
{
    return attest_read(bytes_of(text, strlen(text)), arena, view, &diag);
}

/* The document against a key. */
static enum tally_err with_key(const char *text, struct bytes pem, struct dsse_result *result)
{
    struct dsse_trust trust = {.now_s = SIGNER_NOW_S};
    struct attest_view view;
    struct pem_key *key = NULL;

    ck_assert_msg(read_text(text, &view) == TALLY_OK, "%s", diag.text);
    ck_assert_msg(pem_key_parse(pem, &key, &diag) == TALLY_OK, "%s", diag.text);
    trust.key = key;
    const enum tally_err err = dsse_verify(&view.envelope, &trust, arena, result, &diag);
    pem_key_free(key);
    return err;
}

static enum tally_err with_root(const char *text, X509 *certificate, uint64_t now_s,
                                struct dsse_result *result)
{
    struct dsse_trust trust = {.now_s = now_s};
    struct attest_view view;
    struct pem_root *root = NULL;

    ck_assert_msg(read_text(text, &view) == TALLY_OK, "%s", diag.text);
    ck_assert_int_eq(pem_root_parse(signer_certificate_pem(certificate), &root, &diag),
                     TALLY_OK);
    trust.root = root;
    const enum tally_err err = dsse_verify(&view.envelope, &trust, arena, result, &diag);
    pem_root_free(root);
    return err;
}

/* Each kind of key verifies with its own hash, and with no other. */
START_TEST(hash_of_the_curve)
{
    static const struct {
        const char *kind, *hash;
        bool good;
    } rows[] = {
        {"P-256", "SHA256", true},  {"P-256", "SHA384", false}, {"P-384", "SHA384", true},
        {"P-384", "SHA256", false}, {"P-521", "SHA512", true},  {"P-521", "SHA256", false},
        {"ED25519", NULL, true},
    };

    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        EVP_PKEY *key = signer_key(rows[i].kind);
        const struct bytes sig = signer_sign(key, rows[i].hash, SIGNER_TYPE, statement());
        const char *text = signer_envelope(SIGNER_TYPE, statement(), &sig, 1);
        struct dsse_result result = {0};

        ck_assert_msg(with_key(text, signer_public(key), &result) ==
                          (rows[i].good ? TALLY_OK : TALLY_E_SIGNATURE),
                      "row %zu: %s", i, diag.text);
        ck_assert_uint_eq(result.verified, rows[i].good ? 1 : 0);
    }
    end();
}
END_TEST

START_TEST(what_is_signed)
{
    struct dsse_result result;

    begin();
    EVP_PKEY *key = signer_key("P-256"), *other = signer_key("P-256");
    const char *payload = statement(), *changed = signer_statement("https://x.org", "f", zeros);
    const struct bytes good = signer_sign(key, "SHA256", SIGNER_TYPE, payload);
    const struct bytes typed = signer_sign(key, "SHA256", "text/plain", payload);
    const struct bytes both[] = {signer_sign(other, "SHA256", SIGNER_TYPE, payload), good};
    const struct bytes pem = signer_public(key);

    ck_assert_int_eq(with_key(signer_envelope(SIGNER_TYPE, payload, &good, 1), pem, &result),
                     TALLY_OK);
    ck_assert_int_eq(with_key(signer_envelope(SIGNER_TYPE, changed, &good, 1), pem, &result),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(with_key(signer_envelope(SIGNER_TYPE, payload, &typed, 1), pem, &result),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(with_key(signer_envelope(SIGNER_TYPE, payload, &good, 1),
                              signer_public(other), &result),
                     TALLY_E_SIGNATURE);
    /* Of several signatures one suffices; how many there are is told. */
    ck_assert_int_eq(with_key(signer_envelope(SIGNER_TYPE, payload, both, 2), pem, &result),
                     TALLY_OK);
    ck_assert_uint_eq(result.verified, 1);
    ck_assert_int_eq(with_key(signer_envelope(SIGNER_TYPE, payload, both, 1), pem, &result),
                     TALLY_E_SIGNATURE);
    end();
}
END_TEST

/* The encoding of the DSSE protocol, with its own example. */
START_TEST(encoding)
{
    begin();
    const struct bytes pae =
        dsse_pae("http://example.com/HelloWorld", bytes_of("hello world", 11), arena);
    const char want[] = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";

    ck_assert(bytes_equal(pae, bytes_of(want, sizeof want - 1)));
    end();
}
END_TEST

/* ---- certificates -------------------------------------------------------------------- */

static struct bytes chain[3];
static EVP_PKEY *leaf_key;

/* A root, one below it and a leaf. */
static X509 *make_chain(int64_t from_s, int64_t to_s, const char *use, X509 **ret_middle)
{
    const int64_t old = SIGNER_NOW_S - 100 * SIGNER_DAY_S, late = SIGNER_NOW_S + SIGNER_DAY_S;
    EVP_PKEY *root_key = signer_key("P-384"), *middle_key = signer_key("P-256");

    leaf_key = signer_key("P-256");
    X509 *root = signer_certificate(
        &(struct signer_certificate){"root", root_key, NULL, root_key, old, late, true, NULL});
    X509 *middle = signer_certificate(&(struct signer_certificate){
        "middle", middle_key, root, root_key, old, late, true, NULL});
    X509 *leaf = signer_certificate(&(struct signer_certificate){
        "leaf", leaf_key, middle, middle_key, from_s, to_s, false, use});

    chain[0] = signer_certificate_der(leaf);
    chain[1] = signer_certificate_der(middle);
    if (ret_middle != NULL) *ret_middle = middle;
    return root;
}

static const char *bundle(EVP_PKEY *key, uint32_t count)
{
    const struct bytes sig = signer_sign(key, "SHA256", SIGNER_TYPE, statement());

    return signer_bundle(signer_envelope(SIGNER_TYPE, statement(), &sig, 1), chain, count);
}

START_TEST(chains)
{
    const int64_t from = SIGNER_NOW_S - 600, to = SIGNER_NOW_S + 600;
    struct dsse_result result;
    X509 *middle = NULL;

    begin();
    X509 *stranger = make_chain(from, to, "codeSigning", NULL);
    X509 *root = make_chain(from, to, "codeSigning", &middle);
    ck_assert_msg(with_root(bundle(leaf_key, 2), root, SIGNER_NOW_S, &result) == TALLY_OK, "%s",
                  diag.text);
    ck_assert(!result.time_unproven);
    /* One may trust a certificate below the root; no other root will do, nor a gap. */
    ck_assert_int_eq(with_root(bundle(leaf_key, 2), middle, SIGNER_NOW_S, &result), TALLY_OK);
    ck_assert_int_eq(with_root(bundle(leaf_key, 2), stranger, SIGNER_NOW_S, &result),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(with_root(bundle(leaf_key, 1), root, SIGNER_NOW_S, &result),
                     TALLY_E_SIGNATURE);
    ck_assert_int_eq(with_root(bundle(leaf_key, 0), root, SIGNER_NOW_S, &result),
                     TALLY_E_SIGNATURE);
    /* The certificate is honest, and another key signed. */
    ck_assert_int_eq(with_root(bundle(signer_key("P-256"), 2), root, SIGNER_NOW_S, &result),
                     TALLY_E_SIGNATURE);
    /* A root that a bundle brings along itself is not trusted. */
    chain[2] = signer_certificate_der(root);
    ck_assert_int_eq(with_root(bundle(leaf_key, 3), stranger, SIGNER_NOW_S, &result),
                     TALLY_E_SIGNATURE);
    end();
}
END_TEST

START_TEST(times_and_uses)
{
    const int64_t from = SIGNER_NOW_S - 600, to = SIGNER_NOW_S + 600;
    struct dsse_result result;

    begin();
    X509 *root = make_chain(from, to, "codeSigning", NULL);
    ck_assert_int_eq(with_root(bundle(leaf_key, 2), root, (uint64_t)to + 1, &result), TALLY_OK);
    ck_assert(result.time_unproven);
    ck_assert_int_eq(with_root(bundle(leaf_key, 2), root, (uint64_t)from - 1, &result),
                     TALLY_OK);
    ck_assert(result.time_unproven);
    root = make_chain(from, to, NULL, NULL);
    ck_assert_int_eq(with_root(bundle(leaf_key, 2), root, SIGNER_NOW_S, &result), TALLY_OK);
    root = make_chain(from, to, "serverAuth", NULL);
    ck_assert_int_eq(with_root(bundle(leaf_key, 2), root, SIGNER_NOW_S, &result),
                     TALLY_E_SIGNATURE);
    ck_assert_ptr_nonnull(strstr(diag.text, "another use"));
    end();
}
END_TEST

/* A key given by the caller, whose certificate is over, proves no time either. */
START_TEST(key_of_an_old_certificate)
{
    struct dsse_result result;

    begin();
    (void)make_chain(SIGNER_NOW_S - 1200, SIGNER_NOW_S - 600, "codeSigning", NULL);
    const char *text = bundle(leaf_key, 2);
    ck_assert_int_eq(with_key(text, signer_public(leaf_key), &result), TALLY_OK);
    ck_assert(result.time_unproven);
    ck_assert_int_eq(with_key(bundle(leaf_key, 0), signer_public(leaf_key), &result), TALLY_OK);
    ck_assert(!result.time_unproven);
    ck_assert_int_eq(with_key(text, signer_public(signer_key("P-256")), &result),
                     TALLY_E_SIGNATURE);
    end();
}
END_TEST

/* ---- PEM ----------------------------------------------------------------------------- */

START_TEST(keys_refused)
{
    struct pem_key *key = NULL;
    struct pem_root *root = NULL;
    char twice[4096];

    begin();
    const struct bytes good = signer_public(signer_key("P-256"));
    (void)snprintf(twice, sizeof twice, "%s%s", (const char *)good.data,
                   (const char *)good.data);
    ck_assert_int_eq(pem_key_parse(bytes_of("", 0), &key, &diag), TALLY_E_MALFORMED);
    ck_assert_int_eq(pem_key_parse(bytes_of(twice, strlen(twice)), &key, &diag),
                     TALLY_E_MALFORMED);
    ck_assert_int_eq(pem_key_parse(signer_public(signer_key("RSA")), &key, &diag),
                     TALLY_E_INVALID);
    ck_assert_int_eq(pem_root_parse(good, &root, &diag), TALLY_E_MALFORMED);
    ck_assert_int_eq(pem_key_parse(good, &key, &diag), TALLY_OK);
    pem_key_free(key);
    end();
}
END_TEST

/* ---- documents ----------------------------------------------------------------------- */

START_TEST(kinds)
{
    static const struct {
        const char *text;
        enum attest_kind kind;
    } rows[] = {
        {"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\"}", ATTEST_CYCLONEDX},
        {"{\"spdxVersion\":\"SPDX-2.3\"}", ATTEST_SPDX},
        {"{\"@context\":\"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\"}", ATTEST_SPDX},
        {"# Model card\n", ATTEST_UNKNOWN},
        {"", ATTEST_UNKNOWN},
        {"{\"a\":1}", ATTEST_UNKNOWN},
    };
    struct attest_view view;

    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(read_text(rows[i].text, &view) == TALLY_OK, "%zu: %s", i, diag.text);
        ck_assert_msg(view.kind == rows[i].kind && !view.has_envelope, "%zu", i);
    }
    ck_assert_int_eq(read_text(statement(), &view), TALLY_OK);
    ck_assert_int_eq(view.kind, ATTEST_IN_TOTO);
    ck_assert_int_eq(
        read_text(signer_statement("https://slsa.dev/provenance/v1", "f", zeros), &view),
        TALLY_OK);
    ck_assert_int_eq(view.kind, ATTEST_SLSA);
    ck_assert_int_eq(read_text(signer_model("./f", zeros), &view), TALLY_OK);
    ck_assert_int_eq(view.kind, ATTEST_OMS);
    ck_assert_str_eq(view.files[0].name, "f");
    for (int i = ATTEST_OMS; i < ATTEST_KINDS; i++)
        ck_assert_int_eq(attest_kind_of(attest_kind_word((enum attest_kind)i)), i);
    end();
}
END_TEST

#define ENVELOPE(payload, type, signatures)                                                    \
    "{\"payload\":\"" payload "\",\"payloadType\":\"" type "\",\"signatures\":[" signatures "]}"

START_TEST(documents_refused)
{
    static const char *const rows[][2] = {
        {"{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}",
         "no dsseEnvelope"},
        {"{\"dsseEnvelope\":7}", "no dsseEnvelope"},
        {ENVELOPE("e30=", SIGNER_TYPE, ""), "no signatures"},
        {ENVELOPE("e30=", SIGNER_TYPE, "{\"sig\":\"\"}"), "the sig"},
        {ENVELOPE("e30=", SIGNER_TYPE, "{\"sig\":\"*AAA\"}"), "no base64"},
        {ENVELOPE("", SIGNER_TYPE, "{\"sig\":\"AAAA\"}"), "payload is missing"},
        {ENVELOPE("e30=", "text/plain", "{\"sig\":\"AAAA\"}"), "payloadType is 'text/plain'"},
        {ENVELOPE("e30=", SIGNER_TYPE, "{\"sig\":\"AAAA\"}"), "no in-toto statement"},
        {ENVELOPE("AAAA", SIGNER_TYPE, "{\"sig\":\"AAAA\"}"), "no JSON"},
        {"{\"dsseEnvelope\":" ENVELOPE("e30=", SIGNER_TYPE,
                                       "{\"sig\":\"AAAA\"},{\"sig\":\"AAAA\"}") "}",
         "exactly one signature"},
        {"{\"payload\":\"e30=\",\"payload\":\"e30=\",\"payloadType\":\"x\"}", "duplicate"},
        {"{\"_type\":\"https://in-toto.io/Statement/v1\"}", "predicateType"},
        {"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"p\"}",
         "names no files"},
        {"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"p\","
         "\"subject\":[{\"name\":\"f\"}]}",
         "no digest"},
        {"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"p\","
         "\"subject\":[{\"name\":\"f\",\"digest\":{\"sha256\":\"AA\"}}]}",
         "64 lower-case digits"},
        {"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":"
         "\"https://model_signing/signature/"
         "v1.0\",\"subject\":[{\"digest\":{\"sha256\":\"0\"}}],"
         "\"predicate\":{\"resources\":[{\"name\":\"f\"}]}} {}",
         "line"},
    };
    struct attest_view view;

    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(read_text(rows[i][0], &view) == TALLY_E_MALFORMED, "row %zu", i);
        ck_assert_msg(strstr(diag.text, rows[i][1]) != NULL, "row %zu: %s", i, diag.text);
    }
    end();
}
END_TEST

/* The model's digest must follow from its list: one of both would be believed by somebody. */
START_TEST(model_contradicts_itself)
{
    struct attest_view view;

    begin();
    const char *honest = signer_model("f", zeros);
    char *text = (char *)(uintptr_t)arena_copy(arena, bytes_of(honest, strlen(honest))).data;
    char *last = strstr(text, zeros);

    ck_assert_ptr_nonnull(last);
    last[0] = '1';
    ck_assert_int_eq(read_text(text, &view), TALLY_E_MALFORMED);
    ck_assert_ptr_nonnull(strstr(diag.text, "not that of its list"));
    end();
}
END_TEST

/* URL-safe base64 is the other alphabet that DSSE allows. */
START_TEST(url_safe_alphabet)
{
    struct dsse_result result;
    char *text = NULL;

    begin();
    EVP_PKEY *key = signer_key("P-256");
    do { /* until the signature has a digit that differs */
        const struct bytes sig = signer_sign(key, "SHA256", SIGNER_TYPE, statement());
        const char *made = signer_envelope(SIGNER_TYPE, statement(), &sig, 1);

        text = strstr(made, "\"sig\"") + 7;
    } while (strpbrk(text, "+") == NULL);
    const size_t size = strcspn(text, "\"");
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '+') text[i] = '-';
        if (text[i] == '/') text[i] = '_';
    }
    while (strncmp(text, "{\"payload\"", 10) != 0) text--;
    ck_assert_int_eq(with_key(text, signer_public(key), &result), TALLY_OK);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attest");
    TCase *tcase = tcase_create("attest");

    tcase_add_test(tcase, hash_of_the_curve);
    tcase_add_test(tcase, what_is_signed);
    tcase_add_test(tcase, encoding);
    tcase_add_test(tcase, chains);
    tcase_add_test(tcase, times_and_uses);
    tcase_add_test(tcase, key_of_an_old_certificate);
    tcase_add_test(tcase, keys_refused);
    tcase_add_test(tcase, kinds);
    tcase_add_test(tcase, documents_refused);
    tcase_add_test(tcase, model_contradicts_itself);
    tcase_add_test(tcase, url_safe_alphabet);
    suite_add_tcase(suite, tcase);
    return check_main(suite);
}
