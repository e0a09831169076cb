/* event_fields - every field of every payload: its form, whether it must be there, its limits,
 * an example and what it means.
 *
 * One table, read by validation (event_check_fields.c), by the descriptions, examples and JSON
 * Schemas that tools print (event_describe.c), and so by the docs. A message's rows stand in
 * the order of its field numbers, one for each field: a test demands it. Inside lib/event.
 * Thread-safe; static data. */
#ifndef EVENT_EVENT_FIELDS_H
#define EVENT_EVENT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event_types.h"

struct ProtobufCMessageDescriptor;

enum field_form {
    FORM_HASH,    /* 32 bytes, no placeholder */
    FORM_KEY,     /* an Ed25519 public key: 32 bytes */
    FORM_BYTES,   /* min..max bytes */
    FORM_ENUM,    /* one of the values of the vocabulary, not UNSPECIFIED */
    FORM_SEGMENT, /* a path segment */
    FORM_TEXT,    /* at most max bytes (0: LIMIT_TEXT_SIZE) */
    FORM_SUBJECT, /* a subject that fits `kind` */
    FORM_SCOPE,   /* the first segments of subjects */
    FORM_NUMBER,  /* min..max (0: as large as its type) */
    FORM_TIME,    /* milliseconds since 1970 */
    FORM_FLAG,    /* true or absent */
    FORM_PART,    /* a message; its rows are `part` */
};

struct event_field {
    const char *name;
    enum field_form form;
    bool optional; /* may be absent: empty, zero */
    bool sorted;   /* a list that ascends, each value once */
    enum event_subject_kind kind;
    uint64_t min, max;
    const struct event_message *part;
    const char *example; /* NULL: an optional field is left out of examples */
    const char *text;    /* what it means, for people */
};

struct event_message {
    const struct ProtobufCMessageDescriptor *descriptor;
    const struct event_field *fields;
    size_t fields_count;
};

/* The payload of a registered type. */
const struct event_message *event_payload(enum event_type type);
/* What stands around it: the fields of Event below number 100. */
extern const struct event_message event_envelope;

/* Tables of event_fields_*.c; type 0 ends each. */
struct event_payload_row {
    enum event_type type;
    struct event_message message;
};
extern const struct event_payload_row event_payloads_trust[], event_payloads_change[],
    event_payloads_assurance[], event_payloads_operation[];
/* Messages that several payloads have. */
extern const struct event_message event_part_decimal, event_part_metric, event_part_effort,
    event_part_artifact, event_part_ref, event_part_commitment;

#define FIELD_HASH(n, t)                                                                       \
    {                                                                                          \
        .name = (n), .form = FORM_HASH, .text = (t)                                            \
    }
#define FIELD_HASH_MAYBE(n, t)                                                                 \
    {                                                                                          \
        .name = (n), .form = FORM_HASH, .optional = true, .text = (t)                          \
    }
#define FIELD_HASHES(n, t)                                                                     \
    {                                                                                          \
        .name = (n), .form = FORM_HASH, .sorted = true, .text = (t)                            \
    }
#define FIELD_ENUM(n, t)                                                                       \
    {                                                                                          \
        .name = (n), .form = FORM_ENUM, .text = (t)                                            \
    }
#define FIELD_ENUM_MAYBE(n, t)                                                                 \
    {                                                                                          \
        .name = (n), .form = FORM_ENUM, .optional = true, .text = (t)                          \
    }
#define FIELD_SEGMENT(n, e, t)                                                                 \
    {                                                                                          \
        .name = (n), .form = FORM_SEGMENT, .example = (e), .text = (t)                         \
    }
#define FIELD_SEGMENT_MAYBE(n, e, t)                                                           \
    {                                                                                          \
        .name = (n), .form = FORM_SEGMENT, .optional = true, .example = (e), .text = (t)       \
    }
#define FIELD_TEXT(n, e, t)                                                                    \
    {                                                                                          \
        .name = (n), .form = FORM_TEXT, .example = (e), .text = (t)                            \
    }
#define FIELD_TEXT_MAYBE(n, e, t)                                                              \
    {                                                                                          \
        .name = (n), .form = FORM_TEXT, .optional = true, .example = (e), .text = (t)          \
    }
#define FIELD_SUBJECT(n, k, e, t)                                                              \
    {                                                                                          \
        .name = (n), .form = FORM_SUBJECT, .kind = (k), .example = (e), .text = (t)            \
    }
#define FIELD_SUBJECT_MAYBE(n, k, e, t)                                                        \
    {                                                                                          \
        .name = (n), .form = FORM_SUBJECT, .optional = true, .kind = (k), .example = (e),      \
        .text = (t)                                                                            \
    }
#define FIELD_NUMBER(n, low, high, e, t)                                                       \
    {                                                                                          \
        .name = (n), .form = FORM_NUMBER, .optional = (low) == 0, .min = (low), .max = (high), \
        .example = (e), .text = (t)                                                            \
    }
#define FIELD_TIME(n, e, t)                                                                    \
    {                                                                                          \
        .name = (n), .form = FORM_TIME, .min = 1, .example = (e), .text = (t)                  \
    }
#define FIELD_TIME_MAYBE(n, e, t)                                                              \
    {                                                                                          \
        .name = (n), .form = FORM_TIME, .optional = true, .example = (e), .text = (t)          \
    }
#define FIELD_PART(n, m, t)                                                                    \
    {                                                                                          \
        .name = (n), .form = FORM_PART, .part = (m), .example = "", .text = (t)                \
    }
/* `e`: "" puts it into examples. */
#define FIELD_PART_MAYBE(n, m, e, t)                                                           \
    {                                                                                          \
        .name = (n), .form = FORM_PART, .optional = true, .part = (m), .example = (e),         \
        .text = (t)                                                                            \
    }
#define EVENT_MESSAGE(message, rows)                                                           \
    {                                                                                          \
        &tally__##message##__descriptor, rows, sizeof(rows) / sizeof(rows)[0]                  \
    }
#define EVENT_PAYLOAD(type, rows)                                                              \
    {                                                                                          \
        type, EVENT_MESSAGE(rows, rows)                                                        \
    }

#endif
