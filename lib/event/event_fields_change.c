/* Fields of the groups inputs and change. */
#include "event.pb-c.h"
#include "event/event_fields.h"

#define NAMED(example)                                                                         \
    FIELD_TEXT("name", example, "as its home writes it"),                                      \
        FIELD_TEXT_MAYBE("source", "https://hub.example/acme", "where it comes from"),         \
        FIELD_TEXT_MAYBE("revision", "8b1f2c", "which revision there"),                        \
        FIELD_TEXT_MAYBE("licence", "apache-2.0", "under which licence")

static const struct event_field base_model_registered[] = {NAMED("Acme/Base-7B")};
static const struct event_field base_model_status[] = {
    FIELD_ENUM("status", "what is to be thought of it"),
    FIELD_HASH("manifest_root", "of the bytes it speaks of"),
    FIELD_HASH_MAYBE("advisory_digest", "of the advisory"),
};
static const struct event_field dataset_registered[] = {NAMED("acme/loans-2025")};
static const struct event_field dataset_quarantined[] = {
    FIELD_HASH("manifest_root", "of the data set"),
    FIELD_ENUM("cause", "why"),
    FIELD_HASH_MAYBE("report_digest", "of the report"),
};
static const struct event_field dataset_released[] = {
    FIELD_HASH("manifest_root", "of the data set"),
    FIELD_HASH("quarantine", "the event that it ends"),
    FIELD_HASH("report_digest", "of the report: why it may be used again"),
};
static const struct event_field dataset_consent_withdrawn[] = {
    FIELD_HASH("manifest_root", "of the data set"),
    FIELD_ENUM("scope", "whether all of it is meant"),
    FIELD_NUMBER("records_count", 0, 0, "3", "how many records; 0: not known"),
    FIELD_TIME("effective_ms", "1790000000000", "since when they may not be used"),
};
static const struct event_field code_registered[] = {NAMED("acme/trainer")};
static const struct event_field environment_registered[] = {
    FIELD_ENUM("kind", "what is done there"),
    FIELD_SUBJECT_MAYBE("site", SUBJECT_SITE, "organisation/acme/site/oslo", "where it is"),
};
static const struct event_field endpoint_registered[] = {
    FIELD_SEGMENT("environment", "production", "the name of a registered environment"),
    FIELD_ENUM("kind", "how it serves"),
};

static const struct event_field model_created[] = {
    FIELD_TEXT("name", "Credit scorer", "as people write it"),
    FIELD_SUBJECT("owner", SUBJECT_PRINCIPAL, "principal/author", "who answers for it"),
    FIELD_ENUM("risk_tier", "how much can go wrong"),
};
static const struct event_field model_updated[] = {
    FIELD_SUBJECT_MAYBE("owner", SUBJECT_PRINCIPAL, "principal/author",
                        "who answers for it from now on; absent: as before"),
    FIELD_ENUM_MAYBE("risk_tier", "its new tier; absent: as before"),
};
static const struct event_field model_archived[] = {
    FIELD_ENUM("cause", "why"),
    FIELD_SUBJECT_MAYBE("successor", SUBJECT_MODEL, NULL, "what takes its place"),
};
static const struct event_field change_requested[] = {
    FIELD_SUBJECT("model", SUBJECT_MODEL, "model/credit-scorer", "what shall change"),
    FIELD_ENUM("kind", "how"),
    FIELD_ENUM_MAYBE("expected_tier", "the risk tier that is expected then"),
    FIELD_ENUM_MAYBE("substantial_modification", "whether that is expected"),
    FIELD_HASH("rationale_digest", "of the text that says why"),
};
static const struct event_field run_started[] = {
    FIELD_ENUM("method", "how it trains"),
    FIELD_HASH("hyper_parameters_digest", "of the complete configuration"),
    FIELD_NUMBER("seed", 0, 0, "42", "of the random numbers"),
    FIELD_HASH_MAYBE("image_digest", "of the container or environment it runs in"),
    FIELD_SEGMENT_MAYBE("accelerator", "h100-80gb", "what it runs on"),
    FIELD_NUMBER("accelerators_count", 0, 0, "8", "how many"),
};
static const struct event_field run_completed[] = {
    FIELD_HASH("output_root", "manifest root of what came out"),
    FIELD_PART("effort", &event_part_effort, "what it took"),
    FIELD_HASH_MAYBE("log_digest", "of the training log"),
    FIELD_PART_MAYBE("metrics", &event_part_metric, "", "as training reports them"),
};
static const struct event_field run_failed[] = {
    FIELD_ENUM("cause", "why"),
    FIELD_PART("effort", &event_part_effort, "what it took all the same"),
    FIELD_HASH_MAYBE("log_digest", "of the training log"),
};

