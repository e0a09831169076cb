/* canon - protobuf messages in their one canonical form.
 *
 * Whatever is signed or applied must equal our own encoding of its parse: fields in number
 * order, each once, nothing unknown, no defaults, shortest varints; strings are UTF-8 without
 * NUL; enum values are registered. docs/formats.md, "Encoding". Thread-safe. */
#ifndef EVENT_CANON_H
#define EVENT_CANON_H

#include <protobuf-c/protobuf-c.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"

/* Unpack `bytes` into the arena, which pays for it up to LIMIT_ARENA_FLAT plus
 * LIMIT_ARENA_FACTOR times the size. The result borrows from the arena only. Errors:
 * TALLY_E_MALFORMED (not canonical; the diag says what), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err canon_unpack(const ProtobufCMessageDescriptor *descriptor,
                                            struct bytes bytes, struct arena *arena,
                                            ProtobufCMessage **ret_message,
                                            struct tally_diag *diag);
/* Pack into the arena; the data is NULL without memory. */
struct bytes canon_pack(const void *message, struct arena *arena);

/* Bytes that one value of this field takes in the generated struct. */
size_t canon_value_size(const ProtobufCFieldDescriptor *field);
/* A byte string as protobuf-c has it, and back. */
struct bytes canon_bytes(ProtobufCBinaryData data);
ProtobufCBinaryData canon_data(const void *data, size_t size);

#endif
