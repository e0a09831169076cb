/* policy_survey: the walk. Who could pass a gate is in policy_gate.c. */
#include "policy/policy_survey.h"

#include <string.h>

#include "base/assert.h"
#include "policy/policy_gate.h"

enum { SUBJECTS_MAX = 256, SEEN_MAX = 4096 };

/* The rules that match one combination; a bit each. */
struct cell {
    uint64_t rules[POLICY_RULES_MAX / 64];
};

struct survey {
    const struct policy *policy;
    const struct policy_person *persons;
    uint32_t persons_count;
    struct policy_findings *findings;

    /* Of the event type that is walked now. */
    uint32_t facts_named; /* by the rules that match it */
    uint32_t subjects_count, cells, seen_count;
    const char *subjects[SUBJECTS_MAX];
    struct cell seen[SEEN_MAX];
    bool passable; /* some combination can be passed */

    bool permits[POLICY_RULES_MAX], matched[POLICY_RULES_MAX]; /* over all */
};

bool policy_finding_is_note(enum policy_finding_type type)
{
    return type == POLICY_FINDING_NARROW || type == POLICY_FINDING_CUT;
}

void policy_finding_add(struct policy_findings *findings, const struct policy_finding *finding)
{
    for (uint32_t i = 0; i < findings->count; i++) {
        struct policy_finding *old = &findings->items[i];

        if (old->type != finding->type || old->rule != finding->rule ||
            old->clause != finding->clause)
            continue;
        if (finding->rule == POLICY_NO_RULE && old->event != finding->event) continue;
        if (finding->type == POLICY_FINDING_EVENT_UNUSED && old->event != finding->event)
            continue;
        old->persons |= finding->persons;
        return; /* one example is enough */
    }
    if (findings->count == POLICY_FINDINGS_MAX) {
        findings->lost++;
        return;
    }
    findings->items[findings->count++] = *finding;
}

/* ---- single rules -------------------------------------------------------------------- */

static bool names_event(const struct policy_match *match, uint32_t event)
{
    return (match->events[0] | match->events[1]) == 0 ||
           (match->events[event / 64] >> (event % 64) & 1) != 0;
}

static uint32_t facts_of(const struct policy_match *match)
{
    return (match->environments != 0 ? POLICY_FACT_ENVIRONMENT : 0U) |
           (match->tier_max != 0 ? POLICY_FACT_TIER : 0U) |
           (match->kinds != 0 ? POLICY_FACT_KIND : 0U) |
           (match->classes != 0 ? POLICY_FACT_DATA_CLASS : 0U) |
           (match->actors != 0 ? POLICY_FACT_ACTOR_KIND : 0U);
}

/* Can an event of this type have a subject below the prefix? */
static bool prefix_possible(const char *prefix, const char *first)
{
    const size_t size = strcspn(prefix, "/");

    return strcmp(first, "*") == 0 ||
           (strlen(first) == size && memcmp(prefix, first, size) == 0);
}

static bool subject_possible(const struct policy_match *match, const char *first)
{
    for (uint32_t i = 0; i < match->subjects_count; i++)
        if (prefix_possible(match->subjects[i], first)) return true;
    return match->subjects_count == 0;
}

static void look_at_match(struct survey *survey, uint32_t number)
{
    const struct policy_match *match = &survey->policy->rules[number].match;
    const bool listed = (match->events[0] | match->events[1]) != 0;
    struct policy_finding finding = {.type = POLICY_FINDING_NEVER_MATCHES,
                                     .rule = (uint16_t)number};
    bool possible = false;

    for (uint32_t event = 0; event < POLICY_EVENTS_COUNT; event++) {
        const struct policy_event_info *info = policy_event(event);

        if (names_event(match, event) && (facts_of(match) & ~(uint32_t)info->facts) == 0 &&
            subject_possible(match, info->subject))
            possible = true;
    }
    if (!possible) {
        policy_finding_add(survey->findings, &finding);
        return;
    }
    finding.type = POLICY_FINDING_EVENT_UNUSED;
    for (finding.event = 0; listed && finding.event < POLICY_EVENTS_COUNT; finding.event++) {
        const struct policy_event_info *info = policy_event(finding.event);
        const uint32_t absent = facts_of(match) & ~(uint32_t)info->facts;

        if (!names_event(match, finding.event)) continue;
        if (absent == 0 && subject_possible(match, info->subject)) continue;
        finding.fact = absent & -absent;
        policy_finding_add(survey->findings, &finding);
    }
}

