#include "support/weather_line.h"

#include <stdlib.h>
#include <string.h>

/* A queue before a slow link longer than this drops what comes, like a router's. */
#define CROWDED_NS 500000000.0

struct packet {
    uint64_t due_ns;
    uint64_t number; /* packets that are due at once arrive as they set out */
    size_t from, to, size;
    uint8_t data[];
};

struct weather_sky {
    size_t places;
    uint64_t random, sent;
    struct weather_rule rules[WEATHER_PLACES_MAX][WEATHER_PLACES_MAX];
    double free_ns[WEATHER_PLACES_MAX][WEATHER_PLACES_MAX]; /* when a slow link is idle again */
    struct packet **heap;
    size_t heap_count, heap_size;
    struct weather_counts counts;
};

struct weather_sky *weather_sky_new(size_t places, uint64_t seed)
{
    struct weather_sky *sky = NULL;

    if (places > WEATHER_PLACES_MAX) return NULL;
    sky = calloc(1, sizeof *sky);
    if (sky == NULL) return NULL;
    sky->places = places;
    sky->random = seed;
    return sky;
}

void weather_sky_free(struct weather_sky *sky)
{
    if (sky == NULL) return;
    for (size_t i = 0; i < sky->heap_count; i++) free(sky->heap[i]);
    free(sky->heap);
    free(sky);
}

struct weather_rule *weather_rule(struct weather_sky *sky, size_t from, size_t to)
{
    return &sky->rules[from][to];
}

struct weather_counts weather_counts(const struct weather_sky *sky)
{
    return sky->counts;
}

/* SplitMix64, as a number from 0 to below 1. */
static double draw(struct weather_sky *sky)
{
    uint64_t z = sky->random += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return (double)(z >> 11) / 9007199254740992.0;
}

static bool earlier(const struct packet *a, const struct packet *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void swap(struct packet **a, struct packet **b)
{
    struct packet *other = *a;

    *a = *b;
    *b = other;
}

static bool heap_add(struct weather_sky *sky, struct packet *packet)
{
    struct packet **heap = sky->heap;

    if (sky->heap_count == sky->heap_size) {
        const size_t size = sky->heap_size == 0 ? 1024 : 2 * sky->heap_size;

        heap = realloc(heap, size * sizeof(struct packet *));
        if (heap == NULL) return false;
        sky->heap = heap;
        sky->heap_size = size;
    }
    size_t at = sky->heap_count++;
    for (heap[at] = packet; at > 0 && earlier(heap[at], heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&heap[at], &heap[(at - 1) / 2]);
    return true;
}

static struct packet *heap_take(struct weather_sky *sky)
{
    struct packet **heap = sky->heap;
    struct packet *first = heap[0];
    size_t at = 0;

    heap[0] = heap[--sky->heap_count];
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < sky->heap_count && earlier(heap[child], heap[least])) least = child;
        if (least == at) return first;
        swap(&heap[at], &heap[least]);
        at = least;
    }
}

/* One copy sets out. False: no memory. */
static bool set_out(struct weather_sky *sky, size_t from, size_t to, const uint8_t *data,
                    size_t size, double due_ns)
{
    const struct weather_rule *rule = &sky->rules[from][to];
    struct packet *packet = malloc(sizeof *packet + size);

    if (packet == NULL) return false;
    packet->due_ns =
        (uint64_t)(due_ns + (rule->delay_ms + rule->jitter_ms * draw(sky)) * 1000000.0);
    packet->number = sky->sent++;
    packet->from = from;
    packet->to = to;
    packet->size = size;
    memcpy(packet->data, data, size);
    if (heap_add(sky, packet)) return true;
    free(packet);
    return false;
}

void weather_send(struct weather_sky *sky, size_t from, size_t to, const uint8_t *data,
                  size_t size, uint64_t now_ns)
{
    const struct weather_rule *rule = &sky->rules[from][to];
    double *free_ns = &sky->free_ns[from][to];
    double due_ns = (double)now_ns;

    sky->counts.packets++;
    if (rule->cut > 0) {
        sky->counts.cut++;
        return;
    }
    if (draw(sky) < rule->loss) {
        sky->counts.lost++;
        return;
    }
    if (rule->rate > 0) {
        if (*free_ns < due_ns) *free_ns = due_ns;
        if (*free_ns - due_ns > CROWDED_NS) {
            sky->counts.crowded++;
            return;
        }
        *free_ns += (double)size / rule->rate * 1e9;
        due_ns = *free_ns;
    }
    if (!set_out(sky, from, to, data, size, due_ns)) {
        sky->counts.lost++;
        return;
    }
    if (draw(sky) < rule->dup && set_out(sky, from, to, data, size, due_ns))
        sky->counts.doubled++;
}

uint64_t weather_arrivals(struct weather_sky *sky, uint64_t now_ns, weather_deliver *deliver,
                          void *context)
{
    while (sky->heap_count > 0 && sky->heap[0]->due_ns <= now_ns) {
        struct packet *packet = heap_take(sky);

        if (sky->rules[packet->from][packet->to].cut > 0) {
            sky->counts.cut++;
        } else {
            deliver(context, packet->to, packet->data, packet->size);
            sky->counts.delivered++;
        }
        free(packet);
    }
    return sky->heap_count == 0 ? UINT64_MAX : sky->heap[0]->due_ns - now_ns;
}
