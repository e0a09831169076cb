/* adapter_root - the manifest root of a directory, with progress for people who wait. */
#ifndef TALLY_ADAPTER_ROOT_H
#define TALLY_ADAPTER_ROOT_H

#include <tally/err.h>
#include <tally/manifest.h>

#include "cli.h"

/* Read it, with progress on standard error if that is a terminal and the command was not asked
 * for JSON (it has the option). Errors: as
 * tally_manifest_read, said through cli_fail. */
TALLY_NODISCARD enum tally_err adapter_root(struct cli *cli, const char *directory,
                                            struct tally_manifest *ret_manifest);

#endif
