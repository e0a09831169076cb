/* run_internal - the threads of a node and what they hand each other.
 *
 *   run.c      start, stop, the loop thread, the writer, the apply thread, the workers
 *   run_threads.c  what each thread does
 *   perform.c  what the loop does with actions: jobs onto queues, messages onto the network
 *   run_init.c making a data directory
 *   run_members.c  members that come and go
 *   run_scrub.c    everything stored is read again and again
 *   run_space.c    space on the disk, and the ballast
 *   run_files.c    opening a data directory
 *   run_rebuild.c  a damaged database is set aside and built anew
 *   serve.c    requests of clients, on the workers
 *   serve_status.c  those about the node itself
 *
 * Ownership: an item on a queue belongs to the queue, then to who popped it. */
#ifndef LOOP_RUN_INTERNAL_H
#define LOOP_RUN_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/queue.h"
#include "client/rpc.h"
#include "ledger/ledger.h"
#include "loop/jobs.h"
#include "loop/log_limit.h"
#include "loop/node.h"
#include "loop/run.h"
#include "loop/space.h"
#include "net/client_net.h"
#include "net/peer_net.h"
#include "store/witness.h"

enum {
    RUN_WORKERS_MAX = 16,
    RUN_QUEUE_ITEMS = 64 * 1024,
    RUN_REQUEST_WAIT_MS = 1000, /* a request that nobody began to serve by then gets E_BUSY */
    RUN_REQUESTS_SIZE_MAX = 128 * 1024 * 1024, /* bytes in work; what is more gets E_BUSY */
};

/* A request from its arrival to its answer; its address is the node's handle. */
struct request {
    struct client_request *client;
    struct arena *arena;
    struct rpc_request rpc; /* decoded; borrows from the client's bytes and the arena */
    uint64_t arrived_ms;
    bool reading;                    /* it waits until everything acknowledged is applied */
    uint32_t events_count;           /* append */
    struct tally_diag refused;       /* append: why ingress would refuse it */
    struct node_answer_event *known; /* append that was recorded before; in the arena */
    struct node_status status;       /* status */
};

enum work_kind { WORK_REQUEST, WORK_STATUS, WORK_ACTION };

/* For the workers. */
struct work {
    enum work_kind kind;
    struct client_request *client; /* REQUEST, just arrived ... */
    uint64_t arrived_ms;           /* ... then */
    struct request *request;       /* STATUS */
    struct node_action action;     /* VERIFY, READ, ANSWER_* */
};

/* For the loop: an event and what it borrows. */
struct inbox {
    struct node_event event;
    bool status;                /* no event: fill in the request's status */
    struct request *request;    /* status, append, wait */
    struct buffer *batch;       /* append */
    struct job_applied applied; /* applied */
};

/* Where clients find a member. */
struct run_place {
    uint32_t id;
    char client_url[LIMIT_URL_SIZE + 1];
};

struct run {
    const struct run_config *config;
    struct publish_config publish; /* as of the start; the loop's node knows later members */
    struct {
        pthread_mutex_t lock;
        uint32_t count;
        struct run_place places[NODE_PEERS_MAX];
    } directory;
    struct node_keys keys;
    struct store *store;
    struct ledger *ledger;      /* apply thread */
    struct witness *witness;    /* writer thread */
    bool signed_before_checked; /* writer thread: see job_signed_before */
    struct peer_net *peers;
    struct client_net *clients;
    struct node *node;          /* loop thread */
    struct log_limit log_limit; /* of the node's own lines; loop thread */
    struct node_actions actions;
    uint64_t started_ms;
    char ledger_name[LIMIT_NAME_SIZE + 1];

    struct queue *inbox;   /* struct inbox, or &run->woken */
    struct queue *writes;  /* struct node_action: WRITE, SIGN */
    struct queue *applies; /* struct node_action: APPLY, PUBLISH */
    struct queue *works;   /* struct work: the node's own, checks of blocks above all */
    struct queue *asks;    /* struct work: what clients asked ... */
    struct queue *reads;   /* ... and what reads and sends much: `log` */
    char woken;            /* its address: the network has something */
    atomic_bool wake_pending, stopping;
    atomic_uint_least64_t time_ms; /* of the last record */
    atomic_uint_least64_t applied; /* blocks */
    /* What the background threads sleep on, so that a stop need not wait for them. */
    struct {
        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool stop, asked; /* under the lock; asked: for a pass of the scrub */
    } rest;
    struct {
        atomic_uint_least64_t ended_ms, records; /* of the last whole pass; 0: none so far */
    } scrubbed;
    struct {
        pthread_mutex_t lock;
        struct space now; /* under the lock */
        bool failed;      /* to make the ballast; said once. Space thread */
        uint64_t again_ms;
    } space;
    bool read_only; /* too little space to open the database for writing */
    uint64_t next_tick_ms, next_poll_ms;

    pthread_t loop, writer, applier, scrub, spacer, reader;
    pthread_t workers[RUN_WORKERS_MAX], askers[RUN_WORKERS_MAX];
    size_t workers_count, askers_count;
    bool loop_started, writer_started, applier_started, reader_started, scrub_started,
        spacer_started;
};

