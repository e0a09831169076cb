/* Goal: decisions keep the properties that make a policy safe to reason about. Method: seeded
 * random policies and views, changed in one way that must not matter, or that may only deny;
 * and the places of approvers against all ways to fill them, tried one by one.
 *
 * POLICY_SEEDS=N tries more; every failure names the seed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_places.h"
#include "support/check_main.h"
#include "support/policy_random.h"

enum { SEEDS = 4000 };

static struct policy_random random_one;
static struct policy_decision before, after;
static uint64_t draws;

static uint64_t seeds(void)
{
    const char *wanted = getenv("POLICY_SEEDS");

    return wanted != NULL ? strtoull(wanted, NULL, 10) : SEEDS;
}

static uint64_t draw(uint64_t below)
{
    return policy_random_draw(&draws, below);
}

static void decide(struct policy_decision *decision)
{
    policy_decide(&random_one.policy, &random_one.view, decision, NULL);
}

static void begin(uint64_t seed)
{
    draws = seed;
    policy_random_make(&random_one, seed);
    decide(&before);
}

static void same_decision(uint64_t seed)
{
    ck_assert_msg(before.allowed == after.allowed &&
                      before.permitted_by == after.permitted_by &&
                      before.failed_count == after.failed_count &&
                      memcmp(before.failed, after.failed,
                             before.failed_count * sizeof before.failed[0]) == 0,
                  "seed %llu", (unsigned long long)seed);
}

static void only_tighter(uint64_t seed)
{
    ck_assert_msg(before.allowed || !after.allowed, "seed %llu", (unsigned long long)seed);
}

static void shuffle(void *items, size_t count, size_t size)
{
    uint8_t *bytes = items, room[512];

    ck_assert(size <= sizeof room);
    for (size_t i = count; i > 1; i--) {
        const size_t other = (size_t)draw(i);

        memcpy(room, bytes + (i - 1) * size, size);
        memmove(bytes + (i - 1) * size, bytes + other * size, size);
        memcpy(bytes + other * size, room, size);
    }
}

/* Both decisions come up often enough, else the other tests show nothing. */
START_TEST(both_decisions)
{
    uint64_t allowed = 0, with_approvals = 0;

    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        allowed += before.allowed ? 1 : 0;
        for (uint32_t i = 0; before.allowed && i < random_one.policy.rules_count; i++)
            if (random_one.rules[i].effect == POLICY_EFFECT_REQUIRE &&
                random_one.rules[i].clauses[0].type == POLICY_CLAUSE_APPROVALS &&
                policy_matches(&random_one.policy, &random_one.rules[i], &random_one.view)) {
                with_approvals++;
                break;
            }
    }
    ck_assert_uint_gt(allowed, seeds() / 10);
    ck_assert_uint_lt(allowed, seeds() * 9 / 10);
    ck_assert_uint_gt(with_approvals, seeds() / 100);
}
END_TEST

START_TEST(order_never_matters)
{
    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        for (uint32_t i = 0; i < random_one.policy.rules_count; i++)
            shuffle(random_one.clauses[i], random_one.rules[i].clauses_count,
                    sizeof random_one.clauses[i][0]);
        shuffle(random_one.rules, random_one.policy.rules_count, sizeof random_one.rules[0]);
        shuffle(random_one.approvals, random_one.view.approvals_count,
                sizeof random_one.approvals[0]);
        shuffle(random_one.results, random_one.view.results_count,
                sizeof random_one.results[0]);
        if (random_one.view.fields_count == 2)
            shuffle(random_one.fields, 2, sizeof random_one.fields[0]);
        decide(&after);
        same_decision(seed);
    }
}
END_TEST

static uint64_t moved(uint64_t persons, const uint8_t *to, uint32_t count)
{
    uint64_t result = 0;

    for (uint32_t i = 0; i < count; i++)
        if ((persons >> i & 1) != 0) result |= UINT64_C(1) << to[i];
    return result;
}

