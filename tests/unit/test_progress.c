/* Progress: on a terminal only, and only so often. The terminal is a pseudo-terminal. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "support/check_main.h"
#include "tally/progress.h"

static int master;
static FILE *terminal;
static char seen[4096];

static void open_terminal(void)
{
    struct termios mode;

    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    terminal = fopen(ptsname(master), "r+");
    ck_assert_ptr_nonnull(terminal);
    ck_assert_int_eq(tcgetattr(fileno(terminal), &mode), 0);
    cfmakeraw(&mode); /* bytes arrive as they were written */
    ck_assert_int_eq(tcsetattr(fileno(terminal), TCSANOW, &mode), 0);
}

static void close_terminal(void)
{
    fclose(terminal);
    close(master);
}

/* What the terminal got since the last call: everything up to a mark that is written behind it,
 * since bytes arrive when the kernel finds time. */
static const char *got(void)
{
    const char mark = '\1';
    size_t size = 0;

    ck_assert_int_eq(fputc(mark, terminal), mark);
    ck_assert_int_eq(fflush(terminal), 0);
    while (size == 0 || seen[size - 1] != mark) {
        struct pollfd fd = {.fd = master, .events = POLLIN};

        ck_assert_int_eq(poll(&fd, 1, -1), 1);
        const ssize_t more = read(master, seen + size, sizeof seen - size);
        ck_assert_int_gt(more, 0);
        size += (size_t)more;
    }
    seen[size - 1] = '\0';
    return seen;
}

static size_t lines(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) count += *text == '\r' ? 1 : 0;
    return count;
}

START_TEST(shown)
{
    struct progress progress = progress_begin(terminal, true, PROGRESS_BYTES, 0, 1000);

    progress_at(&progress, 50, 1000000000, 1001);
    ck_assert_str_eq(got(), ""); /* what ends at once is not told of */
    progress_at(&progress, 250000000, 1000000000, 2000);
    ck_assert_str_eq(got(), "\r 25 % of 1000 MB, 250 MB/s, 3 s left\033[K");
    progress_end(&progress);
    ck_assert_str_eq(got(), "\r\033[K");
    progress_end(&progress);
    ck_assert_str_eq(got(), "");
}
END_TEST

/* What was there before does not count as fast. */
START_TEST(records)
{
    struct progress progress = progress_begin(terminal, true, PROGRESS_RECORDS, 500, 0);

    progress_at(&progress, 750, 1000, 1000);
    ck_assert_str_eq(got(), "\r 75 % of 1000 records, 250/s, 1 s left\033[K");
}
END_TEST

START_TEST(ten_times_a_second)
{
    struct progress progress = progress_begin(terminal, true, PROGRESS_BYTES, 0, 0);

    for (uint64_t now_ms = 0; now_ms < 2000; now_ms++)
        progress_at(&progress, now_ms, 2000, now_ms);
    ck_assert_uint_eq(lines(got()), 17); /* 300, 400, ... 1900 */
}
END_TEST

START_TEST(nobody_looks)
{
    struct progress json = progress_begin(terminal, false, PROGRESS_BYTES, 0, 0);
    FILE *file = tmpfile();
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    struct progress redirected = progress_begin(file, true, PROGRESS_BYTES, 0, 0);
    struct progress captured = progress_begin(memory, true, PROGRESS_BYTES, 0, 0);

    progress_at(&json, 1, 2, 5000);
    progress_end(&json);
    ck_assert_str_eq(got(), "");
    progress_at(&redirected, 1, 2, 5000);
    progress_end(&redirected);
    ck_assert_int_eq(ftell(file), 0);
    progress_at(&captured, 1, 2, 5000);
    progress_end(&captured);
    ck_assert_int_eq(fflush(memory), 0);
    ck_assert_uint_eq(size, 0);
    fclose(memory);
    free(text);
    fclose(file);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("progress");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, open_terminal, close_terminal);
    tcase_add_test(all, shown);
    tcase_add_test(all, records);
    tcase_add_test(all, ten_times_a_second);
    tcase_add_test(all, nobody_looks);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
