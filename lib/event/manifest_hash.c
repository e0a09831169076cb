/* Each thread takes the biggest file that nobody has taken and reads it from start to end: one
 * SHA-256 cannot be split, so the longest ones must not begin last. */
#include "event/manifest_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "crypto/hash.h"

enum {
    READ_SIZE = 256 * 1024,            /* fits a core's cache: hashed while it is there */
    AHEAD_SIZE = 8 * 1024 * 1024,      /* asked of the kernel before it is read */
    THREADS_PAY_SIZE = 2 * 1024 * 1024 /* with less to read, threads cost more than they give */
};

struct place {
    uint64_t size;
    size_t index;
};

struct hashing {
    const struct manifest_hash *how;
    struct tally_manifest_file *files;
    size_t count;
    const struct place *order; /* biggest first */
    bool threaded;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    size_t next; /* in `order` */
    unsigned running;
    uint64_t done; /* bytes */
    size_t failed; /* the first file that failed; `count`: none */
    enum tally_err err;
    struct tally_diag diag; /* of that file */
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void add_done(struct hashing *hashing, uint64_t size)
{
    const struct manifest_hash *how = hashing->how;

    if (!hashing->threaded) {
        hashing->done += size;
        if (how->progress != NULL) how->progress(how->context, hashing->done, how->size);
        return;
    }
    pthread_mutex_lock(&hashing->lock);
    hashing->done += size;
    pthread_cond_signal(&hashing->changed);
    pthread_mutex_unlock(&hashing->lock);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ino == b->st_ino;
}

/* The reason of a failure, NULL when there is none. */
static const char *hash_open_file(struct hashing *hashing, int fd, uint8_t *room,
                                  struct tally_manifest_file *file, enum tally_err *ret_err)
{
    struct hash_state state;
    struct stat before, after;
    uint64_t size = 0, ahead = 0;

