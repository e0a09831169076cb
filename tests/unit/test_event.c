/* Events: what is accepted, and what is refused for which field. Rows are JSON texts: an honest
 * event with exactly one thing changed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "crypto/sign.h"
#include "event/event.h"
#include "event/event_json.h"
#include "support/check_main.h"

#define HASH(digit)                                                                            \
    digit "1" digit "2" digit "3" digit "4" digit "5" digit "6" digit "7" digit "8" digit      \
          "1" digit "2" digit "3" digit "4" digit "5" digit "6" digit "7" digit "8" digit      \
          "1" digit "2" digit "3" digit "4" digit "5" digit "6" digit "7" digit "8" digit      \
          "1" digit "2" digit "3" digit "4" digit "5" digit "6" digit "7" digit "8"
#define ZEROS      "0000000000000000000000000000000000000000000000000000000000000000"
#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEAD                                                                                   \
    "\"schema\": 1, \"ledger_id\": \"" HASH("a") "\", \"event_id\": "                          \
                                                 "\"018f0000000070008000000000000001\""
#define ACTOR "\"actor\": \"principal/author\""
#define SIGNERS                                                                                \
    "\"required_signers\": [{\"key_id\": \"" HASH("b") "\", \"meaning\": \"MEANING_AUTHOR\"}]"
#define ENVELOPE HEAD ", \"subject\": \"model/m\", " ACTOR ", " SIGNERS
#define MODEL                                                                                  \
    "\"model_created\": {\"name\": \"M\", \"owner\": \"principal/author\", "                   \
    "\"risk_tier\": \"RISK_TIER_LOW\"}"
#define VERSION_ENVELOPE HEAD ", \"subject\": \"model/m/version/1\", " ACTOR ", " SIGNERS
#define VERSION                                                                                \
    "\"version_registered\": {\"kind\": \"VERSION_KIND_ADAPTER\", \"base_model\": \"base/b\"}"
#define ADAPTER  "\"artifacts\": [{\"role\":\"adapter\", \"manifest_root\": \"" HASH("c") "\"}]"
#define BASE_REF "\"refs\": [{\"rel\": \"REL_BASE\", \"event_hash\": \"" HASH("d") "\"}]"

/* `word` must be in the message; NULL: accepted. */
static const struct {
    const char *name, *json, *word;
} rows[] = {
    {"honest", "{" ENVELOPE ", " MODEL "}", NULL},
    {"any order of keys", "{" MODEL ", " ENVELOPE "}", NULL},
    {"version", "{" VERSION_ENVELOPE ", " ADAPTER ", " BASE_REF ", " VERSION "}", NULL},
    {"no schema",
     "{\"ledger_id\": \"" HASH("a") "\", \"event_id\": \"018f0000000070008000000000000001\", "
                                    "\"subject\": \"model/m\", " ACTOR ", " SIGNERS ", " MODEL
                                    "}",
     "schema"},
    {"no payload", "{" ENVELOPE "}", "payload"},
    {"two payloads",
     "{" ENVELOPE ", " MODEL
     ", \"annotation_added\": {\"kind\": \"k\", \"digest\": \"" HASH("c") "\"}}",
     "second payload"},
    {"unknown key", "{" ENVELOPE ", " MODEL ", \"colour\": 1}", "colour"},
    {"unknown key inside", "{" ENVELOPE ", \"model_created\": {\"name\": \"M\", \"shade\": 1}}",
     "model_created.shade"},
    {"a key twice", "{" ENVELOPE ", " MODEL ", " MODEL "}", "duplicate"},
    {"wrong type", "{" ENVELOPE ", " MODEL ", \"claimed_time_ms\": \"1\"}", "claimed_time_ms"},
    {"a fraction", "{" ENVELOPE ", " MODEL ", \"claimed_time_ms\": 1.0}", "integer"},
    {"negative", "{" ENVELOPE ", " MODEL ", \"claimed_time_ms\": -1}", "out of range"},
    {"upper-case hex", "{" ENVELOPE ", " MODEL ", \"expected_head\": \"" HASH("A") "\"}",
     "lower-case hex"},
    {"odd hex", "{" ENVELOPE ", " MODEL ", \"expected_head\": \"abc\"}", "hex"},
    {"unknown enum", "{" ENVELOPE ", " MODEL ", \"retention\": \"FOR_EVER\"}", "Retention"},
    {"expected head of 31 bytes", "{" ENVELOPE ", " MODEL ", \"expected_head\": \"ab\"}",
     "expected_head"},
    {"placeholder of zeros", "{" ENVELOPE ", " MODEL ", \"expected_head\": \"" ZEROS "\"}",
     "placeholder"},
    {"placeholder of nothing",
     "{" ENVELOPE ", " MODEL ", \"expected_head\": \"" OF_NOTHING "\"}", "placeholder"},
    {"event id of version 4",
     "{\"schema\": 1, \"ledger_id\": \"" HASH(
         "a") "\", \"event_id\": "
              "\"018f0000000040008000000000000001\", \"subject\": \"model/m\", " ACTOR
              ", " SIGNERS ", " MODEL "}",
     "event_id"},
    {"no actor", "{" HEAD ", \"subject\": \"model/m\", " SIGNERS ", " MODEL "}", "actor"},
    {"actor of another kind",
     "{" HEAD ", \"subject\": \"model/m\", \"actor\": \"model/x\", " SIGNERS ", " MODEL "}",
     "actor"},
    {"no signers", "{" HEAD ", \"subject\": \"model/m\", " ACTOR ", " MODEL "}",
     "required_signers"},
    {"signer without meaning",
     "{" HEAD ", \"subject\": \"model/m\", " ACTOR
     ", \"required_signers\": [{\"key_id\": \"" HASH("b") "\"}], " MODEL "}",
     "meaning"},
    {"a signer twice",
     "{" HEAD ", \"subject\": \"model/m\", " ACTOR
     ", \"required_signers\": [{\"key_id\": \"" HASH("b") "\", \"meaning\": "
                                                          "\"MEANING_AUTHOR\"}, {\"key_id\": "
                                                          "\"" HASH("b") "\", \"meaning\": "
                                                                         "\"MEANING_APPROVE\"}]"
                                                                         ", " MODEL "}",
     "ascending"},
    {"subject of another kind",
     "{" HEAD ", \"subject\": \"base/m\", " ACTOR ", " SIGNERS ", " MODEL "}", "subject"},
    {"no owner",
     "{" ENVELOPE ", \"model_created\": {\"name\": \"M\", \"risk_tier\": \"RISK_TIER_LOW\"}}",
     "owner"},
    {"no tier",
     "{" ENVELOPE ", \"model_created\": {\"name\": \"M\", \"owner\": \"principal/author\"}}",
     "risk_tier"},
    {"version without base ref", "{" VERSION_ENVELOPE ", " ADAPTER ", " VERSION "}",
     "REL_BASE"},
    {"version without bytes", "{" VERSION_ENVELOPE ", " BASE_REF ", " VERSION "}", "adapter"},
    {"an artifact role twice",
     "{" VERSION_ENVELOPE
     ", \"artifacts\": [{\"role\": \"adapter\", \"manifest_root\": \"" HASH(
         "c") "\"}, {\"role\": \"adapter\", \"manifest_root\": \"" HASH("d") "\"}], " BASE_REF
                                                                             ", " VERSION "}",
     "twice"},
    {"ref without relation",
     "{" VERSION_ENVELOPE ", " ADAPTER
     ", \"refs\": [{\"event_hash\": \"" HASH("d") "\"}], " VERSION "}",
     "refs.rel"},
    {"not an object", "[1]", "object"},
    {"not JSON", "{", "line 1"},
};

