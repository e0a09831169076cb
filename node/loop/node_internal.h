/* node_internal - the parts of struct node that its files share.
 *
 *   node.c          events in, in the order of one step
 *   node_start.c    opening, closing, status
 *   node_effects.c  what the core wants done
 *   node_lead.c     proposing blocks
 *   node_publish.c  boundaries, cosignatures, checkpoints
 *   node_log.c      recent blocks, the one write in flight, verification, apply
 *   node_client.c   appends and waiting requests
 *   node_members.c  who the members are, and changes of that
 *   node_memory.c   what peers remember of a node that starts
 *   node_fit.c      whether we may lead: disk, space, clock, publication
 *   actions.c       the list of actions */
#ifndef LOOP_NODE_INTERNAL_H
#define LOOP_NODE_INTERNAL_H

#include "loop/node.h"

enum slot_check { CHECK_NONE, CHECK_ASKED, CHECK_OK, CHECK_FAILED };

/* A recent block. */
struct slot {
    uint64_t index; /* 0: empty */
    uint64_t term, time_ms;
    struct tally_hash hash;
    uint32_t size; /* bytes */
    enum slot_check check;
    struct buffer *block; /* NULL: only on disk any more */
};

/* A message that must not leave before a write is durable. */
struct held_message {
    uint64_t write; /* number of that write */
    uint32_t to;
    struct node_message *message;
};

/* An append between its arrival and its answer. */
struct pending {
    uint64_t handle;
    struct buffer *batch; /* until it is proposed */
    uint32_t events_count;
    bool proof;
    uint64_t deadline_ms;
    uint64_t block, term;             /* where it was proposed */
    uint64_t index_max;               /* highest record of its results */
    struct node_answer_event *events; /* its results, once applied */
};

struct pending_list {
    struct pending items[LIMIT_REQUESTS_IN_WORK];
    size_t count;
};

struct waiting {
    uint64_t handle;
    enum node_wait_kind kind;
    uint64_t index; /* READ: the round that releases it, then, once released, the block that
                       must be applied */
    bool released;  /* READ */
    uint32_t cosignatures_min;
    uint64_t deadline_ms;
};

/* A member that we talk to. */
struct node_peer {
    uint32_t id;
    uint64_t leave_at_ms; /* removed: forgotten then; 0: a member */
};

struct node {
    struct node_setup config;
    struct raft *raft;
    struct publish *publish;
    struct node_actions *out;            /* of the step that runs */
    struct raft_effects *effects;        /* of the raft step that runs */
    uint64_t now_ms, wall_ms, random;    /* of the event that is handled */
    const struct node_message *incoming; /* the AppendEntries that is handled */
    bool halted;

    /* log */
    struct slot *slots; /* RAFT_RING, by index */
    uint64_t cached_size, cached_from;
    struct {
        uint64_t number; /* of the newest write begun */
        bool in_flight;
        uint64_t began_ms;        /* the one in flight */
        uint64_t last, last_term; /* blocks the write in flight ends with; 0: none */
        uint64_t hard_term;       /* of the hard state that the write in flight has */
        uint64_t next;            /* number of the write that collects now */
        bool hard_state_set;      /* it has a hard state, ... */
        uint64_t truncate_from;   /* ... a truncation (0: none), ... */
        uint64_t from, to;        /* ... blocks; to < from: none */
    } write;
    uint64_t durable; /* blocks on our disk */
    struct held_message *held;
    size_t held_count, held_capacity;
    uint64_t checked;      /* every block up to here was verified or found bad */
    uint64_t applied;      /* blocks */
    uint64_t apply_to;     /* asked for; == applied when no APPLY is on its way */
    uint64_t unchecked_to; /* blocks up to here come from before the start: apply checks them */
    uint64_t size;         /* records applied */

    /* publication */
    struct ledger_boundary boundary;  /* newest applied one */
    uint64_t sign_asked, signed_size; /* sizes, since the start */
    uint64_t signed_before; /* size signed before the start: nothing below it ever is */
    struct publish_cosignature signature; /* our newest; size 0: none */
    uint64_t repeat_at_ms;                /* send it again then */

    /* members */
    struct publish_member *known; /* every member that any Config of the log named */
    uint32_t known_count, known_capacity;
    struct node_peer peers[NODE_PEERS_MAX];
    uint32_t peers_count;
    struct buffer *pending; /* encoded Config that an event authorised; NULL: none */
    uint64_t pending_index; /* that event's record */

    /* starting: what peers remember of us */
    bool asking;
    uint32_t told; /* voters that answered, by place in raft_members() */
    uint64_t ask_at_ms;

    /* fitness to lead */
    enum space_state space;
    bool clock_wrong;
    uint64_t slow_since_ms;        /* group commits are slow since then; 0: they are not */
    uint64_t unpublished_since_ms; /* a boundary of ours waits to be published; 0: none */
    uint64_t hand_over_at_ms;      /* not before: the next try to hand leadership on */
    struct {
        uint32_t id; /* 0: free */
        int64_t off_ms;
        uint64_t heard_ms;
    } clocks[LIMIT_MEMBERS]; /* the voters' clocks against ours */
    int64_t clock_off_ms;

