#include "base/decimal.h"

bool decimal_parse(const char *text, size_t size, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (size == 0 || size > DECIMAL_TEXT_MAX) return false;
    if (text[0] == '0' && size > 1) return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        const uint64_t digit = (uint64_t)(text[i] - '0');
        if (digit > max || value > (max - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

size_t decimal_format(uint64_t value, char ret_text[DECIMAL_TEXT_MAX])
{
    size_t digits = 1;

    for (uint64_t rest = value; rest >= 10; rest /= 10) digits++;
    for (size_t i = digits; i-- > 0; value /= 10) ret_text[i] = (char)('0' + value % 10);
    return digits;
}
