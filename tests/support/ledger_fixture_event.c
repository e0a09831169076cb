#include "support/ledger_fixture_event.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event_describe.h"
#include "support/ledger_fixture_example.h"

static void *must_alloc(struct fixture *fixture, size_t count, size_t size)
{
    void *memory = arena_zalloc(fixture->arena, count, size);

    ASSERT(memory != NULL);
    return memory;
}

static ProtobufCBinaryData data_of(const struct tally_hash *hash)
{
    return canon_data(hash->bytes, sizeof hash->bytes);
}

static const char *default_subject(const struct fixture_spec *spec)
{
    switch (spec->type) {
    case EVENT_LEDGER_GENESIS:
    case EVENT_LEDGER_MEMBER_CHANGED:
    case EVENT_AUDIT_EXPORTED:
        return "ledger/" FIXTURE_LEDGER_NAME;
    case EVENT_PRINCIPAL_REGISTERED:
    case EVENT_KEY_ENROLLED:
    case EVENT_KEY_REVOKED:
    case EVENT_ROLE_GRANTED:
    case EVENT_ROLE_REVOKED:
        return "principal/stranger";
    case EVENT_BASE_MODEL_REGISTERED:
        return "base/b";
    case EVENT_DATASET_REGISTERED:
        return "dataset/d";
    case EVENT_MODEL_CREATED:
    case EVENT_MODEL_UPDATED:
    case EVENT_MODEL_ARCHIVED:
        return "model/m";
    case EVENT_RUN_STARTED:
    case EVENT_RUN_COMPLETED:
    case EVENT_RUN_FAILED:
        return "model/m/run/r";
    case EVENT_VERSION_REGISTERED:
    case EVENT_ATTESTATION_ATTACHED:
    case EVENT_ATTESTATION_RETRACTED:
    case EVENT_EVALUATION_RETRACTED:
    case EVENT_RISK_ASSESSED:
    case EVENT_CORRECTION_RECORDED:
    case EVENT_EVALUATION_RECORDED:
    case EVENT_APPROVAL_GRANTED:
    case EVENT_ANNOTATION_ADDED:
        return "model/m/version/1";
    default:
        return event_example_subject(spec->type);
    }
}

static char *text_of(const char *text, const char *instead)
{
    return (char *)(text != NULL ? text : instead); /* protobuf-c wants char *, reads only */
}

static void put_signers(struct fixture *fixture, const struct fixture_spec *spec,
                        Tally__Event *event)
{
    const uint32_t count = spec->signers != NULL ? spec->signers_count : 1;
    struct event_signer *one = must_alloc(fixture, 1, sizeof *one);
    const struct event_signer *from = spec->signers != NULL ? spec->signers : one;

    fixture_key_id(fixture, spec->who, &one->key_id);
    one->meaning = event_type_info(spec->type)->actor_meaning;
    event->required_signers = must_alloc(fixture, count, sizeof(void *));
    event->n_required_signers = count;
    for (uint32_t i = 0; i < count; i++) {
        Tally__RequiredSigner *signer = must_alloc(fixture, 1, sizeof *signer);
        uint32_t place = 0;

        for (uint32_t k = 0; k < count; k++) {
            if (memcmp(from[k].key_id.bytes, from[i].key_id.bytes, 32) < 0) place++;
        }
        tally__required_signer__init(signer);
        signer->key_id = data_of(&from[i].key_id);
        signer->meaning = (Tally__Meaning)from[i].meaning;
        event->required_signers[place] = signer;
    }
}

static void put_refs(struct fixture *fixture, const struct fixture_spec *spec,
                     Tally__Event *event)
{
    const uint32_t extra = spec->base != NULL ? 1 : 0;

    event->n_refs = spec->refs_count + extra;
    event->refs = must_alloc(fixture, event->n_refs + 1, sizeof(void *));
    for (uint32_t i = 0; i < event->n_refs; i++) {
        Tally__Ref *ref = must_alloc(fixture, 1, sizeof *ref);

        tally__ref__init(ref);
        ref->rel = i < spec->refs_count ? (Tally__Rel)spec->refs[i].rel : TALLY__REL__REL_BASE;
        ref->event_hash =
            data_of(i < spec->refs_count ? &spec->refs[i].event_hash : spec->base);
        event->refs[i] = ref;
    }
}

