#include <jansson.h>
#include <string.h>
#include <tally/client.h>
#include <time.h>

#include "base/limits.h"
#include "bench.h"
#include "cluster.h"
#include "commands.h"
#include "crypto/hash.h"
#include "draft.h"
#include "out.h"

enum {
    ARENA_SIZE_MAX = 16 * 1024 * 1024,
    PAD_MAX = 900,      /* of one media type, within LIMIT_TEXT_SIZE */
    ARTIFACTS_MAX = 60, /* so many fill the largest event */
    PROOF_EVERY = 16,
    STATUS_TIMEOUT_MS = 5000,
};

/* ---- the event ----------------------------------------------------------------------- */

/* An annotation with `pad` bytes of media type, in as many artifacts as that takes. */
static json_t *make_draft(const char *subject, uint64_t pad)
{
    struct tally_hash digest;
    json_t *artifacts = json_array();

    hash_sha256("tally bench", 11, &digest);
    for (uint32_t i = 0; pad > 0 && i < ARTIFACTS_MAX; i++) {
        char text[PAD_MAX + 1], role[16];
        const size_t size = pad < PAD_MAX ? (size_t)pad : PAD_MAX;

        memset(text, 'x', size);
        text[size] = '\0';
        pad -= size;
        (void)snprintf(role, sizeof role, "pad-%02u", (unsigned)i);
        (void)json_array_append_new(
            artifacts, json_pack("{s:s, s:o, s:s}", "role", role, "manifest_root",
                                 out_json_hex(digest.bytes, 32), "media_type", text));
    }
    json_t *draft = json_pack("{s:s, s:{s:s, s:o}}", "subject", subject, "annotation_added",
                              "kind", "bench", "digest", out_json_hex(digest.bytes, 32));
    if (draft != NULL && json_array_size(artifacts) > 0)
        (void)json_object_set(draft, "artifacts", artifacts);
    json_decref(artifacts);
    return draft;
}

static enum tally_err encode(const struct draft_fill *fill, const char *subject, uint64_t pad,
                             struct arena *arena, struct bytes *ret_event,
                             struct tally_diag *diag)
{
    json_t *draft = make_draft(subject, pad);

    if (draft == NULL) return TALLY_E_NO_MEMORY;
    const enum tally_err err = draft_encode(draft, fill, arena, ret_event, diag);
    json_decref(draft);
    return err;
}

enum tally_err bench_event(const struct user_key *key, const struct tally_hash *ledger_id,
                           const char *subject, uint64_t size, struct arena *arena,
                           struct bytes *ret_event, size_t *ret_id_offset,
                           struct tally_diag *diag)
{
    struct timespec now = {0};
    struct event event;
    uint64_t pad = 0;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    const struct draft_fill fill = {
        .ledger_id = ledger_id, .key = key, .time_ms = (uint64_t)now.tv_sec * 1000};
    enum tally_err err = encode(&fill, subject, 0, arena, ret_event, diag);
    /* Framing takes part of the padding: approach the size from below. */
    while (err == TALLY_OK && ret_event->size + 64 < size && pad < size) {
        pad += size - ret_event->size - 48;
        err = encode(&fill, subject, pad, arena, ret_event, diag);
    }
    if (err == TALLY_OK) err = event_decode(*ret_event, arena, &event, diag);
    if (err != TALLY_OK) return err;
    const uint8_t *id = memmem(ret_event->data, ret_event->size, event.id, sizeof event.id);
    if (id == NULL) return TALLY_E_INVALID;
    *ret_id_offset = (size_t)(id - ret_event->data);
    return TALLY_OK;
}

/* ---- what the nodes wrote ------------------------------------------------------------ */

/* Bytes that all nodes together have written; 0 when one does not answer. */
static uint64_t disk_written(struct cli *cli)
{
    uint64_t sum = 0;

    for (const char *url = cli_text(cli, "cluster");;) {
        const size_t size = strcspn(url, ",");
        const struct tally_status_result *status = NULL;
        struct tally_client *client = NULL;

        if (cluster_open_one(cli, url, size, STATUS_TIMEOUT_MS, &client, NULL) != TALLY_OK ||
            tally_client_status(client, &status, NULL) != TALLY_OK) {
            tally_client_close(client);
            return 0;
        }
        sum += status->disk_written;
        tally_client_result_free(status);
        tally_client_close(client);
        if (url[size] == '\0') return sum;
        url += size + 1;
    }
}

/* ---- telling ------------------------------------------------------------------------- */

