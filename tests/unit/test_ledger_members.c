/* Members come and go in two steps: an allowed event authorises one Config, and a CONFIG block
 * with exactly that Config puts it in force. Everything else that claims to be a Config is
 * Void, on every replica, however its flushes are grouped. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/vkey.h"
#include "event/ledger_config.h"
#include "event/record.h"
#include "event/rules.h"
#include "ledger/ledger.h"
#include "store/store_mem.h"
#include "support/check_main.h"
#include "support/member_run.h"

static struct ledger_run run;
static struct tally_diag diag;

static void setup(void)
{
    member_run_open(&run);
}

static void teardown(void)
{
    ledger_run_close(&run);
}

static const char one_policy[] = "quorum node-1\n";
static const char two_policy[] = "group members 2 node-1 new-2\nquorum members\n";

/* Add new-2 and promote it: Config version 3. Returns its last Config. */
static struct bytes add_and_promote(struct ledger_member *member)
{
    struct member_change change;
    struct bytes config;

    *member = member_run_newcomer(2);
    change = member_run_change_of(MEMBER_ADD, member, one_policy, 2);
    config = member_run_authorise(&change);
    member_run_expect_in_force(config);
    member->voter = true;
    change = member_run_change_of(MEMBER_PROMOTE, member, two_policy, 3);
    config = member_run_authorise(&change);
    member_run_expect_in_force(config);
    return config;
}

/* Goal: a member is added, promoted and removed; each Config names the one before and the event
 * that authorised it, and an id is never given out again. Method: every step, restarts between
 * the event and its block. */
START_TEST(add_promote_remove)
{
    struct ledger_member member = member_run_newcomer(2), third = member_run_newcomer(3);
    struct member_change change = member_run_change_of(MEMBER_ADD, &member, one_policy, 2);
    struct tally_hash digest;
    struct ledger_config config;
    struct bytes next;
    uint64_t index;
    uint32_t count;

    ck_assert_uint_eq(member_run_next_member(), 2);
    next = member_run_authorise(&change);
    index = run.result.pending_index;
    ledger_config_digest(member_run_config_in_force(), &digest); /* still the one of genesis */
    ledger_run_restart(&run); /* the event was not flushed: it is applied again */
    ck_assert_int_eq(
        ledger_apply(run.ledger, member_run_blocks(&count)[0], false, &run.result, &diag),
        TALLY_OK);
    ck_assert(bytes_equal(run.result.pending, next));
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    ledger_run_restart(&run);
    member_run_expect_pending(next, index);
    ck_assert_uint_eq(member_run_next_member(), 3);
    member_run_expect_in_force(next);
    config = member_run_decoded(next);
    ck_assert_uint_eq(config.version, 2);
    ck_assert(hash_equal(&config.previous_digest, &digest));
    ck_assert_uint_eq(config.authorising_index, index);
    ck_assert_uint_eq(config.members_count, 2);
    ck_assert_uint_eq(ledger_config_voters(&config), 1);
    ck_assert_str_eq(config.members[1].peer_url, "tcp://10.0.0.2:1");
    ck_assert_str_eq(config.members[1].client_url, "tcp://10.0.0.2:2");
    ck_assert_str_eq(config.policy, one_policy);

    member.voter = true;
    change = member_run_change_of(MEMBER_PROMOTE, &member, two_policy, 3);
    next = member_run_authorise(&change);
    ledger_config_digest(member_run_config_in_force(), &digest);
    member_run_expect_in_force(next);
    config = member_run_decoded(next);
    ck_assert(hash_equal(&config.previous_digest, &digest));
    ck_assert_uint_eq(ledger_config_voters(&config), 2);
    ck_assert_str_eq(config.policy, two_policy);

    change = member_run_change_of(MEMBER_REMOVE, &member, one_policy, 4);
    member_run_expect_in_force(member_run_authorise(&change));
    config = member_run_decoded(member_run_config_in_force());
    ck_assert_uint_eq(config.members_count, 1);
    ck_assert_uint_eq(config.version, 4);
    ledger_run_restart(&run);
    ck_assert_uint_eq(member_run_next_member(), 3); /* 2 is used up */
    member.voter = false;
    change = member_run_change_of(MEMBER_ADD, &member, one_policy, 5);
    member_run_expect_denied(&change, RULE_MEMBER_INVALID);
    change.member = third;
    member_run_expect_in_force(member_run_authorise(&change));
    ck_assert_uint_eq(member_run_next_member(), 4);
}
END_TEST

/* Goal: the first member too can go, and a learner without a vote. */
START_TEST(the_first_member_goes)
{
    struct ledger_member member, third = member_run_newcomer(3);
    struct member_change change;
    struct ledger_config config;

    config = member_run_decoded(add_and_promote(&member));
    change = member_run_change_of(MEMBER_REMOVE, &config.members[0], "quorum new-2\n", 4);
    member_run_expect_in_force(member_run_authorise(&change));
    change = member_run_change_of(MEMBER_ADD, &third, "quorum new-2\n", 5);
    member_run_expect_in_force(member_run_authorise(&change));
    change = member_run_change_of(MEMBER_REMOVE, &third, "quorum new-2\n", 6);
    member_run_expect_in_force(member_run_authorise(&change));
    config = member_run_decoded(member_run_config_in_force());
    ck_assert_uint_eq(config.members_count, 1);
    ck_assert_str_eq(config.members[0].name, "new-2");
}
END_TEST

