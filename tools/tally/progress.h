/* progress - one line on a terminal for people who wait, written again ten times a second.
 *
 * Nothing where standard error is no terminal, nothing in the first moments. One thread. */
#ifndef TALLY_PROGRESS_H
#define TALLY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum progress_of { PROGRESS_BYTES, PROGRESS_RECORDS };

struct progress {
    FILE *to; /* NULL: nobody looks */
    enum progress_of of;
    uint64_t first; /* so many were there before */
    uint64_t started_ms, shown_ms;
    bool shown;
};

/* `wanted`: false for commands that were asked for JSON. */
struct progress progress_begin(FILE *to, bool wanted, enum progress_of of, uint64_t first,
                               uint64_t now_ms);
/* `done` of `total` at this time of the monotonic clock. */
void progress_at(struct progress *progress, uint64_t done, uint64_t total, uint64_t now_ms);
/* The same with the time of the call; its form is that of a tally_manifest_progress. */
void progress_show(void *progress, uint64_t done, uint64_t total);
/* Leave the terminal as it was. */
void progress_end(struct progress *progress);

#endif
