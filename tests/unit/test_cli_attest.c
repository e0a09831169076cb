/* Goal: `tally attest` records exactly what was verified, and nothing that was not. Method:
 * documents made by libcrypto, recorded in a ledger on paper, and the event read back; then the
 * shared bundles of other programs. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tally/manifest.h>

#include "base/base64.h"
#include "crypto/hash.h"
#include "event/event_json.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/fake_cluster.h"
#include "support/ledger_fixture.h"
#include "support/signer.h"

#define ATTEST "attest --cluster=u --key=author --trust=t --subject=model/m/version/1 --out=r "

enum { PATH_SIZE = 1024 };

static struct arena *arena;
static char file_hex[65];

/* The directory d with one file f, which is registered. */
static void begin(void)
{
    struct tally_manifest manifest;
    struct tally_hash digest;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    signer_open(arena);
    cli_run_open();
    fake_cluster_open();
    cli_run_write("t", paper_trust(&fake.paper, 1), 0644);
    cli_run_write_key("author", "author", &fake.paper.fixture.people[FIXTURE_AUTHOR]);
    ck_assert_int_eq(mkdir("d", 0755), 0);
    cli_run_write_text("d/f", "weights");
    hash_sha256("weights", 7, &digest);
    bytes_hex(digest.bytes, TALLY_HASH_BYTES, file_hex);
    ck_assert_int_eq(tally_manifest_read("d", NULL, NULL, &manifest, NULL), TALLY_OK);
    fake.has_version = fake.has_base = true;
    fake.version_root = manifest.root;
    tally_manifest_free(&manifest);
}

static void end(void)
{
    fake_cluster_close();
    cli_run_close();
    signer_close();
    arena_close(arena);
}

/* The document "doc", signed by `key`, whose public half is in "key.pem". */
static void write_signed(EVP_PKEY *key, const char *hash, const char *payload)
{
    const struct bytes sig = signer_sign(key, hash, SIGNER_TYPE, payload);
    const char *envelope = signer_envelope(SIGNER_TYPE, payload, &sig, 1);

    cli_run_write_text("doc", signer_bundle(envelope, NULL, 0));
    cli_run_write("key.pem", signer_public(key), 0644);
}

/* The last recorded event has this in its JSON. */
static void check_event(const char *want)
{
    const struct bytes record = fake.paper.leaves[fake.last_index].extra.record;
    struct bytes json = {0};

    ck_assert_int_eq(record_json_encode(record, false, fake.paper.fixture.arena, &json, NULL),
                     TALLY_OK);
    ck_assert_msg(strstr((const char *)json.data, want) != NULL, "%s: %s", want, json.data);
}

static void expect(int status, const char *said, const char *line)
{
    const int got = cli_run(ATTEST "%s", line);

    ck_assert_msg(got == status, "%s: %d: %s", line, got, cli_run_err);
    ck_assert_msg(strstr(status == 0 ? cli_run_out : cli_run_err, said) != NULL, "%s: %s%s",
                  line, cli_run_out, cli_run_err);
    if (status != 0) ck_assert_uint_eq(fake.appends, 0);
    if (status == 0) ck_assert_uint_eq(fake.appends, 1);
}

START_TEST(signed_model)
{
    char want[128], hex[65];
    struct tally_hash digest;

    begin();
    write_signed(signer_key("P-384"), "SHA384", signer_model("f", file_hex));
    expect(0, "1 of 1 verified with --public-key (ECDSA P-384 with SHA-384)",
           "--public-key=key.pem --dir=d doc");
    ck_assert_ptr_nonnull(strstr(cli_run_out, "1 match, 0 differ, 0 missing"));
    check_event("\"kind\":\"ATTESTATION_KIND_OMS\"");
    check_event("\"verdict\":\"ATTESTATION_VERDICT_VERIFIED\"");
    check_event("\"predicate\":\"https://model_signing/signature/v1.0\"");
    const struct bytes document = cli_run_read("doc");
    hash_sha256(document.data, document.size, &digest);
    bytes_hex(digest.bytes, TALLY_HASH_BYTES, hex);
    (void)snprintf(want, sizeof want, "\"digest\":\"%s\"", hex);
    check_event(want);
    bytes_hex(fake.version_root.bytes, TALLY_HASH_BYTES, hex);
    (void)snprintf(want, sizeof want, "\"manifest_root\":\"%s\"", hex);
    check_event(want);
    end();
}
END_TEST

