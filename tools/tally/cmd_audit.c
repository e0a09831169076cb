/* audit: check a log from genesis, without believing any node. */
#include <jansson.h>

#include "audit.h"
#include "commands.h"
#include "out.h"

static double rate_of(const struct audit_result *result)
{
    return result->seconds > 0 ? (double)result->events / result->seconds : 0;
}

/* ---- JSON ---------------------------------------------------------------------------- */

static json_t *json_cosigners(const struct source *source)
{
    json_t *list = json_array();

    for (uint32_t i = 0; source->trust != NULL && i < source->trust->witnesses_count; i++) {
        if ((source->found.witnesses >> i & 1) == 0) continue;
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "name",
                                                    source->trust->witnesses[i].name, "time_s",
                                                    out_json_number(source->found.times_s[i])));
    }
    return list;
}

static enum tally_err print_json(struct cli *cli, const struct source *source,
                                 const struct audit_options *options,
                                 const struct audit_result *result)
{
    const struct checkpoint *checkpoint = &source->checkpoint.checkpoint;
    json_t *object = json_pack(
        "{s:b, s:s%, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:i, s:b, "
        "s:o}",
        "ok", result->err == TALLY_OK, "origin", (const char *)checkpoint->origin.data,
        checkpoint->origin.size, "ledger_id", out_json_hex(result->ledger_id.bytes, 32), "size",
        out_json_number(checkpoint->size), "root", out_json_hex(checkpoint->root.bytes, 32),
        "replayed", out_json_number(result->size), "events", out_json_number(result->events),
        "allowed", out_json_number(result->allowed), "denied", out_json_number(result->denied),
        "cut", out_json_number(result->cut), "voids", out_json_number(result->voids),
        "signatures", out_json_number(result->signatures), "seconds", result->seconds,
        "events_per_second", rate_of(result), "threads", (int)options->threads,
        "checkpoint_checked", source->trust != NULL, "cosigners", json_cosigners(source));

    if (object != NULL && result->err != TALLY_OK) {
        (void)json_object_set_new(object, "error", json_string(tally_err_name(result->err)));
        (void)json_object_set_new(object, "message", json_string(result->diag.text));
        if (result->has_index)
            (void)json_object_set_new(object, "index", out_json_number(result->index));
    }
    return out_json(cli, object);
}

/* ---- text ---------------------------------------------------------------------------- */

static void print_signatures(struct cli *cli, const struct source *source)
{
    char time[OUT_TIME_SIZE];

    if (source->trust == NULL) {
        out_line(cli, "checkpoint",
                 "nobody's signatures were asked for (no --trust): the log agrees with itself");
        return;
    }
    for (uint32_t i = 0; i < source->trust->witnesses_count; i++) {
        if ((source->found.witnesses >> i & 1) != 0)
            out_line(cli, "cosigned", "by %s at %s", source->trust->witnesses[i].name,
                     out_time_s(source->found.times_s[i], time));
    }
    out_line(cli, "checkpoint", "signed as the trust file asks for");
}

static void print_text(struct cli *cli, const struct source *source,
                       const struct audit_options *options, const struct audit_result *result)
{
    const struct checkpoint *checkpoint = &source->checkpoint.checkpoint;
    char hex[OUT_HEX_SIZE];

    out_line(cli, "ledger", "%.*s", (int)checkpoint->origin.size,
             (const char *)checkpoint->origin.data);
    out_line(cli, "records", "%llu: %llu events (%llu allowed, %llu denied), %llu void",
             (unsigned long long)result->size, (unsigned long long)result->events,
             (unsigned long long)result->allowed, (unsigned long long)result->denied,
             (unsigned long long)result->voids);
    out_line(cli, "root", "%s", out_hex(result->root.bytes, hex));
    out_line(cli, "verified", "%llu signatures, every decision replayed from genesis",
             (unsigned long long)result->signatures);
    if (result->cut > 0)
        out_line(cli, "", "%llu denied events are cut: only part of their decision can be",
                 (unsigned long long)result->cut);
    out_line(cli, "speed", "%.0f events/s with %u threads, %.1f s", rate_of(result),
             (unsigned)options->threads, result->seconds);
    print_signatures(cli, source);
    (void)fprintf(cli->out, "every record is the one that its history makes\n");
}

