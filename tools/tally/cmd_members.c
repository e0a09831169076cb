/* cluster add, promote, remove, transfer: who the members are, and who leads. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "commands.h"
#include "crypto/keyfile.h"
#include "disk.h"
#include "members.h"
#include "out.h"
#include "receipt/trust_file.h"

enum { TRANSFER_S = 30, ONE_MS = 2000, TRANSFER_ARENA_SIZE = 1024 * 1024 };

/* ---- the event ---- */

static enum tally_err policy_of(struct cli *cli, struct arena *arena,
                                const struct ledger_config *next, const char **ret_policy)
{
    const char *path = cli_text(cli, "policy");
    char *policy = arena_zalloc(arena, 1, LEDGER_POLICY_SIZE);
    struct tally_diag diag = {""};
    struct bytes file;
    enum tally_err err = policy == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;

    if (err == TALLY_OK && path == NULL) {
        err = trust_file_policy(next, 0, policy, &diag);
    } else if (err == TALLY_OK) {
        err = disk_read(path, LEDGER_POLICY_SIZE - 1, arena, &file, &diag);
        if (err == TALLY_OK && file.size > 0) memcpy(policy, file.data, file.size);
    }
    *ret_policy = policy;
    return err == TALLY_OK ? err : cli_fail(cli, err, &diag);
}

static json_t *member_json(const struct ledger_member *member)
{
    json_t *json = json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:s}", "id", (int)member->id,
                             "name", member->name, "site", member->site, "log_key",
                             out_json_hex(member->log_key, SIGN_PUBLIC_BYTES), "cosign_key",
                             out_json_hex(member->cosign_key, SIGN_PUBLIC_BYTES), "peer_key",
                             out_json_hex(member->peer_key, SIGN_PUBLIC_BYTES), "incarnation",
                             out_json_number(member->incarnation), "role",
                             member->voter ? "MEMBER_ROLE_VOTER" : "MEMBER_ROLE_LEARNER");

    if (member->peer_url[0] != '\0')
        (void)json_object_set_new(json, "peer_url", json_string(member->peer_url));
    if (member->client_url[0] != '\0')
        (void)json_object_set_new(json, "client_url", json_string(member->client_url));
    return json;
}

/* Sign and append the change; `next` are the members that result. */
static enum tally_err authorise(struct submit *submit, const struct members *now,
                                const char *action, const struct ledger_member *member,
                                const struct ledger_config *next)
{
    char subject[LIMIT_SUBJECT_SIZE + 1];
    const char *policy = NULL;
    json_t *draft;
    enum tally_err err = policy_of(submit->cli, submit->arena, next, &policy);

    if (err != TALLY_OK) return err;
    (void)snprintf(subject, sizeof subject, "ledger/%s", now->status->ledger);
    draft =
        json_pack("{s:s, s:{s:s, s:o, s:s, s:o}}", "subject", subject, "ledger_member_changed",
                  "action", action, "member", member_json(member), "publication_policy", policy,
                  "config_version", out_json_number(now->config.version + 1));
    if (draft == NULL) return cli_fail(submit->cli, TALLY_E_NO_MEMORY, NULL);
    err = submit_draft(submit, draft);
    json_decref(draft);
    return err == TALLY_OK ? submit_send(submit) : err;
}

/* ---- add, promote, remove ---- */

/* `record`: the index of the record that made it so; 0: it was so before. */
static enum tally_err say(struct cli *cli, const char *what, const struct ledger_member *member,
                          uint64_t record)
{
    const bool already = record == 0;

    if (cli_flag(cli, "json")) {
        json_t *json = json_pack("{s:s, s:i, s:s, s:b}", "member", member->name, "id",
                                 (int)member->id, "is", what, "already", already);

        if (!already) (void)json_object_set_new(json, "record", out_json_number(record));
        return out_json(cli, json);
    }
    out_line(cli, "member", "%s is %s%s", member->name, what, already ? " already" : "");
    out_line(cli, "id", "%u", (unsigned)member->id);
    if (!already) out_line(cli, "record", "%llu", (unsigned long long)record);
    if (strcmp(what, "a learner") == 0) {
        out_line(cli, "next",
                 "tallyd init --genesis=G --key=K --data=D --member=%u, run it, then "
                 "tally cluster promote %s",
                 (unsigned)member->id, member->name);
    }
    return TALLY_OK;
}

