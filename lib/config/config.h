/* config - YAML files read by tables, all faults of a file at once.
 *
 * What it is    A table says which keys a mapping may have, of which type, and where in a C
 *               struct the value goes. Reading collects every fault with its line and column:
 *               unknown, duplicate and missing keys, wrong types, values outside their range;
 *               aliases, tags, a second document and an empty file are refused.
 * Use           config_open, config_read, own checks with config_fault, config_result; print
 *               config_faults when that is not OK.
 * Ownership     What is read lives in the config until config_close.
 * Threads       A config belongs to one thread at a time. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/bytes.h"

struct config;

/* A place in the file, both from 1; line 0: absent. */
struct config_place {
    uint32_t line, column;
};

/* Where values go. All of them are zero when the key is absent. */
struct config_text {
    struct config_place place;
    const char *text; /* UTF-8 without NUL */
};
struct config_number {
    struct config_place place;
    uint64_t value;
};
struct config_texts {
    struct config_place place;
    uint32_t count;
    const struct config_text *items;
};
struct config_maps {
    struct config_place place;
    uint32_t count;
    const void *items; /* `count` structs of the field's table */
};

enum config_type {
    CONFIG_TEXT,   /* struct config_text: a scalar; `min`..`max` bytes */
    CONFIG_PATH,   /* the same; a relative path is relative to the file's folder */
    CONFIG_CHOICE, /* struct config_text: one of `choices` */
    CONFIG_NUMBER, /* struct config_number: decimal digits; `min`..`max`; UINT32_MAX: any */
    CONFIG_BOOL,   /* struct config_number: true (1) or false (0) */
    CONFIG_TEXTS,  /* struct config_texts: a list of `min`..`max` CONFIG_TEXT (1..1024 bytes) */
    CONFIG_PATHS,  /* the same of CONFIG_PATH */
    CONFIG_MAP,    /* a struct that begins with a struct config_place, by `table` */
    CONFIG_MAPS,   /* struct config_maps: a list of `min`..`max` of them */
};

struct config_table;

struct config_field {
    const char *key;
    enum config_type type;
    bool required;
    uint32_t min, max;
    size_t offset;                    /* in the table's struct */
    const char *const *choices;       /* CONFIG_CHOICE: NULL-terminated */
    const struct config_table *table; /* CONFIG_MAP, CONFIG_MAPS */
};

/* Tables may nest but not name themselves. */
struct config_table {
    const struct config_field *fields;
    size_t count;
    size_t size; /* of its struct, which begins with a struct config_place */
};

/* Read a file. Faults of the YAML itself are faults of the config, not errors here.
 * Errors: TALLY_E_NOT_FOUND, TALLY_E_IO, TALLY_E_TOO_LARGE (LIMIT_CONFIG_FILE_SIZE),
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err config_open(const char *path, struct config **ret_config,
                                           struct tally_diag *diag);
/* The same of a text in memory, called `path` in faults. */
TALLY_NODISCARD enum tally_err config_open_text(const char *path, struct bytes text,
                                                struct config **ret_config,
                                                struct tally_diag *diag);
void config_close(struct config *config); /* NULL is accepted */

/* Fill the struct of `table` at `to`, which is zeroed first. What is at fault stays zero.
 * Errors: TALLY_E_MALFORMED (the config has faults), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err config_read(struct config *config,
                                           const struct config_table *table, void *to);
/* Add a fault that a table cannot express; the same one again is dropped. */
void config_fault(struct config *config, struct config_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* TALLY_OK, or TALLY_E_MALFORMED when there is a fault. */
TALLY_NODISCARD enum tally_err config_result(const struct config *config);
/* One line `path:line:column: text` for each fault, by place; "" when there is none. Lives
 * until the next call for this config. */
const char *config_faults(struct config *config);

#endif
