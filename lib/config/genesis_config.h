/* genesis_config - the file that `tally genesis new` reads.
 *
 *   name: acme                              of the ledger
 *   members:
 *     - {name: n1, site: berlin, key: n1.key.pub}
 *   root:
 *     threshold: 1
 *     keys: [root.pub]
 *   principals:
 *     - {id: author, kind: human, keys: [author.pub], roles: [author]}
 *
 * Key files are the .pub files of `tallyd keygen` (members) and `tally keygen` (the others);
 * relative paths are relative to the file's folder. What the names mean is checked by whoever
 * makes the genesis, with config_fault. */
#ifndef CONFIG_GENESIS_CONFIG_H
#define CONFIG_GENESIS_CONFIG_H

#include <stdint.h>
#include <tally/err.h>

#include "config/config.h"

struct genesis_config_member {
    struct config_place place;
    struct config_text name, site, key;
};

struct genesis_config_principal {
    struct config_place place;
    struct config_text id, kind; /* kind: human, service or robot */
    struct config_texts keys, roles;
};

struct genesis_config_root {
    struct config_place place;
    struct config_number threshold;
    struct config_texts keys;
};

/* What the file says; lives in the config that was read. */
struct genesis_config {
    struct config_place place;
    struct config_text name;
    struct config_maps members; /* struct genesis_config_member */
    struct genesis_config_root root;
    struct config_maps principals; /* struct genesis_config_principal */
};

enum { GENESIS_CONFIG_PRINCIPALS_MAX = 64 };

/* Read and check for doubles. With TALLY_E_MALFORMED *ret_config holds what could be read, so
 * that further faults can be looked for; absent texts are NULL.
 * Errors: TALLY_E_MALFORMED (config_faults says what), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err genesis_config_read(struct config *config,
                                                   struct genesis_config *ret_config);

#endif
