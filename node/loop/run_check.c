/* tallyd check: is everything in a stopped node's data directory what was written?
 *
 * Nothing is changed. What is read: key file, witness, genesis, every block with its chain,
 * signature and body, every record with the tree above it, every key of the derived families;
 * and the tree must have the roots that were signed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "event/block.h"
#include "event/ledger_config.h"
#include "event/record.h"
#include "ledger/ledger_scrub.h"
#include "loop/jobs.h"
#include "loop/run_internal.h"
#include "note/trust.h"
#include "store/witness.h"

enum {
    READ_BLOCKS = 64,
    PROGRESS_BLOCKS = 256,
    PROGRESS_RECORDS = 1024,
    GENESIS_FILE_MAX = LIMIT_BLOCK_SIZE + 4096,
};

/* A member of any Config so far: who was removed signed blocks before. */
struct signer {
    uint32_t id;
    uint8_t key[SIGN_PUBLIC_BYTES];
};

struct check {
    const char *data;
    const struct run_check_config *config;
    struct run_checked *checked;
    struct arena *arena; /* of one block or record */
    struct arena *kept;  /* for the whole check */
    struct store *store;
    struct ledger *ledger;
    struct ledger_identity identity;
    struct witness_data witness;
    struct node_keys keys;
    struct signer *signers;
    size_t signers_count;
    struct tally_diag *diag;
};

static void progress(const struct check *check, const char *what, uint64_t done, uint64_t all)
{
    if (check->config->progress != NULL) {
        check->config->progress(check->config->context, what, done, all);
    }
}

/* ---- files ---- */

/* RocksDB's own lock tells a running node. */
static enum tally_err check_stopped(const struct check *check)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[4096];
    enum tally_err err = run_path(check->data, "db/LOCK", path, check->diag);
    int fd;

    if (err != TALLY_OK) return err;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return TALLY_OK; /* a lost LOCK is made anew, and nobody holds it */
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
        tally_diag_set(check->diag,
                       "process %d works in %s: stop it first; a running node checks itself "
                       "all the time (`scrubbed` in its log)",
                       (int)lock.l_pid, check->data);
        err = TALLY_E_BUSY;
    }
    close(fd);
    return err;
}

/* Left by a node that found damage and did not come to rebuild its database: nothing else may
 * be visible of it any more, but the next start acts on it. */
static enum tally_err check_marker(const struct check *check)
{
    char path[4096], why[240] = "";
    uint8_t *text = NULL;
    size_t size = 0;

    if (!run_rebuild_wanted(check->data)) return TALLY_OK;
    if (run_path(check->data, "damaged", path, NULL) == TALLY_OK &&
        file_read(path, sizeof why - 1, &text, &size, NULL) == TALLY_OK) {
        memcpy(why, text, size);
    }
    free(text);
    tally_diag_set(check->diag, "found while the node ran: %s", why);
    return TALLY_E_CORRUPT;
}

static enum tally_err check_files(struct check *check)
{
    char path[4096];
    enum tally_err err = run_path(check->data, "node.key", path, check->diag);

    if (err == TALLY_OK) err = keyfile_node_load(path, &check->keys, check->diag);
    if (err == TALLY_OK) err = check_stopped(check);
    if (err == TALLY_OK) err = check_marker(check);
    if (err == TALLY_OK) err = run_path(check->data, "witness", path, check->diag);
    if (err == TALLY_OK) {
        err = witness_read(path, &check->witness, &check->checked->witness_copies, check->diag);
        if (err == TALLY_E_NOT_FOUND) err = TALLY_E_CORRUPT;
    }
    if (err == TALLY_OK && check->witness.incarnation != check->keys.incarnation) {
        tally_diag_set(check->diag, "%s belongs to another node", path);
        err = TALLY_E_MISMATCH;
    }
    return err;
}

static enum tally_err check_open(struct check *check)
{
    char path[4096];
    enum tally_err err = run_path(check->data, "db", path, check->diag);

    if (err == TALLY_OK) err = store_rocksdb_open_read_only(path, &check->store, check->diag);
    if (err == TALLY_OK) err = ledger_open(check->store, &check->ledger, check->diag);
    if (err == TALLY_OK) {
        err = ledger_read_identity(check->store, check->kept, &check->identity, check->diag);
    }
    if (err == TALLY_E_NOT_FOUND) err = TALLY_E_CORRUPT; /* node.key says that it was there */
    if (err != TALLY_OK) return err;
    if (hash_equal(&check->identity.ledger_id, &check->witness.ledger_id)) return TALLY_OK;
    tally_diag_set(check->diag, "database and witness are of two ledgers");
    return TALLY_E_WRONG_LEDGER;
}

/* The file `genesis` is block 1, kept apart for the day on which the database is lost. */
static enum tally_err check_genesis(struct check *check, struct bytes block)
{
    char path[4096];
    uint8_t *file = NULL;
    size_t size = 0;
    enum tally_err err = run_path(check->data, "genesis", path, check->diag);

