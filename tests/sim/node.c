/* A simulated machine. A job's effect on the disk happens when it is done; a crash before that
 * may find it done or not. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/world.h"

static struct ledger_identity identity_of(struct store *store, struct arena *arena)
{
    struct ledger_identity identity;
    const enum tally_err err = ledger_read_identity(store, arena, &identity, NULL);

    ASSERT(err == TALLY_OK);
    return identity;
}

static uint64_t wall_ms(const struct machine *machine)
{
    return FIXTURE_TIME_MS + 60000 + machine->world->now_ms + (uint64_t)machine->clock_skew_ms;
}

static void perform(struct machine *machine);

void machine_step(struct machine *machine, struct node_event *event)
{
    struct world *world = machine->world;

    event->now_ms = world->now_ms;
    event->wall_ms = wall_ms(machine);
    event->random = world_draw(world, UINT64_MAX);
    node_step(machine->node, event, &machine->actions);
    check_step(world, machine);
    perform(machine);
}

void machine_restart(struct machine *machine)
{
    struct world *world = machine->world;
    const struct node_setup setup = {
        .publish = &machine->publish,
        .election_ms = 150,
        .heartbeat_ms = 30,
        .future_ms = NODE_FUTURE_MS,
    };
    struct store_block *blocks = NULL;
    struct store_value checkpoint = {0};
    struct tally_diag diag = {{0}};
    struct node_start start;
    struct arena *arena = NULL;
    enum tally_err err;

    if (machine->node != NULL) return;
    err = ledger_open(machine->store, &machine->ledger, &diag);
    if (err == TALLY_OK) {
        err = arena_open(0, &arena);
        ASSERT(err == TALLY_OK);
        err = job_start(machine->store, machine->ledger, &machine->witness, arena, &start,
                        &blocks, &checkpoint, &diag);
    }
    if (err == TALLY_OK) {
        err = node_open(&setup, &start, world->now_ms, world_draw(world, UINT64_MAX),
                        &machine->node, &diag);
    }
    if (err != TALLY_OK)
        world_violation(world, "node %u does not start: %s", machine->index + 1, diag.text);
    arena_close(arena);
    free(blocks);
    store_value_free(&checkpoint);
    machine->commit_checked = 0;
    world_trace(world, "node %u up", machine->index + 1);
}

void machine_open(struct world *world, uint32_t index)
{
    struct machine *machine = &world->machines[index];
    struct ledger_identity identity;
    enum tally_err err;

    machine->world = world;
    machine->index = index;
    machine->clock_skew_ms = (int64_t)world_draw(world, 4000) - 2000;
    err = store_mem_open(&machine->store);
    ASSERT(err == TALLY_OK);
    err = ledger_create(machine->store, world->fixture.genesis_file, NULL);
    ASSERT(err == TALLY_OK);
    identity = identity_of(machine->store, world->fixture.arena);
    err = publish_config_load(&identity, &world->fixture.members[index], 0, &machine->publish,
                              NULL);
    ASSERT(err == TALLY_OK);
    machine_restart(machine);
    world_add(world, HAPPEN_TICK, 1 + world_draw(world, TICK_MS))->node = index;
}

static void stop(struct machine *machine)
{
    if (machine->node == NULL) return;
    node_actions_clear(&machine->actions);
    node_close(machine->node);
    ledger_close(machine->ledger);
    machine->node = NULL;
    machine->ledger = NULL;
    machine->epoch++;
    machine->writer_free_ms = machine->apply_free_ms = 0;
}

void machine_close(struct machine *machine)
{
    stop(machine);
    node_actions_free(&machine->actions);
    store_close(machine->store);
}

void machine_crash(struct machine *machine)
{
    struct world *world = machine->world;

    world_trace(world, "node %u crashes", machine->index + 1);
    world->totals->crashes++;
    stop(machine);
    store_mem_crash(machine->store,
                    (size_t)world_draw(world, store_mem_unsynced(machine->store) + 1));
    struct happening *restart = world_add(world, HAPPEN_RESTART, world_draw(world, 1500));

    restart->node = machine->index;
}

/* ---- the network ---- */

static struct node_message *message_copy(const struct node_message *from)
{
    struct node_message *copy = malloc(sizeof *copy);

    ASSERT(copy != NULL);
    *copy = *from;
    if (from->kind == NODE_MESSAGE_RAFT && from->raft.type == RAFT_APPEND) {
        for (uint32_t i = 0; i < RAFT_BATCH_MAX; i++) {
            if (copy->blocks[i] != NULL) buffer_hold(copy->blocks[i]);
        }
    }
    return copy;
}

