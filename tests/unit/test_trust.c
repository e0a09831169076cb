/* Goal: a trust file means one thing or is refused with the line that is wrong. Method: texts
 * with one thing changed; support/trust_text.h says what $L1 and the like stand for. */
#include "note/trust.h"
#include "support/check_main.h"
#include "support/trust_text.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

static struct trust trust;

static enum tally_err parse(const char *text, struct tally_diag *diag)
{
    const char *expanded = trust_text_expand(text);

    return trust_parse(expanded, strlen(expanded), &trust, diag);
}

#define HEX1 "0202020202020202020202020202020202020202020202020202020202020202"
#define HEX2 "0303030303030303030303030303030303030303030303030303030303030303"
#define ROOT "Aippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw="
#define COMMENTS                                                                               \
    "# tally ledger " HEX1 "\n"                                                                \
    "# tally config 3\n"                                                                       \
    "# tally root 1 " HEX1 " " HEX2 "\n"                                                       \
    "# tally checkpoint 17 " ROOT "\n"                                                         \
    "# tally expires 1900000000\n"
#define FULL                                                                                   \
    COMMENTS "log $L1 https://a.example/\nlog $L2\n" TRUST_TEXT_THREE                          \
             "group members 2 n1 n2 n3\n"                                                      \
             "quorum members\n"

static const char *const canonical[] = {
    FULL,
    "log $L1\nquorum none\n",
    "log $L1\nwitness n1 $W1 https://w.example\nquorum n1\n",
    "log $L1\n" TRUST_TEXT_THREE
    "witness x $W4\ngroup a 1 n1 n2\ngroup b 2 a n3\ngroup c 2 x b\nquorum c\n",
};

START_TEST(round_trips)
{
    static char again[TRUST_TEXT_MAX];
    struct bytes_writer writer = bytes_writer(again, sizeof again);

    trust_text_parse(canonical[_i], &trust);
    trust_put(&writer, &trust);
    ck_assert(!writer.bad);
    const char *want = trust_text_expand(canonical[_i]);
    ck_assert_uint_eq(writer.at, strlen(want));
    ck_assert_mem_eq(again, want, writer.at);
}
END_TEST

START_TEST(fields)
{
    trust_text_parse(FULL, &trust);
    ck_assert_str_eq(trust_origin(&trust), "log");
    ck_assert_uint_eq(trust.logs_count, 2);
    ck_assert_str_eq(trust.logs[0].url, "https://a.example/");
    ck_assert_str_eq(trust.logs[1].url, "");
    ck_assert_uint_eq(trust.witnesses_count, 3);
    ck_assert_str_eq(trust.witnesses[1].name, "n2");
    ck_assert_uint_eq(trust.groups_count, 1);
    ck_assert_uint_eq(trust.groups[0].threshold, 2);
    ck_assert_uint_eq(trust.quorum, TRUST_GROUP);
    ck_assert(trust.has_ledger);
    ck_assert_uint_eq(trust.ledger_id.bytes[31], 2);
    ck_assert_uint_eq(trust.config_version, 3);
    ck_assert_uint_eq(trust.roots_threshold, 1);
    ck_assert_uint_eq(trust.roots_count, 2);
    ck_assert_uint_eq(trust.roots[1].bytes[0], 3);
    ck_assert(trust.has_checkpoint);
    ck_assert_uint_eq(trust.checkpoint_size, 17);
    ck_assert_uint_eq(trust.checkpoint_root.bytes[0], 2);
    ck_assert_uint_eq(trust.expires_s, 1900000000);
}
END_TEST

/* Made to clash: two keys named n1 with one id, and the second one under another name. */
#define CLASH_A   "n1+25b9ad41+BHWa//rxA/5bRu5JKHXpAlCdSEHxwHk3H1aMpJtBllKZ"
#define CLASH_B   "n1+25b9ad41+BKEuYH3AXCSvumz68Bup9X1R+zwe0dYkoBGfeby7MfV4"
#define RENAMED_B "m1+721a2ec7+BKEuYH3AXCSvumz68Bup9X1R+zwe0dYkoBGfeby7MfV4"

