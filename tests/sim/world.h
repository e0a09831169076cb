/* world - the parts of one simulated ledger.
 *
 *   world.c    virtual time, the queue of what happens, the phases
 *   weather.c  what is drawn at the start and every quarter of a second; healing
 *   network.c  messages on their way
 *   node.c     a simulated machine: steps, the actions of a step, crash, restart
 *   disk.c     jobs: what a machine does with its disk, and what a crash leaves of it
 *   request.c  what a machine is asked, and its answers
 *   client.c   clients: build, send, retry, remember what was acknowledged
 *   check.c    what must hold at every step
 *   check_end.c  what must hold at the end
 *   break.c    shows each check a violation */
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
    CLIENTS = 6,
    BATCHES_MAX = 64, /* a client sends so many at most */
    TICK_MS = 10,
    WEATHER_MS = 250,
    STORM_MS = 4000, /* up to twice as long */
    CALM_MS = 60000,
    ELECTION_MS = 150,
    BLOCKS_MAX = 16384,
    TERMS_MAX = 4096,
    READS_MAX = 1024, /* reads on their way */
    OLD_MAX = 64,     /* messages kept to come again */
    RECEIPTS_MAX = 2048,
};

enum happening_kind {
    HAPPEN_TICK,
    HAPPEN_DELIVER, /* message to a node */
    HAPPEN_SESSION, /* a node has a new session with `from` */
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
    uint32_t from;        /* DELIVER, SESSION: member id */
    struct node_message *message;
    struct node_action action; /* JOB */
    uint32_t client;
    uint64_t attempt; /* REQUEST, ANSWER: of the client */
    uint64_t read;    /* REQUEST: number of a read; 0: it is an append */
    enum tally_err code;
    uint32_t leader;
    struct node_answer_event events[8];
    uint32_t events_count;
    struct buffer *receipt; /* ANSWER: of the first event */
};

struct machine {
    struct world *world;
    uint32_t index;                  /* member id - 1 */
    struct store *store, *old_store; /* old: a copy of earlier, NULL: none */
    struct witness_data witness;     /* durable */
    struct publish_config publish;
    struct ledger *ledger;
    struct node *node; /* NULL: down */
    struct node_actions actions;
    uint32_t epoch;
    bool wiped;
    enum space_state space;
    bool damaged, broken;     /* something on its disk; it met that and stopped */
    bool bad_disk, bad_clock; /* of the minority that worse things happen to */
    uint64_t paused_until_ms, writer_free_ms, apply_free_ms;
    uint64_t disk_ms, disk_slow_until_ms; /* so long takes a write until then */
    int64_t clock_off_ms;
    uint64_t commit_checked, signed_checked;
};

struct acknowledged {
    struct tally_hash event_hash;
    uint64_t index, sent_ms, acknowledged_ms;
};

struct client {
    uint32_t index;
    bool wrong_clock;
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

struct weather {
    uint32_t loss_percent, duplicate_percent, delay_ms_max, disk_ms_max;
    uint32_t cut_percent, clog_percent, pause_percent, reset_percent, old_percent;
    uint32_t clock_percent, slow_percent, space_percent, transfer_percent, damage_percent;
    uint32_t power_permille, error_per_10000;
    uint32_t crash_per_100000, favourite, favourite_per_100000; /* favourite: a crash point */
    uint64_t cache_size; /* small: older blocks come from the disk */
};

struct world {
    uint64_t seed, random, now_ms, order, digest;
    const struct sim_options *options;
    bool calm;
    struct sim_totals *totals;
    struct fixture fixture;
    uint32_t nodes_count;
    struct weather weather;
    bool cut[NODES_MAX][NODES_MAX]; /* from, to */
    uint64_t clogged_until_ms[NODES_MAX][NODES_MAX];
    struct {
        uint32_t from, to;
        struct node_message *message;
    } old[OLD_MAX];
    uint64_t sent;
    struct machine machines[NODES_MAX];
    struct client clients[CLIENTS];
    uint64_t next_subject, reads;
    uint64_t read_floor[READS_MAX]; /* records that were acknowledged when it was sent */
    uint64_t acknowledged_floor;

