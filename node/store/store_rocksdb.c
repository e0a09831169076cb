/* The store on disk. Design notes:
 *
 * - One database, one write-ahead log, so that one fdatasync covers all that came before it.
 * - WAL recovery mode 0 (tolerate a torn tail, refuse anything else): the default mode opens a
 *   shortened log without a word after one flipped bit. Even so a log cut off between two
 *   records, or a lost one, opens: that is what the witness file is for.
 * - Debian's RocksDB has assertions on: a failed write of the log aborts inside rocksdb_write.
 *   The error path here is for what it does report.
 * - Blocks and derived keys are sequential or small; a truncated suffix is removed by point
 *   deletes.
 * - Memory: 256 MiB of write buffers over all families, one block cache that holds indexes and
 *   filters too, and the indexes' top level of 512 open files. */
#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/file.h"
#include "store/store_internal.h"

enum { DEFAULT_FAMILY, BLOCKS_FAMILY, FIRST_FAMILY, FAMILIES = FIRST_FAMILY + STORE_FAMILIES };

static const char *const family_names[FAMILIES] = {"default", "blocks", "records", "nodes",
                                                   "state",   "index",  "meta"};
static const char hard_state_key[] = "hard_state";
enum { CACHE_SIZE = 128 << 20 };
enum { HARD_STATE_SIZE = 1 + 8 + 4 + 8, HARD_STATE_VERSION = 1, BLOCK_KEY_SIZE = 8 };

struct store_rocksdb {
    struct store store;
    rocksdb_t *db;
    rocksdb_options_t *options[FAMILIES];
    rocksdb_column_family_handle_t *families[FAMILIES];
    rocksdb_writeoptions_t *synced, *unsynced;
    rocksdb_readoptions_t *read, *verify;
};

static struct store_rocksdb *rocks(struct store *store)
{
    return (struct store_rocksdb *)store;
}

/* Take RocksDB's message into the diag; `message` may be NULL when there was no error. */
static enum tally_err take_error(char *message, const char *doing, struct tally_diag *diag)
{
    enum tally_err err;

    if (message == NULL) return TALLY_OK;
    tally_diag_set(diag, "%s: %s", doing, message);
    err = strncmp(message, "Corruption", 10) == 0 ? TALLY_E_CORRUPT : TALLY_E_IO;
    rocksdb_free(message);
    return err;
}

/* The same for opening, where a missing file is damage and the lock is a person's mistake. */
static enum tally_err take_open_error(char *message, const char *path, struct tally_diag *diag)
{
    if (message == NULL) return TALLY_OK;
    const bool locked = strstr(message, "lock hold by current process") != NULL ||
                        (strstr(message, "lock file") != NULL &&
                         strstr(message, "Resource temporarily unavailable") != NULL);
    const bool missing = strncmp(message, "Invalid argument", 16) == 0 ||
                         strstr(message, "No such file or directory") != NULL;

    if (locked) {
        tally_diag_set(diag, "%s is locked: a running node has it open", path);
        rocksdb_free(message);
        return TALLY_E_IO;
    }
    const enum tally_err err = take_error(message, path, diag);

    return missing ? TALLY_E_CORRUPT : err;
}

/* Options that the C API has no setter for. */
static rocksdb_options_t *with_text(rocksdb_options_t *base, const char *text)
{
    rocksdb_options_t *options = rocksdb_options_create();
    char *message = NULL;

    rocksdb_get_options_from_string(base, text, options, &message);
    if (message != NULL) UNREACHABLE(message); /* our own text */
    rocksdb_options_destroy(base);
    return options;
}

