/* bench_apply - what apply costs per event, signatures excluded.
 *
 * usage: bench_apply [EVENTS [DIRECTORY]]
 *
 * Annotations of about 1 KiB over 1,000 versions, in signed batches of 64, a block each, four
 * blocks a flush; on the store in memory and on RocksDB in DIRECTORY (a new one under /tmp,
 * removed afterwards). Prints the median over blocks of the
 * processor time of apply and of flush, per event. Then, in memory, a twentieth as many events
 * of some types, without a policy and under the default one (tools/policies, so run it in the
 * source directory), beside SHA-256 of the same bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "ledger/ledger.h"
#include "store/store_mem.h"
#include "support/ledger_fixture.h"
#include "support/ledger_run.h"
#include "support/policy_run.h"

enum { EVENTS = 100000, BATCH = 64, FLUSH = 4, SUBJECTS = 1000, EVENT_PADDING = 790 };

struct kind {
    enum event_type type;
    const char *before, *between; /* the two numbers of its subject */
    uint32_t padding;
};
static const struct kind note = {EVENT_ANNOTATION_ADDED, "model/m", "/version/", EVENT_PADDING};
static const struct kind kinds[] = {
    {EVENT_ANNOTATION_ADDED, "model/m", "/version/", 0},
    {EVENT_BASE_MODEL_REGISTERED, "base/b", "-", 0},
    {EVENT_DATASET_REGISTERED, "dataset/d", "-", 0},
    {EVENT_CODE_REGISTERED, "code/c", "-", 0},
    {EVENT_MODEL_CREATED, "model/m", "-", 0},
};

struct bench {
    const struct kind *kind;
    struct bytes policy; /* size 0: none is in force */
    struct fixture fixture;
    struct fixture_chain chain;
    uint64_t events;
    double *apply_us, *flush_us; /* per event, one for each block */
    size_t blocks;
};

static void must(enum tally_err err, const struct tally_diag *diag)
{
    if (err == TALLY_OK) return;
    fprintf(stderr, "%s: %s\n", tally_err_name(err), diag->text);
    exit(EXIT_FAILURE);
}

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

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

/* The next block in a fixture arena that forgets the one before. */
static struct bytes make_block(struct bench *bench, struct bytes *ret_event)
{
    char subject[64];
    struct bytes events[BATCH], batch;

    for (uint32_t i = 0; i < BATCH; i++) {
        const uint64_t places = bench->kind == &note ? SUBJECTS : UINT32_MAX;

        snprintf(subject, sizeof subject, "%s%u%s%u", bench->kind->before,
                 (unsigned)(bench->events % 50), bench->kind->between,
                 (unsigned)(bench->events % places));
        events[i] = fixture_event(&bench->fixture,
                                  &(struct fixture_spec){.type = bench->kind->type,
                                                         .who = FIXTURE_AUTHOR,
                                                         .subject = subject,
                                                         .padding = bench->kind->padding});
        bench->events++;
    }
    *ret_event = events[0];
    batch = fixture_batch(&bench->fixture, FIXTURE_AUTHOR, events, BATCH);
    return fixture_block_events(&bench->fixture, &bench->chain, false, &batch, 1);
}

/* A block in which both admins publish the policy. */
static struct bytes policy_block(struct bench *bench)
{
    static const enum fixture_who who[] = {FIXTURE_ADMIN, FIXTURE_EVERYONE};
    static const uint8_t meanings[] = {MEANING_AUTHOR, MEANING_APPROVE};
    struct event_signer signers[2];
    struct bytes event, batch;

    for (uint32_t i = 0; i < 2; i++) {
        fixture_key_id(&bench->fixture, who[i], &signers[i].key_id);
        signers[i].meaning = meanings[i];
    }
    event =
        fixture_event(&bench->fixture, &(struct fixture_spec){.type = EVENT_POLICY_PUBLISHED,
                                                              .who = FIXTURE_ADMIN,
                                                              .subject = "policy/default",
                                                              .policy = bench->policy,
                                                              .version = 1,
                                                              .signers = signers,
                                                              .signers_count = 2});
    batch = fixture_batch_of(&bench->fixture, who, meanings, 2, &event, 1);
    return fixture_block_events(&bench->fixture, &bench->chain, false, &batch, 1);
}

/* Microseconds of SHA-256 of the event. */
static double hash_us(struct bytes event)
{
    struct tally_hash hash;
    const double begin = now_us();

    for (uint32_t i = 0; i < 1000; i++) hash_leaf(event.data, event.size, &hash);
    return (now_us() - begin) / 1000;
}

