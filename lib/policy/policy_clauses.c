#include "policy/policy_clauses.h"

#include <string.h>

#include "base/assert.h"

/* ---- approvals ----------------------------------------------------------------------- */

/* Is a thing of `time_ms` not in the future and not older than `max_age_ms` (0: any age)? */
static bool fresh(uint64_t now_ms, uint64_t time_ms, uint64_t max_age_ms)
{
    return time_ms <= now_ms && (max_age_ms == 0 || now_ms - time_ms <= max_age_ms);
}

static uint64_t excluded(const struct policy_view *view, uint32_t exclude)
{
    uint64_t persons = 0;

    if ((exclude >> POLICY_EXCLUDE_REQUESTER & 1) != 0) persons |= view->requesters;
    if ((exclude >> POLICY_EXCLUDE_AUTHOR & 1) != 0) persons |= view->authors;
    if ((exclude >> POLICY_EXCLUDE_EVALUATOR & 1) != 0) persons |= view->evaluators;
    if ((exclude >> POLICY_EXCLUDE_DEPLOYER & 1) != 0) persons |= view->deployers;
    if ((exclude >> POLICY_EXCLUDE_OWNER & 1) != 0) persons |= view->owners;
    return persons;
}

enum policy_void policy_approval_void(const struct policy_approvals *clause,
                                      const struct policy_view *view,
                                      const struct policy_approval *approval)
{
    const struct policy_person *person = &view->persons[approval->person];
    const uint64_t bit = UINT64_C(1) << approval->person;

    if (approval->stale) return POLICY_VOID_STALE;
    if ((clause->meanings >> approval->meaning & 1) == 0) return POLICY_VOID_MEANING;
    if (!person->active) return POLICY_VOID_INACTIVE;
    if ((person->roles & clause->roles) == 0) return POLICY_VOID_ROLE;
    if (clause->human_only && person->kind != POLICY_ACTOR_HUMAN) return POLICY_VOID_NOT_HUMAN;
    if ((excluded(view, clause->exclude) & bit) != 0) return POLICY_VOID_EXCLUDED;
    if (!fresh(view->now_ms, approval->time_ms, clause->max_age_ms)) return POLICY_VOID_OLD;
    if (clause->distinct == POLICY_DISTINCT_ORG_UNIT && person->unit[0] == '\0')
        return POLICY_VOID_GROUP;
    if (clause->distinct == POLICY_DISTINCT_SITE && person->site[0] == '\0')
        return POLICY_VOID_GROUP;
    return POLICY_VOID_NONE;
}

uint64_t policy_clause_eligible(const struct policy_approvals *clause,
                                const struct policy_view *view)
{
    uint64_t persons = 0;

    for (uint32_t i = 0; i < view->approvals_count; i++)
        if (policy_approval_void(clause, view, &view->approvals[i]) == POLICY_VOID_NONE)
            persons |= UINT64_C(1) << view->approvals[i].person;
    return persons;
}

/* ---- evidence ------------------------------------------------------------------------ */

static bool concerns(const struct policy_evidence_need *need,
                     const struct policy_result *result)
{
    return !result->retracted && result->kind == need->kind &&
           (need->suite[0] == '\0' || strcmp(result->suite, need->suite) == 0);
}

static bool newer(const struct policy_result *a, const struct policy_result *b)
{
    return a->time_ms > b->time_ms || (a->time_ms == b->time_ms && a->index > b->index);
}

/* A result that reaches the verdict, of somebody and of an age that the clause takes. */
static bool counts(const struct policy_evidence_need *need, const struct policy_view *view,
                   const struct policy_result *result)
{
    if (result->verdict < need->at_least) return false;
    if (!fresh(view->now_ms, result->time_ms, need->max_age_ms)) return false;
    if (need->by_roles != 0 && (result->by == POLICY_NOBODY ||
                                (view->persons[result->by].roles & need->by_roles) == 0))
        return false;
    /* Whoever is not known may be the author. */
    return !need->exclude_author ||
           (result->by != POLICY_NOBODY && (view->authors >> result->by & 1) == 0);
}

/* What the results of one suite say: its newest failure against its newest pass that counts.
 * At the same time and index the failure wins. */
enum suite_says { SUITE_NOTHING, SUITE_HOLDS, SUITE_FAILS };

static enum suite_says ask_suite(const struct policy_evidence_need *need,
                                 const struct policy_view *view, const char *suite)
{
    const struct policy_result *pass = NULL, *failure = NULL;

    for (uint32_t i = 0; i < view->results_count; i++) {
        const struct policy_result *result = &view->results[i];

        if (!concerns(need, result) || strcmp(result->suite, suite) != 0) continue;
        if (result->verdict < need->at_least) {
            if (failure == NULL || newer(result, failure)) failure = result;
        } else if (counts(need, view, result)) {
            if (pass == NULL || newer(result, pass)) pass = result;
        }
    }
    if (failure != NULL && (pass == NULL || !newer(pass, failure))) return SUITE_FAILS;
    return pass != NULL ? SUITE_HOLDS : SUITE_NOTHING;
}

/* Is results[at] the first of its suite that the clause is about? */
static bool first_of_suite(const struct policy_evidence_need *need,
                           const struct policy_view *view, uint32_t at)
{
    if (!concerns(need, &view->results[at])) return false;
    for (uint32_t i = 0; i < at; i++)
        if (concerns(need, &view->results[i]) &&
            strcmp(view->results[i].suite, view->results[at].suite) == 0)
            return false;
    return true;
}