static struct arena *arena;

static void open_arena(void)
{
    ck_assert_int_eq(sign_init(), TALLY_OK);
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
}

START_TEST(accepted_or_refused)
{
    struct tally_diag diag = {{0}};
    struct bytes bytes = {0};
    struct event event;
    enum tally_err err;

    open_arena();
    err =
        event_json_decode(bytes_of(rows[_i].json, strlen(rows[_i].json)), arena, &bytes, &diag);
    if (err == TALLY_OK) err = event_decode(bytes, arena, &event, &diag);
    if (rows[_i].word == NULL) {
        ck_assert_msg(err == TALLY_OK, "%s: %s", rows[_i].name, diag.text);
    } else {
        ck_assert_msg(err == TALLY_E_MALFORMED, "%s: %s", rows[_i].name, tally_err_text(err));
        ck_assert_msg(strstr(diag.text, rows[_i].word) != NULL, "%s: %s", rows[_i].name,
                      diag.text);
    }
    arena_close(arena);
}
END_TEST

static struct bytes honest(void)
{
    struct bytes bytes = {0};

    ck_assert_int_eq(
        event_json_decode(bytes_of(rows[2].json, strlen(rows[2].json)), arena, &bytes, NULL),
        TALLY_OK);
    return bytes;
}

START_TEST(json_round_trip)
{
    struct bytes bytes, json, again;

    open_arena();
    bytes = honest();
    for (int pretty = 0; pretty < 2; pretty++) {
        ck_assert_int_eq(event_json_encode(bytes, pretty == 1, arena, &json, NULL), TALLY_OK);
        ck_assert_int_eq(event_json_decode(json, arena, &again, NULL), TALLY_OK);
        ck_assert(bytes_equal(bytes, again));
    }
    arena_close(arena);
}
END_TEST

