/* Requests and responses: what goes in comes out, and what is not ours is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "client/rpc.h"
#include "support/check_main.h"

static struct arena *arena;

static void setup(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
}

static void teardown(void)
{
    arena_close(arena);
}

static struct rpc_request request_again(const struct rpc_request *request)
{
    struct buffer *bytes = NULL;
    struct rpc_request again;

    ck_assert_int_eq(rpc_request_encode(request, &bytes, NULL), TALLY_OK);
    ck_assert_int_eq(rpc_request_decode(buffer_bytes(bytes), arena, &again, NULL), TALLY_OK);
    ck_assert_int_eq(again.kind, request->kind);
    buffer_release(bytes);
    return again;
}

START_TEST(append_request)
{
    const struct rpc_request request = {.kind = RPC_APPEND,
                                        .append = {.batch = bytes_of("\x0a\x01x", 3),
                                                   .ack = TALLY_ACK_PROOF,
                                                   .timeout_ms = 5000}};
    const struct rpc_request again = request_again(&request);

    ck_assert(bytes_equal(again.append.batch, request.append.batch));
    ck_assert_int_eq(again.append.ack, TALLY_ACK_PROOF);
    ck_assert_uint_eq(again.append.timeout_ms, 5000);
}
END_TEST

START_TEST(get_requests)
{
    struct rpc_request request = {.kind = RPC_GET};
    struct rpc_request again = request_again(&request);

    ck_assert(!again.get.by_hash);
    ck_assert_uint_eq(again.get.index, 0); /* a zero index is still an index */
    request.get.index = UINT64_MAX;
    ck_assert_uint_eq(request_again(&request).get.index, UINT64_MAX);
    request.get.by_hash = true;
    memset(request.get.event_hash, 7, 32);
    again = request_again(&request);
    ck_assert(again.get.by_hash);
    ck_assert_mem_eq(again.get.event_hash, request.get.event_hash, 32);
}
END_TEST

START_TEST(other_requests)
{
    const struct rpc_request log = {
        .kind = RPC_LOG,
        .log = {
            .from = 3, .to = 9, .subject = "model/a", .type = 12, .limit = 7, .wait_ms = 50}};
    const struct rpc_request prove = {
        .kind = RPC_PROVE, .prove = {.index = 4, .cosignatures_min = 3, .wait_ms = 9}};
    const struct rpc_request status = {.kind = RPC_STATUS};
    const struct rpc_request subject = {.kind = RPC_SUBJECT, .subject = "model/\xc3\xa4"};
    struct rpc_request key = {.kind = RPC_KEY};
    struct rpc_request again = request_again(&log);

    ck_assert_uint_eq(again.log.from, 3);
    ck_assert_uint_eq(again.log.to, 9);
    ck_assert_str_eq(again.log.subject, "model/a");
    ck_assert_uint_eq(again.log.type, 12);
    ck_assert_uint_eq(again.log.limit, 7);
    ck_assert_uint_eq(again.log.wait_ms, 50);
    again = request_again(&prove);
    ck_assert_uint_eq(again.prove.index, 4);
    ck_assert_uint_eq(again.prove.cosignatures_min, 3);
    ck_assert_uint_eq(again.prove.wait_ms, 9);
    (void)request_again(&status);
    ck_assert_str_eq(request_again(&subject).subject, subject.subject);
    memset(key.key_id, 9, 32);
    ck_assert_mem_eq(request_again(&key).key_id, key.key_id, 32);
}
END_TEST

