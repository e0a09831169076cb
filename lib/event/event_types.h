/* event_types - the types of events: names, numbers, what they may be about, who may append
 * them, what they ask of their subject and references, and what they do to it.
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
    EVENT_LEDGER_UPGRADED = 102,
    EVENT_ROOT_ROTATED = 110,
    EVENT_POLICY_PUBLISHED = 111,
    EVENT_ORGANISATION_REGISTERED = 112,
    EVENT_PRINCIPAL_REGISTERED = 113,
    EVENT_PRINCIPAL_UPDATED = 114,
    EVENT_PRINCIPAL_SUSPENDED = 115,
    EVENT_PRINCIPAL_REINSTATED = 116,
    EVENT_KEY_ENROLLED = 117,
    EVENT_KEY_ROTATED = 118,
    EVENT_KEY_REVOKED = 119,
    EVENT_ROLE_GRANTED = 120,
    EVENT_ROLE_REVOKED = 121,
    EVENT_BREAKGLASS_OPENED = 122,
    EVENT_BREAKGLASS_CLOSED = 123,
    EVENT_BREAKGLASS_REVIEWED = 124,
    EVENT_AUDIT_EXPORTED = 125,
    EVENT_BASE_MODEL_REGISTERED = 130,
    EVENT_BASE_MODEL_STATUS = 131,
    EVENT_DATASET_REGISTERED = 132,
    EVENT_DATASET_QUARANTINED = 133,
    EVENT_DATASET_RELEASED = 134,
    EVENT_DATASET_CONSENT_WITHDRAWN = 135,
    EVENT_CODE_REGISTERED = 136,
    EVENT_ENVIRONMENT_REGISTERED = 137,
    EVENT_ENDPOINT_REGISTERED = 138,
    EVENT_MODEL_CREATED = 150,
    EVENT_MODEL_UPDATED = 151,
    EVENT_MODEL_ARCHIVED = 152,
    EVENT_CHANGE_REQUESTED = 153,
    EVENT_RUN_STARTED = 154,
    EVENT_RUN_COMPLETED = 155,
    EVENT_RUN_FAILED = 156,
    EVENT_VERSION_REGISTERED = 157,
    EVENT_ATTESTATION_ATTACHED = 158,
    EVENT_ATTESTATION_RETRACTED = 159,
    EVENT_EVALUATION_RETRACTED = 170,
    EVENT_EVALUATION_RECORDED = 171,
    EVENT_RISK_ASSESSED = 172,
    EVENT_APPROVAL_REQUESTED = 180,
    EVENT_APPROVAL_GRANTED = 181,
    EVENT_APPROVAL_REJECTED = 182,
    EVENT_APPROVAL_WITHDRAWN = 183,
    EVENT_STAGE_TRANSITIONED = 184,
    EVENT_ALIAS_SET = 185,
    EVENT_ALIAS_REMOVED = 186,
    EVENT_DEPLOYMENT_STARTED = 190,
    EVENT_DEPLOYMENT_ACTIVATED = 191,
    EVENT_DEPLOYMENT_FAILED = 192,
    EVENT_DEPLOYMENT_ROLLED_BACK = 193,
    EVENT_DEPLOYMENT_RETIRED = 194,
    EVENT_DEPLOYMENT_OBSERVED = 195,
    EVENT_MONITORING_REPORTED = 196,
    EVENT_INCIDENT_OPENED = 197,
    EVENT_INCIDENT_UPDATED = 198,
    EVENT_INCIDENT_CLOSED = 199,
    EVENT_OPLOG_ANCHORED = 200,
    EVENT_VERSION_DEPRECATED = 201,
    EVENT_VERSION_QUARANTINED = 202,
    EVENT_VERSION_RELEASED = 203,
    EVENT_VERSION_REVOKED = 204,
    EVENT_VERSION_RETIRED = 205,
    EVENT_CORRECTION_RECORDED = 210,
    EVENT_ANNOTATION_ADDED = 211,
    EVENT_ERASURE_REQUESTED = 212,
    EVENT_ERASURE_EXECUTED = 213,
    EVENT_HOLD_PLACED = 214,
    EVENT_HOLD_RELEASED = 215,
    EVENT_RETENTION_SET = 216,
};

/* The forms of a subject. */
enum event_subject_kind {
    SUBJECT_NONE,         /* not a subject */
    SUBJECT_LEDGER,       /* ledger/<name> */
    SUBJECT_PRINCIPAL,    /* principal/<id> */
    SUBJECT_BASE,         /* base/<name> */
    SUBJECT_DATASET,      /* dataset/<name> */
    SUBJECT_CODE,         /* code/<name> */
    SUBJECT_MODEL,        /* model/<name> */
    SUBJECT_VERSION,      /* model/<name>/version/<version> */
    SUBJECT_RUN,          /* model/<name>/run/<run> */
    SUBJECT_ORGANISATION, /* organisation/<o>; as what is asked for: its units and sites, too */
    SUBJECT_UNIT,         /* organisation/<o>/unit/<u> */
    SUBJECT_SITE,         /* organisation/<o>/site/<s> */
    SUBJECT_ENVIRONMENT,  /* environment/<name> */
    SUBJECT_ENDPOINT,     /* endpoint/<name> */
    SUBJECT_REQUEST,      /* request/<id> */
    SUBJECT_INCIDENT,     /* incident/<id> */
    SUBJECT_POLICY,       /* policy/<name> */
    SUBJECT_HOLD,         /* hold/<id> */
    SUBJECT_ANY,          /* only as what is asked for: any of them */
};

