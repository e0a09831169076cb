#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

_Noreturn void world_violation(const struct world *world, enum sim_check check,
                               const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr,
            "violation of %s: seed %" PRIu64 " at %" PRIu64 " ms: ", sim_check_name(check),
            world->seed, world->now_ms);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nits trace: tests/sim/run --first-seed=%" PRIu64 " --seeds=1 --trace\n",
            world->seed);
    _exit(10 + (int)check); /* what the world holds is not given back */
}

void world_trace(const struct world *world, const char *format, ...)
{
    va_list arguments;

    if (!world->options->trace) return;
    printf("%8" PRIu64 " ", world->now_ms);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static uint64_t mixed(uint64_t z) /* splitmix64's finish */
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void world_note(struct world *world, uint64_t value)
{
    world->digest = mixed(world->digest + UINT64_C(0x9e3779b97f4a7c15)) ^ mixed(value);
}

uint64_t world_draw(struct world *world, uint64_t below)
{
    const uint64_t drawn = mixed(world->random += UINT64_C(0x9e3779b97f4a7c15));

    return below == 0 ? 0 : drawn % below;
}

bool world_chance(struct world *world, uint32_t percent)
{
    return world_draw(world, 100) < percent;
}

static bool before(const struct happening *a, const struct happening *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

struct happening *world_add(struct world *world, enum happening_kind kind, uint64_t delay_ms)
{
    struct happening *added = calloc(1, sizeof *added);
    size_t at = world->heap_count;

    ASSERT(added != NULL);
    added->at_ms = world->now_ms + delay_ms;
    added->order = world->order++;
    added->kind = kind;
    if (world->heap_count == world->heap_capacity) {
        world->heap_capacity = world->heap_capacity == 0 ? 256 : 2 * world->heap_capacity;
        world->heap = realloc(world->heap, world->heap_capacity * sizeof(void *));
        ASSERT(world->heap != NULL);
    }
    world->heap_count++;
    for (; at > 0 && before(added, world->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        world->heap[at] = world->heap[(at - 1) / 2];
    }
    world->heap[at] = added;
    return added;
}

static struct happening *take_next(struct world *world)
{
    struct happening *next, *last;
    size_t at = 0;

    ASSERT(world->heap_count > 0); /* ticks go on for ever */
    next = world->heap[0];
    last = world->heap[--world->heap_count];
    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= world->heap_count) break;
        if (child + 1 < world->heap_count && before(world->heap[child + 1], world->heap[child]))
            child++;
        if (!before(world->heap[child], last)) break;
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return next;
}

struct happening *world_writing(struct world *world, const struct machine *machine)
{
    struct happening *first = NULL;

    for (size_t i = 0; i < world->heap_count; i++) {
        struct happening *other = world->heap[i];

        if (other->kind != HAPPEN_JOB || other->node != machine->index) continue;
        if (other->epoch != machine->epoch) continue;
        if (other->action.type != NODE_WRITE && other->action.type != NODE_SIGN) continue;
        if (first == NULL || before(other, first)) first = other;
    }
    return first;
}

static void message_free(struct happening *happening)
{
    if (happening->message != NULL) node_message_release(happening->message);
    free(happening->message);
    happening->message = NULL;
}

void world_drop(struct world *world, uint32_t a, uint32_t b)
{
    for (size_t i = 0; i < world->heap_count; i++) {
        struct happening *other = world->heap[i];

        if (other->kind != HAPPEN_DELIVER) continue;
        if ((other->node == a && other->from == b + 1) ||
            (other->node == b && other->from == a + 1)) {
            message_free(other);
        }
    }
}

static void happening_free(struct happening *happening)
{
    message_free(happening);
    if (happening->kind == HAPPEN_JOB) node_action_release(&happening->action);
    buffer_release(happening->receipt);
    free(happening);
}

static void happen(struct world *world, struct happening *happening)
{
    struct machine *machine = &world->machines[happening->node];

    switch (happening->kind) {
    case HAPPEN_TICK:
        machine_tick(machine);
        return;
    case HAPPEN_DELIVER:
        network_deliver(machine, happening);
        return;
    case HAPPEN_SESSION:
        network_session(machine, happening->from);
        return;
    case HAPPEN_JOB:
        disk_job(machine, happening);
        return;
    case HAPPEN_REQUEST:
        machine_request(machine, happening);
        return;
    case HAPPEN_ANSWER:
        client_answer(world, &world->clients[happening->client], happening);
        return;
    case HAPPEN_CLIENT:
        client_look(world, &world->clients[happening->client]);
        return;
    case HAPPEN_RESTART:
        machine_restart(machine);
        return;
    case HAPPEN_WEATHER:
        weather_turn(world);
        return;
    }
}

static void run_until(struct world *world, uint64_t end_ms)
{
    while (world->heap[0]->at_ms <= end_ms) {
        struct happening *next = take_next(world);

        world->now_ms = next->at_ms;
        world_note(world, next->at_ms);
        world_note(world, (uint64_t)next->kind << 32 | next->node);
        happen(world, next);
        happening_free(next);
    }
    world->now_ms = end_ms;
}

static void world_close(struct world *world)
{
    while (world->heap_count > 0) happening_free(take_next(world));
    free(world->heap);
    network_close(world);
    for (uint32_t i = 0; i < world->nodes_count; i++) machine_close(&world->machines[i]);
    for (uint32_t i = 0; i < CLIENTS; i++) client_close(&world->clients[i]);
    fixture_close(&world->fixture);
    free(world);
}

uint64_t sim_run(uint64_t seed, const struct sim_options *options, struct sim_totals *totals)
{
    struct world *world = calloc(1, sizeof *world);
    uint64_t end_ms, digest;

    ASSERT(world != NULL);
    world->seed = seed;
    world->random = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    world->options = options;
    world->totals = totals;
    world->now_ms = 1;
    weather_draw(world);
    fixture_open(&world->fixture, world->nodes_count);
    for (uint32_t i = 0; i < world->nodes_count; i++) machine_open(world, i);
    for (uint32_t i = 0; i < CLIENTS; i++) client_open(world, i);
    world_add(world, HAPPEN_WEATHER, WEATHER_MS);

    run_until(world, STORM_MS + world_draw(world, STORM_MS));
    world_trace(world, "--- calm ---");
    weather_heal(world);
    end_ms = world->now_ms + CALM_MS;
    while (!(clients_done(world) && check_converged(world))) {
        if (world->now_ms >= end_ms) check_no_agreement(world);
        run_until(world, world->now_ms + 100);
    }
    if (options->broken != SIM_CHECKS) break_check(world, options->broken);
    check_end(world);

    totals->seeds++;
    totals->virtual_ms += world->now_ms;
    digest = world->digest;
    world_close(world);
    return digest;
}
