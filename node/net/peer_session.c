#include "net/peer_session.h"

#include <string.h>

#include "base/assert.h"
#include "crypto/secret.h"

/* Every frame begins with: u8 version, u8 kind, u8 channel, u8 zero, u32 from, u32 to. */
enum { FRAME_VERSION = 1, FRAME_START_SIZE = 12 };
enum frame_kind { FRAME_KNOCK = 1, FRAME_HELLO = 2, FRAME_MESSAGE = 3 };

_Static_assert(PEER_FRAME_HEADER_SIZE == FRAME_START_SIZE + SESSION_ID_BYTES + 8, "header");
_Static_assert(PEER_FRAME_MAC_SIZE == SESSION_TAG_BYTES, "tag");
_Static_assert(PEER_RANDOM_SIZE == SESSION_NONCE_BYTES + 32, "a nonce and a seed");
_Static_assert(PEER_KNOCK_SIZE == FRAME_START_SIZE + TALLY_HASH_BYTES + SESSION_NONCE_BYTES,
               "knock");
_Static_assert(PEER_HELLO_SIZE == FRAME_START_SIZE + TALLY_HASH_BYTES + 8 +
                                      SESSION_EPHEMERAL_BYTES + 2 * SESSION_NONCE_BYTES +
                                      SIGN_SIGNATURE_BYTES,
               "hello");

static void put_start(struct bytes_writer *writer, const struct peer_session *session,
                      enum frame_kind kind, enum peer_channel channel)
{
    bytes_put_u8(writer, FRAME_VERSION);
    bytes_put_u8(writer, (uint8_t)kind);
    bytes_put_u8(writer, (uint8_t)channel);
    bytes_put_u8(writer, 0);
    bytes_put_u32(writer, session->config.self);
    bytes_put_u32(writer, session->config.peer);
}

void peer_session_init(struct peer_session *session, const struct peer_session_config *config)
{
    ASSERT(config->self != 0);
    ASSERT(config->peer != 0);
    ASSERT(config->self != config->peer);
    memset(session, 0, sizeof *session);
    session->config = *config;
}

void peer_session_wipe(struct peer_session *session)
{
    secret_wipe(session, sizeof *session);
}

uint32_t peer_frame_sender(struct bytes frame)
{
    struct bytes_reader reader = bytes_reader(frame.data, frame.size);
    const uint8_t version = bytes_get_u8(&reader);

    (void)bytes_get(&reader, 3);
    const uint32_t from = bytes_get_u32(&reader);
    return reader.bad || version != FRAME_VERSION ? 0 : from;
}

enum peer_channel peer_frame_channel(struct bytes frame)
{
    return frame.size >= FRAME_START_SIZE && frame.data[2] == PEER_CONTROL ? PEER_CONTROL
                                                                           : PEER_BULK;
}

/* The nonce that the peer is to repeat. It stays the same until a session uses it up, so that
 * a Knock and an answer that crossed on the way still meet. */
static void attempt_ensure(struct peer_session *session, const uint8_t *random)
{
    if (session->attempt.used) return;
    memcpy(session->attempt.nonce, random, SESSION_NONCE_BYTES);
    session_ephemeral_from_seed(random + SESSION_NONCE_BYTES, &session->attempt.ephemeral);
    session->attempt.used = true;
}

static size_t put_knock(struct peer_session *session, uint64_t now_ms, const uint8_t *random,
                        uint8_t *ret_knock)
{
    struct bytes_writer writer = bytes_writer(ret_knock, PEER_KNOCK_SIZE);

    attempt_ensure(session, random);
    put_start(&writer, session, FRAME_KNOCK, PEER_CONTROL);
    bytes_put(&writer, session->config.ledger_id, TALLY_HASH_BYTES);
    bytes_put(&writer, session->attempt.nonce, SESSION_NONCE_BYTES);
    ASSERT(!writer.bad && writer.at == PEER_KNOCK_SIZE);
    session->knock_at_ms = now_ms + PEER_KNOCK_MS;
    return PEER_KNOCK_SIZE;
}

/* Our Hello of `attempt` as an answer to `peer_nonce`. The same arguments give the same bytes,
 * so a lost Hello is simply made again. */
