/* bench_audit - how fast `tally audit` goes through a log, beside what its signatures cost.
 *
 * Usage: bench_audit [EVENTS [BATCH [THREADS]]]. Makes a log of EVENTS annotations of about 700
 * bytes, signed in batches of BATCH, and audits it from its export. Each batch has one
 * signature, so with BATCH = 1 the limit is Ed25519: one core's verifications per second times
 * the cores, measured in the same run on as many threads. Prints both, the stages and the
 * memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "crypto/sign.h"
#include "ledger/ledger.h"
#include "support/cli_run.h"
#include "support/ledger_run.h"
#include "support/log_dir.h"
#include "tally/audit.h"
#include "tally/cli.h"

enum { EVENTS = 20000, CHECKS = 20000 };

static double seconds_since(uint64_t begin_ms)
{
    return (double)(clock_monotonic_ms() - begin_ms + 1) / 1000;
}

static void verify_some(void *argument)
{
    struct sign_key key;
    const uint8_t seed[32] = {7}, message[BATCH_MESSAGE_BYTES] = {1};
    uint8_t signature[SIGN_SIGNATURE_BYTES];
    const uint32_t count = *(const uint32_t *)argument;

    sign_keypair_from_seed(seed, &key);
    sign_detached(&key, message, sizeof message, signature);
    for (uint32_t i = 0; i < count; i++)
        ASSERT(sign_verify(key.public_key, message, sizeof message, signature,
                           sizeof signature) == TALLY_OK);
}

/* Verifications per second on so many threads. */
static double limit_of(uint32_t threads)
{
    struct pool *pool = NULL;
    struct pool_group group = {0};
    uint32_t count = CHECKS;
    uint64_t begin_ms;

    ASSERT(sign_init() == TALLY_OK && pool_open(threads, &pool) == TALLY_OK);
    begin_ms = clock_monotonic_ms();
    for (uint32_t i = 0; i < threads; i++) pool_submit(pool, &group, verify_some, &count);
    pool_wait(pool, &group);
    const double rate = (double)CHECKS * threads / seconds_since(begin_ms);
    pool_close(pool);
    return rate;
}

/* Leaves of one batch of annotations by one author, as the ledger would make them. */
static void add_batch(struct fixture *fixture, struct log_dir *log, uint32_t batch_size)
{
    const struct fixture_spec spec = {
        .type = EVENT_ANNOTATION_ADDED, .who = FIXTURE_AUTHOR, .padding = 400};
    static struct bytes events[LIMIT_BLOCK_EVENTS];
    struct record record = {.time_ms = FIXTURE_TIME_MS, .kind = RECORD_EVENT};
    struct batch_signer signer;

    for (uint32_t i = 0; i < batch_size; i++) events[i] = fixture_event(fixture, &spec);
    batch_sign(events, batch_size, &fixture->ledger_id, MEANING_AUTHOR,
               &fixture->people[FIXTURE_AUTHOR], &signer);
    record.event.decision.allowed = true;
    record.event.signers_count = 1;
    record.event.signers[0] = (struct record_signer){
        .key_id = signer.key_id, .meaning = signer.meaning, .batch_size = batch_size};
    memcpy(record.event.signers[0].signature, signer.signature, sizeof signer.signature);
    for (uint32_t i = 0; i < batch_size; i++) {
        record.index = log->count++;
        record.event.event = events[i];
        record.event.signers[0].batch_index = i;
        log_dir_put(log, record.index, &record);
    }
}

/* Genesis, a model and a version, and EVENTS annotations of it. */
static void make_log(struct ledger_run *run, uint32_t events_count, uint32_t batch_size,
                     struct log_dir *log)
{
    struct record end = {.time_ms = FIXTURE_TIME_MS, .kind = RECORD_STATE};
    struct bytes *leaves;

    ledger_run_open(run);
    ledger_run_version(run, NULL, NULL);
    ASSERT(ledger_flush(run->ledger, NULL) == TALLY_OK);
    log_dir_take(&run->fixture, run->store, log);
    leaves = arena_zalloc(run->fixture.arena, log->count + events_count + batch_size + 1,
                          sizeof *leaves);
    ASSERT(leaves != NULL);
    memcpy(leaves, log->leaves, log->count * sizeof *leaves);
    log->leaves = leaves;
    for (uint32_t done = 0; done < events_count; done += batch_size)
        add_batch(&run->fixture, log, batch_size);
    end.index = end.state.covers = log->count++;
    log_dir_put(log, end.index, &end);
}

/* In a process of its own, so that the memory of the audit is seen. */
static void write_log(uint32_t events_count, uint32_t batch_size)
{
    const pid_t child = fork();
    int status = 0;

    if (child == 0) {
        struct ledger_run *run = calloc(1, sizeof *run);
        struct log_dir log;

        ASSERT(run != NULL && mkdir("log", 0755) == 0);
        make_log(run, events_count, batch_size, &log);
        log_dir_write(&log, "log");
        _exit(0);
    }
    ASSERT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void audit_log(uint32_t threads, double limit)
{
    static const char *const words[] = {"log"};
    static const struct cli_option none[] = {{.name = "trust", .type = CLI_TEXT}};
    static const struct cli_command command = {
        .name = "bench", .options = none, .options_count = CLI_COUNT(none)};
    struct cli cli = {.out = stdout, .err = stderr, .command = &command};
    struct source source;
    struct audit_result result;
    struct rusage usage;

    ASSERT(source_open_directory(&cli, words[0], &source) == TALLY_OK);
    const struct audit_options options = {.cli = &cli, .source = &source, .threads = threads};
    const enum tally_err err = audit_run(&options, &result);
    if (err != TALLY_OK) fprintf(stderr, "audit: %s\n", result.diag.text);
    ASSERT(err == TALLY_OK);
    source_close(&source);
    (void)getrusage(RUSAGE_SELF, &usage);
    const double rate = (double)result.events / result.seconds;
    const double signatures = (double)result.signatures / result.seconds;
    printf("log          %8llu records, %llu signatures\n", (unsigned long long)result.size,
           (unsigned long long)result.signatures);
    printf("audit        %8.0f events/s  %8.0f signatures/s  %.2f s, %u threads\n", rate,
           signatures, result.seconds, (unsigned)threads);
    printf("Ed25519      %8.0f verifications/s on %u threads: the audit reaches %.0f %%\n",
           limit, (unsigned)threads, 100 * signatures / limit);
    printf("memory       %8ld KiB at most\n", usage.ru_maxrss);
}

int main(int argc, char **argv)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const uint32_t events = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : EVENTS;
    const uint32_t batch = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
    const uint32_t threads = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : (uint32_t)cores;

    if (events == 0 || batch == 0 || batch > LIMIT_BLOCK_EVENTS || threads == 0 ||
        threads > POOL_THREADS_MAX) {
        fprintf(stderr, "usage: bench_audit [EVENTS [BATCH [THREADS]]]\n");
        return 64;
    }
    cli_run_open();
    write_log(events, batch);
    audit_log(threads, limit_of(threads));
    cli_run_close();
    return 0;
}
