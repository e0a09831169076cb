/* ledger_internal - what the files of node/ledger share: the ledger's insides. */
#ifndef LEDGER_LEDGER_INTERNAL_H
#define LEDGER_LEDGER_INTERNAL_H

#include <string.h>

#include "event/batch.h"
#include "event/block.h"
#include "event/record.h"
#include "ledger/decide.h"
#include "ledger/ledger.h"
#include "ledger/ledger_codec.h"
#include "ledger/ledger_codec_govern.h"
#include "ledger/ledger_lookup.h"
#include "ledger/ledger_state.h"
#include "merkle/merkle.h"

/* The policy in force, decoded: a cache of what the state says at the time of the record. */
struct ledger_policy {
    struct arena *arena;
    uint64_t version; /* 0: none is in force */
    struct tally_hash digest;
    struct policy policy;
    uint64_t quorum_roles; /* roles that approve or publish policies: bits of its roles */
    uint64_t fields[2];    /* events that some rule with a FIELD clause names */
    uint64_t evidence[2];  /* the same of EVIDENCE clauses */
};

/* Owned by the apply thread. */
struct ledger {
    struct store *store;
    struct ledger_state *state;
    struct arena *results;           /* what callers see, until the next flush */
    struct arena *block;             /* the decoded block that is being applied */
    struct arena *scratch;           /* one event or record */
    struct merkle_frontier frontier; /* frontier.size == applied.size */
    struct applied applied;
    uint64_t flushed;            /* the block that the store has as applied */
    struct tally_hash leaf;      /* hash of the newest leaf that was added */
    struct tally_hash ledger_id; /* zeros until genesis is applied */
    struct ledger_policy policy;
};

/* The block that is being applied. */
struct apply {
    struct ledger *ledger;
    struct block_header header;
    struct tally_hash hash; /* of the block */
    struct bytes body;
    bool verified; /* its signatures were verified on this node */
    struct ledger_block_result *result;
    struct ledger_event_result *events; /* room for the events of the block */
    struct tally_diag *diag;
};

/* What the policy is asked with. */
struct facts_view {
    struct policy_view view;
    struct policy_person persons[POLICY_PERSONS_MAX];
    const char *responsible[POLICY_PERSONS_MAX]; /* of each: who answers for it, or "" */
    bool is_admin[POLICY_PERSONS_MAX];           /* of each: an admin of everything, now */
    struct policy_approval approvals[LIMIT_GENESIS_SIGNERS];
    struct policy_field fields[POLICY_FIELDS_MAX];
    struct policy_result results[POLICY_RESULTS_MAX];
    struct principal person; /* the one that is being looked up */
};

/* Everything looked up for one event. Large: one per block, not on the stack of each call. */
struct facts {
    struct decide_facts facts;
    struct topic subject; /* of the event; all zeros when it is new */
    bool subject_found;
    struct principal actor, target;
    struct ledger_key key;
    struct tally_hash key_id; /* key.*: which key it is about */
    struct bytes next_config; /* ledger.member_changed: encoded, when it is valid */
    struct governance governance;
    uint32_t results_count; /* of those about the bytes that are judged */
    struct facts_view view;
    struct decide_ref refs[LIMIT_REPEATED];
};

/* Questions to the state with its pending puts; answers live in the scratch arena. */
static inline struct lookup ledger_lookup_of(const struct ledger *ledger)
{
    return (struct lookup){.state = ledger->state, .arena = ledger->scratch};
}

