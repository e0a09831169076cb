/* Goal: a checkpoint is believed exactly when the trust file says so. Method: quorums against
 * truth tables, overlaps against brute force, and checkpoints with one thing changed in who
 * signed them. support/trust_text.h says what $L1 and the like stand for. */
#include "note/cosignature.h"
#include "note/note.h"
#include "note/trust.h"
#include "support/check_main.h"
#include "support/trust_text.h"
#include <check.h>
#include <string.h>

static struct trust trust;

/* ---- quorums --------------------------------------------------------------------------- */

static const struct {
    const char *text;
    uint32_t satisfied_by; /* bit s: the set s of the first 3 or 4 witnesses satisfies it */
    uint32_t overlap;
} quorums[] = {
    {"log $L1\nquorum none\n", 0x1, 0},
    {"log $L1\n" TRUST_TEXT_THREE "quorum n2\n", 0xCC, 1},
    {"log $L1\n" TRUST_TEXT_THREE "group g any n1 n2 n3\nquorum g\n", 0xFE, 0},
    {"log $L1\n" TRUST_TEXT_THREE "group g 2 n1 n2 n3\nquorum g\n", 0xE8, 1},
    {"log $L1\n" TRUST_TEXT_THREE "group g all n1 n2 n3\nquorum g\n", 0x80, 3},
    {"log $L1\n" TRUST_TEXT_THREE "group a any n1 n2\ngroup g all a n3\nquorum g\n", 0xE0, 1},
    {"log $L1\n" TRUST_TEXT_THREE "group a all n1 n2\ngroup g any a n3\nquorum g\n", 0xF8, 0},
};

START_TEST(satisfied)
{
    trust_text_parse(quorums[_i].text, &trust);
    for (uint32_t set = 0; set < 1u << trust.witnesses_count; set++) {
        ck_assert_msg(trust_satisfied(&trust, set) ==
                          ((quorums[_i].satisfied_by >> set & 1) != 0),
                      "row %d, set %u", _i, (unsigned)set);
    }
    ck_assert_uint_eq(trust_overlap(&trust), quorums[_i].overlap);
}
END_TEST

/* k >= floor((n + f) / 2) + 1 is what formats and genesis use for f stolen keys. */
START_TEST(tolerates_as_the_formula_says)
{
    for (uint8_t n = 1; n <= LIMIT_VOTERS; n++) {
        for (uint8_t k = 1; k <= n; k++) {
            uint32_t f = 0;

            memset(&trust, 0, sizeof trust);
            trust.witnesses_count = n;
            trust.groups_count = 1;
            trust.groups[0].threshold = k;
            trust.groups[0].members_count = n;
            for (uint8_t i = 0; i < n; i++) trust.groups[0].members[i] = i;
            trust.quorum = TRUST_GROUP;
            while (k >= (n + f + 1) / 2 + 1) f++;
            ck_assert_uint_eq(trust_tolerates(&trust), f);
        }
    }
}
END_TEST