/* Persons in another order, everything that names them with them. */
START_TEST(order_of_persons_never_matters)
{
    struct policy_person persons[POLICY_RANDOM_PERSONS];
    uint8_t to[POLICY_RANDOM_PERSONS];

    for (uint64_t seed = 0; seed < seeds(); seed++) {
        struct policy_view *view = &random_one.view;

        begin(seed);
        for (uint8_t i = 0; i < view->persons_count; i++) to[i] = i;
        shuffle(to, view->persons_count, 1);
        for (uint32_t i = 0; i < view->persons_count; i++)
            persons[to[i]] = random_one.persons[i];
        memcpy(random_one.persons, persons, view->persons_count * sizeof persons[0]);
        view->actor = to[view->actor];
        for (uint32_t i = 0; i < view->approvals_count; i++)
            random_one.approvals[i].person = to[random_one.approvals[i].person];
        for (uint32_t i = 0; i < view->results_count; i++)
            if (random_one.results[i].by != POLICY_NOBODY)
                random_one.results[i].by = to[random_one.results[i].by];
        view->requesters = moved(view->requesters, to, view->persons_count);
        view->authors = moved(view->authors, to, view->persons_count);
        view->evaluators = moved(view->evaluators, to, view->persons_count);
        view->deployers = moved(view->deployers, to, view->persons_count);
        view->owners = moved(view->owners, to, view->persons_count);
        decide(&after);
        same_decision(seed);
    }
}
END_TEST

START_TEST(a_gate_more_never_allows)
{
    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        policy_random_rule(&random_one, random_one.policy.rules_count,
                           draw(2) == 0 ? POLICY_EFFECT_REQUIRE : POLICY_EFFECT_FORBID);
        random_one.policy.rules_count++;
        decide(&after);
        only_tighter(seed);
    }
}
END_TEST

START_TEST(an_approval_less_never_allows)
{
    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        if (random_one.view.approvals_count == 0) continue;
        const uint64_t gone = draw(random_one.view.approvals_count--);
        random_one.approvals[gone] = random_one.approvals[random_one.view.approvals_count];
        decide(&after);
        only_tighter(seed);
    }
}
END_TEST

/* A result that reaches the best verdict is a pass for every clause. */
START_TEST(a_pass_less_never_allows)
{
    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        for (uint32_t i = 0; i < random_one.view.results_count; i++) {
            if (random_one.results[i].verdict != POLICY_VERDICT_PASSED) continue;
            const bool retracted = draw(2) == 0;

            if (retracted)
                random_one.results[i].retracted = true;
            else
                random_one.results[i] = random_one.results[random_one.view.results_count - 1];
            if (!retracted) random_one.view.results_count--;
            break;
        }
        decide(&after);
        only_tighter(seed);
    }
}
END_TEST

START_TEST(a_failure_more_never_allows)
{
    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        if (random_one.view.results_count == POLICY_RANDOM_FACTS ||
            random_one.view.results_count == 0)
            continue;
        struct policy_result *failure = &random_one.results[random_one.view.results_count++];

        *failure = random_one.results[0];
        failure->verdict = POLICY_VERDICT_FAILED;
        failure->retracted = false;
        decide(&after);
        only_tighter(seed);
    }
}
END_TEST

/* A failure that is newer than everything fails every gate that looks at its suite, however
 * many passes there are. */
START_TEST(newest_failure_decides)
{
    uint64_t looked_at = 0;

    for (uint64_t seed = 0; seed < seeds(); seed++) {
        struct policy_view *view = &random_one.view;

        begin(seed);
        if (view->results_count == POLICY_RANDOM_FACTS) continue;
        random_one.results[view->results_count++] =
            (struct policy_result){.kind = POLICY_EVIDENCE_QUALITY,
                                   .suite = "s0",
                                   .verdict = POLICY_VERDICT_FAILED,
                                   .by = POLICY_NOBODY,
                                   .time_ms = view->now_ms + 5, /* later than any */
                                   .index = 9};
        decide(&after);
        for (uint32_t i = 0; i < random_one.policy.rules_count; i++) {
            const struct policy_rule *rule = &random_one.rules[i];
            bool asks = false, failed = false;

            for (uint32_t k = 0; k < rule->clauses_count; k++)
                asks |= rule->clauses[k].type == POLICY_CLAUSE_EVIDENCE &&
                        rule->clauses[k].evidence.kind == POLICY_EVIDENCE_QUALITY &&
                        strcmp(rule->clauses[k].evidence.suite, "s1") != 0;
            if (!asks || rule->effect != POLICY_EFFECT_REQUIRE ||
                !policy_matches(&random_one.policy, rule, view))
                continue;
            for (uint32_t k = 0; k < after.failed_count; k++)
                failed |= after.failed[k] == rule->id;
            ck_assert_msg(failed, "seed %llu", (unsigned long long)seed);
            looked_at++;
        }
    }
    ck_assert_uint_gt(looked_at, seeds() / 100);
}
END_TEST

