#include "client/proto.h"

#include <protobuf-c/protobuf-c.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

enum { DEPTH_MAX = 8 }; /* of messages in messages; our schemas need 3 */

/* ---- memory: an arena with the cap of base/limits.h ---- */

struct capped {
    struct arena *arena;
    size_t left;
    bool exhausted; /* the system had no memory, as opposed to the cap */
};

static void *capped_alloc(void *context, size_t size)
{
    struct capped *capped = context;

    if (size > capped->left) return NULL;
    void *memory = arena_alloc(capped->arena, size);
    if (memory == NULL)
        capped->exhausted = true;
    else
        capped->left -= size;
    return memory;
}

static void capped_free(void *context, void *memory)
{
    (void)context;
    (void)memory; /* with the arena */
}

/* ---- what protobuf-c does not check ---- */

static const void *member_at(const ProtobufCMessage *message, size_t offset)
{
    return (const uint8_t *)message + offset;
}

/* How many values a field has: 0 when absent. */
static size_t values_count(const ProtobufCMessage *message,
                           const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)member_at(message, field->quantifier_offset);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        return *(const uint32_t *)member_at(message, field->quantifier_offset) == field->id;
    return *(const void *const *)member_at(message, field->offset) != NULL;
}

/* Value number `i` of a string or message field. */
static const void *value_at(const ProtobufCMessage *message,
                            const ProtobufCFieldDescriptor *field, size_t i)
{
    const void *const *member = member_at(message, field->offset);

    return field->label == PROTOBUF_C_LABEL_REPEATED ? ((const void *const *)*member)[i]
                                                     : *member;
}

static bool strings_valid(const ProtobufCMessage *message)
{
    for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];
        if (field->type != PROTOBUF_C_TYPE_STRING) continue;
        const size_t count = values_count(message, field);
        for (size_t i = 0; i < count; i++) {
            const char *text = value_at(message, field, i);
            if (!bytes_utf8(text, strlen(text))) return false;
        }
    }
    return true;
}

/* The next sub-message of `at->message` after the position in `at`; NULL when there is none. */
struct place {
    const ProtobufCMessage *message;
    unsigned field;
    size_t value;
};

static const ProtobufCMessage *next_message(struct place *at)
{
    const ProtobufCMessageDescriptor *descriptor = at->message->descriptor;

    for (; at->field < descriptor->n_fields; at->field++, at->value = 0) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[at->field];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE) continue;
        if (at->value >= values_count(at->message, field)) continue;
        return value_at(at->message, field, at->value++);
    }
    return NULL;
}

/* Every message in the tree: strings are UTF-8 and, when strict, no field is unknown. */
static bool tree_valid(const ProtobufCMessage *root, bool strict)
{
    struct place places[DEPTH_MAX];
    size_t depth = 1;

    places[0] = (struct place){.message = root};
    if ((strict && root->n_unknown_fields > 0) || !strings_valid(root)) return false;
    while (depth > 0) {
        const ProtobufCMessage *message = next_message(&places[depth - 1]);
        if (message == NULL) {
            depth--;
            continue;
        }
        if ((strict && message->n_unknown_fields > 0) || !strings_valid(message)) return false;
        if (depth == DEPTH_MAX) return false;
        places[depth++] = (struct place){.message = message};
    }
    return true;
}

enum tally_err proto_decode(const void *descriptor, struct bytes bytes, size_t size_max,
                            enum proto_reading reading, struct arena *arena, void **ret_message,
                            struct tally_diag *diag)
{
    struct capped capped = {.arena = arena};
    ProtobufCAllocator allocator = {capped_alloc, capped_free, &capped};

    if (bytes.size > size_max) {
        tally_diag_set(diag, "%zu bytes, at most %zu are taken", bytes.size, size_max);
        return TALLY_E_TOO_LARGE;
    }
    capped.left = LIMIT_ARENA_FLAT + LIMIT_ARENA_FACTOR * bytes.size;
    ProtobufCMessage *message = protobuf_c_message_unpack(
        descriptor, &allocator, bytes.size, bytes.data != NULL ? bytes.data : (uint8_t[1]){0});
    if (message == NULL && capped.exhausted) return TALLY_E_NO_MEMORY;
    if (message == NULL || !tree_valid(message, reading == PROTO_STRICT)) {
        tally_diag_set(diag, "not a valid protobuf message of the expected kind");
        return TALLY_E_MALFORMED;
    }
    /* Whatever the parser dropped (a second value, the rest of a string behind a NUL, the loser
     * of a oneof) is missing from this size; so are defaults written out and long varints. */
    if (reading == PROTO_STRICT && protobuf_c_message_get_packed_size(message) != bytes.size) {
        tally_diag_set(diag, "not the canonical encoding");
        return TALLY_E_MALFORMED;
    }
    *ret_message = message;
    return TALLY_OK;
}

enum tally_err proto_encode(const void *message, size_t size_max, struct buffer **ret_bytes,
                            struct tally_diag *diag)
{
    const size_t size = protobuf_c_message_get_packed_size(message);

    if (size > size_max) {
        tally_diag_set(diag, "%zu bytes, at most %zu can be sent", size, size_max);
        return TALLY_E_TOO_LARGE;
    }
    struct buffer *buffer = buffer_new(size);
    if (buffer == NULL) return TALLY_E_NO_MEMORY;
    const size_t packed = protobuf_c_message_pack(message, buffer->data);
    ASSERT(packed == size);
    *ret_bytes = buffer;
    return TALLY_OK;
}
