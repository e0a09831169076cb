/* From protobuf to the view; what a view must satisfy is in event_check.c. */
#include "event/event.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event_check.h"

_Static_assert((int)EVENT_LEDGER_GENESIS == (int)TALLY__EVENT__PAYLOAD_LEDGER_GENESIS, "types");
_Static_assert((int)EVENT_VERSION_REGISTERED == (int)TALLY__EVENT__PAYLOAD_VERSION_REGISTERED,
               "types");
_Static_assert((int)EVENT_ANNOTATION_ADDED == (int)TALLY__EVENT__PAYLOAD_ANNOTATION_ADDED,
               "types");
_Static_assert((int)MEANING_EXECUTE == (int)TALLY__MEANING__MEANING_EXECUTE, "meanings");
_Static_assert((int)REL_MERGES == (int)TALLY__REL__REL_MERGES, "relations");

void event_hash(struct bytes event, struct tally_hash *ret_hash)
{
    hash_leaf(event.data, event.size, ret_hash);
}

void event_id_make(uint64_t time_ms, const uint8_t random[10], uint8_t ret_id[EVENT_ID_BYTES])
{
    for (int i = 0; i < 6; i++) ret_id[i] = (uint8_t)(time_ms >> (40 - 8 * i));
    memcpy(ret_id + 6, random, 10);
    ret_id[6] = (uint8_t)(0x70 | (ret_id[6] & 0x0f)); /* version 7 */
    ret_id[8] = (uint8_t)(0x80 | (ret_id[8] & 0x3f)); /* variant of RFC 9562 */
}

const char *event_meaning_name(uint8_t meaning)
{
    static const char *const names[] = {
        "?", "author", "review", "approve", "responsibility", "witness", "execute"};

    return meaning < sizeof names / sizeof names[0] ? names[meaning] : "?";
}

const struct event_artifact *event_artifact(const struct event *event, const char *role)
{
    for (uint32_t i = 0; i < event->artifacts_count; i++) {
        if (strcmp(event->artifacts[i].role, role) == 0) return &event->artifacts[i];
    }
    return NULL;
}

const struct event_ref *event_ref(const struct event *event, enum event_rel rel)
{
    const struct event_ref *found = NULL;

    for (uint32_t i = 0; i < event->refs_count; i++) {
        if (event->refs[i].rel != rel) continue;
        if (found != NULL) return NULL;
        found = &event->refs[i];
    }
    return found;
}

static void copy_hash(struct tally_hash *to, ProtobufCBinaryData from)
{
    if (from.len == sizeof to->bytes) memcpy(to->bytes, from.data, sizeof to->bytes);
}

/* The lists of the envelope; false without memory. Lengths were checked. */
static bool view_lists(const Tally__Event *from, struct arena *arena, struct event *to)
{
    struct event_signer *signers =
        arena_zalloc(arena, from->n_required_signers, sizeof *signers);
    struct event_artifact *artifacts =
        arena_zalloc(arena, from->n_artifacts, sizeof *artifacts);
    struct event_ref *refs = arena_zalloc(arena, from->n_refs, sizeof *refs);

    if (signers == NULL || artifacts == NULL || refs == NULL) return false;
    for (size_t i = 0; i < from->n_required_signers; i++) {
        copy_hash(&signers[i].key_id, from->required_signers[i]->key_id);
        signers[i].meaning = (uint8_t)from->required_signers[i]->meaning;
    }
    for (size_t i = 0; i < from->n_artifacts; i++) {
        artifacts[i].role = from->artifacts[i]->role;
        artifacts[i].size = from->artifacts[i]->size;
        artifacts[i].file_count = from->artifacts[i]->file_count;
        copy_hash(&artifacts[i].manifest_root, from->artifacts[i]->manifest_root);
    }
    for (size_t i = 0; i < from->n_refs; i++) {
        refs[i].rel = (enum event_rel)from->refs[i]->rel;
        copy_hash(&refs[i].event_hash, from->refs[i]->event_hash);
    }
    to->signers = signers;
    to->signers_count = (uint32_t)from->n_required_signers;
    to->artifacts = artifacts;
    to->artifacts_count = (uint32_t)from->n_artifacts;
    to->refs = refs;
    to->refs_count = (uint32_t)from->n_refs;
    return true;
}

static const uint8_t (*view_keys(const ProtobufCBinaryData *keys, size_t count,
                                 struct arena *arena))[EVENT_KEY_BYTES]
{
    uint8_t(*copy)[EVENT_KEY_BYTES] = arena_zalloc(arena, count, sizeof *copy);

    for (size_t i = 0; copy != NULL && i < count; i++)
        memcpy(copy[i], keys[i].data, sizeof copy[i]);
    return (const uint8_t(*)[EVENT_KEY_BYTES])copy;
}

