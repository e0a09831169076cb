/* What must hold. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/receipt.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/record.h"
#include "sim/world.h"

/* One leader per term; what is committed never changes. */
void check_step(struct world *world, struct machine *machine)
{
    const struct raft *raft = node_raft(machine->node);
    const uint64_t term = raft_term(raft), commit = raft_commit(raft);

    if (raft_role(raft) == RAFT_LEADER && term < TERMS_MAX) {
        if (world->leader_of[term] == 0) world->leader_of[term] = machine->index + 1;
        if (world->leader_of[term] != machine->index + 1) {
            world_violation(world, "nodes %u and %u both lead term %" PRIu64,
                            world->leader_of[term], machine->index + 1, term);
        }
    }
    for (uint64_t index = machine->commit_checked + 1; index <= commit && index < BLOCKS_MAX;
         index++) {
        const struct raft_entry *entry = raft_entry(raft, index);

        if (entry == NULL) continue; /* older than the core remembers */
        if (!world->committed_known[index]) {
            world->committed_known[index] = true;
            world->committed[index] = entry->hash;
            world->totals->blocks++;
        } else if (!hash_equal(&world->committed[index], &entry->hash)) {
            world_violation(world, "node %u commits another block %" PRIu64, machine->index + 1,
                            index);
        }
    }
    machine->commit_checked = commit;
}

/* All members sign one root per size. */
void check_root(struct world *world, uint64_t size, const struct tally_hash *root)
{
    for (size_t i = 0; i < world->roots_count; i++) {
        if (world->roots[i].size != size) continue;
        if (!hash_equal(&world->roots[i].root, root)) {
            world_violation(world, "two roots for size %" PRIu64, size);
        }
        return;
    }
    ASSERT(world->roots_count < BLOCKS_MAX);
    world->roots[world->roots_count].size = size;
    world->roots[world->roots_count++].root = *root;
}

void check_receipt(struct world *world, const struct buffer *receipt,
                   const struct tally_hash *event_hash)
{
    struct tally_receipt *found = NULL;
    enum tally_verdict verdict = TALLY_VERDICT_NONE;
    struct tally_diag diag = {{0}};
    const char *policy = world->machines[0].publish.trust_text;
    char id[65], *trust;
    enum tally_err err;

    bytes_hex(world->fixture.ledger_id.bytes, 32, id);
    trust = malloc(strlen(policy) + 128);
    ASSERT(trust != NULL);
    sprintf(trust, "# tally ledger %s\n%s", id, policy);
    err = tally_receipt_verify(trust, strlen(trust), receipt->data, receipt->size, NULL,
                               &verdict, &found, &diag);
    free(trust);
    if (err != TALLY_OK || verdict == TALLY_VERDICT_NONE) {
        world_violation(world, "a receipt does not verify: %s: %s", tally_err_text(err),
                        diag.text);
    }
    if (memcmp(found->event_hash, event_hash->bytes, 32) != 0) {
        world_violation(world, "a receipt is for another event");
    }
    tally_receipt_free(found);
    world->totals->receipts++;
}

/* All machines up, all the same size, all of it published. */
bool check_converged(struct world *world)
{
    struct node_status first, other;

    for (uint32_t i = 0; i < world->nodes_count; i++) {
        if (world->machines[i].node == NULL) return false;
    }
    node_status(world->machines[0].node, world->now_ms, &first);
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        node_status(world->machines[i].node, world->now_ms, &other);
        if (other.size != first.size || other.published != other.size) return false;
        if (other.commit != first.commit || other.last != other.commit) return false;
    }
    return true;
}

