/* base/file on a real directory: what is read, what is refused, and what stays after an error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support/check_main.h"

static char directory[] = "/tmp/tally-file-XXXXXX";
static char path[64];

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/f", directory);
}

static void teardown(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    ck_assert_int_eq(system(command), 0);
}

static void ck_content(const char *want)
{
    uint8_t *data = NULL;
    size_t size = 0;

    ck_assert_int_eq(file_read(path, 100, &data, &size, NULL), TALLY_OK);
    ck_assert_uint_eq(size, strlen(want));
    ck_assert_str_eq((const char *)data, want);
    free(data);
}

START_TEST(a_file_comes_back)
{
    struct stat status;

    ck_assert_int_eq(file_create(path, bytes_of("secret", 6), 0600, NULL), TALLY_OK);
    ck_content("secret");
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_int_eq(file_write(path, bytes_of("other", 5), 0644, NULL), TALLY_OK);
    ck_content("other");
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0644);
}
END_TEST

START_TEST(create_never_replaces)
{
    struct tally_diag diag;

    ck_assert_int_eq(file_create(path, bytes_of("a", 1), 0600, NULL), TALLY_OK);
    ck_assert_int_eq(file_create(path, bytes_of("b", 1), 0600, &diag), TALLY_E_CONFLICT);
    ck_assert_ptr_nonnull(strstr(diag.text, path));
    ck_content("a");
}
END_TEST

START_TEST(an_error_names_the_path_and_leaves_the_results)
{
    uint8_t *data = NULL;
    size_t size = 77;
    struct tally_diag diag;

    ck_assert_int_eq(file_read(path, 10, &data, &size, &diag), TALLY_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(diag.text, path));
    ck_assert_int_eq(file_read(directory, 10, &data, &size, &diag), TALLY_E_IO);
    ck_assert_ptr_nonnull(strstr(diag.text, directory));
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(size, 77);
}
END_TEST

START_TEST(a_fifo_is_refused_without_waiting)
{
    uint8_t *data = NULL;
    size_t size = 0;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(file_read(path, 10, &data, &size, NULL), TALLY_E_IO);
}
END_TEST

START_TEST(the_limit_is_exact)
{
    uint8_t *data = NULL;
    size_t size = 0;

    ck_assert_int_eq(file_create(path, bytes_of("12345", 5), 0600, NULL), TALLY_OK);
    ck_assert_int_eq(file_read(path, 4, &data, &size, NULL), TALLY_E_TOO_LARGE);
    ck_assert_int_eq(file_read(path, 5, &data, &size, NULL), TALLY_OK);
    free(data);
}
END_TEST

START_TEST(an_empty_file_is_read)
{
    ck_assert_int_eq(file_create(path, bytes_of(NULL, 0), 0600, NULL), TALLY_OK);
    ck_content("");
}
END_TEST

/* Goal: what a run that was cut short left beside the file does not stop the next one. */
START_TEST(a_left_over_is_replaced)
{
    char beside[80];

    snprintf(beside, sizeof beside, "%s.new", path);
    ck_assert_int_eq(file_create(beside, bytes_of("half", 4), 0600, NULL), TALLY_OK);
    ck_assert_int_eq(file_write(path, bytes_of("whole", 5), 0600, NULL), TALLY_OK);
    ck_content("whole");
    ck_assert_int_eq(access(beside, F_OK), -1);
}
END_TEST

START_TEST(no_directory_is_an_error)
{
    struct tally_diag diag;

    snprintf(path, sizeof path, "%s/none/f", directory);
    ck_assert_int_eq(file_write(path, bytes_of("a", 1), 0600, &diag), TALLY_E_IO);
    ck_assert_ptr_nonnull(strstr(diag.text, strerror(ENOENT)));
    ck_assert_int_eq(file_sync_directory(path, &diag), TALLY_E_IO);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tc = tcase_create("file");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_file_comes_back);
    tcase_add_test(tc, create_never_replaces);
    tcase_add_test(tc, an_error_names_the_path_and_leaves_the_results);
    tcase_add_test(tc, a_fifo_is_refused_without_waiting);
    tcase_add_test(tc, the_limit_is_exact);
    tcase_add_test(tc, an_empty_file_is_read);
    tcase_add_test(tc, a_left_over_is_replaced);
    tcase_add_test(tc, no_directory_is_an_error);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
