/* Any bytes as a proof file: what is accepted is written as the same bytes, into no more
 * room than tlogproof_size_max() promises. */
#include "base/assert.h"
#include "note/tlogproof.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tlogproof proof;
    struct tally_diag diag;

    if (tlogproof_parse(data, size, &proof, &diag) != TALLY_OK) return 0;
    const size_t extra_size = tlogproof_extra_size(&proof);
    const size_t room =
        tlogproof_size_max(extra_size, proof.hashes_count, proof.checkpoint.size);
    uint8_t *extra = malloc(extra_size + 1);
    uint8_t *file = malloc(room);
    struct bytes_writer writer = bytes_writer(file, room);
    ASSERT(extra != NULL && file != NULL);
    tlogproof_extra(&proof, extra);
    tlogproof_put(&writer, bytes_of(extra, extra_size), proof.index, proof.hashes,
                  proof.hashes_count, proof.checkpoint);
    ASSERT(!writer.bad);
    ASSERT(bytes_equal(bytes_of(file, writer.at), bytes_of(data, size)));
    free(file);
    free(extra);
    return 0;
}