static void send(struct machine *machine, uint32_t to, const struct node_message *message)
{
    struct world *world = machine->world;
    const bool stormy = !world->calm;
    int copies = 1;

    if (world->cut[machine->index][to - 1] ||
        (stormy && world_chance(world, world->weather.loss_percent))) {
        world->totals->lost++;
        return;
    }
    if (stormy && world_chance(world, world->weather.duplicate_percent)) {
        world->totals->duplicated++;
        copies = 2;
    }
    while (copies-- > 0) {
        struct happening *arrival =
            world_add(world, HAPPEN_DELIVER,
                      1 + (stormy ? world_draw(world, world->weather.delay_ms_max) : 0));

        arrival->node = to - 1;
        arrival->from = machine->index + 1;
        arrival->message = message_copy(message);
    }
}

void machine_deliver(struct machine *machine, struct happening *happening)
{
    struct node_event event = {.type = NODE_MESSAGE};

    if (machine->node == NULL) return;
    if (machine->paused_until_ms > machine->world->now_ms) {
        /* A stopped process: its sockets hold what comes. */
        struct happening *later = world_add(machine->world, HAPPEN_DELIVER,
                                            machine->paused_until_ms - machine->world->now_ms);

        later->node = happening->node;
        later->from = happening->from;
        later->message = happening->message;
        happening->message = NULL;
        return;
    }
    /* The transport names both ends; the rest is what was sent. */
    if (happening->message->kind == NODE_MESSAGE_RAFT) {
        happening->message->raft.from = happening->from;
        happening->message->raft.to = machine->index + 1;
    }
    event.message.from = happening->from;
    event.message.message = happening->message;
    machine_step(machine, &event);
}

void machine_tick(struct machine *machine)
{
    struct node_event event = {.type = NODE_TICK};
    struct world *world = machine->world;

    world_add(world, HAPPEN_TICK, TICK_MS)->node = machine->index;
    if (machine->node == NULL || machine->paused_until_ms > world->now_ms) return;
    machine_step(machine, &event);
}

/* ---- actions ---- */

static uint64_t disk_delay(struct world *world)
{
    return 1 + (world->calm ? 0 : world_draw(world, world->weather.disk_ms_max));
}

/* When a job of this kind is done: writes one after another, so are applies. */
static uint64_t job_delay(struct machine *machine, enum node_action_type type)
{
    struct world *world = machine->world;
    uint64_t *const queue =
        type == NODE_APPLY ? &machine->apply_free_ms : &machine->writer_free_ms;

    if (type != NODE_WRITE && type != NODE_SIGN && type != NODE_APPLY) {
        return world_draw(world, 5);
    }
    if (*queue < world->now_ms) *queue = world->now_ms;
    *queue += type == NODE_APPLY ? world_draw(world, 3) : disk_delay(world);
    return *queue - world->now_ms;
}

static void begin(struct machine *machine, struct node_action *action)
{
    struct world *world = machine->world;
    struct happening *job;

    switch (action->type) {
    case NODE_WRITE:
    case NODE_SIGN:
    case NODE_APPLY:
    case NODE_VERIFY:
    case NODE_READ:
        job = world_add(world, HAPPEN_JOB, job_delay(machine, action->type));
        job->node = machine->index;
        job->epoch = machine->epoch;
        job->action = *action;
        action->type = NODE_LOG; /* moved */
        return;
    case NODE_MEMBERS:
        return; /* every machine can reach every other one */
    case NODE_SEND:
        send(machine, action->send.to, action->send.message);
        return;
    case NODE_ANSWER_APPEND:
    case NODE_ANSWER_WAIT:
        machine_answer(machine, action);
        return;
    case NODE_PUBLISH: {
        const enum tally_err err =
            job_keep_checkpoint(machine->store, buffer_bytes(action->publish.checkpoint), NULL);

        ASSERT(err == TALLY_OK);
        world->totals->checkpoints++;
        return;
    }
    case NODE_LOG:
        if (action->log.name != NULL) {
            if (strcmp(action->log.name, "elected") == 0) world->totals->elections++;
            world_trace(world, "node %u %s %llu %llu", machine->index + 1, action->log.name,
                        (unsigned long long)action->log.a, (unsigned long long)action->log.b);
        }
        return;
    case NODE_HALT:
        world_violation(world, "node %u halts: %s", machine->index + 1, action->halt);
    }
}

/* Begin the actions of a step in order; a crash may fall before any of them, or after the last.
 */
static void perform(struct machine *machine)
{
    struct world *world = machine->world;
    struct node_actions actions = machine->actions;
    const bool crash = !world->calm && actions.count > 0 &&
                       world_draw(world, 1000) < world->weather.crash_permille &&
                       world_draw(world, 3) == 0;
    const size_t crash_at = crash ? (size_t)world_draw(world, actions.count + 1) : SIZE_MAX;

    machine->actions = (struct node_actions){0};
    for (size_t i = 0; i < actions.count && i != crash_at; i++)
        begin(machine, &actions.items[i]);
    node_actions_free(&actions);
    if (crash) machine_crash(machine);
}

