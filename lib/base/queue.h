/* base/queue - a bounded first-in first-out queue of pointers between threads.
 *
 * A full queue refuses: it never grows and never blocks the pusher. Thread-safe. Whoever pops
 * an item owns it. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

struct queue;

/* A queue of at most `capacity` items. Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err queue_open(size_t capacity, struct queue **ret_queue);
/* Free an empty queue that no thread uses any more; NULL is accepted. */
void queue_free(struct queue *queue);

/* Append `item` (not NULL). False: the queue is full or closed, and the caller keeps the item.
 */
bool queue_push(struct queue *queue, void *item);
/* Take the oldest item, waiting at most `wait_ms` (UINT64_MAX: for ever); NULL when none came
 * in time, or when the queue is closed and empty. */
void *queue_pop(struct queue *queue, uint64_t wait_ms);
/* Refuse what comes from now on and wake everyone who waits. */
void queue_close(struct queue *queue);
/* Closed, whether or not items are left. */
bool queue_closed(struct queue *queue);
/* Items in it at this moment. */
size_t queue_count(struct queue *queue);

#endif
