/* check_main - run one Check suite as a test program. */
#ifndef SUPPORT_CHECK_MAIN_H
#define SUPPORT_CHECK_MAIN_H

#include <check.h>

/* Run `suite`, print failures, free it; the exit status of main(). */
int check_main(Suite *suite);

#endif
