#include "event/event_types.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "event/event.h"

static const struct event_type_info types[] = {
    {EVENT_LEDGER_GENESIS, "ledger.genesis", SUBJECT_LEDGER, MEANING_AUTHOR, true,
     "the ledger begins"},
    {EVENT_LEDGER_MEMBER_CHANGED, "ledger.member_changed", SUBJECT_LEDGER, MEANING_AUTHOR, true,
     "a change of the members is authorised"},
    {EVENT_PRINCIPAL_REGISTERED, "principal.registered", SUBJECT_PRINCIPAL, MEANING_AUTHOR,
     true, "a person, service or robot is known"},
    {EVENT_KEY_ENROLLED, "key.enrolled", SUBJECT_PRINCIPAL, MEANING_AUTHOR, true,
     "a key speaks for a principal"},
    {EVENT_KEY_REVOKED, "key.revoked", SUBJECT_PRINCIPAL, MEANING_AUTHOR, true,
     "a key speaks no longer"},
    {EVENT_ROLE_GRANTED, "role.granted", SUBJECT_PRINCIPAL, MEANING_AUTHOR, true,
     "a principal has a role"},
    {EVENT_ROLE_REVOKED, "role.revoked", SUBJECT_PRINCIPAL, MEANING_AUTHOR, true,
     "a principal has a role no longer"},
    {EVENT_BASE_MODEL_REGISTERED, "base_model.registered", SUBJECT_BASE, MEANING_AUTHOR, true,
     "a base model is pinned to its bytes"},
    {EVENT_DATASET_REGISTERED, "dataset.registered", SUBJECT_DATASET, MEANING_AUTHOR, true,
     "a data set is pinned to its bytes"},
    {EVENT_MODEL_CREATED, "model.created", SUBJECT_MODEL, MEANING_AUTHOR, true,
     "a model exists, with an owner and a risk tier"},
    {EVENT_VERSION_REGISTERED, "version.registered", SUBJECT_VERSION, MEANING_AUTHOR, true,
     "a version of a model is pinned to its bytes and its base"},
    {EVENT_EVALUATION_RECORDED, "evaluation.recorded", SUBJECT_VERSION, MEANING_AUTHOR, false,
     "a version was evaluated"},
    {EVENT_APPROVAL_GRANTED, "approval.granted", SUBJECT_VERSION, MEANING_APPROVE, false,
     "a version is approved for an environment"},
    {EVENT_ANNOTATION_ADDED, "annotation.added", SUBJECT_OTHER, MEANING_AUTHOR, false,
     "a note about a subject, kept off the ledger, is committed to"},
};
enum { TYPES_COUNT = sizeof types / sizeof types[0] };

const struct event_type_info *event_type_info(uint32_t type)
{
    for (size_t i = 0; i < TYPES_COUNT; i++) {
        if ((uint32_t)types[i].type == type) return &types[i];
    }
    return NULL;
}

const struct event_type_info *event_type_named(const char *name)
{
    for (size_t i = 0; i < TYPES_COUNT; i++) {
        if (strcmp(types[i].name, name) == 0) return &types[i];
    }
    return NULL;
}

const struct event_type_info *event_types(size_t *ret_count)
{
    *ret_count = TYPES_COUNT;
    return types;
}

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

static bool first_is(const char *subject, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(subject, word, size) == 0;
}

enum event_subject_kind event_subject_kind(const char *subject, const char **ret_fault)
{
    static const struct {
        const char *word;
        enum event_subject_kind kind;
    } plain[] = {
        {"ledger", SUBJECT_LEDGER},      {"principal", SUBJECT_PRINCIPAL},
        {"base", SUBJECT_BASE},          {"dataset", SUBJECT_DATASET},
        {"model", SUBJECT_MODEL},        {"code", SUBJECT_OTHER},
        {"organisation", SUBJECT_OTHER}, {"environment", SUBJECT_OTHER},
        {"endpoint", SUBJECT_OTHER},     {"request", SUBJECT_OTHER},
        {"incident", SUBJECT_OTHER},     {"policy", SUBJECT_OTHER},
        {"hold", SUBJECT_OTHER},
    };
    const size_t size = strlen(subject);
    const char *segments[8];
    size_t sizes[8], count = 0;
    const char *unused;

    if (ret_fault == NULL) ret_fault = &unused;
    *ret_fault = "it is longer than 256 characters or has more than 8 segments";
    if (size > LIMIT_SUBJECT_SIZE) return SUBJECT_NONE;
    for (const char *at = subject;; count++) {
        const size_t length = strcspn(at, "/");

        if (count == 8) return SUBJECT_NONE;
        segments[count] = at;
        sizes[count] = length;
        if (!segment_valid(at, length)) {
            *ret_fault = "a segment must be 1 to 64 of a-z 0-9 . _ - and not . or ..";
            return SUBJECT_NONE;
        }
        if (at[length] == '\0') break;
        at += length + 1;
    }
    count++;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (!first_is(segments[0], sizes[0], plain[i].word)) continue;
        if (count == 1) break;
        if (plain[i].kind == SUBJECT_OTHER) return SUBJECT_OTHER;
        if (count == 2) return plain[i].kind;
        if (plain[i].kind == SUBJECT_MODEL && count == 4 &&
            first_is(segments[2], sizes[2], "version")) {
            return SUBJECT_VERSION;
        }
        *ret_fault = "it has too many segments for its kind";
        return SUBJECT_NONE;
    }
    *ret_fault = count == 1 ? "it needs a name behind its kind, as in model/credit-scorer"
                            : "its first segment is no registered kind";
    return SUBJECT_NONE;
}

bool event_scope_valid(const char *scope)
{
    char longer[LIMIT_SUBJECT_SIZE + 3];

    if (event_subject_kind(scope, NULL) != SUBJECT_NONE) return true;
    return snprintf(longer, sizeof longer, "%s/x", scope) < (int)sizeof longer &&
           event_subject_kind(longer, NULL) != SUBJECT_NONE;
}
