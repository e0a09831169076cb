/* tallyd: keygen, init, run, config, check, version. */
#include <jansson.h>
#include <popt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "config/config.h"
#include "config/node_config.h"
#include "crypto/keyfile.h"
#include "loop/run.h"

enum { EXIT_USAGE = 64 };

static const char usage[] =
    "tallyd keygen --name=NAME --out=FILE          make a node's key: FILE (0600) and "
    "FILE.pub\n"
    "tallyd init --genesis=FILE --key=FILE --data=DIR [--member=ID]\n"
    "                                              make a data directory; the key moves into "
    "it;\n"
    "                                              ID: what `tally cluster add` said, for a "
    "node "
    "that\n"
    "                                              genesis does not name\n"
    "tallyd run --config=FILE                      run a node until SIGTERM or SIGINT;\n"
    "                                              SIGUSR1: read everything stored now\n"
    "tallyd config --config=FILE                   check a configuration, print what is in "
    "force\n"
    "tallyd check --data=DIR [--json]              read all that a stopped node has stored, "
    "and "
    "say\n"
    "                                              whether it is what was written\n"
    "tallyd version\n"
    "\n"
    "The exit status is 0, the number of an error (tally help exit), or 64 for a wrong "
    "command\n"
    "line. docs/operations.md explains the configuration file.\n";

struct options {
    char *name, *out, *genesis, *key, *data, *config;
    int member, json;
};

static int fail(enum tally_err err, const struct tally_diag *diag)
{
    fprintf(stderr, "tallyd: %s: %s\n", tally_err_text(err), diag->text);
    return (int)err;
}

static int wrong_usage(const char *why, const char *what)
{
    fprintf(stderr, "tallyd: %s%s%s\n\n%s", why, what == NULL ? "" : ": ",
            what == NULL ? "" : what, usage);
    return EXIT_USAGE;
}

static int keygen(const struct options *options)
{
    struct tally_diag diag = {{0}};
    enum tally_err err = sign_init();

    if (options->name == NULL || options->out == NULL) {
        return wrong_usage("keygen needs --name and --out", NULL);
    }
    if (err == TALLY_OK) err = keyfile_node_create(options->out, options->name, &diag);
    if (err != TALLY_OK) return fail(err, &diag);
    printf("%s: the key of node %s; keep it on the node until `tallyd init` takes it\n",
           options->out, options->name);
    printf("%s.pub: for the genesis\n", options->out);
    return 0;
}

static int init(const struct options *options)
{
    struct tally_diag diag = {{0}};
    uint8_t *genesis = NULL;
    size_t size = 0;
    enum tally_err err;

    if (options->member < 0) return wrong_usage("--member is a positive number", NULL);
    if (options->genesis == NULL || options->key == NULL || options->data == NULL) {
        return wrong_usage("init needs --genesis, --key and --data", NULL);
    }
    err = file_read(options->genesis, LIMIT_GENESIS_SIZE, &genesis, &size, &diag);
    if (err == TALLY_OK) {
        err = run_init(options->data, bytes_of(genesis, size), options->key,
                       (uint32_t)options->member, &diag);
    }
    free(genesis);
    if (err != TALLY_OK) return fail(err, &diag);
    printf("%s is ready for `tallyd run`\n", options->data);
    return 0;
}

/* Read a configuration; the faults go to stderr. */
static enum tally_err read_config(const char *path, struct config **ret_config,
                                  struct node_config *ret_node, struct tally_diag *diag)
{
    enum tally_err err = config_open(path, ret_config, diag);

    if (err == TALLY_OK) err = node_config_read(*ret_config, ret_node);
    if (err == TALLY_E_MALFORMED && *ret_config != NULL) {
        fputs(config_faults(*ret_config), stderr);
        tally_diag_set(diag, "%s cannot be used", path);
    }
    return err;
}

static const char *text_or_null(struct config_text text)
{
    return text.text;
}

