/* Goal: no checkpoint without the cosignatures that the policy asks for, and no second history
 * unnoticed. Method: node 1 of three (a majority publishes) applies a boundary; rows give it
 * cosignatures, each with one thing changed. */
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"
#include "publish/publish.h"
#include "store/store.h"
#include "support/check_main.h"
#include "support/ledger_fixture.h"

enum { MEMBERS = 3, SIZE = 10, OTHER = 11 };

static struct fixture fixture;
static struct store *store;
static struct publish_config configs[MEMBERS];
static struct publish *publish;

static void begin(void)
{
    struct ledger_identity identity;

    fixture_open(&fixture, MEMBERS);
    ck_assert_int_eq(store_mem_open(&store), TALLY_OK);
    ck_assert_int_eq(ledger_create(store, fixture.genesis_file, NULL), TALLY_OK);
    ck_assert_int_eq(ledger_read_identity(store, fixture.arena, &identity, NULL), TALLY_OK);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        ck_assert_int_eq(
            publish_config_load(&identity, &fixture.members[i], 0, &configs[i], NULL),
            TALLY_OK);
    }
    ck_assert_int_eq(publish_open(&configs[0], &publish, NULL), TALLY_OK);
}

static void end(void)
{
    publish_close(publish);
    store_close(store);
    fixture_close(&fixture);
}

/* What member `member` says of the tree of `size` records. */
static struct publish_cosignature say(uint32_t member, uint64_t size, uint64_t root)
{
    const struct tally_hash hash = fixture_hash(root);
    struct publish_cosignature made;

    publish_cosign(&configs[member - 1], size, &hash, FIXTURE_TIME_MS, &made);
    return made;
}

static enum publish_result add(struct publish_cosignature cosignature)
{
    return publish_add(publish, &cosignature);
}

static void apply(uint64_t size, uint64_t root)
{
    const struct tally_hash hash = fixture_hash(root);

    ck_assert_int_eq(publish_boundary(publish, size, &hash), PUBLISH_NOTHING);
}

START_TEST(majority_publishes)
{
    begin();
    apply(SIZE, 1);
    ck_assert_int_eq(add(say(1, SIZE, 1)), PUBLISH_NOTHING);
    ck_assert_uint_eq(publish_size(publish), 0);
    ck_assert_ptr_null(publish_find(publish, 0, 0));
    ck_assert_int_eq(add(say(1, SIZE, 1)), PUBLISH_NOTHING); /* twice is once */
    ck_assert_uint_eq(publish_size(publish), 0);
    ck_assert_int_eq(add(say(2, SIZE, 1)), PUBLISH_NEW);
    ck_assert_uint_eq(publish_size(publish), SIZE);
    ck_assert_ptr_null(publish_find(publish, 0, 3));
    ck_assert_int_eq(add(say(3, SIZE, 1)), PUBLISH_MERGED);
    ck_assert_ptr_nonnull(publish_find(publish, SIZE - 1, 3));
    ck_assert_ptr_null(publish_find(publish, SIZE, 0));
    end();
}
END_TEST

/* Nothing is published that this node has not applied itself. */
START_TEST(not_before_it_is_applied)
{
    begin();
    ck_assert_int_eq(add(say(2, SIZE, 1)), PUBLISH_NOTHING);
    ck_assert_int_eq(add(say(3, SIZE, 1)), PUBLISH_NOTHING);
    ck_assert_uint_eq(publish_size(publish), 0);
    apply(SIZE, 1);
    ck_assert_int_eq(publish_retry(publish), PUBLISH_NEW);
    ck_assert_uint_eq(publish_size(publish), SIZE);
    end();
}
END_TEST

enum change { NONE, FLIPPED, OF_ANOTHER, OTHER_SIZE, OTHER_ROOT, SIZE_ZERO, STRANGER };

