#include "raft/raft.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

struct raft_message *raft_message_add(struct raft *raft, enum raft_message_type type,
                                      uint32_t to)
{
    struct raft_effects *fx = raft->fx;
    struct raft_message *m;

    ASSERT(fx->messages_count < RAFT_MESSAGES_MAX && to != raft->config.self);
    m = &fx->messages[fx->messages_count++];
    *m = (struct raft_message){
        .type = type, .from = raft->config.self, .to = to, .term = raft->term};
    return m;
}

void raft_hard_state_changed(struct raft *raft)
{
    raft->fx->persist = true;
    raft->fx->persist_hard_state = true;
}

void raft_campaign_later(struct raft *raft)
{
    raft->campaign_at_ms =
        raft->now_ms + raft->config.election_ms + raft->random % raft->config.election_ms;
}

void raft_step_down(struct raft *raft, uint64_t reason)
{
    if (raft->role == RAFT_LEADER) {
        raft->fx->stepped_down = true;
        raft->fx->became_leader = false;
        raft_note(raft, RAFT_NOTE_STEPPED_DOWN, raft->term, reason);
    }
    raft->role = RAFT_FOLLOWER;
    raft->leader = RAFT_NOBODY;
    raft->granted = 0;
    raft->transfer_until_ms = 0;
    raft_campaign_later(raft);
}

void raft_adopt_term(struct raft *raft, uint64_t term, uint32_t from)
{
    ASSERT(term > raft->term);
    raft_note(raft, RAFT_NOTE_TERM_ADOPTED, term, from);
    const bool led = raft->role == RAFT_LEADER;
    const uint64_t campaign_at_ms = raft->campaign_at_ms;

    raft_step_down(raft, 0);
    /* A newer term alone is no reason to wait longer: only a leader's word or our vote is. */
    if (!led) raft->campaign_at_ms = campaign_at_ms;
    raft->term = term;
    raft->vote = RAFT_NOBODY;
    raft_hard_state_changed(raft);
}

static bool configs_valid(const struct raft_start *start)
{
    if (start->configs_count == 0 || start->configs_count > RAFT_CONFIGS_MAX) return false;
    for (uint32_t i = 0; i < start->configs_count; i++) {
        const struct raft_config_at *config = &start->configs[i];

        if (!raft_members_valid(&config->members)) return false;
        if (config->index == 0 || config->index >= start->first + start->entries_count)
            return false;
        if (i == 0 ? config->index > start->commit
                   : config->index <= start->configs[i - 1].index ||
                         config->index <= start->commit)
            return false;
    }
    return true;
}

enum tally_err raft_open(const struct raft_config *config, const struct raft_start *start,
                         struct raft **ret_raft)
{
    struct raft *raft;

    if (config->self == RAFT_NOBODY || !configs_valid(start)) return TALLY_E_INVALID;
    if (config->heartbeat_ms == 0 || config->election_ms / 2 < config->heartbeat_ms) {
        return TALLY_E_INVALID;
    }
    if (start->entries_count == 0 || start->entries_count > RAFT_RING || start->first == 0 ||
        start->commit < start->first || start->commit >= start->first + start->entries_count) {
        return TALLY_E_INVALID;
    }
    raft = calloc(1, sizeof *raft);
    if (raft == NULL) return TALLY_E_NO_MEMORY;
    raft->config = *config;
    raft->configs_count = start->configs_count;
    for (uint32_t i = 0; i < start->configs_count; i++) raft->configs[i] = start->configs[i];
    raft->lost = start->lost;
    raft->mute = start->ask_peers;
    raft->term = raft->hard_term = start->term;
    raft->vote = start->vote;
    raft->commit = start->commit;
    raft->first = start->first;
    raft->last = start->first + start->entries_count - 1;
    for (size_t i = 0; i < start->entries_count; i++) {
        raft->ring[(start->first + i) % RAFT_RING] = start->entries[i];
    }
    raft->durable = raft->last;
    raft->durable_term = raft_term_at(raft, raft->last);
    raft->verified = raft->verify_asked = raft->matched = raft->settled = raft->commit;
    for (uint64_t index = raft->settled + 1; index <= raft->last; index++) {
        raft->unsettled_size += raft_entry(raft, index)->size;
    }
    raft->now_ms = start->now_ms;
    raft->random = start->random;
    raft_campaign_later(raft);
    *ret_raft = raft;
    return TALLY_OK;
}

void raft_close(struct raft *raft)
{
    free(raft);
}

