#include "support/store_texts.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum tally_err store_texts_append(struct store *store, uint64_t truncate_from, uint64_t from,
                                  uint64_t to, const char *text, size_t size)
{
    static _Thread_local char data[STORE_TEXTS_MAX][STORE_TEXTS_SIZE_MAX];
    struct store_block blocks[STORE_TEXTS_MAX];
    struct store_append append = {.truncate_from = truncate_from, .blocks = blocks};

    ASSERT(to < from || to - from < STORE_TEXTS_MAX);
    ASSERT(size < STORE_TEXTS_SIZE_MAX);
    for (uint64_t index = from; index <= to; index++) {
        const size_t at = append.blocks_count++;
        const int written = snprintf(data[at], sizeof data[at], "%s %" PRIu64, text, index);
        size_t used = (size_t)written;

        ASSERT(written > 0 && used < sizeof data[at]);
        if (used < size) {
            memset(data[at] + used, ' ', size - used);
            used = size;
        }
        blocks[at] = (struct store_block){index, bytes_of(data[at], used)};
    }
    return store_append(store, &append, NULL);
}

bool store_texts_is(const struct store_block *block, const char *text)
{
    char want[64];
    const int written = snprintf(want, sizeof want, "%s %" PRIu64, text, block->index);
    const size_t size = (size_t)written;

    ASSERT(written > 0 && size < sizeof want);
    if (block->data.size < size || memcmp(block->data.data, want, size) != 0) return false;
    for (size_t i = size; i < block->data.size; i++) {
        if (block->data.data[i] != ' ') return false;
    }
    return true;
}

void store_texts_check(struct store *store, uint64_t index, const char *text)
{
    struct store_block *blocks = NULL;
    struct tally_diag diag = {{0}};
    size_t count = 0;
    const enum tally_err err = store_read(store, index, 1, 1, &blocks, &count, &diag);

    ck_assert_msg(err == TALLY_OK, "block %" PRIu64 ": %s", index, diag.text);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(blocks[0].index, index);
    ck_assert_msg(store_texts_is(&blocks[0], text), "block %" PRIu64 " is not '%s'", index,
                  text);
    free(blocks);
}

void store_texts_check_all(struct store *store, const char *text)
{
    uint64_t next = 1;

    while (next <= store_last(store)) {
        struct store_block *blocks = NULL;
        struct tally_diag diag = {{0}};
        size_t count = 0;
        const enum tally_err err =
            store_read(store, next, 1000, 1024 * 1024, &blocks, &count, &diag);

        ck_assert_msg(err == TALLY_OK, "block %" PRIu64 ": %s", next, diag.text);
        ck_assert_uint_gt(count, 0);
        for (size_t i = 0; i < count; i++, next++) {
            ck_assert_uint_eq(blocks[i].index, next);
            ck_assert_msg(store_texts_is(&blocks[i], text), "block %" PRIu64, next);
        }
        free(blocks);
    }
}

enum tally_err store_texts_put(struct store *store, enum store_family family, const char *key,
                               const char *value)
{
    const struct store_put put = {.family = family,
                                  .key = bytes_of(key, strlen(key)),
                                  .value = bytes_of(value, value == NULL ? 0 : strlen(value)),
                                  .erase = value == NULL};

    return store_put(store, &put, 1, NULL);
}

void store_texts_check_value(struct store *store, enum store_family family, const char *key,
                             const char *want)
{
    struct store_value value = {0};
    const enum tally_err err =
        store_get(store, family, bytes_of(key, strlen(key)), &value, NULL);

    if (want == NULL) {
        ck_assert_msg(err == TALLY_E_NOT_FOUND, "%s is there", key);
        return;
    }
    ck_assert_msg(err == TALLY_OK, "%s is not there", key);
    ck_assert_uint_eq(value.size, strlen(want));
    ck_assert_mem_eq(value.data, want, value.size);
    store_value_free(&value);
}
