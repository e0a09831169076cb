/* genesis_build - from the YAML of `tally genesis new` to an unsigned genesis file. */
#ifndef TALLY_GENESIS_BUILD_H
#define TALLY_GENESIS_BUILD_H

#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "config/config.h"

/* Read the file's meaning and the public keys that it names; every fault goes to `config` with
 * its place.
 *   stolen_keys  node keys that verifiers must tolerate
 * Errors: TALLY_E_MALFORMED (config_faults says what), TALLY_E_INVALID (the diag does),
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err genesis_build(struct config *config, uint32_t stolen_keys,
                                             uint64_t time_ms, struct arena *arena,
                                             struct bytes *ret_file, struct tally_diag *diag);

#endif
