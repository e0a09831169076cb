#include "ledger/decide.h"

#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"

/* The failed rules so far, as a set: the order of checks must not show in the leaf. */
struct failures {
    uint32_t set; /* bit n: rule n failed */
};
_Static_assert(RULES_MAX <= 32, "one bit for each rule");

static void fail_if(struct failures *failures, bool failed, enum rule rule)
{
    if (failed) failures->set |= UINT32_C(1) << rule;
}

bool decide_in_scope(struct bytes scope, const char *subject)
{
    if (scope.size == 0) return true;
    if (strncmp(subject, (const char *)scope.data, scope.size) != 0) return false;
    return subject[scope.size] == '\0' || subject[scope.size] == '/';
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
    fail_if(failures, !live && !expired, RULE_ROLE_MISSING);
    fail_if(failures, !live && expired, RULE_ROLE_EXPIRED);
}

static void check_refs(const struct decide_facts *facts, const struct event *event,
                       struct failures *failures)
{
    for (uint32_t i = 0; i < event->refs_count; i++) {
        fail_if(failures, facts->refs[i] == DECIDE_REF_UNKNOWN, RULE_REF_UNKNOWN);
        fail_if(failures, facts->refs[i] == DECIDE_REF_DENIED, RULE_REF_DENIED);
    }
    if (event->has_expected_head) {
        const bool same =
            facts->subject.has_head && hash_equal(&facts->subject.head, &event->expected_head);

        fail_if(failures, !same, RULE_HEAD_MISMATCH);
    }
}

static const struct decide_role *role_of(const struct decide_principal *principal,
                                         const char *name, const char *scope)
{
    const struct bytes want_name = bytes_of(name, strlen(name));
    const struct bytes want_scope = bytes_of(scope, strlen(scope));

    for (uint32_t i = 0; i < principal->roles_count; i++) {
        const struct decide_role *role = &principal->roles[i];

        if (bytes_equal(role->name, want_name) && bytes_equal(role->scope, want_scope)) {
            return role;
        }
    }
    return NULL;
}

/* key.*, role.*: their subject is a principal. */
static void check_trust(const struct decide_facts *facts, const struct event *event,
                        struct failures *failures)
{
    const struct decide_key *key = &facts->key;
    const bool held =
        event->type == EVENT_ROLE_GRANTED || event->type == EVENT_ROLE_REVOKED
            ? role_of(&facts->principal, event->role.role, event->role.scope) != NULL
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
        fail_if(failures, role_named(event->role.role, strlen(event->role.role)) == ROLE_NONE,
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

    fail_if(failures, facts->subject.registered, RULE_SUBJECT_EXISTS);
    fail_if(failures, !facts->parent.registered, RULE_MODEL_ABSENT);
    fail_if(failures, !facts->base.registered, RULE_BASE_ABSENT);
    fail_if(failures,
            facts->base.registered &&
                (ref == NULL || !hash_equal(&ref->event_hash, &facts->base.registration)),
            RULE_BASE_REF);
}

/* evaluation.recorded, approval.granted: they bind to the bytes of a version. A reference to
 * the version may be left out, but not be wrong. */
static void check_judged(const struct decide_facts *facts, const struct event *event,
                         struct failures *failures)
{
    const enum event_rel rel =
        event->type == EVENT_EVALUATION_RECORDED ? REL_EVALUATES : REL_APPROVES;
    const struct decide_subject *version = &facts->subject;

    fail_if(failures, !version->registered, RULE_VERSION_ABSENT);
    if (!version->registered) return;
    fail_if(failures, !hash_equal(&event->judged.manifest_root, &version->manifest_root),
            RULE_MANIFEST_MISMATCH);
    for (uint32_t i = 0; i < event->refs_count; i++) {
        fail_if(failures,
                event->refs[i].rel == rel &&
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

static void check_type(const struct decide_facts *facts, const struct event *event,
                       struct failures *failures)
{
    switch (event->type) {
    case EVENT_LEDGER_GENESIS:
        fail_if(failures, true, RULE_TYPE_CLOSED);
        return;
    case EVENT_LEDGER_MEMBER_CHANGED:
        check_change(&facts->change, failures);
        return;
    case EVENT_PRINCIPAL_REGISTERED:
    case EVENT_BASE_MODEL_REGISTERED:
    case EVENT_DATASET_REGISTERED:
        fail_if(failures, facts->subject.registered, RULE_SUBJECT_EXISTS);
        return;
    case EVENT_MODEL_CREATED:
        fail_if(failures, facts->subject.registered, RULE_SUBJECT_EXISTS);
        fail_if(failures, !facts->principal.registered, RULE_OWNER_ABSENT);
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
    case EVENT_APPROVAL_GRANTED:
        check_judged(facts, event, failures);
        return;
    case EVENT_ANNOTATION_ADDED:
        return;
    }
    UNREACHABLE("event_decode refuses unregistered types");
}

void decide(const struct decide_facts *facts, const struct event *event,
            struct decide_verdict *ret_verdict)
{
    struct failures failures = {0};

    check_actor(facts, event, &failures);
    check_refs(facts, event, &failures);
    check_type(facts, event, &failures);

    ret_verdict->failed_count = 0;
    for (uint16_t rule = 1; rule < RULES_MAX; rule++) {
        if (failures.set >> rule & 1) ret_verdict->failed[ret_verdict->failed_count++] = rule;
    }
    ret_verdict->allowed = ret_verdict->failed_count == 0;
}
