#include "publish/publish.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "note/checkpoint.h"
#include "note/cosignature.h"
#include "note/note.h"
#include "note/trust.h"

_Static_assert(PUBLISH_COSIGNATURE_BYTES == COSIGNATURE_BYTES, "one form of cosignature");

/* Boundaries that may still gain cosignatures. A member that is slower than so many boundaries
 * adds its cosignature to a later one. */
enum { CANDIDATES = 16 };

/* Whose cosignatures may be on a checkpoint: the members, and the one that was just removed. */
enum { SIGNERS_MAX = LIMIT_MEMBERS + 1 };

/* A boundary that this node applied, and what the members say of it. */
struct candidate {
    uint64_t size; /* 0: the slot is free */
    struct tally_hash root;
    bool given[SIGNERS_MAX]; /* by place in publish->signers; verified */
    uint8_t shares[SIGNERS_MAX][PUBLISH_COSIGNATURE_BYTES];
    uint32_t given_count;
    struct buffer *note; /* published: the newest note; NULL: not yet */
};

/* A publication policy, and who is who in it. */
struct policy {
    struct trust trust;
    bool voter[SIGNERS_MAX];         /* by place in publish->signers */
    uint8_t witness_of[SIGNERS_MAX]; /* number of its witness in `trust` */
};

struct signer {
    uint32_t id;
    uint8_t cosign_key[32];
    struct vkey vkey;
};

struct publish {
    struct publish_config config; /* in force */
    struct policy now, before;    /* `before`: of the Config before, while `changing` */
    bool changing;                /* no published checkpoint covers the Config in force yet */
    uint64_t changed_size;        /* records up to and with that Config */
    struct signer signers[SIGNERS_MAX];
    uint32_t signers_count;
    struct vkey log_vkey;
    struct candidate candidates[CANDIDATES];
    struct publish_cosignature kept[SIGNERS_MAX]; /* of sizes not applied here; size 0: none */
    uint64_t applied_size;                        /* of the newest boundary applied here */
    uint64_t published_size;
    struct publish_cosignature divergent; /* see publish_divergent() */
};

const struct publish_member *publish_member(const struct publish_config *config, uint32_t id)
{
    for (uint32_t i = 0; i < config->members_count; i++) {
        if (config->members[i].id == id) return &config->members[i];
    }
    return NULL;
}

/* The checkpoint text that everyone signs. */
static struct bytes checkpoint_text(const struct publish_config *config, uint64_t size,
                                    const struct tally_hash *root, uint8_t *room)
{
    const struct checkpoint checkpoint = {.origin =
                                              bytes_of(config->origin, strlen(config->origin)),
                                          .size = size,
                                          .root = *root};
    struct bytes_writer writer = bytes_writer(room, CHECKPOINT_TEXT_MAX);

    checkpoint_put(&writer, &checkpoint);
    ASSERT(!writer.bad);
    return bytes_of(room, writer.at);
}

void publish_cosign(const struct publish_config *config, uint64_t size,
                    const struct tally_hash *root, uint64_t time_ms,
                    struct publish_cosignature *ret_cosignature)
{
    uint8_t room[CHECKPOINT_TEXT_MAX];

    ASSERT(config->keys != NULL);
    ret_cosignature->member = config->self;
    ret_cosignature->size = size;
    ret_cosignature->root = *root;
    cosignature_sign(&config->keys->cosign, checkpoint_text(config, size, root, room),
                     time_ms / 1000, ret_cosignature->bytes);
}

static uint32_t signer_place(const struct publish *publish, uint32_t id)
{
    uint32_t place = 0;

    while (place < publish->signers_count && publish->signers[place].id != id) place++;
    return place;
}

static enum tally_err signer_add(struct publish *publish, const struct publish_config *config,
                                 const struct publish_member *member)
{
    struct signer *signer = &publish->signers[publish->signers_count];
    char name[sizeof config->origin + 1 + LIMIT_NAME_SIZE];

    ASSERT(publish->signers_count < SIGNERS_MAX);
    strcpy(name, config->origin); /* both fit: the room is the sum of their limits */
    strcat(name, "/");
    strcat(name, member->name);
    signer->id = member->id;
    memcpy(signer->cosign_key, member->cosign_key, sizeof signer->cosign_key);
    publish->signers_count++;
    return vkey_make(name, VKEY_COSIGNATURE, member->cosign_key, &signer->vkey);
}

/* The policy of a Config whose members are signers already. */
static enum tally_err policy_make(const struct publish *publish,
                                  const struct publish_config *config,
                                  struct policy *ret_policy, struct tally_diag *diag)
{
    enum tally_err err;

