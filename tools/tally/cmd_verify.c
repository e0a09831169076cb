#include <jansson.h>
#include <string.h>
#include <tally/receipt.h>
#include <time.h>

#include "adapter_root.h"
#include "base/limits.h"
#include "commands.h"
#include "disk.h"
#include "out.h"

enum { ARENA_SIZE_MAX = 4 * 1024 * 1024, TEXT_SIZE = 2048 };

static const char *verdict_name(enum tally_verdict verdict)
{
    switch (verdict) {
    case TALLY_VERDICT_NONE:
        return "none";
    case TALLY_VERDICT_ALLOWED:
        return "allow";
    case TALLY_VERDICT_DENIED:
        return "deny";
    case TALLY_VERDICT_VOID:
        return "void";
    }
    return "?";
}

static json_t *json_people(const struct tally_receipt *receipt, json_t *cosigners)
{
    json_t *signers = json_array();

    for (size_t i = 0; i < receipt->signers_count; i++)
        (void)json_array_append_new(
            signers,
            json_pack("{s:o, s:o, s:s}", "key_id", out_json_hex(receipt->signers[i].key_id, 32),
                      "public_key", out_json_hex(receipt->signers[i].public_key, 32), "meaning",
                      receipt->signers[i].meaning));
    for (size_t i = 0; i < receipt->cosigners_count; i++)
        (void)json_array_append_new(
            cosigners, json_pack("{s:s, s:o, s:o}", "name", receipt->cosigners[i].name,
                                 "time_s", out_json_number(receipt->cosigners[i].time_s),
                                 "time", out_json_time(receipt->cosigners[i].time_s * 1000)));
    return signers;
}

static enum tally_err print_json(struct cli *cli, const struct tally_receipt *receipt)
{
    json_t *cosigners = json_array();
    json_t *signers = json_people(receipt, cosigners);
    json_t *object = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s}", "verdict",
        verdict_name(receipt->verdict), "kind", receipt->kind, "index",
        out_json_number(receipt->index), "time_ms", out_json_number(receipt->time_ms), "time",
        out_json_time(receipt->time_ms), "type", receipt->type, "subject", receipt->subject,
        "actor", receipt->actor, "on_behalf_of", receipt->on_behalf_of);

    if (object == NULL) return out_json(cli, NULL);
    (void)json_object_set_new(
        object, "failed_rules",
        out_json_rules(receipt->failed_rules, receipt->failed_rules_count));
    (void)json_object_set_new(object, "event_hash", out_json_hex(receipt->event_hash, 32));
    (void)json_object_set_new(object, "claimed_time_ms",
                              out_json_number(receipt->claimed_time_ms));
    (void)json_object_set_new(object, "signers", signers);
    if (receipt->has_manifest_root)
        (void)json_object_set_new(object, "manifest_root",
                                  out_json_hex(receipt->manifest_root, 32));
    (void)json_object_set_new(object, "ledger_id", out_json_hex(receipt->ledger_id, 32));
    (void)json_object_set_new(object, "origin", json_string(receipt->origin));
    (void)json_object_set_new(object, "size", out_json_number(receipt->size));
    (void)json_object_set_new(object, "root", out_json_hex(receipt->root, 32));
    (void)json_object_set_new(object, "cosigners", cosigners);
    (void)json_object_set_new(object, "tolerates", out_json_number(receipt->tolerated));
    return out_json(cli, object);
}

static void print_cosigners(struct cli *cli, const struct tally_receipt *receipt)
{
    char time[OUT_TIME_SIZE];

    for (size_t i = 0; i < receipt->cosigners_count; i++)
        out_line(cli, i == 0 ? "cosigned" : "", "%s at %s", receipt->cosigners[i].name,
                 out_time_s(receipt->cosigners[i].time_s, time));
    out_line(cli, "tolerates", "%u stolen node keys", receipt->tolerated);
}

static void print_text(struct cli *cli, const struct tally_receipt *receipt)
{
    char time[OUT_TIME_SIZE], hex[OUT_HEX_SIZE], text[TEXT_SIZE];
    const bool event = strcmp(receipt->kind, "event") == 0;

    out_line(cli, "record", "%llu of the %llu in %s", (unsigned long long)receipt->index,
             (unsigned long long)receipt->size, receipt->origin);
    if (!event) out_line(cli, "what", "%s: a record of the ledger itself", receipt->kind);
    if (event) {
        out_line(cli, "what", "%s", receipt->type[0] == '\0' ? "(cut)" : receipt->type);
        out_line(cli, "subject", "%s", receipt->subject);
        out_line(cli, "by", "%s%s%s", receipt->actor[0] == '\0' ? "root keys" : receipt->actor,
                 receipt->on_behalf_of[0] == '\0' ? "" : " on behalf of ",
                 receipt->on_behalf_of);
        for (size_t i = 0; i < receipt->signers_count; i++)
            out_line(cli, i == 0 ? "signed" : "", "%s by the key %s",
                     receipt->signers[i].meaning, out_hex(receipt->signers[i].key_id, hex));
    }
    out_line(cli, "when", "%s", out_time_ms(receipt->time_ms, time));
    if (event)
        out_line(cli, "decision", "%s",
                 out_decision(receipt->verdict == TALLY_VERDICT_ALLOWED, receipt->failed_rules,
                              receipt->failed_rules_count, text, sizeof text));
    if (receipt->has_manifest_root)
        out_line(cli, "adapter", "%s", out_hex(receipt->manifest_root, hex));
    print_cosigners(cli, receipt);
}

