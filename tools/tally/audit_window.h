/* audit_window - one window of an audit: pages, what was decoded of them, their signatures.
 *
 * The thread of the audit owns it; between audit_window_decode and the wait for `decode` the
 * pool's threads own the parts, and likewise the checks for `verify`. */
#ifndef TALLY_AUDIT_WINDOW_H
#define TALLY_AUDIT_WINDOW_H

#include "ledger/replay.h"
#include "pool.h"
#include "source.h"

enum {
    /* A batch has at most 4,096 events: it then lies in two windows, not in three. */
    AUDIT_PAGES = 18,
    AUDIT_WINDOW_SIZE = 16 * 1024 * 1024, /* after so many bytes no further page is read */
    AUDIT_CHECK_SIGNATURES = 32,          /* in one task */
};
_Static_assert((AUDIT_PAGES - 1) * TILES_WIDTH >= LIMIT_BLOCK_EVENTS,
               "two windows hold a batch");

struct audit_part {
    struct source_page page;
    struct arena *arena;
    struct replay_item *items;
    uint32_t decoded; /* items before the first fault */
    enum tally_err err;
    struct tally_diag diag;
};

/* Signatures from .. to - 1 of a window. */
struct audit_check {
    const struct replay_signature *signatures;
    uint32_t count;
    uint32_t failed; /* the first one that does not verify; count: none */
};

struct audit_window {
    uint64_t first, end; /* records */
    struct audit_part parts[AUDIT_PAGES];
    uint32_t parts_count;
    enum tally_err err; /* of reading the page at `end` */
    struct tally_diag diag;
    struct replay_signature *signatures;
    size_t signatures_count, signatures_capacity;
    struct audit_check *checks;
    size_t checks_count, checks_capacity;
    struct pool_group decode, verify;
};

/* Read pages from record `first` on, until the window or the log is full. What fails is in
 * window->err. */
void audit_window_load(struct audit_window *window, struct source *source, uint64_t first);
/* Decode them all on the pool. */
void audit_window_decode(struct audit_window *window, struct pool *pool);
/* Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err audit_window_add(struct audit_window *window,
                                                const struct replay_signature *signature);
/* Verify all signatures on the pool. Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err audit_window_verify(struct audit_window *window,
                                                   struct pool *pool);
/* After the wait: the first signature that does not verify, or NULL. */
const struct replay_signature *audit_window_failed(const struct audit_window *window);
/* Free the pages and what was decoded; memory is kept for the next use. */
void audit_window_clear(struct audit_window *window);
void audit_window_free(struct audit_window *window);

#endif
