/* Signatures over batches. An honest batch of three events, signed by the author, with exactly
 * one thing changed in each row. */
#include <check.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/batch.h"
#include "support/check_main.h"
#include "support/ledger_fixture.h"

static struct fixture fixture;
static struct bytes events[3];

static void begin(void)
{
    fixture_open(&fixture, 1);
    for (uint32_t i = 0; i < 3; i++) {
        const struct fixture_spec spec = {.type = EVENT_MODEL_CREATED, .who = FIXTURE_AUTHOR};

        events[i] = fixture_event(&fixture, &spec);
    }
}

/* "tally/sign/v1\n" || ledger id || meaning || u64 size || root, byte by byte. */
START_TEST(message_layout)
{
    uint8_t message[BATCH_MESSAGE_BYTES];
    struct tally_hash ledger_id, root;

    memset(ledger_id.bytes, 0x11, 32);
    memset(root.bytes, 0x22, 32);
    batch_message(&ledger_id, MEANING_APPROVE, 0x0102, &root, message);
    ck_assert_mem_eq(message, "tally/sign/v1\n", 14);
    ck_assert_mem_eq(message + 14, ledger_id.bytes, 32);
    ck_assert_uint_eq(message[46], 3);
    ck_assert_mem_eq(message + 47, "\0\0\0\0\0\0\1\2", 8);
    ck_assert_mem_eq(message + 55, root.bytes, 32);
}
END_TEST

START_TEST(honest)
{
    struct batch batch;
    struct tally_hash hash;

    begin();
    ck_assert_int_eq(batch_check(fixture_batch(&fixture, FIXTURE_AUTHOR, events, 3),
                                 &fixture.ledger_id, fixture.arena, &batch, NULL),
                     TALLY_OK);
    ck_assert_uint_eq(batch.events_count, 3);
    ck_assert_uint_eq(batch.signers_count, 1);
    ck_assert_int_eq(batch_check(fixture_batch(&fixture, FIXTURE_AUTHOR, events, 1),
                                 &fixture.ledger_id, fixture.arena, &batch, NULL),
                     TALLY_OK);
    hash = fixture_event_hash(events[0]);
    ck_assert(hash_equal(&batch.root, &hash)); /* of one event the root is its hash */
    fixture_close(&fixture);
}
END_TEST

/* The batch of `from` with these events instead, its signature untouched. */
static struct bytes with_events(struct bytes from, const struct bytes *other, uint32_t count)
{
    const struct batch_signer *signers;
    const struct bytes *unused;
    uint32_t events_count, signers_count;

    ck_assert_int_eq(batch_split(from, fixture.arena, &unused, &events_count, &signers,
                                 &signers_count, NULL),
                     TALLY_OK);
    return batch_encode(other, count, signers, signers_count, fixture.arena);
}

START_TEST(one_thing_changed)
{
    static const struct {
        const char *name;
        enum tally_err want;
    } cases[] = {
        {"events swapped", TALLY_E_SIGNATURE},         {"an event left out", TALLY_E_SIGNATURE},
        {"an event twice", TALLY_E_SIGNATURE},         {"another ledger", TALLY_E_WRONG_LEDGER},
        {"another signer", TALLY_E_SIGNERS},           {"another meaning", TALLY_E_SIGNERS},
        {"a bit of the signature", TALLY_E_SIGNATURE}, {"cut short", TALLY_E_MALFORMED},
    };
    struct tally_hash ledger_id;
    struct batch_signer signer;
    struct bytes bytes, changed;
    struct batch batch;

    begin();
    ledger_id = fixture.ledger_id;
    bytes = fixture_batch(&fixture, FIXTURE_AUTHOR, events, 3);
    changed = bytes;
    batch_sign(events, 3, &fixture.ledger_id, MEANING_AUTHOR, &fixture.people[FIXTURE_AUTHOR],
               &signer);
    switch (_i) {
    case 0:
        changed =
            with_events(bytes, (const struct bytes[]){events[1], events[0], events[2]}, 3);
        break;
    case 1:
        changed = with_events(bytes, events, 2);
        break;
    case 2:
        changed =
            with_events(bytes, (const struct bytes[]){events[0], events[1], events[1]}, 3);
        break;
    case 3:
        ledger_id.bytes[0] ^= 1;
        break;
    case 4:
        batch_sign(events, 3, &fixture.ledger_id, MEANING_AUTHOR,
                   &fixture.people[FIXTURE_ADMIN], &signer);
        changed = batch_encode(events, 3, &signer, 1, fixture.arena);
        break;
    case 5:
        signer.meaning = MEANING_APPROVE;
        changed = batch_encode(events, 3, &signer, 1, fixture.arena);
        break;
    case 6:
        signer.signature[40] ^= 1;
        changed = batch_encode(events, 3, &signer, 1, fixture.arena);
        break;
    case 7:
        changed.size--;
        break;
    default:
        break;
    }
    ck_assert_msg(batch_check(changed, &ledger_id, fixture.arena, &batch, NULL) ==
                      cases[_i].want,
                  "%s", cases[_i].name);
    fixture_close(&fixture);
}
END_TEST

