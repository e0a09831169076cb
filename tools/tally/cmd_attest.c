#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <tally/manifest.h>
#include <time.h>

#include "adapter_root.h"
#include "attest_text.h"
#include "base/file.h"
#include "cluster.h"
#include "commands.h"
#include "crypto/hash.h"
#include "crypto/pem.h"
#include "event/event_types.h"
#include "out.h"
#include "submit.h"

/* The document some times over, and the files of a statement and of a directory. */
enum { ARENA_SIZE_MAX = 128 * 1024 * 1024 };

static const char verifier[] = "tally-" TALLY_VERSION;

/* ---- what is there ------------------------------------------------------------------- */

static enum tally_err read_file(struct cli *cli, const char *path, size_t size_max,
                                struct arena *arena, struct bytes *ret_bytes)
{
    struct tally_diag diag = {""};
    uint8_t *data = NULL;
    size_t size = 0;
    const enum tally_err err = file_read(path, size_max, &data, &size, &diag);

    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    *ret_bytes = arena_copy(arena, bytes_of(data, size));
    free(data);
    return ret_bytes->data == NULL ? cli_fail(cli, TALLY_E_NO_MEMORY, NULL) : TALLY_OK;
}

/* The kind that the content tells must be the one that was said, if one was. */
static enum tally_err choose_kind(struct cli *cli, struct attest_view *view)
{
    const char *word = cli_text(cli, "kind");
    const enum attest_kind said = word == NULL ? ATTEST_UNKNOWN : attest_kind_of(word);

    if (said == ATTEST_UNKNOWN && view->kind == ATTEST_UNKNOWN)
        return cli_failf(cli, TALLY_E_INVALID,
                         "%s: the content does not tell what it is; say --kind=model-card, "
                         "data-sheet, annex-iv, dpia, fria, conformity, cyclonedx or spdx",
                         cli->arguments[0]);
    if (view->kind != ATTEST_UNKNOWN && said != ATTEST_UNKNOWN && said != view->kind)
        return cli_failf(cli, TALLY_E_INVALID, "--kind=%s: the content of %s is %s", word,
                         cli->arguments[0], attest_kind_word(view->kind));
    if (view->kind == ATTEST_UNKNOWN && attest_kind_signs(said))
        return cli_failf(cli, TALLY_E_MALFORMED,
                         "%s is neither a bundle, an envelope nor a statement of kind %s",
                         cli->arguments[0], word);
    if (view->kind == ATTEST_UNKNOWN) view->kind = said;
    return TALLY_OK;
}

static enum tally_err read_document(struct cli *cli, struct arena *arena,
                                    struct attest_found *found)
{
    struct tally_diag diag = {""};
    struct bytes document = {0};
    enum tally_err err = read_file(cli, cli->arguments[0], ATTEST_SIZE_MAX, arena, &document);

    if (err != TALLY_OK) return err;
    hash_sha256(document.data, document.size, &found->digest);
    err = attest_read(document, arena, &found->view, &diag);
    if (err != TALLY_OK)
        return cli_failf(cli, err, "%s: %s; nothing was recorded", cli->arguments[0],
                         diag.text);
    return choose_kind(cli, &found->view);
}

/* The options fit each other and the command line's subject. */
static enum tally_err check_options(struct cli *cli)
{
    const char *subject = cli_text(cli, "subject"), *kind = cli_text(cli, "kind");
    const char *why = "";

    if (event_subject_kind(subject, &why) == SUBJECT_NONE)
        return cli_failf(cli, TALLY_E_INVALID, "--subject=%.200s: %s", subject, why);
    if (kind != NULL && attest_kind_of(kind) == ATTEST_UNKNOWN)
        return cli_failf(cli, TALLY_E_INVALID,
                         "--kind=%.60s: use oms, in-toto, slsa, cyclonedx, spdx, model-card, "
                         "data-sheet, annex-iv, dpia, fria or conformity",
                         kind);
    if (cli_text(cli, "public-key") != NULL && cli_text(cli, "root") != NULL)
        return cli_failf(cli, TALLY_E_INVALID, "say --public-key or --root, not both");
    return TALLY_OK;
}