static const struct {
    const char *name;
    struct rpc_request request;
    enum tally_err want;
} out_of_range[] = {
    {"nothing asked", {.kind = RPC_NONE}, TALLY_E_INVALID},
    {"empty batch",
     {.kind = RPC_APPEND, .append = {.ack = TALLY_ACK_PROOF, .timeout_ms = 1}},
     TALLY_E_INVALID},
    {"no ack",
     {.kind = RPC_APPEND, .append = {.batch = {(const uint8_t *)"x", 1}, .timeout_ms = 1}},
     TALLY_E_INVALID},
    {"no time",
     {.kind = RPC_APPEND, .append = {.batch = {(const uint8_t *)"x", 1}, .ack = 1}},
     TALLY_E_INVALID},
    {"huge batch",
     {.kind = RPC_APPEND,
      .append = {.batch = {(const uint8_t *)"x", LIMIT_REQUEST_SIZE + 1},
                 .ack = 1,
                 .timeout_ms = 1}},
     TALLY_E_TOO_LARGE},
    {"no records wanted", {.kind = RPC_LOG}, TALLY_E_INVALID},
    {"too many records", {.kind = RPC_LOG, .log = {.limit = 1001}}, TALLY_E_INVALID},
    {"long wait", {.kind = RPC_LOG, .log = {.limit = 1, .wait_ms = 60001}}, TALLY_E_INVALID},
    {"many cosignatures",
     {.kind = RPC_PROVE, .prove = {.cosignatures_min = LIMIT_MEMBERS + 1}},
     TALLY_E_INVALID},
    {"no subject", {.kind = RPC_SUBJECT, .subject = ""}, TALLY_E_INVALID},
};

START_TEST(request_out_of_range)
{
    struct buffer *bytes = NULL;
    struct tally_diag diag = {""};
    const enum tally_err got = rpc_request_encode(&out_of_range[_i].request, &bytes, &diag);

    ck_assert_msg(got == out_of_range[_i].want, "case %s: %s", out_of_range[_i].name,
                  tally_err_text(got));
    ck_assert_ptr_null(bytes);
    ck_assert_str_ne(diag.text, "");
}
END_TEST

/* Bytes a client could send. Field numbers: proto/rpc.proto. */
static const struct {
    const char *name, *hex;
    enum tally_err want;
} hostile[] = {
    {"status, as it should be", "2a00", TALLY_OK},
    {"nothing", "", TALLY_E_INVALID},
    {"unknown field", "2a00f80101", TALLY_E_MALFORMED},
    {"unknown field inside", "2a03f80101", TALLY_E_MALFORMED},
    {"two bodies", "2a001a020801", TALLY_E_MALFORMED},
    {"the same body twice", "2a002a00", TALLY_E_MALFORMED},
    {"long varint", "2a8000", TALLY_E_MALFORMED},
    {"default written out", "1a0408002801", TALLY_E_MALFORMED},
    {"cut", "2a", TALLY_E_MALFORMED},
    {"length beyond the end", "2a05", TALLY_E_MALFORMED},
    {"wrong wire type", "2801", TALLY_E_MALFORMED},
    {"field number zero", "0201782a00", TALLY_E_MALFORMED},
    {"NUL in a subject", "3a050a03610062", TALLY_E_MALFORMED},
    {"subject not UTF-8", "3a040a02c328", TALLY_E_MALFORMED},
    {"subject", "3a030a0161", TALLY_OK},
    {"key id of 31 bytes",
     "32210a1f00000000000000000000000000000000000000000000000000000000000000", TALLY_E_INVALID},
    {"get without a key", "1200", TALLY_E_INVALID},
    {"get, event hash too short", "12031201aa", TALLY_E_INVALID},
    {"get 0", "12020800", TALLY_OK},
    {"log with limit 1", "1a022801", TALLY_OK},
    {"log with limit 1001", "1a0328e907", TALLY_E_INVALID},
};

START_TEST(request_from_hostile_bytes)
{
    uint8_t bytes[128];
    const size_t size = strlen(hostile[_i].hex) / 2;
    struct rpc_request request = {.kind = RPC_SUBJECT};
    struct tally_diag diag;

    ck_assert(bytes_unhex(hostile[_i].hex, 2 * size, bytes, size));
    const enum tally_err got =
        rpc_request_decode(bytes_of(bytes, size), arena, &request, &diag);
    ck_assert_msg(got == hostile[_i].want, "case %s: %s", hostile[_i].name,
                  tally_err_text(got));
    if (got != TALLY_OK) ck_assert_int_eq(request.kind, RPC_SUBJECT); /* untouched */
}
END_TEST

START_TEST(request_over_the_limit)
{
    uint8_t *bytes = calloc(1, LIMIT_REQUEST_SIZE + 1);
    struct rpc_request request;
    struct tally_diag diag;

    ck_assert_int_eq(
        rpc_request_decode(bytes_of(bytes, LIMIT_REQUEST_SIZE + 1), arena, &request, &diag),
        TALLY_E_TOO_LARGE);
    ck_assert_uint_eq(arena_used(arena), 0);
    free(bytes);
}
END_TEST

