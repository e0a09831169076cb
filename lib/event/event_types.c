#include "event/event_types.h"

#include <string.h>

#include "event/event.h"
#include "event/rules.h"

/* Who may append: bits of event_type_info.roles. */
enum {
    NOBODY = 0,
    ADMIN = 1 << ROLE_ADMIN,
    AUTHOR = 1 << ROLE_AUTHOR,
    EVALUATOR = 1 << ROLE_EVALUATOR,
    APPROVER = 1 << ROLE_APPROVER,
    DEPLOYER = 1 << ROLE_DEPLOYER,
    AUDITOR = 1 << ROLE_AUDITOR,
};

/* Why a type is closed: what it needs and this feature level does not have. */
static const char closed_genesis[] = "a ledger begins once: 'tally genesis' makes this event";
static const char closed_upgrade[] = "there is no other feature level yet";
static const char closed_root[] = "thresholds of root keys are not decided on yet";
static const char closed_suspend[] =
    "principals cannot be suspended yet; key.revoked and role.revoked stop one";
static const char closed_rotate[] =
    "not decided on yet; key.enrolled and key.revoked in one batch do it";
static const char closed_breakglass[] = "emergency windows are not kept yet";
static const char closed_taint[] = "what is built on a base model is not followed yet";
static const char closed_quarantine[] = "quarantine and revocation of bytes are not kept yet";
static const char closed_requests[] = "requests for approval are not kept yet";
static const char closed_stages[] = "stages of versions are not kept yet";
static const char closed_aliases[] = "aliases are not kept yet";
static const char closed_deployments[] =
    "deployments are not kept yet; deployment.observed records what is live";
static const char closed_erasure[] = "erasures are not followed yet";
static const char closed_holds[] = "holds and retention are not kept yet";

