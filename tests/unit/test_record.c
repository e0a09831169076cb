/* Records: the bytes of every kind, what is cut from a denied event, and what is refused. The
 * known answers were computed apart, from docs/formats.md. */
#include <check.h>
#include <string.h>

#include "crypto/hash.h"
#include "event/record.h"
#include "support/check_main.h"
#include "support/ledger_fixture.h"

static struct fixture fixture;
static struct bytes event;
static const uint16_t rules[] = {19, 300};

/* An event record with one signer. */
static struct record event_record(bool allowed)
{
    struct record record = {.index = 2, .time_ms = FIXTURE_TIME_MS, .kind = RECORD_EVENT};

    record.event.event = event;
    record.event.signers_count = 1;
    record.event.signers[0].meaning = MEANING_AUTHOR;
    record.event.signers[0].batch_size = 3;
    record.event.signers[0].batch_index = 2;
    for (size_t i = 0; i < 32; i++) {
        record.event.signers[0].key_id.bytes[i] = (uint8_t)(0xb1 + i % 8);
    }
    memset(record.event.signers[0].signature, 0x5a, SIGN_SIGNATURE_BYTES);
    record.event.decision.allowed = allowed;
    record.event.decision.failed_rules_count = allowed ? 0 : 2;
    record.event.decision.failed_rules = rules;
    return record;
}

/* An encoded event, and one whose payload is larger than a denied leaf. */
static struct bytes make_event(uint32_t padding)
{
    const struct fixture_spec spec = {
        .type = EVENT_MODEL_CREATED, .who = FIXTURE_AUTHOR, .padding = padding};

    return fixture_event(&fixture, &spec);
}

static void begin(void)
{
    fixture_open(&fixture, 1);
    event = make_event(0);
}

static struct record make_record(enum record_kind kind)
{
    struct record record = {.index = 5, .time_ms = FIXTURE_TIME_MS, .kind = kind};

    switch (kind) {
    case RECORD_EVENT:
        return event_record(false);
    case RECORD_STATE:
        record.state.covers = 5;
        break;
    case RECORD_CONFIG:
        record.config = ledger_config_encode(&fixture.config, fixture.arena);
        break;
    case RECORD_TERM:
        record.index = 1;
        record.term.term = 3;
        record.term.leader = 2;
        break;
    case RECORD_TICK:
        record.index = 7;
        break;
    case RECORD_VOID:
        record.index = 9;
        memset(record.void_.block_hash.bytes, 0xab, 32);
        record.void_.reason = 4;
        record.void_.leader = 2;
        record.void_.head = bytes_of("head", 4);
        break;
    }
    return record;
}

/* The event of docs/formats.md, "Events". */
static struct bytes documented_event(uint8_t bytes[225])
{
    static const char hex[] =
        "08011220a1a2a3a4a5a6a7a8a1a2a3a4a5a6a7a8a1a2a3a4a5a6a7a8a1a2a3a4a5a6a7a8"
        "1a10018f000000007000800000000000000122116d6f64656c2f6d2f76657273696f6e2f31"
        "32107072696e636970616c2f617574686f72"
        "42240a20b1b2b3b4b5b6b7b8b1b2b3b4b5b6b7b8b1b2b3b4b5b6b7b8b1b2b3b4b5b6b7b81001"
        "522b0a07616461707465721220c1c2c3c4c5c6c7c8c1c2c3c4c5c6c7c8c1c2c3c4c5c6c7c8"
        "c1c2c3c4c5c6c7c85a2408011220d1d2d3d4d5d6d7d8d1d2d3d4d5d6d7d8d1d2d3d4d5d6d7d8"
        "d1d2d3d4d5d6d7d8ea090a08011206626173652f62";

    ck_assert(bytes_unhex(hex, sizeof hex - 1, bytes, 225));
    return bytes_of(bytes, 225);
}