/* Do two clauses of one rule exclude each other? */
static bool contradict(const struct policy_clause *a, const struct policy_clause *b)
{
    if (a->type != b->type) return false;
    if (a->type == POLICY_CLAUSE_STATE)
        return !a->state.negated && b->state.negated &&
               (a->state.states & ~b->state.states) == 0;
    if (a->type == POLICY_CLAUSE_OPEN)
        return !a->open.negated && b->open.negated &&
               (a->open.severity == 0) == (b->open.severity == 0) &&
               b->open.severity <= a->open.severity;
    return a->type == POLICY_CLAUSE_FIELD && a->field.op == POLICY_OP_IS &&
           b->field.op == POLICY_OP_IS && a->field.number != b->field.number &&
           strcmp(a->field.name, b->field.name) == 0;
}

static void look_at_clauses(struct survey *survey, uint32_t number)
{
    const struct policy_rule *rule = &survey->policy->rules[number];

    for (uint32_t i = 0; i < rule->clauses_count; i++)
        for (uint32_t k = 0; k < rule->clauses_count; k++)
            if (contradict(&rule->clauses[i], &rule->clauses[k]))
                policy_finding_add(survey->findings, &(struct policy_finding){
                                                         .type = POLICY_FINDING_CONTRADICTION,
                                                         .rule = (uint16_t)number,
                                                         .clause = (uint8_t)i});
}

/* ---- combinations -------------------------------------------------------------------- */

static bool in_cell(const struct cell *cell, uint32_t rule)
{
    return (cell->rules[rule / 64] >> (rule % 64) & 1) != 0;
}

static bool seen_before(struct survey *survey, const struct cell *cell)
{
    for (uint32_t i = 0; i < survey->seen_count; i++)
        if (memcmp(&survey->seen[i], cell, sizeof *cell) == 0) return true;
    if (survey->seen_count < SEEN_MAX) survey->seen[survey->seen_count++] = *cell;
    return false;
}

static bool is_closed(const struct policy *policy, const struct cell *cell)
{
    for (uint32_t i = 0; i < policy->rules_count; i++)
        if (in_cell(cell, i) && policy->rules[i].effect == POLICY_EFFECT_FORBID &&
            policy->rules[i].clauses_count == 0)
            return true;
    return false;
}

static void look_at_cell(struct survey *survey, const struct policy_view *view)
{
    const struct policy *policy = survey->policy;
    struct cell cell = {{0}};
    bool permitted = false;

    for (uint32_t i = 0; i < policy->rules_count; i++)
        if (policy_matches(policy, &policy->rules[i], view))
            cell.rules[i / 64] |= UINT64_C(1) << (i % 64);
    if (seen_before(survey, &cell)) return;
    const bool closed = is_closed(policy, &cell);
    for (uint32_t i = 0; i < policy->rules_count; i++) {
        if (!in_cell(&cell, i)) continue;
        survey->matched[i] = true;
        if (policy->rules[i].effect != POLICY_EFFECT_PERMIT || closed) continue;
        survey->permits[i] = permitted = true;
    }
    if (!permitted) return;
    if (survey->persons_count == 0 ||
        policy_gate_passable(policy, cell.rules, view, survey->persons, survey->persons_count,
                             survey->findings))
        survey->passable = true;
}

/* Is this value of a fact to be walked? All of them when rules tell them apart, else one. */
static bool walked(const struct survey *survey, uint32_t event, enum policy_fact fact,
                   uint32_t value)
{
    if ((policy_event(event)->facts & fact) == 0) return value == 0;
    if ((survey->facts_named & fact) == 0) return value == 1;
    return value != 0 || fact == POLICY_FACT_DATA_CLASS;
}

static void walk_kinds(struct survey *survey, struct policy_view *view,
                       struct policy_person *actor)
{
    for (uint32_t kind = 0; kind <= POLICY_KIND_QUANTISED; kind++)
        for (uint32_t class = 0; class <= POLICY_CLASS_PERSONAL; class ++)
            for (uint32_t who = 1; who <= POLICY_ACTOR_ROBOT; who++) {
                if (!walked(survey, view->event, POLICY_FACT_KIND, kind) ||
                    !walked(survey, view->event, POLICY_FACT_DATA_CLASS, class) ||
                    !walked(survey, view->event, POLICY_FACT_ACTOR_KIND, who))
                    continue;
                if (survey->cells++ >= POLICY_SURVEY_CELLS_MAX) return;
                view->kind = (enum policy_kind)kind;
                view->data_class = (enum policy_class) class;
                actor->kind = (survey->facts_named & POLICY_FACT_ACTOR_KIND) != 0
                                  ? (enum policy_actor)who
                                  : 0;
                look_at_cell(survey, view);
            }
}

