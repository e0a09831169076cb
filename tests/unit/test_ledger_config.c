/* Goal: a Config says who the members are, in one way only. Method: round trips at the limits,
 * and a good Config of three members with exactly one thing changed in each row. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/ledger_config.h"
#include "support/check_main.h"

static struct arena *arena;
static struct ledger_config config; /* what a row changes */

/* Members 1.. with keys that all differ; the first `voters` vote. */
static void make(uint32_t members, uint32_t voters)
{
    memset(&config, 0, sizeof config);
    config.version = 1;
    config.members_count = members;
    for (uint32_t i = 0; i < members; i++) {
        struct ledger_member *member = &config.members[i];

        member->id = i + 1;
        (void)snprintf(member->name, sizeof member->name, "node-%u", (unsigned)member->id);
        (void)snprintf(member->site, sizeof member->site, "site-%u", (unsigned)(i % 3));
        memset(member->log_key, (int)(3 * i + 1), sizeof member->log_key);
        memset(member->cosign_key, (int)(3 * i + 2), sizeof member->cosign_key);
        memset(member->peer_key, (int)(3 * i + 3), sizeof member->peer_key);
        member->incarnation = UINT64_MAX - i;
        member->voter = i < voters;
    }
    strcpy(config.policy, "group majority 2 node-1 node-2 node-3\nquorum majority\n");
}

static void begin(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
    make(3, 3);
}

static void end(void)
{
    arena_close(arena);
}

static void check_equal(const struct ledger_config *a, const struct ledger_config *b)
{
    ck_assert_uint_eq(a->version, b->version);
    ck_assert_int_eq(a->has_previous, b->has_previous);
    ck_assert_mem_eq(a->previous_digest.bytes, b->previous_digest.bytes, 32);
    ck_assert_uint_eq(a->authorising_index, b->authorising_index);
    ck_assert_str_eq(a->policy, b->policy);
    ck_assert_uint_eq(a->members_count, b->members_count);
    for (uint32_t i = 0; i < a->members_count; i++) {
        ck_assert_uint_eq(a->members[i].id, b->members[i].id);
        ck_assert_str_eq(a->members[i].name, b->members[i].name);
        ck_assert_str_eq(a->members[i].site, b->members[i].site);
        ck_assert_mem_eq(a->members[i].log_key, b->members[i].log_key, 32);
        ck_assert_mem_eq(a->members[i].cosign_key, b->members[i].cosign_key, 32);
        ck_assert_mem_eq(a->members[i].peer_key, b->members[i].peer_key, 32);
        ck_assert_uint_eq(a->members[i].incarnation, b->members[i].incarnation);
        ck_assert_int_eq(a->members[i].voter, b->members[i].voter);
    }
}

static void round_trip(void)
{
    const struct bytes bytes = ledger_config_encode(&config, arena);
    struct tally_diag diag = {{0}};
    struct ledger_config again;

    ck_assert_ptr_nonnull(bytes.data);
    ck_assert_msg(ledger_config_decode(bytes, arena, &again, &diag) == TALLY_OK, "%s",
                  diag.text);
    check_equal(&config, &again);
    ck_assert(bytes_equal(ledger_config_encode(&again, arena), bytes));
}

START_TEST(round_trips)
{
    round_trip();
    make(1, 1);
    round_trip();
    make(LIMIT_MEMBERS, LIMIT_VOTERS);
    memset(config.policy, '#', sizeof config.policy - 1);
    round_trip();
    make(3, 3);
    config.version = 2;
    config.has_previous = true;
    memset(config.previous_digest.bytes, 0x77, 32);
    config.authorising_index = 5;
    config.members[2].id = 9; /* ids may have gaps: members leave */
    round_trip();
}
END_TEST

/* The digest of a fixed Config, computed apart (SHA-256 over an encoding put together by hand).
 */
START_TEST(known_answer)
{
    struct tally_hash digest;
    char hex[65];

    make(1, 1);
    config.members[0].incarnation = 7;
    strcpy(config.policy, "quorum none\n");
    const struct bytes bytes = ledger_config_encode(&config, arena);
    ledger_config_digest(bytes, &digest);
    bytes_hex(digest.bytes, 32, hex);
    ck_assert_uint_eq(bytes.size, 150);
    ck_assert_str_eq(hex, "93eba7a3457d385a0079652c80b2719a7155f62a5fa25ef6891b1cc232f6b442");
}
END_TEST

