/* Events in, actions out. The order within one step: what the event itself changes; the raft
 * step and its effects; then, always in this order, propose, begin a write, begin an apply. */
#include "loop/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/block.h"
#include "loop/node_internal.h"

enum {
    PROPOSE_EAGER_SIZE =
        LIMIT_BLOCK_SIZE / 2, /* so much waits: propose beside a write in flight */
    BACKLOG_BLOCKS_MAX = 512, /* blocks that wait for our disk or our checks */
    REPEAT_HEARTBEATS = 10,   /* a published cosignature is repeated so rarely */
};

static void raft_feed(struct node *node, struct raft_event *event);

/* ---- messages ---- */

static struct node_message *message_new(enum node_message_kind kind)
{
    struct node_message *message = calloc(1, sizeof *message);

    ASSERT(message != NULL);
    message->kind = kind;
    return message;
}

/* Send a message of the core; blocks that are not in memory any more are read from the disk. */
static void send_raft(struct node *node, const struct raft_message *raft, uint64_t write)
{
    struct node_message *message = message_new(NODE_MESSAGE_RAFT);

    message->raft = *raft;
    for (uint32_t i = 0; raft->type == RAFT_APPEND && i < raft->entries_count; i++) {
        const struct slot *slot = node_slot(node, raft->prev_index + 1 + i);

        if (slot == NULL || slot->block == NULL) {
            struct node_action *action = node_action_add(node->out, NODE_READ);

            action->read.member = raft->to;
            action->read.from = raft->prev_index + 1;
            action->read.to = raft->prev_index + raft->entries_count;
            action->read.message = *raft;
            node_message_release(message);
            free(message);
            return;
        }
        message->blocks[i] = buffer_hold(slot->block);
    }
    if (write > 0) {
        node_hold(node, write, raft->to, message);
        return;
    }
    struct node_action *action = node_action_add(node->out, NODE_SEND);

    action->send.to = raft->to;
    action->send.message = message;
}

static void send_cosignature(struct node *node)
{
    const struct publish_config *config = node->config.publish;

    for (uint32_t i = 0; i < config->members_count; i++) {
        if (config->members[i].id == config->self) continue;
        struct node_action *action = node_action_add(node->out, NODE_SEND);

        action->send.to = config->members[i].id;
        action->send.message = message_new(NODE_MESSAGE_COSIGNATURE);
        action->send.message->cosignature = node->signature;
    }
}

static void halt(struct node *node, const char *why)
{
    if (node->halted) return;
    node->halted = true;
    node_action_add(node->out, NODE_HALT)->halt = why;
}

/* ---- what the core wants done ---- */

/* Begin to verify blocks; our own are verified before they are proposed. */
static void verify_begin(struct node *node, uint64_t from, uint64_t to)
{
    for (uint64_t index = from; index <= to; index++) {
        struct slot *slot = node_slot(node, index);

        ASSERT(slot != NULL && slot->block != NULL);
        if (slot->check != CHECK_NONE) continue;
        slot->check = CHECK_ASKED;
        struct node_action *action = node_action_add(node->out, NODE_VERIFY);

        action->verify.index = index;
        action->verify.term = slot->term;
        action->verify.block = buffer_hold(slot->block);
    }
}

static void backfill_begin(struct node *node, const struct raft_backfill *backfill)
{
    struct node_action *action = node_action_add(node->out, NODE_READ);

    action->read.member = backfill->to;
    action->read.from = backfill->from;
    action->read.to = backfill->last;
    action->read.answer = true;
    action->read.message = (struct raft_message){
        .type = RAFT_APPEND,
        .from = node->config.publish->self,
        .to = backfill->to,
        .term = raft_term(node->raft),
        .commit = raft_commit(node->raft),
    };
}

/* Keep the bytes of the blocks that the core took over; our own were kept when they were made.
 */
static void take_blocks(struct node *node, const struct raft_effects *fx)
{
    if (node->incoming == NULL || fx->append_last == 0) return;
    for (uint64_t index = fx->append_first; index <= fx->append_last; index++) {
        const uint64_t place = index - node->incoming->raft.prev_index - 1;

        ASSERT(place < node->incoming->raft.entries_count);
        if (!node_slot_put(node, index, node->incoming->blocks[place])) {
            UNREACHABLE("its header was decoded before");
        }
    }
}

