/* adapter - what an adapter directory says of itself: its configuration file, by content.
 *
 * Thread-safe: no shared state. */
#ifndef EVENT_ADAPTER_H
#define EVENT_ADAPTER_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/manifest.h>
#include <tally/verify.h>

#include "base/arena.h"

/* The ConfigView of proto/event.proto; texts live in the arena and are never NULL. */
struct adapter_view {
    bool found;         /* there is an adapter_config.json */
    const char *schema; /* peft, adapterhub, mlx-lm, unknown */
    struct tally_hash raw_digest;
    const char *method, *base_name, *base_revision, *target_pattern;
    uint32_t rank;
    bool has_alpha;
    int64_t alpha_value; /* alpha = alpha_value * 10^alpha_exponent */
    int32_t alpha_exponent;
    uint32_t target_modules_count;
    const char *const *target_modules; /* ascending, each once */
    bool pickle;                       /* some file's name says that loading it can run code */
};

/* What the files of `directory` say, whose manifest was read before. Values that do not fit
 * their field are left out, never cut. Errors: TALLY_E_MALFORMED (the configuration is no JSON
 * object), TALLY_E_MISMATCH (it is not the file of the manifest any more), TALLY_E_TOO_LARGE,
 * TALLY_E_NOT_FOUND, TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err adapter_read(const char *directory,
                                            const struct tally_manifest *manifest,
                                            struct arena *arena, struct adapter_view *ret_view,
                                            struct tally_diag *diag);
/* The view of one file's bytes (fuzzed). */
TALLY_NODISCARD enum tally_err adapter_parse(struct bytes json, struct arena *arena,
                                             struct adapter_view *ret_view,
                                             struct tally_diag *diag);

#endif
