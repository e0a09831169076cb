/* store_internal - what the two stores implement. */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "store/store.h"

struct store_ops {
    void (*close)(struct store *store);
    /* `last` is the index of the last block before this step. */
    enum tally_err (*append)(struct store *store, const struct store_append *append,
                             uint64_t last, struct tally_diag *diag);
    /* Blocks as framed by store_frame; store.c checks them. */
    enum tally_err (*read)(struct store *store, uint64_t from, size_t count_max,
                           size_t size_max, struct store_block **ret_blocks, size_t *ret_count,
                           struct tally_diag *diag);
    enum tally_err (*put)(struct store *store, const struct store_put *puts, size_t puts_count,
                          struct tally_diag *diag);
    enum tally_err (*get)(struct store *store, enum store_family family, struct bytes key,
                          struct store_value *ret_value, struct tally_diag *diag);
    enum tally_err (*scan)(struct store *store, enum store_family family, struct bytes prefix,
                           struct bytes from, store_visit *visit, void *context,
                           struct tally_diag *diag);
    enum tally_err (*scan_back)(struct store *store, enum store_family family,
                                store_visit *visit, void *context, struct tally_diag *diag);
    void (*forget)(struct store *store);
    void (*spare_space)(struct store *store, bool spare);
};

/* First member of each implementation. `last` and `hard_state` are the writer's; readers of the
 * log may be behind it, never ahead: before a truncation `last` falls, after an append it
 * rises. `truncations` counts, so that a reader can tell a block that was truncated under its
 * hands from one that is missing. */
struct store {
    const struct store_ops *ops;
    _Atomic uint64_t last, truncations;
    struct store_hard_state hard_state;
};

/* A stored block is framed: version u8, index u64, first 8 bytes of SHA-256 over index and
 * data, then the data. A block that was damaged, or stands where another belongs, is noticed.
 */
enum { STORE_FRAME_SIZE = 1 + 8 + 8 };
void store_frame(uint64_t index, struct bytes data, uint8_t ret_frame[STORE_FRAME_SIZE]);
TALLY_NODISCARD enum tally_err store_unframe(uint64_t index, struct bytes framed,
                                             struct bytes *ret_data, struct tally_diag *diag);

/* Collects consecutive blocks into the one allocation that store_read gives. */
struct store_collect {
    uint8_t *data;
    size_t size, capacity; /* of data */
    struct store_block *blocks;
    size_t count, blocks_capacity;
    uint64_t from;
    size_t count_max, size_max;
};
/* Take one framed block. *ret_more: there is room for another. */
TALLY_NODISCARD enum tally_err store_collect_add(struct store_collect *collect,
                                                 struct bytes framed, bool *ret_more,
                                                 struct tally_diag *diag);
/* Give what was collected, at least one block, and free the rest. */
TALLY_NODISCARD enum tally_err store_collect_give(struct store_collect *collect,
                                                  struct store_block **ret_blocks,
                                                  size_t *ret_count);
void store_collect_free(struct store_collect *collect);

#endif