static void perform(struct node *node, const struct raft_effects *fx)
{
    if (fx->halt)
        halt(node, "two blocks are signed for one index and term: docs/operations.md");
    if (fx->truncate_from > 0) {
        node_client_lost(node, fx->truncate_from);
        node_slots_truncate(node, fx->truncate_from);
    }
    take_blocks(node, fx);
    if (fx->persist) {
        node_write_collect(node, fx->persist_hard_state, fx->truncate_from, fx->append_first,
                           fx->append_last);
    }
    const uint64_t write = node_write_newest(node);

    for (uint32_t i = 0; i < fx->messages_count; i++) {
        send_raft(node, &fx->messages[i], fx->messages[i].after_persist ? write : 0);
    }
    if (fx->verify_last >= fx->verify_first && fx->verify_last > 0) {
        verify_begin(node, fx->verify_first, fx->verify_last);
    }
    for (uint32_t i = 0; i < fx->backfills_count; i++) backfill_begin(node, &fx->backfills[i]);
    for (uint32_t i = 0; i < fx->notes_count; i++) {
        node_log(node->out, raft_note_name(fx->notes[i].code), fx->notes[i].a, fx->notes[i].b);
    }
    if (fx->stepped_down) {
        node->lead_term = 0;
        node_client_stepped_down(node);
    }
}

static void raft_feed(struct node *node, struct raft_event *event)
{
    event->now_ms = node->now_ms;
    event->random = node->random;
    raft_step(node->raft, event, node->effects);
    perform(node, node->effects);
    node_write_begin(node); /* now, so that later messages of this step are held for it */
}

/* Tell the core, in order, of every block whose check is done. */
static void checks_advance(struct node *node)
{
    struct slot *slot;

    while ((slot = node_slot(node, node->checked + 1)) != NULL &&
           (slot->check == CHECK_OK || slot->check == CHECK_FAILED)) {
        struct raft_event event = {.type = RAFT_EVENT_VERIFIED};

        node->checked++;
        event.verified.index = slot->index;
        event.verified.term = slot->term;
        event.verified.ok = slot->check == CHECK_OK;
        raft_feed(node, &event); /* may truncate: slots and `checked` follow */
    }
}

/* ---- leading ---- */

/* Put a new block at the end of our log. Its events were verified at ingress. */
static void propose(struct node *node, enum block_kind kind, bool boundary, struct buffer *body)
{
    const struct publish_config *config = node->config.publish;
    const uint64_t last = raft_last_index(node->raft);
    const struct slot *previous = node_slot(node, last);
    struct block_header header = {
        .kind = kind,
        .boundary = boundary,
        .leader = config->self,
        .index = last + 1,
        .term = raft_term(node->raft),
        .body_size = (uint32_t)body->size,
    };
    struct buffer *block = buffer_new(BLOCK_HEADER_SIZE + body->size);

    ASSERT(block != NULL && previous != NULL);
    header.time_ms = node->wall_ms > previous->time_ms ? node->wall_ms : previous->time_ms;
    header.previous = previous->hash;
    hash_sha256(body->data, body->size, &header.body_hash);
    block_sign(&header, &config->keys->peer);
    block_header_encode(&header, block->data);
    if (body->size > 0) memcpy(block->data + BLOCK_HEADER_SIZE, body->data, body->size);
    if (!node_slot_put(node, header.index, block)) UNREACHABLE("our own header");
    buffer_release(block);
    node_slot(node, header.index)->check = CHECK_OK;
    if (boundary) {
        node->boundary_block = header.index;
        node->boundary_size = 0;
    }

    struct raft_event event = {.type = RAFT_EVENT_PROPOSE};

    event.propose.hash = node_slot(node, header.index)->hash;
    event.propose.size = (uint32_t)(BLOCK_HEADER_SIZE + body->size);
    event.propose.term_start = kind == BLOCK_TERM_START;
    raft_feed(node, &event);
    checks_advance(node);
}

static void propose_empty(struct node *node, enum block_kind kind, bool boundary)
{
    struct buffer *body = buffer_new(0);

    ASSERT(body != NULL);
    propose(node, kind, boundary, body);
    buffer_release(body);
}

