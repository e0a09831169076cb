#include "crypto/secret.h"

#include <sodium.h>

void secret_random(void *to, size_t size)
{
    randombytes_buf(to, size);
}

uint64_t secret_random_u64(void)
{
    uint64_t value = 0;

    while (value == 0) randombytes_buf(&value, sizeof value);
    return value;
}

void secret_wipe(void *data, size_t size)
{
    sodium_memzero(data, size);
}

bool secret_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}
