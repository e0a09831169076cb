/* Goal: what the Raft core must survive, one story per file of tests/scenario/raft, each with
 * its reason. Method: a small language that moves messages, disks and clocks by hand; see
 * tests/scenario/raft/README.md. All checks of support/raft_cluster.h hold throughout. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/raft_cluster.h"
#include "support/raft_script.h"

enum { FILES_MAX = 256 };

static char files[FILES_MAX][512];
static int files_count;

START_TEST(scenario)
{
    script_run(files[_i]);
}
END_TEST

static int is_script(const struct dirent *entry)
{
    const size_t size = strlen(entry->d_name);

    return size > 4 && strcmp(entry->d_name + size - 4, ".txt") == 0;
}

static void find_scripts(void)
{
    const char *source = getenv("TALLY_SOURCE_DIR");
    char directory[400];
    struct dirent **entries = NULL;
    int count;

    (void)snprintf(directory, sizeof directory, "%s/tests/scenario/raft",
                   source != NULL ? source : ".");
    count = scandir(directory, &entries, is_script, alphasort);
    for (int i = 0; i < count; i++) {
        if (files_count < FILES_MAX) {
            (void)snprintf(files[files_count++], sizeof files[0], "%.390s/%.100s", directory,
                           entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
}

START_TEST(scripts_are_there)
{
    ck_assert_msg(files_count > 0 && files_count < FILES_MAX,
                  "no scripts: TALLY_SOURCE_DIR is the project");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("raft_scenarios");
    TCase *tcase = tcase_create("scripts");

    find_scripts();
    tcase_add_test(tcase, scripts_are_there);
    tcase_add_loop_test(tcase, scenario, 0, files_count);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
