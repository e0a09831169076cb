#include "event/pickle.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    START_SIZE = 256,
    END_SIZE = 64 * 1024 + 22,          /* a zip's last record, with the longest comment */
    ZIP_DIRECTORY_MAX = 4 * 1024 * 1024 /* a larger one counts as unreadable */
};

static bool ends_with(const char *path, size_t size, const char *end)
{
    const size_t end_size = strlen(end);

    return size > end_size && strncasecmp(path + size - end_size, end, end_size) == 0;
}

static bool name_of_pickle(const char *path, size_t size)
{
    static const char *const endings[] = {".bin",    ".pt",     ".pth",  ".pkl",
                                          ".pickle", ".joblib", ".dill", ".ckpt"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (ends_with(path, size, endings[i])) return true;
    return false;
}

enum pickle_kind pickle_by_name(const char *path)
{
    return name_of_pickle(path, strlen(path)) ? PICKLE_NAME : PICKLE_NONE;
}

/* ---- by the first bytes -------------------------------------------------------------- */

static bool name_byte(uint8_t c, bool dot)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || (dot && c == '.');
}

/* A line of a name at `at`; the place behind it, 0: there is none. */
static size_t name_line(const uint8_t *start, size_t size, size_t at, bool dot)
{
    const size_t first = at;

    while (at < size && name_byte(start[at], dot)) at++;
    return at > first && at < size && start[at] == '\n' ? at + 1 : 0;
}

/* A module that pickles fetch their functions from: so no list of words looks like one. */
static bool known_module(const uint8_t *name, size_t size)
{
    static const char *const modules[] = {
        "os",     "posix",     "nt",       "sys",     "subprocess",  "builtins", "__builtin__",
        "torch",  "numpy",     "copy_reg", "copyreg", "collections", "runpy",    "operator",
        "pickle", "importlib", "codecs",   "shutil",  "functools",   "socket",   "__main__"};
    size_t end = 0;

    while (end < size && name[end] != '.' && name[end] != '\n') end++;
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
        if (strlen(modules[i]) == end && memcmp(modules[i], name, end) == 0) return true;
    return false;
}

/* Protocols 0 and 1 have no mark of their own; "c" or "i", then two lines, fetches a function:
 * the first thing that does harm. Containers may be opened before it. */
static bool text_pickle(const uint8_t *start, size_t size)
{
    size_t at = 0, second = 0;

    while (at < size && strchr("(]})l", start[at]) != NULL && start[at] != '\0') at++;
    if (at >= size || (start[at] != 'c' && start[at] != 'i')) return false;
    second = name_line(start, size, ++at, true);
    return second > 0 && name_line(start, size, second, false) > 0 &&
           known_module(start + at, size - at);
}

static bool object_array(const uint8_t *start, size_t size)
{
    static const char magic[] = "\x93NUMPY";

    return size > sizeof magic && memcmp(start, magic, sizeof magic - 1) == 0 &&
           (memmem(start, size, "'|O", 3) != NULL || memmem(start, size, "'O'", 3) != NULL);
}

/* ---- zip ----------------------------------------------------------------------------- */

static uint64_t little(const uint8_t *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = size; i-- > 0;) value = value << 8 | at[i];
    return value;
}

/* All `size` bytes at `at`. */
static bool read_at(int fd, uint8_t *to, size_t size, uint64_t at)
{
    size_t done = 0;

    while (done < size) {
        const ssize_t got = pread(fd, to + done, size - done, (off_t)(at + done));

        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

/* Where the directory of a zip lies; false: it cannot be found. Sizes beyond 32 bits are in a
 * second record, which a third one before the last names. */
static bool find_directory(int fd, uint64_t size, uint64_t *ret_at, uint64_t *ret_size)
{
    const size_t end_size = size < END_SIZE ? (size_t)size : END_SIZE;
    uint8_t *end = malloc(end_size + 1);
    uint8_t large[56];
    bool found = false;

    if (end == NULL) return false;
    if (end_size < 22 || !read_at(fd, end, end_size, size - end_size)) {
        free(end);
        return false;
    }
    for (size_t at = end_size - 22 + 1; at-- > 0 && !found;) {
        if (memcmp(end + at, "PK\5\6", 4) != 0) continue;
        found = true;
        *ret_size = little(end + at + 12, 4);
        *ret_at = little(end + at + 16, 4);
        if (*ret_at != UINT32_MAX && *ret_size != UINT32_MAX) continue;
        found = at >= 20 && memcmp(end + at - 20, "PK\6\7", 4) == 0 &&
                read_at(fd, large, sizeof large, little(end + at - 12, 8)) &&
                memcmp(large, "PK\6\6", 4) == 0;
        if (!found) break;
        *ret_size = little(large + 40, 8);
        *ret_at = little(large + 48, 8);
    }
    free(end);
    return found && *ret_at <= size && *ret_size <= size - *ret_at;
}

/* Does a directory name a pickle, or is it none? */
static bool directory_has_pickle(const uint8_t *data, size_t size)
{
    size_t at = 0;

    while (at < size) {
        if (size - at < 46 || memcmp(data + at, "PK\1\2", 4) != 0) return true;
        const size_t name = (size_t)little(data + at + 28, 2);
        const size_t rest = (size_t)little(data + at + 30, 2) + little(data + at + 32, 2);

        if (name + rest > size - at - 46) return true;
        if (name_of_pickle((const char *)data + at + 46, name)) return true;
        at += 46 + name + rest;
    }
    return false;
}

static bool zip_has_pickle(int fd, uint64_t size)
{
    uint64_t at = 0, directory_size = 0;
    uint8_t *directory;
    bool has;

    if (!find_directory(fd, size, &at, &directory_size)) return true;
    if (directory_size > ZIP_DIRECTORY_MAX) return true;
    directory = malloc((size_t)directory_size + 1);
    if (directory == NULL) return true;
    has = !read_at(fd, directory, (size_t)directory_size, at) ||
          directory_has_pickle(directory, (size_t)directory_size);
    free(directory);
    return has;
}

enum tally_err pickle_by_content(int fd, uint64_t size, enum pickle_kind *ret_kind)
{
    uint8_t start[START_SIZE] = {0};
    const size_t start_size = size < START_SIZE ? (size_t)size : START_SIZE;

    if (!read_at(fd, start, start_size, 0)) return TALLY_E_IO;
    *ret_kind = PICKLE_NONE;
    if (start_size >= 2 && start[0] == 0x80 && start[1] >= 2 && start[1] <= 5)
        *ret_kind = PICKLE_PROTOCOL;
    else if (text_pickle(start, start_size))
        *ret_kind = PICKLE_TEXT;
    else if (object_array(start, start_size))
        *ret_kind = PICKLE_ARRAY;
    else if (start_size >= 4 && memcmp(start, "PK\3\4", 4) == 0 && zip_has_pickle(fd, size))
        *ret_kind = PICKLE_ZIP;
    return TALLY_OK;
}

const char *pickle_text(enum pickle_kind kind)
{
    switch (kind) {
    case PICKLE_NONE:
        return "no pickle";
    case PICKLE_NAME:
        return "programs that read such a name unpickle it";
    case PICKLE_PROTOCOL:
        return "its content is a pickle";
    case PICKLE_TEXT:
        return "its content is a pickle in text form";
    case PICKLE_ZIP:
        return "a zip with a pickle in it, as PyTorch writes, or one that cannot be read";
    case PICKLE_ARRAY:
        return "a NumPy array of objects";
    }
    return "";
}
