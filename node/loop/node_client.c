/* Appends and waiting requests of clients. An append moves queue -> proposed -> (proving) ->
 * answer. E_NOT_LEADER and E_BUSY say that it was not proposed; once it was, nothing but its
 * result or E_TIMEOUT (unknown) is true. Event ids make it safe to ask again either way. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "event/block.h"
#include "loop/node_internal.h"

/* The handle of a request that has its answer and only keeps its place. */
enum { ANSWERED = 0 };

static struct pending *list_add(struct pending_list *list, const struct pending *pending)
{
    ASSERT(list->count < LIMIT_REQUESTS_IN_WORK);
    list->items[list->count] = *pending;
    return &list->items[list->count++];
}

/* Remove items[at]; the order of the rest stays. */
static void list_remove(struct pending_list *list, size_t at)
{
    ASSERT(at < list->count);
    memmove(&list->items[at], &list->items[at + 1],
            (list->count - at - 1) * sizeof list->items[0]);
    list->count--;
}

/* Answer with a code, or with the results when it is OK; takes what `pending` holds. */
static void answer(struct node *node, struct pending *pending, enum tally_err code,
                   const struct buffer *checkpoint)
{
    struct node_action *action;

    buffer_release(pending->batch);
    pending->batch = NULL;
    if (pending->handle == ANSWERED) {
        free(pending->events);
        pending->events = NULL;
        return;
    }
    action = node_action_add(node->out, NODE_ANSWER_APPEND);
    action->answer_append.handle = pending->handle;
    action->answer_append.code = code;
    action->answer_append.leader = raft_leader(node->raft);
    if (code == TALLY_E_BUSY) {
        action->answer_append.why =
            node_no_space(node) != NULL
                ? "no space on the disk: nothing was recorded; free space on the nodes, the "
                  "ledger then goes on by itself (tally cluster status)"
                : "too many appends are in work: try again";
    }
    pending->handle = ANSWERED;
    if (code == TALLY_OK) {
        action->answer_append.events = pending->events;
        action->answer_append.events_count = pending->events_count;
        if (checkpoint != NULL) {
            action->answer_append.checkpoint = buffer_hold((struct buffer *)checkpoint);
        }
    } else {
        free(pending->events);
    }
    pending->events = NULL;
}

static void answer_all(struct node *node, struct pending_list *list, enum tally_err code)
{
    for (size_t i = 0; i < list->count; i++) answer(node, &list->items[i], code, NULL);
    list->count = 0;
}

void node_client_append(struct node *node, const struct node_event *event)
{
    struct pending pending = {
        .handle = event->append.handle,
        .batch = buffer_hold(event->append.batch),
        .events_count = event->append.events_count,
        .proof = event->append.proof,
        .deadline_ms = event->append.deadline_ms,
    };
    const size_t in_work = node->queue.count + node->proposed.count + node->proving.count;

    ASSERT(event->append.events_count > 0);
    if (raft_role(node->raft) != RAFT_LEADER) {
        /* Without a leader we may be the reason: say so. The client asks the others, too. */
        const bool why = raft_leader(node->raft) == RAFT_NOBODY && node_no_space(node) != NULL;

        answer(node, &pending, why ? TALLY_E_BUSY : TALLY_E_NOT_LEADER, NULL);
    } else if (node_no_space(node) != NULL) {
        answer(node, &pending, TALLY_E_BUSY, NULL);
    } else if (event->append.refused != TALLY_OK) {
        /* A key or an event that we do not know may stand in a block that we have not applied
         * yet: only a leader that applied all of the terms before its own can say no. */
        const bool sure =
            node->applied >= node->term_block && node->lead_term == raft_term(node->raft);

        answer(node, &pending, sure ? event->append.refused : TALLY_E_BUSY, NULL);
    } else if (in_work >= LIMIT_REQUESTS_IN_WORK) {
        answer(node, &pending, TALLY_E_BUSY, NULL);
    } else {
        list_add(&node->queue, &pending);
    }
}

size_t node_client_queued_size(const struct node *node)
{
    size_t size = 0;

    for (size_t i = 0; i < node->queue.count; i++) size += node->queue.items[i].batch->size;
    return size;
}

struct buffer *node_client_body(struct node *node, uint64_t block, uint64_t term)
{
    size_t count = 0, events = 0, size = 0, taken = 0;
    struct bytes *batches = calloc(node->queue.count + 1, sizeof *batches);
    struct buffer *body;

