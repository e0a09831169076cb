#include "event/canon.h"

#include <string.h>

#include "base/limits.h"

/* An arena as protobuf-c's allocator, with its own budget. */
struct budget {
    struct arena *arena;
    size_t left;
    bool no_memory; /* the arena refused, not the budget */
};

static void *budget_alloc(void *context, size_t size)
{
    struct budget *budget = context;

    if (size > budget->left) return NULL;
    budget->left -= size;
    void *given = arena_alloc(budget->arena, size);

    if (given == NULL) budget->no_memory = true;
    return given;
}

static void budget_free(void *context, void *pointer)
{
    (void)context;
    (void)pointer; /* the arena frees all at once */
}

struct bytes canon_bytes(ProtobufCBinaryData data)
{
    return bytes_of(data.data, data.len);
}

ProtobufCBinaryData canon_data(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)data};
}

/* One scalar of a field: a string must be UTF-8 (a NUL shows in the length that we pack), an
 * enum value must be registered. */
static bool scalar_valid(const ProtobufCFieldDescriptor *field, const void *at)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(char *const *)at;

        return text == NULL || bytes_utf8(text, strlen(text));
    }
    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        return protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)at) !=
               NULL;
    }
    return true;
}

static bool field_present(const ProtobufCMessage *message,
                          const ProtobufCFieldDescriptor *field)
{
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        const void *which = (const uint8_t *)message + field->quantifier_offset;

        return *(const uint32_t *)which == field->id;
    }
    if (field->label != PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return *(void *const *)((const uint8_t *)message + field->offset) != NULL;
    }
    return true;
}

size_t canon_value_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    }
    return 1;
}

/* The schemas nest a few levels and never refer to themselves, so the depth is theirs. */
static const char *first_fault(const ProtobufCMessage *message)
{
    if (message->n_unknown_fields > 0) return "an unknown field";
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const uint8_t *at = (const uint8_t *)message + field->offset;
        size_t count = 1;

        if (!field_present(message, field)) continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            count = *(const size_t *)((const uint8_t *)message + field->quantifier_offset);
            at = *(uint8_t *const *)at;
        }
        for (size_t k = 0; k < count; k++, at += canon_value_size(field)) {
            if (!scalar_valid(field, at)) return field->name;
            if (field->type != PROTOBUF_C_TYPE_MESSAGE) continue;
            const char *fault = first_fault(*(ProtobufCMessage *const *)at);

            if (fault != NULL) return fault;
        }
    }
    return NULL;
}

/* Where protobuf-c packs to: nowhere, only the bytes that it must give are compared. */
struct comparison {
    ProtobufCBuffer base;
    struct bytes_reader expected;
    bool same;
};

static void compare_next(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
    struct comparison *comparison = (struct comparison *)buffer;
    const struct bytes_reader *expected = &comparison->expected;

    if (!comparison->same) return;
    if (size > expected->size - expected->at) {
        comparison->same = false;
        return;
    }
    if (size == 0) return;
    comparison->same = memcmp(bytes_get(&comparison->expected, size), data, size) == 0;
}

/* Is this what we would write for the message? */
static bool is_canonical(const ProtobufCMessage *message, struct bytes bytes)
{
    struct comparison comparison = {.base = {.append = compare_next},
                                    .expected = bytes_reader(bytes.data, bytes.size),
                                    .same = true};

    (void)protobuf_c_message_pack_to_buffer(message, &comparison.base);
    return comparison.same && comparison.expected.at == bytes.size;
}

enum tally_err canon_unpack(const ProtobufCMessageDescriptor *descriptor, struct bytes bytes,
                            struct arena *arena, ProtobufCMessage **ret_message,
                            struct tally_diag *diag)
{
    struct budget budget = {.arena = arena,
                            .left = LIMIT_ARENA_FLAT + LIMIT_ARENA_FACTOR * bytes.size};
    ProtobufCAllocator allocator = {
        .alloc = budget_alloc, .free = budget_free, .allocator_data = &budget};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, bytes.size, bytes.data);
    const char *fault;

    if (message == NULL && budget.no_memory) return TALLY_E_NO_MEMORY;
    if (message == NULL) {
        tally_diag_set(diag, "the bytes are no %s", descriptor->short_name);
        return TALLY_E_MALFORMED;
    }
    fault = first_fault(message);
    if (fault != NULL) {
        tally_diag_set(diag, "%s: not valid: %s", descriptor->short_name, fault);
        return TALLY_E_MALFORMED;
    }
    if (!is_canonical(message, bytes)) {
        tally_diag_set(diag, "the %s is not in canonical form", descriptor->short_name);
        return TALLY_E_MALFORMED;
    }
    *ret_message = message;
    return TALLY_OK;
}

struct bytes canon_pack(const void *message, struct arena *arena)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = arena_alloc(arena, size);

    if (packed == NULL) return (struct bytes){0};
    protobuf_c_message_pack(message, packed);
    return bytes_of(packed, size);
}
