/* The store on disk: reads and writes. Design notes:
 *
 * - Debian's RocksDB has assertions on: a failed write of the log aborts inside rocksdb_write.
 *   The error path here is for what it does report.
 * - Blocks and derived keys are sequential or small; a truncated suffix is removed by point
 *   deletes.
 * - Blocks are read by point reads, many at a time. A scan of RocksDB 7.8 passes over a whole
 *   table file without an error when the file's first data block is damaged: it would lose
 *   blocks, or find older ones that were truncated. For the same reason the index of the last
 *   block has a key of its own, and is not looked for by a scan.
 * - Blocks never enter the block cache: what the scrub reads comes from the disk. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "store/store_rocksdb_internal.h"

static const char hard_state_key[] = "hard_state";
static const char last_key[] = "last";
enum { HARD_STATE_SIZE = 1 + 8 + 4 + 8, HARD_STATE_VERSION = 1 };
enum { LAST_SIZE = 1 + 8, LAST_VERSION = 1 };
enum { BATCH_MAX = 64 }; /* blocks in one read of RocksDB */

static struct store_rocksdb *rocks(struct store *store)
{
    return (struct store_rocksdb *)store;
}

/* Take RocksDB's message into the diag; `message` may be NULL when there was no error. */
enum tally_err store_rocksdb_error(char *message, const char *doing, struct tally_diag *diag)
{
    enum tally_err err;

    if (message == NULL) return TALLY_OK;
    tally_diag_set(diag, "%s: %s", doing, message);
    err = strncmp(message, "Corruption", 10) == 0 ? TALLY_E_CORRUPT : TALLY_E_IO;
    rocksdb_free(message);
    return err;
}

void store_rocksdb_block_key(uint64_t index, uint8_t key[STORE_BLOCK_KEY_SIZE])
{
    struct bytes_writer writer = bytes_writer(key, STORE_BLOCK_KEY_SIZE);

    bytes_put_u64(&writer, index);
}

static void add_hard_state(struct store_rocksdb *self, rocksdb_writebatch_t *batch,
                           const struct store_hard_state *hard_state)
{
    uint8_t value[HARD_STATE_SIZE];
    struct bytes_writer writer = bytes_writer(value, sizeof value);

    bytes_put_u8(&writer, HARD_STATE_VERSION);
    bytes_put_u64(&writer, hard_state->term);
    bytes_put_u32(&writer, hard_state->vote);
    bytes_put_u64(&writer, hard_state->commit);
    ASSERT(!writer.bad && writer.at == sizeof value);
    rocksdb_writebatch_put_cf(batch, self->families[STORE_DEFAULT_FAMILY], hard_state_key,
                              sizeof hard_state_key - 1, (const char *)value, sizeof value);
}

static void add_block(struct store_rocksdb *self, rocksdb_writebatch_t *batch,
                      const struct store_block *block)
{
    uint8_t key[STORE_BLOCK_KEY_SIZE], frame[STORE_FRAME_SIZE];
    const char *keys[1] = {(char *)key};
    const char *parts[2] = {(char *)frame, (const char *)block->data.data};
    const size_t key_sizes[1] = {sizeof key}, part_sizes[2] = {sizeof frame, block->data.size};

    store_rocksdb_block_key(block->index, key);
    store_frame(block->index, block->data, frame);
    rocksdb_writebatch_putv_cf(batch, self->families[STORE_BLOCKS_FAMILY], 1, keys, key_sizes,
                               2, parts, part_sizes);
}

static void add_last(struct store_rocksdb *self, rocksdb_writebatch_t *batch, uint64_t last)
{
    uint8_t value[LAST_SIZE];
    struct bytes_writer writer = bytes_writer(value, sizeof value);

    bytes_put_u8(&writer, LAST_VERSION);
    bytes_put_u64(&writer, last);
    rocksdb_writebatch_put_cf(batch, self->families[STORE_DEFAULT_FAMILY], last_key,
                              sizeof last_key - 1, (const char *)value, sizeof value);
}

/* Write and destroy the batch. After an error no later write works. What RocksDB calls
 * corruption is a damaged file that a compaction had to read. */
