/* What lies in the directory; adapter_config.c reads a configuration. */
#include "event/adapter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/hash.h"

#define CONFIG_NAME "adapter_config.json"
enum { PATH_ROOM = 8192 };

struct reading {
    const char *directory;
    const struct tally_manifest *manifest;
    struct arena *arena;
    struct tally_diag *diag;
};

static bool ends_with(const char *text, const char *end)
{
    const size_t size = strlen(text), end_size = strlen(end);

    return size > end_size && strcasecmp(text + size - end_size, end) == 0;
}

static enum tally_err join(const struct reading *reading, const char *name, char to[PATH_ROOM])
{
    if (snprintf(to, PATH_ROOM, "%s/%s", reading->directory, name) < PATH_ROOM) return TALLY_OK;
    tally_diag_set(reading->diag, "%s: the path is too long", reading->directory);
    return TALLY_E_IO;
}

static enum tally_err changed(const struct reading *reading, const char *path)
{
    tally_diag_set(reading->diag, "%s: it changed meanwhile: try again", path);
    return TALLY_E_MISMATCH;
}

/* ---- the configuration --------------------------------------------------------------- */

/* The view of one file. A file that is no JSON object is none of ours, unless its name says
 * that it should be: then TALLY_E_MALFORMED. */
static enum tally_err read_config(const struct reading *reading,
                                  const struct tally_manifest_file *file,
                                  struct adapter_view *ret_view)
{
    char path[PATH_ROOM];
    struct tally_diag why = {{0}};
    struct adapter_view view;
    struct tally_hash digest;
    uint8_t *data = NULL;
    size_t size = 0;
    enum tally_err err = join(reading, file->path, path);

    ret_view->found = false;
    if (err != TALLY_OK) return err;
    err = file_read(path, ADAPTER_CONFIG_SIZE_MAX, &data, &size, reading->diag);
    if (err != TALLY_OK) return err;
    hash_sha256(data, size, &digest);
    if (!hash_equal(&digest, &file->digest)) {
        free(data);
        return changed(reading, path);
    }
    err = adapter_parse(bytes_of(data, size), reading->arena, &view, &why);
    free(data);
    if (err == TALLY_OK) {
        view.file = file->path;
        *ret_view = view;
        return TALLY_OK;
    }
    if (strcmp(file->path, CONFIG_NAME) != 0) return TALLY_OK;
    tally_diag_set(reading->diag, CONFIG_NAME ": %s", why.text);
    return err;
}

/* Files at the top that may be a configuration; a larger one is something else, unless its name
 * says what it is. */
static bool may_be_config(const struct tally_manifest_file *file)
{
    if (strcmp(file->path, CONFIG_NAME) == 0) return true;
    return strchr(file->path, '/') == NULL && ends_with(file->path, ".json") &&
           file->size <= ADAPTER_CONFIG_SIZE_MAX;
}

static bool known(const struct adapter_view *view)
{
    return view->found && strcmp(view->schema, "unknown") != 0;
}

/* The one that programs look for comes first, then others by name; one that nobody knows is
 * taken only under the name that programs look for, and when there is no better one. */
static enum tally_err find_config(const struct reading *reading, struct adapter_view *ret_view)
{
    struct adapter_view best = adapter_nothing();
    uint32_t configs = 0;

    for (size_t i = 0; i < reading->manifest->files_count; i++) {
        const struct tally_manifest_file *file = &reading->manifest->files[i];
        struct adapter_view view;
        const bool named = strcmp(file->path, CONFIG_NAME) == 0;
        enum tally_err err;

        if (!may_be_config(file)) continue;
        err = read_config(reading, file, &view);
        if (err != TALLY_OK) return err;
        if (known(&view)) configs++;
        if (known(&view) ? named || !known(&best) : view.found && named && !known(&best))
            best = view;
    }
    best.configs = configs;
    *ret_view = best;
    return TALLY_OK;
}

/* ---- the other files ----------------------------------------------------------------- */

static enum tally_err open_file(const struct reading *reading,
                                const struct tally_manifest_file *file, int *ret_fd)
{
    char path[PATH_ROOM];
    struct stat status;
    enum tally_err err = join(reading, file->path, path);
    int fd;

    if (err != TALLY_OK) return err;
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        tally_diag_set(reading->diag, "%s: %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return TALLY_E_IO;
    }
    if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != file->size) {
        close(fd);
        return changed(reading, path);
    }
    *ret_fd = fd;
    return TALLY_OK;
}

/* What a file's header says, or what is wrong with it; only without memory no answer. */
static enum tally_err read_weights(const struct reading *reading, int fd,
                                   struct adapter_weights *weights)
{
    struct safetensors_view *view = arena_alloc(reading->arena, sizeof *view);
    struct tally_diag why = {{0}};
    struct bytes text;

    if (view == NULL) return TALLY_E_NO_MEMORY;
    weights->err = safetensors_read(fd, reading->arena, view, &why);
    weights->fault = "";
    if (weights->err == TALLY_E_NO_MEMORY) return weights->err;
    if (weights->err == TALLY_OK) {
        weights->view = view;
        return TALLY_OK;
    }
    text = arena_copy(reading->arena, bytes_of(why.text, strlen(why.text)));
    if (text.data == NULL) return TALLY_E_NO_MEMORY;
    weights->fault = (const char *)text.data;
    return TALLY_OK;
}

static bool is_safetensors(const char *path)
{
    return ends_with(path, ".safetensors");
}

static enum tally_err look_at(const struct reading *reading,
                              const struct tally_manifest_file *file, struct adapter *adapter,
                              struct adapter_pickle *pickles, struct adapter_weights *weights)
{
    enum pickle_kind kind = PICKLE_NONE;
    int fd = -1;
    enum tally_err err = open_file(reading, file, &fd);

    if (err != TALLY_OK) return err;
    err = pickle_by_content(fd, file->size, &kind);
    if (err != TALLY_OK) tally_diag_set(reading->diag, "%s: it cannot be read", file->path);
    if (kind == PICKLE_NONE) kind = pickle_by_name(file->path);
    if (kind != PICKLE_NONE)
        pickles[adapter->pickles_count++] = (struct adapter_pickle){file->path, kind};
    if (err == TALLY_OK && is_safetensors(file->path)) {
        weights[adapter->weights_count].path = file->path;
        err = read_weights(reading, fd, &weights[adapter->weights_count++]);
    }
    close(fd);
    return err;
}

enum tally_err adapter_read(const char *directory, const struct tally_manifest *manifest,
                            struct arena *arena, struct adapter *ret_adapter,
                            struct tally_diag *diag)
{
    const struct reading reading = {directory, manifest, arena, diag};
    struct adapter adapter = {.pickles_count = 0};
    struct adapter_pickle *pickles =
        arena_zalloc(arena, manifest->files_count, sizeof *pickles);
    struct adapter_weights *weights;
    size_t count = 0;
    enum tally_err err;

    for (size_t i = 0; i < manifest->files_count; i++)
        count += is_safetensors(manifest->files[i].path) ? 1 : 0;
    weights = arena_zalloc(arena, count, sizeof *weights);
    if (pickles == NULL || weights == NULL) return TALLY_E_NO_MEMORY;
    err = find_config(&reading, &adapter.config);
    for (size_t i = 0; i < manifest->files_count && err == TALLY_OK; i++)
        err = look_at(&reading, &manifest->files[i], &adapter, pickles, weights);
    if (err != TALLY_OK) return err;
    adapter.pickles = pickles;
    adapter.weights = weights;
    *ret_adapter = adapter;
    return TALLY_OK;
}
