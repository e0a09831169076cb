#include "base/assert.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "note/trust.h"
#include <stdio.h>
#include <string.h>

static void put_text(struct bytes_writer *writer, const char *text)
{
    bytes_put(writer, text, strlen(text));
}

static void put_number(struct bytes_writer *writer, uint64_t value)
{
    char digits[DECIMAL_TEXT_MAX];

    bytes_put(writer, digits, decimal_format(value, digits));
}

static void put_hash_hex(struct bytes_writer *writer, const struct tally_hash *hash)
{
    char hex[2 * TALLY_HASH_BYTES + 1];

    bytes_hex(hash->bytes, TALLY_HASH_BYTES, hex);
    put_text(writer, hex);
}

static void put_key(struct bytes_writer *writer, const struct vkey *key, const char *url)
{
    char text[VKEY_TEXT_MAX];

    vkey_format(key, text);
    put_text(writer, text);
    if (url[0] != '\0') put_text(writer, " ");
    put_text(writer, url);
    put_text(writer, "\n");
}

static const char *member_name(const struct trust *trust, uint8_t member)
{
    if (member == TRUST_NOBODY) return "none";
    if (member < TRUST_GROUP) return trust->witnesses[member].name;
    return trust->groups[member - TRUST_GROUP].name;
}

/* The lines that only we read. */
static void put_comments(struct bytes_writer *writer, const struct trust *trust)
{
    if (trust->has_ledger) {
        put_text(writer, "# tally ledger ");
        put_hash_hex(writer, &trust->ledger_id);
        put_text(writer, "\n");
    }
    if (trust->config_version != 0) {
        put_text(writer, "# tally config ");
        put_number(writer, trust->config_version);
        put_text(writer, "\n");
    }
    if (trust->roots_count > 0) {
        put_text(writer, "# tally root ");
        put_number(writer, trust->roots_threshold);
        for (uint32_t i = 0; i < trust->roots_count; i++) {
            put_text(writer, " ");
            put_hash_hex(writer, &trust->roots[i]);
        }
        put_text(writer, "\n");
    }
    if (trust->has_checkpoint) {
        char root[BASE64_TEXT_SIZE(TALLY_HASH_BYTES)];

        base64_encode(trust->checkpoint_root.bytes, TALLY_HASH_BYTES, root);
        put_text(writer, "# tally checkpoint ");
        put_number(writer, trust->checkpoint_size);
        put_text(writer, " ");
        bytes_put(writer, root, sizeof root);
        put_text(writer, "\n");
    }
    if (trust->expires_s != 0) {
        put_text(writer, "# tally expires ");
        put_number(writer, trust->expires_s);
        put_text(writer, "\n");
    }
}

void trust_put(struct bytes_writer *writer, const struct trust *trust)
{
    ASSERT(trust_valid(trust));
    put_comments(writer, trust);
    for (uint32_t i = 0; i < trust->logs_count; i++) {
        put_text(writer, "log ");
        put_key(writer, &trust->logs[i].key, trust->logs[i].url);
    }
    for (uint32_t i = 0; i < trust->witnesses_count; i++) {
        put_text(writer, "witness ");
        put_text(writer, trust->witnesses[i].name);
        put_text(writer, " ");
        put_key(writer, &trust->witnesses[i].key, trust->witnesses[i].url);
    }
    for (uint32_t g = 0; g < trust->groups_count; g++) {
        const struct trust_group *group = &trust->groups[g];

        put_text(writer, "group ");
        put_text(writer, group->name);
        put_text(writer, " ");
        put_number(writer, group->threshold);
        for (uint32_t i = 0; i < group->members_count; i++) {
            put_text(writer, " ");
            put_text(writer, member_name(trust, group->members[i]));
        }
        put_text(writer, "\n");
    }
    put_text(writer, "quorum ");
    put_text(writer, member_name(trust, trust->quorum));
    put_text(writer, "\n");
}

/* Only `group` and `quorum` lines, and empty ones. */
static bool policy_valid(const char *policy)
{
    while (*policy != '\0') {
        const size_t size = strcspn(policy, "\n");

        if (size > 0 && strncmp(policy, "group ", 6) != 0 &&
            strncmp(policy, "quorum ", 7) != 0) {
            return false;
        }
        policy += size + (policy[size] == '\n' ? 1 : 0);
    }
    return true;
}

static enum tally_err put_member_key(struct bytes_writer *writer, const char *name,
                                     enum vkey_type type, const uint8_t *public_key)
{
    struct vkey key;
    const enum tally_err err = vkey_make(name, type, public_key, &key);

    if (err == TALLY_OK) put_key(writer, &key, "");
    return err;
}

enum tally_err trust_put_members(struct bytes_writer *writer, const char *origin,
                                 const struct trust_member *members, uint32_t members_count,
                                 const char *policy, struct tally_diag *diag)
{
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < members_count && err == TALLY_OK; i++) {
        put_text(writer, "log ");
        err = put_member_key(writer, origin, VKEY_ED25519, members[i].log_key);
    }
    for (uint32_t i = 0; i < members_count && err == TALLY_OK; i++) {
        char name[LIMIT_KEY_NAME_SIZE + 1];

        if (!members[i].voter) continue;
        (void)snprintf(name, sizeof name, "%s/%s", origin, members[i].name);
        put_text(writer, "witness ");
        put_text(writer, members[i].name);
        put_text(writer, " ");
        err = put_member_key(writer, name, VKEY_COSIGNATURE, members[i].cosign_key);
    }
    put_text(writer, policy);
    if (err == TALLY_OK && !writer->bad && policy_valid(policy)) return TALLY_OK;
    tally_diag_set(diag, "the publication policy is too long, or has other lines than `group` "
                         "and `quorum`");
    return TALLY_E_MALFORMED;
}
