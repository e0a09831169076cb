/* members - who the members of a ledger are, as its nodes say, and waiting for that to change.
 *
 * Errors are said through cli_fail. One thread. */
#ifndef TALLY_MEMBERS_H
#define TALLY_MEMBERS_H

#include <stdbool.h>
#include <tally/client.h>
#include <tally/err.h>

#include "event/ledger_config.h"
#include "submit.h"

enum { MEMBERS_BEHIND_MAX = 64 }; /* blocks that a learner may lag when it is promoted */

struct members {
    const struct tally_status_result *status; /* freed by members_free() */
    struct ledger_config config;
};

/* Ask the cluster. Errors: those of tally_client_status, TALLY_E_MALFORMED. */
TALLY_NODISCARD enum tally_err members_ask(struct submit *submit, struct members *ret_members);
void members_free(struct members *members);

/* The member that the first argument of the command line names. Error: TALLY_E_NOT_FOUND. */
TALLY_NODISCARD enum tally_err members_find(struct submit *submit, struct members *members,
                                            struct ledger_member **ret_member);

/* Between two questions of a command that waits. */
void members_pause(void);
/* Wait until the Config of `version` is in force, or --no-wait. Error: TALLY_E_TIMEOUT. */
TALLY_NODISCARD enum tally_err members_wait_config(struct submit *submit, uint64_t version);
/* Wait until a learner has caught up, and say on stderr how far it is. With --no-wait look
 * once. Error: TALLY_E_TIMEOUT. */
TALLY_NODISCARD enum tally_err members_wait_learner(struct submit *submit,
                                                    const struct ledger_member *member);

#endif
