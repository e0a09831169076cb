#include "base/bytes.h"

#include <endian.h>
#include <string.h>

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    const size_t common = a.size < b.size ? a.size : b.size;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0) return order;
    return (a.size > b.size) - (a.size < b.size);
}

struct bytes_reader bytes_reader(const void *data, size_t size)
{
    return (struct bytes_reader){.data = data, .size = size};
}

const uint8_t *bytes_get(struct bytes_reader *reader, size_t size)
{
    const uint8_t *at;

    if (reader->bad || size > reader->size - reader->at) {
        reader->bad = true;
        return NULL;
    }
    at = reader->data == NULL ? NULL : reader->data + reader->at;
    reader->at += size;
    return at;
}

static uint64_t get_number(struct bytes_reader *reader, size_t size)
{
    const uint8_t *from = bytes_get(reader, size);
    uint64_t encoded = 0;

    if (from == NULL) return 0;
    memcpy((uint8_t *)&encoded + sizeof encoded - size, from, size);
    return be64toh(encoded);
}

uint8_t bytes_get_u8(struct bytes_reader *reader)
{
    return (uint8_t)get_number(reader, 1);
}

uint16_t bytes_get_u16(struct bytes_reader *reader)
{
    return (uint16_t)get_number(reader, 2);
}

uint32_t bytes_get_u32(struct bytes_reader *reader)
{
    return (uint32_t)get_number(reader, 4);
}

uint64_t bytes_get_u64(struct bytes_reader *reader)
{
    return get_number(reader, 8);
}

void bytes_get_copy(struct bytes_reader *reader, void *to, size_t size)
{
    const uint8_t *from = bytes_get(reader, size);

    if (size == 0) return;
    if (from == NULL) {
        memset(to, 0, size);
    } else {
        memcpy(to, from, size);
    }
}

bool bytes_reader_done(const struct bytes_reader *reader)
{
    return !reader->bad && reader->at == reader->size;
}

struct bytes_writer bytes_writer(void *data, size_t size)
{
    return (struct bytes_writer){.data = data, .size = size};
}

void bytes_put(struct bytes_writer *writer, const void *data, size_t size)
{
    if (writer->bad || size > writer->size - writer->at) {
        writer->bad = true;
        return;
    }
    if (size > 0) memcpy(writer->data + writer->at, data, size);
    writer->at += size;
}

static void put_number(struct bytes_writer *writer, uint64_t value, size_t size)
{
    const uint64_t encoded = htobe64(value);

    bytes_put(writer, (const uint8_t *)&encoded + sizeof encoded - size, size);
}

void bytes_put_u8(struct bytes_writer *writer, uint8_t value)
{
    put_number(writer, value, 1);
}

void bytes_put_u16(struct bytes_writer *writer, uint16_t value)
{
    put_number(writer, value, 2);
}

void bytes_put_u32(struct bytes_writer *writer, uint32_t value)
{
    put_number(writer, value, 4);
}

void bytes_put_u64(struct bytes_writer *writer, uint64_t value)
{
    put_number(writer, value, 8);
}

void bytes_hex(const void *data, size_t size, char *to)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = data;

    for (size_t i = 0; i < size; i++) {
        to[2 * i] = digits[from[i] >> 4];
        to[2 * i + 1] = digits[from[i] & 15];
    }
    to[2 * size] = '\0';
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

bool bytes_unhex(const char *hex, size_t hex_size, void *to, size_t size)
{
    uint8_t *out = to;

    if (hex_size != 2 * size) return false;
    for (size_t i = 0; i < size; i++) {
        const int high = digit_value(hex[2 * i]), low = digit_value(hex[2 * i + 1]);

        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Bytes of the sequence that starts with `lead`, 0 if none does, and the range of its second.
 */
static size_t utf8_sequence(uint8_t lead, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xbf;
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return 2;
    if (lead >= 0xe0 && lead <= 0xef) {
        if (lead == 0xe0) *ret_low = 0xa0;  /* overlong */
        if (lead == 0xed) *ret_high = 0x9f; /* surrogates */
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (lead == 0xf0) *ret_low = 0x90;  /* overlong */
        if (lead == 0xf4) *ret_high = 0x8f; /* above U+10FFFF */
        return 4;
    }
    return 0;
}

bool bytes_utf8(const void *data, size_t size)
{
    const uint8_t *text = data;

    for (size_t at = 0; at < size;) {
        uint8_t low, high;
        const size_t length = utf8_sequence(text[at], &low, &high);

        if (text[at] == 0 || length == 0 || length > size - at) return false;
        for (size_t i = 1; i < length; i++) {
            if (text[at + i] < low || text[at + i] > high) return false;
            low = 0x80;
            high = 0xbf;
        }
        at += length;
    }
    return true;
}
