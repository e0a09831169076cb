#include "config/policy_yaml.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"

enum { KNOWN_SIZE = 200, LIKE_SIZE = 64, LIKE_STEPS = 3 };

bool policy_yaml_given(const struct config_text *text)
{
    return text->text != NULL && text->text[0] != '\0';
}

uint32_t policy_yaml_word(enum policy_word kind, const struct config_text *text,
                          uint32_t absent)
{
    return policy_yaml_given(text) ? policy_word_value(kind, text->text) : absent;
}

/* ---- what somebody may have meant ---------------------------------------------------- */

/* Letters to change, add or drop to make one text of the other; both below LIKE_SIZE. */
static size_t distance(const char *a, const char *b)
{
    const size_t a_size = strlen(a), b_size = strlen(b);
    size_t row[LIKE_SIZE + 1];

    for (size_t k = 0; k <= b_size; k++) row[k] = k;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t k = 1; k <= b_size; k++) {
            const size_t change = diagonal + (a[i - 1] == b[k - 1] ? 0 : 1);
            const size_t shorter = row[k] < row[k - 1] ? row[k] : row[k - 1];

            diagonal = row[k];
            row[k] = change < shorter + 1 ? change : shorter + 1;
        }
    }
    return row[b_size];
}

const char *policy_yaml_like(const char *text, const char *const *words, uint32_t count)
{
    const char *best = NULL;
    size_t least = LIKE_STEPS + 1;

    if (strlen(text) >= LIKE_SIZE) return NULL;
    for (uint32_t i = 0; i < count && words[i] != NULL; i++) {
        if (strlen(words[i]) >= LIKE_SIZE) continue;
        const size_t steps = distance(text, words[i]);
        if (steps >= least) continue;
        least = steps;
        best = words[i];
    }
    return best;
}

static void list_words(const char *const *words, uint32_t count, char known[KNOWN_SIZE])
{
    size_t at = 0;

    known[0] = '\0';
    for (uint32_t i = 0; i < count && words[i] != NULL && at < KNOWN_SIZE; i++)
        at +=
            (size_t)snprintf(known + at, KNOWN_SIZE - at, "%s%s", i == 0 ? "" : ", ", words[i]);
}

/* ---- words and names ----------------------------------------------------------------- */

uint32_t policy_yaml_words(struct config *config, enum policy_word kind,
                           const struct config_texts *texts)
{
    char known[KNOWN_SIZE];
    uint32_t bits = 0;

    if (texts->place.line != 0 && texts->count == 0)
        config_fault(config, texts->place, "an empty list; leave it out to mean any");
    for (uint32_t i = 0; i < texts->count; i++) {
        const struct config_text *text = &texts->items[i];
        const uint32_t value = policy_word_value(kind, text->text);

        if (text->text[0] == '\0') continue; /* was at fault already */
        if (value == 0) {
            list_words(policy_words[kind], POLICY_WORDS_MAX, known);
            config_fault(config, text->place, "unknown word '%.60s'; known here: %s",
                         text->text, known);
        } else if ((bits >> value & 1) != 0) {
            config_fault(config, text->place, "'%s' is there twice", text->text);
        } else {
            bits |= UINT32_C(1) << value;
        }
    }
    return bits;
}

static void unknown_name(struct config *config, const struct policy_yaml_names *names,
                         const struct config_text *text)
{
    const char *like = policy_yaml_like(text->text, names->names, names->count);

    if (like != NULL)
        config_fault(config, text->place, "no %s '%.60s' is declared; did you mean '%s'?",
                     names->what, text->text, like);
    else
        config_fault(config, text->place,
                     "no %s '%.60s' is declared; add it to '%ss' at the top", names->what,
                     text->text, names->what);
}

uint64_t policy_yaml_bits(struct config *config, const struct policy_yaml_names *names,
                          const struct config_texts *texts)
{
    uint64_t bits = 0;

    if (texts->place.line != 0 && texts->count == 0)
        config_fault(config, texts->place, "an empty list; name a %s, or leave it out",
                     names->what);
    for (uint32_t i = 0; i < texts->count; i++) {
        const struct config_text *text = &texts->items[i];
        uint32_t at = 0;

        if (text->text[0] == '\0') continue;
        while (at < names->count && strcmp(names->names[at], text->text) != 0) at++;
        if (at == names->count)
            unknown_name(config, names, text);
        else if ((bits >> at & 1) != 0)
            config_fault(config, text->place, "'%s' is there twice", text->text);
        else
            bits |= UINT64_C(1) << at;
    }
    return bits;
}

uint64_t policy_yaml_span(struct config *config, const struct config_text *text)
{
    uint64_t ms = 0;

    if (policy_yaml_given(text) && !duration_parse(text->text, &ms))
        config_fault(config, text->place,
                     "'%.40s' is no span of time; write 30d, 24h, 90m, 2s or 1h30m",
                     text->text);
    return ms;
}

const char *const *policy_yaml_sorted(struct config *config, const struct config_texts *texts,
                                      bool (*valid)(const char *text), const char *remedy,
                                      struct arena *arena)
{
    const char **sorted = arena_zalloc(arena, texts->count, sizeof *sorted);

    for (uint32_t i = 0; sorted != NULL && i < texts->count; i++) {
        const struct config_text *text = &texts->items[i];
        uint32_t at = i;

        if (text->text[0] != '\0' && !valid(text->text))
            config_fault(config, text->place, "'%.60s': %s", text->text, remedy);
        for (uint32_t k = 0; k < i; k++)
            if (text->text[0] != '\0' && strcmp(texts->items[k].text, text->text) == 0)
                config_fault(config, text->place, "'%.60s' is there twice", text->text);
        const struct bytes copy = arena_copy(arena, bytes_of(text->text, strlen(text->text)));
        if (copy.data == NULL) return NULL;
        for (; at > 0 && strcmp(sorted[at - 1], text->text) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = (const char *)copy.data;
    }
    return sorted;
}

uint32_t policy_yaml_event(struct config *config, const struct config_text *text)
{
    const char *names[POLICY_EVENTS_COUNT];
    const uint32_t number = policy_event_named(text->text);

    if (number < POLICY_EVENTS_COUNT || text->text[0] == '\0') return number;
    for (uint32_t i = 0; i < POLICY_EVENTS_COUNT; i++) names[i] = policy_event(i)->name;
    const char *like = policy_yaml_like(text->text, names, POLICY_EVENTS_COUNT);
    if (like != NULL)
        config_fault(config, text->place, "no event type '%.60s'; did you mean '%s'?",
                     text->text, like);
    else
        config_fault(config, text->place,
                     "no event type '%.60s'; they are listed in docs/governance-policy.md",
                     text->text);
    return number;
}
