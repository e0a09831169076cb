/* Any bytes as a trust file: what is accepted is valid, is written in at most
 * TRUST_TEXT_MAX bytes, and what is written parses to the same struct and the same bytes. */
#include "base/assert.h"
#include "note/trust.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trust trust;
    static struct trust again;
    static char text[TRUST_TEXT_MAX];
    static char text_again[TRUST_TEXT_MAX];
    struct tally_diag diag;
    struct bytes_writer writer = bytes_writer(text, sizeof text);
    struct bytes_writer writer_again = bytes_writer(text_again, sizeof text_again);

    if (trust_parse(data, size, &trust, &diag) != TALLY_OK) return 0;
    ASSERT(trust_valid(&trust));
    trust_put(&writer, &trust);
    ASSERT(!writer.bad);
    ASSERT(trust_parse(text, writer.at, &again, &diag) == TALLY_OK);
    trust_put(&writer_again, &again);
    ASSERT(bytes_equal(bytes_of(text, writer.at), bytes_of(text_again, writer_again.at)));
    /* Nobody's cosignature satisfies only `quorum none`, everybody's always does. */
    ASSERT(trust_satisfied(&trust, 0) == (trust.quorum == TRUST_NOBODY));
    ASSERT(trust_satisfied(&trust, UINT32_MAX));
    ASSERT(trust_overlap(&trust) <= trust.witnesses_count);
    ASSERT(trust_overlap(&trust) == trust_overlap(&again));
    return 0;
}
