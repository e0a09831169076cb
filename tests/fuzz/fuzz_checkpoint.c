/* Any bytes as the text of a checkpoint: what is accepted is written as the same bytes. */
#include "base/assert.h"
#include "note/checkpoint.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint checkpoint;
    struct tally_diag diag;
    char text[CHECKPOINT_TEXT_MAX];
    struct bytes_writer writer = bytes_writer(text, sizeof text);

    if (checkpoint_parse(bytes_of(data, size), &checkpoint, &diag) != TALLY_OK) return 0;
    checkpoint_put(&writer, &checkpoint);
    ASSERT(!writer.bad);
    ASSERT(bytes_equal(bytes_of(text, writer.at), bytes_of(data, size)));
    return 0;
}
