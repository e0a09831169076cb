#include "members.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cluster.h"

enum {
    PAUSE_MS = 200,
    PATIENCE_S = 600, /* for a learner to catch up, or a Config to be in force */
    ONE_MS = 2000,    /* for one node to answer */
};

enum tally_err members_ask(struct submit *submit, struct members *ret_members)
{
    struct tally_diag diag = {""};
    enum tally_err err = tally_client_status(submit->client, &ret_members->status, &diag);

    if (err == TALLY_OK) {
        err = ledger_config_decode(
            bytes_of(ret_members->status->config.data, ret_members->status->config.size),
            submit->arena, &ret_members->config, &diag);
        if (err != TALLY_OK) members_free(ret_members);
    }
    return err == TALLY_OK ? TALLY_OK : cluster_fail(submit->cli, err, &diag);
}

void members_free(struct members *members)
{
    tally_client_result_free(members->status);
}

/* Wait for the next look; the nodes are asked so rarely that they do not notice. */
void members_pause(void)
{
    (void)poll(NULL, 0, PAUSE_MS);
}

enum tally_err members_find(struct submit *submit, struct members *members,
                            struct ledger_member **ret_member)
{
    const char *name = submit->cli->arguments[0];
    struct tally_diag diag = {""};

    for (uint32_t i = 0; i < members->config.members_count; i++) {
        if (strcmp(members->config.members[i].name, name) != 0) continue;
        *ret_member = &members->config.members[i];
        return TALLY_OK;
    }
    tally_diag_set(&diag, "the ledger has no member named %s", name);
    return cli_fail(submit->cli, TALLY_E_NOT_FOUND, &diag);
}

/* Wait until the Config of `version` is in force. */
enum tally_err members_wait_config(struct submit *submit, uint64_t version)
{
    const uint64_t until = cluster_now_ms() + (uint64_t)PATIENCE_S * 1000;
    struct tally_diag diag = {""};

    if (cli_flag(submit->cli, "no-wait")) return TALLY_OK;
    while (cluster_now_ms() < until) {
        struct members now;
        const enum tally_err err = members_ask(submit, &now);
        const bool done = err == TALLY_OK && now.config.version >= version;

        if (err == TALLY_OK) members_free(&now);
        if (err != TALLY_OK) return err;
        if (done) return TALLY_OK;
        members_pause();
    }
    tally_diag_set(&diag,
                   "the change is recorded; it is not in force after %d s: look at "
                   "`tally cluster status`",
                   PATIENCE_S);
    return cli_fail(submit->cli, TALLY_E_TIMEOUT, &diag);
}

/* Blocks that the member lags behind, as the leader knows; UINT64_MAX: nobody can say. */
static uint64_t behind(const struct tally_status_result *status, uint32_t id)
{
    if (strcmp(status->role, "leader") != 0) return UINT64_MAX;
    for (size_t i = 0; i < status->members_count; i++) {
        if (status->members[i].id != id) continue;
        if (status->members[i].match == 0) break; /* it was not heard of so far */
        return status->blocks_last > status->members[i].match
                   ? status->blocks_last - status->members[i].match
                   : 0;
    }
    return UINT64_MAX;
}

/* Ask each node, since only the leader knows how far the others are. */
static uint64_t behind_of(struct submit *submit, uint32_t id)
{
    const char *urls = cli_text(submit->cli, "cluster");
    uint64_t found = UINT64_MAX;

    for (const char *at = urls; found == UINT64_MAX && *at != '\0';) {
        const size_t size = strcspn(at, ",");
        const struct tally_status_result *status = NULL;
        struct tally_client *client = NULL;
        struct tally_diag diag = {""};

        if (cluster_open_one(submit->cli, at, size, ONE_MS, &client, &diag) == TALLY_OK &&
            tally_client_status(client, &status, &diag) == TALLY_OK) {
            found = behind(status, id);
            tally_client_result_free(status);
        }
        tally_client_close(client);
        at += size + (at[size] == ',');
    }
    return found;
}

enum tally_err members_wait_learner(struct submit *submit, const struct ledger_member *member)
{
    const uint64_t until = cluster_now_ms() + (uint64_t)PATIENCE_S * 1000;
    struct tally_diag diag = {""};
    uint64_t told = UINT64_MAX;

    while (cluster_now_ms() < until) {
        const uint64_t blocks = behind_of(submit, member->id);

        if (blocks <= MEMBERS_BEHIND_MAX) return TALLY_OK;
        if (blocks != told && blocks != UINT64_MAX) {
            fprintf(stderr, "%s is %llu blocks behind\n", member->name,
                    (unsigned long long)blocks);
        }
        told = blocks;
        if (cli_flag(submit->cli, "no-wait")) break;
        members_pause();
    }
    tally_diag_set(
        &diag,
        "%s has not caught up: a voter that lags would hold up every commit. Does it "
        "run, and reach the leader?",
        member->name);
    return cli_fail(submit->cli, TALLY_E_TIMEOUT, &diag);
}
