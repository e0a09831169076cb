/* config_yaml - one YAML document as nodes with places; the only user of libyaml.
 *
 * A node's text belongs to the document. A document belongs to one thread at a time. */
#ifndef CONFIG_CONFIG_YAML_H
#define CONFIG_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "config/config.h"

struct config_yaml;

enum config_yaml_kind { CONFIG_YAML_SCALAR, CONFIG_YAML_LIST, CONFIG_YAML_MAP };

struct config_yaml_node {
    enum config_yaml_kind kind;
    uint32_t id;
    struct config_place place;
    uint32_t count;   /* items of a list, pairs of a map */
    const char *text; /* scalar: `size` bytes and a NUL; "" otherwise */
    size_t size;
    bool quoted; /* or a block scalar: never a number, a flag or nothing */
};

/* Load a text that must be exactly one document without aliases, anchors and tags. What is
 * wrong with it becomes a fault of `config`, and *ret_yaml NULL. Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err config_yaml_load(struct config *config, struct bytes text,
                                                struct config_yaml **ret_yaml);
void config_yaml_free(struct config_yaml *yaml); /* NULL is accepted */

struct config_yaml_node config_yaml_root(struct config_yaml *yaml);
/* `id` is one that a node had. */
struct config_yaml_node config_yaml_node(struct config_yaml *yaml, uint32_t id);
/* index < list->count */
struct config_yaml_node config_yaml_item(struct config_yaml *yaml,
                                         const struct config_yaml_node *list, uint32_t index);
/* index < map->count */
void config_yaml_pair(struct config_yaml *yaml, const struct config_yaml_node *map,
                      uint32_t index, struct config_yaml_node *ret_key,
                      struct config_yaml_node *ret_value);

#endif
