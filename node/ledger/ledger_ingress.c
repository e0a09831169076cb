#include "ledger/ledger_internal.h"

enum tally_err ledger_ingress(struct store *store, const struct batch *batch,
                              struct arena *arena, bool *ret_known,
                              struct ledger_event_result *ret_results, struct tally_diag *diag)
{
    const struct lookup lookup = {.store = store, .arena = arena};
    enum lookup_known known = LOOKUP_CONFLICT;
    enum tally_err err = lookup_authentic(&lookup, batch, diag);

    if (err == TALLY_OK) err = lookup_batch(&lookup, batch, &known, diag);
    if (err != TALLY_OK) return err;
    if (known == LOOKUP_CONFLICT) return TALLY_E_CONFLICT;
    if (known == LOOKUP_KNOWN) {
        err = lookup_results(&lookup, batch, arena, ret_results, diag);
        if (err != TALLY_OK) return err;
    }
    *ret_known = known == LOOKUP_KNOWN;
    return TALLY_OK;
}
