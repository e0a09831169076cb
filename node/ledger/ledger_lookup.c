#include "ledger/ledger_lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum tally_err lookup_value(const struct lookup *lookup, enum store_family family,
                            struct bytes key, bool *ret_found, struct bytes *ret_value,
                            struct tally_diag *diag)
{
    struct store_value stored;
    enum tally_err err;

    if (lookup->state != NULL) {
        err = state_get(lookup->state, family, key, lookup->arena, ret_value, diag);
    } else {
        err = store_get(lookup->store, family, key, &stored, diag);
        if (err == TALLY_OK) {
            *ret_value = arena_copy(lookup->arena, bytes_of(stored.data, stored.size));
            store_value_free(&stored);
            if (ret_value->data == NULL) return TALLY_E_NO_MEMORY;
        }
    }
    *ret_found = err == TALLY_OK;
    return err == TALLY_E_NOT_FOUND ? TALLY_OK : err;
}

static enum tally_err damaged(const char *what, struct tally_diag *diag)
{
    tally_diag_set(diag, "the stored %s does not decode", what);
    return TALLY_E_CORRUPT;
}

enum tally_err lookup_key(const struct lookup *lookup, const uint8_t key_id[32],
                          bool *ret_found, struct ledger_key *ret_key, struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    enum tally_err err;

    codec_key_key(key_id, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), ret_found, &value, diag);
    if (err != TALLY_OK || !*ret_found) return err;
    return codec_ledger_key_get(value, ret_key) ? TALLY_OK : damaged("key", diag);
}

enum tally_err lookup_principal(const struct lookup *lookup, const char *subject,
                                bool *ret_found, struct principal *ret_principal,
                                struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    enum tally_err err;

    codec_key_principal(subject, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), ret_found, &value, diag);
    if (err != TALLY_OK) return err;
    if (!*ret_found) {
        ret_principal->roles_count = 0;
        return TALLY_OK;
    }
    return codec_principal_get(value, ret_principal) ? TALLY_OK : damaged("principal", diag);
}

enum tally_err lookup_topic(const struct lookup *lookup, struct bytes key, bool *ret_found,
                            struct topic *ret_topic, struct tally_diag *diag)
{
    struct bytes value;
    const enum tally_err err = lookup_value(lookup, STORE_STATE, key, ret_found, &value, diag);

    if (err != TALLY_OK) return err;
    if (!*ret_found) {
        *ret_topic = (struct topic){0};
        return TALLY_OK;
    }
    return codec_topic_get(value, ret_topic) ? TALLY_OK : damaged("subject", diag);
}

enum tally_err lookup_path(const struct lookup *lookup, const char *path, size_t size,
                           bool *ret_found, struct topic *ret_topic, struct tally_diag *diag)
{
    struct codec_key key;

    codec_key_path(path, size, &key);
    return lookup_topic(lookup, codec_bytes(&key), ret_found, ret_topic, diag);
}

enum tally_err lookup_about(const struct lookup *lookup, const char *path, size_t size,
                            bool *ret_found, struct about *ret_about, struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    enum tally_err err;

    *ret_about = (struct about){0};
    codec_key_about(path, size, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), ret_found, &value, diag);
    if (err != TALLY_OK || !*ret_found) return err;
    return codec_about_get(value, ret_about) ? TALLY_OK : damaged("facts of a subject", diag);
}

enum tally_err lookup_event(const struct lookup *lookup, const struct tally_hash *event_hash,
                            bool *ret_found, struct event_place *ret_place,
                            struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    enum tally_err err;

    codec_key_event(event_hash, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), ret_found, &value, diag);
    if (err != TALLY_OK || !*ret_found) return err;
    return codec_place_get(value, ret_place) ? TALLY_OK : damaged("event's place", diag);
}

enum tally_err lookup_retracted(const struct lookup *lookup,
                                const struct tally_hash *event_hash, bool *ret_retracted,
                                struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;

    codec_key_retracted(event_hash, &key);
    return lookup_value(lookup, STORE_STATE, codec_bytes(&key), ret_retracted, &value, diag);
}