static void take_url(const char *from, char to[LIMIT_URL_SIZE + 1])
{
    if (from != NULL) (void)snprintf(to, LIMIT_URL_SIZE + 1, "%s", from);
}

static enum tally_err add(struct submit *submit, struct members *now)
{
    struct ledger_config *next = arena_zalloc(submit->arena, 1, sizeof *next);
    struct ledger_member member = {.id = now->status->next_member};
    const struct ledger_member *known;
    struct tally_diag diag = {""};
    struct node_public keys;
    enum tally_err err = keyfile_node_public_load(cli_text(submit->cli, "node"), &keys, &diag);

    if (err == TALLY_OK && next == NULL) err = TALLY_E_NO_MEMORY;
    if (err != TALLY_OK) return cli_fail(submit->cli, err, &diag);
    known = ledger_config_named(&now->config, keys.name);
    if (known != NULL && memcmp(known->peer_key, keys.peer, sizeof keys.peer) == 0) {
        return say(submit->cli, known->voter ? "a voter" : "a learner", known, 0);
    }
    strcpy(member.name, keys.name);
    (void)snprintf(member.site, sizeof member.site, "%s", cli_text(submit->cli, "site"));
    memcpy(member.log_key, keys.log, sizeof member.log_key);
    memcpy(member.cosign_key, keys.cosign, sizeof member.cosign_key);
    memcpy(member.peer_key, keys.peer, sizeof member.peer_key);
    member.incarnation = keys.incarnation;
    take_url(cli_text(submit->cli, "peer-url"), member.peer_url);
    take_url(cli_text(submit->cli, "client-url"), member.client_url);
    *next = now->config; /* a learner changes no policy */
    err = authorise(submit, now, "MEMBER_ACTION_ADD", &member, next);
    if (err == TALLY_OK) err = members_wait_config(submit, now->config.version + 1);
    return err == TALLY_OK ? say(submit->cli, "a learner", &member, submit->index) : err;
}

static enum tally_err promote(struct submit *submit, struct members *now)
{
    struct ledger_member *member = NULL;
    enum tally_err err = members_find(submit, now, &member);

    if (err != TALLY_OK) return err;
    if (member->voter) return say(submit->cli, "a voter", member, 0);
    err = members_wait_learner(submit, member);
    if (err != TALLY_OK) return err;
    member->voter = true;
    err = authorise(submit, now, "MEMBER_ACTION_PROMOTE", member, &now->config);
    if (err == TALLY_OK) err = members_wait_config(submit, now->config.version + 1);
    return err == TALLY_OK ? say(submit->cli, "a voter", member, submit->index) : err;
}

static enum tally_err remove_member(struct submit *submit, struct members *now)
{
    const char *name = submit->cli->arguments[0];
    struct ledger_member member = {0}, *found = NULL;
    enum tally_err err;
    size_t at;

    if (ledger_config_named(&now->config, name) == NULL) {
        strncat(member.name, name, LIMIT_NAME_SIZE);
        return say(submit->cli, "no member", &member, 0);
    }
    err = members_find(submit, now, &found);
    if (err != TALLY_OK) return err;
    member = *found;
    at = (size_t)(found - now->config.members);
    now->config.members_count--;
    memmove(found, found + 1, (now->config.members_count - at) * sizeof *found);
    err = authorise(submit, now, "MEMBER_ACTION_REMOVE", &member, &now->config);
    if (err == TALLY_OK) err = members_wait_config(submit, now->config.version + 1);
    return err == TALLY_OK ? say(submit->cli, "no member", &member, submit->index) : err;
}

static enum tally_err change(struct cli *cli,
                             enum tally_err (*what)(struct submit *submit, struct members *now))
{
    struct submit submit;
    struct members now;
    enum tally_err err = submit_open(cli, &submit);

