#include "cluster.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

static const struct cluster_calls real_calls = {
    .open = cluster_open,
    .close = tally_client_close,
    .append = tally_client_append,
    .prove = tally_client_prove,
    .status = tally_client_status,
    .subject = tally_client_subject,
    .free_result = tally_client_result_free,
};
const struct cluster_calls *cluster_calls = &real_calls;

uint64_t cluster_now_ms(void)
{
    return clock_monotonic_ms();
}

static enum tally_err open_all(struct cli *cli, bool fresh, struct tally_client **ret_client)
{
    struct tally_diag diag = {""};
    const struct tally_client_options options = {
        .urls = cli_text(cli, "cluster"),
        .ca_file = cli_text(cli, "ca"),
        .timeout_ms = (uint32_t)cli_number(cli, "timeout", CLUSTER_TIMEOUT_S) * 1000,
        .fresh = fresh,
    };
    const enum tally_err err = tally_client_open(&options, ret_client, &diag);

    return err == TALLY_OK ? TALLY_OK : cli_fail(cli, err, &diag);
}

enum tally_err cluster_open(struct cli *cli, struct tally_client **ret_client)
{
    return open_all(cli, false, ret_client);
}

enum tally_err cluster_open_reader(struct cli *cli, struct tally_client **ret_client)
{
    return open_all(cli, cli_flag(cli, "fresh"), ret_client);
}

enum tally_err cluster_open_one(struct cli *cli, const char *url, size_t size,
                                uint32_t timeout_ms, struct tally_client **ret_client,
                                struct tally_diag *diag)
{
    char copy[LIMIT_URL_SIZE + 1];

    if (size >= sizeof copy) {
        tally_diag_set(diag, "a URL is longer than %d characters", LIMIT_URL_SIZE);
        return TALLY_E_INVALID;
    }
    memcpy(copy, url, size);
    copy[size] = '\0';
    return tally_client_open(&(struct tally_client_options){.urls = copy,
                                                            .ca_file = cli_text(cli, "ca"),
                                                            .timeout_ms = timeout_ms},
                             ret_client, diag);
}

enum tally_err cluster_fail(struct cli *cli, enum tally_err err, const struct tally_diag *diag)
{
    (void)cli_fail(cli, err, diag);
    if (err == TALLY_E_UNKNOWN_KEY)
        cli_note(cli, "the key must be enrolled first: in genesis, or by a key.enrolled event");
    if (err == TALLY_E_WRONG_LEDGER)
        cli_note(cli, "--cluster and --trust (or ledger_id in the event) are of two ledgers");
    if (err == TALLY_E_BUSY) cli_note(cli, "nothing was recorded; try again");
    return err;
}
