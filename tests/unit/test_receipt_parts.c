/* Goal: the parts that receipts and trust files are made of. Method: every size and place of
 * small trees; policies by their text; limits. */
#include <check.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/proof_extra.h"
#include "merkle/merkle.h"
#include "receipt/receipt.h"
#include "receipt/trust_file.h"
#include "support/check_main.h"
#include "support/ledger_fixture.h"

static struct tally_diag diag;

/* The root from a path agrees with the tree for every size and place up to 40. */
START_TEST(path_root)
{
    struct tally_hash leaves[40], want, got;
    struct merkle_proof path;

    for (uint32_t i = 0; i < 40; i++) leaves[i] = fixture_hash(i);
    for (uint32_t size = 1; size <= 40; size++) {
        merkle_root(leaves, size, &want);
        for (uint32_t index = 0; index < size; index++) {
            merkle_path(leaves, size, index, &path);
            ck_assert_int_eq(
                receipt_path_root(&leaves[index], index, size, path.hashes, path.count, &got),
                TALLY_OK);
            ck_assert(hash_equal(&want, &got));
            path.hashes[path.count] = leaves[0];
            ck_assert_int_eq(receipt_path_root(&leaves[index], index, size, path.hashes,
                                               path.count + 1, &got),
                             TALLY_E_PROOF);
            if (path.count > 0)
                ck_assert_int_eq(receipt_path_root(&leaves[index], index, size, path.hashes,
                                                   path.count - 1, &got),
                                 TALLY_E_PROOF);
        }
    }
    ck_assert_int_eq(receipt_path_root(&leaves[0], 0, 0, NULL, 0, &got), TALLY_E_PROOF);
    ck_assert_int_eq(receipt_path_root(&leaves[0], 3, 3, NULL, 0, &got), TALLY_E_PROOF);
}
END_TEST

START_TEST(policy)
{
    static const struct {
        uint32_t members, stolen;
        const char *want;
    } rows[] = {
        {1, 0, "group members 1 node-1\nquorum members\n"},
        {3, 0, "group members 2 node-1 node-2 node-3\nquorum members\n"},
        {3, 1, "group members 3 node-1 node-2 node-3\nquorum members\n"},
        {5, 1, "group members 4 node-1 node-2 node-3 node-4 node-5\nquorum members\n"},
    };
    char text[LEDGER_POLICY_SIZE];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture fixture;

        fixture_open(&fixture, rows[i].members);
        ck_assert_int_eq(trust_file_policy(&fixture.config, rows[i].stolen, text, &diag),
                         TALLY_OK);
        ck_assert_str_eq(text, rows[i].want);
        ck_assert_int_eq(trust_file_policy(&fixture.config, rows[i].members, text, &diag),
                         TALLY_E_INVALID);
        fixture_close(&fixture);
    }
}
END_TEST

START_TEST(extra_limits)
{
    struct proof_extra extra;
    static uint8_t large[PROOF_EXTRA_SIZE_MAX + 1];
    struct arena *arena = NULL;

    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    ck_assert_int_eq(proof_extra_decode(bytes_of(large, sizeof large), arena, &extra, &diag),
                     TALLY_E_TOO_LARGE);
    ck_assert_int_eq(proof_extra_decode(bytes_of("", 0), arena, &extra, &diag),
                     TALLY_E_MALFORMED); /* no record */
    arena_close(arena);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("receipt parts");
    TCase *all = tcase_create("all");

    tcase_add_test(all, path_root);
    tcase_add_test(all, policy);
    tcase_add_test(all, extra_limits);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
