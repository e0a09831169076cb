/* report KIND: an auditor's questions, each answered by a replay of the whole log. */
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "commands.h"
#include "event/event_types.h"
#include "out.h"
#include "report.h"

enum { THRESHOLD_S = 300 };

/* ---- times ---- */

/* `count` digits at *at, which moves behind them. */
static bool digits(const char **at, uint32_t count, int *ret_value)
{
    *ret_value = 0;
    for (uint32_t i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') return false;
        *ret_value = *ret_value * 10 + (**at - '0');
    }
    return true;
}

static bool next(const char **at, char c)
{
    if (**at != c) return false;
    (*at)++;
    return true;
}

bool report_time_parse(const char *text, uint64_t *ret_time_ms)
{
    const char *at = text;
    struct tm tm = {0}, back;
    int milliseconds = 0;
    time_t time;

    if (!digits(&at, 4, &tm.tm_year) || !next(&at, '-') || !digits(&at, 2, &tm.tm_mon) ||
        !next(&at, '-') || !digits(&at, 2, &tm.tm_mday))
        return false;
    if (*at != '\0') {
        if (!next(&at, 'T') || !digits(&at, 2, &tm.tm_hour) || !next(&at, ':') ||
            !digits(&at, 2, &tm.tm_min))
            return false;
        if (next(&at, ':')) {
            if (!digits(&at, 2, &tm.tm_sec)) return false;
            if (next(&at, '.') && !digits(&at, 3, &milliseconds)) return false;
        }
        (void)next(&at, 'Z');
        if (*at != '\0') return false;
    }
    if (tm.tm_year < 1970) return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    const struct tm said = tm;
    time = timegm(&tm);
    /* No 30th of February and no 61st minute: what was said comes back. */
    if (time < 0 || gmtime_r(&time, &back) == NULL || back.tm_mon != said.tm_mon ||
        back.tm_mday != said.tm_mday || back.tm_hour != said.tm_hour ||
        back.tm_min != said.tm_min || back.tm_sec != said.tm_sec)
        return false;
    *ret_time_ms = (uint64_t)time * 1000 + (uint64_t)milliseconds;
    return true;
}

/* ---- options ---- */

static bool has_option(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->command->options_count; i++) {
        if (strcmp(cli->command->options[i].name, name) == 0) return true;
    }
    return false;
}

static enum tally_err take_time(struct cli *cli, const char *name, bool *ret_has,
                                uint64_t *ret_time_ms)
{
    const char *text = cli_text(cli, name);

    *ret_has = text != NULL;
    if (text == NULL || report_time_parse(text, ret_time_ms)) return TALLY_OK;
    return cli_failf(cli, TALLY_E_INVALID,
                     "--%s=%s: write a date or a time in UTC: 2026-03-01 or "
                     "2026-03-01T12:00:00Z",
                     name, text);
}

static enum tally_err take_interval(struct cli *cli, struct report *report)
{
    enum tally_err err;

    if (!has_option(cli, "from")) return TALLY_OK;
    err = take_time(cli, "from", &report->has_from, &report->from_ms);
    if (err == TALLY_OK) err = take_time(cli, "to", &report->has_to, &report->to_ms);
    if (err != TALLY_OK) return err;
    if (report->has_from && report->has_to && report->from_ms >= report->to_ms)
        return cli_failf(cli, TALLY_E_INVALID,
                         "--to must be after --from: records at --from belong to the interval, "
                         "records at --to do not");
    return TALLY_OK;
}

static enum tally_err take_subject(struct cli *cli, struct report *report)
{
    enum event_subject_kind asked = SUBJECT_VERSION;

