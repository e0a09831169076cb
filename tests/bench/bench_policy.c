/* bench_policy - what a decision costs.
 *
 * usage: bench_policy POLICY.yaml CASES.yaml [SECONDS]
 *
 * Decides all cases again and again. Beside it, in the same run, SHA-256 of the encoded policy,
 * and a copy of it: whoever looks at every byte of the rules needs at least the copy. Then the
 * slowest case alone. Figures are medians over rounds of one pass over all cases. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "config/policy_cases.h"
#include "config/policy_config.h"
#include "crypto/hash.h"

enum { ROUNDS_MAX = 1 << 20, SLOW_REPEATS = 1000 };

static struct policy_file file;
static struct policy_cases cases;
static uint8_t copy[POLICY_SIZE_MAX];
static double rounds[ROUNDS_MAX];

static double now_us(void)
{
    struct timespec now;

    ASSERT(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void decide_all(void)
{
    struct policy_decision decision;

    for (uint32_t i = 0; i < cases.count; i++) {
        policy_decide(&file.policy, &cases.cases[i].view, &decision, NULL);
        ASSERT(decision.allowed == cases.cases[i].allowed);
    }
}

static void hash_all(void)
{
    struct tally_hash hash;

    for (uint32_t i = 0; i < cases.count; i++)
        hash_sha256(file.encoded.data, file.encoded.size, &hash);
}

static void copy_all(void)
{
    for (uint32_t i = 0; i < cases.count; i++) {
        memcpy(copy, file.encoded.data, file.encoded.size);
        __asm__ volatile("" : : "r"(copy) : "memory"); /* the copy is used */
    }
}

/* The median time for one of `work`, in microseconds. */
static double measure(void (*work)(void), double seconds)
{
    const double end = now_us() + seconds * 1e6;
    size_t count = 0;

    work(); /* warm */
    for (double begin = now_us(); begin < end && count < ROUNDS_MAX; count++) {
        work();
        const double after = now_us();

        rounds[count] = (after - begin) / cases.count;
        begin = after;
    }
    qsort(rounds, count, sizeof rounds[0], compare);
    return rounds[count / 2];
}

static void slowest(void)
{
    struct policy_decision decision;
    double most = 0;
    uint32_t which = 0;

    for (uint32_t i = 0; i < cases.count; i++) {
        const double begin = now_us();

        for (int k = 0; k < SLOW_REPEATS; k++)
            policy_decide(&file.policy, &cases.cases[i].view, &decision, NULL);
        const double each = (now_us() - begin) / SLOW_REPEATS;
        if (each <= most) continue;
        most = each;
        which = i;
    }
    printf("slowest    %8.2f us  %s\n", most, cases.cases[which].name);
}

static void load(const char *policy_path, const char *cases_path, struct arena *arena)
{
    struct config *policy = NULL, *table = NULL;
    struct tally_diag diag = {""};

    if (config_open(policy_path, &policy, &diag) != TALLY_OK ||
        config_open(cases_path, &table, &diag) != TALLY_OK) {
        (void)fprintf(stderr, "%s\n", diag.text);
        exit(EXIT_FAILURE);
    }
    if (policy_config_read(policy, arena, &file) != TALLY_OK ||
        policy_cases_read(table, &file.policy, arena, &cases) != TALLY_OK) {
        (void)fprintf(stderr, "%s%s", config_faults(policy), config_faults(table));
        exit(EXIT_FAILURE);
    }
    /* The cases point into their config: both stay open. */
}

int main(int argc, char **argv)
{
    struct arena *arena = NULL;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: bench_policy POLICY.yaml CASES.yaml [SECONDS]\n");
        return EXIT_FAILURE;
    }
    const double seconds = argc > 3 ? strtod(argv[3], NULL) : 2;
    ASSERT(arena_open(0, &arena) == TALLY_OK);
    load(argv[1], argv[2], arena);
    const double decide_us = measure(decide_all, seconds);
    const double hash_us = measure(hash_all, seconds);
    const double copy_us = measure(copy_all, seconds);
    printf("%s: %u rules, %zu bytes, %u cases of at most %u persons\n", file.policy.name,
           file.policy.rules_count, file.encoded.size, cases.count, cases.persons_count);
    printf("decide     %8.2f us  %9.0f/s\n", decide_us, 1e6 / decide_us);
    printf("SHA-256    %8.2f us  %9.0f/s of the encoded policy\n", hash_us, 1e6 / hash_us);
    printf("memcpy     %8.2f us  %9.0f/s of the encoded policy\n", copy_us, 1e6 / copy_us);
    slowest();
    return EXIT_SUCCESS;
}
