/* submit - from a draft to a checked receipt on disk: what `append` and `register` share.
 *
 * Order       The signed event is on disk in OUT.pending before it is first sent; the receipt
 * is on disk in OUT before OUT.pending is removed. So whatever happens in between, the same
 * command ends with the one receipt of the one record. Errors      Everything is said through
 * cli_fail. One thread. */
#ifndef TALLY_SUBMIT_H
#define TALLY_SUBMIT_H

#include <stdbool.h>
#include <tally/client.h>
#include <tally/err.h>

#include "base/arena.h"
#include "cli.h"
#include "crypto/keyfile.h"
#include "disk.h"
#include "pending.h"

struct json_t;

/* Options of every command that appends. */
#define SUBMIT_OUT                                                                             \
    {                                                                                          \
        .name = "out", .type = CLI_TEXT, .argument = "FILE",                                   \
        .text = "the receipt (.tlog-proof); required unless --ack=committed"                   \
    }
#define SUBMIT_ACK                                                                             \
    {                                                                                          \
        .name = "ack", .type = CLI_TEXT, .argument = "proof|committed",                        \
        .text = "wait for the receipt (default), or only until the event is recorded for good" \
    }
#define SUBMIT_TRUST                                                                           \
    {                                                                                          \
        .name = "trust", .type = CLI_TEXT, .argument = "FILE",                                 \
        .text = "trust file; the receipt is checked against it before it is written"           \
    }

struct submit {
    struct cli *cli;
    struct arena *arena;
    struct tally_client *client;
    bool has_key, has_trust, has_pending;
    struct user_key key;         /* secret; wiped by submit_close() */
    struct bytes trust;          /* contents of the trust file */
    struct tally_hash ledger_id; /* of the trust file, else of the cluster, when asked for */
    bool has_ledger_id;
    enum tally_ack ack;
    const char *out; /* NULL: with --ack=committed */
    bool quiet;      /* set by a command that tells of success itself; after submit_open() */
    struct json_t *extra; /* members that --json adds to the answer, or NULL; the command's */
    uint64_t index;       /* of the record, once submit_send() was OK */
    char pending_path[DISK_PATH_MAX];
    struct pending pending; /* what OUT.pending held, then what is sent */
};

/* Read the options cluster, ca, timeout, key, trust, ack and out of the command line, the files
 * they name, and OUT.pending if there is one; make the client. Nothing is sent yet. */
TALLY_NODISCARD enum tally_err submit_open(struct cli *cli, struct submit *ret_submit);
void submit_close(struct submit *submit); /* also of a half-open one */

/* The ledger id: of the trust file, else asked from the cluster. */
TALLY_NODISCARD enum tally_err submit_ledger(struct submit *submit);

/* Fill in and sign a draft, or find it in OUT.pending; another event there is refused. */
TALLY_NODISCARD enum tally_err submit_draft(struct submit *submit, struct json_t *draft);
/* Take over an event that others may have signed. */
TALLY_NODISCARD enum tally_err submit_file(struct submit *submit, struct bytes file);
/* Send it and write the receipt. TALLY_E_DENIED: recorded, and denied. */
TALLY_NODISCARD enum tally_err submit_send(struct submit *submit);

/* Which required signers have not signed, one line for each. */
void submit_print_missing(struct cli *cli, const struct pending *pending);

#endif
