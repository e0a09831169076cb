#include "export_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "disk.h"
#include "note/note.h"

static enum tally_err join(const char *directory, const char *path, char to[DISK_PATH_MAX],
                           struct tally_diag *diag)
{
    const int size = snprintf(to, DISK_PATH_MAX, "%s/%s", directory, path);

    if (size > 0 && size < DISK_PATH_MAX) return TALLY_OK;
    tally_diag_set(diag, "the path of a directory is longer than %d characters", DISK_PATH_MAX);
    return TALLY_E_IO;
}

/* ---- reading ------------------------------------------------------------------------- */

enum tally_err export_checkpoint_parse(struct bytes note,
                                       struct export_checkpoint *ret_checkpoint,
                                       struct tally_diag *diag)
{
    struct tally_diag why = {""};
    struct note parsed;
    enum tally_err err = note_parse(note.data, note.size, &parsed, &why);

    if (err == TALLY_OK) err = checkpoint_parse(parsed.text, &ret_checkpoint->checkpoint, &why);
    if (err != TALLY_OK) {
        tally_diag_set(diag, "checkpoint: %s", why.text);
        return err;
    }
    ret_checkpoint->note = note;
    return TALLY_OK;
}

enum tally_err export_checkpoint_read(const char *directory, struct arena *arena,
                                      struct export_checkpoint *ret_checkpoint,
                                      struct tally_diag *diag)
{
    char path[DISK_PATH_MAX];
    struct bytes note = {0};
    enum tally_err err = join(directory, "checkpoint", path, diag);

    if (err == TALLY_OK) err = disk_read(path, LIMIT_NOTE_SIZE, arena, &note, diag);
    return err != TALLY_OK ? err : export_checkpoint_parse(note, ret_checkpoint, diag);
}

static enum tally_err read_file(const char *directory, int level, uint64_t index,
                                uint32_t width, size_t size_max, uint8_t **ret_data,
                                size_t *ret_size, struct tally_diag *diag)
{
    char name[TILES_PATH_SIZE], path[DISK_PATH_MAX];
    enum tally_err err;

    tiles_path(level, index, width, name);
    err = join(directory, name, path, diag);
    if (err == TALLY_OK) err = file_read(path, size_max, ret_data, ret_size, diag);
    return err == TALLY_E_TOO_LARGE ? TALLY_E_MALFORMED : err;
}

enum tally_err export_tile_read(const char *directory, uint32_t level, uint64_t index,
                                uint32_t width, struct tally_hash *ret_hashes,
                                struct tally_diag *diag)
{
    const size_t expected = (size_t)width * TALLY_HASH_BYTES;
    char name[TILES_PATH_SIZE];
    uint8_t *data = NULL;
    size_t size = 0;
    enum tally_err err =
        read_file(directory, (int)level, index, width, TILES_TILE_SIZE_MAX, &data, &size, diag);

    if (err != TALLY_OK) return err;
    if (size == expected) {
        memcpy(ret_hashes, data, size);
    } else {
        tiles_path((int)level, index, width, name);
        tally_diag_set(diag, "%s: %zu bytes; a tile of %u hashes has %zu", name, size,
                       (unsigned)width, expected);
        err = TALLY_E_MALFORMED;
    }
    free(data);
    return err;
}

enum tally_err export_bundle_read(const char *directory, uint64_t index, uint32_t width,
                                  uint8_t **ret_data, struct bytes *ret_leaves,
                                  struct tally_diag *diag)
{
    struct tally_diag why = {""};
    char name[TILES_PATH_SIZE];
    uint8_t *data = NULL;
    size_t size = 0;
    enum tally_err err = read_file(directory, TILES_BUNDLE, index, width, TILES_BUNDLE_SIZE_MAX,
                                   &data, &size, diag);

    if (err != TALLY_OK) return err;
    err = tiles_bundle_split(bytes_of(data, size), width, ret_leaves, &why);
    if (err == TALLY_OK) {
        *ret_data = data;
        return TALLY_OK;
    }
    free(data);
    tiles_path(TILES_BUNDLE, index, width, name);
    tally_diag_set(diag, "%s: %s", name, why.text);
    return err;
}

enum tally_err export_resume(const char *directory, uint64_t size,
                             struct tiles_builder *ret_builder, struct tally_diag *diag)
{
    ret_builder->size = size;
    for (uint32_t level = 0; level < TILES_LEVELS; level++) {
        const uint64_t index = (size >> level * 8) / TILES_WIDTH;
        const uint32_t width = tiles_width((int)level, index, size);
        enum tally_err err;

        if (width == 0) continue;
        err =
            export_tile_read(directory, level, index, width, ret_builder->hashes[level], diag);
        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

/* ---- writing ------------------------------------------------------------------------- */

enum tally_err export_dir_make(const char *directory, struct tally_diag *diag)
{
    if (mkdir(directory, 0755) == 0) return file_sync_directory(directory, diag);
    if (errno == EEXIST) return TALLY_OK;
    tally_diag_set(diag, "%s: %s", directory, strerror(errno));
    return TALLY_E_IO;
}

static bool part_of_export(const char *name)
{
    static const char *const parts[] = {".", "..", "tile", "checkpoint", "checkpoint.new"};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(name, parts[i]) == 0) return true;
    }
    return false;
}

enum tally_err export_dir_foreign(const char *directory, struct arena *arena,
                                  struct bytes *ret_name, struct tally_diag *diag)
{
    DIR *open = opendir(directory);
    const struct dirent *entry;
    enum tally_err err = TALLY_OK;

    *ret_name = (struct bytes){0};
    if (open == NULL) {
        tally_diag_set(diag, "%s: %s", directory, strerror(errno));
        return TALLY_E_IO;
    }
    while (ret_name->data == NULL && (entry = readdir(open)) != NULL) {
        if (part_of_export(entry->d_name)) continue;
        *ret_name = arena_copy(arena, bytes_of(entry->d_name, strlen(entry->d_name)));
        if (ret_name->data == NULL) {
            err = TALLY_E_NO_MEMORY;
            break;
        }
    }
    (void)closedir(open);
    return err;
}

/* The directories above `path` below `directory`; each new one is made to last. */
static enum tally_err make_above(const char *directory, char *path, struct tally_diag *diag)
{
    for (char *slash = strchr(path + strlen(directory) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        enum tally_err err;

        *slash = '\0';
        err = export_dir_make(path, diag);
        *slash = '/';
        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

static bool same_file(const char *path, struct bytes data)
{
    uint8_t *there = NULL;
    size_t size = 0;
    bool same;

    if (file_read(path, data.size, &there, &size, NULL) != TALLY_OK) return false;
    same = bytes_equal(bytes_of(there, size), data);
    free(there);
    return same;
}

enum tally_err export_file_write(const char *directory, const char *path, struct bytes data,
                                 uint64_t *ret_written, struct tally_diag *diag)
{
    char whole[DISK_PATH_MAX];
    enum tally_err err = join(directory, path, whole, diag);

    *ret_written = 0;
    if (err == TALLY_OK) err = make_above(directory, whole, diag);
    if (err != TALLY_OK || same_file(whole, data)) return err;
    err = file_write(whole, data, 0644, diag);
    if (err == TALLY_OK) *ret_written = data.size;
    return err;
}
