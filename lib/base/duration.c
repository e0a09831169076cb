#include "base/duration.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    uint64_t ms;
} units[] = {
    {"d", 24 * 3600 * 1000}, {"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1}};
enum { UNITS_COUNT = sizeof units / sizeof units[0] };

bool duration_parse(const char *text, uint64_t *ret_ms)
{
    uint64_t sum = 0;
    size_t unit = 0;

    if (*text == '\0') return false;
    while (*text != '\0') {
        const size_t digits = strspn(text, "0123456789");
        const size_t letters = strspn(text + digits, "dhms");
        uint64_t value = 0;

        if (digits == 0 || digits > 13 || letters == 0 || letters > 2) return false;
        for (size_t i = 0; i < digits; i++) value = value * 10 + (uint64_t)(text[i] - '0');
        while (unit < UNITS_COUNT && (strlen(units[unit].name) != letters ||
                                      memcmp(units[unit].name, text + digits, letters) != 0))
            unit++;
        if (unit == UNITS_COUNT || value > DURATION_MAX_MS / units[unit].ms) return false;
        sum += value * units[unit++].ms;
        if (sum > DURATION_MAX_MS) return false;
        text += digits + letters;
    }
    *ret_ms = sum;
    return true;
}

const char *duration_format(uint64_t ms, char to[DURATION_TEXT_SIZE])
{
    size_t at = 0;

    if (ms == 0) return strcpy(to, "0s");
    for (size_t i = 0; i < UNITS_COUNT; i++) {
        const uint64_t count = ms / units[i].ms;

        if (count == 0) continue;
        at += (size_t)snprintf(to + at, DURATION_TEXT_SIZE - at, "%llu%s",
                               (unsigned long long)count, units[i].name);
        ms -= count * units[i].ms;
    }
    return to;
}
