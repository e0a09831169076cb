#include "support/ledger_fixture_example.h"

#include <string.h>

#include "base/assert.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event_describe.h"
#include "event/event_json.h"

/* The example as a message; its envelope is not complete. */
static Tally__Event *example_of(struct fixture *fixture, enum event_type type)
{
    ProtobufCMessage *message = NULL;
    struct bytes json = {0}, bytes = {0};

    ASSERT(event_example(type, fixture->arena, &json) == TALLY_OK);
    ASSERT(event_json_decode(json, fixture->arena, &bytes, NULL) == TALLY_OK);
    ASSERT(canon_unpack(&tally__event__descriptor, bytes, fixture->arena, &message, NULL) ==
           TALLY_OK);
    return (Tally__Event *)message;
}

static void adjust(const struct fixture_spec *spec, Tally__Event *event)
{
    ProtobufCBinaryData root = {0};

    if (spec->manifest_root != NULL) {
        root = canon_data(spec->manifest_root->bytes, sizeof spec->manifest_root->bytes);
    }
    switch (spec->type) {
    case EVENT_RISK_ASSESSED:
        if (root.len > 0) event->risk_assessed->manifest_root = root;
        return;
    case EVENT_ATTESTATION_ATTACHED:
        event->attestation_attached->manifest_root = root;
        return;
    case EVENT_ORGANISATION_REGISTERED:
        if (event_subject_kind(event->subject, NULL) == SUBJECT_UNIT) {
            event->organisation_registered->kind =
                TALLY__ORGANISATION_KIND__ORGANISATION_KIND_UNIT;
        }
        if (event_subject_kind(event->subject, NULL) == SUBJECT_SITE) {
            event->organisation_registered->kind =
                TALLY__ORGANISATION_KIND__ORGANISATION_KIND_SITE;
        }
        return;
    case EVENT_ENVIRONMENT_REGISTERED:
        if (spec->parent != NULL) event->environment_registered->site = (char *)spec->parent;
        return;
    case EVENT_ENDPOINT_REGISTERED:
        if (spec->parent != NULL)
            event->endpoint_registered->environment = (char *)spec->parent;
        return;
    case EVENT_CHANGE_REQUESTED:
        event->change_requested->model =
            (char *)(spec->parent != NULL ? spec->parent : "model/m");
        return;
    case EVENT_AUDIT_EXPORTED:
        event->audit_exported->recipient = (char *)(spec->parent != NULL ? spec->parent : "");
        if (spec->to_size > 0) event->audit_exported->to_size = spec->to_size;
        return;
    case EVENT_POLICY_PUBLISHED:
        if (spec->policy.size == 0) return;
        event->policy_published->policy = canon_data(spec->policy.data, spec->policy.size);
        event->policy_published->version = spec->version;
        event->policy_published->delay_ms = spec->delay_ms;
        event->policy_published->previous_digest = spec->previous == NULL
                                                       ? (ProtobufCBinaryData){0}
                                                       : canon_data(spec->previous->bytes, 32);
        return;
    case EVENT_PRINCIPAL_UPDATED:
        event->principal_updated->unit = (char *)(spec->unit != NULL ? spec->unit : "");
        event->principal_updated->site = (char *)(spec->site != NULL ? spec->site : "");
        event->principal_updated->responsible =
            (char *)(spec->responsible != NULL ? spec->responsible : "");
        return;
    case EVENT_MODEL_UPDATED:
        if (spec->owner != NULL) event->model_updated->owner = (char *)spec->owner;
        return;
    default:
        return;
    }
}

void fixture_example_put(struct fixture *fixture, const struct fixture_spec *spec,
                         struct Tally__Event *event)
{
    const Tally__Event *example = example_of(fixture, spec->type);

    event->payload_case = example->payload_case;
    event->ledger_genesis = example->ledger_genesis; /* whichever member of the union it is */
    adjust(spec, event);
}
