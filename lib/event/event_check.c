#include "event/event_check.h"

#include <string.h>

#include "base/limits.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event.h"

/* Each check_* returns NULL, or what is wrong with the field; static text. */
struct fault {
    const char *field, *text;
};
static const struct fault none = {0};

static struct fault fault(const char *field, const char *text)
{
    return (struct fault){field, text};
}

bool event_hash_plausible(struct bytes hash)
{
    static const uint8_t of_nothing[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                           0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                           0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
                                           0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};

    if (hash.size != 32 || memcmp(hash.data, of_nothing, 32) == 0) return false;
    for (size_t i = 1; i < 32; i++) {
        if (hash.data[i] != hash.data[0]) return true;
    }
    return false;
}

static struct fault check_hash(const char *field, ProtobufCBinaryData hash)
{
    if (hash.len != 32) return fault(field, "must have 32 bytes");
    if (!event_hash_plausible(canon_bytes(hash))) {
        return fault(field, "is a placeholder: give the SHA-256 of the real bytes");
    }
    return none;
}

static struct fault check_text(const char *field, const char *text, bool required)
{
    if (required && text[0] == '\0') return fault(field, "is missing");
    if (strlen(text) > LIMIT_TEXT_SIZE) return fault(field, "is longer than 1024 bytes");
    return none;
}

static struct fault check_segment(const char *field, const char *text, bool required)
{
    if (!required && text[0] == '\0') return none;
    if (!event_segment_valid(text)) {
        return fault(field, "must be 1 to 64 of a-z 0-9 . _ - (not . or ..)");
    }
    return none;
}

static struct fault check_principal(const char *field, const char *text, bool required)
{
    if (!required && text[0] == '\0') return none;
    if (event_subject_kind(text, NULL) != SUBJECT_PRINCIPAL) {
        return fault(field, "must be principal/<id>");
    }
    return none;
}

static struct fault check_key(const char *field, ProtobufCBinaryData key)
{
    return key.len == EVENT_KEY_BYTES ? none
                                      : fault(field, "must be an Ed25519 key of 32 bytes");
}

static struct fault check_artifacts(const Tally__Event *event)
{
    for (size_t i = 0; i < event->n_artifacts; i++) {
        const Tally__Artifact *artifact = event->artifacts[i];
        struct fault found = check_segment("artifacts.role", artifact->role, true);

        if (found.field == NULL) {
            found = check_hash("artifacts.manifest_root", artifact->manifest_root);
        }
        if (found.field == NULL) {
            found = check_text("artifacts.media_type", artifact->media_type, false);
        }
        if (found.field == NULL && artifact->n_aliases > LIMIT_REPEATED) {
            found = fault("artifacts.aliases", "has more than 256 elements");
        }
        for (size_t k = 0; k < artifact->n_aliases && found.field == NULL; k++) {
            found = check_segment("artifacts.aliases.kind", artifact->aliases[k]->kind, true);
            if (artifact->aliases[k]->digest.len == 0 ||
                artifact->aliases[k]->digest.len > 64) {
                found = fault("artifacts.aliases.digest", "must have 1 to 64 bytes");
            }
        }
        for (size_t k = 0; k < i && found.field == NULL; k++) {
            if (strcmp(event->artifacts[k]->role, artifact->role) == 0) {
                found = fault("artifacts.role", "appears twice");
            }
        }
        if (found.field != NULL) return found;
    }
    return none;
}

static struct fault check_lists(const Tally__Event *event)
{
    struct fault found = check_artifacts(event);

    for (size_t i = 0; i < event->n_refs && found.field == NULL; i++) {
        if (event->refs[i]->rel == TALLY__REL__REL_UNSPECIFIED)
            return fault("refs.rel", "is missing");
        found = check_hash("refs.event_hash", event->refs[i]->event_hash);
    }
    for (size_t i = 0; i < event->n_commitments && found.field == NULL; i++) {
        found = check_segment("commitments.kind", event->commitments[i]->kind, true);
        if (found.field == NULL)
            found = check_hash("commitments.hash", event->commitments[i]->hash);
    }
    return found;
}

static struct fault check_signers(const Tally__Event *event, bool genesis)
{
    const size_t max = genesis ? LIMIT_GENESIS_SIGNERS : LIMIT_EVENT_SIGNERS;

    if (event->n_required_signers == 0) return fault("required_signers", "is empty");
    if (event->n_required_signers > max)
        return fault("required_signers", "has too many elements");
    for (size_t i = 0; i < event->n_required_signers; i++) {
        const Tally__RequiredSigner *signer = event->required_signers[i];

        if (signer->key_id.len != 32)
            return fault("required_signers.key_id", "must have 32 bytes");
        if (signer->meaning == TALLY__MEANING__MEANING_UNSPECIFIED) {
            return fault("required_signers.meaning", "is missing");
        }
        if (i > 0 &&
            memcmp(event->required_signers[i - 1]->key_id.data, signer->key_id.data, 32) >= 0) {
            return fault("required_signers", "must be ascending by key id, each key once");
        }
    }
    return none;
}

