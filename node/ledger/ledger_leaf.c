#include "ledger/ledger_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"

static enum tally_err lost(uint64_t index, const char *why, struct tally_diag *diag)
{
    tally_diag_set(diag, "record %" PRIu64 " cannot be rebuilt: %s", index, why);
    return TALLY_E_CORRUPT;
}

/* The block's body, copied into the arena. */
static enum tally_err read_body(struct store *store, uint64_t block, struct arena *arena,
                                struct bytes *ret_body, struct tally_diag *diag)
{
    struct store_block *blocks = NULL;
    struct block_header header;
    size_t count = 0;
    enum tally_err err = store_read(store, block, 1, 0, &blocks, &count, diag);

    if (err == TALLY_E_NOT_FOUND) return TALLY_E_CORRUPT; /* it was applied */
    if (err != TALLY_OK) return err;
    err = block_header_decode(blocks[0].data, &header, diag);
    if (err == TALLY_OK) {
        *ret_body = arena_copy(arena, block_body(blocks[0].data));
        if (ret_body->data == NULL) err = TALLY_E_NO_MEMORY;
    } else {
        err = TALLY_E_CORRUPT;
    }
    free(blocks);
    return err;
}

/* What the codecs call malformed in a block that was applied is damage. */
static enum tally_err as_damage(enum tally_err err)
{
    return err == TALLY_E_NO_MEMORY || err == TALLY_OK ? err : TALLY_E_CORRUPT;
}

static enum tally_err put_path(const struct bytes *events, uint32_t count, uint32_t place,
                               struct arena *arena, struct ledger_leaf *leaf)
{
    struct tally_hash *hashes = arena_alloc(arena, count * sizeof *hashes);
    struct merkle_proof *proof = arena_alloc(arena, sizeof *proof);

    if (hashes == NULL || proof == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) event_hash(events[i], &hashes[i]);
    merkle_path(hashes, count, place, proof);
    leaf->batch_path = proof->hashes;
    leaf->batch_path_count = proof->count;
    return TALLY_OK;
}

static enum tally_err put_keys(const struct batch_signer *signers, uint32_t count,
                               struct arena *arena, struct ledger_leaf *leaf)
{
    uint8_t(*keys)[SIGN_PUBLIC_BYTES] = arena_alloc(arena, count * sizeof *keys);

    if (keys == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(keys[i], signers[i].public_key, SIGN_PUBLIC_BYTES);
    }
    leaf->public_keys = (const uint8_t(*)[SIGN_PUBLIC_BYTES])keys;
    leaf->public_keys_count = count;
    return TALLY_OK;
}