struct report {
    const struct bench_load *load;
    const struct bench_result *result;
    const struct bench_disk *disk; /* NULL: no --disk */
    uint64_t written, nodes;
};

static json_t *json_times(const struct bench_times *times)
{
    return json_pack("{s:o, s:f, s:f, s:f, s:f}", "samples", out_json_number(times->count),
                     "p50_ms", bench_percentile(times, 500) / 1e3, "p90_ms",
                     bench_percentile(times, 900) / 1e3, "p99_ms",
                     bench_percentile(times, 990) / 1e3, "max_ms",
                     bench_percentile(times, 1000) / 1e3);
}

static double per_event_byte(const struct report *report)
{
    const double bytes = (double)report->result->events * (double)report->load->event.size;

    return bytes > 0 && report->nodes > 0
               ? (double)report->written / bytes / (double)report->nodes
               : 0;
}

static enum tally_err print_json(struct cli *cli, const struct report *report)
{
    const struct bench_result *result = report->result;
    json_t *object = json_pack(
        "{s:i, s:i, s:o, s:f, s:o, s:o, s:f, s:o, s:o, s:f}", "clients",
        (int)report->load->clients, "batch", (int)report->load->batch_events, "event_bytes",
        out_json_number(report->load->event.size), "seconds", result->seconds, "events",
        out_json_number(result->events), "requests_failed", out_json_number(result->refused),
        "events_per_second", (double)result->events / result->seconds, "commit",
        json_times(&result->commit), "proof", json_times(&result->proof),
        "node_bytes_written_per_event_byte", per_event_byte(report));

    if (object != NULL && report->disk != NULL)
        (void)json_object_set_new(object, "disk",
                                  json_pack("{s:f, s:o}", "fdatasync_per_second",
                                            report->disk->syncs_per_second, "fdatasync",
                                            json_times(&report->disk->sync)));
    return out_json(cli, object);
}

static void print_times(struct cli *cli, const char *label, const struct bench_times *times)
{
    out_line(cli, label, "p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, max %.2f ms (%zu requests)",
             bench_percentile(times, 500) / 1e3, bench_percentile(times, 900) / 1e3,
             bench_percentile(times, 990) / 1e3, bench_percentile(times, 1000) / 1e3,
             times->count);
}

static void print_text(struct cli *cli, const struct report *report)
{
    const struct bench_result *result = report->result;

    out_line(cli, "load", "%u clients, %u events of %zu bytes a request, %.1f s",
             report->load->clients, report->load->batch_events, report->load->event.size,
             result->seconds);
    out_line(cli, "committed", "%.0f events/s (%llu events, %llu requests failed)",
             (double)result->events / result->seconds, (unsigned long long)result->events,
             (unsigned long long)result->refused);
    print_times(cli, "to commit", &result->commit);
    print_times(cli, "to proof", &result->proof);
    if (report->written > 0)
        out_line(cli, "written", "%.2f bytes per event byte on each of %llu nodes",
                 per_event_byte(report), (unsigned long long)report->nodes);
    if (report->disk == NULL) return;
    out_line(cli, "this disk", "%.0f fdatasync/s of 4 KiB", report->disk->syncs_per_second);
    print_times(cli, "", &report->disk->sync);
}

/* ---- running ------------------------------------------------------------------------- */

static enum tally_err ask_ledger(struct cli *cli, struct tally_hash *ret_ledger_id)
{
    const struct tally_status_result *status = NULL;
    struct tally_client *client = NULL;
    struct tally_diag diag = {""};
    enum tally_err err = cluster_open(cli, &client);

    if (err != TALLY_OK) return err;
    err = tally_client_status(client, &status, &diag);
    tally_client_close(client);
    if (err != TALLY_OK) return cluster_fail(cli, err, &diag);
    memcpy(ret_ledger_id->bytes, status->ledger_id, TALLY_HASH_BYTES);
    tally_client_result_free(status);
    return TALLY_OK;
}

static enum tally_err measure(struct cli *cli, const struct bench_load *load,
                              const struct bench_disk *disk)
{
    struct bench_result result = {0};
    const uint64_t before = disk_written(cli);
    enum tally_err err = bench_run(load, &result);

    if (err != TALLY_OK) return err;
    const uint64_t after = disk_written(cli);
    struct report report = {
        .load = load,
        .result = &result,
        .disk = disk,
        .written = before > 0 && after > before ? after - before : 0,
        .nodes = 1,
    };
    for (const char *c = cli_text(cli, "cluster"); *c != '\0'; c++)
        if (*c == ',') report.nodes++;
    if (cli_flag(cli, "json"))
        err = print_json(cli, &report);
    else
        print_text(cli, &report);
    if (err == TALLY_OK && result.events == 0)
        err = cli_failf(cli, TALLY_E_TIMEOUT, "nothing was committed");
    bench_times_free(&result.commit);
    bench_times_free(&result.proof);
    return err;
}

