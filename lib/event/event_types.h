/* event_types - the types of events: names, numbers, what they may be about.
 *
 * One table, read by validation, decisions, tools and docs. Thread-safe; static data. */
#ifndef EVENT_EVENT_TYPES_H
#define EVENT_EVENT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of the payload field in proto/event.proto; never re-used. */
enum event_type {
    EVENT_LEDGER_GENESIS = 100,
    EVENT_LEDGER_MEMBER_CHANGED = 101,
    EVENT_PRINCIPAL_REGISTERED = 113,
    EVENT_KEY_ENROLLED = 117,
    EVENT_KEY_REVOKED = 119,
    EVENT_ROLE_GRANTED = 120,
    EVENT_ROLE_REVOKED = 121,
    EVENT_BASE_MODEL_REGISTERED = 130,
    EVENT_DATASET_REGISTERED = 132,
    EVENT_MODEL_CREATED = 150,
    EVENT_VERSION_REGISTERED = 157,
    EVENT_EVALUATION_RECORDED = 171,
    EVENT_APPROVAL_GRANTED = 181,
    EVENT_ANNOTATION_ADDED = 211,
};

/* The forms of a subject. */
enum event_subject_kind {
    SUBJECT_NONE,      /* not a subject */
    SUBJECT_LEDGER,    /* ledger/<name> */
    SUBJECT_PRINCIPAL, /* principal/<id> */
    SUBJECT_BASE,      /* base/<name> */
    SUBJECT_DATASET,   /* dataset/<name> */
    SUBJECT_MODEL,     /* model/<name> */
    SUBJECT_VERSION,   /* model/<name>/version/<version> */
    SUBJECT_OTHER, /* any other registered first segment, with one segment or more behind it */
};

struct event_type_info {
    enum event_type type;
    const char *name;                /* version.registered */
    enum event_subject_kind subject; /* SUBJECT_OTHER: any kind will do */
    uint8_t actor_meaning;           /* enum event_meaning of the actor's signature */
    bool changes_state;              /* becomes the subject's head when it is allowed */
    const char *text;                /* what it says, for people */
};

/* NULL when it is not registered. */
const struct event_type_info *event_type_info(uint32_t type);
const struct event_type_info *event_type_named(const char *name);
/* All of them, by number. */
const struct event_type_info *event_types(size_t *ret_count);

/* What form does `subject` have? SUBJECT_NONE when it breaks the grammar: segments of
 * [a-z0-9._-], none of them "." or "..", a registered first one, at most LIMIT_SUBJECT_SIZE.
 * *ret_fault (NULL is accepted) then says why; static text. */
enum event_subject_kind event_subject_kind(const char *subject, const char **ret_fault);
/* One path segment: [a-z0-9._-], not "." or "..", 1..LIMIT_NAME_SIZE characters. */
bool event_segment_valid(const char *segment);
/* The first segments of some subject, or a whole one: "model", "model/m", "model/m/version". */
bool event_scope_valid(const char *scope);

#endif
