#include "ledger/ledger_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/sign.h"

static struct decide_subject subject_of(const struct topic *topic)
{
    return (struct decide_subject){.has_head = topic->has_head,
                                   .head = topic->head,
                                   .registered = topic->registered,
                                   .ended = topic->ended,
                                   .failed = topic->failed,
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
        struct decide_ref *ref = &facts->refs[i];
        struct event_place place = {0};
        bool found;
        enum tally_err err =
            lookup_event(lookup, &event->refs[i].event_hash, &found, &place, diag);

        if (err != TALLY_OK) return err;
        *ref = (struct decide_ref){.state = DECIDE_REF_UNKNOWN};
        if (!found) continue;
        ref->state = place.allowed ? DECIDE_REF_ALLOWED : DECIDE_REF_DENIED;
        ref->type = (enum event_type)place.type;
        ref->same_subject = facts->subject_found && place.list == facts->subject.list;
        if (event_type_info(event->type)->effect != EFFECT_RETRACTS) continue;
        err = lookup_retracted(lookup, &event->refs[i].event_hash, &ref->retracted, diag);
        if (err != TALLY_OK) return err;
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

static enum tally_err gather_path(const struct lookup *lookup, const char *path,
                                  struct decide_subject *ret_subject, struct tally_diag *diag)
{
    struct topic topic;
    bool found;
    const enum tally_err err = lookup_path(lookup, path, strlen(path), &found, &topic, diag);

    if (err == TALLY_OK) *ret_subject = subject_of(&topic);
    return err;
}

static enum tally_err gather_version(const struct lookup *lookup, const struct event *event,
                                     const char *model, struct facts *facts,
                                     struct tally_diag *diag)
{
    char run[LIMIT_SUBJECT_SIZE + 1];
    int size;
    enum tally_err err =
        gather_path(lookup, event->version_registered.base, &facts->facts.base, diag);

    if (err != TALLY_OK || event->version_registered.run[0] == '\0') return err;
    size = snprintf(run, sizeof run, "%s/run/%s", model, event->version_registered.run);
    ASSERT(size > 0 && (size_t)size < sizeof run); /* their segments are valid */
    return gather_path(lookup, run, &facts->facts.run, diag);
}

/* Who answers for it must be a person: a service cannot. */
static enum tally_err gather_updated(const struct lookup *lookup, const struct event *event,
                                     struct facts *facts, struct tally_diag *diag)
{
    const char *responsible = event->principal_updated.responsible;
    struct principal *person = &facts->view.person;
    enum tally_err err = gather_target(lookup, event->subject, facts, diag);
    bool found = false;

    if (err == TALLY_OK)
        err = gather_path(lookup, event->principal_updated.unit, &facts->facts.unit, diag);
    if (err == TALLY_OK)
        err = gather_path(lookup, event->principal_updated.site, &facts->facts.site, diag);
    facts->facts.responsible_known = responsible[0] == '\0';
    if (err != TALLY_OK || facts->facts.responsible_known) return err;
    err = lookup_principal(lookup, responsible, &found, person, diag);
    facts->facts.responsible_known = found && person->kind == POLICY_ACTOR_HUMAN;
    return err;
}

/* Is there place for one more result about the bytes that are judged? */
static enum tally_err gather_results(const struct lookup *lookup, const struct event *event,
                                     struct facts *facts, struct tally_diag *diag)
{
    const enum tally_err err =
        results_count(lookup, &event->judged.manifest_root, &facts->results_count, diag);

    facts->facts.results_full = facts->results_count >= POLICY_RESULTS_MAX;
    return err;
}

static enum tally_err gather_type(const struct lookup *lookup, const struct event *event,
                                  struct facts *facts, struct tally_diag *diag)
{
    char parent[LIMIT_SUBJECT_SIZE + 1];
    enum tally_err err = TALLY_OK;

    if (decide_parent(event, parent)) {
        err = gather_path(lookup, parent, &facts->facts.parent, diag);
    }
    if (err != TALLY_OK) return err;
    switch (event->type) {
    case EVENT_KEY_ENROLLED:
    case EVENT_KEY_REVOKED:
        err = gather_target(lookup, event->subject, facts, diag);
        return err != TALLY_OK ? err : gather_key(lookup, event, facts, diag);
    case EVENT_ROLE_GRANTED:
    case EVENT_ROLE_REVOKED:
        return gather_target(lookup, event->subject, facts, diag);
    case EVENT_PRINCIPAL_UPDATED:
        return gather_updated(lookup, event, facts, diag);
    case EVENT_MODEL_CREATED:
    case EVENT_MODEL_UPDATED:
        if (event->model.owner[0] == '\0') return TALLY_OK;
        return gather_target(lookup, event->model.owner, facts, diag);
    case EVENT_VERSION_REGISTERED:
        return gather_version(lookup, event, parent, facts, diag);
    case EVENT_EVALUATION_RECORDED:
    case EVENT_RISK_ASSESSED:
    case EVENT_ATTESTATION_ATTACHED:
        if (!results_adds(event)) return TALLY_OK;
        return gather_results(lookup, event, facts, diag);
    default:
        return TALLY_OK; /* their subject and references are enough; members: members_gather */
    }
}

enum tally_err facts_gather(struct ledger *ledger, const struct batch *batch,
                            const struct event *event, struct facts *ret_facts,
                            struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(ledger);
    struct facts *facts = ret_facts;
    enum tally_err err;
    bool found;

    facts->facts = (struct decide_facts){.index = ledger->applied.size,
                                         .time_ms = ledger->applied.time_ms};
    err = policy_load(ledger, facts, diag);
    if (err == TALLY_OK) err = gather_signers(&lookup, batch, facts, diag);
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
    if (err == TALLY_OK && event->type == EVENT_LEDGER_MEMBER_CHANGED)
        err = members_gather(ledger, event, facts, diag);
    if (err != TALLY_OK || event->type == 0) return err; /* a denied event that was cut */
    return policy_gather(ledger, batch, event, facts, diag);
}
