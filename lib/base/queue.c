#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"

struct queue {
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t filled;
    size_t capacity, count, first;
    bool closed;
    void *items[];
};

enum tally_err queue_open(size_t capacity, struct queue **ret_queue)
{
    struct queue *queue = calloc(1, sizeof *queue + capacity * sizeof queue->items[0]);

    ASSERT(capacity > 0);
    if (queue == NULL) return TALLY_E_NO_MEMORY;
    queue->capacity = capacity;
    pthread_mutex_init(&queue->lock, NULL);
    clock_condition_init(&queue->filled);
    *ret_queue = queue;
    return TALLY_OK;
}

void queue_free(struct queue *queue)
{
    if (queue == NULL) return;
    ASSERT(queue->count == 0);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

bool queue_push(struct queue *queue, void *item)
{
    bool taken = false;

    ASSERT(item != NULL);
    pthread_mutex_lock(&queue->lock);
    if (!queue->closed && queue->count < queue->capacity) {
        queue->items[(queue->first + queue->count) % queue->capacity] = item;
        queue->count++;
        taken = true;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void *queue_pop(struct queue *queue, uint64_t wait_ms)
{
    const struct timespec deadline = clock_deadline(wait_ms == UINT64_MAX ? 0 : wait_ms);
    void *item = NULL;
    int waited = 0;

    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && !queue->closed && waited != ETIMEDOUT) {
        waited = wait_ms == UINT64_MAX
                     ? pthread_cond_wait(&queue->filled, &queue->lock)
                     : pthread_cond_timedwait(&queue->filled, &queue->lock, &deadline);
    }
    if (queue->count > 0) {
        item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_closed(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}

size_t queue_count(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}
