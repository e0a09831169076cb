/* policy_decode: canonical bytes to a policy, with every check that needs no state. */
#include <string.h>

#include "event.pb-c.h"
#include "event/canon.h"
#include "event/event_types.h"
#include "policy.pb-c.h"
#include "policy/policy.h"

/* Words that are numbers of event.proto, too. */
#define SAME(mine, theirs) _Static_assert((int)(mine) == (int)(theirs), #mine)
SAME(POLICY_TIER_LOW, TALLY__RISK_TIER__RISK_TIER_LOW);
SAME(POLICY_TIER_MEDIUM, TALLY__RISK_TIER__RISK_TIER_MEDIUM);
SAME(POLICY_TIER_HIGH, TALLY__RISK_TIER__RISK_TIER_HIGH);
SAME(POLICY_KIND_ADAPTER, TALLY__VERSION_KIND__VERSION_KIND_ADAPTER);
SAME(POLICY_KIND_QUANTISED, TALLY__VERSION_KIND__VERSION_KIND_QUANTISED);
SAME(POLICY_CLASS_PUBLIC, TALLY__DATA_CLASS__DATA_CLASS_PUBLIC);
SAME(POLICY_CLASS_PERSONAL, TALLY__DATA_CLASS__DATA_CLASS_PERSONAL);
SAME(POLICY_ACTOR_HUMAN, TALLY__PRINCIPAL_KIND__PRINCIPAL_KIND_HUMAN);
SAME(POLICY_ACTOR_ROBOT, TALLY__PRINCIPAL_KIND__PRINCIPAL_KIND_ROBOT);
SAME(POLICY_MEANING_AUTHOR, TALLY__MEANING__MEANING_AUTHOR);
SAME(POLICY_MEANING_EXECUTE, TALLY__MEANING__MEANING_EXECUTE);
SAME(POLICY_EVIDENCE_QUALITY, TALLY__CATEGORY__CATEGORY_QUALITY);
SAME(POLICY_EVIDENCE_ROBUSTNESS, TALLY__CATEGORY__CATEGORY_ROBUSTNESS);
#undef SAME

/* What is decoded now, and where. */
struct work {
    struct arena *arena;
    struct policy *policy;
    const Tally__PolicyRule *rule; /* NULL: none yet */
    uint32_t approvals_count;
    struct tally_diag *diag;
};

static enum tally_err malformed(const struct work *work, const char *what)
{
    if (work->rule == NULL)
        tally_diag_set(work->diag, "the policy's %s", what);
    else
        tally_diag_set(work->diag, "rule %u: %s", work->rule->id, what);
    return TALLY_E_MALFORMED;
}

/* Does `bits` name only numbers that the table has? */
static bool bits_known(enum policy_word kind, uint32_t bits)
{
    return (bits & ~policy_word_bits(kind)) == 0;
}

static bool names_known(uint64_t bits, uint32_t count)
{
    return count == POLICY_NAMES_MAX || bits >> count == 0;
}

static bool word_known(enum policy_word kind, uint32_t value)
{
    return strcmp(policy_word_text(kind, value), "?") != 0;
}

/* A list of texts, ascending. Errors: TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
static enum tally_err take_texts(const struct work *work, char *const *from, size_t count,
                                 bool (*valid)(const char *text), const char *what,
                                 const char *const **ret_texts)
{
    const char **texts = arena_zalloc(work->arena, count, sizeof *texts);

    if (texts == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!valid(from[i]) || (i > 0 && strcmp(from[i - 1], from[i]) >= 0))
            return malformed(work, what);
        texts[i] = from[i];
    }
    *ret_texts = texts;
    return TALLY_OK;
}

static bool text_valid(const char *text)
{
    return text[0] != '\0' && strlen(text) <= LIMIT_NAME_SIZE;
}

/* ---- match --------------------------------------------------------------------------- */

