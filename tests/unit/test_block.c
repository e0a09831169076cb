/* Blocks: header, hash, signature, body. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "support/check_main.h"

static struct sign_key key;

static size_t make_block(uint8_t *room, struct block_header *header)
{
    static const char body[] = "a body";
    const uint8_t seed[32] = {7};

    ck_assert_int_eq(sign_init(), TALLY_OK);
    sign_keypair_from_seed(seed, &key);
    *header = (struct block_header){.kind = BLOCK_EVENTS,
                                    .boundary = true,
                                    .leader = 3,
                                    .index = 42,
                                    .term = 5,
                                    .time_ms = 1700000000123,
                                    .body_size = 6};
    memset(header->previous.bytes, 0xab, 32);
    hash_sha256(body, 6, &header->body_hash);
    block_sign(header, &key);
    block_header_encode(header, room);
    memcpy(room + BLOCK_HEADER_SIZE, body, 6);
    return BLOCK_HEADER_SIZE + 6;
}

/* The layout, byte by byte: docs/formats.md, "Blocks". */
START_TEST(layout)
{
    static const uint8_t want[36] = {1, 2, 1, 0,    0,    0,    0,    3,    0, 0, 0, 0,
                                     0, 0, 0, 42,   0,    0,    0,    0,    0, 0, 0, 5,
                                     0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0x7b, 0, 0, 0, 6};
    struct block_header header, decoded;
    uint8_t block[256];
    const size_t size = make_block(block, &header);

    ck_assert_mem_eq(block, want, sizeof want);
    ck_assert_int_eq(block_header_decode(bytes_of(block, size), &decoded, NULL), TALLY_OK);
    ck_assert_mem_eq(decoded.previous.bytes, header.previous.bytes, 32);
    ck_assert_mem_eq(decoded.signature, header.signature, 64);
    ck_assert_uint_eq(decoded.time_ms, header.time_ms);
    ck_assert(decoded.boundary);
    ck_assert_int_eq(block_verify(bytes_of(block, size), &decoded, key.public_key, NULL),
                     TALLY_OK);
}
END_TEST

/* Any changed byte: refused, or another hash and no valid signature. */
START_TEST(every_byte_counts)
{
    struct block_header header, decoded;
    struct tally_hash hash, other;
    uint8_t block[256];
    const size_t size = make_block(block, &header);

    block_hash(&header, &hash);
    block[_i] ^= 0x01;
    if (block_header_decode(bytes_of(block, size), &decoded, NULL) != TALLY_OK) return;
    ck_assert_int_ne(block_verify(bytes_of(block, size), &decoded, key.public_key, NULL),
                     TALLY_OK);
    block_hash(&decoded, &other);
    if (_i < BLOCK_SIGNED_SIZE) ck_assert(!hash_equal(&hash, &other));
}
END_TEST

START_TEST(refused)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
    } cases[] = {
        {"version 2", 0, 2},
        {"kind 0", 1, 0},
        {"kind 6", 1, 6},
        {"flag 2", 2, 2},
        {"spare byte", 3, 1},
        {"body size", 35, 7},
        {"index above 2^63", 8, 0x80},
        {"term above 2^63", 16, 0x80},
        {"time above 2^63", 24, 0x80},
    };
    struct block_header header, decoded;
    uint8_t block[256];
    const size_t size = make_block(block, &header);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t copy[256];

        memcpy(copy, block, size);
        copy[cases[i].at] = cases[i].value;
        ck_assert_msg(block_header_decode(bytes_of(copy, size), &decoded, NULL) ==
                          TALLY_E_MALFORMED,
                      "%s", cases[i].name);
    }
    for (size_t cut = 0; cut < size; cut++) {
        ck_assert_int_eq(block_header_decode(bytes_of(block, cut), &decoded, NULL),
                         TALLY_E_MALFORMED);
    }
}
END_TEST

START_TEST(bodies)
{
    static uint8_t large[300];
    const struct bytes batches[] = {
        {(const uint8_t *)"one", 3}, {large, sizeof large}, {(const uint8_t *)"x", 1}};
    const size_t size = block_batch_size(3) + block_batch_size(300) + block_batch_size(1);
    const struct bytes *split = NULL;
    struct arena *arena = NULL;
    uint8_t body[400];
    uint32_t count = 0;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    block_body_put(batches, 3, body, size);
    ck_assert_int_eq(block_body_split(bytes_of(body, size), arena, &split, &count, NULL),
                     TALLY_OK);
    ck_assert_uint_eq(count, 3);
    for (size_t i = 0; i < 3; i++) ck_assert(bytes_equal(split[i], batches[i]));
    ck_assert_int_eq(block_body_split(bytes_of(NULL, 0), arena, &split, &count, NULL),
                     TALLY_OK);
    ck_assert_uint_eq(count, 0);
    for (size_t cut = 1; cut < size; cut++) {
        if (cut == block_batch_size(3) || cut == block_batch_size(3) + block_batch_size(300))
            continue;
        ck_assert_int_eq(block_body_split(bytes_of(body, cut), arena, &split, &count, NULL),
                         TALLY_E_MALFORMED);
    }
    arena_close(arena);
}
END_TEST

/* Bodies that a protobuf parser would read, but that are not in canonical form. */
START_TEST(bodies_refused)
{
    static const struct {
        const char *name;
        uint8_t bytes[6];
        size_t size;
    } cases[] = {
        {"another field", {0x12, 1, 'a'}, 3},
        {"a varint field", {0x08, 1}, 2},
        {"an empty batch", {0x0a, 0}, 2},
        {"a long length", {0x0a, 0x81, 0x00, 'a'}, 4},
        {"a length of four bytes", {0x0a, 0x80, 0x80, 0x80, 0x01}, 5},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bytes *split = NULL;
        struct arena *arena = NULL;
        uint32_t count = 0;

        ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
        ck_assert_msg(block_body_split(bytes_of(cases[i].bytes, cases[i].size), arena, &split,
                                       &count, NULL) == TALLY_E_MALFORMED,
                      "%s", cases[i].name);
        arena_close(arena);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("block");
    TCase *cases = tcase_create("block");

    tcase_add_test(cases, layout);
    tcase_add_loop_test(cases, every_byte_counts, 0, BLOCK_HEADER_SIZE + 6);
    tcase_add_test(cases, refused);
    tcase_add_test(cases, bodies);
    tcase_add_test(cases, bodies_refused);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