enum tally_err lookup_locator(const struct lookup *lookup, uint64_t index,
                              struct locator *ret_locator, struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    enum tally_err err;
    bool found;

    codec_key_record(index, &key);
    err = lookup_value(lookup, STORE_RECORDS, codec_bytes(&key), &found, &value, diag);
    if (err != TALLY_OK) return err;
    if (!found || !codec_locator_get(value, ret_locator)) {
        tally_diag_set(diag, "where record %llu is was %s", (unsigned long long)index,
                       found ? "damaged" : "lost");
        return TALLY_E_CORRUPT;
    }
    return TALLY_OK;
}

/* Whose signatures an event has, and in which sense. */
static enum tally_err event_authentic(const struct event *event, const struct batch *batch,
                                      const struct ledger_key *keys, struct tally_diag *diag)
{
    const uint8_t meaning = event_type_info(event->type)->actor_meaning;
    uint32_t by_actor = 0, by_other = 0;

    for (uint32_t i = 0; i < batch->signers_count; i++) {
        if (strcmp(keys[i].principal, event->actor) == 0 &&
            batch->signers[i].meaning == meaning) {
            by_actor++;
        }
        if (strcmp(keys[i].principal, event->on_behalf_of) == 0) by_other++;
    }
    if (by_actor != 1) {
        tally_diag_set(diag, "%s must sign once, by its own key, with meaning %s", event->actor,
                       event_meaning_name(meaning));
        return TALLY_E_SIGNERS;
    }
    if (event->on_behalf_of[0] != '\0' && by_other == 0) {
        tally_diag_set(diag, "%s, on whose behalf it is, has not signed", event->on_behalf_of);
        return TALLY_E_SIGNERS;
    }
    return TALLY_OK;
}

enum tally_err lookup_authentic(const struct lookup *lookup, const struct batch *batch,
                                struct tally_diag *diag)
{
    struct ledger_key keys[LIMIT_GENESIS_SIGNERS];
    enum tally_err err = TALLY_OK;

    ASSERT(batch->signers_count <= LIMIT_GENESIS_SIGNERS);
    for (uint32_t i = 0; i < batch->signers_count; i++) {
        bool found;

        err = lookup_key(lookup, batch->signers[i].key_id.bytes, &found, &keys[i], diag);
        if (err != TALLY_OK) return err;
        if (!found) {
            char key_id[65];

            bytes_hex(batch->signers[i].key_id.bytes, 32, key_id);
            tally_diag_set(diag, "key %s is not enrolled in this ledger", key_id);
            return TALLY_E_UNKNOWN_KEY;
        }
    }
    for (uint32_t i = 0; i < batch->events_count && err == TALLY_OK; i++) {
        err = event_authentic(&batch->events[i], batch, keys, diag);
    }
    return err;
}

static int compare_ids(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a;
    const struct event *y = *(const struct event *const *)b;
    const int order = memcmp(x->id, y->id, sizeof x->id);

    return order != 0 ? order : strcmp(x->actor, y->actor);
}

/* Does the batch use one event id of one actor twice? */
static enum tally_err has_twins(const struct batch *batch, struct arena *arena, bool *ret_twins)
{
    const struct event **sorted;
    uint32_t rising = 1;

    while (rising < batch->events_count &&
           memcmp(batch->events[rising - 1].id, batch->events[rising].id, EVENT_ID_BYTES) < 0) {
        rising++;
    }
    *ret_twins = false;
    if (rising == batch->events_count) return TALLY_OK; /* the usual case */
    sorted = arena_alloc(arena, batch->events_count * sizeof *sorted);
    if (sorted == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < batch->events_count; i++) sorted[i] = &batch->events[i];
    qsort(sorted, batch->events_count, sizeof *sorted, compare_ids);
    for (uint32_t i = 1; i < batch->events_count; i++) {
        if (compare_ids(&sorted[i - 1], &sorted[i]) == 0) *ret_twins = true;
    }
    return TALLY_OK;
}