static enum tally_err take_match(const struct work *work, const Tally__PolicyMatch *from,
                                 struct policy_match *to)
{
    if (from == NULL) return TALLY_OK;
    if (protobuf_c_message_get_packed_size(&from->base) == 0)
        return malformed(work, "a match that says nothing must be absent");
    if (from->n_subjects > POLICY_SUBJECTS_MAX)
        return malformed(work, "at most 8 subject prefixes");
    if (from->events_high >> (POLICY_EVENTS_COUNT - 64) != 0)
        return malformed(work, "an event type that is not known");
    if (!names_known(from->environments, work->policy->environments_count) ||
        !bits_known(POLICY_WORD_KIND, from->kinds) ||
        !bits_known(POLICY_WORD_CLASS, from->data_classes) ||
        !bits_known(POLICY_WORD_ACTOR, from->actor_kinds))
        return malformed(work, "a set has bits without a meaning");
    if (from->tier_max > POLICY_TIER_HIGH || from->tier_min > from->tier_max ||
        (from->tier_min == 0) != (from->tier_max == 0))
        return malformed(work, "tier_min..tier_max must be within 1..3");
    *to = (struct policy_match){.events = {from->events_low, from->events_high},
                                .subjects_count = (uint32_t)from->n_subjects,
                                .environments = from->environments,
                                .tier_min = (uint8_t)from->tier_min,
                                .tier_max = (uint8_t)from->tier_max,
                                .kinds = from->kinds,
                                .classes = from->data_classes,
                                .actors = from->actor_kinds};
    return take_texts(work, from->subjects, from->n_subjects, event_scope_valid,
                      "subject prefixes must be valid and ascending", &to->subjects);
}

/* ---- clauses ------------------------------------------------------------------------- */

static enum tally_err take_approvals(struct work *work, const Tally__PolicyApprovals *from,
                                     struct policy_approvals *to)
{
    if (++work->approvals_count > POLICY_APPROVALS_MAX)
        return malformed(work, "more than 256 approvals clauses in the policy");
    if (from->roles == 0 || !names_known(from->roles, work->policy->roles_count))
        return malformed(work, "approvals need known roles");
    if (from->count == 0 || from->count > POLICY_COUNT_MAX)
        return malformed(work, "approvals need a count of 1 to 16");
    if (from->distinct == TALLY__POLICY_DISTINCT__POLICY_DISTINCT_UNSPECIFIED)
        return malformed(work, "approvals must say what is distinct");
    if (!bits_known(POLICY_WORD_EXCLUDE, from->exclude))
        return malformed(work, "approvals exclude somebody unknown");
    if (from->meanings == 0 || !bits_known(POLICY_WORD_MEANING, from->meanings))
        return malformed(work, "approvals need known meanings");
    *to = (struct policy_approvals){.roles = from->roles,
                                    .count = from->count,
                                    .distinct = (enum policy_distinct)from->distinct,
                                    .exclude = from->exclude,
                                    .human_only = from->human_only != 0,
                                    .max_age_ms = from->max_age_ms,
                                    .meanings = from->meanings};
    return TALLY_OK;
}

static enum tally_err take_evidence(const struct work *work, const Tally__PolicyEvidence *from,
                                    struct policy_evidence_need *to)
{
    if (!word_known(POLICY_WORD_EVIDENCE, from->kind))
        return malformed(work, "evidence of an unknown kind");
    if (from->suite[0] != '\0' && !event_segment_valid(from->suite))
        return malformed(work, "the suite is no path segment");
    if (!word_known(POLICY_WORD_VERDICT, from->at_least))
        return malformed(work, "evidence needs a known verdict");
    if (from->count == 0 || from->count > POLICY_COUNT_MAX)
        return malformed(work, "evidence needs a count of 1 to 16");
    if (!names_known(from->by_roles, work->policy->roles_count))
        return malformed(work, "evidence by an unknown role");
    *to = (struct policy_evidence_need){.kind = (enum policy_evidence_kind)from->kind,
                                        .suite = from->suite,
                                        .at_least = (enum policy_verdict)from->at_least,
                                        .count = from->count,
                                        .max_age_ms = from->max_age_ms,
                                        .by_roles = from->by_roles,
                                        .exclude_author = from->exclude_author != 0};
    return TALLY_OK;
}

