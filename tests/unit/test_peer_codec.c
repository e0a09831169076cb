/* Messages between members: what goes in comes out, and what is not ours is refused. */
#include <stdlib.h>
#include <string.h>

#include "net/peer_codec.h"
#include "net/peer_net.h"
#include "support/check_main.h"

enum { FROM = 3, SELF = 5 };

static struct arena *arena;
static struct peer_message again;

static void setup(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
}

static void teardown(void)
{
    arena_close(arena);
}

static void round_trip(const struct peer_message *message)
{
    struct buffer *bytes = NULL;

    ck_assert_int_eq(peer_message_encode(message, &bytes, NULL), TALLY_OK);
    ck_assert_int_eq(peer_message_decode(buffer_bytes(bytes), FROM, SELF, arena, &again, NULL),
                     TALLY_OK);
    ck_assert_int_eq(again.kind, message->kind);
    ck_assert_int_eq(peer_message_channel(&again), peer_message_channel(message));
    buffer_release(bytes);
}

/* Each has every field of its type set, to a value of its own. */
static const struct raft_message raft_messages[] = {
    {.type = RAFT_PREVOTE, .term = 11, .last_index = 12, .last_term = 13},
    {.type = RAFT_PREVOTE_REPLY, .term = 21, .granted = true},
    {.type = RAFT_VOTE, .term = 31, .last_index = 32, .last_term = 33, .handover = true},
    {.type = RAFT_VOTE_REPLY, .term = 41, .granted = true},
    {.type = RAFT_APPEND,
     .term = 51,
     .prev_index = 52,
     .prev_term = 53,
     .prev_hash = {{54}},
     .entries_count = 2,
     .commit = 55},
    {.type = RAFT_APPEND, .term = 51, .prev_hash = {{0}}},
    {.type = RAFT_APPEND_REPLY,
     .term = 61,
     .prev_index = 62,
     .rejected = true,
     .match = 63,
     .received = 64,
     .hint_index = 65,
     .hint_term = 66,
     .round = 67,
     .lost = true,
     .wall_ms = 68},
    {.type = RAFT_HEARTBEAT, .term = 71, .commit = UINT64_MAX, .round = 72, .successor = 73},
    {.type = RAFT_TIMEOUT_NOW, .term = 81},
    {.type = RAFT_HEARTBEAT}, /* every field zero */
};

START_TEST(raft_round_trip)
{
    struct peer_message message = {.kind = PEER_MESSAGE_RAFT, .raft = raft_messages[_i]};

    message.blocks[0] = bytes_of("block one", 9);
    message.blocks[1] = bytes_of("", 0);
    round_trip(&message);
    struct raft_message want = raft_messages[_i];
    want.from = FROM;
    want.to = SELF;
    ck_assert_int_eq(again.raft.type, want.type);
    ck_assert_uint_eq(again.raft.from, want.from);
    ck_assert_uint_eq(again.raft.to, want.to);
    ck_assert_uint_eq(again.raft.term, want.term);
    ck_assert_uint_eq(again.raft.last_index, want.last_index);
    ck_assert_uint_eq(again.raft.last_term, want.last_term);
    ck_assert(again.raft.granted == want.granted);
    ck_assert_uint_eq(again.raft.prev_index, want.prev_index);
    ck_assert_uint_eq(again.raft.prev_term, want.prev_term);
    ck_assert_mem_eq(again.raft.prev_hash.bytes, want.prev_hash.bytes, 32);
    ck_assert_uint_eq(again.raft.entries_count, want.entries_count);
    ck_assert_uint_eq(again.raft.commit, want.commit);
    ck_assert(again.raft.rejected == want.rejected);
    ck_assert_uint_eq(again.raft.match, want.match);
    ck_assert_uint_eq(again.raft.received, want.received);
    ck_assert_uint_eq(again.raft.hint_index, want.hint_index);
    ck_assert_uint_eq(again.raft.hint_term, want.hint_term);
    ck_assert_uint_eq(again.raft.round, want.round);
    ck_assert_uint_eq(again.raft.successor, want.successor);
    ck_assert(again.raft.handover == want.handover);
    ck_assert(again.raft.lost == want.lost);
    ck_assert_uint_eq(again.raft.wall_ms, want.wall_ms);
    for (uint32_t i = 0; i < want.entries_count; i++)
        ck_assert(bytes_equal(again.blocks[i], message.blocks[i]));
    ck_assert_int_eq(peer_message_channel(&again),
                     want.entries_count > 0 ? PEER_BULK : PEER_CONTROL);
}
END_TEST

