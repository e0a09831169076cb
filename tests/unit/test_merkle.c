/* Goal: trees grow, prove and verify as RFC 6962 and RFC 9162 say. Method: the recursive
 * definitions of RFC 9162 2.1 are the reference for every tree of up to LEAVES
 * leaves; a table of proofs with one thing changed; and known answers that no prefix shared
 * by code and reference can hide. */
#include "base/bytes.h"
#include "crypto/hash.h"
#include "merkle/merkle.h"
#include "support/check_main.h"
#include <check.h>

enum { LEAVES = 130, LEVELS = 9 };

static struct tally_hash leaf[LEAVES];
static struct tally_hash stored[LEVELS][LEAVES]; /* what a store would keep: complete nodes */
static bool present[LEVELS][LEAVES];
static struct merkle_frontier frontier_at[LEAVES + 1];

static enum tally_err read_stored(void *ctx, uint32_t level, uint64_t index,
                                  struct tally_hash *ret_hash)
{
    (void)ctx;
    if (level >= LEVELS || index >= LEAVES || !present[level][index]) return TALLY_E_NOT_FOUND;
    *ret_hash = stored[level][index];
    return TALLY_OK;
}

static const struct merkle_reader reader = {NULL, read_stored};

static void grow(void)
{
    struct merkle_frontier frontier = {.size = 0};

    frontier_at[0] = frontier;
    for (size_t i = 0; i < LEAVES; i++) {
        struct merkle_node nodes[MERKLE_LEVELS];
        const char name[2] = {(char)('a' + i % 26), (char)('0' + i / 26)};

        tally_leaf_hash(name, sizeof name, &leaf[i]);
        const uint32_t count = merkle_append(&frontier, &leaf[i], nodes);
        for (uint32_t n = 0; n < count; n++) {
            ck_assert_uint_eq(nodes[n].level, n);
            ck_assert(!present[nodes[n].level][nodes[n].index]);
            stored[nodes[n].level][nodes[n].index] = nodes[n].hash;
            present[nodes[n].level][nodes[n].index] = true;
        }
        frontier_at[i + 1] = frontier;
    }
}

/* ---- the reference: RFC 9162 2.1.1, 2.1.3.1 and 2.1.4.1, as written ------------------- */

static size_t split_of(size_t n)
{
    size_t k = 1;

    while (k * 2 < n) k *= 2;
    return k;
}

static struct tally_hash mth(const struct tally_hash *d, size_t n)
{
    struct tally_hash hash;

    if (n == 0) {
        hash_sha256("", 0, &hash);
    } else if (n == 1) {
        hash = d[0];
    } else {
        const size_t k = split_of(n);
        const struct tally_hash left = mth(d, k);
        const struct tally_hash right = mth(d + k, n - k);
        hash_node(&left, &right, &hash);
    }
    return hash;
}

static void reference_path(const struct tally_hash *d, size_t n, size_t m,
                           struct merkle_proof *out)
{
    if (n == 1) return;
    const size_t k = split_of(n);
    if (m < k) {
        reference_path(d, k, m, out);
        out->hashes[out->count++] = mth(d + k, n - k);
    } else {
        reference_path(d + k, n - k, m - k, out);
        out->hashes[out->count++] = mth(d, k);
    }
}

static void reference_subproof(const struct tally_hash *d, size_t n, size_t m, bool whole,
                               struct merkle_proof *out)
{
    if (m == n) {
        if (!whole) out->hashes[out->count++] = mth(d, n);
        return;
    }
    const size_t k = split_of(n);
    if (m <= k) {
        reference_subproof(d, k, m, whole, out);
        out->hashes[out->count++] = mth(d + k, n - k);
    } else {
        reference_subproof(d + k, n - k, m - k, false, out);
        out->hashes[out->count++] = mth(d, k);
    }
}

static void same_proof(const struct merkle_proof *a, const struct merkle_proof *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_mem_eq(a->hashes, b->hashes, a->count * sizeof a->hashes[0]);
}

/* ---- against the reference ------------------------------------------------------------ */

