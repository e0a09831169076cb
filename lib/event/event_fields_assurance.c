/* Fields of the groups assurance and approval. */
#include "event.pb-c.h"
#include "event/event_fields.h"

static const struct event_field evaluation_retracted[] = {
    FIELD_ENUM("cause", "why"),
};
static const struct event_field evaluation_recorded[] = {
    FIELD_ENUM("category", "what was tested"),
    FIELD_SEGMENT("suite", "fairness-de-1", "the name of the tests"),
    FIELD_HASH("suite_digest", "of the tests"),
    FIELD_ENUM("result", "what came out"),
    FIELD_PART_MAYBE("metrics", &event_part_metric, "", "what was measured"),
    FIELD_HASH("manifest_root", "of the bytes that were tested: those of the version"),
};
static const struct event_field risk_assessed[] = {
    FIELD_ENUM("tier", "how much can go wrong"),
    FIELD_ENUM("substantial_modification", "whether it is one of the base"),
    FIELD_HASH("manifest_root", "of the bytes that were assessed: those of the version"),
    FIELD_HASH("report_digest", "of the report"),
    FIELD_NUMBER("compute_ratio_ppm", 0, 0, "1500",
                 "compute of the run to that of the base's training, in millionths"),
    FIELD_NUMBER("cumulative_ratio_ppm", 0, 0, "4200", "of all runs since the base"),
};
static const struct event_field approval_requested[] = {
    FIELD_SEGMENT("environment", "production", "where it shall go"),
    FIELD_HASH("manifest_root", "of the bytes that are asked for"),
    FIELD_SEGMENT("from_stage", "staging", "the stage it has"),
    FIELD_SEGMENT("to_stage", "live", "the stage it shall have"),
    {.name = "evidence",
     .form = FORM_HASH,
     .optional = true,
     .sorted = true,
     .example = "",
     .text = "the events that approvers judge by, ascending"},
    FIELD_HASH_MAYBE("policy_digest", "the policy it was made under"),
    FIELD_TIME_MAYBE("expires_ms", "1800000000000", "ledger time; 0: never"),
};
static const struct event_field approval_granted[] = {
    FIELD_SEGMENT("environment", "production", "where it may go"),
    FIELD_HASH("manifest_root", "of the bytes that are approved: those of the version"),
    FIELD_SEGMENT("from_stage", "staging", "the stage it has"),
    FIELD_SEGMENT("to_stage", "live", "the stage it may have"),
    FIELD_HASH_MAYBE("policy_digest", "the policy that was seen"),
    FIELD_HASH_MAYBE("request", "the approval.requested"),
};
static const struct event_field approval_rejected[] = {
    FIELD_HASH("request", "the approval.requested"),
    FIELD_HASH("manifest_root", "of the bytes that are rejected"),
    FIELD_ENUM("cause", "why"),
};
static const struct event_field approval_withdrawn[] = {
    FIELD_HASH("withdrawn", "the approval or the request"),
};
static const struct event_field stage_transitioned[] = {
    FIELD_SEGMENT("environment", "production", "where"),
    FIELD_HASH("manifest_root", "of the bytes"),
    FIELD_SEGMENT("from_stage", "staging", "the stage it had"),
    FIELD_SEGMENT("to_stage", "live", "the stage it has from now on"),
    FIELD_HASH_MAYBE("request", "the approval.requested"),
    {.name = "approvals",
     .form = FORM_HASH,
     .optional = true,
     .sorted = true,
     .example = "",
     .text = "the approvals it relies on, ascending"},
    FIELD_HASH("policy_digest", "the policy that allows it"),
};
static const struct event_field alias_set[] = {
    FIELD_SEGMENT("alias", "champion", "the name"),
    FIELD_SEGMENT_MAYBE("environment", "production", "where it is used"),
    FIELD_SUBJECT("version", SUBJECT_VERSION, "model/credit-scorer/version/7",
                  "where it points from now on"),
    FIELD_HASH("new_root", "of that version"),
    FIELD_HASH_MAYBE("old_root", "of the version it pointed to; absent when it is new"),
};
static const struct event_field alias_removed[] = {
    FIELD_SEGMENT("alias", "champion", "the name"),
    FIELD_SEGMENT_MAYBE("environment", "production", "where it is used"),
    FIELD_HASH("old_root", "of the version it pointed to"),
};

const struct event_payload_row event_payloads_assurance[] = {
    EVENT_PAYLOAD(EVENT_EVALUATION_RETRACTED, evaluation_retracted),
    EVENT_PAYLOAD(EVENT_EVALUATION_RECORDED, evaluation_recorded),
    EVENT_PAYLOAD(EVENT_RISK_ASSESSED, risk_assessed),
    EVENT_PAYLOAD(EVENT_APPROVAL_REQUESTED, approval_requested),
    EVENT_PAYLOAD(EVENT_APPROVAL_GRANTED, approval_granted),
    EVENT_PAYLOAD(EVENT_APPROVAL_REJECTED, approval_rejected),
    EVENT_PAYLOAD(EVENT_APPROVAL_WITHDRAWN, approval_withdrawn),
    EVENT_PAYLOAD(EVENT_STAGE_TRANSITIONED, stage_transitioned),
    EVENT_PAYLOAD(EVENT_ALIAS_SET, alias_set),
    EVENT_PAYLOAD(EVENT_ALIAS_REMOVED, alias_removed),
    {0},
};
