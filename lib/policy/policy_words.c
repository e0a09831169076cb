#include "policy/policy_words.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"

enum {
    POLICY_E = POLICY_FACT_ENVIRONMENT,
    POLICY_T = POLICY_FACT_TIER,
    POLICY_K = POLICY_FACT_KIND,
    EVERY = POLICY_FACT_DATA_CLASS | POLICY_FACT_ACTOR_KIND,
};

static const struct policy_event_info events[] = {
#define X(number, name, subject, facts) [number] = {name, subject, (facts) | EVERY},
    POLICY_EVENT_TABLE(X)
#undef X
};
_Static_assert(sizeof events / sizeof events[0] == POLICY_EVENTS_COUNT, "every type once");

#define WORD(value, name, word)  word,
#define VALUE(value, name, word) value,
const char *const policy_words[POLICY_WORDS_COUNT][POLICY_WORDS_MAX] = {
    [POLICY_WORD_TIER] = {POLICY_TIER_TABLE(WORD) NULL},
    [POLICY_WORD_KIND] = {POLICY_KIND_TABLE(WORD) NULL},
    [POLICY_WORD_CLASS] = {POLICY_CLASS_TABLE(WORD) NULL},
    [POLICY_WORD_ACTOR] = {POLICY_ACTOR_TABLE(WORD) NULL},
    [POLICY_WORD_MEANING] = {POLICY_MEANING_TABLE(WORD) NULL},
    [POLICY_WORD_EFFECT] = {POLICY_EFFECT_TABLE(WORD) NULL},
    [POLICY_WORD_DISTINCT] = {POLICY_DISTINCT_TABLE(WORD) NULL},
    [POLICY_WORD_EXCLUDE] = {POLICY_EXCLUDE_TABLE(WORD) NULL},
    [POLICY_WORD_EVIDENCE] = {POLICY_EVIDENCE_TABLE(WORD) NULL},
    [POLICY_WORD_VERDICT] = {POLICY_VERDICT_TABLE(WORD) NULL},
    [POLICY_WORD_STATE] = {POLICY_STATE_TABLE(WORD) NULL},
    [POLICY_WORD_SEVERITY] = {POLICY_SEVERITY_TABLE(WORD) NULL},
    [POLICY_WORD_INPUT] = {POLICY_INPUT_TABLE(WORD) NULL},
    [POLICY_WORD_OP] = {POLICY_OP_TABLE(WORD) NULL},
};
static const uint8_t values[POLICY_WORDS_COUNT][POLICY_WORDS_MAX] = {
    [POLICY_WORD_TIER] = {POLICY_TIER_TABLE(VALUE) 0},
    [POLICY_WORD_KIND] = {POLICY_KIND_TABLE(VALUE) 0},
    [POLICY_WORD_CLASS] = {POLICY_CLASS_TABLE(VALUE) 0},
    [POLICY_WORD_ACTOR] = {POLICY_ACTOR_TABLE(VALUE) 0},
    [POLICY_WORD_MEANING] = {POLICY_MEANING_TABLE(VALUE) 0},
    [POLICY_WORD_EFFECT] = {POLICY_EFFECT_TABLE(VALUE) 0},
    [POLICY_WORD_DISTINCT] = {POLICY_DISTINCT_TABLE(VALUE) 0},
    [POLICY_WORD_EXCLUDE] = {POLICY_EXCLUDE_TABLE(VALUE) 0},
    [POLICY_WORD_EVIDENCE] = {POLICY_EVIDENCE_TABLE(VALUE) 0},
    [POLICY_WORD_VERDICT] = {POLICY_VERDICT_TABLE(VALUE) 0},
    [POLICY_WORD_STATE] = {POLICY_STATE_TABLE(VALUE) 0},
    [POLICY_WORD_SEVERITY] = {POLICY_SEVERITY_TABLE(VALUE) 0},
    [POLICY_WORD_INPUT] = {POLICY_INPUT_TABLE(VALUE) 0},
    [POLICY_WORD_OP] = {POLICY_OP_TABLE(VALUE) 0},
};

uint32_t policy_word_value(enum policy_word kind, const char *word)
{
    for (size_t i = 0; policy_words[kind][i] != NULL; i++)
        if (strcmp(policy_words[kind][i], word) == 0) return values[kind][i];
    return 0;
}

const char *policy_word_text(enum policy_word kind, uint32_t value)
{
    for (size_t i = 0; policy_words[kind][i] != NULL; i++)
        if (values[kind][i] == value) return policy_words[kind][i];
    return "?";
}

uint32_t policy_word_bits(enum policy_word kind)
{
    uint32_t bits = 0;

    for (size_t i = 0; policy_words[kind][i] != NULL; i++)
        if (values[kind][i] < 32) bits |= UINT32_C(1) << values[kind][i];
    return bits;
}

const struct policy_event_info *policy_event(uint32_t number)
{
    ASSERT(number < POLICY_EVENTS_COUNT);
    return &events[number];
}

uint32_t policy_event_named(const char *name)
{
    uint32_t number = 0;

    while (number < POLICY_EVENTS_COUNT && strcmp(events[number].name, name) != 0) number++;
    return number;
}
