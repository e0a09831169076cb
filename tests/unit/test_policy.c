/* Goal: a policy has one encoding, and a decode lets nothing else through. Method: round trips
 * of random policies and of one at the limits; a good policy with exactly one thing changed in
 * each row; bytes cut and flipped. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "policy.pb-c.h"
#include "policy/policy.h"
#include "support/check_main.h"
#include "support/policy_random.h"

static struct arena *arena;
static struct policy_random random_one;

static void begin(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
}

static void end(void)
{
    arena_close(arena);
}

static struct bytes round_trip(const struct policy *policy)
{
    const struct bytes bytes = policy_encode(policy, arena);
    struct tally_diag diag = {""};
    struct policy again;

    ck_assert_ptr_nonnull(bytes.data);
    ck_assert_msg(policy_decode(bytes, arena, &again, &diag) == TALLY_OK, "%s", diag.text);
    ck_assert_uint_eq(again.rules_count, policy->rules_count);
    ck_assert(bytes_equal(policy_encode(&again, arena), bytes));
    return bytes;
}

/* What is decoded also decides the same. */
START_TEST(random_round_trips)
{
    struct policy_decision decision, decision_again;
    struct policy again;

    for (uint64_t seed = 0; seed < 500; seed++) {
        policy_random_make(&random_one, seed);
        const struct bytes bytes = round_trip(&random_one.policy);

        ck_assert_int_eq(policy_decode(bytes, arena, &again, NULL), TALLY_OK);
        policy_decide(&random_one.policy, &random_one.view, &decision, NULL);
        policy_decide(&again, &random_one.view, &decision_again, NULL);
        ck_assert_int_eq(decision.allowed, decision_again.allowed);
        ck_assert_uint_eq(decision.failed_count, decision_again.failed_count);
        ck_assert_mem_eq(decision.failed, decision_again.failed, decision.failed_count * 2);
        arena_reset(arena, 0);
    }
}
END_TEST

/* ---- one thing changed --------------------------------------------------------------- */

/* A good policy as messages; a row changes one of them. */
static Tally__Policy policy;
static Tally__PolicyRule rules[2];
static Tally__PolicyMatch match;
static Tally__PolicyClause clauses[2];
static Tally__PolicyApprovals approvals;
static Tally__PolicyEvidence evidence;
static Tally__PolicyField field;
static Tally__PolicyState state;
static Tally__PolicyOpen open_matter;
static Tally__PolicyInputs inputs;
static Tally__PolicyDelay delay;
static Tally__PolicyActorRole actor_role;
static char *role_names[66], *environment_names[2], *subjects[10], *texts[17];
static Tally__PolicyRule *rule_pointers[257];
static Tally__PolicyClause *clause_pointers[9];

static void make_match(void)
{
    tally__policy_match__init(&match);
    match.events_high = 1 << 6; /* the last type */
    match.tier_min = 1;
    match.tier_max = 3;
    match.n_subjects = 2;
    match.subjects = subjects;
    match.environments = 3;
    match.kinds = match.data_classes = 2 | 16;
    match.actor_kinds = 2 | 8;
    rules[1].match = &match;
}

