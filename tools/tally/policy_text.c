#include "policy_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"

/* A text that grows until its room is full. */
struct text {
    char *to;
    size_t at;
};

static struct text text_begin(char to[POLICY_TEXT_SIZE])
{
    to[0] = '\0';
    return (struct text){to, 0};
}

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format,
                                                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int size =
        vsnprintf(text->to + text->at, POLICY_TEXT_SIZE - text->at, format, arguments);
    va_end(arguments);
    if (size > 0) text->at += (size_t)size;
    if (text->at > POLICY_TEXT_SIZE - 1) text->at = POLICY_TEXT_SIZE - 1;
}

static void put_names(struct text *text, uint64_t bits, const char *const *names,
                      uint32_t count)
{
    bool first = true;

    for (uint32_t i = 0; i < count; i++) {
        if ((bits >> i & 1) == 0) continue;
        put(text, "%s%s", first ? "" : " or ", names[i]);
        first = false;
    }
}

static void put_words(struct text *text, enum policy_word kind, uint32_t bits)
{
    bool first = true;

    for (uint32_t i = 0; i < 32; i++) {
        if ((bits >> i & 1) == 0) continue;
        put(text, "%s%s", first ? "" : " or ", policy_word_text(kind, i));
        first = false;
    }
}

static void put_age(struct text *text, uint64_t max_age_ms)
{
    char span[DURATION_TEXT_SIZE];

    if (max_age_ms != 0) put(text, ", at most %s old", duration_format(max_age_ms, span));
}

/* ---- clauses ------------------------------------------------------------------------- */

static void put_approvals(struct text *text, const struct policy *policy,
                          const struct policy_approvals *clause)
{
    put(text, "%u approval%s (", clause->count, clause->count == 1 ? "" : "s");
    put_words(text, POLICY_WORD_MEANING, clause->meanings);
    put(text, ") by %s with role ", clause->human_only ? "people" : "principals");
    put_names(text, clause->roles, policy->roles, policy->roles_count);
    if (clause->distinct != POLICY_DISTINCT_PERSON)
        put(text, ", each of another %s",
            policy_word_text(POLICY_WORD_DISTINCT, clause->distinct));
    if (clause->exclude != 0) {
        put(text, ", who are not ");
        put_words(text, POLICY_WORD_EXCLUDE, clause->exclude);
    }
    put_age(text, clause->max_age_ms);
}

static void put_evidence(struct text *text, const struct policy *policy,
                         const struct policy_evidence_need *clause)
{
    put(text, "the newest %s result", policy_word_text(POLICY_WORD_EVIDENCE, clause->kind));
    if (clause->suite[0] != '\0') put(text, " of suite %s", clause->suite);
    if (clause->count > 1) put(text, " of %u suites", clause->count);
    put(text, " to be %s%s", policy_word_text(POLICY_WORD_VERDICT, clause->at_least),
        clause->at_least == POLICY_VERDICT_PASSED ? "" : " or better");
    put_age(text, clause->max_age_ms);
    if (clause->by_roles != 0) {
        put(text, ", by somebody with role ");
        put_names(text, clause->by_roles, policy->roles, policy->roles_count);
    }
    if (clause->exclude_author) put(text, ", not by an author");
}

static void put_field(struct text *text, const struct policy_field_need *clause)
{
    put(text, "field %s %s", clause->name, policy_word_text(POLICY_WORD_OP, clause->op));
    if (clause->texts_count == 0) put(text, " %llu", (unsigned long long)clause->number);
    for (uint32_t i = 0; i < clause->texts_count; i++)
        put(text, "%s %s", i == 0 ? "" : ",", clause->texts[i]);
}

const char *policy_text_clause(const struct policy *policy, const struct policy_clause *clause,
                               char to[POLICY_TEXT_SIZE])
{
    struct text text = text_begin(to);
    char span[DURATION_TEXT_SIZE];

    switch (clause->type) {
    case POLICY_CLAUSE_ACTOR_ROLE:
        put(&text, "an actor with role ");
        put_names(&text, clause->actor_roles, policy->roles, policy->roles_count);
        break;
    case POLICY_CLAUSE_APPROVALS:
        put_approvals(&text, policy, &clause->approvals);
        break;
    case POLICY_CLAUSE_EVIDENCE:
        put_evidence(&text, policy, &clause->evidence);
        break;
    case POLICY_CLAUSE_BASE_OK:
        put(&text, "every base registered, pinned and fine%s",
            clause->input_needed ? ", and at least one" : "");
        break;
    case POLICY_CLAUSE_DATA_OK:
        put(&text, "every data set registered, pinned and fine%s",
            clause->input_needed ? ", and at least one" : "");
        break;
    case POLICY_CLAUSE_FIELD:
        put_field(&text, &clause->field);
        break;
    case POLICY_CLAUSE_DELAY:
        put(&text, "%s since the request", duration_format(clause->delay_ms, span));
        break;
    case POLICY_CLAUSE_STATE:
        put(&text, "the subject to be %s", clause->state.negated ? "neither " : "");
        put_words(&text, POLICY_WORD_STATE, clause->state.states);
        break;
    case POLICY_CLAUSE_OPEN:
        put(&text, "%s ", clause->open.negated ? "no" : "an");
        if (clause->open.severity == 0)
            put(&text, "unreviewed break-glass");
        else
            put(&text, "open incident that is %s or worse",
                policy_word_text(POLICY_WORD_SEVERITY, clause->open.severity));
        break;
    }
    return to;
}

