/* Handing leadership on (Ongaro 3.10): take no more blocks, bring the successor up to date, and
 * ask it to campaign at once. The others vote for it beside their live leader because that
 * leader named it in a heartbeat. */
#include "base/assert.h"
#include "raft/raft_internal.h"

bool raft_transfer_allows(const struct raft *raft, const struct raft_message *m)
{
    return m->handover && raft->successor == m->from && raft->successor_term == raft->term &&
           m->term == raft->term + 1;
}

/* A voter that answers. */
static bool suits(const struct raft *raft, const struct raft_progress *peer)
{
    return peer->id != raft->config.self && raft_is_voter(raft, peer->id) &&
           peer->heard_ms > 0 && raft->now_ms - peer->heard_ms < raft->config.election_ms;
}

static uint32_t furthest(const struct raft *raft)
{
    const struct raft_progress *best = NULL;

    for (uint32_t i = 0; i < raft->peers_count; i++) {
        const struct raft_progress *peer = &raft->peers[i];

        if (suits(raft, peer) && (best == NULL || peer->match > best->match)) best = peer;
    }
    return best == NULL ? RAFT_NOBODY : best->id;
}

void raft_transfer_begin(struct raft *raft, uint32_t to)
{
    const struct raft_progress *peer;

    if (raft->role != RAFT_LEADER || raft->transfer_until_ms > 0) return;
    if (to == RAFT_NOBODY) to = furthest(raft);
    peer = raft_peer_find(raft, to);
    if (peer == NULL || !suits(raft, peer)) {
        raft_note(raft, RAFT_NOTE_TRANSFER_REFUSED, to, 0);
        return;
    }
    raft->successor = to;
    raft->successor_term = raft->term;
    raft->transfer_until_ms =
        raft->now_ms + (uint64_t)raft->config.election_ms * RAFT_TRANSFER_ELECTIONS;
    raft->transfer_sent = false;
    raft->heartbeat_at_ms = raft->now_ms; /* tell everyone whom to vote for */
    raft_note(raft, RAFT_NOTE_TRANSFER_BEGUN, to, raft->last);
}

void raft_transfer_advance(struct raft *raft)
{
    const struct raft_progress *peer;

    if (raft->transfer_until_ms == 0) return;
    peer = raft_peer_find(raft, raft->successor);
    if (raft->now_ms >= raft->transfer_until_ms || peer == NULL) {
        raft_note(raft, RAFT_NOTE_TRANSFER_ENDED, raft->successor, 0);
        raft->successor = RAFT_NOBODY;
        raft->transfer_until_ms = 0;
        raft->heartbeat_at_ms = raft->now_ms;
        if (raft->unfit)
            raft_step_down(raft, 6); /* somebody else must, brought up to date or not */
        return;
    }
    if (raft->transfer_sent || !raft->term_started || peer->match < raft->last) return;
    raft->transfer_sent = true;
    raft_message_add(raft, RAFT_TIMEOUT_NOW, peer->id);
}

void raft_on_timeout_now(struct raft *raft, const struct raft_message *m)
{
    if (m->term != raft->term || raft->role != RAFT_FOLLOWER || raft->leader != m->from) return;
    if (!raft_may_campaign(raft)) return;
    raft_note(raft, RAFT_NOTE_TIMEOUT_NOW, m->from, m->term);
    raft_campaign_handover(raft);
}

uint32_t raft_successor(const struct raft *raft)
{
    return raft->role == RAFT_LEADER ? raft->successor : RAFT_NOBODY;
}
