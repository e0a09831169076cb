/* sim [--seeds=N] [--first-seed=S] [--seconds=T] [--trace]
 *
 * Runs seeds one after another, at most T seconds, and prints what happened in all of them. The
 * last line is the summary. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/sign.h"
#include "sim/sim.h"

static bool number_after(const char *argument, const char *option, uint64_t *ret_value)
{
    const size_t size = strlen(option);
    char *end = NULL;

    if (strncmp(argument, option, size) != 0 || argument[size] == '\0') return false;
    *ret_value = strtoull(argument + size, &end, 10);
    return *end == '\0';
}

int main(int argc, char **argv)
{
    uint64_t seeds = 100, first = 1, seconds = 1000000000;
    struct sim_totals totals = {0};
    bool trace = false;
    uint64_t deadline_ms;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else if (!number_after(argv[i], "--seeds=", &seeds) &&
                   !number_after(argv[i], "--first-seed=", &first) &&
                   !number_after(argv[i], "--seconds=", &seconds)) {
            fprintf(stderr, "sim: unknown option %s\n", argv[i]);
            return 64;
        }
    }
    if (sign_init() != TALLY_OK) return 11;
    deadline_ms = clock_monotonic_ms() + seconds * 1000;
    for (uint64_t seed = first; seed - first < seeds && clock_monotonic_ms() < deadline_ms;
         seed++) {
        sim_run(seed, trace, &totals);
    }
    printf("faults: %" PRIu64 " crashes (%" PRIu64 " writes that got through), %" PRIu64
           " messages lost, %" PRIu64 " doubled, %" PRIu64 " cuts, %" PRIu64 " pauses\n",
           totals.crashes, totals.torn_writes, totals.lost, totals.duplicated, totals.cuts,
           totals.pauses);
    printf("work: %" PRIu64 " blocks, %" PRIu64 " records, %" PRIu64 " elections, %" PRIu64
           " checkpoints, %" PRIu64 " receipts verified, %" PRIu64 " retries, %" PRIu64
           " denied\n",
           totals.blocks, totals.records, totals.elections, totals.checkpoints, totals.receipts,
           totals.retries, totals.denied);
    printf("sim: %" PRIu64 " seeds, %.1f simulated hours, %" PRIu64
           " events acknowledged, 0 violations\n",
           totals.seeds, (double)totals.virtual_ms / 3600000.0, totals.acknowledged);
    return 0;
}
