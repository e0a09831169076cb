#include "net/connections.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"

struct connection {
    uint32_t id;       /* 0: free */
    uint32_t requests; /* not answered, or the answer waits for the one before */
    uint64_t used;     /* turn of its last request or answer */
    size_t waiting;    /* bytes of answers that wait for the one before */
    size_t leaving;    /* bytes of the last answer that NNG took; it may be unread */
};

struct connections {
    pthread_mutex_t lock; /* of all below */
    uint64_t turn;        /* grows with each use: older is smaller */
    size_t unread;        /* the sum of waiting and leaving */
    struct connection all[CONNECTIONS_MAX];
};

enum tally_err connections_open(struct connections **ret_connections)
{
    struct connections *connections = calloc(1, sizeof *connections);

    if (connections == NULL) return TALLY_E_NO_MEMORY;
    (void)pthread_mutex_init(&connections->lock, NULL);
    *ret_connections = connections;
    return TALLY_OK;
}

void connections_free(struct connections *connections)
{
    if (connections == NULL) return;
    (void)pthread_mutex_destroy(&connections->lock);
    free(connections);
}

/* Under the lock; id 0 finds a free place. */
static struct connection *find(struct connections *connections, uint32_t id)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (connections->all[i].id == id) return &connections->all[i];
    return NULL;
}

/* Under the lock: the connection that was silent for longest, of those with `unread_min`. */
static struct connection *oldest(struct connections *connections, size_t unread_min)
{
    struct connection *oldest = NULL;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *next = &connections->all[i];

        if (next->id == 0 || next->waiting + next->leaving < unread_min) continue;
        if (oldest == NULL || next->used < oldest->used) oldest = next;
    }
    return oldest;
}

/* Under the lock. Returns its id. */
static uint32_t forget(struct connections *connections, struct connection *connection)
{
    const uint32_t id = connection->id;

    ASSERT(connections->unread >= connection->waiting + connection->leaving);
    connections->unread -= connection->waiting + connection->leaving;
    *connection = (struct connection){0};
    return id;
}

uint32_t connections_add(struct connections *connections, uint32_t id)
{
    uint32_t victim = 0;

    ASSERT(id != 0);
    pthread_mutex_lock(&connections->lock);
    struct connection *place = find(connections, 0);
    if (place == NULL) {
        place = oldest(connections, 0);
        victim = forget(connections, place);
    }
    *place = (struct connection){.id = id, .used = ++connections->turn};
    pthread_mutex_unlock(&connections->lock);
    return victim;
}

void connections_remove(struct connections *connections, uint32_t id)
{
    pthread_mutex_lock(&connections->lock);
    struct connection *connection = id == 0 ? NULL : find(connections, id);
    if (connection != NULL) (void)forget(connections, connection);
    pthread_mutex_unlock(&connections->lock);
}

bool connections_request(struct connections *connections, uint32_t id)
{
    pthread_mutex_lock(&connections->lock);
    struct connection *connection = id == 0 ? NULL : find(connections, id);
    const bool good = connection != NULL && connection->requests < CONNECTIONS_REQUESTS_MAX;
    if (good) {
        connection->requests++;
        connection->used = ++connections->turn;
    } else if (connection != NULL) {
        (void)forget(connections, connection);
    }
    pthread_mutex_unlock(&connections->lock);
    return good;
}

void connections_answer(struct connections *connections, uint32_t id, size_t size)
{
    pthread_mutex_lock(&connections->lock);
    struct connection *connection = id == 0 ? NULL : find(connections, id);
    if (connection != NULL) {
        connection->waiting += size;
        connection->used = ++connections->turn;
        connections->unread += size;
    }
    pthread_mutex_unlock(&connections->lock);
}

uint32_t connections_crowded(struct connections *connections)
{
    uint32_t victim = 0;

    pthread_mutex_lock(&connections->lock);
    if (connections->unread > CONNECTIONS_UNREAD_SIZE_MAX) {
        /* There is one: small ones cannot sum up to so much. */
        struct connection *connection = oldest(connections, CONNECTIONS_UNREAD_SIZE_SMALL);
        ASSERT(connection != NULL);
        victim = forget(connections, connection);
    }
    pthread_mutex_unlock(&connections->lock);
    return victim;
}

void connections_sent(struct connections *connections, uint32_t id, size_t size)
{
    pthread_mutex_lock(&connections->lock);
    struct connection *connection = id == 0 ? NULL : find(connections, id);
    if (connection != NULL) {
        ASSERT(connection->requests > 0);
        ASSERT(connection->waiting >= size);
        connection->requests--;
        connection->waiting -= size;
        connections->unread -= connection->leaving;
        connection->leaving = size;
    }
    pthread_mutex_unlock(&connections->lock);
}

_Static_assert(CONNECTIONS_MAX *CONNECTIONS_UNREAD_SIZE_SMALL < CONNECTIONS_UNREAD_SIZE_MAX,
               "only large answers make it crowded");