/* ---- the command --------------------------------------------------------------------- */

static enum tally_err audit(struct cli *cli, struct source *source)
{
    const struct audit_options options = {
        .cli = cli, .source = source, .threads = audit_threads(cli)};
    struct audit_result result;
    enum tally_err err = audit_run(&options, &result);

    if (err != TALLY_OK && result.err == TALLY_OK) return cli_fail(cli, err, NULL);
    if (cli_flag(cli, "json")) {
        const enum tally_err printed = print_json(cli, source, &options, &result);

        if (printed != TALLY_OK) return printed;
    } else if (err == TALLY_OK) {
        print_text(cli, source, &options, &result);
    }
    if (err == TALLY_OK) return TALLY_OK;
    if (result.has_index)
        cli_note(cli, "record %llu: %s", (unsigned long long)result.index, result.diag.text);
    else
        cli_note(cli, "%s", result.diag.text);
    return err;
}

static enum tally_err run(struct cli *cli)
{
    struct source source = {0};
    enum tally_err err = source_open(cli, cli_text(cli, "from-log"), &source);

    if (err == TALLY_OK) err = audit(cli, &source);
    source_close(&source);
    return err;
}

static const struct cli_option options_table[] = {
    {.name = "from-log",
     .type = CLI_TEXT,
     .required = true,
     .argument = "DIR|URL",
     .text = "directory of 'tally export', or where nodes answer clients"},
    SOURCE_TRUST,
    {.name = "jobs",
     .type = CLI_NUMBER,
     .min = 1,
     .max = POOL_THREADS_MAX,
     .argument = "N",
     .text = "threads (default: one for each core)"},
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_MALFORMED, "a record is not canonical; a file is not whole"},
    {TALLY_E_PROOF, "records, tiles and checkpoint do not fit together"},
    {TALLY_E_SIGNATURE, "a signature of an event, of genesis or of the checkpoint is wrong"},
    {TALLY_E_SPLIT_VIEW, "another tree than the one that the trust file remembers"},
    {TALLY_E_NOT_FOUND, "a file is missing; or nothing is published yet"},
    {TALLY_E_TIMEOUT, "no node answered in time"},
    {TALLY_E_IO, "a file cannot be read"},
    {TALLY_E_CONFLICT, "an event id has two records"},
    {TALLY_E_QUORUM, "too few cosignatures for the trust file"},
    {TALLY_E_MISMATCH, "a record is not the one that its history makes"},
    {TALLY_E_STALE, "the trust file has expired, or has seen a longer log"},
    {TALLY_E_UNKNOWN_KEY, "an event by a key that was not enrolled is not void"},
    {TALLY_E_WRONG_LEDGER, "of another ledger than the checkpoint or the trust file"},
    {TALLY_E_TOO_LARGE, "a record is over a limit"},
    {TALLY_E_SIGNERS, "an event without the signers that it requires is not void"},
};
const struct cli_command command_audit = {
    .name = "audit",
    .arguments = "",
    .options = options_table,
    .options_count = CLI_COUNT(options_table),
    .summary = "check a whole log: bytes, tree, signatures, and every decision",
    .description =
        "Reads the log from its first record on and shares no state with a node. Every record "
        "must be canonical and in its place; leaf hashes lead to the tiles and to the root of "
        "the checkpoint; every signature is verified with the key that was enrolled then; "
        "every "
        "decision is made again by the rules and must be the recorded one, and so must "
        "StateRoot and Config records. The first record that differs is named, with what it "
        "should be.\n\n"
        "With --trust the checkpoint must carry the signatures that the trust file asks for. "
        "Without it the log is only shown to agree with itself.\n\n"
        "A leaf does not hold everything: of an event that became void its first 64 bytes, of "
        "a "
        "denied one that was cut no payload. What of these can be checked is.",
    .examples = "tally audit --from-log=acme-log --trust=acme.trust\n"
                "tally audit --from-log=tls+tcp://10.0.0.1:7500 --ca=nodes.pem "
                "--trust=acme.trust --json",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
