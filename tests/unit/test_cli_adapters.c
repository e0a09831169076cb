/* Goal: real adapter configurations go through `register` and back, and what is understood of a
 * directory is shown, warned of or refused. Method: each file of the shared collection as
 * adapter_config.json of a directory, registered in a ledger on paper; the receipt then proves
 * the directory, and the recorded view is that of the file. Then directories of our own. */
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
#include "support/weights.h"
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
    weights_write_honest("d/adapter_model.safetensors");
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
    ck_assert_msg(cli_run("adapter show d") == 0, "%s: %s", path, cli_run_err);
    ck_assert_msg(strstr(cli_run_out, "adapter_config.json") != NULL, "%s", cli_run_out);
    ck_assert_ptr_null(strstr(cli_run_out, "schema     unknown"));
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
    ck_assert_ptr_nonnull(
        strstr(cli_run_err, "adapter_model.bin can run code when it is loaded"));
    close_folder();
}
END_TEST

/* ---- what is shown ------------------------------------------------------------------- */

static const char config[] =
    "{\"peft_type\":\"LORA\",\"base_model_name_or_path\":\"org/B-1.0\",\"r\":8,"
    "\"lora_alpha\":0.30,\"target_modules\":[\"v\",\"q\",\"v\"],\"modules_to_save\":[\"head\"],"
    "\"use_rslora\":true,\"use_dora\":false,\"lora_bias\":true}";

static void write_all(void)
{
    cli_run_write_text("d/adapter_config.json", config);
    cli_run_write_text("d/notes.txt", "cos\nsystem\n(S'true'\ntR.");
    cli_run_write_text("d/a.tlog-proof", "x");
}

static bool printed(const char *text)
{
    return strstr(cli_run_out, text) != NULL;
}

START_TEST(shown)
{
    open_folder();
    write_all();
    ck_assert_msg(cli_run("adapter show d") == 0, "%s", cli_run_err);
    ck_assert(printed("ignored    a.tlog-proof\n"));
    ck_assert(printed("schema     peft\nmethod     LORA\n"));
    ck_assert(printed("base       org/B-1.0 (a name, which names no bytes)\n"));
    ck_assert(printed("rank       8\nalpha      0.3\nrslora     yes\ndora       no\n"));
    ck_assert(printed("targets    q v\nsaved      head\nsettings   lora_bias = yes\n"));
    ck_assert(printed("adapter_model.safetensors: 2 tensors, 12 parameters\n"));
    ck_assert(printed("BF16: 2 tensors, 12 parameters, 24 bytes\n"));
    ck_assert(printed("format = pt\n"));
    ck_assert(printed("pickle     notes.txt: "));
    ck_assert_ptr_nonnull(strstr(cli_run_err, "notes.txt can run code when it is loaded"));
    close_folder();
}
END_TEST

static const char *const members[] = {
    "\"schema\": \"peft\"",
    "\"base_name\": \"org/B-1.0\"",
    "\"alpha\": {\n      \"value\": 3,\n      \"exponent\": -1\n    }",
    "\"target_modules\": [\n      \"q\",\n      \"v\"\n    ]",
    "\"modules_to_save\": [\n      \"head\"\n    ]",
    "\"rslora\": true",
    "\"dora\": false",
    "\"lora_bias\": \"yes\"",
    "\"file\": \"adapter_config.json\"",
    "\"ignored\": [\n    \"a.tlog-proof\"\n  ]",
    "\"dtype\": \"BF16\"",
    "\"parameters\": 12",
    "\"format\": \"pt\"",
    "\"path\": \"notes.txt\"",
};

START_TEST(shown_as_json)
{
    open_folder();
    write_all();
    ck_assert_msg(cli_run("adapter show --json d") == 0, "%s", cli_run_err);
    for (size_t i = 0; i < CLI_COUNT(members); i++)
        ck_assert_msg(printed(members[i]), "%s in %s", members[i], cli_run_out);
    close_folder();
}
END_TEST