static void check_same_records(struct world *world)
{
    struct tally_hash root, other;
    uint64_t size = 0;
    enum tally_err err = ledger_read_size(world->machines[0].store, &size, NULL);

    if (err == TALLY_OK) err = ledger_read_root(world->machines[0].store, size, &root, NULL);
    ASSERT(err == TALLY_OK);
    for (uint32_t i = 1; i < world->nodes_count; i++) {
        err = ledger_read_root(world->machines[i].store, size, &other, NULL);
        if (err != TALLY_OK || !hash_equal(&root, &other)) {
            world_violation(world, "node %u ends with another tree", i + 1);
        }
    }
    world->totals->records += size;
}

/* Every acknowledged event is there, once, at its index. */
static void check_acknowledged(struct world *world, const struct acknowledged *one,
                               uint8_t *seen, uint64_t size)
{
    struct store *store = world->machines[one->index % world->nodes_count].store;
    struct arena *arena = NULL;
    struct ledger_leaf leaf;
    struct record record;
    enum tally_err err = arena_open(0, &arena);

    ASSERT(err == TALLY_OK);
    err = one->index < size ? ledger_read_leaf(store, one->index, arena, &leaf, NULL)
                            : TALLY_E_NOT_FOUND;
    if (err == TALLY_OK) err = record_decode(leaf.record, arena, &record, NULL);
    if (err != TALLY_OK || record.kind != RECORD_EVENT ||
        !hash_equal(&record.event.event_hash, &one->event_hash)) {
        world_violation(world, "acknowledged record %" PRIu64 " is lost", one->index);
    }
    if (seen[one->index]++ > 0)
        world_violation(world, "record %" PRIu64 " stands for two events", one->index);
    arena_close(arena);
}

/* If A was acknowledged before B was sent, A has the smaller index. */
static void check_real_time(struct world *world)
{
    for (uint32_t a = 0; a < CLIENTS; a++) {
        for (uint32_t b = 0; b < CLIENTS; b++) {
            for (size_t i = 0; i < world->clients[a].acknowledged_count; i++) {
                for (size_t k = 0; k < world->clients[b].acknowledged_count; k++) {
                    const struct acknowledged *x = &world->clients[a].acknowledged[i];
                    const struct acknowledged *y = &world->clients[b].acknowledged[k];

                    if (x->acknowledged_ms < y->sent_ms && x->index >= y->index) {
                        world_violation(world,
                                        "records %" PRIu64 " and %" PRIu64 " are out of order",
                                        x->index, y->index);
                    }
                }
            }
        }
    }
}

/* No event has two records. */
static void check_unique(struct world *world, uint64_t size)
{
    struct store *store = world->machines[0].store;

    for (uint64_t index = 0; index < size; index++) {
        struct arena *arena = NULL;
        struct ledger_leaf leaf;
        struct record record;
        uint64_t first = 0;
        enum tally_err err = arena_open(0, &arena);

        ASSERT(err == TALLY_OK);
        err = ledger_read_leaf(store, index, arena, &leaf, NULL);
        if (err == TALLY_OK) err = record_decode(leaf.record, arena, &record, NULL);
        if (err != TALLY_OK) world_violation(world, "record %" PRIu64 " cannot be read", index);
        if (record.kind == RECORD_EVENT) {
            err = ledger_read_event_index(store, &record.event.event_hash, &first, NULL);
            if (err != TALLY_OK || first != index) {
                world_violation(world, "records %" PRIu64 " and %" PRIu64 " are one event",
                                first, index);
            }
        }
        arena_close(arena);
    }
}

void check_end(struct world *world)
{
    uint64_t size = 0;
    enum tally_err err = ledger_read_size(world->machines[0].store, &size, NULL);
    uint8_t *seen = calloc((size_t)size + 1, 1);

    ASSERT(err == TALLY_OK && seen != NULL);
    check_same_records(world);
    for (uint32_t c = 0; c < CLIENTS; c++) {
        for (size_t i = 0; i < world->clients[c].acknowledged_count; i++) {
            check_acknowledged(world, &world->clients[c].acknowledged[i], seen, size);
        }
    }
    check_real_time(world);
    check_unique(world, size);
    free(seen);
}
