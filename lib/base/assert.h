/* base/assert - checks for a wrong program. On in every build.
 *
 * ASSERT stops the process: it is for what no input can cause. Whatever a file, a
 * peer or a user can cause is an error value instead (tally/err.h). */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define ASSERT(condition)                                                                      \
    ((condition) ? (void)0 : base_assert_fail(#condition, __FILE__, __LINE__))
#define UNREACHABLE(text) base_assert_fail(text, __FILE__, __LINE__)
#define IMPLIES(a, b)     (!(a) || (b))

/* Print `text` with its place on stderr and abort. */
_Noreturn void base_assert_fail(const char *text, const char *file, int line);

#endif
