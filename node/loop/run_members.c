/* The members change while a node runs: whom the network talks to, and where clients are sent.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "loop/run_internal.h"

/* Where a member listens: our own configuration goes before what the Config says. */
static const char *peer_url(const struct run *run, const struct publish_member *member)
{
    const struct run_peer *configured = run_peer_named(run, member->name);

    if (configured != NULL) return configured->peer_url;
    return member->peer_url[0] == '\0' ? NULL : member->peer_url;
}

bool run_member_address(const struct run *run, const struct publish_member *member,
                        struct peer_net_peer *ret_peer)
{
    const char *url = peer_url(run, member);

    if (url == NULL) return false;
    ret_peer->id = member->id;
    ret_peer->incarnation = member->incarnation;
    ret_peer->url = url;
    memcpy(ret_peer->public_key, member->peer_key, sizeof ret_peer->public_key);
    return true;
}

static void enter(struct run *run, const struct publish_member *member)
{
    const struct run_peer *configured = run_peer_named(run, member->name);
    const char *url = configured != NULL ? configured->client_url : member->client_url;
    struct run_place *place;
    uint32_t at = 0;

    pthread_mutex_lock(&run->directory.lock);
    while (at < run->directory.count && run->directory.places[at].id != member->id) at++;
    if (at < NODE_PEERS_MAX) {
        place = &run->directory.places[at];
        if (at == run->directory.count) run->directory.count++;
        place->id = member->id;
        snprintf(place->client_url, sizeof place->client_url, "%s", url);
    }
    pthread_mutex_unlock(&run->directory.lock);
}

bool run_client_url(struct run *run, uint32_t member, char ret_url[LIMIT_URL_SIZE + 1])
{
    bool found = false;

    pthread_mutex_lock(&run->directory.lock);
    for (uint32_t i = 0; i < run->directory.count; i++) {
        if (run->directory.places[i].id != member) continue;
        memcpy(ret_url, run->directory.places[i].client_url, LIMIT_URL_SIZE + 1);
        found = ret_url[0] != '\0';
    }
    pthread_mutex_unlock(&run->directory.lock);
    return found;
}

static void forget_others(struct run *run, const struct node_action *action)
{
    uint32_t kept = 0;

    pthread_mutex_lock(&run->directory.lock);
    for (uint32_t i = 0; i < run->directory.count; i++) {
        const struct run_place place = run->directory.places[i];
        bool listed = false;

        for (uint32_t k = 0; k < action->members.count; k++) {
            if (action->members.list[k].id == place.id) listed = true;
        }
        if (listed) {
            run->directory.places[kept++] = place;
        } else {
            run_log(run, RUN_LOG_INFO, "member_left", "member=%u", (unsigned)place.id);
            peer_net_remove(run->peers, place.id);
        }
    }
    run->directory.count = kept;
    pthread_mutex_unlock(&run->directory.lock);
}

void run_members(struct run *run, const struct node_action *action)
{
    for (uint32_t i = 0; i < action->members.count; i++) {
        const struct publish_member *member = &action->members.list[i];
        struct peer_net_peer peer;
        struct tally_diag diag = {{0}};

        if (!run_member_address(run, member, &peer)) {
            run_log(run, RUN_LOG_ERROR, "member_without_address",
                    "member=%s remedy=\"add it to peers: in the configuration\"", member->name);
            continue;
        }
        if (peer_net_add(run->peers, &peer, &diag) != TALLY_OK) {
            run_log(run, RUN_LOG_ERROR, "member_not_connected", "member=%s why=\"%s\"",
                    member->name, diag.text);
            continue;
        }
        enter(run, member);
    }
    forget_others(run, action);
}
