#include "support/report_story.h"

#include <check.h>
#include <sys/stat.h>

#include "support/cli_run.h"
#include "support/paper_ledger.h"

struct report_story report_story;

static void append(uint32_t number, bool allowed, struct fixture_spec spec)
{
    report_story.run.chain.time_ms = FIXTURE_TIME_MS + 1000 * number;
    ck_assert_msg(
        ledger_run_event(&report_story.run, &spec, &report_story.hashes[number])->allowed ==
            allowed,
        "event %u", number);
    ck_assert_uint_eq(report_story.run.result.events[0].index, number);
}

static void tell_inputs(void)
{
    struct event_ref from[] = {{.rel = REL_BASE}, {.rel = REL_TRAINED_ON}};

    append(BASE, true,
           (struct fixture_spec){
               .type = EVENT_BASE_MODEL_REGISTERED, .who = FIXTURE_AUTHOR, .id = 1});
    append(OTHER_BASE, true,
           (struct fixture_spec){.type = EVENT_BASE_MODEL_REGISTERED,
                                 .who = FIXTURE_AUTHOR,
                                 .id = 302000,
                                 .subject = "base/c"});
    append(DATASET, true,
           (struct fixture_spec){.type = EVENT_DATASET_REGISTERED, .who = FIXTURE_AUTHOR});
    append(MODEL, true,
           (struct fixture_spec){.type = EVENT_MODEL_CREATED, .who = FIXTURE_AUTHOR});
    from[0].event_hash = report_story.hashes[BASE];
    from[1].event_hash = report_story.hashes[DATASET];
    append(
        RUN, true,
        (struct fixture_spec){
            .type = EVENT_RUN_STARTED, .who = FIXTURE_AUTHOR, .refs = from, .refs_count = 2});
    append(RUN_END, true,
           (struct fixture_spec){.type = EVENT_RUN_COMPLETED, .who = FIXTURE_AUTHOR});
}

static void tell_versions(void)
{
    struct event_ref ref = {.rel = REL_CORRECTS};

    append(VERSION, true,
           (struct fixture_spec){.type = EVENT_VERSION_REGISTERED,
                                 .who = FIXTURE_AUTHOR,
                                 .run = "r",
                                 .base = &report_story.hashes[BASE]});
    append(EVALUATION, true,
           (struct fixture_spec){.type = EVENT_EVALUATION_RECORDED, .who = FIXTURE_EVALUATOR});
    append(APPROVAL, true,
           (struct fixture_spec){.type = EVENT_APPROVAL_GRANTED, .who = FIXTURE_APPROVER});
    const struct tally_hash root = fixture_hash(1);
    append(ATTESTATION, true,
           (struct fixture_spec){.type = EVENT_ATTESTATION_ATTACHED,
                                 .who = FIXTURE_AUTHOR,
                                 .subject = "model/m/version/1",
                                 .manifest_root = &root});
    ref.event_hash = report_story.hashes[EVALUATION];
    append(CORRECTION, true,
           (struct fixture_spec){.type = EVENT_CORRECTION_RECORDED,
                                 .who = FIXTURE_EVALUATOR,
                                 .subject = "model/m/version/1",
                                 .refs = &ref,
                                 .refs_count = 1});
    /* Of another base, but it merges the first one. */
    ref = (struct event_ref){.rel = REL_MERGES, .event_hash = report_story.hashes[VERSION]};
    append(SECOND, true,
           (struct fixture_spec){.type = EVENT_VERSION_REGISTERED,
                                 .who = FIXTURE_AUTHOR,
                                 .subject = "model/m/version/2",
                                 .base_subject = "base/c",
                                 .base = &report_story.hashes[OTHER_BASE],
                                 .refs = &ref,
                                 .refs_count = 1});
    append(THIRD, true,
           (struct fixture_spec){.type = EVENT_VERSION_REGISTERED,
                                 .who = FIXTURE_AUTHOR,
                                 .subject = "model/m/version/3",
                                 .base_subject = "base/c",
                                 .base = &report_story.hashes[OTHER_BASE]});
    append(DENIED, false,
           (struct fixture_spec){.type = EVENT_VERSION_REGISTERED,
                                 .who = FIXTURE_APPROVER,
                                 .base = &report_story.hashes[BASE]});
    append(EXPORT, true,
           (struct fixture_spec){.type = EVENT_AUDIT_EXPORTED, .who = FIXTURE_EVERYONE});
}

static void tell_access(void)
{
    const struct event_ref cause = {.rel = REL_CAUSED_BY,
                                    .event_hash = report_story.hashes[VERSION]};
    struct tally_diag diag;

    append(PRINCIPAL, true,
           (struct fixture_spec){.type = EVENT_PRINCIPAL_REGISTERED, .who = FIXTURE_ADMIN});
    append(KEY, true, (struct fixture_spec){.type = EVENT_KEY_ENROLLED, .who = FIXTURE_ADMIN});
    append(ROLE, true,
           (struct fixture_spec){.type = EVENT_ROLE_GRANTED,
                                 .who = FIXTURE_ADMIN,
                                 .expires_ms = FIXTURE_TIME_MS + 3600000});
    append(ROLE_AGAIN, true,
           (struct fixture_spec){.type = EVENT_ROLE_GRANTED, .who = FIXTURE_ADMIN});
    append(STOLEN, true,
           (struct fixture_spec){
               .type = EVENT_MODEL_CREATED, .who = FIXTURE_STRANGER, .subject = "model/s"});
    append(INCIDENT, true,
           (struct fixture_spec){.type = EVENT_INCIDENT_OPENED,
                                 .who = FIXTURE_AUTHOR,
                                 .refs = &cause,
                                 .refs_count = 1});
    append(REVOKED, true,
           (struct fixture_spec){.type = EVENT_KEY_REVOKED,
                                 .who = FIXTURE_ADMIN,
                                 .compromised = true,
                                 .compromised_since = STOLEN});
    append(ROLE_END, true,
           (struct fixture_spec){.type = EVENT_ROLE_REVOKED, .who = FIXTURE_ADMIN});
    report_story.run.chain.time_ms = FIXTURE_TIME_MS + 1000 * STATE;
    ledger_run_batches(&report_story.run, NULL, 0, true);
    ck_assert_int_eq(ledger_flush(report_story.run.ledger, &diag), TALLY_OK);
}

void report_story_open(void)
{
    report_story = (struct report_story){0};
    cli_run_open();
    ledger_run_open(&report_story.run);
    tell_inputs();
    tell_versions();
    tell_access();
    log_dir_take(&report_story.run.fixture, report_story.run.store, &report_story.log);
    ck_assert_uint_eq(report_story.log.count, RECORDS);
    cli_run_write("trust", paper_trust_of(&report_story.run.fixture, 0), 0644);
    ck_assert_int_eq(mkdir("log", 0755), 0);
    log_dir_write(&report_story.log, "log");
}

void report_story_close(void)
{
    ledger_run_close(&report_story.run);
    cli_run_close();
}
