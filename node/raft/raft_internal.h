/* raft_internal - the state of the core and what its files share.
 *
 *   raft.c              raft_step(), terms, timers, durability
 *   raft_note.c         what happened, for people
 *   raft_log.c          the ring of entries
 *   raft_members.c      who is a member, and what a leader keeps of each
 *   raft_election.c     pre-vote, vote, who may lead
 *   raft_transfer.c     handing leadership on
 *   raft_read.c         rounds of heartbeats that make reads safe
 *   raft_replication.c  AppendEntries on both sides, commit */
#ifndef RAFT_RAFT_INTERNAL_H
#define RAFT_RAFT_INTERNAL_H

#include "raft/raft.h"

/* How a leader feeds one member. */
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
    uint64_t leave_at_ms;           /* removed: served until then; 0: a member */
    uint64_t round;                 /* newest round of reads that it answered */
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
    uint32_t granted;         /* members that said yes, by place in raft_members() */
    bool handover;            /* our candidacy was asked for by the leader */
    bool mute;                /* no vote yet: peers were asked what they remember of us */
    bool unfit;               /* of the event that is handled */
    struct raft_lost lost;
    uint32_t successor;      /* whom the leader of ... */
    uint64_t successor_term; /* ... this term names, ourselves included */

    /* by index, ascending: the newest committed Config, and those above; the last is in force
     */
    struct raft_config_at configs[RAFT_CONFIGS_MAX];
    uint32_t configs_count;

    /* leader */
    bool term_started;
    uint64_t heartbeat_at_ms, quorum_check_at_ms;
    uint64_t disk_moved_ms;               /* our disk finished a write, or had none to do */
    uint64_t transfer_until_ms;           /* 0: none under way */
    bool transfer_sent;                   /* TIMEOUT_NOW left */
    uint64_t round_sent, round_confirmed; /* of reads; they only grow */
    bool round_wanted;                    /* reads wait for the round after the one sent */
    uint32_t peers_count;
    struct raft_progress peers[RAFT_PEERS_MAX]; /* ourselves included */
};

/* raft_note.c */
void raft_note(struct raft *raft, enum raft_note_code code, uint64_t a, uint64_t b);

/* raft.c */
struct raft_message *raft_message_add(struct raft *raft, enum raft_message_type type,
                                      uint32_t to);
void raft_hard_state_changed(struct raft *raft);
void raft_adopt_term(struct raft *raft, uint64_t term, uint32_t from);
void raft_step_down(struct raft *raft, uint64_t reason);
void raft_campaign_later(struct raft *raft);

/* raft_members.c */
/* Is this list one that a Config may have? */
bool raft_members_valid(const struct raft_members *members);
uint32_t raft_place(const struct raft *raft, uint32_t id); /* count: not a member */
uint32_t raft_voters(const struct raft *raft);
uint32_t raft_majority(const struct raft *raft);
bool raft_was_voter(const struct raft *raft); /* by the Config before an uncommitted one */
bool raft_members_room(
    const struct raft *raft); /* for one more Config above the commit index */
void raft_members_append(struct raft *raft, uint64_t index, const struct raft_members *members);
void raft_members_truncate(struct raft *raft, uint64_t from);
void raft_members_settle(struct raft *raft); /* forget what the commit index made old */
/* What a leader keeps of a member, or NULL. */
struct raft_progress *raft_peer_find(struct raft *raft, uint32_t id);
void raft_peers_open(struct raft *raft);  /* we lead now */
void raft_peers_leave(struct raft *raft); /* forget removed members whose time is over */

/* raft_log.c */
uint64_t raft_term_at(const struct raft *raft, uint64_t index); /* in the ring */
/* `members`: of a Config, or NULL. */
void raft_log_append(struct raft *raft, const struct raft_entry *entry,
                     const struct raft_members *members);
void raft_log_truncate(struct raft *raft, uint64_t from);
/* Move `settled` as far as commit, durable and verified allow. */
void raft_log_settle(struct raft *raft);
/* May a block of `size` bytes be taken over from a leader? */
bool raft_log_room(const struct raft *raft, uint32_t size);
uint64_t raft_own_match(const struct raft *raft); /* durable and verified up to here */

/* raft_election.c */
void raft_campaign(struct raft *raft);
void raft_campaign_handover(struct raft *raft); /* without a pre-vote: the leader asks */
bool raft_may_campaign(const struct raft *raft);
void raft_on_prevote(struct raft *raft, const struct raft_message *m);
void raft_on_vote(struct raft *raft, const struct raft_message *m);
void raft_on_vote_reply(struct raft *raft, const struct raft_message *m);
/* Was a leader heard so lately that an election would only disturb? */
bool raft_leader_alive(const struct raft *raft);

/* raft_transfer.c */
void raft_transfer_begin(struct raft *raft, uint32_t to); /* RAFT_NOBODY: choose */
void raft_transfer_advance(struct raft *raft);            /* leader: at the end of every step */
void raft_on_timeout_now(struct raft *raft, const struct raft_message *m);
/* Is this vote part of a transfer that our leader told us of? */
bool raft_transfer_allows(const struct raft *raft, const struct raft_message *m);

/* raft_read.c */
void raft_read_begin(struct raft *raft);
void raft_read_advance(struct raft *raft); /* leader: at the end of every step */

/* raft_replication.c */
void raft_lead(struct raft *raft);
void raft_on_append(struct raft *raft, const struct raft_message *m,
                    const struct raft_entry *entries,
                    const struct raft_members *const *members);
void raft_on_heartbeat(struct raft *raft, const struct raft_message *m);
void raft_on_append_reply(struct raft *raft, const struct raft_message *m);
void raft_on_range_sent(struct raft *raft, uint32_t to, uint64_t first, uint64_t last,
                        uint64_t size);
void raft_peer_reset(struct raft *raft, uint32_t id);
void raft_heartbeats(struct raft *raft);
void raft_replicate(struct raft *raft);      /* fill every window */
void raft_commit_advance(struct raft *raft); /* leader: count what is acknowledged */
/* Follower: tell the leader how far we are. The message, or NULL: there is no leader. */
struct raft_message *raft_acknowledge(struct raft *raft);
void raft_acknowledge_more(struct raft *raft); /* if it is further than we told it */

#endif
