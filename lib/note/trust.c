/* What a trust file means. Reading one is in trust_parse.c, writing in trust_put.c. */
#include "note/trust.h"

#include "base/assert.h"
#include "merkle/merkle.h"
#include "note/cosignature.h"
#include "note/note.h"
#include <string.h>

_Static_assert(TRUST_WITNESSES_MAX <= 32, "a set of witnesses is a uint32_t");
_Static_assert((int)TRUST_GROUP == (int)TRUST_WITNESSES_MAX, "witness numbers end there");
_Static_assert(TRUST_GROUP + TRUST_GROUPS_MAX <= TRUST_NOBODY, "nobody is no member");

/* Is `member` a witness, or one of the first `groups` groups? */
static bool member_defined(const struct trust *trust, uint8_t member, uint32_t groups)
{
    if (member < TRUST_GROUP) return member < trust->witnesses_count;
    return (uint32_t)(member - TRUST_GROUP) < groups;
}

bool trust_valid(const struct trust *trust)
{
    bool used[TRUST_GROUP + TRUST_GROUPS_MAX] = {false};

    if (trust->logs_count < 1 || trust->logs_count > TRUST_LOGS_MAX ||
        trust->witnesses_count > TRUST_WITNESSES_MAX ||
        trust->groups_count > TRUST_GROUPS_MAX || trust->roots_count > LIMIT_GENESIS_SIGNERS)
        return false;
    for (uint32_t i = 0; i < trust->logs_count; i++) {
        if (trust->logs[i].key.type != VKEY_ED25519 ||
            strcmp(trust->logs[i].key.name, trust->logs[0].key.name) != 0)
            return false;
    }
    for (uint32_t i = 0; i < trust->witnesses_count; i++) {
        if (trust->witnesses[i].key.type != VKEY_COSIGNATURE) return false;
    }
    for (uint32_t g = 0; g < trust->groups_count; g++) {
        const struct trust_group *group = &trust->groups[g];

        if (group->threshold < 1 || group->threshold > group->members_count ||
            group->members_count > sizeof group->members)
            return false;
        for (uint32_t i = 0; i < group->members_count; i++) {
            const uint8_t member = group->members[i];

            if (!member_defined(trust, member, g) || used[member]) return false;
            used[member] = true;
        }
    }
    if (trust->roots_threshold > trust->roots_count ||
        (trust->roots_threshold == 0) != (trust->roots_count == 0))
        return false;
    if (trust->has_checkpoint && trust->checkpoint_size >= MERKLE_SIZE_MAX) return false;
    return trust->quorum == TRUST_NOBODY ||
           member_defined(trust, trust->quorum, trust->groups_count);
}

const char *trust_origin(const struct trust *trust)
{
    ASSERT(trust->logs_count > 0);
    return trust->logs[0].key.name;
}

bool trust_satisfied(const struct trust *trust, uint32_t witnesses)
{
    bool satisfied[TRUST_GROUP + TRUST_GROUPS_MAX] = {false};

    if (trust->quorum == TRUST_NOBODY) return true;
    for (uint32_t i = 0; i < trust->witnesses_count; i++)
        satisfied[i] = (witnesses >> i & 1) != 0;
    /* Members are defined before their group, so one pass in order is enough. */
    for (uint32_t g = 0; g < trust->groups_count; g++) {
        const struct trust_group *group = &trust->groups[g];
        uint32_t count = 0;

        for (uint32_t i = 0; i < group->members_count; i++)
            count += satisfied[group->members[i]] ? 1 : 0;
        satisfied[TRUST_GROUP + g] = count >= group->threshold;
    }
    return satisfied[trust->quorum];
}

/* Sum of the `count` smallest of `costs`, which is sorted in place. */
static uint32_t sum_smallest(uint32_t *costs, uint32_t costs_count, uint32_t count)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = i + 1; j < costs_count; j++) {
            if (costs[j] >= costs[i]) continue;
            const uint32_t smaller = costs[j];
            costs[j] = costs[i];
            costs[i] = smaller;
        }
        sum += costs[i];
    }
    return sum;
}

