/* Rows as text, JSON and CSV, and what they cover. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "out.h"
#include "report.h"

enum { NUMBER_SIZE = 32, REASON_SIZE = 160 };

/* ---- values as text ---- */

/* "a=1 b.c=2": the leaves of a value, each with its path. */
static void put_flat(FILE *to, const char *path, const json_t *value, bool *first)
{
    char longer[256];
    const char *key;
    json_t *member;
    size_t i;

    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, member)
        {
            (void)snprintf(longer, sizeof longer, "%s%s%s", path, path[0] == '\0' ? "" : ".",
                           key);
            put_flat(to, longer, member, first);
        }
        return;
    }
    if (json_is_array(value)) {
        json_array_foreach((json_t *)value, i, member)
        {
            (void)snprintf(longer, sizeof longer, "%s.%zu", path, i);
            put_flat(to, longer, member, first);
        }
        return;
    }
    (void)fprintf(to, "%s%s=", *first ? "" : " ", path);
    *first = false;
    if (json_is_string(value)) (void)fputs(json_string_value(value), to);
    if (json_is_integer(value)) (void)fprintf(to, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value)) (void)fputs(json_is_true(value) ? "true" : "false", to);
}

/* A value of a row as one text; free() it. NULL without memory. */
static char *cell_text(const json_t *value)
{
    char *text = NULL;
    bool first = true;
    size_t size, i;
    json_t *member;
    FILE *to = open_memstream(&text, &size);

    if (to == NULL) return NULL;
    if (json_is_string(value)) {
        (void)fputs(json_string_value(value), to);
    } else if (json_is_integer(value)) {
        (void)fprintf(to, "%lld", (long long)json_integer_value(value));
    } else if (json_is_object(value)) {
        put_flat(to, "", value, &first);
    } else {
        json_array_foreach((json_t *)value, i, member) /* of names */
            (void) fprintf(to, "%s%s", i == 0 ? "" : " ", json_string_value(member));
    }
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Does a control character begin here? U+0080 to U+009F are two bytes in UTF-8. */
static bool is_control(const char *text)
{
    const unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];

    return first < 0x20 || first == 0x7f || (first == 0xc2 && second >= 0x80 && second < 0xa0);
}

/* ---- CSV: RFC 4180 ---- */

/* Spreadsheets take a field for a formula that begins so, also behind spaces. */
static bool is_formula(const char *text)
{
    const char *first = text + strspn(text, " ");

    return *first != '\0' && (is_control(first) || strchr("=+-@", *first) != NULL);
}

void report_csv_field(FILE *out, const char *text)
{
    (void)fputc('"', out);
    if (is_formula(text)) (void)fputc('\'', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') (void)fputc('"', out);
        (void)fputc(*c, out);
    }
    (void)fputc('"', out);
}

static enum tally_err print_csv(struct report *report)
{
    FILE *out = report->cli->out;
    json_t *row;
    size_t i;

    for (size_t c = 0; report->kind->columns[c] != NULL; c++)
        (void)fprintf(out, "%s%s", c == 0 ? "" : ",", report->kind->columns[c]);
    (void)fputs("\r\n", out);
    json_array_foreach(report->rows, i, row)
    {
        for (size_t c = 0; report->kind->columns[c] != NULL; c++) {
            char *text = cell_text(json_object_get(row, report->kind->columns[c]));

            if (text == NULL) return cli_fail(report->cli, TALLY_E_NO_MEMORY, NULL);
            if (c > 0) (void)fputc(',', out);
            report_csv_field(out, text);
            free(text);
        }
        (void)fputs("\r\n", out);
    }
    return TALLY_OK;
}

/* ---- text ---- */

/* Nothing of a log steers a terminal. */
static void put_clean(FILE *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        const bool control = is_control(c);

        (void)fputc(control ? '?' : *c, out);
        if (control && (unsigned char)*c == 0xc2) c++;
    }
}

static enum tally_err print_row(const struct report *report, const json_t *row)
{
    FILE *out = report->cli->out;

    for (uint32_t c = 0; report->kind->columns[c] != NULL; c++) {
        const char *name = report->kind->columns[c];
        char *text = cell_text(json_object_get(row, name));

        if (text == NULL) return cli_fail(report->cli, TALLY_E_NO_MEMORY, NULL);
        if (text[0] != '\0' && c < report->kind->head) {
            (void)fprintf(out, "%s", c == 0 ? "" : "  ");
            put_clean(out, text);
        } else if (text[0] != '\0') {
            (void)fprintf(out, "    %-13s ", name);
            put_clean(out, text);
            (void)fputc('\n', out);
        }
        free(text);
        if (c + 1 == report->kind->head) (void)fputc('\n', out);
    }
    return TALLY_OK;
}

/* ---- what it covers ---- */

