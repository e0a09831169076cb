/* ledger_codec_govern - what governance keeps in STORE_STATE, byte by byte, and what decoders
 * say, as in ledger_codec.h.
 *
 *   key                      value
 *   'g'                      struct governance
 *   'g' version u64          digest (32), the encoded policy of that version
 *   'w' path                 struct about: what decisions ask of a subject beside its topic
 *   'v' manifest root        u16: how many results there are about these bytes
 *   'v' root, number u16     struct result; whether it is retracted: 'r' of its event
 *
 * Thread-safe; decoded values borrow from the bytes. */
#ifndef LEDGER_LEDGER_CODEC_GOVERN_H
#define LEDGER_LEDGER_CODEC_GOVERN_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/verify.h>

#include "base/bytes.h"
#include "ledger/ledger_codec.h"

/* The newest policy, and how many there are of what counts for all events. */
struct governance {
    uint32_t admins;       /* principals with the role admin over everything, expired or not */
    uint32_t incidents[5]; /* open ones, by Severity */
    uint64_t newest;       /* version; 0: no policy was published */
    uint64_t effective_ms; /* ledger time from which on the newest is in force */
    struct tally_hash digest, previous; /* of the newest and of the one before; zeros: none */
};
enum { CODEC_GOVERNANCE_SIZE = 1 + 6 * 4 + 2 * 8 + 2 * 32 };
void codec_key_governance(struct codec_key *ret_key);
void codec_governance_put(const struct governance *governance,
                          uint8_t ret_value[CODEC_GOVERNANCE_SIZE]);
bool codec_governance_get(struct bytes value, struct governance *ret_governance);

void codec_key_policy(uint64_t version, struct codec_key *ret_key);

/* A model has a tier and an owner, a version a kind and authors, a run authors, an endpoint an
 * environment, an incident a severity. */
enum { ABOUT_AUTHORS_MAX = 4 };
struct about {
    uint8_t tier, kind, severity;
    bool data_named;    /* a version: it names data sets */
    struct bytes owner; /* principal/<id>; empty: none */
    struct bytes environment;
    uint32_t authors_count;
    struct bytes authors[ABOUT_AUTHORS_MAX]; /* principal/<id> */
};
enum { CODEC_ABOUT_MAX = 6 + (2 + ABOUT_AUTHORS_MAX) * (2 + LIMIT_SUBJECT_SIZE) };
void codec_key_about(const char *path, size_t size, struct codec_key *ret_key);
size_t codec_about_put(const struct about *about, uint8_t ret_value[CODEC_ABOUT_MAX]);
bool codec_about_get(struct bytes value, struct about *ret_about);

/* A result about bytes, whatever names they have. */
struct result {
    struct tally_hash event;
    uint8_t kind, verdict; /* enum policy_evidence_kind, enum policy_verdict */
    uint64_t time_ms, index;
    struct bytes by;    /* principal/<id> */
    struct bytes suite; /* empty: none */
};
enum { CODEC_RESULT_MAX = 32 + 3 + 2 * 8 + 2 + LIMIT_SUBJECT_SIZE + 2 + LIMIT_NAME_SIZE };
void codec_key_results(const struct tally_hash *root, struct codec_key *ret_key);
void codec_key_result(const struct tally_hash *root, uint32_t number,
                      struct codec_key *ret_key);
size_t codec_result_put(const struct result *result, uint8_t ret_value[CODEC_RESULT_MAX]);
bool codec_result_get(struct bytes value, struct result *ret_result);

#endif
