#include "config/policy_config.h"

#include <stddef.h>
#include <string.h>

#include "config/policy_yaml.h"
#include "event/event_types.h"

static const char segment_remedy[] = "use a-z 0-9 . _ -, 64 characters at most";

struct raw_rule {
    struct config_place place;
    struct config_number id;
    struct config_text effects[3]; /* permit, require, forbid */
    struct config_texts events, subjects, environments, tiers, kinds, data_classes, actors;
    struct config_maps clauses;
};
static const struct config_field rule_fields[] = {
    POLICY_YAML_NUMBER("id", struct raw_rule, id, POLICY_RULE_ID_MIN, POLICY_RULE_ID_MAX, true),
    POLICY_YAML_TEXT("permit", struct raw_rule, effects[0], false),
    POLICY_YAML_TEXT("require", struct raw_rule, effects[1], false),
    POLICY_YAML_TEXT("forbid", struct raw_rule, effects[2], false),
    POLICY_YAML_TEXTS("events", struct raw_rule, events, POLICY_EVENTS_COUNT, false),
    POLICY_YAML_TEXTS("subjects", struct raw_rule, subjects, POLICY_SUBJECTS_MAX, false),
    POLICY_YAML_TEXTS("environments", struct raw_rule, environments, POLICY_NAMES_MAX, false),
    POLICY_YAML_TEXTS("tiers", struct raw_rule, tiers, POLICY_WORDS_MAX, false),
    POLICY_YAML_TEXTS("kinds", struct raw_rule, kinds, POLICY_WORDS_MAX, false),
    POLICY_YAML_TEXTS("data_classes", struct raw_rule, data_classes, POLICY_WORDS_MAX, false),
    POLICY_YAML_TEXTS("actors", struct raw_rule, actors, POLICY_WORDS_MAX, false),
    POLICY_YAML_MAPS("clauses", struct raw_rule, clauses, policy_yaml_clause_table,
                     POLICY_CLAUSES_MAX, false),
};
static const struct config_table rule_table = POLICY_YAML_TABLE(rule_fields, struct raw_rule);

struct raw_policy {
    struct config_place place;
    struct config_text name;
    struct config_texts roles, environments;
    struct config_maps rules;
};
static const struct config_field policy_fields[] = {
    POLICY_YAML_TEXT("name", struct raw_policy, name, true),
    POLICY_YAML_TEXTS("roles", struct raw_policy, roles, POLICY_NAMES_MAX, true),
    POLICY_YAML_TEXTS("environments", struct raw_policy, environments, POLICY_NAMES_MAX, false),
    POLICY_YAML_MAPS("rules", struct raw_policy, rules, rule_table, POLICY_RULES_MAX, true),
};
static const struct config_table policy_table =
    POLICY_YAML_TABLE(policy_fields, struct raw_policy);

/* What a reading works with. */
struct work {
    struct config *config;
    struct arena *arena;
    struct policy_yaml_names roles, environments;
};

static const char *copy_text(struct work *work, const char *text)
{
    return (const char *)arena_copy(work->arena, bytes_of(text, strlen(text))).data;
}

/* ---- rules --------------------------------------------------------------------------- */

static void put_events(struct work *work, const struct config_texts *texts,
                       struct policy_match *to)
{
    if (texts->place.line != 0 && texts->count == 0)
        config_fault(work->config, texts->place, "an empty list; leave it out to mean any");
    for (uint32_t i = 0; i < texts->count; i++) {
        const uint32_t number = policy_yaml_event(work->config, &texts->items[i]);

        if (number == POLICY_EVENTS_COUNT) continue;
        if ((to->events[number / 64] >> (number % 64) & 1) != 0)
            config_fault(work->config, texts->items[i].place, "'%s' is there twice",
                         texts->items[i].text);
        to->events[number / 64] |= UINT64_C(1) << (number % 64);
    }
}

static void put_tiers(struct work *work, const struct config_texts *texts,
                      struct policy_match *to)
{
    const uint32_t bits = policy_yaml_words(work->config, POLICY_WORD_TIER, texts);

