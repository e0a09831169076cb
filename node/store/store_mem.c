#include "store/store_mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "store/store_internal.h"

struct item {
    size_t key_size, value_size;
    uint8_t data[]; /* key, value */
};

/* Items by key, ascending. Appending at the end is cheap; tests are small. */
struct table {
    struct item **items;
    size_t count, capacity;
};

/* What a put changed, to take it back: `before` is NULL when the key was new. */
struct undo {
    size_t put; /* number of its put since the last sync */
    enum store_family family;
    struct item *before;
    struct item *key; /* for the key */
};

enum { BLOCKS = STORE_FAMILIES, TABLES };

struct store_mem {
    struct store store;
    struct table tables[TABLES];
    struct undo *undo;
    size_t undo_count, undo_capacity, unsynced;
    bool fail;
    enum store_mem_fault fault;
};

static struct store_mem *mem(struct store *store)
{
    return (struct store_mem *)store;
}

static struct bytes item_key(const struct item *item)
{
    return bytes_of(item->data, item->key_size);
}

static struct bytes item_value(const struct item *item)
{
    return bytes_of(item->data + item->key_size, item->value_size);
}

static struct item *item_new(struct bytes key, struct bytes value)
{
    struct item *item = malloc(sizeof *item + key.size + value.size);

    ASSERT(item != NULL);
    item->key_size = key.size;
    item->value_size = value.size;
    memcpy(item->data, key.data, key.size);
    if (value.size > 0) memcpy(item->data + key.size, value.data, value.size);
    return item;
}

