/* fake_node - a node for clients to talk to: a client_net whose answers follow a script. */
#ifndef SUPPORT_FAKE_NODE_H
#define SUPPORT_FAKE_NODE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/client_net.h"
#include "support/endpoints.h"

enum { FAKE_HELD_MAX = 64, FAKE_SCRIPT_MAX = 8 };

/* What a node does with one request. */
enum fake_act {
    FAKE_ANSWER,      /* as asked */
    FAKE_BUSY,        /* TALLY_E_BUSY */
    FAKE_TIMEOUT,     /* TALLY_E_TIMEOUT */
    FAKE_NOT_LEADER,  /* with the URL in `leader` */
    FAKE_UNKNOWN_KEY, /* a final refusal */
    FAKE_GARBAGE,     /* bytes that do not decode */
    FAKE_OTHER,       /* the answer to another kind of request */
    FAKE_HOLD,        /* keep it until fake_node_release */
};

struct fake_node {
    struct client_net *net;
    char url[64];
    char leader[64];
    enum fake_act
        script[FAKE_SCRIPT_MAX]; /* for the first requests; the last act for all others */
    size_t script_count;
    atomic_uint requests;
    pthread_mutex_t lock; /* of `held` and `first` */
    pthread_cond_t changed;
    struct client_request *held[FAKE_HELD_MAX];
    size_t held_count;
    uint8_t first[256]; /* the first request: later ones of a call must be the same bytes */
    size_t first_size;
    bool different;
};

/* Listen as 127.x.y.`host`:`port`; take a fresh port for each test, so that no test meets
 * another's connections.
 *   cert  for tls+tcp, NULL for tcp */
void fake_node_open(struct fake_node *node, unsigned host, unsigned port,
                    const struct endpoints_files *cert, uint32_t contexts);
void fake_node_close(struct fake_node *node);
/* Wait until the node holds `count` requests. */
void fake_node_wait_held(struct fake_node *node, size_t count);
/* Answer what it holds, the last one first. */
void fake_node_release(struct fake_node *node);

#endif
