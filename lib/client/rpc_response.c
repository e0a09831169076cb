/* Responses. Requests are in rpc.c. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "client/proto.h"
#include "client/rpc.h"
#include "rpc.pb-c.h"

enum { CODE_MAX = 255 }; /* an exit status */

/* ---- encoding ---- */

static ProtobufCBinaryData data_of(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text != NULL ? text : "");
}

/* What a response points to while it is packed. Arrays come from `arena`. */
struct parts {
    struct arena *arena;
    union {
        Tally__AppendResponse append;
        Tally__GetResponse get;
        Tally__LogResponse log;
        Tally__ProveResponse prove;
        Tally__StatusResponse status;
        Tally__KeyResponse key;
        Tally__SubjectResponse subject;
        Tally__TransferResponse transfer;
    };
};

static bool fill_data(struct parts *parts, const struct tally_bytes *from, size_t count,
                      size_t *ret_count, ProtobufCBinaryData **ret_data)
{
    ProtobufCBinaryData *data = arena_zalloc(parts->arena, count, sizeof *data);

    if (data == NULL) return false;
    for (size_t i = 0; i < count; i++) data[i] = data_of(from[i].data, from[i].size);
    *ret_count = count;
    *ret_data = data;
    return true;
}

static bool fill_outcome(struct parts *parts, const struct tally_outcome *from,
                         Tally__Outcome *to)
{
    tally__outcome__init(to);
    to->index = from->index;
    to->time_ms = from->time_ms;
    to->verdict = from->allowed ? TALLY__VERDICT__VERDICT_ALLOW : TALLY__VERDICT__VERDICT_DENY;
    to->repeated_request = from->repeated;
    if (from->failed_rules_count == 0) return true;
    to->failed_rules = arena_zalloc(parts->arena, from->failed_rules_count, sizeof(uint32_t));
    if (to->failed_rules == NULL) return false;
    to->n_failed_rules = from->failed_rules_count;
    for (size_t i = 0; i < from->failed_rules_count; i++)
        to->failed_rules[i] = from->failed_rules[i];
    return true;
}

static bool fill_append(struct parts *parts, const struct tally_append_result *from)
{
    Tally__AppendResponse *to = &parts->append;
    Tally__Outcome *outcomes =
        arena_zalloc(parts->arena, from->outcomes_count, sizeof *outcomes);

    tally__append_response__init(to);
    to->outcomes = arena_zalloc(parts->arena, from->outcomes_count, sizeof *to->outcomes);
    if (outcomes == NULL || to->outcomes == NULL) return false;
    to->n_outcomes = from->outcomes_count;
    for (size_t i = 0; i < from->outcomes_count; i++) {
        to->outcomes[i] = &outcomes[i];
        if (!fill_outcome(parts, &from->outcomes[i], &outcomes[i])) return false;
    }
    return fill_data(parts, from->proofs, from->proofs_count, &to->n_proofs, &to->proofs);
}

static bool fill_status(struct parts *parts, const struct tally_status_result *from)
{
    Tally__StatusResponse *to = &parts->status;
    Tally__MemberStatus *members =
        arena_zalloc(parts->arena, from->members_count, sizeof *members);

    tally__status_response__init(to);
    to->members = arena_zalloc(parts->arena, from->members_count, sizeof *to->members);
    if (members == NULL || to->members == NULL) return false;
    to->n_members = from->members_count;
    for (size_t i = 0; i < from->members_count; i++) {
        tally__member_status__init(&members[i]);
        members[i].id = from->members[i].id;
        members[i].name = text_of(from->members[i].name);
        members[i].site = text_of(from->members[i].site);
        members[i].match = from->members[i].match;
        members[i].reachable = from->members[i].reachable;
        members[i].heard_ms_ago = from->members[i].heard_ms_ago;
        members[i].voter = from->members[i].voter;
        to->members[i] = &members[i];
    }
    to->ledger = text_of(from->ledger);
    to->ledger_id = data_of(from->ledger_id, sizeof from->ledger_id);
    to->origin = text_of(from->origin);
    to->node_id = from->node_id;
    to->node_name = text_of(from->node_name);
    to->role = text_of(from->role);
    to->term = from->term;
    to->leader_id = from->leader_id;
    to->blocks_last = from->blocks_last;
    to->blocks_committed = from->blocks_committed;
    to->blocks_applied = from->blocks_applied;
    to->records = from->records;
    to->published = from->published;
    to->checkpoint = data_of(from->checkpoint.data, from->checkpoint.size);
    to->time_ms = from->time_ms;
    to->disk_written = from->disk_written;
    to->uptime_ms = from->uptime_ms;
    to->version = text_of(from->version);
    to->config = data_of(from->config.data, from->config.size);
    to->next_member = from->next_member;
    to->trouble = text_of(from->trouble);
    to->scrubbed_ms = from->scrubbed_ms;
    to->scrubbed_records = from->scrubbed_records;
    return true;
}