static const struct {
    const char *name;
    enum change change;
    enum publish_result result;
} shares[] = {
    {"honest", NONE, PUBLISH_NEW},
    {"one bit of the signature", FLIPPED, PUBLISH_REFUSED},
    {"another member's signature", OF_ANOTHER, PUBLISH_REFUSED},
    {"signed for another size", OTHER_SIZE, PUBLISH_REFUSED},
    {"signed for another root", OTHER_ROOT, PUBLISH_REFUSED},
    {"an empty tree", SIZE_ZERO, PUBLISH_REFUSED},
    {"no member, or one of a Config to come", STRANGER, PUBLISH_NOTHING},
};

START_TEST(what_is_no_cosignature)
{
    struct publish_cosignature share;

    begin();
    apply(SIZE, 1);
    ck_assert_int_eq(add(say(1, SIZE, 1)), PUBLISH_NOTHING);
    share = say(2, SIZE, 1);
    switch (shares[_i].change) {
    case NONE:
        break;
    case FLIPPED:
        share.bytes[40] ^= 1;
        break;
    case OF_ANOTHER:
        share = say(3, SIZE, 1);
        share.member = 2;
        break;
    case OTHER_SIZE:
        share = say(2, OTHER, 1);
        share.size = SIZE;
        break;
    case OTHER_ROOT:
        share = say(2, SIZE, 2);
        share.root = fixture_hash(1);
        break;
    case SIZE_ZERO:
        share.size = 0;
        break;
    case STRANGER:
        share.member = 9;
        break;
    }
    ck_assert_msg(add(share) == shares[_i].result, "%s", shares[_i].name);
    ck_assert_uint_eq(publish_size(publish), shares[_i].result == PUBLISH_NEW ? SIZE : 0);
    end();
}
END_TEST

/* Two members that signed two roots for one size is the one thing that must never pass. */
START_TEST(another_root_is_divergent)
{
    begin();
    apply(SIZE, 1);
    ck_assert_int_eq(add(say(2, SIZE, 2)), PUBLISH_DIVERGENT);
    ck_assert_uint_eq(publish_size(publish), 0);
    end();
}
END_TEST

/* The same when the other root came first. */
START_TEST(another_root_that_was_kept_is_divergent)
{
    begin();
    ck_assert_int_eq(add(say(2, SIZE, 2)), PUBLISH_NOTHING);
    apply(SIZE, 1);
    ck_assert_int_eq(publish_retry(publish), PUBLISH_DIVERGENT);
    ck_assert_uint_eq(publish_size(publish), 0);
    end();
}
END_TEST

/* After a restart: what was published once binds, and sizes never fall. */
START_TEST(restored_checkpoint_binds)
{
    const struct tally_hash other = fixture_hash(2);
    struct buffer *note;

    begin();
    apply(SIZE, 1);
    (void)add(say(1, SIZE, 1));
    ck_assert_int_eq(add(say(2, SIZE, 1)), PUBLISH_NEW);
    note = buffer_copy(buffer_bytes(publish_find(publish, 0, 0)));
    publish_close(publish);
    ck_assert_int_eq(publish_open(&configs[0], &publish, NULL), TALLY_OK);
    publish_restore(publish, buffer_bytes(note));
    ck_assert_uint_eq(publish_size(publish), SIZE);
    apply(SIZE - 2, 3);
    (void)add(say(1, SIZE - 2, 3));
    ck_assert_int_eq(add(say(2, SIZE - 2, 3)), PUBLISH_NOTHING);
    ck_assert_uint_eq(publish_size(publish), SIZE);
    ck_assert_int_eq(publish_boundary(publish, SIZE, &other), PUBLISH_DIVERGENT);
    buffer_release(note);
    end();
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("publish");
    TCase *tcase = tcase_create("checkpoints");

    tcase_add_test(tcase, majority_publishes);
    tcase_add_test(tcase, not_before_it_is_applied);
    tcase_add_loop_test(tcase, what_is_no_cosignature, 0, sizeof shares / sizeof shares[0]);
    tcase_add_test(tcase, another_root_is_divergent);
    tcase_add_test(tcase, another_root_that_was_kept_is_divergent);
    tcase_add_test(tcase, restored_checkpoint_binds);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
