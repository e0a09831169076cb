/* Goal: whatever happens between command line and receipt, one record comes of one command, and
 * nothing that was signed is lost. Method: append, register and sign against a ledger made by
 * hand that answers, refuses or stays silent as the test says. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/fake_cluster.h"
#include "support/ledger_fixture.h"
#include "support/weights.h"
#include "tally/cli.h"

/* ---- the folder ---------------------------------------------------------------------- */

#define CREATED                                                                                \
    "\"model_created\": {\"name\": \"M\", \"owner\": \"principal/author\", "                   \
    "\"risk_tier\": \"RISK_TIER_LOW\"}"
#define EVENT "{\"subject\": \"model/m\", " CREATED "}"
#define APPEND                                                                                 \
    "append --cluster=tcp://x:1 --key=author --trust=t --out=r --timeout=5 event.json"

static void setup(void)
{
    cli_run_open();
    fake_cluster_open();
    cli_run_write("t", paper_trust(&fake.paper, 1), 0644);
    cli_run_write_key("author", "author", &fake.paper.fixture.people[FIXTURE_AUTHOR]);
    cli_run_write_key("approver", "approver", &fake.paper.fixture.people[FIXTURE_APPROVER]);
    cli_run_write_text("event.json", EVENT);
}

static void teardown(void)
{
    fake_cluster_close();
    cli_run_close();
}

static bool said(const char *text)
{
    return strstr(cli_run_err, text) != NULL;
}

static bool printed(const char *text)
{
    return strstr(cli_run_out, text) != NULL;
}

static void must_run(const char *line)
{
    const int status = cli_run("%s", line);

    ck_assert_msg(status == 0, "%s: %d %s", line, status, cli_run_err);
}

/* ---- append -------------------------------------------------------------------------- */

START_TEST(receipt)
{
    must_run(APPEND);
    ck_assert(fake.pending_was_there);
    ck_assert(!cli_run_exists("r.pending"));
    ck_assert_msg(printed("allowed\nreceipt in r, checked"), "%s", cli_run_out);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=r"), 0);
    /* A receipt is never overwritten, and the event not recorded again. */
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_INVALID);
    ck_assert(said("r exists"));
    ck_assert_uint_eq(fake.appends, 1);
}
END_TEST

START_TEST(json)
{
    must_run(APPEND " --json");
    ck_assert(printed("\"verdict\": \"allow\"") && printed("\"checked\": true") &&
              printed("\"receipt\": \"r\""));
}
END_TEST

START_TEST(denied)
{
    fake.deny = true;
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_DENIED);
    ck_assert(cli_run_exists("r") && !cli_run_exists("r.pending"));
    ck_assert(printed("denied (role_missing: "));
}
END_TEST

START_TEST(committed)
{
    must_run("append --cluster=u --key=author --ack=committed event.json");
    ck_assert(!cli_run_exists("r"));
    ck_assert_int_eq(
        cli_run("append --cluster=u --key=author --ack=committed --out=r event.json"),
        TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("append --cluster=u --key=author event.json"), TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("append --cluster=u --key=author --ack=soon event.json"),
                     TALLY_E_INVALID);
}
END_TEST

/* The answer is lost: the same command sends the same bytes and gets the one receipt. */
START_TEST(unknown_outcome)
{
    struct stat info;
    uint64_t records = 0;

    fake.lose_answer = true;
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_TIMEOUT);
    ck_assert(said("the outcome is unknown; run the same command again"));
    ck_assert(!cli_run_exists("r"));
    ck_assert_int_eq(stat("r.pending", &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
    records = fake.paper.count;
    must_run(APPEND);
    ck_assert_uint_eq(fake.paper.count, records);
    ck_assert(printed("was recorded before"));
    ck_assert(cli_run_exists("r") && !cli_run_exists("r.pending"));
}
END_TEST

START_TEST(another_event_is_refused)
{
    fake.refuse = TALLY_E_TIMEOUT;
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_TIMEOUT);
    cli_run_write_text("event.json", "{\"subject\": \"model/other\", " CREATED "}");
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_CONFLICT);
    ck_assert(said("r.pending holds another event"));
    ck_assert_uint_eq(fake.appends, 1);
    cli_run_write_text("event.json", EVENT);
    must_run(APPEND);
}
END_TEST

/* A crash between the receipt's writing and the removal of the pending file. */
START_TEST(both_files)
{
    uint64_t records = 0;

    fake.lose_answer = true;
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_TIMEOUT);
    cli_run_write_text("r", "an earlier receipt");
    records = fake.paper.count;
    must_run(APPEND);
    ck_assert_uint_eq(fake.paper.count, records);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=r"), 0);
    ck_assert(!cli_run_exists("r.pending"));
}
END_TEST

START_TEST(damaged_pending)
{
    cli_run_write_text("r.pending", "rubbish");
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_MALFORMED);
    ck_assert(said("r.pending: not a .pending file"));
    ck_assert_uint_eq(fake.appends, 0);
}
END_TEST