static void run(struct bench *bench, struct store *store, const char *name, uint64_t events)
{
    struct arena *genesis = bench->fixture.arena, *arena = NULL;
    struct ledger_block_result result;
    struct ledger *ledger = NULL;
    struct tally_diag diag = {{0}};
    struct bytes event = {0};
    size_t flushes = 0;
    double flush_us = 0;

    must(ledger_create(store, bench->fixture.genesis_file, &diag), &diag);
    must(ledger_open(store, &ledger, &diag), &diag);
    must(arena_open(0, &arena), &diag);
    fixture_chain_begin(&bench->fixture, &bench->chain);
    bench->fixture.arena = arena;
    bench->events = 0;
    if (bench->policy.size > 0) {
        must(ledger_apply(ledger, policy_block(bench), true, &result, &diag), &diag);
        ASSERT(result.events[0].allowed);
    }
    for (bench->blocks = 0; bench->events < events; bench->blocks++) {
        struct bytes block;
        double begin;

        arena_reset(arena, 0);
        block = make_block(bench, &event);
        begin = now_us();
        must(ledger_apply(ledger, block, true, &result, &diag), &diag);
        bench->apply_us[bench->blocks] = (now_us() - begin) / BATCH;
        ASSERT(result.events_count == BATCH && result.events[BATCH - 1].allowed);
        if (bench->blocks % FLUSH != FLUSH - 1) continue;
        begin = now_us();
        must(ledger_flush(ledger, &diag), &diag);
        bench->flush_us[flushes] = (now_us() - begin) / (BATCH * FLUSH);
        flush_us += bench->flush_us[flushes++] * BATCH * FLUSH;
    }
    printf("%-8s %" PRIu64 " events of %zu bytes: apply %.2f us/event, flush %.2f us/event "
           "(medians); flush in all %.2f s; %s, SHA-256 %.2f us\n",
           name, bench->events, event.size, median(bench->apply_us, bench->blocks),
           median(bench->flush_us, flushes), flush_us / 1e6,
           event_type_info(bench->kind->type)->name, hash_us(event));
    bench->fixture.arena = genesis;
    arena_close(arena);
    ledger_close(ledger);
}

static void run_types(struct bench *bench, uint64_t events)
{
    struct ledger_run holder = {.fixture = bench->fixture};
    const struct bytes policy = policy_run_file(&holder, "tools/policies/default.yaml");
    struct tally_diag diag = {{0}};

    for (size_t i = 0; i < 2 * (sizeof kinds / sizeof kinds[0]); i++) {
        struct store *store = NULL;

        bench->kind = &kinds[i / 2];
        bench->policy = i % 2 == 0 ? (struct bytes){0} : policy;
        must(store_mem_open(&store), &diag);
        run(bench, store, i % 2 == 0 ? "roles" : "policy", events);
        store_close(store);
    }
}

int main(int argc, char **argv)
{
    const uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : EVENTS;
    char made[] = "/tmp/bench_apply.XXXXXX", path[4096], command[4200];
    const char *directory = argc > 2 ? argv[2] : mkdtemp(made);
    struct tally_diag diag = {{0}};
    struct store *store = NULL;
    struct bench bench = {.kind = &note};

    if (events < BATCH * FLUSH || events > 100000000 || directory == NULL) {
        fprintf(stderr, "usage: bench_apply [EVENTS [DIRECTORY]]\n");
        return EXIT_FAILURE;
    }
    bench.apply_us = calloc(events / BATCH + 1, sizeof *bench.apply_us);
    bench.flush_us = calloc(events / BATCH + 1, sizeof *bench.flush_us);
    ASSERT(bench.apply_us != NULL && bench.flush_us != NULL);
    fixture_open(&bench.fixture, 1);

    must(store_mem_open(&store), &diag);
    run(&bench, store, "memory", events);
    store_close(store);
    snprintf(path, sizeof path, "%s/store", directory);
    must(store_rocksdb_create(path, &diag), &diag);
    must(store_rocksdb_open(path, &store, &diag), &diag);
    run(&bench, store, "rocksdb", events);
    store_close(store);
    run_types(&bench, events / 20 < BATCH * FLUSH ? BATCH * FLUSH : events / 20);
    fixture_close(&bench.fixture);
    free(bench.apply_us);
    free(bench.flush_us);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0) return EXIT_FAILURE;
    return directory == made ? (rmdir(made) == 0 ? EXIT_SUCCESS : EXIT_FAILURE) : EXIT_SUCCESS;
}