static enum tally_err take_field(const struct work *work, const Tally__PolicyField *from,
                                 struct policy_field_need *to)
{
    const bool texts = from->op == TALLY__POLICY_OP__POLICY_OP_ONE_OF ||
                       from->op == TALLY__POLICY_OP__POLICY_OP_NONE_OF;

    if (!event_segment_valid(from->name))
        return malformed(work, "a field's name is no path segment");
    if (from->op == TALLY__POLICY_OP__POLICY_OP_UNSPECIFIED)
        return malformed(work, "a field without a comparison");
    if (from->n_texts > POLICY_TEXTS_MAX || texts != (from->n_texts > 0) ||
        (texts && from->number != 0))
        return malformed(work, "a field is compared with a number, or with 1 to 16 texts");
    *to = (struct policy_field_need){.name = from->name,
                                     .op = (enum policy_op)from->op,
                                     .number = from->number,
                                     .texts_count = (uint32_t)from->n_texts};
    return take_texts(work, from->texts, from->n_texts, text_valid,
                      "a field's texts must have 1 to 64 characters and ascend", &to->texts);
}

static enum tally_err take_open(const struct work *work, const Tally__PolicyOpen *from,
                                struct policy_clause *to)
{
    if ((from->severity != 0) == (from->breakglass != 0))
        return malformed(work, "open is about a severity or about break-glass");
    if (from->severity != 0 && !word_known(POLICY_WORD_SEVERITY, from->severity))
        return malformed(work, "an unknown severity");
    to->open.severity = from->severity;
    to->open.negated = from->negated != 0;
    return TALLY_OK;
}

static enum tally_err take_clause(struct work *work, const Tally__PolicyClause *from,
                                  struct policy_clause *to)
{
    to->type = (enum policy_clause_type)from->clause_case;
    switch (from->clause_case) {
    case TALLY__POLICY_CLAUSE__CLAUSE_ACTOR_ROLE:
        to->actor_roles = from->actor_role->roles;
        if (to->actor_roles == 0 || !names_known(to->actor_roles, work->policy->roles_count))
            return malformed(work, "actor_role needs known roles");
        return TALLY_OK;
    case TALLY__POLICY_CLAUSE__CLAUSE_APPROVALS:
        return take_approvals(work, from->approvals, &to->approvals);
    case TALLY__POLICY_CLAUSE__CLAUSE_EVIDENCE:
        return take_evidence(work, from->evidence, &to->evidence);
    case TALLY__POLICY_CLAUSE__CLAUSE_BASE_OK:
        to->input_needed = from->base_ok->needed != 0;
        return TALLY_OK;
    case TALLY__POLICY_CLAUSE__CLAUSE_DATA_OK:
        to->input_needed = from->data_ok->needed != 0;
        return TALLY_OK;
    case TALLY__POLICY_CLAUSE__CLAUSE_FIELD:
        return take_field(work, from->field, &to->field);
    case TALLY__POLICY_CLAUSE__CLAUSE_DELAY:
        to->delay_ms = from->delay->delay_ms;
        return to->delay_ms == 0 ? malformed(work, "a delay of nothing") : TALLY_OK;
    case TALLY__POLICY_CLAUSE__CLAUSE_STATE:
        to->state.states = from->state->states;
        to->state.negated = from->state->negated != 0;
        if (to->state.states == 0 || !bits_known(POLICY_WORD_STATE, to->state.states))
            return malformed(work, "state needs known states");
        return TALLY_OK;
    case TALLY__POLICY_CLAUSE__CLAUSE_OPEN:
        return take_open(work, from->open, to);
    case TALLY__POLICY_CLAUSE__CLAUSE__NOT_SET:
    case _TALLY__POLICY_CLAUSE__CLAUSE__CASE_IS_INT_SIZE:
        break;
    }
    return malformed(work, "a clause that says nothing");
}

/* ---- rules --------------------------------------------------------------------------- */

static enum tally_err take_rule(struct work *work, const Tally__PolicyRule *from,
                                struct policy_rule *to)
{
    struct policy_clause *clauses = NULL;