    *ret_policy = (struct policy){0};
    err = trust_parse(config->trust_text, strlen(config->trust_text), &ret_policy->trust, diag);
    for (uint32_t i = 0; i < config->members_count && err == TALLY_OK; i++) {
        const uint32_t place = signer_place(publish, config->members[i].id);
        const char *name = publish->signers[place].vkey.name;
        uint32_t witness = 0;

        if (!config->members[i].voter) continue;
        while (witness < ret_policy->trust.witnesses_count &&
               strcmp(ret_policy->trust.witnesses[witness].key.name, name) != 0) {
            witness++;
        }
        if (witness == ret_policy->trust.witnesses_count) {
            tally_diag_set(diag, "the publication policy has no key for member %s",
                           config->members[i].name);
            return TALLY_E_MALFORMED;
        }
        ret_policy->voter[place] = true;
        ret_policy->witness_of[place] = (uint8_t)witness;
    }
    return err;
}

enum tally_err publish_open(const struct publish_config *config, struct publish **ret_publish,
                            struct tally_diag *diag)
{
    struct publish *publish = calloc(1, sizeof *publish);
    enum tally_err err = TALLY_OK;

    if (publish == NULL) return TALLY_E_NO_MEMORY;
    publish->config = *config;
    for (uint32_t i = 0; i < config->members_count && err == TALLY_OK; i++)
        err = signer_add(publish, config, &config->members[i]);
    if (err == TALLY_OK) err = policy_make(publish, config, &publish->now, diag);
    if (err == TALLY_OK && config->keys != NULL) {
        err = vkey_make(config->origin, VKEY_ED25519, config->keys->log.public_key,
                        &publish->log_vkey);
    }
    if (err != TALLY_OK) {
        publish_close(publish);
        return err;
    }
    *ret_publish = publish;
    return TALLY_OK;
}

/* Shares and policy of `old` in the places that its signers have now. */
static void take_over(const struct publish *old, struct publish *publish)
{
    for (uint32_t i = 0; i < old->signers_count; i++) {
        const uint32_t place = signer_place(publish, old->signers[i].id);

        if (place == publish->signers_count) continue;
        publish->before.voter[place] = old->now.voter[i];
        publish->before.witness_of[place] = old->now.witness_of[i];
        publish->kept[place] = old->kept[i];
        for (size_t k = 0; k < CANDIDATES; k++) {
            publish->candidates[k].given[place] = old->candidates[k].given[i];
            memcpy(publish->candidates[k].shares[place], old->candidates[k].shares[i],
                   PUBLISH_COSIGNATURE_BYTES);
        }
    }
}

enum tally_err publish_change(struct publish *publish, const struct publish_config *config,
                              uint64_t size, struct tally_diag *diag)
{
    struct publish *old = malloc(sizeof *old);
    enum tally_err err = TALLY_OK;

    if (old == NULL) return TALLY_E_NO_MEMORY;
    *old = *publish;
    publish->signers_count = 0;
    for (uint32_t i = 0; i < config->members_count && err == TALLY_OK; i++)
        err = signer_add(publish, config, &config->members[i]);
    for (uint32_t i = 0; i < old->config.members_count && err == TALLY_OK; i++) {
        const struct publish_member *member = &old->config.members[i];

        /* A change removes one member at most. */
        if (signer_place(publish, member->id) < publish->signers_count) continue;
        if (publish->signers_count < SIGNERS_MAX)
            err = signer_add(publish, &old->config, member);
    }
    if (err == TALLY_OK) err = policy_make(publish, config, &publish->now, diag);
    if (err != TALLY_OK) {
        *publish = *old;
        free(old);
        return err;
    }
    publish->config = *config;
    publish->before.trust = old->now.trust;
    memset(publish->before.voter, 0, sizeof publish->before.voter);
    memset(publish->kept, 0, sizeof publish->kept);
    for (size_t k = 0; k < CANDIDATES; k++)
        memset(publish->candidates[k].given, 0, sizeof publish->candidates[k].given);
    take_over(old, publish);
    publish->changing = true;
    publish->changed_size = size;
    free(old);
    return TALLY_OK;
}

bool publish_settled(const struct publish *publish)
{
    return !publish->changing;
}

void publish_close(struct publish *publish)
{
    if (publish == NULL) return;
    for (size_t i = 0; i < CANDIDATES; i++) buffer_release(publish->candidates[i].note);
    free(publish);
}

/* The candidate of this size, or NULL. */
static struct candidate *candidate_find(struct publish *publish, uint64_t size)
{
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (size > 0 && publish->candidates[i].size == size) return &publish->candidates[i];
    }
    return NULL;
}

