/* Messages against their rows: one walk for all payloads. */
#include <inttypes.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "event/canon.h"
#include "event/event.h"
#include "event/event_check.h"
#include "event/event_fields.h"

enum { DEPTH_MAX = 6, PLACE_SIZE = 128 }; /* payloads nest less deep */

/* Where in the event we are: "evaluation_recorded.metrics.name". */
struct place {
    const struct place *above;
    const char *name;
    struct tally_diag *diag;
};

static enum tally_err wrong(const struct place *place, const char *what)
{
    const char *names[DEPTH_MAX];
    char text[PLACE_SIZE] = "";
    size_t depth = 0, size = 0;

    for (const struct place *at = place; at != NULL && depth < DEPTH_MAX; at = at->above) {
        names[depth++] = at->name;
    }
    while (depth > 0 && size < sizeof text) {
        depth--;
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", names[depth],
                                 depth > 0 ? "." : "");
    }
    tally_diag_set(place->diag, "%s %s", text, what);
    return TALLY_E_MALFORMED;
}

static enum tally_err check_bytes(const struct event_field *row, struct bytes value,
                                  const struct place *place)
{
    char text[64];

    if (value.size == 0 && row->optional) return TALLY_OK;
    switch (row->form) {
    case FORM_HASH:
        if (value.size != 32) return wrong(place, "must have 32 bytes");
        if (event_hash_plausible(value)) return TALLY_OK;
        return wrong(place, "is a placeholder: give the SHA-256 of the real bytes");
    case FORM_KEY:
        if (value.size == EVENT_KEY_BYTES) return TALLY_OK;
        return wrong(place, "must be an Ed25519 key of 32 bytes");
    default:
        ASSERT(row->form == FORM_BYTES);
        if (value.size >= row->min && value.size <= row->max) return TALLY_OK;
        (void)snprintf(text, sizeof text, "must have %" PRIu64 " to %" PRIu64 " bytes",
                       row->min, row->max);
        return wrong(place, text);
    }
}

static enum tally_err check_string(const struct event_field *row, const char *value,
                                   const struct place *place)
{
    const uint64_t max = row->max > 0 ? row->max : LIMIT_TEXT_SIZE;
    char text[96];

    if (value[0] == '\0') return row->optional ? TALLY_OK : wrong(place, "is missing");
    switch (row->form) {
    case FORM_SEGMENT:
        if (event_segment_valid(value)) return TALLY_OK;
        return wrong(place, "must be 1 to 64 of a-z 0-9 . _ - (not . or ..)");
    case FORM_SUBJECT:
        if (event_subject_fits(row->kind, event_subject_kind(value, NULL))) return TALLY_OK;
        (void)snprintf(text, sizeof text, "must be %s",
                       row->kind == SUBJECT_ANY ? "a subject, as model/m"
                                                : event_subject_form(row->kind));
        return wrong(place, text);
    case FORM_SCOPE:
        if (event_scope_valid(value)) return TALLY_OK;
        return wrong(place, "must be the first segments of a subject, as in model/m");
    default:
        ASSERT(row->form == FORM_TEXT);
        if (strlen(value) <= max) return TALLY_OK;
        (void)snprintf(text, sizeof text, "is longer than %" PRIu64 " bytes", max);
        return wrong(place, text);
    }
}

static enum tally_err check_enum(const struct event_field *row,
                                 const ProtobufCFieldDescriptor *field, int value,
                                 const struct place *place)
{
    const ProtobufCEnumDescriptor *values = field->descriptor;
    char text[128];

    if (value != 0 || row->optional) return TALLY_OK; /* canon.c: it is registered */
    (void)snprintf(text, sizeof text, "is missing: a name of %s, as %s", values->short_name,
                   values->values[1].name);
    return wrong(place, text);
}

static enum tally_err check_number(const struct event_field *row,
                                   const ProtobufCFieldDescriptor *field, const void *at,
                                   const struct place *place)
{
    char text[96];
    uint64_t value;

    if (field->type == PROTOBUF_C_TYPE_SINT32 || field->type == PROTOBUF_C_TYPE_SINT64) {
        return TALLY_OK; /* digits and exponents of a Decimal: all of them */
    }
    value = canon_value_size(field) == 4 ? *(const uint32_t *)at : *(const uint64_t *)at;
    if (value == 0 && row->optional) return TALLY_OK;
    if (value >= row->min && (row->max == 0 || value <= row->max)) return TALLY_OK;
    if (row->max == 0) {
        (void)snprintf(text, sizeof text, "must be %" PRIu64 " or more", row->min);
    } else {
        (void)snprintf(text, sizeof text, "must be %" PRIu64 " to %" PRIu64, row->min,
                       row->max);
    }
    return wrong(place, text);
}

