#include "loop/run.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "crypto/secret.h"
#include "loop/run_internal.h"

enum {
    TICK_MS = 10,
    EVENTS_A_TURN = 256, /* events between two looks at the network */
};

/* ---- logging ---- */

static const char *level_name(enum run_log_level level)
{
    switch (level) {
    case RUN_LOG_DEBUG:
        return "debug";
    case RUN_LOG_INFO:
        return "info";
    case RUN_LOG_WARNING:
        return "warning";
    case RUN_LOG_ERROR:
        return "error";
    }
    UNREACHABLE("log level");
}

void run_log(const struct run *run, enum run_log_level level, const char *event,
             const char *format, ...)
{
    const uint64_t now_ms = clock_wall_ms();
    const time_t seconds = (time_t)(now_ms / 1000);
    char line[1024], when[32];
    struct tm parts;
    va_list arguments;
    size_t at;

    if (level < run->config->log_level) return;
    gmtime_r(&seconds, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
    at = (size_t)snprintf(line, sizeof line, "%s.%03uZ %s %s %s ", when,
                          (unsigned)(now_ms % 1000), level_name(level), run->keys.name, event);
    va_start(arguments, format);
    vsnprintf(line + at, sizeof line - at, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s\n", line); /* one write: lines of threads do not mix */
}

_Noreturn void run_fatal(const struct run *run, const char *event, enum tally_err err,
                         const struct tally_diag *diag)
{
    run_log(run, RUN_LOG_ERROR, event, "error=%s why=\"%s\"", tally_err_name(err), diag->text);
    fflush(stderr);
    _exit((int)err);
}

/* ---- queues ---- */

struct inbox *run_inbox_new(enum node_event_type type)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);

    ASSERT(inbox != NULL);
    inbox->event.type = type;
    return inbox;
}

static void request_drop(struct request *request)
{
    if (request == NULL) return;
    client_net_reply(request->client, (struct bytes){0});
    arena_close(request->arena);
    free(request);
}

static void inbox_free(struct inbox *inbox)
{
    buffer_release(inbox->batch);
    job_applied_free(&inbox->applied);
    free(inbox);
}

void run_post(struct run *run, struct inbox *inbox)
{
    if (queue_push(run->inbox, inbox)) return;
    /* Closed: the node stops. (It cannot be full: what may wait is bounded elsewhere.) */
    ASSERT(queue_closed(run->inbox));
    request_drop(inbox->request);
    inbox_free(inbox);
}

struct work *run_work_new(enum work_kind kind)
{
    struct work *work = calloc(1, sizeof *work);

    ASSERT(work != NULL);
    work->kind = kind;
    return work;
}

static void work_drop(struct work *work)
{
    switch (work->kind) {
    case WORK_REQUEST:
        serve_busy(work->client);
        break;
    case WORK_STATUS:
        request_drop(work->request);
        break;
    case WORK_ACTION:
        if (work->action.type == NODE_ANSWER_APPEND) {
            request_drop((struct request *)(uintptr_t)work->action.answer_append.handle);
        } else if (work->action.type == NODE_ANSWER_WAIT) {
            request_drop((struct request *)(uintptr_t)work->action.answer_wait.handle);
        }
        node_action_release(&work->action);
        break;
    }
    free(work);
}

void run_work(struct run *run, struct work *work)
{
    if (!queue_push(run->works, work)) work_drop(work);
}

/* ---- loop thread ---- */

void run_step(struct run *run, struct node_event *event)
{
    event->now_ms = clock_monotonic_ms();
    event->wall_ms = clock_wall_ms();
    event->random = secret_random_u64();
    node_step(run->node, event, &run->actions);
    run_perform(run);
}

static void on_peer_message(void *context, uint32_t from, enum peer_channel channel,
                            struct bytes message)
{
    (void)channel;
    run_peer_message(context, from, message);
}

static void on_peer_session(void *context, uint32_t peer)
{
    struct node_event event = {.type = NODE_SESSION, .session_from = peer};

    run_log(context, RUN_LOG_INFO, "peer_session", "member=%u", (unsigned)peer);
    run_step(context, &event);
}

