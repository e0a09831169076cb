#include "ledger/ledger_codec.h"

#include <string.h>

#include "base/assert.h"

enum { PRINCIPAL_PREFIX = 10, APPLIED_VERSION = 3 }; /* "principal/" */
enum {
    TOPIC_HEAD = 1,
    TOPIC_REGISTERED = 2,
    TOPIC_BYTES = 4,
    TOPIC_ENDED = 8,
    TOPIC_FAILED = 16
};

static struct bytes_writer begin(struct codec_key *key)
{
    return bytes_writer(key->data, sizeof key->data);
}

static void end(struct codec_key *key, const struct bytes_writer *writer)
{
    ASSERT(!writer->bad);
    key->size = writer->at;
}

static void tagged(char tag, const void *data, size_t size, struct codec_key *ret_key)
{
    struct bytes_writer writer = begin(ret_key);

    bytes_put_u8(&writer, (uint8_t)tag);
    bytes_put(&writer, data, size);
    end(ret_key, &writer);
}

void codec_key_record(uint64_t index, struct codec_key *ret_key)
{
    struct bytes_writer writer = begin(ret_key);

    bytes_put_u64(&writer, index);
    end(ret_key, &writer);
}

void codec_key_node(uint32_t level, uint64_t index, struct codec_key *ret_key)
{
    struct bytes_writer writer = begin(ret_key);

    ASSERT(level <= UINT8_MAX);
    bytes_put_u8(&writer, (uint8_t)level);
    bytes_put_u64(&writer, index);
    end(ret_key, &writer);
}

/* Without "principal/"; genesis has no actor. */
static struct bytes actor_id(const char *actor)
{
    const size_t size = strlen(actor);
    const size_t skip = size > PRINCIPAL_PREFIX ? PRINCIPAL_PREFIX : 0;

    return bytes_of(actor + skip, size - skip);
}

void codec_key_event_id(const uint8_t id[EVENT_ID_BYTES], const char *actor,
                        struct codec_key *ret_key)
{
    struct bytes_writer writer = begin(ret_key);
    const struct bytes name = actor_id(actor);

    bytes_put_u8(&writer, 'i');
    bytes_put(&writer, id, EVENT_ID_BYTES);
    bytes_put(&writer, name.data, name.size);
    end(ret_key, &writer);
}

void codec_key_newest_id(const char *actor, struct codec_key *ret_key)
{
    const struct bytes name = actor_id(actor);

    tagged('m', name.data, name.size, ret_key);
}

void codec_key_event(const struct tally_hash *event_hash, struct codec_key *ret_key)
{
    tagged('e', event_hash->bytes, sizeof event_hash->bytes, ret_key);
}

void codec_key_retracted(const struct tally_hash *event_hash, struct codec_key *ret_key)
{
    tagged('r', event_hash->bytes, sizeof event_hash->bytes, ret_key);
}

void codec_key_key(const uint8_t key_id[32], struct codec_key *ret_key)
{
    tagged('k', key_id, 32, ret_key);
}

void codec_key_principal(const char *subject, struct codec_key *ret_key)
{
    const size_t size = strlen(subject);

    ASSERT(size > PRINCIPAL_PREFIX);
    tagged('p', subject + PRINCIPAL_PREFIX, size - PRINCIPAL_PREFIX, ret_key);
}

void codec_key_path(const char *path, size_t size, struct codec_key *ret_key)
{
    tagged('s', path, size, ret_key);
}

void codec_key_type(uint32_t type, struct codec_key *ret_key)
{
    struct bytes_writer writer = begin(ret_key);

    ASSERT(type <= UINT16_MAX);
    bytes_put_u8(&writer, 't');
    bytes_put_u16(&writer, (uint16_t)type);
    end(ret_key, &writer);
}

void codec_key_chunk(uint64_t list, uint64_t chunk, struct codec_key *ret_key)
{
    struct bytes_writer writer = begin(ret_key);

    bytes_put_u64(&writer, list);
    bytes_put_u64(&writer, chunk);
    end(ret_key, &writer);
}

struct bytes codec_key_applied(void)
{
    return bytes_of("applied", 7);
}

struct bytes codec_key_pending(void)
{
    return bytes_of("pending", 7);
}