static rocksdb_options_t *family_options(int family, rocksdb_cache_t *cache)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();

    options = with_text(options, "allow_fallocate=false;avoid_flush_during_shutdown=true;"
                                 "max_bgerror_resume_count=0;"
                                 "track_and_verify_wals_in_manifest=true");
    rocksdb_options_set_wal_recovery_mode(options,
                                          rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_write_buffer_size(options, (size_t)(family == BLOCKS_FAMILY ? 64 : 32)
                                                       << 20);
    rocksdb_options_set_max_write_buffer_number(options, 4);
    rocksdb_options_set_db_write_buffer_size(options, (size_t)256 << 20);
    rocksdb_options_set_max_total_wal_size(options, (uint64_t)1 << 30);
    rocksdb_options_set_target_file_size_base(options, (uint64_t)256 << 20);
    rocksdb_options_set_level0_file_num_compaction_trigger(options, 8);
    rocksdb_options_set_level0_slowdown_writes_trigger(options, 64);
    rocksdb_options_set_level0_stop_writes_trigger(options, 128);
    rocksdb_options_set_max_open_files(options, 512);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_max_log_file_size(options, (size_t)4 << 20);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_stats_dump_period_sec(options, 0);

    rocksdb_block_based_options_set_block_size(table, 16 * 1024);
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(table, 1);
    if (family == FIRST_FAMILY + STORE_STATE) {
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(10));
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table); /* the factory has its own copy */
    return options;
}

static void close_rocksdb(struct store *store)
{
    struct store_rocksdb *self = rocks(store);

    for (int i = 0; i < FAMILIES; i++) {
        if (self->families[i] != NULL) rocksdb_column_family_handle_destroy(self->families[i]);
    }
    if (self->db != NULL) rocksdb_close(self->db);
    for (int i = 0; i < FAMILIES; i++) {
        if (self->options[i] != NULL) rocksdb_options_destroy(self->options[i]);
    }
    if (self->synced != NULL) rocksdb_writeoptions_destroy(self->synced);
    if (self->unsynced != NULL) rocksdb_writeoptions_destroy(self->unsynced);
    if (self->read != NULL) rocksdb_readoptions_destroy(self->read);
    if (self->verify != NULL) rocksdb_readoptions_destroy(self->verify);
    free(self);
}

static void block_key(uint64_t index, uint8_t key[BLOCK_KEY_SIZE])
{
    struct bytes_writer writer = bytes_writer(key, BLOCK_KEY_SIZE);

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
    rocksdb_writebatch_put_cf(batch, self->families[DEFAULT_FAMILY], hard_state_key,
                              sizeof hard_state_key - 1, (const char *)value, sizeof value);
}

static enum tally_err append_rocksdb(struct store *store, const struct store_append *append,
                                     uint64_t last, struct tally_diag *diag)
{
    struct store_rocksdb *self = rocks(store);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    uint8_t key[BLOCK_KEY_SIZE], frame[STORE_FRAME_SIZE];
    char *message = NULL;

    if (append->truncate_from > 0) {
        for (uint64_t index = append->truncate_from; index <= last; index++) {
            block_key(index, key);
            rocksdb_writebatch_delete_cf(batch, self->families[BLOCKS_FAMILY], (char *)key,
                                         sizeof key);
        }
    }
    for (size_t i = 0; i < append->blocks_count; i++) {
        const struct store_block *block = &append->blocks[i];
        const char *keys[1] = {(char *)key};
        const char *parts[2] = {(char *)frame, (const char *)block->data.data};
        const size_t key_sizes[1] = {sizeof key},
                     part_sizes[2] = {sizeof frame, block->data.size};

        block_key(block->index, key);
        store_frame(block->index, block->data, frame);
        rocksdb_writebatch_putv_cf(batch, self->families[BLOCKS_FAMILY], 1, keys, key_sizes, 2,
                                   parts, part_sizes);
    }
    if (append->hard_state != NULL) add_hard_state(self, batch, append->hard_state);
    rocksdb_write(self->db, self->synced, batch, &message);
    rocksdb_writebatch_destroy(batch);
    return take_error(message, "append blocks", diag) == TALLY_OK ? TALLY_OK : TALLY_E_IO;
}

/* Consecutive keys or nothing: a scan of RocksDB can pass over a whole damaged file silently.
 */
static enum tally_err read_blocks(rocksdb_iterator_t *iterator, struct store_collect *collect,
                                  struct tally_diag *diag)
{
    uint8_t want[BLOCK_KEY_SIZE];
    bool more = true;

