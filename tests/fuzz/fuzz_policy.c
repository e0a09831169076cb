/* Any bytes as a policy: what decodes encodes to itself, decides every view, and decides it the
 * same whatever the order of its rules; a gate never opens by a rule more. The survey ends. */
#include <string.h>

#include "base/assert.h"
#include "policy/policy_survey.h"
#include "support/policy_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VIEWS = 4 };

static struct policy_random random_view;
static struct policy_findings findings;

static void check_decision(const struct policy *policy, const struct policy_decision *decision)
{
    ASSERT(decision->allowed == (decision->failed_count == 0));
    ASSERT(!decision->allowed || decision->permitted_by != 0);
    for (uint32_t i = 0; i < decision->failed_count; i++) {
        ASSERT(i == 0 || decision->failed[i - 1] < decision->failed[i]);
        ASSERT(decision->failed[i] == POLICY_RULE_NO_PERMIT ||
               policy_rule_of(policy, decision->failed[i]) != NULL);
    }
}

/* The rules from the last to the first. */
static void check_turned(const struct policy *policy, const struct policy_decision *decision)
{
    static struct policy_rule rules[POLICY_RULES_MAX];
    struct policy turned = *policy;
    struct policy_decision again;

    for (uint32_t i = 0; i < policy->rules_count; i++)
        rules[i] = policy->rules[policy->rules_count - 1 - i];
    turned.rules = rules;
    policy_decide(&turned, &random_view.view, &again, NULL);
    ASSERT(again.allowed == decision->allowed && again.failed_count == decision->failed_count);
    ASSERT(memcmp(again.failed, decision->failed,
                  again.failed_count * sizeof again.failed[0]) == 0);
}

/* Without its last gate it allows what it allowed. */
static void check_gate(const struct policy *policy, const struct policy_decision *decision)
{
    struct policy less = *policy;
    struct policy_decision again;

    if (policy->rules_count == 0 ||
        policy->rules[policy->rules_count - 1].effect == POLICY_EFFECT_PERMIT)
        return;
    less.rules_count--;
    policy_decide(&less, &random_view.view, &again, NULL);
    ASSERT(!decision->allowed || again.allowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct policy_misses misses;
    struct policy_decision decision;
    struct arena *arena = NULL;
    struct policy policy;

    if (arena_open(0, &arena) != TALLY_OK) return 0;
    if (policy_decode(bytes_of(data, size), arena, &policy, NULL) == TALLY_OK) {
        const struct bytes again = policy_encode(&policy, arena);

        ASSERT(again.data == NULL || bytes_equal(again, bytes_of(data, size)));
        for (uint64_t seed = 0; seed < VIEWS; seed++) {
            policy_random_view(&random_view, seed * size + (size > 0 ? data[size / 2] : 0));
            policy_decide(&policy, &random_view.view, &decision, &misses);
            check_decision(&policy, &decision);
            check_turned(&policy, &decision);
            check_gate(&policy, &decision);
        }
        /* A large policy takes the survey a while; the decode is what is explored. */
        if (policy.rules_count <= 8)
            policy_survey(&policy, random_view.persons, random_view.view.persons_count,
                          &findings);
    }
    arena_close(arena);
    return 0;
}
