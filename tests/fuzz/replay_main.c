/* main() of a fuzz target where libFuzzer is not at hand: give the target every file of its
 * corpus, then seeded mutations of them, in the same order every time and as many as
 * SECONDS_MAX allow. It explores little, and shows that no known input and no near relative of
 * one fails under this compiler's sanitizers.
 *
 * usage: fuzz_x CORPUS_DIRECTORY [MUTATIONS] */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"

enum {
    FILES_MAX = 4096,
    INPUT_MAX = 4 * 1024 * 1024,
    MUTATIONS = 40000,
    EDITS_MAX = 4,
    SECONDS_MAX = 10
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t *data;
    size_t size;
};

static struct input inputs[FILES_MAX];
static size_t inputs_count;

static uint64_t draw(uint64_t *state, uint64_t below) /* splitmix64 */
{
    ASSERT(below > 0);
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* In an allocation of its own and of exactly that size, so that a read past it is seen. */
static void give(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) abort();
    if (size > 0) memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* False when there is no such directory or nothing in it. */
static bool load(const char *directory)
{
    struct dirent **names;
    const int count = scandir(directory, &names, not_hidden, alphasort);

    if (count < 0) return false;
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct tally_diag diag = {.text = "too many files, or too long a path"};
        const int length = snprintf(path, sizeof path, "%s/%s", directory, names[i]->d_name);

        free(names[i]);
        if (length >= (int)sizeof path || inputs_count == FILES_MAX ||
            file_read(path, INPUT_MAX, &inputs[inputs_count].data, &inputs[inputs_count].size,
                      &diag) != TALLY_OK) {
            fprintf(stderr, "%s: %s\n", path, diag.text);
            exit(EXIT_FAILURE);
        }
        inputs_count++;
    }
    free(names);
    return inputs_count > 0;
}

/* One change to data[0..*size): a bit, a byte, a piece removed, repeated, or taken from another
 * input. `data` has room for twice INPUT_MAX. */
static void edit(uint8_t *data, size_t *size, uint64_t *state)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '\n', ' ', '0'};
    const struct input *other = &inputs[draw(state, inputs_count)];
    const size_t at = *size > 0 ? draw(state, *size) : 0;
    const size_t rest = *size - at;
    size_t piece = rest > 0 ? 1 + draw(state, rest < 64 ? rest : 64) : 0;

    switch (draw(state, *size > 0 ? 6 : 1)) {
    case 0: /* the end of another input behind the start of this one */
        piece = other->size < INPUT_MAX - at ? other->size : INPUT_MAX - at;
        if (piece > 0) memcpy(data + at, other->data, piece);
        *size = at + piece;
        return;
    case 1:
        data[at] = (uint8_t)(data[at] ^ (1u << draw(state, 8)));
        return;
    case 2:
        data[at] = edges[draw(state, sizeof edges)];
        return;
    case 3:
        data[at] = (uint8_t)draw(state, 256);
        return;
    case 4:
        memmove(data + at, data + at + piece, rest - piece);
        *size -= piece;
        return;
    default:
        if (*size + piece > INPUT_MAX) return;
        memmove(data + at + piece, data + at, rest);
        *size += piece;
        return;
    }
}

int main(int argc, char **argv)
{
    const unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : MUTATIONS;
    uint8_t *data = malloc((size_t)INPUT_MAX * 2);
    uint64_t state = 1, deadline_ms;
    unsigned long done = 0;

    if (data == NULL) return EXIT_FAILURE;
    if (argc < 2 || !load(argv[1])) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY [MUTATIONS]; some input must be there\n",
                argv[0]);
        free(data);
        return EXIT_FAILURE;
    }
    give(NULL, 0);
    for (size_t i = 0; i < inputs_count; i++) give(inputs[i].data, inputs[i].size);
    deadline_ms = clock_monotonic_ms() + SECONDS_MAX * 1000;
    for (; done < mutations && clock_monotonic_ms() < deadline_ms; done++) {
        const struct input *from = &inputs[draw(&state, inputs_count)];
        size_t size = from->size;

        if (size > 0) memcpy(data, from->data, size);
        for (uint64_t edits = 1 + draw(&state, EDITS_MAX); edits > 0; edits--) {
            edit(data, &size, &state);
        }
        give(data, size);
    }
    printf("%zu corpus files, %lu mutations\n", inputs_count, done);
    for (size_t i = 0; i < inputs_count; i++) free(inputs[i].data);
    free(data);
    return EXIT_SUCCESS;
}
