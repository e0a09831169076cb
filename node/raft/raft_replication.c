/* AppendEntries on both sides (Ongaro 3.5), and commit (3.6.2). */
#include <string.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

enum { MESSAGE_SIZE_MAX = LIMIT_BLOCK_SIZE + 16 * 1024 }; /* of the blocks in one message */

static bool hash_same(const struct tally_hash *a, const struct tally_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ---- leader ---- */

static void window_clear(struct raft_progress *peer)
{
    peer->sent_first = peer->sent_count = 0;
    peer->sent_size = 0;
}

static void window_add(struct raft_progress *peer, uint64_t last, uint64_t size)
{
    ASSERT(peer->sent_count < LIMIT_INFLIGHT_BLOCKS);
    peer->sent[(peer->sent_first + peer->sent_count) % LIMIT_INFLIGHT_BLOCKS] =
        (struct raft_sent){.last = last, .size = size};
    peer->sent_count++;
    peer->sent_size += size;
}

static void window_free_to(struct raft_progress *peer, uint64_t received)
{
    while (peer->sent_count > 0 && peer->sent[peer->sent_first].last <= received) {
        peer->sent_size -= peer->sent[peer->sent_first].size;
        peer->sent_first = (peer->sent_first + 1) % LIMIT_INFLIGHT_BLOCKS;
        peer->sent_count--;
    }
}

static uint64_t probe_place(const struct raft *raft, const struct raft_progress *peer,
                            uint64_t next)
{
    if (next <= peer->match) next = peer->match + 1;
    if (next > raft->last + 1) next = raft->last + 1;
    return next < 2 ? 2 : next; /* block 1 is genesis, everywhere */
}

static void probe(struct raft *raft, struct raft_progress *peer, uint64_t next)
{
    next = probe_place(raft, peer, next);
    peer->feed = RAFT_FEED_PROBE;
    peer->next = next;
    peer->received = peer->match;
    peer->probe_sent = peer->probe_again = peer->below = peer->flows = false;
    peer->progress_ms = raft->now_ms;
    window_clear(peer);
}

void raft_lead(struct raft *raft)
{
    ASSERT(raft->role == RAFT_CANDIDATE && raft->vote == raft->config.self);
    raft->role = RAFT_LEADER;
    raft->leader = raft->config.self;
    raft->term_started = false;
    raft->disk_moved_ms = raft->now_ms;
    raft->successor = RAFT_NOBODY;
    raft->transfer_until_ms = 0;
    raft->round_confirmed = raft->round_sent; /* reads of an earlier term were given up */
    raft->round_wanted = false;
    raft_peers_open(raft);
    raft->heartbeat_at_ms = raft->now_ms; /* tell everyone at once */
    raft->quorum_check_at_ms = raft->now_ms + raft->config.election_ms;
    raft->fx->became_leader = true;
    raft_note(raft, RAFT_NOTE_ELECTED, raft->term, raft->last);
}

/* Entries from `peer->next` on that fit one message: the first always does, and packing stops
 * at the first that does not. A probe that is repeated carries none: perhaps nobody is there.
 */
static void send_append(struct raft *raft, struct raft_progress *peer)
{
    const struct raft_entry *prev = raft_entry(raft, peer->next - 1);
    struct raft_message *m = raft_message_add(raft, RAFT_APPEND, peer->id);
    const uint32_t count_max = peer->probe_again ? 0 : RAFT_BATCH_MAX;
    uint64_t size = 0;

    ASSERT(prev != NULL);
    m->prev_index = peer->next - 1;
    m->prev_term = prev->term;
    m->prev_hash = prev->hash;
    m->commit = raft->commit;
    while (m->entries_count < count_max && m->prev_index + m->entries_count < raft->last) {
        const uint32_t more = raft_entry(raft, m->prev_index + m->entries_count + 1)->size;

        if (m->entries_count > 0 && size + more > MESSAGE_SIZE_MAX) break;
        size += more;
        m->entries_count++;
    }
    if (peer->feed == RAFT_FEED_PROBE) {
        peer->probe_sent = true;
    } else {
        peer->next += m->entries_count;
        window_add(peer, peer->next - 1, size);
    }
}

/* The peer's next block is older than the ring: have it read from the disk. One range at a
 * time; only committed blocks. */
static void backfill(struct raft *raft, struct raft_progress *peer)
{
    if (peer->feed == RAFT_FEED_BACKFILL) return;
    if (raft->fx->backfills_count == LIMIT_MEMBERS) return;
    peer->feed = RAFT_FEED_BACKFILL;
    raft->fx->backfills[raft->fx->backfills_count++] =
        (struct raft_backfill){.to = peer->id, .from = peer->next, .last = raft->commit};
    raft_note(raft, RAFT_NOTE_PEER_BEHIND, peer->id, peer->next);
}

/* After a probe one message tries whether the follower has room; then the window is filled. */
static bool window_open(const struct raft_progress *peer)
{
    const uint32_t count_max = peer->flows ? LIMIT_INFLIGHT_BLOCKS : 1;

    return peer->sent_count < count_max &&
           peer->sent_size + MESSAGE_SIZE_MAX <= LIMIT_INFLIGHT_SIZE;
}

static void feed(struct raft *raft, struct raft_progress *peer)
{
    if (peer->id == raft->config.self) return;
    while (raft->fx->messages_count < RAFT_MESSAGES_MAX - LIMIT_MEMBERS) {
        switch (peer->feed) {
        case RAFT_FEED_BACKFILL:
            return; /* until RANGE_SENT */
        case RAFT_FEED_PROBE:
            if (peer->probe_sent) return;
            break;
        case RAFT_FEED_STREAM:
            if (peer->next > raft->last || !window_open(peer)) return;
            break;
        }
        if (peer->feed == RAFT_FEED_PROBE && peer->next - 1 < raft->first && !peer->below) {
            /* Is anybody there? The disk is read only for who answers. */
            peer->next = raft->first + 1;
            peer->probe_again = true;
        }
        if (peer->next - 1 < raft->first) {
            backfill(raft, peer);
            return;
        }
        send_append(raft, peer);
    }
}

void raft_replicate(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) feed(raft, &raft->peers[i]);
}

