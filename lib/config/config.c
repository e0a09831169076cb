/* config: faults, files, and walking a document by tables. The YAML library is in
 * config_yaml.c.
 */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/limits.h"
#include "config/config_yaml.h"

enum {
    FAULTS_MAX = 64,  /* more are counted, not kept */
    FAULT_SIZE = 320, /* of one text, longer ones are cut */
    PATH_SIZE = 4096,
    TEXT_SIZE = 1024, /* of the texts in a list */

    /* What reading may use, whatever the file says: the structs of a policy's clauses are large
     * beside their text, and so many that the limits of lists bound them. */
    ARENA_FLAT = 4 * 1024 * 1024,
    ARENA_FACTOR = 96, /* times the text: "{}," makes a struct */
};

struct fault {
    struct config_place place;
    char text[FAULT_SIZE];
};

struct config {
    struct arena *arena;
    struct config_yaml *yaml; /* NULL when the file is no YAML document */
    char path[PATH_SIZE];
    uint32_t faults_count, faults_lost;
    struct fault faults[FAULTS_MAX];              /* by place */
    char report[FAULTS_MAX * (FAULT_SIZE + 320)]; /* what config_faults() made last */
};

/* One mapping that is still to be read. A list, not recursion: depth costs no stack. */
struct job {
    struct job *next;
    const struct config_table *table;
    uint32_t node;
    uint8_t *to;
};

/* ---- faults -------------------------------------------------------------------------- */

static bool place_after(struct config_place a, struct config_place b)
{
    return a.line > b.line || (a.line == b.line && a.column > b.column);
}

