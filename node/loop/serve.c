/* Requests of clients, on the workers: everything that reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "loop/run_internal.h"

/* Bytes of records in one answer to `log`: a client asks again for more. An answer is in memory
 * until it is read, so a response is not filled as far as it could be. */
enum { LOG_SIZE_MAX = 1024 * 1024 };

enum {
    READ_MS = 5000, /* so long a leader may need to show that it leads */
};

static void dispatch(struct run *run, struct request *request);

struct tally_bytes serve_lend(struct bytes bytes)
{
    return (struct tally_bytes){bytes.data, bytes.size};
}

/* Answer and let go of the request. */
void serve_answer(struct request *request, const struct rpc_response *response)
{
    struct buffer *bytes = NULL;
    struct tally_diag diag = {{0}};
    const enum tally_err err = rpc_response_encode(response, &bytes, &diag);

    if (err != TALLY_OK) bytes = rpc_error_encode(err, diag.text, NULL);
    client_net_reply(request->client, bytes == NULL ? (struct bytes){0} : buffer_bytes(bytes));
    buffer_release(bytes);
    arena_close(request->arena);
    free(request);
}

void serve_error(struct run *run, struct request *request, enum tally_err err,
                 const struct tally_diag *diag)
{
    struct rpc_response response = {.code = err, .message = diag->text};

    ASSERT(err != TALLY_OK);
    if (err == TALLY_E_CORRUPT) {
        /* No client decides that a database is rebuilt: the scrub looks for itself. */
        run_log(run, RUN_LOG_WARNING, "read_met_damage", "why=\"%s\"", diag->text);
        run_scrub_now(run);
    }
    serve_answer(request, &response);
}

void serve_busy(struct client_request *client)
{
    struct buffer *bytes = rpc_error_encode(TALLY_E_BUSY, "the node is busy or stops", NULL);

    client_net_reply(client, bytes == NULL ? (struct bytes){0} : buffer_bytes(bytes));
    buffer_release(bytes);
}

/* Where the leader serves clients, or NULL; `room` may hold it. */
static const char *leader_url(struct run *run, uint32_t leader, char room[LIMIT_URL_SIZE + 1])
{
    if (leader == run->publish.self) return run->config->advertise;
    return run_client_url(run, leader, room) ? room : NULL;
}

/* Have the node wait for something on the request's behalf. */
static void wait_for(struct run *run, struct request *request, enum node_wait_kind kind,
                     uint64_t index, uint32_t cosignatures_min, uint32_t wait_ms)
{
    struct inbox *inbox = run_inbox_new(NODE_WAIT);

    inbox->request = request;
    inbox->event.wait.handle = (uint64_t)(uintptr_t)request;
    inbox->event.wait.kind = kind;
    inbox->event.wait.index = index;
    inbox->event.wait.cosignatures_min = cosignatures_min;
    inbox->event.wait.deadline_ms = request->arrived_ms + wait_ms;
    run_post(run, inbox);
}

/* ---- append ---- */

static void answer_append(struct run *run, struct request *request,
                          const struct node_answer_event *events, uint32_t count,
                          struct bytes checkpoint)
{
    struct tally_outcome *outcomes = arena_zalloc(request->arena, count, sizeof *outcomes);
    struct tally_bytes *proofs = arena_zalloc(request->arena, count, sizeof *proofs);
    struct rpc_response response = {.kind = RPC_APPEND};
    struct tally_diag diag = {{0}};
    enum tally_err err = outcomes == NULL || proofs == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;

    for (uint32_t i = 0; i < count && err == TALLY_OK; i++) {
        outcomes[i] = (struct tally_outcome){
            .index = events[i].index,
            .time_ms = events[i].time_ms,
            .allowed = events[i].allowed,
            .repeated = events[i].repeated_request,
            .failed_rules = events[i].failed_rules,
            .failed_rules_count = events[i].failed_rules_count,
        };
        if (checkpoint.size > 0) {
            struct bytes proof = {0};

            err = job_receipt(run->store, events[i].index, checkpoint, request->arena, &proof,
                              &diag);
            proofs[i] = serve_lend(proof);
        }
    }
    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    response.append.outcomes = outcomes;
    response.append.outcomes_count = count;
    response.append.proofs = proofs;
    response.append.proofs_count = checkpoint.size > 0 ? count : 0;
    serve_answer(request, &response);
}