static bool evidence_holds(const struct policy_evidence_need *need,
                           const struct policy_view *view, struct policy_miss *miss)
{
    uint32_t holding = 0, failing = 0;

    for (uint32_t i = 0; i < view->results_count; i++) {
        if (!first_of_suite(need, view, i)) continue;
        switch (ask_suite(need, view, view->results[i].suite)) {
        case SUITE_NOTHING:
            break;
        case SUITE_HOLDS:
            holding++;
            break;
        case SUITE_FAILS:
            failing++;
            break;
        }
    }
    if (failing == 0 && holding >= need->count) return true;
    miss->lack = failing > 0 ? POLICY_LACK_FAILURE : POLICY_LACK_EVIDENCE;
    miss->have = failing > 0 ? failing : holding;
    miss->need = need->count;
    return false;
}

/* ---- the others ---------------------------------------------------------------------- */

static bool lacks(struct policy_miss *miss, enum policy_lack lack)
{
    miss->lack = lack;
    return false;
}

static bool input_holds(bool needed, enum policy_input worst, struct policy_miss *miss)
{
    if (worst == 0) return needed ? lacks(miss, POLICY_LACK_INPUT_NONE) : true;
    return worst < POLICY_INPUT_UNPINNED ? true : lacks(miss, POLICY_LACK_INPUT);
}

static bool field_compares(const struct policy_field_need *need,
                           const struct policy_field *field)
{
    bool among = false;

    for (uint32_t i = 0; field->text != NULL && i < need->texts_count; i++)
        among |= strcmp(need->texts[i], field->text) == 0;
    switch (need->op) {
    case POLICY_OP_IS:
        return field->number == need->number;
    case POLICY_OP_IS_NOT:
        return field->number != need->number;
    case POLICY_OP_AT_LEAST:
        return field->number >= need->number;
    case POLICY_OP_AT_MOST:
        return field->number <= need->number;
    case POLICY_OP_ONE_OF:
        return among;
    case POLICY_OP_NONE_OF:
        return !among;
    }
    UNREACHABLE("a comparison that no decode lets through");
}

static bool field_holds(const struct policy_field_need *need, const struct policy_view *view,
                        struct policy_miss *miss)
{
    for (uint32_t i = 0; i < view->fields_count; i++) {
        const struct policy_field *field = &view->fields[i];

        if (strcmp(field->name, need->name) != 0) continue;
        if ((field->text != NULL) != (need->texts_count > 0)) break;
        return field_compares(need, field) ? true : lacks(miss, POLICY_LACK_FIELD);
    }
    return lacks(miss, POLICY_LACK_FIELD_NONE);
}

static bool delay_holds(uint64_t delay_ms, const struct policy_view *view,
                        struct policy_miss *miss)
{
    if (view->requested_ms == 0 || view->requested_ms > view->now_ms)
        return lacks(miss, POLICY_LACK_REQUEST);
    miss->have = view->now_ms - view->requested_ms;
    miss->need = delay_ms;
    return miss->have >= delay_ms ? true : lacks(miss, POLICY_LACK_DELAY);
}

/* An open incident of at least this severity, or with 0 an unreviewed break-glass. */
static bool is_open(uint32_t severity, const struct policy_view *view)
{
    return severity == 0 ? view->unreviewed_breakglass : view->incidents >> severity != 0;
}

/* A suspended actor is let through nothing, and escapes nothing either. */
static bool actor_holds(uint64_t roles, enum policy_effect effect,
                        const struct policy_view *view, struct policy_miss *miss)
{
    const struct policy_person *actor = &view->persons[view->actor];
    const bool counts_now = actor->active || effect == POLICY_EFFECT_FORBID;

    return counts_now && (actor->roles & roles) != 0 ? true : lacks(miss, POLICY_LACK_ROLE);
}

bool policy_clause_holds(const struct policy_clause *clause, enum policy_effect effect,
                         const struct policy_view *view, struct policy_miss *miss)
{
    switch (clause->type) {
    case POLICY_CLAUSE_ACTOR_ROLE:
        return actor_holds(clause->actor_roles, effect, view, miss);
    case POLICY_CLAUSE_EVIDENCE:
        return evidence_holds(&clause->evidence, view, miss);
    case POLICY_CLAUSE_BASE_OK:
        return input_holds(clause->input_needed, view->base, miss);
    case POLICY_CLAUSE_DATA_OK:
        return input_holds(clause->input_needed, view->data, miss);
    case POLICY_CLAUSE_FIELD:
        return field_holds(&clause->field, view, miss);
    case POLICY_CLAUSE_DELAY:
        return delay_holds(clause->delay_ms, view, miss);
    case POLICY_CLAUSE_STATE:
        return ((view->states & clause->state.states) != 0) != clause->state.negated
                   ? true
                   : lacks(miss, POLICY_LACK_STATE);
    case POLICY_CLAUSE_OPEN:
        return is_open(clause->open.severity, view) != clause->open.negated
                   ? true
                   : lacks(miss, POLICY_LACK_OPEN);
    case POLICY_CLAUSE_APPROVALS:
        break;
    }
    UNREACHABLE("approvals are decided together");
}
