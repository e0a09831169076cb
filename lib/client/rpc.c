/* Requests. Responses are in rpc_response.c. */
#include "client/rpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "client/proto.h"
#include "rpc.pb-c.h"

static enum tally_err refuse(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "%s", what);
    return TALLY_E_INVALID;
}

/* The ranges that rpc.h states: checked before sending and after receiving. */
static enum tally_err request_check(const struct rpc_request *request, struct tally_diag *diag)
{
    switch (request->kind) {
    case RPC_NONE:
        return refuse(diag, "the request asks nothing");
    case RPC_APPEND:
        if (request->append.batch.size == 0) return refuse(diag, "the batch is empty");
        if (request->append.batch.size > LIMIT_REQUEST_SIZE) {
            tally_diag_set(diag, "batch of %zu bytes, over %d", request->append.batch.size,
                           LIMIT_REQUEST_SIZE);
            return TALLY_E_TOO_LARGE;
        }
        if (request->append.ack != TALLY_ACK_COMMITTED &&
            request->append.ack != TALLY_ACK_PROOF)
            return refuse(diag, "ack is neither committed nor proof");
        if (request->append.timeout_ms == 0 || request->append.timeout_ms > RPC_TIMEOUT_MS_MAX)
            return refuse(diag, "timeout_ms is not 1 to 3600000");
        return TALLY_OK;
    case RPC_GET:
        return TALLY_OK;
    case RPC_LOG:
        if (request->log.limit == 0 || request->log.limit > RPC_LOG_LIMIT_MAX)
            return refuse(diag, "limit is not 1 to 1000");
        if (request->log.wait_ms > RPC_WAIT_MS_MAX) return refuse(diag, "wait_ms over 60000");
        if (request->log.subject != NULL && strlen(request->log.subject) > LIMIT_SUBJECT_SIZE)
            return refuse(diag, "subject over 256 bytes");
        return TALLY_OK;
    case RPC_PROVE:
        if (request->prove.cosignatures_min > LIMIT_MEMBERS)
            return refuse(diag, "more cosignatures than members can be");
        if (request->prove.wait_ms > RPC_WAIT_MS_MAX) return refuse(diag, "wait_ms over 60000");
        return TALLY_OK;
    case RPC_STATUS:
    case RPC_KEY:
    case RPC_TRANSFER:
        return TALLY_OK;
    case RPC_SUBJECT:
        if (request->subject == NULL || request->subject[0] == '\0')
            return refuse(diag, "the subject is empty");
        if (strlen(request->subject) > LIMIT_SUBJECT_SIZE)
            return refuse(diag, "subject over 256 bytes");
        return TALLY_OK;
    }
    return refuse(diag, "no such request");
}

/* ---- encoding ---- */

/* protobuf-c's structs are not const; packing only reads them. */
static ProtobufCBinaryData data_of(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text != NULL ? text : "");
}

/* One of each, so that the chosen one outlives the filling. */
struct bodies {
    Tally__AppendRequest append;
    Tally__GetRequest get;
    Tally__LogRequest log;
    Tally__ProveRequest prove;
    Tally__StatusRequest status;
    Tally__KeyRequest key;
    Tally__SubjectRequest subject;
    Tally__TransferRequest transfer;
};

static void fill_append(const struct rpc_append *append, Tally__AppendRequest *to)
{
    tally__append_request__init(to);
    to->batch = data_of(append->batch.data, append->batch.size);
    to->ack = (Tally__Ack)append->ack;
    to->timeout_ms = append->timeout_ms;
}

static void fill_get(const struct rpc_get *get, Tally__GetRequest *to)
{
    tally__get_request__init(to);
    if (get->by_hash) {
        to->key_case = TALLY__GET_REQUEST__KEY_EVENT_HASH;
        to->event_hash = data_of(get->event_hash, sizeof get->event_hash);
    } else {
        to->key_case = TALLY__GET_REQUEST__KEY_INDEX;
        to->index = get->index;
    }
}

static void fill_log(const struct tally_log_query *log, Tally__LogRequest *to)
{
    tally__log_request__init(to);
    to->from = log->from;
    to->to = log->to;
    to->subject = text_of(log->subject);
    to->type = log->type;
    to->limit = log->limit;
    to->wait_ms = log->wait_ms;
}

