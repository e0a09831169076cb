#include "support/weights.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

void weights_write(const char *path, const char *header, size_t data_size)
{
    const size_t size = strlen(header);
    FILE *out = fopen(path, "w");

    ASSERT(out != NULL);
    for (size_t i = 0; i < 8; i++)
        ASSERT(fputc((int)((uint64_t)size >> 8 * i & 0xff), out) >= 0);
    ASSERT(fwrite(header, 1, size, out) == size);
    for (size_t i = 0; i < data_size; i++) ASSERT(fputc(0, out) == 0);
    ASSERT(fclose(out) == 0);
}

void weights_write_honest(const char *path)
{
    weights_write(
        path,
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"lora_A\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
        "\"lora_B\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[12,24]}}   ",
        24);
}
