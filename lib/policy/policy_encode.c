#include <string.h>

#include "event/canon.h"
#include "policy.pb-c.h"
#include "policy/policy.h"

/* All messages that a clause may need; only one of the parts is used. */
struct clause_room {
    Tally__PolicyClause clause;
    union {
        Tally__PolicyActorRole actor_role;
        Tally__PolicyApprovals approvals;
        Tally__PolicyEvidence evidence;
        Tally__PolicyInputs inputs;
        Tally__PolicyField field;
        Tally__PolicyDelay delay;
        Tally__PolicyState state;
        Tally__PolicyOpen open;
    };
};

static void put_approvals(const struct policy_approvals *from, struct clause_room *to)
{
    tally__policy_approvals__init(&to->approvals);
    to->approvals.roles = from->roles;
    to->approvals.count = from->count;
    to->approvals.distinct = (Tally__PolicyDistinct)from->distinct;
    to->approvals.exclude = from->exclude;
    to->approvals.human_only = from->human_only;
    to->approvals.max_age_ms = from->max_age_ms;
    to->approvals.meanings = from->meanings;
    to->clause.approvals = &to->approvals;
}

static void put_evidence(const struct policy_evidence_need *from, struct clause_room *to)
{
    tally__policy_evidence__init(&to->evidence);
    to->evidence.kind = from->kind;
    to->evidence.suite = (char *)from->suite;
    to->evidence.at_least = from->at_least;
    to->evidence.count = from->count;
    to->evidence.max_age_ms = from->max_age_ms;
    to->evidence.by_roles = from->by_roles;
    to->evidence.exclude_author = from->exclude_author;
    to->clause.evidence = &to->evidence;
}

static void put_field(const struct policy_field_need *from, struct clause_room *to)
{
    tally__policy_field__init(&to->field);
    to->field.name = (char *)from->name;
    to->field.op = (Tally__PolicyOp)from->op;
    to->field.number = from->number;
    to->field.n_texts = from->texts_count;
    to->field.texts = (char **)from->texts;
    to->clause.field = &to->field;
}

static void put_clause(const struct policy_clause *from, struct clause_room *to)
{
    tally__policy_clause__init(&to->clause);
    to->clause.clause_case = (Tally__PolicyClause__ClauseCase)from->type;
    switch (from->type) {
    case POLICY_CLAUSE_ACTOR_ROLE:
        tally__policy_actor_role__init(&to->actor_role);
        to->actor_role.roles = from->actor_roles;
        to->clause.actor_role = &to->actor_role;
        return;
    case POLICY_CLAUSE_APPROVALS:
        put_approvals(&from->approvals, to);
        return;
    case POLICY_CLAUSE_EVIDENCE:
        put_evidence(&from->evidence, to);
        return;
    case POLICY_CLAUSE_BASE_OK:
    case POLICY_CLAUSE_DATA_OK: /* one type of message, one place in the union of the oneof */
        tally__policy_inputs__init(&to->inputs);
        to->inputs.needed = from->input_needed;
        to->clause.base_ok = &to->inputs;
        return;
    case POLICY_CLAUSE_FIELD:
        put_field(&from->field, to);
        return;
    case POLICY_CLAUSE_DELAY:
        tally__policy_delay__init(&to->delay);
        to->delay.delay_ms = from->delay_ms;
        to->clause.delay = &to->delay;
        return;
    case POLICY_CLAUSE_STATE:
        tally__policy_state__init(&to->state);
        to->state.states = from->state.states;
        to->state.negated = from->state.negated;
        to->clause.state = &to->state;
        return;
    case POLICY_CLAUSE_OPEN:
        tally__policy_open__init(&to->open);
        to->open.severity = from->open.severity;
        to->open.breakglass = from->open.severity == 0;
        to->open.negated = from->open.negated;
        to->clause.open = &to->open;
        return;
    }
}

/* True when it says anything. */
static bool put_match(const struct policy_match *from, Tally__PolicyMatch *to)
{
    tally__policy_match__init(to);
    to->events_low = from->events[0];
    to->events_high = from->events[1];
    to->n_subjects = from->subjects_count;
    to->subjects = (char **)from->subjects;
    to->environments = from->environments;
    to->tier_min = from->tier_min;
    to->tier_max = from->tier_max;
    to->kinds = from->kinds;
    to->data_classes = from->classes;
    to->actor_kinds = from->actors;
    return tally__policy_match__get_packed_size(to) > 0;
}

/* What one rule needs. */
struct rule_room {
    Tally__PolicyRule rule;
    Tally__PolicyMatch match;
    Tally__PolicyClause *pointers[POLICY_CLAUSES_MAX];
    struct clause_room clauses[POLICY_CLAUSES_MAX];
};

static void put_rule(const struct policy_rule *from, struct rule_room *to)
{
    tally__policy_rule__init(&to->rule);
    to->rule.id = from->id;
    to->rule.name = (char *)from->name;
    to->rule.effect = (Tally__PolicyEffect)from->effect;
    if (put_match(&from->match, &to->match)) to->rule.match = &to->match;
    for (uint32_t i = 0; i < from->clauses_count; i++) {
        put_clause(&from->clauses[i], &to->clauses[i]);
        to->pointers[i] = &to->clauses[i].clause;
    }
    to->rule.n_clauses = from->clauses_count;
    to->rule.clauses = to->pointers;
}

struct bytes policy_encode(const struct policy *policy, struct arena *arena)
{
    Tally__Policy encoded = TALLY__POLICY__INIT;
    struct rule_room *rooms = arena_alloc(arena, policy->rules_count * sizeof *rooms);
    Tally__PolicyRule **pointers = arena_zalloc(arena, policy->rules_count, sizeof(void *));

    if (rooms == NULL || pointers == NULL) return (struct bytes){0};
    for (uint32_t i = 0; i < policy->rules_count; i++) {
        put_rule(&policy->rules[i], &rooms[i]);
        pointers[i] = &rooms[i].rule;
    }
    encoded.name = (char *)policy->name;
    encoded.n_roles = policy->roles_count;
    encoded.roles = (char **)policy->roles;
    encoded.n_environments = policy->environments_count;
    encoded.environments = (char **)policy->environments;
    encoded.n_rules = policy->rules_count;
    encoded.rules = pointers;
    return canon_pack(&encoded, arena);
}
