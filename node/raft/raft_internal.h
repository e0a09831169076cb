/* raft_internal - the state of the core and what its files share.
 *
 *   raft.c              raft_step(), terms, timers, durability
 *   raft_log.c          the ring of entries
 *   raft_election.c     pre-vote, vote, who may lead
 *   raft_replication.c  AppendEntries on both sides, commit */
#ifndef RAFT_RAFT_INTERNAL_H
#define RAFT_RAFT_INTERNAL_H

#include "raft/raft.h"

/* How a leader feeds one voter. */
enum raft_feed {
    RAFT_FEED_PROBE,    /* where does its log match? One message at a time */
    RAFT_FEED_STREAM,   /* it matches: keep the window full */
    RAFT_FEED_BACKFILL, /* its next block is below the ring: the disk is being read for it */
};

struct raft_sent {
    uint64_t last; /* last entry of the message */
    uint64_t size;
};

struct raft_progress {
    uint32_t id;
    uint64_t match, received, next; /* match <= received < next */
    enum raft_feed feed;
    bool probe_sent;
    bool flows;                      /* blocks were taken over since the last probe */
    bool below;                      /* it said that it ends below the ring: read the disk */
    bool probe_again;                /* the last one got no answer: ask without blocks */
    uint64_t heard_ms;               /* its last message of our term; 0: never */
    uint64_t progress_ms;            /* `received` moved, or nothing was on its way */
    uint32_t sent_first, sent_count; /* messages on their way, oldest first */
    uint64_t sent_size;
    struct raft_sent sent[LIMIT_INFLIGHT_BLOCKS];
};

struct raft {
    struct raft_config config;
    uint64_t now_ms, random; /* of the event that is handled */
    struct raft_effects *fx; /* of the step that runs */

    /* persistent (figure 3.1) */
    uint64_t term;
    uint32_t vote;
    uint64_t hard_term;                /* the newest term that is surely on our disk */
    uint64_t first, last;              /* entries known: first <= settled, last >= commit */
    struct raft_entry ring[RAFT_RING]; /* by index % RAFT_RING */

    /* volatile */
    enum raft_role role;
    uint32_t leader;
    uint64_t commit;
    uint64_t durable, durable_term; /* end of our log on our disk */
    uint64_t verified;              /* signatures checked up to here */
    uint64_t verify_asked;
    uint64_t settled;         /* committed, durable and verified up to here */
    uint64_t unsettled_size;  /* bytes above that */
    uint64_t matched;         /* follower: the same up to here as the log of the leader ... */
    uint64_t matched_term;    /* ... of this term; its log only grows */
    uint64_t told;            /* `match` of our last reply to it */
    uint64_t acked;           /* highest match told to anyone since the start */
    uint64_t distrusted_term; /* its leader sent a bad block */
    uint64_t leader_heard_ms; /* when a leader was heard last */
    uint64_t campaign_at_ms;  /* without a leader until then: campaign */
    uint32_t granted;         /* voters that said yes, by place in config.voters */

    /* leader */
    bool term_started;
    uint64_t heartbeat_at_ms, quorum_check_at_ms;
    uint64_t disk_moved_ms; /* our disk finished a write, or had none to do */
    struct raft_progress progress[LIMIT_VOTERS]; /* by place in config.voters */
};

/* raft.c */
void raft_note(struct raft *raft, enum raft_note_code code, uint64_t a, uint64_t b);
struct raft_message *raft_message_add(struct raft *raft, enum raft_message_type type,
                                      uint32_t to);
void raft_hard_state_changed(struct raft *raft);
void raft_adopt_term(struct raft *raft, uint64_t term, uint32_t from);
void raft_step_down(struct raft *raft, uint64_t reason);
void raft_campaign_later(struct raft *raft);
uint32_t raft_place(const struct raft *raft, uint32_t id); /* voters_count: not a voter */
uint32_t raft_majority(const struct raft *raft);

/* raft_log.c */
uint64_t raft_term_at(const struct raft *raft, uint64_t index); /* in the ring */
void raft_log_append(struct raft *raft, const struct raft_entry *entry);
void raft_log_truncate(struct raft *raft, uint64_t from);
/* Move `settled` as far as commit, durable and verified allow. */
void raft_log_settle(struct raft *raft);
/* May a block of `size` bytes be taken over from a leader? */
bool raft_log_room(const struct raft *raft, uint32_t size);
uint64_t raft_own_match(const struct raft *raft); /* durable and verified up to here */

/* raft_election.c */
void raft_campaign(struct raft *raft);
void raft_on_prevote(struct raft *raft, const struct raft_message *m);
void raft_on_vote(struct raft *raft, const struct raft_message *m);
void raft_on_vote_reply(struct raft *raft, const struct raft_message *m);
/* Was a leader heard so lately that an election would only disturb? */
bool raft_leader_alive(const struct raft *raft);

/* raft_replication.c */
void raft_lead(struct raft *raft);
void raft_on_append(struct raft *raft, const struct raft_message *m,
                    const struct raft_entry *entries);
void raft_on_heartbeat(struct raft *raft, const struct raft_message *m);
void raft_on_append_reply(struct raft *raft, const struct raft_message *m);
void raft_on_range_sent(struct raft *raft, uint32_t to, uint64_t first, uint64_t last,
                        uint64_t size);
void raft_peer_reset(struct raft *raft, uint32_t id);
void raft_heartbeats(struct raft *raft);
void raft_replicate(struct raft *raft);      /* fill every window */
void raft_commit_advance(struct raft *raft); /* leader: count what is acknowledged */
void raft_acknowledge(struct raft *raft);    /* follower: tell the leader how far we are, ... */
void raft_acknowledge_more(struct raft *raft); /* ... if it is further than we told it */

#endif
