/* base/json_scan - JSON (RFC 8259) one value after the other, without a tree in memory.
 *
 * For headers of files that others made, which may be large and hostile, and for numbers whose
 * text must not be lost. Nothing here allocates; nesting is limited. A scan that met a fault
 * stays at it. Keys may repeat: whoever reads an object looks for that. Thread-safe: no shared
 * state. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { JSON_SCAN_DEPTH = 64 };

enum json_kind {
    JSON_KIND_BAD,    /* not JSON, or nested too deep */
    JSON_KIND_DONE,   /* the one value is complete, and only white space follows */
    JSON_KIND_OBJECT, /* begins; its members follow, then JSON_KIND_END */
    JSON_KIND_ARRAY,
    JSON_KIND_END,
    JSON_KIND_STRING,
    JSON_KIND_NUMBER,
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NULL,
};

struct json_item {
    enum json_kind kind;
    uint32_t depth;    /* containers around it; an END has the depth of its beginning */
    struct bytes key;  /* of a member, else empty: as written between the quotes */
    struct bytes text; /* of a string: as written between the quotes; of a number: all of it */
};

struct json_scan {
    const uint8_t *data;
    size_t size, at;
    uint32_t depth;
    bool first, complete, bad;
    bool spaced; /* white space stood before, in or between the values so far */
    bool objects[JSON_SCAN_DEPTH];
};

struct json_scan json_scan(struct bytes json);
/* The next item, in the order of the text. Strings are valid UTF-8 without NUL. */
enum json_kind json_scan_next(struct json_scan *scan, struct json_item *ret_item);
/* Pass over what is inside an OBJECT or ARRAY that json_scan_next() just gave, its END
 * included; nothing for another item. False: a fault is in it. */
bool json_scan_skip(struct json_scan *scan, const struct json_item *item);

/* Is this string, as written, exactly `want`? */
bool json_string_is(struct bytes written, const char *want);
/* Write what it stands for, without a NUL; `to` has written.size bytes of room, or is the
 * written string itself. Returns how many bytes. */
size_t json_string_decode(struct bytes written, uint8_t *to);

#endif
