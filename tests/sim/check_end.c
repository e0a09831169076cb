/* What must hold at the end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/record.h"
#include "sim/world.h"

enum { PROOFS_DRAWN = 3 }; /* per checkpoint and per receipt */

static struct machine *alive(struct world *world, uint64_t number)
{
    while (world->machines[number % world->nodes_count].node == NULL) number++;
    return &world->machines[number % world->nodes_count];
}

/* All machines up (but wiped ones), all of the same size, all of it published. */
bool check_converged(struct world *world)
{
    struct node_status first = {0}, other;

    for (uint32_t i = 0; i < world->nodes_count; i++) {
        const struct machine *machine = &world->machines[i];

        if (machine->wiped) continue;
        if (machine->node == NULL) return false;
        node_status(machine->node, world->now_ms, &other);
        if (other.published != other.size || other.last != other.commit) return false;
        if (other.lost > 0 || other.leader == RAFT_NOBODY) return false;
        if (first.size == 0) first = other;
        if (other.size != first.size || other.commit != first.commit) return false;
    }
    return true;
}

_Noreturn void check_no_agreement(const struct world *world)
{
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        const struct machine *machine = &world->machines[i];
        struct node_status status;

        if (machine->node == NULL) {
            fprintf(stderr, "node %u: down%s%s\n", i + 1, machine->wiped ? ", wiped" : "",
                    machine->broken ? ", broken" : "");
            continue;
        }
        node_status(machine->node, world->now_ms, &status);
        fprintf(stderr,
                "node %u: role %d term %" PRIu64 " leader %u last %" PRIu64 " commit %" PRIu64
                " applied %" PRIu64 " size %" PRIu64 " published %" PRIu64 " lost %" PRIu64
                "%s %s\n",
                i + 1, (int)status.role, status.term, status.leader, status.last, status.commit,
                status.applied, status.size, status.published, status.lost,
                status.asking ? " asking" : "", status.unfit == NULL ? "" : status.unfit);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        fprintf(stderr, "client %u: %s\n", i,
                world->clients[i].batch == NULL ? "done" : "waits");
    }
    world_violation(world, CHECK_PROGRESS, "no agreement a minute after the storm");
}

static void check_same_records(struct world *world, uint64_t size)
{
    struct tally_hash root, other;
    enum tally_err err = ledger_read_root(alive(world, 0)->store, size, &root, NULL);

    ASSERT(err == TALLY_OK);
    check_root(world, size, &root, false);
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        if (world->machines[i].node == NULL) continue;
        err = ledger_read_root(world->machines[i].store, size, &other, NULL);
        if (err != TALLY_OK || !hash_equal(&root, &other)) {
            world_violation(world, CHECK_BOUNDARIES, "node %u ends with another tree", i + 1);
        }
    }
    world->totals->records += size;
}

static enum tally_err read_record(struct store *store, uint64_t index, struct arena *arena,
                                  struct record *record)
{
    struct ledger_leaf leaf;
    enum tally_err err = ledger_read_leaf(store, index, arena, &leaf, NULL);

    return err == TALLY_OK ? record_decode(leaf.record, arena, record, NULL) : err;
}

/* Every acknowledged event is there, once, at its index. */
static void check_acknowledged(struct world *world, const struct acknowledged *one,
                               uint8_t *seen, uint64_t size)
{
    struct store *store = alive(world, one->index)->store;
    struct arena *arena = NULL;
    struct record record = {0};
    enum tally_err err = arena_open(0, &arena);

    ASSERT(err == TALLY_OK);
    err =
        one->index < size ? read_record(store, one->index, arena, &record) : TALLY_E_NOT_FOUND;
    if (err != TALLY_OK || record.kind != RECORD_EVENT ||
        !hash_equal(&record.event.event_hash, &one->event_hash)) {
        world_violation(world, CHECK_ACKNOWLEDGED, "acknowledged record %" PRIu64 " is lost",
                        one->index);
    }
    if (seen[one->index]++ > 0) {
        world_violation(world, CHECK_UNIQUE, "record %" PRIu64 " stands for two events",
                        one->index);
    }
    arena_close(arena);
}

static int by_size(const void *a, const void *b)
{
    const struct root *x = *(struct root *const *)a, *y = *(struct root *const *)b;

    return (x->size > y->size) - (x->size < y->size);
}

static int by_index(const void *a, const void *b)
{
    const struct acknowledged *x = *(struct acknowledged *const *)a,
                              *y = *(struct acknowledged *const *)b;

    return (x->index > y->index) - (x->index < y->index);
}

/* If A was acknowledged before B was sent, A has the smaller index: going up, nothing was
 * acknowledged before something earlier was sent. */
