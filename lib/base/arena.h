/* base/arena - memory that is freed all at once, up to a cap.
 *
 * For what one block, one message or one request needs. An arena belongs to one thread at a
 * time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <tally/err.h>

#include "base/bytes.h"

struct arena;

/* An arena that gives at most `size_max` bytes in all; 0: no cap. Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err arena_open(size_t size_max, struct arena **ret_arena);
/* Free it with all that it gave; NULL is accepted. */
void arena_close(struct arena *arena);
/* Take back all that it gave, keep the memory for the next use, and set a new cap. */
void arena_reset(struct arena *arena, size_t size_max);

/* `size` bytes (0 is allowed), aligned for any type, not zeroed; NULL at the cap or without
 * memory. */
void *arena_alloc(struct arena *arena, size_t size);
/* The same, zeroed; NULL also when count * size does not fit a size_t. */
void *arena_zalloc(struct arena *arena, size_t count, size_t size);
/* A copy in the arena, with a NUL behind it that is not counted; data is NULL without memory.
 */
struct bytes arena_copy(struct arena *arena, struct bytes bytes);
/* Bytes given since it was opened or reset. */
size_t arena_used(const struct arena *arena);

#endif
