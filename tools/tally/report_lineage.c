/* What a version is made of, and what is made of a base or data set: bundle, derived. */
#include <jansson.h>
#include <string.h>

#include "out.h"
#include "report.h"

enum { VERSION_KIND_MERGE = 3 }; /* proto/event.proto */

static bool has(const json_t *map, const char *key)
{
    return json_object_get(map, key) != NULL;
}

static enum tally_err put(json_t *map, const char *key, const char *value)
{
    return json_object_set_new(map, key, json_string(value)) == 0 ? TALLY_OK
                                                                  : TALLY_E_NO_MEMORY;
}

static enum tally_err put_hash(json_t *map, const struct tally_hash *hash, const char *value)
{
    char hex[OUT_HEX_SIZE];

    return put(map, out_hex(hash->bytes, hex), value);
}

static const char *at_hash(const json_t *map, const struct tally_hash *hash)
{
    char hex[OUT_HEX_SIZE];

    return json_string_value(json_object_get(map, out_hex(hash->bytes, hex)));
}

/* Does a run or version that has such a reference come from what it names? */
static bool is_origin(enum event_rel rel)
{
    return rel == REL_BASE || rel == REL_TRAINED_ON || rel == REL_PRODUCED_BY ||
           rel == REL_MERGES;
}

/* model/m of model/m/version/1. */
static void model_of(const char *version, char to[LIMIT_SUBJECT_SIZE + 1])
{
    const char *end = strchr(version + strlen("model/"), '/');

    (void)snprintf(to, LIMIT_SUBJECT_SIZE + 1, "%.*s",
                   end == NULL ? (int)strlen(version) : (int)(end - version), version);
}

/* The subject of the run that made a version; false when it names none. */
static bool run_of(const struct event *event, char to[LIMIT_SUBJECT_SIZE + 1])
{
    char model[LIMIT_SUBJECT_SIZE + 1];

    if (event->version_registered.run[0] == '\0') return false;
    model_of(event->subject, model);
    return snprintf(to, LIMIT_SUBJECT_SIZE + 1, "%s/run/%s", model,
                    event->version_registered.run) <= LIMIT_SUBJECT_SIZE;
}

/* The names of merged versions, as a JSON list of {version, ...}; NULL without memory. */
static json_t *sources_of(const struct replay_item *item)
{
    json_t *payload, *sources;

    if (item->event.version_registered.kind != VERSION_KIND_MERGE) return json_array();
    payload = report_payload(item);
    if (payload == NULL) return NULL;
    sources = json_incref(json_object_get(json_object_get(payload, "merge"), "sources"));
    json_decref(payload);
    return sources == NULL ? json_array() : sources;
}

/* Call `each` for every subject that a run or version comes from. `maps[0]` knows the subjects
 * of events. Errors: TALLY_E_NO_MEMORY, or what `each` gave. */
static enum tally_err each_origin(struct report *report, const struct replay_item *item,
                                  enum tally_err (*each)(struct report *, const char *,
                                                         const char *))
{
    const struct event *event = &item->event;
    char run[LIMIT_SUBJECT_SIZE + 1];
    enum tally_err err = TALLY_OK;
    json_t *sources, *source;
    size_t i;

    for (uint32_t r = 0; r < event->refs_count && err == TALLY_OK; r++) {
        const char *subject = at_hash(report->maps[0], &event->refs[r].event_hash);

        if (subject != NULL && is_origin(event->refs[r].rel))
            err = each(report, subject, "reference");
    }
    if (err != TALLY_OK || event->type != EVENT_VERSION_REGISTERED) return err;
    err = each(report, event->version_registered.base, "base_model");
    if (err == TALLY_OK && run_of(event, run)) err = each(report, run, "run");
    if (err != TALLY_OK) return err;
    sources = sources_of(item);
    if (sources == NULL) return TALLY_E_NO_MEMORY;
    json_array_foreach(sources, i, source)
    {
        const char *version = json_string_value(json_object_get(source, "version"));

        if (err == TALLY_OK && version != NULL) err = each(report, version, "merge");
    }
    json_decref(sources);
    return err;
}

/* ---- derived ----
 * maps[0]: event hash -> subject, of events about what is derived; maps[1]: those subjects;
 * maps[2]: what the present event comes from. */