/* One line: time level node event key=value... */
void run_log(const struct run *run, enum run_log_level level, const char *event,
             const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Nothing is known after this: say why, and end the process at once. */
_Noreturn void run_fatal(const struct run *run, const char *event, enum tally_err err,
                         const struct tally_diag *diag);
/* Become this program anew, with the same process id; returns when that cannot be. */
void run_again(const struct run *run);
/* A background thread rests; any thread. False: the node stops. */
bool run_rest(struct run *run, uint64_t ms);
bool run_rest_or_asked(struct run *run, uint64_t ms); /* run_scrub_now ends the rest, too */
/* Hand an event to the loop; the inbox is the loop's then. */
void run_post(struct run *run, struct inbox *inbox);
struct inbox *run_inbox_new(enum node_event_type type);
void run_inbox_free(struct inbox *inbox);
void run_work(struct run *run, struct work *work);
struct work *run_work_new(enum work_kind kind);

/* One event into the node, its actions begun. Loop thread; fills in times and randomness. */
void run_step(struct run *run, struct node_event *event);

/* Send a message to a member; any thread. It may be lost: whoever needs it asks again. */
void run_send(struct run *run, uint32_t to, const struct node_message *from);
/* `data`/`name`, NUL-terminated. Errors: TALLY_E_INVALID (too long). */
TALLY_NODISCARD enum tally_err run_path(const char *data, const char *name, char ret_path[4096],
                                        struct tally_diag *diag);
/* run_rebuild.c: before anything is open. Set the database aside, make a new one from genesis
 * and what can still be read. Errors: TALLY_E_CORRUPT (too many were set aside),
 * TALLY_E_NOT_FOUND (the genesis file), TALLY_E_IO. */
TALLY_NODISCARD enum tally_err run_rebuild(struct run *run, const char *why,
                                           struct tally_diag *diag);
/* Keep block 1 beside the database, or put it right: a database that is rebuilt begins with it.
 * Errors: as store_read and file_write. */
TALLY_NODISCARD enum tally_err run_genesis_keep(const char *data, struct store *store,
                                                struct tally_diag *diag);
/* Leave a mark that the next start rebuilds the database, and look for one. */
void run_rebuild_want(const char *data, const char *why);
bool run_rebuild_wanted(const char *data);

/* run_halt.c: a node that halted stays so until a person has looked. Keep why (errors: as
 * file_write); and is that there? TALLY_E_SPLIT_VIEW: it is, and the diag names file and
 * remedy; TALLY_E_INVALID (path too long), TALLY_E_IO (nobody can tell). */
TALLY_NODISCARD enum tally_err run_halt_keep(const char *data, const char *why,
                                             const char *evidence, struct tally_diag *diag);
TALLY_NODISCARD enum tally_err run_halt_check(const char *data, struct tally_diag *diag);

/* run_files.c: key, witness, database and identity into the run; `arena` may hold them until
 * the node is open. Errors: as run_open. */
TALLY_NODISCARD enum tally_err run_files_open(struct run *run, struct arena *arena,
                                              struct tally_diag *diag);

/* run_scrub.c, run_space.c: pthread functions; the context is the run. */
void *run_scrub_main(void *context);
void *run_space_main(void *context);
/* run_space.c. Before the database is opened: is there space for that? Sets run->read_only and
 * run->space. Errors: TALLY_E_IO. */
TALLY_NODISCARD enum tally_err run_space_begin(struct run *run, struct tally_diag *diag);
/* Before a write, on the thread that writes: if the space for it is gone, give the ballast
 * back. One system call. */
void run_space_before_write(struct run *run);
/* A write failed: is there so little space that a node which started now would, in the end,
 * only read? Any thread. */
bool run_space_gone(const struct run *run);
/* Make the ballast of a new data directory, and see that there is space to run in it. Errors:
 * TALLY_E_IO (too little; the diag says how much is missing). */
TALLY_NODISCARD enum tally_err run_ballast_init(const char *data, struct tally_diag *diag);
/* Is it there, whole, with its space really taken? */
bool run_ballast_whole(const char *data);
/* To build a database anew, its whole log is copied: is there space? Errors: TALLY_E_IO. */
TALLY_NODISCARD enum tally_err run_space_for_copy(const char *data, const char *folder,
                                                  struct tally_diag *diag);

/* run_members.c. Loop thread: talk to these members, and to no others. */
void run_members(struct run *run, const struct node_action *action);
/* False: nobody says where it listens. The URL is borrowed from run or member. */
bool run_member_address(const struct run *run, const struct publish_member *member,
                        struct peer_net_peer *ret_peer);
/* Where clients find a member; any thread. False: nobody knows. */
bool run_client_url(struct run *run, uint32_t member, char ret_url[LIMIT_URL_SIZE + 1]);
/* What the configuration says of a member, or NULL. */
const struct run_peer *run_peer_named(const struct run *run, const char *name);

/* run_threads.c: pthread functions; the context is the run. */
void *run_loop_main(void *context);
void *run_writer_main(void *context);
void *run_apply_main(void *context);
void *run_worker_main(void *context);
void *run_asker_main(void *context);
void *run_reader_main(void *context);
/* run_threads.c: called by node/net. */
void run_on_peer_message(void *context, uint32_t from, enum peer_channel channel,
                         struct bytes message);
void run_on_peer_session(void *context, uint32_t peer);
void run_on_wake(void *context);

/* perform.c: begin what node_step asked for; empties run->actions. */
void run_perform(struct run *run);
/* perform.c: a message of a member, as it came from the network. Loop thread. */
void run_peer_message(struct run *run, uint32_t from, struct bytes bytes);

/* serve.c, on the workers. */
void serve_request(struct run *run, struct client_request *client);
void serve_status(struct run *run, struct request *request);
/* serve_status.c */
void serve_transfer(struct run *run, struct request *request);
/* Answer and let go of the request. */
void serve_answer(struct request *request, const struct rpc_response *response);
void serve_error(struct run *run, struct request *request, enum tally_err err,
                 const struct tally_diag *diag);
struct tally_bytes serve_lend(struct bytes bytes);
void serve_append_answer(struct run *run, const struct node_action *action);
void serve_wait_answer(struct run *run, const struct node_action *action);
/* Answer E_BUSY without looking into the request. */
void serve_busy(struct client_request *client);

#endif
