/* Fields of the groups operation and records. */
#include "event.pb-c.h"
#include "event/event_fields.h"

#define DEPLOYMENT    FIELD_SEGMENT("deployment", "d-2026-17", "its name in all its events")
#define VERSION_BYTES FIELD_HASH("manifest_root", "of the version's bytes")
#define INCIDENT                                                                               \
    FIELD_SUBJECT_MAYBE("incident", SUBJECT_INCIDENT, "incident/2026-17", "what led to it")

static const struct event_field deployment_started[] = {
    DEPLOYMENT,
    FIELD_SUBJECT("version", SUBJECT_VERSION, "model/credit-scorer/version/7", "what"),
    FIELD_HASH("manifest_root", "of its bytes"),
    FIELD_HASH("transition", "the stage.transitioned that allows it"),
};
static const struct event_field deployment_activated[] = {
    DEPLOYMENT,
    FIELD_HASH("manifest_root", "as read from the endpoint"),
};
static const struct event_field deployment_failed[] = {
    DEPLOYMENT,
    FIELD_HASH("manifest_root", "of what should have become live"),
    FIELD_ENUM("cause", "why"),
};
static const struct event_field deployment_rolled_back[] = {
    DEPLOYMENT,
    FIELD_HASH("from_root", "of what was live"),
    FIELD_HASH("to_root", "of what is live again"),
    FIELD_ENUM("cause", "why"),
};
static const struct event_field deployment_retired[] = {
    DEPLOYMENT,
    FIELD_HASH("manifest_root", "of what was live"),
};
static const struct event_field deployment_observed[] = {
    FIELD_HASH("manifest_root", "of what is live, whether it was deployed or not"),
    FIELD_SUBJECT_MAYBE("claimed_version", SUBJECT_VERSION, "model/credit-scorer/version/7",
                        "what the endpoint says it is"),
    FIELD_ENUM("method", "how it was found out"),
    FIELD_TIME("observed_ms", "1790000000000", "when"),
};
static const struct event_field monitoring_reported[] = {
    FIELD_ENUM("kind", "what was watched"),
    FIELD_ENUM("outcome", "what was found"),
    FIELD_HASH("manifest_root", "of what was live"),
    FIELD_TIME("from_ms", "1790000000000", "the beginning of the time it is about"),
    FIELD_TIME("to_ms", "1790086400000", "its end; after from_ms"),
    FIELD_HASH("report_digest", "of the report"),
    FIELD_PART_MAYBE("metrics", &event_part_metric, "", "what was measured"),
};
static const struct event_field incident_opened[] = {
    FIELD_ENUM("severity", "how bad it is"),
    FIELD_ENUM("kind", "what went wrong"),
    FIELD_SUBJECT_MAYBE("about", SUBJECT_ANY, "endpoint/scoring-eu", "what it concerns"),
    FIELD_TIME_MAYBE("occurred_ms", "1790000000000", "when it happened; 0: not known"),
    FIELD_HASH_MAYBE("report_digest", "of the report"),
};
static const struct event_field incident_updated[] = {
    FIELD_ENUM("severity", "how bad it is, as known now"),
    FIELD_ENUM("status", "what is done"),
    FIELD_HASH_MAYBE("report_digest", "of the report"),
};
static const struct event_field incident_closed[] = {
    FIELD_ENUM("resolution", "how it ended"),
    FIELD_HASH("report_digest", "of the report"),
};
static const struct event_field oplog_anchored[] = {
    FIELD_SEGMENT("kind", "inference", "which log"),
    FIELD_HASH("root", "of the segment"),
    FIELD_TIME("from_ms", "1790000000000", "the time of its first entry"),
    FIELD_TIME("to_ms", "1790003600000", "its end; after from_ms"),
    FIELD_NUMBER("entries_count", 1, 0, "9120", "how many entries"),
    FIELD_HASH_MAYBE("previous_root", "of the segment before; absent in the first"),
};
static const struct event_field version_deprecated[] = {
    VERSION_BYTES,
    FIELD_ENUM("cause", "why"),
    FIELD_SUBJECT_MAYBE("successor", SUBJECT_VERSION, "model/credit-scorer/version/8",
                        "what takes its place"),
};
static const struct event_field version_quarantined[] = {
    FIELD_HASH("manifest_root", "of the bytes, whatever name they have"),
    FIELD_ENUM("cause", "why"),
    INCIDENT,
};
static const struct event_field version_released[] = {
    VERSION_BYTES,
    FIELD_HASH("quarantine", "the event that it ends"),
    FIELD_HASH("report_digest", "of the report: why they may be used again"),
};
static const struct event_field version_revoked[] = {
    FIELD_HASH("manifest_root", "of the bytes, whatever name they have"),
    FIELD_ENUM("cause", "why"),
    INCIDENT,
};
static const struct event_field version_retired[] = {
    VERSION_BYTES,
    FIELD_ENUM("cause", "why"),
};