static void serve_append(struct run *run, struct request *request)
{
    const struct rpc_append *append = &request->rpc.append;
    struct tally_diag diag = {{0}};
    struct job_ingress ingress;
    struct inbox *inbox;
    enum tally_err err = job_ingress(run->store, &run->publish.ledger_id, append->batch,
                                     request->arena, &ingress, &diag);

    if (err == TALLY_OK && append->ack == TALLY_ACK_PROOF &&
        ingress.events_count > NODE_PROOF_EVENTS_MAX) {
        tally_diag_set(&diag, "at most %d events can be answered with proofs at once",
                       (int)NODE_PROOF_EVENTS_MAX);
        err = TALLY_E_TOO_LARGE;
    }
    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    request->events_count = ingress.events_count;
    if (ingress.known && append->ack == TALLY_ACK_COMMITTED) {
        answer_append(run, request, ingress.events, ingress.events_count, (struct bytes){0});
        return;
    }
    if (ingress.known) {
        request->known = ingress.events;
        wait_for(run, request, NODE_WAIT_PROOF, ingress.index_max, 0, append->timeout_ms);
        return;
    }
    inbox = run_inbox_new(NODE_APPEND);
    inbox->request = request;
    inbox->batch = buffer_copy(append->batch);
    ASSERT(inbox->batch != NULL);
    inbox->event.append.handle = (uint64_t)(uintptr_t)request;
    inbox->event.append.batch = inbox->batch;
    inbox->event.append.events_count = ingress.events_count;
    inbox->event.append.proof = append->ack == TALLY_ACK_PROOF;
    inbox->event.append.refused = ingress.refused;
    request->refused = diag;
    inbox->event.append.deadline_ms = request->arrived_ms + append->timeout_ms;
    run_post(run, inbox);
}

void serve_append_answer(struct run *run, const struct node_action *action)
{
    struct request *request = (struct request *)(uintptr_t)action->answer_append.handle;
    const struct buffer *checkpoint = action->answer_append.checkpoint;
    struct rpc_response response = {.code = action->answer_append.code};
    char url[LIMIT_URL_SIZE + 1] = "";

    switch (action->answer_append.code) {
    case TALLY_OK:
        answer_append(run, request, action->answer_append.events,
                      action->answer_append.events_count,
                      checkpoint == NULL ? (struct bytes){0} : buffer_bytes(checkpoint));
        return;
    case TALLY_E_NOT_LEADER:
        response.message = "another member leads";
        response.leader_url = leader_url(run, action->answer_append.leader, url);
        break;
    case TALLY_E_TIMEOUT:
        response.message = "whether it was recorded is unknown: send the same bytes again";
        break;
    case TALLY_E_BUSY:
        response.message = action->answer_append.why;
        break;
    case TALLY_E_UNKNOWN_KEY:
    case TALLY_E_SIGNERS:
        response.message = request->refused.text;
        break;
    default: /* conflicts found by apply */
        response.message = tally_err_text(action->answer_append.code);
        break;
    }
    serve_answer(request, &response);
}

static void serve_get(struct run *run, struct request *request)
{
    const struct rpc_get *get = &request->rpc.get;
    struct rpc_response response = {.kind = RPC_GET};
    struct tally_diag diag = {{0}};
    struct ledger_leaf leaf;
    uint64_t index = get->index;
    enum tally_err err = TALLY_OK;

    if (get->by_hash) {
        struct tally_hash hash;

        memcpy(hash.bytes, get->event_hash, sizeof hash.bytes);
        err = ledger_read_event_index(run->store, &hash, &index, &diag);
    }
    if (err == TALLY_OK)
        err = ledger_read_leaf(run->store, index, request->arena, &leaf, &diag);
    if (err == TALLY_OK) err = ledger_read_size(run->store, &response.get.size, &diag);
    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    response.get.index = index;
    response.get.record = serve_lend(leaf.record);
    serve_answer(request, &response);
}

