#include "support/ledger_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event.pb-c.h"
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
    static const char *const all[] = {"admin",  "approver", "auditor",
                                      "author", "deployer", "evaluator"};

    for (uint32_t i = 0; i < FIXTURE_PEOPLE; i++) {
        const struct tally_hash seed = fixture_hash(2000 + i);

        sign_keypair_from_seed(seed.bytes, &fixture->people[i]);
        if (i == FIXTURE_STRANGER || i == FIXTURE_SECOND) continue;
        principals[*ret_count] = (struct event_principal){
            .id = names[i],
            .kind = TALLY__PRINCIPAL_KIND__PRINCIPAL_KIND_HUMAN,
            .keys_count = 1,
            .public_keys = (const uint8_t(*)[EVENT_KEY_BYTES])fixture->people[i].public_key,
            .roles_count = i <= FIXTURE_APPROVER ? 1 : (i == FIXTURE_EVERYONE ? 6 : 0),
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
