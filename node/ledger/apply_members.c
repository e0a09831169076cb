/* Changes of the members: an event authorises one and apply works out the Config that follows
 * from it; a CONFIG block with exactly that Config puts it in force. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "ledger/ledger_internal.h"
#include "receipt/trust_file.h"

enum { PENDING_HEAD = 1 + 8 };

struct bytes_and_index {
    struct bytes config;
    uint64_t index;
};

/* The Config that waits; size 0: none. */
static enum tally_err find_pending(const struct lookup *lookup, struct bytes_and_index *ret,
                                   struct tally_diag *diag)
{
    struct bytes_reader reader;
    struct bytes value;
    bool found;
    enum tally_err err =
        lookup_value(lookup, STORE_META, codec_key_pending(), &found, &value, diag);

    *ret = (struct bytes_and_index){0};
    if (err != TALLY_OK || !found) return err;
    reader = bytes_reader(value.data, value.size);
    if (bytes_get_u8(&reader) == 0) return TALLY_OK;
    ret->index = bytes_get_u64(&reader);
    if (reader.bad || value.size == PENDING_HEAD) return TALLY_E_CORRUPT;
    ret->config = bytes_of(value.data + PENDING_HEAD, value.size - PENDING_HEAD);
    return TALLY_OK;
}

/* Name and encoded Config in force. */
static enum tally_err find_identity(const struct lookup *lookup, struct bytes *ret_name,
                                    struct bytes *ret_config, struct tally_diag *diag)
{
    struct bytes_reader reader;
    struct bytes value;
    uint8_t size;
    bool found;
    enum tally_err err =
        lookup_value(lookup, STORE_META, codec_key_identity(), &found, &value, diag);

    if (err != TALLY_OK) return err;
    reader = bytes_reader(value.data, value.size);
    (void)bytes_get(&reader, 32);
    size = bytes_get_u8(&reader);
    *ret_name = bytes_of(bytes_get(&reader, size), size);
    if (!found || reader.bad) return TALLY_E_CORRUPT;
    *ret_config = bytes_of(value.data + reader.at, value.size - reader.at);
    return TALLY_OK;
}

static enum tally_err find_next_member(const struct lookup *lookup,
                                       const struct ledger_config *config, uint32_t *ret_id,
                                       struct tally_diag *diag)
{
    struct bytes_reader reader;
    struct bytes value;
    bool found;
    enum tally_err err =
        lookup_value(lookup, STORE_META, codec_key_next_member(), &found, &value, diag);

    if (err != TALLY_OK) return err;
    *ret_id = config->members[config->members_count - 1].id + 1;
    if (!found) return TALLY_OK;
    reader = bytes_reader(value.data, value.size);
    *ret_id = bytes_get_u32(&reader);
    return bytes_reader_done(&reader) ? TALLY_OK : TALLY_E_CORRUPT;
}

/* Does the policy name only voters that there are, and can it be satisfied? */
static enum tally_err check_policy(struct ledger *ledger, struct bytes name,
                                   const struct ledger_config *config, bool *ret_valid)
{
    struct trust *trust = malloc(sizeof *trust);
    char text[LIMIT_NAME_SIZE + 1] = "";
    enum tally_err err;

    if (trust == NULL) return TALLY_E_NO_MEMORY;
    ASSERT(name.size <= LIMIT_NAME_SIZE);
    memcpy(text, name.data, name.size);
    err = trust_file_make(text, &ledger->ledger_id, config, config->policy, trust, NULL);
    *ret_valid = err == TALLY_OK && trust->quorum != TRUST_NOBODY;
    free(trust);
    return err == TALLY_E_NO_MEMORY ? err : TALLY_OK;
}

static bool is_this_ledger(const struct event *event, struct bytes name)
{
    static const char head[] = "ledger/";
    const size_t size = strlen(event->subject);

    return size == sizeof head - 1 + name.size &&
           memcmp(event->subject + sizeof head - 1, name.data, name.size) == 0;
}

enum tally_err members_gather(struct ledger *ledger, const struct event *event,
                              struct facts *facts, struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(ledger);
    struct ledger_config *configs = arena_zalloc(ledger->scratch, 2, sizeof *configs);
    struct decide_change *change = &facts->facts.change;
    struct bytes_and_index pending;
    struct bytes name, now;
    uint32_t next_id = 0;
    enum tally_err err = configs == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;

    facts->next_config = (struct bytes){0};
    if (err == TALLY_OK) err = find_pending(&lookup, &pending, diag);
    if (err == TALLY_OK) err = find_identity(&lookup, &name, &now, diag);
    if (err == TALLY_OK) err = ledger_config_decode(now, ledger->scratch, &configs[0], diag);
    if (err == TALLY_OK) err = find_next_member(&lookup, &configs[0], &next_id, diag);
    if (err != TALLY_OK) return err == TALLY_E_MALFORMED ? TALLY_E_CORRUPT : err;
    change->pending = pending.config.size > 0;
    change->version_next = event->member_changed->config_version == configs[0].version + 1;
    err = ledger_config_change(&configs[0], now, event->member_changed, next_id,
                               facts->facts.index, ledger->scratch, &configs[1], NULL);
    if (err == TALLY_E_NO_MEMORY) return err;
    change->valid = err == TALLY_OK && is_this_ledger(event, name);
    if (!change->valid) return TALLY_OK;
    facts->next_config = ledger_config_encode(&configs[1], ledger->scratch);
    if (facts->next_config.data == NULL) return TALLY_E_NO_MEMORY;
    return check_policy(ledger, name, &configs[1], &change->policy_valid);
}

