#include "ledger/decide.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"

/* The failed rules so far, as a set: the order of checks must not show in the leaf. */
struct failures {
    uint64_t set; /* bit n: rule n failed */
};
_Static_assert(RULES_MAX <= 64, "one bit for each rule");

static void fail_if(struct failures *failures, bool failed, enum rule rule)
{
    if (failed) failures->set |= UINT64_C(1) << rule;
}

bool decide_in_scope(struct bytes scope, const char *subject)
{
    if (scope.size == 0) return true;
    if (strncmp(subject, (const char *)scope.data, scope.size) != 0) return false;
    return subject[scope.size] == '\0' || subject[scope.size] == '/';
}

bool decide_role_is(const struct decide_role *role, const char *name, const char *scope)
{
    return bytes_equal(role->name, bytes_of(name, strlen(name))) &&
           bytes_equal(role->scope, bytes_of(scope, strlen(scope)));
}

const struct decide_role *decide_role_held(const struct decide_role *roles, uint32_t count,
                                           const char *name, const char *scope)
{
    for (uint32_t i = 0; i < count; i++) {
        if (decide_role_is(&roles[i], name, scope)) return &roles[i];
    }
    return NULL;
}

static void check_actor(const struct decide_facts *facts, const struct event *event,
                        struct failures *failures)
{
    bool live = false, expired = false;

    for (uint32_t i = 0; i < facts->actor_roles_count; i++) {
        const struct decide_role *role = &facts->actor_roles[i];

        if (!role_may(role->role, event->type)) continue;
        if (!decide_in_scope(role->scope, event->subject)) continue;
        if (role->expires_ms == 0 || facts->time_ms < role->expires_ms)
            live = true;
        else
            expired = true;
    }
    fail_if(failures, facts->signer_revoked, RULE_KEY_REVOKED);
    if (facts->governed.policy != NULL) return; /* check_governed */
    fail_if(failures, !live && !expired, RULE_ROLE_MISSING);
    fail_if(failures, !live && expired, RULE_ROLE_EXPIRED);
}

bool decide_parent(const struct event *event, char ret_path[LIMIT_SUBJECT_SIZE + 1])
{
    const char *path = "", *end = NULL;

    switch (event->type) {
    case EVENT_VERSION_REGISTERED:
    case EVENT_RUN_STARTED:
        end = strchr(event->subject + strlen("model/"), '/');
        path = event->subject;
        break;
    case EVENT_ORGANISATION_REGISTERED:
        if (event_subject_kind(event->subject, NULL) == SUBJECT_ORGANISATION) return false;
        end = strchr(event->subject + strlen("organisation/"), '/');
        path = event->subject;
        break;
    case EVENT_ENVIRONMENT_REGISTERED:
        path = event->environment_registered.site;
        break;
    case EVENT_ENDPOINT_REGISTERED:
        (void)snprintf(ret_path, LIMIT_SUBJECT_SIZE + 1, "environment/%s",
                       event->endpoint_registered.environment);
        return true;
    case EVENT_CHANGE_REQUESTED:
        path = event->change_requested.model;
        break;
    case EVENT_AUDIT_EXPORTED:
        path = event->audit_exported.recipient;
        break;
    default:
        return false;
    }
    if (path[0] == '\0') return false;
    (void)snprintf(ret_path, LIMIT_SUBJECT_SIZE + 1, "%.*s",
                   (int)(end == NULL ? strlen(path) : (size_t)(end - path)), path);
    return true;
}

