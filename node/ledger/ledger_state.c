#include "ledger/ledger_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

enum {
    CACHE_SLOTS = 4096, /* 2 MiB */
    CACHE_ROOM = 496,   /* key and value together; larger ones are not cached */
    PUTS_FIRST = 1024,  /* room to begin with */
};

/* Where a pending put is. Slots of an earlier generation are empty: a flush forgets them all by
 * counting up. */
struct slot {
    uint64_t hash;
    uint32_t put;
    uint32_t generation;
};

/* A value as of now, pending or not: state_set writes through. */
struct cached {
    uint64_t hash;
    uint16_t key_size, value_size; /* key_size 0: empty */
    uint8_t room[CACHE_ROOM];
};

struct ledger_state {
    struct store *store;
    uint64_t seed;
    bool decisions_only;
    struct arena *arena; /* keys and values of pending puts */
    struct store_put *puts;
    size_t puts_count, puts_room;
    struct slot *slots;
    size_t slots_count; /* a power of two, at least twice the puts */
    uint32_t generation;
    struct cached *cache;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    const unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct ledger_state *state, enum store_family family,
                        struct bytes key)
{
    const uint64_t factor = state->seed | UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = state->seed ^ ((uint64_t)family << 56) ^ key.size;
    uint64_t word = 0;
    size_t at = 0;

    for (; key.size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, key.data + at, sizeof word);
        hash = mix(hash ^ word, factor);
    }
    for (word = 0; at < key.size; at++) word = word << 8 | key.data[at];
    hash = mix(hash ^ word, factor);
    return hash ^ hash >> 29;
}

enum tally_err state_open(struct store *store, struct ledger_state **ret_state)
{
    struct ledger_state *state = calloc(1, sizeof *state);

    if (state == NULL) return TALLY_E_NO_MEMORY;
    state->store = store;
    state->generation = 1;
    state->puts_room = PUTS_FIRST;
    state->slots_count = 2 * (size_t)PUTS_FIRST;
    state->puts = calloc(state->puts_room, sizeof *state->puts);
    state->slots = calloc(state->slots_count, sizeof *state->slots);
    state->cache = calloc(CACHE_SLOTS, sizeof *state->cache);
    if (state->puts == NULL || state->slots == NULL || state->cache == NULL ||
        arena_open(0, &state->arena) != TALLY_OK) {
        state_close(state);
        return TALLY_E_NO_MEMORY;
    }
    if (getentropy(&state->seed, sizeof state->seed) != 0) {
        state_close(state);
        return TALLY_E_IO;
    }
    *ret_state = state;
    return TALLY_OK;
}

void state_decisions_only(struct ledger_state *state)
{
    state->decisions_only = true;
}

static bool dropped(const struct ledger_state *state, enum store_family family)
{
    return state->decisions_only && family != STORE_STATE && family != STORE_META;
}

void state_close(struct ledger_state *state)
{
    if (state == NULL) return;
    arena_close(state->arena);
    free(state->puts);
    free(state->slots);
    free(state->cache);
    free(state);
}

/* ---- the cache ---- */

/* Event ids are looked up once, tree nodes and lists not at all. */
static bool cacheable(enum store_family family, struct bytes key)
{
    return family == STORE_STATE && key.data[0] != 'i';
}

static struct cached *cache_slot(struct ledger_state *state, uint64_t hash)
{
    return &state->cache[hash % CACHE_SLOTS];
}

static bool cache_get(struct ledger_state *state, uint64_t hash, struct bytes key,
                      struct bytes *ret_value)
{
    const struct cached *cached = cache_slot(state, hash);

    if (cached->hash != hash || cached->key_size != key.size) return false;
    if (memcmp(cached->room, key.data, key.size) != 0) return false;
    *ret_value = bytes_of(cached->room + cached->key_size, cached->value_size);
    return true;
}

static void cache_set(struct ledger_state *state, uint64_t hash, struct bytes key,
                      struct bytes value)
{
    struct cached *cached = cache_slot(state, hash);

    if (key.size + value.size > CACHE_ROOM) {
        cached->key_size = 0; /* whatever is there might be this key's old value */
        return;
    }
    cached->hash = hash;
    cached->key_size = (uint16_t)key.size;
    cached->value_size = (uint16_t)value.size;
    memcpy(cached->room, key.data, key.size);
    if (value.size > 0) memcpy(cached->room + key.size, value.data, value.size);
}

/* ---- pending puts ---- */

static bool slot_free(const struct ledger_state *state, const struct slot *slot)
{
    return slot->generation != state->generation;
}

/* The slot of the key, or the free one where it belongs. */
static struct slot *find(const struct ledger_state *state, uint64_t hash,
                         enum store_family family, struct bytes key)
{
    for (size_t at = hash & (state->slots_count - 1);;
         at = (at + 1) & (state->slots_count - 1)) {
        struct slot *slot = &state->slots[at];

        if (slot_free(state, slot)) return slot;
        if (slot->hash != hash) continue;
        if (state->puts[slot->put].family == family &&
            bytes_equal(state->puts[slot->put].key, key)) {
            return slot;
        }
    }
}

