/* Goal: what is promised is on the disk first, and one step of the log is there as a whole or
 * not at all. Method: this program's own fdatasync counts, and dies or fails at a chosen call;
 * it takes the place of libc's for librocksdb too. What the file system was given before the
 * call stays there, so a step that is split by a sync is found half done.
 *
 * Processes that die are this program again: `test_store_sync step PATH CALL die|fail`. */
#include <check.h>
#include <errno.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "store/witness.h"
#include "support/check_main.h"
#include "support/folder.h"
#include "support/store_texts.h"

enum { TERM_BEFORE = 3, TERM_AFTER = 4, LAST_BEFORE = 6, TRUNCATE_FROM = 5, LAST_AFTER = 9 };
enum { DIED = 7, SYNCS_MAX = 20 };

static atomic_long syncs, fault_at; /* fault_at 0: none */
static bool dies;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    const long call = atomic_fetch_add(&syncs, 1) + 1;

    if (fault_at > 0 && call >= fault_at) {
        if (dies) _exit(DIED);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static char folder[64], path[96];

static void begin(const char *name)
{
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/%s", folder, name);
}

static struct store *open_store(const char *at)
{
    struct store *store = NULL;
    struct tally_diag diag = {{0}};

    ck_assert_msg(store_rocksdb_open(at, &store, &diag) == TALLY_OK, "%s", diag.text);
    return store;
}

/* A step of everything: blocks dropped, blocks added, another term. */
static enum tally_err take_step(struct store *store, uint64_t term, uint64_t truncate_from,
                                uint64_t to)
{
    const struct store_hard_state hard_state = {.term = term, .vote = 2};
    struct store_block blocks[16];
    struct store_append append = {
        .hard_state = &hard_state, .truncate_from = truncate_from, .blocks = blocks};
    uint64_t from = truncate_from > 0 ? truncate_from : store_last(store) + 1;
    static const uint8_t data[] = "block";

    for (; from <= to; from++) {
        blocks[append.blocks_count++] =
            (struct store_block){.index = from, .data = bytes_of(data, sizeof data)};
    }
    return store_append(store, &append, NULL);
}

static void create_store(void)
{
    struct store *store;

    begin("db");
    ck_assert_int_eq(store_rocksdb_create(path, NULL), TALLY_OK);
    store = open_store(path);
    ck_assert_int_eq(take_step(store, TERM_BEFORE, 0, LAST_BEFORE), TALLY_OK);
    store_close(store);
}

/* ---- the process that dies ---- */

/* Ends with 0: the step was told to be done; 1: it was told to have failed. The store is not
 * closed: like a crash, but later. */
_Noreturn static void step(char **arguments)
{
    struct store *store = NULL;

    if (store_rocksdb_open(arguments[2], &store, NULL) != TALLY_OK) _exit(2);
    dies = strcmp(arguments[4], "die") == 0;
    fault_at = syncs + strtol(arguments[3], NULL, 10);
    _exit(take_step(store, TERM_AFTER, TRUNCATE_FROM, LAST_AFTER) == TALLY_OK ? 0 : 1);
}

static int run_step(long call, const char *how)
{
    char number[16];
    char *const arguments[] = {
        (char *)"test_store_sync", (char *)"step", path, number, (char *)how, NULL};
    int status;
    pid_t child;

    snprintf(number, sizeof number, "%ld", call);
    ck_assert_int_eq(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* ---- the tests ---- */

/* Reason: an append that only the page cache has is gone with the machine. */
START_TEST(append_is_synced)
{
    struct store *store;

    create_store();
    store = open_store(path);
    for (uint64_t last = LAST_BEFORE + 1; last < LAST_BEFORE + 5; last++) {
        const long before = syncs;

        ck_assert_int_eq(take_step(store, TERM_BEFORE, 0, last), TALLY_OK);
        ck_assert_int_gt(syncs, before);
    }
    store_close(store);
    folder_remove(folder);
}
END_TEST

/* Reason: a witness that forgets lets the node vote, acknowledge or sign against its word. */
START_TEST(witness_is_synced)
{
    const struct witness_data fresh = {.ledger_id = {{1}}, .node_id = 2, .incarnation = 3};
    const struct witness_log log = {.term = 1, .vote = 2, .last_index = 3};
    const struct tally_hash root = {{9}};
    struct witness *witness = NULL;
    long before;

    begin("witness");
    ck_assert_int_eq(witness_create(path, &fresh, NULL), TALLY_OK);
    ck_assert_int_eq(witness_open(path, &witness, NULL), TALLY_OK);
    before = syncs;
    ck_assert_int_eq(witness_sign(witness, 5, &root, NULL), TALLY_OK);
    ck_assert_int_gt(syncs, before);
    before = syncs;
    ck_assert_int_eq(witness_log(witness, &log, NULL), TALLY_OK);
    ck_assert_int_gt(syncs, before);
    fault_at = syncs + 1;
    ck_assert_int_eq(witness_sign(witness, 6, &root, NULL), TALLY_E_IO);
    ck_assert_uint_eq(witness_data(witness).signed_size, 5); /* nothing is promised by it */
    witness_close(witness);
    folder_remove(folder);
}
END_TEST

/* A crash at every fsync boundary. Reason: blocks of a term that the node does not remember, or
 * a term without its blocks, let it vote twice or forget what it acknowledged. */
START_TEST(crash_at_every_sync)
{
    long call = 1;

    for (;; call++) {
        struct store *store;
        int result;

        ck_assert_int_lt(call, SYNCS_MAX);
        create_store();
        result = run_step(call, "die");
        store = open_store(path);
        const uint64_t last = store_last(store), term = store_hard_state(store).term;

        ck_assert_msg((last == LAST_BEFORE && term == TERM_BEFORE) ||
                          (last == LAST_AFTER && term == TERM_AFTER),
                      "sync %ld: the log ends at %u in term %u", call, (unsigned)last,
                      (unsigned)term);
        if (result == 0) ck_assert_uint_eq(last, LAST_AFTER);
        store_close(store);
        folder_remove(folder);
        if (result == 0) break;
        ck_assert_int_eq(result, DIED);
    }
    ck_assert_int_gt(call, 1); /* at least one process died */
}
END_TEST

/* Reason: after a failed fsync nobody knows what the disk has; the step is never acknowledged.
 */
START_TEST(failed_sync_is_told)
{
    create_store();
    ck_assert_int_eq(run_step(1, "fail"), 1);
    folder_remove(folder);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store sync");
    TCase *cases = tcase_create("fdatasync");

    tcase_add_test(cases, append_is_synced);
    tcase_add_test(cases, witness_is_synced);
    tcase_add_test(cases, crash_at_every_sync);
    tcase_add_test(cases, failed_sync_is_told);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(int count, char **arguments)
{
    if (count == 5 && strcmp(arguments[1], "step") == 0) step(arguments);
    return check_main(make_suite());
}
