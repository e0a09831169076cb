#include "genesis_build.h"

#include <stdio.h>
#include <string.h>

#include "config/genesis_config.h"
#include "crypto/keyfile.h"
#include "event/event_types.h"
#include "event/genesis.h"
#include "event/rules.h"
#include "receipt/trust_file.h"

static const char segment_rule[] = "'%.80s': use a-z 0-9 . _ -, and not only dots";

static void check_segment(struct config *config, const struct config_text *text)
{
    if (text->text != NULL && !event_segment_valid(text->text))
        config_fault(config, text->place, segment_rule, text->text);
}

/* Read one public key file; a fault when it is none. */
static bool load_user_key(struct config *config, const struct config_text *path,
                          uint8_t ret_key[SIGN_PUBLIC_BYTES])
{
    struct tally_diag diag = {""};
    struct vkey vkey;

    if (path->text == NULL || path->text[0] == '\0') return false;
    const enum tally_err err = keyfile_user_public_load(path->text, &vkey, &diag);
    if (err != TALLY_OK) {
        config_fault(config, path->place, "no public key file: %s", diag.text);
        return false;
    }
    memcpy(ret_key, vkey.public_key, SIGN_PUBLIC_BYTES);
    return true;
}

/* A list of key files; NULL without memory. */
static uint8_t (*load_user_keys(struct config *config, const struct config_texts *paths,
                                struct arena *arena))[SIGN_PUBLIC_BYTES]
{
    uint8_t(*keys)[SIGN_PUBLIC_BYTES] = arena_zalloc(arena, paths->count, sizeof *keys);

    for (uint32_t i = 0; keys != NULL && i < paths->count; i++) {
        if (!load_user_key(config, &paths->items[i], keys[i])) continue;
        for (uint32_t j = 0; j < i; j++)
            if (memcmp(keys[i], keys[j], SIGN_PUBLIC_BYTES) == 0)
                config_fault(config, paths->items[i].place, "the same key as '%.80s'",
                             paths->items[j].text);
    }
    return keys;
}

static void build_member(struct config *config, const struct genesis_config_member *from,
                         uint32_t id, struct ledger_member *to)
{
    struct tally_diag diag = {""};
    struct node_public keys;

    check_segment(config, &from->site);
    if (from->name.text != NULL && !keyfile_name_valid(from->name.text))
        config_fault(config, from->name.place, segment_rule, from->name.text);
    if (from->name.text == NULL || from->site.text == NULL || from->key.text == NULL) return;
    const enum tally_err err = keyfile_node_public_load(from->key.text, &keys, &diag);
    if (err != TALLY_OK) {
        config_fault(config, from->key.place, "no public key file of a node: %s", diag.text);
        return;
    }
    if (strcmp(keys.name, from->name.text) != 0)
        config_fault(config, from->key.place, "the key is of the node '%s', not of '%.80s'",
                     keys.name, from->name.text);
    *to = (struct ledger_member){.id = id, .incarnation = keys.incarnation, .voter = true};
    (void)snprintf(to->name, sizeof to->name, "%s", from->name.text);
    (void)snprintf(to->site, sizeof to->site, "%s", from->site.text);
    memcpy(to->log_key, keys.log, SIGN_PUBLIC_BYTES);
    memcpy(to->cosign_key, keys.cosign, SIGN_PUBLIC_BYTES);
    memcpy(to->peer_key, keys.peer, SIGN_PUBLIC_BYTES);
}

/* human 1, service 2, robot 3: PrincipalKind in proto/event.proto. */
static uint32_t kind_number(const char *kind)
{
    if (kind == NULL) return 0;
    return strcmp(kind, "human") == 0 ? 1 : strcmp(kind, "service") == 0 ? 2 : 3;
}

static enum tally_err build_principal(struct config *config,
                                      const struct genesis_config_principal *from,
                                      struct arena *arena, struct event_principal *to)
{
    const char **roles = arena_zalloc(arena, from->roles.count, sizeof *roles);
    uint8_t(*keys)[SIGN_PUBLIC_BYTES] = load_user_keys(config, &from->keys, arena);

