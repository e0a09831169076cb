/* Messages and JSON through protobuf-c's descriptors: one walk for all types. */
#include "event/event_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/decimal.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event.h"
#include "event/record.h"
#include "event/rules.h"
#include "ledger.pb-c.h"

enum { DEPTH_MAX = 8, PLACE_SIZE = 128 }; /* schemas nest less deep */

/* Where in the JSON text we are, for messages: "event.artifacts[1].role". */
struct place {
    const struct place *above;
    const char *key;
    size_t element; /* SIZE_MAX: not in a list */
};

struct walk {
    struct arena *arena;
    struct tally_diag *diag;
};

static void place_text(const struct place *place, char text[PLACE_SIZE])
{
    struct bytes_writer writer = bytes_writer(text, PLACE_SIZE - 1);
    const struct place *chain[DEPTH_MAX + 2];
    size_t depth = 0;

    for (; place != NULL && depth < DEPTH_MAX + 2; place = place->above) chain[depth++] = place;
    while (depth > 0) {
        const struct place *next = chain[--depth];
        char element[24];

        if (next->key == NULL) continue;
        if (writer.at > 0) bytes_put(&writer, ".", 1);
        bytes_put(&writer, next->key, strlen(next->key));
        if (next->element == SIZE_MAX) continue;
        snprintf(element, sizeof element, "[%zu]", next->element);
        bytes_put(&writer, element, strlen(element));
    }
    text[writer.at] = '\0'; /* what did not fit is left out */
}

static enum tally_err wrong(const struct walk *walk, const struct place *place,
                            const char *what)
{
    char text[PLACE_SIZE];

    place_text(place, text);
    tally_diag_set(walk->diag, "%s: %s", text[0] == '\0' ? "the JSON text" : text, what);
    return TALLY_E_MALFORMED;
}

/* ---- JSON to message ---- */

static enum tally_err take_message(const struct walk *walk, const json_t *json,
                                   const ProtobufCMessageDescriptor *descriptor,
                                   const struct place *place, ProtobufCMessage **ret_message);

static enum tally_err take_bytes(const struct walk *walk, const json_t *json,
                                 const struct place *place, ProtobufCBinaryData *to)
{
    const char *hex = json_string_value(json);
    const size_t size = json_string_length(json);

    if (hex == NULL || size % 2 != 0)
        return wrong(walk, place, "must be lower-case hex in a string");
    to->len = size / 2;
    to->data = arena_alloc(walk->arena, to->len);
    if (to->data == NULL) return TALLY_E_NO_MEMORY;
    if (!bytes_unhex(hex, size, to->data, to->len)) {
        return wrong(walk, place, "must be lower-case hex in a string");
    }
    return TALLY_OK;
}

static enum tally_err take_string(const struct walk *walk, const json_t *json,
                                  const struct place *place, char **to)
{
    struct bytes copy;

    if (!json_is_string(json)) return wrong(walk, place, "must be a string");
    if (!bytes_utf8(json_string_value(json), json_string_length(json))) {
        return wrong(walk, place, "must be UTF-8 without NUL");
    }
    copy = arena_copy(walk->arena, bytes_of(json_string_value(json), json_string_length(json)));
    if (copy.data == NULL) return TALLY_E_NO_MEMORY;
    *to = (char *)copy.data;
    return TALLY_OK;
}

static enum tally_err take_integer(const struct walk *walk, const json_t *json,
                                   const struct place *place, int64_t min, int64_t max,
                                   int64_t *ret_value)
{
    if (!json_is_integer(json)) return wrong(walk, place, "must be an integer");
    *ret_value = json_integer_value(json);
    if (*ret_value < min || *ret_value > max) return wrong(walk, place, "is out of range");
    return TALLY_OK;
}