/* What no event has a field for stays out of it. */
START_TEST(left_out_of_the_event)
{
    open_folder();
    write_all();
    ck_assert_msg(cli_run(REGISTER) == 0, "%s", cli_run_err);
    const struct bytes record = fake.paper.leaves[fake.last_index].extra.record;
    struct bytes json = {0};

    ck_assert_int_eq(record_json_encode(record, false, fake.paper.fixture.arena, &json, NULL),
                     TALLY_OK);
    ck_assert_ptr_nonnull(strstr((const char *)json.data, "\"target_modules\":[\"q\",\"v\"]"));
    ck_assert_ptr_nonnull(
        strstr((const char *)json.data, "\"alpha\":{\"value\":3,\"exponent\":-1}"));
    ck_assert_ptr_nonnull(strstr((const char *)json.data, "\"pickle\":true"));
    ck_assert_ptr_null(strstr((const char *)json.data, "modules_to_save"));
    close_folder();
}
END_TEST

/* More modules than an event may list: shown, and left out of the event with a word. */
START_TEST(too_many_modules)
{
    char json[8192];
    size_t at = (size_t)snprintf(json, sizeof json,
                                 "{\"peft_type\":\"LORA\",\"target_modules\":[\"m\"");

    open_folder();
    for (int i = 0; i < 256; i++)
        at += (size_t)snprintf(json + at, sizeof json - at, ",\"m%d\"", i);
    (void)snprintf(json + at, sizeof json - at, "]}");
    cli_run_write_text("d/adapter_config.json", json);
    ck_assert_msg(cli_run(REGISTER) == 0, "%s", cli_run_err);
    ck_assert_ptr_nonnull(strstr(cli_run_err, "257 target modules, more than the 256"));
    ck_assert_int_eq(cli_run("adapter show d"), 0);
    ck_assert(printed("and 233 more"));
    ck_assert_int_eq(cli_run("adapter show --json d"), 0);
    ck_assert(printed("\"m255\""));
    close_folder();
}
END_TEST

