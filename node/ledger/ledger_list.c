#include "ledger/ledger_internal.h"

#include <string.h>

#include "base/assert.h"

/* A query over one list. */
struct query {
    uint32_t type; /* 0: all */
    uint64_t to;
    uint32_t limit, count;
    uint64_t *indexes;
    uint64_t position, end; /* the next position, and how many the list has */
    bool done;              /* `to` or the limit is reached */
    bool damaged;           /* a position is missing */
};

static bool entry_get(struct bytes value, uint64_t *ret_index, uint32_t *ret_type)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);

    *ret_index = bytes_get_u64(&reader);
    *ret_type = bytes_get_u16(&reader);
    return bytes_reader_done(&reader);
}

/* Positions have no holes, so that an entry which a scan skips shows. */
static bool visit(void *context, struct bytes key, struct bytes value)
{
    struct query *query = context;
    struct bytes_reader reader = bytes_reader(key.data, key.size);
    uint64_t index;
    uint32_t type;

    bytes_get_u64(&reader); /* the list: the scan's prefix */
    query->damaged = bytes_get_u64(&reader) != query->position || !bytes_reader_done(&reader) ||
                     !entry_get(value, &index, &type);
    if (query->damaged) return false;
    query->done = index >= query->to;
    if (query->done) return false;
    query->position++;
    if (query->type == 0 || type == query->type) {
        query->indexes[query->count++] = index;
        query->done = query->count == query->limit;
    }
    return !query->done && query->position < query->end;
}

static enum tally_err entry_index(struct store *store, uint64_t list, uint64_t position,
                                  uint64_t *ret_index, struct tally_diag *diag)
{
    struct store_value value;
    struct codec_key key;
    uint32_t type;
    enum tally_err err;

    codec_key_list(list, position, &key);
    err = store_get(store, STORE_INDEX, codec_bytes(&key), &value, diag);
    if (err == TALLY_E_NOT_FOUND) return TALLY_E_CORRUPT;
    if (err != TALLY_OK) return err;
    if (!entry_get(bytes_of(value.data, value.size), ret_index, &type)) err = TALLY_E_CORRUPT;
    store_value_free(&value);
    return err;
}

/* The first position whose record is not before `from`. */
static enum tally_err bisect(struct store *store, const struct topic *topic, uint64_t from,
                             uint64_t *ret_position, struct tally_diag *diag)
{
    uint64_t low = 0, high = topic->count;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        uint64_t index = 0;
        const enum tally_err err = entry_index(store, topic->list, middle, &index, diag);

        if (err != TALLY_OK) return err;
        if (index < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_position = low;
    return TALLY_OK;
}

static enum tally_err run(struct store *store, const struct topic *topic, uint64_t from,
                          struct query *query, struct tally_diag *diag)
{
    struct codec_key start, prefix;
    enum tally_err err = bisect(store, topic, from, &query->position, diag);

    query->end = topic->count;
    if (err != TALLY_OK || query->position == query->end) return err;
    codec_key_list(topic->list, query->position, &start);
    prefix = start;
    prefix.size = 8;
    err = store_scan(store, STORE_INDEX, codec_bytes(&prefix), codec_bytes(&start), visit,
                     query, diag);
    if (err != TALLY_OK) return err;
    if (query->damaged || (!query->done && query->position != query->end)) {
        tally_diag_set(diag, "a list of records has a hole");
        return TALLY_E_CORRUPT;
    }
    return TALLY_OK;
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
    struct query query = {.type = type, .limit = limit, .indexes = ret_indexes};
    struct topic topic;
    uint64_t size = 0;
    bool found = false;
    enum tally_err err = ledger_read_size(store, &size, diag);

    if (err != TALLY_OK) return err;
    query.to = to < size ? to : size;
    if (limit == 0 || from >= query.to) {
        query.to = from;
    } else if (subject[0] == '\0' && type == 0) {
        while (query.count < limit && from + query.count < query.to) {
            ret_indexes[query.count] = from + query.count;
            query.count++;
        }
    } else if (strlen(subject) <= LIMIT_SUBJECT_SIZE && type <= UINT16_MAX) {
        err = find_topic(store, subject, type, &found, &topic, diag);
        if (err == TALLY_OK && found) err = run(store, &topic, from, &query, diag);
        if (err != TALLY_OK) return err;
    }
    *ret_count = query.count;
    *ret_next =
        query.count > 0 && query.count == limit ? ret_indexes[query.count - 1] + 1 : query.to;
    return TALLY_OK;
}