/* Too few voters were heard for a whole election time-out: someone else may lead already. */
static void check_quorum(struct raft *raft)
{
    uint32_t heard = 0;

    raft->quorum_check_at_ms = raft->now_ms + raft->config.election_ms;
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        const struct raft_progress *peer = &raft->peers[i];

        if (!raft_is_voter(raft, peer->id)) continue;
        if (peer->id == raft->config.self) {
            heard++;
        } else if (peer->heard_ms > 0 &&
                   raft->now_ms - peer->heard_ms < raft->config.election_ms) {
            heard++;
        }
    }
    if (heard < raft_majority(raft)) raft_step_down(raft, 1);
}

static void check_disk(struct raft *raft)
{
    const uint64_t patience_ms = (uint64_t)raft->config.election_ms * RAFT_DISK_ELECTIONS;

    if (raft->durable == raft->last) raft->disk_moved_ms = raft->now_ms;
    if (raft->now_ms - raft->disk_moved_ms >= patience_ms) raft_step_down(raft, 3);
}

static void on_tick(struct raft *raft)
{
    if (raft->role == RAFT_LEADER) {
        if (raft->now_ms >= raft->quorum_check_at_ms) check_quorum(raft);
        if (raft->role == RAFT_LEADER) check_disk(raft);
        raft_peers_leave(raft);
    } else if (raft->now_ms >= raft->campaign_at_ms) {
        raft_campaign(raft);
    }
}

/* Does the sender's term change ours? Pre-votes promise nothing, so theirs never does; and a
 * vote is not even considered while a leader is alive (4.2.3). */
static bool take_term(struct raft *raft, const struct raft_message *m)
{
    const bool tentative =
        m->type == RAFT_PREVOTE || (m->type == RAFT_PREVOTE_REPLY && m->granted);

    if (m->term > raft->term && m->term - raft->term > RAFT_TERM_JUMP_MAX) {
        raft_note(raft, RAFT_NOTE_TERM_ABSURD, m->term, m->from);
        return false;
    }
    if (m->term <= raft->term || tentative) return true;
    if (m->type == RAFT_VOTE && raft_leader_alive(raft) && !raft_transfer_allows(raft, m)) {
        return false;
    }
    raft_adopt_term(raft, m->term, m->from);
    return true;
}

static void on_message(struct raft *raft, const struct raft_event *event)
{
    const struct raft_message *m = &event->message;

    /* Who is no member by our log may be one by the sender's (4.1): all are heard. */
    if (m->to != raft->config.self || m->from == raft->config.self) return;
    if (m->from == RAFT_NOBODY) return;
    if (!take_term(raft, m)) return;
    if (m->term < raft->term && (m->type == RAFT_APPEND || m->type == RAFT_HEARTBEAT)) {
        /* Tell a leader of the past; pre-vote and check-quorum would wait for each other. */
        raft_message_add(raft, RAFT_APPEND_REPLY, m->from)->rejected = true;
        return;
    }
    switch (m->type) {
    case RAFT_PREVOTE:
        raft_on_prevote(raft, m);
        return;
    case RAFT_VOTE:
        raft_on_vote(raft, m);
        return;
    case RAFT_PREVOTE_REPLY:
    case RAFT_VOTE_REPLY:
        raft_on_vote_reply(raft, m);
        return;
    case RAFT_APPEND:
        raft_on_append(raft, m, event->entries, event->entries_members);
        return;
    case RAFT_HEARTBEAT:
        raft_on_heartbeat(raft, m);
        return;
    case RAFT_APPEND_REPLY:
        raft_on_append_reply(raft, m);
        return;
    case RAFT_TIMEOUT_NOW:
        raft_on_timeout_now(raft, m);
        return;
    }
    /* A type of a newer version: as if it were lost. */
}

bool raft_may_propose(const struct raft *raft, uint32_t size)
{
    if (raft->role == RAFT_LEADER && raft->transfer_until_ms > 0) return false;
    return raft->role == RAFT_LEADER && raft->last - raft->settled < LIMIT_UNCOMMITTED_BLOCKS &&
           raft->unsettled_size + size <= LIMIT_UNCOMMITTED_SIZE;
}

static void on_propose(struct raft *raft, const struct raft_event *event)
{
    ASSERT(raft->role == RAFT_LEADER);
    ASSERT(event->propose.term_start == !raft->term_started);
    ASSERT(event->propose.term_start || raft_may_propose(raft, 0));
    ASSERT(event->propose.members == NULL || raft_may_change(raft));
    raft->term_started = true;
    raft_log_append(raft,
                    &(struct raft_entry){.term = raft->term,
                                         .size = event->propose.size,
                                         .hash = event->propose.hash},
                    event->propose.members);
}

