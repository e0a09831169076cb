/* ledger - what committed blocks mean: records, the tree, and who may do what.
 *
 * What it is    apply: a pure function from (state so far, block) to (records, state). Every
 *               replica applies the same blocks and gets the same tree; every committed byte
 *               string has exactly one outcome (table in docs/formats.md).
 * Never does    no clock, no randomness, no threads, no network. It reads the store and writes
 *               it through one store_put per ledger_flush.
 * Who calls it  The apply thread owns a `struct ledger`. The ledger_read_* functions below need
 *               only the store; they are thread-safe and see what the last flush wrote.
 * Ownership     Results live in the ledger's arena until the next ledger_flush.
 * Invariants    applied index, tree frontier and state are written in one put; a record's index
 *               is one past the last; record time never decreases.
 * Read first    docs/architecture.md "Apply", then ledger_apply(). */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "store/store.h"

struct ledger;
struct batch; /* event/batch.h */

/* What became of one event of an applied block. */
enum ledger_outcome {
    LEDGER_RECORDED, /* a new leaf, allowed or denied */
    LEDGER_REPEATED, /* known: the first result again, no leaf */
    LEDGER_CONFLICT, /* its batch was refused: event id known with other bytes, or mixed; no
                        leaf */
    LEDGER_VOID,     /* failed verification though committed; a Void leaf */
};

struct ledger_event_result {
    struct tally_hash event_hash;
    enum ledger_outcome outcome;
    uint64_t index;   /* of the leaf (of the first one when repeated); 0 for a conflict */
    uint64_t time_ms; /* of that leaf */
    bool allowed;
    uint16_t failed_rules_count;
    const uint16_t *failed_rules; /* ascending */
};

/* What became of one block. */
struct ledger_block_result {
    uint64_t block;         /* block index */
    uint64_t first_record;  /* index of its first new record */
    uint64_t size;          /* records after it */
    uint64_t time_ms;       /* record time after it */
    bool boundary;          /* its last record is a StateRoot; (size, root) is to be cosigned */
    struct tally_hash root; /* valid when boundary */
    const struct ledger_event_result *events; /* in block order */
    uint32_t events_count;
    uint32_t voids_count; /* things that failed verification: raise an alarm */
    struct bytes
        pending; /* encoded Config that an event of this block authorised; size 0: none */
    uint64_t pending_index; /* that event's record */
    struct bytes config;    /* encoded Config that this block put in force; size 0: none */
};

/* Set up an empty store from the sealed genesis file: block 1 of term 0 (event/block.h) becomes
 * durable, is applied and flushed. Errors: TALLY_E_MALFORMED, TALLY_E_SIGNATURE,
 * TALLY_E_SIGNERS (genesis), TALLY_E_CONFLICT (the store holds blocks), TALLY_E_IO. */
TALLY_NODISCARD enum tally_err ledger_create(struct store *store, struct bytes genesis_file,
                                             struct tally_diag *diag);

/* The same from block 1 itself, as a store of this ledger holds it.
 * Errors: TALLY_E_CORRUPT (it is no genesis block of the ledger `ledger_id`), TALLY_E_CONFLICT,
 * TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err ledger_create_block(struct store *store,
                                                   const struct tally_hash *ledger_id,
                                                   struct bytes block, struct tally_diag *diag);

/* Open the ledger of a store that ledger_create made. State is that of the last flush that
 * survived: apply blocks from ledger_applied() + 1 on (that is 1, genesis, when a crash took
 * every flush).
 * Errors: TALLY_E_NOT_FOUND (never created), TALLY_E_CORRUPT, TALLY_E_NO_MEMORY, TALLY_E_IO. */
TALLY_NODISCARD enum tally_err ledger_open(struct store *store, struct ledger **ret_ledger,
                                           struct tally_diag *diag);
void ledger_close(struct ledger *ledger); /* NULL is accepted; what is not flushed is dropped */