/* `want` is what the diag must contain; NULL: the file is good. */
static const struct {
    const char *name, *text, *want;
} cases[] = {
    {"honest", "log $L1\nquorum none\n", NULL},
    {"spaces, tabs, blank lines, comments",
     "\n \t\n# any comment\n \t# another\n\tlog \t $L1 \nquorum\tnone\t\n", NULL},
    {"all and any",
     "log $L1\n" TRUST_TEXT_THREE "group a any n1 n2\ngroup b all a n3\nquorum b\n", NULL},
    {"high bytes in names and comments", "# \xFF\nlog $L1\nwitness \xFE $W1\nquorum \xFE\n",
     NULL},
    {"quorum before other lines", "quorum none\nlog $L1\n", NULL},
    {"`# tallying`", "# tallying votes\nlog $L1\nquorum none\n", NULL},
    {"empty", "", "line 1: the file ends without a quorum"},
    {"no log", "quorum none\n", "without a valid log"},
    {"no quorum", "log $L1\n", "line 2: the file ends without a quorum"},
    {"two quorums", "log $L1\nquorum none\nquorum none\n", "line 3: a second quorum"},
    {"quorum of two", "log $L1\nquorum none none\n", "line 2: not `quorum"},
    {"quorum unknown", "log $L1\nquorum n1\n", "line 2: n1 is not defined"},
    {"quorum defined later", "log $L1\nquorum n1\nwitness n1 $W1\n", "line 2: n1 is not"},
    {"no newline at the end", "log $L1\nquorum none", "line 2: no newline at the end"},
    {"carriage return", "log $L1\r\nquorum none\n", "line 1: a control character"},
    {"DEL", "log $L1 \x7F\nquorum none\n", "line 1: a control character"},
    {"unknown word", "logs $L1\nquorum none\n", "line 1: unknown word logs"},
    {"upper case", "LOG $L1\nquorum none\n", "line 1: unknown word LOG"},
    {"log without a key", "log\nquorum none\n", "line 1: not `log"},
    {"log with a bad key", "log x\nquorum none\n", "line 1: key: not of the form"},
    {"log with a witness key", "log $W1\nquorum none\n", "line 1: key: type 0x04"},
    {"log with words after the URL", "log $L1 a b\nquorum none\n", "line 1: words after"},
    {"same log twice", "log $L1\nlog $L1 u\nquorum none\n", "line 2: the same log key"},
    {"mixed origins", "log $L1\nlog $X\nquorum none\n", "line 2: another log than log"},
    {"witness without a key", "log $L1\nwitness n1\nquorum none\n", "line 2: not `witness"},
    {"witness with a log key", "log $L1\nwitness n1 $L2\nquorum none\n", "line 2: key: type"},
    {"same witness twice", "log $L1\nwitness a $W1\nwitness b $W1\nquorum a\n",
     "line 3: the key of witness a again"},
    {"same witness key under two names",
     "log $L1\nwitness a " CLASH_B "\nwitness b " RENAMED_B "\nquorum a\n",
     "line 3: the key of witness a again"},
    {"two keys with one name and id",
     "log $L1\nwitness a " CLASH_A "\nwitness b " CLASH_B "\nquorum a\n",
     "line 3: the key of witness a again"},
    {"same name twice", "log $L1\nwitness a $W1\nwitness a $W2\nquorum a\n",
     "line 3: the name a is defined twice"},
    {"witness called none", "log $L1\nwitness none $W1\nquorum none\n",
     "line 2: the name `none`"},
    {"group called as a witness", "log $L1\n" TRUST_TEXT_THREE "group n1 all n2\nquorum n1\n",
     "line 5: the name n1 is defined twice"},
    {"group without members", "log $L1\n" TRUST_TEXT_THREE "group g all\nquorum g\n",
     "line 5: not `group"},
    {"threshold 0", "log $L1\n" TRUST_TEXT_THREE "group g 0 n1 n2\nquorum g\n",
     "line 5: the threshold"},
    {"threshold over n", "log $L1\n" TRUST_TEXT_THREE "group g 3 n1 n2\nquorum g\n",
     "line 5: the thresh"},
    {"threshold 02", "log $L1\n" TRUST_TEXT_THREE "group g 02 n1 n2\nquorum g\n",
     "line 5: the threshold"},
    {"unknown member", "log $L1\n" TRUST_TEXT_THREE "group g 1 n1 n9\nquorum g\n",
     "line 5: n9 is not"},
    {"a group in itself", "log $L1\n" TRUST_TEXT_THREE "group g 1 n1 g\nquorum g\n",
     "line 5: g is not"},
    {"none as a member", "log $L1\n" TRUST_TEXT_THREE "group g 1 none\nquorum g\n",
     "line 5: none is not"},
    {"member twice", "log $L1\n" TRUST_TEXT_THREE "group g 2 n1 n1\nquorum g\n",
     "line 5: n1 is a group"},
    {"member of two groups",
     "log $L1\n" TRUST_TEXT_THREE "group g 1 n1\ngroup h 1 n1 n2\nquorum h\n",
     "line 6: n1 is a group"},
    {"unknown tally line", "# tally expire 5\nlog $L1\nquorum none\n",
     "line 1: unknown `# tally expire`"},
    {"tally line without a value", "# tally ledger\nlog $L1\nquorum none\n",
     "line 1: `# tally`"},
    {"ledger too short", "# tally ledger 02\nlog $L1\nquorum none\n", "line 1: not `# tally l"},
    {"ledger twice", "# tally ledger " HEX1 "\n# tally ledger " HEX1 "\nlog $L1\nquorum none\n",
     "line 2: a second"},
    {"config 0", "# tally config 0\nlog $L1\nquorum none\n", "line 1: not `# tally config"},
    {"config twice", "# tally config 1\n# tally config 1\nlog $L1\nquorum none\n",
     "line 2: a se"},
    {"expires 01", "# tally expires 01\nlog $L1\nquorum none\n",
     "line 1: not `# tally expires"},
    {"root threshold 0", "# tally root 0 " HEX1 "\nlog $L1\nquorum none\n",
     "line 1: not `# ta"},
    {"root threshold over n", "# tally root 2 " HEX1 "\nlog $L1\nquorum none\n", "line 1: not"},
    {"root listed twice", "# tally root 1 " HEX1 " " HEX1 "\nlog $L1\nquorum none\n",
     "line 1: a root key is listed twice"},
    {"root without keys", "# tally root 1\nlog $L1\nquorum none\n",
     "line 1: not `# tally root"},
    {"root is no hex", "# tally root 1 xyz\nlog $L1\nquorum none\n", "line 1: a root key id"},
    {"checkpoint without a root", "# tally checkpoint 5\nlog $L1\nquorum none\n",
     "line 1: not"},
    {"checkpoint with a bad root", "# tally checkpoint 5 Zm9v\nlog $L1\nquorum none\n",
     "line 1: not `# tally checkpoint"},
};