    /* leading */
    uint64_t lead_term;      /* the term we lead and whose TermStart we proposed; 0: none */
    uint64_t term_block;     /* the TermStart block of that term */
    uint64_t boundary_block; /* newest boundary that we proposed in this term */
    uint64_t boundary_size;  /* its checkpoint's size once applied; 0: not yet */

    /* clients */
    struct pending_list queue;    /* not proposed yet */
    struct pending_list proposed; /* by block, ascending */
    struct pending_list proving;  /* applied, waiting for a checkpoint */
    struct waiting waits[NODE_WAITS_MAX];
    size_t waits_count;
};

/* actions.c */
struct node_action *node_action_add(struct node_actions *actions, enum node_action_type type);
void node_log(struct node_actions *actions, const char *name, uint64_t a, uint64_t b);

/* node_effects.c */
/* One event into the core, its effects begun. */
void node_feed(struct node *node, struct raft_event *event);
/* Tell the core, in order, of every block whose check is done. */
void node_checks_advance(struct node *node);
void node_send_cosignature(struct node *node); /* our newest, to everyone */
/* node_halt.c: signed statements contradict each other. Blocks: the message's block at `index`
 * and ours; nothing happens when its leader did not sign it. Roots: publish_divergent(). */
void node_halt_blocks(struct node *node, uint64_t index);
void node_halt_roots(struct node *node);

/* node_members.c */
/* Who the members are by an encoded Config; false: it does not decode. They are known then. */
bool node_members_decode(struct node *node, struct bytes config,
                         struct raft_members *ret_members);
/* Is this the Config that an applied event authorised? */
bool node_members_expect(const struct node *node, struct bytes config);
/* A member of any Config of the log, or NULL. */
const struct publish_member *node_member(const struct node *node, uint32_t id);
void node_members_follow(struct node *node); /* the members in force may be other ones */
/* What the core starts with: RAFT_CONFIGS_MAX places. Errors: TALLY_E_CORRUPT. */
TALLY_NODISCARD enum tally_err node_members_start(struct node *node,
                                                  const struct node_start *start,
                                                  uint64_t commit,
                                                  struct raft_config_at *ret_configs,
                                                  uint32_t *ret_count, struct tally_diag *diag);
void node_members_close(struct node *node);
void node_members_applied(struct node *node, const struct ledger_block_result *result);
bool node_members_due(const struct node *node); /* a leader may propose node->pending */

/* node_memory.c */
void node_memory_tick(struct node *node);
void node_on_memory(struct node *node, uint32_t from, const struct peer_memory *memory);

/* node_fit.c */
const char *node_unfit(const struct node *node);    /* why we must not lead, or NULL */
const char *node_no_space(const struct node *node); /* why it takes no appends, or NULL */
void node_fit_tick(struct node *node);
void node_fit_space(struct node *node, enum space_state space);
void node_fit_written(struct node *node, uint64_t took_ms); /* a write is durable */
void node_fit_clock(struct node *node, uint32_t from, uint64_t wall_ms);

/* node_lead.c: propose what there is to propose. */
void node_lead(struct node *node);

/* node_publish.c */
void node_published(struct node *node, enum publish_result result);
void node_sign_begin(struct node *node);
void node_signed(struct node *node, const struct publish_cosignature *signature);
void node_repeat_cosignature(struct node *node);
void node_applied(struct node *node, const struct node_event *event);

/* node_log.c */
struct slot *node_slot(struct node *node, uint64_t index); /* NULL: not a recent block */
/* Keep `block` (one more holder) as block `index`. False: it does not decode. */
bool node_slot_put(struct node *node, uint64_t index, struct buffer *block);
void node_slots_truncate(struct node *node, uint64_t from);
void node_slots_evict(struct node *node);
/* Add to the write that collects; messages held for it get its number. */
void node_write_collect(struct node *node, bool hard_state, uint64_t truncate_from,
                        uint64_t from, uint64_t to);
/* The write that everything asked for so far is durable with; 0: all of it is. */
uint64_t node_write_newest(const struct node *node);
void node_write_begin(
    struct node *node); /* when none is in flight and something is collected */
void node_hold(struct node *node, uint64_t write, uint32_t to, struct node_message *message);
void node_held_release(struct node *node); /* what waited for a durable write */
void node_apply_begin(struct node *node);

/* node_client.c */
void node_client_append(struct node *node, const struct node_event *event);
void node_client_wait(struct node *node, const struct node_event *event);
/* Answer what was waiting for these results. */
void node_client_applied(struct node *node, const struct ledger_block_result *result);
void node_client_published(struct node *node);
/* Reads of this round and those before may be served when the commit index is applied. */
void node_client_released(struct node *node, uint64_t round);
void node_client_expire(struct node *node);
void node_client_lost(struct node *node, uint64_t truncated_from); /* blocks >= it are gone */
void node_client_stepped_down(struct node *node);
void node_client_no_space(struct node *node); /* what is not proposed yet is refused */
/* Batches from the queue into one body; they move to `proposed` under (block, term). The body
 * may be empty. */
struct buffer *node_client_body(struct node *node, uint64_t block, uint64_t term);
size_t node_client_queued_size(const struct node *node);
void node_client_close(struct node *node);

#endif
