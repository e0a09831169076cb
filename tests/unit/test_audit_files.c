/* Goal: damage of an export's files is found and named, a large log is checked whole, and so
 * are changes of members. Method: a log of three bundles with one batch over all of them; each
 * row spoils one file without hashing anything anew. Falsified records are in test_audit.c. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "event/rules.h"
#include "merkle/merkle.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/log_dir.h"
#include "support/member_run.h"
#include "support/paper_ledger.h"
#include "tally/tiles.h"

enum { BATCH = 600 };

static struct ledger_run run;
static struct log_dir records;

/* Take the records of `run`, ended by a StateRoot, and write them. */
static void write_log(void)
{
    struct tally_diag diag;

    ledger_run_batches(&run, NULL, 0, true);
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    log_dir_take(&run.fixture, run.store, &records);
    log_dir_write(&records, "log");
    cli_run_write("trust", paper_trust_of(&run.fixture, 0), 0644);
}

static void setup(void)
{
    const struct fixture_spec spec = {.type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR};
    static struct bytes events[BATCH];
    struct bytes batch;

    cli_run_open();
    ck_assert_int_eq(mkdir("log", 0755), 0);
    ledger_run_open(&run);
    ledger_run_version(&run, NULL, NULL);
    for (uint32_t i = 0; i < BATCH; i++) events[i] = fixture_event(&run.fixture, &spec);
    batch = fixture_batch(&run.fixture, FIXTURE_AUTHOR, events, BATCH);
    ledger_run_batches(&run, &batch, 1, false);
    write_log();
}

static void teardown(void)
{
    ledger_run_close(&run);
    cli_run_close();
}

static void expect(enum tally_err err, const char *text)
{
    const int status = cli_run("audit --from-log=log --trust=trust --jobs=2");

    ck_assert_msg(status == (int)err, "exit %d, not %s: %s", status, tally_err_name(err),
                  cli_run_err);
    ck_assert_msg(strstr(cli_run_err, text) != NULL, "not '%s': %s", text, cli_run_err);
}

/* Change a file: flip a bit of byte `at`, then keep `size` bytes (-1: all). */
static void spoil(const char *path, long at, long size)
{
    const struct bytes there = cli_run_read(path);
    struct bytes data = arena_copy(run.fixture.arena, there);

    if (at >= 0) ((uint8_t *)data.data)[at] ^= 1;
    if (size >= 0) data.size = (size_t)size;
    cli_run_write(path, data, 0644);
}

START_TEST(large_log)
{
    ck_assert_uint_eq(records.count, 1 + 3 + BATCH + 1);
    ck_assert_msg(cli_run("audit --from-log=log --trust=trust --jobs=1") == 0, "%s",
                  cli_run_err);
    ck_assert_msg(cli_run("audit --from-log=log --jobs=5 --json") == 0, "%s", cli_run_err);
    ck_assert_ptr_nonnull(strstr(cli_run_out, "\"events\": 604"));
    ck_assert_ptr_nonnull(strstr(cli_run_out, "\"signatures\": 4"));
}
END_TEST

/* Ticks before and behind the batch, so that it lies in two windows of the audit and there are
 * four of them. Returns the number of the last tick. */
static uint64_t stretch(void)
{
    enum { BEFORE = 4200, BEHIND = 10000 };
    struct bytes *leaves =
        arena_zalloc(run.fixture.arena, records.count + BEFORE + BEHIND + 1, sizeof *leaves);
    const struct log_dir from = records;
    struct record record = log_dir_record(&from, 3);

    records.leaves = leaves;
    for (uint64_t i = 0; i <= 3; i++) leaves[i] = from.leaves[i];
    records.count = 4;
    for (uint64_t i = 4; i < from.count - 1 + BEFORE + BEHIND; i++) {
        const bool tick = i < 4 + BEFORE || i >= 4 + BEFORE + BATCH;

        if (tick)
            record = (struct record){.time_ms = record.time_ms, .kind = RECORD_TICK};
        else
            record = log_dir_record(&from, i - BEFORE);
        record.index = records.count++;
        log_dir_put(&records, i, &record);
    }
    record = log_dir_record(&from, from.count - 1);
    record.index = record.state.covers = records.count++;
    log_dir_put(&records, record.index, &record);
    return records.count - 2;
}

START_TEST(many_windows)
{
    const uint64_t last = stretch();
    struct record record = log_dir_record(&records, last);
    char text[64];

    log_dir_write(&records, "log");
    expect(TALLY_OK, "");
    record.time_ms--;
    log_dir_put(&records, last, &record);
    log_dir_write(&records, "log");
    (void)snprintf(text, sizeof text, "record %u: its time", (unsigned)last);
    expect(TALLY_E_MISMATCH, text);
    record = log_dir_record(&records, 4 + 4200 + 500); /* and a fault in the batch before it */
    record.event.signers[0].signature[0] ^= 1;
    log_dir_put(&records, 4 + 4200 + 500, &record);
    log_dir_write(&records, "log");
    expect(TALLY_E_MISMATCH, "record 4704: it should be event 500");
}
END_TEST

