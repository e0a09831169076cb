#include "policy/policy_gate.h"

#include <string.h>

#include "policy/policy_places.h"

/* One combination, and who is excluded in it. */
struct gate {
    const struct policy *policy;
    const uint64_t *rules;
    const struct policy_view *view;
    const struct policy_person *persons;
    uint32_t persons_count;
    struct policy_findings *findings;
    struct policy_places places;
};

static bool matches(const struct gate *gate, uint32_t rule)
{
    return (gate->rules[rule / 64] >> (rule % 64) & 1) != 0;
}

static struct policy_finding finding_of(const struct gate *gate, enum policy_finding_type type,
                                        uint32_t rule, uint32_t clause)
{
    const uint64_t bit = policy_environment_bit(gate->policy, gate->view->environment);

    return (struct policy_finding){.type = type,
                                   .rule = (uint16_t)rule,
                                   .clause = (uint8_t)clause,
                                   .event = gate->view->event,
                                   .environment = bit == 0 ? gate->policy->environments_count
                                                           : (uint32_t)__builtin_ctzll(bit),
                                   .tier = gate->view->tier,
                                   .kind = gate->view->kind};
}

/* ---- the actor ----------------------------------------------------------------------- */

/* The persons who are actors of this kind and have the roles that a rule asks of one.
 * *ret_clause is the first clause that leaves nobody. */
static uint64_t actors_of(const struct gate *gate, uint32_t rule, uint64_t among,
                          uint32_t *ret_clause)
{
    const struct policy_rule *asked = &gate->policy->rules[rule];

    for (uint32_t i = 0; i < asked->clauses_count; i++) {
        if (asked->clauses[i].type != POLICY_CLAUSE_ACTOR_ROLE) continue;
        for (uint32_t k = 0; k < gate->persons_count; k++)
            if ((gate->persons[k].roles & asked->clauses[i].actor_roles) == 0)
                among &= ~(UINT64_C(1) << k);
        *ret_clause = i;
        if (among == 0) break;
    }
    return among;
}

/* A FORBID that looks at roles only forbids those who have them. */
static bool forbids_by_role(const struct policy_rule *rule)
{
    for (uint32_t i = 0; i < rule->clauses_count; i++)
        if (rule->clauses[i].type != POLICY_CLAUSE_ACTOR_ROLE) return false;
    return rule->effect == POLICY_EFFECT_FORBID && rule->clauses_count > 0;
}

/* Those who may act as far as REQUIREs and FORBIDs go. */
static uint64_t actors_left(const struct gate *gate)
{
    const enum policy_actor kind = gate->view->persons[0].kind; /* 0: any */
    uint64_t among = 0;
    uint32_t clause = 0;

    for (uint32_t i = 0; i < gate->persons_count; i++)
        if (gate->persons[i].active && (kind == 0 || gate->persons[i].kind == kind))
            among |= UINT64_C(1) << i;
    for (uint32_t i = 0; i < gate->policy->rules_count; i++) {
        const struct policy_rule *rule = &gate->policy->rules[i];

        if (!matches(gate, i)) continue;
        if (forbids_by_role(rule)) among &= ~actors_of(gate, i, among, &clause);
        if (rule->effect == POLICY_EFFECT_REQUIRE) among = actors_of(gate, i, among, &clause);
    }
    return among;
}

/* Is there somebody whom some PERMIT lets act? When no kind of actor is left out, that there is
 * nobody is said of every PERMIT. */
static bool actor_found(const struct gate *gate)
{
    const uint64_t among = actors_left(gate);
    uint32_t clause = 0;
    bool found = false;

    for (uint32_t i = 0; i < gate->policy->rules_count; i++)
        if (matches(gate, i) && gate->policy->rules[i].effect == POLICY_EFFECT_PERMIT)
            found |= actors_of(gate, i, among, &clause) != 0;
    for (uint32_t i = 0; i < gate->policy->rules_count; i++) {
        if (found || gate->view->persons[0].kind != 0 || !matches(gate, i) ||
            gate->policy->rules[i].effect != POLICY_EFFECT_PERMIT)
            continue;
        clause = POLICY_CLAUSES_MAX; /* the whole rule, when it asks for no role */
        (void)actors_of(gate, i, among, &clause);
        const struct policy_finding finding =
            finding_of(gate, POLICY_FINDING_GATE_ROLE, i, clause);

        policy_finding_add(gate->findings, &finding);
    }
    return found;
}

