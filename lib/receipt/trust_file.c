#include "receipt/trust_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/vkey.h"
#include "event/genesis.h"

enum tally_err trust_file_policy(const struct ledger_config *config, uint32_t stolen_keys,
                                 char ret_policy[LEDGER_POLICY_SIZE], struct tally_diag *diag)
{
    const uint32_t voters = ledger_config_voters(config);
    struct bytes_writer writer = bytes_writer(ret_policy, LEDGER_POLICY_SIZE - 1);
    char text[64];

    if (stolen_keys >= voters) {
        tally_diag_set(diag, "%u stolen keys of %u members: at most %u can be tolerated",
                       stolen_keys, voters, voters - 1);
        return TALLY_E_INVALID;
    }
    (void)snprintf(text, sizeof text, "group members %u", (voters + stolen_keys) / 2 + 1);
    bytes_put(&writer, text, strlen(text));
    for (uint32_t i = 0; i < config->members_count; i++) {
        if (!config->members[i].voter) continue;
        bytes_put(&writer, " ", 1);
        bytes_put(&writer, config->members[i].name, strlen(config->members[i].name));
    }
    (void)snprintf(text, sizeof text, "\nquorum members\n");
    bytes_put(&writer, text, strlen(text));
    ASSERT(!writer.bad); /* LIMIT_VOTERS names of LIMIT_NAME_SIZE fit */
    ret_policy[writer.at] = '\0';
    return TALLY_OK;
}

enum tally_err trust_file_make(const char *name, const struct tally_hash *ledger_id,
                               const struct ledger_config *config, const char *policy,
                               struct trust *ret_trust, struct tally_diag *diag)
{
    struct trust_member members[LIMIT_MEMBERS];
    char origin[GENESIS_ORIGIN_SIZE];
    char *text = malloc(TRUST_TEXT_MAX);
    enum tally_err err;
    struct bytes_writer writer = bytes_writer(text, TRUST_TEXT_MAX);

    if (text == NULL) return TALLY_E_NO_MEMORY;
    genesis_origin(name, ledger_id, origin);
    for (uint32_t i = 0; i < config->members_count; i++) {
        const struct ledger_member *member = &config->members[i];

        members[i] = (struct trust_member){member->name, member->log_key, member->cosign_key,
                                           member->voter};
    }
    err = trust_put_members(&writer, origin, members, config->members_count, policy, diag);
    if (err == TALLY_OK) err = trust_parse(text, writer.at, ret_trust, diag);
    free(text);
    if (err != TALLY_OK) return TALLY_E_MALFORMED;
    ret_trust->has_ledger = true;
    ret_trust->ledger_id = *ledger_id;
    ret_trust->config_version = config->version;
    return TALLY_OK;
}
