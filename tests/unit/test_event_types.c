/* Types of events: the table is whole, every type has an example that is accepted, and what
 * differs from it in one thing is refused for that thing. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "event.pb-c.h"
#include "event/event.h"
#include "event/event_describe.h"
#include "event/event_fields.h"
#include "support/check_main.h"
#include "support/event_text.h"

enum { TYPES = 71, GROUPS_END = 217 };

static struct arena *arena;

static void open_arena(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
}

static void close_arena(void)
{
    arena_close(arena);
}

/* Number `i` of the table. */
static const struct event_type_info *type_number(size_t i)
{
    size_t count;
    const struct event_type_info *types = event_types(&count);

    ck_assert_uint_lt(i, count);
    return &types[i];
}

/* Goal: the table and proto/event.proto have the same types, in the order of their numbers. */
START_TEST(table_is_whole)
{
    const ProtobufCMessageDescriptor *event = &tally__event__descriptor;
    size_t count, payloads = 0;
    const struct event_type_info *types = event_types(&count);

    ck_assert_uint_eq(count, TYPES);
    for (unsigned i = 0; i < event->n_fields; i++) {
        char name[EVENT_PAYLOAD_NAME_SIZE];

        if (event->fields[i].id < EVENT_LEDGER_GENESIS) continue;
        ck_assert_uint_eq(event->fields[i].id, types[payloads].type);
        ck_assert_str_eq(event->fields[i].name, event_payload_name(types[payloads].type, name));
        ck_assert_ptr_eq(event_payload(types[payloads].type)->descriptor,
                         event->fields[i].descriptor);
        payloads++;
    }
    ck_assert_uint_eq(payloads, TYPES);
    for (uint32_t type = 0; type < GROUPS_END; type++) {
        const struct event_type_info *info = event_type_info(type);

        if (info == NULL) continue;
        ck_assert_uint_eq(info->type, type);
        ck_assert_ptr_eq(event_type_named(info->name), info);
        ck_assert_msg((info->closed == NULL) == (info->roles != 0), "%s: who may append it?",
                      info->name);
        count--;
    }
    ck_assert_uint_eq(count, 0);
}
END_TEST

static bool form_fits(enum field_form form, const ProtobufCFieldDescriptor *field)
{
    switch (form) {
    case FORM_HASH:
    case FORM_KEY:
    case FORM_BYTES:
        return field->type == PROTOBUF_C_TYPE_BYTES;
    case FORM_ENUM:
        return field->type == PROTOBUF_C_TYPE_ENUM;
    case FORM_SEGMENT:
    case FORM_TEXT:
    case FORM_SUBJECT:
    case FORM_SCOPE:
        return field->type == PROTOBUF_C_TYPE_STRING;
    case FORM_NUMBER:
        return field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_UINT64 ||
               field->type == PROTOBUF_C_TYPE_FIXED64 ||
               field->type == PROTOBUF_C_TYPE_SINT32 || field->type == PROTOBUF_C_TYPE_SINT64;
    case FORM_TIME:
        return field->type == PROTOBUF_C_TYPE_UINT64;
    case FORM_FLAG:
        return field->type == PROTOBUF_C_TYPE_BOOL;
    case FORM_PART:
        return field->type == PROTOBUF_C_TYPE_MESSAGE;
    }
    return false;
}

/* Every vocabulary begins with what stands for absent. */
static void check_vocabulary(const ProtobufCEnumDescriptor *values)
{
    ck_assert_int_eq(values->values[0].value, 0);
    ck_assert_msg(strstr(values->values[0].name, "_UNSPECIFIED") != NULL, "%s", values->name);
    ck_assert_uint_gt(values->n_values, 2);
}

static void check_rows(const struct event_message *rows)
{
    size_t fields_count = rows->descriptor->n_fields;

    if (rows == &event_envelope) fields_count -= TYPES;
    ck_assert_msg(rows->fields_count == fields_count, "%s: %zu rows for %zu fields",
                  rows->descriptor->short_name, rows->fields_count, fields_count);
    for (size_t i = 0; i < rows->fields_count; i++) {
        const struct event_field *row = &rows->fields[i];
        const ProtobufCFieldDescriptor *field = &rows->descriptor->fields[i];

        ck_assert_str_eq(row->name, field->name);
        ck_assert_msg(form_fits(row->form, field), "%s.%s", rows->descriptor->short_name,
                      row->name);
        ck_assert_msg(row->text != NULL && row->text[0] != '\0', "%s.%s has no text",
                      rows->descriptor->short_name, row->name);
        if (row->form == FORM_ENUM) check_vocabulary(field->descriptor);
        if (row->form == FORM_PART) check_rows(row->part);
    }
}

