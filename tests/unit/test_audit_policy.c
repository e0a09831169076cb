/* Goal: replicas that group blocks differently, and `tally audit`, agree on every decision of a
 * ledger whose policy changes; and the audit finds a decision that the policy does not give.
 * Method: one log with policies that come into force between its records, by time alone, too;
 * then single leaves falsified, and the whole tree hashed and signed anew. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "event/rules.h"
#include "ledger/ledger.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/ledger_run.h"
#include "support/log_dir.h"
#include "support/policy_run.h"

enum { BLOCKS_MAX = 64, NOTES = 8 };

static struct ledger_run run;
static struct log_dir dir;
static struct bytes blocks[BLOCKS_MAX];
static struct fixture_chain chains[BLOCKS_MAX];
static uint32_t blocks_count;

#define ADMINS                                                                                 \
    "name: test\nroles: [admin, author, gardener]\nenvironments: []\nrules:\n"                 \
    "  - id: 1100\n    permit: admins\n    clauses:\n      - actor_role: [admin]\n"

/* Append in a block that is kept. */
static void append(struct fixture_spec spec, const enum fixture_who *others, uint64_t later_ms)
{
    enum fixture_who who[2] = {spec.who, others == NULL ? spec.who : others[0]};
    const uint8_t meanings[2] = {MEANING_AUTHOR, MEANING_APPROVE};
    const uint32_t count = others == NULL ? 1 : 2;
    struct event_signer signers[2];
    struct bytes event, batch;

    for (uint32_t i = 0; i < count; i++) {
        fixture_key_id(&run.fixture, who[i], &signers[i].key_id);
        signers[i].meaning = meanings[i];
    }
    spec.signers = signers;
    spec.signers_count = count;
    event = fixture_event(&run.fixture, &spec);
    batch = fixture_batch_of(&run.fixture, who, meanings, count, &event, 1);
    run.chain.time_ms += later_ms;
    ck_assert_int_lt(blocks_count, BLOCKS_MAX);
    blocks[blocks_count] =
        fixture_block_events(&run.fixture, &run.chain, blocks_count % 4 == 3, &batch, 1);
    chains[blocks_count] = run.chain;
    ledger_run_block(&run, blocks[blocks_count++]);
}

static struct fixture_spec note(enum fixture_who who)
{
    return (struct fixture_spec){
        .type = EVENT_ANNOTATION_ADDED, .who = who, .subject = "model/m", .padding = 5000};
}

/* Notes by an author and an admin under no policy, the first, a pending one, the second. */
static void setup(void)
{
    static const enum fixture_who both[] = {FIXTURE_EVERYONE, FIXTURE_PEOPLE};
    struct bytes first, second;
    struct fixture_spec spec;

    cli_run_open();
    ledger_run_open(&run);
    blocks_count = 0;
    first = policy_run_compile(&run, ADMINS);
    second = policy_run_compile(&run, ADMINS "  - id: 1200\n    permit: authors\n    clauses:\n"
                                             "      - actor_role: [author]\n");
    append(note(FIXTURE_AUTHOR), NULL, 1);
    append(policy_run_spec(&run, 1, first, NULL), NULL, 1);
    append(policy_run_spec(&run, 1, first, NULL), both, 1);
    append(note(FIXTURE_AUTHOR), NULL, 1);
    append(note(FIXTURE_ADMIN), NULL, 1);
    spec = policy_run_spec(&run, 2, second, &first);
    spec.delay_ms = 100;
    append(spec, NULL, 1);
    for (uint32_t i = 0; i < NOTES; i++) append(note(FIXTURE_AUTHOR), NULL, 25);
    while (blocks_count % 4 != 0) append(note(FIXTURE_NOBODY), NULL, 1);
    log_dir_take(&run.fixture, run.store, &dir);
}

static void teardown(void)
{
    ledger_run_close(&run);
    cli_run_close();
}

static int audit(void)
{
    ck_assert_int_eq(mkdir("log", 0755), 0);
    log_dir_write(&dir, "log");
    return cli_run("audit --from-log=log");
}

START_TEST(decisions)
{
    uint64_t versions[3] = {0}, denied = 0;

    for (uint64_t i = 1; i < dir.count; i++) {
        const struct record record = log_dir_record(&dir, i);

        if (record.kind != RECORD_EVENT) continue;
        ck_assert_uint_lt(record.event.decision.policy_version, 3);
        versions[record.event.decision.policy_version]++;
        denied += record.event.decision.allowed ? 0 : 1;
    }
    ck_assert_uint_eq(versions[0], 3);
    ck_assert_uint_gt(versions[1], 5); /* the second one waits for 100 ms */
    ck_assert_uint_gt(versions[2], 4);
    ck_assert_uint_gt(denied, 5);
    ck_assert_msg(audit() == 0, "%s", cli_run_err);
}
END_TEST

/* Any grouping of blocks into flushes, and any restart, gives the same bytes. */
START_TEST(groups)
{
    const struct tally_hash want = ledger_run_contents(run.store);
    struct ledger *ledger = NULL;
    struct store *store = NULL;
    struct tally_hash got;

    ck_assert_int_eq(store_mem_open(&store), TALLY_OK);
    ck_assert_int_eq(ledger_create(store, run.fixture.genesis_file, NULL), TALLY_OK);
    ck_assert_int_eq(ledger_open(store, &ledger, NULL), TALLY_OK);
    for (uint32_t i = 0; i < blocks_count; i++) {
        struct ledger_block_result result;

        fixture_store_block(store, &chains[i], blocks[i]);
        ck_assert_int_eq(ledger_apply(ledger, blocks[i], true, &result, NULL), TALLY_OK);
        if ((i + 1) % (uint32_t)_i != 0) continue;
        ck_assert_int_eq(ledger_flush(ledger, NULL), TALLY_OK);
        if (i % 2 == 0) continue;
        ledger_close(ledger);
        ck_assert_int_eq(ledger_open(store, &ledger, NULL), TALLY_OK);
    }
    ck_assert_int_eq(ledger_flush(ledger, NULL), TALLY_OK);
    got = ledger_run_contents(store);
    ck_assert_mem_eq(got.bytes, want.bytes, sizeof got.bytes);
    ledger_close(ledger);
    store_close(store);
}
END_TEST

/* The policy of the first denied note, whose payload was cut; and a verdict. */
START_TEST(falsified)
{
    static const uint16_t other[] = {1100};
    const uint64_t index =
        log_dir_find(&dir, 4, RECORD_EVENT, 0, false); /* cut: it has no type */
    struct record record = log_dir_record(&dir, index);
    const uint64_t allowed =
        log_dir_find(&dir, index, RECORD_EVENT, EVENT_POLICY_PUBLISHED, true);
    char text[64];

    ck_assert_uint_eq(record.event.decision.policy_version, 1);
    if (_i == 0) {
        record.event.decision.policy_version = 2;
    } else if (_i == 1) {
        record.event.decision.policy_digest.bytes[0] ^= 1;
    } else {
        record = log_dir_record(&dir, allowed);
        record.event.decision.allowed = false;
        record.event.decision.failed_rules = other;
        record.event.decision.failed_rules_count = 1;
    }
    log_dir_put(&dir, _i < 2 ? index : allowed, &record);
    ck_assert_int_ne(audit(), 0);
    snprintf(text, sizeof text, "record %u", (unsigned)(_i < 2 ? index : allowed));
    ck_assert_msg(strstr(cli_run_err, text) != NULL, "%s", cli_run_err);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("audit_policy");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, decisions);
    tcase_add_loop_test(tc, groups, 1, 9);
    tcase_add_loop_test(tc, falsified, 0, 3);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