/* JSON integers end at 2^63 - 1; what is above stands in a string, and only that. */
static enum tally_err take_uint64(const struct walk *walk, const json_t *json,
                                  const struct place *place, uint64_t *ret_value)
{
    int64_t integer = 0;
    enum tally_err err;

    if (json_is_string(json)) {
        if (decimal_parse(json_string_value(json), json_string_length(json), UINT64_MAX,
                          ret_value) &&
            *ret_value > INT64_MAX) {
            return TALLY_OK;
        }
        return wrong(walk, place, "must be an integer; only above 2^63 - 1 in a string");
    }
    err = take_integer(walk, json, place, 0, INT64_MAX, &integer);
    if (err == TALLY_OK) *ret_value = (uint64_t)integer;
    return err;
}

static enum tally_err take_enum(const struct walk *walk, const json_t *json,
                                const ProtobufCEnumDescriptor *descriptor,
                                const struct place *place, int *to)
{
    const ProtobufCEnumValue *value =
        json_is_string(json)
            ? protobuf_c_enum_descriptor_get_value_by_name(descriptor, json_string_value(json))
            : NULL;
    char text[200];

    if (value == NULL) {
        snprintf(text, sizeof text, "must be a name of %s, as %s", descriptor->short_name,
                 descriptor->values[descriptor->n_values > 1 ? 1 : 0].name);
        return wrong(walk, place, text);
    }
    *to = value->value;
    return TALLY_OK;
}

/* One value of `field` at `to`. */
static enum tally_err take_value(const struct walk *walk, const json_t *json,
                                 const ProtobufCFieldDescriptor *field,
                                 const struct place *place, void *to)
{
    enum tally_err err = TALLY_OK;
    int64_t integer = 0;

    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return take_bytes(walk, json, place, to);
    case PROTOBUF_C_TYPE_STRING:
        return take_string(walk, json, place, to);
    case PROTOBUF_C_TYPE_MESSAGE:
        return take_message(walk, json, field->descriptor, place, to);
    case PROTOBUF_C_TYPE_ENUM:
        return take_enum(walk, json, field->descriptor, place, to);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(json)) return wrong(walk, place, "must be true or false");
        *(protobuf_c_boolean *)to = json_is_true(json);
        return TALLY_OK;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        err = take_integer(walk, json, place, 0, UINT32_MAX, &integer);
        if (err == TALLY_OK) *(uint32_t *)to = (uint32_t)integer;
        return err;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        err = take_integer(walk, json, place, INT32_MIN, INT32_MAX, &integer);
        if (err == TALLY_OK) *(int32_t *)to = (int32_t)integer;
        return err;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return take_uint64(walk, json, place, to);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        err = take_integer(walk, json, place, INT64_MIN, INT64_MAX, &integer);
        if (err == TALLY_OK) *(int64_t *)to = integer;
        return err;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        break;
    }
    UNREACHABLE("no schema has fractions");
}

static enum tally_err take_list(const struct walk *walk, const json_t *json,
                                const ProtobufCFieldDescriptor *field,
                                const struct place *place, ProtobufCMessage *message)
{
    const size_t count = json_array_size(json);
    uint8_t *items = arena_zalloc(walk->arena, count, canon_value_size(field));

    if (!json_is_array(json)) return wrong(walk, place, "must be a list");
    if (items == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct place element = {place->above, place->key, i};
        enum tally_err err = take_value(walk, json_array_get(json, i), field, &element,
                                        items + i * canon_value_size(field));

        if (err != TALLY_OK) return err;
    }
    *(size_t *)((uint8_t *)message + field->quantifier_offset) = count;
    *(uint8_t **)((uint8_t *)message + field->offset) = items;
    return TALLY_OK;
}

static enum tally_err take_field(const struct walk *walk, const json_t *json,
                                 const ProtobufCFieldDescriptor *field,
                                 const struct place *place, ProtobufCMessage *message)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return take_list(walk, json, field, place, message);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = (uint32_t *)((uint8_t *)message + field->quantifier_offset);

        if (*which != 0) return wrong(walk, place, "is a second payload; an event has one");
        *which = field->id;
    }
    return take_value(walk, json, field, place, (uint8_t *)message + field->offset);
}