/* More of our log is durable or verified: what follows from that. */
static void own_match_moved(struct raft *raft)
{
    if (raft->role == RAFT_LEADER) {
        raft_commit_advance(raft);
    } else {
        raft_acknowledge_more(raft);
    }
}

static void on_persisted(struct raft *raft, uint64_t index, uint64_t term, uint64_t hard_term)
{
    const struct raft_entry *entry = raft_entry(raft, index);

    /* A block is written with, or after, a hard state of its term or a newer one. */
    if (term > hard_term) hard_term = term;
    if (hard_term > raft->hard_term) raft->hard_term = hard_term;
    raft->disk_moved_ms = raft->now_ms;
    /* A write of blocks that were truncated meanwhile says nothing about those in their place.
     */
    if (index == 0 || entry == NULL || entry->term != term || index <= raft->durable) return;
    raft->durable = index;
    raft->durable_term = term;
    own_match_moved(raft);
}

/* A block with a signature that does not verify, in our log and not committed as far as we
 * know: nobody was told that we have it, so it may go. If the leader's log holds it too, it
 * leads us no longer. */
static void refuse(struct raft *raft, uint64_t index)
{
    const bool of_leader = raft->role == RAFT_FOLLOWER && raft->leader != RAFT_NOBODY &&
                           raft->matched_term == raft->term && index <= raft->matched;

    ASSERT(index > raft->acked);
    raft_note(raft, RAFT_NOTE_BLOCK_REFUSED, index, raft_term_at(raft, index));
    if (of_leader) raft->distrusted_term = raft->term;
    /* Whoever voted for us meant the log with that block. */
    if (of_leader || raft->role != RAFT_FOLLOWER) raft_step_down(raft, 2);
    raft_log_truncate(raft, index);
}

static void on_verified(struct raft *raft, const struct raft_event *event)
{
    const uint64_t index = event->verified.index;
    const struct raft_entry *entry = raft_entry(raft, index);

    if (entry == NULL || entry->term != event->verified.term || index <= raft->verified) return;
    if (!event->verified.ok && index > raft->commit) {
        refuse(raft, index);
        return;
    }
    /* A bad block that is committed all the same counts as checked: apply marks it Void. */
    raft->verified = index;
    own_match_moved(raft);
}

/* Blocks that were not asked for yet. */
static void ask_verification(struct raft *raft)
{
    if (raft->verify_asked >= raft->last) return;
    raft->fx->verify_first = raft->verify_asked + 1;
    raft->fx->verify_last = raft->last;
    raft->verify_asked = raft->last;
}

/* Do we hold again what we once acknowledged? Either the very block, which chains all before
 * it; or everything up to there as a leader of now has it committed; or a block of a newer
 * term: its leader had all that was committed in terms before (Leader Completeness), and with
 * the block we hold that leader's log up to it. */
static void check_lost(struct raft *raft)
{
    const struct raft_lost lost = raft->lost;
    const uint64_t own = raft_own_match(raft);
    const struct raft_entry *entry = raft_entry(raft, lost.index);
    const struct raft_entry *newest = raft_entry(raft, own);
    bool held;

    if (lost.index == 0) return;
    held = own >= lost.index && (raft->commit >= lost.index ||
                                 (entry != NULL && entry->term == lost.term &&
                                  memcmp(&entry->hash, &lost.hash, sizeof lost.hash) == 0));
    if (!held && (newest == NULL || newest->term <= lost.term)) return;
    raft->lost = (struct raft_lost){0};
    raft_note(raft, RAFT_NOTE_RECOVERED, lost.index, raft->commit);
    raft_acknowledge_more(raft);
}

/* Peers know of more than we do when our disk went back in time, its witness included. */
static void on_remembered(struct raft *raft, const struct raft_lost *lost)
{
    raft->mute = false;
    if (lost->index == 0) return;
    if (lost->index <= raft->lost.index && lost->term <= raft->lost.term) return;
    if (raft->role != RAFT_FOLLOWER) raft_step_down(raft, 5);
    raft->lost = (struct raft_lost){
        .index = lost->index > raft->lost.index ? lost->index : raft->lost.index,
        .term = lost->term > raft->lost.term ? lost->term : raft->lost.term,
    };
    raft_note(raft, RAFT_NOTE_LOST, raft->lost.index, raft->lost.term);
}

