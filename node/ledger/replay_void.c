/* Voids: the event is not in the log, only its first 64 bytes. An event begins with its schema
 * (08 01) and its ledger id (12 20 and 32 bytes), so that some reasons can be told from it. */
#include <string.h>

#include "crypto/hash.h"
#include "ledger/replay_internal.h"

/* VoidReason of proto/ledger.proto. */
enum { REASON_SIGNERS = 3, REASON_SIGNATURE = 4, REASON_UNKNOWN_KEY = 5, REASON_LEDGER = 6 };

enum { HEAD_SIZE = 64 };

/* Is this the beginning of a well-formed event of a ledger, and of which? Every event is longer
 * than what a Void keeps of it. */
static bool head_ledger(struct bytes head, const uint8_t **ret_ledger_id)
{
    static const uint8_t begin[] = {0x08, 0x01, 0x12, 0x20};

    if (head.size < HEAD_SIZE || memcmp(head.data, begin, sizeof begin) != 0) return false;
    *ret_ledger_id = head.data + sizeof begin;
    return true;
}

enum tally_err replay_void(struct ledger_replay *replay, const struct replay_item *item,
                           struct tally_diag *diag)
{
    const struct tally_hash *own = &replay->ledger->ledger_id;
    const uint8_t reason = item->record.void_.reason;
    const uint8_t *ledger_id = NULL;
    const bool event = head_ledger(item->record.void_.head, &ledger_id);
    const bool ours = event && memcmp(ledger_id, own->bytes, sizeof own->bytes) == 0;

    if (!replay->voids.open) {
        replay->voids = (struct replay_void_run){.open = true,
                                                 .reason = reason,
                                                 .block_hash = item->record.void_.block_hash,
                                                 .first = item->record.index};
    }
    if (reason == REASON_SIGNERS && ours) replay->voids.shown = true;
    if (reason == REASON_LEDGER && event && !ours) replay->voids.shown = true;
    /* Signatures and keys are looked at when every event of the batch was found to be
     * well-formed and for this ledger. */
    if ((reason == REASON_SIGNATURE || reason == REASON_UNKNOWN_KEY) && !ours) {
        tally_diag_set(
            diag, "a Void for a signature or a key should hold the beginning of an event of "
                  "this ledger");
        return TALLY_E_MISMATCH;
    }
    return TALLY_OK;
}

enum tally_err replay_void_run(struct ledger_replay *replay, const struct replay_item *item,
                               struct tally_diag *diag)
{
    struct replay_void_run *run = &replay->voids;
    const bool needs = run->reason == REASON_SIGNERS || run->reason == REASON_LEDGER;

    if (!run->open) return TALLY_OK;
    if (item != NULL && item->record.kind == RECORD_VOID &&
        item->record.void_.reason == run->reason &&
        hash_equal(&item->record.void_.block_hash, &run->block_hash)) {
        return TALLY_OK;
    }
    run->open = false;
    if (!needs || run->shown) return TALLY_OK;
    replay->fault = run->first;
    tally_diag_set(diag, "none of the Voids in a row shows their reason: %s",
                   run->reason == REASON_LEDGER ? "an event for another ledger"
                                                : "an event of this ledger with wrong signers");
    return TALLY_E_MISMATCH;
}
