#include <jansson.h>
#include <string.h>

#include "cluster.h"
#include "commands.h"
#include "out.h"

enum { URLS_MAX = 32, TIMEOUT_S = 5 };

struct node {
    const char *url;
    size_t url_size;
    const struct tally_status_result *status; /* NULL: no answer */
    struct tally_diag diag;
    enum tally_err err;
};

static void ask(struct cli *cli, struct node *node)
{
    struct tally_client *client = NULL;
    const uint32_t timeout_ms = (uint32_t)cli_number(cli, "timeout", TIMEOUT_S) * 1000;

    node->err =
        cluster_open_one(cli, node->url, node->url_size, timeout_ms, &client, &node->diag);
    if (node->err != TALLY_OK) return;
    node->err = tally_client_status(client, &node->status, &node->diag);
    tally_client_close(client);
}

/* The name of a member in what a node says; "" when it knows none with this id. */
static const char *member_name(const struct tally_status_result *status, uint32_t id)
{
    for (size_t i = 0; i < status->members_count; i++)
        if (status->members[i].id == id) return status->members[i].name;
    return status->node_id == id ? status->node_name : "";
}

/* The answer with the highest term that knows a leader; NULL if none does. */
static const struct tally_status_result *newest(const struct node *nodes, size_t count)
{
    const struct tally_status_result *best = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct tally_status_result *status = nodes[i].status;

        if (status == NULL || status->leader_id == 0) continue;
        if (best == NULL || status->term > best->term) best = status;
    }
    return best;
}

static json_t *json_members(const struct tally_status_result *status)
{
    json_t *list = json_array();

    for (size_t i = 0; i < status->members_count; i++) {
        const struct tally_member_status *member = &status->members[i];

        (void)json_array_append_new(
            list,
            json_pack("{s:i, s:s, s:s, s:b, s:o, s:b, s:o}", "id", (int)member->id, "name",
                      member->name, "site", member->site, "voter", member->voter, "match",
                      out_json_number(member->match), "reachable", member->reachable,
                      "heard_ms_ago", out_json_number(member->heard_ms_ago)));
    }
    return list;
}

static json_t *json_node(const struct node *node)
{
    const struct tally_status_result *status = node->status;
    json_t *object =
        json_pack("{s:s%, s:b}", "url", node->url, node->url_size, "reachable", status != NULL);

    if (object == NULL) return NULL;
    if (status == NULL) {
        (void)json_object_set_new(object, "error", json_string(tally_err_text(node->err)));
        return object;
    }
    json_t *facts = json_pack(
        "{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "id", (int)status->node_id,
        "name", status->node_name, "role", status->role, "term", out_json_number(status->term),
        "blocks_last", out_json_number(status->blocks_last), "blocks_committed",
        out_json_number(status->blocks_committed), "blocks_applied",
        out_json_number(status->blocks_applied), "records", out_json_number(status->records),
        "published", out_json_number(status->published), "version", status->version);

    if (facts != NULL) (void)json_object_update(object, facts);
    json_decref(facts);
    (void)json_object_set_new(object, "time_ms", out_json_number(status->time_ms));
    (void)json_object_set_new(object, "disk_written", out_json_number(status->disk_written));
    (void)json_object_set_new(object, "uptime_ms", out_json_number(status->uptime_ms));
    (void)json_object_set_new(object, "scrubbed_ms", out_json_number(status->scrubbed_ms));
    (void)json_object_set_new(object, "scrubbed_records",
                              out_json_number(status->scrubbed_records));
    (void)json_object_set_new(object, "trouble", json_string(status->trouble));
    (void)json_object_set_new(object, "members", json_members(status));
    return object;
}

static enum tally_err print_json(struct cli *cli, const struct node *nodes, size_t count,
                                 const struct tally_status_result *any)
{
    const struct tally_status_result *best = newest(nodes, count);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) (void)json_array_append_new(list, json_node(&nodes[i]));
    return out_json(
        cli, json_pack("{s:s, s:o, s:s, s:s, s:o}", "ledger", any->ledger, "ledger_id",
                       out_json_hex(any->ledger_id, 32), "origin", any->origin, "leader",
                       best == NULL ? "" : member_name(best, best->leader_id), "nodes", list));
}