/* Is a boundary of ours still on its way to being published? */
static bool boundary_open(const struct node *node)
{
    if (node->boundary_block == 0) return false;
    return node->boundary_size == 0 || publish_size(node->publish) < node->boundary_size;
}

static void lead(struct node *node)
{
    if (node->halted || raft_role(node->raft) != RAFT_LEADER) return;
    if (node->lead_term != raft_term(node->raft)) {
        /* The first block of a term commits what came before it (Ongaro 3.6.2), and asks for a
         * checkpoint: what the last leader had under way is unknown. */
        node->lead_term = raft_term(node->raft);
        node->term_block = raft_last_index(node->raft) + 1;
        propose_empty(node, BLOCK_TERM_START, true);
    }
    while (node->queue.count > 0 && raft_may_propose(node->raft, LIMIT_BLOCK_SIZE)) {
        /* Group commit: while the disk works, appends gather for the next block. */
        if (node->write.in_flight && node_client_queued_size(node) < PROPOSE_EAGER_SIZE) break;
        struct buffer *body =
            node_client_body(node, raft_last_index(node->raft) + 1, raft_term(node->raft));

        propose(node, BLOCK_EVENTS, !boundary_open(node), body);
        buffer_release(body);
    }
    if (node->queue.count == 0 && !boundary_open(node) && !node->write.in_flight &&
        raft_last_index(node->raft) > node->boundary_block &&
        raft_may_propose(node->raft, LIMIT_BLOCK_SIZE)) {
        propose_empty(node, BLOCK_EVENTS, true);
    }
}

/* ---- publication ---- */

static void on_publish_result(struct node *node, enum publish_result result)
{
    switch (result) {
    case PUBLISH_NOTHING:
        return;
    case PUBLISH_REFUSED:
        node_log(node->out, "cosignature_refused", 0, 0);
        return;
    case PUBLISH_DIVERGENT:
        node_log(node->out, "root_divergent", node->boundary.size, 0);
        halt(node, "another member signed another root for the same size: docs/operations.md");
        return;
    case PUBLISH_NEW:
    case PUBLISH_MERGED: {
        const uint64_t size = publish_size(node->publish);
        struct node_action *action = node_action_add(node->out, NODE_PUBLISH);

        action->publish.size = size;
        action->publish.checkpoint =
            buffer_hold((struct buffer *)publish_find(node->publish, size - 1, 0));
        node_client_published(node);
        return;
    }
    }
}

/* Sign the newest boundary that we applied; older ones that nobody signed need no signature. */
static void sign_begin(struct node *node)
{
    struct node_action *action;

    if (node->halted || node->sign_asked != node->signed_size) return;
    if (node->boundary.size <= node->signed_size) return;
    /* Applied again after a crash: what was signed then may lie ahead of us. */
    if (node->boundary.size < node->signed_before) return;
    action = node_action_add(node->out, NODE_SIGN);
    action->sign.size = node->boundary.size;
    action->sign.root = node->boundary.root;
    action->sign.time_ms = node->boundary.time_ms;
    node->sign_asked = node->boundary.size;
}

static void on_signed(struct node *node, const struct publish_cosignature *signature)
{
    ASSERT(signature->size == node->sign_asked);
    node->signed_size = signature->size;
    node->signature = *signature;
    node->repeat_at_ms = node->now_ms + node->config.heartbeat_ms;
    send_cosignature(node);
    on_publish_result(node, publish_add(node->publish, signature));
    sign_begin(node);
}

/* Messages get lost: our newest cosignature is repeated, often until it is published. */
static void repeat_cosignature(struct node *node)
{
    const bool published = publish_size(node->publish) >= node->signature.size;

    if (node->signature.size == 0 || node->now_ms < node->repeat_at_ms) return;
    node->repeat_at_ms = node->now_ms + (uint64_t)node->config.heartbeat_ms *
                                            (published ? REPEAT_HEARTBEATS : 2);
    send_cosignature(node);
}

