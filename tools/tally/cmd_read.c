/* The commands that read records: get, log, prove. */
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "cluster.h"
#include "commands.h"
#include "disk.h"
#include "event/event_json.h"
#include "event/event_types.h"
#include "event/record.h"
#include "out.h"
#include "submit_receipt.h"

enum {
    ARENA_SIZE_MAX = 32 * 1024 * 1024,
    PAGE = 500, /* records in one answer: their 64 KiB at most each stay below the limit */
    FOLLOW_WAIT_MS = 20 * 1000,
    TEXT_SIZE = 2048,
};

/* ---- printing a record --------------------------------------------------------------- */

static enum tally_err print_json(struct cli *cli, struct bytes record, bool pretty,
                                 struct arena *arena)
{
    struct tally_diag diag = {""};
    struct bytes json = {0};
    const enum tally_err err = record_json_encode(record, pretty, arena, &json, &diag);

    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    (void)fprintf(cli->out, "%.*s\n", (int)json.size, (const char *)json.data);
    return TALLY_OK;
}

/* One line: index, time, what it is. */
static enum tally_err print_line(struct cli *cli, struct bytes bytes, struct arena *arena)
{
    struct record *record = arena_zalloc(arena, 1, sizeof *record);
    struct event *event = arena_zalloc(arena, 1, sizeof *event);
    char time[OUT_TIME_SIZE], decision[TEXT_SIZE];
    struct tally_diag diag = {""};

