/* Descriptions and examples of event types. */
#include "event/event_describe.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event.h"
#include "event/event_fields.h"
#include "event/event_json.h"
#include "event/rules.h"

/* Payloads nest a few levels; a field's whole name is short. */
enum { NAME_SIZE = 96 };

const char *event_payload_name(enum event_type type, char to[EVENT_PAYLOAD_NAME_SIZE])
{
    (void)snprintf(to, EVENT_PAYLOAD_NAME_SIZE, "%s", event_type_info(type)->name);
    for (char *c = to; *c != '\0'; c++) {
        if (*c == '.') *c = '_';
    }
    return to;
}

const char *event_example_subject(enum event_type type)
{
    switch (event_type_info(type)->subject) {
    case SUBJECT_LEDGER:
        return "ledger/acme-ledger";
    case SUBJECT_PRINCIPAL:
        return "principal/alice";
    case SUBJECT_BASE:
        return "base/acme-base-7b";
    case SUBJECT_DATASET:
        return "dataset/loans-2025";
    case SUBJECT_CODE:
        return "code/trainer-1.2";
    case SUBJECT_MODEL:
        return "model/credit-scorer";
    case SUBJECT_RUN:
        return "model/credit-scorer/run/r12";
    case SUBJECT_ORGANISATION:
        return "organisation/acme";
    case SUBJECT_UNIT:
        return "organisation/acme/unit/credit";
    case SUBJECT_SITE:
        return "organisation/acme/site/oslo";
    case SUBJECT_ENVIRONMENT:
        return "environment/production";
    case SUBJECT_ENDPOINT:
        return "endpoint/scoring-eu";
    case SUBJECT_REQUEST:
        return "request/2026-4";
    case SUBJECT_INCIDENT:
        return "incident/2026-17";
    case SUBJECT_POLICY:
        return "policy/main";
    case SUBJECT_HOLD:
        return "hold/2026-1";
    case SUBJECT_VERSION:
    case SUBJECT_ANY:
    case SUBJECT_NONE:
        break;
    }
    return "model/credit-scorer/version/7";
}

/* ---- examples ---- */

/* A hash for examples: SHA-256 of what it stands for. */
static json_t *example_hash(const char *of, size_t size)
{
    struct tally_hash hash;
    char hex[65];

    hash_sha256(of, strlen(of), &hash);
    bytes_hex(hash.bytes, size, hex);
    return json_string(hex);
}

static json_t *example_message(const struct event_message *rows);

static json_t *example_value(const struct event_field *row,
                             const ProtobufCFieldDescriptor *field)
{
    const ProtobufCEnumDescriptor *values = field->descriptor;

    switch (row->form) {
    case FORM_HASH:
    case FORM_KEY:
        return example_hash(row->name, 32);
    case FORM_BYTES:
        return example_hash(row->name, row->max < 32 ? row->max : 32);
    case FORM_ENUM:
        return json_string(values->values[1].name);
    case FORM_SEGMENT:
    case FORM_TEXT:
    case FORM_SUBJECT:
    case FORM_SCOPE:
        return json_string(row->example);
    case FORM_NUMBER:
    case FORM_TIME:
        return json_integer(strtoll(row->example, NULL, 10));
    case FORM_FLAG:
        return json_true();
    case FORM_PART:
        return example_message(row->part);
    }
    UNREACHABLE("enum field_form");
}

/* Rows nest as payloads do: a few levels, and never in a circle. */
static json_t *example_message(const struct event_message *rows)
{
    json_t *object = json_object();

    for (size_t i = 0; i < rows->fields_count; i++) {
        const struct event_field *row = &rows->fields[i];
        const ProtobufCFieldDescriptor *field = &rows->descriptor->fields[i];
        json_t *value;

        if (row->optional && row->example == NULL) continue;
        value = example_value(row, field);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) value = json_pack("[o]", value);
        (void)json_object_set_new(object, row->name, value);
    }
    return object;
}

static const char *rel_name(uint8_t rel)
{
    return protobuf_c_enum_descriptor_get_value(&tally__rel__descriptor, rel)->name;
}

static json_t *example_of(const struct event_type_info *info)
{
    json_t *event = json_pack("{s:s}", "subject", event_example_subject(info->type));
    char name[EVENT_PAYLOAD_NAME_SIZE];
    json_t *refs = json_array();
    size_t rules_count;
    const struct event_ref_rule *rules = event_ref_rules(info->type, &rules_count);

    if (info->head == HEAD_CLAIMED) {
        (void)json_object_set_new(event, "expected_head", example_hash("expected_head", 32));
    }
    if (info->artifact != NULL) {
        json_t *artifact = example_message(&event_part_artifact);

        (void)json_object_set_new(artifact, "role", json_string(info->artifact));
        (void)json_object_set_new(event, "artifacts", json_pack("[o]", artifact));
    }
    for (size_t i = 0; i < rules_count; i++) {
        if ((rules[i].flags & REF_REQUIRED) == 0) continue;
        (void)json_array_append_new(refs,
                                    json_pack("{s:s, s:o}", "rel", rel_name(rules[i].rel),
                                              "event_hash", example_hash(rules[i].text, 32)));
    }
    if (json_array_size(refs) > 0) (void)json_object_set(event, "refs", refs);
    json_decref(refs);
    (void)json_object_set_new(event, event_payload_name(info->type, name),
                              example_message(event_payload(info->type)));
    return event;
}

static enum tally_err give_text(json_t *json, struct arena *arena, struct bytes *ret_json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));

    json_decref(json);
    if (text == NULL) return TALLY_E_NO_MEMORY;
    *ret_json = arena_copy(arena, bytes_of(text, strlen(text)));
    free(text);
    return ret_json->data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

