/* adapter_text - what is understood of an adapter directory, for people and as JSON. */
#ifndef TALLY_ADAPTER_TEXT_H
#define TALLY_ADAPTER_TEXT_H

#include <tally/manifest.h>

#include "cli.h"
#include "event/adapter.h"

struct json_t;

/* The config of version.registered: of the view what the event has a field for. A set of more
 * than `modules_max` is left out. NULL without memory. */
struct json_t *adapter_json_config(const struct adapter_view *view, uint32_t modules_max);
/* All that is understood. NULL without memory. */
struct json_t *adapter_json(const struct tally_manifest *manifest,
                            const struct adapter *adapter);
/* The same as lines on standard output. */
void adapter_print(struct cli *cli, const struct tally_manifest *manifest,
                   const struct adapter *adapter);
/* A line for people about each file that can run code, is broken or unusual, and about a
 * configuration that does not say what its reader needs. */
void adapter_warn(struct cli *cli, const struct adapter *adapter);
/* The first broken safetensors file; NULL: there is none. */
const struct adapter_weights *adapter_broken(const struct adapter *adapter);

#endif