/* ---- what is missing ----------------------------------------------------------------- */

static void put_count(struct text *text, const struct policy_miss *miss, const char *what)
{
    put(text, "%llu of %llu %s", (unsigned long long)miss->have, (unsigned long long)miss->need,
        what);
}

static void put_field_value(struct text *text, const struct policy_clause *clause,
                            const struct policy_view *view)
{
    for (uint32_t i = 0; i < view->fields_count; i++) {
        if (strcmp(view->fields[i].name, clause->field.name) != 0) continue;
        if (view->fields[i].text != NULL)
            put(text, "it is '%s'", view->fields[i].text);
        else
            put(text, "it is %llu", (unsigned long long)view->fields[i].number);
    }
}

const char *policy_text_lack(const struct policy_clause *clause, const struct policy_view *view,
                             const struct policy_miss *miss, char to[POLICY_TEXT_SIZE])
{
    struct text text = text_begin(to);
    char span[DURATION_TEXT_SIZE];
    const enum policy_input input =
        clause->type == POLICY_CLAUSE_BASE_OK ? view->base : view->data;

    switch (miss->lack) {
    case POLICY_LACK_NONE:
        break;
    case POLICY_LACK_ROLE:
        put(&text, "the actor %s has no such role%s", view->persons[view->actor].id,
            view->persons[view->actor].active ? "" : ", and is suspended");
        break;
    case POLICY_LACK_APPROVALS:
        put_count(&text, miss, "found");
        break;
    case POLICY_LACK_SHARED:
        put(&text, "enough, but the same people are needed for another rule too, and one "
                   "person counts once");
        break;
    case POLICY_LACK_EVIDENCE:
        put_count(&text, miss, "found");
        break;
    case POLICY_LACK_FAILURE:
        put(&text, "a newer result does not reach it");
        break;
    case POLICY_LACK_INPUT_NONE:
        put(&text, "none is named");
        break;
    case POLICY_LACK_INPUT:
        put(&text, "one is %s", policy_word_text(POLICY_WORD_INPUT, input));
        break;
    case POLICY_LACK_FIELD_NONE:
        put(&text, "the event has no such field of this type");
        break;
    case POLICY_LACK_FIELD:
        put_field_value(&text, clause, view);
        break;
    case POLICY_LACK_REQUEST:
        put(&text, "there is no request");
        break;
    case POLICY_LACK_DELAY:
        put(&text, "%s more", duration_format(miss->need - miss->have, span));
        break;
    case POLICY_LACK_STATE:
        put(&text, "it is ");
        put_words(&text, POLICY_WORD_STATE, view->states);
        if (view->states == 0) put(&text, "none of the known states");
        break;
    case POLICY_LACK_OPEN:
        put(&text, clause->open.negated ? "there is one" : "there is none");
        break;
    }
    return to;
}

const char *policy_text_approval(const struct policy_approvals *clause,
                                 const struct policy_view *view,
                                 const struct policy_approval *approval,
                                 char to[POLICY_TEXT_SIZE])
{
    const struct policy_person *person = &view->persons[approval->person];
    struct text text = text_begin(to);
    char span[DURATION_TEXT_SIZE];

    put(&text, "%s (%s%s%s): ", person->id,
        policy_word_text(POLICY_WORD_MEANING, approval->meaning),
        person->unit[0] == '\0' ? "" : ", ", person->unit);
    switch (policy_approval_void(clause, view, approval)) {
    case POLICY_VOID_NONE:
        put(&text, "counts");
        break;
    case POLICY_VOID_STALE:
        put(&text, "stale: what it was given for has changed");
        break;
    case POLICY_VOID_MEANING:
        put(&text, "given in another meaning");
        break;
    case POLICY_VOID_INACTIVE:
        put(&text, "suspended");
        break;
    case POLICY_VOID_ROLE:
        put(&text, "has no such role now");
        break;
    case POLICY_VOID_NOT_HUMAN:
        put(&text, "a %s is no person", policy_word_text(POLICY_WORD_ACTOR, person->kind));
        break;
    case POLICY_VOID_EXCLUDED:
        put(&text, "is excluded for the own part in the change");
        break;
    case POLICY_VOID_OLD:
        put(&text, "too old: %s",
            approval->time_ms > view->now_ms
                ? "or from the future"
                : duration_format(view->now_ms - approval->time_ms, span));
        break;
    case POLICY_VOID_GROUP:
        put(&text, "the unit or site is not known");
        break;
    }
    return to;
}

const char *policy_text_result(const struct policy_view *view,
                               const struct policy_result *result, char to[POLICY_TEXT_SIZE])
{
    struct text text = text_begin(to);
    char span[DURATION_TEXT_SIZE];

    put(&text, "%s", policy_word_text(POLICY_WORD_EVIDENCE, result->kind));
    if (result->suite[0] != '\0') put(&text, ", suite %s", result->suite);
    put(&text, ": %s%s", policy_word_text(POLICY_WORD_VERDICT, result->verdict),
        result->retracted ? ", retracted" : "");
    if (result->time_ms <= view->now_ms)
        put(&text, ", %s old", duration_format(view->now_ms - result->time_ms, span));
    if (result->by != POLICY_NOBODY) put(&text, ", by %s", view->persons[result->by].id);
    return to;
}
