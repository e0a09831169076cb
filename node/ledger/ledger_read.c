#include "ledger/ledger.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "event/genesis.h"
#include "ledger/ledger_internal.h"

_Static_assert(sizeof((struct ledger_identity *)0)->origin >= GENESIS_ORIGIN_SIZE, "origin");

/* ---- the tree ---- */

enum tally_err ledger_read_node(struct store *store, uint32_t level, uint64_t index,
                                struct tally_hash *ret_hash, struct tally_diag *diag)
{
    const size_t bytes = sizeof ret_hash->bytes;
    struct store_value value;
    struct codec_key key;
    enum tally_err err;

    if (level == 0) { /* the head of the record's locator */
        codec_key_record(index, &key);
        err = store_get(store, STORE_RECORDS, codec_bytes(&key), &value, diag);
    } else {
        codec_key_node(level, index, &key);
        err = store_get(store, STORE_NODES, codec_bytes(&key), &value, diag);
    }
    if (err == TALLY_OK && (level == 0 ? value.size < bytes : value.size != bytes)) {
        store_value_free(&value);
        err = TALLY_E_CORRUPT;
    }
    if (err == TALLY_E_NOT_FOUND || err == TALLY_E_CORRUPT) {
        tally_diag_set(diag, "tree node %u/%" PRIu64 " is lost or damaged", (unsigned)level,
                       index);
        return TALLY_E_CORRUPT;
    }
    if (err != TALLY_OK) return err;
    memcpy(ret_hash->bytes, value.data, bytes);
    store_value_free(&value);
    return TALLY_OK;
}

struct node_source {
    struct store *store;
    struct tally_diag *diag;
};

static enum tally_err read_node(void *ctx, uint32_t level, uint64_t index,
                                struct tally_hash *ret_hash)
{
    const struct node_source *source = ctx;

    return ledger_read_node(source->store, level, index, ret_hash, source->diag);
}

enum tally_err ledger_read_size(struct store *store, uint64_t *ret_size,
                                struct tally_diag *diag)
{
    struct store_value value;
    struct applied applied;
    enum tally_err err = store_get(store, STORE_META, codec_key_applied(), &value, diag);

    if (err == TALLY_E_NOT_FOUND) {
        *ret_size = 0;
        return TALLY_OK;
    }
    if (err != TALLY_OK) return err;
    if (!codec_applied_get(bytes_of(value.data, value.size), &applied)) err = TALLY_E_CORRUPT;
    store_value_free(&value);
    if (err == TALLY_OK) *ret_size = applied.size;
    return err;
}

static enum tally_err check_size(struct store *store, uint64_t size, struct tally_diag *diag)
{
    uint64_t records = 0;
    const enum tally_err err = ledger_read_size(store, &records, diag);

    if (err != TALLY_OK) return err;
    if (size >= 1 && size <= records) return TALLY_OK;
    tally_diag_set(diag, "size %" PRIu64 " is not between 1 and the %" PRIu64 " records", size,
                   records);
    return TALLY_E_INVALID;
}

static enum tally_err give(enum tally_err err, const struct merkle_proof *proof,
                           struct tally_hash *ret_proof, uint32_t *ret_count)
{
    if (err != TALLY_OK) return err;
    ASSERT(proof->count <= LIMIT_PROOF_HASHES);
    memcpy(ret_proof, proof->hashes, proof->count * sizeof proof->hashes[0]);
    *ret_count = proof->count;
    return TALLY_OK;
}

enum tally_err ledger_read_inclusion(struct store *store, uint64_t index, uint64_t size,
                                     struct tally_hash *ret_proof, uint32_t *ret_count,
                                     struct tally_diag *diag)
{
    struct node_source source = {.store = store, .diag = diag};
    const struct merkle_reader reader = {.ctx = &source, .read = read_node};
    struct merkle_proof proof;
    enum tally_err err = check_size(store, size, diag);

    if (err == TALLY_OK) err = merkle_prove_inclusion(&reader, index, size, &proof);
    return give(err, &proof, ret_proof, ret_count);
}

