/* ledger_codec - keys and values of the derived families, byte by byte.
 *
 * Numbers are big-endian, so that keys sort by them. `path` is a subject or a prefix of one in
 * whole segments; `id` is a principal without "principal/".
 *
 *   family   key                                value
 *   RECORDS  index u64                          leaf hash (tree node of level 0), struct
 * locator NODES    level u8, index u64                hash; every complete subtree above level
 * 0 STATE    'i' event id (16), actor id        index u64 of the record that used the event id
 *            'm' actor id                       the largest event id (16) that the actor used
 *            'e' event hash                     struct event_place
 *            'r' event hash                     index u64 of the record that retracted it
 *            'k' key id                         struct ledger_key
 *            'p' id                             struct principal
 *            's' path                           struct topic
 *            't' event type u16                 struct topic
 *   INDEX    list u64, chunk u64                LIST_CHUNK entries: record index u64, type u16
 *            'g', 'w'                           ledger_codec_govern.h
 *   META     "applied"                          struct applied
 *            "identity"                         ledger id, name size u8, name, encoded Config
 *            "pending"                          waits u8, authorising record u64, encoded
 * Config "next_member"                      u32; absent: one above the highest in Config
 *
 * Lists. Each path and each type has a list of the records of its events (allowed or denied;
 * not Void), ascending: an event on model/m/version/1 stands in the lists of model, model/m,
 * model/m/version and model/m/version/1. So "a subject and all below it" is one list, and a
 * start is found by bisection. Its newest entries are in the topic itself; each LIST_CHUNK of
 * them become one value of INDEX. (One key for each entry made half of all puts.) Readers get
 * chunks by number, and the topic holds the count, so that a lost one shows.
 *
 * Decoders return false for bytes that the encoders do not make: the store is damaged.
 * Thread-safe; decoded values borrow from the bytes. */
#ifndef LEDGER_LEDGER_CODEC_H
#define LEDGER_LEDGER_CODEC_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/verify.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "ledger/decide.h"
#include "ledger/ledger.h"

/* A key in place. */
struct codec_key {
    size_t size;
    uint8_t data[1 + EVENT_ID_BYTES + LIMIT_SUBJECT_SIZE];
};
static inline struct bytes codec_bytes(const struct codec_key *key)
{
    return bytes_of(key->data, key->size);
}

void codec_key_record(uint64_t index, struct codec_key *ret_key);
void codec_key_node(uint32_t level, uint64_t index, struct codec_key *ret_key);
void codec_key_event_id(const uint8_t id[EVENT_ID_BYTES], const char *actor,
                        struct codec_key *ret_key);
/* `actor` is principal/<id>, or empty in genesis. */
void codec_key_newest_id(const char *actor, struct codec_key *ret_key);
void codec_key_event(const struct tally_hash *event_hash, struct codec_key *ret_key);
void codec_key_retracted(const struct tally_hash *event_hash, struct codec_key *ret_key);
void codec_key_key(const uint8_t key_id[32], struct codec_key *ret_key);
/* `subject` is principal/<id>. */
void codec_key_principal(const char *subject, struct codec_key *ret_key);
void codec_key_path(const char *path, size_t size, struct codec_key *ret_key);
void codec_key_type(uint32_t type, struct codec_key *ret_key);
void codec_key_chunk(uint64_t list, uint64_t chunk, struct codec_key *ret_key);
struct bytes codec_key_applied(void);
struct bytes codec_key_identity(void);
struct bytes codec_key_pending(void);
struct bytes codec_key_next_member(void);

/* Where a record's bytes are. */
enum locator_form {
    LOCATOR_EVENT = 1,  /* an event in a block of kind EVENTS, and its decision */
    LOCATOR_BODY = 2,   /* the record is the body of the block: genesis */
    LOCATOR_INLINE = 3, /* here: records that are no events are small and rare */
};
struct locator {
    struct tally_hash hash; /* decoded: the leaf hash */
    enum locator_form form;
    uint64_t time_ms;
    uint64_t block;        /* EVENT, BODY */
    uint16_t batch, place; /* EVENT: which batch of the block, which event of it */
    bool allowed;          /* EVENT, BODY */
    uint64_t policy;       /* EVENT: version of the policy that decided; 0: none did */
    uint16_t failed_count; /* EVENT */
    const uint8_t *failed; /* decoded: failed_count numbers of 16 bits; see codec_failed */
    struct bytes record;   /* INLINE */
};
enum { CODEC_LOCATOR_MAX = 32 + 1 + 8 + 8 + 2 + 2 + 1 + 8 + 2 * DECIDE_FAILED_MAX };
/* EVENT and BODY only; `failed` are the rules. The first 32 bytes are left zero for the leaf
 * hash. Returns the size. */