/* On NNG's threads: one mark in the inbox is enough. */
static void on_wake(void *context)
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
    inbox_free(inbox);
}

static void *loop_main(void *context)
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
        if (now_ms >= run->next_poll_ms) run->next_poll_ms = peer_net_poll(run->peers, now_ms);
        if (now_ms >= run->next_tick_ms) {
            struct node_event tick = {.type = NODE_TICK};

            run->next_tick_ms = now_ms + TICK_MS;
            run_step(run, &tick);
        }
    }
    return NULL;
}

/* ---- writer thread ---- */

static void write_blocks(struct run *run, const struct node_action *action)
{
    struct store_block *blocks = calloc(action->write.blocks_count + 1, sizeof *blocks);
    struct store_append append = {
        .hard_state = action->write.hard_state_set ? &action->write.hard_state : NULL,
        .truncate_from = action->write.truncate_from,
        .blocks = blocks,
        .blocks_count = action->write.blocks_count,
    };
    struct tally_diag diag = {{0}};
    enum tally_err err;

    ASSERT(blocks != NULL);
    for (size_t i = 0; i < action->write.blocks_count; i++) {
        blocks[i].index = action->write.first + i;
        blocks[i].data = buffer_bytes(action->write.blocks[i]);
    }
    err = store_append(run->store, &append, &diag);
    if (err != TALLY_OK) run_fatal(run, "write_failed", err, &diag);
    free(blocks);
    run_post(run, run_inbox_new(NODE_WRITTEN));
}

static void sign_tree(struct run *run, const struct node_action *action)
{
    struct inbox *inbox = run_inbox_new(NODE_SIGNED);
    struct tally_diag diag = {{0}};
    enum tally_err err;

    err = witness_sign(run->witness, action->sign.size, &action->sign.root, &diag);
    if (err != TALLY_OK) run_fatal(run, "witness_failed", err, &diag);
    publish_cosign(&run->publish, action->sign.size, &action->sign.root, action->sign.time_ms,
                   &inbox->event.cosigned);
    run_post(run, inbox);
}

static void *writer_main(void *context)
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
    inbox->event.applied.results = inbox->applied.results;
    inbox->event.applied.count = inbox->applied.count;
    run_post(run, inbox);
}

static void *apply_main(void *context)
{
    struct run *run = context;
    struct node_action *action;

    while ((action = queue_pop(run->applies, UINT64_MAX)) != NULL) {
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
    inbox->event.verified.ok =
        job_verify(&run->publish, buffer_bytes(action->verify.block), arena, &diag);
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
        inbox_free(inbox);
    }
}