/* A batch is never divided, so it must fit a block together with its framing. */
START_TEST(fits_a_block)
{
    static uint8_t content[LIMIT_BLOCK_SIZE];
    const struct bytes *unused_events;
    const struct batch_signer *unused_signers;
    uint32_t unused;
    struct batch_signer signer = {.meaning = MEANING_AUTHOR};
    struct bytes large[2] = {{content, 1000000}, {content, 1}}, bytes;

    begin();
    bytes = batch_encode(large, 2, &signer, 1, fixture.arena);
    large[1].size = LIMIT_BLOCK_SIZE - 4 - bytes.size - 1; /* its length takes three bytes */
    for (int more = 0; more < 2; more++, large[1].size++) {
        bytes = batch_encode(large, 2, &signer, 1, fixture.arena);
        ck_assert_uint_eq(block_batch_size(bytes.size), LIMIT_BLOCK_SIZE + (size_t)more);
        ck_assert_int_eq(batch_split(bytes, fixture.arena, &unused_events, &unused,
                                     &unused_signers, &unused, NULL),
                         more == 0 ? TALLY_OK : TALLY_E_TOO_LARGE);
    }
    fixture_close(&fixture);
}
END_TEST

/* Lists that a parser would take, and that mean nothing. */
START_TEST(lists)
{
    static const uint8_t content[100]; /* as small as real events are */
    const struct bytes none = {0};
    const struct bytes *unused_events;
    const struct batch_signer *unused_signers;
    uint32_t unused;
    struct bytes *many;
    struct batch_signer signers[LIMIT_GENESIS_SIGNERS + 1] = {{.meaning = MEANING_AUTHOR}};

    begin();
    many = arena_zalloc(fixture.arena, LIMIT_BLOCK_EVENTS + 1, sizeof *many);
    for (size_t i = 0; i <= LIMIT_BLOCK_EVENTS; i++)
        many[i] = bytes_of(content, sizeof content);
    for (uint32_t i = 0; i <= LIMIT_GENESIS_SIGNERS; i++) {
        signers[i].meaning = MEANING_AUTHOR;
        signers[i].key_id.bytes[0] = (uint8_t)i;
    }
    const struct {
        uint32_t events, signers;
        enum tally_err want;
    } cases[] = {
        {1, 1, TALLY_OK},          {LIMIT_BLOCK_EVENTS, LIMIT_GENESIS_SIGNERS, TALLY_OK},
        {0, 1, TALLY_E_MALFORMED}, {LIMIT_BLOCK_EVENTS + 1, 1, TALLY_E_TOO_LARGE},
        {1, 0, TALLY_E_MALFORMED}, {1, LIMIT_GENESIS_SIGNERS + 1, TALLY_E_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bytes bytes =
            batch_encode(many, cases[i].events, signers, cases[i].signers, fixture.arena);

        ck_assert_msg(batch_split(bytes, fixture.arena, &unused_events, &unused,
                                  &unused_signers, &unused, NULL) == cases[i].want,
                      "case %zu", i);
    }
    ck_assert_int_eq(batch_split(none, fixture.arena, &unused_events, &unused, &unused_signers,
                                 &unused, NULL),
                     TALLY_E_MALFORMED);
    fixture_close(&fixture);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("batch");
    TCase *cases = tcase_create("batch");

    tcase_add_test(cases, message_layout);
    tcase_add_test(cases, honest);
    tcase_add_loop_test(cases, one_thing_changed, 0, 8);
    tcase_add_test(cases, fits_a_block);
    tcase_add_test(cases, lists);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
