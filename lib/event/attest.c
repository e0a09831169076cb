#include "event/attest.h"

#include <jansson.h>
#include <string.h>

#include "base/limits.h"
#include "crypto/hash.h"

static const char payload_type[] = "application/vnd.in-toto+json";
static const char oms_1[] = "https://model_signing/signature/v1.0";
static const char oms_0[] = "https://model_signing/Digests/v0.1"; /* before there was a 1.0 */

static const struct {
    const char *word, *name;
} kinds[ATTEST_KINDS] = {
    [ATTEST_UNKNOWN] = {"unknown", "ATTESTATION_KIND_UNSPECIFIED"},
    [ATTEST_OMS] = {"oms", "ATTESTATION_KIND_OMS"},
    [ATTEST_IN_TOTO] = {"in-toto", "ATTESTATION_KIND_IN_TOTO"},
    [ATTEST_SLSA] = {"slsa", "ATTESTATION_KIND_SLSA"},
    [ATTEST_CYCLONEDX] = {"cyclonedx", "ATTESTATION_KIND_CYCLONEDX"},
    [ATTEST_SPDX] = {"spdx", "ATTESTATION_KIND_SPDX"},
    [ATTEST_MODEL_CARD] = {"model-card", "ATTESTATION_KIND_MODEL_CARD"},
    [ATTEST_DATA_SHEET] = {"data-sheet", "ATTESTATION_KIND_DATA_SHEET"},
    [ATTEST_ANNEX_IV] = {"annex-iv", "ATTESTATION_KIND_ANNEX_IV"},
    [ATTEST_DPIA] = {"dpia", "ATTESTATION_KIND_DPIA"},
    [ATTEST_FRIA] = {"fria", "ATTESTATION_KIND_FRIA"},
    [ATTEST_CONFORMITY] = {"conformity", "ATTESTATION_KIND_CONFORMITY"},
};

const char *attest_kind_word(enum attest_kind kind)
{
    return kinds[kind].word;
}

const char *attest_kind_name(enum attest_kind kind)
{
    return kinds[kind].name;
}

enum attest_kind attest_kind_of(const char *word)
{
    for (int i = ATTEST_OMS; i < ATTEST_KINDS; i++)
        if (strcmp(kinds[i].word, word) == 0) return (enum attest_kind)i;
    return ATTEST_UNKNOWN;
}

bool attest_kind_signs(enum attest_kind kind)
{
    return kind == ATTEST_OMS || kind == ATTEST_IN_TOTO || kind == ATTEST_SLSA;
}

static enum tally_err fault(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "%s", what);
    return TALLY_E_MALFORMED;
}

/* ---- statements ---------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static bool is_statement(const json_t *root)
{
    return strncmp(text_of(root, "_type"), "https://in-toto.io/Statement/", 29) == 0;
}

static enum attest_kind kind_of_predicate(const char *predicate)
{
    if (strcmp(predicate, oms_1) == 0 || strcmp(predicate, oms_0) == 0) return ATTEST_OMS;
    if (strncmp(predicate, "https://slsa.dev/", 17) == 0) return ATTEST_SLSA;
    return ATTEST_IN_TOTO;
}

/* A name and a digest, copied; what is no SHA-256 is kept by its name alone. */
static enum tally_err take_file(const char *name, const char *hex, struct arena *arena,
                                struct attest_file *to, struct tally_diag *diag)
{
    if (strncmp(name, "./", 2) == 0) name += 2;
    to->name = (const char *)arena_copy(arena, bytes_of(name, strlen(name))).data;
    if (to->name == NULL) return TALLY_E_NO_MEMORY;
    if (hex == NULL) return TALLY_OK;
    if (!bytes_unhex(hex, strlen(hex), to->digest.bytes, TALLY_HASH_BYTES))
        return fault(diag, "a sha256 in the statement is not 64 lower-case digits");
    to->comparable = true;
    return TALLY_OK;
}

/* Room for the files of a list. */
static enum tally_err open_files(const json_t *list, struct arena *arena,
                                 struct attest_file **ret_files, struct tally_diag *diag)
{
    const size_t count = json_array_size(list);