static enum tally_err write_batch(struct store_rocksdb *self, rocksdb_writebatch_t *batch,
                                  const rocksdb_writeoptions_t *options, const char *doing,
                                  struct tally_diag *diag)
{
    char *message = NULL;

    rocksdb_write(self->db, options, batch, &message);
    rocksdb_writebatch_destroy(batch);
    return store_rocksdb_error(message, doing, diag);
}

static enum tally_err append_rocksdb(struct store *store, const struct store_append *append,
                                     uint64_t last, struct tally_diag *diag)
{
    struct store_rocksdb *self = rocks(store);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    uint64_t left = last;

    if (append->truncate_from > 0 && append->truncate_from <= last) {
        left = append->truncate_from - 1;
        for (uint64_t index = append->truncate_from; index <= last; index++) {
            uint8_t key[STORE_BLOCK_KEY_SIZE];

            store_rocksdb_block_key(index, key);
            rocksdb_writebatch_delete_cf(batch, self->families[STORE_BLOCKS_FAMILY],
                                         (char *)key, sizeof key);
        }
    }
    for (size_t i = 0; i < append->blocks_count; i++) {
        add_block(self, batch, &append->blocks[i]);
    }
    if (append->blocks_count > 0 || left < last) {
        add_last(self, batch, left + append->blocks_count);
    }
    if (append->hard_state != NULL) add_hard_state(self, batch, append->hard_state);
    return write_batch(self, batch, self->synced, "append blocks", diag);
}

/* Blocks of one read of RocksDB. */
struct got {
    size_t count;
    rocksdb_pinnableslice_t *values[BATCH_MAX];
    char *messages[BATCH_MAX];
};

static void get_blocks(struct store_rocksdb *self, uint64_t from, size_t count,
                       struct got *ret_got)
{
    uint8_t keys[BATCH_MAX][STORE_BLOCK_KEY_SIZE];
    const char *places[BATCH_MAX];
    size_t sizes[BATCH_MAX];

    *ret_got = (struct got){.count = count};
    for (size_t i = 0; i < count; i++) {
        store_rocksdb_block_key(from + i, keys[i]);
        places[i] = (const char *)keys[i];
        sizes[i] = STORE_BLOCK_KEY_SIZE;
    }
    rocksdb_batched_multi_get_cf(self->db, self->verify, self->families[STORE_BLOCKS_FAMILY],
                                 count, places, sizes, ret_got->values, ret_got->messages,
                                 true);
}

static enum tally_err take_block(struct got *got, size_t place, struct store_collect *collect,
                                 bool *ret_more, struct tally_diag *diag)
{
    const unsigned long long index = collect->from + collect->count;
    char *message = got->messages[place];
    size_t size = 0;
    const char *value;
    enum tally_err err;

    got->messages[place] = NULL;
    err = store_rocksdb_error(message, "read blocks", diag);
    if (err != TALLY_OK) return err;
    if (got->values[place] == NULL) {
        tally_diag_set(diag, "block %llu is missing on the disk", index);
        return TALLY_E_CORRUPT;
    }
    value = rocksdb_pinnableslice_value(got->values[place], &size);
    return store_collect_add(collect, bytes_of(value, size), ret_more, diag);
}

static void got_free(struct got *got)
{
    for (size_t i = 0; i < got->count; i++) {
        if (got->values[i] != NULL) rocksdb_pinnableslice_destroy(got->values[i]);
        if (got->messages[i] != NULL) rocksdb_free(got->messages[i]);
    }
}

/* How many blocks to read next: at most twice as many as so far, and no more than will fit if
 * they are as large as those. */
static size_t next_count(const struct store_collect *collect)
{
    const size_t average = collect->count == 0 ? 1 : collect->size / collect->count + 1;
    const size_t room = (collect->size_max - collect->size) / average;
    size_t count = 2 * collect->count;

    if (count > BATCH_MAX) count = BATCH_MAX;
    if (count > collect->count_max - collect->count) {
        count = collect->count_max - collect->count;
    }
    if (count > room) count = room;
    return count == 0 ? 1 : count; /* the caller has room for one */
}

