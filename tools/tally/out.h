/* out - times, hex and JSON for what commands print. */
#ifndef TALLY_OUT_H
#define TALLY_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "cli.h"

struct json_t;

enum { OUT_TIME_SIZE = 32, OUT_HEX_SIZE = 65 };

/* Milliseconds or seconds since 1970 as "2026-03-01T12:00:00.000Z" (without the fraction for
 * seconds). Returns `to`. */
const char *out_time_ms(uint64_t time_ms, char to[OUT_TIME_SIZE]);
const char *out_time_s(uint64_t time_s, char to[OUT_TIME_SIZE]);
/* 32 bytes as hex. Returns `to`. */
const char *out_hex(const uint8_t bytes[32], char to[OUT_HEX_SIZE]);

/* New JSON values; NULL without memory, which jansson's setters turn into an error. */
struct json_t *out_json_hex(const void *data, size_t size);
struct json_t *out_json_number(uint64_t value); /* above 2^63 - 1: a string, as in events */
struct json_t *out_json_time(uint64_t time_ms);
/* Print an object, indented, and give it back to jansson.
 * Errors: TALLY_E_NO_MEMORY (also when `object` is NULL), said through cli_fail. */
TALLY_NODISCARD enum tally_err out_json(struct cli *cli, struct json_t *object);

/* The decision on an event: "allowed", or "denied (name: text; ...)". Returns `to`. */
const char *out_decision(bool allowed, const uint16_t *failed_rules, size_t count, char *to,
                         size_t size);
/* The same rules as a JSON list of {id, name, text}. */
struct json_t *out_json_rules(const uint16_t *failed_rules, size_t count);

/* Print a line: a label (NULL: none), then a printf text with control characters replaced. */
void out_line(struct cli *cli, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