static struct fault check_envelope(const Tally__Event *event, bool genesis)
{
    const uint8_t *id = event->event_id.data;
    struct fault found = none;
    const char *why;

    if (event->schema != 1) return fault("schema", "must be 1");
    if (event->ledger_id.len != 32) return fault("ledger_id", "must have 32 bytes");
    if (event->event_id.len != EVENT_ID_BYTES) return fault("event_id", "must have 16 bytes");
    if ((id[6] >> 4) != 7 || (id[8] >> 6) != 2) {
        return fault("event_id", "must be a UUID of version 7");
    }
    if (event->n_required_signers > LIMIT_REPEATED || event->n_artifacts > LIMIT_REPEATED ||
        event->n_refs > LIMIT_REPEATED || event->n_commitments > LIMIT_REPEATED) {
        return fault("a list", "has more than 256 elements");
    }
    if (event_subject_kind(event->subject, &why) == SUBJECT_NONE) return fault("subject", why);
    found = check_principal("actor", event->actor, !genesis);
    if (found.field == NULL) {
        found = check_principal("on_behalf_of", event->on_behalf_of, false);
    }
    if (found.field == NULL && event->expected_head.len > 0) {
        found = check_hash("expected_head", event->expected_head);
    }
    if (found.field == NULL) found = check_segment("reason", event->reason, false);
    if (found.field == NULL) found = check_signers(event, genesis);
    return found;
}

static struct fault check_config_view(const Tally__ConfigView *view)
{
    struct fault found = none;

    if (view == NULL) return none;
    found = check_segment("config.schema", view->schema, true);
    if (found.field == NULL) found = check_hash("config.raw_digest", view->raw_digest);
    if (found.field == NULL) found = check_text("config.method", view->method, false);
    if (found.field == NULL) found = check_text("config.base_name", view->base_name, false);
    if (found.field == NULL)
        found = check_text("config.base_revision", view->base_revision, false);
    if (found.field == NULL)
        found = check_text("config.target_pattern", view->target_pattern, false);
    if (view->n_target_modules > LIMIT_REPEATED) {
        return fault("config.target_modules", "has more than 256 elements");
    }
    for (size_t i = 0; i < view->n_target_modules && found.field == NULL; i++) {
        found = check_text("config.target_modules", view->target_modules[i], true);
        if (i > 0 && strcmp(view->target_modules[i - 1], view->target_modules[i]) >= 0) {
            found = fault("config.target_modules", "must be ascending, each once");
        }
    }
    return found;
}

static struct fault check_version(const Tally__Event *event)
{
    const Tally__VersionRegistered *version = event->version_registered;
    bool adapter = false, based = false;

    if (version->kind == TALLY__VERSION_KIND__VERSION_KIND_UNSPECIFIED) {
        return fault("version_registered.kind", "is missing");
    }
    if (event_subject_kind(version->base_model, NULL) != SUBJECT_BASE) {
        return fault("version_registered.base_model",
                     "must be base/<name> of a registered base model; register it first");
    }
    for (size_t i = 0; i < event->n_artifacts; i++) {
        if (strcmp(event->artifacts[i]->role, "adapter") == 0) adapter = true;
    }
    for (size_t i = 0; i < event->n_refs; i++) {
        if (event->refs[i]->rel == TALLY__REL__REL_BASE) based = true;
    }
    if (!adapter) return fault("artifacts", "must have one with the role adapter");
    if (!based) return fault("refs", "must name the base model's registration (REL_BASE)");
    return check_config_view(version->config);
}

static struct fault check_input(const Tally__Event *event, const char *role, const char *name,
                                const char *source, const char *revision, const char *licence)
{
    struct fault found = check_text("name", name, true);

    if (found.field == NULL) found = check_text("source", source, false);
    if (found.field == NULL) found = check_text("revision", revision, false);
    if (found.field == NULL) found = check_text("licence", licence, false);
    for (size_t i = 0; i < event->n_artifacts && found.field == NULL; i++) {
        if (strcmp(event->artifacts[i]->role, role) == 0) return none;
    }
    if (found.field != NULL) return found;
    return fault("artifacts", "must have the bytes: an artifact with the role weights or data");
}

static struct fault check_evaluation(const Tally__EvaluationRecorded *evaluation)
{
    struct fault found = check_segment("evaluation_recorded.suite", evaluation->suite, true);

