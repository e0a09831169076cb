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

/* Empty, or printable characters without a blank. */
static bool url_valid(const char *url)
{
    for (size_t i = 0; url[i] != '\0'; i++) {
        if (i == LIMIT_URL_SIZE || url[i] <= ' ' || url[i] > '~') return false;
    }
    return true;
}

enum tally_err ledger_member_take(const struct Tally__Member *from, struct ledger_member *to,
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
    if (!url_valid(from->peer_url) || !url_valid(from->client_url)) {
        return malformed(diag, "members' URLs are at most 256 printable characters");
    }
    strcpy(to->peer_url, from->peer_url);
    strcpy(to->client_url, from->client_url);
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
        const enum tally_err err = ledger_member_take(from->members[i], member, diag);

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
        to->peer_url = (char *)from->peer_url;
        to->client_url = (char *)from->client_url;
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

static enum tally_err invalid(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "%s", what);
    return TALLY_E_INVALID;
}

/* Is it the same member, but for its role? */
static bool same_member(const struct ledger_member *a, const struct ledger_member *b)
{
    return a->id == b->id && strcmp(a->name, b->name) == 0 && strcmp(a->site, b->site) == 0 &&
           memcmp(a->log_key, b->log_key, SIGN_PUBLIC_BYTES) == 0 &&
           memcmp(a->cosign_key, b->cosign_key, SIGN_PUBLIC_BYTES) == 0 &&
           memcmp(a->peer_key, b->peer_key, SIGN_PUBLIC_BYTES) == 0 &&
           a->incarnation == b->incarnation && strcmp(a->peer_url, b->peer_url) == 0 &&
           strcmp(a->client_url, b->client_url) == 0;
}

static enum tally_err change_members(const struct member_change *change, uint32_t next_id,
                                     struct ledger_config *config, struct tally_diag *diag)
{
    uint32_t at = 0;

    while (at < config->members_count && config->members[at].id != change->member.id) at++;
    if (change->action == MEMBER_ADD) {
        if (change->member.id != next_id)
            return invalid(diag, "the id is not the next free one");
        if (change->member.voter) return invalid(diag, "a new member begins as a learner");
        if (config->members_count == LIMIT_MEMBERS)
            return invalid(diag, "there are as many members as there can be");
        config->members[config->members_count++] = change->member; /* ids ascend */
        return TALLY_OK;
    }
    if (at == config->members_count || !same_member(&config->members[at], &change->member)) {
        return invalid(diag, "there is no such member");
    }
    if (change->action == MEMBER_PROMOTE) {
        if (config->members[at].voter) return invalid(diag, "it is a voter already");
        if (!change->member.voter) return invalid(diag, "a promoted member is a voter");
        config->members[at].voter = true;
        return TALLY_OK;
    }
    if (config->members[at].voter != change->member.voter) {
        return invalid(diag, "the member has another role");
    }
    config->members_count--;
    memmove(&config->members[at], &config->members[at + 1],
            (config->members_count - at) * sizeof config->members[0]);
    return TALLY_OK;
}

enum tally_err ledger_config_change(const struct ledger_config *now, struct bytes now_bytes,
                                    const struct member_change *change, uint32_t next_id,
                                    uint64_t authorising_index, struct arena *arena,
                                    struct ledger_config *ret_next, struct tally_diag *diag)
{
    struct ledger_config next = *now;
    struct bytes encoded;
    enum tally_err err;

    if (change->config_version != now->version + 1) {
        return invalid(diag, "the change was made for another version of the Config");
    }
    if (strlen(change->policy) >= sizeof next.policy)
        return invalid(diag, "the policy is too long");
    err = change_members(change, next_id, &next, diag);
    if (err != TALLY_OK) return err;
    next.version++;
    next.has_previous = true;
    ledger_config_digest(now_bytes, &next.previous_digest);
    next.authorising_index = authorising_index;
    strcpy(next.policy, change->policy);
    /* What every Config has to be is checked where one is decoded. */
    encoded = ledger_config_encode(&next, arena);
    if (encoded.data == NULL) return TALLY_E_NO_MEMORY;
    err = ledger_config_decode(encoded, arena, ret_next, diag);
    return err == TALLY_E_MALFORMED ? TALLY_E_INVALID : err;
}
