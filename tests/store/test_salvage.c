/* What a rebuild takes over from a damaged log: every block from the second on that chains to
 * this ledger's first one, up to the first that is not what was written. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/block.h"
#include "loop/jobs.h"
#include "store/store_mem.h"
#include "support/check_main.h"

enum { BLOCKS = 40, DAMAGED_BIT = 8 * 60 };

/* A log of blocks without bodies; ledgers with another `time_ms` have other blocks. */
static struct store *make_log(uint64_t blocks, uint64_t time_ms)
{
    struct tally_hash previous = {0};
    struct store *store = NULL;

    ck_assert_int_eq(store_mem_open(&store), TALLY_OK);
    for (uint64_t index = 1; index <= blocks; index++) {
        const struct store_hard_state state = {.term = 7, .vote = 2, .commit = index};
        const struct block_header header = {
            .kind = index == 1 ? BLOCK_GENESIS : BLOCK_TICK,
            .index = index,
            .term = index == 1 ? 0 : 1,
            .time_ms = time_ms,
            .previous = previous,
        };
        uint8_t bytes[BLOCK_HEADER_SIZE];
        const struct store_block block = {index, bytes_of(bytes, sizeof bytes)};
        const struct store_append append = {
            .hard_state = &state, .blocks = &block, .blocks_count = 1};

        block_header_encode(&header, bytes);
        block_hash(&header, &previous);
        ck_assert_int_eq(store_append(store, &append, NULL), TALLY_OK);
    }
    return store;
}

/* Salvage into a log that has its first block; both are closed. `want`: the last block then. */
static void check_salvage(struct store *damaged, uint64_t time_ms, uint64_t want)
{
    struct store *store = make_log(1, time_ms), *whole = make_log(BLOCKS, time_ms);
    struct tally_diag diag = {{0}};

    ck_assert_msg(job_salvage(damaged, store, &diag) == TALLY_OK, "%s", diag.text);
    ck_assert_uint_eq(store_last(store), want);
    ck_assert_uint_eq(store_hard_state(store).commit, want);
    if (want > 1) ck_assert_uint_eq(store_hard_state(store).term, 7);
    for (uint64_t index = 1; index <= want; index++) {
        struct store_block *block = NULL, *other = NULL;
        size_t count = 0;

        ck_assert_int_eq(store_read(store, index, 1, 1, &block, &count, NULL), TALLY_OK);
        ck_assert_int_eq(store_read(whole, index, 1, 1, &other, &count, NULL), TALLY_OK);
        ck_assert(bytes_equal(block->data, other->data));
        free(block);
        free(other);
    }
    store_close(damaged);
    store_close(store);
    store_close(whole);
}

START_TEST(up_to_the_damaged_block)
{
    struct store *damaged = make_log(BLOCKS, 5);

    ck_assert(store_mem_flip(damaged, (uint64_t)_i, DAMAGED_BIT));
    check_salvage(damaged, 5, (uint64_t)_i - 1);
}
END_TEST

/* The first block is there already: that it is damaged takes nothing away. */
START_TEST(first_block_damaged)
{
    struct store *damaged = make_log(BLOCKS, 5);

    ck_assert(store_mem_flip(damaged, 1, DAMAGED_BIT));
    check_salvage(damaged, 5, BLOCKS);
}
END_TEST

START_TEST(misplaced_and_lost)
{
    struct store *damaged = make_log(BLOCKS, 5);

    ck_assert(store_mem_misdirect(damaged, 20));
    check_salvage(damaged, 5, 20);
    damaged = make_log(BLOCKS, 5);
    ck_assert(store_mem_lose(damaged, 20));
    check_salvage(damaged, 5, 19);
}
END_TEST

/* Whole, but of another ledger: nothing of it chains to our first block. */
START_TEST(another_ledger)
{
    check_salvage(make_log(BLOCKS, 6), 5, 1);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("salvage");
    TCase *cases = tcase_create("salvage");

    tcase_add_loop_test(cases, up_to_the_damaged_block, 2, BLOCKS + 1);
    tcase_add_test(cases, first_block_damaged);
    tcase_add_test(cases, misplaced_and_lost);
    tcase_add_test(cases, another_ledger);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