static void make(void)
{
    static char long_names[66][16];

    tally__policy__init(&policy);
    for (int i = 0; i < 66; i++) {
        (void)snprintf(long_names[i], sizeof long_names[i], "role%02d", i);
        role_names[i] = long_names[i];
    }
    environment_names[0] = (char *)"production";
    environment_names[1] = (char *)"staging";
    subjects[0] = (char *)"model/a";
    subjects[1] = (char *)"model/b";
    for (int i = 2; i < 10; i++) subjects[i] = (char *)"model/c";
    for (int i = 0; i < 17; i++) texts[i] = (char *)(i == 0 ? "dora" : "lora");
    policy.name = (char *)"acme";
    policy.n_roles = 2;
    policy.roles = role_names;
    policy.n_environments = 2;
    policy.environments = environment_names;
    policy.n_rules = 2;
    policy.rules = rule_pointers;
    for (int i = 0; i < 2; i++) {
        tally__policy_rule__init(&rules[i]);
        tally__policy_clause__init(&clauses[i]);
        rule_pointers[i] = &rules[i];
    }
    for (int i = 2; i < 257; i++) rule_pointers[i] = &rules[1];
    for (int i = 0; i < 9; i++) clause_pointers[i] = &clauses[0];
    rules[0].id = 1024;
    rules[0].name = (char *)"one";
    rules[0].effect = TALLY__POLICY_EFFECT__POLICY_EFFECT_REQUIRE;
    rules[0].n_clauses = 1;
    rules[0].clauses = clause_pointers;
    rules[1].id = 65535;
    rules[1].name = (char *)"two";
    rules[1].effect = TALLY__POLICY_EFFECT__POLICY_EFFECT_PERMIT;
    make_match();
    tally__policy_approvals__init(&approvals);
    approvals.roles = 3;
    approvals.count = 16;
    approvals.distinct = TALLY__POLICY_DISTINCT__POLICY_DISTINCT_SITE;
    approvals.exclude = 62;
    approvals.meanings = 126;
    clauses[0].clause_case = TALLY__POLICY_CLAUSE__CLAUSE_APPROVALS;
    clauses[0].approvals = &approvals;
    tally__policy_evidence__init(&evidence);
    evidence.kind = POLICY_EVIDENCE_DPIA;
    evidence.at_least = POLICY_VERDICT_PASSED;
    evidence.count = 1;
    tally__policy_field__init(&field);
    field.name = (char *)"method";
    field.op = TALLY__POLICY_OP__POLICY_OP_ONE_OF;
    field.n_texts = 2;
    field.texts = texts;
    tally__policy_state__init(&state);
    state.states = 4094;
    tally__policy_open__init(&open_matter);
    open_matter.severity = 4;
    tally__policy_inputs__init(&inputs);
    tally__policy_delay__init(&delay);
    delay.delay_ms = 1;
    tally__policy_actor_role__init(&actor_role);
    actor_role.roles = 2;
}

#define CLAUSE(function, word, member, message)                                                \
    static void function(void)                                                                 \
    {                                                                                          \
        clauses[0].clause_case = TALLY__POLICY_CLAUSE__CLAUSE_##word;                          \
        clauses[0].member = &(message);                                                        \
    }
CLAUSE(is_evidence, EVIDENCE, evidence, evidence)
CLAUSE(is_field, FIELD, field, field)
CLAUSE(is_state, STATE, state, state)
CLAUSE(is_open, OPEN, open, open_matter)
CLAUSE(is_base, BASE_OK, base_ok, inputs)
CLAUSE(is_data, DATA_OK, data_ok, inputs)
CLAUSE(is_delay, DELAY, delay, delay)
CLAUSE(is_actor, ACTOR_ROLE, actor_role, actor_role)

#define CHANGE(function, statement)                                                            \
    static void function(void)                                                                 \
    {                                                                                          \
        statement;                                                                             \
    }
CHANGE(nothing, (void)0)
CHANGE(no_name, policy.name = (char *)"")
CHANGE(bad_name, policy.name = (char *)"A")
CHANGE(roles_64, policy.n_roles = 64)
CHANGE(roles_65, policy.n_roles = 65)
CHANGE(roles_twice, role_names[1] = role_names[0])
CHANGE(environments_turned,
       (environment_names[0] = (char *)"staging", environment_names[1] = (char *)"production"))
