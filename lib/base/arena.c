#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 64 * 1024, ALIGNMENT = alignof(max_align_t) };

struct chunk {
    struct chunk *next;
    size_t size, used; /* of data */
    alignas(max_align_t) uint8_t data[];
};

struct arena {
    size_t size_max, used;
    struct chunk *first, *current; /* all chunks; the one that is filled now */
};

enum tally_err arena_open(size_t size_max, struct arena **ret_arena)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (arena == NULL) return TALLY_E_NO_MEMORY;
    arena->size_max = size_max == 0 ? SIZE_MAX : size_max;
    *ret_arena = arena;
    return TALLY_OK;
}

void arena_close(struct arena *arena)
{
    struct chunk *chunk = arena == NULL ? NULL : arena->first;

    while (chunk != NULL) {
        struct chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    free(arena);
}

void arena_reset(struct arena *arena, size_t size_max)
{
    for (struct chunk *chunk = arena->first; chunk != NULL; chunk = chunk->next)
        chunk->used = 0;
    arena->current = arena->first;
    arena->used = 0;
    arena->size_max = size_max == 0 ? SIZE_MAX : size_max;
}

/* A chunk with room for `size` bytes: the current one, a later kept one, or a new one. */
static struct chunk *chunk_with_room(struct arena *arena, size_t size)
{
    struct chunk *last = NULL, *chunk;

    for (chunk = arena->current; chunk != NULL; chunk = chunk->next) {
        if (chunk->size - chunk->used >= size) return chunk;
        last = chunk;
    }
    const size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

    chunk = malloc(sizeof *chunk + room);
    if (chunk == NULL) return NULL;
    chunk->next = NULL;
    chunk->size = room;
    chunk->used = 0;
    if (last == NULL) {
        arena->first = chunk;
    } else {
        last->next = chunk;
    }
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct chunk *chunk;
    void *given;

    if (rounded < size || rounded > arena->size_max - arena->used) return NULL;
    chunk = chunk_with_room(arena, rounded);
    if (chunk == NULL) return NULL;
    arena->current = chunk;
    given = chunk->data + chunk->used;
    chunk->used += rounded;
    arena->used += rounded;
    return given;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    void *given;

    if (size > 0 && count > SIZE_MAX / size) return NULL;
    given = arena_alloc(arena, count * size);
    if (given != NULL) memset(given, 0, count * size);
    return given;
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    uint8_t *copy = bytes.size == SIZE_MAX ? NULL : arena_alloc(arena, bytes.size + 1);

    if (copy == NULL) return (struct bytes){0};
    if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = 0;
    return (struct bytes){copy, bytes.size};
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