START_TEST(memory_round_trip)
{
    const struct peer_message question = {.kind = PEER_MESSAGE_MEMORY};
    const struct peer_message message = {
        .kind = PEER_MESSAGE_MEMORY,
        .memory = {
            .answer = true, .signed_size = 1, .match = 2, .last_index = 3, .last_term = 4}};

    round_trip(&question);
    ck_assert(!again.memory.answer);
    round_trip(&message);
    ck_assert(again.memory.answer);
    ck_assert_uint_eq(again.memory.signed_size, 1);
    ck_assert_uint_eq(again.memory.match, 2);
    ck_assert_uint_eq(again.memory.last_index, 3);
    ck_assert_uint_eq(again.memory.last_term, 4);
}
END_TEST

/* Goal: the sender's own members (from, to, after_persist) and those of other types stay home.
 */
START_TEST(what_is_not_of_its_type_is_not_sent)
{
    const struct peer_message plain = {.kind = PEER_MESSAGE_RAFT,
                                       .raft = {.type = RAFT_VOTE_REPLY, .term = 4}};
    struct peer_message full = plain;
    struct buffer *a = NULL, *b = NULL;

    memset(&full.raft, 1, sizeof full.raft);
    full.raft.type = RAFT_VOTE_REPLY;
    full.raft.term = 4;
    full.raft.granted = full.raft.rejected = full.raft.after_persist = false;
    full.raft.handover = full.raft.lost = false;
    ck_assert_int_eq(peer_message_encode(&plain, &a, NULL), TALLY_OK);
    ck_assert_int_eq(peer_message_encode(&full, &b, NULL), TALLY_OK);
    ck_assert(bytes_equal(buffer_bytes(a), buffer_bytes(b)));
    buffer_release(a);
    buffer_release(b);
}
END_TEST

START_TEST(other_messages)
{
    struct peer_message cosignature = {.kind = PEER_MESSAGE_COSIGNATURE,
                                       .cosignature = {.member = 7, .size = 99}};

    memset(cosignature.cosignature.root.bytes, 8, 32);
    memset(cosignature.cosignature.bytes, 9, PEER_COSIGNATURE_BYTES);
    round_trip(&cosignature);
    ck_assert_uint_eq(again.cosignature.member, 7);
    ck_assert_uint_eq(again.cosignature.size, 99);
    ck_assert_mem_eq(again.cosignature.root.bytes, cosignature.cosignature.root.bytes, 32);
    ck_assert_mem_eq(again.cosignature.bytes, cosignature.cosignature.bytes,
                     PEER_COSIGNATURE_BYTES);
}
END_TEST

START_TEST(sizes)
{
    uint8_t *block = calloc(1, PEER_NET_MESSAGE_MAX);
    struct peer_message message = {
        .kind = PEER_MESSAGE_RAFT,
        .raft = {.type = RAFT_APPEND, .entries_count = RAFT_BATCH_MAX}};
    struct buffer *bytes = NULL;

    for (size_t i = 0; i < RAFT_BATCH_MAX; i++) message.blocks[i] = bytes_of(block, i);
    round_trip(&message);
    ck_assert_uint_eq(again.raft.entries_count, RAFT_BATCH_MAX);
    message.raft.entries_count = 1;
    message.blocks[0] = bytes_of(block, LIMIT_BLOCK_SIZE + 1024);
    round_trip(&message);
    message.blocks[0] = bytes_of(block, PEER_NET_MESSAGE_MAX);
    ck_assert_int_eq(peer_message_encode(&message, &bytes, NULL), TALLY_E_TOO_LARGE);
    ck_assert_ptr_null(bytes);
    free(block);
}
END_TEST

