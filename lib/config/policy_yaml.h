/* policy_yaml - what the readers of policies and of their cases share: words, names, spans of
 * time, and the raw form of clauses. What is at fault becomes a fault of the config, and zero.
 */
#ifndef CONFIG_POLICY_YAML_H
#define CONFIG_POLICY_YAML_H

#include "base/arena.h"
#include "config/config.h"
#include "policy/policy.h"

/* Fields of tables. */
#define POLICY_YAML_TEXT(name, structure, member, needed)                                      \
    {                                                                                          \
        .key = (name), .type = CONFIG_TEXT, .required = (needed), .min = 1,                    \
        .max = LIMIT_NAME_SIZE, .offset = offsetof(structure, member)                          \
    }
#define POLICY_YAML_WORD(name, structure, member, kind, needed)                                \
    {                                                                                          \
        .key = (name), .type = CONFIG_CHOICE, .required = (needed),                            \
        .choices = policy_words[POLICY_WORD_##kind], .offset = offsetof(structure, member)     \
    }
#define POLICY_YAML_TEXTS(name, structure, member, most, needed)                               \
    {                                                                                          \
        .key = (name), .type = CONFIG_TEXTS, .required = (needed), .min = 0, .max = (most),    \
        .offset = offsetof(structure, member)                                                  \
    }
#define POLICY_YAML_BOOL(name, structure, member)                                              \
    {                                                                                          \
        .key = (name), .type = CONFIG_BOOL, .offset = offsetof(structure, member)              \
    }
#define POLICY_YAML_NUMBER(name, structure, member, least, most, needed)                       \
    {                                                                                          \
        .key = (name), .type = CONFIG_NUMBER, .required = (needed), .min = (least),            \
        .max = (most), .offset = offsetof(structure, member)                                   \
    }
#define POLICY_YAML_MAP(name, structure, member, rows)                                         \
    {                                                                                          \
        .key = (name), .type = CONFIG_MAP, .table = &(rows),                                   \
        .offset = offsetof(structure, member)                                                  \
    }
#define POLICY_YAML_MAPS(name, structure, member, rows, most, needed)                          \
    {                                                                                          \
        .key = (name), .type = CONFIG_MAPS, .table = &(rows), .required = (needed), .min = 0,  \
        .max = (most), .offset = offsetof(structure, member)                                   \
    }
#define POLICY_YAML_TABLE(fields, structure)                                                   \
    {                                                                                          \
        (fields), sizeof(fields) / sizeof(fields)[0], sizeof(structure)                        \
    }

/* A declared list of names: roles, environments. */
struct policy_yaml_names {
    const char *what; /* "role" */
    uint32_t count;
    const char *const *names; /* ascending */
};

/* Is it there and not at fault? */
bool policy_yaml_given(const struct config_text *text);
/* The number of a word that a CONFIG_CHOICE has checked; `absent` when it is not there. */
uint32_t policy_yaml_word(enum policy_word kind, const struct config_text *text,
                          uint32_t absent);
/* Bits of a list of words. */
uint32_t policy_yaml_words(struct config *config, enum policy_word kind,
                           const struct config_texts *texts);
/* Bits of a list of declared names. */
uint64_t policy_yaml_bits(struct config *config, const struct policy_yaml_names *names,
                          const struct config_texts *texts);
/* Milliseconds; 0 when it is not there. */
uint64_t policy_yaml_span(struct config *config, const struct config_text *text);
/* Texts copied to the arena, ascending and unique. NULL without memory. */
const char *const *policy_yaml_sorted(struct config *config, const struct config_texts *texts,
                                      bool (*valid)(const char *text), const char *remedy,
                                      struct arena *arena);
/* A number of POLICY_EVENT_TABLE; POLICY_EVENTS_COUNT after a fault. */
uint32_t policy_yaml_event(struct config *config, const struct config_text *text);
/* The word of a NULL-terminated or counted list that is most like `text`, or NULL when none is
 * near. */
const char *policy_yaml_like(const char *text, const char *const *words, uint32_t count);

extern const struct config_table policy_yaml_clause_table;
enum { POLICY_YAML_CLAUSE_SIZE = 768 }; /* of one raw clause, at most */

/* Turn the raw clause number `index` of a rule's list into one of the policy.
 * Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err
policy_yaml_clause(struct config *config, const struct config_maps *clauses, uint32_t index,
                   const struct policy_yaml_names *roles, struct arena *arena,
                   struct policy_clause *ret_clause, struct config_place *ret_place);

#endif