    block_key(collect->from, want);
    rocksdb_iter_seek(iterator, (char *)want, sizeof want);
    while (more) {
        const uint64_t index = collect->from + collect->count;
        size_t key_size = 0, size = 0;
        const char *key =
            rocksdb_iter_valid(iterator) ? rocksdb_iter_key(iterator, &key_size) : NULL;
        enum tally_err err;

        block_key(index, want);
        if (key == NULL || key_size != sizeof want || memcmp(key, want, sizeof want) != 0) {
            char *message = NULL;

            rocksdb_iter_get_error(iterator, &message);
            err = take_error(message, "read blocks", diag);
            if (err != TALLY_OK) return err;
            tally_diag_set(diag, "block %llu is missing on the disk",
                           (unsigned long long)index);
            return TALLY_E_CORRUPT;
        }
        const char *value = rocksdb_iter_value(iterator, &size);

        err = store_collect_add(collect, bytes_of(value, size), &more, diag);
        if (err != TALLY_OK) return err;
        if (more) rocksdb_iter_next(iterator);
    }
    return TALLY_OK;
}

static enum tally_err read_rocksdb(struct store *store, uint64_t from, size_t count_max,
                                   size_t size_max, struct store_block **ret_blocks,
                                   size_t *ret_count, struct tally_diag *diag)
{
    struct store_rocksdb *self = rocks(store);
    struct store_collect collect = {.from = from, .count_max = count_max, .size_max = size_max};
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(self->db, self->verify, self->families[BLOCKS_FAMILY]);
    enum tally_err err = read_blocks(iterator, &collect, diag);

    rocksdb_iter_destroy(iterator);
    if (err == TALLY_OK) err = store_collect_give(&collect, ret_blocks, ret_count);
    store_collect_free(&collect);
    return err;
}

static enum tally_err put_rocksdb(struct store *store, const struct store_put *puts,
                                  size_t puts_count, struct tally_diag *diag)
{
    struct store_rocksdb *self = rocks(store);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    char *message = NULL;

    for (size_t i = 0; i < puts_count; i++) {
        rocksdb_column_family_handle_t *family = self->families[FIRST_FAMILY + puts[i].family];

        if (puts[i].erase) {
            rocksdb_writebatch_delete_cf(batch, family, (const char *)puts[i].key.data,
                                         puts[i].key.size);
        } else {
            rocksdb_writebatch_put_cf(batch, family, (const char *)puts[i].key.data,
                                      puts[i].key.size, (const char *)puts[i].value.data,
                                      puts[i].value.size);
        }
    }
    rocksdb_write(self->db, self->unsynced, batch, &message);
    rocksdb_writebatch_destroy(batch);
    return take_error(message, "write derived data", diag) == TALLY_OK ? TALLY_OK : TALLY_E_IO;
}

static enum tally_err get_family(struct store_rocksdb *self, int family, struct bytes key,
                                 struct store_value *ret_value, struct tally_diag *diag)
{
    char *message = NULL, *value;
    size_t size = 0;
    enum tally_err err;

    value = rocksdb_get_cf(self->db, self->read, self->families[family], (const char *)key.data,
                           key.size, &size, &message);
    err = take_error(message, "read", diag);
    if (err != TALLY_OK) return err;
    if (value == NULL) {
        tally_diag_set(diag, "no such key in %s", family_names[family]);
        return TALLY_E_NOT_FOUND;
    }
    *ret_value = (struct store_value){.data = (uint8_t *)value, .size = size, .handle = value};
    return TALLY_OK;
}

static enum tally_err get_rocksdb(struct store *store, enum store_family family,
                                  struct bytes key, struct store_value *ret_value,
                                  struct tally_diag *diag)
{
    return get_family(rocks(store), FIRST_FAMILY + (int)family, key, ret_value, diag);
}

static enum tally_err scan_rocksdb(struct store *store, enum store_family family,
                                   struct bytes prefix, struct bytes from, store_visit *visit,
                                   void *context, struct tally_diag *diag)
{
    struct store_rocksdb *self = rocks(store);
    const struct bytes start = bytes_compare(from, prefix) > 0 ? from : prefix;
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(self->db, self->read, self->families[FIRST_FAMILY + family]);
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
    return take_error(message, "scan", diag);
}

