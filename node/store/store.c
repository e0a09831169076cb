#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "store/store_internal.h"

enum { FRAME_VERSION = 1, CHECK_SIZE = 8, KEY_SIZE_MAX = 512 };

static void frame_check(uint64_t index, struct bytes data, uint8_t check[CHECK_SIZE])
{
    struct hash_state state;
    struct tally_hash hash;
    uint8_t number[8];
    struct bytes_writer writer = bytes_writer(number, sizeof number);

    bytes_put_u64(&writer, index);
    hash_begin(&state);
    hash_update(&state, number, sizeof number);
    hash_update(&state, data.data, data.size);
    hash_finish(&state, &hash);
    memcpy(check, hash.bytes, CHECK_SIZE);
}

void store_frame(uint64_t index, struct bytes data, uint8_t ret_frame[STORE_FRAME_SIZE])
{
    struct bytes_writer writer = bytes_writer(ret_frame, STORE_FRAME_SIZE);
    uint8_t check[CHECK_SIZE];

    frame_check(index, data, check);
    bytes_put_u8(&writer, FRAME_VERSION);
    bytes_put_u64(&writer, index);
    bytes_put(&writer, check, sizeof check);
    ASSERT(!writer.bad && writer.at == STORE_FRAME_SIZE);
}

enum tally_err store_unframe(uint64_t index, struct bytes framed, struct bytes *ret_data,
                             struct tally_diag *diag)
{
    struct bytes_reader reader = bytes_reader(framed.data, framed.size);
    const uint8_t version = bytes_get_u8(&reader);
    const uint64_t stored_index = bytes_get_u64(&reader);
    const uint8_t *stored_check = bytes_get(&reader, CHECK_SIZE);
    uint8_t check[CHECK_SIZE];
    struct bytes data;

    if (reader.bad || version != FRAME_VERSION || stored_index != index) {
        tally_diag_set(diag, "what is stored as block %llu is another thing",
                       (unsigned long long)index);
        return TALLY_E_CORRUPT;
    }
    data = bytes_of(framed.data + STORE_FRAME_SIZE, framed.size - STORE_FRAME_SIZE);
    frame_check(index, data, check);
    if (memcmp(check, stored_check, CHECK_SIZE) != 0) {
        tally_diag_set(diag, "block %llu is damaged on the disk", (unsigned long long)index);
        return TALLY_E_CORRUPT;
    }
    *ret_data = data;
    return TALLY_OK;
}

enum tally_err store_collect_add(struct store_collect *collect, struct bytes framed,
                                 bool *ret_more, struct tally_diag *diag)
{
    const uint64_t index = collect->from + collect->count;
    struct bytes data;
    enum tally_err err = store_unframe(index, framed, &data, diag);

    if (err != TALLY_OK) return err;
    if (collect->count > 0 && collect->size + data.size > collect->size_max) {
        *ret_more = false;
        return TALLY_OK;
    }
    if (collect->size + data.size > collect->capacity) {
        const size_t capacity = 2 * (collect->size + data.size);
        uint8_t *grown = realloc(collect->data, capacity);

        if (grown == NULL) return TALLY_E_NO_MEMORY;
        collect->data = grown;
        collect->capacity = capacity;
    }
    if (collect->count == collect->blocks_capacity) {
        const size_t capacity =
            collect->blocks_capacity == 0 ? 16 : 2 * collect->blocks_capacity;
        struct store_block *grown = realloc(collect->blocks, capacity * sizeof *grown);

        if (grown == NULL) return TALLY_E_NO_MEMORY;
        collect->blocks = grown;
        collect->blocks_capacity = capacity;
    }
    if (data.size > 0) memcpy(collect->data + collect->size, data.data, data.size);
    collect->blocks[collect->count++] =
        (struct store_block){.index = index, .data = {NULL, data.size}};
    collect->size += data.size;
    *ret_more = collect->count < collect->count_max && collect->size < collect->size_max;
    return TALLY_OK;
}

enum tally_err store_collect_give(struct store_collect *collect,
                                  struct store_block **ret_blocks, size_t *ret_count)
{
    const size_t head = collect->count * sizeof(struct store_block);
    uint8_t *memory = malloc(head + collect->size + 1);
    struct store_block *blocks = (struct store_block *)(void *)memory;
    size_t at = head;

