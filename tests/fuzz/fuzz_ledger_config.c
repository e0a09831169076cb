/* Any bytes as a Config, the members as a Config block and a genesis name them: what decodes
 * encodes to itself, and keeps its limits. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "event/ledger_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ledger_config config;
    struct arena *arena = NULL;

    if (sign_init() != TALLY_OK || arena_open(0, &arena) != TALLY_OK) return 0;
    if (ledger_config_decode(bytes_of(data, size), arena, &config, NULL) == TALLY_OK) {
        const uint32_t voters = ledger_config_voters(&config);
        const struct bytes again = ledger_config_encode(&config, arena);

        ASSERT(voters >= 1 && voters <= LIMIT_VOTERS);
        ASSERT(config.members_count <= LIMIT_MEMBERS);
        ASSERT(again.data == NULL ||
               (again.size == size && memcmp(again.data, data, size) == 0));
    }
    arena_close(arena);
    return 0;
}
