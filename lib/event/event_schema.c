/* JSON Schemas of events, from descriptors and rows. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event_describe.h"
#include "event/event_fields.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define SEGMENT "(?!\\.{1,2}(/|$))[a-z0-9._-]{1,64}"

enum { PATTERN_SIZE = 1024 };

static json_t *string_schema(const char *pattern, uint64_t min, uint64_t max)
{
    json_t *schema = json_pack("{s:s}", "type", "string");

    if (pattern != NULL) (void)json_object_set_new(schema, "pattern", json_string(pattern));
    if (min > 0) (void)json_object_set_new(schema, "minLength", json_integer((json_int_t)min));
    if (max > 0) (void)json_object_set_new(schema, "maxLength", json_integer((json_int_t)max));
    return schema;
}

/* "model/<name>/version/<version>" with every <...> as a segment; at the end of `to`. */
static void put_form(const char *form, char to[PATTERN_SIZE])
{
    for (const char *at = form; *at != '\0'; at++) {
        const size_t size = strlen(to);

        if (*at == '<') {
            (void)snprintf(to + size, PATTERN_SIZE - size, "%s", SEGMENT);
            at = strchr(at, '>');
        } else {
            (void)snprintf(to + size, PATTERN_SIZE - size, "%c", *at);
        }
    }
    ASSERT(strlen(to) < PATTERN_SIZE - 1);
}

static json_t *subject_schema(enum event_subject_kind asked)
{
    char pattern[PATTERN_SIZE] = "^(";
    bool first = true;

    for (int kind = SUBJECT_LEDGER; kind < SUBJECT_ANY; kind++) {
        if (!event_subject_fits(asked, (enum event_subject_kind)kind)) continue;
        if (!first) strncat(pattern, "|", sizeof pattern - strlen(pattern) - 1);
        first = false;
        put_form(event_subject_form((enum event_subject_kind)kind), pattern);
    }
    strncat(pattern, ")$", sizeof pattern - strlen(pattern) - 1);
    return string_schema(pattern, 0, LIMIT_SUBJECT_SIZE);
}

static json_t *enum_schema(const ProtobufCEnumDescriptor *values)
{
    json_t *names = json_array();

    for (unsigned i = 1; i < values->n_values; i++) { /* 0 is UNSPECIFIED: absent */
        (void)json_array_append_new(names, json_string(values->values[i].name));
    }
    return json_pack("{s:o}", "enum", names);
}

static json_t *number_schema(const struct event_field *row,
                             const ProtobufCFieldDescriptor *field)
{
    const bool large = row->max == 0 || row->max > INT64_MAX;
    json_t *integer;

    if (field->type == PROTOBUF_C_TYPE_SINT32) {
        return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", INT32_MIN, "maximum",
                         INT32_MAX);
    }
    if (field->type == PROTOBUF_C_TYPE_SINT64) return json_pack("{s:s}", "type", "integer");
    integer = json_pack("{s:s, s:I}", "type", "integer", "minimum",
                        (json_int_t)(row->optional ? 0 : row->min));
    if (canon_value_size(field) == 4) {
        const json_int_t max = large ? UINT32_MAX : (json_int_t)row->max;

        (void)json_object_set_new(integer, "maximum", json_integer(max));
        return integer;
    }
    (void)json_object_set_new(integer, "maximum",
                              json_integer(large ? INT64_MAX : (json_int_t)row->max));
    if (!large) return integer;
    /* JSON integers of the ledger end at 2^63 - 1; what is above stands in a string. */
    return json_pack("{s:[o, o]}", "anyOf", integer,
                     string_schema("^[1-9][0-9]{18,19}$", 0, 0));
}

static json_t *bytes_schema(uint64_t min, uint64_t max)
{
    char pattern[64];

    (void)snprintf(pattern, sizeof pattern, "^([0-9a-f]{2}){%llu,%llu}$",
                   (unsigned long long)min, (unsigned long long)max);
    return string_schema(pattern, 0, 0);
}

static json_t *message_schema(const struct event_message *rows);