START_TEST(known_answers)
{
    static const struct {
        const char *name;
        enum record_kind kind;
        bool allowed;
        const char *leaf;
    } cases[] = {
        {"allowed", RECORD_EVENT, true,
         "0cc28cbe6cdc8957c84f90b867ef4834d88b10f3d7884650f038c2b1e40f5e19"},
        {"denied", RECORD_EVENT, false,
         "4bc2efbb383778f598a55779b261b39420b7f4dc25dfbdd7650bf2aebb44c1fc"},
        {"state", RECORD_STATE, false,
         "dd841287b430e8ce833406338e0e27bcb9e5a2797de0cd54135ff6f0c7815538"},
        {"term", RECORD_TERM, false,
         "e5cf09d0c36ffac8f527837e5880f29bd636ec06f60ec1cee9b9f83799458e0c"},
        {"tick", RECORD_TICK, false,
         "a1cb73a9d3ecf5c8b6215ce3ee61208bc7ae4030967616daf5a91a306b16cb15"},
        {"void", RECORD_VOID, false,
         "ec2e0591f05f0a4afe352b8b1d23284b96e90b65d3b6d74b6f902523baf6faea"},
    };
    uint8_t documented[225];

    begin();
    event = documented_event(documented);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record record = make_record(cases[i].kind);
        struct tally_hash leaf;
        struct bytes bytes;
        char hex[65];

        if (cases[i].kind == RECORD_EVENT) record = event_record(cases[i].allowed);
        bytes = record_encode(&record, fixture.arena);
        hash_leaf(bytes.data, bytes.size, &leaf);
        bytes_hex(leaf.bytes, sizeof leaf.bytes, hex);
        ck_assert_msg(strcmp(hex, cases[i].leaf) == 0, "%s: %s", cases[i].name, hex);
    }
    fixture_close(&fixture);
}
END_TEST

/* What is decoded encodes to the same bytes; anything cut off or put behind is refused. */
START_TEST(round_trip)
{
    struct record record, decoded;
    struct bytes bytes, again;
    uint8_t longer[4096];

    begin();
    record = make_record((enum record_kind)_i);
    bytes = record_encode(&record, fixture.arena);
    ck_assert_int_eq(record_decode(bytes, fixture.arena, &decoded, NULL), TALLY_OK);
    ck_assert_int_eq(decoded.kind, record.kind);
    ck_assert_uint_eq(decoded.index, record.index);
    ck_assert_uint_eq(decoded.time_ms, record.time_ms);
    again = record_encode(&decoded, fixture.arena);
    ck_assert(bytes_equal(bytes, again));
    ck_assert_str_ne(record_kind_name(decoded.kind), "?");
    for (size_t cut = 0; cut < bytes.size; cut++) {
        ck_assert_int_ne(
            record_decode(bytes_of(bytes.data, cut), fixture.arena, &decoded, NULL), TALLY_OK);
    }
    memcpy(longer, bytes.data, bytes.size);
    longer[bytes.size] = 0;
    ck_assert_int_eq(
        record_decode(bytes_of(longer, bytes.size + 1), fixture.arena, &decoded, NULL),
        TALLY_E_MALFORMED);
    fixture_close(&fixture);
}
END_TEST