void raft_heartbeats(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        struct raft_progress *peer = &raft->peers[i];
        struct raft_message *m;

        if (peer->id == raft->config.self) continue;
        m = raft_message_add(raft, RAFT_HEARTBEAT, peer->id);
        /* Who lost blocks acknowledges none, and must learn of the commit index all the same.
         */
        m->commit = raft->commit < peer->received ? raft->commit : peer->received;
        m->round = raft->round_sent;
        m->successor = raft->transfer_until_ms > 0 ? raft->successor : RAFT_NOBODY;
        if (peer->feed == RAFT_FEED_PROBE && peer->probe_sent) {
            peer->probe_sent = false;
            peer->probe_again = true;
        }
        /* What was sent long ago and never arrived is sent again. */
        if (peer->feed == RAFT_FEED_STREAM && peer->sent_count > 0 &&
            raft->now_ms - peer->progress_ms >= raft->config.election_ms) {
            probe(raft, peer, peer->received + 1);
        }
    }
}

/* The largest index that a majority of the voters has. */
static uint64_t majority_match(const struct raft *raft)
{
    uint64_t match[LIMIT_VOTERS] = {0};
    uint32_t count = 0;

    for (uint32_t i = 0; i < raft->peers_count; i++) {
        const struct raft_progress *peer = &raft->peers[i];
        const uint64_t value =
            peer->id == raft->config.self ? raft_own_match(raft) : peer->match;
        uint32_t at = count;

        if (!raft_is_voter(raft, peer->id)) continue;
        for (; at > 0 && match[at - 1] < value; at--) match[at] = match[at - 1];
        match[at] = value; /* descending */
        count++;
    }
    return match[raft_majority(raft) - 1];
}