static uint32_t random_below(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

static uint32_t brute_overlap(void)
{
    const uint32_t sets = 1u << trust.witnesses_count;
    uint32_t least = 32;

    for (uint32_t a = 0; a < sets; a++) {
        if (!trust_satisfied(&trust, a)) continue;
        for (uint32_t b = a; b < sets; b++) {
            const uint32_t common = (uint32_t)__builtin_popcount(a & b);

            if (common < least && trust_satisfied(&trust, b)) least = common;
        }
    }
    return least;
}

/* Random forests of groups over 7 witnesses, against all pairs of sets. */
START_TEST(overlap_equals_brute_force)
{
    uint64_t state = 42;

    for (int round = 0; round < 300; round++) {
        uint8_t loose[TRUST_GROUP + TRUST_GROUPS_MAX]; /* not yet in a group */
        uint32_t loose_count = 0;

        memset(&trust, 0, sizeof trust);
        trust.logs_count = 1;
        trust.logs[0].key.type = VKEY_ED25519;
        trust.witnesses_count = 7;
        for (uint8_t i = 0; i < 7; i++) {
            trust.witnesses[i].key.type = VKEY_COSIGNATURE;
            loose[loose_count++] = i;
        }
        for (uint32_t g = 0; g < 4 && loose_count > 1; g++) {
            struct trust_group *group = &trust.groups[g];
            const uint32_t count = 1 + random_below(&state, loose_count);

            for (uint32_t i = 0; i < count; i++) {
                const uint32_t pick = random_below(&state, loose_count);

                group->members[group->members_count++] = loose[pick];
                loose[pick] = loose[--loose_count];
            }
            group->threshold = (uint8_t)(1 + random_below(&state, count));
            loose[loose_count++] = (uint8_t)(TRUST_GROUP + g);
            trust.groups_count++;
        }
        trust.quorum = loose[loose_count - 1];
        ck_assert(trust_valid(&trust));
        ck_assert_uint_eq(trust_overlap(&trust), brute_overlap());
    }
}
END_TEST

static struct sign_key secret[TRUST_TEXT_KEYS];
static struct vkey vkey[TRUST_TEXT_KEYS];

static void setup(void)
{
    for (int i = 0; i < TRUST_TEXT_KEYS; i++) trust_text_key(i, &secret[i], &vkey[i]);
}

/* ---- checkpoints ----------------------------------------------------------------------- */

struct recipe {
    const char *name, *origin;
    uint8_t logs, witnesses; /* bits: who signs, from TRUST_TEXT_L1, from TRUST_TEXT_W1 */
    uint8_t spoil;           /* 1 + the key whose line is bad; 0: none */
    enum tally_err want;
    uint32_t found; /* witnesses in the result, when there is one */
};

static const struct recipe recipes[] = {
    {"honest", "log", 1, 7, 0, TALLY_OK, 7},
    {"just a quorum", "log", 1, 5, 0, TALLY_OK, 5},
    {"second log key", "log", 2, 6, 0, TALLY_OK, 6},
    {"both log keys", "log", 3, 6, 0, TALLY_OK, 6},
    {"unknown witness too", "log", 1, 11, 0, TALLY_OK, 3},
    {"unknown witness, bad", "log", 1, 11, 1 + TRUST_TEXT_W4, TALLY_OK, 3},
    {"unknown witness does not count", "log", 1, 9, 0, TALLY_E_QUORUM, 1},
    {"one witness", "log", 1, 4, 0, TALLY_E_QUORUM, 4},
    {"no witness", "log", 1, 0, 0, TALLY_E_QUORUM, 0},
    {"no log signature", "log", 0, 7, 0, TALLY_E_SIGNATURE, 0},
    {"another log's signature only", "log", 4, 7, 0, TALLY_E_SIGNATURE, 0},
    {"bad log signature", "log", 1, 7, 1 + TRUST_TEXT_L1, TALLY_E_SIGNATURE, 0},
    {"one of two log signatures bad", "log", 3, 7, 1 + TRUST_TEXT_L2, TALLY_E_SIGNATURE, 0},
    {"bad cosignature beside a quorum", "log", 1, 7, 1 + TRUST_TEXT_W3, TALLY_E_SIGNATURE, 0},
    {"another origin", "other", 5, 7, 0, TALLY_E_MALFORMED, 0},
};

static size_t cook(const struct recipe *recipe, char *buffer, size_t room)
{
    char text[CHECKPOINT_TEXT_MAX];
    struct bytes_writer inner = bytes_writer(text, sizeof text);
    struct bytes_writer writer = bytes_writer(buffer, room);
    const struct checkpoint checkpoint = {
        .origin = bytes_of(recipe->origin, strlen(recipe->origin)), .size = 9};

    checkpoint_put(&inner, &checkpoint);
    const struct bytes body = bytes_of(text, inner.at);
    note_put_text(&writer, body);
    for (int i = TRUST_TEXT_L1; i <= TRUST_TEXT_W4; i++) {
        uint8_t signature[COSIGNATURE_BYTES];
        const bool is_log = i < TRUST_TEXT_W1;
        const unsigned signers = is_log ? recipe->logs : recipe->witnesses;

        if ((signers >> (is_log ? i : i - TRUST_TEXT_W1) & 1) == 0) continue;
        if (is_log)
            sign_detached(&secret[i], body.data, body.size, signature);
        else
            cosignature_sign(&secret[i], body, 1000 + (uint64_t)i, signature);
        if (recipe->spoil == 1 + i) signature[20] ^= 1;
        note_put_line(&writer, &vkey[i], signature,
                      is_log ? SIGN_SIGNATURE_BYTES : COSIGNATURE_BYTES);
    }
    ck_assert(!writer.bad);
    return writer.at;
}

START_TEST(checkpoints)
{
    static const struct recipe stranger = {"", "log", 4, 8, 0, TALLY_OK, 0};
    char buffer[8192];
    struct tally_diag diag = {""};
    struct trust_checkpoint found = {.log = 77};
    size_t size = cook(&recipes[_i], buffer, sizeof buffer);

    trust_text_parse("log $L1\nlog $L2\n" TRUST_TEXT_THREE "group g 2 n1 n2 n3\nquorum g\n",
                     &trust);
    if (recipes[_i].logs == 0 && recipes[_i].witnesses == 0)
        size = cook(&stranger, buffer, sizeof buffer);
    const enum tally_err err = trust_check_checkpoint(&trust, buffer, size, &found, &diag);
    ck_assert_msg(err == recipes[_i].want, "%s: want %s, got %s (%s)", recipes[_i].name,
                  tally_err_text(recipes[_i].want), tally_err_text(err), diag.text);
    if (err != TALLY_OK) ck_assert_str_ne(diag.text, "");
    if (err != TALLY_OK && err != TALLY_E_QUORUM) {
        ck_assert_uint_eq(found.log, 77); /* untouched */
        return;
    }
    ck_assert_uint_eq(found.log, recipes[_i].logs == 2 ? 1 : 0);
    ck_assert_uint_eq(found.witnesses, recipes[_i].found);
    ck_assert_uint_eq(found.checkpoint.size, 9);
    for (uint32_t i = 0; i < 3; i++) {
        if ((found.witnesses >> i & 1) != 0)
            ck_assert_uint_eq(found.times_s[i], 1000u + (unsigned)TRUST_TEXT_W1 + i);
    }
}
END_TEST

START_TEST(not_a_checkpoint)
{
    char buffer[1024];
    struct trust_checkpoint found;
    struct bytes_writer writer = bytes_writer(buffer, sizeof buffer);
    const struct bytes text = bytes_of("hello\n", 6);

    trust_text_parse("log $L1\nquorum none\n", &trust);
    note_put_text(&writer, text);
    note_put_signed(&writer, &vkey[TRUST_TEXT_L1], &secret[TRUST_TEXT_L1], text);
    ck_assert_int_eq(trust_check_checkpoint(&trust, buffer, writer.at, &found, NULL),
                     TALLY_E_MALFORMED);
    ck_assert_int_eq(trust_check_checkpoint(&trust, "x\n", 2, &found, NULL), TALLY_E_MALFORMED);
    ck_assert_int_eq(trust_check_checkpoint(&trust, NULL, 0, &found, NULL), TALLY_E_MALFORMED);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("trust_quorum");
    TCase *tc = tcase_create("trust_quorum");

    tcase_add_unchecked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, satisfied, 0, sizeof quorums / sizeof quorums[0]);
    tcase_add_test(tc, tolerates_as_the_formula_says);
    tcase_add_test(tc, overlap_equals_brute_force);
    tcase_add_loop_test(tc, checkpoints, 0, sizeof recipes / sizeof recipes[0]);
    tcase_add_test(tc, not_a_checkpoint);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    if (sign_init() != TALLY_OK) return 1;
    return check_main(make_suite());
}
