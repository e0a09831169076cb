/* adapter - what an adapter directory says of itself: its configuration file, by content, its
 * safetensors headers, and the files that can run code when they are loaded.
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
#include "event/pickle.h"
#include "event/safetensors.h"

enum { ADAPTER_CONFIG_SIZE_MAX = 4 * 1024 * 1024, ADAPTER_SETTINGS_MAX = 32 };

/* Texts, ascending, each once. */
struct adapter_set {
    uint32_t count;
    const char *const *texts;
};

/* value * 10^exponent, exactly as the file has it. In one form: without a fraction the exponent
 * is 0 if the value fits then; else the value does not end with a 0. */
struct adapter_decimal {
    bool found;
    int64_t value;
    int32_t exponent;
};

enum adapter_choice { ADAPTER_UNSAID, ADAPTER_NO, ADAPTER_YES };

/* A member of the configuration that shapes the weights, as its text says. */
struct adapter_setting {
    const char *name, *text;
};

/* Texts live in the arena and are never NULL. The ConfigView of proto/event.proto has those
 * from `schema` to `target_pattern`. */
struct adapter_view {
    bool found;       /* there is a configuration */
    const char *file; /* its name */
    uint32_t configs; /* files at the top that look like one */

    const char *schema; /* peft, adapterhub, mlx-lm, unknown */
    struct tally_hash raw_digest;
    const char *method, *base_name, *base_revision;
    uint32_t rank; /* 0: none, or another kind of method */
    struct adapter_decimal alpha;
    struct adapter_set target_modules;
    const char *target_pattern; /* one regular expression instead of the set */

    const char *version, *task;
    struct adapter_decimal scale; /* mlx-lm gives this instead of alpha */
    struct adapter_set exclude_modules, modules_to_save, layers;
    const char *exclude_pattern;
    enum adapter_choice rslora, dora;
    uint32_t settings_count;
    struct adapter_setting settings[ADAPTER_SETTINGS_MAX];
};

struct adapter_pickle {
    const char *path; /* of the manifest */
    enum pickle_kind kind;
};

struct adapter_weights {
    const char *path; /* of the manifest */
    enum tally_err err;
    const char *fault;                   /* what is wrong with it, when `err` is not OK */
    const struct safetensors_view *view; /* when it is */
};

/* All that is understood of a directory. */
struct adapter {
    struct adapter_view config;
    uint32_t pickles_count, weights_count;
    const struct adapter_pickle *pickles; /* in the order of the manifest */
    const struct adapter_weights *weights;
};

/* What the files of `directory` say, whose manifest was read before; the result refers to the
 * manifest. Values that do not fit their field are left out, never cut; a safetensors file that
 * is broken is no error, but has one. Errors: TALLY_E_MALFORMED (adapter_config.json is no JSON
 * object), TALLY_E_MISMATCH (a file is not that of the manifest any more), TALLY_E_TOO_LARGE,
 * TALLY_E_NOT_FOUND, TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err adapter_read(const char *directory,
                                            const struct tally_manifest *manifest,
                                            struct arena *arena, struct adapter *ret_adapter,
                                            struct tally_diag *diag);

/* The view of no file. */
struct adapter_view adapter_nothing(void);
/* The view of one file's bytes (fuzzed): schema unknown if it is some other JSON object.
 * Errors: TALLY_E_MALFORMED (no JSON object). */
TALLY_NODISCARD enum tally_err adapter_parse(struct bytes json, struct arena *arena,
                                             struct adapter_view *ret_view,
                                             struct tally_diag *diag);

/* What kind of name a configuration gives its base; none of them names bytes. */
enum adapter_base { ADAPTER_BASE_NONE, ADAPTER_BASE_NAME, ADAPTER_BASE_PATH };
enum adapter_base adapter_base_kind(const char *name);
/* A subject base/<name> that one could register for it; false: no part of it can be a name. */
bool adapter_base_subject(const char *name, char *to, size_t to_size);
/* Is it plain that the two cannot be one model? Letters and digits are compared; a part of the
 * other, as "llama-3-8b" of "org/Llama-3-8B-4bit", does not differ. */
bool adapter_base_differs(const char *subject, const char *name);

#endif
