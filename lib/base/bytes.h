/* base/bytes - bounds-checked reading and writing of byte strings, big-endian.
 *
 * A reader or writer that runs past its end turns bad and stays bad: every later
 * call does nothing (a read gives zeros), so a caller checks once, at the end.
 * Nothing here allocates. Thread-safe: no shared state. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed byte string. `data` may be NULL when `size` is 0. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

struct bytes_reader {
    const uint8_t *data;
    size_t size; /* bytes in all */
    size_t at;   /* bytes consumed, <= size */
    bool bad;    /* something was asked for that is not there */
};

struct bytes_writer {
    uint8_t *data;
    size_t size; /* room in bytes */
    size_t at;   /* bytes written, <= size */
    bool bad;    /* something did not fit */
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){(const uint8_t *)data, size};
}

bool bytes_equal(struct bytes a, struct bytes b);
int bytes_compare(struct bytes a, struct bytes b); /* as memcmp; a prefix sorts first */

struct bytes_reader bytes_reader(const void *data, size_t size);
uint8_t bytes_get_u8(struct bytes_reader *reader);
uint16_t bytes_get_u16(struct bytes_reader *reader);
uint32_t bytes_get_u32(struct bytes_reader *reader);
uint64_t bytes_get_u64(struct bytes_reader *reader);
/* The next `size` bytes in place, borrowed from the input; NULL when they are not there. */
const uint8_t *bytes_get(struct bytes_reader *reader, size_t size);
/* Copy the next `size` bytes to `to`; zeros when they are not there. */
void bytes_get_copy(struct bytes_reader *reader, void *to, size_t size);
/* Everything was there and nothing is left. */
bool bytes_reader_done(const struct bytes_reader *reader);

struct bytes_writer bytes_writer(void *data, size_t size);
void bytes_put_u8(struct bytes_writer *writer, uint8_t value);
void bytes_put_u16(struct bytes_writer *writer, uint16_t value);
void bytes_put_u32(struct bytes_writer *writer, uint32_t value);
void bytes_put_u64(struct bytes_writer *writer, uint64_t value);
void bytes_put(struct bytes_writer *writer, const void *data, size_t size);

/* Lower-case hexadecimal with a NUL; `to` holds 2 * size + 1 characters. */
void bytes_hex(const void *data, size_t size, char *to);
/* Exactly `size` bytes from exactly 2 * size lower-case digits; false otherwise. */
bool bytes_unhex(const char *hex, size_t hex_size, void *to, size_t size);
/* Is it valid UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL? */
bool bytes_utf8(const void *data, size_t size);

#endif