static bool fill_log(struct parts *parts, const struct tally_log_result *from)
{
    Tally__LogResponse *to = &parts->log;

    tally__log_response__init(to);
    to->next = from->next;
    to->size = from->size;
    return fill_data(parts, from->records, from->records_count, &to->n_records, &to->records);
}

static void fill_key(struct parts *parts, const struct tally_key_result *from)
{
    Tally__KeyResponse *to = &parts->key;

    tally__key_response__init(to);
    to->public_key = data_of(from->public_key, sizeof from->public_key);
    to->principal = text_of(from->principal);
    to->revoked = from->revoked;
}

static void fill_subject(struct parts *parts, const struct tally_subject_result *from)
{
    Tally__SubjectResponse *to = &parts->subject;

    tally__subject_response__init(to);
    to->head = data_of(from->head, sizeof from->head);
    to->index = from->index;
    to->registered = data_of(from->registered, sizeof from->registered);
    if (from->has_manifest_root)
        to->manifest_root = data_of(from->manifest_root, sizeof from->manifest_root);
    to->events = from->events;
}

static bool fill(const struct rpc_response *from, struct parts *parts, Tally__Response *to)
{
    switch (from->kind) {
    case RPC_NONE:
        return true;
    case RPC_APPEND:
        to->body_case = TALLY__RESPONSE__BODY_APPEND;
        to->append = &parts->append;
        return fill_append(parts, &from->append);
    case RPC_GET:
        to->body_case = TALLY__RESPONSE__BODY_GET;
        to->get = &parts->get;
        tally__get_response__init(&parts->get);
        parts->get.index = from->get.index;
        parts->get.record = data_of(from->get.record.data, from->get.record.size);
        parts->get.size = from->get.size;
        return true;
    case RPC_LOG:
        to->body_case = TALLY__RESPONSE__BODY_LOG;
        to->log = &parts->log;
        return fill_log(parts, &from->log);
    case RPC_PROVE:
        to->body_case = TALLY__RESPONSE__BODY_PROVE;
        to->prove = &parts->prove;
        tally__prove_response__init(&parts->prove);
        parts->prove.proof = data_of(from->prove.proof.data, from->prove.proof.size);
        return true;
    case RPC_STATUS:
        to->body_case = TALLY__RESPONSE__BODY_STATUS;
        to->status = &parts->status;
        return fill_status(parts, &from->status);
    case RPC_KEY:
        to->body_case = TALLY__RESPONSE__BODY_KEY;
        to->key = &parts->key;
        fill_key(parts, &from->key);
        return true;
    case RPC_SUBJECT:
        to->body_case = TALLY__RESPONSE__BODY_SUBJECT;
        to->subject = &parts->subject;
        fill_subject(parts, &from->subject);
        return true;
    case RPC_TRANSFER:
        to->body_case = TALLY__RESPONSE__BODY_TRANSFER;
        to->transfer = &parts->transfer;
        tally__transfer_response__init(&parts->transfer);
        return true;
    }
    UNREACHABLE("kind of a response");
}

enum tally_err rpc_response_encode(const struct rpc_response *response,
                                   struct buffer **ret_bytes, struct tally_diag *diag)
{
    Tally__Response message;
    struct parts parts;
    char text[LIMIT_TEXT_SIZE + 1];
    enum tally_err err = arena_open(0, &parts.arena);

    ASSERT((response->code == TALLY_OK) == (response->kind != RPC_NONE));
    if (err != TALLY_OK) return err;
    tally__response__init(&message);
    message.code = (uint32_t)response->code;
    message.message = text_of(response->message);
    if (strlen(message.message) > LIMIT_TEXT_SIZE) {
        size_t size = LIMIT_TEXT_SIZE;
        while (size > 0 && (message.message[size] & 0xc0) == 0x80)
            size--; /* whole characters */
        memcpy(text, message.message, size);
        text[size] = '\0';
        message.message = text;
    }
    message.leader_url = text_of(response->leader_url);
    err = fill(response, &parts, &message)
              ? proto_encode(&message, LIMIT_RESPONSE_SIZE, ret_bytes, diag)
              : TALLY_E_NO_MEMORY;
    arena_close(parts.arena);
    return err;
}

