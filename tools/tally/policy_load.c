#include "policy_load.h"

enum { ARENA_SIZE_MAX = 64 * 1024 * 1024 };

static enum tally_err failed(struct cli *cli, enum tally_err err, struct config *config,
                             const struct tally_diag *diag)
{
    if (err != TALLY_E_MALFORMED) return cli_fail(cli, err, diag);
    (void)fputs(config_faults(config), cli->err);
    return err;
}

enum tally_err policy_load_open(struct cli *cli, const char *path, struct policy_load *load)
{
    struct tally_diag diag = {""};

    *load = (struct policy_load){0};
    enum tally_err err = arena_open(ARENA_SIZE_MAX, &load->arena);
    if (err == TALLY_OK) err = config_open(path, &load->policy_config, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    err = policy_config_read(load->policy_config, load->arena, &load->file);
    return err == TALLY_OK ? TALLY_OK : failed(cli, err, load->policy_config, &diag);
}

enum tally_err policy_load_cases(struct cli *cli, const char *path, bool persons_only,
                                 struct policy_load *load)
{
    struct tally_diag diag = {""};

    enum tally_err err = config_open(path, &load->cases_config, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    err = (persons_only ? policy_persons_read : policy_cases_read)(
        load->cases_config, &load->file.policy, load->arena, &load->cases);
    return err == TALLY_OK ? TALLY_OK : failed(cli, err, load->cases_config, &diag);
}

void policy_load_close(struct policy_load *load)
{
    config_close(load->cases_config);
    config_close(load->policy_config);
    arena_close(load->arena);
}

const char *policy_load_rule_name(const struct policy *policy, uint16_t id)
{
    const struct policy_rule *rule = policy_rule_of(policy, id);

    return rule != NULL ? rule->name : "no_permit";
}
