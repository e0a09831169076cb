/* SIGKILL of a process that writes to the store on disk: what it acknowledged is there.
 *
 * The writer is this program again, started afresh (posix_spawn) as `test_store_kill append
 * PATH`: RocksDB does not survive a fork. It tells of each acknowledged step on its standard
 * output and never stops by itself. */
#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "support/check_main.h"
#include "support/folder.h"
#include "support/store_texts.h"

enum { ROUNDS = 8, STEP_MAX = 8 };

/* One acknowledged step of the writer. */
struct step {
    uint64_t last, term;
};

/* ---- the writer ---- */

/* Each third step first appends blocks that another term's replace at once: truncated ones must
 * not come back. Each step first writes a key, which the next append makes durable. */
static bool take_step(struct store *store, uint64_t number, struct step *step)
{
    const uint64_t from = store_last(store) + 1, to = from + number % STEP_MAX;
    const struct store_hard_state hard_state = {.term = step->term + 1, .vote = 2};
    const struct store_append vote = {.hard_state = &hard_state};
    const bool replaces = number % 3 == 0;
    char text[32];

    snprintf(text, sizeof text, "%020" PRIu64, number);
    if (store_texts_put(store, STORE_INDEX, text, "x") != TALLY_OK) return false;
    if (replaces && store_texts_append(store, 0, from, to + 5, "lost", 900) != TALLY_OK)
        return false;
    if (store_append(store, &vote, NULL) != TALLY_OK) return false;
    if (store_texts_append(store, replaces ? from : 0, from, to, "k", 900) != TALLY_OK)
        return false;
    *step = (struct step){to, hard_state.term};
    return true;
}

static int append_for_ever(const char *path)
{
    struct store *store = NULL;
    struct tally_diag diag = {{0}};
    struct step step = {0};

    if (store_rocksdb_open(path, &store, &diag) != TALLY_OK) {
        fprintf(stderr, "%s\n", diag.text);
        return 1;
    }
    step.term = store_hard_state(store).term;
    for (uint64_t number = step.term + 1;; number++) {
        if (!take_step(store, number, &step)) return 1;
        if (write(STDOUT_FILENO, &step, sizeof step) != sizeof step) return 1;
    }
}

/* ---- the test ---- */

static pid_t start(const char *path, int *ret_out)
{
    char *const arguments[] = {(char *)"test_store_kill", (char *)"append", (char *)path, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addclose(&actions, ends[0]), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addclose(&actions, ends[1]), 0);
    ck_assert_int_eq(posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environ),
                     0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *ret_out = ends[0];
    return child;
}

struct numbers {
    uint64_t count;
    bool hole;
};

static bool see_number(void *context, struct bytes key, struct bytes value)
{
    struct numbers *numbers = context;
    char want[32];

    (void)value;
    snprintf(want, sizeof want, "%020" PRIu64, ++numbers->count);
    numbers->hole |= !bytes_equal(key, bytes_of(want, strlen(want)));
    return true;
}

/* `told` was acknowledged; one more step may have been done, or half of it. */
static void check_what_is_left(const char *path, const struct step *told)
{
    struct store *store = NULL;
    struct tally_diag diag = {{0}};
    struct numbers numbers = {0};
    uint64_t term;

    ck_assert_msg(store_rocksdb_open(path, &store, &diag) == TALLY_OK, "%s", diag.text);
    term = store_hard_state(store).term;
    ck_assert_uint_ge(store_last(store), told->last);
    ck_assert_uint_ge(term, told->term);
    ck_assert_uint_le(term, told->term + 1);
    for (uint64_t index = 1; index <= store_last(store); index++) {
        struct store_block *block = NULL;
        size_t count = 0;

        ck_assert_msg(store_read(store, index, 1, 1, &block, &count, &diag) == TALLY_OK, "%s",
                      diag.text);
        ck_assert(store_texts_is(block, "k") ||
                  (index > told->last && store_texts_is(block, "lost")));
        free(block);
    }
    ck_assert_int_eq(store_scan(store, STORE_INDEX, bytes_of("", 0), bytes_of("", 0),
                                see_number, &numbers, NULL),
                     TALLY_OK);
    ck_assert(!numbers.hole);
    ck_assert_uint_ge(numbers.count, term); /* written before, so durable with it */
    ck_assert_uint_le(numbers.count, term + 1);

    /* The next writer goes on from what was acknowledged. */
    ck_assert_int_eq(store_texts_append(store, told->last + 1, 1, 0, "", 0), TALLY_OK);
    store_close(store);
}

START_TEST(kill_9)
{
    char folder[64], path[96];
    struct step told = {0}, next;
    struct tally_diag diag = {{0}};
    uint64_t random = 1;

    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/db", folder);
    ck_assert_msg(store_rocksdb_create(path, &diag) == TALLY_OK, "%s", diag.text);
    for (int round = 0; round < ROUNDS; round++) {
        struct store *second = NULL;
        uint64_t steps, taken = 0;
        int out, status;
        pid_t child = start(path, &out);

        random = random * UINT64_C(6364136223846793005) + 1;
        steps = 1 + (random >> 40) % 150;
        while (taken < steps && read(out, &next, sizeof next) == sizeof next) {
            told = next;
            taken++;
        }
        ck_assert_uint_eq(taken, steps);
        ck_assert_int_eq(store_rocksdb_open(path, &second, &diag), TALLY_E_IO);
        ck_assert_ptr_nonnull(strstr(diag.text, "a running node has it open"));
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status));
        while (read(out, &next, sizeof next) == sizeof next) told = next; /* before it died */
        close(out);
        check_what_is_left(path, &told);
    }
    folder_remove(folder);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store kill");
    TCase *cases = tcase_create("rocksdb");

    tcase_add_test(cases, kill_9);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "append") == 0) return append_for_ever(arguments[2]);
    return check_main(make_suite());
}
