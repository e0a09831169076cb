#include "support/lone_node.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "store/store.h"

enum { ELECTION_MS = 100, HEARTBEAT_MS = 20 };

static void lone_open(struct lone_node *ret_lone, uint64_t signed_size, bool read_only)
{
    struct lone_node *lone = ret_lone;
    const struct witness_data witness = {.signed_size = signed_size};
    struct ledger_identity identity;
    struct store_block *blocks = NULL;
    struct store_value checkpoint = {0};
    struct node_start start;
    enum tally_err err;

    *lone = (struct lone_node){.now_ms = 1000, .wall_ms = FIXTURE_TIME_MS + 60000};
    fixture_open(&lone->fixture, 3);
    fixture_chain_begin(&lone->fixture, &lone->chain);
    lone->chain.leader = 2;
    lone->chain.time_ms = lone->wall_ms;
    err = store_mem_open(&lone->store);
    if (err == TALLY_OK) err = ledger_create(lone->store, lone->fixture.genesis_file, NULL);
    if (err == TALLY_OK)
        err = ledger_read_identity(lone->store, lone->fixture.arena, &identity, NULL);
    if (err == TALLY_OK) {
        err =
            publish_config_load(&identity, &lone->fixture.members[0], 0, &lone->publish, NULL);
    }
    if (err == TALLY_OK) err = ledger_open(lone->store, &lone->ledger, NULL);
    if (err == TALLY_OK) {
        err = job_start(lone->store, lone->ledger, &witness, lone->fixture.arena, &start,
                        &blocks, &checkpoint, NULL);
    }
    ASSERT(err == TALLY_OK);
    start.signed_size = signed_size;
    const struct node_setup setup = {.publish = &lone->publish,
                                     .election_ms = ELECTION_MS,
                                     .heartbeat_ms = HEARTBEAT_MS,
                                     .future_ms = NODE_FUTURE_MS,
                                     .read_only = read_only};

    err = node_open(&setup, &start, lone->now_ms, 1, &lone->node, NULL);
    ASSERT(err == TALLY_OK);
    free(blocks);
    store_value_free(&checkpoint);
}

void lone_node_open(struct lone_node *ret_lone, uint64_t signed_size)
{
    lone_open(ret_lone, signed_size, false);
}

void lone_node_open_read_only(struct lone_node *ret_lone)
{
    lone_open(ret_lone, 0, true);
}

void lone_node_close(struct lone_node *lone)
{
    for (size_t i = 0; i < lone->kept_count; i++) node_action_release(&lone->kept[i]);
    node_close(lone->node);
    ledger_close(lone->ledger);
    store_close(lone->store);
    fixture_close(&lone->fixture);
}

void lone_node_step(struct lone_node *lone, struct node_event *event)
{
    struct node_actions actions = {0};

    event->now_ms = lone->now_ms;
    event->wall_ms = lone->wall_ms;
    event->random = 1;
    node_step(lone->node, event, &actions);
    for (size_t i = 0; i < actions.count; i++) {
        struct node_action *action = &actions.items[i];

        if (action->type == NODE_HALT) lone->halted = true;
        if (action->type == NODE_LOG) continue;
        ASSERT(lone->kept_count < LONE_KEPT_MAX);
        lone->kept[lone->kept_count++] = *action;
        action->type = NODE_LOG; /* moved */
    }
    node_actions_free(&actions);
}

void lone_node_tick(struct lone_node *lone, uint64_t after_ms)
{
    struct node_event event = {.type = NODE_TICK};

    lone->now_ms += after_ms;
    lone->wall_ms += after_ms;
    lone_node_step(lone, &event);
}

static void hear(struct lone_node *lone, uint32_t from, const struct node_message *message)
{
    struct node_event event = {.type = NODE_MESSAGE};

    event.message.from = from;
    event.message.message = message;
    lone_node_step(lone, &event);
}