/* A large denied event leaves a small leaf that still says who, what, when, and which bytes. */
START_TEST(cut)
{
    struct record record, decoded;
    struct bytes large, bytes, again;
    struct tally_hash hash;
    struct event whole, view;

    begin();
    large = event = make_event(20000);
    ck_assert_int_eq(event_decode(large, fixture.arena, &whole, NULL), TALLY_OK);
    record = event_record(false);
    bytes = record_encode(&record, fixture.arena);
    ck_assert_uint_le(bytes.size, LIMIT_DENIED_LEAF_SIZE);
    ck_assert_int_eq(record_decode(bytes, fixture.arena, &decoded, NULL), TALLY_OK);
    ck_assert(decoded.event.cut);
    event_hash(large, &hash);
    ck_assert(hash_equal(&decoded.event.event_hash, &hash));
    ck_assert_int_eq(record_event(&decoded, fixture.arena, &view, NULL), TALLY_OK);
    ck_assert(hash_equal(&view.hash, &hash));
    ck_assert_int_eq((int)view.type, 0);
    ck_assert_str_eq(view.subject, whole.subject);
    ck_assert_str_eq(view.actor, whole.actor);
    ck_assert_mem_eq(view.id, whole.id, EVENT_ID_BYTES);
    ck_assert_uint_eq(view.signers_count, whole.signers_count);
    ck_assert_uint_eq(view.artifacts_count + view.refs_count, 0);
    again = record_encode(&decoded, fixture.arena);
    ck_assert(bytes_equal(bytes, again));

    /* An allowed event is never cut, and neither is a small denied one. */
    record = event_record(true);
    bytes = record_encode(&record, fixture.arena);
    ck_assert_uint_gt(bytes.size, large.size);
    event = make_event(0);
    record = event_record(false);
    bytes = record_encode(&record, fixture.arena);
    ck_assert_int_eq(record_decode(bytes, fixture.arena, &decoded, NULL), TALLY_OK);
    ck_assert(!decoded.event.cut);

    /* A cut event is no event elsewhere. */
    ck_assert_int_eq(event_decode(event_cut(event, fixture.arena), fixture.arena, &view, NULL),
                     TALLY_E_MALFORMED);
    fixture_close(&fixture);
}
END_TEST

/* The largest event with the most signers fits a leaf. */
START_TEST(largest)
{
    struct record record, decoded;
    struct bytes bytes;

    begin();
    event = make_event(46000);
    ck_assert_uint_le(event.size, LIMIT_EVENT_SIZE);
    record = event_record(true);
    record.event.signers_count = LIMIT_GENESIS_SIGNERS;
    for (uint32_t i = 1; i < LIMIT_GENESIS_SIGNERS; i++) {
        record.event.signers[i] = record.event.signers[0];
        record.event.signers[i].batch_size = LIMIT_BLOCK_EVENTS;
    }
    bytes = record_encode(&record, fixture.arena);
    ck_assert_uint_le(bytes.size - event.size + LIMIT_EVENT_SIZE, LIMIT_RECORD_SIZE);
    ck_assert_int_eq(record_decode(bytes, fixture.arena, &decoded, NULL), TALLY_OK);
    fixture_close(&fixture);
}
END_TEST

/* ---- one thing wrong in each ---- */

static void no_signers(struct record *r)
{
    r->event.signers_count = 0;
}
static void no_meaning(struct record *r)
{
    r->event.signers[0].meaning = 0;
}
static void other_meaning(struct record *r)
{
    r->event.signers[0].meaning = 7;
}
static void no_batch(struct record *r)
{
    r->event.signers[0].batch_size = 0;
}
static void large_batch(struct record *r)
{
    r->event.signers[0].batch_size = LIMIT_BLOCK_EVENTS + 1;
}
static void outside_batch(struct record *r)
{
    r->event.signers[0].batch_index = 3;
}
static void allowed_with_rules(struct record *r)
{
    r->event.decision.allowed = true;
}
static void denied_without_rules(struct record *r)
{
    r->event.decision.failed_rules_count = 0;
}
static void rules_descend(struct record *r)
{
    static const uint16_t wrong[] = {300, 19};
    r->event.decision.failed_rules = wrong;
}
static void rule_twice(struct record *r)
{
    static const uint16_t wrong[] = {19, 19};
    r->event.decision.failed_rules = wrong;
}
static void rule_zero(struct record *r)
{
    static const uint16_t wrong[] = {0, 19};
    r->event.decision.failed_rules = wrong;
}
static void digest_of_no_policy(struct record *r)
{
    r->event.decision.has_policy_digest = true;
}
static void policy_without_digest(struct record *r)
{
    r->event.decision.policy_version = 4;
}
static void cut_and_allowed(struct record *r)
{
    r->event.cut = true;
    r->event.decision.allowed = true;
    r->event.decision.failed_rules_count = 0;
}
static void far_index(struct record *r)
{
    r->index = UINT64_C(1) << 63;
}
static void far_time(struct record *r)
{
    r->time_ms = UINT64_C(1) << 63;
}
static void no_reason(struct record *r)
{
    r->void_.reason = 0;
}
static void other_reason(struct record *r)
{
    r->void_.reason = 7;
}
static void long_head(struct record *r)
{
    static const uint8_t head[65];
    r->void_.head = bytes_of(head, sizeof head);
}

