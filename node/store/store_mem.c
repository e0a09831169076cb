#include "store/store_mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "store/mem_table.h"
#include "store/store_internal.h"

/* What a put changed, to take it back: `before` is NULL when the key was new. */
struct undo {
    size_t put; /* number of its put since the last sync */
    enum store_family family;
    struct mem_item *before;
    struct mem_item *key; /* for the key */
};

enum { BLOCKS = STORE_FAMILIES, TABLES };

struct store_mem {
    struct store store;
    pthread_mutex_t lock; /* of all below: a reader sees a write whole or not at all */
    struct mem_table tables[TABLES];
    struct store_hard_state hard_state; /* on the "disk"; store.hard_state is what was told */
    struct undo *undo;
    size_t undo_count, undo_capacity, unsynced;
    bool fail;
    enum store_mem_fault fault;
};

static struct store_mem *mem(struct store *store)
{
    return (struct store_mem *)store;
}

static struct store_mem *locked(struct store *store)
{
    const int error = pthread_mutex_lock(&mem(store)->lock);

    ASSERT(error == 0);
    return mem(store);
}

static void unlock(struct store_mem *self)
{
    const int error = pthread_mutex_unlock(&self->lock);

    ASSERT(error == 0);
}

static void synced(struct store_mem *self)
{
    for (size_t i = 0; i < self->undo_count; i++) {
        free(self->undo[i].before);
        free(self->undo[i].key);
    }
    self->undo_count = 0;
    self->unsynced = 0;
}

