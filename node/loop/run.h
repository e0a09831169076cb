/* run - a node with its threads, sockets and disk.
 *
 * Threads: the caller's (waits), loop, writer, apply, workers, and NNG's own;
 * docs/architecture.md, "Threads of a node". One run per process. */
#ifndef LOOP_RUN_H
#define LOOP_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "net/net_tls.h"

enum run_log_level { RUN_LOG_DEBUG, RUN_LOG_INFO, RUN_LOG_WARNING, RUN_LOG_ERROR };

struct run_peer {
    const char *name;
    const char *peer_url, *client_url;
};

/* Borrowed for the life of the run. */
struct run_config {
    const char *data; /* directory that run_init made */
    char **restart; /* arguments to start this program with again, NULL-terminated, when damage
                       was found on the disk or its space is back; NULL: the process ends */
    const char *peer_listen, *client_listen, *advertise;
    const struct run_peer *peers; /* the other members */
    uint32_t peers_count;
    struct net_tls peer_tls, client_tls;
    uint32_t election_ms, heartbeat_ms;
    enum run_log_level log_level;
};

/* Make the data directory `data` for the node whose key file is `key_path`, from a sealed
 * genesis. The key file moves into the directory: it cannot be used for a second one.
 *   join_as  the member id that `tally cluster add` gave to a node that genesis does not name;
 * 0: genesis names it Errors: TALLY_E_CONFLICT (the directory exists), TALLY_E_NOT_FOUND (no
 * such member, no key file), TALLY_E_MISMATCH (the member has other keys), TALLY_E_SIGNERS,
 * TALLY_E_MALFORMED (genesis), TALLY_E_IO (also: too little space). */
TALLY_NODISCARD enum tally_err run_init(const char *data, struct bytes genesis,
                                        const char *key_path, uint32_t join_as,
                                        struct tally_diag *diag);

/* Called now and then, on the thread of the check. */
typedef void run_check_progress(void *context, const char *what, uint64_t done, uint64_t all);
struct run_check_config {
    run_check_progress *progress; /* NULL is accepted */
    void *context;
};
struct run_checked {
    uint64_t blocks, records, keys, bytes; /* looked at, and good; bytes: of blocks */
    uint64_t signed_size;    /* records of the largest tree that this node signed */
    uint64_t published;      /* records that its checkpoint covers */
    uint64_t lost_to;        /* the log should reach this block and does not; 0: it does */
    unsigned witness_copies; /* damaged ones; the next start writes them again */
    bool halted;             /* it halted and must not start */
    bool ballast;            /* the reserve of space is there; a node that runs makes it */
};
/* Read everything in the data directory of a node that does not run, and change nothing.
 * `ret_checked` says how far it came, also after an error: TALLY_E_CORRUPT (the diag says what
 * is damaged), TALLY_E_SPLIT_VIEW (signed roots differ, or it halted), TALLY_E_BUSY (a process
 * works in it), TALLY_E_NOT_FOUND (no data directory), TALLY_E_MISMATCH, TALLY_E_WRONG_LEDGER
 * (files of different nodes or ledgers), TALLY_E_MALFORMED (key file), TALLY_E_IO,
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err run_check(const char *data,
                                         const struct run_check_config *config,
                                         struct run_checked *ret_checked,
                                         struct tally_diag *diag);

struct run;

/* Start a node on a data directory and return while it works.
 * A damaged database is rebuilt first: run_rebuild. With too little space to open it, the node
 * only answers reads, until there is space: then it starts itself anew.
 * Errors: TALLY_E_NOT_FOUND (run_init has not finished here), TALLY_E_CORRUPT, TALLY_E_INVALID
 * (configuration), TALLY_E_WRONG_LEDGER, TALLY_E_MISMATCH (key), TALLY_E_SPLIT_VIEW (it halted
 * once, and nobody has removed the file that says so), TALLY_E_IO (also: port in use). */
TALLY_NODISCARD enum tally_err run_open(const struct run_config *config, struct run **ret_run,
                                        struct tally_diag *diag);
/* Read everything stored now, not only when the next pass is due. Thread-safe. */
void run_scrub_now(struct run *run);
/* Stop and free; NULL is accepted. A storage error ends the process inside, without a return.
 */
void run_close(struct run *run);

#endif
