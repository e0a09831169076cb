/* Elections: Ongaro 3.4 and 3.6, pre-vote 9.6. Logs are compared by what is durable. */
#include "base/assert.h"
#include "raft/raft_internal.h"

bool raft_leader_alive(const struct raft *raft)
{
    if (raft->role == RAFT_LEADER) return true;
    return raft->leader != RAFT_NOBODY &&
           raft->now_ms - raft->leader_heard_ms < raft->config.election_ms;
}

/* Is the asker's log at least as complete as ours (3.6.1)? */
static bool up_to_date(const struct raft *raft, const struct raft_message *m)
{
    uint64_t term = raft->durable_term, index = raft->durable;

    /* What we once acknowledged counts as ours, though our disk lost it. */
    if (raft->lost.term > term || (raft->lost.term == term && raft->lost.index > index)) {
        term = raft->lost.term;
        index = raft->lost.index;
    }
    if (m->last_term != term) return m->last_term > term;
    return m->last_index >= index;
}

bool raft_may_campaign(const struct raft *raft)
{
    if (raft->mute || raft->unfit || raft->lost.index > 0) return false;
    if (raft->last - raft->settled >= RAFT_UNSETTLED_MAX) {
        return false; /* no room for the block that would open our term */
    }
    /* Until the Config without us is committed nobody else may have the votes (4.2.2). */
    return raft_is_voter(raft, raft->config.self) || raft_was_voter(raft);
}

/* Our own vote, if it counts. */
static uint32_t granted_by_self(const struct raft *raft)
{
    const uint32_t self = raft->config.self;

    return raft_is_voter(raft, self) ? UINT32_C(1) << raft_place(raft, self) : 0;
}

static uint32_t granted_count(const struct raft *raft)
{
    return (uint32_t)__builtin_popcount(raft->granted);
}

static void ask_votes(struct raft *raft, enum raft_message_type type, uint64_t term)
{
    const struct raft_members *members = raft_members(raft);

    for (uint32_t i = 0; i < members->count; i++) {
        struct raft_message *m;

        if (!members->voters[i] || members->ids[i] == raft->config.self) continue;
        m = raft_message_add(raft, type, members->ids[i]);
        m->handover = type == RAFT_VOTE && raft->handover;
        m->term = term;
        m->last_index = raft->durable;
        m->last_term = raft->durable_term;
        m->after_persist = type == RAFT_VOTE; /* our own vote first */
    }
}

/* A majority would elect us: a new term, our own vote, and the question in earnest. */
static void campaign_in_earnest(struct raft *raft)
{
    raft->role = RAFT_CANDIDATE;
    raft->term++;
    raft->vote = raft->config.self;
    raft->leader = RAFT_NOBODY;
    raft->granted = granted_by_self(raft);
    raft_hard_state_changed(raft);
    raft_campaign_later(raft);
    raft_note(raft, RAFT_NOTE_ELECTION_STARTED, raft->term, raft->durable);
    ask_votes(raft, RAFT_VOTE, raft->term);
    if (granted_count(raft) >= raft_majority(raft)) raft_lead(raft);
}

void raft_campaign_handover(struct raft *raft)
{
    raft->handover = true;
    campaign_in_earnest(raft);
}

void raft_campaign(struct raft *raft)
{
    if (!raft_may_campaign(raft)) {
        raft_campaign_later(raft);
        return;
    }
    raft->role = RAFT_PRECANDIDATE;
    raft->leader = RAFT_NOBODY;
    raft->handover = false;
    raft->granted = granted_by_self(raft);
    raft_campaign_later(raft);
    raft_note(raft, RAFT_NOTE_PREVOTE_STARTED, raft->term + 1, raft->durable);
    ask_votes(raft, RAFT_PREVOTE, raft->term + 1);
    if (granted_count(raft) >= raft_majority(raft)) campaign_in_earnest(raft);
}

/* A pre-vote promises nothing and changes nothing: it asks whether an election could succeed.
 */
void raft_on_prevote(struct raft *raft, const struct raft_message *m)
{
    const bool granted =
        m->term > raft->term && !raft_leader_alive(raft) && up_to_date(raft, m);
    struct raft_message *reply;

    if (raft->mute) return;
    reply = raft_message_add(raft, RAFT_PREVOTE_REPLY, m->from);
    reply->granted = granted;
    /* A denial carries our own term, so that an asker of an older one catches up with it. */
    if (granted) reply->term = m->term;
}

void raft_on_vote(struct raft *raft, const struct raft_message *m)
{
    const bool free_to_vote = raft->vote == RAFT_NOBODY || raft->vote == m->from;
    const bool granted = m->term == raft->term && raft->leader == RAFT_NOBODY && free_to_vote &&
                         up_to_date(raft, m);
    struct raft_message *reply;

    if (raft->mute) return;
    if (granted && raft->vote == RAFT_NOBODY) {
        raft->vote = m->from;
        raft_hard_state_changed(raft);
    }
    if (granted) {
        raft->role = RAFT_FOLLOWER; /* our own pre-vote, if any, is off */
        raft_campaign_later(raft);
    }
    raft_note(raft, granted ? RAFT_NOTE_VOTE_GRANTED : RAFT_NOTE_VOTE_DENIED, raft->term,
              m->from);
    reply = raft_message_add(raft, RAFT_VOTE_REPLY, m->from);
    reply->granted = granted;
    reply->after_persist = true; /* the vote is durable before it is told */
}

void raft_on_vote_reply(struct raft *raft, const struct raft_message *m)
{
    const bool pre = m->type == RAFT_PREVOTE_REPLY;

    if (raft->role != (pre ? RAFT_PRECANDIDATE : RAFT_CANDIDATE)) return;
    if (m->term != (pre ? raft->term + 1 : raft->term) || !m->granted) return;
    if (!raft_is_voter(raft, m->from)) return;
    raft->granted |= UINT32_C(1) << raft_place(raft, m->from);
    if (granted_count(raft) < raft_majority(raft)) return;
    if (pre) {
        campaign_in_earnest(raft);
    } else {
        raft_lead(raft);
    }
}