/* The members as the leader sees them: who votes, and how far each one is. */
static void print_members(struct cli *cli, const struct tally_status_result *leader)
{
    (void)fprintf(cli->out, "\n%-10s %4s %-10s %-8s %14s %12s\n", "member", "id", "site", "is",
                  "blocks behind", "heard ms ago");
    for (size_t i = 0; i < leader->members_count; i++) {
        const struct tally_member_status *member = &leader->members[i];
        const uint64_t behind =
            leader->blocks_last > member->match ? leader->blocks_last - member->match : 0;

        (void)fprintf(cli->out, "%-10s %4u %-10s %-8s %14llu %12llu\n", member->name,
                      (unsigned)member->id, member->site, member->voter ? "voter" : "learner",
                      (unsigned long long)behind, (unsigned long long)member->heard_ms_ago);
    }
}

/* When everything on the node's disk was last read and found whole. */
static void print_scrubbed(struct cli *cli, const struct tally_status_result *status)
{
    char time[OUT_TIME_SIZE];

    if (status->scrubbed_ms == 0) {
        out_line(cli, NULL, "%-10s its disk was not read as a whole since it started", "");
    } else {
        out_line(cli, NULL, "%-10s %llu records, all that is stored read and whole at %s", "",
                 (unsigned long long)status->scrubbed_records,
                 out_time_ms(status->scrubbed_ms, time));
    }
}

static void print_text(struct cli *cli, const struct node *nodes, size_t count,
                       const struct tally_status_result *any)
{
    const struct tally_status_result *best = newest(nodes, count);

    out_line(cli, "ledger", "%s", any->origin);
    out_line(cli, "leader", "%s",
             best == NULL ? "none known" : member_name(best, best->leader_id));
    (void)fprintf(cli->out, "\n%-10s %-10s %8s %12s %12s %12s  %s\n", "node", "role", "term",
                  "records", "published", "blocks", "url");
    for (size_t i = 0; i < count; i++) {
        const struct tally_status_result *status = nodes[i].status;

        if (status == NULL) {
            out_line(cli, NULL, "%-10s %-10s %47s  %.*s", "?", "no answer", "",
                     (int)nodes[i].url_size, nodes[i].url);
            continue;
        }
        (void)fprintf(
            cli->out, "%-10s %-10s %8llu %12llu %12llu %12llu  %.*s\n", status->node_name,
            status->role, (unsigned long long)status->term, (unsigned long long)status->records,
            (unsigned long long)status->published, (unsigned long long)status->blocks_applied,
            (int)nodes[i].url_size, nodes[i].url);
        if (status->trouble[0] != '\0') out_line(cli, NULL, "%-10s %s", "", status->trouble);
        print_scrubbed(cli, status);
    }
    for (size_t i = 0; i < count && best != NULL; i++) {
        const struct tally_status_result *status = nodes[i].status;

        if (status == NULL || status->node_id != best->leader_id) continue;
        if (strcmp(status->role, "leader") == 0) print_members(cli, status);
    }
}

static enum tally_err run(struct cli *cli)
{
    struct node nodes[URLS_MAX] = {0};
    size_t count = 0;
    const struct tally_status_result *any = NULL;
    enum tally_err err = TALLY_OK;

    for (const char *url = cli_text(cli, "cluster"); count < URLS_MAX;) {
        const size_t size = strcspn(url, ",");

        nodes[count].url = url;
        nodes[count++].url_size = size;
        if (url[size] == '\0') break;
        url += size + 1;
    }
    for (size_t i = 0; i < count; i++) {
        ask(cli, &nodes[i]);
        if (any == NULL) any = nodes[i].status;
    }
    if (any == NULL)
        err = cli_fail(cli, nodes[0].err, &nodes[0].diag);
    else if (cli_flag(cli, "json"))
        err = print_json(cli, nodes, count, any);
    else
        print_text(cli, nodes, count, any);
    for (size_t i = 0; i < count; i++) tally_client_result_free(nodes[i].status);
    return err;
}

static const struct cli_option options[] = {
    CLI_CLUSTER,
    CLI_CA,
    {.name = "timeout",
     .type = CLI_NUMBER,
     .min = 1,
     .max = 3600,
     .argument = "SECONDS",
     .text = "wait so long for each node (default 5)"},
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "a URL"},
    {TALLY_E_TIMEOUT, "no node answered"},
};
const struct cli_command command_cluster_status = {
    .name = "cluster status",
    .arguments = "",
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "ask each node how it is",
    .description =
        "Asks the nodes one after the other; a node that does not answer is listed as "
        "such. The exit status is 0 when any node answered.",
    .examples =
        "tally cluster status --cluster=tls+tcp://10.0.0.1:7500,tls+tcp://10.0.1.1:7500 "
        "--ca=nodes.pem",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
