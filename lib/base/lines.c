#include "base/lines.h"

#include <string.h>

bool lines_take(struct bytes *rest, struct bytes *ret_line)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;

    if (end == NULL) return false;
    const size_t size = (size_t)(end - rest->data);
    *ret_line = bytes_of(rest->data, size);
    *rest = bytes_of(rest->data + size + 1, rest->size - size - 1);
    return true;
}
