#include "report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/event_describe.h"
#include "event/event_json.h"
#include "event/rules.h"
#include "out.h"

enum { SIGNERS_SIZE = LIMIT_GENESIS_SIGNERS * 96, RULES_SIZE = 2048 };

bool report_inside(const struct report *report, uint64_t time_ms)
{
    return (!report->has_from || time_ms >= report->from_ms) &&
           (!report->has_to || time_ms < report->to_ms);
}

bool report_allowed(const struct replay_item *item)
{
    return item->record.kind == RECORD_EVENT && item->record.event.decision.allowed;
}

/* ---- what is kept ---- */

enum tally_err report_keep(struct report *report, const struct replay_item *item)
{
    struct report_kept *kept = arena_alloc(report->arena, sizeof *kept);

    if (kept == NULL) return TALLY_E_NO_MEMORY;
    *kept = (struct report_kept){.leaf = arena_copy(report->arena, item->leaf),
                                 .index = item->record.index};
    if (kept->leaf.data == NULL) return TALLY_E_NO_MEMORY;
    *report->kept_end = kept;
    report->kept_end = &kept->next;
    return TALLY_OK;
}

enum tally_err report_item(const struct report_kept *kept, struct arena *arena,
                           struct replay_item *ret_item)
{
    struct tally_diag diag;

    return replay_decode(kept->leaf, kept->index, arena, ret_item, &diag);
}

/* ---- rows ---- */

/* The event as JSON; NULL without memory. */
static json_t *event_json(const struct replay_item *item)
{
    struct arena *arena = NULL;
    struct tally_diag diag;
    struct bytes text = {0};
    json_t *event = NULL;

    if (arena_open(0, &arena) != TALLY_OK) return NULL;
    if (event_json_encode(item->record.event.event, false, arena, &text, &diag) == TALLY_OK)
        event = json_loads((const char *)text.data, 0, NULL);
    arena_close(arena);
    return event;
}

/* A member of an object, taken out of it; NULL when it is absent. */
static json_t *take(json_t *object, const char *name)
{
    json_t *value = json_incref(json_object_get(object, name));

    (void)json_object_del(object, name);
    return value;
}

json_t *report_payload(const struct replay_item *item)
{
    char name[EVENT_PAYLOAD_NAME_SIZE];
    json_t *event, *payload;

    if (item->record.event.cut) return json_object();
    event = event_json(item);
    payload = event == NULL ? NULL : take(event, event_payload_name(item->event.type, name));
    if (event != NULL && payload == NULL) payload = json_object();
    json_decref(event);
    return payload;
}

/* All that has no column of its own. */
static json_t *details(const struct replay_item *item)
{
    static const char *const names[] = {"artifacts", "refs", "commitments", "reason",
                                        "expected_head"};
    char name[EVENT_PAYLOAD_NAME_SIZE];
    json_t *event, *all = json_object();

    if (item->record.event.cut)
        return json_object_set_new(all, "cut", json_true()) == 0 ? all : NULL;
    event = event_json(item);
    if (event == NULL) {
        json_decref(all);
        return NULL;
    }
    json_t *payload = json_object_get(event, event_payload_name(item->event.type, name));
    if (payload != NULL) (void)json_object_update(all, payload);
    for (size_t i = 0; i < CLI_COUNT(names); i++) {
        json_t *value = json_object_get(event, names[i]);

        if (value != NULL) (void)json_object_set(all, names[i], value);
    }
    json_decref(event);
    return all;
}

static void put_signers(const struct record *record, char to[SIGNERS_SIZE])
{
    char hex[OUT_HEX_SIZE];
    size_t at = 0;

    to[0] = '\0';
    for (uint32_t i = 0; i < record->event.signers_count && at < SIGNERS_SIZE; i++)
        at += (size_t)snprintf(to + at, SIGNERS_SIZE - at, "%s%s:%s", i == 0 ? "" : " ",
                               event_meaning_name(record->event.signers[i].meaning),
                               out_hex(record->event.signers[i].key_id.bytes, hex));
}

static void put_rules(const struct record_decision *decision, char to[RULES_SIZE])
{
    size_t at = 0;

    to[0] = '\0';
    for (uint32_t i = 0; i < decision->failed_rules_count && at < RULES_SIZE; i++)
        at += (size_t)snprintf(to + at, RULES_SIZE - at, "%s%s", i == 0 ? "" : " ",
                               decide_rule_name(decision->failed_rules[i]));
}

json_t *report_event(const struct replay_item *item)
{
    const struct event *event = &item->event;
    const struct event_type_info *info = event_type_info(event->type);
    const bool claimed = event->claimed_time_ms != 0;
    char signers[SIGNERS_SIZE], rules[RULES_SIZE];

    put_signers(&item->record, signers);
    put_rules(&item->record.event.decision, rules);
    return json_pack(
        "{s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "index",
        out_json_number(item->record.index), "time", out_json_time(item->record.time_ms),
        "decision", item->record.event.decision.allowed ? "allowed" : "denied", "event",
        info == NULL ? "(cut)" : info->name, "subject", event->subject, "failed_rules", rules,
        "actor", event->actor, "on_behalf_of", event->on_behalf_of, "signed_by", signers,
        "claimed_time", claimed ? out_json_time(event->claimed_time_ms) : json_string(""),
        "event_hash", out_json_hex(event->hash.bytes, 32), "details", details(item));
}

uint64_t report_number(const json_t *value)
{
    if (json_is_integer(value)) return (uint64_t)json_integer_value(value);
    return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) : 0;
}

enum tally_err report_add(struct report *report, json_t *row)
{
    return json_array_append_new(report->rows, row) == 0 ? TALLY_OK : TALLY_E_NO_MEMORY;
}
