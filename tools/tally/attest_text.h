/* attest_text - what was found out about a document, for people and as JSON. */
#ifndef TALLY_ATTEST_TEXT_H
#define TALLY_ATTEST_TEXT_H

#include <stdbool.h>
#include <tally/manifest.h>
#include <tally/verify.h>

#include "cli.h"
#include "event/attest.h"

struct json_t;

enum attest_verdict {
    ATTEST_VERIFIED = 1,
    ATTEST_TIME_UNPROVEN,
    ATTEST_FAILED,
    ATTEST_UNSIGNED
};

/* All that `tally attest` finds out before it records anything. */
struct attest_found {
    struct attest_view view;
    struct tally_hash digest; /* of the exact bytes */
    enum attest_verdict verdict;
    const char *trust_option;       /* "--public-key" or "--root"; NULL: unsigned */
    struct tally_hash trust_digest; /* if there is one */
    struct dsse_result result;      /* of a signature that verifies */
    struct tally_diag why;          /* of one that does not */
    bool has_directory;
    struct tally_manifest manifest;
    struct attest_compared compared;
};

/* "ATTESTATION_VERDICT_VERIFIED". Static. */
const char *attest_verdict_name(enum attest_verdict verdict);
/* Lines on standard output: what was verified, and what was not. */
void attest_print(struct cli *cli, const struct attest_found *found);
/* {"attestation": {...}}; NULL without memory. */
struct json_t *attest_json(const struct attest_found *found);
/* A line for people about each of the first files that are not those of the statement. */
void attest_warn(struct cli *cli, const struct attest_found *found);

#endif
