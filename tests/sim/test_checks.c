/* Each check of the simulator can fail: shown a violation, it ends the process with its status.
 * And the same seed gives the same run. */
#include <check.h>
#include <stdlib.h>

#include "crypto/sign.h"
#include "sim/sim.h"
#include "support/check_main.h"

START_TEST(test_shown_a_violation)
{
    const struct sim_options options = {.broken = (enum sim_check)_i};
    struct sim_totals totals = {0};

    ck_assert_int_eq(sign_init(), TALLY_OK);
    (void)sim_run(1, &options, &totals);
    ck_abort_msg("%s saw nothing", sim_check_name((enum sim_check)_i));
}
END_TEST

START_TEST(test_same_seed_same_run)
{
    const struct sim_options options = {.broken = SIM_CHECKS};
    struct sim_totals first = {0}, second = {0};

    ck_assert_int_eq(sign_init(), TALLY_OK);
    ck_assert_uint_eq(sim_run(2, &options, &first), sim_run(2, &options, &second));
    ck_assert_mem_eq(&first, &second, sizeof first);
    ck_assert_uint_ne(sim_run(2, &options, &first), sim_run(3, &options, &second));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("checks");
    TCase *shown = tcase_create("shown a violation"), *replay = tcase_create("replay");

    for (int check = 0; check < SIM_CHECKS; check++) {
        tcase_add_loop_exit_test(shown, test_shown_a_violation, 10 + check, check, check + 1);
    }
    tcase_add_test(replay, test_same_seed_same_run);
    suite_add_tcase(suite, shown);
    suite_add_tcase(suite, replay);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