/* Why more may belong to the report than it says; NULL when nothing can. Records never go back
 * in time: once one is at or behind the end of the interval, no later one lies in it. */
static const char *incomplete(const struct report *report, const struct source *source,
                              char to[REASON_SIZE])
{
    char last[OUT_TIME_SIZE];

    if (source->trust == NULL)
        return "no trust file (--trust) was given: nobody's signatures on the checkpoint were "
               "asked for";
    if (!report->has_to || report->last_ms >= report->to_ms) return NULL;
    (void)snprintf(to, REASON_SIZE,
                   "the log ends at %s, before the end of the interval: more can come",
                   out_time_ms(report->last_ms, last));
    return to;
}

static json_t *json_cosigners(const struct source *source)
{
    json_t *list = json_array();

    for (uint32_t i = 0; source->trust != NULL && i < source->trust->witnesses_count; i++) {
        if ((source->found.witnesses >> i & 1) != 0)
            (void)json_array_append_new(list, json_string(source->trust->witnesses[i].name));
    }
    return list;
}

static json_t *json_covers(const struct report *report, const struct source *source,
                           const struct audit_result *result)
{
    const char *trust = source->trust == NULL ? NULL : cli_text(report->cli, "trust");
    char reason[REASON_SIZE];
    const char *why = incomplete(report, source, reason);
    const struct checkpoint *checkpoint = &source->checkpoint.checkpoint;

    return json_pack("{s:i, s:o, s:s%, s:o, s:b, s:o, s:o, s:s?, s:o, s:o, s:o, s:b, s:s?}",
                     "from_size", 0, "to_size", out_json_number(result->size), "origin",
                     (const char *)checkpoint->origin.data, checkpoint->origin.size, "root",
                     out_json_hex(result->root.bytes, 32), "root_is_the_checkpoints", true,
                     "signatures", out_json_number(result->signatures), "newest_record",
                     out_json_time(report->last_ms), "trust_file", trust, "cosigners",
                     json_cosigners(source), "from",
                     report->has_from ? out_json_time(report->from_ms) : json_null(), "to",
                     report->has_to ? out_json_time(report->to_ms) : json_null(), "complete",
                     why == NULL, "reason", why);
}

/* After the rows; beside CSV, which has no place for it, on standard error. */
static void print_covers(const struct report *report, const struct source *source,
                         const struct audit_result *result, FILE *to)
{
    char from[OUT_TIME_SIZE], until[OUT_TIME_SIZE], hex[OUT_HEX_SIZE], reason[REASON_SIZE];
    const char *why = incomplete(report, source, reason);

    (void)fprintf(to, "rows       %zu\n", json_array_size(report->rows));
    if (report->has_from || report->has_to)
        (void)fprintf(to, "interval   from %s to before %s: %llu records\n",
                      report->has_from ? out_time_ms(report->from_ms, from) : "genesis",
                      report->has_to ? out_time_ms(report->to_ms, until) : "the end",
                      (unsigned long long)report->inside);
    (void)fprintf(to,
                  "covers     from size 0 to size %llu: every record replayed, %llu "
                  "signatures verified\n",
                  (unsigned long long)result->size, (unsigned long long)result->signatures);
    (void)fprintf(to, "root       %s, recomputed over every record: the checkpoint's\n",
                  out_hex(result->root.bytes, hex));
    if (source->trust != NULL) {
        (void)fprintf(to, "checkpoint signed as %s asks for; cosigned by",
                      cli_text(report->cli, "trust"));
        for (uint32_t i = 0; i < source->trust->witnesses_count; i++) {
            if ((source->found.witnesses >> i & 1) != 0)
                (void)fprintf(to, " %s", source->trust->witnesses[i].name);
        }
        (void)fputc('\n', to);
    }
    if (why == NULL)
        (void)fputs("complete   nothing that belongs here is left out\n", to);
    else
        (void)fprintf(to, "not proven complete: %s\n", why);
}

enum tally_err report_print(struct report *report, const struct source *source,
                            const struct audit_result *result)
{
    struct cli *cli = report->cli;
    json_t *row;
    size_t i;

    if (cli_flag(cli, "json"))
        return out_json(cli, json_pack("{s:s, s:b, s:O, s:o}", "report", report->kind->command,
                                       "ok", true, "rows", report->rows, "covers",
                                       json_covers(report, source, result)));
    if (cli_flag(cli, "csv")) {
        const enum tally_err err = print_csv(report);

        if (err == TALLY_OK) print_covers(report, source, result, cli->err);
        return err;
    }
    json_array_foreach(report->rows, i, row)
    {
        const enum tally_err err = print_row(report, row);

        if (err != TALLY_OK) return err;
    }
    print_covers(report, source, result, cli->out);
    return TALLY_OK;
}
