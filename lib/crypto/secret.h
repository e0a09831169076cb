/* crypto/secret - randomness, comparison and wiping of secret bytes.
 *
 * Thread-safe. */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fill `to` with unpredictable bytes from the operating system. Cannot fail: the process
 * stops if there is no randomness. */
void secret_random(void *to, size_t size);
/* An unpredictable number, never 0. */
uint64_t secret_random_u64(void);
/* Overwrite with zeros, not optimised away. */
void secret_wipe(void *data, size_t size);
/* Are both byte strings the same? Time depends on `size` only. */
bool secret_equal(const void *a, const void *b, size_t size);

#endif
