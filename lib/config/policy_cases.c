#include "config/policy_cases.h"

#include <stddef.h>
#include <string.h>

#include "base/duration.h"
#include "config/policy_cases_raw.h"
#include "config/policy_yaml.h"
#include "event/event_types.h"

/* The time of every decision; all ages fit before it. */
#define NOW_MS (2 * DURATION_MAX_MS)

static const char *const facts[] = {"environment", "tier", "kind", "data_class", "actor_kind"};

struct work {
    struct config *config;
    const struct policy *policy;
    struct arena *arena;
    struct policy_yaml_names roles;
    uint32_t persons_count;
    struct policy_person *persons;
};

static bool same(const struct config_text *a, const struct config_text *b)
{
    return policy_yaml_given(a) && policy_yaml_given(b) && strcmp(a->text, b->text) == 0;
}

static const char *text_or(const struct config_text *text, const char *absent)
{
    return text->text != NULL ? text->text : absent;
}

/* ---- persons ------------------------------------------------------------------------- */

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_persons(struct work *work, const struct config_maps *maps)
{
    const struct raw_person *raw = maps->items;

    work->persons = arena_zalloc(work->arena, maps->count, sizeof *work->persons);
    if (work->persons == NULL) return TALLY_E_NO_MEMORY;
    work->persons_count = maps->count;
    for (uint32_t i = 0; i < maps->count; i++) {
        work->persons[i] = (struct policy_person){
            .id = text_or(&raw[i].id, ""),
            .unit = text_or(&raw[i].unit, ""),
            .site = text_or(&raw[i].site, ""),
            .roles = policy_yaml_bits(work->config, &work->roles, &raw[i].roles),
            .kind = (enum policy_actor)policy_yaml_word(POLICY_WORD_ACTOR, &raw[i].kind,
                                                        POLICY_ACTOR_HUMAN),
            .active = raw[i].active.place.line == 0 || raw[i].active.value != 0};
        for (uint32_t k = 0; k < i; k++)
            if (same(&raw[i].id, &raw[k].id))
                config_fault(work->config, raw[i].id.place,
                             "'%s' is there twice; a person is one entry, whatever keys it has",
                             raw[i].id.text);
    }
    return TALLY_OK;
}

/* The place of a person; POLICY_NOBODY after a fault, or when the text is absent. */
static uint8_t person_of(struct work *work, const struct config_text *text)
{
    if (!policy_yaml_given(text)) return POLICY_NOBODY;
    for (uint32_t i = 0; i < work->persons_count; i++)
        if (strcmp(work->persons[i].id, text->text) == 0) return (uint8_t)i;
    config_fault(work->config, text->place, "no person '%.60s'; add it to 'persons'",
                 text->text);
    return POLICY_NOBODY;
}

static uint64_t persons_of(struct work *work, const struct config_texts *texts)
{
    uint64_t persons = 0;

    for (uint32_t i = 0; i < texts->count; i++) {
        const uint8_t person = person_of(work, &texts->items[i]);

        if (person != POLICY_NOBODY) persons |= UINT64_C(1) << person;
    }
    return persons;
}

/* ---- lists of facts ------------------------------------------------------------------ */

static uint64_t time_of(struct work *work, const struct config_text *age)
{
    return NOW_MS - policy_yaml_span(work->config, age);
}

/* Append the approvals of one list; both lists together fit `to`. */
static void put_approvals(struct work *work, const struct config_maps *maps,
                          struct policy_approval *to, uint32_t *count)
{
    const struct raw_approval *raw = maps->items;

    for (uint32_t i = 0; i < maps->count; i++) {
        const uint8_t person = person_of(work, &raw[i].by);

        if (person == POLICY_NOBODY) continue;
        to[(*count)++] = (struct policy_approval){
            .person = person,
            .meaning = (enum policy_meaning)policy_yaml_word(
                POLICY_WORD_MEANING, &raw[i].meaning, POLICY_MEANING_APPROVE),
            .stale = raw[i].stale.value != 0,
            .time_ms = time_of(work, &raw[i].age)};
    }
}