void config_fault(struct config *config, struct config_place place, const char *format, ...)
{
    char text[FAULT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (uint32_t i = 0; i < config->faults_count; i++) /* said once is enough */
        if (memcmp(&config->faults[i].place, &place, sizeof place) == 0 &&
            strcmp(config->faults[i].text, text) == 0)
            return;
    if (config->faults_count == FAULTS_MAX) {
        config->faults_lost++;
        return;
    }
    uint32_t at = config->faults_count++;
    for (; at > 0 && place_after(config->faults[at - 1].place, place); at--)
        config->faults[at] = config->faults[at - 1];
    config->faults[at].place = place;
    strcpy(config->faults[at].text, text);
}

enum tally_err config_result(const struct config *config)
{
    return config->faults_count == 0 ? TALLY_OK : TALLY_E_MALFORMED;
}

const char *config_faults(struct config *config)
{
    size_t at = 0;

    config->report[0] = '\0';
    for (uint32_t i = 0; i < config->faults_count; i++) {
        const struct fault *fault = &config->faults[i];
        const int size =
            snprintf(config->report + at, sizeof config->report - at, "%s:%u:%u: %s\n",
                     config->path, fault->place.line, fault->place.column, fault->text);
        if (size < 0 || (size_t)size >= sizeof config->report - at) break;
        at += (size_t)size;
    }
    if (config->faults_lost > 0)
        (void)snprintf(config->report + at, sizeof config->report - at,
                       "%s: and %u more faults\n", config->path, config->faults_lost);
    return config->report;
}

/* ---- files --------------------------------------------------------------------------- */

enum tally_err config_open_text(const char *path, struct bytes text, struct config **ret_config,
                                struct tally_diag *diag)
{
    enum tally_err err = TALLY_E_NO_MEMORY;
    struct config *config = NULL;

    if (text.size > LIMIT_CONFIG_FILE_SIZE) {
        tally_diag_set(diag, "%s is larger than the limit of %d bytes", path,
                       LIMIT_CONFIG_FILE_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    config = calloc(1, sizeof *config);
    if (config == NULL) return TALLY_E_NO_MEMORY;
    (void)snprintf(config->path, sizeof config->path, "%s", path);
    err = arena_open(ARENA_FLAT + ARENA_FACTOR * text.size, &config->arena);
    if (err == TALLY_OK) err = config_yaml_load(config, text, &config->yaml);
    if (err != TALLY_OK) {
        config_close(config);
        return err;
    }
    *ret_config = config;
    return TALLY_OK;
}

enum tally_err config_open(const char *path, struct config **ret_config,
                           struct tally_diag *diag)
{
    uint8_t *data = NULL;
    size_t size = 0;
    enum tally_err err = file_read(path, LIMIT_CONFIG_FILE_SIZE, &data, &size, diag);

    if (err != TALLY_OK) return err;
    err = config_open_text(path, bytes_of(data, size), ret_config, diag);
    free(data);
    return err;
}

void config_close(struct config *config)
{
    if (config == NULL) return;
    config_yaml_free(config->yaml);
    arena_close(config->arena);
    free(config);
}

/* ---- values -------------------------------------------------------------------------- */

static const char *type_text(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT:
    case CONFIG_CHOICE:
        return "a text";
    case CONFIG_PATH:
        return "a path";
    case CONFIG_NUMBER:
        return "a whole number";
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_TEXTS:
        return "a list of texts";
    case CONFIG_PATHS:
        return "a list of paths";
    case CONFIG_MAP:
        return "a mapping";
    case CONFIG_MAPS:
        return "a list of mappings";
    }
    return "?";
}

static void wrong_type(struct config *config, const struct config_yaml_node *node,
                       const struct config_field *field)
{
    config_fault(config, node->place, "'%s' must be %s", field->key, type_text(field->type));
}

/* A plain scalar with one of YAML's words for nothing. */
static bool is_null(const struct config_yaml_node *node)
{
    return !node->quoted &&
           (node->size == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

/* The text of a scalar, or of a path relative to the file's folder; NULL after a fault. */
static const char *take_text(struct config *config, const struct config_yaml_node *node,
                             const struct config_field *field, bool is_path, uint32_t min,
                             uint32_t max)
{
    const char *slash = strrchr(config->path, '/');
    char joined[2 * PATH_SIZE];

    if (node->kind != CONFIG_YAML_SCALAR || is_null(node)) {
        wrong_type(config, node, field);
        return NULL;
    }
    if (strlen(node->text) != node->size) {
        config_fault(config, node->place, "'%s' contains a NUL character", field->key);
        return NULL;
    }
    if (node->size < min || node->size > max) {
        config_fault(config, node->place, "'%s' must have %u to %u characters, not %zu",
                     field->key, min, max, node->size);
        return NULL;
    }
    if (!is_path || node->text[0] == '/' || slash == NULL)
        return (const char *)arena_copy(config->arena, bytes_of(node->text, node->size)).data;
    const int size = snprintf(joined, sizeof joined, "%.*s/%s", (int)(slash - config->path),
                              config->path, node->text);
    ASSERT(size > 0 && (size_t)size < sizeof joined);
    return (const char *)arena_copy(config->arena, bytes_of(joined, (size_t)size)).data;
}

static void read_choice(struct config *config, const struct config_yaml_node *node,
                        const struct config_field *field, struct config_text *to)
{
    char known[FAULT_SIZE] = "";
    const char *text = take_text(config, node, field, false, 0, TEXT_SIZE);

    if (text == NULL) return;
    for (size_t i = 0; field->choices[i] != NULL; i++) {
        const size_t at = strlen(known);

        if (strcmp(field->choices[i], text) == 0) {
            to->text = text;
            return;
        }
        (void)snprintf(known + at, sizeof known - at, "%s%s", i == 0 ? "" : ", ",
                       field->choices[i]);
    }
    config_fault(config, node->place, "'%s' must be one of %s, not '%.40s'", field->key, known,
                 text);
}

static void read_number(struct config *config, const struct config_yaml_node *node,
                        const struct config_field *field, struct config_number *to)
{
    uint64_t value = 0;

    if (node->kind != CONFIG_YAML_SCALAR || node->quoted ||
        !decimal_parse(node->text, node->size, UINT64_MAX, &value)) {
        wrong_type(config, node, field);
    } else if (value < field->min || (field->max != UINT32_MAX && value > field->max)) {
        config_fault(config, node->place, "'%s' must be %u to %u, not %.*s", field->key,
                     field->min, field->max, (int)node->size, node->text);
    } else {
        to->value = value;
    }
}

static void read_bool(struct config *config, const struct config_yaml_node *node,
                      const struct config_field *field, struct config_number *to)
{
    const bool plain = node->kind == CONFIG_YAML_SCALAR && !node->quoted;
    const bool is_true = plain && strcmp(node->text, "true") == 0;

    if (!is_true && (!plain || strcmp(node->text, "false") != 0)) {
        wrong_type(config, node, field);
        return;
    }
    to->value = is_true ? 1 : 0;
}

/* Is it a list of an allowed length? Otherwise a fault. */
static bool list_valid(struct config *config, const struct config_yaml_node *node,
                       const struct config_field *field)
{
    if (node->kind != CONFIG_YAML_LIST) {
        wrong_type(config, node, field);
        return false;
    }
    if (node->count < field->min || node->count > field->max) {
        config_fault(config, node->place, "'%s' must have %u to %u entries, not %u", field->key,
                     field->min, field->max, node->count);
        return false;
    }
    return true;
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err read_texts(struct config *config, const struct config_yaml_node *node,
                                 const struct config_field *field, struct config_texts *to)
{
    if (!list_valid(config, node, field)) return TALLY_OK;
    struct config_text *items = arena_zalloc(config->arena, node->count, sizeof *items);
    if (items == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct config_yaml_node item = config_yaml_item(config->yaml, node, i);

        items[i].place = item.place;
        items[i].text =
            take_text(config, &item, field, field->type == CONFIG_PATHS, 1, TEXT_SIZE);
        if (items[i].text == NULL) items[i].text = "";
    }
    to->items = items;
    to->count = node->count;
    return TALLY_OK;
}

/* ---- mappings ------------------------------------------------------------------------ */

/* Put one mapping on the list of what is to be read. Errors: TALLY_E_NO_MEMORY. */
static enum tally_err job_add(struct config *config, struct job **jobs,
                              const struct config_yaml_node *node,
                              const struct config_field *field, uint8_t *to)
{
    if (node->kind != CONFIG_YAML_MAP) {
        config_fault(config, node->place, "'%s' must be %s", field->key,
                     type_text(field->type));
        return TALLY_OK;
    }
    struct job *job = arena_zalloc(config->arena, 1, sizeof *job);
    if (job == NULL) return TALLY_E_NO_MEMORY;
    *job = (struct job){.next = *jobs, .table = field->table, .node = node->id, .to = to};
    *jobs = job;
    return TALLY_OK;
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err read_maps(struct config *config, struct job **jobs,
                                const struct config_yaml_node *node,
                                const struct config_field *field, struct config_maps *to)
{
    if (!list_valid(config, node, field)) return TALLY_OK;
    uint8_t *items = arena_zalloc(config->arena, node->count, field->table->size);
    if (items == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct config_yaml_node item = config_yaml_item(config->yaml, node, i);

        if (job_add(config, jobs, &item, field, items + i * field->table->size) != TALLY_OK)
            return TALLY_E_NO_MEMORY;
    }
    to->items = items;
    to->count = node->count;
    return TALLY_OK;
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err read_value(struct config *config, struct job **jobs,
                                 const struct config_yaml_node *node,
                                 const struct config_field *field, uint8_t *to)
{
    /* Every target struct begins with its place. */
    *(struct config_place *)(void *)to = node->place;
    switch (field->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
        ((struct config_text *)(void *)to)->text =
            take_text(config, node, field, field->type == CONFIG_PATH, field->min, field->max);
        return TALLY_OK;
    case CONFIG_CHOICE:
        read_choice(config, node, field, (struct config_text *)(void *)to);
        return TALLY_OK;
    case CONFIG_NUMBER:
        read_number(config, node, field, (struct config_number *)(void *)to);
        return TALLY_OK;
    case CONFIG_BOOL:
        read_bool(config, node, field, (struct config_number *)(void *)to);
        return TALLY_OK;
    case CONFIG_TEXTS:
    case CONFIG_PATHS:
        return read_texts(config, node, field, (struct config_texts *)(void *)to);
    case CONFIG_MAP:
        return job_add(config, jobs, node, field, to);
    case CONFIG_MAPS:
        return read_maps(config, jobs, node, field, (struct config_maps *)(void *)to);
    }
    UNREACHABLE("config type");
}

static const struct config_field *find_field(const struct config_table *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->fields[i].key, key) == 0) return &table->fields[i];
    return NULL;
}

static void unknown_key(struct config *config, const struct config_table *table,
                        const struct config_yaml_node *key)
{
    char known[FAULT_SIZE] = "";

    for (size_t i = 0; i < table->count; i++) {
        const size_t at = strlen(known);

        (void)snprintf(known + at, sizeof known - at, "%s%s", i == 0 ? "" : ", ",
                       table->fields[i].key);
    }
    config_fault(config, key->place, "unknown key '%.60s'; known here: %s",
                 key->kind == CONFIG_YAML_SCALAR ? key->text : "(not a text)", known);
}

/* Was `key` there before pair number `pair`? Mappings are short: their number of pairs is
 * limited. */
static bool key_seen(struct config *config, const struct config_yaml_node *map, uint32_t pair,
                     const char *key)
{
    struct config_yaml_node earlier, value;

    for (uint32_t i = 0; i < pair; i++) {
        config_yaml_pair(config->yaml, map, i, &earlier, &value);
        if (earlier.kind == CONFIG_YAML_SCALAR && strcmp(earlier.text, key) == 0) return true;
    }
    return false;
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err read_map(struct config *config, struct job **jobs, const struct job *job)
{
    const struct config_yaml_node map = config_yaml_node(config->yaml, job->node);
    struct config_yaml_node key, value;

    *(struct config_place *)(void *)job->to = map.place;
    for (uint32_t i = 0; i < map.count; i++) {
        config_yaml_pair(config->yaml, &map, i, &key, &value);
        const struct config_field *field =
            key.kind == CONFIG_YAML_SCALAR ? find_field(job->table, key.text) : NULL;

        if (key.kind == CONFIG_YAML_SCALAR && key_seen(config, &map, i, key.text)) {
            config_fault(config, key.place, "key '%.60s' is there twice", key.text);
        } else if (field == NULL) {
            unknown_key(config, job->table, &key);
        } else if (read_value(config, jobs, &value, field, job->to + field->offset) !=
                   TALLY_OK) {
            return TALLY_E_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < job->table->count; i++) {
        const struct config_field *field = &job->table->fields[i];

        if (field->required && !key_seen(config, &map, map.count, field->key))
            config_fault(config, map.place, "key '%s' is missing", field->key);
    }
    return TALLY_OK;
}

enum tally_err config_read(struct config *config, const struct config_table *table, void *to)
{
    const struct config_field root = {.key = "the file", .type = CONFIG_MAP, .table = table};
    struct job *jobs = NULL;

    memset(to, 0, table->size);
    if (config->yaml == NULL) return config_result(config);
    const struct config_yaml_node node = config_yaml_root(config->yaml);
    if (job_add(config, &jobs, &node, &root, to) != TALLY_OK) return TALLY_E_NO_MEMORY;
    while (jobs != NULL) {
        const struct job *job = jobs;

        jobs = jobs->next;
        if (read_map(config, &jobs, job) != TALLY_OK) return TALLY_E_NO_MEMORY;
    }
    return config_result(config);
}
