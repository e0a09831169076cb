/* Who could do what when (access), and what a stolen key signed (compromised). */
#include <jansson.h>
#include <string.h>

#include "crypto/sign.h"
#include "out.h"
#include "report.h"

enum { KEY_SIZE = 2 * LIMIT_SUBJECT_SIZE + 128 };

/* ---- access ----
 * maps[0]: name of what is open -> its number among the spans. */

/* Something that began, and may have ended. */
struct span {
    struct span *next;
    json_t *row; /* borrowed from report->rows */
    uint64_t from_ms, until_ms;
};
struct access {
    struct span *first, **end;
    uint64_t count;
    uint64_t now_index, now_ms;
    const char *actor;
};

static struct access *access_of(struct report *report)
{
    struct access *access = report->state;

    if (access != NULL) return access;
    access = arena_zalloc(report->arena, 1, sizeof *access);
    if (access != NULL) access->end = &access->first;
    report->state = access;
    return access;
}

static struct span *span_at(const struct report *report, const char *name)
{
    const struct access *access = report->state;
    const json_t *number = json_object_get(report->maps[0], name);
    struct span *span = access->first;

    if (number == NULL) return NULL;
    for (json_int_t i = json_integer_value(number); i > 0; i--) span = span->next;
    return span;
}

static enum tally_err begin_span(struct report *report, const char *name, json_t *row,
                                 uint64_t expires_ms)
{
    struct access *access = report->state;
    struct span *span = arena_alloc(report->arena, sizeof *span);
    const bool expires = expires_ms != 0;

    if (row == NULL || span == NULL) {
        json_decref(row);
        return TALLY_E_NO_MEMORY;
    }
    *span = (struct span){
        .row = row, .from_ms = access->now_ms, .until_ms = expires ? expires_ms : UINT64_MAX};
    (void)json_object_set_new(row, "from_index", out_json_number(access->now_index));
    (void)json_object_set_new(row, "from", out_json_time(access->now_ms));
    (void)json_object_set_new(row, "from_by", json_string(access->actor));
    (void)json_object_set_new(row, "expires",
                              expires ? out_json_time(expires_ms) : json_string(""));
    for (size_t i = 0; i < 4; i++) {
        static const char *const open[] = {"until_index", "until", "until_by", "note"};

        (void)json_object_set_new(row, open[i], json_string(""));
    }
    *access->end = span;
    access->end = &span->next;
    if (json_object_set_new(report->maps[0], name, json_integer((json_int_t)access->count++)) !=
        0)
        return TALLY_E_NO_MEMORY;
    return report_add(report, row);
}

/* What is not open cannot end: nothing happens. */
static void end_span(struct report *report, const char *name, const char *note)
{
    const struct access *access = report->state;
    struct span *span = span_at(report, name);

    if (span == NULL) return;
    if (access->now_ms < span->until_ms) span->until_ms = access->now_ms;
    (void)json_object_set_new(span->row, "until_index", out_json_number(access->now_index));
    (void)json_object_set_new(span->row, "until", out_json_time(access->now_ms));
    (void)json_object_set_new(span->row, "until_by", json_string(access->actor));
    (void)json_object_set_new(span->row, "note", json_string(note));
    (void)json_object_del(report->maps[0], name);
}

static enum tally_err begin_principal(struct report *report, const char *principal,
                                      uint32_t kind)
{
    static const char *const kinds[] = {"?", "human", "service", "robot"};
    char name[KEY_SIZE];

    (void)snprintf(name, sizeof name, "principal %s", principal);
    return begin_span(report, name,
                      json_pack("{s:s, s:s, s:s, s:s}", "what", "principal", "principal",
                                principal, "name", kinds[kind < 4 ? kind : 0], "scope", ""),
                      0);
}