void lone_node_hear(struct lone_node *lone, uint32_t from, struct raft_message raft,
                    const struct bytes *block)
{
    struct node_message message = {.kind = NODE_MESSAGE_RAFT, .raft = raft};

    message.raft.from = from;
    message.raft.to = 1;
    if (block != NULL) {
        message.raft.entries_count = 1;
        message.blocks[0] = buffer_copy(*block);
        ASSERT(message.blocks[0] != NULL);
    }
    hear(lone, from, &message);
    node_message_release(&message);
}

void lone_node_hear_memory(struct lone_node *lone, uint32_t from,
                           const struct peer_memory *memory)
{
    const struct node_message message = {.kind = NODE_MESSAGE_MEMORY, .memory = *memory};

    hear(lone, from, &message);
}

void lone_node_remembered(struct lone_node *lone)
{
    const struct node_message message = {.kind = NODE_MESSAGE_MEMORY, .memory.answer = true};

    hear(lone, 2, &message);
    hear(lone, 3, &message);
}

void lone_node_elect(struct lone_node *lone)
{
    uint64_t term;

    lone_node_tick(lone, UINT64_C(2) * ELECTION_MS);
    term = raft_term(node_raft(lone->node));
    lone_node_hear(
        lone, 2,
        (struct raft_message){.type = RAFT_PREVOTE_REPLY, .term = term + 1, .granted = true},
        NULL);
    lone_node_finish(lone, NODE_WRITE, true);
    lone_node_hear(
        lone, 2,
        (struct raft_message){.type = RAFT_VOTE_REPLY, .term = term + 1, .granted = true},
        NULL);
    ASSERT(raft_role(node_raft(lone->node)) == RAFT_LEADER);
    lone_node_settle(lone);
}

void lone_node_append(struct lone_node *lone, uint64_t handle, struct bytes batch,
                      uint64_t deadline_ms)
{
    struct node_event event = {.type = NODE_APPEND};
    struct buffer *bytes = buffer_copy(batch);

    ASSERT(bytes != NULL);
    event.append.handle = handle;
    event.append.batch = bytes;
    event.append.events_count = 1;
    event.append.deadline_ms = deadline_ms;
    lone_node_step(lone, &event);
    buffer_release(bytes);
}

void lone_node_acknowledge(struct lone_node *lone, uint32_t from, uint64_t match)
{
    lone_node_hear(lone, from,
                   (struct raft_message){.type = RAFT_APPEND_REPLY,
                                         .term = raft_term(node_raft(lone->node)),
                                         .match = match,
                                         .received = match},
                   NULL);
}

static size_t find(const struct lone_node *lone, enum node_action_type type,
                   enum raft_message_type message, uint32_t to)
{
    for (size_t i = 0; i < lone->kept_count; i++) {
        const struct node_action *action = &lone->kept[i];

        if (action->type != type) continue;
        if (type != NODE_SEND) return i;
        if (to != 0 && action->send.to != to) continue;
        if (message == 0) return i;
        if (action->send.message->kind == NODE_MESSAGE_RAFT &&
            action->send.message->raft.type == message)
            return i;
    }
    return SIZE_MAX;
}

const struct node_action *lone_node_find(const struct lone_node *lone,
                                         enum node_action_type type,
                                         enum raft_message_type message, uint32_t to)
{
    const size_t at = find(lone, type, message, to);

    return at == SIZE_MAX ? NULL : &lone->kept[at];
}

static void do_write(struct lone_node *lone, const struct node_action *action)
{
    struct node_event event = {.type = NODE_WRITTEN};
    const enum tally_err err = job_write(lone->store, action, NULL);

    ASSERT(err == TALLY_OK);
    lone_node_step(lone, &event);
}

