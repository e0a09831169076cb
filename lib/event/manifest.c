/* The walk is iterative: directories wait in a list, opened one after another. */
#include "event/manifest.h"

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
#include "event/manifest_hash.h"
#include "merkle/merkle.h"

enum {
    FILES_MAX = 1000 * 1000,
    PATH_SIZE_MAX = 4096,
    DEPTH_MAX = 64, /* directories below each other */
};

struct list {
    const char **items;
    size_t count, capacity;
};

struct walk {
    const char *directory;
    struct arena *arena;
    struct list directories, ignored;  /* relative paths */
    struct tally_manifest_file *files; /* without digests */
    size_t files_count, files_capacity;
    uint64_t size; /* bytes of all files */
    unsigned threads;
    tally_manifest_progress *progress;
    void *context;
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

static bool file_add(struct walk *walk, const char *path, uint64_t size)
{
    if (walk->files_count == walk->files_capacity) {
        const size_t capacity = walk->files_capacity == 0 ? 64 : 2 * walk->files_capacity;
        struct tally_manifest_file *files =
            realloc(walk->files, capacity * sizeof *walk->files);

        if (files == NULL) return false;
        walk->files = files;
        walk->files_capacity = capacity;
    }
    walk->files[walk->files_count++] = (struct tally_manifest_file){.path = path, .size = size};
    walk->size += size;
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
    if (walk->files_count == FILES_MAX) {
        return refuse(walk, TALLY_E_INVALID, path, "there are more than a million files");
    }
    added = file_add(walk, path, (uint64_t)target.st_size);
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

static int compare_files(const void *a, const void *b)
{
    const struct tally_manifest_file *x = a, *y = b;

    return strcmp(x->path, y->path);
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
    const size_t count = walk->files_count;
    const char **folded = malloc(count * sizeof *folded);
    enum tally_err err = TALLY_OK;

    if (folded == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) folded[i] = walk->files[i].path;
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

/* Hash the files, and the tree over them. */
static enum tally_err hash_files(const struct walk *walk, int root,
                                 struct tally_manifest *manifest)
{
    const struct manifest_hash how = {.root = root,
                                      .directory = walk->directory,
                                      .threads = walk->threads,
                                      .size = walk->size,
                                      .progress = walk->progress,
                                      .context = walk->context};
    const size_t count = walk->files_count;
    struct tally_manifest_file *files = arena_zalloc(walk->arena, count, sizeof *files);
    struct merkle_frontier frontier = {0};
    struct tally_hash leaf;
    enum tally_err err;

    if (files == NULL) return TALLY_E_NO_MEMORY;
    memcpy(files, walk->files, count * sizeof *files);
    err = manifest_hash(&how, files, count, walk->diag);
    if (err != TALLY_OK) return err;
    for (size_t i = 0; i < count; i++) {
        manifest->size += files[i].size;
        file_leaf(&files[i], &leaf);
        merkle_append(&frontier, &leaf, NULL);
    }
    manifest->files = files;
    manifest->files_count = count;
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
    if (walk->files_count == 0) {
        tally_diag_set(walk->diag, "%s: there is no file in it", walk->directory);
        return TALLY_E_NOT_FOUND;
    }
    qsort(walk->files, walk->files_count, sizeof *walk->files, compare_files);
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

enum tally_err manifest_read(const char *directory, unsigned threads,
                             tally_manifest_progress *progress, void *context,
                             struct tally_manifest *ret_manifest, struct tally_diag *diag)
{
    struct walk walk = {.directory = directory,
                        .threads = threads,
                        .progress = progress,
                        .context = context,
                        .diag = diag};
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
    free(walk.files);
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

enum tally_err tally_manifest_read(const char *directory, tally_manifest_progress *progress,
                                   void *context, struct tally_manifest *ret_manifest,
                                   struct tally_diag *diag)
{
    return manifest_read(directory, 0, progress, context, ret_manifest, diag);
}

void tally_manifest_free(struct tally_manifest *manifest)
{
    if (manifest == NULL) return;
    arena_close(manifest->memory);
    *manifest = (struct tally_manifest){0};
}