/* Whoever approves again, with another key or later, counts no more than before. */
START_TEST(two_keys_of_one_person_count_once)
{
    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        for (uint32_t i = 0; random_one.view.approvals_count < POLICY_RANDOM_FACTS &&
                             i < random_one.view.approvals_count;
             i += 2) {
            random_one.approvals[random_one.view.approvals_count] = random_one.approvals[i];
            random_one.view.approvals_count++;
        }
        decide(&after);
        same_decision(seed);
    }
}
END_TEST

/* What is not known only tightens; so does one author more, and a person who is suspended. */
START_TEST(less_known_never_allows)
{
    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        random_one.view.unknown |= UINT32_C(1) << draw(5);
        decide(&after);
        only_tighter(seed);
        begin(seed);
        random_one.view.authors |= UINT64_C(1) << draw(random_one.view.persons_count);
        decide(&after);
        only_tighter(seed);
        begin(seed);
        random_one
            .persons[draw(2) == 0 ? random_one.view.actor : draw(random_one.view.persons_count)]
            .active = false;
        decide(&after);
        only_tighter(seed);
    }
}
END_TEST

/* Misses name the rules that failed, and nothing else does. */
START_TEST(misses_are_those_that_failed)
{
    static struct policy_misses misses;

    for (uint64_t seed = 0; seed < seeds(); seed++) {
        begin(seed);
        policy_decide(&random_one.policy, &random_one.view, &after, &misses);
        same_decision(seed);
        for (uint32_t i = 0; i < misses.count; i++) {
            const struct policy_rule *rule = &random_one.rules[misses.items[i].rule];
            bool failed = false;

            for (uint32_t k = 0; k < after.failed_count; k++)
                failed |= after.failed[k] == rule->id;
            ck_assert_msg(failed, "seed %llu: %s", (unsigned long long)seed, rule->name);
            ck_assert_int_ne(misses.items[i].lack, POLICY_LACK_NONE);
        }
        for (uint32_t i = 0; i < random_one.policy.rules_count; i++) {
            bool failed = false, missed = false;

            if (random_one.rules[i].effect != POLICY_EFFECT_REQUIRE) continue;
            for (uint32_t k = 0; k < after.failed_count; k++)
                failed |= after.failed[k] == random_one.rules[i].id;
            for (uint32_t k = 0; k < misses.count; k++) missed |= misses.items[k].rule == i;
            ck_assert_msg(failed == missed, "seed %llu", (unsigned long long)seed);
        }
    }
}
END_TEST

/* ---- places -------------------------------------------------------------------------- */

enum { CLAUSES = 4, PERSONS = 7 };

struct puzzle {
    struct policy_person persons[PERSONS];
    struct policy_places_clause clauses[CLAUSES];
    uint32_t clauses_count, persons_count;
};

static const char *group_of(const struct puzzle *puzzle, enum policy_distinct distinct,
                            uint32_t person)
{
    return distinct == POLICY_DISTINCT_ORG_UNIT ? puzzle->persons[person].unit
                                                : puzzle->persons[person].site;
}

/* The most places that can be filled: each person tries every clause, and none. */
static uint32_t brute_force(const struct puzzle *puzzle, uint32_t *holds, uint32_t person)
{
    uint32_t best = 0;

    if (person == puzzle->persons_count) {
        for (uint32_t i = 0; i < person; i++) best += holds[i] < CLAUSES ? 1 : 0;
        return best;
    }
    for (uint32_t c = 0; c <= puzzle->clauses_count; c++) {
        const struct policy_places_clause *clause = &puzzle->clauses[c];
        uint32_t held = 0;
        bool free_group = true;

        holds[person] = CLAUSES;
        if (c < puzzle->clauses_count) {
            if ((clause->eligible >> person & 1) == 0) continue;
            for (uint32_t i = 0; i < person; i++) {
                if (holds[i] != c) continue;
                held++;
                if (clause->distinct != POLICY_DISTINCT_PERSON &&
                    strcmp(group_of(puzzle, clause->distinct, i),
                           group_of(puzzle, clause->distinct, person)) == 0)
                    free_group = false;
            }
            if (held == clause->count || !free_group) continue;
            holds[person] = c;
        }
        const uint32_t here = brute_force(puzzle, holds, person + 1);
        if (here > best) best = here;
    }
    return best;
}

