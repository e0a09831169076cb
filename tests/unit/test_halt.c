/* Goal: a node to which signed statements contradict each other stops, keeps them as evidence,
 * and does not start again until a person has removed that. Method: support/lone_node.h for the
 * decision, a temporary folder for the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/block.h"
#include "loop/run_internal.h"
#include "support/check_main.h"
#include "support/lone_node.h"

static struct lone_node lone;

/* A TermStart of leader 2 after `before`, `later_ms` later than the chain's clock. */
static struct bytes term_start(const struct fixture_chain *before, uint64_t later_ms)
{
    lone.chain = *before;
    lone.chain.time_ms += later_ms;
    return fixture_block(&lone.fixture, &lone.chain, BLOCK_TERM_START, true, (struct bytes){0});
}

static void hear(const struct fixture_chain *before, struct bytes block)
{
    lone_node_hear(&lone, 2,
                   (struct raft_message){.type = RAFT_APPEND,
                                         .term = before->term,
                                         .prev_index = before->index,
                                         .prev_hash = before->hash},
                   &block);
}

static const char *evidence(void)
{
    const struct node_action *action = lone_node_find(&lone, NODE_HALT, 0, 0);

    ck_assert(lone.halted);
    ck_assert_ptr_nonnull(action);
    return action->halt.evidence;
}

/* Both headers are kept: with the leader's key anyone can check that it signed two. */
START_TEST(two_blocks_are_kept)
{
    struct fixture_chain before;
    struct bytes one, two;
    char one_hex[2 * BLOCK_HEADER_SIZE + 1], two_hex[2 * BLOCK_HEADER_SIZE + 1];

    lone_node_open(&lone, 0);
    before = lone.chain;
    one = term_start(&before, 0);
    two = term_start(&before, 1);
    hear(&before, one);
    ck_assert(!lone.halted);
    hear(&before, two);
    bytes_hex(one.data, BLOCK_HEADER_SIZE, one_hex);
    bytes_hex(two.data, BLOCK_HEADER_SIZE, two_hex);
    ck_assert_ptr_nonnull(strstr(evidence(), one_hex));
    ck_assert_ptr_nonnull(strstr(evidence(), two_hex));
    lone_node_close(&lone);
}
END_TEST

/* Who can make a message cannot stop a node with it: the leader has to have signed. */
START_TEST(unsigned_block_is_noise)
{
    struct fixture_chain before;
    uint8_t bad[BLOCK_HEADER_SIZE];
    struct bytes one, two;

    lone_node_open(&lone, 0);
    before = lone.chain;
    one = term_start(&before, 0);
    two = term_start(&before, 1);
    ck_assert_uint_eq(two.size, sizeof bad);
    memcpy(bad, two.data, sizeof bad);
    bad[sizeof bad - 1] ^= 1; /* of the signature */
    hear(&before, one);
    hear(&before, bytes_of(bad, sizeof bad));
    ck_assert(!lone.halted);
    lone_node_close(&lone);
}
END_TEST

/* Another member's cosignature over another tree of a size that we applied. */
START_TEST(other_root_is_kept)
{
    struct node_message message = {.kind = NODE_MESSAGE_COSIGNATURE};
    struct node_event event = {.type = NODE_MESSAGE};
    struct publish_config other = {0};
    const struct tally_hash root = {{7}};
    char hex[65];

    lone_node_open(&lone, 0);
    lone_node_remembered(&lone);
    lone_node_elect(&lone);
    lone_node_acknowledge(&lone, 2, 2);
    lone_node_settle(&lone);
    other = lone.publish;
    other.self = 2;
    other.keys = &lone.fixture.members[1];
    publish_cosign(&other, ledger_size(lone.ledger), &root, lone.wall_ms, &message.cosignature);
    event.message.from = 2;
    event.message.message = &message;
    lone_node_step(&lone, &event);
    bytes_hex(root.bytes, sizeof root.bytes, hex);
    ck_assert_ptr_nonnull(strstr(evidence(), hex));
    lone_node_close(&lone);
}
END_TEST

/* The file refuses every start, and says what to do. */
START_TEST(halt_survives_the_process)
{
    char data[] = "/tmp/tally-halt-XXXXXX", path[64], found[64] = "";
    struct tally_diag diag = {{0}};
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(data));
    ck_assert_int_eq(run_halt_check(data, &diag), TALLY_OK);
    ck_assert_int_eq(run_halt_keep(data, "a reason", "a=1\n", &diag), TALLY_OK);
    ck_assert_int_eq(run_halt_check(data, &diag), TALLY_E_SPLIT_VIEW);
    (void)snprintf(path, sizeof path, "%s/halted", data);
    ck_assert_ptr_nonnull(strstr(diag.text, path));
    ck_assert_ptr_nonnull(strstr(diag.text, "When a node halts"));
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(found, 1, sizeof found - 1, file), 0);
    fclose(file);
    ck_assert_str_eq(found, "why=a reason\na=1\n");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(run_halt_check(data, &diag), TALLY_OK);
    ck_assert_int_eq(rmdir(data), 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("halt");
    TCase *tests = tcase_create("halt");

    tcase_add_test(tests, two_blocks_are_kept);
    tcase_add_test(tests, unsigned_block_is_noise);
    tcase_add_test(tests, other_root_is_kept);
    tcase_add_test(tests, halt_survives_the_process);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
