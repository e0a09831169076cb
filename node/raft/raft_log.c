/* The ring of the newest entries. It always covers the settled index and everything above. */
#include "base/assert.h"
#include "raft/raft_internal.h"

const struct raft_entry *raft_entry(const struct raft *raft, uint64_t index)
{
    if (index < raft->first || index > raft->last) return NULL;
    return &raft->ring[index % RAFT_RING];
}

uint64_t raft_term_at(const struct raft *raft, uint64_t index)
{
    const struct raft_entry *entry = raft_entry(raft, index);

    ASSERT(entry != NULL);
    return entry->term;
}

uint64_t raft_own_match(const struct raft *raft)
{
    return raft->durable < raft->verified ? raft->durable : raft->verified;
}

bool raft_log_room(const struct raft *raft, uint32_t size)
{
    return raft->last - raft->settled < RAFT_UNSETTLED_MAX &&
           raft->unsettled_size + size <= UINT64_C(2) * LIMIT_UNCOMMITTED_SIZE;
}

void raft_log_settle(struct raft *raft)
{
    const uint64_t own = raft_own_match(raft);
    const uint64_t to = raft->commit < own ? raft->commit : own;

    while (raft->settled < to) {
        raft->settled++;
        raft->unsettled_size -= raft_entry(raft, raft->settled)->size;
    }
    raft_members_settle(raft);
}

void raft_log_append(struct raft *raft, const struct raft_entry *entry,
                     const struct raft_members *members)
{
    struct raft_effects *fx = raft->fx;

    ASSERT(raft->last - raft->settled < RAFT_UNSETTLED_MAX);
    if (raft->last + 1 - raft->first == RAFT_RING) raft->first++;
    raft->last++;
    raft->ring[raft->last % RAFT_RING] = *entry;
    raft->unsettled_size += entry->size;
    if (fx->append_last == 0) fx->append_first = raft->last;
    fx->append_last = raft->last;
    fx->persist = true;
    if (members != NULL) raft_members_append(raft, raft->last, members);
}

void raft_log_truncate(struct raft *raft, uint64_t from)
{
    ASSERT(from > raft->commit && from <= raft->last);
    ASSERT(raft->fx->append_last == 0); /* at most one truncation a step, and it comes first */
    for (uint64_t index = from; index <= raft->last; index++) {
        raft->unsettled_size -= raft_entry(raft, index)->size;
    }
    raft->last = from - 1;
    raft_members_truncate(raft, from);
    if (raft->durable > raft->last) {
        raft->durable = raft->last;
        raft->durable_term = raft_term_at(raft, raft->last);
    }
    if (raft->verified > raft->last) raft->verified = raft->last;
    if (raft->verify_asked > raft->last) raft->verify_asked = raft->last;
    if (raft->matched > raft->last) raft->matched = raft->last;
    if (raft->acked > raft->last) raft->acked = raft->last;
    raft->fx->truncate_from = from;
    raft->fx->persist = true;
    raft_note(raft, RAFT_NOTE_TRUNCATED, from, raft->leader);
}
