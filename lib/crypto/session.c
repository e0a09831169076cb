#include "crypto/session.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include <sodium.h>
#include <string.h>

_Static_assert(crypto_kx_PUBLICKEYBYTES == SESSION_EPHEMERAL_BYTES, "ephemeral size");
_Static_assert(crypto_kx_SECRETKEYBYTES == sizeof((struct session_ephemeral *)0)->secret,
               "ephemeral secret size");
_Static_assert(crypto_kx_SESSIONKEYBYTES == crypto_kdf_KEYBYTES, "kx keys are kdf masters");
_Static_assert(SESSION_MAC_KEY_BYTES <= crypto_generichash_KEYBYTES_MAX, "MAC key size");

#define HELLO_LABEL "tally/hello/v1\n"
#define HELLO_BYTES                                                                            \
    (sizeof HELLO_LABEL - 1 + TALLY_HASH_BYTES + 4 + 4 + 8 + SESSION_EPHEMERAL_BYTES +         \
     SESSION_NONCE_BYTES + SESSION_NONCE_BYTES)

static const char kdf_context[crypto_kdf_CONTEXTBYTES] = {'t', 'a', 'l', 'l',
                                                          'y', 'm', 'a', 'c'};

void session_ephemeral_new(struct session_ephemeral *ret_ephemeral)
{
    const int failed = crypto_kx_keypair(ret_ephemeral->public_key, ret_ephemeral->secret);

    ASSERT(failed == 0);
}

void session_ephemeral_from_seed(const uint8_t seed[32],
                                 struct session_ephemeral *ret_ephemeral)
{
    _Static_assert(crypto_kx_SEEDBYTES == 32, "ephemeral seed size");
    const int failed =
        crypto_kx_seed_keypair(ret_ephemeral->public_key, ret_ephemeral->secret, seed);

    ASSERT(failed == 0);
}

void session_ephemeral_wipe(struct session_ephemeral *ephemeral)
{
    secret_wipe(ephemeral, sizeof *ephemeral);
}

static void hello_message(const struct session_hello *hello, uint8_t ret_message[HELLO_BYTES])
{
    struct bytes_writer writer = bytes_writer(ret_message, HELLO_BYTES);

    bytes_put(&writer, HELLO_LABEL, sizeof HELLO_LABEL - 1);
    bytes_put(&writer, hello->ledger_id.bytes, sizeof hello->ledger_id.bytes);
    bytes_put_u32(&writer, hello->node_id);
    bytes_put_u32(&writer, hello->receiver_id);
    bytes_put_u64(&writer, hello->incarnation);
    bytes_put(&writer, hello->ephemeral, sizeof hello->ephemeral);
    bytes_put(&writer, hello->own_nonce, sizeof hello->own_nonce);
    bytes_put(&writer, hello->nonce, sizeof hello->nonce);
    ASSERT(!writer.bad && writer.at == HELLO_BYTES);
}

void session_hello_sign(const struct session_hello *hello, const struct sign_key *peer_key,
                        uint8_t ret_signature[SIGN_SIGNATURE_BYTES])
{
    uint8_t message[HELLO_BYTES];

    hello_message(hello, message);
    sign_detached(peer_key, message, sizeof message, ret_signature);
}

enum tally_err session_hello_verify(const struct session_hello *hello,
                                    const uint8_t peer_public[SIGN_PUBLIC_BYTES],
                                    const void *signature, size_t signature_size)
{
    uint8_t message[HELLO_BYTES];

    hello_message(hello, message);
    return sign_verify(peer_public, message, sizeof message, signature, signature_size);
}

/* SHA-256("tally/session/v1" || 0x00 || first's ephemeral || second's), cut. */
static void session_id(const uint8_t *first, const uint8_t *second,
                       uint8_t ret_id[SESSION_ID_BYTES])
{
    uint8_t both[SESSION_EPHEMERAL_BYTES + SESSION_EPHEMERAL_BYTES];
    struct tally_hash hash;

    memcpy(both, first, SESSION_EPHEMERAL_BYTES);
    memcpy(both + SESSION_EPHEMERAL_BYTES, second, SESSION_EPHEMERAL_BYTES);
    hash_tagged("tally/session/v1", both, sizeof both, &hash);
    memcpy(ret_id, hash.bytes, SESSION_ID_BYTES);
}