enum tally_err lookup_newest_id(const struct lookup *lookup, const char *actor,
                                uint8_t ret_id[EVENT_ID_BYTES], struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    enum tally_err err;
    bool found;

    codec_key_newest_id(actor, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), &found, &value, diag);
    if (err != TALLY_OK) return err;
    memset(ret_id, 0, EVENT_ID_BYTES);
    if (!found) return TALLY_OK;
    if (value.size != EVENT_ID_BYTES) return damaged("event id", diag);
    memcpy(ret_id, value.data, EVENT_ID_BYTES);
    return TALLY_OK;
}

/* The record that used the id of this event. */
static enum tally_err find_id(const struct lookup *lookup, const struct event *event,
                              bool *ret_found, uint64_t *ret_index, struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    struct bytes_reader reader;
    uint8_t newest[EVENT_ID_BYTES];
    enum tally_err err = lookup_newest_id(lookup, event->actor, newest, diag);

    *ret_found = false;
    if (err != TALLY_OK || memcmp(event->id, newest, sizeof newest) > 0) return err;
    codec_key_event_id(event->id, event->actor, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), ret_found, &value, diag);
    if (err != TALLY_OK || !*ret_found) return err;
    reader = bytes_reader(value.data, value.size);
    *ret_index = bytes_get_u64(&reader);
    return bytes_reader_done(&reader) ? TALLY_OK : damaged("event id", diag);
}

enum tally_err lookup_batch(const struct lookup *lookup, const struct batch *batch,
                            enum lookup_known *ret_known, struct tally_diag *diag)
{
    uint32_t used = 0, same = 0;
    bool twins;
    enum tally_err err = has_twins(batch, lookup->arena, &twins);

    for (uint32_t i = 0; i < batch->events_count && err == TALLY_OK; i++) {
        struct event_place place = {0};
        bool id_found, hash_found = false;
        uint64_t by_id = 0;

        err = find_id(lookup, &batch->events[i], &id_found, &by_id, diag);
        if (err != TALLY_OK || !id_found) continue;
        used++;
        err = lookup_event(lookup, &batch->events[i].hash, &hash_found, &place, diag);
        if (hash_found && by_id == place.index) same++;
    }
    if (err != TALLY_OK) return err;
    *ret_known = LOOKUP_CONFLICT;
    if (used == 0 && !twins) *ret_known = LOOKUP_NEW;
    if (same == batch->events_count && !twins) *ret_known = LOOKUP_KNOWN;
    if (*ret_known == LOOKUP_CONFLICT) {
        tally_diag_set(diag,
                       "%u of the batch's %u event ids are used, %u of them by the same "
                       "bytes%s",
                       (unsigned)used, (unsigned)batch->events_count, (unsigned)same,
                       twins ? "; and one id is in it twice" : "");
    }
    return TALLY_OK;
}

enum tally_err lookup_results(const struct lookup *lookup, const struct batch *batch,
                              struct arena *results, struct ledger_event_result *ret_results,
                              struct tally_diag *diag)
{
    for (uint32_t i = 0; i < batch->events_count; i++) {
        struct ledger_event_result *result = &ret_results[i];
        struct event_place place = {0};
        struct locator locator;
        uint16_t *failed;
        bool found;
        enum tally_err err;

        *result = (struct ledger_event_result){.event_hash = batch->events[i].hash,
                                               .outcome = LEDGER_REPEATED};
        err = lookup_event(lookup, &result->event_hash, &found, &place, diag);
        if (err != TALLY_OK) return err;
        ASSERT(found); /* lookup_batch said KNOWN */
        result->index = place.index;
        result->allowed = place.allowed;
        err = lookup_locator(lookup, result->index, &locator, diag);
        if (err != TALLY_OK) return err;
        failed = arena_alloc(results, sizeof *failed * locator.failed_count);
        if (failed == NULL) return TALLY_E_NO_MEMORY;
        for (uint16_t k = 0; k < locator.failed_count; k++) {
            failed[k] = codec_failed(&locator, k);
        }
        result->time_ms = locator.time_ms;
        result->failed_rules = failed;
        result->failed_rules_count = locator.failed_count;
    }
    return TALLY_OK;
}