    if (count == 0) return fault(diag, "the statement names no files or subjects");
    if (count > ATTEST_FILES_MAX) {
        tally_diag_set(diag, "the statement names more than a million files");
        return TALLY_E_TOO_LARGE;
    }
    *ret_files = arena_zalloc(arena, count, sizeof **ret_files);
    return *ret_files == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

/* The subjects of any in-toto statement. */
static enum tally_err read_subjects(const json_t *root, struct arena *arena,
                                    struct attest_view *view, struct tally_diag *diag)
{
    const json_t *list = json_object_get(root, "subject");
    struct attest_file *files = NULL;
    enum tally_err err = open_files(list, arena, &files, diag);

    for (size_t i = 0; i < json_array_size(list) && err == TALLY_OK; i++) {
        const json_t *subject = json_array_get(list, i);
        const json_t *digest = json_object_get(subject, "digest");

        if (json_object_size(digest) == 0)
            return fault(diag, "a subject of the statement has no digest");
        err = take_file(text_of(subject, "name"),
                        json_string_value(json_object_get(digest, "sha256")), arena, &files[i],
                        diag);
    }
    if (err != TALLY_OK) return err;
    view->files = files;
    view->files_count = (uint32_t)json_array_size(list);
    return TALLY_OK;
}

/* The one subject of a model signature is the hash of all its files' digests. */
static enum tally_err check_model(const json_t *root, const struct attest_view *view,
                                  struct tally_diag *diag)
{
    const json_t *subjects = json_object_get(root, "subject");
    const json_t *digest = json_object_get(json_array_get(subjects, 0), "digest");
    const char *hex = text_of(digest, "sha256");
    struct tally_hash want, have;
    struct hash_state state;

    if (json_array_size(subjects) != 1)
        return fault(diag, "a model signature has exactly one subject");
    hash_begin(&state);
    for (uint32_t i = 0; i < view->files_count; i++) {
        if (!view->files[i].comparable) return TALLY_OK; /* another hash: not ours to check */
        hash_update(&state, view->files[i].digest.bytes, TALLY_HASH_BYTES);
    }
    hash_finish(&state, &have);
    if (!bytes_unhex(hex, strlen(hex), want.bytes, TALLY_HASH_BYTES) ||
        !hash_equal(&want, &have))
        return fault(diag, "the digest of the model is not that of its list of files");
    return TALLY_OK;
}

/* The files of an OpenSSF model signature. */
static enum tally_err read_resources(const json_t *root, struct arena *arena,
                                     struct attest_view *view, struct tally_diag *diag)
{
    const json_t *predicate = json_object_get(root, "predicate");
    const json_t *list = json_object_get(predicate, "resources");
    const char *method = text_of(json_object_get(predicate, "serialization"), "method");
    struct attest_file *files = NULL;
    enum tally_err err = open_files(list, arena, &files, diag);

    for (size_t i = 0; i < json_array_size(list) && err == TALLY_OK; i++) {
        const json_t *resource = json_array_get(list, i);
        const bool whole = strcmp(text_of(resource, "algorithm"), "sha256") == 0;

        err = take_file(text_of(resource, "name"), whole ? text_of(resource, "digest") : NULL,
                        arena, &files[i], diag);
    }
    if (err != TALLY_OK) return err;
    view->files = files;
    view->files_count = (uint32_t)json_array_size(list);
    err = check_model(root, view, diag);
    for (uint32_t i = 0; i < view->files_count && strcmp(method, "files") != 0; i++)
        files[i].comparable = false; /* pieces of files */
    return err;
}

static enum tally_err read_statement(const json_t *root, struct arena *arena,
                                     struct attest_view *view, struct tally_diag *diag)
{
    const char *predicate = text_of(root, "predicateType");

    if (!is_statement(root)) return fault(diag, "the payload is no in-toto statement");
    if (predicate[0] == '\0' || strlen(predicate) > LIMIT_TEXT_SIZE)
        return fault(diag, "predicateType of the statement is missing or too long");
    view->predicate =
        (const char *)arena_copy(arena, bytes_of(predicate, strlen(predicate))).data;
    if (view->predicate == NULL) return TALLY_E_NO_MEMORY;
    view->kind = kind_of_predicate(predicate);
    return strcmp(predicate, oms_1) == 0 ? read_resources(root, arena, view, diag)
                                         : read_subjects(root, arena, view, diag);
}

/* ---- documents ----------------------------------------------------------------------- */

static json_t *parse(struct bytes json, json_error_t *error)
{
    return json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, error);
}

static enum tally_err read_envelope(const json_t *root, struct arena *arena,
                                    struct attest_view *view, struct tally_diag *diag)
{
    enum tally_err err = dsse_read(root, arena, &view->envelope, diag);
    json_error_t error;
    json_t *statement;

