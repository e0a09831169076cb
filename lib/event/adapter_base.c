/* Names of base models: what a configuration says is a hint and never an identity. */
#include "event/adapter.h"

#include <string.h>

#include "base/limits.h"

enum { LETTERS_MAX = 256 };

enum adapter_base adapter_base_kind(const char *name)
{
    size_t slashes = 0;

    if (name[0] == '\0') return ADAPTER_BASE_NONE;
    for (const char *c = name; *c != '\0'; c++) slashes += *c == '/' ? 1 : 0;
    if (name[0] == '/' || name[0] == '.' || name[0] == '~' || strchr(name, '\\') != NULL ||
        (name[0] != '\0' && name[1] == ':') || slashes > 1 || name[strlen(name) - 1] == '/')
        return ADAPTER_BASE_PATH; /* a hub's name has one slash at most */
    return ADAPTER_BASE_NAME;
}

/* The last part of a name or path; slashes at its end do not count. */
static const char *last_part(const char *name, size_t *ret_size)
{
    size_t end = strlen(name), start;

    while (end > 0 && (name[end - 1] == '/' || name[end - 1] == '\\')) end--;
    start = end;
    while (start > 0 && name[start - 1] != '/' && name[start - 1] != '\\') start--;
    *ret_size = end - start;
    return name + start;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool adapter_base_subject(const char *name, char *to, size_t to_size)
{
    size_t size = 0, at = 5;
    const char *part = last_part(name, &size);

    if (size > LIMIT_NAME_SIZE) size = LIMIT_NAME_SIZE;
    if (to_size < 5 + size + 1) return false;
    memcpy(to, "base/", 5);
    for (size_t i = 0; i < size; i++) {
        const char c = lower(part[i]);

        if (at == 5 && !plain(c)) continue; /* not "." or "..", nor an option */
        to[at++] = plain(c) || c == '.' || c == '_' || c == '-' ? c : '-';
    }
    to[at] = '\0';
    return at > 5;
}

/* The letters and digits of a name, lower-case. */
static void letters(const char *name, size_t size, char to[LETTERS_MAX])
{
    size_t at = 0;

    for (size_t i = 0; i < size && at + 1 < LETTERS_MAX; i++)
        if (plain(lower(name[i]))) to[at++] = lower(name[i]);
    to[at] = '\0';
}

bool adapter_base_differs(const char *subject, const char *name)
{
    char ours[LETTERS_MAX], theirs[LETTERS_MAX], last[LETTERS_MAX];
    size_t size = 0;
    const char *part = last_part(subject, &size);

    letters(part, size, ours);
    letters(name, strlen(name), theirs);
    part = last_part(name, &size);
    letters(part, size, last);
    if (ours[0] == '\0' || last[0] == '\0') return false; /* nothing to compare */
    return strstr(theirs, ours) == NULL && strstr(ours, last) == NULL;
}
