#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct buffer *buffer_new(size_t size)
{
    struct buffer *buffer = malloc(sizeof *buffer + size);

    if (buffer == NULL) return NULL;
    atomic_init(&buffer->holders, 1);
    buffer->size = size;
    return buffer;
}

struct buffer *buffer_copy(struct bytes bytes)
{
    struct buffer *buffer = buffer_new(bytes.size);

    if (buffer != NULL && bytes.size > 0) memcpy(buffer->data, bytes.data, bytes.size);
    return buffer;
}

struct buffer *buffer_hold(struct buffer *buffer)
{
    ASSERT(buffer != NULL);
    atomic_fetch_add_explicit(&buffer->holders, 1, memory_order_relaxed);
    return buffer;
}

void buffer_release(struct buffer *buffer)
{
    if (buffer == NULL) return;
    /* Release orders our reads before the count, acquire orders the free after everyone's. */
    if (atomic_fetch_sub_explicit(&buffer->holders, 1, memory_order_acq_rel) == 1) free(buffer);
}

struct bytes buffer_bytes(const struct buffer *buffer)
{
    return bytes_of(buffer->data, buffer->size);
}
