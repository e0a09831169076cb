/* A damaged database is set aside and built anew: what can still be read of its log is taken
 * over, the rest comes from the other members, like for any node that lags behind. The witness
 * stays as it is, so that the node votes by what it had and acknowledges nothing before it has
 * that again. Derived data is worked out anew from the log. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/file.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "loop/run_internal.h"

enum {
    ASIDE_MAX = 3, /* damaged databases that are kept: then a person has to look */
    GENESIS_SIZE_MAX = LIMIT_BLOCK_SIZE + 4096,
};

static const char marker_name[] = "damaged"; /* made by a node that found damage while it ran */

static bool exists(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0;
}

bool run_rebuild_wanted(const char *data)
{
    char path[4096];

    return run_path(data, marker_name, path, NULL) == TALLY_OK && exists(path);
}

void run_rebuild_want(const char *data, const char *why)
{
    char path[4096];

    if (run_path(data, marker_name, path, NULL) != TALLY_OK) return;
    (void)!file_write(path, bytes_of(why, strlen(why)), 0644, NULL);
}

/* Remove a database that was not finished; it has files only. */
static enum tally_err remove_unfinished(const char *path, struct tally_diag *diag)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;

    if (directory == NULL) return TALLY_OK;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    (void)closedir(directory);
    if (rmdir(path) == 0) return TALLY_OK;
    tally_diag_set(diag, "%s cannot be removed: %s", path, strerror(errno));
    return TALLY_E_IO;
}

/* db -> db.damaged-N, unless that was done before a crash; *ret_aside is the newest of them, ""
 * when there is none. */
static enum tally_err set_aside(const char *data, char ret_aside[4096], struct tally_diag *diag)
{
    char db[4096], path[4096], name[32];
    enum tally_err err = run_path(data, "db", db, diag);
    int number = 1;

    ret_aside[0] = '\0';
    for (; err == TALLY_OK; number++) {
        (void)snprintf(name, sizeof name, "db.damaged-%d", number);
        err = run_path(data, name, path, diag);
        if (err != TALLY_OK || !exists(path)) break;
        strcpy(ret_aside, path);
    }
    if (err != TALLY_OK || !exists(db)) return err;
    if (number > ASIDE_MAX) {
        tally_diag_set(diag,
                       "%s: %d damaged databases were set aside already; look at the disk and "
                       "remove them (docs/operations.md)",
                       data, ASIDE_MAX);
        return TALLY_E_CORRUPT;
    }
    if (rename(db, path) != 0) {
        tally_diag_set(diag, "%s cannot be set aside: %s", db, strerror(errno));
        return TALLY_E_IO;
    }
    strcpy(ret_aside, path);
    return file_sync_directory(path, diag);
}

enum tally_err run_genesis_keep(const char *data, struct store *store, struct tally_diag *diag)
{
    struct store_block *block = NULL;
    uint8_t *kept = NULL;
    size_t size = 0, count = 0;
    char path[4096];
    enum tally_err err = run_path(data, "genesis", path, diag);

    if (err == TALLY_OK) err = store_read(store, 1, 1, 1, &block, &count, diag);
    if (err != TALLY_OK) return err;
    if (file_read(path, GENESIS_SIZE_MAX, &kept, &size, NULL) != TALLY_OK ||
        !bytes_equal(bytes_of(kept, size), block[0].data)) {
        err = file_write(path, block[0].data, 0644, diag);
    }
    free(kept);
    free(block);
    return err;
}

/* Block 1: from the file beside the database, else from the damaged one. */
static enum tally_err begin(const char *data, const struct tally_hash *ledger_id,
                            struct store *damaged, struct store *store, struct tally_diag *diag)
{
    struct store_block *block = NULL;
    uint8_t *kept = NULL;
    size_t size = 0, count = 0;
    char path[4096];
    enum tally_err err = run_path(data, "genesis", path, diag);

    if (err == TALLY_OK) err = file_read(path, GENESIS_SIZE_MAX, &kept, &size, diag);
    if (err == TALLY_OK) {
        err = ledger_create_block(store, ledger_id, bytes_of(kept, size), diag);
    }
    if (err != TALLY_OK && store_last(store) == 0 && damaged != NULL &&
        store_read(damaged, 1, 1, 1, &block, &count, NULL) == TALLY_OK) {
        err = ledger_create_block(store, ledger_id, block[0].data, diag);
    }
    free(block);
    free(kept);
    return err;
}

static enum tally_err make(const char *data, const struct tally_hash *ledger_id,
                           const char *aside, uint64_t *ret_last, struct tally_diag *diag)
{
    struct store *store = NULL, *damaged = NULL;
    char db[4096], unfinished[4096];
    enum tally_err err = run_path(data, "db", db, diag);

    if (err == TALLY_OK) err = run_path(data, "db.new", unfinished, diag);
    if (err == TALLY_OK) err = remove_unfinished(unfinished, diag);
    if (err == TALLY_OK) err = store_rocksdb_create(unfinished, diag);
    if (err == TALLY_OK) err = store_rocksdb_open(unfinished, &store, diag);
    if (aside[0] != '\0' && store_rocksdb_open(aside, &damaged, NULL) != TALLY_OK) {
        damaged = NULL;
    }
    if (err == TALLY_OK) err = begin(data, ledger_id, damaged, store, diag);
    if (err == TALLY_OK && damaged != NULL) err = job_salvage(damaged, store, diag);
    store_close(damaged);
    if (err == TALLY_OK) *ret_last = store_last(store);
    store_close(store);
    if (err == TALLY_OK && rename(unfinished, db) != 0) {
        tally_diag_set(diag, "%s: %s", db, strerror(errno));
        err = TALLY_E_IO;
    }
    return err == TALLY_OK ? file_sync_directory(db, diag) : err;
}

enum tally_err run_rebuild(struct run *run, const char *why, struct tally_diag *diag)
{
    const char *data = run->config->data;
    char aside[4096], marker[4096];
    const struct witness_data witness = witness_data(run->witness);
    uint64_t last = 0;
    enum tally_err err;

    run_log(run, RUN_LOG_ERROR, "database_damaged", "why=\"%s\"", why);
    err = run_space_for_copy(data, "db", diag);
    if (err == TALLY_OK) err = set_aside(data, aside, diag);
    if (err == TALLY_OK) err = make(data, &witness.ledger_id, aside, &last, diag);
    if (err == TALLY_OK) err = run_path(data, marker_name, marker, diag);
    if (err != TALLY_OK) return err;
    (void)unlink(marker);
    err = file_sync_directory(marker, diag);
    run_log(run, RUN_LOG_WARNING, "database_rebuilt",
            "aside=\"%s\" blocks=%llu rest=\"from the other members\"", aside,
            (unsigned long long)last);
    return err;
}
