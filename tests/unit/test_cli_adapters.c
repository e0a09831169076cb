/* Goal: real adapter configurations go through `register` and back. Method: each file of the
 * shared collection as adapter_config.json of a directory, registered in a ledger on paper; the
 * receipt then proves the directory, and the recorded view is that of the file. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "event/event_json.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/fake_cluster.h"
#include "support/ledger_fixture.h"
#include "tally/cli.h"

enum { PATH_SIZE = 1024 };

#define REGISTER                                                                               \
    "register --cluster=u --key=author --trust=t --model=m --version=1 --base=base/b --out=r " \
    "d"

static void open_folder(void)
{
    cli_run_open();
    fake_cluster_open();
    fake.has_base = true;
    cli_run_write("t", paper_trust(&fake.paper, 1), 0644);
    cli_run_write_key("author", "author", &fake.paper.fixture.people[FIXTURE_AUTHOR]);
    ck_assert_int_eq(mkdir("d", 0755), 0);
    cli_run_write_text("d/adapter_model.safetensors", "weights");
}

static void close_folder(void)
{
    fake_cluster_close();
    cli_run_close();
}

/* The recorded event names the file by its content. */
static void check_record(const struct tally_hash *digest, const char *schema)
{
    const struct bytes record = fake.paper.leaves[fake.last_index].extra.record;
    struct arena *arena = fake.paper.fixture.arena;
    char want[128], hex[65];
    struct bytes json = {0};

    ck_assert_int_eq(record_json_encode(record, false, arena, &json, NULL), TALLY_OK);
    bytes_hex(digest->bytes, sizeof digest->bytes, hex);
    (void)snprintf(want, sizeof want, "\"raw_digest\":\"%s\"", hex);
    ck_assert_msg(strstr((const char *)json.data, want) != NULL, "%s", json.data);
    if (schema == NULL) return;
    (void)snprintf(want, sizeof want, "\"schema\":\"%s\"", schema);
    ck_assert_msg(strstr((const char *)json.data, want) != NULL, "%s", json.data);
}

static void one_file(const char *path, const char *schema)
{
    struct tally_hash digest;

    open_folder();
    const struct bytes file = cli_run_read(path);
    hash_sha256(file.data, file.size, &digest);
    cli_run_write("d/adapter_config.json", file, 0644);
    ck_assert_msg(cli_run(REGISTER) == 0, "%s: %s", path, cli_run_err);
    check_record(&digest, schema);
    ck_assert_msg(cli_run("verify --trust=t --proof=r --adapter=d") == 0, "%s: %s", path,
                  cli_run_err);
    close_folder();
}

/* Every file of a folder of the shared collection; returns how many. */
static int all_files(const char *name, const char *schema)
{
    const char *shared = getenv("TALLY_SHARED");
    char folder[PATH_SIZE], path[2 * PATH_SIZE];
    const struct dirent *entry = NULL;
    int count = 0;

    (void)snprintf(folder, sizeof folder, "%s/data/%s", shared == NULL ? "" : shared, name);
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        printf("SKIPPED: no shared files in %s (set TALLY_SHARED)\n", folder);
        return 0;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        one_file(path, schema);
        count++;
    }
    (void)closedir(directory);
    return count;
}

START_TEST(peft_configurations)
{
    const int count = all_files("adapter_config", "peft");

    ck_assert(count == 0 || count >= 18);
}
END_TEST

/* Files of the same name that other programs write. */
START_TEST(other_configurations)
{
    const int count = all_files("adapter_config_other", NULL);

    ck_assert(count == 0 || count >= 2);
}
END_TEST

/* A directory without a configuration is an adapter too; one with a pickle file is told of. */
START_TEST(no_configuration)
{
    open_folder();
    cli_run_write_text("d/adapter_model.bin", "could run code");
    ck_assert_msg(cli_run(REGISTER) == 0, "%s", cli_run_err);
    ck_assert_ptr_nonnull(strstr(cli_run_err, "can run code when it is loaded"));
    close_folder();
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("cli adapters");
    TCase *all = tcase_create("all");

    tcase_add_test(all, peft_configurations);
    tcase_add_test(all, other_configurations);
    tcase_add_test(all, no_configuration);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
