/* The ordered map below store_mem, against a plain array of flags. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/mem_table.h"
#include "support/check_main.h"

enum { KEYS = 2000, STEPS = 24000 };

static struct mem_table table;
static uint32_t value_of[KEYS]; /* 0: not there */
static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

/* Keys of one and two bytes, so that some are prefixes of others; their order is that of `key`.
 */
static struct bytes key_of(uint32_t key, uint8_t text[2])
{
    text[0] = (uint8_t)(key / 257);
    text[1] = (uint8_t)(key % 257 - 1);
    return bytes_of(text, key % 257 == 0 ? 1 : 2);
}

static uint32_t model_seek(uint32_t key, bool after)
{
    for (key += after; key < KEYS && value_of[key] == 0; key++) {
    }
    return key;
}

static void check_seek(uint32_t key, bool after)
{
    uint8_t text[2];
    const struct mem_item *item = mem_table_seek(&table, key_of(key, text), after);
    const uint32_t want = model_seek(key, after);

    if (want == KEYS) {
        ck_assert_ptr_null(item);
        return;
    }
    ck_assert_ptr_nonnull(item);
    ck_assert(bytes_equal(mem_item_key(item), key_of(want, text)));
    ck_assert(bytes_equal(mem_item_value(item), bytes_of(&value_of[want], sizeof(uint32_t))));
}

static void check_all(void)
{
    uint8_t text[2];
    uint32_t last = KEYS;

    for (uint32_t key = 0; key < KEYS; key++) {
        check_seek(key, false);
        check_seek(key, true);
        ck_assert_int_eq(mem_table_get(&table, key_of(key, text)) != NULL, value_of[key] != 0);
        if (value_of[key] != 0) last = key;
    }
    ck_assert_int_eq(mem_table_last(&table) == NULL, last == KEYS);
    if (last != KEYS) {
        ck_assert(bytes_equal(mem_item_key(mem_table_last(&table)), key_of(last, text)));
    }
    for (size_t i = 0; i < table.count; i++) ck_assert_uint_gt(table.leaves[i]->count, 0);
}

static void change(uint32_t key, uint32_t value)
{
    uint8_t text[2];
    const struct bytes name = key_of(key, text);
    struct mem_item *old = mem_table_set(
        &table, name, value == 0 ? NULL : mem_item_new(name, bytes_of(&value, sizeof value)));

    ck_assert_int_eq(old != NULL, value_of[key] != 0);
    if (old != NULL) {
        ck_assert(bytes_equal(mem_item_value(old), bytes_of(&value_of[key], sizeof(uint32_t))));
    }
    free(old);
    value_of[key] = value;
}

/* Ups and downs: in turn most steps put, then most remove. */
START_TEST(any_order)
{
    seed = (uint64_t)_i;
    for (uint32_t step = 1; step <= STEPS; step++) {
        const bool grows = step / (STEPS / 6) % 2 == 0;

        change(draw(KEYS), draw(10) < (grows ? 9 : 2) ? step : 0);
        if (step % (STEPS / 6) == 0) check_all();
    }
    for (uint32_t key = 0; key < KEYS; key++) change(key, 0);
    check_all();
    ck_assert_uint_eq(table.count, 0);
    mem_table_clear(&table);
}
END_TEST

START_TEST(ascending_and_descending)
{
    for (uint32_t i = 0; i < KEYS; i++) change(_i == 0 ? i : KEYS - 1 - i, i + 1);
    check_all();
    if (_i == 0) /* keys in order fill their leaves */
        ck_assert_uint_eq(table.count, (KEYS + MEM_TABLE_LEAF - 1) / MEM_TABLE_LEAF);
    for (uint32_t i = 0; i < KEYS - 1; i++) change(_i == 0 ? KEYS - 1 - i : i, 0);
    check_all();
    ck_assert_uint_eq(table.count, 1);
    mem_table_clear(&table);
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("mem_table");
    TCase *cases = tcase_create("table");

    tcase_add_loop_test(cases, any_order, 0, 4);
    tcase_add_loop_test(cases, ascending_and_descending, 0, 2);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
