/* audit - a whole log checked from genesis: bytes, tree, signatures, decisions.
 *
 * What it is    Windows of pages go through three stages: decode and hash (all cores), replay
 * in order (node/ledger/replay.h, one thread), verify signatures (all cores). A window is
 * replayed while the next one is decoded and the one before is verified, so that memory is
 * three windows and the state. First fault   The record with the smallest index is named: what
 * comes before it was checked, what comes after it was not.
 *
 * One audit at a time for each struct. */
#ifndef TALLY_AUDIT_H
#define TALLY_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "ledger/replay.h"
#include "pool.h"
#include "source.h"

/* Gets every record in order, once it was replayed. Nothing of it is to be believed before
 * audit_run has returned TALLY_OK: signatures are verified later than records are replayed, and
 * the root comes last. The item lives until the function returns. Errors end the audit, and are
 * its return value without a fault. */
struct audit_sink {
    void *context;
    enum tally_err (*record)(void *context, const struct replay_item *item);
};

struct audit_options {
    struct cli *cli; /* for the progress line */
    struct source *source;
    uint32_t threads;
    const struct audit_sink *sink; /* NULL: nobody wants the records */
};
/* The option --jobs of the command, or one for each core. */
uint32_t audit_threads(const struct cli *cli);

struct audit_result {
    uint64_t size; /* records that were replayed */
    uint64_t events, allowed, denied, cut, voids, configs;
    uint64_t signatures; /* of events, verified */
    struct tally_hash ledger_id, root;
    double seconds;

    /* Not TALLY_OK: the first thing that is wrong. */
    enum tally_err err;
    bool has_index; /* it is about a record: */
    uint64_t index;
    struct tally_diag diag; /* what it should be, or which file */
};

/* Check everything. Only TALLY_E_NO_MEMORY and errors of the sink are returned without a fault
 * in *ret_result; else the return value is ret_result->err:
 *   TALLY_OK              the log is what its records say
 *   TALLY_E_MALFORMED     a record or event is not canonical; a bundle or tile is not whole
 *   TALLY_E_PROOF         records, tiles and checkpoint do not fit together
 *   TALLY_E_SIGNATURE     a signature of an event does not verify
 *   TALLY_E_SPLIT_VIEW    another tree than the one that the trust file remembers
 *   TALLY_E_WRONG_LEDGER  the checkpoint or the trust file is another ledger's
 *   others                of replay_push and source_page */
TALLY_NODISCARD enum tally_err audit_run(const struct audit_options *options,
                                         struct audit_result *ret_result);

#endif