/* Twice the room for puts, and slots in proportion. */
static enum tally_err grow(struct ledger_state *state)
{
    const size_t room = state->puts_room * 2, count = state->slots_count * 2;
    struct store_put *puts = realloc(state->puts, room * sizeof *puts);
    struct slot *slots;

    if (puts == NULL) return TALLY_E_NO_MEMORY;
    state->puts = puts;
    slots = calloc(count, sizeof *slots);
    if (slots == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < state->slots_count; i++) {
        const struct slot *from = &state->slots[i];
        size_t at = from->hash & (count - 1);

        if (slot_free(state, from)) continue;
        while (slots[at].generation == state->generation) at = (at + 1) & (count - 1);
        slots[at] = *from;
    }
    free(state->slots);
    state->slots = slots;
    state->slots_count = count;
    state->puts_room = room;
    return TALLY_OK;
}

enum tally_err state_add(struct ledger_state *state, enum store_family family, struct bytes key,
                         struct bytes value)
{
    uint8_t *copy;

    ASSERT(key.size > 0);
    if (dropped(state, family)) return TALLY_OK;
    if (state->puts_count == state->puts_room && grow(state) != TALLY_OK) {
        return TALLY_E_NO_MEMORY;
    }
    copy = arena_alloc(state->arena, key.size + value.size);
    if (copy == NULL) return TALLY_E_NO_MEMORY;
    memcpy(copy, key.data, key.size);
    if (value.size > 0) memcpy(copy + key.size, value.data, value.size);
    state->puts[state->puts_count++] =
        (struct store_put){.family = family,
                           .key = bytes_of(copy, key.size),
                           .value = bytes_of(copy + key.size, value.size)};
    return TALLY_OK;
}

enum tally_err state_set(struct ledger_state *state, enum store_family family, struct bytes key,
                         struct bytes value)
{
    const uint64_t hash = hash_of(state, family, key);
    struct slot *slot;
    enum tally_err err;

    if (dropped(state, family)) return TALLY_OK;
    /* Room first: growing moves the slots. */
    if (state->puts_count == state->puts_room && grow(state) != TALLY_OK) {
        return TALLY_E_NO_MEMORY;
    }
    slot = find(state, hash, family, key);
    /* Of the event hashes, only those that something refers to are worth a place; they are
     * written once, so that what a look-up caches stays true. */
    if (cacheable(family, key) && key.data[0] != 'e') cache_set(state, hash, key, value);
    if (!slot_free(state, slot)) {
        struct store_put *put = &state->puts[slot->put];

        if (put->value.size == value.size) {
            /* The bytes are in our own arena; the put only lends them to the store. */
            if (value.size > 0) memcpy((uint8_t *)put->value.data, value.data, value.size);
            return TALLY_OK;
        }
        put->value = arena_copy(state->arena, value);
        return put->value.data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
    }
    err = state_add(state, family, key, value);
    if (err != TALLY_OK) return err;
    *slot = (struct slot){.hash = hash,
                          .put = (uint32_t)(state->puts_count - 1),
                          .generation = state->generation};
    return TALLY_OK;
}

static enum tally_err copy_out(struct bytes value, struct arena *arena, struct bytes *ret_value)
{
    *ret_value = arena_copy(arena, value);
    return ret_value->data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

enum tally_err state_get(struct ledger_state *state, enum store_family family, struct bytes key,
                         struct arena *arena, struct bytes *ret_value, struct tally_diag *diag)
{
    const uint64_t hash = hash_of(state, family, key);
    struct store_value stored;
    const struct slot *slot;
    struct bytes value;
    enum tally_err err;

    if (cacheable(family, key) && cache_get(state, hash, key, &value)) {
        return copy_out(value, arena, ret_value);
    }
    slot = find(state, hash, family, key);
    if (!slot_free(state, slot)) {
        return copy_out(state->puts[slot->put].value, arena, ret_value);
    }
    err = store_get(state->store, family, key, &stored, diag);
    if (err != TALLY_OK) return err;
    value = bytes_of(stored.data, stored.size);
    if (cacheable(family, key)) cache_set(state, hash, key, value);
    err = copy_out(value, arena, ret_value);
    store_value_free(&stored);
    return err;
}

enum tally_err state_flush(struct ledger_state *state, struct tally_diag *diag)
{
    enum tally_err err;

    if (state->puts_count == 0) return TALLY_OK;
    err = store_put(state->store, state->puts, state->puts_count, diag);
    if (err != TALLY_OK) return err;
    state->puts_count = 0;
    state->generation++;
    ASSERT(state->generation != 0);
    arena_reset(state->arena, 0);
    return TALLY_OK;
}