/* A batch whose events are of one signature: any of them changed breaks it. */
START_TEST(large_batch_changed)
{
    struct record record = log_dir_record(&records, 400);
    struct bytes event = arena_copy(run.fixture.arena, record.event.event);

    ((uint8_t *)event.data)[2 + 34 + 2 + 15] ^= 1;
    record.event.event = event;
    log_dir_put(&records, 400, &record);
    log_dir_write(&records, "log");
    expect(TALLY_E_SIGNATURE, "record 4: ");
}
END_TEST

START_TEST(large_batch_interrupted)
{
    struct record record = {.index = 400, .time_ms = FIXTURE_TIME_MS, .kind = RECORD_TICK};

    log_dir_insert(&records, 400, record);
    log_dir_write(&records, "log");
    expect(TALLY_E_MISMATCH, "record 400: it should be event 396 of the batch of 600");
}
END_TEST

START_TEST(changed_byte_of_a_bundle)
{
    spoil("log/tile/entries/000", 2 + 40, -1);
    expect(TALLY_E_PROOF, "record 0: its bytes do not have the hash");
}
END_TEST

START_TEST(changed_length_in_a_bundle)
{
    spoil("log/tile/entries/001", 1, -1);
    expect(TALLY_E_MALFORMED, "tile/entries/001: the bundle");
}
END_TEST

START_TEST(changed_hash_of_a_tile)
{
    spoil("log/tile/0/001", 7 * 32, -1);
    expect(TALLY_E_PROOF, "record 263: its bytes do not have the hash");
}
END_TEST

START_TEST(changed_hash_of_an_upper_tile)
{
    spoil("log/tile/1/000.p/2", 32, -1);
    expect(TALLY_E_PROOF, "record 256: tile/1/000.p/2: hash 1");
}
END_TEST

/* Bundle and tile agree, and the tile above does not: the decision is wrong all the same. */
START_TEST(changed_record_and_tile)
{
    struct record record = log_dir_record(&records, 3);
    uint16_t rule = RULE_ROLE_MISSING;
    struct tally_hash hash;
    struct bytes tile;
    const struct bytes above =
        arena_copy(run.fixture.arena, cli_run_read("log/tile/1/000.p/2"));

    record.event.decision.allowed = false;
    record.event.decision.failed_rules = &rule;
    record.event.decision.failed_rules_count = 1;
    log_dir_put(&records, 3, &record);
    log_dir_write(&records, "log");
    cli_run_write("log/tile/1/000.p/2", above, 0644);
    hash_leaf(records.leaves[3].data, records.leaves[3].size, &hash);
    tile = cli_run_read("log/tile/0/000");
    ck_assert_int_eq(memcmp(tile.data + 3L * 32, hash.bytes, 32), 0);
    expect(TALLY_E_MISMATCH, "record 3: its decision should be 'allow'");
}
END_TEST

START_TEST(missing_files)
{
    static const char *const paths[] = {"log/tile/entries/001", "log/tile/0/002.p/93",
                                        "log/tile/1/000.p/2", "log/checkpoint"};

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const struct bytes data = arena_copy(run.fixture.arena, cli_run_read(paths[i]));

        ck_assert_int_eq(unlink(paths[i]), 0);
        expect(TALLY_E_NOT_FOUND, paths[i]);
        cli_run_write(paths[i], data, 0644);
    }
    ck_assert_int_eq(cli_run("audit --from-log=log"), 0);
    ck_assert_int_eq(cli_run("audit --from-log=nowhere"), TALLY_E_NOT_FOUND);
}
END_TEST

START_TEST(truncated_bundle)
{
    const struct bytes bundle = cli_run_read("log/tile/entries/000");

    spoil("log/tile/entries/000", -1, (long)bundle.size - 1);
    expect(TALLY_E_MALFORMED, "tile/entries/000: the bundle ends in entry 255 of 256");
}
END_TEST

START_TEST(empty_bundle)
{
    spoil("log/tile/entries/000", -1, 0);
    expect(TALLY_E_MALFORMED, "tile/entries/000");
}
END_TEST

START_TEST(truncated_tiles)
{
    spoil("log/tile/0/001", -1, 32 * 255);
    expect(TALLY_E_MALFORMED, "tile/0/001: 8160 bytes");
    spoil("log/tile/1/000.p/2", -1, 32 * 2 - 1);
    log_dir_write(&records, "log");
    spoil("log/tile/1/000.p/2", -1, 32 * 2 - 1);
    expect(TALLY_E_MALFORMED, "tile/1/000.p/2: 63 bytes");
}
END_TEST