static void close_mem(struct store *store)
{
    struct store_mem *self = mem(store);

    synced(self);
    for (size_t i = 0; i < TABLES; i++) mem_table_clear(&self->tables[i]);
    free(self->undo);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static struct bytes block_key(uint64_t index, uint8_t key[8])
{
    struct bytes_writer writer = bytes_writer(key, 8);

    bytes_put_u64(&writer, index);
    return bytes_of(key, 8);
}

/* What is known when a store is opened, from what is on the "disk". */
static void load(struct store_mem *self)
{
    const struct mem_item *item = mem_table_last(&self->tables[BLOCKS]);
    struct bytes_reader reader;

    self->store.hard_state = self->hard_state;
    self->store.last = 0;
    if (item == NULL) return;
    reader = bytes_reader(item->data, item->key_size);
    self->store.last = bytes_get_u64(&reader);
}

/* Does this write fail, and is it done all the same? */
static bool fails(struct store_mem *self, bool *ret_done)
{
    const bool fail = self->fail;

    self->fail = false;
    *ret_done = !fail || self->fault == STORE_MEM_FAILED_BUT_PERSISTED;
    return fail;
}

static void frame_block(struct store_mem *self, const struct store_block *block)
{
    const size_t size = STORE_FRAME_SIZE + block->data.size;
    uint8_t *framed = malloc(size), key[8];

    ASSERT(framed != NULL);
    store_frame(block->index, block->data, framed);
    if (block->data.size > 0) {
        memcpy(framed + STORE_FRAME_SIZE, block->data.data, block->data.size);
    }
    block_key(block->index, key);
    free(mem_table_set(&self->tables[BLOCKS], bytes_of(key, 8),
                       mem_item_new(bytes_of(key, 8), bytes_of(framed, size))));
    free(framed);
}

static void append_blocks(struct store_mem *self, const struct store_append *append,
                          uint64_t last)
{
    struct mem_table *table = &self->tables[BLOCKS];
    uint8_t key[8];

    for (uint64_t index = append->truncate_from; index > 0 && index <= last; index++) {
        free(mem_table_set(table, block_key(index, key), NULL));
    }
    for (size_t i = 0; i < append->blocks_count; i++) frame_block(self, &append->blocks[i]);
    if (append->hard_state != NULL) self->hard_state = *append->hard_state;
    synced(self); /* one write-ahead log: what came before is durable, too */
}

static enum tally_err append_mem(struct store *store, const struct store_append *append,
                                 uint64_t last, struct tally_diag *diag)
{
    struct store_mem *self = locked(store);
    bool done;
    const bool fail = fails(self, &done);

    if (done) append_blocks(self, append, last);
    if (fail) load(self);
    unlock(self);
    if (!fail) return TALLY_OK;
    tally_diag_set(diag, "injected fault");
    return TALLY_E_IO;
}

static enum tally_err read_blocks(const struct mem_table *table, struct store_collect *collect,
                                  struct tally_diag *diag)
{
    bool more = true;
    uint8_t key[8];

    while (more) {
        const uint64_t index = collect->from + collect->count;
        const struct mem_item *item = mem_table_get(table, block_key(index, key));
        enum tally_err err;

        if (item == NULL) {
            tally_diag_set(diag, "block %llu is missing", (unsigned long long)index);
            return TALLY_E_CORRUPT;
        }
        err = store_collect_add(collect, mem_item_value(item), &more, diag);
        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

static enum tally_err read_mem(struct store *store, uint64_t from, size_t count_max,
                               size_t size_max, struct store_block **ret_blocks,
                               size_t *ret_count, struct tally_diag *diag)
{
    struct store_collect collect = {.from = from, .count_max = count_max, .size_max = size_max};
    struct store_mem *self = locked(store);
    enum tally_err err = read_blocks(&self->tables[BLOCKS], &collect, diag);

    unlock(self);
    if (err == TALLY_OK) err = store_collect_give(&collect, ret_blocks, ret_count);
    store_collect_free(&collect);
    return err;
}

static void put_one(struct store_mem *self, const struct store_put *put)
{
    struct mem_item *item = put->erase ? NULL : mem_item_new(put->key, put->value);
    struct undo undo = {.put = self->unsynced, .family = put->family};

    undo.before = mem_table_set(&self->tables[put->family], put->key, item);
    undo.key = mem_item_new(put->key, (struct bytes){0});
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
    struct store_mem *self = locked(store);
    bool done;
    const bool fail = fails(self, &done);

    if (done) {
        for (size_t i = 0; i < puts_count; i++) put_one(self, &puts[i]);
        self->unsynced++;
    }
    unlock(self);
    if (!fail) return TALLY_OK;
    tally_diag_set(diag, "injected fault");
    return TALLY_E_IO;
}

static enum tally_err get_mem(struct store *store, enum store_family family, struct bytes key,
                              struct store_value *ret_value, struct tally_diag *diag)
{
    struct store_mem *self = locked(store);
    const struct mem_item *item = mem_table_get(&self->tables[family], key);
    uint8_t *copy = item == NULL ? NULL : malloc(item->value_size + 1);

    if (copy != NULL) {
        memcpy(copy, item->data + item->key_size, item->value_size);
        *ret_value =
            (struct store_value){.data = copy, .size = item->value_size, .handle = copy};
    }
    unlock(self);
    if (copy != NULL) return TALLY_OK;
    tally_diag_set(diag, item == NULL ? "no such key" : "no memory for a value");
    return item == NULL ? TALLY_E_NOT_FOUND : TALLY_E_NO_MEMORY;
}

/* A copy, so that no lock is held while it is visited; free() it. */
static struct mem_item *seek_copy(struct store *store, enum store_family family,
                                  struct bytes key, bool after)
{
    struct store_mem *self = locked(store);
    const struct mem_item *item = mem_table_seek(&self->tables[family], key, after);
    struct mem_item *copy =
        item == NULL ? NULL : mem_item_new(mem_item_key(item), mem_item_value(item));

    unlock(self);
    return copy;
}

static enum tally_err scan_mem(struct store *store, enum store_family family,
                               struct bytes prefix, struct bytes from, store_visit *visit,
                               void *context, struct tally_diag *diag)
{
    const struct bytes start = bytes_compare(from, prefix) > 0 ? from : prefix;
    struct mem_item *item = seek_copy(store, family, start, false);

    (void)diag;
    while (item != NULL) {
        const struct bytes key = mem_item_key(item);
        struct mem_item *next = NULL;

        if (key.size >= prefix.size && bytes_equal(bytes_of(key.data, prefix.size), prefix) &&
            visit(context, key, mem_item_value(item))) {
            next = seek_copy(store, family, key, true);
        }
        free(item);
        item = next;
    }
    return TALLY_OK;
}

/* mem_table goes forward only: collect, then visit from the end. */
static enum tally_err scan_back_mem(struct store *store, enum store_family family,
                                    store_visit *visit, void *context, struct tally_diag *diag)
{
    struct mem_item **items = NULL, *item = seek_copy(store, family, (struct bytes){0}, false);
    size_t count = 0, capacity = 0;
    bool more = true;

    (void)diag;
    for (; item != NULL; item = seek_copy(store, family, mem_item_key(item), true)) {
        if (count == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            struct mem_item **more_items = realloc(items, capacity * sizeof *items);

            ASSERT(more_items != NULL);
            items = more_items;
        }
        items[count++] = item;
    }
    while (count > 0) {
        item = items[--count];
        more = more && visit(context, mem_item_key(item), mem_item_value(item));
        free(item);
    }
    free(items);
    return TALLY_OK;
}

static void forget_mem(struct store *store)
{
    (void)store; /* its memory is its disk */
}

static void spare_space_mem(struct store *store, bool spare)
{
    (void)store;
    (void)spare;
}

static const struct store_ops ops = {
    .close = close_mem,
    .append = append_mem,
    .read = read_mem,
    .put = put_mem,
    .get = get_mem,
    .scan = scan_mem,
    .scan_back = scan_back_mem,
    .forget = forget_mem,
    .spare_space = spare_space_mem,
};

enum tally_err store_mem_open(struct store **ret_store)
{
    struct store_mem *self = calloc(1, sizeof *self);

    if (self == NULL) return TALLY_E_NO_MEMORY;
    if (pthread_mutex_init(&self->lock, NULL) != 0) {
        free(self);
        return TALLY_E_NO_MEMORY;
    }
    self->store.ops = &ops;
    *ret_store = &self->store;
    return TALLY_OK;
}

void store_mem_fail_next(struct store *store, enum store_mem_fault fault)
{
    struct store_mem *self = locked(store);

    self->fail = true;
    self->fault = fault;
    unlock(self);
}

size_t store_mem_unsynced(struct store *store)
{
    struct store_mem *self = locked(store);
    const size_t unsynced = self->unsynced;

    unlock(self);
    return unsynced;
}

void store_mem_crash(struct store *store, size_t puts_kept)
{
    struct store_mem *self = locked(store);

    while (self->undo_count > 0 && self->undo[self->undo_count - 1].put >= puts_kept) {
        struct undo undo = self->undo[--self->undo_count];

        free(mem_table_set(&self->tables[undo.family], mem_item_key(undo.key), undo.before));
        free(undo.key);
    }
    synced(self);
    self->fail = false;
    load(self);
    unlock(self);
}

bool store_mem_flip(struct store *store, uint64_t index, size_t bit)
{
    struct store_mem *self = locked(store);
    uint8_t key[8];
    struct mem_item *item = mem_table_get(&self->tables[BLOCKS], block_key(index, key));

    if (item != NULL) {
        bit %= item->value_size * 8;
        item->data[item->key_size + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    unlock(self);
    return item != NULL;
}

bool store_mem_misdirect(struct store *store, uint64_t index)
{
    struct store_mem *self = locked(store);
    struct mem_table *table = &self->tables[BLOCKS];
    uint8_t key[8];
    const struct mem_item *from = mem_table_get(table, block_key(index, key));
    const struct mem_item *to = mem_table_get(table, block_key(index + 1, key));
    const bool found = from != NULL && to != NULL;

    if (found) {
        free(mem_table_set(table, bytes_of(key, 8),
                           mem_item_new(bytes_of(key, 8), mem_item_value(from))));
    }
    unlock(self);
    return found;
}

bool store_mem_lose(struct store *store, uint64_t index)
{
    struct store_mem *self = locked(store);
    uint8_t key[8];
    struct mem_item *item = mem_table_set(&self->tables[BLOCKS], block_key(index, key), NULL);

    const bool found = item != NULL;

    free(item);
    unlock(self);
    return found;
}

static void copy_table(const struct mem_table *from, struct mem_table *to)
{
    for (size_t i = 0; i < from->count; i++) {
        for (size_t k = 0; k < from->leaves[i]->count; k++) {
            const struct mem_item *item = from->leaves[i]->items[k];

            free(mem_table_set(to, mem_item_key(item),
                               mem_item_new(mem_item_key(item), mem_item_value(item))));
        }
    }
}

enum tally_err store_mem_copy(struct store *from, struct store **ret_store)
{
    struct store *copy = NULL;
    struct store_mem *self;
    const enum tally_err err = store_mem_open(&copy);

    if (err != TALLY_OK) return err;
    self = locked(from);
    for (size_t i = 0; i < TABLES; i++) copy_table(&self->tables[i], &mem(copy)->tables[i]);
    mem(copy)->hard_state = self->hard_state;
    unlock(self);
    load(mem(copy));
    *ret_store = copy;
    return TALLY_OK;
}
