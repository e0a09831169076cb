/* What fine-tuning took, for each model and the base that it comes from. */
#include <jansson.h>
#include <string.h>

#include "out.h"
#include "report.h"

enum { EXPONENT_MAX = 400 }; /* beyond what a double holds */

/* maps[0]: event hash -> base subject, of registrations; maps[1]: run -> list of bases;
 * maps[2]: "model base" -> row; maps[3]: version -> base. */

static enum tally_err put(json_t *map, const char *key, json_t *value)
{
    return json_object_set_new(map, key, value) == 0 ? TALLY_OK : TALLY_E_NO_MEMORY;
}

static enum tally_err know(struct report *report, const struct event *event, const char *base)
{
    char hex[OUT_HEX_SIZE];

    return put(report->maps[0], out_hex(event->hash.bytes, hex), json_string(base));
}

static enum tally_err run_started(struct report *report, const struct event *event)
{
    json_t *bases = json_array();

    for (uint32_t i = 0; i < event->refs_count; i++) {
        char hex[OUT_HEX_SIZE];
        json_t *base =
            json_object_get(report->maps[0], out_hex(event->refs[i].event_hash.bytes, hex));
        bool known = base == NULL || event->refs[i].rel != REL_BASE;

        for (size_t k = 0; k < json_array_size(bases); k++)
            if (json_equal(json_array_get(bases, k), base)) known = true;
        if (!known) (void)json_array_append(bases, base);
    }
    return put(report->maps[1], event->subject, bases);
}

/* The row of the model of a run or version and a base; borrowed. NULL without memory. */
static json_t *row_of(struct report *report, const char *subject, const char *base)
{
    const char *end = strchr(subject + strlen("model/"), '/');
    const int size = end == NULL ? (int)strlen(subject) : (int)(end - subject);
    char key[2 * LIMIT_SUBJECT_SIZE + 2];
    json_t *row;

    (void)snprintf(key, sizeof key, "%.*s %s", size, subject, base);
    row = json_object_get(report->maps[2], key);
    if (row != NULL) return row;
    row = json_pack("{s:s%, s:s, s:i, s:i, s:f, s:i, s:i, s:s}", "model", subject, (size_t)size,
                    "base", base, "runs_completed", 0, "runs_failed", 0, "compute_flop", 0.0,
                    "energy_wh", 0, "duration_ms", 0, "stated_cumulative_ratio_ppm", "");
    if (row == NULL || json_object_set_new(report->maps[2], key, row) != 0) return NULL;
    return report_add(report, json_incref(row)) == TALLY_OK ? row : NULL;
}

static void add(json_t *row, const char *name, uint64_t value)
{
    (void)json_object_set_new(
        row, name, out_json_number(report_number(json_object_get(row, name)) + value));
}

/* value * 10^exponent, near enough for a sum of estimates. */
static double decimal_of(const json_t *decimal)
{
    const json_int_t exponent = json_integer_value(json_object_get(decimal, "exponent"));
    double value = (double)json_integer_value(json_object_get(decimal, "value"));

    for (json_int_t i = 0; i < exponent && i < EXPONENT_MAX; i++) value *= 10;
    for (json_int_t i = 0; i > exponent && i > -EXPONENT_MAX; i--) value /= 10;
    return value;
}

static enum tally_err run_ended(struct report *report, const struct replay_item *item)
{
    const json_t *bases = json_object_get(report->maps[1], item->event.subject), *base;
    const bool completed = item->event.type == EVENT_RUN_COMPLETED;
    json_t *payload = report_payload(item);
    enum tally_err err = payload == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
    const json_t *effort = json_object_get(payload, "effort");
    const json_t *flop = json_object_get(effort, "compute_flop");
    const double value = decimal_of(flop);
    size_t i;

    json_array_foreach((json_t *)bases, i, base)
    {
        json_t *row = err == TALLY_OK
                          ? row_of(report, item->event.subject, json_string_value(base))
                          : NULL;

        if (row == NULL) {
            err = TALLY_E_NO_MEMORY;
            break;
        }
        add(row, completed ? "runs_completed" : "runs_failed", 1);
        add(row, "energy_wh", report_number(json_object_get(effort, "energy_wh")));
        add(row, "duration_ms", report_number(json_object_get(effort, "duration_ms")));
        json_t *sum = json_object_get(row, "compute_flop");
        (void)json_real_set(sum, json_real_value(sum) + value);
    }
    json_decref(payload);
    return err;
}

/* What an assessor said last, beside what the runs sum up to. */
static enum tally_err assessed(struct report *report, const struct replay_item *item)
{
    const char *base = json_string_value(json_object_get(report->maps[3], item->event.subject));
    json_t *payload, *row;
    uint64_t ratio;

    if (base == NULL) return TALLY_OK;
    payload = report_payload(item);
    if (payload == NULL) return TALLY_E_NO_MEMORY;
    ratio = report_number(json_object_get(payload, "cumulative_ratio_ppm"));
    json_decref(payload);
    if (ratio == 0) return TALLY_OK;
    row = row_of(report, item->event.subject, base);
    return row == NULL ? TALLY_E_NO_MEMORY
                       : put(row, "stated_cumulative_ratio_ppm", out_json_number(ratio));
}

static enum tally_err compute(struct report *report, const struct replay_item *item)
{
    const struct event *event = &item->event;
    enum tally_err err;

    if (!report_allowed(item)) return TALLY_OK;
    switch (event->type) {
    case EVENT_BASE_MODEL_REGISTERED:
        return know(report, event, event->subject);
    case EVENT_VERSION_REGISTERED:
        err = put(report->maps[3], event->subject, json_string(event->version_registered.base));
        return err == TALLY_OK ? know(report, event, event->version_registered.base) : err;
    case EVENT_RUN_STARTED:
        return run_started(report, event);
    case EVENT_RUN_COMPLETED:
    case EVENT_RUN_FAILED:
        return run_ended(report, item);
    case EVENT_RISK_ASSESSED:
        return assessed(report, item);
    default:
        return TALLY_OK;
    }
}

/* Six digits: the sum of what people estimate. */
static enum tally_err compute_end(struct report *report)
{
    json_t *row;
    size_t i;

    json_array_foreach(report->rows, i, row)
    {
        char text[32];

        (void)snprintf(text, sizeof text, "%.6g",
                       json_real_value(json_object_get(row, "compute_flop")));
        if (json_object_set_new(row, "compute_flop", json_string(text)) != 0)
            return TALLY_E_NO_MEMORY;
    }
    return TALLY_OK;
}

static const char *const columns[] = {
    "model",       "base",           "compute_flop", "energy_wh",
    "duration_ms", "runs_completed", "runs_failed",  "stated_cumulative_ratio_ppm",
    NULL};
const struct report_kind report_compute = {.command = "report compute",
                                           .columns = columns,
                                           .head = 3,
                                           .record = compute,
                                           .end = compute_end};