/* ---- its signature ------------------------------------------------------------------- */

/* A signed document needs something to trust, and an unsigned one has no use for it. */
static enum tally_err check_trust(struct cli *cli, const struct attest_found *found)
{
    if (found->view.has_envelope && found->trust_option == NULL)
        return cli_failf(cli, TALLY_E_INVALID,
                         "%s is signed: say --public-key=PEM or --root=PEM; what it carries "
                         "itself proves nothing",
                         cli->arguments[0]);
    if (!found->view.has_envelope && found->trust_option != NULL)
        return cli_failf(cli, TALLY_E_SIGNATURE,
                         "%s has no signature that %s could verify; nothing was recorded",
                         cli->arguments[0], found->trust_option);
    return TALLY_OK;
}

static enum tally_err load_trust(struct cli *cli, struct arena *arena,
                                 struct attest_found *found, struct pem_key **ret_key,
                                 struct pem_root **ret_root)
{
    const char *key = cli_text(cli, "public-key"), *root = cli_text(cli, "root");
    const char *path = key != NULL ? key : root;
    struct tally_diag diag = {""};
    struct bytes pem = {0};
    enum tally_err err = read_file(cli, path, PEM_SIZE_MAX, arena, &pem);

    if (err != TALLY_OK) return err;
    err =
        key != NULL ? pem_key_parse(pem, ret_key, &diag) : pem_root_parse(pem, ret_root, &diag);
    if (err != TALLY_OK) return cli_failf(cli, err, "%s: %s", path, diag.text);
    err = key != NULL ? pem_key_digest(*ret_key, &found->trust_digest)
                      : pem_root_digest(*ret_root, &found->trust_digest);
    return err == TALLY_OK ? TALLY_OK : cli_fail(cli, err, NULL);
}

/* A signature that does not verify is recorded only if one asked for that. */
static enum tally_err judge(struct cli *cli, enum tally_err err, struct attest_found *found)
{
    if (err == TALLY_OK) {
        found->verdict = found->result.time_unproven ? ATTEST_TIME_UNPROVEN : ATTEST_VERIFIED;
        return TALLY_OK;
    }
    found->verdict = ATTEST_FAILED;
    if (err == TALLY_E_SIGNATURE && cli_flag(cli, "record-failed")) return TALLY_OK;
    return cli_failf(cli, err, "%s: %s; nothing was recorded", cli->arguments[0],
                     found->why.text);
}

static enum tally_err verify(struct cli *cli, struct arena *arena, struct attest_found *found)
{
    struct dsse_trust trust = {.now_s = (uint64_t)time(NULL)};
    struct pem_root *root = NULL;
    struct pem_key *key = NULL;
    enum tally_err err = TALLY_OK;

    found->verdict = ATTEST_UNSIGNED;
    if (cli_text(cli, "public-key") != NULL) found->trust_option = "--public-key";
    if (cli_text(cli, "root") != NULL) found->trust_option = "--root";
    err = check_trust(cli, found);
    if (err != TALLY_OK || found->trust_option == NULL) return err;
    err = load_trust(cli, arena, found, &key, &root);
    if (err == TALLY_OK) {
        trust.key = key;
        trust.root = root;
        err = judge(
            cli, dsse_verify(&found->view.envelope, &trust, arena, &found->result, &found->why),
            found);
    }
    pem_key_free(key);
    pem_root_free(root);
    return err;
}

/* ---- the directory ------------------------------------------------------------------- */

static enum tally_err compare(struct cli *cli, struct arena *arena, struct attest_found *found)
{
    const char *directory = cli_text(cli, "dir");
    const uint32_t *counts = found->compared.counts;

    if (directory == NULL) return TALLY_OK;
    enum tally_err err = adapter_root(cli, directory, &found->manifest);
    if (err != TALLY_OK) return err;
    found->has_directory = true;
    err = attest_compare(&found->view, &found->manifest, arena, &found->compared);
    if (err != TALLY_OK) return cli_fail(cli, err, NULL);
    if (found->view.files_count > 0) attest_warn(cli, found);
    if (counts[ATTEST_DIFFERS] == 0 && counts[ATTEST_MISSING] == 0) return TALLY_OK;
    return cli_failf(cli, TALLY_E_MISMATCH,
                     "%s: %u files differ and %u are missing: the statement is about other "
                     "bytes than %s; nothing was recorded",
                     cli->arguments[0], counts[ATTEST_DIFFERS], counts[ATTEST_MISSING],
                     directory);
}

