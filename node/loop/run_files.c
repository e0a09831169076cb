/* What a start reads of the data directory: key, witness, space, database. */
#include <stdlib.h>
#include <string.h>

#include "loop/run_internal.h"

static void close_database(struct run *run)
{
    ledger_close(run->ledger);
    store_close(run->store);
    run->ledger = NULL;
    run->store = NULL;
}

/* Open what the disk holds and look at what a start needs of it. */
static enum tally_err try_database(struct run *run, struct arena *arena,
                                   struct ledger_identity *ret_identity,
                                   struct tally_diag *diag)
{
    const struct witness_data witness = witness_data(run->witness);
    struct store_value checkpoint = {0};
    struct store_block *blocks = NULL;
    struct node_start start;
    char path[4096];
    enum tally_err err = run_path(run->config->data, "db", path, diag);

    if (err == TALLY_OK) {
        err = run->read_only ? store_rocksdb_open_read_only(path, &run->store, diag)
                             : store_rocksdb_open(path, &run->store, diag);
    }
    if (err == TALLY_E_NOT_FOUND) return TALLY_E_CORRUPT; /* there was one: a key is here */
    if (err == TALLY_OK) err = ledger_open(run->store, &run->ledger, diag);
    if (err == TALLY_OK) err = ledger_read_identity(run->store, arena, ret_identity, diag);
    if (err == TALLY_OK) {
        err = job_start(run->store, run->ledger, &witness, arena, &start, &blocks, &checkpoint,
                        diag);
    }
    free(blocks);
    store_value_free(&checkpoint);
    if (err == TALLY_OK && !run->read_only) {
        err = run_genesis_keep(run->config->data, run->store, diag);
    }
    return err == TALLY_E_NOT_FOUND ? TALLY_E_CORRUPT : err;
}

static enum tally_err open_database(struct run *run, struct arena *arena,
                                    struct ledger_identity *ret_identity,
                                    struct tally_diag *diag)
{
    enum tally_err err = TALLY_E_CORRUPT;

    if (run_rebuild_wanted(run->config->data)) {
        tally_diag_set(diag, "damage was found while the node ran");
    } else {
        err = try_database(run, arena, ret_identity, diag);
    }
    if (err != TALLY_E_CORRUPT) return err;
    close_database(run);
    if (run->read_only) {
        run_log(run, RUN_LOG_ERROR, "database_damaged", "why=\"%s\"", diag->text);
        tally_diag_set(diag, "the database is damaged, and the disk has no space to mend it");
        return TALLY_E_IO;
    }
    err = run_rebuild(run, diag->text, diag);
    return err == TALLY_OK ? try_database(run, arena, ret_identity, diag) : err;
}

/* A missing witness is damage that nobody can repair: what this node promised is unknown. */
static enum tally_err open_witness(struct run *run, struct tally_diag *diag)
{
    char path[4096];
    enum tally_err err = run_path(run->config->data, "witness", path, diag);

    if (err == TALLY_OK) err = witness_open(path, &run->witness, diag);
    if (err == TALLY_E_NOT_FOUND || err == TALLY_E_CORRUPT) {
        tally_diag_set(diag,
                       "%s is missing or damaged: what this node promised is not known, so it "
                       "must not vote. A node that lost it comes back as a new member: "
                       "docs/operations.md, \"Change the members\"",
                       path);
        return TALLY_E_CORRUPT;
    }
    if (err == TALLY_OK && witness_repaired(run->witness) > 0) {
        run_log(run, RUN_LOG_WARNING, "witness_repaired", "copies=%u",
                witness_repaired(run->witness));
    }
    return err;
}

enum tally_err run_files_open(struct run *run, struct arena *arena, struct tally_diag *diag)
{
    char path[4096];
    struct ledger_identity identity;
    struct witness_data data = {0};
    enum tally_err err = run_path(run->config->data, "node.key", path, diag);

    if (err == TALLY_OK) err = keyfile_node_load(path, &run->keys, diag);
    if (err == TALLY_E_NOT_FOUND) {
        tally_diag_set(diag, "%s is no data directory: `tallyd init` makes one",
                       run->config->data);
    }
    if (err == TALLY_OK) err = run_halt_check(run->config->data, diag);
    if (err == TALLY_OK) err = open_witness(run, diag);
    if (err == TALLY_OK) err = run_space_begin(run, diag);
    if (err == TALLY_OK) err = open_database(run, arena, &identity, diag);
    if (err == TALLY_OK) {
        data = witness_data(run->witness);
        err = publish_config_load(&identity, &run->keys, data.node_id, &run->publish, diag);
    }
    if (err != TALLY_OK) return err;
    strcpy(run->ledger_name, identity.name);
    atomic_store(&run->time_ms, ledger_time_ms(run->ledger));
    atomic_store(&run->applied, ledger_applied(run->ledger));
    if (memcmp(&data.ledger_id, &run->publish.ledger_id, 32) != 0 ||
        data.node_id != run->publish.self || data.incarnation != run->keys.incarnation) {
        tally_diag_set(diag, "the witness file in %s belongs to another ledger or node",
                       run->config->data);
        return TALLY_E_WRONG_LEDGER;
    }
    return TALLY_OK;
}