static struct rpc_response response_again(const struct rpc_response *response)
{
    struct buffer *bytes = NULL;
    struct rpc_response again;

    ck_assert_int_eq(rpc_response_encode(response, &bytes, NULL), TALLY_OK);
    ck_assert_int_eq(rpc_response_decode(buffer_bytes(bytes), arena, &again, NULL), TALLY_OK);
    ck_assert_int_eq(again.kind, response->kind);
    ck_assert_int_eq(again.code, response->code);
    buffer_release(bytes);
    return again;
}

static bool same_bytes(struct tally_bytes a, struct tally_bytes b)
{
    return bytes_equal(bytes_of(a.data, a.size), bytes_of(b.data, b.size));
}

START_TEST(append_response)
{
    const uint16_t rules[] = {1, 500, 65535};
    const struct tally_outcome outcomes[] = {
        {.index = 5, .time_ms = 99, .allowed = true},
        {.index = 6,
         .time_ms = 99,
         .repeated = true,
         .failed_rules = rules,
         .failed_rules_count = 3},
    };
    const struct tally_bytes proofs[] = {{(const uint8_t *)"p", 1}, {(const uint8_t *)"qq", 2}};
    const struct rpc_response response = {
        .kind = RPC_APPEND,
        .append = {
            .outcomes = outcomes, .outcomes_count = 2, .proofs = proofs, .proofs_count = 2}};
    const struct tally_append_result again = response_again(&response).append;

    ck_assert_uint_eq(again.outcomes_count, 2);
    ck_assert(again.outcomes[0].allowed);
    ck_assert(!again.outcomes[0].repeated);
    ck_assert_uint_eq(again.outcomes[0].failed_rules_count, 0);
    ck_assert_uint_eq(again.outcomes[1].index, 6);
    ck_assert_uint_eq(again.outcomes[1].time_ms, 99);
    ck_assert(!again.outcomes[1].allowed);
    ck_assert(again.outcomes[1].repeated);
    ck_assert_uint_eq(again.outcomes[1].failed_rules_count, 3);
    ck_assert_mem_eq(again.outcomes[1].failed_rules, rules, sizeof rules);
    ck_assert_uint_eq(again.proofs_count, 2);
    ck_assert(same_bytes(again.proofs[1], proofs[1]));
}
END_TEST

START_TEST(record_responses)
{
    const struct tally_bytes records[] = {{(const uint8_t *)"a", 1}, {NULL, 0}};
    const struct rpc_response get = {.kind = RPC_GET,
                                     .get = {.index = 1, .record = records[0], .size = 8}};
    const struct rpc_response log = {
        .kind = RPC_LOG, .log = {.records = records, .records_count = 2, .next = 3, .size = 8}};
    const struct rpc_response empty = {.kind = RPC_LOG, .log = {.next = 3, .size = 8}};
    const struct rpc_response prove = {.kind = RPC_PROVE, .prove = {.proof = records[0]}};
    struct rpc_response again = response_again(&get);

    ck_assert_uint_eq(again.get.index, 1);
    ck_assert_uint_eq(again.get.size, 8);
    ck_assert(same_bytes(again.get.record, records[0]));
    again = response_again(&log);
    ck_assert_uint_eq(again.log.records_count, 2);
    ck_assert_uint_eq(again.log.next, 3);
    ck_assert_uint_eq(again.log.size, 8);
    ck_assert(same_bytes(again.log.records[1], records[1]));
    ck_assert_uint_eq(response_again(&empty).log.records_count, 0);
    ck_assert(same_bytes(response_again(&prove).prove.proof, records[0]));
}
END_TEST

