#include "ledger/ledger_internal.h"

#include <string.h>

#include "base/assert.h"

enum tally_err effects_topic_put(struct ledger *ledger, struct bytes key,
                                 const struct topic *topic)
{
    uint8_t value[CODEC_TOPIC_MAX];

    return state_set(ledger->state, STORE_STATE, key,
                     bytes_of(value, codec_topic_put(topic, value)));
}

enum tally_err effects_principal_put(struct ledger *ledger, const char *subject,
                                     const struct principal *principal)
{
    uint8_t *value = arena_alloc(ledger->scratch, CODEC_PRINCIPAL_MAX);
    struct codec_key key;

    if (value == NULL) return TALLY_E_NO_MEMORY;
    codec_key_principal(subject, &key);
    return state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                     bytes_of(value, codec_principal_put(principal, value)));
}

enum tally_err effects_key_put(struct ledger *ledger, const uint8_t key_id[32],
                               const struct ledger_key *key)
{
    uint8_t value[CODEC_KEY_MAX];
    struct codec_key name;

    codec_key_key(key_id, &name);
    return state_set(ledger->state, STORE_STATE, codec_bytes(&name),
                     bytes_of(value, codec_ledger_key_put(key, value)));
}

/* ---- lists ---- */

enum tally_err effects_list(struct ledger *ledger, struct topic *topic, bool found,
                            uint64_t index, uint32_t type)
{
    const struct list_entry entry = {.index = index, .type = (uint16_t)type};
    struct codec_key key;

    if (!found) topic->list = ledger->applied.lists++;
    codec_entry_put(&entry, topic->count % LIST_CHUNK, topic->tail);
    topic->count++;
    if (topic->count % LIST_CHUNK != 0) return TALLY_OK;
    codec_key_chunk(topic->list, topic->count / LIST_CHUNK - 1, &key);
    return state_add(ledger->state, STORE_INDEX, codec_bytes(&key),
                     bytes_of(topic->tail, sizeof topic->tail));
}

static enum tally_err list_in(struct ledger *ledger, const struct codec_key *key,
                              uint64_t index, uint32_t type, struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(ledger);
    struct topic topic;
    bool found;
    enum tally_err err = lookup_topic(&lookup, codec_bytes(key), &found, &topic, diag);

    if (err == TALLY_OK) err = effects_list(ledger, &topic, found, index, type);
    if (err == TALLY_OK) err = effects_topic_put(ledger, codec_bytes(key), &topic);
    return err;
}

/* Enter the event in the lists of its type and of every path above its subject. */
static enum tally_err list_above(struct ledger *ledger, const struct event *event,
                                 uint64_t index, struct tally_diag *diag)
{
    struct codec_key key;
    enum tally_err err;

    codec_key_type(event->type, &key);
    err = list_in(ledger, &key, index, event->type, diag);
    for (const char *end = strchr(event->subject, '/'); end != NULL && err == TALLY_OK;
         end = strchr(end + 1, '/')) {
        codec_key_path(event->subject, (size_t)(end - event->subject), &key);
        err = list_in(ledger, &key, index, event->type, diag);
    }
    return err;
}

/* ---- what an allowed event changes ---- */

static void change_subject(const struct event *event, uint64_t index, struct topic *subject)
{
    const struct event_type_info *info = event_type_info(event->type);
    const struct event_artifact *artifact = NULL;

    subject->events++;
    if (info->head != HEAD_STAYS) {
        subject->has_head = true;
        subject->head = event->hash;
        subject->head_index = index;
    }
    switch (info->effect) {
    case EFFECT_NONE:
    case EFFECT_RETRACTS: /* put_retracted */
        return;
    case EFFECT_REGISTERS:
        if (info->artifact != NULL) artifact = event_artifact(event, info->artifact);
        subject->registered = true;
        subject->registration = event->hash;
        subject->has_bytes = artifact != NULL;
        if (artifact != NULL) subject->manifest_root = artifact->manifest_root;
        return;
    case EFFECT_FAILS:
    case EFFECT_ENDS:
        subject->failed = subject->failed || info->effect == EFFECT_FAILS;
        subject->ended = true;
        return;
    }
}

/* What an event that retracts takes back. event_check: there is one REL_CORRECTS; decide: it is
 * allowed, and not retracted yet, so that the key is new. */
static enum tally_err put_retracted(struct ledger *ledger, const struct event *event,
                                    uint64_t index)
{
    uint8_t value[8];
    struct bytes_writer writer = bytes_writer(value, sizeof value);
    struct codec_key key;

    bytes_put_u64(&writer, index);
    codec_key_retracted(&event_ref(event, REL_CORRECTS)->event_hash, &key);
    return state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                     bytes_of(value, sizeof value));
}