void raft_commit_advance(struct raft *raft)
{
    const uint64_t majority = majority_match(raft);

    /* Only a block of our own term is counted; older ones commit with it (figure 3.7). */
    if (majority <= raft->commit || raft_term_at(raft, majority) != raft->term) return;
    raft->commit = majority;
    if (raft_is_voter(raft, raft->config.self) || raft_members_index(raft) > raft->commit) {
        return;
    }
    /* The Config without us is committed: our work is done (4.2.2). */
    raft_heartbeats(raft);
    raft_step_down(raft, 4);
}

/* The follower's log differs at prev_index. Go back to where its hint says, skipping all of our
 * entries of terms above its own there. */
static void on_rejection(struct raft *raft, struct raft_progress *peer,
                         const struct raft_message *m)
{
    uint64_t next = m->hint_index < m->prev_index ? m->hint_index + 1 : m->prev_index;

    if (m->prev_index <= peer->match) return; /* an old message's echo */
    if (peer->feed == RAFT_FEED_PROBE && m->prev_index != peer->next - 1) return;
    if (peer->feed == RAFT_FEED_BACKFILL) return;
    while (next - 1 > peer->match && next - 1 >= raft->first && next - 1 <= raft->last &&
           raft_term_at(raft, next - 1) > m->hint_term) {
        next--;
    }
    /* Below the ring there are no terms to compare: go to where it is sure of itself. */
    if (next - 1 < raft->first && m->received < next) next = m->received + 1;
    next = probe_place(raft, peer, next);
    /* Every round must lead further back, or the next heartbeat asks again. */
    if (peer->feed == RAFT_FEED_PROBE && next >= peer->next) return;
    probe(raft, peer, next);
    peer->below = next - 1 < raft->first;
}

/* What the follower has; `received` falls when it restarted and lost what was not durable. */
static void on_acceptance(struct raft *raft, struct raft_progress *peer,
                          const struct raft_message *m)
{
    const bool forgot = m->received < peer->received && peer->feed == RAFT_FEED_STREAM;

    if (m->match > peer->match) peer->match = m->match;
    if (m->received > peer->received) {
        peer->received = m->received;
        peer->progress_ms = raft->now_ms;
        if (peer->feed == RAFT_FEED_STREAM) peer->flows = true;
    }
    if (peer->received < peer->match) peer->received = peer->match;
    window_free_to(peer, peer->received);
    if (peer->sent_count == 0) peer->progress_ms = raft->now_ms;
    if (peer->next <= peer->received) peer->next = peer->received + 1;
    if (peer->feed == RAFT_FEED_PROBE && m->received >= peer->next - 1) {
        peer->feed = RAFT_FEED_STREAM;
        peer->probe_again = false;
    }
    if (forgot && peer->sent_count == 0) probe(raft, peer, m->received + 1);
}

void raft_on_append_reply(struct raft *raft, const struct raft_message *m)
{
    struct raft_progress *peer = raft_peer_find(raft, m->from);

    if (raft->role != RAFT_LEADER || m->term != raft->term || peer == NULL) return;
    peer->heard_ms = raft->now_ms;
    if (m->round > peer->round && m->round <= raft->round_sent) peer->round = m->round;
    if (m->match > raft->last || m->received > raft->last) return; /* nobody can have that */
    if (m->lost && peer->match > 0) {
        /* What was committed with its help stays so; from now on it counts for nothing. */
        peer->match = 0;
        if (peer->feed != RAFT_FEED_BACKFILL) probe(raft, peer, m->received + 1);
        return;
    }
    if (m->rejected) {
        on_rejection(raft, peer, m);
    } else {
        on_acceptance(raft, peer, m);
    }
    raft_commit_advance(raft);
}