/* Escape characters in each place that is shown. */
START_TEST(nothing_steers_a_terminal)
{
    open_folder();
    cli_run_write_text(
        "d/adapter_config.json",
        "{\"peft_type\":\"\\u001b[2J\",\"base_model_name_or_path\":\"\\u001b[2J\","
        "\"target_modules\":[\"\\u001b[2J\"],\"bias\":\"\\u001b[2J\"}");
    weights_write("d/\x1b[2J.safetensors", "{\"\\u001b[2J\":1}", 0);
    weights_write("d/b.safetensors", "{\"__metadata__\":{\"\\u001b[2J\":\"\\u001b[2J\"}}", 0);
    cli_run_write_text("d/\x1b[2J.bin", "x");
    ck_assert_int_eq(cli_run("adapter show d"), TALLY_E_MALFORMED);
    ck_assert(printed("?[2J = ?[2J") && strchr(cli_run_out, 0x1b) == NULL);
    ck_assert_ptr_nonnull(strstr(cli_run_err, "tensor '?[2J'"));
    ck_assert_ptr_null(strchr(cli_run_err, 0x1b));
    ck_assert_int_eq(cli_run("adapter show --json d"), TALLY_E_MALFORMED);
    ck_assert(strchr(cli_run_out, 0x1b) == NULL && strchr(cli_run_err, 0x1b) == NULL);
    close_folder();
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------- */

START_TEST(broken_weights)
{
    open_folder();
    weights_write("d/adapter_model.safetensors",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
                  3);
    ck_assert_int_eq(cli_run(REGISTER), TALLY_E_MALFORMED);
    ck_assert_ptr_nonnull(strstr(cli_run_err,
                                 "adapter_model.safetensors: tensor 'b': its bytes "
                                 "overlap those of another one"));
    ck_assert_uint_eq(fake.appends, 0);
    ck_assert_int_eq(cli_run("adapter show d"), TALLY_E_MALFORMED);
    ck_assert(printed("adapter_model.safetensors: broken: tensor 'b'"));
    ck_assert_int_eq(cli_run("adapter show --json d"), TALLY_E_MALFORMED);
    ck_assert(printed("\"fault\": \"tensor 'b'"));
    close_folder();
}
END_TEST

START_TEST(unusual_weights)
{
    open_folder();
    weights_write("d/adapter_model.safetensors", "{ }     ", 0);
    ck_assert_msg(cli_run(REGISTER) == 0, "%s", cli_run_err);
    ck_assert_ptr_nonnull(strstr(cli_run_err, "white space inside the header"));
    close_folder();
}
END_TEST

static const struct {
    const char *base;   /* the option */
    const char *config; /* what the file calls it */
    const char *words[3];
} bases[] = {
    {"",
     "org/B-1.0",
     {"--base=base/<name> is missing", "calls it 'org/B-1.0', which is only a name",
      "say --base=base/b-1.0"}},
    {"", "/data/B", {"which is only a path", "say --base=base/b", "base_model.registered"}},
    {"", "", {"--base=base/<name> is missing", "say --base=base/<name>", "Register them"}},
    {"--base=org/B-1.0", "", {"--base=org/B-1.0 is a name", "say --base=base/b-1.0", ""}},
    {"--base=/data/B", "", {"--base=/data/B is a path", "say --base=base/b", ""}},
    {"--base=model/b", "", {"--base=model/b is a name", "", ""}},
    {"--base=base/B", "", {"say --base=base/b", "", ""}},
    {"--base=base/..", "", {"say --base=base/<name>", "", ""}},
};

START_TEST(base_refused)
{
    char json[256];

    open_folder();
    (void)snprintf(json, sizeof json,
                   "{\"peft_type\":\"LORA\",\"base_model_name_or_path\":\"%s\"}",
                   bases[_i].config);
    cli_run_write_text("d/adapter_config.json", json);
    ck_assert_int_eq(
        cli_run("register --cluster=u --key=author --trust=t --model=m --version=1 "
                "--out=r %s d",
                bases[_i].base),
        TALLY_E_INVALID);
    for (size_t i = 0; i < CLI_COUNT(bases[_i].words); i++)
        ck_assert_msg(strstr(cli_run_err, bases[_i].words[i]) != NULL, "%s: %s",
                      bases[_i].words[i], cli_run_err);
    ck_assert(fake.appends == 0 && !cli_run_exists("r.pending"));
    close_folder();
}
END_TEST

/* The hint stands beside the chosen base; a warning only if they look like two models. */
START_TEST(base_told)
{
    open_folder();
    cli_run_write_text("d/adapter_config.json", "{\"peft_type\":\"LORA\","
                                                "\"base_model_name_or_path\":\"org/B\"}");
    ck_assert_msg(cli_run(REGISTER) == 0, "%s", cli_run_err);
    ck_assert_ptr_nonnull(
        strstr(cli_run_err, "base base/b; adapter_config.json calls it 'org/B'"));
    ck_assert_ptr_null(strstr(cli_run_err, "warning"));
    close_folder();
    open_folder();
    cli_run_write_text("d/adapter_config.json", "{\"peft_type\":\"LORA\","
                                                "\"base_model_name_or_path\":\"x/Other\"}");
    ck_assert_msg(cli_run(REGISTER) == 0, "%s", cli_run_err);
    ck_assert_ptr_nonnull(strstr(cli_run_err, "warning: adapter_config.json calls the base "
                                              "'x/Other', and --base=base/b looks like"));
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
    tcase_add_test(all, shown);
    tcase_add_test(all, shown_as_json);
    tcase_add_test(all, left_out_of_the_event);
    tcase_add_test(all, too_many_modules);
    tcase_add_test(all, nothing_steers_a_terminal);
    tcase_add_test(all, broken_weights);
    tcase_add_test(all, unusual_weights);
    tcase_add_loop_test(all, base_refused, 0, (int)CLI_COUNT(bases));
    tcase_add_test(all, base_told);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
