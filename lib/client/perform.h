/* perform - one call of the client library, from request to result. */
#ifndef CLIENT_PERFORM_H
#define CLIENT_PERFORM_H

#include <stdint.h>
#include <tally/client.h>
#include <tally/err.h>

#include "client/rpc.h"

/* What a call gives: the public struct is a member of the response, all of which lives in the
 * arena. */
struct result {
    struct arena *arena;
    struct rpc_response response;
};

/* Perform `request` until the client's deadline; it may wait at the node for wait_ms more.
 * *ret_result is freed by tally_client_result_free(&result->response.append). Errors: those of
 * tally/client.h. */
TALLY_NODISCARD enum tally_err client_perform(struct tally_client *client,
                                              const struct rpc_request *request,
                                              uint32_t wait_ms, struct result **ret_result,
                                              struct tally_diag *diag);
/* How long one attempt waits for its answer: a quarter of the deadline, and at least a second.
 */
uint32_t client_attempt_ms(const struct tally_client *client);

#endif
