#include "support/ledger_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event.pb-c.h"
#include "event/canon.h"
#include "event/genesis.h"

static const char *const names[FIXTURE_PEOPLE] = {
    "admin", "author", "evaluator", "approver", "everyone", "nobody", "stranger", "second",
};
static const char *const actors[FIXTURE_PEOPLE] = {
    "principal/admin",    "principal/author", "principal/evaluator", "principal/approver",
    "principal/everyone", "principal/nobody", "principal/stranger",  "principal/second",
};

static void must(enum tally_err err, const struct tally_diag *diag)
{
    if (err != TALLY_OK) fprintf(stderr, "%s: %s\n", tally_err_name(err), diag->text);
    ASSERT(err == TALLY_OK);
}

static void *must_alloc(struct fixture *fixture, size_t count, size_t size)
{
    void *memory = arena_zalloc(fixture->arena, count, size);

    ASSERT(memory != NULL);
    return memory;
}

const char *fixture_name(enum fixture_who who)
{
    return names[who];
}

const char *fixture_actor(enum fixture_who who)
{
    return actors[who];
}

void fixture_key_id(const struct fixture *fixture, enum fixture_who who,
                    struct tally_hash *ret_key_id)
{
    sign_key_id(fixture->people[who].public_key, ret_key_id);
}

struct tally_hash fixture_hash(uint64_t number)
{
    uint8_t bytes[8];
    struct bytes_writer writer = bytes_writer(bytes, sizeof bytes);
    struct tally_hash hash;

    bytes_put_u64(&writer, number);
    hash_sha256(bytes, sizeof bytes, &hash);
    return hash;
}

static void make_members(struct fixture *fixture)
{
    struct ledger_config *config = &fixture->config;
    size_t used = 0;

    config->version = 1;
    config->members_count = fixture->members_count;
    used += (size_t)snprintf(config->policy, sizeof config->policy, "group members %u",
                             (unsigned)(fixture->members_count / 2 + 1));
    for (uint32_t i = 0; i < fixture->members_count; i++) {
        struct ledger_member *member = &config->members[i];
        const struct tally_hash seed = fixture_hash(1000 + i);
        struct node_keys *keys = &fixture->members[i];

        member->id = i + 1;
        snprintf(member->name, sizeof member->name, "node-%u", (unsigned)member->id);
        snprintf(member->site, sizeof member->site, "site-%u", (unsigned)member->id);
        keyfile_node_derive(member->name, 7000 + i, seed.bytes, keys);
        memcpy(member->log_key, keys->log.public_key, SIGN_PUBLIC_BYTES);
        memcpy(member->cosign_key, keys->cosign.public_key, SIGN_PUBLIC_BYTES);
        memcpy(member->peer_key, keys->peer.public_key, SIGN_PUBLIC_BYTES);
        member->incarnation = keys->incarnation;
        member->voter = true;
        used += (size_t)snprintf(config->policy + used, sizeof config->policy - used, " %s",
                                 member->name);
    }
    snprintf(config->policy + used, sizeof config->policy - used, "\nquorum members\n");
}

static void make_people(struct fixture *fixture, struct event_principal *principals,
                        uint32_t *ret_count)
{
    static const char *const one[][1] = {{"admin"}, {"author"}, {"evaluator"}, {"approver"}};
    static const char *const all[] = {"admin", "approver", "author", "evaluator"};

    for (uint32_t i = 0; i < FIXTURE_PEOPLE; i++) {
        const struct tally_hash seed = fixture_hash(2000 + i);

        sign_keypair_from_seed(seed.bytes, &fixture->people[i]);
        if (i == FIXTURE_STRANGER || i == FIXTURE_SECOND) continue;
        principals[*ret_count] = (struct event_principal){
            .id = names[i],
            .kind = TALLY__PRINCIPAL_KIND__PRINCIPAL_KIND_HUMAN,
            .keys_count = 1,
            .public_keys = (const uint8_t(*)[EVENT_KEY_BYTES])fixture->people[i].public_key,
            .roles_count = i <= FIXTURE_APPROVER ? 1 : (i == FIXTURE_EVERYONE ? 4 : 0),
            .roles = i <= FIXTURE_APPROVER ? one[i] : all,
        };
        *ret_count += 1;
    }
}

