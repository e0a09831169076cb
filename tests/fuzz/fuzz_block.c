/* Any bytes as a block, a batch and a record: no crash, and what decodes encodes to itself. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "event/batch.h"
#include "event/block.h"
#include "event/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_block(struct bytes bytes, struct arena *arena)
{
    uint8_t encoded[BLOCK_HEADER_SIZE];
    const struct bytes *batches = NULL;
    struct block_header header;
    uint32_t count = 0;

    if (block_header_decode(bytes, &header, NULL) != TALLY_OK) return;
    block_header_encode(&header, encoded);
    ASSERT(memcmp(encoded, bytes.data, sizeof encoded) == 0);
    if (block_body_split(block_body(bytes), arena, &batches, &count, NULL) != TALLY_OK) return;
    for (uint32_t i = 0; i < count; i++) {
        struct batch batch;

        if (batch_check(batches[i], &header.previous, arena, &batch, NULL) != TALLY_OK)
            continue;
        ASSERT(batch.events_count > 0);
    }
}

static void try_record(struct bytes bytes, struct arena *arena)
{
    struct record record;
    struct event event;
    struct bytes again;

    if (record_decode(bytes, arena, &record, NULL) != TALLY_OK) return;
    again = record_encode(&record, arena);
    /* A denied record over its limit is cut when it is encoded; any other is the same. */
    ASSERT(bytes_equal(bytes, again) || again.size < bytes.size || again.data == NULL);
    if (record_event(&record, arena, &event, NULL) == TALLY_OK) ASSERT(event.subject != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = NULL;

    if (sign_init() != TALLY_OK || arena_open(0, &arena) != TALLY_OK) return 0;
    try_block(bytes_of(data, size), arena);
    try_record(bytes_of(data, size), arena);
    arena_close(arena);
    return 0;
}