    if (err == TALLY_OK) err = file_read(path, GENESIS_FILE_MAX, &file, &size, check->diag);
    if (err == TALLY_E_NOT_FOUND) err = TALLY_E_CORRUPT;
    if (err == TALLY_OK && !bytes_equal(bytes_of(file, size), block)) {
        tally_diag_set(check->diag, "%s is not the first block", path);
        err = TALLY_E_CORRUPT;
    }
    free(file);
    return err;
}

/* ---- blocks ---- */

static enum tally_err add_signers(struct check *check, struct bytes encoded)
{
    struct ledger_config *config = arena_zalloc(check->arena, 1, sizeof *config);
    struct signer *more;
    enum tally_err err;

    if (config == NULL) return TALLY_E_NO_MEMORY;
    err = ledger_config_decode(encoded, check->arena, config, check->diag);
    if (err != TALLY_OK) return err == TALLY_E_MALFORMED ? TALLY_OK : err; /* it is Void */
    more =
        realloc(check->signers, (check->signers_count + config->members_count) * sizeof *more);
    if (more == NULL) return TALLY_E_NO_MEMORY;
    check->signers = more;
    for (uint32_t i = 0; i < config->members_count; i++) {
        struct signer *signer = &more[check->signers_count++];

        signer->id = config->members[i].id;
        memcpy(signer->key, config->members[i].peer_key, sizeof signer->key);
    }
    return TALLY_OK;
}

static enum tally_err verify_block(struct check *check, struct bytes block,
                                   const struct block_header *header)
{
    enum tally_err err = TALLY_E_SIGNATURE;

    for (size_t i = check->signers_count; i > 0 && err == TALLY_E_SIGNATURE; i--) {
        const struct signer *signer = &check->signers[i - 1];

        if (signer->id != header->leader) continue;
        err = block_verify(block, header, signer->key, check->diag);
    }
    if (err == TALLY_OK) return TALLY_OK;
    tally_diag_set(check->diag, "block %llu is not as its leader %u made it",
                   (unsigned long long)header->index, (unsigned)header->leader);
    return TALLY_E_CORRUPT;
}

static enum tally_err check_first(struct check *check, struct bytes block)
{
    const struct tally_hash *id = &check->identity.ledger_id;
    struct record record;
    struct event event;
    struct tally_hash hash;
    enum tally_err err;

    hash_leaf(block_body(block).data, block_body(block).size, &hash);
    if (!hash_equal(&hash, id)) {
        tally_diag_set(check->diag, "block 1 is not the genesis of this ledger");
        return TALLY_E_CORRUPT;
    }
    err = record_decode(block_body(block), check->arena, &record, check->diag);
    if (err == TALLY_OK) err = record_event(&record, check->arena, &event, check->diag);
    if (err == TALLY_OK) err = add_signers(check, event.genesis.config);
    return err == TALLY_OK ? check_genesis(check, block) : err;
}

static enum tally_err check_block(struct check *check, const struct store_block *block,
                                  struct tally_hash *previous, uint64_t *previous_term)
{
    struct block_header header;
    enum tally_err err = block_header_decode(block->data, &header, check->diag);

    if (err == TALLY_OK && (header.index != block->index || header.term < *previous_term ||
                            (header.index > 1 && !hash_equal(&header.previous, previous)))) {
        tally_diag_set(check->diag, "block %llu does not follow the one before it",
                       (unsigned long long)block->index);
        return TALLY_E_CORRUPT;
    }
    if (err != TALLY_OK) return TALLY_E_CORRUPT;
    *previous_term = header.term;
    block_hash(&header, previous);
    if (header.index == 1) return check_first(check, block->data);
    err = verify_block(check, block->data, &header);
    if (err == TALLY_OK && header.kind == BLOCK_CONFIG) {
        err = add_signers(check, block_body(block->data));
    }
    return err;
}

static enum tally_err check_blocks(struct check *check)
{
    const uint64_t last = store_last(check->store);
    struct tally_hash previous = {0};
    uint64_t term = 0;

    for (uint64_t from = 1; from <= last;) {
        struct store_block *blocks = NULL;
        size_t count = 0;
        enum tally_err err = store_read(check->store, from, READ_BLOCKS, LIMIT_BLOCK_SIZE,
                                        &blocks, &count, check->diag);

        for (size_t i = 0; i < count && err == TALLY_OK; i++) {
            err = check_block(check, &blocks[i], &previous, &term);
            arena_reset(check->arena, 0);
            check->checked->bytes += blocks[i].data.size;
        }
        free(blocks);
        if (err != TALLY_OK) return err;
        from += count;
        if (from / PROGRESS_BLOCKS != (from - count) / PROGRESS_BLOCKS || from > last) {
            progress(check, "blocks", from - 1, last);
        }
    }
    check->checked->blocks = last;
    return TALLY_OK;
}

/* ---- records and what was signed ---- */

