/* The grammar of subjects. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "event/event_types.h"

/* Each form: its words, with NULL where a name stands. */
static const struct {
    enum event_subject_kind kind;
    const char *text;
    const char *words[4];
    size_t count;
} forms[] = {
    {SUBJECT_LEDGER, "ledger/<name>", {"ledger"}, 2},
    {SUBJECT_PRINCIPAL, "principal/<id>", {"principal"}, 2},
    {SUBJECT_BASE, "base/<name>", {"base"}, 2},
    {SUBJECT_DATASET, "dataset/<name>", {"dataset"}, 2},
    {SUBJECT_CODE, "code/<name>", {"code"}, 2},
    {SUBJECT_MODEL, "model/<name>", {"model"}, 2},
    {SUBJECT_VERSION, "model/<name>/version/<version>", {"model", NULL, "version"}, 4},
    {SUBJECT_RUN, "model/<name>/run/<run>", {"model", NULL, "run"}, 4},
    {SUBJECT_ORGANISATION, "organisation/<o>", {"organisation"}, 2},
    {SUBJECT_UNIT, "organisation/<o>/unit/<u>", {"organisation", NULL, "unit"}, 4},
    {SUBJECT_SITE, "organisation/<o>/site/<s>", {"organisation", NULL, "site"}, 4},
    {SUBJECT_ENVIRONMENT, "environment/<name>", {"environment"}, 2},
    {SUBJECT_ENDPOINT, "endpoint/<name>", {"endpoint"}, 2},
    {SUBJECT_REQUEST, "request/<id>", {"request"}, 2},
    {SUBJECT_INCIDENT, "incident/<id>", {"incident"}, 2},
    {SUBJECT_POLICY, "policy/<name>", {"policy"}, 2},
    {SUBJECT_HOLD, "hold/<id>", {"hold"}, 2},
};
enum { FORMS_COUNT = sizeof forms / sizeof forms[0], SEGMENTS_MAX = 4 };

static bool segment_valid(const char *segment, size_t size)
{
    if (size == 0 || size > LIMIT_NAME_SIZE) return false;
    if (segment[0] == '.' && (size == 1 || (size == 2 && segment[1] == '.'))) return false;
    for (size_t i = 0; i < size; i++) {
        const char c = segment[i];
        const bool known = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                           c == '_' || c == '-';

        if (!known) return false;
    }
    return true;
}

bool event_segment_valid(const char *segment)
{
    return segment_valid(segment, strlen(segment));
}

/* The segments of a subject; they point into it. */
struct path {
    const char *segments[SEGMENTS_MAX];
    size_t sizes[SEGMENTS_MAX];
    size_t count;
};

/* NULL, or what is wrong with it. */
static const char *split(const char *subject, struct path *path)
{
    path->count = 0;
    for (const char *at = subject;; at++) {
        const size_t size = strcspn(at, "/");

        if (!segment_valid(at, size)) {
            return "a segment must be 1 to 64 of a-z 0-9 . _ - and not . or ..";
        }
        if (path->count == SEGMENTS_MAX) return "it has too many segments";
        path->segments[path->count] = at;
        path->sizes[path->count++] = size;
        at += size;
        if (*at == '\0') return NULL;
    }
}

static bool is_word(const struct path *path, size_t place, const char *word)
{
    return word == NULL || (strlen(word) == path->sizes[place] &&
                            memcmp(path->segments[place], word, path->sizes[place]) == 0);
}

enum event_subject_kind event_subject_kind(const char *subject, const char **ret_fault)
{
    const char *fault = "it is longer than 256 characters";
    struct path path;

    if (strlen(subject) <= LIMIT_SUBJECT_SIZE) fault = split(subject, &path);
    if (fault == NULL) {
        fault = "its first segment is no registered kind";
        for (size_t i = 0; i < FORMS_COUNT; i++) {
            if (!is_word(&path, 0, forms[i].words[0])) continue;
            if (path.count == forms[i].count &&
                (path.count < 4 || is_word(&path, 2, forms[i].words[2]))) {
                return forms[i].kind;
            }
            fault = path.count == 1
                        ? "it needs a name behind its kind, as in model/credit-scorer"
                        : "its segments are not those of its kind, as in model/m/version/1";
        }
    }
    if (ret_fault != NULL) *ret_fault = fault;
    return SUBJECT_NONE;
}

bool event_subject_fits(enum event_subject_kind asked, enum event_subject_kind is)
{
    if (is == SUBJECT_NONE) return false;
    if (asked == SUBJECT_ORGANISATION && (is == SUBJECT_UNIT || is == SUBJECT_SITE))
        return true;
    return asked == SUBJECT_ANY || asked == is;
}

const char *event_subject_form(enum event_subject_kind kind)
{
    for (size_t i = 0; i < FORMS_COUNT; i++) {
        if (forms[i].kind == kind) return forms[i].text;
    }
    return kind == SUBJECT_ANY ? "any" : "none";
}

bool event_scope_valid(const char *scope)
{
    char longer[LIMIT_SUBJECT_SIZE + 3];

    if (event_subject_kind(scope, NULL) != SUBJECT_NONE) return true;
    return snprintf(longer, sizeof longer, "%s/x", scope) < (int)sizeof longer &&
           event_subject_kind(longer, NULL) != SUBJECT_NONE;
}