/* What the relation of a reference asks of the event that it names. */
static void check_ref(const struct event *event, const struct event_ref *ref,
                      const struct decide_ref *named, struct failures *failures)
{
    size_t rules_count;
    const struct event_ref_rule *rules = event_ref_rules(event->type, &rules_count);
    const bool retracts = event_type_info(event->type)->effect == EFFECT_RETRACTS;

    for (size_t i = 0; i < rules_count; i++) {
        const struct event_ref_rule *rule = &rules[i];
        const bool any = rule->targets[0] == 0;

        if (rule->rel != (uint8_t)ref->rel || (rule->flags & REF_PINNED) != 0) continue;
        fail_if(failures,
                !any && named->type != rule->targets[0] &&
                    (rule->targets[1] == 0 || named->type != rule->targets[1]),
                RULE_REF_TYPE);
        fail_if(failures, (rule->flags & REF_SAME_SUBJECT) != 0 && !named->same_subject,
                RULE_REF_SUBJECT);
        fail_if(failures, retracts && named->retracted, RULE_REF_RETRACTED);
    }
}

static void check_refs(const struct decide_facts *facts, const struct event *event,
                       struct failures *failures)
{
    for (uint32_t i = 0; i < event->refs_count; i++) {
        const struct decide_ref *named = &facts->refs[i];

        fail_if(failures, named->state == DECIDE_REF_UNKNOWN, RULE_REF_UNKNOWN);
        fail_if(failures, named->state == DECIDE_REF_DENIED, RULE_REF_DENIED);
        if (named->state != DECIDE_REF_UNKNOWN) {
            check_ref(event, &event->refs[i], named, failures);
        }
    }
    if (event->has_expected_head) {
        const bool same =
            facts->subject.has_head && hash_equal(&facts->subject.head, &event->expected_head);

        fail_if(failures, !same, RULE_HEAD_MISMATCH);
    }
}

/* key.*, role.*: their subject is a principal. */
static void check_trust(const struct decide_facts *facts, const struct event *event,
                        struct failures *failures)
{
    const struct decide_key *key = &facts->key;
    const bool held =
        event->type == EVENT_ROLE_GRANTED || event->type == EVENT_ROLE_REVOKED
            ? decide_role_held(facts->principal.roles, facts->principal.roles_count,
                               event->role.role, event->role.scope) != NULL
            : false;

    fail_if(failures, !facts->principal.registered, RULE_PRINCIPAL_ABSENT);
    if (event->type == EVENT_KEY_ENROLLED) {
        fail_if(failures, key->enrolled, RULE_KEY_EXISTS);
    } else if (event->type == EVENT_KEY_REVOKED) {
        const uint64_t since = event->key_revoked.compromised_since;
        const bool ours = key->enrolled && key->of_subject;

        fail_if(failures, !ours, RULE_KEY_ABSENT);
        fail_if(failures, ours && key->revoked, RULE_KEY_GONE);
        fail_if(failures,
                ours && event->key_revoked.compromised &&
                    (since < key->enrolled_index || since > facts->index),
                RULE_SINCE_RANGE);
    } else if (event->type == EVENT_ROLE_GRANTED) {
        fail_if(failures,
                role_named(event->role.role, strlen(event->role.role)) == ROLE_NONE &&
                    !facts->governed.role_known,
                RULE_ROLE_UNKNOWN);
        fail_if(failures, !held && facts->principal.roles_count >= DECIDE_ROLES_MAX,
                RULE_ROLE_LIMIT);
    } else {
        ASSERT(event->type == EVENT_ROLE_REVOKED);
        fail_if(failures, !held, RULE_ROLE_ABSENT);
    }
}

static void check_version(const struct decide_facts *facts, const struct event *event,
                          struct failures *failures)
{
    const struct event_ref *ref = event_ref(event, REL_BASE);

    const struct decide_subject *run = &facts->run;

    fail_if(failures, !facts->base.registered, RULE_BASE_ABSENT);
    fail_if(failures,
            facts->base.registered &&
                (ref == NULL || !hash_equal(&ref->event_hash, &facts->base.registration)),
            RULE_BASE_REF);
    fail_if(failures,
            event->version_registered.run[0] != '\0' &&
                (!run->registered || !run->ended || run->failed),
            RULE_RUN_OPEN);
}

