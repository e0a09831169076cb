#include "support/policy_random.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

enum { DAY_MS = 24 * 3600 * 1000, ROLES = 4, ENVIRONMENTS = 2 };

static const char *const roles[ROLES] = {"r0", "r1", "r2", "r3"};
static const char *const environments[ENVIRONMENTS] = {"e0", "e1"};
static const char *const units[] = {"u0", "u1", "u2", ""};
static const char *const suites[] = {"", "s0", "s1"};
static const char *const texts[] = {"dora", "lora", "qlora"};
static const char *const subjects[] = {"model/m0", "model/m0/version/1", "model/m1",
                                       "dataset/d0"};
static const uint32_t events[] = {35, 45, 4, 51};

uint64_t policy_random_draw(uint64_t *state, uint64_t below)
{
    ASSERT(below > 0);
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static uint64_t draw(struct policy_random *random, uint64_t below)
{
    return policy_random_draw(&random->state, below);
}

static bool chance(struct policy_random *random, uint32_t percent)
{
    return draw(random, 100) < percent;
}

/* Some bits from 1 << least to 1 << most, one at least. */
static uint32_t some_bits(struct policy_random *random, uint32_t least, uint32_t most)
{
    uint32_t bits = UINT32_C(1) << (least + draw(random, most - least + 1));

    for (uint32_t i = least; i <= most; i++)
        if (chance(random, 30)) bits |= UINT32_C(1) << i;
    return bits;
}

/* ---- rules --------------------------------------------------------------------------- */

static void make_match(struct policy_random *random, uint32_t number,
                       struct policy_match *match)
{
    *match = (struct policy_match){.subjects = random->subjects[number]};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (chance(random, 70)) match->events[0] |= UINT64_C(1) << events[i];
    if (chance(random, 20))
        random->subjects[number][match->subjects_count++] = subjects[draw(random, 3)];
    if (chance(random, 20)) match->environments = some_bits(random, 0, ENVIRONMENTS - 1);
    if (chance(random, 20)) {
        match->tier_min = (uint8_t)(1 + draw(random, 3));
        match->tier_max = (uint8_t)(match->tier_min + draw(random, 4U - match->tier_min));
    }
    if (chance(random, 15)) match->kinds = some_bits(random, 1, 4);
    if (chance(random, 15)) match->classes = some_bits(random, 1, 4);
    if (chance(random, 15)) match->actors = some_bits(random, 1, 3);
}

static void make_approvals(struct policy_random *random, struct policy_approvals *clause)
{
    *clause = (struct policy_approvals){
        .roles = some_bits(random, 0, ROLES - 1),
        .count = (uint32_t)(1 + draw(random, 3)),
        .distinct = (enum policy_distinct)(1 + draw(random, 3)),
        .exclude = chance(random, 30) ? some_bits(random, 1, 5) : 0,
        .human_only = chance(random, 70),
        .max_age_ms = chance(random, 30) ? (1 + draw(random, 5)) * DAY_MS : 0,
        .meanings = some_bits(random, POLICY_MEANING_REVIEW, POLICY_MEANING_APPROVE)};
}

static void make_field(struct policy_random *random, struct policy_field_need *clause)
{
    if (chance(random, 50))
        *clause = (struct policy_field_need){.name = "number",
                                             .op = (enum policy_op)(1 + draw(random, 4)),
                                             .number = draw(random, 4)};
    else
        *clause = (struct policy_field_need){.name = "text",
                                             .op = (enum policy_op)(5 + draw(random, 2)),
                                             .texts = texts,
                                             .texts_count = (uint32_t)(1 + draw(random, 3))};
}

static void make_clause(struct policy_random *random, enum policy_effect effect,
                        struct policy_clause *clause)
{
    do {
        const uint64_t type =
            chance(random, 30) ? POLICY_CLAUSE_APPROVALS : 1 + draw(random, 9);

        *clause = (struct policy_clause){.type = (enum policy_clause_type)type};
    } while (!policy_clause_fits(effect, clause->type));
    switch (clause->type) {
    case POLICY_CLAUSE_ACTOR_ROLE:
        clause->actor_roles = some_bits(random, 0, ROLES - 1);
        return;
    case POLICY_CLAUSE_APPROVALS:
        make_approvals(random, &clause->approvals);
        return;
    case POLICY_CLAUSE_EVIDENCE:
        clause->evidence = (struct policy_evidence_need){
            .kind = (enum policy_evidence_kind)(1 + draw(random, 2)),
            .suite = suites[draw(random, 3)],
            .at_least = (enum policy_verdict)(2 + draw(random, 2)),
            .count = (uint32_t)(1 + draw(random, 2)),
            .max_age_ms = chance(random, 30) ? (1 + draw(random, 5)) * DAY_MS : 0,
            .by_roles = chance(random, 30) ? some_bits(random, 0, ROLES - 1) : 0,
            .exclude_author = chance(random, 30)};
        return;
    case POLICY_CLAUSE_BASE_OK:
    case POLICY_CLAUSE_DATA_OK:
        clause->input_needed = chance(random, 50);
        return;
    case POLICY_CLAUSE_FIELD:
        make_field(random, &clause->field);
        return;
    case POLICY_CLAUSE_DELAY:
        clause->delay_ms = (1 + draw(random, 3)) * DAY_MS;
        return;
    case POLICY_CLAUSE_STATE:
        clause->state.states = some_bits(random, 1, 4);
        clause->state.negated = chance(random, 50);
        return;
    case POLICY_CLAUSE_OPEN:
        clause->open.severity = (uint32_t)draw(random, 4);
        clause->open.negated = chance(random, 50);
        return;
    }
}

void policy_random_rule(struct policy_random *random, uint32_t number,
                        enum policy_effect effect)
{
    struct policy_rule *rule = &random->rules[number];

    (void)snprintf(random->names[number], sizeof random->names[number], "rule-%u", number);
    *rule = (struct policy_rule){.id = (uint16_t)(POLICY_RULE_ID_MIN + 7 * number),
                                 .name = random->names[number],
                                 .effect = effect,
                                 .clauses = random->clauses[number]};
    make_match(random, number, &rule->match);
    rule->clauses_count = (uint32_t)draw(random, 3);
    if (effect == POLICY_EFFECT_REQUIRE && rule->clauses_count == 0) rule->clauses_count = 1;
    for (uint32_t i = 0; i < rule->clauses_count; i++)
        make_clause(random, effect, &random->clauses[number][i]);
}

/* ---- views --------------------------------------------------------------------------- */

static uint64_t some_persons(struct policy_random *random)
{
    uint64_t persons = 0;

    for (uint32_t i = 0; i < random->view.persons_count; i++)
        if (chance(random, 15)) persons |= UINT64_C(1) << i;
    return persons;
}

/* Mostly whole days, so that limits are met exactly; sometimes a millisecond off. */
static uint64_t some_time(struct policy_random *random, uint64_t now_ms)
{
    const uint64_t age = draw(random, 7) * DAY_MS;

    return now_ms - age + (chance(random, 20) ? draw(random, 3) : 1) - 1;
}

static void make_persons(struct policy_random *random)
{
    static const char *const ids[POLICY_RANDOM_PERSONS] = {"p0", "p1", "p2", "p3", "p4",
                                                           "p5", "p6", "p7", "p8", "p9"};

    random->view.persons_count = (uint32_t)(1 + draw(random, POLICY_RANDOM_PERSONS));
    for (uint32_t i = 0; i < random->view.persons_count; i++) {
        uint64_t held = draw(random, UINT64_C(1) << ROLES);

        held |= draw(random, UINT64_C(1) << ROLES); /* three in four */
        random->persons[i] = (struct policy_person){
            .id = ids[i],
            .unit = units[draw(random, 4)],
            .site = units[draw(random, 4)],
            .roles = held,
            .kind = chance(random, 80) ? POLICY_ACTOR_HUMAN
                                       : (enum policy_actor)(1 + draw(random, 3)),
            .active = chance(random, 90)};
    }
}

static void make_facts(struct policy_random *random)
{
    struct policy_view *view = &random->view;

    view->approvals_count = (uint32_t)draw(random, POLICY_RANDOM_FACTS + 1);
    for (uint32_t i = 0; i < view->approvals_count; i++)
        random->approvals[i] = (struct policy_approval){
            .person = (uint8_t)draw(random, view->persons_count),
            .meaning = chance(random, 80) ? POLICY_MEANING_APPROVE : POLICY_MEANING_REVIEW,
            .stale = chance(random, 10),
            .time_ms = some_time(random, view->now_ms)};
    view->results_count = (uint32_t)draw(random, POLICY_RANDOM_FACTS / 2 + 1);
    for (uint32_t i = 0; i < view->results_count; i++)
        random->results[i] = (struct policy_result){
            .kind = (enum policy_evidence_kind)(1 + draw(random, 2)),
            .suite = suites[draw(random, 3)],
            .verdict = chance(random, 70) ? POLICY_VERDICT_PASSED
                                          : (enum policy_verdict)(1 + draw(random, 3)),
            .retracted = chance(random, 10),
            .by =
                chance(random, 90) ? (uint8_t)draw(random, view->persons_count) : POLICY_NOBODY,
            .time_ms = some_time(random, view->now_ms),
            .index = draw(random, 3)};
    view->fields_count = (uint32_t)draw(random, 3);
    random->fields[0] = (struct policy_field){.name = "number", .number = draw(random, 4)};
    random->fields[1] = (struct policy_field){.name = "text", .text = texts[draw(random, 3)]};
}

void policy_random_view(struct policy_random *random, uint64_t seed)
{
    struct policy_view *view = &random->view;

    random->state = seed;
    *view = (struct policy_view){
        .event = events[draw(random, sizeof events / sizeof events[0])],
        .subject = subjects[draw(random, 4)],
        .environment = draw(random, 3) == 0 ? "" : environments[draw(random, ENVIRONMENTS)],
        .tier = (enum policy_tier)draw(random, 4),
        .kind = (enum policy_kind)draw(random, 5),
        .data_class = (enum policy_class)draw(random, 5),
        .unknown = chance(random, 20) ? (uint32_t)draw(random, 32) : 0,
        .persons = random->persons,
        .approvals = random->approvals,
        .results = random->results,
        .fields = random->fields,
        .base = (enum policy_input)draw(random, chance(random, 70) ? 3 : 9),
        .data = (enum policy_input)draw(random, chance(random, 70) ? 3 : 9),
        .states = (uint32_t)draw(random, 16) << 1,
        .incidents = chance(random, 20) ? some_bits(random, 1, 4) : 0,
        .unreviewed_breakglass = chance(random, 20),
        .now_ms = UINT64_C(1000) * DAY_MS};
    make_persons(random);
    view->actor = (uint8_t)draw(random, view->persons_count);
    view->requesters = some_persons(random);
    view->authors = some_persons(random);
    view->evaluators = some_persons(random);
    view->deployers = some_persons(random);
    view->owners = some_persons(random);
    view->requested_ms = chance(random, 80) ? some_time(random, view->now_ms) : 0;
    make_facts(random);
}

void policy_random_make(struct policy_random *random, uint64_t seed)
{
    policy_random_view(random, ~seed);
    random->state = seed;
    random->policy = (struct policy){.name = "random",
                                     .roles_count = ROLES,
                                     .environments_count = ENVIRONMENTS,
                                     .rules_count = (uint32_t)(1 + draw(random, 10)),
                                     .roles = roles,
                                     .environments = environments,
                                     .rules = random->rules};
    for (uint32_t i = 0; i < random->policy.rules_count; i++)
        policy_random_rule(random, i,
                           chance(random, 50) ? POLICY_EFFECT_PERMIT
                                              : (enum policy_effect)(2 + draw(random, 2)));
}
