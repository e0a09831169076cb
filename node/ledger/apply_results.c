/* Results about bytes: evaluations, risk assessments and attestations, per manifest root. */
#include <string.h>

#include "ledger/ledger_internal.h"

enum { CATEGORY_LAST = 6, KIND_MODEL_CARD = 6, KIND_ANNEX_IV = 8, KIND_DPIA = 9 };

/* enum policy_evidence_kind; 0: no policy can ask for it. */
static uint8_t kind_of(const struct event *event)
{
    const uint32_t kind = event->judged.kind;

    switch (event->type) {
    case EVENT_EVALUATION_RECORDED:
        return kind <= CATEGORY_LAST ? (uint8_t)kind : 0;
    case EVENT_RISK_ASSESSED:
        return POLICY_EVIDENCE_RISK;
    case EVENT_ATTESTATION_ATTACHED:
        if (kind == KIND_ANNEX_IV) return POLICY_EVIDENCE_ANNEX_IV;
        if (kind == KIND_DPIA) return POLICY_EVIDENCE_DPIA;
        return kind >= 1 && kind <= KIND_MODEL_CARD ? (uint8_t)(POLICY_EVIDENCE_OMS + kind - 1)
                                                    : 0;
    default:
        return 0;
    }
}

/* Result and AttestationVerdict of event.proto: what is neither passed nor failed decides
 * nothing. A risk assessment has been made, or not. */
static uint8_t verdict_of(const struct event *event)
{
    enum { RESULT_PASSED = 1, RESULT_FAILED = 2, VERIFIED = 1, NOT_VERIFIED = 3 };
    const bool attests = event->type == EVENT_ATTESTATION_ATTACHED;
    const uint32_t verdict = event->judged.verdict;

    if (event->type == EVENT_RISK_ASSESSED) return POLICY_VERDICT_PASSED;
    if (verdict == (attests ? VERIFIED : RESULT_PASSED)) return POLICY_VERDICT_PASSED;
    if (verdict == (attests ? NOT_VERIFIED : RESULT_FAILED)) return POLICY_VERDICT_FAILED;
    return POLICY_VERDICT_INCONCLUSIVE;
}

bool results_adds(const struct event *event)
{
    static const struct tally_hash none;

    return kind_of(event) != 0 &&
           memcmp(event->judged.manifest_root.bytes, none.bytes, sizeof none.bytes) != 0;
}

enum tally_err results_count(const struct lookup *lookup, const struct tally_hash *root,
                             uint32_t *ret_count, struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    struct bytes_reader reader;
    bool found = false;
    enum tally_err err;

    *ret_count = 0;
    codec_key_results(root, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), &found, &value, diag);
    if (err != TALLY_OK || !found) return err;
    reader = bytes_reader(value.data, value.size);
    *ret_count = bytes_get_u16(&reader);
    return bytes_reader_done(&reader) && *ret_count <= POLICY_RESULTS_MAX ? TALLY_OK
                                                                          : TALLY_E_CORRUPT;
}

enum tally_err results_put(struct ledger *ledger, const struct event *event,
                           const struct facts *facts)
{
    const struct tally_hash *root = &event->judged.manifest_root;
    const struct result result = {
        .event = event->hash,
        .kind = kind_of(event),
        .verdict = verdict_of(event),
        .time_ms = ledger->applied.time_ms,
        .index = ledger->applied.size - 1,
        .by = bytes_of(event->actor, strlen(event->actor)),
        .suite = bytes_of(event->judged.suite, strlen(event->judged.suite))};
    uint8_t value[CODEC_RESULT_MAX], count[2];
    struct bytes_writer writer = bytes_writer(count, sizeof count);
    struct codec_key key;
    enum tally_err err;

    codec_key_result(root, facts->results_count, &key);
    err = state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                    bytes_of(value, codec_result_put(&result, value)));
    if (err != TALLY_OK) return err;
    bytes_put_u16(&writer, (uint16_t)(facts->results_count + 1));
    codec_key_results(root, &key);
    return state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                     bytes_of(count, sizeof count));
}

enum tally_err results_get(const struct lookup *lookup, const struct tally_hash *root,
                           uint32_t number, struct result *ret_result, bool *ret_retracted,
                           struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    bool found = false;
    enum tally_err err;

    codec_key_result(root, number, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), &found, &value, diag);
    if (err != TALLY_OK) return err;
    if (!found || !codec_result_get(value, ret_result)) {
        tally_diag_set(diag, "a result about some bytes is damaged");
        return TALLY_E_CORRUPT;
    }
    return lookup_retracted(lookup, &ret_result->event, ret_retracted, diag);
}