/* Goal: every field of every message has its row, of a form that its type can have. */
START_TEST(rows_fit_messages)
{
    check_rows(event_payload(type_number((size_t)_i)->type));
    if (_i == 0) check_rows(&event_envelope);
}
END_TEST

static enum tally_err decode(const json_t *json, struct tally_diag *diag)
{
    struct event event;

    return event_text_decode(json, arena, &event, diag);
}

/* Genesis has an example of another kind: `tally genesis` makes it, with ids of zeros. */
static json_t *example(enum event_type type)
{
    json_t *json = event_text_example(type, arena);

    if (type != EVENT_LEDGER_GENESIS) return json;
    event_text_set(json, "actor", NULL);
    return json;
}

START_TEST(examples_are_accepted)
{
    const struct event_type_info *info = type_number((size_t)_i);
    struct tally_diag diag = {{0}};
    struct event event;
    json_t *json;

    open_arena();
    json = example(info->type);
    ck_assert_msg(event_text_decode(json, arena, &event, &diag) == TALLY_OK, "%s: %s",
                  info->name, diag.text);
    ck_assert_int_eq(event.type, info->type);
    json_decref(json);
    close_arena();
}
END_TEST

static void refused(const struct event_type_info *info, const char *path, json_t *value,
                    const char *word)
{
    struct tally_diag diag = {{0}};
    json_t *json = example(info->type);
    enum tally_err err;

    event_text_set(json, path, value);
    err = decode(json, &diag);
    ck_assert_msg(err == TALLY_E_MALFORMED, "%s without a good %s: %s", info->name, path,
                  tally_err_text(err));
    ck_assert_msg(strstr(diag.text, word) != NULL, "%s, %s: %s", info->name, path, diag.text);
    json_decref(json);
}

/* In a place that is a list: a list of one. */
static json_t *in_place(const ProtobufCFieldDescriptor *field, json_t *value)
{
    return field->label == PROTOBUF_C_LABEL_REPEATED ? json_pack("[o]", value) : value;
}

static json_t *long_text(size_t size)
{
    static char text[5000];

    ck_assert_uint_lt(size, sizeof text);
    memset(text, 'x', size);
    text[size] = '\0';
    return json_string(text);
}

/* A hash with one byte too few, a placeholder, a capital, ...: what no field of the form takes.
 */
static void wrong_values(const struct event_type_info *info, const struct event_field *row,
                         const ProtobufCFieldDescriptor *field, const char *path)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000"
                                "000";
    const char *name = row->name;

    switch (row->form) {
    case FORM_HASH:
    case FORM_KEY:
        if (row->form == FORM_HASH)
            refused(info, path, in_place(field, json_string(zeros)), "placeholder");
        refused(info, path, in_place(field, json_string("abcdef")), "32 bytes");
        return;
    case FORM_BYTES:
        if (row->max < 100) refused(info, path, in_place(field, long_text(200)), name);
        return;
    case FORM_ENUM:
        refused(info, path, in_place(field, json_string("NO_SUCH_NAME")), "must be a name of");
        return;
    case FORM_SEGMENT:
        refused(info, path, in_place(field, json_string("Capital")), name);
        refused(info, path, in_place(field, json_string("..")), name);
        refused(info, path, in_place(field, long_text(LIMIT_NAME_SIZE + 1)), name);
        return;
    case FORM_TEXT:
        refused(info, path,
                in_place(field, long_text(row->max > 0 ? row->max + 1 : LIMIT_TEXT_SIZE + 1)),
                name);
        return;
    case FORM_SUBJECT:
        refused(info, path, in_place(field, json_string("colour/red")), name);
        return;
    case FORM_SCOPE:
        refused(info, path, in_place(field, json_string("colour")), name);
        return;
    case FORM_NUMBER:
        if (row->max > 0) refused(info, path, json_integer((json_int_t)row->max + 1), name);
        refused(info, path, json_string("1"), name);
        return;
    case FORM_TIME:
    case FORM_FLAG:
        refused(info, path, json_string("yes"), name);
        return;
    case FORM_PART:
        refused(info, path, json_true(), name);
        return;
    }
}