size_t codec_locator_put(const struct locator *locator, const uint16_t *failed,
                         uint8_t ret_value[CODEC_LOCATOR_MAX]);
/* The head of an INLINE locator, hash left zero too; the record follows. */
enum { CODEC_INLINE_HEAD = 32 + 9 };
void codec_inline_put(uint64_t time_ms, uint8_t ret_value[CODEC_INLINE_HEAD]);
bool codec_locator_get(struct bytes value, struct locator *ret_locator);
/* Rule number `i` of a decoded locator. */
uint16_t codec_failed(const struct locator *locator, uint16_t i);

enum {
    LIST_CHUNK = 16,
    CODEC_ENTRY_SIZE = 10,
    CODEC_CHUNK_SIZE = LIST_CHUNK * CODEC_ENTRY_SIZE
};
struct list_entry {
    uint64_t index;
    uint16_t type;
};
/* Entry number `place` of encoded ones. */
void codec_entry_put(const struct list_entry *entry, uint32_t place,
                     uint8_t entries[CODEC_CHUNK_SIZE]);
void codec_entry_get(const uint8_t entries[CODEC_CHUNK_SIZE], uint32_t place,
                     struct list_entry *ret_entry);

/* The record of an event, and what references to it ask about. */
struct event_place {
    uint64_t index;
    bool allowed;
    uint16_t type;
    uint64_t list; /* that of its subject's topic, so that equal ones mean equal subjects */
};
enum { CODEC_PLACE_SIZE = 8 + 1 + 2 + 8 };
void codec_place_put(const struct event_place *place, uint8_t ret_value[CODEC_PLACE_SIZE]);
bool codec_place_get(struct bytes value, struct event_place *ret_place);

/* A path or an event type: its list, and for a subject its state. */
struct topic {
    uint64_t list, count;           /* number of its list, entries in it */
    uint8_t tail[CODEC_CHUNK_SIZE]; /* the last count % LIST_CHUNK of them, encoded */
    uint64_t events;                /* allowed events that name exactly this subject */
    bool has_head, registered, has_bytes;
    bool ended, failed; /* as in struct decide_subject */
    uint64_t head_index;
    struct tally_hash head, registration, manifest_root; /* zeros unless the flag says so */
};
enum { CODEC_TOPIC_MAX = 1 + 3 * 8 + 8 + 3 * 32 + CODEC_CHUNK_SIZE };
size_t codec_topic_put(const struct topic *topic, uint8_t ret_value[CODEC_TOPIC_MAX]);
bool codec_topic_get(struct bytes value, struct topic *ret_topic);

struct principal {
    uint64_t registered_index;
    uint8_t kind;                         /* PrincipalKind */
    struct bytes unit, site, responsible; /* subjects, empty: none */
    uint32_t roles_count;
    struct decide_role roles[DECIDE_ROLES_MAX]; /* in the order of their granting */
};
enum {
    CODEC_PRINCIPAL_MAX = 8 + 1 + 3 * (2 + LIMIT_SUBJECT_SIZE) + 1 +
                          DECIDE_ROLES_MAX * (8 + 1 + LIMIT_NAME_SIZE + 2 + LIMIT_SUBJECT_SIZE)
};
size_t codec_principal_put(const struct principal *principal,
                           uint8_t ret_value[CODEC_PRINCIPAL_MAX]);
bool codec_principal_get(struct bytes value, struct principal *ret_principal);

enum { CODEC_KEY_MAX = 32 + 8 + 1 + 8 + LIMIT_SUBJECT_SIZE };
size_t codec_ledger_key_put(const struct ledger_key *key, uint8_t ret_value[CODEC_KEY_MAX]);
bool codec_ledger_key_get(struct bytes value, struct ledger_key *ret_key);

/* How far apply is. */
struct applied {
    uint64_t block, size, time_ms;
    uint64_t lists; /* list numbers given out */
    struct ledger_boundary boundary;
};
enum { CODEC_APPLIED_SIZE = 1 + 7 * 8 + 32 };
void codec_applied_put(const struct applied *applied, uint8_t ret_value[CODEC_APPLIED_SIZE]);
bool codec_applied_get(struct bytes value, struct applied *ret_applied);

#endif
