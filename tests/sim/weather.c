/* What goes wrong, and when. Some runs are calm and some are awful. */
#include <stdlib.h>

#include "base/assert.h"
#include "sim/world.h"

/* Every second kind of fault does not happen in a run: kinds hide each other. */
static uint32_t some(struct world *world, uint32_t most)
{
    const uint32_t drawn = (uint32_t)world_draw(world, most + 1);

    return world_chance(world, 50) ? drawn : 0;
}

void weather_draw(struct world *world)
{
    static const uint32_t counts[] = {3, 3, 3, 4, 5, 5, 7};
    struct weather *weather = &world->weather;

    world->nodes_count = counts[world_draw(world, sizeof counts / sizeof counts[0])];
    weather->loss_percent = some(world, 30);
    weather->duplicate_percent = some(world, 20);
    weather->delay_ms_max = UINT32_C(1) << world_draw(world, 10); /* 1..512 */
    weather->disk_ms_max = UINT32_C(1) << world_draw(world, 8);   /* 1..128 */
    weather->cut_percent = some(world, 60);
    weather->clog_percent = some(world, 40);
    weather->pause_percent = some(world, 25);
    weather->reset_percent = some(world, 30);
    weather->old_percent = some(world, 60);
    weather->clock_percent = some(world, 50);
    weather->slow_percent = some(world, 20);
    weather->space_percent = some(world, 15);
    weather->transfer_percent = some(world, 20);
    weather->damage_percent = some(world, 50);
    weather->power_permille = some(world, 40);
    weather->error_per_10000 = some(world, 20);
    weather->crash_per_100000 = some(world, 120);
    weather->favourite = (uint32_t)world_draw(world, SIM_CRASH_POINTS);
    weather->favourite_per_100000 = some(world, 4000);
    weather->cache_size = world_chance(world, 50) ? NODE_CACHE_SIZE : 5000;
    for (uint32_t i = 0; i < (world->nodes_count - 1) / 2; i++) {
        const uint64_t at = world_draw(world, world->nodes_count);

        world->machines[at].bad_disk = true;
        world->machines[world_chance(world, 50) ? at : world_draw(world, world->nodes_count)]
            .bad_clock = true;
    }
}

static struct machine *any(struct world *world)
{
    return &world->machines[world_draw(world, world->nodes_count)];
}

static void turn_network(struct world *world)
{
    const uint32_t apart = (uint32_t)world_draw(world, world->nodes_count);
    const uint32_t from = (uint32_t)world_draw(world, world->nodes_count);
    const uint32_t to = (uint32_t)world_draw(world, world->nodes_count);

    for (uint32_t a = 0; a < world->nodes_count; a++) {
        for (uint32_t b = 0; b < world->nodes_count; b++) world->cut[a][b] = false;
    }
    if (world_chance(world, world->weather.cut_percent)) {
        const uint64_t way = world_draw(world, 4); /* to it, from it, both, one link */

        world->totals->faults[way == 2 ? FAULT_CUT : FAULT_ONE_WAY_CUT]++;
        world_trace(world, "node %u is cut off, way %d", apart + 1, (int)way);
        for (uint32_t other = 0; other < world->nodes_count; other++) {
            if (other == apart) continue;
            if (way == 0 || way == 2) world->cut[other][apart] = true;
            if (way == 1 || way == 2) world->cut[apart][other] = true;
        }
        if (way == 3) world->cut[from][to] = true;
    }
    if (world_chance(world, world->weather.clog_percent)) {
        world->totals->faults[FAULT_CLOG]++;
        world->clogged_until_ms[from][to] = world->now_ms + 50 + world_draw(world, 1500);
    }
    if (from != to && world_chance(world, world->weather.reset_percent)) {
        world->totals->faults[FAULT_SESSION_RESET]++;
        world_trace(world, "nodes %u and %u begin a new session", from + 1, to + 1);
        network_reset(world, from, to);
    }
    if (world_chance(world, world->weather.old_percent)) network_old_again(world);
}

