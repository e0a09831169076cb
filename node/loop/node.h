/* node - one member's decisions: consensus, publication and client sessions.
 *
 * What it is    A deterministic state machine around node/raft and node/publish. node_step()
 * takes one event and appends the actions that follow from it, in the order in which they must
 * be begun. Same start, same events: same actions, always. Never does    no clock, no
 * randomness, no I/O, no threads, no logging; time and random numbers come with every event. It
 * does allocate: the cache of recent blocks, waiting requests, and the actions. Who calls it
 * node/loop/run.c with threads, sockets and a disk; tests/sim with none of them. Contract
 * Actions are begun in order. WRITE jobs are done one after another, each answered by WRITTEN
 * when it is durable: messages that promise something durable are not among the actions before
 * that. A message may be lost, doubled or late; nothing else may. Every READ, VERIFY, APPLY and
 * SIGN is answered once. Ownership     Events are borrowed for the call. Actions hold buffers:
 * node_actions_clear lets them go. Limits        LIMIT_REQUESTS_IN_WORK appends, NODE_WAITS_MAX
 * other waiting requests; beyond these a request is answered E_BUSY. Not thread-safe: the loop
 * thread owns it. Read first    docs/architecture.md "One append", then node_step(). */
#ifndef LOOP_NODE_H
#define LOOP_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "ledger/ledger.h"
#include "loop/space.h"
#include "net/peer_codec.h"
#include "publish/publish.h"
#include "raft/raft.h"
#include "store/store.h"
#include "store/witness.h"

enum {
    NODE_WAITS_MAX = 4096,      /* requests that wait for anything but an append ... */
    NODE_WAITS_LONG_MAX = 1024, /* ... for a proof or for new records if they are fewer */
    NODE_FUTURE_MS = 5000,      /* a block may be so far ahead of our own clock */
    NODE_CACHE_SIZE = 96 * 1024 * 1024, /* bytes of recent blocks kept in memory */
    NODE_PEERS_MAX = RAFT_PEERS_MAX,    /* members, and some that left lately */
    NODE_PROOF_EVENTS_MAX = 256,        /* events in one append that asks for proofs */
};

struct node_setup {
    /* Origin, keys, and the members as of what is applied; borrowed for the node's life. */
    const struct publish_config *publish;
    uint32_t election_ms, heartbeat_ms;
    uint64_t future_ms;  /* NODE_FUTURE_MS unless a test says otherwise */
    uint64_t cache_size; /* NODE_CACHE_SIZE unless a test says otherwise */
    /* The store cannot be written: the node answers reads from what it has, and neither talks
     * to other members nor asks for any job. */
    bool read_only;
};

/* A Config block above what is applied. */
struct node_config_block {
    uint64_t index;
    struct bytes config; /* encoded */
};

/* What the disk held when the node started. */
struct node_start {
    struct store_hard_state hard_state;
    uint64_t applied;                /* block index */
    uint64_t size;                   /* records applied */
    struct ledger_boundary boundary; /* newest applied one */
    const struct store_block
        *blocks;             /* from the commit index (or applied, if higher) to the last */
    size_t blocks_count;     /* >= 1 */
    struct bytes checkpoint; /* newest published note; empty: none */
    uint64_t signed_size;    /* of the newest tree that the witness says we signed */
    const struct node_config_block *configs; /* in blocks above `applied`, ascending */
    uint32_t configs_count;
    struct bytes pending;   /* encoded Config that an applied event authorised; empty: none */
    uint64_t pending_index; /* that event's record */
    struct raft_lost lost;  /* the witness names a block that the log lacks; index 0: none */
};

/* A message of the raft core with the blocks it names, or a share of a checkpoint. */
enum node_message_kind { NODE_MESSAGE_RAFT, NODE_MESSAGE_COSIGNATURE, NODE_MESSAGE_MEMORY };

struct node_message {
    enum node_message_kind kind;
    struct raft_message raft;               /* kind RAFT; its entries pointer is not used */
    struct buffer *blocks[RAFT_BATCH_MAX];  /* RAFT_APPEND: raft.entries_count of them */
    struct publish_cosignature cosignature; /* kind COSIGNATURE */
    struct peer_memory memory;              /* kind MEMORY */
};

