/* report - an auditor's questions, answered from records that were checked in the same pass.
 *
 * What it is    A kind of report takes every record of an audit (audit.h, struct audit_sink),
 * keeps what it needs, and gives rows. Rows are printed when the audit has found no fault, and
 * never otherwise. Memory    rows, and what a kind keeps, until the end. One thread. */
#ifndef TALLY_REPORT_H
#define TALLY_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "cli.h"
#include "ledger/replay.h"

struct json_t;

struct report_kept;
struct report {
    struct cli *cli;
    const struct report_kind *kind;
    struct arena *arena;
    struct json_t *rows; /* objects with the kind's columns */

    /* Options; those that the kind does not have are zero. */
    bool has_from, has_to;
    uint64_t from_ms, to_ms; /* records with from_ms <= time < to_ms */
    const char *subject;     /* a version, base or data set */
    uint64_t threshold_ms;

    uint64_t inside, last_ms; /* records in the interval; time of the newest record */
    struct json_t *maps[4];   /* objects, the kind's own */
    void *state;              /* in the arena; the kind's own */
    struct report_kept *kept, **kept_end;
    bool found; /* the subject is named by an event */
};

struct report_kind {
    const char *command;        /* "report changes" */
    const char *const *columns; /* ends with NULL */
    uint32_t head;              /* so many of them make the first line of a row */
    /* Errors: TALLY_E_NO_MEMORY. */
    enum tally_err (*record)(struct report *report, const struct replay_item *item);
    /* NULL: nothing is left to do. Errors: TALLY_E_NO_MEMORY. */
    enum tally_err (*end)(struct report *report);
};

extern const struct report_kind report_changes, report_denied, report_exports, report_times;
extern const struct report_kind report_bundle, report_derived;
extern const struct report_kind report_access, report_compromised, report_compute;

/* ---- for the kinds ---- */

/* A copy of a record for the end. */
struct report_kept {
    struct report_kept *next;
    struct bytes leaf;
    uint64_t index;
};
TALLY_NODISCARD enum tally_err report_keep(struct report *report,
                                           const struct replay_item *item);
/* Decode one again; it borrows from `arena`. */
TALLY_NODISCARD enum tally_err report_item(const struct report_kept *kept, struct arena *arena,
                                           struct replay_item *ret_item);

bool report_inside(const struct report *report, uint64_t time_ms);
bool report_allowed(const struct replay_item *item); /* is it an event that was allowed? */

/* The columns of an event, and a new row with them; the caller may add to it. NULL without
 * memory. */
#define REPORT_EVENT_COLUMNS                                                                   \
    "index", "time", "decision", "event", "subject", "failed_rules", "actor", "on_behalf_of",  \
        "signed_by", "claimed_time", "event_hash", "details"
enum { REPORT_EVENT_HEAD = 5 };
struct json_t *report_event(const struct replay_item *item);
/* What the payload of an event says, as JSON; NULL without memory. */
struct json_t *report_payload(const struct replay_item *item);
/* An unsigned number of event JSON, 0 when it is absent. */
uint64_t report_number(const struct json_t *value);
/* Append a row; it is given away. Errors: TALLY_E_NO_MEMORY (also when it is NULL). */
TALLY_NODISCARD enum tally_err report_add(struct report *report, struct json_t *row);

/* ---- for the command ---- */

struct source;
struct audit_result;
/* Rows and what they cover, as text, JSON or CSV. Errors, said: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err report_print(struct report *report, const struct source *source,
                                            const struct audit_result *result);
/* One field of CSV, quoted, such that no spreadsheet takes it for a formula. */
void report_csv_field(FILE *out, const char *text);
/* "2026-03-01", "2026-03-01T12:00", "...:05", "...:05.250", a time with or without "Z"; UTC. */
bool report_time_parse(const char *text, uint64_t *ret_time_ms);

#endif
