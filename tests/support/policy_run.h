/* policy_run - policies on the ledger of ledger_run, from YAML: publish one, and append events
 * that several people sign.
 *
 * Every step is asserted to work; what is looked at are results. One thread. */
#ifndef SUPPORT_POLICY_RUN_H
#define SUPPORT_POLICY_RUN_H

#include <stdint.h>

#include "support/ledger_run.h"

/* A policy as canonical bytes, in the fixture's arena. */
struct bytes policy_run_compile(struct ledger_run *run, const char *yaml);
/* That of a file below the source directory. */
struct bytes policy_run_file(struct ledger_run *run, const char *path);

/* One event, signed by its actor spec->who with the meaning of its type, and by `others` with
 * meaning approve; FIXTURE_PEOPLE ends them. Result and hash as ledger_run_event. */
const struct ledger_event_result *policy_run_event(struct ledger_run *run,
                                                   struct fixture_spec spec,
                                                   const enum fixture_who *others,
                                                   struct tally_hash *ret_hash);
/* Is it allowed (no rule), or denied by exactly these rules; 0 ends them. */
void policy_run_expect(struct ledger_run *run, struct fixture_spec spec,
                       const enum fixture_who *others, const uint16_t *rules);

/* The spec of version `version`, whose predecessor has the digest of `previous` (NULL in
 * version 1), by the admin. */
struct fixture_spec policy_run_spec(struct ledger_run *run, uint64_t version,
                                    struct bytes policy, const struct bytes *previous);
/* Publish it, signed by both admins, without delay; it must be allowed. */
void policy_run_publish(struct ledger_run *run, uint64_t version, struct bytes policy,
                        const struct bytes *previous);

#endif