static void wrong_lists(const struct event_type_info *info, const struct event_field *row,
                        const char *path)
{
    json_t *json = example(info->type), *one, *many = json_array();
    struct tally_diag diag = {{0}};
    json_t *payload = json_object_get(json, event_payload_name(info->type, (char[48]){""}));

    one = json_object_get(payload, row->name);
    for (size_t i = 0; i <= LIMIT_REPEATED && one != NULL; i++) {
        (void)json_array_append(many, json_array_get(one, 0));
    }
    if (one != NULL) {
        event_text_set(json, path, many);
        ck_assert_int_eq(decode(json, &diag), TALLY_E_MALFORMED);
        ck_assert_msg(strstr(diag.text, row->sorted ? "ascending" : "256") != NULL ||
                          strstr(diag.text, "256") != NULL,
                      "%s, %s: %s", info->name, path, diag.text);
    } else {
        json_decref(many);
    }
    json_decref(json);
}

/* What may be absent although its row says no, and the other way round: rules between fields,
 * which have rows of their own below. */
static bool between_fields(const char *path)
{
    static const char *const paths[] = {"attestation_attached.trust_digest",
                                        "model_updated.owner"};

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i], path) == 0) return true;
    }
    return false;
}

/* Goal: each field of each payload is checked. Method: take it away, and put in what its form
 * does not allow; fields of parts in the part that the example has. */
static void check_fields(const struct event_type_info *info, const struct event_message *rows,
                         const char *above, const json_t *shown)
{
    for (size_t i = 0; i < rows->fields_count; i++) {
        const struct event_field *row = &rows->fields[i];
        const ProtobufCFieldDescriptor *field = &rows->descriptor->fields[i];
        const json_t *value = json_object_get(shown, row->name);
        const bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
        char path[200];

        (void)snprintf(path, sizeof path, "%s.%s", above, row->name);
        wrong_values(info, row, field, path);
        if (value != NULL && row->optional && !between_fields(path)) {
            struct tally_diag diag = {{0}};
            json_t *json = example(info->type);

            event_text_set(json, path, NULL);
            ck_assert_msg(decode(json, &diag) == TALLY_OK, "%s: %s", path, diag.text);
            json_decref(json);
        } else if (value != NULL) {
            refused(info, path, NULL, row->name);
        }
        if (list && strchr(above, '.') == NULL) wrong_lists(info, row, path);
        if (row->form != FORM_PART || value == NULL) continue;
        if (list) {
            strncat(path, "[0]", sizeof path - strlen(path) - 1);
            value = json_array_get(value, 0);
        }
        check_fields(info, row->part, path, value);
    }
}

START_TEST(every_field_is_checked)
{
    const struct event_type_info *info = type_number((size_t)_i);
    char name[EVENT_PAYLOAD_NAME_SIZE];
    json_t *json;

    open_arena();
    json = example(info->type);
    (void)event_payload_name(info->type, name);
    check_fields(info, event_payload(info->type), name, json_object_get(json, name));
    json_decref(json);
    close_arena();
}
END_TEST

#define OTHER_HASH "d1d2d3d4d5d6d7d8d1d2d3d4d5d6d7d8d1d2d3d4d5d6d7d8d1d2d3d4d5d6d7d8"

/* The example with one more thing changed; `json` NULL removes. `word` must be in the message;
 * NULL: it is accepted. */