CHANGE(no_rules, policy.n_rules = 0)
CHANGE(many_rules, policy.n_rules = 257)
CHANGE(id_low, rules[0].id = 1023)
CHANGE(id_high, rules[1].id = 65536)
CHANGE(ids_equal, rules[1].id = 1024)
CHANGE(ids_turned, (rules[0].id = 65535, rules[1].id = 1024))
CHANGE(rule_name, rules[0].name = (char *)"a b")
CHANGE(names_equal, rules[1].name = (char *)"one")
CHANGE(no_effect, rules[1].effect = TALLY__POLICY_EFFECT__POLICY_EFFECT_UNSPECIFIED)
CHANGE(effect_4, rules[1].effect = (Tally__PolicyEffect)4)
CHANGE(empty_require, rules[0].n_clauses = 0)
CHANGE(clauses_8, rules[0].n_clauses = 8)
CHANGE(clauses_9, rules[0].n_clauses = 9)
CHANGE(empty_clause, clauses[0].clause_case = TALLY__POLICY_CLAUSE__CLAUSE__NOT_SET)
CHANGE(forbid_approvals, rules[0].effect = TALLY__POLICY_EFFECT__POLICY_EFFECT_FORBID)
CHANGE(empty_match, tally__policy_match__init(&match))
CHANGE(event_71, match.events_high = 1 << 7)
CHANGE(subject_bad, subjects[0] = (char *)"Model")
CHANGE(subject_artifact, subjects[0] = (char *)"artifact/x")
CHANGE(subjects_equal, subjects[1] = (char *)"model/a")
CHANGE(subjects_9, match.n_subjects = 9)
CHANGE(tier_max_only, match.tier_min = 0)
CHANGE(tier_turned, match.tier_max = 0)
CHANGE(tier_4, match.tier_max = 4)
CHANGE(environment_bit, match.environments = 4)
CHANGE(kind_0, match.kinds = 1)
CHANGE(class_5, match.data_classes = 1 << 5)
CHANGE(actor_4, match.actor_kinds = 1 << 4)
CHANGE(no_roles, approvals.roles = 0)
CHANGE(role_bit, approvals.roles = 4)
CHANGE(count_0, approvals.count = 0)
CHANGE(count_17, approvals.count = 17)
CHANGE(not_distinct, approvals.distinct = TALLY__POLICY_DISTINCT__POLICY_DISTINCT_UNSPECIFIED)
CHANGE(exclude_6, approvals.exclude = 1 << 6)
CHANGE(no_meaning, approvals.meanings = 0)
CHANGE(meaning_7, approvals.meanings = 1 << 7)
CHANGE(evidence_kind, (is_evidence(), evidence.kind = 7))
CHANGE(evidence_suite, (is_evidence(), evidence.suite = (char *)"A b"))
CHANGE(evidence_verdict, (is_evidence(), evidence.at_least = 4))
CHANGE(evidence_count, (is_evidence(), evidence.count = 0))
CHANGE(evidence_role, (is_evidence(), evidence.by_roles = 4))
CHANGE(field_name, (is_field(), field.name = (char *)""))
CHANGE(field_op, (is_field(), field.op = TALLY__POLICY_OP__POLICY_OP_UNSPECIFIED))
CHANGE(field_texts_of_number, (is_field(), field.op = TALLY__POLICY_OP__POLICY_OP_IS))
CHANGE(field_number_of_texts, (is_field(), field.number = 1))
CHANGE(field_no_texts, (is_field(), field.n_texts = 0))
CHANGE(field_17, (is_field(), field.n_texts = 17))
CHANGE(field_turned, (is_field(), texts[1] = (char *)"a"))
CHANGE(field_empty_text, (is_field(), texts[0] = (char *)""))
CHANGE(no_state, (is_state(), state.states = 0))
CHANGE(state_12, (is_state(), state.states = 1 << 12))
CHANGE(open_nothing, (is_open(), open_matter.severity = 0))
CHANGE(open_both, (is_open(), open_matter.breakglass = 1))
CHANGE(open_5, (is_open(), open_matter.severity = 5))
CHANGE(no_delay, (is_delay(), delay.delay_ms = 0))
CHANGE(actor_nobody, (is_actor(), actor_role.roles = 0))

