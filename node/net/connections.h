/* connections - which clients are connected to a node, and how much each may hold of it.
 *
 * Why           NNG 1.5.2 limits nothing: a client may ask without reading answers, each of
 * which stays in memory and keeps one of the places for requests, and anyone may open as many
 * connections as he likes. How           A table of fixed size. When it is full, or when the
 * answers that were not read grow too large, the connection that was silent for longest is to
 * be closed: an honest client comes back, and needs no more than one connection and one request
 * at a time. An answer counts from when it is given until the next one of its connection leaves
 * or the connection ends: NNG does not tell more. Threads       Thread-safe; the lock is a
 * leaf. Connections are named by ids that are not 0 and never used twice. */
#ifndef NET_CONNECTIONS_H
#define NET_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

enum {
    CONNECTIONS_MAX = 512,
    CONNECTIONS_REQUESTS_MAX = 2,                    /* in work or unread, for each */
    CONNECTIONS_UNREAD_SIZE_MAX = 128 * 1024 * 1024, /* bytes of answers, of all */
    CONNECTIONS_UNREAD_SIZE_SMALL = 64 * 1024,       /* not worth closing for its bytes */
};

struct connections;

/* Errors: TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err connections_open(struct connections **ret_connections);
void connections_free(struct connections *connections); /* NULL is accepted */

/* A connection came. Returns the one to close for it, which is forgotten, or 0. */
uint32_t connections_add(struct connections *connections, uint32_t id);
/* It ended; one that is not known is accepted. */
void connections_remove(struct connections *connections, uint32_t id);
/* It sent a request. False: it is not known, or it is forgotten since it asked for too much;
 * close it and drop the request. */
TALLY_NODISCARD bool connections_request(struct connections *connections, uint32_t id);
/* Its request gets an answer of `size` bytes. */
void connections_answer(struct connections *connections, uint32_t id, size_t size);
/* Are there too many unread bytes? Then a connection to close, which is forgotten; else 0. To
 * be called after connections_answer, until it is 0. */
uint32_t connections_crowded(struct connections *connections);
/* NNG took the answer of `size` bytes, or dropped it. */
void connections_sent(struct connections *connections, uint32_t id, size_t size);

#endif