/* The records of a query, as many as fit. */
static enum tally_err read_log(struct run *run, struct request *request,
                               struct tally_log_result *ret_log, struct tally_diag *diag)
{
    const struct tally_log_query *query = &request->rpc.log;
    uint64_t indexes[RPC_LOG_LIMIT_MAX];
    struct tally_bytes *records =
        arena_zalloc(request->arena, RPC_LOG_LIMIT_MAX, sizeof *records);
    uint32_t count = 0;
    size_t size = 0;
    enum tally_err err;

    if (records == NULL) return TALLY_E_NO_MEMORY;
    err = ledger_read_size(run->store, &ret_log->size, diag);
    if (err == TALLY_OK) {
        err = ledger_read_list(run->store, query->subject, query->type, query->from,
                               query->to == 0 ? UINT64_MAX : query->to, query->limit, indexes,
                               &count, &ret_log->next, diag);
    }
    ret_log->records = records;
    for (uint32_t i = 0; i < count && err == TALLY_OK; i++) {
        struct ledger_leaf leaf;

        err = ledger_read_leaf(run->store, indexes[i], request->arena, &leaf, diag);
        if (err != TALLY_OK) break;
        size += leaf.record.size;
        if (i > 0 && size > LOG_SIZE_MAX) {
            ret_log->next = indexes[i];
            break;
        }
        records[ret_log->records_count++] = serve_lend(leaf.record);
    }
    return err;
}

static void serve_log(struct run *run, struct request *request, bool waited)
{
    const struct tally_log_query *query = &request->rpc.log;
    struct rpc_response response = {.kind = RPC_LOG};
    struct tally_diag diag = {{0}};
    const enum tally_err err = read_log(run, request, &response.log, &diag);

    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
    } else if (response.log.records_count == 0 && query->wait_ms > 0 && !waited) {
        const uint64_t next =
            response.log.next > response.log.size ? response.log.next : response.log.size;

        wait_for(run, request, NODE_WAIT_RECORDS, next, 0, query->wait_ms);
    } else {
        serve_answer(request, &response);
    }
}

static void serve_prove(struct run *run, struct request *request)
{
    const struct rpc_prove *prove = &request->rpc.prove;
    struct tally_diag diag = {{0}};
    uint64_t size = 0;
    enum tally_err err = ledger_read_size(run->store, &size, &diag);

    if (err == TALLY_OK && prove->index >= size) {
        tally_diag_set(&diag, "there is no record %llu; this node has %llu",
                       (unsigned long long)prove->index, (unsigned long long)size);
        err = TALLY_E_NOT_FOUND;
    }
    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    wait_for(run, request, NODE_WAIT_PROOF, prove->index, prove->cosignatures_min,
             prove->wait_ms);
}

static void prove_answer(struct run *run, struct request *request, struct bytes checkpoint)
{
    struct rpc_response response = {.kind = RPC_PROVE};
    struct tally_diag diag = {{0}};
    struct bytes proof = {0};
    const enum tally_err err = job_receipt(run->store, request->rpc.prove.index, checkpoint,
                                           request->arena, &proof, &diag);

    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    response.prove.proof = serve_lend(proof);
    serve_answer(request, &response);
}

/* A read that wanted everything acknowledged, and this node cannot tell. */
static void answer_not_now(struct run *run, struct request *request,
                           const struct node_action *action)
{
    struct rpc_response response = {.code = action->answer_wait.code};
    char url[LIMIT_URL_SIZE + 1] = "";

    if (response.code == TALLY_E_NOT_LEADER) {
        response.message = "another member leads";
        response.leader_url = leader_url(run, action->answer_wait.leader, url);
    } else {
        response.message = "no majority confirmed that this node still leads";
    }
    serve_answer(request, &response);
}