    if (roles == NULL || keys == NULL) return TALLY_E_NO_MEMORY;
    check_segment(config, &from->id);
    for (uint32_t i = 0; i < from->roles.count; i++) {
        const char *role = from->roles.items[i].text;

        roles[i] = role;
        if (role[0] != '\0' && role_named(role, strlen(role)) == ROLE_NONE)
            config_fault(
                config, from->roles.items[i].place,
                "no role '%.80s': admin, author, evaluator, approver, deployer or auditor",
                role);
    }
    *to = (struct event_principal){
        .id = from->id.text,
        .kind = kind_number(from->kind.text),
        .keys_count = from->keys.count,
        .public_keys = (const uint8_t(*)[EVENT_KEY_BYTES])keys,
        .roles_count = from->roles.count,
        .roles = roles,
    };
    return TALLY_OK;
}

/* A key speaks for one principal only. */
static void check_shared_keys(struct config *config, const struct genesis_config *file,
                              const struct event_principal *principals, uint32_t at)
{
    const struct genesis_config_principal *from = file->principals.items;

    for (uint32_t i = 0; i < principals[at].keys_count; i++)
        for (uint32_t other = 0; other < at; other++)
            for (uint32_t j = 0; j < principals[other].keys_count; j++)
                if (memcmp(principals[at].public_keys[i], principals[other].public_keys[j],
                           EVENT_KEY_BYTES) == 0)
                    config_fault(config, from[at].keys.items[i].place,
                                 "the key of another principal, '%.80s'",
                                 from[other].id.text == NULL ? "?" : from[other].id.text);
}

enum tally_err genesis_build(struct config *config, uint32_t stolen_keys, uint64_t time_ms,
                             struct arena *arena, struct bytes *ret_file,
                             struct tally_diag *diag)
{
    struct genesis_config file;
    struct ledger_config *members = arena_zalloc(arena, 1, sizeof *members);
    enum tally_err err = genesis_config_read(config, &file);

    if (members == NULL || err == TALLY_E_NO_MEMORY) return TALLY_E_NO_MEMORY;
    const struct genesis_config_member *from = file.members.items;
    const struct genesis_config_principal *people = file.principals.items;
    struct event_principal *principals =
        arena_zalloc(arena, file.principals.count, sizeof *principals);
    uint8_t(*roots)[SIGN_PUBLIC_BYTES] = load_user_keys(config, &file.root.keys, arena);
    if (principals == NULL || roots == NULL) return TALLY_E_NO_MEMORY;

    check_segment(config, &file.name);
    members->version = 1;
    members->members_count = file.members.count;
    for (uint32_t i = 0; i < file.members.count; i++)
        build_member(config, &from[i], i + 1, &members->members[i]);
    for (uint32_t i = 0; i < file.principals.count; i++) {
        if (build_principal(config, &people[i], arena, &principals[i]) != TALLY_OK)
            return TALLY_E_NO_MEMORY;
        check_shared_keys(config, &file, principals, i);
    }
    if (config_result(config) != TALLY_OK) return TALLY_E_MALFORMED;

    /* Publication needs a majority; what verifiers ask for is in the trust file. */
    char policy[LEDGER_POLICY_SIZE];
    err = trust_file_policy(members, stolen_keys, policy, diag);
    if (err == TALLY_OK) err = trust_file_policy(members, 0, members->policy, diag);
    if (err != TALLY_OK) return err;
    const struct genesis_spec spec = {
        .name = file.name.text,
        .time_ms = time_ms,
        .config = members,
        .root_threshold = (uint32_t)file.root.threshold.value,
        .stolen_keys = stolen_keys,
        .root_keys_count = file.root.keys.count,
        .root_keys = (const uint8_t(*)[SIGN_PUBLIC_BYTES])roots,
        .principals_count = file.principals.count,
        .principals = principals,
    };
    err = genesis_new(&spec, arena, ret_file, diag);
    return err == TALLY_E_MALFORMED ? TALLY_E_INVALID : err;
}
