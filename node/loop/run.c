#include "loop/run.h"

#include <errno.h>
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
#include "net/accept.h"

enum { STOP_S = 3 }; /* for NNG to close what it has open */

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

void run_again(const struct run *run)
{
    if (run->config->restart == NULL) return;
    /* Threads of NNG go on until the exec: what they use is closed by it, not before. */
    fflush(stderr);
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    (void)execv("/proc/self/exe", run->config->restart);
}

_Noreturn void run_fatal(const struct run *run, const char *event, enum tally_err err,
                         const struct tally_diag *diag)
{
    run_log(run, RUN_LOG_ERROR, event, "error=%s why=\"%s\"", tally_err_name(err), diag->text);
    fflush(stderr);
    if (err == TALLY_E_CORRUPT) {
        /* What is on the disk is not what was written: start again, on a rebuilt database. */
        run_rebuild_want(run->config->data, diag->text);
        run_again(run);
    }
    /* Another program took all space since the last look: be a node that only reads. */
    if (err == TALLY_E_IO && run_space_gone(run)) run_again(run);
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

void run_inbox_free(struct inbox *inbox)
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
    run_inbox_free(inbox);
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
    /* A flood of requests waits for itself only: blocks are checked, and what was recorded is
     * answered, by other threads. An answer to a waiting request may read megabytes. */
    struct queue *queue = run->asks;

    if (work->kind == WORK_REQUEST) {
        if (rpc_request_kind_claimed(client_request_bytes(work->client)) == RPC_LOG)
            queue = run->reads;
    } else if (work->kind == WORK_ACTION) {
        queue = work->action.type == NODE_ANSWER_WAIT ? run->reads : run->works;
    }
    if (!queue_push(queue, work)) work_drop(work);
}

/* ---- rest ---- */

static void rest_open(struct run *run)
{
    clock_condition_init(&run->rest.wake);
    (void)pthread_mutex_init(&run->rest.lock, NULL);
}

static void rest_end(struct run *run)
{
    pthread_mutex_lock(&run->rest.lock);
    run->rest.stop = true;
    pthread_cond_broadcast(&run->rest.wake);
    pthread_mutex_unlock(&run->rest.lock);
}

/* `asked`: a pass of the scrub that somebody asked for ends the rest, too. */
static bool rest(struct run *run, uint64_t ms, bool asked)
{
    const struct timespec until = clock_deadline(ms);
    bool goes_on;

    pthread_mutex_lock(&run->rest.lock);
    for (int err = 0; !run->rest.stop && !(asked && run->rest.asked) && err != ETIMEDOUT;) {
        err = pthread_cond_timedwait(&run->rest.wake, &run->rest.lock, &until);
    }
    if (asked) run->rest.asked = false;
    goes_on = !run->rest.stop;
    pthread_mutex_unlock(&run->rest.lock);
    return goes_on;
}

bool run_rest(struct run *run, uint64_t ms)
{
    return rest(run, ms, false);
}

bool run_rest_or_asked(struct run *run, uint64_t ms)
{
    return rest(run, ms, true);
}

/* ---- start and stop ---- */

/* On NNG's threads. */
static void on_request(void *context, struct client_request *client)
{
    struct run *run = context;
    struct work *work;

    if (client_request_held_size(client) > RUN_REQUESTS_SIZE_MAX) {
        serve_busy(client);
        return;
    }
    work = run_work_new(WORK_REQUEST);
    work->client = client;
    work->arrived_ms = clock_monotonic_ms();
    run_work(run, work);
}

static enum tally_err open_node(struct run *run, struct arena *arena, struct tally_diag *diag)
{
    const struct node_setup setup = {
        .publish = &run->publish,
        .election_ms = run->config->election_ms,
        .heartbeat_ms = run->config->heartbeat_ms,
        .future_ms = NODE_FUTURE_MS,
        .cache_size = NODE_CACHE_SIZE,
        .read_only = run->read_only,
    };
    struct store_value checkpoint = {0};
    struct store_block *blocks = NULL;
    const struct witness_data witness = witness_data(run->witness);
    struct node_start start;
    enum tally_err err =
        job_start(run->store, run->ledger, &witness, arena, &start, &blocks, &checkpoint, diag);

    if (err != TALLY_OK) return err;
    if (start.lost.index > 0) {
        run_log(run, RUN_LOG_WARNING, "log_cut_short", "ends=%llu said=%llu term=%llu",
                (unsigned long long)store_last(run->store),
                (unsigned long long)start.lost.index, (unsigned long long)start.lost.term);
    }
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
        .wake = run_on_wake,
        .on_message = run_on_peer_message,
        .on_session = run_on_peer_session,
        .context = run,
    };
    enum tally_err err;

    for (uint32_t i = 0; i < run->publish.members_count; i++) {
        const struct publish_member *member = &run->publish.members[i];

        if (member->id == run->publish.self) continue;
        if (!run_member_address(run, member, &peers[config.peers_count])) {
            tally_diag_set(diag, "the configuration has no address of member %s", member->name);
            return TALLY_E_INVALID;
        }
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
    if (err == TALLY_OK) err = queue_open(RUN_QUEUE_ITEMS, &run->asks);
    if (err == TALLY_OK) err = queue_open(RUN_QUEUE_ITEMS, &run->reads);
    return err;
}

