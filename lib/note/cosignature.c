#include "note/cosignature.h"

#include "base/assert.h"
#include "base/decimal.h"

static const char header[] = "cosignature/v1\ntime ";

#define HEAD_MAX    (sizeof header - 1 + DECIMAL_TEXT_MAX + 1)
#define MESSAGE_MAX (HEAD_MAX + CHECKPOINT_TEXT_MAX)
#define TIME_MAX    ((uint64_t)INT64_MAX)

/* What is signed; returns its size. */
static size_t message(struct bytes text, uint64_t time_s, uint8_t ret_message[MESSAGE_MAX])
{
    char digits[DECIMAL_TEXT_MAX];
    struct bytes_writer writer = bytes_writer(ret_message, MESSAGE_MAX);

    bytes_put(&writer, header, sizeof header - 1);
    bytes_put(&writer, digits, decimal_format(time_s, digits));
    bytes_put(&writer, "\n", 1);
    bytes_put(&writer, text.data, text.size);
    ASSERT(!writer.bad);
    return writer.at;
}

void cosignature_sign(const struct sign_key *key, struct bytes text, uint64_t time_s,
                      uint8_t ret_cosignature[COSIGNATURE_BYTES])
{
    uint8_t signed_bytes[MESSAGE_MAX];
    struct bytes_writer writer = bytes_writer(ret_cosignature, COSIGNATURE_BYTES);

    ASSERT(time_s <= TIME_MAX);
    ASSERT(text.size <= CHECKPOINT_TEXT_MAX);
    const size_t size = message(text, time_s, signed_bytes);
    bytes_put_u64(&writer, time_s);
    sign_detached(key, signed_bytes, size, ret_cosignature + writer.at);
}

enum tally_err cosignature_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES],
                                  struct bytes text, const void *cosignature, size_t size,
                                  uint64_t *ret_time_s)
{
    uint8_t signed_bytes[MESSAGE_MAX];
    struct bytes_reader reader = bytes_reader(cosignature, size);

    /* A longer text is no checkpoint, and nobody cosigns anything else. */
    if (size != COSIGNATURE_BYTES || text.size > CHECKPOINT_TEXT_MAX) return TALLY_E_SIGNATURE;
    const uint64_t time_s = bytes_get_u64(&reader);
    const uint8_t *signature = bytes_get(&reader, SIGN_SIGNATURE_BYTES);
    if (time_s > TIME_MAX) return TALLY_E_SIGNATURE;
    const size_t message_size = message(text, time_s, signed_bytes);
    const enum tally_err err =
        sign_verify(public_key, signed_bytes, message_size, signature, SIGN_SIGNATURE_BYTES);
    if (err != TALLY_OK) return err;
    if (ret_time_s != NULL) *ret_time_s = time_s;
    return TALLY_OK;
}

enum tally_err cosignature_find(const struct note *note, const struct vkey *vkey,
                                uint64_t *ret_time_s)
{
    enum tally_err found = TALLY_E_NOT_FOUND;
    uint64_t latest_s = 0;

    ASSERT(vkey->type == VKEY_COSIGNATURE);
    for (uint32_t i = 0; i < note->lines_count; i++) {
        uint8_t cosignature[COSIGNATURE_BYTES];
        uint64_t time_s = 0;

        if (!note_line_by(&note->lines[i], vkey)) continue;
        if (!note_line_signature(&note->lines[i], cosignature, sizeof cosignature))
            return TALLY_E_SIGNATURE;
        found = cosignature_verify(vkey->public_key, note->text, cosignature,
                                   sizeof cosignature, &time_s);
        if (found != TALLY_OK) return found;
        if (time_s > latest_s) latest_s = time_s;
    }
    if (found == TALLY_OK && ret_time_s != NULL) *ret_time_s = latest_s;
    return found;
}