void fixture_open(struct fixture *ret_fixture, uint32_t members_count)
{
    struct fixture *fixture = ret_fixture;
    struct event_principal principals[FIXTURE_PEOPLE];
    uint32_t principals_count = 0;
    struct tally_diag diag = {{0}};
    struct bytes record;

    ASSERT(members_count >= 1 && members_count <= LIMIT_VOTERS);
    *fixture = (struct fixture){.members_count = members_count};
    must(sign_init(), &diag);
    must(arena_open(0, &fixture->arena), &diag);
    make_members(fixture);
    make_people(fixture, principals, &principals_count);
    sign_keypair_from_seed(fixture_hash(3000).bytes, &fixture->root);

    const struct genesis_spec spec = {
        .name = FIXTURE_LEDGER_NAME,
        .time_ms = FIXTURE_TIME_MS,
        .config = &fixture->config,
        .root_threshold = 1,
        .root_keys_count = 1,
        .root_keys = (const uint8_t(*)[SIGN_PUBLIC_BYTES])fixture->root.public_key,
        .principals_count = principals_count,
        .principals = principals,
    };
    struct genesis *genesis = must_alloc(fixture, 1, sizeof *genesis);
    struct bytes unsigned_file;

    must(genesis_new(&spec, fixture->arena, &unsigned_file, &diag), &diag);
    must(genesis_decode(unsigned_file, fixture->arena, genesis, &diag), &diag);
    must(genesis_sign(genesis, &fixture->root, fixture->arena, &fixture->genesis_file, &diag),
         &diag);
    must(genesis_decode(fixture->genesis_file, fixture->arena, genesis, &diag), &diag);
    must(genesis_seal(genesis, fixture->arena, &record, &fixture->ledger_id,
                      &fixture->genesis_block, &diag),
         &diag);
}

void fixture_close(struct fixture *fixture)
{
    arena_close(fixture->arena);
    *fixture = (struct fixture){0};
}

/* ---- events ---- */

static ProtobufCBinaryData data_of(const struct tally_hash *hash)
{
    return canon_data(hash->bytes, sizeof hash->bytes);
}

static const char *default_subject(const struct fixture_spec *spec)
{
    switch (spec->type) {
    case EVENT_LEDGER_GENESIS:
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
        return "model/m";
    case EVENT_VERSION_REGISTERED:
    case EVENT_EVALUATION_RECORDED:
    case EVENT_APPROVAL_GRANTED:
    case EVENT_ANNOTATION_ADDED:
        return "model/m/version/1";
    }
    UNREACHABLE("unregistered type");
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
    const char *role = NULL;

    *root = spec->manifest_root != NULL ? *spec->manifest_root : fixture_hash(1);
    event->artifacts = must_alloc(fixture, 1 + PADS_MAX, sizeof(void *));
    if (spec->type == EVENT_VERSION_REGISTERED) role = "adapter";
    if (spec->type == EVENT_BASE_MODEL_REGISTERED) role = "weights";
    if (spec->type == EVENT_DATASET_REGISTERED) role = "data";
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
    struct tally_hash root, key_id, digest;
};

static void put_trust(struct fixture *fixture, const struct fixture_spec *spec,
                      struct payloads *p, Tally__Event *event)
{
    const uint8_t *stranger = fixture->people[FIXTURE_STRANGER].public_key;

