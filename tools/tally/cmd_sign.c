#include <jansson.h>

#include "commands.h"
#include "crypto/keyfile.h"
#include "out.h"
#include "pending.h"
#include "submit.h"

enum { ARENA_SIZE_MAX = 8 * 1024 * 1024 };

static enum tally_err print_json(struct cli *cli, const struct pending *pending, bool added)
{
    struct event_signer missing[LIMIT_EVENT_SIGNERS];
    const uint32_t count = pending_missing(pending, missing);
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++)
        (void)json_array_append_new(
            list, json_pack("{s:o, s:s}", "key_id",
                            out_json_hex(missing[i].key_id.bytes, TALLY_HASH_BYTES), "meaning",
                            event_meaning_name(missing[i].meaning)));
    return out_json(cli, json_pack("{s:b, s:o, s:o}", "added", added, "event_hash",
                                   out_json_hex(pending->event.hash.bytes, TALLY_HASH_BYTES),
                                   "missing", list));
}

static void print_text(struct cli *cli, const struct pending *pending, bool added)
{
    const struct event *event = &pending->event;
    const struct event_type_info *info = event_type_info(event->type);

    out_line(cli, "event", "%s, %s by %s", info == NULL ? "?" : info->name, event->subject,
             event->actor);
    out_line(cli, "signed", "%s", added ? "yes" : "this key had signed before");
    if (pending->signers_count == event->signers_count)
        out_line(cli, "missing", "nobody: send it with 'tally append'");
    submit_print_missing(cli, pending);
}

static enum tally_err sign(struct cli *cli, const struct user_key *key, struct arena *arena)
{
    const char *path = cli->arguments[0];
    struct pending pending;
    struct tally_diag diag = {""};
    bool added = false;

    enum tally_err err = pending_read(path, arena, &pending, &diag);
    if (err == TALLY_OK) err = pending_sign(&pending, &key->key, &added, &diag);
    if (err == TALLY_OK && added) err = pending_write(path, &pending, arena, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    if (cli_flag(cli, "json")) return print_json(cli, &pending, added);
    print_text(cli, &pending, added);
    return TALLY_OK;
}

static enum tally_err run(struct cli *cli)
{
    struct tally_diag diag = {""};
    struct arena *arena = NULL;
    struct user_key key;

    enum tally_err err = arena_open(ARENA_SIZE_MAX, &arena);
    if (err == TALLY_OK) err = sign_init();
    if (err == TALLY_OK) err = keyfile_user_load(cli_text(cli, "key"), &key, &diag);
    if (err != TALLY_OK) {
        (void)cli_fail(cli, err, &diag);
    } else {
        err = sign(cli, &key, arena);
        keyfile_user_wipe(&key);
    }
    arena_close(arena);
    return err;
}

static const struct cli_option options[] = {
    {.name = "key",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "secret key to sign with"},
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_MALFORMED, "not a .pending file, or a damaged one"},
    {TALLY_E_SIGNATURE, "a signature that is in it does not verify"},
    {TALLY_E_NOT_FOUND, "no such file"},
    {TALLY_E_SIGNERS, "the event does not ask for this key"},
};
const struct cli_command command_sign = {
    .name = "sign",
    .arguments = "EVENT.pending",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "add a signature to an event that several keys must sign",
    .description =
        "'tally append' makes the .pending file of an event that lists several "
        "required_signers. Each of them signs it on their own machine; the command says which "
        "are still missing. Signing twice changes nothing.",
    .examples = "tally sign --key=bob approval.tlog-proof.pending",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
