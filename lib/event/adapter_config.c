/* Configuration files of several programs share a name and differ in everything else: the
 * members tell which one it is. Numbers come from the text itself, since jansson keeps
 * fractions as doubles. */
#include "event/adapter.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/decimal.h"
#include "base/json_scan.h"
#include "base/limits.h"
#include "crypto/hash.h"

enum { SET_MAX = 16384, EXPONENT_MAX = 1000000 };

struct source {
    struct bytes text;
    const json_t *root, *inner; /* `inner`: the object with the method's own members */
    const char *inner_name;     /* NULL: it is the root */
    struct arena *arena;
    struct adapter_view *view;
};

/* ---- values -------------------------------------------------------------------------- */

/* A text that fits its field, copied; "" for anything else. */
static const char *take_text(const json_t *value, struct arena *arena)
{
    const size_t size = json_string_length(value);
    struct bytes copy;

    if (!json_is_string(value) || size > LIMIT_TEXT_SIZE ||
        !bytes_utf8(json_string_value(value), size)) {
        return "";
    }
    copy = arena_copy(arena, bytes_of(json_string_value(value), size));
    return copy.data == NULL ? "" : (const char *)copy.data;
}

static uint32_t take_rank(const json_t *value)
{
    const json_int_t rank = json_integer_value(value);

    return json_is_integer(value) && rank > 0 && rank <= UINT32_MAX ? (uint32_t)rank : 0;
}

static enum adapter_choice take_choice(const json_t *value)
{
    if (!json_is_boolean(value)) return ADAPTER_UNSAID;
    return json_is_true(value) ? ADAPTER_YES : ADAPTER_NO;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts of a list; empty for anything else, and when one of them is too long to keep. */
static struct adapter_set take_set(const json_t *value, struct arena *arena)
{
    const size_t count = json_array_size(value);
    const char **texts;
    uint32_t kept = 0, unique = 0;

    if (!json_is_array(value) || count == 0 || count > SET_MAX) return (struct adapter_set){0};
    texts = arena_zalloc(arena, count, sizeof *texts);
    if (texts == NULL) return (struct adapter_set){0};
    for (size_t i = 0; i < count; i++) {
        const char *text = take_text(json_array_get(value, i), arena);

        if (text[0] == '\0') return (struct adapter_set){0};
        texts[kept++] = text;
    }
    qsort(texts, kept, sizeof *texts, compare_texts);
    for (uint32_t i = 0; i < kept; i++) {
        if (unique == 0 || strcmp(texts[unique - 1], texts[i]) != 0) texts[unique++] = texts[i];
    }
    return (struct adapter_set){unique, texts};
}

/* ---- values as written --------------------------------------------------------------- */

/* Pass to the member `key` of the object that `scan` is in; false: it has none. */
static bool find_member(struct json_scan *scan, const char *key, struct json_item *ret_item)
{
    while (json_scan_next(scan, ret_item) != JSON_KIND_END) {
        if (ret_item->kind == JSON_KIND_BAD) return false;
        if (json_string_is(ret_item->key, key)) return true;
        if (!json_scan_skip(scan, ret_item)) return false;
    }
    return false;
}

/* The value of a member as the file has it, of a string without its quotes; empty: there is
 * none. */
static struct bytes written(const struct source *source, const char *outer, const char *key)
{
    struct json_scan scan = json_scan(source->text);
    struct json_item item;
    size_t start;

