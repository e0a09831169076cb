/* note/checkpoint - the text of a checkpoint (C2SP tlog-checkpoint): origin, size, root.
 *
 * Our checkpoints have exactly these three lines; extension lines are refused. A parsed
 * checkpoint borrows its origin from the text. Nothing allocates; thread-safe. */
#ifndef NOTE_CHECKPOINT_H
#define NOTE_CHECKPOINT_H

#include "base/bytes.h"
#include "base/limits.h"
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

/* Room for the text: three lines with their newlines. */
#define CHECKPOINT_TEXT_MAX (LIMIT_KEY_NAME_SIZE + 1 + 19 + 1 + 44 + 1)

struct checkpoint {
    struct bytes origin; /* a valid key name, at most LIMIT_KEY_NAME_SIZE */
    uint64_t size;       /* leaves, below 2^63 */
    struct tally_hash root;
};

/* Parse the text of a note. Only one text stands for one checkpoint: no leading zeros, no
 * sign, canonical base64, nothing after the third newline.
 *   TALLY_E_MALFORMED  anything else */
TALLY_NODISCARD enum tally_err checkpoint_parse(struct bytes text,
                                                struct checkpoint *ret_checkpoint,
                                                struct tally_diag *diag);

/* Write the text. The origin must be a valid key name and the size below 2^63 (asserted);
 * CHECKPOINT_TEXT_MAX bytes are always room enough. */
void checkpoint_put(struct bytes_writer *writer, const struct checkpoint *checkpoint);

/* Same origin, size and root? */
bool checkpoint_equal(const struct checkpoint *a, const struct checkpoint *b);

#endif