START_TEST(lookups)
{
    make(5, 3);
    ck_assert_uint_eq(ledger_config_voters(&config), 3);
    ck_assert_ptr_eq(ledger_config_member(&config, 5), &config.members[4]);
    ck_assert_ptr_null(ledger_config_member(&config, 0));
    ck_assert_ptr_null(ledger_config_member(&config, 6));
    ck_assert_ptr_eq(ledger_config_named(&config, "node-2"), &config.members[1]);
    ck_assert_ptr_null(ledger_config_named(&config, "node-"));
}
END_TEST

static void no_change(void)
{
}

static void version_zero(void)
{
    config.version = 0;
}

static void previous_of_first(void)
{
    config.has_previous = true;
}

static void second_without_previous(void)
{
    config.version = 2;
}

static void no_members(void)
{
    config.members_count = 0;
}

static void no_voters(void)
{
    make(3, 0);
}

static void eight_voters(void)
{
    make(8, 8);
}

static void seventeen_learners(void)
{
    make(18, 1);
}

static void id_zero(void)
{
    config.members[0].id = 0;
}

static void id_twice(void)
{
    config.members[1].id = 1;
}

static void ids_descend(void)
{
    config.members[2].id = 1;
}

static void name_twice(void)
{
    strcpy(config.members[2].name, "node-1");
}

static void no_name(void)
{
    config.members[1].name[0] = '\0';
}

static void name_of_two_segments(void)
{
    strcpy(config.members[1].name, "a/b");
}

static void upper_case_site(void)
{
    strcpy(config.members[1].site, "Berlin");
}

static void no_site(void)
{
    config.members[1].site[0] = '\0';
}

static void no_incarnation(void)
{
    config.members[1].incarnation = 0;
}

static void same_log_key(void)
{
    memcpy(config.members[2].log_key, config.members[0].log_key, 32);
}

static void same_cosign_key(void)
{
    memcpy(config.members[2].cosign_key, config.members[0].cosign_key, 32);
}

static void same_peer_key(void)
{
    memcpy(config.members[2].peer_key, config.members[0].peer_key, 32);
}

static void another_ones_key(void)
{
    memcpy(config.members[2].peer_key, config.members[0].log_key, 32);
}

static void one_key_for_two_uses(void)
{
    memcpy(config.members[1].cosign_key, config.members[1].log_key, 32);
}

static const struct {
    const char *name;
    void (*change)(void);
    const char *word; /* in the message; NULL: accepted */
} rows[] = {
    {"good", no_change, NULL},
    {"version 0", version_zero, "version"},
    {"version 1 with a digest", previous_of_first, "previous digest"},
    {"version 2 without", second_without_previous, "previous digest"},
    {"no members", no_members, "members"},
    {"no voters", no_voters, "voters"},
    {"8 voters", eight_voters, "voters"},
    {"17 learners", seventeen_learners, "learners"},
    {"id 0", id_zero, "id"},
    {"an id twice", id_twice, "ascending"},
    {"ids descend", ids_descend, "ascending"},
    {"a name twice", name_twice, "share"},
    {"no name", no_name, "name"},
    {"name of two segments", name_of_two_segments, "name"},
    {"upper-case site", upper_case_site, "site"},
    {"no site", no_site, "site"},
    {"no incarnation", no_incarnation, "incarnation"},
    {"a log key twice", same_log_key, "share"},
    {"a cosignature key twice", same_cosign_key, "share"},
    {"a peer key twice", same_peer_key, "share"},
    {"another one's log key", another_ones_key, "share"},
    {"one key for two uses", one_key_for_two_uses, "different keys"},
};

START_TEST(one_thing_changed)
{
    struct ledger_config again = {.version = 99};
    struct tally_diag diag = {{0}};

    rows[_i].change();
    const enum tally_err err =
        ledger_config_decode(ledger_config_encode(&config, arena), arena, &again, &diag);

    if (rows[_i].word == NULL) {
        ck_assert_msg(err == TALLY_OK, "%s: %s", rows[_i].name, diag.text);
        return;
    }
    ck_assert_msg(err == TALLY_E_MALFORMED, "%s: %s", rows[_i].name, tally_err_text(err));
    ck_assert_msg(strstr(diag.text, rows[_i].word) != NULL, "%s: %s", rows[_i].name, diag.text);
    ck_assert_uint_eq(again.version, 99); /* untouched */
}
END_TEST