START_TEST(refused)
{
    static const struct {
        const char *name;
        enum record_kind kind;
        void (*spoil)(struct record *record);
    } cases[] = {
        {"no signers", RECORD_EVENT, no_signers},
        {"no meaning", RECORD_EVENT, no_meaning},
        {"unknown meaning", RECORD_EVENT, other_meaning},
        {"batch of none", RECORD_EVENT, no_batch},
        {"batch too large", RECORD_EVENT, large_batch},
        {"place outside the batch", RECORD_EVENT, outside_batch},
        {"allowed with failed rules", RECORD_EVENT, allowed_with_rules},
        {"denied without failed rules", RECORD_EVENT, denied_without_rules},
        {"rules descend", RECORD_EVENT, rules_descend},
        {"rule twice", RECORD_EVENT, rule_twice},
        {"rule 0", RECORD_EVENT, rule_zero},
        {"digest of the built-in rule", RECORD_EVENT, digest_of_no_policy},
        {"policy without digest", RECORD_EVENT, policy_without_digest},
        {"cut and allowed", RECORD_EVENT, cut_and_allowed},
        {"index of 2^63", RECORD_TICK, far_index},
        {"time of 2^63", RECORD_TICK, far_time},
        {"void without reason", RECORD_VOID, no_reason},
        {"void of unknown reason", RECORD_VOID, other_reason},
        {"void with a long head", RECORD_VOID, long_head},
    };

    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record record = make_record(cases[i].kind), decoded;
        struct tally_diag diag = {""};

        cases[i].spoil(&record);
        ck_assert_msg(record_decode(record_encode(&record, fixture.arena), fixture.arena,
                                    &decoded, &diag) == TALLY_E_MALFORMED,
                      "%s", cases[i].name);
        ck_assert_msg(diag.text[0] != '\0', "%s", cases[i].name);
    }
    fixture_close(&fixture);
}
END_TEST

START_TEST(other_kinds_and_sizes)
{
    static const uint8_t large[LIMIT_RECORD_SIZE + 1];
    static const uint8_t no_body[] = {0x08, 0x05};
    struct record record, decoded;
    struct event view;

    begin();
    record = make_record(RECORD_TICK);
    ck_assert_int_eq(record_event(&record, fixture.arena, &view, NULL), TALLY_E_INVALID);
    ck_assert_int_eq(
        record_decode(bytes_of(large, sizeof large), fixture.arena, &decoded, NULL),
        TALLY_E_TOO_LARGE);
    ck_assert_int_eq(
        record_decode(bytes_of(no_body, sizeof no_body), fixture.arena, &decoded, NULL),
        TALLY_E_MALFORMED);
    fixture_close(&fixture);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("record");
    TCase *cases = tcase_create("record");

    tcase_add_test(cases, known_answers);
    tcase_add_loop_test(cases, round_trip, RECORD_EVENT, RECORD_VOID + 1);
    tcase_add_test(cases, cut);
    tcase_add_test(cases, largest);
    tcase_add_test(cases, refused);
    tcase_add_test(cases, other_kinds_and_sizes);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