enum tally_err ledger_read_consistency(struct store *store, uint64_t old_size,
                                       uint64_t new_size, struct tally_hash *ret_proof,
                                       uint32_t *ret_count, struct tally_diag *diag)
{
    struct node_source source = {.store = store, .diag = diag};
    const struct merkle_reader reader = {.ctx = &source, .read = read_node};
    struct merkle_proof proof;
    enum tally_err err = check_size(store, new_size, diag);

    if (err == TALLY_OK) err = merkle_prove_consistency(&reader, old_size, new_size, &proof);
    return give(err, &proof, ret_proof, ret_count);
}

enum tally_err ledger_read_root(struct store *store, uint64_t size, struct tally_hash *ret_root,
                                struct tally_diag *diag)
{
    struct node_source source = {.store = store, .diag = diag};
    const struct merkle_reader reader = {.ctx = &source, .read = read_node};
    const enum tally_err err = check_size(store, size, diag);

    return err != TALLY_OK ? err : merkle_root_at(&reader, size, ret_root);
}

/* ---- identity, keys, subjects, events ---- */

enum tally_err ledger_read_identity(struct store *store, struct arena *arena,
                                    struct ledger_identity *ret_identity,
                                    struct tally_diag *diag)
{
    const struct lookup lookup = {.store = store, .arena = arena};
    struct ledger_identity identity = {0};
    struct bytes_reader reader;
    struct bytes value;
    size_t size;
    bool found;
    enum tally_err err =
        lookup_value(&lookup, STORE_META, codec_key_identity(), &found, &value, diag);

    if (err != TALLY_OK) return err;
    if (!found) return TALLY_E_NOT_FOUND;
    reader = bytes_reader(value.data, value.size);
    bytes_get_copy(&reader, identity.ledger_id.bytes, 32);
    size = bytes_get_u8(&reader);
    if (size > LIMIT_NAME_SIZE) return TALLY_E_CORRUPT;
    bytes_get_copy(&reader, identity.name, size);
    size = reader.size - reader.at;
    identity.config = bytes_of(bytes_get(&reader, size), size);
    if (!bytes_reader_done(&reader)) return TALLY_E_CORRUPT;
    genesis_origin(identity.name, &identity.ledger_id, identity.origin);
    *ret_identity = identity;
    return TALLY_OK;
}

enum tally_err ledger_read_event_index(struct store *store, const struct tally_hash *event_hash,
                                       uint64_t *ret_index, struct tally_diag *diag)
{
    struct lookup lookup = {.store = store};
    struct event_place place = {0};
    bool found = false;
    enum tally_err err = arena_open(0, &lookup.arena);

    if (err == TALLY_OK) err = lookup_event(&lookup, event_hash, &found, &place, diag);
    arena_close(lookup.arena);
    if (err != TALLY_OK) return err;
    if (!found) return TALLY_E_NOT_FOUND;
    *ret_index = place.index;
    return TALLY_OK;
}

enum tally_err ledger_read_key(struct store *store, const uint8_t key_id[32],
                               struct ledger_key *ret_key, struct tally_diag *diag)
{
    struct lookup lookup = {.store = store};
    struct ledger_key key;
    bool found = false;
    enum tally_err err = arena_open(0, &lookup.arena);

    if (err == TALLY_OK) err = lookup_key(&lookup, key_id, &found, &key, diag);
    arena_close(lookup.arena);
    if (err != TALLY_OK) return err;
    if (!found) return TALLY_E_NOT_FOUND;
    *ret_key = key;
    return TALLY_OK;
}

enum tally_err ledger_read_subject(struct store *store, const char *subject,
                                   struct ledger_subject *ret_subject, struct tally_diag *diag)
{
    struct lookup lookup = {.store = store};
    struct topic topic = {0};
    bool found;
    enum tally_err err;

    if (strlen(subject) > LIMIT_SUBJECT_SIZE) return TALLY_E_NOT_FOUND;
    err = arena_open(0, &lookup.arena);
    if (err == TALLY_OK) {
        err = lookup_path(&lookup, subject, strlen(subject), &found, &topic, diag);
    }
    arena_close(lookup.arena);
    if (err != TALLY_OK) return err;
    if (topic.events == 0) return TALLY_E_NOT_FOUND;
    *ret_subject = (struct ledger_subject){.head = topic.head,
                                           .registered = topic.registration,
                                           .manifest_root = topic.manifest_root,
                                           .head_index = topic.head_index,
                                           .events = topic.events};
    return TALLY_OK;
}