/* A slot for a new size: a free one, or the smallest size's. */
static struct candidate *candidate_new(struct publish *publish, uint64_t size,
                                       const struct tally_hash *root)
{
    struct candidate *slot = &publish->candidates[0];

    for (size_t i = 1; i < CANDIDATES; i++) {
        if (publish->candidates[i].size < slot->size) slot = &publish->candidates[i];
    }
    buffer_release(slot->note);
    *slot = (struct candidate){.size = size, .root = *root};
    return slot;
}

enum publish_result publish_boundary(struct publish *publish, uint64_t size,
                                     const struct tally_hash *root)
{
    const struct candidate *known = candidate_find(publish, size);

    ASSERT(size > 0);
    if (known != NULL && !hash_equal(&known->root, root)) {
        publish->divergent = (struct publish_cosignature){.size = size, .root = known->root};
        return PUBLISH_DIVERGENT;
    }
    if (size <= publish->applied_size) return PUBLISH_NOTHING; /* again after a restart */
    publish->applied_size = size;
    if (known == NULL) candidate_new(publish, size, root);
    return PUBLISH_NOTHING;
}

/* Is this policy content with who cosigned? */
static bool satisfied(const struct publish *publish, const struct policy *policy,
                      const struct candidate *candidate)
{
    uint32_t set = 0;

    for (uint32_t i = 0; i < publish->signers_count; i++) {
        if (policy->voter[i] && candidate->given[i]) {
            set |= UINT32_C(1) << policy->witness_of[i];
        }
    }
    return trust_satisfied(&policy->trust, set);
}

static bool may_publish(const struct publish *publish, const struct candidate *candidate)
{
    const bool covers = candidate->size > publish->changed_size;

    if (publish->changing && !satisfied(publish, &publish->before, candidate)) return false;
    if (!publish->changing && !covers && publish->changed_size > 0) return false; /* too old */
    return (publish->changing && !covers) || satisfied(publish, &publish->now, candidate);
}

/* Does this signer's line belong on checkpoints now? */
static bool counts(const struct publish *publish, uint32_t place)
{
    return publish->now.voter[place] || (publish->changing && publish->before.voter[place]);
}

/* Text, the voters' cosignatures, and the log signature last. */
static struct buffer *note_assemble(const struct publish *publish,
                                    const struct candidate *candidate)
{
    uint8_t room[CHECKPOINT_TEXT_MAX];
    uint8_t note[CHECKPOINT_TEXT_MAX + (LIMIT_VOTERS + 2) * 512];
    const struct bytes text =
        checkpoint_text(&publish->config, candidate->size, &candidate->root, room);
    struct bytes_writer writer = bytes_writer(note, sizeof note);
    struct buffer *buffer;

    note_put_text(&writer, text);
    for (uint32_t i = 0; i < publish->signers_count; i++) {
        if (!counts(publish, i) || !candidate->given[i]) continue;
        note_put_line(&writer, &publish->signers[i].vkey, candidate->shares[i],
                      PUBLISH_COSIGNATURE_BYTES);
    }
    note_put_signed(&writer, &publish->log_vkey, &publish->config.keys->log, text);
    ASSERT(!writer.bad);
    buffer = buffer_copy(bytes_of(note, writer.at));
    ASSERT(buffer != NULL); /* out of memory: stop, nothing is half done */
    return buffer;
}

/* `candidate` has a new share: publish it, or renew its note. */
static enum publish_result candidate_publish(struct publish *publish,
                                             struct candidate *candidate)
{
    const bool published = candidate->note != NULL;

    if (publish->config.keys == NULL) return PUBLISH_NOTHING;
    if (!may_publish(publish, candidate)) return PUBLISH_NOTHING;
    if (!published && candidate->size <= publish->published_size) return PUBLISH_NOTHING;
    buffer_release(candidate->note);
    candidate->note = note_assemble(publish, candidate);
    if (published) return PUBLISH_MERGED;
    publish->published_size = candidate->size;
    if (candidate->size > publish->changed_size) publish->changing = false;
    return PUBLISH_NEW;
}

static enum publish_result add_to(struct publish *publish, struct candidate *candidate,
                                  uint32_t place, const struct publish_cosignature *cosignature)
{
    if (!hash_equal(&candidate->root, &cosignature->root)) {
        publish->divergent = *cosignature;
        return PUBLISH_DIVERGENT;
    }
    if (candidate->given[place]) return PUBLISH_NOTHING;
    candidate->given[place] = true;
    candidate->given_count++;
    memcpy(candidate->shares[place], cosignature->bytes, PUBLISH_COSIGNATURE_BYTES);
    return candidate_publish(publish, candidate);
}

