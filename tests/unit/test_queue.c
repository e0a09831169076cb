/* base/queue: bounded, ordered, and nothing is lost between threads. */
#include <pthread.h>
#include <stdint.h>

#include "base/queue.h"
#include "support/check_main.h"

static struct queue *queue;

static void setup(void)
{
    ck_assert_int_eq(queue_open(4, &queue), TALLY_OK);
}

static void teardown(void)
{
    queue_free(queue);
}

START_TEST(first_in_first_out_and_full_refuses)
{
    static int items[5];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) ck_assert(queue_push(queue, &items[i]));
        ck_assert(!queue_push(queue, &items[4]));
        ck_assert_uint_eq(queue_count(queue), 4);
        for (int i = 0; i < 4; i++) ck_assert_ptr_eq(queue_pop(queue, UINT64_MAX), &items[i]);
    }
    ck_assert_ptr_null(queue_pop(queue, 0));
}
END_TEST

START_TEST(a_closed_queue_gives_what_it_holds)
{
    static int item;

    ck_assert(queue_push(queue, &item));
    ck_assert(!queue_closed(queue));
    queue_close(queue);
    ck_assert(queue_closed(queue));
    ck_assert(!queue_push(queue, &item));
    ck_assert_ptr_eq(queue_pop(queue, UINT64_MAX), &item);
    ck_assert_ptr_null(queue_pop(queue, UINT64_MAX));
}
END_TEST

enum { PUSHERS = 3, EACH = 2000 };
static uint8_t numbers[PUSHERS * EACH];

/* Push one third of `numbers`, again and again while the queue is full. */
static void *push_all(void *from)
{
    uint8_t *mine = from;

    for (size_t i = 0; i < EACH; i++) {
        while (!queue_push(queue, &mine[i])) (void)sched_yield();
    }
    return NULL;
}

static void *pop_all(void *unused)
{
    uint8_t *number;

    (void)unused;
    while ((number = queue_pop(queue, UINT64_MAX)) != NULL) (*number)++;
    return NULL;
}

START_TEST(between_threads_nothing_is_lost_or_given_twice)
{
    pthread_t pushers[PUSHERS], poppers[2];

    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&poppers[i], NULL, pop_all, NULL), 0);
    }
    for (size_t i = 0; i < PUSHERS; i++) {
        ck_assert_int_eq(pthread_create(&pushers[i], NULL, push_all, numbers + i * EACH), 0);
    }
    for (size_t i = 0; i < PUSHERS; i++) ck_assert_int_eq(pthread_join(pushers[i], NULL), 0);
    queue_close(queue);
    for (size_t i = 0; i < 2; i++) ck_assert_int_eq(pthread_join(poppers[i], NULL), 0);
    for (size_t i = 0; i < PUSHERS * EACH; i++) ck_assert_uint_eq(numbers[i], 1);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("queue");
    TCase *tc = tcase_create("queue");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, first_in_first_out_and_full_refuses);
    tcase_add_test(tc, a_closed_queue_gives_what_it_holds);
    tcase_add_test(tc, between_threads_nothing_is_lost_or_given_twice);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
