/* The calls of tally/client.h, one for each kind of request. */
#include <string.h>
#include <tally/client.h>

#include "base/clock.h"
#include "client/perform.h"
#include "client/rpc.h"
#include "crypto/sign.h"

enum tally_err tally_client_append(struct tally_client *client, const uint8_t *batch,
                                   size_t batch_size, enum tally_ack ack,
                                   const struct tally_append_result **ret_result,
                                   struct tally_diag *diag)
{
    struct result *result = NULL;

    const struct rpc_request request = {.kind = RPC_APPEND,
                                        .append = {.batch = bytes_of(batch, batch_size),
                                                   .ack = ack,
                                                   .timeout_ms = client_attempt_ms(client)}};
    const enum tally_err err = client_perform(client, &request, 0, &result, diag);
    if (err == TALLY_OK) *ret_result = &result->response.append;
    return err;
}

static enum tally_err get(struct tally_client *client, const struct rpc_request *request,
                          const struct tally_get_result **ret_result, struct tally_diag *diag)
{
    struct result *result = NULL;
    const enum tally_err err = client_perform(client, request, 0, &result, diag);

    if (err == TALLY_OK) *ret_result = &result->response.get;
    return err;
}

enum tally_err tally_client_get(struct tally_client *client, uint64_t index,
                                const struct tally_get_result **ret_result,
                                struct tally_diag *diag)
{
    const struct rpc_request request = {.kind = RPC_GET, .get = {.index = index}};

    return get(client, &request, ret_result, diag);
}

enum tally_err tally_client_get_event(struct tally_client *client, const uint8_t event_hash[32],
                                      const struct tally_get_result **ret_result,
                                      struct tally_diag *diag)
{
    struct rpc_request request = {.kind = RPC_GET, .get = {.by_hash = true}};

    memcpy(request.get.event_hash, event_hash, sizeof request.get.event_hash);
    return get(client, &request, ret_result, diag);
}

enum tally_err tally_client_log(struct tally_client *client,
                                const struct tally_log_query *query,
                                const struct tally_log_result **ret_result,
                                struct tally_diag *diag)
{
    const struct rpc_request request = {.kind = RPC_LOG, .log = *query};
    struct result *result = NULL;
    const enum tally_err err = client_perform(client, &request, query->wait_ms, &result, diag);

    if (err == TALLY_OK) *ret_result = &result->response.log;
    return err;
}

enum tally_err tally_client_prove(struct tally_client *client, uint64_t index,
                                  uint32_t cosignatures_min, uint32_t wait_ms,
                                  const struct tally_prove_result **ret_result,
                                  struct tally_diag *diag)
{
    const struct rpc_request request = {
        .kind = RPC_PROVE,
        .prove = {.index = index, .cosignatures_min = cosignatures_min, .wait_ms = wait_ms}};
    struct result *result = NULL;
    const enum tally_err err = client_perform(client, &request, wait_ms, &result, diag);

    if (err == TALLY_OK) *ret_result = &result->response.prove;
    return err;
}

enum tally_err tally_client_status(struct tally_client *client,
                                   const struct tally_status_result **ret_result,
                                   struct tally_diag *diag)
{
    const struct rpc_request request = {.kind = RPC_STATUS};
    struct result *result = NULL;
    const enum tally_err err = client_perform(client, &request, 0, &result, diag);

    if (err == TALLY_OK) *ret_result = &result->response.status;
    return err;
}

enum tally_err tally_client_key(struct tally_client *client, const uint8_t key_id[32],
                                const struct tally_key_result **ret_result,
                                struct tally_diag *diag)
{
    struct rpc_request request = {.kind = RPC_KEY};
    struct result *result = NULL;

    memcpy(request.key_id, key_id, sizeof request.key_id);
    const enum tally_err err = client_perform(client, &request, 0, &result, diag);
    if (err == TALLY_OK) *ret_result = &result->response.key;
    return err;
}

enum tally_err tally_client_subject(struct tally_client *client, const char *subject,
                                    const struct tally_subject_result **ret_result,
                                    struct tally_diag *diag)
{
    const struct rpc_request request = {.kind = RPC_SUBJECT, .subject = subject};
    struct result *result = NULL;
    const enum tally_err err = client_perform(client, &request, 0, &result, diag);

    if (err == TALLY_OK) *ret_result = &result->response.subject;
    return err;
}

enum tally_err tally_client_transfer(struct tally_client *client, uint32_t member,
                                     const uint8_t seed[32], struct tally_diag *diag)
{
    struct rpc_request request = {.kind = RPC_TRANSFER, .transfer = {.member = member}};
    const struct tally_status_result *status = NULL;
    char text[RPC_TRANSFER_TEXT_MAX];
    struct result *result = NULL;
    struct sign_key key;
    enum tally_err err = sign_init();

    if (err == TALLY_OK) err = tally_client_status(client, &status, diag);
    if (err != TALLY_OK) return err;
    request.transfer.time_ms = clock_wall_ms();
    sign_keypair_from_seed(seed, &key);
    memcpy(request.transfer.public_key, key.public_key, sizeof request.transfer.public_key);
    sign_detached(&key, text,
                  rpc_transfer_text(status->origin, member, request.transfer.time_ms, text),
                  request.transfer.signature);
    sign_key_wipe(&key);
    tally_client_result_free(status);
    err = client_perform(client, &request, 0, &result, diag);
    if (err == TALLY_OK) tally_client_result_free(&result->response.status);
    return err;
}