/* The manifest root of the subject, which the event must name; NULL bytes if it has none. */
static enum tally_err find_root(struct submit *submit, const struct attest_found *found,
                                uint8_t ret_root[TALLY_HASH_BYTES], bool *ret_has_root)
{
    struct cli *cli = submit->cli;
    const char *subject = cli_text(cli, "subject");
    const struct tally_subject_result *result = NULL;
    struct tally_diag diag = {""};
    const enum tally_err err = cluster_calls->subject(submit->client, subject, &result, &diag);

    if (err == TALLY_E_NOT_FOUND)
        return cli_failf(cli, err, "the subject '%s' is not registered", subject);
    if (err != TALLY_OK) return cluster_fail(cli, err, &diag);
    *ret_has_root = result->has_manifest_root;
    memcpy(ret_root, result->manifest_root, TALLY_HASH_BYTES);
    cluster_calls->free_result(result);
    if (!found->has_directory) return TALLY_OK;
    if (!*ret_has_root)
        return cli_failf(cli, TALLY_E_INVALID,
                         "--dir: the subject '%s' has no bytes of its own; leave --dir out",
                         subject);
    if (memcmp(ret_root, found->manifest.root.bytes, TALLY_HASH_BYTES) != 0)
        return cli_failf(cli, TALLY_E_MISMATCH,
                         "%s is not the directory that '%s' was registered with",
                         cli_text(cli, "dir"), subject);
    return TALLY_OK;
}

/* ---- the event ----------------------------------------------------------------------- */

/* NULL without memory. */
static json_t *make_draft(struct cli *cli, const struct attest_found *found,
                          const uint8_t *root)
{
    json_t *payload =
        json_pack("{s:s, s:o, s:s, s:s}", "kind", attest_kind_name(found->view.kind), "digest",
                  out_json_hex(found->digest.bytes, TALLY_HASH_BYTES), "verdict",
                  attest_verdict_name(found->verdict), "verifier", verifier);

    if (found->trust_option != NULL)
        (void)json_object_set_new(payload, "trust_digest",
                                  out_json_hex(found->trust_digest.bytes, TALLY_HASH_BYTES));
    if (root != NULL)
        (void)json_object_set_new(payload, "manifest_root",
                                  out_json_hex(root, TALLY_HASH_BYTES));
    if (found->view.predicate[0] != '\0')
        (void)json_object_set_new(payload, "predicate", json_string(found->view.predicate));
    return json_pack("{s:s, s:o}", "subject", cli_text(cli, "subject"), "attestation_attached",
                     payload);
}

static enum tally_err record(struct submit *submit, const struct attest_found *found)
{
    struct cli *cli = submit->cli;
    uint8_t root[TALLY_HASH_BYTES];
    bool has_root = false;
    enum tally_err err = find_root(submit, found, root, &has_root);