    ASSERT(batches != NULL);
    while (count < node->queue.count) {
        const struct pending *next = &node->queue.items[count];
        const size_t more = block_batch_size(next->batch->size);

        if (count > 0 && size + more > LIMIT_BLOCK_SIZE) break;
        if (count > 0 && events + next->events_count > LIMIT_BLOCK_EVENTS) break;
        batches[count++] = buffer_bytes(next->batch);
        size += more;
        events += next->events_count;
    }
    body = buffer_new(size);
    ASSERT(body != NULL);
    block_body_put(batches, count, body->data, size);
    for (; taken < count; taken++) {
        struct pending *moved = list_add(&node->proposed, &node->queue.items[taken]);

        buffer_release(moved->batch);
        moved->batch = NULL;
        moved->block = block;
        moved->term = term;
    }
    node->queue.count -= count;
    memmove(node->queue.items, node->queue.items + count,
            node->queue.count * sizeof node->queue.items[0]);
    free(batches);
    return body;
}

void node_answer_fill(struct node_answer_event *to, const struct ledger_event_result *from)
{
    const size_t rules_max = sizeof to->failed_rules / sizeof to->failed_rules[0];

    to->index = from->index;
    to->time_ms = from->time_ms;
    to->allowed = from->allowed;
    to->repeated_request = from->outcome == LEDGER_REPEATED;
    to->failed_rules_count =
        (uint16_t)(from->failed_rules_count < rules_max ? from->failed_rules_count : rules_max);
    for (size_t i = 0; i < to->failed_rules_count; i++)
        to->failed_rules[i] = from->failed_rules[i];
}

/* Give `pending` its results, `events_count` of them from `events` on; the code to answer. */
static enum tally_err take_results(struct pending *pending,
                                   const struct ledger_event_result *events)
{
    pending->events = calloc(pending->events_count, sizeof *pending->events);
    ASSERT(pending->events != NULL);
    for (uint32_t i = 0; i < pending->events_count; i++) {
        if (events[i].outcome == LEDGER_CONFLICT) return TALLY_E_CONFLICT;
        if (events[i].outcome == LEDGER_VOID) return TALLY_E_SIGNERS;
        node_answer_fill(&pending->events[i], &events[i]);
        if (events[i].index > pending->index_max) pending->index_max = events[i].index;
    }
    return TALLY_OK;
}

void node_client_applied(struct node *node, const struct ledger_block_result *result)
{
    const struct slot *slot = node_slot(node, result->block);
    uint32_t at = 0;

    while (node->proposed.count > 0 && node->proposed.items[0].block <= result->block) {
        struct pending pending = node->proposed.items[0];

        list_remove(&node->proposed, 0);
        /* Another leader's block took this place, or it is so old that nobody knows. */
        if (pending.block != result->block || slot == NULL || slot->term != pending.term ||
            at + pending.events_count > result->events_count) {
            answer(node, &pending, TALLY_E_TIMEOUT, NULL);
            continue;
        }
        const enum tally_err code = take_results(&pending, result->events + at);

        at += pending.events_count;
        if (code == TALLY_OK && pending.proof && pending.handle != ANSWERED) {
            list_add(&node->proving, &pending);
        } else {
            answer(node, &pending, code, NULL);
        }
    }
}

/* Is what this request waits for here? */
static bool waiting_done(const struct node *node, const struct waiting *waiting,
                         const struct buffer **ret_checkpoint)
{
    *ret_checkpoint = NULL;
    switch (waiting->kind) {
    case NODE_WAIT_PROOF:
        *ret_checkpoint =
            publish_find(node->publish, waiting->index, waiting->cosignatures_min);
        return *ret_checkpoint != NULL;
    case NODE_WAIT_RECORDS:
        return node->size > waiting->index;
    case NODE_WAIT_READ:
        return waiting->released && node->applied >= waiting->index;
    }
    UNREACHABLE("wait kind");
}

static void answer_wait(struct node *node, const struct waiting *waiting, enum tally_err code,
                        const struct buffer *checkpoint)
{
    struct node_action *action = node_action_add(node->out, NODE_ANSWER_WAIT);

    action->answer_wait.handle = waiting->handle;
    action->answer_wait.code = code;
    action->answer_wait.index = waiting->index;
    action->answer_wait.leader = raft_leader(node->raft);
    if (checkpoint != NULL) {
        action->answer_wait.checkpoint = buffer_hold((struct buffer *)checkpoint);
    }
}

/* Ask the core for a round that begins now. False: we do not lead. */
static bool read_begin(struct node *node, struct waiting *waiting)
{
    struct raft_event event = {.type = RAFT_EVENT_READ};
    uint64_t round;

    node_feed(node, &event);
    round = node->effects->read_round;
    if (round == 0) return false;
    waiting->released = node->effects->rounds_released >= round;
    waiting->index = waiting->released ? raft_commit(node->raft) : round;
    return true;
}

void node_client_released(struct node *node, uint64_t round)
{
    for (size_t i = 0; i < node->waits_count; i++) {
        struct waiting *waiting = &node->waits[i];

        if (waiting->kind != NODE_WAIT_READ || waiting->released || waiting->index > round) {
            continue;
        }
        waiting->released = true;
        waiting->index = raft_commit(node->raft);
    }
    node_client_published(node);
}

