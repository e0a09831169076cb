/* world - the parts of one simulated ledger.
 *
 *   world.c    virtual time and the queue of what happens
 *   node.c     a simulated machine: performs the actions of a node, crashes, restarts
 *   request.c  what a machine is asked, and its answers
 *   client.c   clients: build, send, retry, remember what was acknowledged
 *   check.c    what must hold at every step, and at the end */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/buffer.h"
#include "loop/jobs.h"
#include "loop/node.h"
#include "sim/sim.h"
#include "store/store_mem.h"
#include "store/witness.h"
#include "support/ledger_fixture.h"

enum {
    NODES_MAX = LIMIT_VOTERS,
    CLIENTS = 4,
    BATCHES_MAX = 64, /* a client sends so many at most */
    TICK_MS = 10,
    STORM_MS = 8000,
    CALM_MS = 60000,
    BLOCKS_MAX = 16384,
    TERMS_MAX = 4096,
};

enum happening_kind {
    HAPPEN_TICK,
    HAPPEN_DELIVER, /* message to a node */
    HAPPEN_JOB,     /* an action of a node is done */
    HAPPEN_REQUEST, /* a client's request reaches a node */
    HAPPEN_ANSWER,  /* an answer reaches a client */
    HAPPEN_CLIENT,  /* a client looks what to do */
    HAPPEN_RESTART,
    HAPPEN_WEATHER,
};

struct happening {
    uint64_t at_ms, order; /* order: of two at one time, the one that was made first */
    enum happening_kind kind;
    uint32_t node, epoch; /* index of the node; jobs of an earlier life are void */
    uint32_t from;        /* DELIVER: member id */
    struct node_message *message;
    struct node_action action; /* JOB */
    uint32_t client;
    uint64_t attempt; /* REQUEST, ANSWER: of the client */
    enum tally_err code;
    bool proof;
    uint32_t leader;
    struct node_answer_event events[8];
    uint32_t events_count;
    struct buffer *receipt; /* ANSWER: of the first event */
};

struct machine {
    struct world *world;
    uint32_t index; /* member id - 1 */
    struct store *store;
    struct witness_data witness; /* durable */
    struct publish_config publish;
    struct ledger *ledger;
    struct node *node; /* NULL: down */
    struct node_actions actions;
    uint32_t epoch;
    uint64_t paused_until_ms, writer_free_ms, apply_free_ms;
    int64_t clock_skew_ms;
    uint64_t commit_checked, published_checked;
};

struct acknowledged {
    struct tally_hash event_hash;
    uint64_t index, sent_ms, acknowledged_ms;
    bool repeated;
};

struct client {
    uint32_t index;
    struct buffer *batch; /* being sent; NULL: idle */
    struct tally_hash hashes[8];
    uint32_t events_count;
    bool proof;
    uint64_t attempt, first_sent_ms, retry_at_ms;
    uint32_t target;
    uint32_t batches_done;
    struct acknowledged *acknowledged; /* BATCHES_MAX * 8 */
    size_t acknowledged_count;
};

struct world {
    uint64_t seed, random, now_ms, order;
    bool trace, calm, done;
    struct sim_totals *totals;
    struct fixture fixture;
    uint32_t nodes_count;
    struct {
        uint32_t loss_percent, duplicate_percent, delay_ms_max, crash_permille, disk_ms_max;
        uint32_t cut_percent, pause_percent;
    } weather;
    bool cut[NODES_MAX][NODES_MAX]; /* from, to */
    struct machine machines[NODES_MAX];
    struct client clients[CLIENTS];
    uint64_t next_subject;

    struct happening **heap;
    size_t heap_count, heap_capacity;

    /* what the checkers know */
    struct tally_hash committed[BLOCKS_MAX];
    bool committed_known[BLOCKS_MAX];
    uint32_t leader_of[TERMS_MAX];
    struct {
        uint64_t size;
        struct tally_hash root;
    } roots[BLOCKS_MAX];
    size_t roots_count;
};

/* Stop with the seed and why. */
_Noreturn void world_violation(const struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void world_trace(const struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
uint64_t world_draw(struct world *world, uint64_t below); /* 0 when below is 0 */
bool world_chance(struct world *world, uint32_t percent);
/* A happening `delay_ms` from now; fill it in before anything else is drawn from the queue. */
struct happening *world_add(struct world *world, enum happening_kind kind, uint64_t delay_ms);

/* node.c */
void machine_open(struct world *world, uint32_t index);
void machine_close(struct machine *machine);
void machine_crash(struct machine *machine);
void machine_restart(struct machine *machine);
void machine_tick(struct machine *machine);
void machine_deliver(struct machine *machine, struct happening *happening);
void machine_job(struct machine *machine, struct happening *happening);
/* One event into the node; its actions are begun. */
void machine_step(struct machine *machine, struct node_event *event);

/* request.c */
void machine_answer(struct machine *machine, const struct node_action *action);
void machine_request(struct machine *machine, struct happening *happening);

/* client.c */
void client_open(struct world *world, uint32_t index);
void client_close(struct client *client);
void client_look(struct world *world, struct client *client);
void client_answer(struct world *world, struct client *client, const struct happening *answer);
bool clients_done(const struct world *world);

/* check.c */
void check_step(struct world *world, struct machine *machine);
void check_root(struct world *world, uint64_t size, const struct tally_hash *root);
void check_receipt(struct world *world, const struct buffer *receipt,
                   const struct tally_hash *event_hash);
bool check_converged(struct world *world);
void check_end(struct world *world);

#endif
