#include "store/mem_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* Where an item is, or would go. */
struct place {
    size_t leaf, at;
};

struct mem_item *mem_item_new(struct bytes key, struct bytes value)
{
    struct mem_item *item = malloc(sizeof *item + key.size + value.size);

    ASSERT(item != NULL);
    item->key_size = key.size;
    item->value_size = value.size;
    memcpy(item->data, key.data, key.size);
    if (value.size > 0) memcpy(item->data + key.size, value.data, value.size);
    return item;
}

struct bytes mem_item_key(const struct mem_item *item)
{
    return bytes_of(item->data, item->key_size);
}

struct bytes mem_item_value(const struct mem_item *item)
{
    return bytes_of(item->data + item->key_size, item->value_size);
}

static bool before(const struct mem_item *item, struct bytes key, bool after)
{
    const int order = bytes_compare(mem_item_key(item), key);

    return order < 0 || (after && order == 0);
}

/* The place of the first item that is not before `key`; behind the last item of the last leaf
 * when there is none. */
static struct place find(const struct mem_table *table, struct bytes key, bool after)
{
    struct place place = {0, 0};
    size_t high = table->count;
    const struct mem_leaf *leaf;

    if (table->count == 0) return place;
    while (place.leaf < high) { /* the first leaf whose last item is not before `key` */
        const size_t middle = place.leaf + (high - place.leaf) / 2;

        leaf = table->leaves[middle];
        if (before(leaf->items[leaf->count - 1], key, after)) {
            place.leaf = middle + 1;
        } else {
            high = middle;
        }
    }
    if (place.leaf == table->count) {
        place.leaf--;
        place.at = table->leaves[place.leaf]->count;
        return place;
    }
    leaf = table->leaves[place.leaf];
    high = leaf->count;
    while (place.at < high) {
        const size_t middle = place.at + (high - place.at) / 2;

        if (before(leaf->items[middle], key, after)) {
            place.at = middle + 1;
        } else {
            high = middle;
        }
    }
    return place;
}

static struct mem_item *item_at(const struct mem_table *table, struct place place)
{
    if (place.leaf >= table->count || place.at >= table->leaves[place.leaf]->count) return NULL;
    return table->leaves[place.leaf]->items[place.at];
}

struct mem_item *mem_table_seek(const struct mem_table *table, struct bytes key, bool after)
{
    return item_at(table, find(table, key, after));
}

struct mem_item *mem_table_get(const struct mem_table *table, struct bytes key)
{
    struct mem_item *item = mem_table_seek(table, key, false);

    return item != NULL && bytes_equal(mem_item_key(item), key) ? item : NULL;
}

struct mem_item *mem_table_last(const struct mem_table *table)
{
    const struct mem_leaf *leaf = table->count == 0 ? NULL : table->leaves[table->count - 1];

    return leaf == NULL ? NULL : leaf->items[leaf->count - 1];
}

/* A new, empty leaf at `at` of the directory. */
static struct mem_leaf *add_leaf(struct mem_table *table, size_t at)
{
    struct mem_leaf *leaf = malloc(sizeof *leaf);

    ASSERT(leaf != NULL);
    leaf->count = 0;
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 16 : 2 * table->capacity;
        table->leaves = realloc(table->leaves, table->capacity * sizeof(void *));
        ASSERT(table->leaves != NULL);
    }
    memmove(&table->leaves[at + 1], &table->leaves[at], (table->count - at) * sizeof(void *));
    table->leaves[at] = leaf;
    table->count++;
    return leaf;
}

/* Make room at `place` in a full leaf. At the end of the table a leaf stays full: keys that
 * come in order fill their leaves. */
static struct place split(struct mem_table *table, struct place place)
{
    const size_t half = MEM_TABLE_LEAF / 2;
    struct mem_leaf *left = table->leaves[place.leaf];
    struct mem_leaf *right = add_leaf(table, place.leaf + 1);

    if (place.leaf + 2 == table->count && place.at == left->count) {
        return (struct place){place.leaf + 1, 0};
    }
    memcpy(right->items, &left->items[half], half * sizeof(void *));
    left->count = right->count = half;
    if (place.at <= half) return place;
    return (struct place){place.leaf + 1, place.at - half};
}

static void insert(struct mem_table *table, struct place place, struct mem_item *item)
{
    struct mem_leaf *leaf;

    if (table->count == 0) add_leaf(table, 0);
    if (table->leaves[place.leaf]->count == MEM_TABLE_LEAF) place = split(table, place);
    leaf = table->leaves[place.leaf];
    memmove(&leaf->items[place.at + 1], &leaf->items[place.at],
            (leaf->count - place.at) * sizeof(void *));
    leaf->items[place.at] = item;
    leaf->count++;
}

static void remove_at(struct mem_table *table, struct place place)
{
    struct mem_leaf *leaf = table->leaves[place.leaf];

    leaf->count--;
    memmove(&leaf->items[place.at], &leaf->items[place.at + 1],
            (leaf->count - place.at) * sizeof(void *));
    if (leaf->count > 0) return;
    free(leaf);
    table->count--;
    memmove(&table->leaves[place.leaf], &table->leaves[place.leaf + 1],
            (table->count - place.leaf) * sizeof(void *));
}

struct mem_item *mem_table_set(struct mem_table *table, struct bytes key, struct mem_item *item)
{
    const struct place place = find(table, key, false);
    struct mem_item *old = item_at(table, place);

    if (old != NULL && !bytes_equal(mem_item_key(old), key)) old = NULL;
    if (old != NULL && item != NULL) {
        table->leaves[place.leaf]->items[place.at] = item;
    } else if (old != NULL) {
        remove_at(table, place);
    } else if (item != NULL) {
        insert(table, place, item);
    }
    return old;
}

void mem_table_clear(struct mem_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        for (size_t k = 0; k < table->leaves[i]->count; k++) free(table->leaves[i]->items[k]);
        free(table->leaves[i]);
    }
    free(table->leaves);
    *table = (struct mem_table){0};
}
