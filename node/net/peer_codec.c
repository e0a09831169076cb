#include "net/peer_codec.h"

#include <string.h>

#include "base/assert.h"
#include "client/proto.h"
#include "net/peer_net.h"
#include "peer.pb-c.h"

_Static_assert((int)RAFT_PREVOTE == (int)TALLY__RAFT_TYPE__RAFT_TYPE_PREVOTE, "type");
_Static_assert((int)RAFT_PREVOTE_REPLY == (int)TALLY__RAFT_TYPE__RAFT_TYPE_PREVOTE_REPLY,
               "type");
_Static_assert((int)RAFT_VOTE == (int)TALLY__RAFT_TYPE__RAFT_TYPE_VOTE, "type");
_Static_assert((int)RAFT_VOTE_REPLY == (int)TALLY__RAFT_TYPE__RAFT_TYPE_VOTE_REPLY, "type");
_Static_assert((int)RAFT_APPEND == (int)TALLY__RAFT_TYPE__RAFT_TYPE_APPEND, "type");
_Static_assert((int)RAFT_APPEND_REPLY == (int)TALLY__RAFT_TYPE__RAFT_TYPE_APPEND_REPLY, "type");
_Static_assert((int)RAFT_HEARTBEAT == (int)TALLY__RAFT_TYPE__RAFT_TYPE_HEARTBEAT, "type");
_Static_assert((int)RAFT_TIMEOUT_NOW == (int)TALLY__RAFT_TYPE__RAFT_TYPE_TIMEOUT_NOW, "type");

/* A message while it is packed. */
struct wire {
    Tally__PeerMessage message;
    Tally__RaftMessage raft;
    Tally__Cosignature cosignature;
    Tally__Memory memory;
    ProtobufCBinaryData blocks[RAFT_BATCH_MAX];
};

