/* node_config - the configuration file of `tallyd run`.
 *
 *   data: /var/lib/tally/n1                  made by `tallyd init`
 *   listen:
 *     peers: tls+tcp://10.0.0.1:7400
 *     clients: tls+tcp://10.0.0.1:7500
 *   advertise: tls+tcp://n1.example:7500     what clients are told; default: listen.clients
 *   peers:                                   the other members; naming the node itself is fine
 *     - {name: n2, peer: tls+tcp://10.0.1.1:7400, client: tls+tcp://10.0.1.1:7500}
 *   tls:
 *     peers: {cert: n1.crt, key: n1.key, ca: members.crt}
 *     clients: {cert: n1.crt, key: n1.key}
 *   profile: lan                             or wan: the times of elections
 *   log: info                                or debug, warning, error
 *
 * Nothing that affects durability, identity or trust has a default. Relative paths are relative
 * to the file's folder. Thread-safe: a struct belongs to one thread at a time. */
#ifndef CONFIG_NODE_CONFIG_H
#define CONFIG_NODE_CONFIG_H

#include <stdint.h>
#include <stdio.h>
#include <tally/err.h>

#include "config/config.h"

enum node_profile { NODE_PROFILE_LAN, NODE_PROFILE_WAN };
enum node_log_level { NODE_LOG_DEBUG, NODE_LOG_INFO, NODE_LOG_WARNING, NODE_LOG_ERROR };

struct node_config_peer {
    struct config_place place;
    struct config_text name, peer_url, client_url;
};

struct node_config_tls {
    struct config_place place;        /* line 0: no such section */
    struct config_text cert, key, ca; /* of clients: no ca */
};

/* Texts live in the config that was read. */
struct node_config {
    const char *data;
    const char *peer_listen, *client_listen;
    const char *advertise;
    uint32_t peers_count;
    const struct node_config_peer *peers;
    struct node_config_tls tls_peers, tls_clients;
    enum node_profile profile;
    enum node_log_level log_level;
};

/* Read and check. The faults are in `config`.
 * Errors: TALLY_E_MALFORMED (config_faults says what), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err node_config_read(struct config *config,
                                                struct node_config *ret_config);
/* Print what is in force, defaults included, as a file that reads the same. */
void node_config_print(const struct node_config *config, FILE *out);

#endif