/* ---- what is denied ---- */

/* Each row is a change of Config 3 {1 node-1 voter, 2 new-2 voter} with one thing wrong. */
static void not_next_id(struct member_change *change, struct ledger_member *member)
{
    (void)change;
    member->id = 4;
}
static void used_id(struct member_change *change, struct ledger_member *member)
{
    (void)change;
    member->id = 2;
}
static void used_name(struct member_change *change, struct ledger_member *member)
{
    (void)change;
    strcpy(member->name, "node-1");
}
static void used_key(struct member_change *change, struct ledger_member *member)
{
    (void)change;
    memcpy(member->log_key, member_run_newcomer(2).peer_key, SIGN_PUBLIC_BYTES);
}
static void promote_nobody(struct member_change *change, struct ledger_member *member)
{
    member->voter = true;
    change->action = MEMBER_PROMOTE;
}
static void promote_voter(struct member_change *change, struct ledger_member *member)
{
    *member = member_run_newcomer(2);
    member->voter = true;
    change->action = MEMBER_PROMOTE;
}
static void remove_nobody(struct member_change *change, struct ledger_member *member)
{
    (void)member;
    change->action = MEMBER_REMOVE;
}
static void remove_as_learner(struct member_change *change, struct ledger_member *member)
{
    *member = member_run_newcomer(2);
    change->action = MEMBER_REMOVE;
    change->policy = one_policy;
}
static void remove_elsewhere(struct member_change *change, struct ledger_member *member)
{
    *member = member_run_newcomer(2);
    member->voter = true;
    strcpy(member->site, "bergen");
    change->action = MEMBER_REMOVE;
    change->policy = one_policy;
}
static void version_before(struct member_change *change, struct ledger_member *member)
{
    (void)member;
    change->config_version = 3;
}
static void version_after(struct member_change *change, struct ledger_member *member)
{
    (void)member;
    change->config_version = 5;
}
static void policy_of_learner(struct member_change *change, struct ledger_member *member)
{
    (void)member;
    change->policy = "group members 2 node-1 new-3\nquorum members\n";
}
static void policy_of_removed(struct member_change *change, struct ledger_member *member)
{
    *member = member_run_newcomer(2);
    member->voter = true;
    change->action = MEMBER_REMOVE;
}
static void policy_unending(struct member_change *change, struct ledger_member *member)
{
    (void)member;
    change->policy = "group members 2 node-1 new-2\n";
}
static void policy_of_nobody(struct member_change *change, struct ledger_member *member)
{
    (void)member;
    change->policy = "quorum none\n";
}
/* A key of the policy's own, with a name that no member has. */
static void policy_with_a_key(struct member_change *change, struct ledger_member *member)
{
    static char policy[VKEY_TEXT_MAX + 64];
    char text[VKEY_TEXT_MAX];
    struct vkey key;

    (void)member;
    ck_assert_int_eq(vkey_make("alice", VKEY_COSIGNATURE, fixture_hash(1).bytes, &key),
                     TALLY_OK);
    vkey_format(&key, text);
    snprintf(policy, sizeof policy, "witness w %s\nquorum w\n", text);
    change->policy = policy;
}

static const struct {
    void (*change)(struct member_change *, struct ledger_member *);
    enum rule rule;
} denials[] = {
    {not_next_id, RULE_MEMBER_INVALID},       {used_id, RULE_MEMBER_INVALID},
    {used_name, RULE_MEMBER_INVALID},         {used_key, RULE_MEMBER_INVALID},
    {promote_nobody, RULE_MEMBER_INVALID},    {promote_voter, RULE_MEMBER_INVALID},
    {remove_nobody, RULE_MEMBER_INVALID},     {remove_as_learner, RULE_MEMBER_INVALID},
    {remove_elsewhere, RULE_MEMBER_INVALID},  {version_before, RULE_CONFIG_VERSION},
    {version_after, RULE_CONFIG_VERSION},     {policy_of_learner, RULE_POLICY_INVALID},
    {policy_of_removed, RULE_POLICY_INVALID}, {policy_unending, RULE_POLICY_INVALID},
    {policy_of_nobody, RULE_POLICY_INVALID},  {policy_with_a_key, RULE_POLICY_INVALID},
};
enum { DENIALS_COUNT = sizeof denials / sizeof denials[0] };

/* Goal: a change that is not right is recorded as denied, by its rule, and changes nothing; the
 * right one is then allowed. */
START_TEST(denied)
{
    struct ledger_member member, good = member_run_newcomer(3);
    struct member_change change;
    struct bytes before;

    (void)add_and_promote(&member);
    before = member_run_config_in_force();
    change = member_run_change_of(MEMBER_ADD, &good, two_policy, 4);
    denials[_i].change(&change, &change.member);
    member_run_expect_denied(&change, denials[_i].rule);
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    ck_assert(bytes_equal(member_run_config_in_force(), before));
    member_run_expect_pending((struct bytes){0}, 0);
    ck_assert_uint_eq(member_run_next_member(), 3);
    change = member_run_change_of(MEMBER_ADD, &good, two_policy, 4);
    member_run_expect_in_force(member_run_authorise(&change));
}
END_TEST