static enum tally_err take_message(const struct walk *walk, const json_t *json,
                                   const ProtobufCMessageDescriptor *descriptor,
                                   const struct place *place, ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message = arena_alloc(walk->arena, descriptor->sizeof_message);
    const char *key;
    json_t *value;

    if (message == NULL) return TALLY_E_NO_MEMORY;
    if (!json_is_object(json)) return wrong(walk, place, "must be an object");
    protobuf_c_message_init(descriptor, message);
    json_object_foreach((json_t *)json, key, value)
    {
        const struct place here = {place, key, SIZE_MAX};
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field_by_name(descriptor, key);
        enum tally_err err;

        if (field == NULL) return wrong(walk, &here, "is no field here; see proto/event.proto");
        err = take_field(walk, value, field, &here, message);
        if (err != TALLY_OK) return err;
    }
    *ret_message = message;
    return TALLY_OK;
}

enum tally_err event_json_decode(struct bytes json, struct arena *arena,
                                 struct bytes *ret_event, struct tally_diag *diag)
{
    const struct walk walk = {arena, diag};
    const struct place top = {NULL, NULL, SIZE_MAX};
    ProtobufCMessage *message = NULL;
    json_error_t error;
    enum tally_err err;
    json_t *root;

    if (json.size > 16 * (size_t)LIMIT_EVENT_SIZE) {
        tally_diag_set(diag, "the JSON text has %zu bytes, over the limit of %d", json.size,
                       16 * (int)LIMIT_EVENT_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    root = json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        tally_diag_set(diag, "line %d, column %d: %s", error.line, error.column, error.text);
        return TALLY_E_MALFORMED;
    }
    err = take_message(&walk, root, &tally__event__descriptor, &top, &message);
    json_decref(root);
    if (err != TALLY_OK) return err;
    *ret_event = canon_pack(message, arena);
    if (ret_event->data == NULL) return TALLY_E_NO_MEMORY;
    if (ret_event->size > LIMIT_EVENT_SIZE) {
        tally_diag_set(diag, "the event has %zu bytes, over the limit of %d", ret_event->size,
                       (int)LIMIT_EVENT_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    return TALLY_OK;
}

/* ---- message to JSON; NULL without memory ---- */

static json_t *give_message(const ProtobufCMessage *message);

static json_t *give_bytes(struct bytes bytes)
{
    char *hex = malloc(2 * bytes.size + 1);
    json_t *json;

    if (hex == NULL) return NULL;
    bytes_hex(bytes.data, bytes.size, hex);
    json = json_string(hex);
    free(hex);
    return json;
}

static json_t *give_value(const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return give_bytes(canon_bytes(*(const ProtobufCBinaryData *)at));
    case PROTOBUF_C_TYPE_STRING:
        return json_string(*(char *const *)at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return give_message(*(ProtobufCMessage *const *)at);
    case PROTOBUF_C_TYPE_ENUM:
        return json_string(
            protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)at)->name);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer((json_int_t) * (const uint32_t *)at);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer((json_int_t) * (const int32_t *)at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: {
        const uint64_t value = *(const uint64_t *)at;
        char text[24];

        if (value <= INT64_MAX) return json_integer((json_int_t)value);
        snprintf(text, sizeof text, "%" PRIu64, value); /* as take_uint64 wants it */
        return json_string(text);
    }
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return json_integer((json_int_t) * (const int64_t *)at);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        break;
    }
    UNREACHABLE("no schema has fractions");
}

/* Is the field on the wire? Zero and absent are the same. */
static bool given(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const uint8_t *at = (const uint8_t *)message + field->offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return *(const size_t *)((const uint8_t *)message + field->quantifier_offset) > 0;
    }
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        return *(const uint32_t *)((const uint8_t *)message + field->quantifier_offset) ==
               field->id;
    }
    if (field->type == PROTOBUF_C_TYPE_BYTES) return ((const ProtobufCBinaryData *)at)->len > 0;
    if (field->type == PROTOBUF_C_TYPE_STRING) return (*(char *const *)at)[0] != '\0';
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) return *(void *const *)at != NULL;
    for (size_t i = 0; i < canon_value_size(field); i++) {
        if (at[i] != 0) return true;
    }
    return false;
}

