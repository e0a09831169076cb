/* raft - who leads, and which blocks are committed. A pure state machine.
 *
 * What it is
 *     Raft (Ongaro 2014, fig. 3.1, with pre-vote 9.6, check-quorum 6.2, single-server
 * membership change 4.1, learners 4.2.1, leadership transfer 3.10, ReadIndex 6.4) as one
 * function: raft_step() takes the state and one event, updates the state and fills a list of
 *     effects. Same state, same event: same result, always. Of a block it knows term, size
 *     and hash, and of a Config block who is a member; the bytes are the caller's.
 * What it never does
 *     No clock, no randomness, no I/O, no logging, no threads, no callbacks; no allocation
 *     after raft_open(). It includes lib/base and <std*> only.
 * Who calls it
 *     node/loop in production and in simulation; tests. Nobody else. One thread.
 * Contract
 *     After a step the caller begins its effects in this order: truncate and append, with
 *     the hard state, as one atomic write; messages; verification; backfills. Writes become
 *     durable in the order in which they were begun (several steps may share one), and each
 *     is answered by PERSISTED. A message with `after_persist` leaves only when every write
 *     of this step and before is durable; the others may leave at once: what they promise
 *     was durable already. A leader may so send blocks that its own disk does not have yet;
 *     it counts itself only after PERSISTED. Every hard state written has the newest
 *     raft_commit() in it; a commit index alone is never worth a write.
 *     The first PROPOSE after `became_leader` is the block that opens the term.
 *     The caller drops, before the core sees it, a message whose blocks do not decode, do
 *     not follow each other by hash, or lie too far in the future: for Raft it was lost.
 * Departures
 *     Blocks carry hashes, and a message names the hash of the block before its own. A block
 *     that contradicts one of ours is never taken over (see `halt`). A follower acknowledges
 *     what is durable *and* verified. An AppendEntries below the commit index is answered
 *     with the commit index (Leader Completeness, 3.6.3): to check one, nothing below the
 *     ring is ever needed. A vote asked for in a transfer is considered beside a live leader
 *     only when that leader itself named the asker its successor.
 *     A node whose log ends before what it acknowledged once (`lost`) compares votes with what
 *     it had, and neither campaigns nor acknowledges until it has that much again.
 * Limits
 *     RAFT_RING entries are known. The ring always covers what is not *settled*: committed,
 *     durable and verified here. A leader proposes below LIMIT_UNCOMMITTED_BLOCKS and
 *     LIMIT_UNCOMMITTED_SIZE of that; a follower takes over no more than RAFT_UNSETTLED_MAX
 *     blocks and twice the size: the leader sends the rest again.
 * Invariants
 *     Term and commit index never decrease. A vote never changes within a term. Nothing at
 *     or below the commit index is truncated. No message of a peer reaches an assertion.
 * Read first
 *     docs/protocol.md "Raft core", then raft_step() in raft.c. Not thread-safe. */
#ifndef RAFT_RAFT_H
#define RAFT_RAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/limits.h"

enum {
    RAFT_RING = 4096,             /* newest entries that the core knows */
    RAFT_BATCH_MAX = 64,          /* entries in one AppendEntries */
    RAFT_NOBODY = 0,              /* no member has this id */
    RAFT_TERM_JUMP_MAX = 1 << 20, /* a message further ahead than this is dropped */
    RAFT_CONFIGS_MAX = 8,         /* Config blocks above the commit index */
    RAFT_LEAVING_MAX = 8,         /* removed members that still hear the news */
    RAFT_PEERS_MAX = LIMIT_MEMBERS + RAFT_LEAVING_MAX,
    RAFT_MESSAGES_MAX = RAFT_PEERS_MAX * (LIMIT_INFLIGHT_BLOCKS + 3),
    RAFT_NOTES_MAX = 16,
    RAFT_UNSETTLED_MAX = RAFT_RING - 1, /* one place is the last settled entry's */
    RAFT_DISK_ELECTIONS = 10,    /* a leader's disk may hang for so many election time-outs */
    RAFT_TRANSFER_ELECTIONS = 2, /* a transfer may take so many */
    RAFT_LEAVE_ELECTIONS = 64,   /* a removed member is still served for so many */
};
_Static_assert(LIMIT_UNCOMMITTED_BLOCKS <= RAFT_RING / 2,
               "room for the first blocks of terms beyond what a leader may propose");

