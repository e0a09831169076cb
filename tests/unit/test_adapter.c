/* Configurations of adapters, by content, and names of bases. Each row has one thing that
 * others have not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "event/adapter.h"
#include "support/check_main.h"
#include "support/folder.h"
#include "support/weights.h"

static struct arena *arena;
static char folder[64];

static void begin(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    folder_make(folder, sizeof folder);
}

static void end(void)
{
    folder_remove(folder);
    arena_close(arena);
}

static struct adapter_view parse(const char *json)
{
    struct adapter_view view;
    struct tally_diag diag = {{0}};

    ck_assert_msg(adapter_parse(bytes_of(json, strlen(json)), arena, &view, &diag) == TALLY_OK,
                  "%s: %s", json, diag.text);
    return view;
}

/* ---- which format -------------------------------------------------------------------- */

static const struct {
    const char *json, *schema, *method, *base, *version;
} schemas[] = {
    {"{\"peft_type\":\"LORA\",\"base_model_name_or_path\":\"x/y\",\"peft_version\":\"0.18\"}",
     "peft", "LORA", "x/y", "0.18"},
    {"{\"peft_type\":\"PROMPT_TUNING\",\"base_model_name_or_path\":null}", "peft",
     "PROMPT_TUNING", "", ""},
    {"{\"peft_type\":1}", "unknown", "", "", ""},
    {"{\"fine_tune_type\":\"dora\",\"model\":\"x/y\"}", "mlx-lm", "dora", "x/y", ""},
    {"{\"lora_parameters\":{},\"model\":\"x/y\"}", "mlx-lm", "lora", "x/y", ""},
    {"{\"lora_parameters\":{},\"use_dora\":true}", "mlx-lm", "dora", "", ""},
    {"{\"lora_parameters\":8}", "unknown", "", "", ""},
    /* MLX-LM has a "config", too: the name of a file */
    {"{\"config\":\"lora.yaml\",\"lora_parameters\":{},\"model\":\"m\"}", "mlx-lm", "lora", "m",
     ""},
    {"{\"config\":{\"architecture\":\"lora\"},\"model_type\":\"bert\",\"hidden_size\":8,"
     "\"model_name\":\"b\",\"version\":\"adapters.1\"}",
     "adapterhub", "lora", "b", "adapters.1"},
    {"{\"config\":{\"reduction_factor\":16},\"model_type\":\"bert\",\"model_class\":\"B\"}",
     "adapterhub", "bottleneck", "", ""},
    {"{\"config\":\"pfeiffer\",\"model_type\":\"bert\",\"hidden_size\":768}", "adapterhub",
     "pfeiffer", "", ""},
    {"{\"config\":{\"head_type\":\"tagging\"},\"model_type\":\"bert\",\"hidden_size\":8}",
     "unknown", "", "", ""},
    {"{\"config\":{},\"model_type\":\"bert\"}", "unknown", "", "", ""},
    {"{\"model_type\":\"bert\",\"hidden_size\":8}", "unknown", "", "", ""}, /* of a model */
    {"{}", "unknown", "", "", ""},
};

START_TEST(schema)
{
    const struct adapter_view view = parse(schemas[_i].json);

    ck_assert_str_eq(view.schema, schemas[_i].schema);
    ck_assert_str_eq(view.method, schemas[_i].method);
    ck_assert_str_eq(view.base_name, schemas[_i].base);
    ck_assert_str_eq(view.version, schemas[_i].version);
    ck_assert(view.found);
}
END_TEST

/* ---- numbers ------------------------------------------------------------------------- */

