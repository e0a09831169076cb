/* Any bytes as a configuration file, once as a node's and once as a genesis: either it is read
 * or it has faults, and a node's configuration that is printed reads the same again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "config/genesis_config.h"
#include "config/node_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_faults(struct config *config, enum tally_err err)
{
    const char *faults = config_faults(config);

    ASSERT(err == TALLY_OK || err == TALLY_E_MALFORMED);
    ASSERT((err == TALLY_OK) == (faults[0] == '\0'));
    ASSERT(err == TALLY_OK || strncmp(faults, "dir/fuzz.yaml:", 14) == 0);
}

static char *print(const struct node_config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    ASSERT(out != NULL);
    node_config_print(config, out);
    ASSERT(fclose(out) == 0);
    return text;
}

static void check_node(struct bytes text)
{
    struct config *config = NULL, *again = NULL;
    struct node_config node, node_again;

    if (config_open_text("dir/fuzz.yaml", text, &config, NULL) != TALLY_OK) return;
    const enum tally_err err = node_config_read(config, &node);
    check_faults(config, err);
    if (err == TALLY_OK) {
        char *printed = print(&node);

        /* Paths are already relative to the folder: read it as a file without one. */
        ASSERT(config_open_text("fuzz.yaml", bytes_of(printed, strlen(printed)), &again,
                                NULL) == TALLY_OK);
        if (node_config_read(again, &node_again) == TALLY_OK) {
            char *printed_again = print(&node_again);

            ASSERT(strcmp(printed, printed_again) == 0);
            free(printed_again);
        } else {
            /* Only the folder that was put before a path may have made it too long. */
            ASSERT(strstr(config_faults(again), "characters") != NULL);
        }
        free(printed);
    }
    config_close(again);
    config_close(config);
}

static void check_genesis(struct bytes text)
{
    struct config *config = NULL;
    struct genesis_config genesis;

    if (config_open_text("dir/fuzz.yaml", text, &config, NULL) != TALLY_OK) return;
    const enum tally_err err = genesis_config_read(config, &genesis);
    check_faults(config, err);
    if (err == TALLY_OK)
        ASSERT(genesis.name.text != NULL && genesis.members.count > 0 &&
               genesis.root.keys.count > 0 && genesis.principals.count > 0);
    config_close(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_node(bytes_of(data, size));
    check_genesis(bytes_of(data, size));
    return 0;
}
