#include "submit_receipt.h"

#include <jansson.h>
#include <string.h>
#include <tally/receipt.h>

#include "base/file.h"
#include "base/limits.h"
#include "cluster.h"
#include "note/tlogproof.h"
#include "note/trust.h"
#include "out.h"

enum { WAIT_MS_MAX = 10 * 1000, TEXT_SIZE = 2048 };

/* How many members a proof's checkpoint is cosigned by, as far as the trust file knows them. */
static uint32_t count_cosigners(struct bytes trust_file, struct bytes proof_file,
                                struct arena *arena)
{
    struct trust *trust = arena_alloc(arena, sizeof *trust);
    struct tlogproof *proof = arena_alloc(arena, sizeof *proof);
    struct trust_checkpoint *found = arena_zalloc(arena, 1, sizeof *found);

    if (trust == NULL || proof == NULL || found == NULL) return 0;
    if (trust_parse(trust_file.data, trust_file.size, trust, NULL) != TALLY_OK ||
        tlogproof_parse(proof_file.data, proof_file.size, proof, NULL) != TALLY_OK)
        return 0;
    const enum tally_err err = trust_check_checkpoint(trust, proof->checkpoint.data,
                                                      proof->checkpoint.size, found, NULL);
    return err == TALLY_OK || err == TALLY_E_QUORUM
               ? (uint32_t)__builtin_popcount(found->witnesses)
               : 0;
}

/* Verify once. `diag` has the reason. */
static enum tally_err check_once(struct bytes trust, struct bytes proof, uint64_t index,
                                 const struct tally_hash *event_hash, struct tally_diag *diag)
{
    enum tally_verdict verdict = TALLY_VERDICT_NONE;
    struct tally_receipt *receipt = NULL;
    enum tally_err err = tally_receipt_verify(trust.data, trust.size, proof.data, proof.size,
                                              NULL, &verdict, &receipt, diag);

    if (err != TALLY_OK) return err;
    if (receipt->index != index) {
        tally_diag_set(diag, "the node sent the proof of record %llu",
                       (unsigned long long)receipt->index);
        err = TALLY_E_PROOF;
    } else if (event_hash != NULL &&
               memcmp(receipt->event_hash, event_hash->bytes, TALLY_HASH_BYTES) != 0) {
        tally_diag_set(diag, "the node sent the proof of another event");
        err = TALLY_E_MISMATCH;
    }
    tally_receipt_free(receipt);
    return err;
}

/* Ask for a proof with one cosignature more. */
static enum tally_err ask_again(struct tally_client *client, uint64_t index, uint32_t cosigners,
                                uint64_t left_ms, struct arena *arena, struct bytes *ret_proof,
                                struct tally_diag *diag)
{
    const uint32_t want = cosigners < LIMIT_MEMBERS ? cosigners + 1 : LIMIT_MEMBERS;
    const uint32_t wait_ms = left_ms < WAIT_MS_MAX ? (uint32_t)left_ms : WAIT_MS_MAX;
    const struct tally_prove_result *result = NULL;
    const enum tally_err err =
        cluster_calls->prove(client, index, want, wait_ms, &result, diag);

