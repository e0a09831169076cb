#include "ledger/ledger_internal.h"

#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

static enum tally_err enroll(struct ledger *ledger, const char *subject,
                             const struct event_principal *principal)
{
    for (uint32_t i = 0; i < principal->keys_count; i++) {
        struct ledger_key key = {0};
        struct tally_hash key_id;
        enum tally_err err;

        memcpy(key.public_key, principal->public_keys[i], sizeof key.public_key);
        memcpy(key.principal, subject, strlen(subject));
        sign_key_id(key.public_key, &key_id);
        err = effects_key_put(ledger, key_id.bytes, &key);
        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

/* A principal of genesis is registered by the genesis event; its roles cover everything and
 * never expire. */
static enum tally_err add_principal(struct ledger *ledger, const struct event *event,
                                    const struct event_principal *from)
{
    struct principal *principal = arena_zalloc(ledger->scratch, 1, sizeof *principal);
    struct topic topic = {.events = 1,
                          .has_head = true,
                          .registered = true,
                          .head = event->hash,
                          .registration = event->hash};
    char subject[LIMIT_SUBJECT_SIZE + 1] = "principal/";
    struct codec_key key;
    enum tally_err err;

    if (principal == NULL) return TALLY_E_NO_MEMORY;
    strncat(subject, from->id, LIMIT_NAME_SIZE);
    principal->kind = (uint8_t)from->kind;
    for (uint32_t i = 0; i < from->roles_count && i < DECIDE_ROLES_MAX; i++) {
        principal->roles[principal->roles_count++] =
            (struct decide_role){.name = bytes_of(from->roles[i], strlen(from->roles[i]))};
    }
    err = effects_principal_put(ledger, subject, principal);
    if (err == TALLY_OK) err = enroll(ledger, subject, from);
    if (err == TALLY_OK) err = effects_list(ledger, &topic, false, 0, event->type);
    codec_key_path(subject, strlen(subject), &key);
    if (err == TALLY_OK) err = effects_topic_put(ledger, codec_bytes(&key), &topic);
    return err;
}

/* Genesis lists every principal that it registers; above them it stands once. */
static enum tally_err add_principals(struct ledger *ledger, const struct event *event)
{
    const struct event_genesis *genesis = &event->genesis;
    struct topic topic = {0};
    struct codec_key key;
    enum tally_err err = TALLY_OK;

    if (genesis->principals_count == 0) return TALLY_OK;
    for (uint32_t i = 0; i < genesis->principals_count && err == TALLY_OK; i++) {
        err = add_principal(ledger, event, &genesis->principals[i]);
    }
    if (err == TALLY_OK) err = effects_list(ledger, &topic, false, 0, event->type);
    codec_key_path("principal", strlen("principal"), &key);
    return err != TALLY_OK ? err : effects_topic_put(ledger, codec_bytes(&key), &topic);
}

enum tally_err apply_genesis(struct apply *apply)
{
    struct ledger *ledger = apply->ledger;
    struct facts *facts = arena_zalloc(ledger->block, 1, sizeof *facts);
    const struct locator locator = {
        .form = LOCATOR_BODY, .time_ms = ledger->applied.time_ms, .block = apply->header.index};
    uint8_t value[CODEC_LOCATOR_MAX];
    struct record record;
    struct event event;
    enum tally_err err;

    if (facts == NULL) return TALLY_E_NO_MEMORY;
    arena_reset(ledger->scratch, 0);
    err = record_decode(apply->body, ledger->block, &record, apply->diag);
    if (err == TALLY_OK) err = record_event(&record, ledger->block, &event, apply->diag);
    if (err == TALLY_E_NO_MEMORY) return err;
    if (err != TALLY_OK || event.type != EVENT_LEDGER_GENESIS || record.index != 0 ||
        record.time_ms != ledger->applied.time_ms) {
        return TALLY_E_CORRUPT; /* only `tallyd init` writes this block, after checking it */
    }
    hash_leaf(apply->body.data, apply->body.size, &ledger->ledger_id);
    apply->events = arena_zalloc(ledger->results, 1, sizeof *apply->events);
    if (apply->events == NULL) return TALLY_E_NO_MEMORY;
    apply->events[0] = (struct ledger_event_result){.event_hash = event.hash,
                                                    .outcome = LEDGER_RECORDED,
                                                    .time_ms = record.time_ms,
                                                    .allowed = true};
    apply->result->events = apply->events;
    apply->result->events_count = 1;
    err = ledger_add_leaf(ledger, apply->body, value, codec_locator_put(&locator, NULL, value));
    if (err == TALLY_OK) err = effects_put(ledger, &event, facts, true, apply->diag);
    if (err == TALLY_OK) err = add_principals(ledger, &event);
    if (err == TALLY_OK) err = governance_begin(ledger, &event.genesis);
    if (err != TALLY_OK) return err;
    return members_identity_put(
        ledger, bytes_of(event.genesis.name, strlen(event.genesis.name)), event.genesis.config);
}
