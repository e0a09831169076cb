/* What a type asks of an event beyond the form of its fields. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "crypto/sign.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event.h"
#include "event/event_check.h"

/* NULL, or what is wrong and how to mend it; static text. */
typedef const char *(*type_check)(const Tally__Event *event);

static const char *check_genesis(const Tally__Event *event)
{
    const Tally__LedgerGenesis *genesis = event->ledger_genesis;

    if (genesis->n_root_keys > LIMIT_GENESIS_SIGNERS) {
        return "ledger_genesis.root_keys must have 1 to 16 elements";
    }
    if (genesis->root_threshold > genesis->n_root_keys) {
        return "ledger_genesis.root_threshold must be 1 to the number of root keys";
    }
    for (size_t i = 1; i < genesis->n_principals; i++) {
        if (strcmp(genesis->principals[i - 1]->id, genesis->principals[i]->id) >= 0) {
            return "ledger_genesis.principals must be ascending by id, each once";
        }
    }
    return NULL;
}

static const char *check_member_changed(const Tally__Event *event)
{
    struct ledger_member member;

    if (ledger_member_take(event->ledger_member_changed->member, &member, NULL) == TALLY_OK) {
        return NULL;
    }
    return "ledger_member_changed.member needs an id, a name and a site (a-z 0-9 . _ -), three "
           "different keys of 32 bytes, an incarnation and a role; URLs have at most 256 "
           "characters";
}

static const char *check_root(const Tally__Event *event)
{
    const Tally__RootRotated *root = event->root_rotated;

    if (root->n_root_keys > LIMIT_GENESIS_SIGNERS) {
        return "root_rotated.root_keys must have 1 to 16 elements";
    }
    if (root->root_threshold > root->n_root_keys) {
        return "root_rotated.root_threshold must be 1 to the number of root keys";
    }
    return NULL;
}

static const char *check_policy(const Tally__Event *event)
{
    const Tally__PolicyPublished *policy = event->policy_published;

    if ((policy->version == 1) == (policy->previous_digest.len == 0)) return NULL;
    return policy->version == 1 ? "policy_published.previous_digest must be absent in version 1"
                                : "policy_published.previous_digest is missing: give the "
                                  "SHA-256 of the policy before";
}

static const char *check_organisation(const Tally__Event *event)
{
    static const enum event_subject_kind forms[] = {SUBJECT_NONE, SUBJECT_ORGANISATION,
                                                    SUBJECT_UNIT, SUBJECT_SITE};
    const enum event_subject_kind form = event_subject_kind(event->subject, NULL);

    if (forms[event->organisation_registered->kind] == form) return NULL;
    return "organisation_registered.kind must be that of the subject: organisation/<o>, "
           "organisation/<o>/unit/<u> or organisation/<o>/site/<s>";
}

static const char *check_rotated(const Tally__Event *event)
{
    const Tally__KeyRotated *rotated = event->key_rotated;
    struct tally_hash key_id;

    sign_key_id(rotated->public_key.data, &key_id);
    if (memcmp(key_id.bytes, rotated->old_key_id.data, sizeof key_id.bytes) != 0) return NULL;
    return "key_rotated.public_key must be another key than the old one";
}

static const char *check_breakglass(const Tally__Event *event)
{
    const Tally__BreakglassOpened *opened = event->breakglass_opened;

    if (opened->review_due_ms >= opened->expires_ms) return NULL;
    return "breakglass_opened.review_due_ms must not be before expires_ms";
}

static const char *check_exported(const Tally__Event *event)
{
    if (event->audit_exported->from_size < event->audit_exported->to_size) return NULL;
    return "audit_exported.to_size must be above from_size: the records [from_size, to_size)";
}

static const char *check_model_updated(const Tally__Event *event)
{
    if (event->model_updated->owner[0] != '\0' || event->model_updated->risk_tier != 0) {
        return NULL;
    }
    return "model_updated must have an owner or a risk_tier: it changes nothing else";
}

static const char *check_archived(const Tally__Event *event)
{
    if (strcmp(event->model_archived->successor, event->subject) != 0) return NULL;
    return "model_archived.successor must be another model";
}

static const char *check_version(const Tally__Event *event)
{
    const Tally__VersionRegistered *version = event->version_registered;

    if (version->merge == NULL || version->kind == TALLY__VERSION_KIND__VERSION_KIND_MERGE) {
        return NULL;
    }
    return "version_registered.merge must be absent when kind is not VERSION_KIND_MERGE";
}

static const char *check_attestation(const Tally__Event *event)
{
    const Tally__AttestationAttached *attached = event->attestation_attached;
    const bool is_signed =
        attached->verdict != TALLY__ATTESTATION_VERDICT__ATTESTATION_VERDICT_UNSIGNED;

    if (is_signed == (attached->trust_digest.len > 0)) return NULL;
    return is_signed ? "attestation_attached.trust_digest is missing: a verdict is one against "
                       "a key or root that is trusted apart from the bundle"
                     : "attestation_attached.trust_digest must be absent when the verdict is "
                       "ATTESTATION_VERDICT_UNSIGNED";
}

static const char *check_requested(const Tally__Event *event)
{
    const Tally__ApprovalRequested *requested = event->approval_requested;

    if (strcmp(requested->from_stage, requested->to_stage) != 0) return NULL;
    return "approval_requested.to_stage must be another stage than from_stage";
}

static const char *check_transition(const Tally__Event *event)
{
    const Tally__StageTransitioned *moved = event->stage_transitioned;

    if (strcmp(moved->from_stage, moved->to_stage) != 0) return NULL;
    return "stage_transitioned.to_stage must be another stage than from_stage";
}