static void on_applied(struct node *node, const struct node_event *event)
{
    for (size_t i = 0; i < event->applied.count; i++) {
        const struct ledger_block_result *result = &event->applied.results[i];

        ASSERT(result->block == node->applied + 1);
        node->applied = result->block;
        node->size = result->size;
        if (result->voids_count > 0) {
            node_log(node->out, "void_recorded", result->block, result->voids_count);
        }
        if (result->block == node->boundary_block && result->boundary) {
            node->boundary_size = result->size;
        }
        node_client_applied(node, result);
        if (!result->boundary) continue;
        node->boundary = (struct ledger_boundary){.block = result->block,
                                                  .size = result->size,
                                                  .time_ms = result->time_ms,
                                                  .root = result->root};
        on_publish_result(node, publish_boundary(node->publish, result->size, &result->root));
    }
    ASSERT(node->applied == node->apply_to);
    on_publish_result(node, publish_retry(node->publish));
    node_client_published(
        node); /* a known result may be covered already; records may be waited for */
    sign_begin(node);
}

/* ---- events ---- */

/* Do the blocks of an AppendEntries decode, follow each other and their predecessor, and lie
 * not in the future? Fills what the core needs to know of them. */
static bool blocks_describe(const struct node *node, const struct node_message *message,
                            struct raft_entry *ret_entries, const char **ret_why)
{
    const struct raft_message *raft = &message->raft;
    struct tally_hash previous = raft->prev_hash;

    for (uint32_t i = 0; i < raft->entries_count; i++) {
        struct block_header header;

        *ret_why = "blocks_malformed";
        if (block_header_decode(buffer_bytes(message->blocks[i]), &header, NULL) != TALLY_OK) {
            return false;
        }
        if (header.index != raft->prev_index + 1 + i || header.term > raft->term) return false;
        *ret_why = "blocks_unchained";
        if (!hash_equal(&header.previous, &previous)) return false;
        *ret_why = "blocks_in_future";
        if (header.time_ms > node->wall_ms + node->config.future_ms) return false;
        block_hash(&header, &previous);
        ret_entries[i] = (struct raft_entry){
            .term = header.term,
            .size = (uint32_t)message->blocks[i]->size,
            .hash = previous,
        };
    }
    return true;
}

/* Do our disk or our checks lag so far that more blocks would only fill memory? The leader
 * sends them again. */
static bool backlog(const struct node *node)
{
    const uint64_t done = node->durable < node->checked ? node->durable : node->checked;

    return raft_last_index(node->raft) > done + BACKLOG_BLOCKS_MAX;
}

static void on_raft_message(struct node *node, uint32_t from,
                            const struct node_message *message)
{
    struct raft_entry entries[RAFT_BATCH_MAX];
    struct raft_event event = {.type = RAFT_EVENT_MESSAGE};
    const char *why = "";

    if (message->raft.from != from || message->raft.to != node->config.publish->self) return;
    if (message->raft.entries_count > 0 && backlog(node)) {
        node_log(node->out, "blocks_dropped_backlog", raft_last_index(node->raft),
                 node->checked);
        return;
    }
    event.message = message->raft;
    if (message->raft.type == RAFT_APPEND) {
        if (message->raft.entries_count > RAFT_BATCH_MAX) return;
        if (!blocks_describe(node, message, entries, &why)) {
            /* A lost message, in Raft's terms: the election timer runs on. */
            node_log(node->out, why, from, message->raft.prev_index + 1);
            return;
        }
        event.entries = entries;
    }
    node->incoming = message;
    raft_feed(node, &event);
    node->incoming = NULL;
}

static void on_message(struct node *node, const struct node_event *event)
{
    const struct node_message *message = event->message.message;

    switch (message->kind) {
    case NODE_MESSAGE_RAFT:
        on_raft_message(node, event->message.from, message);
        return;
    case NODE_MESSAGE_COSIGNATURE:
        if (message->cosignature.member != event->message.from) return;
        on_publish_result(node, publish_add(node->publish, &message->cosignature));
        return;
    }
}

static void on_written(struct node *node)
{
    struct raft_event event = {.type = RAFT_EVENT_PERSISTED};
    uint64_t reached = node->write.last;

    ASSERT(node->write.in_flight);
    node->write.in_flight = false;
    /* Blocks that were truncated while they were written are not ours any more. */
    if (node->write.truncate_from > 0 && reached >= node->write.truncate_from) {
        reached = node->write.truncate_from - 1;
    }
    if (reached > node->durable) node->durable = reached;
    node_held_release(node);
    event.persisted.index = node->write.last;
    event.persisted.term = node->write.last_term;
    event.persisted.hard_term = node->write.hard_term;
    raft_feed(node, &event);
}

