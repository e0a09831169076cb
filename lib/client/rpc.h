/* rpc - requests of clients and responses of nodes, between bytes and plain structs.
 *
 * What it is    The schema is proto/rpc.proto; nobody else sees the generated types. Clients
 * and nodes use the same two structs. Limits        Sizes and counts are checked before
 * anything is allocated for them; unpacking is capped by the arena rule of base/limits.h.
 * Ownership     Decoded structs borrow from the arena; encoding gives a buffer with one holder.
 * Threads       Thread-safe: no shared state. */
#ifndef CLIENT_RPC_H
#define CLIENT_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/client.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"

enum {
    RPC_LOG_LIMIT_MAX = 1000,    /* records in one answer */
    RPC_WAIT_MS_MAX = 60 * 1000, /* the longest wait at a node */
    RPC_TIMEOUT_MS_MAX = 3600 * 1000,
};

enum rpc_kind {
    RPC_NONE, /* only in a response: it carries a code and nothing else */
    RPC_APPEND,
    RPC_GET,
    RPC_LOG,
    RPC_PROVE,
    RPC_STATUS,
    RPC_KEY,
    RPC_SUBJECT,
    RPC_TRANSFER,
};

/* Hand leadership on: signed by an admin's key over rpc_transfer_text. */
struct rpc_transfer {
    uint32_t member; /* 0: whoever is furthest */
    uint64_t time_ms;
    uint8_t public_key[32], signature[64];
};

struct rpc_append {
    struct bytes batch; /* encoded Batch, not looked into; 1..LIMIT_REQUEST_SIZE */
    enum tally_ack ack;
    uint32_t timeout_ms; /* the client's deadline: 1..RPC_TIMEOUT_MS_MAX */
};

struct rpc_get {
    bool by_hash;
    uint64_t index;         /* unless by_hash */
    uint8_t event_hash[32]; /* when by_hash */
};

struct rpc_prove {
    uint64_t index;
    uint32_t cosignatures_min; /* <= LIMIT_MEMBERS */
    uint32_t wait_ms;          /* <= RPC_WAIT_MS_MAX */
};

struct rpc_request {
    enum rpc_kind kind; /* never RPC_NONE; RPC_STATUS has no member below */
    bool fresh;         /* reads: see everything that was acknowledged to anyone before */
    union {
        struct rpc_append append;
        struct rpc_get get;
        struct tally_log_query log; /* subject is never NULL after decoding */
        struct rpc_prove prove;
        uint8_t key_id[32];
        const char *subject;
        struct rpc_transfer transfer;
    };
};

struct rpc_response {
    enum tally_err code;
    const char *message;    /* detail for people; NULL is "" ; never NULL after decoding */
    const char *leader_url; /* with TALLY_E_NOT_LEADER when known; as message */
    enum rpc_kind kind;     /* RPC_NONE unless code is TALLY_OK */
    union {
        struct tally_append_result append;
        struct tally_get_result get;
        struct tally_log_result log;
        struct tally_prove_result prove;
        struct tally_status_result status;
        struct tally_key_result key;
        struct tally_subject_result subject;
    };
};

/* What an admin signs to hand leadership on: "tally/transfer/v1\n<origin>\n<member>\n<time>\n".
 */
enum { RPC_TRANSFER_TEXT_MAX = 256 };
size_t rpc_transfer_text(const char *origin, uint32_t member, uint64_t time_ms,
                         char ret_text[RPC_TRANSFER_TEXT_MAX]);

/* Encode a request. Errors: TALLY_E_INVALID (a member outside its range), TALLY_E_TOO_LARGE
 * (over LIMIT_REQUEST_SIZE), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err rpc_request_encode(const struct rpc_request *request,
                                                  struct buffer **ret_bytes,
                                                  struct tally_diag *diag);
/* What a request says it is, by its first byte; RPC_NONE: nothing. Decoding may find that it is
 * none at all, never that it is another one. */
enum rpc_kind rpc_request_kind_claimed(struct bytes bytes);
/* Decode what a client sent. Errors: TALLY_E_TOO_LARGE, TALLY_E_MALFORMED (also unknown
 * fields), TALLY_E_INVALID (a member outside its range), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err rpc_request_decode(struct bytes bytes, struct arena *arena,
                                                  struct rpc_request *ret_request,
                                                  struct tally_diag *diag);
/* Encode a response; a text over LIMIT_TEXT_SIZE is cut. Errors: TALLY_E_TOO_LARGE (over
 * LIMIT_RESPONSE_SIZE), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err rpc_response_encode(const struct rpc_response *response,
                                                   struct buffer **ret_bytes,
                                                   struct tally_diag *diag);
/* Decode what a node sent. Errors: as rpc_request_decode; unknown fields are ignored, so that
 * an older client can read a newer node. */
TALLY_NODISCARD enum tally_err rpc_response_decode(struct bytes bytes, struct arena *arena,
                                                   struct rpc_response *ret_response,
                                                   struct tally_diag *diag);
/* A response with a code and a text, for requests that fail. Never fails: without memory the
 * result is NULL, and the client's deadline ends the call. */
struct buffer *rpc_error_encode(enum tally_err code, const char *message,
                                const char *leader_url);

#endif