static void put_results(struct work *work, const struct config_maps *maps,
                        struct policy_result *to, uint32_t *count)
{
    const struct raw_result *raw = maps->items;

    for (uint32_t i = 0; i < maps->count; i++)
        to[(*count)++] = (struct policy_result){
            .kind = (enum policy_evidence_kind)policy_yaml_word(POLICY_WORD_EVIDENCE,
                                                                &raw[i].kind, 0),
            .suite = text_or(&raw[i].suite, ""),
            .verdict = (enum policy_verdict)policy_yaml_word(
                POLICY_WORD_VERDICT, &raw[i].verdict, POLICY_VERDICT_PASSED),
            .retracted = raw[i].retracted.value != 0,
            .by = person_of(work, &raw[i].by),
            .time_ms = time_of(work, &raw[i].age),
            .index = raw[i].index.value};
}

static void put_fields(struct work *work, const struct config_maps *maps,
                       struct policy_field *to)
{
    const struct raw_field *raw = maps->items;

    for (uint32_t i = 0; i < maps->count; i++) {
        to[i] = (struct policy_field){.name = text_or(&raw[i].name, ""),
                                      .text = raw[i].text.text,
                                      .number = raw[i].number.value};
        if ((raw[i].text.place.line != 0) == (raw[i].number.place.line != 0))
            config_fault(work->config, raw[i].place, "a field has a number or a text");
        for (uint32_t k = 0; k < i; k++)
            if (same(&raw[i].name, &raw[k].name))
                config_fault(work->config, raw[i].name.place, "'%s' is there twice",
                             raw[i].name.text);
    }
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_lists(struct work *work, const struct raw_case *raw,
                                struct policy_view *view)
{
    struct policy_approval *approvals = arena_zalloc(
        work->arena, raw->approvals.count + raw->more_approvals.count, sizeof *approvals);
    struct policy_result *results = arena_zalloc(
        work->arena, raw->results.count + raw->more_results.count, sizeof *results);
    struct policy_field *fields = arena_zalloc(work->arena, raw->fields.count, sizeof *fields);

    if (approvals == NULL || results == NULL || fields == NULL) return TALLY_E_NO_MEMORY;
    put_approvals(work, &raw->approvals, approvals, &view->approvals_count);
    put_approvals(work, &raw->more_approvals, approvals, &view->approvals_count);
    put_results(work, &raw->results, results, &view->results_count);
    put_results(work, &raw->more_results, results, &view->results_count);
    put_fields(work, &raw->fields, fields);
    view->approvals = approvals;
    view->results = results;
    view->fields = fields;
    view->fields_count = raw->fields.count;
    return TALLY_OK;
}

/* ---- cases --------------------------------------------------------------------------- */

static uint32_t unknown_facts(struct work *work, const struct config_texts *texts)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < texts->count; i++) {
        uint32_t at = 0;

        while (at < 5 && strcmp(facts[at], texts->items[i].text) != 0) at++;
        if (at == 5 && texts->items[i].text[0] != '\0')
            config_fault(work->config, texts->items[i].place,
                         "'%.40s' must be one of environment, tier, kind, data_class, "
                         "actor_kind",
                         texts->items[i].text);
        else if (at < 5)
            bits |= UINT32_C(1) << at;
    }
    return bits;
}

