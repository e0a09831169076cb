/* log_dir - the leaves of a ledger as a log that a test may falsify, and write as an export.
 *
 * Writing hashes the whole tree anew and has all members sign it, as a dishonest cluster could:
 * a falsified leaf then shows in nothing but the replay. A failure inside is a wrong test:
 * ASSERT. What is returned lives in the fixture's arena. One thread. */
#ifndef SUPPORT_LOG_DIR_H
#define SUPPORT_LOG_DIR_H

#include <stdint.h>

#include "base/bytes.h"
#include "event/record.h"
#include "store/store.h"
#include "support/ledger_fixture.h"

struct log_dir {
    struct fixture *fixture;
    uint64_t count;
    struct bytes *leaves; /* room for one more than there were */
};

/* All leaves that a store has. */
void log_dir_take(struct fixture *fixture, struct store *store, struct log_dir *ret_log);
/* Bundles, tiles and checkpoint, into an existing directory. */
void log_dir_write(const struct log_dir *log, const char *directory);

/* A leaf decoded, and put back encoded. */
struct record log_dir_record(const struct log_dir *log, uint64_t index);
void log_dir_put(struct log_dir *log, uint64_t index, const struct record *record);
struct event log_dir_event(const struct log_dir *log, uint64_t index);
/* Remove or insert a leaf; the ones behind get the numbers that fit, StateRoots too. */
void log_dir_remove(struct log_dir *log, uint64_t index);
void log_dir_insert(struct log_dir *log, uint64_t index, struct record record);
/* The first record from `from` on of a kind; of an event, of a type (0: any) and a verdict. It
 * must be there. */
uint64_t log_dir_find(const struct log_dir *log, uint64_t from, enum record_kind kind,
                      uint32_t type, bool allowed);

#endif
