#include "support/genesis_words.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

struct genesis_words words;
static const char *const admin_roles[] = {"admin", "author"};

static void key_of(uint8_t number, struct sign_key *ret_key)
{
    const uint8_t seed[SIGN_SEED_BYTES] = {number};

    sign_keypair_from_seed(seed, ret_key);
}

static void make_config(void)
{
    memset(&words.config, 0, sizeof words.config);
    words.config.version = 1;
    words.config.members_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        struct ledger_member *member = &words.config.members[i];
        struct sign_key key;

        member->id = i + 1;
        (void)snprintf(member->name, sizeof member->name, "node-%u", (unsigned)member->id);
        (void)snprintf(member->site, sizeof member->site, "site-%u", (unsigned)member->id);
        key_of((uint8_t)(100 + i), &key);
        memcpy(member->log_key, key.public_key, sizeof member->log_key);
        key_of((uint8_t)(110 + i), &key);
        memcpy(member->cosign_key, key.public_key, sizeof member->cosign_key);
        key_of((uint8_t)(120 + i), &key);
        memcpy(member->peer_key, key.public_key, sizeof member->peer_key);
        member->incarnation = 1 + i;
        member->voter = true;
    }
    strcpy(words.config.policy, "group members 2 node-1 node-2 node-3\nquorum members\n");
}

void words_open(void)
{
    ck_assert_int_eq(sign_init(), TALLY_OK);
    ck_assert_int_eq(arena_open(0, &words.arena), TALLY_OK);
    make_config();
    for (uint32_t i = 0; i < WORDS_KEYS; i++) {
        struct sign_key key;

        key_of((uint8_t)(1 + i), &key);
        if (i <= WORDS_ROOTS) words.roots[i] = key;
        memcpy(words.root_keys[i], key.public_key, SIGN_PUBLIC_BYTES);
    }
    for (uint32_t i = 0; i < WORDS_PEOPLE; i++) {
        struct sign_key key;

        key_of((uint8_t)(50 + i), &key);
        memcpy(words.people_keys[i], key.public_key, SIGN_PUBLIC_BYTES);
        words.principals[i] = (struct event_principal){.id = i == 0 ? "ada" : "bo",
                                                       .kind = 1,
                                                       .keys_count = 1,
                                                       .public_keys = &words.people_keys[i],
                                                       .roles_count = i == 0 ? 2 : 0,
                                                       .roles = admin_roles};
    }
    words.spec = (struct genesis_spec){.name = "paper",
                                       .time_ms = UINT64_C(1700000000000),
                                       .config = &words.config,
                                       .root_threshold = 2,
                                       .stolen_keys = 1,
                                       .root_keys_count = WORDS_ROOTS,
                                       .root_keys = words.root_keys,
                                       .principals_count = WORDS_PEOPLE,
                                       .principals = words.principals};
}

void words_close(void)
{
    arena_close(words.arena);
}

struct bytes words_new(void)
{
    struct tally_diag diag = {{0}};
    struct bytes file = {0};

    ck_assert_msg(genesis_new(&words.spec, words.arena, &file, &diag) == TALLY_OK, "%s",
                  diag.text);
    return file;
}

struct genesis words_decoded(struct bytes file)
{
    struct tally_diag diag = {{0}};
    struct genesis genesis;

    ck_assert_msg(genesis_decode(file, words.arena, &genesis, &diag) == TALLY_OK, "%s",
                  diag.text);
    return genesis;
}

struct bytes words_signed_by(struct bytes file, uint32_t root)
{
    const struct genesis genesis = words_decoded(file);
    struct bytes ret_file = {0};

    ck_assert_int_eq(genesis_sign(&genesis, &words.roots[root], words.arena, &ret_file, NULL),
                     TALLY_OK);
    return ret_file;
}

struct bytes words_complete(void)
{
    return words_signed_by(words_signed_by(words_signed_by(words_new(), 0), 1), 2);
}