static void check_basics(struct work *work, const struct raw_case *raw,
                         const struct policy_view *view)
{
    const char *why = NULL;

    if (raw->event.place.line == 0)
        config_fault(work->config, raw->place, "the case needs 'event', or 'from' with one");
    if (raw->actor.place.line == 0)
        config_fault(work->config, raw->place, "the case needs 'actor', or 'from' with one");
    if (raw->subject.place.line == 0)
        config_fault(work->config, raw->place, "the case needs 'subject', or 'from' with one");
    else if (view->subject[0] != '\0' &&
             event_subject_kind(view->subject, &why) == SUBJECT_NONE)
        config_fault(work->config, raw->subject.place, "'%.80s' is no subject: %s",
                     view->subject, why);
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_view(struct work *work, const struct raw_case *raw,
                               struct policy_view *view)
{
    *view = (struct policy_view){
        .event = policy_yaml_given(&raw->event) ? policy_yaml_event(work->config, &raw->event)
                                                : POLICY_EVENTS_COUNT,
        .subject = text_or(&raw->subject, ""),
        .environment = text_or(&raw->environment, ""),
        .tier = (enum policy_tier)policy_yaml_word(POLICY_WORD_TIER, &raw->tier, 0),
        .kind = (enum policy_kind)policy_yaml_word(POLICY_WORD_KIND, &raw->kind, 0),
        .data_class =
            (enum policy_class)policy_yaml_word(POLICY_WORD_CLASS, &raw->data_class, 0),
        .unknown = unknown_facts(work, &raw->unknown),
        .persons_count = work->persons_count,
        .persons = work->persons,
        .actor = person_of(work, &raw->actor),
        .requesters = persons_of(work, &raw->requesters),
        .authors = persons_of(work, &raw->authors),
        .evaluators = persons_of(work, &raw->evaluators),
        .deployers = persons_of(work, &raw->deployers),
        .owners = persons_of(work, &raw->owners),
        .base = (enum policy_input)policy_yaml_word(POLICY_WORD_INPUT, &raw->base, 0),
        .data = (enum policy_input)policy_yaml_word(POLICY_WORD_INPUT, &raw->data, 0),
        .states = policy_yaml_words(work->config, POLICY_WORD_STATE, &raw->states),
        .incidents = policy_yaml_words(work->config, POLICY_WORD_SEVERITY, &raw->incidents),
        .unreviewed_breakglass = policy_yaml_given(&raw->breakglass) &&
                                 strcmp(raw->breakglass.text, policy_cases_reviews[0]) == 0,
        .requested_ms = policy_yaml_given(&raw->requested) ? time_of(work, &raw->requested) : 0,
        .now_ms = NOW_MS};
    check_basics(work, raw, view);
    return put_lists(work, raw, view);
}

/* The ids of the rules that a case expects to fail. Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_failed(struct work *work, const struct config_texts *texts,
                                 struct policy_case *to)
{
    uint16_t *ids = arena_zalloc(work->arena, texts->count, sizeof *ids);

    if (ids == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < texts->count; i++) {
        const char *name = texts->items[i].text;
        uint32_t rule = 0, at = to->failed_count;
        uint16_t id = POLICY_RULE_NO_PERMIT;

        if (strcmp(name, "no_permit") != 0) {
            while (rule < work->policy->rules_count &&
                   strcmp(work->policy->rules[rule].name, name) != 0)
                rule++;
            if (rule == work->policy->rules_count) {
                config_fault(work->config, texts->items[i].place,
                             "the policy has no rule '%.60s'", name);
                continue;
            }
            id = work->policy->rules[rule].id;
        }
        to->failed_count++;
        for (; at > 0 && ids[at - 1] > id; at--) ids[at] = ids[at - 1];
        ids[at] = id;
    }
    to->failed = ids;
    return TALLY_OK;
}

static size_t target_size(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_CHOICE:
        return sizeof(struct config_text);
    case CONFIG_NUMBER:
    case CONFIG_BOOL:
        return sizeof(struct config_number);
    case CONFIG_TEXTS:
    case CONFIG_PATHS:
        return sizeof(struct config_texts);
    case CONFIG_MAPS:
        return sizeof(struct config_maps);
    case CONFIG_MAP:
        break;
    }
    return 0; /* a case has none */
}

/* Every key that `to` does not have, from the template that it names among `count`. */
static void inherit(struct work *work, const struct raw_case *templates, uint32_t count,
                    struct raw_case *to)
{
    uint32_t at = 0;

