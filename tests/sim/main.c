/* sim [--seeds=N] [--first-seed=S] [--seconds=T] [--jobs=J] [--trace] [--digests]
 * [--break=CHECK]
 *
 * Runs seeds in J processes, at most T seconds, and prints what happened in all of them; the
 * last line is the summary. The first violation ends it; its status is 10 + the check.
 * --digests prints a line per seed, in order (one job). --break shows a check a violation. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "crypto/sign.h"
#include "sim/sim.h"

enum { JOBS_MAX = 64, PROGRESS_MS = 10000 };

struct settings {
    uint64_t seeds, first, seconds, jobs;
    bool digests;
    struct sim_options options;
};

static bool number_after(const char *argument, const char *option, uint64_t *ret_value)
{
    const size_t size = strlen(option);
    char *end = NULL;

    if (strncmp(argument, option, size) != 0 || argument[size] == '\0') return false;
    *ret_value = strtoull(argument + size, &end, 10);
    return *end == '\0';
}

static bool check_after(const char *argument, enum sim_check *ret_check)
{
    if (strncmp(argument, "--break=", 8) != 0) return false;
    for (*ret_check = 0; *ret_check < SIM_CHECKS; (*ret_check)++) {
        if (strcmp(argument + 8, sim_check_name(*ret_check)) == 0) return true;
    }
    return false;
}

static bool parse(int argc, char **argv, struct settings *settings)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            settings->options.trace = true;
        } else if (strcmp(argv[i], "--digests") == 0) {
            settings->digests = true;
        } else if (!number_after(argv[i], "--seeds=", &settings->seeds) &&
                   !number_after(argv[i], "--first-seed=", &settings->first) &&
                   !number_after(argv[i], "--seconds=", &settings->seconds) &&
                   !number_after(argv[i], "--jobs=", &settings->jobs) &&
                   !check_after(argv[i], &settings->options.broken)) {
            fprintf(stderr, "sim: unknown option %s\n", argv[i]);
            return false;
        }
    }
    if (settings->jobs < 1) settings->jobs = 1;
    if (settings->jobs > JOBS_MAX) settings->jobs = JOBS_MAX;
    return true;
}

/* Every jobs-th seed from `offset` on. */
static void run_share(const struct settings *settings, uint64_t offset,
                      struct sim_totals *totals)
{
    const uint64_t deadline_ms = clock_monotonic_ms() + settings->seconds * 1000;

    for (uint64_t i = offset; i < settings->seeds && clock_monotonic_ms() < deadline_ms;
         i += settings->jobs) {
        const uint64_t seed = settings->first + i;
        const uint64_t digest = sim_run(seed, &settings->options, totals);

        if (settings->digests) printf("seed %" PRIu64 " digest %016" PRIx64 "\n", seed, digest);
    }
}

static void add(struct sim_totals *sum, const struct sim_totals *one)
{
    const uint64_t *from = (const uint64_t *)one;
    uint64_t *to = (uint64_t *)sum;

    _Static_assert(sizeof *sum % sizeof *to == 0, "nothing but counters");
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) to[i] += from[i];
}

static void print_totals(const struct sim_totals *totals, double seconds)
{
    uint64_t crashes = 0;

    printf("work: %" PRIu64 " blocks, %" PRIu64 " records, %" PRIu64 " denied, %" PRIu64
           " elections, %" PRIu64 " checkpoints, %" PRIu64 " receipts verified, %" PRIu64
           " safe reads, %" PRIu64 " messages from the disk, %" PRIu64
           " databases rebuilt, %" PRIu64 " proofs between checkpoints, %" PRIu64 " retries\n",
           totals->blocks, totals->records, totals->denied, totals->elections,
           totals->checkpoints, totals->receipts, totals->reads, totals->backfills,
           totals->rebuilt, totals->proofs, totals->retries);
    for (uint32_t i = 0; i < SIM_FAULTS; i++) {
        printf("fault: %" PRIu64 " %s\n", totals->faults[i], sim_fault_name(i));
    }
    for (uint32_t i = 0; i < SIM_CRASH_POINTS; i++) {
        if (i != NODE_HALT)
            printf("crash: %" PRIu64 " %s\n", totals->crashes[i], sim_crash_name(i));
        crashes += totals->crashes[i];
    }
    printf("sim: %" PRIu64 " seeds, %.1f simulated hours, %" PRIu64
           " events acknowledged, %" PRIu64 " receipts, %" PRIu64
           " crashes, 0 violations, %.1f seeds/s\n",
           totals->seeds, (double)totals->virtual_ms / 3600000.0, totals->acknowledged,
           totals->receipts, crashes, (double)totals->seeds / seconds);
}