START_TEST(other_denials)
{
    struct ledger_member member = member_run_newcomer(2), other = member_run_newcomer(3);
    struct ledger_member first = run.fixture.config.members[0];
    struct member_change change = member_run_change_of(MEMBER_REMOVE, &first, one_policy, 2);
    struct fixture_spec spec = {.type = EVENT_LEDGER_MEMBER_CHANGED, .change = &change};
    struct bytes next;
    uint64_t index;

    member_run_expect_denied(&change, RULE_MEMBER_INVALID); /* the last voter */
    change = member_run_change_of(MEMBER_ADD, &member, one_policy, 2);
    spec.who = FIXTURE_AUTHOR;
    ck_assert(!ledger_run_event(&run, &spec, NULL)->allowed);
    ck_assert_uint_eq(run.result.events[0].failed_rules[0], RULE_ROLE_MISSING);
    spec.who = FIXTURE_ADMIN;
    spec.subject = "ledger/another";
    ck_assert(!ledger_run_event(&run, &spec, NULL)->allowed);
    ck_assert_uint_eq(run.result.events[0].failed_rules[0], RULE_MEMBER_INVALID);
    next = member_run_authorise(&change);
    index = run.result.pending_index;
    change.member = other;
    member_run_expect_denied(&change, RULE_CHANGE_PENDING);
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    ledger_run_restart(&run);
    member_run_expect_denied(&change, RULE_CHANGE_PENDING);
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    member_run_expect_pending(next, index);
    member_run_expect_in_force(next);
    member_run_expect_denied(&change, RULE_CONFIG_VERSION);
}
END_TEST

/* ---- blocks that are Void ---- */

START_TEST(void_configs)
{
    struct ledger_member member = member_run_newcomer(2);
    struct member_change change = member_run_change_of(MEMBER_ADD, &member, one_policy, 2);
    struct ledger_config config = run.fixture.config;
    struct bytes next, other;
    uint64_t index;

    config.version = 2; /* a good one that nobody authorised */
    config.has_previous = true;
    ledger_config_digest(member_run_config_in_force(), &config.previous_digest);
    other = ledger_config_encode(&config, run.fixture.arena);
    member_run_expect_void(other);
    member_run_expect_void(member_run_config_in_force());
    next = member_run_authorise(&change);
    index = run.result.pending_index;
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    member_run_expect_void(other);
    config = member_run_decoded(next);
    config.authorising_index++;
    member_run_expect_void(ledger_config_encode(&config, run.fixture.arena));
    member_run_expect_void((struct bytes){.data = next.data, .size = next.size - 1});
    member_run_expect_void(bytes_of("", 0));
    member_run_expect_pending(next, index);
    member_run_expect_in_force(next);
    member_run_expect_void(next); /* again */
}
END_TEST

/* ---- replicas ---- */

/* Goal: flushes do not show. Method: the same blocks on a second store in groups of 1 to 9. */
START_TEST(grouping_does_not_show)
{
    struct ledger_member member;
    struct member_change change;
    struct store *other;
    struct ledger *ledger = NULL;
    struct ledger_block_result result = {0};
    struct tally_hash want, got;
    const struct bytes *blocks;
    uint32_t count;
    struct bytes stale;

    stale = add_and_promote(&member);
    member_run_expect_void(stale);
    change = member_run_change_of(MEMBER_REMOVE, &member, one_policy, 4);
    (void)member_run_authorise(&change);
    ck_assert_int_eq(ledger_flush(run.ledger, &diag), TALLY_OK);
    want = ledger_run_contents(run.store);

    ck_assert_int_eq(store_mem_open(&other), TALLY_OK);
    ck_assert_int_eq(ledger_create(other, run.fixture.genesis_file, &diag), TALLY_OK);
    ck_assert_int_eq(ledger_open(other, &ledger, &diag), TALLY_OK);
    blocks = member_run_blocks(&count);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_int_eq(ledger_apply(ledger, blocks[i], true, &result, &diag), TALLY_OK);
        if (i % (uint32_t)_i == (uint32_t)_i - 1) {
            ck_assert_int_eq(ledger_flush(ledger, &diag), TALLY_OK);
        }
    }
    ck_assert_uint_gt(result.pending.size, 0);
    ck_assert_int_eq(ledger_flush(ledger, &diag), TALLY_OK);
    got = ledger_run_contents(other);
    ck_assert(hash_equal(&want, &got));
    ledger_close(ledger);
    store_close(other);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_members");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, add_promote_remove);
    tcase_add_test(tc, the_first_member_goes);
    tcase_add_loop_test(tc, denied, 0, DENIALS_COUNT);
    tcase_add_test(tc, other_denials);
    tcase_add_test(tc, void_configs);
    tcase_add_loop_test(tc, grouping_does_not_show, 1, 10);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
