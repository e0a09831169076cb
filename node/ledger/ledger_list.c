#include "ledger/ledger_internal.h"

#include <string.h>

#include "base/assert.h"

/* A list as of one moment: its topic, and the chunk that was read last. */
struct list {
    struct store *store;
    const struct topic *topic;
    uint64_t chunk; /* number of the one below; UINT64_MAX: none yet */
    uint8_t entries[CODEC_CHUNK_SIZE];
};

static enum tally_err read_chunk(struct list *list, uint64_t chunk, struct tally_diag *diag)
{
    struct store_value value;
    struct codec_key key;
    enum tally_err err;

    codec_key_chunk(list->topic->list, chunk, &key);
    err = store_get(list->store, STORE_INDEX, codec_bytes(&key), &value, diag);
    if (err == TALLY_OK) {
        if (value.size == sizeof list->entries) {
            memcpy(list->entries, value.data, sizeof list->entries);
        } else {
            err = TALLY_E_CORRUPT;
        }
        store_value_free(&value);
    }
    if (err == TALLY_E_NOT_FOUND || err == TALLY_E_CORRUPT) {
        tally_diag_set(diag, "a part of a list of records is lost or damaged");
        return TALLY_E_CORRUPT;
    }
    if (err == TALLY_OK) list->chunk = chunk;
    return err;
}

/* The entry at a position below the topic's count. */
static enum tally_err entry_at(struct list *list, uint64_t position,
                               struct list_entry *ret_entry, struct tally_diag *diag)
{
    const uint64_t chunk = position / LIST_CHUNK;

    ASSERT(position < list->topic->count);
    if (chunk == list->topic->count / LIST_CHUNK) {
        codec_entry_get(list->topic->tail, position % LIST_CHUNK, ret_entry);
        return TALLY_OK;
    }
    if (chunk != list->chunk) {
        const enum tally_err err = read_chunk(list, chunk, diag);

        if (err != TALLY_OK) return err;
    }
    codec_entry_get(list->entries, position % LIST_CHUNK, ret_entry);
    return TALLY_OK;
}

/* The first position whose record is not before `from`. */
static enum tally_err bisect(struct list *list, uint64_t from, uint64_t *ret_position,
                             struct tally_diag *diag)
{
    uint64_t low = 0, high = list->topic->count;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        struct list_entry entry;
        const enum tally_err err = entry_at(list, middle, &entry, diag);

        if (err != TALLY_OK) return err;
        if (entry.index < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_position = low;
    return TALLY_OK;
}

/* Indexes of the type from `from` on, below `to`, at most `limit`. */
static enum tally_err collect(struct list *list, uint32_t type, uint64_t from, uint64_t to,
                              uint32_t limit, uint64_t *ret_indexes, uint32_t *ret_count,
                              struct tally_diag *diag)
{
    uint64_t position = 0;
    enum tally_err err = bisect(list, from, &position, diag);

    *ret_count = 0;
    for (; err == TALLY_OK && position < list->topic->count; position++) {
        struct list_entry entry;

        err = entry_at(list, position, &entry, diag);
        if (err != TALLY_OK || entry.index >= to) return err;
        if (type != 0 && entry.type != type) continue;
        ret_indexes[(*ret_count)++] = entry.index;
        if (*ret_count == limit) return TALLY_OK;
    }
    return err;
}

static enum tally_err find_topic(struct store *store, const char *subject, uint32_t type,
                                 bool *ret_found, struct topic *ret_topic,
                                 struct tally_diag *diag)
{
    struct lookup lookup = {.store = store};
    struct codec_key key;
    enum tally_err err = arena_open(0, &lookup.arena);

    if (err != TALLY_OK) return err;
    if (subject[0] != '\0') {
        codec_key_path(subject, strlen(subject), &key);
    } else {
        codec_key_type(type, &key);
    }
    err = lookup_topic(&lookup, codec_bytes(&key), ret_found, ret_topic, diag);
    arena_close(lookup.arena);
    return err;
}

enum tally_err ledger_read_list(struct store *store, const char *subject, uint32_t type,
                                uint64_t from, uint64_t to, uint32_t limit,
                                uint64_t *ret_indexes, uint32_t *ret_count, uint64_t *ret_next,
                                struct tally_diag *diag)
{
    uint64_t size = 0;
    uint32_t count = 0;
    enum tally_err err = ledger_read_size(store, &size, diag);

    if (err != TALLY_OK) return err;
    if (to > size) to = size;
    if (limit == 0 || from >= to) {
        to = from;
    } else if (subject[0] == '\0' && type == 0) {
        while (count < limit && from + count < to) {
            ret_indexes[count] = from + count;
            count++;
        }
    } else if (strlen(subject) <= LIMIT_SUBJECT_SIZE && type <= UINT16_MAX) {
        struct topic topic;
        struct list list = {.store = store, .topic = &topic, .chunk = UINT64_MAX};
        bool found = false;

        err = find_topic(store, subject, type, &found, &topic, diag);
        if (err == TALLY_OK && found) {
            err = collect(&list, type, from, to, limit, ret_indexes, &count, diag);
        }
        if (err != TALLY_OK) return err;
    }
    *ret_count = count;
    *ret_next = count > 0 && count == limit ? ret_indexes[count - 1] + 1 : to;
    return TALLY_OK;
}