/* The same command again ends with the one record. */
START_TEST(lost_answer)
{
    begin();
    write_signed(signer_key("ED25519"), NULL, signer_model("f", file_hex));
    fake.lose_answer = true;
    ck_assert_int_eq(cli_run(ATTEST "--public-key=key.pem doc"), TALLY_E_TIMEOUT);
    const uint64_t index = fake.last_index;
    ck_assert(cli_run_exists("r.pending"));
    ck_assert_msg(cli_run(ATTEST "--json --public-key=key.pem doc") == 0, "%s", cli_run_err);
    ck_assert_uint_eq(fake.last_index, index);
    ck_assert(cli_run_exists("r") && !cli_run_exists("r.pending"));
    json_t *answer = json_loads(cli_run_out, 0, NULL);
    const json_t *found = json_object_get(answer, "attestation");
    ck_assert_str_eq(json_string_value(json_object_get(found, "verdict")), "verified");
    ck_assert_int_eq(json_integer_value(json_object_get(answer, "index")), (int)index);
    json_decref(answer);
    end();
}
END_TEST

START_TEST(wrong_signature)
{
    begin();
    write_signed(signer_key("P-384"), "SHA256", signer_model("f", file_hex));
    expect(TALLY_E_SIGNATURE, "nothing was recorded", "--public-key=key.pem doc");
    expect(0, "does not verify", "--record-failed --public-key=key.pem doc");
    check_event("\"verdict\":\"ATTESTATION_VERDICT_FAILED\"");
    end();
}
END_TEST

START_TEST(root_and_time)
{
    EVP_PKEY *root_key, *leaf_key;

    begin();
    root_key = signer_key("P-256");
    leaf_key = signer_key("P-256");
    X509 *root = signer_certificate(&(struct signer_certificate){
        "root", root_key, NULL, root_key, 0, 4000000000, true, NULL});
    X509 *leaf = signer_certificate(&(struct signer_certificate){
        "leaf", leaf_key, root, root_key, 1000000, 1000600, false, "codeSigning"});
    const char *payload = signer_statement("https://slsa.dev/provenance/v1", "f", file_hex);
    const struct bytes sig = signer_sign(leaf_key, "SHA256", SIGNER_TYPE, payload);
    const struct bytes der = signer_certificate_der(leaf);
    cli_run_write_text("doc",
                       signer_bundle(signer_envelope(SIGNER_TYPE, payload, &sig, 1), &der, 1));
    cli_run_write("root.pem", signer_certificate_pem(root), 0644);
    expect(0, "time unproven", "--root=root.pem --dir=d doc");
    check_event("\"verdict\":\"ATTESTATION_VERDICT_TIME_UNPROVEN\"");
    check_event("\"kind\":\"ATTESTATION_KIND_SLSA\"");
    end();
}
END_TEST

/* DIR is what was registered, and the statement is about other bytes; then the other way round.
 */
START_TEST(directories)
{
    char other[65];

    begin();
    memset(other, '0', 64);
    other[64] = '\0';
    write_signed(signer_key("P-256"), "SHA256", signer_model("f", other));
    expect(TALLY_E_MISMATCH, "f differs from the statement",
           "--public-key=key.pem --dir=d doc");
    write_signed(signer_key("P-256"), "SHA256", signer_model("h", file_hex));
    expect(TALLY_E_MISMATCH, "h is in the statement and not in the directory",
           "--public-key=key.pem --dir=d doc");
    write_signed(signer_key("P-256"), "SHA256", signer_model("f", file_hex));
    cli_run_write_text("d/g", "not signed");
    expect(TALLY_E_MISMATCH, "is not the directory that 'model/m/version/1'",
           "--public-key=key.pem --dir=d doc");
    ck_assert_ptr_nonnull(strstr(cli_run_err, "g is not named by the statement"));
    end();
}
END_TEST