static void check_real_time(struct world *world)
{
    const struct acknowledged **all =
        calloc((size_t)CLIENTS * BATCHES_MAX * 8, sizeof(struct acknowledged *));
    uint64_t sent_ms = 0;
    size_t count = 0;

    ASSERT(all != NULL);
    for (uint32_t c = 0; c < CLIENTS; c++) {
        for (size_t i = 0; i < world->clients[c].acknowledged_count; i++) {
            all[count++] = &world->clients[c].acknowledged[i];
        }
    }
    qsort(all, count, sizeof all[0], by_index);
    for (size_t i = 0; i < count; i++) {
        if (all[i]->acknowledged_ms < sent_ms) {
            world_violation(world, CHECK_ORDER, "record %" PRIu64 " is out of order",
                            all[i]->index);
        }
        if (all[i]->sent_ms > sent_ms) sent_ms = all[i]->sent_ms;
    }
    free(all);
}

/* No event has two records. */
static void check_unique(struct world *world, uint64_t size)
{
    struct store *store = alive(world, world->seed)->store;

    for (uint64_t index = 0; index < size; index++) {
        struct arena *arena = NULL;
        struct record record = {0};
        uint64_t first = 0;
        enum tally_err err = arena_open(0, &arena);

        ASSERT(err == TALLY_OK);
        err = read_record(store, index, arena, &record);
        if (err != TALLY_OK) {
            world_violation(world, CHECK_ACKNOWLEDGED, "record %" PRIu64 " cannot be read",
                            index);
        }
        if (record.kind == RECORD_EVENT) {
            err = ledger_read_event_index(store, &record.event.event_hash, &first, NULL);
            if (err != TALLY_OK || first != index) {
                world_violation(world, CHECK_UNIQUE,
                                "records %" PRIu64 " and %" PRIu64 " are one event", first,
                                index);
            }
        }
        arena_close(arena);
    }
}

/* A proof leads from each published checkpoint to each later one. */
static void check_consistency(struct world *world, const struct root *old,
                              const struct root *new)
{
    struct store *store = alive(world, old->size + new->size)->store;
    struct tally_hash proof[LIMIT_PROOF_HASHES];
    uint32_t count = 0;
    enum tally_err err =
        ledger_read_consistency(store, old->size, new->size, proof, &count, NULL);

    if (err == TALLY_OK) {
        err = tally_verify_consistency(old->size, &old->root, new->size, &new->root, proof,
                                       count);
    }
    if (err != TALLY_OK) {
        world_violation(world, CHECK_CONSISTENCY,
                        "no proof leads from size %" PRIu64 " to %" PRIu64, old->size,
                        new->size);
    }
    world->totals->proofs++;
}

/* What a receipt shows is in every later checkpoint. */
static void check_kept(struct world *world, const struct receipt *receipt,
                       const struct root *later)
{
    struct tally_hash proof[LIMIT_PROOF_HASHES];
    uint32_t count = 0;
    enum tally_err err = ledger_read_inclusion(
        alive(world, receipt->index)->store, receipt->index, later->size, proof, &count, NULL);

    if (err == TALLY_OK) {
        err = tally_verify_inclusion(&receipt->leaf, receipt->index, later->size, proof, count,
                                     &later->root);
    }
    if (err != TALLY_OK) {
        world_violation(world, CHECK_RECEIPTS,
                        "the receipt of record %" PRIu64 " does not hold at size %" PRIu64,
                        receipt->index, later->size);
    }
    world->totals->proofs++;
}

/* Each published checkpoint, with the next one and some that are drawn. */
static void check_published_roots(struct world *world)
{
    const struct root **all = calloc(world->roots_count + 1, sizeof(struct root *));
    size_t count = 0;

    ASSERT(all != NULL);
    for (size_t i = 0; i < world->roots_count; i++) {
        if (world->roots[i].published) all[count++] = &world->roots[i];
    }
    qsort(all, count, sizeof all[0], by_size);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count) check_consistency(world, all[i], all[i + 1]);
        for (int k = 0; k < PROOFS_DRAWN; k++) {
            check_consistency(world, all[i], all[i + world_draw(world, count - i)]);
        }
    }
    for (size_t i = 0; i < world->receipts_count; i++) {
        const struct receipt *receipt = &world->receipts[i];

        for (int k = 0; k < PROOFS_DRAWN; k++) {
            const struct root *later = all[count - 1 - (k == 0 ? 0 : world_draw(world, count))];

            if (later->size >= receipt->size) check_kept(world, receipt, later);
        }
    }
    free(all);
}

void check_end(struct world *world)
{
    uint64_t size = 0;
    enum tally_err err = ledger_read_size(alive(world, 0)->store, &size, NULL);
    uint8_t *seen = calloc((size_t)size + 1, 1);

    ASSERT(err == TALLY_OK && seen != NULL);
    check_same_records(world, size);
    for (uint32_t c = 0; c < CLIENTS; c++) {
        const struct client *client = &world->clients[c];

        for (size_t i = 0; i < client->acknowledged_count; i++) {
            check_acknowledged(world, &client->acknowledged[i], seen, size);
        }
    }
    free(seen);
    check_real_time(world);
    check_unique(world, size);
    check_published_roots(world);
}