/* They bind to the bytes of their subject, mostly a version. A reference to the version may be
 * left out, but not be wrong. */
static void check_judged(const struct decide_facts *facts, const struct event *event,
                         struct failures *failures)
{
    const bool approves = event->type == EVENT_APPROVAL_GRANTED;
    const bool pins = event->type != EVENT_ATTESTATION_ATTACHED;
    const enum event_rel rel = approves ? REL_APPROVES : REL_EVALUATES;
    const struct decide_subject *version = &facts->subject;

    fail_if(failures, facts->results_full, RULE_RESULT_LIMIT);
    if (!version->registered) return; /* check_subject */
    fail_if(failures, !hash_equal(&event->judged.manifest_root, &version->manifest_root),
            RULE_MANIFEST_MISMATCH);
    for (uint32_t i = 0; i < event->refs_count; i++) {
        fail_if(failures,
                pins && event->refs[i].rel == rel &&
                    !hash_equal(&event->refs[i].event_hash, &version->registration),
                RULE_VERSION_REF);
    }
}

static void check_change(const struct decide_change *change, struct failures *failures)
{
    fail_if(failures, !change->version_next, RULE_CONFIG_VERSION);
    fail_if(failures, change->pending, RULE_CHANGE_PENDING);
    if (!change->version_next || change->pending) return;
    fail_if(failures, !change->valid, RULE_MEMBER_INVALID);
    fail_if(failures, change->valid && !change->policy_valid, RULE_POLICY_INVALID);
}

static void check_publish(const struct decide_publish *publish, struct failures *failures)
{
    const uint32_t needed = publish->admins_all < 2 ? publish->admins_all : 2;

    fail_if(failures, !publish->version_next, RULE_POLICY_VERSION);
    fail_if(failures, publish->version_next && !publish->previous_known, RULE_POLICY_PREVIOUS);
    fail_if(failures, !publish->valid, RULE_POLICY_MALFORMED);
    fail_if(failures, publish->valid && !publish->named, RULE_POLICY_NAME);
    fail_if(failures, publish->pending, RULE_POLICY_PENDING);
    fail_if(failures, publish->late, RULE_POLICY_DELAY);
    fail_if(failures, publish->valid && publish->first && publish->admins < needed,
            RULE_POLICY_ADMINS);
    fail_if(failures, publish->valid && !publish->renewable, RULE_POLICY_LOCK_OUT);
}

static void check_updated(const struct decide_facts *facts, const struct event *event,
                          struct failures *failures)
{
    fail_if(failures,
            (event->principal_updated.unit[0] != '\0' && !facts->unit.registered) ||
                (event->principal_updated.site[0] != '\0' && !facts->site.registered),
            RULE_PARENT_ABSENT);
    fail_if(failures, !facts->responsible_known, RULE_RESPONSIBLE_ABSENT);
}

static enum rule absent_rule(enum event_subject_kind kind)
{
    switch (kind) {
    case SUBJECT_PRINCIPAL:
        return RULE_PRINCIPAL_ABSENT;
    case SUBJECT_BASE:
        return RULE_BASE_ABSENT;
    case SUBJECT_MODEL:
        return RULE_MODEL_ABSENT;
    case SUBJECT_VERSION:
        return RULE_VERSION_ABSENT;
    default:
        return RULE_SUBJECT_ABSENT;
    }
}

/* The type's closed; and what it asks of its subject and of what that belongs to. */
static void check_subject(const struct decide_facts *facts, const struct event *event,
                          struct failures *failures)
{
    const struct event_type_info *info = event_type_info(event->type);
    const struct decide_subject *subject = &facts->subject, *parent = &facts->parent;
    char path[LIMIT_SUBJECT_SIZE + 1];