/* A bit of the bytes changed: refused, or another Config. */
START_TEST(every_bit_counts)
{
    const struct bytes bytes = ledger_config_encode(&config, arena);
    uint8_t copy[1024];
    struct ledger_config changed;

    ck_assert_uint_le(bytes.size, sizeof copy);
    for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
        memcpy(copy, bytes.data, bytes.size);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (ledger_config_decode(bytes_of(copy, bytes.size), arena, &changed, NULL) != TALLY_OK)
            continue;
        ck_assert_msg(!bytes_equal(ledger_config_encode(&changed, arena), bytes), "bit %zu",
                      bit);
    }
    /* A prefix that ends between two fields may be a Config: with fewer members, for one. */
    for (size_t size = 0; size < bytes.size; size++) {
        const struct bytes prefix = bytes_of(bytes.data, size);

        if (ledger_config_decode(prefix, arena, &changed, NULL) != TALLY_OK) continue;
        ck_assert_msg(bytes_equal(ledger_config_encode(&changed, arena), prefix), "size %zu",
                      size);
    }
}
END_TEST

/* Goal: changes stop at the limits, and say why. Method: add and promote until nothing fits. */
START_TEST(changes_at_the_limits)
{
    static struct ledger_config next;
    const struct bytes before = bytes_of("x", 1);
    struct member_change change = {.action = MEMBER_ADD, .policy = config.policy};
    struct ledger_config members;
    struct tally_diag diag;

    make(LIMIT_MEMBERS, LIMIT_VOTERS);
    members = config;
    make(3, 3);
    for (uint32_t id = 4; id <= LIMIT_MEMBERS; id++) {
        change.action = MEMBER_ADD;
        change.member = members.members[id - 1];
        change.member.voter = false;
        change.config_version = config.version + 1;
        ck_assert_int_eq(
            ledger_config_change(&config, before, &change, id, 7, arena, &next, &diag),
            TALLY_OK);
        config = next;
        if (ledger_config_voters(&config) == LIMIT_VOTERS) continue;
        change.action = MEMBER_PROMOTE;
        change.member.voter = true;
        change.config_version++;
        ck_assert_int_eq(
            ledger_config_change(&config, before, &change, id, 7, arena, &next, &diag),
            TALLY_OK);
        config = next;
    }
    ck_assert_uint_eq(config.members_count, LIMIT_MEMBERS);
    ck_assert_uint_eq(ledger_config_voters(&config), LIMIT_VOTERS);
    change = (struct member_change){.action = MEMBER_PROMOTE,
                                    .member = config.members[LIMIT_MEMBERS - 1],
                                    .policy = config.policy,
                                    .config_version = config.version + 1};
    change.member.voter = true;
    ck_assert_int_eq(ledger_config_change(&config, before, &change, LIMIT_MEMBERS + 1, 7, arena,
                                          &next, &diag),
                     TALLY_E_INVALID);
    ck_assert_str_eq(diag.text, "the Config's voters must be 1 to 7");
    change.action = MEMBER_ADD;
    change.member.voter = false;
    change.member.id = LIMIT_MEMBERS + 1;
    ck_assert_int_eq(ledger_config_change(&config, before, &change, LIMIT_MEMBERS + 1, 7, arena,
                                          &next, &diag),
                     TALLY_E_INVALID);
    ck_assert_str_eq(diag.text, "there are as many members as there can be");
    change.config_version++;
    ck_assert_int_eq(ledger_config_change(&config, before, &change, LIMIT_MEMBERS + 1, 7, arena,
                                          &next, &diag),
                     TALLY_E_INVALID);
    ck_assert_str_eq(diag.text, "the change was made for another version of the Config");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ledger_config");
    TCase *cases = tcase_create("ledger_config");

    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, round_trips);
    tcase_add_test(cases, known_answer);
    tcase_add_test(cases, lookups);
    tcase_add_loop_test(cases, one_thing_changed, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(cases, every_bit_counts);
    tcase_add_test(cases, changes_at_the_limits);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