    for (uint8_t tier = POLICY_TIER_LOW; tier <= POLICY_TIER_HIGH; tier++) {
        if ((bits >> tier & 1) == 0) continue;
        if (to->tier_min == 0) to->tier_min = tier;
        to->tier_max = tier;
    }
    if (bits == ((1 << POLICY_TIER_LOW) | (1 << POLICY_TIER_HIGH)))
        config_fault(work->config, texts->place,
                     "tiers are a range: add 'medium', or write two rules");
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_match(struct work *work, const struct raw_rule *raw,
                                struct policy_match *to)
{
    put_events(work, &raw->events, to);
    put_tiers(work, &raw->tiers, to);
    to->environments = policy_yaml_bits(work->config, &work->environments, &raw->environments);
    to->kinds = policy_yaml_words(work->config, POLICY_WORD_KIND, &raw->kinds);
    to->classes = policy_yaml_words(work->config, POLICY_WORD_CLASS, &raw->data_classes);
    to->actors = policy_yaml_words(work->config, POLICY_WORD_ACTOR, &raw->actors);
    if (raw->subjects.place.line != 0 && raw->subjects.count == 0)
        config_fault(work->config, raw->subjects.place,
                     "an empty list; leave it out to mean any");
    to->subjects_count = raw->subjects.count;
    to->subjects = policy_yaml_sorted(work->config, &raw->subjects, event_scope_valid,
                                      "write the first segments of a subject, as in "
                                      "model/credit-scorer",
                                      work->arena);
    return to->subjects == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

/* The rule's effect and name; NULL after a fault. */
static const char *take_name(struct work *work, const struct raw_rule *raw,
                             enum policy_effect *ret_effect)
{
    const struct config_text *name = NULL;

    for (uint32_t i = 0; i < 3; i++) {
        if (raw->effects[i].place.line == 0) continue;
        if (name != NULL)
            config_fault(work->config, raw->effects[i].place,
                         "one rule does one thing: permit, require or forbid");
        name = &raw->effects[i];
        *ret_effect = (enum policy_effect)(POLICY_EFFECT_PERMIT + i);
    }
    if (name == NULL && raw->place.line != 0)
        config_fault(work->config, raw->place,
                     "the rule needs permit:, require: or forbid: with its name");
    if (name == NULL || !policy_yaml_given(name)) return NULL;
    if (!event_segment_valid(name->text))
        config_fault(work->config, name->place, "'%.60s': %s", name->text, segment_remedy);
    return name->text;
}

static void check_clauses(struct work *work, const struct policy_rule *rule,
                          const struct policy_rule_place *place)
{
    if (rule->effect == POLICY_EFFECT_REQUIRE && rule->clauses_count == 0)
        config_fault(work->config, place->rule,
                     "a require without clauses asks for nothing; add clauses: or drop it");
    for (uint32_t i = 0; i < rule->clauses_count; i++)
        if (rule->clauses[i].type != 0 && rule->effect != 0 &&
            !policy_clause_fits(rule->effect, rule->clauses[i].type))
            config_fault(work->config, place->clauses[i],
                         "a forbid may have actor_role, field, state and open only; write a "
                         "require that asks for the opposite");
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_rule(struct work *work, const struct raw_rule *raw,
                               struct policy_rule *to, struct policy_rule_place *place)
{
    struct policy_clause *clauses =
        arena_zalloc(work->arena, raw->clauses.count, sizeof *clauses);
    const char *name = take_name(work, raw, &to->effect);

    to->name = copy_text(work, name != NULL ? name : "");
    if (clauses == NULL || to->name == NULL) return TALLY_E_NO_MEMORY;
    place->rule = raw->place;
    to->id = (uint16_t)raw->id.value;
    to->clauses_count = raw->clauses.count;
    to->clauses = clauses;
    enum tally_err err = put_match(work, raw, &to->match);
    for (uint32_t i = 0; err == TALLY_OK && i < raw->clauses.count; i++)
        err = policy_yaml_clause(work->config, &raw->clauses, i, &work->roles, work->arena,
                                 &clauses[i], &place->clauses[i]);
    if (err == TALLY_OK) check_clauses(work, to, place);
    return err;
}

static void check_twins(struct work *work, const struct raw_rule *raw,
                        const struct policy_rule *rules, const struct policy_rule_place *places,
                        uint32_t count)
{
    const struct policy_rule *last = &rules[count];

    for (uint32_t i = 0; i < count; i++) {
        if (last->id != 0 && rules[i].id == last->id)
            config_fault(work->config, raw->id.place,
                         "id %u is taken by the rule at line %u; an id belongs to one rule",
                         last->id, places[i].rule.line);
        if (last->name[0] != '\0' && strcmp(rules[i].name, last->name) == 0)
            config_fault(work->config, raw->place,
                         "the name '%s' is taken by the rule at line "
                         "%u",
                         last->name, places[i].rule.line);
    }
}

/* Rules by id, their places with them. */
static void sort_rules(struct policy_rule *rules, struct policy_rule_place *places,
                       uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct policy_rule rule = rules[i];
        const struct policy_rule_place place = places[i];
        uint32_t at = i;

        for (; at > 0 && rules[at - 1].id > rule.id; at--) {
            rules[at] = rules[at - 1];
            places[at] = places[at - 1];
        }
        rules[at] = rule;
        places[at] = place;
    }
}

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_rules(struct work *work, const struct config_maps *maps,
                                struct policy_file *file)
{
    const struct raw_rule *raw = maps->items;
    struct policy_rule *rules = arena_zalloc(work->arena, maps->count, sizeof *rules);
    struct policy_rule_place *places = arena_zalloc(work->arena, maps->count, sizeof *places);
    uint32_t approvals = 0;