    fixture_key_id(fixture, FIXTURE_STRANGER, &p->key_id);
    if (spec->key_id != NULL) p->key_id = *spec->key_id;
    tally__principal_registered__init(&p->principal);
    p->principal.kind = TALLY__PRINCIPAL_KIND__PRINCIPAL_KIND_HUMAN;
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

static void put_judgement(const struct fixture_spec *spec, struct payloads *p,
                          Tally__Event *event)
{
    if (spec->type == EVENT_EVALUATION_RECORDED) {
        tally__evaluation_recorded__init(&p->evaluation);
        p->evaluation.category = TALLY__CATEGORY__CATEGORY_SAFETY;
        p->evaluation.suite = (char *)"suite";
        p->evaluation.suite_digest = data_of(&p->digest);
        p->evaluation.result = TALLY__RESULT__RESULT_PASSED;
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
        p->model.risk_tier = TALLY__RISK_TIER__RISK_TIER_LOW;
        event->model_created = &p->model;
        return;
    case EVENT_VERSION_REGISTERED:
        tally__version_registered__init(&p->version);
        p->version.kind = TALLY__VERSION_KIND__VERSION_KIND_ADAPTER;
        p->version.base_model = text_of(spec->base_subject, "base/b");
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
    if (spec->type < EVENT_BASE_MODEL_REGISTERED) {
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

/* ---- batches and blocks ---- */

struct bytes fixture_batch_of(struct fixture *fixture, const enum fixture_who *who,
                              const uint8_t *meanings, uint32_t signers_count,
                              const struct bytes *events, uint32_t events_count)
{
    struct batch_signer signers[LIMIT_EVENT_SIGNERS];
    struct bytes batch;

    ASSERT(signers_count >= 1 && signers_count <= LIMIT_EVENT_SIGNERS);
    for (uint32_t i = 0; i < signers_count; i++) {
        batch_sign(events, events_count, &fixture->ledger_id, meanings[i],
                   &fixture->people[who[i]], &signers[i]);
    }
    batch = batch_encode(events, events_count, signers, signers_count, fixture->arena);
    ASSERT(batch.data != NULL);
    return batch;
}

struct bytes fixture_batch(struct fixture *fixture, enum fixture_who who,
                           const struct bytes *events, uint32_t events_count)
{
    struct tally_diag diag = {{0}};
    uint8_t meaning = MEANING_AUTHOR;
    struct event event;

    if (event_decode(events[0], fixture->arena, &event, &diag) == TALLY_OK) {
        meaning = event.signers[0].meaning;
    }
    return fixture_batch_of(fixture, &who, &meaning, 1, events, events_count);
}

void fixture_chain_begin(const struct fixture *fixture, struct fixture_chain *ret_chain)
{
    struct tally_diag diag = {{0}};
    struct block_header header;

    must(block_header_decode(fixture->genesis_block, &header, &diag), &diag);
    *ret_chain = (struct fixture_chain){
        .index = header.index, .term = 1, .time_ms = header.time_ms, .leader = 1};
    block_hash(&header, &ret_chain->hash);
}

struct bytes fixture_block(struct fixture *fixture, struct fixture_chain *chain,
                           enum block_kind kind, bool boundary, struct bytes body)
{
    struct block_header header = {.kind = kind,
                                  .boundary = boundary,
                                  .leader = chain->leader,
                                  .index = chain->index + 1,
                                  .term = chain->term,
                                  .time_ms = chain->time_ms,
                                  .body_size = (uint32_t)body.size,
                                  .previous = chain->hash};
    uint8_t *block = must_alloc(fixture, 1, BLOCK_HEADER_SIZE + body.size);

    hash_sha256(body.data, body.size, &header.body_hash);
    block_sign(&header, &fixture->members[chain->leader - 1].peer);
    block_header_encode(&header, block);
    if (body.size > 0) memcpy(block + BLOCK_HEADER_SIZE, body.data, body.size);
    chain->index = header.index;
    block_hash(&header, &chain->hash);
    return bytes_of(block, BLOCK_HEADER_SIZE + body.size);
}

struct bytes fixture_block_events(struct fixture *fixture, struct fixture_chain *chain,
                                  bool boundary, const struct bytes *batches, size_t count)
{
    size_t size = 0;
    uint8_t *body;

    for (size_t i = 0; i < count; i++) size += block_batch_size(batches[i].size);
    body = must_alloc(fixture, 1, size);
    block_body_put(batches, count, body, size);
    return fixture_block(fixture, chain, BLOCK_EVENTS, boundary, bytes_of(body, size));
}

void fixture_store_block(struct store *store, const struct fixture_chain *chain,
                         struct bytes block)
{
    const struct store_hard_state hard_state = {.term = chain->term, .commit = chain->index};
    const struct store_block stored = {.index = chain->index, .data = block};
    const struct store_append append = {
        .hard_state = &hard_state, .blocks = &stored, .blocks_count = 1};
    struct tally_diag diag = {{0}};

    must(store_append(store, &append, &diag), &diag);
}
