/* Messages between machines: lost, doubled, late, held back, or long forgotten and there again.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "sim/world.h"

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

static void message_free(struct node_message *message)
{
    if (message != NULL) node_message_release(message);
    free(message);
}

static void arrive(struct world *world, uint32_t from, uint32_t to, uint64_t delay_ms,
                   const struct node_message *message)
{
    struct happening *arrival = world_add(world, HAPPEN_DELIVER, delay_ms);

    arrival->node = to - 1;
    arrival->from = from;
    arrival->message = message_copy(message);
}

/* Keep some messages, to bring them again much later. */
static void keep(struct world *world, uint32_t from, uint32_t to,
                 const struct node_message *message)
{
    const uint64_t place = world_draw(world, OLD_MAX);

    if (world->sent++ % 16 != 0) return;
    message_free(world->old[place].message);
    world->old[place].from = from;
    world->old[place].to = to;
    world->old[place].message = message_copy(message);
}

static void trace(const struct world *world, uint32_t from, uint32_t to,
                  const struct node_message *message, const char *how)
{
    const struct raft_message *raft = &message->raft;

    if (!world->options->trace) return;
    if (message->kind != NODE_MESSAGE_RAFT) {
        world_trace(world, "  %u -> %u kind %d%s", from, to, (int)message->kind, how);
        return;
    }
    world_trace(
        world, "  %u -> %u type %d term %llu last %llu prev %llu+%u commit %llu match %llu%s%s",
        from, to, (int)raft->type, (unsigned long long)raft->term,
        (unsigned long long)raft->last_index, (unsigned long long)raft->prev_index,
        raft->entries_count, (unsigned long long)raft->commit, (unsigned long long)raft->match,
        raft->granted ? " granted" : (raft->rejected ? " rejected" : ""), how);
}

void network_send(struct machine *machine, uint32_t to, const struct node_message *message)
{
    struct world *world = machine->world;
    const uint32_t from = machine->index + 1;
    const bool stormy = !world->calm;
    const uint64_t clogged_until_ms = world->clogged_until_ms[from - 1][to - 1];
    int copies = 1;

    keep(world, from, to, message);
    if (world->cut[from - 1][to - 1] ||
        (stormy && world_chance(world, world->weather.loss_percent))) {
        world->totals->faults[FAULT_LOST]++;
        trace(world, from, to, message, " lost");
        return;
    }
    trace(world, from, to, message, "");
    if (stormy && world_chance(world, world->weather.duplicate_percent)) {
        world->totals->faults[FAULT_DOUBLED]++;
        copies = 2;
    }
    while (copies-- > 0) {
        uint64_t delay_ms = 1 + (stormy ? world_draw(world, world->weather.delay_ms_max) : 0);

        if (clogged_until_ms > world->now_ms) delay_ms += clogged_until_ms - world->now_ms;
        if (delay_ms > ELECTION_MS) world->totals->faults[FAULT_LATE]++;
        arrive(world, from, to, delay_ms, message);
    }
}

void network_old_again(struct world *world)
{
    for (int i = 0; i < 8; i++) {
        const uint64_t place = world_draw(world, OLD_MAX);

        if (world->old[place].message == NULL) continue;
        world->totals->faults[FAULT_OLD_AGAIN]++;
        arrive(world, world->old[place].from, world->old[place].to, 1 + world_draw(world, 100),
               world->old[place].message);
    }
}

void network_deliver(struct machine *machine, struct happening *happening)
{
    struct node_event event = {.type = NODE_MESSAGE};

    if (machine->node == NULL || happening->message == NULL) return;
    if (machine_paused(machine)) {
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

void network_session(struct machine *machine, uint32_t from)
{
    struct node_event event = {.type = NODE_SESSION, .session_from = from};

    if (machine->node == NULL || machine_paused(machine)) return;
    machine_step(machine, &event);
}

void network_reset(struct world *world, uint32_t a, uint32_t b)
{
    struct happening *told;

    world_drop(world, a, b);
    told = world_add(world, HAPPEN_SESSION, 1 + world_draw(world, 50));
    told->node = a;
    told->from = b + 1;
    told = world_add(world, HAPPEN_SESSION, 1 + world_draw(world, 50));
    told->node = b;
    told->from = a + 1;
}

void network_close(struct world *world)
{
    for (size_t i = 0; i < OLD_MAX; i++) message_free(world->old[i].message);
}