static bool view_genesis(const Tally__LedgerGenesis *from, struct arena *arena,
                         struct event_genesis *to)
{
    struct event_principal *principals =
        arena_zalloc(arena, from->n_principals, sizeof *principals);

    if (principals == NULL) return false;
    for (size_t i = 0; i < from->n_principals; i++) {
        const Tally__GenesisPrincipal *principal = from->principals[i];

        principals[i] = (struct event_principal){
            .id = principal->id,
            .kind = (uint32_t)principal->kind,
            .keys_count = (uint32_t)principal->n_public_keys,
            .public_keys = view_keys(principal->public_keys, principal->n_public_keys, arena),
            .roles_count = (uint32_t)principal->n_roles,
            .roles = (const char *const *)principal->roles,
        };
        if (principals[i].public_keys == NULL) return false;
    }
    *to = (struct event_genesis){
        .name = from->name,
        .feature_level = from->feature_level,
        .root_threshold = from->root_threshold,
        .stolen_keys = from->stolen_keys,
        .config = canon_pack(from->config, arena),
        .root_keys_count = (uint32_t)from->n_root_keys,
        .root_keys = view_keys(from->root_keys, from->n_root_keys, arena),
        .principals_count = (uint32_t)from->n_principals,
        .principals = principals,
    };
    return to->config.data != NULL && to->root_keys != NULL;
}

static bool view_member_changed(const Tally__LedgerMemberChanged *from, struct arena *arena,
                                struct event *to)
{
    struct member_change *change = arena_zalloc(arena, 1, sizeof *change);

    if (change == NULL) return false;
    change->action = (enum member_action)from->action;
    change->policy = from->publication_policy;
    change->config_version = from->config_version;
    if (ledger_member_take(from->member, &change->member, NULL) != TALLY_OK) {
        UNREACHABLE("event_check took it");
    }
    to->member_changed = change;
    return true;
}

static bool view_trust(const Tally__Event *from, struct arena *arena, struct event *to)
{
    switch (to->type) {
    case EVENT_LEDGER_GENESIS:
        return view_genesis(from->ledger_genesis, arena, &to->genesis);
    case EVENT_LEDGER_MEMBER_CHANGED:
        return view_member_changed(from->ledger_member_changed, arena, to);
    case EVENT_POLICY_PUBLISHED:
        to->policy_published.version = from->policy_published->version;
        to->policy_published.delay_ms = from->policy_published->delay_ms;
        to->policy_published.policy = canon_bytes(from->policy_published->policy);
        copy_hash(&to->policy_published.previous_digest,
                  from->policy_published->previous_digest);
        return true;
    case EVENT_PRINCIPAL_UPDATED:
        to->principal_updated.unit = from->principal_updated->unit;
        to->principal_updated.site = from->principal_updated->site;
        to->principal_updated.responsible = from->principal_updated->responsible;
        return true;
    case EVENT_PRINCIPAL_REGISTERED:
        to->principal_registered.kind = (uint32_t)from->principal_registered->kind;
        return true;
    case EVENT_KEY_ENROLLED:
        memcpy(to->key_enrolled.public_key, from->key_enrolled->public_key.data,
               EVENT_KEY_BYTES);
        return true;
    case EVENT_KEY_REVOKED:
        copy_hash(&to->key_revoked.key_id, from->key_revoked->key_id);
        to->key_revoked.compromised = from->key_revoked->compromised_since != NULL;
        if (to->key_revoked.compromised) {
            to->key_revoked.compromised_since = from->key_revoked->compromised_since->index;
        }
        return true;
    case EVENT_ROLE_GRANTED:
        to->role.role = from->role_granted->role;
        to->role.scope = from->role_granted->scope;
        to->role.expires_ms = from->role_granted->expires_ms;
        return true;
    case EVENT_ROLE_REVOKED:
        to->role.role = from->role_revoked->role;
        to->role.scope = from->role_revoked->scope;
        return true;
    case EVENT_AUDIT_EXPORTED:
        to->audit_exported.to_size = from->audit_exported->to_size;
        to->audit_exported.recipient = from->audit_exported->recipient;
        return true;
    default:
        return true; /* facts for readers */
    }
}

