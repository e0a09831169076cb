/* base/decimal - unsigned numbers as text, in their one canonical form.
 *
 * ASCII digits without sign, spaces or leading zeros; zero is "0". Thread-safe. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_TEXT_MAX 20u /* digits of UINT64_MAX, without a NUL */

/* Parse exactly `size` characters; false when they are not the canonical form of a number
 * that is at most `max`. */
bool decimal_parse(const char *text, size_t size, uint64_t max, uint64_t *ret_value);

/* Write the digits, without a NUL; returns how many. */
size_t decimal_format(uint64_t value, char ret_text[DECIMAL_TEXT_MAX]);

#endif
