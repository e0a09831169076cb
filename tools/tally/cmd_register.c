#include <jansson.h>
#include <string.h>
#include <tally/manifest.h>

#include "adapter_root.h"
#include "base/limits.h"
#include "cluster.h"
#include "commands.h"
#include "event/adapter.h"
#include "event/event_types.h"
#include "out.h"
#include "submit.h"

/* Set `key` unless the value is empty or zero: both mean absent. */
static void set_text(json_t *object, const char *key, const char *value)
{
    if (value[0] != '\0') (void)json_object_set_new(object, key, json_string(value));
}

/* alpha as value * 10^exponent; absent and zero parts are the same. */
static json_t *json_alpha(const struct adapter_view *view)
{
    json_t *alpha = json_object();

    if (view->alpha_value != 0)
        (void)json_object_set_new(alpha, "value", json_integer(view->alpha_value));
    if (view->alpha_exponent != 0)
        (void)json_object_set_new(alpha, "exponent", json_integer(view->alpha_exponent));
    return alpha;
}

static json_t *json_config(const struct adapter_view *view)
{
    json_t *config = json_object();
    json_t *modules = json_array();

    set_text(config, "schema", view->schema);
    (void)json_object_set_new(config, "raw_digest",
                              out_json_hex(view->raw_digest.bytes, TALLY_HASH_BYTES));
    set_text(config, "method", view->method);
    set_text(config, "base_name", view->base_name);
    set_text(config, "base_revision", view->base_revision);
    if (view->rank != 0) (void)json_object_set_new(config, "rank", json_integer(view->rank));
    if (view->has_alpha) (void)json_object_set_new(config, "alpha", json_alpha(view));
    for (uint32_t i = 0; i < view->target_modules_count; i++)
        (void)json_array_append_new(modules, json_string(view->target_modules[i]));
    if (view->target_modules_count > 0)
        (void)json_object_set(config, "target_modules", modules);
    json_decref(modules);
    set_text(config, "target_pattern", view->target_pattern);
    return config;
}

/* The event of this directory; NULL without memory. */
static json_t *make_draft(struct cli *cli, const struct tally_manifest *manifest,
                          const struct adapter_view *view, const uint8_t base_event[32])
{
    char subject[LIMIT_SUBJECT_SIZE + 1];
    json_t *payload = json_pack("{s:s, s:s}", "kind", "VERSION_KIND_ADAPTER", "base_model",
                                cli_text(cli, "base"));

    (void)snprintf(subject, sizeof subject, "model/%s/version/%s", cli_text(cli, "model"),
                   cli_text(cli, "version"));
    if (view->found) (void)json_object_set_new(payload, "config", json_config(view));
    if (view->pickle) (void)json_object_set_new(payload, "pickle", json_true());
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

/* The three names must be path segments; the base is a subject of its own kind. */
static enum tally_err check_names(struct cli *cli)
{
    const char *const names[] = {"model", "version"};
    const char *base = cli_text(cli, "base");

    for (size_t i = 0; i < CLI_COUNT(names); i++)
        if (!event_segment_valid(cli_text(cli, names[i])))
            return cli_failf(cli, TALLY_E_INVALID,
                             "--%s=%s: use a-z 0-9 . _ - (at most %d characters)", names[i],
                             cli_text(cli, names[i]), LIMIT_NAME_SIZE);
    if (event_subject_kind(base, NULL) != SUBJECT_BASE)
        return cli_failf(cli, TALLY_E_INVALID, "--base=%s: a subject base/<name>", base);
    return TALLY_OK;
}

static enum tally_err submit_adapter(struct submit *submit,
                                     const struct tally_manifest *manifest)
{
    struct cli *cli = submit->cli;
    struct adapter_view view = {0};
    struct tally_diag diag = {""};
    uint8_t base_event[TALLY_HASH_BYTES];

    enum tally_err err = adapter_read(cli->arguments[0], manifest, submit->arena, &view, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    if (view.pickle)
        cli_note(cli, "a file in %s can run code when it is loaded (pickle); recorded as such",
                 cli->arguments[0]);
    err = find_base(submit, base_event);
    if (err != TALLY_OK) return err;
    json_t *draft = make_draft(cli, manifest, &view, base_event);
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
     .required = true,
     .argument = "base/NAME",
     .text = "registered base model that it was trained on"},
    {.name = "out",
     .type = CLI_TEXT,
     .argument = "FILE",
     .text = "the receipt (.tlog-proof); required unless --ack=committed"},
    {.name = "ack",
     .type = CLI_TEXT,
     .argument = "proof|committed",
     .text = "wait for the receipt (default), or only until the event is recorded for good"},
    {.name = "trust",
     .type = CLI_TEXT,
     .argument = "FILE",
     .text = "trust file; the receipt is checked against it before it is written"},
    CLI_CA,
    CLI_TIMEOUT,
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "a name, or a file in DIR that cannot be part of an adapter"},
    {TALLY_E_MALFORMED, "adapter_config.json is no JSON object"},
    {TALLY_E_NOT_FOUND, "the base model is not registered, or no file in DIR"},
    {TALLY_E_TIMEOUT, "the outcome is unknown; run the same command again"},
    {TALLY_E_CONFLICT, "FILE.pending holds another event"},
    {TALLY_E_QUORUM, "recorded; too few cosignatures for the trust file came in time"},
    {TALLY_E_DENIED, "recorded, and denied by the rules; the receipt is written"},
    {TALLY_E_UNKNOWN_KEY, "refused: the key is not enrolled"},
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
        "Computes the manifest root of DIR, reads its adapter_config.json (PEFT, AdapterHub "
        "and "
        "MLX shapes are known), and appends version.registered for model/M/version/V. The base "
        "model must be registered; what the configuration calls it is kept as a hint.\n\n"
        "The receipt, FILE.pending and repeated runs work as in 'tally append'.",
    .examples = "tally register --cluster=tls+tcp://10.0.0.1:7500 --ca=nodes.pem --key=alice "
                "--trust=acme.trust --model=credit-scorer --version=7 "
                "--base=base/tiny-llama-1.1b --out=v7.tlog-proof ./credit-scorer-lora",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
