/* mem_table - an ordered map from byte strings to byte strings, for store_mem.
 *
 * Sorted leaves under one directory: a change moves at most a leaf and the directory, so that a
 * million keys in any order cost about a microsecond each. Not thread-safe. */
#ifndef STORE_MEM_TABLE_H
#define STORE_MEM_TABLE_H

#include <stddef.h>

#include "base/bytes.h"

enum { MEM_TABLE_LEAF = 256 };

struct mem_item {
    size_t key_size, value_size;
    uint8_t data[]; /* key, value */
};

struct mem_leaf {
    size_t count; /* >= 1 */
    struct mem_item *items[MEM_TABLE_LEAF];
};

/* Zeros are an empty table. */
struct mem_table {
    struct mem_leaf **leaves;
    size_t count, capacity; /* of leaves */
};

/* A new item, malloc'd. */
struct mem_item *mem_item_new(struct bytes key, struct bytes value);
struct bytes mem_item_key(const struct mem_item *item);
struct bytes mem_item_value(const struct mem_item *item);

/* The item with this key, or NULL. Owned by the table. */
struct mem_item *mem_table_get(const struct mem_table *table, struct bytes key);
/* The first item whose key is >= `key`, or > `key` when `after`; NULL: none. */
struct mem_item *mem_table_seek(const struct mem_table *table, struct bytes key, bool after);
/* The item with the largest key, or NULL. */
struct mem_item *mem_table_last(const struct mem_table *table);
/* Put `item`, whose key is `key`, in the place of the item with that key; NULL removes it. The
 * table takes `item`, and gives the old one, or NULL, to the caller to free(). */
struct mem_item *mem_table_set(struct mem_table *table, struct bytes key,
                               struct mem_item *item);
/* Free all items, and be empty again. */
void mem_table_clear(struct mem_table *table);

#endif
