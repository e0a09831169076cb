#include "adapter_text.h"

#include <jansson.h>
#include <string.h>

#include "out.h"

enum { SHOWN_MAX = 24, LIST_SIZE = 2048, DECIMAL_SIZE = 64 };

/* ---- JSON ---------------------------------------------------------------------------- */

/* Set `key` unless the value is empty: that means absent. */
static void set_text(json_t *object, const char *key, const char *value)
{
    if (value[0] != '\0') (void)json_object_set_new(object, key, json_string(value));
}

static void set_set(json_t *object, const char *key, const struct adapter_set *set)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < set->count; i++)
        (void)json_array_append_new(list, json_string(set->texts[i]));
    if (set->count > 0) (void)json_object_set(object, key, list);
    json_decref(list);
}

/* value * 10^exponent; absent and zero parts are the same. */
static void set_decimal(json_t *object, const char *key, const struct adapter_decimal *decimal)
{
    json_t *parts;

    if (!decimal->found) return;
    parts = json_object();
    if (decimal->value != 0)
        (void)json_object_set_new(parts, "value", json_integer(decimal->value));
    if (decimal->exponent != 0)
        (void)json_object_set_new(parts, "exponent", json_integer(decimal->exponent));
    (void)json_object_set_new(object, key, parts);
}

static void set_choice(json_t *object, const char *key, enum adapter_choice choice)
{
    if (choice != ADAPTER_UNSAID)
        (void)json_object_set_new(object, key, json_boolean(choice == ADAPTER_YES));
}

json_t *adapter_json_config(const struct adapter_view *view, uint32_t modules_max)
{
    json_t *config = json_object();

    set_text(config, "schema", view->schema);
    (void)json_object_set_new(config, "raw_digest",
                              out_json_hex(view->raw_digest.bytes, TALLY_HASH_BYTES));
    set_text(config, "method", view->method);
    set_text(config, "base_name", view->base_name);
    set_text(config, "base_revision", view->base_revision);
    if (view->rank != 0) (void)json_object_set_new(config, "rank", json_integer(view->rank));
    set_decimal(config, "alpha", &view->alpha);
    if (view->target_modules.count <= modules_max)
        set_set(config, "target_modules", &view->target_modules);
    set_text(config, "target_pattern", view->target_pattern);
    return config;
}

/* What no event has a field for. */
static json_t *json_more(const struct adapter_view *view)
{
    json_t *more = json_object(), *settings = json_object();

    set_text(more, "file", view->file);
    set_text(more, "version", view->version);
    set_text(more, "task", view->task);
    set_decimal(more, "scale", &view->scale);
    set_set(more, "exclude_modules", &view->exclude_modules);
    set_text(more, "exclude_pattern", view->exclude_pattern);
    set_set(more, "modules_to_save", &view->modules_to_save);
    set_choice(more, "rslora", view->rslora);
    set_choice(more, "dora", view->dora);
    for (uint32_t i = 0; i < view->settings_count; i++)
        set_text(settings, view->settings[i].name, view->settings[i].text);
    if (view->settings_count > 0) (void)json_object_set(more, "settings", settings);
    json_decref(settings);
    return more;
}

static json_t *json_view(const struct safetensors_view *view)
{
    json_t *dtypes = json_array(), *metadata = json_object(), *unusual = json_array();

    for (uint32_t i = 0; i < view->dtypes_count; i++)
        (void)json_array_append_new(
            dtypes, json_pack("{s:s, s:o, s:o, s:o}", "dtype", view->dtypes[i].name, "tensors",
                              out_json_number(view->dtypes[i].tensors), "parameters",
                              out_json_number(view->dtypes[i].parameters), "size",
                              out_json_number(view->dtypes[i].size)));
    for (uint32_t i = 0; i < view->metadata_count; i++)
        (void)json_object_set_new(metadata, view->metadata[i].key,
                                  json_string(view->metadata[i].value));
    for (uint32_t i = 0; i < SAFETENSORS_ODDITIES; i++)
        if ((view->oddities & 1u << i) != 0)
            (void)json_array_append_new(unusual, json_string(safetensors_oddity(1u << i)));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "tensors",
                     out_json_number(view->tensors), "parameters",
                     out_json_number(view->parameters), "header_size",
                     out_json_number(view->header_size), "dtypes", dtypes, "metadata", metadata,
                     "unusual", unusual);
}

