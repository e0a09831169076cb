/* peer_pair - the sessions of two members, with every frame in the test's hands. */
#ifndef SUPPORT_PEER_PAIR_H
#define SUPPORT_PEER_PAIR_H

#include <stddef.h>
#include <stdint.h>

#include "net/peer_session.h"

enum { PAIR_A = 1, PAIR_B = 2, PAIR_C = 3, PAIR_FRAME_MAX = 512 };

struct pair_node {
    struct peer_session session;
    uint64_t draws; /* of random bytes, so that each is different and known */
};

struct pair_frame {
    uint8_t data[PAIR_FRAME_MAX];
    size_t size;
};

extern uint64_t pair_now_ms;

/* The peer key of a member. */
struct sign_key pair_key(uint32_t id);
/* `self` with the key of member `self`, towards `peer` with the key of member `peer`. */
struct peer_session_config pair_config(uint32_t self, uint32_t peer);
struct pair_node pair_node(struct peer_session_config config, uint64_t draws);
/* Members PAIR_A and PAIR_B without a session, and time 10000. */
void pair_setup(struct pair_node *ret_a, struct pair_node *ret_b);
/* An undisturbed handshake. */
void pair_connect(struct pair_node *a, struct pair_node *b);

/* Its Knock when it is time for one; size 0 otherwise. */
struct pair_frame pair_knock(struct pair_node *node);
struct peer_received pair_give(struct pair_node *node, const struct pair_frame *frame);
struct pair_frame pair_reply(const struct peer_received *received);
struct pair_frame pair_seal(struct pair_node *node, enum peer_channel channel,
                            const char *text);
/* Give `frame` to `to`, and hand replies back and forth until nobody has anything to say. */
void pair_converse(struct pair_node *from, struct pair_node *to, struct pair_frame frame);
/* A message of `from` reaches `to`. */
void pair_ck_delivers(struct pair_node *from, struct pair_node *to, enum peer_channel channel,
                      const char *text);
/* `to` refuses the frame for this reason. */
void pair_ck_drops(struct pair_node *to, const struct pair_frame *frame, enum peer_drop want);

#endif