static void effects_clear(struct raft_effects *fx)
{
    fx->persist = fx->persist_hard_state = false;
    fx->truncate_from = fx->append_first = fx->append_last = 0;
    fx->verify_first = fx->verify_last = 0;
    fx->became_leader = fx->stepped_down = fx->halt = false;
    fx->members_changed = false;
    fx->read_round = fx->rounds_released = 0;
    fx->halt_index = 0;
    fx->messages_count = fx->backfills_count = fx->notes_count = 0;
}

static void dispatch(struct raft *raft, const struct raft_event *event)
{
    switch (event->type) {
    case RAFT_EVENT_TICK:
        on_tick(raft);
        return;
    case RAFT_EVENT_MESSAGE:
        on_message(raft, event);
        return;
    case RAFT_EVENT_PROPOSE:
        on_propose(raft, event);
        return;
    case RAFT_EVENT_PERSISTED:
        on_persisted(raft, event->persisted.index, event->persisted.term,
                     event->persisted.hard_term);
        return;
    case RAFT_EVENT_VERIFIED:
        on_verified(raft, event);
        return;
    case RAFT_EVENT_RANGE_SENT:
        raft_on_range_sent(raft, event->range_sent.to, event->range_sent.first,
                           event->range_sent.last, event->range_sent.size);
        return;
    case RAFT_EVENT_PEER_RESET:
        raft_peer_reset(raft, event->peer);
        return;
    case RAFT_EVENT_TRANSFER:
        raft_transfer_begin(raft, event->transfer_to);
        return;
    case RAFT_EVENT_READ:
        raft_read_begin(raft);
        return;
    case RAFT_EVENT_REMEMBERED:
        on_remembered(raft, &event->lost);
        return;
    }
}

/* What a leader does after every event. */
static void lead_on(struct raft *raft)
{
    raft_transfer_advance(raft);
    if (raft->role != RAFT_LEADER) return;
    raft_read_advance(raft);
    if (raft->now_ms >= raft->heartbeat_at_ms) {
        raft->heartbeat_at_ms = raft->now_ms + raft->config.heartbeat_ms;
        raft_heartbeats(raft);
    }
    if (raft->term_started) raft_replicate(raft);
}

void raft_step(struct raft *raft, const struct raft_event *event, struct raft_effects *ret_fx)
{
    const uint64_t term_before = raft->term, commit_before = raft->commit;
    const uint32_t vote_before = raft->vote;

    effects_clear(ret_fx);
    raft->fx = ret_fx;
    raft->now_ms = event->now_ms;
    raft->random = event->random;
    raft->unfit = event->unfit;
    dispatch(raft, event);
    check_lost(raft);
    if (raft->role == RAFT_LEADER) lead_on(raft);
    ask_verification(raft);
    raft_log_settle(raft);
    raft->fx = NULL;

    ASSERT(raft->term >= term_before && raft->commit >= commit_before);
    ASSERT(IMPLIES(raft->term == term_before && vote_before != RAFT_NOBODY,
                   raft->vote == vote_before));
    ASSERT(IMPLIES(raft->term != term_before || raft->vote != vote_before,
                   ret_fx->persist_hard_state));
    ASSERT(raft->first <= raft->settled && raft->settled <= raft->commit);
    ASSERT(raft->commit <= raft->last && raft->matched <= raft->last);
    ASSERT(raft->durable <= raft->last && raft->verified <= raft->last);
    ASSERT(raft->acked <= raft_own_match(raft));
}

enum raft_role raft_role(const struct raft *raft)
{
    return raft->role;
}

uint64_t raft_term(const struct raft *raft)
{
    return raft->term;
}

uint32_t raft_vote(const struct raft *raft)
{
    return raft->vote;
}

uint32_t raft_leader(const struct raft *raft)
{
    return raft->leader;
}

uint64_t raft_commit(const struct raft *raft)
{
    return raft->commit;
}

uint64_t raft_last_index(const struct raft *raft)
{
    return raft->last;
}

struct raft_lost raft_lost(const struct raft *raft)
{
    return raft->lost;
}

void raft_peer(const struct raft *raft, uint32_t id, uint64_t *ret_match,
               uint64_t *ret_heard_ms)
{
    *ret_match = *ret_heard_ms = 0;
    if (id == raft->config.self) {
        *ret_match = raft_own_match(raft);
        *ret_heard_ms = raft->now_ms;
        return;
    }
    for (uint32_t i = 0; raft->role == RAFT_LEADER && i < raft->peers_count; i++) {
        if (raft->peers[i].id != id) continue;
        *ret_match = raft->peers[i].match;
        *ret_heard_ms = raft->peers[i].heard_ms;
    }
}