    if (err != TALLY_OK) return err;
    *ret_proof = arena_copy(arena, bytes_of(result->proof.data, result->proof.size));
    cluster_calls->free_result(result);
    return ret_proof->data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

enum tally_err submit_check(struct cli *cli, struct tally_client *client, struct bytes trust,
                            uint64_t index, const struct tally_hash *event_hash,
                            uint64_t deadline_ms, struct arena *arena, struct bytes *proof)
{
    struct tally_diag diag = {""};
    enum tally_err err = check_once(trust, *proof, index, event_hash, &diag);

    while (err == TALLY_E_QUORUM) {
        const uint64_t now_ms = cluster_now_ms();
        const uint32_t cosigners = count_cosigners(trust, *proof, arena);
        struct tally_diag why = {""};

        if (now_ms >= deadline_ms) break;
        const enum tally_err asked =
            ask_again(client, index, cosigners, deadline_ms - now_ms, arena, proof, &why);
        if (asked == TALLY_E_QUORUM) continue; /* none came while the node waited */
        if (asked != TALLY_OK) return cluster_fail(cli, asked, &why);
        err = check_once(trust, *proof, index, event_hash, &diag);
    }
    if (err == TALLY_OK) return TALLY_OK;
    (void)cli_fail(cli, err, &diag);
    if (err == TALLY_E_QUORUM)
        cli_note(cli,
                 "record %llu is final; the trust file asks for more cosignatures than "
                 "came in time: run the same command again",
                 (unsigned long long)index);
    return err;
}

/* ---- telling ------------------------------------------------------------------------- */

static enum tally_err print_json(struct submit *submit, const struct tally_outcome *outcome)
{
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:s, s:b, s:o, s:o}", "index", out_json_number(outcome->index),
        "time_ms", out_json_number(outcome->time_ms), "time", out_json_time(outcome->time_ms),
        "verdict", outcome->allowed ? "allow" : "deny", "repeated", outcome->repeated,
        "failed_rules", out_json_rules(outcome->failed_rules, outcome->failed_rules_count),
        "event_hash", out_json_hex(submit->pending.event.hash.bytes, TALLY_HASH_BYTES));

    if (object != NULL && submit->out != NULL) {
        (void)json_object_set_new(object, "receipt", json_string(submit->out));
        (void)json_object_set_new(object, "checked", json_boolean(submit->has_trust));
    }
    if (object != NULL && submit->extra != NULL)
        (void)json_object_update_missing(object, submit->extra);
    return out_json(submit->cli, object);
}

static enum tally_err tell(struct submit *submit, const struct tally_outcome *outcome)
{
    struct cli *cli = submit->cli;
    char time[OUT_TIME_SIZE], decision[TEXT_SIZE];
    enum tally_err err = TALLY_OK;

    (void)out_decision(outcome->allowed, outcome->failed_rules, outcome->failed_rules_count,
                       decision, sizeof decision);
    submit->index = outcome->index;
    if (submit->quiet && outcome->allowed) return TALLY_OK;
    if (cli_flag(cli, "json")) {
        err = print_json(submit, outcome);
    } else {
        (void)fprintf(cli->out, "record %llu at %s: %s%s\n", (unsigned long long)outcome->index,
                      out_time_ms(outcome->time_ms, time), decision,
                      outcome->repeated ? " (was recorded before)" : "");
        if (submit->out != NULL)
            (void)fprintf(cli->out, "receipt in %s%s\n", submit->out,
                          submit->has_trust ? ", checked"
                                            : ", not checked: there was no --trust");
    }
    if (err != TALLY_OK || outcome->allowed) return err;
    return cli_failf(cli, TALLY_E_DENIED, "record %llu", (unsigned long long)outcome->index);
}

enum tally_err submit_receipt(struct submit *submit, const struct tally_append_result *result,
                              uint64_t deadline_ms)
{
    struct cli *cli = submit->cli;
    struct tally_diag diag = {""};
    enum tally_err err = TALLY_OK;

    if (result->outcomes_count != 1 || (submit->out != NULL && result->proofs_count != 1))
        return cli_failf(cli, TALLY_E_MALFORMED,
                         "the node answered for another number of "
                         "events than one");
    const struct tally_outcome *outcome = &result->outcomes[0];
    if (submit->out == NULL) return tell(submit, outcome);

    struct bytes proof = bytes_of(result->proofs[0].data, result->proofs[0].size);
    if (submit->has_trust) {
        err = submit_check(cli, submit->client, submit->trust, outcome->index,
                           &submit->pending.event.hash, deadline_ms, submit->arena, &proof);
        if (err != TALLY_OK) {
            cli_note(cli, "no receipt is written; the signed event is kept in %s",
                     submit->pending_path);
            return err;
        }
    }
    err = file_write(submit->out, proof, 0644, &diag);
    if (err == TALLY_OK) err = disk_remove(submit->pending_path, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    return tell(submit, outcome);
}