/* The payloads of inputs, change and what follows. */
static void view_change(const Tally__Event *from, struct event *to)
{
    switch (to->type) {
    case EVENT_ENVIRONMENT_REGISTERED:
        to->environment_registered.site = from->environment_registered->site;
        return;
    case EVENT_ENDPOINT_REGISTERED:
        to->endpoint_registered.environment = from->endpoint_registered->environment;
        return;
    case EVENT_MODEL_CREATED:
        to->model.owner = from->model_created->owner;
        to->model.tier = (uint32_t)from->model_created->risk_tier;
        return;
    case EVENT_MODEL_UPDATED:
        to->model.owner = from->model_updated->owner;
        to->model.tier = (uint32_t)from->model_updated->risk_tier;
        return;
    case EVENT_CHANGE_REQUESTED:
        to->change_requested.model = from->change_requested->model;
        return;
    case EVENT_VERSION_REGISTERED:
        to->version_registered.kind = (uint32_t)from->version_registered->kind;
        to->version_registered.base = from->version_registered->base_model;
        to->version_registered.run = from->version_registered->run;
        return;
    case EVENT_ATTESTATION_ATTACHED:
        copy_hash(&to->judged.manifest_root, from->attestation_attached->manifest_root);
        to->judged.environment = to->judged.suite = "";
        to->judged.kind = (uint32_t)from->attestation_attached->kind;
        to->judged.verdict = (uint32_t)from->attestation_attached->verdict;
        return;
    case EVENT_EVALUATION_RECORDED:
        copy_hash(&to->judged.manifest_root, from->evaluation_recorded->manifest_root);
        to->judged.environment = "";
        to->judged.suite = from->evaluation_recorded->suite;
        to->judged.kind = (uint32_t)from->evaluation_recorded->category;
        to->judged.verdict = (uint32_t)from->evaluation_recorded->result;
        return;
    case EVENT_RISK_ASSESSED:
        copy_hash(&to->judged.manifest_root, from->risk_assessed->manifest_root);
        to->judged.environment = to->judged.suite = "";
        return;
    case EVENT_APPROVAL_GRANTED:
        copy_hash(&to->judged.manifest_root, from->approval_granted->manifest_root);
        to->judged.environment = from->approval_granted->environment;
        return;
    case EVENT_INCIDENT_OPENED:
        to->incident.severity = (uint32_t)from->incident_opened->severity;
        return;
    case EVENT_INCIDENT_UPDATED:
        to->incident.severity = (uint32_t)from->incident_updated->severity;
        return;
    default:
        return; /* facts for readers */
    }
}

static bool view_payload(const Tally__Event *from, struct arena *arena, struct event *to)
{
    if (to->type < EVENT_BASE_MODEL_REGISTERED) return view_trust(from, arena, to);
    view_change(from, to);
    return true;
}

static enum tally_err decode(struct bytes bytes, struct arena *arena, bool cut,
                             struct event *ret_event, struct tally_diag *diag)
{
    ProtobufCMessage *message = NULL;
    const Tally__Event *from;
    struct event event = {.bytes = bytes};
    enum tally_err err;

    if (bytes.size > LIMIT_EVENT_SIZE) {
        tally_diag_set(diag, "the event has %zu bytes, over the limit of %d", bytes.size,
                       (int)LIMIT_EVENT_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    err = canon_unpack(&tally__event__descriptor, bytes, arena, &message, diag);
    if (err != TALLY_OK) return err;
    from = (const Tally__Event *)message;
    err = event_check(from, cut, diag);
    if (err != TALLY_OK) return err;

    event.type = (enum event_type)from->payload_case;
    memcpy(event.id, from->event_id.data, sizeof event.id);
    copy_hash(&event.ledger_id, from->ledger_id);
    event.subject = from->subject;
    event.actor = from->actor;
    event.on_behalf_of = from->on_behalf_of;
    event.has_expected_head = from->expected_head.len > 0;
    copy_hash(&event.expected_head, from->expected_head);
    event.claimed_time_ms = from->claimed_time_ms;
    event.data_class = (uint32_t)from->data_class;
    if (!cut) event_hash(bytes, &event.hash);
    if (!view_lists(from, arena, &event)) return TALLY_E_NO_MEMORY;
    if (!cut && !view_payload(from, arena, &event)) return TALLY_E_NO_MEMORY;
    *ret_event = event;
    return TALLY_OK;
}

enum tally_err event_decode(struct bytes bytes, struct arena *arena, struct event *ret_event,
                            struct tally_diag *diag)
{
    return decode(bytes, arena, false, ret_event, diag);
}

enum tally_err event_decode_cut(struct bytes bytes, struct arena *arena,
                                struct event *ret_event, struct tally_diag *diag)
{
    return decode(bytes, arena, true, ret_event, diag);
}

struct bytes event_cut(struct bytes event, struct arena *arena)
{
    ProtobufCMessage *message = NULL;
    Tally__Event *cut;

    if (canon_unpack(&tally__event__descriptor, event, arena, &message, NULL) != TALLY_OK) {
        return (struct bytes){0};
    }
    cut = (Tally__Event *)message;
    cut->n_artifacts = cut->n_refs = cut->n_commitments = 0;
    cut->payload_case = TALLY__EVENT__PAYLOAD__NOT_SET;
    return canon_pack(cut, arena);
}
