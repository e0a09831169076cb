/* store_texts - blocks that say which block they are, for tests of a store.
 *
 * Block `index` of text "a" holds "a <index>", and then spaces up to `size`. A failure inside a
 * check is a failed test. */
#ifndef SUPPORT_STORE_TEXTS_H
#define SUPPORT_STORE_TEXTS_H

#include "store/store.h"

enum { STORE_TEXTS_MAX = 256, STORE_TEXTS_SIZE_MAX = 1024 };

/* Append blocks from..to (none when to < from, at most STORE_TEXTS_MAX) after truncating.
 * `size` 0: as short as possible. */
TALLY_NODISCARD enum tally_err store_texts_append(struct store *store, uint64_t truncate_from,
                                                  uint64_t from, uint64_t to, const char *text,
                                                  size_t size);
/* Does this block hold this text, and its own index? */
bool store_texts_is(const struct store_block *block, const char *text);
/* Read block `index` alone; it must be this one. */
void store_texts_check(struct store *store, uint64_t index, const char *text);
/* Read all blocks; each must hold this text. */
void store_texts_check_all(struct store *store, const char *text);
/* Put or (value NULL) erase one key. */
TALLY_NODISCARD enum tally_err store_texts_put(struct store *store, enum store_family family,
                                               const char *key, const char *value);
/* The value must be `want`, and with NULL there must be none. */
void store_texts_check_value(struct store *store, enum store_family family, const char *key,
                             const char *want);

#endif
