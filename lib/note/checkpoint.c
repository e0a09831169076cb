#include "note/checkpoint.h"

#include "base/assert.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/lines.h"
#include "crypto/hash.h"
#include "crypto/vkey.h"
#include "merkle/merkle.h"

#define ROOT_TEXT_SIZE BASE64_TEXT_SIZE(TALLY_HASH_BYTES)

_Static_assert(ROOT_TEXT_SIZE == 44, "CHECKPOINT_TEXT_MAX counts on it");

enum tally_err checkpoint_parse(struct bytes text, struct checkpoint *ret_checkpoint,
                                struct tally_diag *diag)
{
    struct checkpoint found = {.size = 0};
    struct bytes origin = {0};
    struct bytes size = {0};
    struct bytes root = {0};

    if (!lines_take(&text, &origin) || !lines_take(&text, &size) || !lines_take(&text, &root)) {
        tally_diag_set(diag, "checkpoint: fewer than three lines");
        return TALLY_E_MALFORMED;
    }
    if (text.size != 0) {
        tally_diag_set(diag, "checkpoint: extension lines are not accepted");
        return TALLY_E_MALFORMED;
    }
    if (!vkey_name_valid((const char *)origin.data, origin.size)) {
        tally_diag_set(diag, "checkpoint: the origin is no key name");
        return TALLY_E_MALFORMED;
    }
    if (!decimal_parse((const char *)size.data, size.size, MERKLE_SIZE_MAX - 1, &found.size)) {
        tally_diag_set(diag, "checkpoint: the size is no decimal number below 2^63");
        return TALLY_E_MALFORMED;
    }
    if (root.size != ROOT_TEXT_SIZE ||
        base64_decoded_size((const char *)root.data, root.size) != TALLY_HASH_BYTES ||
        !base64_decode((const char *)root.data, root.size, found.root.bytes)) {
        tally_diag_set(diag, "checkpoint: the root is not base64 of 32 bytes");
        return TALLY_E_MALFORMED;
    }
    found.origin = origin;
    *ret_checkpoint = found;
    return TALLY_OK;
}

void checkpoint_put(struct bytes_writer *writer, const struct checkpoint *checkpoint)
{
    char digits[DECIMAL_TEXT_MAX];
    char root[ROOT_TEXT_SIZE];

    ASSERT(vkey_name_valid((const char *)checkpoint->origin.data, checkpoint->origin.size));
    ASSERT(checkpoint->size < MERKLE_SIZE_MAX);
    base64_encode(checkpoint->root.bytes, TALLY_HASH_BYTES, root);
    bytes_put(writer, checkpoint->origin.data, checkpoint->origin.size);
    bytes_put(writer, "\n", 1);
    bytes_put(writer, digits, decimal_format(checkpoint->size, digits));
    bytes_put(writer, "\n", 1);
    bytes_put(writer, root, sizeof root);
    bytes_put(writer, "\n", 1);
}

bool checkpoint_equal(const struct checkpoint *a, const struct checkpoint *b)
{
    return a->size == b->size && bytes_equal(a->origin, b->origin) &&
           hash_equal(&a->root, &b->root);
}