START_TEST(status_response)
{
    const struct tally_member_status members[] = {
        {.id = 1, .name = "a", .site = "x", .match = 7, .reachable = true, .heard_ms_ago = 2},
        {.id = 2, .name = "b"}};
    struct rpc_response response = {.kind = RPC_STATUS,
                                    .status = {.ledger = "l",
                                               .origin = "l/00",
                                               .node_id = 2,
                                               .node_name = "b",
                                               .role = "leader",
                                               .term = 3,
                                               .leader_id = 2,
                                               .blocks_last = 9,
                                               .blocks_committed = 8,
                                               .blocks_applied = 7,
                                               .records = 30,
                                               .published = 29,
                                               .checkpoint = {(const uint8_t *)"note", 4},
                                               .members = members,
                                               .members_count = 2,
                                               .time_ms = 11,
                                               .disk_written = 12,
                                               .uptime_ms = 13,
                                               .scrubbed_ms = 14,
                                               .scrubbed_records = 15,
                                               .version = "0"}};
    memset(response.status.ledger_id, 5, 32);
    const struct tally_status_result again = response_again(&response).status;

    ck_assert_mem_eq(again.ledger_id, response.status.ledger_id, 32);
    ck_assert_str_eq(again.ledger, "l");
    ck_assert_str_eq(again.origin, "l/00");
    ck_assert_str_eq(again.node_name, "b");
    ck_assert_str_eq(again.role, "leader");
    ck_assert_uint_eq(
        again.blocks_last * 100 + again.blocks_committed * 10 + again.blocks_applied, 987);
    ck_assert_uint_eq(again.records - again.published, 1);
    ck_assert(same_bytes(again.checkpoint, response.status.checkpoint));
    ck_assert_uint_eq(again.time_ms + again.disk_written + again.uptime_ms, 36);
    ck_assert_uint_eq(again.scrubbed_ms * 100 + again.scrubbed_records, 1415);
    ck_assert_uint_eq(again.members_count, 2);
    ck_assert_str_eq(again.members[0].site, "x");
    ck_assert(again.members[0].reachable);
    ck_assert_str_eq(again.members[1].name, "b");
    ck_assert_str_eq(again.members[1].site, "");
}
END_TEST

START_TEST(key_and_subject_responses)
{
    struct rpc_response key = {.kind = RPC_KEY,
                               .key = {.principal = "principal/a", .revoked = true}};
    struct rpc_response subject = {.kind = RPC_SUBJECT, .subject = {.index = 4, .events = 2}};

    memset(key.key.public_key, 3, 32);
    memset(subject.subject.head, 4, 32);
    const struct rpc_response key_again = response_again(&key);
    ck_assert_mem_eq(key_again.key.public_key, key.key.public_key, 32);
    ck_assert_str_eq(key_again.key.principal, "principal/a");
    ck_assert(key_again.key.revoked);

    struct rpc_response again = response_again(&subject);
    ck_assert(!again.subject.has_manifest_root);
    ck_assert_mem_eq(again.subject.head, subject.subject.head, 32);
    subject.subject.has_manifest_root = true;
    memset(subject.subject.manifest_root, 6, 32);
    again = response_again(&subject);
    ck_assert(again.subject.has_manifest_root);
    ck_assert_mem_eq(again.subject.manifest_root, subject.subject.manifest_root, 32);
    ck_assert_uint_eq(again.subject.index * 10 + again.subject.events, 42);
}
END_TEST

START_TEST(error_response)
{
    struct buffer *bytes = rpc_error_encode(TALLY_E_NOT_LEADER, "not me", "tcp://127.0.0.1:1");
    struct rpc_response response;

    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(rpc_response_decode(buffer_bytes(bytes), arena, &response, NULL),
                     TALLY_OK);
    ck_assert_int_eq(response.code, TALLY_E_NOT_LEADER);
    ck_assert_int_eq(response.kind, RPC_NONE);
    ck_assert_str_eq(response.message, "not me");
    ck_assert_str_eq(response.leader_url, "tcp://127.0.0.1:1");
    buffer_release(bytes);
}
END_TEST

/* Goal: a long text is cut between characters, not inside one. */
START_TEST(long_text_is_cut)
{
    char text[LIMIT_TEXT_SIZE + 8];
    struct rpc_response response;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + LIMIT_TEXT_SIZE - 1, "\xc3\xa4", 2); /* across the limit */
    struct buffer *bytes = rpc_error_encode(TALLY_E_INVALID, text, NULL);
    ck_assert_int_eq(rpc_response_decode(buffer_bytes(bytes), arena, &response, NULL),
                     TALLY_OK);
    ck_assert_uint_eq(strlen(response.message), LIMIT_TEXT_SIZE - 1);
    ck_assert_str_eq(response.leader_url, "");
    buffer_release(bytes);
}
END_TEST