struct buffer *rpc_error_encode(enum tally_err code, const char *message,
                                const char *leader_url)
{
    const struct rpc_response response = {
        .code = code, .message = message, .leader_url = leader_url, .kind = RPC_NONE};
    struct buffer *bytes = NULL;

    ASSERT(code != TALLY_OK);
    return rpc_response_encode(&response, &bytes, NULL) == TALLY_OK ? bytes : NULL;
}

/* ---- decoding ---- */

static enum tally_err refuse(struct tally_diag *diag, const char *what)
{
    tally_diag_set(diag, "%s", what);
    return TALLY_E_MALFORMED;
}

static bool take_hash(ProtobufCBinaryData from, uint8_t *to)
{
    if (from.len != 32) return false;
    memcpy(to, from.data, 32);
    return true;
}

static struct tally_bytes take_bytes(ProtobufCBinaryData from)
{
    return (struct tally_bytes){from.data, from.len};
}

static enum tally_err take_data(struct arena *arena, const ProtobufCBinaryData *from,
                                size_t count, const struct tally_bytes **ret_data,
                                size_t *ret_count)
{
    struct tally_bytes *data = arena_zalloc(arena, count, sizeof *data);

    if (data == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) data[i] = take_bytes(from[i]);
    *ret_data = data;
    *ret_count = count;
    return TALLY_OK;
}

static enum tally_err take_outcome(struct arena *arena, const Tally__Outcome *from,
                                   struct tally_outcome *to, struct tally_diag *diag)
{
    uint16_t *rules = NULL;

    if (from->verdict != TALLY__VERDICT__VERDICT_ALLOW &&
        from->verdict != TALLY__VERDICT__VERDICT_DENY)
        return refuse(diag, "an outcome without a verdict");
    if (from->n_failed_rules > LIMIT_FAILED_RULES) return refuse(diag, "too many failed rules");
    if (from->n_failed_rules > 0) {
        rules = arena_zalloc(arena, from->n_failed_rules, sizeof *rules);
        if (rules == NULL) return TALLY_E_NO_MEMORY;
    }
    for (size_t i = 0; i < from->n_failed_rules; i++) {
        if (from->failed_rules[i] > UINT16_MAX) return refuse(diag, "a rule above 65535");
        rules[i] = (uint16_t)from->failed_rules[i];
    }
    *to = (struct tally_outcome){.index = from->index,
                                 .time_ms = from->time_ms,
                                 .allowed = from->verdict == TALLY__VERDICT__VERDICT_ALLOW,
                                 .repeated = from->repeated_request != 0,
                                 .failed_rules = rules,
                                 .failed_rules_count = from->n_failed_rules};
    return TALLY_OK;
}

static enum tally_err take_append(struct arena *arena, const Tally__AppendResponse *from,
                                  struct tally_append_result *to, struct tally_diag *diag)
{
    if (from->n_outcomes == 0 || from->n_outcomes > LIMIT_BLOCK_EVENTS)
        return refuse(diag, "no outcome, or more than a batch has events");
    if (from->n_proofs != 0 && from->n_proofs != from->n_outcomes)
        return refuse(diag, "not one proof for each event");
    struct tally_outcome *outcomes = arena_zalloc(arena, from->n_outcomes, sizeof *outcomes);
    if (outcomes == NULL) return TALLY_E_NO_MEMORY;
    for (size_t i = 0; i < from->n_outcomes; i++) {
        const enum tally_err err = take_outcome(arena, from->outcomes[i], &outcomes[i], diag);
        if (err != TALLY_OK) return err;
    }
    to->outcomes = outcomes;
    to->outcomes_count = from->n_outcomes;
    return take_data(arena, from->proofs, from->n_proofs, &to->proofs, &to->proofs_count);
}

static enum tally_err take_status(struct arena *arena, const Tally__StatusResponse *from,
                                  struct tally_status_result *to, struct tally_diag *diag)
{
    struct tally_member_status *members = arena_zalloc(arena, from->n_members, sizeof *members);