static json_t *json_weights(const struct adapter *adapter)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < adapter->weights_count; i++) {
        const struct adapter_weights *weights = &adapter->weights[i];
        json_t *item = weights->view == NULL ? json_pack("{s:s}", "fault", weights->fault)
                                             : json_view(weights->view);

        (void)json_object_set_new(item, "path", json_string(weights->path));
        (void)json_array_append_new(list, item);
    }
    return list;
}

json_t *adapter_json(const struct tally_manifest *manifest, const struct adapter *adapter)
{
    json_t *ignored = json_array(), *pickles = json_array(), *object;

    for (size_t i = 0; i < manifest->ignored_count; i++)
        (void)json_array_append_new(ignored, json_string(manifest->ignored[i]));
    for (uint32_t i = 0; i < adapter->pickles_count; i++)
        (void)json_array_append_new(pickles,
                                    json_pack("{s:s, s:s}", "path", adapter->pickles[i].path,
                                              "why", pickle_text(adapter->pickles[i].kind)));
    object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "manifest_root",
                       out_json_hex(manifest->root.bytes, TALLY_HASH_BYTES), "size",
                       out_json_number(manifest->size), "file_count",
                       out_json_number(manifest->files_count), "ignored", ignored,
                       "safetensors", json_weights(adapter), "pickle", pickles);
    if (object == NULL || !adapter->config.found) return object;
    (void)json_object_set_new(object, "config",
                              adapter_json_config(&adapter->config, UINT32_MAX));
    (void)json_object_set_new(object, "more", json_more(&adapter->config));
    return object;
}

/* ---- lines --------------------------------------------------------------------------- */

/* "0.05", "32"; far from the point "5e-40". */
static const char *decimal_text(const struct adapter_decimal *decimal, char to[DECIMAL_SIZE])
{
    char digits[24];
    const char *sign = decimal->value < 0 ? "-" : "";
    const int behind = decimal->exponent < 0 ? -decimal->exponent : 0;
    const uint64_t magnitude =
        decimal->value < 0 ? 0 - (uint64_t)decimal->value : (uint64_t)decimal->value;
    const int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)magnitude);

    if (decimal->exponent > 0 || behind > 18) {
        (void)snprintf(to, DECIMAL_SIZE, "%s%se%d", sign, digits, (int)decimal->exponent);
    } else if (behind == 0) {
        (void)snprintf(to, DECIMAL_SIZE, "%s%s", sign, digits);
    } else if (behind >= count) {
        (void)snprintf(to, DECIMAL_SIZE, "%s0.%.*s%s", sign, behind - count,
                       "000000000000000000", digits);
    } else {
        (void)snprintf(to, DECIMAL_SIZE, "%s%.*s.%s", sign, count - behind, digits,
                       digits + count - behind);
    }
    return to;
}

static void print_text(struct cli *cli, const char *label, const char *text)
{
    if (text[0] != '\0') out_line(cli, label, "%s", text);
}

static void print_decimal(struct cli *cli, const char *label,
                          const struct adapter_decimal *decimal)
{
    char room[DECIMAL_SIZE];

    if (decimal->found) out_line(cli, label, "%s", decimal_text(decimal, room));
}

static void print_set(struct cli *cli, const char *label, const struct adapter_set *set)
{
    char list[LIST_SIZE] = "";
    size_t at = 0;
    uint32_t i = 0;

    if (set->count == 0) return;
    for (; i < set->count && i < SHOWN_MAX; i++) {
        const size_t size = strlen(set->texts[i]);

        if (at + size + 2 > sizeof list) break;
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i == 0 ? "" : " ",
                               set->texts[i]);
    }
    if (i == set->count)
        out_line(cli, label, "%s", list);
    else
        out_line(cli, label, "%s and %u more (--json shows all)", list, set->count - i);
}

static void print_choice(struct cli *cli, const char *label, enum adapter_choice choice)
{
    if (choice != ADAPTER_UNSAID)
        out_line(cli, label, "%s", choice == ADAPTER_YES ? "yes" : "no");
}

