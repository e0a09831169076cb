#include "support/decide_expect.h"

#include <check.h>

void decide_expect(const char *name, const struct decide_facts *facts,
                   const struct event *event, const uint16_t *rules)
{
    struct decide_verdict verdict;
    uint16_t want = 0;

    decide(facts, event, &verdict);
    while (rules[want] != 0) want++;
    ck_assert_msg(verdict.failed_count == want, "case %s: %u rules, not %u (first %s)", name,
                  (unsigned)verdict.failed_count, (unsigned)want,
                  verdict.failed_count > 0 ? decide_rule_name(verdict.failed[0]) : "-");
    ck_assert_int_eq(verdict.allowed, want == 0);
    for (uint16_t i = 0; i < want; i++) {
        ck_assert_msg(verdict.failed[i] == rules[i], "case %s: %u %s, not %u %s", name,
                      (unsigned)verdict.failed[i], decide_rule_name(verdict.failed[i]),
                      (unsigned)rules[i], decide_rule_name(rules[i]));
    }
}