/* Bytes that a member could send. Field numbers: proto/peer.proto. */
static const struct {
    const char *name, *hex;
    enum tally_err want;
} hostile[] = {
    {"heartbeat", "0a040807100b", TALLY_OK},
    {"nothing", "", TALLY_E_MALFORMED},
    {"no type", "0a00", TALLY_E_MALFORMED},
    {"type 9", "0a020809", TALLY_E_MALFORMED},
    {"heartbeat that grants", "0a0408072801", TALLY_E_MALFORMED},
    {"heartbeat with a block", "0a0508077a0161", TALLY_E_MALFORMED},
    {"vote with a commit", "0a0408034801", TALLY_E_MALFORMED},
    {"append without a hash", "0a020805", TALLY_E_MALFORMED},
    {"append with a short hash", "0a0508054201aa", TALLY_E_MALFORMED},
    {"unknown field", "0a0208071f", TALLY_E_MALFORMED},
    {"unknown field inside", "0a050807f80101", TALLY_E_MALFORMED},
    {"two bodies", "0a0208072200", TALLY_E_MALFORMED},
    {"field twice", "0a06080710011002", TALLY_E_MALFORMED},
    {"default written out", "0a0408071000", TALLY_E_MALFORMED},
    {"cosignature without a root", "1200", TALLY_E_MALFORMED},
    {"question for a memory", "1a00", TALLY_OK},
    {"body that does not exist", "2200", TALLY_E_MALFORMED},
};

START_TEST(hostile_bytes)
{
    uint8_t bytes[64];
    const size_t size = strlen(hostile[_i].hex) / 2;
    struct tally_diag diag = {""};

    ck_assert(bytes_unhex(hostile[_i].hex, 2 * size, bytes, size));
    again.kind = PEER_MESSAGE_MEMORY;
    again.memory.match = 77;
    const enum tally_err got =
        peer_message_decode(bytes_of(bytes, size), FROM, SELF, arena, &again, &diag);
    ck_assert_msg(got == hostile[_i].want, "case %s: %s", hostile[_i].name,
                  tally_err_text(got));
    ck_assert((got == TALLY_OK) == (diag.text[0] == '\0'));
    if (got != TALLY_OK) ck_assert_uint_eq(again.memory.match, 77); /* untouched */
}
END_TEST

START_TEST(too_many_blocks)
{
    uint8_t bytes[8 + 34 + 2 * (RAFT_BATCH_MAX + 1)];
    const size_t inner = 2 + 34 + 2 * (RAFT_BATCH_MAX + 1);
    struct bytes_writer writer = bytes_writer(bytes, sizeof bytes);

    bytes_put(&writer,
              (const uint8_t[]){0x0a, (uint8_t)(inner & 0x7f) | 0x80, (uint8_t)(inner >> 7)},
              3);
    bytes_put(&writer, (const uint8_t[]){0x08, RAFT_APPEND, 0x42, 32}, 4);
    for (int i = 0; i < 32; i++) bytes_put_u8(&writer, 1);
    for (int i = 0; i <= RAFT_BATCH_MAX; i++) bytes_put(&writer, (const uint8_t[]){0x7a, 0}, 2);
    ck_assert(!writer.bad);
    ck_assert_int_eq(
        peer_message_decode(bytes_of(bytes, writer.at), FROM, SELF, arena, &again, NULL),
        TALLY_E_MALFORMED);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("peer_codec");
    TCase *tc = tcase_create("codec");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, raft_round_trip, 0, sizeof raft_messages / sizeof raft_messages[0]);
    tcase_add_test(tc, memory_round_trip);
    tcase_add_test(tc, what_is_not_of_its_type_is_not_sent);
    tcase_add_test(tc, other_messages);
    tcase_add_test(tc, sizes);
    tcase_add_loop_test(tc, hostile_bytes, 0, sizeof hostile / sizeof hostile[0]);
    tcase_add_test(tc, too_many_blocks);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
