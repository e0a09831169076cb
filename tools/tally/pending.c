#include "pending.h"

#include <string.h>

#include "base/assert.h"
#include "base/file.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "disk.h"

static const char magic[] = "tally-pending v1\n";
enum {
    MAGIC_SIZE = sizeof magic - 1,
    FILE_SIZE_MAX = MAGIC_SIZE + LIMIT_EVENT_SIZE + LIMIT_EVENT_SIGNERS * 128 + 64,
};

bool pending_is(struct bytes file)
{
    return file.size >= MAGIC_SIZE && memcmp(file.data, magic, MAGIC_SIZE) == 0;
}

static const struct event_signer *required(const struct event *event,
                                           const struct tally_hash *key_id)
{
    for (uint32_t i = 0; i < event->signers_count; i++)
        if (hash_equal(&event->signers[i].key_id, key_id)) return &event->signers[i];
    return NULL;
}

static bool signed_by(const struct pending *pending, const struct tally_hash *key_id)
{
    for (uint32_t i = 0; i < pending->signers_count; i++)
        if (hash_equal(&pending->signers[i].key_id, key_id)) return true;
    return false;
}

/* Take over one signature of a file after checking it. */
static enum tally_err take_signer(struct pending *pending, const struct batch_signer *signer,
                                  struct tally_diag *diag)
{
    const struct event_signer *want = required(&pending->event, &signer->key_id);
    uint8_t message[BATCH_MESSAGE_BYTES];

    if (want == NULL || want->meaning != signer->meaning ||
        signed_by(pending, &signer->key_id)) {
        tally_diag_set(diag, "a signature that the event does not require, or one twice");
        return TALLY_E_SIGNERS;
    }
    batch_message(&pending->event.ledger_id, signer->meaning, 1, &pending->event.hash, message);
    if (sign_verify(signer->public_key, message, sizeof message, signer->signature,
                    sizeof signer->signature) != TALLY_OK) {
        tally_diag_set(diag, "a signature in it does not verify");
        return TALLY_E_SIGNATURE;
    }
    pending->signers[pending->signers_count++] = *signer;
    return TALLY_OK;
}

enum tally_err pending_new(struct bytes event, struct arena *arena, struct pending *ret_pending,
                           struct tally_diag *diag)
{
    memset(ret_pending, 0, sizeof *ret_pending);
    const enum tally_err err = event_decode(event, arena, &ret_pending->event, diag);
    if (err != TALLY_OK) return err;
    if (ret_pending->event.type == EVENT_LEDGER_GENESIS) {
        tally_diag_set(diag, "a genesis is not appended: see 'tally help genesis'");
        return TALLY_E_INVALID;
    }
    ASSERT(ret_pending->event.signers_count <= LIMIT_EVENT_SIGNERS);
    return TALLY_OK;
}

enum tally_err pending_parse(struct bytes file, struct arena *arena,
                             struct pending *ret_pending, struct tally_diag *diag)
{
    const struct bytes *events = NULL;
    const struct batch_signer *signers = NULL;
    uint32_t events_count = 0, signers_count = 0;

    if (!pending_is(file)) {
        tally_diag_set(diag, "not a .pending file: it does not begin with '%.*s'",
                       MAGIC_SIZE - 1, magic);
        return TALLY_E_MALFORMED;
    }
    enum tally_err err =
        batch_split(bytes_of(file.data + MAGIC_SIZE, file.size - MAGIC_SIZE), arena, &events,
                    &events_count, &signers, &signers_count, diag);
    if (err != TALLY_OK) return err;
    if (events_count != 1) {
        tally_diag_set(diag, "it holds %u events instead of one", events_count);
        return TALLY_E_MALFORMED;
    }
    err = pending_new(events[0], arena, ret_pending, diag);
    if (err != TALLY_OK) return err;
    for (uint32_t i = 0; i < signers_count; i++) {
        err = take_signer(ret_pending, &signers[i], diag);
        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

enum tally_err pending_read(const char *path, struct arena *arena, struct pending *ret_pending,
                            struct tally_diag *diag)
{
    struct tally_diag detail = {""};
    struct bytes file = {0};
    enum tally_err err = disk_read(path, FILE_SIZE_MAX, arena, &file, diag);

    if (err != TALLY_OK) return err;
    err = pending_parse(file, arena, ret_pending, &detail);
    if (err != TALLY_OK) tally_diag_set(diag, "%s: %s", path, detail.text);
    return err;
}

struct bytes pending_batch(const struct pending *pending, struct arena *arena)
{
    return batch_encode(&pending->event.bytes, 1, pending->signers, pending->signers_count,
                        arena);
}

enum tally_err pending_write(const char *path, const struct pending *pending,
                             struct arena *arena, struct tally_diag *diag)
{
    const struct bytes batch = pending_batch(pending, arena);

    if (batch.data == NULL) return TALLY_E_NO_MEMORY;
    uint8_t *file = arena_alloc(arena, MAGIC_SIZE + batch.size);
    if (file == NULL) return TALLY_E_NO_MEMORY;
    memcpy(file, magic, MAGIC_SIZE);
    memcpy(file + MAGIC_SIZE, batch.data, batch.size);
    return file_write(path, bytes_of(file, MAGIC_SIZE + batch.size), 0600, diag);
}

enum tally_err pending_sign(struct pending *pending, const struct sign_key *key,
                            bool *ret_added, struct tally_diag *diag)
{
    struct tally_hash key_id;

    sign_key_id(key->public_key, &key_id);
    const struct event_signer *want = required(&pending->event, &key_id);
    if (want == NULL) {
        char hex[2 * TALLY_HASH_BYTES + 1];

        bytes_hex(key_id.bytes, TALLY_HASH_BYTES, hex);
        tally_diag_set(diag, "the event's required_signers do not name this key (key id %s)",
                       hex);
        return TALLY_E_SIGNERS;
    }
    *ret_added = !signed_by(pending, &key_id);
    if (*ret_added)
        batch_sign(&pending->event.bytes, 1, &pending->event.ledger_id, want->meaning, key,
                   &pending->signers[pending->signers_count++]);
    return TALLY_OK;
}

uint32_t pending_missing(const struct pending *pending,
                         struct event_signer ret_missing[LIMIT_EVENT_SIGNERS])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pending->event.signers_count; i++)
        if (!signed_by(pending, &pending->event.signers[i].key_id))
            ret_missing[count++] = pending->event.signers[i];
    return count;
}