static json_t *value_schema(const struct event_field *row,
                            const ProtobufCFieldDescriptor *field)
{
    switch (row->form) {
    case FORM_HASH:
    case FORM_KEY:
        return string_schema("^[0-9a-f]{64}$", 0, 0);
    case FORM_BYTES:
        return bytes_schema(row->min, row->max);
    case FORM_ENUM:
        return enum_schema(field->descriptor);
    case FORM_SEGMENT:
        return string_schema("^" SEGMENT "$", 0, 0);
    case FORM_TEXT:
        return string_schema(NULL, row->optional ? 0 : 1,
                             row->max > 0 ? row->max : LIMIT_TEXT_SIZE);
    case FORM_SUBJECT:
        return subject_schema(row->kind);
    case FORM_SCOPE:
        return string_schema("^" SEGMENT "(/" SEGMENT "){0,3}$", 0, LIMIT_SUBJECT_SIZE);
    case FORM_NUMBER:
    case FORM_TIME:
        return number_schema(row, field);
    case FORM_FLAG:
        return json_pack("{s:s}", "type", "boolean");
    case FORM_PART:
        return message_schema(row->part);
    }
    UNREACHABLE("enum field_form");
}

static json_t *field_schema(const struct event_field *row,
                            const ProtobufCFieldDescriptor *field)
{
    json_t *schema = value_schema(row, field);

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        schema = json_pack("{s:s, s:o, s:i}", "type", "array", "items", schema, "maxItems",
                           (int)LIMIT_REPEATED);
        if (!row->optional) (void)json_object_set_new(schema, "minItems", json_integer(1));
        if (row->sorted) (void)json_object_set_new(schema, "uniqueItems", json_true());
    }
    (void)json_object_set_new(schema, "description", json_string(row->text));
    return schema;
}

/* Rows nest as payloads do: a few levels, and never in a circle. */
static json_t *message_schema(const struct event_message *rows)
{
    json_t *properties = json_object(), *required = json_array();

    for (size_t i = 0; i < rows->fields_count; i++) {
        const struct event_field *row = &rows->fields[i];

        (void)json_object_set_new(properties, row->name,
                                  field_schema(row, &rows->descriptor->fields[i]));
        if (!row->optional) (void)json_array_append_new(required, json_string(row->name));
    }
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties,
                     "required", required, "additionalProperties", 0);
}

/* One of the elements must have this value. */
static void must_contain(json_t *schema, const char *list, const char *key, const char *value)
{
    json_t *property = json_object_get(json_object_get(schema, "properties"), list);

    (void)json_object_set_new(property, "contains",
                              json_pack("{s:s, s:{s:{s:s}}, s:[s]}", "type", "object",
                                        "properties", key, "const", value, "required", key));
    (void)json_array_append_new(json_object_get(schema, "required"), json_string(list));
}

static json_t *schema_of(const struct event_type_info *info)
{
    json_t *schema = message_schema(&event_envelope);
    json_t *properties = json_object_get(schema, "properties");
    json_t *required = json_object_get(schema, "required");
    json_t *payload = message_schema(event_payload(info->type));
    char name[EVENT_PAYLOAD_NAME_SIZE];
    size_t rules_count;
    const struct event_ref_rule *rules = event_ref_rules(info->type, &rules_count);

    (void)json_object_set_new(schema, "$schema", json_string(DIALECT));
    (void)json_object_set_new(schema, "title", json_string(info->name));
    (void)json_object_set_new(schema, "description", json_string(info->text));
    (void)json_object_set_new(properties, "subject", subject_schema(info->subject));
    (void)event_payload_name(info->type, name);
    (void)json_object_set_new(properties, name, payload);
    (void)json_array_append_new(required, json_string(name));
    if (info->head == HEAD_CLAIMED) {
        (void)json_array_append_new(required, json_string("expected_head"));
    }
    if (info->artifact != NULL) must_contain(schema, "artifacts", "role", info->artifact);
    for (size_t i = 0; i < rules_count; i++) { /* no type asks for two */
        if ((rules[i].flags & REF_REQUIRED) == 0) continue;
        must_contain(
            schema, "refs", "rel",
            protobuf_c_enum_descriptor_get_value(&tally__rel__descriptor, rules[i].rel)->name);
    }
    return schema;
}

enum tally_err event_schema(enum event_type type, struct arena *arena, struct bytes *ret_json)
{
    json_t *schema = schema_of(event_type_info(type));
    char *text = schema == NULL ? NULL : json_dumps(schema, JSON_INDENT(2));

    json_decref(schema);
    if (text == NULL) return TALLY_E_NO_MEMORY;
    *ret_json = arena_copy(arena, bytes_of(text, strlen(text)));
    free(text);
    return ret_json->data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}
