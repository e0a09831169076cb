/* event/attest - a document about a model: what kind it is, what is signed in it, and which
 * files it names.
 *
 * OpenSSF Model Signing, in-toto and SLSA statements, alone or in a DSSE envelope, CycloneDX
 * and SPDX are known by their content; of other kinds only the bytes count. Thread-safe: no
 * shared state. */
#ifndef EVENT_ATTEST_H
#define EVENT_ATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/manifest.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "event/dsse.h"

enum { ATTEST_SIZE_MAX = 8 * 1024 * 1024, ATTEST_FILES_MAX = 1024 * 1024 };

/* The values of AttestationKind in event.proto. */
enum attest_kind {
    ATTEST_UNKNOWN,
    ATTEST_OMS,
    ATTEST_IN_TOTO,
    ATTEST_SLSA,
    ATTEST_CYCLONEDX,
    ATTEST_SPDX,
    ATTEST_MODEL_CARD,
    ATTEST_DATA_SHEET,
    ATTEST_ANNEX_IV,
    ATTEST_DPIA,
    ATTEST_FRIA,
    ATTEST_CONFORMITY,
    ATTEST_KINDS,
};

/* A file that a statement names. */
struct attest_file {
    const char *name; /* as it says; a "./" in front is left out */
    bool comparable;  /* it has a SHA-256 of the whole file */
    struct tally_hash digest;
};

/* Texts live in the arena. */
struct attest_view {
    enum attest_kind kind; /* ATTEST_UNKNOWN: the content does not tell */
    bool has_envelope;     /* else nothing is signed */
    struct dsse_envelope envelope;
    const char *predicate; /* predicate type of a statement; "" for other documents */
    uint32_t files_count;  /* what a statement is about, in its order */
    const struct attest_file *files;
};

/* Read a document of at most ATTEST_SIZE_MAX bytes; any bytes are a document of a kind that the
 * content does not tell. Errors, with the reason in the diag: TALLY_E_MALFORMED (it begins as a
 * bundle, an envelope or a statement and is not one, or a statement contradicts itself),
 * TALLY_E_TOO_LARGE, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err attest_read(struct bytes document, struct arena *arena,
                                           struct attest_view *ret_view,
                                           struct tally_diag *diag);

/* "model-card"; of event.proto "ATTESTATION_KIND_MODEL_CARD". Static. */
const char *attest_kind_word(enum attest_kind kind);
const char *attest_kind_name(enum attest_kind kind);
/* ATTEST_UNKNOWN: no such word. */
enum attest_kind attest_kind_of(const char *word);
/* The kinds whose documents are statements, which can be signed. */
bool attest_kind_signs(enum attest_kind kind);

enum attest_match { ATTEST_MATCHES, ATTEST_DIFFERS, ATTEST_MISSING, ATTEST_NOT_COMPARED };

/* What became of each file of a statement, beside a directory. */
struct attest_compared {
    const enum attest_match *matches; /* by place in view->files */
    uint32_t counts[4];               /* by enum attest_match */
    const bool *named;                /* by place in manifest->files */
    size_t unnamed;                   /* files of the directory that the statement leaves out */
};

/* Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err attest_compare(const struct attest_view *view,
                                              const struct tally_manifest *manifest,
                                              struct arena *arena,
                                              struct attest_compared *ret_compared);

#endif