static void on_verified(struct node *node, const struct node_event *event)
{
    struct slot *slot = node_slot(node, event->verified.index);

    if (slot == NULL || slot->term != event->verified.term || slot->check != CHECK_ASKED)
        return;
    slot->check = event->verified.ok ? CHECK_OK : CHECK_FAILED;
    checks_advance(node);
}

static void on_read_done(struct node *node, const struct node_event *event)
{
    struct raft_event done = {.type = RAFT_EVENT_RANGE_SENT};

    done.range_sent.to = event->read_done.to;
    done.range_sent.first = event->read_done.first;
    done.range_sent.last = event->read_done.last;
    done.range_sent.size = event->read_done.size;
    raft_feed(node, &done);
}

static void on_tick(struct node *node)
{
    struct raft_event tick = {.type = RAFT_EVENT_TICK};

    raft_feed(node, &tick);
    node_client_expire(node);
    sign_begin(node); /* the newest boundary of before a restart */
    repeat_cosignature(node);
}

void node_step(struct node *node, const struct node_event *event, struct node_actions *actions)
{
    if (node->halted) return;
    node->out = actions;
    node->now_ms = event->now_ms;
    node->wall_ms = event->wall_ms;
    node->random = event->random;
    switch (event->type) {
    case NODE_TICK:
        on_tick(node);
        break;
    case NODE_MESSAGE:
        on_message(node, event);
        break;
    case NODE_SESSION: {
        struct raft_event reset = {.type = RAFT_EVENT_PEER_RESET};

        reset.peer = event->session_from;
        raft_feed(node, &reset);
        break;
    }
    case NODE_APPEND:
        node_client_append(node, event);
        break;
    case NODE_WAIT:
        node_client_wait(node, event);
        break;
    case NODE_WRITTEN:
        on_written(node);
        break;
    case NODE_VERIFIED:
        on_verified(node, event);
        break;
    case NODE_APPLIED:
        on_applied(node, event);
        break;
    case NODE_SIGNED:
        on_signed(node, &event->cosigned);
        break;
    case NODE_READ_DONE:
        on_read_done(node, event);
        break;
    }
    lead(node);
    node_write_begin(node);
    node_apply_begin(node);
    node_slots_evict(node);
    node->out = NULL;
}

/* ---- start and end ---- */

/* The blocks that the disk had: into the cache, and what the core needs to know of them. */
static enum tally_err take_start(struct node *node, const struct node_start *start,
                                 struct raft_entry *entries, struct tally_diag *diag)
{
    struct tally_hash previous = {0};

    for (size_t i = 0; i < start->blocks_count; i++) {
        const struct store_block *stored = &start->blocks[i];
        struct buffer *block = buffer_copy(stored->data);
        struct block_header header;
        enum tally_err err;

        if (block == NULL) return TALLY_E_NO_MEMORY;
        err = block_header_decode(stored->data, &header, diag);
        if (err == TALLY_OK && (header.index != stored->index ||
                                (i > 0 && !hash_equal(&header.previous, &previous)))) {
            tally_diag_set(diag, "block %llu does not follow the block before it",
                           (unsigned long long)stored->index);
            err = TALLY_E_CORRUPT;
        }
        if (err == TALLY_OK && !node_slot_put(node, stored->index, block))
            err = TALLY_E_MALFORMED;
        buffer_release(block);
        if (err != TALLY_OK) return err;
        block_hash(&header, &previous);
        entries[i] = (struct raft_entry){
            .term = header.term, .size = (uint32_t)stored->data.size, .hash = previous};
    }
    return TALLY_OK;
}

static enum tally_err start_raft(struct node *node, const struct node_start *start,
                                 struct tally_diag *diag)
{
    const struct publish_config *publish = node->config.publish;
    const uint64_t last = start->blocks[0].index + start->blocks_count - 1;
    uint64_t commit =
        start->hard_state.commit > start->applied ? start->hard_state.commit : start->applied;
    struct raft_config config = {.self = publish->self,
                                 .election_ms = node->config.election_ms,
                                 .heartbeat_ms = node->config.heartbeat_ms};
    struct raft_start core = {.term = start->hard_state.term,
                              .vote = start->hard_state.vote,
                              .first = start->blocks[0].index,
                              .entries_count = start->blocks_count,
                              .now_ms = node->now_ms,
                              .random = node->random};
    struct raft_entry *entries = calloc(start->blocks_count, sizeof *entries);
    enum tally_err err;