static inline struct bytes text_bytes(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* Look up what decide() needs for this event of an authentic batch. Values live in the ledger's
 * scratch arena. Errors: as lookups. */
TALLY_NODISCARD enum tally_err facts_gather(struct ledger *ledger, const struct batch *batch,
                                            const struct event *event, struct facts *ret_facts,
                                            struct tally_diag *diag);

/* apply_policy.c: the policy in force at the ledger's time is in ledger->policy, and
 * facts->governance is read. Errors: as lookups. */
TALLY_NODISCARD enum tally_err policy_load(struct ledger *ledger, struct facts *facts,
                                           struct tally_diag *diag);
/* apply_view.c: what the policy in force, or a policy that is being published, needs to know.
 * Errors: as lookups. */
TALLY_NODISCARD enum tally_err view_gather(struct ledger *ledger, const struct batch *batch,
                                           const struct event *event, struct facts *facts,
                                           const struct policy *policy,
                                           struct tally_diag *diag);
/* What only an event that publishes a policy, and only a ledger with one, is asked. */
TALLY_NODISCARD enum tally_err policy_gather(struct ledger *ledger, const struct batch *batch,
                                             const struct event *event, struct facts *facts,
                                             struct tally_diag *diag);
/* apply_results.c: does the event add a result about bytes that policies know of? */
bool results_adds(const struct event *event);
/* How many results there are about these bytes. */
TALLY_NODISCARD enum tally_err results_count(const struct lookup *lookup,
                                             const struct tally_hash *root, uint32_t *ret_count,
                                             struct tally_diag *diag);
/* Keep that of an allowed event as number facts->results_count. */
TALLY_NODISCARD enum tally_err results_put(struct ledger *ledger, const struct event *event,
                                           const struct facts *facts);
/* Result number `number` of these bytes; what it borrows lives in the lookup's arena. */
TALLY_NODISCARD enum tally_err results_get(const struct lookup *lookup,
                                           const struct tally_hash *root, uint32_t number,
                                           struct result *ret_result, bool *ret_retracted,
                                           struct tally_diag *diag);

/* The state of governance after an allowed event, before its other effects. */
TALLY_NODISCARD enum tally_err governance_put(struct ledger *ledger, const struct event *event,
                                              struct facts *facts, struct tally_diag *diag);
TALLY_NODISCARD enum tally_err governance_begin(struct ledger *ledger,
                                                const struct event_genesis *genesis);

/* One stored node of the tree. Errors: TALLY_E_CORRUPT (also when it is missing), TALLY_E_IO.
 */
TALLY_NODISCARD enum tally_err ledger_read_node(struct store *store, uint32_t level,
                                                uint64_t index, struct tally_hash *ret_hash,
                                                struct tally_diag *diag);

/* Add a leaf: its hash to the tree, its locator to the records. `locator` is `size` encoded
 * bytes, into which the leaf hash is filled here. */
TALLY_NODISCARD enum tally_err ledger_add_leaf(struct ledger *ledger, struct bytes leaf,
                                               uint8_t *locator, size_t size);
/* Add a record that is no event; index and time are filled in here. */
TALLY_NODISCARD enum tally_err ledger_add_record(struct ledger *ledger, struct record *record);
/* A Void record for this thing (its first 64 bytes are kept). */
TALLY_NODISCARD enum tally_err ledger_add_void(struct apply *apply, uint8_t reason,
                                               struct bytes thing);

/* Apply the body of an EVENTS block. */
TALLY_NODISCARD enum tally_err apply_events(struct apply *apply);
/* The steps of it that an offline replay (replay.h) shares. The signers of a batch, as each of
 * its records holds them. */
void apply_signers(const struct batch *batch, struct record *record);
/* Decide on event `place` of an authentic, new batch, add its leaf at the ledger's size and
 * time, and write what follows from it. `record` has the signers; `part` says which batch of
 * the block it is. */
TALLY_NODISCARD enum tally_err apply_event(struct apply *apply, const struct batch *batch,
                                           uint32_t part, uint32_t place, struct record *record,
                                           struct facts *facts,
                                           struct decide_verdict *ret_verdict);
/* Add the StateRoot leaf that ends a boundary block. */
TALLY_NODISCARD enum tally_err apply_boundary(struct apply *apply);
/* apply_members.c */
/* What an event of type ledger.member_changed would come to. Errors: as lookups. */
TALLY_NODISCARD enum tally_err members_gather(struct ledger *ledger, const struct event *event,
                                              struct facts *facts, struct tally_diag *diag);
/* It was allowed: the Config waits for the leader. */
TALLY_NODISCARD enum tally_err members_put(struct ledger *ledger, const struct event *event,
                                           uint64_t index, const struct facts *facts);
/* Apply a CONFIG block: the Config that waits, byte for byte, or Void. */
TALLY_NODISCARD enum tally_err apply_config(struct apply *apply);
/* Write who this ledger is: name, and encoded Config in force. */
TALLY_NODISCARD enum tally_err members_identity_put(struct ledger *ledger, struct bytes name,
                                                    struct bytes config);

/* Apply the genesis block: record 0, its principals and keys, the ledger's identity. */
TALLY_NODISCARD enum tally_err apply_genesis(struct apply *apply);

/* Write what the newest record's event changed: its id, its lists, and the state of its subject
 * and of what its payload is about. `facts` are those of the decision. */
TALLY_NODISCARD enum tally_err effects_put(struct ledger *ledger, const struct event *event,
                                           struct facts *facts, bool allowed,
                                           struct tally_diag *diag);
/* Enter record `index` in the list of a topic; the topic gets its list number if it is new. */
TALLY_NODISCARD enum tally_err effects_list(struct ledger *ledger, struct topic *topic,
                                            bool found, uint64_t index, uint32_t type);
TALLY_NODISCARD enum tally_err effects_topic_put(struct ledger *ledger, struct bytes key,
                                                 const struct topic *topic);
TALLY_NODISCARD enum tally_err effects_principal_put(struct ledger *ledger, const char *subject,
                                                     const struct principal *principal);
TALLY_NODISCARD enum tally_err effects_key_put(struct ledger *ledger, const uint8_t key_id[32],
                                               const struct ledger_key *key);

#endif