    struct happening **heap;
    size_t heap_count, heap_capacity;

    /* what the checks know */
    struct tally_hash committed[BLOCKS_MAX];
    bool committed_known[BLOCKS_MAX];
    uint64_t boundary_size[BLOCKS_MAX]; /* by block; 0: not known */
    uint32_t leader_of[TERMS_MAX];
    struct root {
        uint64_t size;
        struct tally_hash root;
        bool published;
    } roots[BLOCKS_MAX];
    size_t roots_count;
    struct receipt {
        uint64_t index, size;
        struct tally_hash leaf;
    } receipts[RECEIPTS_MAX];
    size_t receipts_count;
};

/* Stop with the seed and why. */
_Noreturn void world_violation(const struct world *world, enum sim_check check,
                               const char *format, ...) __attribute__((format(printf, 3, 4)));
void world_trace(const struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* `value` is part of what happened: it goes into the digest. */
void world_note(struct world *world, uint64_t value);
uint64_t world_draw(struct world *world, uint64_t below); /* 0 when below is 0 */
bool world_chance(struct world *world, uint32_t percent);
/* A happening `delay_ms` from now; fill it in before anything else is drawn from the queue. */
struct happening *world_add(struct world *world, enum happening_kind kind, uint64_t delay_ms);
/* Of the jobs of this machine's present life that its writer has, the first; NULL: none. */
struct happening *world_writing(struct world *world, const struct machine *machine);
/* Messages between these two are lost. */
void world_drop(struct world *world, uint32_t a, uint32_t b);

/* weather.c */
void weather_draw(struct world *world);
void weather_turn(struct world *world);
void weather_heal(struct world *world);

/* network.c */
void network_send(struct machine *machine, uint32_t to, const struct node_message *message);
void network_deliver(struct machine *machine, struct happening *happening);
void network_session(struct machine *machine, uint32_t from);
void network_reset(struct world *world, uint32_t a, uint32_t b); /* both ends, by index */
void network_old_again(struct world *world);
void network_close(struct world *world);

/* node.c */
void machine_open(struct world *world, uint32_t index);
void machine_close(struct machine *machine);
/* May it crash here? If so it does, and true is returned. */
bool machine_crashes(struct machine *machine, uint32_t point);
void machine_crash(struct machine *machine);
void machine_break(struct machine *machine, const char *why); /* it met a damaged block */
void machine_restart(struct machine *machine);
void machine_tick(struct machine *machine);
/* One event into the node; its actions are begun. */
void machine_step(struct machine *machine, struct node_event *event);
bool machine_paused(const struct machine *machine);

/* disk.c */
uint64_t disk_delay(struct machine *machine, enum node_action_type type);
void disk_job(struct machine *machine, struct happening *happening);
void disk_lose_power(struct machine *machine); /* what of the writes in flight is there? */
void disk_damage(struct machine *machine);
void disk_rebuild(struct machine *machine);
void disk_scrub(struct machine *machine);

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
void check_leader(struct world *world, uint64_t term, uint32_t id);
void check_committed(struct world *world, uint32_t id, uint64_t index,
                     const struct tally_hash *hash);
/* A boundary that a machine applied. */
void check_boundary(struct world *world, uint64_t block, uint64_t size,
                    const struct tally_hash *root);
void check_root(struct world *world, uint64_t size, const struct tally_hash *root,
                bool published);
void check_signed(struct machine *machine, uint64_t size, const struct tally_hash *root);
void check_published(struct world *world, struct bytes bytes);
void check_receipt(struct world *world, const struct buffer *receipt,
                   const struct tally_hash *event_hash);
void check_read(struct world *world, uint64_t floor, uint64_t size);

/* check_end.c */
bool check_converged(struct world *world);
void check_end(struct world *world);
_Noreturn void check_no_agreement(const struct world *world);

/* break.c */
void break_check(struct world *world, enum sim_check check);

#endif