void serve_wait_answer(struct run *run, const struct node_action *action)
{
    struct request *request = (struct request *)(uintptr_t)action->answer_wait.handle;
    const struct buffer *checkpoint = action->answer_wait.checkpoint;
    struct tally_diag diag = {{0}};

    if (request->reading) {
        request->reading = false;
        if (action->answer_wait.code == TALLY_OK) {
            dispatch(run, request);
        } else {
            answer_not_now(run, request, action);
        }
    } else if (request->rpc.kind == RPC_LOG) {
        serve_log(run, request, true);
    } else if (action->answer_wait.code != TALLY_OK) {
        enum tally_err err = action->answer_wait.code;

        if (request->rpc.kind == RPC_PROVE && err == TALLY_E_TIMEOUT) err = TALLY_E_QUORUM;
        tally_diag_set(&diag, "no published checkpoint with enough cosignatures covers it yet");
        serve_error(run, request, err, &diag);
    } else if (request->rpc.kind == RPC_APPEND) {
        answer_append(run, request, request->known, request->events_count,
                      buffer_bytes(checkpoint));
    } else {
        prove_answer(run, request, buffer_bytes(checkpoint));
    }
}

static void serve_key(struct run *run, struct request *request)
{
    struct rpc_response response = {.kind = RPC_KEY};
    struct tally_diag diag = {{0}};
    struct ledger_key key;
    enum tally_err err = ledger_read_key(run->store, request->rpc.key_id, &key, &diag);

    if (err == TALLY_E_NOT_FOUND) err = TALLY_E_UNKNOWN_KEY;
    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    memcpy(response.key.public_key, key.public_key, sizeof key.public_key);
    response.key.principal = key.principal;
    response.key.revoked = key.revoked;
    serve_answer(request, &response);
}

static void serve_subject(struct run *run, struct request *request)
{
    static const struct tally_hash none;
    struct rpc_response response = {.kind = RPC_SUBJECT};
    struct tally_diag diag = {{0}};
    struct ledger_subject subject;
    const enum tally_err err =
        ledger_read_subject(run->store, request->rpc.subject, &subject, &diag);

    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    memcpy(response.subject.head, subject.head.bytes, 32);
    memcpy(response.subject.registered, subject.registered.bytes, 32);
    memcpy(response.subject.manifest_root, subject.manifest_root.bytes, 32);
    response.subject.has_manifest_root = memcmp(&subject.manifest_root, &none, 32) != 0;
    response.subject.index = subject.head_index;
    response.subject.events = subject.events;
    serve_answer(request, &response);
}

/* ---- arrival ---- */

static void dispatch(struct run *run, struct request *request)
{
    struct inbox *inbox;

    switch (request->rpc.kind) {
    case RPC_NONE:
        UNREACHABLE("a decoded request has a kind");
    case RPC_APPEND:
        serve_append(run, request);
        return;
    case RPC_GET:
        serve_get(run, request);
        return;
    case RPC_LOG:
        serve_log(run, request, false);
        return;
    case RPC_PROVE:
        serve_prove(run, request);
        return;
    case RPC_KEY:
        serve_key(run, request);
        return;
    case RPC_SUBJECT:
        serve_subject(run, request);
        return;
    case RPC_TRANSFER:
        serve_transfer(run, request);
        return;
    case RPC_STATUS:
        inbox = run_inbox_new(NODE_TICK);
        inbox->status = true;
        inbox->request = request;
        run_post(run, inbox);
        return;
    }
}

void serve_request(struct run *run, struct client_request *client)
{
    struct request *request = calloc(1, sizeof *request);
    struct tally_diag diag = {{0}};
    enum tally_err err;

    ASSERT(request != NULL);
    request->client = client;
    request->arrived_ms = clock_monotonic_ms();
    err = arena_open(0, &request->arena);
    ASSERT(err == TALLY_OK);
    err =
        rpc_request_decode(client_request_bytes(client), request->arena, &request->rpc, &diag);
    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    if (request->rpc.fresh) {
        request->reading = true;
        wait_for(run, request, NODE_WAIT_READ, 0, 0, READ_MS);
        return;
    }
    dispatch(run, request);
}
