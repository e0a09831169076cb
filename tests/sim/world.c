#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

_Noreturn void world_violation(const struct world *world, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "violation: seed %" PRIu64 " at %" PRIu64 " ms: ", world->seed,
            world->now_ms);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nreplay with: tests/sim/run --first-seed=%" PRIu64 " --seeds=1 --trace\n",
            world->seed);
    fflush(stdout);
    abort();
}

void world_trace(const struct world *world, const char *format, ...)
{
    va_list arguments;

    if (!world->trace) return;
    printf("%8" PRIu64 " ", world->now_ms);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

uint64_t world_draw(struct world *world, uint64_t below) /* splitmix64 */
{
    uint64_t z = (world->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return below == 0 ? 0 : z % below;
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

static void happening_free(struct happening *happening)
{
    if (happening->message != NULL) node_message_release(happening->message);
    free(happening->message);
    if (happening->kind == HAPPEN_JOB) node_action_release(&happening->action);
    buffer_release(happening->receipt);
    free(happening);
}

/* Some runs are calm and some are awful. */
static void draw_weather(struct world *world)
{
    static const uint32_t counts[] = {3, 3, 3, 4, 5, 5, 7};

    world->nodes_count = counts[world_draw(world, sizeof counts / sizeof counts[0])];
    world->weather.loss_percent = (uint32_t)world_draw(world, 30);
    world->weather.duplicate_percent = (uint32_t)world_draw(world, 20);
    world->weather.delay_ms_max = UINT32_C(1) << world_draw(world, 10); /* 1..512 */
    world->weather.crash_permille = (uint32_t)world_draw(world, 12);
    world->weather.disk_ms_max = UINT32_C(1) << world_draw(world, 8); /* 1..128 */
    world->weather.cut_percent = (uint32_t)world_draw(world, 40);
    world->weather.pause_percent = (uint32_t)world_draw(world, 10);
}

/* Every quarter of a second the wind turns. */
static void change_weather(struct world *world)
{
    for (uint32_t from = 0; from < world->nodes_count; from++) {
        for (uint32_t to = 0; to < world->nodes_count; to++) world->cut[from][to] = false;
    }
    if (world->calm) return;
    if (world_chance(world, world->weather.cut_percent)) {
        const uint32_t apart = (uint32_t)world_draw(world, world->nodes_count);
        const uint64_t way = world_draw(world, 3); /* to it, from it, both */

        world->totals->cuts++;
        for (uint32_t other = 0; other < world->nodes_count; other++) {
            if (other == apart) continue;
            if (way != 1) world->cut[other][apart] = true;
            if (way != 0) world->cut[apart][other] = true;
        }
    }
    if (world_chance(world, world->weather.pause_percent)) {
        struct machine *machine = &world->machines[world_draw(world, world->nodes_count)];

        machine->paused_until_ms = world->now_ms + 50 + world_draw(world, 600);
        world->totals->pauses++;
    }
    world_add(world, HAPPEN_WEATHER, 250);
}

static void happen(struct world *world, struct happening *happening)
{
    struct machine *machine = &world->machines[happening->node];

    switch (happening->kind) {
    case HAPPEN_TICK:
        machine_tick(machine);
        return;
    case HAPPEN_DELIVER:
        machine_deliver(machine, happening);
        return;
    case HAPPEN_JOB:
        machine_job(machine, happening);
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
        change_weather(world);
        return;
    }
}

static void run_until(struct world *world, uint64_t end_ms)
{
    while (world->heap[0]->at_ms <= end_ms) {
        struct happening *next = take_next(world);

        world->now_ms = next->at_ms;
        happen(world, next);
        happening_free(next);
    }
    world->now_ms = end_ms;
}

_Noreturn static void no_agreement(const struct world *world)
{
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct node_status status;

        node_status(world->machines[i].node, world->now_ms, &status);
        fprintf(stderr,
                "node %u: role %d term %" PRIu64 " leader %u last %" PRIu64 " commit %" PRIu64
                " applied %" PRIu64 " size %" PRIu64 " published %" PRIu64 "\n",
                i + 1, (int)status.role, status.term, status.leader, status.last, status.commit,
                status.applied, status.size, status.published);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        fprintf(stderr, "client %u: %s\n", i,
                world->clients[i].batch == NULL ? "done" : "waits");
    }
    world_violation(world, "no agreement a minute after the storm");
}

void sim_run(uint64_t seed, bool trace, struct sim_totals *totals)
{
    struct world *world = calloc(1, sizeof *world);
    uint64_t end_ms;

    ASSERT(world != NULL);
    world->seed = seed;
    world->random = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    world->trace = trace;
    world->totals = totals;
    world->now_ms = 1;
    draw_weather(world);
    fixture_open(&world->fixture, world->nodes_count);
    for (uint32_t i = 0; i < world->nodes_count; i++) machine_open(world, i);
    for (uint32_t i = 0; i < CLIENTS; i++) client_open(world, i);
    world_add(world, HAPPEN_WEATHER, 250);

    run_until(world, STORM_MS);
    world_trace(world, "--- calm ---");
    world->calm = true;
    change_weather(world);
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        world->machines[i].paused_until_ms = 0;
        machine_restart(&world->machines[i]);
    }
    end_ms = STORM_MS + CALM_MS;
    while (!(clients_done(world) && check_converged(world))) {
        if (world->now_ms >= end_ms) no_agreement(world);
        run_until(world, world->now_ms + 100);
    }
    check_end(world);

    totals->seeds++;
    totals->virtual_ms += world->now_ms;
    while (world->heap_count > 0) happening_free(take_next(world));
    free(world->heap);
    for (uint32_t i = 0; i < world->nodes_count; i++) machine_close(&world->machines[i]);
    for (uint32_t i = 0; i < CLIENTS; i++) client_close(&world->clients[i]);
    fixture_close(&world->fixture);
    free(world);
}