enum tally_err event_example(enum event_type type, struct arena *arena, struct bytes *ret_json)
{
    return give_text(example_of(event_type_info(type)), arena, ret_json);
}

/* ---- descriptions ---- */

static const char *form_name(const struct event_field *row)
{
    switch (row->form) {
    case FORM_HASH:
        return "hash";
    case FORM_KEY:
        return "key";
    case FORM_BYTES:
        return "bytes";
    case FORM_ENUM:
        return "name";
    case FORM_SEGMENT:
        return "segment";
    case FORM_TEXT:
        return "text";
    case FORM_SUBJECT:
        return row->kind == SUBJECT_ANY ? "subject" : event_subject_form(row->kind);
    case FORM_SCOPE:
        return "scope";
    case FORM_NUMBER:
        return "integer";
    case FORM_TIME:
        return "time in ms";
    case FORM_FLAG:
        return "true";
    case FORM_PART:
        return "object";
    }
    UNREACHABLE("enum field_form");
}

/* Append one object for each field, those of parts after their part. */
static void describe_fields(const struct event_message *rows, const char *above, json_t *list)
{
    for (size_t i = 0; i < rows->fields_count; i++) {
        const struct event_field *row = &rows->fields[i];
        const ProtobufCFieldDescriptor *field = &rows->descriptor->fields[i];
        char name[NAME_SIZE];
        json_t *object;

        (void)snprintf(name, sizeof name, "%s%s%s", above, above[0] == '\0' ? "" : ".",
                       row->name);
        object = json_pack("{s:s, s:s, s:b, s:b, s:s}", "name", name, "form", form_name(row),
                           "required", !row->optional, "list",
                           field->label == PROTOBUF_C_LABEL_REPEATED, "text", row->text);
        if (row->form == FORM_ENUM) {
            const ProtobufCEnumDescriptor *values = field->descriptor;
            json_t *names = json_array();

            for (unsigned k = 1; k < values->n_values; k++) {
                (void)json_array_append_new(names, json_string(values->values[k].name));
            }
            (void)json_object_set_new(object, "values", names);
        }
        if (row->form == FORM_NUMBER && row->min > 0) {
            (void)json_object_set_new(object, "min", json_integer((json_int_t)row->min));
        }
        if (row->max > 0) {
            (void)json_object_set_new(object, "max", json_integer((json_int_t)row->max));
        }
        (void)json_array_append_new(list, object);
        if (row->form == FORM_PART) describe_fields(row->part, name, list);
    }
}

static json_t *describe_refs(const struct event_type_info *info)
{
    json_t *list = json_array();
    size_t rules_count;
    const struct event_ref_rule *rules = event_ref_rules(info->type, &rules_count);

    for (size_t i = 0; i < rules_count; i++) {
        json_t *types = json_array();

        for (size_t k = 0; k < 2 && rules[i].targets[k] != 0; k++) {
            (void)json_array_append_new(
                types, json_string(event_type_info(rules[i].targets[k])->name));
        }
        (void)json_array_append_new(
            list, json_pack("{s:s, s:b, s:b, s:o, s:s}", "rel", rel_name(rules[i].rel),
                            "required", (rules[i].flags & REF_REQUIRED) != 0, "same_subject",
                            (rules[i].flags & REF_SAME_SUBJECT) != 0, "names", types, "text",
                            rules[i].text));
    }
    return list;
}

static json_t *describe_roles(const struct event_type_info *info)
{
    json_t *list = json_array();

    for (int role = ROLE_NONE + 1; role < ROLES_END; role++) {
        if (!role_may((enum role)role, (uint32_t)info->type)) continue;
        (void)json_array_append_new(list, json_string(role_name((enum role)role)));
    }
    return list;
}

enum tally_err event_description(enum event_type type, struct arena *arena,
                                 struct bytes *ret_json)
{
    static const char *const needs[] = {[NEED_NOTHING] = "what the rules of the type say",
                                        [NEED_NEW] = "not registered",
                                        [NEED_KNOWN] = "registered",
                                        [NEED_LIVE] = "registered, and not ended"};
    static const char *const effects[] = {[EFFECT_NONE] = "none",
                                          [EFFECT_REGISTERS] = "the subject is registered",
                                          [EFFECT_ENDS] = "the subject has ended",
                                          [EFFECT_FAILS] = "the subject has failed",
                                          [EFFECT_RETRACTS] =
                                              "the event that it corrects is retracted"};
    const struct event_type_info *info = event_type_info(type);
    char payload[EVENT_PAYLOAD_NAME_SIZE];
    json_t *fields = json_array(), *json;

    describe_fields(event_payload(type), "", fields);
    json = json_pack(
        "{s:s, s:i, s:s, s:b, s:s*, s:s, s:s, s:o, s:b, s:b, s:s, s:s, s:s*, s:o, s:s, s:o}",
        "name", info->name, "number", (int)type, "text", info->text, "open",
        info->closed == NULL, "closed", info->closed, "subject",
        event_subject_form(info->subject), "actor_signs_as",
        event_meaning_name(info->actor_meaning), "may_append", describe_roles(info),
        "becomes_head", info->head != HEAD_STAYS, "expected_head", info->head == HEAD_CLAIMED,
        "subject_must_be", needs[info->need], "effect", effects[info->effect], "artifact",
        info->artifact, "refs", describe_refs(info), "payload",
        event_payload_name(type, payload), "fields", fields);
    if (json != NULL && type != EVENT_LEDGER_GENESIS) {
        (void)json_object_set_new(json, "example", example_of(info));
    }
    return give_text(json, arena, ret_json);
}