/* The children end together: the first that ends otherwise than well ends the others. */
static int wait_for(const pid_t *children, const struct settings *settings,
                    const struct sim_totals *totals)
{
    uint64_t left = settings->jobs;
    int result = 0;

    while (left > 0) {
        int status = 0;
        const pid_t ended = waitpid(-1, &status, 0);

        if (ended < 0) continue; /* a signal */
        left--;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
        if (result == 0) {
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 9;
            for (uint64_t i = 0; i < settings->jobs; i++) {
                fprintf(stderr, "sim: job %" PRIu64 " was at seed %" PRIu64 "\n", i,
                        settings->first + totals[i].seeds * settings->jobs + i);
                if (children[i] != ended) kill(children[i], SIGKILL);
            }
        }
    }
    return result;
}

static void die_with_parent(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* A child that tells how far the others are, until its pipe closes. */
static pid_t report_progress(const struct settings *settings, const struct sim_totals *totals,
                             const int ends[2])
{
    const pid_t child = fork();
    struct pollfd until = {.fd = ends[0], .events = POLLIN};

    if (child != 0) return child;
    close(ends[1]);
    die_with_parent();
    while (poll(&until, 1, PROGRESS_MS) == 0) {
        struct sim_totals sum = {0};

        for (uint64_t i = 0; i < settings->jobs; i++) add(&sum, &totals[i]);
        fprintf(stderr, "sim: %" PRIu64 " seeds, %" PRIu64 " events acknowledged\n", sum.seeds,
                sum.acknowledged);
    }
    _exit(0);
}

static int run_jobs(const struct settings *settings, struct sim_totals *sum)
{
    struct sim_totals *totals = mmap(NULL, settings->jobs * sizeof *totals,
                                     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
    pid_t children[JOBS_MAX], reporter;
    int ends[2], result;

    ASSERT(totals != MAP_FAILED);
    for (uint64_t i = 0; i < settings->jobs; i++) {
        fflush(stdout);
        children[i] = fork();
        ASSERT(children[i] >= 0);
        if (children[i] == 0) {
            die_with_parent();
            run_share(settings, i, &totals[i]);
            exit(0); /* NOLINT(concurrency-mt-unsafe): there is one thread */
        }
    }
    result = pipe(ends);
    ASSERT(result == 0);
    reporter = report_progress(settings, totals, ends);
    close(ends[0]);
    result = wait_for(children, settings, totals);
    close(ends[1]);
    (void)waitpid(reporter, NULL, 0);
    for (uint64_t i = 0; i < settings->jobs; i++) add(sum, &totals[i]);
    return result;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .seeds = 100, .first = 1, .seconds = 1000000000, .options.broken = SIM_CHECKS};
    const uint64_t begun_ms = clock_monotonic_ms();
    struct sim_totals totals = {0};
    int result = 0;

    if (!parse(argc, argv, &settings)) return 64;
    if (sign_init() != TALLY_OK) return 11;
    if (settings.options.trace || settings.digests || settings.options.broken != SIM_CHECKS) {
        settings.jobs = 1;
        run_share(&settings, 0, &totals); /* in this process, for a debugger */
    } else {
        result = run_jobs(&settings, &totals);
    }
    if (result == 0 && !settings.digests) {
        print_totals(&totals, (double)(clock_monotonic_ms() - begun_ms + 1) / 1000);
    }
    return result;
}
