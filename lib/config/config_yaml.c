#include "config/config_yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/assert.h"

enum {
    PAIRS_MAX = 256, /* of one mapping: keys are compared pair by pair */
    DEPTH_MAX = 16,
};

struct config_yaml {
    yaml_document_t document;
};

static struct config_place place_of(yaml_mark_t mark)
{
    return (struct config_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* What one pass over the events found. */
struct scan {
    struct config *config;
    uint32_t documents, nodes, depth;
    uint32_t faults;
    bool ended;
};

static void scan_fault(struct scan *scan, yaml_mark_t mark, const char *text)
{
    config_fault(scan->config, place_of(mark), "%s", text);
    scan->faults++;
}

static void scan_tag(struct scan *scan, const yaml_event_t *event, const yaml_char_t *tag,
                     const yaml_char_t *anchor)
{
    if (tag != NULL) scan_fault(scan, event->start_mark, "tags (!...) are not used here");
    if (anchor != NULL) scan_fault(scan, event->start_mark, "anchors (&...) are not used here");
    scan->nodes++;
}

static void scan_event(struct scan *scan, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        scan->documents++;
        if (scan->documents == 2)
            scan_fault(scan, event->start_mark, "a second document; one file is one document");
        return;
    case YAML_ALIAS_EVENT:
        scan_fault(scan, event->start_mark, "aliases (*...) are not used here");
        return;
    case YAML_SCALAR_EVENT:
        scan_tag(scan, event, event->data.scalar.tag, event->data.scalar.anchor);
        return;
    case YAML_SEQUENCE_START_EVENT:
        scan_tag(scan, event, event->data.sequence_start.tag,
                 event->data.sequence_start.anchor);
        scan->depth++;
        break;
    case YAML_MAPPING_START_EVENT:
        scan_tag(scan, event, event->data.mapping_start.tag, event->data.mapping_start.anchor);
        scan->depth++;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        scan->depth--;
        return;
    case YAML_STREAM_END_EVENT:
        scan->ended = true;
        return;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return;
    }
    if (scan->depth == DEPTH_MAX + 1) scan_fault(scan, event->start_mark, "nested too deeply");
}

static bool parser_open(yaml_parser_t *parser, struct bytes text)
{
    if (yaml_parser_initialize(parser) == 0) return false;
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, text.data, text.size);
    return true;
}

/* The document API neither reports aliases nor further documents: look at the events first.
 * Errors: TALLY_E_NO_MEMORY. */
static enum tally_err scan_text(struct scan *scan, struct bytes text)
{
    yaml_parser_t parser;
    yaml_event_t event;

    if (!parser_open(&parser, text)) return TALLY_E_NO_MEMORY;
    while (!scan->ended) {
        if (yaml_parser_parse(&parser, &event) == 0) {
            if (parser.error == YAML_MEMORY_ERROR) break;
            scan_fault(scan, parser.problem_mark,
                       parser.problem != NULL ? parser.problem : "not YAML");
            break;
        }
        scan_event(scan, &event);
        yaml_event_delete(&event);
    }
    const bool no_memory = parser.error == YAML_MEMORY_ERROR;
    yaml_parser_delete(&parser);
    return no_memory ? TALLY_E_NO_MEMORY : TALLY_OK;
}

/* Mappings with more keys than any table has. */
static void check_sizes(struct config *config, yaml_document_t *document, uint32_t *faults)
{
    for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++) {
        if (node->type != YAML_MAPPING_NODE) continue;
        if (node->data.mapping.pairs.top - node->data.mapping.pairs.start <= PAIRS_MAX)
            continue;
        config_fault(config, place_of(node->start_mark), "more than %d keys", PAIRS_MAX);
        (*faults)++;
    }
}

enum tally_err config_yaml_load(struct config *config, struct bytes text,
                                struct config_yaml **ret_yaml)
{
    struct scan scan = {.config = config};
    yaml_parser_t parser;
    struct config_yaml *yaml = NULL;

    *ret_yaml = NULL;
    if (scan_text(&scan, text) != TALLY_OK) return TALLY_E_NO_MEMORY;
    if (scan.faults == 0 && scan.documents == 0) {
        config_fault(config, (struct config_place){1, 1}, "the file is empty");
        return TALLY_OK;
    }
    if (scan.faults > 0) return TALLY_OK;

    yaml = calloc(1, sizeof *yaml);
    if (yaml == NULL) return TALLY_E_NO_MEMORY;
    if (!parser_open(&parser, text)) {
        free(yaml);
        return TALLY_E_NO_MEMORY;
    }
    const bool loaded = yaml_parser_load(&parser, &yaml->document) != 0;
    const bool no_memory = parser.error == YAML_MEMORY_ERROR;
    if (!loaded && !no_memory)
        config_fault(config, place_of(parser.problem_mark), "%s",
                     parser.problem != NULL ? parser.problem : "not YAML");
    yaml_parser_delete(&parser);
    if (!loaded) {
        free(yaml);
        return no_memory ? TALLY_E_NO_MEMORY : TALLY_OK;
    }
    check_sizes(config, &yaml->document, &scan.faults);
    if (scan.faults > 0) {
        config_yaml_free(yaml);
        return TALLY_OK;
    }
    *ret_yaml = yaml;
    return TALLY_OK;
}

void config_yaml_free(struct config_yaml *yaml)
{
    if (yaml == NULL) return;
    yaml_document_delete(&yaml->document);
    free(yaml);
}

struct config_yaml_node config_yaml_node(struct config_yaml *yaml, uint32_t id)
{
    const yaml_node_t *node = yaml_document_get_node(&yaml->document, (int)id);
    struct config_yaml_node result = {.id = id, .text = ""};

    ASSERT(node != NULL);
    result.place = place_of(node->start_mark);
    switch (node->type) {
    case YAML_SCALAR_NODE:
        result.kind = CONFIG_YAML_SCALAR;
        result.text = (const char *)node->data.scalar.value;
        result.size = node->data.scalar.length;
        result.quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return result;
    case YAML_SEQUENCE_NODE:
        result.kind = CONFIG_YAML_LIST;
        result.count =
            (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
        return result;
    case YAML_MAPPING_NODE:
        result.kind = CONFIG_YAML_MAP;
        result.count =
            (uint32_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
        return result;
    case YAML_NO_NODE:
        break;
    }
    UNREACHABLE("a YAML node of no kind");
}

struct config_yaml_node config_yaml_root(struct config_yaml *yaml)
{
    return config_yaml_node(yaml, 1); /* libyaml numbers nodes from 1 */
}

struct config_yaml_node config_yaml_item(struct config_yaml *yaml,
                                         const struct config_yaml_node *list, uint32_t index)
{
    const yaml_node_t *node = yaml_document_get_node(&yaml->document, (int)list->id);

    ASSERT(list->kind == CONFIG_YAML_LIST && index < list->count);
    return config_yaml_node(yaml, (uint32_t)node->data.sequence.items.start[index]);
}

void config_yaml_pair(struct config_yaml *yaml, const struct config_yaml_node *map,
                      uint32_t index, struct config_yaml_node *ret_key,
                      struct config_yaml_node *ret_value)
{
    const yaml_node_t *node = yaml_document_get_node(&yaml->document, (int)map->id);

    ASSERT(map->kind == CONFIG_YAML_MAP && index < map->count);
    *ret_key = config_yaml_node(yaml, (uint32_t)node->data.mapping.pairs.start[index].key);
    *ret_value = config_yaml_node(yaml, (uint32_t)node->data.mapping.pairs.start[index].value);
}