static enum tally_err check_message(const ProtobufCMessage *message,
                                    const struct event_message *rows,
                                    const struct place *place);

static enum tally_err check_value(const struct event_field *row,
                                  const ProtobufCFieldDescriptor *field, const void *at,
                                  const struct place *place)
{
    switch (row->form) {
    case FORM_HASH:
    case FORM_KEY:
    case FORM_BYTES:
        return check_bytes(row, canon_bytes(*(const ProtobufCBinaryData *)at), place);
    case FORM_SEGMENT:
    case FORM_TEXT:
    case FORM_SUBJECT:
    case FORM_SCOPE:
        return check_string(row, *(char *const *)at, place);
    case FORM_ENUM:
        return check_enum(row, field, *(const int *)at, place);
    case FORM_NUMBER:
    case FORM_TIME:
        return check_number(row, field, at, place);
    case FORM_FLAG:
        return TALLY_OK;
    case FORM_PART:
        if (*(void *const *)at == NULL)
            return row->optional ? TALLY_OK : wrong(place, "is missing");
        return check_message(*(ProtobufCMessage *const *)at, row->part, place);
    }
    UNREACHABLE("enum field_form");
}

/* Does `next` come after `last` in a list that ascends? */
static bool ascends(const ProtobufCFieldDescriptor *field, const void *last, const void *next)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        return strcmp(*(char *const *)last, *(char *const *)next) < 0;
    }
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData a = *(const ProtobufCBinaryData *)last;
        const ProtobufCBinaryData b = *(const ProtobufCBinaryData *)next;

        ASSERT(a.len == 32 && b.len == 32); /* hashes and keys */
        return memcmp(a.data, b.data, 32) < 0;
    }
    ASSERT(field->type == PROTOBUF_C_TYPE_ENUM);
    return *(const int *)last < *(const int *)next;
}

static enum tally_err check_list(const struct event_field *row,
                                 const ProtobufCFieldDescriptor *field,
                                 const ProtobufCMessage *message, const struct place *place)
{
    const size_t count = *(const size_t *)((const uint8_t *)message + field->quantifier_offset);
    const uint8_t *items = *(uint8_t *const *)((const uint8_t *)message + field->offset);
    const size_t size = canon_value_size(field);
    struct event_field element = *row;

    element.optional = false; /* a list may be empty; what is in it may not */
    if (count == 0 && !row->optional) return wrong(place, "is missing");
    if (count > LIMIT_REPEATED) return wrong(place, "has more than 256 elements");
    for (size_t i = 0; i < count; i++) {
        const enum tally_err err = check_value(&element, field, items + i * size, place);

        if (err != TALLY_OK) return err;
        if (i > 0 && row->sorted && !ascends(field, items + (i - 1) * size, items + i * size)) {
            return wrong(place, "must be ascending, each once");
        }
    }
    return TALLY_OK;
}

/* Rows nest as payloads do: a few levels, and never in a circle. */
static enum tally_err check_message(const ProtobufCMessage *message,
                                    const struct event_message *rows, const struct place *place)
{
    ASSERT(message->descriptor == rows->descriptor);
    for (size_t i = 0; i < rows->fields_count; i++) {
        const struct event_field *row = &rows->fields[i];
        const ProtobufCFieldDescriptor *field = &rows->descriptor->fields[i];
        const struct place here = {place, row->name, place->diag};
        const enum tally_err err =
            field->label == PROTOBUF_C_LABEL_REPEATED
                ? check_list(row, field, message, &here)
                : check_value(row, field, (const uint8_t *)message + field->offset, &here);

        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

enum tally_err event_check_fields(const struct ProtobufCMessage *message,
                                  const struct event_message *rows, const char *name,
                                  struct tally_diag *diag)
{
    const struct place top = {NULL, name, diag};

    return check_message(message, rows, &top);
}
