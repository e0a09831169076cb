/* Space on the disk: asking for it, the ballast file, and the thread that looks after both.
 * What follows from the figures is decided in space.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/secret.h"
#include "loop/run_internal.h"

enum {
    LOOK_MS = 200,
    AGAIN_MS = 10 * 1000, /* after a ballast that could not be made */
    CHUNK_SIZE = 1 << 20,
};

static const char ballast_name[] = "ballast";

/* Bytes that are free for everyone, in the file system that holds the data directory. */
static enum tally_err ask(const char *data, uint64_t *ret_available, struct tally_diag *diag)
{
    struct statvfs status;

    if (statvfs(data, &status) != 0) {
        tally_diag_set(diag, "%s: its free space is not known: %s", data, strerror(errno));
        return TALLY_E_IO;
    }
    *ret_available = (uint64_t)status.f_bavail * status.f_frsize;
    return TALLY_OK;
}

static unsigned long long mib(uint64_t size)
{
    return (unsigned long long)(size / SPACE_MIB);
}

static enum tally_err too_little(const char *data, uint64_t available, uint64_t needed,
                                 const char *what, struct tally_diag *diag)
{
    tally_diag_set(diag, "%s: %s needs %llu MiB of free space, and there are %llu MiB", data,
                   what, mib(needed), mib(available));
    return TALLY_E_IO;
}

/* ---- the ballast file ---- */

bool run_ballast_whole(const char *data)
{
    struct stat status;
    char path[4096];

    return run_path(data, ballast_name, path, NULL) == TALLY_OK && lstat(path, &status) == 0 &&
           S_ISREG(status.st_mode) && (uint64_t)status.st_size == SPACE_BALLAST_SIZE &&
           (uint64_t)status.st_blocks * 512 >= SPACE_BALLAST_SIZE;
}

/* For a file system that cannot take space without bytes, and may squeeze those that repeat. */
static bool fill(int fd)
{
    uint64_t *chunk = malloc(CHUNK_SIZE);
    bool good = chunk != NULL;

    for (size_t i = 0; good && i < CHUNK_SIZE / sizeof *chunk; i++) {
        chunk[i] = secret_random_u64();
    }
    for (uint64_t done = 0; good && done < SPACE_BALLAST_SIZE;) {
        const ssize_t wrote = pwrite(fd, chunk, CHUNK_SIZE, (off_t)done);

        good = wrote > 0;
        if (good) done += (uint64_t)wrote;
    }
    free(chunk);
    return good && ftruncate(fd, (off_t)SPACE_BALLAST_SIZE) == 0 && fsync(fd) == 0;
}

static enum tally_err make(const char *data, struct tally_diag *diag)
{
    char path[4096];
    enum tally_err err = run_path(data, ballast_name, path, diag);
    bool good;
    int fd, why;

    if (err != TALLY_OK) return err;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    good = fd >= 0 && fallocate(fd, 0, 0, (off_t)SPACE_BALLAST_SIZE) == 0;
    if (fd >= 0 && !good && (errno == EOPNOTSUPP || errno == ENOSYS)) good = fill(fd);
    why = errno;
    if (fd >= 0) close(fd);
    if (good) return TALLY_OK;
    (void)unlink(path);
    tally_diag_set(diag, "%s cannot be made: %s", path, strerror(why));
    return TALLY_E_IO;
}

/* Give it back. */
static bool release(const char *data)
{
    char path[4096];

    return run_path(data, ballast_name, path, NULL) == TALLY_OK &&
           (unlink(path) == 0 || errno == ENOENT);
}

enum tally_err run_ballast_init(const char *data, struct tally_diag *diag)
{
    uint64_t available = 0;
    enum tally_err err = ask(data, &available, diag);

    if (err == TALLY_OK && available < SPACE_WHOLE_SIZE) {
        err = too_little(data, available, SPACE_WHOLE_SIZE, "a node", diag);
    }
    return err == TALLY_OK ? make(data, diag) : err;
}

/* ---- before the start ---- */

static uint64_t size_of_folder(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    struct stat status;
    uint64_t size = 0;

    if (directory == NULL) return 0;
    while ((entry = readdir(directory)) != NULL) {
        if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
            size += (uint64_t)status.st_blocks * 512;
        }
    }
    (void)closedir(directory);
    return size;
}

enum tally_err run_space_for_copy(const char *data, const char *folder, struct tally_diag *diag)
{
    uint64_t available = 0, needed = SPACE_OPEN_SIZE;
    char path[4096];
    enum tally_err err = run_path(data, folder, path, diag);

    if (err == TALLY_OK) err = ask(data, &available, diag);
    if (err != TALLY_OK) return err;
    needed += size_of_folder(path);
    if (available >= needed) return TALLY_OK;
    return too_little(data, available, needed, "to build its database anew it", diag);
}

static void say_released(const struct run *run, uint64_t available)
{
    run_log(run, RUN_LOG_WARNING, "ballast_released", "available=%lluMiB needed=%lluMiB",
            mib(available), mib(SPACE_WHOLE_SIZE));
}

/* The space thread, or before it starts. */
static bool restore(struct run *run)
{
    struct tally_diag diag = {{0}};
    const enum tally_err err = make(run->config->data, &diag);

    if (err == TALLY_OK) {
        run_log(run, RUN_LOG_INFO, "ballast_restored", "size=%lluMiB", mib(SPACE_BALLAST_SIZE));
    } else if (!run->space.failed) {
        run_log(run, RUN_LOG_WARNING, "ballast_failed", "why=\"%s\"", diag.text);
    }
    run->space.failed = err != TALLY_OK;
    return err == TALLY_OK;
}