    submit.quiet = true;
    if (err == TALLY_OK) err = submit_ledger(&submit);
    if (err == TALLY_OK) err = members_ask(&submit, &now);
    if (err == TALLY_OK) {
        err = what(&submit, &now);
        members_free(&now);
    }
    submit_close(&submit);
    return err;
}

static enum tally_err run_add(struct cli *cli)
{
    return change(cli, add);
}

static enum tally_err run_promote(struct cli *cli)
{
    return change(cli, promote);
}

static enum tally_err run_remove(struct cli *cli)
{
    return change(cli, remove_member);
}

/* ---- transfer ---- */

/* Tell every node: the one that leads acts on it. OK when one of them took the order. */
static enum tally_err order_all(struct submit *submit, uint32_t id, struct tally_diag *diag)
{
    const char *urls = cli_text(submit->cli, "cluster");
    enum tally_err best = TALLY_E_TIMEOUT;

    for (const char *at = urls; *at != '\0';) {
        const size_t size = strcspn(at, ",");
        struct tally_client *client = NULL;
        enum tally_err err = cluster_open_one(submit->cli, at, size, ONE_MS, &client, diag);

        /* The first half of the secret is its seed. */
        if (err == TALLY_OK)
            err = tally_client_transfer(client, id, submit->key.key.secret, diag);
        tally_client_close(client);
        if (err == TALLY_OK || best == TALLY_E_TIMEOUT) best = err;
        at += size + (at[size] == ',');
    }
    return best;
}

static enum tally_err leads_now(struct cli *cli, const struct ledger_member *member)
{
    if (cli_flag(cli, "json")) {
        return out_json(cli, json_pack("{s:s, s:i, s:s}", "member", member->name, "id",
                                       (int)member->id, "is", "the leader"));
    }
    out_line(cli, "leader", "%s", member->name);
    return TALLY_OK;
}

static enum tally_err hand_over(struct submit *submit, struct members *now)
{
    const uint64_t until = cluster_now_ms() + (uint64_t)TRANSFER_S * 1000;
    struct ledger_member *member = NULL;
    struct tally_diag diag = {""};
    enum tally_err err = members_find(submit, now, &member);

    while (err == TALLY_OK && cluster_now_ms() < until) {
        const struct tally_status_result *status = NULL;
        bool leads;

        err = tally_client_status(submit->client, &status, &diag);
        if (err != TALLY_OK) return cluster_fail(submit->cli, err, &diag);
        leads = status->leader_id == member->id;
        tally_client_result_free(status);
        if (leads) return leads_now(submit->cli, member);
        err = order_all(submit, member->id, &diag);
        if (err != TALLY_OK) return cluster_fail(submit->cli, err, &diag);
        members_pause();
    }
    if (err != TALLY_OK) return err;
    tally_diag_set(&diag, "%s does not lead after %d s: is it a voter, up, and not behind?",
                   member->name, TRANSFER_S);
    return cli_fail(submit->cli, TALLY_E_TIMEOUT, &diag);
}

/* Nothing is recorded: of a submission only its client, key and memory are wanted. */
static enum tally_err run_transfer(struct cli *cli)
{
    struct submit submit = {.cli = cli};
    struct tally_diag diag = {""};
    struct members now;
    enum tally_err err = arena_open(TRANSFER_ARENA_SIZE, &submit.arena);

    if (err == TALLY_OK) err = keyfile_user_load(cli_text(cli, "key"), &submit.key, &diag);
    if (err != TALLY_OK) {
        submit_close(&submit);
        return cli_fail(cli, err, &diag);
    }
    err = cluster_open(cli, &submit.client);
    if (err == TALLY_OK) err = members_ask(&submit, &now);
    if (err == TALLY_OK) {
        err = hand_over(&submit, &now);
        members_free(&now);
    }
    submit_close(&submit);
    return err;
}