enum raft_role { RAFT_FOLLOWER, RAFT_PRECANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

/* What the core knows of a block. */
struct raft_entry {
    uint64_t term;
    uint32_t size; /* bytes */
    struct tally_hash hash;
};

/* Who belongs to the cluster, as a Config block says. */
struct raft_members {
    uint32_t count;              /* 1..LIMIT_MEMBERS */
    uint32_t ids[LIMIT_MEMBERS]; /* ascending, not 0 */
    bool voters[LIMIT_MEMBERS];  /* the others are learners; 1..LIMIT_VOTERS of them vote */
};

enum raft_message_type {
    RAFT_PREVOTE = 1,
    RAFT_PREVOTE_REPLY = 2,
    RAFT_VOTE = 3,
    RAFT_VOTE_REPLY = 4,
    RAFT_APPEND = 5,
    RAFT_APPEND_REPLY = 6,
    RAFT_HEARTBEAT = 7,
    RAFT_TIMEOUT_NOW = 8, /* the leader wants the receiver to campaign at once */
};

/* Fields not named for a type are zero. */
struct raft_message {
    enum raft_message_type type;
    uint32_t from, to;  /* member ids */
    uint64_t term;      /* the sender's; PREVOTE: the term it would campaign in */
    bool after_persist; /* outgoing only: see Contract */

    /* PREVOTE, VOTE: end of the sender's durable log */
    uint64_t last_index, last_term;
    bool granted;  /* PREVOTE_REPLY, VOTE_REPLY */
    bool handover; /* VOTE: the leader asked for this election */

    /* APPEND: entries prev_index + 1 .. prev_index + entries_count. APPEND_REPLY that rejects:
     * prev_index is the one that did not match */
    uint64_t prev_index, prev_term;
    struct tally_hash prev_hash;
    uint32_t entries_count;
    uint64_t commit; /* APPEND, HEARTBEAT: safe for the receiver to take over */

    uint64_t round;     /* HEARTBEAT: counts rounds of reads; APPEND_REPLY: of the heartbeat
                           that it answers, or 0 */
    uint32_t successor; /* HEARTBEAT: the sender hands leadership to this member, or 0 */
    uint64_t wall_ms;   /* APPEND_REPLY: the sender's clock; for node/loop, not for the core */

