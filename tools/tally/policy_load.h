/* policy_load - the files of the policy commands. */
#ifndef TALLY_POLICY_LOAD_H
#define TALLY_POLICY_LOAD_H

#include "cli.h"
#include "config/policy_cases.h"
#include "config/policy_config.h"

/* What a command has open; close it whatever happened. */
struct policy_load {
    struct arena *arena;
    struct config *policy_config, *cases_config;
    struct policy_file file;
    struct policy_cases cases;
};

/* Read a policy; every fault is printed as file:line:column. Said through cli_fail otherwise.
 * Errors: those of config_open and policy_config_read. */
TALLY_NODISCARD enum tally_err policy_load_open(struct cli *cli, const char *path,
                                                struct policy_load *load);
/* Read its cases, or with `persons_only` a file of persons. */
TALLY_NODISCARD enum tally_err policy_load_cases(struct cli *cli, const char *path,
                                                 bool persons_only, struct policy_load *load);
void policy_load_close(struct policy_load *load);

/* The name of a rule that failed. */
const char *policy_load_rule_name(const struct policy *policy, uint16_t id);

#endif
