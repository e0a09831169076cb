#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum tally_err refuse(const char *path, const char *why, struct tally_diag *diag)
{
    tally_diag_set(diag, "%s: %s", path, why);
    return TALLY_E_IO;
}

/* Read `size` bytes, or up to the end; how many, or -1. */
static ssize_t read_fully(int fd, uint8_t *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        const ssize_t got = read(fd, to + done, size - done);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static enum tally_err read_open(int fd, const char *path, size_t size_max, uint8_t **ret_data,
                                size_t *ret_size, struct tally_diag *diag)
{
    struct stat status;
    uint8_t *data;
    ssize_t size;

    if (fstat(fd, &status) != 0) return refuse(path, strerror(errno), diag);
    if (!S_ISREG(status.st_mode)) return refuse(path, "not a regular file", diag);
    if ((uint64_t)status.st_size > size_max) {
        tally_diag_set(diag, "%s: %lld bytes, over the limit of %zu", path,
                       (long long)status.st_size, size_max);
        return TALLY_E_TOO_LARGE;
    }
    /* One byte more than it had: a file that grows meanwhile is noticed. */
    data = malloc((size_t)status.st_size + 2);
    if (data == NULL) return TALLY_E_NO_MEMORY;
    size = read_fully(fd, data, (size_t)status.st_size + 1);
    if (size < 0 || size > status.st_size) {
        const char *why = size < 0 ? strerror(errno) : "it grows while it is read";

        free(data);
        return refuse(path, why, diag);
    }
    data[size] = 0;
    *ret_data = data;
    *ret_size = (size_t)size;
    return TALLY_OK;
}

enum tally_err file_read(const char *path, size_t size_max, uint8_t **ret_data,
                         size_t *ret_size, struct tally_diag *diag)
{
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    enum tally_err err;

    if (fd < 0) {
        tally_diag_set(diag, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? TALLY_E_NOT_FOUND : TALLY_E_IO;
    }
    err = read_open(fd, path, size_max, ret_data, ret_size, diag);
    close(fd);
    return err;
}

static bool write_fully(int fd, struct bytes data)
{
    size_t done = 0;

    while (done < data.size) {
        const ssize_t put = write(fd, data.data + done, data.size - done);

        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        done += (size_t)put;
    }
    return true;
}

enum tally_err file_sync_directory(const char *path, struct tally_diag *diag)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    int fd;

    if (size >= sizeof directory) return refuse(path, "the path is too long", diag);
    memcpy(directory, path, size);
    directory[size] = '\0';
    fd = open(slash == NULL ? "."
              : size == 0   ? "/"
                            : directory,
              O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        const char *why = strerror(errno);

        if (fd >= 0) close(fd);
        return refuse(path, why, diag);
    }
    close(fd);
    return TALLY_OK;
}

/* Write and fsync a new file at `path`. */
static enum tally_err write_new(const char *path, struct bytes data, uint32_t mode,
                                struct tally_diag *diag)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const char *why = NULL;

    if (fd < 0) {
        tally_diag_set(diag, "%s: %s", path, strerror(errno));
        return errno == EEXIST ? TALLY_E_CONFLICT : TALLY_E_IO;
    }
    if (!write_fully(fd, data) || fchmod(fd, (mode_t)mode) != 0 || fsync(fd) != 0) {
        why = strerror(errno);
    }
    if (close(fd) != 0 && why == NULL) why = strerror(errno);
    if (why == NULL) return TALLY_OK;
    unlink(path);
    return refuse(path, why, diag);
}

enum tally_err file_create(const char *path, struct bytes data, uint32_t mode,
                           struct tally_diag *diag)
{
    const enum tally_err err = write_new(path, data, mode, diag);

    return err == TALLY_OK ? file_sync_directory(path, diag) : err;
}

enum tally_err file_write(const char *path, struct bytes data, uint32_t mode,
                          struct tally_diag *diag)
{
    char beside[PATH_MAX];
    enum tally_err err;

    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside) {
        return refuse(path, "the path is too long", diag);
    }
    unlink(beside); /* of a run that was cut short */
    err = write_new(beside, data, mode, diag);
    if (err == TALLY_E_CONFLICT) err = TALLY_E_IO;
    if (err != TALLY_OK) return err;
    if (rename(beside, path) != 0) {
        err = refuse(path, strerror(errno), diag);
        unlink(beside);
        return err;
    }
    return file_sync_directory(path, diag);
}