/* Granting a role that is held moves its expiry. */
static void grant(const struct event *event, struct principal *principal)
{
    const struct decide_role *held = decide_role_held(principal->roles, principal->roles_count,
                                                      event->role.role, event->role.scope);
    const uint32_t at =
        held == NULL ? principal->roles_count : (uint32_t)(held - principal->roles);

    ASSERT(at < DECIDE_ROLES_MAX); /* RULE_ROLE_LIMIT */
    if (at == principal->roles_count) principal->roles_count++;
    principal->roles[at] = (struct decide_role){.name = text_bytes(event->role.role),
                                                .scope = text_bytes(event->role.scope),
                                                .expires_ms = event->role.expires_ms};
}

static void take_role(const struct event *event, struct principal *principal)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < principal->roles_count; i++) {
        if (!decide_role_is(&principal->roles[i], event->role.role, event->role.scope))
            principal->roles[kept++] = principal->roles[i];
    }
    principal->roles_count = kept;
}

static enum tally_err change_trust(struct ledger *ledger, const struct event *event,
                                   uint64_t index, struct facts *facts)
{
    switch (event->type) {
    case EVENT_PRINCIPAL_REGISTERED:
        facts->target = (struct principal){.registered_index = index,
                                           .kind = (uint8_t)event->principal_registered.kind};
        return effects_principal_put(ledger, event->subject, &facts->target);
    case EVENT_PRINCIPAL_UPDATED:
        facts->target.unit = text_bytes(event->principal_updated.unit);
        facts->target.site = text_bytes(event->principal_updated.site);
        facts->target.responsible = text_bytes(event->principal_updated.responsible);
        return effects_principal_put(ledger, event->subject, &facts->target);
    case EVENT_ROLE_GRANTED:
        grant(event, &facts->target);
        return effects_principal_put(ledger, event->subject, &facts->target);
    case EVENT_ROLE_REVOKED:
        take_role(event, &facts->target);
        return effects_principal_put(ledger, event->subject, &facts->target);
    case EVENT_KEY_ENROLLED:
        facts->key = (struct ledger_key){.enrolled_index = index};
        memcpy(facts->key.public_key, event->key_enrolled.public_key, EVENT_KEY_BYTES);
        memcpy(facts->key.principal, event->subject, strlen(event->subject));
        return effects_key_put(ledger, facts->key_id.bytes, &facts->key);
    case EVENT_KEY_REVOKED:
        facts->key.revoked = true;
        facts->key.revoked_index = index;
        return effects_key_put(ledger, facts->key_id.bytes, &facts->key);
    case EVENT_LEDGER_MEMBER_CHANGED:
        return members_put(ledger, event, index, facts);
    default:
        return TALLY_OK;
    }
}

static enum tally_err put_newest_id(struct ledger *ledger, const struct event *event,
                                    struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(ledger);
    uint8_t newest[EVENT_ID_BYTES];
    struct codec_key key;
    const enum tally_err err = lookup_newest_id(&lookup, event->actor, newest, diag);

    if (err != TALLY_OK || memcmp(event->id, newest, sizeof newest) <= 0) return err;
    codec_key_newest_id(event->actor, &key);
    return state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                     bytes_of(event->id, sizeof event->id));
}

static enum tally_err put_event(struct ledger *ledger, const struct event *event,
                                const struct event_place *place, struct tally_diag *diag)
{
    uint8_t value[CODEC_PLACE_SIZE];
    struct codec_key key;
    enum tally_err err;

    codec_place_put(place, value);
    codec_key_event_id(event->id, event->actor, &key);
    err = state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                    bytes_of(value, sizeof place->index)); /* it begins with the index */
    if (err != TALLY_OK) return err;
    codec_key_event(&event->hash, &key);
    err =
        state_set(ledger->state, STORE_STATE, codec_bytes(&key), bytes_of(value, sizeof value));
    return err != TALLY_OK ? err : put_newest_id(ledger, event, diag);
}

enum tally_err effects_put(struct ledger *ledger, const struct event *event,
                           struct facts *facts, bool allowed, struct tally_diag *diag)
{
    const uint64_t index = ledger->applied.size - 1;
    struct event_place place = {
        .index = index, .allowed = allowed, .type = (uint16_t)event->type};
    struct codec_key key;
    enum tally_err err = list_above(ledger, event, index, diag);

    if (err == TALLY_OK) {
        err = effects_list(ledger, &facts->subject, facts->subject_found, index, event->type);
    }
    place.list = facts->subject.list;
    if (err == TALLY_OK) err = put_event(ledger, event, &place, diag);
    if (err != TALLY_OK) return err;
    if (allowed) change_subject(event, index, &facts->subject);
    codec_key_path(event->subject, strlen(event->subject), &key);
    err = effects_topic_put(ledger, codec_bytes(&key), &facts->subject);
    if (err != TALLY_OK || !allowed) return err;
    if (event_type_info(event->type)->effect == EFFECT_RETRACTS) {
        err = put_retracted(ledger, event, index);
    }
    if (err == TALLY_OK) err = governance_put(ledger, event, facts, diag);
    return err == TALLY_OK ? change_trust(ledger, event, index, facts) : err;
}
