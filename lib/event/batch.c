#include "event/batch.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "event/canon.h"
#include "ledger.pb-c.h"
#include "merkle/merkle.h"

void batch_message(const struct tally_hash *ledger_id, uint8_t meaning, uint64_t events_count,
                   const struct tally_hash *root, uint8_t ret_message[BATCH_MESSAGE_BYTES])
{
    struct bytes_writer writer = bytes_writer(ret_message, BATCH_MESSAGE_BYTES);

    bytes_put(&writer, "tally/sign/v1\n", 14);
    bytes_put(&writer, ledger_id->bytes, sizeof ledger_id->bytes);
    bytes_put_u8(&writer, meaning);
    bytes_put_u64(&writer, events_count);
    bytes_put(&writer, root->bytes, sizeof root->bytes);
    ASSERT(!writer.bad && writer.at == BATCH_MESSAGE_BYTES);
}

enum batch_fault batch_fault(enum tally_err err)
{
    if (err == TALLY_OK) return BATCH_FAULT_NONE;
    if (err == TALLY_E_SIGNERS) return BATCH_FAULT_SIGNERS;
    if (err == TALLY_E_SIGNATURE) return BATCH_FAULT_SIGNATURE;
    if (err == TALLY_E_WRONG_LEDGER) return BATCH_FAULT_WRONG_LEDGER;
    return BATCH_FAULT_MALFORMED;
}

static enum tally_err take_signers(const Tally__Batch *from, struct arena *arena,
                                   struct batch_signer **ret_signers, struct tally_diag *diag)
{
    struct batch_signer *signers = arena_zalloc(arena, from->n_signers, sizeof *signers);

    if (signers == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < from->n_signers; i++) {
        const Tally__BatchSigner *signer = from->signers[i];

        if (signer->public_key.len != SIGN_PUBLIC_BYTES ||
            signer->signature.len != SIGN_SIGNATURE_BYTES ||
            signer->meaning == TALLY__MEANING__MEANING_UNSPECIFIED) {
            tally_diag_set(diag,
                           "signer %zu has no key of 32 bytes, meaning and signature of 64", i);
            return TALLY_E_MALFORMED;
        }
        memcpy(signers[i].public_key, signer->public_key.data, SIGN_PUBLIC_BYTES);
        memcpy(signers[i].signature, signer->signature.data, SIGN_SIGNATURE_BYTES);
        signers[i].meaning = (uint8_t)signer->meaning;
        sign_key_id(signers[i].public_key, &signers[i].key_id);
    }
    *ret_signers = signers;
    return TALLY_OK;
}

enum tally_err batch_split(struct bytes bytes, struct arena *arena,
                           const struct bytes **ret_events, uint32_t *ret_events_count,
                           const struct batch_signer **ret_signers, uint32_t *ret_signers_count,
                           struct tally_diag *diag)
{
    ProtobufCMessage *message = NULL;
    const Tally__Batch *from;
    struct batch_signer *signers;
    struct bytes *events;
    enum tally_err err;