    if (!policy_yaml_given(&to->from)) return;
    while (at < count && !same(&templates[at].name, &to->from)) at++;
    if (at == count) {
        config_fault(work->config, to->from.place, "no template '%.60s' before it",
                     to->from.text);
        return;
    }
    for (size_t i = 1; i < policy_cases_template_table.count; i++) { /* not its name */
        const struct config_field *field = &policy_cases_template_table.fields[i];
        uint8_t *into = (uint8_t *)to + field->offset;

        if (((const struct config_place *)(const void *)into)->line == 0)
            memcpy(into, (const uint8_t *)&templates[at] + field->offset,
                   target_size(field->type));
    }
}

static void check_names(struct work *work, const struct config_maps *maps)
{
    const struct raw_case *raw = maps->items;

    for (uint32_t i = 0; i < maps->count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (same(&raw[i].name, &raw[k].name)) {
                config_fault(work->config, raw[i].name.place,
                             "the name '%.80s' is taken by line %u", raw[i].name.text,
                             raw[k].place.line);
                break;
            }
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_case(struct work *work, const struct raw_case *raw,
                               struct policy_case *to)
{
    enum tally_err err = put_view(work, raw, &to->view);

    to->place = raw->place;
    to->name = text_or(&raw->name, "");
    to->expected = raw->expect.place.line != 0;
    to->allowed = policy_yaml_given(&raw->expect) &&
                  strcmp(raw->expect.text, policy_cases_verdicts[0]) == 0;
    if (to->allowed && raw->failed.count > 0)
        config_fault(work->config, raw->failed.place,
                     "nothing fails when it is allowed; drop 'failed'");
    return err == TALLY_OK ? put_failed(work, &raw->failed, to) : err;
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_cases(struct work *work, const struct raw_cases *raw,
                                struct policy_cases *ret_cases)
{
    struct raw_case *templates =
        arena_zalloc(work->arena, raw->templates.count, sizeof *templates);
    struct policy_case *cases = arena_zalloc(work->arena, raw->cases.count, sizeof *cases);

    if (templates == NULL || cases == NULL) return TALLY_E_NO_MEMORY;
    check_names(work, &raw->templates);
    check_names(work, &raw->cases);
    for (uint32_t i = 0; i < raw->templates.count; i++) {
        templates[i] = ((const struct raw_case *)raw->templates.items)[i];
        inherit(work, templates, i, &templates[i]);
    }
    for (uint32_t i = 0; i < raw->cases.count; i++) {
        struct raw_case whole = ((const struct raw_case *)raw->cases.items)[i];

        inherit(work, templates, raw->templates.count, &whole);
        if (put_case(work, &whole, &cases[i]) != TALLY_OK) return TALLY_E_NO_MEMORY;
    }
    ret_cases->cases = cases;
    ret_cases->count = raw->cases.count;
    return TALLY_OK;
}

static enum tally_err read_file(struct config *config, const struct config_table *table,
                                const struct policy *policy, struct arena *arena,
                                struct policy_cases *ret_cases)
{
    struct work work = {.config = config,
                        .policy = policy,
                        .arena = arena,
                        .roles = {"role", policy->roles_count, policy->roles}};
    struct policy_cases cases = {0};
    struct raw_cases raw;

    if (config_read(config, table, &raw) == TALLY_E_NO_MEMORY) return TALLY_E_NO_MEMORY;
    enum tally_err err = put_persons(&work, &raw.persons);
    if (err == TALLY_OK) err = put_cases(&work, &raw, &cases);
    if (err != TALLY_OK) return err;
    cases.persons = work.persons;
    cases.persons_count = work.persons_count;
    if (config_result(config) == TALLY_OK) *ret_cases = cases;
    return config_result(config);
}

enum tally_err policy_cases_read(struct config *config, const struct policy *policy,
                                 struct arena *arena, struct policy_cases *ret_cases)
{
    return read_file(config, &policy_cases_file_table, policy, arena, ret_cases);
}

enum tally_err policy_persons_read(struct config *config, const struct policy *policy,
                                   struct arena *arena, struct policy_cases *ret_cases)
{
    return read_file(config, &policy_cases_persons_table, policy, arena, ret_cases);
}