    if (record == NULL || event == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    enum tally_err err = record_decode(bytes, arena, record, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    (void)fprintf(cli->out, "%-8llu %s ", (unsigned long long)record->index,
                  out_time_ms(record->time_ms, time));
    if (record->kind != RECORD_EVENT) {
        (void)fprintf(cli->out, "%s\n", record_kind_name(record->kind));
        return TALLY_OK;
    }
    err = record_event(record, arena, event, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    const struct event_type_info *info = event_type_info(event->type);
    (void)fprintf(
        cli->out, "%s %s by %s: %s\n", info == NULL ? "(cut)" : info->name, event->subject,
        event->actor[0] == '\0' ? "root keys" : event->actor,
        out_decision(record->event.decision.allowed, record->event.decision.failed_rules,
                     record->event.decision.failed_rules_count, decision, sizeof decision));
    return TALLY_OK;
}

/* ---- get ----------------------------------------------------------------------------- */

static enum tally_err print_subject(struct cli *cli, const char *subject,
                                    const struct tally_subject_result *result)
{
    char hex[OUT_HEX_SIZE];

    if (cli_flag(cli, "json")) {
        json_t *object = json_pack(
            "{s:s, s:o, s:o, s:o, s:o}", "subject", subject, "event_hash",
            out_json_hex(result->registered, 32), "head", out_json_hex(result->head, 32),
            "index", out_json_number(result->index), "events", out_json_number(result->events));

        if (object != NULL && result->has_manifest_root)
            (void)json_object_set_new(object, "manifest_root",
                                      out_json_hex(result->manifest_root, 32));
        return out_json(cli, object);
    }
    out_line(cli, "subject", "%s", subject);
    out_line(cli, "event", "%s registered it", out_hex(result->registered, hex));
    out_line(cli, "head", "%s, record %llu", out_hex(result->head, hex),
             (unsigned long long)result->index);
    out_line(cli, "events", "%llu", (unsigned long long)result->events);
    if (result->has_manifest_root)
        out_line(cli, "root", "%s", out_hex(result->manifest_root, hex));
    return TALLY_OK;
}

static enum tally_err get_subject(struct cli *cli, struct tally_client *client)
{
    const char *subject = cli_text(cli, "subject");
    const struct tally_subject_result *result = NULL;
    struct tally_diag diag = {""};
    enum tally_err err = tally_client_subject(client, subject, &result, &diag);

    if (err != TALLY_OK) return cluster_fail(cli, err, &diag);
    err = print_subject(cli, subject, result);
    tally_client_result_free(result);
    return err;
}

static enum tally_err get_record(struct cli *cli, struct tally_client *client,
                                 struct arena *arena)
{
    const char *event = cli_text(cli, "event");
    const struct tally_get_result *result = NULL;
    struct tally_diag diag = {""};
    uint8_t hash[TALLY_HASH_BYTES];
    enum tally_err err = TALLY_OK;

    if (event != NULL && !bytes_unhex(event, strlen(event), hash, sizeof hash))
        return cli_failf(cli, TALLY_E_INVALID, "--event=%s: 64 lower-case hex digits", event);
    err = event != NULL ? tally_client_get_event(client, hash, &result, &diag)
                        : tally_client_get(client, cli_number(cli, "index", 0), &result, &diag);
    if (err != TALLY_OK) return cluster_fail(cli, err, &diag);
    const struct bytes record = bytes_of(result->record.data, result->record.size);
    err = cli_flag(cli, "json") ? print_json(cli, record, true, arena)
                                : print_line(cli, record, arena);
    tally_client_result_free(result);
    return err;
}

static enum tally_err run_get(struct cli *cli)
{
    const int asked = (cli_text(cli, "index") != NULL) + (cli_text(cli, "event") != NULL) +
                      (cli_text(cli, "subject") != NULL);
    struct tally_client *client = NULL;
    struct arena *arena = NULL;

    if (asked != 1)
        return cli_failf(cli, TALLY_E_INVALID, "give one of --index, --event and --subject");
    enum tally_err err = arena_open(ARENA_SIZE_MAX, &arena);
    if (err != TALLY_OK) return cli_fail(cli, err, NULL);
    err = cluster_open_reader(cli, &client);
    if (err == TALLY_OK)
        err = cli_text(cli, "subject") != NULL ? get_subject(cli, client)
                                               : get_record(cli, client, arena);
    tally_client_close(client);
    arena_close(arena);
    return err;
}

static const struct cli_option get_options[] = {
    CLI_CLUSTER,
    {.name = "index",
     .type = CLI_NUMBER,
     .max = INT64_MAX,
     .argument = "N",
     .text = "the record with this number"},
    {.name = "event",
     .type = CLI_TEXT,
     .argument = "HASH",
     .text = "the record of the event with this hash"},
    {.name = "subject",
     .type = CLI_TEXT,
     .argument = "S",
     .text =
         "what is known of this subject now: the event that registered it, its newest change"},
    CLI_FRESH,
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit read_exits[] = {
    {TALLY_E_INVALID, "options that do not fit together"},
    {TALLY_E_NOT_FOUND, "no such record or subject at the node that answered"},
    {TALLY_E_TIMEOUT, "no node answered in time"},
};
const struct cli_command command_get = {
    .name = "get",
    .arguments = "",
    .options = get_options,
    .options_count = CLI_COUNT(get_options),
    .summary = "read one record, or what is known of a subject",
    .description = "What a node says here is its word; 'tally prove' and 'tally verify' give "
                   "certainty.",
    .examples = "tally get --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem --index=12 --json\n"
                "tally get --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem "
                "--subject=model/credit-scorer/version/7",
    .exits = read_exits,
    .exits_count = CLI_COUNT(read_exits),
    .run = run_get,
};

/* ---- log ----------------------------------------------------------------------------- */

/* Print one page. *left: records that may still be printed. */
static enum tally_err print_page(struct cli *cli, const struct tally_log_result *result,
                                 struct arena *arena, uint64_t *left)
{
    for (size_t i = 0; i<result->records_count && * left> 0; i++, (*left)--) {
        const struct bytes record = bytes_of(result->records[i].data, result->records[i].size);

        arena_reset(arena, ARENA_SIZE_MAX);
        const enum tally_err err = cli_flag(cli, "json") ? print_json(cli, record, false, arena)
                                                         : print_line(cli, record, arena);
        if (err != TALLY_OK) return err;
    }
    return fflush(cli->out) == 0 ? TALLY_OK
                                 : cli_failf(cli, TALLY_E_IO, "cannot write the output");
}

static enum tally_err print_log(struct cli *cli, struct tally_client *client,
                                struct tally_log_query query, struct arena *arena)
{
    const bool follow = cli_flag(cli, "follow");
    uint64_t left = cli_number(cli, "limit", UINT64_MAX);

    while (left > 0 && (query.to == 0 || query.from < query.to)) {
        const struct tally_log_result *result = NULL;
        struct tally_diag diag = {""};

        query.limit = left < PAGE ? (uint32_t)left : PAGE;
        enum tally_err err = tally_client_log(client, &query, &result, &diag);
        if (err == TALLY_E_TIMEOUT && follow) continue; /* an election; nothing is lost */
        if (err != TALLY_OK) return cluster_fail(cli, err, &diag);
        const bool end = result->next >= result->size || result->next <= query.from;
        err = print_page(cli, result, arena, &left);
        query.from = result->next;
        tally_client_result_free(result);
        if (err != TALLY_OK) return err;
        if (end && !follow) break;
    }
    return TALLY_OK;
}

static enum tally_err run_log(struct cli *cli)
{
    const char *type = cli_text(cli, "type");
    const struct event_type_info *info = type == NULL ? NULL : event_type_named(type);
    struct tally_client *client = NULL;
    struct arena *arena = NULL;
    const struct tally_log_query query = {
        .from = cli_number(cli, "from", 0),
        .to = cli_number(cli, "to", 0),
        .subject = cli_text(cli, "subject"),
        .type = info == NULL ? 0 : (uint32_t)info->type,
        .wait_ms = cli_flag(cli, "follow") ? FOLLOW_WAIT_MS : 0,
    };

    if (type != NULL && info == NULL)
        return cli_failf(cli, TALLY_E_INVALID,
                         "--type=%s: not a type such as version.registered", type);
    enum tally_err err = arena_open(ARENA_SIZE_MAX, &arena);
    if (err != TALLY_OK) return cli_fail(cli, err, NULL);
    err = cluster_open_reader(cli, &client);
    if (err == TALLY_OK) err = print_log(cli, client, query, arena);
    tally_client_close(client);
    arena_close(arena);
    return err;
}

static const struct cli_option log_options[] = {
    CLI_CLUSTER,
    {.name = "from",
     .type = CLI_NUMBER,
     .max = INT64_MAX,
     .argument = "N",
     .text = "first record (default 0)"},
    {.name = "to",
     .type = CLI_NUMBER,
     .min = 1,
     .max = INT64_MAX,
     .argument = "N",
     .text = "one past the last record"},
    {.name = "subject",
     .type = CLI_TEXT,
     .argument = "S",
     .text = "only events of this subject and everything below it"},
    {.name = "type",
     .type = CLI_TEXT,
     .argument = "TYPE",
     .text = "only events of this type, such as version.registered"},
    {.name = "limit",
     .type = CLI_NUMBER,
     .min = 1,
     .max = INT64_MAX,
     .argument = "N",
     .text = "print so many at most"},
    {.name = "follow", .type = CLI_FLAG, .text = "go on with new records until interrupted"},
    CLI_FRESH,
    CLI_CA,
    CLI_TIMEOUT,
    {.name = "json", .type = CLI_FLAG, .text = "print JSON, one record a line"},
};
const struct cli_command command_log = {
    .name = "log",
    .arguments = "",
    .options = log_options,
    .options_count = CLI_COUNT(log_options),
    .summary = "list records in order",
    .description = "Denied attempts are listed too. What a node says here is its word; 'tally "
                   "prove' and 'tally verify' give certainty.",
    .examples = "tally log --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem "
                "--subject=model/credit-scorer --follow",
    .exits = read_exits,
    .exits_count = CLI_COUNT(read_exits),
    .run = run_log,
};

/* ---- prove --------------------------------------------------------------------------- */

static enum tally_err check_proof(struct cli *cli, struct tally_client *client,
                                  struct arena *arena, uint64_t deadline_ms,
                                  struct bytes *proof)
{
    struct tally_diag diag = {""};
    struct bytes trust = {0};

    if (cli_text(cli, "trust") == NULL) return TALLY_OK;
    const enum tally_err err =
        disk_read(cli_text(cli, "trust"), LIMIT_TRUST_FILE_SIZE, arena, &trust, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    return submit_check(cli, client, trust, cli_number(cli, "index", 0), NULL, deadline_ms,
                        arena, proof);
}

static enum tally_err prove(struct cli *cli, struct tally_client *client, struct arena *arena)
{
    const uint64_t timeout_ms = cli_number(cli, "timeout", CLUSTER_TIMEOUT_S) * 1000;
    const uint64_t deadline_ms = cluster_now_ms() + timeout_ms;
    const uint64_t index = cli_number(cli, "index", 0);
    const char *out = cli_text(cli, "out");
    const struct tally_prove_result *result = NULL;
    struct tally_diag diag = {""};

    const uint32_t wait_ms = timeout_ms < 10000 ? (uint32_t)timeout_ms / 2 : 5000;
    enum tally_err err = cluster_calls->prove(client, index, 0, wait_ms, &result, &diag);
    if (err != TALLY_OK) return cluster_fail(cli, err, &diag);
    struct bytes proof = arena_copy(arena, bytes_of(result->proof.data, result->proof.size));
    cluster_calls->free_result(result);
    if (proof.data == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    err = check_proof(cli, client, arena, deadline_ms, &proof);
    if (err != TALLY_OK) return err;
    err = file_write(out, proof, 0644, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    const bool checked = cli_text(cli, "trust") != NULL;
    if (cli_flag(cli, "json"))
        return out_json(cli, json_pack("{s:o, s:s, s:b}", "index", out_json_number(index),
                                       "proof", out, "checked", checked));
    (void)fprintf(cli->out, "proof of record %llu in %s%s\n", (unsigned long long)index, out,
                  checked ? ", checked" : ", not checked: there was no --trust");
    return TALLY_OK;
}

static enum tally_err run_prove(struct cli *cli)
{
    struct tally_client *client = NULL;
    struct arena *arena = NULL;

    enum tally_err err = arena_open(ARENA_SIZE_MAX, &arena);
    if (err != TALLY_OK) return cli_fail(cli, err, NULL);
    err = cluster_calls->open(cli, &client);
    if (err == TALLY_OK) {
        err = prove(cli, client, arena);
        cluster_calls->close(client);
    }
    arena_close(arena);
    return err;
}

static const struct cli_option prove_options[] = {
    CLI_CLUSTER,
    {.name = "index",
     .type = CLI_NUMBER,
     .required = true,
     .max = INT64_MAX,
     .argument = "N",
     .text = "number of the record"},
    {.name = "out",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "the proof (.tlog-proof); an older one is replaced"},
    {.name = "trust",
     .type = CLI_TEXT,
     .argument = "FILE",
     .text = "trust file; the proof is checked against it before it is written"},
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit prove_exits[] = {
    {TALLY_E_PROOF, "with --trust: the node sent a wrong proof"},
    {TALLY_E_SIGNATURE, "with --trust: a signature does not verify"},
    {TALLY_E_NOT_FOUND, "no such record"},
    {TALLY_E_TIMEOUT, "no node answered in time"},
    {TALLY_E_QUORUM, "too few cosignatures came in time"},
};
const struct cli_command command_prove = {
    .name = "prove",
    .arguments = "",
    .options = prove_options,
    .options_count = CLI_COUNT(prove_options),
    .summary = "fetch the proof of a record under the newest checkpoint",
    .description =
        "The same kind of file as the receipt of 'tally append'. Verify it with 'tally "
        "verify'; with --trust that is done before it is written, and more "
        "cosignatures are waited for when the trust file asks for them.",
    .examples = "tally prove --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem --index=12 "
                "--trust=acme.trust --out=12.tlog-proof",
    .exits = prove_exits,
    .exits_count = CLI_COUNT(prove_exits),
    .run = run_prove,
};