static ProtobufCBinaryData data_of(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

enum peer_channel peer_message_channel(const struct peer_message *message)
{
    return message->kind == PEER_MESSAGE_RAFT && message->raft.type == RAFT_APPEND &&
                   message->raft.entries_count > 0
               ? PEER_BULK
               : PEER_CONTROL;
}

/* ---- encoding ---- */

static void fill_append(const struct peer_message *from, struct wire *wire)
{
    const struct raft_message *raft = &from->raft;

    ASSERT(raft->entries_count <= RAFT_BATCH_MAX);
    wire->raft.prev_index = raft->prev_index;
    wire->raft.prev_term = raft->prev_term;
    wire->raft.prev_hash = data_of(raft->prev_hash.bytes, sizeof raft->prev_hash.bytes);
    wire->raft.commit = raft->commit;
    for (uint32_t i = 0; i < raft->entries_count; i++)
        wire->blocks[i] = data_of(from->blocks[i].data, from->blocks[i].size);
    wire->raft.n_blocks = raft->entries_count;
    wire->raft.blocks = wire->blocks;
}

static void fill_raft(const struct peer_message *from, struct wire *wire)
{
    const struct raft_message *raft = &from->raft;

    tally__raft_message__init(&wire->raft);
    wire->raft.type = (Tally__RaftType)raft->type;
    wire->raft.term = raft->term;
    switch (raft->type) {
    case RAFT_VOTE:
        wire->raft.handover = raft->handover;
        wire->raft.last_index = raft->last_index;
        wire->raft.last_term = raft->last_term;
        return;
    case RAFT_PREVOTE:
        wire->raft.last_index = raft->last_index;
        wire->raft.last_term = raft->last_term;
        return;
    case RAFT_PREVOTE_REPLY:
    case RAFT_VOTE_REPLY:
        wire->raft.granted = raft->granted;
        return;
    case RAFT_APPEND:
        fill_append(from, wire);
        return;
    case RAFT_APPEND_REPLY:
        wire->raft.prev_index = raft->prev_index;
        wire->raft.rejected = raft->rejected;
        wire->raft.match = raft->match;
        wire->raft.received = raft->received;
        wire->raft.hint_index = raft->hint_index;
        wire->raft.hint_term = raft->hint_term;
        wire->raft.round = raft->round;
        wire->raft.lost = raft->lost;
        wire->raft.wall_ms = raft->wall_ms;
        return;
    case RAFT_HEARTBEAT:
        wire->raft.commit = raft->commit;
        wire->raft.round = raft->round;
        wire->raft.successor = raft->successor;
        return;
    case RAFT_TIMEOUT_NOW:
        return;
    }
    UNREACHABLE("type of a raft message");
}

static void fill(const struct peer_message *from, struct wire *wire)
{
    tally__peer_message__init(&wire->message);
    switch (from->kind) {
    case PEER_MESSAGE_RAFT:
        fill_raft(from, wire);
        wire->message.body_case = TALLY__PEER_MESSAGE__BODY_RAFT;
        wire->message.raft = &wire->raft;
        return;
    case PEER_MESSAGE_COSIGNATURE:
        tally__cosignature__init(&wire->cosignature);
        wire->cosignature.member = from->cosignature.member;
        wire->cosignature.size = from->cosignature.size;
        wire->cosignature.root =
            data_of(from->cosignature.root.bytes, sizeof from->cosignature.root.bytes);
        wire->cosignature.signature =
            data_of(from->cosignature.bytes, sizeof from->cosignature.bytes);
        wire->message.body_case = TALLY__PEER_MESSAGE__BODY_COSIGNATURE;
        wire->message.cosignature = &wire->cosignature;
        return;
    case PEER_MESSAGE_MEMORY:
        tally__memory__init(&wire->memory);
        wire->memory.answer = from->memory.answer;
        wire->memory.signed_size = from->memory.signed_size;
        wire->memory.match = from->memory.match;
        wire->memory.last_index = from->memory.last_index;
        wire->memory.last_term = from->memory.last_term;
        wire->message.body_case = TALLY__PEER_MESSAGE__BODY_MEMORY;
        wire->message.memory = &wire->memory;
        return;
    }
    UNREACHABLE("kind of a peer message");
}

enum tally_err peer_message_encode(const struct peer_message *message,
                                   struct buffer **ret_bytes, struct tally_diag *diag)
{
    struct wire wire;

    fill(message, &wire);
    return proto_encode(&wire.message, PEER_NET_MESSAGE_MAX, ret_bytes, diag);
}

/* ---- decoding ---- */

static enum tally_err refuse(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "%s", what);
    return TALLY_E_MALFORMED;
}

static enum tally_err take_append(const Tally__RaftMessage *from, struct peer_message *to,
                                  struct tally_diag *diag)
{
    if (from->prev_hash.len != sizeof to->raft.prev_hash.bytes)
        return refuse(diag, "prev_hash has 32 bytes");
    if (from->n_blocks > RAFT_BATCH_MAX) return refuse(diag, "too many blocks");
    to->raft.prev_index = from->prev_index;
    to->raft.prev_term = from->prev_term;
    memcpy(to->raft.prev_hash.bytes, from->prev_hash.data, sizeof to->raft.prev_hash.bytes);
    to->raft.commit = from->commit;
    to->raft.entries_count = (uint32_t)from->n_blocks;
    for (size_t i = 0; i < from->n_blocks; i++)
        to->blocks[i] = bytes_of(from->blocks[i].data, from->blocks[i].len);
    return TALLY_OK;
}

