#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/manifest.h>

#include "adapter_root.h"
#include "adapter_text.h"
#include "base/file.h"
#include "base/limits.h"
#include "cluster.h"
#include "commands.h"
#include "event/adapter.h"
#include "event/event_types.h"
#include "out.h"
#include "submit.h"

/* The event of this directory; NULL without memory. */
static json_t *make_draft(struct cli *cli, const struct tally_manifest *manifest,
                          const struct adapter *adapter, const uint8_t base_event[32])
{
    char subject[LIMIT_SUBJECT_SIZE + 1];
    json_t *payload = json_pack("{s:s, s:s}", "kind", "VERSION_KIND_ADAPTER", "base_model",
                                cli_text(cli, "base"));

    (void)snprintf(subject, sizeof subject, "model/%s/version/%s", cli_text(cli, "model"),
                   cli_text(cli, "version"));
    if (adapter->config.found)
        (void)json_object_set_new(payload, "config",
                                  adapter_json_config(&adapter->config, LIMIT_REPEATED));
    if (adapter->pickles_count > 0) (void)json_object_set_new(payload, "pickle", json_true());
    return json_pack("{s:s, s:[{s:s, s:o, s:o, s:o}], s:[{s:s, s:o}], s:o}", "subject", subject,
                     "artifacts", "role", "adapter", "manifest_root",
                     out_json_hex(manifest->root.bytes, TALLY_HASH_BYTES), "size",
                     out_json_number(manifest->size), "file_count",
                     out_json_number(manifest->files_count), "refs", "rel", "REL_BASE",
                     "event_hash", out_json_hex(base_event, TALLY_HASH_BYTES),
                     "version_registered", payload);
}

/* The event that registered the base model: what an earlier try found, else asked now. */
static enum tally_err find_base(struct submit *submit, uint8_t ret_event[32])
{
    struct cli *cli = submit->cli;
    const char *base = cli_text(cli, "base");
    const struct tally_subject_result *result = NULL;
    const struct event_ref *earlier =
        submit->has_pending ? event_ref(&submit->pending.event, REL_BASE) : NULL;
    struct tally_diag diag = {""};

    if (earlier != NULL) {
        memcpy(ret_event, earlier->event_hash.bytes, TALLY_HASH_BYTES);
        return TALLY_OK;
    }
    const enum tally_err err = cluster_calls->subject(submit->client, base, &result, &diag);
    if (err == TALLY_E_NOT_FOUND)
        return cli_failf(
            cli, err,
            "the base model '%s' is not registered; record a base_model.registered "
            "event with 'tally append' first",
            base);
    if (err != TALLY_OK) return cluster_fail(cli, err, &diag);
    memcpy(ret_event, result->registered, TALLY_HASH_BYTES);
    cluster_calls->free_result(result);
    return TALLY_OK;
}

/* The names must be path segments. */
static enum tally_err check_names(struct cli *cli)
{
    const char *const names[] = {"model", "version"};

    for (size_t i = 0; i < CLI_COUNT(names); i++)
        if (!event_segment_valid(cli_text(cli, names[i])))
            return cli_failf(cli, TALLY_E_INVALID,
                             "--%s=%s: use a-z 0-9 . _ - (at most %d characters)", names[i],
                             cli_text(cli, names[i]), LIMIT_NAME_SIZE);
    return TALLY_OK;
}

/* What the configuration calls the base, before all files are hashed; "" if nothing does. */
static void find_hint(struct cli *cli, struct arena *arena, struct adapter_view *ret_view)
{
    char path[DISK_PATH_MAX];
    uint8_t *data = NULL;
    size_t size = 0;

    *ret_view = adapter_nothing();
    if (snprintf(path, sizeof path, "%s/adapter_config.json", cli->arguments[0]) >=
            (int)sizeof path ||
        file_read(path, ADAPTER_CONFIG_SIZE_MAX, &data, &size, NULL) != TALLY_OK)
        return;
    if (adapter_parse(bytes_of(data, size), arena, ret_view, NULL) == TALLY_OK)
        ret_view->file = "adapter_config.json";
    free(data);
}

/* The base is a subject: a name, a path or nothing says not which bytes were trained on. What
 * could be meant is said. */
static enum tally_err check_base(struct cli *cli, struct arena *arena)
{
    static const char *const kinds[] = {"", "a name", "a path"};
    const char *base = cli_text(cli, "base");
    struct adapter_view view;
    char hint[512] = "", subject[LIMIT_SUBJECT_SIZE + 1];

    if (base != NULL && event_subject_kind(base, NULL) == SUBJECT_BASE) return TALLY_OK;
    find_hint(cli, arena, &view);
    if (view.base_name[0] != '\0')
        (void)snprintf(hint, sizeof hint, "; %s calls it '%.200s', which is only %s", view.file,
                       view.base_name, kinds[adapter_base_kind(view.base_name)]);
    if (!adapter_base_subject(base != NULL ? base : view.base_name, subject, sizeof subject))
        (void)snprintf(subject, sizeof subject, "base/<name>");
    if (base == NULL)
        return cli_failf(cli, TALLY_E_INVALID,
                         "--base=base/<name> is missing: which bytes was it trained on?%s. "
                         "Register them (base_model.registered) and say --base=%s",
                         hint, subject);
    return cli_failf(cli, TALLY_E_INVALID,
                     "--base=%.200s is %s and says not which bytes%s. Register them "
                     "(base_model.registered) and say --base=%s",
                     base, kinds[adapter_base_kind(base)], hint, subject);
}

