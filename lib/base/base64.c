#include "base/base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t size, char *to)
{
    const uint8_t *in = data;
    size_t i = 0;

    for (; size - i >= 3; i += 3) {
        const uint32_t group = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

        for (int shift = 18; shift >= 0; shift -= 6) *to++ = digits[group >> shift & 63];
    }
    if (size == i) return;
    const uint32_t high = in[i];
    const uint32_t low = size - i == 2 ? in[i + 1] : 0;
    to[0] = digits[high >> 2];
    to[1] = digits[(high << 4 & 48) | low >> 4];
    to[2] = size - i == 2 ? digits[low << 2 & 63] : '=';
    to[3] = '=';
}

size_t base64_decoded_size(const char *text, size_t text_size)
{
    if (text_size == 0 || text_size % 4 != 0) return 0;
    size_t size = text_size / 4 * 3;
    if (text[text_size - 1] == '=') size--;
    if (text[text_size - 2] == '=') size--;
    return size;
}

/* 0..63, or -1. */
static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

bool base64_decode(const char *text, size_t text_size, void *to)
{
    uint8_t *out = to;
    size_t padding = 0;

    if (text_size % 4 != 0) return false;
    while (padding < 2 && padding < text_size && text[text_size - 1 - padding] == '=')
        padding++;

    uint32_t group = 0; /* bits not yet written; the used ones are shifted out of sight */
    unsigned bits = 0;
    for (size_t i = 0; i < text_size - padding; i++) {
        const int value = digit_value(text[i]);

        if (value < 0) return false;
        group = group << 6 | (uint32_t)value;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        if (out != NULL) *out++ = (uint8_t)(group >> bits);
    }
    /* 2 or 4 spare bits are left before padding: zero, or two texts would mean the same. */
    return (group & ((UINT32_C(1) << bits) - 1)) == 0;
}