/* The view says what the bytes say. The hash is a known answer, computed apart as SHA-256 of a
 * zero byte and the encoding; it pins the encoding of every field in it. */
START_TEST(view)
{
    struct event event;
    struct bytes bytes;
    char hash[65];

    open_arena();
    bytes = honest();
    ck_assert_int_eq(event_decode(bytes, arena, &event, NULL), TALLY_OK);
    ck_assert_int_eq(event.type, EVENT_VERSION_REGISTERED);
    ck_assert_str_eq(event.subject, "model/m/version/1");
    ck_assert_str_eq(event.actor, "principal/author");
    ck_assert_str_eq(event.on_behalf_of, "");
    ck_assert(!event.has_expected_head);
    ck_assert_uint_eq(event.signers_count, 1);
    ck_assert_uint_eq(event.signers[0].meaning, MEANING_AUTHOR);
    ck_assert_ptr_nonnull(event_artifact(&event, "adapter"));
    ck_assert_ptr_null(event_artifact(&event, "weights"));
    ck_assert_ptr_nonnull(event_ref(&event, REL_BASE));
    ck_assert_ptr_null(event_ref(&event, REL_EVALUATES));
    ck_assert_str_eq(event.version_registered.base, "base/b");
    bytes_hex(event.hash.bytes, 32, hash);
    ck_assert_str_eq(hash, "c9a38921f515787c378308e6cad5f4f81c9287e797709b61b9f52112603aefc5");
    arena_close(arena);
}
END_TEST

/* One bit of an encoding changed: refused, or another event; never taken for the same. */
START_TEST(every_bit_counts)
{
    struct event event, changed;
    uint8_t copy[1024];
    struct bytes bytes;

    open_arena();
    bytes = honest();
    ck_assert_int_eq(event_decode(bytes, arena, &event, NULL), TALLY_OK);
    ck_assert_uint_le(bytes.size, sizeof copy);
    for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
        memcpy(copy, bytes.data, bytes.size);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (event_decode(bytes_of(copy, bytes.size), arena, &changed, NULL) != TALLY_OK)
            continue;
        ck_assert_mem_ne(changed.hash.bytes, event.hash.bytes, 32);
    }
    arena_close(arena);
}
END_TEST

/* Encodings that other parsers would read the same way: only ours is accepted. */
START_TEST(only_canonical)
{
    static const struct {
        const char *name;
        uint8_t bytes[8];
        size_t size;
    } additions[] = {
        {"unknown field", {0xa0, 0x06, 0x01}, 3}, /* field 100 as a varint */
        {"field twice", {0x08, 0x01}, 2},         /* schema again */
        {"default on the wire", {0x48, 0x00}, 2}, /* claimed_time_ms 0 */
        {"long varint", {0x48, 0x81, 0x00}, 3},   /* claimed_time_ms 1 in two bytes */
        {"field number 0", {0x00, 0x01}, 2},      {"cut short", {0x52, 0x05, 0x01}, 3},
    };
    uint8_t copy[1024];
    struct bytes bytes;

    open_arena();
    bytes = honest();
    for (size_t i = 0; i < sizeof additions / sizeof additions[0]; i++) {
        struct event event;

        memcpy(copy, bytes.data, bytes.size);
        memcpy(copy + bytes.size, additions[i].bytes, additions[i].size);
        ck_assert_msg(event_decode(bytes_of(copy, bytes.size + additions[i].size), arena,
                                   &event, NULL) == TALLY_E_MALFORMED,
                      "%s", additions[i].name);
    }
    arena_close(arena);
}
END_TEST