START_TEST(refused)
{
    fake.refuse = TALLY_E_UNKNOWN_KEY;
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_UNKNOWN_KEY);
    ck_assert(said("the key must be enrolled first"));
    ck_assert(said("the signed event is kept in r.pending"));
    ck_assert(!cli_run_exists("r"));
}
END_TEST

/* The trust file asks for all three, the first proof has two. */
START_TEST(late_cosignature)
{
    fake.cosigners = 3;
    must_run(APPEND);
    ck_assert_uint_eq(fake.proves, 2);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=r"), 0);
}
END_TEST

START_TEST(no_trust_file)
{
    must_run("append --cluster=u --key=author --out=r event.json");
    ck_assert(printed("not checked: there was no --trust"));
    ck_assert_int_eq(cli_run("verify --trust=t --proof=r"), 0);
}
END_TEST

static const struct {
    const char *event, *reason;
    enum tally_err want;
} bad_events[] = {
    {"", "event.json: not JSON, line 1", TALLY_E_MALFORMED},
    {"[]", "event.json: not a JSON object", TALLY_E_MALFORMED},
    {"{\"subject\": \"model/m\"}", "no payload of a known type", TALLY_E_MALFORMED},
    {"{\"subject\": \"model/m\", \"subject\": \"model/m\"}", "duplicate", TALLY_E_MALFORMED},
    {"{\"subject\": \"model/M\", \"model_created\": {}}", "subject", TALLY_E_MALFORMED},
    {"{\"subject\": \"model/m\", \"model_created\": {\"colour\": 1}}", "colour",
     TALLY_E_MALFORMED},
    {"{\"subject\": \"model/m\", \"ledger_id\": "
     "\"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865\", " CREATED "}",
     "not that of --trust", TALLY_E_WRONG_LEDGER},
    {"{\"subject\": \"model/m\", \"required_signers\": [{\"key_id\": "
     "\"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865\", "
     "\"meaning\": \"MEANING_AUTHOR\"}], " CREATED "}",
     "required_signers do not name this key", TALLY_E_SIGNERS},
};

START_TEST(bad_event)
{
    cli_run_write_text("event.json", bad_events[_i].event);
    const int status = cli_run(APPEND);

    ck_assert_msg(status == (int)bad_events[_i].want, "%d %s", status, cli_run_err);
    ck_assert_msg(said(bad_events[_i].reason), "%s", cli_run_err);
    ck_assert(!cli_run_exists("r.pending") && fake.appends == 0);
}
END_TEST

START_TEST(bad_keys)
{
    ck_assert_int_eq(cli_run("append --cluster=u --key=no --out=r event.json"),
                     TALLY_E_NOT_FOUND);
    ck_assert_int_eq(cli_run("append --cluster=u --out=r event.json"), TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("append --cluster=u --key=author --out=r no.json"),
                     TALLY_E_NOT_FOUND);
    ck_assert_int_eq(cli_run("append --cluster=u --key=author --trust=t --out=r t"),
                     TALLY_E_MALFORMED);
}
END_TEST

/* ---- several signers ----------------------------------------------------------------- */

START_TEST(from_hand_to_hand)
{
    struct tally_hash author, approver;
    char text[1024], one[65], two[65];

    fixture_key_id(&fake.paper.fixture, FIXTURE_AUTHOR, &author);
    fixture_key_id(&fake.paper.fixture, FIXTURE_APPROVER, &approver);
    bytes_hex(author.bytes, 32, one);
    bytes_hex(approver.bytes, 32, two);
    (void)snprintf(text, sizeof text,
                   "{\"subject\": \"model/m\", " CREATED ", \"required_signers\": ["
                   "{\"key_id\": \"%s\", \"meaning\": \"MEANING_REVIEW\"}, "
                   "{\"key_id\": \"%s\", \"meaning\": \"MEANING_AUTHOR\"}]}",
                   two, one);
    cli_run_write_text("event.json", text);
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_SIGNERS);
    ck_assert_msg(printed("review by the key with id") && printed(two), "%s%s", cli_run_out,
                  cli_run_err);
    ck_assert_uint_eq(fake.appends, 0);
    /* The same command again changes nothing. */
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_SIGNERS);
    must_run("sign --key=author r.pending");
    ck_assert(printed("had signed before"));
    must_run("sign --key=approver --json r.pending");
    ck_assert(printed("\"missing\": []"));
    fake.refuse =
        TALLY_E_BUSY; /* what is sent is checked up to here; the paper has one signer */
    ck_assert_int_eq(cli_run("append --cluster=u --trust=t --out=r r.pending"), TALLY_E_BUSY);
    ck_assert_uint_eq(fake.appends, 1);
    ck_assert(cli_run_exists("r.pending"));
}
END_TEST