/* The record as apply built it (apply_event.c): the same function encodes it. */
static enum tally_err encode_event(const struct locator *locator, struct bytes event,
                                   const struct batch_signer *signers, uint32_t signers_count,
                                   uint32_t events_count, struct arena *arena,
                                   const struct tally_hash *policy, struct ledger_leaf *leaf)
{
    uint16_t *failed = arena_alloc(arena, sizeof *failed * locator->failed_count);
    struct record record = {
        .index = leaf->index, .time_ms = locator->time_ms, .kind = RECORD_EVENT};

    if (failed == NULL) return TALLY_E_NO_MEMORY;
    for (uint16_t i = 0; i < locator->failed_count; i++) failed[i] = codec_failed(locator, i);
    record.event.event = event;
    record.event.decision =
        (struct record_decision){.allowed = locator->allowed,
                                 .failed_rules_count = locator->failed_count,
                                 .failed_rules = failed,
                                 .policy_version = locator->policy,
                                 .has_policy_digest = locator->policy > 0,
                                 .policy_digest = *policy};
    record.event.signers_count = signers_count;
    for (uint32_t i = 0; i < signers_count; i++) {
        struct record_signer *signer = &record.event.signers[i];

        signer->key_id = signers[i].key_id;
        signer->meaning = signers[i].meaning;
        signer->batch_size = events_count;
        signer->batch_index = locator->place;
        memcpy(signer->signature, signers[i].signature, SIGN_SIGNATURE_BYTES);
    }
    leaf->record = record_encode(&record, arena);
    return leaf->record.data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

/* The digest of the policy that decided; zeros when none did. */
static enum tally_err read_policy(struct store *store, const struct locator *locator,
                                  struct arena *arena, struct tally_hash *ret_digest,
                                  struct tally_diag *diag)
{
    const struct lookup lookup = {.store = store, .arena = arena};
    struct bytes policy;
    bool found = false;
    enum tally_err err = TALLY_OK;

    *ret_digest = (struct tally_hash){{0}};
    if (locator->policy == 0) return TALLY_OK;
    err = lookup_policy(&lookup, locator->policy, &found, ret_digest, &policy, diag);
    return err == TALLY_OK && !found ? TALLY_E_CORRUPT : err;
}

static enum tally_err rebuild_event(struct store *store, const struct locator *locator,
                                    struct bytes body, struct arena *arena,
                                    struct ledger_leaf *leaf, struct tally_diag *diag)
{
    struct tally_hash policy;
    const struct batch_signer *signers;
    const struct bytes *batches, *events;
    uint32_t batches_count, events_count, signers_count;
    enum tally_err err = block_body_split(body, arena, &batches, &batches_count, diag);

    if (err != TALLY_OK) return as_damage(err);
    if (locator->batch >= batches_count) return lost(leaf->index, "its batch is gone", diag);
    err = batch_split(batches[locator->batch], arena, &events, &events_count, &signers,
                      &signers_count, diag);
    if (err != TALLY_OK) return as_damage(err);
    if (locator->place >= events_count) return lost(leaf->index, "its event is gone", diag);
    err = read_policy(store, locator, arena, &policy, diag);
    if (err != TALLY_OK) return err;
    err = encode_event(locator, events[locator->place], signers, signers_count, events_count,
                       arena, &policy, leaf);
    if (err == TALLY_OK) err = put_path(events, events_count, locator->place, arena, leaf);
    return err != TALLY_OK ? err : put_keys(signers, signers_count, arena, leaf);
}

/* Genesis is signed by its root keys, which its payload holds. */
static enum tally_err rebuild_genesis(struct bytes body, struct arena *arena,
                                      struct ledger_leaf *leaf, struct tally_diag *diag)
{
    struct record *record = arena_alloc(arena, sizeof *record);
    struct event event;
    uint8_t(*keys)[SIGN_PUBLIC_BYTES];
    enum tally_err err;

    if (record == NULL) return TALLY_E_NO_MEMORY;
    err = record_decode(body, arena, record, diag);
    if (err == TALLY_OK) err = record_event(record, arena, &event, diag);
    if (err != TALLY_OK) return as_damage(err);
    keys = arena_zalloc(arena, record->event.signers_count, sizeof *keys);
    if (keys == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < record->event.signers_count; i++) {
        for (uint32_t k = 0; k < event.genesis.root_keys_count; k++) {
            struct tally_hash key_id;

            sign_key_id(event.genesis.root_keys[k], &key_id);
            if (!hash_equal(&key_id, &record->event.signers[i].key_id)) continue;
            memcpy(keys[i], event.genesis.root_keys[k], SIGN_PUBLIC_BYTES);
        }
    }
    leaf->record = body;
    leaf->public_keys = (const uint8_t(*)[SIGN_PUBLIC_BYTES])keys;
    leaf->public_keys_count = record->event.signers_count;
    return TALLY_OK;
}

static enum tally_err rebuild(struct store *store, const struct locator *locator,
                              struct arena *arena, struct ledger_leaf *leaf,
                              struct tally_diag *diag)
{
    struct bytes body;
    enum tally_err err;

    if (locator->form == LOCATOR_INLINE) {
        leaf->record = locator->record;
        return TALLY_OK;
    }
    err = read_body(store, locator->block, arena, &body, diag);
    if (err != TALLY_OK) return err;
    if (locator->form == LOCATOR_BODY) return rebuild_genesis(body, arena, leaf, diag);
    return rebuild_event(store, locator, body, arena, leaf, diag);
}

enum tally_err ledger_read_leaf(struct store *store, uint64_t index, struct arena *arena,
                                struct ledger_leaf *ret_leaf, struct tally_diag *diag)
{
    const struct lookup lookup = {.store = store, .arena = arena};
    struct ledger_leaf leaf = {.index = index};
    struct locator locator;
    uint64_t size = 0;
    enum tally_err err = ledger_read_size(store, &size, diag);

    if (err != TALLY_OK) return err;
    if (index >= size) {
        tally_diag_set(diag, "there are %" PRIu64 " records; the last is one less", size);
        return TALLY_E_NOT_FOUND;
    }
    err = lookup_locator(&lookup, index, &locator, diag);
    if (err == TALLY_OK) err = rebuild(store, &locator, arena, &leaf, diag);
    if (err != TALLY_OK) return err;
    hash_leaf(leaf.record.data, leaf.record.size, &leaf.hash);
    if (!hash_equal(&leaf.hash, &locator.hash))
        return lost(index, "it is not what was hashed", diag);
    *ret_leaf = leaf;
    return TALLY_OK;
}
