#include "event/event_fields.h"

#include "base/assert.h"
#include "base/limits.h"
#include "event.pb-c.h"

static const struct event_field decimal[] = {
    {.name = "value",
     .form = FORM_NUMBER,
     .optional = true,
     .example = "125",
     .text = "digits"},
    {.name = "exponent",
     .form = FORM_NUMBER,
     .optional = true,
     .example = "-3",
     .text = "the number is value * 10^exponent"},
};
const struct event_message event_part_decimal = EVENT_MESSAGE(decimal, decimal);

static const struct event_field metric[] = {
    FIELD_SEGMENT("name", "accuracy", "what was measured"),
    FIELD_PART("value", &event_part_decimal, "the measured value"),
};
const struct event_message event_part_metric = EVENT_MESSAGE(metric, metric);

static const struct event_field effort[] = {
    FIELD_PART("compute_flop", &event_part_decimal, "floating-point operations of this run"),
    FIELD_NUMBER("energy_wh", 0, 0, "5200", "energy in watt-hours; 0: not measured"),
    FIELD_NUMBER("duration_ms", 0, 0, "7200000", "how long it ran"),
};
const struct event_message event_part_effort = EVENT_MESSAGE(effort, effort);

static const struct event_field alias[] = {
    FIELD_SEGMENT("kind", "oci", "what kind of name: oci, git"),
    {.name = "digest",
     .form = FORM_BYTES,
     .min = 1,
     .max = 64,
     .text = "the digest it has there"},
};
static const struct event_message part_alias = EVENT_MESSAGE(alias, alias);

static const struct event_field artifact[] = {
    FIELD_SEGMENT("role", "weights", "what these bytes are to the subject; each role once"),
    FIELD_HASH("manifest_root", "the identity of the bytes: see 'tally adapter root'"),
    FIELD_NUMBER("size", 0, 0, "4096", "bytes of all files"),
    FIELD_NUMBER("file_count", 0, 0, "3", "files"),
    FIELD_TEXT_MAYBE("media_type", NULL, "their media type"),
    FIELD_PART_MAYBE("aliases", &part_alias, NULL, "other names of the same bytes"),
};
const struct event_message event_part_artifact = EVENT_MESSAGE(artifact, artifact);

static const struct event_field ref[] = {
    FIELD_ENUM("rel", "how it relates to that event"),
    FIELD_HASH("event_hash", "the event"),
};
const struct event_message event_part_ref = EVENT_MESSAGE(ref, ref);

static const struct event_field commitment[] = {
    FIELD_SEGMENT("kind", "note", "what it is"),
    FIELD_HASH("hash", "H(tag || salt || bytes); the salt stays off the ledger"),
    FIELD_TIME_MAYBE("erase_not_before_ms", NULL, "it is kept at least so long"),
};
const struct event_message event_part_commitment = EVENT_MESSAGE(commitment, commitment);

static const struct event_field required_signer[] = {
    FIELD_HASH("key_id", "H(\"tally/key/v1\" || 0x00 || public key)"),
    FIELD_ENUM("meaning", "in which sense it signs"),
};
static const struct event_message part_signer = EVENT_MESSAGE(required_signer, required_signer);

/* 'tally append' fills in what is optional here and required on the wire (event_check.c). */
static const struct event_field envelope[] = {
    {.name = "schema", .form = FORM_NUMBER, .optional = true, .min = 1, .max = 1, .text = "1"},
    {.name = "ledger_id",
     .form = FORM_BYTES,
     .optional = true,
     .min = 32,
     .max = 32,
     .text = "the ledger it is made for"},
    {.name = "event_id",
     .form = FORM_BYTES,
     .optional = true,
     .min = 16,
     .max = 16,
     .text = "a UUID of version 7; an actor uses it once"},
    FIELD_SUBJECT("subject", SUBJECT_ANY, NULL, "what it is about"),
    FIELD_HASH_MAYBE("expected_head", "the hash of the subject's newest change"),
    FIELD_SUBJECT_MAYBE("actor", SUBJECT_PRINCIPAL, NULL, "who does it"),
    FIELD_SUBJECT_MAYBE("on_behalf_of", SUBJECT_PRINCIPAL, NULL, "for whom; who signs, too"),
    FIELD_PART_MAYBE("required_signers", &part_signer, NULL,
                     "the keys that sign, 1 to 8, ascending by key id"),
    FIELD_TIME_MAYBE("claimed_time_ms", NULL, "the client's clock; decides nothing"),
    FIELD_PART_MAYBE("artifacts", &event_part_artifact, NULL, "bytes that it speaks of"),
    FIELD_PART_MAYBE("refs", &event_part_ref, NULL, "events that it refers to"),
    FIELD_PART_MAYBE("commitments", &event_part_commitment, NULL,
                     "salted hashes of what is kept off the ledger"),
    FIELD_SEGMENT_MAYBE("reason", NULL, "a code for why"),
    FIELD_ENUM_MAYBE("retention", "how long it has to be kept"),
    FIELD_ENUM_MAYBE("data_class", "what its facts may be used for"),
};
const struct event_message event_envelope = EVENT_MESSAGE(event, envelope);

const struct event_message *event_payload(enum event_type type)
{
    const struct event_payload_row *row = event_payloads_trust;

    if (type >= EVENT_BASE_MODEL_REGISTERED) row = event_payloads_change;
    if (type >= EVENT_EVALUATION_RETRACTED) row = event_payloads_assurance;
    if (type >= EVENT_DEPLOYMENT_STARTED) row = event_payloads_operation;
    for (; row->type != 0; row++) {
        if (row->type == type) return &row->message;
    }
    UNREACHABLE("every registered type has a row");
}