enum tally_err session_derive(const struct session_ephemeral *own,
                              const uint8_t other_ephemeral[SESSION_EPHEMERAL_BYTES],
                              bool first, struct session *ret_session)
{
    uint8_t receive[crypto_kx_SESSIONKEYBYTES];
    uint8_t send[crypto_kx_SESSIONKEYBYTES];
    struct session session = {0};

    /* "client" and "server" only say whose public key is hashed first. */
    const int failed = first ? crypto_kx_client_session_keys(receive, send, own->public_key,
                                                             own->secret, other_ephemeral)
                             : crypto_kx_server_session_keys(receive, send, own->public_key,
                                                             own->secret, other_ephemeral);
    if (failed != 0) return TALLY_E_INVALID;

    for (uint32_t channel = 0; channel < SESSION_CHANNELS; channel++) {
        crypto_kdf_derive_from_key(session.send_key[channel], SESSION_MAC_KEY_BYTES,
                                   channel + 1, kdf_context, send);
        crypto_kdf_derive_from_key(session.receive_key[channel], SESSION_MAC_KEY_BYTES,
                                   channel + 1, kdf_context, receive);
    }
    if (first)
        session_id(own->public_key, other_ephemeral, session.id);
    else
        session_id(other_ephemeral, own->public_key, session.id);
    *ret_session = session;
    secret_wipe(receive, sizeof receive);
    secret_wipe(send, sizeof send);
    session_wipe(&session);
    return TALLY_OK;
}

void session_wipe(struct session *session)
{
    secret_wipe(session, sizeof *session);
}

/* Keyed BLAKE2b-256 over session id || u8 channel || u64 counter || payload. The head has a
 * fixed size, so no two messages share an input. */
static void message_tag(const uint8_t key[SESSION_MAC_KEY_BYTES],
                        const uint8_t id[SESSION_ID_BYTES], uint32_t channel, uint64_t counter,
                        const void *payload, size_t size, uint8_t ret_tag[SESSION_TAG_BYTES])
{
    uint8_t head[SESSION_ID_BYTES + 1 + 8];
    crypto_generichash_state state;
    struct bytes_writer writer = bytes_writer(head, sizeof head);

    bytes_put(&writer, id, SESSION_ID_BYTES);
    bytes_put_u8(&writer, (uint8_t)channel);
    bytes_put_u64(&writer, counter);
    ASSERT(!writer.bad && writer.at == sizeof head);
    crypto_generichash_init(&state, key, SESSION_MAC_KEY_BYTES, SESSION_TAG_BYTES);
    crypto_generichash_update(&state, head, sizeof head);
    if (size > 0) crypto_generichash_update(&state, payload, size);
    crypto_generichash_final(&state, ret_tag, SESSION_TAG_BYTES);
}

void session_seal(struct session *session, enum session_channel channel, const void *payload,
                  size_t size, uint64_t *ret_counter, uint8_t ret_tag[SESSION_TAG_BYTES])
{
    ASSERT(channel < SESSION_CHANNELS);
    ASSERT(session->sent[channel] < UINT64_MAX);
    *ret_counter = ++session->sent[channel];
    message_tag(session->send_key[channel], session->id, channel, *ret_counter, payload, size,
                ret_tag);
}

enum tally_err session_open(struct session *session, uint32_t channel, uint64_t counter,
                            const void *payload, size_t size, const void *tag, size_t tag_size)
{
    uint8_t want[SESSION_TAG_BYTES];

    if (channel >= SESSION_CHANNELS || tag_size != SESSION_TAG_BYTES) return TALLY_E_MALFORMED;
    message_tag(session->receive_key[channel], session->id, channel, counter, payload, size,
                want);
    if (!secret_equal(want, tag, sizeof want)) return TALLY_E_SIGNATURE;
    if (counter <= session->received[channel]) return TALLY_E_STALE;
    session->received[channel] = counter;
    return TALLY_OK;
}