    /* With its framing: a batch is never divided, so one that fits no block has no place. */
    if (block_batch_size(bytes.size) > LIMIT_BLOCK_SIZE) {
        tally_diag_set(diag, "the batch has %zu bytes; a block holds %d", bytes.size,
                       (int)LIMIT_BLOCK_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    err = canon_unpack(&tally__batch__descriptor, bytes, arena, &message, diag);
    if (err != TALLY_OK) return err;
    from = (const Tally__Batch *)message;
    if (from->n_events == 0 || from->n_events > LIMIT_BLOCK_EVENTS) {
        tally_diag_set(diag, "the batch has %zu events; 1 to %d are allowed", from->n_events,
                       (int)LIMIT_BLOCK_EVENTS);
        return from->n_events == 0 ? TALLY_E_MALFORMED : TALLY_E_TOO_LARGE;
    }
    if (from->n_signers == 0 || from->n_signers > LIMIT_GENESIS_SIGNERS) {
        tally_diag_set(diag, "the batch has %zu signers", from->n_signers);
        return TALLY_E_MALFORMED;
    }
    events = arena_zalloc(arena, from->n_events, sizeof *events);
    if (events == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < from->n_events; i++) events[i] = canon_bytes(from->events[i]);
    err = take_signers(from, arena, &signers, diag);
    if (err != TALLY_OK) return err;
    *ret_events = events;
    *ret_events_count = (uint32_t)from->n_events;
    *ret_signers = signers;
    *ret_signers_count = (uint32_t)from->n_signers;
    return TALLY_OK;
}

/* Does the event require exactly these signers? */
static bool signers_match(const struct event *event, const struct batch *batch)
{
    if (event->signers_count != batch->signers_count) return false;
    for (uint32_t i = 0; i < batch->signers_count; i++) {
        if (!hash_equal(&event->signers[i].key_id, &batch->signers[i].key_id)) return false;
        if (event->signers[i].meaning != batch->signers[i].meaning) return false;
    }
    return true;
}

enum tally_err batch_decode(struct bytes bytes, const struct tally_hash *ledger_id,
                            struct arena *arena, struct batch *ret_batch,
                            struct tally_diag *diag)
{
    struct batch batch = {.bytes = bytes};
    const struct bytes *encoded;
    struct tally_hash *hashes;
    struct event *events;
    enum tally_err err = batch_split(bytes, arena, &encoded, &batch.events_count,
                                     &batch.signers, &batch.signers_count, diag);

    if (err != TALLY_OK) return err;
    events = arena_zalloc(arena, batch.events_count, sizeof *events);
    hashes = arena_zalloc(arena, batch.events_count, sizeof *hashes);
    if (events == NULL || hashes == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < batch.events_count; i++) {
        err = event_decode(encoded[i], arena, &events[i], diag);
        if (err != TALLY_OK) return err;
        hashes[i] = events[i].hash;
        if (!hash_equal(&events[i].ledger_id, ledger_id)) {
            tally_diag_set(diag, "event %u was made for another ledger", (unsigned)i);
            return TALLY_E_WRONG_LEDGER;
        }
        if (!signers_match(&events[i], &batch)) {
            tally_diag_set(diag, "the signatures are not those that event %u requires",
                           (unsigned)i);
            return TALLY_E_SIGNERS;
        }
    }
    batch.events = events;
    merkle_root(hashes, batch.events_count, &batch.root);
    *ret_batch = batch;
    return TALLY_OK;
}

enum tally_err batch_verify(const struct batch *batch, const struct tally_hash *ledger_id,
                            struct tally_diag *diag)
{
    for (uint32_t i = 0; i < batch->signers_count; i++) {
        const struct batch_signer *signer = &batch->signers[i];
        uint8_t message[BATCH_MESSAGE_BYTES];

        batch_message(ledger_id, signer->meaning, batch->events_count, &batch->root, message);
        if (sign_verify(signer->public_key, message, sizeof message, signer->signature,
                        sizeof signer->signature) != TALLY_OK) {
            char key_id[65];

            bytes_hex(signer->key_id.bytes, 32, key_id);
            tally_diag_set(diag, "the signature by key %s does not verify", key_id);
            return TALLY_E_SIGNATURE;
        }
    }
    return TALLY_OK;
}

enum tally_err batch_check(struct bytes bytes, const struct tally_hash *ledger_id,
                           struct arena *arena, struct batch *ret_batch,
                           struct tally_diag *diag)
{
    struct batch batch;
    enum tally_err err = batch_decode(bytes, ledger_id, arena, &batch, diag);

    if (err == TALLY_OK) err = batch_verify(&batch, ledger_id, diag);
    if (err == TALLY_OK) *ret_batch = batch;
    return err;
}

void batch_sign(const struct bytes *events, uint32_t events_count,
                const struct tally_hash *ledger_id, uint8_t meaning, const struct sign_key *key,
                struct batch_signer *ret_signer)
{
    struct merkle_frontier frontier = {0};
    uint8_t message[BATCH_MESSAGE_BYTES];
    struct tally_hash root;

    ASSERT(events_count >= 1 && events_count <= LIMIT_BLOCK_EVENTS);
    for (uint32_t i = 0; i < events_count; i++) {
        struct tally_hash hash;

        event_hash(events[i], &hash);
        merkle_append(&frontier, &hash, NULL);
    }
    merkle_frontier_root(&frontier, &root);
    batch_message(ledger_id, meaning, events_count, &root, message);
    memcpy(ret_signer->public_key, key->public_key, SIGN_PUBLIC_BYTES);
    sign_key_id(key->public_key, &ret_signer->key_id);
    ret_signer->meaning = meaning;
    sign_detached(key, message, sizeof message, ret_signer->signature);
}

struct bytes batch_encode(const struct bytes *events, uint32_t events_count,
                          const struct batch_signer *signers, uint32_t signers_count,
                          struct arena *arena)
{
    Tally__Batch batch = TALLY__BATCH__INIT;
    Tally__BatchSigner *encoded = arena_zalloc(arena, signers_count, sizeof *encoded);
    Tally__BatchSigner **pointers = arena_zalloc(arena, signers_count, sizeof(void *));
    ProtobufCBinaryData *bodies = arena_zalloc(arena, events_count, sizeof *bodies);

    if (encoded == NULL || pointers == NULL || bodies == NULL) return (struct bytes){0};
    for (uint32_t i = 0; i < events_count; i++)
        bodies[i] = canon_data(events[i].data, events[i].size);
    for (uint32_t i = 0; i < signers_count; i++) {
        uint32_t place = 0;

        for (uint32_t k = 0; k < signers_count; k++) {
            if (memcmp(signers[k].key_id.bytes, signers[i].key_id.bytes, 32) < 0) place++;
        }
        tally__batch_signer__init(&encoded[i]);
        encoded[i].public_key = canon_data(signers[i].public_key, SIGN_PUBLIC_BYTES);
        encoded[i].meaning = (Tally__Meaning)signers[i].meaning;
        encoded[i].signature = canon_data(signers[i].signature, SIGN_SIGNATURE_BYTES);
        ASSERT(pointers[place] == NULL); /* each key signs once */
        pointers[place] = &encoded[i];
    }
    batch.n_events = events_count;
    batch.events = bodies;
    batch.n_signers = signers_count;
    batch.signers = pointers;
    return canon_pack(&batch, arena);
}
