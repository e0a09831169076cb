/* base/base64 - RFC 4648 section 4, in its one canonical form.
 *
 * Padding is required, no other character than the alphabet's is accepted and the
 * spare bits of the last digit must be zero: one byte string has one text, so a text
 * that decodes also re-encodes to itself. Nothing here allocates. Thread-safe. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Characters (without a NUL) that encode `size` bytes. */
#define BASE64_TEXT_SIZE(size) (((size_t)(size) + 2u) / 3u * 4u)

/* Write BASE64_TEXT_SIZE(size) characters to `to`, without a NUL. */
void base64_encode(const void *data, size_t size, char *to);

/* Bytes that `text` stands for if it is well formed: from its length and padding only.
 * 0 for a length that is no multiple of 4. */
size_t base64_decoded_size(const char *text, size_t text_size);

/* Decode all of `text` into `to`, which has room for base64_decoded_size() bytes. False,
 * with `to` in any state, when `text` is not canonical base64. `to` NULL only checks. */
bool base64_decode(const char *text, size_t text_size, void *to);

#endif