/* ---- jobs that are done ---- */

static void do_write(struct machine *machine, const struct node_action *action)
{
    struct store_block *blocks = calloc(action->write.blocks_count + 1, sizeof *blocks);
    struct store_append append = {
        .hard_state = action->write.hard_state_set ? &action->write.hard_state : NULL,
        .truncate_from = action->write.truncate_from,
        .blocks = blocks,
        .blocks_count = action->write.blocks_count,
    };
    enum tally_err err;

    ASSERT(blocks != NULL);
    for (size_t i = 0; i < action->write.blocks_count; i++) {
        blocks[i] = (struct store_block){action->write.first + i,
                                         buffer_bytes(action->write.blocks[i])};
    }
    machine->witness.log = job_witness_before(&machine->witness.log, action);
    err = store_append(machine->store, &append, NULL);
    ASSERT(err == TALLY_OK);
    machine->witness.log = job_witness_after(&machine->witness.log, action);
    free(blocks);
}

static void do_sign(struct machine *machine, const struct node_action *action,
                    struct node_event *event)
{
    struct tally_diag diag = {{0}};

    if (witness_check(&machine->witness, action->sign.size, &action->sign.root, &diag) !=
        TALLY_OK) {
        world_violation(machine->world, "node %u: %s", machine->index + 1, diag.text);
    }
    machine->witness.signed_size = action->sign.size;
    machine->witness.signed_root = action->sign.root;
    check_root(machine->world, action->sign.size, &action->sign.root);
    publish_cosign(&machine->publish, action->sign.size, &action->sign.root,
                   action->sign.time_ms, &event->cosigned);
}

static void do_apply(struct machine *machine, const struct node_action *action)
{
    struct node_event event = {.type = NODE_APPLIED};
    struct job_applied applied;
    struct tally_diag diag = {{0}};

    if (job_apply(machine->store, machine->ledger, action->apply.from, action->apply.to,
                  action->apply.verified, &applied, &diag) != TALLY_OK) {
        world_violation(machine->world, "node %u: apply: %s", machine->index + 1, diag.text);
    }
    event.applied.results = applied.results;
    event.applied.count = applied.count;
    machine_step(machine, &event);
    job_applied_free(&applied);
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
        world_violation(machine->world, "node %u refuses an honest block: %s",
                        machine->index + 1, diag.text);
    }
    arena_close(arena);
    machine_step(machine, &event);
}

static void do_read(struct machine *machine, const struct node_action *action)
{
    struct node_event event = {.type = NODE_READ_DONE};
    struct node_message *message = NULL;
    struct tally_diag diag = {{0}};
    const enum tally_err err =
        job_read(machine->store, action, &message, &event.read_done.size, &diag);

    event.read_done.to = action->read.member;
    event.read_done.first = action->read.from;
    event.read_done.last = action->read.from - 1;
    if (err == TALLY_OK) {
        event.read_done.last += message->raft.entries_count;
        send(machine, action->read.member, message);
        node_message_release(message);
        free(message);
    } else if (err != TALLY_E_NOT_FOUND) {
        world_violation(machine->world, "node %u: read: %s", machine->index + 1, diag.text);
    }
    if (action->read.answer) machine_step(machine, &event);
}

void machine_job(struct machine *machine, struct happening *happening)
{
    struct node_event event = {.type = NODE_WRITTEN};
    struct world *world = machine->world;

    if (happening->epoch != machine->epoch) {
        /* The machine crashed meanwhile: a write was on its way to the disk, and may have got
         * there, if it is the first one after the crash and nothing newer is there. */
        if (happening->action.type == NODE_WRITE && machine->node == NULL &&
            happening->epoch + 1 == machine->epoch && world_chance(world, 50)) {
            do_write(machine, &happening->action);
            world->totals->torn_writes++;
        }
        return;
    }
    if (machine->paused_until_ms > world->now_ms) {
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
        machine_step(machine, &event);
        return;
    case NODE_SIGN:
        event.type = NODE_SIGNED;
        do_sign(machine, &happening->action, &event);
        machine_step(machine, &event);
        return;
    case NODE_APPLY:
        do_apply(machine, &happening->action);
        return;
    case NODE_VERIFY:
        do_verify(machine, &happening->action);
        return;
    case NODE_READ:
        do_read(machine, &happening->action);
        return;
    default:
        UNREACHABLE("no other action is a job");
    }
}
