/* Whatever peers say, in whatever order, no assertion of the Raft core is reached and no
 * invariant of raft_step() breaks. The input is a list of events for one voter of three; its
 * own disk and its own checks behave, its peers need not. Numbers are drawn near the ones that
 * matter: the core's own term, commit index and end of log. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "raft/raft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SELF = 1, EVENTS_MAX = 400, START_ENTRIES = 12 };

struct voter {
    struct raft *raft;
    struct raft_effects fx;
    uint64_t now_ms;
    uint64_t written, written_term; /* end of the newest write that is not answered */
    uint64_t verify_to, checked;
    bool term_start_due;
};

static struct raft_entry entry_of(uint64_t term, uint8_t hash)
{
    struct raft_entry entry = {.term = term, .size = (uint32_t)hash * 4000};

    memset(entry.hash.bytes, hash, sizeof entry.hash.bytes);
    return entry;
}

static void feed(struct voter *voter, struct raft_event *event)
{
    const struct raft_effects *fx = &voter->fx;

    event->now_ms = voter->now_ms;
    event->random = voter->now_ms * 7;
    raft_step(voter->raft, event, &voter->fx);
    for (uint32_t i = 0; i < fx->messages_count; i++) {
        ASSERT(fx->messages[i].to != SELF && fx->messages[i].from == SELF);
        ASSERT(fx->messages[i].entries_count <= RAFT_BATCH_MAX);
        ASSERT(fx->messages[i].prev_index + fx->messages[i].entries_count <=
                   raft_last_index(voter->raft) ||
               fx->messages[i].type != RAFT_APPEND);
    }
    for (uint32_t i = 0; i < fx->backfills_count; i++) {
        ASSERT(fx->backfills[i].from >= 2 && fx->backfills[i].from <= raft_commit(voter->raft));
    }
    if (fx->truncate_from > 0) {
        if (voter->checked >= fx->truncate_from) voter->checked = fx->truncate_from - 1;
        if (voter->verify_to >= fx->truncate_from) voter->verify_to = fx->truncate_from - 1;
    }
    if (fx->append_last > 0) {
        voter->written = fx->append_last;
        voter->written_term = raft_entry(voter->raft, fx->append_last)->term;
    }
    if (fx->verify_last > 0) {
        ASSERT(fx->verify_first == voter->verify_to + 1);
        voter->verify_to = fx->verify_last;
    }
    if (fx->became_leader) voter->term_start_due = true;
    if (fx->stepped_down) voter->term_start_due = false;
}

/* A number near one that matters. */
static uint64_t number(struct bytes_reader *reader, uint64_t near, uint64_t other)
{
    const uint8_t choice = bytes_get_u8(reader);
    const uint64_t delta = choice & 15;

    switch (choice >> 4) {
    case 0:
        return delta;
    case 1:
    case 2:
    case 3:
        return near + delta;
    case 4:
    case 5:
        return near >= delta ? near - delta : 0;
    case 6:
        return other + delta;
    case 7:
        return other >= delta ? other - delta : 0;
    case 8:
        return UINT64_MAX - delta;
    case 9:
        return UINT64_MAX / 2 + delta;
    case 10:
        return near + RAFT_TERM_JUMP_MAX + delta;
    default:
        return near;
    }
}

static void give_message(struct voter *voter, struct bytes_reader *reader)
{
    const uint64_t term = raft_term(voter->raft), last = raft_last_index(voter->raft),
                   commit = raft_commit(voter->raft);
    struct raft_entry entries[RAFT_BATCH_MAX];
    struct raft_event event = {.type = RAFT_EVENT_MESSAGE};
    struct raft_message *m = &event.message;
    const uint8_t head = bytes_get_u8(reader), flags = bytes_get_u8(reader);
    const struct raft_entry *prev;
    /* Members change with any of the blocks. */
    static const struct raft_members two = {.count = 2, .ids = {1, 2}, .voters = {true, true}};
    const struct raft_members *configs[RAFT_BATCH_MAX] = {[0] = &two, [3] = &two};
    uint64_t block_term;

    m->type = (head & 7) == 0 ? RAFT_TIMEOUT_NOW : (enum raft_message_type)(head & 7);
    m->from = (head >> 3) & 3;
    m->to = (head >> 5) == 7 ? 2 : SELF;
    m->term = number(reader, term, last);
    m->last_index = number(reader, last, commit);
    m->last_term = number(reader, term, last);
    m->granted = flags & 1;
    m->rejected = (flags >> 1) & 1;
    m->handover = (flags >> 2) & 1;
    m->successor = (flags >> 2) & 3;
    m->round = flags >> 5;
    m->prev_index = number(reader, last, commit);
    prev = raft_entry(voter->raft, m->prev_index);
    m->prev_term = prev != NULL && (flags & 4) == 0 ? prev->term : number(reader, term, last);
    m->prev_hash = prev != NULL && (flags & 8) == 0 ? prev->hash : entry_of(0, head).hash;
    m->commit = number(reader, last, commit);
    m->match = number(reader, last, commit);
    m->received = number(reader, last, commit);
    m->hint_index = number(reader, last, commit);
    m->hint_term = number(reader, term, last);
    m->entries_count = (flags >> 4) == 15 ? number(reader, 64, 0) & 127 : flags >> 4;
    block_term = number(reader, term, last);
    for (uint32_t i = 0; i < RAFT_BATCH_MAX; i++) {
        const struct raft_entry *own = raft_entry(voter->raft, m->prev_index + 1 + i);

        if ((flags & 8) == 0 && own != NULL && i < (head >> 5)) {
            entries[i] = *own; /* agrees with us at first */
        } else {
            entries[i] = entry_of(block_term + (i & head & 3), (uint8_t)(head + i));
        }
    }
    event.entries = entries;
    if (head == 255) event.entries_members = configs;
    feed(voter, &event);
}