static const struct {
    enum event_type type;
    const char *path, *json, *word;
} rows[] = {
    {EVENT_LEDGER_GENESIS, "ledger_genesis.root_threshold", "2", "root_threshold"},
    {EVENT_LEDGER_GENESIS, "ledger_genesis.principals",
     "[{\"id\": \"b\", \"kind\": \"PRINCIPAL_KIND_HUMAN\"},"
     " {\"id\": \"a\", \"kind\": \"PRINCIPAL_KIND_HUMAN\"}]",
     "ascending by id"},
    {EVENT_LEDGER_MEMBER_CHANGED, "ledger_member_changed.config_version", "1", "2 or more"},
    {EVENT_LEDGER_MEMBER_CHANGED, "ledger_member_changed.member.cosign_key",
     "\"" OTHER_HASH "\"", NULL},
    {EVENT_LEDGER_UPGRADED, "ledger_upgraded.feature_level", "1", "feature_level"},
    {EVENT_ROOT_ROTATED, "root_rotated.root_threshold", "2", "number of root keys"},
    {EVENT_ROOT_ROTATED, "root_rotated.root_threshold", "17", "1 to 16"},
    {EVENT_POLICY_PUBLISHED, "policy_published.version", "2", "previous_digest"},
    {EVENT_POLICY_PUBLISHED, "policy_published.previous_digest", "\"" OTHER_HASH "\"",
     "absent in version 1"},
    {EVENT_ORGANISATION_REGISTERED, "subject", "\"organisation/acme/unit/u\"", "kind"},
    {EVENT_ORGANISATION_REGISTERED, "organisation_registered.kind",
     "\"ORGANISATION_KIND_SITE\"", "kind"},
    {EVENT_ORGANISATION_REGISTERED, "subject", "\"organisation/beta\"", NULL},
    {EVENT_KEY_ROTATED, "key_rotated.old_key_id",
     "\"0000000000000000000000000000000000000000000000000000000000000001\"", NULL},
    {EVENT_KEY_REVOKED, "key_revoked.compromised_since", "{}", NULL},
    {EVENT_BREAKGLASS_OPENED, "breakglass_opened.review_due_ms", "1799999999999", "expires_ms"},
    {EVENT_BREAKGLASS_OPENED, "breakglass_opened.uses_max", "101", "1 to 100"},
    {EVENT_AUDIT_EXPORTED, "audit_exported.from_size", "1", "from_size"},
    {EVENT_AUDIT_EXPORTED, "audit_exported.recipient", "\"organisation/acme/unit/u\"", NULL},
    {EVENT_BASE_MODEL_REGISTERED, "artifacts[0].role", "\"data\"", "weights"},
    {EVENT_DATASET_REGISTERED, "artifacts[0].role", "\"weights\"", "role data"},
    {EVENT_CODE_REGISTERED, "artifacts", NULL, "role code"},
    {EVENT_MODEL_UPDATED, "model_updated.owner", NULL, "owner or a risk_tier"},
    {EVENT_MODEL_UPDATED, "model_updated", "{\"risk_tier\": \"RISK_TIER_HIGH\"}", NULL},
    {EVENT_MODEL_ARCHIVED, "model_archived.successor", "\"model/credit-scorer\"", "another"},
    {EVENT_MODEL_ARCHIVED, "model_archived.successor", "\"model/credit-scorer-2\"", NULL},
    {EVENT_RUN_STARTED, "refs", NULL, "REL_BASE"},
    {EVENT_RUN_STARTED, "subject", "\"model/credit-scorer/version/1\"",
     "model/<name>/run/<run>"},
    {EVENT_RUN_COMPLETED, "run_completed.effort.compute_flop.value", "-1", "compute_flop"},
    {EVENT_RUN_FAILED, "run_failed.effort.compute_flop.value", "-1", "compute_flop"},
    {EVENT_VERSION_REGISTERED, "artifacts[0].role", "\"weights\"", "adapter"},
    {EVENT_VERSION_REGISTERED, "refs", NULL, "REL_BASE"},
    {EVENT_VERSION_REGISTERED, "version_registered.run", "\"r12\"", NULL},
    {EVENT_VERSION_REGISTERED, "version_registered.merge",
     "{\"method\": \"MERGE_METHOD_TIES\", \"recipe_digest\": \"" OTHER_HASH "\", \"sources\": "
     "[{\"version\": \"model/m/version/1\", \"manifest_root\": \"" OTHER_HASH "\"}]}",
     "VERSION_KIND_MERGE"},
    {EVENT_VERSION_REGISTERED, "version_registered.config.target_modules",
     "[\"q_proj\", \"k_proj\"]", "ascending"},
    {EVENT_ATTESTATION_ATTACHED, "attestation_attached.trust_digest", NULL, "trust_digest"},
    {EVENT_ATTESTATION_ATTACHED, "attestation_attached.verdict",
     "\"ATTESTATION_VERDICT_UNSIGNED\"", "trust_digest"},
    {EVENT_ATTESTATION_RETRACTED, "refs", NULL, "REL_CORRECTS"},
    {EVENT_EVALUATION_RETRACTED, "refs[0].rel", "\"REL_EVALUATES\"", "REL_CORRECTS"},
    {EVENT_EVALUATION_RETRACTED, "refs",
     "[{\"rel\": \"REL_CORRECTS\", \"event_hash\": \"" OTHER_HASH "\"}, "
     "{\"rel\": \"REL_CORRECTS\", \"event_hash\": \"" OTHER_HASH "\"}]",
     "must not have two"},
    {EVENT_APPROVAL_REQUESTED, "approval_requested.to_stage", "\"staging\"", "another stage"},
    {EVENT_APPROVAL_GRANTED, "approval_granted.to_stage", "\"staging\"", NULL},
    {EVENT_STAGE_TRANSITIONED, "stage_transitioned.to_stage", "\"staging\"", "another stage"},
    {EVENT_STAGE_TRANSITIONED, "expected_head", NULL, "expected_head"},
    {EVENT_ALIAS_SET, "alias_set.version", "\"model/credit-scorer-2/version/7\"", "subject"},
    {EVENT_ALIAS_SET, "expected_head", NULL, "expected_head"},
    {EVENT_ALIAS_REMOVED, "expected_head", NULL, "expected_head"},
    {EVENT_DEPLOYMENT_STARTED, "expected_head", NULL, "expected_head"},
    {EVENT_DEPLOYMENT_ACTIVATED, "expected_head", NULL, "expected_head"},
    {EVENT_DEPLOYMENT_FAILED, "expected_head", NULL, "expected_head"},
    {EVENT_DEPLOYMENT_ROLLED_BACK, "expected_head", NULL, "expected_head"},
    {EVENT_DEPLOYMENT_RETIRED, "expected_head", NULL, "expected_head"},
    {EVENT_VERSION_REVOKED, "expected_head", NULL, "expected_head"},
    {EVENT_VERSION_RETIRED, "expected_head", NULL, "expected_head"},
    {EVENT_MONITORING_REPORTED, "monitoring_reported.to_ms", "1790000000000", "after from_ms"},
    {EVENT_OPLOG_ANCHORED, "oplog_anchored.to_ms", "1790000000000", "after from_ms"},
    {EVENT_INCIDENT_OPENED, "incident_opened.about", "\"model/m/run/r\"", NULL},
    {EVENT_VERSION_DEPRECATED, "version_deprecated.successor",
     "\"model/credit-scorer/version/7\"", "another version"},
    {EVENT_CORRECTION_RECORDED, "refs", NULL, "REL_CORRECTS"},
    {EVENT_ANNOTATION_ADDED, "subject", "\"organisation/o/site/s\"", NULL},
    {EVENT_HOLD_PLACED, "hold_placed.scope", "\"model\"", NULL},
};

