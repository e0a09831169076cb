/* Goal: what a node does at each amount of free space, and that it does not waver at the edges.
 * Method: tables of (free MiB, expected state, expected act), each a story from top to bottom;
 * what is decided is done before the next line, as run_space.c does it. */
#include <check.h>

#include "loop/space.h"
#include "support/check_main.h"

struct line {
    uint64_t free_mib;
    enum space_state state;
    enum space_act act;
};

static void tell(struct space space, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const enum space_act act = space_look(&space, lines[i].free_mib * SPACE_MIB);

        ck_assert_msg(space.state == lines[i].state && act == lines[i].act,
                      "line %zu: state %d, act %d", i, (int)space.state, (int)act);
        if (act == SPACE_RELEASE) space.ballast = false;
        if (act == SPACE_RESTORE) space.ballast = true;
    }
}

#define TELL(space, lines) tell((space), (lines), sizeof(lines) / sizeof((lines)[0]))

static const struct space whole = {.state = SPACE_GOOD, .ballast = true};
static const struct space bare = {.state = SPACE_FULL, .ballast = false};

START_TEST(little_space_and_enough_again)
{
    static const struct line lines[] = {
        {10000, SPACE_GOOD, SPACE_KEEP}, {384, SPACE_GOOD, SPACE_KEEP},
        {256, SPACE_GOOD, SPACE_KEEP},   {255, SPACE_LOW, SPACE_KEEP},
        {128, SPACE_LOW, SPACE_KEEP},    {300, SPACE_LOW, SPACE_KEEP},
        {383, SPACE_LOW, SPACE_KEEP},    {384, SPACE_GOOD, SPACE_KEEP},
        {300, SPACE_GOOD, SPACE_KEEP},
    };

    TELL(whole, lines);
}
END_TEST

/* What the ballast gives back is no reason to take blocks again, or to make it again. */
START_TEST(full_until_there_is_space_for_all)
{
    static const struct line lines[] = {
        {200, SPACE_LOW, SPACE_KEEP},   {127, SPACE_FULL, SPACE_RELEASE},
        {383, SPACE_FULL, SPACE_KEEP},  {32, SPACE_FULL, SPACE_KEEP},
        {31, SPACE_FULL, SPACE_END},    {0, SPACE_FULL, SPACE_END},
        {639, SPACE_FULL, SPACE_KEEP},  {640, SPACE_FULL, SPACE_RESTORE},
        {384, SPACE_GOOD, SPACE_KEEP},  {0, SPACE_FULL, SPACE_RELEASE},
        {256, SPACE_FULL, SPACE_KEEP},  {5000, SPACE_FULL, SPACE_RESTORE},
        {4744, SPACE_GOOD, SPACE_KEEP},
    };

    TELL(whole, lines);
}
END_TEST

/* It was made again, and meanwhile somebody took the space. */
START_TEST(restored_but_little_is_left)
{
    static const struct line lines[] = {
        {640, SPACE_FULL, SPACE_RESTORE},
        {300, SPACE_LOW, SPACE_KEEP},
        {100, SPACE_FULL, SPACE_RELEASE},
    };

    TELL(bare, lines);
}
END_TEST

/* Neither a release nor a making that failed is taken for done: both are asked for again. */
START_TEST(asked_for_until_it_is_done)
{
    struct space full = whole, empty = bare;

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(space_look(&full, 0), SPACE_RELEASE);
        ck_assert_int_eq(full.state, SPACE_FULL);
        ck_assert_int_eq(space_look(&empty, SPACE_WHOLE_SIZE), SPACE_RESTORE);
        ck_assert_int_eq(empty.state, SPACE_FULL);
    }
}
END_TEST

static const struct {
    uint64_t free_mib;
    bool ballast, opens;
    enum space_state state;
    enum space_act act;
} beginnings[] = {
    {10000, true, true, SPACE_GOOD, SPACE_KEEP},
    {384, true, true, SPACE_GOOD, SPACE_KEEP},
    {255, true, true, SPACE_FULL, SPACE_RELEASE}, /* opening needs what the ballast holds */
    {128, true, true, SPACE_FULL, SPACE_RELEASE},
    {127, true, false, SPACE_GOOD, SPACE_KEEP},
    {0, true, false, SPACE_GOOD, SPACE_KEEP},
    {640, false, true, SPACE_FULL, SPACE_RESTORE}, /* made before this version */
    {639, false, true, SPACE_FULL, SPACE_KEEP},
    {384, false, true, SPACE_FULL, SPACE_KEEP},
    {383, false, false, SPACE_GOOD, SPACE_KEEP},
    {0, false, false, SPACE_GOOD, SPACE_KEEP},
};

START_TEST(beginning)
{
    struct space space = {.ballast = beginnings[_i].ballast};
    enum space_act act = SPACE_KEEP;

    ck_assert_int_eq(space_begin(&space, beginnings[_i].free_mib * SPACE_MIB, &act),
                     beginnings[_i].opens);
    ck_assert_int_eq(space.state, beginnings[_i].state);
    ck_assert_int_eq(act, beginnings[_i].act);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("space");
    TCase *tc = tcase_create("space");

    tcase_add_test(tc, little_space_and_enough_again);
    tcase_add_test(tc, full_until_there_is_space_for_all);
    tcase_add_test(tc, restored_but_little_is_left);
    tcase_add_test(tc, asked_for_until_it_is_done);
    tcase_add_loop_test(tc, beginning, 0, sizeof beginnings / sizeof beginnings[0]);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