START_TEST(roots)
{
    for (size_t n = 0; n <= LEAVES; n++) {
        const struct tally_hash want = mth(leaf, n);
        struct tally_hash got;

        merkle_frontier_root(&frontier_at[n], &got);
        ck_assert(hash_equal(&got, &want));
        merkle_root(leaf, n, &got);
        ck_assert(hash_equal(&got, &want));
        ck_assert_int_eq(merkle_root_at(&reader, n, &got), TALLY_OK);
        ck_assert(hash_equal(&got, &want));
    }
}
END_TEST

START_TEST(restores)
{
    for (size_t n = 0; n <= LEAVES; n++) {
        struct merkle_frontier frontier;

        ck_assert_int_eq(merkle_restore(&reader, n, &frontier), TALLY_OK);
        ck_assert_uint_eq(frontier.size, n);
        for (uint32_t level = 0; level < MERKLE_LEVELS; level++) {
            if ((n >> level & 1) == 0) continue;
            ck_assert(hash_equal(&frontier.node[level], &frontier_at[n].node[level]));
        }
    }
}
END_TEST

START_TEST(inclusion_proofs)
{
    for (size_t n = 1; n <= LEAVES; n++) {
        const struct tally_hash root = mth(leaf, n);

        for (size_t m = 0; m < n; m++) {
            struct merkle_proof want = {.count = 0};
            struct merkle_proof got;
            struct merkle_proof list;

            reference_path(leaf, n, m, &want);
            ck_assert_int_eq(merkle_prove_inclusion(&reader, m, n, &got), TALLY_OK);
            same_proof(&got, &want);
            ck_assert_int_eq(
                tally_verify_inclusion(&leaf[m], m, n, got.hashes, got.count, &root), TALLY_OK);
            if (n > 40) continue; /* the list form costs the whole tree each time */
            merkle_path(leaf, n, m, &list);
            same_proof(&list, &want);
        }
    }
}
END_TEST

START_TEST(consistency_proofs)
{
    for (size_t n = 1; n <= LEAVES; n++) {
        const struct tally_hash new_root = mth(leaf, n);

        for (size_t m = 1; m <= n; m++) {
            const struct tally_hash old_root = mth(leaf, m);
            struct merkle_proof want = {.count = 0};
            struct merkle_proof got;

            reference_subproof(leaf, n, m, true, &want);
            ck_assert_int_eq(merkle_prove_consistency(&reader, m, n, &got), TALLY_OK);
            same_proof(&got, &want);
            ck_assert_int_eq(
                tally_verify_consistency(m, &old_root, n, &new_root, got.hashes, got.count),
                TALLY_OK);
        }
    }
}
END_TEST

START_TEST(ranges)
{
    for (size_t begin = 0; begin < LEAVES; begin++) {
        for (size_t end = begin + 1; end <= LEAVES; end++) {
            struct tally_hash got;
            size_t width = 1;

            while (width < end - begin) width *= 2;
            const enum tally_err err = merkle_range(&reader, begin, end, &got);
            if (begin % width != 0) {
                ck_assert_int_eq(err, TALLY_E_INVALID);
                continue;
            }
            const struct tally_hash want = mth(leaf + begin, end - begin);
            ck_assert_int_eq(err, TALLY_OK);
            ck_assert(hash_equal(&got, &want));
        }
    }
}
END_TEST

/* A wrong index, size or leaf must fail for every small tree, not only in the table. */
START_TEST(wrong_claims)
{
    for (size_t n = 1; n <= 20; n++) {
        const struct tally_hash root = mth(leaf, n);

        for (size_t m = 0; m < n; m++) {
            struct merkle_proof proof;

            ck_assert_int_eq(merkle_prove_inclusion(&reader, m, n, &proof), TALLY_OK);
            for (size_t other = 0; other < n; other++) {
                if (other == m) continue;
                ck_assert_int_eq(tally_verify_inclusion(&leaf[m], other, n, proof.hashes,
                                                        proof.count, &root),
                                 TALLY_E_PROOF);
                ck_assert_int_eq(tally_verify_inclusion(&leaf[other], m, n, proof.hashes,
                                                        proof.count, &root),
                                 TALLY_E_PROOF);
            }
        }
    }
}
END_TEST

