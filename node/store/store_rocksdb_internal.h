/* store_rocksdb_internal - what the files of the store on disk share.
 *
 *   store_rocksdb.c       reads and writes of an open store
 *   store_rocksdb_open.c  options, opening, making */
#ifndef STORE_STORE_ROCKSDB_INTERNAL_H
#define STORE_STORE_ROCKSDB_INTERNAL_H

#include <rocksdb/c.h>

#include "store/store_internal.h"

enum {
    STORE_DEFAULT_FAMILY,
    STORE_BLOCKS_FAMILY,
    STORE_FIRST_FAMILY, /* of enum store_family */
    STORE_ROCKSDB_FAMILIES = STORE_FIRST_FAMILY + STORE_FAMILIES
};
enum { STORE_BLOCK_KEY_SIZE = 8 };
enum { STORE_FLUSH_THREADS = 1, STORE_MERGE_THREADS = 1 };

extern const char *const store_rocksdb_names[STORE_ROCKSDB_FAMILIES];
extern const struct store_ops store_rocksdb_ops;

struct store_rocksdb {
    struct store store;
    rocksdb_t *db;
    rocksdb_cache_t *cache;
    rocksdb_options_t *options[STORE_ROCKSDB_FAMILIES];
    rocksdb_column_family_handle_t *families[STORE_ROCKSDB_FAMILIES];
    rocksdb_writeoptions_t *synced, *unsynced;
    rocksdb_readoptions_t *read, *verify;
    char *path;
};

/* Take RocksDB's message into the diag; `message` may be NULL when there was no error. Errors:
 * TALLY_E_CORRUPT, TALLY_E_IO. */
enum tally_err store_rocksdb_error(char *message, const char *doing, struct tally_diag *diag);
void store_rocksdb_block_key(uint64_t index, uint8_t ret_key[STORE_BLOCK_KEY_SIZE]);
/* The value of a key of any family. Errors: as store_get. */
enum tally_err store_rocksdb_get(struct store_rocksdb *self, int family, struct bytes key,
                                 struct store_value *ret_value, struct tally_diag *diag);
/* What the default family says: the last block, the hard state. Errors: TALLY_E_CORRUPT,
 * TALLY_E_IO. */
enum tally_err store_rocksdb_load(struct store_rocksdb *self, struct tally_diag *diag);

void store_rocksdb_close(struct store *store); /* of store_ops */

#endif
