/* Notes: what happened, for people. */
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
    case RAFT_NOTE_MEMBERS_CHANGED:
        return "members_changed";
    case RAFT_NOTE_MEMBERS_BACK:
        return "members_taken_back";
    case RAFT_NOTE_TRANSFER_BEGUN:
        return "transfer_begun";
    case RAFT_NOTE_TRANSFER_REFUSED:
        return "transfer_refused";
    case RAFT_NOTE_TRANSFER_ENDED:
        return "transfer_timed_out";
    case RAFT_NOTE_TIMEOUT_NOW:
        return "asked_to_lead";
    case RAFT_NOTE_LOST:
        return "log_lost";
    case RAFT_NOTE_RECOVERED:
        return "log_recovered";
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
