/* bench_manifest - what the manifest root of a directory costs, beside other programs.
 *
 * usage: bench_manifest [ROUNDS [DIRECTORY]]
 *
 * Reads all files below DIRECTORY (default: a new folder with one file of 512 MiB, one of 128
 * MiB and 64 of 2 MiB, removed afterwards): by cat, by sha256sum, by the manifest root with one
 * thread and with as many as it chooses; in turn, ROUNDS (5) times, all from the page cache,
 * which a first reading fills. Prints the median bytes per second of each, the ratio to cat and
 * to sha256sum, and the processor time per GB, which a busy machine changes less. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "event/manifest.h"
#include "support/folder.h"

enum { ROUNDS_MAX = 100, MIB = 1024 * 1024, WAYS = 4 };

static const char *const names[WAYS] = {"cat", "sha256sum", "root, 1 thread", "root"};
static char folder[256];
static struct tally_manifest manifest; /* of the first reading: the files, and their size */
static const char **words;             /* program, paths, NULL */

static double now(void)
{
    struct timespec time;
    const int error = clock_gettime(CLOCK_MONOTONIC, &time);

    ASSERT(error == 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds_of(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/* Processor time of this process and of those that it waited for. */
static double processor_seconds(void)
{
    struct rusage own, others;

    ASSERT(getrusage(RUSAGE_SELF, &own) == 0);
    ASSERT(getrusage(RUSAGE_CHILDREN, &others) == 0);
    return seconds_of(&own) + seconds_of(&others);
}

static void must(bool ok, const char *what)
{
    if (ok) return;
    perror(what);
    exit(EXIT_FAILURE);
}

static void write_file(const char *name, size_t size)
{
    static uint8_t block[MIB];
    char path[512];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    out = fopen(path, "w");
    must(out != NULL, path);
    for (size_t at = 0; at < size; at += MIB) {
        for (size_t i = 0; i < MIB; i += sizeof at)
            memcpy(block + i, (size_t[]){(at + i) * 0x9e3779b97f4a7c15u}, sizeof at);
        must(fwrite(block, 1, MIB, out) == MIB, path);
    }
    must(fclose(out) == 0, path);
}

static void make_files(void)
{
    char name[32];

    folder_make(folder, sizeof folder);
    write_file("adapter_model.safetensors", (size_t)512 * MIB);
    write_file("optimizer.safetensors", (size_t)128 * MIB);
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "shard-%02d", i);
        write_file(name, (size_t)2 * MIB);
    }
}

static void make_words(const char *directory)
{
    words = calloc(manifest.files_count + 2, sizeof *words);
    must(words != NULL, "memory");
    for (size_t i = 0; i < manifest.files_count; i++) {
        const size_t size = strlen(directory) + strlen(manifest.files[i].path) + 2;
        char *path = malloc(size);

        must(path != NULL, "memory");
        snprintf(path, size, "%s/%s", directory, manifest.files[i].path);
        words[i + 1] = path;
    }
}

/* Another program over all files; what it prints is thrown away. */
static void run_program(const char *program)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = -1;

    words[0] = program;
    must(posix_spawn_file_actions_init(&actions) == 0, program);
    must(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) == 0, program);
    must(posix_spawnp(&pid, program, &actions, NULL, (char *const *)words, environ) == 0,
         program);
    must(waitpid(pid, &status, 0) == pid && status == 0, program);
    posix_spawn_file_actions_destroy(&actions);
}

static void run_root(const char *directory, unsigned threads)
{
    struct tally_manifest again = {0};
    struct tally_diag diag = {{0}};

    if (manifest_read(directory, threads, NULL, NULL, &again, &diag) != TALLY_OK) {
        fprintf(stderr, "%s\n", diag.text);
        exit(EXIT_FAILURE);
    }
    ASSERT(memcmp(again.root.bytes, manifest.root.bytes, sizeof again.root.bytes) == 0);
    tally_manifest_free(&again);
}

static double measure(const char *directory, int way, double *ret_processor)
{
    const double start = now(), used = processor_seconds();

    if (way < 2)
        run_program(names[way]);
    else
        run_root(directory, way == 2 ? 1 : 0);
    *ret_processor = processor_seconds() - used;
    return now() - start;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    static double seconds[WAYS][ROUNDS_MAX], used[WAYS][ROUNDS_MAX];
    const long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
    const char *directory = argc > 2 ? argv[2] : folder;
    struct tally_diag diag = {{0}};
    double rates[WAYS];

    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_manifest [ROUNDS [DIRECTORY]]; 1 to %d rounds\n",
                ROUNDS_MAX);
        return EXIT_FAILURE;
    }
    if (argc <= 2) make_files();
    if (tally_manifest_read(directory, NULL, NULL, &manifest, &diag) != TALLY_OK) {
        fprintf(stderr, "%s\n", diag.text);
        return EXIT_FAILURE;
    }
    make_words(directory);
    for (long round = 0; round < rounds; round++)
        for (int way = 0; way < WAYS; way++)
            seconds[way][round] = measure(directory, way, &used[way][round]);
    printf("%zu files, %.0f MB, %ld rounds, %ld processors\n", manifest.files_count,
           (double)manifest.size / 1e6, rounds, sysconf(_SC_NPROCESSORS_ONLN));
    printf("%-16s %10s %8s %13s %14s\n", "median", "MB/s", "of cat", "of sha256sum",
           "processor s/GB");
    for (int way = 0; way < WAYS; way++) {
        qsort(seconds[way], (size_t)rounds, sizeof **seconds, compare);
        qsort(used[way], (size_t)rounds, sizeof **used, compare);
        rates[way] = (double)manifest.size / 1e6 / seconds[way][rounds / 2];
    }
    for (int way = 0; way < WAYS; way++)
        printf("%-16s %10.0f %8.2f %13.2f %14.2f\n", names[way], rates[way],
               rates[way] / rates[0], rates[way] / rates[1],
               used[way][rounds / 2] / ((double)manifest.size / 1e9));
    for (size_t i = 0; i < manifest.files_count; i++) free((void *)words[i + 1]);
    free(words);
    tally_manifest_free(&manifest);
    if (argc <= 2) folder_remove(folder);
    return EXIT_SUCCESS;
}
