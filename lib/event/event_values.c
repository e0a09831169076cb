#include "event/event_values.h"

#include <ctype.h>
#include <protobuf-c/protobuf-c.h>
#include <string.h>

#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event_fields.h"

/* "lora" of RUN_METHOD_LORA: the first value of every enum is <prefix>UNSPECIFIED. */
static const char *word_of(const ProtobufCEnumDescriptor *values, int value,
                           struct arena *arena)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(values, value);
    const ProtobufCEnumValue *none = protobuf_c_enum_descriptor_get_value(values, 0);
    const size_t prefix = strlen(none->name) - strlen("UNSPECIFIED");
    const char *word = found->name + prefix;
    char *lower = arena_zalloc(arena, 1, strlen(word) + 1);

    for (size_t i = 0; lower != NULL && word[i] != '\0'; i++) {
        lower[i] = (char)tolower((unsigned char)word[i]);
    }
    return lower;
}

/* False: it is none that a rule can ask of, or absent. */
static bool value_of(const struct event_field *row, const ProtobufCFieldDescriptor *field,
                     const void *at, struct arena *arena, struct event_value *ret_value,
                     enum tally_err *ret_err)
{
    *ret_value = (struct event_value){.name = row->name};
    switch (row->form) {
    case FORM_ENUM:
        if (*(const int *)at == 0) return false;
        ret_value->text = word_of(field->descriptor, *(const int *)at, arena);
        if (ret_value->text == NULL) *ret_err = TALLY_E_NO_MEMORY;
        return true;
    case FORM_SEGMENT:
    case FORM_TEXT:
    case FORM_SUBJECT:
    case FORM_SCOPE:
        ret_value->text = *(char *const *)at;
        return ret_value->text[0] != '\0';
    case FORM_NUMBER:
    case FORM_TIME:
        if (field->type == PROTOBUF_C_TYPE_SINT32 || field->type == PROTOBUF_C_TYPE_SINT64)
            return false;
        ret_value->number =
            canon_value_size(field) == 4 ? *(const uint32_t *)at : *(const uint64_t *)at;
        return true;
    case FORM_FLAG:
        ret_value->number = *(const protobuf_c_boolean *)at ? 1 : 0;
        return true;
    case FORM_HASH:
    case FORM_KEY:
    case FORM_BYTES:
    case FORM_PART:
        break;
    }
    return false;
}

enum tally_err event_values(struct bytes event, struct arena *arena,
                            struct event_value *ret_values, uint32_t max, uint32_t *ret_count)
{
    ProtobufCMessage *message = NULL;
    const ProtobufCFieldDescriptor *payload_field;
    const ProtobufCMessage *payload;
    const struct event_message *rows;
    enum tally_err err = canon_unpack(&tally__event__descriptor, event, arena, &message, NULL);

    *ret_count = 0;
    if (err != TALLY_OK) return err;
    const unsigned type = (unsigned)((const Tally__Event *)message)->payload_case;

    payload_field = protobuf_c_message_descriptor_get_field(&tally__event__descriptor, type);
    if (payload_field == NULL || event_type_info(type) == NULL) return TALLY_E_MALFORMED;
    payload = *(ProtobufCMessage *const *)((const uint8_t *)message + payload_field->offset);
    rows = event_payload((enum event_type)type);
    for (size_t i = 0; i < rows->fields_count && *ret_count < max && err == TALLY_OK; i++) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
            rows->descriptor, rows->fields[i].name);

        if (field == NULL || field->label == PROTOBUF_C_LABEL_REPEATED) continue;
        if (value_of(&rows->fields[i], field, (const uint8_t *)payload + field->offset, arena,
                     &ret_values[*ret_count], &err))
            ++*ret_count;
    }
    return err;
}
