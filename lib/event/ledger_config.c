#include "event/ledger_config.h"

#include <string.h>

#include "crypto/hash.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event_types.h"

static enum tally_err malformed(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "the Config's %s", what);
    return TALLY_E_MALFORMED;
}

/* No key of one member is any key of the other: each speaks for one member in one sense. */
static bool keys_differ(const struct ledger_member *a, const struct ledger_member *b)
{
    const uint8_t *const as[] = {a->log_key, a->cosign_key, a->peer_key};
    const uint8_t *const bs[] = {b->log_key, b->cosign_key, b->peer_key};

    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++) {
            if (a == b && i == k) continue;
            if (memcmp(as[i], bs[k], SIGN_PUBLIC_BYTES) == 0) return false;
        }
    }
    return true;
}

static enum tally_err take_member(const Tally__Member *from, struct ledger_member *to,
                                  struct tally_diag *diag)
{
    if (!event_segment_valid(from->name) || !event_segment_valid(from->site)) {
        return malformed(diag, "members need a name and a site of a-z 0-9 . _ -");
    }
    if (from->log_key.len != SIGN_PUBLIC_BYTES || from->cosign_key.len != SIGN_PUBLIC_BYTES ||
        from->peer_key.len != SIGN_PUBLIC_BYTES || from->incarnation == 0 || from->id == 0) {
        return malformed(diag, "members need an id, three keys of 32 bytes and an incarnation");
    }
    if (from->role == TALLY__MEMBER_ROLE__MEMBER_ROLE_UNSPECIFIED) {
        return malformed(diag, "members need a role");
    }
    to->id = from->id;
    strcpy(to->name, from->name);
    strcpy(to->site, from->site);
    memcpy(to->log_key, from->log_key.data, SIGN_PUBLIC_BYTES);
    memcpy(to->cosign_key, from->cosign_key.data, SIGN_PUBLIC_BYTES);
    memcpy(to->peer_key, from->peer_key.data, SIGN_PUBLIC_BYTES);
    to->incarnation = from->incarnation;
    to->voter = from->role == TALLY__MEMBER_ROLE__MEMBER_ROLE_VOTER;
    if (!keys_differ(to, to)) return malformed(diag, "members need three different keys");
    return TALLY_OK;
}

static enum tally_err take_members(const Tally__Config *from, struct ledger_config *config,
                                   struct tally_diag *diag)
{
    for (uint32_t i = 0; i < from->n_members; i++) {
        struct ledger_member *member = &config->members[i];
        const enum tally_err err = take_member(from->members[i], member, diag);

        if (err != TALLY_OK) return err;
        if (i > 0 && member->id <= config->members[i - 1].id) {
            return malformed(diag, "members are not ascending by id");
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(config->members[k].name, member->name) == 0 ||
                !keys_differ(&config->members[k], member)) {
                return malformed(diag, "members share a name or a key");
            }
        }
        config->members_count = i + 1;
    }
    return TALLY_OK;
}

enum tally_err ledger_config_decode(struct bytes bytes, struct arena *arena,
                                    struct ledger_config *ret_config, struct tally_diag *diag)
{
    ProtobufCMessage *message = NULL;
    struct ledger_config config = {0};
    const Tally__Config *from;
    enum tally_err err = canon_unpack(&tally__config__descriptor, bytes, arena, &message, diag);

    if (err != TALLY_OK) return err;
    from = (const Tally__Config *)message;
    if (from->version == 0) return malformed(diag, "version is missing");
    if (from->previous_digest.len != (from->version == 1 ? 0 : 32)) {
        return malformed(diag,
                         "previous digest must have 32 bytes, and be absent in version 1");
    }
    if (from->n_members == 0 || from->n_members > LIMIT_MEMBERS) {
        return malformed(diag, "members are none or too many");
    }
    if (strlen(from->publication_policy) >= sizeof config.policy) {
        return malformed(diag, "publication policy is too long");
    }
    config.version = from->version;
    config.has_previous = from->previous_digest.len == 32;
    if (config.has_previous)
        memcpy(config.previous_digest.bytes, from->previous_digest.data, 32);
    config.authorising_index = from->authorising_index;
    strcpy(config.policy, from->publication_policy);
    err = take_members(from, &config, diag);
    if (err != TALLY_OK) return err;
    const uint32_t voters = ledger_config_voters(&config);

    if (voters == 0 || voters > LIMIT_VOTERS) return malformed(diag, "voters must be 1 to 7");
    if (config.members_count - voters > LIMIT_LEARNERS)
        return malformed(diag, "learners are too many");
    *ret_config = config;
    return TALLY_OK;
}

struct bytes ledger_config_encode(const struct ledger_config *config, struct arena *arena)
{
    Tally__Config encoded = TALLY__CONFIG__INIT;
    Tally__Member members[LIMIT_MEMBERS];
    Tally__Member *pointers[LIMIT_MEMBERS];

    for (uint32_t i = 0; i < config->members_count; i++) {
        const struct ledger_member *from = &config->members[i];
        Tally__Member *to = &members[i];

        tally__member__init(to);
        to->id = from->id;
        to->name = (char *)from->name;
        to->site = (char *)from->site;
        to->log_key = canon_data(from->log_key, SIGN_PUBLIC_BYTES);
        to->cosign_key = canon_data(from->cosign_key, SIGN_PUBLIC_BYTES);
        to->peer_key = canon_data(from->peer_key, SIGN_PUBLIC_BYTES);
        to->incarnation = from->incarnation;
        to->role = from->voter ? TALLY__MEMBER_ROLE__MEMBER_ROLE_VOTER
                               : TALLY__MEMBER_ROLE__MEMBER_ROLE_LEARNER;
        pointers[i] = to;
    }
    encoded.version = config->version;
    if (config->has_previous)
        encoded.previous_digest = canon_data(config->previous_digest.bytes, 32);
    encoded.authorising_index = config->authorising_index;
    encoded.n_members = config->members_count;
    encoded.members = pointers;
    encoded.publication_policy = (char *)config->policy;
    return canon_pack(&encoded, arena);
}

void ledger_config_digest(struct bytes encoded, struct tally_hash *ret_digest)
{
    hash_sha256(encoded.data, encoded.size, ret_digest);
}

const struct ledger_member *ledger_config_member(const struct ledger_config *config,
                                                 uint32_t id)
{
    for (uint32_t i = 0; i < config->members_count; i++) {
        if (config->members[i].id == id) return &config->members[i];
    }
    return NULL;
}

const struct ledger_member *ledger_config_named(const struct ledger_config *config,
                                                const char *name)
{
    for (uint32_t i = 0; i < config->members_count; i++) {
        if (strcmp(config->members[i].name, name) == 0) return &config->members[i];
    }
    return NULL;
}

uint32_t ledger_config_voters(const struct ledger_config *config)
{
    uint32_t voters = 0;

    for (uint32_t i = 0; i < config->members_count; i++)
        voters += config->members[i].voter ? 1 : 0;
    return voters;
}