    if (members == NULL) return TALLY_E_NO_MEMORY;
    if (!take_hash(from->ledger_id, to->ledger_id))
        return refuse(diag, "a ledger id has 32 bytes");
    for (size_t i = 0; i < from->n_members; i++)
        members[i] =
            (struct tally_member_status){.id = from->members[i]->id,
                                         .name = from->members[i]->name,
                                         .site = from->members[i]->site,
                                         .match = from->members[i]->match,
                                         .reachable = from->members[i]->reachable != 0,
                                         .heard_ms_ago = from->members[i]->heard_ms_ago,
                                         .voter = from->members[i]->voter != 0};
    to->ledger = from->ledger;
    to->origin = from->origin;
    to->node_id = from->node_id;
    to->node_name = from->node_name;
    to->role = from->role;
    to->term = from->term;
    to->leader_id = from->leader_id;
    to->blocks_last = from->blocks_last;
    to->blocks_committed = from->blocks_committed;
    to->blocks_applied = from->blocks_applied;
    to->records = from->records;
    to->published = from->published;
    to->checkpoint = take_bytes(from->checkpoint);
    to->config = take_bytes(from->config);
    to->next_member = from->next_member;
    to->trouble = from->trouble;
    to->scrubbed_ms = from->scrubbed_ms;
    to->scrubbed_records = from->scrubbed_records;
    to->members = members;
    to->members_count = from->n_members;
    to->time_ms = from->time_ms;
    to->disk_written = from->disk_written;
    to->uptime_ms = from->uptime_ms;
    to->version = from->version;
    return TALLY_OK;
}

static enum tally_err take_log(struct arena *arena, const Tally__LogResponse *from,
                               struct tally_log_result *to, struct tally_diag *diag)
{
    if (from->n_records > RPC_LOG_LIMIT_MAX) return refuse(diag, "more records than asked for");
    to->next = from->next;
    to->size = from->size;
    return take_data(arena, from->records, from->n_records, &to->records, &to->records_count);
}

static enum tally_err take_key(const Tally__KeyResponse *from, struct tally_key_result *to,
                               struct tally_diag *diag)
{
    if (!take_hash(from->public_key, to->public_key))
        return refuse(diag, "a public key has 32 bytes");
    to->principal = from->principal;
    to->revoked = from->revoked != 0;
    return TALLY_OK;
}

static enum tally_err take_subject(const Tally__SubjectResponse *from,
                                   struct tally_subject_result *to, struct tally_diag *diag)
{
    to->has_manifest_root = from->manifest_root.len > 0;
    if (!take_hash(from->head, to->head) || !take_hash(from->registered, to->registered) ||
        (to->has_manifest_root && !take_hash(from->manifest_root, to->manifest_root)))
        return refuse(diag, "a hash has 32 bytes");
    to->index = from->index;
    to->events = from->events;
    return TALLY_OK;
}

static enum tally_err take_body(struct arena *arena, const Tally__Response *from,
                                struct rpc_response *to, struct tally_diag *diag)
{
    switch (from->body_case) {
    case TALLY__RESPONSE__BODY_APPEND:
        to->kind = RPC_APPEND;
        return take_append(arena, from->append, &to->append, diag);
    case TALLY__RESPONSE__BODY_GET:
        to->kind = RPC_GET;
        to->get = (struct tally_get_result){from->get->index, take_bytes(from->get->record),
                                            from->get->size};
        return TALLY_OK;
    case TALLY__RESPONSE__BODY_LOG:
        to->kind = RPC_LOG;
        return take_log(arena, from->log, &to->log, diag);
    case TALLY__RESPONSE__BODY_PROVE:
        to->kind = RPC_PROVE;
        to->prove.proof = take_bytes(from->prove->proof);
        return TALLY_OK;
    case TALLY__RESPONSE__BODY_STATUS:
        to->kind = RPC_STATUS;
        return take_status(arena, from->status, &to->status, diag);
    case TALLY__RESPONSE__BODY_KEY:
        to->kind = RPC_KEY;
        return take_key(from->key, &to->key, diag);
    case TALLY__RESPONSE__BODY_SUBJECT:
        to->kind = RPC_SUBJECT;
        return take_subject(from->subject, &to->subject, diag);
    case TALLY__RESPONSE__BODY_TRANSFER:
        to->kind = RPC_TRANSFER;
        return TALLY_OK;
    case TALLY__RESPONSE__BODY__NOT_SET:
    default:
        return refuse(diag, "an answer without a body");
    }
}

enum tally_err rpc_response_decode(struct bytes bytes, struct arena *arena,
                                   struct rpc_response *ret_response, struct tally_diag *diag)
{
    struct rpc_response response = {0};
    void *decoded = NULL;
    enum tally_err err = proto_decode(&tally__response__descriptor, bytes, LIMIT_RESPONSE_SIZE,
                                      PROTO_LENIENT, arena, &decoded, diag);

    if (err != TALLY_OK) return err;
    const Tally__Response *message = decoded;
    if (message->code > CODE_MAX) return refuse(diag, "a code above 255");
    response.code = (enum tally_err)message->code;
    response.message = message->message;
    response.leader_url = message->leader_url;
    if (response.code == TALLY_OK) err = take_body(arena, message, &response, diag);
    if (err == TALLY_OK) *ret_response = response;
    return err;
}