static enum tally_err put_pending(struct ledger *ledger, struct bytes config, uint64_t index)
{
    const size_t size = PENDING_HEAD + config.size;
    uint8_t *value = arena_alloc(ledger->scratch, size);
    struct bytes_writer writer = bytes_writer(value, size);

    if (value == NULL) return TALLY_E_NO_MEMORY;
    bytes_put_u8(&writer, config.size > 0);
    bytes_put_u64(&writer, index);
    bytes_put(&writer, config.data, config.size);
    ASSERT(!writer.bad && writer.at == size);
    return state_set(ledger->state, STORE_META, codec_key_pending(), bytes_of(value, size));
}

enum tally_err members_put(struct ledger *ledger, const struct event *event, uint64_t index,
                           const struct facts *facts)
{
    uint8_t next[4];
    struct bytes_writer writer = bytes_writer(next, sizeof next);
    enum tally_err err = put_pending(ledger, facts->next_config, index);

    if (err != TALLY_OK || event->member_changed->action != MEMBER_ADD) return err;
    bytes_put_u32(&writer, event->member_changed->member.id + 1);
    return state_set(ledger->state, STORE_META, codec_key_next_member(),
                     bytes_of(next, sizeof next));
}

enum tally_err members_identity_put(struct ledger *ledger, struct bytes name,
                                    struct bytes config)
{
    const size_t size = 32 + 1 + name.size + config.size;
    uint8_t *value = arena_alloc(ledger->scratch, size);
    struct bytes_writer writer = bytes_writer(value, size);

    if (value == NULL) return TALLY_E_NO_MEMORY;
    bytes_put(&writer, ledger->ledger_id.bytes, 32);
    bytes_put_u8(&writer, (uint8_t)name.size);
    bytes_put(&writer, name.data, name.size);
    bytes_put(&writer, config.data, config.size);
    ASSERT(!writer.bad && writer.at == size);
    return state_set(ledger->state, STORE_META, codec_key_identity(), bytes_of(value, size));
}

enum tally_err apply_config(struct apply *apply)
{
    struct ledger *ledger = apply->ledger;
    const struct lookup lookup = ledger_lookup_of(ledger);
    struct record record = {.kind = RECORD_CONFIG, .config = apply->body};
    struct bytes_and_index pending;
    struct bytes name, now;
    enum tally_err err = find_pending(&lookup, &pending, apply->diag);

    if (err == TALLY_OK) err = find_identity(&lookup, &name, &now, apply->diag);
    if (err != TALLY_OK) return err;
    if (pending.config.size == 0 || !bytes_equal(pending.config, apply->body)) {
        return ledger_add_void(apply, 1, apply->body); /* VOID_REASON_BLOCK_MALFORMED */
    }
    err = ledger_add_record(ledger, &record);
    if (err == TALLY_OK) err = members_identity_put(ledger, name, apply->body);
    if (err == TALLY_OK) err = put_pending(ledger, (struct bytes){0}, 0);
    if (err != TALLY_OK) return err;
    apply->result->config = arena_copy(ledger->results, apply->body);
    return apply->result->config.data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

/* ---- reading ---- */

enum tally_err ledger_read_pending(struct store *store, struct arena *arena,
                                   struct bytes *ret_config, uint64_t *ret_index,
                                   struct tally_diag *diag)
{
    const struct lookup lookup = {.store = store, .arena = arena};
    struct bytes_and_index pending;
    enum tally_err err = find_pending(&lookup, &pending, diag);

    if (err != TALLY_OK) return err;
    *ret_config = pending.config;
    *ret_index = pending.index;
    return pending.config.size == 0 ? TALLY_E_NOT_FOUND : TALLY_OK;
}

enum tally_err ledger_read_next_member(struct store *store, uint32_t *ret_id,
                                       struct tally_diag *diag)
{
    struct lookup lookup = {.store = store};
    struct ledger_config *config = NULL;
    struct bytes name, now;
    enum tally_err err = arena_open(0, &lookup.arena);

    if (err != TALLY_OK) return err;
    config = arena_zalloc(lookup.arena, 1, sizeof *config);
    if (config == NULL) err = TALLY_E_NO_MEMORY;
    if (err == TALLY_OK) err = find_identity(&lookup, &name, &now, diag);
    if (err == TALLY_OK) err = ledger_config_decode(now, lookup.arena, config, diag);
    if (err == TALLY_OK) err = find_next_member(&lookup, config, ret_id, diag);
    arena_close(lookup.arena);
    return err;
}

enum tally_err ledger_read_may(struct store *store, const uint8_t key_id[32], const char *role,
                               uint64_t time_ms, bool *ret_may, struct tally_diag *diag)
{
    struct lookup lookup = {.store = store};
    struct principal *principal = NULL;
    struct ledger_key key;
    bool found = false;
    enum tally_err err = arena_open(0, &lookup.arena);

    *ret_may = false;
    if (err != TALLY_OK) return err;
    principal = arena_zalloc(lookup.arena, 1, sizeof *principal);
    if (principal == NULL) err = TALLY_E_NO_MEMORY;
    if (err == TALLY_OK) err = lookup_key(&lookup, key_id, &found, &key, diag);
    if (err == TALLY_OK && found && !key.revoked) {
        err = lookup_principal(&lookup, key.principal, &found, principal, diag);
    }
    for (uint32_t i = 0; err == TALLY_OK && found && i < principal->roles_count; i++) {
        const struct decide_role *held = &principal->roles[i];

        if (!bytes_equal(held->name, bytes_of(role, strlen(role)))) continue;
        if (held->expires_ms == 0 || time_ms < held->expires_ms) *ret_may = true;
    }
    arena_close(lookup.arena);
    return err;
}
