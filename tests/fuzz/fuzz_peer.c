/* Any bytes between members. The first byte chooses: a message (what decodes encodes again to
 * the same size), frames for a session that stands and for one that does not (none gets
 * through), or a change to an honest frame (it is noticed). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "net/peer_codec.h"
#include "net/peer_net.h"
#include "net/peer_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { A = 1, B = 2 };

static const char honest_text[] = "an honest message";
enum { HONEST_SIZE = sizeof honest_text + PEER_FRAME_OVERHEAD };

static void try_message(struct bytes bytes)
{
    struct arena *arena = NULL;
    static struct peer_message message;
    struct buffer *encoded = NULL;

    if (arena_open(0, &arena) != TALLY_OK) return;
    if (peer_message_decode(bytes, A, B, arena, &message, NULL) == TALLY_OK) {
        ASSERT(message.raft.from == A && message.raft.to == B);
        ASSERT(message.raft.entries_count <= RAFT_BATCH_MAX);
        ASSERT(peer_message_encode(&message, &encoded, NULL) == TALLY_OK);
        ASSERT(encoded->size == bytes.size);
        buffer_release(encoded);
    }
    arena_close(arena);
}

static void session_init(struct peer_session *session, uint32_t self, uint32_t peer)
{
    struct peer_session_config config = {.self = self, .peer = peer};
    struct sign_key key;
    uint8_t seed[32];

    memset(seed, (int)peer, sizeof seed);
    sign_keypair_from_seed(seed, &key);
    memcpy(config.peer_key, key.public_key, sizeof config.peer_key);
    memset(seed, (int)self, sizeof seed);
    sign_keypair_from_seed(seed, &config.self_key);
    peer_session_init(session, &config);
}

/* Two members with a session, and a third state without one; made once, since keys are slow. */
static void sessions(struct peer_session *a, struct peer_session *b, struct peer_session *none)
{
    static struct peer_session kept[3];
    uint8_t random[PEER_RANDOM_SIZE] = {1};
    uint8_t knock[PEER_KNOCK_SIZE];
    struct peer_received to_b, to_a, last;

    if (!kept[0].established) {
        ASSERT(sign_init() == TALLY_OK);
        session_init(&kept[0], A, B);
        session_init(&kept[1], B, A);
        session_init(&kept[2], A, B);
        const size_t size = peer_session_tick(&kept[0], 1, random, knock);
        random[0] = 2;
        peer_session_receive(&kept[1], 1, random, bytes_of(knock, size), &to_b);
        peer_session_receive(&kept[0], 1, random, bytes_of(to_b.reply, to_b.reply_size), &to_a);
        peer_session_receive(&kept[1], 1, random, bytes_of(to_a.reply, to_a.reply_size), &last);
        ASSERT(kept[0].established && kept[1].established);
        random[0] = 3;
        ASSERT(peer_session_tick(&kept[2], 1, random, knock) > 0);
    }
    *a = kept[0];
    *b = kept[1];
    *none = kept[2];
}

/* Frames of u16 size each; one in two gets a start that names the right members. */
static void try_frames(struct bytes bytes)
{
    struct bytes_reader reader = bytes_reader(bytes.data, bytes.size);
    struct peer_session a, b, none;
    uint64_t now_ms = 1000;

    sessions(&a, &b, &none);
    while (!reader.bad && reader.at < reader.size) {
        const uint16_t head = bytes_get_u16(&reader);
        const size_t size = head & 0x3ff;
        const uint8_t *data = bytes_get(&reader, size);
        if (data == NULL) break;
        uint8_t *frame = malloc(size + 1); /* exact, so that a sanitizer sees over-reads */
        memcpy(frame, data, size);
        if ((head & 0x8000) != 0 && size >= 12) {
            const uint8_t start[12] = {1, frame[1] % 4, frame[2], 0, 0, 0, 0, B, 0, 0, 0, A};
            memcpy(frame, start, sizeof start);
        }
        uint8_t random[PEER_RANDOM_SIZE];
        memset(random, (int)reader.at, sizeof random);
        struct peer_received received;
        peer_session_receive(&a, now_ms, random, bytes_of(frame, size), &received);
        ASSERT(!received.message && !received.established && a.established);
        peer_session_receive(&none, now_ms, random, bytes_of(frame, size), &received);
        ASSERT(!received.message && !received.established && !none.established);
        now_ms += head >> 10;
        free(frame);
    }
}

static void try_change(struct bytes mask)
{
    struct peer_session a, b, none;
    uint8_t frame[HONEST_SIZE];
    const uint8_t random[PEER_RANDOM_SIZE] = {9};
    struct peer_received received;
    bool changed = false;

    sessions(&a, &b, &none);
    ASSERT(
        peer_session_seal(&b, PEER_CONTROL, bytes_of(honest_text, sizeof honest_text), frame));
    for (size_t i = 0; i < mask.size && i < sizeof frame; i++) {
        frame[i] ^= mask.data[i];
        if (mask.data[i] != 0) changed = true;
    }
    peer_session_receive(&a, 1000, random, bytes_of(frame, sizeof frame), &received);
    ASSERT(received.message == !changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const struct bytes rest = bytes_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        try_message(rest);
    else if (data[0] % 3 == 1)
        try_frames(rest);
    else
        try_change(rest);
    return 0;
}
