#include "event/event_check.h"

#include <string.h>

#include "base/limits.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event.h"
#include "event/event_fields.h"

/* What is wrong with the envelope: static texts; none has no field. */
struct fault {
    const char *field, *text;
};
static const struct fault none = {0};

static struct fault fault(const char *field, const char *text)
{
    return (struct fault){field, text};
}

bool event_hash_plausible(struct bytes hash)
{
    static const uint8_t of_nothing[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                           0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                           0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
                                           0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};

    if (hash.size != 32 || memcmp(hash.data, of_nothing, 32) == 0) return false;
    for (size_t i = 1; i < 32; i++) {
        if (hash.data[i] != hash.data[0]) return true;
    }
    return false;
}

static struct fault check_principal(const char *field, const char *text, bool required)
{
    if (!required && text[0] == '\0') return none;
    if (event_subject_kind(text, NULL) != SUBJECT_PRINCIPAL) {
        return fault(field, "must be principal/<id>");
    }
    return none;
}

static struct fault check_signers(const Tally__Event *event, bool genesis)
{
    const size_t max = genesis ? LIMIT_GENESIS_SIGNERS : LIMIT_EVENT_SIGNERS;

    if (event->n_required_signers == 0) return fault("required_signers", "is empty");
    if (event->n_required_signers > max)
        return fault("required_signers", "has too many elements");
    for (size_t i = 0; i < event->n_required_signers; i++) {
        const Tally__RequiredSigner *signer = event->required_signers[i];

        if (signer->key_id.len != 32)
            return fault("required_signers.key_id", "must have 32 bytes");
        if (signer->meaning == TALLY__MEANING__MEANING_UNSPECIFIED) {
            return fault("required_signers.meaning", "is missing");
        }
        if (i > 0 &&
            memcmp(event->required_signers[i - 1]->key_id.data, signer->key_id.data, 32) >= 0) {
            return fault("required_signers", "must be ascending by key id, each key once");
        }
    }
    return none;
}

static struct fault check_envelope(const Tally__Event *event, bool genesis)
{
    const uint8_t *id = event->event_id.data;
    struct fault found = none;
    const char *why;

    if (event->schema != 1) return fault("schema", "must be 1");
    if (event->ledger_id.len != 32) return fault("ledger_id", "must have 32 bytes");
    if (event->event_id.len != EVENT_ID_BYTES) return fault("event_id", "must have 16 bytes");
    if ((id[6] >> 4) != 7 || (id[8] >> 6) != 2) {
        return fault("event_id", "must be a UUID of version 7");
    }
    if (event->n_required_signers > LIMIT_REPEATED || event->n_artifacts > LIMIT_REPEATED ||
        event->n_refs > LIMIT_REPEATED || event->n_commitments > LIMIT_REPEATED) {
        return fault("a list", "has more than 256 elements");
    }
    if (event_subject_kind(event->subject, &why) == SUBJECT_NONE) return fault("subject", why);
    found = check_principal("actor", event->actor, !genesis);
    if (found.field == NULL) {
        found = check_principal("on_behalf_of", event->on_behalf_of, false);
    }
    if (found.field != NULL) return found;
    if (event->expected_head.len > 0) {
        if (event->expected_head.len != 32) return fault("expected_head", "must have 32 bytes");
        if (!event_hash_plausible(canon_bytes(event->expected_head))) {
            return fault("expected_head",
                         "is a placeholder: give the hash of the subject's newest change");
        }
    }
    if (event->reason[0] != '\0' && !event_segment_valid(event->reason)) {
        return fault("reason", "must be 1 to 64 of a-z 0-9 . _ - (not . or ..)");
    }
    return check_signers(event, genesis);
}

/* artifacts, refs, commitments: their elements by rows, and each role of an artifact once. */
static enum tally_err check_lists(const Tally__Event *event, struct tally_diag *diag)
{
    enum tally_err err = TALLY_OK;

    for (size_t i = 0; i < event->n_artifacts && err == TALLY_OK; i++) {
        err = event_check_fields(&event->artifacts[i]->base, &event_part_artifact, "artifacts",
                                 diag);
        for (size_t k = 0; k < i && err == TALLY_OK; k++) {
            if (strcmp(event->artifacts[k]->role, event->artifacts[i]->role) != 0) continue;
            tally_diag_set(diag, "artifacts.role appears twice: give each its own");
            err = TALLY_E_MALFORMED;
        }
    }
    for (size_t i = 0; i < event->n_refs && err == TALLY_OK; i++) {
        err = event_check_fields(&event->refs[i]->base, &event_part_ref, "refs", diag);
    }
    for (size_t i = 0; i < event->n_commitments && err == TALLY_OK; i++) {
        err = event_check_fields(&event->commitments[i]->base, &event_part_commitment,
                                 "commitments", diag);
    }
    return err;
}

static enum tally_err check_payload(const Tally__Event *event, struct tally_diag *diag)
{
    const struct event_type_info *info = event_type_info((uint32_t)event->payload_case);
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
        &tally__event__descriptor, (unsigned)event->payload_case);
    const ProtobufCMessage *payload;
    enum tally_err err;

    if (info == NULL || field == NULL) {
        tally_diag_set(diag, "payload is missing, or of a type that is not registered");
        return TALLY_E_MALFORMED;
    }
    payload = *(ProtobufCMessage *const *)((const uint8_t *)event + field->offset);
    err = event_check_fields(payload, event_payload(info->type), field->name, diag);
    if (err != TALLY_OK) return err;
    if (!event_subject_fits(info->subject, event_subject_kind(event->subject, NULL))) {
        tally_diag_set(diag, "subject must be %s in an event %s",
                       event_subject_form(info->subject), info->name);
        return TALLY_E_MALFORMED;
    }
    return event_check_type(event, diag);
}

enum tally_err event_check(const struct Tally__Event *event, bool cut, struct tally_diag *diag)
{
    const bool genesis = event->payload_case == TALLY__EVENT__PAYLOAD_LEDGER_GENESIS;
    struct fault found = check_envelope(event, genesis);
    enum tally_err err;

    if (cut && found.field == NULL &&
        (event->payload_case != 0 || event->n_artifacts > 0 || event->n_refs > 0 ||
         event->n_commitments > 0)) {
        found = fault("payload", "must be absent from an event that was cut");
    }
    if (found.field != NULL) {
        tally_diag_set(diag, "%s %s", found.field, found.text);
        return TALLY_E_MALFORMED;
    }
    if (cut) return TALLY_OK;
    err = check_lists(event, diag);
    return err == TALLY_OK ? check_payload(event, diag) : err;
}