    if (json_scan_next(&scan, &item) != JSON_KIND_OBJECT) return (struct bytes){0};
    if (outer != NULL && (!find_member(&scan, outer, &item) || item.kind != JSON_KIND_OBJECT))
        return (struct bytes){0};
    if (!find_member(&scan, key, &item)) return (struct bytes){0};
    if (item.kind == JSON_KIND_STRING || item.kind == JSON_KIND_NUMBER) return item.text;
    start = scan.at - 1; /* a container's bracket; words are not asked for */
    if (!json_scan_skip(&scan, &item)) return (struct bytes){0};
    return bytes_of(source->text.data + start, scan.at - start);
}

/* The exponent behind the digits: "", "e5", "E-05"; false: out of any sense. */
static bool exponent_of(struct bytes text, size_t at, int64_t *ret_exponent)
{
    bool negative = false;

    *ret_exponent = 0;
    if (at == text.size) return true;
    at++; /* e or E */
    if (text.data[at] == '+' || text.data[at] == '-') negative = text.data[at++] == '-';
    for (; at < text.size; at++) {
        *ret_exponent = *ret_exponent * 10 + (text.data[at] - '0');
        if (*ret_exponent > EXPONENT_MAX) return false;
    }
    if (negative) *ret_exponent = -*ret_exponent;
    return true;
}

/* A JSON number, exactly; not found when it has too many digits for 64 bits. */
static struct adapter_decimal decimal_of(struct bytes text)
{
    const bool negative = text.size > 0 && text.data[0] == '-';
    struct adapter_decimal decimal = {0};
    int64_t value = 0, exponent = 0, zeros = 0, fraction = 0;
    bool after_point = false;
    size_t at = negative ? 1 : 0;