static const char *check_alias(const Tally__Event *event)
{
    const Tally__AliasSet *set = event->alias_set;
    const size_t size = strlen(event->subject);

    if (strncmp(set->version, event->subject, size) != 0 || set->version[size] != '/') {
        return "alias_set.version must be a version of the model that is the subject";
    }
    if (set->old_root.len > 0 && memcmp(set->old_root.data, set->new_root.data, 32) == 0) {
        return "alias_set.new_root must not be the old_root: it would change nothing";
    }
    return NULL;
}

static const char *check_rolled_back(const Tally__Event *event)
{
    const Tally__DeploymentRolledBack *back = event->deployment_rolled_back;

    if (memcmp(back->from_root.data, back->to_root.data, 32) != 0) return NULL;
    return "deployment_rolled_back.to_root must be other bytes than from_root";
}

static const char *check_monitoring(const Tally__Event *event)
{
    if (event->monitoring_reported->from_ms < event->monitoring_reported->to_ms) return NULL;
    return "monitoring_reported.to_ms must be after from_ms";
}

static const char *check_oplog(const Tally__Event *event)
{
    if (event->oplog_anchored->from_ms < event->oplog_anchored->to_ms) return NULL;
    return "oplog_anchored.to_ms must be after from_ms";
}

static const char *check_deprecated(const Tally__Event *event)
{
    if (strcmp(event->version_deprecated->successor, event->subject) != 0) return NULL;
    return "version_deprecated.successor must be another version";
}

static const char *check_effort(const Tally__Effort *effort, const char *text)
{
    return effort->compute_flop->value < 0 ? text : NULL;
}

static const char *check_completed(const Tally__Event *event)
{
    return check_effort(event->run_completed->effort,
                        "run_completed.effort.compute_flop must not be below 0");
}

static const char *check_failed(const Tally__Event *event)
{
    return check_effort(event->run_failed->effort,
                        "run_failed.effort.compute_flop must not be below 0");
}

static const struct {
    enum event_type type;
    type_check check;
} checks[] = {
    {EVENT_LEDGER_GENESIS, check_genesis},
    {EVENT_LEDGER_MEMBER_CHANGED, check_member_changed},
    {EVENT_ROOT_ROTATED, check_root},
    {EVENT_POLICY_PUBLISHED, check_policy},
    {EVENT_ORGANISATION_REGISTERED, check_organisation},
    {EVENT_KEY_ROTATED, check_rotated},
    {EVENT_BREAKGLASS_OPENED, check_breakglass},
    {EVENT_AUDIT_EXPORTED, check_exported},
    {EVENT_MODEL_UPDATED, check_model_updated},
    {EVENT_MODEL_ARCHIVED, check_archived},
    {EVENT_RUN_COMPLETED, check_completed},
    {EVENT_RUN_FAILED, check_failed},
    {EVENT_VERSION_REGISTERED, check_version},
    {EVENT_ATTESTATION_ATTACHED, check_attestation},
    {EVENT_APPROVAL_REQUESTED, check_requested},
    {EVENT_STAGE_TRANSITIONED, check_transition},
    {EVENT_ALIAS_SET, check_alias},
    {EVENT_DEPLOYMENT_ROLLED_BACK, check_rolled_back},
    {EVENT_MONITORING_REPORTED, check_monitoring},
    {EVENT_OPLOG_ANCHORED, check_oplog},
    {EVENT_VERSION_DEPRECATED, check_deprecated},
};

static enum tally_err malformed(struct tally_diag *diag, const char *text)
{
    tally_diag_set(diag, "%s", text);
    return TALLY_E_MALFORMED;
}

static enum tally_err check_refs(const Tally__Event *event, const struct event_type_info *info,
                                 struct tally_diag *diag)
{
    size_t rules_count;
    const struct event_ref_rule *rules = event_ref_rules(info->type, &rules_count);

    for (size_t i = 0; i < rules_count; i++) {
        const ProtobufCEnumValue *rel =
            protobuf_c_enum_descriptor_get_value(&tally__rel__descriptor, rules[i].rel);
        size_t count = 0;

        for (size_t k = 0; k < event->n_refs; k++) {
            if (event->refs[k]->rel == (Tally__Rel)rules[i].rel) count++;
        }
        if (count == 0 && (rules[i].flags & REF_REQUIRED) != 0) {
            tally_diag_set(diag, "refs must have one with %s: %s", rel->name, rules[i].text);
            return TALLY_E_MALFORMED;
        }
        if (count > 1 && (rules[i].flags & REF_ONCE) != 0) {
            tally_diag_set(diag, "refs must not have two with %s: it names %s", rel->name,
                           rules[i].text);
            return TALLY_E_MALFORMED;
        }
    }
    return TALLY_OK;
}

enum tally_err event_check_type(const struct Tally__Event *event, struct tally_diag *diag)
{
    const struct event_type_info *info = event_type_info((uint32_t)event->payload_case);
    const char *text = NULL;
    bool has_bytes = info->artifact == NULL;

    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && text == NULL; i++) {
        if (checks[i].type == info->type) text = checks[i].check(event);
    }
    if (text != NULL) return malformed(diag, text);
    if (info->head == HEAD_CLAIMED && event->expected_head.len == 0) {
        return malformed(diag,
                         "expected_head is missing: give the hash of the subject's newest "
                         "change, so that nobody else's is overwritten");
    }
    for (size_t i = 0; i < event->n_artifacts; i++) {
        if (!has_bytes && strcmp(event->artifacts[i]->role, info->artifact) == 0)
            has_bytes = true;
    }
    if (!has_bytes) {
        tally_diag_set(diag, "artifacts must have one with the role %s: the bytes",
                       info->artifact);
        return TALLY_E_MALFORMED;
    }
    return check_refs(event, info, diag);
}