/* Apply the next block.
 *   block     header and body as stored; its chain was checked by the caller
 *   verified  every signature in it was verified on this node already (batch_check gave OK for
 *             every batch); false: they are checked here, and what fails becomes Void
 * *ret_result lives until the next ledger_flush.
 * Errors: TALLY_E_INVALID (not the next block), TALLY_E_CORRUPT (state in the store),
 * TALLY_E_IO, TALLY_E_NO_MEMORY; after any of them the ledger must be closed. */
TALLY_NODISCARD enum tally_err ledger_apply(struct ledger *ledger, struct bytes block,
                                            bool verified,
                                            struct ledger_block_result *ret_result,
                                            struct tally_diag *diag);
/* Write what was applied since the last flush in one store_put. Errors: as store_put. */
TALLY_NODISCARD enum tally_err ledger_flush(struct ledger *ledger, struct tally_diag *diag);

uint64_t ledger_applied(const struct ledger *ledger); /* block index */
uint64_t ledger_size(const struct ledger *ledger);    /* records */
uint64_t ledger_time_ms(const struct ledger *ledger); /* of the last record */

/* The newest boundary at or below the applied index: its block, the tree that its StateRoot
 * ends, and that record's time; size 0: none. */
struct ledger_boundary {
    uint64_t block, size, time_ms;
    struct tally_hash root;
};
struct ledger_boundary ledger_boundary(const struct ledger *ledger);

/* ---- reading: thread-safe, from the store, as of the last flush ---- */

/* Identity of the ledger in a store. Borrowed strings live in `arena`. */
struct ledger_identity {
    struct tally_hash ledger_id;
    char name[LIMIT_NAME_SIZE + 1];
    char origin[LIMIT_NAME_SIZE + 1 + 32 + 1]; /* <name>/<32 hex digits> */
    struct bytes config;                       /* encoded Config now in force */
};
TALLY_NODISCARD enum tally_err ledger_read_identity(struct store *store, struct arena *arena,
                                                    struct ledger_identity *ret_identity,
                                                    struct tally_diag *diag);

/* The Config that an event authorised and no CONFIG block put in force yet, and that event's
 * record. TALLY_E_NOT_FOUND: none. */
TALLY_NODISCARD enum tally_err ledger_read_pending(struct store *store, struct arena *arena,
                                                   struct bytes *ret_config,
                                                   uint64_t *ret_index,
                                                   struct tally_diag *diag);
/* Has the principal of this key, enrolled and not revoked, a role of this name at this ledger
 * time? */
TALLY_NODISCARD enum tally_err ledger_read_may(struct store *store, const uint8_t key_id[32],
                                               const char *role, uint64_t time_ms,
                                               bool *ret_may, struct tally_diag *diag);
/* The id that the next new member gets: none is ever used again. */
TALLY_NODISCARD enum tally_err ledger_read_next_member(struct store *store, uint32_t *ret_id,
                                                       struct tally_diag *diag);

/* Everything a receipt needs about one record, rebuilt from the block that holds its event. */
struct ledger_leaf {
    uint64_t index;
    struct bytes record;                 /* the leaf bytes */
    struct tally_hash hash;              /* leaf hash */
    const struct tally_hash *batch_path; /* of its event in the signed batch */
    uint32_t batch_path_count;
    const uint8_t (*public_keys)[32]; /* in the order of its signers */
    uint32_t public_keys_count;
};
/* Errors: TALLY_E_NOT_FOUND (index >= size), TALLY_E_CORRUPT, TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err ledger_read_leaf(struct store *store, uint64_t index,
                                                struct arena *arena,
                                                struct ledger_leaf *ret_leaf,
                                                struct tally_diag *diag);
/* Records applied as of the last flush. */
TALLY_NODISCARD enum tally_err ledger_read_size(struct store *store, uint64_t *ret_size,
                                                struct tally_diag *diag);