START_TEST(wrong_hands)
{
    fake.refuse = TALLY_E_TIMEOUT;
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_TIMEOUT);
    ck_assert_int_eq(cli_run("sign --key=approver r.pending"), TALLY_E_SIGNERS);
    ck_assert_int_eq(cli_run("sign --key=approver event.json"), TALLY_E_MALFORMED);
    ck_assert_int_eq(cli_run("sign --key=approver no.pending"), TALLY_E_NOT_FOUND);
    /* A damaged signature. */
    uint8_t copy[4096];
    const struct bytes file = cli_run_read("r.pending");

    ck_assert_uint_le(file.size, sizeof copy);
    memcpy(copy, file.data, file.size);
    copy[file.size - 1] ^= 1;
    cli_run_write("r.pending", bytes_of(copy, file.size), 0600);
    ck_assert_int_eq(cli_run("sign --key=author r.pending"), TALLY_E_SIGNATURE);
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_SIGNATURE);
}
END_TEST

/* A pending file under another name is copied to OUT.pending before it is sent. */
START_TEST(pending_elsewhere)
{
    fake.lose_answer = true;
    ck_assert_int_eq(cli_run(APPEND), TALLY_E_TIMEOUT);
    ck_assert_int_eq(rename("r.pending", "e.pending"), 0);
    must_run("append --cluster=u --trust=t --out=r e.pending");
    ck_assert(fake.pending_was_there && cli_run_exists("r"));
    ck_assert(cli_run_exists("e.pending") && !cli_run_exists("r.pending"));
}
END_TEST

/* ---- register ------------------------------------------------------------------------ */

#define REGISTER                                                                               \
    "register --cluster=u --key=author --trust=t --model=m --version=1 --base=base/b --out=r " \
    "d"

static void make_adapter(void)
{
    ck_assert_int_eq(mkdir("d", 0755), 0);
    weights_write_honest("d/adapter_model.safetensors");
    cli_run_write_text("d/adapter_config.json",
                       "{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"x/y\", "
                       "\"r\": 8, \"lora_alpha\": 16, \"target_modules\": [\"v\", \"q\"]}");
    fake.has_base = true;
}

START_TEST(registration)
{
    make_adapter();
    must_run(REGISTER);
    must_run("verify --trust=t --proof=r --adapter=d");
    ck_assert(printed("version.registered") && printed("model/m/version/1"));
    cli_run_write_text("d/adapter_config.json", "{}");
    ck_assert_int_eq(cli_run("verify --trust=t --proof=r --adapter=d"), TALLY_E_MISMATCH);
}
END_TEST

START_TEST(registration_again)
{
    uint64_t records = 0;

    make_adapter();
    fake.lose_answer = true;
    ck_assert_int_eq(cli_run(REGISTER), TALLY_E_TIMEOUT);
    fake.has_base = false; /* what the first try found is kept */
    records = fake.paper.count;
    must_run(REGISTER);
    ck_assert_uint_eq(fake.paper.count, records);
}
END_TEST

START_TEST(registration_faults)
{
    make_adapter();
    fake.has_base = false;
    ck_assert_int_eq(cli_run(REGISTER), TALLY_E_NOT_FOUND);
    ck_assert(said("'base/b' is not registered"));
    ck_assert_int_eq(cli_run("register --cluster=u --key=author --model=M --version=1 "
                             "--base=base/b --out=r d"),
                     TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("register --cluster=u --key=author --model=m --version=1 "
                             "--base=model/b --out=r d"),
                     TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("register --cluster=u --key=author --model=m --version=1 "
                             "--base=base/b --out=r nothing"),
                     TALLY_E_NOT_FOUND);
    cli_run_write_text("d/adapter_config.json", "not json");
    ck_assert_int_eq(cli_run(REGISTER), TALLY_E_MALFORMED);
    ck_assert(!cli_run_exists("r.pending") && fake.appends == 0);
}
END_TEST

START_TEST(prove)
{
    must_run(APPEND);
    must_run("prove --cluster=u --trust=t --index=1 --out=p");
    must_run("verify --trust=t --proof=p");
    must_run("prove --cluster=u --index=0 --out=p --json"); /* replaces the older one */
    ck_assert(printed("\"checked\": false"));
    must_run("verify --trust=t --proof=p");
    ck_assert(printed("ledger.genesis"));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("cli submit");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, receipt);
    tcase_add_test(all, json);
    tcase_add_test(all, denied);
    tcase_add_test(all, committed);
    tcase_add_test(all, unknown_outcome);
    tcase_add_test(all, another_event_is_refused);
    tcase_add_test(all, both_files);
    tcase_add_test(all, damaged_pending);
    tcase_add_test(all, refused);
    tcase_add_test(all, late_cosignature);
    tcase_add_test(all, no_trust_file);
    tcase_add_loop_test(all, bad_event, 0, (int)(sizeof bad_events / sizeof bad_events[0]));
    tcase_add_test(all, bad_keys);
    tcase_add_test(all, from_hand_to_hand);
    tcase_add_test(all, wrong_hands);
    tcase_add_test(all, pending_elsewhere);
    tcase_add_test(all, registration);
    tcase_add_test(all, registration_again);
    tcase_add_test(all, registration_faults);
    tcase_add_test(all, prove);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