static enum tally_err check_records(struct check *check)
{
    const uint64_t all = ledger_size(check->ledger);
    struct ledger_scrub scrub = {0};
    enum tally_err err = TALLY_OK;

    while (err == TALLY_OK) {
        err = ledger_scrub_next(check->store, &scrub, check->arena, check->diag);
        arena_reset(check->arena, 0);
        if (scrub.frontier.size % PROGRESS_RECORDS == 0 || scrub.frontier.size == all) {
            progress(check, "records", scrub.frontier.size, all);
        }
    }
    check->checked->records = scrub.frontier.size;
    if (err != TALLY_E_NOT_FOUND) return err;
    if (scrub.frontier.size != all) {
        tally_diag_set(check->diag, "%llu of %llu records are there",
                       (unsigned long long)scrub.frontier.size, (unsigned long long)all);
        return TALLY_E_CORRUPT;
    }
    return ledger_scrub_rest(check->store, &check->checked->keys, check->diag);
}

static enum tally_err check_root(struct check *check, const char *who, uint64_t size,
                                 const struct tally_hash *root)
{
    struct tally_hash found;
    enum tally_err err;

    if (size == 0 || size > ledger_size(check->ledger)) return TALLY_OK; /* not applied yet */
    err = ledger_read_root(check->store, size, &found, check->diag);
    if (err != TALLY_OK || hash_equal(&found, root)) return err;
    tally_diag_set(check->diag,
                   "the tree of %llu records has another root than the one that %s: keep this "
                   "directory for whoever has to find out why",
                   (unsigned long long)size, who);
    return TALLY_E_SPLIT_VIEW;
}

static enum tally_err check_checkpoint(struct check *check, struct bytes note)
{
    struct publish_config *members = arena_zalloc(check->kept, 1, sizeof *members);
    struct trust *trust = arena_alloc(check->kept, sizeof *trust);
    struct trust_checkpoint *found = arena_zalloc(check->kept, 1, sizeof *found);
    enum tally_err err = TALLY_OK;

    if (members == NULL || trust == NULL || found == NULL) return TALLY_E_NO_MEMORY;
    if (note.size == 0) return TALLY_OK;
    err = publish_config_load(&check->identity, &check->keys, check->witness.node_id, members,
                              check->diag);
    if (err == TALLY_OK) {
        err = trust_parse(members->trust_text, strlen(members->trust_text), trust, check->diag);
    }
    if (err == TALLY_OK) {
        err = trust_check_checkpoint(trust, note.data, note.size, found, check->diag);
        /* One that is older than the members of now was published under those before. */
        if (err == TALLY_E_QUORUM) err = TALLY_OK;
    }
    if (err != TALLY_OK) return err == TALLY_E_NO_MEMORY ? err : TALLY_E_CORRUPT;
    check->checked->published = found->checkpoint.size;
    return check_root(check, "the members published", found->checkpoint.size,
                      &found->checkpoint.root);
}

/* What a start looks at: hard state, witness and log fit together, the checkpoint is there. */
static enum tally_err check_signed(struct check *check)
{
    struct store_block *blocks = NULL;
    struct store_value checkpoint = {0};
    struct node_start start;
    enum tally_err err = job_start(check->store, check->ledger, &check->witness, check->kept,
                                   &start, &blocks, &checkpoint, check->diag);

    if (err != TALLY_OK) return err;
    check->checked->lost_to = start.lost.index;
    check->checked->signed_size = check->witness.signed_size;
    err = check_root(check, "this node signed", check->witness.signed_size,
                     &check->witness.signed_root);
    if (err == TALLY_OK) err = check_checkpoint(check, start.checkpoint);
    free(blocks);
    store_value_free(&checkpoint);
    return err;
}

enum tally_err run_check(const char *data, const struct run_check_config *config,
                         struct run_checked *ret_checked, struct tally_diag *diag)
{
    struct check check = {.data = data, .config = config, .checked = ret_checked, .diag = diag};
    struct tally_diag halt = {{0}};
    enum tally_err err = sign_init();

    *ret_checked = (struct run_checked){0};
    ret_checked->halted = run_halt_check(data, &halt) == TALLY_E_SPLIT_VIEW;
    if (err == TALLY_OK) err = arena_open(0, &check.arena);
    if (err == TALLY_OK) err = arena_open(0, &check.kept);
    if (err == TALLY_OK) err = check_files(&check);
    ret_checked->ballast = run_ballast_whole(data);
    if (err == TALLY_OK) err = check_open(&check);
    if (err == TALLY_OK) err = check_blocks(&check);
    if (err == TALLY_OK) err = check_records(&check);
    if (err == TALLY_OK) err = check_signed(&check);
    if (err == TALLY_OK && ret_checked->halted) {
        err = TALLY_E_SPLIT_VIEW;
        tally_diag_set(diag, "%s", halt.text);
    }
    ledger_close(check.ledger);
    store_close(check.store);
    secret_wipe(&check.keys, sizeof check.keys);
    free(check.signers);
    arena_close(check.arena);
    arena_close(check.kept);
    return err;
}
