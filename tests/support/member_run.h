/* member_run - changes of the members of a ledger, step by step.
 *
 * Over a ledger_run; each step is asserted. One at a time, one thread. */
#ifndef SUPPORT_MEMBER_RUN_H
#define SUPPORT_MEMBER_RUN_H

#include "event/ledger_config.h"
#include "event/record.h"
#include "event/rules.h"
#include "support/ledger_run.h"

enum { MEMBER_RUN_BLOCKS = 32 };

/* Open a ledger_run and work on it; end it with ledger_run_close(). */
void member_run_open(struct ledger_run *ledger_run);
/* All blocks that were applied since, for a second replica. */
const struct bytes *member_run_blocks(uint32_t *ret_count);

/* A learner that could be added: its keys are made of the id. */
struct ledger_member member_run_newcomer(uint32_t id);
struct member_change member_run_change_of(enum member_action action,
                                          const struct ledger_member *member,
                                          const char *policy, uint64_t version);

/* Append the change, which must be denied by this rule alone. */
void member_run_expect_denied(const struct member_change *change, enum rule rule);
/* Append the change, which must be allowed, and take what it authorises. */
struct bytes member_run_authorise(const struct member_change *change);
/* A CONFIG block puts this Config in force: one record, the identity, nothing pending. */
void member_run_expect_in_force(struct bytes config);
/* Such a block leaves a Void record, and the members as they were. */
void member_run_expect_void(struct bytes body);

/* What the store says. */
struct bytes member_run_config_in_force(void);
struct ledger_config member_run_decoded(struct bytes config);
uint32_t member_run_next_member(void);
void member_run_expect_pending(struct bytes want, uint64_t want_index); /* size 0: none */

#endif