static size_t put_hello(const struct peer_session *session, const struct peer_attempt *attempt,
                        const uint8_t *peer_nonce, uint8_t *ret_hello)
{
    struct session_hello hello = {
        .node_id = session->config.self,
        .receiver_id = session->config.peer,
        .incarnation = session->config.self_incarnation,
    };
    uint8_t signature[SIGN_SIGNATURE_BYTES];
    struct bytes_writer writer = bytes_writer(ret_hello, PEER_HELLO_SIZE);

    memcpy(hello.ledger_id.bytes, session->config.ledger_id, sizeof hello.ledger_id.bytes);
    memcpy(hello.ephemeral, attempt->ephemeral.public_key, sizeof hello.ephemeral);
    memcpy(hello.own_nonce, attempt->nonce, sizeof hello.own_nonce);
    memcpy(hello.nonce, peer_nonce, sizeof hello.nonce);
    session_hello_sign(&hello, &session->config.self_key, signature);

    put_start(&writer, session, FRAME_HELLO, PEER_CONTROL);
    bytes_put(&writer, hello.ledger_id.bytes, sizeof hello.ledger_id.bytes);
    bytes_put_u64(&writer, hello.incarnation);
    bytes_put(&writer, hello.ephemeral, sizeof hello.ephemeral);
    bytes_put(&writer, hello.own_nonce, sizeof hello.own_nonce);
    bytes_put(&writer, hello.nonce, sizeof hello.nonce);
    bytes_put(&writer, signature, sizeof signature);
    ASSERT(!writer.bad && writer.at == PEER_HELLO_SIZE);
    return PEER_HELLO_SIZE;
}

size_t peer_session_tick(struct peer_session *session, uint64_t now_ms, const uint8_t *random,
                         uint8_t ret_knock[PEER_KNOCK_SIZE])
{
    if (session->established || now_ms < session->knock_at_ms) return 0;
    return put_knock(session, now_ms, random, ret_knock);
}

/* A Knock is not signed: it may cost us a Hello, never a session that stands. */
static enum peer_drop receive_knock(struct peer_session *session, uint64_t now_ms,
                                    const uint8_t *random, struct bytes_reader *reader,
                                    struct peer_received *received)
{
    const uint8_t *ledger_id = bytes_get(reader, TALLY_HASH_BYTES);
    const uint8_t *nonce = bytes_get(reader, SESSION_NONCE_BYTES);

    if (!bytes_reader_done(reader)) return PEER_DROP_FORMAT;
    if (memcmp(ledger_id, session->config.ledger_id, TALLY_HASH_BYTES) != 0)
        return PEER_DROP_LEDGER;
    if (now_ms < session->hello_at_ms) return PEER_DROP_RATE;
    session->hello_at_ms = now_ms + PEER_HELLO_MS;

    /* The nonce of the session that stands: our Hello was lost, and the peer still waits. */
    const bool again =
        session->established && memcmp(nonce, session->peer_nonce, SESSION_NONCE_BYTES) == 0;
    if (!again) attempt_ensure(session, random);
    received->reply_size =
        put_hello(session, again ? &session->mine : &session->attempt, nonce, received->reply);
    return PEER_DROP_NONE;
}

/* Replace whatever stood by the session of our attempt and the peer's Hello. */
static bool establish(struct peer_session *session, uint64_t now_ms,
                      const struct session_hello *hello)
{
    struct session fresh;

    if (session_derive(&session->attempt.ephemeral, hello->ephemeral,
                       session->config.self < session->config.peer, &fresh) != TALLY_OK)
        return false;
    session_wipe(&session->session);
    session->session = fresh;
    session_wipe(&fresh);
    session->mine = session->attempt;
    secret_wipe(session->mine.ephemeral.secret, sizeof session->mine.ephemeral.secret);
    secret_wipe(&session->attempt, sizeof session->attempt);
    memcpy(session->peer_nonce, hello->own_nonce, SESSION_NONCE_BYTES);
    session->established = true;
    session->heard_ms = now_ms;
    return true;
}

/* Cheap comparisons first: only a Hello that repeats our unused nonce costs a verification. */
static enum peer_drop receive_hello(struct peer_session *session, uint64_t now_ms,
                                    struct bytes_reader *reader, struct peer_received *received)
{
    struct session_hello hello = {.node_id = session->config.peer,
                                  .receiver_id = session->config.self};

    bytes_get_copy(reader, hello.ledger_id.bytes, sizeof hello.ledger_id.bytes);
    hello.incarnation = bytes_get_u64(reader);
    bytes_get_copy(reader, hello.ephemeral, sizeof hello.ephemeral);
    bytes_get_copy(reader, hello.own_nonce, sizeof hello.own_nonce);
    bytes_get_copy(reader, hello.nonce, sizeof hello.nonce);
    const uint8_t *signature = bytes_get(reader, SIGN_SIGNATURE_BYTES);

    if (!bytes_reader_done(reader)) return PEER_DROP_FORMAT;
    if (memcmp(hello.ledger_id.bytes, session->config.ledger_id, TALLY_HASH_BYTES) != 0)
        return PEER_DROP_LEDGER;
    if (!session->attempt.used ||
        memcmp(hello.nonce, session->attempt.nonce, SESSION_NONCE_BYTES) != 0)
        return PEER_DROP_NONCE;
    if (session_hello_verify(&hello, session->config.peer_key, signature,
                             SIGN_SIGNATURE_BYTES) != TALLY_OK)
        return PEER_DROP_SIGNATURE;
    if (hello.incarnation != session->config.peer_incarnation) return PEER_DROP_INCARNATION;
    if (!establish(session, now_ms, &hello)) return PEER_DROP_SIGNATURE;

