#include "out.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event/rules.h"

enum { LINE_SIZE = 4096, HEX_BYTES_MAX = 64 };

const char *out_time_s(uint64_t time_s, char to[OUT_TIME_SIZE])
{
    const time_t time = (time_t)time_s;
    struct tm parts;

    if (time_s > INT64_MAX / 2000 || gmtime_r(&time, &parts) == NULL ||
        strftime(to, OUT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        (void)snprintf(to, OUT_TIME_SIZE, "%llu s", (unsigned long long)time_s);
    return to;
}

const char *out_time_ms(uint64_t time_ms, char to[OUT_TIME_SIZE])
{
    const size_t size = strlen(out_time_s(time_ms / 1000, to));

    if (size > 0 && to[size - 1] == 'Z' && size + 5 <= OUT_TIME_SIZE)
        (void)snprintf(to + size - 1, OUT_TIME_SIZE - size + 1, ".%03uZ",
                       (unsigned)(time_ms % 1000));
    return to;
}

const char *out_hex(const uint8_t bytes[32], char to[OUT_HEX_SIZE])
{
    bytes_hex(bytes, 32, to);
    return to;
}

struct json_t *out_json_hex(const void *data, size_t size)
{
    char hex[2 * HEX_BYTES_MAX + 1];

    if (size > HEX_BYTES_MAX) return NULL;
    bytes_hex(data, size, hex);
    return json_string(hex);
}

struct json_t *out_json_number(uint64_t value)
{
    char text[24];

    if (value <= INT64_MAX) return json_integer((json_int_t)value);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return json_string(text);
}

struct json_t *out_json_time(uint64_t time_ms)
{
    char text[OUT_TIME_SIZE];

    return json_string(out_time_ms(time_ms, text));
}

enum tally_err out_json(struct cli *cli, struct json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_INDENT(2));

    json_decref(object);
    if (text == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    (void)fprintf(cli->out, "%s\n", text);
    free(text);
    return TALLY_OK;
}

const char *out_decision(bool allowed, const uint16_t *failed_rules, size_t count, char *to,
                         size_t size)
{
    size_t at = (size_t)snprintf(to, size, allowed ? "allowed" : "denied");

    for (size_t i = 0; i < count && at < size; i++)
        at += (size_t)snprintf(to + at, size - at, "%s%s: %s", i == 0 ? " (" : "; ",
                               decide_rule_name(failed_rules[i]),
                               decide_rule_text(failed_rules[i]));
    if (count > 0 && at < size) (void)snprintf(to + at, size - at, ")");
    return to;
}

struct json_t *out_json_rules(const uint16_t *failed_rules, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "id", failed_rules[i],
                                                    "name", decide_rule_name(failed_rules[i]),
                                                    "text", decide_rule_text(failed_rules[i])));
    return list;
}

void out_line(struct cli *cli, const char *label, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    if (label != NULL) (void)fprintf(cli->out, "%-11s", label);
    (void)fprintf(cli->out, "%s\n", text);
}
