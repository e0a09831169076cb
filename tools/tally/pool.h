/* pool - threads that work off small tasks.
 *
 * One thread submits and waits; tasks run on the pool's threads, and on the one that waits. A
 * full queue is no error: the submitter then runs the task itself. */
#ifndef TALLY_POOL_H
#define TALLY_POOL_H

#include <stdint.h>
#include <tally/err.h>

struct pool;

/* Tasks that are waited for together; zeros are an empty group. Owned by the submitter; the
 * pool's lock guards it. */
struct pool_group {
    uint32_t open; /* submitted and not done */
};

/* `threads` 1..POOL_THREADS_MAX. Errors: TALLY_E_NO_MEMORY (also when not one thread starts).
 */
enum { POOL_THREADS_MAX = 256 };
TALLY_NODISCARD enum tally_err pool_open(uint32_t threads, struct pool **ret_pool);
/* No task is left. NULL is accepted. */
void pool_close(struct pool *pool);
void pool_submit(struct pool *pool, struct pool_group *group, void (*run)(void *argument),
                 void *argument);
/* Until all tasks of the group are done; works meanwhile. */
void pool_wait(struct pool *pool, struct pool_group *group);

#endif
