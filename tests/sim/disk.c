/* Jobs that are done. A job's effect on the disk happens when it is done; a crash before that
 * finds the first write of the writer done, undone, or done in part. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/world.h"

/* When a job of this kind is done: writes come one after another, so do applies. */
uint64_t disk_delay(struct machine *machine, enum node_action_type type)
{
    struct world *world = machine->world;
    const bool applies = type == NODE_APPLY || type == NODE_PUBLISH;
    uint64_t *const queue = applies ? &machine->apply_free_ms : &machine->writer_free_ms;

    if (type != NODE_WRITE && type != NODE_SIGN && !applies) return world_draw(world, 5);
    if (*queue < world->now_ms) *queue = world->now_ms;
    if (applies) {
        *queue += world_draw(world, 3);
    } else {
        *queue += 1 + (world->calm ? 0 : world_draw(world, world->weather.disk_ms_max));
        if (machine->disk_slow_until_ms > world->now_ms) *queue += machine->disk_ms;
    }
    return *queue - world->now_ms;
}

/* ---- writes ---- */

static void append(struct machine *machine, const struct node_action *action)
{
    const enum tally_err err = job_write(machine->store, action, NULL);

    ASSERT(err == TALLY_OK);
}

static void sign_witness(struct machine *machine, const struct node_action *action)
{
    struct tally_diag diag = {{0}};

    if (witness_check(&machine->witness, action->sign.size, &action->sign.root, &diag) !=
        TALLY_OK) {
        world_violation(machine->world, CHECK_NODES, "node %u: %s", machine->index + 1,
                        diag.text);
    }
    machine->witness.signed_size = action->sign.size;
    machine->witness.signed_root = action->sign.root;
}

enum { WRITE_PARTS = 3, SIGN_PARTS = 1 };

/* The parts of a write in their order, as the writer thread does them. */
static void do_part(struct machine *machine, const struct node_action *action, uint32_t part)
{
    struct witness_log *log = &machine->witness.log;

    if (action->type == NODE_SIGN) {
        sign_witness(machine, action);
    } else if (part == 0) {
        *log = job_witness_before(log, action);
    } else if (part == 1) {
        append(machine, action);
    } else {
        *log = job_witness_after(log, action);
    }
}

void disk_lose_power(struct machine *machine)
{
    struct world *world = machine->world;
    const struct happening *writing = world_writing(world, machine);
    size_t unsynced;

    if (writing != NULL) {
        const bool write = writing->action.type == NODE_WRITE;
        const uint32_t parts =
            (uint32_t)world_draw(world, (write ? WRITE_PARTS : SIGN_PARTS) + 1);

        for (uint32_t part = 0; part < parts; part++) do_part(machine, &writing->action, part);
        if (parts > 0) world->totals->faults[FAULT_TORN_WRITE]++;
    }
    unsynced = store_mem_unsynced(machine->store);
    if (unsynced > 0 && world_chance(world, 70)) { /* else only the process ended */
        world->totals->faults[FAULT_LOST_PUTS]++;
        store_mem_crash(machine->store, (size_t)world_draw(world, unsynced));
    } else {
        store_mem_crash(machine->store, unsynced);
    }
}

static void do_write(struct machine *machine, const struct node_action *action)
{
    static const uint32_t points[] = {CRASH_WITNESS_LOWERED, CRASH_BLOCKS_WRITTEN,
                                      CRASH_WITNESS_WRITTEN};
    struct node_event event = {.type = NODE_WRITTEN};
    struct world *world = machine->world;
    const bool error = !world->calm && action->write.blocks_count > 0 &&
                       world_draw(world, 10000) < world->weather.error_per_10000;

    for (uint32_t part = 0; part < WRITE_PARTS; part++) {
        if (part == 1 && error) {
            /* EIO: nobody knows what is there. The process stops. */
            world->totals->faults[FAULT_DISK_ERROR]++;
            if (world_chance(world, 50)) do_part(machine, action, part);
            machine_crash(machine);
            return;
        }
        do_part(machine, action, part);
        if (machine_crashes(machine, points[part])) return;
    }
    machine_step(machine, &event);
}

