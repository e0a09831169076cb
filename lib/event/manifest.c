/* The walk is iterative: directories wait in a list, opened one after another. */
#include <tally/manifest.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/hash.h"
#include "merkle/merkle.h"

enum {
    FILES_MAX = 1000 * 1000,
    PATH_SIZE_MAX = 4096,
    READ_SIZE = 1024 * 1024,
    DEPTH_MAX = 64, /* directories below each other */
};

struct list {
    const char **items;
    size_t count, capacity;
};

struct walk {
    const char *directory;
    struct arena *arena;
    struct list files, directories, ignored; /* relative paths */
    uint64_t size;
    tally_manifest_progress *progress;
    void *context;
    uint64_t done;
    struct tally_diag *diag;
};

static bool list_add(struct list *list, const char *item)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        const char **items = realloc(list->items, capacity * sizeof *items);

        if (items == NULL) return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return true;
}

static enum tally_err refuse(const struct walk *walk, enum tally_err err, const char *path,
                             const char *why)
{
    tally_diag_set(walk->diag, "%s/%s: %s", walk->directory, path, why);
    return err;
}

static enum tally_err refuse_errno(const struct walk *walk, const char *path)
{
    return refuse(walk, TALLY_E_IO, path, strerror(errno));
}

/* `directory`/`name` in the arena, just `name` at the top. NULL without memory. */
static char *join(struct arena *arena, const char *directory, const char *name)
{
    const size_t before = strlen(directory), after = strlen(name);
    char *path = arena_alloc(arena, before + 1 + after + 1);

    if (path == NULL) return NULL;
    memcpy(path, directory, before);
    if (before > 0) path[before] = '/';
    strcpy(path + before + (before > 0 ? 1 : 0), name);
    return path;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static bool ignored_at_top(const char *name)
{
    return strcmp(name, ".git") == 0 || strcmp(name, ".gitattributes") == 0 ||
           ends_with(name, ".tlog-proof");
}

static enum tally_err take_entry(struct walk *walk, int directory, const char *above,
                                 const char *name)
{
    char *path;
    struct stat status, target;
    bool added;

    if (above[0] == '\0' && ignored_at_top(name)) {
        path = join(walk->arena, above, name);
        return path != NULL && list_add(&walk->ignored, path) ? TALLY_OK : TALLY_E_NO_MEMORY;
    }
    path = join(walk->arena, above, name);
    if (path == NULL) return TALLY_E_NO_MEMORY;
    if (!bytes_utf8(path, strlen(path))) {
        return refuse(walk, TALLY_E_INVALID, path, "the name is not UTF-8: rename it");
    }
    if (strlen(path) > PATH_SIZE_MAX)
        return refuse(walk, TALLY_E_INVALID, name, "the path is too long");
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return refuse_errno(walk, path);
    if (S_ISDIR(status.st_mode)) {
        added = list_add(&walk->directories, path);
        return added ? TALLY_OK : TALLY_E_NO_MEMORY;
    }
    target = status;
    if (S_ISLNK(status.st_mode) && fstatat(directory, name, &target, 0) != 0) {
        return refuse(walk, TALLY_E_INVALID, path, "a symbolic link to nothing");
    }
    if (!S_ISREG(target.st_mode)) {
        return refuse(walk, TALLY_E_INVALID, path,
                      S_ISLNK(status.st_mode)
                          ? "a symbolic link to something that is no regular file"
                          : "not a regular file");
    }
    if (walk->files.count == FILES_MAX) {
        return refuse(walk, TALLY_E_INVALID, path, "there are more than a million files");
    }
    walk->size += (uint64_t)target.st_size;
    added = list_add(&walk->files, path);
    return added ? TALLY_OK : TALLY_E_NO_MEMORY;
}

static enum tally_err read_directory(struct walk *walk, int root, const char *path)
{
    const int fd = openat(root, path[0] == '\0' ? "." : path,
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    enum tally_err err = TALLY_OK;
    const struct dirent *entry;
    DIR *directory;
    size_t depth = 0;

    for (const char *at = path; *at != '\0'; at++) depth += *at == '/' ? 1 : 0;
    if (fd < 0) return refuse_errno(walk, path);
    directory = fdopendir(fd);
    if (directory == NULL || depth > DEPTH_MAX) {
        err = directory == NULL
                  ? refuse_errno(walk, path)
                  : refuse(walk, TALLY_E_INVALID, path, "directories are too deep");
        if (directory == NULL) close(fd);
        if (directory != NULL) closedir(directory);
        return err;
    }
    while (err == TALLY_OK) {
        errno = 0;
        entry = readdir(directory);
        if (entry == NULL && errno != 0) err = refuse_errno(walk, path);
        if (entry == NULL) break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        err = take_entry(walk, fd, path, entry->d_name);
    }
    closedir(directory);
    return err;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As strcmp, with A-Z as a-z. */
static int compare_folded(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;

    for (;; x++, y++) {
        const int cx = *x >= 'A' && *x <= 'Z' ? *x + 32 : (unsigned char)*x;
        const int cy = *y >= 'A' && *y <= 'Z' ? *y + 32 : (unsigned char)*y;

        if (cx != cy || cx == 0) return cx - cy;
    }
}

/* Paths that differ only in case are one file on some systems: which bytes would be meant? */
static enum tally_err check_collisions(const struct walk *walk)
{
    const size_t count = walk->files.count;
    const char **folded = malloc(count * sizeof *folded);
    enum tally_err err = TALLY_OK;

    if (folded == NULL) return TALLY_E_NO_MEMORY;
    memcpy(folded, walk->files.items, count * sizeof *folded);
    qsort(folded, count, sizeof *folded, compare_folded);
    for (size_t i = 1; i < count && err == TALLY_OK; i++) {
        if (compare_folded(&folded[i - 1], &folded[i]) == 0) {
            err = refuse(walk, TALLY_E_INVALID, folded[i],
                         "another path differs from it only in case");
        }
    }
    free(folded);
    return err;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ino == b->st_ino;
}

static enum tally_err hash_open_file(struct walk *walk, int fd, const char *path, uint8_t *room,
                                     struct tally_manifest_file *ret_file)
{
    struct hash_state state;
    struct stat before, after;
    uint64_t size = 0;

    if (fstat(fd, &before) != 0) return refuse_errno(walk, path);
    if (!S_ISREG(before.st_mode))
        return refuse(walk, TALLY_E_INVALID, path, "not a regular file");
    hash_begin(&state);
    for (;;) {
        const ssize_t got = read(fd, room, READ_SIZE);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return refuse_errno(walk, path);
        if (got == 0) break;
        hash_update(&state, room, (size_t)got);
        size += (uint64_t)got;
        walk->done += (uint64_t)got;
        if (walk->progress != NULL) walk->progress(walk->context, walk->done, walk->size);
    }
    if (fstat(fd, &after) != 0) return refuse_errno(walk, path);
    if (!same_file(&before, &after) || size != (uint64_t)before.st_size) {
        return refuse(walk, TALLY_E_MISMATCH, path, "it changed while it was read: try again");
    }
    ret_file->path = path;
    ret_file->size = size;
    hash_finish(&state, &ret_file->digest);
    return TALLY_OK;
}

/* Leaf data: "tally/file/v1" || 0x00 || u32 path size || path || u64 size || SHA-256 of the
 * content. */
static void file_leaf(const struct tally_manifest_file *file, struct tally_hash *ret_leaf)
{
    uint8_t data[14 + 4 + PATH_SIZE_MAX + 8 + 32];
    struct bytes_writer writer = bytes_writer(data, sizeof data);
    const size_t path_size = strlen(file->path);

    bytes_put(&writer, "tally/file/v1", 14);
    bytes_put_u32(&writer, (uint32_t)path_size);
    bytes_put(&writer, file->path, path_size);
    bytes_put_u64(&writer, file->size);
    bytes_put(&writer, file->digest.bytes, 32);
    ASSERT(!writer.bad);
    hash_leaf(data, writer.at, ret_leaf);
}

static enum tally_err hash_files(struct walk *walk, int root, struct tally_manifest *manifest)
{
    struct tally_manifest_file *files =
        arena_zalloc(walk->arena, walk->files.count, sizeof *files);
    struct merkle_frontier frontier = {0};
    uint8_t *room = malloc(READ_SIZE);
    enum tally_err err = files == NULL || room == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;

    for (size_t i = 0; i < walk->files.count && err == TALLY_OK; i++) {
        const char *path = walk->files.items[i];
        const int fd = openat(root, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        struct tally_hash leaf;

        if (fd < 0) {
            err = refuse_errno(walk, path);
            break;
        }
        err = hash_open_file(walk, fd, path, room, &files[i]);
        close(fd);
        if (err != TALLY_OK) break;
        manifest->size += files[i].size;
        file_leaf(&files[i], &leaf);
        merkle_append(&frontier, &leaf, NULL);
    }
    free(room);
    if (err != TALLY_OK) return err;
    manifest->files = files;
    manifest->files_count = walk->files.count;
    merkle_frontier_root(&frontier, &manifest->root);
    return TALLY_OK;
}

static enum tally_err read_all(struct walk *walk, int root, struct tally_manifest *manifest)
{
    const char **ignored;
    enum tally_err err;

    if (!list_add(&walk->directories, "")) return TALLY_E_NO_MEMORY;
    for (size_t next = 0; next < walk->directories.count; next++) {
        err = read_directory(walk, root, walk->directories.items[next]);
        if (err != TALLY_OK) return err;
    }
    if (walk->files.count == 0) {
        tally_diag_set(walk->diag, "%s: there is no file in it", walk->directory);
        return TALLY_E_NOT_FOUND;
    }
    qsort(walk->files.items, walk->files.count, sizeof *walk->files.items, compare_paths);
    if (walk->ignored.count > 0) {
        qsort(walk->ignored.items, walk->ignored.count, sizeof *walk->ignored.items,
              compare_paths);
    }
    err = check_collisions(walk);
    if (err != TALLY_OK) return err;
    ignored = arena_zalloc(walk->arena, walk->ignored.count, sizeof *ignored);
    if (ignored == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < walk->ignored.count; i++) ignored[i] = walk->ignored.items[i];
    manifest->ignored = ignored;
    manifest->ignored_count = walk->ignored.count;
    return hash_files(walk, root, manifest);
}

enum tally_err tally_manifest_read(const char *directory, tally_manifest_progress *progress,
                                   void *context, struct tally_manifest *ret_manifest,
                                   struct tally_diag *diag)
{
    struct walk walk = {
        .directory = directory, .progress = progress, .context = context, .diag = diag};
    struct tally_manifest manifest = {0};
    const int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum tally_err err;

    if (root < 0) {
        tally_diag_set(diag, "%s: %s", directory, strerror(errno));
        return errno == ENOENT || errno == ENOTDIR ? TALLY_E_NOT_FOUND : TALLY_E_IO;
    }
    err = arena_open(0, &walk.arena);
    if (err == TALLY_OK) err = read_all(&walk, root, &manifest);
    close(root);
    free(walk.files.items);
    free(walk.directories.items);
    free(walk.ignored.items);
    if (err != TALLY_OK) {
        arena_close(walk.arena);
        return err;
    }
    manifest.memory = walk.arena;
    *ret_manifest = manifest;
    return TALLY_OK;
}

void tally_manifest_free(struct tally_manifest *manifest)
{
    if (manifest == NULL) return;
    arena_close(manifest->memory);
    *manifest = (struct tally_manifest){0};
}
