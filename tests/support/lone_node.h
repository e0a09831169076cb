/* lone_node - member 1 of three, whose disk, workers and peers are played by the test.
 *
 * A job begins when the node asks for it and is done when the test says so; what the node sends
 * and answers is kept for the test to look at. The store is in memory. A failure inside is a
 * wrong test: ASSERT. One thread. */
#ifndef SUPPORT_LONE_NODE_H
#define SUPPORT_LONE_NODE_H

#include "loop/jobs.h"
#include "loop/node.h"
#include "support/ledger_fixture.h"

enum { LONE_KEPT_MAX = 512 };

struct lone_node {
    struct fixture fixture;
    struct fixture_chain chain; /* for blocks that the test makes as another leader */
    struct publish_config publish;
    struct store *store;
    struct ledger *ledger;
    struct node *node;
    uint64_t now_ms, wall_ms;
    struct node_action kept[LONE_KEPT_MAX]; /* jobs, messages, answers; oldest first */
    size_t kept_count;
    bool halted;
};

/* A node right after its start; `signed_size`: what its witness says it signed. */
void lone_node_open(struct lone_node *ret_lone, uint64_t signed_size);
/* The same, whose store cannot be written. */
void lone_node_open_read_only(struct lone_node *ret_lone);
void lone_node_close(struct lone_node *lone);

/* One event; what it leads to is kept. */
void lone_node_step(struct lone_node *lone, struct node_event *event);
void lone_node_tick(struct lone_node *lone, uint64_t after_ms);
/* Messages from a member. `raft` gets its ends; `block` may be NULL. */
void lone_node_hear(struct lone_node *lone, uint32_t from, struct raft_message raft,
                    const struct bytes *block);
void lone_node_hear_memory(struct lone_node *lone, uint32_t from,
                           const struct peer_memory *memory);
/* Both peers say that they remember nothing: now it may vote. */
void lone_node_remembered(struct lone_node *lone);
/* Make it lead its next term; its own blocks of that are durable. */
void lone_node_elect(struct lone_node *lone);
/* A batch of one event that creates a model, borrowed from the fixture. */
struct bytes lone_node_batch(struct lone_node *lone, const char *subject);
/* An append of these batch bytes. */
void lone_node_append(struct lone_node *lone, uint64_t handle, struct bytes batch,
                      uint64_t deadline_ms);
/* A member acknowledges all blocks up to `match` in the node's term. */
void lone_node_acknowledge(struct lone_node *lone, uint32_t from, uint64_t match);

/* The oldest kept action of this type, NULL: none. SEND: only messages of this raft type (0:
 * any) to this member (0: any). */
const struct node_action *lone_node_find(const struct lone_node *lone,
                                         enum node_action_type type,
                                         enum raft_message_type message, uint32_t to);
/* Is a message of this type to this member kept? An action of this type? */
bool lone_node_sent(const struct lone_node *lone, enum raft_message_type type, uint32_t to);
bool lone_node_asked(const struct lone_node *lone, enum node_action_type type);
/* A member with the best of all logs asks for the vote of `term`. */
void lone_node_ask_vote(struct lone_node *lone, uint32_t from, uint64_t term);
/* The kept answer to an append, NULL: none. */
const struct node_action *lone_node_answer(const struct lone_node *lone, uint64_t handle);
/* Finish the oldest job of this type: WRITE, VERIFY (as `ok`), APPLY or SIGN. */
void lone_node_finish(struct lone_node *lone, enum node_action_type type, bool ok);
/* Finish jobs until none is left. */
void lone_node_settle(struct lone_node *lone);
/* Forget kept messages and answers. */
void lone_node_forget(struct lone_node *lone);

#endif