static void print_config(struct cli *cli, const struct adapter_view *view)
{
    static const char *const bases[] = {"", "a name, which names no bytes",
                                        "a path, which means nothing elsewhere"};
    char hex[OUT_HEX_SIZE];

    if (!view->found) {
        out_line(cli, "config", "none that is known");
        return;
    }
    out_line(cli, "config", "%s %s", out_hex(view->raw_digest.bytes, hex), view->file);
    out_line(cli, "schema", "%s%s%s", view->schema, view->version[0] == '\0' ? "" : " ",
             view->version);
    print_text(cli, "method", view->method);
    print_text(cli, "task", view->task);
    if (view->base_name[0] != '\0')
        out_line(cli, "base", "%s (%s)", view->base_name,
                 bases[adapter_base_kind(view->base_name)]);
    print_text(cli, "revision", view->base_revision);
    if (view->rank != 0) out_line(cli, "rank", "%u", view->rank);
    print_decimal(cli, "alpha", &view->alpha);
    print_decimal(cli, "scale", &view->scale);
    print_choice(cli, "rslora", view->rslora);
    print_choice(cli, "dora", view->dora);
    print_set(cli, "targets", &view->target_modules);
    print_text(cli, "pattern", view->target_pattern);
    print_set(cli, "excluded", &view->exclude_modules);
    print_text(cli, "excluded", view->exclude_pattern);
    print_set(cli, "saved", &view->modules_to_save);
    for (uint32_t i = 0; i < view->settings_count; i++)
        out_line(cli, i == 0 ? "settings" : "", "%s = %s", view->settings[i].name,
                 view->settings[i].text);
}

static void print_weights(struct cli *cli, const struct adapter_weights *weights)
{
    const struct safetensors_view *view = weights->view;

    if (view == NULL) {
        out_line(cli, "weights", "%s: broken: %s", weights->path, weights->fault);
        return;
    }
    out_line(cli, "weights", "%s: %llu tensors, %llu parameters", weights->path,
             (unsigned long long)view->tensors, (unsigned long long)view->parameters);
    for (uint32_t i = 0; i < view->dtypes_count; i++)
        out_line(cli, "", "%s: %llu tensors, %llu parameters, %llu bytes", view->dtypes[i].name,
                 (unsigned long long)view->dtypes[i].tensors,
                 (unsigned long long)view->dtypes[i].parameters,
                 (unsigned long long)view->dtypes[i].size);
    for (uint32_t i = 0; i < view->metadata_count && i < SHOWN_MAX; i++)
        out_line(cli, "", "%.100s = %.400s", view->metadata[i].key, view->metadata[i].value);
    if (view->metadata_count > SHOWN_MAX)
        out_line(cli, "", "and %u more texts (--json shows all)",
                 view->metadata_count - SHOWN_MAX);
}

void adapter_print(struct cli *cli, const struct tally_manifest *manifest,
                   const struct adapter *adapter)
{
    char hex[OUT_HEX_SIZE];

    out_line(cli, "root", "%s", out_hex(manifest->root.bytes, hex));
    out_line(cli, "files", "%zu, %llu bytes", manifest->files_count,
             (unsigned long long)manifest->size);
    for (size_t i = 0; i < manifest->ignored_count; i++)
        out_line(cli, "ignored", "%s", manifest->ignored[i]);
    print_config(cli, &adapter->config);
    for (uint32_t i = 0; i < adapter->weights_count; i++)
        print_weights(cli, &adapter->weights[i]);
    for (uint32_t i = 0; i < adapter->pickles_count; i++)
        out_line(cli, "pickle", "%s: %s", adapter->pickles[i].path,
                 pickle_text(adapter->pickles[i].kind));
}

/* ---- what people should know --------------------------------------------------------- */

void adapter_warn(struct cli *cli, const struct adapter *adapter)
{
    const struct adapter_view *config = &adapter->config;

    for (uint32_t i = 0; i < adapter->pickles_count; i++)
        cli_note(cli, "%s can run code when it is loaded: %s", adapter->pickles[i].path,
                 pickle_text(adapter->pickles[i].kind));
    for (uint32_t i = 0; i < adapter->weights_count; i++) {
        const struct adapter_weights *weights = &adapter->weights[i];
        const uint32_t oddities = weights->view == NULL ? 0 : weights->view->oddities;

        for (uint32_t bit = 0; bit < SAFETENSORS_ODDITIES; bit++)
            if ((oddities & 1u << bit) != 0)
                cli_note(cli, "%s: %s", weights->path, safetensors_oddity(1u << bit));
    }
    if (config->found && strcmp(config->schema, "unknown") == 0)
        cli_note(cli, "%s: not a configuration of PEFT, MLX-LM or AdapterHub", config->file);
    if (config->configs > 1)
        cli_note(cli, "%u files look like a configuration; %s is taken", config->configs,
                 config->file);
}

const struct adapter_weights *adapter_broken(const struct adapter *adapter)
{
    for (uint32_t i = 0; i < adapter->weights_count; i++)
        if (adapter->weights[i].view == NULL) return &adapter->weights[i];
    return NULL;
}