    *ret_err = TALLY_E_IO;
    if (fstat(fd, &before) != 0) return strerror(errno);
    if (!S_ISREG(before.st_mode)) {
        *ret_err = TALLY_E_INVALID;
        return "not a regular file";
    }
    hash_begin(&state);
    for (;;) {
        if (size + AHEAD_SIZE / 2 >= ahead && ahead < (uint64_t)before.st_size) {
            (void)posix_fadvise(fd, (off_t)ahead, AHEAD_SIZE, POSIX_FADV_WILLNEED);
            ahead += AHEAD_SIZE;
        }
        const ssize_t got = read(fd, room, READ_SIZE);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return strerror(errno);
        if (got == 0) break;
        hash_update(&state, room, (size_t)got);
        size += (uint64_t)got;
        add_done(hashing, (uint64_t)got);
    }
    if (fstat(fd, &after) != 0) return strerror(errno);
    if (!same_file(&before, &after) || size != (uint64_t)before.st_size) {
        *ret_err = TALLY_E_MISMATCH;
        return "it changed while it was read: try again";
    }
    file->size = size;
    hash_finish(&state, &file->digest);
    return NULL;
}

/* Of several failures the first file's is told: the same whatever the threads did. */
static void note_failure(struct hashing *hashing, size_t index, enum tally_err err,
                         const char *why)
{
    pthread_mutex_lock(&hashing->lock);
    if (index < hashing->failed) {
        hashing->failed = index;
        hashing->err = err;
        tally_diag_set(&hashing->diag, "%s/%s: %s", hashing->how->directory,
                       hashing->files[index].path, why);
    }
    pthread_mutex_unlock(&hashing->lock);
}

static void hash_one(struct hashing *hashing, size_t index, uint8_t *room)
{
    struct tally_manifest_file *file = &hashing->files[index];
    const int fd = openat(hashing->how->root, file->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    enum tally_err err = TALLY_E_IO;
    const char *why;

    if (fd < 0) {
        note_failure(hashing, index, TALLY_E_IO, strerror(errno));
        return;
    }
    why = hash_open_file(hashing, fd, room, file, &err);
    if (why != NULL) note_failure(hashing, index, err, why);
    close(fd);
}

/* The next file, or `count`. Files behind one that failed change nothing any more. */
static size_t take_next(struct hashing *hashing)
{
    size_t index = hashing->count;

    pthread_mutex_lock(&hashing->lock);
    while (hashing->next < hashing->count && index == hashing->count) {
        const size_t candidate = hashing->order[hashing->next++].index;

        if (candidate < hashing->failed) index = candidate;
    }
    pthread_mutex_unlock(&hashing->lock);
    return index;
}

static void *work(void *context)
{
    struct hashing *hashing = context;
    uint8_t *room = malloc(READ_SIZE);

    if (room == NULL) note_failure(hashing, 0, TALLY_E_NO_MEMORY, "no memory to read it");
    for (;;) {
        const size_t index = room == NULL ? hashing->count : take_next(hashing);

        if (index == hashing->count) break;
        hash_one(hashing, index, room);
    }
    free(room);
    pthread_mutex_lock(&hashing->lock);
    hashing->running--;
    pthread_cond_signal(&hashing->changed);
    pthread_mutex_unlock(&hashing->lock);
    return NULL;
}

/* Tell of progress until the last thread has nothing left. */
static void watch(struct hashing *hashing)
{
    const struct manifest_hash *how = hashing->how;
    uint64_t told = 0;

    pthread_mutex_lock(&hashing->lock);
    while (hashing->running > 0 || hashing->done != told) {
        if (hashing->done == told) {
            pthread_cond_wait(&hashing->changed, &hashing->lock);
            continue;
        }
        told = hashing->done;
        pthread_mutex_unlock(&hashing->lock);
        if (how->progress != NULL) how->progress(how->context, told, how->size);
        pthread_mutex_lock(&hashing->lock);
    }
    pthread_mutex_unlock(&hashing->lock);
}

static void work_on_threads(struct hashing *hashing, unsigned count)
{
    pthread_t threads[MANIFEST_THREADS_MAX];
    unsigned started = 0;

    ASSERT(count <= MANIFEST_THREADS_MAX);
    hashing->threaded = true;
    hashing->running = count;
    while (started < count && pthread_create(&threads[started], NULL, work, hashing) == 0)
        started++;
    pthread_mutex_lock(&hashing->lock);
    hashing->running -= count - started;
    pthread_mutex_unlock(&hashing->lock);
    if (started > 0) watch(hashing);
    for (unsigned i = 0; i < started; i++) pthread_join(threads[i], NULL);
    if (started > 0) return;
    hashing->threaded = false; /* the system gives no thread: the caller's must do */
    hashing->running = 1;
    (void)work(hashing);
}

static unsigned processors(void)
{
    cpu_set_t set;
    const int count =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : MANIFEST_THREADS_MAX;

    return count < 1 ? 1 : (unsigned)count;
}

static unsigned threads_for(const struct manifest_hash *how, size_t count)
{
    unsigned threads = how->threads;

    if (threads == 0) threads = how->size < THREADS_PAY_SIZE ? 1 : processors();
    if (threads > count) threads = (unsigned)count;
    return threads > MANIFEST_THREADS_MAX ? MANIFEST_THREADS_MAX : threads;
}

enum tally_err manifest_hash(const struct manifest_hash *how, struct tally_manifest_file *files,
                             size_t count, struct tally_diag *diag)
{
    struct hashing hashing = {
        .how = how, .files = files, .count = count, .failed = count, .running = 1};
    struct place *order = malloc(count * sizeof *order);
    const unsigned threads = threads_for(how, count);

    ASSERT(count > 0);
    if (order == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) order[i] = (struct place){files[i].size, i};
    qsort(order, count, sizeof *order, compare_places);
    hashing.order = order;
    pthread_mutex_init(&hashing.lock, NULL);
    pthread_cond_init(&hashing.changed, NULL);
    if (threads > 1)
        work_on_threads(&hashing, threads);
    else
        (void)work(&hashing);
    pthread_cond_destroy(&hashing.changed);
    pthread_mutex_destroy(&hashing.lock);
    free(order);
    if (hashing.failed == count) return TALLY_OK;
    tally_diag_set(diag, "%s", hashing.diag.text);
    return hashing.err;
}