void raft_on_range_sent(struct raft *raft, uint32_t to, uint64_t first, uint64_t last,
                        uint64_t size)
{
    struct raft_progress *peer = raft_peer_find(raft, to);

    if (raft->role != RAFT_LEADER || peer == NULL) return;
    if (peer->feed != RAFT_FEED_BACKFILL) return;
    if (last < first || first != peer->next || last > raft->commit || !window_open(peer)) {
        probe(raft, peer, peer->next);
        peer->probe_sent = true; /* until the next heartbeat */
        return;
    }
    peer->feed = RAFT_FEED_STREAM;
    peer->next = last + 1;
    window_add(peer, last, size);
}

void raft_peer_reset(struct raft *raft, uint32_t id)
{
    struct raft_progress *peer = raft_peer_find(raft, id);

    if (raft->role != RAFT_LEADER || peer == NULL) return;
    if (peer->feed == RAFT_FEED_BACKFILL) return; /* its answer is on the way */
    probe(raft, peer, peer->received + 1);
}

/* ---- follower ---- */

static uint64_t matched_own(const struct raft *raft)
{
    const uint64_t own = raft_own_match(raft);

    if (raft->lost.index > 0) return 0; /* what we say must be all that we ever said */
    return own < raft->matched ? own : raft->matched;
}

static struct raft_message *reply_to_leader(struct raft *raft)
{
    struct raft_message *m = raft_message_add(raft, RAFT_APPEND_REPLY, raft->leader);

    /* Who answers in a term must remember it: else it could still follow an older leader. */
    m->after_persist = raft->hard_term < raft->term;
    m->lost = raft->lost.index > 0;
    return m;
}

struct raft_message *raft_acknowledge(struct raft *raft)
{
    struct raft_message *m;

    if (raft->role != RAFT_FOLLOWER || raft->leader == RAFT_NOBODY) return NULL;
    m = reply_to_leader(raft);
    m->match = raft->told = matched_own(raft);
    m->received = raft->matched;
    if (m->match > raft->acked) raft->acked = m->match;
    return m;
}

void raft_acknowledge_more(struct raft *raft)
{
    if (matched_own(raft) > raft->told) (void)raft_acknowledge(raft);
}

/* A message of this term's leader: follow it. False: it is not to be believed. */
static bool follow(struct raft *raft, const struct raft_message *m)
{
    if (raft->distrusted_term == m->term) return false;
    if (raft->role == RAFT_LEADER || (raft->leader != RAFT_NOBODY && raft->leader != m->from)) {
        raft_note(raft, RAFT_NOTE_SECOND_LEADER, m->term, m->from);
        return false;
    }
    if (raft->leader == RAFT_NOBODY) {
        raft->leader = m->from;
        raft_note(raft, RAFT_NOTE_LEADER_KNOWN, raft->term, m->from);
    }
    if (raft->matched_term != raft->term) {
        raft->matched_term = raft->term;
        raft->matched = raft->commit; /* Leader Completeness: so far our logs are the same */
        raft->told = 0;
    }
    raft->role = RAFT_FOLLOWER;
    raft->leader_heard_ms = raft->now_ms;
    raft_campaign_later(raft);
    return true;
}

static void match_to(struct raft *raft, uint64_t index)
{
    if (index > raft->matched) raft->matched = index;
}

/* Only as far as our log is known to be the leader's (fig. 3.1: "index of last new entry"). */
static void commit_to(struct raft *raft, uint64_t leader_commit)
{
    const uint64_t to = leader_commit < raft->matched ? leader_commit : raft->matched;

    if (to > raft->commit) raft->commit = to;
}

void raft_on_heartbeat(struct raft *raft, const struct raft_message *m)
{
    struct raft_message *reply;

    if (!follow(raft, m)) return;
    raft->successor = m->successor;
    raft->successor_term = m->term;
    commit_to(raft, m->commit);
    reply = raft_acknowledge(raft);
    if (reply != NULL) reply->round = m->round;
}

/* The leader's block at `index` contradicts ours: see `halt` in raft.h. */
static void contradiction(struct raft *raft, const struct raft_message *m, uint64_t index)
{
    raft->fx->halt = true;
    raft->fx->halt_index = index;
    raft_note(raft, RAFT_NOTE_EVIDENCE, index, m->from);
    raft->distrusted_term = m->term;
    raft_step_down(raft, 0);
}

