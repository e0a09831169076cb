/* audit_rows - an honest log to falsify, and what `tally audit` must say of it.
 *
 * Over ledger_history, log_dir and cli_run; what is expected is asserted with Check. One at a
 * time, one thread. */
#ifndef SUPPORT_AUDIT_ROWS_H
#define SUPPORT_AUDIT_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

#include "support/ledger_history.h"
#include "support/log_dir.h"

struct audit_rows {
    struct history history;
    struct store *store;
    struct log_dir log;
};
extern struct audit_rows audit_rows;

/* The log of ledger_history in an empty folder, with the file "trust". */
void audit_rows_open(void);
void audit_rows_close(void);
/* Write the log to "log", hashed and signed anew, and audit it. Returns the exit status. */
int audit_rows_audit(void);
/* The same; it must fail so, at this record, with this in the message. */
void audit_rows_expect(enum tally_err err, uint64_t index, const char *text);
/* The first record of an event of this type and verdict. */
uint64_t audit_rows_event(enum event_type type, bool allowed);
/* Put another decision into a record: allowed, or denied by this rule. */
void audit_rows_decide(uint64_t index, bool allowed, uint16_t rule);

#endif
