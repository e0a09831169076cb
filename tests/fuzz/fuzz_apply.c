/* Any bytes, read as a program that builds events, batches and blocks, good and bad, on a
 * ledger that a policy governs from the beginning when the last byte is a P: two replicas that
 * restart and flush at different places agree in every result and in everything they store, and
 * every record can be rebuilt and is proven. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/record.h"
#include "ledger/ledger.h"
#include "merkle/merkle.h"
#include "policy/policy.h"
#include "support/ledger_run.h"
#include "support/policy_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 48, EVENTS_MAX = 6, BATCHES_MAX = 4, HASHES_MAX = 16, BLOCKS_MAX = 8 };

struct replica {
    struct store *store;
    struct ledger *ledger;
};

struct machine {
    struct bytes_reader input;
    struct fixture fixture; /* a copy of the static one, with an arena of its own */
    struct fixture_chain chain;
    struct replica a, b;
    struct bytes events[EVENTS_MAX], batches[BATCHES_MAX];
    uint32_t events_count, batches_count, blocks;
    struct tally_hash hashes[HASHES_MAX]; /* of events made so far, for references */
    uint32_t hashes_count;
    bool intact; /* no batch of this block was tampered with */
};

static struct fixture genesis;

/* Policies that follow each other in any order. */
#define ANYBODY                                                                                \
    "name: test\nroles: [admin, author]\nenvironments: [production]\nrules:\n"                 \
    "  - id: 1100\n    permit: anybody\n"
static const char *const policies_yaml[] = {
    ANYBODY,
    ANYBODY
    "  - id: 1200\n    require: author\n    events: [version.registered, role.granted]\n"
    "    clauses:\n      - actor_role: [author]\n"
    "      - approvals: {role: [author], count: 1, meaning: [author]}\n"
    "  - id: 1201\n    forbid: burning\n    events: [model.created]\n    clauses:\n"
    "      - open: {incident: minor}\n",
    ANYBODY "  - id: 1300\n    require: named\n    clauses:\n"
            "      - field: {name: name, one_of: [M, Org/Base]}\n"
            "  - id: 1301\n    require: low\n    tiers: [medium, high]\n    clauses:\n"
            "      - data_ok: needed\n      - not_state: [archived]\n",
};
enum { POLICIES = sizeof policies_yaml / sizeof policies_yaml[0] };
static struct bytes policies[POLICIES];
static struct tally_hash digests[POLICIES];

/* Any type but genesis, which no fixture makes twice. */
static enum event_type drawn_type(uint32_t number)
{
    size_t count;
    const struct event_type_info *types = event_types(&count);

    return types[1 + number % (count - 1)].type;
}

/* Mostly the relation that the type asks for. */
static enum event_rel drawn_rel(enum event_type type, uint32_t number)
{
    size_t count;
    const struct event_ref_rule *rules = event_ref_rules(type, &count);

    if (count > 0 && number % 4 != 0) return (enum event_rel)rules[number % count].rel;
    return (enum event_rel)(1 + number % 11);
}

static const char *const subjects[] = {
    NULL,
    "model/m",
    "model/n",
    "model/m/version/1",
    "model/m/version/2",
    "base/b",
    "principal/author",
    "principal/stranger",
    "model/m/run/r",
    "organisation/acme/site/oslo",
    "environment/production",
    "no subject",
};

static void must(enum tally_err err)
{
    ASSERT(err == TALLY_OK);
}

static uint32_t draw(struct machine *m, uint32_t below)
{
    return bytes_get_u8(&m->input) % below;
}

static void replica_open(struct machine *m, struct replica *replica)
{
    struct fixture_chain chain;
    struct ledger_block_result result;

    fixture_chain_begin(&genesis, &chain);
    must(store_mem_open(&replica->store));
    fixture_store_block(replica->store, &chain, genesis.genesis_block);
    must(ledger_open(replica->store, &replica->ledger, NULL));
    must(ledger_apply(replica->ledger, genesis.genesis_block, true, &result, NULL));
    m->chain = chain;
}