static const struct {
    const char *text;
    bool found;
    int64_t value;
    int32_t exponent;
} numbers[] = {
    {"16", true, 16, 0},
    {"20", true, 20, 0},
    {"20.0", true, 20, 0}, /* one number, one form */
    {"2e1", true, 20, 0},
    {"0.2E+2", true, 20, 0},
    {"16.5", true, 165, -1},
    {"16.50", true, 165, -1},
    {"0.1", true, 1, -1},
    {"0.30000000000000004", true, 30000000000000004, -17}, /* what a float would be */
    {"0.3", true, 3, -1},
    {"-0.05", true, -5, -2},
    {"0", true, 0, 0},
    {"-0.0", true, 0, 0},
    {"0e99", true, 0, 0},
    {"1e18", true, 1000000000000000000, 0},
    {"1e30", true, 1, 30},
    {"10e30", true, 1, 31},
    {"1e-30", true, 1, -30},
    {"9223372036854775807", true, INT64_MAX, 0},
    {"9223372036854775807.0", true, INT64_MAX, 0},
    {"9223372036854775808.5", false, 0, 0},
    {"0.98765432109876543211", false, 0, 0}, /* too many digits: left out, not cut */
    {"\"16\"", false, 0, 0},
    {"null", false, 0, 0},
    {"true", false, 0, 0},
    {"[16]", false, 0, 0},
};

START_TEST(number)
{
    char json[128];
    struct adapter_view view;

    snprintf(json, sizeof json,
             "{\"a\":{\"lora_alpha\":7},\"lora_alpha\": %s ,"
             "\"peft_type\":\"LORA\"}",
             numbers[_i].text);
    view = parse(json);
    ck_assert_msg(view.alpha.found == numbers[_i].found, "%s", numbers[_i].text);
    ck_assert_int_eq(view.alpha.value, numbers[_i].value);
    ck_assert_int_eq(view.alpha.exponent, numbers[_i].exponent);
}
END_TEST

static const struct {
    const char *json;
    uint32_t rank;
    int64_t alpha;
} ranks[] = {
    {"{\"peft_type\":\"LORA\",\"r\":8,\"lora_alpha\":5}", 8, 5},
    {"{\"peft_type\":\"DEFT\",\"r\":8,\"alpha\":5}", 8, 5},
    {"{\"peft_type\":\"ADALORA\",\"r\":8,\"init_r\":64,\"target_r\":32,\"lora_alpha\":5}", 32,
     5},
    {"{\"peft_type\":\"LORA\",\"\\u0072\":8,\"\\u006cora_alpha\":5}", 8, 5},
    {"{\"peft_type\":\"LORA\",\"r\":0,\"lora_alpha\":5}", 0, 5},
    {"{\"peft_type\":\"LORA\",\"r\":-8,\"lora_alpha\":5}", 0, 5},
    {"{\"peft_type\":\"LORA\",\"r\":8.0,\"lora_alpha\":5}", 0, 5},
    {"{\"peft_type\":\"LORA\",\"r\":4294967296,\"lora_alpha\":5}", 0, 5},
    {"{\"lora_parameters\":{\"rank\":8,\"alpha\":5},\"alpha\":6,\"rank\":9}", 8, 5},
    {"{\"config\":{\"architecture\":\"lora\",\"r\":8,\"alpha\":5},\"alpha\":6,\"r\":9,"
     "\"model_type\":\"bert\",\"hidden_size\":8}",
     8, 5},
};

START_TEST(rank)
{
    const struct adapter_view view = parse(ranks[_i].json);

    ck_assert_msg(view.rank == ranks[_i].rank, "%s", ranks[_i].json);
    ck_assert_int_eq(view.alpha.value, ranks[_i].alpha);
    ck_assert_int_eq(view.alpha.exponent, 0);
}
END_TEST

/* ---- sets, choices, settings --------------------------------------------------------- */

static const char *joined(const struct adapter_set *set)
{
    static char text[256];
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < set->count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i == 0 ? "" : " ",
                               set->texts[i]);
    return text;
}

static const struct {
    const char *value, *modules, *pattern;
} targets[] = {
    {"[\"v\",\"q\",\"k\",\"q\"]", "k q v", ""},
    {"[\"k\",\"q\",\"v\"]", "k q v", ""},
    {"[\"B\",\"a\"]", "B a", ""}, /* in the order of bytes */
    {"[]", "", ""},
    {"[\"q\",7]", "", ""}, /* left out, not cut */
    {"[\"q\",\"\"]", "", ""},
    {"null", "", ""},
    {"\".*q_proj\"", "", ".*q_proj"},
    {"\"all-linear\"", "", "all-linear"},
};

