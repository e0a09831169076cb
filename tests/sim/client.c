/* Clients: each sends one batch at a time, the same bytes until there is a final answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "sim/world.h"

enum { RETRY_MS = 400 };

void client_open(struct world *world, uint32_t index)
{
    struct client *client = &world->clients[index];

    client->index = index;
    client->wrong_clock = world_chance(world, 10);
    client->acknowledged = calloc((size_t)BATCHES_MAX * 8, sizeof *client->acknowledged);
    ASSERT(client->acknowledged != NULL);
    world_add(world, HAPPEN_CLIENT, 1 + world_draw(world, 300))->client = index;
}

void client_close(struct client *client)
{
    buffer_release(client->batch);
    free(client->acknowledged);
}

/* One to four events, most allowed, some denied. */
static void make_batch(struct world *world, struct client *client)
{
    static const struct {
        enum event_type type;
        const char *word; /* of the subject */
    } kinds[] = {{EVENT_MODEL_CREATED, "model"},
                 {EVENT_CODE_REGISTERED, "code"},
                 {EVENT_INCIDENT_OPENED, "incident"}};
    const enum fixture_who who = world_chance(world, 15) ? FIXTURE_NOBODY : FIXTURE_AUTHOR;
    struct bytes events[4], batch;
    char subject[64];

    client->events_count = 1 + (uint32_t)world_draw(world, 4);
    client->proof = world_chance(world, 30);
    for (uint32_t i = 0; i < client->events_count; i++) {
        const uint64_t number = world->next_subject++;
        const size_t kind = number % (sizeof kinds / sizeof kinds[0]);
        struct fixture_spec spec = {.type = kinds[kind].type, .who = who};

        if (client->wrong_clock) { /* the claimed time follows the number; years ahead */
            spec.id = (UINT64_C(1) << 40) + number;
            world->totals->faults[FAULT_CLIENT_CLOCK]++;
        }
        snprintf(subject, sizeof subject, "%s/m%llu", kinds[kind].word,
                 (unsigned long long)number);
        spec.subject = subject;
        events[i] = fixture_event(&world->fixture, &spec);
        client->hashes[i] = fixture_event_hash(events[i]);
    }
    batch = fixture_batch(&world->fixture, who, events, client->events_count);
    client->batch = buffer_copy(batch);
    ASSERT(client->batch != NULL);
    client->first_sent_ms = world->now_ms;
    client->target = (uint32_t)world_draw(world, world->nodes_count);
}

/* A request on its way; NULL: lost. */
static struct happening *request_add(struct world *world, uint32_t target)
{
    const uint64_t delay =
        1 + (world->calm ? 0 : world_draw(world, world->weather.delay_ms_max));
    struct happening *request;

    if (!world->calm && world_chance(world, world->weather.loss_percent)) return NULL;
    request = world_add(world, HAPPEN_REQUEST, delay);
    request->node = target;
    return request;
}

static void send(struct world *world, struct client *client)
{
    struct happening *request;

    client->attempt++;
    world_trace(world, "client %u asks node %u, attempt %llu", client->index,
                client->target + 1, (unsigned long long)client->attempt);
    client->retry_at_ms = world->now_ms + RETRY_MS;
    world_add(world, HAPPEN_CLIENT, RETRY_MS)->client = client->index;
    request = request_add(world, client->target);
    if (request == NULL) return;
    request->client = client->index;
    request->attempt = client->attempt;
}

/* A read that must see all that anyone was told by now. */
static void read_some(struct world *world)
{
    const uint64_t number = ++world->reads;
    struct happening *request;

    world->read_floor[number % READS_MAX] = world->acknowledged_floor;
    request = request_add(world, (uint32_t)world_draw(world, world->nodes_count));
    if (request != NULL) request->read = number;
}

void client_look(struct world *world, struct client *client)
{
    if (!world->calm && world_chance(world, 50)) read_some(world);
    if (client->batch != NULL) {
        if (world->now_ms < client->retry_at_ms) return;
        client->target = (client->target + 1) % world->nodes_count;
        world->totals->retries++;
        send(world, client);
        return;
    }
    if (client->batches_done == BATCHES_MAX || world->calm) return;
    make_batch(world, client);
    send(world, client);
}

static void acknowledge(struct world *world, struct client *client,
                        const struct happening *answer)
{
    if (answer->events_count != client->events_count) {
        world_violation(world, CHECK_ANSWERS, "an answer has %u results for %u events",
                        answer->events_count, client->events_count);
    }
    for (uint32_t i = 0; i < client->events_count; i++) {
        const uint64_t index = answer->events[i].index;

        client->acknowledged[client->acknowledged_count++] = (struct acknowledged){
            .event_hash = client->hashes[i],
            .index = index,
            .sent_ms = client->first_sent_ms,
            .acknowledged_ms = world->now_ms,
        };
        world_note(world, index);
        if (index + 1 > world->acknowledged_floor) world->acknowledged_floor = index + 1;
        world->totals->acknowledged++;
        if (!answer->events[i].allowed) world->totals->denied++;
    }
    if (answer->receipt != NULL) check_receipt(world, answer->receipt, &client->hashes[0]);
    buffer_release(client->batch);
    client->batch = NULL;
    client->batches_done++;
    world_add(world, HAPPEN_CLIENT, 1 + world_draw(world, 100))->client = client->index;
}

void client_answer(struct world *world, struct client *client, const struct happening *answer)
{
    world_trace(world, "client %u is told %s, attempt %llu", client->index,
                tally_err_name(answer->code), (unsigned long long)answer->attempt);
    world_note(world, (uint64_t)answer->code);
    /* An answer to another attempt comes too late. */
    if (client->batch == NULL || answer->attempt != client->attempt) return;
    switch (answer->code) {
    case TALLY_OK:
        acknowledge(world, client, answer);
        return;
    case TALLY_E_NOT_LEADER:
        /* client_look goes on to the next one: stand before the leader, when it is known. */
        if (answer->leader != RAFT_NOBODY) {
            client->target = (answer->leader + world->nodes_count - 2) % world->nodes_count;
        }
        client->retry_at_ms = world->now_ms + 20;
        world_add(world, HAPPEN_CLIENT, 20)->client = client->index;
        return;
    case TALLY_E_TIMEOUT:
    case TALLY_E_BUSY:
        return; /* the retry comes by itself */
    default:
        world_violation(world, CHECK_ANSWERS, "an honest client is told: %s",
                        tally_err_text(answer->code));
    }
}

bool clients_done(const struct world *world)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (world->clients[i].batch != NULL) return false;
    }
    return true;
}