    if (has_option(cli, "subject")) {
        report->subject = cli_text(cli, "subject");
    } else if (has_option(cli, "base")) {
        const char *base = cli_text(cli, "base"), *dataset = cli_text(cli, "dataset");

        if ((base == NULL) == (dataset == NULL))
            return cli_failf(cli, TALLY_E_INVALID, "give either --base or --dataset");
        asked = base != NULL ? SUBJECT_BASE : SUBJECT_DATASET;
        report->subject = base != NULL ? base : dataset;
    }
    if (report->subject == NULL || event_subject_kind(report->subject, NULL) == asked)
        return TALLY_OK;
    return cli_failf(cli, TALLY_E_INVALID, "'%s' is not %s", report->subject,
                     event_subject_form(asked));
}

static enum tally_err take_options(struct cli *cli, struct report *report)
{
    enum tally_err err = take_interval(cli, report);

    if (err == TALLY_OK) err = take_subject(cli, report);
    if (err != TALLY_OK) return err;
    if (has_option(cli, "threshold"))
        report->threshold_ms = 1000 * cli_number(cli, "threshold", THRESHOLD_S);
    if (cli_flag(cli, "json") && cli_flag(cli, "csv"))
        return cli_failf(cli, TALLY_E_INVALID, "give either --json or --csv");
    return TALLY_OK;
}

/* ---- the pass ---- */

static enum tally_err take_record(void *context, const struct replay_item *item)
{
    struct report *report = context;

    report->last_ms = item->record.time_ms;
    if (report_inside(report, item->record.time_ms)) report->inside++;
    return report->kind->record(report, item);
}

/* A log with a fault has no report: what comes before the fault may be false, too. */
static enum tally_err refuse(struct cli *cli, const struct report *report,
                             const struct audit_result *result)
{
    if (cli_flag(cli, "json")) {
        json_t *object = json_pack(
            "{s:s, s:b, s:s, s:s, s:{s:b, s:s}}", "report", report->kind->command, "ok", false,
            "error", tally_err_name(result->err), "message", result->diag.text, "covers",
            "complete", false, "reason", "the log has a fault: there is no report of it");

        if (object != NULL && result->has_index)
            (void)json_object_set_new(object, "index", out_json_number(result->index));
        const enum tally_err err = out_json(cli, object);
        if (err != TALLY_OK) return err;
    }
    if (result->has_index)
        cli_note(cli, "not proven complete: no report of a log with a fault: record %llu: %s",
                 (unsigned long long)result->index, result->diag.text);
    else
        cli_note(cli, "not proven complete: no report of a log with a fault: %s",
                 result->diag.text);
    return result->err;
}

static enum tally_err ask(struct cli *cli, struct report *report, struct source *source)
{
    const struct audit_sink sink = {.context = report, .record = take_record};
    const struct audit_options options = {
        .cli = cli, .source = source, .threads = audit_threads(cli), .sink = &sink};
    struct audit_result result;
    enum tally_err err = audit_run(&options, &result);

    if (err != TALLY_OK && result.err == TALLY_OK) return cli_fail(cli, err, NULL);
    if (err != TALLY_OK) return refuse(cli, report, &result);
    if (report->subject != NULL && !report->found)
        return cli_failf(cli, TALLY_E_NOT_FOUND, "the log has no event about %s",
                         report->subject);
    if (report->kind->end != NULL) err = report->kind->end(report);
    if (err != TALLY_OK) return cli_fail(cli, err, NULL);
    return report_print(report, source, &result);
}

static enum tally_err report_open(struct cli *cli, struct report *report)
{
    static const struct report_kind *const kinds[] = {
        &report_changes, &report_denied, &report_exports,     &report_times,  &report_bundle,
        &report_derived, &report_access, &report_compromised, &report_compute};

    *report = (struct report){.cli = cli, .rows = json_array()};
    report->kept_end = &report->kept;
    for (size_t i = 0; i < CLI_COUNT(kinds); i++) {
        if (strcmp(kinds[i]->command, cli->command->name) == 0) report->kind = kinds[i];
    }
    for (size_t i = 0; i < CLI_COUNT(report->maps); i++) {
        report->maps[i] = json_object();
        if (report->maps[i] == NULL) return TALLY_E_NO_MEMORY;
    }
    return report->rows == NULL ? TALLY_E_NO_MEMORY : arena_open(0, &report->arena);
}

