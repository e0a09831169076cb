#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tally/client.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "cluster.h"
#include "crypto/secret.h"
#include "disk.h"
#include "event/batch.h"
#include "event/event.h"

enum {
    SAMPLES_MAX = 4 * 1000 * 1000,
    DISK_BLOCK = 4096,
    PROOF_EVENTS_MAX = 64, /* in a request that asks for proofs */
};

struct worker {
    pthread_t thread;
    const struct bench_load *load;
    struct tally_client *client;
    struct arena *arena;
    uint64_t deadline_us, events, refused;
    struct bench_times commit, proof;
    struct tally_diag diag; /* of the first request that failed */
    enum tally_err err;
};

static uint64_t now_us(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- times --------------------------------------------------------------------------- */

static void times_add(struct bench_times *times, uint64_t value)
{
    if (times->count == times->capacity) {
        const size_t capacity = times->capacity == 0 ? 1024 : 2 * times->capacity;
        uint32_t *items =
            capacity > SAMPLES_MAX ? NULL : realloc(times->items, capacity * sizeof *items);

        if (items == NULL) return; /* enough is known by then */
        times->items = items;
        times->capacity = capacity;
    }
    times->items[times->count++] = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void times_merge(struct bench_times *to, struct bench_times *from)
{
    for (size_t i = 0; i < from->count; i++) times_add(to, from->items[i]);
    bench_times_free(from);
}

static int compare(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right ? 1 : 0;
}

static void times_sort(struct bench_times *times)
{
    if (times->count > 0) qsort(times->items, times->count, sizeof times->items[0], compare);
}

uint32_t bench_percentile(const struct bench_times *times, uint32_t permille)
{
    if (times->count == 0) return 0;
    const size_t place = (times->count * permille + 999) / 1000;

    return times->items[place == 0 ? 0 : place - 1];
}

void bench_times_free(struct bench_times *times)
{
    free(times->items);
    *times = (struct bench_times){0};
}

/* ---- load ---------------------------------------------------------------------------- */

/* A batch of new events: copies of the one event, each with an id of its own. Data NULL without
 * memory. */
static struct bytes make_batch(const struct bench_load *load, uint32_t count,
                               struct arena *arena)
{
    struct bytes *events = arena_alloc(arena, count * sizeof *events);
    uint8_t *copies = arena_alloc(arena, count * load->event.size);
    struct batch_signer signer;
    struct timespec now = {0};

    if (events == NULL || copies == NULL) return (struct bytes){0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t random[10];
        uint8_t *copy = copies + i * load->event.size;

        secret_random(random, sizeof random);
        memcpy(copy, load->event.data, load->event.size);
        event_id_make((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, random,
                      copy + load->id_offset);
        events[i] = bytes_of(copy, load->event.size);
    }
    batch_sign(events, count, &load->ledger_id, MEANING_AUTHOR, &load->key->key, &signer);
    return batch_encode(events, count, &signer, 1, arena);
}

/* One request; every `proof_every`-th one waits for its proofs. */
static void request(struct worker *worker, uint64_t number)
{
    const struct bench_load *load = worker->load;
    const bool proof = load->proof_every > 0 && number % load->proof_every == 0;
    const uint32_t count =
        proof && load->batch_events > PROOF_EVENTS_MAX ? PROOF_EVENTS_MAX : load->batch_events;
    const struct tally_append_result *result = NULL;
    struct tally_diag diag = {""};

    arena_reset(worker->arena, 0);
    const struct bytes batch = make_batch(load, count, worker->arena);
    const uint64_t begin_us = now_us();
    const enum tally_err err =
        batch.data == NULL ? TALLY_E_NO_MEMORY
                           : tally_client_append(worker->client, batch.data, batch.size,
                                                 proof ? TALLY_ACK_PROOF : TALLY_ACK_COMMITTED,
                                                 &result, &diag);
    if (err != TALLY_OK) {
        if (worker->refused++ == 0) {
            worker->err = err;
            worker->diag = diag;
        }
        if (!tally_err_retry(err)) worker->deadline_us = 0; /* it would be refused again */
        return;
    }
    times_add(proof ? &worker->proof : &worker->commit, now_us() - begin_us);
    worker->events += result->outcomes_count;
    if (!result->outcomes[0].allowed && worker->err == TALLY_OK) {
        worker->err = TALLY_E_DENIED;
        tally_diag_set(&worker->diag, "the key's principal may not append annotation.added");
    }
    tally_client_result_free(result);
}

static void *work(void *context)
{
    struct worker *worker = context;

    for (uint64_t number = 1; now_us() < worker->deadline_us; number++) request(worker, number);
    return NULL;
}

/* Take what one client did into the result; say what went wrong the first time. */
static void collect(struct worker *worker, struct bench_result *result, bool *said)
{
    result->events += worker->events;
    result->refused += worker->refused;
    times_merge(&result->commit, &worker->commit);
    times_merge(&result->proof, &worker->proof);
    if (worker->err == TALLY_OK || *said) return;
    *said = true;
    (void)cli_fail(worker->load->cli, worker->err, &worker->diag);
}

enum tally_err bench_run(const struct bench_load *load, struct bench_result *ret_result)
{
    struct worker *workers = calloc(load->clients, sizeof *workers);
    struct bench_result result = {0};
    uint32_t opened = 0, started = 0;
    bool said = false;
    enum tally_err err = TALLY_OK;

    if (workers == NULL) return cli_fail(load->cli, TALLY_E_NO_MEMORY, NULL);
    for (; opened < load->clients && err == TALLY_OK; opened++) {
        workers[opened].load = load;
        err = cluster_open(load->cli, &workers[opened].client);
        if (err == TALLY_OK) err = arena_open(0, &workers[opened].arena);
    }
    const uint64_t begin_us = now_us();
    for (; err == TALLY_OK && started < load->clients; started++) {
        workers[started].deadline_us = begin_us + load->seconds * 1000000;
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
            err = cli_failf(load->cli, TALLY_E_NO_MEMORY, "no more threads");
    }
    if (err != TALLY_OK && started > 0) started--; /* the last one did not start */
    for (uint32_t i = 0; i < started; i++) (void)pthread_join(workers[i].thread, NULL);
    result.seconds = (double)(now_us() - begin_us) / 1e6;
    for (uint32_t i = 0; i < opened; i++) {
        collect(&workers[i], &result, &said);
        tally_client_close(workers[i].client);
        arena_close(workers[i].arena);
    }
    free(workers);
    times_sort(&result.commit);
    times_sort(&result.proof);
    if (err == TALLY_OK) {
        *ret_result = result;
    } else {
        bench_times_free(&result.commit);
        bench_times_free(&result.proof);
    }
    return err;
}

/* ---- disk ---------------------------------------------------------------------------- */

static enum tally_err sync_often(int fd, struct bench_disk *disk, struct tally_diag *diag)
{
    const uint8_t block[DISK_BLOCK] = {1};
    const uint64_t begin_us = now_us();
    uint64_t at_us = begin_us;

    while (at_us - begin_us < 1000000) {
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) != 0) {
            tally_diag_set(diag, "cannot write and sync: %s", strerror(errno));
            return TALLY_E_IO;
        }
        const uint64_t done_us = now_us();

        times_add(&disk->sync, done_us - at_us);
        at_us = done_us;
    }
    disk->syncs_per_second = (double)disk->sync.count / ((double)(at_us - begin_us) / 1e6);
    times_sort(&disk->sync);
    return TALLY_OK;
}

enum tally_err bench_disk(const char *directory, struct bench_disk *ret_disk,
                          struct tally_diag *diag)
{
    char path[DISK_PATH_MAX];
    struct bench_disk disk = {0};

    const int size = snprintf(path, sizeof path, "%s/tally-bench.XXXXXX", directory);
    if (size < 0 || (size_t)size >= sizeof path) {
        tally_diag_set(diag, "the path is too long");
        return TALLY_E_IO;
    }
    const int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        tally_diag_set(diag, "cannot write in %s: %s", directory, strerror(errno));
        return TALLY_E_IO;
    }
    const enum tally_err err = sync_often(fd, &disk, diag);
    (void)close(fd);
    (void)unlink(path);
    if (err == TALLY_OK)
        *ret_disk = disk;
    else
        bench_times_free(&disk.sync);
    return err;
}
