/* policy_cases_raw - the keys of policy_cases.h's files, as the table reader fills them. */
#ifndef CONFIG_POLICY_CASES_RAW_H
#define CONFIG_POLICY_CASES_RAW_H

#include "config/policy_cases.h"

struct raw_person {
    struct config_place place;
    struct config_text id, kind, unit, site;
    struct config_texts roles;
    struct config_number active;
};

struct raw_approval {
    struct config_place place;
    struct config_text by, meaning, age;
    struct config_number stale;
};

struct raw_result {
    struct config_place place;
    struct config_text kind, suite, verdict, age, by;
    struct config_number retracted, index;
};

struct raw_field {
    struct config_place place;
    struct config_text name, text;
    struct config_number number;
};

/* A case, or a template, which has `template` in place of `case`. */
struct raw_case {
    struct config_place place;
    struct config_text name, from, event, subject, environment, tier, kind, data_class, actor;
    struct config_text base, data, breakglass, requested, expect;
    struct config_texts unknown, requesters, authors, evaluators, deployers, owners, states,
        incidents, failed;
    struct config_maps approvals, more_approvals, results, more_results, fields;
};

struct raw_cases {
    struct config_place place;
    struct config_maps persons, templates, cases;
};

extern const char *const policy_cases_reviews[];  /* unreviewed, none */
extern const char *const policy_cases_verdicts[]; /* allowed, denied */

extern const struct config_table policy_cases_template_table; /* struct raw_case */
extern const struct config_table policy_cases_file_table;     /* struct raw_cases */
extern const struct config_table policy_cases_persons_table;  /* the same, `persons` only */

#endif
