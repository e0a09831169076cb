#include "submit.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "cluster.h"
#include "crypto/hash.h"
#include "draft.h"
#include "note/trust.h"
#include "out.h"
#include "submit_receipt.h"

enum { ARENA_SIZE_MAX = 64 * 1024 * 1024 };

/* ---- opening ------------------------------------------------------------------------- */

static enum tally_err open_trust(struct submit *submit, const char *path)
{
    struct tally_diag diag = {""};
    enum tally_err err =
        disk_read(path, LIMIT_TRUST_FILE_SIZE, submit->arena, &submit->trust, &diag);

    if (err != TALLY_OK) return cli_fail(submit->cli, err, &diag);
    struct trust *trust = arena_alloc(submit->arena, sizeof *trust);
    if (trust == NULL) return cli_fail(submit->cli, TALLY_E_NO_MEMORY, NULL);
    err = trust_parse(submit->trust.data, submit->trust.size, trust, &diag);
    if (err != TALLY_OK) return cli_failf(submit->cli, err, "%s: %s", path, diag.text);
    if (!trust->has_ledger)
        return cli_failf(submit->cli, TALLY_E_MALFORMED,
                         "%s: no line '# tally ledger <id>'; use the file that 'tally genesis "
                         "seal' wrote",
                         path);
    submit->has_trust = true;
    submit->ledger_id = trust->ledger_id;
    submit->has_ledger_id = true;
    return TALLY_OK;
}

/* `--ack` and `--out` go together. */
static enum tally_err open_output(struct submit *submit)
{
    struct cli *cli = submit->cli;
    struct tally_diag diag = {""};

    if (submit->ack == TALLY_ACK_COMMITTED) {
        if (submit->out == NULL) return TALLY_OK;
        return cli_failf(cli, TALLY_E_INVALID,
                         "--ack=committed gives no receipt: leave --out away");
    }
    if (submit->out == NULL)
        return cli_failf(cli, TALLY_E_INVALID, "--out=FILE is missing (or --ack=committed)");
    const int size =
        snprintf(submit->pending_path, sizeof submit->pending_path, "%s.pending", submit->out);
    if (size < 0 || (size_t)size + 8 > sizeof submit->pending_path)
        return cli_failf(cli, TALLY_E_INVALID, "the path of --out is too long");
    if (!disk_exists(submit->pending_path)) {
        if (!disk_exists(submit->out)) return TALLY_OK;
        return cli_failf(cli, TALLY_E_INVALID,
                         "%s exists; a receipt is never overwritten, choose another --out",
                         submit->out);
    }
    const enum tally_err err =
        pending_read(submit->pending_path, submit->arena, &submit->pending, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    submit->has_pending = true;
    return TALLY_OK;
}

enum tally_err submit_open(struct cli *cli, struct submit *ret_submit)
{
    const char *ack = cli_text(cli, "ack");
    const char *key = cli_text(cli, "key");
    const char *trust = cli_text(cli, "trust");
    struct tally_diag diag = {""};
    enum tally_err err = TALLY_OK;

    memset(ret_submit, 0, sizeof *ret_submit);
    ret_submit->cli = cli;
    ret_submit->out = cli_text(cli, "out");
    ret_submit->ack = TALLY_ACK_PROOF;
    if (ack != NULL && strcmp(ack, "committed") == 0)
        ret_submit->ack = TALLY_ACK_COMMITTED;
    else if (ack != NULL && strcmp(ack, "proof") != 0)
        return cli_failf(cli, TALLY_E_INVALID, "--ack=%s: proof or committed", ack);

    err = arena_open(ARENA_SIZE_MAX, &ret_submit->arena);
    if (err == TALLY_OK) err = sign_init();
    if (err != TALLY_OK) return cli_fail(cli, err, NULL);
    if (key != NULL) {
        err = keyfile_user_load(key, &ret_submit->key, &diag);
        if (err != TALLY_OK) return cli_fail(cli, err, &diag);
        ret_submit->has_key = true;
    }
    if (trust != NULL) err = open_trust(ret_submit, trust);
    if (err == TALLY_OK) err = open_output(ret_submit);
    return err == TALLY_OK ? cluster_calls->open(cli, &ret_submit->client) : err;
}

void submit_close(struct submit *submit)
{
    keyfile_user_wipe(&submit->key);
    if (submit->client != NULL) cluster_calls->close(submit->client);
    arena_close(submit->arena);
}

enum tally_err submit_ledger(struct submit *submit)
{
    const struct tally_status_result *status = NULL;
    struct tally_diag diag = {""};

    if (submit->has_ledger_id) return TALLY_OK;
    const enum tally_err err = cluster_calls->status(submit->client, &status, &diag);
    if (err != TALLY_OK) return cluster_fail(submit->cli, err, &diag);
    memcpy(submit->ledger_id.bytes, status->ledger_id, TALLY_HASH_BYTES);
    submit->has_ledger_id = true;
    cluster_calls->free_result(status);
    return TALLY_OK;
}

/* ---- the event ----------------------------------------------------------------------- */

static uint64_t wall_clock_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The event of this command may differ from the one in OUT.pending in nothing. */
static enum tally_err same_event(struct submit *submit, struct bytes event)
{
    if (bytes_equal(event, submit->pending.event.bytes)) return TALLY_OK;
    return cli_failf(
        submit->cli, TALLY_E_CONFLICT,
        "%s holds another event, which may have been recorded: finish it with the "
        "command that made it, choose another --out, or delete the file to give it "
        "up",
        submit->pending_path);
}

/* Sign with --key, and put the result on disk if anything changed. */
static enum tally_err sign_pending(struct submit *submit, bool changed)
{
    struct cli *cli = submit->cli;
    struct tally_diag diag = {""};
    bool added = false;
    enum tally_err err = TALLY_OK;

