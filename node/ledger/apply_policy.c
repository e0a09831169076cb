/* The policy in force, and what an event that publishes one is asked. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "ledger/ledger_internal.h"

static const uint64_t delay_max_ms = UINT64_C(30) * 24 * 60 * 60 * 1000;

enum { POLICY_PUBLISHED = 4 }; /* its number in POLICY_EVENT_TABLE */

enum tally_err lookup_policy(const struct lookup *lookup, uint64_t version, bool *ret_found,
                             struct tally_hash *ret_digest, struct bytes *ret_policy,
                             struct tally_diag *diag)
{
    struct codec_key key;
    struct bytes value;
    enum tally_err err;

    codec_key_policy(version, &key);
    err = lookup_value(lookup, STORE_STATE, codec_bytes(&key), ret_found, &value, diag);
    if (err != TALLY_OK || !*ret_found) return err;
    if (value.size < sizeof ret_digest->bytes) return TALLY_E_CORRUPT;
    memcpy(ret_digest->bytes, value.data, sizeof ret_digest->bytes);
    *ret_policy =
        bytes_of(value.data + sizeof ret_digest->bytes, value.size - sizeof ret_digest->bytes);
    return TALLY_OK;
}

/* ---- the policy in force ---- */

static bool names_event(const struct policy_rule *rule, uint32_t event)
{
    return (rule->match.events[0] | rule->match.events[1]) == 0 ||
           (rule->match.events[event / 64] >> (event % 64) & 1) != 0;
}

static void add_events(const struct policy_rule *rule, uint64_t events[2])
{
    const bool every = (rule->match.events[0] | rule->match.events[1]) == 0;

    events[0] |= every ? UINT64_MAX : rule->match.events[0];
    events[1] |= every ? UINT64_MAX : rule->match.events[1];
}

/* Look once at what every event would ask of the policy. */
static void survey(struct ledger_policy *policy)
{
    policy->quorum_roles = 0;
    policy->fields[0] = policy->fields[1] = 0;
    policy->evidence[0] = policy->evidence[1] = 0;
    for (uint32_t i = 0; i < policy->policy.rules_count; i++) {
        const struct policy_rule *rule = &policy->policy.rules[i];

        for (uint32_t k = 0; k < rule->clauses_count; k++) {
            const struct policy_clause *clause = &rule->clauses[k];

            if (clause->type == POLICY_CLAUSE_APPROVALS)
                policy->quorum_roles |= clause->approvals.roles;
            if (clause->type == POLICY_CLAUSE_ACTOR_ROLE && names_event(rule, POLICY_PUBLISHED))
                policy->quorum_roles |= clause->actor_roles;
            if (clause->type == POLICY_CLAUSE_FIELD) add_events(rule, policy->fields);
            if (clause->type == POLICY_CLAUSE_EVIDENCE) add_events(rule, policy->evidence);
        }
    }
}

static enum tally_err load(struct ledger *ledger, uint64_t version, struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(ledger);
    struct ledger_policy *cache = &ledger->policy;
    struct bytes bytes;
    bool found = false;
    enum tally_err err;

    cache->version = 0;
    arena_reset(cache->arena, 0);
    if (version == 0) return TALLY_OK;
    err = lookup_policy(&lookup, version, &found, &cache->digest, &bytes, diag);
    if (err != TALLY_OK) return err;
    if (!found) {
        tally_diag_set(diag, "the policy in force is not in the state");
        return TALLY_E_CORRUPT;
    }
    bytes = arena_copy(cache->arena, bytes);
    if (bytes.data == NULL) return TALLY_E_NO_MEMORY;
    err = policy_decode(bytes, cache->arena, &cache->policy, diag);
    if (err != TALLY_OK) return err == TALLY_E_NO_MEMORY ? err : TALLY_E_CORRUPT;
    cache->version = version;
    survey(cache);
    return TALLY_OK;
}

enum tally_err policy_load(struct ledger *ledger, struct facts *facts, struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(ledger);
    struct governance *governance = &facts->governance;
    struct codec_key key;
    struct bytes value;
    bool found = false;
    uint64_t version;
    enum tally_err err;

    codec_key_governance(&key);
    err = lookup_value(&lookup, STORE_STATE, codec_bytes(&key), &found, &value, diag);
    if (err != TALLY_OK) return err;
    if (!found || !codec_governance_get(value, governance)) {
        tally_diag_set(diag, "the state of governance is damaged");
        return TALLY_E_CORRUPT;
    }
    version = governance->newest;
    if (version > 0 && ledger->applied.time_ms < governance->effective_ms) version--;
    return version == ledger->policy.version ? TALLY_OK : load(ledger, version, diag);
}

/* ---- what is asked ---- */

/* Is what does not hold only what the event would have to say? */
static bool only_fields(const struct policy *policy, const struct policy_decision *decision,
                        const struct policy_misses *misses)
{
    bool permitted = decision->permitted_by != 0;

    for (uint32_t i = 0; i < decision->failed_count; i++) {
        const struct policy_rule *rule = policy_rule_of(policy, decision->failed[i]);
        uint32_t fields = 0, others = 0;

        if (rule == NULL || rule->effect == POLICY_EFFECT_FORBID) return false;
        for (uint32_t k = 0; k < misses->count; k++) {
            const struct policy_miss *miss = &misses->items[k];

            if (&policy->rules[miss->rule] != rule) continue;
            if (miss->lack == POLICY_LACK_FIELD || miss->lack == POLICY_LACK_FIELD_NONE)
                fields++;
            else
                others++;
        }
        if (fields > 0 && others == 0 && rule->effect == POLICY_EFFECT_PERMIT) permitted = true;
        if ((fields == 0 || others > 0) && rule->effect == POLICY_EFFECT_REQUIRE) return false;
    }
    return permitted;
}