static Tally__Artifact *artifact(struct fixture *fixture, const char *role,
                                 const struct tally_hash *root)
{
    Tally__Artifact *made = must_alloc(fixture, 1, sizeof *made);

    tally__artifact__init(made);
    made->role = (char *)role;
    made->manifest_root = data_of(root);
    made->size = 4096;
    made->file_count = 3;
    return made;
}

enum { PAD_TEXT = 1000, PADS_MAX = 60 };

/* One more artifact, with a text of `size` bytes. */
static Tally__Artifact *padding(struct fixture *fixture, uint32_t number, uint32_t size,
                                const struct tally_hash *root)
{
    char *role = must_alloc(fixture, 1, 16), *text = must_alloc(fixture, 1, size + 1);
    Tally__Artifact *made;

    snprintf(role, 16, "p%u", (unsigned)number);
    memset(text, 'x', size);
    made = artifact(fixture, role, root);
    made->media_type = text;
    return made;
}

static void put_artifacts(struct fixture *fixture, const struct fixture_spec *spec,
                          Tally__Event *event)
{
    struct tally_hash *root = must_alloc(fixture, 1, sizeof *root);
    const char *role = event_type_info(spec->type)->artifact;

    *root = spec->manifest_root != NULL ? *spec->manifest_root : fixture_hash(1);
    event->artifacts = must_alloc(fixture, 1 + PADS_MAX, sizeof(void *));
    if (role != NULL) event->artifacts[event->n_artifacts++] = artifact(fixture, role, root);
    for (uint32_t left = spec->padding, n = 0; left > 0 && n < PADS_MAX; n++) {
        const uint32_t size = left < PAD_TEXT ? left : PAD_TEXT;

        event->artifacts[event->n_artifacts++] = padding(fixture, n, size, root);
        left -= size;
    }
}

/* Every payload that a spec can ask for; only one is used. */
struct payloads {
    Tally__PrincipalRegistered principal;
    Tally__KeyEnrolled enrolled;
    Tally__KeyRevoked revoked;
    Tally__CompromisedSince since;
    Tally__RoleGranted granted;
    Tally__RoleRevoked role_revoked;
    Tally__BaseModelRegistered base;
    Tally__DatasetRegistered dataset;
    Tally__ModelCreated model;
    Tally__VersionRegistered version;
    Tally__EvaluationRecorded evaluation;
    Tally__ApprovalGranted approval;
    Tally__AnnotationAdded annotation;
    Tally__LedgerMemberChanged changed;
    Tally__Member member;
    struct tally_hash root, key_id, digest;
};

static void put_trust(struct fixture *fixture, const struct fixture_spec *spec,
                      struct payloads *p, Tally__Event *event)
{
    const uint8_t *stranger = fixture->people[FIXTURE_STRANGER].public_key;

    fixture_key_id(fixture, FIXTURE_STRANGER, &p->key_id);
    if (spec->key_id != NULL) p->key_id = *spec->key_id;
    tally__principal_registered__init(&p->principal);
    p->principal.kind = spec->kind != 0 ? (Tally__PrincipalKind)spec->kind
                                        : TALLY__PRINCIPAL_KIND__PRINCIPAL_KIND_HUMAN;
    tally__key_enrolled__init(&p->enrolled);
    p->enrolled.public_key =
        canon_data(spec->public_key != NULL ? spec->public_key : stranger, SIGN_PUBLIC_BYTES);
    tally__key_revoked__init(&p->revoked);
    p->revoked.key_id = data_of(&p->key_id);
    tally__compromised_since__init(&p->since);
    p->since.index = spec->compromised_since;
    if (spec->compromised) p->revoked.compromised_since = &p->since;
    tally__role_granted__init(&p->granted);
    p->granted.role = text_of(spec->role, "author");
    p->granted.scope = text_of(spec->scope, "");
    p->granted.expires_ms = spec->expires_ms;
    tally__role_revoked__init(&p->role_revoked);
    p->role_revoked.role = p->granted.role;
    p->role_revoked.scope = p->granted.scope;
    event->payload_case = (Tally__Event__PayloadCase)spec->type;
    switch (spec->type) {
    case EVENT_PRINCIPAL_REGISTERED:
        event->principal_registered = &p->principal;
        return;
    case EVENT_KEY_ENROLLED:
        event->key_enrolled = &p->enrolled;
        return;
    case EVENT_KEY_REVOKED:
        event->key_revoked = &p->revoked;
        return;
    case EVENT_ROLE_GRANTED:
        event->role_granted = &p->granted;
        return;
    case EVENT_ROLE_REVOKED:
        event->role_revoked = &p->role_revoked;
        return;
    default:
        UNREACHABLE("not about trust");
    }
}