/* The place of the first item with a key >= `key`. */
static size_t table_place(const struct table *table, struct bytes key)
{
    size_t low = 0, high = table->count;

    if (high > 0 && bytes_compare(item_key(table->items[high - 1]), key) < 0) return high;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (bytes_compare(item_key(table->items[middle]), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool table_has(const struct table *table, size_t place, struct bytes key)
{
    return place < table->count && bytes_equal(item_key(table->items[place]), key);
}

/* Put `item` (NULL: nothing) in place of the item with this key; the old one, or NULL. */
static struct item *table_set(struct table *table, struct bytes key, struct item *item)
{
    const size_t place = table_place(table, key);
    struct item *before = table_has(table, place, key) ? table->items[place] : NULL;

    if (before != NULL && item != NULL) {
        table->items[place] = item;
    } else if (before != NULL) {
        table->count--;
        memmove(&table->items[place], &table->items[place + 1],
                (table->count - place) * sizeof(void *));
    } else if (item != NULL) {
        if (table->count == table->capacity) {
            table->capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
            table->items = realloc(table->items, table->capacity * sizeof(void *));
            ASSERT(table->items != NULL);
        }
        memmove(&table->items[place + 1], &table->items[place],
                (table->count - place) * sizeof(void *));
        table->items[place] = item;
        table->count++;
    }
    return before;
}

static void synced(struct store_mem *store)
{
    for (size_t i = 0; i < store->undo_count; i++) {
        free(store->undo[i].before);
        free(store->undo[i].key);
    }
    store->undo_count = 0;
    store->unsynced = 0;
}

static void close_mem(struct store *store)
{
    struct store_mem *self = mem(store);

    synced(self);
    for (size_t t = 0; t < TABLES; t++) {
        for (size_t i = 0; i < self->tables[t].count; i++) free(self->tables[t].items[i]);
        free(self->tables[t].items);
    }
    free(self->undo);
    free(self);
}

static struct bytes block_key(uint64_t index, uint8_t key[8])
{
    struct bytes_writer writer = bytes_writer(key, 8);

    bytes_put_u64(&writer, index);
    return bytes_of(key, 8);
}

/* Does this write fail, and is it done all the same? */
static bool fails(struct store_mem *store, bool *ret_done)
{
    const bool fail = store->fail;

    store->fail = false;
    *ret_done = !fail || store->fault == STORE_MEM_FAILED_BUT_PERSISTED;
    return fail;
}

static void append_blocks(struct store_mem *self, const struct store_append *append)
{
    uint8_t key[8];

    for (uint64_t index = append->truncate_from; index > 0 && index <= self->store.last;
         index++) {
        free(table_set(&self->tables[BLOCKS], block_key(index, key), NULL));
    }
    for (size_t i = 0; i < append->blocks_count; i++) {
        const struct store_block *block = &append->blocks[i];
        const size_t size = STORE_FRAME_SIZE + block->data.size;
        uint8_t *framed = malloc(size);

        ASSERT(framed != NULL);
        store_frame(block->index, block->data, framed);
        if (block->data.size > 0) {
            memcpy(framed + STORE_FRAME_SIZE, block->data.data, block->data.size);
        }
        block_key(block->index, key);
        free(table_set(&self->tables[BLOCKS], bytes_of(key, 8),
                       item_new(bytes_of(key, 8), bytes_of(framed, size))));
        free(framed);
    }
    synced(self); /* one write-ahead log: what came before is durable, too */
}

static enum tally_err append_mem(struct store *store, const struct store_append *append,
                                 struct tally_diag *diag)
{
    bool done;
    const bool fail = fails(mem(store), &done);

    if (done) append_blocks(mem(store), append);
    if (!fail) return TALLY_OK;
    tally_diag_set(diag, "injected fault");
    return TALLY_E_IO;
}

static enum tally_err read_mem(struct store *store, uint64_t from, size_t count_max,
                               size_t size_max, struct store_block **ret_blocks,
                               size_t *ret_count, struct tally_diag *diag)
{
    const struct table *table = &mem(store)->tables[BLOCKS];
    struct store_collect collect = {.from = from, .count_max = count_max, .size_max = size_max};
    enum tally_err err = TALLY_OK;
    bool more = true;
    uint8_t key[8];

    while (err == TALLY_OK && more) {
        const uint64_t index = from + collect.count;
        const size_t place = table_place(table, block_key(index, key));

        if (!table_has(table, place, bytes_of(key, 8))) {
            tally_diag_set(diag, "block %llu is missing", (unsigned long long)index);
            err = TALLY_E_CORRUPT;
            break;
        }
        err = store_collect_add(&collect, item_value(table->items[place]), &more, diag);
    }
    if (err == TALLY_OK) err = store_collect_give(&collect, ret_blocks, ret_count);
    store_collect_free(&collect);
    return err;
}

static void put_one(struct store_mem *self, const struct store_put *put)
{
    struct item *item = put->erase ? NULL : item_new(put->key, put->value);
    struct undo undo = {.put = self->unsynced, .family = put->family};

    undo.before = table_set(&self->tables[put->family], put->key, item);
    undo.key = item_new(put->key, (struct bytes){0});
    if (self->undo_count == self->undo_capacity) {
        self->undo_capacity = self->undo_capacity == 0 ? 64 : 2 * self->undo_capacity;
        self->undo = realloc(self->undo, self->undo_capacity * sizeof *self->undo);
        ASSERT(self->undo != NULL);
    }
    self->undo[self->undo_count++] = undo;
}

static enum tally_err put_mem(struct store *store, const struct store_put *puts,
                              size_t puts_count, struct tally_diag *diag)
{
    struct store_mem *self = mem(store);
    bool done;
    const bool fail = fails(self, &done);

    if (done) {
        for (size_t i = 0; i < puts_count; i++) put_one(self, &puts[i]);
        self->unsynced++;
    }
    if (!fail) return TALLY_OK;
    tally_diag_set(diag, "injected fault");
    return TALLY_E_IO;
}

static enum tally_err get_mem(struct store *store, enum store_family family, struct bytes key,
                              struct store_value *ret_value, struct tally_diag *diag)
{
    const struct table *table = &mem(store)->tables[family];
    const size_t place = table_place(table, key);
    struct bytes value;
    uint8_t *copy;

    if (!table_has(table, place, key)) {
        tally_diag_set(diag, "no such key");
        return TALLY_E_NOT_FOUND;
    }
    value = item_value(table->items[place]);
    copy = malloc(value.size + 1);
    if (copy == NULL) return TALLY_E_NO_MEMORY;
    if (value.size > 0) memcpy(copy, value.data, value.size);
    *ret_value = (struct store_value){.data = copy, .size = value.size, .handle = copy};
    return TALLY_OK;
}

static enum tally_err scan_mem(struct store *store, enum store_family family,
                               struct bytes prefix, struct bytes from, store_visit *visit,
                               void *context, struct tally_diag *diag)
{
    const struct table *table = &mem(store)->tables[family];
    const struct bytes start = bytes_compare(from, prefix) > 0 ? from : prefix;

    (void)diag;
    for (size_t i = table_place(table, start); i < table->count; i++) {
        const struct bytes key = item_key(table->items[i]);

        if (key.size < prefix.size || !bytes_equal(bytes_of(key.data, prefix.size), prefix)) {
            break;
        }
        if (!visit(context, key, item_value(table->items[i]))) break;
    }
    return TALLY_OK;
}

static const struct store_ops ops = {
    .close = close_mem,
    .append = append_mem,
    .read = read_mem,
    .put = put_mem,
    .get = get_mem,
    .scan = scan_mem,
};

enum tally_err store_mem_open(struct store **ret_store)
{
    struct store_mem *self = calloc(1, sizeof *self);

    if (self == NULL) return TALLY_E_NO_MEMORY;
    self->store.ops = &ops;
    *ret_store = &self->store;
    return TALLY_OK;
}

void store_mem_fail_next(struct store *store, enum store_mem_fault fault)
{
    mem(store)->fail = true;
    mem(store)->fault = fault;
}

size_t store_mem_unsynced(struct store *store)
{
    return mem(store)->unsynced;
}

void store_mem_crash(struct store *store, size_t puts_kept)
{
    struct store_mem *self = mem(store);

    while (self->undo_count > 0 && self->undo[self->undo_count - 1].put >= puts_kept) {
        struct undo undo = self->undo[--self->undo_count];

        free(table_set(&self->tables[undo.family], item_key(undo.key), undo.before));
        free(undo.key);
    }
    synced(self);
    self->fail = false;
}

static struct item *block_item(struct store *store, uint64_t index)
{
    const struct table *table = &mem(store)->tables[BLOCKS];
    uint8_t key[8];
    const size_t place = table_place(table, block_key(index, key));

    return table_has(table, place, bytes_of(key, 8)) ? table->items[place] : NULL;
}

bool store_mem_flip(struct store *store, uint64_t index, size_t bit)
{
    struct item *item = block_item(store, index);

    if (item == NULL) return false;
    bit %= item->value_size * 8;
    item->data[item->key_size + bit / 8] ^= (uint8_t)(1 << bit % 8);
    return true;
}

bool store_mem_misdirect(struct store *store, uint64_t index)
{
    const struct item *item = block_item(store, index);
    uint8_t key[8];

    if (item == NULL || block_item(store, index + 1) == NULL) return false;
    block_key(index + 1, key);
    free(table_set(&mem(store)->tables[BLOCKS], bytes_of(key, 8),
                   item_new(bytes_of(key, 8), item_value(item))));
    return true;
}

bool store_mem_lose(struct store *store, uint64_t index)
{
    struct item *item = block_item(store, index);

    if (item == NULL) return false;
    free(table_set(&mem(store)->tables[BLOCKS], item_key(item), NULL));
    return true;
}