START_TEST(unsigned_documents)
{
    begin();
    cli_run_write_text("README.md", "# card\n");
    cli_run_write_text("bom", "{\"bomFormat\":\"CycloneDX\"}");
    expect(TALLY_E_INVALID, "does not tell what it is", "README.md");
    expect(TALLY_E_INVALID, "the content of bom is cyclonedx", "--kind=spdx bom");
    expect(TALLY_E_MALFORMED, "neither a bundle", "--kind=oms README.md");
    expect(TALLY_E_INVALID, "--kind=poem", "--kind=poem README.md");
    expect(0, "none: only the bytes are recorded", "--kind=model-card README.md");
    check_event("\"kind\":\"ATTESTATION_KIND_MODEL_CARD\"");
    check_event("\"verdict\":\"ATTESTATION_VERDICT_UNSIGNED\"");
    end();
    begin();
    cli_run_write_text("bom", "{\"bomFormat\":\"CycloneDX\"}");
    expect(0, "cyclonedx", "bom");
    end();
}
END_TEST

START_TEST(wrong_command_lines)
{
    begin();
    write_signed(signer_key("P-256"), "SHA256", signer_model("f", file_hex));
    cli_run_write_text("statement", signer_model("f", file_hex));
    expect(TALLY_E_INVALID, "say --public-key=PEM or --root=PEM", "doc");
    expect(TALLY_E_INVALID, "not both", "--public-key=key.pem --root=key.pem doc");
    expect(TALLY_E_MALFORMED, "BEGIN CERTIFICATE", "--root=key.pem doc");
    expect(TALLY_E_MALFORMED, "BEGIN PUBLIC KEY", "--public-key=doc doc");
    expect(TALLY_E_NOT_FOUND, "nowhere", "--public-key=nowhere doc");
    expect(TALLY_E_SIGNATURE, "has no signature", "--public-key=key.pem statement");
    ck_assert_int_eq(cli_run("attest --cluster=u --key=author --subject=model/x/version/1 "
                             "--out=r --public-key=key.pem doc"),
                     TALLY_E_NOT_FOUND);
    ck_assert_int_eq(cli_run("attest --cluster=u --key=author --subject=base/b --out=r --dir=d "
                             "--public-key=key.pem doc"),
                     TALLY_E_INVALID);
    ck_assert_uint_eq(fake.appends, 0);
    end();
}
END_TEST

/* ---- the shared bundles -------------------------------------------------------------- */

/* Write "key.pem": the key of the bundle's own first certificate, else the one beside it. */
static void write_its_key(const char *folder, const char *bundle)
{
    char path[2 * PATH_SIZE];
    json_t *root = json_loads(bundle, 0, NULL);
    const json_t *material = json_object_get(root, "verificationMaterial");
    const json_t *certificate = json_object_get(material, "certificate");

    if (certificate == NULL)
        certificate = json_array_get(
            json_object_get(json_object_get(material, "x509CertificateChain"), "certificates"),
            0);
    const json_t *raw = json_object_get(certificate, "rawBytes");
    if (raw == NULL) {
        (void)snprintf(path, sizeof path, "%s/_test_signing_key_pub.pem", folder);
        cli_run_write("key.pem", cli_run_read(path), 0644);
    } else {
        uint8_t der[16 * 1024];
        const unsigned char *at = der;
        const size_t size =
            base64_decoded_size(json_string_value(raw), json_string_length(raw));

        ck_assert_uint_le(size, sizeof der);
        ck_assert(base64_decode(json_string_value(raw), json_string_length(raw), der));
        X509 *decoded = d2i_X509(NULL, &at, (long)size);
        ck_assert_ptr_nonnull(decoded);
        cli_run_write("key.pem", signer_public(X509_get0_pubkey(decoded)), 0644);
        X509_free(decoded);
    }
    json_decref(root);
}