/* Each name is a member at most once, so groups form a forest and can be weighed one by
 * one. shared[m] is the smallest number of witnesses common to two sets that both satisfy m;
 * satisfying m in one of the sets only costs nothing. Two sets that each reach k of n
 * members must reach at least 2k - n members in common, and the cheapest will do. */
uint32_t trust_overlap(const struct trust *trust)
{
    uint32_t shared[TRUST_GROUP + TRUST_GROUPS_MAX] = {0};

    if (trust->quorum == TRUST_NOBODY) return 0;
    for (uint32_t i = 0; i < trust->witnesses_count; i++) shared[i] = 1;
    for (uint32_t g = 0; g < trust->groups_count; g++) {
        const struct trust_group *group = &trust->groups[g];
        const uint32_t n = group->members_count;
        const uint32_t twice = 2u * group->threshold;
        uint32_t costs[sizeof group->members] = {0};

        for (uint32_t i = 0; i < n; i++) costs[i] = shared[group->members[i]];
        shared[TRUST_GROUP + g] = twice > n ? sum_smallest(costs, n, twice - n) : 0;
    }
    return shared[trust->quorum];
}

uint32_t trust_tolerates(const struct trust *trust)
{
    const uint32_t overlap = trust_overlap(trust);

    return overlap == 0 ? 0 : overlap - 1;
}

/* The signature of at least one log key, and no bad one. */
static enum tally_err check_logs(const struct trust *trust, const struct note *note,
                                 struct trust_checkpoint *found, struct tally_diag *diag)
{
    bool any = false;

    for (uint32_t i = 0; i < trust->logs_count; i++) {
        const struct vkey *key = &trust->logs[i].key;
        const enum tally_err err = note_verify(note, key);

        if (err == TALLY_E_NOT_FOUND) continue;
        if (err != TALLY_OK) {
            tally_diag_set(diag, "the signature of log key %08x is bad", (unsigned)key->id);
            return err;
        }
        if (!any) found->log = i;
        any = true;
    }
    if (any) return TALLY_OK;
    tally_diag_set(diag, "no log key of the trust file signed the checkpoint");
    return TALLY_E_SIGNATURE;
}

static enum tally_err check_witnesses(const struct trust *trust, const struct note *note,
                                      struct trust_checkpoint *found, struct tally_diag *diag)
{
    for (uint32_t i = 0; i < trust->witnesses_count; i++) {
        const struct trust_witness *witness = &trust->witnesses[i];
        const enum tally_err err = cosignature_find(note, &witness->key, &found->times_s[i]);

        if (err == TALLY_E_NOT_FOUND) continue;
        if (err != TALLY_OK) {
            tally_diag_set(diag, "the cosignature of witness %s is bad", witness->name);
            return err;
        }
        found->witnesses |= UINT32_C(1) << i;
    }
    return TALLY_OK;
}

enum tally_err trust_check_checkpoint(const struct trust *trust, const void *note,
                                      size_t note_size, struct trust_checkpoint *ret_found,
                                      struct tally_diag *diag)
{
    struct note parsed;
    struct trust_checkpoint found = {.log = 0};

    enum tally_err err = note_parse(note, note_size, &parsed, diag);
    if (err != TALLY_OK) return TALLY_E_MALFORMED; /* too large is malformed here, too */
    err = checkpoint_parse(parsed.text, &found.checkpoint, diag);
    if (err != TALLY_OK) return err;
    found.text = parsed.text;
    const char *origin = trust_origin(trust);
    if (!bytes_equal(found.checkpoint.origin, bytes_of(origin, strlen(origin)))) {
        tally_diag_set(diag, "the checkpoint is of another log than %s", origin);
        return TALLY_E_MALFORMED;
    }
    err = check_logs(trust, &parsed, &found, diag);
    if (err != TALLY_OK) return err;
    err = check_witnesses(trust, &parsed, &found, diag);
    if (err != TALLY_OK) return err;
    *ret_found = found;
    if (trust_satisfied(trust, found.witnesses)) return TALLY_OK;
    tally_diag_set(diag, "%d of the trust file's %u witnesses cosigned: no quorum",
                   __builtin_popcount(found.witnesses), (unsigned)trust->witnesses_count);
    return TALLY_E_QUORUM;
}
