/* weather_line - packets on their way from one place to another, and what happens to them
 * there.
 *
 * A sky holds every packet in flight, ordered by the time at which it arrives. The rule of each
 * link (one direction between two places) says what becomes of a packet; all chances are drawn
 * from one seed. Not thread-safe. */
#ifndef SUPPORT_WEATHER_LINE_H
#define SUPPORT_WEATHER_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEATHER_PLACES_MAX = 16, WEATHER_PACKET_MAX = 2048 };

/* What a link does to packets. All zero: they arrive at once. */
struct weather_rule {
    double delay_ms;  /* each packet */
    double jitter_ms; /* up to so much more, drawn for each packet: they may overtake */
    double loss;      /* chance, 0 to 1 */
    double dup;       /* chance that it arrives twice */
    double rate;      /* bytes a second, 0: as many as come; a queue of half a second */
    double cut;       /* not 0: nothing arrives */
};

struct weather_counts {
    uint64_t packets, delivered, lost, doubled, cut, crowded;
};

struct weather_sky;

/* Hands over a packet that has arrived at `to`, a place of the sky. */
typedef void weather_deliver(void *context, size_t to, const uint8_t *data, size_t size);

/* A sky over places 0 to `places`-1 (at most WEATHER_PLACES_MAX), all links clear; NULL: no
 * memory. Ends with weather_sky_free. */
struct weather_sky *weather_sky_new(size_t places, uint64_t seed);

/* Also forgets the packets in flight. NULL is allowed. */
void weather_sky_free(struct weather_sky *sky);

/* The rule of the link, to be read and changed; both are places of the sky. */
struct weather_rule *weather_rule(struct weather_sky *sky, size_t from, size_t to);

/* A packet sets out at `now_ns`. One that finds no memory is lost. `size` is at most
 * WEATHER_PACKET_MAX. */
void weather_send(struct weather_sky *sky, size_t from, size_t to, const uint8_t *data,
                  size_t size, uint64_t now_ns);

/* Hands over all that has arrived by `now_ns`, in the order of arrival. Returns the nanoseconds
 * until the next arrival, UINT64_MAX when nothing is in flight. A packet in flight on a link
 * that was cut meanwhile is not handed over. */
uint64_t weather_arrivals(struct weather_sky *sky, uint64_t now_ns, weather_deliver *deliver,
                          void *context);

/* What became of all packets up to now. */
struct weather_counts weather_counts(const struct weather_sky *sky);

#endif