    for (; at < text.size && text.data[at] != 'e' && text.data[at] != 'E'; at++) {
        if (text.data[at] == '.') {
            after_point = true;
            continue;
        }
        if (after_point) fraction++;
        zeros++;
        if (text.data[at] == '0') continue;
        if (value == 0) zeros = 0; /* leading ones */
        for (; zeros > 0; zeros--)
            if (__builtin_mul_overflow(value, 10, &value)) return decimal;
        if (__builtin_add_overflow(value, text.data[at] - '0', &value)) return decimal;
    }
    if (text.size == 0 || !exponent_of(text, at, &exponent)) return decimal;
    decimal.found = true;
    if (value == 0) return decimal;
    exponent += zeros - fraction;
    decimal.value = negative ? -value : value;
    decimal.exponent = (int32_t)exponent;
    for (; exponent > 0; exponent--)
        if (__builtin_mul_overflow(value, 10, &value)) return decimal;
    decimal.value = negative ? -value : value;
    if (decimal.exponent > 0) decimal.exponent = 0;
    return decimal;
}

/* A number of the inner object, exactly. */
static struct adapter_decimal take_decimal(const struct source *source, const char *key)
{
    if (!json_is_number(json_object_get(source->inner, key)))
        return (struct adapter_decimal){0};
    return decimal_of(written(source, source->inner_name, key));
}

/* Without the white space that is not in a string; NULL: too long, or no memory. */
static const char *compact(struct bytes text, struct arena *arena)
{
    char *to =
        text.size > (size_t)4 * LIMIT_TEXT_SIZE ? NULL : arena_alloc(arena, text.size + 1);
    size_t done = 0;
    bool string = false;

    if (to == NULL) return NULL;
    for (size_t i = 0; i < text.size; i++) {
        const char c = (char)text.data[i];

        if (!string && strchr(" \t\r\n", c) != NULL) continue;
        if (c == '"') string = !string;
        to[done++] = c;
        if (string && c == '\\' && i + 1 < text.size) to[done++] = (char)text.data[++i];
    }
    to[done] = '\0';
    return done > LIMIT_TEXT_SIZE ? NULL : to;
}

/* Says this member more than that nothing was asked for? */
static bool tells(const char *name, const json_t *value)
{
    if (value == NULL || json_is_null(value) || json_is_false(value)) return false;
    if (json_is_string(value)) return strcmp(json_string_value(value), "none") != 0;
    if (json_is_true(value)) return strncmp(name, "init_", 5) != 0;
    return json_is_number(value) || json_object_size(value) + json_array_size(value) > 0;
}

/* Those of the named members that say something. */
static void take_settings(const struct source *source, const char *const *names)
{
    struct adapter_view *view = source->view;

    for (; *names != NULL && view->settings_count < ADAPTER_SETTINGS_MAX; names++) {
        const json_t *value = json_object_get(source->inner, *names);
        const char *text = "yes";

        if (!tells(*names, value)) continue;
        if (json_is_string(value))
            text = take_text(value, source->arena);
        else if (!json_is_true(value))
            text = compact(written(source, source->inner_name, *names), source->arena);
        if (text == NULL || text[0] == '\0') continue;
        view->settings[view->settings_count++] = (struct adapter_setting){*names, text};
    }
}

/* ---- the formats --------------------------------------------------------------------- */

/* A list is a set of names; one text is a pattern over module names. */
static void take_modules(const json_t *value, struct arena *arena, struct adapter_set *ret_set,
                         const char **ret_pattern)
{
    if (json_is_string(value)) *ret_pattern = take_text(value, arena);
    *ret_set = take_set(value, arena);
}

static void take_peft(struct source *source)
{
    static const char *const settings[] = {"init_r",
                                           "target_r",
                                           "num_virtual_tokens",
                                           "num_transformer_submodules",
                                           "num_layers",
                                           "num_attention_heads",
                                           "token_dim",
                                           "encoder_hidden_size",
                                           "prefix_projection",
                                           "prompt_tuning_init",
                                           "adapter_len",
                                           "adapter_layers",
                                           "n_frequency",
                                           "scaling",
                                           "boft_block_size",
                                           "boft_block_num",
                                           "boft_n_butterfly_factor",
                                           "oft_block_size",
                                           "mini_r",
                                           "feedforward_modules",
                                           "decomposition_method",
                                           "config_A_B",
                                           "config_C",
                                           "config_D_E",
                                           "bias",
                                           "lora_bias",
                                           "rank_pattern",
                                           "alpha_pattern",
                                           "layers_to_transform",
                                           "layers_pattern",
                                           "layer_replication",
                                           "target_parameters",
                                           "trainable_token_indices",
                                           "init_lora_weights",
                                           "init_weights",
                                           "kasa_config",
                                           NULL};
    const json_t *root = source->root;
    struct adapter_view *view = source->view;
    struct arena *arena = source->arena;

    view->schema = "peft";
    view->method = take_text(json_object_get(root, "peft_type"), arena);
    view->version = take_text(json_object_get(root, "peft_version"), arena);
    view->task = take_text(json_object_get(root, "task_type"), arena);
    view->base_name = take_text(json_object_get(root, "base_model_name_or_path"), arena);
    view->base_revision = take_text(json_object_get(root, "revision"), arena);
    view->rank = take_rank(json_object_get(root, "r"));
    /* AdaLoRA ignores r, begins with init_r and ends with target_r on average. */
    if (strcmp(view->method, "ADALORA") == 0)
        view->rank = take_rank(json_object_get(root, "target_r"));
    view->alpha = take_decimal(source, "lora_alpha");
    if (!view->alpha.found) view->alpha = take_decimal(source, "alpha"); /* LoHa, DEFT, ... */
    take_modules(json_object_get(root, "target_modules"), arena, &view->target_modules,
                 &view->target_pattern);
    take_modules(json_object_get(root, "exclude_modules"), arena, &view->exclude_modules,
                 &view->exclude_pattern);
    view->modules_to_save = take_set(json_object_get(root, "modules_to_save"), arena);
    view->rslora = take_choice(json_object_get(root, "use_rslora"));
    view->dora = take_choice(json_object_get(root, "use_dora"));
    take_settings(source, settings);
}

static void take_adapterhub(struct source *source)
{
    static const char *const settings[] = {
        "reduction_factor", "non_linearity",    "mh_adapter",    "output_adapter",
        "is_parallel",      "scaling",          "leave_out",     "inv_adapter",
        "phm_dim",          "phm_layer",        "selfattn_lora", "intermediate_lora",
        "output_lora",      "composition_mode", "use_gating",    "prefix_length",
        "bottleneck_size",  "prompt_length",    "init_weights",  NULL};
    const json_t *root = source->root;
    struct adapter_view *view = source->view;
    const json_t *config = json_object_get(root, "config");

    view->schema = "adapterhub";
    view->version = take_text(json_object_get(root, "version"), source->arena);
    view->base_name = take_text(json_object_get(root, "model_name"), source->arena);
    view->method =
        take_text(json_is_string(config) ? config : json_object_get(config, "architecture"),
                  source->arena);
    if (!json_is_object(config)) return;
    source->inner = config;
    source->inner_name = "config";
    /* A null architecture means the bottleneck adapters that all began with. */
    if (view->method[0] == '\0' && json_object_get(config, "reduction_factor") != NULL)
        view->method = "bottleneck";
    view->rank = take_rank(json_object_get(config, "r"));
    view->alpha = take_decimal(source, "alpha");
    view->target_modules = take_set(json_object_get(config, "attn_matrices"), source->arena);
    take_settings(source, settings);
}

static void take_mlx(struct source *source)
{
    static const char *const outer[] = {"num_layers", "lora_layers", NULL};
    static const char *const settings[] = {"dropout", NULL};
    const json_t *root = source->root;
    const json_t *parameters = json_object_get(root, "lora_parameters");
    struct adapter_view *view = source->view;

    view->schema = "mlx-lm";
    view->method = take_text(json_object_get(root, "fine_tune_type"), source->arena);
    view->base_name = take_text(json_object_get(root, "model"), source->arena);
    view->dora = take_choice(json_object_get(root, "use_dora"));
    if (view->method[0] == '\0') view->method = view->dora == ADAPTER_YES ? "dora" : "lora";
    if (view->dora == ADAPTER_UNSAID)
        view->dora = strcmp(view->method, "dora") == 0 ? ADAPTER_YES : ADAPTER_NO;
    take_settings(source, outer);
    if (!json_is_object(parameters)) return;
    source->inner = parameters;
    source->inner_name = "lora_parameters";
    view->rank = take_rank(json_object_get(parameters, "rank"));
    view->alpha = take_decimal(source, "alpha");
    view->scale = take_decimal(source, "scale"); /* alpha / rank, or a quantity of its own */
    view->target_modules = take_set(json_object_get(parameters, "keys"), source->arena);
    take_settings(source, settings);
}

/* AdapterHub writes prediction heads in the same shape: those are no adapters. */
static bool is_adapterhub(const json_t *root)
{
    const json_t *config = json_object_get(root, "config");

    return (json_is_object(config) || json_is_string(config)) &&
           json_object_get(config, "head_type") == NULL &&
           json_is_string(json_object_get(root, "model_type")) +
                   json_is_string(json_object_get(root, "model_class")) +
                   json_is_integer(json_object_get(root, "hidden_size")) >=
               2;
}

struct adapter_view adapter_nothing(void)
{
    return (struct adapter_view){.file = "",
                                 .schema = "unknown",
                                 .method = "",
                                 .base_name = "",
                                 .base_revision = "",
                                 .target_pattern = "",
                                 .version = "",
                                 .task = "",
                                 .exclude_pattern = ""};
}

enum tally_err adapter_parse(struct bytes json, struct arena *arena,
                             struct adapter_view *ret_view, struct tally_diag *diag)
{
    struct adapter_view view = adapter_nothing();
    json_error_t error;
    json_t *root =
        json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    struct source source = {
        .text = json, .root = root, .inner = root, .arena = arena, .view = &view};

    if (root == NULL || !json_is_object(root)) {
        tally_diag_set(diag, "line %d: %s", root == NULL ? error.line : 1,
                       root == NULL ? error.text : "it must be an object");
        json_decref(root);
        return TALLY_E_MALFORMED;
    }
    view.found = true;
    hash_sha256(json.data, json.size, &view.raw_digest);
    if (json_is_string(json_object_get(root, "peft_type"))) {
        take_peft(&source);
    } else if (json_is_object(json_object_get(root, "lora_parameters")) ||
               json_is_string(json_object_get(root, "fine_tune_type"))) {
        take_mlx(&source);
    } else if (is_adapterhub(root)) {
        take_adapterhub(&source);
    }
    json_decref(root);
    *ret_view = view;
    return TALLY_OK;
}