static enum tally_err begin_key(struct report *report, const char *principal,
                                const uint8_t public_key[SIGN_PUBLIC_BYTES])
{
    char name[KEY_SIZE], hex[OUT_HEX_SIZE];
    struct tally_hash key_id;

    sign_key_id(public_key, &key_id);
    (void)snprintf(name, sizeof name, "key %s", out_hex(key_id.bytes, hex));
    return begin_span(report, name,
                      json_pack("{s:s, s:s, s:s, s:s}", "what", "key", "principal", principal,
                                "name", hex, "scope", ""),
                      0);
}

static void end_key(struct report *report, const struct event *event)
{
    char name[KEY_SIZE], hex[OUT_HEX_SIZE], note[64] = "revoked";

    (void)snprintf(name, sizeof name, "key %s", out_hex(event->key_revoked.key_id.bytes, hex));
    if (event->key_revoked.compromised)
        (void)snprintf(note, sizeof note, "revoked; compromised since record %llu",
                       (unsigned long long)event->key_revoked.compromised_since);
    end_span(report, name, note);
}

static void role_key(const char *principal, const char *role, const char *scope,
                     char to[KEY_SIZE])
{
    (void)snprintf(to, KEY_SIZE, "role %s %s %s", principal, role, scope);
}

static enum tally_err begin_role(struct report *report, const char *principal, const char *role,
                                 const char *scope, uint64_t expires_ms)
{
    char name[KEY_SIZE];

    role_key(principal, role, scope, name);
    end_span(report, name, "granted anew"); /* a role that is held gets another expiry */
    return begin_span(report, name,
                      json_pack("{s:s, s:s, s:s, s:s}", "what", "role", "principal", principal,
                                "name", role, "scope", scope[0] == '\0' ? "everything" : scope),
                      expires_ms);
}

static enum tally_err begin_genesis(struct report *report, const struct event_genesis *genesis)
{
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < genesis->principals_count && err == TALLY_OK; i++) {
        const struct event_principal *from = &genesis->principals[i];
        char principal[LIMIT_SUBJECT_SIZE + 1];

        (void)snprintf(principal, sizeof principal, "principal/%s", from->id);
        err = begin_principal(report, principal, from->kind);
        for (uint32_t k = 0; k < from->keys_count && err == TALLY_OK; k++)
            err = begin_key(report, principal, from->public_keys[k]);
        for (uint32_t r = 0; r < from->roles_count && err == TALLY_OK; r++)
            err = begin_role(report, principal, from->roles[r], "", 0);
    }
    return err;
}

static enum tally_err access_record(struct report *report, const struct replay_item *item)
{
    const struct event *event = &item->event;
    struct access *access = access_of(report);
    char name[KEY_SIZE];

    if (access == NULL) return TALLY_E_NO_MEMORY;
    if (!report_allowed(item)) return TALLY_OK;
    access->now_index = item->record.index;
    access->now_ms = item->record.time_ms;
    access->actor = event->type == EVENT_LEDGER_GENESIS ? "genesis" : event->actor;
    switch (event->type) {
    case EVENT_LEDGER_GENESIS:
        return begin_genesis(report, &event->genesis);
    case EVENT_PRINCIPAL_REGISTERED:
        return begin_principal(report, event->subject, event->principal_registered.kind);
    case EVENT_KEY_ENROLLED:
        return begin_key(report, event->subject, event->key_enrolled.public_key);
    case EVENT_KEY_REVOKED:
        end_key(report, event);
        return TALLY_OK;
    case EVENT_ROLE_GRANTED:
        return begin_role(report, event->subject, event->role.role, event->role.scope,
                          event->role.expires_ms);
    case EVENT_ROLE_REVOKED:
        role_key(event->subject, event->role.role, event->role.scope, name);
        end_span(report, name, "revoked");
        return TALLY_OK;
    default:
        return TALLY_OK;
    }
}

/* Only what held at some moment of the interval. */
static enum tally_err access_end(struct report *report)
{
    const struct access *access = report->state;
    json_t *rows = json_array();

