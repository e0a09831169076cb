#include "config/policy_cases_raw.h"

#include <stddef.h>

#include "config/policy_yaml.h"

enum { CASE_NAME_SIZE = 200, FAILED_MAX = 64 };

static const struct config_field person_fields[] = {
    POLICY_YAML_TEXT("id", struct raw_person, id, true),
    POLICY_YAML_WORD("kind", struct raw_person, kind, ACTOR, false),
    POLICY_YAML_TEXT("unit", struct raw_person, unit, false),
    POLICY_YAML_TEXT("site", struct raw_person, site, false),
    POLICY_YAML_TEXTS("roles", struct raw_person, roles, POLICY_NAMES_MAX, false),
    POLICY_YAML_BOOL("active", struct raw_person, active),
};
static const struct config_table person_table =
    POLICY_YAML_TABLE(person_fields, struct raw_person);

static const struct config_field approval_fields[] = {
    POLICY_YAML_TEXT("by", struct raw_approval, by, true),
    POLICY_YAML_WORD("meaning", struct raw_approval, meaning, MEANING, false),
    POLICY_YAML_TEXT("age", struct raw_approval, age, false),
    POLICY_YAML_BOOL("stale", struct raw_approval, stale),
};
static const struct config_table approval_table =
    POLICY_YAML_TABLE(approval_fields, struct raw_approval);

static const struct config_field result_fields[] = {
    POLICY_YAML_WORD("kind", struct raw_result, kind, EVIDENCE, true),
    POLICY_YAML_TEXT("suite", struct raw_result, suite, false),
    POLICY_YAML_WORD("verdict", struct raw_result, verdict, VERDICT, false),
    POLICY_YAML_TEXT("age", struct raw_result, age, false),
    POLICY_YAML_TEXT("by", struct raw_result, by, false),
    POLICY_YAML_BOOL("retracted", struct raw_result, retracted),
    POLICY_YAML_NUMBER("index", struct raw_result, index, 0, UINT32_MAX, false),
};
static const struct config_table result_table =
    POLICY_YAML_TABLE(result_fields, struct raw_result);

static const struct config_field field_fields[] = {
    POLICY_YAML_TEXT("name", struct raw_field, name, true),
    POLICY_YAML_TEXT("text", struct raw_field, text, false),
    POLICY_YAML_NUMBER("number", struct raw_field, number, 0, UINT32_MAX, false),
};
static const struct config_table field_table =
    POLICY_YAML_TABLE(field_fields, struct raw_field);

const char *const policy_cases_reviews[] = {"unreviewed", "none", NULL};
const char *const policy_cases_verdicts[] = {"allowed", "denied", NULL};

#define CASE_NAME(word)                                                                        \
    {                                                                                          \
        .key = (word), .type = CONFIG_TEXT, .required = true, .min = 1, .max = CASE_NAME_SIZE, \
        .offset = offsetof(struct raw_case, name)                                              \
    }
#define CASE_CHOICE(word, member, list)                                                        \
    {                                                                                          \
        .key = (word), .type = CONFIG_CHOICE, .choices = (list),                               \
        .offset = offsetof(struct raw_case, member)                                            \
    }
#define CASE_PERSONS(word, member)                                                             \
    POLICY_YAML_TEXTS(word, struct raw_case, member, POLICY_PERSONS_MAX, false)
#define VIEW_FIELDS                                                                            \
    POLICY_YAML_TEXT("from", struct raw_case, from, false),                                    \
        POLICY_YAML_TEXT("event", struct raw_case, event, false),                              \
        {.key = "subject",                                                                     \
         .type = CONFIG_TEXT,                                                                  \
         .min = 1,                                                                             \
         .max = LIMIT_SUBJECT_SIZE,                                                            \
         .offset = offsetof(struct raw_case, subject)},                                        \
        POLICY_YAML_TEXT("environment", struct raw_case, environment, false),                  \
        POLICY_YAML_WORD("tier", struct raw_case, tier, TIER, false),                          \
        POLICY_YAML_WORD("kind", struct raw_case, kind, KIND, false),                          \
        POLICY_YAML_WORD("data_class", struct raw_case, data_class, CLASS, false),             \
        POLICY_YAML_TEXTS("unknown", struct raw_case, unknown, 5, false),                      \
        POLICY_YAML_TEXT("actor", struct raw_case, actor, false),                              \
        CASE_PERSONS("requester", requesters), CASE_PERSONS("author", authors),                \
        CASE_PERSONS("evaluator", evaluators), CASE_PERSONS("deployer", deployers),            \
        CASE_PERSONS("owner", owners),                                                         \
        POLICY_YAML_MAPS("approvals", struct raw_case, approvals, approval_table,              \
                         POLICY_GIVEN_MAX / 2, false),                                         \
        POLICY_YAML_MAPS("more_approvals", struct raw_case, more_approvals, approval_table,    \
                         POLICY_GIVEN_MAX / 2, false),                                         \
        POLICY_YAML_MAPS("evidence", struct raw_case, results, result_table,                   \
                         POLICY_RESULTS_MAX / 2, false),                                       \
        POLICY_YAML_MAPS("more_evidence", struct raw_case, more_results, result_table,         \
                         POLICY_RESULTS_MAX / 2, false),                                       \
        POLICY_YAML_MAPS("fields", struct raw_case, fields, field_table, POLICY_FIELDS_MAX,    \
                         false),                                                               \
        POLICY_YAML_WORD("base", struct raw_case, base, INPUT, false),                         \
        POLICY_YAML_WORD("data", struct raw_case, data, INPUT, false),                         \
        POLICY_YAML_TEXTS("states", struct raw_case, states, POLICY_WORDS_MAX, false),         \
        POLICY_YAML_TEXTS("incidents", struct raw_case, incidents, POLICY_WORDS_MAX, false),   \
        CASE_CHOICE("breakglass", breakglass, policy_cases_reviews),                           \
        POLICY_YAML_TEXT("requested", struct raw_case, requested, false)

static const struct config_field case_fields[] = {
    CASE_NAME("case"), VIEW_FIELDS, CASE_CHOICE("expect", expect, policy_cases_verdicts),
    POLICY_YAML_TEXTS("failed", struct raw_case, failed, FAILED_MAX, false)};
static const struct config_table case_table = POLICY_YAML_TABLE(case_fields, struct raw_case);
static const struct config_field template_fields[] = {CASE_NAME("template"), VIEW_FIELDS};
const struct config_table policy_cases_template_table =
    POLICY_YAML_TABLE(template_fields, struct raw_case);

static const struct config_field cases_fields[] = {
    POLICY_YAML_MAPS("persons", struct raw_cases, persons, person_table, POLICY_PERSONS_MAX,
                     true),
    POLICY_YAML_MAPS("templates", struct raw_cases, templates, policy_cases_template_table,
                     POLICY_CASES_MAX, false),
    POLICY_YAML_MAPS("cases", struct raw_cases, cases, case_table, POLICY_CASES_MAX, true),
};
const struct config_table policy_cases_file_table =
    POLICY_YAML_TABLE(cases_fields, struct raw_cases);
const struct config_table policy_cases_persons_table = {cases_fields, 1,
                                                        sizeof(struct raw_cases)};