enum tally_err run_space_begin(struct run *run, struct tally_diag *diag)
{
    const char *data = run->config->data;
    struct space *space = &run->space.now;
    enum space_act act = SPACE_KEEP;
    uint64_t available = 0;
    enum tally_err err;

    space->ballast = run_ballast_whole(data);
    if (!space->ballast) (void)release(data); /* half of one: it was being made */
    err = ask(data, &available, diag);
    if (err != TALLY_OK) return err;
    run->read_only = !space_begin(space, available, &act);
    if (run->read_only) {
        run_log(run, RUN_LOG_WARNING, "read_only", "available=%lluMiB needed=%lluMiB",
                mib(available), mib(space->ballast ? SPACE_GOOD_FROM : SPACE_WHOLE_SIZE));
    }
    if (act == SPACE_RELEASE && release(data)) {
        space->ballast = false;
        say_released(run, available);
    }
    if (act == SPACE_RESTORE && restore(run)) {
        space->ballast = true;
        space->state = SPACE_GOOD;
    }
    return TALLY_OK;
}

/* ---- while the node runs ---- */

/* Tell the loop and the log of another state. Under the lock, so that what is told last is so.
 */
static void tell(struct run *run, enum space_state before, uint64_t available)
{
    const enum space_state now = run->space.now.state;
    struct inbox *inbox;

    if (now == before) return;
    inbox = run_inbox_new(NODE_SPACE);
    inbox->event.space = now;
    run_post(run, inbox);
    if (now == SPACE_LOW) {
        run_log(run, RUN_LOG_WARNING, "space_low", "available=%lluMiB needed=%lluMiB",
                mib(available), mib(SPACE_GOOD_FROM));
    } else if (now == SPACE_GOOD) {
        run_log(run, RUN_LOG_INFO, "space_good", "available=%lluMiB", mib(available));
    }
}

/* The next write might end the process in the middle: be a node that only reads. What is not
 * written was not acknowledged. */
static _Noreturn void end_writing(const struct run *run, uint64_t available)
{
    struct tally_diag diag;

    run_log(run, RUN_LOG_WARNING, "space_gone", "available=%lluMiB needed=%lluMiB",
            mib(available), mib(SPACE_WHOLE_SIZE));
    run_again(run);
    tally_diag_set(&diag, "the disk is full");
    run_fatal(run, "space_gone", TALLY_E_IO, &diag);
}

/* One look; what is decided about the ballast. The figure and a release are under the lock:
 * whoever comes meanwhile wants to write, and waits for exactly that; and no figure of before a
 * release is taken for one of after it. */
static enum space_act look(struct run *run)
{
    enum space_act act = SPACE_KEEP;
    enum space_state before;
    uint64_t available = 0;

    pthread_mutex_lock(&run->space.lock);
    before = run->space.now.state;
    if (ask(run->config->data, &available, NULL) == TALLY_OK) {
        act = space_look(&run->space.now, available);
    }
    if (act == SPACE_RELEASE && release(run->config->data)) {
        run->space.now.ballast = false;
        say_released(run, available);
    }
    if (act == SPACE_END) end_writing(run, available);
    tell(run, before, available);
    pthread_mutex_unlock(&run->space.lock);
    return act;
}

void run_space_before_write(struct run *run)
{
    (void)look(run);
}

bool run_space_gone(const struct run *run)
{
    uint64_t available = 0;

    /* Not whether the ballast is there: it may just have been given back. */
    return !run->read_only && ask(run->config->data, &available, NULL) == TALLY_OK &&
           available < SPACE_OPEN_SIZE;
}

static void restore_when_due(struct run *run)
{
    const uint64_t now_ms = clock_monotonic_ms();

    if (now_ms < run->space.again_ms) return;
    if (!restore(run)) {
        run->space.again_ms = now_ms + AGAIN_MS;
        return;
    }
    pthread_mutex_lock(&run->space.lock);
    run->space.now.ballast = true;
    pthread_mutex_unlock(&run->space.lock);
    (void)look(run);
}

/* Nothing is written: all there is to wait for is space for a whole node. */
static void look_read_only(struct run *run)
{
    const uint64_t needed = run->space.now.ballast ? SPACE_GOOD_FROM : SPACE_WHOLE_SIZE;
    struct tally_diag diag = {{0}};
    uint64_t available = 0;

    if (ask(run->config->data, &available, NULL) != TALLY_OK || available < needed) return;
    run_log(run, RUN_LOG_INFO, "space_good", "available=%lluMiB", mib(available));
    run_again(run);
    tally_diag_set(&diag, "there is space again, and the node cannot start itself anew");
    run_fatal(run, "read_only", TALLY_E_IO, &diag);
}

static enum space_state state_now(struct run *run)
{
    enum space_state state;

    pthread_mutex_lock(&run->space.lock);
    state = run->space.now.state;
    pthread_mutex_unlock(&run->space.lock);
    return state;
}

void *run_space_main(void *context)
{
    struct run *run = context;
    bool spared = false;

    if (!run->read_only) {
        pthread_mutex_lock(&run->space.lock);
        tell(run, SPACE_GOOD, 0); /* a node begins with the thought that all is well */
        pthread_mutex_unlock(&run->space.lock);
    }
    do {
        if (run->read_only) {
            look_read_only(run);
            continue;
        }
        if (look(run) == SPACE_RESTORE) restore_when_due(run);
        if (spared != (state_now(run) != SPACE_GOOD)) {
            spared = !spared;
            store_spare_space(run->store, spared);
        }
    } while (run_rest(run, LOOK_MS));
    return NULL;
}
