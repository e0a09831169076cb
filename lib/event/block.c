#include "event/block.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "crypto/hash.h"

enum {
    BLOCK_VERSION = 1,
    FLAG_BOUNDARY = 1,
    BATCHES_TAG = 0x0a, /* field 1 of BlockEvents, length-delimited */
};

static void put_signed(const struct block_header *header, uint8_t *bytes)
{
    struct bytes_writer writer = bytes_writer(bytes, BLOCK_SIGNED_SIZE);

    bytes_put_u8(&writer, BLOCK_VERSION);
    bytes_put_u8(&writer, (uint8_t)header->kind);
    bytes_put_u8(&writer, header->boundary ? FLAG_BOUNDARY : 0);
    bytes_put_u8(&writer, 0);
    bytes_put_u32(&writer, header->leader);
    bytes_put_u64(&writer, header->index);
    bytes_put_u64(&writer, header->term);
    bytes_put_u64(&writer, header->time_ms);
    bytes_put_u32(&writer, header->body_size);
    bytes_put(&writer, header->previous.bytes, 32);
    bytes_put(&writer, header->body_hash.bytes, 32);
    ASSERT(!writer.bad && writer.at == BLOCK_SIGNED_SIZE);
}

void block_header_encode(const struct block_header *header,
                         uint8_t ret_bytes[BLOCK_HEADER_SIZE])
{
    put_signed(header, ret_bytes);
    memcpy(ret_bytes + BLOCK_SIGNED_SIZE, header->signature, SIGN_SIGNATURE_BYTES);
}

static enum tally_err malformed(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "the block's %s", what);
    return TALLY_E_MALFORMED;
}

enum tally_err block_header_decode(struct bytes block, struct block_header *ret_header,
                                   struct tally_diag *diag)
{
    struct bytes_reader reader = bytes_reader(block.data, block.size);
    struct block_header header;

    if (block.size < BLOCK_HEADER_SIZE) return malformed(diag, "header is cut short");
    if (bytes_get_u8(&reader) != BLOCK_VERSION) return malformed(diag, "version is not 1");
    const uint8_t kind = bytes_get_u8(&reader);
    const uint8_t flags = bytes_get_u8(&reader);

    if (kind < BLOCK_GENESIS || kind > BLOCK_TICK) return malformed(diag, "kind is not known");
    if (flags > FLAG_BOUNDARY || bytes_get_u8(&reader) != 0)
        return malformed(diag, "flags are not known");
    header.kind = (enum block_kind)kind;
    header.boundary = flags == FLAG_BOUNDARY;
    header.leader = bytes_get_u32(&reader);
    header.index = bytes_get_u64(&reader);
    header.term = bytes_get_u64(&reader);
    header.time_ms = bytes_get_u64(&reader);
    header.body_size = bytes_get_u32(&reader);
    bytes_get_copy(&reader, header.previous.bytes, 32);
    bytes_get_copy(&reader, header.body_hash.bytes, 32);
    bytes_get_copy(&reader, header.signature, SIGN_SIGNATURE_BYTES);
    ASSERT(!reader.bad);
    if (header.body_size > LIMIT_BLOCK_SIZE ||
        header.body_size != block.size - BLOCK_HEADER_SIZE) {
        return malformed(diag, "body has not the size that its header says");
    }
    if (header.index == 0 || header.index > INT64_MAX || header.term > INT64_MAX ||
        header.time_ms > INT64_MAX) {
        return malformed(diag, "index, term or time is out of range");
    }
    *ret_header = header;
    return TALLY_OK;
}

void block_hash(const struct block_header *header, struct tally_hash *ret_hash)
{
    uint8_t bytes[BLOCK_SIGNED_SIZE];

    put_signed(header, bytes);
    hash_tagged("tally/block/v1", bytes, sizeof bytes, ret_hash);
}

static const char sign_tag[] = "tally/block/v1\n";
enum {
    SIGN_TAG_SIZE = sizeof sign_tag - 1,
    SIGN_MESSAGE_SIZE = SIGN_TAG_SIZE + BLOCK_SIGNED_SIZE
};

static void sign_message(const struct block_header *header, uint8_t message[SIGN_MESSAGE_SIZE])
{
    memcpy(message, sign_tag, SIGN_TAG_SIZE);
    put_signed(header, message + SIGN_TAG_SIZE);
}