static enum tally_err note_origin(struct report *report, const char *subject, const char *how)
{
    (void)how;
    return has(report->maps[1], subject) ? put(report->maps[2], subject, "") : TALLY_OK;
}

static enum tally_err derived_row(struct report *report, const struct replay_item *item)
{
    json_t *row = report_event(item), *from = json_array(), *value;
    const char *key;

    json_object_foreach(report->maps[2], key, value)(void)
        json_array_append_new(from, json_string(key));
    if (row == NULL || from == NULL) {
        json_decref(row);
        json_decref(from);
        return TALLY_E_NO_MEMORY;
    }
    if (json_object_set_new(row, "derived_from", from) != 0) return TALLY_E_NO_MEMORY;
    return report_add(report, row);
}

static enum tally_err derived(struct report *report, const struct replay_item *item)
{
    const struct event *event = &item->event;
    enum tally_err err = TALLY_OK;

    if (!report_allowed(item)) return TALLY_OK;
    if (!report->found && strcmp(event->subject, report->subject) == 0) {
        report->found = true;
        err = put(report->maps[1], event->subject, "");
    }
    if (err == TALLY_OK && report->found &&
        (event->type == EVENT_RUN_STARTED || event->type == EVENT_VERSION_REGISTERED)) {
        (void)json_object_clear(report->maps[2]);
        err = each_origin(report, item, note_origin);
        if (err == TALLY_OK && json_object_size(report->maps[2]) > 0) {
            err = put(report->maps[1], event->subject, "");
            if (err == TALLY_OK && event->type == EVENT_VERSION_REGISTERED)
                err = derived_row(report, item);
        }
    }
    if (err == TALLY_OK && has(report->maps[1], event->subject))
        err = put_hash(report->maps[0], &event->hash, event->subject);
    return err;
}

static const char *const derived_columns[] = {REPORT_EVENT_COLUMNS, "derived_from", NULL};
const struct report_kind report_derived = {.command = "report derived",
                                           .columns = derived_columns,
                                           .head = REPORT_EVENT_HEAD,
                                           .record = derived};

/* ---- bundle ----
 * maps[0]: event hash -> subject, of what is kept; maps[1]: subjects that belong to it;
 * maps[2]: records that belong to it by themselves. */

static bool is_input(const struct event *event)
{
    const enum event_subject_kind kind = event_subject_kind(event->subject, NULL);

    return kind == SUBJECT_BASE || kind == SUBJECT_DATASET || kind == SUBJECT_CODE ||
           kind == SUBJECT_RUN || event->type == EVENT_VERSION_REGISTERED;
}

/* Does it name an event about the version? */
static bool refers(const struct report *report, const struct event *event)
{
    for (uint32_t i = 0; i < event->refs_count; i++) {
        const char *subject = at_hash(report->maps[0], &event->refs[i].event_hash);

        if (subject != NULL && strcmp(subject, report->subject) == 0) return true;
    }
    return false;
}

/* incident.opened says what it is about. */
static enum tally_err check_about(struct report *report, const struct replay_item *item)
{
    enum tally_err err = TALLY_OK;
    json_t *payload;
    const char *about;

    if (item->event.type != EVENT_INCIDENT_OPENED) return TALLY_OK;
    payload = report_payload(item);
    if (payload == NULL) return TALLY_E_NO_MEMORY;
    about = json_string_value(json_object_get(payload, "about"));
    if ((about != NULL && strcmp(about, report->subject) == 0) || refers(report, &item->event))
        err = put(report->maps[1], item->event.subject, "");
    json_decref(payload);
    return err;
}

static enum tally_err bundle(struct report *report, const struct replay_item *item)
{
    const struct event *event = &item->event;
    const bool is_it =
        item->record.kind == RECORD_EVENT && strcmp(event->subject, report->subject) == 0;
    char number[24], model[LIMIT_SUBJECT_SIZE + 1];
    enum tally_err err;

    if (is_it) report->found = true;
    if (!is_it && !report_allowed(item)) return TALLY_OK;
    err = check_about(report, item);
    if (err != TALLY_OK) return err;
    model_of(report->subject, model);
    if (refers(report, event)) {
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)item->record.index);
        err = put(report->maps[2], number, "");
    } else if (!is_it && !is_input(event) && strcmp(event->subject, model) != 0 &&
               !has(report->maps[1], event->subject)) {
        return TALLY_OK;
    }
    if (err == TALLY_OK) err = put_hash(report->maps[0], &event->hash, event->subject);
    return err == TALLY_OK ? report_keep(report, item) : err;
}