static void report_close(struct report *report)
{
    for (size_t i = 0; i < CLI_COUNT(report->maps); i++) json_decref(report->maps[i]);
    json_decref(report->rows);
    arena_close(report->arena);
}

static enum tally_err run(struct cli *cli)
{
    struct source source = {0};
    struct report report;
    enum tally_err err = report_open(cli, &report);

    if (err != TALLY_OK) {
        report_close(&report);
        return cli_fail(cli, err, NULL);
    }
    err = take_options(cli, &report);
    if (err == TALLY_OK) err = source_open(cli, cli_text(cli, "from-log"), &source);
    if (err == TALLY_OK) err = ask(cli, &report, &source);
    source_close(&source);
    report_close(&report);
    return err;
}

/* ---- the commands ---- */

#define COMMON_OPTIONS                                                                         \
    {.name = "from-log",                                                                       \
     .type = CLI_TEXT,                                                                         \
     .required = true,                                                                         \
     .argument = "DIR|URL",                                                                    \
     .text = "directory of 'tally export', or where nodes answer clients"},                    \
        SOURCE_TRUST,                                                                          \
        {.name = "jobs",                                                                       \
         .type = CLI_NUMBER,                                                                   \
         .min = 1,                                                                             \
         .max = POOL_THREADS_MAX,                                                              \
         .argument = "N",                                                                      \
         .text = "threads (default: one for each core)"},                                      \
        CLI_CA, CLI_TIMEOUT, CLI_JSON,                                                         \
    {                                                                                          \
        .name = "csv", .type = CLI_FLAG,                                                       \
        .text = "print CSV (RFC 4180); what it covers goes to standard error"                  \
    }
#define INTERVAL_OPTIONS                                                                       \
    {.name = "from",                                                                           \
     .type = CLI_TEXT,                                                                         \
     .argument = "TIME",                                                                       \
     .text = "date or time in UTC; records of that moment are in (default: genesis)"},         \
    {                                                                                          \
        .name = "to", .type = CLI_TEXT, .argument = "TIME",                                    \
        .text = "date or time in UTC; records of that moment are not in (default: the end)"    \
    }

static const struct cli_option plain_options[] = {COMMON_OPTIONS};
static const struct cli_option interval_options[] = {INTERVAL_OPTIONS, COMMON_OPTIONS};
static const struct cli_option times_options[] = {
    INTERVAL_OPTIONS,
    {.name = "threshold",
     .type = CLI_NUMBER,
     .min = 0,
     .max = 1000000000,
     .argument = "SECONDS",
     .text = "leave out differences up to so long (default 300)"},
    COMMON_OPTIONS};
static const struct cli_option bundle_options[] = {{.name = "subject",
                                                    .type = CLI_TEXT,
                                                    .required = true,
                                                    .argument = "VERSION",
                                                    .text = "model/<name>/version/<version>"},
                                                   COMMON_OPTIONS};
static const struct cli_option derived_options[] = {
    {.name = "base",
     .type = CLI_TEXT,
     .argument = "BASE",
     .text = "base/<name>: what was made from it"},
    {.name = "dataset",
     .type = CLI_TEXT,
     .argument = "DATASET",
     .text = "dataset/<name>: what was trained on it"},
    COMMON_OPTIONS};

static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "a time, an interval or a subject that cannot be"},
    {TALLY_E_MALFORMED, "a record is not canonical; a file is not whole"},
    {TALLY_E_PROOF, "records, tiles and checkpoint do not fit together"},
    {TALLY_E_SIGNATURE, "a signature of an event, of genesis or of the checkpoint is wrong"},
    {TALLY_E_SPLIT_VIEW, "another tree than the one that the trust file remembers"},
    {TALLY_E_NOT_FOUND, "a file is missing; nothing is published; no event is about it"},
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