enum node_event_type {
    NODE_TICK,
    NODE_MESSAGE,   /* from an authenticated member */
    NODE_SESSION,   /* a new session with member `from`: what was on its way is lost */
    NODE_APPEND,    /* a batch that passed batch_check, and what ledger_ingress said of it */
    NODE_WAIT,      /* a request that waits for a checkpoint or for records */
    NODE_WRITTEN,   /* the WRITE job is durable */
    NODE_VERIFIED,  /* a VERIFY job is done */
    NODE_APPLIED,   /* an APPLY job is done */
    NODE_SIGNED,    /* a SIGN job is done: the witness is durable, the cosignature made */
    NODE_READ_DONE, /* a READ job is done (its blocks were sent), or failed */
    NODE_TRANSFER,  /* an operator wants another leader */
    NODE_SPACE,     /* the disk has too little space, or has enough again */
};

enum node_wait_kind {
    NODE_WAIT_PROOF,
    NODE_WAIT_RECORDS,
    NODE_WAIT_READ, /* until everything that was acknowledged to anyone is applied here; only a
                       leader can tell */
};

struct node_event {
    enum node_event_type type;
    uint64_t now_ms;  /* monotonic */
    uint64_t wall_ms; /* since 1970 */
    uint64_t random;  /* fresh for every event */
    union {
        struct {
            uint32_t from;
            const struct node_message *message;
        } message; /* NODE_MESSAGE */
        uint32_t session_from;
        struct {
            uint64_t handle;      /* names the request in the answer; not 0 */
            struct buffer *batch; /* encoded Batch */
            uint32_t events_count;
            bool proof;             /* answer with proof files */
            enum tally_err refused; /* what ingress found against it in applied state, or OK */
            uint64_t deadline_ms;
        } append;
        struct {
            uint64_t handle;
            enum node_wait_kind kind;
            uint64_t index;            /* PROOF: the record; RECORDS: wait for size > index */
            uint32_t cosignatures_min; /* PROOF */
            uint64_t deadline_ms;
        } wait;
        struct {
            uint64_t index, term;
            bool ok;
        } verified;
        struct {
            const struct ledger_block_result *results;
            size_t count;
        } applied;
        struct publish_cosignature cosigned; /* NODE_SIGNED */
        struct {
            uint32_t to;
            uint64_t first, last; /* what was sent; last < first: failed */
            uint64_t size;        /* bytes */
        } read_done;
        uint32_t transfer_to; /* member id; 0: whoever is furthest */
        enum space_state space;
    };
};

/* The last block of a log. */
struct node_log_end {
    uint64_t index, term;
    struct tally_hash hash;
};

enum node_action_type {
    NODE_WRITE,
    NODE_SEND,
    NODE_VERIFY,
    NODE_APPLY,
    NODE_SIGN,
    NODE_READ,
    NODE_ANSWER_APPEND,
    NODE_ANSWER_WAIT,
    NODE_MEMBERS,
    NODE_PUBLISH,
    NODE_LOG,
    NODE_HALT,
};

struct node_answer_event {
    uint64_t index, time_ms;
    bool allowed, repeated_request;
    uint16_t failed_rules_count;
    uint16_t failed_rules[8]; /* the first ones */
};

/* Fill an answer from a result; rules beyond the room are left out. */
void node_answer_fill(struct node_answer_event *to, const struct ledger_event_result *from);