enum publish_result publish_add(struct publish *publish,
                                const struct publish_cosignature *cosignature)
{
    const uint32_t place = signer_place(publish, cosignature->member);
    uint8_t room[CHECKPOINT_TEXT_MAX];
    struct candidate *candidate;

    if (cosignature->size == 0 || cosignature->size > INT64_MAX) return PUBLISH_REFUSED;
    if (place == publish->signers_count) return PUBLISH_NOTHING; /* no member that we applied */
    if (!counts(publish, place))
        return PUBLISH_NOTHING; /* a learner's word counts for nothing */
    candidate = candidate_find(publish, cosignature->size);
    if (candidate == NULL && cosignature->size <= publish->applied_size) return PUBLISH_NOTHING;
    if (candidate != NULL && candidate->given[place] &&
        hash_equal(&candidate->root, &cosignature->root)) {
        return PUBLISH_NOTHING;
    }
    if (cosignature_verify(
            publish->signers[place].cosign_key,
            checkpoint_text(&publish->config, cosignature->size, &cosignature->root, room),
            cosignature->bytes, sizeof cosignature->bytes, NULL) != TALLY_OK) {
        return PUBLISH_REFUSED;
    }
    if (candidate != NULL) return add_to(publish, candidate, place, cosignature);
    if (cosignature->size >= publish->kept[place].size) publish->kept[place] = *cosignature;
    return PUBLISH_NOTHING;
}

enum publish_result publish_retry(struct publish *publish)
{
    enum publish_result result = PUBLISH_NOTHING;

    for (uint32_t i = 0; i < publish->signers_count; i++) {
        struct publish_cosignature *kept = &publish->kept[i];
        struct candidate *candidate;
        enum publish_result one;

        if (kept->size == 0 || kept->size > publish->applied_size) continue;
        candidate = candidate_find(publish, kept->size);
        one = candidate == NULL ? PUBLISH_NOTHING : add_to(publish, candidate, i, kept);
        kept->size = 0;
        if (one == PUBLISH_DIVERGENT) return one;
        if (one == PUBLISH_NEW || result == PUBLISH_NOTHING) result = one;
    }
    return result;
}

/* Take the members' cosignatures out of a note, so that later ones can join them. */
static void take_shares(struct publish *publish, const struct note *note,
                        struct candidate *candidate)
{
    for (uint32_t i = 0; i < publish->signers_count; i++) {
        for (uint32_t line = 0; line < note->lines_count; line++) {
            if (candidate->given[i] ||
                !note_line_by(&note->lines[line], &publish->signers[i].vkey))
                continue;
            if (!note_line_signature(&note->lines[line], candidate->shares[i],
                                     PUBLISH_COSIGNATURE_BYTES))
                continue;
            candidate->given[i] = true;
            candidate->given_count++;
        }
    }
}

void publish_restore(struct publish *publish, struct bytes note)
{
    struct trust_checkpoint found;
    struct candidate *candidate;
    struct note parsed;

    ASSERT(publish->published_size == 0);
    if (note.size == 0 ||
        trust_check_checkpoint(&publish->now.trust, note.data, note.size, &found, NULL) !=
            TALLY_OK ||
        note_parse(note.data, note.size, &parsed, NULL) != TALLY_OK) {
        return;
    }
    candidate = candidate_new(publish, found.checkpoint.size, &found.checkpoint.root);
    take_shares(publish, &parsed, candidate);
    candidate->note = buffer_copy(note);
    ASSERT(candidate->note != NULL);
    publish->published_size = candidate->size;
}

const struct publish_cosignature *publish_divergent(const struct publish *publish)
{
    return &publish->divergent;
}

uint64_t publish_signed_by(const struct publish *publish, uint32_t member)
{
    const uint32_t place = signer_place(publish, member);
    uint64_t size = 0;

    if (place == publish->signers_count) return 0;
    size = publish->kept[place].size;
    for (size_t k = 0; k < CANDIDATES; k++) {
        const struct candidate *candidate = &publish->candidates[k];

        if (candidate->given[place] && candidate->size > size) size = candidate->size;
    }
    return size;
}

uint64_t publish_size(const struct publish *publish)
{
    return publish->published_size;
}

const struct buffer *publish_find(const struct publish *publish, uint64_t index,
                                  uint32_t cosignatures_min)
{
    const struct candidate *best = NULL;

    for (size_t i = 0; i < CANDIDATES; i++) {
        const struct candidate *candidate = &publish->candidates[i];

        if (candidate->note == NULL || candidate->size <= index) continue;
        if (candidate->given_count < cosignatures_min) continue;
        if (best == NULL || candidate->size > best->size) best = candidate;
    }
    return best == NULL ? NULL : best->note;
}
