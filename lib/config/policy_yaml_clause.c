/* One clause of a rule: its table, and what its words mean. */
#include <stddef.h>
#include <string.h>

#include "config/policy_yaml.h"
#include "event/event_types.h"

static const char *const inputs[] = {"if_any", "needed", NULL};
static const char *const reviews[] = {"unreviewed", NULL};

struct raw_approvals {
    struct config_place place;
    struct config_texts role, exclude, meaning;
    struct config_number count, human_only;
    struct config_text distinct, max_age;
};
static const struct config_field approvals_fields[] = {
    POLICY_YAML_TEXTS("role", struct raw_approvals, role, POLICY_NAMES_MAX, true),
    POLICY_YAML_NUMBER("count", struct raw_approvals, count, 1, POLICY_COUNT_MAX, true),
    POLICY_YAML_WORD("distinct", struct raw_approvals, distinct, DISTINCT, false),
    POLICY_YAML_TEXTS("exclude", struct raw_approvals, exclude, POLICY_WORDS_MAX, false),
    POLICY_YAML_TEXTS("meaning", struct raw_approvals, meaning, POLICY_WORDS_MAX, false),
    POLICY_YAML_TEXT("max_age", struct raw_approvals, max_age, false),
    POLICY_YAML_BOOL("human_only", struct raw_approvals, human_only),
};
static const struct config_table approvals_table =
    POLICY_YAML_TABLE(approvals_fields, struct raw_approvals);

struct raw_evidence {
    struct config_place place;
    struct config_text kind, suite, at_least, max_age;
    struct config_number count, exclude_author;
    struct config_texts by;
};
static const struct config_field evidence_fields[] = {
    POLICY_YAML_WORD("kind", struct raw_evidence, kind, EVIDENCE, true),
    POLICY_YAML_TEXT("suite", struct raw_evidence, suite, false),
    POLICY_YAML_WORD("at_least", struct raw_evidence, at_least, VERDICT, false),
    POLICY_YAML_NUMBER("count", struct raw_evidence, count, 1, POLICY_COUNT_MAX, false),
    POLICY_YAML_TEXT("max_age", struct raw_evidence, max_age, false),
    POLICY_YAML_TEXTS("by", struct raw_evidence, by, POLICY_NAMES_MAX, false),
    POLICY_YAML_BOOL("exclude_author", struct raw_evidence, exclude_author),
};
static const struct config_table evidence_table =
    POLICY_YAML_TABLE(evidence_fields, struct raw_evidence);

struct raw_field {
    struct config_place place;
    struct config_text name;
    struct config_number is, is_not, at_least, at_most;
    struct config_texts one_of, none_of;
};
static const struct config_field field_fields[] = {
    POLICY_YAML_TEXT("name", struct raw_field, name, true),
    POLICY_YAML_NUMBER("is", struct raw_field, is, 0, UINT32_MAX, false),
    POLICY_YAML_NUMBER("is_not", struct raw_field, is_not, 0, UINT32_MAX, false),
    POLICY_YAML_NUMBER("at_least", struct raw_field, at_least, 0, UINT32_MAX, false),
    POLICY_YAML_NUMBER("at_most", struct raw_field, at_most, 0, UINT32_MAX, false),
    POLICY_YAML_TEXTS("one_of", struct raw_field, one_of, POLICY_TEXTS_MAX, false),
    POLICY_YAML_TEXTS("none_of", struct raw_field, none_of, POLICY_TEXTS_MAX, false),
};
static const struct config_table field_table =
    POLICY_YAML_TABLE(field_fields, struct raw_field);

struct raw_open {
    struct config_place place;
    struct config_text incident, breakglass;
};
static const struct config_field open_fields[] = {
    POLICY_YAML_WORD("incident", struct raw_open, incident, SEVERITY, false),
    {.key = "breakglass",
     .type = CONFIG_CHOICE,
     .choices = reviews,
     .offset = offsetof(struct raw_open, breakglass)},
};
static const struct config_table open_table = POLICY_YAML_TABLE(open_fields, struct raw_open);

struct raw_clause {
    struct config_place place;
    struct config_texts actor_role, state, not_state;
    struct raw_approvals approvals;
    struct raw_evidence evidence;
    struct config_text base_ok, data_ok, delay;
    struct raw_field field;
    struct raw_open open, not_open;
};
_Static_assert(sizeof(struct raw_clause) <= POLICY_YAML_CLAUSE_SIZE, "as the header says");
static const struct config_field clause_fields[] = {
    POLICY_YAML_TEXTS("actor_role", struct raw_clause, actor_role, POLICY_NAMES_MAX, false),
    POLICY_YAML_MAP("approvals", struct raw_clause, approvals, approvals_table),
    POLICY_YAML_MAP("evidence", struct raw_clause, evidence, evidence_table),
    {.key = "base_ok",
     .type = CONFIG_CHOICE,
     .choices = inputs,
     .offset = offsetof(struct raw_clause, base_ok)},
    {.key = "data_ok",
     .type = CONFIG_CHOICE,
     .choices = inputs,
     .offset = offsetof(struct raw_clause, data_ok)},
    POLICY_YAML_MAP("field", struct raw_clause, field, field_table),
    POLICY_YAML_TEXT("delay", struct raw_clause, delay, false),
    POLICY_YAML_TEXTS("state", struct raw_clause, state, POLICY_WORDS_MAX, false),
    POLICY_YAML_TEXTS("not_state", struct raw_clause, not_state, POLICY_WORDS_MAX, false),
    POLICY_YAML_MAP("open", struct raw_clause, open, open_table),
    POLICY_YAML_MAP("not_open", struct raw_clause, not_open, open_table),
};
const struct config_table policy_yaml_clause_table =
    POLICY_YAML_TABLE(clause_fields, struct raw_clause);

