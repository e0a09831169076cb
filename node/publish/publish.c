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

/* A boundary that this node applied, and what the members say of it. */
struct candidate {
    uint64_t size; /* 0: the slot is free */
    struct tally_hash root;
    bool given[LIMIT_MEMBERS]; /* by place in config->members; verified */
    uint8_t shares[LIMIT_MEMBERS][PUBLISH_COSIGNATURE_BYTES];
    uint32_t given_count;
    struct buffer *note; /* published: the newest note; NULL: not yet */
};

struct publish {
    const struct publish_config *config;
    struct trust trust;                /* the publication policy */
    uint8_t witness_of[LIMIT_MEMBERS]; /* member -> number of its witness in `trust` */
    struct vkey log_vkey, cosign_vkeys[LIMIT_MEMBERS];
    struct candidate candidates[CANDIDATES];
    struct publish_cosignature
        kept[LIMIT_MEMBERS]; /* of sizes not applied here; size 0: none */
    uint64_t applied_size;   /* of the newest boundary applied here */
    uint64_t published_size;
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

static enum tally_err prepare_keys(struct publish *publish, struct tally_diag *diag)
{
    const struct publish_config *config = publish->config;
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < config->members_count && err == TALLY_OK; i++) {
        char name[sizeof config->origin + 1 + LIMIT_NAME_SIZE];
        uint32_t witness = 0;

        strcpy(name, config->origin); /* both fit: the room is the sum of their limits */
        strcat(name, "/");
        strcat(name, config->members[i].name);
        err = vkey_make(name, VKEY_COSIGNATURE, config->members[i].cosign_key,
                        &publish->cosign_vkeys[i]);
        if (err != TALLY_OK || !config->members[i].voter) continue;
        while (witness < publish->trust.witnesses_count &&
               strcmp(publish->trust.witnesses[witness].key.name, name) != 0) {
            witness++;
        }
        if (witness == publish->trust.witnesses_count) {
            tally_diag_set(diag, "the publication policy has no key for member %s",
                           config->members[i].name);
            return TALLY_E_MALFORMED;
        }
        publish->witness_of[i] = (uint8_t)witness;
    }
    if (err == TALLY_OK && config->keys != NULL) {
        err = vkey_make(config->origin, VKEY_ED25519, config->keys->log.public_key,
                        &publish->log_vkey);
    }
    return err;
}

enum tally_err publish_open(const struct publish_config *config, struct publish **ret_publish,
                            struct tally_diag *diag)
{
    struct publish *publish = calloc(1, sizeof *publish);
    enum tally_err err;

    if (publish == NULL) return TALLY_E_NO_MEMORY;
    publish->config = config;
    err = trust_parse(config->trust_text, strlen(config->trust_text), &publish->trust, diag);
    if (err == TALLY_OK) err = prepare_keys(publish, diag);
    if (err != TALLY_OK) {
        publish_close(publish);
        return err;
    }
    *ret_publish = publish;
    return TALLY_OK;
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
    if (known != NULL && !hash_equal(&known->root, root)) return PUBLISH_DIVERGENT;
    if (size <= publish->applied_size) return PUBLISH_NOTHING; /* again after a restart */
    publish->applied_size = size;
    if (known == NULL) candidate_new(publish, size, root);
    return PUBLISH_NOTHING;
}

/* The set of witnesses of the policy that cosigned. */
static uint32_t witnesses_of(const struct publish *publish, const struct candidate *candidate)
{
    uint32_t set = 0;

    for (uint32_t i = 0; i < publish->config->members_count; i++) {
        if (publish->config->members[i].voter && candidate->given[i]) {
            set |= UINT32_C(1) << publish->witness_of[i];
        }
    }
    return set;
}

/* Text, the voters' cosignatures, and the log signature last. */
static struct buffer *note_assemble(const struct publish *publish,
                                    const struct candidate *candidate)
{
    uint8_t room[CHECKPOINT_TEXT_MAX];
    uint8_t note[CHECKPOINT_TEXT_MAX + (LIMIT_VOTERS + 1) * 512];
    const struct bytes text =
        checkpoint_text(publish->config, candidate->size, &candidate->root, room);
    struct bytes_writer writer = bytes_writer(note, sizeof note);
    struct buffer *buffer;

    note_put_text(&writer, text);
    for (uint32_t i = 0; i < publish->config->members_count; i++) {
        if (!publish->config->members[i].voter || !candidate->given[i]) continue;
        note_put_line(&writer, &publish->cosign_vkeys[i], candidate->shares[i],
                      PUBLISH_COSIGNATURE_BYTES);
    }
    note_put_signed(&writer, &publish->log_vkey, &publish->config->keys->log, text);
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

    if (publish->config->keys == NULL) return PUBLISH_NOTHING;
    if (!trust_satisfied(&publish->trust, witnesses_of(publish, candidate))) {
        return PUBLISH_NOTHING;
    }
    if (!published && candidate->size <= publish->published_size) return PUBLISH_NOTHING;
    buffer_release(candidate->note);
    candidate->note = note_assemble(publish, candidate);
    if (published) return PUBLISH_MERGED;
    publish->published_size = candidate->size;
    return PUBLISH_NEW;
}

static enum publish_result add_to(struct publish *publish, struct candidate *candidate,
                                  uint32_t place, const struct publish_cosignature *cosignature)
{
    if (!hash_equal(&candidate->root, &cosignature->root)) return PUBLISH_DIVERGENT;
    if (candidate->given[place]) return PUBLISH_NOTHING;
    candidate->given[place] = true;
    candidate->given_count++;
    memcpy(candidate->shares[place], cosignature->bytes, PUBLISH_COSIGNATURE_BYTES);
    return candidate_publish(publish, candidate);
}

enum publish_result publish_add(struct publish *publish,
                                const struct publish_cosignature *cosignature)
{
    const struct publish_config *config = publish->config;
    uint8_t room[CHECKPOINT_TEXT_MAX];
    struct candidate *candidate;
    uint32_t place = 0;

    while (place < config->members_count && config->members[place].id != cosignature->member) {
        place++;
    }
    if (place == config->members_count || !config->members[place].voter ||
        cosignature->size == 0 || cosignature->size > INT64_MAX) {
        return PUBLISH_REFUSED;
    }
    candidate = candidate_find(publish, cosignature->size);
    if (candidate == NULL && cosignature->size <= publish->applied_size) return PUBLISH_NOTHING;
    if (candidate != NULL && candidate->given[place] &&
        hash_equal(&candidate->root, &cosignature->root)) {
        return PUBLISH_NOTHING;
    }
    if (cosignature_verify(config->members[place].cosign_key,
                           checkpoint_text(config, cosignature->size, &cosignature->root, room),
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

    for (uint32_t i = 0; i < publish->config->members_count; i++) {
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
    for (uint32_t i = 0; i < publish->config->members_count; i++) {
        for (uint32_t line = 0; line < note->lines_count; line++) {
            if (candidate->given[i] ||
                !note_line_by(&note->lines[line], &publish->cosign_vkeys[i]))
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
        trust_check_checkpoint(&publish->trust, note.data, note.size, &found, NULL) !=
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

uint64_t publish_signed_by(const struct publish *publish, uint32_t member)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < publish->config->members_count; i++) {
        if (publish->config->members[i].id != member) continue;
        size = publish->kept[i].size;
        for (size_t k = 0; k < CANDIDATES; k++) {
            const struct candidate *candidate = &publish->candidates[k];

            if (candidate->given[i] && candidate->size > size) size = candidate->size;
        }
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