#define CHANGE_OPTIONS                                                                         \
    CLI_CLUSTER,                                                                               \
        {.name = "key",                                                                        \
         .type = CLI_TEXT,                                                                     \
         .required = true,                                                                     \
         .argument = "FILE",                                                                   \
         .text = "secret key of a principal with the role admin"},                             \
        {.name = "out",                                                                        \
         .type = CLI_TEXT,                                                                     \
         .argument = "FILE",                                                                   \
         .text = "the receipt of the change (.tlog-proof); required unless --ack=committed"},  \
        {.name = "ack",                                                                        \
         .type = CLI_TEXT,                                                                     \
         .argument = "proof|committed",                                                        \
         .text = "with a receipt (default), or without"},                                      \
        {.name = "trust",                                                                      \
         .type = CLI_TEXT,                                                                     \
         .argument = "FILE",                                                                   \
         .text = "trust file; the receipt is checked against it before it is written"},        \
        {.name = "policy",                                                                     \
         .type = CLI_TEXT,                                                                     \
         .argument = "FILE",                                                                   \
         .text = "group and quorum lines from then on (default: a majority of the voters)"},   \
        {.name = "no-wait", .type = CLI_FLAG, .text = "do not wait until it is in force"},     \
        CLI_CA, CLI_TIMEOUT, CLI_JSON

static const struct cli_option change_options[] = {CHANGE_OPTIONS};
static const struct cli_option add_options[] = {
    {.name = "node",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "public key file of the new node (tallyd keygen)"},
    {.name = "site",
     .type = CLI_TEXT,
     .required = true,
     .argument = "NAME",
     .text = "where it stands: a-z 0-9 . _ -"},
    {.name = "peer-url",
     .type = CLI_TEXT,
     .argument = "URL",
     .text = "where it listens for members, unless their configurations say"},
    {.name = "client-url", .type = CLI_TEXT, .argument = "URL", .text = "and for clients"},
    CHANGE_OPTIONS,
};
static const struct cli_option transfer_options[] = {
    CLI_CLUSTER,
    {.name = "key",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "secret key of a principal with the role admin"},
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_NOT_FOUND, "no such member"},
    {TALLY_E_TIMEOUT, "not done in time; run the same command again"},
    {TALLY_E_DENIED, "recorded, and denied by the rules: another change came first, say"},
    {TALLY_E_UNKNOWN_KEY, "refused: the key is not enrolled"},
    {TALLY_E_SIGNERS, "refused: the key is not an admin's"},
};

const struct cli_command command_cluster_add = {
    .name = "cluster add",
    .arguments = "",
    .options = add_options,
    .options_count = CLI_COUNT(add_options),
    .summary = "authorise a new member, as a learner",
    .description =
        "Records ledger.member_changed and waits until the members know of it. The new node "
        "gets a "
        "member id; its data directory is made with it: tallyd init --member=ID. As a learner "
        "it "
        "gets every block and counts for nothing. Run again, the command says what is so.",
    .examples =
        "tally cluster add --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem --key=admin "
        "--node=n4.key.pub --site=berlin --peer-url=tls+tcp://10.0.3.1:7400 "
        "--client-url=tls+tcp://10.0.3.1:7500 --ack=committed",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run_add,
};
const struct cli_command command_cluster_promote = {
    .name = "cluster promote",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = change_options,
    .options_count = CLI_COUNT(change_options),
    .summary = "make a learner a voter, once it has caught up",
    .description =
        "Waits until the learner lags by no more than 64 blocks, saying how far it is, "
        "then records ledger.member_changed and waits until it is in force.",
    .examples = "tally cluster promote n4 --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem "
                "--key=admin --ack=committed",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run_promote,
};
const struct cli_command command_cluster_remove = {
    .name = "cluster remove",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = change_options,
    .options_count = CLI_COUNT(change_options),
    .summary = "remove a member for good",
    .description =
        "Records ledger.member_changed and waits until it is in force. The id and the keys "
        "of the member are never used again. A leader that is removed steps down.",
    .examples = "tally cluster remove n2 --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem "
                "--key=admin --ack=committed",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run_remove,
};
const struct cli_command command_cluster_transfer = {
    .name = "cluster transfer",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = transfer_options,
    .options_count = CLI_COUNT(transfer_options),
    .summary = "hand leadership to a member",
    .description =
        "The order is signed with the key and good for a minute. The leader brings its "
        "successor up to date first; nothing that was acknowledged is lost.",
    .examples = "tally cluster transfer n3 --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem "
                "--key=admin",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run_transfer,
};