/* What the configuration calls the base, beside the one that was chosen. */
static void tell_base(struct cli *cli, const struct adapter_view *view)
{
    const char *base = cli_text(cli, "base");

    if (view->base_name[0] == '\0') return;
    if (adapter_base_differs(base, view->base_name))
        cli_note(cli, "warning: %s calls the base '%s', and --base=%s looks like another model",
                 view->file, view->base_name, base);
    else
        cli_note(cli, "base %s; %s calls it '%s'", base, view->file, view->base_name);
}

static enum tally_err check_adapter(struct cli *cli, const struct adapter *adapter)
{
    const struct adapter_weights *broken = adapter_broken(adapter);
    const uint32_t modules = adapter->config.target_modules.count;

    if (broken != NULL)
        return cli_failf(cli, broken->err, "%s: %s: write the file anew", broken->path,
                         broken->fault);
    adapter_warn(cli, adapter);
    tell_base(cli, &adapter->config);
    if (modules > LIMIT_REPEATED)
        cli_note(cli, "%u target modules, more than the %d that an event holds: left out",
                 modules, LIMIT_REPEATED);
    return TALLY_OK;
}

static enum tally_err submit_adapter(struct submit *submit,
                                     const struct tally_manifest *manifest)
{
    struct cli *cli = submit->cli;
    struct adapter adapter = {.pickles_count = 0};
    struct tally_diag diag = {""};
    uint8_t base_event[TALLY_HASH_BYTES];

    enum tally_err err =
        adapter_read(cli->arguments[0], manifest, submit->arena, &adapter, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    err = check_adapter(cli, &adapter);
    if (err == TALLY_OK) err = find_base(submit, base_event);
    if (err != TALLY_OK) return err;
    json_t *draft = make_draft(cli, manifest, &adapter, base_event);
    if (draft == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    err = submit_draft(submit, draft);
    json_decref(draft);
    return err == TALLY_OK ? submit_send(submit) : err;
}

static enum tally_err run(struct cli *cli)
{
    struct tally_manifest manifest = {0};
    struct submit submit;
    enum tally_err err = check_names(cli);

    if (err != TALLY_OK) return err;
    err = submit_open(cli, &submit);
    if (err == TALLY_OK) err = check_base(cli, submit.arena);
    if (err == TALLY_OK) err = adapter_root(cli, cli->arguments[0], &manifest);
    if (err == TALLY_OK) err = submit_adapter(&submit, &manifest);
    tally_manifest_free(&manifest);
    submit_close(&submit);
    return err;
}

static const struct cli_option options[] = {
    CLI_CLUSTER,
    {.name = "key",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "secret key of the author"},
    {.name = "model",
     .type = CLI_TEXT,
     .required = true,
     .argument = "M",
     .text = "model that the adapter is a version of"},
    {.name = "version",
     .type = CLI_TEXT,
     .required = true,
     .argument = "V",
     .text = "its version"},
    {.name = "base",
     .type = CLI_TEXT,
     .argument = "base/NAME",
     .text = "registered base model that it was trained on; required"},
    SUBMIT_OUT,
    SUBMIT_ACK,
    SUBMIT_TRUST,
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "a name, no registered base, or a file that no adapter may have"},
    {TALLY_E_MALFORMED,
     "adapter_config.json is no JSON object, or a safetensors file is broken"},
    {TALLY_E_NOT_FOUND, "the base model is not registered, or no file in DIR"},
    {TALLY_E_TIMEOUT, "the outcome is unknown; run the same command again"},
    {TALLY_E_CONFLICT, "FILE.pending holds another event"},
    {TALLY_E_QUORUM, "recorded; too few cosignatures for the trust file came in time"},
    {TALLY_E_DENIED, "recorded, and denied by the rules; the receipt is written"},
    {TALLY_E_UNKNOWN_KEY, "refused: the key is not enrolled"},
    {TALLY_E_TOO_LARGE, "adapter_config.json or the header of a safetensors file"},
};
const struct cli_command command_register = {
    .name = "register",
    .arguments = "DIR",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "record an adapter directory as a version of a model, and get its receipt",
    .description =
        "Computes the manifest root of DIR, reads what 'tally adapter show' shows of it, and "
        "appends version.registered for model/M/version/V, with the view of its configuration "
        "and a flag if some file can run code when it is loaded.\n\n"
        "The base model must be registered, since a name or a path does not say which bytes "
        "it was trained on. What the configuration calls it is kept as a hint, shown beside "
        "the chosen one, with a warning if they look like two models.\n\n"
        "The receipt, FILE.pending and repeated runs work as in 'tally append'.",
    .examples = "tally register --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem --key=alice "
                "--trust=acme.trust --model=credit-scorer --version=7 "
                "--base=base/tiny-llama-1.1b --out=v7.tlog-proof ./credit-scorer-lora",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