    if (from->id < POLICY_RULE_ID_MIN || from->id > POLICY_RULE_ID_MAX)
        return malformed(work, "the id of a rule is 1024 to 65535");
    if (!event_segment_valid(from->name)) return malformed(work, "the name is no path segment");
    if (from->effect == TALLY__POLICY_EFFECT__POLICY_EFFECT_UNSPECIFIED)
        return malformed(work, "it must permit, require or forbid");
    if (from->n_clauses > POLICY_CLAUSES_MAX) return malformed(work, "at most 8 clauses");
    if (from->n_clauses == 0 && from->effect == TALLY__POLICY_EFFECT__POLICY_EFFECT_REQUIRE)
        return malformed(work, "a require without a clause asks for nothing");
    clauses = arena_zalloc(work->arena, from->n_clauses, sizeof *clauses);
    if (clauses == NULL) return TALLY_E_NO_MEMORY;
    *to = (struct policy_rule){.id = (uint16_t)from->id,
                               .name = from->name,
                               .effect = (enum policy_effect)from->effect,
                               .clauses_count = (uint32_t)from->n_clauses,
                               .clauses = clauses};
    enum tally_err err = take_match(work, from->match, &to->match);
    for (size_t i = 0; err == TALLY_OK && i < from->n_clauses; i++) {
        err = take_clause(work, from->clauses[i], &clauses[i]);
        if (err == TALLY_OK && !policy_clause_fits(to->effect, clauses[i].type))
            err = malformed(work, "a forbid looks at roles, fields, states and open matters");
    }
    return err;
}

static enum tally_err take_rules(struct work *work, const Tally__Policy *from)
{
    struct policy_rule *rules = arena_zalloc(work->arena, from->n_rules, sizeof *rules);

    if (rules == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < from->n_rules; i++) {
        work->rule = from->rules[i];
        const enum tally_err err = take_rule(work, from->rules[i], &rules[i]);
        if (err != TALLY_OK) return err;
        if (i > 0 && rules[i - 1].id >= rules[i].id)
            return malformed(work, "rules must ascend by id");
        for (size_t k = 0; k < i; k++)
            if (strcmp(rules[k].name, rules[i].name) == 0)
                return malformed(work, "two rules of one name");
    }
    work->policy->rules = rules;
    work->policy->rules_count = (uint32_t)from->n_rules;
    return TALLY_OK;
}

enum tally_err policy_decode(struct bytes bytes, struct arena *arena, struct policy *ret_policy,
                             struct tally_diag *diag)
{
    struct policy policy = {0};
    struct work work = {.arena = arena, .policy = &policy, .diag = diag};
    ProtobufCMessage *message = NULL;

    if (bytes.size > POLICY_SIZE_MAX) {
        tally_diag_set(diag, "the policy has %zu bytes, %d at most", bytes.size,
                       POLICY_SIZE_MAX);
        return TALLY_E_TOO_LARGE;
    }
    enum tally_err err = canon_unpack(&tally__policy__descriptor, bytes, arena, &message, diag);
    if (err != TALLY_OK) return err;
    const Tally__Policy *from = (const Tally__Policy *)message;
    if (!event_segment_valid(from->name)) return malformed(&work, "name is no path segment");
    if (from->n_roles > POLICY_NAMES_MAX || from->n_environments > POLICY_NAMES_MAX)
        return malformed(&work, "roles and environments are at most 64 each");
    if (from->n_rules > POLICY_RULES_MAX) return malformed(&work, "rules are at most 256");
    policy.name = from->name;
    policy.roles_count = (uint32_t)from->n_roles;
    policy.environments_count = (uint32_t)from->n_environments;
    err = take_texts(&work, from->roles, from->n_roles, event_segment_valid,
                     "roles must be path segments and ascend", &policy.roles);
    if (err == TALLY_OK)
        err = take_texts(&work, from->environments, from->n_environments, event_segment_valid,
                         "environments must be path segments and ascend", &policy.environments);
    if (err == TALLY_OK) err = take_rules(&work, from);
    if (err == TALLY_OK) *ret_policy = policy;
    return err;
}