static json_t *give_field(const ProtobufCMessage *message,
                          const ProtobufCFieldDescriptor *field)
{
    const uint8_t *at = (const uint8_t *)message + field->offset;
    json_t *list;

    if (field->label != PROTOBUF_C_LABEL_REPEATED) return give_value(field, at);
    list = json_array();
    at = *(uint8_t *const *)at;
    for (size_t i = 0;
         i < *(const size_t *)((const uint8_t *)message + field->quantifier_offset); i++) {
        json_array_append_new(list, give_value(field, at + i * canon_value_size(field)));
    }
    return list;
}

static json_t *give_message(const ProtobufCMessage *message)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

        if (given(message, field)) {
            json_object_set_new(object, field->name, give_field(message, field));
        }
    }
    return object;
}

static enum tally_err give_text(json_t *json, bool pretty, struct arena *arena,
                                struct bytes *ret_json)
{
    char *text = json_dumps(json, pretty ? JSON_INDENT(2) : JSON_COMPACT);

    json_decref(json);
    if (text == NULL) return TALLY_E_NO_MEMORY;
    *ret_json = arena_copy(arena, bytes_of(text, strlen(text)));
    free(text);
    return ret_json->data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

enum tally_err event_json_encode(struct bytes event, bool pretty, struct arena *arena,
                                 struct bytes *ret_json, struct tally_diag *diag)
{
    ProtobufCMessage *message = NULL;
    enum tally_err err = canon_unpack(&tally__event__descriptor, event, arena, &message, diag);

    if (err != TALLY_OK) return err;
    return give_text(give_message(message), pretty, arena, ret_json);
}

/* What readers want beside an event record's fields. */
static enum tally_err add_event_facts(json_t *json, const struct record *record,
                                      struct arena *arena, struct tally_diag *diag)
{
    json_t *body = json_object_get(json, "event"), *names = json_array();
    ProtobufCMessage *message = NULL;
    struct event event;
    enum tally_err err = record_event(record, arena, &event, diag);

    if (err == TALLY_OK) {
        err =
            canon_unpack(&tally__event__descriptor, record->event.event, arena, &message, diag);
    }
    if (err != TALLY_OK) {
        json_decref(names);
        return err;
    }
    json_object_set_new(body, "event", give_message(message));
    json_object_set_new(body, "event_hash", give_bytes(bytes_of(event.hash.bytes, 32)));
    if (event_type_info(event.type) != NULL) {
        json_object_set_new(body, "type", json_string(event_type_info(event.type)->name));
    }
    for (uint32_t i = 0; i < record->event.decision.failed_rules_count; i++) {
        json_array_append_new(
            names, json_string(decide_rule_name(record->event.decision.failed_rules[i])));
    }
    if (json_array_size(names) > 0) {
        json_object_set(body, "failed_rule_names", names);
    }
    json_decref(names);
    return TALLY_OK;
}

enum tally_err record_json_encode(struct bytes record, bool pretty, struct arena *arena,
                                  struct bytes *ret_json, struct tally_diag *diag)
{
    ProtobufCMessage *message = NULL;
    struct tally_hash leaf_hash;
    struct record view;
    json_t *json, *index;
    enum tally_err err = record_decode(record, arena, &view, diag);

    if (err == TALLY_OK) {
        err = canon_unpack(&tally__record__descriptor, record, arena, &message, diag);
    }
    if (err != TALLY_OK) return err;
    json = json_object();
    index = give_message(message);
    json_object_set_new(json, "index",
                        json_integer((json_int_t)view.index)); /* 0 is shown, too */
    json_object_update_missing(json, index);
    json_decref(index);
    hash_leaf(record.data, record.size, &leaf_hash);
    json_object_set_new(json, "leaf_hash", give_bytes(bytes_of(leaf_hash.bytes, 32)));
    if (view.kind == RECORD_EVENT) err = add_event_facts(json, &view, arena, diag);
    if (err != TALLY_OK) {
        json_decref(json);
        return err;
    }
    return give_text(json, pretty, arena, ret_json);
}