START_TEST(between_fields_and_around)
{
    struct tally_diag diag = {{0}};
    json_t *json;
    enum tally_err err;

    open_arena();
    json = example(rows[_i].type);
    event_text_set(json, rows[_i].path,
                   rows[_i].json == NULL ? NULL
                                         : json_loads(rows[_i].json, JSON_DECODE_ANY, NULL));
    err = decode(json, &diag);
    if (rows[_i].word == NULL) {
        ck_assert_msg(err == TALLY_OK, "row %d, %s: %s", _i, rows[_i].path, diag.text);
    } else {
        ck_assert_msg(err == TALLY_E_MALFORMED, "row %d, %s: %s", _i, rows[_i].path,
                      tally_err_text(err));
        ck_assert_msg(strstr(diag.text, rows[_i].word) != NULL, "row %d, %s: %s", _i,
                      rows[_i].path, diag.text);
    }
    json_decref(json);
    close_arena();
}
END_TEST

/* A subject of each other form is refused, for each type that is about one form. */
START_TEST(subjects_of_other_kinds)
{
    static const char *const subjects[] = {
        "ledger/l",   "principal/p",   "base/b",    "dataset/d",      "code/c",
        "model/m",    "model/m/run/r", "request/r", "organisation/o", "environment/e",
        "endpoint/e", "incident/i",    "policy/p",  "hold/h",         "model/m/version/1",
    };
    const struct event_type_info *info = type_number((size_t)_i);

    open_arena();
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        if (event_subject_fits(info->subject, event_subject_kind(subjects[i], NULL))) continue;
        refused(info, "subject", json_string(subjects[i]), "subject");
    }
    close_arena();
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("event_types");
    TCase *cases = tcase_create("event_types");

    tcase_add_test(cases, table_is_whole);
    tcase_add_loop_test(cases, rows_fit_messages, 0, TYPES);
    tcase_add_loop_test(cases, examples_are_accepted, 0, TYPES);
    tcase_add_loop_test(cases, every_field_is_checked, 0, TYPES);
    tcase_add_loop_test(cases, between_fields_and_around, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(cases, subjects_of_other_kinds, 0, TYPES);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
