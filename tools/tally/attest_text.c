#include "attest_text.h"

#include <inttypes.h>
#include <jansson.h>

#include "out.h"

enum { LISTED_MAX = 10 };

static const struct {
    const char *word, *name;
} verdicts[] = {
    [ATTEST_VERIFIED] = {"verified", "ATTESTATION_VERDICT_VERIFIED"},
    [ATTEST_TIME_UNPROVEN] = {"time unproven", "ATTESTATION_VERDICT_TIME_UNPROVEN"},
    [ATTEST_FAILED] = {"failed", "ATTESTATION_VERDICT_FAILED"},
    [ATTEST_UNSIGNED] = {"unsigned", "ATTESTATION_VERDICT_UNSIGNED"},
};

const char *attest_verdict_name(enum attest_verdict verdict)
{
    return verdicts[verdict].name;
}

/* ---- lines --------------------------------------------------------------------------- */

static void print_signature(struct cli *cli, const struct attest_found *found)
{
    const struct dsse_result *result = &found->result;

    if (found->verdict == ATTEST_UNSIGNED) {
        out_line(cli, "signature",
                 "none: only the bytes are recorded, nobody vouches for them");
    } else if (found->verdict == ATTEST_FAILED) {
        out_line(cli, "signature", "does not verify with %s: %s", found->trust_option,
                 found->why.text);
    } else {
        out_line(cli, "signature", "%" PRIu32 " of %" PRIu32 " verified with %s (%s)",
                 result->verified, found->view.envelope.signatures_count, found->trust_option,
                 result->kind);
    }
    if (found->verdict == ATTEST_TIME_UNPROVEN)
        out_line(cli, "time",
                 "unproven: its certificate is not valid now, and no time that we trust shows "
                 "that it was when it signed");
}

static void print_files(struct cli *cli, const struct attest_found *found)
{
    const uint32_t *counts = found->compared.counts;

    if (found->view.files_count == 0) return;
    if (!found->has_directory) {
        out_line(cli, "files", "%" PRIu32 " named, not compared (no --dir)",
                 found->view.files_count);
        return;
    }
    out_line(cli, "files",
             "%" PRIu32 " match, %" PRIu32 " differ, %" PRIu32 " missing, %" PRIu32
             " not compared; %zu of the directory not named",
             counts[ATTEST_MATCHES], counts[ATTEST_DIFFERS], counts[ATTEST_MISSING],
             counts[ATTEST_NOT_COMPARED], found->compared.unnamed);
}

void attest_print(struct cli *cli, const struct attest_found *found)
{
    char hex[OUT_HEX_SIZE];

    out_line(cli, "kind", "%s", attest_kind_word(found->view.kind));
    if (found->view.predicate[0] != '\0')
        out_line(cli, "predicate", "%s", found->view.predicate);
    out_line(cli, "digest", "%s", out_hex(found->digest.bytes, hex));
    out_line(cli, "verdict", "%s", verdicts[found->verdict].word);
    print_signature(cli, found);
    print_files(cli, found);
    out_line(cli, "unchecked", "%s",
             found->verdict == ATTEST_UNSIGNED
                 ? "whether it is true what it says"
                 : "whether it is true what it says; revocation of keys; timestamps and "
                   "transparency logs in the bundle");
}

void attest_warn(struct cli *cli, const struct attest_found *found)
{
    static const char *const words[] = {
        [ATTEST_DIFFERS] = "differs from the statement",
        [ATTEST_MISSING] = "is in the statement and not in the directory",
        [ATTEST_NOT_COMPARED] = "has no SHA-256 of the whole file in the statement",
    };
    const struct attest_view *view = &found->view;
    uint32_t told = 0, left = 0;

    for (uint32_t i = 0; i < view->files_count; i++) {
        const enum attest_match match = found->compared.matches[i];

        if (match == ATTEST_MATCHES) continue;
        if (told++ < LISTED_MAX)
            cli_note(cli, "%s %s", view->files[i].name, words[match]);
        else
            left++;
    }
    for (size_t i = 0; i < found->manifest.files_count; i++) {
        if (found->compared.named[i]) continue;
        if (told++ < LISTED_MAX)
            cli_note(cli, "%s is not named by the statement", found->manifest.files[i].path);
        else
            left++;
    }
    if (left > 0) cli_note(cli, "and %" PRIu32 " more", left);
}

/* ---- JSON ---------------------------------------------------------------------------- */

static json_t *json_files(const struct attest_found *found)
{
    const uint32_t *counts = found->compared.counts;

    if (!found->has_directory)
        return json_pack("{s:o, s:b}", "named", out_json_number(found->view.files_count),
                         "compared", 0);
    return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "named",
                     out_json_number(found->view.files_count), "compared", 1, "match",
                     out_json_number(counts[ATTEST_MATCHES]), "differ",
                     out_json_number(counts[ATTEST_DIFFERS]), "missing",
                     out_json_number(counts[ATTEST_MISSING]), "not_compared",
                     out_json_number(counts[ATTEST_NOT_COMPARED]), "unnamed",
                     out_json_number(found->compared.unnamed));
}

json_t *attest_json(const struct attest_found *found)
{
    const struct attest_view *view = &found->view;
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:o, s:o, s:o}", "kind", attest_kind_word(view->kind),
                  "digest", out_json_hex(found->digest.bytes, TALLY_HASH_BYTES), "verdict",
                  verdicts[found->verdict].word, "signatures",
                  out_json_number(view->envelope.signatures_count), "signatures_verified",
                  out_json_number(found->result.verified), "files", json_files(found));

    if (object == NULL) return NULL;
    if (view->predicate[0] != '\0')
        (void)json_object_set_new(object, "predicate", json_string(view->predicate));
    if (found->trust_option != NULL) {
        (void)json_object_set_new(object, "trust", json_string(found->trust_option));
        (void)json_object_set_new(object, "trust_digest",
                                  out_json_hex(found->trust_digest.bytes, TALLY_HASH_BYTES));
    }
    if (found->verdict == ATTEST_FAILED)
        (void)json_object_set_new(object, "why", json_string(found->why.text));
    return json_pack("{s:o}", "attestation", object);
}