static void do_sign(struct machine *machine, const struct node_action *action)
{
    struct node_event event = {.type = NODE_SIGNED};

    do_part(machine, action, 0);
    if (machine_crashes(machine, CRASH_ROOT_WITNESSED)) return;
    check_signed(machine, action->sign.size, &action->sign.root);
    publish_cosign(&machine->publish, action->sign.size, &action->sign.root,
                   action->sign.time_ms, &event.cosigned);
    machine_step(machine, &event);
}

/* ---- reads and apply ---- */

static void do_apply(struct machine *machine, const struct node_action *action)
{
    struct node_event event = {.type = NODE_APPLIED};
    struct job_applied applied;
    struct tally_diag diag = {{0}};

    if (job_apply(machine->store, machine->ledger, action->apply.from, action->apply.to,
                  action->apply.verified, &applied, &diag) != TALLY_OK) {
        machine_break(machine, diag.text);
        return;
    }
    for (size_t i = 0; i < applied.count; i++) {
        const struct ledger_block_result *result = &applied.results[i];

        if (result->voids_count > 0) {
            world_violation(machine->world, CHECK_NODES, "node %u: a block became void",
                            machine->index + 1);
        }
        if (result->boundary) {
            check_boundary(machine->world, result->block, result->size, &result->root);
        }
    }
    event.applied.results = applied.results;
    event.applied.count = applied.count;
    if (!machine_crashes(machine, CRASH_APPLIED)) machine_step(machine, &event);
    job_applied_free(&applied);
}

static void do_publish(struct machine *machine, const struct node_action *action)
{
    const struct bytes note = buffer_bytes(action->publish.checkpoint);
    const enum tally_err err = job_keep_checkpoint(machine->store, note, NULL);

    ASSERT(err == TALLY_OK);
    check_published(machine->world, note);
    machine->world->totals->checkpoints++;
    (void)machine_crashes(machine, CRASH_CHECKPOINT_KEPT);
}

static void do_verify(struct machine *machine, const struct node_action *action)
{
    struct node_event event = {.type = NODE_VERIFIED};
    struct tally_diag diag = {{0}};
    struct arena *arena = NULL;
    const enum tally_err err = arena_open(0, &arena);

    ASSERT(err == TALLY_OK);
    event.verified.index = action->verify.index;
    event.verified.term = action->verify.term;
    event.verified.ok = job_verify(&machine->publish.ledger_id, action, arena, &diag);
    if (!event.verified.ok) {
        world_violation(machine->world, CHECK_NODES, "node %u refuses an honest block: %s",
                        machine->index + 1, diag.text);
    }
    arena_close(arena);
    if (!machine_crashes(machine, CRASH_VERIFIED)) machine_step(machine, &event);
}

static void do_read(struct machine *machine, const struct node_action *action)
{
    struct node_event event = {.type = NODE_READ_DONE};
    struct node_message *message = NULL;
    struct tally_diag diag = {{0}};
    const enum tally_err err =
        job_read(machine->store, action, &message, &event.read_done.size, &diag);

    machine->world->totals->backfills++;
    event.read_done.to = action->read.member;
    event.read_done.first = action->read.from;
    event.read_done.last = action->read.from - 1;
    if (err == TALLY_OK) {
        event.read_done.last += message->raft.entries_count;
        network_send(machine, action->read.member, message);
        node_message_release(message);
        free(message);
    } else if (err != TALLY_E_NOT_FOUND) {
        machine_break(machine, diag.text);
        return;
    }
    if (machine_crashes(machine, CRASH_READ)) return;
    if (action->read.answer) machine_step(machine, &event);
}

