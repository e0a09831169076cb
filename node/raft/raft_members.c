/* Who is a member: the newest Config of the log is in force from the moment it is appended, and
 * until it is truncated (Ongaro 4.1). */
#include "base/assert.h"
#include "raft/raft_internal.h"

bool raft_members_valid(const struct raft_members *members)
{
    uint32_t voters = 0;

    if (members->count == 0 || members->count > LIMIT_MEMBERS) return false;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->ids[i] == RAFT_NOBODY) return false;
        if (i > 0 && members->ids[i] <= members->ids[i - 1]) return false;
        if (members->voters[i]) voters++;
    }
    return voters > 0 && voters <= LIMIT_VOTERS;
}

static bool votes_in(const struct raft_members *members, uint32_t id)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->ids[i] == id) return members->voters[i];
    }
    return false;
}

const struct raft_members *raft_members(const struct raft *raft)
{
    return &raft->configs[raft->configs_count - 1].members;
}

uint64_t raft_members_index(const struct raft *raft)
{
    return raft->configs[raft->configs_count - 1].index;
}

uint32_t raft_place(const struct raft *raft, uint32_t id)
{
    const struct raft_members *members = raft_members(raft);
    uint32_t place = 0;

    while (place < members->count && members->ids[place] != id) place++;
    return place;
}

bool raft_is_voter(const struct raft *raft, uint32_t id)
{
    return votes_in(raft_members(raft), id);
}

bool raft_was_voter(const struct raft *raft)
{
    return raft_members_index(raft) > raft->commit &&
           votes_in(&raft->configs[raft->configs_count - 2].members, raft->config.self);
}

uint32_t raft_voters(const struct raft *raft)
{
    const struct raft_members *members = raft_members(raft);
    uint32_t voters = 0;

    for (uint32_t i = 0; i < members->count; i++) voters += members->voters[i];
    return voters;
}

uint32_t raft_majority(const struct raft *raft)
{
    return raft_voters(raft) / 2 + 1;
}

bool raft_may_change(const struct raft *raft)
{
    return raft->role == RAFT_LEADER && raft->configs_count == 1 && raft->successor == 0 &&
           raft_term_at(raft, raft->commit) == raft->term &&
           raft_may_propose(raft, LIMIT_BLOCK_SIZE);
}

/* ---- what a leader keeps of each ---- */

struct raft_progress *raft_peer_find(struct raft *raft, uint32_t id)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        if (raft->peers[i].id == id) return &raft->peers[i];
    }
    return NULL;
}

static void peer_add(struct raft *raft, uint32_t id)
{
    struct raft_progress *peer = raft_peer_find(raft, id);

    if (peer != NULL) {
        peer->leave_at_ms = 0;
        return;
    }
    ASSERT(raft->peers_count < RAFT_PEERS_MAX);
    raft->peers[raft->peers_count++] =
        (struct raft_progress){.id = id, .next = raft->last + 1, .progress_ms = raft->now_ms};
}

void raft_peers_open(struct raft *raft)
{
    const struct raft_members *members = raft_members(raft);

    raft->peers_count = 0;
    for (uint32_t i = 0; i < members->count; i++) peer_add(raft, members->ids[i]);
}

static void peer_forget(struct raft *raft, uint32_t at)
{
    raft->peers[at] = raft->peers[--raft->peers_count];
}

/* Keep room for every member: too many removed ones, and the first to leave goes. */
static void leaving_limit(struct raft *raft)
{
    uint32_t count = 0, oldest = 0;

    for (uint32_t i = 0; i < raft->peers_count; i++) {
        const uint64_t leave_at_ms = raft->peers[i].leave_at_ms;

        if (leave_at_ms == 0) continue;
        if (count == 0 || leave_at_ms < raft->peers[oldest].leave_at_ms) oldest = i;
        count++;
    }
    if (count > RAFT_LEAVING_MAX) peer_forget(raft, oldest);
}

/* The peers are those of the Config in force. A removed one is served for a while: it should
 * learn that it is removed, and cosign the checkpoint that says so. */
static void peers_follow(struct raft *raft)
{
    const uint64_t leave_at_ms =
        raft->now_ms + (uint64_t)raft->config.election_ms * RAFT_LEAVE_ELECTIONS;
    const struct raft_members *members = raft_members(raft);

    for (uint32_t i = 0; i < raft->peers_count; i++) {
        if (raft_place(raft, raft->peers[i].id) < members->count) continue;
        if (raft->peers[i].leave_at_ms == 0) raft->peers[i].leave_at_ms = leave_at_ms;
    }
    leaving_limit(raft); /* one change removes one member */
    for (uint32_t i = 0; i < members->count; i++) peer_add(raft, members->ids[i]);
}

void raft_peers_leave(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count;) {
        const uint64_t leave_at_ms = raft->peers[i].leave_at_ms;

        if (leave_at_ms == 0 || raft->now_ms < leave_at_ms) {
            i++;
        } else {
            peer_forget(raft, i);
        }
    }
}

/* ---- Configs of the log ---- */

bool raft_members_room(const struct raft *raft)
{
    return raft->configs_count < RAFT_CONFIGS_MAX;
}

void raft_members_append(struct raft *raft, uint64_t index, const struct raft_members *members)
{
    ASSERT(raft_members_room(raft) && raft_members_valid(members));
    ASSERT(index > raft_members_index(raft));
    raft->configs[raft->configs_count++] =
        (struct raft_config_at){.index = index, .members = *members};
    raft->fx->members_changed = true;
    raft_note(raft, RAFT_NOTE_MEMBERS_CHANGED, index, raft_voters(raft));
    if (raft->role == RAFT_LEADER) peers_follow(raft);
}

void raft_members_truncate(struct raft *raft, uint64_t from)
{
    while (raft_members_index(raft) >= from) {
        ASSERT(raft->configs_count > 1); /* a committed one is never truncated */
        const uint64_t index = raft_members_index(raft);

        raft->configs_count--;
        raft->fx->members_changed = true;
        raft_note(raft, RAFT_NOTE_MEMBERS_BACK, index, raft_voters(raft));
    }
}

void raft_members_settle(struct raft *raft)
{
    uint32_t old = 0;

    while (old + 1 < raft->configs_count && raft->configs[old + 1].index <= raft->commit) old++;
    if (old == 0) return;
    raft->configs_count -= old;
    for (uint32_t i = 0; i < raft->configs_count; i++) {
        raft->configs[i] = raft->configs[i + old];
    }
}
