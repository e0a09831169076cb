/* Any bytes as a request (first byte even) or a response: what decodes encodes again, to the
 * same size for a request, where nothing may get lost on the way. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "client/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(struct bytes bytes, struct arena *arena)
{
    struct rpc_request request, again;
    struct buffer *encoded = NULL;

    if (rpc_request_decode(bytes, arena, &request, NULL) != TALLY_OK) return;
    ASSERT(rpc_request_encode(&request, &encoded, NULL) == TALLY_OK);
    ASSERT(encoded->size == bytes.size);
    ASSERT(rpc_request_decode(buffer_bytes(encoded), arena, &again, NULL) == TALLY_OK);
    ASSERT(again.kind == request.kind);
    buffer_release(encoded);
}

static void try_response(struct bytes bytes, struct arena *arena)
{
    struct rpc_response response, again;
    struct buffer *encoded = NULL, *twice = NULL;

    if (rpc_response_decode(bytes, arena, &response, NULL) != TALLY_OK) return;
    ASSERT((response.code == TALLY_OK) == (response.kind != RPC_NONE));
    ASSERT(rpc_response_encode(&response, &encoded, NULL) == TALLY_OK);
    ASSERT(rpc_response_decode(buffer_bytes(encoded), arena, &again, NULL) == TALLY_OK);
    ASSERT(rpc_response_encode(&again, &twice, NULL) == TALLY_OK);
    ASSERT(bytes_equal(buffer_bytes(encoded), buffer_bytes(twice)));
    buffer_release(encoded);
    buffer_release(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = NULL;

    if (size == 0 || arena_open(0, &arena) != TALLY_OK) return 0;
    if (data[0] % 2 == 0)
        try_request(bytes_of(data + 1, size - 1), arena);
    else
        try_response(bytes_of(data + 1, size - 1), arena);
    arena_close(arena);
    return 0;
}