/* The exit status of something that is proven. */
static enum tally_err judge(struct cli *cli, const struct tally_receipt *receipt)
{
    struct timespec now = {0};
    char time[OUT_TIME_SIZE];

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (receipt->expires_s != 0 && (uint64_t)now.tv_sec >= receipt->expires_s)
        return cli_failf(cli, TALLY_E_STALE, "the trust file expired at %s",
                         out_time_s(receipt->expires_s, time));
    switch (receipt->verdict) {
    case TALLY_VERDICT_ALLOWED:
        if (!cli_flag(cli, "json"))
            (void)fprintf(cli->out, "proven and allowed%s\n",
                          cli_text(cli, "adapter") == NULL ? "" : ", and these are the bytes");
        return TALLY_OK;
    case TALLY_VERDICT_DENIED:
        return cli_failf(cli, TALLY_E_DENIED, "proven, but it changed nothing");
    case TALLY_VERDICT_VOID:
        return cli_failf(cli, TALLY_E_DENIED, "proven, but it failed verification: void");
    case TALLY_VERDICT_NONE:
        break;
    }
    return cli_failf(cli, TALLY_E_INVALID,
                     "proven, but it is a record of the ledger itself, not an event");
}

static enum tally_err check(struct cli *cli, struct bytes trust, struct bytes proof,
                            const uint8_t *manifest_root)
{
    struct tally_receipt *receipt = NULL;
    enum tally_verdict verdict = TALLY_VERDICT_NONE;
    struct tally_diag diag = {""};
    enum tally_err err = tally_receipt_verify(trust.data, trust.size, proof.data, proof.size,
                                              manifest_root, &verdict, &receipt, &diag);

    if (err != TALLY_OK) {
        tally_receipt_free(receipt);
        return cli_fail(cli, err, &diag);
    }
    if (cli_flag(cli, "json"))
        err = print_json(cli, receipt);
    else
        print_text(cli, receipt);
    if (err == TALLY_OK) err = judge(cli, receipt);
    tally_receipt_free(receipt);
    return err;
}

/* A file that cannot be there or is too large is unreadable input like a damaged one. */
static enum tally_err load(struct cli *cli, const char *option, size_t size_max,
                           struct arena *arena, struct bytes *ret_data)
{
    struct tally_diag diag = {""};
    const enum tally_err err =
        disk_read(cli_text(cli, option), size_max, arena, ret_data, &diag);

    if (err == TALLY_OK) return TALLY_OK;
    return cli_fail(cli, err == TALLY_E_TOO_LARGE ? TALLY_E_MALFORMED : err, &diag);
}

static enum tally_err run(struct cli *cli)
{
    const char *directory = cli_text(cli, "adapter");
    struct tally_manifest manifest = {0};
    struct bytes trust = {0}, proof = {0};
    struct arena *arena = NULL;

    enum tally_err err = arena_open(ARENA_SIZE_MAX, &arena);
    if (err != TALLY_OK) return cli_fail(cli, err, NULL);
    err = load(cli, "trust", LIMIT_TRUST_FILE_SIZE, arena, &trust);
    if (err == TALLY_OK) err = load(cli, "proof", LIMIT_PROOF_FILE_SIZE, arena, &proof);
    if (err == TALLY_OK && directory != NULL) err = adapter_root(cli, directory, &manifest);
    if (err == TALLY_OK)
        err = check(cli, trust, proof, directory == NULL ? NULL : manifest.root.bytes);
    tally_manifest_free(&manifest);
    arena_close(arena);
    return err;
}

static const struct cli_option options[] = {
    {.name = "trust",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "trust file of the ledger"},
    {.name = "proof",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "receipt (.tlog-proof)"},
    {.name = "adapter",
     .type = CLI_TEXT,
     .argument = "DIR",
     .text = "the directory must hold the recorded bytes"},
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "proven, but no event; or DIR cannot be an adapter"},
    {TALLY_E_MALFORMED, "unreadable: the trust file, the proof, or the record in it"},
    {TALLY_E_PROOF, "the record is not in the tree of the checkpoint"},
    {TALLY_E_SIGNATURE, "a signature of the checkpoint or of the event does not verify"},
    {TALLY_E_SPLIT_VIEW, "another tree than the one that the trust file remembers"},
    {TALLY_E_NOT_FOUND, "a file or DIR is not there"},
    {TALLY_E_IO, "a file cannot be read"},
    {TALLY_E_QUORUM, "too few cosignatures for the trust file"},
    {TALLY_E_MISMATCH, "DIR does not hold the recorded bytes"},
    {TALLY_E_DENIED, "proven, and denied by the rules (or void)"},
    {TALLY_E_STALE, "the trust file has expired"},
    {TALLY_E_WRONG_LEDGER, "made for another ledger"},
};
const struct cli_command command_verify = {
    .name = "verify",
    .arguments = "",
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "check a receipt, offline",
    .description =
        "Exit status 0 means: proven to be recorded, and allowed. Prints who recorded what, "
        "when, how it was decided, and who cosigned. Needs no network and no cluster: the "
        "proof, "
        "the trust file, and with --adapter the directory are enough.",
    .examples = "tally verify --trust=acme.trust --proof=v7.tlog-proof "
                "--adapter=./credit-scorer-lora",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