START_TEST(texts)
{
    struct tally_diag diag = {""};
    const enum tally_err err = parse(cases[_i].text, &diag);

    if (cases[_i].want == NULL) {
        ck_assert_msg(err == TALLY_OK, "%s: %s", cases[_i].name, diag.text);
        return;
    }
    ck_assert_msg(err == TALLY_E_MALFORMED, "%s: accepted", cases[_i].name);
    ck_assert_msg(strstr(diag.text, cases[_i].want) != NULL, "%s: %s", cases[_i].name,
                  diag.text);
}
END_TEST

START_TEST(every_fault_is_named)
{
    struct tally_diag diag = {""};

    ck_assert_int_eq(parse("logs\nlog $L1\nfoo\nbar\nquorum x\n", &diag), TALLY_E_MALFORMED);
    ck_assert_ptr_nonnull(strstr(diag.text, "line 1: unknown word logs; line 3: unknown word "
                                            "foo; line 4: unknown word bar; line 5: x is not"));
    /* More than fit: cut, not overrun. */
    char many[4096];
    size_t size = 0;
    for (int i = 0; i < 200; i++)
        size += (size_t)snprintf(many + size, sizeof many - size, "wrong%d\n", i);
    ck_assert_int_eq(trust_parse(many, size, &trust, &diag), TALLY_E_MALFORMED);
    ck_assert_uint_lt(strlen(diag.text), sizeof diag.text);
    ck_assert_int_eq(trust_parse(many, size, &trust, NULL), TALLY_E_MALFORMED);
    ck_assert_int_eq(trust_parse("x\0y\n", 4, &trust, &diag), TALLY_E_MALFORMED);
}
END_TEST