static void do_work(struct run *run, struct work *work, struct arena *arena)
{
    switch (work->kind) {
    case WORK_REQUEST:
        serve_request(run, work->client);
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

static void *worker_main(void *context)
{
    struct run *run = context;
    struct arena *arena = NULL;
    struct work *work;

    if (arena_open(0, &arena) != TALLY_OK) abort();
    while ((work = queue_pop(run->works, UINT64_MAX)) != NULL) {
        do_work(run, work, arena);
        free(work);
        arena_reset(arena, 0);
    }
    arena_close(arena);
    return NULL;
}

/* ---- start and stop ---- */

/* On NNG's threads. */
static void on_request(void *context, struct client_request *client)
{
    struct run *run = context;
    struct work *work = run_work_new(WORK_REQUEST);

    work->client = client;
    run_work(run, work);
}

static enum tally_err open_files(struct run *run, struct tally_diag *diag)
{
    char path[4096];
    struct ledger_identity identity;
    struct witness_data data;
    struct arena *arena = NULL;
    enum tally_err err = arena_open(0, &arena);

    if (err != TALLY_OK) return err;
    err = run_path(run->config->data, "node.key", path, diag);
    if (err == TALLY_OK) err = keyfile_node_load(path, &run->keys, diag);
    if (err == TALLY_E_NOT_FOUND) {
        tally_diag_set(diag, "%s is no data directory: `tallyd init` makes one",
                       run->config->data);
    }
    if (err == TALLY_OK) err = run_path(run->config->data, "db", path, diag);
    if (err == TALLY_OK) err = store_rocksdb_open(path, &run->store, diag);
    if (err == TALLY_OK) err = ledger_open(run->store, &run->ledger, diag);
    if (err == TALLY_OK) err = ledger_read_identity(run->store, arena, &identity, diag);
    if (err == TALLY_OK) err = publish_config_load(&identity, &run->keys, &run->publish, diag);
    if (err == TALLY_OK) err = run_path(run->config->data, "witness", path, diag);
    if (err == TALLY_OK) err = witness_open(path, &run->witness, diag);
    if (err == TALLY_OK) {
        strcpy(run->ledger_name, identity.name);
        atomic_store(&run->time_ms, ledger_time_ms(run->ledger));
        data = witness_data(run->witness);
        if (memcmp(&data.ledger_id, &run->publish.ledger_id, 32) != 0 ||
            data.node_id != run->publish.self || data.incarnation != run->keys.incarnation) {
            tally_diag_set(diag, "the witness file in %s belongs to another ledger or node",
                           run->config->data);
            err = TALLY_E_WRONG_LEDGER;
        }
    }
    arena_close(arena);
    return err;
}

static enum tally_err open_node(struct run *run, struct tally_diag *diag)
{
    const struct node_setup setup = {
        .publish = &run->publish,
        .election_ms = run->config->election_ms,
        .heartbeat_ms = run->config->heartbeat_ms,
        .future_ms = NODE_FUTURE_MS,
    };
    struct store_value checkpoint = {0};
    struct store_block *blocks = NULL;
    struct node_start start;
    enum tally_err err = job_start(run->store, run->ledger, &start, &blocks, &checkpoint, diag);

    if (err != TALLY_OK) return err;
    err =
        node_open(&setup, &start, clock_monotonic_ms(), secret_random_u64(), &run->node, diag);
    free(blocks);
    store_value_free(&checkpoint);
    return err;
}

static enum tally_err open_peers(struct run *run, struct tally_diag *diag)
{
    struct peer_net_peer peers[LIMIT_MEMBERS];
    struct peer_net_config config = {
        .self = run->publish.self,
        .incarnation = run->keys.incarnation,
        .listen_url = run->config->peer_listen,
        .tls = run->config->peer_tls,
        .peers = peers,
        .wake = on_wake,
        .on_message = on_peer_message,
        .on_session = on_peer_session,
        .context = run,
    };
    enum tally_err err;

    for (uint32_t i = 0; i < run->publish.members_count; i++) {
        const struct publish_member *member = &run->publish.members[i];
        const struct run_peer *peer = run_peer_named(run, member->name);
        struct peer_net_peer *to = &peers[config.peers_count];

        if (member->id == run->publish.self) continue;
        if (peer == NULL) {
            tally_diag_set(diag, "the configuration has no address of member %s", member->name);
            return TALLY_E_INVALID;
        }
        to->id = member->id;
        to->incarnation = member->incarnation;
        to->url = peer->peer_url;
        memcpy(to->public_key, member->peer_key, sizeof to->public_key);
        config.peers_count++;
    }
    memcpy(config.ledger_id, run->publish.ledger_id.bytes, sizeof config.ledger_id);
    config.key = run->keys.peer;
    err = peer_net_open(&config, &run->peers, diag);
    secret_wipe(&config.key, sizeof config.key);
    return err;
}

static enum tally_err open_queues(struct run *run)
{
    enum tally_err err = queue_open(RUN_QUEUE_ITEMS, &run->inbox);

    if (err == TALLY_OK) err = queue_open(RUN_QUEUE_ITEMS, &run->writes);
    if (err == TALLY_OK) err = queue_open(RUN_QUEUE_ITEMS, &run->applies);
    if (err == TALLY_OK) err = queue_open(RUN_QUEUE_ITEMS, &run->works);
    return err;
}

static enum tally_err start_threads(struct run *run)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t workers = cores < 2                 ? 2
                           : cores > RUN_WORKERS_MAX ? RUN_WORKERS_MAX
                                                     : (size_t)cores;

    run->writer_started = pthread_create(&run->writer, NULL, writer_main, run) == 0;
    run->applier_started = pthread_create(&run->applier, NULL, apply_main, run) == 0;
    while (run->workers_count < workers &&
           pthread_create(&run->workers[run->workers_count], NULL, worker_main, run) == 0) {
        run->workers_count++;
    }
    run->loop_started = pthread_create(&run->loop, NULL, loop_main, run) == 0;
    return run->writer_started && run->applier_started && run->workers_count == workers &&
                   run->loop_started
               ? TALLY_OK
               : TALLY_E_NO_MEMORY;
}

enum tally_err run_open(const struct run_config *config, struct run **ret_run,
                        struct tally_diag *diag)
{
    struct run *run = calloc(1, sizeof *run);
    struct client_net_config clients = {.listen_url = config->client_listen,
                                        .tls = config->client_tls,
                                        .on_request = on_request,
                                        .context = run};
    struct rlimit files;
    enum tally_err err;

    if (run == NULL) return TALLY_E_NO_MEMORY;
    run->config = config;
    run->started_ms = clock_monotonic_ms();
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* silent connections are never closed by NNG 1.5 */
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    err = sign_init();
    if (err == TALLY_OK) err = open_queues(run);
    if (err == TALLY_OK) err = open_files(run, diag);
    if (err == TALLY_OK) err = open_node(run, diag);
    if (err == TALLY_OK) err = open_peers(run, diag);
    if (err == TALLY_OK) err = client_net_open(&clients, &run->clients, diag);
    if (err == TALLY_OK) err = start_threads(run);
    if (err != TALLY_OK) {
        run_close(run);
        return err;
    }
    run_log(run, RUN_LOG_INFO, "started", "origin=%s member=%u blocks=%llu records=%llu",
            run->publish.origin, (unsigned)run->publish.self,
            (unsigned long long)store_last(run->store),
            (unsigned long long)ledger_size(run->ledger));
    *ret_run = run;
    return TALLY_OK;
}

/* Stop taking requests, then end the threads in the order of who posts to whom. */
static void stop_threads(struct run *run)
{
    struct queue *const queues[] = {run->works, run->applies, run->writes, run->inbox};

    client_net_stop(run->clients);
    atomic_store(&run->stopping, true);
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        if (queues[i] != NULL) queue_close(queues[i]);
    }
    if (run->loop_started) pthread_join(run->loop, NULL);
    if (run->writer_started) pthread_join(run->writer, NULL);
    if (run->applier_started) pthread_join(run->applier, NULL);
    for (size_t i = 0; i < run->workers_count; i++) pthread_join(run->workers[i], NULL);
}

