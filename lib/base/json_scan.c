#include "base/json_scan.h"

#include <string.h>

#include "base/assert.h"

struct json_scan json_scan(struct bytes json)
{
    return (struct json_scan){.data = json.data, .size = json.size};
}

static int peek(const struct json_scan *scan)
{
    return scan->at < scan->size ? scan->data[scan->at] : -1;
}

static bool take(struct json_scan *scan, char wanted)
{
    if (peek(scan) != wanted) return false;
    scan->at++;
    return true;
}

static void pass_space(struct json_scan *scan)
{
    int c = peek(scan);

    for (; c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(scan)) {
        scan->at++;
        if (!scan->complete) scan->spaced = true;
    }
}

/* ---- strings ------------------------------------------------------------------------- */

/* Four hexadecimal digits; -1: they are not. */
static int32_t hex4(struct bytes text, size_t at)
{
    int32_t value = 0;

    if (text.size < 4 || at > text.size - 4) return -1;
    for (size_t i = at; i < at + 4; i++) {
        const int c = text.data[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;

        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The character that the escape at text[at] (a backslash) stands for, and the escape's size;
 * -1: it is none. Half of a surrogate pair is none, and neither is NUL. */
static int32_t escape(struct bytes text, size_t at, size_t *ret_size)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const int c = at + 1 < text.size ? text.data[at + 1] : 0;
    const char *letter = c == 0 ? NULL : strchr(letters, c);

    *ret_size = 2;
    if (letter != NULL) return values[letter - letters];
    if (c != 'u') return -1;
    const int32_t high = hex4(text, at + 2);

    *ret_size = 6;
    if (high <= 0 || (high >= 0xdc00 && high < 0xe000)) return -1;
    if (high < 0xd800 || high >= 0xe000) return high;
    if (at + 8 > text.size || text.data[at + 6] != '\\' || text.data[at + 7] != 'u') return -1;
    const int32_t low = hex4(text, at + 8);

    *ret_size = 12;
    return low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                                         : -1;
}

static bool take_string(struct json_scan *scan, struct bytes *ret_text)
{
    const struct bytes all = bytes_of(scan->data, scan->size);
    size_t start, size = 0;

    if (!take(scan, '"')) return false;
    start = scan->at;
    for (int c = peek(scan); c != '"'; c = peek(scan)) {
        if (c < 0x20) return false; /* the end, too */
        if (c == '\\' && escape(all, scan->at, &size) < 0) return false;
        scan->at += c == '\\' ? size : 1;
    }
    *ret_text = bytes_of(scan->data + start, scan->at - start);
    scan->at++;
    return bytes_utf8(ret_text->data, ret_text->size);
}

static size_t put_utf8(int32_t c, uint8_t *to)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

size_t json_string_decode(struct bytes written, uint8_t *to)
{
    size_t at = 0, done = 0, size = 0;

    while (at < written.size) {
        if (written.data[at] != '\\') {
            to[done++] = written.data[at++];
            continue;
        }
        const int32_t c = escape(written, at, &size);

        ASSERT(c > 0); /* the scan let it pass */
        at += size;
        done += put_utf8(c, to + done);
    }
    return done;
}

bool json_string_is(struct bytes written, const char *want)
{
    const size_t size = strlen(want);
    size_t at = 0, done = 0, escape_size = 0;
    uint8_t room[4];

    while (at < written.size && done < size) {
        size_t count = 1;

        room[0] = written.data[at];
        escape_size = 1;
        if (room[0] == '\\') count = put_utf8(escape(written, at, &escape_size), room);
        if (count > size - done || memcmp(want + done, room, count) != 0) return false;
        at += escape_size;
        done += count;
    }
    return at == written.size && done == size;
}

/* ---- other values -------------------------------------------------------------------- */

static bool take_digits(struct json_scan *scan)
{
    const size_t start = scan->at;

    while (peek(scan) >= '0' && peek(scan) <= '9') scan->at++;
    return scan->at > start;
}

static bool take_number(struct json_scan *scan, struct bytes *ret_text)
{
    const size_t start = scan->at;

    (void)take(scan, '-');
    if (!take(scan, '0') && !take_digits(scan)) return false;
    if (take(scan, '.') && !take_digits(scan)) return false;
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+')) (void)take(scan, '-');
        if (!take_digits(scan)) return false;
    }
    *ret_text = bytes_of(scan->data + start, scan->at - start);
    return true;
}

static bool take_word(struct json_scan *scan, const char *word)
{
    const size_t size = strlen(word);

    if (scan->size - scan->at < size || memcmp(scan->data + scan->at, word, size) != 0)
        return false;
    scan->at += size;
    return true;
}

static enum json_kind open_container(struct json_scan *scan, bool object)
{
    if (scan->depth == JSON_SCAN_DEPTH) return JSON_KIND_BAD;
    scan->objects[scan->depth++] = object;
    scan->first = true;
    scan->at++;
    return object ? JSON_KIND_OBJECT : JSON_KIND_ARRAY;
}

static enum json_kind take_value(struct json_scan *scan, struct bytes *ret_text)
{
    switch (peek(scan)) {
    case '{':
        return open_container(scan, true);
    case '[':
        return open_container(scan, false);
    case '"':
        return take_string(scan, ret_text) ? JSON_KIND_STRING : JSON_KIND_BAD;
    case 't':
        return take_word(scan, "true") ? JSON_KIND_TRUE : JSON_KIND_BAD;
    case 'f':
        return take_word(scan, "false") ? JSON_KIND_FALSE : JSON_KIND_BAD;
    case 'n':
        return take_word(scan, "null") ? JSON_KIND_NULL : JSON_KIND_BAD;
    default:
        return take_number(scan, ret_text) ? JSON_KIND_NUMBER : JSON_KIND_BAD;
    }
}

/* ---- the scan ------------------------------------------------------------------------ */

/* What stands before a value inside a container: a comma, and a key with its colon. */
static bool take_before(struct json_scan *scan, struct json_item *item)
{
    if (!scan->first && !take(scan, ',')) return false;
    scan->first = false;
    pass_space(scan);
    if (!scan->objects[scan->depth - 1]) return true;
    if (!take_string(scan, &item->key)) return false;
    pass_space(scan);
    if (!take(scan, ':')) return false;
    pass_space(scan);
    return true;
}

static enum json_kind next_kind(struct json_scan *scan, struct json_item *item)
{
    enum json_kind kind;

    pass_space(scan);
    if (scan->complete) return scan->at == scan->size ? JSON_KIND_DONE : JSON_KIND_BAD;
    if (scan->depth > 0) {
        if (take(scan, scan->objects[scan->depth - 1] ? '}' : ']')) {
            scan->depth--;
            scan->first = false;
            scan->complete = scan->depth == 0;
            item->depth = scan->depth;
            return JSON_KIND_END;
        }
        if (!take_before(scan, item)) return JSON_KIND_BAD;
    }
    item->depth = scan->depth;
    kind = take_value(scan, &item->text);
    scan->complete = scan->depth == 0;
    return kind;
}

enum json_kind json_scan_next(struct json_scan *scan, struct json_item *ret_item)
{
    struct json_item item = {0};

    if (!scan->bad) item.kind = next_kind(scan, &item);
    scan->bad = item.kind == JSON_KIND_BAD;
    *ret_item = item;
    return item.kind;
}

bool json_scan_skip(struct json_scan *scan, const struct json_item *item)
{
    struct json_item inner = *item;

    if (item->kind != JSON_KIND_OBJECT && item->kind != JSON_KIND_ARRAY) return !scan->bad;
    do {
        if (json_scan_next(scan, &inner) == JSON_KIND_BAD) return false;
    } while (inner.kind != JSON_KIND_END || inner.depth != item->depth);
    return true;
}