    if (err != TALLY_OK) return err;
    json_t *draft = make_draft(cli, found, has_root ? root : NULL);
    if (draft == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    err = submit_draft(submit, draft);
    json_decref(draft);
    if (err != TALLY_OK) return err;
    if (!cli_flag(cli, "json")) attest_print(cli, found);
    submit->extra = attest_json(found);
    if (submit->extra == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    err = submit_send(submit);
    json_decref(submit->extra);
    return err;
}

static enum tally_err run(struct cli *cli)
{
    struct attest_found found = {.trust_option = NULL};
    struct arena *arena = NULL;
    struct submit submit;
    enum tally_err err = check_options(cli);

    if (err == TALLY_OK && arena_open(ARENA_SIZE_MAX, &arena) != TALLY_OK)
        err = cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    if (err != TALLY_OK) return err;
    err = submit_open(cli, &submit);
    if (err == TALLY_OK) err = read_document(cli, arena, &found);
    if (err == TALLY_OK) err = verify(cli, arena, &found);
    if (err == TALLY_OK) err = compare(cli, arena, &found);
    if (err == TALLY_OK) err = record(&submit, &found);
    tally_manifest_free(&found.manifest);
    submit_close(&submit);
    arena_close(arena);
    return err;
}

static const struct cli_option options[] = {
    CLI_CLUSTER,
    {.name = "key",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "secret key of the author of the event"},
    {.name = "subject",
     .type = CLI_TEXT,
     .required = true,
     .argument = "SUBJECT",
     .text = "what it is about: model/M/version/V, base/B, ..."},
    {.name = "kind",
     .type = CLI_TEXT,
     .argument = "KIND",
     .text = "what FILE is, if its content does not tell: model-card, data-sheet, dpia, ..."},
    {.name = "public-key",
     .type = CLI_TEXT,
     .argument = "PEM",
     .text = "public key that must have signed it"},
    {.name = "root",
     .type = CLI_TEXT,
     .argument = "PEM",
     .text = "certificate that the signer's certificate must lead to"},
    {.name = "dir",
     .type = CLI_TEXT,
     .argument = "DIR",
     .text = "adapter directory to compare with the files that the statement names"},
    {.name = "record-failed",
     .type = CLI_FLAG,
     .text = "record a signature that does not verify, with the verdict failed"},
    SUBMIT_OUT,
    SUBMIT_ACK,
    SUBMIT_TRUST,
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "options that do not fit the document, or a kind of key not supported"},
    {TALLY_E_MALFORMED,
     "FILE is no whole bundle, envelope or statement, or a PEM file is none"},
    {TALLY_E_SIGNATURE, "the signature does not verify, or there is none; nothing is recorded"},
    {TALLY_E_NOT_FOUND, "no such file, or the subject is not registered"},
    {TALLY_E_TIMEOUT, "the outcome is unknown; run the same command again"},
    {TALLY_E_CONFLICT, "FILE.pending holds another event"},
    {TALLY_E_QUORUM, "recorded; too few cosignatures for the trust file came in time"},
    {TALLY_E_MISMATCH, "DIR is not what the statement or the subject names"},
    {TALLY_E_DENIED, "recorded, and denied by the rules; the receipt is written"},
    {TALLY_E_UNKNOWN_KEY, "refused: the key is not enrolled"},
    {TALLY_E_TOO_LARGE, "FILE is longer than 8 MiB, or a PEM file longer than 64 KiB"},
};
const struct cli_command command_attest = {
    .name = "attest",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "record a document or a signed statement about a subject, and get its receipt",
    .description =
        "Appends attestation.attached: the SHA-256 of FILE, its kind, and a verdict. FILE "
        "itself "
        "is kept elsewhere.\n\n"
        "A bundle of OpenSSF Model Signing and an in-toto or SLSA statement in a DSSE envelope "
        "are verified here, against the key of --public-key or the certificate of --root, "
        "never "
        "against a key that only the bundle knows. The hash follows the key: P-256 signs "
        "SHA-256, P-384 SHA-384, P-521 SHA-512; Ed25519 has its own. A certificate that is not "
        "valid now gives the verdict 'time unproven', since timestamps and transparency logs "
        "in "
        "a bundle are not verified. Revocation lists are not asked.\n\n"
        "CycloneDX and SPDX documents (JSON) are known by their content; name other kinds with "
        "--kind. They are recorded as unsigned: the digest proves which bytes, not that they "
        "are true.\n\n"
        "With --dir the files that the statement names are compared with DIR, which must be "
        "what the subject was registered with. A file that differs or is missing is refused; "
        "one that the statement leaves out is told.\n\n"
        "The receipt, FILE.pending and repeated runs work as in 'tally append'.",
    .examples = "tally attest --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem --key=alice "
                "--trust=acme.trust --subject=model/credit-scorer/version/7 "
                "--public-key=signer.pem --dir=./credit-scorer-lora --out=oms.tlog-proof "
                "model.sig\n"
                "tally attest --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem --key=alice "
                "--subject=model/credit-scorer/version/7 --kind=model-card "
                "--out=card.tlog-proof README.md",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