START_TEST(limits)
{
    uint8_t *large = calloc(LIMIT_EVENT_SIZE + 1, 1);
    struct tally_diag diag = {{0}};
    struct event event;

    open_arena();
    ck_assert_int_eq(event_decode(bytes_of(large, LIMIT_EVENT_SIZE + 1), arena, &event, &diag),
                     TALLY_E_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(diag.text, "49152"));
    /* Two-byte empty sub-messages ask for far more memory than their size: the arena's cap
     * holds. */
    for (size_t i = 0; i + 1 < LIMIT_EVENT_SIZE; i += 2)
        large[i] = 0x52; /* artifacts, size 0 */
    ck_assert_int_eq(event_decode(bytes_of(large, LIMIT_EVENT_SIZE), arena, &event, &diag),
                     TALLY_E_MALFORMED);
    ck_assert_uint_le(arena_used(arena),
                      LIMIT_ARENA_FLAT + (LIMIT_ARENA_FACTOR + 1) * LIMIT_EVENT_SIZE);
    free(large);
    arena_close(arena);
}
END_TEST

START_TEST(subjects)
{
    static const struct {
        const char *subject;
        enum event_subject_kind kind;
    } cases[] = {
        {"model/m", SUBJECT_MODEL},
        {"model/m/version/1.2-rc_3", SUBJECT_VERSION},
        {"model/m/version", SUBJECT_NONE},
        {"model/m/versions/1", SUBJECT_NONE},
        {"model/m/version/1/2", SUBJECT_NONE},
        {"model", SUBJECT_NONE},
        {"model/", SUBJECT_NONE},
        {"/model/m", SUBJECT_NONE},
        {"model//m", SUBJECT_NONE},
        {"model/.", SUBJECT_NONE},
        {"model/..", SUBJECT_NONE},
        {"model/...", SUBJECT_MODEL},
        {"model/M", SUBJECT_NONE},
        {"model/a b", SUBJECT_NONE},
        {"base/b", SUBJECT_BASE},
        {"dataset/d", SUBJECT_DATASET},
        {"principal/p", SUBJECT_PRINCIPAL},
        {"principal/p/q", SUBJECT_NONE},
        {"artifact/00", SUBJECT_NONE},
        {"environment/production", SUBJECT_ENVIRONMENT},
        {"environment/production/eu", SUBJECT_NONE},
        {"organisation/o", SUBJECT_ORGANISATION},
        {"organisation/o/unit/u", SUBJECT_UNIT},
        {"organisation/o/site/s", SUBJECT_SITE},
        {"organisation/o/team/t", SUBJECT_NONE},
        {"organisation/o/unit/u/v", SUBJECT_NONE},
        {"model/m/run/r", SUBJECT_RUN},
        {"model/m/unit/u", SUBJECT_NONE},
        {"code/c", SUBJECT_CODE},
        {"endpoint/e", SUBJECT_ENDPOINT},
        {"request/r", SUBJECT_REQUEST},
        {"incident/i", SUBJECT_INCIDENT},
        {"policy/p", SUBJECT_POLICY},
        {"hold/h", SUBJECT_HOLD},
        {"ledger/l", SUBJECT_LEDGER},
        {"colour/red", SUBJECT_NONE},
        {"", SUBJECT_NONE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(event_subject_kind(cases[i].subject, NULL) == cases[i].kind, "%s",
                      cases[i].subject);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("event");
    TCase *cases = tcase_create("event");

    tcase_add_loop_test(cases, accepted_or_refused, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(cases, json_round_trip);
    tcase_add_test(cases, view);
    tcase_add_test(cases, every_bit_counts);
    tcase_add_test(cases, only_canonical);
    tcase_add_test(cases, limits);
    tcase_add_test(cases, subjects);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
