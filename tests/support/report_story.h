/* report_story - a ledger with one story, for tests of reports, exported into "log".
 *
 * A base, data, a run and versions of a model with what judges them; a denied event, an export,
 * a stolen key, roles that come and go. Over ledger_run, log_dir and cli_run, whose folder it
 * opens; every step is asserted. One at a time, one thread. */
#ifndef SUPPORT_REPORT_STORY_H
#define SUPPORT_REPORT_STORY_H

#include "support/ledger_run.h"
#include "support/log_dir.h"

/* The story. Record number i has the time FIXTURE_TIME_MS + i seconds: 22:13:20 and i. */
enum report_record {
    GENESIS,
    BASE,
    OTHER_BASE,
    DATASET,
    MODEL,
    RUN,
    RUN_END,
    VERSION,
    EVALUATION,
    APPROVAL,
    ATTESTATION,
    CORRECTION,
    SECOND,
    THIRD,
    DENIED,
    EXPORT,
    PRINCIPAL,
    KEY,
    ROLE,
    ROLE_AGAIN,
    STOLEN,
    INCIDENT,
    REVOKED,
    ROLE_END,
    STATE,
    RECORDS,
};

struct report_story {
    struct ledger_run run;
    struct log_dir log;
    struct tally_hash hashes[RECORDS]; /* of events, by record */
};
extern struct report_story report_story;

/* The story in a folder of its own, as "log", with the file "trust". */
void report_story_open(void);
void report_story_close(void);

#endif