/* Honest clocks differ by less than the bound on the future; those of a minority by more. */
static void turn_clock(struct world *world)
{
    struct machine *machine = any(world);

    if (!world_chance(world, world->weather.clock_percent)) return;
    world->totals->faults[FAULT_CLOCK_JUMP]++;
    machine->clock_off_ms = (int64_t)world_draw(world, 4000) - 2000;
    if (machine->bad_clock && world_chance(world, 50)) {
        /* An hour only where the disk is bad, too: so those that may need an hour stay a
         * minority. */
        const uint64_t most_ms = machine->bad_disk ? 3600000 : 15000;
        const int64_t far_ms = 6000 + (int64_t)world_draw(world, most_ms);

        world->totals->faults[FAULT_CLOCK_FAR]++;
        machine->clock_off_ms = world_chance(world, 50) ? far_ms : -far_ms;
    }
    world_trace(world, "node %u: clock jumps to %lld ms off", machine->index + 1,
                (long long)machine->clock_off_ms);
}

static void turn_disk(struct world *world)
{
    struct machine *machine = any(world);

    if (world_chance(world, world->weather.slow_percent)) {
        const bool hung = world_chance(world, 30);

        world->totals->faults[hung ? FAULT_HUNG_DISK : FAULT_SLOW_DISK]++;
        machine->disk_ms = hung ? 1000 + world_draw(world, 3000) : 50 + world_draw(world, 400);
        machine->disk_slow_until_ms = world->now_ms + 200 + world_draw(world, 2000);
        world_trace(world, "node %u: a write takes %llu ms", machine->index + 1,
                    (unsigned long long)machine->disk_ms);
    }
    machine = any(world);
    if (machine->bad_disk && world_chance(world, world->weather.damage_percent)) {
        disk_damage(machine);
    }
    machine = any(world);
    if (machine->node != NULL && !machine_paused(machine) && machine->bad_disk &&
        (machine->space != SPACE_GOOD || world_chance(world, world->weather.space_percent))) {
        struct node_event event = {.type = NODE_SPACE};

        if (machine->space != SPACE_GOOD) {
            event.space = SPACE_GOOD;
        } else {
            event.space = world_chance(world, 50) ? SPACE_FULL : SPACE_LOW;
            world->totals->faults[FAULT_FULL_DISK]++;
        }
        machine->space = event.space;
        machine_step(machine, &event);
    }
}

static void turn_nodes(struct world *world)
{
    struct machine *machine = any(world);

    if (world_chance(world, world->weather.pause_percent)) {
        world->totals->faults[FAULT_PAUSE]++;
        machine->paused_until_ms = world->now_ms + 50 + world_draw(world, 600);
        world_trace(world, "node %u stands still until %llu", machine->index + 1,
                    (unsigned long long)machine->paused_until_ms);
    }
    machine = any(world);
    if (machine->node != NULL && !machine_paused(machine) &&
        world_chance(world, world->weather.transfer_percent)) {
        struct node_event event = {.type = NODE_TRANSFER};

        world->totals->faults[FAULT_TRANSFER]++;
        event.transfer_to = (uint32_t)world_draw(world, world->nodes_count + 1);
        machine_step(machine, &event);
    }
    if (world_draw(world, 1000) < world->weather.power_permille) {
        world->totals->faults[FAULT_POWER_CUT]++;
        for (uint32_t i = 0; i < world->nodes_count; i++) {
            if (world->machines[i].node != NULL) machine_crash(&world->machines[i]);
        }
    }
}

/* Every quarter of a second the wind turns. */
void weather_turn(struct world *world)
{
    if (world->calm) return;
    world_add(world, HAPPEN_WEATHER, WEATHER_MS);
    turn_network(world);
    turn_clock(world);
    turn_disk(world);
    turn_nodes(world);
}

/* Nothing goes wrong any more, and damage that nobody met so far is found; a wiped node stays
 * away. */
void weather_heal(struct world *world)
{
    world->calm = true;
    for (uint32_t a = 0; a < world->nodes_count; a++) {
        struct machine *machine = &world->machines[a];

        for (uint32_t b = 0; b < world->nodes_count; b++) {
            world->cut[a][b] = false;
            world->clogged_until_ms[a][b] = 0;
        }
        machine->paused_until_ms = machine->disk_slow_until_ms = 0;
        machine->clock_off_ms = 0;
        if (machine->node != NULL && machine->space != SPACE_GOOD) {
            struct node_event event = {.type = NODE_SPACE, .space = SPACE_GOOD};

            machine_step(machine, &event);
        }
        machine->space = SPACE_GOOD;
        machine_restart(machine);
        disk_scrub(machine);
    }
}