    fail_if(failures, info->closed != NULL, RULE_TYPE_CLOSED);
    switch (info->need) {
    case NEED_NOTHING:
        break;
    case NEED_NEW:
        fail_if(failures, subject->registered, RULE_SUBJECT_EXISTS);
        break;
    case NEED_LIVE:
    case NEED_KNOWN:
        fail_if(failures, info->need == NEED_LIVE && subject->ended, RULE_SUBJECT_ENDED);
        if (subject->registered) break;
        fail_if(failures, true, absent_rule(event_subject_kind(event->subject, NULL)));
        break;
    }
    if (!decide_parent(event, path)) return;
    fail_if(failures, !parent->registered,
            event_subject_kind(path, NULL) == SUBJECT_MODEL ? RULE_MODEL_ABSENT
                                                            : RULE_PARENT_ABSENT);
    fail_if(failures, parent->ended, RULE_PARENT_ENDED);
}

/* What a type asks for beyond what its row says. */
static void check_type(const struct decide_facts *facts, const struct event *event,
                       struct failures *failures)
{
    switch (event->type) {
    case EVENT_LEDGER_MEMBER_CHANGED:
        check_change(&facts->change, failures);
        return;
    case EVENT_POLICY_PUBLISHED:
        check_publish(&facts->publish, failures);
        return;
    case EVENT_PRINCIPAL_UPDATED:
        check_updated(facts, event, failures);
        return;
    case EVENT_MODEL_CREATED:
    case EVENT_MODEL_UPDATED:
        fail_if(failures, event->model.owner[0] != '\0' && !facts->principal.registered,
                RULE_OWNER_ABSENT);
        return;
    case EVENT_KEY_ENROLLED:
    case EVENT_KEY_REVOKED:
    case EVENT_ROLE_GRANTED:
    case EVENT_ROLE_REVOKED:
        check_trust(facts, event, failures);
        return;
    case EVENT_VERSION_REGISTERED:
        check_version(facts, event, failures);
        return;
    case EVENT_EVALUATION_RECORDED:
    case EVENT_RISK_ASSESSED:
    case EVENT_APPROVAL_GRANTED:
    case EVENT_ATTESTATION_ATTACHED:
        check_judged(facts, event, failures);
        return;
    case EVENT_AUDIT_EXPORTED:
        fail_if(failures, event->audit_exported.to_size > facts->index, RULE_SIZE_RANGE);
        return;
    default:
        return; /* check_subject and check_refs are all */
    }
}

/* What a ledger with a policy asks beside it. */
static void check_governed(const struct decide_governed *governed, struct failures *failures)
{
    fail_if(failures, governed->too_many, RULE_FACTS_LIMIT);
    if (governed->policy == NULL) return;
    fail_if(failures, governed->machine_alone, RULE_RESPONSIBILITY);
    fail_if(failures, governed->quorum_missing, RULE_QUORUM);
}

/* The rules of the policy that fail, behind those of the ledger: their ids are larger. */
static void ask_policy(const struct decide_governed *governed, struct decide_verdict *verdict)
{
    struct policy_decision decision;

    if (governed->policy == NULL || governed->too_many) return;
    policy_decide(governed->policy, governed->view, &decision, NULL);
    for (uint32_t i = 0; i < decision.failed_count; i++) {
        ASSERT(verdict->failed_count < DECIDE_FAILED_MAX);
        verdict->failed[verdict->failed_count++] = decision.failed[i];
    }
}

void decide(const struct decide_facts *facts, const struct event *event,
            struct decide_verdict *ret_verdict)
{
    struct failures failures = {0};

    check_actor(facts, event, &failures);
    check_refs(facts, event, &failures);
    check_subject(facts, event, &failures);
    check_type(facts, event, &failures);
    check_governed(&facts->governed, &failures);

    ret_verdict->failed_count = 0;
    for (uint16_t rule = 1; rule < RULES_MAX; rule++) {
        if (failures.set >> rule & 1) ret_verdict->failed[ret_verdict->failed_count++] = rule;
    }
    ask_policy(&facts->governed, ret_verdict);
    ret_verdict->allowed = ret_verdict->failed_count == 0;
}