static enum tally_err read_rocksdb(struct store *store, uint64_t from, size_t count_max,
                                   size_t size_max, struct store_block **ret_blocks,
                                   size_t *ret_count, struct tally_diag *diag)
{
    struct store_collect collect = {.from = from, .count_max = count_max, .size_max = size_max};
    enum tally_err err = TALLY_OK;
    bool more = true;

    while (more && err == TALLY_OK) {
        struct got got;

        get_blocks(rocks(store), from + collect.count, next_count(&collect), &got);
        for (size_t i = 0; i < got.count && more && err == TALLY_OK; i++) {
            err = take_block(&got, i, &collect, &more, diag);
        }
        got_free(&got);
    }
    if (err == TALLY_OK) err = store_collect_give(&collect, ret_blocks, ret_count);
    store_collect_free(&collect);
    return err;
}

static enum tally_err put_rocksdb(struct store *store, const struct store_put *puts,
                                  size_t puts_count, struct tally_diag *diag)
{
    struct store_rocksdb *self = rocks(store);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();

    for (size_t i = 0; i < puts_count; i++) {
        rocksdb_column_family_handle_t *family =
            self->families[STORE_FIRST_FAMILY + puts[i].family];

        if (puts[i].erase) {
            rocksdb_writebatch_delete_cf(batch, family, (const char *)puts[i].key.data,
                                         puts[i].key.size);
        } else {
            rocksdb_writebatch_put_cf(batch, family, (const char *)puts[i].key.data,
                                      puts[i].key.size, (const char *)puts[i].value.data,
                                      puts[i].value.size);
        }
    }
    return write_batch(self, batch, self->unsynced, "write derived data", diag);
}

enum tally_err store_rocksdb_get(struct store_rocksdb *self, int family, struct bytes key,
                                 struct store_value *ret_value, struct tally_diag *diag)
{
    char *message = NULL, *value;
    size_t size = 0;
    enum tally_err err;

    value = rocksdb_get_cf(self->db, self->read, self->families[family], (const char *)key.data,
                           key.size, &size, &message);
    err = store_rocksdb_error(message, "read", diag);
    if (err != TALLY_OK) return err;
    if (value == NULL) {
        tally_diag_set(diag, "no such key in %s", store_rocksdb_names[family]);
        return TALLY_E_NOT_FOUND;
    }
    *ret_value = (struct store_value){.data = (uint8_t *)value, .size = size, .handle = value};
    return TALLY_OK;
}

static enum tally_err get_rocksdb(struct store *store, enum store_family family,
                                  struct bytes key, struct store_value *ret_value,
                                  struct tally_diag *diag)
{
    return store_rocksdb_get(rocks(store), STORE_FIRST_FAMILY + (int)family, key, ret_value,
                             diag);
}

static enum tally_err scan_rocksdb(struct store *store, enum store_family family,
                                   struct bytes prefix, struct bytes from, store_visit *visit,
                                   void *context, struct tally_diag *diag)
{
    struct store_rocksdb *self = rocks(store);
    const struct bytes start = bytes_compare(from, prefix) > 0 ? from : prefix;
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        self->db, self->read, self->families[STORE_FIRST_FAMILY + family]);
    char *message = NULL;

    rocksdb_iter_seek(iterator, (const char *)start.data, start.size);
    for (; rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        size_t key_size = 0, value_size = 0;
        const char *key = rocksdb_iter_key(iterator, &key_size);
        const char *value = rocksdb_iter_value(iterator, &value_size);

        if (key_size < prefix.size || !bytes_equal(bytes_of(key, prefix.size), prefix)) break;
        if (!visit(context, bytes_of(key, key_size), bytes_of(value, value_size))) break;
    }
    rocksdb_iter_get_error(iterator, &message);
    rocksdb_iter_destroy(iterator);
    return store_rocksdb_error(message, "scan", diag);
}