static void walk_subject(struct survey *survey, struct policy_view *view,
                         struct policy_person *actor)
{
    const struct policy *policy = survey->policy;
    const bool placed = (policy_event(view->event)->facts & POLICY_FACT_ENVIRONMENT) != 0;

    for (uint32_t i = placed ? 0 : policy->environments_count; i <= policy->environments_count;
         i++)
        for (uint32_t tier = 0; tier <= POLICY_TIER_HIGH; tier++) {
            if (!walked(survey, view->event, POLICY_FACT_TIER, tier)) continue;
            view->environment = i < policy->environments_count ? policy->environments[i] : "";
            view->tier = (enum policy_tier)tier;
            walk_kinds(survey, view, actor);
        }
}

static void add_subject(struct survey *survey, const char *subject)
{
    for (uint32_t i = 0; i < survey->subjects_count; i++)
        if (strcmp(survey->subjects[i], subject) == 0) return;
    if (survey->subjects_count < SUBJECTS_MAX)
        survey->subjects[survey->subjects_count++] = subject;
    else
        survey->cells = POLICY_SURVEY_CELLS_MAX; /* too many */
}

/* Subjects that rules tell apart, and one that no rule names. */
static void begin_event(struct survey *survey, uint32_t event)
{
    survey->facts_named = survey->subjects_count = survey->cells = survey->seen_count = 0;
    survey->passable = false;
    survey->subjects[survey->subjects_count++] = "";
    for (uint32_t i = 0; i < survey->policy->rules_count; i++) {
        const struct policy_match *match = &survey->policy->rules[i].match;

        if (!names_event(match, event)) continue;
        survey->facts_named |= facts_of(match);
        for (uint32_t k = 0; k < match->subjects_count; k++)
            if (prefix_possible(match->subjects[k], policy_event(event)->subject))
                add_subject(survey, match->subjects[k]);
    }
}

static void look_at_event(struct survey *survey, uint32_t event)
{
    struct policy_person actor = {.id = "", .unit = "", .site = "", .active = true};
    struct policy_view view = {.event = event, .persons = &actor, .persons_count = 1};
    struct policy_finding finding = {.rule = POLICY_NO_RULE, .event = event};

    begin_event(survey, event);
    for (uint32_t i = 0; i < survey->subjects_count; i++) {
        view.subject = survey->subjects[i];
        walk_subject(survey, &view, &actor);
    }
    if (survey->cells > POLICY_SURVEY_CELLS_MAX) {
        finding.type = POLICY_FINDING_CUT;
        policy_finding_add(survey->findings, &finding);
    }
    const bool vital = strcmp(policy_event(event)->name, "policy.published") == 0 ||
                       strcmp(policy_event(event)->name, "root.rotated") == 0;
    if (!vital || survey->passable) return;
    finding.type = POLICY_FINDING_LOCK_OUT;
    policy_finding_add(survey->findings, &finding);
}

void policy_survey(const struct policy *policy, const struct policy_person *persons,
                   uint32_t persons_count, struct policy_findings *ret_findings)
{
    struct survey survey = {.policy = policy,
                            .persons = persons,
                            .persons_count = persons_count,
                            .findings = ret_findings};

    ASSERT(persons_count <= POLICY_PERSONS_MAX);
    ret_findings->count = ret_findings->lost = 0;
    for (uint32_t i = 0; i < policy->rules_count; i++) {
        look_at_match(&survey, i);
        look_at_clauses(&survey, i);
    }
    for (uint32_t event = 0; event < POLICY_EVENTS_COUNT; event++)
        look_at_event(&survey, event);
    for (uint32_t i = 0; i < policy->rules_count; i++)
        if (policy->rules[i].effect == POLICY_EFFECT_PERMIT && survey.matched[i] &&
            !survey.permits[i])
            policy_finding_add(ret_findings,
                               &(struct policy_finding){.type = POLICY_FINDING_NEVER_PERMITS,
                                                        .rule = (uint16_t)i});
}