static void drain_queues(struct run *run)
{
    struct inbox *inbox;

    while (run->inbox != NULL && (inbox = queue_pop(run->inbox, 0)) != NULL) {
        if ((void *)inbox == &run->woken) continue;
        if (inbox->status || inbox->event.type == NODE_APPEND ||
            inbox->event.type == NODE_WAIT) {
            request_drop(inbox->request);
        }
        inbox_free(inbox);
    }
    queue_free(run->inbox);
    queue_free(run->writes);
    queue_free(run->applies);
    queue_free(run->works);
}

/* Requests that the node holds: their outcome is unknown to the client, who asks another node.
 */
static void drop_waiting(struct run *run)
{
    if (run->node == NULL) return;
    node_abandon(run->node, &run->actions);
    for (size_t i = 0; i < run->actions.count; i++) {
        const struct node_action *action = &run->actions.items[i];

        request_drop((struct request *)(uintptr_t)(action->type == NODE_ANSWER_APPEND
                                                       ? action->answer_append.handle
                                                       : action->answer_wait.handle));
    }
}

void run_close(struct run *run)
{
    if (run == NULL) return;
    stop_threads(run);
    peer_net_close(run->peers);
    drain_queues(run);
    drop_waiting(run);
    node_actions_free(&run->actions);
    node_close(run->node);
    client_net_close(run->clients);
    witness_close(run->witness);
    ledger_close(run->ledger);
    store_close(run->store);
    keyfile_node_wipe(&run->keys);
    free(run);
}