START_TEST(target)
{
    char json[256];
    struct adapter_view view;

    snprintf(json, sizeof json,
             "{\"peft_type\":\"LORA\",\"target_modules\":%s,\"exclude_modules\":%s,"
             "\"modules_to_save\":%s}",
             targets[_i].value, targets[_i].value, targets[_i].value);
    view = parse(json);
    ck_assert_str_eq(joined(&view.target_modules), targets[_i].modules);
    ck_assert_str_eq(view.target_pattern, targets[_i].pattern);
    ck_assert_str_eq(joined(&view.exclude_modules), targets[_i].modules);
    ck_assert_str_eq(view.exclude_pattern, targets[_i].pattern);
    ck_assert_str_eq(joined(&view.modules_to_save), targets[_i].modules);
}
END_TEST

static const struct {
    const char *json;
    enum adapter_choice rslora, dora;
} choices[] = {
    {"{\"peft_type\":\"LORA\"}", ADAPTER_UNSAID, ADAPTER_UNSAID},
    {"{\"peft_type\":\"LORA\",\"use_rslora\":true,\"use_dora\":false}", ADAPTER_YES,
     ADAPTER_NO},
    {"{\"peft_type\":\"LORA\",\"use_rslora\":false,\"use_dora\":true}", ADAPTER_NO,
     ADAPTER_YES},
    {"{\"peft_type\":\"LORA\",\"use_rslora\":1,\"use_dora\":\"true\"}", ADAPTER_UNSAID,
     ADAPTER_UNSAID},
    {"{\"fine_tune_type\":\"dora\"}", ADAPTER_UNSAID, ADAPTER_YES},
    {"{\"fine_tune_type\":\"lora\"}", ADAPTER_UNSAID, ADAPTER_NO},
};

START_TEST(choice)
{
    const struct adapter_view view = parse(choices[_i].json);

    ck_assert_int_eq(view.rslora, choices[_i].rslora);
    ck_assert_int_eq(view.dora, choices[_i].dora);
}
END_TEST

static const struct {
    const char *member, *text; /* NULL: not told of */
} settings[] = {
    {"\"num_virtual_tokens\":20", "20"},
    {"\"scaling\":1.50", "1.50"},
    {"\"bias\":\"all\"", "all"},
    {"\"bias\":\"none\"", NULL},
    {"\"lora_bias\":true", "yes"},
    {"\"lora_bias\":false", NULL},
    {"\"init_lora_weights\":true", NULL},
    {"\"init_lora_weights\":\"pissa\"", "pissa"},
    {"\"rank_pattern\":{}", NULL},
    {"\"rank_pattern\":{ \"a b\" : 4,\n \"c\\\" \": [ 1 , 2 ] }",
     "{\"a b\":4,\"c\\\" \":[1,2]}"},
    {"\"layers_to_transform\":[1, 2]", "[1,2]"},
    {"\"layers_to_transform\":null", NULL},
    {"\"someone_elses\":1", NULL},
};

START_TEST(setting)
{
    char json[256];
    struct adapter_view view;

    snprintf(json, sizeof json, "{\"peft_type\":\"LORA\",%s}", settings[_i].member);
    view = parse(json);
    ck_assert_uint_eq(view.settings_count, settings[_i].text == NULL ? 0 : 1);
    if (settings[_i].text != NULL) ck_assert_str_eq(view.settings[0].text, settings[_i].text);
}
END_TEST

static const char *const malformed[] = {
    "", "[]", "1", "{", "{\"peft_type\":\"LORA\"", "{\"r\":1,\"r\":2}", "{\"r\":NaN}", "\xff",
};

START_TEST(not_an_object)
{
    struct adapter_view view;
    struct tally_diag diag = {{0}};

    ck_assert_int_eq(
        adapter_parse(bytes_of(malformed[_i], strlen(malformed[_i])), arena, &view, &diag),
        TALLY_E_MALFORMED);
    ck_assert_str_ne(diag.text, "");
}
END_TEST

/* ---- a directory --------------------------------------------------------------------- */