static void fill_prove(const struct rpc_prove *prove, Tally__ProveRequest *to)
{
    tally__prove_request__init(to);
    to->index = prove->index;
    to->cosignatures_min = prove->cosignatures_min;
    to->wait_ms = prove->wait_ms;
}

static void fill(const struct rpc_request *request, struct bodies *bodies, Tally__Request *to)
{
    tally__request__init(to);
    to->fresh = request->fresh;
    switch (request->kind) {
    case RPC_NONE:
        UNREACHABLE("request_check passed it");
    case RPC_APPEND:
        fill_append(&request->append, &bodies->append);
        to->body_case = TALLY__REQUEST__BODY_APPEND;
        to->append = &bodies->append;
        break;
    case RPC_GET:
        fill_get(&request->get, &bodies->get);
        to->body_case = TALLY__REQUEST__BODY_GET;
        to->get = &bodies->get;
        break;
    case RPC_LOG:
        fill_log(&request->log, &bodies->log);
        to->body_case = TALLY__REQUEST__BODY_LOG;
        to->log = &bodies->log;
        break;
    case RPC_PROVE:
        fill_prove(&request->prove, &bodies->prove);
        to->body_case = TALLY__REQUEST__BODY_PROVE;
        to->prove = &bodies->prove;
        break;
    case RPC_STATUS:
        tally__status_request__init(&bodies->status);
        to->body_case = TALLY__REQUEST__BODY_STATUS;
        to->status = &bodies->status;
        break;
    case RPC_KEY:
        tally__key_request__init(&bodies->key);
        bodies->key.key_id = data_of(request->key_id, sizeof request->key_id);
        to->body_case = TALLY__REQUEST__BODY_KEY;
        to->key = &bodies->key;
        break;
    case RPC_SUBJECT:
        tally__subject_request__init(&bodies->subject);
        bodies->subject.subject = text_of(request->subject);
        to->body_case = TALLY__REQUEST__BODY_SUBJECT;
        to->subject = &bodies->subject;
        break;
    case RPC_TRANSFER:
        tally__transfer_request__init(&bodies->transfer);
        bodies->transfer.member = request->transfer.member;
        bodies->transfer.time_ms = request->transfer.time_ms;
        bodies->transfer.public_key =
            data_of(request->transfer.public_key, sizeof request->transfer.public_key);
        bodies->transfer.signature =
            data_of(request->transfer.signature, sizeof request->transfer.signature);
        to->body_case = TALLY__REQUEST__BODY_TRANSFER;
        to->transfer = &bodies->transfer;
        break;
    }
}

enum tally_err rpc_request_encode(const struct rpc_request *request, struct buffer **ret_bytes,
                                  struct tally_diag *diag)
{
    struct bodies bodies;
    Tally__Request message;
    const enum tally_err err = request_check(request, diag);

    if (err != TALLY_OK) return err;
    fill(request, &bodies, &message);
    return proto_encode(&message, LIMIT_REQUEST_SIZE, ret_bytes, diag);
}

/* ---- decoding ---- */

static bool take_hash(ProtobufCBinaryData from, uint8_t *to)
{
    if (from.len != 32) return false;
    memcpy(to, from.data, 32);
    return true;
}

static enum tally_err take_get(const Tally__GetRequest *from, struct rpc_get *to,
                               struct tally_diag *diag)
{
    switch (from->key_case) {
    case TALLY__GET_REQUEST__KEY_INDEX:
        to->index = from->index;
        return TALLY_OK;
    case TALLY__GET_REQUEST__KEY_EVENT_HASH:
        to->by_hash = true;
        if (!take_hash(from->event_hash, to->event_hash))
            return refuse(diag, "an event hash has 32 bytes");
        return TALLY_OK;
    case TALLY__GET_REQUEST__KEY__NOT_SET:
    default:
        return refuse(diag, "neither index nor event hash");
    }
}