    if (evaluation->category == TALLY__CATEGORY__CATEGORY_UNSPECIFIED) {
        return fault("evaluation_recorded.category", "is missing");
    }
    if (evaluation->result == TALLY__RESULT__RESULT_UNSPECIFIED) {
        return fault("evaluation_recorded.result", "is missing");
    }
    if (found.field == NULL) {
        found = check_hash("evaluation_recorded.suite_digest", evaluation->suite_digest);
    }
    if (found.field == NULL) {
        found = check_hash("evaluation_recorded.manifest_root", evaluation->manifest_root);
    }
    if (evaluation->n_metrics > LIMIT_REPEATED) {
        return fault("evaluation_recorded.metrics", "has more than 256 elements");
    }
    for (size_t i = 0; i < evaluation->n_metrics && found.field == NULL; i++) {
        found = check_segment("evaluation_recorded.metrics.name", evaluation->metrics[i]->name,
                              true);
        if (evaluation->metrics[i]->value == NULL) {
            found = fault("evaluation_recorded.metrics.value", "is missing");
        }
    }
    return found;
}

static struct fault check_approval(const Tally__ApprovalGranted *approval)
{
    struct fault found =
        check_segment("approval_granted.environment", approval->environment, true);

    if (found.field == NULL) {
        found = check_hash("approval_granted.manifest_root", approval->manifest_root);
    }
    if (found.field == NULL) {
        found = check_segment("approval_granted.from_stage", approval->from_stage, true);
    }
    if (found.field == NULL) {
        found = check_segment("approval_granted.to_stage", approval->to_stage, true);
    }
    if (found.field == NULL && approval->policy_digest.len > 0) {
        found = check_hash("approval_granted.policy_digest", approval->policy_digest);
    }
    if (found.field == NULL && approval->request.len > 0) {
        found = check_hash("approval_granted.request", approval->request);
    }
    return found;
}

static struct fault check_role(const char *role, const char *scope)
{
    struct fault found = check_segment("role", role, true);

    if (found.field == NULL && scope[0] != '\0' && !event_scope_valid(scope)) {
        found = fault("scope", "must be the first segments of a subject, as in model/m");
    }
    return found;
}

static struct fault check_genesis(const Tally__LedgerGenesis *genesis)
{
    struct fault found = check_segment("ledger_genesis.name", genesis->name, true);

    if (found.field != NULL) return found;
    if (genesis->feature_level != 1) return fault("ledger_genesis.feature_level", "must be 1");
    if (genesis->config == NULL) return fault("ledger_genesis.config", "is missing");
    if (genesis->n_root_keys == 0 || genesis->n_root_keys > LIMIT_GENESIS_SIGNERS) {
        return fault("ledger_genesis.root_keys", "must have 1 to 16 elements");
    }
    if (genesis->root_threshold == 0 || genesis->root_threshold > genesis->n_root_keys) {
        return fault("ledger_genesis.root_threshold", "must be 1 to the number of root keys");
    }
    if (genesis->n_principals > LIMIT_REPEATED) {
        return fault("ledger_genesis.principals", "has more than 256 elements");
    }
    for (size_t i = 0; i < genesis->n_root_keys && found.field == NULL; i++) {
        found = check_key("ledger_genesis.root_keys", genesis->root_keys[i]);
    }
    for (size_t i = 0; i < genesis->n_principals && found.field == NULL; i++) {
        const Tally__GenesisPrincipal *principal = genesis->principals[i];

        found = check_segment("ledger_genesis.principals.id", principal->id, true);
        if (principal->kind == TALLY__PRINCIPAL_KIND__PRINCIPAL_KIND_UNSPECIFIED) {
            return fault("ledger_genesis.principals.kind", "is missing");
        }
        if (i > 0 && strcmp(genesis->principals[i - 1]->id, principal->id) >= 0) {
            return fault("ledger_genesis.principals", "must be ascending by id, each once");
        }
        if (principal->n_public_keys > LIMIT_REPEATED || principal->n_roles > LIMIT_REPEATED) {
            return fault("ledger_genesis.principals", "has too many keys or roles");
        }
        for (size_t k = 0; k < principal->n_public_keys && found.field == NULL; k++) {
            found =
                check_key("ledger_genesis.principals.public_keys", principal->public_keys[k]);
        }
        for (size_t k = 0; k < principal->n_roles && found.field == NULL; k++) {
            found = check_segment("ledger_genesis.principals.roles", principal->roles[k], true);
            if (k > 0 && strcmp(principal->roles[k - 1], principal->roles[k]) >= 0) {
                return fault("ledger_genesis.principals.roles", "must be ascending, each once");
            }
        }
    }
    return found;
}

