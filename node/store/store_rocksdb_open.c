/* The store on disk: how it is opened. Design notes:
 *
 * - One database, one write-ahead log, so that one fdatasync covers all that came before it.
 * - WAL recovery mode 0 (tolerate a torn tail, refuse anything else): the default mode opens a
 *   shortened log without a word after one flipped bit. Even so a log cut off between two
 *   records, or a lost one, opens: that is what the witness file is for.
 * - Memory: 256 MiB of write buffers over all families, one block cache that holds indexes and
 *   filters too, and the indexes' top level of the open files. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/file.h"
#include "store/store_rocksdb_internal.h"

enum { CACHE_SIZE = 128 << 20, OPEN_FILES_MAX = 512, OPEN_FILES_MIN = 32 };

const char *const store_rocksdb_names[STORE_ROCKSDB_FAMILIES] = {
    "default", "blocks", "records", "nodes", "state", "index", "meta"};

/* The same as store_rocksdb_error for opening, where a missing file is damage and the lock is a
 * person's mistake. */
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
    const enum tally_err err = store_rocksdb_error(message, path, diag);

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

/* Less where a process may have few descriptors: net/accept.h leaves half of them to us. */
static int open_files_max(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max / 4 >= OPEN_FILES_MAX)
        return OPEN_FILES_MAX;
    return files.rlim_max / 4 < OPEN_FILES_MIN ? OPEN_FILES_MIN : (int)(files.rlim_max / 4);
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
    rocksdb_options_set_write_buffer_size(
        options, (size_t)(family == STORE_BLOCKS_FAMILY ? 64 : 32) << 20);
    rocksdb_options_set_max_write_buffer_number(options, 4);
    rocksdb_options_set_db_write_buffer_size(options, (size_t)256 << 20);
    rocksdb_options_set_max_total_wal_size(options, (uint64_t)1 << 30);
    rocksdb_options_set_target_file_size_base(options, (uint64_t)256 << 20);
    rocksdb_options_set_level0_file_num_compaction_trigger(options, 8);
    rocksdb_options_set_level0_slowdown_writes_trigger(options, 64);
    rocksdb_options_set_level0_stop_writes_trigger(options, 128);
    rocksdb_options_set_max_open_files(options, open_files_max());
    rocksdb_options_set_max_background_jobs(options, STORE_FLUSH_THREADS + STORE_MERGE_THREADS);
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
    if (family == STORE_FIRST_FAMILY + STORE_STATE) {
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(10));
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table); /* the factory has its own copy */
    return options;
}

void store_rocksdb_close(struct store *store)
{
    struct store_rocksdb *self = (struct store_rocksdb *)store;

    for (int i = 0; i < STORE_ROCKSDB_FAMILIES; i++) {
        if (self->families[i] != NULL) rocksdb_column_family_handle_destroy(self->families[i]);
    }
    if (self->db != NULL) rocksdb_close(self->db);
    for (int i = 0; i < STORE_ROCKSDB_FAMILIES; i++) {
        if (self->options[i] != NULL) rocksdb_options_destroy(self->options[i]);
    }
    if (self->cache != NULL) rocksdb_cache_destroy(self->cache);
    if (self->synced != NULL) rocksdb_writeoptions_destroy(self->synced);
    if (self->unsynced != NULL) rocksdb_writeoptions_destroy(self->unsynced);
    if (self->read != NULL) rocksdb_readoptions_destroy(self->read);
    if (self->verify != NULL) rocksdb_readoptions_destroy(self->verify);
    free(self->path);
    free(self);
}

static enum tally_err prepare(const char *path, struct store_rocksdb **ret_self)
{
    struct store_rocksdb *self = calloc(1, sizeof *self);

    if (self == NULL) return TALLY_E_NO_MEMORY;
    self->store.ops = &store_rocksdb_ops;
    self->cache = rocksdb_cache_create_lru(CACHE_SIZE);
    for (int i = 0; i < STORE_ROCKSDB_FAMILIES; i++) {
        self->options[i] = family_options(i, self->cache);
    }
    self->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->synced, 1);
    self->unsynced = rocksdb_writeoptions_create();
    self->read = rocksdb_readoptions_create();
    self->verify = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(self->verify, 1);
    rocksdb_readoptions_set_fill_cache(self->verify, 0);
    self->path = strdup(path);
    if (self->path == NULL) {
        store_rocksdb_close(&self->store);
        return TALLY_E_NO_MEMORY;
    }
    *ret_self = self;
    return TALLY_OK;
}

enum open_mode { OPEN_CREATE, OPEN_WRITE, OPEN_READ };

static enum tally_err open_families(struct store_rocksdb *self, enum open_mode mode,
                                    struct tally_diag *diag)
{
    rocksdb_options_t *const main = self->options[STORE_DEFAULT_FAMILY];
    const rocksdb_options_t *options[STORE_ROCKSDB_FAMILIES];
    char *message = NULL;

    for (int i = 0; i < STORE_ROCKSDB_FAMILIES; i++) options[i] = self->options[i];
    rocksdb_options_set_create_if_missing(main, mode == OPEN_CREATE);
    rocksdb_options_set_error_if_exists(main, mode == OPEN_CREATE);
    rocksdb_options_set_create_missing_column_families(main, mode == OPEN_CREATE);
    if (mode == OPEN_READ) {
        self->db = rocksdb_open_for_read_only_column_families(
            main, self->path, STORE_ROCKSDB_FAMILIES, store_rocksdb_names, options,
            self->families, false, &message);
    } else {
        self->db = rocksdb_open_column_families(main, self->path, STORE_ROCKSDB_FAMILIES,
                                                store_rocksdb_names, options, self->families,
                                                &message);
    }
    return take_open_error(message, self->path, diag);
}

static enum tally_err open_database(const char *path, enum open_mode mode,
                                    struct store **ret_store, struct tally_diag *diag)
{
    struct store_rocksdb *self = NULL;
    enum tally_err err = prepare(path, &self);

    if (err != TALLY_OK) return err;
    err = open_families(self, mode, diag);
    if (err == TALLY_OK) err = store_rocksdb_load(self, diag);
    if (err != TALLY_OK) {
        store_rocksdb_close(&self->store);
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
    err = open_database(path, OPEN_CREATE, &store, diag);
    if (err != TALLY_OK) return err;
    store_close(store);
    return file_sync_directory(path, diag);
}

static enum tally_err open_existing(const char *path, enum open_mode mode,
                                    struct store **ret_store, struct tally_diag *diag)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        tally_diag_set(diag, "there is no store at %s", path);
        return TALLY_E_NOT_FOUND;
    }
    return open_database(path, mode, ret_store, diag);
}

enum tally_err store_rocksdb_open(const char *path, struct store **ret_store,
                                  struct tally_diag *diag)
{
    return open_existing(path, OPEN_WRITE, ret_store, diag);
}

enum tally_err store_rocksdb_open_read_only(const char *path, struct store **ret_store,
                                            struct tally_diag *diag)
{
    return open_existing(path, OPEN_READ, ret_store, diag);
}