/* What an allowed event does to the head of its subject: the newest change. */
enum event_head {
    HEAD_STAYS,   /* nothing: it is a fact about the subject */
    HEAD_MOVES,   /* becomes the head */
    HEAD_CLAIMED, /* the same, and it must say in expected_head which one it takes over from */
};

/* What its subject must be at that moment, beside what the type itself asks for. */
enum event_need {
    NEED_NOTHING,
    NEED_NEW,   /* not registered */
    NEED_KNOWN, /* registered */
    NEED_LIVE,  /* registered, and not ended: closed, completed, failed, archived */
};

enum event_effect {
    EFFECT_NONE,
    EFFECT_REGISTERS, /* the subject is registered */
    EFFECT_ENDS,      /* the subject has ended well */
    EFFECT_FAILS,     /* the subject has ended, without a result */
    EFFECT_RETRACTS,  /* the event that REL_CORRECTS names counts no longer */
};

struct event_type_info {
    enum event_type type;
    const char *name;                /* version.registered */
    enum event_subject_kind subject; /* see event_subject_fits */
    uint8_t actor_meaning;           /* enum event_meaning of the actor's signature */
    enum event_head head;
    uint8_t roles; /* bit 1 << enum role: who may append it */
    enum event_need need;
    enum event_effect effect;
    const char *artifact; /* it must have one with this role: the subject's bytes; or NULL */
    const char *closed;   /* nobody can append it, and why; NULL when it is open */
    const char *text;     /* what it says, for people */
};

/* NULL when it is not registered. */
const struct event_type_info *event_type_info(uint32_t type);
const struct event_type_info *event_type_named(const char *name);
/* All of them, by number. */
const struct event_type_info *event_types(size_t *ret_count);

enum event_ref_flag {
    REF_REQUIRED = 1,     /* there must be one */
    REF_ONCE = 2,         /* and no second one with this relation */
    REF_SAME_SUBJECT = 4, /* the event that it names is about the same subject */
    REF_PINNED = 8,       /* it names the registration of the subject, or of its base, itself */
};

/* A reference that a type of event asks for or understands. References with other relations may
 * be given to any event of the ledger. */
struct event_ref_rule {
    enum event_type type;
    uint8_t rel;                /* enum event_rel */
    uint8_t flags;              /* of enum event_ref_flag */
    enum event_type targets[2]; /* one of these types; both 0: any type */
    const char *text;           /* what it names, for people */
};
/* Those of this type, *ret_count of them. */
const struct event_ref_rule *event_ref_rules(enum event_type type, size_t *ret_count);

/* What form does `subject` have? SUBJECT_NONE when it breaks the grammar: segments of
 * [a-z0-9._-], none of them "." or "..", a registered first one, at most LIMIT_SUBJECT_SIZE.
 * *ret_fault (NULL is accepted) then says why; static text. */
enum event_subject_kind event_subject_kind(const char *subject, const char **ret_fault);
/* Is a subject of kind `is` one that `asked` for will do? */
bool event_subject_fits(enum event_subject_kind asked, enum event_subject_kind is);
/* "model/<name>", "any"; what stands in the place of <...> is one segment. */
const char *event_subject_form(enum event_subject_kind kind);
/* One path segment: [a-z0-9._-], not "." or "..", 1..LIMIT_NAME_SIZE characters. */
bool event_segment_valid(const char *segment);
/* The first segments of some subject, or a whole one: "model", "model/m", "model/m/version". */
bool event_scope_valid(const char *scope);

#endif