START_TEST(shared_bundles)
{
    static const struct {
        const char *name;
        int status;
        const char *verdict;
    } rows[] = {
        {"ossf__model-signing-spec__2", TALLY_E_MALFORMED, "no dsseEnvelope"},
        {"ossf__model-signing-spec__4", 0, "_VERIFIED\""},
        {"ossf__model-signing-spec__6", 0, "_VERIFIED\""},
        {"sigstore__model-transparency__1", TALLY_E_SIGNATURE, "none of its 1 signatures"},
        {"sigstore__model-transparency__3", 0, "_VERIFIED\""},
        {"sigstore__model-transparency__5", 0, "_VERIFIED\""},
        {"sigstore__model-transparency__7", 0, "_TIME_UNPROVEN\""},
        {"sigstore__model-transparency__11", 0, "_VERIFIED\""},
        {"sigstore__model-transparency__13", 0, "_TIME_UNPROVEN\""},
    };
    const char *shared = getenv("TALLY_SHARED");
    char folder[PATH_SIZE], path[2 * PATH_SIZE];
    struct stat status;
    int verified = 0;

    (void)snprintf(folder, sizeof folder, "%s/data/oms_bundle", shared == NULL ? "" : shared);
    if (stat(folder, &status) != 0) {
        printf("SKIPPED: no shared files in %s (set TALLY_SHARED)\n", folder);
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin();
        (void)snprintf(path, sizeof path, "%s/%s.json", folder, rows[i].name);
        const struct bytes bundle = cli_run_read(path);
        cli_run_write("doc", bundle, 0644);
        write_its_key(folder, (const char *)bundle.data);
        expect(rows[i].status, rows[i].status == 0 ? "kind       oms" : rows[i].verdict,
               "--public-key=key.pem doc");
        if (rows[i].status == 0) {
            check_event(rows[i].verdict);
            verified++;
        }
        end();
    }
    ck_assert_int_eq(verified, 7);
}
END_TEST

/* Statements, envelopes and bills of materials of other programs, read for what they are. */
START_TEST(shared_documents)
{
    static const struct {
        const char *name;
        int status;
        const char *said;
    } rows[] = {
        {"in_toto/b7n0de__proofbundle__1", 0, "in-toto"},
        {"in_toto/carabiner-dev__ampel__1", 0, "in-toto"},
        {"in_toto/slsa-framework__slsa-verifier__10", TALLY_E_INVALID, "is signed"},
        {"in_toto/slsa-framework__slsa-verifier__12", TALLY_E_INVALID, "is signed"},
        {"in_toto/slsa-framework__slsa-verifier__3", TALLY_E_INVALID, "is signed"},
        {"ml_bom/CycloneDX__specification__2", 0, "cyclonedx"},
        {"ml_bom/anthonyharrison__lib4sbom__1", 0, "cyclonedx"},
        {"ml_bom/dylansnyk-org__juice-shop-workshop__1", 0, "cyclonedx"},
    };
    const char *shared = getenv("TALLY_SHARED");
    char path[2 * PATH_SIZE];
    struct stat status;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/data/%s.json", shared == NULL ? "" : shared,
                       rows[i].name);
        if (stat(path, &status) != 0) {
            printf("SKIPPED: no shared file %s (set TALLY_SHARED)\n", path);
            return;
        }
        begin();
        cli_run_write("doc", cli_run_read(path), 0644);
        expect(rows[i].status, rows[i].said, "doc");
        end();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli_attest");
    TCase *tcase = tcase_create("cli_attest");

    tcase_add_test(tcase, signed_model);
    tcase_add_test(tcase, lost_answer);
    tcase_add_test(tcase, wrong_signature);
    tcase_add_test(tcase, root_and_time);
    tcase_add_test(tcase, directories);
    tcase_add_test(tcase, unsigned_documents);
    tcase_add_test(tcase, wrong_command_lines);
    tcase_add_test(tcase, shared_bundles);
    tcase_add_test(tcase, shared_documents);
    suite_add_tcase(suite, tcase);
    return check_main(suite);
}
