/* Any bytes as an event: what is accepted has one encoding, one JSON form, and the same bytes
 * after a round trip through it. Odd first byte: the rest is a JSON text. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/event.h"
#include "event/event_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct bytes bytes, struct arena *arena)
{
    struct bytes json = {0}, again = {0};
    struct event event, same;

    if (event_decode(bytes, arena, &event, NULL) != TALLY_OK) return;
    ASSERT(event_json_encode(bytes, false, arena, &json, NULL) == TALLY_OK);
    ASSERT(event_json_decode(json, arena, &again, NULL) == TALLY_OK);
    ASSERT(bytes_equal(bytes, again));
    ASSERT(event_decode(again, arena, &same, NULL) == TALLY_OK);
    ASSERT(hash_equal(&event.hash, &same.hash));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes from_json = {0};
    struct arena *arena = NULL;

    if (size == 0 || arena_open(0, &arena) != TALLY_OK) return 0;
    if (data[0] % 2 == 1) {
        if (event_json_decode(bytes_of(data + 1, size - 1), arena, &from_json, NULL) ==
            TALLY_OK) {
            round_trip(from_json, arena);
        }
    } else {
        round_trip(bytes_of(data + 1, size - 1), arena);
    }
    arena_close(arena);
    return 0;
}