static enum tally_err add_origin(struct report *report, const char *subject, const char *how)
{
    return put(report->maps[1], subject, how);
}

/* What a row is, for people. */
static const char *part_of(const struct event *event)
{
    switch (event->type) {
    case EVENT_EVALUATION_RECORDED:
    case EVENT_EVALUATION_RETRACTED:
    case EVENT_RISK_ASSESSED:
        return "evaluation";
    case EVENT_APPROVAL_GRANTED:
        return "approval";
    case EVENT_ATTESTATION_ATTACHED:
    case EVENT_ATTESTATION_RETRACTED:
        return "attestation";
    case EVENT_CORRECTION_RECORDED:
        return "correction";
    case EVENT_VERSION_REGISTERED:
        return "registration";
    default:
        break;
    }
    switch (event_subject_kind(event->subject, NULL)) {
    case SUBJECT_BASE:
        return "base";
    case SUBJECT_DATASET:
        return "data";
    case SUBJECT_CODE:
        return "code";
    case SUBJECT_RUN:
        return "run";
    case SUBJECT_MODEL:
        return "model";
    case SUBJECT_INCIDENT:
        return "incident";
    default:
        return "other";
    }
}

/* Give each kept event that belongs to it to `each`. */
static enum tally_err each_kept(struct report *report,
                                enum tally_err (*each)(struct report *,
                                                       const struct replay_item *))
{
    struct arena *arena = NULL;
    enum tally_err err = arena_open(0, &arena);

    for (const struct report_kept *kept = report->kept; err == TALLY_OK && kept != NULL;
         kept = kept->next) {
        struct replay_item item;
        char number[24];

        arena_reset(arena, 0);
        err = report_item(kept, arena, &item);
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)kept->index);
        if (err == TALLY_OK &&
            (has(report->maps[1], item.event.subject) || has(report->maps[2], number)))
            err = each(report, &item);
    }
    arena_close(arena);
    return err;
}

static enum tally_err find_origins(struct report *report, const struct replay_item *item)
{
    const bool made = report_allowed(item) && (item->event.type == EVENT_RUN_STARTED ||
                                               item->event.type == EVENT_VERSION_REGISTERED);

    /* What merely refers to the version does not bring its own origins. */
    return made && has(report->maps[1], item->event.subject)
               ? each_origin(report, item, add_origin)
               : TALLY_OK;
}

/* Data that it was tested on. */
static enum tally_err find_tests(struct report *report, const struct replay_item *item)
{
    enum tally_err err = TALLY_OK;

    if (item->event.type != EVENT_EVALUATION_RECORDED) return TALLY_OK;
    for (uint32_t i = 0; i < item->event.refs_count && err == TALLY_OK; i++) {
        const char *subject = at_hash(report->maps[0], &item->event.refs[i].event_hash);

        if (item->event.refs[i].rel == REL_TESTED_ON && subject != NULL)
            err = put(report->maps[1], subject, "");
    }
    return err;
}

static enum tally_err bundle_row(struct report *report, const struct replay_item *item)
{
    json_t *row = report_event(item);

    if (row != NULL) (void)json_object_set_new(row, "part", json_string(part_of(&item->event)));
    return report_add(report, row);
}

static enum tally_err bundle_end(struct report *report)
{
    char model[LIMIT_SUBJECT_SIZE + 1];
    size_t before;
    enum tally_err err;

    model_of(report->subject, model);
    err = put(report->maps[1], report->subject, "");
    if (err == TALLY_OK) err = put(report->maps[1], model, "");
    do {
        before = json_object_size(report->maps[1]);
        if (err == TALLY_OK) err = each_kept(report, find_origins);
    } while (err == TALLY_OK && json_object_size(report->maps[1]) > before);
    if (err == TALLY_OK) err = each_kept(report, find_tests);
    return err == TALLY_OK ? each_kept(report, bundle_row) : err;
}

static const char *const bundle_columns[] = {REPORT_EVENT_COLUMNS, "part", NULL};
const struct report_kind report_bundle = {.command = "report bundle",
                                          .columns = bundle_columns,
                                          .head = REPORT_EVENT_HEAD,
                                          .record = bundle,
                                          .end = bundle_end};