    if (submit->has_key) {
        err = pending_sign(&submit->pending, &submit->key.key, &added, &diag);
        if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    }
    if (submit->out == NULL || (!added && !changed)) return TALLY_OK;
    err = pending_write(submit->pending_path, &submit->pending, submit->arena, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    submit->has_pending = true;
    return TALLY_OK;
}

enum tally_err submit_draft(struct submit *submit, struct json_t *draft)
{
    struct tally_diag diag = {""};
    struct bytes event = {0};
    struct draft_fill fill = {
        .key = submit->has_key ? &submit->key : NULL,
        .ledger_id = &submit->ledger_id,
        .earlier = submit->has_pending ? &submit->pending.event : NULL,
        .time_ms = wall_clock_ms(),
    };
    enum tally_err err = TALLY_OK;

    if (submit->has_pending && !submit->has_ledger_id) {
        submit->ledger_id = submit->pending.event.ledger_id;
        submit->has_ledger_id = true;
    }
    if (json_object_get(draft, "ledger_id") == NULL) err = submit_ledger(submit);
    if (err != TALLY_OK) return err;
    err = draft_encode(draft, &fill, submit->arena, &event, &diag);
    if (err != TALLY_OK) return cli_fail(submit->cli, err, &diag);
    if (submit->has_pending) {
        err = same_event(submit, event);
        return err == TALLY_OK ? sign_pending(submit, false) : err;
    }
    err = pending_new(event, submit->arena, &submit->pending, &diag);
    if (err != TALLY_OK) return cli_fail(submit->cli, err, &diag);
    if (submit->has_trust && !hash_equal(&submit->ledger_id, &submit->pending.event.ledger_id))
        return cli_failf(submit->cli, TALLY_E_WRONG_LEDGER,
                         "the event's ledger_id is not that of --trust");
    return sign_pending(submit, true);
}

enum tally_err submit_file(struct submit *submit, struct bytes file)
{
    struct tally_diag diag = {""};
    struct pending pending;
    enum tally_err err = pending_parse(file, submit->arena, &pending, &diag);

    if (err != TALLY_OK) return cli_fail(submit->cli, err, &diag);
    if (submit->has_pending) {
        err = same_event(submit, pending.event.bytes);
        if (err != TALLY_OK) return err;
    }
    if (submit->has_trust && !hash_equal(&submit->ledger_id, &pending.event.ledger_id))
        return cli_failf(submit->cli, TALLY_E_WRONG_LEDGER,
                         "the event was made for another ledger than that of --trust");
    submit->pending = pending;
    return sign_pending(submit, true);
}

void submit_print_missing(struct cli *cli, const struct pending *pending)
{
    struct event_signer missing[LIMIT_EVENT_SIGNERS];
    const uint32_t count = pending_missing(pending, missing);

    for (uint32_t i = 0; i < count; i++) {
        char hex[OUT_HEX_SIZE];

        out_line(cli, "missing", "%s by the key with id %s",
                 event_meaning_name(missing[i].meaning), out_hex(missing[i].key_id.bytes, hex));
    }
}

/* ---- sending ------------------------------------------------------------------------- */

/* What to do after an append that failed. */
static enum tally_err send_failed(struct submit *submit, enum tally_err err,
                                  const struct tally_diag *diag)
{
    struct cli *cli = submit->cli;

    (void)cluster_fail(cli, err, diag);
    if (submit->out == NULL) {
        if (err == TALLY_E_TIMEOUT)
            cli_note(cli, "the outcome is unknown: it may be recorded or still become so");
        return err;
    }
    if (err == TALLY_E_TIMEOUT)
        cli_note(cli, "the outcome is unknown; run the same command again: it sends the same "
                      "bytes, and at most one record comes of them");
    else
        cli_note(cli, "the signed event is kept in %s; delete that file to give it up",
                 submit->pending_path);
    return err;
}

enum tally_err submit_send(struct submit *submit)
{
    struct cli *cli = submit->cli;
    struct event_signer missing[LIMIT_EVENT_SIGNERS];
    const struct tally_append_result *result = NULL;
    struct tally_diag diag = {""};

    if (pending_missing(&submit->pending, missing) > 0) {
        submit_print_missing(cli, &submit->pending);
        if (submit->out == NULL)
            return cli_failf(cli, TALLY_E_SIGNERS, "not sent: signatures are missing");
        return cli_failf(cli, TALLY_E_SIGNERS,
                         "not sent: signatures are missing; next: tally sign --key=FILE %s",
                         submit->pending_path);
    }
    const struct bytes batch = pending_batch(&submit->pending, submit->arena);
    if (batch.data == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    const uint64_t deadline_ms =
        cluster_now_ms() + cli_number(cli, "timeout", CLUSTER_TIMEOUT_S) * 1000;
    enum tally_err err = cluster_calls->append(submit->client, batch.data, batch.size,
                                               submit->ack, &result, &diag);
    if (err != TALLY_OK) return send_failed(submit, err, &diag);
    err = submit_receipt(submit, result, deadline_ms);
    cluster_calls->free_result(result);
    return err;
}
