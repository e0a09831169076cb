#include "policy/policy_decide.h"

#include <string.h>

#include "base/assert.h"
#include "policy/policy_clauses.h"
#include "policy/policy_places.h"

/* A decision in the making. */
struct work {
    const struct policy *policy;
    const struct policy_view *view;
    struct policy_decision *decision;
    struct policy_misses *misses; /* NULL: nobody asks */
    struct policy_places places;  /* of the REQUIREs */
    bool places_begun;
    bool matched[POLICY_RULES_MAX]; /* PERMITs */
    bool failed[POLICY_RULES_MAX];
};

/* ---- the view ------------------------------------------------------------------------ */

static bool persons_valid(const struct policy_view *view)
{
    for (uint32_t i = 0; i < view->persons_count; i++) {
        const struct policy_person *person = &view->persons[i];

        if (person->id == NULL || person->unit == NULL || person->site == NULL) return false;
        if (person->kind < POLICY_ACTOR_HUMAN || person->kind > POLICY_ACTOR_ROBOT)
            return false;
    }
    return true;
}

static bool facts_valid(const struct policy_view *view)
{
    for (uint32_t i = 0; i < view->approvals_count; i++)
        if (view->approvals[i].person >= view->persons_count ||
            view->approvals[i].meaning < POLICY_MEANING_AUTHOR ||
            view->approvals[i].meaning > POLICY_MEANING_EXECUTE)
            return false;
    for (uint32_t i = 0; i < view->results_count; i++)
        if ((view->results[i].by >= view->persons_count &&
             view->results[i].by != POLICY_NOBODY) ||
            view->results[i].suite == NULL)
            return false;
    for (uint32_t i = 0; i < view->fields_count; i++)
        for (uint32_t k = 0; k <= i; k++)
            if (view->fields[i].name == NULL ||
                (k < i && strcmp(view->fields[i].name, view->fields[k].name) == 0))
                return false;
    return true;
}

bool policy_view_valid(const struct policy_view *view)
{
    return view->event < POLICY_EVENTS_COUNT && view->subject != NULL &&
           view->environment != NULL && view->tier <= POLICY_TIER_HIGH &&
           view->kind <= POLICY_KIND_QUANTISED && view->data_class <= POLICY_CLASS_PERSONAL &&
           view->persons_count <= POLICY_PERSONS_MAX &&
           view->approvals_count <= POLICY_GIVEN_MAX &&
           view->results_count <= POLICY_RESULTS_MAX &&
           view->fields_count <= POLICY_FIELDS_MAX && view->actor < view->persons_count &&
           view->base <= POLICY_INPUT_REVOKED && view->data <= POLICY_INPUT_REVOKED &&
           persons_valid(view) && facts_valid(view);
}

/* ---- match --------------------------------------------------------------------------- */

/* Does a rule that names a fact match? What is not known is taken as whatever is stricter. */
static bool fact_matches(const struct policy_rule *rule, const struct policy_view *view,
                         enum policy_fact fact, bool matches)
{
    if ((view->unknown & fact) != 0) return rule->effect != POLICY_EFFECT_PERMIT;
    return matches;
}

static bool in_set(uint32_t set, uint32_t value)
{
    return value != 0 && (set >> value & 1) != 0;
}

static bool subject_matches(const struct policy_match *match, const char *subject)
{
    for (uint32_t i = 0; i < match->subjects_count; i++)
        if (policy_subject_below(subject, match->subjects[i])) return true;
    return match->subjects_count == 0;
}

bool policy_matches(const struct policy *policy, const struct policy_rule *rule,
                    const struct policy_view *view)
{
    const struct policy_match *match = &rule->match;

    if ((match->events[0] | match->events[1]) != 0 &&
        (match->events[view->event / 64] >> (view->event % 64) & 1) == 0)
        return false;
    if (match->tier_max != 0 &&
        !fact_matches(rule, view, POLICY_FACT_TIER,
                      view->tier >= match->tier_min && view->tier <= match->tier_max))
        return false;
    if (match->environments != 0 &&
        !fact_matches(
            rule, view, POLICY_FACT_ENVIRONMENT,
            (match->environments & policy_environment_bit(policy, view->environment)) != 0))
        return false;
    if (match->kinds != 0 &&
        !fact_matches(rule, view, POLICY_FACT_KIND, in_set(match->kinds, view->kind)))
        return false;
    if (match->classes != 0 && !fact_matches(rule, view, POLICY_FACT_DATA_CLASS,
                                             in_set(match->classes, view->data_class)))
        return false;
    if (match->actors != 0 &&
        !fact_matches(rule, view, POLICY_FACT_ACTOR_KIND,
                      in_set(match->actors, view->persons[view->actor].kind)))
        return false;
    return subject_matches(match, view->subject);
}

