/* base/buffer - an immutable byte string shared by counting its holders.
 *
 * A block is held at once by the log cache, the writer, several sends and the verify pool; each
 * keeps one reference. Thread-safe: the count is atomic and the bytes do not change after the
 * first share. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct buffer {
    atomic_uint holders;
    size_t size;
    uint8_t data[];
};

/* A buffer of `size` bytes with one holder, its bytes not yet set; NULL without memory. */
struct buffer *buffer_new(size_t size);
/* The same with a copy of `bytes`. */
struct buffer *buffer_copy(struct bytes bytes);
/* One more holder; returns `buffer`. */
struct buffer *buffer_hold(struct buffer *buffer);
/* One holder less; the last one frees it. NULL is accepted. */
void buffer_release(struct buffer *buffer);
/* Its bytes, borrowed from a holder. */
struct bytes buffer_bytes(const struct buffer *buffer);

#endif