/* ---- meaning ------------------------------------------------------------------------- */

static void put_approvals(struct config *config, const struct raw_approvals *raw,
                          const struct policy_yaml_names *roles, struct policy_approvals *to)
{
    *to = (struct policy_approvals){
        .roles = policy_yaml_bits(config, roles, &raw->role),
        .count = (uint32_t)raw->count.value,
        .distinct = (enum policy_distinct)policy_yaml_word(POLICY_WORD_DISTINCT, &raw->distinct,
                                                           POLICY_DISTINCT_PERSON),
        .exclude = policy_yaml_words(config, POLICY_WORD_EXCLUDE, &raw->exclude),
        .human_only = raw->human_only.place.line == 0 || raw->human_only.value != 0,
        .max_age_ms = policy_yaml_span(config, &raw->max_age),
        .meanings = raw->meaning.place.line == 0
                        ? UINT32_C(1) << POLICY_MEANING_APPROVE
                        : policy_yaml_words(config, POLICY_WORD_MEANING, &raw->meaning)};
    if (policy_yaml_given(&raw->max_age) && to->max_age_ms == 0)
        config_fault(config, raw->max_age.place, "an age of nothing; leave it out to mean any");
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_evidence(struct config *config, const struct raw_evidence *raw,
                                   const struct policy_yaml_names *roles, struct arena *arena,
                                   struct policy_evidence_need *to)
{
    const char *suite = raw->suite.text != NULL ? raw->suite.text : "";
    const struct bytes copy = arena_copy(arena, bytes_of(suite, strlen(suite)));

    if (copy.data == NULL) return TALLY_E_NO_MEMORY;
    *to = (struct policy_evidence_need){
        .kind =
            (enum policy_evidence_kind)policy_yaml_word(POLICY_WORD_EVIDENCE, &raw->kind, 0),
        .suite = (const char *)copy.data,
        .at_least = (enum policy_verdict)policy_yaml_word(POLICY_WORD_VERDICT, &raw->at_least,
                                                          POLICY_VERDICT_PASSED),
        .count = raw->count.place.line == 0 ? 1 : (uint32_t)raw->count.value,
        .max_age_ms = policy_yaml_span(config, &raw->max_age),
        .by_roles = policy_yaml_bits(config, roles, &raw->by),
        .exclude_author = raw->exclude_author.value != 0};
    if (suite[0] != '\0' && !event_segment_valid(suite))
        config_fault(config, raw->suite.place, "'%.60s': use a-z 0-9 . _ -", suite);
    if (suite[0] != '\0' && to->count > 1)
        config_fault(config, raw->count.place,
                     "one suite cannot count %u times; leave out 'suite' or 'count'",
                     to->count);
    if (policy_yaml_given(&raw->max_age) && to->max_age_ms == 0)
        config_fault(config, raw->max_age.place, "an age of nothing; leave it out to mean any");
    return TALLY_OK;
}

static bool field_text_valid(const char *text)
{
    return strlen(text) <= LIMIT_NAME_SIZE;
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_field(struct config *config, const struct raw_field *raw,
                                struct arena *arena, struct policy_field_need *to)
{
    const struct config_number *const numbers[] = {&raw->is, &raw->is_not, &raw->at_least,
                                                   &raw->at_most};
    const struct config_texts *const texts[] = {&raw->one_of, &raw->none_of};
    const char *name = raw->name.text != NULL ? raw->name.text : "";
    const struct bytes copy = arena_copy(arena, bytes_of(name, strlen(name)));
    uint32_t found = 0;

    if (copy.data == NULL) return TALLY_E_NO_MEMORY;
    *to = (struct policy_field_need){.name = (const char *)copy.data};
    if (name[0] != '\0' && !event_segment_valid(name))
        config_fault(config, raw->name.place, "'%.60s': use a-z 0-9 . _ -", name);
    for (uint32_t i = 0; i < 4; i++) {
        if (numbers[i]->place.line == 0) continue;
        found++;
        to->op = (enum policy_op)(POLICY_OP_IS + i);
        to->number = numbers[i]->value;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (texts[i]->place.line == 0) continue;
        found++;
        to->op = (enum policy_op)(POLICY_OP_ONE_OF + i);
        if (texts[i]->count == 0) config_fault(config, texts[i]->place, "an empty list");
        to->texts_count = texts[i]->count;
        to->texts = policy_yaml_sorted(config, texts[i], field_text_valid,
                                       "64 characters at most", arena);
        if (to->texts == NULL) return TALLY_E_NO_MEMORY;
    }
    if (found != 1)
        config_fault(config, raw->place,
                     "a field needs exactly one of is, is_not, at_least, at_most (a number), "
                     "one_of, none_of (texts)");
    return TALLY_OK;
}

static void put_open(struct config *config, const struct raw_open *raw, bool negated,
                     struct policy_clause *to)
{
    if (policy_yaml_given(&raw->incident) == policy_yaml_given(&raw->breakglass))
        config_fault(config, raw->place,
                     "needs exactly one of incident: <severity> and breakglass: unreviewed");
    to->open.severity = policy_yaml_word(POLICY_WORD_SEVERITY, &raw->incident, 0);
    to->open.negated = negated;
}

/* Which clause is it? More or less than one is a fault. */
static enum policy_clause_type type_of(struct config *config, const struct raw_clause *raw)
{
    const struct {
        struct config_place place;
        enum policy_clause_type type;
    } kinds[] = {
        {raw->actor_role.place, POLICY_CLAUSE_ACTOR_ROLE},
        {raw->approvals.place, POLICY_CLAUSE_APPROVALS},
        {raw->evidence.place, POLICY_CLAUSE_EVIDENCE},
        {raw->base_ok.place, POLICY_CLAUSE_BASE_OK},
        {raw->data_ok.place, POLICY_CLAUSE_DATA_OK},
        {raw->field.place, POLICY_CLAUSE_FIELD},
        {raw->delay.place, POLICY_CLAUSE_DELAY},
        {raw->state.place, POLICY_CLAUSE_STATE},
        {raw->not_state.place, POLICY_CLAUSE_STATE},
        {raw->open.place, POLICY_CLAUSE_OPEN},
        {raw->not_open.place, POLICY_CLAUSE_OPEN},
    };
    enum policy_clause_type type = 0;
    struct config_place first = {0, 0};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct config_place place = kinds[i].place;
        const bool later = place.line > first.line ||
                           (place.line == first.line && place.column > first.column);

        if (place.line == 0) continue;
        if (type != 0)
            config_fault(config, later ? place : first,
                         "a second clause in one entry; begin a new one with '-'");
        if (type == 0 || !later) first = place;
        type = kinds[i].type;
    }
    if (type == 0 && raw->place.line != 0)
        config_fault(config, raw->place, "a clause that says nothing");
    return type;
}

enum tally_err policy_yaml_clause(struct config *config, const struct config_maps *clauses,
                                  uint32_t index, const struct policy_yaml_names *roles,
                                  struct arena *arena, struct policy_clause *ret_clause,
                                  struct config_place *ret_place)
{
    const struct raw_clause *raw = (const struct raw_clause *)clauses->items + index;

    *ret_clause = (struct policy_clause){.type = type_of(config, raw)};
    *ret_place = raw->place;
    switch (ret_clause->type) {
    case POLICY_CLAUSE_ACTOR_ROLE:
        ret_clause->actor_roles = policy_yaml_bits(config, roles, &raw->actor_role);
        return TALLY_OK;
    case POLICY_CLAUSE_APPROVALS:
        put_approvals(config, &raw->approvals, roles, &ret_clause->approvals);
        return TALLY_OK;
    case POLICY_CLAUSE_EVIDENCE:
        return put_evidence(config, &raw->evidence, roles, arena, &ret_clause->evidence);
    case POLICY_CLAUSE_BASE_OK:
        ret_clause->input_needed =
            policy_yaml_given(&raw->base_ok) && strcmp(raw->base_ok.text, inputs[1]) == 0;
        return TALLY_OK;
    case POLICY_CLAUSE_DATA_OK:
        ret_clause->input_needed =
            policy_yaml_given(&raw->data_ok) && strcmp(raw->data_ok.text, inputs[1]) == 0;
        return TALLY_OK;
    case POLICY_CLAUSE_FIELD:
        return put_field(config, &raw->field, arena, &ret_clause->field);
    case POLICY_CLAUSE_DELAY:
        ret_clause->delay_ms = policy_yaml_span(config, &raw->delay);
        return TALLY_OK;
    case POLICY_CLAUSE_STATE:
        ret_clause->state.negated = raw->not_state.place.line != 0;
        ret_clause->state.states =
            policy_yaml_words(config, POLICY_WORD_STATE,
                              ret_clause->state.negated ? &raw->not_state : &raw->state);
        return TALLY_OK;
    case POLICY_CLAUSE_OPEN:
        put_open(config, raw->not_open.place.line != 0 ? &raw->not_open : &raw->open,
                 raw->not_open.place.line != 0, ret_clause);
        return TALLY_OK;
    }
    return TALLY_OK;
}
