#include "raft/raft.h"

#include <stdlib.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

const char *raft_note_name(enum raft_note_code code)
{
    switch (code) {
    case RAFT_NOTE_TERM_ADOPTED:
        return "term_adopted";
    case RAFT_NOTE_PREVOTE_STARTED:
        return "prevote_started";
    case RAFT_NOTE_ELECTION_STARTED:
        return "election_started";
    case RAFT_NOTE_VOTE_GRANTED:
        return "vote_granted";
    case RAFT_NOTE_VOTE_DENIED:
        return "vote_denied";
    case RAFT_NOTE_ELECTED:
        return "elected";
    case RAFT_NOTE_STEPPED_DOWN:
        return "stepped_down";
    case RAFT_NOTE_LEADER_KNOWN:
        return "leader_known";
    case RAFT_NOTE_TRUNCATED:
        return "log_truncated";
    case RAFT_NOTE_BLOCK_REFUSED:
        return "block_refused";
    case RAFT_NOTE_TERM_ABSURD:
        return "term_absurd";
    case RAFT_NOTE_SECOND_LEADER:
        return "second_leader";
    case RAFT_NOTE_EVIDENCE:
        return "two_blocks_one_place";
    case RAFT_NOTE_HASH_DIFFERS:
        return "previous_hash_differs";
    case RAFT_NOTE_NO_ROOM:
        return "blocks_dropped_no_room";
    case RAFT_NOTE_PEER_BEHIND:
        return "peer_behind";
    }
    UNREACHABLE("note code");
}

void raft_note(struct raft *raft, enum raft_note_code code, uint64_t a, uint64_t b)
{
    struct raft_effects *fx = raft->fx;

    if (fx->notes_count == RAFT_NOTES_MAX)
        return; /* notes are for people: the first ones tell */
    fx->notes[fx->notes_count++] = (struct raft_note){.code = code, .a = a, .b = b};
}

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

uint32_t raft_place(const struct raft *raft, uint32_t id)
{
    uint32_t place = 0;

    while (place < raft->config.voters_count && raft->config.voters[place] != id) place++;
    return place;
}

uint32_t raft_majority(const struct raft *raft)
{
    return raft->config.voters_count / 2 + 1;
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

enum tally_err raft_open(const struct raft_config *config, const struct raft_start *start,
                         struct raft **ret_raft)
{
    struct raft *raft;

    if (config->voters_count == 0 || config->voters_count > LIMIT_VOTERS)
        return TALLY_E_INVALID;
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
    if (raft_place(raft, config->self) == config->voters_count) {
        free(raft);
        return TALLY_E_INVALID;
    }
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
    uint32_t heard = 1;

    raft->quorum_check_at_ms = raft->now_ms + raft->config.election_ms;
    for (uint32_t i = 0; i < raft->config.voters_count; i++) {
        const struct raft_progress *peer = &raft->progress[i];

        if (peer->id == raft->config.self || peer->heard_ms == 0) continue;
        if (raft->now_ms - peer->heard_ms < raft->config.election_ms) heard++;
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
    if (m->type == RAFT_VOTE && raft_leader_alive(raft)) return false;
    raft_adopt_term(raft, m->term, m->from);
    return true;
}

static void on_message(struct raft *raft, const struct raft_event *event)
{
    const struct raft_message *m = &event->message;

    if (m->to != raft->config.self || m->from == raft->config.self) return;
    if (raft_place(raft, m->from) == raft->config.voters_count) return;
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
        raft_on_append(raft, m, event->entries);
        return;
    case RAFT_HEARTBEAT:
        raft_on_heartbeat(raft, m);
        return;
    case RAFT_APPEND_REPLY:
        raft_on_append_reply(raft, m);
        return;
    }
    /* A type of a newer version: as if it were lost. */
}

bool raft_may_propose(const struct raft *raft, uint32_t size)
{
    return raft->role == RAFT_LEADER && raft->last - raft->settled < LIMIT_UNCOMMITTED_BLOCKS &&
           raft->unsettled_size + size <= LIMIT_UNCOMMITTED_SIZE;
}

static void on_propose(struct raft *raft, const struct raft_event *event)
{
    ASSERT(raft->role == RAFT_LEADER);
    ASSERT(event->propose.term_start == !raft->term_started);
    ASSERT(event->propose.term_start || raft_may_propose(raft, 0));
    raft->term_started = true;
    raft_log_append(raft, &(struct raft_entry){.term = raft->term,
                                               .size = event->propose.size,
                                               .hash = event->propose.hash});
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

void raft_step(struct raft *raft, const struct raft_event *event, struct raft_effects *ret_fx)
{
    const uint64_t term_before = raft->term, commit_before = raft->commit;
    const uint32_t vote_before = raft->vote;

    ret_fx->persist = ret_fx->persist_hard_state = false;
    ret_fx->truncate_from = ret_fx->append_first = ret_fx->append_last = 0;
    ret_fx->verify_first = ret_fx->verify_last = 0;
    ret_fx->became_leader = ret_fx->stepped_down = ret_fx->halt = false;
    ret_fx->halt_index = 0;
    ret_fx->messages_count = ret_fx->backfills_count = ret_fx->notes_count = 0;
    raft->fx = ret_fx;
    raft->now_ms = event->now_ms;
    raft->random = event->random;
    switch (event->type) {
    case RAFT_EVENT_TICK:
        on_tick(raft);
        break;
    case RAFT_EVENT_MESSAGE:
        on_message(raft, event);
        break;
    case RAFT_EVENT_PROPOSE:
        on_propose(raft, event);
        break;
    case RAFT_EVENT_PERSISTED:
        on_persisted(raft, event->persisted.index, event->persisted.term,
                     event->persisted.hard_term);
        break;
    case RAFT_EVENT_VERIFIED:
        on_verified(raft, event);
        break;
    case RAFT_EVENT_RANGE_SENT:
        raft_on_range_sent(raft, event->range_sent.to, event->range_sent.first,
                           event->range_sent.last, event->range_sent.size);
        break;
    case RAFT_EVENT_PEER_RESET:
        raft_peer_reset(raft, event->peer);
        break;
    }
    if (raft->role == RAFT_LEADER && raft->now_ms >= raft->heartbeat_at_ms) {
        raft->heartbeat_at_ms = raft->now_ms + raft->config.heartbeat_ms;
        raft_heartbeats(raft);
    }
    if (raft->role == RAFT_LEADER && raft->term_started) raft_replicate(raft);
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

void raft_peer(const struct raft *raft, uint32_t id, uint64_t *ret_match,
               uint64_t *ret_heard_ms)
{
    const uint32_t place = raft_place(raft, id);

    *ret_match = *ret_heard_ms = 0;
    if (id == raft->config.self) {
        *ret_match = raft_own_match(raft);
        *ret_heard_ms = raft->now_ms;
    } else if (raft->role == RAFT_LEADER && place < raft->config.voters_count) {
        *ret_match = raft->progress[place].match;
        *ret_heard_ms = raft->progress[place].heard_ms;
    }
}
