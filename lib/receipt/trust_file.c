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

static void put_line(struct bytes_writer *writer, const char *before, const char *name,
                     enum vkey_type type, const uint8_t public_key[SIGN_PUBLIC_BYTES])
{
    struct vkey vkey;
    char text[VKEY_TEXT_MAX];
    const enum tally_err err = vkey_make(name, type, public_key, &vkey);

    ASSERT(err == TALLY_OK); /* origins and member names are key names */
    vkey_format(&vkey, text);
    bytes_put(writer, before, strlen(before));
    bytes_put(writer, text, strlen(text));
    bytes_put(writer, "\n", 1);
}

enum tally_err trust_file_make(const char *name, const struct tally_hash *ledger_id,
                               const struct ledger_config *config, const char *policy,
                               struct trust *ret_trust, struct tally_diag *diag)
{
    char origin[GENESIS_ORIGIN_SIZE];
    char *text = malloc(TRUST_TEXT_MAX);
    struct bytes_writer writer = bytes_writer(text, TRUST_TEXT_MAX);

    if (text == NULL) return TALLY_E_NO_MEMORY;
    genesis_origin(name, ledger_id, origin);
    for (uint32_t i = 0; i < config->members_count; i++)
        put_line(&writer, "log ", origin, VKEY_ED25519, config->members[i].log_key);
    for (uint32_t i = 0; i < config->members_count; i++) {
        const struct ledger_member *member = &config->members[i];
        char before[LIMIT_NAME_SIZE + 16], key_name[LIMIT_KEY_NAME_SIZE + 1];

        if (!member->voter) continue;
        (void)snprintf(before, sizeof before, "witness %s ", member->name);
        (void)snprintf(key_name, sizeof key_name, "%s/%s", origin, member->name);
        put_line(&writer, before, key_name, VKEY_COSIGNATURE, member->cosign_key);
    }
    bytes_put(&writer, policy, strlen(policy));
    ASSERT(!writer.bad); /* LIMIT_MEMBERS lines and a policy are far below TRUST_TEXT_MAX */
    const enum tally_err err = trust_parse(text, writer.at, ret_trust, diag);
    free(text);
    if (err != TALLY_OK) return TALLY_E_MALFORMED;
    ret_trust->has_ledger = true;
    ret_trust->ledger_id = *ledger_id;
    ret_trust->config_version = config->version;
    return TALLY_OK;
}
