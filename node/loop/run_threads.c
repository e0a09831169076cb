/* What each thread of a node does, until its queue is closed. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "crypto/secret.h"
#include "loop/run_internal.h"
#include "net/listener.h"

enum {
    TICK_MS = 10,
    EVENTS_A_TURN = 256, /* events between two looks at the network */
    ASKER_NICE = 5,      /* of threads that serve clients, against those of consensus */
};

/* ---- loop thread ---- */

void run_step(struct run *run, struct node_event *event)
{
    event->now_ms = clock_monotonic_ms();
    event->wall_ms = clock_wall_ms();
    event->random = secret_random_u64();
    node_step(run->node, event, &run->actions);
    run_perform(run);
}

void run_on_peer_message(void *context, uint32_t from, enum peer_channel channel,
                         struct bytes message)
{
    (void)channel;
    run_peer_message(context, from, message);
}

void run_on_peer_session(void *context, uint32_t peer)
{
    struct node_event event = {.type = NODE_SESSION, .session_from = peer};

    run_log(context, RUN_LOG_INFO, "peer_session", "member=%u", (unsigned)peer);
    run_step(context, &event);
}

/* On NNG's threads: one mark in the inbox is enough. */
void run_on_wake(void *context)
{
    struct run *run = context;

    if (!atomic_exchange(&run->wake_pending, true)) (void)queue_push(run->inbox, &run->woken);
}

static void handle(struct run *run, struct inbox *inbox)
{
    if (inbox->status) {
        struct work *work = run_work_new(WORK_STATUS);

        node_status(run->node, clock_monotonic_ms(), &inbox->request->status);
        work->request = inbox->request;
        run_work(run, work);
    } else {
        run_step(run, &inbox->event);
    }
    run_inbox_free(inbox);
}

/* A node that can connect to nobody any more, and is not heard: a new process can. */
static void look_after_network(struct run *run, uint64_t now_ms)
{
    struct tally_diag diag;

    if (!client_net_stuck(run->clients, now_ms) &&
        (run->read_only || !peer_net_stuck(run->peers, now_ms))) {
        return;
    }
    run_log(run, RUN_LOG_ERROR, "network_stuck", "seconds=%d", LISTENER_STUCK_MS / 1000);
    run_again(run);
    tally_diag_set(&diag, "the network library does not come back from closing a connection");
    run_fatal(run, "network_stuck", TALLY_E_IO, &diag);
}

void *run_loop_main(void *context)
{
    struct run *run = context;

    while (!atomic_load(&run->stopping)) {
        uint64_t now_ms = clock_monotonic_ms();
        const uint64_t until =
            run->next_tick_ms < run->next_poll_ms ? run->next_tick_ms : run->next_poll_ms;
        void *item = queue_pop(run->inbox, until > now_ms ? until - now_ms : 0);

        for (int i = 0; item != NULL && i < EVENTS_A_TURN; i++) {
            if (item == &run->woken) {
                atomic_store(&run->wake_pending, false);
                run->next_poll_ms = 0;
            } else {
                handle(run, item);
            }
            item = i + 1 < EVENTS_A_TURN ? queue_pop(run->inbox, 0) : NULL;
        }
        now_ms = clock_monotonic_ms();
        if (now_ms >= run->next_poll_ms) {
            run->next_poll_ms = run->read_only ? UINT64_MAX : peer_net_poll(run->peers, now_ms);
        }
        if (now_ms >= run->next_tick_ms) {
            struct node_event tick = {.type = NODE_TICK};

            look_after_network(run, now_ms);
            run->next_tick_ms = now_ms + TICK_MS;
            run_step(run, &tick);
        }
    }
    return NULL;
}

/* ---- writer thread ---- */

/* What the witness says now, durably; nothing when it says so already. */
static void witness_says(struct run *run, struct witness_log next)
{
    const struct witness_data data = witness_data(run->witness);
    struct tally_diag diag = {{0}};
    enum tally_err err;

    if (job_witness_same(&data.log, &next)) return;
    err = witness_log(run->witness, &next, &diag);
    if (err != TALLY_OK) run_fatal(run, "witness_failed", err, &diag);
}

static void write_blocks(struct run *run, const struct node_action *action)
{
    struct tally_diag diag = {{0}};
    struct witness_data data;
    enum tally_err err;

    run_space_before_write(run);
    data = witness_data(run->witness);
    witness_says(run, job_witness_before(&data.log, action));
    err = job_write(run->store, action, &diag);
    if (err != TALLY_OK) run_fatal(run, "write_failed", err, &diag);
    data = witness_data(run->witness);
    witness_says(run, job_witness_after(&data.log, action));
    run_post(run, run_inbox_new(NODE_WRITTEN));
}

static void sign_tree(struct run *run, const struct node_action *action)
{
    struct inbox *inbox = run_inbox_new(NODE_SIGNED);
    const struct witness_data data = witness_data(run->witness);
    struct tally_diag diag = {{0}};
    enum tally_err err;

    if (!run->signed_before_checked && action->sign.size > data.signed_size) {
        err = job_signed_before(run->store, &data, &diag);
        if (err != TALLY_OK) run_fatal(run, "halted", err, &diag);
        run->signed_before_checked = true;
    }
    err = witness_sign(run->witness, action->sign.size, &action->sign.root, &diag);
    if (err != TALLY_OK) run_fatal(run, "witness_failed", err, &diag);
    publish_cosign(&run->publish, action->sign.size, &action->sign.root, action->sign.time_ms,
                   &inbox->event.cosigned);
    run_post(run, inbox);
}

