/* replay_internal - what the files of the replay share. */
#ifndef LEDGER_REPLAY_INTERNAL_H
#define LEDGER_REPLAY_INTERNAL_H

#include "ledger/ledger_internal.h"
#include "ledger/replay.h"

/* Voids in a row, of one block and one reason: some reasons must show in one of them. */
struct replay_void_run {
    bool open, shown;
    uint8_t reason;
    struct tally_hash block_hash;
    uint64_t first; /* record index */
};

struct ledger_replay {
    struct replay_sink sink;
    struct store *store;
    struct ledger *ledger; /* NULL before genesis */
    struct arena *arena;   /* one batch */
    struct facts *facts;
    char name[LIMIT_NAME_SIZE + 1];
    const struct replay_item *pending[LIMIT_BLOCK_EVENTS]; /* the batch that is not complete */
    uint32_t pending_count;
    size_t pending_size; /* bytes of its events */
    struct replay_void_run voids;
    uint64_t term, fault;
    uint64_t flushed; /* records at the last flush */
    enum record_kind last;
};

/* replay_event.c: one event of a batch; the last one makes the batch judged. Errors: as
 * replay_push, and replay->fault is the record. */
TALLY_NODISCARD enum tally_err replay_event(struct ledger_replay *replay,
                                            const struct replay_item *item,
                                            struct tally_diag *diag);
/* replay_void.c: is this Void one that can be, as far as its leaf shows? */
TALLY_NODISCARD enum tally_err replay_void(struct ledger_replay *replay,
                                           const struct replay_item *item,
                                           struct tally_diag *diag);
/* Before each record (NULL: the end): does the row of Voids before it end here, and did it show
 * its reason? */
TALLY_NODISCARD enum tally_err replay_void_run(struct ledger_replay *replay,
                                               const struct replay_item *item,
                                               struct tally_diag *diag);

#endif