struct bytes codec_key_next_member(void)
{
    return bytes_of("next_member", 11);
}

struct bytes codec_key_identity(void)
{
    return bytes_of("identity", 8);
}

static const struct tally_hash no_hash;

size_t codec_locator_put(const struct locator *locator, const uint16_t *failed,
                         uint8_t ret_value[CODEC_LOCATOR_MAX])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_LOCATOR_MAX);

    ASSERT(locator->form == LOCATOR_EVENT || locator->form == LOCATOR_BODY);
    bytes_put(&writer, no_hash.bytes, sizeof no_hash.bytes);
    bytes_put_u8(&writer, (uint8_t)locator->form);
    bytes_put_u64(&writer, locator->time_ms);
    bytes_put_u64(&writer, locator->block);
    if (locator->form == LOCATOR_EVENT) {
        bytes_put_u16(&writer, locator->batch);
        bytes_put_u16(&writer, locator->place);
        bytes_put_u8(&writer, locator->allowed ? 1 : 0);
        bytes_put_u64(&writer, locator->policy);
        for (uint16_t i = 0; i < locator->failed_count; i++) bytes_put_u16(&writer, failed[i]);
    }
    ASSERT(!writer.bad);
    return writer.at;
}

void codec_inline_put(uint64_t time_ms, uint8_t ret_value[CODEC_INLINE_HEAD])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_INLINE_HEAD);

    bytes_put(&writer, no_hash.bytes, sizeof no_hash.bytes);
    bytes_put_u8(&writer, LOCATOR_INLINE);
    bytes_put_u64(&writer, time_ms);
    ASSERT(!writer.bad);
}

bool codec_locator_get(struct bytes value, struct locator *ret_locator)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);
    struct locator locator = {0};
    size_t rest;

    bytes_get_copy(&reader, locator.hash.bytes, sizeof locator.hash.bytes);
    locator.form = (enum locator_form)bytes_get_u8(&reader);
    locator.time_ms = bytes_get_u64(&reader);
    if (locator.form == LOCATOR_INLINE) {
        rest = reader.size - reader.at;
        locator.record = bytes_of(bytes_get(&reader, rest), rest);
    } else {
        locator.block = bytes_get_u64(&reader);
        locator.allowed = true;
    }
    if (locator.form == LOCATOR_EVENT) {
        locator.batch = bytes_get_u16(&reader);
        locator.place = bytes_get_u16(&reader);
        locator.allowed = bytes_get_u8(&reader) == 1;
        locator.policy = bytes_get_u64(&reader);
        rest = reader.size - reader.at;
        if (rest % 2 != 0 || rest > 2 * (size_t)DECIDE_FAILED_MAX) return false;
        locator.failed_count = (uint16_t)(rest / 2);
        locator.failed = bytes_get(&reader, rest);
        if (locator.allowed != (rest == 0)) return false;
    }
    if (locator.form < LOCATOR_EVENT || locator.form > LOCATOR_INLINE) return false;
    if (!bytes_reader_done(&reader)) return false;
    *ret_locator = locator;
    return true;
}

uint16_t codec_failed(const struct locator *locator, uint16_t i)
{
    struct bytes_reader reader = bytes_reader(locator->failed + 2 * (size_t)i, 2);

    ASSERT(i < locator->failed_count);
    return bytes_get_u16(&reader);
}

void codec_entry_put(const struct list_entry *entry, uint32_t place,
                     uint8_t entries[CODEC_CHUNK_SIZE])
{
    struct bytes_writer writer =
        bytes_writer(entries + (size_t)place * CODEC_ENTRY_SIZE, CODEC_ENTRY_SIZE);

    ASSERT(place < LIST_CHUNK);
    bytes_put_u64(&writer, entry->index);
    bytes_put_u16(&writer, entry->type);
}

void codec_entry_get(const uint8_t entries[CODEC_CHUNK_SIZE], uint32_t place,
                     struct list_entry *ret_entry)
{
    struct bytes_reader reader =
        bytes_reader(entries + (size_t)place * CODEC_ENTRY_SIZE, CODEC_ENTRY_SIZE);

    ASSERT(place < LIST_CHUNK);
    ret_entry->index = bytes_get_u64(&reader);
    ret_entry->type = bytes_get_u16(&reader);
}

