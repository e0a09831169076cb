/* tally/client.h - talk to a running ledger.
 *
 * What it is    A blocking client. It finds the leader among the nodes it is given, asks again
 *               when a node is busy, gone or no longer leads, and stops at a deadline.
 * Retries       Send the same bytes: an event id is recorded once however often it arrives, and
 *               the first result is given again. Within a call the client does that itself.
 * Unknown       TALLY_E_TIMEOUT of an append means that nobody knows yet whether it was
 *               recorded, never that it failed. Make the same call with the same bytes again.
 * Trust         Nothing here is checked but the channel (and that only with tls+tcp). What a
 *               node answers is its word; proofs are checked with tally/verify.h.
 * Ownership     A result belongs to the caller, with everything it points to, until
 *               tally_client_result_free.
 * Threads       One handle belongs to one thread at a time; different handles are independent.
 *               A process must not fork after its first open handle (posix_spawn is fine). */
#ifndef TALLY_CLIENT_H
#define TALLY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tally_client;

/* A borrowed byte string. `data` may be NULL when `size` is 0. */
struct tally_bytes {
    const uint8_t *data;
    size_t size;
};

struct tally_client_options {
    /* Where nodes answer clients: "tls+tcp://host:port[,URL]" or "tcp://host:port[,URL]", 1 to
     * 32 of them, all with the same scheme. Any subset of the nodes will do. */
    const char *urls;
    /* PEM file with the certificates of the nodes, or of who issued them; their name must be
     * "tally". Required by tls+tcp, refused with tcp. */
    const char *ca_file;
    /* A call gives up after so many milliseconds, 1 to 3600000; 0: 30000. */
    uint32_t timeout_ms;
    /* Reads (get, log, key, subject) are answered by the leader alone, and see everything that
     * was acknowledged to anyone before the call. Else any node answers with what it has. */
    bool fresh;
};

/* When an append is answered. */
enum tally_ack {
    TALLY_ACK_COMMITTED = 1, /* on the disks of a majority, decided */
    TALLY_ACK_PROOF = 2,     /* and covered by a published checkpoint: with the proof files */
};

struct tally_outcome {
    uint64_t index;               /* of its record */
    uint64_t time_ms;             /* of its record, milliseconds since 1970 */
    bool allowed;                 /* false: recorded, and denied */
    bool repeated;                /* it was recorded before; this is the first result again */
    const uint16_t *failed_rules; /* ascending; none when allowed */
    size_t failed_rules_count;
};

struct tally_append_result {
    const struct tally_outcome *outcomes; /* one for each event, in order */
    size_t outcomes_count;
    const struct tally_bytes *proofs; /* tlog-proof files, one for each event, for ACK_PROOF */
    size_t proofs_count;              /* 0 for ACK_COMMITTED */
};

struct tally_get_result {
    uint64_t index;
    struct tally_bytes record; /* the leaf */
    uint64_t size;             /* records that the node has applied */
};

/* Which records: `from` <= index < `to`, at most `limit`. */
struct tally_log_query {
    uint64_t from;
    uint64_t to;         /* 0: no end */
    const char *subject; /* this subject and everything below it; NULL or "": every record */
    uint32_t type;       /* event type number; 0: every record */
    uint32_t limit;      /* 1 to 1000 */
    uint32_t wait_ms;    /* wait so long at the node when there is nothing to give */
};

struct tally_log_result {
    const struct tally_bytes *records;
    size_t records_count;
    uint64_t next; /* the `from` to ask on with */
    uint64_t size; /* records that the node has applied */
};

struct tally_prove_result {
    struct tally_bytes proof; /* tlog-proof file */
};

struct tally_member_status {
    uint32_t id;
    const char *name;
    const char *site;
    uint64_t match;        /* blocks on its disk, as the leader knows */
    bool reachable;        /* heard lately by the node that answers */
    uint64_t heard_ms_ago; /* since its last message */
    bool voter;            /* else a learner */
};

struct tally_status_result {
    const char *ledger; /* name */
    uint8_t ledger_id[32];
    const char *origin; /* of checkpoints */
    uint32_t node_id;
    const char *node_name;
    const char *role; /* "follower", "candidate" or "leader" */
    uint64_t term;
    uint32_t leader_id; /* 0: none known */
    uint64_t blocks_last;
    uint64_t blocks_committed;
    uint64_t blocks_applied;
    uint64_t records;              /* applied */
    uint64_t published;            /* records below the newest checkpoint */
    struct tally_bytes checkpoint; /* the signed note; empty before the first */
    const struct tally_member_status *members;
    size_t members_count;
    uint64_t time_ms;      /* ledger time of the last record */
    uint64_t disk_written; /* bytes that the node's process has written */
    uint64_t uptime_ms;
    const char *version;
    struct tally_bytes config; /* the encoded Config in force (proto/event.proto) */
    uint32_t next_member;      /* id that the next new member gets */
    const char *trouble;       /* why this node cannot lead or acknowledge; "": it can */
    uint64_t scrubbed_ms;      /* wall time: all that is stored had been read, and was what was
                                  written; 0: not since the node's start */
    uint64_t scrubbed_records; /* that this covered */
};