void node_client_wait(struct node *node, const struct node_event *event)
{
    struct waiting waiting = {
        .handle = event->wait.handle,
        .kind = event->wait.kind,
        .index = event->wait.index,
        .cosignatures_min = event->wait.cosignatures_min,
        .deadline_ms = event->wait.deadline_ms,
    };
    /* A minute long, and asked for by anybody: they do not take the places of all others. */
    const size_t waits_max =
        waiting.kind == NODE_WAIT_READ ? NODE_WAITS_MAX : NODE_WAITS_LONG_MAX;
    const struct buffer *checkpoint;

    if (waiting.kind == NODE_WAIT_READ && !read_begin(node, &waiting)) {
        answer_wait(node, &waiting, TALLY_E_NOT_LEADER, NULL);
    } else if (waiting_done(node, &waiting, &checkpoint)) {
        answer_wait(node, &waiting, TALLY_OK, checkpoint);
    } else if (waiting.deadline_ms <= node->now_ms) {
        answer_wait(node, &waiting, TALLY_E_TIMEOUT, NULL);
    } else if (node->waits_count >= waits_max) {
        answer_wait(node, &waiting, TALLY_E_BUSY, NULL);
    } else {
        node->waits[node->waits_count++] = waiting;
    }
}

void node_client_published(struct node *node)
{
    const struct buffer *checkpoint;

    for (size_t i = 0; i < node->proving.count;) {
        struct pending pending = node->proving.items[i];

        checkpoint = publish_find(node->publish, pending.index_max, 0);
        if (checkpoint == NULL) {
            i++;
            continue;
        }
        list_remove(&node->proving, i);
        answer(node, &pending, TALLY_OK, checkpoint);
    }
    for (size_t i = 0; i < node->waits_count;) {
        const struct waiting waiting = node->waits[i];

        if (!waiting_done(node, &waiting, &checkpoint)) {
            i++;
            continue;
        }
        node->waits[i] = node->waits[--node->waits_count];
        answer_wait(node, &waiting, TALLY_OK, checkpoint);
    }
}

static void expire_list(struct node *node, struct pending_list *list)
{
    for (size_t i = 0; i < list->count;) {
        struct pending pending = list->items[i];

        if (pending.deadline_ms > node->now_ms) {
            i++;
            continue;
        }
        list_remove(list, i);
        answer(node, &pending, TALLY_E_TIMEOUT, NULL);
    }
}

void node_client_expire(struct node *node)
{
    expire_list(node, &node->queue);
    /* A proposed append keeps its place: results are matched by counting events. */
    for (size_t i = 0; i < node->proposed.count; i++) {
        struct pending *pending = &node->proposed.items[i];

        if (pending->deadline_ms <= node->now_ms) answer(node, pending, TALLY_E_TIMEOUT, NULL);
    }
    expire_list(node, &node->proving);
    for (size_t i = 0; i < node->waits_count;) {
        const struct waiting waiting = node->waits[i];

        if (waiting.deadline_ms > node->now_ms) {
            i++;
            continue;
        }
        node->waits[i] = node->waits[--node->waits_count];
        answer_wait(node, &waiting, TALLY_E_TIMEOUT, NULL);
    }
}

void node_client_lost(struct node *node, uint64_t truncated_from)
{
    while (node->proposed.count > 0 &&
           node->proposed.items[node->proposed.count - 1].block >= truncated_from) {
        struct pending pending = node->proposed.items[--node->proposed.count];

        answer(node, &pending, TALLY_E_TIMEOUT, NULL);
    }
}

void node_client_no_space(struct node *node)
{
    answer_all(node, &node->queue, TALLY_E_BUSY);
}

void node_client_stepped_down(struct node *node)
{
    answer_all(node, &node->queue, TALLY_E_NOT_LEADER);
    for (size_t i = 0; i < node->waits_count;) {
        const struct waiting waiting = node->waits[i];

        if (waiting.kind != NODE_WAIT_READ || waiting.released) {
            i++;
            continue;
        }
        node->waits[i] = node->waits[--node->waits_count];
        answer_wait(node, &waiting, TALLY_E_NOT_LEADER, NULL);
    }
}

void node_abandon(struct node *node, struct node_actions *actions)
{
    node->out = actions;
    answer_all(node, &node->queue, TALLY_E_TIMEOUT);
    answer_all(node, &node->proposed, TALLY_E_TIMEOUT);
    answer_all(node, &node->proving, TALLY_E_TIMEOUT);
    for (size_t i = 0; i < node->waits_count; i++) {
        answer_wait(node, &node->waits[i], TALLY_E_TIMEOUT, NULL);
    }
    node->waits_count = 0;
    node->out = NULL;
}

void node_client_close(struct node *node)
{
    struct pending_list *const lists[] = {&node->queue, &node->proposed, &node->proving};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t k = 0; k < lists[i]->count; k++) {
            buffer_release(lists[i]->items[k].batch);
            free(lists[i]->items[k].events);
        }
    }
}