static void own_event(struct voter *voter, struct bytes_reader *reader, uint8_t kind)
{
    struct raft_event event = {.type = RAFT_EVENT_TICK};
    const uint8_t argument = bytes_get_u8(reader);

    switch (kind) {
    case 0:
        voter->now_ms += argument;
        break;
    case 1:
        if (voter->written == 0) return;
        event.type = RAFT_EVENT_PERSISTED;
        event.persisted.index = voter->written;
        event.persisted.term = voter->written_term;
        event.persisted.hard_term = argument < 128 ? raft_term(voter->raft) : 0;
        break;
    case 2:
        if (voter->checked >= voter->verify_to) return;
        event.type = RAFT_EVENT_VERIFIED;
        event.verified.index = ++voter->checked;
        event.verified.term = raft_entry(voter->raft, voter->checked)->term;
        event.verified.ok = argument < 240;
        break;
    case 3:
        event.type = RAFT_EVENT_PEER_RESET;
        event.peer = argument & 3;
        break;
    case 4:
        event.type = RAFT_EVENT_RANGE_SENT;
        event.range_sent.to = argument & 3;
        event.range_sent.first = number(reader, 1, raft_last_index(voter->raft));
        event.range_sent.last = number(reader, 1, raft_commit(voter->raft));
        event.range_sent.size = (uint64_t)argument << 12;
        break;
    case 5:
        event.type = RAFT_EVENT_TRANSFER;
        event.transfer_to = argument & 3;
        break;
    case 6:
        event.type = RAFT_EVENT_READ;
        break;
    case 7:
        event.type = RAFT_EVENT_REMEMBERED;
        event.lost.index = argument & 63;
        event.lost.term = argument >> 6;
        break;
    default:
        if (!raft_may_propose(voter->raft, argument)) return;
        event.type = RAFT_EVENT_PROPOSE;
        event.propose.hash = entry_of(0, argument).hash;
        event.propose.size = argument;
        break;
    }
    feed(voter, &event);
}

static void open_voter(struct voter *voter, uint8_t kind)
{
    struct raft_config config = {.self = SELF, .election_ms = 100, .heartbeat_ms = 20};
    struct raft_entry entries[START_ENTRIES];
    const struct raft_config_at members = {.index = 1,
                                           .members = {.count = (kind & 3) == 3 ? 1 : 4,
                                                       .ids = {1, 2, 3, 4},
                                                       .voters = {true, true, true, false}}};
    struct raft_start start = {.configs = &members,
                               .configs_count = 1,
                               .term = 3 + (kind >> 6),
                               .vote = kind & 3,
                               .first = 1 + (uint64_t)((kind >> 2) & 1) * 5000,
                               .entries = entries,
                               .entries_count = START_ENTRIES,
                               .now_ms = 1000,
                               .random = 7};

    for (size_t i = 0; i < START_ENTRIES; i++) entries[i] = entry_of(i / 4, (uint8_t)i);
    start.commit = start.first + ((kind >> 3) & 7);
    voter->now_ms = 1000;
    voter->verify_to = voter->checked = start.commit;
    if (raft_open(&config, &start, &voter->raft) != TALLY_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct voter voter; /* large */
    struct bytes_reader reader = bytes_reader(data, size);

    memset(&voter, 0, sizeof voter);
    open_voter(&voter, bytes_get_u8(&reader));
    for (int events = 0; events < EVENTS_MAX && !reader.bad; events++) {
        const uint8_t kind = bytes_get_u8(&reader);

        if (kind < 18) {
            own_event(&voter, &reader, kind / 2);
        } else {
            give_message(&voter, &reader);
        }
        if (voter.term_start_due) {
            struct raft_event event = {.type = RAFT_EVENT_PROPOSE};

            voter.term_start_due = false;
            event.propose.term_start = true;
            event.propose.size = 200;
            feed(&voter, &event);
        }
    }
    raft_close(voter.raft);
    return 0;
}