    /* APPEND_REPLY */
    bool lost; /* our disk lost blocks that we acknowledged: forget what `match` said before */
    bool rejected;
    uint64_t match;    /* durable, verified and the same as the leader's up to here */
    uint64_t received; /* the same as the leader's up to here, in memory at least */
    uint64_t hint_index, hint_term; /* rejected: where to look next, and our term there */
};

enum raft_event_type {
    RAFT_EVENT_TICK,
    RAFT_EVENT_MESSAGE,
    RAFT_EVENT_PROPOSE,    /* a leader's new block; raft_may_propose() said so */
    RAFT_EVENT_PERSISTED,  /* a write is durable */
    RAFT_EVENT_VERIFIED,   /* a block's signatures were checked */
    RAFT_EVENT_RANGE_SENT, /* a backfill was sent, or failed */
    RAFT_EVENT_PEER_RESET, /* what was on its way to a peer is lost */
    RAFT_EVENT_TRANSFER,   /* hand leadership on; ignored by who does not lead */
    RAFT_EVENT_READ,       /* a leader's client wants to read what is committed now */
    RAFT_EVENT_REMEMBERED, /* enough peers said what they remember of us */
};

/* The last block that this node said to have. */
struct raft_lost {
    uint64_t index, term;   /* index 0: nothing is lost */
    struct tally_hash hash; /* zeros: not known */
};

struct raft_event {
    enum raft_event_type type;
    uint64_t now_ms; /* monotonic */
    uint64_t random; /* fresh for every event: election jitter */
    bool unfit;      /* we must not lead: cannot apply, no space, wrong clock */
    union {
        struct { /* MESSAGE: shape is checked here, content is hostile */
            struct raft_message message;
            const struct raft_entry *entries; /* APPEND: entries_count of them, chained by hash
                                                 from prev_hash, none too far in the future */
            /* Who is a member from that entry on, for each entry; NULL: it is no Config. NULL
             * instead of the array: none is. Each names an authorised change. */
            const struct raft_members *const *entries_members;
        };
        struct {
            struct tally_hash hash;
            uint32_t size;
            bool term_start; /* required of the first block of a term, and only of it */
            const struct raft_members *members; /* of a Config, if raft_may_change(); or NULL */
        } propose;
        struct {
            uint64_t index, term; /* last block of the write; 0: it had none */
            uint64_t hard_term;   /* raft_term() when the write was begun; 0: not known */
        } persisted;
        struct {
            uint64_t index, term; /* every block up to here, in order, was checked */
            bool ok;              /* false: all but this one are good */
        } verified;
        struct {
            uint32_t to;
            uint64_t first, last; /* last < first: failed */
            uint64_t size;
        } range_sent;
        uint32_t peer;
        uint32_t transfer_to;  /* a voter; RAFT_NOBODY: whoever is furthest */
        struct raft_lost lost; /* REMEMBERED: what a peer had from us; index 0: nothing more
                                  than we know */
    };
};

enum raft_note_code {
    RAFT_NOTE_TERM_ADOPTED,     /* term, from */
    RAFT_NOTE_PREVOTE_STARTED,  /* term, last durable index */
    RAFT_NOTE_ELECTION_STARTED, /* term, last durable index */
    RAFT_NOTE_VOTE_GRANTED,     /* term, to */
    RAFT_NOTE_VOTE_DENIED,      /* term, to */
    RAFT_NOTE_ELECTED,          /* term, last index */
    RAFT_NOTE_STEPPED_DOWN,     /* term, reason: 0 newer term, 1 no quorum, 2 a bad block of
                                   ours, 3 our disk hangs, 4 we are no voter any more,
                                   5 our log was longer once, 6 unfit and nobody took
                                   over */
    RAFT_NOTE_LEADER_KNOWN,     /* term, leader */
    RAFT_NOTE_TRUNCATED,        /* from, leader */
    RAFT_NOTE_BLOCK_REFUSED,    /* index, term: a signature does not verify */
    RAFT_NOTE_TERM_ABSURD,      /* term, from */
    RAFT_NOTE_SECOND_LEADER,    /* term, from: two leaders claim one term */
    RAFT_NOTE_EVIDENCE,         /* index, from: its block there contradicts ours */
    RAFT_NOTE_HASH_DIFFERS,     /* index, from: names another hash there; asked for the block */
    RAFT_NOTE_NO_ROOM,          /* last, settled: blocks of the leader were dropped */
    RAFT_NOTE_PEER_BEHIND,      /* peer, next: served from disk */
    RAFT_NOTE_MEMBERS_CHANGED,  /* index of the Config, voters: in force from now on */
    RAFT_NOTE_MEMBERS_BACK,     /* index of the Config that was truncated, voters */
    RAFT_NOTE_TRANSFER_BEGUN,   /* to, our last index */
    RAFT_NOTE_TRANSFER_REFUSED, /* to: no voter that is heard */
    RAFT_NOTE_TRANSFER_ENDED,   /* to: it took too long, we lead on */
    RAFT_NOTE_TIMEOUT_NOW,      /* from, term: we campaign because the leader asks */
    RAFT_NOTE_LOST,             /* index, term: what we once had, beyond our log's end */
    RAFT_NOTE_RECOVERED,        /* index: we have again what was lost */
};

struct raft_note {
    enum raft_note_code code;
    uint64_t a, b;
};

struct raft_backfill {
    uint32_t to;
    uint64_t from, last; /* send blocks from here on, at most up to `last` */
};

/* What one step wants done; see Contract for the order. */
struct raft_effects {
    bool persist;            /* anything of the next four is set */
    bool persist_hard_state; /* raft_term(), raft_vote(), raft_commit() */
    uint64_t truncate_from;  /* drop blocks from here on, before appending; 0: none */
    uint64_t append_first, append_last; /* write these; last < first or 0: none */
    uint64_t verify_first, verify_last; /* check the signatures in these, our own included */
    bool became_leader;                 /* the next PROPOSE must be the term's first block */
    bool stepped_down;
    bool members_changed;     /* raft_members() is another one */
    uint64_t read_round;      /* READ: released with this round; 0: we do not lead */
    uint64_t rounds_released; /* reads of this round and those before may be served once the
                                 commit index of now is applied; 0: none */
    /* The message's block at `halt_index` contradicts ours: another hash for the same (index,
     * term), or another block where ours is committed. Nothing was taken over and the sender
     * is not believed any more in this term. Keep both blocks and stop the node, if the
     * sender's is signed by the leader it names; if not, it was only noise. */
    bool halt;
    uint64_t halt_index;
    uint32_t messages_count, backfills_count, notes_count;
    struct raft_message messages[RAFT_MESSAGES_MAX];
    struct raft_backfill backfills[LIMIT_MEMBERS];
    struct raft_note notes[RAFT_NOTES_MAX];
};

struct raft_config {
    uint32_t self;         /* member id, not 0 */
    uint32_t election_ms;  /* without a leader for so long (to twice as long): campaign */
    uint32_t heartbeat_ms; /* a fifth of it, say; must be less than half */
};

/* A Config block of the log, and who is a member from it on. */
struct raft_config_at {
    uint64_t index;
    struct raft_members members;
};

/* What the disk held. */
struct raft_start {
    uint64_t term, commit;
    uint32_t vote;
    uint64_t first;                   /* index of entries[0]; first <= commit */
    const struct raft_entry *entries; /* to the end of the log */
    size_t entries_count;             /* 1..RAFT_RING */
    /* The newest Config at or below `commit`, and all those above it; ascending. */
    const struct raft_config_at *configs;
    uint32_t configs_count; /* 1..RAFT_CONFIGS_MAX */
    struct raft_lost lost;  /* said to be durable once and not in the log; index 0: nothing */
    bool ask_peers;         /* no vote before REMEMBERED */
    uint64_t now_ms, random;
};

struct raft;

/* Start a core. Its first step asks to verify the blocks above the commit index again.
 * Errors: TALLY_E_INVALID (config, or entries outside the ranges above), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err raft_open(const struct raft_config *config,
                                         const struct raft_start *start,
                                         struct raft **ret_raft);
void raft_close(struct raft *raft); /* NULL is accepted */

/* Handle one event; `ret_fx` is overwritten. `event` is borrowed for the call. */
void raft_step(struct raft *raft, const struct raft_event *event, struct raft_effects *ret_fx);

enum raft_role raft_role(const struct raft *raft);
uint64_t raft_term(const struct raft *raft);
uint32_t raft_vote(const struct raft *raft);
uint32_t raft_leader(const struct raft *raft); /* RAFT_NOBODY: unknown */
uint64_t raft_commit(const struct raft *raft);
uint64_t raft_last_index(const struct raft *raft);
/* The entry at `index`, NULL when the ring does not cover it. Borrowed until the next step. */
const struct raft_entry *raft_entry(const struct raft *raft, uint64_t index);
/* Leading, and the caps on unsettled blocks and bytes leave room for a block of `size` bytes.
 * The first block of a term needs no leave. */
bool raft_may_propose(const struct raft *raft, uint32_t size);
/* Leading, and a Config may be proposed now: a block of this term is committed (the fix of
 * 2015 to Ongaro's 4.1), and so is the last Config; there is room for a block of any size. */
bool raft_may_change(const struct raft *raft);
/* In force: what the newest Config of the log says. Borrowed until the next step. */
const struct raft_members *raft_members(const struct raft *raft);
uint64_t raft_members_index(const struct raft *raft); /* of that Config */
bool raft_is_voter(const struct raft *raft, uint32_t id);
/* What the log lacks; index 0: nothing. */
struct raft_lost raft_lost(const struct raft *raft);
/* A leader's successor while leadership is being handed on, or RAFT_NOBODY. */
uint32_t raft_successor(const struct raft *raft);
/* What a leader knows of a member: acknowledged blocks, and when it was heard last (0: never).
 */
void raft_peer(const struct raft *raft, uint32_t id, uint64_t *ret_match,
               uint64_t *ret_heard_ms);
const char *raft_note_name(enum raft_note_code code); /* static, stable: docs/operations.md */

#endif