/* The files of a larger and of a smaller tree in the place of the right ones. */
START_TEST(another_width)
{
    ck_assert_int_eq(rename("log/tile/0/002.p/93", "log/tile/0/002.p/92"), 0);
    expect(TALLY_E_NOT_FOUND, "tile/0/002.p/93");
    log_dir_write(&records, "log");
    ck_assert_int_eq(rename("log/tile/entries/000", "log/tile/entries/002.p/93"), 0);
    expect(TALLY_E_NOT_FOUND, "tile/entries/000");
    log_dir_write(&records, "log");
    cli_run_write("log/tile/entries/002.p/93",
                  arena_copy(run.fixture.arena, cli_run_read("log/tile/entries/001")), 0644);
    expect(TALLY_E_MALFORMED, "tile/entries/002.p/93: the bundle has");
}
END_TEST

START_TEST(another_checkpoint)
{
    struct tally_hash root = fixture_hash(4);

    cli_run_write("log/checkpoint",
                  paper_note(&run.fixture, records.count, &root, PAPER_EVERYBODY), 0644);
    expect(TALLY_E_PROOF, "the records have the root");
    cli_run_write_text("log/checkpoint", "nothing\n");
    expect(TALLY_E_MALFORMED, "checkpoint: ");
}
END_TEST

START_TEST(another_ledger)
{
    struct paper paper;
    struct tally_hash root = fixture_hash(4);

    paper_open(&paper, 2);
    cli_run_write("log/checkpoint", paper_note(&paper.fixture, records.count, &root, 3), 0644);
    ck_assert_int_eq(cli_run("audit --from-log=log"), TALLY_E_WRONG_LEDGER);
    ck_assert_ptr_nonnull(strstr(cli_run_err, "record 0: the genesis of"));
    paper_close(&paper);
}
END_TEST

/* ---- members ---- */

static void setup_members(void)
{
    static const char policy[] = "quorum node-1\n";
    struct ledger_member member;
    struct member_change change;

    cli_run_open();
    ck_assert_int_eq(mkdir("log", 0755), 0);
    member_run_open(&run);
    member = member_run_newcomer(2);
    change = member_run_change_of(MEMBER_ADD, &member, policy, 2);
    member_run_expect_in_force(member_run_authorise(&change));
    member.voter = true;
    change = member_run_change_of(MEMBER_PROMOTE, &member, policy, 3);
    member_run_expect_in_force(member_run_authorise(&change));
    write_log();
}

START_TEST(members_change)
{
    expect(TALLY_OK, "");
    ck_assert_ptr_nonnull(strstr(cli_run_out, "every record is"));
}
END_TEST

/* The policy text of a Config has another digit, version and links are right. */
START_TEST(another_config)
{
    const uint64_t index = log_dir_find(&records, 1, RECORD_CONFIG, 0, false);
    struct record record = log_dir_record(&records, index);
    struct ledger_config config = member_run_decoded(record.config);
    char text[64];

    config.members[1].voter = true;
    record.config = ledger_config_encode(&config, run.fixture.arena);
    log_dir_put(&records, index, &record);
    log_dir_write(&records, "log");
    (void)snprintf(text, sizeof text, "record %u: it should be the Config that record %u",
                   (unsigned)index, (unsigned)(index - 1));
    expect(TALLY_E_MISMATCH, text);
}
END_TEST

START_TEST(config_twice)
{
    const uint64_t index = log_dir_find(&records, 1, RECORD_CONFIG, 0, false);

    log_dir_insert(&records, index + 1, log_dir_record(&records, index));
    log_dir_write(&records, "log");
    expect(TALLY_E_MISMATCH, "no event authorised a new Config here");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit_files");
    TCase *files = tcase_create("files"), *members = tcase_create("members");

    tcase_add_checked_fixture(files, setup, teardown);
    tcase_add_test(files, large_log);
    tcase_add_test(files, many_windows);
    tcase_add_test(files, large_batch_changed);
    tcase_add_test(files, large_batch_interrupted);
    tcase_add_test(files, changed_byte_of_a_bundle);
    tcase_add_test(files, changed_length_in_a_bundle);
    tcase_add_test(files, changed_hash_of_a_tile);
    tcase_add_test(files, changed_hash_of_an_upper_tile);
    tcase_add_test(files, changed_record_and_tile);
    tcase_add_test(files, missing_files);
    tcase_add_test(files, truncated_bundle);
    tcase_add_test(files, empty_bundle);
    tcase_add_test(files, truncated_tiles);
    tcase_add_test(files, another_width);
    tcase_add_test(files, another_checkpoint);
    tcase_add_test(files, another_ledger);
    suite_add_tcase(suite, files);
    tcase_add_checked_fixture(members, setup_members, teardown);
    tcase_add_test(members, members_change);
    tcase_add_test(members, another_config);
    tcase_add_test(members, config_twice);
    suite_add_tcase(suite, members);
    return check_main(suite);
}