static const struct event_field config_view[] = {
    FIELD_SEGMENT("schema", "peft", "peft, mlx-lm, adapterhub or unknown"),
    FIELD_HASH("raw_digest", "SHA-256 of the file"),
    FIELD_TEXT_MAYBE("method", "LORA", "as the file says"),
    FIELD_TEXT_MAYBE("base_name", "Acme/Base-7B", "as the file says; a hint, no identity"),
    FIELD_TEXT_MAYBE("base_revision", NULL, "as the file says"),
    FIELD_NUMBER("rank", 0, 0, "16", "of the adapter"),
    FIELD_PART_MAYBE("alpha", &event_part_decimal, NULL, "scaling"),
    {.name = "target_modules",
     .form = FORM_TEXT,
     .optional = true,
     .sorted = true,
     .example = "q_proj",
     .text = "what it adapts; a set: ascending"},
    FIELD_TEXT_MAYBE("target_pattern", NULL, "when the file gives one regular expression"),
};
static const struct event_message part_config_view = EVENT_MESSAGE(config_view, config_view);

static const struct event_field merge_source[] = {
    FIELD_SUBJECT("version", SUBJECT_VERSION, "model/credit-scorer/version/6", "a version"),
    FIELD_HASH("manifest_root", "of its bytes"),
    FIELD_PART_MAYBE("weight", &event_part_decimal, "", "how much of it"),
};
static const struct event_message part_merge_source = EVENT_MESSAGE(merge_source, merge_source);
static const struct event_field merge_recipe[] = {
    FIELD_ENUM("method", "how"),
    FIELD_HASH("recipe_digest", "of the complete recipe"),
    FIELD_PART("sources", &part_merge_source, "from what"),
};
static const struct event_message part_merge = EVENT_MESSAGE(merge_recipe, merge_recipe);

static const struct event_field version_registered[] = {
    FIELD_ENUM("kind", "what the bytes are"),
    FIELD_SUBJECT("base_model", SUBJECT_BASE, "base/acme-base-7b",
                  "a registered base model; register it first"),
    FIELD_PART_MAYBE("config", &part_config_view, "", "what the adapter's configuration says"),
    {.name = "pickle",
     .form = FORM_FLAG,
     .optional = true,
     .text = "some file can run code when it is loaded"},
    FIELD_SEGMENT_MAYBE("run", NULL, "made by model/<name>/run/<run> of the same model"),
    FIELD_HASH_MAYBE("tokenizer_root", "manifest root of the tokenizer that belongs to it"),
    FIELD_PART_MAYBE("merge", &part_merge, NULL, "only of VERSION_KIND_MERGE"),
};
static const struct event_field attestation_attached[] = {
    FIELD_ENUM("kind", "what it is"),
    FIELD_HASH("digest", "of the document or bundle"),
    FIELD_ENUM("verdict", "what the verifier found"),
    FIELD_SEGMENT("verifier", "tally-0.1",
                  "the program that gave the verdict, and its version"),
    {.name = "trust_digest",
     .form = FORM_HASH,
     .optional = true,
     .example = "",
     .text = "of the key or root it was verified against; absent: UNSIGNED only"},
    FIELD_HASH_MAYBE("manifest_root", "of the subject's bytes; absent when it has none"),
    FIELD_TEXT_MAYBE("predicate", NULL, "predicate type of an in-toto statement"),
};
static const struct event_field attestation_retracted[] = {
    FIELD_ENUM("cause", "why"),
};

const struct event_payload_row event_payloads_change[] = {
    EVENT_PAYLOAD(EVENT_BASE_MODEL_REGISTERED, base_model_registered),
    EVENT_PAYLOAD(EVENT_BASE_MODEL_STATUS, base_model_status),
    EVENT_PAYLOAD(EVENT_DATASET_REGISTERED, dataset_registered),
    EVENT_PAYLOAD(EVENT_DATASET_QUARANTINED, dataset_quarantined),
    EVENT_PAYLOAD(EVENT_DATASET_RELEASED, dataset_released),
    EVENT_PAYLOAD(EVENT_DATASET_CONSENT_WITHDRAWN, dataset_consent_withdrawn),
    EVENT_PAYLOAD(EVENT_CODE_REGISTERED, code_registered),
    EVENT_PAYLOAD(EVENT_ENVIRONMENT_REGISTERED, environment_registered),
    EVENT_PAYLOAD(EVENT_ENDPOINT_REGISTERED, endpoint_registered),
    EVENT_PAYLOAD(EVENT_MODEL_CREATED, model_created),
    EVENT_PAYLOAD(EVENT_MODEL_UPDATED, model_updated),
    EVENT_PAYLOAD(EVENT_MODEL_ARCHIVED, model_archived),
    EVENT_PAYLOAD(EVENT_CHANGE_REQUESTED, change_requested),
    EVENT_PAYLOAD(EVENT_RUN_STARTED, run_started),
    EVENT_PAYLOAD(EVENT_RUN_COMPLETED, run_completed),
    EVENT_PAYLOAD(EVENT_RUN_FAILED, run_failed),
    EVENT_PAYLOAD(EVENT_VERSION_REGISTERED, version_registered),
    EVENT_PAYLOAD(EVENT_ATTESTATION_ATTACHED, attestation_attached),
    EVENT_PAYLOAD(EVENT_ATTESTATION_RETRACTED, attestation_retracted),
    {0},
};