/* Inclusion path of `index` in the tree of `size` leaves; index < size <= records.
 * `ret_proof` holds LIMIT_PROOF_HASHES. Errors: TALLY_E_INVALID, TALLY_E_CORRUPT, TALLY_E_IO.
 */
TALLY_NODISCARD enum tally_err ledger_read_inclusion(struct store *store, uint64_t index,
                                                     uint64_t size,
                                                     struct tally_hash *ret_proof,
                                                     uint32_t *ret_count,
                                                     struct tally_diag *diag);
/* Consistency path from the tree of `old_size` leaves to that of `new_size`; 1 <= old_size <=
 * new_size <= records. `ret_proof` and errors as ledger_read_inclusion. */
TALLY_NODISCARD enum tally_err ledger_read_consistency(struct store *store, uint64_t old_size,
                                                       uint64_t new_size,
                                                       struct tally_hash *ret_proof,
                                                       uint32_t *ret_count,
                                                       struct tally_diag *diag);
/* Root of the first `size` records; 1 <= size <= records. */
TALLY_NODISCARD enum tally_err ledger_read_root(struct store *store, uint64_t size,
                                                struct tally_hash *ret_root,
                                                struct tally_diag *diag);
/* The record of an event by its hash. TALLY_E_NOT_FOUND. */
TALLY_NODISCARD enum tally_err ledger_read_event_index(struct store *store,
                                                       const struct tally_hash *event_hash,
                                                       uint64_t *ret_index,
                                                       struct tally_diag *diag);
/* Up to `limit` record indexes >= from, < to, ascending, of a subject and everything below it
 * (empty: all) and of one event type (0: all records). *ret_next: where to ask on. */
TALLY_NODISCARD enum tally_err ledger_read_list(struct store *store, const char *subject,
                                                uint32_t type, uint64_t from, uint64_t to,
                                                uint32_t limit, uint64_t *ret_indexes,
                                                uint32_t *ret_count, uint64_t *ret_next,
                                                struct tally_diag *diag);
/* The enrolled key with this id: its public key, principal subject, revoked or not. */
struct ledger_key {
    uint8_t public_key[32];
    char principal[LIMIT_SUBJECT_SIZE + 1];
    uint64_t enrolled_index;
    bool revoked;
    uint64_t revoked_index;
};
TALLY_NODISCARD enum tally_err ledger_read_key(struct store *store, const uint8_t key_id[32],
                                               struct ledger_key *ret_key,
                                               struct tally_diag *diag);
/* What is known of a subject now. TALLY_E_NOT_FOUND when no allowed event names it. */
struct ledger_subject {
    struct tally_hash head;          /* event hash of the last state-changing event */
    struct tally_hash registered;    /* event hash of the event that created it */
    struct tally_hash manifest_root; /* zeros when the subject has no bytes */
    uint64_t head_index;
    uint64_t events;
};
TALLY_NODISCARD enum tally_err ledger_read_subject(struct store *store, const char *subject,
                                                   struct ledger_subject *ret_subject,
                                                   struct tally_diag *diag);

/* Ingress: may this batch be proposed? It passed batch_check. Looks at applied state only, so a
 * later apply may still differ; apply has the last word.
 *
 *   TALLY_OK             propose it, unless *ret_known
 *   TALLY_E_UNKNOWN_KEY  a signer's key is not enrolled
 *   TALLY_E_SIGNERS      not exactly one signature of the actor with the meaning its type
 *                        requires, or none of the principal it acts for
 *   TALLY_E_CONFLICT     an event id is known with other bytes, the batch mixes known and new,
 *                        or it has one id twice
 *
 * *ret_known: every event is known with the same bytes; ret_results (one for each event of the
 * batch) then holds the first results, rules in `arena`. */
TALLY_NODISCARD enum tally_err ledger_ingress(struct store *store, const struct batch *batch,
                                              struct arena *arena, bool *ret_known,
                                              struct ledger_event_result *ret_results,
                                              struct tally_diag *diag);

#endif
