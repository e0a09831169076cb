/* Making a data directory, and finding one's way in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/secret.h"
#include "event/genesis.h"
#include "loop/run_internal.h"

enum { KEY_FILE_SIZE_MAX = 64 * 1024 };

enum tally_err run_path(const char *data, const char *name, char ret_path[4096],
                        struct tally_diag *diag)
{
    if (snprintf(ret_path, 4096, "%s/%s", data, name) < 4096) return TALLY_OK;
    tally_diag_set(diag, "the path of the data directory is too long");
    return TALLY_E_INVALID;
}

const struct run_peer *run_peer_named(const struct run *run, const char *name)
{
    for (uint32_t i = 0; i < run->config->peers_count; i++) {
        if (strcmp(run->config->peers[i].name, name) == 0) return &run->config->peers[i];
    }
    return NULL;
}

/* Is this key a member's of the ledger that the genesis begins? Before anything is made. */
static enum tally_err check_member(struct bytes file, const struct node_keys *keys,
                                   uint32_t join_as, struct publish_config *ret_publish,
                                   struct tally_diag *diag)
{
    struct ledger_identity identity;
    struct bytes record, block;
    struct genesis genesis;
    struct arena *arena = NULL;
    enum tally_err err = arena_open(0, &arena);

    if (err != TALLY_OK) return err;
    err = genesis_decode(file, arena, &genesis, diag);
    if (err == TALLY_OK) {
        err = genesis_seal(&genesis, arena, &record, &identity.ledger_id, &block, diag);
    }
    if (err == TALLY_OK) {
        strcpy(identity.name, genesis.event.genesis.name);
        genesis_origin(identity.name, &identity.ledger_id, identity.origin);
        identity.config = genesis.event.genesis.config;
        err = publish_config_load(&identity, keys, join_as, ret_publish, diag);
    }
    arena_close(arena);
    return err;
}

static enum tally_err make_store(const char *data, struct bytes genesis,
                                 struct tally_diag *diag)
{
    char path[4096];
    struct store *store = NULL;
    enum tally_err err = run_path(data, "db", path, diag);

    if (err == TALLY_OK) err = store_rocksdb_create(path, diag);
    if (err == TALLY_OK) err = store_rocksdb_open(path, &store, diag);
    if (err == TALLY_OK) err = ledger_create(store, genesis, diag);
    if (err == TALLY_OK) err = run_genesis_keep(data, store, diag);
    store_close(store);
    return err;
}

static enum tally_err make_witness(const char *data, const struct publish_config *publish,
                                   const struct node_keys *keys, struct tally_diag *diag)
{
    const struct witness_data witness = {.ledger_id = publish->ledger_id,
                                         .node_id = publish->self,
                                         .incarnation = keys->incarnation};
    char path[4096];
    enum tally_err err = run_path(data, "witness", path, diag);

    return err == TALLY_OK ? witness_create(path, &witness, diag) : err;
}

/* The key goes last: a directory with a key is a finished one. Moved, also across file systems.
 */
static enum tally_err move_key(const char *data, const char *key_path, struct tally_diag *diag)
{
    char path[4096];
    uint8_t *text = NULL;
    size_t size = 0;
    enum tally_err err = run_path(data, "node.key", path, diag);

    if (err == TALLY_OK) err = file_read(key_path, KEY_FILE_SIZE_MAX, &text, &size, diag);
    if (err == TALLY_OK) err = file_create(path, bytes_of(text, size), 0600, diag);
    secret_wipe(text, size);
    free(text);
    if (err != TALLY_OK) return err;
    if (unlink(key_path) != 0) {
        tally_diag_set(diag, "%s was copied to %s, but cannot be removed (%s): remove it",
                       key_path, path, strerror(errno));
        return TALLY_E_IO;
    }
    return file_sync_directory(key_path, diag);
}

enum tally_err run_init(const char *data, struct bytes genesis, const char *key_path,
                        uint32_t join_as, struct tally_diag *diag)
{
    static struct publish_config publish; /* large; one run per process */
    struct node_keys keys;
    enum tally_err err = sign_init();

    if (err == TALLY_OK) err = keyfile_node_load(key_path, &keys, diag);
    if (err != TALLY_OK) return err;
    err = check_member(genesis, &keys, join_as, &publish, diag);
    if (err == TALLY_OK && mkdir(data, 0700) != 0) {
        tally_diag_set(diag, "%s: %s", data, strerror(errno));
        err = errno == EEXIST ? TALLY_E_CONFLICT : TALLY_E_IO;
    }
    if (err == TALLY_OK) err = run_ballast_init(data, diag);
    if (err == TALLY_OK) err = make_store(data, genesis, diag);
    if (err == TALLY_OK) err = make_witness(data, &publish, &keys, diag);
    if (err == TALLY_OK) err = move_key(data, key_path, diag);
    keyfile_node_wipe(&keys);
    return err;
}