static void replica_restart(struct replica *replica)
{
    struct store_block *blocks = NULL;
    struct ledger_block_result result;
    size_t count = 0;

    ledger_close(replica->ledger);
    must(ledger_open(replica->store, &replica->ledger, NULL));
    if (ledger_applied(replica->ledger) == store_last(replica->store)) return;
    must(store_read(replica->store, ledger_applied(replica->ledger) + 1, BLOCKS_MAX + 1,
                    SIZE_MAX, &blocks, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        must(ledger_apply(replica->ledger, blocks[i].data, false, &result, NULL));
    }
    free(blocks);
}

/* ---- the machine's instructions ---- */

static void make_event(struct machine *m)
{
    const uint32_t flags = bytes_get_u8(&m->input);
    const uint32_t pick = bytes_get_u8(&m->input);
    const struct tally_hash *known =
        m->hashes_count > 0 ? &m->hashes[pick % m->hashes_count] : NULL;
    const enum event_type type = drawn_type(bytes_get_u8(&m->input));
    const struct event_ref ref = {drawn_rel(type, pick),
                                  known != NULL ? *known : fixture_hash(5)};
    const struct tally_hash root = fixture_hash(1 + pick % 2);
    struct tally_hash key_id, zeros = {{0}};
    struct fixture_spec spec = {
        .type = type,
        .who = (enum fixture_who)draw(m, FIXTURE_PEOPLE),
        .subject = subjects[draw(m, sizeof subjects / sizeof subjects[0])],
        .id = 1 + draw(m, 12),
        .manifest_root = &root,
        .expires_ms = flags & 64 ? FIXTURE_TIME_MS + 40 : 0,
        .padding = flags & 128 ? 5000 : 0,
    };
    struct bytes event;

    if (flags & 1) spec.id = 0;
    if (flags & 2) spec.expected_head = known;
    if (pick & 1) spec.run = "r";
    if (pick & 2) spec.to_size = pick;
    if (flags & 4) {
        spec.refs = &ref;
        spec.refs_count = 1;
    }
    if ((flags & 8) == 0 && spec.type == EVENT_VERSION_REGISTERED) spec.base = known;
    if (flags & 16) spec.on_behalf_of = fixture_actor(FIXTURE_NOBODY);
    if (flags & 32) spec.ledger_id = pick % 4 == 0 ? &zeros : NULL;
    if (type == EVENT_POLICY_PUBLISHED) {
        spec.subject = flags & 8 ? spec.subject : "policy/test";
        spec.policy = policies[pick % POLICIES];
        spec.version = 1 + pick / POLICIES % 4;
        spec.previous = spec.version == 1 ? NULL : &digests[pick / 16 % POLICIES];
        spec.delay_ms = flags & 64 ? pick : 0;
    }
    fixture_key_id(&m->fixture, (enum fixture_who)(pick % FIXTURE_PEOPLE), &key_id);
    if (spec.type == EVENT_KEY_REVOKED) spec.key_id = &key_id;
    spec.public_key =
        m->fixture.people[pick % 2 == 0 ? FIXTURE_STRANGER : FIXTURE_SECOND].public_key;
    event = fixture_event(&m->fixture, &spec);
    if (m->events_count < EVENTS_MAX) m->events[m->events_count++] = event;
    m->hashes[m->hashes_count < HASHES_MAX ? m->hashes_count++ : pick % HASHES_MAX] =
        fixture_event_hash(event);
}

/* The next bytes of the program itself, as they are. */
static struct bytes raw(struct machine *m)
{
    const size_t left = m->input.size - m->input.at;
    const size_t size = draw(m, 64);

    if (left == 0 || size > left - 1) return (struct bytes){0};
    return arena_copy(m->fixture.arena, bytes_of(bytes_get(&m->input, size), size));
}

static void sign_batch(struct machine *m)
{
    const enum fixture_who who = (enum fixture_who)draw(m, FIXTURE_PEOPLE);
    const uint32_t tamper = bytes_get_u8(&m->input);
    struct bytes batch;

    if (m->events_count == 0 || m->batches_count == BATCHES_MAX) return;
    batch = fixture_batch(&m->fixture, who, m->events, m->events_count);
    if (tamper >= 192) {
        const size_t at = (size_t)bytes_get_u16(&m->input) % batch.size;

        ((uint8_t *)batch.data)[at] ^= (uint8_t)(1u << (tamper % 8));
        m->intact = false;
    }
    m->batches[m->batches_count++] = batch;
    if ((tamper & 1) == 0) m->events_count = 0; /* else the same events may come once more */
}

static void compare(const struct ledger_block_result *a, const struct ledger_block_result *b)
{
    ASSERT(a->size == b->size && a->first_record == b->first_record);
    ASSERT(a->time_ms == b->time_ms && a->boundary == b->boundary);
    ASSERT(a->voids_count == b->voids_count && a->events_count == b->events_count);
    ASSERT(!a->boundary || hash_equal(&a->root, &b->root));
    for (uint32_t i = 0; i < a->events_count; i++) {
        const struct ledger_event_result *x = &a->events[i], *y = &b->events[i];

        ASSERT(hash_equal(&x->event_hash, &y->event_hash) && x->outcome == y->outcome);
        ASSERT(x->index == y->index && x->time_ms == y->time_ms && x->allowed == y->allowed);
        ASSERT(x->failed_rules_count == y->failed_rules_count);
        ASSERT(x->outcome != LEDGER_RECORDED || x->allowed == (x->failed_rules_count == 0));
    }
}

static void make_block(struct machine *m, bool body_is_raw)
{
    static const enum block_kind kinds[] = {BLOCK_EVENTS, BLOCK_TERM_START, BLOCK_TICK,
                                            BLOCK_CONFIG, BLOCK_GENESIS};
    const uint32_t flags = bytes_get_u8(&m->input);
    const uint64_t size = ledger_size(m->a.ledger);
    struct ledger_block_result a, b;
    struct bytes block;

    if (m->blocks == BLOCKS_MAX) return;
    m->blocks++;
    m->chain.time_ms += (flags >> 4) * 7;
    m->chain.time_ms -= flags & 8 ? 11 : 0;
    if (body_is_raw) {
        block =
            fixture_block(&m->fixture, &m->chain, kinds[flags % 5], (flags & 64) != 0, raw(m));
    } else {
        block = fixture_block_events(&m->fixture, &m->chain, (flags & 64) != 0, m->batches,
                                     m->batches_count);
    }
    fixture_store_block(m->a.store, &m->chain, block);
    fixture_store_block(m->b.store, &m->chain, block);
    must(ledger_apply(m->a.ledger, block, false, &a, NULL));
    must(ledger_apply(m->b.ledger, block, m->intact && !body_is_raw, &b, NULL));
    compare(&a, &b);
    ASSERT(a.size >= size && a.first_record == size);
    if (flags & 1) must(ledger_flush(m->a.ledger, NULL));
    if (flags & 2) must(ledger_flush(m->b.ledger, NULL));
    if (flags & 4) replica_restart(&m->a);
    m->batches_count = 0;
    m->intact = true;
}

/* The first policy, by both admins. */
static void govern(struct machine *m)
{
    static const enum fixture_who who[] = {FIXTURE_ADMIN, FIXTURE_EVERYONE};
    static const uint8_t meanings[] = {MEANING_AUTHOR, MEANING_APPROVE};
    struct event_signer signers[2];
    struct fixture_spec spec = {.type = EVENT_POLICY_PUBLISHED,
                                .who = FIXTURE_ADMIN,
                                .subject = "policy/test",
                                .policy = policies[0],
                                .version = 1,
                                .signers = signers,
                                .signers_count = 2};
    struct bytes event;

    for (uint32_t i = 0; i < 2; i++) {
        fixture_key_id(&m->fixture, who[i], &signers[i].key_id);
        signers[i].meaning = meanings[i];
    }
    event = fixture_event(&m->fixture, &spec);
    m->batches[m->batches_count++] = fixture_batch_of(&m->fixture, who, meanings, 2, &event, 1);
    make_block(m, false);
}

static void run(struct machine *m)
{
    if (m->input.size > 0 && m->input.data[m->input.size - 1] == 'P') govern(m);
    for (uint32_t i = 0; i < STEPS_MAX && m->input.at < m->input.size; i++) {
        switch (draw(m, 8)) {
        case 0:
        case 1:
        case 2:
            make_event(m);
            break;
        case 3:
            sign_batch(m);
            break;
        case 4:
            make_block(m, false);
            break;
        case 5:
            make_block(m, true);
            break;
        case 6: /* an event that is only bytes */
            if (m->events_count < EVENTS_MAX) m->events[m->events_count++] = raw(m);
            break;
        case 7: /* a batch that is only bytes */
            if (m->batches_count < BATCHES_MAX) m->batches[m->batches_count++] = raw(m);
            m->intact = false;
            break;
        }
    }
    sign_batch(m);
    make_block(m, false);
}

/* ---- what must hold in the end ---- */

static void check_records(struct machine *m)
{
    const uint64_t size = ledger_size(m->a.ledger);
    struct merkle_frontier tree = {0};
    struct tally_hash proof[LIMIT_PROOF_HASHES], root;
    struct ledger_leaf leaf;
    uint64_t time_ms = 0;
    uint32_t count;

    for (uint64_t i = 0; i < size; i++) {
        struct record record;

        must(ledger_read_leaf(m->a.store, i, m->fixture.arena, &leaf, NULL));
        must(record_decode(leaf.record, m->fixture.arena, &record, NULL));
        ASSERT(record.index == i && record.time_ms >= time_ms);
        time_ms = record.time_ms;
        merkle_append(&tree, &leaf.hash, NULL);
    }
    merkle_frontier_root(&tree, &root);
    must(ledger_read_inclusion(m->a.store, size - 1, size, proof, &count, NULL));
    must(tally_verify_inclusion(&leaf.hash, size - 1, size, proof, count, &root));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    struct machine m = {.input = bytes_reader(data, size), .intact = true};
    struct tally_hash a, b;

    if (arena == NULL) {
        struct ledger_run holder;

        fixture_open(&genesis, 1);
        holder.fixture = genesis;
        for (uint32_t i = 0; i < POLICIES; i++) {
            policies[i] = policy_run_compile(&holder, policies_yaml[i]);
            policy_digest(policies[i], &digests[i]);
        }
        must(arena_open(0, &arena));
    }
    arena_reset(arena, 0);
    m.fixture = genesis;
    m.fixture.arena = arena;
    replica_open(&m, &m.a);
    replica_open(&m, &m.b);
    run(&m);
    must(ledger_flush(m.a.ledger, NULL));
    must(ledger_flush(m.b.ledger, NULL));
    a = ledger_run_contents(m.a.store);
    b = ledger_run_contents(m.b.store);
    ASSERT(hash_equal(&a, &b));
    check_records(&m);
    ledger_close(m.a.ledger);
    ledger_close(m.b.ledger);
    store_close(m.a.store);
    store_close(m.b.store);
    return 0;
}
