/* bench_store - what a durable step of the block log costs on this disk.
 *
 * usage: bench_store [SECONDS [DIRECTORY]]
 *
 * Steps of 1, 64 and 256 blocks of 1 KiB: store_append on RocksDB in a new folder below
 * DIRECTORY (the current one by default; removed afterwards), beside a plain pwrite and
 * fdatasync of as many bytes to one file in the same folder, in turn, each for SECONDS (2).
 * Prints steps and blocks per second, the ratio of the two, and how many bytes the process
 * wrote per byte of blocks (write_bytes of /proc/self/io, which includes what RocksDB writes
 * again when it flushes). */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "store/store.h"
#include "support/folder.h"

enum { BLOCK_SIZE = 1024, STEP_MAX = 256 };

struct figures {
    uint64_t steps;
    double seconds, written_per_byte;
};

static double seconds_each = 2;
static uint8_t payload[STEP_MAX * BLOCK_SIZE];

static void must(enum tally_err err, const struct tally_diag *diag)
{
    if (err == TALLY_OK) return;
    fprintf(stderr, "%s: %s\n", tally_err_name(err), diag->text);
    exit(EXIT_FAILURE);
}

static double now(void)
{
    struct timespec time;
    const int error = clock_gettime(CLOCK_MONOTONIC, &time);

    ASSERT(error == 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Bytes this process has caused to be sent to the disk; 0 where the kernel does not count. */
static uint64_t written_bytes(void)
{
    FILE *file = fopen("/proc/self/io", "r");
    char line[128];
    uint64_t value = 0;

    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "write_bytes: ", 13) == 0) value = strtoull(line + 13, NULL, 10);
    }
    fclose(file);
    return value;
}

static void step_store(void *context, uint64_t number, size_t blocks_count)
{
    struct store *store = context;
    struct store_block blocks[STEP_MAX];
    const struct store_append append = {.blocks = blocks, .blocks_count = blocks_count};
    const uint64_t first = store_last(store) + 1;
    struct tally_diag diag = {{0}};

    memcpy(payload, &number, sizeof number);
    for (size_t i = 0; i < blocks_count; i++) {
        blocks[i] =
            (struct store_block){first + i, bytes_of(payload + i * BLOCK_SIZE, BLOCK_SIZE)};
    }
    must(store_append(store, &append, &diag), &diag);
}

static void step_file(void *context, uint64_t number, size_t blocks_count)
{
    const int fd = *(const int *)context;
    const size_t size = blocks_count * BLOCK_SIZE;

    memcpy(payload, &number, sizeof number);
    if (pwrite(fd, payload, size, (off_t)(number * size)) != (ssize_t)size ||
        fdatasync(fd) != 0) {
        perror("pwrite, fdatasync");
        exit(EXIT_FAILURE);
    }
}

static struct figures measure(void (*step)(void *, uint64_t, size_t), void *context,
                              size_t blocks_count)
{
    struct figures figures = {0};
    const uint64_t written = written_bytes();
    const double start = now();

    do {
        step(context, figures.steps++, blocks_count);
        figures.seconds = now() - start;
    } while (figures.seconds < seconds_each);
    figures.written_per_byte = (double)(written_bytes() - written) /
                               ((double)figures.steps * (double)blocks_count * BLOCK_SIZE);
    return figures;
}

static void print(const char *what, size_t blocks_count, const struct figures *figures)
{
    const double steps = (double)figures->steps / figures->seconds;

    printf("%6zu  %-8s %10.0f %12.0f %10.2f", blocks_count, what, steps,
           steps * (double)blocks_count, figures->written_per_byte);
}

static void compare(const char *folder, size_t blocks_count)
{
    char path[256];
    struct tally_diag diag = {{0}};
    struct store *store = NULL;
    struct figures of_store, of_file;
    int fd;

    snprintf(path, sizeof path, "%s/file-%zu", folder, blocks_count);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ASSERT(fd >= 0);
    of_file = measure(step_file, &fd, blocks_count);
    close(fd);
    unlink(path);
    snprintf(path, sizeof path, "%s/db-%zu", folder, blocks_count);
    must(store_rocksdb_create(path, &diag), &diag);
    must(store_rocksdb_open(path, &store, &diag), &diag);
    of_store = measure(step_store, store, blocks_count);
    store_close(store);
    print("file", blocks_count, &of_file);
    printf("\n");
    print("store", blocks_count, &of_store);
    printf(" %9.2f\n", (double)of_store.steps / of_store.seconds /
                           ((double)of_file.steps / of_file.seconds));
}

int main(int count, char **arguments)
{
    static const size_t steps[] = {1, 64, 256};
    char folder[64];

    if (count > 1) seconds_each = strtod(arguments[1], NULL);
    if (setenv("TMPDIR", count > 2 ? arguments[2] : ".", 1) != 0) return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof payload; i++) payload[i] = (uint8_t)(i * 2654435761u >> 13);
    folder_make(folder, sizeof folder);
    printf("blocks                    steps/s     blocks/s  written/byte  of file\n");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) compare(folder, steps[i]);
    folder_remove(folder);
    return EXIT_SUCCESS;
}