static const struct store_ops ops = {
    .close = close_rocksdb,
    .append = append_rocksdb,
    .read = read_rocksdb,
    .put = put_rocksdb,
    .get = get_rocksdb,
    .scan = scan_rocksdb,
};

/* The index of the last block: the last key. */
static enum tally_err load_last(struct store_rocksdb *self, struct tally_diag *diag)
{
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(self->db, self->verify, self->families[BLOCKS_FAMILY]);
    char *message = NULL;
    enum tally_err err;

    rocksdb_iter_seek_to_last(iterator);
    if (rocksdb_iter_valid(iterator)) {
        size_t size = 0;
        const char *key = rocksdb_iter_key(iterator, &size);
        struct bytes_reader reader = bytes_reader(key, size);

        self->store.last = bytes_get_u64(&reader);
        if (!bytes_reader_done(&reader) || self->store.last == 0) {
            tally_diag_set(diag, "the last block has a strange key");
            rocksdb_iter_destroy(iterator);
            return TALLY_E_CORRUPT;
        }
    }
    rocksdb_iter_get_error(iterator, &message);
    err = take_error(message, "find the last block", diag);
    rocksdb_iter_destroy(iterator);
    return err;
}

static enum tally_err load_hard_state(struct store_rocksdb *self, struct tally_diag *diag)
{
    struct store_value value;
    struct bytes_reader reader;
    enum tally_err err =
        get_family(self, DEFAULT_FAMILY, bytes_of(hard_state_key, sizeof hard_state_key - 1),
                   &value, diag);

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

static enum tally_err open_database(const char *path, bool create, struct store **ret_store,
                                    struct tally_diag *diag)
{
    struct store_rocksdb *self = calloc(1, sizeof *self);
    const rocksdb_options_t *options[FAMILIES];
    rocksdb_cache_t *cache;
    char *message = NULL;
    enum tally_err err;

    if (self == NULL) return TALLY_E_NO_MEMORY;
    self->store.ops = &ops;
    cache = rocksdb_cache_create_lru(CACHE_SIZE);
    for (int i = 0; i < FAMILIES; i++) {
        self->options[i] = family_options(i, cache);
        options[i] = self->options[i];
    }
    rocksdb_cache_destroy(cache); /* the options share it */
    rocksdb_options_set_create_if_missing(self->options[DEFAULT_FAMILY], create);
    rocksdb_options_set_create_missing_column_families(self->options[DEFAULT_FAMILY], create);
    rocksdb_options_set_error_if_exists(self->options[DEFAULT_FAMILY], create);
    self->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->synced, 1);
    self->unsynced = rocksdb_writeoptions_create();
    self->read = rocksdb_readoptions_create();
    self->verify = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(self->verify, 1);
    rocksdb_readoptions_set_fill_cache(self->verify, 0);
    self->db = rocksdb_open_column_families(self->options[DEFAULT_FAMILY], path, FAMILIES,
                                            family_names, options, self->families, &message);
    err = take_open_error(message, path, diag);
    if (err == TALLY_OK) err = load_last(self, diag);
    if (err == TALLY_OK) err = load_hard_state(self, diag);
    if (err != TALLY_OK) {
        close_rocksdb(&self->store);
        return err;
    }
    *ret_store = &self->store;
    return TALLY_OK;
}

enum tally_err store_rocksdb_create(const char *path, struct tally_diag *diag)
{
    struct store *store = NULL;
    struct stat status;
    enum tally_err err;

    if (stat(path, &status) == 0) {
        tally_diag_set(diag, "%s is there already", path);
        return TALLY_E_CONFLICT;
    }
    err = open_database(path, true, &store, diag);
    if (err != TALLY_OK) return err;
    store_close(store);
    return file_sync_directory(path, diag);
}

enum tally_err store_rocksdb_open(const char *path, struct store **ret_store,
                                  struct tally_diag *diag)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        tally_diag_set(diag, "there is no store at %s", path);
        return TALLY_E_NOT_FOUND;
    }
    return open_database(path, false, ret_store, diag);
}