static enum tally_err start_threads(struct run *run)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t workers = cores < 2                 ? 2
                           : cores > RUN_WORKERS_MAX ? RUN_WORKERS_MAX
                                                     : (size_t)cores;

    run->writer_started = pthread_create(&run->writer, NULL, run_writer_main, run) == 0;
    run->applier_started = pthread_create(&run->applier, NULL, run_apply_main, run) == 0;
    while (run->workers_count < workers &&
           pthread_create(&run->workers[run->workers_count], NULL, run_worker_main, run) == 0) {
        run->workers_count++;
    }
    while (run->askers_count < workers &&
           pthread_create(&run->askers[run->askers_count], NULL, run_asker_main, run) == 0) {
        run->askers_count++;
    }
    run->reader_started = pthread_create(&run->reader, NULL, run_reader_main, run) == 0;
    run->loop_started = pthread_create(&run->loop, NULL, run_loop_main, run) == 0;
    run->spacer_started = pthread_create(&run->spacer, NULL, run_space_main, run) == 0;
    /* What a scrub finds cannot be mended without space. */
    run->scrub_started =
        !run->read_only && pthread_create(&run->scrub, NULL, run_scrub_main, run) == 0;
    return run->writer_started && run->applier_started && run->workers_count == workers &&
                   run->askers_count == workers && run->reader_started && run->loop_started &&
                   run->spacer_started && (run->scrub_started || run->read_only)
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
    struct arena *arena = NULL;
    uint64_t blocks, records;
    enum tally_err err;

    if (run == NULL) return TALLY_E_NO_MEMORY;
    run->config = config;
    (void)pthread_mutex_init(&run->directory.lock, NULL);
    (void)pthread_mutex_init(&run->space.lock, NULL);
    rest_open(run);
    run->started_ms = clock_monotonic_ms();
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* silent connections are never closed by NNG 1.5 */
        (void)setrlimit(RLIMIT_NOFILE, &files);
        accept_limit(files.rlim_max);
    }
    err = sign_init();
    if (err == TALLY_OK) err = open_queues(run);
    if (err == TALLY_OK) err = arena_open(0, &arena);
    if (err == TALLY_OK) err = run_files_open(run, arena, diag);
    if (err == TALLY_OK) err = open_node(run, arena, diag);
    arena_close(arena);
    if (err == TALLY_OK && !run->read_only) err = open_peers(run, diag);
    if (err == TALLY_OK) err = client_net_open(&clients, &run->clients, diag);
    if (err != TALLY_OK) goto out;
    blocks = store_last(run->store); /* the threads' own, once they run */
    records = ledger_size(run->ledger);
    err = start_threads(run);
    if (err != TALLY_OK) goto out;
    run_log(run, RUN_LOG_INFO, "started", "origin=%s member=%u blocks=%llu records=%llu",
            run->publish.origin, (unsigned)run->publish.self, (unsigned long long)blocks,
            (unsigned long long)records);
    *ret_run = run;
    return TALLY_OK;

out:
    run_close(run);
    return err;
}

/* Stop taking requests, then end the threads in the order of who posts to whom. */
static void stop_threads(struct run *run)
{
    struct queue *const queues[] = {run->reads,   run->asks,   run->works,
                                    run->applies, run->writes, run->inbox};

    client_net_stop(run->clients);
    rest_end(run);
    if (run->scrub_started) pthread_join(run->scrub, NULL);
    if (run->spacer_started) pthread_join(run->spacer, NULL);
    atomic_store(&run->stopping, true);
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        if (queues[i] != NULL) queue_close(queues[i]);
    }
    if (run->loop_started) pthread_join(run->loop, NULL);
    if (run->writer_started) pthread_join(run->writer, NULL);
    if (run->applier_started) pthread_join(run->applier, NULL);
    for (size_t i = 0; i < run->workers_count; i++) pthread_join(run->workers[i], NULL);
    for (size_t i = 0; i < run->askers_count; i++) pthread_join(run->askers[i], NULL);
    if (run->reader_started) pthread_join(run->reader, NULL);
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
        run_inbox_free(inbox);
    }
    queue_free(run->inbox);
    queue_free(run->writes);
    queue_free(run->applies);
    queue_free(run->works);
    queue_free(run->asks);
    queue_free(run->reads);
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

/* NNG 1.5.2 sometimes never finishes closing a TLS connection. A node may end anywhere without
 * losing anything, so it waits for that no longer than its members miss a leader. */
static struct {
    pthread_mutex_t lock;
    bool closed; /* under the lock: there is nothing left that NNG could hold up */
} ending = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *end_anyway(void *context)
{
    const struct timespec patience = {.tv_sec = STOP_S};

    (void)nanosleep(&patience, NULL);
    pthread_mutex_lock(&ending.lock);
    if (!ending.closed) {
        run_log(context, RUN_LOG_WARNING, "stop_cut_short", "seconds=%d", STOP_S);
        fflush(stderr);
        _exit(0);
    }
    pthread_mutex_unlock(&ending.lock);
    return NULL;
}

static void end_anyway_start(struct run *run)
{
    pthread_t thread;

    if (run->loop_started && pthread_create(&thread, NULL, end_anyway, run) == 0) {
        (void)pthread_detach(thread);
    }
}

void run_close(struct run *run)
{
    if (run == NULL) return;
    end_anyway_start(run);
    stop_threads(run);
    peer_net_close(run->peers);
    drain_queues(run);
    drop_waiting(run);
    node_actions_free(&run->actions);
    node_close(run->node);
    client_net_close(run->clients);
    pthread_mutex_lock(&ending.lock);
    ending.closed = true;
    pthread_mutex_unlock(&ending.lock);
    witness_close(run->witness);
    ledger_close(run->ledger);
    store_close(run->store);
    keyfile_node_wipe(&run->keys);
    (void)pthread_cond_destroy(&run->rest.wake);
    (void)pthread_mutex_destroy(&run->rest.lock);
    (void)pthread_mutex_destroy(&run->space.lock);
    (void)pthread_mutex_destroy(&run->directory.lock);
    free(run);
}