START_TEST(limits)
{
    static char text[LIMIT_TRUST_FILE_SIZE + 1];
    struct tally_diag diag = {""};
    const char *head = trust_text_expand("log $L1\nquorum none\n#");
    char name[LIMIT_KEY_NAME_SIZE + 2];
    char file[1024];

    memset(text, 'x', sizeof text);
    memcpy(text, head, strlen(head));
    text[LIMIT_TRUST_FILE_SIZE - 1] = '\n';
    ck_assert_int_eq(trust_parse(text, LIMIT_TRUST_FILE_SIZE, &trust, NULL), TALLY_OK);
    ck_assert_int_eq(trust_parse(text, LIMIT_TRUST_FILE_SIZE + 1, &trust, NULL),
                     TALLY_E_TOO_LARGE);
    memset(name, 'n', sizeof name);
    name[LIMIT_KEY_NAME_SIZE + 1] = '\0';
    snprintf(file, sizeof file, "log $L1\nwitness %s $W1\nquorum none\n", name);
    ck_assert_int_eq(parse(file, &diag), TALLY_E_MALFORMED);
    snprintf(file, sizeof file, "log $L1\nwitness %s $W1\nquorum none\n", name + 1);
    ck_assert_int_eq(parse(file, &diag), TALLY_OK);
}
END_TEST

/* C2SP asks for 32 logs, witnesses and groups; the biggest file must fit TRUST_TEXT_MAX. */
START_TEST(largest_file)
{
    static char text[TRUST_TEXT_MAX];
    static char again[TRUST_TEXT_MAX];
    char url[LIMIT_URL_SIZE + 1];
    struct bytes_writer writer = bytes_writer(text, sizeof text);
    struct tally_diag diag = {""};

    memset(url, 'u', sizeof url);
    url[LIMIT_URL_SIZE] = '\0';
    memset(&trust, 0, sizeof trust);
    trust.logs_count = TRUST_LOGS_MAX;
    trust.witnesses_count = TRUST_WITNESSES_MAX;
    trust.groups_count = TRUST_GROUPS_MAX;
    for (uint8_t i = 0; i < 32; i++) {
        struct sign_key key;
        const uint8_t log_seed[SIGN_SEED_BYTES] = {1, i};
        const uint8_t witness_seed[SIGN_SEED_BYTES] = {2, i};
        char name[LIMIT_KEY_NAME_SIZE + 1];

        memset(name, 'n', sizeof name);
        name[LIMIT_KEY_NAME_SIZE] = '\0';
        sign_keypair_from_seed(log_seed, &key);
        ck_assert_int_eq(vkey_make(name, VKEY_ED25519, key.public_key, &trust.logs[i].key),
                         TALLY_OK);
        strcpy(trust.logs[i].url, url);
        sign_keypair_from_seed(witness_seed, &key);
        ck_assert_int_eq(
            vkey_make(name, VKEY_COSIGNATURE, key.public_key, &trust.witnesses[i].key),
            TALLY_OK);
        strcpy(trust.witnesses[i].url, url);
        name[0] = (char)('a' + i % 26);
        name[1] = (char)('a' + i / 26);
        strcpy(trust.witnesses[i].name, name);
        name[2] = 'g';
        strcpy(trust.groups[i].name, name);
        trust.groups[i].members_count = 1;
        trust.groups[i].threshold = 1;
        trust.groups[i].members[0] = i;
    }
    for (uint8_t i = 0; i < 31; i++) /* the last group holds all the others */
        trust.groups[31].members[trust.groups[31].members_count++] = (uint8_t)(TRUST_GROUP + i);
    trust.quorum = TRUST_GROUP + 31;
    ck_assert(trust_valid(&trust));
    trust_put(&writer, &trust);
    ck_assert(!writer.bad);
    ck_assert_msg(trust_parse(text, writer.at, &trust, &diag) == TALLY_OK, "%s", diag.text);
    ck_assert(trust_satisfied(&trust, 1));
    struct bytes_writer second = bytes_writer(again, sizeof again);
    trust_put(&second, &trust);
    ck_assert(bytes_equal(bytes_of(text, writer.at), bytes_of(again, second.at)));
    trust.groups[31].members[1] = TRUST_GROUP + 31;
    ck_assert(!trust_valid(&trust)); /* a group in itself */
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("trust");
    TCase *tc = tcase_create("trust");

    tcase_add_loop_test(tc, round_trips, 0, sizeof canonical / sizeof canonical[0]);
    tcase_add_test(tc, fields);
    tcase_add_loop_test(tc, texts, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, every_fault_is_named);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, largest_file);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    if (sign_init() != TALLY_OK) return 1;
    return check_main(make_suite());
}
