/* Requests of clients at a simulated machine, and the answers on their way back. */
#include <string.h>

#include "base/assert.h"
#include "sim/world.h"

enum { READ_BIT = 62 }; /* a handle names client and attempt, or, with this bit, a read */

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

/* False: the disk is damaged. */
static bool add_receipt(struct machine *machine, struct happening *answer,
                        const struct buffer *checkpoint)
{
    struct tally_diag diag = {{0}};
    struct arena *arena = NULL;
    struct bytes proof;
    enum tally_err err = arena_open(0, &arena);

    ASSERT(err == TALLY_OK);
    err = job_receipt(machine->store, answer->events[0].index, buffer_bytes(checkpoint), arena,
                      &proof, &diag);
    if (err == TALLY_OK) {
        answer->receipt = buffer_copy(proof);
    } else {
        machine_break(machine, diag.text);
        answer->code = TALLY_E_TIMEOUT; /* it never came */
    }
    arena_close(arena);
    return err == TALLY_OK;
}

/* What a client reads after its wait must hold everything acknowledged before it asked. */
static void answer_read(struct machine *machine, const struct node_action *action)
{
    const uint64_t number = action->answer_wait.handle & ~(UINT64_C(1) << READ_BIT);
    struct world *world = machine->world;
    uint64_t size = 0;
    enum tally_err err;

    if (action->answer_wait.code != TALLY_OK || number + READS_MAX <= world->reads) return;
    err = ledger_read_size(machine->store, &size, NULL);
    ASSERT(err == TALLY_OK);
    world->totals->reads++;
    check_read(world, world->read_floor[number % READS_MAX], size);
}

void machine_answer(struct machine *machine, const struct node_action *action)
{
    struct happening *answer;

    if (action->type == NODE_ANSWER_WAIT) {
        answer_read(machine, action);
        return;
    }
    answer =
        answer_add(machine->world, action->answer_append.handle, action->answer_append.code);
    if (answer == NULL) return;
    answer->leader = action->answer_append.leader;
    if (answer->code != TALLY_OK) return;
    answer->events_count = action->answer_append.events_count;
    memcpy(answer->events, action->answer_append.events,
           answer->events_count * sizeof answer->events[0]);
    if (action->answer_append.checkpoint != NULL) {
        (void)add_receipt(machine, answer, action->answer_append.checkpoint);
    }
}

static void request_read(struct machine *machine, uint64_t number)
{
    struct node_event event = {.type = NODE_WAIT};

    event.wait.handle = number | UINT64_C(1) << READ_BIT;
    event.wait.kind = NODE_WAIT_READ;
    event.wait.deadline_ms = machine->world->now_ms + 2000;
    machine_step(machine, &event);
}

static void request_append(struct machine *machine, const struct client *client,
                           uint64_t handle)
{
    struct node_event event = {.type = NODE_APPEND};
    struct job_ingress ingress;
    struct tally_diag diag = {{0}};
    struct happening *answer;
    struct arena *arena = NULL;
    enum tally_err err;

    err = arena_open(0, &arena);
    ASSERT(err == TALLY_OK);
    err = job_ingress(machine->store, &machine->publish.ledger_id, buffer_bytes(client->batch),
                      arena, &ingress, &diag);
    if (err == TALLY_E_CORRUPT) {
        machine_break(machine, diag.text);
        arena_close(arena);
        return;
    }
    if (err != TALLY_OK) {
        world_violation(machine->world, CHECK_ANSWERS, "ingress: %s", diag.text);
    }
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

void machine_request(struct machine *machine, struct happening *happening)
{
    const struct client *client = &machine->world->clients[happening->client];

    if (machine->node == NULL || machine_paused(machine)) return;
    if (happening->read > 0) {
        request_read(machine, happening->read);
        return;
    }
    if (client->batch == NULL || client->attempt != happening->attempt)
        return; /* long answered */
    request_append(machine, client, handle_of(happening->client, happening->attempt));
}