void *run_writer_main(void *context)
{
    struct run *run = context;
    struct node_action *action;

    while ((action = queue_pop(run->writes, UINT64_MAX)) != NULL) {
        if (action->type == NODE_WRITE) {
            write_blocks(run, action);
        } else {
            sign_tree(run, action);
        }
        node_action_release(action);
        free(action);
    }
    return NULL;
}

/* ---- apply thread ---- */

static void apply_blocks(struct run *run, const struct node_action *action)
{
    struct inbox *inbox = run_inbox_new(NODE_APPLIED);
    struct tally_diag diag = {{0}};
    const enum tally_err err =
        job_apply(run->store, run->ledger, action->apply.from, action->apply.to,
                  action->apply.verified, &inbox->applied, &diag);

    if (err != TALLY_OK) run_fatal(run, "apply_failed", err, &diag);
    atomic_store(&run->time_ms, ledger_time_ms(run->ledger));
    atomic_store(&run->applied, ledger_applied(run->ledger));
    inbox->event.applied.results = inbox->applied.results;
    inbox->event.applied.count = inbox->applied.count;
    run_post(run, inbox);
}

void *run_apply_main(void *context)
{
    struct run *run = context;
    struct node_action *action;

    while ((action = queue_pop(run->applies, UINT64_MAX)) != NULL) {
        run_space_before_write(run);
        if (action->type == NODE_APPLY) {
            apply_blocks(run, action);
        } else {
            struct tally_diag diag = {{0}};
            const enum tally_err err = job_keep_checkpoint(
                run->store, buffer_bytes(action->publish.checkpoint), &diag);

            if (err != TALLY_OK) run_fatal(run, "checkpoint_failed", err, &diag);
        }
        node_action_release(action);
        free(action);
    }
    return NULL;
}

/* ---- workers ---- */

static void verify_block(struct run *run, const struct node_action *action, struct arena *arena)
{
    struct inbox *inbox = run_inbox_new(NODE_VERIFIED);
    struct tally_diag diag = {{0}};

    inbox->event.verified.index = action->verify.index;
    inbox->event.verified.term = action->verify.term;
    inbox->event.verified.ok = job_verify(&run->publish.ledger_id, action, arena, &diag);
    if (!inbox->event.verified.ok) {
        run_log(run, RUN_LOG_ERROR, "block_refused", "block=%llu why=\"%s\"",
                (unsigned long long)action->verify.index, diag.text);
    }
    run_post(run, inbox);
}

static void read_blocks(struct run *run, const struct node_action *action)
{
    struct inbox *inbox = run_inbox_new(NODE_READ_DONE);
    struct node_message *message = NULL;
    struct tally_diag diag = {{0}};
    uint64_t size = 0;
    const enum tally_err err = job_read(run->store, action, &message, &size, &diag);

    inbox->event.read_done.to = action->read.member;
    inbox->event.read_done.first = action->read.from;
    if (err == TALLY_OK) {
        run_send(run, action->read.member, message);
        inbox->event.read_done.last = action->read.from + message->raft.entries_count - 1;
        inbox->event.read_done.size = size;
        node_message_release(message);
        free(message);
    } else if (err == TALLY_E_NOT_FOUND) {
        inbox->event.read_done.last = action->read.from - 1; /* truncated meanwhile */
    } else {
        run_fatal(run, "read_failed", err, &diag);
    }
    if (action->read.answer) {
        run_post(run, inbox);
    } else {
        run_inbox_free(inbox);
    }
}

static void do_work(struct run *run, struct work *work, struct arena *arena)
{
    switch (work->kind) {
    case WORK_REQUEST:
        if (clock_monotonic_ms() > work->arrived_ms + RUN_REQUEST_WAIT_MS) {
            serve_busy(work->client); /* before its client gives up: work for nobody */
        } else {
            serve_request(run, work->client);
        }
        return;
    case WORK_STATUS:
        serve_status(run, work->request);
        return;
    case WORK_ACTION:
        break;
    }
    if (work->action.type == NODE_VERIFY) verify_block(run, &work->action, arena);
    if (work->action.type == NODE_READ) read_blocks(run, &work->action);
    if (work->action.type == NODE_ANSWER_APPEND) serve_append_answer(run, &work->action);
    if (work->action.type == NODE_ANSWER_WAIT) serve_wait_answer(run, &work->action);
    node_action_release(&work->action);
}

static void work_through(struct run *run, struct queue *queue)
{
    struct arena *arena = NULL;
    struct work *work;

    if (arena_open(0, &arena) != TALLY_OK) abort();
    while ((work = queue_pop(queue, UINT64_MAX)) != NULL) {
        do_work(run, work, arena);
        free(work);
        arena_reset(arena, 0);
    }
    arena_close(arena);
}

void *run_worker_main(void *context)
{
    struct run *run = context;

    work_through(run, run->works);
    return NULL;
}

/* Heartbeats and blocks come first when the processors do not suffice. On Linux this concerns
 * the calling thread alone. */
static void step_back(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), ASKER_NICE);
}

void *run_asker_main(void *context)
{
    struct run *run = context;

    step_back();
    work_through(run, run->asks);
    return NULL;
}

void *run_reader_main(void *context)
{
    struct run *run = context;

    step_back();
    work_through(run, run->reads);
    return NULL;
}