    if (entries == NULL) return TALLY_E_NO_MEMORY;
    if (commit > last) commit = last; /* committed, but not on this disk when it stopped */
    for (uint32_t i = 0; i < publish->members_count; i++) {
        if (publish->members[i].voter)
            config.voters[config.voters_count++] = publish->members[i].id;
    }
    err = take_start(node, start, entries, diag);
    core.commit = commit;
    core.entries = entries;
    if (err == TALLY_OK) err = raft_open(&config, &core, &node->raft);
    free(entries);
    if (err == TALLY_E_INVALID)
        tally_diag_set(diag, "the log above the commit index is too long");
    node->durable = last;
    node->checked = node->unchecked_to = commit;
    return err;
}

enum tally_err node_open(const struct node_setup *setup, const struct node_start *start,
                         uint64_t now_ms, uint64_t random, struct node **ret_node,
                         struct tally_diag *diag)
{
    struct node *node = calloc(1, sizeof *node);
    enum tally_err err = TALLY_E_NO_MEMORY;

    ASSERT(start->blocks_count > 0 && setup->publish->keys != NULL);
    if (node == NULL) return err;
    node->config = *setup;
    node->now_ms = now_ms;
    node->random = random;
    node->write.next = 1;
    node->applied = node->apply_to = start->applied;
    node->size = start->size;
    node->boundary = start->boundary;
    node->signed_before = start->signed_size;
    node->slots = calloc(RAFT_RING, sizeof *node->slots);
    node->effects = calloc(1, sizeof *node->effects);
    if (node->slots == NULL || node->effects == NULL) goto out;
    err = start_raft(node, start, diag);
    if (err == TALLY_OK) err = publish_open(setup->publish, &node->publish, diag);
    if (err != TALLY_OK) goto out;
    publish_restore(node->publish, start->checkpoint);
    if (start->boundary.size > 0 &&
        publish_boundary(node->publish, start->boundary.size, &start->boundary.root) ==
            PUBLISH_DIVERGENT) {
        tally_diag_set(diag, "the stored checkpoint has another root than the records");
        err = TALLY_E_CORRUPT;
        goto out;
    }
    *ret_node = node;
    return TALLY_OK;

out:
    node_close(node);
    return err;
}

void node_close(struct node *node)
{
    if (node == NULL) return;
    node_client_close(node);
    for (size_t i = 0; i < node->held_count; i++) {
        node_message_release(node->held[i].message);
        free(node->held[i].message);
    }
    free(node->held);
    for (size_t i = 0; node->slots != NULL && i < RAFT_RING; i++) {
        buffer_release(node->slots[i].block);
    }
    free(node->slots);
    free(node->effects);
    publish_close(node->publish);
    raft_close(node->raft);
    free(node);
}

void node_status(const struct node *node, uint64_t now_ms, struct node_status *ret_status)
{
    const struct publish_config *config = node->config.publish;

    *ret_status = (struct node_status){
        .role = raft_role(node->raft),
        .term = raft_term(node->raft),
        .leader = raft_leader(node->raft),
        .last = raft_last_index(node->raft),
        .commit = raft_commit(node->raft),
        .applied = node->applied,
        .size = node->size,
        .published = publish_size(node->publish),
        .members_count = config->members_count,
    };
    for (uint32_t i = 0; i < config->members_count; i++) {
        uint64_t heard_ms = 0;

        ret_status->members[i].id = config->members[i].id;
        raft_peer(node->raft, config->members[i].id, &ret_status->members[i].match, &heard_ms);
        ret_status->members[i].heard_ms_ago = heard_ms == 0 ? UINT64_MAX : now_ms - heard_ms;
    }
}

const struct raft *node_raft(const struct node *node)
{
    return node->raft;
}

struct bytes node_checkpoint(const struct node *node)
{
    const uint64_t size = publish_size(node->publish);
    const struct buffer *checkpoint =
        size == 0 ? NULL : publish_find(node->publish, size - 1, 0);

    return checkpoint == NULL ? (struct bytes){0} : buffer_bytes(checkpoint);
}