void disk_job(struct machine *machine, struct happening *happening)
{
    struct world *world = machine->world;

    if (happening->epoch != machine->epoch) return;
    if (machine_paused(machine)) {
        struct happening *later =
            world_add(world, HAPPEN_JOB, machine->paused_until_ms - world->now_ms);

        later->node = happening->node;
        later->epoch = happening->epoch;
        later->action = happening->action;
        happening->action.type = NODE_LOG;
        return;
    }
    switch (happening->action.type) {
    case NODE_WRITE:
        do_write(machine, &happening->action);
        return;
    case NODE_SIGN:
        do_sign(machine, &happening->action);
        return;
    case NODE_APPLY:
        do_apply(machine, &happening->action);
        return;
    case NODE_PUBLISH:
        do_publish(machine, &happening->action);
        return;
    case NODE_VERIFY:
        do_verify(machine, &happening->action);
        return;
    case NODE_READ:
        do_read(machine, &happening->action);
        return;
    case NODE_ANSWER_APPEND:
    case NODE_ANSWER_WAIT:
        machine_answer(machine, &happening->action);
        return;
    default:
        UNREACHABLE("no other action is a job");
    }
}

/* ---- damage ---- */

static void damage_block(struct machine *machine)
{
    static const enum sim_fault faults[] = {FAULT_BIT_FLIP, FAULT_MISDIRECTED,
                                            FAULT_LOST_BLOCK};
    struct world *world = machine->world;
    const uint64_t last = store_last(machine->store);
    const uint64_t index = 2 + world_draw(world, last < 2 ? 1 : last - 1);
    const uint64_t how = world_draw(world, 3);
    bool done;

    if (how == 0) {
        done = store_mem_flip(machine->store, index, (size_t)world_draw(world, 1000000));
    } else if (how == 1) {
        done = store_mem_misdirect(machine->store, index - 1);
    } else {
        done = store_mem_lose(machine->store, index);
    }
    if (!done) return; /* there is none, or it was lost before */
    machine->damaged = true;
    world->totals->faults[faults[how]]++;
    world_trace(world, "node %u: block %llu is damaged, way %d", machine->index + 1,
                (unsigned long long)index, (int)how);
}

void disk_damage(struct machine *machine)
{
    struct world *world = machine->world;
    const uint64_t what = world_draw(world, 16);
    enum tally_err err;

    if (machine->wiped) return;
    if (what == 0 && machine->node != NULL) {
        world->totals->faults[FAULT_WIPED]++;
        world_trace(world, "node %u loses its data directory", machine->index + 1);
        machine->wiped = true;
        machine_crash(machine);
    } else if (what < 8) {
        store_close(machine->old_store);
        err = store_mem_copy(machine->store, &machine->old_store);
        ASSERT(err == TALLY_OK);
    } else {
        damage_block(machine);
    }
}

/* A damaged database is built anew from what can be read of it; the witness stays. */
void disk_rebuild(struct machine *machine)
{
    struct world *world = machine->world;
    const struct fixture *fixture = &world->fixture;
    struct store *damaged = machine->store;
    struct tally_diag diag = {{0}};
    enum tally_err err = store_mem_open(&machine->store);

    store_mem_crash(damaged, store_mem_unsynced(damaged)); /* it is opened again */
    if (err == TALLY_OK) {
        err = ledger_create_block(machine->store, &fixture->ledger_id, fixture->genesis_block,
                                  &diag);
    }
    if (err == TALLY_OK) err = job_salvage(damaged, machine->store, &diag);
    if (err != TALLY_OK) {
        world_violation(world, CHECK_NODES, "node %u cannot be rebuilt: %s", machine->index + 1,
                        diag.text);
    }
    world->totals->rebuilt++;
    world_trace(world, "node %u is rebuilt: log to %llu of %llu", machine->index + 1,
                (unsigned long long)store_last(machine->store),
                (unsigned long long)store_last(damaged));
    store_close(damaged);
}

/* Read every block, as a node does all the time, slowly. */
void disk_scrub(struct machine *machine)
{
    struct tally_diag diag = {{0}};
    enum tally_err err = TALLY_OK;

    if (machine->node == NULL) return;
    for (uint64_t index = 1; index <= store_last(machine->store) && err == TALLY_OK; index++) {
        struct store_block *blocks = NULL;
        size_t count;

        err = store_read(machine->store, index, 1, 1, &blocks, &count, &diag);
        free(blocks);
    }
    if (err != TALLY_OK) machine_break(machine, diag.text);
}
