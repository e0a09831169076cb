#include "event/adapter.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/limits.h"
#include "crypto/hash.h"

#define CONFIG_NAME "adapter_config.json"
enum { CONFIG_SIZE_MAX = 4 * 1024 * 1024 };

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

/* A number as value * 10^exponent, with as few digits as name the double. */
static void take_alpha(const json_t *value, struct adapter_view *view)
{
    char text[40];
    int64_t digits = 0;
    int exponent = 0, fraction = 0, count = 0;
    const char *at = text;
    bool negative, after_point = false;

    if (json_is_integer(value)) {
        view->has_alpha = true;
        view->alpha_value = json_integer_value(value);
        return;
    }
    if (!json_is_real(value) || !isfinite(json_real_value(value))) return;
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, json_real_value(value));
        if (strtod(text, NULL) == json_real_value(value)) break;
    }
    negative = *at == '-';
    if (negative) at++;
    for (; *at != 'e' && *at != '\0'; at++) {
        if (*at == '.') {
            after_point = true;
            continue;
        }
        digits = digits * 10 + (*at - '0');
        count++;
        if (after_point) fraction++;
    }
    if (count > 17 || *at != 'e') return;
    exponent = (int)strtol(at + 1, NULL, 10) - fraction;
    for (; digits != 0 && digits % 10 == 0; digits /= 10) exponent++;
    view->has_alpha = true;
    view->alpha_value = negative ? -digits : digits;
    view->alpha_exponent = digits == 0 ? 0 : exponent;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A list is a set of names; one text is a pattern over module names. */
static void take_targets(const json_t *value, struct arena *arena, struct adapter_view *view)
{
    const size_t count = json_array_size(value);
    const char **texts;
    uint32_t kept = 0, unique = 0;

    if (json_is_string(value)) view->target_pattern = take_text(value, arena);
    if (!json_is_array(value) || count == 0 || count > LIMIT_REPEATED) return;
    texts = arena_zalloc(arena, count, sizeof *texts);
    if (texts == NULL) return;
    for (size_t i = 0; i < count; i++) {
        const char *text = take_text(json_array_get(value, i), arena);

        if (text[0] != '\0') texts[kept++] = text;
    }
    qsort(texts, kept, sizeof *texts, compare_texts);
    for (uint32_t i = 0; i < kept; i++) {
        if (unique == 0 || strcmp(texts[unique - 1], texts[i]) != 0) texts[unique++] = texts[i];
    }
    view->target_modules = texts;
    view->target_modules_count = unique;
}

static void take_peft(const json_t *root, struct arena *arena, struct adapter_view *view)
{
    view->schema = "peft";
    view->method = take_text(json_object_get(root, "peft_type"), arena);
    view->base_name = take_text(json_object_get(root, "base_model_name_or_path"), arena);
    view->base_revision = take_text(json_object_get(root, "revision"), arena);
    view->rank = take_rank(json_object_get(root, "r"));
    take_alpha(json_object_get(root, "lora_alpha"), view);
    take_targets(json_object_get(root, "target_modules"), arena, view);
}

static void take_adapterhub(const json_t *root, struct arena *arena, struct adapter_view *view)
{
    const json_t *config = json_object_get(root, "config");

    view->schema = "adapterhub";
    view->method = take_text(json_object_get(config, "architecture"), arena);
    view->base_name = take_text(json_object_get(root, "model_name"), arena);
    view->rank = take_rank(json_object_get(config, "r"));
    take_alpha(json_object_get(config, "alpha"), view);
}

static void take_mlx(const json_t *root, struct arena *arena, struct adapter_view *view)
{
    const json_t *parameters = json_object_get(root, "lora_parameters");

    view->schema = "mlx-lm";
    view->method = take_text(json_object_get(root, "fine_tune_type"), arena);
    view->base_name = take_text(json_object_get(root, "model"), arena);
    view->rank = take_rank(json_object_get(parameters, "rank"));
    take_alpha(json_object_get(parameters, "alpha"), view); /* "scale" is another quantity */
    take_targets(json_object_get(parameters, "keys"), arena, view);
}

static const struct adapter_view nothing = {.schema = "unknown",
                                            .method = "",
                                            .base_name = "",
                                            .base_revision = "",
                                            .target_pattern = ""};

enum tally_err adapter_parse(struct bytes json, struct arena *arena,
                             struct adapter_view *ret_view, struct tally_diag *diag)
{
    struct adapter_view view = nothing;
    json_error_t error;
    json_t *root =
        json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL || !json_is_object(root)) {
        tally_diag_set(diag, CONFIG_NAME ": line %d: %s", root == NULL ? error.line : 1,
                       root == NULL ? error.text : "it must be an object");
        json_decref(root);
        return TALLY_E_MALFORMED;
    }
    view.found = true;
    hash_sha256(json.data, json.size, &view.raw_digest);
    if (json_is_string(json_object_get(root, "peft_type"))) {
        take_peft(root, arena, &view);
    } else if (json_is_object(json_object_get(root, "config")) &&
               (json_object_get(root, "model_type") != NULL ||
                json_object_get(root, "hidden_size") != NULL)) {
        take_adapterhub(root, arena, &view);
    } else if (json_object_get(root, "fine_tune_type") != NULL ||
               json_is_object(json_object_get(root, "lora_parameters"))) {
        take_mlx(root, arena, &view);
    }
    json_decref(root);
    *ret_view = view;
    return TALLY_OK;
}

/* File names of formats that run code when they are loaded; in any directory, in any case. */
static bool pickle_name(const char *path)
{
    static const char *const endings[] = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"};
    const size_t size = strlen(path);

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const size_t end = strlen(endings[i]);

        if (size > end && strcasecmp(path + size - end, endings[i]) == 0) return true;
    }
    return false;
}

enum tally_err adapter_read(const char *directory, const struct tally_manifest *manifest,
                            struct arena *arena, struct adapter_view *ret_view,
                            struct tally_diag *diag)
{
    const struct tally_manifest_file *config = NULL;
    struct adapter_view view = nothing;
    bool pickle = false;

    for (size_t i = 0; i < manifest->files_count; i++) {
        if (pickle_name(manifest->files[i].path)) pickle = true;
        if (strcmp(manifest->files[i].path, CONFIG_NAME) == 0) config = &manifest->files[i];
    }
    if (config != NULL) {
        char path[4096];
        uint8_t *data = NULL;
        size_t size = 0;
        enum tally_err err;

        if (snprintf(path, sizeof path, "%s/" CONFIG_NAME, directory) >= (int)sizeof path) {
            tally_diag_set(diag, "%s: the path is too long", directory);
            return TALLY_E_IO;
        }
        err = file_read(path, CONFIG_SIZE_MAX, &data, &size, diag);
        if (err == TALLY_OK) err = adapter_parse(bytes_of(data, size), arena, &view, diag);
        free(data);
        if (err != TALLY_OK) return err;
        if (!hash_equal(&view.raw_digest, &config->digest)) {
            tally_diag_set(diag, "%s: it changed meanwhile: try again", path);
            return TALLY_E_MISMATCH;
        }
    }
    view.pickle = pickle;
    *ret_view = view;
    return TALLY_OK;
}
