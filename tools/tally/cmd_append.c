#include <jansson.h>
#include <string.h>

#include "base/limits.h"
#include "commands.h"
#include "disk.h"
#include "draft.h"
#include "submit.h"

/* JSON may be larger than the event that it describes: hex doubles every byte. */
enum { JSON_SIZE_MAX = 4 * LIMIT_EVENT_SIZE };

static enum tally_err load_event(struct submit *submit, const char *path)
{
    struct cli *cli = submit->cli;
    struct tally_diag diag = {""};
    struct bytes file = {0};
    json_t *draft = NULL;

    enum tally_err err = disk_read(path, JSON_SIZE_MAX, submit->arena, &file, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    if (pending_is(file)) return submit_file(submit, file);
    err = draft_parse(file, &draft, &diag);
    if (err != TALLY_OK) return cli_failf(cli, err, "%s: %s", path, diag.text);
    err = submit_draft(submit, draft);
    json_decref(draft);
    return err;
}

static enum tally_err run(struct cli *cli)
{
    struct submit submit;
    enum tally_err err = submit_open(cli, &submit);

    if (err == TALLY_OK) err = load_event(&submit, cli->arguments[0]);
    if (err == TALLY_OK) err = submit_send(&submit);
    submit_close(&submit);
    return err;
}

static const struct cli_option options[] = {
    CLI_CLUSTER,
    {.name = "key",
     .type = CLI_TEXT,
     .argument = "FILE",
     .text = "secret key to sign with; not needed for a .pending file that all have signed"},
    SUBMIT_OUT,
    SUBMIT_ACK,
    SUBMIT_TRUST,
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "options that do not fit together; the receipt exists"},
    {TALLY_E_MALFORMED, "EVENT.json or a file; the message names the field"},
    {TALLY_E_SIGNATURE, "refused: a signature is wrong; or the receipt's does not verify"},
    {TALLY_E_TIMEOUT, "the outcome is unknown; run the same command again"},
    {TALLY_E_CONFLICT,
     "the event id stands for other bytes, or FILE.pending holds another event"},
    {TALLY_E_QUORUM, "recorded; too few cosignatures for the trust file came in time"},
    {TALLY_E_DENIED, "recorded, and denied by the rules; the receipt is written"},
    {TALLY_E_UNKNOWN_KEY, "refused: the key is not enrolled"},
    {TALLY_E_WRONG_LEDGER, "refused: made for another ledger"},
    {TALLY_E_TOO_LARGE, "refused: over a limit"},
    {TALLY_E_SIGNERS, "signatures are missing; FILE.pending goes to who must sign next"},
};
const struct cli_command command_append = {
    .name = "append",
    .arguments = "EVENT.json",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "sign an event, have it recorded, and get its receipt",
    .description =
        "EVENT.json names a subject and one payload; fields are called as in "
        "proto/event.proto, bytes are lower-case hex. What the envelope leaves out is filled "
        "in and signed: schema, ledger_id, event_id, actor (principal/<name of the key>), "
        "required_signers (the key), claimed_time_ms.\n\n"
        "Before the first send the signed event is written to FILE.pending; it is removed when "
        "the receipt is on disk. After a time-out or a crash the same command finds it, sends "
        "the same bytes and ends with the one receipt of the one record.\n\n"
        "An event that several keys must sign lists them in required_signers. FILE.pending "
        "then "
        "goes from hand to hand with 'tally sign', and 'tally append FILE.pending' sends it "
        "when nobody is missing.",
    .examples = "tally append --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem --key=alice "
                "--trust=acme.trust --out=model.tlog-proof model.json",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
