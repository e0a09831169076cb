/* Any bytes as a genesis file: decoded, it encodes to itself with one signature more, and seals
 * only when every root key has signed. */
#include <stdint.h>

#include "base/assert.h"
#include "event/block.h"
#include "event/genesis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t missing[LIMIT_GENESIS_SIGNERS];
    struct bytes record, block;
    struct block_header header;
    struct tally_hash ledger_id;
    struct genesis genesis;
    struct arena *arena = NULL;

    if (sign_init() != TALLY_OK || arena_open(0, &arena) != TALLY_OK) return 0;
    if (genesis_decode(bytes_of(data, size), arena, &genesis, NULL) == TALLY_OK) {
        const bool complete = genesis_missing(&genesis, missing) == 0;
        const enum tally_err err =
            genesis_seal(&genesis, arena, &record, &ledger_id, &block, NULL);

        ASSERT((err == TALLY_OK) == complete);
        ASSERT(!complete || block_header_decode(block, &header, NULL) == TALLY_OK);
    }
    arena_close(arena);
    return 0;
}
