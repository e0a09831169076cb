#include "ledger/ledger_internal.h"

#include <string.h>

#include "crypto/sign.h"

static struct lookup lookup_of(struct ledger *ledger)
{
    return (struct lookup){.state = ledger->state, .arena = ledger->scratch};
}

static struct decide_subject subject_of(const struct topic *topic)
{
    return (struct decide_subject){.has_head = topic->has_head,
                                   .head = topic->head,
                                   .registered = topic->registered,
                                   .registration = topic->registration,
                                   .manifest_root = topic->manifest_root};
}

static enum tally_err gather_signers(const struct lookup *lookup, const struct batch *batch,
                                     struct facts *facts, struct tally_diag *diag)
{
    for (uint32_t i = 0; i < batch->signers_count; i++) {
        struct ledger_key key;
        bool found;
        const enum tally_err err =
            lookup_key(lookup, batch->signers[i].key_id.bytes, &found, &key, diag);

        if (err != TALLY_OK) return err;
        if (!found || key.revoked) facts->facts.signer_revoked = true;
    }
    return TALLY_OK;
}

static enum tally_err gather_refs(const struct lookup *lookup, const struct event *event,
                                  struct facts *facts, struct tally_diag *diag)
{
    for (uint32_t i = 0; i < event->refs_count; i++) {
        uint64_t index;
        bool found, allowed = false;
        const enum tally_err err =
            lookup_event(lookup, &event->refs[i].event_hash, &found, &index, &allowed, diag);

        if (err != TALLY_OK) return err;
        facts->refs[i] = DECIDE_REF_UNKNOWN;
        if (found) facts->refs[i] = allowed ? DECIDE_REF_ALLOWED : DECIDE_REF_DENIED;
    }
    facts->facts.refs = facts->refs;
    return TALLY_OK;
}

/* key.* and role.* are about the principal that is their subject; a model names its owner. */
static enum tally_err gather_target(const struct lookup *lookup, const char *principal,
                                    struct facts *facts, struct tally_diag *diag)
{
    bool found;
    const enum tally_err err =
        lookup_principal(lookup, principal, &found, &facts->target, diag);

    if (err != TALLY_OK) return err;
    facts->facts.principal.registered = found;
    facts->facts.principal.roles = facts->target.roles;
    facts->facts.principal.roles_count = facts->target.roles_count;
    return TALLY_OK;
}

static enum tally_err gather_key(const struct lookup *lookup, const struct event *event,
                                 struct facts *facts, struct tally_diag *diag)
{
    enum tally_err err;
    bool found;

    if (event->type == EVENT_KEY_ENROLLED) {
        sign_key_id(event->key_enrolled.public_key, &facts->key_id);
    } else {
        facts->key_id = event->key_revoked.key_id;
    }
    err = lookup_key(lookup, facts->key_id.bytes, &found, &facts->key, diag);
    if (err != TALLY_OK || !found) return err;
    facts->facts.key =
        (struct decide_key){.enrolled = true,
                            .revoked = facts->key.revoked,
                            .of_subject = strcmp(facts->key.principal, event->subject) == 0,
                            .enrolled_index = facts->key.enrolled_index};
    return TALLY_OK;
}

static enum tally_err gather_version(const struct lookup *lookup, const struct event *event,
                                     struct facts *facts, struct tally_diag *diag)
{
    const char *base = event->version_registered.base;
    const char *end = strchr(event->subject, '/'); /* model/<name>/version/<version> */
    struct topic topic;
    enum tally_err err;
    bool found;

    end = strchr(end + 1, '/');
    err = lookup_path(lookup, event->subject, (size_t)(end - event->subject), &found, &topic,
                      diag);
    if (err != TALLY_OK) return err;
    facts->facts.parent = subject_of(&topic);
    err = lookup_path(lookup, base, strlen(base), &found, &topic, diag);
    if (err != TALLY_OK) return err;
    facts->facts.base = subject_of(&topic);
    return TALLY_OK;
}

static enum tally_err gather_type(const struct lookup *lookup, const struct event *event,
                                  struct facts *facts, struct tally_diag *diag)
{
    enum tally_err err;

    switch (event->type) {
    case EVENT_KEY_ENROLLED:
    case EVENT_KEY_REVOKED:
        err = gather_target(lookup, event->subject, facts, diag);
        return err != TALLY_OK ? err : gather_key(lookup, event, facts, diag);
    case EVENT_ROLE_GRANTED:
    case EVENT_ROLE_REVOKED:
        return gather_target(lookup, event->subject, facts, diag);
    case EVENT_MODEL_CREATED:
        return gather_target(lookup, event->model_created.owner, facts, diag);
    case EVENT_VERSION_REGISTERED:
        return gather_version(lookup, event, facts, diag);
    case EVENT_LEDGER_MEMBER_CHANGED:
        return TALLY_OK; /* members_gather */
    case EVENT_LEDGER_GENESIS:
    case EVENT_PRINCIPAL_REGISTERED:
    case EVENT_BASE_MODEL_REGISTERED:
    case EVENT_DATASET_REGISTERED:
    case EVENT_EVALUATION_RECORDED:
    case EVENT_APPROVAL_GRANTED:
    case EVENT_ANNOTATION_ADDED:
        return TALLY_OK; /* their subject is enough */
    }
    return TALLY_OK;
}

enum tally_err facts_gather(struct ledger *ledger, const struct batch *batch,
                            const struct event *event, struct facts *ret_facts,
                            struct tally_diag *diag)
{
    const struct lookup lookup = lookup_of(ledger);
    struct facts *facts = ret_facts;
    enum tally_err err;
    bool found;

    facts->facts = (struct decide_facts){.index = ledger->applied.size,
                                         .time_ms = ledger->applied.time_ms};
    err = gather_signers(&lookup, batch, facts, diag);
    if (err == TALLY_OK)
        err = lookup_principal(&lookup, event->actor, &found, &facts->actor, diag);
    if (err != TALLY_OK) return err;
    facts->facts.actor_roles = facts->actor.roles;
    facts->facts.actor_roles_count = facts->actor.roles_count;
    err = lookup_path(&lookup, event->subject, strlen(event->subject), &facts->subject_found,
                      &facts->subject, diag);
    if (err != TALLY_OK) return err;
    facts->facts.subject = subject_of(&facts->subject);
    err = gather_refs(&lookup, event, facts, diag);
    if (err == TALLY_OK) err = gather_type(&lookup, event, facts, diag);
    if (err != TALLY_OK || event->type != EVENT_LEDGER_MEMBER_CHANGED) return err;
    return members_gather(ledger, event, facts, diag);
}
