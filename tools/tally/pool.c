#include "pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/assert.h"

enum { QUEUE_SIZE = 4096 };

struct task {
    struct pool_group *group;
    void (*run)(void *argument);
    void *argument;
};

struct pool {
    pthread_mutex_t lock; /* of all below but `threads` */
    pthread_cond_t work;  /* a task came, or closed */
    pthread_cond_t done;  /* a group became empty */
    struct task tasks[QUEUE_SIZE];
    uint32_t first, count;
    bool closed;
    uint32_t threads_count;
    pthread_t threads[POOL_THREADS_MAX];
};

static void lock(struct pool *pool)
{
    const int error = pthread_mutex_lock(&pool->lock);

    ASSERT(error == 0);
}

static void unlock(struct pool *pool)
{
    const int error = pthread_mutex_unlock(&pool->lock);

    ASSERT(error == 0);
}

/* Run the oldest task; the lock is held before and after, not meanwhile. */
static void run_one(struct pool *pool)
{
    const struct task task = pool->tasks[pool->first];

    ASSERT(pool->count > 0);
    pool->first = (pool->first + 1) % QUEUE_SIZE;
    pool->count--;
    unlock(pool);
    task.run(task.argument);
    lock(pool);
    ASSERT(task.group->open > 0);
    if (--task.group->open == 0) (void)pthread_cond_broadcast(&pool->done);
}

static void *work(void *context)
{
    struct pool *pool = context;

    lock(pool);
    while (!pool->closed || pool->count > 0) {
        if (pool->count > 0)
            run_one(pool);
        else
            (void)pthread_cond_wait(&pool->work, &pool->lock);
    }
    unlock(pool);
    return NULL;
}

enum tally_err pool_open(uint32_t threads, struct pool **ret_pool)
{
    struct pool *pool = calloc(1, sizeof *pool);

    ASSERT(threads >= 1 && threads <= POOL_THREADS_MAX);
    if (pool == NULL) return TALLY_E_NO_MEMORY;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    (void)pthread_cond_init(&pool->done, NULL);
    while (pool->threads_count < threads &&
           pthread_create(&pool->threads[pool->threads_count], NULL, work, pool) == 0) {
        pool->threads_count++;
    }
    if (pool->threads_count == 0) {
        pool_close(pool);
        return TALLY_E_NO_MEMORY;
    }
    *ret_pool = pool;
    return TALLY_OK;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL) return;
    lock(pool);
    pool->closed = true;
    (void)pthread_cond_broadcast(&pool->work);
    unlock(pool);
    for (uint32_t i = 0; i < pool->threads_count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    ASSERT(pool->count == 0);
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_cond_destroy(&pool->done);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_submit(struct pool *pool, struct pool_group *group, void (*run)(void *argument),
                 void *argument)
{
    lock(pool);
    const bool full = pool->count == QUEUE_SIZE;
    if (!full) {
        pool->tasks[(pool->first + pool->count) % QUEUE_SIZE] =
            (struct task){.group = group, .run = run, .argument = argument};
        pool->count++;
        group->open++;
        (void)pthread_cond_signal(&pool->work);
    }
    unlock(pool);
    if (full) run(argument);
}

void pool_wait(struct pool *pool, struct pool_group *group)
{
    lock(pool);
    while (group->open > 0) {
        if (pool->count > 0)
            run_one(pool);
        else
            (void)pthread_cond_wait(&pool->done, &pool->lock);
    }
    unlock(pool);
}