static const struct {
    const char *name, *hex;
    enum tally_err want;
} wrong_answers[] = {
    {"ok without a body", "", TALLY_E_MALFORMED},
    {"code 300", "08ac02", TALLY_E_MALFORMED},
    {"an error", "0809", TALLY_OK},
    {"an error of a newer node", "0863", TALLY_OK},
    {"unknown field of a newer node", "0809f80101", TALLY_OK},
    {"append without outcomes", "2200", TALLY_E_MALFORMED},
    {"outcome without a verdict", "22040a020801", TALLY_E_MALFORMED},
    {"outcome with verdict 7", "22040a021807", TALLY_E_MALFORMED},
    {"outcome", "22040a021801", TALLY_OK},
    {"rule 65536", "22090a0718022203808004", TALLY_E_MALFORMED},
    {"two proofs for one event", "22080a02180112001200", TALLY_E_MALFORMED},
    {"key of no bytes", "4a00", TALLY_E_MALFORMED},
    {"status of no ledger", "4200", TALLY_E_MALFORMED},
    {"subject without hashes", "5200", TALLY_E_MALFORMED},
    {"proof", "3a030a0170", TALLY_OK},
};

START_TEST(response_from_hostile_bytes)
{
    uint8_t bytes[64];
    const size_t size = strlen(wrong_answers[_i].hex) / 2;
    struct rpc_response response;
    struct tally_diag diag;

    ck_assert(bytes_unhex(wrong_answers[_i].hex, 2 * size, bytes, size));
    const enum tally_err got =
        rpc_response_decode(bytes_of(bytes, size), arena, &response, &diag);
    ck_assert_msg(got == wrong_answers[_i].want, "case %s: %s", wrong_answers[_i].name,
                  tally_err_text(got));
}
END_TEST

/* Goal: a small message cannot make the decoder use much memory. Method: 48 KiB of empty
 * outcomes, two bytes each, which protobuf-c would turn into 3 MB. */
START_TEST(memory_is_capped)
{
    enum { COUNT = 24 * 1024 };
    uint8_t *bytes = malloc(4 + 2 * COUNT);
    struct rpc_response response;
    const size_t length = 2 * COUNT;

    bytes[0] = 0x22;
    bytes[1] = (uint8_t)(length & 0x7f) | 0x80;
    bytes[2] = (uint8_t)((length >> 7) & 0x7f) | 0x80;
    bytes[3] = (uint8_t)(length >> 14);
    for (size_t i = 0; i < COUNT; i++) memcpy(bytes + 4 + 2 * i, "\x0a\x00", 2);
    ck_assert_int_eq(rpc_response_decode(bytes_of(bytes, 4 + length), arena, &response, NULL),
                     TALLY_E_MALFORMED);
    ck_assert_uint_le(arena_used(arena), LIMIT_ARENA_FLAT + LIMIT_ARENA_FACTOR * (4 + length));
    free(bytes);
}
END_TEST

START_TEST(response_over_the_limit)
{
    uint8_t *record = calloc(1, LIMIT_RESPONSE_SIZE);
    const struct rpc_response response = {.kind = RPC_GET,
                                          .get = {.record = {record, LIMIT_RESPONSE_SIZE}}};
    struct buffer *bytes = NULL;

    ck_assert_int_eq(rpc_response_encode(&response, &bytes, NULL), TALLY_E_TOO_LARGE);
    ck_assert_ptr_null(bytes);
    free(record);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("rpc");
    TCase *tc = tcase_create("rpc");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, append_request);
    tcase_add_test(tc, get_requests);
    tcase_add_test(tc, other_requests);
    tcase_add_loop_test(tc, request_out_of_range, 0,
                        sizeof out_of_range / sizeof out_of_range[0]);
    tcase_add_loop_test(tc, request_from_hostile_bytes, 0, sizeof hostile / sizeof hostile[0]);
    tcase_add_test(tc, request_over_the_limit);
    tcase_add_test(tc, append_response);
    tcase_add_test(tc, record_responses);
    tcase_add_test(tc, status_response);
    tcase_add_test(tc, key_and_subject_responses);
    tcase_add_test(tc, error_response);
    tcase_add_test(tc, long_text_is_cut);
    tcase_add_loop_test(tc, response_from_hostile_bytes, 0,
                        sizeof wrong_answers / sizeof wrong_answers[0]);
    tcase_add_test(tc, memory_is_capped);
    tcase_add_test(tc, response_over_the_limit);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
