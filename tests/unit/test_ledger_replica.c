/* Replicas that apply the same blocks agree in everything they store, however the blocks are
 * grouped in flushes, wherever they restart, and whatever a crash takes away. */
#include <check.h>

#include "crypto/hash.h"
#include "ledger/ledger.h"
#include "store/store_mem.h"
#include "support/check_main.h"
#include "support/ledger_history.h"
#include "support/ledger_run.h"

static struct history history;

static void setup(void)
{
    history_open(&history);
}

static void teardown(void)
{
    history_close(&history);
}

/* Goal: how blocks are grouped does not show. Method: groups of 1 to 25, each against the
 * reference, over all keys and values. */
START_TEST(grouping_does_not_show)
{
    struct store *one = history_reference(&history), *other = history_store(&history);
    struct ledger *ledger = history_ledger(other);
    const struct tally_hash want = ledger_run_contents(one);
    struct ledger_block_result result;
    struct tally_hash got;

    history_store_all(&history, other);
    for (uint32_t n = 0; n < HISTORY_BLOCKS; n++) {
        history_apply(&history, ledger, n, false, &result);
        if (n % (uint32_t)_i == (uint32_t)_i - 1) history_flush(ledger);
    }
    history_flush(ledger);
    history_flush(ledger); /* nothing to write: no difference */
    got = ledger_run_contents(other);
    ck_assert(hash_equal(&want, &got));
    ledger_close(ledger);
    store_close(one);
    store_close(other);
}
END_TEST

/* Goal: a restart loses what was not flushed and nothing else, and the same blocks give the
 * same tree. Method: flush after block r, apply two more, drop them, open again, go on. */
START_TEST(restart_anywhere)
{
    struct store *one = history_reference(&history), *other = history_store(&history);
    struct ledger *ledger = history_ledger(other);
    const struct tally_hash want = ledger_run_contents(one);
    struct ledger_block_result result;
    struct tally_hash got;

    history_store_all(&history, other);
    for (uint32_t n = 0; n < (uint32_t)_i; n++)
        history_apply(&history, ledger, n, false, &result);
    history_flush(ledger);
    for (uint32_t n = (uint32_t)_i; n < HISTORY_BLOCKS && n < (uint32_t)_i + 2; n++) {
        history_apply(&history, ledger, n, false, &result);
    }
    ledger_close(ledger);
    ledger = history_ledger(other);
    ck_assert_uint_eq(ledger_applied(ledger), (uint64_t)_i + 1);
    for (uint32_t n = (uint32_t)_i; n < HISTORY_BLOCKS; n++)
        history_apply(&history, ledger, n, false, &result);
    history_flush(ledger);
    got = ledger_run_contents(other);
    ck_assert(hash_equal(&want, &got));
    ledger_close(ledger);
    store_close(one);
    store_close(other);
}
END_TEST

/* Goal: a power cut takes unsynced puts, even the very first ones; opening again says from
 * where to apply, and the same blocks give the same contents. */
START_TEST(power_cut)
{
    struct store *one = history_reference(&history), *other = history_store(&history);
    const struct tally_hash want = ledger_run_contents(one);
    struct ledger_block_result result;
    struct ledger *ledger;
    struct tally_hash got;
    uint64_t applied;

    history_store_all(&history, other); /* syncs genesis' put too */
    ledger = history_ledger(other);
    for (uint32_t n = 0; n < HISTORY_BLOCKS; n++) {
        history_apply(&history, ledger, n, false, &result);
        history_flush(ledger);
    }
    ledger_close(ledger);
    store_mem_crash(other, (size_t)_i);
    ledger = history_ledger(other);
    applied = ledger_applied(ledger);
    ck_assert_uint_eq(applied, (uint64_t)_i + 1);
    for (uint32_t n = (uint32_t)applied - 1; n < HISTORY_BLOCKS; n++)
        history_apply(&history, ledger, n, false, &result);
    history_flush(ledger);
    got = ledger_run_contents(other);
    ck_assert(hash_equal(&want, &got));
    ledger_close(ledger);
    store_close(one);
    store_close(other);
}
END_TEST

/* Goal: a power cut right after a ledger was made leaves it as it was made. */
START_TEST(genesis_is_durable)
{
    struct store *store = history_store(&history);
    struct ledger_block_result result;
    struct ledger *ledger;

    store_mem_crash(store, 0);
    ledger = history_ledger(store);
    ck_assert_uint_eq(ledger_applied(ledger), 1);
    ck_assert_uint_eq(ledger_size(ledger), 1);
    history_store_all(&history, store);
    history_apply(&history, ledger, 0, false, &result);
    ck_assert(result.events[0].allowed);
    ledger_close(ledger);
    store_close(store);
}
END_TEST

/* Goal: `verified` saves work and changes nothing for a block whose signatures are good. */
START_TEST(verified_before)
{
    struct store *one = history_store(&history), *other = history_store(&history);
    struct ledger *checked = history_ledger(one), *trusted = history_ledger(other);
    struct ledger_block_result a, b;

    for (uint32_t n = 0; n < 3; n++) {
        history_apply(&history, checked, n, false, &a);
        history_apply(&history, trusted, n, true, &b);
        ck_assert_uint_eq(a.size, b.size);
        ck_assert_uint_eq(a.events_count, b.events_count);
        ck_assert_uint_eq(a.voids_count, b.voids_count);
    }
    ledger_close(checked);
    ledger_close(trusted);
    store_close(one);
    store_close(other);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_replica");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, grouping_does_not_show, 2, HISTORY_BLOCKS + 2);
    tcase_add_loop_test(tc, restart_anywhere, 0, HISTORY_BLOCKS + 1);
    tcase_add_loop_test(tc, power_cut, 0, HISTORY_BLOCKS + 1);
    tcase_add_test(tc, genesis_is_durable);
    tcase_add_test(tc, verified_before);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