/* Could those who sign this event publish a policy under that one? */
static enum tally_err could_publish(struct ledger *ledger, const struct batch *batch,
                                    const struct event *event, struct facts *facts,
                                    const struct policy *policy, bool *ret_could,
                                    struct tally_diag *diag)
{
    char subject[sizeof "policy/" + LIMIT_NAME_SIZE];
    struct event publish = *event;
    struct policy_misses *misses = arena_alloc(ledger->scratch, sizeof *misses);
    struct policy_decision decision;
    enum tally_err err;

    *ret_could = false;
    if (misses == NULL) return TALLY_E_NO_MEMORY;
    misses->count = 0;
    (void)snprintf(subject, sizeof subject, "policy/%s", policy->name);
    publish.type = EVENT_POLICY_PUBLISHED;
    publish.subject = subject;
    publish.refs_count = 0;
    publish.bytes = (struct bytes){0};
    err = view_gather(ledger, batch, &publish, facts, policy, diag);
    if (err != TALLY_OK || facts->facts.governed.too_many) return err;
    policy_decide(policy, &facts->view.view, &decision, misses);
    *ret_could = decision.allowed || only_fields(policy, &decision, misses);
    return TALLY_OK;
}

/* Persons that signed as admins of everything. */
static uint32_t admins_of(const struct facts_view *facts, const bool *is_admin)
{
    uint64_t seen = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < facts->view.approvals_count; i++) {
        const struct policy_approval *approval = &facts->approvals[i];
        const uint64_t bit = UINT64_C(1) << approval->person;

        if (approval->meaning != POLICY_MEANING_AUTHOR &&
            approval->meaning != POLICY_MEANING_APPROVE)
            continue;
        if ((seen & bit) != 0 || !is_admin[approval->person] ||
            facts->persons[approval->person].kind != POLICY_ACTOR_HUMAN)
            continue;
        seen |= bit;
        count++;
    }
    return count;
}

static enum tally_err gather_publish(struct ledger *ledger, const struct batch *batch,
                                     const struct event *event, struct facts *facts,
                                     struct tally_diag *diag)
{
    const struct governance *governance = &facts->governance;
    struct decide_publish *publish = &facts->facts.publish;
    struct policy policy;
    enum tally_err err;

    publish->version_next = event->policy_published.version == governance->newest + 1;
    publish->previous_known =
        hash_equal(&event->policy_published.previous_digest, &governance->digest);
    publish->pending =
        governance->newest > 0 && ledger->applied.time_ms < governance->effective_ms;
    publish->late = event->policy_published.delay_ms > delay_max_ms;
    publish->first = governance->newest == 0;
    publish->admins_all = governance->admins;
    err = policy_decode(event->policy_published.policy, ledger->scratch, &policy, NULL);
    if (err == TALLY_E_NO_MEMORY) return err;
    publish->valid = err == TALLY_OK;
    if (!publish->valid) return TALLY_OK;
    publish->named = strcmp(event->subject + strlen("policy/"), policy.name) == 0;
    err = could_publish(ledger, batch, event, facts, &policy, &publish->renewable, diag);
    if (err == TALLY_OK) publish->admins = admins_of(&facts->view, facts->view.is_admin);
    return err;
}

/* May whoever signs this grow the number of those who can publish policies, or approve? Then
 * they must be able to publish one: otherwise one registrar could mint a quorum. */
static bool mints(const struct ledger_policy *policy, const struct event *event)
{
    switch (event->type) {
    case EVENT_PRINCIPAL_REGISTERED:
        return true;
    case EVENT_KEY_ENROLLED:
        return strcmp(event->subject, event->actor) != 0;
    case EVENT_ROLE_GRANTED:
        return (policy_role_bit(&policy->policy, event->role.role) & policy->quorum_roles) != 0;
    default:
        return false;
    }
}

/* A service or robot acts on a person's responsibility. */
static bool machine_alone(const struct facts_view *facts)
{
    if (facts->persons[facts->view.actor].kind == POLICY_ACTOR_HUMAN) return false;
    for (uint32_t i = 0; i < facts->view.approvals_count; i++) {
        const struct policy_approval *approval = &facts->approvals[i];

        if (approval->meaning == POLICY_MEANING_RESPONSIBILITY &&
            facts->persons[approval->person].kind == POLICY_ACTOR_HUMAN)
            return false;
    }
    return true;
}

enum tally_err policy_gather(struct ledger *ledger, const struct batch *batch,
                             const struct event *event, struct facts *facts,
                             struct tally_diag *diag)
{
    const struct ledger_policy *policy = &ledger->policy;
    struct decide_governed *governed = &facts->facts.governed;
    enum tally_err err = TALLY_OK;

    if (event->type == EVENT_POLICY_PUBLISHED) {
        err = gather_publish(ledger, batch, event, facts, diag);
    }
    if (err != TALLY_OK || policy->version == 0) return err;
    governed->policy = &policy->policy;
    governed->view = &facts->view.view;
    if (event->type == EVENT_ROLE_GRANTED) {
        governed->role_known = policy_role_bit(&policy->policy, event->role.role) != 0;
    }
    if (mints(policy, event)) {
        bool could;

        err = could_publish(ledger, batch, event, facts, &policy->policy, &could, diag);
        governed->quorum_missing = !could;
    }
    if (err == TALLY_OK) err = view_gather(ledger, batch, event, facts, &policy->policy, diag);
    if (err == TALLY_OK && !governed->too_many)
        governed->machine_alone = machine_alone(&facts->view);
    return err;
}