static const char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const void *data, size_t size)
{
    FILE *out = fopen(in_folder(name), "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(data, 1, size, out), size);
    fclose(out);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static const struct {
    const char *name, *json, *other_name, *other_json;
    const char *file, *schema; /* NULL: none */
    uint32_t configs;
} folders[] = {
    {"adapter_config.json", "{\"peft_type\":\"LORA\"}", "x", "", "adapter_config.json", "peft",
     1},
    {"adapter_config.json", "{}", "x", "", "adapter_config.json", "unknown", 0},
    {"mine.json", "{\"peft_type\":\"LORA\"}", "x", "", "mine.json", "peft", 1},
    {"mine.JSON", "{\"fine_tune_type\":\"lora\"}", "x", "", "mine.JSON", "mlx-lm", 1},
    {"mine.txt", "{\"peft_type\":\"LORA\"}", "x", "", NULL, NULL, 0},
    {"config.json", "{\"model_type\":\"bert\",\"hidden_size\":8}", "x", "", NULL, NULL, 0},
    {"broken.json", "{", "x", "", NULL, NULL, 0},
    {"list.json", "[]", "mine.json", "{\"peft_type\":\"LORA\"}", "mine.json", "peft", 1},
    {"a.json", "{\"peft_type\":\"LORA\"}", "adapter_config.json", "{\"lora_parameters\":{}}",
     "adapter_config.json", "mlx-lm", 2},
    {"a.json", "{\"peft_type\":\"LORA\"}", "adapter_config.json", "{}", "a.json", "peft", 1},
    {"z.json", "{\"peft_type\":\"LORA\"}", "adapter_config.json", "{}", "z.json", "peft", 1},
    {"a.json", "{\"peft_type\":\"LORA\"}", "b.json", "{\"lora_parameters\":{}}", "a.json",
     "peft", 2},
    {"sub/a.json", "{\"peft_type\":\"LORA\"}", "x", "", NULL, NULL, 0},
};

START_TEST(configuration_found)
{
    struct tally_manifest manifest = {0};
    struct adapter adapter;
    struct tally_hash digest;

    ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
    write_text(folders[_i].name, folders[_i].json);
    write_text(folders[_i].other_name, folders[_i].other_json);
    ck_assert_int_eq(tally_manifest_read(folder, NULL, NULL, &manifest, NULL), TALLY_OK);
    ck_assert_int_eq(adapter_read(folder, &manifest, arena, &adapter, NULL), TALLY_OK);
    ck_assert_uint_eq(adapter.config.configs, folders[_i].configs);
    ck_assert(adapter.config.found == (folders[_i].file != NULL));
    if (folders[_i].file != NULL) {
        const bool first = strcmp(folders[_i].file, folders[_i].name) == 0;
        const char *json = first ? folders[_i].json : folders[_i].other_json;

        ck_assert_str_eq(adapter.config.file, folders[_i].file);
        ck_assert_str_eq(adapter.config.schema, folders[_i].schema);
        hash_sha256(json, strlen(json), &digest);
        ck_assert(hash_equal(&digest, &adapter.config.raw_digest));
    }
    tally_manifest_free(&manifest);
}
END_TEST

START_TEST(weights)
{
    struct tally_manifest manifest = {0};
    struct adapter adapter;

    weights_write_honest(in_folder("a.safetensors"));
    write_text("b.SAFETENSORS", "weights");
    ck_assert_int_eq(tally_manifest_read(folder, NULL, NULL, &manifest, NULL), TALLY_OK);
    ck_assert_int_eq(adapter_read(folder, &manifest, arena, &adapter, NULL), TALLY_OK);
    ck_assert_uint_eq(adapter.weights_count, 2);
    ck_assert_uint_eq(adapter.weights[0].view->parameters, 12);
    ck_assert_uint_eq(adapter.weights[0].view->oddities, 0);
    ck_assert_ptr_null(adapter.weights[1].view);
    ck_assert_int_eq(adapter.weights[1].err, TALLY_E_MALFORMED);
    ck_assert_str_ne(adapter.weights[1].fault, "");
    tally_manifest_free(&manifest);
}
END_TEST

/* What was hashed is what is understood. */
START_TEST(changed_meanwhile)
{
    struct tally_manifest manifest = {0};
    struct adapter adapter;

    write_text("adapter_config.json", "{\"r\":1}");
    write_text("other", "1234");
    ck_assert_int_eq(tally_manifest_read(folder, NULL, NULL, &manifest, NULL), TALLY_OK);
    if (_i == 0) write_text("adapter_config.json", "{\"r\":2}");
    if (_i == 1) write_text("other", "123");
    ck_assert_int_eq(adapter_read(folder, &manifest, arena, &adapter, NULL),
                     _i == 2 ? TALLY_OK : TALLY_E_MISMATCH);
    tally_manifest_free(&manifest);
}
END_TEST

/* ---- bases --------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum adapter_base kind;
    const char *subject; /* NULL: none can be made of it */
} bases[] = {
    {"", ADAPTER_BASE_NONE, NULL},
    {"Qwen/Qwen2.5-Math-1.5B", ADAPTER_BASE_NAME, "base/qwen2.5-math-1.5b"},
    {"bert-base-uncased", ADAPTER_BASE_NAME, "base/bert-base-uncased"},
    {"/data/models/Llama 3", ADAPTER_BASE_PATH, "base/llama-3"},
    {"/data/models/llama/", ADAPTER_BASE_PATH, "base/llama"},
    {"./llama", ADAPTER_BASE_PATH, "base/llama"},
    {"../llama", ADAPTER_BASE_PATH, "base/llama"},
    {"~/llama", ADAPTER_BASE_PATH, "base/llama"},
    {"C:\\models\\llama", ADAPTER_BASE_PATH, "base/llama"},
    {"models/llama/8b", ADAPTER_BASE_PATH, "base/8b"},
    {"llama/", ADAPTER_BASE_PATH, "base/llama"},
    {"..", ADAPTER_BASE_PATH, NULL},
    {"/", ADAPTER_BASE_PATH, NULL},
    {"x/--help", ADAPTER_BASE_NAME, "base/help"},
};

START_TEST(base)
{
    char subject[256] = "";

    ck_assert_int_eq(adapter_base_kind(bases[_i].name), bases[_i].kind);
    ck_assert_msg(adapter_base_subject(bases[_i].name, subject, sizeof subject) ==
                      (bases[_i].subject != NULL),
                  "%s", bases[_i].name);
    if (bases[_i].subject != NULL) ck_assert_str_eq(subject, bases[_i].subject);
}
END_TEST

static const struct {
    const char *subject, *name;
    bool differs;
} pairs[] = {
    {"base/llama-3-8b", "meta-llama/Llama-3-8B", false},
    {"base/llama-3-8b", "unsloth/llama-3-8b-bnb-4bit", false},
    {"base/llama-3-8b-instruct", "meta-llama/Llama-3-8B", false},
    {"base/meta-llama-llama-3-8b", "meta-llama/Llama-3-8B", false},
    {"base/llama-3-8b", "/data/models/llama3-8b", false},
    {"base/llama-3-8b", "meta-llama/Llama-2-7b", true},
    {"base/llama-3-8b", "Qwen/Qwen2.5-7B", true},
    {"base/llama-3-8b", "", false},
    {"base/llama-3-8b", "//", false},
};

START_TEST(pair)
{
    ck_assert_msg(adapter_base_differs(pairs[_i].subject, pairs[_i].name) == pairs[_i].differs,
                  "%s %s", pairs[_i].subject, pairs[_i].name);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(table)[0])

static Suite *make_suite(void)
{
    Suite *suite = suite_create("adapter");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_loop_test(all, schema, 0, ROWS(schemas));
    tcase_add_loop_test(all, number, 0, ROWS(numbers));
    tcase_add_loop_test(all, rank, 0, ROWS(ranks));
    tcase_add_loop_test(all, target, 0, ROWS(targets));
    tcase_add_loop_test(all, choice, 0, ROWS(choices));
    tcase_add_loop_test(all, setting, 0, ROWS(settings));
    tcase_add_loop_test(all, not_an_object, 0, ROWS(malformed));
    tcase_add_loop_test(all, configuration_found, 0, ROWS(folders));
    tcase_add_test(all, weights);
    tcase_add_loop_test(all, changed_meanwhile, 0, 3);
    tcase_add_loop_test(all, base, 0, ROWS(bases));
    tcase_add_loop_test(all, pair, 0, ROWS(pairs));
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