#define PASS                                                                                   \
    "\n\nThe whole log is audited in the same pass (see 'tally help audit'), and a log with "  \
    "a "                                                                                       \
    "fault has no report. The last lines say what the report covers, the root over every "     \
    "record, and whether that proves it complete; without --trust it does not."
#define INTERVAL                                                                               \
    "\n\nThe interval is half open: records with --from <= time < --to, by the ledger's own "  \
    "time. A date alone is its first moment, so --to=2026-04-01 is all of March. An interval " \
    "that ends after the newest record is not proven complete."

#define REPORT(variable, word, table, line, text, example)                                     \
    const struct cli_command variable = {                                                      \
        .name = "report " word,                                                                \
        .arguments = "",                                                                       \
        .options = (table),                                                                    \
        .options_count = CLI_COUNT(table),                                                     \
        .summary = (line),                                                                     \
        .description = text PASS,                                                              \
        .examples = "tally report " word " --from-log=acme-log --trust=acme.trust" example,    \
        .exits = exits,                                                                        \
        .exits_count = CLI_COUNT(exits),                                                       \
        .run = run,                                                                            \
    }

REPORT(command_report_changes, "changes", interval_options,
       "every event that was allowed in a period",
       "All of them, in the ledger's order, with who signed, by which key and in which sense. "
       "What was denied: 'tally report denied'." INTERVAL,
       " --from=2026-03-01 --to=2026-04-01");
REPORT(command_report_denied, "denied", interval_options,
       "every attempt that was denied, and by which rules",
       "Events that authenticated principals sent and that the rules denied. Of one that was "
       "cut the payload and the type are not in the log." INTERVAL,
       " --csv");
REPORT(command_report_exports, "exports", interval_options,
       "who took which part of the log out",
       "The audit.exported events. Whoever reads a node or a copy without saying so leaves no "
       "event." INTERVAL,
       "");
REPORT(command_report_times, "times", times_options,
       "events whose claimed time is far from the ledger's",
       "Compares what the client's clock claimed with the time of the record, allowed or "
       "denied. The claim decides nothing; a large difference is a wrong clock, or an event "
       "that was kept back." INTERVAL,
       " --threshold=3600");
REPORT(command_report_bundle, "bundle", bundle_options,
       "everything about a version: what it is made of, judged by and approved with",
       "In the ledger's order: the model, the version's own events (registration, "
       "evaluations, approvals, attestations, corrections; denied ones, too), what it is made "
       "of (base, data sets, code, run, merged versions, and what these are made of), data it "
       "was tested on, incidents about it, and what else refers to it. Of merged versions the "
       "registrations alone.",
       " --subject=model/credit-scorer/version/7");
REPORT(command_report_derived, "derived", derived_options,
       "every version derived from a base or a data set",
       "A version is derived when it names the base, the run, the data set or a merged version "
       "that is, or leads to, what was asked for; over any number of steps. Each row names the "
       "steps before it.",
       " --base=base/llama-3");
REPORT(
    command_report_access, "access", interval_options,
    "who could do what when: principals, keys, roles",
    "Each key and role with its beginning, its end and who caused them. With --from or --to: "
    "those that held at some moment of it." INTERVAL,
    "");
REPORT(command_report_compromised, "compromised", plain_options, "what stolen keys signed",
       "For each key that was revoked as compromised since some record: the events that it "
       "signed from that record on, and the revocation.",
       "");
REPORT(
    command_report_compute, "compute", plain_options,
    "what fine-tuning took, for each model and base",
    "The sum over run.completed and run.failed of a model's own runs, for each base that "
    "they start from, directly or from a version of it (to six digits); and the cumulative "
    "ratio to the base's training that the newest risk assessment states: the ledger does "
    "not hold what the base's own training took. A run that starts from several bases counts "
    "for each.",
    " --json");
