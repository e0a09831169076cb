/* Lists of events in an interval: changes, denied, exports, times. */
#include <jansson.h>

#include "out.h"
#include "report.h"

static const char *const columns[] = {REPORT_EVENT_COLUMNS, NULL};

static bool wanted(const struct report *report, const struct replay_item *item)
{
    return item->record.kind == RECORD_EVENT && report_inside(report, item->record.time_ms);
}

static enum tally_err changes(struct report *report, const struct replay_item *item)
{
    if (!wanted(report, item) || !report_allowed(item)) return TALLY_OK;
    return report_add(report, report_event(item));
}
const struct report_kind report_changes = {.command = "report changes",
                                           .columns = columns,
                                           .head = REPORT_EVENT_HEAD,
                                           .record = changes};

static enum tally_err denied(struct report *report, const struct replay_item *item)
{
    if (!wanted(report, item) || report_allowed(item)) return TALLY_OK;
    return report_add(report, report_event(item));
}
const struct report_kind report_denied = {.command = "report denied",
                                          .columns = columns,
                                          .head = REPORT_EVENT_HEAD,
                                          .record = denied};

static enum tally_err exports(struct report *report, const struct replay_item *item)
{
    if (!wanted(report, item) || !report_allowed(item)) return TALLY_OK;
    if (item->event.type != EVENT_AUDIT_EXPORTED) return TALLY_OK;
    return report_add(report, report_event(item));
}
const struct report_kind report_exports = {.command = "report exports",
                                           .columns = columns,
                                           .head = REPORT_EVENT_HEAD,
                                           .record = exports};

/* ---- claimed against sequenced time ---- */

/* No signed number: a field of CSV that begins with a minus sign would have to be marked. */
static const char *const times_columns[] = {REPORT_EVENT_COLUMNS, "difference_ms", "claimed",
                                            NULL};

static enum tally_err times(struct report *report, const struct replay_item *item)
{
    const uint64_t claimed = item->event.claimed_time_ms, time = item->record.time_ms;
    const uint64_t difference = claimed < time ? time - claimed : claimed - time;
    json_t *row;

    if (!wanted(report, item) || claimed == 0 || difference <= report->threshold_ms)
        return TALLY_OK;
    row = report_event(item);
    if (row == NULL) return TALLY_E_NO_MEMORY;
    (void)json_object_set_new(row, "difference_ms", out_json_number(difference));
    (void)json_object_set_new(
        row, "claimed", json_string(claimed < time ? "before its record" : "after its record"));
    return report_add(report, row);
}
const struct report_kind report_times = {.command = "report times",
                                         .columns = times_columns,
                                         .head = REPORT_EVENT_HEAD,
                                         .record = times};