/* Roles that nobody at all has. */
static void say_roles(const struct gate *gate)
{
    for (uint32_t i = 0; i < gate->policy->rules_count; i++) {
        const struct policy_rule *rule = &gate->policy->rules[i];

        if (!matches(gate, i) || rule->effect == POLICY_EFFECT_FORBID) continue;
        for (uint32_t k = 0; k < rule->clauses_count; k++) {
            bool held = rule->clauses[k].type != POLICY_CLAUSE_ACTOR_ROLE;

            for (uint32_t n = 0; n < gate->persons_count; n++)
                held |= gate->persons[n].active &&
                        (gate->persons[n].roles & rule->clauses[k].actor_roles) != 0;
            if (held) continue;
            const struct policy_finding finding =
                finding_of(gate, POLICY_FINDING_GATE_ROLE, i, k);

            policy_finding_add(gate->findings, &finding);
        }
    }
}

/* ---- approvals and evidence ---------------------------------------------------------- */

static uint64_t could_approve(const struct gate *gate, const struct policy_approvals *clause,
                              uint64_t left_out)
{
    uint64_t persons = 0;

    for (uint32_t i = 0; i < gate->persons_count; i++) {
        const struct policy_person *person = &gate->persons[i];

        if (!person->active || (person->roles & clause->roles) == 0) continue;
        if (clause->human_only && person->kind != POLICY_ACTOR_HUMAN) continue;
        if (clause->distinct == POLICY_DISTINCT_ORG_UNIT && person->unit[0] == '\0') continue;
        if (clause->distinct == POLICY_DISTINCT_SITE && person->site[0] == '\0') continue;
        persons |= UINT64_C(1) << i;
    }
    return clause->exclude != 0 ? persons & ~left_out : persons;
}

/* Add the places of one rule. Returns how many stay empty. */
static uint32_t fill(struct gate *gate, uint32_t number, uint64_t left_out)
{
    const struct policy_rule *rule = &gate->policy->rules[number];
    uint32_t empty = 0;

    for (uint32_t i = 0; i < rule->clauses_count; i++) {
        const struct policy_approvals *clause = &rule->clauses[i].approvals;

        if (rule->clauses[i].type != POLICY_CLAUSE_APPROVALS) continue;
        const struct policy_places_clause wanted = {.eligible =
                                                        could_approve(gate, clause, left_out),
                                                    .count = (uint8_t)clause->count,
                                                    .distinct = clause->distinct,
                                                    .rule = (uint16_t)number,
                                                    .clause = (uint8_t)i};
        empty += clause->count - policy_places_add(&gate->places, &wanted);
    }
    return empty;
}

/* Places that stay empty with these persons left out: those of the REQUIREs, and of the PERMIT
 * that asks least. */
static uint32_t empty_places(struct gate *gate, uint64_t left_out)
{
    uint32_t empty = 0, least = UINT32_MAX;

    policy_places_begin(&gate->places, gate->persons, gate->persons_count);
    for (uint32_t i = 0; i < gate->policy->rules_count; i++)
        if (matches(gate, i) && gate->policy->rules[i].effect == POLICY_EFFECT_REQUIRE)
            empty += fill(gate, i, left_out);
    for (uint32_t i = 0; least != 0 && i < gate->policy->rules_count; i++) {
        if (!matches(gate, i) || gate->policy->rules[i].effect != POLICY_EFFECT_PERMIT)
            continue;
        const struct policy_places before = gate->places;
        const uint32_t here = fill(gate, i, left_out);

        if (here < least) least = here;
        if (here != 0) gate->places = before;
    }
    return least == UINT32_MAX ? empty : empty + least;
}