static void put_member(struct fixture *fixture, const struct fixture_spec *spec,
                       struct payloads *p, Tally__Event *event)
{
    const struct member_change first = {.action = MEMBER_REMOVE,
                                        .member = fixture->config.members[0],
                                        .policy = fixture->config.policy,
                                        .config_version = 2};
    const struct member_change *change = spec->change != NULL ? spec->change : &first;
    struct ledger_member *member = must_alloc(fixture, 1, sizeof *member);

    *member = change->member; /* lives as long as the event is packed */
    tally__ledger_member_changed__init(&p->changed);
    tally__member__init(&p->member);
    p->member.id = member->id;
    p->member.name = member->name;
    p->member.site = member->site;
    p->member.log_key = canon_data(member->log_key, SIGN_PUBLIC_BYTES);
    p->member.cosign_key = canon_data(member->cosign_key, SIGN_PUBLIC_BYTES);
    p->member.peer_key = canon_data(member->peer_key, SIGN_PUBLIC_BYTES);
    p->member.incarnation = member->incarnation;
    p->member.role = member->voter ? TALLY__MEMBER_ROLE__MEMBER_ROLE_VOTER
                                   : TALLY__MEMBER_ROLE__MEMBER_ROLE_LEARNER;
    p->member.peer_url = member->peer_url;
    p->member.client_url = member->client_url;
    p->changed.action = (Tally__MemberAction)change->action;
    p->changed.member = &p->member;
    p->changed.publication_policy = text_of(change->policy, "");
    p->changed.config_version = change->config_version;
    event->payload_case = TALLY__EVENT__PAYLOAD_LEDGER_MEMBER_CHANGED;
    event->ledger_member_changed = &p->changed;
}

static bool has_builder(enum event_type type)
{
    static const enum event_type types[] = {
        EVENT_PRINCIPAL_REGISTERED, EVENT_KEY_ENROLLED,     EVENT_KEY_REVOKED,
        EVENT_ROLE_GRANTED,         EVENT_ROLE_REVOKED,     EVENT_BASE_MODEL_REGISTERED,
        EVENT_DATASET_REGISTERED,   EVENT_MODEL_CREATED,    EVENT_VERSION_REGISTERED,
        EVENT_EVALUATION_RECORDED,  EVENT_APPROVAL_GRANTED, EVENT_ANNOTATION_ADDED,
        EVENT_LEDGER_MEMBER_CHANGED};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i] == type) return true;
    }
    return false;
}

static void put_judgement(const struct fixture_spec *spec, struct payloads *p,
                          Tally__Event *event)
{
    if (spec->type == EVENT_EVALUATION_RECORDED) {
        tally__evaluation_recorded__init(&p->evaluation);
        p->evaluation.category = TALLY__CATEGORY__CATEGORY_SAFETY;
        p->evaluation.suite = (char *)"suite";
        p->evaluation.suite_digest = data_of(&p->digest);
        p->evaluation.result =
            spec->failed ? TALLY__RESULT__RESULT_FAILED : TALLY__RESULT__RESULT_PASSED;
        p->evaluation.manifest_root = data_of(&p->root);
        event->evaluation_recorded = &p->evaluation;
    } else {
        tally__approval_granted__init(&p->approval);
        p->approval.environment = (char *)"production";
        p->approval.manifest_root = data_of(&p->root);
        p->approval.from_stage = (char *)"staging";
        p->approval.to_stage = (char *)"live";
        event->approval_granted = &p->approval;
    }
}