/* The signals of a node are waited for by the main thread alone. */
static void wait_for_end(struct run *run, const sigset_t *signals)
{
    int got = 0;

    while (sigwait(signals, &got) != 0 || (got != SIGTERM && got != SIGINT)) {
        if (got == SIGUSR1) run_scrub_now(run);
    }
}

static char **restart_arguments; /* those of main() */

static int run_node(const struct node_config *node)
{
    struct run_peer *peers = calloc(node->peers_count + 1, sizeof *peers);
    struct run_config config = {
        .data = node->data,
        .restart = restart_arguments,
        .peer_listen = node->peer_listen,
        .client_listen = node->client_listen,
        .advertise = node->advertise,
        .peers = peers,
        .peers_count = node->peers_count,
        .peer_tls = {.cert_file = text_or_null(node->tls_peers.cert),
                     .key_file = text_or_null(node->tls_peers.key),
                     .ca_file = text_or_null(node->tls_peers.ca)},
        .client_tls = {.cert_file = text_or_null(node->tls_clients.cert),
                       .key_file = text_or_null(node->tls_clients.key)},
        .election_ms = node->profile == NODE_PROFILE_WAN ? 1000 : 150,
        .heartbeat_ms = node->profile == NODE_PROFILE_WAN ? 200 : 30,
        .log_level = (enum run_log_level)node->log_level,
    };
    struct tally_diag diag = {{0}};
    struct run *run = NULL;
    sigset_t signals;
    enum tally_err err;

    if (peers == NULL) return fail(TALLY_E_NO_MEMORY, &diag);
    for (uint32_t i = 0; i < node->peers_count; i++) {
        peers[i] = (struct run_peer){.name = node->peers[i].name.text,
                                     .peer_url = node->peers[i].peer_url.text,
                                     .client_url = node->peers[i].client_url.text};
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGPIPE);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: all inherit it */
    err = run_open(&config, &run, &diag);
    if (err == TALLY_OK) wait_for_end(run, &signals);
    run_close(run);
    free(peers);
    return err == TALLY_OK ? 0 : fail(err, &diag);
}

static int run_or_print(const struct options *options, bool print)
{
    struct config *config = NULL;
    struct node_config node;
    struct tally_diag diag = {{0}};
    enum tally_err err;
    int status;

    if (options->config == NULL) return wrong_usage("--config is missing", NULL);
    err = read_config(options->config, &config, &node, &diag);
    if (err != TALLY_OK) {
        status = fail(err, &diag);
    } else if (print) {
        node_config_print(&node, stdout);
        status = 0;
    } else {
        status = run_node(&node);
    }
    config_close(config);
    return status;
}

struct checking {
    bool shown; /* progress is for people: only on a terminal */
    const char *what;
};

static void check_progress(void *context, const char *what, uint64_t done, uint64_t all)
{
    struct checking *checking = context;

    if (!checking->shown) return;
    if (checking->what != NULL && checking->what != what) fputc('\n', stderr);
    checking->what = what;
    fprintf(stderr, "\r%s: %llu of %llu", what, (unsigned long long)done,
            (unsigned long long)all);
}

static void print_checked(const struct run_checked *checked, enum tally_err err,
                          const char *why, bool json)
{
    json_t *object;
    char *text;

    if (!json) {
        printf("%llu blocks (%llu bytes), %llu records, %llu keys\n",
               (unsigned long long)checked->blocks, (unsigned long long)checked->bytes,
               (unsigned long long)checked->records, (unsigned long long)checked->keys);
        printf("signed up to %llu records, published up to %llu\n",
               (unsigned long long)checked->signed_size,
               (unsigned long long)checked->published);
        if (checked->witness_copies > 0) {
            printf("%u copies in the witness file are damaged; the next start mends them\n",
                   checked->witness_copies);
        }
        if (!checked->ballast) {
            puts("the ballast is not there: `tallyd run` makes it when there is space");
        }
        if (checked->lost_to > 0) {
            printf("the log should reach block %llu: the other members replace what is lost\n",
                   (unsigned long long)checked->lost_to);
        }
        if (checked->halted)
            puts("the node halted: it does not start before a person has looked");
        if (err == TALLY_OK) puts("all of it is what was written");
        return;
    }
    object = json_pack(
        "{s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:i, s:b}", "good",
        err == TALLY_OK, "error", err == TALLY_OK ? "" : tally_err_text(err), "why", why,
        "blocks", (json_int_t)checked->blocks, "bytes", (json_int_t)checked->bytes, "records",
        (json_int_t)checked->records, "keys", (json_int_t)checked->keys, "signed",
        (json_int_t)checked->signed_size, "published", (json_int_t)checked->published,
        "lost_to", (json_int_t)checked->lost_to, "ballast", checked->ballast,
        "witness_copies_damaged", (int)checked->witness_copies, "halted", checked->halted);
    text = object == NULL ? NULL : json_dumps(object, JSON_INDENT(2));
    if (text != NULL) puts(text);
    free(text);
    json_decref(object);
}