/* ---- clauses ------------------------------------------------------------------------- */

static void add_miss(struct work *work, uint32_t rule, const struct policy_miss *miss)
{
    if (work->misses == NULL) return;
    ASSERT(work->misses->count < POLICY_MISSES_MAX);
    work->misses->items[work->misses->count] = *miss;
    work->misses->items[work->misses->count++].rule = (uint16_t)rule;
}

/* Do all clauses hold that are not about approvals? Those that do not are missed. */
static bool plain_hold(struct work *work, uint32_t number)
{
    const struct policy_rule *rule = &work->policy->rules[number];
    bool hold = true;

    for (uint32_t i = 0; i < rule->clauses_count; i++) {
        struct policy_miss miss = {.clause = (uint8_t)i};

        if (rule->clauses[i].type == POLICY_CLAUSE_APPROVALS) continue;
        if (policy_clause_holds(&rule->clauses[i], rule->effect, work->view, &miss)) continue;
        if (rule->effect != POLICY_EFFECT_FORBID) add_miss(work, number, &miss);
        hold = false;
    }
    return hold;
}

/* Add the places that a rule asks for. Returns how many stay empty. */
static uint32_t add_places(struct work *work, struct policy_places *places, uint32_t number)
{
    const struct policy_rule *rule = &work->policy->rules[number];
    uint32_t empty = 0;

    for (uint32_t i = 0; i < rule->clauses_count; i++) {
        const struct policy_clause *clause = &rule->clauses[i];

        if (clause->type != POLICY_CLAUSE_APPROVALS) continue;
        if (!work->places_begun)
            policy_places_begin(&work->places, work->view->persons, work->view->persons_count);
        work->places_begun = true;
        const struct policy_places_clause wanted = {
            .eligible = policy_clause_eligible(&clause->approvals, work->view),
            .count = (uint8_t)clause->approvals.count,
            .distinct = clause->approvals.distinct,
            .rule = (uint16_t)number,
            .clause = (uint8_t)i};
        empty += wanted.count - policy_places_add(places, &wanted);
    }
    return empty;
}

static void add_place_miss(struct work *work, const struct policy_places *places,
                           const struct policy_places_clause *clause)
{
    const uint32_t have = policy_places_alone(places, clause);

    add_miss(work, clause->rule,
             &(struct policy_miss){.clause = clause->clause,
                                   .lack = have < clause->count ? POLICY_LACK_APPROVALS
                                                                : POLICY_LACK_SHARED,
                                   .have = have,
                                   .need = clause->count});
}

/* ---- rules --------------------------------------------------------------------------- */

/* FORBIDs, REQUIREs, and which PERMITs match; a PERMIT whose plain clauses do not hold fails.
 */
static void look_at_rules(struct work *work)
{
    for (uint32_t i = 0; i < work->policy->rules_count; i++) {
        const struct policy_rule *rule = &work->policy->rules[i];

        if (!policy_matches(work->policy, rule, work->view)) continue;
        const bool hold = plain_hold(work, i);

        switch (rule->effect) {
        case POLICY_EFFECT_FORBID:
            work->failed[i] = hold;
            break;
        case POLICY_EFFECT_REQUIRE:
            work->failed[i] = !hold;
            (void)add_places(work, &work->places, i);
            break;
        case POLICY_EFFECT_PERMIT:
            work->matched[i] = true;
            work->failed[i] = !hold;
            break;
        }
    }
}