static const struct event_field correction_recorded[] = {
    FIELD_TEXT("field", "evaluation_recorded.metrics", "what was wrong"),
    FIELD_HASH("digest", "of the correct statement"),
};
static const struct event_field annotation_added[] = {
    FIELD_SEGMENT("kind", "note", "what the note is"),
    FIELD_HASH("digest", "of the note"),
};
static const struct event_field erasure_requested[] = {
    FIELD_HASH("target", "the event that committed to it"),
    FIELD_HASHES("commitments", "what shall be destroyed, ascending"),
    FIELD_ENUM("ground", "why it must be"),
    FIELD_TIME("due_ms", "1800000000000", "until when; ledger time"),
};
static const struct event_field erasure_executed[] = {
    FIELD_HASH("request", "the erasure.requested"),
    FIELD_HASHES("commitments", "what is destroyed, ascending"),
    FIELD_ENUM("method", "how"),
    FIELD_HASH_MAYBE("protocol_digest", "of the protocol"),
};
static const struct event_field hold_placed[] = {
    {.name = "scope",
     .form = FORM_SCOPE,
     .example = "model/credit-scorer",
     .text = "the first segments of the subjects it is for"},
    FIELD_ENUM("authority", "who asked for it"),
    FIELD_HASH("order_digest", "of the order"),
    FIELD_TIME_MAYBE("until_ms", "1924992000000", "ledger time; 0: until it is released"),
};
static const struct event_field hold_released[] = {
    FIELD_HASH("order_digest", "of what ends it"),
};
static const struct event_field retention_set[] = {
    FIELD_ENUM("retention", "the class"),
    FIELD_ENUM_MAYBE("data_class", "what the data are"),
    FIELD_TIME_MAYBE("keep_until_ms", "1924992000000", "0: as the class says"),
};

const struct event_payload_row event_payloads_operation[] = {
    EVENT_PAYLOAD(EVENT_DEPLOYMENT_STARTED, deployment_started),
    EVENT_PAYLOAD(EVENT_DEPLOYMENT_ACTIVATED, deployment_activated),
    EVENT_PAYLOAD(EVENT_DEPLOYMENT_FAILED, deployment_failed),
    EVENT_PAYLOAD(EVENT_DEPLOYMENT_ROLLED_BACK, deployment_rolled_back),
    EVENT_PAYLOAD(EVENT_DEPLOYMENT_RETIRED, deployment_retired),
    EVENT_PAYLOAD(EVENT_DEPLOYMENT_OBSERVED, deployment_observed),
    EVENT_PAYLOAD(EVENT_MONITORING_REPORTED, monitoring_reported),
    EVENT_PAYLOAD(EVENT_INCIDENT_OPENED, incident_opened),
    EVENT_PAYLOAD(EVENT_INCIDENT_UPDATED, incident_updated),
    EVENT_PAYLOAD(EVENT_INCIDENT_CLOSED, incident_closed),
    EVENT_PAYLOAD(EVENT_OPLOG_ANCHORED, oplog_anchored),
    EVENT_PAYLOAD(EVENT_VERSION_DEPRECATED, version_deprecated),
    EVENT_PAYLOAD(EVENT_VERSION_QUARANTINED, version_quarantined),
    EVENT_PAYLOAD(EVENT_VERSION_RELEASED, version_released),
    EVENT_PAYLOAD(EVENT_VERSION_REVOKED, version_revoked),
    EVENT_PAYLOAD(EVENT_VERSION_RETIRED, version_retired),
    EVENT_PAYLOAD(EVENT_CORRECTION_RECORDED, correction_recorded),
    EVENT_PAYLOAD(EVENT_ANNOTATION_ADDED, annotation_added),
    EVENT_PAYLOAD(EVENT_ERASURE_REQUESTED, erasure_requested),
    EVENT_PAYLOAD(EVENT_ERASURE_EXECUTED, erasure_executed),
    EVENT_PAYLOAD(EVENT_HOLD_PLACED, hold_placed),
    EVENT_PAYLOAD(EVENT_HOLD_RELEASED, hold_released),
    EVENT_PAYLOAD(EVENT_RETENTION_SET, retention_set),
    {0},
};
