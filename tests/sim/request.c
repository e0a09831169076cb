/* Requests of clients at a simulated machine, and the answers on their way back. */
#include <string.h>

#include "base/assert.h"
#include "sim/world.h"

/* A handle names client and attempt; the answer finds its way by it. */
static uint64_t handle_of(uint32_t client, uint64_t attempt)
{
    return attempt * CLIENTS + client + 1;
}

static struct happening *answer_add(struct world *world, uint64_t handle, enum tally_err code)
{
    const bool stormy = !world->calm;
    struct happening *answer;

    if (stormy && world_chance(world, world->weather.loss_percent)) return NULL;
    answer = world_add(world, HAPPEN_ANSWER,
                       1 + (stormy ? world_draw(world, world->weather.delay_ms_max) : 0));
    answer->client = (uint32_t)((handle - 1) % CLIENTS);
    answer->attempt = (handle - 1) / CLIENTS;
    answer->code = code;
    return answer;
}

static void add_receipt(struct machine *machine, struct happening *answer,
                        const struct buffer *checkpoint)
{
    struct tally_diag diag = {{0}};
    struct arena *arena = NULL;
    struct bytes proof;
    enum tally_err err = arena_open(0, &arena);

    ASSERT(err == TALLY_OK);
    err = job_receipt(machine->store, answer->events[0].index, buffer_bytes(checkpoint), arena,
                      &proof, &diag);
    if (err != TALLY_OK) world_violation(machine->world, "no receipt: %s", diag.text);
    answer->receipt = buffer_copy(proof);
    answer->proof = true;
    arena_close(arena);
}

void machine_answer(struct machine *machine, const struct node_action *action)
{
    const bool append = action->type == NODE_ANSWER_APPEND;
    const uint64_t handle = append ? action->answer_append.handle : action->answer_wait.handle;
    struct happening *answer = answer_add(
        machine->world, handle, append ? action->answer_append.code : action->answer_wait.code);

    if (answer == NULL) return;
    if (!append) return; /* the simulator waits for nothing else */
    answer->leader = action->answer_append.leader;
    if (answer->code != TALLY_OK) return;
    answer->events_count = action->answer_append.events_count;
    memcpy(answer->events, action->answer_append.events,
           answer->events_count * sizeof answer->events[0]);
    if (action->answer_append.checkpoint != NULL) {
        add_receipt(machine, answer, action->answer_append.checkpoint);
    }
}

void machine_request(struct machine *machine, struct happening *happening)
{
    const struct client *client = &machine->world->clients[happening->client];
    struct node_event event = {.type = NODE_APPEND};
    const uint64_t handle = handle_of(happening->client, happening->attempt);
    struct job_ingress ingress;
    struct happening *answer;
    struct arena *arena = NULL;
    enum tally_err err;

    if (machine->node == NULL || machine->paused_until_ms > machine->world->now_ms) return;
    if (client->batch == NULL || client->attempt != happening->attempt)
        return; /* long answered */
    err = arena_open(0, &arena);
    ASSERT(err == TALLY_OK);
    err = job_ingress(machine->store, &machine->publish.ledger_id, buffer_bytes(client->batch),
                      arena, &ingress, NULL);
    if (err != TALLY_OK) world_violation(machine->world, "ingress: %s", tally_err_text(err));
    if (ingress.known) {
        answer = answer_add(machine->world, handle, TALLY_OK);
        if (answer != NULL) {
            answer->events_count = ingress.events_count;
            memcpy(answer->events, ingress.events,
                   ingress.events_count * sizeof answer->events[0]);
        }
        arena_close(arena);
        return;
    }
    arena_close(arena);
    event.append.handle = handle;
    event.append.batch = client->batch;
    event.append.events_count = client->events_count;
    event.append.proof = client->proof;
    event.append.refused = ingress.refused;
    event.append.deadline_ms = machine->world->now_ms + 2000;
    machine_step(machine, &event);
}