static bool excludes(const struct gate *gate)
{
    for (uint32_t i = 0; i < gate->policy->rules_count; i++) {
        const struct policy_rule *rule = &gate->policy->rules[i];

        for (uint32_t k = 0; matches(gate, i) && k < rule->clauses_count; k++)
            if ((rule->clauses[k].type == POLICY_CLAUSE_APPROVALS &&
                 rule->clauses[k].approvals.exclude != 0) ||
                (rule->clauses[k].type == POLICY_CLAUSE_EVIDENCE &&
                 rule->clauses[k].evidence.exclude_author))
                return true;
    }
    return false;
}

static void say_short(struct gate *gate)
{
    (void)policy_places_short(&gate->places);
    for (uint32_t i = 0; i < gate->places.clauses_count; i++) {
        const struct policy_places_clause *clause = &gate->places.clauses[i];

        if (!clause->short_of) continue;
        struct policy_finding finding =
            finding_of(gate, POLICY_FINDING_GATE_APPROVALS, clause->rule, clause->clause);

        finding.have = policy_places_alone(&gate->places, clause);
        finding.need = clause->count;
        policy_finding_add(gate->findings, &finding);
    }
}

/* A result whose role nobody has, or nobody but whoever is left out. */
static bool evidence_possible(const struct gate *gate, uint64_t left_out, bool say)
{
    bool possible = true;

    for (uint32_t i = 0; i < gate->policy->rules_count; i++) {
        const struct policy_rule *rule = &gate->policy->rules[i];

        if (!matches(gate, i) || rule->effect != POLICY_EFFECT_REQUIRE) continue;
        for (uint32_t k = 0; k < rule->clauses_count; k++) {
            const struct policy_evidence_need *need = &rule->clauses[k].evidence;
            bool found = rule->clauses[k].type != POLICY_CLAUSE_EVIDENCE || need->by_roles == 0;

            for (uint32_t n = 0; !found && n < gate->persons_count; n++)
                found = gate->persons[n].active &&
                        (gate->persons[n].roles & need->by_roles) != 0 &&
                        !(need->exclude_author && (left_out >> n & 1) != 0);
            if (found) continue;
            possible = false;
            const struct policy_finding finding =
                finding_of(gate, POLICY_FINDING_GATE_EVIDENCE, i, k);
            if (say) policy_finding_add(gate->findings, &finding);
        }
    }
    return possible;
}

/* Which rule's gate is narrow? The first one that excludes somebody. */
static void say_narrow(const struct gate *gate, uint64_t persons)
{
    for (uint32_t i = 0; i < gate->policy->rules_count; i++) {
        const struct policy_rule *rule = &gate->policy->rules[i];

        for (uint32_t k = 0; matches(gate, i) && k < rule->clauses_count; k++) {
            struct policy_finding finding = finding_of(gate, POLICY_FINDING_NARROW, i, k);

            if (rule->clauses[k].type != POLICY_CLAUSE_APPROVALS ||
                rule->clauses[k].approvals.exclude == 0)
                continue;
            finding.persons = persons;
            policy_finding_add(gate->findings, &finding);
            return;
        }
    }
}

bool policy_gate_passable(const struct policy *policy, const uint64_t *rules,
                          const struct policy_view *view, const struct policy_person *persons,
                          uint32_t persons_count, struct policy_findings *findings)
{
    struct gate gate = {.policy = policy,
                        .rules = rules,
                        .view = view,
                        .persons = persons,
                        .persons_count = persons_count,
                        .findings = findings};
    uint64_t best = 0, closed = 0;
    uint32_t least = UINT32_MAX;
    const bool needs_author = excludes(&gate);

    say_roles(&gate);
    const bool actor = actor_found(&gate);
    for (uint32_t i = 0; i < (needs_author ? persons_count : 1); i++) {
        const uint64_t left_out = needs_author ? UINT64_C(1) << i : 0;

        if (needs_author && !persons[i].active) continue;
        const uint32_t empty =
            empty_places(&gate, left_out) +
            (evidence_possible(&gate, left_out, false) ? 0 : POLICY_APPROVALS_MAX);
        if (empty > 0) closed |= left_out;
        if (empty >= least) continue;
        least = empty;
        best = left_out;
    }
    if (least == 0) {
        if (closed != 0) say_narrow(&gate, closed);
        return actor;
    }
    (void)empty_places(&gate, best);
    say_short(&gate);
    (void)evidence_possible(&gate, best, true);
    return false;
}
