/* ledger_fixture - a small world for tests: members, people with keys from fixed seeds, a
 * sealed genesis, and builders of events, signed batches and signed blocks.
 *
 * Nothing here is random: the same calls make the same bytes. Everything that is returned lives
 * in the fixture's arena until fixture_close. A failure inside is a wrong test: ASSERT. One
 * thread at a time. */
#ifndef SUPPORT_LEDGER_FIXTURE_H
#define SUPPORT_LEDGER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/keyfile.h"
#include "crypto/sign.h"
#include "event/batch.h"
#include "event/block.h"
#include "event/event.h"
#include "event/ledger_config.h"
#include "store/store.h"

/* Principal principal/<name> of each: see fixture_name(). */
enum fixture_who {
    FIXTURE_ADMIN,     /* role admin */
    FIXTURE_AUTHOR,    /* role author */
    FIXTURE_EVALUATOR, /* role evaluator */
    FIXTURE_APPROVER,  /* role approver */
    FIXTURE_EVERYONE,  /* all six roles */
    FIXTURE_NOBODY,    /* registered in genesis, without any role */
    FIXTURE_STRANGER,  /* a key that genesis does not know */
    FIXTURE_SECOND,    /* another such key */
    FIXTURE_PEOPLE,
};

#define FIXTURE_LEDGER_NAME "test-ledger"
#define FIXTURE_TIME_MS     UINT64_C(1700000000000) /* of genesis */

struct fixture {
    struct arena *arena;
    uint32_t members_count;
    struct node_keys members[LIMIT_VOTERS]; /* member id i + 1: "node-<i + 1>" */
    struct sign_key root;
    struct sign_key people[FIXTURE_PEOPLE];
    struct ledger_config config; /* all members are voters; policy: a majority of them */
    struct bytes genesis_file;   /* sealed: for ledger_create */
    struct bytes genesis_block;  /* block 1 */
    struct tally_hash ledger_id;
    uint64_t ids; /* event ids given out so far */
};

void fixture_open(struct fixture *ret_fixture, uint32_t members_count);
void fixture_close(struct fixture *fixture);

const char *fixture_name(enum fixture_who who);  /* "author" */
const char *fixture_actor(enum fixture_who who); /* "principal/author" */
void fixture_key_id(const struct fixture *fixture, enum fixture_who who,
                    struct tally_hash *ret_key_id);
/* A hash that looks real: SHA-256 of the number. */
struct tally_hash fixture_hash(uint64_t number);

/* ---- batches and blocks ---- */

/* The encoded batch of these events, signed by `who` alone, with the meaning that event 0's
 * required signer has. */
struct bytes fixture_batch(struct fixture *fixture, enum fixture_who who,
                           const struct bytes *events, uint32_t events_count);
/* The same for several signers, each with a meaning. */
struct bytes fixture_batch_of(struct fixture *fixture, const enum fixture_who *who,
                              const uint8_t *meanings, uint32_t signers_count,
                              const struct bytes *events, uint32_t events_count);

/* The end of a chain of blocks that is being built. */
struct fixture_chain {
    uint64_t index, term, time_ms; /* of the last block */
    struct tally_hash hash;        /* of the last block */
    uint32_t leader;               /* who signs the next ones; member id */
};
/* The chain that is the genesis block; the leader is member 1, the term 1 for the next block.
 */
void fixture_chain_begin(const struct fixture *fixture, struct fixture_chain *ret_chain);
/* The next block, signed, with any body; time_ms is the chain's (set it to move time). */
struct bytes fixture_block(struct fixture *fixture, struct fixture_chain *chain,
                           enum block_kind kind, bool boundary, struct bytes body);
/* The next EVENTS block with these batches. */
struct bytes fixture_block_events(struct fixture *fixture, struct fixture_chain *chain,
                                  bool boundary, const struct bytes *batches, size_t count);
/* Make a block durable in a store as its next one; hard state {term, 0, its index}. */
void fixture_store_block(struct store *store, const struct fixture_chain *chain,
                         struct bytes block);

#include "support/ledger_fixture_event.h"

#endif