static const struct {
    void (*change)(void);
    const char *says; /* NULL: it is fine */
} changes[] = {
    {nothing, NULL},
    {is_evidence, NULL},
    {is_field, NULL},
    {is_state, NULL},
    {is_open, NULL},
    {is_base, NULL},
    {is_data, NULL},
    {is_delay, NULL},
    {is_actor, NULL},
    {roles_64, NULL},
    {clauses_8, NULL},
    {no_rules, NULL},
    {no_name, "name is no path segment"},
    {bad_name, "name is no path segment"},
    {roles_65, "at most 64"},
    {roles_twice, "roles must be"},
    {environments_turned, "environments must be"},
    {many_rules, "at most 256"},
    {id_low, "1024 to 65535"},
    {id_high, "1024 to 65535"},
    {ids_equal, "ascend by id"},
    {ids_turned, "ascend by id"},
    {rule_name, "no path segment"},
    {names_equal, "one name"},
    {no_effect, "permit, require or forbid"},
    {effect_4, "effect"},
    {empty_require, "asks for nothing"},
    {clauses_9, "at most 8 clauses"},
    {empty_clause, "says nothing"},
    {forbid_approvals, "a forbid looks at"},
    {empty_match, "must be absent"},
    {event_71, "event type"},
    {subject_bad, "prefixes"},
    {subject_artifact, "prefixes"},
    {subjects_equal, "prefixes"},
    {subjects_9, "at most 8"},
    {tier_max_only, "tier_min"},
    {tier_turned, "tier_min"},
    {tier_4, "tier_min"},
    {environment_bit, "without a meaning"},
    {kind_0, "without a meaning"},
    {class_5, "without a meaning"},
    {actor_4, "without a meaning"},
    {no_roles, "known roles"},
    {role_bit, "known roles"},
    {count_0, "1 to 16"},
    {count_17, "1 to 16"},
    {not_distinct, "distinct"},
    {exclude_6, "exclude"},
    {no_meaning, "meanings"},
    {meaning_7, "meanings"},
    {evidence_kind, "unknown kind"},
    {evidence_suite, "suite"},
    {evidence_verdict, "verdict"},
    {evidence_count, "1 to 16"},
    {evidence_role, "unknown role"},
    {field_name, "field's name"},
    {field_op, "comparison"},
    {field_texts_of_number, "compared with"},
    {field_number_of_texts, "compared with"},
    {field_no_texts, "compared with"},
    {field_17, "compared with"},
    {field_turned, "ascend"},
    {field_empty_text, "ascend"},
    {no_state, "known states"},
    {state_12, "known states"},
    {open_nothing, "open is about"},
    {open_both, "open is about"},
    {open_5, "severity"},
    {no_delay, "delay"},
    {actor_nobody, "known roles"},
};

START_TEST(one_thing_changed)
{
    const char *says = changes[_i].says;
    struct tally_diag diag = {""};
    struct policy decoded;

    make();
    changes[_i].change();
    const size_t size = tally__policy__get_packed_size(&policy);
    uint8_t *bytes = arena_alloc(arena, size);
    tally__policy__pack(&policy, bytes);
    const enum tally_err err = policy_decode(bytes_of(bytes, size), arena, &decoded, &diag);
    ck_assert_int_eq(err, says == NULL ? TALLY_OK : TALLY_E_MALFORMED);
    ck_assert_msg(says == NULL || strstr(diag.text, says) != NULL, "%s", diag.text);
}
END_TEST

START_TEST(too_large)
{
    static uint8_t bytes[POLICY_SIZE_MAX + 1];
    struct policy decoded;

    ck_assert_int_eq(policy_decode(bytes_of(bytes, sizeof bytes), arena, &decoded, NULL),
                     TALLY_E_TOO_LARGE);
}
END_TEST

/* Every prefix, and every byte changed: refused, or another policy that encodes to its bytes.
 */
