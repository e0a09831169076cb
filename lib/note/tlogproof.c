#include "note/tlogproof.h"

#include "base/assert.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/limits.h"
#include "base/lines.h"
#include "merkle/merkle.h"
#include <string.h>

static const char magic[] = "c2sp.org/tlog-proof@v1";
static const char extra_word[] = "extra ";
static const char index_word[] = "index ";

#define MAGIC_SIZE     (sizeof magic - 1)
#define WORD_SIZE      (sizeof extra_word - 1)
#define HASH_TEXT_SIZE BASE64_TEXT_SIZE(TALLY_HASH_BYTES)

_Static_assert(sizeof extra_word == sizeof index_word, "both words have one size");

struct lines {
    struct bytes rest;
    uint32_t number; /* of the line taken last */
};

static bool take(struct lines *lines, struct bytes *ret_line)
{
    lines->number++;
    return lines_take(&lines->rest, ret_line);
}

static bool starts_with(struct bytes line, const char *word)
{
    return line.size >= WORD_SIZE && memcmp(line.data, word, WORD_SIZE) == 0;
}

static enum tally_err malformed(const struct lines *lines, const char *text,
                                struct tally_diag *diag)
{
    tally_diag_set(diag, "proof file: line %u: %s", (unsigned)lines->number, text);
    return TALLY_E_MALFORMED;
}

/* The lines from the magic to the index. */
static enum tally_err parse_head(struct lines *lines, struct tlogproof *proof,
                                 struct tally_diag *diag)
{
    struct bytes line = {0};

    if (!take(lines, &line) || !bytes_equal(line, bytes_of(magic, MAGIC_SIZE)))
        return malformed(lines, "is not `c2sp.org/tlog-proof@v1`", diag);
    if (!take(lines, &line)) return malformed(lines, "is missing", diag);
    if (starts_with(line, extra_word)) {
        const struct bytes text = bytes_of(line.data + WORD_SIZE, line.size - WORD_SIZE);

        if (text.size == 0 || !base64_decode((const char *)text.data, text.size, NULL))
            return malformed(lines, "extra is not base64", diag);
        proof->extra_base64 = text;
        if (!take(lines, &line)) return malformed(lines, "is missing", diag);
    }
    if (!starts_with(line, index_word) ||
        !decimal_parse((const char *)line.data + WORD_SIZE, line.size - WORD_SIZE,
                       MERKLE_SIZE_MAX - 1, &proof->index))
        return malformed(lines, "is not `index <number below 2^63>`", diag);
    return TALLY_OK;
}

/* The hash lines and the empty line after them. */
static enum tally_err parse_hashes(struct lines *lines, struct tlogproof *proof,
                                   struct tally_diag *diag)
{
    for (;;) {
        struct bytes line = {0};

        if (!take(lines, &line)) return malformed(lines, "is missing", diag);
        if (line.size == 0) return TALLY_OK;
        if (proof->hashes_count == TALLY_PROOF_HASHES_MAX) {
            tally_diag_set(diag, "proof file: over %u hashes", TALLY_PROOF_HASHES_MAX);
            return TALLY_E_TOO_LARGE;
        }
        const char *text = (const char *)line.data;
        if (base64_decoded_size(text, line.size) != TALLY_HASH_BYTES ||
            !base64_decode(text, line.size, proof->hashes[proof->hashes_count].bytes))
            return malformed(lines, "is not base64 of a 32-byte hash", diag);
        proof->hashes_count++;
    }
}

enum tally_err tlogproof_parse(const void *data, size_t size, struct tlogproof *ret_proof,
                               struct tally_diag *diag)
{
    struct lines lines = {.rest = bytes_of(data, size)};
    struct tlogproof proof = {.index = 0};

    if (size > LIMIT_PROOF_FILE_SIZE) {
        tally_diag_set(diag, "proof file: over %d bytes", LIMIT_PROOF_FILE_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    enum tally_err err = parse_head(&lines, &proof, diag);
    if (err != TALLY_OK) return err;
    err = parse_hashes(&lines, &proof, diag);
    if (err != TALLY_OK) return err;
    if (lines.rest.size == 0) {
        lines.number++;
        return malformed(&lines, "the checkpoint is missing", diag);
    }
    proof.checkpoint = lines.rest;
    *ret_proof = proof;
    return TALLY_OK;
}

size_t tlogproof_extra_size(const struct tlogproof *proof)
{
    return base64_decoded_size((const char *)proof->extra_base64.data,
                               proof->extra_base64.size);
}

void tlogproof_extra(const struct tlogproof *proof, void *ret_extra)
{
    if (proof->extra_base64.size == 0) return;
    const bool good = base64_decode((const char *)proof->extra_base64.data,
                                    proof->extra_base64.size, ret_extra);
    ASSERT(good); /* tlogproof_parse() checked it */
}

size_t tlogproof_size_max(size_t extra_size, size_t hashes_count, size_t checkpoint_size)
{
    return MAGIC_SIZE + 1 + WORD_SIZE + BASE64_TEXT_SIZE(extra_size) + 1 + WORD_SIZE +
           DECIMAL_TEXT_MAX + 1 + hashes_count * (HASH_TEXT_SIZE + 1) + 1 + checkpoint_size;
}

/* In pieces of a multiple of 3 bytes, so that no piece but the last is padded. */
static void put_base64(struct bytes_writer *writer, struct bytes data)
{
    enum { PIECE = 768 };
    char text[BASE64_TEXT_SIZE(PIECE)];

    for (size_t at = 0; at < data.size; at += PIECE) {
        const size_t size = data.size - at < PIECE ? data.size - at : PIECE;

        base64_encode(data.data + at, size, text);
        bytes_put(writer, text, BASE64_TEXT_SIZE(size));
    }
}

void tlogproof_put(struct bytes_writer *writer, struct bytes extra, uint64_t index,
                   const struct tally_hash *hashes, size_t hashes_count,
                   struct bytes checkpoint)
{
    char digits[DECIMAL_TEXT_MAX];

    ASSERT(hashes_count <= TALLY_PROOF_HASHES_MAX);
    ASSERT(index < MERKLE_SIZE_MAX);
    ASSERT(checkpoint.size > 0);
    bytes_put(writer, magic, MAGIC_SIZE);
    bytes_put(writer, "\n", 1);
    if (extra.size > 0) {
        bytes_put(writer, extra_word, WORD_SIZE);
        put_base64(writer, extra);
        bytes_put(writer, "\n", 1);
    }
    bytes_put(writer, index_word, WORD_SIZE);
    bytes_put(writer, digits, decimal_format(index, digits));
    bytes_put(writer, "\n", 1);
    for (size_t i = 0; i < hashes_count; i++) {
        put_base64(writer, bytes_of(hashes[i].bytes, sizeof hashes[i].bytes));
        bytes_put(writer, "\n", 1);
    }
    bytes_put(writer, "\n", 1);
    bytes_put(writer, checkpoint.data, checkpoint.size);
}