    if (err != TALLY_OK) return err;
    if (strcmp(view->envelope.payload_type, payload_type) != 0) {
        tally_diag_set(diag, "payloadType is '%.100s', not %s", view->envelope.payload_type,
                       payload_type);
        return TALLY_E_MALFORMED;
    }
    view->has_envelope = true;
    statement = parse(view->envelope.payload, &error);
    if (statement == NULL) {
        tally_diag_set(diag, "the payload is no JSON object: %.100s", error.text);
        return TALLY_E_MALFORMED;
    }
    err = read_statement(statement, arena, view, diag);
    json_decref(statement);
    return err;
}

static enum attest_kind kind_of_document(const json_t *root)
{
    if (strcmp(text_of(root, "bomFormat"), "CycloneDX") == 0) return ATTEST_CYCLONEDX;
    if (strncmp(text_of(root, "spdxVersion"), "SPDX-", 5) == 0 ||
        strncmp(text_of(root, "@context"), "https://spdx.org/rdf/3", 22) == 0)
        return ATTEST_SPDX;
    return ATTEST_UNKNOWN;
}

/* JSON that does not parse and yet speaks of these would be read otherwise by others. */
static bool looks_signed(struct bytes document)
{
    size_t at = 0;

    while (at < document.size && memchr(" \t\r\n", document.data[at], 4) != NULL) at++;
    if (at == document.size || document.data[at] != '{') return false;
    return memmem(document.data, document.size, "\"payloadType\"", 13) != NULL ||
           memmem(document.data, document.size, "\"dsseEnvelope\"", 14) != NULL ||
           memmem(document.data, document.size, "https://in-toto.io/Statement/", 29) != NULL;
}

enum tally_err attest_read(struct bytes document, struct arena *arena,
                           struct attest_view *ret_view, struct tally_diag *diag)
{
    struct attest_view view = {.predicate = ""};
    enum tally_err err = TALLY_OK;
    json_error_t error = {0};

    if (document.size > ATTEST_SIZE_MAX) {
        tally_diag_set(diag, "the document is longer than 8 MiB");
        return TALLY_E_TOO_LARGE;
    }
    json_t *root = document.size == 0 ? NULL : parse(document, &error);
    if (root != NULL && dsse_is(root))
        err = read_envelope(root, arena, &view, diag);
    else if (root != NULL && is_statement(root))
        err = read_statement(root, arena, &view, diag);
    else if (root != NULL)
        view.kind = kind_of_document(root);
    else if (looks_signed(document)) {
        tally_diag_set(diag, "line %d: %.160s (one document, each member once)", error.line,
                       error.text);
        err = TALLY_E_MALFORMED;
    }
    json_decref(root);
    if (err == TALLY_OK) *ret_view = view;
    return err;
}

/* ---- beside a directory -------------------------------------------------------------- */

/* Its place in the manifest, which is in raw byte order; files_count: not there. */
static size_t find(const struct tally_manifest *manifest, const char *path)
{
    size_t low = 0, high = manifest->files_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(manifest->files[middle].path, path);

        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return manifest->files_count;
}

enum tally_err attest_compare(const struct attest_view *view,
                              const struct tally_manifest *manifest, struct arena *arena,
                              struct attest_compared *ret_compared)
{
    struct attest_compared compared = {.unnamed = 0};
    enum attest_match *matches = arena_zalloc(arena, view->files_count, sizeof *matches);
    bool *named = arena_zalloc(arena, manifest->files_count, sizeof *named);

    if (matches == NULL || named == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < view->files_count; i++) {
        const struct attest_file *file = &view->files[i];
        const size_t place = find(manifest, file->name);

        if (!file->comparable)
            matches[i] = ATTEST_NOT_COMPARED;
        else if (place == manifest->files_count)
            matches[i] = ATTEST_MISSING;
        else
            matches[i] = hash_equal(&file->digest, &manifest->files[place].digest)
                             ? ATTEST_MATCHES
                             : ATTEST_DIFFERS;
        compared.counts[matches[i]]++;
        if (file->comparable && place < manifest->files_count) named[place] = true;
    }
    for (size_t i = 0; i < manifest->files_count; i++)
        if (!named[i]) compared.unnamed++;
    compared.matches = matches;
    compared.named = named;
    *ret_compared = compared;
    return TALLY_OK;
}