    /* The peer may not have our Hello for its nonce yet; if it has, this one is stale there. */
    received->reply_size =
        put_hello(session, &session->mine, session->peer_nonce, received->reply);
    received->established = true;
    return PEER_DROP_NONE;
}

/* A frame of a session that we do not hold. One of us may have missed the other's last Hello;
 * but frames of the session before are on their way for a while after each new one, so only
 * silence on the current one is a reason to knock. */
static enum peer_drop receive_stray(struct peer_session *session, uint64_t now_ms,
                                    const uint8_t *random, struct peer_received *received)
{
    const bool silent = session->established && now_ms >= session->heard_ms + PEER_SILENT_MS;

    if (silent && now_ms >= session->knock_at_ms)
        received->reply_size = put_knock(session, now_ms, random, received->reply);
    return PEER_DROP_SESSION;
}

static enum peer_drop receive_message(struct peer_session *session, uint64_t now_ms,
                                      const uint8_t *random, uint8_t channel,
                                      struct bytes_reader *reader,
                                      struct peer_received *received)
{
    const uint8_t *id = bytes_get(reader, SESSION_ID_BYTES);
    const uint64_t counter = bytes_get_u64(reader);

    if (reader->bad || reader->size - reader->at < SESSION_TAG_BYTES) return PEER_DROP_FORMAT;
    if (channel >= PEER_CHANNELS) return PEER_DROP_FORMAT;
    const size_t size = reader->size - reader->at - SESSION_TAG_BYTES;
    const uint8_t *payload = bytes_get(reader, size);
    const uint8_t *tag = bytes_get(reader, SESSION_TAG_BYTES);

    if (!session->established || memcmp(id, session->session.id, SESSION_ID_BYTES) != 0)
        return receive_stray(session, now_ms, random, received);
    switch (session_open(&session->session, channel, counter, payload, size, tag,
                         SESSION_TAG_BYTES)) {
    case TALLY_OK:
        break;
    case TALLY_E_STALE:
        return PEER_DROP_COUNTER;
    default:
        return PEER_DROP_MAC;
    }
    session->heard_ms = now_ms;
    received->message = true;
    received->channel = (enum peer_channel)channel;
    received->payload = bytes_of(payload, size);
    return PEER_DROP_NONE;
}

void peer_session_receive(struct peer_session *session, uint64_t now_ms, const uint8_t *random,
                          struct bytes frame, struct peer_received *ret_received)
{
    struct bytes_reader reader = bytes_reader(frame.data, frame.size);
    const uint8_t version = bytes_get_u8(&reader);
    const uint8_t kind = bytes_get_u8(&reader);
    const uint8_t channel = bytes_get_u8(&reader);
    const uint8_t zero = bytes_get_u8(&reader);
    const uint32_t from = bytes_get_u32(&reader);
    const uint32_t to = bytes_get_u32(&reader);

    memset(ret_received, 0, sizeof *ret_received);
    if (reader.bad || version != FRAME_VERSION || zero != 0) {
        ret_received->drop = PEER_DROP_FORMAT;
    } else if (from != session->config.peer || to != session->config.self) {
        ret_received->drop = PEER_DROP_ADDRESS;
    } else if (kind == FRAME_KNOCK && channel == PEER_CONTROL) {
        ret_received->drop = receive_knock(session, now_ms, random, &reader, ret_received);
    } else if (kind == FRAME_HELLO && channel == PEER_CONTROL) {
        ret_received->drop = receive_hello(session, now_ms, &reader, ret_received);
    } else if (kind == FRAME_MESSAGE) {
        ret_received->drop =
            receive_message(session, now_ms, random, channel, &reader, ret_received);
    } else {
        ret_received->drop = PEER_DROP_FORMAT;
    }
}

bool peer_session_seal(struct peer_session *session, enum peer_channel channel,
                       struct bytes payload, uint8_t *ret_frame)
{
    if (!session->established) return false;

    uint64_t counter;
    uint8_t tag[SESSION_TAG_BYTES];
    struct bytes_writer writer = bytes_writer(ret_frame, payload.size + PEER_FRAME_OVERHEAD);

    session_seal(&session->session, (enum session_channel)channel, payload.data, payload.size,
                 &counter, tag);
    put_start(&writer, session, FRAME_MESSAGE, channel);
    bytes_put(&writer, session->session.id, SESSION_ID_BYTES);
    bytes_put_u64(&writer, counter);
    bytes_put(&writer, payload.data, payload.size);
    bytes_put(&writer, tag, sizeof tag);
    ASSERT(!writer.bad && writer.at == payload.size + PEER_FRAME_OVERHEAD);
    return true;
}