static int check(const struct options *options)
{
    struct checking checking = {.shown = isatty(STDERR_FILENO) == 1};
    const struct run_check_config config = {.progress = check_progress, .context = &checking};
    struct run_checked checked;
    struct tally_diag diag = {{0}};
    enum tally_err err;

    if (options->data == NULL) return wrong_usage("check needs --data", NULL);
    err = run_check(options->data, &config, &checked, &diag);
    if (checking.what != NULL) fputc('\n', stderr);
    print_checked(&checked, err, diag.text, options->json != 0);
    if (err == TALLY_OK) return 0;
    if (err == TALLY_E_CORRUPT) {
        fprintf(stderr, "tallyd: `tallyd run` repairs the database from the other members\n");
    }
    return fail(err, &diag);
}

static int command(const char *name, const struct options *options)
{
    if (strcmp(name, "keygen") == 0) return keygen(options);
    if (strcmp(name, "init") == 0) return init(options);
    if (strcmp(name, "run") == 0) return run_or_print(options, false);
    if (strcmp(name, "config") == 0) return run_or_print(options, true);
    if (strcmp(name, "check") == 0) return check(options);
    if (strcmp(name, "version") == 0) {
        puts("tallyd " TALLY_VERSION);
        return 0;
    }
    if (strcmp(name, "help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    return wrong_usage("no such command", name);
}

int main(int argc, const char **argv)
{
    struct options options = {0};
    const struct poptOption table[] = {
        {"name", 0, POPT_ARG_STRING, &options.name, 0, NULL, NULL},
        {"out", 0, POPT_ARG_STRING, &options.out, 0, NULL, NULL},
        {"genesis", 0, POPT_ARG_STRING, &options.genesis, 0, NULL, NULL},
        {"key", 0, POPT_ARG_STRING, &options.key, 0, NULL, NULL},
        {"data", 0, POPT_ARG_STRING, &options.data, 0, NULL, NULL},
        {"config", 0, POPT_ARG_STRING, &options.config, 0, NULL, NULL},
        {"member", 0, POPT_ARG_INT, &options.member, 0, NULL, NULL},
        {"json", 0, POPT_ARG_NONE, &options.json, 0, NULL, NULL},
        {"help", 0, POPT_ARG_NONE, NULL, 'h', NULL, NULL},
        POPT_TABLEEND,
    };
    poptContext context = poptGetContext(NULL, argc, argv, table, 0);
    const char *name;
    int status, got;

    restart_arguments = (char **)(uintptr_t)argv;
    while ((got = poptGetNextOpt(context)) == 'h') {
        fputs(usage, stdout);
        poptFreeContext(context);
        return 0;
    }
    name = poptGetArg(context);
    if (got < -1) {
        status = wrong_usage(poptBadOption(context, 0), poptStrerror(got));
    } else if (name == NULL || poptPeekArg(context) != NULL) {
        status = wrong_usage("one command is needed", poptPeekArg(context));
    } else {
        status = command(name, &options);
    }
    free(options.name);
    free(options.out);
    free(options.genesis);
    free(options.key);
    free(options.data);
    free(options.config);
    poptFreeContext(context);
    return status;
}