static enum tally_err take_transfer(const Tally__TransferRequest *from, struct rpc_transfer *to,
                                    struct tally_diag *diag)
{
    if (!take_hash(from->public_key, to->public_key))
        return refuse(diag, "a public key has 32 bytes");
    if (from->signature.len != sizeof to->signature)
        return refuse(diag, "a signature has 64 bytes");
    memcpy(to->signature, from->signature.data, sizeof to->signature);
    to->member = from->member;
    to->time_ms = from->time_ms;
    return TALLY_OK;
}

static enum tally_err take(const Tally__Request *from, struct rpc_request *to,
                           struct tally_diag *diag)
{
    to->fresh = from->fresh != 0;
    switch (from->body_case) {
    case TALLY__REQUEST__BODY_APPEND:
        to->kind = RPC_APPEND;
        to->append.batch = bytes_of(from->append->batch.data, from->append->batch.len);
        to->append.ack = (enum tally_ack)from->append->ack;
        to->append.timeout_ms = from->append->timeout_ms;
        return TALLY_OK;
    case TALLY__REQUEST__BODY_GET:
        to->kind = RPC_GET;
        return take_get(from->get, &to->get, diag);
    case TALLY__REQUEST__BODY_LOG:
        to->kind = RPC_LOG;
        to->log = (struct tally_log_query){.from = from->log->from,
                                           .to = from->log->to,
                                           .subject = from->log->subject,
                                           .type = from->log->type,
                                           .limit = from->log->limit,
                                           .wait_ms = from->log->wait_ms};
        return TALLY_OK;
    case TALLY__REQUEST__BODY_PROVE:
        to->kind = RPC_PROVE;
        to->prove = (struct rpc_prove){.index = from->prove->index,
                                       .cosignatures_min = from->prove->cosignatures_min,
                                       .wait_ms = from->prove->wait_ms};
        return TALLY_OK;
    case TALLY__REQUEST__BODY_STATUS:
        to->kind = RPC_STATUS;
        return TALLY_OK;
    case TALLY__REQUEST__BODY_KEY:
        to->kind = RPC_KEY;
        return take_hash(from->key->key_id, to->key_id) ? TALLY_OK
                                                        : refuse(diag, "a key id has 32 bytes");
    case TALLY__REQUEST__BODY_SUBJECT:
        to->kind = RPC_SUBJECT;
        to->subject = from->subject->subject;
        return TALLY_OK;
    case TALLY__REQUEST__BODY_TRANSFER:
        to->kind = RPC_TRANSFER;
        return take_transfer(from->transfer, &to->transfer, diag);
    case TALLY__REQUEST__BODY__NOT_SET:
    default:
        return refuse(diag, "the request asks nothing");
    }
}

/* Kinds have the numbers of their fields in Request, and a canonical encoding begins with it.
 */
enum rpc_kind rpc_request_kind_claimed(struct bytes bytes)
{
    enum { WIRE_BYTES = 2 };

    if (bytes.size == 0 || (bytes.data[0] & 7) != WIRE_BYTES) return RPC_NONE;
    const int field = bytes.data[0] >> 3;
    return field >= RPC_APPEND && field <= RPC_TRANSFER ? (enum rpc_kind)field : RPC_NONE;
}

enum tally_err rpc_request_decode(struct bytes bytes, struct arena *arena,
                                  struct rpc_request *ret_request, struct tally_diag *diag)
{
    struct rpc_request request = {0};
    void *message = NULL;
    enum tally_err err = proto_decode(&tally__request__descriptor, bytes, LIMIT_REQUEST_SIZE,
                                      PROTO_STRICT, arena, &message, diag);

    if (err == TALLY_OK) err = take(message, &request, diag);
    if (err == TALLY_OK) err = request_check(&request, diag);
    if (err == TALLY_OK) *ret_request = request;
    return err;
}

size_t rpc_transfer_text(const char *origin, uint32_t member, uint64_t time_ms,
                         char ret_text[RPC_TRANSFER_TEXT_MAX])
{
    const int size =
        snprintf(ret_text, RPC_TRANSFER_TEXT_MAX,
                 "tally/transfer/v1\n%s\n%" PRIu32 "\n%" PRIu64 "\n", origin, member, time_ms);

    ASSERT(size > 0 && size < RPC_TRANSFER_TEXT_MAX);
    return (size_t)size;
}