START_TEST(range_checks)
{
    struct merkle_frontier frontier;
    struct merkle_proof proof;
    struct tally_hash hash;
    const uint64_t huge = UINT64_C(1) << 63;

    ck_assert_int_eq(merkle_restore(&reader, huge, &frontier), TALLY_E_INVALID);
    ck_assert_int_eq(merkle_root_at(&reader, huge, &hash), TALLY_E_INVALID);
    ck_assert_int_eq(merkle_range(&reader, 4, 4, &hash), TALLY_E_INVALID);
    ck_assert_int_eq(merkle_range(&reader, 5, 4, &hash), TALLY_E_INVALID);
    ck_assert_int_eq(merkle_prove_inclusion(&reader, 3, 3, &proof), TALLY_E_INVALID);
    ck_assert_int_eq(merkle_prove_inclusion(&reader, 0, huge, &proof), TALLY_E_INVALID);
    ck_assert_int_eq(merkle_prove_consistency(&reader, 4, 3, &proof), TALLY_E_INVALID);
    ck_assert_int_eq(merkle_prove_consistency(&reader, 1, huge, &proof), TALLY_E_INVALID);
    ck_assert_int_eq(merkle_prove_consistency(&reader, 0, 3, &proof), TALLY_OK);
    ck_assert_uint_eq(proof.count, 0);
    /* A node that the reader does not have is its error, passed on. */
    ck_assert_int_eq(merkle_root_at(&reader, LEAVES + 1, &hash), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(merkle_restore(&reader, LEAVES + 1, &frontier), TALLY_E_NOT_FOUND);
}
END_TEST

/* ---- known answers --------------------------------------------------------------------- */

START_TEST(known_answers)
{
    struct tally_hash hash;
    struct tally_hash five[5];
    char hex[65];

    merkle_root(NULL, 0, &hash);
    bytes_hex(hash.bytes, 32, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    tally_leaf_hash(NULL, 0, &hash);
    bytes_hex(hash.bytes, 32, hex);
    ck_assert_str_eq(hex, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    tally_leaf_hash("a", 1, &five[0]);
    tally_leaf_hash("b", 1, &five[1]);
    tally_leaf_hash("c", 1, &five[2]);
    merkle_root(five, 3, &hash);
    bytes_hex(hash.bytes, 32, hex);
    ck_assert_str_eq(hex, "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
    tally_leaf_hash("d", 1, &five[3]);
    tally_leaf_hash("e", 1, &five[4]);
    merkle_root(five, 5, &hash);
    bytes_hex(hash.bytes, 32, hex);
    ck_assert_str_eq(hex, "fe14a5426fbd70c0fa73f52342afed0da0bd23c4838662ccf6b88a3070ead97b");
}
END_TEST

/* ---- one thing changed ----------------------------------------------------------------- */

/* The tree of the five leaves "a".."e"; leaf 2 is "c". */
enum { A, B, C, D, E, AB, CD, ABCD, ROOT, ABC, EMPTY, NODES_COUNT };
static struct tally_hash node[NODES_COUNT];

static void make_nodes(void)
{
    for (int i = A; i <= E; i++) {
        const char name = (char)('a' + i);

        tally_leaf_hash(&name, 1, &node[i]);
    }
    hash_node(&node[A], &node[B], &node[AB]);
    hash_node(&node[C], &node[D], &node[CD]);
    hash_node(&node[AB], &node[CD], &node[ABCD]);
    hash_node(&node[ABCD], &node[E], &node[ROOT]);
    hash_node(&node[AB], &node[C], &node[ABC]);
    hash_sha256("", 0, &node[EMPTY]);
}

static const struct {
    const char *name;
    uint64_t index, size;
    uint8_t leaf, root, proof_count, proof[5];
    enum tally_err want;
} inclusions[] = {
    {"honest", 2, 5, C, ROOT, 3, {D, AB, E}, TALLY_OK},
    {"honest, last leaf", 4, 5, E, ROOT, 1, {ABCD}, TALLY_OK},
    {"honest, one leaf", 0, 1, A, A, 0, {0}, TALLY_OK},
    {"other leaf", 2, 5, B, ROOT, 3, {D, AB, E}, TALLY_E_PROOF},
    {"other root", 2, 5, C, ABCD, 3, {D, AB, E}, TALLY_E_PROOF},
    {"other index", 3, 5, C, ROOT, 3, {D, AB, E}, TALLY_E_PROOF},
    {"siblings swapped", 2, 5, C, ROOT, 3, {AB, D, E}, TALLY_E_PROOF},
    {"a hash too few", 2, 5, C, ROOT, 2, {D, AB}, TALLY_E_PROOF},
    {"a hash too few, root fits", 2, 5, C, ABCD, 2, {D, AB}, TALLY_E_PROOF},
    {"a hash too many", 2, 5, C, ROOT, 4, {D, AB, E, A}, TALLY_E_PROOF},
    {"a hash too many, root fits", 0, 1, A, AB, 1, {B}, TALLY_E_PROOF},
    {"a left hash too many, root fits", 0, 1, B, AB, 1, {A}, TALLY_E_PROOF},
    {"smaller size", 2, 4, C, ROOT, 3, {D, AB, E}, TALLY_E_PROOF},
    {"empty proof", 2, 5, C, ROOT, 0, {0}, TALLY_E_PROOF},
    {"index is size", 5, 5, C, ROOT, 3, {D, AB, E}, TALLY_E_INVALID},
    {"empty tree", 0, 0, C, ROOT, 0, {0}, TALLY_E_INVALID},
    {"size is 2^63", 2, UINT64_C(1) << 63, C, ROOT, 3, {D, AB, E}, TALLY_E_INVALID},
    {"size is 2^64 - 1", 2, UINT64_MAX, C, ROOT, 3, {D, AB, E}, TALLY_E_INVALID},
};

START_TEST(verify_inclusion)
{
    struct tally_hash proof[5];

    for (size_t i = 0; i < 5; i++) proof[i] = node[inclusions[_i].proof[i]];
    const enum tally_err got = tally_verify_inclusion(
        &node[inclusions[_i].leaf], inclusions[_i].index, inclusions[_i].size, proof,
        inclusions[_i].proof_count, &node[inclusions[_i].root]);
    ck_assert_msg(got == inclusions[_i].want, "%s: want %s, got %s", inclusions[_i].name,
                  tally_err_text(inclusions[_i].want), tally_err_text(got));
}
END_TEST

static const struct {
    const char *name;
    uint64_t old_size, new_size;
    uint8_t old_root, new_root, proof_count, proof[5];
    enum tally_err want;
} consistencies[] = {
    {"honest", 3, 5, ABC, ROOT, 4, {C, D, AB, E}, TALLY_OK},
    {"honest, old is perfect", 4, 5, ABCD, ROOT, 1, {E}, TALLY_OK},
    {"honest, equal", 5, 5, ROOT, ROOT, 0, {0}, TALLY_OK},
    {"equal, other root", 5, 5, ROOT, ABCD, 0, {0}, TALLY_E_PROOF},
    {"equal, a hash too many", 5, 5, ROOT, ROOT, 1, {E}, TALLY_E_PROOF},
    {"other old root", 3, 5, AB, ROOT, 4, {C, D, AB, E}, TALLY_E_PROOF},
    {"other new root", 3, 5, ABC, ABCD, 4, {C, D, AB, E}, TALLY_E_PROOF},
    {"other old size", 2, 5, ABC, ROOT, 4, {C, D, AB, E}, TALLY_E_PROOF},
    {"other new size", 3, 4, ABC, ROOT, 4, {C, D, AB, E}, TALLY_E_PROOF},
    {"a hash too few", 3, 5, ABC, ROOT, 3, {C, D, AB}, TALLY_E_PROOF},
    {"a hash too few, root fits", 3, 5, ABC, ABCD, 3, {C, D, AB}, TALLY_E_PROOF},
    {"a hash too many", 3, 5, ABC, ROOT, 5, {C, D, AB, E, A}, TALLY_E_PROOF},
    {"a hash too many, root fits", 3, 4, ABC, ROOT, 4, {C, D, AB, E}, TALLY_E_PROOF},
    {"hashes swapped", 3, 5, ABC, ROOT, 4, {C, AB, D, E}, TALLY_E_PROOF},
    {"empty proof", 3, 5, ABC, ROOT, 0, {0}, TALLY_E_PROOF},
    {"empty proof, perfect, same root", 4, 5, ABCD, ABCD, 0, {0}, TALLY_E_PROOF},
    {"roots swapped", 3, 5, ROOT, ABC, 4, {C, D, AB, E}, TALLY_E_PROOF},
    {"shrinking", 5, 3, ROOT, ABC, 4, {C, D, AB, E}, TALLY_E_INVALID},
    {"from the empty tree", 0, 5, EMPTY, ROOT, 0, {0}, TALLY_E_INVALID},
    {"both empty", 0, 0, EMPTY, EMPTY, 0, {0}, TALLY_E_INVALID},
    {"size is 2^63", 3, UINT64_C(1) << 63, ABC, ROOT, 4, {C, D, AB, E}, TALLY_E_INVALID},
};

START_TEST(verify_consistency)
{
    struct tally_hash proof[5];

    for (size_t i = 0; i < 5; i++) proof[i] = node[consistencies[_i].proof[i]];
    const enum tally_err got =
        tally_verify_consistency(consistencies[_i].old_size, &node[consistencies[_i].old_root],
                                 consistencies[_i].new_size, &node[consistencies[_i].new_root],
                                 proof, consistencies[_i].proof_count);
    ck_assert_msg(got == consistencies[_i].want, "%s: want %s, got %s", consistencies[_i].name,
                  tally_err_text(consistencies[_i].want), tally_err_text(got));
}
END_TEST

START_TEST(no_hashes_at_all)
{
    ck_assert_int_eq(tally_verify_consistency(3, &node[ABC], 5, &node[ROOT], NULL, 0),
                     TALLY_E_PROOF);
    ck_assert_int_eq(tally_verify_consistency(5, &node[ROOT], 5, &node[ROOT], NULL, 0),
                     TALLY_OK);
    ck_assert_int_eq(tally_verify_inclusion(&node[A], 0, 1, NULL, 0, &node[A]), TALLY_OK);
}
END_TEST

START_TEST(too_many_hashes)
{
    struct tally_hash proof[TALLY_PROOF_HASHES_MAX + 1] = {0};

    ck_assert_int_eq(
        tally_verify_inclusion(&node[A], 0, 2, proof, TALLY_PROOF_HASHES_MAX + 1, &node[AB]),
        TALLY_E_INVALID);
    ck_assert_int_eq(
        tally_verify_consistency(1, &node[A], 2, &node[AB], proof, TALLY_PROOF_HASHES_MAX + 1),
        TALLY_E_INVALID);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("merkle");
    TCase *tc = tcase_create("merkle");
    TCase *verify = tcase_create("verify");

    tcase_add_unchecked_fixture(tc, grow, NULL);
    tcase_add_test(tc, roots);
    tcase_add_test(tc, restores);
    tcase_add_test(tc, inclusion_proofs);
    tcase_add_test(tc, consistency_proofs);
    tcase_add_test(tc, ranges);
    tcase_add_test(tc, wrong_claims);
    tcase_add_test(tc, range_checks);
    tcase_add_test(tc, known_answers);
    tcase_add_unchecked_fixture(verify, make_nodes, NULL);
    tcase_add_loop_test(verify, verify_inclusion, 0, sizeof inclusions / sizeof inclusions[0]);
    tcase_add_loop_test(verify, verify_consistency, 0,
                        sizeof consistencies / sizeof consistencies[0]);
    tcase_add_test(verify, no_hashes_at_all);
    tcase_add_test(verify, too_many_hashes);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, verify);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
