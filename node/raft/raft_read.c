/* ReadIndex (Ongaro 6.4): a leader serves a read once a majority answered a heartbeat that was
 * sent after the read came, so that nobody else led when it came. Rounds are numbered and never
 * used twice: an answer to an earlier heartbeat confirms nothing. */
#include "base/assert.h"
#include "raft/raft_internal.h"

static void begin_round(struct raft *raft)
{
    raft->round_sent++;
    raft->round_wanted = false;
    raft->heartbeat_at_ms = raft->now_ms;
}

void raft_read_begin(struct raft *raft)
{
    if (raft->role != RAFT_LEADER) return;
    if (raft->round_sent == raft->round_confirmed) {
        begin_round(raft);
        raft->fx->read_round = raft->round_sent;
    } else {
        /* Answers to the round under way may be older than this read. */
        raft->round_wanted = true;
        raft->fx->read_round = raft->round_sent + 1;
    }
}

void raft_read_advance(struct raft *raft)
{
    uint32_t answered = 0;

    if (raft->round_sent == raft->round_confirmed) return;
    /* Until a block of our own term is committed, others may be committed that we do not know
     * to be (6.4, step 1). */
    if (raft_term_at(raft, raft->commit) != raft->term) return;
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        const struct raft_progress *peer = &raft->peers[i];

        if (!raft_is_voter(raft, peer->id)) continue;
        if (peer->id == raft->config.self || peer->round >= raft->round_sent) answered++;
    }
    if (answered < raft_majority(raft)) return;
    raft->round_confirmed = raft->round_sent;
    raft->fx->rounds_released = raft->round_sent;
    if (raft->round_wanted) begin_round(raft);
}