void codec_place_put(const struct event_place *place, uint8_t ret_value[CODEC_PLACE_SIZE])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_PLACE_SIZE);

    bytes_put_u64(&writer, place->index);
    bytes_put_u8(&writer, place->allowed ? 1 : 0);
    bytes_put_u16(&writer, place->type);
    bytes_put_u64(&writer, place->list);
    ASSERT(!writer.bad && writer.at == CODEC_PLACE_SIZE);
}

bool codec_place_get(struct bytes value, struct event_place *ret_place)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);
    uint8_t allowed;

    ret_place->index = bytes_get_u64(&reader);
    allowed = bytes_get_u8(&reader);
    ret_place->allowed = allowed == 1;
    ret_place->type = bytes_get_u16(&reader);
    ret_place->list = bytes_get_u64(&reader);
    return bytes_reader_done(&reader) && allowed <= 1;
}

size_t codec_topic_put(const struct topic *topic, uint8_t ret_value[CODEC_TOPIC_MAX])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_TOPIC_MAX);

    bytes_put_u8(&writer, (uint8_t)((topic->has_head ? TOPIC_HEAD : 0) |
                                    (topic->registered ? TOPIC_REGISTERED : 0) |
                                    (topic->has_bytes ? TOPIC_BYTES : 0) |
                                    (topic->ended ? TOPIC_ENDED : 0) |
                                    (topic->failed ? TOPIC_FAILED : 0)));
    bytes_put_u64(&writer, topic->list);
    bytes_put_u64(&writer, topic->count);
    bytes_put_u64(&writer, topic->events);
    if (topic->has_head) {
        bytes_put_u64(&writer, topic->head_index);
        bytes_put(&writer, topic->head.bytes, 32);
    }
    if (topic->registered) bytes_put(&writer, topic->registration.bytes, 32);
    if (topic->has_bytes) bytes_put(&writer, topic->manifest_root.bytes, 32);
    bytes_put(&writer, topic->tail, topic->count % LIST_CHUNK * CODEC_ENTRY_SIZE);
    ASSERT(!writer.bad);
    return writer.at;
}

bool codec_topic_get(struct bytes value, struct topic *ret_topic)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);
    const uint8_t flags = bytes_get_u8(&reader);

    *ret_topic = (struct topic){.has_head = (flags & TOPIC_HEAD) != 0,
                                .registered = (flags & TOPIC_REGISTERED) != 0,
                                .has_bytes = (flags & TOPIC_BYTES) != 0,
                                .ended = (flags & TOPIC_ENDED) != 0,
                                .failed = (flags & TOPIC_FAILED) != 0};
    ret_topic->list = bytes_get_u64(&reader);
    ret_topic->count = bytes_get_u64(&reader);
    ret_topic->events = bytes_get_u64(&reader);
    if (ret_topic->has_head) {
        ret_topic->head_index = bytes_get_u64(&reader);
        bytes_get_copy(&reader, ret_topic->head.bytes, 32);
    }
    if (ret_topic->registered) bytes_get_copy(&reader, ret_topic->registration.bytes, 32);
    if (ret_topic->has_bytes) bytes_get_copy(&reader, ret_topic->manifest_root.bytes, 32);
    bytes_get_copy(&reader, ret_topic->tail, ret_topic->count % LIST_CHUNK * CODEC_ENTRY_SIZE);
    return bytes_reader_done(&reader) && flags < 2 * TOPIC_FAILED;
}

static void put_text(struct bytes_writer *writer, struct bytes text)
{
    bytes_put_u16(writer, (uint16_t)text.size);
    bytes_put(writer, text.data, text.size);
}

static void get_text(struct bytes_reader *reader, struct bytes *ret_text)
{
    ret_text->size = bytes_get_u16(reader);
    ret_text->data = bytes_get(reader, ret_text->size);
}

