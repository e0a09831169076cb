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
    const enum fixture_who who = world_chance(world, 15) ? FIXTURE_NOBODY : FIXTURE_AUTHOR;
    struct bytes events[4], batch;
    char subject[64];

    client->events_count = 1 + (uint32_t)world_draw(world, 4);
    client->proof = world_chance(world, 30);
    for (uint32_t i = 0; i < client->events_count; i++) {
        struct fixture_spec spec = {.type = EVENT_MODEL_CREATED, .who = who};

        snprintf(subject, sizeof subject, "model/m%llu",
                 (unsigned long long)world->next_subject++);
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

static void send(struct world *world, struct client *client)
{
    struct happening *request;
    const uint64_t delay =
        1 + (world->calm ? 0 : world_draw(world, world->weather.delay_ms_max));

    client->attempt++;
    world_trace(world, "client %u asks node %u, attempt %llu", client->index,
                client->target + 1, (unsigned long long)client->attempt);
    client->retry_at_ms = world->now_ms + RETRY_MS;
    world_add(world, HAPPEN_CLIENT, RETRY_MS)->client = client->index;
    if (!world->calm && world_chance(world, world->weather.loss_percent)) return;
    request = world_add(world, HAPPEN_REQUEST, delay);
    request->node = client->target;
    request->client = client->index;
    request->attempt = client->attempt;
}

void client_look(struct world *world, struct client *client)
{
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
        world_violation(world, "an answer has %u results for %u events", answer->events_count,
                        client->events_count);
    }
    for (uint32_t i = 0; i < client->events_count; i++) {
        client->acknowledged[client->acknowledged_count++] = (struct acknowledged){
            .event_hash = client->hashes[i],
            .index = answer->events[i].index,
            .sent_ms = client->first_sent_ms,
            .acknowledged_ms = world->now_ms,
            .repeated = answer->events[i].repeated_request,
        };
        world->totals->acknowledged++;
        if (!answer->events[i].allowed) world->totals->denied++;
    }
    if (answer->receipt != NULL) check_receipt(world, answer->receipt, &client->hashes[0]);
    buffer_release(client->batch);
    client->batch = NULL;
    client->batches_done++;
    world_add(world, HAPPEN_CLIENT, 1 + world_draw(world, 200))->client = client->index;
}

void client_answer(struct world *world, struct client *client, const struct happening *answer)
{
    world_trace(world, "client %u is told %s, attempt %llu", client->index,
                tally_err_name(answer->code), (unsigned long long)answer->attempt);
    if (client->batch == NULL || answer->attempt > client->attempt) return;
    switch (answer->code) {
    case TALLY_OK:
        /* An answer to an earlier attempt of this batch is as good; one to another batch is
         * not. */
        if (answer->events_count == 0) return;
        if (answer->attempt != client->attempt) return;
        acknowledge(world, client, answer);
        return;
    case TALLY_E_NOT_LEADER:
        if (answer->attempt != client->attempt) return;
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
        world_violation(world, "an honest client is told: %s", tally_err_text(answer->code));
    }
}

bool clients_done(const struct world *world)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (world->clients[i].batch != NULL) return false;
    }
    return true;
}