struct node_action {
    enum node_action_type type;
    union {
        struct {
            bool hard_state_set;
            struct store_hard_state hard_state;
            uint64_t truncate_from;
            struct buffer **blocks; /* owned array */
            uint64_t first;
            size_t blocks_count;
            /* For the witness: where the log ends after the truncation (index 0: there is
             * none), and after all of it. `lost`: it ended further once. */
            struct node_log_end kept, end;
            bool lost;
        } write;
        struct {
            uint32_t to;
            struct node_message *message; /* owned */
        } send;
        struct {
            uint64_t index, term;
            struct buffer *block;
            bool leader_known;
            uint8_t leader_key[32]; /* the peer key of the member that the header names */
        } verify;
        struct {
            uint64_t from, to; /* block indexes, durable here */
            bool verified;
        } apply;
        struct {
            uint64_t size;
            struct tally_hash root;
            uint64_t time_ms;
        } sign;
        struct { /* send blocks from `from` on, at most to `to`, from the disk */
            uint32_t member;
            uint64_t from, to;
            struct raft_message message; /* header of the AppendEntries to complete */
            bool answer;                 /* answer with READ_DONE */
        } read;
        struct {
            uint64_t handle;
            enum tally_err code;
            uint32_t leader;                  /* with E_NOT_LEADER */
            const char *why;                  /* with E_BUSY; static */
            struct node_answer_event *events; /* owned; NULL unless code is OK */
            uint32_t events_count;
            struct buffer *checkpoint; /* set when proofs are to be made from it */
        } answer_append;
        struct {
            uint64_t handle;
            enum tally_err code;
            uint64_t index;
            uint32_t leader;           /* with E_NOT_LEADER */
            struct buffer *checkpoint; /* PROOF */
        } answer_wait;
        struct {
            struct publish_member *list; /* owned: everyone to talk to, not ourselves */
            uint32_t count;
        } members;
        struct {
            uint64_t size;
            struct buffer *checkpoint;
        } publish;
        struct {
            const char *name; /* static, a stable event name */
            uint64_t a, b;
        } log;
        struct {
            const char *why; /* static: why this node must stop */
            char *evidence;  /* owned text, lines: the statements that contradict each other */
        } halt;
    };
};

struct node_actions {
    struct node_action *items;
    size_t count, capacity;
};

struct node;

/* Start a node. Errors: TALLY_E_NO_MEMORY, TALLY_E_MALFORMED (a block does not decode),
 * TALLY_E_CORRUPT (the blocks do not chain). `now_ms`, `random` as in an event. */
TALLY_NODISCARD enum tally_err node_open(const struct node_setup *setup,
                                         const struct node_start *start, uint64_t now_ms,
                                         uint64_t random, struct node **ret_node,
                                         struct tally_diag *diag);
void node_close(struct node *node); /* NULL is accepted */
/* Before node_close: answer all requests that wait, with E_TIMEOUT. */
void node_abandon(struct node *node, struct node_actions *actions);

/* One event; actions are appended to `actions`, which starts zeroed. Running out of memory
 * stops the process: nothing is half done. */
void node_step(struct node *node, const struct node_event *event, struct node_actions *actions);

/* Release what one action holds, and all of them. */
void node_action_release(struct node_action *action);
void node_actions_clear(struct node_actions *actions); /* keeps the memory for the next step */
void node_actions_free(struct node_actions *actions);
void node_message_release(struct node_message *message); /* its blocks; not the struct */

/* For status and checkers. */
struct node_status {
    enum raft_role role;
    uint64_t term;
    uint32_t leader;
    uint64_t last, commit, applied, size, published;
    uint64_t lost;        /* a block that the log had once and lacks; 0: none */
    bool asking;          /* no vote before the peers said what they remember */
    const char *unfit;    /* why it must not lead, or NULL; static */
    int64_t clock_off_ms; /* a leader's clock against the median of the voters' */
    uint32_t successor;   /* leadership is being handed to it, or 0 */
    uint32_t members_count;
    struct {
        uint32_t id;
        bool voter;
        char name[LIMIT_NAME_SIZE + 1], site[LIMIT_NAME_SIZE + 1];
        uint64_t match;
        uint64_t heard_ms_ago; /* UINT64_MAX: never */
    } members[LIMIT_MEMBERS];
};
void node_status(const struct node *node, uint64_t now_ms, struct node_status *ret_status);
const struct raft *node_raft(const struct node *node);
/* The newest published checkpoint, borrowed until the next step; empty: none. */
struct bytes node_checkpoint(const struct node *node);

#endif
