/* The ring of the newest entries. It always covers the commit index and everything above it. */
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

void raft_log_append(struct raft *raft, const struct raft_entry *entry)
{
    struct raft_effects *fx = raft->fx;

    if (raft->last + 1 - raft->first == RAFT_RING) raft->first++;
    ASSERT(raft->first <= raft->commit);
    raft->last++;
    raft->ring[raft->last % RAFT_RING] = *entry;
    if (fx->append_last == 0) fx->append_first = raft->last;
    fx->append_last = raft->last;
    fx->persist = true;
}

void raft_log_truncate(struct raft *raft, uint64_t from)
{
    ASSERT(from > raft->commit && from <= raft->last);
    ASSERT(raft->fx->append_last == 0); /* at most one truncation a step, and it comes first */
    raft->last = from - 1;
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