START_TEST(cut_and_flipped)
{
    struct policy decoded;

    policy_random_make(&random_one, 3);
    const struct bytes bytes = policy_encode(&random_one.policy, arena);
    uint8_t copy[4096];

    ck_assert_uint_le(bytes.size, sizeof copy);
    for (size_t i = 0; i < bytes.size; i++) {
        memcpy(copy, bytes.data, bytes.size);
        copy[i] ^= (uint8_t)(1 << (i % 8));
        if (policy_decode(bytes_of(copy, bytes.size), arena, &decoded, NULL) == TALLY_OK)
            ck_assert(bytes_equal(policy_encode(&decoded, arena), bytes_of(copy, bytes.size)));
        if (policy_decode(bytes_of(bytes.data, i), arena, &decoded, NULL) == TALLY_OK)
            ck_assert(bytes_equal(policy_encode(&decoded, arena), bytes_of(bytes.data, i)));
    }
}
END_TEST

/* Words and numbers agree in both directions, and every event type is there once. */
START_TEST(words)
{
    for (uint32_t kind = 0; kind < POLICY_WORDS_COUNT; kind++)
        for (uint32_t i = 0; policy_words[kind][i] != NULL; i++) {
            const uint32_t value =
                policy_word_value((enum policy_word)kind, policy_words[kind][i]);

            ck_assert_uint_gt(value, 0);
            ck_assert_str_eq(policy_word_text((enum policy_word)kind, value),
                             policy_words[kind][i]);
        }
    ck_assert_uint_eq(policy_word_value(POLICY_WORD_TIER, "huge"), 0);
    ck_assert_str_eq(policy_word_text(POLICY_WORD_TIER, 9), "?");
    for (uint32_t i = 0; i < POLICY_EVENTS_COUNT; i++)
        ck_assert_uint_eq(policy_event_named(policy_event(i)->name), i);
    ck_assert_uint_eq(policy_event_named("stage.moved"), POLICY_EVENTS_COUNT);
}
END_TEST

/* People find every type, and its facts, in the page that messages send them to. */
START_TEST(types_in_docs)
{
    const char *root = getenv("TALLY_SOURCE_DIR");
    char path[4096], row[96], name[96];
    uint8_t *page = NULL;
    size_t size = 0;

    (void)snprintf(path, sizeof path, "%s/docs/governance-policy.md",
                   root != NULL ? root : ".");
    ck_assert_int_eq(file_read(path, 1024 * 1024, &page, &size, NULL), TALLY_OK);
    for (uint32_t i = 0; i < POLICY_EVENTS_COUNT; i++) {
        const uint8_t facts = policy_event(i)->facts;
        const char *parts[] = {(facts & POLICY_FACT_ENVIRONMENT) != 0 ? "environment" : NULL,
                               (facts & POLICY_FACT_TIER) != 0 ? "tier" : NULL,
                               (facts & POLICY_FACT_KIND) != 0 ? "kind" : NULL};
        size_t at = 0;

        for (size_t k = 0; k < 3; k++)
            if (parts[k] != NULL)
                at += (size_t)snprintf(row + at, sizeof row - at, "%s%s", at == 0 ? "" : ", ",
                                       parts[k]);
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "\n| %s | `", at == 0 ? "none" : row);
        const char *line = strstr((const char *)page, wanted);
        ck_assert_msg(line != NULL, "%s", wanted);
        (void)snprintf(name, sizeof name, "`%s`", policy_event(i)->name);
        const char *found = strstr(line + 1, name);
        ck_assert_msg(found != NULL && found < strchr(line + 1, '\n'), "%s", name);
    }
    free(page);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("policy");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, random_round_trips);
    tcase_add_loop_test(all, one_thing_changed, 0, (int)(sizeof changes / sizeof changes[0]));
    tcase_add_test(all, too_large);
    tcase_add_test(all, cut_and_flipped);
    tcase_add_test(all, words);
    tcase_add_test(all, types_in_docs);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