    if (rules == NULL || places == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < maps->count; i++) {
        if (put_rule(work, &raw[i], &rules[i], &places[i]) != TALLY_OK)
            return TALLY_E_NO_MEMORY;
        check_twins(work, &raw[i], rules, places, i);
        for (uint32_t k = 0; k < rules[i].clauses_count; k++)
            if (rules[i].clauses[k].type == POLICY_CLAUSE_APPROVALS &&
                ++approvals == POLICY_APPROVALS_MAX + 1)
                config_fault(work->config, places[i].clauses[k],
                             "more than %d approvals clauses in one policy",
                             POLICY_APPROVALS_MAX);
    }
    sort_rules(rules, places, maps->count);
    file->policy.rules = rules;
    file->policy.rules_count = maps->count;
    file->places = places;
    return TALLY_OK;
}

/* ---- the file ------------------------------------------------------------------------ */

/* Errors: TALLY_E_NO_MEMORY. */
static enum tally_err put_names(struct work *work, const struct config_texts *texts,
                                const char *what, struct policy_yaml_names *to)
{
    to->what = what;
    to->count = texts->count;
    to->names = policy_yaml_sorted(work->config, texts, event_segment_valid, segment_remedy,
                                   work->arena);
    return to->names == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

/* The bytes, decoded again: what is published is what the ledger will take. */
static enum tally_err encode(struct work *work, const struct raw_policy *raw,
                             struct policy_file *file)
{
    struct policy again;
    struct tally_diag diag = {""};

    file->encoded = policy_encode(&file->policy, work->arena);
    if (file->encoded.data == NULL) return TALLY_E_NO_MEMORY;
    if (file->encoded.size > POLICY_SIZE_MAX) {
        config_fault(work->config, raw->rules.place,
                     "the policy has %zu bytes, %d at most; join rules or shorten names",
                     file->encoded.size, POLICY_SIZE_MAX);
        return TALLY_E_MALFORMED;
    }
    const enum tally_err err = policy_decode(file->encoded, work->arena, &again, &diag);
    if (err == TALLY_E_NO_MEMORY) return err;
    if (err != TALLY_OK) {
        config_fault(work->config, raw->place, "%s", diag.text);
        return TALLY_E_MALFORMED;
    }
    policy_digest(file->encoded, &file->digest);
    return TALLY_OK;
}

enum tally_err policy_config_read(struct config *config, struct arena *arena,
                                  struct policy_file *ret_file)
{
    struct work work = {.config = config, .arena = arena};
    struct policy_file file = {0};
    struct raw_policy raw;

    enum tally_err err = config_read(config, &policy_table, &raw);
    if (err == TALLY_E_NO_MEMORY) return err;
    err = put_names(&work, &raw.roles, "role", &work.roles);
    if (err == TALLY_OK)
        err = put_names(&work, &raw.environments, "environment", &work.environments);
    if (err == TALLY_OK) err = put_rules(&work, &raw.rules, &file);
    if (err != TALLY_OK) return err;
    if (policy_yaml_given(&raw.name) && !event_segment_valid(raw.name.text))
        config_fault(config, raw.name.place, "'%.60s': %s", raw.name.text, segment_remedy);
    if (config_result(config) != TALLY_OK) return TALLY_E_MALFORMED;
    file.policy.name = copy_text(&work, raw.name.text);
    if (file.policy.name == NULL) return TALLY_E_NO_MEMORY;
    file.policy.roles = work.roles.names;
    file.policy.roles_count = work.roles.count;
    file.policy.environments = work.environments.names;
    file.policy.environments_count = work.environments.count;
    err = encode(&work, &raw, &file);
    if (err == TALLY_OK) *ret_file = file;
    return err;
}