    ASSERT(collect->count > 0);
    if (memory == NULL) return TALLY_E_NO_MEMORY;
    memcpy(memory, collect->blocks, head);
    if (collect->size > 0) memcpy(memory + head, collect->data, collect->size);
    for (size_t i = 0; i < collect->count; i++) {
        blocks[i].data.data = memory + at;
        at += blocks[i].data.size;
    }
    *ret_blocks = blocks;
    *ret_count = collect->count;
    return TALLY_OK;
}

void store_collect_free(struct store_collect *collect)
{
    free(collect->data);
    free(collect->blocks);
    *collect = (struct store_collect){0};
}

void store_close(struct store *store)
{
    if (store != NULL) store->ops->close(store);
}

enum tally_err store_append(struct store *store, const struct store_append *append,
                            struct tally_diag *diag)
{
    const uint64_t before = store->last;
    uint64_t last = before;
    enum tally_err err;

    if (append->truncate_from > 0 && append->truncate_from <= before)
        last = append->truncate_from - 1;
    for (size_t i = 0; i < append->blocks_count; i++) {
        ASSERT(append->blocks[i].index == last + 1 + i); /* the core leaves no holes */
    }
    if (last < before) {
        store->last = last; /* before the counter: see store_read */
        store->truncations++;
    }
    err = store->ops->append(store, append, before, diag);
    if (err != TALLY_OK) return err;
    if (append->hard_state != NULL) store->hard_state = *append->hard_state;
    store->last = last + append->blocks_count;
    return TALLY_OK;
}

uint64_t store_last(struct store *store)
{
    return store->last;
}

struct store_hard_state store_hard_state(struct store *store)
{
    return store->hard_state;
}

enum tally_err store_read(struct store *store, uint64_t from, size_t count_max, size_t size_max,
                          struct store_block **ret_blocks, size_t *ret_count,
                          struct tally_diag *diag)
{
    ASSERT(count_max > 0);
    for (;;) {
        const uint64_t truncations = store->truncations;
        const uint64_t last = store->last;
        enum tally_err err;

        if (from == 0 || from > last) {
            tally_diag_set(diag, "block %llu is not here; the last one is %llu",
                           (unsigned long long)from, (unsigned long long)last);
            return TALLY_E_NOT_FOUND;
        }
        err = store->ops->read(store, from,
                               count_max <= last - from ? count_max : (size_t)(last - from + 1),
                               size_max, ret_blocks, ret_count, diag);
        /* A block below `last` is missing: was it truncated since we read `last`? Then look
         * again; each turn needs another truncation. */
        if (err != TALLY_E_CORRUPT || store->truncations == truncations) return err;
    }
}

enum tally_err store_put(struct store *store, const struct store_put *puts, size_t puts_count,
                         struct tally_diag *diag)
{
    for (size_t i = 0; i < puts_count; i++) {
        ASSERT(puts[i].family < STORE_FAMILIES);
        ASSERT(puts[i].key.size > 0 && puts[i].key.size <= KEY_SIZE_MAX);
    }
    return puts_count == 0 ? TALLY_OK : store->ops->put(store, puts, puts_count, diag);
}

enum tally_err store_get(struct store *store, enum store_family family, struct bytes key,
                         struct store_value *ret_value, struct tally_diag *diag)
{
    ASSERT(family < STORE_FAMILIES);
    return store->ops->get(store, family, key, ret_value, diag);
}

void store_value_free(struct store_value *value)
{
    if (value == NULL) return;
    free(value->handle); /* RocksDB's values are malloc'd, too: rocksdb_free is free */
    *value = (struct store_value){0};
}

enum tally_err store_scan(struct store *store, enum store_family family, struct bytes prefix,
                          struct bytes from, store_visit *visit, void *context,
                          struct tally_diag *diag)
{
    ASSERT(family < STORE_FAMILIES);
    return store->ops->scan(store, family, prefix, from, visit, context, diag);
}

enum tally_err store_scan_back(struct store *store, enum store_family family,
                               store_visit *visit, void *context, struct tally_diag *diag)
{
    ASSERT(family < STORE_FAMILIES);
    return store->ops->scan_back(store, family, visit, context, diag);
}

void store_forget(struct store *store)
{
    store->ops->forget(store);
}

void store_spare_space(struct store *store, bool spare)
{
    store->ops->spare_space(store, spare);
}