static void put_change(const struct fixture_spec *spec, struct payloads *p, Tally__Event *event)
{
    event->payload_case = (Tally__Event__PayloadCase)spec->type;
    switch (spec->type) {
    case EVENT_BASE_MODEL_REGISTERED:
        tally__base_model_registered__init(&p->base);
        p->base.name = (char *)"Org/Base";
        event->base_model_registered = &p->base;
        return;
    case EVENT_DATASET_REGISTERED:
        tally__dataset_registered__init(&p->dataset);
        p->dataset.name = (char *)"Org/Data";
        event->dataset_registered = &p->dataset;
        return;
    case EVENT_MODEL_CREATED:
        tally__model_created__init(&p->model);
        p->model.name = (char *)"M";
        p->model.owner = text_of(spec->owner, fixture_actor(spec->who));
        p->model.risk_tier =
            spec->tier != 0 ? (Tally__RiskTier)spec->tier : TALLY__RISK_TIER__RISK_TIER_LOW;
        event->model_created = &p->model;
        return;
    case EVENT_VERSION_REGISTERED:
        tally__version_registered__init(&p->version);
        p->version.kind = spec->version_kind != 0 ? (Tally__VersionKind)spec->version_kind
                                                  : TALLY__VERSION_KIND__VERSION_KIND_ADAPTER;
        p->version.base_model = text_of(spec->base_subject, "base/b");
        p->version.run = text_of(spec->run, "");
        event->version_registered = &p->version;
        return;
    case EVENT_ANNOTATION_ADDED:
        tally__annotation_added__init(&p->annotation);
        p->annotation.kind = (char *)"note";
        p->annotation.digest = data_of(&p->digest);
        event->annotation_added = &p->annotation;
        return;
    default:
        put_judgement(spec, p, event);
    }
}

struct bytes fixture_event(struct fixture *fixture, const struct fixture_spec *spec)
{
    Tally__Event event = TALLY__EVENT__INIT;
    struct payloads *payloads = must_alloc(fixture, 1, sizeof *payloads);
    const uint64_t number = spec->id != 0 ? spec->id : UINT64_C(1) << 32 | ++fixture->ids;
    uint8_t id[EVENT_ID_BYTES];
    struct bytes bytes;

    payloads->root = spec->manifest_root != NULL ? *spec->manifest_root : fixture_hash(1);
    payloads->digest = fixture_hash(2);
    event_id_make(FIXTURE_TIME_MS + (number & UINT32_MAX), fixture_hash(number).bytes, id);
    event.schema = 1;
    event.ledger_id = data_of(spec->ledger_id != NULL ? spec->ledger_id : &fixture->ledger_id);
    event.event_id = canon_data(id, sizeof id);
    event.subject = text_of(spec->subject, default_subject(spec));
    if (spec->expected_head != NULL) event.expected_head = data_of(spec->expected_head);
    event.actor = text_of(spec->actor, fixture_actor(spec->who));
    event.on_behalf_of = text_of(spec->on_behalf_of, "");
    event.claimed_time_ms = FIXTURE_TIME_MS + number;
    put_signers(fixture, spec, &event);
    put_refs(fixture, spec, &event);
    put_artifacts(fixture, spec, &event);
    if (!has_builder(spec->type)) {
        fixture_example_put(fixture, spec, &event);
    } else if (spec->type == EVENT_LEDGER_MEMBER_CHANGED) {
        put_member(fixture, spec, payloads, &event);
    } else if (spec->type < EVENT_BASE_MODEL_REGISTERED) {
        put_trust(fixture, spec, payloads, &event);
    } else {
        put_change(spec, payloads, &event);
    }
    bytes = canon_pack(&event, fixture->arena);
    ASSERT(bytes.data != NULL);
    return bytes;
}

struct tally_hash fixture_event_hash(struct bytes event)
{
    struct tally_hash hash;

    event_hash(event, &hash);
    return hash;
}