static void make_puzzle(struct puzzle *puzzle, uint64_t seed)
{
    static const char *const groups[] = {"a", "b", "c"};

    draws = seed;
    puzzle->persons_count = (uint32_t)(1 + draw(PERSONS));
    puzzle->clauses_count = (uint32_t)(1 + draw(CLAUSES));
    for (uint32_t i = 0; i < puzzle->persons_count; i++)
        puzzle->persons[i] =
            (struct policy_person){.id = "", .unit = groups[draw(3)], .site = groups[draw(3)]};
    for (uint32_t i = 0; i < puzzle->clauses_count; i++) {
        uint64_t eligible = draw(UINT64_C(1) << puzzle->persons_count);

        eligible |= draw(UINT64_C(1) << puzzle->persons_count); /* three in four */
        puzzle->clauses[i] =
            (struct policy_places_clause){.eligible = eligible,
                                          .count = (uint8_t)(1 + draw(3)),
                                          .distinct = (enum policy_distinct)(1 + draw(3))};
    }
}

static uint32_t fill(const struct puzzle *puzzle, struct policy_places *places)
{
    uint32_t filled = 0;

    policy_places_begin(places, puzzle->persons, puzzle->persons_count);
    for (uint32_t i = 0; i < puzzle->clauses_count; i++)
        filled += policy_places_add(places, &puzzle->clauses[i]);
    return filled;
}

START_TEST(places_against_brute_force)
{
    struct policy_places places;
    uint32_t holds[PERSONS], shared = 0;

    for (uint64_t seed = 0; seed < seeds(); seed++) {
        struct puzzle puzzle = {.persons_count = 0};
        uint32_t wanted = 0, alone = 0;

        make_puzzle(&puzzle, seed);
        const uint32_t best = brute_force(&puzzle, holds, 0);
        ck_assert_msg(fill(&puzzle, &places) == best, "seed %llu", (unsigned long long)seed);
        for (uint32_t i = 0; i < puzzle.clauses_count; i++) {
            wanted += puzzle.clauses[i].count;
            alone += policy_places_alone(&places, &puzzle.clauses[i]);
        }
        const uint32_t short_of = policy_places_short(&places);
        ck_assert_msg((short_of == 0) == (best == wanted), "seed %llu",
                      (unsigned long long)seed);
        shared += alone == wanted && best < wanted ? 1 : 0;
    }
    ck_assert_uint_gt(shared, 20); /* enough for each, and not for all: the hard ones */
}
END_TEST

/* The clauses that are short are the same ones whatever the order, and taking one of them away
 * helps, while taking another one away does not. */
START_TEST(short_clauses_do_not_depend_on_order)
{
    struct policy_places places, again;
    struct puzzle puzzle = {.persons_count = 0}, turned;

    for (uint64_t seed = 0; seed < seeds(); seed++) {
        make_puzzle(&puzzle, seed);
        for (uint32_t i = 0; i < puzzle.clauses_count; i++)
            puzzle.clauses[i].rule = (uint16_t)i;
        (void)fill(&puzzle, &places);
        const uint32_t short_of = policy_places_short(&places);
        turned = puzzle;
        shuffle(turned.clauses, turned.clauses_count, sizeof turned.clauses[0]);
        (void)fill(&turned, &again);
        ck_assert_uint_eq(policy_places_short(&again), short_of);
        for (uint32_t i = 0; i < puzzle.clauses_count; i++)
            ck_assert_msg(again.clauses[i].short_of ==
                              places.clauses[again.clauses[i].rule].short_of,
                          "seed %llu", (unsigned long long)seed);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("policy_random");
    TCase *all = tcase_create("all");

    tcase_add_test(all, both_decisions);
    tcase_add_test(all, order_never_matters);
    tcase_add_test(all, order_of_persons_never_matters);
    tcase_add_test(all, a_gate_more_never_allows);
    tcase_add_test(all, an_approval_less_never_allows);
    tcase_add_test(all, a_pass_less_never_allows);
    tcase_add_test(all, a_failure_more_never_allows);
    tcase_add_test(all, newest_failure_decides);
    tcase_add_test(all, two_keys_of_one_person_count_once);
    tcase_add_test(all, less_known_never_allows);
    tcase_add_test(all, misses_are_those_that_failed);
    tcase_add_test(all, places_against_brute_force);
    tcase_add_test(all, short_clauses_do_not_depend_on_order);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