void block_sign(struct block_header *header, const struct sign_key *peer_key)
{
    uint8_t message[SIGN_MESSAGE_SIZE];

    sign_message(header, message);
    sign_detached(peer_key, message, sizeof message, header->signature);
}

struct bytes block_body(struct bytes block)
{
    ASSERT(block.size >= BLOCK_HEADER_SIZE);
    return bytes_of(block.data + BLOCK_HEADER_SIZE, block.size - BLOCK_HEADER_SIZE);
}

enum tally_err block_verify(struct bytes block, const struct block_header *header,
                            const uint8_t peer_key[SIGN_PUBLIC_BYTES], struct tally_diag *diag)
{
    const struct bytes body = block_body(block);
    uint8_t message[SIGN_MESSAGE_SIZE];
    struct tally_hash hash;

    hash_sha256(body.data, body.size, &hash);
    if (!hash_equal(&hash, &header->body_hash)) {
        tally_diag_set(diag, "the body of block %llu is not the one its header names",
                       (unsigned long long)header->index);
        return TALLY_E_CORRUPT;
    }
    sign_message(header, message);
    if (sign_verify(peer_key, message, sizeof message, header->signature,
                    sizeof header->signature) != TALLY_OK) {
        tally_diag_set(diag, "block %llu is not signed by member %u",
                       (unsigned long long)header->index, (unsigned)header->leader);
        return TALLY_E_SIGNATURE;
    }
    return TALLY_OK;
}

static size_t varint_size(size_t value)
{
    size_t size = 1;

    for (; value >= 0x80; value >>= 7) size++;
    return size;
}

size_t block_batch_size(size_t batch_size)
{
    return 1 + varint_size(batch_size) + batch_size;
}

void block_body_put(const struct bytes *batches, size_t count, uint8_t *ret_body, size_t size)
{
    struct bytes_writer writer = bytes_writer(ret_body, size);

    for (size_t i = 0; i < count; i++) {
        size_t rest = batches[i].size;

        bytes_put_u8(&writer, BATCHES_TAG);
        for (; rest >= 0x80; rest >>= 7) bytes_put_u8(&writer, (uint8_t)(rest | 0x80));
        bytes_put_u8(&writer, (uint8_t)rest);
        bytes_put(&writer, batches[i].data, batches[i].size);
    }
    ASSERT(!writer.bad && writer.at == size);
}

/* A length as a shortest varint of at most three bytes (sizes are below 2^21). */
static bool get_length(struct bytes_reader *reader, size_t *ret_length)
{
    size_t length = 0;

    for (unsigned shift = 0; shift < 21; shift += 7) {
        const uint8_t byte = bytes_get_u8(reader);

        length |= (size_t)(byte & 0x7f) << shift;
        if (byte >= 0x80) continue;
        *ret_length = length;
        return !reader->bad && (byte > 0 || shift == 0);
    }
    return false;
}

enum tally_err block_body_split(struct bytes body, struct arena *arena,
                                const struct bytes **ret_batches, uint32_t *ret_count,
                                struct tally_diag *diag)
{
    struct bytes_reader reader = bytes_reader(body.data, body.size);
    struct bytes *batches = NULL;
    size_t length = 0;
    uint32_t count = 0, filled = 0;

    /* Twice over the same bytes: to count, then to fill. */
    while (!bytes_reader_done(&reader)) {
        if (bytes_get_u8(&reader) != BATCHES_TAG || !get_length(&reader, &length) ||
            length == 0 || bytes_get(&reader, length) == NULL || ++count > LIMIT_BLOCK_EVENTS) {
            return malformed(diag, "body is no list of batches");
        }
    }
    batches = arena_zalloc(arena, count, sizeof *batches);
    if (batches == NULL) return TALLY_E_NO_MEMORY;
    for (reader = bytes_reader(body.data, body.size); filled < count; filled++) {
        bytes_get_u8(&reader);
        if (!get_length(&reader, &length)) UNREACHABLE("parsed before");
        batches[filled] = bytes_of(bytes_get(&reader, length), length);
    }
    *ret_batches = batches;
    *ret_count = count;
    return TALLY_OK;
}