static void reject(struct raft *raft, const struct raft_message *m, uint64_t hint_index,
                   uint64_t hint_term)
{
    struct raft_message *reply = reply_to_leader(raft);

    reply->rejected = true;
    reply->received = raft->matched;
    reply->prev_index = m->prev_index;
    reply->hint_index = hint_index;
    reply->hint_term = hint_term;
}

/* Does our log hold the block that the message's own blocks follow? If not, say where to look
 * next. Only for prev_index at or above the commit index. */
static bool check_previous(struct raft *raft, const struct raft_message *m)
{
    const struct raft_entry *own = raft_entry(raft, m->prev_index);
    uint64_t hint = m->prev_index < raft->last ? m->prev_index : raft->last;

    if (own != NULL && own->term == m->prev_term && hash_same(&own->hash, &m->prev_hash)) {
        return true;
    }
    if (own != NULL && (own->term == m->prev_term || m->prev_index == raft->commit)) {
        /* A hash alone proves nothing: have the leader send the block itself. */
        raft_note(raft, RAFT_NOTE_HASH_DIFFERS, m->prev_index, m->from);
        reject(raft, m, m->prev_index - 1, m->prev_term);
        return false;
    }
    /* Skip our whole run of terms above the leader's there; never below what is committed. */
    while (hint > raft->commit && raft_term_at(raft, hint) > m->prev_term) hint--;
    reject(raft, m, hint, raft_term_at(raft, hint));
    return false;
}

/* Take over what is new in the message, whose blocks follow prev_index. What is there already
 * stays untouched, so an old or doubled message removes nothing (3.5). False: to be treated
 * as lost, since one contradicts ours, or there is no room for any. */
static bool take_entries(struct raft *raft, const struct raft_message *m,
                         const struct raft_entry *entries,
                         const struct raft_members *const *members)
{
    uint32_t same = 0;

    for (; same < m->entries_count; same++) {
        const uint64_t index = m->prev_index + 1 + same;
        const struct raft_entry *own = raft_entry(raft, index);

        if (index < raft->first) continue; /* committed and out of sight */
        if (own == NULL) break;
        if (own->term == entries[same].term && hash_same(&own->hash, &entries[same].hash)) {
            continue;
        }
        if (own->term == entries[same].term || index <= raft->commit) {
            contradiction(raft, m, index);
            return false;
        }
        raft_log_truncate(raft, index);
        break;
    }
    match_to(raft, m->prev_index + same);
    commit_to(raft, m->commit);
    if (same < m->entries_count && !raft_log_room(raft, entries[same].size)) {
        raft_note(raft, RAFT_NOTE_NO_ROOM, raft->last, raft->settled);
        return false;
    }
    for (uint32_t i = same; i < m->entries_count; i++) {
        const struct raft_members *config = members == NULL ? NULL : members[i];

        if (!raft_log_room(raft, entries[i].size)) break; /* the leader sends it again */
        if (config != NULL && !raft_members_room(raft)) break;
        raft_log_append(raft, &entries[i], config);
        match_to(raft, raft->last);
    }
    commit_to(raft, m->commit);
    return true;
}

void raft_on_append(struct raft *raft, const struct raft_message *m,
                    const struct raft_entry *entries, const struct raft_members *const *members)
{
    if (m->entries_count > RAFT_BATCH_MAX || m->prev_index > UINT64_MAX / 2) return;
    for (uint32_t i = 0; i < m->entries_count; i++) {
        const uint64_t before = i == 0 ? m->prev_term : entries[i - 1].term;

        if (entries[i].term < before || entries[i].term > m->term) return;
    }
    if (!follow(raft, m)) return;
    /* Below our commit index the logs are the same: only what lies above has to fit. */
    if (m->prev_index >= raft->commit && !check_previous(raft, m)) return;
    if (take_entries(raft, m, entries, members)) (void)raft_acknowledge(raft);
}
