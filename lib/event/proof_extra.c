#include "event/proof_extra.h"

#include <string.h>

#include "base/assert.h"
#include "event/canon.h"
#include "ledger.pb-c.h"

struct bytes proof_extra_encode(const struct proof_extra *extra, struct arena *arena)
{
    Tally__ProofExtra message = TALLY__PROOF_EXTRA__INIT;
    ProtobufCBinaryData keys[LIMIT_GENESIS_SIGNERS];
    ProtobufCBinaryData path[PROOF_EXTRA_PATH_MAX];

    ASSERT(extra->public_keys_count <= LIMIT_GENESIS_SIGNERS);
    ASSERT(extra->batch_path_count <= PROOF_EXTRA_PATH_MAX);
    for (uint32_t i = 0; i < extra->public_keys_count; i++)
        keys[i] = canon_data(extra->public_keys[i], SIGN_PUBLIC_BYTES);
    for (uint32_t i = 0; i < extra->batch_path_count; i++)
        path[i] = canon_data(extra->batch_path[i].bytes, TALLY_HASH_BYTES);
    message.record = canon_data(extra->record.data, extra->record.size);
    message.n_public_keys = extra->public_keys_count;
    message.public_keys = keys;
    message.n_batch_path = extra->batch_path_count;
    message.batch_path = path;
    return canon_pack(&message, arena);
}

/* Copy `count` byte strings of 32 bytes each; NULL in *ret_items without memory. False when one
 * has another size. */
static bool take_list(const ProtobufCBinaryData *list, size_t count, struct arena *arena,
                      uint8_t (**ret_items)[32])
{
    uint8_t(*items)[32] = arena_zalloc(arena, count, sizeof *items);

    *ret_items = items;
    for (size_t i = 0; items != NULL && i < count; i++) {
        if (list[i].len != sizeof items[i]) return false;
        memcpy(items[i], list[i].data, sizeof items[i]);
    }
    return true;
}

enum tally_err proof_extra_decode(struct bytes bytes, struct arena *arena,
                                  struct proof_extra *ret_extra, struct tally_diag *diag)
{
    ProtobufCMessage *unpacked = NULL;
    uint8_t(*keys)[32] = NULL;
    uint8_t(*path)[32] = NULL;

    if (bytes.size > PROOF_EXTRA_SIZE_MAX) {
        tally_diag_set(diag, "the proof's extra data has %zu bytes, the limit is %d",
                       bytes.size, PROOF_EXTRA_SIZE_MAX);
        return TALLY_E_TOO_LARGE;
    }
    const enum tally_err err =
        canon_unpack(&tally__proof_extra__descriptor, bytes, arena, &unpacked, diag);
    if (err != TALLY_OK) return err;
    const Tally__ProofExtra *message = (const Tally__ProofExtra *)unpacked;

    if (message->record.len == 0 || message->record.len > LIMIT_RECORD_SIZE ||
        message->n_public_keys > LIMIT_GENESIS_SIGNERS ||
        message->n_batch_path > PROOF_EXTRA_PATH_MAX) {
        tally_diag_set(diag, "the proof's extra data: no record, or too much of something");
        return TALLY_E_MALFORMED;
    }
    if (!take_list(message->public_keys, message->n_public_keys, arena, &keys) ||
        !take_list(message->batch_path, message->n_batch_path, arena, &path)) {
        tally_diag_set(diag, "the proof's extra data: keys and hashes have 32 bytes");
        return TALLY_E_MALFORMED;
    }
    if (keys == NULL || path == NULL) return TALLY_E_NO_MEMORY;
    *ret_extra = (struct proof_extra){
        .record = canon_bytes(message->record),
        .public_keys_count = (uint32_t)message->n_public_keys,
        .batch_path_count = (uint32_t)message->n_batch_path,
        .public_keys = (const uint8_t(*)[SIGN_PUBLIC_BYTES])keys,
        .batch_path = (const struct tally_hash *)(const void *)path,
    };
    return TALLY_OK;
}