struct tally_key_result {
    uint8_t public_key[32];
    const char *principal; /* its subject */
    bool revoked;
};

struct tally_subject_result {
    uint8_t head[32]; /* event hash of the last state-changing event */
    uint64_t index;   /* of that event */
    uint8_t registered[32];
    bool has_manifest_root;
    uint8_t manifest_root[32]; /* zeros unless the subject has bytes */
    uint64_t events;
};

/* Make a client; nothing is sent yet, and no node needs to be up.
 * Errors: TALLY_E_INVALID (an option; diag names it), TALLY_E_IO (ca_file cannot be used),
 * TALLY_E_NO_MEMORY. */
TALLY_API TALLY_NODISCARD enum tally_err
tally_client_open(const struct tally_client_options *options, struct tally_client **ret_client,
                  struct tally_diag *diag);
/* Close; NULL is accepted. Results stay valid. */
TALLY_API void tally_client_close(struct tally_client *client);
/* Free what one of the functions below gave; NULL is accepted. */
TALLY_API void tally_client_result_free(const void *result);

/* Every function below also returns
 *   TALLY_E_TIMEOUT    no final answer before the deadline; of an append: unknown
 *   TALLY_E_BUSY       before the deadline every node asked refused for a limit, so that
 *                      nothing was recorded
 *   TALLY_E_NO_MEMORY, or the error that the node gave, its text in `diag`. */

/* Record the events of a signed batch.
 *   batch  an encoded Batch (tally/event.h makes it), 1 .. 1 MiB
 * A denied event is a result, not an error: look at outcomes[].allowed.
 *   TALLY_E_TOO_LARGE  over a documented limit
 *   TALLY_E_CONFLICT   an event id stands for other bytes
 *   TALLY_E_UNKNOWN_KEY, TALLY_E_SIGNERS, TALLY_E_SIGNATURE, TALLY_E_WRONG_LEDGER
 *                      refused before it was proposed: nothing is recorded */
TALLY_API TALLY_NODISCARD enum tally_err tally_client_append(
    struct tally_client *client, const uint8_t *batch, size_t batch_size, enum tally_ack ack,
    const struct tally_append_result **ret_result, struct tally_diag *diag);

/* The record with this index. TALLY_E_NOT_FOUND: not at this node (yet). */
TALLY_API TALLY_NODISCARD enum tally_err
tally_client_get(struct tally_client *client, uint64_t index,
                 const struct tally_get_result **ret_result, struct tally_diag *diag);
/* The record of the event with this hash. TALLY_E_NOT_FOUND: not at this node (yet). */
TALLY_API TALLY_NODISCARD enum tally_err
tally_client_get_event(struct tally_client *client, const uint8_t event_hash[32],
                       const struct tally_get_result **ret_result, struct tally_diag *diag);
/* Records in order. An empty result is not an error. TALLY_E_INVALID: `query`. */
TALLY_API TALLY_NODISCARD enum tally_err
tally_client_log(struct tally_client *client, const struct tally_log_query *query,
                 const struct tally_log_result **ret_result, struct tally_diag *diag);
/* The proof file of one record against the newest checkpoint with at least `cosignatures_min`
 * cosignatures of members, waited for at the node for `wait_ms`. TALLY_E_NOT_FOUND: no such
 * record; TALLY_E_QUORUM: no such checkpoint came. */
TALLY_API TALLY_NODISCARD enum tally_err tally_client_prove(
    struct tally_client *client, uint64_t index, uint32_t cosignatures_min, uint32_t wait_ms,
    const struct tally_prove_result **ret_result, struct tally_diag *diag);
/* The state of the node that answers, whichever it is: open a handle with one URL to ask one
 * node. */
TALLY_API TALLY_NODISCARD enum tally_err
tally_client_status(struct tally_client *client, const struct tally_status_result **ret_result,
                    struct tally_diag *diag);
/* Have the leader hand leadership to a member. The one who asks shows that he may: a signature
 * by an enrolled key of a principal with the role admin. member  its id; 0: whoever is furthest
 *   seed    of the key, 32 bytes; it is not kept
 * TALLY_E_SIGNERS, TALLY_E_SIGNATURE: no such right. TALLY_OK: the leader was asked, and
 * tally_client_status says who leads; nothing changes when `member` is no voter or is away. */
TALLY_API TALLY_NODISCARD enum tally_err tally_client_transfer(struct tally_client *client,
                                                               uint32_t member,
                                                               const uint8_t seed[32],
                                                               struct tally_diag *diag);
/* The public key behind a key id, as the ledger knows it now. TALLY_E_UNKNOWN_KEY. */
TALLY_API TALLY_NODISCARD enum tally_err
tally_client_key(struct tally_client *client, const uint8_t key_id[32],
                 const struct tally_key_result **ret_result, struct tally_diag *diag);
/* What the ledger knows of a subject now. TALLY_E_NOT_FOUND. */
TALLY_API TALLY_NODISCARD enum tally_err
tally_client_subject(struct tally_client *client, const char *subject,
                     const struct tally_subject_result **ret_result, struct tally_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
