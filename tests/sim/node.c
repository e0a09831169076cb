/* A simulated machine: steps, the actions of a step, crash and restart. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/world.h"

static uint64_t wall_ms(const struct machine *machine)
{
    return FIXTURE_TIME_MS + 60000 + machine->world->now_ms + (uint64_t)machine->clock_off_ms;
}

bool machine_paused(const struct machine *machine)
{
    return machine->paused_until_ms > machine->world->now_ms;
}

/* ---- crash and restart ---- */

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
    machine->space = SPACE_GOOD; /* said again after the start, if it is so */
}

void machine_crash(struct machine *machine)
{
    struct world *world = machine->world;

    world_trace(world, "node %u crashes", machine->index + 1);
    disk_lose_power(machine);
    stop(machine);
    if (machine->old_store != NULL && world_chance(world, 70)) {
        /* The database comes back as it once was; the witness file does not. */
        world->totals->faults[FAULT_CUT_LOG]++;
        world_trace(world, "node %u: its log is cut short: %llu to %llu", machine->index + 1,
                    (unsigned long long)store_last(machine->store),
                    (unsigned long long)store_last(machine->old_store));
        store_close(machine->store);
        machine->store = machine->old_store;
        machine->old_store = NULL;
    }
    /* Some stay away so long that the others' logs go far ahead. */
    world_add(world, HAPPEN_RESTART, world_draw(world, world_chance(world, 20) ? 6000 : 800))
        ->node = machine->index;
}

bool machine_crashes(struct machine *machine, uint32_t point)
{
    struct world *world = machine->world;
    uint32_t per_100000 = world->weather.crash_per_100000;

    if (world->calm) return false;
    if (point == world->weather.favourite) per_100000 += world->weather.favourite_per_100000;
    if (world_draw(world, 100000) >= per_100000) return false;
    world->totals->crashes[point]++;
    world_trace(world, "node %u: crash point %s", machine->index + 1, sim_crash_name(point));
    machine_crash(machine);
    return true;
}

void machine_break(struct machine *machine, const char *why)
{
    struct world *world = machine->world;

    if (!machine->damaged) {
        world_violation(world, CHECK_NODES, "node %u fails on a good disk: %s",
                        machine->index + 1, why);
    }
    world_trace(world, "node %u stops: %s", machine->index + 1, why);
    stop(machine);
    machine->broken = true;
    world_add(world, HAPPEN_RESTART, world_draw(world, 500))->node = machine->index;
}

static enum tally_err start_node(struct machine *machine, struct tally_diag *diag)
{
    struct world *world = machine->world;
    const struct node_setup setup = {
        .publish = &machine->publish,
        .election_ms = ELECTION_MS,
        .heartbeat_ms = ELECTION_MS / 5,
        .future_ms = NODE_FUTURE_MS,
        .cache_size = world->weather.cache_size,
    };
    struct store_block *blocks = NULL;
    struct store_value checkpoint = {0};
    struct ledger_identity identity;
    struct node_start start;
    struct arena *arena = NULL;
    enum tally_err err = arena_open(0, &arena);

    ASSERT(err == TALLY_OK);
    err = ledger_open(machine->store, &machine->ledger, diag);
    if (err == TALLY_OK) err = ledger_read_identity(machine->store, arena, &identity, diag);
    if (err == TALLY_OK) {
        err = publish_config_load(&identity, &world->fixture.members[machine->index],
                                  machine->index + 1, &machine->publish, diag);
    }
    if (err == TALLY_OK) {
        err = job_start(machine->store, machine->ledger, &machine->witness, arena, &start,
                        &blocks, &checkpoint, diag);
    }
    if (err == TALLY_OK) {
        err = node_open(&setup, &start, world->now_ms, world_draw(world, UINT64_MAX),
                        &machine->node, diag);
    }
    arena_close(arena);
    free(blocks);
    store_value_free(&checkpoint);
    if (err != TALLY_OK) {
        ledger_close(machine->ledger);
        machine->ledger = NULL;
    }
    return err;
}

