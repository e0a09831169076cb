#include "ledger/ledger_scrub.h"

#include <inttypes.h>

#include "crypto/hash.h"
#include "ledger/ledger_internal.h"

static enum tally_err damaged(struct tally_diag *diag, const char *what, uint64_t index)
{
    tally_diag_set(diag, "%s of record %" PRIu64 " is not what was written", what, index);
    return TALLY_E_CORRUPT;
}

enum tally_err ledger_scrub_next(struct store *store, struct ledger_scrub *scrub,
                                 struct arena *arena, struct tally_diag *diag)
{
    const uint64_t index = scrub->frontier.size;
    struct merkle_node nodes[MERKLE_LEVELS];
    struct ledger_leaf leaf;
    uint64_t records = 0;
    uint32_t count;
    enum tally_err err = ledger_read_size(store, &records, diag);

    if (err == TALLY_OK && index >= records) err = TALLY_E_NOT_FOUND;
    if (err != TALLY_OK) return err;
    err = ledger_read_leaf(store, index, arena, &leaf, diag);
    if (err == TALLY_E_NOT_FOUND) return damaged(diag, "the entry", index);
    if (err != TALLY_OK) return err;
    count = merkle_append(&scrub->frontier, &leaf.hash, nodes);
    for (uint32_t i = 1; i < count; i++) { /* level 0 is the leaf hash itself */
        struct tally_hash stored;

        err = ledger_read_node(store, nodes[i].level, nodes[i].index, &stored, diag);
        if (err != TALLY_OK) return err == TALLY_E_NOT_FOUND ? TALLY_E_CORRUPT : err;
        if (!hash_equal(&stored, &nodes[i].hash)) return damaged(diag, "a tree node", index);
    }
    scrub->size += leaf.record.size;
    return TALLY_OK;
}

static bool count_key(void *context, struct bytes key, struct bytes value)
{
    uint64_t *const keys = context;

    (void)key;
    (void)value;
    ++*keys;
    return true;
}

enum tally_err ledger_scrub_rest(struct store *store, uint64_t *ret_keys,
                                 struct tally_diag *diag)
{
    enum tally_err err;

    *ret_keys = 0;
    err = store_scan_back(store, STORE_STATE, count_key, ret_keys, diag);
    if (err == TALLY_OK) err = store_scan_back(store, STORE_INDEX, count_key, ret_keys, diag);
    if (err == TALLY_OK) err = store_scan_back(store, STORE_META, count_key, ret_keys, diag);
    return err;
}