static enum tally_err bench(struct cli *cli, struct user_key *key, struct arena *arena)
{
    const char *subject = cli_text(cli, "subject");
    const char *directory = cli_text(cli, "disk");
    struct tally_diag diag = {""};
    struct bench_disk disk = {0};
    struct bench_load load = {
        .cli = cli,
        .key = key,
        .clients = (uint32_t)cli_number(cli, "clients", 1),
        .batch_events = (uint32_t)cli_number(cli, "batch", 1),
        .proof_every = PROOF_EVERY,
        .seconds = cli_number(cli, "seconds", 10),
    };

    enum tally_err err = ask_ledger(cli, &load.ledger_id);
    if (err != TALLY_OK) return err;
    err =
        bench_event(key, &load.ledger_id, subject == NULL ? "model/bench" : subject,
                    cli_number(cli, "size", 1024), arena, &load.event, &load.id_offset, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    if ((load.event.size + 16) * load.batch_events > LIMIT_BLOCK_SIZE)
        return cli_failf(cli, TALLY_E_TOO_LARGE,
                         "%u events of %zu bytes are more than a block of %d bytes",
                         load.batch_events, load.event.size, LIMIT_BLOCK_SIZE);
    if (directory != NULL) {
        err = bench_disk(directory, &disk, &diag);
        if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    }
    err = measure(cli, &load, directory == NULL ? NULL : &disk);
    bench_times_free(&disk.sync);
    return err;
}

static enum tally_err run(struct cli *cli)
{
    struct tally_diag diag = {""};
    struct arena *arena = NULL;
    struct user_key key;

    enum tally_err err = arena_open(ARENA_SIZE_MAX, &arena);
    if (err == TALLY_OK) err = sign_init();
    if (err == TALLY_OK) err = keyfile_user_load(cli_text(cli, "key"), &key, &diag);
    if (err != TALLY_OK) {
        (void)cli_fail(cli, err, &diag);
    } else {
        err = bench(cli, &key, arena);
        keyfile_user_wipe(&key);
    }
    arena_close(arena);
    return err;
}

static const struct cli_option options[] = {
    CLI_CLUSTER,
    {.name = "key",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "secret key of a principal that may append annotation.added"},
    {.name = "clients",
     .type = CLI_NUMBER,
     .min = 1,
     .max = 1000,
     .argument = "N",
     .text = "clients at once, each with one request at a time (default 1)"},
    {.name = "size",
     .type = CLI_NUMBER,
     .min = 256,
     .max = LIMIT_EVENT_SIZE - 1024,
     .argument = "BYTES",
     .text = "size of an event (default 1024)"},
    {.name = "batch",
     .type = CLI_NUMBER,
     .min = 1,
     .max = LIMIT_BLOCK_EVENTS,
     .argument = "B",
     .text = "events signed and sent together (default 1)"},
    {.name = "seconds",
     .type = CLI_NUMBER,
     .min = 1,
     .max = 86400,
     .argument = "S",
     .text = "how long (default 10)"},
    {.name = "subject",
     .type = CLI_TEXT,
     .argument = "S",
     .text = "what the events are about (default model/bench)"},
    {.name = "disk",
     .type = CLI_TEXT,
     .argument = "DIR",
     .text = "measure fdatasync in DIR first, to compare with"},
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "options that do not fit together"},
    {TALLY_E_TIMEOUT, "nothing was committed"},
    {TALLY_E_TOO_LARGE, "a batch that is larger than a block"},
};
const struct cli_command command_bench = {
    .name = "bench",
    .arguments = "",
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "measure a cluster: events per second, latencies, bytes written",
    .description =
        "Appends real, signed events for the given time and keeps them: use a cluster that is "
        "made for it. Every 16th request of a client waits for proofs and counts for 'to "
        "proof', the others for 'to commit'. Bytes written are what the nodes say of their own "
        "processes, so all of them must be named in --cluster.",
    .examples = "tally bench --cluster=tcp://127.0.0.1:7500 --key=alice --clients=8 --batch=64 "
                "--seconds=10 --disk=/var/lib/tally",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
