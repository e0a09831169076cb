/* From a ledger's identity to the members as publication and the loop need them. */
#include <string.h>

#include "base/arena.h"
#include "event/ledger_config.h"
#include "ledger/ledger.h"
#include "note/trust.h"
#include "publish/publish.h"

static void take_member(const struct ledger_member *from, struct publish_member *to)
{
    to->id = from->id;
    to->voter = from->voter;
    to->incarnation = from->incarnation;
    strcpy(to->name, from->name);
    strcpy(to->peer_url, from->peer_url);
    strcpy(to->client_url, from->client_url);
    strcpy(to->site, from->site);
    memcpy(to->log_key, from->log_key, sizeof to->log_key);
    memcpy(to->cosign_key, from->cosign_key, sizeof to->cosign_key);
    memcpy(to->peer_key, from->peer_key, sizeof to->peer_key);
}

static enum tally_err find_self(const struct node_keys *keys, uint32_t join_as,
                                struct publish_config *config, struct tally_diag *diag)
{
    struct node_public own;

    keyfile_node_public(keys, &own);
    for (uint32_t i = 0; i < config->members_count; i++) {
        const struct publish_member *member = &config->members[i];

        if (strcmp(member->name, own.name) != 0) continue;
        if (memcmp(member->log_key, own.log, 32) != 0 ||
            memcmp(member->cosign_key, own.cosign, 32) != 0 ||
            memcmp(member->peer_key, own.peer, 32) != 0 ||
            member->incarnation != own.incarnation) {
            tally_diag_set(
                diag, "member %s of this ledger has other keys: a new node needs a new name",
                own.name);
            return TALLY_E_MISMATCH;
        }
        config->self = member->id;
        config->keys = keys;
        return TALLY_OK;
    }
    if (join_as != 0 && publish_member(config, join_as) == NULL) {
        config->self = join_as;
        config->keys = keys;
        return TALLY_OK;
    }
    tally_diag_set(diag, "the ledger has no member named %s", own.name);
    return TALLY_E_NOT_FOUND;
}

/* The publication policy as a trust file: the members' keys, and the Config's own lines. */
static enum tally_err write_policy(const struct ledger_config *ledger,
                                   struct publish_config *config, struct tally_diag *diag)
{
    struct bytes_writer writer =
        bytes_writer(config->trust_text, sizeof config->trust_text - 1);
    struct trust_member members[LIMIT_MEMBERS];
    enum tally_err err;

    for (uint32_t i = 0; i < ledger->members_count; i++) {
        const struct ledger_member *member = &ledger->members[i];

        members[i] = (struct trust_member){member->name, member->log_key, member->cosign_key,
                                           member->voter};
    }
    err = trust_put_members(&writer, config->origin, members, ledger->members_count,
                            ledger->policy, diag);
    if (err == TALLY_OK) config->trust_text[writer.at] = '\0';
    return err;
}

/* Members and policy of an encoded Config. */
static enum tally_err take_config(struct bytes config, struct publish_config *to,
                                  struct tally_diag *diag)
{
    struct ledger_config ledger;
    struct arena *arena = NULL;
    enum tally_err err = arena_open(0, &arena);

    if (err != TALLY_OK) return err;
    err = ledger_config_decode(config, arena, &ledger, diag);
    to->members_count = 0;
    for (uint32_t i = 0; err == TALLY_OK && i < ledger.members_count; i++) {
        take_member(&ledger.members[i], &to->members[to->members_count++]);
    }
    if (err == TALLY_OK) err = write_policy(&ledger, to, diag);
    arena_close(arena);
    return err;
}

enum tally_err publish_config_load(const struct ledger_identity *identity,
                                   const struct node_keys *keys, uint32_t join_as,
                                   struct publish_config *ret_config, struct tally_diag *diag)
{
    static const struct publish_config empty;
    enum tally_err err;

    *ret_config = empty;
    ret_config->ledger_id = identity->ledger_id;
    strcpy(ret_config->origin, identity->origin);
    err = take_config(identity->config, ret_config, diag);
    if (err == TALLY_OK && keys != NULL) err = find_self(keys, join_as, ret_config, diag);
    return err;
}

enum tally_err publish_config_change(const struct publish_config *now, struct bytes config,
                                     struct publish_config *ret_next, struct tally_diag *diag)
{
    *ret_next = *now;
    return take_config(config, ret_next, diag);
}