size_t codec_principal_put(const struct principal *principal,
                           uint8_t ret_value[CODEC_PRINCIPAL_MAX])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_PRINCIPAL_MAX);

    ASSERT(principal->roles_count <= DECIDE_ROLES_MAX);
    bytes_put_u64(&writer, principal->registered_index);
    bytes_put_u8(&writer, principal->kind);
    put_text(&writer, principal->unit);
    put_text(&writer, principal->site);
    put_text(&writer, principal->responsible);
    bytes_put_u8(&writer, (uint8_t)principal->roles_count);
    for (uint32_t i = 0; i < principal->roles_count; i++) {
        const struct decide_role *role = &principal->roles[i];

        bytes_put_u64(&writer, role->expires_ms);
        bytes_put_u8(&writer, (uint8_t)role->name.size);
        bytes_put(&writer, role->name.data, role->name.size);
        put_text(&writer, role->scope);
    }
    ASSERT(!writer.bad);
    return writer.at;
}

bool codec_principal_get(struct bytes value, struct principal *ret_principal)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);

    ret_principal->registered_index = bytes_get_u64(&reader);
    ret_principal->kind = bytes_get_u8(&reader);
    get_text(&reader, &ret_principal->unit);
    get_text(&reader, &ret_principal->site);
    get_text(&reader, &ret_principal->responsible);
    ret_principal->roles_count = bytes_get_u8(&reader);
    if (ret_principal->roles_count > DECIDE_ROLES_MAX) return false;
    for (uint32_t i = 0; i < ret_principal->roles_count; i++) {
        struct decide_role *role = &ret_principal->roles[i];

        role->expires_ms = bytes_get_u64(&reader);
        role->name.size = bytes_get_u8(&reader);
        role->name.data = bytes_get(&reader, role->name.size);
        get_text(&reader, &role->scope);
        if (reader.bad) return false;
        role->role = role_named((const char *)role->name.data, role->name.size);
    }
    return bytes_reader_done(&reader);
}

size_t codec_ledger_key_put(const struct ledger_key *key, uint8_t ret_value[CODEC_KEY_MAX])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_KEY_MAX);

    bytes_put(&writer, key->public_key, sizeof key->public_key);
    bytes_put_u64(&writer, key->enrolled_index);
    bytes_put_u8(&writer, key->revoked ? 1 : 0);
    bytes_put_u64(&writer, key->revoked ? key->revoked_index : 0);
    bytes_put(&writer, key->principal, strlen(key->principal));
    ASSERT(!writer.bad);
    return writer.at;
}

bool codec_ledger_key_get(struct bytes value, struct ledger_key *ret_key)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);
    size_t rest;

    bytes_get_copy(&reader, ret_key->public_key, sizeof ret_key->public_key);
    ret_key->enrolled_index = bytes_get_u64(&reader);
    ret_key->revoked = bytes_get_u8(&reader) == 1;
    ret_key->revoked_index = bytes_get_u64(&reader);
    rest = reader.size - reader.at;
    if (rest > LIMIT_SUBJECT_SIZE) return false;
    bytes_get_copy(&reader, ret_key->principal, rest);
    ret_key->principal[rest] = '\0';
    return bytes_reader_done(&reader);
}

void codec_applied_put(const struct applied *applied, uint8_t ret_value[CODEC_APPLIED_SIZE])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_APPLIED_SIZE);

    bytes_put_u8(&writer, APPLIED_VERSION);
    bytes_put_u64(&writer, applied->block);
    bytes_put_u64(&writer, applied->size);
    bytes_put_u64(&writer, applied->time_ms);
    bytes_put_u64(&writer, applied->lists);
    bytes_put_u64(&writer, applied->boundary.block);
    bytes_put_u64(&writer, applied->boundary.size);
    bytes_put_u64(&writer, applied->boundary.time_ms);
    bytes_put(&writer, applied->boundary.root.bytes, 32);
    ASSERT(!writer.bad && writer.at == CODEC_APPLIED_SIZE);
}

bool codec_applied_get(struct bytes value, struct applied *ret_applied)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);
    const uint8_t version = bytes_get_u8(&reader);

    ret_applied->block = bytes_get_u64(&reader);
    ret_applied->size = bytes_get_u64(&reader);
    ret_applied->time_ms = bytes_get_u64(&reader);
    ret_applied->lists = bytes_get_u64(&reader);
    ret_applied->boundary.block = bytes_get_u64(&reader);
    ret_applied->boundary.size = bytes_get_u64(&reader);
    ret_applied->boundary.time_ms = bytes_get_u64(&reader);
    bytes_get_copy(&reader, ret_applied->boundary.root.bytes, 32);
    return bytes_reader_done(&reader) && version == APPLIED_VERSION;
}