static void do_apply(struct lone_node *lone, const struct node_action *action)
{
    struct node_event event = {.type = NODE_APPLIED};
    struct job_applied applied;
    const enum tally_err err =
        job_apply(lone->store, lone->ledger, action->apply.from, action->apply.to,
                  action->apply.verified, &applied, NULL);

    ASSERT(err == TALLY_OK);
    event.applied.results = applied.results;
    event.applied.count = applied.count;
    lone_node_step(lone, &event);
    job_applied_free(&applied);
}

static void do_job(struct lone_node *lone, const struct node_action *action, bool ok)
{
    struct node_event event = {.type = NODE_VERIFIED};

    switch (action->type) {
    case NODE_WRITE:
        do_write(lone, action);
        return;
    case NODE_APPLY:
        do_apply(lone, action);
        return;
    case NODE_VERIFY:
        event.verified.index = action->verify.index;
        event.verified.term = action->verify.term;
        event.verified.ok = ok;
        break;
    case NODE_SIGN:
        event.type = NODE_SIGNED;
        publish_cosign(&lone->publish, action->sign.size, &action->sign.root,
                       action->sign.time_ms, &event.cosigned);
        break;
    default:
        UNREACHABLE("no job");
    }
    lone_node_step(lone, &event);
}

static void drop(struct lone_node *lone, size_t at)
{
    lone->kept_count--;
    memmove(&lone->kept[at], &lone->kept[at + 1],
            (lone->kept_count - at) * sizeof lone->kept[0]);
}

void lone_node_finish(struct lone_node *lone, enum node_action_type type, bool ok)
{
    const size_t at = find(lone, type, 0, 0);
    struct node_action action;

    ASSERT(at != SIZE_MAX);
    action = lone->kept[at];
    drop(lone, at);
    do_job(lone, &action, ok);
    node_action_release(&action);
}

void lone_node_settle(struct lone_node *lone)
{
    static const enum node_action_type jobs[] = {NODE_WRITE, NODE_VERIFY, NODE_APPLY,
                                                 NODE_SIGN};

    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0];) {
        if (find(lone, jobs[i], 0, 0) == SIZE_MAX) {
            i++;
        } else {
            lone_node_finish(lone, jobs[i], true);
            i = 0;
        }
    }
}

void lone_node_forget(struct lone_node *lone)
{
    for (size_t i = 0; i < lone->kept_count;) {
        switch (lone->kept[i].type) {
        case NODE_WRITE:
        case NODE_VERIFY:
        case NODE_APPLY:
        case NODE_SIGN:
        case NODE_READ:
            i++;
            break;
        default:
            node_action_release(&lone->kept[i]);
            drop(lone, i);
        }
    }
}

struct bytes lone_node_batch(struct lone_node *lone, const char *subject)
{
    const struct fixture_spec spec = {
        .type = EVENT_MODEL_CREATED, .who = FIXTURE_AUTHOR, .subject = subject};
    const struct bytes event = fixture_event(&lone->fixture, &spec);

    return fixture_batch(&lone->fixture, FIXTURE_AUTHOR, &event, 1);
}

bool lone_node_sent(const struct lone_node *lone, enum raft_message_type type, uint32_t to)
{
    return lone_node_find(lone, NODE_SEND, type, to) != NULL;
}

bool lone_node_asked(const struct lone_node *lone, enum node_action_type type)
{
    return lone_node_find(lone, type, 0, 0) != NULL;
}

void lone_node_ask_vote(struct lone_node *lone, uint32_t from, uint64_t term)
{
    lone_node_hear(
        lone, from,
        (struct raft_message){
            .type = RAFT_VOTE, .term = term, .last_index = 99, .last_term = term - 1},
        NULL);
}

const struct node_action *lone_node_answer(const struct lone_node *lone, uint64_t handle)
{
    for (size_t i = 0; i < lone->kept_count; i++) {
        const struct node_action *action = &lone->kept[i];

        if (action->type == NODE_ANSWER_APPEND && action->answer_append.handle == handle)
            return action;
    }
    return NULL;
}
