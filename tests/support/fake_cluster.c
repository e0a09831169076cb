#include "support/fake_cluster.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "event/batch.h"
#include "support/cli_run.h"
#include "tally/cli.h"
#include "tally/cluster.h"

struct fake_cluster fake;

/* A client is never looked into. */
static int nobody;

static enum tally_err fake_open(struct cli *cli, struct tally_client **ret_client)
{
    (void)cli;
    *ret_client = (struct tally_client *)(void *)&nobody;
    return TALLY_OK;
}

static void fake_close(struct tally_client *client)
{
    (void)client;
}

static void fake_free(const void *result)
{
    (void)result; /* results are static */
}

/* Record the events of a batch that was not seen before. */
static void record_batch(struct bytes batch)
{
    const struct bytes *events = NULL;
    const struct batch_signer *signers = NULL;
    uint32_t events_count = 0, signers_count = 0;
    struct arena *arena = fake.paper.fixture.arena;
    struct batch decoded;

    if (bytes_equal(fake.last_batch, batch)) return;
    ASSERT(batch_check(batch, &fake.paper.fixture.ledger_id, arena, &decoded, NULL) ==
           TALLY_OK);
    ASSERT(batch_split(batch, arena, &events, &events_count, &signers, &signers_count, NULL) ==
           TALLY_OK);
    fake.last_batch = arena_copy(arena, batch);
    fake.last_index = paper_events(
        &fake.paper, FIXTURE_AUTHOR,
        &(struct bytes){.data = arena_copy(arena, events[0]).data, .size = events[0].size}, 1,
        !fake.deny);
    (void)paper_boundary(&fake.paper);
}

static enum tally_err fake_append(struct tally_client *client, const uint8_t *batch,
                                  size_t batch_size, enum tally_ack ack,
                                  const struct tally_append_result **ret_result,
                                  struct tally_diag *diag)
{
    static const uint16_t rules[] = {3};
    static struct tally_outcome outcome;
    static struct tally_bytes proof;
    static struct tally_append_result result;
    const enum tally_err refuse = fake.refuse;
    const bool repeated = bytes_equal(fake.last_batch, bytes_of(batch, batch_size));

    (void)client;
    fake.appends++;
    fake.pending_was_there = cli_run_exists("r.pending");
    fake.refuse = TALLY_OK;
    if (refuse != TALLY_OK) {
        tally_diag_set(diag, "told to");
        return refuse;
    }
    record_batch(bytes_of(batch, batch_size));
    if (fake.lose_answer) {
        fake.lose_answer = false;
        return TALLY_E_TIMEOUT;
    }
    outcome = (struct tally_outcome){.index = fake.last_index,
                                     .time_ms = FIXTURE_TIME_MS,
                                     .allowed = !fake.deny,
                                     .repeated = repeated,
                                     .failed_rules = rules,
                                     .failed_rules_count = fake.deny ? 1 : 0};
    const struct bytes file = paper_receipt(&fake.paper, fake.last_index, fake.cosigners);
    proof = (struct tally_bytes){.data = file.data, .size = file.size};
    result = (struct tally_append_result){.outcomes = &outcome,
                                          .outcomes_count = 1,
                                          .proofs = &proof,
                                          .proofs_count = ack == TALLY_ACK_PROOF ? 1 : 0};
    *ret_result = &result;
    return TALLY_OK;
}

static enum tally_err fake_prove(struct tally_client *client, uint64_t index,
                                 uint32_t cosignatures_min, uint32_t wait_ms,
                                 const struct tally_prove_result **ret_result,
                                 struct tally_diag *diag)
{
    static struct tally_prove_result result;

    (void)client;
    (void)diag;
    ASSERT(cosignatures_min <= LIMIT_MEMBERS);
    ASSERT(wait_ms <= 60000);
    if (fake.proves++ == 0 && cosignatures_min > 0) return TALLY_E_QUORUM; /* not yet */
    const struct bytes file = paper_receipt(&fake.paper, index, PAPER_EVERYBODY);
    result.proof = (struct tally_bytes){.data = file.data, .size = file.size};
    *ret_result = &result;
    return TALLY_OK;
}

static enum tally_err fake_status(struct tally_client *client,
                                  const struct tally_status_result **ret_result,
                                  struct tally_diag *diag)
{
    static struct tally_status_result result;

    (void)client;
    (void)diag;
    memcpy(result.ledger_id, fake.paper.fixture.ledger_id.bytes, 32);
    *ret_result = &result;
    return TALLY_OK;
}

static enum tally_err fake_subject(struct tally_client *client, const char *subject,
                                   const struct tally_subject_result **ret_result,
                                   struct tally_diag *diag)
{
    static struct tally_subject_result result;

    (void)client;
    (void)diag;
    if (fake.has_version && strcmp(subject, "model/m/version/1") == 0) {
        result.has_manifest_root = true;
        memcpy(result.manifest_root, fake.version_root.bytes, 32);
        *ret_result = &result;
        return TALLY_OK;
    }
    result.has_manifest_root = false;
    if (!fake.has_base || strcmp(subject, "base/b") != 0) return TALLY_E_NOT_FOUND;
    memcpy(result.registered, fixture_hash(77).bytes, 32);
    *ret_result = &result;
    return TALLY_OK;
}

static const struct cluster_calls fake_calls = {
    .open = fake_open,
    .close = fake_close,
    .append = fake_append,
    .prove = fake_prove,
    .status = fake_status,
    .subject = fake_subject,
    .free_result = fake_free,
};

void fake_cluster_open(void)
{
    memset(&fake, 0, sizeof fake);
    fake.cosigners = PAPER_EVERYBODY;
    cluster_calls = &fake_calls;
    paper_open(&fake.paper, 3);
}

void fake_cluster_close(void)
{
    paper_close(&fake.paper);
}
