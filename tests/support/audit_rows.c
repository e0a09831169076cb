#include "support/audit_rows.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/cli_run.h"
#include "support/paper_ledger.h"

struct audit_rows audit_rows;

void audit_rows_open(void)
{
    cli_run_open();
    history_open(&audit_rows.history);
    audit_rows.store = history_reference(&audit_rows.history);
    log_dir_take(&audit_rows.history.fixture, audit_rows.store, &audit_rows.log);
    cli_run_write("trust", paper_trust_of(&audit_rows.history.fixture, 1), 0644);
    ck_assert_int_eq(mkdir("log", 0755), 0);
}

void audit_rows_close(void)
{
    store_close(audit_rows.store);
    history_close(&audit_rows.history);
    cli_run_close();
}

int audit_rows_audit(void)
{
    log_dir_write(&audit_rows.log, "log");
    return cli_run("audit --from-log=log --trust=trust --jobs=2");
}

void audit_rows_expect(enum tally_err err, uint64_t index, const char *text)
{
    char record[32];
    const int status = audit_rows_audit();

    (void)snprintf(record, sizeof record, "record %llu: ", (unsigned long long)index);
    ck_assert_msg(status == (int)err, "exit %d (%s), not %s: %s", status,
                  tally_err_name((enum tally_err)status), tally_err_name(err), cli_run_err);
    ck_assert_msg(strstr(cli_run_err, record) != NULL, "not '%s': %s", record, cli_run_err);
    ck_assert_msg(strstr(cli_run_err, text) != NULL, "not '%s': %s", text, cli_run_err);
}

uint64_t audit_rows_event(enum event_type type, bool allowed)
{
    return log_dir_find(&audit_rows.log, 1, RECORD_EVENT, type, allowed);
}

void audit_rows_decide(uint64_t index, bool allowed, uint16_t rule)
{
    struct record record = log_dir_record(&audit_rows.log, index);
    struct arena *arena = audit_rows.log.fixture->arena;
    uint16_t *rules = arena_zalloc(arena, 1, sizeof *rules);

    ck_assert_ptr_nonnull(rules);
    rules[0] = rule;
    record.event.decision.allowed = allowed;
    record.event.decision.failed_rules = rules;
    record.event.decision.failed_rules_count = allowed ? 0 : 1;
    log_dir_put(&audit_rows.log, index, &record);
}