/* The REQUIREs whose approvals are missing. */
static void look_at_places(struct work *work)
{
    if (!work->places_begun || policy_places_short(&work->places) == 0) return;
    for (uint32_t i = 0; i < work->places.clauses_count; i++) {
        const struct policy_places_clause *clause = &work->places.clauses[i];

        if (!clause->short_of) continue;
        work->failed[clause->rule] = true;
        add_place_miss(work, &work->places, clause);
    }
}

/* Does a PERMIT find its approvals besides those that the REQUIREs take? */
static bool permit_filled(struct work *work, uint32_t number)
{
    const bool begun = work->places_begun;
    struct policy_places places;

    if (!begun)
        policy_places_begin(&work->places, work->view->persons, work->view->persons_count);
    work->places_begun = true;
    places = work->places;
    const uint32_t before = places.clauses_count;
    if (add_places(work, &places, number) == 0) return true;
    (void)policy_places_short(&places);
    for (uint32_t i = before; i < places.clauses_count; i++)
        if (places.clauses[i].short_of) add_place_miss(work, &places, &places.clauses[i]);
    return false;
}

static bool asks_approvals(const struct policy_rule *rule)
{
    for (uint32_t i = 0; i < rule->clauses_count; i++)
        if (rule->clauses[i].type == POLICY_CLAUSE_APPROVALS) return true;
    return false;
}

static void look_at_permits(struct work *work)
{
    for (uint32_t i = 0; i < work->policy->rules_count; i++) {
        const struct policy_rule *rule = &work->policy->rules[i];

        if (!work->matched[i]) continue;
        if (asks_approvals(rule) && !permit_filled(work, i)) work->failed[i] = true;
        if (work->failed[i]) continue;
        if (work->decision->permitted_by == 0 || rule->id < work->decision->permitted_by)
            work->decision->permitted_by = rule->id;
    }
}

/* ---- result -------------------------------------------------------------------------- */

static void add_failed(struct policy_decision *decision, uint16_t id)
{
    uint32_t at = decision->failed_count++;

    ASSERT(at < POLICY_FAILED_MAX);
    for (; at > 0 && decision->failed[at - 1] > id; at--)
        decision->failed[at] = decision->failed[at - 1];
    decision->failed[at] = id;
}

static void conclude(struct work *work)
{
    struct policy_decision *decision = work->decision;
    bool permit_matched = false;

    for (uint32_t i = 0; i < work->policy->rules_count; i++) {
        const struct policy_rule *rule = &work->policy->rules[i];

        permit_matched |= work->matched[i];
        if (!work->failed[i]) continue;
        if (rule->effect == POLICY_EFFECT_PERMIT && decision->permitted_by != 0) continue;
        add_failed(decision, rule->id);
    }
    if (!permit_matched) add_failed(decision, POLICY_RULE_NO_PERMIT);
    decision->allowed = decision->failed_count == 0;
    ASSERT(!decision->allowed || decision->permitted_by != 0);
}

/* What a PERMIT lacks is of no interest when another one holds. */
static void drop_misses_of_permits(struct work *work)
{
    struct policy_misses *misses = work->misses;
    uint32_t kept = 0;

    if (misses == NULL || work->decision->permitted_by == 0) return;
    for (uint32_t i = 0; i < misses->count; i++)
        if (!work->matched[misses->items[i].rule]) misses->items[kept++] = misses->items[i];
    misses->count = kept;
}

void policy_decide(const struct policy *policy, const struct policy_view *view,
                   struct policy_decision *ret_decision, struct policy_misses *misses)
{
    struct work work;

    ASSERT(policy->rules_count <= POLICY_RULES_MAX);
    ASSERT(policy_view_valid(view));
    work.policy = policy;
    work.view = view;
    work.decision = ret_decision;
    work.misses = misses;
    work.places_begun = false;
    work.places.clauses_count = 0;
    memset(work.matched, 0, sizeof work.matched);
    memset(work.failed, 0, sizeof work.failed);
    ret_decision->allowed = false;
    ret_decision->permitted_by = 0;
    ret_decision->failed_count = 0;
    if (misses != NULL) misses->count = 0;

    look_at_rules(&work);
    look_at_places(&work);
    look_at_permits(&work);
    conclude(&work);
    drop_misses_of_permits(&work);
}
