/* proto - protobuf messages in and out of bytes, with every limit checked.
 *
 * A message is a pointer to a generated struct and a descriptor one to its descriptor; both are
 * `void` here so that no header needs protobuf-c's. Thread-safe. */
#ifndef CLIENT_PROTO_H
#define CLIENT_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"

enum proto_reading {
    PROTO_STRICT,  /* no unknown fields, nothing twice, no NUL in a string: nothing is lost */
    PROTO_LENIENT, /* what is unknown is passed over */
};

/* Decode at most `size_max` bytes. Strings of the result are valid UTF-8. It may use the memory
 * that base/limits.h allows (LIMIT_ARENA_*), all of it in `arena`.
 *   ret_message  where a pointer to the generated struct is stored
 * Errors: TALLY_E_TOO_LARGE, TALLY_E_MALFORMED (also over the memory rule), TALLY_E_NO_MEMORY.
 */
TALLY_NODISCARD enum tally_err proto_decode(const void *descriptor, struct bytes bytes,
                                            size_t size_max, enum proto_reading reading,
                                            struct arena *arena, void **ret_message,
                                            struct tally_diag *diag);
/* Encode into a buffer with one holder. Errors: TALLY_E_TOO_LARGE (over `size_max`),
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err proto_encode(const void *message, size_t size_max,
                                            struct buffer **ret_bytes, struct tally_diag *diag);

#endif
