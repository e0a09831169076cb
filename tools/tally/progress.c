#include "progress.h"

#include <unistd.h>

#include "base/clock.h"

enum { QUIET_MS = 300, EVERY_MS = 100 };

struct progress progress_begin(FILE *to, bool wanted, enum progress_of of, uint64_t first,
                               uint64_t now_ms)
{
    const int fd = wanted ? fileno(to) : -1; /* -1: a stream in memory, too */

    return (struct progress){.to = fd >= 0 && isatty(fd) == 1 ? to : NULL,
                             .of = of,
                             .first = first,
                             .started_ms = now_ms,
                             .shown_ms = now_ms};
}

void progress_at(struct progress *progress, uint64_t done, uint64_t total, uint64_t now_ms)
{
    const uint64_t passed_ms = now_ms - progress->started_ms;

    if (progress->to == NULL || passed_ms < QUIET_MS) return;
    if (progress->shown && now_ms - progress->shown_ms < EVERY_MS) return;
    const bool bytes = progress->of == PROGRESS_BYTES;
    const double rate =
        (double)(done - progress->first) / (double)passed_ms * 1000; /* a second */
    const double left_s = rate > 0 && total > done ? (double)(total - done) / rate : 0;

    (void)fprintf(progress->to, "\r%3d %% of %.0f %s, %.0f%s/s, %.0f s left\033[K",
                  total == 0 ? 100 : (int)((double)done / (double)total * 100),
                  bytes ? (double)total / 1e6 : (double)total, bytes ? "MB" : "records",
                  bytes ? rate / 1e6 : rate, bytes ? " MB" : "", left_s);
    (void)fflush(progress->to);
    progress->shown = true;
    progress->shown_ms = now_ms;
}

void progress_show(void *progress, uint64_t done, uint64_t total)
{
    progress_at(progress, done, total, clock_monotonic_ms());
}

void progress_end(struct progress *progress)
{
    if (!progress->shown) return;
    (void)fputs("\r\033[K", progress->to);
    (void)fflush(progress->to);
    progress->shown = false;
}
