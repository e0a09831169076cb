/* log_limit - keeps one kind of log line from filling the log.
 *
 * A member with a stolen key may cause a line with every message. Of lines with one name the
 * first LOG_LIMIT_LINES in LOG_LIMIT_MS are written; the next one after that says how many were
 * not. Pure: no clock, no I/O. Not thread-safe. */
#ifndef LOOP_LOG_LIMIT_H
#define LOOP_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_LIMIT_LINES = 20, LOG_LIMIT_MS = 10 * 1000, LOG_LIMIT_NAMES = 64 };

struct log_limit {
    struct {
        const char *name; /* NULL: free */
        uint64_t since_ms;
        uint64_t lines, left_out;
    } names[LOG_LIMIT_NAMES];
};

/* A line of this name (static text) at `now_ms`, which never goes back: is it to be written?
 * Then *ret_left_out is how many of its name were left out since the last one that was. Names
 * beyond LOG_LIMIT_NAMES share the last place. */
bool log_limit_pass(struct log_limit *limit, const char *name, uint64_t now_ms,
                    uint64_t *ret_left_out);

#endif
