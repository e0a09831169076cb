/* Which connections of clients a node closes, by tables of what they did. */
#include "net/connections.h"
#include "support/check_main.h"

enum { MIB = 1024 * 1024 };

static struct connections *table;

static void setup(void)
{
    ck_assert_int_eq(connections_open(&table), TALLY_OK);
}

static void teardown(void)
{
    connections_free(table);
}

static void ask(uint32_t id)
{
    ck_assert(connections_request(table, id));
}

/* A request and its answer, which NNG takes at once. */
static void exchange(uint32_t id, size_t size)
{
    ask(id);
    connections_answer(table, id, size);
    ck_assert_uint_eq(connections_crowded(table), 0);
    connections_sent(table, id, size);
}

/* Goal: a full table makes room by the connection that was silent for longest. */
START_TEST(full_table_closes_the_oldest)
{
    for (uint32_t id = 1; id <= CONNECTIONS_MAX; id++)
        ck_assert_uint_eq(connections_add(table, id), 0);
    exchange(1, 10);
    ck_assert_uint_eq(connections_add(table, 1000), 2);
    ck_assert(!connections_request(table, 2));
    ask(1);
    connections_remove(table, 3);
    ck_assert_uint_eq(connections_add(table, 1001), 0);
    ck_assert_uint_eq(connections_add(table, 1002), 4);
}
END_TEST

START_TEST(too_many_requests_at_once_close_it)
{
    ck_assert_uint_eq(connections_add(table, 7), 0);
    for (int i = 0; i < CONNECTIONS_REQUESTS_MAX; i++) ask(7);
    ck_assert(!connections_request(table, 7));
    connections_answer(table, 7, 5); /* answers of what it asked before lead nowhere */
    connections_sent(table, 7, 5);
    ck_assert(!connections_request(table, 7));
}
END_TEST

START_TEST(one_at_a_time_goes_on_for_ever)
{
    ck_assert_uint_eq(connections_add(table, 7), 0);
    for (int i = 0; i < 1000; i++) exchange(7, 4 * MIB);
}
END_TEST

/* Goal: large answers that may be unread close the oldest of those who got one. */
START_TEST(unread_answers_close_the_oldest_reader)
{
    const uint32_t fit = CONNECTIONS_UNREAD_SIZE_MAX / (4 * MIB);

    ck_assert_uint_eq(connections_add(table, 1), 0);
    exchange(1, 100);
    for (uint32_t id = 2; id < 2 + fit; id++) {
        ck_assert_uint_eq(connections_add(table, id), 0);
        if (id < 1 + fit) exchange(id, 4 * MIB);
    }
    ask(1 + fit);
    connections_answer(table, 1 + fit, 4 * MIB);
    ck_assert_uint_eq(connections_crowded(table), 2); /* 100 bytes over */
    ck_assert_uint_eq(connections_crowded(table), 0);
    ask(1);
}
END_TEST

/* Goal: an answer that waits behind an unread one counts as well. */
START_TEST(waiting_answers_count)
{
    const uint32_t fit = CONNECTIONS_UNREAD_SIZE_MAX / (8 * MIB);

    for (uint32_t id = 1; id <= fit + 1; id++) {
        ck_assert_uint_eq(connections_add(table, id), 0);
        ask(id);
        connections_answer(table, id, 4 * MIB);
        connections_sent(table, id, 4 * MIB);
        ask(id);
        connections_answer(table, id, 4 * MIB);
        ck_assert_uint_eq(connections_crowded(table), id == fit + 1 ? 1 : 0);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("connections");
    TCase *tc = tcase_create("table");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, full_table_closes_the_oldest);
    tcase_add_test(tc, too_many_requests_at_once_close_it);
    tcase_add_test(tc, one_at_a_time_goes_on_for_ever);
    tcase_add_test(tc, unread_answers_close_the_oldest_reader);
    tcase_add_test(tc, waiting_answers_count);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