static enum tally_err scan_back_rocksdb(struct store *store, enum store_family family,
                                        store_visit *visit, void *context,
                                        struct tally_diag *diag)
{
    struct store_rocksdb *self = rocks(store);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        self->db, self->verify, self->families[STORE_FIRST_FAMILY + (int)family]);
    char *message = NULL;

    rocksdb_iter_seek_to_last(iterator);
    for (; rocksdb_iter_valid(iterator); rocksdb_iter_prev(iterator)) {
        size_t key_size = 0, value_size = 0;
        const char *key = rocksdb_iter_key(iterator, &key_size);
        const char *value = rocksdb_iter_value(iterator, &value_size);

        if (!visit(context, bytes_of(key, key_size), bytes_of(value, value_size))) break;
    }
    rocksdb_iter_get_error(iterator, &message);
    rocksdb_iter_destroy(iterator);
    return store_rocksdb_error(message, "scan", diag);
}

/* What was read last from the disk may still be in memory: forget all of it. */
static void forget_rocksdb(struct store *store)
{
    const size_t capacity = rocksdb_cache_get_capacity(rocks(store)->cache);

    rocksdb_cache_set_capacity(rocks(store)->cache, 0);
    rocksdb_cache_set_capacity(rocks(store)->cache, capacity);
}

/* Merges run on the threads of low priority, flushes on those of high priority. With none of
 * the first, merges wait in their queue, and the first level of tables grows: it takes more
 * files than there is space for (level0_slowdown_writes_trigger). The option
 * disable_auto_compactions would do the same, but setting it writes files: on a full disk that
 * ends the process. */
static void spare_space_rocksdb(struct store *store, bool spare)
{
    rocksdb_env_t *env = rocksdb_create_default_env();

    (void)store;
    rocksdb_env_set_background_threads(env, spare ? 0 : STORE_MERGE_THREADS);
    rocksdb_env_destroy(env); /* the handle only: the environment is the process's */
}

const struct store_ops store_rocksdb_ops = {
    .close = store_rocksdb_close,
    .append = append_rocksdb,
    .read = read_rocksdb,
    .put = put_rocksdb,
    .get = get_rocksdb,
    .scan = scan_rocksdb,
    .scan_back = scan_back_rocksdb,
    .forget = forget_rocksdb,
    .spare_space = spare_space_rocksdb,
};

static enum tally_err load_last(struct store_rocksdb *self, struct tally_diag *diag)
{
    struct store_value value;
    struct bytes_reader reader;
    enum tally_err err = store_rocksdb_get(
        self, STORE_DEFAULT_FAMILY, bytes_of(last_key, sizeof last_key - 1), &value, diag);

    if (err == TALLY_E_NOT_FOUND) return TALLY_OK; /* a new store */
    if (err != TALLY_OK) return err;
    reader = bytes_reader(value.data, value.size);
    const uint8_t version = bytes_get_u8(&reader);

    self->store.last = bytes_get_u64(&reader);
    if (!bytes_reader_done(&reader) || version != LAST_VERSION) {
        tally_diag_set(diag, "what is stored of the last block is damaged");
        err = TALLY_E_CORRUPT;
    }
    store_value_free(&value);
    return err;
}

static enum tally_err load_hard_state(struct store_rocksdb *self, struct tally_diag *diag)
{
    struct store_value value;
    struct bytes_reader reader;
    enum tally_err err =
        store_rocksdb_get(self, STORE_DEFAULT_FAMILY,
                          bytes_of(hard_state_key, sizeof hard_state_key - 1), &value, diag);

    if (err == TALLY_E_NOT_FOUND) return TALLY_OK; /* a new store */
    if (err != TALLY_OK) return err;
    reader = bytes_reader(value.data, value.size);
    const uint8_t version = bytes_get_u8(&reader);

    self->store.hard_state.term = bytes_get_u64(&reader);
    self->store.hard_state.vote = bytes_get_u32(&reader);
    self->store.hard_state.commit = bytes_get_u64(&reader);
    if (!bytes_reader_done(&reader) || version != HARD_STATE_VERSION) {
        tally_diag_set(diag, "the hard state is damaged");
        err = TALLY_E_CORRUPT;
    }
    store_value_free(&value);
    return err;
}

enum tally_err store_rocksdb_load(struct store_rocksdb *self, struct tally_diag *diag)
{
    const enum tally_err err = load_last(self, diag);

    return err == TALLY_OK ? load_hard_state(self, diag) : err;
}