static struct fault check_member_changed(const Tally__LedgerMemberChanged *changed)
{
    struct ledger_member member;

    if (changed->action == TALLY__MEMBER_ACTION__MEMBER_ACTION_UNSPECIFIED) {
        return fault("ledger_member_changed.action", "is missing");
    }
    if (changed->member == NULL) return fault("ledger_member_changed.member", "is missing");
    if (ledger_member_take(changed->member, &member, NULL) != TALLY_OK) {
        return fault("ledger_member_changed.member",
                     "needs an id, a name and a site (a-z 0-9 . _ -), three different keys of "
                     "32 bytes, an incarnation and a role; URLs have at most 256 characters");
    }
    if (changed->publication_policy[0] == '\0' ||
        strlen(changed->publication_policy) >= LEDGER_POLICY_SIZE) {
        return fault("ledger_member_changed.publication_policy",
                     "must have 1 to 4095 bytes: the complete policy");
    }
    if (changed->config_version < 2) {
        return fault("ledger_member_changed.config_version", "must be 2 or more");
    }
    return none;
}

static struct fault check_payload(const Tally__Event *event)
{
    switch ((enum event_type)event->payload_case) {
    case EVENT_LEDGER_GENESIS:
        return check_genesis(event->ledger_genesis);
    case EVENT_LEDGER_MEMBER_CHANGED:
        return check_member_changed(event->ledger_member_changed);
    case EVENT_PRINCIPAL_REGISTERED:
        if (event->principal_registered->kind ==
            TALLY__PRINCIPAL_KIND__PRINCIPAL_KIND_UNSPECIFIED) {
            return fault("principal_registered.kind", "is missing");
        }
        return none;
    case EVENT_KEY_ENROLLED:
        return check_key("key_enrolled.public_key", event->key_enrolled->public_key);
    case EVENT_KEY_REVOKED:
        return check_hash("key_revoked.key_id", event->key_revoked->key_id);
    case EVENT_ROLE_GRANTED:
        return check_role(event->role_granted->role, event->role_granted->scope);
    case EVENT_ROLE_REVOKED:
        return check_role(event->role_revoked->role, event->role_revoked->scope);
    case EVENT_BASE_MODEL_REGISTERED: {
        const Tally__BaseModelRegistered *base = event->base_model_registered;

        return check_input(event, "weights", base->name, base->source, base->revision,
                           base->licence);
    }
    case EVENT_DATASET_REGISTERED: {
        const Tally__DatasetRegistered *data = event->dataset_registered;

        return check_input(event, "data", data->name, data->source, data->revision,
                           data->licence);
    }
    case EVENT_MODEL_CREATED:
        if (event->model_created->risk_tier == TALLY__RISK_TIER__RISK_TIER_UNSPECIFIED) {
            return fault("model_created.risk_tier", "is missing");
        }
        if (check_text("", event->model_created->name, true).field != NULL) {
            return fault("model_created.name", "must have 1 to 1024 bytes");
        }
        return check_principal("model_created.owner", event->model_created->owner, true);
    case EVENT_VERSION_REGISTERED:
        return check_version(event);
    case EVENT_EVALUATION_RECORDED:
        return check_evaluation(event->evaluation_recorded);
    case EVENT_APPROVAL_GRANTED:
        return check_approval(event->approval_granted);
    case EVENT_ANNOTATION_ADDED: {
        const struct fault found =
            check_segment("annotation_added.kind", event->annotation_added->kind, true);

        if (found.field != NULL) return found;
        return check_hash("annotation_added.digest", event->annotation_added->digest);
    }
    }
    return fault("payload", "is missing, or of a type that is not registered");
}

enum tally_err event_check(const struct Tally__Event *event, bool cut, struct tally_diag *diag)
{
    const bool genesis = event->payload_case == TALLY__EVENT__PAYLOAD_LEDGER_GENESIS;
    const struct event_type_info *info = event_type_info(event->payload_case);
    struct fault found = check_envelope(event, genesis);

    if (found.field == NULL) found = check_lists(event);
    if (cut) {
        if (found.field == NULL && (event->payload_case != 0 || event->n_artifacts > 0 ||
                                    event->n_refs > 0 || event->n_commitments > 0)) {
            found = fault("payload", "must be absent from an event that was cut");
        }
    } else {
        if (found.field == NULL) found = check_payload(event);
        if (found.field == NULL && info->subject != SUBJECT_OTHER &&
            event_subject_kind(event->subject, NULL) != info->subject) {
            found = fault("subject", "has not the form that this type of event is about");
        }
    }
    if (found.field == NULL) return TALLY_OK;
    tally_diag_set(diag, "%s %s", found.field, found.text);
    return TALLY_E_MALFORMED;
}