static const struct event_type_info types[] = {
    {EVENT_LEDGER_GENESIS, "ledger.genesis", SUBJECT_LEDGER, MEANING_AUTHOR, HEAD_MOVES, NOBODY,
     NEED_NOTHING, EFFECT_REGISTERS, NULL, closed_genesis, "the ledger begins"},
    {EVENT_LEDGER_MEMBER_CHANGED, "ledger.member_changed", SUBJECT_LEDGER, MEANING_AUTHOR,
     HEAD_MOVES, ADMIN, NEED_NOTHING, EFFECT_NONE, NULL, NULL,
     "a change of the members is authorised"},
    {EVENT_LEDGER_UPGRADED, "ledger.upgraded", SUBJECT_LEDGER, MEANING_AUTHOR, HEAD_MOVES,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_upgrade,
     "the rules of another feature level hold from some record on"},
    {EVENT_ROOT_ROTATED, "root.rotated", SUBJECT_LEDGER, MEANING_AUTHOR, HEAD_MOVES, NOBODY,
     NEED_NOTHING, EFFECT_NONE, NULL, closed_root, "the root keys are others"},
    {EVENT_POLICY_PUBLISHED, "policy.published", SUBJECT_POLICY, MEANING_AUTHOR, HEAD_MOVES,
     ADMIN, NEED_NOTHING, EFFECT_NONE, NULL, NULL, "a version of a policy holds after a delay"},
    {EVENT_ORGANISATION_REGISTERED, "organisation.registered", SUBJECT_ORGANISATION,
     MEANING_AUTHOR, HEAD_MOVES, ADMIN, NEED_NEW, EFFECT_REGISTERS, NULL, NULL,
     "an organisation, or a unit or site of one, is known"},
    {EVENT_PRINCIPAL_REGISTERED, "principal.registered", SUBJECT_PRINCIPAL, MEANING_AUTHOR,
     HEAD_MOVES, ADMIN, NEED_NEW, EFFECT_REGISTERS, NULL, NULL,
     "a person, service or robot is known"},
    {EVENT_PRINCIPAL_UPDATED, "principal.updated", SUBJECT_PRINCIPAL, MEANING_AUTHOR,
     HEAD_MOVES, ADMIN, NEED_KNOWN, EFFECT_NONE, NULL, NULL,
     "where a principal belongs and who answers for it"},
    {EVENT_PRINCIPAL_SUSPENDED, "principal.suspended", SUBJECT_PRINCIPAL, MEANING_AUTHOR,
     HEAD_MOVES, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_suspend,
     "a principal may do nothing until it is reinstated"},
    {EVENT_PRINCIPAL_REINSTATED, "principal.reinstated", SUBJECT_PRINCIPAL, MEANING_AUTHOR,
     HEAD_MOVES, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_suspend,
     "the end of a suspension"},
    {EVENT_KEY_ENROLLED, "key.enrolled", SUBJECT_PRINCIPAL, MEANING_AUTHOR, HEAD_MOVES, ADMIN,
     NEED_NOTHING, EFFECT_NONE, NULL, NULL, "a key speaks for a principal"},
    {EVENT_KEY_ROTATED, "key.rotated", SUBJECT_PRINCIPAL, MEANING_AUTHOR, HEAD_MOVES, NOBODY,
     NEED_NOTHING, EFFECT_NONE, NULL, closed_rotate, "one key takes the place of another"},
    {EVENT_KEY_REVOKED, "key.revoked", SUBJECT_PRINCIPAL, MEANING_AUTHOR, HEAD_MOVES, ADMIN,
     NEED_NOTHING, EFFECT_NONE, NULL, NULL, "a key speaks no longer"},
    {EVENT_ROLE_GRANTED, "role.granted", SUBJECT_PRINCIPAL, MEANING_AUTHOR, HEAD_MOVES, ADMIN,
     NEED_NOTHING, EFFECT_NONE, NULL, NULL, "a principal has a role"},
    {EVENT_ROLE_REVOKED, "role.revoked", SUBJECT_PRINCIPAL, MEANING_AUTHOR, HEAD_MOVES, ADMIN,
     NEED_NOTHING, EFFECT_NONE, NULL, NULL, "a principal has a role no longer"},
    {EVENT_BREAKGLASS_OPENED, "breakglass.opened", SUBJECT_INCIDENT, MEANING_AUTHOR, HEAD_STAYS,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_breakglass,
     "in an emergency some rules are set aside, for a while"},
    {EVENT_BREAKGLASS_CLOSED, "breakglass.closed", SUBJECT_INCIDENT, MEANING_AUTHOR, HEAD_STAYS,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_breakglass, "the end of an emergency"},
    {EVENT_BREAKGLASS_REVIEWED, "breakglass.reviewed", SUBJECT_INCIDENT, MEANING_REVIEW,
     HEAD_STAYS, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_breakglass,
     "others judged what was done in an emergency"},
    {EVENT_AUDIT_EXPORTED, "audit.exported", SUBJECT_LEDGER, MEANING_AUTHOR, HEAD_STAYS,
     AUDITOR | ADMIN, NEED_KNOWN, EFFECT_NONE, NULL, NULL, "a part of the log was taken out"},
    {EVENT_BASE_MODEL_REGISTERED, "base_model.registered", SUBJECT_BASE, MEANING_AUTHOR,
     HEAD_MOVES, AUTHOR, NEED_NEW, EFFECT_REGISTERS, "weights", NULL,
     "a base model is pinned to its bytes"},
    {EVENT_BASE_MODEL_STATUS, "base_model.status", SUBJECT_BASE, MEANING_AUTHOR, HEAD_MOVES,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_taint,
     "what is to be thought of a base model now"},
    {EVENT_DATASET_REGISTERED, "dataset.registered", SUBJECT_DATASET, MEANING_AUTHOR,
     HEAD_MOVES, AUTHOR, NEED_NEW, EFFECT_REGISTERS, "data", NULL,
     "a data set is pinned to its bytes"},
    {EVENT_DATASET_QUARANTINED, "dataset.quarantined", SUBJECT_DATASET, MEANING_AUTHOR,
     HEAD_MOVES, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_quarantine,
     "a data set may not be used until it is released"},
    {EVENT_DATASET_RELEASED, "dataset.released", SUBJECT_DATASET, MEANING_AUTHOR, HEAD_MOVES,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_quarantine, "the end of a quarantine"},
    {EVENT_DATASET_CONSENT_WITHDRAWN, "dataset.consent_withdrawn", SUBJECT_DATASET,
     MEANING_AUTHOR, HEAD_MOVES, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_quarantine,
     "people no longer consent to the use of their data"},
    {EVENT_CODE_REGISTERED, "code.registered", SUBJECT_CODE, MEANING_AUTHOR, HEAD_MOVES, AUTHOR,
     NEED_NEW, EFFECT_REGISTERS, "code", NULL,
     "code for training or evaluation is pinned to its bytes"},
    {EVENT_ENVIRONMENT_REGISTERED, "environment.registered", SUBJECT_ENVIRONMENT,
     MEANING_AUTHOR, HEAD_MOVES, ADMIN, NEED_NEW, EFFECT_REGISTERS, NULL, NULL,
     "an environment exists, to which versions are approved"},
    {EVENT_ENDPOINT_REGISTERED, "endpoint.registered", SUBJECT_ENDPOINT, MEANING_AUTHOR,
     HEAD_MOVES, DEPLOYER, NEED_NEW, EFFECT_REGISTERS, NULL, NULL,
     "a place in an environment exists that serves models"},
    {EVENT_MODEL_CREATED, "model.created", SUBJECT_MODEL, MEANING_AUTHOR, HEAD_MOVES, AUTHOR,
     NEED_NEW, EFFECT_REGISTERS, NULL, NULL, "a model exists, with an owner and a risk tier"},
    {EVENT_MODEL_UPDATED, "model.updated", SUBJECT_MODEL, MEANING_AUTHOR, HEAD_MOVES, AUTHOR,
     NEED_LIVE, EFFECT_NONE, NULL, NULL, "the owner or risk tier of a model is another"},
    {EVENT_MODEL_ARCHIVED, "model.archived", SUBJECT_MODEL, MEANING_AUTHOR, HEAD_MOVES, AUTHOR,
     NEED_LIVE, EFFECT_ENDS, NULL, NULL, "a model ends: nothing new is registered below it"},
    {EVENT_CHANGE_REQUESTED, "change.requested", SUBJECT_REQUEST, MEANING_AUTHOR, HEAD_MOVES,
     AUTHOR | DEPLOYER, NEED_NEW, EFFECT_REGISTERS, NULL, NULL,
     "somebody asks for a change of a model"},
    {EVENT_RUN_STARTED, "run.started", SUBJECT_RUN, MEANING_AUTHOR, HEAD_MOVES, AUTHOR,
     NEED_NEW, EFFECT_REGISTERS, NULL, NULL,
     "a training run began, from this base with these data"},
    {EVENT_RUN_COMPLETED, "run.completed", SUBJECT_RUN, MEANING_AUTHOR, HEAD_MOVES, AUTHOR,
     NEED_LIVE, EFFECT_ENDS, NULL, NULL, "a run ended with these bytes"},
    {EVENT_RUN_FAILED, "run.failed", SUBJECT_RUN, MEANING_AUTHOR, HEAD_MOVES, AUTHOR, NEED_LIVE,
     EFFECT_FAILS, NULL, NULL, "a run ended without a result"},
    {EVENT_VERSION_REGISTERED, "version.registered", SUBJECT_VERSION, MEANING_AUTHOR,
     HEAD_MOVES, AUTHOR, NEED_NEW, EFFECT_REGISTERS, "adapter", NULL,
     "a version of a model is pinned to its bytes and its base"},
    {EVENT_ATTESTATION_ATTACHED, "attestation.attached", SUBJECT_ANY, MEANING_AUTHOR,
     HEAD_STAYS, AUTHOR | EVALUATOR | AUDITOR, NEED_KNOWN, EFFECT_NONE, NULL, NULL,
     "a signed statement or document about a subject"},
    {EVENT_ATTESTATION_RETRACTED, "attestation.retracted", SUBJECT_ANY, MEANING_AUTHOR,
     HEAD_STAYS, AUTHOR | EVALUATOR | AUDITOR, NEED_KNOWN, EFFECT_RETRACTS, NULL, NULL,
     "an attestation counts no longer"},
    {EVENT_EVALUATION_RETRACTED, "evaluation.retracted", SUBJECT_VERSION, MEANING_AUTHOR,
     HEAD_STAYS, EVALUATOR, NEED_KNOWN, EFFECT_RETRACTS, NULL, NULL,
     "an evaluation counts no longer"},
    {EVENT_EVALUATION_RECORDED, "evaluation.recorded", SUBJECT_VERSION, MEANING_AUTHOR,
     HEAD_STAYS, EVALUATOR, NEED_KNOWN, EFFECT_NONE, NULL, NULL, "a version was evaluated"},
    {EVENT_RISK_ASSESSED, "risk.assessed", SUBJECT_VERSION, MEANING_AUTHOR, HEAD_STAYS,
     EVALUATOR, NEED_KNOWN, EFFECT_NONE, NULL, NULL,
     "the risk of a version, and whether it is a substantial modification"},
    {EVENT_APPROVAL_REQUESTED, "approval.requested", SUBJECT_VERSION, MEANING_AUTHOR,
     HEAD_STAYS, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_requests,
     "somebody asks for approvals of a version in an environment"},
    {EVENT_APPROVAL_GRANTED, "approval.granted", SUBJECT_VERSION, MEANING_APPROVE, HEAD_STAYS,
     APPROVER, NEED_KNOWN, EFFECT_NONE, NULL, NULL, "a version is approved for an environment"},
    {EVENT_APPROVAL_REJECTED, "approval.rejected", SUBJECT_VERSION, MEANING_APPROVE, HEAD_STAYS,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_requests,
     "a request is rejected; that ends it"},
    {EVENT_APPROVAL_WITHDRAWN, "approval.withdrawn", SUBJECT_VERSION, MEANING_AUTHOR,
     HEAD_STAYS, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_requests,
     "a request or an approval is taken back"},
    {EVENT_STAGE_TRANSITIONED, "stage.transitioned", SUBJECT_VERSION, MEANING_EXECUTE,
     HEAD_CLAIMED, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_stages,
     "a version is in another stage in an environment"},
    {EVENT_ALIAS_SET, "alias.set", SUBJECT_MODEL, MEANING_EXECUTE, HEAD_CLAIMED, NOBODY,
     NEED_NOTHING, EFFECT_NONE, NULL, closed_aliases, "a name points to another version"},
    {EVENT_ALIAS_REMOVED, "alias.removed", SUBJECT_MODEL, MEANING_EXECUTE, HEAD_CLAIMED, NOBODY,
     NEED_NOTHING, EFFECT_NONE, NULL, closed_aliases, "a name points to nothing any more"},
    {EVENT_DEPLOYMENT_STARTED, "deployment.started", SUBJECT_ENDPOINT, MEANING_EXECUTE,
     HEAD_CLAIMED, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_deployments,
     "a version is being brought to an endpoint"},
    {EVENT_DEPLOYMENT_ACTIVATED, "deployment.activated", SUBJECT_ENDPOINT, MEANING_EXECUTE,
     HEAD_CLAIMED, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_deployments,
     "a version is live at an endpoint"},
    {EVENT_DEPLOYMENT_FAILED, "deployment.failed", SUBJECT_ENDPOINT, MEANING_EXECUTE,
     HEAD_CLAIMED, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_deployments,
     "a deployment came to nothing"},
    {EVENT_DEPLOYMENT_ROLLED_BACK, "deployment.rolled_back", SUBJECT_ENDPOINT, MEANING_EXECUTE,
     HEAD_CLAIMED, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_deployments,
     "an earlier version is live again"},
    {EVENT_DEPLOYMENT_RETIRED, "deployment.retired", SUBJECT_ENDPOINT, MEANING_EXECUTE,
     HEAD_CLAIMED, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_deployments,
     "a version is live no longer"},
    {EVENT_DEPLOYMENT_OBSERVED, "deployment.observed", SUBJECT_ENDPOINT, MEANING_WITNESS,
     HEAD_STAYS, DEPLOYER | AUDITOR, NEED_KNOWN, EFFECT_NONE, NULL, NULL,
     "what somebody saw to be live"},
    {EVENT_MONITORING_REPORTED, "monitoring.reported", SUBJECT_ENDPOINT, MEANING_AUTHOR,
     HEAD_STAYS, DEPLOYER | EVALUATOR, NEED_KNOWN, EFFECT_NONE, NULL, NULL,
     "what monitoring found in a span of time"},
    {EVENT_INCIDENT_OPENED, "incident.opened", SUBJECT_INCIDENT, MEANING_AUTHOR, HEAD_MOVES,
     AUTHOR | EVALUATOR | APPROVER | DEPLOYER | AUDITOR, NEED_NEW, EFFECT_REGISTERS, NULL, NULL,
     "something went wrong"},
    {EVENT_INCIDENT_UPDATED, "incident.updated", SUBJECT_INCIDENT, MEANING_AUTHOR, HEAD_MOVES,
     AUTHOR | EVALUATOR | APPROVER | DEPLOYER | AUDITOR, NEED_LIVE, EFFECT_NONE, NULL, NULL,
     "what is known or done about an incident"},
    {EVENT_INCIDENT_CLOSED, "incident.closed", SUBJECT_INCIDENT, MEANING_AUTHOR, HEAD_MOVES,
     APPROVER | AUDITOR, NEED_LIVE, EFFECT_ENDS, NULL, NULL, "how an incident ended"},
    {EVENT_OPLOG_ANCHORED, "oplog.anchored", SUBJECT_ENDPOINT, MEANING_WITNESS, HEAD_STAYS,
     DEPLOYER, NEED_KNOWN, EFFECT_NONE, NULL, NULL,
     "a segment of an operational log is pinned to its bytes"},
    {EVENT_VERSION_DEPRECATED, "version.deprecated", SUBJECT_VERSION, MEANING_AUTHOR,
     HEAD_MOVES, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_stages,
     "a version should not be used for anything new"},
    {EVENT_VERSION_QUARANTINED, "version.quarantined", SUBJECT_VERSION, MEANING_AUTHOR,
     HEAD_MOVES, NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_quarantine,
     "the bytes of a version may not be used until they are released"},
    {EVENT_VERSION_RELEASED, "version.released", SUBJECT_VERSION, MEANING_AUTHOR, HEAD_MOVES,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_quarantine, "the end of a quarantine"},
    {EVENT_VERSION_REVOKED, "version.revoked", SUBJECT_VERSION, MEANING_AUTHOR, HEAD_CLAIMED,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_quarantine,
     "the bytes of a version may never be used again"},
    {EVENT_VERSION_RETIRED, "version.retired", SUBJECT_VERSION, MEANING_AUTHOR, HEAD_CLAIMED,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_stages, "a version is used no more"},
    {EVENT_CORRECTION_RECORDED, "correction.recorded", SUBJECT_ANY, MEANING_AUTHOR, HEAD_STAYS,
     ADMIN | AUTHOR | EVALUATOR | APPROVER | DEPLOYER | AUDITOR, NEED_KNOWN, EFFECT_NONE, NULL,
     NULL, "an event of the subject said what is not so"},
    {EVENT_ANNOTATION_ADDED, "annotation.added", SUBJECT_ANY, MEANING_AUTHOR, HEAD_STAYS,
     AUTHOR | EVALUATOR | APPROVER | DEPLOYER | AUDITOR, NEED_NOTHING, EFFECT_NONE, NULL, NULL,
     "a note about a subject, kept off the ledger, is committed to"},
    {EVENT_ERASURE_REQUESTED, "erasure.requested", SUBJECT_ANY, MEANING_AUTHOR, HEAD_STAYS,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_erasure,
     "something that is kept off the ledger has to be destroyed"},
    {EVENT_ERASURE_EXECUTED, "erasure.executed", SUBJECT_ANY, MEANING_EXECUTE, HEAD_STAYS,
     NOBODY, NEED_NOTHING, EFFECT_NONE, NULL, closed_erasure,
     "something that was kept off the ledger is destroyed"},
    {EVENT_HOLD_PLACED, "hold.placed", SUBJECT_HOLD, MEANING_AUTHOR, HEAD_MOVES, NOBODY,
     NEED_NOTHING, EFFECT_NONE, NULL, closed_holds, "nothing in a scope may be destroyed"},
    {EVENT_HOLD_RELEASED, "hold.released", SUBJECT_HOLD, MEANING_AUTHOR, HEAD_MOVES, NOBODY,
     NEED_NOTHING, EFFECT_NONE, NULL, closed_holds, "the end of a hold"},
    {EVENT_RETENTION_SET, "retention.set", SUBJECT_ANY, MEANING_AUTHOR, HEAD_STAYS, NOBODY,
     NEED_NOTHING, EFFECT_NONE, NULL, closed_holds,
     "how long what is committed to under a subject is kept"},
};
enum { TYPES_COUNT = sizeof types / sizeof types[0] };

