/* What must hold at every step. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/receipt.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "note/checkpoint.h"
#include "note/note.h"
#include "sim/world.h"

void check_leader(struct world *world, uint64_t term, uint32_t id)
{
    ASSERT(term < TERMS_MAX);
    if (world->leader_of[term] == 0) world->leader_of[term] = id;
    if (world->leader_of[term] != id) {
        world_violation(world, CHECK_LEADERS, "nodes %u and %u both lead term %" PRIu64,
                        world->leader_of[term], id, term);
    }
}

void check_committed(struct world *world, uint32_t id, uint64_t index,
                     const struct tally_hash *hash)
{
    ASSERT(index < BLOCKS_MAX);
    if (!world->committed_known[index]) {
        world->committed_known[index] = true;
        world->committed[index] = *hash;
        world->totals->blocks++;
    } else if (!hash_equal(&world->committed[index], hash)) {
        world_violation(world, CHECK_COMMITTED, "node %u commits another block %" PRIu64, id,
                        index);
    }
}

/* One leader per term; what is committed never changes. */
void check_step(struct world *world, struct machine *machine)
{
    const struct raft *raft = node_raft(machine->node);
    const uint64_t term = raft_term(raft), commit = raft_commit(raft);
    const uint64_t last = raft_last_index(raft);
    uint64_t start;

    memcpy(&start, raft_entry(raft, last)->hash.bytes, sizeof start);
    world_note(world, term << 32 | (uint64_t)raft_role(raft));
    world_note(world, commit << 32 | last);
    world_note(world,
               __builtin_bswap64(start)); /* the same on every machine that we build for */
    if (raft_role(raft) == RAFT_LEADER) check_leader(world, term, machine->index + 1);
    for (uint64_t index = machine->commit_checked + 1; index <= commit; index++) {
        const struct raft_entry *entry = raft_entry(raft, index);

        if (entry == NULL) continue; /* older than the core remembers */
        check_committed(world, machine->index + 1, index, &entry->hash);
    }
    machine->commit_checked = commit;
}

/* All members have and sign one root per size. */
void check_root(struct world *world, uint64_t size, const struct tally_hash *root,
                bool published)
{
    for (size_t i = world->roots_count; i > 0; i--) { /* the newest are asked for most */
        struct root *known = &world->roots[i - 1];

        if (known->size != size) continue;
        if (!hash_equal(&known->root, root)) {
            world_violation(world, CHECK_ROOTS, "two roots for size %" PRIu64, size);
        }
        known->published = known->published || published;
        return;
    }
    ASSERT(world->roots_count < BLOCKS_MAX);
    world->roots[world->roots_count++] =
        (struct root){.size = size, .root = *root, .published = published};
}

void check_boundary(struct world *world, uint64_t block, uint64_t size,
                    const struct tally_hash *root)
{
    ASSERT(block < BLOCKS_MAX);
    if (world->boundary_size[block] == 0) world->boundary_size[block] = size;
    if (world->boundary_size[block] != size) {
        world_violation(world, CHECK_BOUNDARIES, "two sizes after block %" PRIu64, block);
    }
    check_root(world, size, root, false);
}

/* A member never signs a size below one that it signed. */
void check_signed(struct machine *machine, uint64_t size, const struct tally_hash *root)
{
    check_root(machine->world, size, root, false);
    if (size < machine->signed_checked) {
        world_violation(machine->world, CHECK_SIGNED_BELOW,
                        "node %u signs size %" PRIu64 " after %" PRIu64, machine->index + 1,
                        size, machine->signed_checked);
    }
    machine->signed_checked = size;
}

void check_published(struct world *world, struct bytes bytes)
{
    struct checkpoint checkpoint;
    struct note note;
    enum tally_err err = note_parse(bytes.data, bytes.size, &note, NULL);

    if (err == TALLY_OK) err = checkpoint_parse(note.text, &checkpoint, NULL);
    if (err != TALLY_OK) {
        world_violation(world, CHECK_ROOTS, "a checkpoint that nobody can read");
    }
    check_root(world, checkpoint.size, &checkpoint.root, true);
}

static struct tally_receipt *read_receipt(struct world *world, const struct buffer *receipt)
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
        world_violation(world, CHECK_RECEIPTS, "a receipt does not verify: %s: %s",
                        tally_err_text(err), diag.text);
    }
    return found;
}

void check_receipt(struct world *world, const struct buffer *receipt,
                   const struct tally_hash *event_hash)
{
    struct tally_receipt *found = read_receipt(world, receipt);
    struct tally_hash root;
    struct receipt *kept;

    if (memcmp(found->event_hash, event_hash->bytes, 32) != 0) {
        world_violation(world, CHECK_RECEIPTS, "a receipt is for another event");
    }
    memcpy(root.bytes, found->root, 32);
    check_root(world, found->size, &root, true);
    ASSERT(world->receipts_count < RECEIPTS_MAX);
    kept = &world->receipts[world->receipts_count++];
    kept->index = found->index;
    kept->size = found->size;
    tally_leaf_hash(found->record, found->record_size, &kept->leaf);
    tally_receipt_free(found);
    world->totals->receipts++;
}

/* A read sees everything that anyone was told before it was sent. */
void check_read(struct world *world, uint64_t floor, uint64_t size)
{
    if (size < floor) {
        world_violation(world, CHECK_READS,
                        "a read sees %" PRIu64 " records of %" PRIu64 " acknowledged", size,
                        floor);
    }
}