static enum tally_err take_raft(const Tally__RaftMessage *from, struct peer_message *to,
                                struct tally_diag *diag)
{
    to->kind = PEER_MESSAGE_RAFT;
    to->raft.type = (enum raft_message_type)from->type;
    to->raft.term = from->term;
    switch (from->type) {
    case TALLY__RAFT_TYPE__RAFT_TYPE_VOTE:
        to->raft.handover = from->handover != 0;
        to->raft.last_index = from->last_index;
        to->raft.last_term = from->last_term;
        return TALLY_OK;
    case TALLY__RAFT_TYPE__RAFT_TYPE_PREVOTE:
        to->raft.last_index = from->last_index;
        to->raft.last_term = from->last_term;
        return TALLY_OK;
    case TALLY__RAFT_TYPE__RAFT_TYPE_PREVOTE_REPLY:
    case TALLY__RAFT_TYPE__RAFT_TYPE_VOTE_REPLY:
        to->raft.granted = from->granted != 0;
        return TALLY_OK;
    case TALLY__RAFT_TYPE__RAFT_TYPE_APPEND:
        return take_append(from, to, diag);
    case TALLY__RAFT_TYPE__RAFT_TYPE_APPEND_REPLY:
        to->raft.prev_index = from->prev_index;
        to->raft.rejected = from->rejected != 0;
        to->raft.match = from->match;
        to->raft.received = from->received;
        to->raft.hint_index = from->hint_index;
        to->raft.hint_term = from->hint_term;
        to->raft.round = from->round;
        to->raft.lost = from->lost != 0;
        to->raft.wall_ms = from->wall_ms;
        return TALLY_OK;
    case TALLY__RAFT_TYPE__RAFT_TYPE_HEARTBEAT:
        to->raft.commit = from->commit;
        to->raft.round = from->round;
        to->raft.successor = from->successor;
        return TALLY_OK;
    case TALLY__RAFT_TYPE__RAFT_TYPE_TIMEOUT_NOW:
        return TALLY_OK;
    case TALLY__RAFT_TYPE__RAFT_TYPE_UNSPECIFIED:
    default:
        return refuse(diag, "no such raft message");
    }
}

static enum tally_err take_cosignature(const Tally__Cosignature *from, struct peer_message *to,
                                       struct tally_diag *diag)
{
    to->kind = PEER_MESSAGE_COSIGNATURE;
    if (from->root.len != sizeof to->cosignature.root.bytes)
        return refuse(diag, "a root has 32 bytes");
    if (from->signature.len != sizeof to->cosignature.bytes)
        return refuse(diag, "a cosignature has 72 bytes");
    to->cosignature.member = from->member;
    to->cosignature.size = from->size;
    memcpy(to->cosignature.root.bytes, from->root.data, sizeof to->cosignature.root.bytes);
    memcpy(to->cosignature.bytes, from->signature.data, sizeof to->cosignature.bytes);
    return TALLY_OK;
}

static enum tally_err take(const Tally__PeerMessage *from, struct peer_message *to,
                           struct tally_diag *diag)
{
    switch (from->body_case) {
    case TALLY__PEER_MESSAGE__BODY_RAFT:
        return take_raft(from->raft, to, diag);
    case TALLY__PEER_MESSAGE__BODY_COSIGNATURE:
        return take_cosignature(from->cosignature, to, diag);
    case TALLY__PEER_MESSAGE__BODY_MEMORY:
        to->kind = PEER_MESSAGE_MEMORY;
        to->memory = (struct peer_memory){.answer = from->memory->answer != 0,
                                          .signed_size = from->memory->signed_size,
                                          .match = from->memory->match,
                                          .last_index = from->memory->last_index,
                                          .last_term = from->memory->last_term};
        return TALLY_OK;
    case TALLY__PEER_MESSAGE__BODY__NOT_SET:
    default:
        return refuse(diag, "a message of no kind");
    }
}

enum tally_err peer_message_decode(struct bytes bytes, uint32_t from, uint32_t self,
                                   struct arena *arena, struct peer_message *ret_message,
                                   struct tally_diag *diag)
{
    struct peer_message message = {0};
    struct wire wire;
    void *decoded = NULL;
    enum tally_err err =
        proto_decode(&tally__peer_message__descriptor, bytes, PEER_NET_MESSAGE_MAX,
                     PROTO_STRICT, arena, &decoded, diag);

    if (err == TALLY_OK) err = take(decoded, &message, diag);
    if (err != TALLY_OK) return err;
    /* A field that is not of its type was passed over: then our encoding is shorter. */
    fill(&message, &wire);
    if (protobuf_c_message_get_packed_size(&wire.message.base) != bytes.size)
        return refuse(diag, "a field that this type of message does not have");
    message.raft.from = from;
    message.raft.to = self;
    *ret_message = message;
    return TALLY_OK;
}