    if (rows == NULL) return TALLY_E_NO_MEMORY;
    for (const struct span *span = access == NULL ? NULL : access->first; span != NULL;
         span = span->next) {
        if (report->has_to && span->from_ms >= report->to_ms) continue;
        if (report->has_from && span->until_ms <= report->from_ms) continue;
        (void)json_array_append(rows, span->row);
    }
    json_decref(report->rows);
    report->rows = rows;
    return TALLY_OK;
}

static const char *const access_columns[] = {
    "principal",  "what",    "name",    "scope",       "from",     "until", "note",
    "from_index", "from_by", "expires", "until_index", "until_by", NULL};
const struct report_kind report_access = {.command = "report access",
                                          .columns = access_columns,
                                          .head = 7,
                                          .record = access_record,
                                          .end = access_end};

/* ---- compromised ---- */

struct stolen {
    struct stolen *next;
    struct tally_hash key_id;
    uint64_t since, revoked;
};

static enum tally_err compromised(struct report *report, const struct replay_item *item)
{
    const struct event *event = &item->event;
    struct stolen *stolen, *last = report->state;

    if (item->record.kind != RECORD_EVENT) return TALLY_OK;
    if (report_allowed(item) && event->type == EVENT_KEY_REVOKED &&
        event->key_revoked.compromised) {
        stolen = arena_alloc(report->arena, sizeof *stolen);
        if (stolen == NULL) return TALLY_E_NO_MEMORY;
        *stolen = (struct stolen){.key_id = event->key_revoked.key_id,
                                  .since = event->key_revoked.compromised_since,
                                  .revoked = item->record.index};
        while (last != NULL && last->next != NULL) last = last->next;
        if (last == NULL)
            report->state = stolen;
        else
            last->next = stolen;
    }
    return report_keep(report, item);
}

static bool signed_by(const struct record *record, const struct tally_hash *key_id)
{
    for (uint32_t i = 0; i < record->event.signers_count; i++) {
        if (memcmp(record->event.signers[i].key_id.bytes, key_id->bytes, 32) == 0) return true;
    }
    return false;
}

static enum tally_err stolen_row(struct report *report, const struct stolen *stolen,
                                 const struct report_kept *kept, struct arena *arena)
{
    const bool revocation = kept->index == stolen->revoked;
    char hex[OUT_HEX_SIZE];
    struct replay_item item;
    enum tally_err err;
    json_t *row;

    arena_reset(arena, 0);
    err = report_item(kept, arena, &item);
    if (err != TALLY_OK) return err;
    if (!revocation && !signed_by(&item.record, &stolen->key_id)) return TALLY_OK;
    row = report_event(&item);
    if (row == NULL) return TALLY_E_NO_MEMORY;
    (void)json_object_set_new(row, "key", json_string(out_hex(stolen->key_id.bytes, hex)));
    (void)json_object_set_new(row, "since_index", out_json_number(stolen->since));
    (void)json_object_set_new(
        row, "why", json_string(revocation ? "the revocation" : "signed in the window"));
    return report_add(report, row);
}

/* Windows [since, revocation], one after the other. */
static enum tally_err compromised_end(struct report *report)
{
    struct arena *arena = NULL;
    enum tally_err err = arena_open(0, &arena);

    for (const struct stolen *stolen = report->state; err == TALLY_OK && stolen != NULL;
         stolen = stolen->next) {
        for (const struct report_kept *kept = report->kept; err == TALLY_OK && kept != NULL;
             kept = kept->next) {
            if (kept->index >= stolen->since && kept->index <= stolen->revoked)
                err = stolen_row(report, stolen, kept, arena);
        }
    }
    arena_close(arena);
    return err;
}

static const char *const compromised_columns[] = {REPORT_EVENT_COLUMNS, "key", "since_index",
                                                  "why", NULL};
const struct report_kind report_compromised = {.command = "report compromised",
                                               .columns = compromised_columns,
                                               .head = REPORT_EVENT_HEAD,
                                               .record = compromised,
                                               .end = compromised_end};
