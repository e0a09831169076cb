/* cluster - a client from the options --cluster, --ca and --timeout. */
#ifndef TALLY_CLUSTER_H
#define TALLY_CLUSTER_H

#include <stddef.h>
#include <stdint.h>
#include <tally/client.h>
#include <tally/err.h>

#include "cli.h"

enum { CLUSTER_TIMEOUT_S = 30 };

/* How the ledger is reached by the commands that append and prove. */
struct cluster_calls {
    enum tally_err (*open)(struct cli *cli, struct tally_client **ret_client);
    void (*close)(struct tally_client *client);
    enum tally_err (*append)(struct tally_client *client, const uint8_t *batch,
                             size_t batch_size, enum tally_ack ack,
                             const struct tally_append_result **ret_result,
                             struct tally_diag *diag);
    enum tally_err (*prove)(struct tally_client *client, uint64_t index,
                            uint32_t cosignatures_min, uint32_t wait_ms,
                            const struct tally_prove_result **ret_result,
                            struct tally_diag *diag);
    enum tally_err (*status)(struct tally_client *client,
                             const struct tally_status_result **ret_result,
                             struct tally_diag *diag);
    enum tally_err (*subject)(struct tally_client *client, const char *subject,
                              const struct tally_subject_result **ret_result,
                              struct tally_diag *diag);
    void (*free_result)(const void *result);
};
/* tally/client.h; tests put a ledger of their own in its place. */
extern const struct cluster_calls *cluster_calls;

/* A client of the nodes that the command line names; close it with tally_client_close().
 * Errors are said through cli_fail: TALLY_E_INVALID, TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err cluster_open(struct cli *cli, struct tally_client **ret_client);
/* The same for a command with the option CLI_FRESH. */
TALLY_NODISCARD enum tally_err cluster_open_reader(struct cli *cli,
                                                   struct tally_client **ret_client);
/* The same of one URL (a copy of `size` characters) with a deadline for each call. */
TALLY_NODISCARD enum tally_err cluster_open_one(struct cli *cli, const char *url, size_t size,
                                                uint32_t timeout_ms,
                                                struct tally_client **ret_client,
                                                struct tally_diag *diag);
/* Say why a call failed, with what to do about it. Returns `err`. */
enum tally_err cluster_fail(struct cli *cli, enum tally_err err, const struct tally_diag *diag);
/* Milliseconds of a clock that only goes forward. */
uint64_t cluster_now_ms(void);

#endif