static const struct event_ref_rule ref_rules[] = {
    {EVENT_RUN_STARTED,
     REL_BASE,
     REF_REQUIRED,
     {EVENT_BASE_MODEL_REGISTERED, EVENT_VERSION_REGISTERED},
     "what it starts from"},
    {EVENT_RUN_STARTED,
     REL_TRAINED_ON,
     0,
     {EVENT_DATASET_REGISTERED},
     "a data set that it trains on"},
    {EVENT_RUN_STARTED, REL_PRODUCED_BY, 0, {EVENT_CODE_REGISTERED}, "the code that it runs"},
    {EVENT_VERSION_REGISTERED,
     REL_BASE,
     REF_REQUIRED | REF_PINNED,
     {EVENT_BASE_MODEL_REGISTERED},
     "the registration of its base model"},
    {EVENT_VERSION_REGISTERED,
     REL_TRAINED_ON,
     0,
     {EVENT_DATASET_REGISTERED},
     "a data set that it was trained on"},
    {EVENT_VERSION_REGISTERED,
     REL_MERGES,
     0,
     {EVENT_VERSION_REGISTERED},
     "a version that it merges"},
    {EVENT_ATTESTATION_RETRACTED,
     REL_CORRECTS,
     REF_REQUIRED | REF_ONCE | REF_SAME_SUBJECT,
     {EVENT_ATTESTATION_ATTACHED},
     "the attestation"},
    {EVENT_EVALUATION_RETRACTED,
     REL_CORRECTS,
     REF_REQUIRED | REF_ONCE | REF_SAME_SUBJECT,
     {EVENT_EVALUATION_RECORDED},
     "the evaluation"},
    {EVENT_EVALUATION_RECORDED,
     REL_TESTED_ON,
     0,
     {EVENT_DATASET_REGISTERED},
     "a data set that it was tested on"},
    {EVENT_EVALUATION_RECORDED,
     REL_EVALUATES,
     REF_PINNED,
     {EVENT_VERSION_REGISTERED},
     "the registration of the version"},
    {EVENT_RISK_ASSESSED,
     REL_EVALUATES,
     REF_PINNED,
     {EVENT_VERSION_REGISTERED},
     "the registration of the version"},
    {EVENT_APPROVAL_GRANTED,
     REL_APPROVES,
     REF_PINNED,
     {EVENT_VERSION_REGISTERED},
     "the registration of the version"},
    {EVENT_CORRECTION_RECORDED,
     REL_CORRECTS,
     REF_REQUIRED | REF_ONCE | REF_SAME_SUBJECT,
     {0},
     "the event that said it"},
};
enum { REF_RULES_COUNT = sizeof ref_rules / sizeof ref_rules[0] };

const struct event_type_info *event_type_info(uint32_t type)
{
    size_t low = 0, high = TYPES_COUNT;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if ((uint32_t)types[middle].type == type) return &types[middle];
        if ((uint32_t)types[middle].type < type)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct event_type_info *event_type_named(const char *name)
{
    for (size_t i = 0; i < TYPES_COUNT; i++) {
        if (strcmp(types[i].name, name) == 0) return &types[i];
    }
    return NULL;
}

const struct event_type_info *event_types(size_t *ret_count)
{
    *ret_count = TYPES_COUNT;
    return types;
}

const struct event_ref_rule *event_ref_rules(enum event_type type, size_t *ret_count)
{
    size_t first = 0;

    while (first < REF_RULES_COUNT && ref_rules[first].type != type) first++;
    *ret_count = 0;
    while (first + *ret_count < REF_RULES_COUNT && ref_rules[first + *ret_count].type == type) {
        ++*ret_count;
    }
    return &ref_rules[first < REF_RULES_COUNT ? first : 0];
}