void machine_restart(struct machine *machine)
{
    struct world *world = machine->world;
    struct tally_diag diag = {{0}};
    enum tally_err err;

    if (machine->node != NULL || machine->wiped) return;
    if (machine->broken) disk_rebuild(machine);
    machine->broken = false;
    err = start_node(machine, &diag);
    if (err == TALLY_E_CORRUPT) {
        machine_break(machine, diag.text);
        return;
    }
    if (err != TALLY_OK) {
        world_violation(world, CHECK_NODES, "node %u does not start: %s", machine->index + 1,
                        diag.text);
    }
    machine->commit_checked = 0;
    world_trace(world, "node %u up, log to %llu", machine->index + 1,
                (unsigned long long)store_last(machine->store));
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        if (i != machine->index) network_reset(world, i, machine->index);
    }
}

void machine_open(struct world *world, uint32_t index)
{
    struct machine *machine = &world->machines[index];
    enum tally_err err;

    machine->world = world;
    machine->index = index;
    machine->clock_off_ms = (int64_t)world_draw(world, 4000) - 2000;
    err = store_mem_open(&machine->store);
    ASSERT(err == TALLY_OK);
    err = ledger_create(machine->store, world->fixture.genesis_file, NULL);
    ASSERT(err == TALLY_OK);
    machine_restart(machine);
    world_add(world, HAPPEN_TICK, 1 + world_draw(world, TICK_MS))->node = index;
}

void machine_close(struct machine *machine)
{
    stop(machine);
    node_actions_free(&machine->actions);
    store_close(machine->old_store);
    store_close(machine->store);
}

/* ---- a step, and its actions ---- */

static void begin_job(struct machine *machine, struct node_action *action)
{
    struct happening *job =
        world_add(machine->world, HAPPEN_JOB, disk_delay(machine, action->type));

    job->node = machine->index;
    job->epoch = machine->epoch;
    job->action = *action;
    action->type = NODE_LOG; /* moved */
}

static void begin(struct machine *machine, struct node_action *action)
{
    struct world *world = machine->world;

    switch (action->type) {
    case NODE_WRITE:
    case NODE_SIGN:
    case NODE_APPLY:
    case NODE_PUBLISH:
    case NODE_VERIFY:
    case NODE_READ:
    case NODE_ANSWER_APPEND:
    case NODE_ANSWER_WAIT:
        begin_job(machine, action);
        return;
    case NODE_SEND:
        network_send(machine, action->send.to, action->send.message);
        return;
    case NODE_MEMBERS:
        return; /* every machine can reach every other one */
    case NODE_LOG:
        if (action->log.name == NULL) return;
        if (strcmp(action->log.name, "elected") == 0) world->totals->elections++;
        world_trace(world, "node %u %s %llu %llu", machine->index + 1, action->log.name,
                    (unsigned long long)action->log.a, (unsigned long long)action->log.b);
        return;
    case NODE_HALT:
        world_violation(world, CHECK_NODES, "node %u halts: %s", machine->index + 1,
                        action->halt.why);
    }
}

/* Begin the actions of a step in order; a crash may fall before any of them, or after the last.
 */
static void perform(struct machine *machine)
{
    struct node_actions actions = machine->actions;
    bool crashed = false;

    machine->actions = (struct node_actions){0};
    for (size_t i = 0; i < actions.count && !crashed; i++) {
        world_note(machine->world, (uint64_t)actions.items[i].type);
        crashed = machine_crashes(machine, actions.items[i].type);
        if (!crashed) begin(machine, &actions.items[i]);
    }
    if (!crashed && actions.count > 0) (void)machine_crashes(machine, CRASH_STEP_DONE);
    node_actions_free(&actions);
}

void machine_step(struct machine *machine, struct node_event *event)
{
    struct world *world = machine->world;

    event->now_ms = world->now_ms;
    event->wall_ms = wall_ms(machine);
    event->random = world_draw(world, UINT64_MAX);
    world_note(world, (uint64_t)event->type);
    node_step(machine->node, event, &machine->actions);
    check_step(world, machine);
    perform(machine);
}

void machine_tick(struct machine *machine)
{
    struct node_event event = {.type = NODE_TICK};
    struct world *world = machine->world;

    world_add(world, HAPPEN_TICK, TICK_MS)->node = machine->index;
    if (machine->node == NULL || machine_paused(machine)) return;
    machine_step(machine, &event);
}
